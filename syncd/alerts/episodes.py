"""One look at one episode: who acknowledged, whether it climbs, who has to hear what, when to look again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncd.alerts.acks import acknowledged, merged
from syncd.alerts.case import Case
from syncd.alerts.dedup import GroupNow, needs_update
from syncd.alerts.message import Reason
from syncd.alerts.settings import AlertSettings
from syncd.core.alert_model import (
    BREACH,
    AlertFact,
    AlertKey,
    Episode,
    EpisodeState,
    FactState,
    Told,
    furthest,
)

PUNCTUAL = 120
"""A level that is told within so many seconds of its instant counts as told then: the next one is not put off."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A notification that is due, before quiet hours and budgets."""

    group: str
    receiver: str
    reason: Reason
    keys: tuple[AlertKey, ...]
    told: Told  # the log once it is told
    before: Told | None  # the log as it is
    level: int = 0
    urgent: bool = False  # knows no quiet hours
    late: bool = False  # what is new in it was noticed long after it happened
    why: str = ""
    asks: str = ""  # what a rule asks for


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one look. `facts`: new or changed ones, to be kept with the episode."""

    episode: Episode
    facts: tuple[AlertFact, ...] = ()
    drafts: tuple[Draft, ...] = ()
    wants: frozenset[int] = frozenset()  # tickets to be read again before anything is told


@dataclass(frozen=True, slots=True)
class Sight:
    """An episode with everything that one look needs. `facts`: all of its facts as they are now; `changed`: the keys
    of those that are new or changed in this look. `fresh`: tickets that were read again just now; None = all count as
    read. `held`: tickets whose source cannot be read. `back_at`: when a source could be read again, until that is told:
    what was passed before is made up for."""

    episode: Episode
    facts: Sequence[AlertFact]
    cases: Mapping[int, Case]
    told: Mapping[str, Told]
    now: int
    settings: AlertSettings
    changed: frozenset[AlertKey] = frozenset()
    fresh: frozenset[int] | None = None
    held: frozenset[int] = frozenset()
    back_at: int | None = None

    @property
    def tickets(self) -> frozenset[int]:
        """All tickets of the episode that are not over."""
        return frozenset(fact.key.ticket for fact in self.facts if fact.state is FactState.FIRING)


@dataclass(frozen=True, slots=True)
class _Keys:
    """The facts of an episode by what they are now."""

    firing: frozenset[AlertKey]  # the furthest of each clock that nothing inhibits
    owed: frozenset[AlertKey]
    over: frozenset[AlertKey]
    withdrawn: frozenset[AlertKey]
    back: frozenset[AlertKey]
    breaches: frozenset[AlertKey] = field(default=frozenset())  # of those firing


def look(sight: Sight) -> Turn:
    """One look. Tells nothing while a member's source is away, or before its first breach was read again."""
    now, changed = sight.now, tuple(fact for fact in sight.facts if fact.key in sight.changed)
    episode = replace(sight.episode, flush_at=_flush_at(sight))
    if sight.tickets & sight.held:
        return Turn(replace(episode, next_at=now), changed)
    keys = _keys(sight)
    episode = _with_acks(episode, sight)
    in_hand = _in_hand(episode, keys, sight)
    episode = _returned(episode, now, in_hand=in_hand)
    if not in_hand:
        episode = _climbed(episode, keys, sight)
    drafts: tuple[Draft, ...] = ()
    if episode.flush_at is None or episode.flush_at <= now:
        drafts = _drafts(episode, keys, sight, in_hand=in_hand)
        wants = _unverified(drafts, sight)
        if wants:
            return Turn(replace(episode, flush_at=min(episode.flush_at or now, now), next_at=now), changed, (), wants)
        changed += _rules_told(sight, changed)
        episode = replace(episode, flush_at=None)
    facts = {fact.key: fact for fact in (*sight.facts, *changed)}
    is_over = all(fact.state is not FactState.FIRING for fact in facts.values())
    if is_over and episode.flush_at is None and episode.state is EpisodeState.OPEN:
        episode = replace(episode, state=EpisodeState.CLOSED, closed_at=now, climbs_at=None)
    told = {**sight.told, **{draft.receiver: draft.told for draft in drafts}}
    return Turn(replace(episode, next_at=_next_at(episode, keys, told, now, in_hand=in_hand)), changed, drafts)


# ---- what is true ------------------------------------------------------------------------------------------------


