"""Makes a failing history smaller: kinds of faults are switched off and people's acts left out while the same invariant
still breaks. Bounded, as each try is a whole history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.simulation.faults import ALL_KINDS
from tests.simulation.history import Outcome, simulate
from tests.simulation.people import Act

T = TypeVar("T")

TRIES = 80
LAST_LINES = 60
"""So many lines of the journal are shown."""


def shrink(outcome: Outcome, *, tries: int = TRIES) -> Outcome:
    """The smallest failing history that was found within so many tries; the given one when nothing can be left out."""
    search = _Search(outcome, tries)
    fired = [kind for kind in ALL_KINDS if outcome.faults[kind]]
    never = frozenset(ALL_KINDS) - set(fired)
    kept = search.ddmin(fired, lambda kinds: (never | (set(fired) - set(kinds)), search.best.acts))
    off = frozenset(never | (set(fired) - set(kept)))
    search.ddmin(list(search.best.acts), lambda acts: (off, tuple(acts)))
    return search.best


class _Search:
    def __init__(self, outcome: Outcome, tries: int) -> None:
        self.best = outcome
        self._left = tries
        self._wanted = {violation.invariant for violation in outcome.violations}

    def ddmin(
        self, parts: Sequence[T], world: Callable[[Sequence[T]], tuple[frozenset[str], tuple[Act, ...]]]
    ) -> list[T]:
        """Delta debugging: the parts that are needed, as far as the tries go."""
        kept, pieces = list(parts), 1
        while kept and self._left > 0:
            size = max(1, len(kept) // pieces)
            for start in range(0, len(kept), size):
                fewer = kept[:start] + kept[start + size :]
                if self._fails(*world(fewer)):
                    kept, pieces = fewer, max(pieces - 1, 1)
                    break
            else:
                if size == 1:
                    break
                pieces = min(pieces * 2, len(kept))
        return kept

    def _fails(self, off: frozenset[str], acts: tuple[Act, ...]) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        outcome = simulate(self.best.seed, off=off, acts=acts)
        if not self._wanted & {violation.invariant for violation in outcome.violations}:
            return False
        self.best = outcome
        return True


def story(outcome: Outcome) -> str:
    """What happened, for people: how to see it again, what broke, who did what, and the end of the journal."""
    lines = [
        f"Seed {outcome.seed}: {', '.join(str(violation) for violation in outcome.violations)}",
        f"See it again: make simulate N=1 FROM={outcome.seed}",
        f"Configuration: {outcome.variant}",
        f"Faults: {dict(sorted(outcome.faults.items())) or 'none'}",
        *(f"  {act}" for act in outcome.acts),
        "The end of the journal:",
        *(f"  {line[:400]}" for line in outcome.log[-LAST_LINES:]),
    ]
    return "\n".join(lines)
