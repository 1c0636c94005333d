"""What a calendar says about a date, and what local hours are in UTC, around every kind of clock change."""

from __future__ import annotations

from datetime import date

import pytest

from syncd.sla.calendar import DAY, Calendar, always, merged, without
from tests.sla.kit import CHINA_2026, NINE_TO_FIVE, at, shown, week

H = 3600


def utc_spans(calendar: Calendar, day: str) -> list[tuple[str | None, str | None]]:
    on = date.fromisoformat(day)
    return [(shown(start), shown(end)) for start, end in calendar.spans(on, on)]


@pytest.mark.parametrize(
    ("calendar", "day", "spans"),
    [
        pytest.param(
            week("Europe/Berlin"),
            "2026-03-27",
            [("08:00", "16:00")],
            id="a winter day in Berlin is an hour ahead of UTC",
        ),
        pytest.param(week("Europe/Berlin"), "2026-03-30", [("07:00", "15:00")], id="a summer day is two"),
        pytest.param(week("Europe/Berlin"), "2026-03-28", [], id="a Saturday is free"),
        pytest.param(
            week(hours=((9 * H, 12 * H), (13 * H, 17 * H))),
            "2026-03-02",
            [("09:00", "12:00"), ("13:00", "17:00")],
            id="a day may have several spans",
        ),
        pytest.param(
            week(hours=((9 * H, 12 * H), (11 * H, 17 * H))),
            "2026-03-02",
            [("09:00", "17:00")],
            id="spans that overlap count once",
        ),
        pytest.param(
            week(breaks={date(2026, 3, 2): ((12 * H, 12 * H + 1800), (16 * H, DAY))}),
            "2026-03-02",
            [("09:00", "12:00"), ("12:30", "16:00")],
            id="breaks are cut out, also past closing time",
        ),
        pytest.param(
            week(overrides={date(2026, 3, 7): ((10 * H, 12 * H),)}),
            "2026-03-07",
            [("10:00", "12:00")],
            id="an override opens a Saturday",
        ),
        pytest.param(
            week(holidays=frozenset({date(2026, 3, 2)}), overrides={date(2026, 3, 2): ((10 * H, 12 * H),)}),
            "2026-03-02",
            [("10:00", "12:00")],
            id="an override beats a holiday",
        ),
        pytest.param(week(holidays=frozenset({date(2026, 3, 2)})), "2026-03-02", [], id="a holiday is free"),
        pytest.param(
            week(makeup=frozenset({date(2026, 2, 28)})),
            "2026-02-28",
            [("09:00", "17:00")],
            id="a make-up Saturday has the hours of a weekday",
        ),
        pytest.param(
            week(makeup=frozenset({date(2026, 2, 28)}), makeup_hours=((10 * H, 16 * H),)),
            "2026-02-28",
            [("10:00", "16:00")],
            id="a make-up Saturday may have hours of its own",
        ),
        pytest.param(
            week(overrides={date(2026, 3, 2): ((8 * H, 12 * H), (11 * H, 13 * H), (13 * H, 14 * H))}),
            "2026-03-02",
            [("08:00", "14:00")],
            id="spans of an override that overlap or touch count once",
        ),
        pytest.param(
            week(breaks={date(2026, 3, 2): ((16 * H, 18 * H), (9 * H, 10 * H), (9 * H + 1800, 11 * H))}),
            "2026-03-02",
            [("11:00", "16:00")],
            id="breaks may overlap each other and both ends of the day",
        ),
        pytest.param(
            week(makeup=frozenset({date(2026, 2, 28)}), breaks={date(2026, 2, 28): ((12 * H, 13 * H),)}),
            "2026-02-28",
            [("09:00", "12:00"), ("13:00", "17:00")],
            id="a break is cut out of a make-up Saturday",
        ),
        pytest.param(
            week(makeup=frozenset({date(2026, 3, 7)}), holidays=frozenset({date(2026, 3, 7)})),
            "2026-03-07",
            [("09:00", "17:00")],
            id="what is announced as worked beats what is announced as free",
        ),
        pytest.param(
            week(makeup=frozenset({date(2026, 2, 28)}), overrides={date(2026, 2, 28): ()}),
            "2026-02-28",
            [],
            id="an override closes a make-up Saturday",
        ),
    ],
)
def test_the_working_time_of_a_day(calendar: Calendar, day: str, spans: list[tuple[str, str]]) -> None:
    assert utc_spans(calendar, day) == [(f"{day} {start}:00", f"{day} {end}:00") for start, end in spans]


