"""What the pretend Zendesk remembers: users, tickets and the rest, as plain records.

Times are whole epoch seconds (UTC); on the wire they are ISO 8601 with a `Z`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

#: The categories that a custom status can have; `closed` and `deleted` exist on tickets only.
CATEGORIES: Final = ("new", "open", "pending", "hold", "solved")
STATUSES: Final = (*CATEGORIES, "closed")
PRIORITIES: Final = ("low", "normal", "high", "urgent")
TYPES: Final = ("problem", "incident", "question", "task")
#: The author of what automations do.
SYSTEM_USER_ID: Final = -1


class ZendeskRefusal(ValueError):
    """The help desk says no. `status` and `body` are what the API answers; people see the text."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


def not_found() -> ZendeskRefusal:
    """The answer for an unknown or deleted record."""
    return ZendeskRefusal(404, {"error": "RecordNotFound", "description": "Not found"})


def forbidden(message: str = "You do not have access to this page.") -> ZendeskRefusal:
    """The answer when the role or the scope does not allow it."""
    return ZendeskRefusal(403, {"error": {"title": "Forbidden", "message": message}})


def invalid(**details: str) -> ZendeskRefusal:
    """The 422 answer; `details` maps a field to what is wrong with it (`base`: the record as a whole)."""
    return ZendeskRefusal(
        422,
        {
            "error": "RecordInvalid",
            "description": "Record validation errors",
            "details": {key: [{"description": text, "error": "InvalidValue"}] for key, text in details.items()},
        },
    )


def closed_refusal() -> ZendeskRefusal:
    """The 422 answer to any change of a closed ticket."""
    return ZendeskRefusal(
        422,
        {
            "error": "RecordInvalid",
            "description": "Record validation errors",
            "details": {"status": [{"description": "closed prevents ticket update"}]},
        },
    )


def bad_attribute(message: str) -> ZendeskRefusal:
    """The 400 answer to a value of the wrong kind."""
    return ZendeskRefusal(400, {"error": {"title": "Invalid attribute", "message": message}})


def iso(epoch: int | None) -> str | None:
    """`2026-11-20T08:05:10Z`; None stays None."""
    if epoch is None:
        return None
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso(text: str) -> int:
    """Whole epoch seconds of an ISO time; `ValueError` when it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


def web_via() -> dict[str, Any]:
    """How a person in the agent workspace comes in."""
    return {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}}


def api_via() -> dict[str, Any]:
    """How a program comes in."""
    return {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}


def rule_via(rule_id: int, title: str, rel: str) -> dict[str, Any]:
    """How a trigger (`rel` trigger) or an automation (`rel` automation) comes in."""
    return {"channel": "rule", "source": {"from": {"id": rule_id, "title": title}, "to": {}, "rel": rel}}


@dataclass
class User:
    """A person or a robot. `role`: end-user, agent, admin."""

    id: int
    name: str
    email: str
    role: str
    created: int
    updated: int
    time_zone: str = "UTC"
    locale: str = "en-US"
    organization_id: int | None = None
    default_group_id: int | None = None
    group_ids: list[int] = field(default_factory=list)
    only_private_comments: bool = False
    custom_role_id: int | None = None
    suspended: bool = False
    active: bool = True
    tags: list[str] = field(default_factory=list)
    user_fields: dict[str, Any] = field(default_factory=dict)
    external_id: str | None = None

    @property
    def is_agent(self) -> bool:
        """Whether this is somebody of the support team (agents and admins)."""
        return self.role in {"agent", "admin"}


@dataclass
class Organization:
    """A customer's company."""

    id: int
    name: str
    created: int
    updated: int
    fields: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    domain_names: list[str] = field(default_factory=list)
    external_id: str | None = None
    deleted: bool = False


@dataclass
class Group:
    """A team of agents."""

    id: int
    name: str
    created: int
    updated: int


@dataclass
class TicketField:
    """A custom ticket field. `type`: text, textarea, integer, decimal, date, checkbox, tagger, multiselect."""

    id: int
    title: str
    type: str
    created: int
    updated: int
    visible_in_portal: bool = False
    editable_in_portal: bool = False
    required: bool = False
    active: bool = True
    regexp: str | None = None
    #: (name, value) of each choice of a tagger or multiselect.
    options: list[tuple[str, str]] = field(default_factory=list)
    tag: str | None = None


