"""Times and rich text as the pretend Jira shows them."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo


def stamp(at_ms: int, zone: ZoneInfo) -> str:
    """`2021-01-25T21:49:52.514+0800`: milliseconds and an offset without a colon, in the reader's zone."""
    seconds, milliseconds = divmod(at_ms, 1000)
    moment = datetime.fromtimestamp(seconds, zone)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}{moment:%z}"


def utc_stamp(at_ms: int) -> str:
    """As `stamp`, in UTC with a Z, for headers."""
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def text_to_adf(text: str) -> dict[str, Any]:
    """Wiki text as an Atlassian document: a paragraph for each block, a break for each line."""
    blocks: list[dict[str, Any]] = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        content: list[dict[str, Any]] = []
        for line in block.split("\n"):
            if content:
                content.append({"type": "hardBreak"})
            if line:
                content.append({"type": "text", "text": line})
        blocks.append({"type": "paragraph", "content": content})
    return {"type": "doc", "version": 1, "content": blocks}


def is_adf(value: object) -> bool:
    """Whether a value looks like an Atlassian document."""
    return isinstance(value, dict) and value.get("type") == "doc" and isinstance(value.get("content"), list)


def adf_to_text(node: dict[str, Any]) -> str:
    """An Atlassian document flattened to text; formatting is lost, as it is on the way to the wiki format."""
    kind = node.get("type")
    if kind == "text":
        return str(node.get("text", ""))
    if kind == "hardBreak":
        return "\n"
    attributes = node.get("attrs") or {}
    if kind == "mention":
        return f"[~accountid:{attributes.get('id', '')}]"
    if kind in {"inlineCard", "blockCard"}:
        return str(attributes.get("url", ""))
    parts = [adf_to_text(child) for child in node.get("content") or ()]
    if kind == "listItem":
        return "* " + "".join(parts)
    if kind in {"bulletList", "orderedList"}:
        return "\n".join(parts)
    if kind == "codeBlock":
        return "{code}\n" + "".join(parts) + "\n{code}"
    return ("\n\n" if kind == "doc" else "").join(parts)


def to_html(text: str) -> str:
    """A plain rendering: escaped, with paragraphs."""
    blocks = html.escape(text, quote=False).replace("\r\n", "\n").split("\n\n")
    return "".join("<p>" + block.replace("\n", "<br/>\n") + "</p>" for block in blocks)
