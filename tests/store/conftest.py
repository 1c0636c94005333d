"""The store on both databases: a test that takes `store` runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.store import Store
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


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store with tables."""
    if request.param == "postgresql":
        template: str = request.getfixturevalue("postgres_template")
        server: Postgres = request.getfixturevalue("postgres")
        return server.url(server.new_database(template))
    path = tmp_path / "syncd.db"
    path.write_bytes(request.getfixturevalue("sqlite_template"))
    return f"sqlite:///{path}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An open store, on each database in turn."""
    with Store.open(url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(sqlite_template: bytes, tmp_path: Path) -> Iterator[Store]:
    """An open store in a file."""
    path = tmp_path / "syncd.db"
    path.write_bytes(sqlite_template)
    with Store.open(f"sqlite:///{path}") as opened:
        yield opened
