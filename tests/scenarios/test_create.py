"""From a ticket to its bug: exactly one per ticket, route and occurrence, whatever fails; on both deployments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.costs import calls_with_what_follows
from syncd.core.actions import CreateBug
from syncd.core.model import Origin
from syncd.executor.creating import INDEX_LAG
from tests.scenarios.lab import MIRROR, OPS, Deployment, Lab

CREATE = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    create:
      act_tag: to_engineering
      labels: [from_support]
"""


def lab_with(folder: Path, deployment: Deployment, more: str = "", *, accept: bool = True) -> Lab:
    """A lab whose first route makes bugs; its first run is accepted."""
    lab = Lab(folder, deployment, routes=CREATE + more + OPS)
    if accept:
        open_the_brake(lab)
    return lab


def open_the_brake(lab: Lab) -> None:
    """The first run is accepted once and for all: by a link by hand."""
    ticket = lab.ticket()
    lab.link(ticket, lab.bug())
    lab.settle()


def ask(lab: Lab, **changes: Any) -> int:
    """A ticket that an agent tags for engineering."""
    ticket = lab.ticket(**changes)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
    return ticket


def bugs(lab: Lab) -> list[dict[str, Any]]:
    """The issues that syncd made."""
    issues = lab.sandbox.jira.state()["issues"]
    listed = issues.values() if isinstance(issues, dict) else issues
    return [i for i in listed if any(str(label).startswith("syncd-") for label in i["fields"].get("labels", ()))]


@pytest.fixture(params=["cloud", "data_center"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    return lab_with(tmp_path, request.param)


def test_a_tagged_ticket_becomes_one_bug_with_a_link_a_note_and_no_tag(made: Lab) -> None:
    ticket = ask(made)
    made.settle()
    made_bugs = bugs(made)
    assert len(made_bugs) == 1
    key = made_bugs[0]["key"]
    assert [(x.ticket_id, x.issue_key, x.origin) for x in made.links() if x.ticket_id == ticket] == [
        (ticket, key, Origin.CREATED)
    ]
    assert (made.status(ticket), made.shown(ticket, "Engineering bug")) == ("hold", key)
    notes = made.notes(ticket)
    assert len(notes) == 1
    assert key in notes[0]
    assert "to_engineering" not in made.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]


def test_43_a_ticket_without_priority_gets_the_default_of_the_map_and_is_told(made: Lab) -> None:
    made.sandbox.jira.site.projects["NOVA"].required.add("priority")
    ticket = ask(made, priority=None)
    made.settle()
    (bug,) = bugs(made)
    assert bug["fields"]["priority"] == "Medium"
    assert "no priority" in made.notes(ticket)[0]
    assert "Medium" in made.notes(ticket)[0]


def test_making_a_bug_costs_what_the_plan_says(made: Lab) -> None:
    made.cycle(complete=True)
    ticket = ask(made)
    made.sandbox.advance(15)
    planned = made.app.engine.preview(made.app.engine.observe())
    (stated,) = [calls_with_what_follows(a) for a in planned.plan.remote if isinstance(a, CreateBug)]
    made.cycle(seconds=1)
    assert len([link for link in made.links() if link.ticket_id == ticket]) == 1
    report = made.reports[-1]
    assert report.calls["jira.write"] + report.calls["zendesk.write"] == stated, report.calls


def test_later_than_soon_after_a_start_a_bug_is_made_without_a_look_at_the_newest_keys(made: Lab) -> None:
    made.cycle(complete=True)
    made.sandbox.advance(INDEX_LAG + 60)
    made.settle()
    ask(made)
    calls = made.during(lambda: made.cycle(3))
    assert len(bugs(made)) == 1
    assert [call["path"] for call in calls if re.search(r"/issue/NOVA-\d+$", call["path"])] == []


HOSTILE = """{{ 7 * 7 }} {% for x in range(10) %}
h1. Owned {code}[~admin] [click|http://evil.example] !http://evil.example/x.png! {html}<script>{html}
||a||b|| *bold* {color:red}x{color}"""


def test_what_a_customer_writes_is_shown_and_never_carried_out(made: Lab) -> None:
    ticket = made.sandbox.zendesk.create_ticket(
        actor=made.customer, subject="{{ 7 * 7 }}\nsecond {code}", body=HOSTILE, priority="low"
    )
    made.sandbox.zendesk.add_tags(ticket=ticket, actor=made.agent, tags=["to_engineering"])
    made.settle()
    (bug,) = bugs(made)
    text = bug["fields"]["description"]
    assert "49" not in text + bug["fields"]["summary"]
    assert "\n" not in bug["fields"]["summary"]
    for markup in ("{code}", "[~admin]", "[click|", "!http", "{html}", "||a", "*bold*", "{color:red}"):
        assert not re.search(r"(?<!\\)" + re.escape(markup), text), markup
    assert "\nh1. Owned" not in text


def test_an_agent_who_names_a_known_bug_gets_that_one_linked_and_none_made(made: Lab) -> None:
    key = made.bug()
    ticket = made.ticket()
    made.sandbox.zendesk.add_tags(ticket=ticket, actor=made.agent, tags=["to_engineering", f"link_{key.lower()}"])
    made.settle()
    assert bugs(made) == []
    assert [link.issue_key for link in made.links() if link.ticket_id == ticket] == [key]


def test_an_agent_may_ask_for_a_bug_beside_that_of_another_project(made: Lab) -> None:
    ticket, other = made.ticket(), made.bug("To Do", project="OPS")
    made.link(ticket, other)
    made.settle()
    made.sandbox.zendesk.add_tags(ticket=ticket, actor=made.agent, tags=["to_engineering"])
    made.settle()
    (bug,) = bugs(made)
    assert {x.issue_key for x in made.links() if x.ticket_id == ticket} == {other, bug["key"]}
    assert "to_engineering" not in made.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]


