"""JSON shapes of the pretend Jira: the one place that knows how Cloud and Data Center differ on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote

from syncd.sandbox.jira_core import JiraCore
from syncd.sandbox.jira_model import (
    CATEGORIES,
    MULTIPLE,
    Attachment,
    Change,
    Comment,
    Component,
    CustomField,
    Issue,
    IssueLink,
    LinkType,
    Named,
    RemoteLink,
    User,
    Version,
)
from syncd.sandbox.jira_site import Project
from syncd.sandbox.jira_text import stamp, text_to_adf, to_html

Json = dict[str, Any]

#: Search embeds at most so many comments and changelog entries in an issue (Cloud).
EMBEDDED_IN_SEARCH: Final = 20
#: expand=changelog of a single issue shows the newest ones only (Cloud).
EMBEDDED_IN_ISSUE: Final = 100
_NOT_NAVIGABLE: Final = frozenset({"comment", "attachment", "worklog"})
_EXPANDS: Final = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"


class Renderer:
    """Shapes for one reader: his zone, what he sees, the base URL he came over, version 2 or 3 of the interface."""

    def __init__(self, world: JiraCore, user: User | None, base: str, *, rich: bool) -> None:
        self.world = world
        self.site = world.site
        self.reader = user
        self.root = base
        self.rich = rich
        self.rest = f"{base}/rest/api/{'3' if rich else '2'}"
        self._zone = world.zone_of(user)
        self._cloud = world.cloud
        self._users: dict[str, Json] = {}

    def at(self, at_ms: int | None) -> str | None:
        """A time in the reader's zone."""
        return None if at_ms is None else stamp(at_ms, self._zone)

    def rich_text(self, text: str | None) -> Any:
        """Wiki text (v2) or an Atlassian document (v3)."""
        return text_to_adf(text) if self.rich and text is not None else text

    # Catalogues

    def user(self, user_id: str | None) -> Json | None:
        """An account as other objects show it."""
        if user_id is None:
            return None
        known = self._users.get(user_id)
        if known is None:
            known = self._users[user_id] = self.account(self.site.users[user_id])
        return known

    def account(self, user: User) -> Json:
        """An account in full."""
        query = f"accountId={quote(user.id)}" if self._cloud else f"username={quote(user.id)}"
        picture = f"{self.root}/secure/useravatar?ownerId={quote(user.id)}"
        shape: Json = {"self": f"{self.rest}/user?{query}"}
        if self._cloud:
            shape |= {"accountId": user.id, "accountType": user.account_type}
        else:
            shape |= {"name": user.id, "key": user.key}
        if not self.world.switches["hide_emails"]:
            shape["emailAddress"] = user.email
        return shape | {
            "avatarUrls": {size: f"{picture}&size={size}" for size in ("48x48", "24x24", "16x16", "32x32")},
            "displayName": user.display_name,
            "active": user.active,
            "timeZone": user.time_zone,
        }

    def category(self, key: str) -> Json:
        """A status category."""
        number, name, color = CATEGORIES[key]
        return {
            "self": f"{self.rest}/statuscategory/{number}",
            "id": number,
            "key": key,
            "colorName": color,
            "name": name,
        }

    def status(self, status_id: str) -> Json:
        """A status."""
        status = self.site.statuses[status_id]
        return {
            "self": f"{self.rest}/status/{status.id}",
            "description": status.description,
            "iconUrl": f"{self.root}/images/icons/statuses/generic.png",
            "name": status.name,
            "id": status.id,
            "statusCategory": self.category(status.category),
        }

    def priority(self, entry: Named) -> Json:
        """A priority."""
        return {
            "self": f"{self.rest}/priority/{entry.id}",
            "iconUrl": f"{self.root}/images/icons/priorities/{entry.name.lower()}.svg",
            "name": entry.name,
            "id": entry.id,
        }

    def resolution(self, entry: Named) -> Json:
        """A resolution."""
        return {
            "self": f"{self.rest}/resolution/{entry.id}",
            "id": entry.id,
            "description": entry.description,
            "name": entry.name,
        }

    def issue_type(self, entry: Named) -> Json:
        """An issue type."""
        shape: Json = {
            "self": f"{self.rest}/issuetype/{entry.id}",
            "id": entry.id,
            "description": entry.description,
            "iconUrl": f"{self.root}/images/icons/issuetypes/{entry.id}.svg",
            "name": entry.name,
            "subtask": entry.subtask,
        }
        if self._cloud:
            shape["hierarchyLevel"] = -1 if entry.subtask else 1 if entry.name == "Epic" else 0
        return shape

    def project(self, project: Project) -> Json:
        """A project."""
        shape: Json = {
            "self": f"{self.rest}/project/{project.id}",
            "id": str(project.id),
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "service_desk" if project.jsm else "software",
        }
        if self._cloud:
            style = "next-gen" if project.team_managed else "classic"
            shape |= {"simplified": project.team_managed, "style": style, "isPrivate": False}
        return shape

    def component(self, component: Component) -> Json:
        """A component."""
        return {"self": f"{self.rest}/component/{component.id}", "id": component.id, "name": component.name}

    def version(self, version: Version) -> Json:
        """A version."""
        shape: Json = {
            "self": f"{self.rest}/version/{version.id}",
            "id": version.id,
            "name": version.name,
            "archived": version.archived,
            "released": version.released,
            "projectId": version.project_id,
        }
        if version.release_date is not None:
            shape["releaseDate"] = version.release_date
        return shape

    def link_type(self, kind: LinkType) -> Json:
        """A type of issue link."""
        return {
            "id": kind.id,
            "name": kind.name,
            "inward": kind.inward,
            "outward": kind.outward,
            "self": f"{self.rest}/issueLinkType/{kind.id}",
        }

    # What hangs on an issue

    def comment(self, issue: Issue, entry: Comment, expand: Iterable[str] = ()) -> Json:
        """A comment."""
        shape: Json = {
            "self": f"{self.rest}/issue/{issue.id}/comment/{entry.id}",
            "id": str(entry.id),
            "author": self.user(entry.author),
            "body": self.rich_text(entry.body),
            "updateAuthor": self.user(entry.update_author),
            "created": self.at(entry.created),
            "updated": self.at(entry.updated),
        }
        if entry.visibility is not None:
            shape["visibility"] = self._visibility(entry.visibility)
        if self._cloud:
            # True on every project that is no service desk: it says nothing about who may read there.
            shape["jsdPublic"] = not (self.site.projects[issue.project].jsm and entry.internal)
        if "renderedBody" in expand:
            shape["renderedBody"] = to_html(entry.body)
        if "properties" in expand and self.world.switches["comment_expand_properties"]:
            shape["properties"] = [{"key": key, "value": value} for key, value in entry.properties.items()]
        return shape

    def _visibility(self, visibility: Json) -> Json:
        shape = {"type": visibility["type"], "value": visibility["value"]}
        return shape | {"identifier": visibility["value"]} if self._cloud else shape

    def visible_comments(self, issue: Issue) -> list[Comment]:
        """The comments that the reader may see, oldest first."""
        return [entry for entry in issue.comments if self.site.sees(self.reader, entry.visibility)]

    def attachment(self, entry: Attachment) -> Json:
        """An attachment."""
        where = f"{self.rest}/attachment/content/{entry.id}"
        if not self._cloud:
            where = f"{self.root}/secure/attachment/{entry.id}/{quote(entry.filename)}"
        return {
            "self": f"{self.rest}/attachment/{entry.id}",
            "id": str(entry.id),
            "filename": entry.filename,
            "author": self.user(entry.author),
            "created": self.at(entry.created),
            "size": len(entry.content),
            "mimeType": entry.mime_type,
            "content": where,
        }

    def remote_link(self, issue: Issue, link: RemoteLink) -> Json:
        """A remote link; what was not given is left out."""
        shape: Json = {"id": link.id, "self": f"{self.rest}/issue/{issue.key}/remotelink/{link.id}"}
        shape |= {key: value for key, value in link.data.items() if value is not None}
        shape.setdefault("application", {})
        return shape

    def issue_link(self, issue: Issue, link: IssueLink) -> Json | None:
        """A link as it is seen from one of its issues; None when the other one is hidden."""
        outwards = link.inward == issue.id
        other = self.world.issues.get(link.outward if outwards else link.inward)
        if other is None or not self.site.browses(self.reader, self.site.projects[other.project]):
            return None
        return {
            "id": str(link.id),
            "self": f"{self.rest}/issueLink/{link.id}",
            "type": self.link_type(link.type),
            "outwardIssue" if outwards else "inwardIssue": self.stub(other),
        }

    def stub(self, issue: Issue) -> Json:
        """An issue as links and parents show it."""
        fields = ("summary", "status", "priority", "issuetype")
        return {
            "id": str(issue.id),
            "key": issue.key,
            "self": f"{self.rest}/issue/{issue.id}",
            "fields": {name: READERS[name](self, issue) for name in fields},
        }

    def change(self, entry: Change) -> Json:
        """A changelog entry."""
        items = []
        for item in entry.items:
            shape: Json = {"field": item.field, "fieldtype": item.fieldtype}
            if self._cloud and item.field_id is not None:
                shape["fieldId"] = item.field_id
            shape |= {"from": item.old, "fromString": item.old_text}
            shape |= {"to": item.new, "toString": item.new_text}
            items.append(shape)
        whole: Json = {
            "id": str(entry.id),
            "author": self.user(entry.author),
            "created": self.at(entry.created),
            "items": items,
        }
        if entry.metadata is not None:
            whole["historyMetadata"] = entry.metadata
        return whole

    def changelog(self, issue: Issue, limit: int | None) -> Json:
        """What expand=changelog shows: newest first on Cloud, oldest first and whole on Data Center."""
        entries = issue.changes
        if self._cloud:
            entries = entries[::-1][:limit]
        return {
            "startAt": 0,
            "maxResults": len(entries),
            "total": len(issue.changes),
            "histories": [self.change(entry) for entry in entries],
        }

    # The issue itself

    def field_ids(self) -> list[str]:
        """Every field that issues have."""
        return [*READERS, *self.site.custom_fields]

    def select(self, wanted: list[str] | None, default: str) -> list[str]:
        """The ids of the fields to show. `wanted`: names, `*all`, `*navigable`, `-name`; None: `default`."""
        every = self.field_ids()
        asked = wanted or [default]
        if all(name.startswith("-") for name in asked):
            asked = [default, *asked]
        chosen: set[str] = set()
        for name in asked:
            if name == "*all":
                chosen.update(every)
            elif name == "*navigable":
                chosen.update(field for field in every if field not in _NOT_NAVIGABLE)
            elif name.startswith("-"):
                chosen.discard(name[1:])
            else:
                chosen.add(name)
        absent = self.world.switches["absent_fields"]
        return [field for field in every if field in chosen and field not in absent]

    def fields(self, issue: Issue, chosen: Iterable[str], *, in_search: bool = False) -> Json:
        """The values of these fields."""
        without = {"parent"} if issue.parent is None else set()
        if not self._cloud:
            without.add("statuscategorychangedate")
        shape: Json = {}
        for name in chosen:
            reader = READERS.get(name)
            if reader is None:
                shape[name] = self.custom(issue, name)
            elif name in without:
                continue
            elif name == "comment" and in_search and self._cloud:
                shape[name] = self.comments(issue, EMBEDDED_IN_SEARCH)
            else:
                shape[name] = reader(self, issue)
        return shape

    def comments(self, issue: Issue, limit: int | None = None) -> Json:
        """The field `comment`."""
        visible = self.visible_comments(issue)
        shown = visible if limit is None else visible[:limit]
        return {
            "comments": [self.comment(issue, entry) for entry in shown],
            "self": f"{self.rest}/issue/{issue.id}/comment",
            "maxResults": len(visible) if limit is None else limit,
            "total": len(visible),
            "startAt": 0,
        }

    def custom(self, issue: Issue, field_id: str) -> Any:
        """The value of a custom field."""
        value = issue.custom.get(field_id)
        entry = self.site.custom_fields[field_id]
        if value is None:
            return None
        if entry.kind == "select":
            return self._option(entry, value)
        if entry.kind in MULTIPLE:
            return [self._option(entry, name) for name in value]
        if entry.kind == "userpicker":
            return self.user(value)
        return self.rich_text(value) if entry.kind == "textarea" else value

    def _option(self, entry: CustomField, value: str) -> Json:
        option = next(number for number, name in entry.options if name == value)
        return {"self": f"{self.rest}/customFieldOption/{option}", "value": value, "id": option}

    def issue(
        self,
        issue: Issue,
        chosen: Iterable[str],
        *,
        expand: Iterable[str] = (),
        properties: Iterable[str] = (),
        in_search: bool = False,
    ) -> Json:
        """An issue with these fields. Expansions that need the workflow are added by the caller."""
        wanted = list(chosen)
        shape: Json = {
            "expand": _EXPANDS,
            "id": str(issue.id),
            "self": f"{self.rest}/issue/{issue.id}",
            "key": issue.key,
        }
        if "renderedFields" in expand:
            shape["renderedFields"] = self._rendered(issue, wanted)
        if "changelog" in expand:
            shape["changelog"] = self.changelog(issue, EMBEDDED_IN_SEARCH if in_search else EMBEDDED_IN_ISSUE)
        keys = list(properties)
        if keys:
            every = "*all" in keys
            shape["properties"] = {k: v for k, v in issue.properties.items() if every or k in keys}
        shape["fields"] = self.fields(issue, wanted, in_search=in_search)
        return shape

    def _rendered(self, issue: Issue, wanted: list[str]) -> Json:
        shape: Json = dict.fromkeys(wanted)
        if "description" in shape and issue.description is not None:
            shape["description"] = to_html(issue.description)
        if "comment" in shape:
            plain = self.comments(issue)
            for entry, source in zip(plain["comments"], self.visible_comments(issue), strict=True):
                entry["body"] = to_html(source.body)
            shape["comment"] = plain
        return shape


