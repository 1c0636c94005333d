"""What the engine needs from the two trackers and from time, as types. sources/ implements them; so do test fakes.

Every method that talks to a server may raise the errors of sources/errors.py and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from syncd.core.field_model import FieldChange
from syncd.core.model import (
    Actor,
    DeskCatalog,
    IssueEdit,
    IssueSnapshot,
    Json,
    ProjectCatalog,
    TicketChange,
    TicketSnapshot,
    Version,
)


class Clock(Protocol):
    """Wall and monotonic time. The sandbox's clock stands in during rehearsals."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never jump, at the same rate as now()."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are on a server, and which server it is. `server` is compared with the one the store remembers."""

    server: str  # "https://acme.zendesk.com" or Jira's serverInfo baseUrl
    account_id: str
    name: str
    role: str = ""  # Zendesk: admin | agent | …
    time_zone: str = "UTC"
    deployment: str = ""  # Jira: cloud | data_center
    can_comment_publicly: bool | None = None  # Zendesk; None = could not be told


@dataclass(frozen=True, slots=True)
class TicketPage:
    """Tickets as one call gave them; `cursor` is where the next call goes on."""

    tickets: tuple[TicketSnapshot, ...]
    cursor: str | None
    end: bool
    malformed: tuple[str, ...] = ()  # sentences about rows that could not be read; the rest of the page counts


@dataclass(frozen=True, slots=True)
class IssuePage:
    issues: tuple[IssueSnapshot, ...]
    cursor: str | None
    end: bool
    malformed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """One event of a ticket, from the incremental ticket_events export or from its audits, under the same id."""

    id: int
    ticket_id: int
    change: TicketChange
    text: str = field(default="", repr=False)  # of a comment: to look for markers in, never stored


@dataclass(frozen=True, slots=True)
class TicketEventPage:
    events: tuple[TicketEvent, ...]
    end_time: int  # Unix seconds: the next start_time
    end: bool
    malformed: tuple[str, ...] = ()
    crowded: int | None = None  # Unix: a second that the export does not get past; events of it may be left out


@dataclass(frozen=True, slots=True)
class TicketWrite:
    """The body of one PUT on a ticket. A comment is internal: there is no field that says otherwise."""

    status: str | None = None
    custom_status_id: int | None = None
    note: str | None = None
    html: str | None = None  # the note's text, in place of `note`
    uploads: tuple[str, ...] = ()  # tokens of files for the note
    fields: Mapping[str, Json] | None = None
    values: Mapping[str, Json] | None = None  # Zendesk's own: priority, type, subject, assignee_id, group_id


@dataclass(frozen=True, slots=True)
class TicketWritten:
    """Zendesk's answer to a PUT."""

    ticket: TicketSnapshot
    changes: tuple[TicketChange, ...]  # the audit's events, ours and those of triggers that ran with it
    note_public: bool | None = None  # the stored visibility of our note, read back; None when there was none


@dataclass(frozen=True, slots=True)
class TransitionField:
    id: str
    name: str
    required: bool
    has_default: bool = False
    allowed: tuple[tuple[str, str], ...] = ()  # (id, name or value)


@dataclass(frozen=True, slots=True)
class Transition:
    """An edge that our account may take now."""

    id: str
    name: str
    to_status_id: str | None  # an entry may lack `to`
    to_status_name: str | None
    fields: tuple[TransitionField, ...] = ()
    to_category: str = ""  # new | indeterminate | done; empty where the entry does not say


@dataclass(frozen=True, slots=True)
class BugComment:
    id: str
    author: Actor
    body: str
    created: datetime
    updated: datetime
    marker: str | None = None
    restricted: bool = False  # for one role or group only
    internal: bool | None = None  # sd.public.comment, or jsdPublic: false; None: not said
    edited_by: str | None = None  # the account that changed it last


@dataclass(frozen=True, slots=True)
class Budget:
    """What a bucket of the server still allows; `resets_in` seconds until it is full again."""

    name: str
    total: int | None
    remaining: int | None
    resets_in: float | None


@dataclass(frozen=True, slots=True)
class Agent:
    """A user of Zendesk."""

    id: int
    name: str
    email: str  # casefolded; empty when there is none
    works: bool  # an agent or admin who can be given tickets


