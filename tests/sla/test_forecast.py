"""Forecasts: labelled as such, by days, never for what is breached."""

from __future__ import annotations

import pytest

from syncd.core.model import Version
from syncd.sla.forecast import Outlook, Shares, Sign, forecasts
from tests.sla.kit import Told, at, rules

BOOK = rules({"resolution": {"goals": {"any": "16h"}, "calendar": "office", "pause_in": ["pending"]}})
TOLD = Told().created("2026-03-02 10:00")  # due on Wednesday the 4th at 10:00


def bug(**more: object) -> Outlook:
    return Outlook("10001", "NOVA-1", done=bool(more.pop("done", False)), **more)  # type: ignore[arg-type]  # as given


V1 = Version("1", "3.1", released=False, release_date="2026-03-05")
OUT = Version("2", "3.0", released=True, release_date="2026-03-01")
LATER = Version("3", "3.2", released=False, release_date="2026-04-01")


@pytest.mark.parametrize(
    ("outlook", "signs"),
    [
        pytest.param(bug(due_date="2026-03-05"), [Sign.DUE_DATE], id="the bug is due a day later"),
        pytest.param(bug(due_date="2026-03-04"), [], id="due on the same day is in time"),
        pytest.param(bug(due_date="soon"), [], id="a date that is none"),
        pytest.param(bug(fix_versions=(LATER, V1)), [Sign.RELEASE], id="the first release comes too late"),
        pytest.param(bug(fix_versions=(V1, OUT)), [], id="a release with the fix is out"),
        pytest.param(bug(fix_versions=(Version("4", "?"),)), [], id="a release without a date"),
        pytest.param(bug(due_date="2026-03-05", done=True), [], id="the bug is done"),
        pytest.param(
            bug(touched_at=at("2026-03-02 10:00")), [Sign.UNTOUCHED], id="nobody touched it for half of the target"
        ),
        pytest.param(bug(touched_at=at("2026-03-02 11:00")), [], id="somebody did an hour later"),
        pytest.param(
            bug(touched_at=at("2026-02-02 10:00")), [Sign.UNTOUCHED], id="only time since the clock began counts"
        ),
        pytest.param(bug(unassigned_since=at("2026-03-02 14:00")), [Sign.UNASSIGNED], id="nobody has it for a quarter"),
    ],
)
def test_what_a_bug_promises(outlook: Outlook, signs: list[Sign]) -> None:
    clock = TOLD.clock(BOOK, "2026-03-03 10:01", "resolution")
    found = forecasts(clock, [outlook])
    assert [forecast.sign for forecast in found] == signs
    assert all(forecast.sentence.startswith("Forecast: NOVA-1 ") for forecast in found)
    assert not any("breach" in forecast.sentence for forecast in found)


def test_the_days_are_those_of_the_calendar() -> None:
    zone = {"office": {"zone": "Asia/Shanghai", "week": "always"}}
    book = rules({"resolution": "20h"}, calendars=zone)
    told = Told().created("2026-03-02 00:00")  # due on the 2nd at 20:00 UTC, in Shanghai on the 3rd
    clock = told.clock(book, "2026-03-02 01:00", "resolution")
    assert forecasts(clock, [bug(due_date="2026-03-03")]) == ()
    (late,) = forecasts(clock, [bug(due_date="2026-03-04")])
    assert (late.day, late.due) == ("2026-03-04", at("2026-03-02 20:00"))


@pytest.mark.parametrize(
    ("told", "now"),
    [
        pytest.param(TOLD, "2026-03-20 00:00", id="a breached clock"),
        pytest.param(
            Told().created("2026-03-02 10:00").change("2026-03-02 11:00", status="solved"),
            "2026-03-03 10:00",
            id="a met one",
        ),
        pytest.param(
            Told().created("2026-03-02 10:00").merged("2026-03-02 11:00"), "2026-03-03 10:00", id="a cancelled one"
        ),
    ],
)
def test_nothing_is_forecast_for(told: Told, now: str) -> None:
    outlook = bug(due_date="2027-01-01", touched_at=at("2026-03-02 10:00"))
    assert forecasts(told.clock(BOOK, now, "resolution"), [outlook]) == ()


def test_a_paused_clock_has_no_due_date_to_miss_but_the_bug_still_lies() -> None:
    told = Told().created("2026-03-02 10:00").change("2026-03-02 11:00", status="pending")
    outlook = bug(due_date="2027-01-01", touched_at=at("2026-03-02 10:00"))
    found = forecasts(told.clock(BOOK, "2026-03-04 10:00", "resolution"), [outlook], Shares(untouched=80))
    assert [forecast.sign for forecast in found] == [Sign.UNTOUCHED]


def test_a_clock_that_is_only_measured_has_no_forecast() -> None:
    book = rules({"resolution": "8h"}, {"resolution": {}, "spent": {"kind": "resolution", "calendar": "always"}})
    clock = TOLD.clock(book, "2026-03-02 11:00", "spent")
    assert clock.elapsed == 3600
    assert forecasts(clock, [bug(due_date="2027-01-01")]) == ()
