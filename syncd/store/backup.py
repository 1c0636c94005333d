"""Verified copies of a SQLite store, going back to one, and the upgrade to a newer schema, which makes one first."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from syncd.store.engine import file_of, make_engine, make_file, name_of, parse_url, sentences, translate_sqlite
from syncd.store.errors import (
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreMissing,
    StoreReadOnly,
    StoreTooNew,
)
from syncd.store.lock import StoreLock
from syncd.store.migrate import migrate, newest, version_of
from syncd.store.rows import CHECKED, row_sum
from syncd.store.schema import APPLICATION_ID, SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did; `backup` is the store as it was before (SQLite only), None when there was nothing to do."""

    before: int
    after: int
    backup: Path | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did; `kept` is the store that was there before, set aside. None when there was none."""

    version: int
    kept: Path | None


def back_up(store: Path, target: Path) -> Path:
    """VACUUM INTO beside the target, fsync, look it over, rename: a file of this name is always whole. Mode 0600.

    Raises StoreError when the target exists, and StoreDamaged when the copy is not sound (it is removed then)."""
    if target.exists():
        raise StoreError(f"{target} exists already; name another file for the backup.")
    part = target.with_name(target.name + ".part")
    with _files_in(target.parent):
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        try:
            _copy_into(store, part)
            _sync(part)
            verify(part)
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync(target.parent)
    return target


def verify(path: Path) -> int:
    """Looks a SQLite store over that nobody uses; returns its version.

    Raises StoreForeign, StoreDamaged or StoreMissing."""
    if not path.is_file():
        raise StoreMissing(f"there is no file {path}.")
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        try:
            return _verify(connection, path)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translate_sqlite(error, str(path)) from error


def restore(source: Path, url: str, now: datetime) -> Restored:
    """Puts a backup in the store's place. The store that was there is kept beside it.

    Raises StoreLocked while a daemon runs on it, and what verify() raises for the backup; nothing is changed then."""
    store = file_of(parse_url(url))
    if store is None:
        raise StoreError(f"{name_of(parse_url(url))} is no file. Restore it with the server's own tool: pg_restore")
    with StoreLock(url), _files_in(store.parent):
        version = verify(source)
        if version > SCHEMA_VERSION:
            raise StoreTooNew(f"{source} was written by a newer syncd (schema {version}); restore it with that one.")
        part = store.with_name(store.name + ".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as copy:
            with source.open("rb") as original:
                shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())
        kept = store.with_name(f"{store.name}.before-restore-{_stamp(now)}") if store.exists() else None
        # The old log must go with its file: beside the new one it would be played into it.
        for suffix in ("-wal", "-shm", ""):
            old = store.with_name(store.name + suffix)
            if kept is not None and old.exists():
                old.rename(kept.with_name(kept.name + suffix))
            else:
                old.unlink(missing_ok=True)
        part.rename(store)
        _sync(store.parent)
        return Restored(version, kept)


def upgrade(url: str, now: datetime, *, folder: Path | None = None) -> Upgraded:
    """Brings a store to the newest schema, all steps in one transaction. A SQLite store is backed up beside itself
    first.

    PostgreSQL: make a dump before; the steps are one transaction there as well. `folder` holds the migrations (None =
    ours). Raises StoreLocked while a daemon runs, StoreMissing, StoreForeign, StoreTooNew, StoreDamaged."""
    parsed = parse_url(url)
    name, store = name_of(parsed), file_of(parsed)
    if store is not None:
        make_file(store, create=False)
    target = newest(folder)
    with StoreLock(url):
        engine = make_engine(parsed, foreign_keys=False)
        try:
            with sentences(parsed), engine.connect() as connection:
                before = version_of(connection, name)
            if before == 0:
                raise StoreMissing(f"{name} is empty. Start syncd once to fill it, or mend `store` in config.yaml.")
            if before > target:
                raise StoreTooNew(f"{name} was written by a newer syncd (schema {before}, this one knows {target}).")
            if before == target:
                return Upgraded(before, before, None)
            backup = None
            if store is not None:
                backup = back_up(store, store.with_name(f"{store.name}.schema-{before}-{_stamp(now)}.backup"))
            with sentences(parsed), engine.begin() as connection:
                migrate(connection, folder=folder)
                after = version_of(connection, name)
        finally:
            engine.dispose()
    return Upgraded(before, after, backup)


def _copy_into(store: Path, part: Path) -> None:
    try:
        connection = sqlite3.connect(store, isolation_level=None, timeout=10)
        try:
            connection.execute("VACUUM INTO ?", (str(part),))
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translate_sqlite(error, str(store)) from error


def _verify(connection: sqlite3.Connection, path: Path) -> int:
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreForeign(f"{path} is not a store of syncd.")
    problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    problems += [f"a row of {row[0]} points to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
    for model, key in CHECKED:
        table = model.__tablename__
        cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - one of our own tables
        names = [column[0] for column in cursor.description]
        for values in cursor:
            row = dict(zip(names, values, strict=True))
            if row["row_sum"] != row_sum(table, row):
                problems.append(f"{table} {row[key]!r} does not match its checksum")
    if problems:
        raise StoreDamaged(
            f"{path} is damaged: {problems[0]}" + (f" (and {len(problems) - 1} more)." if problems[1:] else ".")
        )
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _files_in(folder: Path) -> Iterator[None]:
    """What goes wrong with files there, as a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"there is no room left in {folder}. Make room, then do it again.") from error
        raise StoreReadOnly(f"{error.filename or folder} can not be written: {error.strerror}.") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
