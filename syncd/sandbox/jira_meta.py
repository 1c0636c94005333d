"""What the pretend Jira says about fields, screens and workflows."""

from __future__ import annotations

from typing import Any, Final

from syncd.sandbox.jira_fields import DISPLAY_NAMES, EDIT_SCREEN, SPECS
from syncd.sandbox.jira_model import MULTIPLE, CustomField, Issue
from syncd.sandbox.jira_render import READERS, Json, Renderer
from syncd.sandbox.jira_site import Project
from syncd.sandbox.jira_workflow import ScreenField, Transition, Workflow

_CUSTOM_TYPES: Final = {
    "text": ("string", "textfield"),
    "textarea": ("string", "textarea"),
    "select": ("option", "select"),
    "number": ("number", "float"),
    "date": ("date", "datepicker"),
    "multiselect": ("array", "multiselect"),
    "multicheckboxes": ("array", "multicheckboxes"),
    "userpicker": ("user", "userpicker"),
}
_SYSTEM_TYPES: Final = {
    "status": "status",
    "project": "project",
    "created": "datetime",
    "updated": "datetime",
    "resolutiondate": "datetime",
    "statuscategorychangedate": "datetime",
    "creator": "user",
    "comment": "comments-page",
    "worklog": "array",
    "attachment": "array",
    "issuelinks": "array",
    "subtasks": "array",
    "workratio": "number",
}
_WORKFLOW_CATEGORY: Final = {
    "new": "TODO",
    "indeterminate": "IN_PROGRESS",
    "done": "DONE",
    "undefined": "UNDEFINED",
}


def schema(field_id: str, custom: CustomField | None) -> Json:
    """The type of a field."""
    if custom is not None:
        kind, plugin = _CUSTOM_TYPES[custom.kind]
        items: Json = {"items": "option"} if kind == "array" else {}
        return {
            "type": kind,
            **items,
            "custom": f"com.atlassian.jira.plugin.system.customfieldtypes:{plugin}",
            "customId": int(custom.id.rsplit("_", 1)[1]),
        }
    spec = SPECS.get(field_id)
    if spec is None:
        return {"type": _SYSTEM_TYPES.get(field_id, "any"), "system": field_id}
    shape: Json = {"type": spec.type, "system": field_id}
    return shape | {"items": spec.items} if spec.items else shape


def field_list(render: Renderer) -> list[Json]:
    """GET field: all fields with their names in JQL."""
    found = [
        {
            "id": field_id,
            "key": field_id,
            "name": DISPLAY_NAMES.get(field_id, field_id.capitalize()),
            "custom": False,
            "orderable": field_id in SPECS,
            "navigable": field_id not in {"comment", "attachment", "worklog"},
            "searchable": True,
            "clauseNames": ["type", "issuetype"] if field_id == "issuetype" else [field_id.lower()],
            "schema": schema(field_id, None),
        }
        for field_id in READERS
    ]
    found += [
        {
            "id": entry.id,
            "key": entry.id,
            "name": entry.name,
            "custom": True,
            "orderable": True,
            "navigable": True,
            "searchable": True,
            "clauseNames": list(entry.clause_names),
            "schema": schema(entry.id, entry),
        }
        for entry in render.site.custom_fields.values()
    ]
    key: Json = {"id": "issuekey", "key": "issuekey", "name": "Key", "custom": False, "orderable": False}
    key |= {"navigable": True, "searchable": False, "clauseNames": ["id", "issue", "issuekey", "key"]}
    found.append(key)
    if not render.world.cloud:
        for shape in found:
            del shape["key"]
    return found


def names(render: Renderer, chosen: list[str]) -> dict[str, str]:
    """expand=names."""
    custom = render.site.custom_fields
    return {
        field_id: custom[field_id].name if field_id in custom else DISPLAY_NAMES.get(field_id, field_id.capitalize())
        for field_id in chosen
    }


def schemas(render: Renderer, chosen: list[str]) -> dict[str, Json]:
    """expand=schema."""
    return {field_id: schema(field_id, render.site.custom_fields.get(field_id)) for field_id in chosen}


def _allowed(render: Renderer, project: Project, field_id: str, only: tuple[str, ...] | None) -> Any:
    site = render.site
    custom = site.custom_fields.get(field_id)
    if custom is not None:
        if custom.kind not in ("select", *MULTIPLE):
            return None
        return [
            {"self": f"{render.rest}/customFieldOption/{number}", "value": name, "id": number}
            for number, name in custom.options
            if only is None or name in only
        ]
    match field_id:
        case "priority":
            return [render.priority(entry) for entry in site.priorities.values()]
        case "resolution":
            return [
                render.resolution(entry) for entry in site.resolutions.values() if only is None or entry.name in only
            ]
        case "fixVersions" | "versions":
            return [render.version(entry) for entry in site.versions_of(project)]
        case "components":
            return [render.component(entry) for entry in site.components_of(project)]
        case "issuetype":
            return [render.issue_type(site.issue_types[key]) for key in project.workflows]
        case "project":
            return [render.project(project)]
        case _:
            return None


