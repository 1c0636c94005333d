"""The `jira` library against the pretend Jira over a real socket, built as syncd builds it."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from jira import JIRA, JIRAError
from werkzeug.serving import WSGIRequestHandler, make_server

from syncd.sandbox.jira_http import GATEWAY_PREFIX
from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab


class Quiet(WSGIRequestHandler):
    """Keeps connections open and writes no log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Nothing."""


class Served:
    """A lab behind a socket."""

    def __init__(self, lab: JiraLab, url: str) -> None:
        self.lab = lab
        self.url = url

    def client(self, prefix: str = "", **options: Any) -> JIRA:
        lab = self.lab
        secret = f"secret of {lab.bot}"
        login = options.pop("login", {"basic_auth": ("bot@jira.example" if lab.cloud else lab.bot, secret)})
        client = JIRA(
            self.url + prefix,
            options={"rest_api_version": "2", "headers": {"User-Agent": "syncd/1"}},
            get_server_info=False,
            max_retries=0,
            timeout=(5, 30),
            **login,
        )
        logging.getLogger("jira").setLevel(logging.NOTSET)
        client.deploymentType, client._version = ("Cloud", (1001, 0, 0)) if lab.cloud else ("Server", (10, 3, 5))
        client._fields_cache_value = {"\0": "\0"}
        return client


@pytest.fixture(params=DEPLOYMENTS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    lab = JiraLab(request.param)
    server = make_server("127.0.0.1", 0, lab.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield Served(lab, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()


def fields(**more: Any) -> dict[str, Any]:
    return {"project": {"key": "DEV"}, "issuetype": {"name": "Bug"}, "summary": "It broke", **more}


def test_the_library_finds_out_where_it_is_and_who_it_is(served: Served) -> None:
    client = served.client()
    assert client.server_info()["deploymentType"] == ("Cloud" if served.lab.cloud else "Server")
    assert client.myself()["displayName"] == "Sync Bot"
    assert client.my_permissions(projectKey="DEV", permissions="EDIT_ISSUES")["permissions"]["EDIT_ISSUES"]
    asked = served.lab.ctx.journal.entries()
    assert [entry["path"].rsplit("/", 1)[1] for entry in asked] == ["serverInfo", "myself", "mypermissions"]
    assert asked[0]["user_agent"] == "syncd/1"


def test_the_library_creates_edits_and_reads_an_issue(served: Served) -> None:
    client = served.client()
    made = client.create_issue(fields=fields(labels=["zd-1"]), prefetch=False)
    issue = client.issue(made.key, fields="status,labels", expand="changelog")
    assert (issue.fields.status.name, issue.fields.labels) == ("To Do", ["zd-1"])
    issue.update(fields={"summary": "Better"}, notify=True)
    assert client.issue(made.key).raw["fields"]["summary"] == "Better"
    assert client.issue(made.id, expand="changelog").changelog.histories[0].items[0].toString == "Better"


def test_the_library_searches_page_by_page(served: Served) -> None:
    client = served.client()
    for number in range(5):
        served.lab.make(str(number))
        served.lab.clock.advance(1)
    jql = f"project = DEV AND updated >= {served.lab.ms() - 60_000} ORDER BY updated ASC, key ASC"
    found: list[str] = []
    if served.lab.cloud:
        token = None
        while True:
            page: Any = client.enhanced_search_issues(
                jql, nextPageToken=token, maxResults=2, fields=["status"], json_result=True
            )
            found += [issue["key"] for issue in page["issues"]]
            token = page.get("nextPageToken")
            if not token:
                break
    else:
        for start in (0, 2, 4):
            page = client.search_issues(jql, startAt=start, maxResults=2, fields="status", json_result=True)
            found += [issue["key"] for issue in page["issues"]]
            assert page["total"] == 5
    assert found == [f"DEV-{number}" for number in range(1, 6)]


def test_the_library_reads_everything_through_resources(served: Served) -> None:
    for number in range(3):
        served.lab.make(str(number))
    client = served.client()
    issues = client.search_issues("project = DEV ORDER BY key ASC", maxResults=False, fields="*all")
    assert [issue.key for issue in issues] == ["DEV-1", "DEV-2", "DEV-3"]


def test_the_library_posts_a_search_with_nulls(served: Served) -> None:
    served.lab.make()
    client = served.client()
    if served.lab.cloud:
        page: Any = client.enhanced_search_issues("project = DEV", json_result=True, use_post=True, fields=["key"])
    else:
        page = client.search_issues("project = DEV", json_result=True, use_post=True, fields=["key"])
    assert [issue["key"] for issue in page["issues"]] == ["DEV-1"]


def test_the_library_walks_the_workflow(served: Served) -> None:
    client = served.client()
    key = served.lab.make()
    names = [entry["name"] for entry in client.transitions(key, expand="transitions.fields")]
    assert names == ["Start work", "Resolve directly"]
    client.transition_issue(key, "11")
    client.transition_issue(key, "Resolve", fields={"resolution": {"name": "Fixed"}})
    assert served.lab.world.issue_state(key)["resolution"] == "Fixed"
    with pytest.raises(JIRAError) as refused:
        client.transition_issue(key, "11")
    assert refused.value.status_code == 400


def test_the_library_comments_links_and_attaches(served: Served) -> None:
    client = served.client()
    key = served.lab.make(project="DESK")
    client.add_comment(key, "internal", is_internal=True)
    assert [comment.body for comment in client.comments(key)] == ["internal"]
    assert served.lab.world.issue_state(key)["comments"][0]["properties"]
    client._applicationlinks = []
    client.add_remote_link(key, {"url": "https://zd.example/7", "title": "#7"}, globalId="g")
    assert client.remote_links(key)[0].globalId == "g"
    client.add_attachment(key, io.BytesIO(b"log"), filename="app.log")
    assert client.issue(key).fields.attachment[0].get() == b"log"  # type: ignore[no-untyped-call]  # untyped there
    client.add_issue_property(key, "p", {"a": 1})
    assert client.issue_property(key, "p").value.a == 1


def test_the_sessions_of_the_library_reach_what_it_has_no_method_for(served: Served) -> None:
    client = served.client()
    body = {"fields": fields(labels=["zd-1"]), "properties": [{"key": "syncd.origin", "value": {"id": 1}}]}
    made = client._session.post(client._get_url("issue"), data=json.dumps(body)).json()
    assert client._get_json(f"issue/{made['key']}/properties/syncd.origin")["value"] == {"id": 1}
    note = {"body": "x", "properties": [{"key": "syncd.origin", "value": 2}]}
    answer = client._session.post(client._get_url(f"issue/{made['key']}/comment"), data=json.dumps(note))
    assert answer.status_code == 201
    if served.lab.cloud:
        fetched = client._get_json("issue/bulkfetch", {"issueIdsOrKeys": [made["key"]]}, use_post=True)
        assert fetched["issues"][0]["id"] == made["id"]


def test_the_library_reads_what_is_set_up(served: Served) -> None:
    served.lab.world.add_version("DEV", "3.2")
    client = served.client()
    assert [project.key for project in client.projects()] == ["DEV", "OPS", "WIDE", "DESK"]
    assert [version.name for version in client.project_versions("DEV")] == ["3.2"]
    assert "Closed" in [status.name for status in client.statuses()]
    assert "Fixed" in [resolution.name for resolution in client.resolutions()]
    assert "High" in [priority.name for priority in client.priorities()]
    assert "Duplicate" in [kind.name for kind in client.issue_link_types()]


def test_the_library_sees_a_bad_token_as_401_on_myself_and_as_nothing_in_search(served: Served) -> None:
    served.lab.make()
    client = served.client(login={"basic_auth": ("bot@jira.example", "wrong")})
    with pytest.raises(JIRAError) as refused:
        client.myself()
    assert refused.value.status_code == 401
    path = "search/jql" if served.lab.cloud else "search"
    assert client._get_json(path, {"jql": "project = DEV"})["issues"] == []


def test_the_library_takes_bearer_tokens(served: Served) -> None:
    served.lab.world.add_pat(served.lab.bot, "token-1")
    prefix = GATEWAY_PREFIX if served.lab.cloud else ""
    client = served.client(prefix, login={"token_auth": "token-1"})
    assert client.myself()["displayName"] == "Sync Bot"


def test_the_library_does_not_repeat_a_create_whose_answer_was_lost(served: Served) -> None:
    client = served.client()
    served.lab.fault("status_after", "POST", "/issue$", status=503, headers={"Retry-After": "1"})
    with pytest.raises(JIRAError):
        client.create_issue(fields=fields(labels=["zd-1"]), prefetch=False)
    assert served.lab.find("labels = zd-1") == ["DEV-1"]
