"""What a parser makes of a mail's HTML, and in which order a mail says things."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a parser makes of a page."""

    VOID = frozenset({"meta", "br", "img", "input", "link", "base"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.hrefs: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.hrefs += [value or "" for name, value in attrs if name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def in_order(text: str, *parts: str) -> None:
    """All parts stand in the text, each after the one before."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is missing after {text[max(at - 60, 0) : at]!r}"
        at = found + len(part)
