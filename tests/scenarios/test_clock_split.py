"""One ticket's way through both systems, played on the sandbox: L1, L2, a bug, the customer, L2.

The same life as in tests/sla/test_scenario.py, where the arithmetic is written out: a desk in Budapest over a holiday,
a make-up working Saturday, a weekend and the change to summer time. Here the events are what both APIs tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncd.cycle.sla_settings import SlaSettings, TicketClocks
from syncd.sla.calendar import always
from syncd.sla.clock import Clock
from syncd.sla.holder import Holder, Party
from syncd.sla.states import State, judge
from syncd.store.clocks import ClockRecord
from tests.scenarios.lab import Deployment, Lab
from tests.sla.kit import at, shown
from tests.sla.test_scenario import ZONE, book, march

SPLIT = {
    Holder(Party.L1): 3607,
    Holder(Party.L2): 7224 + 1843 + 8990,
    Holder(Party.DEVELOPMENT, "NOVA"): 32371,
}


class Story:
    """Plays the life line by line; `ticket` exists after the first line."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        self.lab = Lab(folder, deployment)
        self.groups = self.lab.seeded.groups
        self.ticket = 0
        self.key = self.lab.bug()
        l2 = str(self.groups["L2"])
        self.lab.sla = SlaSettings(book(l2), "story", always("reader", ZONE))
        self.lab.restart()
        self.left = list(self.lines())

    def lines(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """(local time, what happens then)."""
        desk, jira, lab = self.lab.sandbox.zendesk, self.lab.sandbox.jira, self.lab
        yield march(25, "15:00:00"), self._create
        yield march(25, "16:00:07"), lambda: desk.assign(ticket=self.ticket, actor=lab.agent, group=self.groups["L2"])
        yield march(26, "10:00:31"), lambda: lab.request("links add", ticket=self.ticket, issue=self.key)
        yield march(26, "15:00:00"), lambda: jira.force_status(lab.developer, self.key, "In Progress")
        yield march(28, "11:00:02"), lambda: jira.force_status(lab.developer, self.key, "Done", "Fixed")
        yield (
            march(28, "11:30:45"),
            lambda: desk.agent_replies(ticket=self.ticket, actor=lab.agent, body="Try it.", status="pending"),
        )
        yield march(29, "01:30:10"), lambda: desk.customer_replies(ticket=self.ticket, body="Still broken")
        yield march(30, "10:00:00"), lambda: desk.solve(ticket=self.ticket, actor=lab.agent)

    def _create(self) -> None:
        self.ticket = self.lab.sandbox.zendesk.create_ticket(
            actor=self.lab.customer, subject="It hangs", body="Help!", priority="normal", group_id=self.groups["L1"]
        )

    def go(self, time: str) -> None:
        """Moves the clock on to that local time, without a cycle."""
        lab = self.lab
        lab.sandbox.advance(at(time, ZONE) - lab.sandbox.clock.now())

    def play(self, until: str, after_each: Callable[[], object] = lambda: None) -> TicketClocks:
        """The lines up to that time with some cycles after each, then the clocks at that time."""
        while self.left and at(self.left[0][0], ZONE) <= at(until, ZONE):
            time, act = self.left.pop(0)
            self.go(time)
            act()
            self.lab.cycle(2)
            if self.lab.reports[-1].held:
                self.lab.accept()
            self.lab.cycle(3, seconds=60)
            after_each()
        if self.lab.sandbox.clock.now() < at(until, ZONE):
            self.go(until)
        return self.now()

    def now(self) -> TicketClocks:
        """The clocks as of now, from what is stored."""
        keeper = self.lab.app.engine.clocks
        now = keeper.now()
        with self.lab.app.store.reading() as tx:
            (found,) = keeper.folded(tx, [self.ticket], now)
        return found


def resolution(folded: TicketClocks) -> Clock:
    (clock,) = [clock for clock in folded.clocks if clock.cycle.metric == "resolution"]
    return clock


def record_of(story: Story) -> ClockRecord:
    """What the index says after a look at the present."""
    story.lab.app.engine.clocks.run(story.lab.reports[-1])
    with story.lab.app.store.reading() as tx:
        return next(one for one in tx.clocks_of([story.ticket]) if one.metric == "resolution")


def assert_as_worked_out(folded: TicketClocks) -> None:
    clock = resolution(folded)
    assert clock.split() == SPLIT
    assert clock.elapsed == 54035
    verdict = judge(clock)
    assert [(point.name, shown(point.at, ZONE)) for point in verdict.passed] == [
        ("yellow", march(26, "13:45:00")),
        ("red", march(29, "01:44:25")),
        ("breach", march(29, "03:29:26")),
        ("breach+1800", march(29, "03:59:25")),
    ]
    assert shown(verdict.breached_at, ZONE) == march(29, "03:29:25")
    assert shown(clock.cycle.end, ZONE) == march(30, "10:00:00")
    assert folded.is_complete
    assert folded.is_certain
    assert not clock.cycle.inferred


WAY = (  # local time, state, due, and when the clock is next worth a look
    (march(25, "15:30:00"), State.RUNNING, march(28, "12:30:00"), march(26, "13:45:00")),  # with L1
    (march(26, "13:44:59"), State.RUNNING, march(28, "12:30:00"), march(26, "13:45:00")),  # a second before yellow
    (march(26, "13:45:00"), State.AT_RISK, march(28, "12:30:00"), march(28, "11:45:00")),  # yellow
    (march(27, "12:00:00"), State.AT_RISK, march(28, "12:30:00"), march(28, "11:45:00")),  # on the holiday
    (march(28, "12:00:00"), State.PAUSED, None, None),  # with the customer
    (march(29, "01:40:00"), State.AT_RISK, march(29, "03:29:25"), march(29, "01:44:25")),  # answered by night
    (march(29, "01:44:25"), State.AT_RISK, march(29, "03:29:25"), march(29, "03:29:26")),  # red
    (march(29, "03:29:25"), State.AT_RISK, march(29, "03:29:25"), march(29, "03:29:26")),  # due, not late
    (march(29, "03:29:26"), State.BREACHED, march(29, "03:29:25"), march(29, "03:59:25")),  # late
)


def test_the_split_and_the_instants_are_those_worked_out_by_hand(tmp_path: Path, deployment: Deployment) -> None:
    story = Story(tmp_path, deployment)
    for time, state, due, coming in WAY:
        verdict = judge(resolution(story.play(time)))
        assert (time, verdict.state, shown(verdict.due, ZONE)) == (time, state, due)
        record = record_of(story)
        assert (time, record.state, shown(record.next_at, ZONE)) == (time, state.value, coming)
    assert_as_worked_out(story.play(march(31, "12:00:00")))
    assert record_of(story).next_at is None
    with story.lab.app.store.reading() as tx:
        assert tx.next_due() is None, "a solved ticket leaves the index"


@pytest.mark.parametrize("deployment", ["cloud"])
def test_restarts_change_nothing(tmp_path: Path, deployment: Deployment) -> None:
    story = Story(tmp_path, deployment)
    assert_as_worked_out(story.play(march(31, "12:00:00"), story.lab.restart))


@pytest.mark.parametrize("deployment", ["cloud"])
def test_an_outage_of_a_day_changes_nothing(tmp_path: Path, deployment: Deployment) -> None:
    story = Story(tmp_path, deployment)
    story.play(march(26, "12:00:00"))
    while story.left and story.left[0][0] <= march(29, "02:00:00"):  # nobody reads anything for more than two days
        time, act = story.left.pop(0)
        story.go(time)
        act()
    story.go(march(29, "02:00:00"))
    story.lab.restart()
    first = story.lab.cycle()
    assert first.folded
    early = judge(resolution(story.now()))
    story.lab.cycle(4, seconds=60)
    assert [point.name for point in early.passed] == [point.name for point in judge(resolution(story.now())).passed]
    assert_as_worked_out(story.play(march(31, "12:00:00")))


@pytest.mark.parametrize("deployment", ["cloud"])
def test_a_clock_that_is_set_back_hides_nothing(tmp_path: Path, deployment: Deployment) -> None:
    story = Story(tmp_path, deployment)
    before = judge(resolution(story.play(march(28, "11:45:00"))))
    story.lab.sandbox.clock.advance(-3600)
    story.lab.cycle(2)
    assert judge(resolution(story.now())).passed == before.passed
    assert record_of(story).state == State.PAUSED.value, "the reply is not forgotten"
    story.go(march(28, "11:50:00"))
    assert_as_worked_out(story.play(march(31, "12:00:00")))
