"""Zendesk's JSON into our records. Rows come from a server and may hold anything: each is read strictly, and one that
cannot be read becomes a sentence, never an exception for its neighbours.

Shapes: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#json-format
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from syncd.core.model import CustomStatus, DeskCatalog, Json, TicketField, TicketSnapshot, TicketState

Row: TypeAlias = Mapping[str, Any]

CATEGORIES = frozenset({"new", "open", "pending", "hold", "solved", "closed", "deleted"})


class MalformedError(Exception):
    """A row that is not what Zendesk documents. It does not leave this package."""


# ---- single values ---------------------------------------------------------------------------------------------


def row_of(value: object, what: str) -> Row:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise MalformedError(f"{what} is no object")
    return value


def rows_of(value: object) -> list[Any]:
    """A JSON list; an absent or null one counts as empty."""
    return list(value) if isinstance(value, list) else []


def whole(row: Row, key: str) -> int | None:
    """An integer (as text, too: ids come as both), None when absent or null."""
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise MalformedError(f"{key} is no integer")
    try:
        return int(value)
    except ValueError:
        raise MalformedError(f"{key} is no integer") from None


def needed_whole(row: Row, key: str) -> int:
    """An integer that must be there."""
    value = whole(row, key)
    if value is None:
        raise MalformedError(f"{key} is missing")
    return value


def words(row: Row, key: str) -> str:
    """A text; "" when absent or null."""
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedError(f"{key} is no text")
    return value


def text_or_none(value: object) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def moment(row: Row, key: str) -> datetime:
    """A time in UTC, whole seconds."""
    value = row.get(key)
    if not isinstance(value, str):
        raise MalformedError(f"{key} is no time")
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise MalformedError(f"{key} is no time") from None
    if parsed.tzinfo is None:
        raise MalformedError(f"{key} has no time zone")
    try:
        return parsed.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise MalformedError(f"{key} is out of range") from None


def stamp_of(time: datetime) -> str:
    """A time as Zendesk writes it: 2026-11-20T08:05:10Z."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def inner(row: Row, *path: str) -> Any:
    """The value at a path of keys; None where the path breaks off."""
    value: Any = row
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


# ---- tickets ---------------------------------------------------------------------------------------------------


def same_value(first: Json, second: Json) -> bool:
    """Whether two values of a custom field are the same to Zendesk, which keeps all ways of being empty as one."""
    if is_empty(first) or is_empty(second):
        return is_empty(first) and is_empty(second)
    if isinstance(first, list) and isinstance(second, list):
        return sorted(map(str, first)) == sorted(map(str, second))
    if isinstance(first, bool) or isinstance(second, bool):
        return str(first).lower() == str(second).lower()
    return str(first) == str(second)


def is_empty(value: Json) -> bool:
    """Whether a custom field holds nothing."""
    return value is None or value in ("", [])


class TicketReader:
    """Reads ticket rows. It remembers whether this server sends custom fields at all: where it does, a row without them
    is a broken row and not a ticket whose fields were emptied."""

    def __init__(self) -> None:
        self._sends_fields = False

    def read_all(self, rows: Sequence[object]) -> tuple[tuple[TicketSnapshot, ...], tuple[str, ...]]:
        """The tickets, and a sentence for each row that could not be read."""
        self._sends_fields = self._sends_fields or any(isinstance(row, Mapping) and _has_fields(row) for row in rows)
        tickets, malformed = [], []
        for row in rows:
            try:
                tickets.append(self.read(row))
            except MalformedError as error:
                number = row.get("id") if isinstance(row, Mapping) else None
                named = isinstance(number, int | str) and not isinstance(number, bool)
                who = f"ticket #{str(number)[:20]}" if named else "a ticket without an id"
                malformed.append(f"Zendesk sent {who} in a form that cannot be read: {error}")
        return tuple(tickets), tuple(malformed)

    def read(self, value: object) -> TicketSnapshot:
        """One ticket; raises MalformedError."""
        row = row_of(value, "the row")
        number = needed_whole(row, "id")
        if number < 1:
            raise MalformedError("id is not positive")
        category = words(row, "status").lower()
        if category not in CATEGORIES:
            raise MalformedError(f"status {category[:40]!r} is unknown" if category else "status is missing")
        updated = moment(row, "updated_at")
        if self._sends_fields and category != "deleted" and not _has_fields(row):
            raise MalformedError("custom_fields is missing")
        if not 0 <= updated.year - 1970 <= 500:
            raise MalformedError("updated_at is out of range")
        return TicketSnapshot(
            id=number,
            state=TicketState(category, whole(row, "custom_status_id")),
            updated_at=updated,
            created_at=updated if row.get("created_at") is None else moment(row, "created_at"),
            subject=words(row, "subject"),
            priority=words(row, "priority").lower() or None,
            type=words(row, "type").lower() or None,
            tags=_tags(row),
            fields=_fields(row),
            requester_id=whole(row, "requester_id"),
            assignee_id=whole(row, "assignee_id"),
            group_id=whole(row, "group_id"),
            organization_id=whole(row, "organization_id"),
            brand_id=whole(row, "brand_id"),
            form_id=whole(row, "ticket_form_id"),
            channel=_channel(row),
            problem_id=whole(row, "problem_id"),
            followup_of=_followed(row),
            generated=whole(row, "generated_timestamp") or 0,
        )


