"""A machine whose clock is wrong from the start: tickets go by the servers' time, and the operator hears of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from syncd.cli.main import main
from syncd.sandbox.clock import SandboxClock
from tests.scenarios.lab import Lab, LabClock

SLA = """
sla:
  calendars: {always: {zone: UTC, week: always}}
  metrics: {resolution: {}}
  policies: [{name: support, defaults: {calendar: always}, targets: {resolution: {goals: {any: 1h}}}}]
"""


class Machine(LabClock):
    """A machine's clock, which is off by `error` seconds."""

    def __init__(self, clock: SandboxClock, error: float) -> None:
        super().__init__(clock)
        self._error = error
        self.correction = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._error + self.correction)

    def correct(self, seconds: float) -> None:
        self.correction = seconds


class Wrong(Lab):
    """On such a machine."""

    def __init__(self, folder: Path, error: float) -> None:
        self.error = error
        super().__init__(folder, more=SLA)

    def prepare(self) -> None:
        self.clock = Machine(self.sandbox.clock, self.error)

    def state(self, ticket: int) -> str:
        """The verdict on the ticket's resolution clock."""
        with self.app.store.reading() as tx:
            return tx.clocks_of([ticket])[0].state


@pytest.mark.parametrize("error", [pytest.param(1200, id="ahead"), pytest.param(-1200, id="behind")])
def test_a_ticket_is_overdue_by_the_servers_time(tmp_path: Path, error: float) -> None:
    lab = Wrong(tmp_path, error)
    ticket = lab.ticket("open")
    lab.cycle(2)
    assert lab.reports[-1].clock_off is not None
    assert "20 min" in lab.reports[-1].clock_off.sentence
    lab.sandbox.advance(3600 - 60)
    lab.cycle()
    assert lab.state(ticket) != "breached"
    lab.sandbox.advance(60)
    lab.cycle()
    assert lab.state(ticket) == "breached"
    told = CliRunner().invoke(main, ["status", "--config", str(tmp_path / "config.yaml")])
    assert "This machine's clock is 20 min" in told.stderr + told.stdout
    assert told.exit_code == 1
    health = CliRunner().invoke(main, ["status", "--health", "--config", str(tmp_path / "config.yaml")])
    assert "This machine's clock is 20 min" in health.stdout
