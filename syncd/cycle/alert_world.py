"""Loading what one decision about alerts is made from: the tickets at hand, their facts, the episodes that are due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from syncd.alerts.case import Case
from syncd.alerts.noticing import Limits
from syncd.alerts.pipeline import World
from syncd.alerts.settings import AlertSettings
from syncd.core.alert_model import FactState, RuleFact
from syncd.cycle.settings import CycleReport
from syncd.sla.events import Event, in_order
from syncd.sla.folded import TicketClocks
from syncd.sla.policy import Book
from syncd.sla.standing import moments
from syncd.store import Tx

EPISODES_AT_ONCE = 2000
"""Due episodes that one cycle looks at; the next one takes the rest."""


class Keeper(Protocol):
    """What alerts ask of the clocks; syncd.cycle.clocks.ClockKeeper has it."""

    def now(self) -> int:
        """Up to when clocks are computed, in Unix seconds."""
        ...

    def folded(self, tx: Tx, ticket_ids: Iterable[int], now: int) -> list[TicketClocks]:
        """The clocks of these tickets, from the store alone."""
        ...

    def events(self, tx: Tx, ticket_id: int) -> tuple[tuple[Event, ...], int]:
        """All events of a ticket, and up to when its exact history is known."""
        ...

    def fresh(self, ticket_ids: Sequence[int], report: CycleReport) -> list[TicketClocks]:
        """The clocks of these tickets after reading the tickets again. Not inside a transaction; raises SourceError."""
        ...


def load(
    tx: Tx,
    keeper: Keeper,
    tickets: Iterable[TicketClocks],
    settings: AlertSettings,
    book: Book,
    now: int,
    *,
    clocks_now: int,
    enforce_from: int,
    blind: frozenset[str] = frozenset(),
    fresh: frozenset[int] | None = frozenset(),
    stated: Sequence[RuleFact] = (),
    known_cases: Mapping[int, Case] | None = None,
    groups: Collection[str] = (),
) -> World:
    """The world of one decision. `blind`: sides that cannot be read (zendesk, jira). `known_cases`: cases made
    in this cycle already. `groups`: those that facts are about to join, whose episodes are needed though they are not
    due."""
    given = {told.id: told for told in tickets}
    due = tx.open_episodes(due_at=now, limit=EPISODES_AT_ONCE)
    known = tx.alert_facts({*given, *(each.ticket for each in stated)})
    episodes = {episode.id: episode for episode in (*due, *tx.open_episodes_of(groups))}
    episodes |= tx.episodes({fact.episode for facts in known.values() for fact in facts.values()} - episodes.keys())
    is_open = {episode.id for episode in episodes.values() if episode.closed_at is None}
    members = tx.facts_of_episodes(is_open)
    firing = {f.key.ticket for facts in members.values() for f in facts if f.state is FactState.FIRING}
    speaking = {each.ticket for each in stated}
    missing = (firing | speaking) - given.keys()
    known |= tx.alert_facts(missing)
    given |= {told.id: told for told in keeper.folded(tx, sorted(missing), clocks_now)}
    cases = dict(known_cases or {})
    for ticket, told in given.items():
        passed = any(verdict.passed for verdict in told.verdicts)
        if ticket not in cases and (known.get(ticket) or passed or told.forecasts or ticket in speaking):
            cases[ticket] = case_of(tx, keeper, told, book)
    return World(
        now=now,
        settings=settings,
        limits=Limits(enforce_from, frozenset(book.starts[1:])),
        cases=cases,
        known=known,
        episodes=episodes,
        members=members,
        told=tx.told_in(episodes),
        stated=tuple(stated),
        fresh=fresh,
        held=frozenset(ticket for ticket, case in cases.items() if is_held(case, settings, now, blind)),
    )


def case_of(tx: Tx, keeper: Keeper, told: TicketClocks, book: Book) -> Case:
    """The ticket with its life, the customer's tier, and the bug of the problem that it is an incident of."""
    events, exact_until = keeper.events(tx, told.id)
    life = moments(event for event in in_order(events, exact_until) if event.at <= told.now)
    tier = book.at(told.now).tier(life[-1].after) if life else None
    problem = None if told.links else told.ticket.problem_id
    bugs = [link.issue_key for link in tx.links_of_ticket([problem])] if problem is not None else []
    return Case(told, life, tier, problems_bug=min(bugs, default=""))


def is_held(case: Case, settings: AlertSettings, now: int, blind: frozenset[str]) -> bool:
    """Whether what is known of the ticket is too old to alarm anybody: Zendesk cannot be read or lags behind, or Jira
    does and the ticket has a bug."""
    as_of, limit = case.told.as_of, settings.blind_after
    if "zendesk" in blind or now - as_of.tickets > limit:
        return True
    return bool(case.told.links) and ("jira" in blind or now - as_of.bugs > limit)