def _entry(catalogue: dict[str, Named], key: str | None, shape: Callable[[Named], Json]) -> Json | None:
    return None if key is None else shape(catalogue[key])


READERS: Final[dict[str, Callable[[Renderer, Issue], Any]]] = {
    "statuscategorychangedate": lambda r, i: r.at(i.category_changed),
    "issuetype": lambda r, i: r.issue_type(r.site.issue_types[i.type_id]),
    "parent": lambda r, i: None if i.parent not in r.world.issues else r.stub(r.world.issues[i.parent]),
    "project": lambda r, i: r.project(r.site.projects[i.project]),
    "fixVersions": lambda r, i: [r.version(r.site.versions[v]) for v in i.fix_versions],
    "resolution": lambda r, i: _entry(r.site.resolutions, i.resolution_id, r.resolution),
    "resolutiondate": lambda r, i: r.at(i.resolved),
    "created": lambda r, i: r.at(i.created),
    "priority": lambda r, i: _entry(r.site.priorities, i.priority_id, r.priority),
    "labels": lambda _r, i: list(i.labels),
    "versions": lambda r, i: [r.version(r.site.versions[v]) for v in i.versions],
    "issuelinks": lambda r, i: [s for s in (r.issue_link(i, link) for link in i.links) if s is not None],
    "assignee": lambda r, i: r.user(i.assignee),
    "updated": lambda r, i: r.at(i.updated),
    "status": lambda r, i: r.status(i.status_id),
    "components": lambda r, i: [r.component(r.site.components[c]) for c in i.components],
    "description": lambda r, i: r.rich_text(i.description),
    "attachment": lambda r, i: [r.attachment(entry) for entry in i.attachments],
    "summary": lambda _r, i: i.summary,
    "creator": lambda r, i: r.user(i.creator),
    "reporter": lambda r, i: r.user(i.reporter),
    "subtasks": lambda r, i: [r.stub(r.world.issues[c]) for c in sorted(r.world.children.get(i.id, ()))],
    "environment": lambda r, i: r.rich_text(i.environment),
    "duedate": lambda _r, i: i.due,
    "comment": lambda r, i: r.comments(i),
    "worklog": lambda _r, _i: {"startAt": 0, "maxResults": 20, "total": 0, "worklogs": []},
    "watches": lambda _r, _i: {"watchCount": 0, "isWatching": False},
    "votes": lambda _r, _i: {"votes": 0, "hasVoted": False},
    "workratio": lambda _r, _i: -1,
}
