"""Bugs that were made, or are being made: the caps count them, and the daily sweep looks for twins of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, update

from syncd.core.model import Link
from syncd.store.codec import dumps, from_micros, maybe_moment, to_micros
from syncd.store.intents import SUPERSEDED, Intent, Intents
from syncd.store.prepared import Prepared
from syncd.store.rows import table_of
from syncd.store.schema import CreationRow, IntentRow, IssueRow, LinkRow, TicketRow

_CREATION = table_of(CreationRow)
_INTENT = table_of(IntentRow)

_BY_MARKER = Prepared(select(_CREATION).where(CreationRow.marker == bindparam("marker")))
_SINCE = Prepared(
    select(_CREATION).where(CreationRow.at > bindparam("since")).order_by(CreationRow.at, CreationRow.marker)
)
_NOTE = Prepared(
    select(CreationRow.note).where(
        CreationRow.ticket_id == bindparam("ticket_id"),
        CreationRow.route == bindparam("route"),
        CreationRow.issue_id == bindparam("issue_id"),
    )
)
_LAST_OCCURRENCES = (
    Prepared(
        select(func.max(CreationRow.occurrence)).where(
            CreationRow.ticket_id == bindparam("ticket_id"),
            CreationRow.route == bindparam("route"),
            CreationRow.issue_id.is_not(None),
        )
    ),
    Prepared(
        select(func.max(LinkRow.occurrence)).where(
            LinkRow.ticket_id == bindparam("ticket_id"),
            LinkRow.route == bindparam("route"),
            LinkRow.origin == "created",
        )
    ),
)
_WAS_LINKED = Prepared(
    select(LinkRow.id).where(LinkRow.ticket_id == bindparam("ticket_id"), LinkRow.route == bindparam("route")).limit(1)
)
_REFUSED = Prepared(
    select(_INTENT)
    .where(IntentRow.state == "refused", IntentRow.kind == "create_bug", IntentRow.last_error != SUPERSEDED)
    .order_by(IntentRow.seq.desc())
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Creation:
    """A bug of ours. `issue_id` is None until Jira's answer, or its effect, was seen."""

    marker: str
    ticket_id: int
    route: str
    occurrence: int
    issue_id: str | None
    issue_key: str | None
    note: str
    at: datetime  # when it was first to be sent
    twins: tuple[str, ...] = ()  # keys of issues that were made a second time, and flagged
    made_at: datetime | None = None


