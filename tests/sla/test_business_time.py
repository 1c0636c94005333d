"""How much business time passed, and when is so much used up: cases by hand, and laws."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.sla.business_time import BusinessTime, Timetable, timetable
from syncd.sla.calendar import DAY, Calendar, Span, always, merged
from tests.sla.kit import CHINA_2026, at, shown, week

H = 3600
OFFICE = BusinessTime(week())
LUNCH = BusinessTime(week(hours=((9 * H, 12 * H), (13 * H, 17 * H))))
BERLIN_NIGHT = BusinessTime(week("Europe/Berlin", ((0, 6 * H),), days=7))
LATE = BusinessTime(week(hours=((20 * H, DAY),), days=7))  # every evening until midnight
NIGHT = BusinessTime(week(hours=((0, 2 * H), (22 * H, DAY)), days=7))  # over midnight, written as two spans
RAMADAN = BusinessTime(
    week("Africa/Casablanca", overrides={date(2026, 2, 18 + day): ((9 * H, 15 * H),) for day in range(3)})
)
CHINA = BusinessTime(week("Asia/Shanghai", holidays=CHINA_2026.closed, makeup=CHINA_2026.makeup, published_until=2026))


@pytest.mark.parametrize(
    ("time", "start", "seconds", "due"),
    [
        pytest.param(OFFICE, "2026-03-06 09:00", 4 * H, "2026-03-06 13:00", id="within a day"),
        pytest.param(OFFICE, "2026-03-06 16:00", 2 * H, "2026-03-09 10:00", id="over a weekend"),
        pytest.param(OFFICE, "2026-03-06 09:00", 8 * H, "2026-03-09 09:00", id="what ends at closing time rolls on"),
        pytest.param(OFFICE, "2026-03-07 12:00", 1, "2026-03-09 09:00:01", id="from a closed time"),
        pytest.param(
            OFFICE, "2026-03-06 17:00", 0, "2026-03-09 09:00", id="nothing, at closing time: the next opening"
        ),
        pytest.param(OFFICE, "2026-03-06 16:59:59", 0, "2026-03-06 16:59:59", id="nothing, while open: at once"),
        pytest.param(LUNCH, "2026-03-06 11:00", 2 * H, "2026-03-06 14:00", id="over lunch"),
        pytest.param(LUNCH, "2026-03-06 11:00", H, "2026-03-06 13:00", id="what ends at lunch rolls past it"),
        pytest.param(LATE, "2026-03-06 23:00", H, "2026-03-07 20:00", id="what ends at 24:00 rolls on"),
        pytest.param(LATE, "2026-03-06 23:00", H - 1, "2026-03-06 23:59:59", id="a second before it does not"),
        pytest.param(NIGHT, "2026-03-06 23:00", H, "2026-03-07 00:00", id="24:00 and 0:00 are one instant"),
        pytest.param(NIGHT, "2026-03-06 23:00", 3 * H, "2026-03-07 22:00", id="over midnight, then by day"),
        pytest.param(NIGHT, "2026-12-31 23:00", 2 * H, "2027-01-01 01:00", id="over the year's end"),
        pytest.param(RAMADAN, "2026-02-18 13:00", 3 * H, "2026-02-19 10:00", id="shorter days by overrides"),
        pytest.param(
            RAMADAN, "2026-02-13 15:00", 2 * H, "2026-02-16 10:00", id="a weekend in which the clocks turn back"
        ),
        pytest.param(
            CHINA, "2026-12-31 08:00", 4 * H, "2027-01-01 04:00", id="past the last announced year: as a week"
        ),
        pytest.param(CHINA, "2026-09-30 08:00", 4 * H, "2026-10-08 04:00", id="over the National Day week"),
        pytest.param(CHINA, "2026-10-09 08:00", 4 * H, "2026-10-10 04:00", id="into the Saturday that pays for it"),
        pytest.param(BERLIN_NIGHT, "2026-03-28 23:30", 3 * H, "2026-03-29 02:30", id="real hours across Berlin's gap"),
    ],
)
def test_when_so_much_is_used_up(time: BusinessTime, start: str, seconds: int, due: str) -> None:
    assert shown(time.add(at(start), seconds)) == due + ":00" * (due.count(":") == 1)


@pytest.mark.parametrize(
    ("time", "start", "end", "seconds"),
    [
        pytest.param(OFFICE, "2026-03-06 16:00", "2026-03-09 10:00", 2 * H, id="over a weekend"),
        pytest.param(OFFICE, "2026-03-06 18:00", "2026-03-08 18:00", 0, id="none over a weekend"),
        pytest.param(OFFICE, "2026-03-09 10:00", "2026-03-06 16:00", 0, id="none backwards"),
        pytest.param(OFFICE, "2026-01-01 00:00", "2027-01-01 00:00", 261 * 8 * H, id="a year of 261 weekdays"),
        pytest.param(CHINA, "2026-01-01 00:00", "2026-12-31 16:00", 248 * 8 * H, id="a year in China"),
        pytest.param(CHINA, "2026-02-13 00:00", "2026-02-25 00:00", 3 * 8 * H, id="the Spring Festival"),
    ],
)
def test_how_much_passed(time: BusinessTime, start: str, end: str, seconds: int) -> None:
    assert time.elapsed(at(start), at(end)) == seconds


@pytest.mark.parametrize(
    ("time", "start", "days", "due"),
    [
        pytest.param(OFFICE, "2026-03-05 15:00", 1, "2026-03-06 15:00:00", id="the same time a day later"),
        pytest.param(OFFICE, "2026-03-06 15:00", 2, "2026-03-10 15:00:00", id="over a weekend"),
        pytest.param(OFFICE, "2026-03-06 18:00", 1, "2026-03-10 09:00:00", id="after hours: the opening that follows"),
        pytest.param(LUNCH, "2026-03-05 12:30", 1, "2026-03-06 13:00:00", id="at lunch: after lunch"),
        pytest.param(
            CHINA, "2026-02-13 02:00", 2, "2026-02-24 02:00:00", id="China: a worked Saturday, then the festival"
        ),
        pytest.param(CHINA, "2026-02-27 02:00", 1, "2026-02-28 02:00:00", id="China: to the worked Saturday"),
        pytest.param(OFFICE, "2026-03-07 10:00", 0, "2026-03-09 10:00:00", id="no day, from a Saturday"),
        pytest.param(OFFICE, "2026-03-06 10:00", 0, "2026-03-06 10:00:00", id="no day, from a Friday"),
        pytest.param(LATE, "2026-03-06 23:30", 1, "2026-03-07 23:30:00", id="late in the evening"),
        pytest.param(BERLIN_NIGHT, "2026-03-28 01:30", 1, "2026-03-29 01:30:00", id="into the gap: on by its length"),
    ],
)
def test_working_days_later(time: BusinessTime, start: str, days: int, due: str) -> None:
    assert shown(time.add_days(at(start), days)) == due


@pytest.mark.parametrize(
    ("start", "worth"),
    [
        pytest.param("2026-03-06 15:00", 8 * H, id="in working time: to the same time on the next working day"),
        pytest.param("2026-03-06 20:00", 8 * H, id="in the evening: the whole next day"),
        pytest.param("2026-03-07 12:00", 8 * H, id="at noon on a Saturday: the whole Monday, not half of it"),
        pytest.param("2026-03-09 00:30", 8 * H, id="in the night before Monday: the same"),
    ],
)
def test_what_a_business_day_is_worth(start: str, worth: int) -> None:
    assert OFFICE.seconds_of_days(at(start), 1) == worth


def test_a_business_day_is_as_long_as_the_days_it_spans() -> None:
    short_friday = BusinessTime(Calendar("x", "UTC", (*[((9 * H, 17 * H),)] * 4, ((9 * H, 13 * H),), (), ())))
    assert short_friday.seconds_of_days(at("2026-03-05 09:00"), 2) == 12 * H
    assert short_friday.seconds_of_days(at("2026-03-06 11:00"), 1) == 4 * H


@pytest.mark.parametrize(
    ("start", "seconds", "first"),
    [
        pytest.param("2026-03-06 09:00", 8 * H, "2026-03-06 17:00:00", id="a warning comes at closing time, not after"),
        pytest.param("2026-03-06 18:00", 0, "2026-03-06 18:00:00", id="nothing is reached at once"),
        pytest.param("2026-03-06 18:00", 60, "2026-03-09 09:01:00", id="a minute after the opening"),
    ],
)
def test_when_so_much_is_reached_first(start: str, seconds: int, first: str) -> None:
    assert shown(OFFICE.reach(at(start), seconds)) == first
    assert shown(timetable(week()).reach(at(start), seconds)) == first


CLOSED = BusinessTime(Calendar("closed", "UTC", ((),) * 7))
ONCE = BusinessTime(Calendar("once", "UTC", ((),) * 7, overrides={date(2026, 3, 2): ((0, 60),)}))


def test_a_calendar_that_never_opens_answers_never() -> None:
    for time in (CLOSED, ONCE):
        assert time.add(at("2026-06-01 00:00"), 0) is None
        assert time.reach(at("2026-06-01 00:00"), 1) is None
        assert time.add_days(at("2026-06-01 00:00"), 1) is None
        assert time.seconds_of_days(at("2026-06-01 00:00"), 1) is None
    assert ONCE.add(at("2026-03-01 00:00"), 60) is None
    assert ONCE.reach(at("2026-03-01 00:00"), 60) == at("2026-03-02 00:01")
    assert CLOSED.elapsed(at("2026-03-01 00:00"), at("2036-03-01 00:00")) == 0


def test_a_rare_opening_is_found_years_ahead() -> None:
    leap = BusinessTime(
        Calendar("leap", "UTC", ((),) * 7, overrides={date(y, 1, 1): ((0, 60),) for y in range(2026, 2040)})
    )
    assert shown(leap.add(at("2026-06-01 00:00"), 600)) == "2037-01-01 00:00:00"


def test_the_answer_does_not_depend_on_what_was_asked_before() -> None:
    fresh, used = BusinessTime(week("Europe/Berlin")), BusinessTime(week("Europe/Berlin"))
    used.elapsed(at("2031-01-01 00:00"), at("2032-01-01 00:00"))
    used.elapsed(at("2009-01-01 00:00"), at("2010-01-01 00:00"))
    for start in ("2010-12-31 23:00", "2020-02-29 12:00", "2026-03-29 00:30", "2033-05-05 05:05"):
        assert used.add(at(start), 12345) == fresh.add(at(start), 12345)
        assert used.elapsed(at(start), at(start) + 40 * DAY) == fresh.elapsed(at(start), at(start) + 40 * DAY)


def test_open_time_in_a_window_is_clipped_to_it() -> None:
    assert OFFICE.spans(at("2026-03-06 16:00"), at("2026-03-09 10:00")) == [
        (at("2026-03-06 16:00"), at("2026-03-06 17:00")),
        (at("2026-03-09 09:00"), at("2026-03-09 10:00")),
    ]
    assert OFFICE.spans(at("2026-03-07 16:00"), at("2026-03-07 10:00")) == []
    assert OFFICE.is_open(at("2026-03-06 16:59:59"))
    assert not OFFICE.is_open(at("2026-03-06 17:00"))


# ---- versions ----------------------------------------------------------------------------------------------------

TURN = at("2026-03-04 12:00")
LONGER = Timetable("office", ((0, OFFICE), (TURN, BusinessTime(week(hours=((8 * H, 20 * H),))))))


def test_each_stretch_is_measured_by_the_version_in_force_then() -> None:
    assert LONGER.elapsed(at("2026-03-03 00:00"), at("2026-03-06 00:00")) == (8 + 3 + 8 + 12) * H
    assert shown(LONGER.add(at("2026-03-04 09:00"), 12 * H)) == "2026-03-05 09:00:00"
    assert shown(LONGER.add(at("2026-03-04 09:00"), 3 * H)) == "2026-03-04 12:00:00"
    assert shown(LONGER.reach(at("2026-03-04 09:00"), 3 * H)) == "2026-03-04 12:00:00"
    assert shown(LONGER.reach(at("2026-03-04 09:00"), 12 * H)) == "2026-03-05 09:00:00"
    assert LONGER.label(TURN - 1) != LONGER.label(TURN)
    assert LONGER.changes() == (TURN,)


# ---- laws --------------------------------------------------------------------------------------------------------

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Antarctica/Troll",
)
minutes = st.integers(0, 24 * 60)


@st.composite
def some_hours(draw: st.DrawFn) -> tuple[Span, ...]:
    cuts = sorted(draw(st.lists(minutes, min_size=2, max_size=6, unique=True)))
    return tuple((start * 60, end * 60) for start, end in zip(cuts[::2], cuts[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Any week with an open second, with a few dates that differ, near clock changes of 2026."""
    days = draw(st.lists(st.one_of(st.just(()), some_hours()), min_size=7, max_size=7).filter(any))
    dates = st.dates(date(2026, 2, 1), date(2026, 11, 30))
    return Calendar(
        "any",
        draw(st.sampled_from(ZONES)),
        tuple(days),
        overrides=draw(st.dictionaries(dates, some_hours(), max_size=3)),
        breaks=draw(st.dictionaries(dates, some_hours(), max_size=3)),
        holidays=frozenset(draw(st.lists(dates, max_size=5))),
        makeup=frozenset(draw(st.lists(dates, max_size=3))),
    )


