"""Create, edit and transition as the REST interface of the pretend Jira does them.

Each function checks everything first, raises `Refusal` when something is wrong, and only then changes the issue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_fields import DISPLAY_NAMES, EDIT_SCREEN, SPECS, FieldError, FieldReader, assign
from syncd.sandbox.jira_model import ChangeItem, Issue, User
from syncd.sandbox.jira_site import Project
from syncd.sandbox.jira_workflow import CLEAR, Transition

if TYPE_CHECKING:
    from syncd.sandbox.jira_core import JiraCore

ISSUE_KEYS: Final = frozenset({"fields", "update", "transition", "historyMetadata", "properties"})


def strict(world: JiraCore, body: Any, known: frozenset[str], bean: str) -> dict[str, Any]:
    """The body as an object. Data Center refuses keys that it does not know, Cloud overlooks them."""
    if not isinstance(body, dict):
        raise Refusal(400, [world.say("not_json")])
    if not world.cloud:
        for key in body:
            if key not in known:
                # The strict parser answers without an "errors" object.
                raise Refusal(400, body={"errorMessages": [world.say("unknown_key", key=key, bean=bean)]})
    return body


def create(world: JiraCore, user: User, body: Any, *, rich: bool) -> Issue:
    """A new issue with its labels and properties in one step. Raises `Refusal` 400."""
    request = strict(world, body, ISSUE_KEYS, "v2.issue.IssueUpdateBean")
    fields = dict(request.get("fields") or {})
    errors: dict[str, str] = {}
    project = _project(world, user, fields.pop("project", None), errors)
    if project is None:
        raise Refusal(400, errors=errors)
    reader = FieldReader(world, project, rich=rich)
    try:
        type_id = reader.read("issuetype", fields.pop("issuetype", None))
    except FieldError as error:
        errors["issuetype"] = str(error)
        type_id = next(iter(project.workflows))
    fields.setdefault("summary", None)
    modify_reporter = world.site.may(user, "MODIFY_REPORTER", project)
    values = _values(
        world,
        reader,
        None,
        {"fields": fields, "update": request.get("update") or {}},
        on_screen=lambda name: (
            name in EDIT_SCREEN or name in world.site.custom_fields or (name == "reporter" and modify_reporter)
        ),
        errors=errors,
    )
    for name in project.required:
        if not values.get(name):
            errors.setdefault(name, world.say("required_create", name=field_name(world, name)))
    properties = _properties(world, request.get("properties"), errors)
    comments = _comments(world, reader, request, errors)
    if errors:
        raise Refusal(400, errors=errors)
    values.setdefault("priority", "3")
    values.setdefault("reporter", user.id)
    issue = world.new_issue(user.id, project, type_id, values.pop("summary"))
    for name, value in values.items():
        assign(world, issue, name, value)
    issue.properties.update(properties)
    world.publish(issue)
    for text, visibility in comments:
        world.add_comment(user.id, issue, text, visibility=visibility)
    return issue


def edit(world: JiraCore, user: User, issue: Issue, body: Any, *, rich: bool) -> None:
    """PUT of an issue. `transition` in the body is ignored. Raises `Refusal`."""
    request = strict(world, body, ISSUE_KEYS, "v2.issue.IssueUpdateBean")
    if not request.get("fields") and not request.get("update") and not request.get("properties"):
        raise Refusal(400, [world.say("empty_update")])
    project = world.site.projects[issue.project]
    if not world.site.may(user, "EDIT_ISSUES", project):
        raise Refusal(403 if world.cloud else 400, [world.say("no_permission", permission="EDIT_ISSUES")])
    modify_reporter = world.site.may(user, "MODIFY_REPORTER", project)
    errors: dict[str, str] = {}
    reader = FieldReader(world, project, rich=rich)
    values = _values(
        world,
        reader,
        issue,
        request,
        on_screen=lambda name: (
            name in EDIT_SCREEN
            or name in world.site.custom_fields
            or (name == "reporter" and modify_reporter)
            or (name == "resolution" and bool(world.switches["resolution_on_edit_screen"]))
        ),
        errors=errors,
    )
    for name in project.required & values.keys():
        if not values[name]:
            errors[name] = world.say("required_create", name=field_name(world, name))
    properties = _properties(world, request.get("properties"), errors)
    comments = _comments(world, reader, request, errors)
    if errors:
        raise Refusal(400, errors=errors)
    change(world, user, issue, values, metadata=request.get("historyMetadata"))
    issue.properties.update(properties)
    for text, visibility in comments:
        world.add_comment(user.id, issue, text, visibility=visibility)


def change(
    world: JiraCore,
    user: User,
    issue: Issue,
    values: Mapping[str, Any],
    *,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Sets fields to values that were read already; one changelog entry, `updated` moves when there is a value."""
    if not values:
        return
    world.prepare(issue)
    items = [item for name, value in values.items() for item in assign(world, issue, name, value)]
    world.commit(issue, user.id, items, metadata)