def _keys(sight: Sight) -> _Keys:
    by_state: dict[FactState, set[AlertKey]] = {state: set() for state in FactState}
    for fact in sight.facts:
        by_state[fact.state].add(fact.key)
    heard = {key for told in sight.told.values() for key in (*told.firing, *told.corrected)}
    back = {fact.key for fact in sight.facts if fact.back}
    owed = {key for key in by_state[FactState.OVER] - back if key.is_breach and key not in heard}
    firing = by_state[FactState.FIRING]
    muted = {key for key in firing | owed if _is_inhibited(key, firing, sight.settings)}
    told_of = furthest((firing | owed) - muted)
    return _Keys(
        firing=frozenset(told_of & firing),
        owed=frozenset(told_of & owed),
        over=frozenset(by_state[FactState.OVER] - owed),
        withdrawn=frozenset(by_state[FactState.WITHDRAWN]),
        back=frozenset(back),
        breaches=frozenset(key for key in told_of & firing if key.is_breach),
    )


def _is_inhibited(key: AlertKey, firing: Iterable[AlertKey], settings: AlertSettings) -> bool:
    breached = {other.metric for other in firing if other.ticket == key.ticket and other.is_breach}
    return any(rule.by in breached and key.metric in rule.mutes for rule in settings.inhibitions)


def _flush_at(sight: Sight) -> int | None:
    """When what is new in this look is told: at once for what must not wait, else with what follows it closely."""
    episode, chain, now = sight.episode, sight.episode.chain, sight.now
    heard = {key for told in sight.told.values() for key in told.firing}
    last = max((told.at for told in sight.told.values()), default=None)
    found = [episode.flush_at] if episode.flush_at is not None else []
    for fact in sight.facts:
        if fact.key not in sight.changed:
            continue
        if fact.back and fact.state is FactState.FIRING:
            found.append(now + chain.group_interval)
        elif fact.state is FactState.WITHDRAWN:
            found.append(now)
        elif fact.state is FactState.OVER and (fact.back or fact.key in heard):
            found.append(now + chain.group_wait)
        elif fact.key.is_breach or last is None:
            found.append(max(now, fact.at + chain.group_wait))
        else:
            found.append(max(now, fact.at + chain.group_wait, last + chain.group_interval))
    return min(found, default=None)


# ---- acknowledgement and levels ----------------------------------------------------------------------------------


def _since(sight: Sight, ticket: int) -> int:
    """From when on an act acknowledges: since the newest breach, or since the first fact of the ticket."""
    mine = [fact for fact in sight.facts if fact.key.ticket == ticket and fact.state is FactState.FIRING]
    breaches = [fact.at for fact in mine if fact.key.threshold == BREACH or fact.key.is_rule]
    return max(breaches) if breaches else min((fact.at for fact in mine), default=sight.episode.opened_at)


def _with_acks(episode: Episode, sight: Sight) -> Episode:
    acks = episode.acks
    for ticket in sorted(sight.tickets):
        case = sight.cases.get(ticket)
        if case is not None:
            acks = merged(acks, acknowledged(case.life, ticket, _since(sight, ticket), sight.settings.ack))
    return replace(episode, acks=acks)


def _in_hand(episode: Episode, keys: _Keys, sight: Sight) -> bool:
    """Every breach that fires is acknowledged, or its clock rests."""
    return bool(keys.breaches) and all(_is_in_hand(episode, key, sight) for key in keys.breaches)


def _is_in_hand(episode: Episode, key: AlertKey, sight: Sight) -> bool:
    ack = episode.ack_of(key.ticket, sight.now)
    if ack is not None and ack.at >= _since(sight, key.ticket):
        return True
    case = sight.cases.get(key.ticket)
    return case is not None and not key.is_rule and case.rests(key)


def _returned(episode: Episode, now: int, *, in_hand: bool) -> Episode:
    """An acknowledgement ran out and nobody gave a new one: it comes back."""
    ended = max((ack.until for ack in episode.acks if ack.until <= now), default=None)
    if in_hand or ended is None or (episode.returned_at or 0) >= ended:
        return episode
    chain = episode.chain
    left = episode.level < len(chain.levels)
    return replace(episode, returned_at=ended, climbs_at=now + chain.levels[episode.level].after if left else None)


def _climbed(episode: Episode, keys: _Keys, sight: Sight) -> Episode:
    levels, now = episode.chain.levels, sight.now
    if not keys.breaches:
        return replace(episode, climbs_at=None)
    stated = max((fact.level for fact in sight.facts if fact.key in keys.breaches and not fact.key.is_rule), default=0)
    level = max(episode.level, min(stated, len(levels)))
    at = episode.climbs_at if level == episode.level else None
    if at is None and level < len(levels):
        first = min(fact.noticed for fact in sight.facts if fact.key in keys.breaches)
        at = (first if level == 0 else now) + levels[level].after
    while at is not None and at <= now and level < len(levels):
        level += 1
        base = at if now - at <= PUNCTUAL else now
        at = base + levels[level].after if level < len(levels) else None
    return replace(episode, level=level, climbs_at=at)


# ---- who hears what ----------------------------------------------------------------------------------------------


