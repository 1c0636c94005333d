"""The store as one object: opening it, its transactions, and its care."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import PoolProxiedConnection

from syncd.store.alerts import Alerts
from syncd.store.audit import Audits
from syncd.store.backup import back_up
from syncd.store.clocks import Clocks
from syncd.store.comments import Comments
from syncd.store.creation import Creations
from syncd.store.engine import (
    BUSY_SECONDS,
    file_of,
    make_engine,
    make_file,
    make_reader,
    name_of,
    parse_url,
    sentences,
    translate_sqlite,
)
from syncd.store.errors import StoreBusy, StoreDamaged, StoreError, StoreFenced, StoreMissing
from syncd.store.escalation import Escalations
from syncd.store.facts import Facts, Lease
from syncd.store.field_bases import FieldBases
from syncd.store.grants import Grants
from syncd.store.guards import Guards
from syncd.store.migrate import check_version, migrate, version_of
from syncd.store.outbox import Outbox
from syncd.store.readings import Readings
from syncd.store.requests import Requests
from syncd.store.sla_versions import SlaVersions
from syncd.store.upkeep import Upkeep

WRITER = "writer"
"""The lease of who carries out intents."""

_TURN_SECONDS = 60
"""How long a thread waits for another thread's transaction."""


class Tx(
    Readings,
    Creations,
    Audits,
    Guards,
    Requests,
    Comments,
    Grants,
    Facts,
    Upkeep,
    FieldBases,
    Clocks,
    Alerts,
    Outbox,
    Escalations,
    SlaVersions,
):
    """One transaction: everything that can be asked of the store and told to it. Worthless after its `with` block."""


