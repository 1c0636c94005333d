"""The newest reading of every ticket and issue, the event log of tickets, and what changed since it was planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, func, select

from syncd.core.model import IssueMark, IssueSnapshot, TicketChange, TicketSnapshot
from syncd.core.ports import TicketEvent
from syncd.store.clock_marks import ClockMarks
from syncd.store.codec import decode, encode, from_micros, to_micros
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import ALL_ROWS, chunks, digest, table_of
from syncd.store.schema import Base, IssueRow, TicketChangeRow, TicketRow, TouchedRow

S = TypeVar("S", TicketSnapshot, IssueSnapshot)

_TICKET, _ISSUE = table_of(TicketRow), table_of(IssueRow)

_TICKETS = Prepared(select(_TICKET).where(listed(TicketRow.id)))
_ISSUES = Prepared(select(_ISSUE).where(listed(IssueRow.id)))
_NEXT_TICKETS = Prepared(
    select(_TICKET).where(TicketRow.id > bindparam("after_id")).order_by(TicketRow.id).limit(bindparam("most"))
)
_UPDATED_SINCE = Prepared(
    select(TicketRow.id)
    .where(TicketRow.updated_at >= bindparam("since"), TicketRow.visible == 1)
    .order_by(TicketRow.id)
)
_ISSUE_BY_KEY = Prepared(
    select(_ISSUE)
    .where(IssueRow.key == bindparam("key"))
    .order_by(IssueRow.visible.desc(), IssueRow.updated_ms.desc(), IssueRow.id)
)
_ISSUES_OF_PROJECT = Prepared(
    select(IssueRow.id)
    .where(IssueRow.project_key == bindparam("project_key"), IssueRow.visible == 1)
    .order_by(IssueRow.id)
)
_KNOWN_EVENTS = Prepared(select(TicketChangeRow.id, TicketChangeRow.body).where(listed(TicketChangeRow.id)))
_HISTORIES = Prepared(
    select(TicketChangeRow.id, TicketChangeRow.ticket_id, TicketChangeRow.body)
    .where(listed(TicketChangeRow.ticket_id))
    .order_by(TicketChangeRow.ticket_id, TicketChangeRow.at.desc(), TicketChangeRow.id.desc())
)
_EVENTS = Prepared(
    select(TicketChangeRow.id, TicketChangeRow.body)
    .where(TicketChangeRow.ticket_id == bindparam("ticket_id"))
    .order_by(TicketChangeRow.at.desc(), TicketChangeRow.id.desc())
    .limit(bindparam("most"))
)
_TOUCHED_SINCE = Prepared(select(TouchedRow.subject, TouchedRow.since).where(listed(TouchedRow.subject)))
_TOUCHED = Prepared(select(TouchedRow.subject).order_by(TouchedRow.since, TouchedRow.subject).limit(bindparam("most")))
_COUNT_TOUCHED = Prepared(select(func.count()).select_from(TouchedRow))
_UNTOUCH = Prepared(delete(TouchedRow).where(listed(TouchedRow.subject)))
_UNTOUCH_UNTIL = Prepared(delete(TouchedRow).where(listed(TouchedRow.subject), TouchedRow.at <= bindparam("until")))


class Snapshots(ClockMarks):
    """A damaged snapshot counts as not stored (and goes to `damage`): reading it again mends it."""

    def put_tickets(self, readings: Sequence[TicketSnapshot], now: datetime) -> list[int]:
        """Keeps what is news; returns the ids whose content changed, in order of arrival.

        A reading older than the stored one is ignored. One with visible=False keeps what was known of the ticket. That
        a ticket was merged is never forgotten. `generated` alone is no change of content."""
        changed: dict[int, None] = {}
        for part in chunks(range(len(readings))):
            batch = [readings[index] for index in part]
            stored = self.tickets(reading.id for reading in batch)
            rows: dict[int, dict[str, Any]] = {}
            told: list[tuple[TicketSnapshot | None, TicketSnapshot]] = []
            for reading in batch:
                old = stored.get(reading.id)
                new = _newer_ticket(old, reading)
                if new is None:
                    continue
                same = old is not None and encode(replace(old, generated=new.generated)) == encode(new)
                if same and old is not None and old.generated == new.generated:
                    continue
                stored[new.id] = new
                rows[new.id] = _ticket_row(new, now)
                if not same:
                    changed[new.id] = None
                    told.append((old, new))
            self._upsert(TicketRow, list(rows.values()))
            self.note_readings(told)
        return list(changed)

    def put_issues(self, readings: Sequence[IssueSnapshot], now: datetime) -> list[str]:
        """As put_tickets. A reading without history keeps the stored history when both have the same `updated_ms`."""
        changed: dict[str, None] = {}
        for part in chunks(range(len(readings))):
            batch = [readings[index] for index in part]
            stored = self.issues(reading.id for reading in batch)
            rows: dict[str, dict[str, Any]] = {}
            for reading in batch:
                old = stored.get(reading.id)
                new = _newer_issue(old, reading)
                if new is None or (old is not None and encode(new) == encode(old)):
                    continue
                stored[new.id] = new
                rows[new.id] = _issue_row(new, now)
                changed[new.id] = None
            self._upsert(IssueRow, list(rows.values()))
            self.touch_clocks_of_issues(rows)
        return list(changed)

    def tickets(self, ids: Iterable[int]) -> dict[int, TicketSnapshot]:
        """The stored tickets among these."""
        found: dict[int, TicketSnapshot] = {}
        for part in chunks(ids):
            for row in self._rows(_TICKETS, ids=part):
                ticket = self._snapshot(TicketSnapshot, TicketRow, row)
                if ticket is not None:
                    found[ticket.id] = replace(ticket, generated=row["generated"])
        return found

    def issues(self, ids: Iterable[str]) -> dict[str, IssueSnapshot]:
        """The stored issues among these."""
        found: dict[str, IssueSnapshot] = {}
        for part in chunks(ids):
            for row in self._rows(_ISSUES, ids=part):
                issue = self._snapshot(IssueSnapshot, IssueRow, row)
                if issue is not None:
                    found[issue.id] = issue
        return found

    def next_tickets(self, after_id: int, limit: int) -> list[TicketSnapshot]:
        """The stored tickets by id from the one after `after_id`, at most `limit` of them: for walks over all of them
        in shares. A damaged one is left out."""
        rows = self._rows(_NEXT_TICKETS, after_id=after_id, most=limit)
        found = [self._snapshot(TicketSnapshot, TicketRow, row) for row in rows]
        return [ticket for ticket in found if ticket is not None]

    def tickets_updated_since(self, moment: datetime) -> list[int]:
        """The visible tickets whose newest reading was changed then or later, by id. Goes through all tickets."""
        return self._column(_UPDATED_SINCE, since=to_micros(moment))

    def issue_by_key(self, key: str) -> IssueSnapshot | None:
        """The issue that has this key; a visible one before others, then the one changed last."""
        for row in self._rows(_ISSUE_BY_KEY, key=key):
            issue = self._snapshot(IssueSnapshot, IssueRow, row)
            if issue is not None:
                return issue
        return None

    def issue_ids_of_project(self, project_key: str) -> list[str]:
        """The ids of the project's visible issues."""
        return self._column(_ISSUES_OF_PROJECT, project_key=project_key)

    def count_tickets(self) -> int:
        """How many tickets are stored; a walk over their ids, so not for every cycle."""
        return self._connection.execute(select(func.count()).select_from(_TICKET)).scalar_one()

    def count_issues(self) -> int:
        """How many issues are stored; a walk over their ids, so not for every cycle."""
        return self._connection.execute(select(func.count()).select_from(_ISSUE)).scalar_one()

    # ---- the event log of tickets ----

    def put_ticket_changes(self, events: Sequence[TicketEvent]) -> list[int]:
        """Keeps each event once, by its id; returns the tickets that have a new one, in order of arrival.

        One that is known is replaced when more of it is told now: its attribute, or a marker in its text."""
        changed: dict[int, None] = {}
        for ids in chunks(range(len(events))):
            batch = {events[index].id: events[index] for index in ids}
            known = dict(self._tuples(_KNOWN_EVENTS, ids=list(batch)))
            new = [
                replace(event, change=_with_markers(event.change, known.get(event.id)))
                for event in batch.values()
                if _tells_more(event.change, known.get(event.id))
            ]
            rows = [
                {
                    "id": event.id,
                    "ticket_id": event.ticket_id,
                    "at": to_micros(event.change.at),
                    "body": encode(event.change),
                }
                for event in new
            ]
            self._upsert(TicketChangeRow, rows)
            changed |= dict.fromkeys(event.ticket_id for event in new)
        return list(changed)

    def histories(self, ticket_ids: Iterable[int]) -> dict[int, list[TicketChange]]:
        """The events of these tickets, each ticket's newest first."""
        found: dict[int, list[TicketChange]] = {}
        for part in chunks(ticket_ids):
            for event_id, ticket_id, body in self._tuples(_HISTORIES, ids=part):
                change = self._change(event_id, body)
                if change is not None:
                    found.setdefault(ticket_id, []).append(change)
        return found

    def ticket_changes(self, ticket_id: int, limit: int | None = None) -> list[TicketChange]:
        """The ticket's events, newest first."""
        rows = self._tuples(_EVENTS, ticket_id=ticket_id, most=ALL_ROWS if limit is None else limit)
        told = (self._change(event_id, body) for event_id, body in rows)
        return [change for change in told if change is not None]

    # ---- what changed since it was planned ----

    def touch(self, subjects: Iterable[str], now: datetime) -> None:
        """The subjects ("ticket:35", "issue:10305") are to be planned; one that waits already keeps its place."""
        moment = to_micros(now)
        for part in chunks(subjects):
            since = dict(self._tuples(_TOUCHED_SINCE, ids=part))
            rows = [{"subject": name, "since": since.get(name, moment), "at": moment} for name in part]
            self._upsert(TouchedRow, rows)

    def touched(self, limit: int | None = None) -> list[str]:
        """The subjects to plan, the one that waits longest first."""
        return self._column(_TOUCHED, most=ALL_ROWS if limit is None else limit)

    def untouch(self, subjects: Iterable[str], upto: datetime | None = None) -> None:
        """The subjects are planned. With `upto`, one that was touched again after that moment stays."""
        for part in chunks(subjects):
            if upto is None:
                self._alter(_UNTOUCH, ids=part)
            else:
                self._alter(_UNTOUCH_UNTIL, ids=part, until=to_micros(upto))

    def count_touched(self) -> int:
        """How many subjects wait to be planned."""
        return int(self._value(_COUNT_TOUCHED))

    # ---- inside ----

    def _change(self, event_id: int, body: str) -> TicketChange | None:
        try:
            return decode(TicketChange, body)
        except ValueError as error:
            self._damaged(TicketChangeRow, event_id, str(error))
            return None

    def _snapshot(self, kind: type[S], model: type[Base], row: Mapping[Any, Any]) -> S | None:
        if row["digest"] != digest(row["body"]):
            self._damaged(model, row["id"])
            return None
        try:
            return decode(kind, row["body"])
        except ValueError as error:
            self._damaged(model, row["id"], str(error))
            return None


