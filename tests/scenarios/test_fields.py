"""Mapped fields through real clients against the sandbox, on both deployments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from syncd.cli.costs import calls_of
from syncd.cli.shapes import write_json
from syncd.core.actions import SetBugFields
from syncd.core.field_model import FieldChange, FieldRecord
from syncd.core.ports import IssueSource
from syncd.executor.facts import FactBook
from syncd.executor.fields import FieldWriter
from syncd.executor.outcome import Done
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import MIRROR, Deployment, Lab

FIELDS = """
      - {name: priority, ticket: priority, bug: priority, owner: both, winner: jira,
         map: {urgent: Highest, high: High, normal: Medium, low: Low}}
      - {name: areas, ticket: tags, bug: labels, owner: both, winner: jira, only: [area_]}
      - {name: severity, ticket: Severity, bug: customfield_10302, owner: zendesk, map: {Critical: S1, Major: S2}}
      - {name: cause, ticket: Cause, bug: Root cause, owner: jira}
      - {name: effort, ticket: Effort, bug: Effort, owner: both, winner: zendesk}
      - {name: promised, ticket: Promised for, bug: duedate, owner: both, winner: jira}
      - {name: tier, ticket: tier, bug: Customer tier, owner: zendesk}
      - {name: developer, ticket: group, bug: assignee, owner: zendesk, map: {Development: hana.sato@dev.example}}
