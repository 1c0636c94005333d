"""Conditions on tickets: `all:` and `any:` of field, operator, value, as Zendesk's own triggers have them. Pure.

https://developer.zendesk.com/documentation/ticketing/reference-guides/conditions-reference/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeAlias

from syncd.core.model import Json, TicketSnapshot


class Operator(StrEnum):
    IS = "is"
    IS_NOT = "is_not"
    INCLUDES = "includes"  # of tags: any of them; of a text: the words, in any case
    NOT_INCLUDES = "not_includes"
    PRESENT = "present"
    NOT_PRESENT = "not_present"
    LESS_THAN = "less_than"
    GREATER_THAN = "greater_than"


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
RANKS: Final[Mapping[str, tuple[str, ...]]] = {
    "status": ("new", "open", "pending", "hold", "solved", "closed"),
    "priority": ("low", "normal", "high", "urgent"),
}
"""What less_than and greater_than mean for words."""

Value: TypeAlias = "str | int | float | bool | tuple[str, ...] | None"


@dataclass(frozen=True, slots=True)
class Condition:
    """One line. `value` of a tuple means any of them."""

    field: str
    operator: Operator = Operator.IS
    value: Value = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """Every one of `all`, and one of `any` where there are some."""

    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    unknown: tuple[str, ...] = field(default=())  # names that could not be resolved: then nothing holds

    def each(self) -> tuple[Condition, ...]:
        """All lines, as written."""
        return (*self.all, *self.any)


def holds(conditions: Conditions, ticket: TicketSnapshot) -> bool:
    """Whether the ticket fulfils them. Without any condition, or with a name that nobody knows, it does not."""
    if not conditions.each() or conditions.unknown:
        return False
    return all(_fits(c, ticket) for c in conditions.all) and (
        not conditions.any or any(_fits(c, ticket) for c in conditions.any)
    )


def why(conditions: Conditions, ticket: TicketSnapshot) -> str:
    """The lines that the ticket fulfils, as text for a reason."""
    return ", ".join(told(condition) for condition in conditions.each() if _fits(condition, ticket))


def told(condition: Condition) -> str:
    """`priority is urgent`."""
    value = condition.value
    words = " or ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"{condition.field} {condition.operator.value.replace('_', ' ')} {words}".strip()


def resolved(conditions: Conditions, look_up: Callable[[Condition], Condition | str]) -> Conditions:
    """With names replaced by ids: `look_up` answers the condition to use, or a sentence about what nobody knows."""
    unknown: list[str] = []

    def one(condition: Condition) -> Condition:
        found = look_up(condition)
        if isinstance(found, str):
            unknown.append(found)
            return condition
        return found

    return replace(
        conditions,
        all=tuple(one(c) for c in conditions.all),
        any=tuple(one(c) for c in conditions.any),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def field_name(written: str) -> str:
    """The name of a field as FIELDS has it; a custom one as `field:…`. Empty when it is neither."""
    name = written.strip()
    if name.casefold().startswith(CUSTOM):
        return CUSTOM + name[len(CUSTOM) :].strip()
    if name.startswith("custom_fields_") and name.removeprefix("custom_fields_").isdecimal():
        return CUSTOM + name.removeprefix("custom_fields_")
    name = SAME_AS.get(name, name)
    return name if name in FIELDS else ""


def _fits(condition: Condition, ticket: TicketSnapshot) -> bool:
    present = value_of(condition.field, ticket)
    match condition.operator:
        case Operator.PRESENT:
            return bool(present) or present is False or present == 0
        case Operator.NOT_PRESENT:
            return present is None or present in ("", (), [])
        case Operator.IS:
            return _is(present, condition.value)
        case Operator.IS_NOT:
            return not _is(present, condition.value)
        case Operator.INCLUDES:
            return _includes(present, condition.value)
        case Operator.NOT_INCLUDES:
            return not _includes(present, condition.value)
        case Operator.LESS_THAN:
            return _compared(condition, present, -1)
        case Operator.GREATER_THAN:
            return _compared(condition, present, 1)


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


def _words(value: Json | Value) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_word(entry) for entry in value)
    return (_word(value),)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).strip().casefold()


def _is(present: Json | tuple[str, ...], wanted: Value) -> bool:
    if isinstance(present, list | tuple):
        return set(_words(present)) == set(_words(wanted))
    return _word(present) in _words(wanted)


def _includes(present: Json | tuple[str, ...], wanted: Value) -> bool:
    """Of tags and options any of them (Zendesk separates tags by blanks); of a text all the words of one entry."""
    if isinstance(present, list | tuple):
        asked = {word for entry in _words(wanted) for word in entry.replace(",", " ").split()}
        return not asked.isdisjoint(_words(present))
    text = _word(present)
    return any(entry and entry in text for entry in _words(wanted))


def _compared(condition: Condition, present: Json | tuple[str, ...], sign: int) -> bool:
    ranks = RANKS.get(condition.field)
    if ranks is not None:
        here, there = _word(present), _word(condition.value if not isinstance(condition.value, tuple) else None)
        return here in ranks and there in ranks and (ranks.index(here) - ranks.index(there)) * sign > 0
    try:
        return (float(str(present)) - float(str(condition.value))) * sign > 0
    except ValueError:
        return False
