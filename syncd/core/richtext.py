"""Rich text that both trackers can hold, as a tree of a few allowed kinds. Pure.

A parser keeps what has a kind here and drops the rest to its text; a writer escapes every text. So nothing that a
person wrote on one side can become markup, a macro or a mention on the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

Mark: TypeAlias = Literal["bold", "code", "italic", "strike", "underline"]

MAX_DEPTH: Final = 20
"""Nesting of elements that is kept; what lies deeper counts as its text."""

LANGUAGE: Final = re.compile(r"[A-Za-z0-9+#]{1,20}")
"""What names a programming language; another name is left out."""

JOINER: Final = "\u2060"
"""Word joiner: put where a tracker would read a mention or a placeholder; shows nothing."""

_MENTION: Final = re.compile(r"(?<![\w@])@(?=\w)")
_BRACES: Final = re.compile(r"\{(?=\{)|\}(?=\})|\{(?=%)")
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters except tab and line ends
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of writing, and so what is read
    "\u2060\ufeff]"
)
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_TO_ENCODE: Final = re.compile(r"[\s|\[\]{}\\\"'<>^`]")


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    marks: frozenset[Mark] = frozenset()


@dataclass(frozen=True, slots=True)
class Break:
    """A line break inside a paragraph."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link; `href` went through safe_href."""

    href: str
    inlines: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """A file of the comment, shown in the text."""

    name: str


Inline: TypeAlias = Text | Break | Anchor | Image


@dataclass(frozen=True, slots=True)
class Paragraph:
    inlines: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    level: int  # 1 to 6
    inlines: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Item:
    inlines: tuple[Inline, ...]
    lists: tuple[Listing, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    ordered: bool
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Code:
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    header: bool
    inlines: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Table:
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line."""


Block: TypeAlias = Paragraph | Heading | Listing | Code | Quote | Table | Rule
Document: TypeAlias = tuple[Block, ...]


def cleaned(text: str) -> str:
    """The text without what cannot be seen, line ends as line feeds."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _UNSEEN.sub("", unified)


def quiet(text: str) -> str:
    """The text with mentions and template placeholders broken by a joiner, so that neither tracker acts on them."""
    return _BRACES.sub(lambda found: found.group() + JOINER, _MENTION.sub("@" + JOINER, text))


def safe_href(address: str) -> str | None:
    """The address with everything encoded that means something in either markup; None when it is not a web or mail
    address (javascript:, data:, file: and the like)."""
    stripped = "".join(character for character in cleaned(address) if character not in "\n\t").strip()
    try:
        parts = urlsplit(stripped)
    except ValueError:
        return None
    if parts.scheme.casefold() not in _SCHEMES or (parts.scheme.casefold() != "mailto" and not parts.hostname):
        return None
    if "@" in parts.netloc:
        return None  # a password, or a host that pretends to be another one
    return _TO_ENCODE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), stripped)


def trimmed(inlines: Iterable[Inline]) -> tuple[Inline, ...]:
    """Neighbours with equal marks joined, white space as one blank, none at the ends or around breaks."""
    found: list[Inline] = []
    for inline in inlines:
        if not isinstance(inline, Text):
            if isinstance(inline, Break):
                _strip_end(found)
            found.append(inline)
            continue
        text = re.sub(r"[ \t\n]+", " ", inline.text)
        if not found or isinstance(found[-1], Break) or _ends_blank(found[-1]):
            text = text.lstrip(" ")
        if not text:
            continue
        last = found[-1] if found else None
        if isinstance(last, Text) and last.marks == inline.marks:
            found[-1] = Text(last.text + text, inline.marks)
        else:
            found.append(Text(text, inline.marks))
    start = next((n for n, inline in enumerate(found) if not isinstance(inline, Break)), len(found))
    del found[:start]
    _strip_end(found)
    while found and isinstance(found[-1], Break):
        del found[-1]
        _strip_end(found)
    return tuple(found)


def _ends_blank(inline: Inline) -> bool:
    return isinstance(inline, Text) and inline.text.endswith(" ")


def _strip_end(found: list[Inline]) -> None:
    while found:
        last = found[-1]
        if not isinstance(last, Text) or not last.text.endswith(" "):
            return
        del found[-1]
        if last.text.rstrip(" "):
            found.append(Text(last.text.rstrip(" "), last.marks))


def images(blocks: Iterable[Block]) -> tuple[str, ...]:
    """The names of all files that the text shows, in order, each once."""
    return tuple(dict.fromkeys(i.name for i in _all_inlines(blocks) if isinstance(i, Image)))


def _all_inlines(blocks: Iterable[Block]) -> Iterator[Inline]:
    for block in blocks:
        match block:
            case Paragraph() | Heading():
                yield from _within(block.inlines)
            case Listing():
                yield from _listing_inlines(block)
            case Quote():
                yield from _all_inlines(block.blocks)
            case Table():
                for row in block.rows:
                    for cell in row:
                        yield from _within(cell.inlines)
            case Code() | Rule():
                pass


def _listing_inlines(listing: Listing) -> Iterator[Inline]:
    for item in listing.items:
        yield from _within(item.inlines)
        for inner in item.lists:
            yield from _listing_inlines(inner)


def _within(inlines: Iterable[Inline]) -> Iterator[Inline]:
    for inline in inlines:
        yield inline
        if isinstance(inline, Anchor):
            yield from inline.inlines


def plain(blocks: Iterable[Block]) -> str:
    """The text alone, for a file or a log; structure by line breaks."""
    return "\n\n".join(text for block in blocks if (text := _plain_block(block, "")))


def _plain_block(block: Block, indent: str) -> str:
    match block:
        case Paragraph() | Heading():
            return plain_line(block.inlines)
        case Listing():
            return _plain_listing(block, indent)
        case Code():
            return block.text
        case Quote():
            return "\n".join(f"> {line}" for line in plain(block.blocks).split("\n"))
        case Table():
            return "\n".join(" | ".join(plain_line(cell.inlines) for cell in row) for row in block.rows)
        case Rule():
            return "----"


def _plain_listing(listing: Listing, indent: str) -> str:
    lines = []
    for number, item in enumerate(listing.items, 1):
        lines.append(f"{indent}{f'{number}.' if listing.ordered else '-'} {plain_line(item.inlines)}")
        lines += [_plain_listing(inner, indent + "  ") for inner in item.lists]
    return "\n".join(lines)


def plain_line(inlines: Iterable[Inline]) -> str:
    """The text of some inlines; an address follows the text of its link."""
    parts = []
    for inline in inlines:
        match inline:
            case Text():
                parts.append(inline.text)
            case Break():
                parts.append("\n")
            case Image():
                parts.append(f"[{inline.name}]")
            case Anchor():
                inner = plain_line(inline.inlines)
                parts.append(inline.href if inner in ("", inline.href) else f"{inner} ({inline.href})")
    return "".join(parts)


def leaves(blocks: Iterable[Block]) -> tuple[str, ...]:
    """Every piece of text as it stands between two elements; code line by line."""
    found = [i.text.strip() for i in _all_inlines(blocks) if isinstance(i, Text)]
    found += [line.strip() for block in _flat(blocks) if isinstance(block, Code) for line in block.text.split("\n")]
    return tuple(dict.fromkeys(text for text in found if text))


def _flat(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Quote):
            yield from _flat(block.blocks)
