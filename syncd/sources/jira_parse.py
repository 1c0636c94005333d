"""Jira's JSON as syncd's records. Pure: nothing here calls a server.

Shapes follow REST version 2 of Jira Cloud and of Jira Data Center 10.3:
https://developer.atlassian.com/cloud/jira/platform/rest/v2/ and
https://developer.atlassian.com/server/jira/platform/rest/. Ids are text in the records even where Jira sends numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from syncd.core.model import Actor, ActorKind, IssueChange, IssueSnapshot, Version
from syncd.core.ports import BugComment

FIELDS: Final = (
    "summary",
    "status",
    "resolution",
    "updated",
    "priority",
    "assignee",
    "fixVersions",
    "duedate",
    "labels",
    "issuelinks",
    "issuetype",
    "project",
)
"""What a reading of an issue asks for; without a list Cloud's search answers bare ids."""

DECISIVE: Final = ("status", "resolution", "updated", "issuetype", "project")
"""Fields whose absence must not pass for "empty": a bug whose resolution is missing is not one without a resolution."""

ORIGIN: Final = "syncd.origin"
"""The comment property that marks a comment as ours."""

METADATA_TYPE: Final = "syncd:sync"
CAUSE_TYPE: Final = "syncd-intent"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECONDS_END: Final = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973: no stamp is near it
_WIRE_NAMES: Final = frozenset({"", "-1"})  # how "no resolution" looks in a changelog besides null


class MalformedError(ValueError):
    """The JSON cannot be read as what it should be; the message is a sentence for people."""


def record(value: object, what: str) -> Mapping[str, Any]:
    """`value` as a JSON object; raises MalformedError naming `what` otherwise."""
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not a JSON object")
    return value


def rows(value: object, what: str) -> list[Any]:
    """`value` as a JSON list; raises MalformedError naming `what` otherwise."""
    if not isinstance(value, list):
        raise MalformedError(f"{what} is not a JSON list")
    return value


