"""Fields of an issue: how a value sent over REST is read, what changes on the issue, and what the changelog says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from syncd.sandbox.jira_model import MULTIPLE, ChangeItem, CustomField, Issue, Named
from syncd.sandbox.jira_site import Project
from syncd.sandbox.jira_text import adf_to_text, is_adf

if TYPE_CHECKING:
    from syncd.sandbox.jira_core import JiraCore

TEXT_LIMIT: Final = 32_767


class FieldError(ValueError):
    """A value is refused; the message is the one that Jira answers beside the field's name."""


@dataclass(slots=True, frozen=True)
class FieldSpec:
    """A field that can be written. `attribute` is the issue's own; `change_name` is its name in the changelog."""

    id: str
    name: str
    kind: str
    attribute: str
    change_name: str
    type: str
    items: str | None = None
    operations: tuple[str, ...] = ("set",)


_LIST: Final = ("add", "set", "remove")
SPECS: Final[dict[str, FieldSpec]] = {
    spec.id: spec
    for spec in (
        FieldSpec("summary", "Summary", "summary", "summary", "summary", "string"),
        FieldSpec("description", "Description", "rich", "description", "description", "string"),
        FieldSpec("environment", "Environment", "rich", "environment", "environment", "string"),
        FieldSpec("priority", "Priority", "priority", "priority_id", "priority", "priority"),
        FieldSpec("assignee", "Assignee", "user", "assignee", "assignee", "user"),
        FieldSpec("reporter", "Reporter", "user", "reporter", "reporter", "user"),
        FieldSpec("labels", "Labels", "labels", "labels", "labels", "array", "string", _LIST),
        FieldSpec("fixVersions", "Fix versions", "versions", "fix_versions", "Fix Version", "array", "version", _LIST),
        FieldSpec("versions", "Affects versions", "versions", "versions", "Version", "array", "version", _LIST),
        FieldSpec("components", "Components", "components", "components", "Component", "array", "component", _LIST),
        FieldSpec("duedate", "Due date", "day", "due", "duedate", "date"),
        FieldSpec("resolution", "Resolution", "resolution", "resolution_id", "resolution", "resolution"),
        FieldSpec("issuetype", "Issue Type", "issuetype", "type_id", "issuetype", "issuetype"),
        FieldSpec("parent", "Parent", "parent", "parent", "Parent", "issuelink"),
    )
}
#: Fields on every create and edit screen; `resolution` only on transitions, the rest where it is said.
EDIT_SCREEN: Final = (
    "summary",
    "description",
    "environment",
    "priority",
    "assignee",
    "labels",
    "fixVersions",
    "versions",
    "components",
    "duedate",
    "issuetype",
    "parent",
)
DISPLAY_NAMES: Final = {spec.id: spec.name for spec in SPECS.values()} | {
    "comment": "Comment",
    "status": "Status",
    "project": "Project",
    "created": "Created",
    "updated": "Updated",
    "resolutiondate": "Resolved",
    "statuscategorychangedate": "Status Category Changed",
    "creator": "Creator",
    "attachment": "Attachment",
    "issuelinks": "Linked Issues",
    "subtasks": "Sub-tasks",
    "issuekey": "Key",
}


