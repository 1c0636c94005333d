"""What operators hear of, each once; and that a defect in alerts stops nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.alerts.settings import AlertSettings
from syncd.core.guard import Held, Reason
from syncd.cycle.host_clock import ClockOff
from tests.alerts.stage import FALLBACK, Stage, receiver, settings

OPERATORS = "operators"


def stage_with(folder: Path, configured: AlertSettings) -> Stage:
    made = Stage(f"sqlite:///{folder / 's.db'}", configured)
    made.every_cycle = True
    return made


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return stage_with(tmp_path, settings(receivers=[receiver(OPERATORS)], operators=OPERATORS))


def told(stage: Stage) -> list[tuple[str, str, str]]:
    return [(mail["to"], mail["reason"], mail["headline"] or mail["blind"]) for mail in stage.mails]


def held(token: str) -> Held:
    return Held("nova", Reason.FIRST_RUN, 3, token, "Route nova is held: run syncd plan.")


def test_a_brake_is_told_once_until_it_comes_on_anew(stage: Stage) -> None:
    stage.report.held = {"nova": held("first-run-1")}
    stage.run_to("08:30")
    stage.restart()
    stage.run_to("08:35")
    brake = (OPERATORS, "notice", "The route nova writes nothing: first_run")
    assert told(stage) == [brake]
    stage.report.held = {"nova": held("first-run-2")}
    stage.run_to("08:40")
    assert told(stage) == [brake, brake]


def test_a_refused_credential_is_told_once_for_each_time_that_it_is_refused(stage: Stage) -> None:
    for end in ("08:10", "09:10"):
        stage.report.problems = {"jira": "Jira refuses the token."}
        stage.report.shut_out = {"jira"}
        stage.run_to(end)
        stage.restart()
        stage.run_to(end + ":45")
        stage.report.problems, stage.report.shut_out = {}, set()
        stage.run_to(end[:3] + "30")
    refused = (OPERATORS, "notice", "Jira refuses syncd's credential")
    assert told(stage).count(refused) == 2
    assert told(stage).count((FALLBACK, "stale", "jira")) == 2
    assert told(stage).count((OPERATORS, "stale", "jira")) == 2


def test_a_clock_that_is_wrong_is_told_once(stage: Stage) -> None:
    stage.report.clock_off = ClockOff(1_772_000_000, 1200.0, "This machine's clock is 20 min behind Zendesk's.")
    stage.run_to("08:30")
    stage.restart()
    stage.report.clock_off = ClockOff(1_772_000_000, 1190.0, "This machine's clock is 20 min behind Zendesk's.")
    stage.run_to("08:45")
    assert told(stage) == [(OPERATORS, "notice", "A clock is wrong")]


def test_a_short_outage_is_no_news(stage: Stage) -> None:
    stage.report.problems = {"zendesk": "503"}
    stage.run_to("08:01")
    stage.report.problems = {}
    stage.run_to("08:30")
    assert told(stage) == []


def test_without_operators_brakes_are_shown_by_status_alone(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, settings())
    stage.report.held = {"nova": held("first-run-1")}
    stage.run_to("08:10")
    assert told(stage) == []


def test_a_defect_is_told_in_the_report_stops_nothing_and_loses_nothing(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, settings())
    stage.keeps_verdicts = True
    stage.opened("08:00")
    stage.run_to("08:29")
    stage.keeper.is_broken = True
    stage.run_to("08:31")
    assert "ZeroDivisionError" in stage.report.problems["alerts"]
    stage.keeper.is_broken = False
    stage.report.problems = {}
    stage.run_to("08:35")
    assert [mail["facts"] for mail in stage.mails] == [["1 resolution yellow"]]
