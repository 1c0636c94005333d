"""What one plan looks at: the links that hang together, both sides of each, and who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.field_model import FieldSpec
from syncd.core.mapping import Stage, StageMapping
from syncd.core.model import (
    IssueSnapshot,
    Link,
    LinkState,
    Origin,
    Seen,
    TicketChange,
    TicketSnapshot,
    TicketState,
)
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.succession import Succession


@dataclass(frozen=True, slots=True)
class MirrorFields:
    """Ids (as text) of the ticket fields that show the bug; None = not shown."""

    bug: str | None = None
    status: str | None = None
    assignee: str | None = None
    fix_version: str | None = None
    due_date: str | None = None
    sync_state: str | None = None
    # Dropdown fields take only their options: field id -> option name or value, casefolded -> value.
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RouteView:
    """A route as the planner needs it."""

    name: str
    project_key: str
    mapping: StageMapping
    mirror: MirrorFields = MirrorFields()
    link_field: str | None = None  # id of the ticket field whose issue keys make links
    link_tag: str = "link_"  # prefix of the tags that name an issue key; empty = off
    off_tag: str = "syncd_off"
    fields: tuple[FieldSpec, ...] = ()  # mapped fields
    release_note: bool = True  # when a fix version is released
    release_hand_back: bool = True
    follow_up: bool = False  # when a bug comes back after its ticket was closed
    follow_ups_per_day: int = 20
    new_bug_when_not_fixed: bool = False  # instead of sending the bug back


@dataclass(frozen=True, slots=True)
class World:
    """Everything a plan may know. Two equal worlds give equal plans."""

    links: tuple[Link, ...]  # not retired
    tickets: Mapping[int, TicketSnapshot]
    issues: Mapping[str, IssueSnapshot]
    routes: Mapping[str, RouteView]  # by name
    busy: frozenset[str] = frozenset()  # subjects with an unsettled write or an unfinished walk
    histories: Mapping[int, tuple[TicketChange, ...]] = field(default_factory=dict)  # newest first; read on demand
    own_writes: Mapping[tuple[str, str], tuple[str, int]] = field(
        default_factory=dict
    )  # (subject, attribute) -> value, times
    touched: frozenset[int] = frozenset()  # tickets that changed: looked through for issue keys
    keys: Mapping[str, str | None] = field(default_factory=dict)  # issue key -> id, or None when it cannot be read
    retired: frozenset[tuple[int, str]] = frozenset()  # (ticket, issue) pairs that what a ticket names does not revive
    cleared: frozenset[tuple[int, str]] = frozenset()  # pairs whose key left the link field
    followups: Mapping[int, tuple[str, ...]] = field(
        default_factory=dict
    )  # ticket -> the issues that the closed ticket it follows up was linked to when it was closed
    created: Mapping[int, str] = field(default_factory=dict)  # new link -> what its ticket is to hear of the making
    field_problems: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # link -> what its fields lack
    successions: tuple[Succession, ...] = ()  # what the status plan leaves to the making of bugs
    browse_url: str = ""  # where people open an issue: this + "/browse/" + key
    ticket_url: str = ""  # where agents open a ticket: this + "/agent/tickets/" + id

    def route_of_project(self, project_key: str) -> RouteView | None:
        """The route of that project."""
        return next((r for r in self.in_order() if r.project_key == project_key), None)

    def in_order(self) -> list[RouteView]:
        """The routes by name, so that no plan depends on the order in which they were written down."""
        return [self.routes[name] for name in sorted(self.routes)]

    def issue_link(self, key: str) -> str:
        """The address of an issue for people."""
        return f"{self.browse_url}/browse/{key}"


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link with both sides read and its stage known: what rows 6 to 10 of the decision table work on."""

    link: Link
    ticket: TicketSnapshot
    issue: IssueSnapshot
    route: RouteView
    stage: Stage
    base_stage: Stage | None  # None: no base yet

    @property
    def bug_moved(self) -> bool:
        """The bug is in another stage than at base."""
        return self.base_stage is not None and self.base_stage.name != self.stage.name

    @property
    def ticket_moved(self) -> bool:
        """The ticket has another status than at base."""
        base = self.link.base
        return base is not None and not same_state(base.ticket, self.ticket.state)

    @property
    def is_fresh(self) -> bool:
        """A link made just now, so that entering the stage counts; an adopted or inherited one is only observed."""
        return self.link.base is None and self.link.origin not in (Origin.ADOPTED, Origin.FOLLOWUP)

    @property
    def answers_from(self) -> datetime | None:
        """Customer comments older than this need no answer before the ticket waits: whoever made the link knew them.

        None: nobody looked at the ticket when the link came to be."""
        unseen = (Origin.ADOPTED, Origin.FOLLOWUP, Origin.DUPLICATE)
        if self.link.origin in unseen:
            return None
        until = self.link.ticket_until or self.link.created_at
        # Who made it by an update of the ticket knew all that was there by then, this second included.
        return until + timedelta(seconds=1) if self.link.origin in (Origin.TAG, Origin.FIELD) else until

    @property
    def progress(self) -> tuple[float, int]:
        """For comparing links of different mappings: how far the bug is, 0..1, and the link's id to break ties."""
        return self.progress_in(self.stage)

    def progress_in(self, stage: Stage) -> tuple[float, int]:
        """As progress, were the bug in that stage."""
        last = max(1, len(self.route.mapping.stages) - 1)
        return (stage.rank / last, self.link.id)


def same_state(before: TicketState, after: TicketState) -> bool:
    """Equal status, closed acting as solved; a custom status counts only when both readings have one."""
    if before.is_solved and after.is_final:
        return True
    if before.category != after.category:
        return False
    return before.custom_id is None or after.custom_id is None or before.custom_id == after.custom_id


def status_attribute(value: str) -> str:
    """The attribute under which our writes of this status are counted: each value for itself, or a robot that flips a
    status back and forth would never be noticed."""
    return f"status:{value}"


def seen_of(ticket: TicketSnapshot | None, issue: IssueSnapshot | None) -> Seen:
    """The fingerprint at which a conflict is opened."""
    return Seen(
        status_id=issue.status_id if issue else "",
        resolution_id=issue.resolution_id if issue else None,
        ticket=ticket.state if ticket else TicketState("deleted"),
        ticket_gone=ticket is None or ticket.is_gone,
        issue_gone=issue is None or not issue.visible,
    )


def subjects_of(link: Link) -> tuple[str, str]:
    """Both subjects of a link."""
    return ticket_subject(link.ticket_id), issue_subject(link.issue_id)


def is_unchanged_conflict(link: Link, ticket: TicketSnapshot | None, issue: IssueSnapshot | None) -> bool:
    """True while a link in conflict still looks as it did when the conflict was opened."""
    return (
        link.state is LinkState.CONFLICT and link.conflict is not None and link.conflict.seen == seen_of(ticket, issue)
    )
