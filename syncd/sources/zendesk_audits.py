"""What happened to a ticket: audits and the ticket_events export as TicketChange records.

Audits: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/ ; the export's child events carry
the changed field as a key of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncd.core.model import TicketChange
from syncd.core.ports import TicketEvent
from syncd.sources.zendesk_parse import MalformedError, Row, inner, moment, needed_whole, row_of, rows_of, whole
from syncd.sources.zendesk_people import People, Via

MARKER = "syncd_op"  # our key in an update's metadata; the audit shows it under metadata.custom
LAST_SECOND = 253402300799  # of the year 9999
_KINDS = {"status": "status", "custom_status_id": "custom_status", "tags": "tags"}
_UNMARKED = {"tags", "other"}  # what we do without metadata: its endpoints take none
_TICKET_NUMBER = re.compile(r"#(\d{1,18})\b")
_NOT_FIELDS = frozenset(
    (
        *("id", "event_type", "type", "via", "via_reference_id", "previous_value", "created_at", "timestamp"),
        *("audit_id", "author_id", "added_tags", "removed_tags", "attachments", "metadata"),
    )
)


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit, its events still as Zendesk sent them."""

    id: int
    ticket_id: int | None
    at: datetime
    author_id: int | None
    via: Via
    row: Row
    events: tuple[Row, ...]
    marker: str | None


def audits_of(rows: Sequence[object]) -> tuple[tuple[Audit, ...], int]:
    """The audits newest first, and how many rows could not be read."""
    found, unread = [], 0
    for value in rows:
        try:
            found.append(audit_of(value))
        except MalformedError:
            unread += 1
    return tuple(sorted(found, key=lambda audit: (audit.at, audit.id), reverse=True)), unread


def audit_of(value: object) -> Audit:
    """One audit; raises MalformedError."""
    row = row_of(value, "an audit")
    marker = inner(row, "metadata", "custom", MARKER)
    return Audit(
        id=needed_whole(row, "id"),
        ticket_id=whole(row, "ticket_id"),
        at=moment(row, "created_at"),
        author_id=whole(row, "author_id"),
        via=Via.of(row.get("via")),
        row=row,
        events=tuple(event for event in rows_of(row.get("events")) if isinstance(event, Mapping)),
        marker=marker if isinstance(marker, str) else None,
    )


def authors_of(audits: Sequence[Audit]) -> set[int]:
    """Everybody who appears in these audits."""
    found = {audit.author_id for audit in audits}
    for audit in audits:
        found.update(_author(event, None) for event in audit.events)
    return {number for number in found if number is not None}


def changes_of(audit: Audit, people: People, merged_into: int | None = None) -> tuple[TicketChange, ...]:
    """An audit's events, the last first; an audit without any that matter still yields one, for its marker."""
    changes = [_change(audit, event, kind, people) for event in audit.events if (kind := _kind(event)) is not None]
    created = [event for event in audit.events if event.get("type") == "Create"]
    if created:
        status = next((event.get("value") for event in created if event.get("field_name") == "status"), None)
        changes.insert(0, _bare(audit, "created", people, as_text(status, "status")))
    if merged_into is not None:
        changes.append(_bare(audit, "merge", people, str(merged_into)))
    if not changes:
        changes.append(_bare(audit, "other", people))
    return tuple(reversed(changes))


def _kind(event: Row) -> str | None:
    """The kind of change that an event is; None for what nobody asks about (Zendesk adds types at any time)."""
    name = str(event.get("type") or "")
    if name.endswith("Comment"):
        return "comment"
    if name == "CommentPrivacyChange":
        return "other"
    if name == "Change":
        return _KINDS.get(str(event.get("field_name")), "field")
    if name == "Create":
        return _KINDS.get(str(event.get("field_name")))
    return None


def _change(audit: Audit, event: Row, kind: str, people: People) -> TicketChange:
    is_comment = kind == "comment"
    public = event.get("public")
    comment_id = event.get("id") if is_comment else event.get("comment_id")
    return TicketChange(
        audit_id=audit.id,
        at=audit.at,
        actor=people.actor(
            _author(event, audit.author_id),
            (Via.of(event.get("via")), audit.via),
            ours=audit.marker is not None or kind in _UNMARKED,
        ),
        kind=kind,
        before=None if is_comment else as_text(event.get("previous_value"), kind),
        after=None if is_comment else as_text(event.get("value"), kind),
        public=public if isinstance(public, bool) else None,
        marker=audit.marker,
        comment_id=comment_id if isinstance(comment_id, int) else None,
    )


def _bare(audit: Audit, kind: str, people: People, after: str | None = None) -> TicketChange:
    actor = people.actor(audit.author_id, (audit.via,), ours=audit.marker is not None)
    return TicketChange(audit.id, audit.at, actor, kind, after=after, marker=audit.marker)


def _author(event: Row, otherwise: int | None) -> int | None:
    author = event.get("author_id")
    return author if isinstance(author, int) and not isinstance(author, bool) else otherwise


