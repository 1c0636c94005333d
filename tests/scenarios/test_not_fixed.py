"""`not_fixed: new_bug`: where a fix did not help, the ticket gets the next bug, and Jira links it with the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.core.model import LinkState, Origin
from syncd.sandbox.faults import Fault
from tests.crashes.points import die_everywhere
from tests.scenarios.lab import MIRROR, OPS, Deployment, Lab
from tests.scenarios.test_create import ask, bugs
from tests.scenarios.test_create_faults import CREATION, heal
from tests.scenarios.test_stories import confirmed, fixed, linked

ROUTE = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    not_fixed: new_bug
    create:
      act_tag: to_engineering
      caps: {{hour: 1000, day: 10000, requester: 1000}}
{OPS}"""


@pytest.fixture
def lab(tmp_path: Path, deployment: Deployment) -> Lab:
    return Lab(tmp_path, deployment, routes=ROUTE)


def reject(lab: Lab, ticket: int) -> None:
    """The agent says that it is not fixed."""
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])


def made_for(lab: Lab, ticket: int) -> list[dict[str, Any]]:
    """The bugs that syncd made for the ticket, oldest first."""
    found = [bug for bug in bugs(lab) if bug["properties"]["syncd.origin"]["ticket"] == ticket]
    return sorted(found, key=lambda bug: int(bug["id"]))


def related(lab: Lab, key: str) -> list[tuple[str, str]]:
    """(kind, the other's key) of the issue links."""
    ends = [(link["type"], {link["inward"], link["outward"]} - {key}) for link in lab.issue(key)["links"]]
    return [(kind, other) for kind, others in ends for other in others]


def is_succeeded(lab: Lab, ticket: int, old: str, *, before: int = 0) -> str:
    """One new bug, linked with the old one in Jira; the ticket follows the new one and was told once."""
    made = made_for(lab, ticket)[before:]
    assert len(made) == 1
    key = str(made[0]["key"])
    assert [link.issue_key for link in lab.links() if link.ticket_id == ticket] == [key]
    assert related(lab, key) == [("Relates", old)]
    assert (lab.status(ticket), lab.shown(ticket, "Engineering bug")) == ("hold", key)
    assert "bug_not_fixed" not in lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]
    notes = [note for note in lab.notes(ticket) if key in note]
    assert len(notes) == 1
    assert old in notes[0]
    said = [body for body in lab.bug_comments(old) if key in body]
    assert len(said) == 1
    assert "did not help" in said[0]
    assert old in made[0]["fields"]["description"]
    return key


def test_the_tag_on_a_fixed_bug_makes_a_new_one_beside_it_and_the_old_one_stays_done(lab: Lab) -> None:
    ticket, old = fixed(lab)
    (before,) = lab.links()
    reject(lab, ticket)
    lab.settle()
    key = is_succeeded(lab, ticket, old)
    assert (lab.issue(old)["status"], lab.issue(key)["status"]) == ("Done", "To Do")
    retired = next(link for link in lab.links(retired=True) if link.id == before.id)
    assert retired.state is LinkState.RETIRED
    with lab.app.store.reading() as tx:
        assert any(key in line.reason for line in tx.link_history(before.id) if line.what == "retired")
    quiet = len(lab.writes())
    lab.cycle(3, complete=True)
    assert len(lab.writes()) == quiet


def test_an_agent_who_reopens_the_ticket_of_a_closed_bug_gets_a_new_one(lab: Lab) -> None:
    ticket, old = confirmed(lab)
    lab.agent_sets(ticket, "open")
    lab.settle()
    is_succeeded(lab, ticket, old)
    assert lab.issue(old)["status"] == "Closed"


def test_a_bug_that_was_made_gets_its_next_occurrence_and_that_one_the_next(lab: Lab) -> None:
    lab.link(lab.ticket(), lab.bug())
    ticket = ask(lab)
    lab.settle()
    (first,) = made_for(lab, ticket)
    for before, old in enumerate([first["key"], None], start=1):
        key = old or made_for(lab, ticket)[-1]["key"]
        lab.moves(key, "Done", "Fixed")
        lab.settle()
        reject(lab, ticket)
        lab.settle()
        is_succeeded(lab, ticket, key, before=before)
    (link,) = [link for link in lab.links() if link.ticket_id == ticket]
    assert (link.origin, link.occurrence) == (Origin.CREATED, 3)


