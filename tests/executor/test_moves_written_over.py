"""Moves of people that come between a reading of a walk and its request: whose are written over, and who is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from syncd.core.actions import MoveBug, Settles
from syncd.core.mapping import BugTarget, StatusOrder
from syncd.core.model import Actor, ActorKind, IssueChange, IssueSnapshot, Json, TicketState
from syncd.core.ports import IssueSource, Transition
from syncd.executor.bugs import BugWriter, WalkKnowledge
from syncd.executor.outcome import Done, Outcome, Refused, Superseded
from syncd.sources.errors import RefusedError

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
US = Actor(ActorKind.SELF, "s", "syncd")
ALICE, BOB = Actor(ActorKind.AGENT, "a", "Alice"), Actor(ActorKind.AGENT, "b", "Bob")
NOBODY, ROBOT = Actor(ActorKind.UNKNOWN), Actor(ActorKind.ROBOT, "r", "Automation")
STEPS = {"reopened": ("closed", "done", "verified"), "todo": ("reopened",)}  # each status, and where its way begins

Move = tuple[Actor, str]


@dataclass
class Tracker:
    """One bug that is closed. Before the request with a number, counted from 1, people move it; `marks`: whether Jira
    keeps what a request says of itself."""

    before: Mapping[int, Sequence[Move]]
    marks: bool = True
    history: list[IssueChange] = field(default_factory=list)
    status: str = "closed"
    requests: int = 0

    def people(self) -> None:
        """What happens before the request that comes."""
        self.requests += 1
        for actor, status in self.before.get(self.requests, ()):
            self.move(actor, status)

    def move(self, actor: Actor, status: str, marker: str | None = None) -> None:
        """Somebody moves it, a second after the move before."""
        number = len(self.history) + 1
        change = IssueChange(
            str(number), AT + timedelta(seconds=number), actor, status_from=self.status, status_to=status, marker=marker
        )
        self.history.insert(0, change)
        self.status = status

    def read(self, _ids: Sequence[str], *, history: bool = True) -> tuple[IssueSnapshot, ...]:
        """The bug as it is."""
        updated = int((AT + timedelta(seconds=len(self.history))).timestamp() * 1000)
        issue = IssueSnapshot("1", "ENG-1", "ENG", "p", "Bug", "t", self.status, self.status, "new", updated)
        return (replace(issue, history=tuple(self.history)),)

    def transitions(self, _id: str) -> tuple[Transition, ...]:
        """The ways on."""
        return tuple(Transition(to, to, to, to) for to, sources in STEPS.items() if self.status in sources)

    def transition(self, _id: str, transition_id: str, _fields: Mapping[str, Json], *, marker: str) -> None:
        """Our step, where it can be taken by then."""
        self.people()
        if self.status not in STEPS[transition_id]:
            raise RefusedError(f"it is {self.status}", status=400)
        self.move(US, transition_id, marker if self.marks else None)


def walk(tracker: Tracker, since: datetime | None = None) -> Outcome:
    """From closed to To Do, by way of Reopened."""
    version = int(AT.timestamp() * 1000)
    settles = Settles(7, "queued", "closed", None, TicketState("open"), 1, version, "queued")
    return BugWriter(cast("IssueSource", tracker)).move(
        MoveBug(
            issue_id="1",
            issue_key="ENG-1",
            source="ticket",
            reason="ticket #1 was reopened",
            stage="queued",
            target=BugTarget("todo", "To Do"),
            expected_status_id="closed",
            expected_resolution_id=None,
            settles=(settles,),
            link_ids=(7,),
        ),
        "m",
        now=AT + timedelta(minutes=1),
        since=since,
        knowledge=lambda _issue: WalkKnowledge(
            {(a, to) for to, sources in STEPS.items() for a in sources}, StatusOrder()
        ),
        learn=lambda _issue, _transitions: None,
        before_send=lambda: None,
    )


def told(outcome: Outcome) -> str:
    """What came of it; who is asked first, where there is a conflict."""
    match outcome:
        case Done(conflicts=conflicts):
            return " ".join(["done", *(f"{c.code} {c.message}" for c in conflicts.values())])
        case Refused(code=code, message=message):
            return f"refused {code} {message}"
        case Superseded():
            return "superseded"
    return repr(outcome)


SAME = "moved ENG-1 at the same moment as syncd, whose move"
LEAVE = "Move ENG-1 to where it belongs, or leave it so: syncd conflicts resolve 7 --take as-is"
EITHER = "Move either side to go on."
STAYED = f"{SAME} to todo is the one that stayed. {LEAVE}"

ROWS: dict[str, tuple[Mapping[int, Sequence[Move]], str, str]] = {
    "nobody moves it": ({}, "done", "todo"),
    "one move is written over by the first step": (
        {1: [(ALICE, "done")]},
        f"done overwritten 'Alice' {STAYED}",
        "todo",
    ),
    "one move is written over by the second step": (
        {2: [(ALICE, "reopened")]},
        f"done overwritten 'Alice' {STAYED}",
        "todo",
    ),
    "each step writes over one of the same person": (
        {1: [(ALICE, "done")], 2: [(ALICE, "reopened")]},
        f"done overwritten 'Alice' {STAYED}",
        "todo",
    ),
    "whose move was written over has moved it on to where the walk leads": (
        {1: [(ALICE, "done")], 2: [(ALICE, "todo")]},
        "done",
        "todo",
    ),
    "whose move was written over has moved it elsewhere since": (
        {1: [(ALICE, "done")], 2: [(ALICE, "doing")]},
        "superseded",
        "doing",
    ),
    "whose move was written over has moved it on, and a robot after that": (
        {1: [(ALICE, "done")], 2: [(ALICE, "doing"), (ROBOT, "todo")]},
        "done",
        "todo",
    ),
    "another person has moved it on to where the walk leads": (
        {1: [(ALICE, "done")], 2: [(BOB, "todo")]},
        f"done overwritten 'Alice' {SAME} came on top of that; 'Bob' moved it to todo since. {LEAVE}",
        "todo",
    ),
    "a robot has moved it on to where the walk leads": (
        {1: [(ALICE, "done")], 2: [(ROBOT, "todo")]},
        f"done overwritten 'Alice' {SAME} came on top of that; 'Automation' moved it to todo since. {LEAVE}",
        "todo",
    ),
    "another person has moved it elsewhere since": (
        {1: [(ALICE, "done")], 2: [(BOB, "doing")]},
        f"refused overwritten 'Alice' {SAME} came on top of that; 'Bob' moved it to doing since. {EITHER}",
        "doing",
    ),
    "two whom Jira does not name may be two": (
        {1: [(NOBODY, "done")], 2: [(NOBODY, "todo")]},
        f"done overwritten 'somebody' {SAME} came on top of that; 'somebody' moved it to todo since. {LEAVE}",
        "todo",
    ),
}


@pytest.mark.parametrize("marks", [pytest.param(True, id="with marks"), pytest.param(False, id="without marks")])
@pytest.mark.parametrize(("before", "expected", "status"), ROWS.values(), ids=ROWS.keys())
def test_moves_between_the_steps_of_a_walk(
    before: Mapping[int, Sequence[Move]], expected: str, status: str, marks: bool
) -> None:
    tracker = Tracker(before, marks)
    assert (told(walk(tracker)), tracker.status) == (expected, status)


INTERRUPTED: dict[str, tuple[Sequence[Move], str]] = {
    "nobody moved it since": ([(ALICE, "done"), (US, "reopened")], f"done overwritten 'Alice' {STAYED}"),
    "each step came on top of somebody's move": (
        [(ALICE, "done"), (US, "reopened"), (BOB, "reopened"), (US, "todo")],
        f"done overwritten 'Bob' {STAYED}",
    ),
    "the second's maker has moved it since, the first's has not": (
        [(ALICE, "done"), (US, "reopened"), (BOB, "reopened"), (US, "todo"), (BOB, "doing")],
        f"done overwritten 'Alice' {SAME} came on top of that; 'Bob' moved it to doing since. {LEAVE}",
    ),
    "its maker has moved it since": ([(ALICE, "done"), (US, "reopened"), (ALICE, "doing")], "superseded"),
    "another person has moved it since": (
        [(ALICE, "done"), (US, "reopened"), (BOB, "doing")],
        f"refused overwritten 'Alice' {SAME} came on top of that; 'Bob' moved it to doing since. {EITHER}",
    ),
}


@pytest.mark.parametrize(("moves", "expected"), INTERRUPTED.values(), ids=INTERRUPTED.keys())
def test_a_walk_that_was_interrupted_tells_from_the_history_alone(moves: Sequence[Move], expected: str) -> None:
    tracker = Tracker({})
    for actor, status in moves:
        tracker.move(actor, status, "m" if actor is US else None)
    assert told(walk(tracker, since=AT)) == expected
