"""A machine whose clock is wrong from the start: tickets go by the servers' time, and the operator hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from syncd.cli.main import main
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.faults import Fault
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
        self.error = error
        self.correction = 0.0
        self.about_to_be_set: Callable[[], bool] = lambda: False
        self.to: float = error

    def now(self) -> datetime:
        if self.about_to_be_set():
            self.error = self.to
        return super().now() + timedelta(seconds=self.error + self.correction)

    def correct(self, seconds: float) -> None:
        self.correction = seconds


class Wrong(Lab):
    """On such a machine."""

    def __init__(self, folder: Path, error: float, more: str = SLA) -> None:
        self.error = error
        super().__init__(folder, more=more)

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


@pytest.mark.parametrize("jump", [pytest.param(86_400, id="a day ahead"), pytest.param(-86_400, id="a day back")])
def test_a_clock_that_is_set_while_syncd_reads_breaches_nothing(tmp_path: Path, jump: float) -> None:
    lab = Wrong(tmp_path, 0)
    ticket = lab.ticket("open")
    lab.cycle(3)
    before = lab.state(ticket)
    assert isinstance(lab.clock, Machine)
    asked = len(lab.sandbox.ctx.journal.entries(0))
    lab.clock.to = jump
    lab.clock.about_to_be_set = lambda: len(lab.sandbox.ctx.journal.entries(0)) > asked
    lab.agent_sets(ticket, "pending")
    lab.agent_sets(ticket, "open")
    lab.cycle()
    assert lab.clock.error == jump
    assert lab.reports[-1].clock_off is not None
    assert abs(lab.clock.correction + jump) <= 1
    assert lab.state(ticket) == before


MAIL = """
mail: {host: 127.0.0.1, port: 1, tls: none, sender: syncd@acme.example}
receivers: [{name: leads, to: [lena.vogt@acme.example]}]
"""


@pytest.mark.parametrize("is_known", [pytest.param(True, id="at once"), pytest.param(False, id="a cycle later")])
def test_no_alert_is_lost_to_a_first_cycle_with_a_clock_that_is_a_day_ahead(tmp_path: Path, is_known: bool) -> None:
    """Who turned alerts on tomorrow would hear of nothing today."""
    lab = Wrong(tmp_path, 0, more=SLA + MAIL)
    assert isinstance(lab.clock, Machine)
    lab.clock.error = 86_400
    away = ["jira"] if is_known else ["jira", "zendesk"]
    for service in away:
        lab.sandbox.ctx.faults.add(Fault("drop_before", service, path="/", times=-1))
    lab.cycle()
    assert (lab.clock.correction != 0) is is_known
    lab.sandbox.ctx.faults.clear()
    ticket = lab.ticket("open")
    lab.cycle(2)
    lab.sandbox.advance(3600)
    lab.cycle()
    assert lab.state(ticket) == "breached"
    with lab.app.store.reading() as tx:
        told = {key for letter in tx.letters() for key in letter.keys}
    assert [key.ticket for key in told if key.is_breach] == [ticket]


RULE = """
escalation:
  rules:
    - {name: reopened, when: {all: [{field: reopened, operator: greater_than, value: 0}]}, then: [{add_tags: reopened}]}
"""


@pytest.mark.parametrize("is_known", [pytest.param(True, id="at once"), pytest.param(False, id="a cycle later")])
def test_no_rule_begins_tomorrow_as_the_clock_was_a_day_ahead_when_it_was_first_seen(
    tmp_path: Path, is_known: bool
) -> None:
    lab = Wrong(tmp_path, 0, more=SLA + RULE)
    assert isinstance(lab.clock, Machine)
    lab.clock.error = 86_400
    for service in ["jira"] if is_known else ["jira", "zendesk"]:
        lab.sandbox.ctx.faults.add(Fault("drop_before", service, path="/", times=-1))
    lab.cycle()
    assert (lab.clock.correction != 0) is is_known
    lab.sandbox.ctx.faults.clear()
    ticket = lab.ticket("open")
    lab.cycle(3, seconds=60, complete=True)
    lab.agent_sets(ticket, "solved")
    lab.cycle(3, seconds=60, complete=True)
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="It is back")
    lab.cycle(5, seconds=60, complete=True)
    assert "reopened" in lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]
