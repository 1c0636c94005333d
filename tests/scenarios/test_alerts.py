"""Warnings and breaches from config.yaml to the mailbox: over both trackers and a mail server, on both deployments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.mailbox import Mailbox
from tests.scenarios.lab import START, Deployment, Lab

SLA = """
sla:
  calendars:
    always: {zone: UTC, week: always}
  metrics: {first_reply: {}, resolution: {}}
  holders:
    - {party: development, when: {all: [{field: bug.stage, operator: is, value: [queued, in_progress]}]}}
    - {party: L1}
  policies:
    - name: promised
      targets:
        first_reply: {calendar: always, goals: {any: 30m}, warn: {red: 10m}}
"""
MAIL = """
mail: {host: 127.0.0.1, port: %d, tls: none, sender: syncd@acme.example}
receivers:
  - {name: leads, to: [lena.vogt@acme.example]}
"""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox(SandboxClock(START, frozen=True))
    box.start()
    yield box
    box.stop()


class Desk(Lab):
    """A lab with a mail server."""

    box: Mailbox

    def minutes(self, count: int) -> None:
        """So many minutes of complete cycles."""
        self.cycle(count, seconds=60, complete=True)

    def mails(self) -> list[str]:
        """What arrived, a subject each."""
        return [f"{mail['recipient'].partition('@')[0]}: {mail['subject']}" for mail in self.box.mails()]

    def ids(self) -> list[str]:
        return [mail["message_id"] for mail in self.box.mails()]


def desk(folder: Path, deployment: Deployment, box: Mailbox, more: str = "") -> Desk:
    made = Desk(folder, deployment, more=SLA + MAIL % box.port + more)
    made.box = box
    made.cycle(complete=True)
    return made


def test_mail_and_one_receiver_are_enough_for_warnings_and_breaches(
    tmp_path: Path, deployment: Deployment, mailbox: Mailbox
) -> None:
    lab = desk(tmp_path, deployment, mailbox)
    ticket = lab.ticket("new")
    lab.minutes(19)
    assert lab.mails() == []
    lab.minutes(3)
    assert len(lab.mails()) == 1  # ten minutes before it is due
    lab.minutes(10)
    assert len(lab.mails()) == 2
    breach = mailbox.mails()[-1]
    assert f"{ticket}" in breach["subject"]
    assert ".first_reply.1.2." in breach["message_id"]
    assert "Auto-Submitted" in dict(breach["headers"])
    assert "Last public step: Ines Duarte, 03-02 09:00: Help!" in breach["text"], breach["text"]
    lab.minutes(20)
    assert len(lab.mails()) == 2
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Here we are.", status="open")
    lab.minutes(3)
    assert len(lab.mails()) == 3  # resolved
    lab.minutes(10)
    assert len(lab.mails()) == 3


def test_a_reply_in_the_last_minute_prevents_the_mail(tmp_path: Path, deployment: Deployment, mailbox: Mailbox) -> None:
    lab = desk(tmp_path, deployment, mailbox)
    ticket = lab.ticket("new")
    lab.minutes(29)
    assert len(lab.mails()) == 1
    lab.sandbox.advance(45)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Just in time.", status="open")
    for _ in range(8):
        lab.cycle(seconds=15)
    lab.minutes(5)
    assert len(lab.mails()) == 1


def test_a_process_that_dies_anywhere_loses_no_breach_and_tells_none_twice(
    tmp_path: Path, deployment: Deployment, mailbox: Mailbox
) -> None:
    lab = desk(tmp_path, deployment, mailbox)
    lab.ticket("new")
    lab.minutes(25)
    before = len(lab.mails())
    lab.sandbox.advance(360)
    folded = lab.app.engine.alerting
    lab.app.engine.alerting = None  # the clocks are folded and kept, and then the process is gone
    lab.cycle(complete=True)
    lab.app.engine.alerting = folded
    lab.restart()
    lab.minutes(1)
    lab.restart()
    lab.minutes(2)
    lab.restart()
    lab.minutes(2)
    assert len(lab.mails()) == before + 1
    assert len(set(lab.ids())) == len(lab.ids())


def test_a_warning_that_did_not_get_out_is_not_sent_after_the_breach_though_the_two_have_routes_of_their_own(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    routes = """
alerts:
  routes:
    - {name: early, severity: [yellow, red], receivers: [leads]}
    - {name: late, severity: breach, receivers: [leads]}
