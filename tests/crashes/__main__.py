"""`make crashes`: every border of every scene on both deployments, and every pair of borders of the core scenes."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from tests.crashes.points import Found, die_everywhere
from tests.crashes.scenes import CORE, SCENES
from tests.scenarios.lab import Deployment

DEPLOYMENTS: tuple[Deployment, ...] = ("cloud", "data_center")


def main() -> int:
    """0 when every death ended well."""
    parser = argparse.ArgumentParser(prog="make crashes", description=__doc__)
    parser.add_argument("--only", default="", help="scenes with these words in their name")
    parser.add_argument("--singles", action="store_true", help="no pairs")
    parser.add_argument("--pairs", action="store_true", help="pairs alone")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    died = borders = wrong = 0
    for name, deployment, again in _turns(chosen.only, singles=not chosen.pairs, pairs=not chosen.singles):
        began = time.monotonic()
        found = _play(name, deployment, again=again)
        died, borders, wrong = died + found.died, borders + len(found.borders), wrong + len(found.wrong)
        words = "pairs" if again else "every border"
        took = time.monotonic() - began
        print(  # noqa: T201 - a report on the terminal
            f"{'ok ' if not found.wrong else 'BAD'} {name} ({deployment}, {words}): "
            f"{len(found.borders)} borders, {found.died} deaths, {took:.0f} s",
            flush=True,
        )
        for sentence in found.wrong[:3]:
            print(f"    {sentence}", flush=True)  # noqa: T201 - as above
    print(f"{died} deaths at {borders} borders; {wrong} ended otherwise than without a crash.")  # noqa: T201 - as above
    return 1 if wrong else 0


def _turns(only: str, *, singles: bool, pairs: bool) -> Iterator[tuple[str, Deployment, bool]]:
    for name in SCENES:
        if singles and only in name:
            yield from ((name, deployment, False) for deployment in DEPLOYMENTS)
    for number, name in enumerate(CORE):
        if pairs and only in name:
            yield name, DEPLOYMENTS[number % 2], True


def _play(name: str, deployment: Deployment, *, again: bool) -> Found:
    ram = Path("/dev/shm")  # noqa: S108 - the folder below it is our own
    with tempfile.TemporaryDirectory(prefix="syncd-crash-", dir=ram if ram.is_dir() else None) as folder:
        scene = SCENES[name]
        lab = scene.lab(Path(folder), deployment)
        return die_everywhere(lab, step=scene.step, each=not again, again=again, end=scene.end)


if __name__ == "__main__":
    sys.exit(main())
