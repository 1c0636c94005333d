"""Runs histories until an invariant breaks; prints the seed and what broke, or 0 when none did. For ablations."""

from __future__ import annotations

import sys

from tests.simulation.history import simulate


def main(first: int, histories: int) -> None:
    """Prints one line."""
    for seed in range(first, first + histories):
        outcome = simulate(seed)
        if outcome.violations:
            print(seed, str(outcome.violations[0])[:160])  # noqa: T201 - the answer to the process that asked
            return
    print(0)  # noqa: T201 - as above


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
