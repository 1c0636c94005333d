"""The records every decision is made from. All are frozen; all times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Any] | dict[str, Any] | None"
"""A value as JSON has it."""


class Visibility(StrEnum):
    """Who may read a text. A lattice: INTERNAL < AGENTS < CUSTOMER; unknown counts as INTERNAL."""

    INTERNAL = "internal"
    AGENTS = "agents"
    CUSTOMER = "customer"


class ActorKind(StrEnum):
    """Who made a change, as far as a decision needs to know."""

    AGENT = "agent"
    CUSTOMER = "customer"
    RULE = "rule"  # a Zendesk trigger or automation
    ROBOT = "robot"  # a Jira automation, or another integration
    SELF = "self"
    UNKNOWN = "unknown"

    @property
    def is_person(self) -> bool:
        """True for people; an unknown actor counts as a person, so that its work is never undone."""
        return self in (ActorKind.AGENT, ActorKind.CUSTOMER, ActorKind.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Actor:
    kind: ActorKind
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class TicketState:
    """A ticket's status: the category, and the custom status where the account has them."""

    category: str  # new | open | pending | hold | solved | closed | deleted
    custom_id: int | None = None

    @property
    def is_final(self) -> bool:
        """Closed: Zendesk refuses every further write."""
        return self.category == "closed"

    @property
    def is_solved(self) -> bool:
        """Solved, or closed, which acts as solved in every decision."""
        return self.category in ("solved", "closed")


@dataclass(frozen=True, slots=True)
class TicketSnapshot:
    """One reading of a ticket."""

    id: int
    state: TicketState
    updated_at: datetime  # whole seconds: Zendesk's stamps have no finer ones
    created_at: datetime
    subject: str = ""
    priority: str | None = None  # urgent | high | normal | low
    type: str | None = None  # problem | incident | question | task
    tags: tuple[str, ...] = ()  # sorted
    fields: Mapping[str, Json] = field(default_factory=dict)  # custom field id (as text) -> value; empty ones left out
    requester_id: int | None = None
    assignee_id: int | None = None
    group_id: int | None = None
    organization_id: int | None = None
    brand_id: int | None = None
    form_id: int | None = None
    channel: str = ""  # via.channel
    problem_id: int | None = None  # the problem ticket that this incident belongs to
    followup_of: int | None = None  # the closed ticket that this one follows up
    generated: int = 0  # generated_timestamp of an export row, Unix seconds; 0 when the reading has none
    visible: bool = True  # False: answered 404, or not in show_many
    merged_into: int | None = None

    @property
    def version(self) -> int:
        """Unix seconds of the last change that people can see."""
        return int(self.updated_at.timestamp())

    @property
    def is_gone(self) -> bool:
        """Deleted, marked as spam, or no longer readable."""
        return not self.visible or self.state.category == "deleted"


@dataclass(frozen=True, slots=True)
class TicketChange:
    """One thing that an audit of a ticket records."""

    audit_id: int
    at: datetime
    actor: Actor
    kind: str  # status | custom_status | priority | group … | field:ID | tags | comment | merge | created | other
    before: str | None = None
    after: str | None = None
    public: bool | None = None  # of a comment
    marker: str | None = None  # ours, from the audit's metadata
    comment_id: int | None = None
    markers: tuple[str, ...] = ()  # of a comment: the configured texts that were found in it


@dataclass(frozen=True, slots=True)
class Version:
    """A fix version of a Jira project."""

    id: str
    name: str
    released: bool = False
    release_date: str | None = None  # ISO date


@dataclass(frozen=True, slots=True)
class IssueChange:
    """A change of status or resolution (one changelog entry may hold both)."""

    id: str
    at: datetime
    actor: Actor
    status_from: str | None = None  # status ids
    status_to: str | None = None
    resolution_from: str | None = None  # resolution ids
    resolution_to: str | None = None
    marker: str | None = None  # ours, from historyMetadata


@dataclass(frozen=True, slots=True)
class IssueMark:
    """Something that was done to an issue beside its status and resolution. Texts are not kept."""

    id: str  # of the changelog entry; "c" and its id for a comment
    at: datetime
    actor: Actor
    name: str  # assignee | components | project | due_date | fix_versions | comment | edit
    before: str | None = None  # account id; a component's or version's name that was taken away; project key; ISO date
    after: str | None = None


@dataclass(frozen=True, slots=True)
class IssueSnapshot:
    """One reading of a Jira issue."""

    id: str
    key: str
    project_key: str
    project_id: str
    issue_type: str
    issue_type_id: str
    status_id: str
    status_name: str
    status_category: str  # new | indeterminate | done | undefined
    updated_ms: int  # epoch milliseconds
    resolution_id: str | None = None
    resolution_name: str | None = None
    summary: str = ""
    priority: str | None = None
    assignee: str | None = None  # display name
    assignee_id: str | None = None  # accountId, or name on Data Center
    assignee_email: str | None = None  # where the server shows it
    fix_versions: tuple[Version, ...] = ()
    due_date: str | None = None  # ISO date
    labels: tuple[str, ...] = ()  # sorted
    duplicates: tuple[str, ...] = ()  # ids of the issues that this one duplicates
    history: tuple[IssueChange, ...] = ()  # newest first; empty when the reading had no changelog
    fields: Mapping[str, Json] = field(default_factory=dict)  # Jira field id -> value, of those that mapped fields want
    visible: bool = True  # False: answered 404 or was silently missing
    components: tuple[str, ...] = ()  # names, sorted
    created_ms: int = 0  # epoch milliseconds; 0 = not told
    marks: tuple[IssueMark, ...] = ()  # newest first; those of earlier readings are kept

    @property
    def last_change(self) -> IssueChange | None:
        """The newest change of status or resolution, when the reading had a changelog."""
        return self.history[0] if self.history else None