"""


def route(fields: str, more: str = "") -> str:
    """The NOVA route with these mapped fields."""
    listed = f"    fields:{fields}" if fields else ""
    return f"  - name: novabrain\n    project: NOVA\n    mapping: default\n    mirror: {MIRROR}\n{listed}{more}"


def furnish(lab: Lab) -> None:
    """The fields that the mapped ones need."""
    desk, jira = lab.sandbox.zendesk, lab.sandbox.jira
    desk.add_ticket_field(title="Severity", type="tagger", options=["critical", "major"])
    desk.add_ticket_field(title="Cause", type="text")
    desk.add_ticket_field(title="Effort", type="integer")
    desk.add_ticket_field(title="Promised for", type="date")
    jira.site.add_custom_field("Effort", "number")
    jira.site.add_custom_field("Customer tier", "text")
    lab.restart()


@pytest.fixture(params=["cloud", "data_center"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """A lab whose route maps fields of every kind that the sandbox knows."""
    deployment: Deployment = request.param
    made = Lab(tmp_path, deployment, routes=route(FIELDS))
    furnish(made)
    yield made
    made.app.store.close()


def linked(lab: Lab, **changes: Any) -> tuple[int, str]:
    """A ticket and a bug that are linked and agreed."""
    ticket, key = lab.ticket("open", **changes), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    return ticket, key


def bug(lab: Lab, key: str) -> dict[str, Any]:
    """The fields of the issue."""
    found: dict[str, Any] = lab.issue(key)["fields"]
    return found


def quiet(lab: Lab) -> None:
    """Settled, and the next cycle writes nothing."""
    lab.settle()
    before = len(lab.writes())
    lab.cycle(2)
    assert len(lab.writes()) == before


def test_a_link_brings_every_field_to_where_its_owner_says(lab: Lab) -> None:
    """Priority: the bug's Medium wins at first (winner jira). Tags, severity, tier and developer go to the bug; the
    cause comes from it."""
    assert lab.app.routing is not None
    assert [str(error) for error in lab.app.routing.errors] == []
    desk = lab.sandbox.zendesk
    ticket, key = lab.ticket("open", priority="high", tags=["area_ui", "vip"]), lab.bug(priority="Medium")
    desk.set_field(ticket=ticket, actor=lab.agent, field="Severity", value="critical")
    desk.assign(ticket=ticket, actor=lab.agent, group=lab.seeded.groups["Development"])
    lab.sandbox.jira.edit(lab.developer, key, customfield_10300="Code", labels=["area_db", "backend"])
    lab.link(ticket, key)
    lab.settle()
    fields, state = bug(lab, key), desk.ticket_state(ticket=ticket)
    assert (fields["priority"], state["priority"]) == ("Medium", "normal")
    assert sorted(fields["labels"]) == ["area_db", "area_ui", "backend"]
    assert {"area_db", "area_ui", "vip"} <= set(state["tags"])
    assert "backend" not in state["tags"]
    assert fields["customfield_10302"] == "S1"
    assert fields["assignee"] == lab.developer
    assert lab.shown(ticket, "Cause") == "Code"
    assert fields[custom(lab, "Customer tier")] == "gold"
    quiet(lab)


def test_both_ways_each_side_is_followed_and_members_of_lists_are_taken_off(lab: Lab) -> None:
    ticket, key = linked(lab, tags=["area_ui", "area_api"])
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="urgent")
    lab.sandbox.zendesk.set_field(ticket=ticket, actor=lab.agent, field="Effort", value=5)
    lab.sandbox.zendesk.remove_tags(ticket=ticket, actor=lab.agent, tags=["area_api"])
    lab.settle()
    assert (bug(lab, key)["priority"], bug(lab, key)[custom(lab, "Effort")]) == ("Highest", 5)
    assert bug(lab, key)["labels"] == ["area_ui"]
    lab.sandbox.jira.edit(
        lab.developer, key, priority="Low", due="2026-04-01", labels=["mine"], **{custom(lab, "Effort"): 8}
    )
    lab.settle()
    state = lab.sandbox.zendesk.ticket_state(ticket=ticket)
    assert (state["priority"], lab.shown(ticket, "Effort"), lab.shown(ticket, "Promised for")) == (
        *("low", 8),
        "2026-04-01",
    )
    assert "area_ui" not in state["tags"]
    assert bug(lab, key)["labels"] == ["mine"]
    quiet(lab)


def test_the_worst_of_two_tickets_is_the_bugs_priority_and_the_loser_of_a_merge_is_in_the_log(lab: Lab) -> None:
    ticket, key = linked(lab, priority="normal")
    other = lab.ticket("open", priority="urgent")
    lab.link(other, key)
    lab.settle()
    assert bug(lab, key)["priority"] == "Highest"
    assert lab.sandbox.zendesk.ticket_state(ticket=ticket)["priority"] == "normal"
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="low")
    lab.sandbox.jira.edit(lab.developer, key, priority="High")
    lab.settle()
    for number in (ticket, other):
        assert lab.sandbox.zendesk.ticket_state(ticket=number)["priority"] == "high"
    links = lab.links()
    with lab.app.store.reading() as tx:
        logged = [line.reason for link in links for line in tx.link_history(link.id)]
    assert any("the ticket's low gave way" in line for line in logged)
    quiet(lab)


def test_a_field_that_is_refused_stops_only_itself_and_says_so(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.sandbox.jira.deny(lab.seeded.jira_bot, "EDIT_ISSUES", "NOVA")
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="urgent")
    lab.settle()
    assert "Field priority" in str(lab.shown(ticket, "Sync state"))
    assert lab.conflicts() == []
    lab.sandbox.jira.allow(lab.seeded.jira_bot, "EDIT_ISSUES", "NOVA")
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="high")
    lab.settle()
    assert bug(lab, key)["priority"] == "High"
    assert not lab.shown(ticket, "Sync state")
    quiet(lab)


def custom(lab: Lab, name: str) -> str:
    """The id of a custom field of Jira."""
    found = lab.sandbox.jira.site.custom_field(name)
    assert found is not None
    return str(found.id)


def test_what_a_person_set_between_our_reading_and_our_write_is_kept_in_the_log(lab: Lab) -> None:
    """Jira has no compare-and-swap, so the changelog is read afterwards."""
    ticket, key = linked(lab)
    jira, send = lab.app.jira, lab.app.jira.edit

    class Interrupted:
        """The developer sets the priority right before our edit arrives."""

        def __getattr__(self, name: str) -> Any:
            return getattr(jira, name)

        def edit(self, issue_id: str, changes: Any, *, marker: str) -> None:
            """As Jira's, a moment too late."""
            lab.sandbox.jira.edit(lab.developer, key, priority="Lowest")
            send(issue_id, changes, marker=marker)

    writer = FieldWriter(
        lab.app.store,
        lab.app.zendesk,
        cast("IssueSource", Interrupted()),
        lab.clock,
        FactBook(lab.app.zendesk, jira, lab.clock),
        lambda route: lab.app.engine.routes.running[route].fields,
    )
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="urgent")
    lab.sandbox.advance(15)
    link = lab.links()[0]
    change = FieldChange(
        "priority",
        "priority",
        "priority",
        "Highest",
        "Medium",
        records=(FieldRecord(link.id, ticket, "priority", "urgent", "Highest", "urgent", "Medium"),),
    )
    action = SetBugFields(link.issue_id, key, "test", "urgent now", (change,), (link.id,), "novabrain")
    now = lab.clock.now()
    with lab.app.store.transaction() as tx:
        tx.enqueue(action, urgency=0, now=now)
        (intent,) = tx.due("jira", now, 1)
    outcome = writer.perform(intent, now, lambda: None)
    assert isinstance(outcome, Done)
    assert outcome.keep is not None
    with lab.app.store.transaction() as tx:
        outcome.keep(tx, now)
        problems = tx.field_problems()
        logged = [line.reason for line in tx.link_history(link.id)]
    assert "Lowest" in problems[0][2]
    assert any("set it to Lowest" in line for line in logged)
    assert bug(lab, key)["priority"] == "Highest"


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
@pytest.mark.parametrize(
    ("field", "told"),
    [
        (
            "{ticket: Sevirity, bug: labels, owner: zendesk}",
            "fields[0].ticket: There is no ticket field 'Sevirity'. Did you mean 'Severity'?",
        ),
        (
            "{ticket: priority, bug: Priorty, owner: zendesk}",
            "fields[0].bug: There is no field of Jira 'Priorty'. Did you mean 'Priority'?",
        ),
        (
            "{ticket: priority, bug: priority, owner: zendesk, map: {urgent: Higest}, default: Low}",
            "fields[0].map.urgent: Priority has no value 'Higest'. Did you mean 'Highest'?",
        ),
        (
            "{ticket: Severity, bug: Severity, owner: zendesk, map: {blocking: S1}}",
            "fields[0].map.blocking: Severity has no value 'blocking'. It has critical and major.",
        ),
        (
            "{ticket: organization.teir, bug: labels, owner: zendesk}",
            "fields[0].ticket: There is no organization field",
        ),
        (
            "{ticket: Affected product, bug: Root cause, owner: jira}",
            "fields[0].ticket: Customers can see ticket field",
        ),
        ("{ticket: Sync state, bug: Root cause, owner: jira}", "fields[0].ticket: The mirror writes ticket field"),
    ],
    ids=lambda value: "",
)
def test_check_names_file_line_and_key_of_what_the_servers_do_not_have(
    tmp_path: Path, deployment: Deployment, field: str, told: str
) -> None:
    made = Lab(tmp_path, deployment, routes=route(f"\n      - {field}"))
    furnish(made)
    assert made.app.routing is not None
    (error, *_) = [str(error) for error in made.app.routing.errors]
    made.app.store.close()
    assert re.match(r".*config\.yaml:\d+:\d+: routes\[0\]\.", error), error
    assert told in error


