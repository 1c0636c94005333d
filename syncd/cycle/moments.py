"""Releases and comebacks as a part of the plan; core/moments.py decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.core.actions import Plan
from syncd.core.model import Link, TicketSnapshot
from syncd.core.moments import decide_comebacks, decide_releases
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.world import World
from syncd.cycle.settings import CycleReport
from syncd.store import Store, Tx

DAY = timedelta(days=1)


class MomentPart:
    """A PlanPart. Looks at the links and issues that were touched, never at what is stored beside them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def plan(self, world: World, subjects: Sequence[str], now: datetime, report: CycleReport) -> Plan:
        """What releases and bugs that came back ask for; see PlanPart.plan."""
        del report
        with self._store.reading() as tx:
            first = self._releases(tx, world, now)
            second = self._comebacks(tx, world, subjects, now)
        return replace(first, actions=(*first.actions, *second.actions), warnings=(*first.warnings, *second.warnings))

    def _releases(self, tx: Tx, world: World, now: datetime) -> Plan:
        versions = {
            version.id
            for link in world.links
            if (issue := world.issues.get(link.issue_id)) is not None
            for version in issue.fix_versions
            if version.released
        }
        releases = tx.releases(versions) if versions else {}
        if not releases:
            return Plan()
        told = tx.told({ticket_subject(link.ticket_id) for link in world.links})
        return decide_releases(world, releases, told, now)

    def _comebacks(self, tx: Tx, world: World, subjects: Sequence[str], now: datetime) -> Plan:
        # Closed and come back between two looks, or closed while that was a conflict: the link ends in this very plan.
        closing = [link for link in world.links if _is_closed(world, link)]
        touched = {link.issue_id for link in closing} | {i for i in world.issues if issue_subject(i) in set(subjects)}
        issues = sorted(touched)
        closed = [*(entry.link for entry in tx.closed_links(issues)), *closing]
        if not closed:
            return Plan()
        known = {comeback.link_id: comeback for comeback in tx.comebacks(issue_ids=issues)}
        tickets = tx.tickets({link.ticket_id for link in closed})
        # A follow-up of the closed ticket that has the bug already, made by the customer or by syncd.
        alive = tx.links_of_issue(issues)
        beside: dict[int, TicketSnapshot] = tx.tickets({link.ticket_id for link in alive})
        followed: dict[int, frozenset[str]] = {}
        for link in alive:
            ticket = beside.get(link.ticket_id)
            if ticket is not None and ticket.followup_of is not None:
                found = followed.get(ticket.followup_of, frozenset())
                followed[ticket.followup_of] = found | {link.issue_id}
        asked = {name: tx.followups_since(name, now - DAY) for name in {link.route for link in closed}}
        return decide_comebacks(world, closed, known, tickets, followed, asked, now)


def _is_closed(world: World, link: Link) -> bool:
    ticket = world.tickets.get(link.ticket_id)
    if ticket is None or ticket.is_gone or not ticket.state.is_final:
        return False
    return ticket.merged_into is None and "closed_by_merge" not in ticket.tags