class FieldReader:
    """Reads the values of one request for one project. `rich`: rich text is ADF (v3), else wiki text (v2)."""

    def __init__(self, world: JiraCore, project: Project, *, rich: bool) -> None:
        self._world = world
        self._site = world.site
        self._project = project
        self._rich = rich

    def read(self, field_id: str, value: Any) -> Any:
        """The value as the issue keeps it. Raises `FieldError`; `KeyError` for an unknown field."""
        spec = SPECS.get(field_id)
        if spec is None:
            return self._custom(self._site.custom_fields[field_id], value)
        match spec.kind:
            case "summary":
                return self._summary(value)
            case "rich":
                return self.rich_text(value)
            case "priority":
                return self._named(self._site.priorities, value, "priority")
            case "resolution":
                return None if value is None else self._named(self._site.resolutions, value, "resolution")
            case "issuetype":
                return self._named(self._site.issue_types, value, "issuetype", text="no_type")
            case "user":
                return self._user(field_id, value)
            case "labels":
                return self._labels(value)
            case "versions":
                return [self._version(entry) for entry in self._list(value)]
            case "components":
                return [self._component(entry) for entry in self._list(value)]
            case "day":
                return self._day(value)
            case _:
                return self._parent(value)

    def updated(self, issue: Issue | None, field_id: str, operations: Any) -> Any:
        """The value after the operations of `update`, as the issue keeps it. Raises as `read`."""
        spec = SPECS.get(field_id)
        current: Any = None
        if spec is not None and issue is not None:
            current = getattr(issue, spec.attribute)
        elif issue is not None:
            current = issue.custom.get(field_id)
        custom = self._site.custom_fields.get(field_id)
        is_multiple = custom is not None and custom.kind in MULTIPLE
        if is_multiple or (spec is not None and spec.kind in {"labels", "versions", "components"}):
            current = list(current or ())
        for operation in self._list(operations):
            if not isinstance(operation, dict) or len(operation) != 1:
                raise FieldError(self._world.say("bad_type", expected="an object with one operation"))
            (name, value), *_ = operation.items()
            allowed = spec.operations if spec is not None else (_LIST if is_multiple else ("set",))
            if name not in allowed:
                raise FieldError(self._world.say("bad_operation", field=field_id, operation=name))
            if name == "set":
                current = self.read(field_id, value)
                continue
            (entry,) = self.read(field_id, [value])
            if name == "add" and entry not in current:
                current.append(entry)
            elif name == "remove" and entry in current:
                current.remove(entry)
        return current

    def rich_text(self, value: Any) -> str | None:
        """A rich text field, or None. v2 takes wiki text, v3 an Atlassian document."""
        if value is None:
            return None
        if self._rich:
            if not is_adf(value):
                raise FieldError(self._world.say("bad_type", expected="an Atlassian Document"))
            text = adf_to_text(value)
        elif isinstance(value, str):
            text = value
        else:
            raise FieldError(self._world.say("bad_type", expected="a String"))
        if len(text) > TEXT_LIMIT:
            raise FieldError(self._world.say("text_long"))
        return text

    def _summary(self, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise FieldError(self._world.say("no_summary"))
        if "\n" in value or "\r" in value:
            raise FieldError(self._world.say("summary_newline"))
        if len(value) > 255:
            raise FieldError(self._world.say("summary_long"))
        return value

    def _list(self, value: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise FieldError(self._world.say("bad_type", expected="an array"))
        return value

    def _named(self, catalogue: Mapping[str, Named], value: Any, field_id: str, *, text: str = "bad_value") -> str:
        if isinstance(value, dict):
            wanted_id, name = value.get("id"), value.get("name")
            if wanted_id is not None and str(wanted_id) in catalogue:
                return str(wanted_id)
            if wanted_id is None and isinstance(name, str):
                for entry in catalogue.values():
                    if entry.name.lower() == name.lower():
                        return entry.id
        raise FieldError(self._world.say(text, field=field_id))

    def _user(self, field_id: str, value: Any) -> str | None:
        if value is None:
            return None
        cloud = self._world.cloud
        name = value.get("accountId" if cloud else "name") if isinstance(value, dict) else None
        if name == "-1" or (isinstance(value, dict) and not value):
            return None
        user = self._site.users.get(str(name)) if name is not None else None
        if user is None:
            if cloud:
                raise FieldError(self._world.say("bad_value", field=field_id))
            raise FieldError(self._world.say("no_user", user=name))
        if field_id == "assignee" and not self._site.may(user, "ASSIGNABLE_USER", self._project):
            raise FieldError(self._world.say("not_assignable", user=user.display_name))
        return user.id

    def _labels(self, value: Any) -> list[str]:
        labels: list[str] = []
        for label in self._list(value):
            if not isinstance(label, str):
                raise FieldError(self._world.say("bad_type", expected="a String"))
            if re.search(r"\s", label) or not label:
                raise FieldError(self._world.say("label_space", label=label))
            if len(label) > 255:
                raise FieldError(self._world.say("label_long", label=label))
            if label not in labels:
                labels.append(label)
        return labels

    def _version(self, value: Any) -> str:
        wanted = value if isinstance(value, dict) else {}
        for version in self._site.versions_of(self._project):
            if str(wanted.get("id")) == version.id or ("id" not in wanted and wanted.get("name") == version.name):
                return version.id
        raise FieldError(self._world.say("no_version", name=wanted.get("name", wanted.get("id"))))

    def _component(self, value: Any) -> str:
        wanted = value if isinstance(value, dict) else {}
        for component in self._site.components_of(self._project):
            named = "id" not in wanted and str(wanted.get("name")).lower() == component.name.lower()
            if str(wanted.get("id")) == component.id or named:
                return component.id
        raise FieldError(self._world.say("no_component", name=wanted.get("name", wanted.get("id"))))

    def _day(self, value: Any) -> str | None:
        if value is None:
            return None
        try:
            return date.fromisoformat(str(value)).isoformat()
        except ValueError as error:
            raise FieldError(self._world.say("bad_date", value=value)) from error

    def _parent(self, value: Any) -> int:
        reference = value.get("key") or value.get("id") if isinstance(value, dict) else None
        issue = self._world.find_issue(str(reference))
        if issue is None:
            raise FieldError(self._world.say("bad_value", field="parent"))
        return issue.id

    def _custom(self, entry: CustomField, value: Any) -> Any:
        if value is None:
            return None
        if entry.kind == "select":
            return self._option(entry, value)
        if entry.kind in MULTIPLE:
            return list(dict.fromkeys(self._option(entry, item) for item in self._list(value))) or None
        if entry.kind == "userpicker":
            return self._user(entry.id, value)
        if entry.kind == "textarea":
            return self.rich_text(value)
        if entry.kind == "date":
            return self._day(value)
        expected, kinds = ("a Number", (int, float)) if entry.kind == "number" else ("a String", (str,))
        if not isinstance(value, kinds):
            raise FieldError(self._world.say("bad_type", expected=expected))
        return value

    def _option(self, entry: CustomField, value: Any) -> str:
        wanted = value if isinstance(value, dict) else {}
        for option_id, option in entry.options:
            if str(wanted.get("id")) == option_id or wanted.get("value") == option:
                return option
        raise FieldError(self._world.say("bad_option", value=wanted.get("value", wanted.get("id"))))


def assign(world: JiraCore, issue: Issue, field_id: str, value: Any) -> list[ChangeItem]:
    """Sets a field to a value that `FieldReader` read; returns the lines for the changelog, none when equal."""
    spec = SPECS.get(field_id)
    if spec is None:
        entry = world.site.custom_fields[field_id]
        old = issue.custom.get(field_id)
        if value is None or value == []:
            issue.custom.pop(field_id, None)
        else:
            issue.custom[field_id] = value
        if old == value:
            return []
        kind = "user" if entry.kind == "userpicker" else "text"
        pair = _shown(world, kind, _joined(entry, old)), _shown(world, kind, _joined(entry, value))
        return [ChangeItem(entry.name, field_id, *pair[0], *pair[1], fieldtype="custom")]
    old = getattr(issue, spec.attribute)
    setattr(issue, spec.attribute, value)
    if old == value:
        return []
    if spec.kind == "resolution":
        issue.resolved = None if value is None else world.now_ms()
    if spec.kind == "parent":
        world.children.get(old or 0, set()).discard(issue.id)
        if value is not None:
            world.children.setdefault(value, set()).add(issue.id)
    if spec.kind == "versions":
        return _member_items(spec, {entry.id: entry.name for entry in world.site.versions.values()}, old, value)
    if spec.kind == "components":
        return _member_items(spec, {entry.id: entry.name for entry in world.site.components.values()}, old, value)
    return [ChangeItem(spec.change_name, field_id, *_shown(world, spec.kind, old), *_shown(world, spec.kind, value))]


def _joined(entry: CustomField, value: Any) -> Any:
    """Several options as the changelog shows them."""
    return ",".join(value) if entry.kind in MULTIPLE and value else value


def _member_items(spec: FieldSpec, names: Mapping[str, str], old: list[str], new: list[str]) -> list[ChangeItem]:
    """One line for each version or component that went or came."""
    gone = [ChangeItem(spec.change_name, spec.id, entry, names[entry], None, None) for entry in old if entry not in new]
    came = [ChangeItem(spec.change_name, spec.id, None, None, entry, names[entry]) for entry in new if entry not in old]
    return gone + came


def _shown(world: JiraCore, kind: str, value: Any) -> tuple[str | None, str | None]:
    """What the changelog puts into from and fromString (or to and toString)."""
    site = world.site
    if kind == "labels":
        return None, " ".join(value)
    if value is None:
        return None, None
    if kind == "user":
        return value, site.users[value].display_name
    if kind == "day":
        return value, f"{value} 00:00:00.0"
    if kind == "parent":
        return str(value), world.issues[value].key
    if kind in {"priority", "resolution", "issuetype"}:
        catalogue = {
            "priority": site.priorities,
            "resolution": site.resolutions,
            "issuetype": site.issue_types,
        }[kind]
        return value, catalogue[value].name
    return None, str(value)
