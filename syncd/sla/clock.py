"""Clocks as a fold: events, rules, calendars and `now` in, slices out. Nothing is counted up and nothing is stored.

A clock is a cycle of a metric cut into slices. In a slice nothing that matters changes: it runs or rests, one holder
has the ball, one version of a calendar measures it. The business seconds of the slices that ran add up to the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from syncd.sla.business_time import Timetable
from syncd.sla.course import Stretch, Terms, holder, rest, stretches, terms
from syncd.sla.events import Event, in_order
from syncd.sla.holder import Holder
from syncd.sla.metrics import Cycle, cycles
from syncd.sla.policy import Book, FollowUp, Goal, Kind, PriorityChange, Target, Unit
from syncd.sla.standing import moments

SUPERSEDED: Final = "before the target changed"


@dataclass(frozen=True, slots=True)
class Slice:
    """[start, end) in Unix seconds, never empty."""

    start: int
    end: int
    rest: str | None  # why the clock rested; None while it ran
    holder: Holder
    calendar: str  # the name of the timetable
    version: str  # the same with the fingerprint of its version
    business: int  # open seconds of that calendar, whether the clock ran or rested
    why: str  # the event that began it

    @property
    def counted(self) -> int:
        """What it adds to the clock, in seconds."""
        return self.business if self.rest is None else 0


@dataclass(frozen=True, slots=True)
class TargetChange:
    """From `at` on the clock had this target. Without a goal the policies let go of it."""

    at: int
    goal: Goal | None
    seconds: int | None  # what the goal is worth for this clock; None when its calendar never opens
    policy: str
    level: str | None
    rules: str  # the name of the rules' version


@dataclass(frozen=True, slots=True)
class Clock:
    """One cycle of one metric of one ticket (or of one of its bugs), as of `now`."""

    ticket: int
    cycle: Cycle
    now: int
    slices: tuple[Slice, ...]
    targets: tuple[TargetChange, ...]  # the history of the target; empty for a clock that is only measured
    target: Target | None  # the promise in force at the end, with its warnings and levels
    calendars: Mapping[str, Timetable] = field(compare=False, repr=False)
    rest: str | None = None  # why the clock rests at `now`; None when it runs or has ended
    carried: int = 0  # brought along from the ticket that this one follows up
    channel: str = ""  # by which the ticket came

    @property
    def is_open(self) -> bool:
        """Neither met nor cancelled."""
        return self.cycle.end is None

    @property
    def end(self) -> int:
        """Where its slices end: its own end, or `now`."""
        return self.now if self.cycle.end is None else self.cycle.end

    @property
    def elapsed(self) -> int:
        """Counted seconds until `end`."""
        return self.carried + sum(part.counted for part in self.slices)

    @property
    def seconds(self) -> int | None:
        """The target in force, in counted seconds; None without one."""
        return self.targets[-1].seconds if self.targets else None

    @property
    def let_go(self) -> bool:
        """True when a policy held the clock once and none does any more."""
        return bool(self.targets) and self.targets[-1].goal is None

    def split(self) -> dict[Holder, int]:
        """Counted seconds by holder; with `carried` they add up to `elapsed`."""
        held: dict[Holder, int] = {}
        for part in self.slices:
            if part.rest is None:
                held[part.holder] = held.get(part.holder, 0) + part.business
        return held

    def wall_split(self) -> dict[Holder, int]:
        """Every second between start and end by holder, whether the clock ran or the calendar was open."""
        held: dict[Holder, int] = {}
        for part in self.slices:
            held[part.holder] = held.get(part.holder, 0) + part.end - part.start
        return held


def clocks(
    ticket: int,
    events: Iterable[Event],
    book: Book,
    now: int,
    *,
    exact_until: int | None = None,
    carried: Mapping[str, int] | None = None,
) -> tuple[Clock, ...]:
    """Every clock of a ticket: by metric in the order of the rules, then by bug, then by cycle.

    What lies after `now` is not looked at. `carried` is what the resolution clocks of the ticket that this one follows
    up had counted, by metric; it matters where the rules say so. A metric for which no policy ever had a goal, and that
    has no calendar of its own, has no clock. `exact_until`: see in_order()."""
    life = moments(event for event in in_order(events, exact_until) if event.at <= now)
    if not life:
        return ()
    course = tuple(stretches(life, book, now))
    found = (
        _clock(ticket, cycle, course, book, now, (carried or {}).get(name, 0))
        for name in book.metric_names()
        for cycle in cycles(name, life, book)
    )
    return tuple(clock for clock in found if clock is not None)


def _clock(ticket: int, cycle: Cycle, course: tuple[Stretch, ...], book: Book, now: int, carried: int) -> Clock | None:
    end = now + 1 if cycle.end is None else max(cycle.end, cycle.start + 1)  # a cycle met at once has the terms of then
    parts, measured = _terms(cycle, course, book, end)
    if cycle.end is not None and not _is_promised(measured):  # it may come with what ends the clock: priority and reply
        wider, promised = _terms(cycle, course, book, cycle.end + 1)
        parts, measured = (wider, promised) if _is_promised(promised) else (parts, measured)
    if measured is None:
        return None
    options = parts[-1].rules.options
    changes = _changes(cycle, parts, measured, book)
    since = _counts_since(cycle, changes, options.priority_change)
    follows = cycle.kind is Kind.RESOLUTION and cycle.number == 1 and options.follow_up is FollowUp.CONTINUE
    return Clock(
        ticket=ticket,
        cycle=cycle,
        now=now,
        slices=_slices(cycle, now if cycle.end is None else cycle.end, parts, measured, since, book),
        targets=changes,
        target=next((term.promise[0] for term in reversed(measured) if term.promise is not None), None),
        calendars=book.calendars,
        rest=rest(cycle, parts[-1], measured[-1]) if cycle.end is None else None,
        carried=carried if follows else 0,
        channel=parts[-1].standing.values.get("channel", ""),
    )


def _terms(cycle: Cycle, course: tuple[Stretch, ...], book: Book, end: int) -> tuple[list[Stretch], list[Terms] | None]:
    """The stretches of the cycle up to `end`, and how each is measured."""
    parts = [part for part in course if part.start < end and part.end > cycle.start]
    own, option = book.metric(cycle.metric, end).calendar, parts[-1].rules.options.priority_change
    return parts, terms(cycle.metric, parts, own, option)


def _is_promised(measured: Sequence[Terms] | None) -> bool:
    return measured is not None and any(term.promise is not None for term in measured)


def _changes(cycle: Cycle, parts: Sequence[Stretch], measured: Sequence[Terms], book: Book) -> tuple[TargetChange, ...]:
    """The history of the target, beginning with the first promise."""
    found: list[TargetChange] = []
    for part, term in zip(parts, measured, strict=True):
        goal = None if term.promise is None else term.promise[1]
        if not found and goal is None:
            continue
        key = (goal, part.policy, part.level)
        if found and (found[-1].goal, found[-1].policy, found[-1].level) == key:
            continue
        at = max(part.start, cycle.start)
        anew = part.rules.options.priority_change is PriorityChange.RESTART and found
        seconds = None if goal is None else _worth(goal, at if anew else cycle.start, book)
        found.append(TargetChange(at, goal, seconds, part.policy, part.level, part.rules.name))
    return tuple(found)


def _worth(goal: Goal, start: int, book: Book) -> int | None:
    if goal.unit is Unit.SECONDS:
        return goal.amount
    return book.calendars[goal.calendar].at(start).seconds_of_days(start, goal.amount)


def _counts_since(cycle: Cycle, changes: Sequence[TargetChange], option: PriorityChange) -> int:
    """From when on time counts: the start, or the last change of the goal where the option says so."""
    since = cycle.start
    if option is PriorityChange.RESTART:
        for before, after in pairwise(changes):
            if after.goal is not None and after.goal != before.goal:
                since = after.at
    return since


def _slices(
    cycle: Cycle, end: int, parts: Sequence[Stretch], measured: Sequence[Terms], since: int, book: Book
) -> tuple[Slice, ...]:
    found: list[Slice] = []
    for part, term in zip(parts, measured, strict=True):
        low, high = max(part.start, cycle.start), min(part.end, end)
        if low >= high:
            continue
        reason = rest(cycle, part, term)
        if reason is None and high <= since:
            reason = SUPERSEDED
        calendar = book.calendars[term.calendar]
        now = Slice(
            start=low,
            end=high,
            rest=reason,
            holder=holder(cycle, part),
            calendar=term.calendar,
            version=calendar.label(low),
            business=calendar.elapsed(low, high),
            why=part.why,
        )
        last = found[-1] if found else None
        if last is not None and _alike(last, now):
            found[-1] = replace(last, end=high, business=last.business + now.business)
        else:
            found.append(now)
    return tuple(found)


def _alike(one: Slice, other: Slice) -> bool:
    return (one.rest, one.holder, one.version) == (other.rest, other.holder, other.version)
