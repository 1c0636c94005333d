"""Jira's issues, comments and versions as syncd's records. Pure: nothing here calls a server.

Shapes follow REST version 2 of Jira Cloud and of Jira Data Center 10.3:
https://developer.atlassian.com/cloud/jira/platform/rest/v2/ and
https://developer.atlassian.com/server/jira/platform/rest/. Ids are text in the records even where Jira sends numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from syncd.core.model import IssueSnapshot, Version
from syncd.core.ports import BugComment
from syncd.sources.jira_fields import compact
from syncd.sources.jira_history import embedded_changelog, last_resolution, parse_history
from syncd.sources.jira_json import (
    Authors,
    MalformedError,
    epoch_ms,
    ident,
    instant,
    record,
    rows,
    text_of,
    user_id,
    words_of,
)

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
    "components",
    "created",
)
"""What a reading of an issue asks for; without a list Cloud's search answers bare ids."""

DECISIVE: Final = ("status", "resolution", "updated", "issuetype", "project")
"""Fields whose absence must not pass for "empty": a bug whose resolution is missing is not one without a resolution."""

ORIGIN: Final = "syncd.origin"
"""The comment property that marks a comment as ours."""


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


def parse_issue(raw: object, authors: Authors, wanted: Iterable[str] = ()) -> IssueSnapshot:
    """One issue of a search, a bulk fetch or a direct reading; raises MalformedError naming what is wrong.

    `history` is filled from an embedded changelog. A resolution that is absent (not null) is taken from that
    changelog, where there is one. `wanted` are the ids of further fields to keep; one that is absent is left out.
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
        resolution_id = last_resolution(history)
    assignee = fields.get("assignee")
    return IssueSnapshot(
        id=ident(data.get("id"), f"{name}: id"),
        key=ident(data.get("key"), f"{name}: key"),
        project_key=ident(project.get("key"), f"{name}: project key"),
        project_id=ident(project.get("id"), f"{name}: project id"),
        issue_type=words_of(kind.get("name"), f"{name}: the issue type's name"),
        issue_type_id=ident(kind.get("id"), f"{name}: issue type id"),
        status_id=ident(status.get("id"), f"{name}: status id"),
        status_name=words_of(status.get("name"), f"{name}: the status' name"),
        status_category=category_of(category),
        updated_ms=epoch_ms(instant(fields.get("updated"), f"{name}: updated")),
        resolution_id=resolution_id,
        resolution_name=_name_of(resolution),
        summary=fields["summary"] if isinstance(fields.get("summary"), str) else "",
        priority=_name_of(fields.get("priority")),
        assignee=text_of(assignee.get("displayName")) if isinstance(assignee, dict) else None,
        assignee_id=user_id(assignee),
        assignee_email=text_of(assignee.get("emailAddress")) if isinstance(assignee, dict) else None,
        fix_versions=parse_versions(fields.get("fixVersions") or []),
        due_date=text_of(fields.get("duedate")),
        labels=tuple(sorted(label for label in fields.get("labels") or [] if isinstance(label, str))),
        duplicates=_duplicates(fields.get("issuelinks")),
        history=history,
        fields={name: compact(fields[name]) for name in wanted if name in fields},
        components=_names_of(fields.get("components")),
        created_ms=_moment_of(fields.get("created")),
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
        date = text_of(version.get("releaseDate"))
        found.append(
            Version(
                id=ident(version.get("id"), "a version's id"),
                name=words_of(version.get("name"), "a version's name"),
                released=version.get("released") is True,
                release_date=date[:10] if date else None,
            )
        )
    return tuple(found)


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
        restricted=data.get("visibility") not in (None, {}, ""),
        # jsdPublic: true says nothing, as every project that is no service desk has it.
        internal=True if data.get("jsdPublic") is False else _internal(properties),
        edited_by=user_id(data.get("updateAuthor")),
    )
    return comment, isinstance(properties, list)


def _internal(properties: object) -> bool | None:
    """What sd.public.comment says; a value that cannot be read counts as internal."""
    for entry in properties if isinstance(properties, list) else ():
        if isinstance(entry, dict) and entry.get("key") == "sd.public.comment":
            value = entry.get("value")
            return not (isinstance(value, dict) and value.get("internal") in (False, "false"))
    return None


def _property_marker(properties: object) -> str | None:
    if not isinstance(properties, list):
        return None
    for entry in properties:
        if isinstance(entry, dict) and entry.get("key") == ORIGIN:
            return marker_of_origin(entry.get("value"))
    return None


def marker_of_origin(value: object) -> str | None:
    """The marker in the value of our comment property."""
    return text_of(value.get("marker")) if isinstance(value, dict) else None


def _names_of(value: object) -> tuple[str, ...]:
    named = (_name_of(item) for item in (value if isinstance(value, list) else ()))
    return tuple(sorted(name for name in named if name is not None))


def _moment_of(value: object) -> int:
    try:
        return epoch_ms(instant(value))
    except MalformedError:
        return 0


def _name_of(value: object) -> str | None:
    return text_of(value.get("name")) if isinstance(value, dict) else None
