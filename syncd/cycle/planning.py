"""From what was touched to a plan: load the links that hang together, read what the planner needs, judge, enqueue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from syncd.core.actions import (
    LOCAL_ACTIONS,
    Action,
    AddLink,
    CreateBug,
    MoveBug,
    NeedHistory,
    NeedIssue,
    NeedTicket,
    Plan,
    RemoteAction,
    RetireLink,
    UpdateTicket,
    marker_of,
)
from syncd.core.comment_actions import COMMENT_URGENCY, CommentAction
from syncd.core.discover import KEY_CLEARED, TICKET_CLOSED
from syncd.core.guard import Accepted, Held, Reason, RouteFacts, judge
from syncd.core.model import Conflict, IssueSnapshot, Link, LinkState, Origin, TicketChange, TicketSnapshot
from syncd.core.ports import Clock, IssueSource, TicketSource
from syncd.core.reconcile import reconcile
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.world import World, seen_of
from syncd.cycle.apply import apply_local
from syncd.cycle.loading import field_problems, inherited
from syncd.cycle.outdated import drop_outdated
from syncd.cycle.settings import CycleReport, Routes, Settings
from syncd.sources.errors import AuthError, InvalidResponseError, NotFoundError, RefusedError, SourceError
from syncd.store import IntentState, Store, Tx

SUBJECTS_PER_CYCLE = 500
ROUNDS = 5
"""Times the planner may ask for more before its links wait for the next cycle."""

HISTORIES_KEPT = 500

URGENCY = {"urgent": 0, "high": 1, "normal": 2, "low": 3}


@dataclass(slots=True)
class Planned:
    """A plan with the world it was made from and what the brakes say to it."""

    world: World
    plan: Plan
    subjects: tuple[str, ...]  # the touched subjects behind it
    held: dict[str, Held] = field(default_factory=dict)  # route -> brake
    unread: frozenset[str] = frozenset()  # touched subjects whose needs could not be read now
    again: frozenset[str] = frozenset()  # touched subjects of which a part has to be asked again
    accepted_now: dict[str, str] = field(default_factory=dict)  # route -> meaning that a token just released

    def goes(self, action: Action) -> bool:
        """False when the action's links are under a brake."""
        if not self.held:
            return True
        if isinstance(action, LOCAL_ACTIONS):
            link_id = getattr(action, "link_id", None)
            return link_id is None or link_id not in self.held_links
        return action.route not in self.held

    @property
    def held_links(self) -> frozenset[int]:
        """Links that a held write is for: nothing of theirs is recorded either."""
        return frozenset(
            link_id for action in self.plan.remote if action.route in self.held for link_id in action.link_ids
        )


class PlanPart(Protocol):
    """Plans something beside the status: creating bugs, comments, fields. Reads what it needs; decides purely."""

    def plan(self, world: World, subjects: Sequence[str], now: datetime, report: CycleReport) -> Plan:
        """What it wants done for the touched subjects. Its actions join those of the status plan under the same brakes.

        A SourceError leaves the subjects touched: the part is asked again in the next cycle."""