def _tells_more(change: TicketChange, stored: str | None) -> bool:
    """Whether it is not stored, or what is stored knows less."""
    if stored is None:
        return True
    try:
        known = decode(TicketChange, stored)
    except ValueError:
        return True
    return (known.kind == "field" and change.kind != "field") or not set(change.markers) <= set(known.markers)


def _with_markers(change: TicketChange, stored: str | None) -> TicketChange:
    """With the markers that were found in it before: rules of then still ask for them."""
    try:
        known = () if stored is None else decode(TicketChange, stored).markers
    except ValueError:
        known = ()
    return replace(change, markers=tuple(sorted({*known, *change.markers}))) if known else change


def _newer_ticket(old: TicketSnapshot | None, reading: TicketSnapshot) -> TicketSnapshot | None:
    """What to keep of a reading; None when it is older than what is stored."""
    if old is None:
        # Nothing is known of it: its stamp must not outrank a later reading that shows it.
        return reading if reading.visible else replace(reading, updated_at=from_micros(0))
    if not reading.visible:
        return replace(old, visible=False, merged_into=reading.merged_into or old.merged_into)
    if reading.updated_at < old.updated_at:
        return None
    generated = max(reading.generated, old.generated)
    return replace(reading, generated=generated, merged_into=reading.merged_into or old.merged_into)


