"""Opening a store: what is refused, and with which words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.store import (
    Store,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreMissing,
    StoreReadOnly,
    StoreTooNew,
    StoreUnreachable,
    with_password,
)
from syncd.store.engine import name_of, parse_url, translate_sqlite
from tests.store.postgres import Postgres
from tests.store.records import NOW, ticket


def _other_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER)")
    connection.close()


def _other_application(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id=77")
        connection.execute("CREATE TABLE notes (id INTEGER)")
    connection.close()


def _from_the_future(path: Path) -> None:
    Store.open(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()


def _torn(path: Path) -> None:
    with Store.open(f"sqlite:///{path}") as store:
        with store.transaction() as tx:
            tx.put_tickets([ticket(number) for number in range(300)], NOW)
        store.checkpoint()
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("prepare", "error", "words"),
    [
        pytest.param(lambda path: None, StoreMissing, "no store at .*syncd.db.*config.yaml", id="no file"),
        pytest.param(lambda path: path.touch(), StoreMissing, "is empty", id="an empty file"),
        pytest.param(lambda path: path.mkdir(), StoreUnreachable, "not a file", id="a folder"),
        pytest.param(lambda path: path.write_bytes(b"hello" * 999), StoreDamaged, "syncd restore", id="another file"),
        pytest.param(_other_program, StoreForeign, "another program", id="another program's tables"),
        pytest.param(_other_application, StoreForeign, "another program", id="another program's mark"),
        pytest.param(_from_the_future, StoreTooNew, "newer syncd .schema 999, this one knows", id="a newer schema"),
        pytest.param(_torn, StoreDamaged, "syncd restore", id="a page of garbage"),
    ],
)
def test_what_is_not_a_store_of_ours_is_refused_with_a_sentence(
    tmp_path: Path, prepare: Callable[[Path], None], error: type[StoreError], words: str
) -> None:
    path = tmp_path / "syncd.db"
    prepare(path)
    with pytest.raises(error, match=words):
        Store.open(f"sqlite:///{path}", create=False)


def test_a_missing_folder_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match=r"mkdir -p .*/nowhere"):
        Store.open(f"sqlite:///{tmp_path}/nowhere/syncd.db")


def test_opening_for_a_look_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        Store.open(f"sqlite:///{tmp_path}/syncd.db", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("syncd.db", "'syncd.db' is no store address: write sqlite:///FILE", id="a bare file name"),
        pytest.param("mysql://root:hunter2@db/x", "not on mysql", id="another database"),
        pytest.param("://u:hunter2@h", "this text is no store address", id="no address, perhaps with a password"),
    ],
)
def test_an_address_that_can_not_be_is_refused_without_showing_a_password(text: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        parse_url(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sqlite:////var/lib/syncd/syncd.db", "/var/lib/syncd/syncd.db"),
        ("sqlite://", "the store in memory"),
        ("postgresql://syncd:hunter2@db:5433/x", "postgresql+psycopg://syncd:***@db:5433/x"),
        ("postgresql+psycopg2://u@h/d?password=hunter2", "postgresql+psycopg://u@h/d"),
    ],
)
def test_a_store_is_named_without_its_password(text: str, name: str) -> None:
    assert name_of(parse_url(text)) == name


def test_a_missing_driver_is_named_with_the_command_that_installs_it() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None; from syncd.store import Store; Store.open('postgresql://u@h/d')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert "StoreError: the driver for PostgreSQL is missing. Install it: pip install 'syncd[postgres]'" in done.stderr


def test_a_password_from_elsewhere_is_put_into_the_address() -> None:
    url = with_password("postgresql://syncd@db/x", "hunter/2@")
    assert parse_url(url).password == "hunter/2@"
    assert "hunter" not in name_of(parse_url(url))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (sqlite3.SQLITE_BUSY, StoreBusy),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusy),
        (sqlite3.SQLITE_FULL, StoreFull),
        (sqlite3.SQLITE_READONLY, StoreReadOnly),
        (sqlite3.SQLITE_CANTOPEN, StoreUnreachable),
        (sqlite3.SQLITE_IOERR, StoreUnreachable),
        (sqlite3.SQLITE_CORRUPT, StoreDamaged),
        (sqlite3.SQLITE_NOTADB, StoreDamaged),
        (sqlite3.SQLITE_CONSTRAINT, StoreError),
        (sqlite3.SQLITE_ERROR, StoreError),
    ],
)
def test_each_error_of_sqlite_has_its_kind(code: int, error: type[StoreError]) -> None:
    given = sqlite3.OperationalError("words")
    given.sqlite_errorcode = code
    found = translate_sqlite(given, "/x.db")
    assert type(found) is error
    assert "/x.db" in str(found)


# ---- PostgreSQL --------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable, match="does not answer") as caught:
        Store.open(f"postgresql://syncd:hunter2@/x?host={tmp_path}")
    assert "hunter2" not in str(caught.value)


def test_an_empty_database_is_filled_only_when_asked(postgres: Postgres) -> None:
    url = postgres.url(postgres.new_database())
    with pytest.raises(StoreMissing, match="is empty"):
        Store.open(url, create=False)
    Store.open(url).close()
    with Store.open(url, create=False) as store, store.reading() as tx:
        assert tx.count_tickets() == 0


def test_two_that_start_at_once_make_the_tables_once(postgres: Postgres) -> None:
    url = postgres.url(postgres.new_database())
    failures: list[BaseException] = []

    def start() -> None:
        try:
            Store.open(url).close()
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        pytest.param("CREATE TABLE link (id int)", StoreForeign, "under our names", id="our names are taken"),
        pytest.param(
            "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('9f3a')",
            StoreForeign,
            "not one of syncd's",
            id="another program's migrations",
        ),
        pytest.param(
            "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('0999')",
            StoreTooNew,
            "newer syncd",
            id="a newer schema",
        ),
    ],
)
def test_a_database_that_is_not_ours_is_refused(
    postgres: Postgres, statement: str, error: type[StoreError], words: str
) -> None:
    name = postgres.new_database()
    postgres.execute(statement, name)
    with pytest.raises(error, match=words):
        Store.open(postgres.url(name))


def test_a_store_on_a_server_is_backed_up_by_the_servers_own_tool(postgres: Postgres, postgres_template: str) -> None:
    with (
        Store.open(postgres.url(postgres.new_database(postgres_template))) as store,
        pytest.raises(StoreError, match="pg_dump"),
    ):
        store.backup(Path("nowhere.dump"))