def find_transition(world: JiraCore, user: User, issue: Issue, transition_id: str) -> Transition:
    """The transition if this user may do it now. Raises `Refusal` 400; on Data Center 500 for an unknown id."""
    flow = world.workflow_of(issue)
    for edge in world.transitions_for(user, issue):
        if edge.id == transition_id:
            return edge
    known = flow.transition(transition_id)
    if world.cloud:
        raise Refusal(400, [world.say("bad_transition", id=transition_id)])
    if known is None:
        raise Refusal(500, [world.say("internal")])
    raise Refusal(400, [world.say("bad_transition_dc", name=known.name, key=issue.key)])


def transition(world: JiraCore, user: User, issue: Issue, body: Any, *, rich: bool) -> None:
    """POST of a transition. Raises `Refusal`."""
    request = strict(world, body, ISSUE_KEYS, "v2.issue.IssueUpdateBean")
    chosen = request.get("transition")
    if not isinstance(chosen, dict) or chosen.get("id") in (None, ""):
        raise Refusal(400, [world.say("no_transition")])
    edge = find_transition(world, user, issue, str(chosen["id"]))
    project = world.site.projects[issue.project]
    errors: dict[str, str] = {}
    reader = FieldReader(world, project, rich=rich)
    values = _values(
        world,
        reader,
        issue,
        request,
        on_screen=lambda name: edge.screen_field(name) is not None,
        errors=errors,
    )
    messages = _screen_problems(world, issue, edge, values, errors)
    properties = _properties(world, request.get("properties"), errors)
    comments = _comments(world, reader, request, errors)
    if errors or messages:
        raise Refusal(400, messages, errors)
    perform(world, user, issue, edge, values, metadata=request.get("historyMetadata"))
    issue.properties.update(properties)
    if edge.screen is not None:  # without a screen Jira drops the comment and says nothing
        for text, visibility in comments:
            world.add_comment(user.id, issue, text, visibility=visibility)


def _screen_problems(
    world: JiraCore, issue: Issue, edge: Transition, values: Mapping[str, Any], errors: dict[str, str]
) -> list[str]:
    """Required fields that are missing (texts) and values that the screen does not offer (into `errors`)."""
    messages: list[str] = []
    for entry in edge.screen or ():
        value = values.get(entry.id)
        if entry.id not in values and world.switches["required_keeps_existing"]:
            value = stored(issue, entry.id)
        if entry.required and not value and entry.id not in errors:
            text = world.say("required", name=field_name(world, entry.id))
            if world.switches["required_in_errors"]:
                errors[entry.id] = text
            else:
                messages.append(text)
        elif entry.allowed is not None and entry.id in values and entry.id == "resolution":
            name = world.site.resolutions[values[entry.id]].name if values[entry.id] else None
            if name not in entry.allowed:
                errors[entry.id] = world.say("bad_value", field=entry.id)
    return messages