class Planner:
    """Plans what was touched. `observe` keeps snapshots that were read on the way."""

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        jira: IssueSource,
        clock: Clock,
        *,
        parts: Sequence[PlanPart] = (),
    ) -> None:
        self._parts = parts
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._clock = clock
        self._known_histories: dict[tuple[int, int], tuple[TicketChange, ...]] = {}

    def plan(self, routes: Routes, settings: Settings, report: CycleReport) -> Planned | None:
        """A plan for the touched subjects, or None when nothing was touched."""
        with self._store.reading() as tx:
            subjects = tuple(tx.touched(SUBJECTS_PER_CYCLE))
            if not subjects:
                return None
            world = self._load(tx, subjects, routes, settings)
        world, plan = self._decide(world, report)
        unread = _unread(plan, world, subjects)
        plan, failed = self._with_parts(world, plan, subjects, report)
        report.warnings.extend(plan.warnings)
        planned = Planned(world, plan, subjects, unread=unread, again=failed | report.again)
        self._judge(planned, routes, settings)
        return planned

    def preview(
        self,
        routes: Routes,
        settings: Settings,
        report: CycleReport,
        *,
        subjects: Iterable[str] | None = None,
        read: bool = True,
    ) -> Planned:
        """What plan() would come to for all that was touched (or these subjects), once the links that it adds are
        there; those have ids below 0. The store is left as it is, but for snapshots that are read on the way; without
        `read` no server is asked, and links that need an answer wait."""
        with self._store.reading() as tx:
            wanted = dict.fromkeys(tx.touched() if subjects is None else subjects)
            world = self._load(tx, wanted, routes, settings)
        added: list[AddLink] = []
        for _ in range(ROUNDS):
            world, plan = self._decide(world, report, rounds=ROUNDS if read else 0)
            new = [a for a in plan.local if isinstance(a, AddLink)]
            if not new:
                break
            added += new
            wanted |= {s: None for a in added for s in (ticket_subject(a.ticket_id), issue_subject(a.issue_id))}
            with self._store.reading() as tx:
                known = self._load(tx, wanted, routes, settings)
            imagined = (
                Link(-n, a.ticket_id, a.issue_id, a.issue_key, a.route, a.origin, self._clock.now())
                for n, a in enumerate(added, 1)
            )
            world = replace(
                known,
                links=(*known.links, *imagined),
                issues={**world.issues, **known.issues},
                keys={**world.keys, **known.keys},
            )
        plan, _ = self._with_parts(world, plan, tuple(wanted), report) if read else (plan, None)
        report.warnings.extend(plan.warnings)
        planned = Planned(world, replace(plan, actions=(*added, *plan.actions)), tuple(wanted))
        self._judge(planned, routes, settings)
        return planned

    def _with_parts(
        self, world: World, plan: Plan, subjects: Sequence[str], report: CycleReport
    ) -> tuple[Plan, frozenset[str]]:
        """The plan with what every part adds; and the subjects that have to be planned again because one could not."""
        failed: set[str] = set()
        world = replace(world, successions=plan.successions)
        for part in self._parts:
            try:
                more = part.plan(world, subjects, self._clock.now(), report)
            except SourceError as error:
                report.problems.setdefault("reading", str(error))
                failed.update(subjects)
                continue
            plan = replace(
                plan,
                actions=(*plan.actions, *more.actions),
                waiting=(*plan.waiting, *more.waiting),
                warnings=(*plan.warnings, *more.warnings),
            )
        return plan, frozenset(failed)

    def _decide(self, world: World, report: CycleReport, *, rounds: int = ROUNDS) -> tuple[World, Plan]:
        """Plans, reads what the plan asks for, and plans again, so many times."""
        histories: dict[int, tuple[TicketChange, ...]] = {}
        failed: set[int] = set()
        plan = reconcile(world, self._clock.now())
        for _ in range(rounds):
            needs = [need for need in plan.needs if not _is_known_failure(need, failed)]
            if not needs:
                break
            world = self._read_needs(world, needs, histories, failed, report)
            plan = reconcile(world, self._clock.now())
        return world, plan

    def _load(self, tx: Tx, subjects: Iterable[str], routes: Routes, settings: Settings) -> World:
        ticket_ids = {int(s.removeprefix("ticket:")) for s in subjects if s.startswith("ticket:")}
        issue_ids = {s.removeprefix("issue:") for s in subjects if s.startswith("issue:")}
        links = tx.links_touching(ticket_ids, issue_ids)
        tickets = tx.tickets(ticket_ids | {link.ticket_id for link in links})
        followups = inherited(tx, tickets, ticket_ids)
        issues = tx.issues(issue_ids | {x.issue_id for x in links} | {i for found in followups.values() for i in found})
        all_subjects = {ticket_subject(i) for i in tickets} | {issue_subject(i) for i in issues}
        retired = tx.retired_pairs(ticket_ids, except_reason=KEY_CLEARED)
        cleared = tx.retired_pairs(ticket_ids) - retired
        return World(
            links=tuple(links),
            tickets=tickets,
            issues=issues,
            routes=routes.running,
            busy=frozenset(tx.busy_subjects(all_subjects)),
            own_writes=tx.own_writes(all_subjects),
            touched=frozenset(ticket_ids),
            keys={issue.key: issue.id for issue in issues.values() if issue.visible},
            retired=frozenset(retired),
            cleared=frozenset(cleared),
            browse_url=settings.browse_url,
            ticket_url=settings.ticket_url,
            followups=followups,
            field_problems=field_problems(tx, links),
            created=tx.creation_notes(x for x in links if x.base is None and x.origin is Origin.CREATED),
        )

    def _read_needs(
        self,
        world: World,
        needs: Iterable[NeedHistory | NeedTicket | NeedIssue],
        histories: dict[int, tuple[TicketChange, ...]],
        failed: set[int],
        report: CycleReport,
    ) -> World:
        """Reads what the planner asked for: histories one call each, tickets and issues together."""
        tickets: dict[int, TicketSnapshot] = dict(world.tickets)
        issues: dict[str, IssueSnapshot] = dict(world.issues)
        keys = dict(world.keys)
        try:
            wanted_tickets = [need.ticket_id for need in needs if isinstance(need, NeedTicket)]
            wanted_issues = [need.issue_id for need in needs if isinstance(need, NeedIssue)]
            if wanted_tickets:
                tickets.update({t.id: t for t in self._zendesk.read(wanted_tickets)})
            if wanted_issues:
                for asked, issue in self._read_issues(wanted_issues, report):
                    issues.setdefault(issue.id, issue)
                    keys[asked] = issue.id if issue.visible else None
                    if not issue.visible:
                        issues.setdefault(asked, issue)
                    else:
                        keys[issue.key] = issue.id
            self._keep(tickets, issues, world)
        except SourceError as error:
            report.problems.setdefault("reading", str(error))
            failed.update(need.ticket_id for need in needs if not isinstance(need, NeedIssue))
            return world
        for need in needs:
            if isinstance(need, NeedHistory):
                try:
                    histories[need.ticket_id] = self._history(world.tickets[need.ticket_id])
                except (NotFoundError, RefusedError):
                    histories[need.ticket_id] = ()
                except AuthError as error:
                    report.problems.setdefault("zendesk", str(error))
                    failed.add(need.ticket_id)
                except SourceError as error:
                    report.problems.setdefault("reading", str(error))
                    failed.add(need.ticket_id)
        return replace(world, tickets=tickets, issues=issues, keys=keys, histories=dict(histories))

    def _read_issues(self, names: Sequence[str], report: CycleReport) -> list[tuple[str, IssueSnapshot]]:
        """Each with the id or key that it was asked by; one that cannot be understood is left out, and said."""
        found = self._jira.read(names)
        if len(found) == len(names):
            return list(zip(names, found, strict=True))
        pairs = []
        for name in names:
            try:
                pairs += [(name, issue) for issue in self._jira.read([name])]
            except InvalidResponseError as error:
                report.warnings.append(str(error))
        return pairs

    def _history(self, ticket: TicketSnapshot) -> tuple[TicketChange, ...]:
        """One call per ticket and version: a link that a brake holds is planned in every cycle."""
        key = (ticket.id, ticket.version)
        if key not in self._known_histories:
            while len(self._known_histories) >= HISTORIES_KEPT:
                del self._known_histories[next(iter(self._known_histories))]
            self._known_histories[key] = self._zendesk.history(ticket.id)
        return self._known_histories[key]

    def _keep(self, tickets: Mapping[int, TicketSnapshot], issues: Mapping[str, IssueSnapshot], world: World) -> None:
        new_tickets = [t for i, t in tickets.items() if i not in world.tickets]
        new_issues = [i for key, i in issues.items() if key not in world.issues and i.visible]
        if new_tickets or new_issues:
            now = self._clock.now()
            with self._store.transaction() as tx:
                tx.put_tickets(new_tickets, now)
                tx.put_issues(new_issues, now)

    # ---- brakes ----

    def _judge(self, planned: Planned, routes: Routes, settings: Settings) -> None:
        with self._store.reading() as tx:
            guards = tx.guards()
            accounts = json.dumps(tx.get_fact("accounts"), sort_keys=True)
            counts = {name: tx.live_link_count(name) for name in {a.route for a in planned.plan.remote}}
        for name, route in routes.running.items():
            guard = guards.get(name, {})
            mine = [action for action in planned.plan.remote if action.route == name]
            facts = RouteFacts(
                route=name,
                meaning=route.mapping.meaning,
                accounts=accounts,
                live_links=counts.get(name, 0),
                writes=len(mine),
                writes_without_event=sum(1 for action in mine if not _has_event(planned.world, action)),
                emptied=_text(guard.get("emptied")),
                public_note=_text(guard.get("public_note")),
            )
            tokens = guard.get("tokens")
            accepted = Accepted(
                meaning=_text(guard.get("meaning")),
                accounts=_text(guard.get("accounts")),
                tokens=settings.accept | frozenset(tokens if isinstance(tokens, list) else ()),
            )
            held = judge(facts, accepted, max_changed_share=settings.max_changed_share)
            if held is not None:
                planned.held[name] = held
            elif mine and (accepted.meaning != facts.meaning or accepted.accounts != accounts):
                planned.accepted_now[name] = facts.meaning

    def hold(self, routes: Routes, settings: Settings, report: CycleReport) -> None:
        """Keeps the brakes that need no plan to be on: what a census or a read-back found."""
        nothing = Planned(World(links=(), tickets={}, issues={}, routes=routes.running), Plan(), ())
        self._judge(nothing, routes, settings)
        with self._store.transaction() as tx:
            for name in routes.running:
                guard = tx.guard(name) or {}
                found = guard.get("held")
                cause = found.get("reason") if isinstance(found, dict) else None
                if name in nothing.held or cause in (Reason.EMPTIED_SOURCE, Reason.PUBLIC_NOTE):
                    _keep_brake(tx, name, nothing.held.get(name))
        report.held.update(nothing.held)

    # ---- enqueue ----

    def enqueue(self, planned: Planned, report: CycleReport) -> None:
        """ONE transaction: local actions, intents, brakes, and what was touched is planned."""
        now = self._clock.now()
        world, plan = planned.world, planned.plan
        with self._store.transaction() as tx:
            accounts = json.dumps(tx.get_fact("accounts"), sort_keys=True)
            for name, meaning in planned.accepted_now.items():
                guard = dict(tx.guard(name) or {})
                guard |= {"meaning": meaning, "accounts": accounts, "held": None, "tokens": [], "emptied": None}
                tx.save_guard(name, guard | {"public_note": None})
            for name in {link.route for link in world.links}:
                _keep_brake(tx, name, planned.held.get(name))
            keep = planned.unread | planned.again | self._held_subjects(planned)
            # Before the actions: what they touch (a new link's two sides) is planned next, though it was planned now.
            tx.untouch([s for s in planned.subjects if s not in keep], upto=now)
            # What has to be planned again goes to the end: what is held must not keep the others from their turn.
            again = [s for s in planned.subjects if s in keep]
            tx.untouch(again)
            tx.touch(again, now)
            for action in plan.actions:
                if not planned.goes(action):
                    continue
                if isinstance(action, LOCAL_ACTIONS):
                    report.conflicts_opened += apply_local(tx, action, now)
                else:
                    self._enqueue(tx, action, world, now, report)
            drop_outdated(tx, world, plan, held=planned.held, unread=planned.unread, now=now)
        report.held.update(planned.held)
        report.links_waiting += len(plan.waiting)

    def _enqueue(self, tx: Tx, action: RemoteAction, world: World, now: datetime, report: CycleReport) -> None:
        state = tx.enqueue(action, urgency=_urgency(world, action), now=now)
        if state is None:
            report.planned += 1
        elif state in (IntentState.DONE, IntentState.REFUSED) and _repeats(action):
            # Asked for the same effect of the same event again: somebody undid it, or the settling was lost; or it was
            # refused, and both sides fit since, and what asks for it is still there.
            report.conflicts_opened += _flag_repeat(tx, action, world, now, was_done=state is IntentState.DONE)

    def _held_subjects(self, planned: Planned) -> set[str]:
        held = planned.held_links
        asking = {
            ticket_subject(action.ticket_id)
            for action in planned.plan.remote
            if isinstance(action, CreateBug) and action.route in planned.held
        }
        return asking | {
            subject
            for link in planned.world.links
            if link.id in held
            for subject in (ticket_subject(link.ticket_id), issue_subject(link.issue_id))
        }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _keep_brake(tx: Tx, route: str, held: Held | None) -> None:
    guard = dict(tx.guard(route) or {})
    if held is not None:
        row = {"reason": str(held.reason), "token": held.token, "message": held.message, "count": held.count}
        if guard.get("held") != row:
            tx.save_guard(route, guard | {"held": row})
    elif guard.get("held"):
        tx.save_guard(route, guard | {"held": None})


