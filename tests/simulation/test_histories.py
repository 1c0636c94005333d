"""Whole histories of the daemon in a world that goes wrong: people on both sides, swarm faults, crashes, clock jumps;
then everything heals, and the invariants are checked on the servers' state and journal. One seed, one history."""

from __future__ import annotations

import pytest

from tests.simulation.history import simulate

SEEDS = range(1, 33)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_invariant_breaks_in_the_history_of_seed(seed: int) -> None:
    outcome = simulate(seed)
    assert [str(violation) for violation in outcome.violations] == []


def test_the_same_seed_gives_the_same_journal_twice() -> None:
    first, second = simulate(7), simulate(7)
    assert first.digest
    assert first.digest == second.digest
