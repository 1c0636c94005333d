"""What people and administrators do to the pretend Jira, and how its state is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


def test_a_person_fills_fields_by_name(lab: JiraLab) -> None:
    lab.world.add_version("DEV", "3.2")
    key = lab.make(
        priority="High",
        assignee="Sync Bot",
        reporter="ada@jira.example",
        labels=["a"],
        fix_versions=["3.2"],
        due="2026-12-24",
        description="text",
        severity="S2",
    )
    lab.world.edit(lab.dev, key, priority="Low", assignee=None, customfield_10301="7", issue_type="Task")
    fields = lab.world.issue_state(key)["fields"]
    assert fields == {
        "summary": "It broke",
        "description": "text",
        "issuetype": "Task",
        "priority": "Low",
        "assignee": None,
        "reporter": lab.admin,
        "labels": ["a"],
        "fixVersions": ["3.2"],
        "versions": [],
        "components": [],
        "duedate": "2026-12-24",
        "customfield_10301": "7",
        "customfield_10302": "S2",
    }


def test_an_issue_becomes_a_subtask(lab: JiraLab) -> None:
    parent, key = lab.make(), lab.make()
    lab.world.edit(lab.dev, key, issue_type="Sub-task", parent=parent)
    issue = lab.get(f"/issue/{key}")
    assert (issue["fields"]["issuetype"]["subtask"], issue["fields"]["parent"]["key"]) == (True, parent)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        pytest.param("transition", {"to": "Closed"}, id="a transition that is not there"),
        pytest.param("transition", {"to": "Done"}, id="a required resolution that is not given"),
        pytest.param("transition", {"to": "In Progress", "resolution": "Fixed"}, id="a field without a screen"),
        pytest.param("transition", {"to": "Done", "resolution": "Bliss"}, id="an unknown resolution"),
        pytest.param("force_status", {"status": "Asleep"}, id="an unknown status"),
        pytest.param("edit", {"priority": "Mild"}, id="an unknown priority"),
        pytest.param("edit", {"flavour": "sweet"}, id="an unknown field"),
        pytest.param("edit", {"assignee": "nobody"}, id="an unknown person"),
        pytest.param("move_issue", {"project": "NOPE"}, id="an unknown project"),
    ],
)
def test_a_person_is_refused_with_a_sentence(lab: JiraLab, verb: str, arguments: dict[str, Any]) -> None:
    key = lab.make()
    before = lab.world.issue_state(key)
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        getattr(lab.world, verb)(lab.dev, key, **arguments)
    assert lab.world.issue_state(key) == before


def test_unknown_actors_and_issues_are_refused(lab: JiraLab) -> None:
    key = lab.make()
    with pytest.raises(ValueError, match="no account"):
        lab.world.comment("nobody", key, "x")
    with pytest.raises(ValueError, match="no issue"):
        lab.world.comment(lab.dev, "DEV-99", "x")
    lab.world.deny(lab.dev, "CREATE_ISSUES", "DEV")
    with pytest.raises(ValueError, match="may not create"):
        lab.make()


def test_a_person_chooses_the_transition_that_takes_what_he_gives(lab: JiraLab) -> None:
    key = lab.make(project="WIDE")
    lab.world.force_status(lab.dev, key, "Fix Ready", "Fixed")
    other = lab.make(project="WIDE")
    lab.world.force_status(lab.dev, other, "Fix Ready", "Fixed")
    lab.world.transition(lab.dev, key, "Done")
    lab.world.transition(lab.dev, other, "Done", resolution="Done", **{"Root cause": "Code"})
    assert lab.world.issue_state(key)["resolution"] == "Fixed"
    assert lab.world.issue_state(other)["fields"]["customfield_10300"] == "Code"


def test_a_forced_status_sets_exactly_the_resolution_that_is_named(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.force_status(lab.dev, key, "Done", "Won't Do")
    assert lab.world.issue_state(key)["resolution"] == "Won't Do"
    lab.world.force_status(lab.dev, key, "Done")
    state = lab.world.issue_state(key)
    assert (state["status"], state["resolution"], len(state["changelog"])) == ("Done", None, 2)


def test_the_state_is_json_with_names_and_survives_a_round_trip(lab: JiraLab) -> None:
    key, twin = lab.make(), lab.make()
    lab.world.link_issues(lab.dev, "Duplicate", twin, key)
    lab.world.comment(lab.dev, key, "x", internal=True)
    lab.post(f"/issue/{key}/remotelink", {"object": {"url": "u", "title": "t"}}, 201 if lab.cloud else 200)
    state = lab.world.state()
    assert json.loads(json.dumps(state)) == state
    shown = state["issues"][key]
    assert shown["links"] == [{"type": "Duplicate", "inward": twin, "outward": key}]
    assert shown["remote_links"][0]["object"] == {"url": "u", "title": "t"}
    assert shown["comments"][0]["jsdPublic"] is True
    assert lab.world.issue_state(shown["id"])["key"] == key


def test_same_seed_and_same_acts_give_the_same_state(lab: JiraLab) -> None:
    states = []
    for world in (lab, JiraLab(lab.deployment)):
        world.world.switches.update(search_lag_seconds=5, search_lag_jitter_seconds=20)
        key = world.make(labels=["a"])
        world.world.transition(world.dev, key, "In Progress")
        states.append(world.world.state())
    assert states[0] == states[1]


def test_setting_up_refuses_what_makes_no_sense(lab: JiraLab) -> None:
    with pytest.raises(ValueError, match="account 'Sync Bot' already"):
        lab.world.add_user("Sync Bot", "bot@jira.example")
    with pytest.raises(ValueError, match="no status category"):
        lab.world.add_status("DEV", "Odd", "strange")
    with pytest.raises(ValueError, match="no status 'Odd'"):
        lab.world.rename_status("Odd", "Even")
    with pytest.raises(ValueError, match="no permission"):
        lab.world.deny(lab.bot, "FLY", "DEV")
    with pytest.raises(ValueError, match="has no colour to change"):
        lab.world.change_transition("DEV", "Start work", colour="red")


def test_a_screen_can_be_changed_while_it_runs(lab: JiraLab) -> None:
    key = lab.make()
    screen = [{"id": "resolution"}, {"id": "customfield_10302", "required": True}]
    lab.world.change_transition("DEV", "Start work", screen=screen, sets_resolution=None)
    body = {"transition": {"id": "11"}}
    assert lab.post(f"/issue/{key}/transitions", body, 400)["errorMessages"] == ["Field Severity is required."]
    lab.world.change_transition("DEV", "Start work", screen=None)
    lab.post(f"/issue/{key}/transitions", body, 204)
