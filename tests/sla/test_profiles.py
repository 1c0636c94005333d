"""Every figure of the shipped profiles, as due instants of tickets."""

from __future__ import annotations

import pytest

from syncd.sla.clock import Clock
from syncd.sla.figures import attainment, overrun_by_holder, quantile, weighted
from syncd.sla.holder import Party
from syncd.sla.lint import problems
from syncd.sla.policy import Book, Reopen, Unit
from syncd.sla.standing import moments
from syncd.sla.states import State, judge
from tests.sla.kit import ANN, BOB, CUSTOMER, PROFILES, Told, at, profile, shown

ZONE = "Asia/Shanghai"
NAMES = ("guide", "internet", "novabrain", "quick-response", "timeliness")
BOOKS = {name: profile(name) for name in NAMES}
THURSDAY = "2026-03-05 15:00"
FRIDAY_NIGHT = "2026-03-06 20:00"
"""A Friday evening: Monday the 9th is the next working day. The office has lunch from 12 to 13 and closes at 18."""


def ticket(priority: str, when: str = THURSDAY, channel: str = "email") -> Told:
    return Told(ZONE).created(when, CUSTOMER, priority=priority, group="L1", channel=channel)


def due(told: Told, book: Book, metric: str, now: str | None = None, number: int = 1) -> str | None:
    """When the clock is due, as it looks at `now`, else right at the start."""
    start = shown(told.events[-1].at, ZONE)
    found = shown(judge(told.clock(book, now or start or "", metric, number)).due, ZONE)
    return None if found is None else found[5:16]


