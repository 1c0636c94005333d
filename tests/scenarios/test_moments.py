"""Releases, follow-ups and bugs that come back, through real clients against the sandbox, on both deployments."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.core.model import Origin
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import MIRROR, OPS, Deployment, Lab
from tests.scenarios.test_stories import confirmed, fixed, linked

FOLLOWING = (
    f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}, follow_up: true, "
    f"follow_ups_per_day: 1}}\n{OPS}"
)


def released(lab: Lab, version: str = "3.2") -> None:
    """The version is released in Jira, and syncd has had the time to see it."""
    lab.cycle(seconds=400)  # the versions are known before
    lab.sandbox.jira.release_version("NOVA", version, "2026-03-05")
    lab.cycle(seconds=400)
    lab.settle()


def closed(lab: Lab) -> tuple[int, str]:
    """A ticket that was closed after its bug was fixed and confirmed."""
    ticket, key = confirmed(lab)
    assert lab.sandbox.zendesk.close_solved(ticket=ticket) == [ticket]
    lab.settle()
    assert lab.links() == []
    return ticket, key


def follow_ups(lab: Lab, ticket: int) -> list[int]:
    """The follow-ups of a ticket."""
    found: list[int] = lab.sandbox.zendesk.ticket_state(ticket=ticket)["followup_ids"]
    return found


def test_a_release_gives_each_ticket_one_note_with_the_version_and_hands_it_back(lab: Lab) -> None:
    ticket, key = fixed(lab)
    other, later = linked(lab)
    lab.sandbox.jira.edit(lab.developer, later, fix_versions=["3.2"])
    group = lab.seeded.groups["L2"]
    lab.sandbox.zendesk.assign(ticket=ticket, actor=lab.agent, assignee=lab.agent, group=group)
    lab.settle()
    before, silent = len(lab.notes(ticket)), len(lab.notes(other))
    released(lab)
    notes = lab.notes(ticket)[before:]
    assert len(notes) == 1
    assert "3.2" in notes[0]
    assert key in notes[0]
    state = lab.sandbox.zendesk.ticket_state(ticket=ticket)
    assert (state["assignee_id"], state["group_id"]) == (None, group)
    assert len(lab.notes(other)) == silent  # its bug is not done
    lab.cycle(2, seconds=400)
    assert len(lab.notes(ticket)) == before + 1
    lab.moves(later, "Done", "Fixed")
    lab.settle()
    assert sum("is released" in note for note in lab.notes(other)) == 1


def test_23_a_follow_up_inherits_the_links_and_the_bug_is_not_moved(lab: Lab) -> None:
    ticket, key = closed(lab)
    moved = lab.issue(key)["status"]
    follow_up = lab.sandbox.zendesk.follow_up(ticket=ticket, actor=lab.customer, body="It is back!")
    lab.settle()
    (link,) = lab.links()
    assert (link.ticket_id, link.issue_key, link.origin) == (follow_up, key, Origin.FOLLOWUP)
    assert lab.issue(key)["status"] == moved
    assert lab.shown(follow_up, "Engineering bug") == key
    assert lab.status(follow_up) == "new"


def test_24_a_bug_that_comes_back_when_its_ticket_is_closed_is_listed_for_the_lead_until_it_is_done(lab: Lab) -> None:
    ticket, key = closed(lab)
    lab.moves(key, "To Do")
    writes = len(lab.writes())
    lab.settle()
    assert len(lab.writes()) == writes
    with lab.app.store.reading() as tx:
        (listed,) = tx.comebacks()
    assert (listed.ticket_id, listed.issue_key, listed.followup_id) == (ticket, key, None)
    assert "came back" in listed.message
    assert follow_ups(lab, ticket) == []
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    with lab.app.store.reading() as tx:
        assert tx.comebacks() == []


@pytest.mark.parametrize("before", ["fixed", "confirmed"])
def test_24_a_ticket_that_closes_while_its_bug_comes_back_in_one_outage_is_listed_too(lab: Lab, before: str) -> None:
    ticket, key = fixed(lab) if before == "fixed" else confirmed(lab)
    if before == "fixed":
        lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    lab.moves(key, "To Do")
    lab.settle()
    assert lab.links() == []
    assert lab.issue(key)["status"] == "To Do"
    with lab.app.store.reading() as tx:
        (listed,) = tx.comebacks()
    assert (listed.ticket_id, listed.issue_key) == (ticket, key)
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    with lab.app.store.reading() as tx:
        assert tx.comebacks() == []
    lab.moves(key, "To Do")
    lab.settle()
    with lab.app.store.reading() as tx:
        assert len(tx.comebacks()) == 1, "it came back again"


def test_24_a_bug_that_came_back_before_its_ticket_closed_stays_listed(lab: Lab) -> None:
    ticket, key = confirmed(lab)
    lab.moves(key, "To Do")
    lab.settle()
    assert lab.conflicts() == ["bug_came_back"]
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    lab.settle()
    assert lab.links() == []
    with lab.app.store.reading() as tx:
        assert [entry.issue_key for entry in tx.comebacks()] == [key]


def test_24_with_follow_up_a_ticket_that_closed_in_the_outage_gets_one(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=FOLLOWING)
    ticket, key = confirmed(lab)
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    lab.moves(key, "To Do")
    lab.settle()
    (made,) = follow_ups(lab, ticket)
    assert [c["public"] for c in lab.comments(made)] == [False]
    assert [(link.ticket_id, link.issue_key) for link in lab.links()] == [(made, key)]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
@pytest.mark.parametrize("fault", [False, True], ids=["at once", "though the answer was lost"])
def test_24_with_follow_up_one_private_ticket_is_made_under_the_cap(
    tmp_path: Path, deployment: Deployment, fault: bool
) -> None:
    lab = Lab(tmp_path, deployment, routes=FOLLOWING)
    first, key = closed(lab)
    second, beside = closed(lab)
    if fault:
        lab.sandbox.ctx.faults.add(Fault(kind="drop_after", service="zendesk", method="POST", path=r"/tickets"))
    lab.moves(key, "To Do")
    lab.settle()
    lab.cycle(6, seconds=30)
    (made,) = follow_ups(lab, first)
    assert [c["public"] for c in lab.comments(made)] == [False]
    assert lab.sandbox.zendesk.ticket_state(ticket=made)["requester_id"] == lab.customer
    assert [(link.ticket_id, link.issue_key) for link in lab.links()] == [(made, key)]
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    lab.moves(key, "To Do")
    lab.moves(beside, "To Do")
    lab.settle()
    assert follow_ups(lab, first) == [made]
    assert follow_ups(lab, second) == []  # one a day
    with lab.app.store.reading() as tx:
        assert [entry.ticket_id for entry in tx.comebacks()] == [second]
    lab.app.store.close()
