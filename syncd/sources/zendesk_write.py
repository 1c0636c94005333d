"""The body of one update of a ticket, and whether an answer shows that it was applied. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from zenpy.lib.api_objects import Comment, Ticket

from syncd.core.model import Json
from syncd.core.ports import TicketWrite
from syncd.sources.errors import RefusedError
from syncd.sources.zendesk_audits import MARKER, Audit
from syncd.sources.zendesk_parse import Row, is_empty, rows_of, same_value, stamp_of
from syncd.sources.zendesk_people import Via


def ticket_object(ticket_id: int, write: TicketWrite, stamp: datetime, marker: str) -> Ticket:
    """zenpy's ticket with what is to change, and nothing else set. Custom statuses win over their category."""
    values: dict[str, Any] = {}
    if write.custom_status_id is not None:
        values["custom_status_id"] = write.custom_status_id
    elif write.status is not None:
        values["status"] = write.status
    values |= write.values or {}
    if write.fields:
        values["custom_fields"] = [{"id": _field_id(key), "value": value} for key, value in write.fields.items()]
    if write.note is not None:
        # Always said: without it a comment inherits the ticket's visibility, which mails the customer.
        text = {"body": write.note} if write.html is None else {"html_body": write.html}
        files = {"uploads": list(write.uploads)} if write.uploads else {}
        values["comment"] = Comment(public=False, **text, **files)
    if not values:
        raise RefusedError(f"an update of ticket #{ticket_id} that changes nothing was not sent")
    body = Ticket(id=ticket_id, safe_update=True, updated_stamp=stamp_of(stamp), metadata={MARKER: marker})
    for name, value in values.items():
        setattr(body, name, value)  # zenpy sends an empty value only when it is set afterwards
    return body


def spoken_object(ticket_id: int, html: str, uploads: Sequence[str], stamp: datetime, marker: str) -> Ticket:
    """zenpy's ticket with a public comment and nothing else: the only body here that a customer reads."""
    files = {"uploads": list(uploads)} if uploads else {}
    body = Ticket(id=ticket_id, safe_update=True, updated_stamp=stamp_of(stamp), metadata={MARKER: marker})
    body.comment = Comment(public=True, html_body=html, **files)
    return body


def not_shown(write: TicketWrite, ticket: Row, audits: Sequence[Audit]) -> list[str]:
    """The parts of an update that neither the ticket nor these audits show; empty when all of it was done.

    A trigger may have changed a value again in the same second, so a value in an audit counts as much as one in the
    ticket.
    """
    events = [event for audit in audits for event in audit.events]
    missing = []
    asked: tuple[str, Json] = ("status", write.status)
    if write.custom_status_id is not None:
        asked = ("custom_status_id", write.custom_status_id)
    name, wanted = asked
    if wanted is not None and not same_value(ticket.get(name), wanted) and not _changed_to(events, name, wanted):
        missing.append("the status")
    values = {str(f.get("id")): f.get("value") for f in rows_of(ticket.get("custom_fields")) if isinstance(f, Mapping)}
    for key, value in (write.fields or {}).items():
        if not same_value(values.get(key), value) and not _changed_to(events, key, value):
            missing.append(f"field {key}")
    for key, value in (write.values or {}).items():
        if not same_value(ticket.get(key), value) and not _changed_to(events, key, value):
            missing.append(key)
    if write.note is not None and not notes_of(audits):
        missing.append("the note")
    return missing


def notes_of(audits: Sequence[Audit]) -> list[Row]:
    """The comments in these audits that are not a trigger's."""
    return [
        event
        for audit in audits
        for event in audit.events
        if str(event.get("type") or "").endswith("Comment") and not Via.of(event.get("via")).is_rule
    ]


def is_public(notes: Sequence[Row]) -> bool | None:
    """Whether any of our notes is stored as public; one that does not say counts as public, as it must be looked at.
    None when there is none."""
    return any(note.get("public") is not False for note in notes) if notes else None


def _changed_to(events: Sequence[Row], field: str, value: Json) -> bool:
    changed = [e for e in events if e.get("type") in ("Change", "Create") and str(e.get("field_name")) == field]
    return any(same_value(event.get("value"), value) for event in changed if not is_empty(value) or "value" in event)


def _field_id(key: str) -> int:
    if not key.isdigit():
        raise RefusedError(f"{key[:40]!r} is not the id of a custom field")
    return int(key)
