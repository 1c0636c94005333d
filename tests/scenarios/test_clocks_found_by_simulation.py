"""What the simulation found about clocks, rules and mail, one test for each."""

from __future__ import annotations

from pathlib import Path

from syncd.sandbox.faults import Fault
from tests.scenarios.lab import NOVA, Deployment, Lab

SLA = """
sla:
  calendars: {always: {zone: UTC, week: always}}
  metrics: {first_reply: {}}
  policies: [{name: promised, targets: {first_reply: {calendar: always, goals: {any: 10m}}}}]
mail: {host: 127.0.0.1, port: 1, tls: none, sender: syncd@acme.example}
receivers: [{name: leads, to: [lena.vogt@acme.example]}]
"""


def breaches(lab: Lab) -> list[str]:
    """The breaches that somebody is told of, sent or not."""
    with lab.app.store.reading() as tx:
        return sorted(str(key) for letter in tx.letters() for key in letter.keys if key.is_breach)


def test_a_breach_in_an_outage_is_told_though_the_history_came_back_in_two_parts(
    tmp_path: Path, deployment: Deployment
) -> None:
    """The ticket's own events are in the first part, and what is known for certain ends before the ticket began. The
    second part says nothing of the ticket, and all is known."""
    lab = Lab(tmp_path, deployment, routes=NOVA, more=SLA)
    lab.cycle(3, seconds=60, complete=True)
    ticket, other = lab.ticket("new"), lab.ticket("open")
    away = Fault("status", service="zendesk", path="/incremental/ticket_events", times=-1)
    away.args.update({"status": 503, "body": "away"})
    lab.sandbox.ctx.faults.add(away)
    lab.cycle(11, seconds=60, complete=True)
    for number in range(30):
        lab.sandbox.zendesk.set_subject(ticket=other, actor=lab.agent, subject=f"Renamed {number}")
        lab.sandbox.advance(1)
    lab.sandbox.ctx.faults.clear()
    lab.sandbox.zendesk.switches["export_page_limit"] = 6
    lab.cycle(5, seconds=60, complete=True)
    assert breaches(lab) == [f"{ticket}.first_reply.1.breach"]
