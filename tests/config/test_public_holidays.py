"""What countries announce: free days, make-up working days, and from when on it is only a guess."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta

import pytest

from syncd.config.public_holidays import public_holidays
from syncd.sla.build import build
from syncd.sla.business_time import BusinessTime
from syncd.sla.calendar import Calendar
from syncd.sla.lint import notices
from tests.sla.kit import at

MAKEUP = {
    2024: ("02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"),
    2025: ("01-26", "02-08", "04-27", "09-28", "10-11"),
    2026: ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10"),
}
FREE = {
    2024: ("01-01", "02-10/02-17", "04-04/04-06", "05-01/05-05", "06-10", "09-15/09-17", "10-01/10-07"),
    2025: ("01-01", "01-28/02-04", "04-04/04-06", "05-01/05-05", "05-31/06-02", "10-01/10-08"),
    2026: (
        *("01-01/01-03", "02-15/02-23", "04-04/04-06", "05-01/05-05"),
        *("06-19/06-21", "09-25/09-27", "10-01/10-07"),
    ),
}
"""What the State Council announced, with both ends."""


def days(year: int, spans: tuple[str, ...]) -> set[date]:
    found = set()
    for span in spans:
        first, _, last = span.partition("/")
        day, end = date.fromisoformat(f"{year}-{first}"), date.fromisoformat(f"{year}-{last or first}")
        while day <= end:
            found.add(day)
            day += timedelta(days=1)
    return found


def china(**more: object) -> Calendar:
    data = {"zone": "Asia/Shanghai", "week": {"mon-fri": "09:00-18:00"}, "holidays": "CN", **more}
    book = build({"calendars": {"office": data}, "metrics": {}, "policies": []}, public_holidays)
    return book.calendars["office"].at(0).calendar


def test_china_is_right_on_every_day_of_three_years() -> None:
    calendar, wrong, day = china(), [], date(2024, 1, 1)
    free = {day for year, spans in FREE.items() for day in days(year, spans)}
    makeup = {day for year, spans in MAKEUP.items() for day in days(year, spans)}
    assert len(makeup) == 19
    looked_at = 0
    while day.year < 2027:
        expected = day in makeup or (day.weekday() < 5 and day not in free)
        if calendar.is_working_day(day) is not expected:
            wrong.append(day)
        looked_at, day = looked_at + 1, day + timedelta(days=1)
    assert (looked_at, wrong) == (1096, [])


def test_a_make_up_sunday_has_the_hours_of_a_weekday() -> None:
    time = BusinessTime(china())
    sunday = at("2026-02-28 00:00", "Asia/Shanghai")
    assert time.elapsed(sunday, sunday + 86400) == 9 * 3600


def test_the_next_year_is_a_guess_until_it_is_announced_and_the_operator_sees_it() -> None:
    calendar = china()
    assert calendar.published_until == 2026
    assert calendar.is_guess(at("2027-02-21 10:00", "Asia/Shanghai"))
    assert not calendar.is_guess(at("2026-12-31 10:00", "Asia/Shanghai"))


def test_who_writes_the_days_down_is_not_warned_any_more() -> None:
    data = {
        "zone": "Asia/Shanghai",
        "week": {"mon-fri": "09:00-18:00"},
        "holidays": "CN",
        "overrides": {"2027-02-21": "09:00-18:00", "2027-02-11": "closed"},
    }
    now = at("2026-12-01 00:00")
    for more, said in (({}, 1), ({"announced_until": 2027}, 0)):
        book = build({"calendars": {"office": {**data, **more}}, "metrics": {}, "policies": []}, public_holidays)
        assert len(notices(book, now)) == said
        calendar = book.calendars["office"].at(now).calendar
        assert calendar.is_working_day(date(2027, 2, 21))
        assert not calendar.is_working_day(date(2027, 2, 11))


@pytest.mark.parametrize(
    ("country", "part", "until"),
    [
        pytest.param("DE", "BY", None, id="rules give every year of Bavaria"),
        pytest.param("US", None, None, id="rules give every year of the United States"),
        pytest.param("CN", None, 2026, id="China's notice is given each year"),
        pytest.param("LK", None, 2026, id="nothing is known of Sri Lanka after its last notice"),
        pytest.param("SG", None, 2027, id="Singapore's later days are estimated"),
    ],
)
def test_until_when_the_days_are_announced(country: str, part: str | None, until: int | None) -> None:
    announced = public_holidays(country, part).published_until
    assert announced == until if until is None else announced is not None and announced >= until


def test_a_part_of_a_country_has_days_of_its_own() -> None:
    assumption = date(2026, 8, 15)
    assert assumption in public_holidays("DE", "SL").closed
    assert assumption not in public_holidays("DE", "BE").closed


@pytest.mark.parametrize(
    ("country", "part", "sentence"),
    [
        pytest.param("cn", None, 'Did you mean "CN"?', id="small letters"),
        pytest.param("XX", None, "Write a code such as CN or DE.", id="no such country"),
        pytest.param("DE", "Bavaria", "They are BB, BE", id="no such part"),
        pytest.param("US", "California", "They are AK, AL", id="a name in the place of a code"),
        pytest.param("CN", "BJ", "CN has no part BJ", id="a country without parts"),
    ],
)
def test_what_is_not_known_is_refused_with_a_sentence(country: str, part: str | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"is no country|has no part") as caught:
        public_holidays(country, part)
    assert sentence in str(caught.value)


def test_the_package_is_imported_only_where_holidays_are_asked_for() -> None:
    code = "import sys, syncd.config.load; print('holidays' in sys.modules)"
    told = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "False"
