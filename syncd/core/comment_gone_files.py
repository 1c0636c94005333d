"""Files that were taken away on the side where they came from: their copies follow. Pure.

What its author took away must not stay readable on the other side. Taking it off there cannot be undone, so whoever
carries this out looks for the source once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from syncd.core.comment_actions import RemoveBugFile, WithdrawFile
from syncd.core.comment_model import FileCopy, TicketComment, TicketTalkPage
from syncd.core.model import IssueSnapshot, Link, TicketSnapshot

ATTACHMENTS = "attachment"
"""Jira's field with an issue's files, of which a snapshot keeps the ids. Where it is not shown, nothing is known."""

REDACTED = "redacted.txt"
"""What Zendesk leaves in the place of a file that was taken off a comment."""


def gone_in_jira(
    link: Link, ticket: TicketSnapshot, issue: IssueSnapshot, present: AbstractSet[str], copies: Iterable[FileCopy]
) -> tuple[WithdrawFile, ...]:
    """The copies on this ticket of files that the issue has no more. `present`: the ids of those that it has."""
    if ticket.is_gone or ticket.state.is_final or not issue.visible:
        return ()
    here = (f"ticket:{ticket.id}", f"ticket:{ticket.id}:public")
    return tuple(
        WithdrawFile(
            ticket_id=ticket.id,
            source=f"jira:file:{copy.file_id}:{copy.target}",
            reason=f"a file was deleted on {issue.key}",
            issue_id=issue.id,
            issue_key=issue.key,
            file_id=copy.file_id,
            copy=copy,
            link_ids=(link.id,),
            route=link.route,
        )
        for copy in copies
        if copy.origin == f"issue:{issue.id}" and copy.target in here and copy.file_id not in present
    )


def gone_in_zendesk(
    link: Link, ticket: TicketSnapshot, issue: IssueSnapshot, page: TicketTalkPage, copies: Iterable[FileCopy]
) -> tuple[RemoveBugFile, ...]:
    """The copies on this bug of files that were taken off the comments on the page."""
    if ticket.is_gone or not issue.visible:
        return ()
    comments = {str(comment.id): comment for comment in page.comments}
    return tuple(
        RemoveBugFile(
            issue_id=issue.id,
            issue_key=issue.key,
            source=f"zendesk:file:{copy.comment_id}:{copy.file_id}",
            reason=f"a file was taken off a comment of ticket #{ticket.id}",
            ticket_id=ticket.id,
            comment_id=int(copy.comment_id),
            file_id=copy.file_id,
            copy=copy,
            link_ids=(link.id,),
            route=link.route,
        )
        for copy in copies
        if copy.origin == f"ticket:{ticket.id}"
        and copy.target == f"issue:{issue.id}"
        and copy.comment_id in comments
        and not still_has(comments[copy.comment_id], copy)
    )


def still_has(comment: TicketComment, copy: FileCopy) -> bool:
    """The file is on the comment, and not only what Zendesk leaves in its place."""
    was_called_so = copy.name.startswith(REDACTED.partition(".")[0])
    return any(file.id == copy.file_id and (file.name != REDACTED or was_called_so) for file in comment.files)