class TicketSource(Protocol):
    """Zendesk."""

    def identity(self) -> Identity:
        """Who we are; raises AuthError when the server takes us for nobody (it answers 200 then)."""

    def catalog(self) -> DeskCatalog:
        """Custom statuses and ticket fields."""

    def recently_updated(self, cursor: str | None) -> TicketPage:
        """The fast list: one page of tickets, newest change first; `cursor` is the page to go on with."""

    def changed(self, cursor: str | None, start: datetime) -> TicketPage:
        """One page of the incremental export; the newest 60 s are withheld by the server. `start` counts only without a
        cursor, and `cursor` of the page is None when the server gave none (keep `start` then)."""

    def events(self, start_time: int) -> TicketEventPage:
        """One page of ticket_events from `start_time` (Unix seconds, inclusive: rows repeat)."""

    def read(self, ids: Sequence[int]) -> tuple[TicketSnapshot, ...]:
        """The tickets with these ids, 100 a call; those that do not answer come back with visible=False."""

    def history(self, ticket_id: int) -> tuple[TicketChange, ...]:
        """The newest audits' events (one call, up to 100 audits), newest first, with the actor's kind."""

    def audits(self, ticket_id: int, *, whole: bool = True) -> tuple[TicketEvent, ...]:
        """What all audits of a ticket tell (`whole`), or the newest 100 in one call; oldest first, with the texts of
        comments. Raises NotFoundError for a ticket that is gone."""

    def write(self, ticket_id: int, write: TicketWrite, *, stamp: datetime, marker: str) -> TicketWritten:
        """One PUT under safe_update; raises PreconditionError when the ticket changed after `stamp`."""

    def make_private(self, ticket_id: int, comment_id: int) -> None:
        """Hide a comment that turned out public."""

    def remove_tag(self, ticket_id: int, tag: str, *, stamp: datetime) -> None:
        """Take one tag off; raises PreconditionError when the ticket changed after `stamp`."""

    def add_tags(self, ticket_id: int, tags: Sequence[str], *, stamp: datetime) -> None:
        """Adds tags; raises PreconditionError when the ticket changed after `stamp`."""

    def remove_tags(self, ticket_id: int, tags: Sequence[str], *, stamp: datetime) -> None:
        """Takes tags off; raises PreconditionError when the ticket changed after `stamp`."""

    def follow_up(self, closed: TicketSnapshot, subject: str, note: str, *, marker: str) -> tuple[TicketSnapshot, bool]:
        """A private follow-up of a closed ticket, and whether it is stored as internal; once per marker for 2 h."""

    def by_external_id(self, external_id: str) -> TicketSnapshot | None:
        """The ticket with this external id."""

    def agents(self, ids: Sequence[int]) -> tuple[Agent, ...]:
        """These users; unknown ones are left out."""

    def agents_by_email(self, email: str) -> tuple[Agent, ...]:
        """The users with exactly this address."""

    def groups(self) -> Mapping[int, str]:
        """Every group's id and name."""

    def organizations(self, ids: Sequence[int]) -> Mapping[int, Mapping[str, Json]]:
        """Organization → its fields by key, its name under ""."""

    def wait_for(self, what: str) -> float:
        """Seconds to wait before a call of this kind (list | export | read | update) may be made; 0 = now."""

    def budgets(self) -> tuple[Budget, ...]:
        """What the server's headers said last."""


class IssueSource(Protocol):
    """Jira, Cloud or Data Center."""

    def identity(self) -> Identity:
        """Who we are; raises AuthError when the server takes us for nobody."""

    def permissions(self, project_key: str) -> Mapping[str, bool]:
        """BROWSE_PROJECTS, EDIT_ISSUES, … -> have it or not, of those that the server knows."""

    def catalog(self, project_key: str) -> ProjectCatalog:
        """Statuses by issue type, resolutions and versions; raises NotFoundError for an unknown project."""

    def versions(self, project_key: str) -> tuple[Version, ...]:
        """The project's versions (a release bumps no issue)."""

    def changed(self, project_keys: Sequence[str], since_ms: int, cursor: str | None) -> IssuePage:
        """One page of issues of these projects updated at or after `since_ms`, oldest change first, without changelog.

        On Data Center `cursor` re-anchors on the last row's `updated` instead of an offset."""

    def read(self, ids: Sequence[str], *, history: bool = True) -> tuple[IssueSnapshot, ...]:
        """The issues with these ids or keys, as they are now (not from the search index), with their status history.

        Those that do not answer come back with visible=False (only `id` and `key` are meaningful then)."""

    def census(self, ids: Sequence[str]) -> tuple[IssueSnapshot, ...]:
        """As read without history, cheaper where the deployment has a cheaper way (100 ids a call)."""

    def want_marks(self, wanted: bool) -> None:
        """Whether readings with history also tell who did what beside the status (IssueSnapshot.marks)."""

    def with_edits(self, issue_id: str) -> tuple[IssueSnapshot, tuple[IssueEdit, ...]]:
        """The issue as it is now and every edit of its changelog, newest first."""

    def edit(self, issue_id: str, changes: Sequence[FieldChange], *, marker: str) -> None:
        """One edit of fields; lists are changed member by member. RefusedError names the fields that are refused."""

    def find_account(self, asked: str) -> str | None:
        """The account of an e-mail address, id or name; None unless exactly one fits."""

    def transitions(self, issue_id: str) -> tuple[Transition, ...]:
        """What our account may do with the issue now, with the fields on each screen."""

    def graph(self, project_id: str, issue_type_id: str) -> tuple[tuple[str | None, str], ...]:
        """Edges (from status id or None = from any, to status id) where the account may read them; empty otherwise."""

    def transition(self, issue_id: str, transition_id: str, fields: Mapping[str, Json], *, marker: str) -> None:
        """One step; the answer is empty, so read the status afterwards."""

    def comments(self, issue_id: str) -> tuple[BugComment, ...]:
        """The newest comments (one call), newest first, with our marker where they carry it."""

    def comment(self, issue_id: str, body: str, *, marker: str) -> str:
        """Post a comment marked as ours and internal on service desks; returns its id."""

    def browse_url(self, key: str) -> str:
        """The link that people click."""

    def wait_for(self, what: str) -> float:
        """Seconds to wait before a call of this kind (search | read | write) may be made; 0 = now."""

    def budgets(self) -> tuple[Budget, ...]:
        """What the server's headers said last."""


__all__ = [
    "Agent",
    "Budget",
    "BugComment",
    "Clock",
    "Identity",
    "IssuePage",
    "IssueSource",
    "TicketEvent",
    "TicketEventPage",
    "TicketPage",
    "TicketSource",
    "TicketWrite",
    "TicketWritten",
    "Transition",
    "TransitionField",
]