@pytest.mark.parametrize(
    ("zone", "hours", "day", "length"),
    [
        pytest.param("Europe/Berlin", (0, DAY), "2026-03-29", 23 * H, id="Berlin's day with 23 hours"),
        pytest.param("Europe/Berlin", (0, DAY), "2026-10-25", 25 * H, id="Berlin's day with 25 hours"),
        pytest.param(
            "Australia/Lord_Howe", (0, DAY), "2026-10-04", 23 * H + 1800, id="Lord Howe moves by half an hour"
        ),
        pytest.param("Australia/Lord_Howe", (0, DAY), "2026-04-05", 24 * H + 1800, id="and back"),
        pytest.param("Antarctica/Troll", (0, DAY), "2026-03-29", 22 * H, id="Troll moves by two hours"),
        pytest.param("Europe/Dublin", (0, DAY), "2026-03-29", 23 * H, id="Dublin, where winter is the exception"),
        pytest.param(
            "Africa/Casablanca", (0, DAY), "2026-02-15", 25 * H, id="Casablanca, which turns back for Ramadan"
        ),
        pytest.param("Europe/Berlin", (2 * H + 1800, 3 * H + 900), "2026-03-29", 0, id="a span in the gap is empty"),
        pytest.param(
            "Europe/Berlin", (H, 2 * H + 1800), "2026-03-29", 90 * 60, id="an end in the gap moves on with it"
        ),
        pytest.param("Europe/Berlin", (2 * H, 3 * H), "2026-10-25", 2 * H, id="the repeated hour counts twice"),
        pytest.param("Europe/Berlin", (2 * H, 2 * H + 1800), "2026-10-25", 1800, id="the first half of it only once"),
        pytest.param("Europe/Dublin", (0, H), "2026-10-25", H, id="an end that comes twice is its first occurrence"),
        pytest.param("Pacific/Apia", (0, DAY), "2011-12-30", 0, id="the date that Apia skipped"),
        pytest.param("Pacific/Apia", (9 * H, 17 * H), "2011-12-30", 0, id="its working hours too"),
        pytest.param("Pacific/Apia", (9 * H, 17 * H), "2011-12-31", 8 * H, id="the day after is whole"),
        pytest.param("America/Sao_Paulo", (0, DAY), "2018-11-04", 23 * H, id="a day that begins at one o'clock"),
        pytest.param(
            "America/Sao_Paulo", (0, DAY), "2018-11-03", 24 * H, id="the day before, whose 24:00 does not exist"
        ),
        pytest.param("America/Havana", (0, DAY), "2026-03-08", 23 * H, id="Havana, whose midnight does not exist"),
        pytest.param("Africa/Cairo", (0, DAY), "2026-04-24", 23 * H, id="Cairo, whose midnight does not exist"),
        pytest.param("Asia/Kathmandu", (9 * H, 17 * H), "2026-03-02", 8 * H, id="a zone at 5:45"),
        pytest.param("Europe/Berlin", (2 * H, 3 * H), "2026-03-29", 0, id="the hour that is the gap"),
        pytest.param("Europe/Berlin", (H, 2 * H), "2026-03-29", H, id="the hour that ends where the gap begins"),
        pytest.param("Europe/Berlin", (3 * H, 4 * H), "2026-03-29", H, id="the hour that begins where the gap ends"),
        pytest.param("Europe/Berlin", (H, 2 * H), "2026-10-25", H, id="the hour before the repeated one"),
        pytest.param("Europe/Berlin", (3 * H, 4 * H), "2026-10-25", H, id="the hour after the repeated one"),
        pytest.param("Australia/Lord_Howe", (2 * H, 2 * H + 1800), "2026-10-04", 0, id="Lord Howe's half hour is gone"),
        pytest.param("Australia/Lord_Howe", (H + 1800, 2 * H), "2026-04-05", H, id="Lord Howe's half hour comes twice"),
        pytest.param(
            "America/St_Johns", (0, DAY), "2026-03-08", 23 * H, id="a zone at 3:30 with a whole hour's change"
        ),
        pytest.param(
            "Pacific/Chatham", (2 * H + 2700, 3 * H + 2700), "2026-04-05", 2 * H, id="a repeated hour from 2:45 on"
        ),
        pytest.param("Asia/Kolkata", (0, DAY), "2026-03-29", 24 * H, id="a zone at 5:30 that never changes"),
        pytest.param("Africa/Cairo", (23 * H, DAY), "2026-10-29", 2 * H, id="the repeated hour before midnight"),
        pytest.param("Africa/Cairo", (0, H), "2026-10-30", H, id="and the midnight after it, once"),
        pytest.param("Asia/Pyongyang", (0, DAY), "2018-05-04", 23 * H + 1800, id="a zone that moved by half an hour"),
        pytest.param("Europe/Istanbul", (0, DAY), "2016-10-30", 24 * H, id="a zone that stayed on summer time"),
        pytest.param("America/Mexico_City", (0, DAY), "2022-04-03", 23 * H, id="the last change of a zone"),
        pytest.param("America/Mexico_City", (0, DAY), "2023-04-02", 24 * H, id="and the year after, without one"),
        pytest.param("America/Sao_Paulo", (0, DAY), "2019-11-03", 24 * H, id="a zone that gave its summer time up"),
    ],
)
def test_the_length_of_a_day_around_a_clock_change(zone: str, hours: tuple[int, int], day: str, length: int) -> None:
    calendar = week(zone, (hours,), days=7)
    on = date.fromisoformat(day)
    assert sum(end - start for start, end in calendar.spans(on, on)) == length


