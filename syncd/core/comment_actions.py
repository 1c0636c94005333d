"""What a plan may ask for where comments are concerned; they are among the actions of syncd.core.actions.

That module imports this one, so the subjects are spelt out here as it spells them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from syncd.core.comment_model import FileCopy, FileRef, Looked, Twin
from syncd.core.model import Visibility
from syncd.core.subjects import OnBug, OnTicket

COMMENT_URGENCY = 2
"""Of every comment, whatever its ticket's priority: so that they stay in order."""


@dataclass(frozen=True, slots=True)
class SawComments:
    """The comments of one side of a link were looked at as of this version: epoch ms of an issue, s of a ticket; of
    files the newest id."""

    link_id: int
    side: Looked
    version: int


@dataclass(frozen=True, slots=True)
class RecallTwin:
    """A copy that the store does not know was found on the ticket; it is remembered, unless it is known by now."""

    link_id: int
    twin: Twin


@dataclass(frozen=True, slots=True)
class CommentToTicket(OnTicket):
    """A bug's comment as an internal note on a ticket, or what its author meant for the customer as a public comment;
    the note that says how it was edited; or files that no comment names."""

    kind: ClassVar[str] = "comment_to_ticket"
    ticket_id: int
    source: str
    reason: str
    issue_id: str
    issue_key: str
    comment_id: str
    said_at: datetime
    version: int
    digest: str
    html: str
    placeholder: str  # HTML, when Zendesk refuses the text for good
    visibility: Visibility
    public_html: str = ""  # what the customer reads, when the visibility is CUSTOMER; `html` when that turns out wrong
    edited: bool = False
    loose: bool = False  # files that no comment names
    overflow: str = ""  # the whole text, for a file, when it is too long for a note
    overflow_name: str = ""
    files: tuple[FileRef, ...] = ()
    file_bytes: int = 0
    files_bytes: int = 0
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """Edits that follow each other before the first was told are told once."""
        return f"edit:{self.comment_id}" if self.edited else ""


@dataclass(frozen=True, slots=True)
class WithdrawNote(OnTicket):
    """Our copy of a comment that is gone, or is no longer for everybody, is blacked out; a public copy is made private
    first, and that alone when agents may go on reading it."""

    kind: ClassVar[str] = "withdraw_note"
    ticket_id: int
    source: str
    reason: str
    issue_id: str
    comment_id: str  # in Jira
    note_id: str  # in Zendesk; empty: found by the marker
    note_marker: str
    deleted: bool  # looked at again before anything is blacked out
    hides: bool = False  # the copy is public
    keeps_text: bool = False
    link_ids: tuple[int, ...] = ()
    route: str = ""


@dataclass(frozen=True, slots=True)
class CommentToBug(OnBug):
    """A ticket's comment on a bug, hidden from the portal, with its author's name and a link to it."""

    kind: ClassVar[str] = "comment_to_bug"
    issue_id: str
    issue_key: str
    source: str
    reason: str
    ticket_id: int
    comment_id: str
    said_at: datetime
    digest: str
    body: str  # wiki markup
    placeholder: str  # wiki markup
    visibility: Visibility
    loose: bool = False  # only the files of a comment that itself stays where it is
    overflow: str = ""
    overflow_name: str = ""
    files: tuple[FileRef, ...] = ()
    file_bytes: int = 0
    files_bytes: int = 0
    link_ids: tuple[int, ...] = ()
    route: str = ""


@dataclass(frozen=True, slots=True)
class ChangeBugComment(OnBug):
    """Our copy on the bug takes the text that its source has by now."""

    kind: ClassVar[str] = "change_bug_comment"
    issue_id: str
    issue_key: str
    source: str
    reason: str
    ticket_id: int
    comment_id: str
    twin_id: str
    digest: str
    body: str
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """A newer text takes the place of one that was not written yet."""
        return f"change:{self.twin_id}"


@dataclass(frozen=True, slots=True)
class WithdrawFile(OnTicket):
    """Our copy of a file that was deleted in Jira is taken off the ticket, for ever."""

    kind: ClassVar[str] = "withdraw_file"
    ticket_id: int
    source: str
    reason: str
    issue_id: str
    issue_key: str
    file_id: str  # in Jira; looked for again before anything is taken off
    copy: FileCopy
    link_ids: tuple[int, ...] = ()
    route: str = ""


@dataclass(frozen=True, slots=True)
class RemoveBugFile(OnBug):
    """Our copy of a file that was taken off a comment in Zendesk is deleted on the bug, for ever."""

    kind: ClassVar[str] = "remove_bug_file"
    issue_id: str
    issue_key: str
    source: str
    reason: str
    ticket_id: int
    comment_id: int
    file_id: str  # in Zendesk; looked for again before anything is deleted
    copy: FileCopy
    link_ids: tuple[int, ...] = ()
    route: str = ""


CommentAction = CommentToTicket | WithdrawNote | WithdrawFile | CommentToBug | ChangeBugComment | RemoveBugFile
