"""Remote links, issue links and attachments."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab

GLOBAL_ID = "system=https://zd.example&id=7"


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


def remote(**more: Any) -> dict[str, Any]:
    return {"globalId": GLOBAL_ID, "object": {"url": "https://zd.example/7", "title": "#7"}, **more}


def test_a_remote_link_is_upserted_and_what_is_left_out_becomes_null(lab: JiraLab) -> None:
    key = lab.make()
    path = f"/issue/{key}/remotelink"
    first = lab.call(
        "POST", path, json=remote(relationship="is caused by", application={"type": "com.zendesk", "name": "Zendesk"})
    )
    second = lab.call("POST", path, json=remote())
    assert (first.status_code, second.status_code) == ((201, 200) if lab.cloud else (200, 200))
    assert first.json()["id"] == second.json()["id"]
    assert isinstance(first.json()["id"], int)
    (link,) = lab.get(path)
    assert "relationship" not in link
    assert link["application"] == {}
    assert lab.get(f"{path}?globalId={quote(GLOBAL_ID, safe='')}")["id"] == link["id"]
    assert lab.call("GET", path, params={"globalId": "nothing"}).status_code == 404


def test_remote_links_without_an_id_pile_up(lab: JiraLab) -> None:
    key = lab.make()
    for _ in range(2):
        lab.call("POST", f"/issue/{key}/remotelink", json=remote(globalId=None))
    assert len(lab.get(f"/issue/{key}/remotelink")) == 2


def test_a_remote_link_is_read_changed_and_deleted_by_number(lab: JiraLab) -> None:
    key = lab.make()
    number = lab.call("POST", f"/issue/{key}/remotelink", json=remote()).json()["id"]
    path = f"/issue/{key}/remotelink/{number}"
    assert lab.call("PUT", path, json=remote(relationship="blocks")).status_code == 204
    assert lab.get(path)["relationship"] == "blocks"
    assert lab.call("DELETE", path).status_code == 204
    assert lab.call("GET", path).status_code == 404
    assert lab.call("DELETE", f"/issue/{key}/remotelink", params={"globalId": GLOBAL_ID}).status_code == 404
    assert lab.call("DELETE", f"/issue/{key}/remotelink").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"globalId": "g"}, id="without an object"),
        pytest.param({"object": {"url": "https://zd.example"}}, id="without a title"),
        pytest.param({"object": {"title": "#7"}}, id="without an address"),
        pytest.param(remote(globalId="g" * 256), id="with too long an id"),
    ],
)
def test_a_remote_link_is_refused(lab: JiraLab, body: dict[str, Any]) -> None:
    assert lab.call("POST", f"/issue/{lab.make()}/remotelink", json=body).status_code == 400


def test_a_duplicate_is_linked_and_shows_on_both_sides(lab: JiraLab) -> None:
    twin, original = lab.make(), lab.make()
    body = {"type": {"name": "Duplicate"}, "inwardIssue": {"key": twin}, "outwardIssue": {"key": original}}
    for _ in range(2):
        assert lab.post("/issueLink", body) is None
    (from_twin,) = lab.get(f"/issue/{twin}")["fields"]["issuelinks"]
    (from_original,) = lab.get(f"/issue/{original}")["fields"]["issuelinks"]
    assert (from_twin["outwardIssue"]["key"], from_twin["type"]["outward"]) == (original, "duplicates")
    assert (from_original["inwardIssue"]["key"], from_original["type"]["inward"]) == (twin, "is duplicated by")
    assert "inwardIssue" not in from_twin
    number = from_twin["id"]
    assert lab.get(f"/issueLink/{number}")["inwardIssue"]["key"] == twin
    assert lab.call("DELETE", f"/issueLink/{number}").status_code in {200, 204}
    assert lab.get(f"/issue/{twin}")["fields"]["issuelinks"] == []
    assert lab.call("GET", f"/issueLink/{number}").status_code == 404


def test_a_link_to_a_hidden_issue_does_not_show(lab: JiraLab) -> None:
    lab.world.add_project("HID", "Hidden", members=[lab.dev])
    key, hidden = lab.make(), lab.make(project="HID")
    lab.world.link_issues(lab.dev, "Duplicate", key, hidden)
    assert lab.get(f"/issue/{key}")["fields"]["issuelinks"] == []
    lab.login(lab.dev)
    assert len(lab.get(f"/issue/{key}")["fields"]["issuelinks"]) == 1


def test_unknown_links_and_kinds_are_not_found(lab: JiraLab) -> None:
    key = lab.make()
    ends = {"inwardIssue": {"key": key}, "outwardIssue": {"key": "DEV-99"}}
    lab.post("/issueLink", {"type": {"name": "Duplicate"}, **ends}, 404)
    lab.post("/issueLink", {"type": {"name": "Marries"}, **ends}, 404)
    with pytest.raises(ValueError, match="no link type"):
        lab.world.link_issues(lab.dev, "Marries", key, key)
    assert [kind["name"] for kind in lab.get("/issueLinkType")["issueLinkTypes"]] == [
        "Blocks",
        "Cloners",
        "Duplicate",
        "Relates",
    ]


def upload(lab: JiraLab, key: str, content: bytes = b"log", check: str | None = "no-check") -> Any:
    headers = {} if check is None else {"X-Atlassian-Token": check}
    files = {"file": ("app log.txt", content, "text/plain")}
    return lab.call("POST", f"/issue/{key}/attachments", files=files, headers=headers)


def test_a_file_is_added_read_and_removed(lab: JiraLab) -> None:
    key = lab.make()
    (entry,) = upload(lab, key, b"\x00\xfflog").json()
    assert (entry["filename"], entry["size"], entry["mimeType"]) == ("app log.txt", 5, "text/plain")
    content = lab.session.get(entry["content"])
    assert content.content == b"\x00\xfflog"
    assert [file["id"] for file in lab.get(f"/issue/{key}")["fields"]["attachment"]] == [entry["id"]]
    assert lab.get(f"/attachment/{entry['id']}")["author"]["displayName"] == "Sync Bot"
    (change,) = lab.get(f"/issue/{key}", expand="changelog")["changelog"]["histories"]
    assert change["items"][0]["toString"] == "app log.txt"
    assert lab.call("DELETE", f"/attachment/{entry['id']}").status_code == 204
    assert lab.call("GET", f"/attachment/{entry['id']}").status_code == 404


def test_an_upload_needs_the_header_against_forgery(lab: JiraLab) -> None:
    key = lab.make()
    assert upload(lab, key, check=None).status_code == 403
    assert upload(lab, key, check="nocheck").status_code == 200


def test_too_large_a_file_is_a_413_on_cloud_and_a_404_on_data_center(lab: JiraLab) -> None:
    lab.world.switches["attachment_limit_bytes"] = 2
    assert upload(lab, lab.make()).status_code == (413 if lab.cloud else 404)


def test_an_upload_needs_a_part_named_file_and_the_permission(lab: JiraLab) -> None:
    key = lab.make()
    headers = {"X-Atlassian-Token": "no-check"}
    other = lab.call("POST", f"/issue/{key}/attachments", files={"upload": ("a", b"b")}, headers=headers)
    assert other.status_code == 400
    lab.world.deny(lab.bot, "CREATE_ATTACHMENTS", "DEV")
    assert upload(lab, key).status_code == 403


def test_a_person_attaches_a_file(lab: JiraLab) -> None:
    key = lab.make()
    number = lab.world.attach(lab.dev, key, "a.txt", b"abc", "text/plain")
    assert lab.world.issue_state(key)["attachments"] == [
        {"id": number, "filename": "a.txt", "size": 3, "author": lab.dev}
    ]
