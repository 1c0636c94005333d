"""Zendesk's own SLA clocks: the incremental export of ticket metric events, for comparing.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/ (ticket_metric_events)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from syncd.sla.compare import DeskEvent
from syncd.sources.errors import InvalidResponseError
from syncd.sources.zendesk_calls import list_in
from syncd.sources.zendesk_events import is_one_second
from syncd.sources.zendesk_parse import inner

PATH = "incremental/ticket_metric_events"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MetricPage:
    events: tuple[DeskEvent, ...]
    end_time: int  # Unix seconds: the next start_time; rows at the border repeat
    end: bool


class MetricFeed:
    """`export` is called with a path, parameters and a start time."""

    def __init__(self, export: Callable[[str, Mapping[str, Any], int], Mapping[str, Any]]) -> None:
        self._export = export

    def page(self, start_time: int) -> MetricPage:
        """One page from `start_time` (Unix seconds, inclusive). Where all of it is of that second and more is to come,
        the next one begins a second later. Raises AuthError for an account that is no admin."""
        body = self._export(PATH, {}, start_time)
        rows = list_in(dict(body), "ticket_metric_events")
        flag, end_time = body.get("end_of_stream"), body.get("end_time")
        moves = isinstance(end_time, int) and not isinstance(end_time, bool) and end_time > start_time
        end = flag if isinstance(flag, bool) else not rows or not moves
        if not end and not moves:
            if end_time != start_time or not is_one_second((_instant(inner(row, "time")) for row in rows), start_time):
                raise InvalidResponseError(f"Zendesk: the export of metric events does not get past {start_time}")
            log.warning("second_too_full", export="ticket_metric_events", second=start_time, rows=len(rows))
            end_time, moves = start_time + 1, True
        events = tuple(event for row in rows if (event := event_of(row)) is not None)
        return MetricPage(events, int(str(end_time)) if moves else start_time, end)


def event_of(row: object) -> DeskEvent | None:
    """A row as an event; None for one that cannot be read."""
    if not isinstance(row, Mapping):
        return None
    at = _instant(row.get("time"))
    numbers = [inner(row, key) for key in ("id", "ticket_id", "instance_id")]
    if at is None or not all(_is_number(number) for number in numbers):
        return None
    minutes, hours = inner(row, "sla", "target"), inner(row, "sla", "business_hours")
    seconds = inner(row, "sla", "target_in_seconds")
    target = seconds if _is_number(seconds) else minutes * 60 if _is_number(minutes) else None
    return DeskEvent(
        id=numbers[0],
        ticket=numbers[1],
        metric=str(row.get("metric") or ""),
        instance=numbers[2],
        kind=str(row.get("type") or ""),
        at=at,
        deleted=row.get("deleted") is True,
        target=target,
        business_hours=hours if isinstance(hours, bool) else None,
        policy=str(inner(row, "sla", "policy", "title") or ""),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _instant(text: object) -> int | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return int(at.timestamp()) if at.tzinfo is not None else None