class Store:
    """Made by open(). Threads may share it; one writes at a time, readers see the last commit."""

    def __init__(self, url: str) -> None:
        self._url = parse_url(url)
        self._engine: Engine = make_engine(self._url)
        self._reader: Engine = make_reader(self._url, self._engine)
        self._path = file_of(self._url)
        self._in_memory = self._url.get_backend_name() == "sqlite" and self._path is None
        self._turn = threading.Lock()
        self._mine = threading.local()
        self._claim: Lease | None = None
        self._keeps_clocks = False

    @classmethod
    def open(cls, url: str, *, create: bool = True, check: bool = True) -> Self:
        """Opens sqlite:///FILE, sqlite:// (in memory) or postgresql://…

        `create` makes the file and the tables where there are none. `check` looks the SQLite file over (about 0.3 s per
        100 MB). Raises StoreMissing, StoreForeign, StoreTooNew, StoreNeedsUpgrade, StoreDamaged, StoreReadOnly,
        StoreUnreachable or StoreBusy, each with what to do."""
        parsed = parse_url(url)
        path = file_of(parsed)
        if path is not None:
            make_file(path, create=create)
        store = cls(url)
        try:
            store._begin_work(create=create, check=check)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Closes the connections. Harmless when it was done before."""
        self._reader.dispose()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """What to call it in messages: the file, or the address without its password."""
        return name_of(self._url)

    @property
    def path(self) -> Path | None:
        """The file of a SQLite store."""
        return self._path

    # ---- transactions ----

    def claim(self, owner: str) -> int:
        """From now on this object writes under an epoch of its own, and any that claimed the store before is refused.

        For who holds the StoreLock, which a stalled process may lose without noticing: its server connection ends, or
        its machine comes back from sleep. `owner` says who in messages. Returns the epoch."""
        name = f"{owner} {secrets.token_hex(4)}"  # an old backup may bring back the number of an epoch, not this
        self._claim = None
        with self.transaction() as tx:
            epoch = tx.new_epoch(WRITER, name)
        self._claim = Lease(WRITER, name, epoch, None)
        return epoch

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One write transaction: committed at the end of the block, rolled back on any exception.

        Never make a call over the network inside. Raises StoreBusy, StoreFull, StoreFenced and the other
        StoreErrors."""
        with self._one_at_a_time(), self._open(writable=True) as connection:
            tx = Tx(connection, writable=True, keeps_clocks=self._keeps_clocks)
            if self._claim is not None:
                self._refuse_if_fenced(tx, self._claim)
                tx.epoch = self._claim.epoch
            yield tx

    def _refuse_if_fenced(self, tx: Tx, claim: Lease) -> None:
        """Inside the transaction, which holds the writer's lock: nobody can claim the store before its end."""
        now = tx.lease(WRITER)
        if now is None or (now.epoch, now.owner) != (claim.epoch, claim.owner):
            who = now.owner.rpartition(" ")[0] if now is not None else "somebody"
            raise StoreFenced(
                f"{self.name} was taken over by {who}. This syncd writes nothing any more; what it had under way is "
                "looked for on the servers by the other one."
            )

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """One moment of the store, read only; a writer goes on meanwhile."""
        if self._in_memory:
            with self._one_at_a_time(), self._open(writable=False) as connection:  # memory has one connection
                yield Tx(connection, writable=False)
        else:
            with self._open(writable=False) as connection:
                yield Tx(connection, writable=False)

    def keep_clocks(self, kept: bool) -> None:
        """Whether changes make clocks due from now on; see clock_marks.py."""
        self._keeps_clocks = kept

    def in_transaction(self) -> bool:
        """True inside a transaction() or reading() of the calling thread."""
        return bool(getattr(self._mine, "busy", False))

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if self.in_transaction():
            raise RuntimeError("a transaction inside a transaction of the same thread")
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            raise StoreBusy(f"{self.name} is busy: another thread writes to it for more than {_TURN_SECONDS} s.")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _open(self, *, writable: bool) -> Iterator[Connection]:
        if self.in_transaction():
            raise RuntimeError("a transaction inside a transaction of the same thread")
        engine = self._engine if writable else self._reader
        self._mine.busy = True
        try:
            with sentences(self._url), engine.begin() as connection:
                yield connection
        finally:
            self._mine.busy = False

    # ---- care ----

    def checkpoint(self) -> int:
        """Moves the write-ahead log into the file and empties it, unless a reader is in the way; returns the bytes left
        in it. To be called once a cycle. 0 for a store that has no such log."""
        path = self.path
        if path is None:
            return 0
        with self._raw() as raw:
            raw.execute("PRAGMA busy_timeout=100")  # a reader in the way is no reason to wait: the next cycle comes
            try:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                raw.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        log = path.with_name(path.name + "-wal")
        return log.stat().st_size if log.exists() else 0

    def check(self) -> list[str]:
        """The long look, for the nightly round: sentences about everything that is damaged; none when all is well."""
        problems = []
        if self._url.get_backend_name() == "sqlite":
            with self._raw() as raw:
                found = [str(row[0]) for row in raw.execute("PRAGMA integrity_check").fetchall()]
                problems += [f"{self.name}: {words}" for words in found if words != "ok"]
                for row in raw.execute("PRAGMA foreign_key_check").fetchall():
                    problems.append(f"{self.name}: row {row[1]} of {row[0]} points to nothing in {row[2]}")
        with self.reading() as tx:
            return problems + [str(damage) for damage in tx.damaged()]

    def is_writable(self) -> bool:
        """True when a write transaction can be begun now."""
        try:
            with self.transaction():
                return True
        except StoreError:
            return False

    def backup(self, target: Path) -> Path:
        """Writes a verified copy to `target` (which must not exist) while work goes on; returns it.

        Raises StoreError for a store on PostgreSQL, naming the command that does it there."""
        if self.path is None:
            raise StoreError(f"{self.name} is no file. Back it up with the server's own tool: pg_dump -Fc -f FILE DB")
        return back_up(self.path, target)

    @contextmanager
    def _raw(self) -> Iterator[Any]:
        """The driver's connection, outside any transaction."""
        with sentences(self._url):
            raw: PoolProxiedConnection = self._engine.raw_connection()
        try:
            yield raw.cursor()
        except sqlite3.Error as error:
            raise translate_sqlite(error, self.name) from error
        finally:
            raw.close()

    # ---- opening ----

    def _begin_work(self, *, create: bool, check: bool) -> None:
        with self._open(writable=False) as connection:
            version = version_of(connection, self.name)
        if version == 0:
            if not create:
                raise StoreMissing(
                    f"{self.name} is empty. Start syncd once to fill it, or mend `store` in config.yaml."
                )
            self._make_tables()
            return
        check_version(version, self.name)
        if check and self._url.get_backend_name() == "sqlite":
            self._quick_check()

    def _make_tables(self) -> None:
        with self._open(writable=True) as connection:
            version = version_of(connection, self.name)  # another process may have been quicker
            if version == 0:
                migrate(connection)
            else:
                check_version(version, self.name)

    def _quick_check(self) -> None:
        with self._open(writable=False) as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
        if found != ["ok"]:
            raise StoreDamaged(f"{self.name} is damaged ({found[0]}). Run `syncd restore` with a backup.")
