"""Which comment goes where, with which visibility, and what becomes of its copy later. Pure.

Visibility is a lattice INTERNAL < AGENTS < CUSTOMER, and nothing here can raise it: copies on a ticket are internal
notes whatever the source is, copies on a bug are internal for the portal. What a server does not say is internal.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from syncd.core.comment_actions import (
    ChangeBugComment,
    CommentAction,
    CommentToBug,
    CommentToTicket,
    WithdrawNote,
)
from syncd.core.comment_model import (
    BugTalkPage,
    CommentFile,
    CommentPolicy,
    FileRef,
    TicketComment,
    TicketTalkPage,
    Twin,
    TwinState,
)
from syncd.core.model import Actor, ActorKind, IssueSnapshot, Link, TicketSnapshot, Visibility
from syncd.core.ports import BugComment
from syncd.core.richtext import Anchor, Block, Document, Paragraph, Text, images, plain, safe_href
from syncd.core.richtext_html import parse_html, write_html
from syncd.core.richtext_wiki import parse_wiki, write_wiki

NOTE_BYTES: Final = 60_000
"""Of a note's HTML; Zendesk takes 64 KiB."""

BUG_CHARACTERS: Final = 32_000
"""Of a comment on a bug; Jira takes 32,767."""

_ORDER: Final = {Visibility.INTERNAL: 0, Visibility.AGENTS: 1, Visibility.CUSTOMER: 2}
_HIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_NAME_CHARACTERS: Final = re.compile(r"[^\w.()-]+")
_SPEAKERS: Final = frozenset({ActorKind.AGENT, ActorKind.CUSTOMER, ActorKind.UNKNOWN})


def lowest(*visibilities: Visibility) -> Visibility:
    """The greatest lower bound: whoever may read the result may read all of them."""
    return min(visibilities, key=_ORDER.__getitem__)


def rises(source: Visibility, copy: Visibility) -> bool:
    """True when the copy can be read by somebody who may not read the source."""
    return _ORDER[copy] > _ORDER[source] and copy is Visibility.CUSTOMER


def bug_visibility(comment: BugComment) -> Visibility:
    """Who may read a comment on a bug. Nothing that Jira says makes it a customer's: `jsdPublic` is true on every
    project that is no service desk, and a role or group hides nothing from the portal."""
    if comment.restricted:
        return Visibility.INTERNAL
    return Visibility.AGENTS


def ticket_visibility(comment: TicketComment) -> Visibility:
    """Who may read a comment of a ticket; one that does not say counts as internal."""
    return Visibility.CUSTOMER if comment.public is True else Visibility.INTERNAL


def goes_to_ticket(comment: BugComment, policy: CommentPolicy) -> Visibility | None:
    """The visibility of its copy on a ticket; None when it stays where it is."""
    if policy.to_ticket == "none" or comment.marker is not None or comment.author.kind not in _SPEAKERS:
        return None
    if comment.restricted and not policy.restricted:
        return None
    return lowest(Visibility.INTERNAL, bug_visibility(comment))


def goes_to_bug(comment: TicketComment, policy: CommentPolicy) -> Visibility | None:
    """The visibility of its copy on a bug; None when it stays where it is."""
    if comment.marker is not None or comment.author.kind not in _SPEAKERS:
        return None
    by_agent = comment.author.kind is ActorKind.AGENT
    match policy.to_bug:
        case "all":
            wanted = True
        case "internal":
            wanted = by_agent and comment.public is not True
        case "tagged":
            wanted = by_agent and _tagged(parse_html(comment.html), policy.tag) is not None
        case "none":
            wanted = False
    return lowest(Visibility.INTERNAL, ticket_visibility(comment)) if wanted else None


