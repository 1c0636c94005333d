"""A backup that is put back has forgotten that a bug was asked for: Jira's search does not know it yet, or nobody asks
for it any more."""

from __future__ import annotations

from pathlib import Path

from syncd.core.model import Origin
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import Deployment, Lab
from tests.scenarios.test_create import ask, lab_with
from tests.scenarios.test_create_faults import CREATION, heal, is_whole, of_ticket


def test_a_bug_is_found_by_its_key_while_the_search_is_behind(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment)
    lab.sandbox.jira.switches["search_lag_seconds"] = 900
    backup = lab.app.store.backup(tmp_path / "old.backup")
    lab.sandbox.ctx.faults.add(Fault("drop_after", "jira", method="POST", path=CREATION))
    ticket = ask(lab)
    while not of_ticket(lab, ticket):
        lab.cycle()
    lab.put_back(backup)
    heal(lab)
    is_whole(lab, ticket)


def lose_store(lab: Lab, folder: Path) -> None:
    """The store is gone, and the daemon starts with a new one."""
    lab.app.store.close()
    for file in folder.glob("syncd.db*"):
        file.unlink()
    lab.app = lab._start()
    lab.cycle()
    lab.accept()


def test_a_store_that_was_lost_finds_its_bug_by_the_key_while_the_search_is_behind(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = lab_with(tmp_path, deployment)
    lab.sandbox.jira.switches["search_lag_seconds"] = 900
    lab.sandbox.ctx.faults.add(Fault("drop_after", "jira", method="POST", path=CREATION))
    ticket = ask(lab)
    while not of_ticket(lab, ticket):
        lab.cycle()
    lose_store(lab, tmp_path)
    heal(lab)
    is_whole(lab, ticket)


def test_a_bug_that_was_made_since_the_store_was_lost_hides_no_older_one(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = lab_with(tmp_path, deployment)
    lab.sandbox.jira.switches["search_lag_seconds"] = 900
    lab.sandbox.ctx.faults.add(Fault("drop_after", "jira", method="POST", path=CREATION, times=1))
    other = lab.ticket()
    ticket = ask(lab)
    while not of_ticket(lab, ticket):
        lab.cycle()
    lab.sandbox.zendesk.add_tags(ticket=other, actor=lab.agent, tags=["to_engineering"])
    lose_store(lab, tmp_path)
    heal(lab)
    is_whole(lab, ticket)
    is_whole(lab, other)


def test_what_was_told_as_the_bug_was_linked_is_not_told_again_by_a_backup_of_before(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = lab_with(tmp_path, deployment)
    lab.sandbox.ctx.faults.add(Fault("drop_after", "jira", method="POST", path=CREATION, times=1))
    ticket = ask(lab)
    while not of_ticket(lab, ticket):
        lab.cycle()
    backup = lab.app.store.backup(tmp_path / "old.backup")
    heal(lab)
    before = lab.notes(ticket)
    lab.put_back(backup)
    heal(lab)
    assert lab.notes(ticket) == before
    assert [link.issue_key for link in lab.links() if link.ticket_id == ticket] == [of_ticket(lab, ticket)[0]["key"]]


def forgotten(lab: Lab, folder: Path, *faults: Fault) -> int:
    """A solved ticket whose tag asked for a bug, with a request for each fault, of which the store knows nothing."""
    backup = lab.app.store.backup(folder / "old.backup")
    for fault in faults:
        lab.sandbox.ctx.faults.add(fault)
    ticket = ask(lab)
    while sum(lab.sandbox.ctx.faults.fired().values()) < len(faults):
        lab.cycle(seconds=30)
    lab.agent_sets(ticket, "solved")
    lab.put_back(backup)
    heal(lab)
    lab.cycle(seconds=2000)
    assert [link for link in lab.links() if link.ticket_id == ticket] == [], "nobody knows of it yet"
    return ticket


def late() -> Fault:
    return Fault("late", "jira", method="POST", path=CREATION, args={"seconds": 1000}, times=1)


def test_a_forgotten_bug_whose_ticket_was_solved_is_linked_by_the_next_sweep(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = lab_with(tmp_path, deployment)
    ticket = forgotten(lab, tmp_path, late())
    (bug,) = of_ticket(lab, ticket)
    report = lab.cycle(seconds=86_400)
    lab.settle()
    assert [warning for warning in report.warnings if bug["key"] in warning and f"#{ticket}" in warning]
    (link,) = [link for link in lab.links() if link.ticket_id == ticket]
    assert (link.issue_key, link.origin, link.occurrence) == (bug["key"], Origin.CREATED, 1)
    assert lab.shown(ticket, "Engineering bug") == bug["key"]
    assert "to_engineering" not in lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]
    assert len(of_ticket(lab, ticket)) == 1
    before = lab.writes()
    lab.cycle(seconds=86_400)
    assert lab.writes() == before, "all is said"


def test_forgotten_twins_whose_ticket_was_solved_are_flagged_by_the_next_sweep(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = lab_with(tmp_path, deployment)
    ticket = forgotten(lab, tmp_path, late(), late())
    first, second = sorted(of_ticket(lab, ticket), key=lambda bug: int(bug["id"]))
    lab.cycle(seconds=86_400)
    lab.settle()
    assert [link.issue_key for link in lab.links() if link.ticket_id == ticket] == [first["key"]]
    assert lab.conflicts() == ["twin"]
    assert first["key"] in lab.bug_comments(second["key"])[0]
    assert lab.bug_comments(first["key"]) == []


def test_a_solved_ticket_whose_tag_asked_for_no_bug_that_is_there_gets_none(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = lab_with(tmp_path, deployment)
    ticket = forgotten(lab, tmp_path)
    before = lab.writes()
    lab.cycle(seconds=86_400)
    lab.settle()
    assert (of_ticket(lab, ticket), lab.writes()) == ([], before)
