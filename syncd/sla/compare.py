"""Zendesk's own clocks beside ours: where they disagree, and the rule that explains it. Pure.

Zendesk's metric events are a cross-check, never a source: it rounds, takes breaches back, looks at policies only when
a ticket is updated, and knows no make-up working days.
https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-metric-event-types-reference/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from syncd.sla.business_time import BusinessTime
from syncd.sla.calendar import WHOLE_DAY
from syncd.sla.clock import Clock
from syncd.sla.metrics import Outcome
from syncd.sla.policy import Counts, First, Kind, Metric, Unit
from syncd.sla.standing import Standing
from syncd.sla.states import Verdict

NEAR: Final = 60
"""Seconds: Zendesk counts in minutes."""
_WAITING: Final = ("new", "open", "pending", "hold")
_RESOLUTION: Final = {
    frozenset(): "resolution_time",
    frozenset(("pending",)): "requester_wait_time",
    frozenset(("pending", "hold")): "agent_work_time",
}
_UPDATE: Final = {frozenset(): "periodic_update_time", frozenset(("pending",)): "pausable_update_time"}


@dataclass(frozen=True, slots=True)
class DeskEvent:
    """A ticket metric event. `target` in seconds, of an apply_sla."""

    id: int
    ticket: int
    metric: str
    instance: int
    kind: str  # activate | pause | fulfill | apply_sla | breach | update_status | measure
    at: int  # Unix seconds
    deleted: bool = False  # of a breach: Zendesk took it back
    target: int | None = None
    business_hours: bool | None = None
    policy: str = ""


class Rule(StrEnum):
    """What explains a difference."""

    CLOSING = "due at closing there, at the next opening here"
    CALENDAR = "other holidays or make-up working days"
    TARGET = "another target"
    DELETED = "taken back there"
    LATER = "policy applied later there"
    NO_POLICY = "no policy there"
    NO_PRIORITY = "no priority, so no SLA there"
    CANCELLED = "cancelled here"
    INCOMPLETE = "history not whole here yet"
    NONE = "unexplained"


@dataclass(frozen=True, slots=True)
class Difference:
    """A clock that one side calls breached and the other does not, or at another instant."""

    ticket: int
    metric: str  # ours
    cycle: int
    desk_metric: str
    here: int | None  # the due instant that was overrun
    there: int | None
    rule: Rule
    sentence: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The clocks of a ticket that both sides have."""

    agreed: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class _There:
    """What Zendesk tells about one clock."""

    applied: DeskEvent | None  # the first apply_sla
    promised: DeskEvent | None  # the last one
    breach: int | None  # the first that was not taken back
    deleted: bool  # one was taken back


def counterpart(clock: Clock, metric: Metric) -> tuple[str, int | None] | None:
    """Zendesk's name of the clock's metric and the number of the instance (None = any); None when Zendesk has no such
    clock. https://support.zendesk.com/hc/en-us/articles/4408834848154"""
    rests = frozenset[str]()
    if clock.target is not None:
        standing = [(status, Standing({"status": status}, exists=True)) for status in _WAITING]
        rests = frozenset(status for status, stands in standing if clock.target.paused(stands, None) is not None)
    match clock.cycle.kind:
        case Kind.FIRST_REPLY:
            return ("reply_time", 1) if not rests else None
        case Kind.NEXT_REPLY:
            return ("reply_time", clock.cycle.number + 1) if not rests else None
        case Kind.RESOLUTION:
            return (_RESOLUTION[rests], None) if rests in _RESOLUTION else None
        case Kind.UPDATE:
            plain = metric.counts is Counts.PUBLIC and metric.first is First.REPLY and not metric.by_assignee
            return (_UPDATE[rests], clock.cycle.number) if plain and rests in _UPDATE else None
        case _:
            return None


def compare(
    judged: Iterable[tuple[Clock, Verdict, Metric]],
    events: Iterable[DeskEvent],
    since: int,
    now: int,
    *,
    is_complete: bool,
) -> Compared:
    """The clocks of one ticket that began since then, held against the ticket's events. A breach that lies in the
    future is a plan of Zendesk's and no breach; so is one that is marked as deleted."""
    told = list(events)
    agreed, found = 0, []
    for clock, verdict, metric in judged:
        names = counterpart(clock, metric)
        if names is None or clock.cycle.start < since or not clock.targets:
            continue
        there = _there([e for e in told if e.metric == names[0] and names[1] in (None, e.instance)], now)
        here = verdict.breached_at
        near = here is not None and there.breach is not None and abs(here - there.breach) <= NEAR
        if near or here == there.breach:
            agreed += 1
            continue
        rule, sentence = _explained(clock, verdict, there, is_complete=is_complete)
        cycle = clock.cycle
        found.append(Difference(clock.ticket, cycle.metric, cycle.number, names[0], here, there.breach, rule, sentence))
    return Compared(agreed, tuple(found))


