"""Verbs that change something while the daemon runs: it takes them in its next cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from syncd.core.model import Json
from syncd.store.codec import dumps, from_micros, loads, maybe_moment, to_micros
from syncd.store.errors import NotStored
from syncd.store.prepared import Prepared
from syncd.store.rows import Repository, table_of
from syncd.store.schema import RequestRow

_REQUEST = table_of(RequestRow)
_OPEN = Prepared(select(_REQUEST).where(RequestRow.finished_at.is_(None)).order_by(RequestRow.id))


@dataclass(frozen=True, slots=True)
class Request:
    """A verb that waits, or how it ended."""

    id: int
    verb: str
    args: dict[str, Json]
    created_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None


class Requests(Repository):
    """In order of arrival."""

    def add_request(self, verb: str, args: Mapping[str, Json], now: datetime) -> int:
        """Leaves a verb for the daemon; returns the id to ask for its outcome."""
        row = {"verb": verb, "args": dumps(dict(args)), "created_at": to_micros(now)}
        return self._add(RequestRow, row)

    def open_requests(self) -> list[Request]:
        """Those that are not finished, oldest first."""
        return [_request(row) for row in self._rows(_OPEN)]

    def finish_request(self, request_id: int, outcome: str, now: datetime) -> None:
        """It is done, or could not be: `outcome` is the sentence for the person who asked. Raises NotStored."""
        query = update(_REQUEST).where(_REQUEST.c.id == request_id, _REQUEST.c.finished_at.is_(None))
        changed = self._connection.execute(query.values(finished_at=to_micros(now), outcome=outcome))
        if not changed.rowcount:
            raise NotStored(f"there is no open request {request_id}.")

    def request(self, request_id: int) -> Request | None:
        """The request, finished or not."""
        row = self._connection.execute(select(_REQUEST).where(RequestRow.id == request_id)).mappings().first()
        return None if row is None else _request(row)


def _request(row: Mapping[Any, Any]) -> Request:
    return Request(
        id=row["id"],
        verb=row["verb"],
        args=loads(row["args"]),
        created_at=from_micros(row["created_at"]),
        finished_at=maybe_moment(row["finished_at"]),
        outcome=row["outcome"],
    )
