"""Dying at every border of a scene, without playing it again for each: at a border the process is doubled. One half
goes on as if nothing had happened, the other dies there, starts anew on the store as it lies on the disk, and must end
where an undisturbed run ends.

A border is the moment before or after a write to a tracker or a commit. What a crash leaves behind is the store on the
disk and both servers. Borders in a row that leave the same behind (before an event and after the one before it; a
heartbeat) need one death; with `each` there is one at every border all the same, and each recovery is watched for a
cycle more.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sqlite3
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NoReturn

from tests.crashes.ends import end_of
from tests.scenarios.crashes import Borders, watch
from tests.scenarios.lab import Lab

PATIENCE = 60
"""Cycles until all must be at rest after a crash; the longest wait of a write in doubt is ten minutes."""


@dataclass(slots=True)
class Found:
    """What came of dying at each border of a scene."""

    borders: list[str] = field(default_factory=list)  # all that were crossed, in order
    died: int = 0  # how often it died, at one border or at a pair of them
    wrong: list[str] = field(default_factory=list)  # what ended otherwise than without a crash


class _Split(Borders):
    """Doubles the process at borders; the half that dies calls `die` and never returns."""

    def __init__(self, lab: Lab, die: Callable[[str], None], *, each: bool) -> None:
        super().__init__()
        self._lab = lab
        self._die = die
        self._each = each
        self._left = b""  # what the last death left behind
        self._off = False

    def stop(self) -> None:
        """Nobody dies any more."""
        self._off = True

    def cross(self, name: str) -> None:
        if self._off:
            return
        self.names.append(name)
        left = _left_behind(self._lab)
        if self._each or left != self._left:
            self._left = left
            self._die(name)


_LOOKS = {
    "heartbeat": "SELECT 1 WHERE 0",
    "fact": "SELECT key, value FROM fact WHERE key NOT LIKE 'last.%'",
}


def _left_behind(lab: Lab) -> bytes:
    """A digest of the store as it lies on the disk, without heartbeats and due times, and of what both servers got."""
    digest = blake2b(str(len(lab.writes())).encode())
    connection = sqlite3.connect(f"file:{lab.folder / 'syncd.db'}?mode=ro", uri=True)
    try:
        names = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
        for table in [row[0] for row in connection.execute(names)]:
            for row in connection.execute(_LOOKS.get(table, f"SELECT * FROM {table}")):  # noqa: S608 - our own tables
                digest.update(repr(row).encode())
    finally:
        connection.close()
    return digest.digest()


def die_everywhere(
    lab: Lab, *, step: float, each: bool = False, again: bool = False, end: Callable[[Lab], object] = lambda _: None
) -> Found:
    """Lets the daemon carry what is owed to its rest and dies at every border of it; with `again`, also at every border
    of each recovery. The lab ends as undisturbed. `end` raises where a scene must not end; it is asked of all."""
    found = Found()
    deaths: list[tuple[str, Path]] = []

    def die(name: str) -> None:
        where = f"{len(found.borders)} {name}"
        report = lab.folder / f"death-{len(deaths)}.json"
        deaths.append((where, report))
        _double(lambda: _recover(lab, report, step=step, again=again, look_again=each, end=end))

    split = _Split(lab, die, each=each)
    found.borders = split.names
    watch(lab, split)
    gc.freeze()  # what is there already need not be copied for each half
    try:
        rest(lab, step, split.stop)
    finally:
        gc.unfreeze()
    end(lab)
    expected = end_of(lab)
    for where, report in deaths:
        found.died += 1
        _compare(found, expected, where, report)
    return found


def rest(lab: Lab, step: float, done: Callable[[], None] = lambda: None, *, look_again: bool = True) -> None:
    """Cycles until nothing is owed; then calls `done`, and makes one more, which reads all and must not write."""
    for _ in range(PATIENCE):
        report = lab.cycle(seconds=step)
        with lab.app.store.reading() as tx:
            waits = tx.unsettled() or sum(tx.waiting_counts().values()) or tx.open_requests() or tx.count_touched()
        moved = report.planned or report.done or report.refused or report.superseded
        if not (waits or moved or report.in_doubt or report.later or report.problems):
            break
    else:
        raise AssertionError(f"not at rest after {PATIENCE} cycles: {lab.reports[-1]}")
    if not look_again:
        return
    before = len(lab.writes())
    done()
    lab.cycle(seconds=max(step, 61.0))  # a complete pass
    assert len(lab.writes()) == before, f"a write when all was at rest: {lab.writes()[before:]}"


def _compare(found: Found, expected: dict[str, Any], where: str, report: Path) -> None:
    said = _read(report)
    for deeper in said.get("again", ()):
        found.died += 1
        _differ(found, expected, f"{where}, then {deeper['where']}", deeper)
    _differ(found, expected, where, said)


def _differ(found: Found, expected: dict[str, Any], where: str, said: dict[str, Any]) -> None:
    if "error" in said:
        found.wrong.append(f"{where}: {said['error']}")
        return
    for part in sorted(expected.keys() | said["end"].keys()):
        wanted, got = json.loads(json.dumps(expected.get(part))), said["end"].get(part)
        if wanted != got:
            found.wrong.append(f"{where}: {part}\n    without: {wanted}\n    with:    {got}")


def apart(lab: Lab, act: Callable[[Lab], dict[str, Any]]) -> dict[str, Any]:
    """What `act` answers in a copy of this process, on a copy of the store; {"error": …} when it fails there. The lab
    stays as it is."""
    report = lab.folder / f"apart-{len(list(lab.folder.glob('apart-*')))}.json"

    def play() -> None:
        said: dict[str, Any] = {}
        try:
            _start_on_a_copy(lab, report.with_suffix(""))
            said = act(lab)
        except BaseException as error:  # noqa: BLE001 - it is told by the half that goes on
            said["error"] = f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-6)}"
        report.write_text(json.dumps(said, default=str), encoding="utf-8")
        shutil.rmtree(report.with_suffix(""), ignore_errors=True)

    _double(play)
    return _read(report)


# ---- the half that dies ----


def _double(die: Callable[[], None]) -> None:
    """Runs `die` in a copy of this process, and waits for its end."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the copy uses none of the other threads
        child = os.fork()
    if child == 0:
        _end_after(die)
    os.waitpid(child, 0)


