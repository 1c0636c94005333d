"""Whole histories of the daemon in a world that goes wrong: people on both sides, swarm faults, crashes, clock jumps;
then everything heals, and the invariants are checked on the servers' state and journal. One seed, one history.

`make simulate N=10000` runs more of them, and wants every kind of fault and every recovery to have happened.
"""

from __future__ import annotations

import pytest

from tests.simulation.history import simulate
from tests.simulation.shrink import shrink, story

BATCHES, SIZE = 30, 10
SHRINK_TRIES = 40


@pytest.mark.parametrize("first", range(1, BATCHES * SIZE + 1, SIZE))
def test_no_invariant_breaks_in_the_histories_from_seed(first: int) -> None:
    for seed in range(first, first + SIZE):
        outcome = simulate(seed)
        if outcome.violations:
            pytest.fail(story(shrink(outcome, tries=SHRINK_TRIES)), pytrace=False)


@pytest.mark.parametrize("seed", [7, 20, 28])
def test_the_same_seed_gives_the_same_journal_twice(seed: int) -> None:
    first, second = simulate(seed), simulate(seed)
    assert first.digest
    assert first.digest == second.digest
