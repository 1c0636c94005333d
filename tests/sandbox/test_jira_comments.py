"""Comments and entity properties."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab

MARK = {"key": "syncd.origin", "value": {"zd": 7}}


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


def say(lab: JiraLab, key: str, body: str = "Hello", **more: Any) -> Any:
    return lab.post(f"/issue/{key}/comment", {"body": body, **more})


def test_a_comment_carries_a_property_from_the_start(lab: JiraLab) -> None:
    key = lab.make()
    made = say(lab, key, properties=[MARK])
    assert (made["body"], made["author"]["displayName"]) == ("Hello", "Sync Bot")
    assert "properties" not in made
    listed = lab.get(f"/issue/{key}/comment", expand="properties")["comments"]
    assert listed[0]["properties"] == [MARK]
    assert lab.get(f"/comment/{made['id']}/properties/syncd.origin") == MARK
    assert [entry["key"] for entry in lab.get(f"/comment/{made['id']}/properties")["keys"]] == ["syncd.origin"]
    lab.world.switches["comment_expand_properties"] = False
    assert "properties" not in lab.get(f"/issue/{key}/comment", expand="properties")["comments"][0]


def test_a_property_of_a_comment_is_put_and_taken_away(lab: JiraLab) -> None:
    number = say(lab, lab.make())["id"]
    path = f"/comment/{number}/properties/p"
    assert [lab.call("PUT", path, json={"a": 1}).status_code for _ in range(2)] == [201, 200]
    assert lab.call("DELETE", path).status_code == 204
    assert lab.call("GET", path).status_code == 404
    assert lab.call("DELETE", path).status_code == 404
    assert lab.call("GET", "/comment/99/properties").status_code == 404


def test_comments_are_paged_and_sorted(lab: JiraLab) -> None:
    key = lab.make()
    for number in range(120):
        lab.world.comment(lab.dev, key, str(number))
        lab.clock.advance(1)
    page = lab.get(f"/issue/{key}/comment")
    size = 100 if lab.cloud else 50
    assert (page["maxResults"], page["total"], len(page["comments"])) == (size, 120, size)
    assert page["comments"][0]["body"] == "0"
    newest = lab.get(f"/issue/{key}/comment", orderBy="-created", maxResults=2, startAt=1)
    assert [entry["body"] for entry in newest["comments"]] == ["118", "117"]
    assert lab.call("GET", f"/issue/{key}/comment?orderBy=author").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"body": ""}, id="without a text"),
        pytest.param({"body": " \n"}, id="of blanks"),
        pytest.param({}, id="without a body"),
        pytest.param({"body": {"type": "doc", "content": []}}, id="that is a document on version 2"),
        pytest.param({"body": "x" * 32_768}, id="that is too long"),
        pytest.param({"body": "x", "visibility": {"type": "role", "value": "Gods"}}, id="for an unknown role"),
        pytest.param({"body": "x", "visibility": {"type": "group", "value": "gods"}}, id="for an unknown group"),
        pytest.param({"body": "x", "visibility": {"type": "role", "value": "Developers"}}, id="for others only"),
    ],
)
def test_a_comment_is_refused(lab: JiraLab, body: dict[str, Any]) -> None:
    key = lab.make()
    lab.post(f"/issue/{key}/comment", body, 400)
    assert lab.world.issue_state(key)["comments"] == []


def test_a_restricted_comment_is_not_there_for_others(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.site.add_to_role("Developers", lab.dev)
    number = lab.world.comment(lab.dev, key, "secret", visibility="Developers")
    assert lab.get(f"/issue/{key}/comment")["total"] == 0
    assert lab.get(f"/issue/{key}")["fields"]["comment"]["total"] == 0
    assert lab.call("GET", f"/issue/{key}/comment/{number}").status_code == 404
    lab.login(lab.dev)
    shown = lab.get(f"/issue/{key}/comment")["comments"][0]["visibility"]
    expected = {"type": "role", "value": "Developers"}
    assert shown == (expected | {"identifier": "Developers"} if lab.cloud else expected)


def test_internal_comments_of_a_service_desk_and_the_field_that_proves_nothing_elsewhere() -> None:
    lab = JiraLab("cloud")
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    seen = {}
    for project in ("DESK", "DEV"):
        key = lab.make(project=project)
        say(lab, key)
        say(lab, key, properties=internal)
        seen[project] = [entry["jsdPublic"] for entry in lab.get(f"/issue/{key}/comment")["comments"]]
    assert seen == {"DESK": [True, False], "DEV": [True, True]}
    dc = JiraLab("data_center")
    assert "jsdPublic" not in say(dc, dc.make(project="DESK"))


def test_an_edit_replaces_text_and_forgets_a_visibility_that_is_not_repeated(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.site.add_to_role("Developers", lab.bot)
    made = say(lab, key, visibility={"type": "role", "value": "Developers"}, properties=[MARK])
    lab.clock.advance(5)
    path = f"/issue/{key}/comment/{made['id']}"
    edited = lab.call("PUT", path, json={"body": "Bye"}).json()
    assert (edited["body"], "visibility" in edited, edited["created"]) == ("Bye", False, made["created"])
    assert edited["updated"] > made["updated"]
    assert lab.world.issue_state(key)["comments"][0]["properties"] == {"syncd.origin": {"zd": 7}}


def test_other_peoples_comments_are_touched_by_administrators_only(lab: JiraLab) -> None:
    key = lab.make()
    path = f"/issue/{key}/comment/{lab.world.comment(lab.dev, key, 'mine')}"
    assert lab.call("PUT", path, json={"body": "yours"}).status_code == 400
    assert lab.call("DELETE", path).status_code == 400
    lab.login(lab.admin)
    assert lab.call("PUT", path, json={"body": "ours"}).status_code == 200
    assert lab.call("DELETE", path).status_code == 204
    assert lab.call("DELETE", path).status_code == 404


def test_a_deleted_comment_moves_updated(lab: JiraLab) -> None:
    key = lab.make()
    number = say(lab, key)["id"]
    before = lab.world.issue_state(key)["updated_ms"]
    lab.clock.advance(1)
    assert lab.call("DELETE", f"/issue/{key}/comment/{number}").status_code == 204
    assert lab.world.issue_state(key)["updated_ms"] > before


def test_a_full_issue_takes_no_more_comments(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.switches["comment_limit"] = 1
    say(lab, key)
    lab.post(f"/issue/{key}/comment", {"body": "one more"}, 413)


def test_comments_need_their_permission(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.deny(lab.bot, "ADD_COMMENTS", "DEV")
    lab.post(f"/issue/{key}/comment", {"body": "x"}, 400)


def test_comments_are_listed_by_id_on_cloud() -> None:
    lab = JiraLab("cloud")
    numbers = [int(say(lab, lab.make(), str(n), properties=[MARK])["id"]) for n in range(2)]
    answer = lab.post("/comment/list?expand=properties", {"ids": [*numbers, 99]}, 200)
    assert [(entry["body"], entry["properties"]) for entry in answer["values"]] == [("0", [MARK]), ("1", [MARK])]
    lab.post("/comment/list", {"ids": []}, 400)
    lab.post("/comment/list", {"ids": list(range(1001))}, 400)


def test_people_edit_hide_and_delete_comments(lab: JiraLab) -> None:
    key = lab.make()
    number = lab.world.comment(lab.dev, key, "first", internal=True)
    lab.world.edit_comment(lab.admin, number, "second")
    lab.world.set_internal(lab.dev, number, False)
    (entry,) = lab.world.issue_state(key)["comments"]
    assert (entry["body"], entry["author"], entry["update_author"]) == ("second", lab.dev, lab.admin)
    assert entry["properties"] == {"sd.public.comment": {"internal": False}}
    lab.world.delete_comment(lab.dev, number)
    assert lab.world.issue_state(key)["comments"] == []
    with pytest.raises(ValueError, match="no comment"):
        lab.world.delete_comment(lab.dev, number)


# Properties of issues


def test_a_property_is_created_replaced_listed_and_taken_away(lab: JiraLab) -> None:
    key = lab.make()
    path = f"/issue/{key}/properties/syncd.state%2Fone"
    assert [lab.call("PUT", path, json={"a": 1}).status_code for _ in range(2)] == [201, 200]
    assert lab.get(path) == {"key": "syncd.state/one", "value": {"a": 1}}
    assert [entry["key"] for entry in lab.get(f"/issue/{key}/properties")["keys"]] == ["syncd.state/one"]
    assert lab.call("DELETE", path).status_code == 204
    assert lab.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("path", "data"),
    [
        pytest.param("p", "{", id="that is no JSON"),
        pytest.param("p", '"' + "x" * 32_768 + '"', id="that is too long"),
        pytest.param("k" * 256, "1", id="with too long a key"),
    ],
)
def test_a_property_is_refused(lab: JiraLab, path: str, data: str) -> None:
    assert lab.call("PUT", f"/issue/{lab.make()}/properties/{path}", data=data).status_code == 400


def test_properties_need_the_permission_to_edit(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.deny(lab.bot, "EDIT_ISSUES", "DEV")
    assert lab.call("PUT", f"/issue/{key}/properties/p", json=1).status_code == 403
