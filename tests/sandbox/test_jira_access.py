"""Who may ask what: credentials, identity, permissions, and what a server tells about itself."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sandbox.jira_http import CLOUD_ID, GATEWAY_PREFIX
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


def bearer(lab: JiraLab, token: str, path: str = "/myself") -> int:
    """The status of a call with a bearer token."""
    lab.session.auth = None
    return lab.call("GET", path, headers={"Authorization": f"Bearer {token}"}).status_code


def test_the_server_says_what_it_is_to_anybody(cloud: JiraLab, dc: JiraLab) -> None:
    for lab in (cloud, dc):
        lab.session.auth = None
    info = cloud.get("/serverInfo")
    assert (info["deploymentType"], info["version"], info["versionNumbers"]) == (
        "Cloud",
        "1001.0.0-SNAPSHOT",
        [1001, 0, 0],
    )
    info = dc.get("/serverInfo")
    assert (info["deploymentType"], info["versionNumbers"]) == ("Server", [10, 3, 5])
    assert cloud.get("//_edge/tenant_info") == {"cloudId": CLOUD_ID}


def test_myself_is_an_account_id_on_cloud_and_a_name_on_data_center(cloud: JiraLab, dc: JiraLab) -> None:
    me = cloud.get("/myself")
    assert (me["accountId"], me["accountType"], me["timeZone"]) == (cloud.bot, "atlassian", "Asia/Shanghai")
    assert "name" not in me
    me = dc.get("/myself")
    assert (me["name"], me["key"], "accountId" in me) == ("sync.bot", "JIRAUSER10100", False)
    cloud.world.switches["hide_emails"] = True
    assert "emailAddress" not in cloud.get("/myself")


def test_a_revoked_account_is_recognised_by_myself_only(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.revoke(lab.bot)
    assert lab.call("GET", "/myself").status_code == 401
    path = "/search/jql" if lab.cloud else "/search"
    answer = lab.call("GET", path, params={"jql": "project = DEV"})
    assert (answer.status_code, answer.json()["issues"]) == (200, [])
    assert answer.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"
    assert lab.call("GET", f"/issue/{key}").status_code == (404 if lab.cloud else 401)
    assert lab.call("POST", "/issue", json={"fields": {}}).status_code == 401
    assert lab.call("GET", "/project").json() == []
    assert lab.call("GET", "/project/DEV").status_code == 404
    assert lab.call("GET", "/status").status_code == 401
    assert lab.call("GET", "/serverInfo").status_code == 200
    lab.world.restore(lab.bot)
    assert lab.call("GET", "/myself").status_code == 200


def test_a_bulk_read_of_nobody_is_empty(cloud: JiraLab) -> None:
    key = cloud.make()
    cloud.world.revoke(cloud.bot)
    assert cloud.post("/issue/bulkfetch", {"issueIdsOrKeys": [key]}, 200)["issues"] == []


def test_wrong_credentials_can_be_refused_everywhere(lab: JiraLab) -> None:
    lab.world.switches["bad_token_search_200_empty"] = False
    lab.session.auth = ("bot@jira.example", "wrong")
    path = "/search/jql" if lab.cloud else "/search"
    assert lab.call("GET", path, params={"jql": "project = DEV"}).status_code == 401
    lab.session.auth = None
    assert lab.call("GET", path, params={"jql": "project = DEV"}).status_code == 200
    assert lab.call("GET", "/myself", headers={"Authorization": "Basic ?"}).status_code == 401


def test_data_center_says_who_it_thinks_is_asking(dc: JiraLab) -> None:
    answer = dc.call("GET", "/serverInfo")
    assert (answer.headers["X-AUSERNAME"], answer.headers["X-Seraph-LoginReason"]) == ("sync.bot", "OK")
    dc.session.auth = ("sync.bot", "wrong")
    assert dc.call("GET", "/serverInfo").headers["X-AUSERNAME"] == "anonymous"


def test_data_center_takes_personal_access_tokens(dc: JiraLab) -> None:
    dc.world.add_pat(dc.bot, "pat-1")
    assert (bearer(dc, "pat-1"), bearer(dc, "pat-2")) == (200, 401)


def test_tokens_with_scopes_work_through_the_gateway_only(cloud: JiraLab) -> None:
    cloud.world.add_scoped_token(cloud.bot, "scoped")
    cloud.world.add_pat(cloud.dev, "oauth")
    gateway = f"/{GATEWAY_PREFIX}/rest/api/2/myself"
    assert [bearer(cloud, token, gateway) for token in ("scoped", "oauth", "wrong")] == [200, 200, 401]
    assert bearer(cloud, "scoped") == 401
    cloud.session.auth = ("bot@jira.example", "scoped")
    assert cloud.get(gateway)["accountId"] == cloud.bot
    search = {"params": {"jql": "project = DEV"}}
    assert cloud.call("GET", "/search/jql", **search).status_code == 401
    assert cloud.call("GET", f"/{GATEWAY_PREFIX}/rest/api/3/search/jql", **search).status_code == 200
    cloud.session.auth = ("bot@jira.example", f"secret of {cloud.bot}")
    assert cloud.call("GET", "//ex/jira/another-cloud-id/rest/api/2/myself").status_code == 404
    assert cloud.get("//oauth/token/accessible-resources")[0]["id"] == CLOUD_ID


def test_data_center_may_live_below_a_context_path(dc: JiraLab) -> None:
    me = dc.get("//jira/rest/api/2/myself")
    assert me["self"].startswith("http://jira.test/jira/rest/api/2/user")
    assert dc.get("//jira/rest/api/2/serverInfo")["baseUrl"] == "http://jira.test/jira"


def test_a_project_is_there_for_its_members_only(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.set_members("DEV", [lab.dev])
    assert lab.call("GET", f"/issue/{key}").status_code == 404
    assert lab.call("POST", f"/issue/{key}/comment", json={"body": "x"}).status_code == 404
    assert "DEV" not in [project["key"] for project in lab.get("/project")]
    assert lab.call("GET", "/project/DEV/statuses").status_code == 404
    assert lab.find("labels is EMPTY") == []
    lab.world.set_members("DEV", None)
    assert lab.get(f"/issue/{key}")["key"] == key


def permissions(lab: JiraLab, *names: str, **more: str) -> dict[str, bool]:
    answer = lab.get("/mypermissions", permissions=",".join(names), **more)["permissions"]
    return {name: answer[name]["havePermission"] for name in names}


def test_permissions_are_told_for_a_project_and_for_an_issue(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.deny(lab.bot, "TRANSITION_ISSUES", "DEV")
    names = ("BROWSE_PROJECTS", "TRANSITION_ISSUES", "ADMINISTER", "DELETE_ISSUES")
    expected = dict(zip(names, (True, False, False, False), strict=True))
    assert permissions(lab, *names, projectKey="DEV") == expected
    assert permissions(lab, *names, issueKey=key) == expected
    assert permissions(lab, *names)["TRANSITION_ISSUES"] is True
    lab.login(lab.admin)
    assert all(permissions(lab, *names, projectKey="DEV").values())
    assert lab.call("GET", "/mypermissions?permissions=ADMINISTER&projectKey=NOPE").status_code == 404


def test_cloud_wants_to_know_which_permissions_and_data_center_tells_all(cloud: JiraLab, dc: JiraLab) -> None:
    assert cloud.call("GET", "/mypermissions").status_code == 400
    assert cloud.call("GET", "/mypermissions?permissions=FLY").status_code == 400
    assert len(dc.get("/mypermissions")["permissions"]) > 15
    for lab in (cloud, dc):
        lab.session.auth = None
    assert permissions(cloud, "CREATE_ISSUES", projectId="") == {"CREATE_ISSUES": False}
    assert dc.call("GET", "/mypermissions").status_code == 401


def test_edits_need_their_permission(lab: JiraLab) -> None:
    key = lab.make()
    for permission in ("EDIT_ISSUES", "ASSIGN_ISSUES", "LINK_ISSUES", "CREATE_ISSUES"):
        lab.world.deny(lab.bot, permission, "DEV")
    body: dict[str, Any] = {"fields": {"summary": "x"}}
    assert lab.call("PUT", f"/issue/{key}", json=body).status_code in {400, 403}
    assert lab.call("PUT", f"/issue/{key}/assignee", json={}).status_code == 403
    assert lab.call("POST", f"/issue/{key}/remotelink", json={}).status_code == 403
    fields = {"project": {"key": "DEV"}, "issuetype": {"name": "Bug"}, "summary": "x"}
    assert "project" in lab.post("/issue", {"fields": fields}, 400)["errors"]


# What is set up


def test_projects_are_listed_and_searched(cloud: JiraLab, dc: JiraLab) -> None:
    assert [entry["key"] for entry in dc.get("/project")] == ["DEV", "OPS", "WIDE", "DESK"]
    page = cloud.get("/project/search", maxResults=1, query="de", startAt=1)
    assert (page["total"], page["isLast"], page["values"][0]["key"]) == (3, False, "WIDE")
    assert [entry["key"] for entry in cloud.get("/project/search", keys="OPS")["values"]] == ["OPS"]
    assert dc.call("GET", "/project/search?query=x").status_code == 404
    project = cloud.get("/project/10000")
    assert (project["key"], {kind["name"] for kind in project["issueTypes"]} >= {"Bug", "Task"}) == ("DEV", True)


def test_statuses_come_with_ids_and_categories_by_issue_type(lab: JiraLab) -> None:
    bug = next(entry for entry in lab.get("/project/DEV/statuses") if entry["name"] == "Bug")
    shown = {status["name"]: status["statusCategory"]["key"] for status in bug["statuses"]}
    assert shown == {
        "To Do": "new",
        "In Progress": "indeterminate",
        "In Review": "indeterminate",
        "Done": "done",
        "Verified": "done",
        "Closed": "done",
        "Reopened": "new",
    }
    assert all(isinstance(status["id"], str) for status in bug["statuses"])


def test_versions_are_listed_paged_and_released(lab: JiraLab) -> None:
    number = lab.world.add_version("DEV", "3.2")
    lab.world.add_version("DEV", "3.3", release_date="2027-01-31")
    key = lab.make(fix_versions=["3.2"])
    before = lab.world.issue_state(key)["updated_ms"]
    lab.clock.advance(10)
    lab.world.release_version("DEV", "3.2", "2026-11-30")
    shown = {version["name"]: version for version in lab.get("/project/DEV/versions")}
    assert (shown["3.2"]["released"], shown["3.2"]["releaseDate"]) == (True, "2026-11-30")
    assert (shown["3.3"]["released"], shown["3.3"]["releaseDate"]) == (False, "2027-01-31")
    page = lab.get("/project/DEV/version", status="released")
    assert [version["name"] for version in page["values"]] == ["3.2"]
    assert lab.get(f"/version/{number}")["released"] is True
    assert lab.call("GET", "/version/99").status_code == 404
    assert lab.world.issue_state(key)["updated_ms"] == before
    with pytest.raises(ValueError, match="no version"):
        lab.world.release_version("DEV", "9.9", "2026-11-30")


def test_catalogues_are_listed(lab: JiraLab) -> None:
    assert [entry["name"] for entry in lab.get("/priority")] == ["Highest", "High", "Medium", "Low", "Lowest"]
    assert {"Done", "Fixed", "Won't Do"} <= {entry["name"] for entry in lab.get("/resolution")}
    assert {entry["key"]: entry["id"] for entry in lab.get("/statuscategory")} == {
        "undefined": 1,
        "new": 2,
        "done": 3,
        "indeterminate": 4,
    }
    assert "Bug" in {entry["name"] for entry in lab.get("/issuetype")}
    status = lab.get("/status")[0]
    assert lab.get(f"/status/{status['id']}") == status
    assert lab.call("GET", "/status/nothing").status_code == 404


def test_a_custom_field_may_answer_to_the_name_of_another(lab: JiraLab) -> None:
    lab.world.site.add_custom_field("Rank", "text", clause_names=["priority"])
    fields = {entry["id"]: entry for entry in lab.get("/field")}
    assert fields["customfield_10300"]["schema"]["type"] == "option"
    assert [key for key, entry in fields.items() if "priority" in entry["clauseNames"]] == [
        "priority",
        "customfield_10403",
    ]


def test_what_can_be_created_is_told_page_by_page(cloud: JiraLab, dc: JiraLab) -> None:
    for lab, kinds, fields in ((cloud, "issueTypes", "fields"), (dc, "values", "values")):
        lab.world.add_project("REQ", "Strict", required=["priority"])
        path = "/issue/createmeta/REQ/issuetypes"
        bug = next(entry for entry in lab.get(path)[kinds] if entry["name"] == "Bug")
        page = lab.get(f"{path}/{bug['id']}", maxResults=200)
        required = {entry["fieldId"] for entry in page[fields] if entry["required"]}
        assert required == {"project", "summary", "issuetype", "priority"}
        assert ("isLast" in page) is not lab.cloud
        assert lab.call("GET", f"{path}/99").status_code == 400
        assert lab.call("GET", "/issue/createmeta").status_code == 404
    assert cloud.call("GET", "/issue/createmeta/DEV/issuetypes?maxResults=201").status_code == 400
    assert dc.get("/issue/createmeta/DEV/issuetypes", maxResults=201)["isLast"] is True


def test_an_edit_screen_is_described(lab: JiraLab) -> None:
    key = lab.make()
    assert "resolution" not in lab.get(f"/issue/{key}/editmeta")["fields"]
    lab.world.switches["resolution_on_edit_screen"] = True
    fields = lab.get(f"/issue/{key}/editmeta")["fields"]
    assert fields["labels"]["operations"] == ["add", "set", "remove"]
    assert "resolution" in fields


def test_people_are_found_by_query_on_cloud_and_by_name_on_data_center(cloud: JiraLab, dc: JiraLab) -> None:
    assert [user["accountId"] for user in cloud.get("/user/search", query="dora")] == [cloud.dev]
    assert cloud.call("GET", "/user/search?username=dora").status_code == 400
    assert cloud.get("/user", accountId=cloud.dev)["displayName"] == "Dora Dev"
    assert [user["name"] for user in dc.get("/user/search", username="dora")] == [dc.dev]
    assert dc.get("/user", username=dc.dev)["displayName"] == dc.get("/user", key="JIRAUSER10101")["displayName"]
    assert dc.call("GET", "/user?username=nobody").status_code == 404


def test_assignable_people_are_filtered_after_paging(lab: JiraLab) -> None:
    lab.world.add_project("HID", "Hidden", members=[lab.bot, lab.admin])
    pages = [lab.get("/user/assignable/search", project="HID", maxResults=1, startAt=n) for n in range(3)]
    assert [len(page) for page in pages] == [1, 0, 1]
    key = lab.make()
    assert len(lab.get("/user/assignable/search", issueKey=key)) == 3


def test_application_links_are_for_administrators(lab: JiraLab) -> None:
    path = "//rest/applinks/latest/listApplicationlinks"
    assert lab.call("GET", path).status_code == 403
    lab.login(lab.admin)
    assert lab.get(path) == {"list": []}


def test_unknown_paths_and_methods_are_told_apart(lab: JiraLab) -> None:
    assert lab.call("GET", "/nothing").status_code == 404
    assert lab.call("DELETE", "/myself").status_code == 405
