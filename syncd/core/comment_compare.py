"""Whether a copy that is found on a server shows what its source says by now. Pure.

Whoever finds a copy by its mark alone, because a store was put back from a backup, cannot know which words of the
source it was made of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from syncd.core.comment_actions import CommentToBug, CommentToTicket
from syncd.core.richtext import JOINER, Block, Paragraph, Text, plain
from syncd.core.richtext_html import parse_html

BLACK: Final = "▇█"
"""What Zendesk puts in the place of redacted words."""

_BLACKED_OUT: Final = re.compile(f"[{BLACK}]+")


def note_shows(html: str, action: CommentToTicket) -> bool:
    """Whether the note with this HTML is one that the action would write. Who wrote it and where are not looked at, for
    people and projects get other names, nor are our own sentences below it; what was blacked out may have read
    anything."""
    note = parse_html(html)
    headed = (parse_html(text) for text in (action.html, action.placeholder))
    if any(_reads(_words(note[1:]), _words(text[1:])) for text in headed):
        return True
    return bool(action.public_html) and _reads(_words(note), _words(parse_html(action.public_html)))


def comment_shows(body: str, action: CommentToBug) -> bool:
    """Whether our comment with this text may stay as it is. A comment in Zendesk changes only when a part of it is
    redacted, and then the copy must have it blacked out, too."""
    return not _BLACKED_OUT.search(action.body) or " ".join(body.split()).startswith(" ".join(action.body.split()))


def _words(blocks: Sequence[Block]) -> str:
    end = len(blocks)
    while end and _is_aside(blocks[end - 1]):
        end -= 1
    return " ".join(plain(blocks[:end]).replace(JOINER, "").split())


def _is_aside(block: Block) -> bool:
    return isinstance(block, Paragraph) and all(isinstance(i, Text) and "italic" in i.marks for i in block.inlines)


def _reads(shown: str, wanted: str) -> bool:
    first, *others = _BLACKED_OUT.split(shown)
    if not others:
        return shown == wanted
    *middle, last = others
    if len(first) + len(last) > len(wanted) or not wanted.startswith(first) or not wanted.endswith(last):
        return False
    at, end = len(first), len(wanted) - len(last)
    for piece in middle:
        found = wanted.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
