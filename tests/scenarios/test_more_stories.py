"""The stories that need a mapping, a fault or a store of their own, on both deployments."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.config.init import init_mapping
from syncd.config.load import packaged_mappings
from syncd.cycle import ServerMismatch
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import MIRROR, Deployment, Lab

DEFAULT = (packaged_mappings() / "default.yaml").read_text(encoding="utf-8")


def linked(lab: Lab, bug: str = "In Progress", *, project: str = "NOVA") -> tuple[int, str]:
    """A ticket on hold and its bug, agreed."""
    ticket, key = lab.ticket("open"), lab.bug(project=project)
    lab.link(ticket, key)
    lab.settle()
    lab.moves(key, bug)
    lab.settle()
    assert lab.status(ticket) == "hold"
    return ticket, key


def fixed(lab: Lab) -> tuple[int, str]:
    """A ticket that was handed back because its bug is fixed."""
    ticket, key = linked(lab)
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert lab.status(ticket) == "open"
    return ticket, key


@pytest.mark.parametrize("kind", ["transition_conflict", "drop_after", "drop_before", "status_after"])
def test_31_a_walk_interrupted_after_its_first_step_is_finished_and_its_middle_flows_nowhere(
    lab: Lab, kind: str
) -> None:
    ticket, key = fixed(lab)
    lab.sandbox.ctx.faults.add(
        Fault(
            kind=kind,
            service="jira",
            method="POST",
            path=r"/transitions",
            times=1,
            skip=1,
            args={"status": 503} if kind == "status_after" else {},
        )
    )
    before = len(lab.notes(ticket))
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.settle()
    assert lab.sandbox.ctx.faults.fired() == {kind: 1}
    assert (lab.issue(key)["status"], lab.status(ticket)) == ("Closed", "solved")
    assert lab.conflicts() == []
    assert len(lab.notes(ticket)) == before


def test_33_custom_ticket_statuses_are_written_exactly_and_a_category_accepts_its_customs(
    tmp_path: Path, deployment: Deployment
) -> None:
    line = (
        "set_ticket: {new: open, pending: open, hold: open}   # back to the agent, with a note that names the version"
    )
    assert DEFAULT.count(line) == 1
    lab = Lab(tmp_path, deployment, mapping=DEFAULT.replace(line, 'set_ticket: {pending: open, hold: "Fix ready"}'))
    ticket, key = linked(lab)
    escalated = lab.seeded.statuses["Escalated"]
    lab.sandbox.zendesk.set_status(ticket=ticket, actor=lab.agent, status="open", custom_status_id=escalated)
    lab.settle()
    assert lab.conflicts() == []
    lab.agent_sets(ticket, "hold")
    lab.settle()
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    state = lab.sandbox.zendesk.ticket_state(ticket=ticket)
    assert (state["status"], state["custom_status_id"]) == ("open", lab.seeded.statuses["Fix ready"])


def test_36_another_issue_type_changes_nothing(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.sandbox.jira.edit(lab.developer, key, issue_type="Task")
    lab.settle()
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert (lab.status(ticket), lab.conflicts()) == ("open", [])


STRICT = DEFAULT.replace(
    "ticket_may_be: [new, open, pending, hold]\n\n  declined:", "ticket_may_be: [new, open, hold]\n\n  declined:"
)


def both_move(tmp_path: Path, deployment: Deployment, policy: str) -> tuple[Lab, int]:
    """The bug starts and the ticket is set to pending, which the mapping forbids then, inside one poll."""
    assert STRICT != DEFAULT
    mapping = STRICT.replace("on_conflict: bug_wins", f"on_conflict: {policy}")
    lab = Lab(tmp_path, deployment, mapping=mapping)
    ticket, key = linked(lab, "To Do")
    lab.moves(key, "In Progress")
    lab.agent_sets(ticket, "pending")
    lab.settle()
    return lab, ticket


def test_39_when_both_move_and_do_not_fit_the_bug_wins_and_the_loser_is_in_the_log(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab, ticket = both_move(tmp_path, deployment, "bug_wins")
    assert (lab.status(ticket), lab.conflicts()) == ("open", [])
    link = lab.links()[0]
    with lab.app.store.reading() as tx:
        assert any("pending" in entry.reason for entry in tx.link_history(link.id))


@pytest.mark.parametrize(("take", "ends"), [("bug", "open"), ("as-is", "pending")])
def test_39_a_flagged_conflict_is_settled_by_a_person(
    tmp_path: Path, deployment: Deployment, take: str, ends: str
) -> None:
    lab, ticket = both_move(tmp_path, deployment, "flag")
    assert lab.conflicts() == ["both_moved"]
    assert lab.request("conflicts resolve", link=lab.links()[0].id, take=take).startswith("ok")
    lab.settle()
    assert (lab.status(ticket), lab.conflicts()) == (ends, [])


def test_39_a_bug_that_is_worked_on_is_not_called_done_on_its_way_back(tmp_path: Path, deployment: Deployment) -> None:
    """The only way back that is known leads over Done, as a bug that was sent back has shown."""
    lab, _ = both_move(tmp_path, deployment, "flag")
    (link,) = lab.links()
    other, key = linked(lab, "To Do")
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    lab.sandbox.zendesk.add_tags(ticket=other, actor=lab.agent, tags=["bug_not_fixed"])
    lab.settle()
    assert lab.issue(key)["status"] == "To Do"
    assert lab.request("conflicts resolve", link=link.id, take="ticket").startswith("ok")
    lab.settle()
    changes = [item for entry in lab.issue(link.issue_key)["changelog"] for item in entry["items"]]
    assert "Done" not in {item["new_text"] for item in changes if item["field"] == "status"}
    assert lab.conflicts() == ["unreachable"]


def test_39_a_person_who_settles_a_conflict_is_not_held_up_by_a_brake(tmp_path: Path, deployment: Deployment) -> None:
    lab, ticket = both_move(tmp_path, deployment, "flag")
    other, key = linked(lab, "To Do")
    mapping = lab.folder / "mappings" / "default.yaml"
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("on_conflict: flag", "on_conflict: ticket_wins"))
    lab.restart()
    lab.moves(key, "Done", "Fixed")
    lab.cycle(3)
    assert lab.reports[-1].held["novabrain"].reason == "mapping_changed"
    before = lab.status(other)
    (link,) = [link for link in lab.links() if link.ticket_id == ticket]
    assert lab.request("conflicts resolve", link=link.id, take="bug").startswith("ok")
    lab.cycle(3)
    assert (lab.status(ticket), lab.status(other)) == ("open", before), "the rest stays held"
    assert lab.reports[-1].held["novabrain"].reason == "mapping_changed"


def test_39_moving_either_side_settles_a_flagged_conflict(tmp_path: Path, deployment: Deployment) -> None:
    lab, ticket = both_move(tmp_path, deployment, "flag")
    lab.agent_sets(ticket, "hold")
    lab.settle()
    assert (lab.status(ticket), lab.conflicts()) == ("hold", [])


@pytest.mark.parametrize("side", ["zendesk", "jira"])
def test_45_a_configuration_of_other_servers_refuses_this_store(lab: Lab, side: str) -> None:
    linked(lab)
    with lab.app.store.transaction() as tx:
        tx.set_fact(f"server.{side}", "https://production.example", lab.clock.now())
    with pytest.raises(ServerMismatch, match=r"production\.example"):
        lab.cycle(complete=True)


def test_46_init_writes_a_mapping_for_a_plain_project_that_runs_the_stories(
    tmp_path: Path, deployment: Deployment
) -> None:
    scout = Lab(tmp_path / "scout", deployment)
    text = init_mapping(scout.app.jira.catalog("OPS"), scout.app.zendesk.catalog())
    routes = f"  - {{name: plain, project: OPS, mapping: default, mirror: {MIRROR}}}\n"
    lab = Lab(tmp_path / "plain", deployment, mapping=text, routes=routes)
    assert lab.app.engine.routes.stopped == {}

    ticket, key = lab.ticket("new"), lab.bug(project="OPS")  # 1
    lab.link(ticket, key)
    lab.settle()
    assert (lab.status(ticket), lab.shown(ticket, "Engineering status")) == ("hold", "To Do")
    lab.moves(key, "In Progress")  # 2
    lab.settle()
    assert lab.status(ticket) == "hold"
    lab.moves(key, "Done", "Done")  # 3
    lab.settle()
    assert lab.status(ticket) == "open"
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])  # 8
    lab.settle()
    assert lab.issue(key)["status"] == "To Do"

    declined, other = linked(lab, project="OPS")  # 5
    lab.moves(other, "Done", "Won't Do")
    lab.settle()
    assert lab.status(declined) == "open"

    answered, third = linked(lab, "To Do", project="OPS")  # 9
    lab.sandbox.zendesk.customer_replies(ticket=answered, body="Any news?")
    lab.settle()
    lab.moves(third, "In Progress")
    lab.settle()
    assert lab.status(answered) == "open"

    solved, fourth = linked(lab, project="OPS")  # 13
    lab.sandbox.zendesk.solve(ticket=solved, actor=lab.agent)
    lab.settle()
    lab.moves(fourth, "Done", "Done")
    lab.settle()
    assert lab.status(solved) == "solved"

    lab.sandbox.zendesk.customer_replies(ticket=solved, body="thanks!")  # 11
    lab.settle()
    assert lab.issue(fourth)["status"] == "Done"

    verified, fifth = linked(lab, project="OPS")  # 12
    lab.moves(fifth, "Done", "Done")
    lab.settle()
    lab.sandbox.zendesk.solve(ticket=verified, actor=lab.agent)
    lab.settle()
    lab.agent_sets(verified, "open")
    lab.settle()
    assert lab.issue(fifth)["status"] == "To Do"
    assert lab.conflicts() == []


def test_21_what_a_merged_ticket_asked_for_is_not_asked_for_by_its_target(
    tmp_path: Path, deployment: Deployment
) -> None:
    """It was solved: the fix is good. The ticket that goes on is still open, and nobody has said so there."""
    lab = Lab(tmp_path, deployment)
    first, key = linked(lab)
    second, target = lab.ticket("open"), lab.ticket("open")
    lab.link(second, key)
    lab.settle()
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    lab.sandbox.zendesk.solve(ticket=first, actor=lab.agent)
    lab.settle()
    lab.sandbox.zendesk.merge(source=first, target=target, actor=lab.agent)
    lab.settle()
    lab.sandbox.zendesk.solve(ticket=second, actor=lab.agent)
    lab.settle()
    assert {link.ticket_id for link in lab.links()} == {second, target}
    assert (lab.issue(key)["status"], lab.status(target)) == ("Done", "open")
    lab.sandbox.zendesk.solve(ticket=target, actor=lab.agent)
    lab.cycle(30)
    assert lab.issue(key)["status"] == "Closed"
