"""Rich text from and to Jira's wiki markup (REST version 2). Pure.

The notation: https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import unescape
from typing import Final

from syncd.core.richtext import (
    JOINER,
    LANGUAGE,
    MAX_DEPTH,
    Anchor,
    Block,
    Break,
    Cell,
    Code,
    Document,
    Heading,
    Image,
    Inline,
    Item,
    Listing,
    Mark,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
    cleaned,
    quiet,
    safe_href,
    trimmed,
)
from syncd.core.wiki import escape

_FENCE: Final = re.compile(r"\{(code|noformat)(?::([^}\n]*))?\}", re.IGNORECASE)
_QUOTE: Final = re.compile(r"\{quote\}", re.IGNORECASE)
_DROPPED: Final = re.compile(r"(?<!\\)\{(?:panel|color|anchor|expand)(?::[^}\n]*)?\}", re.IGNORECASE)
_HEADING: Final = re.compile(r"\s*h([1-6])\.\s+(.*)")
_BULLET: Final = re.compile(r"\s*([*#]+|-)\s+(.*)")
_BQ: Final = re.compile(r"\s*bq\.\s+(.*)")
_RULE: Final = re.compile(r"\s*-{4,}\s*")
_ROW: Final = re.compile(r"\s*\|.*\|\s*")
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31});")
_URL: Final = re.compile(r"https?://[^\s|\]\[{}<>\"*\\]+")
_BRACKETS: Final = re.compile(r"\[((?:[^\[\]\\]|\\.){1,2100})\]", re.DOTALL)
_IMAGE: Final = re.compile(r"!([^!|\n]{1,255})(\|[^!\n]{0,255})?!")
_MARKS: Final[Mapping[str, Mark]] = {"*": "bold", "_": "italic", "-": "strike", "+": "underline"}
_SIGNS: Final[tuple[tuple[Mark, str], ...]] = (("bold", "*"), ("italic", "_"), ("strike", "-"), ("underline", "+"))
_FAR: Final = 4000  # characters between two marks that belong together, at most


def parse_wiki(text: str) -> Document:
    """The tree of a text in wiki markup. Never raises; what is not understood is text."""
    return tuple(_blocks(cleaned(text), 0))


def _blocks(text: str, depth: int) -> Iterator[Block]:
    """Code and quotes first, as they may begin anywhere; then lines."""
    begun = position = 0
    while True:
        fence, quote = _FENCE.search(text, position), _QUOTE.search(text, position)
        first = min((m for m in (fence, quote) if m), key=lambda m: m.start(), default=None)
        if first is None:
            break
        if _is_escaped(text, first.start()):
            position = first.end()
            continue
        name = first[1] if first is fence else "quote"
        close = re.compile(r"\{" + name + r"\}", re.IGNORECASE).search(text, first.end())
        if close is None or depth >= MAX_DEPTH:
            yield from _lines(text[begun : first.end()])
            begun = position = first.end()
            continue
        yield from _lines(text[begun : first.start()])
        inside = text[first.end() : close.start()]
        if first is fence:
            yield Code(inside.strip("\n"), _language(first[2] or "") if name.lower() == "code" else "")
        else:
            inner = tuple(_blocks(inside, depth + 1))
            if inner:
                yield Quote(inner)
        begun = position = close.end()
    yield from _lines(text[begun:])


def _language(options: str) -> str:
    for option in options.split("|"):
        name, equals, value = option.partition("=")
        if not equals or name.strip() == "language":
            word = (value or name).strip().lower()
            return word if LANGUAGE.fullmatch(word) else ""
    return ""


def _is_escaped(text: str, at: int) -> bool:
    before = len(text[:at]) - len(text[:at].rstrip("\\"))
    return before % 2 == 1


def _lines(text: str) -> Iterator[Block]:
    lines = _DROPPED.sub("", text).split("\n")
    run: list[str] = []
    at = 0

    def flush() -> Iterator[Block]:
        inlines = trimmed(_joined(run))
        run.clear()
        if inlines:
            yield Paragraph(inlines)

    while at < len(lines):
        line = lines[at]
        if not line.strip():
            yield from flush()
        elif found := _HEADING.fullmatch(line):
            yield from flush()
            yield from _headed(int(found[1]), found[2])
        elif found := _BQ.fullmatch(line):
            yield from flush()
            inlines = trimmed(_inline(found[1], frozenset()))
            if inlines:
                yield Quote((Paragraph(inlines),))
        elif _RULE.fullmatch(line):
            yield from flush()
            yield Rule()
        elif _BULLET.fullmatch(line) and not _looks_bold(line):
            yield from flush()
            end = at
            while end < len(lines) and _BULLET.fullmatch(lines[end]):
                end += 1
            yield from _listings(lines[at:end])
            at = end
            continue
        elif _ROW.fullmatch(line):
            yield from flush()
            end = at
            while end < len(lines) and _ROW.fullmatch(lines[end]):
                end += 1
            yield Table(tuple(tuple(_cells(row)) for row in lines[at:end]))
            at = end
            continue
        else:
            run.append(line)
        at += 1
    yield from flush()


def _headed(level: int, text: str) -> Iterator[Block]:
    inlines = trimmed(_inline(text, frozenset()))
    if inlines:
        yield Heading(level, inlines)


def _looks_bold(line: str) -> bool:
    """`* a*` is no list to nobody; a star that closes on its line without a blank after it is bold text."""
    return bool(re.match(r"\s*\*\S", line))


def _joined(lines: Sequence[str]) -> Iterator[Inline]:
    for number, line in enumerate(lines):
        if number:
            yield Break()
        yield from _inline(line, frozenset())


def _listings(lines: Sequence[str]) -> Iterator[Block]:
    entries = []
    for line in lines:
        found = _BULLET.fullmatch(line)
        if found is not None:
            bullets = "*" if found[1] == "-" else found[1]
            entries.append((bullets[:MAX_DEPTH], trimmed(_inline(found[2], frozenset()))))
    yield from _nested(entries, 1)


def _nested(entries: Sequence[tuple[str, tuple[Inline, ...]]], depth: int) -> Iterator[Listing]:
    """Lists of the entries at this depth; deeper ones hang below the entry before them."""
    items: list[Item] = []
    ordered: bool | None = None
    at = 0
    while at < len(entries):
        bullets, inlines = entries[at]
        if len(bullets) > depth:
            end = at
            while end < len(entries) and len(entries[end][0]) > depth:
                end += 1
            below = tuple(_nested(entries[at:end], depth + 1))
            if items:
                items[-1] = Item(items[-1].inlines, items[-1].lists + below)
            else:
                items = [Item((), below)]
            at = end
            continue
        kind = bullets[depth - 1] == "#"
        if ordered is not None and kind is not ordered and items:
            yield Listing(ordered, tuple(items))
            items = []
        ordered = kind
        items.append(Item(inlines))
        at += 1
    if items:
        if ordered is None:  # nothing stands at this depth
            yield from items[0].lists
        else:
            yield Listing(ordered, tuple(items))


def _cells(row: str) -> Iterator[Cell]:
    """`||` opens a header cell, `|` any other; within links and after a backslash a bar is text."""
    line = row.strip()
    at = 0
    while at < len(line) and line[at] == "|":
        header = line.startswith("||", at)
        start = at + (2 if header else 1)
        if start >= len(line):
            return
        at = _cell_end(line, start)
        yield Cell(header, trimmed(_inline(line[start:at], frozenset())))


def _cell_end(line: str, at: int) -> int:
    inside = False
    while at < len(line):
        if line[at] == "\\":
            at += 2
            continue
        if line[at] == "[":
            inside = "]" in line[at:]
        elif line[at] == "]":
            inside = False
        elif line[at] == "|" and not inside:
            return at
        at += 1
    return len(line)


# ---- within a line ---------------------------------------------------------------------------------------------


def _inline(text: str, marks: frozenset[Mark], depth: int = 0) -> Iterator[Inline]:
    plain: list[str] = []
    at = 0
    while at < len(text):
        found = _special(text, at, marks, depth)
        if found is None:
            plain.append(text[at])
            at += 1
            continue
        literal, inlines, after = found
        plain.append(literal)
        if inlines:
            if any(plain):
                yield Text("".join(plain), marks)
                plain = []
            yield from inlines
        at = after
    if any(plain):
        yield Text("".join(plain), marks)


def _special(text: str, at: int, marks: frozenset[Mark], depth: int) -> tuple[str, tuple[Inline, ...], int] | None:
    """What begins here, as (literal text, inlines, where it ends); None for a plain character."""
    character = text[at]
    match character:
        case "\\":
            if text.startswith("\\\\", at):
                return "", (Break(),), at + 2
            if at + 1 < len(text) and not text[at + 1].isalnum() and not text[at + 1].isspace():
                return text[at + 1], (), at + 2
            return None
        case "&":
            entity = _ENTITY.match(text, at)
            return (unescape(entity[0]), (), entity.end()) if entity else None
        case "{":
            return _braced(text, at, marks, depth)
        case "[":
            return _bracketed(text, at, marks, depth)
        case "!":
            shown = _IMAGE.match(text, at)
            if shown is None or not re.search(r"\.\w{1,8}$", shown[1]) or shown[1] != shown[1].strip():
                return None
            if "://" in shown[1]:
                href = safe_href(shown[1])
                return ("", (Anchor(href, (Text(href, marks),)),), shown.end()) if href else None
            return "", (Image(_unescaped(shown[1])),), shown.end()
        case "h":
            address = _URL.match(text, at)
            if address is None or (at and text[at - 1].isalnum()):
                return None
            shown_text = address[0].rstrip(".,;:!?)'")
            href = safe_href(shown_text)
            return ("", (Anchor(href, (Text(shown_text, marks),)),), at + len(shown_text)) if href else None
        case sign if sign in _MARKS and depth < MAX_DEPTH:
            return _marked(text, at, sign, sign, marks, depth)
        case _:
            return None


def _braced(text: str, at: int, marks: frozenset[Mark], depth: int) -> tuple[str, tuple[Inline, ...], int] | None:
    if text.startswith("{{", at):
        end = text.find("}}", at + 2)
        while end > 0 and _is_escaped(text, end):
            end = text.find("}}", end + 1)
        if end > at + 2:
            return "", (Text(_unescaped(text[at + 2 : end]), marks | {"code"}),), end + 2
    for sign in _MARKS:
        if text.startswith("{" + sign + "}", at) and depth < MAX_DEPTH:
            return _marked(text, at, sign, "{" + sign + "}", marks, depth)
    return None


def _marked(
    text: str, at: int, sign: str, token: str, marks: frozenset[Mark], depth: int
) -> tuple[str, tuple[Inline, ...], int] | None:
    braced = token != sign
    start = at + len(token)
    if not braced and ((at and text[at - 1].isalnum()) or start >= len(text) or text[start].isspace()):
        return None
    end = text.find(token, start, start + _FAR)
    while end != -1:
        after = text[end + len(token) : end + len(token) + 1]
        fits = braced or (not text[end - 1].isspace() and not after.isalnum())
        if end > start and fits and not _is_escaped(text, end):
            inside = tuple(_inline(text[start:end], marks | {_MARKS[sign]}, depth + 1))
            return ("", inside, end + len(token)) if inside else None
        end = text.find(token, end + 1, start + _FAR)
    return None


def _bracketed(text: str, at: int, marks: frozenset[Mark], depth: int) -> tuple[str, tuple[Inline, ...], int] | None:
    found = _BRACKETS.match(text, at)
    if found is None:
        return None
    inside, end = found[1], found.end() - 1
    if inside.startswith("~"):
        name = inside[1:].partition("|")[0]
        return "@" + ("user" if name.lower().startswith("accountid:") else name), (), end + 1
    if inside.startswith("^"):
        return "", (Image(_unescaped(inside[1:])),), end + 1
    parts = _split_bars(inside)
    address = parts[-1] if len(parts) < 3 else parts[1]
    href = safe_href(_unescaped(address))
    if href is None:
        if len(parts) > 1 and re.match(r"\s*[A-Za-z][A-Za-z0-9+.-]*:", address):
            return "", tuple(_inline(parts[0], marks, depth + 1)), end + 1  # a dangerous address: its text alone
        return None
    shown = trimmed(_inline(parts[0], marks, depth + 1)) if len(parts) > 1 else (Text(href, marks),)
    flat = tuple(inner for i in shown for inner in (i.inlines if isinstance(i, Anchor) else (i,)))
    return "", (Anchor(href, flat or (Text(href, marks),)),), end + 1


def _split_bars(text: str) -> list[str]:
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == "|":
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def _unescaped(text: str) -> str:
    return unescape(re.sub(r"\\([^\sA-Za-z0-9])", r"\1", text)).replace("\n", " ")


# ---- writing ---------------------------------------------------------------------------------------------------


def write_wiki(blocks: Iterable[Block], files: Mapping[str, str] | None = None) -> str:
    """Wiki markup. `files` are the attachments of the issue that the text may show: their names in the text and on the
    issue. The others are named."""
    return "\n\n".join(text for block in blocks if (text := _write(block, files or {})))


def _write(block: Block, files: Mapping[str, str]) -> str:
    match block:
        case Paragraph():
            return _line(block.inlines, files, "\n")
        case Heading():
            return f"h{block.level}. {_line(block.inlines, files, ' ')}"
        case Listing():
            return "\n".join(_write_items(block, "", files))
        case Code():
            return _write_code(block)
        case Quote():
            return f"{{quote}}\n{write_wiki(_unquoted(block.blocks), files)}\n{{quote}}"
        case Table():
            return "\n".join(_write_row(row, files) for row in block.rows)
        case Rule():
            return "----"


def _unquoted(blocks: Iterable[Block]) -> Iterator[Block]:
    """Jira knows no quote within a quote: the inner one is part of the outer."""
    for block in blocks:
        if isinstance(block, Quote):
            yield from _unquoted(block.blocks)
        else:
            yield block


def _write_code(block: Code) -> str:
    """The fence cannot be escaped inside, so a fence in the text is broken by a joiner."""
    text = re.sub(r"\{(?=/?(?:code|noformat|quote)\b)", "{\u2060", quiet(block.text), flags=re.IGNORECASE)
    if LANGUAGE.fullmatch(block.language):
        return f"{{code:{block.language}}}\n{text}\n{{code}}"
    fence = "code" if "noformat" in text.casefold() else "noformat"
    return f"{{{fence}}}\n{text}\n{{{fence}}}"


def _write_items(listing: Listing, bullets: str, files: Mapping[str, str]) -> Iterator[str]:
    mine = bullets + ("#" if listing.ordered else "*")
    for item in listing.items:
        yield f"{mine} {_line(item.inlines, files, ' ' + chr(92) * 2 + ' ') or chr(0xA0)}"
        for inner in item.lists:
            yield from _write_items(inner, mine, files)


def _write_row(row: Sequence[Cell], files: Mapping[str, str]) -> str:
    parts = []
    for cell in row:
        bar = "||" if cell.header else "|"
        parts.append(f"{bar}{_line(cell.inlines, files, ' ' + chr(92) * 2 + ' ') or ' '}")
    return "".join(parts) + ("||" if row and row[-1].header else "|")


def _line(inlines: Sequence[Inline], files: Mapping[str, str], line_break: str) -> str:
    written = ""
    for number, inline in enumerate(inlines):
        match inline:
            case Text():
                following = inlines[number + 1] if number + 1 < len(inlines) else None
                written += _marked_text(inline, written[-1:], _first_character(following))
            case Break():
                written += line_break
            case Anchor():
                written += _write_anchor(inline)
            case Image():
                written += _write_image(inline, files)
    return written


def _first_character(inline: Inline | None) -> str:
    return inline.text[:1] if isinstance(inline, Text) else ""


def _marked_text(inline: Text, before: str, after: str) -> str:
    core = inline.text.strip(" ")
    if not core:
        return inline.text
    lead = inline.text[: len(inline.text) - len(inline.text.lstrip(" "))]
    trail = inline.text[len(inline.text.rstrip(" ")) :]
    text = escape(quiet(core))
    if "code" in inline.marks:
        text = "{{" + text + (JOINER if text.endswith("}") else "") + "}}"  # or it would end one brace too early
    tight = (before.isalnum() and not lead) or (after.isalnum() and not trail)
    for mark, sign in reversed(_SIGNS):
        if mark in inline.marks:
            token = "{" + sign + "}" if tight else sign
            text = f"{token}{text}{token}"
    return f"{lead}{text}{trail}"


def _write_anchor(anchor: Anchor) -> str:
    shown = "".join(
        escape(quiet(i.text if isinstance(i, Text) else i.name)) for i in anchor.inlines if isinstance(i, Text | Image)
    )
    plain = "".join(i.text for i in anchor.inlines if isinstance(i, Text))
    return f"[{anchor.href}]" if plain == anchor.href else f"[{shown.strip() or anchor.href}|{anchor.href}]"


def _write_image(image: Image, files: Mapping[str, str]) -> str:
    saved = files.get(image.name, "")
    if re.fullmatch(r"[\w .()-]+\.\w{1,9}", saved):
        return f"!{saved}|thumbnail!"
    return escape(f"[{quiet(image.name)}]")
