"""What both sides of a mapped field were when they last agreed, by link and field, and why a field stands still."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select

from syncd.core.field_model import FieldBase
from syncd.store.codec import dumps, from_micros, loads, to_micros
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import Repository, chunks, table_of
from syncd.store.schema import LinkRow
from syncd.store.schema_moments import FieldBaseRow

_BASE = table_of(FieldBaseRow)
_BASES = Prepared(select(_BASE).where(listed(FieldBaseRow.link_id)))
_FORGET = Prepared(delete(_BASE).where(FieldBaseRow.link_id == bindparam("link")))
_STANDING = (
    select(FieldBaseRow.link_id, FieldBaseRow.field, FieldBaseRow.problem, FieldBaseRow.at)
    .join(LinkRow, LinkRow.id == FieldBaseRow.link_id)
    .where(FieldBaseRow.problem.is_not(None), LinkRow.state != "retired")
    .order_by(FieldBaseRow.link_id, FieldBaseRow.field)
)
_PROBLEMS, _PROBLEMS_OF = Prepared(_STANDING), Prepared(_STANDING.where(listed(FieldBaseRow.link_id)))


class FieldBases(Repository):
    """One row for each (link, field)."""

    def field_bases(self, link_ids: Iterable[int]) -> dict[tuple[int, str], FieldBase]:
        """All that is known of the fields of these links, by (link, field)."""
        found: dict[tuple[int, str], FieldBase] = {}
        for part in chunks(link_ids):
            for row in self._rows(_BASES, ids=part):
                found[row["link_id"], row["field"]] = _base(row)
        return found

    def save_field_base(self, link_id: int, field: str, base: FieldBase, now: datetime) -> None:
        """Keeps it in place of what was known."""
        row = {
            "link_id": link_id,
            "field": field,
            "agreed": int(base.agreed),
            "ticket": dumps(base.ticket),
            "bug": dumps(base.bug),
            "problem": base.problem or None,
            "seen": dumps([base.seen_ticket, base.seen_bug]) if base.stands else None,
            "at": to_micros(now),
        }
        self._upsert(FieldBaseRow, [row])

    def forget_field_bases(self, link_id: int) -> None:
        """The link's two sides never agreed on any field, as far as is known."""
        self._alter(_FORGET, link=link_id)

    def field_problems(self, link_ids: Iterable[int] | None = None) -> list[tuple[int, str, str, datetime]]:
        """(link, field, what a person must mend, since when) of the live links; None = of all of them."""
        if link_ids is None:
            return [_problem(row) for row in self._tuples(_PROBLEMS)]
        found: list[tuple[int, str, str, datetime]] = []
        for part in chunks(link_ids):
            found += [_problem(row) for row in self._tuples(_PROBLEMS_OF, ids=part)]
        return found


def _problem(row: Any) -> tuple[int, str, str, datetime]:
    return row[0], row[1], row[2], from_micros(row[3])


def _base(row: Any) -> FieldBase:
    seen = loads(row["seen"]) if row["seen"] else [None, None]
    return FieldBase(
        ticket=loads(row["ticket"]),
        bug=loads(row["bug"]),
        agreed=bool(row["agreed"]),
        problem=row["problem"] or "",
        stands=bool(row["seen"]),
        seen_ticket=seen[0],
        seen_bug=seen[1],
    )