def ident(value: object, what: str) -> str:
    """An id as text: Jira sends most ids as strings and some as numbers."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise MalformedError(f"{what} is missing")


def instant(value: object, what: str = "the time stamp") -> datetime:
    """A time of Jira's in UTC.

    Text is ISO 8601 in the reader's zone with an offset that may lack the colon (`2021-01-25T21:49:52.514+0800`);
    numbers are epoch seconds or milliseconds, told apart by size.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise MalformedError(f"{what} cannot be read as a time") from None
        if moment.tzinfo is None:
            raise MalformedError(f"{what} has no offset from UTC")
        return moment.astimezone(UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        milliseconds = value if abs(value) >= _SECONDS_END else value * 1000
        try:
            return _EPOCH + timedelta(milliseconds=milliseconds)
        except (OverflowError, ValueError):
            raise MalformedError(f"{what} cannot be read as a time") from None
    raise MalformedError(f"{what} is missing")


def epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, without a detour over floats."""
    return (moment - _EPOCH) // _MILLISECOND


@dataclass(frozen=True, slots=True)
class Authors:
    """Tells whose doing a change is."""

    own: frozenset[str] = frozenset()  # our accountId on Cloud; our name and key on Data Center
    robots: frozenset[str] = frozenset()  # ids, names or display names of other integrations, in case-folded form

    @classmethod
    def of(cls, own: Iterable[str], robots: Iterable[str]) -> Authors:
        """From ids as a server gave them and robots as the configuration names them."""
        return cls(frozenset(name for name in own if name), frozenset(robot.casefold() for robot in robots))

    def is_own(self, user: object) -> bool:
        """True when the JSON of a user is our own account's."""
        return isinstance(user, dict) and any(user.get(key) in self.own for key in ("accountId", "name", "key"))

    def actor(self, user: object) -> Actor:
        """The author of a change. One who cannot be told is UNKNOWN, which counts as a person."""
        if not isinstance(user, dict):
            return Actor(ActorKind.UNKNOWN)
        identity = user_id(user) or ""
        name = user["displayName"] if isinstance(user.get("displayName"), str) else ""
        if self.is_own(user):
            kind = ActorKind.SELF
        elif self._is_robot(user, name):
            kind = ActorKind.ROBOT
        elif user.get("accountType") == "customer":  # of a service desk's portal
            kind = ActorKind.CUSTOMER
        else:
            kind = ActorKind.AGENT if identity or name else ActorKind.UNKNOWN
        return Actor(kind, identity, name)

    def _is_robot(self, user: Mapping[str, Any], name: str) -> bool:
        if user.get("accountType") == "app" or "automation" in name.casefold():
            return True
        known = (user.get(key) for key in ("accountId", "name", "key", "displayName", "emailAddress"))
        return any(isinstance(value, str) and value.casefold() in self.robots for value in known)


def user_id(user: object) -> str | None:
    """accountId on Cloud, name (or key) on Data Center."""
    if not isinstance(user, dict):
        return None
    for key in ("accountId", "name", "key"):
        found = _text(user.get(key))
        if found is not None:
            return found
    return None


def absent_fields(raw: object) -> tuple[str, ...]:
    """Those of DECISIVE that the JSON of an issue does not have: hidden, or lost while the answer was put together."""
    fields = record(record(raw, "an issue").get("fields") or {}, "an issue's fields")
    return tuple(name for name in DECISIVE if name not in fields)


def issue_name(raw: object) -> str:
    """How a sentence names an issue that may be unreadable."""
    if isinstance(raw, dict):
        for key in ("key", "id"):
            if isinstance(raw.get(key), str | int):
                return f"issue {raw[key]}"
    return "an issue without id"


def parse_issue(raw: object, authors: Authors) -> IssueSnapshot:
    """One issue of a search, a bulk fetch or a direct reading; raises MalformedError naming what is wrong.

    `history` is filled from an embedded changelog. A resolution that is absent (not null) is taken from that
    changelog, where there is one.
    """
    data = record(raw, "an issue")
    name = issue_name(data)
    fields = record(data.get("fields"), f"{name}: fields")
    status = record(fields.get("status"), f"{name}: status")
    project = record(fields.get("project"), f"{name}: project")
    kind = record(fields.get("issuetype"), f"{name}: issue type")
    category = status.get("statusCategory")
    history = parse_history(embedded_changelog(data), authors)
    resolution = fields.get("resolution")
    resolution_id = ident(resolution.get("id"), f"{name}: resolution id") if isinstance(resolution, dict) else None
    if "resolution" not in fields:
        resolution_id = _last_resolution(history)
    assignee = fields.get("assignee")
    return IssueSnapshot(
        id=ident(data.get("id"), f"{name}: id"),
        key=ident(data.get("key"), f"{name}: key"),
        project_key=ident(project.get("key"), f"{name}: project key"),
        project_id=ident(project.get("id"), f"{name}: project id"),
        issue_type=str(kind.get("name") or ""),
        issue_type_id=ident(kind.get("id"), f"{name}: issue type id"),
        status_id=ident(status.get("id"), f"{name}: status id"),
        status_name=str(status.get("name") or ""),
        status_category=category_of(category),
        updated_ms=epoch_ms(instant(fields.get("updated"), f"{name}: updated")),
        resolution_id=resolution_id,
        resolution_name=_name_of(resolution),
        summary=fields["summary"] if isinstance(fields.get("summary"), str) else "",
        priority=_name_of(fields.get("priority")),
        assignee=_text(assignee.get("displayName")) if isinstance(assignee, dict) else None,
        assignee_id=user_id(assignee),
        fix_versions=parse_versions(fields.get("fixVersions") or []),
        due_date=_text(fields.get("duedate")),
        labels=tuple(sorted(label for label in fields.get("labels") or [] if isinstance(label, str))),
        duplicates=_duplicates(fields.get("issuelinks")),
        history=history,
    )


def hidden_issue(id_or_key: str) -> IssueSnapshot:
    """The snapshot of an issue that does not answer; only the name it was asked by is meaningful."""
    number = id_or_key.isdecimal()
    return IssueSnapshot(
        id=id_or_key if number else "",
        key="" if number else id_or_key,
        project_key="",
        project_id="",
        issue_type="",
        issue_type_id="",
        status_id="",
        status_name="",
        status_category="undefined",
        updated_ms=0,
        visible=False,
    )


def category_of(category: object) -> str:
    """A status category's key: new | indeterminate | done | undefined. Old servers send none."""
    key = category.get("key") if isinstance(category, dict) else None
    return key if key in ("new", "indeterminate", "done") else "undefined"


def parse_versions(value: object) -> tuple[Version, ...]:
    """Versions of a project or of an issue; `releaseDate` may come with a time, of which only the date is kept."""
    found = []
    for raw in rows(value, "the versions"):
        version = record(raw, "a version")
        date = _text(version.get("releaseDate"))
        found.append(
            Version(
                id=ident(version.get("id"), "a version's id"),
                name=str(version.get("name") or ""),
                released=version.get("released") is True,
                release_date=date[:10] if date else None,
            )
        )
    return tuple(found)


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
        name = _field_of(item)
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


def _field_of(item: Mapping[str, Any]) -> str | None:
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
    if metadata.get("type") == METADATA_TYPE and isinstance(extra, dict) and _text(extra.get("op")):
        return _text(extra["op"])
    cause = metadata.get("cause")
    if isinstance(cause, dict) and cause.get("type") == CAUSE_TYPE:
        return _text(cause.get("id"))
    return None


def history_metadata(marker: str) -> dict[str, Any]:
    """What a transition of ours carries, and _marker() reads back. Values under extraData must be text."""
    return {
        "type": METADATA_TYPE,
        "description": "Moved by syncd",
        "generator": {"id": "syncd", "type": "syncd-application"},
        "cause": {"id": marker, "type": CAUSE_TYPE},
        "extraData": {"op": marker},
    }


def _last_resolution(history: tuple[IssueChange, ...]) -> str | None:
    for change in history:
        if change.resolution_from is not None or change.resolution_to is not None:
            return change.resolution_to
    return None


def _duplicates(links: object) -> tuple[str, ...]:
    """The ids of the issues that this one duplicates.

    A link shows the *other* issue: as `outwardIssue` the link type's outward description reads from this issue to the
    other one ("duplicates"), as `inwardIssue` the inward description does ("is duplicated by"). A site may have the
    type's words the wrong way round, so the words decide; where neither is English, the standard direction holds.
    """
    if not isinstance(links, list):
        return ()
    found: list[str] = []
    for link in links:
        kind = link.get("type") if isinstance(link, dict) else None
        if not isinstance(kind, dict):
            continue
        outward, inward = (str(kind.get(word) or "").strip().casefold() for word in ("outward", "inward"))
        if "duplicates" in (outward, inward):
            side = "outwardIssue" if outward == "duplicates" else "inwardIssue"
        elif str(kind.get("name") or "").strip().casefold() in ("duplicate", "duplicates"):
            side = "outwardIssue"
        else:
            continue
        other = link.get(side)
        if isinstance(other, dict) and isinstance(other.get("id"), str | int):
            found.append(str(other["id"]))
    return tuple(dict.fromkeys(found))


def parse_comment(raw: object, authors: Authors) -> tuple[BugComment, bool]:
    """A comment, and whether the server said which properties it has (it does so only when it knows the expansion)."""
    data = record(raw, "a comment")
    created = instant(data.get("created"), "the time of a comment")
    properties = data.get("properties")
    body = data.get("body")
    comment = BugComment(
        id=ident(data.get("id"), "a comment's id"),
        author=authors.actor(data.get("author")),
        body=body if isinstance(body, str) else "",
        created=created,
        updated=instant(data["updated"], "the time of a comment") if data.get("updated") is not None else created,
        marker=_property_marker(properties),
    )
    return comment, isinstance(properties, list)


def _property_marker(properties: object) -> str | None:
    if not isinstance(properties, list):
        return None
    for entry in properties:
        if isinstance(entry, dict) and entry.get("key") == ORIGIN:
            return marker_of_origin(entry.get("value"))
    return None


def marker_of_origin(value: object) -> str | None:
    """The marker in the value of our comment property."""
    return _text(value.get("marker")) if isinstance(value, dict) else None


def _name_of(value: object) -> str | None:
    return _text(value.get("name")) if isinstance(value, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: str) -> int:
    digits = re.match(r"\d+", value)
    return int(digits.group()) if digits else 0
