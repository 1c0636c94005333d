"""`make nemesis`: a thousand rounds of kills and of all other harms, in worlds of some hundred rounds each."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.nemesis.harms import HARMS, rounds
from tests.nemesis.world import World

SHARE = 250
"""Rounds in one world: its tickets fill up."""


def main() -> int:
    """0 when nothing was lost, nothing was twice and both sides agree; the seed of a world that went wrong is told."""
    parser = argparse.ArgumentParser(prog="make nemesis", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="rounds of SIGKILL (default: 1000)")
    parser.add_argument("--others", type=int, default=200, help="rounds of all harms (default: 200)")
    parser.add_argument("--seed", type=int, default=100, help="seed of the first world (default: 100)")
    chosen = parser.parse_args()
    failed, seed = 0, chosen.seed
    for number, harms in ((chosen.kills, ("kill",)), (chosen.others, tuple(HARMS))):
        for start in range(0, number, SHARE):
            failed += not _play(seed, min(SHARE, number - start), harms)
            seed += 1
    print(f"{seed - chosen.seed} worlds, {failed} went wrong")  # noqa: T201 - a report on the terminal
    return 1 if failed else 0


def _play(seed: int, number: int, harms: tuple[str, ...]) -> bool:
    began = time.monotonic()
    ram = Path("/dev/shm")  # noqa: S108 - the folder below it is our own
    with tempfile.TemporaryDirectory(prefix="syncd-nemesis-", dir=ram if ram.is_dir() else None) as folder:
        world = World(Path(folder), seed)
        try:
            world.begin()
            rounds(world, number, harms, lambda text: print(f"  {text}", flush=True))  # noqa: T201 - as above
            world.heal(300.0)
        except AssertionError as wrong:
            print(f"BAD seed {seed}: {wrong}", flush=True)  # noqa: T201 - as above
            return False
        finally:
            world.close()
    took = time.monotonic() - began
    print(f"ok  seed {seed}: {dict(world.did)} in {took:.0f} s", flush=True)  # noqa: T201 - as above
    return True


if __name__ == "__main__":
    sys.exit(main())
