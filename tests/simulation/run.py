"""`make simulate`: many histories, with progress; ends with what was tried and what broke.

    python -m tests.simulation.run 10000 [--from 1] [--jobs 2]

Exit code 1 when an invariant broke, or when a run of some size left a kind of fault or a recovery untried; 130 when it
was interrupted: what was played until then is told all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import multiprocessing
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.simulation.faults import ALL_KINDS
from tests.simulation.history import Outcome, simulate
from tests.simulation.marks import MARKS
from tests.simulation.shrink import shrink, story

ENOUGH = 300
"""A run of so many histories has to fire every kind of fault and reach every mark."""

INTERRUPTED = 130
"""The exit code of what was stopped by Ctrl-C (a shell's 128 + SIGINT)."""

MOST_SHRUNK = 3
"""Of so many failures the shrunk story is told."""


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    seeds: list[int] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    cycles: int = 0
    calls: int = 0
    failed: list[Outcome] = field(default_factory=list)
    raised: list[tuple[int, str]] = field(default_factory=list)

    def add(self, result: Outcome | tuple[int, str]) -> None:
        """One history more; a pair is a seed whose history raised."""
        if isinstance(result, tuple):
            self.seeds.append(result[0])
            self.raised.append(result)
            return
        self.seeds.append(result.seed)
        self.faults += result.faults
        self.marks += result.marks
        self.cycles += result.cycles
        self.calls += result.calls
        if result.violations:
            self.failed.append(result)

    @property
    def missing(self) -> list[str]:
        """Kinds and marks that a run of this size should have had."""
        if len(self.seeds) < ENOUGH:
            return []
        return [name for name in ALL_KINDS if not self.faults[name]] + [name for name in MARKS if not self.marks[name]]

    @property
    def good(self) -> bool:
        """Nothing broke, and nothing was left untried."""
        return not (self.failed or self.raised or self.missing)


def one(seed: int) -> Outcome | tuple[int, str]:
    """A history; its journal is kept only when it failed."""
    try:
        outcome = simulate(seed)
    except Exception as error:  # noqa: BLE001 - whatever it is: the other seeds go on, and this one is told
        return seed, f"{type(error).__name__}: {error}"
    if not outcome.violations:
        outcome.log, outcome.acts = [], ()
    return outcome


def run(seeds: range, jobs: int) -> Iterator[Outcome | tuple[int, str]]:
    """The histories of these seeds, in any order."""
    if jobs <= 1:
        yield from map(one, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, initializer=_begin_worker, maxtasksperchild=200) as pool:
        yield from pool.imap_unordered(one, seeds, chunksize=5)


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal's processes: the parent ends them
    gc.freeze()  # what was imported need not be looked through again and again for what can be freed


def report(tally: Tally, seconds: float, console: Console, *, shrunk: int) -> None:
    """The figures, then what broke."""
    table = Table("kind of fault or mark", "times", box=None, pad_edge=False)
    for name in ALL_KINDS:
        table.add_row(name, f"{tally.faults[name]:,}")
    for name in sorted({*MARKS, *tally.marks}):
        table.add_row(f"mark: {name}", f"{tally.marks[name]:,}")
    console.print(table)
    console.print(
        f"\nSeeds {min(tally.seeds)} to {max(tally.seeds)}: {len(tally.seeds):,} histories, {tally.cycles:,} cycles, "
        f"{tally.calls:,} calls, {tally.faults.total():,} faults, {len(tally.failed) + len(tally.raised)} of them bad, "
        f"{seconds:.0f} s."
    )
    for name in tally.missing:
        console.print(f"Never happened: {name}", markup=False)
    for outcome in tally.failed[:shrunk]:
        console.print("\n" + story(shrink(outcome)), markup=False, soft_wrap=True)


def _named(result: Outcome | tuple[int, str]) -> str:
    if isinstance(result, tuple):
        return f"seed {result[0]} raised {result[1]}"
    return f"seed {result.seed}: {'; '.join(map(str, result.violations[:3]))}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-shrink", action="store_true", help="only name what broke")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.count)
    console, tally, started = Console(highlight=False), Tally(), time.monotonic()
    columns = (TextColumn("histories"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    whole = False
    with (
        contextlib.suppress(KeyboardInterrupt),
        Progress(*columns, TextColumn("{task.fields[bad]} bad"), console=console) as progress,
    ):
        task = progress.add_task("histories", total=len(seeds), bad=0)
        for result in run(seeds, given.jobs):
            tally.add(result)
            if isinstance(result, tuple) or result.violations:
                progress.console.print(f"  {_named(result)}", markup=False, soft_wrap=True)
            if not console.is_terminal and len(tally.seeds) % 100 == 0:
                console.print(f"  {len(tally.seeds):,} histories, {len(tally.failed)} bad", markup=False)
            progress.update(task, advance=1, bad=len(tally.failed) + len(tally.raised))
        whole = True
    if not tally.seeds:
        return INTERRUPTED
    report(tally, time.monotonic() - started, console, shrunk=0 if given.no_shrink or not whole else MOST_SHRUNK)
    if not whole:
        console.print(f"Interrupted: {len(tally.seeds):,} of {len(seeds):,} histories were played.")
        return INTERRUPTED
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
