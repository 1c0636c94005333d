"""The ticket_events export as TicketChange records: its child events carry the changed field as a key of their own.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from syncd.core.model import TicketChange
from syncd.core.ports import TicketEvent
from syncd.sources.errors import InvalidResponseError
from syncd.sources.zendesk_audits import MARKER, MOST_EVENTS, UNMARKED, author_of, event_id, text_in
from syncd.sources.zendesk_calls import PER_EXPORT
from syncd.sources.zendesk_kinds import OTHER, as_text, kind_of_attribute
from syncd.sources.zendesk_parse import MalformedError, Row, inner, moment, needed_whole, row_of, rows_of, whole
from syncd.sources.zendesk_people import People, Via

LAST_SECOND = 253402300799  # of the year 9999
_NOT_FIELDS = frozenset(
    (
        *("id", "event_type", "type", "via", "via_reference_id", "previous_value", "created_at", "timestamp"),
        *("audit_id", "author_id", "added_tags", "removed_tags", "attachments", "metadata"),
    )
)


_MANY = frozenset({"custom_ticket_fields", "custom_fields", "fields"})


class _Told(NamedTuple):
    kind: str
    before: str | None = None
    after: str | None = None


def updaters_of(rows: Sequence[object]) -> set[int]:
    """Everybody who appears in rows of ticket_events."""
    found: set[int] = set()
    for row in rows:
        if isinstance(row, Mapping):
            children = [child for child in rows_of(row.get("child_events")) if isinstance(child, Mapping)]
            authors = [
                author_of({"author_id": row.get("updater_id")}, None),
                *(author_of(child, None) for child in children),
            ]
            found.update(author for author in authors if author is not None)
    return found


def events_of(rows: Sequence[object], people: People) -> tuple[tuple[TicketEvent, ...], tuple[str, ...]]:
    """The child events in the order of the export, and a sentence for each row that could not be read."""
    events: list[TicketEvent] = []
    malformed: list[str] = []
    for value in rows:
        try:
            row = row_of(value, "the row")
            events.extend(_row_events(row, people))
        except MalformedError as error:
            number = value.get("ticket_id") if isinstance(value, Mapping) else None
            who = f"of ticket #{number}" if isinstance(number, int) else "of an unknown ticket"
            malformed.append(f"Zendesk sent an event {who} in a form that cannot be read: {error}")
    return tuple(events), tuple(malformed)


def _row_events(row: Row, people: People) -> Iterator[TicketEvent]:
    ticket_id = needed_whole(row, "ticket_id")
    audit_id = needed_whole(row, "id")
    at = _event_time(row)
    updater = whole(row, "updater_id")
    outer = Via.of(row.get("via"), row.get("via_reference_id"))
    marker = inner(row, "metadata", "custom", MARKER) or inner(row, "metadata", MARKER)
    mark = marker if isinstance(marker, str) else None
    for place, value in enumerate(rows_of(row.get("child_events"))):
        child = row_of(value, "a child event")
        number = event_id(child, audit_id, place)
        vias = (Via.of(child.get("via"), child.get("via_reference_id")), outer)
        for index, (kind, before, after) in enumerate(_told(child)):
            is_comment = kind == "comment"
            change = TicketChange(
                audit_id=audit_id,
                at=at,
                actor=people.actor(author_of(child, updater), vias, ours=mark is not None or kind in UNMARKED),
                kind=kind,
                before=before,
                after=after,
                public=_publicity(child) if is_comment else None,
                marker=mark,
                comment_id=number if is_comment and number > 0 else None,
            )
            # Repeats are told by the id alone: a second field in one child event needs one of its own.
            own = number if index == 0 else -(abs(number) * MOST_EVENTS + index)
            yield TicketEvent(own, ticket_id, change, text_in(child) if is_comment else "")


def border_of(body: Mapping[str, object], rows: Sequence[object], start: int, *, end: bool) -> tuple[int, int | None]:
    """Where the page after this one begins (Unix seconds), and the second of which rows may be left out between them.

    Pages begin with the second in which the last one ended. One that is filled by a single second would be followed by
    itself for ever, so the next one begins a second later then. Raises InvalidResponseError for a page that is followed
    by itself for another reason."""
    try:
        end_time = whole(row_of(body, "the page"), "end_time")
    except MalformedError:
        raise InvalidResponseError("Zendesk: the export of ticket events has no readable end_time") from None
    if end_time is not None and end_time > start:
        return end_time, None
    if end:
        return start, None
    if end_time == start and is_one_second((_second_of(row) for row in rows), start):
        return start + 1, start if len(rows) <= PER_EXPORT else None  # a page beyond its limit holds all of them
    raise InvalidResponseError(
        f"Zendesk: the export of ticket events does not get past {start}: {len(rows)} rows, and more to come"
    )


def is_one_second(stamps: Iterable[int | None], second: int) -> bool:
    """Whether there are rows and all are of this second; None stands for one that cannot be read."""
    return set(stamps) - {None} == {second}


def _second_of(row: object) -> int | None:
    try:
        return int(_event_time(row_of(row, "the row")).timestamp())
    except MalformedError:
        return None


def _event_time(row: Row) -> datetime:
    try:
        return moment(row, "created_at")
    except MalformedError:
        seconds = whole(row, "timestamp")
        if seconds is None or not 0 <= seconds <= LAST_SECOND:
            raise
        return datetime.fromtimestamp(seconds, UTC)


def _publicity(child: Row) -> bool | None:
    for key in ("public", "comment_public"):
        if isinstance(child.get(key), bool):
            return bool(child[key])
    return None


def _told(child: Row) -> list[_Told]:
    """What a child event says; nothing where nobody asks about it."""
    name = str(child.get("event_type") or child.get("type") or "")
    if name.endswith("Comment"):
        return [_Told("comment")]
    if name == "SatisfactionRating":
        return [_Told("satisfaction", None, as_text(child.get("score"), "satisfaction"))]
    if name not in ("Create", "Change"):
        return []
    found = []
    for key, value in _fields(child):
        kind = kind_of_attribute(key)
        if kind == "status" and name == "Create":
            found.append(_Told("created", None, as_text(value, kind)))
        elif kind == "tags":
            found.append(_tag_change(child))
        elif kind != OTHER:
            found.append(_Told(kind, as_text(child.get("previous_value"), kind), as_text(value, kind)))
    if not found and (child.get("added_tags") or child.get("removed_tags")):
        found.append(_tag_change(child))
    return found


def _fields(child: Row) -> Iterator[tuple[str, object]]:
    """The changed fields and their values, in whichever of its ways the export names them."""
    if "field_name" in child:
        yield str(child["field_name"]), child.get("value")
        return
    for key, value in child.items():
        if key in _MANY and isinstance(value, Mapping):
            yield from ((str(number), given) for number, given in value.items())
        elif key in _MANY and isinstance(value, list):
            yield from ((str(entry.get("id")), entry.get("value")) for entry in value if isinstance(entry, Mapping))
        elif key not in _NOT_FIELDS:
            yield key, value


def _tag_change(child: Row) -> _Told:
    given = child.get("tags", child.get("value"))
    after = as_text(given)
    before = as_text(child.get("previous_value"))
    if before is None and (child.get("added_tags") or child.get("removed_tags")):
        added, removed = rows_of(child.get("added_tags")), rows_of(child.get("removed_tags"))
        kept = [tag for tag in (after or "").split() if tag not in added]
        before = " ".join([*kept, *map(str, removed)]) or None
    if after is None:
        after = " ".join(map(str, rows_of(child.get("added_tags")))) or None
    return _Told("tags", before, after)
