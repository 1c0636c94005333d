"""What the comments and files of a bug ask of its tickets, and what becomes of the copies later. Pure.

Who may read a copy is decided in comment_visibility.py: it is an internal note but for what a developer meant for the
customer on a route that allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from syncd.core.comment_actions import CommentAction, CommentToTicket, WithdrawNote
from syncd.core.comment_files import choose_files
from syncd.core.comment_model import BugTalkPage, CommentFile, CommentPolicy, Twin, TwinState
from syncd.core.comment_sentences import (
    LOOSE,
    asides,
    digest_of,
    heading,
    is_from_before,
    name_of,
    refused,
    told_until,
    too_long,
    version_of,
)
from syncd.core.comment_visibility import begins_with, goes_to_ticket, tagged, why_not_for_customer
from syncd.core.model import Actor, ActorKind, IssueSnapshot, Link, TicketSnapshot, Visibility
from syncd.core.ports import BugComment
from syncd.core.richtext import Document, Paragraph, Text, images, plain
from syncd.core.richtext_html import write_html
from syncd.core.richtext_wiki import parse_wiki

NOTE_BYTES: Final = 60_000
"""Of a note's HTML; Zendesk takes 64 KiB."""


def plan_to_ticket(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    page: BugTalkPage,
    twins: Mapping[str, Twin],
    policy: CommentPolicy,
    *,
    browse_url: str,
    speakers: AbstractSet[str] = frozenset(),
) -> tuple[CommentAction, ...]:
    """What the bug's comments ask of one ticket, oldest comment first. `twins` are this ticket's, by source id;
    `speakers` the accounts whose words may reach the customer."""
    if ticket.is_gone or ticket.state.is_final:
        return ()
    found: list[CommentAction] = []
    notes = _Notes(link, ticket, issue, page.files, policy, browse_url, speakers)
    for comment in sorted(page.comments, key=lambda c: (c.created, len(c.id), c.id)):
        twin = twins.get(comment.id)
        visibility = goes_to_ticket(comment, policy, speakers)
        if visibility is Visibility.CUSTOMER and comment.created <= told_until(link, "jira"):
            visibility = Visibility.INTERNAL  # nobody meant this ticket's customer then
        if twin is None:
            if visibility is not None and not is_from_before(link, policy, "jira", comment.created):
                found.append(notes.carry(comment, visibility))
        elif twin.state is TwinState.CARRIED:
            found += _follow_up(link, ticket, comment, twin, visibility, notes)
    found += _vanished(link, ticket, page, twins.values())
    return tuple(found)


def take_back_recalled(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    page: BugTalkPage,
    twins: Sequence[Twin],
    policy: CommentPolicy,
) -> tuple[WithdrawNote, ...]:
    """What must be done about copies that were recalled just now (recalling.py): what is for one role only, or deleted,
    is taken back, as far back as was read."""
    why = f"the comment on {issue.key} is for one role only by now"
    restricted = {c.id for c in page.comments if c.restricted and goes_to_ticket(c, policy) is None}
    found = [_withdraw(link, ticket, twin, "restricted", why) for twin in twins if twin.source_id in restricted]
    return (*found, *_vanished(link, ticket, page, twins))


def asks_for_customer(page: BugTalkPage, twins: Mapping[str, Twin], policy: CommentPolicy) -> bool:
    """Whether it matters who may speak to customers: some comment that was not carried yet begins with the prefix."""
    if policy.raising is None or policy.to_ticket == "none":
        return False
    prefix = policy.raising.prefix
    return any(c.id not in twins and c.marker is None and begins_with(c, prefix) for c in page.comments)


def plan_loose_files(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    page: BugTalkPage,
    files: Sequence[CommentFile],
    policy: CommentPolicy,
    *,
    browse_url: str,
) -> tuple[CommentAction, ...]:
    """Notes with those of `files` that no comment on the page names, one for each person who attached some."""
    if ticket.is_gone or ticket.state.is_final:
        return ()
    named = {name for comment in page.comments for name in images(parse_wiki(comment.body))}
    by_author: dict[Actor, list[CommentFile]] = {}
    for file in files:
        author = file.author or Actor(ActorKind.UNKNOWN)
        old = file.at is not None and is_from_before(link, policy, "jira", file.at)
        if file.name not in named and not old and author.kind not in (ActorKind.SELF, ActorKind.ROBOT):
            by_author.setdefault(author, []).append(file)
    notes = _Notes(link, ticket, issue, (), policy, browse_url, frozenset())
    return tuple(notes.loose(author, found) for author, found in by_author.items())


