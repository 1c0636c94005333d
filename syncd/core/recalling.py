"""Copies on a ticket that the store does not know: an old backup was put back, or the store was lost and rebuilt. Pure.

A copy of a comment that is still to be carried is found by its mark when it is carried again. Nothing else would ever
tell of the others: their comment was deleted or restricted meanwhile, or is from before the link as it was found again.
They are known by their marks, which nobody else can have made for this comment and this ticket.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from syncd.core.comment_actions import CommentToTicket
from syncd.core.comment_model import BugTalkPage, CommentPolicy, TicketComment, TicketTalkPage, Twin, TwinState
from syncd.core.comment_sentences import digest_of, is_from_before, version_of
from syncd.core.comment_visibility import goes_to_ticket
from syncd.core.model import ActorKind, IssueSnapshot, Link, Visibility
from syncd.core.ports import BugComment
from syncd.core.richtext import Anchor, Paragraph
from syncd.core.richtext_html import parse_html
from syncd.core.subjects import issue_subject, marker, ticket_subject

_COMMENT: Final = re.compile(r"/browse/(?P<key>[^/?#]+)\?focusedCommentId=(?P<id>\d+)$")


def comment_named(html: str) -> tuple[str, str] | None:
    """The key and the comment's id that the first line of a copy names; None when it names none."""
    first = next(iter(parse_html(html)), None)
    if not isinstance(first, Paragraph):
        return None
    anchor = next((inline for inline in first.inlines if isinstance(inline, Anchor)), None)
    found = _COMMENT.search(anchor.href) if anchor is not None else None
    return (found["key"], found["id"]) if found is not None else None


def strays(talk: TicketTalkPage, issue: IssueSnapshot, twins: Mapping[str, Twin]) -> tuple[TicketComment, ...]:
    """Notes of ours that may be copies of this bug's comments and are not among `twins`, those of the ticket by source
    id; oldest first. A public copy does not say where it is from."""
    known = {number for twin in twins.values() for number in (twin.twin_id or "").split(",")}
    marks = {twin.marker for twin in twins.values()}
    found = []
    for note in talk.comments:
        if note.author.kind is not ActorKind.SELF or note.marker is None or note.marker in marks:
            continue
        if str(note.id) in known:
            continue
        named = comment_named(note.html)
        is_unknown = note.public is not False if named is None else named[0] == issue.key and named[1] not in twins
        if is_unknown:
            found.append(note)
    return tuple(sorted(found, key=lambda note: (note.at, note.id)))


def recalled(
    link: Link,
    issue: IssueSnapshot,
    notes: Iterable[TicketComment],
    page: BugTalkPage,
    twins: Mapping[str, Twin],
    policy: CommentPolicy,
    now: datetime,
) -> Iterator[Twin]:
    """What the store has to know of the strays. A comment that will be carried finds its copy by itself."""
    subject = ticket_subject(link.ticket_id)
    comments = {comment.id: comment for comment in page.comments}
    by_mark = {_mark(subject, number): number for number in comments if number not in twins}
    of: dict[str, list[TicketComment]] = {}
    for note in notes:
        named = comment_named(note.html)
        number = named[1] if named is not None else by_mark.get(note.marker or "")
        if number is not None:
            of.setdefault(number, []).append(note)
    for number, copies in of.items():
        mark, comment = _mark(subject, number), comments.get(number)
        if all(note.marker != mark for note in copies):
            continue
        if comment is not None and _will_be_carried(link, comment, policy):
            continue
        public = any(note.public is not False for note in copies)
        yield Twin(
            side="jira",
            source_id=number,
            target=subject,
            origin=issue_subject(issue.id),
            source_at=comment.created if comment is not None else copies[0].at,
            version=version_of(comment) if comment is not None else 0,
            digest=digest_of(comment.body) if comment is not None else "",
            twin_id=",".join(str(note.id) for note in copies),
            marker=mark,
            visibility=Visibility.CUSTOMER if public else Visibility.INTERNAL,
            state=TwinState.CARRIED,
            at=now,
        )


def _will_be_carried(link: Link, comment: BugComment, policy: CommentPolicy) -> bool:
    return goes_to_ticket(comment, policy) is not None and not is_from_before(link, policy, "jira", comment.created)


def _mark(subject: str, number: str) -> str:
    """What carrying this comment to this ticket leaves there."""
    return marker(CommentToTicket.kind, subject, f"jira:{number}")
