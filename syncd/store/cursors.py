"""Cursors: where fetching goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from syncd.store.codec import to_micros
from syncd.store.errors import CursorWentBack
from syncd.store.prepared import Prepared
from syncd.store.rows import Repository, sealed, table_of
from syncd.store.schema import CursorRow

FAST_TICKETS = "zendesk.fast"
"""The newest `updated_at` of any ticket that was seen, in Unix seconds by Zendesk's clock."""
UPDATED_ISSUES = "jira.updated"
"""The newest `updated` of any issue that was seen, in epoch milliseconds by Jira's clock."""

_CURSOR = table_of(CursorRow)
_BY_NAME = Prepared(select(_CURSOR).where(CursorRow.name == bindparam("name")))


class Cursors(Repository):
    """Set a cursor in the transaction that stores what it passes."""

    def cursor(self, name: str) -> str | None:
        """Its value; raises RowDamaged."""
        row = self._row(_BY_NAME, name=name)
        if row is None:
            return None
        self._raise_if_damaged(CursorRow, row, "name")
        return str(row["value"])

    def set_cursor(self, name: str, value: str, now: datetime) -> None:
        """Any value, for cursors whose order only the server knows. Also mends a damaged one."""
        row = {"name": name, "value": value, "updated_at": to_micros(now)}
        self._upsert(CursorRow, [sealed(CursorRow, row)])

    def set_cursor_forward(self, name: str, value: int, now: datetime) -> None:
        """A number that never falls; raises CursorWentBack, and RowDamaged."""
        stored = self.cursor(name)
        if stored is not None and int(stored) > value:
            raise CursorWentBack(f"cursor {name} is at {stored} and can not go back to {value}.")
        self.set_cursor(name, str(value), now)

    def cursors(self) -> dict[str, str]:
        """All of them, by name."""
        rows = self._connection.execute(select(_CURSOR).order_by(CursorRow.name)).mappings()
        return {row["name"]: row["value"] for row in rows if self._sound(CursorRow, row, "name")}
