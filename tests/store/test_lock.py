from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from syncd.store import Store, StoreLock, StoreLocked, StoreReadOnly

HOLD = """
import sys
from syncd.store import StoreLock

with StoreLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_can_not_run_on_one_store_and_the_second_is_told_who_runs(url: str) -> None:
    with StoreLock(url) as first:
        assert first.held()
        second = StoreLock(url)
        with pytest.raises(StoreLocked, match=rf"in use by process {os.getpid()}\b.*Stop that one") as caught:
            second.acquire()
        assert str(os.getpid()) in caught.value.holder
        assert not second.held()
    second.acquire()
    assert second.held()
    second.release()
    second.release()
    assert not second.held()


def test_a_killed_holder_lets_the_lock_go(url: str) -> None:
    command = [sys.executable, "-c", HOLD, url]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own program
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreLocked, match=str(holder.pid)):
            StoreLock(url).acquire()
    finally:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()
    lock = StoreLock(url)
    for _ in range(1000):  # a server needs a moment to notice that its client died; each try is a round trip
        try:
            lock.acquire()
            break
        except StoreLocked:
            continue
    assert lock.held()
    lock.release()


def test_the_lock_leaves_readers_and_writers_alone(url: str) -> None:
    with StoreLock(url), Store.open(url, create=False) as store:
        assert store.is_writable()


def test_the_lock_file_is_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    lock = StoreLock(f"sqlite:///{tmp_path}/syncd.db")
    lock.acquire()
    file = tmp_path / "syncd.db.lock"
    assert file.read_text() == f"{os.getpid()}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lock.release()
    assert file.read_text() == ""


def test_a_lock_that_can_not_be_made_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreReadOnly, match=r"syncd\.db\.lock can not be made"):
        StoreLock(f"sqlite:///{tmp_path}/nowhere/syncd.db").acquire()


def test_a_store_in_memory_has_no_lock() -> None:
    with StoreLock("sqlite://"), StoreLock("sqlite://"):
        pass
