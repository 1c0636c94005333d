"""Rich text from and to the HTML of a Zendesk comment. Pure.

Reading keeps allowed elements and drops the others to their text; writing builds every element itself. Zendesk's own
list of what a comment may hold: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from syncd.core.richtext import (
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

_MARKS: Final[Mapping[str, Mark]] = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "cite": "italic",
    "s": "strike",
    "del": "strike",
    "strike": "strike",
    "u": "underline",
    "ins": "underline",
    "code": "code",
    "tt": "code",
    "kbd": "code",
    "samp": "code",
}
_TAGS: Final[tuple[tuple[Mark, str], ...]] = (
    ("bold", "strong"),
    ("italic", "em"),
    ("strike", "del"),
    ("underline", "u"),
    ("code", "code"),
)
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_SILENT: Final = frozenset(
    {
        "script",
        "style",
        "head",
        "title",
        "template",
        "iframe",
        "object",
        "noscript",
        "svg",
        "math",
        "select",
        "textarea",
    }
)
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_BLOCKS: Final = frozenset(
    {
        *_HEADINGS,
        *("p", "div", "ul", "ol", "li", "pre", "blockquote", "table", "hr", "dl", "dt", "dd", "figure", "section"),
        *("article", "header", "footer", "main", "aside", "center", "details", "summary", "address", "form", "body"),
        *("html", "fieldset", "nav", "thead", "tbody", "tfoot", "tr", "td", "th", "figcaption", "caption"),
    }
)
_CLOSED_BY: Final[Mapping[str, frozenset[str]]] = {
    "li": frozenset({"li"}),
    "tr": frozenset({"tr", "td", "th"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "p": frozenset({"p"}),
}
_FENCES: Final = frozenset({"ul", "ol", "table", "blockquote", "div", "td", "th", "li"})
_LANGUAGE: Final = re.compile(r"(?:language|lang|brush)[-: ]+([A-Za-z0-9+#]{1,20})\b")


@dataclass(slots=True)
class _Node:
    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[_Node | str] = field(default_factory=list)


class _Tree(HTMLParser):
    """Every element, well formed or not, as a tree of bounded depth."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Node("")
        self._open = [self.root]
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._silent or tag in _SILENT:
            if tag in _SILENT:
                self._silent.append(tag)
            return
        closes = _CLOSED_BY.get(tag, frozenset[str]())
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].tag in closes:
                del self._open[depth:]
                break
            if self._open[depth].tag in _FENCES:
                break
        node = _Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _VOID and len(self._open) < MAX_DEPTH:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            return
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].tag == tag:
                del self._open[depth:]
                return

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._open[-1].children.append(data)


def parse_html(html: str) -> Document:
    """The tree of a comment's HTML. Never raises; what is not understood is text."""
    tree = _Tree()
    tree.feed(cleaned(html))
    tree.close()
    return tuple(_blocks(tree.root.children, frozenset()))


def _blocks(children: Sequence[_Node | str], marks: frozenset[Mark]) -> Iterator[Block]:
    """Blocks as they are; what stands between them becomes paragraphs."""
    run: list[_Node | str] = []

    def flush() -> Iterator[Block]:
        inlines = trimmed(_inlines(run, marks))
        run.clear()
        if inlines:
            yield Paragraph(inlines)

    for child in children:
        if isinstance(child, str) or not _holds_block(child):
            run.append(child)
            continue
        yield from flush()
        yield from _block(child, marks)
    yield from flush()


def _holds_block(node: _Node) -> bool:
    return node.tag in _BLOCKS or any(isinstance(child, _Node) and _holds_block(child) for child in node.children)


def _block(node: _Node, marks: frozenset[Mark]) -> Iterator[Block]:
    match node.tag:
        case "ul" | "ol":
            yield from _listing(node)
        case "pre":
            yield _code(node)
        case "blockquote":
            inner = tuple(_blocks(node.children, frozenset()))
            if inner:
                yield Quote(inner)
        case "table":
            rows = tuple(row for row in _rows(node) if row)
            if rows:
                yield Table(rows)
        case "hr":
            yield Rule()
        case tag if tag in _HEADINGS:
            inlines = trimmed(_inlines(node.children, frozenset()))
            if inlines:
                yield Heading(_HEADINGS[tag], inlines)
        case tag:
            mark = _MARKS.get(tag)
            yield from _blocks(node.children, marks | {mark} if mark else marks)


def _listing(node: _Node) -> Iterator[Block]:
    items: list[Item] = []
    for child in node.children:
        if isinstance(child, str):
            if child.strip():
                items.append(Item(trimmed([Text(child)])))
        elif child.tag in ("ul", "ol"):
            inner = tuple(b for b in _listing(child) if isinstance(b, Listing))
            if items and inner:
                items[-1] = Item(items[-1].inlines, items[-1].lists + inner)
            elif inner:
                items.extend(inner[0].items)
        else:
            items.append(_item(child))
    items = [item for item in items if item.inlines or item.lists]
    if items:
        yield Listing(node.tag == "ol", tuple(items))


def _item(node: _Node) -> Item:
    """An item holds a line of text and lists below it; paragraphs in it are parted by line breaks."""
    inlines: list[Inline] = []
    lists: list[Listing] = []
    for block in _blocks(node.children, frozenset()):
        if isinstance(block, Listing):
            lists.append(block)
            continue
        if inlines:
            inlines.append(Break())
        inlines.extend(_flattened(block))
    return Item(trimmed(inlines), tuple(lists))


