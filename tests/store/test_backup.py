from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from syncd.core.model import Origin
from syncd.store import (
    Restored,
    Store,
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreLock,
    StoreLocked,
    StoreMissing,
    StoreReadOnly,
    StoreTooNew,
    restore,
    verify,
)
from tests.store.records import NOW, ticket, update


def fill(store: Store, tickets: int = 20) -> None:
    with store.transaction() as tx:
        tx.put_tickets([ticket(number) for number in range(tickets)], NOW)
        tx.add_link(35, "1", "APP-1", "app", Origin.MANUAL, NOW)
        tx.enqueue(update(), urgency=1, now=NOW)
        tx.set_cursor("c", "1", NOW)


def spoil(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute(statement)
    raw.close()


def test_a_backup_is_a_whole_store_of_its_owner_alone(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    target = tmp_path / "backups"
    target.mkdir()
    made = sqlite_store.backup(target / "monday.db")
    assert [file.name for file in target.iterdir()] == ["monday.db"]
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert verify(made) == 1
    with Store.open(f"sqlite:///{made}", create=False) as copy, copy.reading() as tx:
        assert tx.count_tickets() == 20
        assert tx.cursor("c") == "1"
        assert [intent.action for intent in tx.intents()] == [update()]


def test_a_backup_holds_one_moment_while_a_writer_goes_on(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store, tickets=300)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with sqlite_store.transaction() as tx:
                tx.set_fact("a", number, NOW)
                tx.set_fact("b", number, NOW)

    writer = threading.Thread(target=write)
    writer.start()
    made = [sqlite_store.backup(tmp_path / f"{number}.backup") for number in range(3)]
    stop.set()
    writer.join()
    for path in made:
        with Store.open(f"sqlite:///{path}") as copy, copy.reading() as tx:
            assert tx.get_fact("a") == tx.get_fact("b")


def test_a_backup_never_overwrites(sqlite_store: Store, tmp_path: Path) -> None:
    target = tmp_path / "x.db"
    target.write_text("precious")
    with pytest.raises(StoreError, match="exists already"):
        sqlite_store.backup(target)
    assert target.read_text() == "precious"


def test_a_backup_that_can_not_be_written_says_where(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreReadOnly, match=r"nowhere/x\.db\.part can not be written: No such file"):
        sqlite_store.backup(tmp_path / "nowhere" / "x.db")


def test_what_a_dead_backup_left_behind_is_no_hindrance(sqlite_store: Store, tmp_path: Path) -> None:
    (tmp_path / "x.db.part").write_text("half")
    assert verify(sqlite_store.backup(tmp_path / "x.db")) == 1


def test_a_damaged_row_is_not_backed_up_in_silence(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    assert sqlite_store.path is not None
    spoil(sqlite_store.path, "UPDATE link SET ticket_id = 36")
    target = tmp_path / "backups"
    target.mkdir()
    with pytest.raises(StoreDamaged, match="link 1 does not match its checksum"):
        sqlite_store.backup(target / "x.db")
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        pytest.param("PRAGMA application_id=5", StoreForeign, "not a store", id="another program's file"),
        pytest.param("UPDATE cursor SET value = '2'", StoreDamaged, "cursor 'c'", id="a cursor changed by hand"),
        pytest.param("UPDATE intent SET state = 'done'", StoreDamaged, "intent", id="an intent changed by hand"),
        pytest.param(
            "INSERT INTO link_log VALUES (9,9,9,'','','')", StoreDamaged, "nothing", id="a row without its link"
        ),
    ],
)
def test_what_is_not_sound_is_not_restored(
    sqlite_store: Store, tmp_path: Path, statement: str, error: type[StoreError], words: str
) -> None:
    fill(sqlite_store)
    made = sqlite_store.backup(tmp_path / "x.backup")
    spoil(made, statement)
    with pytest.raises(error, match=words):
        restore(made, f"sqlite:///{sqlite_store.path}", NOW)
    with sqlite_store.reading() as tx:
        assert tx.count_tickets() == 20


def test_files_that_are_no_backup_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="no file"):
        verify(tmp_path / "none")
    (tmp_path / "text").write_text("hello" * 999)
    with pytest.raises(StoreDamaged, match="not a store"):
        verify(tmp_path / "text")


def test_a_restore_goes_back_and_keeps_what_was_there(sqlite_store: Store, tmp_path: Path) -> None:
    url = f"sqlite:///{sqlite_store.path}"
    fill(sqlite_store)
    made = sqlite_store.backup(tmp_path / "x.backup")
    with sqlite_store.transaction() as tx:
        tx.set_cursor("c", "2", NOW)  # stays in the log: the restore must not play it into the old file
    done = restore(made, url, NOW)
    sqlite_store.close()
    assert done == Restored(1, tmp_path / "syncd.db.before-restore-20260302T093015Z")
    for path, value in [(tmp_path / "syncd.db", "1"), (done.kept, "2")]:
        with Store.open(f"sqlite:///{path}", create=False) as store, store.reading() as tx:
            assert tx.cursor("c") == value
    assert stat.S_IMODE((tmp_path / "syncd.db").stat().st_mode) == 0o600
    assert made.exists()


def test_a_restore_into_an_empty_place_needs_no_store_there(sqlite_store: Store, tmp_path: Path) -> None:
    fill(sqlite_store)
    made = sqlite_store.backup(tmp_path / "x.backup")
    url = f"sqlite:///{tmp_path}/new.db"
    assert restore(made, url, NOW) == Restored(1, None)
    with Store.open(url, create=False) as store, store.reading() as tx:
        assert tx.count_tickets() == 20


def test_a_running_daemon_is_not_pulled_out_from_under(sqlite_store: Store, tmp_path: Path) -> None:
    made = sqlite_store.backup(tmp_path / "x.backup")
    url = f"sqlite:///{sqlite_store.path}"
    with StoreLock(url), pytest.raises(StoreLocked, match="Stop that one"):
        restore(made, url, NOW)


def test_a_backup_of_a_newer_syncd_is_not_restored(sqlite_store: Store, tmp_path: Path) -> None:
    made = sqlite_store.backup(tmp_path / "x.backup")
    spoil(made, "PRAGMA user_version=9")
    with pytest.raises(StoreTooNew, match="schema 9"):
        restore(made, f"sqlite:///{sqlite_store.path}", NOW)


def test_a_store_on_a_server_is_restored_by_the_servers_own_tool(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="pg_restore"):
        restore(tmp_path / "x", "postgresql://u@h/d", NOW)