def digest_of(text: str) -> str:
    """What is remembered of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=b"syncd-talk").hexdigest()


# ---- from a bug to its tickets -----------------------------------------------------------------------------------


def plan_to_ticket(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    page: BugTalkPage,
    twins: Mapping[str, Twin],
    policy: CommentPolicy,
    *,
    browse_url: str,
) -> tuple[CommentAction, ...]:
    """What the bug's comments ask of one ticket, oldest comment first. `twins` are this ticket's, by source id."""
    if ticket.is_gone or ticket.state.is_final:
        return ()
    found: list[CommentAction] = []
    start = _start(link, policy)
    for comment in sorted(page.comments, key=lambda c: (c.created, len(c.id), c.id)):
        twin = twins.get(comment.id)
        visibility = goes_to_ticket(comment, policy)
        if twin is None:
            if visibility is not None and (start is None or comment.created >= start):
                note = _note(link, ticket, issue, comment, page.files, policy, browse_url)
                found.append(replace(note, visibility=visibility))
        elif twin.state is TwinState.CARRIED:
            found += _follow_up(link, ticket, issue, comment, twin, visibility, page.files, policy, browse_url)
    found += _vanished(link, ticket, page, twins.values())
    return tuple(found)


def _follow_up(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    comment: BugComment,
    twin: Twin,
    visibility: Visibility | None,
    files: Sequence[CommentFile],
    policy: CommentPolicy,
    browse_url: str,
) -> Iterator[CommentAction]:
    """A copied comment that changed: hidden since, or edited."""
    if comment.restricted and visibility is None:
        yield _withdraw(link, ticket, twin, "restricted", f"the comment on {issue.key} is for one role only by now")
    elif visibility is not None and _version(comment) != twin.version and digest_of(comment.body) != twin.digest:
        note = _note(link, ticket, issue, comment, files, policy, browse_url, edited=True)
        yield replace(note, visibility=visibility)


def _vanished(link: Link, ticket: TicketSnapshot, page: BugTalkPage, twins: Iterable[Twin]) -> Iterator[CommentAction]:
    """Copies whose source is no longer there; only as far back as was read."""
    present = {comment.id for comment in page.comments}
    oldest = min((comment.created for comment in page.comments), default=None)
    for twin in twins:
        if twin.source_id in present or twin.state is not TwinState.CARRIED:
            continue
        if page.whole or (oldest is not None and twin.source_at > oldest):
            yield _withdraw(link, ticket, twin, "deleted", "the comment was deleted in Jira")


def _withdraw(link: Link, ticket: TicketSnapshot, twin: Twin, why: str, reason: str) -> WithdrawNote:
    return WithdrawNote(
        ticket_id=ticket.id,
        source=f"jira:{twin.source_id}:{why}",
        reason=reason,
        issue_id=link.issue_id,
        comment_id=twin.source_id,
        note_id=twin.twin_id or "",
        note_marker=twin.marker,
        deleted=why == "deleted",
        link_ids=(link.id,),
        route=link.route,
    )


def _note(
    link: Link,
    ticket: TicketSnapshot,
    issue: IssueSnapshot,
    comment: BugComment,
    files: Sequence[CommentFile],
    policy: CommentPolicy,
    browse_url: str,
    *,
    edited: bool = False,
) -> CommentToTicket:
    tree = parse_wiki(comment.body)
    shown = set(images(tree))
    newest = {file.name: file for file in files if file.name in shown}
    refs, skipped = choose_files(() if edited else newest.values(), policy, "jira")
    address = f"{browse_url}/browse/{issue.key}?focusedCommentId={comment.id}"
    said = "edited a comment" if edited else "commented"
    head = _head(comment.author, f" {said} on ", issue.key, address)
    body: Document = (head, *tree, *_skipped(skipped))
    html, overflow = write_html(body), ""
    digest = digest_of(comment.body)
    if len(html.encode("utf-8", "replace")) > NOTE_BYTES:
        overflow = plain(tree)
        html = write_html((head, _too_long(len(overflow), f"{issue.key}-comment-{comment.id}.txt"), *_skipped(skipped)))
    source = f"jira:{comment.id}:{digest}" if edited else f"jira:{comment.id}"
    return CommentToTicket(
        ticket_id=ticket.id,
        source=source,
        reason=f"{_name(comment.author)} {said} on {issue.key}",
        issue_id=issue.id,
        issue_key=issue.key,
        comment_id=comment.id,
        said_at=comment.created,
        version=_version(comment),
        digest=digest,
        html=html,
        placeholder=write_html((head, _refused("Jira"))),
        visibility=Visibility.INTERNAL,
        edited=edited,
        overflow=overflow,
        overflow_name=f"{issue.key}-comment-{comment.id}.txt" if overflow else "",
        files=refs,
        file_bytes=policy.file_bytes,
        files_bytes=policy.files_bytes,
        link_ids=(link.id,),
        route=link.route,
    )


# ---- from a ticket to its bugs -----------------------------------------------------------------------------------


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
    start = _start(link, policy)
    for comment in sorted(page.comments, key=lambda c: (c.at, c.id)):
        twin = twins.get(str(comment.id))
        visibility = goes_to_bug(comment, policy)
        if twin is None:
            if visibility is not None and (start is None or comment.at >= start):
                found.append(_bug_comment(link, ticket, issue, comment, policy, visibility, ticket_url))
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
        tree = _tagged(tree, policy.tag) or tree
    refs, skipped = choose_files(comment.files, policy, "zendesk")
    saved = {ref.name: ref.save_as for ref in refs}
    address = f"{ticket_url}/agent/tickets/{ticket.id}?comment={comment.id}"
    kind = "wrote to the customer" if comment.public is True else "noted"
    if comment.author.kind is ActorKind.CUSTOMER:
        kind = "wrote, as a customer,"
    head = _head(comment.author, f" {kind} in ", f"Zendesk #{ticket.id}", address)
    named = [ref.save_as for ref in refs if ref.name not in images(tree)]
    tail = (Paragraph((Text("Files: " + ", ".join(named)),)),) if named else ()
    body = write_wiki((head, *tree, *tail, *_skipped(skipped)), saved)
    overflow, overflow_name = "", ""
    if len(body) > BUG_CHARACTERS:
        overflow, overflow_name = plain(tree), f"zendesk-{ticket.id}-comment-{comment.id}.txt"
        body = write_wiki((head, _too_long(len(overflow), overflow_name), *_skipped(skipped)))
    return CommentToBug(
        issue_id=issue.id,
        issue_key=issue.key,
        source=f"zendesk:{comment.id}",
        reason=f"{_name(comment.author)} {kind} in ticket #{ticket.id}",
        ticket_id=ticket.id,
        comment_id=str(comment.id),
        said_at=comment.at,
        digest=digest_of(comment.html),
        body=body,
        placeholder=write_wiki((head, _refused("Zendesk"))),
        visibility=visibility,
        overflow=overflow,
        overflow_name=overflow_name,
        files=refs,
        file_bytes=policy.file_bytes,
        files_bytes=policy.files_bytes,
        link_ids=(link.id,),
        route=link.route,
    )


def _tagged(tree: Document, tag: str) -> Document | None:
    """The text without the tag that it begins with; None when it does not begin with it."""
    if not tree or not isinstance(tree[0], Paragraph) or not isinstance(tree[0].inlines[0], Text):
        return None
    first, *rest = tree[0].inlines
    if not isinstance(first, Text):
        return None
    word, _, after = first.text.partition(" ")
    if word.casefold().rstrip(":") != tag.casefold():
        return None
    inlines = (*((Text(after, first.marks),) if after.strip() else ()), *rest)
    begin: tuple[Block, ...] = (Paragraph(inlines),) if inlines else ()
    return (*begin, *tree[1:])


# ---- files -------------------------------------------------------------------------------------------------------


def choose_files(
    files: Iterable[CommentFile], policy: CommentPolicy, side: str
) -> tuple[tuple[FileRef, ...], tuple[str, ...]]:
    """The files to carry, and a sentence for each that is not."""
    refs: list[FileRef] = []
    skipped: list[str] = []
    for file in files:
        name = safe_name(file.name)
        ending = name.rpartition(".")[2].casefold() if "." in name else ""
        if ending not in policy.file_types:
            skipped.append(f"{name} was left out: files of this type are not carried.")
        elif file.size > policy.file_bytes:
            skipped.append(f"{name} was left out: it has {_size(file.size)}, more than {_size(policy.file_bytes)}.")
        else:
            refs.append(FileRef(file.id, file.name, _unique(name, f"{side}:{file.id}"), file.url, file.size))
    return tuple(refs), tuple(skipped)


def safe_name(name: str) -> str:
    """A file name without folders, hidden characters and turns of direction; at most 80 characters."""
    last = re.split(r"[/\\]", _HIDDEN.sub("", name))[-1]
    flat = _NAME_CHARACTERS.sub("_", last).strip("._") or "file"
    stem, dot, ending = flat.rpartition(".")
    return f"{stem[:70]}{dot}{ending[:9]}" if stem else flat[:80]


def _unique(name: str, source: str) -> str:
    """The name with a mark of where it comes from, so that it is found again after an unknown answer."""
    stem, dot, ending = name.rpartition(".")
    mark = hashlib.blake2b(source.encode(), digest_size=4).hexdigest()
    return f"{stem}-{mark}{dot}{ending}" if stem else f"{name}-{mark}"


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB" if count >= 1024 * 1024 else f"{max(1, count // 1024)} KB"


# ---- sentences ---------------------------------------------------------------------------------------------------


def _start(link: Link, policy: CommentPolicy) -> datetime | None:
    """Comments from before this moment stay where they are; Zendesk's stamps have whole seconds."""
    return None if policy.history == "all" else link.created_at.replace(microsecond=0)


