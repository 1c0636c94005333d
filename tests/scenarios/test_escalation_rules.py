"""Escalation rules from config.yaml over both trackers: what happens to a ticket, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syncd.cli.clock_story import clocks_of
from syncd.cli.rule_story import rules_of
from tests.scenarios.lab import NOVA, Deployment, Lab

SLA = """
sla:
  calendars:
    always: {zone: UTC, week: always}
  metrics: {first_reply: {}, acknowledge: {}}
  holders:
    - {party: L2, when: {all: [{field: group, value: L2}]}}
    - {party: L1}
  policies:
    - name: all
      targets:
        first_reply: {calendar: always, goals: {any: 1h}}
        acknowledge: {calendar: always, goals: {any: 30m}}
"""
CREATING = NOVA.replace("mirror:", "create: {act_tag: to_engineering}, mirror:")


def lab_with(folder: Path, deployment: Deployment, rules: str, more: str = "") -> Lab:
    """A lab whose rules are there before anything happens."""
    lab = Lab(folder, deployment, routes=CREATING, more=f"{SLA}\nescalation:\n{more}  rules:\n{rules}")
    lab.cycle(complete=True)
    return lab


def minutes(lab: Lab, count: int) -> None:
    """So many minutes of complete cycles."""
    lab.cycle(count, seconds=60, complete=True)


def state(lab: Lab, ticket: int) -> dict[str, Any]:
    found: dict[str, Any] = lab.sandbox.zendesk.ticket_state(ticket=ticket)
    return found


REOPENED = """
    - name: reopened
      when: {all: [{field: reopened, operator: greater_than, value: 0}]}
      per: reopened
      then: [{raise_priority: 1}, {assign_group: L2}, {add_tags: reopened}, {ready_note: escalation_form}]
"""


def test_a_ticket_that_is_opened_again_is_raised_each_time_and_once(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, REOPENED)
    ticket = lab.ticket("open", "low")
    minutes(lab, 3)
    seen = []
    for _ in range(2):
        lab.agent_sets(ticket, "solved")
        minutes(lab, 3)
        lab.sandbox.zendesk.customer_replies(ticket=ticket, body="It is back")
        minutes(lab, 5)
        seen.append((state(lab, ticket)["priority"], len(lab.notes(ticket))))
    assert seen == [("normal", 1), ("high", 2)]
    assert "reopened" in state(lab, ticket)["tags"]
    lab.restart()
    minutes(lab, 5)
    assert len(lab.notes(ticket)) == 2
    told = clocks_of(lab.app, [ticket])
    (story,) = rules_of(lab.app, told)
    assert [(step.number, step.step) for step in story.steps] == [(2, "level-1"), (1, "level-1")]
    assert story.steps[0].what == (
        "raise the priority, assign to group L2, add reopened, leave the note escalation_form"
    )
    with lab.app.store.reading() as tx:
        (rehearsed,) = lab.app.rules.rehearse(tx, told[0])
    assert [what for _, what in rehearsed.steps] == [story.steps[0].what]
    (standing,) = story.standings
    assert (standing.is_on, standing.holds, standing.why) == (
        True,
        "rule reopened: reopened greater than 0",
        "everything due was done",
    )


NOT_ACKNOWLEDGED = """
    - name: not acknowledged
      when: {all: [{field: clock.acknowledge, value: breached}]}
      per: assignments
      stop_when_acknowledged: false
      then: [{unassign: true}, {note: "Nobody took ticket {{ ticket.id }} in time."}]
"""


def test_what_nobody_acknowledges_within_30_minutes_is_given_back(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, NOT_ACKNOWLEDGED)
    ticket = lab.ticket("new", "normal")
    lab.sandbox.zendesk.assign(ticket=ticket, actor=lab.agent, assignee=lab.seeded.agents["Lena Vogt"])
    minutes(lab, 28)
    assert lab.notes(ticket) == []
    minutes(lab, 6)
    assert [note.splitlines()[0] for note in lab.notes(ticket)] == [f"Nobody took ticket {ticket} in time."]
    assert state(lab, ticket)["assignee_id"] is None
    minutes(lab, 10)
    assert len(lab.notes(ticket)) == 1


ESCALATED = """
    - name: escalated
      when: {all: [{field: group, value: L2}]}
      per: hand_offs
      then: [{ready_note: missing_information}]
"""


def test_a_ticket_handed_on_without_logs_steps_or_environment_gets_the_list(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = lab_with(tmp_path, deployment, ESCALATED, "  language: zh-CN\n")
    ticket = lab.ticket("open", "normal")
    minutes(lab, 3)
    lab.sandbox.zendesk.assign(ticket=ticket, actor=lab.agent, group=lab.seeded.groups["L2"])
    minutes(lab, 4)
    (note,) = lab.notes(ticket)
    assert [line for line in note.splitlines() if line.startswith("- ")] == ["- 日志", "- 复现步骤", "- 环境信息"]


DISAGREES = """
    - name: priority disagrees
      when: {all: [{field: priority_disagrees, value: true}]}
      per: priority_expected
      then: [{ready_note: priority_check}, {add_tags: priority_check}]
"""
OUTAGE = "  priorities:\n    - {priority: urgent, when: {all: [{field: tags, operator: includes, value: outage}]}}\n"


def test_a_priority_that_disagrees_is_flagged_and_never_overwritten(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, DISAGREES, OUTAGE)
    ticket = lab.ticket("open", "low")
    minutes(lab, 3)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["outage"])
    minutes(lab, 4)
    assert state(lab, ticket)["priority"] == "low"
    assert "should be urgent, but it is low" in lab.notes(ticket)[0]
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority="urgent")
    minutes(lab, 4)
    assert len(lab.notes(ticket)) == 1


MISSED = """
    - name: missed
      when: {all: [{field: breached, operator: includes, value: first_reply}]}
      then: [{ready_note: root_cause}, {create_bug: novabrain}]
"""


def test_a_breach_asks_for_a_root_cause_and_for_a_bug(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment, MISSED)
    ticket = lab.ticket("new", "normal")
    minutes(lab, 58)
    assert lab.notes(ticket) == []
    minutes(lab, 6)
    lab.accept()
    minutes(lab, 6)
    assert any(note.startswith("A target was missed.") for note in lab.notes(ticket))
    assert [link.ticket_id for link in lab.links()] == [ticket]


def test_tickets_from_before_the_rules_are_left_alone(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=CREATING, more=SLA)
    ticket = lab.ticket("new", "normal")
    minutes(lab, 70)
    config = lab.folder / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8") + f"\nescalation:\n  rules:\n{MISSED}", encoding="utf-8")
    lab.restart()
    minutes(lab, 10)
    assert lab.notes(ticket) == []
