"""Statements that are written once and run a hundred times in each cycle.

Composing a statement anew and taking it through SQLAlchemy takes some 150 µs, of which SQLite needs 3: it was more than
half of what a cycle cost. Such a statement is a constant of its module instead, with `bindparam` where values go; its
text for SQLite is made once in a process and handed to the driver directly. PostgreSQL gets the same constant by way of
SQLAlchemy, which then has nothing to compose either.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, bindparam
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql import ClauseElement

from syncd.store.schema import clean

_NAMED = sqlite_dialect(paramstyle="named")


class Prepared:
    """A statement with named values. One of listed() is never empty."""

    def __init__(self, statement: Executable) -> None:
        self.statement = statement

    @functools.cached_property
    def _compiled(self) -> tuple[str, dict[str, Any], tuple[str, ...]]:
        """The text for SQLite, the values that stand in the statement itself, and which values are lists."""
        if not isinstance(self.statement, ClauseElement):
            raise TypeError("only what SQLAlchemy can compile can be prepared")
        compiled = self.statement.compile(dialect=_NAMED)
        text, values = str(compiled), dict(compiled.params)
        return text, values, tuple(name for name in values if _place_of(name) in text)

    def for_sqlite(self, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The text with its lists spread out, and the values under their names."""
        text, fixed, lists = self._compiled
        values = {**fixed, **given}
        for name in lists:
            items = values.pop(name)
            names = [f"{name}_{place}" for place in range(len(items))]
            text = text.replace(_place_of(name), ", ".join([f":{each}" for each in names]))
            values.update(zip(names, items, strict=True))
        return text, _storable(values)


def listed(column: Any, name: str = "ids") -> ColumnElement[bool]:
    """The column is one of the values that are given as a list under that name."""
    found: ColumnElement[bool] = column.in_(bindparam(name, expanding=True))
    return found


def _place_of(name: str) -> str:
    """Where SQLAlchemy leaves room for a list."""
    return f"__[POSTCOMPILE_{name}]"


def _storable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: clean(value) if isinstance(value, str) else value for name, value in values.items()}


class Runner:
    """Runs prepared statements in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        driver = connection.connection.driver_connection
        self._sqlite = driver if isinstance(driver, sqlite3.Connection) else None
        self._listeners = tuple(connection.dispatch.before_cursor_execute)

    def tuples(self, prepared: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of the answer."""
        if self._sqlite is None:
            return [tuple(row) for row in self._connection.execute(prepared.statement, dict(values))]
        return self._run(self._sqlite, prepared, values).fetchall()

    def rows(self, prepared: Prepared, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of the answer, by the names of their columns."""
        if self._sqlite is None:
            return [dict(row) for row in self._connection.execute(prepared.statement, dict(values)).mappings()]
        cursor = self._run(self._sqlite, prepared, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def change(self, prepared: Prepared, values: Mapping[str, Any]) -> int:
        """Carries out an INSERT, UPDATE or DELETE; how many rows it met."""
        if self._sqlite is None:
            return self._connection.execute(prepared.statement, dict(values)).rowcount
        return self._run(self._sqlite, prepared, values).rowcount

    def change_many(self, prepared: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        """An INSERT of these rows."""
        if self._sqlite is None:
            self._connection.execute(prepared.statement, [dict(row) for row in rows])
            return
        text, stored = prepared.for_sqlite(rows[0])[0], [_storable(row) for row in rows]
        self._tell(text, stored, many=True)
        self._sqlite.executemany(text, stored)

    def _run(self, driver: sqlite3.Connection, prepared: Prepared, given: Mapping[str, Any]) -> sqlite3.Cursor:
        text, values = prepared.for_sqlite(given)
        self._tell(text, values, many=False)
        return driver.execute(text, values)

    def _tell(self, text: str, values: object, *, many: bool) -> None:
        """Whoever listens to SQLAlchemy's statements hears of these too."""
        for listener in self._listeners:
            listener(self._connection, None, text, values, None, many)
