"""The records from which it is decided what becomes of a comment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from syncd.core.model import Actor, TicketSnapshot, Visibility
from syncd.core.ports import BugComment, TicketWritten

Side = Literal["zendesk", "jira"]
Looked = Literal["zendesk", "jira", "files"]
"""What of a link was looked at: the comments of a side, or the files of its bug."""

FILE_TYPES = (
    *("png", "jpg", "jpeg", "gif", "webp", "bmp", "mp4", "webm", "mov"),
    *("txt", "log", "csv", "json", "xml", "yaml", "yml", "md", "diff", "patch", "har", "dmp"),
    *("pdf", "docx", "xlsx", "pptx", "zip", "gz", "tgz", "tar", "7z"),
)
"""Endings of files that are carried unless the route says otherwise: nothing that a browser runs."""


@dataclass(frozen=True, slots=True)
class CommentFile:
    """A file as a tracker describes it."""

    id: str
    name: str
    url: str
    size: int  # bytes, as the server says: a hint
    author: Actor | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file to carry: where it is, and what it is called on the other side."""

    id: str
    name: str  # as it was
    save_as: str  # harmless, and the same whenever it is carried again
    url: str
    size: int


@dataclass(frozen=True, slots=True)
class TicketComment:
    """A comment of a ticket. `public` None: the server did not say."""

    id: int
    author: Actor
    html: str
    at: datetime
    public: bool | None = None
    files: tuple[CommentFile, ...] = ()
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class TicketTalkPage:
    """The newest comments of a ticket, newest first; `whole`: there are no others."""

    comments: tuple[TicketComment, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class BugTalkPage:
    """The newest comments of an issue, newest first, and the issue's files."""

    comments: tuple[BugComment, ...]
    whole: bool
    files: tuple[CommentFile, ...] = ()


class TwinState(StrEnum):
    CARRIED = "carried"
    PLACEHOLDER = "placeholder"  # refused for good: a line says so in its place
    WITHDRAWN = "withdrawn"  # the source was deleted or may no longer be read; our copy is gone


@dataclass(frozen=True, slots=True)
class Twin:
    """What became of a comment on one ticket or issue of the other side. No text is kept, only its digest."""

    side: Side  # where the source is
    source_id: str
    target: str  # subject of the copy
    origin: str  # subject of the source
    source_at: datetime
    version: int  # of the source when it was carried last: epoch milliseconds of its change
    digest: str
    twin_id: str | None
    marker: str
    visibility: Visibility
    state: TwinState
    at: datetime


@dataclass(frozen=True, slots=True)
class Raising:
    """Which comments on a bug are for the customer: those that begin with the prefix, by one of these people."""

    prefix: str
    roles: tuple[str, ...] = ()  # of the project in Jira
    groups: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()  # account ids on Cloud, user names on Data Center


@dataclass(frozen=True, slots=True)
class CommentPolicy:
    """What a route carries."""

    to_ticket: Literal["internal", "none"] = "internal"
    to_bug: Literal["none", "tagged", "internal", "all"] = "tagged"
    tag: str = "#bug"  # how an agent's comment begins that is meant for the developers
    restricted: bool = False  # carry comments that Jira shows to one role or group only
    history: Literal["none", "all"] = "none"  # comments from before the link
    file_types: tuple[str, ...] = FILE_TYPES
    file_bytes: int = 10 * 1024 * 1024
    files_bytes: int = 50 * 1024 * 1024  # of one ticket or issue in all
    raising: Raising | None = None  # None: nothing ever reaches a customer
    loose_files: bool = True  # to the ticket: files of the bug that no comment names
    all_files_to_bug: bool = False  # also files of comments that stay on the ticket


@dataclass(frozen=True, slots=True)
class Grant:
    """A recorded permission for one public comment: this text, on this ticket, under this mark."""

    marker: str
    ticket_id: int
    digest: str  # SHA-256 of the text as it is sent
    comment_id: str  # in Jira
    author_id: str  # who said it there
    at: datetime


@dataclass(frozen=True, slots=True)
class Carried:
    """Files that an earlier comment brought to a ticket or issue."""

    bytes: int = 0
    names: Mapping[str, str] = field(default_factory=dict)  # digest of the content -> as what it was saved


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A file on one side and where it came from on the other."""

    target: str  # subject of the copy; with ":public" where customers can open it
    origin: str  # subject of the source
    comment_id: str  # of the source in Zendesk; empty in Jira, where files belong to the issue
    file_id: str
    name: str  # as what it was saved
    digest: str  # of the content; begins with "name:" where only the name is known
    at: datetime


class TicketTalk(Protocol):
    """Zendesk, as far as comments and files go. Raises the errors of sources/errors.py."""

    def comments(self, ticket_id: int, since: datetime | None) -> TicketTalkPage:
        """The newest comments, at least back to `since` (None: the newest page)."""

    def comment(self, ticket_id: int, comment_id: int) -> TicketComment | None:
        """One comment as it is now; None when the ticket does not have it."""

    def read(self, ticket_id: int) -> TicketSnapshot:
        """The ticket as it is now."""

    def say(self, ticket_id: int, html: str, uploads: Sequence[str], *, stamp: datetime, marker: str) -> TicketWritten:
        """A public comment, as write() in every other respect. Without a recorded grant it never leaves."""

    def redact(self, ticket_id: int, comment_id: int, text: str) -> None:
        """Blacks a text out in a comment, for ever."""

    def redact_file(self, ticket_id: int, comment_id: int, file_id: str) -> bool:
        """Takes a file off a comment, for ever; one that is not there is done. False where Zendesk does not do it."""

    def upload(self, name: str, content: bytes) -> str:
        """A file for a comment to come; answers its token."""

    def fetch(self, url: str, limit: int) -> bytes:
        """A file of a comment; raises RefusedError for another host and for more than `limit` bytes."""


class BugTalk(Protocol):
    """Jira, as far as comments and files go. Raises the errors of sources/errors.py."""

    def comments(self, issue_id: str, since: datetime | None) -> BugTalkPage:
        """The newest comments, at least back to `since` (None: the newest page)."""

    def comment(self, issue_id: str, comment_id: str) -> BugComment | None:
        """One comment as it is now; None when the issue does not show it."""

    def is_internal(self, comment_id: str) -> bool:
        """Whether the stored comment carries the mark that hides it from the portal; False when it does not say."""

    def is_open(self, comment_id: str) -> bool:
        """Whether the stored comment carries no mark that hides it; one that cannot be read counts as such a mark."""

    def speakers(self, project_key: str, raising: Raising) -> frozenset[str]:
        """The accounts that may speak to customers. RefusedError or NotFoundError: their list cannot be read."""

    def edit(self, issue_id: str, comment_id: str, body: str) -> None:
        """Replaces the text of a comment of ours."""

    def delete(self, issue_id: str, comment_id: str) -> None:
        """Removes a comment of ours; one that is not there is done."""

    def files(self, issue_id: str) -> Sequence[CommentFile]:
        """The issue's attachments."""

    def attach(self, issue_id: str, name: str, content: bytes) -> None:
        """Adds a file to the issue."""

    def detach(self, issue_id: str, file_id: str) -> None:
        """Deletes a file of ours, for ever; one that is not there is done."""

    def fetch(self, url: str, limit: int) -> bytes:
        """A file of the issue; raises RefusedError for another host and for more than `limit` bytes."""
