"""The morning list and the daily line: once a day in each receiver's zone, whatever happens to the process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.alerts.settings import AlertSettings, Receiver, Route
from tests.alerts.stage import BOSS, FALLBACK, LEAD, Stage, book, chain, clock_text, receiver, seconds, settings
from tests.sla.kit import ANN

EIGHT = 8 * 3600
HALF_TWO = 2 * 3600 + 1800


def stage_with(folder: Path, *receivers: Receiver, routes: tuple[Route, ...] = (), start: str = "07:00") -> Stage:
    made = Stage(
        f"sqlite:///{folder / 's.db'}", configured(*receivers, routes=routes), by=book("4h", warn={}), start=start
    )
    made.keeps_verdicts = True
    made.cycle()
    return made


def configured(*receivers: Receiver, routes: tuple[Route, ...] = ()) -> AlertSettings:
    return settings(*routes, receivers=receivers)


def of(stage: Stage, reason: str) -> list[dict[str, Any]]:
    return [mail for mail in stage.mails if mail["reason"] == reason]


def test_the_morning_list_comes_once_at_its_time_in_the_receivers_zone(tmp_path: Path) -> None:
    stage = stage_with(
        tmp_path, receiver(LEAD, morning=EIGHT), receiver(BOSS, morning=EIGHT, zone="Europe/Berlin"), start="05:00"
    )
    stage.run_to("2026-03-03 12:00")
    came = [(mail["to"], mail["when"]) for mail in of(stage, "morning")]
    assert came == [
        (BOSS, "07:00:00"),
        (LEAD, "08:00:00"),
        (BOSS, "2026-03-03 07:00:00"),
        (LEAD, "2026-03-03 08:00:00"),
    ]


def test_it_lists_what_is_overdue_what_is_due_today_and_what_is_left_from_yesterday(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, receiver(LEAD, morning=EIGHT))
    stage.opened("09:00", 1)  # overdue since yesterday
    stage.opened("2026-03-03 06:00", 2)  # due today
    stage.opened("2026-03-02 23:00", 3)  # answered, then waits for the customer: no due time
    stage.life(3).change("2026-03-02 23:30", ANN, status="solved")
    stage.opened("2026-03-02 23:10", 4)
    stage.opened("2026-03-03 07:00", 5)
    stage.life(5).change("2026-03-03 07:10", ANN, status="solved")
    stage.run_to("2026-03-03 08:10")
    listed = of(stage, "morning")[-1]["sections"]
    assert listed["overdue"] == [1, 4]
    assert listed["today"] == [2]
    assert 5 not in {ticket for tickets in listed.values() for ticket in tickets}


def test_each_lead_sees_the_tickets_whose_alerts_would_reach_them_and_others_see_all(tmp_path: Path) -> None:
    routes = (
        Route("first", chain(LEAD), metrics=frozenset({"resolution"}), tiers=frozenset({"vip"})),
        Route("rest", chain(BOSS)),
    )
    stage = stage_with(tmp_path, *(receiver(name, morning=EIGHT) for name in (LEAD, BOSS, FALLBACK)), routes=routes)
    stage.opened("2026-03-03 01:00", 1)
    stage.run_to("2026-03-03 08:10")
    listed = {mail["to"]: mail["sections"] for mail in of(stage, "morning") if mail["when"].startswith("2026-03-03")}
    assert listed == {LEAD: {}, BOSS: {"overdue": [1]}, FALLBACK: {"overdue": [1]}}


@pytest.mark.parametrize("minutes", [1, 60, 239])
def test_after_an_outage_it_comes_late_and_once(minutes: int, tmp_path: Path) -> None:
    stage = stage_with(tmp_path, receiver(LEAD, morning=EIGHT))
    stage.sleep_to(clock_text(seconds("08:00") + minutes * 60))
    stage.restart()
    stage.cycle()
    stage.run_to("18:00")
    assert len(of(stage, "morning")) == 1


def test_after_a_long_outage_it_waits_for_the_next_morning(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, receiver(LEAD, morning=EIGHT))
    stage.sleep_to("12:30")
    stage.run_to("2026-03-03 08:05")
    assert [mail["when"] for mail in of(stage, "morning")] == ["2026-03-03 08:00:00"]


def test_nothing_comes_for_a_morning_before_alerts_were_turned_on(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, receiver(LEAD, morning=EIGHT), start="09:00")
    stage.run_to("18:00")
    assert of(stage, "morning") == []


def test_a_clock_that_is_set_back_over_the_time_makes_no_second_one(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, receiver(LEAD, morning=EIGHT))
    stage.run_to("08:30")
    stage.clock.set_back(3600)
    stage.look_again()
    stage.run_to("09:30")
    assert len(of(stage, "morning")) == 1


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        pytest.param("Europe/Berlin", "2026-03-28 12:00", "2026-03-29 12:00", id="the time does not exist that day"),
        pytest.param("Europe/Berlin", "2026-10-24 12:00", "2026-10-25 12:00", id="the time comes twice that day"),
        pytest.param("Australia/Lord_Howe", "2026-10-03 00:00", "2026-10-04 00:00", id="half an hour is missing"),
    ],
)
def test_a_change_of_time_makes_neither_none_nor_two(zone: str, start: str, end: str, tmp_path: Path) -> None:
    stage = stage_with(tmp_path, receiver(LEAD, morning=HALF_TWO, zone=zone), start=start)
    stage.run_to(end)
    assert len(of(stage, "morning")) == 1


def test_the_daily_line_counts_what_was_told(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, receiver(FALLBACK, heartbeat=EIGHT))
    stage.opened("2026-03-03 02:00", 1)
    stage.run_to("2026-03-03 08:01")
    first, second = of(stage, "heartbeat")
    assert first["counts"]["breached"] == 0
    assert second["counts"] == {"tickets": 1, "clocks": 1, "breached": 1, "sent": 2, "waiting": 0, "dead": 0}
