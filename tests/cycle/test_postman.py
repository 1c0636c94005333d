"""Handing letters over: the process may die anywhere, and servers answer anything; no letter is lost or stuck."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.alerts.ports import Fate, Outcome, Parcel
from syncd.core.alert_model import AlertKey, Letter, Post
from syncd.cycle.postman import LEASE, Postman
from syncd.store import Store, Tx
from tests.alerts.stage import FakeChannel, WallClock, seconds

START = seconds("09:00")
KEY = AlertKey(1, "resolution", "", 1, "breach")


class Crash(BaseException):
    """The process dies here."""


def letter(number: int = 1, *, seq: int = 1, group: str = "g", to: str = "lead@example.org") -> Letter:
    return Letter(
        group=group,
        receiver="lead",
        seq=seq,
        address=to,
        channel="fake",
        reason="first",
        message_id=f"<{number}@example.org>",
        content=b'{"to": "lead"}',
        created=START,
        not_before=START,
        keys=(KEY,),
    )


class House:
    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = WallClock(START)
        self.channel = FakeChannel(self.clock)
        self.dead: list[str] = []
        self.store = Store.open(url)

    def add(self, *letters: Letter) -> None:
        with self.store.transaction() as tx:
            tx.add_letters(letters)

    def round(self, seconds: float = 5.0) -> None:
        postman = Postman(self.store, lambda: {"fake": self.channel}, self.clock)
        postman.run(seconds, self._note)

    def _note(self, tx: Tx, dead: Letter) -> None:
        assert tx.letters(ids=[dead.id])[0].state is Post.DEAD
        self.dead.append(dead.message_id)

    def restart(self) -> None:
        self.store.close()
        self.store = Store.open(self.url)

    def states(self) -> list[str]:
        with self.store.reading() as tx:
            return [found.state.value for found in tx.letters()]

    def fates(self, number: int = 1) -> list[str]:
        with self.store.reading() as tx:
            return [attempt.fate for attempt in tx.attempts([number]).get(number, [])]

    def tried(self) -> list[str]:
        return [parcel.message_id for parcel in self.channel.tried]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(f"sqlite:///{tmp_path / 'syncd.db'}")
    yield made
    made.store.close()


def test_what_was_sent_is_never_tried_again(house: House) -> None:
    house.add(letter())
    for _ in range(3):
        house.round()
        house.restart()
        house.clock.advance(LEASE + 1)
    assert house.tried() == ["<1@example.org>"]
    assert (house.states(), house.fates()) == (["sent"], ["sent"])


class SlowClock(WallClock):
    """On a machine where between any two looks at it more time passes than a round has."""

    def monotonic(self) -> float:
        self.advance(10.0)
        return super().monotonic()


def test_on_a_machine_too_slow_for_a_round_one_letter_goes_out_in_each(house: House) -> None:
    house.clock = SlowClock(START)
    house.add(letter(1), letter(2, group="other"))
    house.round(seconds=5.0)
    assert house.tried() == ["<1@example.org>"]
    house.round(seconds=5.0)
    assert house.states() == ["sent", "sent"]


def dies(house: House, where: str) -> None:
    """A round whose process dies: before the server hears of it, after it took the letter, or before the commit."""

    def die(parcel: Parcel) -> Outcome | None:
        if where == "after the server took it":
            house.channel.taken.append((START, {}, parcel))
        raise Crash

    house.channel.always = die
    with pytest.raises(Crash):
        house.round()
    house.channel.always = lambda _: None
    house.restart()


@pytest.mark.parametrize("where", ["before the server heard of it", "after the server took it"])
def test_a_process_that_dies_while_sending_sends_the_same_bytes_again(house: House, where: str) -> None:
    house.add(letter())
    dies(house, where)
    assert house.states() == ["sending"]
    house.round()
    assert len(house.tried()) == 1, "the other sender may still be at work"
    house.clock.advance(LEASE)
    house.round()
    assert house.states() == ["sent"]
    assert [(p.message_id, p.content) for p in house.channel.tried] == [("<1@example.org>", b'{"to": "lead"}')] * 2
    assert house.fates() == ["interrupted", "sent"]


def test_a_process_that_replaces_another_need_not_wait_for_its_lease(house: House) -> None:
    house.store.claim("the first")
    house.add(letter())
    dies(house, "after the server took it")
    house.store.claim("the second")
    with house.store.transaction() as tx:
        assert tx.release_letters(tx.epoch) == 1
    house.round()
    assert house.states() == ["sent"]
    assert house.fates() == ["interrupted", "sent"]
    with house.store.transaction() as tx:
        assert tx.release_letters(tx.epoch) == 0


def test_a_letter_in_doubt_is_sent_once_more_and_then_given_up_and_told(house: House) -> None:
    house.add(letter())
    house.channel.answers = [Outcome(Fate.UNKNOWN, "lost"), Outcome(Fate.UNKNOWN, "lost")]
    house.round()
    assert house.states() == ["unknown"]
    house.restart()
    house.clock.advance(600)
    house.round()
    assert (house.states(), house.dead) == (["dead"], ["<1@example.org>"])
    house.clock.advance(99_999)
    house.round()
    assert len(house.tried()) == 2


@pytest.mark.parametrize("order", [("died", "lost"), ("lost", "died"), ("died", "died", "lost")], ids=" then ".join)
def test_a_lost_answer_is_followed_by_the_same_letter_however_often_a_sender_died(
    house: House, order: tuple[str, ...]
) -> None:
    """A sender may have died before the letter ever left: that is no copy which stands for the one in doubt."""
    house.add(letter())
    for happens in order:
        if happens == "died":
            dies(house, "before the server heard of it")
        else:
            house.channel.always = lambda _: Outcome(Fate.UNKNOWN, "lost")
            house.round()
            house.channel.always = lambda _: None
        house.clock.advance(LEASE)
    house.round()
    assert house.states() == ["sent"]
    assert house.dead == []
    assert len({(p.message_id, p.content) for p in house.channel.tried}) == 1


def test_answers_that_are_lost_twice_end_a_letter_whatever_came_between(house: House) -> None:
    house.add(letter())
    house.channel.always = lambda _: Outcome(Fate.UNKNOWN, "lost")
    house.round()
    house.clock.advance(LEASE)
    dies(house, "before the server heard of it")
    house.clock.advance(LEASE)
    house.channel.always = lambda _: Outcome(Fate.UNKNOWN, "lost")
    house.round()
    assert house.fates() == ["unknown", "interrupted", "unknown"]
    assert (house.states(), house.dead) == (["dead"], ["<1@example.org>"])


def test_one_dead_address_among_three_holds_nobody_up(house: House) -> None:
    refused = Outcome(Fate.DEAD, "no such mailbox", 550)
    house.channel.always = lambda parcel: refused if parcel.address == "b@example.org" else None
    house.add(*(letter(n, to=to) for n, to in enumerate(("a@example.org", "b@example.org", "c@example.org"), 1)))
    house.round()
    assert house.states() == ["sent", "dead", "sent"]
    assert house.dead == ["<2@example.org>"]


def test_greylisting_delays_one_letter_and_not_the_others(house: House) -> None:
    house.channel.answers = [Outcome(Fate.RETRY, "greylisted", 451, after=120)]
    house.add(letter(1, to="a@example.org"), letter(2, to="b@example.org"))
    house.round()
    assert house.states() == ["new", "sent"]
    house.clock.advance(119)
    house.round()
    assert house.states() == ["new", "sent"]
    house.clock.advance(2)
    house.round()
    assert house.states() == ["sent", "sent"]


def test_a_server_that_is_away_is_asked_once_a_round_and_all_goes_out_when_it_is_back(house: House) -> None:
    house.channel.always = lambda _: Outcome(Fate.RETRY, "connection refused")
    house.add(*(letter(n, to=f"{n}@example.org") for n in range(1, 51)))
    for _ in range(240):  # an hour
        house.round()
        house.clock.advance(15)
    assert len(house.tried()) <= 70
    house.channel.always = lambda _: None
    house.clock.advance(60)
    house.round()
    assert set(house.states()) == {"sent"}


def test_notifications_about_one_group_arrive_in_order(house: House) -> None:
    house.channel.answers = [Outcome(Fate.RETRY, "greylisted", 451, after=120)]
    house.add(letter(1, seq=1), letter(2, seq=2), letter(3, group="other"))
    house.round()
    assert house.tried() == ["<1@example.org>", "<3@example.org>"]
    house.clock.advance(200)
    house.round()
    house.round()
    assert house.tried() == ["<1@example.org>", "<3@example.org>", "<1@example.org>", "<2@example.org>"]


def test_a_letter_that_is_dead_does_not_hold_the_next_one_up(house: House) -> None:
    house.channel.answers = [Outcome(Fate.DEAD, "too large", 552)]
    house.add(letter(1, seq=1), letter(2, seq=2))
    house.round()
    assert house.states() == ["dead", "sent"]


def test_a_round_ends_in_time_and_the_next_one_goes_on(house: House) -> None:
    def slow(_: Parcel) -> Outcome:
        house.clock.advance(2)
        return Outcome(Fate.SENT)

    house.channel.always = slow
    house.add(*(letter(n, to=f"{n}@example.org") for n in range(1, 11)))
    house.round(5)
    assert house.states().count("sent") == 3
    for _ in range(3):
        house.round(5)
    assert set(house.states()) == {"sent"}


def test_a_letter_of_a_channel_that_is_gone_waits(house: House) -> None:
    house.add(letter())
    Postman(house.store, dict, house.clock).run(5, house._note)
    assert house.states() == ["new"]
    house.clock.advance(3700)
    house.round()
    assert house.states() == ["sent"]


def test_the_same_message_is_never_put_into_the_outbox_twice(house: House) -> None:
    house.add(letter())
    house.add(letter(), letter(2, seq=2))
    assert len(house.states()) == 2


def test_two_senders_never_have_the_same_letter(house: House) -> None:
    house.add(letter())
    with house.store.reading() as tx:
        (found,) = tx.letters_due(START, 10)
    with house.store.transaction() as tx:
        assert tx.claim_letter(found, START, lease=LEASE, epoch=0)
        assert not tx.claim_letter(found, START, lease=LEASE, epoch=0)
