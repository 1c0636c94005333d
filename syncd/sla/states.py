"""What a clock amounts to: its state, its due instant, when it will next be worth a look.

Due is the last instant with no more than the target counted, and a breach is a fulfilment (or `now`) after it. Whole
seconds are compared, never percentages, so that nothing is rounded into a breach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from syncd.sla.clock import Clock
from syncd.sla.metrics import Outcome
from syncd.sla.policy import RED, YELLOW


class State(StrEnum):
    """`breached` outlives all but a cancellation: a clock paused or met beyond its due instant stays breached."""

    RUNNING = "running"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    PAUSED = "paused"
    MET = "met"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A point that a clock passes: yellow, red, breach, or breach+N (N counted seconds after the target)."""

    name: str
    at: int  # Unix seconds; not before the target that it belongs to was in force


@dataclass(frozen=True, slots=True)
class Verdict:
    """A clock judged as of its `now`."""

    state: State
    color: str  # green | yellow | red: red too once it is breached
    is_paused: bool  # rests at the moment, whatever its state
    elapsed: int  # counted seconds
    remaining: int | None  # counted seconds left, negative beyond due; None without a target
    due: int | None  # None while paused, without a target, or when the calendar never opens again
    breached_at: int | None  # the due instant that was overrun
    passed: tuple[Threshold, ...]  # what was crossed until now, oldest first
    next_instant: int | None  # when the clock next changes by the mere passing of time
    is_guess: bool  # the due instant lies past the last year whose holidays are announced


BREACH = "breach"


def judge(clock: Clock, boundaries: Sequence[int] = ()) -> Verdict:
    """The verdict. `boundaries`: when other rules or calendars take over; those to come are worth a look."""
    target, elapsed = clock.seconds, clock.elapsed
    overrun = target is not None and elapsed > target
    thresholds = _thresholds(clock)
    passed = tuple(point for point in thresholds if point.at <= clock.end)
    color = _color([point.name for point in passed], overrun)
    due = _due(clock, target) if target is not None and clock.rest is None else None
    coming = [point.at for point in thresholds if point.at > clock.now] if clock.is_open else []
    if clock.is_open:
        coming += [at for at in boundaries if at > clock.now]
    return Verdict(
        state=_state(clock, color, overrun),
        color=color,
        is_paused=clock.rest is not None,
        elapsed=elapsed,
        remaining=None if target is None else target - elapsed,
        due=due,
        breached_at=_breached_at(clock, target) if target is not None and elapsed > target else None,
        passed=passed,
        next_instant=min(coming, default=None),
        is_guess=due is not None and _is_guess(clock, due),
    )


def _state(clock: Clock, color: str, overrun: bool) -> State:
    if clock.cycle.outcome is Outcome.CANCELLED or clock.let_go:
        return State.CANCELLED
    if overrun:
        return State.BREACHED
    if clock.cycle.outcome is Outcome.MET:
        return State.MET
    if clock.rest is not None:
        return State.PAUSED
    return State.RUNNING if color == "green" else State.AT_RISK


def _color(passed: Sequence[str], overrun: bool) -> str:
    if overrun or RED in passed:
        return RED
    return YELLOW if YELLOW in passed else "green"


def _thresholds(clock: Clock) -> tuple[Threshold, ...]:
    """Every point of the clock that has an instant, crossed or to come, oldest first. None without a target."""
    target = clock.seconds
    if target is None or clock.target is None:
        return ()
    since = _held_since(clock)
    points = [(warn.color, _reached(clock, warn.used(target))) for warn in clock.target.warnings]
    due = _due(clock, target)
    points.append((BREACH, None if due is None else due + 1))
    points += [(f"{BREACH}+{level}", _reached(clock, target + level)) for level in sorted(set(clock.target.levels))]
    found = [Threshold(name, max(at, since)) for name, at in points if at is not None]
    return tuple(sorted(found, key=lambda point: point.at))


def _breached_at(clock: Clock, target: int) -> int | None:
    """The due instant that was overrun; a target that came later was overrun when it came."""
    due = _due(clock, target)
    return None if due is None else max(due, _held_since(clock))


def _held_since(clock: Clock) -> int:
    """From when on no more time was allowed than the target in force allows: a change of priority or policy that leaves
    the promise as it was, or loosens it, moves nothing that was overrun before."""
    last = clock.targets[-1]
    since = last.at
    for change in reversed(clock.targets[:-1]):
        if change.seconds is None or last.seconds is None or change.seconds > last.seconds:
            break
        since = change.at
    return since


def _due(clock: Clock, used: int) -> int | None:
    """The last instant with no more than `used` counted; None when the clock would have to run on from a rest."""
    before = clock.carried
    if before > used:
        return clock.cycle.start
    for part in clock.slices:
        if part.rest is None:
            if before + part.business > used:
                return clock.calendars[part.calendar].add(part.start, used - before)
            before += part.business
    at = _runs_on_from(clock)
    return None if at is None else clock.calendars[at[1]].add(at[0], used - before)


def _reached(clock: Clock, used: int) -> int | None:
    """The first instant with `used` counted; None when the clock would have to run on from a rest."""
    before = clock.carried
    for part in clock.slices:
        if part.rest is None:
            if before + part.business >= used:
                return clock.calendars[part.calendar].reach(part.start, max(used - before, 0))
            before += part.business
    at = _runs_on_from(clock)
    return None if at is None else clock.calendars[at[1]].reach(at[0], max(used - before, 0))


def _runs_on_from(clock: Clock) -> tuple[int, str] | None:
    """From where, and by which calendar, the clock runs on after its slices; None when it rests at their end.

    A clock that has ended is asked too: when it would have been due."""
    if clock.rest is not None:
        return None
    last = clock.slices[-1] if clock.slices else None
    goal = next((change.goal for change in reversed(clock.targets) if change.goal is not None), None)
    if last is not None and (last.rest is not None and not clock.is_open):
        return None
    if goal is not None:
        return clock.end, goal.calendar
    return None if last is None else (clock.end, last.calendar)


def _is_guess(clock: Clock, due: int) -> bool:
    goal = clock.targets[-1].goal
    return goal is not None and clock.calendars[goal.calendar].at(due).calendar.is_guess(due)
