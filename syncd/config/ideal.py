"""Both trackers and the store in the ideal: every write succeeds at once, nothing is lost, nobody else interferes.

The linter walks a mapping's states with it and the tests tell stories with it. What it does with a plan is what the
cycle and the executor do with one when nothing goes wrong: local actions at once, remote ones once per marker, bases
when a write is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from syncd.core.actions import (
    LOCAL_ACTIONS,
    AddLink,
    CastVote,
    CommentOnBug,
    LocalAction,
    MarkInField,
    MoveBug,
    Need,
    NeedHistory,
    NeedIssue,
    NeedTicket,
    OpenConflict,
    Plan,
    RecordBase,
    RemoteAction,
    RemoveTag,
    RepointLink,
    RetireLink,
    Settles,
    UpdateTicket,
    marker_of,
)
from syncd.core.discover import KEY_CLEARED, TICKET_CLOSED
from syncd.core.model import (
    Actor,
    ActorKind,
    Base,
    IssueChange,
    IssueSnapshot,
    Link,
    LinkState,
    Origin,
    StatusInfo,
    TicketChange,
    TicketSnapshot,
    TicketState,
)
from syncd.core.reconcile import reconcile
from syncd.core.world import RouteView, World, same_state, status_attribute

SELF: Final = Actor(ActorKind.SELF, "self", "syncd")
START: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
STEP: Final = timedelta(minutes=1)
ROUNDS_OF_NEEDS: Final = 5

Trigger = Callable[[TicketState], TicketState | None]
"""A Zendesk trigger: the state that syncd wrote -> the state that the trigger sets in the same audit, or None."""

Automation = Callable[[str], tuple[str, str | None] | None]
"""A Jira automation: the status id that syncd moved to -> the (status id, resolution id) it moves on to, or None."""


Look: TypeAlias = "Callable[[Ideal, Plan], None]"
"""Somebody who watches."""


@dataclass(slots=True)
class Ideal:
    """Tickets, bugs, links and a clock. `fork` gives a copy to try something with."""

    routes: Mapping[str, RouteView]
    statuses: Mapping[str, StatusInfo]
    resolutions: Mapping[str, str]  # id -> name
    defaults: Mapping[str, int] = field(default_factory=dict)  # ticket category -> its default custom status
    tickets: dict[int, TicketSnapshot] = field(default_factory=dict)
    issues: dict[str, IssueSnapshot] = field(default_factory=dict)
    histories: dict[int, tuple[TicketChange, ...]] = field(default_factory=dict)  # newest first
    links: dict[int, Link] = field(default_factory=dict)  # retired ones too
    why_retired: dict[int, str] = field(default_factory=dict)
    pending: dict[str, RemoteAction] = field(default_factory=dict)  # by marker, in order
    done: frozenset[str] = frozenset()  # markers
    again: list[RemoteAction] = field(default_factory=list)  # planned once more after they were done
    own_writes: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    comments: dict[str, tuple[str, ...]] = field(default_factory=dict)  # ours on a bug, oldest first
    notes: dict[int, tuple[str, ...]] = field(default_factory=dict)  # ours on a ticket, oldest first
    unlinked_keys: dict[str, str | None] = field(default_factory=dict)  # other keys that Jira answers to -> id
    busy: frozenset[str] = frozenset()
    writes: int = 0
    ticks: int = 0
    trigger: Trigger | None = None
    automation: Automation | None = None

    # ---- people ------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """A minute goes by with every event."""
        return START + self.ticks * STEP

    def tick(self) -> datetime:
        """The next minute."""
        self.ticks += 1
        return self.now

    def fork(self) -> Ideal:
        """A copy that can be changed without changing this one."""
        return replace(
            self,
            tickets=dict(self.tickets),
            issues=dict(self.issues),
            histories=dict(self.histories),
            links=dict(self.links),
            why_retired=dict(self.why_retired),
            pending=dict(self.pending),
            again=list(self.again),
            own_writes=dict(self.own_writes),
            comments=dict(self.comments),
            notes=dict(self.notes),
        )

    def add_ticket(self, ticket: TicketSnapshot) -> None:
        """A ticket whose first audit is its creation."""
        self.tickets[ticket.id] = replace(ticket, updated_at=self.now, created_at=self.now)
        self.histories.setdefault(ticket.id, ())

    def add_issue(self, issue: IssueSnapshot) -> None:
        """A bug as it is found."""
        self.issues[issue.id] = replace(issue, updated_ms=_ms(self.now))

    def add_link(self, ticket_id: int, issue_id: str, route: str, origin: Origin = Origin.MANUAL) -> Link:
        """A link made just now."""
        issue = self.issues[issue_id]
        link = Link(len(self.links) + 1, ticket_id, issue_id, issue.key, route, origin, self.tick())
        self.links[link.id] = link
        return link

    def edit_ticket(self, ticket_id: int, actor: Actor, changes: Iterable[TicketChange], **new: object) -> None:
        """Somebody changes a ticket: new values, and what its audit records (ids, time and actor are filled in)."""
        at = self.tick()
        audit = tuple(
            replace(change, audit_id=self.ticks, at=at, actor=change.actor if change.actor.id else actor)
            for change in changes
        )
        self.tickets[ticket_id] = replace(self.tickets[ticket_id], updated_at=at, **new)  # type: ignore[arg-type]  # names checked by replace
        self.histories[ticket_id] = (*reversed(audit), *self.histories[ticket_id])

    def move_ticket(self, ticket_id: int, state: TicketState, actor: Actor) -> None:
        """Somebody sets a ticket's status."""
        self.edit_ticket(ticket_id, actor, status_changes(self.tickets[ticket_id].state, state), state=state)

    def say(self, ticket_id: int, actor: Actor, *, public: bool = True, state: TicketState | None = None) -> None:
        """Somebody comments on a ticket, and may set its status with it."""
        before = self.tickets[ticket_id].state
        changes = [change_of("comment", public=public), *status_changes(before, state or before)]
        self.edit_ticket(ticket_id, actor, changes, state=state or before)

    def tag(self, ticket_id: int, tag: str, actor: Actor, *, remove: bool = False) -> None:
        """Somebody adds or removes a tag."""
        before = self.tickets[ticket_id].tags
        after = tuple(sorted(set(before) - {tag} if remove else set(before) | {tag}))
        change = change_of("tags", " ".join(before), " ".join(after))
        self.edit_ticket(ticket_id, actor, [change], tags=after)

    def set_field(self, ticket_id: int, field_id: str, value: str, actor: Actor) -> None:
        """Somebody fills a custom field, or clears it."""
        fields = {**self.tickets[ticket_id].fields, field_id: value}
        kept = {key: text for key, text in fields.items() if text}
        self.edit_ticket(ticket_id, actor, [change_of("field", None, value)], fields=kept)

    def edit_issue(self, issue_id: str, **new: object) -> None:
        """Something else than the status of a bug changes."""
        self.issues[issue_id] = replace(self.issues[issue_id], updated_ms=_ms(self.tick()), **new)  # type: ignore[arg-type]  # as above

    def move_issue(
        self, issue_id: str, status_id: str, resolution_id: str | None, actor: Actor, *, marker: str | None = None
    ) -> None:
        """Somebody moves a bug."""
        at = self.tick()
        issue, info = self.issues[issue_id], self.statuses[status_id]
        change = IssueChange(
            id=str(self.ticks),
            at=at,
            actor=actor,
            status_from=issue.status_id,
            status_to=status_id,
            resolution_from=issue.resolution_id,
            resolution_to=resolution_id,
            marker=marker,
        )
        self.issues[issue_id] = replace(
            issue,
            status_id=status_id,
            status_name=info.name,
            status_category=info.category,
            resolution_id=resolution_id,
            resolution_name=self.resolutions.get(resolution_id) if resolution_id else None,
            updated_ms=_ms(at),
            history=(change, *issue.history),
        )

    # ---- the cycle ---------------------------------------------------------------------------------------------

    def world(self) -> World:
        """What the planner is given before it asks for more."""
        live = tuple(link for link in self.links.values() if link.state is not LinkState.RETIRED)
        over = [link for link in self.links.values() if link.state is LinkState.RETIRED]
        tickets = {link.ticket_id for link in live} | {i for i, t in self.tickets.items() if t.merged_into is None}
        issues = {i: self.issues[i] for i in dict.fromkeys(link.issue_id for link in live)}
        cleared = {(k.ticket_id, k.issue_id) for k in over if self.why_retired[k.id] == KEY_CLEARED}
        followups = {
            ticket.id: tuple(
                link.issue_id
                for link in over
                if link.ticket_id == ticket.followup_of and self.why_retired[link.id] == TICKET_CLOSED
            )
            for ticket in self.tickets.values()
            if ticket.followup_of is not None
        }
        return World(
            links=live,
            tickets={i: self.tickets[i] for i in tickets},
            issues=issues,
            routes=self.routes,
            busy=self.busy,
            own_writes=dict(self.own_writes),
            touched=frozenset(tickets),
            keys={issue.key: issue.id for issue in issues.values() if issue.visible},
            retired=frozenset((link.ticket_id, link.issue_id) for link in over) - cleared,
            cleared=frozenset(cleared),
            followups={ticket_id: found for ticket_id, found in followups.items() if found},
            browse_url="https://jira.example",
            ticket_url="https://desk.example",
        )

    def plan(self) -> Plan:
        """A plan for everything, after what it needs was read."""
        world = self.world()
        plan = reconcile(world, self.now)
        for _ in range(ROUNDS_OF_NEEDS):
            if not plan.needs:
                break
            world = self._answer(world, plan.needs)
            plan = reconcile(world, self.now)
        return plan

    def _answer(self, world: World, needs: Iterable[Need]) -> World:
        tickets, issues = dict(world.tickets), dict(world.issues)
        histories, keys = dict(world.histories), dict(world.keys)
        for need in needs:
            match need:
                case NeedHistory():
                    histories[need.ticket_id] = self.histories[need.ticket_id]
                case NeedTicket():
                    tickets[need.ticket_id] = self.tickets[need.ticket_id]
                case NeedIssue():
                    by_key = {issue.key: issue.id for issue in self.issues.values()} | self.unlinked_keys
                    found = self.issues.get(by_key.get(need.issue_id) or need.issue_id)
                    readable = found is not None and found.visible
                    keys[need.issue_id] = found.id if found is not None and readable else None
                    if found is not None:
                        issues[found.id] = found
        return replace(world, tickets=tickets, issues=issues, histories=histories, keys=keys)

    def enqueue(self, plan: Plan) -> None:
        """Local actions at once; remote ones once per marker, a newer one in the place of an untried older one."""
        fresh: set[str] = set()
        for action in plan.actions:
            if isinstance(action, LOCAL_ACTIONS):
                self._apply_local(action)
                continue
            marker = marker_of(action)
            fresh.add(marker)
            if marker in self.done:
                self.again.append(action)
                continue
            for other, older in list(self.pending.items()):
                if other not in fresh and action.slot and _place(older) == _place(action):
                    del self.pending[other]
            self.pending[marker] = action

    def drain(self, only: Callable[[RemoteAction], bool] | None = None) -> list[RemoteAction]:
        """Performs what is pending, or those of it that `only` lets through; answers what was written."""
        written = []
        for marker, action in [item for item in self.pending.items() if only is None or only(item[1])]:
            after = getattr(action, "after", None)
            if after in self.pending:
                continue  # its turn comes when that one is done
            if after is not None and after not in self.done:
                del self.pending[marker]  # what it waits for was dropped
                continue
            del self.pending[marker]
            if self._perform(action, marker):
                self.done |= {marker}
                self.writes += 1
                written.append(action)
        return written

    def run(self, cycles: int = 6, look: Look | None = None) -> list[tuple[Plan, list[RemoteAction]]]:
        """Plan, enqueue, drain, until nothing is planned or that many cycles went by. `look` sees every plan before it
        is carried out."""
        seen = []
        for _ in range(cycles):
            self.tick()
            plan = self.plan()
            if look is not None:
                look(self, plan)
            self.enqueue(plan)
            seen.append((plan, self.drain()))
            if not plan.actions and not seen[-1][1]:
                break
        return seen

    # ---- what a plan does --------------------------------------------------------------------------------------

    def _apply_local(self, action: LocalAction) -> None:
        if isinstance(action, AddLink):
            link = self.add_link(action.ticket_id, action.issue_id, action.route, action.origin)
            self.links[link.id] = replace(link, issue_key=action.issue_key)
            return
        link_id: int = getattr(action, "link_id", 0)
        if link_id not in self.links or self.links[link_id].state is LinkState.RETIRED:
            return
        link = self.links[link_id]
        match action:
            case RecordBase():
                link = replace(link, base=action.base, vote=None, conflict=None, state=LinkState.LIVE)
            case CastVote():
                link = replace(link, base=action.base, vote=action.stage, conflict=None, state=LinkState.LIVE)
            case OpenConflict():
                base = action.base or link.base
                link = replace(link, base=base, vote=None, conflict=action.conflict, state=LinkState.CONFLICT)
            case RetireLink():
                link = replace(link, state=LinkState.RETIRED)
                self.why_retired[link.id] = action.reason
            case RepointLink():
                link = _repointed(link, action)
            case MarkInField():
                link = replace(link, in_field=True)
        self.links[link.id] = link

    def _perform(self, action: RemoteAction, marker: str) -> bool:
        match action:
            case UpdateTicket():
                return self._update_ticket(action, marker)
            case RemoveTag():
                if self.tickets[action.ticket_id].state.is_final:
                    return False
                self.tag(action.ticket_id, action.tag, SELF, remove=True)
            case MoveBug():
                return self._move_bug(action, marker)
            case CommentOnBug():
                self.comments[action.issue_id] = (*self.comments.get(action.issue_id, ()), action.body)
                self.edit_issue(action.issue_id)
        return True

    def _update_ticket(self, action: UpdateTicket, marker: str) -> bool:
        ticket = self.tickets[action.ticket_id]
        if ticket.is_gone or ticket.state.is_final:
            return False
        state = ticket.state
        changes = []
        if action.status is not None:
            if not same_state(action.expected, ticket.state):
                return False
            state = TicketState(action.status, action.custom_status_id or self.defaults.get(action.status))
            changes += status_changes(ticket.state, state)
            name = action.status_name or action.status
            self._note_own(action.subject, status_attribute(name), name, fresh=action.by_person)
        if action.note is not None:
            changes.append(change_of("comment", public=False))
            self.notes[ticket.id] = (*self.notes.get(ticket.id, ()), action.note)
        for key, value in action.fields.items():
            self._note_own(action.subject, f"field:{key}", str(value or ""), fresh=False)
        fields = {key: value for key, value in {**ticket.fields, **action.fields}.items() if value}
        undone = self.trigger(state) if self.trigger is not None and action.status is not None else None
        if undone is not None:
            rule = Actor(ActorKind.RULE, "rule", "Reopen on hold")
            changes += [replace(change, actor=rule) for change in status_changes(state, undone)]
        changes = [replace(change, marker=marker) for change in changes]
        self.edit_ticket(ticket.id, SELF, changes, state=undone or state, fields=fields)
        for settles in action.settles:
            self._settle(settles, ticket=replace(self.tickets[ticket.id], state=state), wrote_ticket=True)
        return True

    def _move_bug(self, action: MoveBug, marker: str) -> bool:
        issue = self.issues[action.issue_id]
        if not issue.visible or issue.status_id != action.expected_status_id:
            return False
        status_id = action.target.status_id
        resolution = None
        if self.statuses[status_id].category == "done":
            resolution = issue.resolution_id or self._resolution(action.target.resolution)
        self.move_issue(issue.id, status_id, resolution, SELF, marker=marker)
        self._note_own(action.subject, status_attribute(status_id), status_id, fresh=action.by_person)
        for settles in action.settles:
            self._settle(settles, issue=self.issues[issue.id])
        onward = self.automation(status_id) if self.automation is not None else None
        if onward is not None:
            self.move_issue(issue.id, *onward, Actor(ActorKind.ROBOT, "bot", "Reopen what is not reviewed"))
        return True

    def _resolution(self, name: str | None) -> str | None:
        return next((i for i, known in self.resolutions.items() if name and known.casefold() == name.casefold()), None)

    def _settle(
        self,
        settles: Settles,
        *,
        ticket: TicketSnapshot | None = None,
        issue: IssueSnapshot | None = None,
        wrote_ticket: bool = False,
    ) -> None:
        link = self.links[settles.link_id]
        if link.state is LinkState.RETIRED:
            return
        base = Base(
            stage=settles.stage,
            status_id=issue.status_id if issue else settles.status_id,
            resolution_id=issue.resolution_id if issue else settles.resolution_id,
            ticket=ticket.state if ticket else settles.ticket,
            ticket_version=ticket.version if ticket else settles.ticket_version,
            issue_version=issue.updated_ms if issue else settles.issue_version,
            at=self.now,
            wrote_ticket=wrote_ticket,
            wrote_bug=issue is not None,
            acted=settles.acted,
        )
        self.links[link.id] = replace(link, base=base, vote=None, conflict=None, state=LinkState.LIVE)

    def _note_own(self, subject: str, attribute: str, value: str, *, fresh: bool) -> None:
        if fresh:
            self.own_writes = {key: count for key, count in self.own_writes.items() if key[0] != subject}
        before, times = self.own_writes.get((subject, attribute), ("", 0))
        self.own_writes[subject, attribute] = (value, times + 1 if before == value and not fresh else 1)


def change_of(
    kind: str, before: str | None = None, after: str | None = None, *, public: bool | None = None
) -> TicketChange:
    """A change whose audit, time and actor are still to be filled in."""
    return TicketChange(0, START, Actor(ActorKind.UNKNOWN), kind, before, after, public)


def status_changes(before: TicketState, after: TicketState) -> list[TicketChange]:
    """What an audit records of a change of status; nothing when it is the same."""
    changes = []
    if before.category != after.category:
        changes.append(change_of("status", before.category, after.category))
    if before.custom_id != after.custom_id and after.custom_id is not None:
        changes.append(change_of("custom_status", str(before.custom_id or ""), str(after.custom_id)))
    return changes


def _repointed(link: Link, action: RepointLink) -> Link:
    if action.ticket_id is not None:
        link = replace(
            link, ticket_id=action.ticket_id, base=None, vote=None, conflict=None, state=LinkState.LIVE, in_field=False
        )
    if action.issue_key is not None:
        link = replace(link, issue_key=action.issue_key, in_field=False)
    return link if action.route is None else replace(link, route=action.route)


def _place(action: RemoteAction) -> tuple[str, str, str]:
    return (action.kind, action.subject, action.slot)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
