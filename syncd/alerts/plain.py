"""Text of strangers made fit to be shown: no control, direction or invisible characters, no endless anything. Pure.

Nothing in here refuses or raises: whatever a customer writes, the alert about it goes out.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_MOST_MARKS: Final = 4  # combining marks on one character; more only paint over their neighbours
_JOINERS: Final = "\u200c\u200d"  # needed within emoji and some scripts, and only there
_UNSEEN: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and symbols that show nothing
_BLANKS: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})
_GONE: Final = frozenset({"Cf", "Cs", "Co"})


def one_line(text: str, limit: int) -> str:
    """The text in one line of at most `limit` characters; what is longer ends in …"""
    return _cut(" ".join("".join(_kept(text[: limit * 8])).split()), limit)


def block(text: str, limit: int) -> str:
    """As one_line, with the line ends left; at most two together."""
    lines = [one_line(line, limit) for line in text[: limit * 8].splitlines()]
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return _cut("\n".join(kept).strip(), limit)


def _kept(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for position, char in enumerate(text):
        kind = unicodedata.category(char)
        if kind in _BLANKS or char in _UNSEEN:
            kept.append(" ")
        elif kind in _GONE:
            if char in _JOINERS and 0 < position < len(text) - 1 and min(text[position - 1], text[position + 1]) > "ÿ":
                kept.append(char)
        elif kind in {"Mn", "Me"}:
            marks += 1
            if marks <= _MOST_MARKS:
                kept.append(char)
            continue
        else:
            kept.append(char)
        marks = 0
    return kept


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    short = text[: max(limit - 1, 0)].rstrip()
    while short and (short[-1] in _JOINERS or unicodedata.category(short[-1]) in {"Mn", "Me", "Sk"}):
        short = short[:-1]
    return short + "…"