def test_the_days_of_a_year_add_up_to_it_in_any_zone() -> None:
    for zone in ("Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca", "America/Havana"):
        calendar = week(zone, ((0, DAY),), days=7)
        assert calendar.spans(date(2026, 1, 1), date(2026, 12, 31)) == [
            (at("2026-01-01 00:00", zone), at("2027-01-01 00:00", zone))
        ]


@pytest.mark.parametrize(
    ("day", "works"),
    [
        pytest.param("2026-02-13", True, id="the Friday before the Spring Festival"),
        pytest.param("2026-02-14", True, id="the Saturday that is worked before it"),
        pytest.param("2026-02-15", False, id="its first day"),
        pytest.param("2026-02-23", False, id="its last day"),
        pytest.param("2026-02-24", True, id="the day after"),
        pytest.param("2026-02-28", True, id="the Saturday that is worked after it"),
        pytest.param("2026-03-07", False, id="any other Saturday"),
        pytest.param("2026-09-20", True, id="a Sunday that is worked"),
    ],
)
def test_working_days_in_china(day: str, works: bool) -> None:
    calendar = week("Asia/Shanghai", holidays=CHINA_2026.closed, makeup=CHINA_2026.makeup)
    assert calendar.is_working_day(date.fromisoformat(day)) is works


def test_a_calendar_says_where_its_holidays_end() -> None:
    calendar = week("Asia/Shanghai", published_until=2026)
    assert not calendar.is_guess(at("2026-12-31 23:59:59", "Asia/Shanghai"))
    assert calendar.is_guess(at("2027-01-01 00:00", "Asia/Shanghai"))
    assert not week("Asia/Shanghai").is_guess(at("2099-01-01 00:00"))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(week("Asia/Tokyo"), id="zone"),
        pytest.param(week(days=6), id="week"),
        pytest.param(week(holidays=frozenset({date(2026, 5, 1)})), id="holidays"),
        pytest.param(week(makeup=frozenset({date(2026, 5, 2)})), id="make-up days"),
        pytest.param(week(overrides={date(2026, 5, 1): ()}), id="overrides"),
        pytest.param(week(breaks={date(2026, 5, 1): NINE_TO_FIVE}), id="breaks"),
        pytest.param(week(makeup_hours=NINE_TO_FIVE), id="hours of make-up days"),
    ],
)
def test_the_fingerprint_tells_versions_apart(other: Calendar) -> None:
    assert week().fingerprint == week().fingerprint != other.fingerprint


def test_every_second_counts_in_24x7() -> None:
    assert always().spans(date(2026, 3, 1), date(2026, 3, 2)) == [(at("2026-03-01 00:00"), at("2026-03-03 00:00"))]


def test_spans_are_joined_and_cut() -> None:
    assert merged([(5, 9), (1, 3), (3, 5), (20, 20), (8, 12)]) == [(1, 12)]
    assert without([(1, 12), (20, 30)], [(0, 2), (5, 6), (11, 25)]) == [(2, 5), (6, 11), (25, 30)]
    assert without([(1, 12)], [(0, 20)]) == []
