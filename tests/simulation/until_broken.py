"""Runs histories until an invariant breaks; prints the seed and what broke, or 0 when none did. For ablations."""

from __future__ import annotations

import sys

from tests.simulation.history import first_violation


def main(first: int, histories: int) -> None:
    """Prints one line."""
    for seed in range(first, first + histories):
        violation = first_violation(seed)
        if violation is not None:
            print(seed, str(violation)[:160])  # noqa: T201 - the answer to the process that asked
            return
    print(0)  # noqa: T201 - as above


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
