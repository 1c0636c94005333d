"""The records of the pretend Jira: what an issue, a comment or a user is made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

Deployment = Literal["cloud", "data_center"]

#: Category key -> (id, English name, colour). Ids are numbers, as in Jira.
CATEGORIES: Final[dict[str, tuple[int, str, str]]] = {
    "undefined": (1, "No Category", "medium-gray"),
    "new": (2, "To Do", "blue-gray"),
    "done": (3, "Done", "green"),
    "indeterminate": (4, "In Progress", "yellow"),
}

PERMISSIONS: Final = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "ASSIGN_ISSUES",
    "ASSIGNABLE_USER",
    "TRANSITION_ISSUES",
    "RESOLVE_ISSUES",
    "CLOSE_ISSUES",
    "MOVE_ISSUES",
    "DELETE_ISSUES",
    "LINK_ISSUES",
    "MODIFY_REPORTER",
    "ADD_COMMENTS",
    "EDIT_OWN_COMMENTS",
    "EDIT_ALL_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "DELETE_ALL_COMMENTS",
    "CREATE_ATTACHMENTS",
    "DELETE_OWN_ATTACHMENTS",
    "ADMINISTER_PROJECTS",
    "ADMINISTER",
)
#: What an account has only as an administrator.
ADMIN_ONLY: Final = frozenset(
    {
        "DELETE_ISSUES",
        "MODIFY_REPORTER",
        "EDIT_ALL_COMMENTS",
        "DELETE_ALL_COMMENTS",
        "ADMINISTER_PROJECTS",
        "ADMINISTER",
    }
)


@dataclass(slots=True)
class User:
    """An account. `id` is the account id on Cloud, the user name on Data Center."""

    id: str
    key: str
    display_name: str
    email: str
    admin: bool = False
    time_zone: str = "UTC"
    account_type: str = "atlassian"
    active: bool = True
    locale: str = "en_US"


@dataclass(slots=True)
class Status:
    """A status; its id stays when it is renamed."""

    id: str
    name: str
    category: str
    description: str = ""


@dataclass(slots=True, frozen=True)
class Named:
    """A priority, resolution or issue type."""

    id: str
    name: str
    description: str = ""
    subtask: bool = False


@dataclass(slots=True)
class Version:
    """A version of a project; `release_date` is `YYYY-MM-DD`."""

    id: str
    project_id: int
    name: str
    released: bool = False
    release_date: str | None = None
    archived: bool = False


@dataclass(slots=True, frozen=True)
class Component:
    """A component of a project."""

    id: str
    project_id: int
    name: str


MULTIPLE = ("multiselect", "multicheckboxes")
"""Kinds of custom fields that hold several options."""


@dataclass(slots=True, frozen=True)
class CustomField:
    """A custom field. `kind`: text, textarea, select, multiselect, multicheckboxes, number, date, userpicker."""

    id: str
    name: str
    kind: str
    options: tuple[tuple[str, str], ...] = ()
    clause_names: tuple[str, ...] = ()


@dataclass(slots=True)
class ChangeItem:
    """One line of a changelog entry."""

    field: str
    field_id: str | None
    old: str | None
    old_text: str | None
    new: str | None
    new_text: str | None
    fieldtype: str = "jira"


@dataclass(slots=True)
class Change:
    """One changelog entry; `created` in epoch milliseconds."""

    id: int
    author: str
    created: int
    items: list[ChangeItem]
    metadata: dict[str, Any] | None = None


@dataclass(slots=True)
class Comment:
    """A comment; times in epoch milliseconds, body in wiki markup."""

    id: int
    author: str
    update_author: str
    body: str
    created: int
    updated: int
    visibility: dict[str, Any] | None = None
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def internal(self) -> bool:
        """Whether the service desk's marker makes it internal."""
        mark = self.properties.get("sd.public.comment")
        return isinstance(mark, dict) and mark.get("internal") in (True, "true")


@dataclass(slots=True)
class Attachment:
    """A file on an issue."""

    id: int
    filename: str
    author: str
    created: int
    mime_type: str
    content: bytes


@dataclass(slots=True)
class RemoteLink:
    """A link to something outside of Jira; `data` holds globalId, application, relationship and object."""

    id: int
    data: dict[str, Any]


@dataclass(slots=True, frozen=True)
class LinkType:
    """`outward` reads from the inward issue to the outward one: A "duplicates" B."""

    id: str
    name: str
    inward: str
    outward: str


@dataclass(slots=True)
class IssueLink:
    """A link from issue `inward` to issue `outward` (ids)."""

    id: int
    type: LinkType
    inward: int
    outward: int


@dataclass(slots=True)
class Issue:
    """An issue; times in epoch milliseconds, references by id."""

    id: int
    number: int
    project: str
    type_id: str
    status_id: str
    summary: str
    creator: str
    created: int
    updated: int
    category_changed: int
    description: str | None = None
    environment: str | None = None
    resolution_id: str | None = None
    resolved: int | None = None
    priority_id: str | None = None
    assignee: str | None = None
    reporter: str | None = None
    due: str | None = None
    parent: int | None = None
    labels: list[str] = field(default_factory=list)
    fix_versions: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    remote_links: list[RemoteLink] = field(default_factory=list)
    links: list[IssueLink] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`PROJECT-number`; changes when the issue is moved."""
        return f"{self.project}-{self.number}"

    def frozen_copy(self) -> Issue:
        """What an index keeps: later changes of this issue do not show in it, but for properties (never indexed)."""
        return replace(
            self,
            labels=list(self.labels),
            fix_versions=list(self.fix_versions),
            versions=list(self.versions),
            components=list(self.components),
            custom=dict(self.custom),
            comments=[replace(comment, properties=dict(comment.properties)) for comment in self.comments],
            attachments=list(self.attachments),
            changes=list(self.changes),
            remote_links=list(self.remote_links),
            links=list(self.links),
        )


@dataclass(slots=True)
class Automation:
    """A rule that moves an issue away from a status as soon as somebody else puts it there."""

    name: str
    actor: str
    on_status: str
    to_status: str
    resolution: str | None = None
    fired: int = 0
