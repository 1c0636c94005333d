"""Figures over many clocks: what share was met in time, typical durations, and whose time was spent.

Periods begin at midnight of a zone that is named, and a clock belongs to the period in which it was decided: met when
it was met, breached when it was due, so that a late answer does not move a breach into the next month.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from syncd.sla.calendar import Calendar, Span
from syncd.sla.clock import Clock
from syncd.sla.holder import Holder
from syncd.sla.states import State, Verdict, judge


@dataclass(frozen=True, slots=True)
class Attainment:
    """Clocks that are decided; those running past due count as breached, cancelled ones only stand beside."""

    met: int = 0
    breached: int = 0
    cancelled: int = 0

    @property
    def decided(self) -> int:
        """How many count."""
        return self.met + self.breached

    def reaches(self, percent: int) -> bool:
        """Whether at least this share was met; compared in whole clocks, never rounded. True when none is decided."""
        return self.met * 100 >= percent * self.decided

    @property
    def share(self) -> float | None:
        """met / decided; None when none is decided."""
        return self.met / self.decided if self.decided else None


def attainment(clocks: Iterable[Clock], key: Callable[[Clock], str]) -> dict[str, Attainment]:
    """The attainment of each group of clocks, such as those of one channel."""
    counts: dict[str, list[int]] = {}
    for clock in clocks:
        state = judge(clock).state
        place = {State.MET: 0, State.BREACHED: 1, State.CANCELLED: 2}.get(state)
        if place is not None:
            counts.setdefault(key(clock), [0, 0, 0])[place] += 1
    return {name: Attainment(*numbers) for name, numbers in sorted(counts.items())}


def weighted(groups: Mapping[str, Attainment], weights: Mapping[str, int] | None = None) -> float | None:
    """The mean of the groups' shares, each weighed as told, else by how many of its clocks are decided."""
    parts = [(groups[name].share, (weights or {}).get(name, groups[name].decided)) for name in groups]
    known = [(share, weight) for share, weight in parts if share is not None]
    total = sum(weight for _, weight in known)
    return sum(share * weight for share, weight in known) / total if total else None


def quantile(seconds: Iterable[int], percent: int) -> int | None:
    """The smallest value that at least this share of the values does not exceed; 50 = the (lower) median."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


def decided_at(clock: Clock, verdict: Verdict) -> int | None:
    """The instant that places the clock in a period; None while it is undecided."""
    if verdict.breached_at is not None:
        return verdict.breached_at
    return clock.cycle.end


def month(calendar: Calendar, year: int, number: int) -> Span:
    """[start, end) of a month by the calendar's zone, in Unix seconds."""
    following = date(year + number // 12, number % 12 + 1, 1)
    return calendar.instant(date(year, number, 1), 0), calendar.instant(following, 0)


def overrun_by_holder(clocks: Iterable[Clock]) -> dict[Holder, int]:
    """Of the clocks that are breached: the counted seconds that each holder had the ball, the largest share first."""
    held: dict[Holder, int] = {}
    for clock in clocks:
        if judge(clock).state is State.BREACHED:
            for holder, seconds in clock.split().items():
                held[holder] = held.get(holder, 0) + seconds
    return dict(sorted(held.items(), key=lambda item: (-item[1], item[0])))
