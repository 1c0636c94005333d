"""What will probably be late although nothing is yet. A forecast is no breach, and each sentence says what it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from syncd.core.model import Version
from syncd.sla.calendar import Calendar
from syncd.sla.clock import Clock
from syncd.sla.states import judge


class Sign(StrEnum):
    """What the forecast rests on."""

    DUE_DATE = "due_date"
    RELEASE = "release"
    UNTOUCHED = "untouched"
    UNASSIGNED = "unassigned"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a bug promises, as last read. Instants in Unix seconds."""

    bug: str  # issue id
    key: str
    done: bool
    due_date: str | None = None  # ISO date
    fix_versions: tuple[Version, ...] = ()
    touched_at: int | None = None  # the last time that a person did something to it
    unassigned_since: int | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """For how much of the target, in percent, a bug may lie before it is a bad sign."""

    untouched: int = 50
    unassigned: int = 25


@dataclass(frozen=True, slots=True)
class Forecast:
    ticket: int
    metric: str
    bug: str
    sign: Sign
    due: int | None  # the ticket's due instant, where the forecast compares with it
    day: str | None  # the ISO date that lies after it
    sentence: str


def forecasts(clock: Clock, outlooks: Iterable[Outlook], shares: Shares | None = None) -> tuple[Forecast, ...]:
    """What the ticket's bugs say about an open clock that is not breached. Dates count by the day: a bug that is due on
    the day of the ticket's due instant is in time."""
    verdict = judge(clock)
    target = clock.seconds
    if not clock.is_open or target is None or verdict.breached_at is not None or clock.let_go:
        return ()
    limits = shares or Shares()
    calendar = _calendar(clock)
    found: list[Forecast] = []
    for bug in outlooks:
        if bug.done:
            continue
        if verdict.due is not None:
            found += _late(clock, bug, verdict.due, calendar)
        for sign, since, share in (
            (Sign.UNTOUCHED, bug.touched_at, limits.untouched),
            (Sign.UNASSIGNED, bug.unassigned_since, limits.unassigned),
        ):
            if since is not None and _lay(clock, since) * 100 > target * share:
                said = f"Forecast: {bug.key} has been {sign} for more than {share} % of the target of #{clock.ticket}."
                found.append(Forecast(clock.ticket, clock.cycle.metric, bug.bug, sign, None, None, said))
    return tuple(found)


def next_forecast(clock: Clock, outlooks: Iterable[Outlook], shares: Shares | None = None) -> int | None:
    """When a bug will have lain for its share of the target if nobody does anything; None when it has already, or the
    clock asks for nothing."""
    goal, target = (clock.targets[-1].goal, clock.seconds) if clock.targets else (None, None)
    if not clock.is_open or target is None or goal is None or clock.let_go:
        return None
    limits = shares or Shares()
    calendar = clock.calendars[goal.calendar]
    coming = []
    for bug in outlooks:
        for since, share in ((bug.touched_at, limits.untouched), (bug.unassigned_since, limits.unassigned)):
            if since is not None and not bug.done:
                at = calendar.reach(max(since, clock.cycle.start), target * share // 100 + 1)
                if at is not None and at > clock.now:
                    coming.append(at)
    return min(coming, default=None)


def _late(clock: Clock, bug: Outlook, due: int, calendar: Calendar) -> list[Forecast]:
    last_day = calendar.local_date(due)
    found = []
    for sign, text, promise in (
        (Sign.DUE_DATE, bug.due_date, "is due on"),
        (Sign.RELEASE, _release(bug.fix_versions), "will be released on"),
    ):
        day = _date(text)
        if day is not None and day > last_day:
            said = f"Forecast: {bug.key} {promise} {day}, but #{clock.ticket} is due on {last_day}."
            found.append(Forecast(clock.ticket, clock.cycle.metric, bug.bug, sign, due, day.isoformat(), said))
    return found


def _release(versions: Iterable[Version]) -> str | None:
    """The first release that will bring the fix; None when one is out already, or no date is known."""
    known = list(versions)
    if any(version.released for version in known):
        return None
    return min((version.release_date for version in known if version.release_date), default=None)


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _lay(clock: Clock, since: int) -> int:
    """Open seconds since then, by the clock's calendar, but not from before the clock began."""
    goal = clock.targets[-1].goal
    return 0 if goal is None else clock.calendars[goal.calendar].elapsed(max(since, clock.cycle.start), clock.now)


def _calendar(clock: Clock) -> Calendar:
    goal = clock.targets[-1].goal
    assert goal is not None  # noqa: S101 - forecasts() leaves clocks without a goal alone
    return clock.calendars[goal.calendar].at(clock.now).calendar
