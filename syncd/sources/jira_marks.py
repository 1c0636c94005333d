"""What was done to an issue beside its status and resolution: from its changelog and from the times of its comments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from syncd.core.model import ActorKind, IssueMark, IssueSnapshot
from syncd.sources.jira_history import item_field
from syncd.sources.jira_json import Authors, MalformedError, ident, instant, record, rows, text_of

MOST: Final = 500
"""Marks of one reading; the newest ones."""

_NAMES: Final = {
    "assignee": "assignee",
    "component": "components",
    "components": "components",
    "key": "project",
    "duedate": "due_date",
    "fix version": "fix_versions",
    "fixversions": "fix_versions",
}
_ELSEWHERE: Final = frozenset({"status", "resolution"})  # IssueSnapshot.history has them
_SILENT: Final = frozenset({"project", "rank"})  # `Key` tells of a move; a rank is moved with its neighbours


def marks_of(entries: Iterable[Any], comments: Iterable[Any], authors: Authors) -> tuple[IssueMark, ...]:
    """The marks, newest first. Our own comments are left out, and so is what cannot be read."""
    found: dict[tuple[str, str, str | None, str | None], IssueMark] = {}
    for raw in entries:
        for mark in _of_entry(raw, authors):
            found[mark.id, mark.name, mark.before, mark.after] = mark
    for raw in comments:
        mark_or_none = _of_comment(raw, authors)
        if mark_or_none is not None:
            found[mark_or_none.id, "comment", None, None] = mark_or_none
    return newest_first(found.values())[:MOST]


def newest_first(marks: Iterable[IssueMark]) -> tuple[IssueMark, ...]:
    """In the order in which a snapshot keeps them."""
    return tuple(sorted(marks, key=lambda mark: (mark.at, len(mark.id), mark.id), reverse=True))


def _of_entry(raw: object, authors: Authors) -> list[IssueMark]:
    """The marks of a changelog entry; none when it cannot be read, as nothing decisive rests on them."""
    try:
        return _marks(record(raw, "a changelog entry"), authors)
    except MalformedError:
        return []


def _marks(entry: Mapping[str, Any], authors: Authors) -> list[IssueMark]:
    made = IssueMark(
        id=ident(entry.get("id"), "the id of a changelog entry"),
        at=instant(entry.get("created"), "the time of a changelog entry"),
        actor=authors.actor(entry.get("author")),
        name="edit",
    )
    found = []
    others = False
    for raw in rows(entry.get("items") or [], "the items of a changelog entry"):
        item = record(raw, "an item of a changelog entry")
        field = (item_field(item) or "").casefold()
        name = _NAMES.get(field)
        if name is not None:
            before, after = (_value(name, item, side) for side in ("from", "to"))
            found.append(replace(made, name=name, before=before, after=after))
        elif field not in _ELSEWHERE and field not in _SILENT:
            others = True
    return found or ([made] if others else [])


def _value(name: str, item: Mapping[str, Any], side: str) -> str | None:
    told = text_of(item.get(f"{side}String"))
    match name:
        case "assignee":
            return text_of(item.get(side))
        case "project":
            return told.rpartition("-")[0] or None if told else None
        case "due_date":
            value = text_of(item.get(side)) or told
            return value[:10] if value else None
        case _:
            return told


def _of_comment(raw: object, authors: Authors) -> IssueMark | None:
    try:
        comment = record(raw, "a comment")
        actor = authors.actor(comment.get("author"))
        if actor.kind is ActorKind.SELF:
            return None
        number = ident(comment.get("id"), "a comment's id")
        return IssueMark(f"c{number}", instant(comment.get("created"), "the time of a comment"), actor, "comment")
    except MalformedError:
        return None


def embedded_comments(data: Mapping[str, Any]) -> tuple[list[Any], int]:
    """The comments within the JSON of an issue, and how many it has beside them."""
    fields = data.get("fields")
    value = fields.get("comment") if isinstance(fields, dict) else None
    listed = value.get("comments") if isinstance(value, dict) else None
    found = listed if isinstance(listed, list) else []
    total = value.get("total") if isinstance(value, dict) else None
    return found, max(0, total - len(found)) if isinstance(total, int) else 0


def with_marks(
    issue: IssueSnapshot,
    data: Mapping[str, Any],
    entries: Iterable[Any],
    authors: Authors,
    more: Callable[[], list[Any]],
) -> IssueSnapshot:
    """The issue with its marks; `more` lists its newest comments, for when the JSON holds only some of them."""
    comments, missing = embedded_comments(data)
    return replace(issue, marks=marks_of(entries, [*comments, *(more() if missing else [])], authors))
