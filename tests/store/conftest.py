"""The store on both databases: a test that takes `store` runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.store import Store
from syncd.store.schema import Base
from tests.store.postgres import Postgres, PostgresMissingError, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server per test process."""
    try:
        with running_postgres() as server:
            yield server
    except PostgresMissingError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """A database that holds the tables, to copy from."""
    name = postgres.new_database()
    Store.open(postgres.url(name)).close()
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store's file without rows."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.checkpoint()
    return path.read_bytes()


@pytest.fixture(scope="session")
def postgres_shared(postgres: Postgres, postgres_template: str) -> str:
    """A database that tests empty and use one after the other: quicker than one for each."""
    return postgres.new_database(postgres_template)


_TABLES = [table.name for table in reversed(Base.metadata.sorted_tables)]
EMPTY = "".join(f"DELETE FROM {table};" for table in _TABLES)  # noqa: S608 - our own tables
EMPTY += "".join(f"ALTER SEQUENCE {table}_id_seq RESTART;" for table in ("link", "link_log", "audit", "request"))


def _sqlite(request: pytest.FixtureRequest, folder: Path) -> str:
    path = folder / "syncd.db"
    path.write_bytes(request.getfixturevalue("sqlite_template"))
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty store with tables, for tests that do something to the database itself."""
    if request.param == "sqlite":
        yield _sqlite(request, tmp_path)
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.new_database(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store with tables."""
    if request.param == "sqlite":
        return _sqlite(request, tmp_path)
    server: Postgres = request.getfixturevalue("postgres")
    name: str = request.getfixturevalue("postgres_shared")
    server.execute(EMPTY, name)
    return server.url(name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store, on each database in turn."""
    with Store.open(store_url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(sqlite_template: bytes, tmp_path: Path) -> Iterator[Store]:
    """An open store in a file."""
    path = tmp_path / "syncd.db"
    path.write_bytes(sqlite_template)
    with Store.open(f"sqlite:///{path}") as opened:
        yield opened
