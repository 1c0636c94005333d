"""Zendesk's clocks beside ours: each difference has a rule that explains it, or is called unexplained."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sla.clock import clocks
from syncd.sla.compare import Compared, DeskEvent, Rule, compare
from syncd.sla.policy import Book
from syncd.sla.states import judge
from tests.sla.kit import ALWAYS, CUSTOMER, OFFICE, Told, at, rules

SINCE, NOW = at("2026-01-01 00:00"), at("2026-03-20 00:00")
OPEN = "2026-03-02 09:00"  # a Monday; the office works from 9 to 17


def book(goal: str = "8h", metrics: dict[str, Any] | None = None, calendar: str = "office", **office: Any) -> Book:
    calendars = {"office": {**OFFICE, **office}, "always": ALWAYS}
    target = {"goals": {"urgent": goal, "normal": goal, "any": goal}, "calendar": calendar}
    return rules(dict.fromkeys(metrics or {"first_reply": {}}, target), metrics, calendars)


def desk(
    kind: str, when: str, metric: str = "reply_time", instance: int = 1, number: int = 1, **more: Any
) -> DeskEvent:
    return DeskEvent(number, 1, metric, instance, kind, at(when), **more)


def applied(when: str = OPEN, minutes: int = 480, *, business: bool = True, metric: str = "reply_time") -> DeskEvent:
    return desk("apply_sla", when, metric, target=minutes * 60, business_hours=business, policy="VIP")


def compared(told: Told, under: Book, *events: DeskEvent, is_complete: bool = True, now: int = NOW) -> Compared:
    judged = [
        (clock, judge(clock), under.metric(clock.cycle.metric, clock.cycle.start))
        for clock in clocks(1, told.events, under, now)
    ]
    return compare(judged, events, SINCE, now, is_complete=is_complete)


def late(**more: Any) -> Told:
    """Nobody answers."""
    return Told().created(OPEN, **more)


def test_the_same_breach_agrees_to_the_minute() -> None:
    found = compared(late(), book("4h"), applied(minutes=240), desk("breach", "2026-03-02 13:00:40"))
    assert found == Compared(1, ())


def test_a_clock_that_nobody_calls_breached_agrees() -> None:
    told = Told().created(OPEN).says("2026-03-02 10:00")
    assert compared(told, book(), applied(), desk("fulfill", "2026-03-02 10:00")) == Compared(1, ())


MAKEUP: dict[str, Any] = {"working_days": ["2026-03-07"]}
SATURDAY_COUNTS = book("41h", **MAKEUP)
HOLIDAY: dict[str, Any] = {"closed": ["2026-03-03"]}


@pytest.mark.parametrize(
    ("told", "under", "events", "rule"),
    [
        pytest.param(
            late(),
            book(),
            [applied(), desk("breach", "2026-03-02 17:00")],
            Rule.CLOSING,
            id="eight hours end at closing there and at the next opening here: exactly one closed gap",
        ),
        pytest.param(
            Told().created(OPEN).says("2026-03-02 18:00"),
            book(),
            [applied(), desk("breach", "2026-03-02 17:00")],
            Rule.CLOSING,
            id="an answer in the evening is late there only",
        ),
        pytest.param(
            late(),
            SATURDAY_COUNTS,
            [applied(minutes=41 * 60), desk("breach", "2026-03-09 10:00")],
            Rule.CALENDAR,
            id="a make-up working Saturday that Zendesk cannot know",
        ),
        pytest.param(
            late(),
            book("12h", **HOLIDAY),
            [applied(minutes=720), desk("breach", "2026-03-03 13:00")],
            Rule.CALENDAR,
            id="a holiday that is not in Zendesk's schedule",
        ),
        pytest.param(
            late(),
            book("4h", overrides={"2026-03-02": ["09:00-11:00"]}),
            [applied(minutes=240), desk("breach", "2026-03-02 13:00")],
            Rule.CALENDAR,
            id="a day with other hours",
        ),
        pytest.param(
            late(),
            book("4h"),
            [applied(minutes=60), desk("breach", "2026-03-02 10:00")],
            Rule.TARGET,
            id="another target",
        ),
        pytest.param(
            late(),
            book("4h", calendar="always"),
            [applied(minutes=240, business=True), desk("breach", "2026-03-03 09:00")],
            Rule.TARGET,
            id="the same number of other hours",
        ),
        pytest.param(
            late(),
            book("4h"),
            [applied(minutes=240), desk("breach", "2026-03-02 13:00", deleted=True)],
            Rule.DELETED,
            id="a breach that Zendesk took back",
        ),
        pytest.param(
            late(),
            book("4h"),
            [applied("2026-03-05 12:00", 240), desk("breach", "2026-03-05 12:00")],
            Rule.LATER,
            id="a policy that came late and breached at once",
        ),
        pytest.param(
            late(), book("4h"), [applied("2026-03-19 12:00", 240)], Rule.LATER, id="a policy that came after the breach"
        ),
        pytest.param(late(), book("4h"), [], Rule.NO_POLICY, id="a promise that only we make"),
        pytest.param(late(priority=""), book("4h"), [], Rule.NO_PRIORITY, id="a ticket without a priority"),
        pytest.param(
            Told().created(OPEN).merged("2026-03-10 09:00"),
            book("4h"),
            [applied(minutes=240)],
            Rule.CANCELLED,
            id="a merged ticket",
        ),
        pytest.param(
            late(),
            book("4h"),
            [applied(minutes=240), desk("breach", "2026-03-02 15:00")],
            Rule.NONE,
            id="two hours that nothing explains",
        ),
        pytest.param(
            late(), book("4h"), [applied(minutes=240)], Rule.NONE, id="a breach that Zendesk does not know, unexplained"
        ),
        pytest.param(
            late(),
            book("4h"),
            [applied(minutes=240), desk("breach", "2026-03-21 09:00")],
            Rule.NONE,
            id="a breach in the future is none",
        ),
    ],
)
def test_the_rule_that_explains_a_difference(told: Told, under: Book, events: list[DeskEvent], rule: Rule) -> None:
    (difference,) = compared(told, under, *events).differences
    assert difference.rule is rule
    assert difference.sentence.endswith(".")
    assert (difference.metric, difference.desk_metric) == ("first_reply", "reply_time")


def test_both_instants_are_told() -> None:
    (difference,) = compared(late(), book(), applied(), desk("breach", "2026-03-02 17:00")).differences
    assert (difference.here, difference.there) == (at("2026-03-03 09:00"), at("2026-03-02 17:00"))


def test_a_history_that_is_still_being_read_is_said_to_be_so() -> None:
    (difference,) = compared(late(), book("4h"), applied(minutes=240), is_complete=False).differences
    assert difference.rule is Rule.INCOMPLETE


def test_only_the_instance_of_the_same_reply_counts() -> None:
    told = Told().created(OPEN).says("2026-03-02 10:00").says("2026-03-02 11:00", CUSTOMER)
    under = book("4h", {"first_reply": {}, "next_reply": {}})
    events = (
        applied(minutes=240),
        desk("apply_sla", "2026-03-02 11:00", instance=2, target=14400, business_hours=True),
        desk("breach", "2026-03-02 15:00", instance=2),
    )
    assert compared(told, under, *events) == Compared(2, ())


@pytest.mark.parametrize(
    ("pauses", "desk_metric"),
    [
        pytest.param([], "resolution_time", id="nothing rests"),
        pytest.param(["pending"], "requester_wait_time", id="the customer's time rests"),
        pytest.param(["pending", "hold"], "agent_work_time", id="and engineering's"),
        pytest.param(["hold"], None, id="what Zendesk does not have is not compared"),
    ],
)
def test_a_resolution_is_compared_with_the_metric_that_rests_alike(pauses: list[str], desk_metric: str | None) -> None:
    target = {"goals": {"any": "4h"}, "calendar": "office", "pause_in": pauses}
    under = rules({"solved": target}, {"solved": {"kind": "resolution"}})
    names = ("resolution_time", "requester_wait_time", "agent_work_time")
    events = [desk("breach", "2026-03-02 13:00", name, number=number) for number, name in enumerate(names, 1)]
    events = [event for event in events if event.metric == desk_metric]
    assert compared(late(), under, *events) == Compared(1 if desk_metric else 0, ())


def test_clocks_that_began_before_the_period_or_promise_nothing_are_left_out() -> None:
    early = Told().created("2025-12-30 09:00")
    assert compared(early, book("4h")) == Compared(0, ())
    measured = rules({}, {"first_reply": {"calendar": "office"}})
    assert compared(late(), measured) == Compared(0, ())
