"""From what is stored to clocks: the events of tickets, their bugs, and what the clocks of both amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from syncd.core.mapping import StageMapping
from syncd.core.model import ActorKind, IssueSnapshot, Link, LinkState, TicketChange, TicketSnapshot
from syncd.cycle.history import Known, known_history, late_markers
from syncd.cycle.sla_settings import AsOf, SlaSettings, TicketClocks
from syncd.sla.clock import Clock, clocks
from syncd.sla.events import Commented, Event
from syncd.sla.forecast import Forecast, Outlook, forecasts, next_forecast
from syncd.sla.holder import NOBODY
from syncd.sla.observed import ReadingChange, catching_up, second, ticket_events
from syncd.sla.observed_bugs import bug_events, outlook
from syncd.sla.policy import FollowUp, Rules
from syncd.sla.states import Verdict, judge
from syncd.store import Tx
from syncd.store.clocks import ClockRecord, Judged

_BORN: Final = "created"


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the clocks of some tickets are made from, read in a handful of statements."""

    tickets: Mapping[int, TicketSnapshot]
    changes: Mapping[int, Sequence[TicketChange]]
    readings: Mapping[int, Sequence[ReadingChange]]
    read_until: Mapping[int, datetime]
    links: Mapping[int, Sequence[tuple[Link, datetime | None]]]
    issues: Mapping[str, IssueSnapshot]
    known: Known
    carried: Mapping[int, Mapping[str, int]] = field(default_factory=dict)  # by the ticket that is followed up
    markers: Mapping[str, int] = field(default_factory=dict)  # those that came late, and since when
    searched: Mapping[int, int] = field(default_factory=dict)  # when a ticket's comments were all searched anew

    def is_born(self, ticket_id: int) -> bool:
        """Whether the ticket's creation is in its history."""
        return any(change.kind == _BORN for change in self.changes.get(ticket_id, ()))

    def exact_until(self, ticket: TicketSnapshot) -> int:
        """Up to when all of the ticket's events are known."""
        return self.known.exact_until(ticket, self.read_until.get(ticket.id))


def load(tx: Tx, ticket_ids: Sequence[int], settings: SlaSettings) -> Inputs:
    """The inputs of these tickets; the number of statements does not depend on how many they are (but for cuts of
    500)."""
    tickets = tx.tickets(ticket_ids)
    links: dict[int, list[tuple[Link, datetime | None]]] = {}
    for link, retired_at in tx.links_ever(tickets):
        links.setdefault(link.ticket_id, []).append((link, retired_at))
    carried: dict[int, dict[str, int]] = {}
    if any(rules.options.follow_up is FollowUp.CONTINUE for rules in settings.book.versions):
        followed = {ticket.followup_of for ticket in tickets.values() if ticket.followup_of is not None}
        for record in tx.clocks_of(followed):
            used = carried.setdefault(record.ticket_id, {})
            used[record.metric] = used.get(record.metric, 0) + record.used
    markers = late_markers(tx)
    return Inputs(
        tickets=tickets,
        changes=tx.histories(tickets),
        readings=tx.readings_of(tickets),
        read_until=tx.histories_read(tickets),
        links=links,
        issues=tx.issues({link.issue_id for entries in links.values() for link, _ in entries}),
        known=known_history(tx),
        carried=carried,
        markers=markers,
        searched=tx.histories_searched(tickets) if markers else {},
    )


def events_of(inputs: Inputs, ticket: TicketSnapshot, mappings: Mapping[str, StageMapping]) -> tuple[Event, ...]:
    """Everything that is known to have happened to the ticket and its bugs. What the exact history covers is not told
    by readings once more."""
    until = inputs.exact_until(ticket) if inputs.is_born(ticket.id) else 0
    ahead = [reading for reading in inputs.readings.get(ticket.id, ()) if reading.at > until]
    events = [*ticket_events(ticket, inputs.changes.get(ticket.id, ()), ahead)]
    events += catching_up(ticket, events)
    for link, retired_at in inputs.links.get(ticket.id, ()):
        issue = inputs.issues.get(link.issue_id)
        if issue is not None and issue.updated_ms:
            unlinked = None if retired_at is None else second(retired_at)
            events += bug_events(link, issue, mappings.get(link.route), unlinked_at=unlinked)
    return tuple(events)


