"""Connections: one engine for SQLite and PostgreSQL, the settings that make it safe, and its errors as sentences.

SQLite: WAL with synchronous=FULL (a lost `sent` row would mean a duplicate), every write transaction is BEGIN IMMEDIATE
(a deferred one fails at its first write as soon as another process wrote), and the file is 0600. It must lie on a local
disk: WAL does not work on a network file system. PostgreSQL: one writer at a time through a transaction-scoped advisory
lock, which works behind a pooler as well.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError

from syncd.store.errors import (
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreMissing,
    StoreReadOnly,
    StoreUnreachable,
)

BUSY_SECONDS = 10
"""How long a writer waits for another process."""

WRITER_LOCK = 0x73796E6364_01
"""The advisory lock of one write transaction on PostgreSQL."""

READING = "syncd_reading"
"""Execution option of a connection that only reads."""

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "trusted_schema=OFF",
    "cell_size_check=ON",
)


def parse_url(text: str) -> URL:
    """The address of a store; raises StoreError for one that is not sqlite:///FILE or postgresql://…"""
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreError(
            f"{_cut(text)} is no store address: write sqlite:///FILE or postgresql://USER@HOST/DB."
        ) from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        return url.set(drivername="sqlite")
    raise StoreError(f"a store can be on sqlite or postgresql, not on {backend}.")


def _cut(text: str) -> str:
    """What may be shown of something that is not a URL: it may hold a password all the same."""
    return repr(text) if "@" not in text else "this text"


def file_of(url: URL) -> Path | None:
    """The file of a SQLite store; None for one in memory and for PostgreSQL."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def name_of(url: URL) -> str:
    """How the store is called in messages: its file, or its URL without the password."""
    if url.get_backend_name() == "sqlite":
        return str(file_of(url) or "the store in memory")
    return url.set(query={}).render_as_string(hide_password=True)


def make_file(path: Path, *, create: bool) -> None:
    """Makes an empty file of mode 0600 when there is none; raises StoreMissing, StoreReadOnly or StoreUnreachable."""
    if path.exists():
        if not path.is_file():
            raise StoreUnreachable(f"{path} is not a file.")
        return
    if not create:
        raise StoreMissing(f"there is no store at {path}. Start syncd once to make it, or mend `store` in config.yaml.")
    if not path.parent.is_dir():
        raise StoreMissing(f"there is no folder {path.parent} for the store. Make it: mkdir -p {path.parent}")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreReadOnly(f"{path} can not be made: {error.strerror}.") from error


def make_engine(url: URL, *, foreign_keys: bool = True) -> Engine:
    """An engine with the settings above. `foreign_keys=False` is for migrations, which copy tables."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, foreign_keys=foreign_keys, reads=False)
    try:
        return _postgres(url)
    except ImportError as error:
        raise StoreError("the driver for PostgreSQL is missing. Install it: pip install 'syncd[postgres]'") from error


def make_reader(url: URL, engine: Engine) -> Engine:
    """An engine beside the store's own one, whose transactions only read.

    A file gets connections of their own for it: setting `query_only` makes SQLite compile all statements anew, so it
    must not change with each transaction."""
    if url.get_backend_name() == "postgresql":
        return engine.execution_options(**{READING: True}, isolation_level="REPEATABLE READ", postgresql_readonly=True)
    if file_of(url) is None:
        return engine.execution_options(**{READING: True})
    return _sqlite(url, foreign_keys=True, reads=True)


def _sqlite(url: URL, *, foreign_keys: bool, reads: bool) -> Engine:
    arguments: dict[str, Any] = {"connect_args": {"check_same_thread": False}, "hide_parameters": True}
    in_memory = file_of(url) is None
    if in_memory:
        arguments["poolclass"] = StaticPool
    engine = create_engine(url, execution_options={READING: reads}, **arguments)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is emitted below, on every version of Python
        # A damaged text must reach the row's checksum instead of failing the whole query.
        connection.text_factory = _decode
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if not foreign_keys:
            connection.execute("PRAGMA foreign_keys=OFF")
        elif connection.execute("PRAGMA foreign_keys").fetchone() != (1,):
            raise StoreError("this SQLite does not enforce foreign keys; install another build of it.")
        if reads:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options()[READING]
        # Straight to the driver: there are more of these than of all other statements.
        raw = connection.connection.cursor()
        try:
            if in_memory:  # its one connection reads and writes
                raw.execute(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
            raw.execute("BEGIN" if reading else "BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise translate_sqlite(error, name_of(url)) from error
        finally:
            raw.close()

    return engine


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _postgres(url: URL) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 10,
            "application_name": f"syncd {os.getpid()}",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Transaction-scoped, so that nothing stays behind on a connection of a pooler.
        connection.exec_driver_sql(
            f"SELECT set_config('lock_timeout', '{BUSY_SECONDS}s', true),"
            " set_config('statement_timeout', '300s', true),"
            " set_config('idle_in_transaction_session_timeout', '300s', true)"
        )
        if not connection.get_execution_options().get(READING):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")

    return engine


@contextmanager
def sentences(url: URL) -> Iterator[None]:
    """Turns the driver's errors into StoreError."""
    try:
        yield
    except DBAPIError as error:
        raise translate(error, url) from error
    except sqlite3.Error as error:
        raise translate_sqlite(error, name_of(url)) from error


def translate(error: DBAPIError, url: URL) -> StoreError:
    """The error as one of the StoreError family."""
    name = name_of(url)
    words = str(error.orig).strip().partition("\n")[0] if error.orig is not None else type(error).__name__
    if isinstance(error.orig, sqlite3.Error):
        return translate_sqlite(error.orig, name)
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in ("55P03", "40001", "40P01"):
        return StoreBusy(f"{name} is busy: another process writes to it. Try again.")
    if state.startswith("53"):
        return StoreFull(f"{name} has no room left: {words}. Nothing was kept of this step.")
    if state in ("25006", "42501"):
        return StoreReadOnly(f"{name} can not be written by this account: {words}.")
    if state in ("XX001", "XX002"):
        return StoreDamaged(f"{name} is damaged: {words}. Restore a backup.")
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return StoreUnreachable(f"{name} does not answer: {words}. Check that it runs, and `store` in config.yaml.")
    if isinstance(error, IntegrityError):
        return StoreError(f"{name} refused a row: {words}.")
    return StoreError(f"{name} failed: {words}.")


def translate_sqlite(error: sqlite3.Error, name: str) -> StoreError:
    """As translate, for an error of the driver itself."""
    words = str(error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte; the rest says more than we need
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"{name} is busy: another process writes to it for more than {BUSY_SECONDS} s. Try again.")
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"the disk of {name} is full; nothing was kept of this step. Make room, then go on.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreReadOnly(f"{name} can not be written by this account ({words}).")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_AUTH):
        return StoreUnreachable(f"{name} can not be opened or read ({words}). Check the disk and who may read it.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreDamaged(f"{name} is damaged or not a store ({words}). Run `syncd restore` with a backup.")
    if code == sqlite3.SQLITE_CONSTRAINT:
        return StoreError(f"{name} refused a row: {words}.")
    return StoreError(f"{name} failed: {words}.")


def with_password(url: str, password: str) -> str:
    """The address with this password in it, for opening only: never to be shown."""
    return str(make_url(url).set(password=password).render_as_string(hide_password=False))
