"""The daemon as a process against both servers over sockets, with what can happen to a process, its store and its
clock. The long form is `make nemesis`; a failure names its seed."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.cli.house import ROOT, Process, until
from tests.nemesis.harms import HARMS, rounds
from tests.nemesis.world import World

SEED = 1
KILLS = 20
"""In `make test`; `make nemesis` kills a thousand times."""

ROUNDS = 6
"""Of all harms, after the kills."""

FLIPS = 4
JUMPS = (-3600, 3600, -86400, 86400, 0)


@contextlib.contextmanager
def world(folder: Path, seed: int) -> Iterator[World]:
    """A world that has begun; its servers stop at the end."""
    made = World(folder, seed)
    try:
        made.begin()
        yield made
    finally:
        made.close()


def test_killed_stopped_paused_and_cut_off_at_random_nothing_is_lost_and_nothing_is_twice(tmp_path: Path) -> None:
    with world(tmp_path, SEED) as there:
        rounds(there, KILLS, ("kill",))
        rounds(there, ROUNDS, tuple(HARMS))
        there.heal()


def test_a_full_disk_a_locked_store_and_a_lost_log_are_survived(tmp_path: Path) -> None:
    with world(tmp_path, 3) as there, there.daemon("--clock", there.sandbox.control_url) as daemon:
        _fill_the_disk(there, daemon)
        _hold_the_lock(there, daemon)
        second = there.start("run", "--clock", there.sandbox.control_url)
        assert second.wait() == 75
        assert f"process {daemon.pid}" in second.err
        there.act(3)
        there.wait(0.3, 0.6)
        daemon.kill()
        there.store_file.with_name("syncd.db-wal").unlink(missing_ok=True)
        there.heal()


def _fill_the_disk(there: World, daemon: Process) -> None:
    """No file of the process may grow: SQLite cannot write a commit."""
    before = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    writes = len(there.writes())
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (1, before[1]))
    there.act(3)
    there.wait(2.0, 2.0)
    assert daemon._process.poll() is None, "it stays up"
    assert len(there.writes()) <= writes + 1, "no write without its intent; one may have been under way"
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, before)
    daemon.wait_for_cycle(2)


def _hold_the_lock(there: World, daemon: Process) -> None:
    """Somebody has the store open in a transaction for longer than a writer waits."""
    holder = sqlite3.connect(there.store_file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    there.act(3)
    until(lambda: "busy: another process writes to it" in daemon.out, "the lock in the log")
    holder.execute("ROLLBACK")
    holder.close()
    daemon.wait_for_line("recovered")
    daemon.wait_for_cycle()


def test_flipped_bits_are_refused_or_harmless_and_a_backup_puts_all_right(tmp_path: Path) -> None:
    with world(tmp_path, 4) as there:
        rounds(there, 2, ("kill",))
        backup = tmp_path / "kept.backup"
        there.fine("backup", backup)
        whole = there.store_file.read_bytes()
        for _ in range(FLIPS):
            there.store_file.with_name("syncd.db-wal").unlink(missing_ok=True)
            _flip(there, whole)
            daemon = there.run_daemon()
            there.act()
            there.wait(1.0, 1.5)
            if daemon._process.poll() is None:
                daemon.kill()
            else:
                assert daemon.wait() == 78, daemon.err
                assert "syncd restore" in daemon.err
            (tmp_path / "broken").write_bytes(there.store_file.read_bytes())
        there.fine("restore", backup)
        there.heal()


def _flip(there: World, whole: bytes) -> None:
    place = there.random.randrange(100, len(whole))
    changed = bytearray(whole)
    changed[place] ^= 1 << there.random.randrange(8)
    there.store_file.write_bytes(bytes(changed))


def test_a_wall_clock_that_is_set_is_told_and_the_work_goes_on_within_some_polls(tmp_path: Path) -> None:
    skew = tmp_path / "skew"
    skew.write_text("0", encoding="ascii")
    there = World(tmp_path, SEED)
    there.sandbox.clock.rate = 1.0
    there.configure()
    environ = {"SKEW_FILE": str(skew), "PYTHONPATH": f"{Path(__file__).parent / 'skewed'}:{ROOT}"}
    try:
        ticket, key = there.pair()
        there.pairs = [(ticket, key)]
        there.fine("once", "--accept")
        with there.daemon(environ=environ) as daemon:
            for number, offset in enumerate(JUMPS):
                skew.write_text(str(offset), encoding="ascii")
                text = f"said after jump {number}."
                there.said_on_bugs[text] = key
                there.sandbox.jira.comment(there.developer, key, text)
                until(lambda t=text: [c for c in there._notes(ticket) if t in c["body"]], "the comment")  # type: ignore[misc]  # bound per turn
            assert len(daemon.lines("clock_jump")) == len(JUMPS)
            daemon.wait_for_cycle(0)
            daemon.wait_for_cycle(2)  # the comment may have come in the very cycle in which the clock was set
            there.well()
            assert there.wrong() == []
            assert daemon.stop() == 0
    finally:
        there.close()
