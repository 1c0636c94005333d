"""Rate limits, faults on request, and what the journal keeps."""

from __future__ import annotations

import pytest
import requests

from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab

LONG_MAX = "9223372036854775807"


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


@pytest.fixture
def cloud() -> JiraLab:
    return JiraLab("cloud")


@pytest.fixture
def dc() -> JiraLab:
    return JiraLab("data_center")


def write(lab: JiraLab, key: str) -> requests.Response:
    return lab.call("PUT", f"/issue/{key}", json={"fields": {"summary": "x"}})


def test_cloud_takes_twenty_writes_in_two_seconds_on_one_issue(cloud: JiraLab) -> None:
    key, other = cloud.make(), cloud.make()
    assert {write(cloud, key).status_code for _ in range(20)} == {204}
    refused = write(cloud, key)
    assert (refused.status_code, refused.headers["RateLimit-Reason"]) == (429, "jira-per-issue-on-write")
    assert refused.headers["Retry-After"] == "2"
    assert write(cloud, other).status_code == 204
    cloud.clock.advance(2)
    assert write(cloud, key).status_code == 204


def test_cloud_takes_a_hundred_writes_in_thirty_seconds_on_one_issue(cloud: JiraLab) -> None:
    key = cloud.make()
    for _ in range(5):
        assert {write(cloud, key).status_code for _ in range(20)} == {204}
        cloud.clock.advance(2)
    refused = write(cloud, key)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "20")
    cloud.clock.advance(20)
    assert write(cloud, key).status_code == 204


def test_a_refused_write_changes_nothing_and_data_center_has_no_such_limit(cloud: JiraLab, dc: JiraLab) -> None:
    key = cloud.make()
    for _ in range(20):
        write(cloud, key)
    before = cloud.world.issue_state(key)
    assert cloud.call("POST", f"/issue/{key}/comment", json={"body": "x"}).status_code == 429
    assert cloud.world.issue_state(key) == before
    cloud.world.switches["per_issue_limits"] = False
    assert write(cloud, key).status_code == 204
    assert {write(dc, dc.make()).status_code for _ in range(30)} == {204}


def test_cloud_tells_how_much_of_the_burst_is_left(cloud: JiraLab) -> None:
    cloud.world.switches["burst_limits"] = True
    key = cloud.make()
    first = cloud.call("GET", f"/issue/{key}")
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("150", "149")
    for _ in range(149):
        last = cloud.call("GET", f"/issue/{key}")
    assert (last.status_code, last.headers["X-RateLimit-NearLimit"]) == (200, "true")
    refused = cloud.call("GET", f"/issue/{key}")
    assert (refused.status_code, refused.headers["RateLimit-Reason"]) == (429, "jira-burst-based")
    assert refused.headers["X-RateLimit-Reset"].endswith("Z")
    assert cloud.call("GET", "/myself").status_code == 200
    cloud.clock.advance(1)
    assert cloud.call("GET", f"/issue/{key}").status_code == 200


def test_a_bucket_of_data_center_shows_on_every_answer_to_an_account(dc: JiraLab) -> None:
    assert "X-RateLimit-Limit" not in dc.call("GET", "/myself").headers
    dc.world.switches["dc_bucket"] = {"limit": 3, "fill_rate": 1, "interval": 1}
    seen = [dc.call("GET", "/myself") for _ in range(4)]
    assert [answer.status_code for answer in seen] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in seen] == ["2", "1", "0", "0"]
    assert [answer.headers["Retry-After"] for answer in seen] == ["0", "0", "1", "1"]
    assert seen[3].json() == {"message": "Rate limit exceeded."}
    dc.clock.advance(1)
    assert dc.call("GET", "/myself").status_code == 200
    dc.world.switches["dc_retry_after_zero"] = True
    assert dc.call("GET", "/myself").headers["Retry-After"] == "0"
    dc.session.auth = None
    assert "X-RateLimit-Limit" not in dc.call("GET", "/serverInfo").headers