def _is_known_failure(need: NeedHistory | NeedTicket | NeedIssue, failed: set[int]) -> bool:
    return not isinstance(need, NeedIssue) and need.ticket_id in failed


def _unread(plan: Plan, world: World, subjects: tuple[str, ...]) -> frozenset[str]:
    """Touched subjects that an unanswered need belongs to: they stay touched."""
    if not plan.needs:
        return frozenset()
    tickets = {need.ticket_id for need in plan.needs if not isinstance(need, NeedIssue)}
    waiting = {link_id for link_id, why in plan.waiting if why.startswith("reading")}
    stay = {ticket_subject(i) for i in tickets}
    for link in world.links:
        if link.id in waiting or link.ticket_id in tickets:
            stay |= {ticket_subject(link.ticket_id), issue_subject(link.issue_id)}
    if any(isinstance(need, NeedIssue) for need in plan.needs):
        stay |= {s for s in subjects if s.startswith("ticket:")}
    return frozenset(stay)


def _has_event(world: World, action: RemoteAction) -> bool:
    """A status write needs a change on the other side that is newer than base; notes and fields are not judged."""
    match action:
        case UpdateTicket(status=str()):
            return any(_bug_event(world, link) for link in world.links if link.id in action.link_ids)
        case MoveBug():
            return any(_ticket_event(world, link) for link in world.links if link.id in action.link_ids)
        case _:
            return True


