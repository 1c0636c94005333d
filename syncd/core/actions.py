"""What a plan may ask for. Local actions change the store; remote ones become intents.

Every remote action names its subject ("ticket:35", "issue:10305"), so that two writes to one subject never overlap,
and its `source`, the event that caused it: the marker is derived from both and is the same after a restored backup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, TypeAlias

from syncd.core.clock_actions import ShowClocks
from syncd.core.comment_actions import CommentAction, RecallTwin, SawComments
from syncd.core.escalation_actions import EscalateTicket, RaiseBug
from syncd.core.field_model import FieldBase, FieldChange
from syncd.core.mapping import BugTarget
from syncd.core.model import Base, Comeback, Conflict, Json, Origin, TicketState
from syncd.core.subjects import OnBug, OnTicket, Write, bug_of, marker
from syncd.core.succession import RelateBugs, Succession

# ---- local actions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordBase:
    """Both sides are settled as they are; clears a conflict and a vote."""

    link_id: int
    base: Base
    reason: str


@dataclass(frozen=True, slots=True)
class CastVote:
    """The link's ticket asks for a stage and waits for the bug's other tickets; base is recorded with it."""

    link_id: int
    stage: str
    base: Base


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """The link waits for a person; base (when given) is what both sides are now."""

    link_id: int
    conflict: Conflict
    base: Base | None


@dataclass(frozen=True, slots=True)
class RetireLink:
    link_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class RepointLink:
    """The link follows its ticket (merged) or its bug (moved to another project)."""

    link_id: int
    reason: str
    ticket_id: int | None = None
    issue_key: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class AddLink:
    ticket_id: int
    issue_id: str
    issue_key: str
    route: str
    origin: Origin
    reason: str


@dataclass(frozen=True, slots=True)
class MarkInField:
    """The key was seen in the ticket's link field: from now on its disappearance retires the link."""

    link_id: int


@dataclass(frozen=True, slots=True)
class ForgetRefusal:
    """A refused write no longer counts as refused: it may be asked for again, or nobody wants it any more."""

    intent_id: str


@dataclass(frozen=True, slots=True)
class SayAgain:
    """What was to be said on the link's bug, and was dropped since the bug could not be read, is said after all."""

    link_id: int
    dropped_since: datetime


@dataclass(frozen=True, slots=True)
class RecordField:
    """What is known of a mapped field of a link: what both sides are, or what a person must mend."""

    link_id: int
    field: str
    base: FieldBase
    reason: str


@dataclass(frozen=True, slots=True)
class MarkTold:
    """The link's ticket hears of the topic by what this plan writes, and is not to hear of it again."""

    link_id: int
    subject: str
    topic: str


@dataclass(frozen=True, slots=True)
class NoteComeback:
    """A bug came back after the link's ticket was closed, or is done again (then `over`)."""

    comeback: Comeback

    @property
    def link_id(self) -> int:
        """The retired link that it is about."""
        return self.comeback.link_id


LocalAction: TypeAlias = (
    RecordBase
    | CastVote
    | OpenConflict
    | RetireLink
    | RepointLink
    | AddLink
    | MarkInField
    | ForgetRefusal
    | SayAgain
    | RecordField
    | MarkTold
    | NoteComeback
    | SawComments
    | RecallTwin
)


# ---- remote actions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settles:
    """What becomes of a link's base when the write it belongs to is done."""

    link_id: int
    stage: str
    status_id: str
    resolution_id: str | None
    ticket: TicketState
    ticket_version: int
    issue_version: int
    acted: str


@dataclass(frozen=True, slots=True)
class UpdateTicket(OnTicket):
    """One PUT on a ticket: a status with its reason as an internal note, a note alone, or fields."""

    kind: ClassVar[str] = "update_ticket"
    ticket_id: int
    source: str
    reason: str
    expected: TicketState  # the precondition of a status write
    status: str | None = None  # category to write
    custom_status_id: int | None = None
    status_name: str | None = None  # as the mapping names it
    note: str | None = None  # always internal
    fields: Mapping[str, Json] = field(default_factory=dict)
    values: Mapping[str, Json] = field(default_factory=dict)  # Zendesk's own fields, such as assignee_id
    by_person: bool = True  # a person's change is behind it; without one a value is written twice at most
    settles: tuple[Settles, ...] = ()
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """Notes have none."""
        if self.status is not None:
            return "status"
        if self.values:
            return "values"
        return "" if self.note is not None else "mirror"


@dataclass(frozen=True, slots=True)
class RemoveTag(OnTicket):
    """Take a tag that asked for something off the ticket, after it was acted on."""

    kind: ClassVar[str] = "remove_tag"
    ticket_id: int
    source: str
    reason: str
    tag: str
    after: str | None = None  # the marker of the write this one waits for
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """See Write.slot."""
        return f"tag:{self.tag}"


@dataclass(frozen=True, slots=True)
class MoveBug(OnBug):
    """Walk the bug to a stage's target status, over as many transitions as it takes."""

    kind: ClassVar[str] = "move_bug"
    issue_id: str
    issue_key: str
    source: str
    reason: str
    stage: str
    target: BugTarget
    expected_status_id: str
    expected_resolution_id: str | None
    by_person: bool = True
    settles: tuple[Settles, ...] = ()
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """See Write.slot."""
        return "move"