def fold(
    inputs: Inputs,
    ticket: TicketSnapshot,
    events: Sequence[Event],
    settings: SlaSettings,
    mappings: Mapping[str, StageMapping],
    now: int,
    *,
    tickets_until: int,
    bugs_until: int,
) -> TicketClocks:
    """The ticket's clocks as of `now`. `events`: events_of() it."""
    carried = inputs.carried.get(ticket.followup_of) if ticket.followup_of is not None else None
    found = clocks(ticket.id, events, settings.book, now, carried=carried)
    boundaries = settings.book.boundaries()
    verdicts = tuple(judge(clock, boundaries) for clock in found)
    links = tuple(link for link, _ in inputs.links.get(ticket.id, ()) if link.state is not LinkState.RETIRED)
    issues = tuple(inputs.issues[link.issue_id] for link in links if link.issue_id in inputs.issues)
    outlooks = [
        outlook(link, inputs.issues[link.issue_id], mappings.get(link.route))
        for link in links
        if link.issue_id in inputs.issues and inputs.issues[link.issue_id].visible
    ]
    read_until, until = inputs.read_until.get(ticket.id), inputs.exact_until(ticket)
    is_born, is_searched = inputs.is_born(ticket.id), _is_searched(inputs, ticket, events, found, settings)
    is_complete = is_searched and inputs.known.is_complete(ticket, read_until, now, is_born=is_born)
    return TicketClocks(
        ticket=ticket,
        now=now,
        clocks=found,
        verdicts=verdicts,
        as_of=AsOf(tickets_until, until, bugs_until),
        is_complete=is_complete,
        is_born=is_born,
        is_searched=is_searched,
        is_certain=not ticket.visible or second(ticket.updated_at) <= until,
        forecasts=_forecasts(found, outlooks, settings),
        links=links,
        issues=issues,
        next_at=_next_at(found, verdicts, outlooks, settings, now),
    )


SKEW: Final = 300
"""Seconds that a tracker's clock may be ahead of the one by which it is known since when a marker is searched for."""


def _is_searched(
    inputs: Inputs, ticket: TicketSnapshot, events: Sequence[Event], found: Sequence[Clock], settings: SlaSettings
) -> bool:
    """False while an open clock may have been met by a comment that was read before its marker was configured."""
    at = inputs.searched.get(ticket.id, 0)
    late = {marker: since for marker, since in inputs.markers.items() if since > at}
    if not late or ticket.is_gone or ticket.state.is_solved:
        return True
    comments = [
        event.at for event in events if isinstance(event.what, Commented) and event.by.kind is not ActorKind.CUSTOMER
    ]
    for clock in found:
        if not clock.is_open:
            continue
        asked = {m for rules in settings.book.versions for m in _markers(rules, clock.cycle.metric)} & late.keys()
        until = max((late[marker] for marker in asked), default=0) + SKEW
        if asked and any(clock.cycle.start <= comment <= until for comment in comments):
            return False
    return True


def _markers(rules: Rules, metric: str) -> frozenset[str]:
    return rules.metrics[metric].markers if metric in rules.metrics else frozenset()


def _forecasts(found: Sequence[Clock], outlooks: Sequence[Outlook], settings: SlaSettings) -> tuple[Forecast, ...]:
    every = (said for clock in found for said in forecasts(clock, outlooks, settings.shares))
    # One bad sign of a bug is told once for each metric, whichever of its cycles.
    return tuple({(said.metric, said.bug, said.sign): said for said in every}.values())


def _next_at(
    found: Sequence[Clock],
    verdicts: Sequence[Verdict],
    outlooks: Sequence[Outlook],
    settings: SlaSettings,
    now: int,
) -> int | None:
    coming = [verdict.next_instant for verdict in verdicts if verdict.next_instant is not None]
    for clock in found:
        at = next_forecast(clock, outlooks, settings.shares)
        if at is not None and at > now:
            coming.append(at)
    return min(coming, default=None)


def judged(folded: TicketClocks) -> Judged:
    """What the store keeps of it."""
    records = [record_of(folded.now, clock, verdict) for clock, verdict in folded.judged()]
    is_partial = not folded.is_complete and (folded.ticket.state.is_solved or folded.ticket.is_gone)
    return Judged(folded.id, records, folded.next_at, folded.forecasts, is_partial)


def record_of(now: int, clock: Clock, verdict: Verdict) -> ClockRecord:
    """A clock as the store keeps it."""
    last = clock.targets[-1] if clock.targets else None
    return ClockRecord(
        ticket_id=clock.ticket,
        metric=clock.cycle.metric,
        subject=clock.cycle.subject,
        cycle=clock.cycle.number,
        state=verdict.state.value,
        color=verdict.color,
        is_paused=verdict.is_paused,
        started=clock.cycle.start,
        ended=clock.cycle.end,
        due=verdict.due,
        breached_at=verdict.breached_at,
        next_at=verdict.next_instant,
        target=clock.seconds,
        used=clock.elapsed,
        holder=clock.slices[-1].holder if clock.slices else NOBODY,
        policy=last.policy if last is not None else "",
        level=(last.level or "") if last is not None else "",
        rules=last.rules if last is not None else "",
        split=clock.split(),
        at=now,
    )