def _bug_event(world: World, link: Link) -> bool:
    issue = world.issues.get(link.issue_id)
    if link.base is None or issue is None or issue.last_change is None:
        return link.base is None
    return issue.last_change.at.timestamp() * 1000 > link.base.issue_version - 1000


def _ticket_event(world: World, link: Link) -> bool:
    ticket = world.tickets.get(link.ticket_id)
    return link.base is None or (ticket is not None and ticket.version > link.base.ticket_version)


def _urgency(world: World, action: RemoteAction) -> int:
    """0 (urgent) to 3 (low) by the most urgent ticket that the write is for; no priority counts as normal."""
    if isinstance(action, CommentAction):
        return COMMENT_URGENCY
    tickets = [world.tickets.get(link.ticket_id) for link in world.links if link.id in action.link_ids]
    return min((URGENCY.get(t.priority or "normal", 2) for t in tickets if t is not None), default=2)


def _repeats(action: RemoteAction) -> bool:
    return isinstance(action, MoveBug) or (isinstance(action, UpdateTicket) and action.status is not None)


def _flag_repeat(tx: Tx, action: RemoteAction, world: World, now: datetime, *, was_done: bool) -> int:
    """Puts the links that the write was for in conflict, and tells how many. One that is in conflict gets this one in
    place of its own: a side has moved since, and while it asks for what is not done, the bug's other tickets wait."""
    flagged = 0
    tried = None if was_done else tx.intent(marker_of(action))
    refusal = f". Then it was refused: {tried.last_error}" if tried is not None and tried.last_error else ""
    what = (
        "What syncd did for this event before was undone" if was_done else "This was tried before and did not work out"
    )
    for link in world.links:
        if link.id not in action.link_ids or link.state is LinkState.RETIRED:
            continue
        message = (
            f"{what} ({action.reason}); it is not repeated. Move either side, "
            f"or: syncd conflicts resolve {link.id} --take bug|ticket|as-is{refusal}"
        )
        ticket = world.tickets.get(link.ticket_id)
        if ticket is not None and ticket.state.is_final:  # nothing of it is left to decide
            apply_local(tx, RetireLink(link.id, TICKET_CLOSED), now)
            continue
        seen = seen_of(ticket, world.issues.get(link.issue_id))
        current = tx.link(link.id) or link
        tx.save_link(replace(current, state=LinkState.CONFLICT, conflict=Conflict("bounced", message, seen, now)))
        tx.log_link(link.id, now, "conflict", message, {"code": "bounced"})
        flagged += 1
    return flagged
