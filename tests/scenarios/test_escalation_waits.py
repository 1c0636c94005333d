"""Rules and a Zendesk that cannot be read or written for a while: nothing is said by what is older than what it is said
about, and what waited is looked at again before it goes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.cli.clock_story import clocks_of
from syncd.cli.costs import calls_of
from syncd.cli.rule_story import rules_of
from syncd.core.escalation_actions import EscalateTicket
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import Deployment, Lab
from tests.scenarios.test_escalation_rules import lab_with, minutes, state

MISSED = """
    - name: missed
      when: {all: [{field: clock.first_reply, value: breached}]}
      stop_when_acknowledged: false
      then: [{note: "Nobody answered."}, {add_tags: missed}]
"""
REOPENED = """
    - name: reopened
      when: {all: [{field: reopened, operator: greater_than, value: 0}, {field: group, value: L2}]}
      per: reopened
      then: [{raise_priority: 1}, {note: "It is back."}]
"""
SOLVED_TOO = REOPENED + "      solved_too: true\n"


def zendesk_is_away(lab: Lab, *, method: str | None = None, path: str = "/api/") -> None:
    lab.sandbox.ctx.faults.add(Fault("status", "zendesk", method, path, times=-1, args={"status": 503}))


def nearly_an_hour(lab: Lab) -> None:
    """The first reply is due an hour after the customer wrote."""
    lab.cycle(14, seconds=250, complete=True)


def zendesk_is_back(lab: Lab) -> None:
    lab.sandbox.ctx.faults.clear()


def orders(lab: Lab) -> list[str]:
    """What rules asked to be written, and what became of it."""
    with lab.app.store.reading() as tx:
        return [str(intent.state) for intent in tx.intents() if isinstance(intent.action, EscalateTicket)]


# ---- speaking ----


@pytest.mark.parametrize("is_answered", [True, False], ids=["somebody had answered", "nobody had"])
def test_a_breach_that_passed_while_zendesk_could_not_be_read_is_acted_on_when_it_is_read(
    tmp_path: Path, deployment: Deployment, is_answered: bool
) -> None:
    lab = lab_with(tmp_path, deployment, MISSED)
    ticket = lab.ticket("new", "normal")
    nearly_an_hour(lab)
    zendesk_is_away(lab)
    if is_answered:
        lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Here I am", status="open")
    minutes(lab, 15)
    assert orders(lab) == []
    zendesk_is_back(lab)
    minutes(lab, 5)
    assert len(lab.notes(ticket)) == (0 if is_answered else 1)


@pytest.mark.parametrize("kind", ["html", "bad_json"])
def test_audits_in_place_of_which_something_else_comes_do_not_say_that_nobody_answered(
    tmp_path: Path, deployment: Deployment, kind: str
) -> None:
    """The answer came right before the breach, so that only the audits can tell of it."""
    lab = lab_with(tmp_path, deployment, MISSED)
    ticket = lab.ticket("new", "normal")
    nearly_an_hour(lab)
    lab.sandbox.advance(90)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Here I am", status="open")
    lab.sandbox.ctx.faults.add(Fault(kind, "zendesk", path="/audits", times=2))
    lab.cycle(20, seconds=15, complete=True)
    assert lab.sandbox.ctx.faults.fired() == {kind: 2}
    assert (orders(lab), lab.notes(ticket)) == ([], [])


def test_a_cycle_that_saw_the_ticket_since_its_breach_reads_it_no_more(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, MISSED)
    lab.ticket("new", "normal")
    nearly_an_hour(lab)
    quiet = len(lab.during(lambda: minutes(lab, 1)))
    calls = lab.during(lambda: minutes(lab, 2))
    with lab.app.store.reading() as tx:
        (action,) = [intent.action for intent in tx.intents() if isinstance(intent.action, EscalateTicket)]
    assert len(calls) - 2 * quiet == calls_of(action)


# ---- writing ----


def reopened_while_nothing_can_be_written(lab: Lab) -> int:
    """A ticket that was opened again, of which the rule wants to write."""
    ticket = lab.ticket("open", "low")
    minutes(lab, 4)
    lab.agent_sets(ticket, "solved")
    minutes(lab, 4)
    zendesk_is_away(lab, method="PUT")
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="It is back")
    minutes(lab, 4)
    assert orders(lab) in (["new"], ["sent"])
    return ticket


def test_a_ticket_that_was_solved_before_a_rule_could_write_is_left_alone(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = lab_with(tmp_path, deployment, REOPENED)
    ticket = reopened_while_nothing_can_be_written(lab)
    lab.agent_sets(ticket, "solved")
    zendesk_is_back(lab)
    minutes(lab, 10)
    assert (state(lab, ticket)["priority"], lab.notes(ticket), orders(lab)) == ("low", [], ["refused"])
    (story,) = rules_of(lab.app, clocks_of(lab.app, [ticket]))
    assert story.steps == ()


def test_it_is_written_after_all_when_the_ticket_comes_back_soon(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, MISSED)
    ticket = lab.ticket("new", "normal")
    zendesk_is_away(lab, method="PUT")
    nearly_an_hour(lab)
    minutes(lab, 5)
    assert orders(lab) in (["new"], ["sent"])
    lab.agent_sets(ticket, "solved")
    zendesk_is_back(lab)
    minutes(lab, 20)
    assert lab.notes(ticket) == []
    lab.agent_sets(ticket, "open")
    minutes(lab, 5)
    lab.restart()
    minutes(lab, 5)
    assert (len(lab.notes(ticket)), "missed" in state(lab, ticket)["tags"]) == (1, True)


def test_a_rule_that_is_about_solved_tickets_too_writes_all_the_same(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, SOLVED_TOO)
    ticket = reopened_while_nothing_can_be_written(lab)
    lab.agent_sets(ticket, "solved")
    zendesk_is_back(lab)
    minutes(lab, 10)
    assert len(lab.notes(ticket)) == 1


@pytest.mark.parametrize("waited", [0, 12], ids=["at once", "after a quarter of an hour"])
def test_what_waited_for_long_is_written_only_where_the_rule_still_holds(
    tmp_path: Path, deployment: Deployment, waited: int
) -> None:
    lab = lab_with(tmp_path, deployment, REOPENED)
    ticket = reopened_while_nothing_can_be_written(lab)
    minutes(lab, waited)
    lab.sandbox.zendesk.assign(ticket=ticket, actor=lab.agent, group=lab.seeded.groups["L1"])
    zendesk_is_back(lab)
    minutes(lab, 10)
    assert len(lab.notes(ticket)) == (0 if waited else 1)


def test_what_waited_for_long_is_written_where_the_rule_still_holds(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, REOPENED)
    ticket = reopened_while_nothing_can_be_written(lab)
    minutes(lab, 30)
    zendesk_is_back(lab)
    minutes(lab, 10)
    assert (state(lab, ticket)["priority"], len(lab.notes(ticket))) == ("normal", 1)


def test_what_was_written_in_part_is_written_to_its_end(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, MISSED)
    ticket = lab.ticket("new", "normal")
    zendesk_is_away(lab, method="PUT", path="/tags")
    nearly_an_hour(lab)
    minutes(lab, 5)
    assert len(lab.notes(ticket)) == 1
    lab.agent_sets(ticket, "solved")
    minutes(lab, 12)
    zendesk_is_back(lab)
    minutes(lab, 10)
    assert (len(lab.notes(ticket)), "missed" in state(lab, ticket)["tags"], orders(lab)) == (1, True, ["done"])