def as_text(value: Any, kind: str = "field") -> str | None:
    """A value of a change as text: tags parted by spaces, statuses in lower case."""
    if value is None:
        return None
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    if isinstance(value, bool | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value).lower() if kind == "status" else str(value)


# ---- merges ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MergeHint:
    """Where a merge audit of a closed ticket points. `certain`: the audit names it as the target."""

    target: int
    certain: bool


def merge_hints(audit: Audit, ticket_id: int) -> tuple[MergeHint, ...]:
    """Tickets that this one may have been merged into; none when the audit is not of its own merging away.

    What Zendesk puts into via.source of a merged ticket is not documented, so its comment ("closed and merged into
    request #35") counts as a hint, to be confirmed on the other ticket.
    """
    if audit.via.rel != "merge" or not _closes(audit):
        return ()
    certain = [n for n in _ticket_ids(audit, "to") if n != ticket_id]
    hinted = [n for n in _ticket_ids(audit, "from") if n != ticket_id]
    for event in audit.events:
        if _kind(event) == "comment":
            hinted += [int(number) for number in _TICKET_NUMBER.findall(str(event.get("body") or ""))[:3]]
    hints = [MergeHint(n, certain=True) for n in certain]
    return tuple(hints + [MergeHint(n, certain=False) for n in dict.fromkeys(hinted) if n not in (ticket_id, *certain)])


def received(audit: Audit, source_id: int) -> bool:
    """Whether this audit of a ticket says that `source_id` was merged into it."""
    if audit.via.rel != "merge" or _closes(audit):
        return False
    texts = [str(event.get("body") or "") for event in audit.events if _kind(event) == "comment"]
    mentioned = {int(number) for text in texts for number in _TICKET_NUMBER.findall(text)}
    return source_id in _ticket_ids(audit, "from") or source_id in mentioned


def _closes(audit: Audit) -> bool:
    for event in audit.events:
        kind = _kind(event)
        if kind == "status" and as_text(event.get("value"), "status") == "closed":
            return True
        if kind == "tags" and "closed_by_merge" in (as_text(event.get("value")) or "").split():
            return True
    return False


def _ticket_ids(audit: Audit, side: str) -> list[int]:
    end = inner(audit.row, "via", "source", side)
    if not isinstance(end, Mapping):
        return []
    values = [end.get("ticket_id"), *rows_of(end.get("ticket_ids"))]
    return [int(v) for v in values if isinstance(v, int | str) and str(v).isdigit()]


# ---- the ticket_events export ----------------------------------------------------------------------------------


def updaters_of(rows: Sequence[object]) -> set[int]:
    """Everybody who appears in rows of ticket_events."""
    found: set[int] = set()
    for row in rows:
        if isinstance(row, Mapping):
            children = [child for child in rows_of(row.get("child_events")) if isinstance(child, Mapping)]
            authors = [
                _author({"author_id": row.get("updater_id")}, None),
                *(_author(child, None) for child in children),
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
    for value in rows_of(row.get("child_events")):
        child = row_of(value, "a child event")
        child_id = needed_whole(child, "id")
        vias = (Via.of(child.get("via"), child.get("via_reference_id")), outer)
        found = _child_change(child)
        if found is None:
            continue
        kind, before, after = found
        is_comment = kind == "comment"
        change = TicketChange(
            audit_id=audit_id,
            at=at,
            actor=people.actor(_author(child, updater), vias, ours=mark is not None or kind in _UNMARKED),
            kind=kind,
            before=before,
            after=after,
            public=_publicity(child) if is_comment else None,
            marker=mark,
            comment_id=child_id if is_comment else None,
        )
        yield TicketEvent(child_id, ticket_id, change)


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


def _child_change(child: Row) -> tuple[str, str | None, str | None] | None:
    """(kind, before, after) of a child event, one for each as its id is all there is to tell repeats by; None for what
    nobody asks about."""
    name = str(child.get("event_type") or child.get("type") or "")
    if name.endswith("Comment"):
        return "comment", None, None
    if name not in ("Create", "Change"):
        return None
    fields = [key for key in child if key not in _NOT_FIELDS]
    for key in ("status", "custom_status_id"):
        if key in fields:
            kind = "created" if name == "Create" and key == "status" else _KINDS[key]
            return kind, as_text(child.get("previous_value"), "status"), as_text(child.get(key), "status")
    if "tags" in fields or child.get("added_tags") or child.get("removed_tags"):
        return _tag_change(child)
    if name == "Change" and fields:
        return "field", as_text(child.get("previous_value")), as_text(child.get(fields[0]))
    return None


def _tag_change(child: Row) -> tuple[str, str | None, str | None]:
    after = as_text(child.get("tags"))
    before = as_text(child.get("previous_value"))
    if before is None and (child.get("added_tags") or child.get("removed_tags")):
        added, removed = rows_of(child.get("added_tags")), rows_of(child.get("removed_tags"))
        kept = [tag for tag in (after or "").split() if tag not in added]
        before = " ".join([*kept, *map(str, removed)]) or None
    if after is None:
        after = " ".join(map(str, rows_of(child.get("added_tags")))) or None
    return "tags", before, after
