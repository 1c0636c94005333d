"""Events from the records of the trackers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from syncd.core.model import Actor, ActorKind, TicketChange, TicketSnapshot, TicketState
from syncd.sla.clock import clocks
from syncd.sla.events import Changed, Commented, Created, Event, Merged, in_order
from syncd.sla.observed import ReadingChange, catching_up, reading_changes, second, ticket_events
from syncd.sla.standing import Standing, moments
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


def test_a_comment_keeps_the_markers_that_were_found_in_it() -> None:
    events = ticket_events(SNAPSHOT, [replace(HISTORY[1], markers=("#diagnosis",))])
    assert events[-1].what == Commented(public=True, markers=("#diagnosis",))


def test_seconds_are_cut_off_not_rounded() -> None:
    assert second(when("09:00:59.999999")) == at("2026-03-02 09:00:59")


def test_a_comment_of_unknown_publicity_is_no_reply() -> None:
    events = ticket_events(SNAPSHOT, [change(2, "10:00", "comment", public=None, comment_id=1)])
    assert events[-1].what == Commented(public=False)


def test_what_a_history_does_not_name_is_left_out() -> None:
    events = ticket_events(SNAPSHOT, [change(2, "10:00", "other"), change(2, "10:00", "field", "a", "b")])
    assert len(events) == 1


# ---- what the history does not tell yet --------------------------------------------------------------------------


def end(*events: Event) -> Standing:
    return moments(in_order(events))[-1].after


def test_two_readings_tell_what_changed_between_them() -> None:
    later = replace(
        SNAPSHOT, group_id=6, tags=("vip",), fields={"77": ["b", "a"], "78": True}, updated_at=when("13:00")
    )
    assert reading_changes(SNAPSHOT, later) == (
        ReadingChange(at("2026-03-02 13:00"), "group", "5", "6"),
        ReadingChange(at("2026-03-02 13:00"), "tags", "escalated vip", "vip"),
    )
    assert reading_changes(later, later) == ()
    assert reading_changes(later, replace(later, visible=False)) == ()


def test_a_change_that_only_readings_tell_does_not_reach_back_to_the_beginning() -> None:
    later = replace(SNAPSHOT, group_id=6, tags=("vip",), updated_at=when("13:00"))
    events = ticket_events(later, HISTORY, reading_changes(SNAPSHOT, later))
    assert isinstance(events[0].what, Created)
    assert events[0].what.values["group"] == "5"
    assert [(event.what, event.inferred) for event in events[-2:]] == [
        (Changed("group", "6"), True),
        (Changed("tags", "vip"), True),
    ]
    assert catching_up(later, events) == ()


def test_a_reading_that_knows_more_than_the_events_catches_up() -> None:
    later = replace(SNAPSHOT, state=TicketState("solved", 501), tags=("vip",), updated_at=when("13:00"))
    events = ticket_events(later, HISTORY)
    found = catching_up(later, events)
    assert [(event.what, event.at, event.inferred) for event in found] == [
        (Changed("status", "solved"), at("2026-03-02 13:00"), True),
        (Changed("tags", "vip"), at("2026-03-02 13:00"), True),
    ]
    assert end(*events, *found).status == "solved"


def test_a_reading_that_knows_less_than_the_events_says_nothing() -> None:
    older = replace(SNAPSHOT, state=TicketState("open", 500), updated_at=when("10:00"))
    assert catching_up(older, ticket_events(older, HISTORY)) == ()


@pytest.mark.parametrize(
    ("changes", "status", "merged"),
    [
        pytest.param({"visible": False}, "deleted", None, id="a ticket that no longer answers"),
        pytest.param({"state": TicketState("deleted")}, "deleted", None, id="a ticket in the bin"),
        pytest.param(
            {"merged_into": 9, "state": TicketState("closed")}, "closed", 9, id="merged, as somebody found out"
        ),
        pytest.param(
            {"tags": ("closed_by_merge",), "state": TicketState("closed")}, "closed", 0, id="merged, as its tag says"
        ),
    ],
)
def test_a_ticket_that_is_gone_is_gone(changes: dict[str, Any], status: str, merged: int | None) -> None:
    gone = replace(SNAPSHOT, updated_at=when("13:00"), **changes)
    events = ticket_events(gone, HISTORY)
    standing = end(*events, *catching_up(gone, events))
    assert (standing.status, standing.merged_into) == (status, merged)
    assert standing.is_gone


def test_a_merge_is_told_by_the_tag_in_the_history_to_the_second() -> None:
    gone = replace(SNAPSHOT, tags=("closed_by_merge",), state=TicketState("closed"), updated_at=when("13:00"))
    history = (change(4, "13:00", "tags", "escalated vip", "closed_by_merge"), *HISTORY)
    assert Merged(0) in [event.what for event in ticket_events(gone, history) if not event.inferred]


def test_a_box_is_told_alike_by_history_and_reading() -> None:
    history = (change(4, "13:00", "field:78", "0", "1"), *HISTORY)
    events = ticket_events(SNAPSHOT, history)
    assert isinstance(events[0].what, Created)
    assert events[0].what.values["field:78"] == "false"
    assert events[-1].what == Changed("field:78", "true")
    assert catching_up(replace(SNAPSHOT, updated_at=when("13:00")), events) == ()
