"""Jira's changelog as changes of status and resolution, and the marker that ours carry. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from syncd.core.model import IssueChange
from syncd.sources.jira_json import Authors, ident, instant, record, rows, text_of

METADATA_TYPE: Final = "syncd:sync"
CAUSE_TYPE: Final = "syncd-intent"
_WIRE_NAMES: Final = frozenset({"", "-1"})  # how "no resolution" looks in a changelog besides null


def embedded_changelog(data: Mapping[str, Any]) -> list[Any]:
    """The entries under `changelog.histories` (`values` in the resource of its own), in whatever order they came."""
    changelog = data.get("changelog")
    if changelog is None:
        return []
    changelog = record(changelog, "a changelog")
    return rows(changelog.get("histories", changelog.get("values", [])), "a changelog's entries")


def missing_entries(data: Mapping[str, Any]) -> int:
    """How many changelog entries the server has beside those it embedded (Cloud embeds only the newest ones)."""
    changelog = data.get("changelog")
    total = changelog.get("total") if isinstance(changelog, dict) else None
    if not isinstance(total, int):
        return 0
    return max(0, total - len(embedded_changelog(data)))


def parse_history(entries: Iterable[Any], authors: Authors) -> tuple[IssueChange, ...]:
    """The changes of status and resolution, newest first.

    The order of the entries is not relied upon: Cloud embeds the newest first and lists the oldest first, Data Center
    promises nothing. Entries with one time are ordered by id.
    """
    found: dict[str, IssueChange] = {}
    for raw in entries:
        entry = record(raw, "a changelog entry")
        change = _parse_change(entry, authors)
        if change is not None:
            found[change.id] = change
    return tuple(sorted(found.values(), key=lambda change: (change.at, _number(change.id)), reverse=True))


def _parse_change(entry: Mapping[str, Any], authors: Authors) -> IssueChange | None:
    moves: dict[str, tuple[str | None, str | None]] = {}
    for raw in rows(entry.get("items") or [], "the items of a changelog entry"):
        item = record(raw, "an item of a changelog entry")
        name = item_field(item)
        if name in ("status", "resolution"):
            before, after = _wire(item.get("from")), _wire(item.get("to"))
            moves[name] = (moves[name][0] if name in moves else before, after)
    if not moves:
        return None
    status = moves.get("status", (None, None))
    resolution = moves.get("resolution", (None, None))
    return IssueChange(
        id=ident(entry.get("id"), "the id of a changelog entry"),
        at=instant(entry.get("created"), "the time of a changelog entry"),
        actor=authors.actor(entry.get("author")),
        status_from=status[0],
        status_to=status[1],
        resolution_from=resolution[0],
        resolution_to=resolution[1],
        marker=_marker(entry.get("historyMetadata")),
    )


def item_field(item: Mapping[str, Any]) -> str | None:
    """The field's id; Data Center sends only its name, which a custom field may share with a system field."""
    field_id = item.get("fieldId")
    if isinstance(field_id, str):
        return field_id
    if item.get("fieldtype", "jira") != "jira":
        return None
    name = item.get("field")
    return name.casefold() if isinstance(name, str) else None


def _wire(value: object) -> str | None:
    if value is None or str(value) in _WIRE_NAMES:
        return None
    return str(value)


def _marker(metadata: object) -> str | None:
    """Our marker in an entry's historyMetadata, which any integration may fill in its own way."""
    if not isinstance(metadata, dict):
        return None
    extra = metadata.get("extraData")
    if metadata.get("type") == METADATA_TYPE and isinstance(extra, dict) and text_of(extra.get("op")):
        return text_of(extra["op"])
    cause = metadata.get("cause")
    if isinstance(cause, dict) and cause.get("type") == CAUSE_TYPE:
        return text_of(cause.get("id"))
    return None


def marker_of_entry(entry: Mapping[str, Any]) -> str | None:
    """Our marker in a changelog entry."""
    return _marker(entry.get("historyMetadata"))


def history_metadata(marker: str) -> dict[str, Any]:
    """What a transition of ours carries, and _marker() reads back. Values under extraData must be text."""
    return {
        "type": METADATA_TYPE,
        "description": "Moved by syncd",
        "generator": {"id": "syncd", "type": "syncd-application"},
        "cause": {"id": marker, "type": CAUSE_TYPE},
        "extraData": {"op": marker},
    }


def last_resolution(history: tuple[IssueChange, ...]) -> str | None:
    """The resolution id that a history, newest first, ends with."""
    for change in history:
        if change.resolution_from is not None or change.resolution_to is not None:
            return change.resolution_to
    return None


def _number(value: str) -> int:
    digits = re.match(r"\d+", value)
    return int(digits.group()) if digits else 0
