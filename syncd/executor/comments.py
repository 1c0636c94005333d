"""Performing and verifying what becomes of comments: notes on tickets, comments on bugs, and taking them back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from syncd.core.actions import RemoteAction
from syncd.core.comment_actions import (
    ChangeBugComment,
    CommentToBug,
    CommentToTicket,
    RemoveBugFile,
    WithdrawFile,
    WithdrawNote,
)
from syncd.core.comment_model import BugTalk, Looked, TicketTalk
from syncd.core.model import Visibility
from syncd.core.ports import IssueSource, TicketSource
from syncd.executor.bug_comments import BugCommenter
from syncd.executor.gone_files import FileRemover
from syncd.executor.notes import NoteWriter
from syncd.executor.outcome import Done, Later, Outcome, Superseded
from syncd.executor.raising import Policies, Raiser
from syncd.store import Intent, Store, Tx


class CommentPerformer:
    """A Performer for the actions of syncd.core.comment_actions."""

    actions: tuple[type[RemoteAction], ...] = (
        *(CommentToTicket, WithdrawNote, WithdrawFile),
        *(CommentToBug, ChangeBugComment, RemoveBugFile),
    )

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        jira: IssueSource,
        desk: TicketTalk,
        tracker: BugTalk,
        policies: Policies,
    ) -> None:
        """`policies` are the routes' by name, as they are configured now."""
        self._notes = NoteWriter(store, zendesk, jira, desk, tracker, Raiser(store, tracker, policies))
        self._bugs = BugCommenter(store, jira, desk, tracker)
        self._files = FileRemover(store, zendesk, jira, desk, tracker)

    def perform(self, intent: Intent, now: datetime, before_send: Callable[[], None]) -> Outcome:
        """See Performer."""
        match intent.action:
            case CommentToTicket() as action:
                return _looked_at_again(self._notes.write(action, intent.id, now, before_send), action, "jira")
            case WithdrawNote() as action:
                return self._notes.withdraw(action, before_send)
            case CommentToBug() as action:
                return _looked_at_again(self._bugs.write(action, intent.id, now, before_send), action, "zendesk")
            case ChangeBugComment() as action:
                return self._bugs.change(action, before_send)
            case WithdrawFile() as action:
                return self._files.withdraw(action, before_send)
            case RemoveBugFile() as action:
                return self._files.remove(action, before_send)
            case other:
                raise TypeError(f"{other.kind} is no action of comments")

    def verify(self, intent: Intent, now: datetime) -> Outcome:
        """See Performer. What is idempotent is done again."""
        match intent.action:
            case CommentToTicket() as action:
                return _looked_at_again(self._notes.find(action, intent.id, now), action, "jira")
            case CommentToBug() as action:
                return _looked_at_again(self._bugs.find(action, intent.id, now), action, "zendesk")
            case _:
                return Later(0.0, "it is looked at again")

    def describe(self, action: RemoteAction) -> str:
        """See Performer."""
        return describe_comment(action)

    def matters(self, action: object) -> bool:  # noqa: ARG002 - the protocol's signature
        """A refused comment is said in the log; it keeps no status waiting."""
        return False


def _looked_at_again(outcome: Outcome, action: CommentToTicket | CommentToBug, side: Looked) -> Outcome:
    """A copy that is there now may be of words that were taken back, hidden or changed while it waited: the plan that
    saw that had no copy to change yet, so the source counts as not looked at. So it does, as far back as it goes, when
    a copy was dropped: it is owed again should a bug be seen again or a ticket come back."""
    if isinstance(outcome, Superseded):
        return replace(outcome, keep=lambda tx, _: _owed_again(tx, action, side))
    if not isinstance(outcome, Done):
        return outcome
    keep = outcome.keep

    def keep_and_forget(tx: Tx, at: datetime) -> None:
        if keep is not None:
            keep(tx, at)
        for (link_id, of), version in tx.comments_seen(action.link_ids).items():
            if of == side:
                tx.saw_comments(link_id, side, version - 1)

    return replace(outcome, keep=keep_and_forget)


def _owed_again(tx: Tx, action: CommentToTicket | CommentToBug, side: Looked) -> None:
    tx.look_again(action.link_ids, side)
    if side != "jira" or not action.loose:
        return
    before = min((int(file.id) for file in action.files if file.id.isdigit()), default=1) - 1
    for (link_id, of), newest in tx.comments_seen(action.link_ids).items():
        if of == "files" and newest > before:
            tx.saw_comments(link_id, "files", before)


def describe_comment(action: RemoteAction) -> str:
    """What an action of comments does, for sentences; the others by their kind."""
    match action:
        case CommentToTicket(visibility=Visibility.CUSTOMER):
            return f"tell the customer of ticket #{action.ticket_id} what was written for them on {action.issue_key}"
        case CommentToTicket(loose=True):
            return f"carry files of {action.issue_key} to ticket #{action.ticket_id}"
        case CommentToTicket():
            return f"carry a comment on {action.issue_key} to ticket #{action.ticket_id}"
        case WithdrawNote(keeps_text=True):
            return f"make a comment on ticket #{action.ticket_id} private"
        case WithdrawNote():
            return f"take a comment back from ticket #{action.ticket_id}"
        case CommentToBug(loose=True):
            return f"carry files of ticket #{action.ticket_id} to {action.issue_key}"
        case CommentToBug():
            return f"carry a comment on ticket #{action.ticket_id} to {action.issue_key}"
        case ChangeBugComment():
            return f"change a comment on {action.issue_key}"
        case WithdrawFile():
            return f"take {action.copy.name} off ticket #{action.ticket_id}"
        case RemoveBugFile():
            return f"delete {action.copy.name} on {action.issue_key}"
        case _:
            return action.kind.replace("_", " ")