def _follow_up(
    link: Link,
    ticket: TicketSnapshot,
    comment: BugComment,
    twin: Twin,
    visibility: Visibility | None,
    notes: _Notes,
) -> Iterator[CommentAction]:
    """A copied comment that changed: hidden since, or edited."""
    public = twin.visibility is Visibility.CUSTOMER
    if comment.restricted and visibility is None:
        why = f"the comment on {notes.issue.key} is for one role only by now"
        yield _withdraw(link, ticket, twin, "restricted", why)
        return
    if public and notes.is_taken_back(comment, twin):
        hidden = _withdraw(link, ticket, twin, "hidden", f"the comment on {notes.issue.key} is internal by now")
        yield replace(hidden, keeps_text=True)
    if visibility is not None and version_of(comment) != twin.version and digest_of(comment.body) != twin.digest:
        yield notes.tell_edit(comment, read_by_customer=public)


def _vanished(link: Link, ticket: TicketSnapshot, page: BugTalkPage, twins: Iterable[Twin]) -> Iterator[WithdrawNote]:
    """Copies whose source is no longer there; only as far back as was read."""
    present = {comment.id for comment in page.comments}
    oldest = min((comment.created for comment in page.comments), default=None)
    for twin in twins:
        if twin.source_id in present or twin.state is not TwinState.CARRIED or twin.source_id.startswith(LOOSE):
            continue
        if page.whole or (oldest is not None and twin.source_at > oldest):
            yield _withdraw(link, ticket, twin, "deleted", "the comment was deleted in Jira")


def take_back_from_customers(page: BugTalkPage, twins: Iterable[Twin]) -> tuple[WithdrawNote, ...]:
    """What must be done about words that customers read and that no living link looks after: all that is internal, for
    one role only, or deleted by now, as far back as was read. Who may speak by now does not matter: what was said was
    said."""
    present = {comment.id: comment for comment in page.comments}
    oldest = min((comment.created for comment in page.comments), default=None)
    found = []
    for twin in twins:
        if twin.visibility is not Visibility.CUSTOMER or twin.state is not TwinState.CARRIED:
            continue
        comment = present.get(twin.source_id)
        if comment is None:
            if page.whole or (oldest is not None and twin.source_at > oldest):
                found.append(_withdrawn(twin, "deleted", "the comment was deleted in Jira"))
        elif comment.restricted:
            found.append(_withdrawn(twin, "restricted", "the comment is for one role only by now"))
        elif comment.internal is True:
            hidden = _withdrawn(twin, "hidden", "the comment is internal in Jira by now")
            found.append(replace(hidden, keeps_text=True))
    return tuple(found)


def _withdraw(link: Link, ticket: TicketSnapshot, twin: Twin, why: str, reason: str) -> WithdrawNote:
    action = replace(_withdrawn(twin, why, reason), ticket_id=ticket.id, issue_id=link.issue_id)
    return replace(action, link_ids=(link.id,), route=link.route)


def _withdrawn(twin: Twin, why: str, reason: str) -> WithdrawNote:
    return WithdrawNote(
        ticket_id=int(twin.target.removeprefix("ticket:")),
        source=f"jira:{twin.source_id}:{why}",
        reason=reason,
        issue_id=twin.origin.removeprefix("issue:"),
        comment_id=twin.source_id,
        note_id=twin.twin_id or "",
        note_marker=twin.marker,
        deleted=why == "deleted",
        hides=twin.visibility is Visibility.CUSTOMER,
    )