def test_there_is_a_profile_for_each_document() -> None:
    assert tuple(sorted(path.stem for path in PROFILES.glob("*.yaml"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_has_no_problems(name: str) -> None:
    assert problems(BOOKS[name], at("2026-03-01 00:00")) == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_knows_who_has_the_ball(name: str) -> None:
    parties = {rule.party for rule in BOOKS[name].versions[0].holders}
    assert {Party.L1, Party.L2, Party.DEVELOPMENT, Party.CUSTOMER, Party.NOBODY} <= parties


@pytest.mark.parametrize(
    ("name", "metric", "priority", "when", "expected"),
    [
        pytest.param(
            "novabrain", "first_reply", "urgent", FRIDAY_NIGHT, "03-06 21:00", id="novabrain: P1 answered in 1 h"
        ),
        pytest.param(
            "novabrain", "escalation_plan", "urgent", FRIDAY_NIGHT, "03-07 20:00", id="novabrain: P1 plan in 24 h"
        ),
        pytest.param(
            "novabrain", "first_reply", "high", THURSDAY, "03-06 10:00", id="novabrain: P2 in 4 working hours"
        ),
        pytest.param(
            "novabrain", "first_reply", "normal", THURSDAY, "03-06 15:00", id="novabrain: P3 in 1 working day"
        ),
        pytest.param(
            "novabrain", "first_reply", "normal", FRIDAY_NIGHT, "03-10 09:00", id="novabrain: P3 in the evening"
        ),
        pytest.param("novabrain", "first_reply", "low", THURSDAY, "03-09 15:00", id="novabrain: P4 in 2 working days"),
        pytest.param(
            "novabrain",
            "first_reply",
            "low",
            "2026-02-13 15:00",
            "02-24 15:00",
            id="novabrain: P4 over the Spring Festival",
        ),
        pytest.param("quick-response", "first_reply", "urgent", FRIDAY_NIGHT, "03-06 22:00", id="quick: urgent in 2 h"),
        pytest.param("quick-response", "first_reply", "high", FRIDAY_NIGHT, "03-07 00:00", id="quick: high in 4 h"),
        pytest.param("quick-response", "first_reply", "normal", FRIDAY_NIGHT, "03-07 04:00", id="quick: medium in 8 h"),
        pytest.param("quick-response", "first_reply", "low", FRIDAY_NIGHT, "03-07 20:00", id="quick: low in 24 h"),
        pytest.param("timeliness", "first_reply", "urgent", FRIDAY_NIGHT, "03-06 20:15", id="timeliness: P0 in 15 min"),
        pytest.param(
            "timeliness", "workaround", "urgent", FRIDAY_NIGHT, "03-07 00:00", id="timeliness: P0 workaround in 4 h"
        ),
        pytest.param(
            "timeliness", "root_cause", "urgent", FRIDAY_NIGHT, "03-07 20:00", id="timeliness: P0 root cause in 24 h"
        ),
        pytest.param("timeliness", "first_reply", "high", FRIDAY_NIGHT, "03-06 20:30", id="timeliness: P1 in 30 min"),
        pytest.param(
            "timeliness", "diagnosis", "high", FRIDAY_NIGHT, "03-07 04:00", id="timeliness: P1 diagnosis in 8 h"
        ),
        pytest.param(
            "timeliness", "resolution", "high", THURSDAY, "03-10 15:00", id="timeliness: P1 fix in 3 working days"
        ),
        pytest.param(
            "timeliness", "first_reply", "normal", THURSDAY, "03-06 15:00", id="timeliness: P2 in 1 working day"
        ),
        pytest.param(
            "timeliness", "plan", "normal", THURSDAY, "03-12 15:00", id="timeliness: P2 plan in 5 working days"
        ),
        pytest.param("timeliness", "first_reply", "low", THURSDAY, "03-05 17:00", id="timeliness: P3 in 2 h"),
        pytest.param(
            "timeliness", "resolution", "low", THURSDAY, "03-07 15:00", id="timeliness: P3 full answer in 48 h"
        ),
        pytest.param(
            "timeliness", "first_diagnosis", "urgent", THURSDAY, "03-05 15:30", id="timeliness: diagnosis in 30 min"
        ),
        pytest.param("timeliness", "draft_solution", "high", THURSDAY, "03-05 17:00", id="timeliness: draft in 2 h"),
        pytest.param(
            "timeliness", "working_time", "urgent", THURSDAY, "03-06 15:00", id="timeliness: P0 solved in 24 h"
        ),
        pytest.param("timeliness", "working_time", "high", THURSDAY, "03-08 15:00", id="timeliness: P1 solved in 72 h"),
        pytest.param("guide", "first_reply", "normal", THURSDAY, "03-06 10:00", id="guide: e-mail in 4 working hours"),
        pytest.param("guide", "first_reply", "urgent", FRIDAY_NIGHT, "03-06 20:15", id="guide: an emergency in 15 min"),
        pytest.param(
            "guide", "management_progress", "urgent", FRIDAY_NIGHT, "03-06 20:30", id="guide: progress each 30 min"
        ),
    ],
)
def test_when_a_ticket_is_due(name: str, metric: str, priority: str, when: str, expected: str) -> None:
    assert due(ticket(priority, when), BOOKS[name], metric) == expected


# ---- quick-response ----------------------------------------------------------------------------------------------

QUICK = BOOKS["quick-response"]


def test_quick_response_the_assignee_acknowledges_within_30_minutes() -> None:
    told = ticket("normal").change("2026-03-05 15:10", BOB, assignee="21")
    assert due(told, QUICK, "acknowledge") == "03-05 15:40"
    told.says("2026-03-05 15:41", ANN, public=False)
    assert judge(told.clock(QUICK, "2026-03-05 16:00", "acknowledge")).state is State.BREACHED


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        pytest.param("urgent", "03-05 17:10", id="urgent: every 2 h"),
        pytest.param("high", "03-05 19:10", id="high: every 4 h"),
        pytest.param("low", "03-05 19:10", id="low: every 4 h"),
    ],
)
def test_quick_response_progress_notes_by_the_assignee(priority: str, expected: str) -> None:
    told = ticket(priority).change("2026-03-05 15:10", BOB, assignee="21")
    assert due(told, QUICK, "progress") == expected
    told.says("2026-03-05 16:00", BOB, public=False)
    assert due(told, QUICK, "progress") == expected, "another's note is none of the assignee's"
    told.says("2026-03-05 16:30", ANN, public=False)
    assert judge(told.clock(QUICK, "2026-03-05 16:30", "progress")).state is State.MET


def test_quick_response_not_solved_says_the_customer_and_the_analysis_starts_again() -> None:
    assert QUICK.versions[0].options.reopen is Reopen.RESTART


# ---- timeliness --------------------------------------------------------------------------------------------------

TIMELINESS = BOOKS["timeliness"]


def test_timeliness_three_colours_and_the_next_level_of_management() -> None:
    verdict = judge(ticket("urgent").clock(TIMELINESS, "2026-03-05 18:00", "first_reply"))
    assert [(point.name, (shown(point.at, ZONE) or "")[11:]) for point in verdict.passed] == [
        ("yellow", "15:07:30"),
        ("red", "15:12:00"),
        ("breach", "15:15:01"),
        ("breach+1800", "15:45:00"),
        ("breach+7200", "17:15:00"),
    ]


def test_timeliness_the_customers_time_is_left_out_of_the_working_time() -> None:
    told = ticket("urgent").says("2026-03-05 16:00", status="pending").says("2026-03-06 10:00", CUSTOMER, status="open")
    assert due(told, TIMELINESS, "working_time") == "03-07 09:00"
    clock = told.change("2026-03-06 12:00", status="solved").clock(TIMELINESS, "2026-03-07 00:00", "working_time")
    assert clock.elapsed == 3 * 3600
    assert told.clock(TIMELINESS, "2026-03-07 00:00", "root_cause").is_open, "the report is owed after the solution"


def answered(channel: str, minutes: int) -> Clock:
    told = ticket("urgent", channel=channel).says(f"2026-03-05 15:{minutes:02}")
    return told.clock(TIMELINESS, "2026-03-05 18:00", "first_reply")


def test_timeliness_first_reply_by_channel_and_weighted_reaches_98_percent() -> None:
    clocks = [answered("email", 10) for _ in range(99)] + [answered("email", 20)] + [answered("phone", 5)] * 50
    groups = attainment(clocks, lambda clock: clock.channel)
    assert {name: (group.met, group.breached) for name, group in groups.items()} == {"email": (99, 1), "phone": (50, 0)}
    assert all(group.reaches(98) for group in groups.values())
    assert weighted(groups) == pytest.approx(149 / 150)
    assert weighted(groups, {"email": 1, "phone": 1}) == pytest.approx(0.995)
    assert not attainment([*clocks[:97], *[answered("email", 20)] * 3], lambda clock: clock.channel)["email"].reaches(
        98
    )


@pytest.mark.parametrize(
    ("priority", "hours"),
    [pytest.param("urgent", 24, id="P0 within 24 h"), pytest.param("high", 72, id="P1 within 72 h")],
)
def test_timeliness_the_median_without_the_customers_time_is_held_against_its_target(priority: str, hours: int) -> None:
    solved = [ticket(priority).change(f"2026-03-06 {hour:02}:00", status="solved") for hour in (1, 9, 14)]
    clocks = [told.clock(TIMELINESS, "2026-03-09 00:00", "working_time") for told in solved]
    median = quantile((clock.elapsed for clock in clocks), 50)
    assert median == 18 * 3600
    assert {clock.seconds for clock in clocks} == {hours * 3600}


def test_timeliness_and_guide_know_important_customers() -> None:
    for name in ("timeliness", "guide"):
        rules = BOOKS[name].versions[0]
        (important,) = moments(Told(ZONE).created(THURSDAY, tags=("vip",)).events)
        (other,) = moments(ticket("normal").events)
        assert (rules.tier(important.after), rules.tier(other.after)) == ("vip", None)


# ---- guide and internet ------------------------------------------------------------------------------------------


def test_guide_only_e_mail_has_the_four_working_hours() -> None:
    told = ticket("normal", channel="web")
    assert told.clocks(BOOKS["guide"], THURSDAY) == ()


def test_guide_progress_for_management_goes_on_every_30_minutes() -> None:
    told = ticket("urgent", FRIDAY_NIGHT).says("2026-03-06 20:25", public=False)
    assert due(told, BOOKS["guide"], "management_progress", number=2) == "03-06 20:55"


@pytest.mark.parametrize("priority", ["urgent", "high", "normal", "low"])
def test_internet_every_level_has_a_target_for_answer_and_solution(priority: str) -> None:
    told = ticket(priority)
    for metric in ("first_reply", "resolution"):
        assert due(told, BOOKS["internet"], metric) is not None


def test_days_in_the_profiles_are_working_days_of_a_named_calendar() -> None:
    for book in BOOKS.values():
        for policy in book.versions[0].policies:
            goals = [goal for target in policy.targets.values() for goal in target.goals.values()]
            assert all(goal.calendar == "office" for goal in goals if goal.unit is Unit.BUSINESS_DAYS)


@pytest.mark.parametrize(
    ("metric", "priority", "expected"),
    [
        pytest.param("first_reply", "urgent", "03-06 20:15", id="P0 answered in 15 min"),
        pytest.param("first_reply", "high", "03-06 21:00", id="P1 answered in 1 h"),
        pytest.param("first_reply", "normal", "03-09 14:00", id="P2 answered in 4 working hours"),
        pytest.param("first_reply", "low", "03-10 09:00", id="P3 answered in 1 working day"),
        pytest.param("resolution", "urgent", "03-07 00:00", id="P0 solved in 4 h"),
        pytest.param("resolution", "high", "03-07 20:00", id="P1 solved in 24 h"),
        pytest.param("resolution", "normal", "03-12 09:00", id="P2 solved in 3 working days"),
        pytest.param("resolution", "low", "03-16 09:00", id="P3 solved in 5 working days"),
    ],
)
def test_internet_figures_of_a_friday_evening(metric: str, priority: str, expected: str) -> None:
    assert due(ticket(priority, FRIDAY_NIGHT), BOOKS["internet"], metric) == expected


@pytest.mark.parametrize(
    ("name", "priority", "expected"),
    [
        pytest.param("novabrain", "urgent", "03-06 21:00", id="novabrain: P1 in 1 h"),
        pytest.param("novabrain", "high", "03-09 14:00", id="novabrain: P2 in 4 working hours"),
        pytest.param("novabrain", "normal", "03-10 09:00", id="novabrain: P3 in 1 working day"),
        pytest.param("novabrain", "low", "03-11 09:00", id="novabrain: P4 in 2 working days"),
        pytest.param("guide", "normal", "03-09 14:00", id="guide: each e-mail in 4 working hours"),
    ],
)
def test_a_customers_next_question_has_the_target_of_the_first(name: str, priority: str, expected: str) -> None:
    told = ticket(priority).says("2026-03-05 15:05", ANN).says(FRIDAY_NIGHT, CUSTOMER)
    assert due(told, BOOKS[name], "next_reply") == expected


@pytest.mark.parametrize("priority", ["urgent", "high"])
def test_timeliness_checkpoints_hold_for_p0_and_p1(priority: str) -> None:
    told = ticket(priority, FRIDAY_NIGHT)
    assert due(told, TIMELINESS, "first_diagnosis") == "03-06 20:30"
    assert due(told, TIMELINESS, "draft_solution") == "03-06 22:00"
    met = told.says("2026-03-06 20:20", ANN, public=False, markers=("#first-diagnosis",))
    assert judge(met.clock(TIMELINESS, "2026-03-06 23:00", "first_diagnosis")).state is State.MET
    assert judge(met.clock(TIMELINESS, "2026-03-06 23:00", "draft_solution")).state is State.BREACHED


def test_timeliness_an_overrun_names_who_held_the_ball() -> None:
    told = ticket("urgent").change("2026-03-05 15:20", ANN, group="L2").linked("2026-03-05 16:00")
    clock = told.clock(TIMELINESS, "2026-03-06 16:00", "working_time")
    assert {str(holder): seconds for holder, seconds in clock.split().items()} == {
        "L1": 20 * 60,
        "L2 L2": 40 * 60,
        "development NOVA": 24 * 3600,
    }
    assert next(iter(overrun_by_holder([clock]))).party is Party.DEVELOPMENT
