from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from syncd.store import (
    Store,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreReadOnly,
)
from syncd.store.schema import APPLICATION_ID, SCHEMA_VERSION
from tests.store.records import NOW, ticket


class CrashError(Exception):
    pass


def test_a_transaction_is_kept_whole_or_not_at_all(store: Store) -> None:
    with store.transaction() as tx:
        tx.set_fact("kept", 1, NOW)

    def crash() -> None:
        with store.transaction() as tx:
            tx.set_fact("kept", 2, NOW)
            tx.put_tickets([ticket()], NOW)
            raise CrashError

    with pytest.raises(CrashError):
        crash()
    with store.reading() as tx:
        assert tx.get_fact("kept") == 1
        assert tx.count_tickets() == 0


def test_a_kill_in_the_middle_keeps_nothing(store: Store) -> None:
    def stop() -> None:
        with store.transaction() as tx:
            tx.set_fact("kept", 1, NOW)
            raise SystemExit

    with pytest.raises(SystemExit):
        stop()
    assert not store.in_transaction()
    with store.transaction() as tx:
        assert tx.get_fact("kept") is None


WRITE = """
import sys
from datetime import UTC, datetime
from syncd.store import Store

store = Store.open(sys.argv[1])
number = 0
while True:
    number += 1
    with store.transaction() as tx:
        tx.set_fact("a", number, datetime(2026, 1, 1, tzinfo=UTC))
        tx.set_fact("b", number, datetime(2026, 1, 1, tzinfo=UTC))
    print(number, flush=True)
"""


def test_what_a_killed_process_had_committed_is_there_and_nothing_else(store: Store, store_url: str) -> None:
    command = [sys.executable, "-c", WRITE, store_url]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own program
    assert writer.stdout is not None
    for _ in range(50):
        acknowledged = int(writer.stdout.readline())
    writer.kill()
    acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
    writer.wait()
    writer.stdout.close()
    with store.transaction() as tx:
        assert tx.get_fact("a") == tx.get_fact("b")
        assert tx.get_fact("a") in (acknowledged, acknowledged + 1)
    assert store.check() == []


def test_a_reader_sees_one_moment_while_a_writer_goes_on(store: Store) -> None:
    with store.transaction() as tx:
        tx.set_fact("n", 1, NOW)

    def write() -> None:
        with store.transaction() as writer:
            writer.set_fact("n", 2, NOW)

    with store.reading() as tx:
        assert tx.get_fact("n") == 1
        other = threading.Thread(target=write)
        other.start()
        other.join()
        assert tx.get_fact("n") == 1
    with store.reading() as tx:
        assert tx.get_fact("n") == 2


def test_a_second_process_reads_while_the_first_has_an_open_transaction(store: Store, store_url: str) -> None:
    with store.transaction() as tx:
        tx.set_fact("n", 1, NOW)
    with store.transaction() as tx:
        tx.set_fact("n", 2, NOW)
        with Store.open(store_url, create=False) as second, second.reading() as reader:
            assert reader.get_fact("n") == 1