def _there(events: Sequence[DeskEvent], now: int) -> _There:
    ordered = sorted(events, key=lambda event: (event.at, event.id))
    applied = [event for event in ordered if event.kind == "apply_sla"]
    breaches = [event for event in ordered if event.kind == "breach" and event.at <= now]
    real = [event.at for event in breaches if not event.deleted]
    return _There(
        applied[0] if applied else None,
        applied[-1] if applied else None,
        min(real, default=None),
        any(event.deleted for event in breaches),
    )


def _explained(clock: Clock, verdict: Verdict, there: _There, *, is_complete: bool) -> tuple[Rule, str]:
    """The first rule that fits."""
    for rule, sentence in (
        _by_policy(clock, there),
        _by_target(clock, there),
        _by_calendar(clock, verdict, there),
        _by_course(clock, verdict, there),
    ):
        if rule is not Rule.NONE:
            return rule, sentence
    if not is_complete:
        return Rule.INCOMPLETE, "The ticket's history is still being read here."
    return Rule.NONE, "No rule explains it: look at the ticket with syncd explain."


_UNKNOWN: Final = (Rule.NONE, "")


def _by_policy(clock: Clock, there: _There) -> tuple[Rule, str]:
    if there.breach is None and there.applied is None:
        if clock.targets[-1].level is None:
            return Rule.NO_PRIORITY, "Zendesk gives no SLA to a ticket without a priority."
        return Rule.NO_POLICY, "No SLA policy of Zendesk promised this."
    return _UNKNOWN


def _by_target(clock: Clock, there: _There) -> tuple[Rule, str]:
    goal, promised = clock.targets[-1].goal, there.promised
    if goal is None or promised is None:
        return _UNKNOWN
    hours = {True: "business hours", False: "calendar hours", None: "hours"}[promised.business_hours]
    if promised.target is not None and goal.unit is Unit.SECONDS and promised.target != goal.amount:
        return Rule.TARGET, f"There {promised.target // 60} min in {hours} ({promised.policy}), here {goal}."
    whole = all(day == WHOLE_DAY for day in clock.calendars[goal.calendar].at(clock.cycle.start).calendar.week)
    if promised.business_hours is not None and promised.business_hours is whole:
        return Rule.TARGET, f"There in {hours} ({promised.policy}), here {goal}."
    return _UNKNOWN


def _by_calendar(clock: Clock, verdict: Verdict, there: _There) -> tuple[Rule, str]:
    """The same business time by another view of when the office is open."""
    goal, used = clock.targets[-1].goal, clock.seconds
    here = verdict.breached_at if verdict.breached_at is not None else verdict.due
    if goal is None or used is None or there.breach is None:
        return _UNKNOWN
    timetable = clock.calendars[goal.calendar]
    if here is not None and there.breach < here and timetable.elapsed(there.breach, here) == 0:
        return Rule.CLOSING, "No open second lies between the two: there the clock is due when the office closes."
    calendar = timetable.at(clock.cycle.start).calendar
    for what, other in (
        ("make-up working days", replace(calendar, makeup=frozenset())),
        ("overrides", replace(calendar, overrides={})),
        ("make-up working days and overrides", replace(calendar, makeup=frozenset(), overrides={})),
        ("holidays", replace(calendar, holidays=frozenset())),
        ("holidays and make-up working days", replace(calendar, holidays=frozenset(), makeup=frozenset())),
    ):
        time = BusinessTime(other)
        due = _due_by(clock, time, used)
        if other != calendar and due is not None and _same(time, there.breach, due):
            return Rule.CALENDAR, f"Without our {what} it would be due at that instant here too."
    return _UNKNOWN


def _same(time: BusinessTime, there: int, due: int) -> bool:
    return abs(there - due) <= NEAR or (there < due and time.elapsed(there, due) == 0)


def _due_by(clock: Clock, time: BusinessTime, used: int) -> int | None:
    """The due instant if that calendar had measured the clock."""
    before = clock.carried
    for part in clock.slices:
        if part.rest is None:
            counted = time.elapsed(part.start, part.end)
            if before + counted > used:
                return time.add(part.start, used - before)
            before += counted
    return None if clock.rest is not None else time.add(clock.end, used - before)


def _by_course(clock: Clock, verdict: Verdict, there: _There) -> tuple[Rule, str]:
    applied = there.applied
    if there.breach is None and there.deleted:
        return Rule.DELETED, "Zendesk had a breach and took it back when the ticket changed."
    if clock.cycle.outcome is Outcome.CANCELLED:
        return Rule.CANCELLED, "Here the clock was cancelled, by a merge, a deletion or another assignee."
    if applied is not None and applied.at > clock.cycle.start + NEAR:
        here = verdict.breached_at
        if there.breach is not None and abs(there.breach - applied.at) <= NEAR:
            return Rule.LATER, "There the policy came when the time was over already, so it breached at once."
        if there.breach is None and here is not None and applied.at > here:
            return Rule.LATER, "There the policy came after the breach."
    return _UNKNOWN
