"""One daemon per store: a lock that the operating system or the database server lets go when its holder dies."""

from __future__ import annotations

import fcntl
import os
import platform
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from syncd.store.engine import file_of, name_of, parse_url, sentences
from syncd.store.errors import StoreLocked, StoreReadOnly

INSTANCE_LOCK = 0x73796E6364_02
"""The session advisory lock of a daemon on PostgreSQL (locks are counted per database)."""


def this_process() -> str:
    """What this process is called in messages to people: its number and its machine."""
    return f"process {os.getpid()} on {platform.node() or 'this machine'}"


class StoreLock:
    """The right to run on a store. Use as a context manager, or call acquire and release.

    SQLite: flock on `FILE.lock`, mode 0600, which holds the process id; the file stays (removing it would let two
    processes lock two files of one name). PostgreSQL: a session advisory lock on a connection of its own, so the
    address must not lead through a pooler in transaction mode. A store in memory has no lock.
    """

    def __init__(self, url: str) -> None:
        self._url = parse_url(url)
        self._descriptor: int | None = None
        self._engine: Engine | None = None
        self._connection: Connection | None = None

    def acquire(self) -> None:
        """Takes the lock; raises StoreLocked naming the holder, at once."""
        if self._url.get_backend_name() == "sqlite":
            self._lock_file()
        else:
            self._lock_server()

    def release(self) -> None:
        """Lets the lock go; harmless without it."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def held(self) -> bool:
        """True while the lock is ours. On PostgreSQL this asks the server: a lost connection is a lost lock."""
        if self._connection is None:
            return self._descriptor is not None
        try:
            self._connection.exec_driver_sql("SELECT 1")
        except DBAPIError:
            return False
        return True

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _lock_file(self) -> None:
        store = file_of(self._url)
        if store is None:
            return
        path = store.with_name(store.name + ".lock")
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreReadOnly(f"{path} can not be made: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise self._locked(f"process {pid}" if pid else "another process") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def _lock_server(self) -> None:
        engine = create_engine(
            self._url,
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 10, "application_name": f"syncd {os.getpid()}", "keepalives_idle": 30},
        )
        self._engine = engine
        try:
            with sentences(self._url):
                self._connection = engine.connect()
                took = self._connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({INSTANCE_LOCK})").scalar_one()
                holder = "" if took else self._server_holder(self._connection)
        except BaseException:
            self.release()
            raise
        if not took:
            self.release()
            raise self._locked(holder)

    @staticmethod
    def _server_holder(connection: Connection) -> str:
        row = connection.exec_driver_sql(
            "SELECT a.application_name, coalesce(host(a.client_addr), 'a local socket') FROM pg_locks l"
            " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted"
            " AND ((l.classid::bigint << 32) | l.objid::bigint) = %s"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (INSTANCE_LOCK,),
        ).first()
        if row is None:
            return "another process"
        name, host = str(row[0]), str(row[1])
        return f"process {name.removeprefix('syncd ')} on {host}"

    def _locked(self, holder: str) -> StoreLocked:
        return StoreLocked(
            f"{name_of(self._url)} is in use by {holder}. Stop that one first: two at once would write twice.",
            holder,
        )
