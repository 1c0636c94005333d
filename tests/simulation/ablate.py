"""`make ablate`: tries every design bug of ablations.py on a copy of the source, and writes docs/ablations.md.

    python -m tests.simulation.ablate [--only 3 --only 14] [--jobs 2] [--write]

Exit code 1 when one of them was not caught within 100 histories.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tests.simulation.ablation import Ablation
from tests.simulation.ablations import ABLATIONS

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "ablations.md"
HISTORIES = 100
HEAD = f"""\
# Ablations

Each row takes one protection away, as a change of production code (`tests/simulation/ablations.py`), and runs the
simulation until an invariant breaks that is judged on the servers' state and journal. The list was made before the
first run ([DECISIONS.md](../DECISIONS.md)). All must be caught within {HISTORIES} histories, counted from seed 1.
`make ablate` writes this table.

| | without this protection | histories until caught | what broke |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one. `seed` None: it was not caught."""

    ablation: Ablation
    seed: int | None
    what: str

    @property
    def row(self) -> str:
        """As a line of the table."""
        what = " ".join(f"{self.what.replace('|', '/')} {self.ablation.note}".split())
        return f"| {self.ablation.number} | {self.ablation.name} | {self.seed or 'never'} | {what} |\n"


def patched(text: str, ablation: Ablation, file: str) -> str:
    """The file's text with the ablation's changes; raises ValueError when a place is not there once."""
    for change in ablation.changes:
        if change.file != file:
            continue
        if text.count(change.old) != 1:
            raise ValueError(f"{ablation.number}: {text.count(change.old)} places in {file} read {change.old[:80]!r}")
        text = text.replace(change.old, change.new)
    return text


@contextmanager
def copy_without(ablation: Ablation) -> Iterator[Path]:
    """A folder with the source, the tests and the data, where the protection is gone."""
    with tempfile.TemporaryDirectory(prefix="syncd-ablation-") as folder:
        place = Path(folder)
        for name in ("syncd", "tests/simulation", "mappings", "migrations"):
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in {change.file for change in ablation.changes}:
            path = place / "syncd" / file
            path.write_text(patched(path.read_text(encoding="utf-8"), ablation, file), encoding="utf-8")
        yield place


def attempt(ablation: Ablation, first: int = 1, histories: int = HISTORIES) -> Verdict:
    """Runs histories on the copy until one breaks."""
    with copy_without(ablation) as place:
        done = subprocess.run(  # noqa: S603 - our own module, with numbers
            [sys.executable, "-m", "tests.simulation.until_broken", str(first), str(histories)],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(place), "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    line = done.stdout.strip().splitlines()[-1:] or [""]
    seed, _, what = line[0].partition(" ")
    if done.returncode != 0 or not seed.isdigit():
        raise RuntimeError(f"{ablation.number}, {ablation.name}: {done.stderr[-2000:]}")
    return Verdict(ablation, int(seed) or None, what)


def write_table(verdicts: Iterable[Verdict]) -> None:
    """Puts the verdicts into docs/ablations.md; what was not tried keeps its row."""
    rows = {ablation.number: f"| {ablation.number} | {ablation.name} | not tried yet | |\n" for ablation in ABLATIONS}
    for line in TABLE.read_text(encoding="utf-8").splitlines(keepends=True) if TABLE.exists() else ():
        number = line.removeprefix("| ").partition(" ")[0]
        if number.isdigit() and int(number) in rows:
            rows[int(number)] = line
    rows |= {verdict.ablation.number: verdict.row for verdict in verdicts}
    TABLE.write_text(HEAD + "".join(rows[number] for number in sorted(rows)), encoding="utf-8")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, action="append", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--histories", type=int, default=HISTORIES)
    parser.add_argument("--write", action="store_true", help="write docs/ablations.md")
    given = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    chosen = [ablation for ablation in ABLATIONS if not given.only or ablation.number in given.only]
    verdicts = []
    with ThreadPoolExecutor(given.jobs) as pool:
        waiting = [pool.submit(attempt, ablation, histories=given.histories) for ablation in chosen]
        for done in as_completed(waiting):
            verdicts.append(done.result())
            console.print(verdicts[-1].row.strip(), markup=False)
    if given.write:
        write_table(verdicts)
    return 0 if all(verdict.seed for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
