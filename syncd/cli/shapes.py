"""The records of the store and of plans as the verbs show them: dictionaries for machines, words for people."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from syncd.cli.costs import calls_with_what_follows
from syncd.cli.output import iso
from syncd.core.actions import (
    LOCAL_ACTIONS,
    Action,
    AddLink,
    CastVote,
    LocalAction,
    OpenConflict,
    RecordBase,
    RemoteAction,
    RepointLink,
    RetireLink,
)
from syncd.core.guard import Held
from syncd.core.model import Base, Comeback, Conflict, Json, Link
from syncd.executor.drain import describe
from syncd.store import Audit, Intent, LinkEntry
from syncd.store.codec import destination_of


def base_json(base: Base | None) -> dict[str, Json] | None:
    """What both sides were when they last agreed."""
    if base is None:
        return None
    return {
        "stage": base.stage,
        "bug_status_id": base.status_id,
        "bug_resolution_id": base.resolution_id,
        "ticket_status": base.ticket.category,
        "ticket_custom_status_id": base.ticket.custom_id,
        "at": iso(base.at),
    }


def conflict_json(conflict: Conflict | None) -> dict[str, Json] | None:
    """Why a link waits for a person."""
    if conflict is None:
        return None
    return {"code": conflict.code, "message": conflict.message, "since": iso(conflict.at)}


def link_json(link: Link) -> dict[str, Json]:
    """A link."""
    return {
        "id": link.id,
        "ticket": link.ticket_id,
        "issue": link.issue_key,
        "issue_id": link.issue_id,
        "route": link.route,
        "state": link.state.value,
        "origin": link.origin.value,
        "created_at": iso(link.created_at),
        "base": base_json(link.base),
        "vote": link.vote,
        "conflict": conflict_json(link.conflict),
    }


def entry_json(entry: LinkEntry) -> dict[str, Json]:
    """A line of a link's log."""
    return {"at": iso(entry.at), "what": entry.what, "reason": entry.reason, "detail": entry.detail}


def intent_json(intent: Intent) -> dict[str, Json]:
    """A write and how far it is."""
    return {
        "id": intent.id,
        "state": intent.state.value,
        "kind": intent.kind,
        "subject": intent.subject,
        "destination": intent.destination,
        "what": what_of(intent.action),
        "why": intent.action.reason,
        "route": intent.route,
        "links": list(intent.link_ids),
        "attempts": intent.attempts,
        "created_at": iso(intent.created_at),
        "sent_at": iso(intent.sent_at),
        "next_at": iso(intent.next_at),
        "done_at": iso(intent.done_at),
        "last_error": intent.last_error,
    }


def audit_json(row: Audit) -> dict[str, Json]:
    """What was done."""
    return {
        "at": iso(row.at),
        "intent": row.intent_id,
        "kind": row.kind,
        "subject": row.subject,
        "what": row.what,
        "outcome": row.outcome,
        "detail": row.detail,
    }


def held_json(held: Held) -> dict[str, Json]:
    """A brake that is on."""
    return {
        "route": held.route,
        "reason": held.reason.value,
        "count": held.count,
        "token": held.token,
        "message": held.message,
    }


def write_json(
    action: RemoteAction,
    *,
    held: bool,
    queued: bool,
    at: datetime | None = None,
    edges: Collection[tuple[str | None, str]] = (),
) -> dict[str, Any]:
    """A write that a plan would make, or that is queued already. `edges`: see syncd.cli.costs."""
    return {
        "kind": action.kind,
        "subject": action.subject,
        "what": what_of(action),
        "why": action.reason,
        "route": action.route,
        "links": [link for link in action.link_ids if link > 0],
        "held": held,
        "queued": queued,
        "not_before": iso(at),
        "service": destination_of(action),
        "calls": calls_with_what_follows(action, edges),
    }


def local_json(action: LocalAction) -> dict[str, Any]:
    """A change of the store that a plan would make."""
    link_id = getattr(action, "link_id", 0)
    return {
        "kind": type(action).__name__,
        "link": link_id if link_id > 0 else None,
        "what": what_of(action),
        "why": getattr(action, "reason", ""),
    }


def what_of(action: Action) -> str:
    """What an action does, in a few words: `set ticket #35 to open`."""
    return _change(action) if isinstance(action, LOCAL_ACTIONS) else describe(action)


def _change(action: LocalAction) -> str:
    match action:
        case AddLink():
            return f"link ticket #{action.ticket_id} and {action.issue_key}"
        case RetireLink():
            return f"retire link {action.link_id}"
        case RepointLink(ticket_id=int()):
            return f"point link {action.link_id} at ticket #{action.ticket_id}"
        case RepointLink():
            return f"let link {action.link_id} follow the bug to {action.issue_key}"
        case OpenConflict():
            return f"flag {_link(action.link_id)}: {action.conflict.message}"
        case RecordBase():
            return f"note that {_link(action.link_id)} agrees (stage {action.base.stage})"
        case CastVote():
            return f"note that the ticket of {_link(action.link_id)} asks for stage {action.stage}"
        case _:  # bookkeeping, named by what it is
            return re.sub(r"(?<!^)(?=[A-Z])", " ", type(action).__name__).lower()


def comeback_json(comeback: Comeback) -> dict[str, Json]:
    """A bug that came back after its ticket was closed, in the shape of a link in conflict."""
    return {
        "id": comeback.link_id,
        "ticket": comeback.ticket_id,
        "issue": comeback.issue_key,
        "issue_id": comeback.issue_id,
        "route": comeback.route,
        "state": "retired",
        "conflict": {"code": "came_back", "message": comeback.message, "since": iso(comeback.at)},
    }


def field_problem_json(link_id: int, field: str, message: str, since: datetime) -> dict[str, Json]:
    """A mapped field that cannot be kept in step."""
    return {"link": link_id, "field": field, "code": "field", "message": message, "since": iso(since)}


def _link(link_id: int) -> str:
    return f"link {link_id}" if link_id > 0 else "a new link"


def unmade_json(intent: Intent) -> dict[str, Any]:
    """A bug that is wanted and that Jira would not make."""
    return {
        "link": None,
        "intent": intent.id,
        "route": intent.route,
        "code": "create",
        "what": describe(intent.action),
        "message": intent.last_error,
        "since": iso(intent.done_at) if intent.done_at is not None else None,
    }
