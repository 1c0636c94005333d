"""What the repository modules share: the connection, checksums over rows, lists cut for IN, insert-or-update."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table, bindparam, insert, inspect, update
from sqlalchemy.dialects import postgresql, sqlite

from syncd.store.errors import RowDamaged
from syncd.store.prepared import Prepared, Runner
from syncd.store.schema import Base, CursorRow, IntentRow, LinkRow, clean

T = TypeVar("T")

CHUNK = 500
"""How many values go into one IN list, and rows into one INSERT."""

ALL_ROWS: Final = 1 << 62
"""The limit of a statement where there is none."""

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
        self._runner = Runner(connection)
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

    # ---- statements ----

    def _rows(self, prepared: Prepared, **values: Any) -> list[dict[str, Any]]:
        """All rows of the answer."""
        return self._runner.rows(prepared, values)

    def _row(self, prepared: Prepared, **values: Any) -> dict[str, Any] | None:
        """The first row of the answer."""
        return next(iter(self._runner.rows(prepared, values)), None)

    def _tuples(self, prepared: Prepared, **values: Any) -> list[tuple[Any, ...]]:
        """All rows of the answer, without names."""
        return self._runner.tuples(prepared, values)

    def _column(self, prepared: Prepared, **values: Any) -> list[Any]:
        """The first value of each row."""
        return [row[0] for row in self._runner.tuples(prepared, values)]

    def _value(self, prepared: Prepared, **values: Any) -> Any:
        """The first value of the first row; None when there is none."""
        return next(iter(self._column(prepared, **values)), None)

    def _alter(self, prepared: Prepared, **values: Any) -> int:
        """Carries out an INSERT, UPDATE or DELETE; how many rows it met."""
        return self._runner.change(prepared, values)

    def _insert(self, model: type[Base], row: Mapping[str, Any]) -> None:
        """Adds a row whose key cannot be there."""
        self._runner.change(_plain_insert(model, tuple(row)), row)

    def _add(self, model: type[Base], row: Mapping[str, Any]) -> int:
        """Adds a row whose id the database gives, and returns that."""
        return int(self._runner.tuples(_numbered_insert(model, tuple(row)), row)[0][0])

    def _rewrite(self, model: type[Base], row: Mapping[str, Any], key: str = "id") -> None:
        """Writes all columns of a row that is there."""
        self._runner.change(_update(model, key, tuple(row)), {_GIVEN + name: value for name, value in row.items()})

    def _upsert(self, model: type[Base], rows: Sequence[Mapping[str, Any]], *, replace: bool = True) -> None:
        """Inserts the rows; a row whose key exists is replaced, or left alone."""
        if rows:
            statement = _upserting(model, self._connection.dialect.name, tuple(rows[0]), replace=replace)
            for start in range(0, len(rows), CHUNK):
                self._runner.change_many(statement, rows[start : start + CHUNK])


_GIVEN = "given_"
"""Before the names of an UPDATE's values: SQLAlchemy keeps those of columns to itself."""


@functools.cache
def _plain_insert(model: type[Base], names: tuple[str, ...]) -> Prepared:
    return Prepared(insert(table_of(model)).values({name: bindparam(name) for name in names}))


@functools.cache
def _numbered_insert(model: type[Base], names: tuple[str, ...]) -> Prepared:
    table = table_of(model)
    return Prepared(insert(table).values({name: bindparam(name) for name in names}).returning(table.c.id))


@functools.cache
def _update(model: type[Base], key: str, names: tuple[str, ...]) -> Prepared:
    table = table_of(model)
    changed: dict[str, Any] = {name: bindparam(_GIVEN + name) for name in names if name != key}
    return Prepared(update(table).where(table.c[key] == bindparam(_GIVEN + key)).values(changed))


@functools.cache
def _upserting(model: type[Base], dialect: str, given: tuple[str, ...], *, replace: bool) -> Prepared:
    table = table_of(model)
    keys = [column.name for column in table.primary_key.columns]
    names = [column.name for column in table.columns]
    into: Any = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    into = into.values({name: bindparam(name) for name in given})
    others = {name: into.excluded[name] for name in names if name not in keys}
    if replace and others:
        return Prepared(into.on_conflict_do_update(index_elements=keys, set_=others))
    return Prepared(into.on_conflict_do_nothing(index_elements=keys))