def _version(comment: BugComment) -> int:
    return int(comment.updated.timestamp() * 1000)


def _name(actor: Actor) -> str:
    flat = " ".join(_HIDDEN.sub(" ", actor.name).split())[:80]
    return flat or "Somebody"


def _head(author: Actor, between: str, where: str, address: str) -> Block:
    href = safe_href(address)
    place = Anchor(href, (Text(where),)) if href else Text(where)
    return Paragraph((Text(_name(author), frozenset({"bold"})), Text(between), place, Text(":")))


def _too_long(count: int, name: str) -> Block:
    return Paragraph((Text(f"The text has {count} characters, more than fit here. It is attached as {name}."),))


def _refused(system: str) -> Block:
    return Paragraph((Text(f"The text could not be carried over; please read it in {system}."),))


def _skipped(sentences: Iterable[str]) -> tuple[Block, ...]:
    return tuple(Paragraph((Text(sentence, frozenset({"italic"})),)) for sentence in sentences)


def twins_by_source(twins: Iterable[Twin], side: str, target: str) -> dict[str, Twin]:
    """The twins on one subject, by the id of their source."""
    return {twin.source_id: twin for twin in twins if twin.side == side and twin.target == target}


__all__ = [
    "bug_visibility",
    "choose_files",
    "digest_of",
    "goes_to_bug",
    "goes_to_ticket",
    "lowest",
    "plan_to_bug",
    "plan_to_ticket",
    "rises",
    "safe_name",
    "ticket_visibility",
    "twins_by_source",
]
