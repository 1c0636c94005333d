"""Events and outlook of bugs from the records of Jira."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.core.mapping import BugSelector, Stage, StageMapping
from syncd.core.model import Actor, ActorKind, IssueChange, IssueMark, IssueSnapshot, Link, LinkState, Origin
from syncd.sla.events import BugLinked, BugMoved, BugTouched, Created, Event, Side, in_order
from syncd.sla.observed_bugs import NO_STAGE, bug_events, outlook
from syncd.sla.standing import Moment, moments
from tests.sla.kit import at


def when(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-02 {time}").replace(tzinfo=UTC)


MAPPING = StageMapping(
    "default",
    (
        Stage("queued", 0, (BugSelector("1"),)),
        Stage("in_progress", 1, (BugSelector("2"),)),
        Stage("fixed", 2, (BugSelector("3", frozenset({"900"})),), done=True),
    ),
    "m",
)
DEV = Actor(ActorKind.AGENT, "dev-1")
ISSUE = IssueSnapshot(
    id="10001",
    key="NOVA-1",
    project_key="NOVA",
    project_id="1",
    issue_type="Bug",
    issue_type_id="1",
    status_id="3",
    status_name="Done",
    status_category="done",
    updated_ms=1_772_460_000_000,
    resolution_id="900",
    assignee_id="dev-1",
    history=(
        IssueChange("12", when("14:00"), DEV, "2", "3", None, "900"),
        IssueChange("11", when("11:00"), DEV, "1", "2"),
    ),
)
LINK = Link(1, 7, "10001", "NOVA-1", "nova", Origin.CREATED, when("10:00"))


def stages(events: tuple[Event, ...]) -> list[tuple[str, str]]:
    return [(datetime.fromtimestamp(event.at, UTC).strftime("%H:%M"), event.what.stage) for event in events]  # type: ignore[union-attr]  # moves and links have one


@pytest.mark.parametrize(
    ("linked", "expected"),
    [
        pytest.param(
            "10:00", [("10:00", "queued"), ("11:00", "in_progress"), ("14:00", "fixed")], id="linked before it moved"
        ),
        pytest.param("12:00", [("12:00", "in_progress"), ("14:00", "fixed")], id="linked while somebody works on it"),
        pytest.param("15:00", [("15:00", "fixed")], id="linked when it was done"),
    ],
)
def test_a_bug_enters_in_the_stage_it_was_in(linked: str, expected: list[tuple[str, str]]) -> None:
    assert stages(bug_events(replace(LINK, created_at=when(linked)), ISSUE, MAPPING)) == expected


def test_a_status_that_no_stage_names_is_marked() -> None:
    odd = replace(ISSUE, history=(IssueChange("11", when("11:00"), DEV, "1", "77"),), resolution_id=None)
    _, moved = bug_events(LINK, odd, MAPPING)
    assert isinstance(moved.what, BugMoved)
    assert moved.what.stage == NO_STAGE


def test_a_status_that_no_stage_names_counts_by_its_category_for_as_long_as_it_lasted() -> None:
    history = (*ISSUE.history, IssueChange("10", when("10:30"), DEV, "1", "77"))
    told = bug_events(LINK, replace(ISSUE, history=history), replace(MAPPING, unnamed={"77": "in_progress"}))
    assert stages(told)[:3] == [("10:00", "queued"), ("10:30", "in_progress"), ("11:00", "in_progress")]


BORN = Event(at("2026-03-02 08:00"), Side.TICKET, 1, -1, DEV, Created({"status": "open"}))


def life(*events: Event) -> tuple[Moment, ...]:
    return moments(in_order((BORN, *events)))


def test_a_retired_link_lets_the_bug_go() -> None:
    events = bug_events(replace(LINK, state=LinkState.RETIRED), ISSUE, MAPPING, unlinked_at=at("2026-03-02 15:00"))
    told = life(*events)
    assert told[-2].after.bug is not None
    assert told[-1].after.bug is None


def test_a_bug_that_is_linked_twice_is_there_twice() -> None:
    first = bug_events(replace(LINK, state=LinkState.RETIRED), ISSUE, MAPPING, unlinked_at=at("2026-03-02 10:30"))
    again = bug_events(replace(LINK, id=2, created_at=when("10:45")), ISSUE, MAPPING)
    there = [(moment.at, moment.after.bug is not None) for moment in life(*first, *again)]
    assert there[:4] == [
        (at("2026-03-02 08:00"), False),
        (at("2026-03-02 10:00"), True),
        (at("2026-03-02 10:30"), False),
        (at("2026-03-02 10:45"), True),
    ]


def mark(number: str, time: str, name: str, before: str | None = None, after: str | None = None) -> IssueMark:
    return IssueMark(number, when(time), DEV, name, before, after)


MARKED = replace(
    ISSUE,
    assignee_id="dev-2",
    project_key="NOVA",
    components=("api", "ui"),
    marks=(
        mark("c900", "16:00", "comment"),
        mark("16", "13:00", "components", None, "ui"),
        mark("16", "13:00", "components", "db", None),
        mark("15", "12:00", "project", "OPS", "NOVA"),
        mark("14", "11:30", "assignee", "dev-1", "dev-2"),
        mark("13", "11:15", "assignee", None, "dev-1"),
        mark("12", "10:30", "due_date", None, "2026-04-01"),
    ),
)


def test_a_bug_is_undone_to_how_it_was_when_it_was_linked() -> None:
    (joined, *_) = bug_events(LINK, MARKED, MAPPING)
    assert isinstance(joined.what, BugLinked)
    assert (joined.what.assignee, joined.what.project, joined.what.components) == (None, "OPS", ("api", "db"))


def test_marks_before_the_link_are_part_of_how_it_joined() -> None:
    (joined, *_) = bug_events(replace(LINK, created_at=when("12:30")), MARKED, MAPPING)
    assert isinstance(joined.what, BugLinked)
    assert (joined.what.assignee, joined.what.project, joined.what.components) == ("dev-2", "NOVA", ("api", "db"))


def test_the_bug_ends_as_the_reading_has_it() -> None:
    bug = life(*bug_events(LINK, MARKED, MAPPING))[-1].after.bug
    assert bug is not None
    assert (bug.assignee, bug.project, bug.components, bug.stage) == ("dev-2", "NOVA", ("api", "ui"), "fixed")


def test_comments_and_dates_touch_the_bug() -> None:
    touched = [event for event in bug_events(LINK, MARKED, MAPPING) if isinstance(event.what, BugTouched)]
    assert [(event.what, event.at) for event in touched] == [
        (BugTouched("due_date"), at("2026-03-02 10:30")),
        (BugTouched("comment"), at("2026-03-02 16:00")),
    ]


def test_a_later_reading_gives_the_same_events_and_more() -> None:
    later = replace(MARKED, marks=(mark("c901", "17:00", "comment"), *MARKED.marks))
    old, new = bug_events(LINK, MARKED, MAPPING), bug_events(LINK, later, MAPPING)
    assert len(in_order((*old, *new))) == len(new) == len(old) + 1


def test_without_a_mapping_no_status_has_a_stage() -> None:
    assert {event.what.stage for event in bug_events(LINK, ISSUE, None) if isinstance(event.what, BugMoved)} == {
        NO_STAGE
    }


@pytest.mark.parametrize(
    ("issue", "touched", "unassigned"),
    [
        pytest.param(ISSUE, "14:00", None, id="the last move touched it"),
        pytest.param(MARKED, "16:00", None, id="a comment touched it"),
        pytest.param(replace(ISSUE, history=(), assignee_id=None), "10:00", "10:00", id="nothing since it was linked"),
        pytest.param(
            replace(ISSUE, assignee_id=None, marks=(mark("13", "11:15", "assignee", "dev-1", None),)),
            "14:00",
            "11:15",
            id="somebody let go of it",
        ),
        pytest.param(
            replace(
                ISSUE,
                history=(),
                marks=(replace(mark("13", "11:15", "edit"), actor=Actor(ActorKind.ROBOT, "ci")),),
            ),
            "10:00",
            None,
            id="a robot's edit is no touch",
        ),
    ],
)
def test_what_a_bug_promises(issue: IssueSnapshot, touched: str, unassigned: str | None) -> None:
    found = outlook(LINK, issue, MAPPING)
    assert found.touched_at == second_of(touched)
    assert found.unassigned_since == (None if unassigned is None else second_of(unassigned))


def second_of(time: str) -> int:
    return at(f"2026-03-02 {time}")
