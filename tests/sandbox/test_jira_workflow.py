"""Transitions: what is listed, what is taken, what is refused, and what follows from it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


def listed(lab: JiraLab, key: str, **params: str) -> dict[str, Any]:
    """The transitions of an issue by name."""
    answer = lab.get(f"/issue/{key}/transitions", **params)
    return {entry["name"]: entry for entry in answer["transitions"]}


def click(lab: JiraLab, key: str, number: str | int, status: int = 204, **more: Any) -> Any:
    """Posts a transition."""
    return lab.post(f"/issue/{key}/transitions", {"transition": {"id": number}, **more}, status)


def where(lab: JiraLab, key: str) -> tuple[str, str | None]:
    state = lab.world.issue_state(key)
    return state["status"], state["resolution"]


FIXED = {"resolution": {"name": "Fixed"}}


def test_a_bug_walks_through_the_directed_workflow(lab: JiraLab) -> None:
    key = lab.make()
    walked = [where(lab, key)]
    for number, given in (("11", {}), ("21", {}), ("31", FIXED), ("51", {}), ("61", {}), ("71", {}), ("91", {})):
        click(lab, key, number, fields=given)
        walked.append(where(lab, key))
    assert walked == [
        ("To Do", None),
        ("In Progress", None),
        ("In Review", None),
        ("Done", "Fixed"),
        ("Verified", "Fixed"),
        ("Closed", "Fixed"),
        ("Reopened", None),
        ("To Do", None),
    ]


def test_only_what_may_be_done_now_is_listed(lab: JiraLab) -> None:
    key = lab.make()
    assert set(listed(lab, key)) == {"Start work", "Resolve directly"}
    click(lab, key, 11)
    assert set(listed(lab, key)) == {"Ask for review", "Resolve"}
    assert set(listed(lab, key, transitionId="31")) == {"Resolve"}


def test_a_transition_tells_its_screen_only_when_asked(lab: JiraLab) -> None:
    key = lab.make()
    assert "fields" not in listed(lab, key)["Resolve directly"]
    edge = listed(lab, key, expand="transitions.fields")["Resolve directly"]
    resolution = edge["fields"]["resolution"]
    assert (resolution["required"], edge["fields"]["fixVersions"]["required"]) == (True, False)
    names = [value["name"] for value in resolution["allowedValues"]]
    assert names == ["Done", "Won't Do", "Duplicate", "Cannot Reproduce", "Known Error", "Fixed", "Incomplete"]
    assert edge["to"]["statusCategory"]["key"] == "done"


def test_data_center_describes_transitions_more_shortly_than_cloud() -> None:
    short = {"id", "name", "to", "opsbarSequence"}
    long = {"id", "name", "to", "hasScreen", "isGlobal", "isInitial", "isAvailable", "isConditional", "looped"}
    for lab, keys in ((JiraLab("data_center"), short), (JiraLab("cloud"), long)):
        assert set(listed(lab, lab.make())["Start work"]) == keys


def test_cloud_lists_what_is_not_available_on_request() -> None:
    lab = JiraLab("cloud")
    entries = listed(lab, lab.make(), includeUnavailableTransitions="true")
    assert (entries["Start work"]["isAvailable"], entries["Close"]["isAvailable"]) == (True, False)


def test_a_missing_required_field_is_a_400_that_changes_nothing(lab: JiraLab) -> None:
    key = lab.make()
    answer = click(lab, key, "41", 400)
    assert answer == {"errorMessages": ["Field Resolution is required."], "errors": {}}
    lab.world.switches["required_in_errors"] = True
    assert click(lab, key, "41", 400)["errors"] == {"resolution": "Field Resolution is required."}
    assert where(lab, key) == ("To Do", None)


def test_a_required_field_that_is_filled_already_need_not_be_sent_unless_switched(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.force_status(lab.dev, key, "Verified", "Fixed")
    lab.world.switches["required_keeps_existing"] = False
    click(lab, key, "61", 400)
    lab.world.switches["required_keeps_existing"] = True
    click(lab, key, "61")
    assert where(lab, key) == ("Closed", "Fixed")


@pytest.mark.parametrize(
    ("number", "fields", "wrong"),
    [
        pytest.param("11", FIXED, "resolution", id="a field without a screen"),
        pytest.param("41", {**FIXED, "priority": {"id": "1"}}, "priority", id="a field on no screen of it"),
        pytest.param("41", {"resolution": {"name": "Bliss"}}, "resolution", id="an unknown value"),
    ],
)
def test_a_transition_refuses(lab: JiraLab, number: str, fields: Any, wrong: str) -> None:
    key = lab.make()
    assert list(click(lab, key, number, 400, fields=fields)["errors"]) == [wrong]
    assert where(lab, key) == ("To Do", None)


def test_a_field_in_both_places_is_refused(lab: JiraLab) -> None:
    update = {"resolution": [{"set": {"name": "Fixed"}}]}
    click(lab, lab.make(), "41", 400, fields=FIXED, update=update)
    click(lab, lab.make(), "41", update=update)


def test_an_unknown_transition_is_a_400_on_cloud_and_a_500_on_data_center(lab: JiraLab) -> None:
    key = lab.make()
    answer = click(lab, key, "999", 400 if lab.cloud else 500)
    assert answer["errorMessages"]
    click(lab, key, "61", 400)
    assert lab.call("POST", f"/issue/{key}/transitions", json={}).status_code == 400
    assert lab.call("POST", "/issue/DEV-99/transitions", json={"transition": {"id": "11"}}).status_code == 404


def test_a_conflict_changes_nothing_and_may_be_tried_again(lab: JiraLab) -> None:
    key = lab.make()
    lab.fault("transition_conflict", "POST", "/transitions$")
    click(lab, key, "11", 409)
    assert where(lab, key) == ("To Do", None)
    click(lab, key, "11")


def test_a_full_issue_answers_413(lab: JiraLab) -> None:
    lab.fault("issue_limit", "POST", "/transitions$", what="comments")
    assert "comments" in click(lab, lab.make(), "11", 413)["errors"]


def test_the_simple_workflow_takes_a_transition_to_where_it_is(lab: JiraLab) -> None:
    key = lab.make(project="OPS")
    click(lab, key, "21")
    before = lab.world.issue_state(key)
    lab.clock.advance(1)
    click(lab, key, "21")
    after = lab.world.issue_state(key)
    assert (after["status"], len(after["changelog"])) == ("In Progress", 1)
    assert after["updated_ms"] > before["updated_ms"]
    assert set(listed(lab, key)) == {"To Do", "In Progress", "Done"}


def test_a_post_function_sets_and_clears_the_resolution(lab: JiraLab) -> None:
    key = lab.make(project="OPS")
    click(lab, key, "31")
    assert where(lab, key) == ("Done", "Done")
    assert lab.get(f"/issue/{key}")["fields"]["resolutiondate"] is not None
    click(lab, key, "11")
    assert where(lab, key) == ("To Do", None)
    assert lab.get(f"/issue/{key}")["fields"]["resolutiondate"] is None
    lab.world.switches["leave_resolution_null"] = True
    click(lab, key, "31")
    assert where(lab, key) == ("Done", None)


def test_status_and_resolution_change_in_one_entry_with_author_and_metadata(lab: JiraLab) -> None:
    key = lab.make()
    metadata = {"type": "syncd:sync", "generator": {"id": "syncd", "type": "syncd-application"}}
    click(lab, key, "41", fields=FIXED, historyMetadata=metadata, properties=[{"key": "p", "value": 1}])
    (entry,) = lab.get(f"/issue/{key}", expand="changelog")["changelog"]["histories"]
    assert [item["field"] for item in entry["items"]] == ["resolution", "status"]
    assert (entry["items"][1]["fromString"], entry["items"][1]["toString"]) == ("To Do", "Done")
    assert entry["author"]["displayName"] == "Sync Bot"
    assert entry["historyMetadata"] == metadata
    assert lab.world.issue_state(key)["properties"] == {"p": 1}


def test_a_comment_inside_a_transition_is_kept_only_where_there_is_a_screen(lab: JiraLab) -> None:
    key = lab.make()
    comment = {"comment": [{"add": {"body": "on the way"}}]}
    click(lab, key, "11", update=comment)
    assert lab.world.issue_state(key)["comments"] == []
    click(lab, key, "31", update=comment, fields=FIXED)
    assert [entry["body"] for entry in lab.world.issue_state(key)["comments"]] == ["on the way"]


def test_nothing_is_listed_without_the_permission(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.deny(lab.bot, "TRANSITION_ISSUES", "DEV")
    assert listed(lab, key) == {}
    click(lab, key, "11", 400)
    lab.world.allow(lab.bot, "TRANSITION_ISSUES", "DEV")
    click(lab, key, "11")


def test_a_condition_hides_a_transition_from_others(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.change_transition("DEV", "Start work", only_for=[lab.dev])
    assert set(listed(lab, key)) == {"Resolve directly"}
    click(lab, key, "11", 400)
    lab.world.transition(lab.dev, key, "In Progress")
    assert where(lab, key)[0] == "In Progress"


def test_a_transition_may_hide_its_target(lab: JiraLab) -> None:
    lab.world.switches["hide_to"] = ["Start work"]
    entries = listed(lab, lab.make())
    assert ("to" in entries["Start work"], "to" in entries["Resolve directly"]) == (False, True)


def test_fields_may_be_taken_that_are_not_listed(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.switches["underreport_screen"] = True
    assert listed(lab, key, expand="transitions.fields")["Resolve directly"]["fields"] == {}
    click(lab, key, "41", fields=FIXED)
    assert where(lab, key) == ("Done", "Fixed")


def test_two_transitions_may_lead_to_one_status_with_different_screens(lab: JiraLab) -> None:
    key = lab.make(project="WIDE")
    lab.world.force_status(lab.dev, key, "Fix Ready", "Fixed")
    entries = listed(lab, key, expand="transitions.fields")
    assert entries["Release"]["to"] == entries["Fast release"]["to"]
    required = {name: f["required"] for name, f in entries["Release"]["fields"].items()}
    assert required == {"resolution": True, "customfield_10300": True, "fixVersions": False}
    assert entries["Fast release"]["fields"] == {}
    answer = click(lab, key, entries["Release"]["id"], 400, fields=FIXED)
    assert answer["errorMessages"] == ["Field Root cause is required."]
    click(lab, key, entries["Release"]["id"], fields={**FIXED, "customfield_10300": {"value": "Data"}})
    assert where(lab, key) == ("Done", "Fixed")


def test_a_screen_offers_and_takes_its_own_resolutions_only(lab: JiraLab) -> None:
    key = lab.make(project="WIDE")
    edge = listed(lab, key, expand="transitions.fields")["Won't fix"]
    names = [value["name"] for value in edge["fields"]["resolution"]["allowedValues"]]
    assert names == ["Won't Do", "Duplicate", "Cannot Reproduce"]
    assert "resolution" in click(lab, key, edge["id"], 400, fields=FIXED)["errors"]
    click(lab, key, edge["id"], fields={"resolution": {"name": "Won't Do"}})
    assert where(lab, key) == ("Won't Fix", "Won't Do")


def test_an_automation_reverses_a_change_at_once_and_only_once(lab: JiraLab) -> None:
    lab.world.add_automation("never in progress", "In Progress", "To Do")
    lab.world.add_automation("always in progress", "To Do", "In Progress")
    key = lab.make()
    click(lab, key, "11")
    state = lab.world.issue_state(key)
    assert state["status"] == "To Do"
    assert [entry["items"][0]["new_text"] for entry in state["changelog"]] == ["In Progress", "To Do"]
    robot = lab.get(f"/issue/{key}", expand="changelog")["changelog"]["histories"][0 if lab.cloud else 1]["author"]
    if lab.cloud:
        assert (robot["displayName"], robot["accountType"]) == ("Automation for Jira", "app")
    else:
        assert robot["name"] == "automation"


def test_a_new_status_is_reached_from_everywhere_and_a_renamed_one_keeps_its_id(lab: JiraLab) -> None:
    key = lab.make()
    added = lab.world.add_status("DEV", "Parked", "indeterminate")
    assert listed(lab, key)["Parked"]["to"]["id"] == added
    lab.world.rename_status("Parked", "On ice")
    assert listed(lab, key)["Parked"]["to"]["name"] == "On ice"


def test_a_status_can_become_unreachable(lab: JiraLab) -> None:
    lab.world.remove_transition("DEV", "Start work")
    key = lab.make()
    assert set(listed(lab, key)) == {"Resolve directly"}
    with pytest.raises(ValueError, match="no transition"):
        lab.world.transition(lab.dev, key, "In Progress")
    with pytest.raises(ValueError, match="no transition 'Start work'"):
        lab.world.remove_transition("DEV", "Start work")


def test_an_issue_type_may_have_its_own_workflow(lab: JiraLab) -> None:
    lab.world.set_workflow("DEV", "Task", "simple")
    shown = {entry["name"]: len(entry["statuses"]) for entry in lab.get("/project/DEV/statuses")}
    assert (shown["Task"], shown["Bug"]) == (3, 7)
    key = lab.make(issue_type="Task")
    assert set(listed(lab, key)) == {"To Do", "In Progress", "Done"}


def test_a_team_managed_project_has_statuses_of_its_own(lab: JiraLab) -> None:
    lab.world.add_project("TEAM", "Team", "simple", team_managed=True)
    lab.world.add_project("LATE", "Late", "simple")
    ids = {
        project: {status["name"]: status["id"] for status in lab.get(f"/project/{project}/statuses")[0]["statuses"]}
        for project in ("OPS", "TEAM", "LATE")
    }
    assert set(ids["OPS"]) == set(ids["TEAM"])
    assert not set(ids["OPS"].values()) & set(ids["TEAM"].values())
    assert ids["OPS"] == ids["LATE"]
    assert [status["name"] for status in lab.get("/status")].count("Done") == 2


def test_cloud_shows_the_whole_graph_to_those_who_may_see_it() -> None:
    lab = JiraLab("cloud")
    body = {"projectAndIssueTypes": [{"projectId": "10000", "issueTypeId": "10004"}]}
    lab.post("//rest/api/3/workflows", body, 403)
    lab.world.switches["workflow_read"] = "all"
    answer = lab.post("//rest/api/3/workflows", body, 200)
    (flow,) = answer["workflows"]
    names = {status["statusReference"]: status["name"] for status in answer["statuses"]}
    edges = {
        (edge["type"], tuple(names[link["fromStatusReference"]] for link in edge["links"]), edge["name"])
        for edge in flow["transitions"]
    }
    assert ("INITIAL", (), "Create") in edges
    assert ("DIRECTED", ("Verified",), "Close") in edges
    simple = lab.post("//rest/api/3/workflows", {"workflowNames": ["simple"]}, 200)["workflows"][0]
    assert {edge["type"] for edge in simple["transitions"]} == {"INITIAL", "GLOBAL"}
    assert JiraLab("data_center").call("POST", "/workflows", json=body).status_code == 404
