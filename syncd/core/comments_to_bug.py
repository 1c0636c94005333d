"""What the comments of a ticket ask of its bugs: copies that are hidden from the portal, and files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from syncd.core.comment_actions import ChangeBugComment, CommentAction, CommentToBug
from syncd.core.comment_files import choose_files
from syncd.core.comment_model import CommentPolicy, TicketComment, TicketTalkPage, Twin, TwinState
from syncd.core.comment_sentences import LOOSE, asides, digest_of, heading, is_from_before, name_of, refused, too_long
from syncd.core.comment_visibility import files_go_to_bug, goes_to_bug, tagged
from syncd.core.model import ActorKind, IssueSnapshot, Link, TicketSnapshot, Visibility
from syncd.core.richtext import Paragraph, Text, images, plain
from syncd.core.richtext_html import parse_html
from syncd.core.richtext_wiki import write_wiki

BUG_CHARACTERS: Final = 32_000
"""Of a comment on a bug; Jira takes 32,767."""


def plan_to_bug(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    page: TicketTalkPage,
    twins: Mapping[str, Twin],
    policy: CommentPolicy,
    *,
    ticket_url: str,
) -> tuple[CommentAction, ...]:
    """What the ticket's comments ask of one bug, oldest comment first. `twins` are this bug's, by source id."""
    if ticket.is_gone or not issue.visible:
        return ()
    found: list[CommentAction] = []
    for comment in sorted(page.comments, key=lambda c: (c.at, c.id)):
        twin = twins.get(str(comment.id))
        visibility = goes_to_bug(comment, policy)
        if twin is None:
            if is_from_before(link, policy, "zendesk", comment.at):
                continue
            if visibility is not None:
                found.append(_bug_comment(link, ticket, issue, comment, policy, visibility, ticket_url))
            elif files_go_to_bug(comment, policy) and f"{LOOSE}{comment.id}" not in twins:
                found.append(_only_files(link, ticket, issue, comment, policy, ticket_url))
        elif twin.state is TwinState.CARRIED and twin.twin_id and digest_of(comment.html) != twin.digest:
            # The text of a comment in Zendesk changes only when a part of it is redacted.
            fresh = _bug_comment(link, ticket, issue, comment, policy, Visibility.INTERNAL, ticket_url)
            found.append(
                ChangeBugComment(
                    issue_id=issue.id,
                    issue_key=issue.key,
                    source=f"zendesk:{comment.id}:{fresh.digest}",
                    reason=f"a part of the comment on ticket #{ticket.id} was redacted",
                    ticket_id=ticket.id,
                    comment_id=str(comment.id),
                    twin_id=twin.twin_id,
                    digest=fresh.digest,
                    body=fresh.body,
                    link_ids=(link.id,),
                    route=link.route,
                )
            )
    return tuple(found)


def _bug_comment(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    comment: TicketComment,
    policy: CommentPolicy,
    visibility: Visibility,
    ticket_url: str,
) -> CommentToBug:
    tree = parse_html(comment.html)
    if policy.to_bug == "tagged":
        tree = tagged(tree, policy.tag) or tree
    refs, skipped = choose_files(comment.files, policy, "zendesk")
    saved = {ref.name: ref.save_as for ref in refs}
    address = f"{ticket_url}/agent/tickets/{ticket.id}?comment={comment.id}"
    kind = "wrote to the customer" if comment.public is True else "noted"
    if comment.author.kind is ActorKind.CUSTOMER:
        kind = "wrote, as a customer,"
    head = heading(comment.author, f" {kind} in ", f"Zendesk #{ticket.id}", address)
    named = [ref.save_as for ref in refs if ref.name not in images(tree)]
    tail = (Paragraph((Text("Files: " + ", ".join(named)),)),) if named else ()
    body = write_wiki((head, *tree, *tail, *asides(skipped)), saved)
    overflow, overflow_name = "", ""
    if len(body) > BUG_CHARACTERS:
        overflow, overflow_name = plain(tree), f"zendesk-{ticket.id}-comment-{comment.id}.txt"
        body = write_wiki((head, too_long(len(overflow), overflow_name), *asides(skipped)))
    return CommentToBug(
        issue_id=issue.id,
        issue_key=issue.key,
        source=f"zendesk:{comment.id}",
        reason=f"{name_of(comment.author)} {kind} in ticket #{ticket.id}",
        ticket_id=ticket.id,
        comment_id=str(comment.id),
        said_at=comment.at,
        digest=digest_of(comment.html),
        body=body,
        placeholder=write_wiki((head, refused("Zendesk"))),
        visibility=visibility,
        overflow=overflow,
        overflow_name=overflow_name,
        files=refs,
        file_bytes=policy.file_bytes,
        files_bytes=policy.files_bytes,
        link_ids=(link.id,),
        route=link.route,
    )


def _only_files(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    comment: TicketComment,
    policy: CommentPolicy,
    ticket_url: str,
) -> CommentToBug:
    """The files of a comment whose text stays on the ticket."""
    refs, skipped = choose_files(comment.files, policy, "zendesk")
    address = f"{ticket_url}/agent/tickets/{ticket.id}?comment={comment.id}"
    head = heading(comment.author, " attached in ", f"Zendesk #{ticket.id}", address)
    names = ", ".join(ref.save_as for ref in refs)
    listed = (Paragraph((Text(names),)),) if names else ()
    return CommentToBug(
        issue_id=issue.id,
        issue_key=issue.key,
        source=f"zendesk:{LOOSE}{comment.id}",
        reason=f"{name_of(comment.author)} attached files in ticket #{ticket.id}",
        ticket_id=ticket.id,
        comment_id=f"{LOOSE}{comment.id}",
        said_at=comment.at,
        digest="",
        body=write_wiki((head, *listed, *asides(skipped))),
        placeholder=write_wiki((head, refused("Zendesk"))),
        visibility=Visibility.INTERNAL,
        loose=True,
        files=refs,
        file_bytes=policy.file_bytes,
        files_bytes=policy.files_bytes,
        link_ids=(link.id,),
        route=link.route,
    )