def _end_after(die: Callable[[], None]) -> NoReturn:
    """Nothing of the copied process is cleaned up: its open connections belong to the half that goes on."""
    gc.disable()
    try:
        die()
    except BaseException:  # noqa: BLE001 - whatever it is, this half must not go on as the other one
        traceback.print_exc()
    finally:
        os._exit(0)


def _recover(
    lab: Lab, report: Path, *, step: float, again: bool, look_again: bool, end: Callable[[Lab], object]
) -> None:
    said: dict[str, Any] = {}
    try:
        _start_on_a_copy(lab, report.with_suffix(""))
        deeper: list[tuple[str, Path]] = []
        if again:
            _die_again(lab, deeper, step, end)
        rest(lab, step, look_again=look_again)
        end(lab)
        said["end"] = end_of(lab)
        said["again"] = [{"where": where, **_read(path)} for where, path in deeper]
    except BaseException as error:  # noqa: BLE001 - it is told by the half that goes on
        said["error"] = f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-6)}"
    report.write_text(json.dumps(said, default=str), encoding="utf-8")
    shutil.rmtree(report.with_suffix(""), ignore_errors=True)


def _die_again(lab: Lab, deeper: list[tuple[str, Path]], step: float, end: Callable[[Lab], object]) -> None:
    def die(name: str) -> None:
        path = lab.folder / f"again-{len(deeper)}.json"
        deeper.append((f"{len(split.names)} {name}", path))
        _double(lambda: _recover(lab, path, step=step, again=False, look_again=False, end=end))

    split = _Split(lab, die, each=False)
    watch(lab, split)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = (
        json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"error": "it never came back"}
    )
    return found


def _start_on_a_copy(lab: Lab, folder: Path) -> None:
    """A new process on the store as it is on the disk: what was not committed is not there."""
    folder.mkdir()
    for name in ("syncd.db", "syncd.db-wal"):
        if (lab.folder / name).exists():
            shutil.copyfile(lab.folder / name, folder / name)
    for name in ("config.yaml", "mappings"):
        if (lab.folder / name).exists():
            (folder / name).symlink_to((lab.folder / name).absolute())
    lab.folder = folder
    lab.app = lab._start()
