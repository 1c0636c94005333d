"""What happened to a ticket: its audits as TicketChange records. The export has a module of its own.

https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.core.model import TicketChange
from syncd.core.ports import TicketEvent
from syncd.sources.zendesk_kinds import OTHER, as_text, kind_of_attribute
from syncd.sources.zendesk_parse import MalformedError, Row, inner, moment, needed_whole, row_of, rows_of, whole
from syncd.sources.zendesk_people import People, Via

MARKER = "syncd_op"  # our key in an update's metadata; the audit shows it under metadata.custom
UNMARKED = frozenset({"tags", "other"})  # what we do without metadata: its endpoints take none
MOST_EVENTS = 1000  # of one audit, where ids have to be made up
_TICKET_NUMBER = re.compile(r"#(\d{1,18})\b")


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
        found.update(author_of(event, None) for event in audit.events)
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


def audit_events(audit: Audit, ticket_id: int, people: People, merged_into: int | None = None) -> list[TicketEvent]:
    """An audit's events in order, each under its id, which is also the id of the export's child event. What no clock
    and no decision asks about is left out."""
    found: list[TicketEvent] = []
    is_birth = any(event.get("type") == "Create" for event in audit.events)
    for place, event in enumerate(audit.events):
        kind = _kind(event)
        if kind is None or kind in ("other", OTHER):
            continue
        number = event_id(event, audit.id, place)
        if is_birth and kind == "status":
            change = _bare(audit, "created", people, as_text(event.get("value"), "status"))
            is_birth = False
        else:
            change = _change(audit, event, kind, people)
        found.append(TicketEvent(number, ticket_id, change, text_in(event) if kind == "comment" else ""))
    if is_birth:
        found.insert(
            0, TicketEvent(event_id({}, audit.id, len(audit.events)), ticket_id, _bare(audit, "created", people))
        )
    if merged_into is not None:
        merge = _bare(audit, "merge", people, str(merged_into))
        found.append(TicketEvent(event_id({}, audit.id, len(audit.events) + 1), ticket_id, merge))
    return found


def event_id(event: Row, audit_id: int, place: int) -> int:
    """An event's id; one that has none gets a negative one from its place, the same in every reading."""
    number = event.get("id")
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    return -(audit_id * MOST_EVENTS + place % MOST_EVENTS)


def text_in(event: Row) -> str:
    """The text of a comment, to look for markers in; it is not kept."""
    return next((text for key in ("plain_body", "body") if isinstance(text := event.get(key), str)), "")


def _kind(event: Row) -> str | None:
    """The kind of change that an event is; None for what nobody asks about (Zendesk adds types at any time)."""
    name = str(event.get("type") or "")
    if name.endswith("Comment"):
        return "comment"
    if name == "CommentPrivacyChange":
        return "other"
    if name in ("Change", "Create"):
        kind = kind_of_attribute(event.get("field_name"))
        return None if name == "Create" and kind == OTHER else kind
    if name == "SatisfactionRating":
        return "satisfaction"
    return None


def _change(audit: Audit, event: Row, kind: str, people: People) -> TicketChange:
    is_comment = kind == "comment"
    public = event.get("public")
    comment_id = event.get("id") if is_comment else event.get("comment_id")
    return TicketChange(
        audit_id=audit.id,
        at=audit.at,
        actor=people.actor(
            author_of(event, audit.author_id),
            (Via.of(event.get("via")), audit.via),
            ours=audit.marker is not None or kind in UNMARKED,
        ),
        kind=kind,
        before=None if is_comment else as_text(event.get("previous_value"), kind),
        after=None if is_comment else as_text(event.get("value", event.get("score")), kind),
        public=public if isinstance(public, bool) else None,
        marker=audit.marker,
        comment_id=comment_id if isinstance(comment_id, int) else None,
    )


def _bare(audit: Audit, kind: str, people: People, after: str | None = None) -> TicketChange:
    actor = people.actor(audit.author_id, (audit.via,), ours=audit.marker is not None)
    return TicketChange(audit.id, audit.at, actor, kind, after=after, marker=audit.marker)


def author_of(event: Row, otherwise: int | None) -> int | None:
    """Who wrote a comment; an event without an author of its own is its audit's."""
    author = event.get("author_id")
    return author if isinstance(author, int) and not isinstance(author, bool) else otherwise


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