def _drafts(episode: Episode, keys: _Keys, sight: Sight, *, in_hand: bool) -> tuple[Draft, ...]:
    rules = [fact for fact in sight.facts if fact.key.is_rule and fact.state is FactState.FIRING]
    named = [name for fact in rules for name in fact.receivers]
    found = []
    audience = (*episode.chain.audience(episode.level), *named, *sight.told)
    for receiver in dict.fromkeys(sight.settings.name_of(name) for name in audience):
        draft = _draft(episode, receiver, keys, sight, in_hand=in_hand)
        if draft is not None:
            found.append(draft)
    return tuple(found)


def _draft(episode: Episode, receiver: str, keys: _Keys, sight: Sight, *, in_hand: bool) -> Draft | None:
    chain = episode.chain
    name_of = sight.settings.name_of
    named_at = [n for n in range(episode.level + 1) if receiver in map(name_of, chain.of_level(n))]
    mine = frozenset(
        fact.key for fact in sight.facts if not fact.key.is_rule or receiver in map(name_of, fact.receivers)
    )
    is_audience = bool(named_at)
    group = GroupNow(
        receiver=receiver,
        firing=frozenset(key for key in keys.firing & mine if is_audience or key.is_rule),
        owed=keys.owed & mine if is_audience else frozenset(),
        over=keys.over,
        withdrawn=keys.withdrawn,
        back=keys.back,
        level=max(named_at, default=0),
        repeat=chain.repeat,
        in_hand=in_hand,
        returned_at=episode.returned_at,
        resolved=chain.resolved,
    )
    before = sight.told.get(receiver)
    update = needs_update(group, before, sight.now)
    if update is None:
        return None
    reason, level, why, asks = update.reason, episode.level, chain.why, ""
    stated = [fact for fact in sight.facts if fact.key in update.keys and fact.key.is_rule]
    if stated:
        newest = stated[-1]
        reason, level, why, asks = _rule_reason(newest), newest.level, newest.why, newest.asks
    new = [
        fact for fact in sight.facts if fact.key in update.keys and (before is None or fact.key not in before.firing)
    ]
    return Draft(
        group=episode.group,
        receiver=receiver,
        reason=reason,
        keys=update.keys,
        told=update.told,
        before=before,
        level=level,
        urgent=_is_urgent(update.keys, reason, sight),
        late=bool(new) and all(_is_late(fact, sight) for fact in new),
        why=why,
        asks=asks,
    )


def _is_late(fact: AlertFact, sight: Sight) -> bool:
    """Whether it is made up for: noticed long after it was passed, or passed while a source could not be read."""
    if sight.back_at is not None and fact.at <= sight.back_at <= fact.noticed:
        return True
    return fact.noticed - fact.at > sight.settings.late_after


def _rule_reason(fact: AlertFact) -> Reason:
    if fact.key.threshold.startswith("repeat"):
        return Reason.REMINDER
    return Reason.LEVEL if fact.level > 1 else Reason.FIRST


def _is_urgent(keys: Iterable[AlertKey], reason: Reason, sight: Sight) -> bool:
    """Whether it knows no quiet hours. What a rule repeats about an urgent ticket is a report that people wait for."""
    for key in keys:
        if reason not in (Reason.FIRST, Reason.BREACH, Reason.LEVEL) and not (
            key.is_rule and reason is Reason.REMINDER
        ):
            continue
        case = sight.cases.get(key.ticket)
        priority = case.standing.values.get("priority", "") if case is not None else ""
        if key.is_breach and priority in sight.settings.breaks_through:
            return True
    return False


def _unverified(drafts: Iterable[Draft], sight: Sight) -> frozenset[int]:
    """Tickets with a breach that nobody was told of and that was not read again just now."""
    if sight.fresh is None:
        return frozenset()
    heard = {key for told in sight.told.values() for key in told.firing}
    return frozenset(
        key.ticket
        for draft in drafts
        if draft.reason is not Reason.CORRECTION
        for key in draft.keys
        if key.is_breach and not key.is_rule and key not in heard and key.ticket not in sight.fresh
    )


def _rules_told(sight: Sight, changed: Sequence[AlertFact]) -> tuple[AlertFact, ...]:
    """What rules stated is over as soon as it is told: the rule itself says when there is more."""
    newest = {fact.key: fact for fact in (*sight.facts, *changed)}
    return tuple(
        replace(fact, state=FactState.OVER, over_at=sight.now)
        for fact in newest.values()
        if fact.key.is_rule and fact.state is FactState.FIRING
    )


def _next_at(episode: Episode, keys: _Keys, told: Mapping[str, Told], now: int, *, in_hand: bool) -> int | None:
    if episode.state is EpisodeState.CLOSED:
        return None
    found = [] if episode.flush_at is None else [episode.flush_at]
    if in_hand:
        found += [ack.until for ack in episode.acks if ack.until > now]
    elif keys.breaches:
        found += [] if episode.climbs_at is None else [episode.climbs_at]
        found += [log.at + episode.chain.repeat for log in told.values() if episode.chain.repeat and log.firing]
    return min(found, default=None)
