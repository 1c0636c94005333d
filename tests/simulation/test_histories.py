"""Whole histories of the daemon in a world that goes wrong: people on both sides, swarm faults, crashes, clock jumps;
then everything heals, and the invariants are checked on the servers' state and journal. One seed, one history.

`make simulate N=10000` runs more of them, and wants every kind of fault and every recovery to have happened.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.history import simulate
from tests.simulation.shrink import shrink, story

BATCHES, SIZE = 60, 5
ROOT = Path(__file__).resolve().parents[2]
TWICE = (7, 20, 28)
SHRINK_TRIES = 40


@pytest.mark.parametrize("first", range(1, BATCHES * SIZE + 1, SIZE))
def test_no_invariant_breaks_in_the_histories_from_seed(first: int) -> None:
    for seed in range(first, first + SIZE):
        outcome = simulate(seed)
        if outcome.violations:
            pytest.fail(story(shrink(outcome, tries=SHRINK_TRIES)), pytrace=False)


@pytest.fixture
def far_away() -> Iterator[None]:
    """The machine's clock is set to Kathmandu."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture(scope="module")
def digests() -> dict[int, str]:
    """Journals of some histories, on the machine as it is."""
    return {seed: simulate(seed).digest for seed in TWICE}


@pytest.mark.parametrize("seed", TWICE)
@pytest.mark.usefixtures("far_away")
def test_the_same_seed_gives_the_same_journal_twice_under_any_time_zone(digests: dict[int, str], seed: int) -> None:
    assert simulate(seed).digest == digests[seed] != ""


def test_another_process_with_hashes_of_its_own_plays_the_same_history(digests: dict[int, str]) -> None:
    play = f"from tests.simulation.history import simulate; print(simulate({TWICE[0]}).digest)"
    environ = os.environ | {"PYTHONHASHSEED": "12345"}
    told = subprocess.run(
        [sys.executable, "-"],
        input=play,
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert told.stdout.split()[-1] == digests[TWICE[0]]
