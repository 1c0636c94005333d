"""Escalation rules in a cycle: asked about every ticket that changed or fell due; what they do is enqueued.

1. The situation of each ticket is put together from its folded clocks and its history.
2. Each rule is asked; its run, its next instant, its steps and their writes are saved in ONE transaction. A step waits
   until its ticket, and what it goes by of bugs, was read after the instant at which the step was due.
3. What is to be told goes on to the alerts.
4. Right before a write that waited goes out, the rule is asked once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from syncd.alerts.escalating import Carried, EscalationSettings, carried_out, reason, told_firing
from syncd.alerts.situation import Around, affected_by, goes_by_bugs, situation_of
from syncd.core.alert_model import RuleFact
from syncd.core.escalation_actions import EscalateTicket
from syncd.core.model import Json, TicketSnapshot
from syncd.cycle.acknowledging import commanded
from syncd.cycle.settings import CycleReport
from syncd.rules.escalation import Advanced, Firing, Rule, Run, Situation, advance, is_about
from syncd.sla.business_time import BusinessTime
from syncd.sla.events import Event, in_order
from syncd.sla.folded import TicketClocks
from syncd.sla.policy import Rules
from syncd.sla.standing import Moment, moments
from syncd.sources.errors import SourceError
from syncd.store import Store, Tx

log = structlog.get_logger(__name__)

RULES_SINCE = "escalation.rules"
"""The fact that says since when each rule is there, by its digest."""

KIND_DAYS = timedelta(days=30)
READ_AGAIN = 20
"""Tickets that are read again in one cycle for what rules would do about them."""
UNCERTAIN_FOR = 600
"""Seconds that a rule waits for the exact history of a change that was only seen; then it goes by what it has."""
WAITED = 600
"""Seconds in the queue after which a write is made only where its rule is still about the ticket. What is younger was
decided on what still counts, whoever was faster to change the ticket."""

URGENCY = {"urgent": 0, "high": 1, "normal": 2, "low": 3}


class Keeper(Protocol):
    """The history of tickets, as the clocks know it; syncd.cycle.clocks.ClockKeeper has it."""

    def now(self) -> int:
        """Up to when clocks are computed, in Unix seconds."""

    def folded(self, tx: Tx, ticket_ids: Iterable[int], now: int) -> list[TicketClocks]:
        """The clocks of these tickets, from the store alone."""

    def events(self, tx: Tx, ticket_id: int) -> tuple[tuple[Event, ...], int]:
        """All events of a ticket, and up to when its exact history is known."""

    def fresh(self, ticket_ids: Sequence[int], report: CycleReport) -> list[TicketClocks]:
        """The clocks of these tickets after reading them again. Not inside a transaction; raises SourceError."""


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """How a rule stands towards a ticket. `next_at`: Unix seconds; None when time alone changes nothing."""

    rule: str
    holds: str  # the lines that the ticket fulfils
    why: str  # why it does nothing now; "" when it is about to act
    next_at: int | None
    is_on: bool


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rule would do: nothing where there are no steps. Instants are Unix seconds."""

    rule: str
    holds: str  # the lines that the ticket fulfils
    steps: tuple[tuple[int, str], ...]  # when, and what
    next_at: int | None  # when it is worth asking again though nothing happens
    said: RuleFact | None = None  # what receivers would hear at first


