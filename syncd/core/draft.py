"""A plan while it is being made: an ordered accumulator with the few constructions that every row shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.actions import (
    Action,
    CastVote,
    CommentOnBug,
    Need,
    OpenConflict,
    Plan,
    RecordBase,
    RetireLink,
    Settles,
    UpdateTicket,
    issue_subject,
)
from syncd.core.mapping import Stage
from syncd.core.model import Base, Conflict, IssueSnapshot, Link, TicketSnapshot, TicketState
from syncd.core.texts import conflict_note
from syncd.core.world import LinkView, World, seen_of


@dataclass(slots=True)
class Draft:
    """Collects actions, needs and reasons to wait. `now` only stamps what is recorded."""

    now: datetime
    actions: list[Action] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)  # link id -> why it is left alone
    taken_out: set[int] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)  # links that this plan decided already
    conflicts: dict[int, str] = field(default_factory=dict)  # link id -> message of a conflict opened here

    def plan(self) -> Plan:
        """The finished plan; each need and warning once."""
        return Plan(
            actions=tuple(self.actions),
            needs=tuple(dict.fromkeys(self.needs)),
            waiting=tuple(sorted(self.waiting.items())),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def add(self, action: Action) -> None:
        """One more action, after those there are."""
        self.actions.append(action)

    def wait(self, link: Link, why: str, *, taken_out: bool = False) -> None:
        """Leave the link alone in this plan; `taken_out`: a person took it out, so that nobody waits for its vote."""
        self.waiting[link.id] = why
        if taken_out:
            self.taken_out.add(link.id)

    def may_still_vote(self, link: Link) -> bool:
        """True for a live link that this plan could not decide: an `all` quorum waits for it."""
        return link.id in self.waiting and link.id not in self.taken_out

    def record(self, view: LinkView, reason: str, *, acted: Stage | None = None) -> None:
        """Both sides of the link are settled as they are."""
        self.settled.add(view.link.id)
        self.add(RecordBase(view.link.id, base_of(view, self.now, acted=acted), reason))

    def vote(self, view: LinkView, stage: str) -> None:
        """The ticket asks for a stage; the bug's other tickets have not asked yet."""
        self.settled.add(view.link.id)
        self.add(CastVote(view.link.id, stage, base_of(view, self.now)))

    def conflict(self, view: LinkView, code: str, message: str) -> None:
        """The link waits for a person; what both sides are now becomes the base."""
        self.settled.add(view.link.id)
        self._open(view.link, view.ticket, view.issue, code, message, base_of(view, self.now))

    def conflict_without_base(
        self, link: Link, ticket: TicketSnapshot | None, issue: IssueSnapshot | None, code: str, message: str
    ) -> None:
        """As conflict, where one side cannot be read or has no stage: the base stays what it was."""
        self.settled.add(link.id)
        self._open(link, ticket, issue, code, message, None)

    def _open(
        self,
        link: Link,
        ticket: TicketSnapshot | None,
        issue: IssueSnapshot | None,
        code: str,
        message: str,
        base: Base | None,
    ) -> None:
        self.conflicts[link.id] = message
        conflict = Conflict(code=code, message=message, seen=seen_of(ticket, issue), at=self.now)
        self.add(OpenConflict(link.id, conflict, base))

    def note_on_ticket(self, world: World, link: Link, ticket: TicketSnapshot, source: str, message: str) -> None:
        """An internal note about the link; nothing is written to a closed, deleted or hidden ticket."""
        if ticket.is_gone or ticket.state.is_final:
            return
        self.add(
            UpdateTicket(
                ticket_id=ticket.id,
                source=source,
                reason=message,
                expected=ticket.state,
                note=conflict_note(world, link.issue_key, message),
                link_ids=(link.id,),
                route=link.route,
            )
        )

    def comment_on_bug(
        self,
        route: str,
        link_ids: tuple[int, ...],
        issue: IssueSnapshot,
        source: str,
        reason: str,
        body: str,
        *,
        after: str | None = None,
    ) -> None:
        """A comment of our own on the bug, when it can be read."""
        if issue.visible:
            self.add(
                CommentOnBug(
                    issue_id=issue.id,
                    issue_key=issue.key,
                    source=source,
                    reason=reason,
                    body=body,
                    after=after,
                    link_ids=link_ids,
                    route=route,
                )
            )

    def retire(self, link: Link, reason: str) -> None:
        """The link is over."""
        self.settled.add(link.id)
        self.add(RetireLink(link.id, reason))


def base_of(view: LinkView, now: datetime, *, acted: Stage | None = None) -> Base:
    """Both sides as they are now, as a base."""
    before = view.link.base
    return Base(
        stage=view.stage.name,
        status_id=view.issue.status_id,
        resolution_id=view.issue.resolution_id,
        ticket=view.ticket.state,
        ticket_version=view.ticket.version,
        issue_version=view.issue.updated_ms,
        at=now,
        wrote_ticket=before is not None and before.wrote_ticket and not view.ticket_moved,
        wrote_bug=before is not None and before.wrote_bug and not view.bug_moved,
        acted=acted.name if acted else (before.acted if before and before.acted else view.stage.name),
    )


def settles_of(
    view: LinkView, *, stage: Stage | None = None, ticket: TicketState | None = None, acted: Stage | None = None
) -> Settles:
    """What the link's base becomes when a write is done; the executor fills in what the server answered."""
    before = view.link.base
    stage = stage or view.stage
    return Settles(
        link_id=view.link.id,
        stage=stage.name,
        status_id=view.issue.status_id,
        resolution_id=view.issue.resolution_id,
        ticket=ticket or view.ticket.state,
        ticket_version=view.ticket.version,
        issue_version=view.issue.updated_ms,
        acted=acted.name if acted else (before.acted if before and before.acted else stage.name),
    )


def bug_event(view: LinkView) -> str:
    """The source version of what a bug's move causes: its changelog entry, which no later comment changes."""
    change = view.issue.last_change
    if change is not None:
        return f"{issue_subject(view.issue.id)}:{change.id}"
    return f"{issue_subject(view.issue.id)}:{view.issue.status_id}:{view.issue.resolution_id or 'none'}"