@dataclass(frozen=True, slots=True)
class CommentOnBug(OnBug):
    """A comment of our own on the bug (never a customer's words)."""

    kind: ClassVar[str] = "comment_on_bug"
    issue_id: str
    issue_key: str
    source: str
    reason: str
    body: str  # Jira wiki markup; what came from people in it is escaped already
    after: str | None = None
    link_ids: tuple[int, ...] = ()
    route: str = ""


@dataclass(frozen=True, slots=True)
class CreateBug(Write):
    """Make a bug for a ticket: once per (Zendesk account, ticket, route, occurrence), whatever fails."""

    kind: ClassVar[str] = "create_bug"
    account: str  # the Zendesk account's address
    ticket_id: int
    occurrence: int  # 1, or one more than the bugs made for this ticket and route so far
    project_key: str
    reason: str
    fields: Mapping[str, Json]  # of the new issue, as Jira takes them, but for the label that is our mark
    note: str = ""  # what the ticket is to hear beside the key
    requester_id: int | None = None
    problem: str = ""  # why it cannot even be asked for; names the key to set
    by_tag: bool = False  # an agent's tag asked for it, which is taken off afterwards
    instead: Succession | None = None  # the bug whose place it takes
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def source(self) -> str:
        """Without a version: a restored backup finds its own bug."""
        return f"{self.account}:{self.occurrence}"

    @property
    def subject(self) -> str:
        return bug_of(self.ticket_id, self.route)

    @property
    def slot(self) -> str:
        """See Write.slot."""
        return "create"


@dataclass(frozen=True, slots=True)
class ShowTicketOnBug(OnBug):
    """A remote link on the bug that leads to the ticket; by its global id it stays one, however often it is sent."""

    kind: ClassVar[str] = "show_ticket_on_bug"
    issue_id: str
    issue_key: str
    ticket_id: int
    source: str
    reason: str
    global_id: str
    url: str
    title: str
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """See Write.slot."""
        return f"remote link:{self.ticket_id}"


@dataclass(frozen=True, slots=True)
class SetBugFields(OnBug):
    """One edit of an issue: mapped fields, each with the value that it must still have."""

    kind: ClassVar[str] = "set_bug_fields"
    issue_id: str
    issue_key: str
    source: str
    reason: str
    changes: tuple[FieldChange, ...]
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """See Write.slot."""
        return "fields"


@dataclass(frozen=True, slots=True)
class SetTicketFields(OnTicket):
    """Mapped fields of a ticket, each with the value that it must still have; tags are added and taken off."""

    kind: ClassVar[str] = "set_ticket_fields"
    ticket_id: int
    source: str
    reason: str
    changes: tuple[FieldChange, ...]
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """See Write.slot."""
        return f"fields:{self.route}"


@dataclass(frozen=True, slots=True)
class FollowUp(Write):
    """A private follow-up of a closed ticket whose bug came back."""

    kind: ClassVar[str] = "follow_up"
    ticket_id: int  # the closed one
    link_id: int  # the retired link
    source: str
    reason: str
    title: str
    note: str  # always internal
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def subject(self) -> str:
        return f"followup:{self.ticket_id}"  # nothing is written to the closed ticket itself


RemoteAction: TypeAlias = (
    UpdateTicket
    | RemoveTag
    | MoveBug
    | CommentOnBug
    | CreateBug
    | ShowTicketOnBug
    | RelateBugs
    | EscalateTicket
    | RaiseBug
    | ShowClocks
    | SetBugFields
    | SetTicketFields
    | FollowUp
    | CommentAction
)
Action: TypeAlias = LocalAction | RemoteAction

LOCAL_ACTIONS = (
    *(RecordBase, CastVote, OpenConflict, RetireLink, RepointLink, AddLink, MarkInField, ForgetRefusal),
    *(RecordField, MarkTold, NoteComeback, SawComments, SayAgain, RecallTwin),
)


def marker_of(action: RemoteAction) -> str:
    """The marker of a remote action."""
    return marker(action.kind, action.subject, action.source)


@dataclass(frozen=True, slots=True)
class NeedHistory:
    """The planner must know who moved this ticket, or who spoke last, before it can decide: one call."""

    ticket_id: int


@dataclass(frozen=True, slots=True)
class NeedTicket:
    """The planner needs a ticket that the store does not hold (the target of a merge)."""

    ticket_id: int


@dataclass(frozen=True, slots=True)
class NeedIssue:
    """The planner needs an issue that the store does not hold (the original of a duplicate)."""

    issue_id: str


Need: TypeAlias = NeedHistory | NeedTicket | NeedIssue


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in order, and what must be read first. Waiting names why a link was left alone."""

    actions: tuple[Action, ...] = ()
    needs: tuple[Need, ...] = ()
    waiting: tuple[tuple[int, str], ...] = ()  # (link id, reason)
    warnings: tuple[str, ...] = ()
    successions: tuple[Succession, ...] = ()  # new bugs that tickets ask for in the place of fixed ones

    @property
    def remote(self) -> tuple[RemoteAction, ...]:
        """The actions that write to Zendesk or Jira."""
        return tuple(a for a in self.actions if not isinstance(a, LOCAL_ACTIONS))

    @property
    def local(self) -> tuple[LocalAction, ...]:
        """The actions that change the store only."""
        return tuple(a for a in self.actions if isinstance(a, LOCAL_ACTIONS))
