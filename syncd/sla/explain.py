"""Why a clock says what it says, as lines for people: slices with their holder and reason, then how due comes about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from syncd.sla.calendar import Calendar
from syncd.sla.clock import Clock
from syncd.sla.policy import Unit
from syncd.sla.states import judge

_UNITS: Final = (("h", 3600), ("m", 60), ("s", 1))


def local_text(calendar: Calendar, at: int) -> str:
    """An instant on the wall of the calendar's zone, with the offset, so that no reader has to guess the zone."""
    return calendar.local(at).strftime("%a %Y-%m-%d %H:%M:%S %z")


def span_text(seconds: int) -> str:
    """`52h 30m`; never days, which could be of 24 hours or of eight."""
    left, parts = abs(seconds), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if seconds < 0 else "") + (" ".join(parts) or "0s")


def share_text(used: int, target: int) -> str:
    """Percent of the target, rounded down, so that nothing under the target ever shows as 100 %."""
    return f"{used * 100 // target} %" if target else "100 %"


def explain(clock: Clock, reader: Calendar, bugs: Mapping[str, str] | None = None) -> Iterator[str]:
    """The lines; times in the reader's zone. `bugs`: keys by id, of bugs that have one."""
    cycle, verdict = clock.cycle, judge(clock)
    about = f" of bug {(bugs or {}).get(cycle.subject, cycle.subject)}" if cycle.subject else ""
    yield f"{cycle.metric}{about} of #{clock.ticket}, cycle {cycle.number}: {verdict.state}"
    yield f"  began {local_text(reader, cycle.start)} by {cycle.started_by}"
    for change in clock.targets:
        told = "no target any more" if change.goal is None else f"target {change.goal}"
        worth = change.goal is not None and change.goal.unit is Unit.BUSINESS_DAYS and change.seconds is not None
        told += f" = {span_text(change.seconds or 0)} of working time" if worth else ""
        chosen = f"policy {change.policy or '-'}, level {change.level or '-'}"
        yield f"  from {local_text(reader, change.at)} {told} ({chosen})"
    for part in clock.slices:
        did = "ran" if part.rest is None else f"rested ({part.rest})"
        yield (
            f"  {local_text(reader, part.start)} to {local_text(reader, part.end)}: {did}, {part.holder}, "
            f"{span_text(part.business)} by {part.version}, since {part.why}"
        )
    if clock.carried:
        yield f"  {span_text(clock.carried)} were carried over"
    if clock.seconds is not None:
        used, target = verdict.elapsed, clock.seconds
        left = span_text(target - used)
        yield f"  used {span_text(used)} of {span_text(target)} ({share_text(used, target)}), left {left}"
    if verdict.due is not None:
        yield f"  due {local_text(reader, verdict.due)}" + (" (holidays not announced yet)" if verdict.is_guess else "")
    elif clock.rest is not None:
        yield f"  rests ({clock.rest}), so it has no due time"
    for holder, seconds in sorted(clock.split().items(), key=lambda item: -item[1]):
        yield f"  {holder} had the ball for {span_text(seconds)}"
    if cycle.end is not None:
        yield f"  {cycle.outcome} {local_text(reader, cycle.end)} by {cycle.ended_by}"
    if cycle.inferred:
        yield "  start or end is inferred: the trackers could not tell it exactly"
