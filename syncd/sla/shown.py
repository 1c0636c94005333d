"""What a ticket field shows of a clock: its due instant, its state, what is left while it rests, or who has the ball.

Only what changes at a threshold or with the ticket is shown, so that the mere passing of time costs no write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from syncd.core.model import Json
from syncd.sla.clock import Clock
from syncd.sla.explain import span_text
from syncd.sla.states import State, Verdict

MISSING_OPTION: Final = "?"


def chosen(metric: str, judged: Sequence[tuple[Clock, Verdict]]) -> tuple[Clock, Verdict] | None:
    """Of several clocks of a metric the open one that is due first; one that is overdue counts by when it was due. None
    of them open: the one that ended last. Clocks without a target are not shown."""
    found = [
        (clock, verdict) for clock, verdict in judged if clock.cycle.metric == metric and clock.seconds is not None
    ]
    running = [entry for entry in found if entry[0].is_open and not entry[0].let_go]
    if running:
        return min(running, key=lambda entry: (_due(entry[1]), entry[0].cycle.start))
    return max(found, key=lambda entry: entry[0].end, default=None)


def _due(verdict: Verdict) -> tuple[bool, int]:
    at = verdict.breached_at if verdict.breached_at is not None else verdict.due
    return (at is None, at or 0)


def shown(what: str, kind: str, zone: str, options: Mapping[str, str], judged: tuple[Clock, Verdict] | None) -> Json:
    """The value for a field of type `kind`; None leaves it empty, MISSING_OPTION when a drop-down list has no option
    for it. `what`: due | state | remaining | holder."""
    if judged is None:
        return None
    clock, verdict = judged
    match what:
        case "due":
            return _due_text(clock, verdict, kind, zone)
        case "state":
            return _listed(verdict.state.value, _state_text(verdict), kind, options)
        case "remaining":
            left = verdict.remaining if clock.is_open and clock.rest is not None else None
            return None if left is None else left // 60 if kind == "integer" else span_text(left)
        case _:
            holder = str(clock.slices[-1].holder) if clock.slices and clock.is_open else None
            return None if holder is None else _listed(holder, holder, kind, options)


def _due_text(clock: Clock, verdict: Verdict, kind: str, zone: str) -> Json:
    at = verdict.breached_at if verdict.breached_at is not None else verdict.due
    if at is None or not clock.is_open:
        return None
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    return local.date().isoformat() if kind == "date" else local.strftime("%Y-%m-%d %H:%M %z")


def _state_text(verdict: Verdict) -> str:
    words = verdict.state.value.replace("_", " ")
    return f"{words} ({verdict.color})" if verdict.state is State.AT_RISK else words


def _listed(value: str, text: str, kind: str, options: Mapping[str, str]) -> Json:
    if kind != "tagger":
        return text
    for name in (value, value.casefold(), value.casefold().replace(" ", "_")):
        if name in options:
            return options[name]
    return MISSING_OPTION
