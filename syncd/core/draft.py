"""A plan while it is being made: an ordered accumulator with the few constructions that every row shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.actions import (
    Action,
    AddLink,
    CastVote,
    CommentOnBug,
    Need,
    OpenConflict,
    Plan,
    RecordBase,
    RetireLink,
    Settles,
    UpdateTicket,
)
from syncd.core.mapping import Stage
from syncd.core.model import Base, Conflict, IssueSnapshot, Link, TicketSnapshot, TicketState
from syncd.core.subjects import issue_subject
from syncd.core.succession import Succession
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
    by_ticket: dict[int, list[LinkView]] = field(default_factory=dict)  # what rows 6 to 10 decide
    successions: list[Succession] = field(default_factory=list)

    def plan(self) -> Plan:
        """The finished plan; each need and warning once."""
        return Plan(
            actions=tuple(self.actions),
            needs=tuple(dict.fromkeys(self.needs)),
            waiting=tuple(sorted(self.waiting.items())),
            warnings=tuple(dict.fromkeys(self.warnings)),
            successions=tuple(self.successions),
        )

    def look_at(self, views: Iterable[LinkView]) -> None:
        """The links that are to be decided: what a ticket follows is the least advanced of its bugs."""
        for view in views:
            self.by_ticket.setdefault(view.ticket.id, []).append(view)

    def effective(self, ticket_id: int) -> LinkView:
        """The link whose bug the ticket follows."""
        return min(self.by_ticket[ticket_id], key=lambda view: view.progress)

    def add(self, action: Action) -> None:
        """One more action, after those there are."""
        self.actions.append(action)

    def gets_a_link(self, ticket_id: int) -> bool:
        """True when this plan adds a link to the ticket: what it shows and hears is decided with that one."""
        return any(isinstance(action, AddLink) and action.ticket_id == ticket_id for action in self.actions)

    def wait(self, link: Link, why: str, *, taken_out: bool = False) -> None:
        """Leave the link alone in this plan; `taken_out`: a person took it out, so that nobody waits for its vote."""
        self.waiting[link.id] = why
        if taken_out:
            self.taken_out.add(link.id)

    def may_still_vote(self, link: Link) -> bool:
        """True for a live link that this plan could not decide: an `all` quorum waits for it."""
        return link.id in self.waiting and link.id not in self.taken_out

    def record(self, view: LinkView, reason: str) -> None:
        """Both sides of the link are settled as they are, and the ticket has heard of its bug's stage."""
        self.settled.add(view.link.id)
        self.add(RecordBase(view.link.id, self._base(view), reason))

    def vote(self, view: LinkView, stage: str) -> None:
        """The ticket asks for a stage; the bug's other tickets have not asked yet."""
        self.settled.add(view.link.id)
        self.add(CastVote(view.link.id, stage, self._base(view)))

    def conflict(self, view: LinkView, code: str, message: str) -> None:
        """The link waits for a person; what both sides are now becomes the base, so that either's next move counts."""
        self.settled.add(view.link.id)
        self._open(view.link, view.ticket, view.issue, code, message, self._base(view))

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

    def _base(self, view: LinkView) -> Base:
        return base_of(view, self.now, acted=self.effective(view.ticket.id).stage)

    def settles_ticket(self, view: LinkView, state: TicketState) -> Settles:
        """What the link's base becomes when its ticket was written."""
        return settles_of(view, ticket=state, acted=self.effective(view.ticket.id).stage)

    def settles_walk(self, view: LinkView, stage: Stage) -> Settles:
        """What the link's base becomes when its bug was walked to the stage: the ticket has heard of that one, or of
        another bug that is behind it."""
        others = [v for v in self.by_ticket[view.ticket.id] if v.issue.id != view.issue.id]
        behind = min(others, key=lambda other: other.progress, default=None)
        is_behind = behind is not None and behind.progress < view.progress_in(stage)
        return settles_of(view, stage=stage, acted=behind.stage if behind is not None and is_behind else stage)


def base_of(view: LinkView, now: datetime, *, acted: Stage) -> Base:
    """Both sides as they are now, as a base. `acted`: what the ticket has heard of, the least advanced of its bugs."""
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
        acted=acted.name,
    )


def settles_of(
    view: LinkView, *, acted: Stage, stage: Stage | None = None, ticket: TicketState | None = None
) -> Settles:
    """What the link's base becomes when a write is done; the executor fills in what the server answered."""
    return Settles(
        link_id=view.link.id,
        stage=(stage or view.stage).name,
        status_id=view.issue.status_id,
        resolution_id=view.issue.resolution_id,
        ticket=ticket or view.ticket.state,
        ticket_version=view.ticket.version,
        issue_version=view.issue.updated_ms,
        acted=acted.name,
    )


def bug_event(view: LinkView) -> str:
    """The source version of what a bug's move causes: its changelog entry, which no later comment changes."""
    subject, change = issue_subject(view.issue.id), view.issue.last_change
    if change is not None:
        return f"{subject}:{change.id}"
    base = view.link.base  # no entry is known: told apart by what was agreed before
    return f"{subject}:{view.issue.status_id}:{view.issue.resolution_id or 'none'}:{base.issue_version if base else 0}"


def news_of(group: Sequence[LinkView]) -> str:
    """The source version of what a ticket hears: the newest move of each of its bugs, and since when.

    The bugs alone would not do: the same news is told again after a bug that was behind them has come and gone."""
    events = "+".join(bug_event(view) for view in sorted(group, key=lambda view: view.link.id))
    return f"{events}:{max((view.link.base.ticket_version for view in group if view.link.base is not None), default=0)}"
