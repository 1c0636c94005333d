"""What one cycle has to tell: facts → routing → episodes → drafts. Pure; the same world gives the same decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncd.alerts.case import Case
from syncd.alerts.episodes import Draft, Sight, Turn, look
from syncd.alerts.noticing import Limits, notice, notice_rules
from syncd.alerts.routing import chain_and_group, forecast_chain, rule_chain
from syncd.alerts.settings import AlertSettings
from syncd.core.alert_model import AlertFact, AlertKey, Chain, Episode, FactState, RuleFact, Told


@dataclass(frozen=True)
class World:
    """Everything that one decision is made from. `cases`: the tickets that are looked at; `known`: their facts;
    `episodes`: by id, every episode that is due or that one of these facts belongs to; `members`: all facts of the
    open ones. `fresh`, `held` and `back_at`: see Sight."""

    now: int
    settings: AlertSettings
    limits: Limits = field(default_factory=Limits)
    cases: Mapping[int, Case] = field(default_factory=dict)
    known: Mapping[int, Mapping[AlertKey, AlertFact]] = field(default_factory=dict)
    episodes: Mapping[int, Episode] = field(default_factory=dict)
    members: Mapping[int, Sequence[AlertFact]] = field(default_factory=dict)
    told: Mapping[int, Mapping[str, Told]] = field(default_factory=dict)
    stated: tuple[RuleFact, ...] = ()
    fresh: frozenset[int] | None = None
    held: frozenset[int] = frozenset()
    back_at: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    turns: tuple[Turn, ...] = ()

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """Everything that is to be told."""
        return tuple(draft for turn in self.turns for draft in turn.drafts)

    @property
    def wants(self) -> frozenset[int]:
        """Tickets that must be read again first."""
        return frozenset(ticket for turn in self.turns for ticket in turn.wants)


def decide(world: World) -> Decision:
    """One decision. Every fact that is new finds its episode; every episode that is due or touched gets one look."""
    rooms = _Rooms(world)
    for ticket, case in sorted(world.cases.items()):
        known = world.known.get(ticket, {})
        noticed = notice(case, known, world.limits, world.now, held=ticket in world.held)
        for fact in (*noticed.changed, *noticed.new):
            if not fact.key.is_forecast or fact.episode or forecast_chain(world.settings, case, fact.key) is not None:
                rooms.put(fact, case)
    for fact in notice_rules(
        world.stated, {k: f for facts in world.known.values() for k, f in facts.items()}, world.now
    ):
        rooms.put(fact, None)
    return Decision(tuple(look(sight) for sight in rooms.sights()))


@dataclass(slots=True)
class _Room:
    episode: Episode
    facts: dict[AlertKey, AlertFact]
    changed: set[AlertKey] = field(default_factory=set)


class _Rooms:
    """Where facts meet their episodes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rooms: dict[str, _Room] = {}
        self._closed: dict[int, _Room] = {}
        for episode in sorted(world.episodes.values(), key=lambda each: each.id):
            if episode.closed_at is None:
                facts = {fact.key: fact for fact in world.members.get(episode.id, ())}
                self._rooms[episode.group] = _Room(episode, facts)

    def put(self, fact: AlertFact, case: Case | None) -> None:
        """Files a new or changed fact with its episode, opening one where that is needed."""
        room = self._room(fact, case)
        back = fact.back and self._was_told(fact)
        room.facts[fact.key] = replace(fact, episode=room.episode.id, group=room.episode.group, back=back)
        room.changed.add(fact.key)

    def _was_told(self, fact: AlertFact) -> bool:
        """Whether somebody was told that the fact's clock is breached, in its episode or in the one that it came back
        from. A breach that was over before that is news when it comes back."""
        before = self._world.known.get(fact.key.ticket, {}).get(fact.key)
        if before is not None and before.back:
            return True
        told = self._world.told.get(fact.episode, {}).values()
        return any(key.is_breach and key.clock == fact.key.clock for log in told for key in log.firing)

    def sights(self) -> list[Sight]:
        """Every episode, with what a look at it needs."""
        world = self._world
        return [
            Sight(
                episode=room.episode,
                facts=tuple(sorted(room.facts.values(), key=lambda fact: (fact.at, fact.key))),
                cases=world.cases,
                told=world.told.get(room.episode.id, {}),
                now=world.now,
                settings=world.settings,
                changed=frozenset(room.changed),
                fresh=world.fresh,
                held=world.held,
                back_at=world.back_at,
            )
            for room in (*self._rooms.values(), *self._closed.values())
        ]

    def _room(self, fact: AlertFact, case: Case | None) -> _Room:
        mine = self._world.episodes.get(fact.episode)
        if mine is not None and mine.closed_at is None:
            return self._rooms[mine.group]
        if mine is not None and fact.state is not FactState.FIRING:
            return self._closed.setdefault(mine.id, _Room(mine, {}))  # a correction of what is long over
        if case is None:
            return self._open(*rule_chain(fact.key))
        if fact.key.is_forecast:
            wanted = forecast_chain(self._world.settings, case, fact.key)
            return self._open(*(wanted or chain_and_group(self._world.settings, case, fact.key)))
        chain, group = chain_and_group(self._world.settings, case, fact.key)
        joined = self._of_clock(fact.key)
        if joined is not None and joined.episode.chain.route == chain.route:
            return joined
        return self._open(chain, group)

    def _of_clock(self, key: AlertKey) -> _Room | None:
        """The open episode that a fact of the same clock fires in: a breach stays with its warnings where one route
        takes both, whatever its group is called by now."""
        for fact in self._world.known.get(key.ticket, {}).values():
            episode = self._world.episodes.get(fact.episode)
            if fact.key.clock == key.clock and fact.state is FactState.FIRING and episode is not None:
                return self._rooms.get(episode.group)
        return None

    def _open(self, chain: Chain, group: str) -> _Room:
        if group not in self._rooms:
            self._rooms[group] = _Room(Episode(group, chain, self._world.now), {})
        return self._rooms[group]