def _flattened(block: Block) -> Iterator[Inline]:
    match block:
        case Paragraph() | Heading():
            yield from block.inlines
        case Code():
            for number, line in enumerate(block.text.split("\n")):
                if number:
                    yield Break()
                yield Text(line, frozenset({"code"}))
        case Quote():
            for number, inner in enumerate(block.blocks):
                if number:
                    yield Break()
                yield from _flattened(inner)
        case Table():
            for row in block.rows:
                for cell in row:
                    yield from cell.inlines
                    yield Text(" ")
                yield Break()
        case Listing():
            for item in block.items:
                yield Text("- ")
                yield from item.inlines
                yield Break()
                for inner in item.lists:
                    yield from _flattened(inner)
        case Rule():
            pass


def _code(node: _Node) -> Code:
    classes = [node.attrs.get("class", "")]
    classes += [child.attrs.get("class", "") for child in node.children if isinstance(child, _Node)]
    found = _LANGUAGE.search(" ".join(classes))
    return Code(_raw(node).strip("\n"), found[1].lower() if found else "")


def _raw(node: _Node) -> str:
    if node.tag == "br":
        return "\n"
    return "".join(child if isinstance(child, str) else _raw(child) for child in node.children)


def _rows(node: _Node) -> Iterator[tuple[Cell, ...]]:
    for child in node.children:
        if isinstance(child, str):
            continue
        if child.tag == "tr":
            yield tuple(_cell(cell) for cell in child.children if isinstance(cell, _Node) and cell.tag in ("td", "th"))
        elif child.tag != "table":
            yield from _rows(child)


def _cell(node: _Node) -> Cell:
    inlines: list[Inline] = []
    for block in _blocks(node.children, frozenset()):
        if inlines:
            inlines.append(Break())
        inlines.extend(_flattened(block))
    return Cell(node.tag == "th", trimmed(inlines))


def _inlines(children: Iterable[_Node | str], marks: frozenset[Mark]) -> Iterator[Inline]:
    for child in children:
        if isinstance(child, str):
            yield Text(child.replace("\xa0", " "), marks)
        elif child.tag == "br":
            yield Break()
        elif child.tag == "img":
            name = _image_name(child)
            if name:
                yield Image(name)
        elif child.tag == "a":
            inner = tuple(i for i in trimmed(_inlines(child.children, marks)) if not isinstance(i, Anchor))
            href = safe_href(child.attrs.get("href", ""))
            if href is None:
                yield from inner
            else:
                yield Anchor(href, inner or (Text(href),))
        else:
            mark = _MARKS.get(child.tag)
            yield from _inlines(child.children, marks | {mark} if mark else marks)


def _image_name(node: _Node) -> str:
    """The file that an image shows: Zendesk puts its name into the address, others into alt."""
    source = node.attrs.get("src", "")
    try:
        parts = urlsplit(source)
        named = parse_qs(parts.query).get("name", [""])[0] or unquote(parts.path).rsplit("/", 1)[-1]
    except ValueError:
        named = ""
    if source.startswith(("data:", "cid:")):
        named = ""
    return (node.attrs.get("alt", "") or named).replace("\n", " ").strip()[:200]


# ---- writing ---------------------------------------------------------------------------------------------------


def write_html(blocks: Iterable[Block], images: Mapping[str, str] | None = None) -> str:
    """The HTML of a comment. `images` are the addresses of the files it may show, by name; the others are named."""
    return "".join(_write(block, images or {}) for block in blocks)


def _write(block: Block, images: Mapping[str, str]) -> str:
    match block:
        case Paragraph():
            return f"<p>{_line(block.inlines, images)}</p>"
        case Heading():
            return f"<h{block.level}>{_line(block.inlines, images)}</h{block.level}>"
        case Listing():
            tag = "ol" if block.ordered else "ul"
            items = "".join(
                f"<li>{_line(item.inlines, images)}{''.join(_write(inner, images) for inner in item.lists)}</li>"
                for item in block.items
            )
            return f"<{tag}>{items}</{tag}>"
        case Code():
            named = f' class="language-{block.language}"' if LANGUAGE.fullmatch(block.language) else ""
            return f"<pre><code{named}>{escape(quiet(block.text))}</code></pre>"
        case Quote():
            return f"<blockquote>{''.join(_write(inner, images) for inner in block.blocks)}</blockquote>"
        case Table():
            rows = "".join(f"<tr>{''.join(_write_cell(cell, images) for cell in row)}</tr>" for row in block.rows)
            return f"<table><tbody>{rows}</tbody></table>"
        case Rule():
            return "<hr>"


def _write_cell(cell: Cell, images: Mapping[str, str]) -> str:
    tag = "th" if cell.header else "td"
    return f"<{tag}>{_line(cell.inlines, images)}</{tag}>"


def _line(inlines: Iterable[Inline], images: Mapping[str, str]) -> str:
    return "".join(_write_inline(inline, images) for inline in inlines)


def _write_inline(inline: Inline, images: Mapping[str, str]) -> str:
    match inline:
        case Text():
            text = escape(quiet(inline.text))
            for mark, tag in reversed(_TAGS):
                if mark in inline.marks:
                    text = f"<{tag}>{text}</{tag}>"
            return text
        case Break():
            return "<br>"
        case Anchor():
            return f'<a href="{escape(inline.href)}" rel="noreferrer">{_line(inline.inlines, images)}</a>'
        case Image():
            address = images.get(inline.name)
            if address is None:
                return f"<em>[{escape(quiet(inline.name))}]</em>"
            return f'<img src="{escape(address)}" alt="{escape(inline.name)}">'
