"""What stories begin with: a project and its workflow, a Zendesk account, mappings, tickets and bugs."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from syncd.config.compile import compile_mapping
from syncd.config.ideal import START
from syncd.config.load import load_mapping, packaged_mappings, parse_mapping
from syncd.core.mapping import StageMapping
from syncd.core.model import (
    CustomStatus,
    DeskCatalog,
    IssueSnapshot,
    ProjectCatalog,
    StatusInfo,
    TicketSnapshot,
    TicketState,
)
from syncd.core.world import MirrorFields, RouteView

RESOLUTIONS: Final = (
    *("Done", "Fixed", "Won't Do", "Won't Fix", "Cannot Reproduce", "Incomplete", "Duplicate"),
    "Rejected",  # no stage of the default mapping names it
)
STATUSES: Final = {
    "To Do": "new",
    "Reopened": "new",
    "Triage": "new",  # no stage names it
    "In Progress": "indeterminate",
    "In Review": "indeterminate",
    "Done": "done",
    "Verified": "done",
    "Closed": "done",
    "Archived": "done",  # no stage names it
}
CUSTOM: Final = (
    CustomStatus(1, "New", "new", default=True),
    CustomStatus(2, "Open", "open", default=True),
    CustomStatus(3, "Pending", "pending", default=True),
    CustomStatus(4, "On-hold", "hold", default=True),
    CustomStatus(5, "Solved", "solved", default=True),
    CustomStatus(21, "Escalated", "open"),
    CustomStatus(22, "Fix ready", "open"),
    CustomStatus(41, "With engineering", "hold"),
)
DESK: Final = DeskCatalog(custom_statuses=CUSTOM)
LINK_FIELD: Final = "900"
MIRROR: Final = MirrorFields(
    bug="900", status="901", assignee="902", fix_version="903", due_date="904", sync_state="905"
)
SHOWN: Final = {"bug": "900", "status": "901", "assignee": "902", "version": "903", "due": "904", "sync": "905"}


def status_id(name: str) -> str:
    """The id of a Jira status, as Jira writes ids."""
    return str(10000 + list(STATUSES).index(name))


def resolution_id(name: str | None) -> str | None:
    """The id of a resolution."""
    return None if name is None else str(20000 + RESOLUTIONS.index(name))


INFOS: Final = {status_id(name): StatusInfo(status_id(name), name, category) for name, category in STATUSES.items()}
NAMES_OF_RESOLUTIONS: Final = {str(20000 + place): name for place, name in enumerate(RESOLUTIONS)}


def project(key: str = "ENG", *names: str) -> ProjectCatalog:
    """A project with these statuses; without any named, all of them."""
    infos = tuple(info for info in INFOS.values() if not names or info.name in names)
    return ProjectCatalog(key, f"id of {key}", {"Bug": infos}, tuple(NAMES_OF_RESOLUTIONS.items()))


@cache
def shipped(name: str, *, custom: bool = False) -> StageMapping:
    """A mapping that comes with the project, compiled against the statuses above; it must have no errors."""
    compiled = compile_mapping(
        load_mapping(packaged_mappings() / f"{name}.yaml"), project=project(), desk=DESK if custom else DeskCatalog()
    )
    assert compiled.errors == ()
    return compiled.mapping


@cache
def mapping_from(text: str, *, custom: bool = False, lawful: bool = True) -> StageMapping:
    """A mapping from its text; a `lawful` one must have no errors."""
    compiled = compile_mapping(parse_mapping(text), project=project(), desk=DESK if custom else DeskCatalog())
    assert not lawful or compiled.errors == ()
    return compiled.mapping


def route_for(mapping: StageMapping, *, mirror: bool = True, key: str = "ENG", name: str = "engineering") -> RouteView:
    """A route with every mirror field, whose bug field is also its link field."""
    fields, link_field = (MIRROR, LINK_FIELD) if mirror else (MirrorFields(), None)
    return RouteView(name, key, mapping, mirror=fields, link_field=link_field)


def ticket_of(
    ticket_id: int, category: str = "open", *, custom_id: int | None = None, tags: tuple[str, ...] = (), **more: Any
) -> TicketSnapshot:
    """A ticket."""
    return TicketSnapshot(ticket_id, TicketState(category, custom_id), START, START, tags=tuple(sorted(tags)), **more)


def issue_of(key: str, status: str = "To Do", resolution: str | None = None, **more: Any) -> IssueSnapshot:
    """A bug; its id is told by its key's number."""
    prefix, number = key.split("-")
    return IssueSnapshot(
        id=f"{len(prefix)}{number:0>4}",
        key=key,
        project_key=prefix,
        project_id=f"id of {prefix}",
        issue_type="Bug",
        issue_type_id="1",
        status_id=status_id(status),
        status_name=status,
        status_category=STATUSES[status],
        updated_ms=0,
        resolution_id=resolution_id(resolution),
        resolution_name=resolution,
        **more,
    )


def pair(text: str) -> tuple[str, str | None]:
    """`Done (Fixed)` → its two names."""
    match = re.fullmatch(r"([^(]+?)(?: \(([^)]+)\))?", text)
    assert match, text
    return match[1], match[2]