def _newer_issue(old: IssueSnapshot | None, reading: IssueSnapshot) -> IssueSnapshot | None:
    """What to keep of a reading; None when it is older than what is stored."""
    if old is None:
        return reading if reading.visible else replace(reading, updated_ms=0)  # as above
    if not reading.visible:
        return replace(old, visible=False)
    if reading.updated_ms < old.updated_ms:
        return None
    kept = replace(reading, marks=_all_marks(old, reading))
    if reading.updated_ms == old.updated_ms and not reading.history:
        return replace(kept, history=old.history)
    return kept


def _all_marks(old: IssueSnapshot, new: IssueSnapshot) -> tuple[IssueMark, ...]:
    """A reading may show only the newest comments, and a search shows none: what was seen stays."""
    if not new.marks or not old.marks or new.marks == old.marks:
        return new.marks or old.marks
    marks = dict.fromkeys((*new.marks, *old.marks))
    return tuple(sorted(marks, key=lambda mark: (mark.at, len(mark.id), mark.id), reverse=True))


def _ticket_row(ticket: TicketSnapshot, now: datetime) -> dict[str, Any]:
    body = encode(replace(ticket, generated=0))
    return {
        "id": ticket.id,
        "updated_at": to_micros(ticket.updated_at),
        "generated": ticket.generated,
        "visible": int(ticket.visible),
        "digest": digest(body),
        "body": body,
        "stored_at": to_micros(now),
    }


def _issue_row(issue: IssueSnapshot, now: datetime) -> dict[str, Any]:
    body = encode(issue)
    return {
        "id": issue.id,
        "key": issue.key,
        "project_key": issue.project_key,
        "updated_ms": issue.updated_ms,
        "visible": int(issue.visible),
        "digest": digest(body),
        "body": body,
        "stored_at": to_micros(now),
    }
