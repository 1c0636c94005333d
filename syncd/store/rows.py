"""What the repository modules share: the connection, checksums over rows, lists cut for IN, insert-or-update."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, inspect
from sqlalchemy.dialects import postgresql, sqlite

from syncd.store.errors import RowDamaged
from syncd.store.schema import Base, CursorRow, IntentRow, LinkRow, clean

T = TypeVar("T")

CHUNK = 500
"""How many values go into one IN list, and rows into one INSERT."""

CHECKED: tuple[tuple[type[Base], str], ...] = ((LinkRow, "id"), (IntentRow, "id"), (CursorRow, "name"))
"""The tables whose rows carry a checksum, each with its key."""


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    table = inspect(model).local_table
    if not isinstance(table, Table):
        raise TypeError(f"{model.__name__} has no table")
    return table


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values, each once and in order, in lists of at most `size`."""
    listed = list(dict.fromkeys(values))
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def row_sum(table: str, row: Mapping[Any, Any]) -> str:
    """BLAKE2b-8 over a row as stored. Empty columns do not count: a new optional column leaves old sums valid."""
    values = {
        name: clean(value) if isinstance(value, str) else value
        for name, value in row.items()
        if value is not None and name != "row_sum"
    }
    # A damaged row may hold any type at all; repr makes text of what JSON does not know.
    text = json.dumps([table, values], sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.blake2b(text.encode(), digest_size=8, person=b"syncd-row").hexdigest()


def digest(text: str) -> str:
    """BLAKE2b-8 of a snapshot's text."""
    return hashlib.blake2b(text.encode(), digest_size=8, person=b"syncd-body").hexdigest()


def sealed(model: type[Base], row: Mapping[Any, Any]) -> dict[str, Any]:
    """The row with its checksum."""
    return {**row, "row_sum": row_sum(model.__tablename__, row)}


class Repository:
    """A transaction's connection, and the damaged rows that it met."""

    def __init__(self, connection: Connection, *, writable: bool, keeps_clocks: bool = False) -> None:
        self._connection = connection
        self._writable = writable
        self._keeps_clocks = keeps_clocks
        self.damage: dict[RowDamaged, None] = {}
        """Damaged rows met so far in this transaction (in order, each once); they were left out of the answers."""

    def _sound(self, model: type[Base], row: Mapping[Any, Any], key: str = "id") -> bool:
        """True when the row is what was written; else it goes to `damage`."""
        if row["row_sum"] == row_sum(model.__tablename__, row):
            return True
        self._damaged(model, row[key])
        return False

    def _damaged(self, model: type[Base], key: object, problem: str | None = None) -> None:
        text = clean(str(key))
        error = RowDamaged(model.__tablename__, text, problem) if problem else RowDamaged(model.__tablename__, text)
        self.damage[error] = None

    def _raise_if_damaged(self, model: type[Base], row: Mapping[Any, Any], key: str = "id") -> None:
        if row["row_sum"] != row_sum(model.__tablename__, row):
            raise RowDamaged(model.__tablename__, clean(str(row[key])))

    def _upsert(self, model: type[Base], rows: Sequence[Mapping[str, Any]], *, replace: bool = True) -> None:
        """Inserts the rows; a row whose key exists is replaced, or left alone."""
        statement = _insert(model, self._connection.dialect.name, replace=replace)
        for start in range(0, len(rows), CHUNK):
            self._connection.execute(statement, list(rows[start : start + CHUNK]))


@functools.cache
def _insert(model: type[Base], dialect: str, *, replace: bool) -> Any:
    """The statement of an upsert; made once, as making it takes longer than a row."""
    table = table_of(model)
    keys = [column.name for column in table.primary_key.columns]
    names = [column.name for column in table.columns]
    into: Any = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    others = {name: into.excluded[name] for name in names if name not in keys}
    if replace and others:
        return into.on_conflict_do_update(index_elements=keys, set_=others)
    return into.on_conflict_do_nothing(index_elements=keys)
