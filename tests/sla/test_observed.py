"""Events from the records of the trackers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.core.mapping import BugSelector, Stage, StageMapping
from syncd.core.model import (
    Actor,
    ActorKind,
    IssueChange,
    IssueSnapshot,
    Link,
    LinkState,
    Origin,
    TicketChange,
    TicketSnapshot,
    TicketState,
)
from syncd.sla.clock import clocks
from syncd.sla.events import BugChanged, BugMoved, Changed, Commented, Created, Event, in_order
from syncd.sla.observed import (
    NO_STAGE,
    bug_events,
    bug_reading_events,
    reading_events,
    second,
    ticket_events,
)
from syncd.sla.standing import moments
from syncd.sla.states import State, judge
from tests.sla.kit import at, rules

ANN = Actor(ActorKind.AGENT, "21")
CLEO = Actor(ActorKind.CUSTOMER, "31")


def when(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-02 {time}").replace(tzinfo=UTC)


SNAPSHOT = TicketSnapshot(
    id=7,
    state=TicketState("pending", 501),
    updated_at=when("12:00"),
    created_at=when("09:00"),
    priority="high",
    tags=("escalated", "vip"),
    fields={"77": ["a", "b"], "78": True, "79": ""},
    assignee_id=21,
    group_id=5,
    channel="email",
)


def change(
    audit: int, time: str, kind: str, before: str | None = None, after: str | None = None, **more: object
) -> TicketChange:
    by = more.pop("by", ANN)
    assert isinstance(by, Actor)
    return TicketChange(audit, when(time), by, kind, before, after, **more)  # type: ignore[arg-type]  # public, comment_id


HISTORY = (  # newest first, as TicketSource.history lists it; within an audit the last event first
    change(3, "12:00", "status", "open", "pending"),
    change(3, "12:00", "comment", public=True, comment_id=92),
    change(2, "10:00", "tags", "vip", "escalated vip"),
    change(2, "10:00", "priority", "normal", "high"),
    change(2, "10:00", "status", "new", "open"),
    change(1, "09:00", "created", None, "new", by=CLEO),
    change(1, "09:00", "comment", public=True, comment_id=91, by=CLEO),
)


def test_the_beginning_is_what_the_first_changes_replaced() -> None:
    created, *_ = ticket_events(SNAPSHOT, HISTORY)
    assert isinstance(created.what, Created)
    assert created.what.values["status"] == "new"
    assert created.what.values["priority"] == "normal"
    assert created.what.values["group"] == "5", "never changed, so it always was"
    assert created.what.values["field:77"] == "a b"
    assert created.what.values["field:78"] == "true"
    assert created.what.tags == ("vip",)
    assert not created.inferred


def test_the_life_ends_as_the_reading_says() -> None:
    last = moments(in_order(ticket_events(SNAPSHOT, HISTORY)))[-1].after
    assert (last.status, last.value("priority"), last.tags) == ("pending", "high", frozenset(SNAPSHOT.tags))


def test_without_a_history_the_beginning_is_inferred() -> None:
    (created,) = ticket_events(SNAPSHOT, ())
    assert created.inferred
    assert created.at == at("2026-03-02 09:00")


def test_an_audit_keeps_its_order_from_either_source() -> None:
    twice = (change(5, "10:00", "status", "new", "open"), change(5, "10:00", "status", "open", "hold"))
    for listed, newest_first in ((twice, False), (twice[::-1], True)):
        events = ticket_events(SNAPSHOT, listed, newest_first=newest_first)
        assert moments(in_order(events))[-1].after.status == "hold"


def test_the_same_history_from_two_sources_changes_nothing() -> None:
    exported = ticket_events(SNAPSHOT, HISTORY[::-1][:-1], newest_first=False)
    listed = ticket_events(SNAPSHOT, HISTORY)
    book = rules(
        {"first_reply": "4h", "resolution": {"goals": {"any": "8h"}, "calendar": "office", "pause_in": ["pending"]}}
    )
    both = clocks(7, [*exported[1:], *listed], book, at("2026-03-02 16:00"))
    assert both == clocks(7, listed, book, at("2026-03-02 16:00"))
    assert [judge(clock).state for clock in both] == [State.MET, State.PAUSED]


def test_only_the_markers_of_a_text_are_kept() -> None:
    events = ticket_events(SNAPSHOT, HISTORY, {92: "found it #diagnosis\nsecret"}, ("#diagnosis", "#plan"))
    comments = [event.what for event in events if isinstance(event.what, Commented)]
    assert comments[-1] == Commented(public=True, markers=("#diagnosis",))
    assert "secret" not in repr(events)


def test_seconds_are_cut_off_not_rounded() -> None:
    assert second(when("09:00:59.999999")) == at("2026-03-02 09:00:59")


def test_a_comment_of_unknown_publicity_is_no_reply() -> None:
    events = ticket_events(SNAPSHOT, [change(2, "10:00", "comment", public=None, comment_id=1)])
    assert events[-1].what == Commented(public=False)


def test_what_a_history_does_not_name_is_left_out() -> None:
    events = ticket_events(SNAPSHOT, [change(2, "10:00", "other"), change(2, "10:00", "field", "a", "b")])
    assert len(events) == 1


def test_two_readings_tell_the_rest_as_inferred() -> None:
    later = replace(SNAPSHOT, group_id=6, tags=("vip",), updated_at=when("13:00"))
    found = reading_events(SNAPSHOT, later)
    assert [(event.what, event.inferred) for event in found] == [
        (Changed("group", "6"), True),
        (Changed("tags", "vip"), True),
    ]
    assert reading_events(later, later) == ()


# ---- bugs --------------------------------------------------------------------------------------------------------

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


def test_a_retired_link_lets_the_bug_go() -> None:
    events = bug_events(replace(LINK, state=LinkState.RETIRED), ISSUE, MAPPING, unlinked_at=at("2026-03-02 15:00"))
    told = moments(in_order((*ticket_events(SNAPSHOT, HISTORY), *events)))
    assert told[-2].after.bug is not None
    assert told[-1].after.bug is None


def test_an_assignee_seen_in_two_readings_is_inferred() -> None:
    (event,) = bug_reading_events(replace(ISSUE, assignee_id=None), ISSUE)
    assert (event.what, event.inferred) == (BugChanged("assignee", "dev-1"), True)