class Creations(Intents):
    """Rows are kept as long as the store is: there is one for each bug."""

    def reserve_creation(
        self,
        marker: str,
        *,
        ticket_id: int,
        route: str,
        occurrence: int,
        requester_id: int | None,
        caps: tuple[int, int, int],
        now: datetime,
    ) -> tuple[float, str]:
        """Takes a place under the caps (an hour, a day, a day for one requester) for this bug, once.

        (0, "") when it has one; else the seconds until one is free, and which cap it is."""
        if self.creation(marker) is not None:
            return 0.0, ""
        hour, day, requester = caps
        for span, most, who, words in (
            (HOUR, hour, None, "an hour"),
            (DAY, day, None, "a day"),
            (DAY, requester, requester_id, "a day for one requester"),
        ):
            if words.endswith("requester") and who is None:
                continue
            wait = self._wait(route, span, most, who, now)
            if wait > 0:
                return wait, f"the cap of {most} bugs {words}"
        row = {
            "marker": marker,
            "ticket_id": ticket_id,
            "route": route,
            "occurrence": occurrence,
            "requester_id": requester_id,
            "issue_id": None,
            "issue_key": None,
            "note": "",
            "at": to_micros(now),
            "made_at": None,
            "twins": "",
        }
        self._insert(CreationRow, row)
        return 0.0, ""

    def recall_creation(
        self, marker: str, *, ticket_id: int, route: str, occurrence: int, issue_id: str, issue_key: str, at: datetime
    ) -> None:
        """A bug of ours that was found again after the store was lost; harmless when it is known. `at` is when it was
        made, as far as that is known: it counts for the caps and for the look for twins."""
        if self.creation(marker) is not None:
            return
        row = {
            "marker": marker,
            "ticket_id": ticket_id,
            "route": route,
            "occurrence": occurrence,
            "requester_id": None,
            "issue_id": issue_id,
            "issue_key": issue_key,
            "note": "",
            "at": to_micros(at),
            "made_at": to_micros(at),
            "twins": "",
        }
        self._insert(CreationRow, row)

    def _wait(self, route: str, span: timedelta, most: int, requester: int | None, now: datetime) -> float:
        since = to_micros(now - span)
        query = select(CreationRow.at).where(CreationRow.route == route, CreationRow.at > since)
        if requester is not None:
            query = query.where(CreationRow.requester_id == requester)
        taken = list(self._connection.execute(query.order_by(CreationRow.at.desc()).limit(most)).scalars())
        if len(taken) < most:
            return 0.0
        free_at = from_micros(taken[-1]) + span if taken else now + span
        return max(1.0, (free_at - now).total_seconds())

    def creation(self, marker: str) -> Creation | None:
        """The bug with this marker."""
        row = self._row(_BY_MARKER, marker=marker)
        return None if row is None else _creation(row)

    def creations_since(self, moment: datetime) -> list[Creation]:
        """Those that were sent after that moment, oldest first."""
        return [_creation(row) for row in self._rows(_SINCE, since=to_micros(moment))]

    def creation_made(self, creation: Creation, now: datetime) -> None:
        """Its issue is known. Makes the row where a restored store has none."""
        values = {
            "issue_id": creation.issue_id,
            "issue_key": creation.issue_key,
            "note": creation.note,
            "made_at": to_micros(now),
        }
        if self.creation(creation.marker) is not None:
            self._connection.execute(update(_CREATION).where(_CREATION.c.marker == creation.marker).values(**values))
            return
        row = {
            **values,
            "marker": creation.marker,
            "ticket_id": creation.ticket_id,
            "route": creation.route,
            "occurrence": creation.occurrence,
            "requester_id": None,
            "at": to_micros(creation.at),
            "twins": "",
        }
        self._insert(CreationRow, row)

    def twins_flagged(self, marker: str, keys: Iterable[str]) -> None:
        """These issues were found to be second ones, and said to be."""
        known = self.creation(marker)
        if known is not None:
            text = ",".join(dict.fromkeys((*known.twins, *keys)))
            self._connection.execute(update(_CREATION).where(_CREATION.c.marker == marker).values(twins=text))

    def creation_notes(self, links: Iterable[Link]) -> dict[int, str]:
        """What the tickets of these links are to hear of the bug that was made for them, by link id."""
        found = {}
        for link in links:
            note = self._value(_NOTE, ticket_id=link.ticket_id, route=link.route, issue_id=link.issue_id)
            if note is not None:
                found[link.id] = str(note)
        return found

    def next_occurrence(self, ticket_id: int, route: str) -> int:
        """One more than the bugs that were made for the ticket by this route; links tell it where rows were lost."""
        return max(self._value(last, ticket_id=ticket_id, route=route) or 0 for last in _LAST_OCCURRENCES) + 1

    def newest_issue_number(self, project_key: str) -> int:
        """The highest number among the project's issues that were ever read; 0 when none was."""
        query = select(IssueRow.key).where(IssueRow.project_key == project_key)
        query = query.order_by(func.length(IssueRow.key).desc(), IssueRow.key.desc()).limit(1)
        tail = str(self._connection.execute(query).scalar() or "").rpartition("-")[2]
        return int(tail) if tail.isdecimal() else 0

    def newest_issue_numbers(self) -> dict[str, int]:
        """By project, of those of which an issue was ever read."""
        projects = self._connection.execute(select(IssueRow.project_key).distinct()).scalars().all()
        return {key: self.newest_issue_number(key) for key in projects}

    def was_linked(self, ticket_id: int, route: str) -> bool:
        """The ticket has, or had, a link of this route."""
        return self._value(_WAS_LINKED, ticket_id=ticket_id, route=route) is not None

    def tickets_naming(self, tag: str, since: datetime) -> list[int]:
        """The stored tickets, changed after that moment, in whose snapshot this tag stands; also those where it is
        the text of something else. One walk over the table."""
        query = select(TicketRow.id).where(TicketRow.updated_at > to_micros(since))
        query = query.where(TicketRow.body.contains(dumps(tag), autoescape=True)).order_by(TicketRow.id)
        return list(self._connection.execute(query).scalars())

    def refused_creations(self) -> list[Intent]:
        """Bugs that Jira would not make, and that are still wanted, newest first."""
        return self._sound_intents(self._rows(_REFUSED))


def _creation(row: Mapping[Any, Any]) -> Creation:
    values = dict(row)
    return Creation(
        marker=values["marker"],
        ticket_id=values["ticket_id"],
        route=values["route"],
        occurrence=values["occurrence"],
        issue_id=values["issue_id"],
        issue_key=values["issue_key"],
        note=values["note"],
        at=from_micros(values["at"]),
        twins=tuple(key for key in values["twins"].split(",") if key),
        made_at=maybe_moment(values["made_at"]),
    )