def unseen(ticket_id: int, now: datetime) -> TicketSnapshot:
    """The stand-in for a ticket that does not answer; only its id means anything."""
    return TicketSnapshot(
        id=ticket_id, state=TicketState("deleted"), updated_at=now.replace(microsecond=0), created_at=now, visible=False
    )


def _has_fields(row: Row) -> bool:
    return isinstance(row.get("custom_fields"), list) or isinstance(row.get("fields"), list)


def _tags(row: Row) -> tuple[str, ...]:
    tags = row.get("tags")
    if tags is None:
        return ()
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise MalformedError("tags is no list of texts")
    return tuple(sorted(set(tags)))


def _fields(row: Row) -> dict[str, Json]:
    entries = row.get("custom_fields")
    if entries is None:
        entries = row.get("fields")  # the export repeats them under this name
    if entries is None:
        return {}
    if not isinstance(entries, list):
        raise MalformedError("custom_fields is no list")
    found: dict[str, Json] = {}
    for entry in entries:
        item = row_of(entry, "a custom field")
        if not is_empty(item.get("value")):
            found[str(needed_whole(item, "id"))] = item.get("value")
    return found


def _channel(row: Row) -> str:
    channel = inner(row, "via", "channel")
    return str(channel) if isinstance(channel, str | int) else ""


def _followed(row: Row) -> int | None:
    """The closed ticket that this one follows up: via.source.rel is follow_up then."""
    if inner(row, "via", "source", "rel") != "follow_up":
        return None
    origin = inner(row, "via", "source", "from")
    return whole(origin, "ticket_id") if isinstance(origin, Mapping) else None


# ---- what the account defines ----------------------------------------------------------------------------------


def catalog_of(statuses: Sequence[object], fields: Sequence[object]) -> DeskCatalog:
    """Custom statuses and ticket fields; a definition that cannot be read is left out, as if it did not exist."""
    return DeskCatalog(
        custom_statuses=tuple(status for row in statuses if (status := _custom_status(row)) is not None),
        fields=tuple(known for row in fields if (known := _ticket_field(row)) is not None),
    )


def _custom_status(value: object) -> CustomStatus | None:
    try:
        row = row_of(value, "a custom status")
        return CustomStatus(
            id=needed_whole(row, "id"),
            name=words(row, "agent_label"),
            category=words(row, "status_category").lower(),
            active=row.get("active") is not False,
            default=row.get("default") is True,
        )
    except MalformedError:
        return None


def _ticket_field(value: object) -> TicketField | None:
    try:
        row = row_of(value, "a ticket field")
        options = [option for option in rows_of(row.get("custom_field_options")) if isinstance(option, Mapping)]
        return TicketField(
            id=needed_whole(row, "id"),
            title=words(row, "title"),
            type=words(row, "type"),
            active=row.get("active") is not False,
            # What is not said counts as seen by customers: syncd then refuses to put internal text there.
            visible_to_end_users=row.get("visible_in_portal") is not False,
            editable_by_end_users=row.get("editable_in_portal") is not False,
            options=tuple((words(option, "name"), words(option, "value")) for option in options),
        )
    except MalformedError:
        return None