def test_a_ticket_that_has_a_bug_gets_no_second_one_and_is_told_which(made: Lab) -> None:
    ticket = ask(made)
    made.settle()
    (bug,) = bugs(made)
    made.sandbox.zendesk.add_tags(ticket=ticket, actor=made.agent, tags=["to_engineering"])
    made.settle()
    assert len(bugs(made)) == 1
    assert bug["key"] in made.notes(ticket)[-1]
    assert "already" in made.notes(ticket)[-1]
    assert "to_engineering" not in made.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]


def test_who_asks_again_for_a_bug_that_is_there_is_answered_again_and_nobody_else_is(made: Lab) -> None:
    ticket = ask(made)
    made.settle()
    for _ in range(2):
        made.sandbox.zendesk.add_tags(ticket=ticket, actor=made.agent, tags=["to_engineering"])
        made.settle()
    made.cycle(seconds=90_000)
    made.settle()
    assert sum("already" in note for note in made.notes(ticket)) == 2
    assert "to_engineering" not in made.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]


def test_a_refused_bug_shows_its_reason_blocks_nobody_and_passes_once_it_is_mended(made: Lab) -> None:
    made.sandbox.jira.site.projects["NOVA"].required.add("duedate")
    ticket = ask(made)
    made.settle()
    assert bugs(made) == []
    assert str(made.shown(ticket, "Sync state")).count("duedate: ") == 1
    with made.app.store.reading() as tx:
        assert [intent.subject for intent in tx.refused_creations()] == [f"bug-of:{ticket}:novabrain"]
    made.sandbox.jira.site.projects["NOVA"].required.discard("duedate")
    other = ask(made)
    made.settle()
    assert [bug["properties"]["syncd.origin"]["ticket"] for bug in bugs(made)] == [other]
    made.cycle(seconds=90_000)
    made.settle()
    assert sorted(bug["properties"]["syncd.origin"]["ticket"] for bug in bugs(made)) == [ticket, other]
    assert not made.shown(ticket, "Sync state")


def test_a_refused_bug_that_nobody_wants_any_more_is_forgotten(made: Lab) -> None:
    made.sandbox.jira.site.projects["NOVA"].required.add("duedate")
    ticket = ask(made)
    made.settle()
    made.sandbox.zendesk.remove_tags(ticket=ticket, actor=made.agent, tags=["to_engineering"])
    made.settle()
    assert not made.shown(ticket, "Sync state")
    with made.app.store.reading() as tx:
        assert tx.refused_creations() == []


RULE = """      when:
        all: [{field: priority, value: urgent}]
        any: [{field: tags, operator: includes, value: crash hang}, {field: status, value: pending}]
"""


def test_a_rule_makes_a_bug_for_the_tickets_that_fulfil_it(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, RULE)
    fits, wrong = lab.ticket(priority="urgent"), lab.ticket(priority="high")
    for ticket in (fits, wrong):
        lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["crash"])
    lab.settle()
    assert [bug["properties"]["syncd.origin"]["ticket"] for bug in bugs(lab)] == [fits]


def test_more_bugs_than_the_cap_wait_and_are_made_later(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, "      caps: {hour: 2, day: 3, requester: 1000}\n")
    for _ in range(5):
        ask(lab)
    for _ in range(3):
        lab.cycle()
    assert len(bugs(lab)) == 2
    lab.cycle(seconds=3700)
    lab.cycle()
    assert len(bugs(lab)) == 3
    lab.cycle(seconds=3700)
    lab.cycle()
    assert len(bugs(lab)) == 3, "the day's cap"
    lab.cycle(seconds=86_400)
    lab.cycle()
    assert len(bugs(lab)) == 5


def test_check_names_the_key_for_a_field_that_the_live_project_requires(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, accept=False)
    assert lab.app.routing is not None
    assert lab.app.routing.errors == ()
    lab.sandbox.jira.site.projects["NOVA"].required.add("duedate")
    errors = [str(problem) for problem in lab.app.refresh_routes().errors]
    assert len(errors) == 1
    assert "routes[0].create.custom_fields.duedate" in errors[0]
    assert "novabrain" in lab.app.engine.routes.running, "bugs and tickets are kept in step all the same"
