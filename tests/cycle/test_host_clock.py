"""Which clock is wrong, from what the servers' Date headers say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.cycle.host_clock import HOST_CLOCK, HostClock
from syncd.store import Store
from syncd.store.cursors import FAST_TICKETS
from tests.scenarios.lab import empty_store

NOON = datetime(2026, 3, 2, 12, 0, 0, 400_000, tzinfo=UTC)


class Machine:
    """A machine whose clock is off by `error` seconds; `steady` is what really passes."""

    rate = 1.0

    def __init__(self, error: float = 0.0) -> None:
        self.error, self.steady, self.correction = error, 0.0, 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.steady + self.error + self.correction)

    def monotonic(self) -> float:
        return self.steady

    def correct(self, seconds: float) -> None:
        self.correction = seconds

    @property
    def wrong_by(self) -> float:
        """Seconds between what it gives and the truth."""
        return (self.now() - NOON).total_seconds() - self.steady


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    file = tmp_path / "syncd.db"
    file.write_bytes(empty_store())
    with Store.open(f"sqlite:///{file}") as opened:
        yield opened


def hears(host: HostClock, machine: Machine, *, zendesk: float | None = None, jira: float | None = None) -> None:
    """An answer of each server whose clock is off by so many seconds (None: no answer)."""
    for side, error in (("zendesk", zendesk), ("jira", jira)):
        if error is not None:
            there = NOON + timedelta(seconds=machine.steady + error)
            host.heard(side, there.replace(microsecond=0), 0.2)


@pytest.mark.parametrize(
    ("error", "zendesk", "jira", "left", "said"),
    [
        pytest.param(0, 0, 0, 0, "", id="all are right"),
        pytest.param(25, 0, 0, 25, "", id="less than the bound is no news"),
        pytest.param(1200, 0, 1, 0, "This machine's clock is 20 min ahead of Zendesk's and Jira's.", id="we are ahead"),
        pytest.param(-7300, 0, 1, 0, "This machine's clock is 2.0 h behind Zendesk's and Jira's.", id="we are behind"),
        pytest.param(45, 0, None, 0, "This machine's clock is 45 s ahead of Zendesk's.", id="Jira does not answer"),
        pytest.param(-60, None, 0, 0, "This machine's clock is 60 s behind Jira's.", id="Zendesk does not answer"),
        pytest.param(
            0, 0, 600, 0, "Jira's clock is 10 min ahead of this machine's: see which of the two", id="Jira's is wrong"
        ),
        pytest.param(
            0, -600, 0, 0, "Zendesk's clock is 10 min behind this machine's: see which of the two", id="Zendesk's is"
        ),
        pytest.param(
            900, 0, 400, 0, "This machine's clock is 15 min ahead of Zendesk's and Jira's.", id="all three differ"
        ),
    ],
)
def test_what_is_said_and_how_wrong_the_time_still_is(
    store: Store, error: float, zendesk: float | None, jira: float | None, left: float, said: str
) -> None:
    machine = Machine(error)
    host = HostClock(store, machine)
    for _ in range(2):
        hears(host, machine, zendesk=zendesk, jira=jira)
    off = host.look()
    assert (off.sentence if off is not None else "").startswith(said.removesuffix("."))
    assert (off is None) is (said == "")
    assert abs(machine.wrong_by - left) <= 1
    with store.reading() as tx:
        assert (tx.get_fact(HOST_CLOCK) is None) is (said == "")


@pytest.mark.parametrize(
    ("error", "newest", "left"),
    [
        pytest.param(1200, -60, 0, id="tickets were changed just before the time that the servers tell"),
        pytest.param(1200, None, 0, id="no ticket is known yet"),
        pytest.param(-7200, 7200 - 60, -7200, id="a ticket was changed later than that: the header is another's"),
        pytest.param(300 * 86_400, -3600, 0, id="we are months ahead, and tickets were changed an hour ago"),
        pytest.param(300 * 86_400, None, 300 * 86_400, id="months ahead, and nothing but the headers says so"),
        pytest.param(-200 * 86_400, -200 * 86_400, -200 * 86_400, id="the tickets live in our time and not in theirs"),
    ],
)
def test_a_date_must_fit_the_stamps_of_tickets_before_it_corrects_anything(
    store: Store, error: float, newest: float | None, left: float
) -> None:
    """`newest`: seconds between the true time and the newest ticket's stamp."""
    machine = Machine(error)
    if newest is not None:
        with store.transaction() as tx:
            tx.set_cursor_forward(FAST_TICKETS, int(NOON.timestamp() + newest), NOON)
    host = HostClock(store, machine)
    hears(host, machine, zendesk=0, jira=0)
    assert host.look() is not None, "it is said in any case"
    assert abs(machine.wrong_by - left) <= 1


def test_one_answer_of_each_server_will_do_and_one_alone_will_not(store: Store) -> None:
    machine = Machine(300)
    host = HostClock(store, machine)
    hears(host, machine, zendesk=0)
    assert host.look() is None
    hears(host, machine, jira=0)
    assert host.look() is not None
    assert machine.wrong_by == 0


def test_a_clock_that_was_set_right_is_believed_again_at_once(store: Store) -> None:
    machine = Machine(-1200)
    host = HostClock(store, machine)
    host.jumped()
    hears(host, machine, zendesk=0, jira=0)
    assert host.look() is not None
    machine.steady += 15
    assert not host.jumped()
    machine.error = 0.0  # somebody set it
    machine.steady += 15
    assert host.jumped()
    hears(host, machine, zendesk=0, jira=0)
    assert host.look() is None
    assert machine.wrong_by == 0


def test_what_wavers_is_not_followed_and_said_once(store: Store) -> None:
    machine = Machine(-1200)
    host = HostClock(store, machine)
    found = []
    for wavers in (0.0, 1.5, -1.5, 0.5):
        hears(host, machine, zendesk=wavers, jira=-wavers)
        machine.steady += 15
        found.append(host.look())
    assert found[0] is not None
    assert set(found) == {found[0]}
    assert abs(machine.correction - 1200) <= 1


def test_a_restart_tells_nothing_anew_and_silence_nothing_at_all(store: Store) -> None:
    machine = Machine(-1200)
    host = HostClock(store, machine)
    hears(host, machine, zendesk=0, jira=0)
    first = host.look()
    assert first is not None
    machine.steady += 3600
    machine.correct(0.0)
    host = HostClock(store, machine)
    assert host.look() is None, "no server was heard so far"
    with store.reading() as tx:
        assert tx.get_fact(HOST_CLOCK) is not None
    hears(host, machine, zendesk=0, jira=0)
    again = host.look()
    assert again is not None
    assert again.since == first.since
