"""Facts, episodes, what was told, the outbox and its attempts, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from syncd.core.alert_model import (
    Ack,
    AlertFact,
    AlertKey,
    Attempt,
    Chain,
    ChainLevel,
    Episode,
    EpisodeState,
    FactState,
    Letter,
    Post,
    RuleFact,
    Told,
)
from syncd.store import Store, StoreError, Tx
from syncd.store.alerts import AlertWork
from tests.store.records import NOW

AT = 1_772_445_600
KEY = AlertKey(35, "resolution", "", 1, "breach")
BUG = AlertKey(35, "with development", "10305", 2, "breach+7200")
CHAIN = Chain("leads", ("lead",), (ChainLevel(1800, ("boss", "fallback")),), repeat=0, why="On duty, 值班")
EPISODE = Episode("leads|bug=NOVA-1", CHAIN, AT, flush_at=AT + 30, next_at=AT + 30)


def letter(number: int, **changes: object) -> Letter:
    plain = Letter(
        *("leads|bug=NOVA-1", "lead", number, "lead@example.org", "mail", "first", f"<{number}@example.org>"),
        content=b"Subject: \xe2\x9c\x93\r\n\r\n\x00",
        created=AT,
        not_before=AT,
        keys=(KEY, BUG),
        about="first: #35",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields of the record


def opened(tx: Tx) -> int:
    """An episode with two facts."""
    number = tx.save_episode(EPISODE)
    tx.save_alert_facts([AlertFact(KEY, AT, AT + 5, episode=number), AlertFact(BUG, AT, AT, episode=number, level=1)])
    return number


def test_an_episode_and_its_facts_are_kept_as_they_were(store: Store) -> None:
    with store.transaction() as tx:
        number = opened(tx)
        ack = Ack(35, AT + 60, AT + 3660, "Ann", "reply")
        changed = replace(EPISODE, id=number, level=1, acks=(ack,), climbs_at=AT + 99, flush_at=None, returned_at=AT)
        assert tx.save_episode(changed) == number
    with store.reading() as tx:
        assert tx.episodes([number]) == {number: changed}
        known = tx.alert_facts([35, 36])
        assert known[36] == {}
        assert known[35][BUG] == AlertFact(BUG, AT, AT, episode=number, group=EPISODE.group, level=1)
        assert [fact.key for fact in tx.facts_of_episodes([number])[number]] == [KEY, BUG]


def test_a_fact_is_there_once_whatever_becomes_of_it(store: Store) -> None:
    with store.transaction() as tx:
        number = opened(tx)
        over = AlertFact(
            KEY, AT, AT, FactState.OVER, number, EPISODE.group, 2, AT + 9, 3, ("lead",), "because", "call", back=True
        )
        tx.save_alert_facts([over])
        assert tx.alert_facts([35])[35][KEY] == over
        assert len(tx.alert_facts([35])[35]) == 2


def test_a_group_has_one_open_episode_at_a_time(store: Store) -> None:
    with store.transaction() as tx:
        number = opened(tx)
        tx.save_episode(replace(EPISODE, id=number, state=EpisodeState.CLOSED, closed_at=AT + 1, next_at=None))
        again = tx.save_episode(EPISODE)
        assert [each.id for each in tx.open_episodes()] == [again]
    with pytest.raises((IntegrityError, StoreError)), store.transaction() as tx:
        tx.save_episode(EPISODE)


@pytest.mark.parametrize(
    ("at", "count"),
    [
        pytest.param(AT + 29, 0, id="before its instant an episode is not due"),
        pytest.param(AT + 30, 1, id="at its instant it is"),
        pytest.param(AT + 99, 1, id="and after it"),
    ],
)
def test_which_episodes_are_due(store: Store, at: int, count: int) -> None:
    with store.transaction() as tx:
        opened(tx)
        tx.save_episode(replace(EPISODE, group="idle", next_at=None))
        assert len(tx.open_episodes(due_at=at)) == count
        assert tx.alert_work(at).episodes is bool(count)


def test_what_was_told_has_no_expiry(store: Store) -> None:
    told = Told("lead", AT, 2, frozenset({KEY, BUG}), frozenset({BUG}), frozenset())
    with store.transaction() as tx:
        number = opened(tx)
        tx.save_told(number, replace(told, level=0))
        tx.save_told(number, told)
        assert tx.told_in([number, number + 1]) == {number: {"lead": told}}


def test_what_rules_state_waits_until_it_is_taken_over_and_is_stated_once(store: Store) -> None:
    stated = RuleFact(35, "Reopened", "1", "level-1", ("lead", "boss"), AT, "because 因为")
    with store.transaction() as tx:
        tx.state_rule_facts([stated, stated])
        tx.state_rule_facts([replace(stated, why="other words")])
        assert tx.alert_work(AT) == AlertWork(rules=True, episodes=False, digests=False, letters=False)
        assert tx.stated_rule_facts(9) == [stated]
        tx.take_rule_facts([stated])
        assert tx.stated_rule_facts(9) == []


def test_a_letter_is_kept_byte_for_byte_and_numbered_for_each_receiver(store: Store) -> None:
    with store.transaction() as tx:
        number = opened(tx)
        assert tx.next_seq("leads|bug=NOVA-1", "lead") == 1
        (made,) = tx.add_letters([letter(1, episode=number), letter(1, episode=number, seq=7)])
        assert tx.next_seq("leads|bug=NOVA-1", "lead") == 2
        assert tx.next_seq("leads|bug=NOVA-1", "boss") == 1
        assert tx.letters(ids=[made]) == [letter(1, episode=number, id=made)]
        assert tx.letters(episodes=[number]) == tx.letters(states=[Post.NEW])
        assert tx.knows_message("<1@example.org>")
        assert not tx.knows_message("<2@example.org>")


def test_a_try_is_written_down_beside_what_became_of_the_letter(store: Store) -> None:
    with store.transaction() as tx:
        tx.add_letters([letter(1)])
        (found,) = tx.letters_due(AT, 9)
        assert tx.claim_letter(found, AT, lease=60, epoch=3)
        assert not tx.claim_letter(found, AT, lease=60, epoch=3)
        assert tx.letters_due(AT + 59, 9) == []
        (lost,) = tx.letters_due(AT + 60, 9)
        assert (lost.state, lost.tries, lost.epoch) == (Post.SENDING, 1, 3)
        sent = replace(lost, state=Post.SENT, done_at=AT + 61)
        attempts = [Attempt(found.id, n, AT, AT + n, fate, 250, "ok") for n, fate in ((1, "unknown"), (2, "sent"))]
        for attempt in attempts:
            tx.settle_letter(sent, attempt)
        assert tx.attempts([found.id]) == {found.id: attempts}
        assert tx.outbox_counts() == {"sent": 1}
        assert tx.posted_since(AT + 61) == {"sent": 1}
        assert tx.posted_since(AT + 62) == {}


def test_what_waits_for_a_digest_goes_with_its_carrier(store: Store) -> None:
    with store.transaction() as tx:
        ids = tx.add_letters([letter(n, state=Post.DIGEST, not_before=AT + n * 60) for n in (1, 2, 3)])
        assert tx.first_digest("lead") == AT + 60
        assert [x.id for x in tx.digest_waiting(AT + 120)] == ids[:2]
        assert tx.alert_work(AT + 60).digests
        assert not tx.alert_work(AT).digests
        tx.put_off([ids[0]], AT + 999)
        assert [x.id for x in tx.digest_waiting(AT + 120)] == [ids[1]]
        (carrier,) = tx.add_letters([letter(9)])
        tx.went_with(ids, carrier, AT + 5)
        assert tx.digest_waiting(AT + 9999) == []
        assert {x.carrier for x in tx.letters(ids=ids)} == {carrier}
        assert tx.times_written("lead", AT) == (AT,)


def test_the_texts_of_old_letters_go_and_that_they_were_sent_stays(store: Store) -> None:
    with store.transaction() as tx:
        ended = [letter(n, state=Post.SENT, done_at=AT + n) for n in (1, 2, 3)]
        tx.add_letters([*ended, letter(4)])
        assert tx.empty_letters(AT + 3, limit=1) == 1
        assert tx.empty_letters(AT + 3) == 1
        assert tx.empty_letters(AT + 3) == 0
        assert [bool(each.content) for each in tx.letters()] == [False, False, True, True]
        assert tx.knows_message("<1@example.org>")


def test_only_what_surely_reached_nobody_can_be_taken_back(store: Store) -> None:
    states = (Post.NEW, Post.SENDING, Post.UNKNOWN, Post.SENT, Post.DIGEST)
    with store.transaction() as tx:
        made = [letter(n, state=state, done_at=AT if state is Post.SENT else None) for n, state in enumerate(states, 1)]
        ids = tx.add_letters(made)
        assert tx.cancel_letters(ids, "solved", AT) == 2
        kept = [x.state for x in tx.letters(ids=ids)]
    assert kept == [Post.CANCELLED, Post.SENDING, Post.UNKNOWN, Post.SENT, Post.CANCELLED]


def test_a_wall_clock_that_is_set_back_leaves_every_wait_as_long_as_it_was(store: Store) -> None:
    with store.transaction() as tx:
        number = opened(tx)
        ack = Ack(35, AT, AT + 600, "Ann", "tag")
        tx.save_episode(replace(EPISODE, id=number, acks=(ack,), climbs_at=AT + 100))
        tx.save_told(number, Told("lead", AT))
        tx.add_letters([letter(1, not_before=AT + 50)])
        tx.shift_alert_times(3600)
        tx.shift_letter_times(3600)
        episode = tx.episodes([number])[number]
        assert (episode.climbs_at, episode.next_at) == (AT - 3500, AT - 3570)
        assert episode.acks == (replace(ack, at=AT - 3600, until=AT - 3000),)
        assert tx.told_in([number])[number]["lead"].at == AT - 3600
        assert tx.letters()[0].not_before == AT - 3550
        assert tx.alert_facts([35])[35][KEY].at == AT, "facts keep the trackers' time"


def test_facts_that_ought_to_exist_and_do_not_are_found(store: Store) -> None:
    from syncd.sla.holder import NOBODY  # noqa: PLC0415 - only here
    from syncd.store.clocks import ClockRecord, Judged  # noqa: PLC0415 - only here

    def record(ticket: int, color: str, breached: int | None, ended: int | None = None) -> ClockRecord:
        numbers = (AT - 999, ended, AT, breached, None, 60, 60)
        judged = AT - ticket
        return ClockRecord(
            ticket, "resolution", "", 1, "running", color, False, *numbers, NOBODY, "p", "", "r", {}, judged
        )

    with store.transaction() as tx:
        number = tx.save_episode(EPISODE)
        records = [
            record(1, "green", None),
            record(2, "yellow", None),
            record(3, "red", AT - 10),
            record(4, "red", AT - 10, AT - 5),  # breached and met since
            record(5, "red", AT - 5000),  # before alerts were turned on
            record(6, "red", AT - 10),
            record(7, "yellow", None),
        ]
        tx.save_clocks([Judged(each.ticket_id, (each,), None) for each in records], NOW)
        known = [(6, "breach"), (7, "yellow"), (3, "yellow")]
        tx.save_alert_facts(
            AlertFact(AlertKey(ticket, "resolution", "", 1, threshold), AT, AT, episode=number)
            for ticket, threshold in known
        )
        assert tx.unnoticed(AT - 100, AT + 1, 10) == [2, 3, 4]
        assert tx.unnoticed(AT - 100, AT + 1, 1) == [2]
        assert tx.unnoticed(AT - 100, AT - 6, 10) == [2, 3, 4, 5, 6], "whatever was judged just now, the newest first"
        assert tx.clock_counts() == {"tickets": 6, "clocks": 6, "breached": 3}
        assert [key.ticket for key in tx.clocks_begun_before(AT, 3)] == [1, 2, 3]
