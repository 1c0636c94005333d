"""What clocks have to report: facts, each at most once, whoever asks how often.

A fact's key says what was crossed and nothing about when that was noticed or under which configuration, so that a
restart, a second look, a reload or a status that flips back and forth can never report it again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from syncd.sla.clock import Clock
from syncd.sla.states import BREACH, State, judge


@dataclass(frozen=True, slots=True, order=True)
class FactKey:
    ticket: int
    metric: str
    subject: str  # the bug's id for a bug's own clock, else ""
    cycle: int
    threshold: str  # yellow | red | breach | breach+N


@dataclass(frozen=True, slots=True)
class Fact:
    """A threshold that a clock has passed."""

    key: FactKey
    at: int  # when it was passed, by the tracker's clock; not when it was noticed
    owed: bool = True  # False: it happened, and nobody needs to hear of it any more


def facts(clocks: Iterable[Clock]) -> tuple[Fact, ...]:
    """Every fact that ought to exist by now, in order of time.

    A breach stays owed when the clock is met at last; a warning does not, and nothing of a cancelled clock is."""
    found = []
    for clock in clocks:
        cycle, verdict = clock.cycle, judge(clock)
        for point in verdict.passed:
            key = FactKey(clock.ticket, cycle.metric, cycle.subject, cycle.number, point.name)
            owed = verdict.state is not State.CANCELLED and (clock.is_open or point.name.startswith(BREACH))
            found.append(Fact(key, point.at, owed))
    return tuple(sorted(found, key=lambda fact: fact.at))  # stable: what a clock passes in one second keeps its order


def news(found: Iterable[Fact], known: Collection[FactKey], enforce_from: int) -> tuple[Fact, ...]:
    """What is to be reported now: of each clock the furthest threshold that is not known yet.

    `known` are the keys that were handed over for good. What was passed before `enforce_from` is history: a first
    start, a new policy or a long outage reports nothing of it one by one."""
    latest: dict[tuple[int, str, str, int], Fact] = {}
    for fact in found:
        key = fact.key
        clock = (key.ticket, key.metric, key.subject, key.cycle)
        if key in known:
            latest.pop(clock, None)  # what lies behind a reported threshold needs no word of its own
        elif fact.owed and fact.at >= enforce_from:
            latest[clock] = fact
    return tuple(sorted(latest.values(), key=lambda fact: (fact.at, fact.key)))


def withdrawn(found: Iterable[Fact], known: Iterable[FactKey]) -> tuple[FactKey, ...]:
    """Breaches that were reported and, by what is known now, never were: each asks for a correction."""
    real = {fact.key for fact in found}
    return tuple(sorted(key for key in known if key not in real and key.threshold.startswith(BREACH)))