def perform(
    world: JiraCore,
    user: User,
    issue: Issue,
    edge: Transition,
    values: Mapping[str, Any],
    *,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Carries out a transition whose values were checked: post functions, one changelog entry."""
    world.prepare(issue)
    final = dict(values)
    if edge.sets_resolution == CLEAR:
        final["resolution"] = None
    elif edge.sets_resolution is not None and "resolution" not in final and not world.switches["leave_resolution_null"]:
        final["resolution"] = world.site.named(world.site.resolutions, edge.sets_resolution).id
    items = assign(world, issue, "resolution", final.pop("resolution")) if "resolution" in final else []
    items += world.set_status(issue, edge.target)
    items += [item for name, value in final.items() for item in assign(world, issue, name, value)]
    world.commit(issue, user.id, items, metadata)


def stored(issue: Issue, field_id: str) -> Any:
    """What the issue holds in a field, as the issue keeps it."""
    spec = SPECS.get(field_id)
    return getattr(issue, spec.attribute) if spec is not None else issue.custom.get(field_id)


def field_name(world: JiraCore, field_id: str) -> str:
    """How a field is shown to people."""
    custom = world.site.custom_fields.get(field_id)
    return custom.name if custom is not None else DISPLAY_NAMES.get(field_id, field_id)


def _project(world: JiraCore, user: User, value: Any, errors: dict[str, str]) -> Project | None:
    reference = value.get("key") or value.get("id") if isinstance(value, dict) else None
    project = world.site.find_project(str(reference)) if reference else None
    if project is None or not world.site.browses(user, project):
        errors["project"] = world.say("no_project")
        return None
    if not world.site.may(user, "CREATE_ISSUES", project):
        errors["project"] = world.say("no_create")
        return None
    return project


def _values(
    world: JiraCore,
    reader: FieldReader,
    issue: Issue | None,
    request: Mapping[str, Any],
    *,
    on_screen: Callable[[str], bool],
    errors: dict[str, str],
) -> dict[str, Any]:
    """The values of `fields` and `update`; what is wrong goes into `errors`."""
    fields = request.get("fields") or {}
    update = request.get("update") or {}
    if not isinstance(fields, dict) or not isinstance(update, dict):
        raise Refusal(400, [world.say("bad_type", expected="an object")])
    values: dict[str, Any] = {}
    for source, read in ((fields, reader.read), (update, lambda n, v: reader.updated(issue, n, v))):
        for name, value in source.items():
            if name == "comment" and source is update:
                continue
            if not on_screen(name):
                errors[name] = world.say("not_on_screen", field=name)
            elif name in values:
                errors[name] = world.say("twice", field=name)
            else:
                try:
                    values[name] = read(name, value)
                except FieldError as error:
                    errors[name] = str(error)
    return values


def _properties(world: JiraCore, value: Any, errors: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in value or ():
        key = entry.get("key") if isinstance(entry, dict) else None
        if not isinstance(key, str) or not key or len(key) > 255:
            errors["properties"] = world.say("property_key")
        elif len(json.dumps(entry.get("value"))) > 32_768:
            errors["properties"] = world.say("property_json")
        else:
            found[key] = entry.get("value")
    return found


def _comments(
    world: JiraCore, reader: FieldReader, request: Mapping[str, Any], errors: dict[str, str]
) -> list[tuple[str, dict[str, Any] | None]]:
    """Text and visibility of the comments that `update` adds."""
    found: list[tuple[str, dict[str, Any] | None]] = []
    for operation in (request.get("update") or {}).get("comment") or ():
        added = operation.get("add") if isinstance(operation, dict) else None
        try:
            text = reader.rich_text(added.get("body")) if isinstance(added, dict) else None
        except FieldError:
            text = None
        if isinstance(added, dict) and text:
            found.append((text, added.get("visibility")))
        else:
            errors["comment"] = world.say("not_comment")
    return found


def status_item(world: JiraCore, old: str, new: str) -> ChangeItem:
    """The changelog line of a status change."""
    statuses = world.site.statuses
    return ChangeItem("status", "status", old, statuses[old].name, new, statuses[new].name)
