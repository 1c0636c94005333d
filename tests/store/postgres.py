"""A PostgreSQL server of our own for a test run: a temporary folder, a Unix socket, no port, no durability."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg


class PostgresMissingError(Exception):
    """This machine has no PostgreSQL server, or nobody who may run one."""


class Postgres:
    """A running server."""

    def __init__(self, socket_folder: Path) -> None:
        self._folder = socket_folder
        self._numbers = count(1)

    def url(self, database: str) -> str:
        """The address of a database as the store takes it."""
        return f"postgresql+psycopg://syncd@/{database}?host={self._folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Runs one statement outside a transaction."""
        with psycopg.connect(f"host={self._folder} user=syncd dbname={database}", autocommit=True) as connection:
            connection.execute(statement.encode())

    def new_database(self, template: str = "template0") -> str:
        """Makes a database; returns its name."""
        name = f"store_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name


def _programs() -> Path:
    found = shutil.which("initdb")
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if candidates:
        return candidates[-1]
    if found is None:
        raise PostgresMissingError("no initdb in PATH or /usr/lib/postgresql")
    return Path(found).resolve().parent


def _user() -> str | None:
    """Whom to run the server as: it refuses to run as root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise PostgresMissingError("the tests run as root, and there is no account to run PostgreSQL as")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Starts a server and stops it; raises PostgresMissingError."""
    programs, user = _programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))  # not pytest's folder, which another account can not enter
    try:
        if user is not None:
            shutil.chown(folder, user)
        data, log = folder / "data", folder / "log"

        def run(*command: str) -> None:
            subprocess.run(  # noqa: S603 - the database's own programs, with arguments from here
                command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, env={"LC_ALL": "C"}
            )

        run(str(programs / "initdb"), "-D", str(data), "-U", "syncd", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = (
            f"-k {folder} -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
            " -c shared_buffers=16MB -c max_connections=30 -c timezone=Asia/Shanghai"
        )
        control = [str(programs / "pg_ctl"), "-D", str(data), "-w"]
        run(*control, "-l", str(log), "-o", options, "start")
        try:
            yield Postgres(folder)
        finally:
            run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
