"""The traps of other SLA engines, each as a test. `python -m tests.sla.traps_table` makes docs/sla-traps.md of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from syncd.sla.build import build, calendar
from syncd.sla.business_time import BusinessTime, Timetable
from syncd.sla.calendar import DAY, Calendar, PublicHolidays, always
from syncd.sla.clock import clocks
from syncd.sla.explain import local_text, share_text
from syncd.sla.figures import month
from syncd.sla.lint import calendar_problems, notices
from syncd.sla.policy import Book
from syncd.sla.states import State, judge
from syncd.sla.thresholds import Fact, FactKey, facts, news, withdrawn
from tests.sla.host_zone import answers
from tests.sla.kit import CUSTOMER, Told, at, rules, shown, week

H = 3600
EIGHT = rules({"resolution": {"goals": {"any": "8h"}, "calendar": "office", "pause_in": ["pending", "hold"]}})
EIGHT_HOURS = {"goals": {"any": "8h"}, "calendar": "office"}
REPLY_TARGETS = {"first_reply": {**EIGHT_HOURS, "warn": {"yellow": "50%", "red": "1h"}, "levels": ["2h", "10h"]}}
REPLY = rules(REPLY_TARGETS)


def day(clock: str, on: int = 2) -> str:
    """A time in the week of Monday 2026-03-02."""
    return f"2026-03-{on:02} {clock}"


def asked(when: str = day("09:00"), priority: str = "normal") -> Told:
    return Told().created(when, CUSTOMER, priority=priority)


def told_facts(told: Told, now: str, book: Book = REPLY) -> tuple[Fact, ...]:
    return facts(told.clocks(book, now))


def names(found: tuple[Fact, ...]) -> list[str]:
    return [fact.key.threshold for fact in found]


# ---- calendars ---------------------------------------------------------------------------------------------------


def test_trap_01_a_winter_ticket_is_measured_by_winter_time_in_summer_too() -> None:
    office = BusinessTime(week("Europe/Berlin"))
    office.elapsed(at("2026-07-01 00:00"), at("2026-07-02 00:00"))
    assert office.elapsed(at("2026-01-05 08:00"), at("2026-01-05 16:00")) == 8 * H
    assert office.elapsed(at("2026-07-06 07:00"), at("2026-07-06 15:00")) == 8 * H


def test_trap_02_working_hours_stay_at_nine_local_after_a_clock_change() -> None:
    office = BusinessTime(week("America/New_York"))
    openings = [
        office.add(at(f"2026-{text} 00:00", "America/New_York"), 0) for text in ("03-06", "03-09", "10-30", "11-02")
    ]
    assert [(shown(opening, "America/New_York") or "")[11:] for opening in openings] == ["09:00:00"] * 4
    assert [(shown(opening) or "")[11:13] for opening in openings] == ["14", "13", "13", "14"]


def test_trap_03_stepping_from_day_to_day_neither_skips_nor_repeats_a_day() -> None:
    daily = BusinessTime(week("Europe/Berlin", ((0, DAY),), days=7))
    for start, then in (("2026-10-25 00:30", "2026-10-26 00:30:00"), ("2026-03-28 23:30", "2026-03-29 23:30:00")):
        assert shown(daily.add_days(at(start, "Europe/Berlin"), 1), "Europe/Berlin") == then


@pytest.mark.parametrize(
    ("zone", "on", "hours", "seconds"),
    [
        pytest.param(
            "Europe/Berlin",
            "2026-03-29",
            (2 * H + 1800, 6 * H),
            2 * H + 1800,
            id="opens at 02:30, which does not exist",
        ),
        pytest.param(
            "America/Sao_Paulo", "2018-11-03", (20 * H, DAY), 4 * H, id="closes at 24:00, which does not exist"
        ),
        pytest.param("America/Havana", "2026-03-08", (0, 2 * H), H, id="opens at a midnight that does not exist"),
        pytest.param("Africa/Cairo", "2026-04-24", (0, 2 * H), H, id="the same in Cairo"),
    ],
)
def test_trap_04_times_that_do_not_exist_move_on_by_the_gap(
    zone: str, on: str, hours: tuple[int, int], seconds: int
) -> None:
    local = date.fromisoformat(on)
    spans = week(zone, (hours,), days=7).spans(local, local)
    assert sum(end - start for start, end in spans) == seconds


def test_trap_05_the_repeated_hour_counts_twice_and_is_open_exactly_while_it_counts() -> None:
    night = BusinessTime(week("Europe/Berlin", ((2 * H, 2 * H + 1800),), days=7))
    start = at("2026-10-24 23:00")
    opened = [second for second in range(start, start + 4 * H, 60) if night.is_open(second)]
    assert len(opened) * 60 == night.elapsed(start, start + 4 * H) == 1800, "half past two comes twice, its hours once"
    whole = BusinessTime(week("Europe/Berlin", ((2 * H, 3 * H),), days=7))
    assert whole.elapsed(start, start + 4 * H) == 2 * H


def test_trap_06_a_local_date_that_does_not_exist_is_no_working_day() -> None:
    apia = BusinessTime(week("Pacific/Apia", days=7))
    assert not apia.calendar.is_working_day(date(2011, 12, 30))
    assert shown(apia.add_days(at("2011-12-29 10:00", "Pacific/Apia"), 1), "Pacific/Apia") == "2011-12-31 10:00:00"
    assert apia.elapsed(at("2011-12-29 09:00", "Pacific/Apia"), at("2011-12-31 17:00", "Pacific/Apia")) == 16 * H


@pytest.mark.parametrize(
    ("zone", "on", "hours"),
    [
        pytest.param("Australia/Lord_Howe", "2026-10-04", 23.5, id="half an hour forward"),
        pytest.param("Australia/Lord_Howe", "2026-04-05", 24.5, id="half an hour back"),
        pytest.param("Antarctica/Troll", "2026-03-29", 22, id="two hours forward"),
        pytest.param("Antarctica/Troll", "2026-10-25", 26, id="two hours back"),
        pytest.param("Europe/Dublin", "2026-10-25", 25, id="negative DST in Dublin"),
        pytest.param("Africa/Casablanca", "2026-03-22", 23, id="negative DST in Casablanca"),
    ],
)
def test_trap_07_odd_clock_changes_have_their_real_length(zone: str, on: str, hours: float) -> None:
    local = date.fromisoformat(on)
    ((start, end),) = week(zone, ((0, DAY),), days=7).spans(local, local)
    assert end - start == hours * H


@pytest.fixture
def host_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    yield ["UTC", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Europe/Dublin"]
    monkeypatch.undo()
    time.tzset()


def test_trap_08_the_host_time_zone_changes_nothing(host_zones: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told, offsets = [], set()
    for zone in host_zones:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        offsets.add((os.environ["TZ"], time.timezone))
        told.append(answers())
    assert len(offsets) == len(host_zones)
    assert all(one == told[0] for one in told)


def test_trap_09_an_override_replaces_its_local_date_not_the_one_in_utc() -> None:
    hours = ((7 * H, 19 * H),)
    early = week("Asia/Shanghai", hours, overrides={date(2026, 3, 4): ((10 * H, 12 * H),)})
    for on, seconds in ((3, 12 * H), (4, 2 * H), (5, 12 * H)):
        local = date(2026, 3, on)
        assert sum(end - start for start, end in early.spans(local, local)) == seconds


def test_trap_10_a_closure_across_new_year_covers_both_years() -> None:
    made = calendar("office", {"zone": "UTC", "week": {"mon-sun": "09:00-17:00"}, "closed": ["2026-12-24/2027-01-02"]})
    office = BusinessTime(made)
    assert office.elapsed(at("2026-12-24 00:00"), at("2027-01-03 00:00")) == 0
    assert shown(office.add(at("2026-12-23 17:00"), 0)) == "2027-01-03 09:00:00"


def test_trap_11_regional_holidays_close_only_where_the_region_is_named() -> None:
    def germany(country: str, subdivision: str | None) -> PublicHolidays:
        assert country == "DE"
        national, bavarian = {date(2026, 5, 1)}, {date(2026, 1, 6)}
        return PublicHolidays(frozenset(national | bavarian if subdivision == "BY" else national))

    def opens(wanted: str) -> bool:
        return calendar(
            "x", {"zone": "UTC", "week": {"mon-fri": "09:00-17:00"}, "holidays": wanted}, germany
        ).is_working_day(date(2026, 1, 6))

    assert opens("DE")
    assert not opens("DE/BY")


def test_trap_12_a_lunch_break_is_part_of_the_hours_of_its_days() -> None:
    lunch = ((9 * H, 12 * H), (13 * H, 17 * H))
    office = BusinessTime(Calendar("x", "UTC", (*[lunch] * 4, ((9 * H, 15 * H),), (), ())))
    assert shown(office.add(at(day("11:30")), H)) == day("13:30:00")
    assert shown(office.add(at(day("11:30", 6)), H)) == day("12:30:00", 6), "no lunch break on Fridays"


def test_trap_13_a_calendar_without_an_open_day_answers_never_and_is_refused() -> None:
    closed = Calendar("office", "UTC", ((),) * 7)
    assert BusinessTime(closed).add(at(day("09:00")), H) is None
    assert list(calendar_problems(closed)) == ["Calendar office: no day of the week has working hours."]
    book = replace(EIGHT, calendars={"office": Timetable("office", ((0, BusinessTime(closed)),))})
    assert judge(asked().clock(book, day("12:00"), "resolution")).due is None


# ---- pauses ------------------------------------------------------------------------------------------------------


def paused_two_hours() -> Told:
    return asked().change(day("10:00"), status="pending").change(day("12:00"), status="open")


def test_trap_14_a_pause_is_kept_when_the_priority_changes() -> None:
    book = rules(
        {"resolution": {"goals": {"high": "4h", "normal": "8h"}, "calendar": "office", "pause_in": ["pending"]}}
    )
    told = paused_two_hours().change(day("13:00"), priority="high")
    clock = told.clock(book, day("13:30"), "resolution")
    assert clock.elapsed == 2 * H + 1800
    assert shown(judge(clock).due) == day("15:00:00")


def test_trap_15_a_pause_over_the_weekend_moves_due_by_working_time_only() -> None:
    told = asked(day("15:00", 6)).change(day("16:00", 6), status="pending").change(day("10:00", 9), status="open")
    verdict = judge(told.clock(EIGHT, day("12:00", 9), "resolution"))
    assert shown(verdict.due) == day("09:00:00", 10), "an hour on Friday, and seven from ten o'clock on Monday"


def test_trap_16_paused_and_solved_in_one_update_keeps_the_pause() -> None:
    told = asked().change(day("10:00"), status="pending").change(day("16:00"), status="solved")
    clock = told.clock(EIGHT, day("17:00"), "resolution")
    assert clock.elapsed == H
    assert judge(clock).state is State.MET


def test_trap_17_reopened_several_times_through_different_statuses() -> None:
    told = asked().change(day("10:00"), status="pending").change(day("11:00"), status="open")
    told.change(day("12:00"), status="hold").change(day("13:00"), status="open").change(day("14:00"), status="solved")
    told.change(day("15:00"), status="pending").change(day("16:00"), status="open")
    assert told.clock(EIGHT, day("17:00"), "resolution").elapsed == 4 * H


def test_trap_18_a_reply_clears_the_update_clock_and_a_silent_customer_escalates_nothing() -> None:
    book = rules(
        {"progress": {"goals": {"any": "2h"}, "calendar": "office", "pause_in": ["pending"]}},
        {"progress": {"kind": "update"}},
    )
    told = asked().says(day("10:00")).says(day("11:00"), status="pending")
    first, second = told.clocks(book, day("17:00", 20))
    assert judge(first).state is State.MET
    assert judge(second).state is State.PAUSED
    assert judge(second).next_instant is None
    assert [fact for fact in facts([first, second]) if fact.owed] == []


def test_trap_19_a_short_update_clock_leaves_the_first_reply_alone() -> None:
    book = rules(
        {"first_reply": "4h", "progress": "1h"}, {"first_reply": {}, "progress": {"kind": "update", "first": "created"}}
    )
    told = asked()
    verdicts = {clock.cycle.metric: judge(clock) for clock in told.clocks(book, day("11:00"))}
    assert shown(verdicts["first_reply"].due) == day("13:00:00")
    assert verdicts["progress"].state is State.BREACHED


@pytest.mark.parametrize(
    ("told", "state"),
    [
        pytest.param(asked().merged(day("10:00")), State.CANCELLED, id="merged"),
        pytest.param(asked().change(day("10:00"), status="closed"), State.MET, id="closed"),
        pytest.param(asked().change(day("10:00"), status="deleted"), State.CANCELLED, id="deleted"),
    ],
)
def test_trap_20_a_merged_or_closed_ticket_escalates_no_more(told: Told, state: State) -> None:
    (clock,) = told.clocks(REPLY, day("12:00", 20))
    assert judge(clock).state is state
    assert judge(clock).next_instant is None
    assert [fact for fact in facts([clock]) if fact.owed] == []


def test_trap_21_a_policy_that_goes_lets_go_and_a_changed_calendar_is_taken_up() -> None:
    off = Book(
        (REPLY.versions[0], replace(REPLY.versions[0], valid_from=at(day("00:00", 3)), policies=())), REPLY.calendars
    )
    (clock,) = asked().clocks(off, day("12:00", 20))
    assert judge(clock).state is State.CANCELLED
    assert [fact for fact in facts([clock]) if fact.owed] == []
    short = Timetable(
        "office",
        (*REPLY.calendars["office"].versions, (at(day("00:00", 3)), BusinessTime(week(hours=((9 * H, 10 * H),))))),
    )
    (clock,) = asked(day("16:00")).clocks(replace(REPLY, calendars={"office": short}), day("12:00", 3))
    assert shown(judge(clock).due) == day("09:00:00", 12), "an hour on each day from Tuesday on"


def test_trap_22_thanks_for_a_solved_ticket_start_no_clock() -> None:
    book = rules({"next_reply": "1h"})
    told = asked().says(day("10:00"), status="solved").says(day("11:00"), CUSTOMER)
    assert told.clocks(book, day("17:00", 20)) == ()


# ---- due and breach ----------------------------------------------------------------------------------------------


def test_trap_23_a_breach_is_the_first_crossing_whatever_comes_later() -> None:
    told = asked().change(day("12:00", 3), status="pending").change(day("12:00", 4), status="open")
    for now in (day("13:00", 4), day("13:00", 20)):
        assert shown(judge(told.clock(EIGHT, now, "resolution")).breached_at) == day("09:00:00", 3)


def test_trap_24_a_reply_after_hours_used_no_time_and_is_in_time() -> None:
    (clock,) = asked(day("09:00", 6)).says(day("18:00", 6)).clocks(REPLY, day("12:00", 9))
    assert judge(clock).state is State.MET
    assert clock.elapsed == 8 * H
    (late,) = asked(day("09:00", 6)).says(day("09:00:01", 9)).clocks(REPLY, day("12:00", 9))
    assert judge(late).state is State.BREACHED


def test_trap_25_a_policy_that_comes_late_counts_from_the_creation() -> None:
    book = rules({"first_reply": {"goals": {"high": "4h"}, "calendar": "office"}})
    (clock,) = asked(priority="").change(day("11:00"), priority="high").clocks(book, day("12:00"))
    assert clock.elapsed == 3 * H
    assert shown(judge(clock).due) == day("13:00:00")


def test_trap_26_nothing_is_rounded_into_a_breach() -> None:
    (clock,) = asked(day("09:00:01")).clocks(REPLY, day("17:00"))
    verdict = judge(clock)
    assert (clock.elapsed, verdict.remaining, verdict.state) == (8 * H - 1, 1, State.AT_RISK)
    assert share_text(clock.elapsed, 8 * H) == "99 %"
    odd = rules({"first_reply": {"goals": {"any": "10m1s"}, "calendar": "office", "warn": {"yellow": "75%"}}})
    (clock,) = asked().clocks(odd, day("09:07:30"))
    assert judge(clock).color == "green", "75 % of 601 s are 450.75 s: not reached after 450 s"


# ---- facts -------------------------------------------------------------------------------------------------------


def test_trap_27_a_warning_comes_at_its_second_not_at_midnight() -> None:
    points = {
        point.name: shown(point.at) for point in judge(asked(day("15:00")).clocks(REPLY, day("12:00", 20))[0]).passed
    }
    assert points["yellow"] == day("11:00:00", 3)
    assert points["red"] == day("14:00:00", 3)


def test_trap_28_a_level_that_was_reported_is_never_reported_again() -> None:
    known: set[FactKey] = set()
    reported = []
    for minute in range(0, 25 * 60, 7):
        now = shown(at(day("09:00")) + minute * 60) or ""
        new = news(told_facts(asked(), now), known, enforce_from=0)
        known |= {fact.key for fact in new}
        reported += names(new)
    assert reported == ["yellow", "red", "breach"]


def test_trap_29_a_status_that_flips_starts_nothing_again() -> None:
    book = rules(
        {"resolution": {"goals": {"any": "4h"}, "calendar": "office", "pause_in": ["pending"], "warn": {"red": "1h"}}}
    )
    told = asked()
    before = {fact.key for fact in told_facts(told, day("12:30"), book)}
    for minute in range(31, 59, 4):
        told.change(day(f"12:{minute}"), status="pending").change(day(f"12:{minute + 2}"), status="open")
    after = told_facts(told, day("13:00"), book)
    assert {fact.key for fact in after} == before
    assert news(after, before, enforce_from=0) == ()


def test_trap_30_every_level_is_reported_in_its_turn() -> None:
    known: set[FactKey] = set()
    reported = []
    for now in (day("13:00"), day("16:00"), day("09:01", 3), day("11:00", 3), day("11:00", 4)):
        new = news(told_facts(asked(), now), known, enforce_from=0)
        known |= {fact.key for fact in new}
        reported += names(new)
    assert reported == ["yellow", "red", "breach", "breach+7200", "breach+36000"]


def test_trap_31_a_level_past_due_falls_into_working_time() -> None:
    late = told_facts(asked(day("10:00", 5)), day("17:00", 12))
    assert [(name, shown(fact.at)) for name, fact in zip(names(late), late, strict=True)][2:] == [
        ("breach", day("10:00:01", 6)),
        ("breach+7200", day("12:00:00", 6)),
        ("breach+36000", day("12:00:00", 9)),
    ]


def test_trap_32_one_kind_of_report_never_swallows_another() -> None:
    book = rules({"first_reply": "1h", "resolution": "2h"})
    known = {fact.key for fact in told_facts(asked(), day("10:30"), book)}
    new = news(told_facts(asked(), day("11:30"), book), known, enforce_from=0)
    assert [(fact.key.metric, fact.key.threshold) for fact in new] == [("resolution", "breach")]


def test_trap_33_times_are_told_in_the_readers_zone_with_the_offset() -> None:
    assert local_text(always(zone="Asia/Shanghai"), at("2026-03-02 09:00")) == "Mon 2026-03-02 17:00:00 +0800"


def test_trap_34_a_month_begins_at_local_midnight() -> None:
    start, end = month(always(zone="Asia/Shanghai"), 2026, 12)
    assert (shown(start), shown(end)) == ("2026-11-30 16:00:00", "2026-12-31 16:00:00")
    start, end = month(always(zone="Europe/Berlin"), 2026, 3)
    assert end - start == 31 * DAY - H


def test_trap_35_a_fact_that_was_not_handed_over_comes_again() -> None:
    found = told_facts(asked(), day("10:00", 3))
    assert names(news(found, known=set(), enforce_from=0)) == ["breach"]
    assert names(news(found, known=set(), enforce_from=0)) == ["breach"], "until the caller says it is known"
    assert news(found, {fact.key for fact in found}, enforce_from=0) == ()


def test_trap_36_a_threshold_passed_before_a_pause_is_found_during_it() -> None:
    book = rules(
        {
            "resolution": {
                "goals": {"any": "8h"},
                "calendar": "office",
                "pause_in": ["pending"],
                "warn": {"yellow": "25%"},
            }
        }
    )
    told = asked().change(day("11:30"), status="pending")
    assert names(told_facts(told, day("16:00"), book)) == ["yellow"]
    late = asked().change(day("10:00", 3), status="pending")
    (clock,) = late.clocks(book, day("16:00", 3))
    assert (judge(clock).state, judge(clock).is_paused) == (State.BREACHED, True)
    assert names(facts([clock])) == ["yellow", "breach"]


def test_trap_37_two_writers_mean_the_same_fact() -> None:
    one, other = told_facts(asked(), day("10:00", 3)), told_facts(asked(), day("16:00", 3))
    assert {fact.key for fact in one} <= {fact.key for fact in other}
    assert len({fact.key for fact in (*one, *other)}) == 4


def test_trap_38_what_was_reported_stays_reported_while_it_lasts() -> None:
    known = {fact.key for fact in told_facts(asked(), day("17:00", 20))}
    assert news(told_facts(asked(), "2028-03-02 09:00"), known, enforce_from=0) == ()


def test_trap_39_after_a_restart_the_facts_are_worked_out_again_from_the_events() -> None:
    told = asked()
    assert facts(clocks(1, list(told.events), rules(REPLY_TARGETS), at(day("10:00", 3)))) == told_facts(
        told, day("10:00", 3)
    )


def test_trap_40_a_reloaded_configuration_reports_nothing_again() -> None:
    known = {fact.key for fact in told_facts(asked(), day("10:00", 3))}
    again = replace(REPLY.versions[0], valid_from=at(day("11:00", 3)), name="reloaded")
    reloaded = Book((*REPLY.versions, again), REPLY.calendars)
    assert news(told_facts(asked(), day("10:30", 3), reloaded), known, enforce_from=0) == ()
    assert news(told_facts(asked(), day("10:59:59", 3), reloaded), known, enforce_from=0) == ()
    later = news(told_facts(asked(), day("11:00", 3), reloaded), known, enforce_from=0)
    assert names(later) == ["breach+7200"]


def test_trap_43_dates_past_the_last_announced_year_are_marked_as_guesses() -> None:
    data = {
        "calendars": {"office": {"zone": "Asia/Shanghai", "week": {"mon-fri": "09:00-17:00"}, "holidays": "CN"}},
        "metrics": {"resolution": {}},
        "policies": [{"name": "x", "targets": {"resolution": {"goals": {"any": "16h"}, "calendar": "office"}}}],
    }
    book = build(data, lambda _country, _subdivision: PublicHolidays(published_until=2026))
    told = Told("Asia/Shanghai").created("2026-12-31 12:00")
    verdict = judge(told.clock(book, "2026-12-31 13:00", "resolution"))
    assert verdict.is_guess
    assert not judge(
        Told("Asia/Shanghai").created("2026-12-01 12:00").clock(book, "2026-12-01 13:00", "resolution")
    ).is_guess
    assert len(notices(book, at("2026-11-22 00:00"))) == 1
    assert notices(book, at("2026-09-22 00:00")) == ()


def test_trap_44_a_policy_that_comes_late_makes_no_heap_of_reports() -> None:
    told = asked()
    found = told_facts(told, day("12:00", 6))
    assert len(found) == 5
    assert names(news(found, set(), enforce_from=0)) == ["breach+36000"], "only the furthest of each clock"
    assert news(found, set(), enforce_from=at(day("12:00", 6))) == (), "and nothing from before the rules were enforced"


def test_a_breach_that_vanishes_asks_for_a_correction() -> None:
    known = [fact.key for fact in told_facts(asked(), day("10:00", 3))]
    answered = told_facts(asked().says(day("16:30")), day("10:00", 3))
    assert [key.threshold for key in withdrawn(answered, known)] == ["breach"]
    cancelled = told_facts(asked().merged(day("10:00", 4)), day("10:00", 5))
    assert withdrawn(cancelled, known) == (), "a breach before a merge was real"