def test_plan_states_the_calls_that_writes_of_fields_cost(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.cycle(complete=True)
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="urgent")
    lab.sandbox.jira.edit(lab.developer, key, due="2026-04-01")
    lab.sandbox.advance(15)
    engine = lab.app.engine
    planned = engine.preview(engine.observe())
    writes = [write_json(action, held=False, queued=False) for action in planned.plan.remote if "field" in action.kind]
    assert sorted(write["what"] for write in writes) == [
        *(f"set priority of {key}", f"set promised of ticket #{ticket}"),
    ]
    mirror = [action for action in planned.plan.remote if "field" not in action.kind]
    report = lab.cycle(seconds=1)
    cost = sum(write["calls"] for write in writes) + sum(map(calls_of, mirror))
    assert report.calls["jira.write"] + report.calls["zendesk.write"] == cost


def test_a_write_whose_answer_was_lost_is_looked_for_and_not_repeated(lab: Lab) -> None:
    ticket, key = linked(lab)
    faults = lab.sandbox.ctx.faults
    faults.add(Fault(kind="drop_after", service="jira", method="PUT", path=r"/issue/"))
    faults.add(Fault(kind="drop_after", service="zendesk", method="PUT", path=r"/tickets/\d+"))
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="urgent")
    lab.sandbox.jira.edit(lab.developer, key, customfield_10300="Data")
    lab.settle()
    lab.cycle(4, seconds=40)
    lab.settle()
    assert bug(lab, key)["priority"] == "Highest"
    assert lab.shown(ticket, "Cause") == "Data"
    edits = [e for e in lab.issue(key)["changelog"] if e["author"] == lab.seeded.jira_bot and "priority" in str(e)]
    assert len(edits) == 1
    quiet(lab)


