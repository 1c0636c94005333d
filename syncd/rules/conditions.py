"""What conditions may ask of a ticket, and what it answers. Pure. The operators are those of core/conditions.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from syncd.core.conditions import Conditions, fits, told
from syncd.core.conditions import holds as holds_of
from syncd.core.model import Json, TicketSnapshot

FIELDS: Final = (
    "status",
    "custom_status",
    "type",
    "priority",
    "group",
    "assignee",
    "requester",
    "organization",
    "brand",
    "form",
    "channel",
    "subject",
    "tags",
)
"""What a condition may be about, beside ticket fields (`field:TITLE` or `field:ID`, `custom_fields_ID`)."""

SAME_AS: Final[Mapping[str, str]] = {
    "current_tags": "tags",
    "group_id": "group",
    "assignee_id": "assignee",
    "requester_id": "requester",
    "organization_id": "organization",
    "brand_id": "brand",
    "ticket_form_id": "form",
    "custom_status_id": "custom_status",
    "ticket_type_id": "type",
    "via_id": "channel",
}
"""The names that Zendesk's API uses for them."""

CUSTOM: Final = "field:"


def holds(conditions: Conditions, ticket: TicketSnapshot) -> bool:
    """Whether the ticket fulfils them. Without any condition, or with a name that nobody knows, it does not."""
    return holds_of(conditions, lambda name: value_of(name, ticket))


def why(conditions: Conditions, ticket: TicketSnapshot) -> str:
    """The lines that the ticket fulfils, as text for a reason."""
    return ", ".join(told(line) for line in conditions.each() if fits(line, value_of(line.field, ticket)))


def field_name(written: str) -> str:
    """The name of a field as FIELDS has it; a custom one as `field:…`. Empty when it is neither."""
    name = written.strip()
    if name.casefold().startswith(CUSTOM):
        return CUSTOM + name[len(CUSTOM) :].strip()
    if name.startswith("custom_fields_") and name.removeprefix("custom_fields_").isdecimal():
        return CUSTOM + name.removeprefix("custom_fields_")
    name = SAME_AS.get(name, name)
    return name if name in FIELDS else ""


def value_of(name: str, ticket: TicketSnapshot) -> Json | tuple[str, ...]:
    """What the ticket has there; None when nothing. Tags are a tuple."""
    if name.startswith(CUSTOM):
        return ticket.fields.get(name[len(CUSTOM) :])
    simple: Mapping[str, Json | tuple[str, ...]] = {
        "status": ticket.state.category,
        "custom_status": ticket.state.custom_id,
        "type": ticket.type,
        "priority": ticket.priority,
        "group": ticket.group_id,
        "assignee": ticket.assignee_id,
        "requester": ticket.requester_id,
        "organization": ticket.organization_id,
        "brand": ticket.brand_id,
        "form": ticket.form_id,
        "channel": ticket.channel,
        "subject": ticket.subject,
        "tags": ticket.tags,
    }
    return simple.get(name)