"""
    lab = desk(tmp_path, "cloud", mailbox, routes)
    lab.ticket("new")
    lab.minutes(15)
    mailbox.set_switches({"down": True})
    lab.minutes(18)
    mailbox.set_switches({"down": False})
    lab.minutes(5)
    (only,) = mailbox.mails()
    assert "overdue" in only["subject"].lower(), only["subject"]


def test_a_mail_server_that_is_down_for_an_hour_loses_nothing(
    tmp_path: Path, deployment: Deployment, mailbox: Mailbox
) -> None:
    lab = desk(tmp_path, deployment, mailbox)
    lab.ticket("new")
    lab.minutes(5)
    mailbox.set_switches({"down": True})
    lab.minutes(70)
    assert lab.mails() == []
    mailbox.set_switches({"down": False})
    lab.minutes(3)
    assert len(lab.mails()) == 1
    assert len(set(lab.ids())) == 1


def test_a_lost_answer_is_followed_by_the_same_bytes(tmp_path: Path, deployment: Deployment, mailbox: Mailbox) -> None:
    lab = desk(tmp_path, deployment, mailbox)
    lab.ticket("new")
    mailbox.set_switches({"lost_250": 1})
    lab.minutes(25)
    first, second = mailbox.mails()
    assert first["raw"] == second["raw"]


LEVELS = """  - {name: boss, to: [omar.haddad@acme.example, dead@acme.example]}
alerts:
  routes:
    - {name: all, severity: breach, receivers: [leads], levels: [{after: 10m, receivers: [boss]}]}
"""


def test_levels_climb_until_somebody_acknowledges_and_one_dead_address_holds_nobody_up(
    tmp_path: Path, deployment: Deployment, mailbox: Mailbox
) -> None:
    lab = desk(tmp_path, deployment, mailbox, LEVELS)
    mailbox.set_switches({"dead": ["dead@acme.example"]})
    ticket = lab.ticket("new")
    lab.minutes(33)
    told = [mail["recipient"] for mail in mailbox.mails()]
    assert told[-1] == "lena.vogt@acme.example"
    lab.minutes(11)
    told = [mail["recipient"] for mail in mailbox.mails()]
    assert "omar.haddad@acme.example" in told
    notices = [mail["subject"] for mail in mailbox.mails() if "dead@acme.example" in mail["subject"]]
    assert len(notices) == 1
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Sorry, here.", status="open")
    lab.minutes(3)
    count = len(lab.mails())
    lab.minutes(20)
    assert len(lab.mails()) == count


RULE = """
escalation:
  rules:
    - name: reopened
      when: {all: [{field: reopened, operator: greater_than, value: 0}]}
      then: [{notify: [leads]}]
"""


def test_what_a_rule_has_to_say_arrives_once_whatever_restarts(
    tmp_path: Path, deployment: Deployment, mailbox: Mailbox
) -> None:
    lab = desk(tmp_path, deployment, mailbox, RULE)
    ticket = lab.ticket("open")
    lab.minutes(2)
    lab.agent_sets(ticket, "solved")
    lab.minutes(2)
    lab.agent_sets(ticket, "open")
    lab.minutes(3)
    lab.restart()
    lab.minutes(5)
    told = [mail for mail in mailbox.mails() if "reopened" in mail["text"]]
    assert len(told) == 1
    assert str(ticket) in told[0]["subject"]


PROMISE = """
        resolution: {calendar: always, goals: {any: 1h}, warn: {red: 1m}}
"""
BY_BUG = """
alerts:
  routes:
    - {name: all, severity: breach, receivers: [leads]}
    - {name: warnings, receivers: [leads], resolved: none}
"""


def test_tickets_of_one_bug_are_told_together_and_acknowledged_each_by_itself(
    tmp_path: Path, deployment: Deployment, mailbox: Mailbox
) -> None:
    more = SLA + PROMISE.lstrip("\n") + MAIL % mailbox.port + BY_BUG
    lab = Desk(tmp_path, deployment, more=more)
    lab.box = mailbox
    lab.cycle(complete=True)
    key = lab.bug()
    tickets = [lab.ticket("open") for _ in range(3)]
    lab.cycle(complete=True)
    for ticket in tickets:
        lab.link(ticket, key)
    lab.minutes(64)
    breaches = [mail for mail in mailbox.mails() if "X-Syncd-Reason" in dict(mail["headers"])]
    told = [mail for mail in breaches if dict(mail["headers"])["X-Syncd-Reason"] in ("first", "breach")]
    about = [mail for mail in told if all(str(ticket) in mail["text"] for ticket in tickets)]
    assert about, [mail["subject"] for mail in told]
    with lab.app.store.reading() as tx:
        groups = {episode.group for episode in tx.open_episodes() if episode.group.startswith("all|")}
    assert groups == {f"all|bug={key}"}
    lab.sandbox.zendesk.agent_replies(ticket=tickets[0], actor=lab.agent, body="We are at it.", status="open")
    lab.minutes(2)
    with lab.app.store.reading() as tx:
        (episode,) = [e for e in tx.open_episodes() if e.group.startswith("all|")]
    assert [ack.ticket for ack in episode.acks] == [tickets[0]]