def screen_field(
    render: Renderer, project: Project, field_id: str, *, required: bool, only: tuple[str, ...] | None = None
) -> Json:
    """A field as screens describe it."""
    custom = render.site.custom_fields.get(field_id)
    shape: Json = {
        "required": required,
        "schema": schema(field_id, custom),
        "name": custom.name if custom is not None else DISPLAY_NAMES.get(field_id, field_id),
        "fieldId": field_id,
        "hasDefaultValue": field_id == "priority",
        "operations": _operations(field_id, custom),
    }
    if render.world.cloud:
        shape["key"] = field_id
    values = _allowed(render, project, field_id, only)
    if values is not None:
        shape["allowedValues"] = values
    return shape


def _operations(field_id: str, custom: CustomField | None) -> list[str]:
    if custom is not None:
        return ["add", "set", "remove"] if custom.kind in MULTIPLE else ["set"]
    spec = SPECS.get(field_id)
    return list(spec.operations) if spec is not None else ["set"]


def create_fields(render: Renderer, project: Project, *, may_report: bool) -> list[Json]:
    """The create screen of a project."""
    names_ = ["project", *EDIT_SCREEN, *render.site.custom_fields, *(["reporter"] if may_report else [])]
    always = {"project", "summary", "issuetype"}
    return [screen_field(render, project, name, required=name in always or name in project.required) for name in names_]


def edit_fields(render: Renderer, issue: Issue) -> dict[str, Json]:
    """The edit screen of an issue."""
    project = render.site.projects[issue.project]
    shown = [*EDIT_SCREEN, *render.site.custom_fields]
    if render.world.switches["resolution_on_edit_screen"]:
        shown.append("resolution")
    return {
        name: screen_field(render, project, name, required=name == "summary" or name in project.required)
        for name in shown
    }


def transition(render: Renderer, issue: Issue, edge: Transition, *, fields: bool, available: bool = True) -> Json:
    """A transition as the issue lists it."""
    world = render.world
    shape: Json = {"id": edge.id, "name": edge.name}
    if edge.name not in world.switches["hide_to"]:
        shape["to"] = render.status(edge.target)
    if world.cloud:
        shape |= {
            "hasScreen": edge.screen is not None,
            "isGlobal": edge.sources is None,
            "isInitial": False,
            "isAvailable": available,
            "isConditional": edge.only_for is not None,
            "looped": False,
        }
    else:
        shape["opsbarSequence"] = int(edge.id)
    if fields:
        shown: tuple[ScreenField, ...] = () if world.switches["underreport_screen"] else edge.screen or ()
        project = render.site.projects[issue.project]
        shape["fields"] = {
            entry.id: screen_field(render, project, entry.id, required=entry.required, only=entry.allowed)
            for entry in shown
            if entry.id != "comment"
        }
    return shape


def workflow(flow: Workflow) -> Json:
    """A workflow as POST workflows shows it: the whole graph."""
    edges: list[Json] = [
        {
            "id": "1",
            "name": "Create",
            "description": "",
            "type": "INITIAL",
            "toStatusReference": flow.initial,
            "links": [],
            "actions": [],
            "triggers": [],
            "validators": [],
            "properties": {},
        }
    ]
    for edge in flow.transitions:
        sources = [] if edge.sources is None else sorted(edge.sources)
        edges.append(
            {
                "id": edge.id,
                "name": edge.name,
                "description": "",
                "type": "GLOBAL" if edge.sources is None else "DIRECTED",
                "toStatusReference": edge.target,
                "links": [{"fromPort": 0, "fromStatusReference": s, "toPort": 1} for s in sources],
                "actions": [],
                "triggers": [],
                "validators": [],
                "properties": {},
            }
        )
    return {
        "id": flow.id,
        "name": flow.name,
        "description": "",
        "isEditable": True,
        "scope": {"type": "GLOBAL"},
        "statuses": [{"statusReference": s, "deprecated": False, "properties": {}} for s in flow.statuses],
        "transitions": edges,
        "version": {"id": flow.id, "versionNumber": 0},
    }


def workflow_status(render: Renderer, status_id: str) -> Json:
    """A status as POST workflows and statuses/search show it."""
    status = render.site.statuses[status_id]
    return {
        "id": status.id,
        "name": status.name,
        "description": status.description,
        "scope": {"type": "GLOBAL"},
        "statusCategory": _WORKFLOW_CATEGORY[status.category],
        "statusReference": status.id,
    }
