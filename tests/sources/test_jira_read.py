"""Searching and reading issues, on both deployments, against answers made up here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from requests import PreparedRequest

from syncd.core.model import ActorKind
from syncd.sources.errors import AuthError, InvalidResponseError, NotFoundError, RefusedError, TransientError
from tests.sources.jira_kit import OWN, REST, TurnedClock, history, issue, jira_for, know, paths, query, sent

SINCE = 1_772_440_000_000
Answer = tuple[int, dict[str, str], str]
NOT_HERE = {"errorMessages": ["The value 'NO' does not exist for the field 'project'."], "errors": {}}


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as requests_mock:
        yield requests_mock


def refusing(*bad: str) -> Callable[[PreparedRequest], Answer]:
    """A search that answers 400 when its query names a project that is not there."""

    def search(request: PreparedRequest) -> Answer:
        jql: str = request.params["jql"]  # type: ignore[attr-defined]  # added by responses
        if any(f'"{key}"' in jql for key in bad):
            return 400, {}, json.dumps(NOT_HERE)
        return 200, {}, json.dumps({"issues": [issue(1)]})

    return search


class TestCloudSearch:
    PATH = f"{REST}/search/jql"

    def test_asks_for_fields_by_name_and_walks_by_token(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": [issue(1)], "nextPageToken": "t1", "isLast": False})
        mock.get(self.PATH, json={"issues": [issue(2)], "isLast": True})
        jira = jira_for()
        first = jira.changed(["WEB", "APP"], SINCE, None)
        assert ([i.key for i in first.issues], first.end) == (["WEB-1"], False)
        assert "nextPageToken" not in query(mock)
        assert query(mock)["jql"].startswith(f'project in ("WEB", "APP") AND updated >= {SINCE} ORDER BY')
        assert {"status", "updated", "resolution"} <= set(query(mock)["fields"].split(","))
        second = jira.changed(["WEB", "APP"], SINCE, first.cursor)
        assert ([i.key for i in second.issues], second.end, second.cursor) == (["WEB-2"], True, None)
        assert query(mock)["nextPageToken"] == "t1"
        assert mock.calls[0].request.params["jql"] == query(mock)["jql"]  # type: ignore[attr-defined]  # as above

    def test_an_empty_page_with_a_token_is_not_the_end(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": [], "nextPageToken": "t1"})
        page = jira_for().changed(["WEB"], SINCE, None)
        assert (page.issues, page.end) == ((), False)

    def test_an_empty_answer_is_given_as_it_is(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": [], "isLast": True})
        page = jira_for().changed(["WEB"], SINCE, None)
        assert (page.issues, page.end, page.malformed) == ((), True, ())

    def test_an_empty_answer_meant_for_nobody_is_an_auth_error(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": []}, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})
        with pytest.raises(AuthError):
            jira_for().changed(["WEB"], SINCE, None)

    def test_a_repeated_token_is_an_error(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": [issue(1)], "nextPageToken": "t1"})
        jira = jira_for()
        cursor = jira.changed(["WEB"], SINCE, None).cursor
        with pytest.raises(InvalidResponseError, match="repeats"):
            jira.changed(["WEB"], SINCE, cursor)

    def test_a_long_query_goes_as_post_and_is_still_a_read(self, mock: responses.RequestsMock) -> None:
        mock.post(self.PATH, status=503)
        mock.post(self.PATH, json={"issues": [issue(1)]})
        keys = [f"PROJECT{number:04}" for number in range(400)]
        assert len(jira_for().changed(keys, SINCE, None).issues) == 1
        assert isinstance(sent(mock)["fields"], list)
        assert "expand" not in sent(mock)

    def test_no_project_asks_nothing(self, mock: responses.RequestsMock) -> None:
        assert jira_for().changed([], SINCE, None).end
        assert not mock.calls

    def test_removed_endpoints_are_refused_in_the_servers_words(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/search", status=410, json={"errorMessages": ["The requested API has been removed."]})
        with pytest.raises(RefusedError, match="has been removed"):
            jira_for("data_center").changed(["WEB"], SINCE, None)
        assert len(mock.calls) == 1


class TestBadProject:
    PATH = f"{REST}/search/jql"

    def test_one_that_the_server_does_not_know_never_blocks_the_others(self, mock: responses.RequestsMock) -> None:
        mock.add_callback(responses.GET, self.PATH, refusing("NO"))
        page = jira_for().changed(["WEB", "NO", "APP"], SINCE, None)
        assert len(page.issues) == 1
        assert 'in ("WEB", "APP")' in query(mock)["jql"]
        (sentence,) = page.malformed
        assert sentence.startswith("project NO was left out: ")
        assert "does not exist" in sentence

    def test_it_is_remembered_for_minutes_and_then_asked_for_again(self, mock: responses.RequestsMock) -> None:
        mock.add_callback(responses.GET, self.PATH, refusing("NO"))
        clock = TurnedClock()
        jira = jira_for(clock=clock)
        jira.changed(["WEB", "NO"], SINCE, None)
        asked = len(mock.calls)
        assert jira.changed(["WEB", "NO"], SINCE, None).malformed
        assert len(mock.calls) == asked + 1
        clock.turn(301)
        mock.replace(responses.GET, self.PATH, json={"issues": []})
        assert not jira.changed(["WEB", "NO"], SINCE, None).malformed
        assert '"NO"' in query(mock)["jql"]

    @pytest.mark.parametrize("keys", [["NO"], ["NO", "NEITHER"]], ids=["the only one", "all of them"])
    def test_when_none_is_left_the_refusal_is_raised(self, mock: responses.RequestsMock, keys: list[str]) -> None:
        mock.add_callback(responses.GET, self.PATH, refusing("NO", "NEITHER"))
        jira = jira_for()
        for _ in range(2):
            with pytest.raises(RefusedError):
                jira.changed(keys, SINCE, None)

    def test_a_token_that_expired_begins_the_walk_anew(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": [issue(1)], "nextPageToken": "t1"})
        mock.get(self.PATH, status=400, json={"errorMessages": ["The next page token expired."], "errors": {}})
        mock.get(self.PATH, json={"issues": [issue(1), issue(2)]})
        jira = jira_for()
        page = jira.changed(["WEB"], SINCE, jira.changed(["WEB"], SINCE, None).cursor)
        assert (len(page.issues), page.end) == (2, True)
        assert "nextPageToken" not in query(mock)


class TestRows:
    PATH = f"{REST}/search/jql"

    def test_a_row_without_what_matters_is_read_directly(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": [issue(1, updated=...), issue(2)]})
        mock.get(f"{REST}/issue/10001", json=issue(1))
        page = jira_for().changed(["WEB"], SINCE, None)
        assert [i.key for i in page.issues] == ["WEB-1", "WEB-2"]
        assert page.issues[0].updated_ms > 0

    def test_one_that_stays_unreadable_is_named_and_blocks_no_other(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": [issue(1, status=...), "x", issue(2)]})
        mock.get(f"{REST}/issue/10001", json=issue(1, status=...))
        page = jira_for().changed(["WEB"], SINCE, None)
        assert [i.key for i in page.issues] == ["WEB-2"]
        assert len(page.malformed) == 2
        assert "WEB-1" in page.malformed[0]

    def test_a_resolution_that_a_project_always_hides_is_asked_for_once(self, mock: responses.RequestsMock) -> None:
        mock.get(self.PATH, json={"issues": [issue(1, resolution=...), issue(2, resolution=...)]})
        mock.get(f"{REST}/issue/10001", json=issue(1, resolution=...))
        page = jira_for().changed(["WEB"], SINCE, None)
        assert len(page.issues) == 2
        assert len(mock.calls) == 2

    def test_a_row_of_an_issue_that_is_gone_is_hidden(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.get(self.PATH, json={"issues": [issue(1, updated=...)]})
        mock.get(f"{REST}/issue/10001", status=404, json={})
        (found,) = jira_for().changed(["WEB"], SINCE, None).issues
        assert (found.id, found.key, found.visible) == ("10001", "WEB-1", False)

    @pytest.mark.parametrize("body", [{}, {"issues": None}, [], {"issues": {}}], ids=str)
    def test_an_answer_without_issues_is_not_an_empty_one(self, mock: responses.RequestsMock, body: Any) -> None:
        mock.get(self.PATH, json=body)
        with pytest.raises(InvalidResponseError):
            jira_for().changed(["WEB"], SINCE, None)


class TestDataCenterSearch:
    PATH = f"{REST}/search"

    def test_asks_anew_from_the_last_rows_second(self, mock: responses.RequestsMock) -> None:
        rows = [issue(1), issue(2, updated="2026-03-02T10:00:00.900+0000")]
        mock.get(self.PATH, json={"startAt": 0, "maxResults": 2, "total": 3, "issues": rows})
        mock.get(self.PATH, json={"startAt": 0, "maxResults": 2, "total": 2, "issues": rows[1:]})
        jira = jira_for("data_center")
        first = jira.changed(["WEB"], SINCE, None)
        assert query(mock)["startAt"] == "0"
        jira.changed(["WEB"], SINCE, first.cursor)
        assert "updated >= 1772445600000 " in query(mock)["jql"]
        assert query(mock)["startAt"] == "0"

    def test_counts_on_only_while_rows_share_one_second(self, mock: responses.RequestsMock) -> None:
        stamp = "2026-03-02T09:00:00.{}+0000"
        rows = [issue(1, updated=stamp.format("100")), issue(2, updated=stamp.format("900"))]
        mock.get(self.PATH, json={"startAt": 0, "maxResults": 2, "total": 5, "issues": rows})
        jira = jira_for("data_center")
        first = jira.changed(["WEB"], 1_772_442_000_000, None)
        jira.changed(["WEB"], 1_772_442_000_000, first.cursor)
        assert (query(mock)["startAt"], "updated >= 1772442000000 " in query(mock)["jql"]) == ("2", True)


class TestCloudRead:
    BULK = f"{REST}/issue/bulkfetch"

    def test_reads_a_hundred_a_call(self, mock: responses.RequestsMock) -> None:
        know(mock)

        def bulk(request: PreparedRequest) -> Answer:
            asked = json.loads(request.body or "{}")
            found = [issue(int(name) - 10000) for name in asked["issueIdsOrKeys"]]
            return 200, {}, json.dumps({"issues": found, "issueErrors": []})

        mock.add_callback(responses.POST, self.BULK, bulk)
        ids = [str(10000 + number) for number in range(250, 0, -1)]
        found = jira_for().read(ids, history=False)
        assert [i.id for i in found] == ids
        assert paths(mock).count("POST /rest/api/2/issue/bulkfetch") == 3
        assert isinstance(sent(mock, 0)["fields"], list)
        assert "expand" not in sent(mock, 0)

    def test_asks_for_the_changelog_only_when_wanted(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.post(
            self.BULK,
            json={
                "issues": [{**issue(1), "changelog": history((7, "3"), (6, "2"))}, {**issue(2), "changelog": history()}]
            },
        )
        first, second = jira_for().read(["10001", "WEB-2"])
        assert sent(mock, 0)["expand"] == ["changelog"]
        assert [change.id for change in first.history] == ["7", "6"]
        assert (second.key, second.history) == ("WEB-2", ())

    def test_a_cut_changelog_is_completed_from_its_list(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.get(f"{REST}/issue/10001", json={**issue(1), "changelog": history((9, "4"), (8, "3"), total=4)})
        listed = history((6, "1"), (7, "2"), total=4)["histories"]
        mock.get(f"{REST}/issue/10001/changelog", json={"values": listed, "startAt": 0, "total": 4, "isLast": False})
        (found,) = jira_for().read(["10001"])
        assert [change.id for change in found.history] == ["9", "8", "7", "6"]

    def test_a_changelog_of_a_bulk_fetch_that_may_be_cut_off_is_listed(self, mock: responses.RequestsMock) -> None:
        know(mock)
        embedded = history(*((number, "3") for number in range(25, 5, -1)))
        mock.post(
            self.BULK, json={"issues": [{**issue(1), "changelog": embedded}, {**issue(2), "changelog": history()}]}
        )
        listed = history(*((number, "3") for number in range(1, 26)))["histories"]
        mock.get(f"{REST}/issue/10001/changelog", json={"values": listed, "startAt": 0, "total": 25, "isLast": True})
        first, second = jira_for().read(["10001", "10002"])
        assert (len(first.history), second.history) == (25, ())

    def test_a_changelog_that_was_not_embedded_is_listed(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.get(f"{REST}/issue/10001", json=issue(1))
        for start in (0, 2):
            values = history((start + 1, "1"), (start + 2, "2"))["histories"]
            mock.get(f"{REST}/issue/10001/changelog", json={"values": values, "startAt": start, "total": 4})
        (found,) = jira_for().read(["10001"])
        assert [change.id for change in found.history] == ["4", "3", "2", "1"]
        assert query(mock, 2)["startAt"] == "2"

    def test_our_own_changes_are_told_from_others(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.get(f"{REST}/issue/10001", json={**issue(1), "changelog": history((9, "4"), author=OWN)})
        (found,) = jira_for().read(["10001"])
        assert found.history[0].actor.kind is ActorKind.SELF

    def test_missing_ones_are_gone_only_when_a_direct_reading_says_so(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.post(self.BULK, json={"issues": [issue(1)], "issueErrors": [{"id": "10002", "errorMessage": "later"}]})
        mock.get(f"{REST}/issue/10002", json=issue(2))
        mock.get(f"{REST}/issue/10003", status=404, json={"errorMessages": ["no"], "errors": {}})
        mock.get(f"{REST}/issue/10004", status=404, json={"errorMessages": ["no"], "errors": {}})
        found = jira_for().read(["10001", "10002", "10003", "10004"], history=False)
        assert [(i.id, i.visible) for i in found] == [
            ("10001", True),
            ("10002", True),
            ("10003", False),
            ("10004", False),
        ]

    def test_nothing_is_gone_when_the_credential_is_revoked(self, mock: responses.RequestsMock) -> None:
        mock.post(self.BULK, json={"issues": [], "issueErrors": []})
        mock.get(f"{REST}/issue/10001", status=404, json={})
        mock.get(f"{REST}/issue/10002", status=404, json={})
        mock.get(f"{REST}/myself", status=401, body="Client must be authenticated")
        with pytest.raises(AuthError):
            jira_for().census(["10001", "10002"])

    def test_a_moved_key_is_found_under_its_new_one(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.post(self.BULK, json={"issues": [issue(1), issue(2, project="APP")]})
        mock.get(f"{REST}/issue/WEB-2", json=issue(2, project="APP"))
        assert [i.key for i in jira_for().read(["web-1", "WEB-2", "10002"], history=False)] == ["WEB-1", "APP-2"]

    @pytest.mark.parametrize("name", ["", "../x", "WEB", "WEB-1 OR 1", "-1", "1" * 30], ids=str)
    def test_what_is_no_id_and_no_key_is_not_asked_for(self, mock: responses.RequestsMock, name: str) -> None:
        (found,) = jira_for().read([name])
        assert not found.visible
        assert not mock.calls

    @pytest.mark.parametrize("status", [404, 405])
    def test_a_server_without_bulk_fetch_is_read_one_by_one(self, mock: responses.RequestsMock, status: int) -> None:
        know(mock)
        mock.post(self.BULK, status=status, json={"message": "null for uri"})
        mock.get(f"{REST}/issue/10001", json=issue(1))
        mock.get(f"{REST}/issue/10002", json=issue(2))
        jira = jira_for()
        for _ in range(2):
            assert len(jira.read(["10001", "10002"], history=False)) == 2
        assert paths(mock).count("POST /rest/api/2/issue/bulkfetch") == 1

    def test_other_failures_of_bulk_fetch_are_failures(self, mock: responses.RequestsMock) -> None:
        mock.post(self.BULK, status=429, headers={"Retry-After": "5"})
        with pytest.raises(TransientError):
            jira_for().read(["10001", "10002"])

    def test_one_that_cannot_be_understood_is_left_out_of_many_and_an_error_alone(
        self, mock: responses.RequestsMock
    ) -> None:
        know(mock)
        broken = issue(1, status="open")
        mock.post(self.BULK, json={"issues": [broken, issue(2)]})
        mock.get(f"{REST}/issue/10001", json=broken)
        jira = jira_for()
        assert [i.id for i in jira.read(["10001", "10002"], history=False)] == ["10002"]
        with pytest.raises(InvalidResponseError, match="WEB-1: status"):
            jira.read(["10001"], history=False)

    def test_a_bulk_row_without_what_matters_is_read_directly(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.post(self.BULK, json={"issues": [issue(1, resolution=...), issue(2)]})
        mock.get(f"{REST}/issue/10001", json=issue(1, resolution={"id": "5", "name": "Won't Do"}))
        assert jira_for().read(["10001", "10002"], history=False)[0].resolution_id == "5"


class TestDataCenterRead:
    def test_reads_one_by_one_with_the_changelog(self, mock: responses.RequestsMock) -> None:
        know(mock, {"name": "syncd", "key": "JIRAUSER1"})
        mock.get(f"{REST}/issue/10001", json={**issue(1), "changelog": history((9, "4"))})
        mock.get(f"{REST}/issue/10002", status=404, json={})
        first, second = jira_for("data_center").read(["10001", "10002"])
        assert query(mock, 0)["expand"] == "changelog"
        assert (len(first.history), second.visible) == (1, False)

    def test_census_searches_by_id_without_checking_the_query(self, mock: responses.RequestsMock) -> None:
        know(mock, {"name": "syncd"})
        mock.get(f"{REST}/search", json={"startAt": 0, "maxResults": 1, "total": 2, "issues": [issue(1)]})
        mock.get(f"{REST}/search", json={"startAt": 1, "maxResults": 1, "total": 2, "issues": [issue(2)]})
        mock.get(f"{REST}/issue/10003", status=404, json={})
        found = jira_for("data_center").census(["10001", "10002", "10003"])
        assert [i.visible for i in found] == [True, True, False]
        assert query(mock, 0)["jql"] == "id in (10001, 10002, 10003) ORDER BY id ASC"
        assert query(mock, 0)["validateQuery"] == "false"
        assert query(mock, 1)["startAt"] == "1"

    def test_census_halves_a_query_that_is_refused_for_a_deleted_issue(self, mock: responses.RequestsMock) -> None:
        know(mock, {"name": "syncd"})

        def search(request: PreparedRequest) -> Answer:
            jql: str = request.params["jql"]  # type: ignore[attr-defined]  # added by responses
            ids = jql.partition("(")[2].partition(")")[0].split(", ")
            if "10003" in ids:
                return 400, {}, json.dumps({"errorMessages": ["A value with ID '10003' does not exist"]})
            return 200, {}, json.dumps({"total": len(ids), "issues": [issue(int(name) - 10000) for name in ids]})

        mock.add_callback(responses.GET, f"{REST}/search", search)
        mock.get(f"{REST}/issue/10003", status=404, json={})
        found = jira_for("data_center").census([str(10000 + number) for number in range(1, 9)])
        assert [i.id for i in found if not i.visible] == ["10003"]
        assert len(found) == 8
        assert sum("/search" in path for path in paths(mock)) == 7


def test_a_failing_read_is_asked_again_for_a_moment(mock: responses.RequestsMock) -> None:
    mock.get(f"{REST}/project/WEB/versions", status=502)
    mock.get(f"{REST}/project/WEB/versions", json=[])
    assert jira_for().versions("WEB") == ()


def test_a_project_page_of_another_server_is_not_found(mock: responses.RequestsMock) -> None:
    mock.get(f"{REST}/project/WEB/versions", status=404, json={})
    with pytest.raises(NotFoundError):
        jira_for().versions("WEB")
