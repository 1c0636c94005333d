"""Issues: reading, creating, editing, moving, deleting, and what the changelog and `updated` say about it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


@pytest.fixture
def cloud() -> JiraLab:
    return JiraLab("cloud")


@pytest.fixture
def dc() -> JiraLab:
    return JiraLab("data_center")


def fields(project: str = "DEV", **more: Any) -> dict[str, Any]:
    return {"project": {"key": project}, "issuetype": {"name": "Bug"}, "summary": "It broke", **more}


def who(lab: JiraLab, user: str) -> dict[str, str]:
    return {"accountId" if lab.cloud else "name": user}


def test_an_issue_is_created_with_labels_and_properties_at_once(lab: JiraLab) -> None:
    version = lab.world.add_version("DEV", "3.2")
    body = {
        "fields": fields(
            labels=["zd-1"],
            priority={"name": "High"},
            assignee=who(lab, lab.dev),
            fixVersions=[{"id": version}],
            duedate="2026-12-01",
            description="h1. All of it",
            customfield_10301="4711",
            customfield_10300={"value": "Data"},
        ),
        "properties": [{"key": "syncd.origin", "value": {"id": 4711}}],
    }
    made = lab.post("/issue", body)
    assert (made["id"], made["key"]) == ("10001", "DEV-1")
    assert ("transition" in made) is lab.cloud
    issue = lab.get("/issue/10001", properties="syncd.origin,other")
    assert issue["properties"] == {"syncd.origin": {"id": 4711}}
    shown = issue["fields"]
    assert (shown["labels"], shown["priority"]["name"], shown["duedate"]) == (["zd-1"], "High", "2026-12-01")
    assert shown["fixVersions"][0]["name"] == "3.2"
    assert shown["assignee"]["displayName"] == "Dora Dev"
    assert (shown["description"], shown["customfield_10300"]["value"]) == ("h1. All of it", "Data")
    assert shown["status"]["statusCategory"]["id"] == 2
    assert shown["created"] == shown["updated"] == "2026-11-18T19:06:40.500+0800"
    assert shown["resolution"] is None
    assert "changelog" not in issue


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        pytest.param({"summary": None}, "summary", id="without a summary"),
        pytest.param({"summary": "x" * 256}, "summary", id="with a summary that is too long"),
        pytest.param({"summary": "a\nb"}, "summary", id="with two lines in the summary"),
        pytest.param({"project": {"key": "NOPE"}}, "project", id="in an unknown project"),
        pytest.param({"issuetype": {"name": "Wish"}}, "issuetype", id="of an unknown type"),
        pytest.param({"priority": {"name": "Mild"}}, "priority", id="with an unknown priority"),
        pytest.param({"labels": ["two words"]}, "labels", id="with a blank in a label"),
        pytest.param({"labels": "zd-1"}, "labels", id="with a label instead of a list"),
        pytest.param({"assignee": {"accountId": "nobody", "name": "nobody"}}, "assignee", id="for nobody known"),
        pytest.param({"fixVersions": [{"name": "9.9"}]}, "fixVersions", id="with an unknown version"),
        pytest.param({"duedate": "tomorrow"}, "duedate", id="with a date that is none"),
        pytest.param({"description": {"type": "doc"}}, "description", id="with a document on version 2"),
        pytest.param({"description": "x" * 32_768}, "description", id="with a text that is too long"),
        pytest.param({"resolution": {"name": "Done"}}, "resolution", id="with a field that is not on the screen"),
        pytest.param({"flavour": "sweet"}, "flavour", id="with an unknown field"),
        pytest.param({"reporter": {"accountId": "x", "name": "x"}}, "reporter", id="for another reporter"),
        pytest.param({"customfield_10300": {"value": "Luck"}}, "customfield_10300", id="with an unknown option"),
    ],
)
def test_an_issue_is_refused(lab: JiraLab, given: dict[str, Any], wrong: str) -> None:
    answer = lab.post("/issue", {"fields": fields(**given)}, 400)
    assert answer["errorMessages"] == []
    assert list(answer["errors"]) == [wrong]
    assert lab.world.state()["issues"] == {}


def test_a_field_that_the_project_requires_is_named(lab: JiraLab) -> None:
    lab.world.add_project("REQ", "Strict", required=["priority", "customfield_10302"])
    answer = lab.post("/issue", {"fields": fields("REQ")}, 400)
    assert set(answer["errors"]) == {"priority", "customfield_10302"}
    lab.post("/issue", {"fields": fields("REQ", priority={"id": "2"}, customfield_10302={"value": "S1"})})


def test_two_equal_creates_make_two_issues(lab: JiraLab) -> None:
    body = {"fields": fields(labels=["zd-1"])}
    assert [lab.post("/issue", body)["key"] for _ in range(2)] == ["DEV-1", "DEV-2"]


def test_a_create_that_was_applied_but_not_answered_leaves_an_issue(lab: JiraLab) -> None:
    lab.fault("status_after", "POST", "/issue$", status=503)
    lab.post("/issue", {"fields": fields(labels=["zd-1"])}, 503)
    assert lab.find("labels = zd-1") == ["DEV-1"]


def test_bulk_create_makes_what_it_can(lab: JiraLab) -> None:
    updates = [{"fields": fields()}, {"fields": fields(summary=None)}, {"fields": fields("OPS")}]
    answer = lab.post("/issue/bulk", {"issueUpdates": updates})
    assert [issue["key"] for issue in answer["issues"]] == ["DEV-1", "OPS-1"]
    assert [(error["failedElementNumber"], error["status"]) for error in answer["errors"]] == [(1, 400)]


def test_an_edit_sets_adds_and_removes(lab: JiraLab) -> None:
    for name in ("1.0", "2.0"):
        lab.world.add_version("DEV", name)
    key = lab.make(labels=["a", "b"], fix_versions=["1.0"])
    body = {
        "fields": {"summary": "Better", "assignee": who(lab, lab.bot)},
        "update": {
            "labels": [{"add": "c"}, {"remove": "a"}],
            "fixVersions": [{"add": {"name": "2.0"}}, {"remove": {"name": "1.0"}}],
        },
        "historyMetadata": {"type": "syncd:sync", "extraData": {"op": "1"}},
        "properties": [{"key": "p", "value": 1}],
    }
    assert lab.call("PUT", f"/issue/{key}", json=body).status_code == 204
    state = lab.world.issue_state(key)
    assert state["fields"]["labels"] == ["b", "c"]
    assert state["fields"]["fixVersions"] == ["2.0"]
    assert state["properties"] == {"p": 1}
    (entry,) = lab.get(f"/issue/{key}", expand="changelog")["changelog"]["histories"]
    assert entry["historyMetadata"] == body["historyMetadata"]
    assert entry["author"]["displayName"] == "Sync Bot"
    changes = {item["field"]: (item["fromString"], item["toString"]) for item in entry["items"]}
    assert changes["labels"] == ("a b", "b c")
    assert changes["assignee"] == (None, "Sync Bot")
    assert [item["toString"] for item in entry["items"] if item["field"] == "Fix Version"] == [None, "2.0"]
    assert all(("fieldId" in item) is lab.cloud for item in entry["items"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="empty"),
        pytest.param({"fields": {}}, id="with no fields"),
        pytest.param({"fields": {"labels": ["a"]}, "update": {"labels": [{"add": "b"}]}}, id="naming a field twice"),
        pytest.param({"fields": {"status": {"name": "Done"}}}, id="setting the status"),
        pytest.param({"fields": {"resolution": None}}, id="clearing the resolution"),
        pytest.param({"update": {"summary": [{"add": "x"}]}}, id="adding to a text"),
        pytest.param({"update": {"labels": [{"add": "x", "remove": "y"}]}}, id="with two operations in one"),
        pytest.param({"update": {"comment": [{"add": {"body": {"type": "doc"}}}]}}, id="with a comment of version 3"),
    ],
)
def test_an_edit_is_refused_as_a_whole(lab: JiraLab, body: dict[str, Any]) -> None:
    key = lab.make()
    before = lab.world.issue_state(key)
    assert lab.call("PUT", f"/issue/{key}", json=body).status_code == 400
    assert lab.world.issue_state(key) == before


def test_the_resolution_can_be_edited_where_the_screen_has_it(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.switches["resolution_on_edit_screen"] = True
    response = lab.call("PUT", f"/issue/{key}", json={"fields": {"resolution": {"name": "Fixed"}}})
    assert response.status_code == 204
    assert lab.world.issue_state(key)["resolution"] == "Fixed"


def test_data_center_refuses_keys_that_it_does_not_know(dc: JiraLab) -> None:
    key = dc.make()
    for method, path in (("POST", "/issue"), ("PUT", f"/issue/{key}")):
        response = dc.call(method, path, json={"fields": fields(), "invalid": 1})
        assert response.status_code == 400
        assert "errors" not in response.json()


def test_mails_can_be_suppressed_by_administrators_only(lab: JiraLab) -> None:
    key = lab.make()
    body = {"fields": {"summary": "quiet"}}
    answer = lab.call("PUT", f"/issue/{key}", params={"notifyUsers": "false"}, json=body)
    assert answer.status_code == (204 if lab.cloud else 403)
    lab.login(lab.admin)
    assert lab.call("PUT", f"/issue/{key}?notifyUsers=false", json=body).status_code == 204


def test_cloud_returns_the_edited_issue_on_request(cloud: JiraLab) -> None:
    key = cloud.make()
    response = cloud.call("PUT", f"/issue/{key}?returnIssue=true", json={"fields": {"summary": "New"}})
    assert (response.status_code, response.json()["fields"]["summary"]) == (200, "New")


def test_an_assignee_is_set_and_taken_away(lab: JiraLab) -> None:
    key = lab.make()
    assert lab.call("PUT", f"/issue/{key}/assignee", json=who(lab, lab.bot)).status_code == 204
    assert lab.world.issue_state(key)["fields"]["assignee"] == lab.bot
    none = {"accountId" if lab.cloud else "name": None}
    assert lab.call("PUT", f"/issue/{key}/assignee", json=none).status_code == 204
    assert lab.world.issue_state(key)["fields"]["assignee"] is None


def test_fields_are_chosen(lab: JiraLab) -> None:
    key = lab.make()
    assert set(lab.get(f"/issue/{key}", fields="status,summary")["fields"]) == {"status", "summary"}
    without = set(lab.get(f"/issue/{key}", fields="*all,-comment,-description")["fields"])
    assert not {"comment", "description"} & without
    assert "summary" in without
    assert "comment" not in lab.get(f"/issue/{key}", fields="*navigable")["fields"]
    assert "comment" in lab.get(f"/issue/{key}", fields="-status")["fields"]
    named = lab.get(f"/issue/{key}", fields="status", expand="names,schema,renderedFields,transitions")
    assert named["names"] == {"status": "Status"}
    assert named["schema"]["status"]["system"] == "status"
    assert [entry["name"] for entry in named["transitions"]] == ["Start work", "Resolve directly"]


def test_times_are_shown_in_the_readers_zone_without_a_colon(lab: JiraLab) -> None:
    key = lab.make()
    assert lab.get(f"/issue/{key}")["fields"]["updated"] == "2026-11-18T19:06:40.500+0800"
    lab.login(lab.dev)
    assert lab.get(f"/issue/{key}")["fields"]["updated"] == "2026-11-18T11:06:40.500+0000"


def test_a_moved_issue_answers_to_its_old_key_with_the_new_one(lab: JiraLab) -> None:
    version = lab.world.add_version("DEV", "1.0")
    key = lab.make(fix_versions=["1.0"])
    assert version
    lab.world.transition(lab.dev, key, "In Progress")
    lab.clock.advance(1)
    moved = lab.world.move_issue(lab.dev, key, "OPS")
    assert moved == "OPS-1"
    issue = lab.get(f"/issue/{key.lower()}", expand="changelog")
    assert (issue["key"], issue["id"], issue["fields"]["project"]["key"]) == ("OPS-1", "10001", "OPS")
    assert issue["fields"]["status"]["name"] == "In Progress"
    last = issue["changelog"]["histories"][0 if lab.cloud else -1]
    changes = [(item["field"], item["fromString"], item["toString"]) for item in last["items"]]
    assert changes[:2] == [("project", "Development", "Operations"), ("Key", "DEV-1", "OPS-1")]
    assert ("Fix Version", "1.0", None) in changes
    assert lab.make() == "DEV-2"
    assert lab.find("project = OPS") == ["OPS-1"]


def test_a_deleted_issue_is_gone_and_its_key_is_not_used_again(lab: JiraLab) -> None:
    key, other = lab.make(), lab.make()
    lab.world.link_issues(lab.dev, "Blocks", key, other)
    assert lab.call("DELETE", f"/issue/{key}").status_code == 403
    lab.login(lab.admin)
    assert lab.call("DELETE", f"/issue/{key}").status_code == 204
    assert lab.call("GET", f"/issue/{key}").status_code == 404
    assert lab.call("DELETE", f"/issue/{key}").status_code == 404
    assert lab.get(f"/issue/{other}")["fields"]["issuelinks"] == []
    assert lab.make() == "DEV-3"


def test_an_issue_with_subtasks_is_deleted_with_them_only(lab: JiraLab) -> None:
    parent = lab.make()
    child = lab.make(issue_type="Sub-task", parent=parent)
    assert lab.get(f"/issue/{child}")["fields"]["parent"]["key"] == parent
    assert [entry["key"] for entry in lab.get(f"/issue/{parent}")["fields"]["subtasks"]] == [child]
    lab.login(lab.admin)
    assert lab.call("DELETE", f"/issue/{parent}").status_code == 400
    assert lab.call("DELETE", f"/issue/{parent}?deleteSubtasks=true").status_code == 204
    assert lab.world.state()["issues"] == {}


def updated_moves(lab: JiraLab, key: str, method: str, path: str, body: Any) -> bool:
    before = lab.world.issue_state(key)["updated_ms"]
    lab.clock.advance(1)
    response = lab.call(method, path.format(key=key), json=body)
    assert response.status_code < 300, response.text
    return bool(lab.world.issue_state(key)["updated_ms"] > before)


REMOTE = {"globalId": "g", "object": {"url": "https://zd.example/1", "title": "#1"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "moves"),
    [
        pytest.param("PUT", "/issue/{key}", {"fields": {"summary": "x"}}, True, id="an edit moves it"),
        pytest.param("PUT", "/issue/{key}", {"fields": {"summary": "It broke"}}, True, id="so does an equal one"),
        pytest.param("POST", "/issue/{key}/comment", {"body": "x"}, True, id="a comment moves it"),
        pytest.param(
            "POST", "/issue/{key}/transitions", {"transition": {"id": "11"}}, True, id="a transition moves it"
        ),
        pytest.param("PUT", "/issue/{key}/properties/p", {"a": 1}, False, id="a property does not"),
        pytest.param("POST", "/issue/{key}/remotelink", REMOTE, False, id="a remote link does not"),
        pytest.param("PUT", "/issue/{key}", {"properties": [{"key": "p", "value": 1}]}, False, id="nor one by edit"),
    ],
)
def test_what_moves_updated(lab: JiraLab, method: str, path: str, body: Any, moves: bool) -> None:
    assert updated_moves(lab, lab.make(), method, path, body) is moves


def test_updated_grows_strictly_although_the_clock_stands(lab: JiraLab) -> None:
    key = lab.make()
    seen = [lab.world.issue_state(key)["updated_ms"]]
    for number in range(5):
        lab.world.edit(lab.dev, key, summary=str(number))
        seen.append(lab.world.issue_state(key)["updated_ms"])
    assert seen == sorted(set(seen))


def test_the_changelog_resource_pages_oldest_first_on_cloud_and_is_missing_on_data_center(
    cloud: JiraLab, dc: JiraLab
) -> None:
    key = cloud.make()
    for number in range(5):
        cloud.world.edit(cloud.dev, key, summary=str(number))
    page = cloud.get(f"/issue/{key}/changelog", startAt=1, maxResults=2)
    assert [entry["items"][0]["toString"] for entry in page["values"]] == ["1", "2"]
    assert (page["total"], page["isLast"]) == (5, False)
    assert "startAt=3" in page["nextPage"]
    last = cloud.get(f"/issue/{key}/changelog", startAt=3)
    assert (last["isLast"], len(last["values"])) == (True, 2)
    newest = cloud.get(f"/issue/{key}", expand="changelog")["changelog"]["histories"]
    assert [entry["items"][0]["toString"] for entry in newest] == list("43210")
    assert dc.call("GET", f"/issue/{dc.make()}/changelog").status_code == 404


def test_bulk_fetch_gives_what_exists_by_ascending_id(cloud: JiraLab) -> None:
    first, second = cloud.make(), cloud.make()
    moved = cloud.world.move_issue(cloud.dev, first, "OPS")
    cloud.world.add_project("HID", "Hidden", members=[cloud.dev])
    hidden = cloud.make(project="HID")
    body = {
        "issueIdsOrKeys": ["10002", first, "DEV-99", hidden, "10002"],
        "fields": ["status"],
        "expand": ["changelog"],
    }
    answer = cloud.post("/issue/bulkfetch", body, 200)
    assert [issue["key"] for issue in answer["issues"]] == [moved, second]
    assert answer["issueErrors"] == []
    assert answer["issues"][0]["changelog"]["total"] == 1
    assert "description" in cloud.post("/issue/bulkfetch", {"issueIdsOrKeys": [second]}, 200)["issues"][0]["fields"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"issueIdsOrKeys": []}, id="of nothing"),
        pytest.param({"issueIdsOrKeys": [str(n) for n in range(101)]}, id="of 101 issues"),
        pytest.param({"issueIdsOrKeys": ["DEV-1"], "expand": "changelog"}, id="with expansions as a string"),
        pytest.param({"issueIdsOrKeys": ["DEV-1"], "jql": "project = DEV"}, id="with a key it does not know"),
    ],
)
def test_a_bulk_fetch_is_refused(cloud: JiraLab, body: dict[str, Any]) -> None:
    cloud.post("/issue/bulkfetch", body, 400)


def test_changelogs_are_fetched_in_bulk_with_numbers_for_times(cloud: JiraLab) -> None:
    keys = [cloud.make(), cloud.make()]
    for key in (keys[0], keys[1], keys[0]):
        cloud.clock.advance(10)
        cloud.world.edit(cloud.dev, key, summary=f"at {cloud.ms()}")
        cloud.world.edit(cloud.dev, key, labels=[f"l{cloud.ms()}"])
    body: dict[str, Any] = {"issueIdsOrKeys": keys, "fieldIds": ["summary"], "maxResults": 2}
    first = cloud.post("/changelog/bulkfetch", body, 200)
    assert [entry["issueId"] for entry in first["issueChangeLogs"]] == ["10001", "10002"]
    history = first["issueChangeLogs"][0]["changeHistories"][0]
    assert history["created"] == cloud.world.issue_state(keys[0])["changelog"][0]["created"]
    rest = cloud.post("/changelog/bulkfetch", body | {"nextPageToken": first["nextPageToken"]}, 200)
    assert "nextPageToken" not in rest
    assert len(rest["issueChangeLogs"][0]["changeHistories"]) == 1
    cloud.world.switches["changelog_bulk_seconds"] = True
    again = cloud.post("/changelog/bulkfetch", body, 200)
    assert again["issueChangeLogs"][0]["changeHistories"][0]["created"] == history["created"] // 1000


def test_version_three_speaks_documents(cloud: JiraLab) -> None:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "Hello"}]}
    document = {"type": "doc", "version": 1, "content": [paragraph]}
    made = cloud.post("//rest/api/3/issue", {"fields": fields(description=document)})
    assert cloud.get(f"//rest/api/3/issue/{made['key']}")["fields"]["description"] == document
    assert cloud.get(f"/issue/{made['key']}")["fields"]["description"] == "Hello"
    cloud.post("//rest/api/3/issue", {"fields": fields(description="plain")}, 400)
    response = cloud.call("POST", f"//rest/api/3/issue/{made['key']}/comment", json={"body": "plain"})
    assert response.json()["errors"]["comment"] == "Comment body is not valid!"


def test_there_is_no_version_three_on_data_center(dc: JiraLab) -> None:
    key = dc.make()
    assert dc.call("GET", f"//rest/api/3/issue/{key}").status_code == 404
    assert dc.get(f"//rest/api/latest/issue/{key}")["key"] == key


def test_refusals_may_come_in_another_language(lab: JiraLab) -> None:
    texts = set()
    for language in ("en", "fr", "zh"):
        lab.world.switches["language"] = language
        answer = lab.post("/issue", {"fields": fields(flavour=1)}, 400)
        texts.add(answer["errors"]["flavour"])
    assert len(texts) == 3


def test_data_center_may_choke_on_characters_outside_the_basic_plane(dc: JiraLab) -> None:
    dc.world.switches["emoji_500"] = True
    dc.post("/issue", {"fields": fields(summary="It broke \N{SKULL AND CROSSBONES}")})
    dc.post("/issue", {"fields": fields(summary="It broke \N{GRINNING FACE}")}, 500)


def test_a_body_that_is_no_json_is_a_400(lab: JiraLab) -> None:
    for body in (b"{", b"[]", b""):
        assert lab.call("POST", "/issue", data=body).status_code == 400


def test_every_time_that_is_shown_has_the_shape_of_jira(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.comment(lab.dev, key, "x")
    shape = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}")
    shown = lab.get(f"/issue/{key}")["fields"]
    comment = shown["comment"]["comments"][0]
    for value in (shown["created"], shown["updated"], comment["created"], comment["updated"]):
        assert shape.fullmatch(value)
