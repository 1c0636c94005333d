"""A ticket as the pipeline sees it in one cycle. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from syncd.alerts.message import Step
from syncd.core.alert_model import FORECAST, AlertKey
from syncd.core.model import IssueSnapshot
from syncd.sla.clock import Clock
from syncd.sla.folded import TicketClocks
from syncd.sla.forecast import Forecast, Sign
from syncd.sla.holder import NOBODY, Holder
from syncd.sla.policy import Kind
from syncd.sla.standing import Moment, Standing
from syncd.sla.states import State, Verdict

_WAIT_FOR_THE_BUG: Final = frozenset({Kind.RESOLUTION, Kind.CHECKPOINT})


@dataclass(frozen=True, slots=True)
class Quotes:
    """The last public and the last internal step of a person, in their own words; None: not read, or there is none."""

    public: Step | None = None
    internal: Step | None = None


@dataclass(frozen=True)
class Case:
    """The folded clocks of a ticket with its life; `life` oldest first, none of it after `told.now`."""

    told: TicketClocks
    life: Sequence[Moment] = ()
    tier: str | None = None
    quotes: Quotes = Quotes()
    problems_bug: str = ""  # the key of the bug of the problem ticket that this incident belongs to

    @property
    def ticket(self) -> int:
        """Its number."""
        return self.told.id

    @property
    def standing(self) -> Standing:
        """How it stands now."""
        return self.life[-1].after if self.life else Standing()

    def clock(self, key: AlertKey) -> tuple[Clock, Verdict] | None:
        """The clock that a fact belongs to; None when it is there no more."""
        for clock, verdict in self.told.judged():
            cycle = clock.cycle
            if (cycle.metric, cycle.subject, cycle.number) == (key.metric, key.subject, key.cycle):
                return clock, verdict
        return None

    def forecasts(self) -> dict[AlertKey, Forecast]:
        """What will probably be late, one for each clock: a date weighs more than a bug that lies. Whatever becomes of
        a bug, the customer can be answered: such clocks have none."""
        found: dict[AlertKey, Forecast] = {}
        newest = {clock.cycle.metric: clock for clock in self.told.clocks if clock.is_open and not clock.cycle.subject}
        for said in sorted(self.told.forecasts, key=lambda each: list(Sign).index(each.sign)):
            clock = newest.get(said.metric)
            if clock is not None and clock.cycle.kind in _WAIT_FOR_THE_BUG:
                key = AlertKey(self.ticket, said.metric, "", clock.cycle.number, FORECAST)
                found.setdefault(key, said)
        return found

    def forecast(self, key: AlertKey) -> Forecast | None:
        """The forecast about the fact's clock; None when there is none."""
        return None if key.is_rule or key.subject else self.forecasts().get(replace(key, threshold=FORECAST))

    def fires(self, key: AlertKey) -> bool:
        """Whether the fact still holds: its clock is open, in force, and past that point."""
        if key.is_forecast:
            return self.forecast(key) is not None
        found = self.clock(key)
        if found is None:
            return False
        clock, verdict = found
        passed = any(point.name == key.threshold for point in verdict.passed)
        return passed and clock.is_open and verdict.state is not State.CANCELLED

    def rests(self, key: AlertKey) -> bool:
        """Whether the fact's clock is paused: nobody is expected to act on it now."""
        found = self.clock(key)
        return found is not None and found[1].is_paused

    def holding_clock(self, key: AlertKey) -> Clock | None:
        """The clock that tells who has the ball: the fact's own; for what a rule states the open one that began first.
        None when there is none."""
        found = self.clock(key)
        if found is not None:
            return found[0]
        running = [clock for clock in self.told.clocks if clock.is_open and clock.slices and not clock.cycle.subject]
        return min(running, key=lambda clock: clock.cycle.start, default=None) if key.is_rule else None

    def holder(self, key: AlertKey) -> Holder:
        """Who has the ball."""
        clock = self.holding_clock(key)
        return NOBODY if clock is None or not clock.slices else clock.slices[-1].holder

    def bug(self, key: AlertKey) -> IssueSnapshot | None:
        """The bug that the fact is about, else the one that holds the ticket up."""
        wanted = key.subject
        if key.is_rule or not wanted:
            bug = self.standing.bug
            wanted = bug.id if bug is not None else next((link.issue_id for link in self.told.links), "")
        return next((issue for issue in self.told.issues if issue.id == wanted), None)

    def _problem(self) -> str:
        """The problem ticket and its incidents are one; any other ticket is by itself."""
        ticket = self.told.ticket
        number = ticket.id if ticket.type == "problem" else ticket.problem_id
        return f"ticket {self.ticket}" if number is None else f"problem {number}"

    def label(self, name: str, key: AlertKey) -> str:
        """What the fact is grouped by."""
        match name:
            case "ticket":
                return str(self.ticket)
            case "bug":
                bug = self.bug(key)
                return bug.key if bug is not None else self.problems_bug or self._problem()
            case "problem":
                return self._problem()
            case "metric":
                return key.metric
            case "holder":
                return str(self.holder(key).party)
            case "team":
                return self.holder(key).team
            case "tier":
                return self.tier or ""
            case _:
                return self.standing.values.get(name, "")
