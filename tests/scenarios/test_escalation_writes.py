"""What escalation rules write, on both deployments: once, internal, never lower than a person set it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.costs import calls_of
from syncd.core.actions import RemoteAction, marker_of
from syncd.core.escalation_actions import EscalateTicket, RaiseBug
from syncd.sandbox.faults import Fault
from tests.scenarios.crashes import Borders, watch
from tests.scenarios.lab import Crash, Deployment, Lab

UPDATE = r"/api/v2/tickets/\d+(\.json)?$"


def lab_for(folder: Path, deployment: Deployment) -> Lab:
    return Lab(folder, deployment)


def order(lab: Lab, action: RemoteAction) -> None:
    """As a rule does."""
    with lab.app.store.transaction() as tx:
        tx.enqueue(action, urgency=0, now=lab.clock.now())


def step(lab: Lab, ticket: int, **what: Any) -> EscalateTicket:
    """A step of a rule."""
    plain = EscalateTicket(
        ticket, "reopened/1/level-1", "rule reopened", told={"rule": "reopened", "why": "it was reopened"}
    )
    return replace(plain, **what)


def state(lab: Lab, ticket: int) -> dict[str, Any]:
    found: dict[str, Any] = lab.sandbox.zendesk.ticket_state(ticket=ticket)
    return found


def heal(lab: Lab) -> None:
    for _ in range(30):
        lab.cycle(seconds=30)
        with lab.app.store.reading() as tx:
            if not tx.unsettled() and not sum(tx.waiting_counts().values()):
                return


def test_everything_goes_out_in_one_write_and_the_tags_after_it(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    ticket = lab.ticket("open", "normal")
    before = len(lab.writes())
    order(lab, step(lab, ticket, raise_steps=1, unassign=True, tags=("escalated",), ready=("escalation_form",)))
    lab.cycle()
    now = state(lab, ticket)
    assert (now["priority"], "escalated" in now["tags"]) == ("high", True)
    (note,) = lab.notes(ticket)
    assert note.splitlines()[0] == "Escalation"
    assert "4. Why it is escalated: it was reopened" in note.splitlines()
    assert note.splitlines()[-1] == "(written by syncd, rule reopened)"
    assert len(lab.writes()) - before == 2


def test_a_priority_that_a_person_raised_further_meanwhile_is_left(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    ticket = lab.ticket("open", "urgent")
    order(lab, step(lab, ticket, raise_to="high"))
    before = len(lab.writes())
    lab.cycle()
    assert state(lab, ticket)["priority"] == "urgent"
    assert len(lab.writes()) == before


def test_nothing_is_written_when_nothing_is_missing(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    ticket = lab.ticket("open")
    lab.sandbox.zendesk.agent_replies(
        ticket=ticket, actor=lab.agent, body="Log attached; steps: open it. Environment: linux.", status="open"
    )
    order(lab, step(lab, ticket, ready=("missing_information",)))
    lab.cycle()
    assert lab.notes(ticket) == []


def test_what_is_missing_is_listed(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    ticket = lab.ticket("open")
    order(lab, step(lab, ticket, ready=("missing_information",)))
    lab.cycle()
    (note,) = lab.notes(ticket)
    assert [line for line in note.splitlines() if line.startswith("- ")] == [
        "- logs",
        "- steps to reproduce",
        "- environment",
    ]


def test_a_customers_text_is_data_in_a_template_of_the_operators(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    ticket = lab.sandbox.zendesk.create_ticket(
        actor=lab.customer, subject="{{ 7 * 7 }} {% for %}", body="Help!", priority="normal"
    )
    order(lab, step(lab, ticket, notes=("Look at {{ ticket.subject }} ({{ ticket.link }})",)))
    lab.cycle()
    (note,) = lab.notes(ticket)
    assert note.startswith("Look at {{ 7 * 7 }} {% for %} (")


def test_a_closed_ticket_is_left_alone(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    ticket = lab.ticket("open")
    lab.agent_sets(ticket, "solved")
    lab.agent_sets(ticket, "closed")
    order(lab, step(lab, ticket, notes=("too late",)))
    before = len(lab.writes())
    lab.cycle()
    assert len(lab.writes()) == before


@pytest.mark.parametrize(("fault", "path"), [("drop_after", UPDATE), ("drop_before", r"/tags(\.json)?$")])
def test_what_was_written_before_the_ticket_was_closed_counts_as_done(
    tmp_path: Path, deployment: Deployment, fault: str, path: str
) -> None:
    """The tags cannot be added any more; that the note went out is to be seen in the audit."""
    lab = lab_for(tmp_path, deployment)
    ticket = lab.ticket("open", "low")
    lab.sandbox.ctx.faults.add(Fault(fault, "zendesk", "PUT", path, times=1))
    action = step(lab, ticket, raise_steps=1, notes=("look",), tags=("escalated",))
    order(lab, action)
    lab.cycle()
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    heal(lab)
    assert len(lab.notes(ticket)) == 1
    with lab.app.store.reading() as tx:
        (row,) = tx.audits(intent_id=marker_of(action))
    assert (row.outcome, row.detail["left_out"]) == ("done", ["escalated"])


@pytest.mark.parametrize("kind", ["drop_after", "status_after", "drop_before", "late"])
def test_a_lost_answer_repeats_neither_note_nor_step(tmp_path: Path, deployment: Deployment, kind: str) -> None:
    lab = lab_for(tmp_path, deployment)
    ticket = lab.ticket("open", "low")
    args = {"seconds": 20} if kind == "late" else {"status": 502} if kind == "status_after" else {}
    lab.sandbox.ctx.faults.add(Fault(kind, "zendesk", "PUT", UPDATE, times=1, args=args))
    order(lab, step(lab, ticket, raise_steps=1, notes=("look",), tags=("escalated",)))
    heal(lab)
    now = state(lab, ticket)
    assert (now["priority"], len(lab.notes(ticket)), "escalated" in now["tags"]) == ("normal", 1, True)


def test_it_is_done_once_whichever_border_the_process_dies_at(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    crashed: list[str] = []
    for at in range(1, 60):
        ticket = lab.ticket("open", "low")
        lab.cycle()
        order(lab, step(lab, ticket, raise_steps=1, notes=("look",), tags=("escalated",)))
        borders = Borders(at)
        watch(lab, borders)
        try:
            lab.cycle()
        except Crash as crash:
            crashed.append(str(crash))
            lab.restart()
            heal(lab)
        else:
            lab.restart()
        now = state(lab, ticket)
        assert (now["priority"], len(lab.notes(ticket)), "escalated" in now["tags"]) == ("normal", 1, True), crashed[
            -1:
        ]
        if len(borders.names) < at:
            break
    assert {"before a commit", "after a commit"} <= set(crashed)
    assert any(name.startswith("after PUT") for name in crashed)


def test_a_bugs_priority_goes_up_by_the_sites_own_order_and_once(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    key = lab.bug("To Do")
    issue = lab.issue(key)
    lab.sandbox.ctx.faults.add(Fault("drop_after", "jira", "PUT", r"/rest/api/2/issue/\w+$", times=1))
    order(lab, RaiseBug(str(issue["id"]), key, "reopened/1/level-1", "rule reopened"))
    heal(lab)
    assert (issue["fields"]["priority"], lab.issue(key)["fields"]["priority"]) == ("Medium", "High")


COSTS: dict[str, dict[str, Any]] = {
    "tags": {"tags": ("a",)},
    "a priority": {"raise_steps": 1},
    "a note": {"notes": ("look",)},
    "the form with all the rest": {"ready": ("escalation_form",), "raise_steps": 1, "unassign": True, "tags": ("a",)},
}


@pytest.mark.parametrize("what", COSTS.values(), ids=list(COSTS))
def test_it_costs_what_is_stated(tmp_path: Path, deployment: Deployment, what: dict[str, Any]) -> None:
    lab = lab_for(tmp_path, deployment)
    ticket = lab.ticket("open", "low")
    order(lab, step(lab, ticket, source="another/1/level-1", notes=("names are asked for once",)))
    lab.settle()
    quiet = len(lab.during(lab.cycle))
    action = step(lab, ticket, **what)
    order(lab, action)
    assert len(lab.during(lab.cycle)) - quiet == calls_of(action)


def test_raising_a_bug_costs_what_is_stated(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_for(tmp_path, deployment)
    key = lab.bug("To Do")
    lab.settle()
    quiet = len(lab.during(lab.cycle))
    action = RaiseBug(str(lab.issue(key)["id"]), key, "reopened/1/level-1", "rule reopened")
    order(lab, action)
    assert len(lab.during(lab.cycle)) - quiet == calls_of(action)
