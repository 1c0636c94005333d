"""Clocks in `syncd explain`, and how far they have come in `syncd status`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from syncd.cli.clock_story import clock_progress
from syncd.cli.main import main
from tests.scenarios.lab import Lab

SLA = """
sla:
  calendars: {always: {zone: Asia/Shanghai, week: always}}
  metrics: {first_reply: {}, resolution: {}}
  holders:
    - {party: customer, when: {all: [{field: status, operator: is, value: pending}]}}
    - {party: L1}
  policies:
    - name: support
      defaults: {calendar: always}
      targets: {first_reply: {goals: {any: 8h}}, resolution: {goals: {any: 24h}, pause_in: [pending]}}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path, more=SLA)
    yield made
    made.app.store.close()


def syncd(lab: Lab, *args: str) -> str:
    result = CliRunner().invoke(main, ["--config", str(lab.folder / "config.yaml"), *args], env=lab.environ)
    assert result.exit_code in (0, 1), result.output
    return result.stdout


def test_explain_prints_every_slice_with_its_holder_and_how_due_comes_about(lab: Lab) -> None:
    ticket = lab.ticket("pending")
    lab.cycle(4, seconds=60)
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.cycle(4, seconds=60)
    told = syncd(lab, "explain", str(ticket))
    assert f"Clocks of #{ticket} (times of Asia/Shanghai):" in told
    assert f"first_reply of #{ticket}, cycle 1: met" in told
    assert "target 24h (always) (policy support, level normal)" in told
    assert "rested (status pending), customer" in told
    assert "+0800" in told
    assert "not complete" not in told


def test_explain_has_the_same_for_machines(lab: Lab) -> None:
    ticket = lab.ticket("pending")
    lab.cycle(4, seconds=60)
    shape: dict[str, Any] = json.loads(syncd(lab, "explain", str(ticket), "--json"))
    (told,) = shape["clocks"]
    assert (told["ticket"], told["complete"], told["certain"]) == (ticket, True, True)
    resolution = next(clock for clock in told["clocks"] if clock["metric"] == "resolution")
    assert (resolution["state"], resolution["rests"], resolution["target"]) == ("paused", True, 86400)
    assert sum(part["counted"] for part in resolution["slices"]) == resolution["used"]
    assert {part["holder"] for part in resolution["slices"]} == {"L1", "customer"}


def test_a_ticket_whose_history_is_not_known_says_so(lab: Lab) -> None:
    ticket = lab.ticket("new")
    lab.cycle()
    told = syncd(lab, "explain", str(ticket))
    assert "Its history is not complete yet" in told
    assert "Something happened that the exact history" in told


def test_without_clocks_explain_says_nothing_of_them(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    ticket = lab.ticket("new")
    lab.cycle()
    assert "Clocks of" not in syncd(lab, "explain", str(ticket))
    assert json.loads(syncd(lab, "explain", str(ticket), "--json"))["clocks"] == []
    lab.app.store.close()


def test_status_says_how_far_histories_were_read(lab: Lab) -> None:
    lab.ticket("new")
    lab.cycle(4, seconds=60)
    assert json.loads(syncd(lab, "status", "--json"))["clocks"]["stale"] == 0


@pytest.mark.parametrize(
    ("detail", "sentences"),
    [
        pytest.param({}, [], id="no clocks"),
        pytest.param({"stale": 0, "audits": 0, "known_until": 5}, [], id="all is done"),
        pytest.param(
            {"stale": 1200, "audits": 1},
            ["Clocks: the audits of 1 ticket are still to be read.", "Clocks: 1200 tickets still to be recomputed."],
            id="work is left",
        ),
    ],
)
def test_progress_in_words(detail: dict[str, Any], sentences: list[str]) -> None:
    assert list(clock_progress(detail)) == sentences


def test_progress_of_the_history() -> None:
    (sentence,) = clock_progress({"read_until": 1_772_442_000, "read_to": 1_772_528_400})
    assert sentence.startswith("Clocks: history read up to 2026-03-02 ")
