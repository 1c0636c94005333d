"""Which transition a walk takes next, and what it says when there is none."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from syncd.core.mapping import BugTarget, StatusOrder
from syncd.core.model import IssueSnapshot, Json
from syncd.core.ports import Transition, TransitionField
from syncd.core.walk import Step, Stuck, fill, next_step

RANKS = {"todo": 0, "doing": 1, "done": 3, "closed": 4}
DONE = frozenset({"done", "closed", "verified"})
RESOLUTION = TransitionField("resolution", "Resolution", required=True, allowed=(("r1", "Done"), ("r2", "Fixed")))


def bug(status: str, category: str = "done", resolution: str | None = None) -> IssueSnapshot:
    """A bug in a status whose id is its name."""
    return IssueSnapshot("1", "ENG-1", "ENG", "p", "Bug", "t", status, status, category, 0, resolution_id=resolution)


def to(status: str | None, *fields: TransitionField, category: str = "") -> Transition:
    """A transition to a status."""
    return Transition(f"to-{status}", f"To {status}", status, status, fields, category)


def step(
    issue: IssueSnapshot,
    offered: list[Transition],
    target: BugTarget,
    *,
    edges: Collection[tuple[str | None, str]] = (),
    visited: Collection[str] = (),
    done: frozenset[str] = frozenset(),
) -> str:
    """The status that the walk goes to, or the code why it is stuck."""
    found = next_step(
        issue, target, offered, edges=edges, visited=visited, order=StatusOrder(RANKS, done), stage="confirmed"
    )
    return found.code if isinstance(found, Stuck) else str(found.transition.to_status_id)


CLOSED = BugTarget("closed", "Closed", resolution="Done")
TO_DO = BugTarget("todo", "To Do")

ROWS = {
    "the target itself is preferred to any way round": (
        bug("done"),
        [to("verified"), to("closed")],
        CLOSED,
        {},
        "closed",
    ),
    "a known way is followed, the shortest first": (
        bug("done"),
        [to("a"), to("b")],
        CLOSED,
        {"edges": {("a", "x"), ("x", "closed"), ("b", "closed")}},
        "b",
    ),
    "an edge from anywhere counts from every status": (
        bug("done"),
        [to("a")],
        CLOSED,
        {"edges": {(None, "closed")}},
        "a",
    ),
    "the mapping's path is followed where the target is not offered": (
        bug("done"),
        [to("verified"), to("review")],
        BugTarget("closed", "Closed", path=("review",)),
        {},
        "review",
    ),
    "a status that was visited is not taken again": (
        bug("done"),
        [to("verified"), to("other")],
        CLOSED,
        {"visited": {"verified"}},
        "other",
    ),
    "into the unknown it never goes away from the target": (
        bug("done"),
        [to("doing"), to("todo")],
        CLOSED,
        {},
        "unreachable",
    ),
    "from a done bug no way forward leads through work": (
        bug("done"),
        [to("vendor", category="indeterminate")],
        CLOSED,
        {},
        "unreachable",
    ),
    "an unnamed done status may lie on the way forward": (
        bug("done"),
        [to("verified", category="done")],
        CLOSED,
        {},
        "verified",
    ),
    "an unnamed open status may lie on the way back": (
        bug("closed"),
        [to("archived", category="done"), to("reopened", category="new")],
        TO_DO,
        {},
        "reopened",
    ),
    "a bug that is worked on is not called done on its way back": (
        bug("doing", "indeterminate"),
        [to("done")],
        TO_DO,
        {"edges": {("done", "reopened"), ("reopened", "todo")}, "done": DONE},
        "unreachable",
    ),
    "nor by a way that leads there later on": (
        bug("doing", "indeterminate"),
        [to("review"), to("blocked")],
        TO_DO,
        {
            "edges": {
                ("review", "done"),
                ("done", "todo"),
                ("blocked", "parked"),
                ("parked", "backlog"),
                ("backlog", "todo"),
            },
            "done": DONE,
        },
        "blocked",
    ),
    "but by one that the mapping names it is": (
        bug("doing", "indeterminate"),
        [to("done")],
        BugTarget("todo", "To Do", path=("done", "reopened")),
        {"done": DONE},
        "done",
    ),
    "it does not go where all ways on are known not to lead there": (
        bug("doing", "indeterminate"),
        [to("review")],
        TO_DO,
        {"edges": {("review", "done"), ("review", "qa"), ("qa", "review"), ("done", "todo")}, "done": DONE},
        "unreachable",
    ),
    "it goes where a way leads on into the unknown": (
        bug("doing", "indeterminate"),
        [to("review")],
        TO_DO,
        {"edges": {("review", "done"), ("review", "qa")}, "done": DONE},
        "review",
    ),
    "a done bug is not reopened on its way to another done status": (
        bug("done"),
        [to("reopened"), to("verified")],
        CLOSED,
        {"edges": {("reopened", "closed")}, "done": DONE},
        "verified",
    ),
    "the way to done may lead through another done status, and the way back too": (
        bug("closed"),
        [to("verified")],
        TO_DO,
        {"edges": {("verified", "todo")}, "done": DONE},
        "verified",
    ),
    "an entry without a target is no way": (bug("done"), [to(None)], CLOSED, {}, "unreachable"),
    "of two ways to the target the one that can be filled is taken": (
        bug("done"),
        [to("closed", TransitionField("customfield_1", "Cause", required=True)), to("closed")],
        CLOSED,
        {},
        "closed",
    ),
    "a required field that nothing fills stops the walk": (
        bug("done"),
        [to("closed", TransitionField("customfield_1", "Cause", required=True))],
        CLOSED,
        {},
        "missing_field",
    ),
    "a required field with a default is left to Jira": (
        bug("done"),
        [to("closed", TransitionField("customfield_1", "Cause", required=True, has_default=True))],
        CLOSED,
        {},
        "closed",
    ),
}


@pytest.mark.parametrize(("issue", "offered", "target", "more", "expected"), ROWS.values(), ids=ROWS)
def test_the_next_step(
    issue: IssueSnapshot, offered: list[Transition], target: BugTarget, more: dict[str, set[str]], expected: str
) -> None:
    assert step(issue, offered, target, **more) == expected  # type: ignore[arg-type]  # the rows' keyword arguments


FILLS: dict[str, tuple[TransitionField, BugTarget, str | None, Json]] = {
    "an empty resolution is filled from the mapping": (RESOLUTION, CLOSED, None, {"id": "r1"}),
    "a resolution that people chose is kept": (RESOLUTION, CLOSED, "r2", {"id": "r2"}),
    "a resolution that the screen does not take is replaced": (RESOLUTION, CLOSED, "r9", {"id": "r1"}),
    "a name is found whatever its case": (
        RESOLUTION,
        BugTarget("closed", "Closed", resolution="FIXED"),
        None,
        {"id": "r2"},
    ),
    "a configured field is sent when it is on the screen": (
        TransitionField("customfield_1", "Cause", required=False),
        BugTarget("closed", "Closed", fields={"customfield_1": {"value": "Code"}}),
        None,
        {"value": "Code"},
    ),
}


@pytest.mark.parametrize(("field", "target", "has", "expected"), FILLS.values(), ids=FILLS)
def test_what_is_filled_in(field: TransitionField, target: BugTarget, has: str | None, expected: Json) -> None:
    fields, lacking = fill(to("closed", field), target, bug("done", resolution=has))
    assert (fields, lacking) == ({field.id: expected}, [])


def test_a_field_that_is_not_on_the_screen_is_never_sent() -> None:
    target = BugTarget("closed", "Closed", resolution="Done", fields={"customfield_1": "x"})
    assert fill(to("closed"), target, bug("done")) == ({}, [])


def test_the_message_names_the_key_to_set_and_what_may_stand_there() -> None:
    found = next_step(
        bug("done"),
        BugTarget("closed", "Closed"),
        [to("closed", RESOLUTION)],
        edges=(),
        visited=(),
        order=StatusOrder(RANKS),
        stage="confirmed",
    )
    assert isinstance(found, Stuck)
    assert "confirmed.move_bug_to.resolution" in found.message
    assert "Done, Fixed" in found.message


def test_a_step_carries_its_fields() -> None:
    found = next_step(
        bug("done"),
        CLOSED,
        [to("closed", RESOLUTION)],
        edges=(),
        visited=(),
        order=StatusOrder(RANKS),
        stage="confirmed",
    )
    assert isinstance(found, Step)
    assert found.fields == {"resolution": {"id": "r1"}}