class EscalationRules:
    """The rules of one configuration over one store."""

    def __init__(
        self,
        store: Store,
        keeper: Keeper,
        *,
        settings: Callable[[], EscalationSettings | None],
        rules: Callable[[int], Rules | None],
    ) -> None:
        """`settings` answers None where config.yaml has no rules, `rules` (of the clocks, at a second) where it has
        no clocks."""
        self._store = store
        self._keeper = keeper
        self._settings = settings
        self._rules = rules
        self._begun: frozenset[str] = frozenset()  # the rules whose beginning is kept, by digest

    def run(self, tickets: Sequence[TicketClocks], now: datetime, report: CycleReport) -> tuple[RuleFact, ...]:
        """What receivers are to hear, which is also kept for the alerts. Every step is decided once, however often it
        is asked for."""
        settings = self._settings()
        standing = self._rules(int(now.timestamp()))
        if settings is None or standing is None or not settings.rules:
            return ()
        self._begin(settings.rules, now)
        if not tickets:
            return ()
        complete = [told for told in tickets if told.is_complete]
        sure = [told for told in complete if not _is_uncertain(told)]
        facts, unread = self._ask_all(sure, settings, standing, now, report)
        waiting = {told.id: told.now for told in (*unread, *(told for told in complete if _is_uncertain(told)))}
        if waiting:
            sure = self._read_again([told for told in complete if told.id in waiting], report)
            facts += self._ask_all(sure, settings, standing, now, report, are_fresh=True)[0]
            with self._store.transaction() as tx:
                for number in waiting.keys() - {told.id for told in sure}:
                    tx.bring_clock_forward(number, waiting[number] + 15)
        return tuple(facts)

    def outlived(self, action: EscalateTicket, ticket: TicketSnapshot, waited: float) -> str:
        """Why a write that waited for so many seconds is not to be made any more; "" when it is. `ticket`: as it was
        read just now, which is kept. No call; not inside a transaction."""
        settings, now = self._settings(), self._keeper.now()
        name = action.source.rsplit("/", 2)[0]
        rule = next((rule for rule in settings.rules if rule.name == name), None) if settings is not None else None
        if ticket.state.is_solved and (rule is None or not rule.solved_too):
            return "the ticket is solved by now"
        standing = self._rules(now)
        if waited < WAITED or settings is None or standing is None or rule is None:
            return ""
        with self._store.transaction() as tx:
            tx.put_tickets([ticket], datetime.fromtimestamp(now, UTC))
            told = next(iter(self._keeper.folded(tx, [ticket.id], now)), None)
            if told is None or not told.is_complete:
                return ""
            live = tx.live_links_of_issues(link.issue_id for link in told.links)
            around = self._around(tx, told, live, settings)
            life = self._life(tx, told)
        situation = situation_of(told, life, standing, settings.priorities, around, settings.ways)
        return "" if is_about(rule, situation, now) else f"what the rule {name} is about is over by now"

    def _read_again(self, unsure: Sequence[TicketClocks], report: CycleReport) -> list[TicketClocks]:
        """Of tickets that changed or fell due since they were read, or whose exact history lags behind what was seen:
        those about which a rule would speak by what is known, read exactly. So a rule speaks at once, however much
        happens on a ticket, and never in vain."""
        if "zendesk" in report.problems:
            return []
        with self._store.reading() as tx:
            wanted = list(dict.fromkeys(number for number, _ in self._firings(tx, unsure)))
        try:
            read = self._keeper.fresh(wanted[:READ_AGAIN], report) if wanted else []
        except SourceError as error:
            log.warning("rules_wait", problem=str(error))
            return []
        return [told for told in read if told.is_complete and not _is_uncertain(told)]

    def _ask_all(
        self,
        asked: Sequence[TicketClocks],
        settings: EscalationSettings,
        standing: Rules,
        now: datetime,
        report: CycleReport,
        *,
        are_fresh: bool = False,
    ) -> tuple[list[RuleFact], list[TicketClocks]]:
        """Asks every rule about each of these tickets; keeps what comes of it in one transaction. Also returns the
        tickets that were last read before a step of theirs was due, of which nothing is kept; `are_fresh`: they were
        all read just now."""
        facts: list[RuleFact] = []
        unread: list[TicketClocks] = []
        if not asked:
            return facts, unread
        with self._store.transaction() as tx:
            since = self._since(tx, settings.rules, now)
            self._remember_kinds(tx, asked, settings)
            by_bugs = {rule.name for rule in settings.rules if goes_by_bugs(rule, standing)}
            for start in range(0, len(asked), 200):
                part = asked[start : start + 200]
                runs = tx.escalation_runs(told.id for told in part)
                live = tx.live_links_of_issues(link.issue_id for told in part for link in told.links)
                for told in part:
                    life = self._life(tx, told)
                    around = self._around(tx, told, live, settings)
                    situation = situation_of(told, life, standing, settings.priorities, around, settings.ways)
                    says: list[tuple[Rule, Advanced]] = []
                    for rule in settings.rules:
                        run, begun = runs.get((told.id, rule.name)), since[rule.digest]
                        says.append((rule, self._advance(rule, run, situation, told, settings, begun)))
                    firings = [firing for _, said in says for firing in said.firings]
                    due = max((firing.at for firing in firings), default=0)
                    if told.links and any(f.rule in by_bugs and f.at > told.as_of.bugs for f in firings):
                        tx.bring_clock_forward(told.id, told.now + 15)  # the next list of bugs tells
                    elif due > told.as_of.tickets and not are_fresh:
                        unread.append(told)
                    else:
                        facts += self._keep(tx, told, life, situation, settings, says, runs, report)
        return facts, unread

    def _begin(self, rules: Sequence[Rule], now: datetime) -> None:
        """Rules are in force from the first cycle on that has them, whether or not a ticket is looked at in it."""
        digests = frozenset(rule.digest for rule in rules)
        if digests != self._begun:
            with self._store.transaction() as tx:
                self._since(tx, rules, now)
            self._begun = digests

    def _life(self, tx: Tx, told: TicketClocks) -> tuple[Moment, ...]:
        """Its moments, oldest first, none after now."""
        events, exact_until = self._keeper.events(tx, told.id)
        return moments(event for event in in_order(events, exact_until) if event.at <= told.now)

    def would(self, tx: Tx, tickets: Sequence[TicketClocks]) -> list[Carried]:
        """What the rules would do about these tickets now. Nothing is remembered of it."""
        certain = [told for told in tickets if told.is_complete and not _is_uncertain(told)]
        return [step for _, step in self._firings(tx, certain)]

    def _firings(self, tx: Tx, tickets: Sequence[TicketClocks]) -> list[tuple[int, Carried]]:
        """The same by ticket, whether or not their exact history is known."""
        settings = self._settings()
        if settings is None:
            return []
        known = tx.get_fact(RULES_SINCE)
        since = known if isinstance(known, dict) else {}
        runs = tx.escalation_runs(told.id for told in tickets)
        live = tx.live_links_of_issues(link.issue_id for told in tickets for link in told.links)
        found: list[tuple[int, Carried]] = []
        for told in tickets:
            standing = self._rules(told.now)
            if standing is None:
                continue
            life, around = self._life(tx, told), self._around(tx, told, live, settings)
            situation = situation_of(told, life, standing, settings.priorities, around, settings.ways)
            for rule in settings.rules:
                begun = int(since.get(rule.digest, told.now))
                said = self._advance(rule, runs.get((told.id, rule.name)), situation, told, settings, begun)
                found += [
                    (told.id, carried_out(firing, rule, situation, told, life, settings)) for firing in said.firings
                ]
        return found

    def rehearse(self, tx: Tx, told: TicketClocks) -> list[Rehearsed]:
        """What each rule would do about a ticket, step by step, had it never been asked before and nobody acted."""
        settings, standing = self._settings(), self._rules(told.now)
        if settings is None or standing is None:
            return []
        live = tx.live_links_of_issues(link.issue_id for link in told.links)
        around = self._around(tx, told, live, settings)
        life = self._life(tx, told)
        situation = replace(
            situation_of(told, life, standing, settings.priorities, around, settings.ways), acknowledged_at=None
        )
        found = []
        for rule in settings.rules:
            said = self._advance(rule, None, situation, told, settings, 0)
            steps: list[tuple[int, str]] = []
            words: RuleFact | None = None
            if said.run is not None:
                since, chain = said.run.since, rule.chain
                steps = [
                    (since + level.after, told_firing(Firing(rule.name, told.id, 1, "", since, level.do)))
                    for level in chain.levels
                ]
                if chain.repeat is not None:
                    again = told_firing(Firing(rule.name, told.id, 1, "", since, chain.repeat.do))
                    last = steps[-1][0] if steps else since
                    steps.append((last + chain.repeat.every, f"{again}, {chain.repeat.times} times"))
                if chain.levels:
                    first = Firing(rule.name, told.id, 1, "level-1", since, chain.levels[0].do)
                    words = carried_out(first, rule, situation, told, life, settings).fact
            found.append(Rehearsed(rule.name, reason(rule, situation, told.now), tuple(steps), said.next_at, words))
        return found

    @staticmethod
    def _advance(
        rule: Rule, run: Run | None, situation: Situation, told: TicketClocks, settings: EscalationSettings, since: int
    ) -> Advanced:
        hours = settings.hours.get(rule.during)
        opening = None if hours is None else partial(_opening, hours)
        return advance(rule, run, situation, told.now, enforce_from=since, opening=opening)

    def explain(self, tx: Tx, told: TicketClocks) -> list[RuleStanding]:
        """How each rule stands towards a ticket: what it did, when it acts next, or why it does nothing."""
        settings = self._settings()
        standing = self._rules(told.now)
        if settings is None or standing is None:
            return []
        runs = tx.escalation_runs([told.id])
        live = tx.live_links_of_issues(link.issue_id for link in told.links)
        around = self._around(tx, told, live, settings)
        situation = situation_of(told, self._life(tx, told), standing, settings.priorities, around, settings.ways)
        known = tx.get_fact(RULES_SINCE)
        since = known if isinstance(known, dict) else {}
        found = []
        for rule in settings.rules:
            begun = int(since.get(rule.digest, told.now))
            said = self._advance(rule, runs.get((told.id, rule.name)), situation, told, settings, begun)
            why = said.why
            if not told.is_complete:
                why = "its history is not read yet"
            elif _is_uncertain(told):
                why = "something happened that the exact history has not told yet"
            holds = said.run is not None and said.run.is_open
            found.append(RuleStanding(rule.name, reason(rule, situation, told.now), why, said.next_at, is_on=holds))
        return found

    def _keep(
        self,
        tx: Tx,
        told: TicketClocks,
        life: Sequence[Moment],
        situation: Situation,
        settings: EscalationSettings,
        says: Sequence[tuple[Rule, Advanced]],
        runs: dict[tuple[int, str], Run],
        report: CycleReport,
    ) -> list[RuleFact]:
        facts: list[RuleFact] = []
        for rule, said in says:
            for firing in said.firings:
                step = carried_out(firing, rule, situation, told, life, settings)
                if tx.take_escalation_step(firing, step.what, told.now):
                    facts += self._carry(tx, step, told, report)
        said_runs = [said.run for _, said in says if said.run is not None]
        tx.save_escalation_runs(run for run in said_runs if run != runs.get((told.id, run.rule)))
        instants = [said.next_at for _, said in says if said.next_at is not None]
        if instants:
            tx.bring_clock_forward(told.id, max(min(instants), told.now + 1))
        return facts

    def _carry(self, tx: Tx, step: Carried, told: TicketClocks, report: CycleReport) -> list[RuleFact]:
        now = datetime.fromtimestamp(told.now, UTC)
        urgency = URGENCY.get(told.ticket.priority or "normal", 2)
        for action in step.actions:
            if tx.enqueue(action, urgency=urgency, now=now) is None:
                report.planned += 1
        if step.fact is None:
            return []
        tx.state_rule_facts([step.fact])  # the alerts take it over, whatever happens to this process
        return [step.fact]

    def _since(self, tx: Tx, rules: Sequence[Rule], now: datetime) -> dict[str, int]:
        """When each rule was first seen as it is now: what was so before is none of its business."""
        known = tx.get_fact(RULES_SINCE)
        before = known if isinstance(known, dict) else {}
        stamp = int(now.timestamp())
        since = {rule.digest: min(int(before.get(rule.digest, stamp)), stamp) for rule in rules}
        if since != before:
            facts: dict[str, Json] = dict(since)
            tx.set_fact(RULES_SINCE, facts, now)
        return since

    def _remember_kinds(self, tx: Tx, tickets: Sequence[TicketClocks], settings: EscalationSettings) -> None:
        if settings.kind_field:
            tx.save_ticket_kinds(
                {told.id: (_kind(told, settings), int(told.ticket.created_at.timestamp())) for told in tickets}
            )

    def _around(self, tx: Tx, told: TicketClocks, live: dict[str, int], settings: EscalationSettings) -> Around:
        kind = _kind(told, settings) if settings.kind_field else ""
        since = told.now - int(KIND_DAYS.total_seconds())
        return Around(
            affected=affected_by(told.links, live),
            kind=kind,
            same_kind=tx.count_of_kind(kind, since) if kind else 0,
            commanded_at=commanded(tx).get(told.id),
        )


def _kind(told: TicketClocks, settings: EscalationSettings) -> str:
    value = told.ticket.fields.get(settings.kind_field)
    return "" if value is None else str(value)


def _opening(hours: BusinessTime, at: int) -> int | None:
    """The instant itself when it is open then, else the next opening."""
    return hours.add(at, 0)


def _is_uncertain(told: TicketClocks) -> bool:
    """Something was seen that the exact history has not told yet: it may be the reply that a rule waits for."""
    return not told.is_certain and told.now - told.as_of.history < UNCERTAIN_FOR
