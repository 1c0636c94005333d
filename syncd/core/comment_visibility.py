"""Who may read a comment, and who may read its copy. Pure.

Visibility is a lattice INTERNAL < AGENTS < CUSTOMER. A copy is the lowest of what its source is and what the route lets
through, so that nothing here can raise it; what a server does not say is internal. A comment on a bug is a customer's
only when its author says so: it begins with the route's prefix, everybody who sees the bug may read it, and the author
is among those whom the route names.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from syncd.core.comment_model import CommentPolicy, Raising, TicketComment
from syncd.core.model import ActorKind, Visibility
from syncd.core.ports import BugComment
from syncd.core.richtext import Block, Document, Paragraph, Text, trimmed
from syncd.core.richtext_html import parse_html
from syncd.core.richtext_wiki import parse_wiki

_ORDER: Final = {Visibility.INTERNAL: 0, Visibility.AGENTS: 1, Visibility.CUSTOMER: 2}
_SPEAKERS: Final = frozenset({ActorKind.AGENT, ActorKind.CUSTOMER, ActorKind.UNKNOWN})


def lowest(*visibilities: Visibility) -> Visibility:
    """The greatest lower bound: whoever may read the result may read all of them."""
    return min(visibilities, key=_ORDER.__getitem__)


def rises(source: Visibility, copy: Visibility) -> bool:
    """True when the copy can be read by somebody who may not read the source."""
    return _ORDER[copy] > _ORDER[source] and copy is Visibility.CUSTOMER


def begins_with(comment: BugComment, prefix: str) -> bool:
    """The author asks for the customer's ear."""
    return tagged(parse_wiki(comment.body), prefix) is not None


def why_not_for_customer(comment: BugComment, raising: Raising, speakers: AbstractSet[str]) -> str | None:
    """What keeps a comment from the customer, as the end of a sentence; None when it is for the customer. `speakers`
    are the accounts that the route lets speak."""
    if not begins_with(comment, raising.prefix):
        return f"it does not begin with {raising.prefix}"
    if comment.restricted:
        return "not everybody who sees the bug may read it"
    if comment.internal is True:
        return "it is internal in Jira"
    if comment.marker is not None or comment.author.kind is not ActorKind.AGENT:
        return "its author is no developer"
    if not comment.author.id or comment.author.id not in speakers:
        return "its author may not speak to customers"
    if comment.updated != comment.created and comment.edited_by != comment.author.id:
        return "somebody else edited it"
    return None


def bug_visibility(comment: BugComment, *, for_customer: bool = False) -> Visibility:
    """Who may read a comment on a bug. Nothing that Jira says makes it a customer's: `jsdPublic` is true on every
    project that is no service desk, and a role or group hides nothing from the portal. Only its author does."""
    if comment.restricted or comment.internal is True:
        return Visibility.INTERNAL
    return Visibility.CUSTOMER if for_customer else Visibility.AGENTS


def ticket_visibility(comment: TicketComment) -> Visibility:
    """Who may read a comment of a ticket; one that does not say counts as internal."""
    return Visibility.CUSTOMER if comment.public is True else Visibility.INTERNAL


def goes_to_ticket(
    comment: BugComment, policy: CommentPolicy, speakers: AbstractSet[str] = frozenset()
) -> Visibility | None:
    """The visibility of its copy on a ticket; None when it stays where it is."""
    if policy.to_ticket == "none" or comment.marker is not None or comment.author.kind not in _SPEAKERS:
        return None
    if comment.restricted and not policy.restricted:
        return None
    raising = policy.raising
    if raising is None or why_not_for_customer(comment, raising, speakers) is not None:
        return lowest(Visibility.INTERNAL, bug_visibility(comment))
    return lowest(Visibility.CUSTOMER, bug_visibility(comment, for_customer=True))


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
            wanted = by_agent and tagged(parse_html(comment.html), policy.tag) is not None
        case "none":
            wanted = False
    return lowest(Visibility.INTERNAL, ticket_visibility(comment)) if wanted else None


def files_go_to_bug(comment: TicketComment, policy: CommentPolicy) -> bool:
    """Whether the files of a comment that itself stays where it is are brought to the bug."""
    if not policy.all_files_to_bug or not comment.files or goes_to_bug(comment, policy) is not None:
        return False
    return comment.marker is None and comment.author.kind in _SPEAKERS


def tagged(tree: Document, tag: str) -> Document | None:
    """The text without the tag that it begins with; None when it does not begin with it."""
    if not tree or not isinstance(tree[0], Paragraph) or not tree[0].inlines:
        return None
    first, *rest = tree[0].inlines
    if not isinstance(first, Text):
        return None
    word, _, after = first.text.partition(" ")
    if word.casefold().rstrip(":") != tag.casefold():
        return None
    inlines = trimmed((*((Text(after, first.marks),) if after.strip() else ()), *rest))
    begin: tuple[Block, ...] = (Paragraph(inlines),) if inlines else ()
    return (*begin, *tree[1:])
