"""Records to store, each valid by default and changed by keyword."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event

from syncd.core.actions import CommentOnBug, MoveBug, RemoveTag, UpdateTicket
from syncd.core.mapping import BugTarget
from syncd.core.model import (
    Actor,
    ActorKind,
    Base,
    IssueChange,
    IssueSnapshot,
    TicketChange,
    TicketSnapshot,
    TicketState,
)
from syncd.core.ports import TicketEvent
from syncd.store import Store

NOW = datetime(2026, 3, 2, 9, 30, 15, 250_000, tzinfo=UTC)
AGENT = Actor(ActorKind.AGENT, "7", "Ada")


def later(seconds: float) -> datetime:
    """NOW and so many seconds."""
    return NOW + timedelta(seconds=seconds)


def ticket(ticket_id: int = 35, **changes: Any) -> TicketSnapshot:
    values: dict[str, Any] = {
        "id": ticket_id,
        "state": TicketState("open"),
        "updated_at": NOW.replace(microsecond=0),
        "created_at": datetime(2026, 2, 1, tzinfo=UTC),
        "subject": "打印机不工作",
        "tags": ("bug", "printer"),
        "fields": {"360001": "APP-7", "360002": ["a", 1, None], "360003": True},
    }
    return TicketSnapshot(**{**values, **changes})


def issue(issue_id: str = "10305", **changes: Any) -> IssueSnapshot:
    values: dict[str, Any] = {
        "id": issue_id,
        "key": f"APP-{issue_id[-2:]}",
        "project_key": "APP",
        "project_id": "10000",
        "issue_type": "Bug",
        "issue_type_id": "10004",
        "status_id": "3",
        "status_name": "In Progress",
        "status_category": "indeterminate",
        "updated_ms": 1_772_443_815_123,
        "history": (change(),),
    }
    return IssueSnapshot(**{**values, **changes})


def change(change_id: str = "901", **changes: Any) -> IssueChange:
    values: dict[str, Any] = {"id": change_id, "at": NOW, "actor": AGENT, "status_from": "1", "status_to": "3"}
    return IssueChange(**{**values, **changes})


def ticket_event(event_id: int = 1, ticket_id: int = 35, **changes: Any) -> TicketEvent:
    values: dict[str, Any] = {"audit_id": 500 + event_id, "at": NOW, "actor": AGENT, "kind": "status"}
    return TicketEvent(event_id, ticket_id, TicketChange(**{**values, **changes}))


def base(**changes: Any) -> Base:
    values: dict[str, Any] = {
        "stage": "in_progress",
        "status_id": "3",
        "resolution_id": None,
        "ticket": TicketState("hold", 77),
        "ticket_version": 1_772_443_815,
        "issue_version": 1_772_443_815_123,
        "at": NOW,
    }
    return Base(**{**values, **changes})


def update(ticket_id: int = 35, source: str = "log:1", **changes: Any) -> UpdateTicket:
    values: dict[str, Any] = {"reason": "the bug is fixed", "expected": TicketState("hold"), "status": "open"}
    return UpdateTicket(ticket_id, source, **{**values, **changes})


def untag(ticket_id: int = 35, source: str = "audit:1", **changes: Any) -> RemoveTag:
    return RemoveTag(ticket_id, source, **{"reason": "acted on", "tag": "bug_not_fixed", **changes})


def move(issue_id: str = "10305", source: str = "audit:1", **changes: Any) -> MoveBug:
    values: dict[str, Any] = {
        "reason": "the ticket was solved",
        "stage": "confirmed",
        "target": BugTarget("6", "Closed", "Done", {"customfield_1": {"value": "x"}}, ("5", "6")),
        "expected_status_id": "5",
        "expected_resolution_id": "1",
    }
    return MoveBug(issue_id, f"APP-{issue_id[-2:]}", source, **{**values, **changes})


def comment(issue_id: str = "10305", source: str = "audit:1", **changes: Any) -> CommentOnBug:
    return CommentOnBug(issue_id, f"APP-{issue_id[-2:]}", source, **{"reason": "solved", "body": "*solved*", **changes})


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """The SQL that the store runs inside the block, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, parameters))

    engines = [store._engine]
    if store.path is not None:  # else what reads passes its statements on
        engines.append(store._reader)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
