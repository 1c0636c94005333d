"""Copies of the store that the daemon makes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from syncd.config.store_models import Backup
from syncd.daemon.backups import TRY_AGAIN, back_up_when_due
from syncd.ops.facts import BACKUP
from syncd.store import Store, restore
from tests.cli.house import House, until

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WANTED = Backup(every=timedelta(hours=1), keep=3)


@pytest.fixture(autouse=True)
def _heard() -> None:
    """The lines are what these tests read, whatever other tests have done to the log."""
    structlog.reset_defaults()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'syncd.db'}") as opened:
        yield opened


def copies(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "syncd.db.backups").glob("*"))


def said(store: Store) -> dict[str, Any]:
    with store.reading() as tx:
        fact = tx.get_fact(BACKUP)
    assert isinstance(fact, dict)
    return fact


def test_a_copy_is_made_when_it_is_due_and_the_oldest_go(store: Store, tmp_path: Path) -> None:
    for minutes in range(0, 6 * 60, 20):
        back_up_when_due(store, WANTED, START + timedelta(minutes=minutes))
    assert copies(tmp_path) == [f"syncd.db.20260302T{hour:02}0000Z.backup" for hour in (12, 13, 14)]
    assert {(tmp_path / "syncd.db.backups" / name).stat().st_mode & 0o777 for name in copies(tmp_path)} == {0o600}
    assert said(store)["problem"] is None


def test_a_copy_can_be_put_back_and_holds_what_the_store_held(store: Store, tmp_path: Path) -> None:
    with store.transaction() as tx:
        tx.set_fact("colour", "green", START)
    back_up_when_due(store, WANTED, START)
    with store.transaction() as tx:
        tx.set_fact("colour", "red", START)
    store.close()
    restore(Path(said(store)["path"]), f"sqlite:///{tmp_path / 'syncd.db'}", START)
    with Store.open(f"sqlite:///{tmp_path / 'syncd.db'}") as again, again.reading() as tx:
        assert tx.get_fact("colour") == "green"


def test_one_that_fails_is_told_once_removes_nothing_and_is_tried_again(store: Store, tmp_path: Path) -> None:
    back_up_when_due(store, WANTED, START)
    before, blocked = copies(tmp_path), tmp_path / "blocked"
    blocked.write_text("a file where the folder should be", encoding="ascii")
    broken = WANTED.model_copy(update={"folder": str(blocked)})
    with capture_logs() as lines:
        for minutes in range(60, 120, 2):
            back_up_when_due(store, broken, START + timedelta(minutes=minutes))
    assert [line["event"] for line in lines] == ["backup_failed"]
    assert said(store)["problem"]
    assert said(store)["at"] == START.isoformat()
    assert copies(tmp_path) == before
    with capture_logs() as lines:
        back_up_when_due(store, WANTED, START + timedelta(minutes=118) + TRY_AGAIN)
    assert [line["event"] for line in lines] == ["backup"]
    assert len(copies(tmp_path)) == 2


def test_none_are_made_when_none_are_wanted(store: Store, tmp_path: Path) -> None:
    back_up_when_due(store, WANTED.model_copy(update={"keep": 0}), START)
    assert not (tmp_path / "syncd.db.backups").exists()


def test_the_daemon_makes_them_and_status_says_when(house: House) -> None:
    with house.daemon() as daemon:
        until(lambda: daemon.lines("backup"), "the first backup")
        assert house.fine("status", "--json").json["backup"]["problem"] is None
        assert "Backup: " in house.fine("status").out
        assert daemon.stop() == 0
    assert len(list(house.folder.glob("syncd.db.backups/*.backup"))) == 1