def test_a_blocked_user_of_data_center_waits_for_ever(dc: JiraLab) -> None:
    dc.world.switches["dc_blocked_users"] = [dc.bot]
    refused = dc.call("GET", "/myself")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, LONG_MAX)
    dc.login(dc.dev)
    assert dc.call("GET", "/myself").status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "header", "value"),
    [
        pytest.param("quota", 429, "Retry-After", "1847", id="the hourly quota"),
        pytest.param("quota", 429, "RateLimit-Reason", "jira-quota-global-based", id="the quota has a reason"),
        pytest.param("burst", 429, "RateLimit-Reason", "jira-burst-based", id="a burst"),
        pytest.param("per_issue", 429, "RateLimit-Reason", "jira-per-issue-on-write", id="an issue's limit"),
        pytest.param("dc_limit", 429, "Retry-After", "0", id="an empty bucket that names no time"),
        pytest.param("dc_blocked", 429, "Retry-After", LONG_MAX, id="a blocked user"),
        pytest.param("retry_after_date", 429, "Retry-After", "Fri, 31 Dec 2099 23:59:59 GMT", id="a date"),
        pytest.param("html_503", 503, "Content-Type", "text/html; charset=utf-8", id="a page instead of JSON"),
        pytest.param("captcha", 403, "Content-Type", "text/html; charset=utf-8", id="a captcha"),
        pytest.param("html", 200, "Content-Type", "text/html; charset=utf-8", id="a login page with 200"),
    ],
)
def test_a_call_is_refused_on_request_and_nothing_is_done(
    lab: JiraLab, kind: str, status: int, header: str, value: str
) -> None:
    key = lab.make()
    before = lab.world.issue_state(key)
    lab.fault(kind, "PUT", "/issue/")
    answer = write(lab, key)
    assert (answer.status_code, answer.headers[header]) == (status, value)
    assert lab.world.issue_state(key) == before
    assert write(lab, key).status_code == 204
    assert lab.ctx.faults.fired() == {kind: 1}


def test_a_page_of_a_broken_proxy_may_name_a_time(lab: JiraLab) -> None:
    lab.fault("html_503", retry_after=7)
    assert lab.call("GET", "/myself").headers["Retry-After"] == "7"


@pytest.mark.parametrize("shape", ["dict", "list", "null", "null_messages", "missing"])
def test_errors_come_in_every_shape(lab: JiraLab, shape: str) -> None:
    lab.fault("errors", shape=shape, status=422)
    answer = lab.call("GET", "/myself")
    assert answer.status_code == 422
    errors = answer.json().get("errors", "absent")
    assert {"dict": dict, "list": list, "null": type(None), "null_messages": dict, "missing": str}[shape] is type(
        errors
    )


def test_an_unknown_kind_of_fault_does_nothing(lab: JiraLab) -> None:
    lab.fault("made_up")
    assert lab.call("GET", "/myself").status_code == 200


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        pytest.param("drop_before", 0, id="before it was done"),
        pytest.param("drop_after", 1, id="after it was done"),
    ],
)
def test_a_connection_breaks_around_a_create(lab: JiraLab, kind: str, made: int) -> None:
    fields = {"project": {"key": "DEV"}, "issuetype": {"name": "Bug"}, "summary": "x", "labels": ["zd-1"]}
    lab.fault(kind, "POST", "/issue$")
    with pytest.raises(requests.ConnectionError):
        lab.call("POST", "/issue", json={"fields": fields})
    assert len(lab.find("labels = zd-1")) == made


def test_a_create_may_be_applied_minutes_later(lab: JiraLab) -> None:
    fields = {"project": {"key": "DEV"}, "issuetype": {"name": "Bug"}, "summary": "x", "labels": ["zd-1"]}
    lab.fault("late", "POST", "/issue$", seconds=120)
    with pytest.raises(requests.ConnectionError):
        lab.call("POST", "/issue", json={"fields": fields})
    assert lab.find("labels = zd-1") == []
    lab.clock.advance(121)
    assert lab.find("labels = zd-1") == ["DEV-1"]
    assert lab.world.issue_state("DEV-1")["creator"] == lab.bot


def test_the_journal_names_the_actor_and_no_secret(lab: JiraLab) -> None:
    key = lab.make()
    write(lab, key)
    lab.session.auth = ("bot@jira.example", "wrong")
    lab.call("GET", "/serverInfo")
    written, anonymous = lab.ctx.journal.entries()
    assert (written["service"], written["method"], written["path"]) == ("jira", "PUT", f"/rest/api/2/issue/{key}")
    assert (written["status"], written["actor"]) == (204, lab.bot)
    assert written["body"] == {"fields": {"summary": "x"}}
    assert anonymous["actor"] == "anonymous"
    assert "secret of" not in str(lab.ctx.journal.entries())
