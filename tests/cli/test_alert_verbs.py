"""`syncd alerts` and the alerts in `syncd explain`, on a store that a lab has filled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from syncd.cli.main import main
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.mailbox import Mailbox
from tests.scenarios.lab import START, Lab

CONFIG = """
sla:
  calendars: {always: {zone: UTC, week: always}}
  metrics: {first_reply: {}}
  policies:
    - {name: promised, defaults: {calendar: always}, targets: {first_reply: {goals: {any: 30m}, warn: {red: 10m}}}}
mail: {host: 127.0.0.1, port: %d, tls: none, sender: syncd@acme.example}
receivers:
  - {name: leads, to: [lena.vogt@acme.example], zone: Europe/Berlin}
  - {name: boss, to: [omar.haddad@acme.example]}
alerts:
  routes:
    - {name: everything, receivers: [leads], levels: [{after: 20m, receivers: [boss]}]}
"""
Verb = Callable[..., Result]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox(SandboxClock(START, frozen=True))
    box.start()
    yield box
    box.stop()


@pytest.fixture
def lab(tmp_path: Path, mailbox: Mailbox) -> Lab:
    """A ticket that nobody answered for 35 minutes."""
    made = Lab(tmp_path, more=CONFIG % mailbox.port)
    made.cycle(complete=True)
    made.number = made.ticket("new")  # type: ignore[attr-defined]  # remembered for the tests
    made.cycle(7, seconds=300, complete=True)
    made.cycle(2, complete=True)
    return made


@pytest.fixture
def syncd(lab: Lab) -> Verb:
    """A verb as a person types it."""

    def run(*words: str) -> Result:
        args = [*words, "--config", str(lab.folder / "config.yaml")]
        return CliRunner().invoke(main, args, env={"COLUMNS": "220", **lab.environ})

    return run


def number(lab: Lab) -> int:
    return int(lab.number)  # type: ignore[attr-defined]  # see the fixture


def test_list_shows_what_is_overdue_and_what_waits(lab: Lab, syncd: Verb, mailbox: Mailbox) -> None:
    said = syncd("alerts", "list")
    assert said.exit_code == 0, said.output
    assert f"{number(lab)}.first_reply.1.breach" in said.output
    assert "0 of 1" in said.output
    assert "Sent so far: 2" in said.output
    found = json.loads(syncd("alerts", "list", "--json").output)
    assert [episode["route"] for episode in found["episodes"]] == ["everything"]
    assert found["outbox"]["states"] == {"sent": 2}


def test_an_acknowledgement_by_command_stops_the_climb_for_its_span(lab: Lab, syncd: Verb, mailbox: Mailbox) -> None:
    lab.app.store.close()
    said = syncd("alerts", "ack", str(number(lab)), "--for", "1h", "--debug")
    assert said.exit_code == 0, said.output
    assert "is acknowledged until" in said.output
    lab.restart()
    lab.sandbox.advance(60)
    lab.app.engine.requests.handle(
        "alerts ack",
        {"ticket": number(lab), "seconds": 3600, "by": "lena"},
        lab.app.engine.routes,
        lab.app.engine.settings,
    )
    lab.cycle(50, seconds=60, complete=True)
    assert [mail["recipient"] for mail in mailbox.mails()] == ["lena.vogt@acme.example"] * 2
    lab.cycle(8, seconds=300, complete=True)
    told = [mail["recipient"] for mail in mailbox.mails()]
    assert told == ["lena.vogt@acme.example"] * 3 + ["omar.haddad@acme.example"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["--for", "soon"], "Write a span of time", id="a span that is none"),
        pytest.param(["--for", "5s"], "between 1m and 30d", id="a span that is too short"),
    ],
)
def test_a_wrong_span_is_refused(lab: Lab, syncd: Verb, words: list[str], told: str) -> None:
    said = syncd("alerts", "ack", str(number(lab)), *words)
    assert said.exit_code == 64
    assert told in said.output


def test_a_rehearsal_shows_facts_routes_levels_and_the_message(lab: Lab, syncd: Verb, mailbox: Mailbox) -> None:
    before = len(mailbox.mails())
    said = syncd("alerts", "test", "--ticket", str(number(lab)))
    assert said.exit_code == 0, said.output
    assert "leads would hear of" in said.output
    assert "boss would hear of" in said.output
    assert "20m after the level before" in said.output
    assert "Subject:" in said.output
    assert len(mailbox.mails()) == before


def test_a_rehearsal_as_of_an_earlier_time_tells_what_was_to_be_told_then(lab: Lab, syncd: Verb) -> None:
    ticket = str(number(lab))
    early: dict[str, Any] = json.loads(
        syncd("alerts", "test", "--ticket", ticket, "--at", "2026-03-02 09:05", "--json").output
    )
    assert early["messages"] == []
    assert early["clocks"][0]["state"] == "running"
    later = json.loads(syncd("alerts", "test", "--ticket", ticket, "--at", "2026-03-02 09:25", "--json").output)
    first = later["messages"][0]
    assert (first["receiver"], first["facts"]) == ("leads", [f"{ticket}.first_reply.1.red"])


RULE = """
escalation:
  rules:
    - name: unanswered
      when: {all: [{field: clock.first_reply, value: breached}]}
      asks: Ring the customer up.
      then: [{notify: boss}, {add_tags: unanswered}]
"""


def test_a_rehearsal_shows_what_rules_do_and_the_mail_of_each(lab: Lab, syncd: Verb, mailbox: Mailbox) -> None:
    config = lab.folder / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8") + RULE, encoding="utf-8")
    before = len(mailbox.mails())
    said = syncd("alerts", "test", "--ticket", str(number(lab)), "--at", "2026-03-02 09:35")
    assert "boss would hear of its level-1 (first, level 1) by rule unanswered:" in said.output
    assert "Rule unanswered asks for attention to ticket 1: clock.first_reply is breached." in said.output
    assert "Next step: Ring the customer up." in said.output
    assert "Mon 2026-03-02 09:30:16 +0000 notify boss, add unanswered" in said.output
    assert len(mailbox.mails()) == before


def test_explain_tells_the_facts_the_mails_and_the_next_level(lab: Lab, syncd: Verb) -> None:
    said = syncd("explain", str(number(lab)))
    assert said.exit_code == 0, said.output
    assert f"Alerts of #{number(lab)}" in said.output
    assert "first_reply breach, cycle 1: firing" in said.output
    assert "to leads (lena.vogt@acme.example), breach:" in said.output
    assert "boss hears of it" in said.output
    found = json.loads(syncd("explain", str(number(lab)), "--json").output)
    assert [fact["state"] for fact in found["alerts"][0]["facts"]] == ["firing", "firing"]


def test_explain_says_why_something_was_not_told(lab: Lab, syncd: Verb) -> None:
    ticket = lab.ticket("new")
    lab.app.engine.alerting = None  # nobody takes it down
    lab.cycle(5, seconds=300, complete=True)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Hello.", status="open")
    lab.cycle(3, seconds=60, complete=True)
    said = syncd("explain", str(ticket))
    assert "nobody was told, because the clock was met or cancelled before anybody had to hear" in said.output
