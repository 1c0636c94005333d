"""Writes single values as YAML that reads back as the same text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_PLAIN: Final = re.compile(r"[^\W\d_](?:[\w '/()+-]*[\w)'+])?")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "none", "any"))


def scalar(text: str, *, keyword: bool = False) -> str:
    """The text, quoted where YAML or the mapping would read it as something else. `keyword`: it is one of those."""
    if keyword or (_PLAIN.fullmatch(text) and text.casefold() not in _WORDS):
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def flow_list(names: Iterable[str]) -> str:
    """`[To Do, "No: 1"]`; the mapping's own word none stays as it is."""
    return "[" + ", ".join(scalar(name, keyword=name == "none") for name in names) + "]"


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    return f"\\U{ord(char):08x}" if ord(char) > 0xFFFF else f"\\u{ord(char):04x}"
