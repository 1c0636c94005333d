"""Workflows of the pretend Jira: which transition leads where, and what its screen asks for.

Three are ready made. "simple" is Jira's default simplified one: three statuses, every transition global and
valid from its own target. "multistep" is directed, with screens that require a resolution. "software_wide" has
more statuses and a transition that requires a custom field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

CLEAR: Final = "clear"


@dataclass(slots=True, frozen=True)
class ScreenField:
    """A field on a transition's screen. `allowed` names the permitted resolutions or options; None: all."""

    id: str
    required: bool = False
    allowed: tuple[str, ...] | None = None


@dataclass(slots=True, frozen=True)
class Edge:
    """A transition of a template; statuses by name. `sources` None: from every status (global).

    `sets_resolution`: a post function, `CLEAR` or the name of a resolution that is set when none is.
    `only_for`: a condition, the users who see the transition; None: everybody.
    """

    id: str
    name: str
    sources: tuple[str, ...] | None
    target: str
    screen: tuple[ScreenField, ...] | None = None
    sets_resolution: str | None = None
    only_for: frozenset[str] | None = None


@dataclass(slots=True, frozen=True)
class WorkflowTemplate:
    """Statuses (name, category) in order, the first one is where issues start, and the edges."""

    name: str
    statuses: tuple[tuple[str, str], ...]
    edges: tuple[Edge, ...]


@dataclass(slots=True)
class Transition:
    """An edge of a project's workflow; statuses by id."""

    id: str
    name: str
    sources: frozenset[str] | None
    target: str
    screen: tuple[ScreenField, ...] | None = None
    sets_resolution: str | None = None
    only_for: frozenset[str] | None = None

    def leaves(self, status_id: str) -> bool:
        """Whether it starts in this status."""
        return self.sources is None or status_id in self.sources

    def screen_field(self, field_id: str) -> ScreenField | None:
        """The field on this transition's screen, or None."""
        return next((entry for entry in self.screen or () if entry.id == field_id), None)


@dataclass(slots=True)
class Workflow:
    """A workflow with resolved status ids, as one or more issue types of one project use it."""

    id: str
    name: str
    initial: str
    statuses: list[str]
    transitions: list[Transition] = field(default_factory=list)

    def available(self, status_id: str, user: str) -> list[Transition]:
        """What this user may do from this status, in order of ids."""
        return [
            edge
            for edge in self.transitions
            if edge.leaves(status_id) and (edge.only_for is None or user in edge.only_for)
        ]

    def transition(self, transition_id: str) -> Transition | None:
        """The transition with this id, available or not."""
        return next((edge for edge in self.transitions if edge.id == transition_id), None)

    def next_id(self) -> str:
        """A free transition id, in steps of ten as Jira's editor counts."""
        return str(max((int(edge.id) for edge in self.transitions), default=1) // 10 * 10 + 11)


RESOLUTION_SCREEN: Final = (ScreenField("resolution", required=True), ScreenField("fixVersions"))

SIMPLE: Final = WorkflowTemplate(
    "simple",
    (("To Do", "new"), ("In Progress", "indeterminate"), ("Done", "done")),
    (
        Edge("11", "To Do", None, "To Do", sets_resolution=CLEAR),
        Edge("21", "In Progress", None, "In Progress", sets_resolution=CLEAR),
        Edge("31", "Done", None, "Done", sets_resolution="Done"),
    ),
)

MULTISTEP: Final = WorkflowTemplate(
    "multistep",
    (
        ("To Do", "new"),
        ("In Progress", "indeterminate"),
        ("In Review", "indeterminate"),
        ("Done", "done"),
        ("Verified", "done"),
        ("Closed", "done"),
        ("Reopened", "new"),
    ),
    (
        Edge("11", "Start work", ("To Do",), "In Progress"),
        Edge("21", "Ask for review", ("In Progress",), "In Review"),
        Edge("31", "Resolve", ("In Progress", "In Review"), "Done", RESOLUTION_SCREEN),
        Edge("41", "Resolve directly", ("To Do",), "Done", RESOLUTION_SCREEN),
        Edge("51", "Verify", ("Done",), "Verified"),
        Edge("61", "Close", ("Verified",), "Closed", RESOLUTION_SCREEN),
        Edge(
            "71",
            "Reopen",
            ("Done", "Verified", "Closed"),
            "Reopened",
            (ScreenField("comment"),),
            sets_resolution=CLEAR,
        ),
        Edge("81", "Start work again", ("Reopened",), "In Progress"),
        Edge("91", "Back to the queue", ("Reopened",), "To Do"),
    ),
)

ROOT_CAUSES: Final = ("Code", "Configuration", "Data", "Third party")

SOFTWARE_WIDE: Final = WorkflowTemplate(
    "software_wide",
    (
        ("Backlog", "new"),
        ("Selected for Development", "new"),
        ("In Progress", "indeterminate"),
        ("Code Review", "indeterminate"),
        ("QA", "indeterminate"),
        ("Blocked", "indeterminate"),
        ("Fix Ready", "done"),
        ("Done", "done"),
        ("Won't Fix", "done"),
    ),
    (
        Edge("11", "Back to backlog", None, "Backlog", sets_resolution=CLEAR),
        Edge("21", "Select", ("Backlog",), "Selected for Development"),
        Edge("31", "Start", ("Selected for Development", "Blocked"), "In Progress"),
        Edge("41", "Review", ("In Progress",), "Code Review"),
        Edge("51", "To QA", ("Code Review",), "QA"),
        Edge("61", "Reject", ("QA", "Code Review"), "In Progress"),
        Edge("71", "Block", ("In Progress", "Code Review", "QA"), "Blocked", (ScreenField("comment"),)),
        Edge("81", "Fix is ready", ("QA",), "Fix Ready", sets_resolution="Fixed"),
        Edge(
            "91",
            "Release",
            ("Fix Ready", "QA"),
            "Done",
            (
                ScreenField("resolution", required=True, allowed=("Done", "Fixed")),
                ScreenField("customfield_10300", required=True),
                ScreenField("fixVersions"),
            ),
        ),
        Edge("101", "Fast release", ("Fix Ready",), "Done", sets_resolution="Fixed"),
        Edge(
            "111",
            "Won't fix",
            ("Backlog", "Selected for Development", "In Progress", "Blocked"),
            "Won't Fix",
            (ScreenField("resolution", required=True, allowed=("Won't Do", "Cannot Reproduce", "Duplicate")),),
        ),
    ),
)

TEMPLATES: Final = {template.name: template for template in (SIMPLE, MULTISTEP, SOFTWARE_WIDE)}


def build(template: WorkflowTemplate, workflow_id: str, status_ids: dict[str, str]) -> Workflow:
    """The template as a workflow of a project: names become ids of `status_ids`."""
    return Workflow(
        id=workflow_id,
        name=template.name,
        initial=status_ids[template.statuses[0][0]],
        statuses=[status_ids[name] for name, _ in template.statuses],
        transitions=[
            Transition(
                id=edge.id,
                name=edge.name,
                sources=None if edge.sources is None else frozenset(status_ids[name] for name in edge.sources),
                target=status_ids[edge.target],
                screen=edge.screen,
                sets_resolution=edge.sets_resolution,
                only_for=edge.only_for,
            )
            for edge in template.edges
        ],
    )