class LinkState(StrEnum):
    LIVE = "live"
    CONFLICT = "conflict"
    RETIRED = "retired"


class Origin(StrEnum):
    """How a link came to be."""

    MANUAL = "manual"
    FIELD = "field"
    TAG = "tag"
    CREATED = "created"
    ADOPTED = "adopted"
    DUPLICATE = "duplicate"
    FOLLOWUP = "followup"


@dataclass(frozen=True, slots=True)
class Base:
    """What both sides were when they last agreed, were settled by our write, or were noted."""

    stage: str
    status_id: str
    resolution_id: str | None
    ticket: TicketState
    ticket_version: int  # Unix seconds
    issue_version: int  # epoch milliseconds
    at: datetime
    wrote_ticket: bool = False  # the ticket's state is one that we wrote
    wrote_bug: bool = False
    acted: str = ""  # the stage the ticket was last handled for: the least advanced of its links then


@dataclass(frozen=True, slots=True)
class Seen:
    """The fingerprint of both sides at which a conflict was opened; it is looked at again when this changes."""

    status_id: str
    resolution_id: str | None
    ticket: TicketState
    ticket_gone: bool = False
    issue_gone: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a link waits for a person."""

    code: str  # see core/reconcile.py for the list
    message: str  # what happened, and what to do next
    seen: Seen
    at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A ticket and a bug that are kept in step."""

    id: int
    ticket_id: int
    issue_id: str
    issue_key: str
    route: str
    origin: Origin
    created_at: datetime
    state: LinkState = LinkState.LIVE
    base: Base | None = None
    vote: str | None = None  # the stage that this link's ticket asks for while others have not asked yet
    conflict: Conflict | None = None
    in_field: bool = False  # the key was once seen in the ticket's link field: when it goes, the link retires
    occurrence: int = 1
    ticket_until: datetime | None = None  # what was said on the ticket until then is from before: by Zendesk's clock
    issue_until: datetime | None = None  # and on the bug, by Jira's


@dataclass(frozen=True, slots=True)
class StatusInfo:
    id: str
    name: str
    category: str


@dataclass(frozen=True, slots=True)
class BugField:
    """A field of Jira's issues."""

    id: str  # priority, customfield_10300 …
    name: str
    type: str = ""  # schema.type: string | number | date | option | user | array | priority …
    items: str = ""  # of an array: string | option | version | component …
    on_screen: bool = False  # on the project's create screen for the route's issue type
    allowed: tuple[str, ...] = ()  # names of the permitted values; empty = anything, or not told


@dataclass(frozen=True, slots=True)
class IssueEdit:
    """One field that one changelog entry changed."""

    id: str  # of the entry
    at: datetime
    actor: Actor
    names: tuple[str, ...]  # the field's id (Cloud) and name, casefolded
    before: str | None = None  # as people read it
    after: str | None = None
    marker: str | None = None  # ours, from historyMetadata


@dataclass(frozen=True, slots=True)
class ProjectCatalog:
    """What a Jira project's workflow offers, by issue type."""

    key: str
    id: str
    statuses: Mapping[str, tuple[StatusInfo, ...]]  # issue type name -> its statuses
    resolutions: tuple[tuple[str, str], ...]  # (id, name)
    versions: tuple[Version, ...] = ()
    fields: tuple[BugField, ...] = ()  # read only where a route maps fields

    def all_statuses(self) -> tuple[StatusInfo, ...]:
        """Every status of every issue type, each once, in order of first appearance."""
        found: dict[str, StatusInfo] = {}
        for statuses in self.statuses.values():
            for status in statuses:
                found.setdefault(status.id, status)
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class CustomStatus:
    id: int
    name: str  # the agent's label
    category: str
    active: bool = True
    default: bool = False


@dataclass(frozen=True, slots=True)
class TicketField:
    """A ticket field as the account defines it."""

    id: int
    title: str
    type: str  # text | textarea | tagger | date | checkbox | integer | decimal | …
    active: bool = True
    visible_to_end_users: bool = False
    editable_by_end_users: bool = False
    options: tuple[tuple[str, str], ...] = ()  # (name, value) of a dropdown


@dataclass(frozen=True, slots=True)
class DeskCatalog:
    """What the Zendesk account defines."""

    custom_statuses: tuple[CustomStatus, ...] = ()
    fields: tuple[TicketField, ...] = ()
    organization_keys: tuple[str, ...] | None = None  # of organization fields; None = not read


@dataclass(frozen=True, slots=True)
class Release:
    """A version that was seen to be released."""

    version_id: str
    project_key: str
    name: str
    at: datetime  # when it was first seen so


@dataclass(frozen=True, slots=True)
class Comeback:
    """A bug that came back after the ticket of a link was closed: a support lead has to look at it."""

    link_id: int
    ticket_id: int
    issue_id: str
    issue_key: str
    route: str
    message: str  # what happened, and what to do
    at: datetime
    over_at: datetime | None = None  # done again, or followed up
    asked_at: datetime | None = None  # when a follow-up ticket was asked for
    followup_id: int | None = None