@dataclass
class CustomStatus:
    """A status of the account's own, within a category."""

    id: int
    category: str
    agent_label: str
    end_user_label: str
    created: int
    updated: int
    default: bool = False
    active: bool = True


@dataclass
class Trigger:
    """A business rule that sets the status when a ticket changes to `on_status`. See `zendesk_rules`."""

    id: int
    name: str
    on_status: str
    set_status: str
    later: bool = False
    delay_seconds: float = 0.0
    only_actor: int | None = None
    times: int = -1


@dataclass
class OAuthClient:
    """A confidential OAuth client; its tokens act as `user_id`."""

    id: int
    identifier: str
    secret: str
    user_id: int
    scopes: tuple[str, ...]
    revoked: bool = False


@dataclass
class AccessToken:
    """A bearer token. `expires`: epoch seconds with fractions."""

    token: str
    client_id: int
    user_id: int
    scopes: tuple[str, ...]
    expires: float


@dataclass
class Upload:
    """Files that wait for a comment."""

    token: str
    expires: float
    attachments: list[Attachment] = field(default_factory=list)
    used: bool = False


@dataclass
class Attachment:
    """A file."""

    id: int
    token: str
    file_name: str
    content_type: str
    content: bytes = field(repr=False)
    deleted: bool = False


@dataclass
class Comment:
    """A comment and where its audit is."""

    id: int
    audit_id: int
    author_id: int
    body: str
    html_body: str
    public: bool
    created: int
    via: dict[str, Any]
    attachments: list[Attachment] = field(default_factory=list)


@dataclass
class Audit:
    """One update of a ticket. `events` are in the shape of the API, without addresses; a comment's event is only
    `{"id", "type": "Comment"}` and is filled from the ticket's comment when shown."""

    id: int
    ticket_id: int
    author_id: int
    created: int
    via: dict[str, Any]
    events: list[dict[str, Any]]
    custom: dict[str, Any]
    client: str


@dataclass
class Ticket:
    """A ticket. `fields` holds only custom fields that have a value."""

    id: int
    subject: str
    description: str
    status: str
    custom_status_id: int
    requester_id: int
    submitter_id: int
    created: int
    updated: int
    generated: int
    via: dict[str, Any]
    first_public: bool
    priority: str | None = None
    type: str | None = None
    assignee_id: int | None = None
    group_id: int | None = None
    organization_id: int | None = None
    external_id: str | None = None
    problem_id: int | None = None
    due_at: int | None = None
    collaborator_ids: list[int] = field(default_factory=list)
    follower_ids: list[int] = field(default_factory=list)
    email_cc_ids: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    fields: dict[int, Any] = field(default_factory=dict)
    satisfaction: dict[str, Any] | None = None
    followup_ids: list[int] = field(default_factory=list)
    followup_source_id: int | None = None
    deleted_at: int | None = None
    deleted_by: int | None = None
    solved_at: int | None = None
    reopens: int = 0
    comments: list[Comment] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    #: The rendered ticket, kept until something changes: (key, view).
    view: tuple[Any, dict[str, Any]] | None = field(default=None, repr=False, compare=False)

    @property
    def is_public(self) -> bool:
        """Whether any comment is public."""
        return any(comment.public for comment in self.comments)

    @property
    def deleted(self) -> bool:
        """Whether it lies in the bin."""
        return self.deleted_at is not None


@dataclass
class JiraLink:
    """A row of the official app's link table."""

    id: int
    ticket_id: str
    issue_id: str
    issue_key: str
    created: int
    updated: int
    #: External id of the "V2" integration whose table it is in; empty: the app's own.
    integration: str = ""


@dataclass
class Job:
    """A background job. It does its work when it falls `due`."""

    id: str
    kind: str
    total: int
    queued: int
    due: float
    status: str = "queued"
    message: str | None = None
    results: list[dict[str, Any]] | None = None
    progress: int | None = None
