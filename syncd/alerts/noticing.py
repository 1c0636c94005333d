"""From clocks and rules to facts: what is new, what is over, what came back, what never was. Pure.

Nothing is remembered about what was not told: each look asks which facts ought to exist and do not, so that a missed
look heals itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from syncd.alerts.case import Case
from syncd.core.alert_model import AlertFact, AlertKey, FactState, RuleFact
from syncd.sla.clock import Clock
from syncd.sla.thresholds import Fact, FactKey, facts, news, withdrawn

__all__ = ["Limits", "Noticed", "RuleFact", "notice", "notice_rules", "why_silent"]

DAY: Final = 86400
CORRECTED_FOR: Final = 7 * DAY
"""How long after a breach was over a change of history is still told as a correction."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What lies before is history. `attached`: instants at which rules or calendars took over; a clock that is past a
    point from that second on was put there by the configuration."""

    enforce_from: int = 0
    attached: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Noticed:
    """What one look at a ticket found. `changed` holds facts that are known already, as they are now."""

    new: tuple[AlertFact, ...] = ()
    changed: tuple[AlertFact, ...] = ()


def notice(case: Case, known: Mapping[AlertKey, AlertFact], limits: Limits, now: int, *, held: bool = False) -> Noticed:
    """Compares a ticket's clocks with what is known. An incomplete history, and one that is `held` because its source
    cannot be read, tells nothing new and takes nothing back."""
    if not case.told.is_complete or held:
        return Noticed()
    found = facts(case.told.clocks)
    attached = {fact.key for fact in found if _is_attached(fact, case, limits)}
    clock_facts = {key: fact for key, fact in known.items() if not key.is_rule}
    passed = {key: fact for key, fact in clock_facts.items() if not key.is_forecast}
    settled = {_fact_key(key) for key, fact in passed.items() if fact.state is not FactState.WITHDRAWN}
    new = tuple(_new(fact, clock_facts, case, now) for fact in news(found, settled | attached, limits.enforce_from))
    new += tuple(AlertFact(key, now, now) for key in sorted(case.forecasts()) if key not in known)
    unreal = {_alert_key(key) for key in withdrawn(found, settled)}
    changed = [_changed(fact, case, now, is_unreal=key in unreal) for key, fact in sorted(clock_facts.items())]
    return Noticed(new, tuple(fact for fact in changed if fact is not None))


def notice_rules(stated: Iterable[RuleFact], known: Mapping[AlertKey, AlertFact], now: int) -> tuple[AlertFact, ...]:
    """What rules state that nobody was told yet."""
    found: dict[AlertKey, AlertFact] = {}
    for each in stated:
        if each.key not in known and each.key not in found:
            found[each.key] = AlertFact(
                each.key, each.at, now, level=each.level, receivers=each.receivers, why=each.why, asks=each.asks
            )
    return tuple(found.values())


def why_silent(case: Case, fact: Fact, known: Mapping[AlertKey, AlertFact], limits: Limits) -> str | None:
    """Why a threshold that was passed was not told, as a sentence; None when it was, or is about to be."""
    key = _alert_key(fact.key)
    entry = known.get(key)
    if entry is not None and entry.state is not FactState.WITHDRAWN:
        return None
    if not fact.owed:
        return "the clock was met or cancelled before anybody had to hear of a warning"
    if fact.at < limits.enforce_from:
        return "it was passed before alerts were turned on; it is in the morning list"
    if _is_attached(fact, case, limits):
        return "it was passed at once when the configuration changed; it is in the morning list"
    if not case.told.is_complete:
        return "the ticket's history is not read completely yet"
    further = [k for k, f in known.items() if k.clock == key.clock and f.state is not FactState.WITHDRAWN]
    later = [point.key.threshold for point in facts(case.told.clocks) if _alert_key(point.key).clock == key.clock]
    order = {name: place for place, name in enumerate(later)}
    passed_by = [k.threshold for k in further if order.get(k.threshold, -1) > order.get(key.threshold, 0)]
    if passed_by:
        return f"a further one of the same clock was told: {passed_by[-1]}"
    return None


def _is_attached(fact: Fact, case: Case, limits: Limits) -> bool:
    if fact.at not in limits.attached:
        return False
    found = case.clock(_alert_key(fact.key))
    return found is not None and found[0].cycle.start < fact.at


def _new(fact: Fact, known: Mapping[AlertKey, AlertFact], case: Case, now: int) -> AlertFact:
    key = _alert_key(fact.key)
    before = known.get(key)
    found = case.clock(key)
    fires = case.fires(key)
    clock = found[0] if found is not None else None
    return AlertFact(
        key,
        fact.at,
        now,
        state=FactState.FIRING if fires else FactState.OVER,
        over_at=None if fires else clock.end if clock is not None else now,
        occurrence=1 if before is None else before.occurrence + 1,
        level=_level(key, clock),
    )


def _level(key: AlertKey, clock: Clock | None) -> int:
    """Which of the policy's levels a `breach+N` is, from 1."""
    _, _, after = key.threshold.partition("+")
    if not after.isdigit() or clock is None or clock.target is None:
        return 0
    levels = sorted(set(clock.target.levels))
    return levels.index(int(after)) + 1 if int(after) in levels else 0


def _changed(fact: AlertFact, case: Case, now: int, *, is_unreal: bool) -> AlertFact | None:
    if case.told.now < fact.at:
        return None  # the clocks were computed for an instant before it: a wall clock was set back
    fires = case.fires(fact.key)
    match fact.state:
        case FactState.FIRING if is_unreal:
            return replace(fact, state=FactState.WITHDRAWN, over_at=now, back=False)
        case FactState.FIRING if not fires:
            found = case.clock(fact.key)
            ended = found[0].cycle.end if found is not None else None
            return replace(fact, state=FactState.OVER, over_at=now if ended is None else ended)
        case FactState.OVER if is_unreal and now - (fact.over_at or now) < CORRECTED_FOR:
            return replace(fact, state=FactState.WITHDRAWN, back=False)
        case FactState.OVER if fires and fact.key.is_breach:
            return replace(fact, state=FactState.FIRING, over_at=None, back=True)
    return None


def _fact_key(key: AlertKey) -> FactKey:
    return FactKey(key.ticket, key.metric, key.subject, key.cycle, key.threshold)


def _alert_key(key: FactKey) -> AlertKey:
    return AlertKey(key.ticket, key.metric, key.subject, key.cycle, key.threshold)
