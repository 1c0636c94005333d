"""What a write costs in API calls when nothing gets in its way: no conflict, no lost answer, no name asked anew.

A plan is read before a start, so it is the cost soon after one: later a bug is made without a look at the newest keys.
"""

from __future__ import annotations

from collections.abc import Collection

from syncd.core.actions import (
    CommentOnBug,
    CreateBug,
    FollowUp,
    MoveBug,
    RemoteAction,
    RemoveTag,
    SetBugFields,
    SetTicketFields,
    ShowTicketOnBug,
    UpdateTicket,
)
from syncd.core.comment_actions import (
    ChangeBugComment,
    CommentToBug,
    CommentToTicket,
    RemoveBugFile,
    WithdrawFile,
    WithdrawNote,
)
from syncd.core.escalation_actions import EscalateTicket, RaiseBug
from syncd.core.model import Visibility
from syncd.core.succession import RelateBugs
from syncd.core.walk import steps_of
from syncd.rules.escalation import ReadyNote
from syncd.sources.jira_create import GAPS

SHOW, TAKE_TAG, RELATE, COMMENT, NOTE = 1, 3, 3, 3, 3
"""A remote link; a tag (a fresh reading, the DELETE, a reading of what is left); an issue link (a look for one, the
kinds of links, the link); a comment of our own (a look for our mark, the comment, the bug); a status or a note (the
ticket, a look for our mark, the PUT)."""

ANOTHER = 2
"""Of a kind that is not listed: a reading and the write."""


def calls_of(action: RemoteAction, edges: Collection[tuple[str | None, str]] = ()) -> int:
    """The calls of this write alone. `edges`: what is known of the workflow that a walk goes through."""
    match action:
        case UpdateTicket():
            return NOTE if action.status is not None or action.note is not None else NOTE - 1
        case RemoveTag():
            return TAKE_TAG
        case MoveBug():  # for each step the bug, its transitions and the transition; the bug at the end
            return 3 * steps_of(action, edges) + 1
        case CommentOnBug():
            return COMMENT
        case CreateBug():  # two searches (our mark, the newest key), the ticket, the creation, the new bug
            return 5 + GAPS + (1 if action.instead is not None else 0)  # and the bug whose place it takes
        case ShowTicketOnBug():
            return SHOW
        case RelateBugs():
            return RELATE
        case SetBugFields():  # the bug with its changelog, the edit, both again
            return 3
        case SetTicketFields():
            return _ticket_fields(action)
        case EscalateTicket():
            return _escalation(action)
        case RaiseBug():  # the bug with its changelog, the site's order, the edit, the bug
            return 4
        case FollowUp():  # a look for one that is there, the closed ticket, the new one
            return 3
        case CommentToTicket() | WithdrawNote() | CommentToBug() | ChangeBugComment():
            return _comment(action)
        case WithdrawFile():  # the bug, the ticket, its notes, the file, the ticket
            return 5
        case RemoveBugFile():  # the ticket, the comment, the bug's files, the file, the bug
            return 5
        case _:
            return ANOTHER


def calls_with_what_follows(action: RemoteAction, edges: Collection[tuple[str | None, str]] = ()) -> int:
    """For a bug that is made also its remote link, the note on the ticket, its tag, and, where it takes the place of
    another one, the issue link and the comment there."""
    if not isinstance(action, CreateBug):
        return calls_of(action, edges)
    follows = SHOW + NOTE
    if action.instead is not None:
        return calls_of(action) + follows + RELATE + COMMENT + (TAKE_TAG if action.instead.tag else 0)
    return calls_of(action) + follows + (TAKE_TAG if action.by_tag else 0)


def _ticket_fields(action: SetTicketFields) -> int:
    """The ticket before and after, one PUT for all values, and for tags to add and to take off each a call, with a
    reading before it when the ticket was written just now."""
    tags = [names for change in action.changes if change.kind == "tags" for names in (change.add, change.remove)]
    lists = sum(1 for names in tags if names)
    has_values = any(change.kind != "tags" for change in action.changes)
    writes = lists + int(has_values)
    return 2 + writes + max(0, writes - 1)


def _escalation(action: EscalateTicket) -> int:
    """The ticket; for a note the case, and what was said where the note quotes it; the PUT with what a note costs, or
    without one; for tags a reading before and after."""
    quotes = {ReadyNote.FORM, ReadyNote.MISSING} & set(action.ready)
    notes = 1 + bool(quotes) + NOTE if action.notes or action.ready else 0
    values = action.raise_steps or action.raise_to or action.group_id is not None or action.unassign
    bare = NOTE - 1 if values and not notes else 0
    return 1 + notes + bare + (3 if action.tags else 0)


def _comment(action: CommentToTicket | WithdrawNote | CommentToBug | ChangeBugComment) -> int:
    match action:
        case CommentToTicket():  # the ticket, a look for our mark, the PUT; each file is fetched and uploaded
            public = 3 if action.visibility is Visibility.CUSTOMER else 0  # the comment, its mark, who may speak
            return 3 + 2 * len(action.files) + bool(action.overflow) + bool(action.loose) + public
        case CommentToBug():  # a look for our mark, the comment, who may read it, the bug; what is attached already
            listed = 1 if action.files or action.overflow else 0
            return 4 + listed + 2 * len(action.files) + bool(action.overflow)
        case ChangeBugComment():  # the edit, the bug
            return 2
        case WithdrawNote():  # the source, the ticket, the note, at least one text that is blacked out, the ticket
            return 5 if not action.deleted else 6  # and whether the bug itself can be read
