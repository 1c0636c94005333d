"""What copies say in words of ours. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from syncd.core.comment_files import HIDDEN
from syncd.core.comment_model import CommentPolicy, Side
from syncd.core.model import Actor, Link
from syncd.core.ports import BugComment
from syncd.core.richtext import Anchor, Block, Paragraph, Text, safe_href

LOOSE: Final = "files:"
"""Begins the source id of what carries files without a comment."""


def digest_of(text: str) -> str:
    """What is remembered of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=b"syncd-talk").hexdigest()


def told_until(link: Link, side: Side) -> datetime:
    """What was said on this side until then, by its server's clock, is from before the link."""
    until = link.ticket_until if side == "zendesk" else link.issue_until
    if until is not None:
        return until
    # Neither server had shown any stamp when the link was made. Zendesk's have whole seconds.
    return link.created_at.replace(microsecond=0) - timedelta(microseconds=1)


def is_from_before(link: Link, policy: CommentPolicy, side: Side, said_at: datetime) -> bool:
    """Whether words on this side stay where they are because of their age."""
    return policy.history != "all" and said_at <= told_until(link, side)


def version_of(comment: BugComment) -> int:
    """Epoch milliseconds of its last change."""
    return int(comment.updated.timestamp() * 1000)


def name_of(actor: Actor) -> str:
    """A person's name on one line; at most 80 characters."""
    flat = " ".join(HIDDEN.sub(" ", actor.name).split())[:80]
    return flat or "Somebody"


def heading(author: Actor, between: str, where: str, address: str) -> Block:
    """The first line of a copy: who, did what, where, with a link to it."""
    href = safe_href(address)
    place = Anchor(href, (Text(where),)) if href else Text(where)
    return Paragraph((Text(name_of(author), frozenset({"bold"})), Text(between), place, Text(":")))


def too_long(count: int, name: str) -> Block:
    """What stands in the place of a text that is attached."""
    return Paragraph((Text(f"The text has {count} characters, more than fit here. It is attached as {name}."),))


def refused(system: str) -> Block:
    """What stands in the place of a text that was refused for good."""
    return Paragraph((Text(f"The text could not be carried over; please read it in {system}."),))


def asides(sentences: Iterable[str]) -> tuple[Block, ...]:
    """Sentences of our own below a copy."""
    return tuple(Paragraph((Text(sentence, frozenset({"italic"})),)) for sentence in sentences)
