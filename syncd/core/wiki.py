"""Text from people, made harmless in Jira's wiki markup. Pure.

The notation: https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_DROPPED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters except tab and line feed
    "\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # marks that turn the direction of writing, and so what is read
)

_MARKUP: Final = re.compile(
    r"""
      (?P<entity>&(?=\#?\w+;))              # a character by its number would be read as that character
    | (?P<backslash>\\(?![^\W_]))           # escapes what follows it, or breaks the line; before a letter it is plain
    | (?P<heading>^[ \t]*(?:h[1-6]|bq)(?=\.))
    | (?P<mark>
          [{}\[\]|*_^~!+]                   # macros, links and mentions, tables, emphasis, images
        | (?<=\?)\?|\?(?=\?)                # ?? begins a citation
        | (?<=-)-|-(?=-)                    # -- becomes a dash, ---- a rule
        | (?<![^\W_])-|-(?![^\W_])          # strikes out, begins a list; within a word it does neither
        | (?<=^)\#|(?<=\#)\#                # begins a list
      )
    """,
    re.MULTILINE | re.VERBOSE,
)

_INDENTED_HASH: Final = re.compile(r"^([ \t]+)#", re.MULTILINE)

_TONES: Final = range(0x1F3FB, 0x1F400)


def escape(text: str) -> str:
    """`text` so that Jira shows it as it is: no macro, link, mention, image, table, list, heading or emphasis.

    Characters of markup get a backslash. A backslash itself becomes an entity, since two of them are a line break.
    Plain web addresses stay what they are. Control characters and marks of writing direction are dropped, line ends
    become line feeds.
    """
    unified = _DROPPED.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n"))
    return _INDENTED_HASH.sub(r"\1\\#", _MARKUP.sub(_neutral, unified))


def _neutral(match: re.Match[str]) -> str:
    found = match.group()
    if match.lastgroup == "entity":
        return "&amp;"
    if match.lastgroup == "backslash":
        return "&#92;"
    if match.lastgroup == "heading":
        return f"{found}\\"
    return f"\\{found}"


def within_bmp(text: str) -> str:
    """`text` with characters beyond U+FFFF spelt out: an emoji as "(grinning face)", anything else as "U+20000".

    A Data Center whose MySQL keeps three bytes per character answers 500 to them.
    """
    return "".join(_spelt(character) if ord(character) > 0xFFFF else character for character in text)


def _spelt(character: str) -> str:
    if ord(character) in _TONES:
        return ""
    if unicodedata.category(character) == "So":
        return f"({unicodedata.name(character, f'U+{ord(character):X}').lower()})"
    return f"U+{ord(character):X}"
