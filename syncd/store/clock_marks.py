"""What makes clocks due: every change of a ticket, of its history, of its links and of its bugs, wherever it is stored.

While clocks are kept (Store.keep_clocks) the repositories of these records mark the tickets concerned by themselves, so
that no writer can forget to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update

from syncd.core.model import TicketSnapshot
from syncd.sla.observed import ReadingChange, reading_changes
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import Repository, chunks, table_of
from syncd.store.schema import LinkRow
from syncd.store.schema_clocks import ClockDueRow, TicketReadingRow

_DUE, _READING = table_of(ClockDueRow), table_of(TicketReadingRow)
_EVER_LINKED = Prepared(select(LinkRow.ticket_id).where(listed(LinkRow.issue_id)).distinct())
_READINGS = Prepared(
    select(_READING)
    .where(listed(TicketReadingRow.ticket_id))
    .order_by(TicketReadingRow.ticket_id, TicketReadingRow.at, TicketReadingRow.name)
)
_FORGET = Prepared(delete(_READING).where(TicketReadingRow.at <= bindparam("until")))

AT_ONCE: Final = 0
NEVER: Final = 1 << 62
"""`at` of a ticket that time alone changes nothing about."""


class ClockMarks(Repository):
    """The index of tickets whose clocks are worth a look."""

    def touch_clocks(self, ticket_ids: Iterable[int]) -> None:
        """These tickets changed: their clocks are due at once. Nothing where no clocks are kept."""
        if self._keeps_clocks:
            for part in chunks(ticket_ids):
                self._upsert(ClockDueRow, [{"ticket_id": i, "at": AT_ONCE, "stale": 0} for i in part])

    def touch_clocks_of_issues(self, issue_ids: Iterable[str]) -> None:
        """As touch_clocks, for every ticket that is or was linked to one of these issues."""
        if self._keeps_clocks:
            for part in chunks(issue_ids):
                self.touch_clocks(self._column(_EVER_LINKED, ids=part))

    def outdate_clocks(self, ticket_ids: Iterable[int]) -> None:
        """As touch_clocks, for many at a time: they are computed in shares, after what changed just now."""
        if self._keeps_clocks:
            for part in chunks(ticket_ids):
                self._connection.execute(update(_DUE).where(ClockDueRow.ticket_id.in_(part)).values(stale=1))
                rows = [{"ticket_id": i, "at": NEVER, "stale": 1} for i in part]
                self._upsert(ClockDueRow, rows, replace=False)

    def outdate_clocks_of_routes(self, routes: Iterable[str]) -> None:
        """As outdate_clocks, for every ticket that is or was linked by one of these routes."""
        for part in chunks(routes):
            query = select(LinkRow.ticket_id).where(LinkRow.route.in_(part)).distinct()
            self.outdate_clocks(self._connection.execute(query).scalars().all())

    def note_readings(self, readings: Iterable[tuple[TicketSnapshot | None, TicketSnapshot]]) -> None:
        """What readings of tickets (before, now) told ahead of the exact history, and that their clocks are due."""
        if not self._keeps_clocks:
            return
        pairs = list(readings)
        rows: list[dict[str, Any]] = [
            {"ticket_id": new.id, "at": one.at, "name": one.name, "before": one.before, "after": one.after}
            for old, new in pairs
            if old is not None
            for one in reading_changes(old, new)
        ]
        # Of two changes of one attribute in one second the first knows what was there before.
        self._upsert(TicketReadingRow, rows, replace=False)
        self.touch_clocks(new.id for _, new in pairs)

    def readings_of(self, ticket_ids: Iterable[int]) -> dict[int, list[ReadingChange]]:
        """What readings of these tickets told ahead of the exact history, oldest first."""
        found: dict[int, list[ReadingChange]] = {}
        for part in chunks(ticket_ids):
            for row in self._rows(_READINGS, ids=part):
                change = ReadingChange(row["at"], row["name"], row["before"], row["after"])
                found.setdefault(row["ticket_id"], []).append(change)
        return found

    def forget_readings(self, until: int) -> None:
        """The exact history of all tickets is known until that instant (Unix seconds): readings add nothing to it. The
        table holds what was read in the last minutes, so that this walks over little."""
        self._alter(_FORGET, until=until)