@pytest.mark.parametrize(("fault", "outcome"), [("drop_after", "done"), ("drop_before", "superseded")])
def test_a_field_that_was_written_before_its_ticket_was_closed_counts_as_done(
    lab: Lab, fault: str, outcome: str
) -> None:
    ticket, key = linked(lab, priority="normal")
    lab.sandbox.jira.edit(lab.developer, key, priority="High")
    lab.sandbox.ctx.faults.add(Fault(fault, "zendesk", "PUT", r"/api/v2/tickets/\d+(\.json)?$", times=1))
    lab.cycle()
    assert lab.sandbox.ctx.faults.fired()[fault] == 1
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    lab.cycle(8)
    with lab.app.store.reading() as tx:
        told = [row.outcome for row in tx.audits(f"ticket:{ticket}") if row.kind == "set_ticket_fields"]
    assert told[0] == outcome


def test_what_a_merged_ticket_agreed_on_says_nothing_about_the_ticket_that_goes_on(lab: Lab) -> None:
    """The target has no priority and not the tag: neither was taken away by anybody."""
    ticket, key = linked(lab, priority="low", tags=["area_ui"])
    lab.sandbox.jira.edit(lab.developer, key, priority="Low")
    lab.settle()
    target = lab.ticket("open", priority=None, tags=["area_api"])
    lab.sandbox.zendesk.merge(source=ticket, target=target, actor=lab.agent)
    lab.settle()
    fields, state = bug(lab, key), lab.sandbox.zendesk.ticket_state(ticket=target)
    assert (fields["priority"], state["priority"]) == ("Low", "low")
    assert sorted(fields["labels"]) == ["area_api", "area_ui"]
    assert {"area_api", "area_ui"} <= set(state["tags"])
    quiet(lab)


@pytest.mark.parametrize("refused", [False, True], ids=["is done", "is refused"])
def test_a_write_that_waited_while_its_ticket_was_merged_tells_nothing_about_the_target(
    lab: Lab, refused: bool
) -> None:
    """Jira takes nothing for a while because of another bug; when it does, the target has taken the ticket's place."""
    other, _ = linked(lab, priority="normal")
    ticket, key = linked(lab, priority="normal")
    target = lab.ticket("open", priority=None)
    too_many = {"status": 429, "headers": {"Retry-After": "120"}}
    lab.sandbox.ctx.faults.add(Fault("status", "jira", "PUT", r"/issue/", args=too_many))
    for number in (other, ticket):
        lab.sandbox.zendesk.set_priority(ticket=number, actor=lab.agent, priority="urgent")
        lab.cycle()
    lab.sandbox.zendesk.merge(source=ticket, target=target, actor=lab.agent)
    lab.cycle(2)
    assert {link.ticket_id for link in lab.links()} == {other, target}
    assert bug(lab, key)["priority"] == "Medium"
    if refused:
        lab.sandbox.jira.deny(lab.seeded.jira_bot, "EDIT_ISSUES", "NOVA")
    lab.cycle(8, seconds=40)
    lab.settle()
    shown = lab.sandbox.zendesk.ticket_state(ticket=target)["priority"]
    assert (bug(lab, key)["priority"], shown) == (("Medium", "normal") if refused else ("Highest", "urgent"))
    (link,) = [link for link in lab.links() if link.ticket_id == target]
    with lab.app.store.reading() as tx:
        log = tx.link_history(link.id)
    assert not [line.reason for line in log if "does not take" in line.reason]
    quiet(lab)
