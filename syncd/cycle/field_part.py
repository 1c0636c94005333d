"""Mapped fields as a part of the plan: reads bases, people and organizations; core/fields.py decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core.actions import Plan
from syncd.core.field_model import FieldSpec
from syncd.core.fields import decide_fields
from syncd.core.model import IssueSnapshot, Link
from syncd.core.ports import IssueSource
from syncd.core.subjects import issue_subject
from syncd.core.world import World
from syncd.cycle.settings import CycleReport
from syncd.executor.facts import FactBook
from syncd.store import Store

_KNOWN = frozenset({"priority", "labels", "assignee", "fixVersions", "components", "duedate", "summary"})
"""Jira's fields that every snapshot holds."""

KEPT = 20_000


class FieldPart:
    """A PlanPart. Costs nothing where no route maps fields."""

    def __init__(self, store: Store, jira: IssueSource, book: FactBook) -> None:
        self._store = store
        self._jira = jira
        self._book = book
        self._without: set[tuple[str, int]] = set()  # (issue, version) that lacks a field though it was asked for

    def plan(self, world: World, subjects: Sequence[str], now: datetime, report: CycleReport) -> Plan:
        """What mapped fields want; see PlanPart.plan."""
        del subjects
        specs = {name: route.fields for name, route in world.routes.items() if route.fields}
        links = [link for link in world.links if link.route in specs]
        if not links:
            return Plan()
        world = self._with_fields(world, links, specs, now, report)
        with self._store.reading() as tx:
            bases = tx.field_bases(link.id for link in links)
        tickets = [world.tickets[link.ticket_id] for link in links if link.ticket_id in world.tickets]
        issues = [world.issues[link.issue_id] for link in links if link.issue_id in world.issues]
        wanted = [spec for route in dict.fromkeys(link.route for link in links) for spec in specs[route]]
        return decide_fields(world, specs, bases, self._book.facts(wanted, tickets, issues))

    def _with_fields(
        self,
        world: World,
        links: Sequence[Link],
        specs: dict[str, tuple[FieldSpec, ...]],
        now: datetime,
        report: CycleReport,
    ) -> World:
        """With the issues read again whose stored reading is from before these fields were mapped."""
        lacking: dict[str, IssueSnapshot] = {}
        for link in links:
            issue = world.issues.get(link.issue_id)
            if issue is None or not issue.visible or (issue.id, issue.updated_ms) in self._without:
                continue
            if any(spec.bug.id not in _KNOWN and spec.bug.id not in issue.fields for spec in specs[link.route]):
                lacking[issue.id] = issue
        if not lacking:
            return world
        read = self._jira.read(sorted(lacking))
        report.issues_read += len(read)
        with self._store.transaction() as tx:
            changed = tx.put_issues(read, now)
        # The status was planned by the older reading.
        report.again |= {issue_subject(i) for i in changed if i in lacking}
        if len(self._without) > KEPT:
            self._without.clear()
        self._without |= {(issue.id, issue.updated_ms) for issue in read}
        return replace(world, issues={**world.issues, **{issue.id: issue for issue in read if issue.visible}})
