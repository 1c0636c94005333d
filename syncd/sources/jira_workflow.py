"""Transitions, workflows and what a project's workflow offers, from Jira's JSON. Pure.

https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues/#api-rest-api-2-issue-issueidorkey-transitions-get
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-workflows/#api-rest-api-3-workflows-post
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.core.model import StatusInfo
from syncd.core.ports import Transition, TransitionField
from syncd.sources.jira_json import ident, record, rows
from syncd.sources.jira_parse import category_of


def parse_transitions(raw: object) -> tuple[Transition, ...]:
    """The edges that our account may take now, in the server's order. An entry may lack `to`."""
    data = record(raw, "the answer to a question for transitions")
    return tuple(_transition(entry) for entry in rows(data.get("transitions"), "the transitions"))


def _transition(raw: object) -> Transition:
    data = record(raw, "a transition")
    target = data.get("to")
    target = target if isinstance(target, dict) else {}
    fields = data.get("fields")
    fields = fields if isinstance(fields, dict) else {}
    category = target.get("statusCategory")
    return Transition(
        id=ident(data.get("id"), "a transition's id"),
        name=str(data.get("name") or ""),
        to_status_id=ident(target["id"], "a transition's target") if target.get("id") is not None else None,
        to_status_name=str(target["name"]) if target.get("name") is not None else None,
        fields=tuple(_field(key, entry) for key, entry in fields.items()),
        to_category=str(category.get("key") or "") if isinstance(category, dict) else "",
    )


def _field(key: str, raw: object) -> TransitionField:
    data = record(raw, "a transition's field")
    allowed = data.get("allowedValues")
    return TransitionField(
        id=key,
        name=str(data.get("name") or key),
        required=data.get("required") is True,
        has_default=data.get("hasDefaultValue") is True,
        allowed=tuple(_allowed(value) for value in allowed) if isinstance(allowed, list) else (),
    )


def _allowed(value: object) -> tuple[str, str]:
    """(id, name or value) of a permitted value; bare values are their own names."""
    if isinstance(value, dict):
        name = next((value[key] for key in ("name", "value", "key") if isinstance(value.get(key), str)), "")
        return str(value.get("id") or name), name
    return str(value), str(value)


def parse_graph(raw: object) -> tuple[tuple[str | None, str], ...]:
    """Edges (from status id, or None = from any; to status id) of every workflow in an answer to POST /workflows.

    Statuses are named by reference there, which is an id or a UUID that the answer's own list of statuses resolves.
    A GLOBAL transition starts anywhere; an INITIAL one creates issues and is no edge; older answers use lower case.
    """
    data = record(raw, "the answer to a question for workflows")
    statuses: dict[str, str] = {}
    for entry in rows(data.get("statuses") or [], "the statuses of the workflows"):
        status = record(entry, "a status of a workflow")
        statuses[ident(status.get("statusReference"), "a status's reference")] = ident(
            status.get("id"), "a status's id"
        )
    edges: list[tuple[str | None, str]] = []
    for workflow in rows(data.get("workflows") or [], "the workflows"):
        for entry in rows(record(workflow, "a workflow").get("transitions") or [], "a workflow's transitions"):
            edges.extend(_edges(record(entry, "a workflow's transition"), statuses))
    return tuple(dict.fromkeys(edges))


def _edges(transition: Mapping[str, Any], statuses: Mapping[str, str]) -> list[tuple[str | None, str]]:
    kind = str(transition.get("type") or "").upper()
    reference = transition.get("toStatusReference")
    if kind == "INITIAL" or not isinstance(reference, str):
        return []  # without a target it leads back to where it began
    target = statuses.get(reference, reference)
    if kind == "GLOBAL":
        return [(None, target)]
    sources = [
        str(link["fromStatusReference"])
        for link in transition.get("links") or []
        if isinstance(link, dict) and link.get("fromStatusReference")
    ]
    return [(statuses.get(source, source), target) for source in sources]


def parse_statuses(raw: object, categories: Mapping[str, str]) -> dict[str, tuple[StatusInfo, ...]]:
    """Issue type name -> its statuses, from GET /project/{key}/statuses.

    Statuses are kept apart by id: team-managed projects have their own "To Do" and "Done". `categories` (status id ->
    category key) fills in what older servers leave out of this answer.
    """
    found: dict[str, dict[str, StatusInfo]] = {}
    for entry in rows(raw, "a project's statuses"):
        kind = record(entry, "an issue type")
        of_type = found.setdefault(str(kind.get("name") or ident(kind.get("id"), "an issue type's id")), {})
        for value in rows(kind.get("statuses") or [], "the statuses of an issue type"):
            status = status_info(value, categories)
            of_type.setdefault(status.id, status)
    return {name: tuple(statuses.values()) for name, statuses in found.items()}


def status_info(raw: object, categories: Mapping[str, str]) -> StatusInfo:
    """One status."""
    status = record(raw, "a status")
    status_id = ident(status.get("id"), "a status's id")
    category = category_of(status.get("statusCategory"))
    if category == "undefined":
        category = categories.get(status_id, category)
    return StatusInfo(id=status_id, name=str(status.get("name") or ""), category=category)


def lacks_categories(raw: object) -> bool:
    """True when an answer to GET /project/{key}/statuses names statuses without their category."""
    return any(
        isinstance(status, dict) and not isinstance(status.get("statusCategory"), dict)
        for kind in rows(raw, "a project's statuses")
        if isinstance(kind, dict)
        for status in kind.get("statuses") or []
    )


def parse_categories(raw: object) -> dict[str, str]:
    """Status id -> category key, from GET /status."""
    found = {}
    for entry in rows(raw, "the statuses"):
        status = status_info(entry, {})
        found[status.id] = status.category
    return found


def parse_resolutions(raw: object) -> tuple[tuple[str, str], ...]:
    """(id, name) of every resolution, from GET /resolution."""
    found = []
    for entry in rows(raw, "the resolutions"):
        resolution = record(entry, "a resolution")
        found.append((ident(resolution.get("id"), "a resolution's id"), str(resolution.get("name") or "")))
    return tuple(found)


def parse_permissions(raw: object, names: tuple[str, ...]) -> dict[str, bool]:
    """Permission name -> have it, from GET /mypermissions, of those that the answer mentions."""
    granted = record(record(raw, "the permissions").get("permissions"), "the permissions")
    mentioned = {name: granted[name] for name in names if name in granted}
    return {name: isinstance(entry, dict) and entry.get("havePermission") is True for name, entry in mentioned.items()}