instants = st.integers(at("2026-02-01 00:00"), at("2026-11-30 00:00"))
durations = st.integers(0, 40 * DAY)
law = settings(max_examples=60, deadline=None)


@law
@given(calendars(), instants, durations)
def test_law_what_is_added_has_passed(calendar: Calendar, start: int, seconds: int) -> None:
    time = BusinessTime(calendar)
    due, first = time.add(start, seconds), time.reach(start, seconds)
    assert due is not None
    assert first is not None
    assert time.elapsed(start, due) == time.elapsed(start, first) == seconds
    assert time.elapsed(start, due + 1) == seconds + 1, "due is the last such instant"
    assert seconds == 0 or time.elapsed(start, first - 1) == seconds - 1, "reached is the first"


@law
@given(calendars(), st.lists(instants, min_size=3, max_size=3))
def test_law_time_is_additive_and_never_runs_backwards(calendar: Calendar, three: list[int]) -> None:
    a, b, c = sorted(three)
    time = BusinessTime(calendar)
    assert time.elapsed(a, b) + time.elapsed(b, c) == time.elapsed(a, c)
    assert 0 <= time.elapsed(a, b) <= min(time.elapsed(a, c), b - a)


@law
@given(calendars(), instants, instants, durations, durations)
def test_law_a_later_start_or_a_longer_target_is_never_due_earlier(
    calendar: Calendar, one: int, other: int, less: int, more: int
) -> None:
    time = BusinessTime(calendar)
    starts, targets = sorted((one, other)), sorted((less, more))
    early, late = time.add(starts[0], targets[0]), time.add(starts[1], targets[1])
    assert early is not None
    assert late is not None
    assert early <= late


@law
@given(st.sampled_from(ZONES), instants, durations)
def test_law_24x7_is_subtraction(zone: str, start: int, seconds: int) -> None:
    time = BusinessTime(always(zone=zone))
    assert time.add(start, seconds) == start + seconds == time.reach(start, seconds)
    assert time.elapsed(start, start + seconds) == seconds


@law
@given(calendars(), instants, durations)
def test_law_open_spans_are_what_passes(calendar: Calendar, start: int, seconds: int) -> None:
    spans = BusinessTime(calendar).spans(start, start + seconds)
    assert spans == merged(spans)
    assert sum(end - begin for begin, end in spans) == BusinessTime(calendar).elapsed(start, start + seconds)


@law
@given(calendars(), calendars(), instants, instants, durations)
def test_law_versions_change_nothing_of_the_laws(
    old: Calendar, new: Calendar, turn: int, start: int, seconds: int
) -> None:
    both = Timetable("any", ((0, BusinessTime(old)), (turn, BusinessTime(new))))
    due, first = both.add(start, seconds), both.reach(start, seconds)
    assert due is not None
    assert first is not None
    assert both.elapsed(start, due) == both.elapsed(start, first) == seconds
    assert both.elapsed(start, due + 1) == seconds + 1