@pytest.mark.parametrize("shared", [True, False], ids=["one store object", "a store object for each thread"])
def test_writers_in_several_threads_lose_no_update(store: Store, store_url: str, shared: bool) -> None:
    def add(times: int) -> None:
        mine = store if shared else Store.open(store_url)
        for _ in range(times):
            with mine.transaction() as tx:
                count = tx.get_fact("count")
                tx.set_fact("count", (count if isinstance(count, int) else 0) + 1, NOW)
        if not shared:
            mine.close()

    threads = [threading.Thread(target=add, args=(25,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as tx:
        assert tx.get_fact("count") == 100


def test_it_is_known_whether_this_thread_is_in_a_transaction(store: Store) -> None:
    seen: list[bool] = []
    assert not store.in_transaction()
    with store.transaction():
        assert store.in_transaction()
        other = threading.Thread(target=lambda: seen.append(store.in_transaction()))
        other.start()
        other.join()
    with store.reading():
        assert store.in_transaction()
    assert not store.in_transaction()
    assert seen == [False]


@pytest.mark.parametrize("outer", ["transaction", "reading"])
@pytest.mark.parametrize("inner", ["transaction", "reading"])
def test_a_transaction_has_no_other_inside(store: Store, outer: str, inner: str) -> None:
    with getattr(store, outer)(), pytest.raises(RuntimeError, match="inside"), getattr(store, inner)():
        pytest.fail("this must not be reached")
    with store.transaction() as tx:
        tx.set_fact("works", True, NOW)


def test_a_reading_can_not_write(store: Store) -> None:
    with pytest.raises(StoreReadOnly, match="can not be written"), store.reading() as tx:
        tx.set_fact("n", 1, NOW)
    with store.transaction() as tx:
        tx.set_fact("n", 1, NOW)


def test_a_store_can_be_looked_at_without_harm_after_it_was_closed(store: Store) -> None:
    store.close()
    store.close()
    assert store.name


def test_a_healthy_store_has_no_problems_and_is_writable(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_tickets([ticket()], NOW)
        tx.set_cursor("c", "1", NOW)
    assert store.check() == []
    assert store.is_writable()
    assert store.checkpoint() == 0


# ---- SQLite ------------------------------------------------------------------------------------------------------


def pragma(store: Store, name: str) -> object:
    with store.reading() as tx:
        return tx._connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("busy_timeout", 10_000),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        ("application_id", APPLICATION_ID),
        ("user_version", SCHEMA_VERSION),
    ],
)
def test_sqlite_is_set_up_for_a_log_of_intents(sqlite_store: Store, name: str, value: object) -> None:
    assert pragma(sqlite_store, name) == value


def test_every_table_is_strict(sqlite_store: Store) -> None:
    with sqlite_store.reading() as tx:
        rows = tx._connection.exec_driver_sql("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").all()
    loose = {name for name, strict in rows if not strict and not name.startswith("sqlite_")}
    assert loose == {"alembic_version"}


def test_a_new_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with Store.open(f"sqlite:///{path}") as store, store.transaction() as tx:
        tx.set_fact("n", 1, NOW)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_checkpoint_empties_the_log_unless_a_reader_is_in_the_way(sqlite_store: Store) -> None:
    assert sqlite_store.path is not None
    log = sqlite_store.path.with_name("syncd.db-wal")

    def fill() -> None:
        with sqlite_store.transaction() as tx:
            tx.put_tickets([ticket(number) for number in range(200)], NOW)

    left: list[int] = []
    fill()
    with sqlite_store.reading() as tx:
        tx.count_tickets()
        with sqlite3.connect(sqlite_store.path) as other:
            other.execute("INSERT INTO fact VALUES ('x', '1', 0)")
        other.close()
        thread = threading.Thread(target=lambda: left.append(sqlite_store.checkpoint()))
        thread.start()
        thread.join()
    assert left[0] == log.stat().st_size > 0
    assert sqlite_store.checkpoint() == 0
    assert log.stat().st_size == 0


def test_a_foreign_writer_that_never_ends_makes_us_busy_not_wrong(sqlite_store: Store) -> None:
    assert sqlite_store.path is not None
    other = sqlite3.connect(sqlite_store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with sqlite_store._engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA busy_timeout=50")  # the pool hands this connection out again
    with pytest.raises(StoreBusy, match="Try again"), sqlite_store.transaction():
        pytest.fail("this must not be reached")
    assert not sqlite_store.is_writable()
    other.execute("ROLLBACK")
    other.close()
    assert sqlite_store.is_writable()


def test_a_full_disk_keeps_nothing_and_says_so(sqlite_store: Store) -> None:
    with sqlite_store.transaction() as tx:
        tx.set_fact("n", 1, NOW)
        pages = tx._connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx._connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")

    def fill() -> None:
        with sqlite_store.transaction() as tx:
            tx.set_fact("n", 2, NOW)
            tx.put_tickets([ticket(number) for number in range(500)], NOW)

    with pytest.raises(StoreFull, match="Make room"):
        fill()
    with sqlite_store.reading() as tx:
        assert tx.get_fact("n") == 1
        assert tx.count_tickets() == 0


def test_a_store_in_memory_works_for_several_threads() -> None:
    with Store.open("sqlite://") as store:

        def add() -> None:
            for _ in range(10):
                with store.transaction() as tx:
                    count = tx.get_fact("n")
                    tx.set_fact("n", (count if isinstance(count, int) else 0) + 1, NOW)
                with store.reading() as tx:
                    tx.get_fact("n")

        threads = [threading.Thread(target=add) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.reading() as tx:
            assert tx.get_fact("n") == 30
        assert store.check() == []
        with pytest.raises(StoreError, match="no file"):
            store.backup(Path("nowhere.db"))
