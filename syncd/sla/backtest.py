"""What would have been breached under other rules: two judgements of the same history, side by side. Pure.

A clock counts where it was decided within the period: met when it was met, breached when it was due.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from syncd.sla.clock import Clock
from syncd.sla.figures import decided_at
from syncd.sla.holder import Holder
from syncd.sla.states import State, Verdict

Judged: TypeAlias = tuple[Clock, Verdict]
Key: TypeAlias = tuple[int, str, str, int]
"""Ticket, metric, bug or "", cycle."""
FEW: Final = 1000
"""How many changes are kept by name; all of them are counted."""


@dataclass(slots=True)
class Figures:
    """The clocks of one metric under one set of rules."""

    met: int = 0
    breached: int = 0
    cancelled: int = 0
    over: int = 0  # counted seconds beyond the targets, of all breached ones together
    held: dict[Holder, int] = field(default_factory=dict)  # of the breached ones: counted seconds by holder

    @property
    def decided(self) -> int:
        """How many were met or breached."""
        return self.met + self.breached

    def add(self, clock: Clock, verdict: Verdict) -> None:
        """Counts one clock."""
        if verdict.state is State.BREACHED:
            self.breached += 1
            self.over += max(-(verdict.remaining or 0), 0)
            for holder, seconds in clock.split().items():
                self.held[holder] = self.held.get(holder, 0) + seconds
        elif verdict.state is State.MET:
            self.met += 1
        elif verdict.state is State.CANCELLED:
            self.cancelled += 1


@dataclass(frozen=True, slots=True)
class Change:
    """A clock that is breached under one set of rules and not under the other."""

    key: Key
    breached_before: int | None  # the due instant that was overrun
    breached_after: int | None
    policy: str  # of the new rules; of the old ones where the new have none
    split: dict[Holder, int]  # counted seconds by holder, by the rules under which it is breached


@dataclass(slots=True)
class Backtest:
    """Adds up ticket after ticket. `since` and `until` in Unix seconds, both included."""

    since: int
    until: int
    tickets: int = 0
    before: dict[str, Figures] = field(default_factory=dict)
    after: dict[str, Figures] = field(default_factory=dict)
    newly: int = 0  # clocks that only the new rules call breached
    no_more: int = 0
    changes: list[Change] = field(default_factory=list)

    def take(self, before: Iterable[Judged], after: Iterable[Judged]) -> None:
        """The clocks of one ticket under both sets of rules."""
        self.tickets += 1
        old, new = self._counted(before, self.before), self._counted(after, self.after)
        for key in sorted(old.keys() | new.keys()):
            was, is_now = _breached(old.get(key)), _breached(new.get(key))
            if (was is None) == (is_now is None):
                continue
            if was is None:
                self.newly += 1
            else:
                self.no_more += 1
            shown = new.get(key) or old[key]
            named = new[key] if is_now is not None else old[key]
            if len(self.changes) < FEW:
                policy = shown[0].targets[-1].policy if shown[0].targets else ""
                self.changes.append(Change(key, was, is_now, policy, named[0].split()))

    def _counted(self, judged: Iterable[Judged], figures: dict[str, Figures]) -> dict[Key, Judged]:
        found: dict[Key, Judged] = {}
        for clock, verdict in judged:
            at = decided_at(clock, verdict)
            if at is None or not self.since <= at <= self.until:
                continue
            figures.setdefault(clock.cycle.metric, Figures()).add(clock, verdict)
            found[clock.ticket, clock.cycle.metric, clock.cycle.subject, clock.cycle.number] = (clock, verdict)
        return found


def _breached(judged: Judged | None) -> int | None:
    return None if judged is None or judged[1].state is not State.BREACHED else judged[1].breached_at