def test_a_declined_bug_is_sent_back_itself(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.moves(key, "Done", "Cannot Reproduce")
    lab.settle()
    reject(lab, ticket)
    lab.settle()
    assert lab.issue(key)["status"] == "To Do"
    assert made_for(lab, ticket) == []


def test_of_two_tickets_only_the_one_that_says_so_gets_a_new_bug(lab: Lab) -> None:
    ticket, old = fixed(lab)
    other = lab.ticket()
    lab.link(other, old)
    lab.settle()
    reject(lab, ticket)
    lab.settle()
    is_succeeded(lab, ticket, old)
    assert [link.issue_key for link in lab.links() if link.ticket_id == other] == [old]
    lab.sandbox.zendesk.solve(ticket=other, actor=lab.agent)
    lab.settle()
    assert lab.issue(old)["status"] == "Closed"


def test_a_tag_that_was_taken_off_in_time_makes_none(lab: Lab) -> None:
    ticket, old = fixed(lab)
    reject(lab, ticket)
    lab.sandbox.ctx.faults.add(Fault("status", "jira", method="POST", path=r"/rest/api/2/issue$", args={"status": 429}))
    lab.cycle()
    lab.sandbox.zendesk.remove_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    heal(lab)
    assert made_for(lab, ticket) == []
    assert [link.issue_key for link in lab.links()] == [old]


def test_a_new_bug_that_jira_does_not_make_is_a_conflict_that_ends_when_it_can_be_made(lab: Lab) -> None:
    ticket, old = fixed(lab)
    lab.sandbox.jira.site.projects["NOVA"].required.add("duedate")
    reject(lab, ticket)
    lab.settle()
    assert lab.conflicts() == ["create"]
    assert "duedate" in str(lab.shown(ticket, "Sync state")).casefold()
    writes = len(lab.writes())
    lab.cycle(5)
    assert len(lab.writes()) == writes
    lab.sandbox.jira.site.projects["NOVA"].required.discard("duedate")
    lab.cycle(seconds=90_000)
    lab.settle()
    is_succeeded(lab, ticket, old)
    assert lab.conflicts() == []
    assert not lab.shown(ticket, "Sync state")


def test_a_new_bug_that_was_refused_and_is_not_wanted_any_more_is_forgotten(lab: Lab) -> None:
    ticket, _ = fixed(lab)
    lab.sandbox.jira.site.projects["NOVA"].required.add("duedate")
    reject(lab, ticket)
    lab.settle()
    lab.sandbox.zendesk.remove_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    lab.settle()
    assert lab.conflicts() == []
    lab.cycle(seconds=90_000)
    lab.settle()
    with lab.app.store.reading() as tx:
        assert tx.refused_creations() == []


@pytest.mark.parametrize("lacks", ["the kind of link", "the permission"])
def test_without_issue_links_everything_else_is_done(lab: Lab, lacks: str) -> None:
    ticket, old = fixed(lab)
    if lacks == "the permission":
        lab.sandbox.jira.deny(lab.seeded.jira_bot, "LINK_ISSUES", "NOVA")
    else:
        lab.sandbox.jira.site.link_types.clear()
    reject(lab, ticket)
    lab.settle()
    (made,) = made_for(lab, ticket)
    assert related(lab, made["key"]) == []
    assert [link.issue_key for link in lab.links()] == [made["key"]]
    assert lab.conflicts() == []
    assert any(made["key"] in body for body in lab.bug_comments(old))


@pytest.mark.parametrize(
    "path", [r"/rest/api/2/issue$", r"/issueLink$", r"/comment$"], ids=["creation", "issue link", "comment"]
)
def test_one_new_bug_and_one_issue_link_though_an_answer_was_lost(lab: Lab, path: str) -> None:
    ticket, old = fixed(lab)
    lab.sandbox.ctx.faults.add(Fault("drop_after", "jira", method="POST", path=path))
    reject(lab, ticket)
    heal(lab)
    assert lab.sandbox.ctx.faults.fired()["drop_after"] == 1
    is_succeeded(lab, ticket, old)


def test_one_new_bug_whichever_border_the_process_dies_at(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=ROUTE)
    ticket, old = fixed(lab)
    reject(lab, ticket)

    def end(lab: Lab) -> None:
        is_succeeded(lab, ticket, old)
        assert lab.conflicts() == []

    found = die_everywhere(lab, step=15.0, end=end)
    assert found.wrong == []
    assert {"before POST /rest/api/2/issueLink", "after POST /rest/api/2/issueLink"} <= set(found.borders)
    assert found.died >= 16


def test_a_new_bug_that_jira_makes_after_the_old_one_was_reopened_takes_no_place(lab: Lab) -> None:
    ticket, old = fixed(lab)
    lab.sandbox.ctx.faults.add(Fault("late", "jira", method="POST", path=CREATION, args={"seconds": 2000}))
    reject(lab, ticket)
    lab.cycle()
    lab.moves(old, "In Progress")
    heal(lab)
    assert made_for(lab, ticket) == [], "it was given up"
    lab.cycle(seconds=2000)
    lab.cycle(seconds=86_400)
    lab.settle()
    (new,) = [str(bug["key"]) for bug in made_for(lab, ticket)]
    assert {link.issue_key for link in lab.links() if link.ticket_id == ticket} == {old, new}
    assert (related(lab, new), [body for body in lab.bug_comments(old) if new in body]) == ([], [])
    assert [note for note in lab.notes(ticket) if "takes the place" in note] == []
    assert {str(lab.shown(ticket, "Engineering bug")).count(key) for key in (old, new)} == {1}
