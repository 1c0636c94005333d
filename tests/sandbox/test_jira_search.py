"""Search: cursors on Cloud, offsets on Data Center, and an index that runs behind."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab

ORDER = "ORDER BY updated ASC, key ASC"


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


@pytest.fixture
def cloud() -> JiraLab:
    return JiraLab("cloud")


@pytest.fixture
def dc() -> JiraLab:
    return JiraLab("data_center")


def make_many(lab: JiraLab, count: int) -> list[str]:
    keys = []
    for number in range(count):
        keys.append(lab.make(f"Bug {number}"))
        lab.clock.advance(1)
    return keys


def walk(lab: JiraLab, jql: str, size: int, **more: Any) -> list[list[str]]:
    """The pages that a patient client gets on Cloud."""
    pages, token = [], None
    while True:
        body = {"jql": jql, "maxResults": size, "fields": ["status"], **more}
        if token:
            body["nextPageToken"] = token
        page = lab.post("/search/jql", body, 200)
        pages.append([issue["key"] for issue in page["issues"]])
        token = page.get("nextPageToken")
        assert page["isLast"] is (token is None)
        if token is None:
            return pages


# Cloud


def test_cloud_answers_bare_ids_unless_fields_are_named(cloud: JiraLab) -> None:
    key = cloud.make()
    assert cloud.get("/search/jql", jql="project = DEV") == {"issues": [{"id": "10001"}], "isLast": True}
    only_key = cloud.get("/search/jql", jql="project = DEV", fields="key")["issues"][0]
    assert (only_key["key"], "fields" in only_key) == (key, False)
    chosen = cloud.get("/search/jql", jql="project = DEV", fields="status,labels")["issues"][0]
    assert set(chosen["fields"]) == {"status", "labels"}


def test_cloud_walks_pages_by_token_and_the_last_page_has_none(cloud: JiraLab) -> None:
    keys = make_many(cloud, 7)
    assert walk(cloud, f"project = DEV {ORDER}", 3) == [keys[:3], keys[3:6], keys[6:]]
    assert walk(cloud, "project = DEV ORDER BY key DESC", 4) == [keys[:2:-1], keys[2::-1]]


def test_an_issue_that_moves_while_cloud_is_walked_comes_twice_and_none_is_lost(cloud: JiraLab) -> None:
    keys = make_many(cloud, 6)
    jql = f"project = DEV {ORDER}"
    first = cloud.post("/search/jql", {"jql": jql, "maxResults": 2, "fields": ["key", "status"]}, 200)
    cloud.world.edit(cloud.dev, keys[0], summary="moved to the end")
    seen = [issue["key"] for issue in first["issues"]]
    token = first["nextPageToken"]
    while token:
        body = {"jql": jql, "maxResults": 2, "fields": ["status"], "nextPageToken": token}
        page = cloud.post("/search/jql", body, 200)
        seen += [issue["key"] for issue in page["issues"]]
        token = page.get("nextPageToken")
    assert seen == [*keys, keys[0]]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"jql": "project = OPS"}, id="with another query"),
        pytest.param({"reconcileIssues": [10001]}, id="with another list to reconcile"),
        pytest.param({"nextPageToken": "bm90IGEgdG9rZW4="}, id="that is none"),
    ],
)
def test_a_token_is_refused(cloud: JiraLab, change: dict[str, Any]) -> None:
    make_many(cloud, 3)
    body = {"jql": "project = DEV", "maxResults": 1}
    token = cloud.post("/search/jql", body, 200)["nextPageToken"]
    assert base64.urlsafe_b64decode(token)
    cloud.post("/search/jql", body | {"nextPageToken": token} | change, 400)


def test_a_token_lives_seven_days(cloud: JiraLab) -> None:
    make_many(cloud, 3)
    body = {"jql": "project = DEV", "maxResults": 1}
    token = cloud.post("/search/jql", body, 200)["nextPageToken"]
    cloud.clock.advance(7 * 86400 - 1)
    cloud.post("/search/jql", body | {"nextPageToken": token}, 200)
    cloud.clock.advance(2)
    cloud.post("/search/jql", body | {"nextPageToken": token}, 400)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"jql": "order by key desc"}, id="without a restriction"),
        pytest.param({}, id="without a query"),
        pytest.param({"jql": "project = DEV", "maxResults": 0}, id="for a page of nothing"),
        pytest.param({"jql": "project = DEV", "properties": list("abcdef")}, id="for six properties"),
        pytest.param({"jql": "project = DEV", "reconcileIssues": list(range(51))}, id="with 51 to reconcile"),
        pytest.param({"jql": "project = DEV", "reconcileIssues": ["DEV-1"]}, id="with keys to reconcile"),
        pytest.param({"jql": "project = DEV", "expand": ["changelog"]}, id="with a list of expansions"),
        pytest.param({"jql": "project = DEV", "startAt": 50}, id="with an offset"),
        pytest.param({"jql": f"project = DEV ORDER BY {','.join(['key'] * 8)}"}, id="with eight sort keys"),
    ],
)
def test_cloud_refuses_a_search(cloud: JiraLab, body: dict[str, Any]) -> None:
    cloud.post("/search/jql", body, 400)


def test_cloud_caps_pages_silently_and_less_so_for_bare_ids(cloud: JiraLab) -> None:
    for number in range(130):
        cloud.make(str(number))
    with_fields = cloud.post("/search/jql", {"jql": "project = DEV", "maxResults": 5000, "fields": ["status"]}, 200)
    assert (len(with_fields["issues"]), with_fields["isLast"]) == (100, False)
    bare = cloud.post("/search/jql", {"jql": "project = DEV", "maxResults": 5000}, 200)
    assert (len(bare["issues"]), bare["isLast"]) == (130, True)
    assert len(cloud.get("/search/jql", jql="project = DEV")["issues"]) == 50


def test_the_old_search_is_gone_on_cloud(cloud: JiraLab) -> None:
    for method in ("GET", "POST"):
        response = cloud.call(method, "/search", params={"jql": "project = DEV"}, json={"jql": "project = DEV"})
        assert response.status_code == 410
        assert "search/jql" in response.json()["errorMessages"][0]


def test_cloud_embeds_at_most_twenty_comments_and_changes(cloud: JiraLab) -> None:
    key = cloud.make()
    for number in range(25):
        cloud.world.comment(cloud.dev, key, f"comment {number}")
        cloud.world.edit(cloud.dev, key, summary=f"title {number}")
    answer = cloud.get("/search/jql", jql="project = DEV", fields="comment", expand="changelog,names")
    (row,) = answer["issues"]
    assert (len(row["fields"]["comment"]["comments"]), row["fields"]["comment"]["total"]) == (20, 25)
    histories = row["changelog"]["histories"]
    assert (len(histories), row["changelog"]["total"]) == (20, 25)
    assert histories[0]["items"][0]["toString"] == "title 24"
    assert answer["names"] == {"comment": "Comment"}


def test_cloud_may_give_short_and_empty_pages_and_still_everything(cloud: JiraLab) -> None:
    keys = make_many(cloud, 30)
    cloud.world.switches.update(short_pages=True, empty_pages=True)
    pages = walk(cloud, f"project = DEV {ORDER}", 10)
    assert [key for page in pages for key in page] == keys
    assert len(pages) > 3
    assert [] in pages


def test_cloud_may_repeat_a_token_for_ever(cloud: JiraLab) -> None:
    make_many(cloud, 4)
    cloud.world.switches["repeat_token"] = True
    body = {"jql": "project = DEV", "maxResults": 1}
    first = cloud.post("/search/jql", body, 200)["nextPageToken"]
    for _ in range(3):
        assert cloud.post("/search/jql", body | {"nextPageToken": first}, 200)["nextPageToken"] == first


def test_an_approximate_count_counts(cloud: JiraLab) -> None:
    make_many(cloud, 3)
    assert cloud.post("/search/approximate-count", {"jql": "project = DEV"}, 200) == {"count": 3}


# Data Center


def test_data_center_pages_by_offset_with_navigable_fields(dc: JiraLab) -> None:
    keys = make_many(dc, 5)
    page = dc.get("/search", jql=f"project = DEV {ORDER}", startAt=3, maxResults=50)
    assert (page["startAt"], page["maxResults"], page["total"]) == (3, 50, 5)
    assert [issue["key"] for issue in page["issues"]] == keys[3:]
    fields = page["issues"][0]["fields"]
    assert {"status", "updated", "description"} <= set(fields)
    assert not {"comment", "attachment"} & set(fields)
    assert dc.get("/search", jql="")["total"] == 5


def test_offset_paging_skips_a_row_when_an_issue_moves_between_pages(dc: JiraLab) -> None:
    keys = make_many(dc, 4)
    jql = f"project = DEV {ORDER}"
    first = dc.get("/search", jql=jql, maxResults=2)
    dc.world.edit(dc.dev, keys[0], summary="moved to the end")
    second = dc.get("/search", jql=jql, startAt=2, maxResults=2)
    seen = [issue["key"] for page in (first, second) for issue in page["issues"]]
    assert keys[2] not in seen


def test_data_center_caps_pages_and_says_so(dc: JiraLab) -> None:
    make_many(dc, 3)
    dc.world.switches["search_page_cap_dc"] = 2
    page = dc.get("/search", jql="project = DEV", maxResults=5000)
    assert (page["maxResults"], len(page["issues"]), page["total"]) == (2, 2, 3)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"properties": ["x"]}, id="a key of Cloud"),
        pytest.param({"expand": "changelog"}, id="expansions as a string"),
        pytest.param({"fields": "status"}, id="fields as a string"),
    ],
)
def test_data_center_reads_a_posted_search_strictly(dc: JiraLab, more: dict[str, Any]) -> None:
    response = dc.call("POST", "/search", json={"jql": "project = DEV"} | more)
    assert response.status_code == 400
    assert list(response.json()) == ["errorMessages"]


def test_data_center_gives_the_whole_changelog_oldest_first_without_field_ids(dc: JiraLab) -> None:
    key = dc.make()
    for number in range(25):
        dc.world.edit(dc.dev, key, summary=f"title {number}")
    body = {"jql": "project = DEV", "expand": ["changelog"], "fields": ["status"]}
    (row,) = dc.post("/search", body, 200)["issues"]
    histories = row["changelog"]["histories"]
    assert len(histories) == 25
    assert histories[0]["items"] == [
        {
            "field": "summary",
            "fieldtype": "jira",
            "from": None,
            "fromString": "It broke",
            "to": None,
            "toString": "title 0",
        }
    ]


def test_data_center_sorts_by_the_second_of_the_change(dc: JiraLab) -> None:
    first, second = dc.make("first"), dc.make("second")
    dc.clock.advance(0.2)
    dc.world.edit(dc.dev, second, summary="a little later")
    dc.clock.advance(0.2)
    dc.world.edit(dc.dev, first, summary="later still")
    assert dc.find(f"project = DEV {ORDER}") == [first, second]
    dc.world.switches["index_seconds_on_dc"] = False
    assert dc.find(f"project = DEV {ORDER}") == [second, first]


def test_there_is_no_cursor_search_on_data_center(dc: JiraLab) -> None:
    assert dc.call("GET", "/search/jql", params={"jql": "project = DEV"}).status_code == 404


# Both


def test_nobody_gets_an_empty_answer_with_200(lab: JiraLab) -> None:
    lab.make()
    lab.world.revoke(lab.bot)
    path = "/search/jql" if lab.cloud else "/search"
    answer = lab.get(path, jql="project = DEV")
    assert answer["issues"] == []
    lab.world.restore(lab.bot)
    assert len(lab.get(path, jql="project = DEV")["issues"]) == 1


def test_a_write_shows_at_once_by_key_and_late_in_search(lab: JiraLab) -> None:
    lab.world.switches["search_lag_seconds"] = 60
    key = lab.make(labels=["fresh"])
    assert lab.get(f"/issue/{key}")["key"] == key
    assert lab.find("labels = fresh") == []
    assert lab.world.state()["search_waiting"] == 1
    lab.clock.advance(61)
    assert lab.find("labels = fresh") == [key]


def test_a_lagging_search_shows_old_values_and_finds_by_them(lab: JiraLab) -> None:
    key = lab.make()
    before = lab.get(f"/issue/{key}", fields="updated")["fields"]["updated"]
    lab.world.switches["search_lag_seconds"] = 60
    lab.clock.advance(10)
    lab.world.transition(lab.dev, key, "In Progress")
    path = "/search/jql" if lab.cloud else "/search"
    (row,) = lab.get(path, jql='status = "To Do"', fields="status,updated")["issues"]
    assert (row["fields"]["status"]["name"], row["fields"]["updated"]) == ("To Do", before)
    assert lab.get(f"/issue/{key}")["fields"]["status"]["name"] == "In Progress"
    lab.world.switches["search_values"] = "live"
    (row,) = lab.get(path, jql='status = "To Do"', fields="status")["issues"]
    assert row["fields"]["status"]["name"] == "In Progress"
    lab.clock.advance(61)
    assert lab.find('status = "To Do"') == []


def test_writes_reach_search_out_of_order_but_an_issue_never_goes_back(lab: JiraLab) -> None:
    keys = [lab.make(str(number)) for number in range(12)]
    lab.world.switches.update(search_lag_seconds=1, search_lag_jitter_seconds=100)
    for key in keys:
        lab.clock.advance(1)
        lab.world.edit(lab.dev, key, labels=["one"])
        lab.world.edit(lab.dev, key, labels=["two"])
    orders = set()
    seen_two: set[str] = set()
    for _ in range(130):
        lab.clock.advance(1)
        two = set(lab.find("labels = two"))
        assert seen_two <= two
        seen_two = two
        orders.add(tuple(sorted(two)))
    assert seen_two == set(keys)
    by_write = {tuple(sorted(keys[:count])) for count in range(13)}
    assert orders - by_write


def test_reconciled_issues_are_searched_as_they_are(cloud: JiraLab) -> None:
    old = cloud.make("old")
    cloud.world.switches["search_lag_seconds"] = 600
    cloud.clock.advance(5)
    new = cloud.make("new")
    cloud.clock.advance(5)
    cloud.world.transition(cloud.dev, old, "In Progress")
    jql = f'project = DEV AND status = "To Do" {ORDER}'
    assert cloud.find(jql) == [old]
    assert cloud.find(jql, reconcileIssues=[10001]) == []
    assert cloud.find(jql, reconcileIssues=[10001, 10002, 999]) == [new]
    assert walk(cloud, f"project = DEV {ORDER}", 1, reconcileIssues=[10001, 10002]) == [[new], [old]]


def test_a_deleted_issue_stays_in_a_lagging_search(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.switches["search_lag_seconds"] = 60
    lab.world.delete_issue(lab.dev, key)
    assert lab.find("project = DEV") == [key]
    assert lab.call("GET", f"/issue/{key}").status_code == 404
    lab.clock.advance(61)
    assert lab.find("project = DEV") == []


def test_a_large_project_is_searched_by_its_newest_changes(lab: JiraLab) -> None:
    for number in range(3000):
        lab.world.create_issue(lab.dev, "DEV", f"Bug {number}")
    lab.clock.advance(60)
    lab.world.edit(lab.dev, "DEV-17", summary="touched")
    assert lab.find(f"project = DEV AND updated >= {lab.ms() - 1000} {ORDER}") == ["DEV-17"]


def test_a_field_can_be_absent(lab: JiraLab) -> None:
    key = lab.make()
    lab.world.switches["absent_fields"] = ["updated"]
    assert "updated" not in lab.get(f"/issue/{key}")["fields"]
    path = "/search/jql" if lab.cloud else "/search"
    (row,) = lab.get(path, jql="project = DEV", fields="updated,status")["issues"]
    assert set(row["fields"]) == {"status"}


def test_properties_come_with_search_and_are_never_stale(cloud: JiraLab) -> None:
    key = cloud.make()
    cloud.world.switches["search_lag_seconds"] = 60
    cloud.world.edit(cloud.dev, key, summary="held back")
    assert cloud.call("PUT", f"/issue/{key}/properties/p", json=1).status_code == 201
    (row,) = cloud.get("/search/jql", jql="project = DEV", fields="summary", properties="p,q")["issues"]
    assert (row["properties"], row["fields"]) == ({"p": 1}, {"summary": "It broke"})


def test_names_and_schemas_come_once_for_the_whole_page(lab: JiraLab) -> None:
    lab.make()
    path = "/search/jql" if lab.cloud else "/search"
    answer = lab.get(path, jql="project = DEV", fields="status,customfield_10300", expand="names,schema")
    assert answer["names"] == {"status": "Status", "customfield_10300": "Root cause"}
    assert answer["schema"]["customfield_10300"]["customId"] == 10300
    assert "names" not in answer["issues"][0]


def test_numbers_that_are_none_are_refused(lab: JiraLab) -> None:
    path = "/search/jql" if lab.cloud else "/search"
    assert lab.call("GET", path, params={"jql": "project = DEV", "maxResults": "all"}).status_code == 400
    if lab.cloud:
        params = {"jql": "project = DEV", "reconcileIssues": "DEV-1"}
        assert lab.call("GET", path, params=params).status_code == 400
        lab.post("/search/jql", {"jql": "project = DEV", "fields": [1]}, 400)
        lab.post("/search/jql", {"jql": 7}, 400)
        lab.post("/search/approximate-count", {"jql": "ORDER BY key"}, 400)


def test_a_page_of_bare_ids_may_carry_expansions(cloud: JiraLab) -> None:
    key = cloud.make()
    cloud.world.edit(cloud.dev, key, summary="New")
    (row,) = cloud.get("/search/jql", jql="project = DEV", fields="key", expand="changelog")["issues"]
    assert (row["key"], row["changelog"]["total"], "fields" in row) == (key, 1, False)
