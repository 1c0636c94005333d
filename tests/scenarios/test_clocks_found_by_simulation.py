"""What the simulation found about clocks, rules and mail, one test for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.cycle.fetch import EVENTS
from syncd.cycle.history import known_history
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
    """The breaches that somebody is told of, sent or not; what another letter carries is told by that one."""
    with lab.app.store.reading() as tx:
        letters = [letter for letter in tx.letters() if not letter.carrier]
    return sorted(str(key) for letter in letters for key in letter.keys if key.is_breach)


def after_an_outage(folder: Path, deployment: Deployment, *, events: int) -> tuple[Lab, int]:
    """A ticket that was breached while Zendesk told nothing of what happened. Much happened on another one since, and
    pages are small."""
    lab = Lab(folder, deployment, routes=NOVA, more=SLA)
    lab.cycle(3, seconds=60, complete=True)
    ticket, other = lab.ticket("new"), lab.ticket("open")
    away = Fault("status", service="zendesk", path="/incremental/ticket_events", times=-1)
    away.args.update({"status": 503, "body": "away"})
    lab.sandbox.ctx.faults.add(away)
    lab.cycle(11, seconds=60, complete=True)
    for number in range(events):
        lab.sandbox.zendesk.set_subject(ticket=other, actor=lab.agent, subject=f"Renamed {number}")
        lab.sandbox.advance(1)
    lab.sandbox.ctx.faults.clear()
    lab.sandbox.zendesk.switches["export_page_limit"] = 6
    return lab, ticket


def test_a_breach_in_an_outage_is_told_though_the_history_came_back_in_two_parts(
    tmp_path: Path, deployment: Deployment
) -> None:
    """The ticket's own events are in the first part. The second says nothing of the ticket, and all is known."""
    lab, ticket = after_an_outage(tmp_path, deployment, events=30)
    lab.cycle(5, seconds=60, complete=True)
    assert breaches(lab) == [f"{ticket}.first_reply.1.breach"]


def test_a_breach_is_told_as_soon_as_the_ticket_s_own_history_is_read_not_when_all_of_it_is(
    tmp_path: Path, deployment: Deployment
) -> None:
    """After an outage the export has more than a few cycles read: what its first pages told is known all the same."""
    lab, ticket = after_an_outage(tmp_path, deployment, events=100)
    lab.cycle(2, seconds=60, complete=True)
    assert breaches(lab) == [f"{ticket}.first_reply.1.breach"]
    with lab.app.store.reading() as tx:
        known, read = known_history(tx).until, int(tx.cursor(EVENTS) or 0)
    assert read < lab.sandbox.clock.now() - 120, "the export is not at its end"
    assert known == read - 1, "the next page may go on with its last second"


@pytest.mark.parametrize("is_told", [True, False], ids=["its creation is told", "not even its creation is"])
def test_a_breach_is_told_though_the_history_will_not_come_to_the_ticket_s_last_change_for_long(
    tmp_path: Path, deployment: Deployment, is_told: bool
) -> None:
    """The export creeps behind a crowd of events, and the ticket was changed after them: its audits tell at once."""
    lab = Lab(tmp_path, deployment, routes=NOVA, more=SLA)
    lab.cycle(3, seconds=60, complete=True)
    ticket, other = (lab.ticket("new") if is_told else 0), lab.ticket("open")
    lab.cycle(4, seconds=60, complete=True)
    lab.sandbox.zendesk.switches["export_page_limit"] = 3
    for number in range(120):
        lab.sandbox.zendesk.set_subject(ticket=other, actor=lab.agent, subject=f"Renamed {number}")
        lab.sandbox.advance(1)
    ticket = ticket or lab.ticket("new")
    lab.sandbox.zendesk.set_subject(ticket=ticket, actor=lab.agent, subject="Renamed, too")
    lab.sandbox.advance(601)
    lab.cycle(3, seconds=60, complete=True)
    with lab.app.store.reading() as tx:
        assert known_history(tx).until < lab.sandbox.clock.now() - 600, "the export is far behind"
    assert f"{ticket}.first_reply.1.breach" in breaches(lab)
