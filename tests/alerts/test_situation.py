"""What a ticket's life amounts to for escalation rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.alerts.settings import AckWays
from syncd.alerts.situation import Around, acknowledged_at, goes_by_bugs, situation_of
from syncd.core.conditions import Condition, Conditions, Operator
from syncd.core.model import TicketSnapshot, TicketState
from syncd.rules.escalation import Chain, Rule, Situation
from syncd.sla.events import in_order
from syncd.sla.folded import AsOf, TicketClocks
from syncd.sla.standing import Moment, moments
from syncd.sla.states import judge
from tests.sla.kit import ALWAYS, ANN, BOB, CUSTOMER, TRIGGER, Told, at, rules

DAY = "2026-03-02"
BOOK = rules(
    {"first_reply": {"calendar": "always", "goals": {"any": "1h"}, "levels": ["1h"]}},
    {"first_reply": {}},
    {"always": ALWAYS},
    holders=[
        {"party": "customer", "when": {"all": [{"field": "status", "operator": "is", "value": "pending"}]}},
        {"party": "L1"},
    ],
)
EXPECT = [(Conditions(all=(Condition("tags", value="vip"),)), "urgent"), (Conditions(all=(Condition("type"),)), "low")]


def when(time: str) -> str:
    return f"{DAY} {time}"


def life_of(told: Told, now: str) -> tuple[Moment, ...]:
    return moments(event for event in in_order(told.events) if event.at <= at(when(now)))


def seen(told: Told, now: str = "18:00", around: Around | None = None) -> Situation:
    clocks = told.clocks(BOOK, when(now))
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    ticket = TicketSnapshot(1, TicketState("open"), moment, moment, subject="It hangs", type="incident")
    folded = TicketClocks(
        ticket,
        at(when(now)),
        clocks,
        tuple(judge(clock) for clock in clocks),
        AsOf(0, 0, 0),
        is_complete=True,
        is_born=True,
        is_certain=True,
    )
    return situation_of(folded, life_of(told, now), BOOK.at(at(when(now))), EXPECT, around)


def base() -> Told:
    return Told().created(when("09:00"), group="10", assignee="21")


LIVES = {
    "a ticket that was opened again": (
        base().change(when("10:00"), status="solved").change(when("11:00"), CUSTOMER, status="open"),
        "reopened",
        1,
    ),
    "opened again twice": (
        base()
        .change(when("10:00"), status="solved")
        .change(when("11:00"), status="open")
        .change(when("12:00"), status="solved")
        .change(when("13:00"), status="open"),
        "reopened",
        2,
    ),
    "given to a group for the first time": (
        Told().created(when("09:00")).change(when("10:00"), group="10"),
        "hand_offs",
        0,
    ),
    "handed to another group": (base().change(when("10:00"), group="11"), "hand_offs", 1),
    "how often somebody was put on it": (
        base().change(when("10:00"), assignee=None).change(when("11:00"), assignee="22"),
        "assignments",
        2,
    ),
    "given to somebody else": (base().change(when("10:00"), assignee="22"), "reassigned", 1),
    "two comments that nobody answered": (
        base().says(when("10:00"), CUSTOMER).says(when("11:00"), CUSTOMER),
        "comments_unanswered",
        3,
    ),
    "a reply answers them all": (base().says(when("10:00"), CUSTOMER).says(when("11:00")), "comments_unanswered", 0),
    "what a trigger says is no answer": (base().says(when("10:00"), TRIGGER), "comments_unanswered", 1),
    "an internal note is no answer": (base().says(when("10:00"), public=False), "comments_unanswered", 1),
    "the state of a clock": (base(), "clock.first_reply", "breached"),
    "the thresholds of a clock": (base(), "clock.first_reply.passed", ("yellow", "red", "breach", "breach+3600")),
    "the metrics that are breached": (base(), "breached", ("first_reply",)),
    "a clock that was met": (base().says(when("09:30")), "clock.first_reply", "met"),
    "who has the ball": (base().change(when("10:00"), status="pending"), "holder", "customer"),
    "its bug": (base().linked(when("10:00")), "bug.stage", "queued"),
    "how many bugs it has": (base().linked(when("10:00")).linked(when("10:05"), "B2"), "bugs", 2),
    "its tags": (Told().created(when("09:00"), tags=("b", "a")), "tags", ("a", "b")),
    "a field": (base().change(when("10:00"), ANN, **{"field:77": "impact_high"}), "field:77", "impact_high"),
    "the priority that the table expects": (Told().created(when("09:00"), tags=("vip",)), "priority_disagrees", True),
    "its subject": (base(), "subject", "It hangs"),
}


@pytest.mark.parametrize(("told", "name", "value"), LIVES.values(), ids=list(LIVES))
def test_a_rule_can_ask_for(told: Told, name: str, value: object) -> None:
    assert seen(told).value(name, at(when("18:00"))) == value


def test_tickets_around_it_are_counted() -> None:
    situation = seen(base(), around=Around(affected=3, kind="login", same_kind=7))
    assert [situation.value(name, 0) for name in ("affected_tickets", "kind", "same_kind")] == [3, "login", 7]


@pytest.mark.parametrize(
    ("told", "name", "minutes"),
    [
        (base(), "created", 540),
        (base().says(when("17:00")), "public_reply", 60),
        (base().says(when("17:00"), CUSTOMER), "customer_comment", 60),
        (base().says(when("17:00"), public=False), "internal_note", 60),
        (base().change(when("17:30"), assignee="22"), "assigned", 30),
        (base().change(when("17:30"), group="11"), "group", 30),
        (base().change(when("17:30"), satisfaction="bad"), "satisfaction", 30),
        (base().change(when("17:30"), TRIGGER, priority="high"), "priority", 30),
        (base().linked(when("16:00")).bug_moved(when("17:00"), "in_progress", 1), "bug_moved", 60),
        (base().linked(when("16:00")).bug_touched(when("17:30")), "bug_touched", 30),
        (base().change(when("17:00"), TRIGGER, priority="high"), "updated", 540),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_minutes_count_since(told: Told, name: str, minutes: int) -> None:
    assert seen(told).value(f"minutes_since.{name}", at(when("18:00"))) == minutes


ACKS = {
    "a public reply": (base().says(when("10:00")), "10:00"),
    "an assignment by an agent": (base().change(when("10:00"), BOB, assignee="22"), "10:00"),
    "the tag": (base().change(when("10:00"), tags="sla_ack"), "10:00"),
    "an internal note with the marker": (base().says(when("10:00"), public=False, markers=("#ack",)), "10:00"),
    "the last of several": (base().says(when("10:00")).says(when("11:00"), ANN), "11:00"),
    "not an internal note without it": (base().says(when("10:00"), public=False), None),
    "not an assignment by a trigger": (base().change(when("10:00"), TRIGGER, assignee="22"), None),
    "not the customer": (base().says(when("10:00"), CUSTOMER), None),
    "not its creation": (base(), None),
}


@pytest.mark.parametrize(("told", "expected"), ACKS.values(), ids=list(ACKS))
def test_it_is_acknowledged_by(told: Told, expected: str | None) -> None:
    found = acknowledged_at(life_of(told, "18:00"), 1, AckWays())
    assert found == (None if expected is None else at(when(expected)))


def test_the_last_thing_that_happened_may_be_a_threshold() -> None:
    assert seen(base(), "12:00").latest == at(when("11:00"))  # breach+1h


def test_a_solved_ticket_is_solved_and_a_merged_one_gone() -> None:
    solved, merged = seen(base().change(when("10:00"), status="solved")), seen(base().merged(when("10:00")))
    assert (solved.is_solved, solved.is_gone, merged.is_gone) == (True, False, True)


RESTS = {"reason": "development has it", "when": {"all": [{"field": "bug.stage", "value": "queued"}]}}
OF_BUGS = rules(
    {
        "first_reply": {"calendar": "always", "goals": {"any": "1h"}},
        "resolution": {"calendar": "always", "goals": {"any": "8h"}, "pause_when": [RESTS]},
        "untouched": {"calendar": "always", "goals": {"any": "2h"}},
    },
    {"first_reply": {}, "resolution": {}, "untouched": {"kind": "bug_untouched"}},
    {"always": ALWAYS},
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (Condition("minutes_since.bug_moved", Operator.GREATER_THAN, 60), True),
        (Condition("clock.untouched", value="breached"), True),
        (Condition("clock.resolution.passed", Operator.INCLUDES, "red"), True),
        (Condition("breached", Operator.INCLUDES, "resolution"), True),
        (Condition("at_risk", Operator.INCLUDES, ("first_reply", "untouched")), True),
        (Condition("forecasts", Operator.INCLUDES, "due_date"), True),
        (Condition("clock.first_reply", value="breached"), False),
        (Condition("breached", Operator.INCLUDES, "first_reply"), False),
        (Condition("bug", Operator.PRESENT), False),
        (Condition("reopened", Operator.GREATER_THAN, 0), False),
    ],
    ids=[
        "since the bug moved",
        "a clock of bugs",
        "a clock that rests by the bug",
        "the list of such clocks",
        "one of several clocks",
        "a forecast",
        "a clock of the ticket",
        "the list of clocks of the ticket",
        "whether there is a bug",
        "a count",
    ],
)
def test_it_goes_by_bugs_what_a_rule_asks(line: Condition, expected: bool) -> None:
    assert goes_by_bugs(Rule("late", Conditions(all=(line,)), Chain(())), OF_BUGS.at(at(when("10:00")))) is expected