@dataclass(frozen=True, slots=True)
class _Notes:
    """Writes the notes of one link."""

    link: Link
    ticket: TicketSnapshot
    issue: IssueSnapshot
    files: Sequence[CommentFile]
    policy: CommentPolicy
    browse_url: str
    speakers: AbstractSet[str]

    def is_taken_back(self, comment: BugComment, twin: Twin) -> bool:
        """The author means for the customer no more what the customer reads. Who may speak does not matter here, nor
        does another prefix of the route: what was said was said."""
        raising = self.policy.raising
        edited = version_of(comment) != twin.version
        gone = raising is not None and edited and not begins_with(comment, raising.prefix)
        return comment.restricted or comment.internal is True or gone

    def carry(self, comment: BugComment, visibility: Visibility) -> CommentToTicket:
        """The copy of a comment, whole or, when it is too long, as a file."""
        tree = parse_wiki(comment.body)
        public = visibility is Visibility.CUSTOMER and self.policy.raising is not None
        aside = "" if public else self._why_internal(comment)
        note = self._note(comment, tree, said="commented", aside=aside)
        if not public or self.policy.raising is None:
            return note
        words = write_html(tagged(tree, self.policy.raising.prefix) or ())
        if not words or len(words.encode("utf-8", "replace")) > NOTE_BYTES:
            aside = "It is too long for a public comment, so the customer has not read it." if words else "It is empty."
            return self._note(comment, tree, said="commented", aside=aside)
        return replace(note, visibility=visibility, public_html=words, reason=f"{note.reason}, for the customer")

    def tell_edit(self, comment: BugComment, *, read_by_customer: bool) -> CommentToTicket:
        """The internal note that says what a comment says by now."""
        aside = "The customer has read it as it was before." if read_by_customer else ""
        return self._note(comment, parse_wiki(comment.body), said="edited a comment", aside=aside, edited=True)

    def loose(self, author: Actor, files: Sequence[CommentFile]) -> CommentToTicket:
        """The note that brings files without a comment."""
        ids = ",".join(sorted((file.id for file in files), key=lambda number: (len(number), number)))
        source = LOOSE + digest_of(ids)
        refs, skipped = choose_files(files, self.policy, "jira")
        names = ", ".join(ref.save_as for ref in refs)
        head = heading(author, " attached to ", self.issue.key, f"{self.browse_url}/browse/{self.issue.key}")
        listed = (Paragraph((Text(names),)),) if names else ()
        at = [file.at for file in files if file.at is not None]
        return CommentToTicket(
            ticket_id=self.ticket.id,
            source=f"jira:{source}",
            reason=f"{name_of(author)} attached files to {self.issue.key}",
            issue_id=self.issue.id,
            issue_key=self.issue.key,
            comment_id=source,
            said_at=min(at, default=told_until(self.link, "jira")),
            version=0,
            digest="",
            html=write_html((head, *listed, *asides(skipped))),
            placeholder=write_html((head, refused("Jira"))),
            visibility=Visibility.INTERNAL,
            loose=True,
            files=refs,
            file_bytes=self.policy.file_bytes,
            files_bytes=self.policy.files_bytes,
            link_ids=(self.link.id,),
            route=self.link.route,
        )

    def _why_internal(self, comment: BugComment) -> str:
        raising = self.policy.raising
        if raising is None or not begins_with(comment, raising.prefix):
            return ""
        why = why_not_for_customer(comment, raising, self.speakers) or "it is from before the ticket was linked"
        return f"The customer has not read this: {why}."

    def _note(
        self, comment: BugComment, tree: Document, *, said: str, aside: str, edited: bool = False
    ) -> CommentToTicket:
        issue, policy = self.issue, self.policy
        shown = set(images(tree))
        newest = {file.name: file for file in self.files if file.name in shown}
        refs, skipped = choose_files(() if edited else newest.values(), policy, "jira")
        address = f"{self.browse_url}/browse/{issue.key}?focusedCommentId={comment.id}"
        head = heading(comment.author, f" {said} on ", issue.key, address)
        tail = asides([*([aside] if aside else []), *skipped])
        html, overflow = write_html((head, *tree, *tail)), ""
        digest = digest_of(comment.body)
        if len(html.encode("utf-8", "replace")) > NOTE_BYTES:
            overflow = plain(tree)
            html = write_html((head, too_long(len(overflow), f"{issue.key}-comment-{comment.id}.txt"), *tail))
        source = f"jira:{comment.id}:{digest}" if edited else f"jira:{comment.id}"
        return CommentToTicket(
            ticket_id=self.ticket.id,
            source=source,
            reason=f"{name_of(comment.author)} {said} on {issue.key}",
            issue_id=issue.id,
            issue_key=issue.key,
            comment_id=comment.id,
            said_at=comment.created,
            version=version_of(comment),
            digest=digest,
            html=html,
            placeholder=write_html((head, refused("Jira"))),
            visibility=Visibility.INTERNAL,
            edited=edited,
            overflow=overflow,
            overflow_name=f"{issue.key}-comment-{comment.id}.txt" if overflow else "",
            files=refs,
            file_bytes=policy.file_bytes,
            files_bytes=policy.files_bytes,
            link_ids=(self.link.id,),
            route=self.link.route,
        )


def twins_by_source(twins: Iterable[Twin], side: str, target: str) -> dict[str, Twin]:
    """The twins on one subject, by the id of their source."""
    return {twin.source_id: twin for twin in twins if twin.side == side and twin.target == target}
