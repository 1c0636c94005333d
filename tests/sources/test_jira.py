"""The Jira adapter against answers made up here: who we are, workflows, comments. Reading has a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import responses
from responses import matchers

from syncd.core.model import ActorKind, StatusInfo
from syncd.sources.credentials import Bearer
from syncd.sources.errors import (
    AuthError,
    InvalidResponseError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    SourceError,
    TransientError,
    UnknownError,
)
from tests.sources.jira_kit import OWN, REST, URL, TurnedClock, jira_for, know, paths, sent


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as requests_mock:
        yield requests_mock


INFO_CLOUD = {"baseUrl": "https://acme.example/", "version": "1001.0.0", "deploymentType": "Cloud"}
INFO_DC = {"baseUrl": URL, "version": "10.3.5", "deploymentType": "Server"}


class TestIdentity:
    def test_cloud(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/serverInfo", json=INFO_CLOUD)
        know(mock)
        found = jira_for("auto").identity()
        assert (found.server, found.account_id, found.name) == ("https://acme.example", OWN, "syncd")
        assert (found.deployment, found.time_zone) == ("cloud", "Asia/Shanghai")

    @pytest.mark.parametrize("kind", ["Server", "DataCenter", None], ids=["Server", "DataCenter", "nothing"])
    def test_data_center_by_any_name(self, mock: responses.RequestsMock, kind: str | None) -> None:
        mock.get(f"{REST}/serverInfo", json={**INFO_DC, "deploymentType": kind})
        know(mock, {"name": "syncd", "key": "JIRAUSER1"})
        found = jira_for("auto").identity()
        assert (found.deployment, found.account_id, found.time_zone) == ("data_center", "syncd", "UTC")

    def test_the_credential_goes_only_to_this_server_in_the_header(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/serverInfo", json=INFO_CLOUD)
        know(mock)
        jira_for("auto").identity()
        assert {call.request.headers["Authorization"] for call in mock.calls} == {"Bearer tok-123456"}

    @pytest.mark.parametrize(
        ("status", "body", "headers"),
        [
            pytest.param(401, "Client must be authenticated", {}, id="401"),
            pytest.param(200, "{}", {}, id="an answer that names nobody"),
            pytest.param(200, '{"name": "x"}', {"X-AUSERNAME": "anonymous"}, id="X-AUSERNAME says anonymous"),
            pytest.param(
                200,
                '{"name": "x"}',
                {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
                id="the login is said to have failed",
            ),
        ],
    )
    def test_nobody_is_an_auth_error(
        self, mock: responses.RequestsMock, status: int, body: str, headers: dict[str, str]
    ) -> None:
        mock.get(f"{REST}/serverInfo", json=INFO_DC, headers={"X-AUSERNAME": "anonymous"})
        mock.get(f"{REST}/myself", status=status, body=body, headers=headers)
        with pytest.raises(AuthError):
            jira_for("auto").identity()

    def test_a_name_in_the_header_outweighs_a_failed_cookie(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/serverInfo", json=INFO_DC)
        headers = {"X-AUSERNAME": "syncd", "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
        mock.get(f"{REST}/myself", json={"name": "syncd"}, headers=headers)
        assert jira_for("auto").identity().account_id == "syncd"

    def test_a_secret_that_was_rotated_is_read_again_when_the_old_one_makes_us_nobody(
        self, mock: responses.RequestsMock
    ) -> None:
        words = iter(["old-secret", "new-secret"])

        class Rotated:
            def reveal(self) -> str:
                return next(words)

        mock.get(f"{REST}/project/WEB/versions", status=404, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})
        mock.get(f"{REST}/project/WEB/versions", json=[], headers={"X-AACCOUNTID": OWN})
        assert jira_for(auth=Bearer(Rotated())).versions("WEB") == ()
        assert mock.calls[1].request.headers["Authorization"] == "Bearer new-secret"

    def test_a_write_that_is_refused_to_nobody_is_an_auth_error(self, mock: responses.RequestsMock) -> None:
        mock.post(f"{REST}/issue/1/comment", status=404, headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})
        with pytest.raises(AuthError):
            jira_for().comment("1", "hello", marker="m1")
        assert len(mock.calls) == 1

    def test_a_server_that_is_no_jira_is_said_to_be_none(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/serverInfo", json={"hello": "world"})
        with pytest.raises(InvalidResponseError, match="not a Jira"):
            jira_for("auto").identity()

    @pytest.mark.parametrize("base", [f"{URL}/ex/jira/cloud-1", f"{URL}/jira/"], ids=["the gateway", "a context path"])
    def test_a_base_address_may_have_a_path(self, mock: responses.RequestsMock, base: str) -> None:
        mock.get(f"{base.rstrip('/')}/rest/api/2/serverInfo", json=INFO_CLOUD)
        mock.get(f"{base.rstrip('/')}/rest/api/2/myself", json={"accountId": OWN})
        assert jira_for("auto", url=base).identity().account_id == OWN

    def test_nothing_is_asked_before_it_is_needed(self, mock: responses.RequestsMock) -> None:
        jira_for("auto")
        assert not mock.calls


class TestBrowseUrl:
    def test_leads_to_the_site_that_is_configured(self) -> None:
        jira = jira_for(url="https://gateway.test/ex/jira/c1", site_url="https://acme.example/")
        assert jira.browse_url("WEB-7") == "https://acme.example/browse/WEB-7"

    def test_leads_to_the_server_itself_otherwise(self) -> None:
        assert jira_for(url=f"{URL}/jira").browse_url("WEB-7") == f"{URL}/jira/browse/WEB-7"

    def test_leads_from_the_gateway_to_the_site_that_it_told(self, mock: responses.RequestsMock) -> None:
        base = f"{URL}/ex/jira/c1"
        mock.get(f"{base}/rest/api/2/serverInfo", json=INFO_CLOUD)
        mock.get(f"{base}/rest/api/2/myself", json={"accountId": OWN})
        jira = jira_for(url=base)
        jira.identity()
        assert jira.browse_url("WEB-7") == "https://acme.example/browse/WEB-7"


class TestProject:
    def test_permissions_are_asked_by_name(self, mock: responses.RequestsMock) -> None:
        mock.get(
            f"{REST}/mypermissions",
            json={
                "permissions": {"BROWSE_PROJECTS": {"havePermission": True}, "ADMINISTER": {"havePermission": False}}
            },
        )
        found = jira_for().permissions("WEB")
        assert found == {"BROWSE_PROJECTS": True, "ADMINISTER": False}

    def test_a_permission_that_the_server_does_not_know_hides_no_other(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/mypermissions", status=400, json={"errorMessages": ["Unrecognized permission"], "errors": {}})
        mock.get(f"{REST}/mypermissions", json={"permissions": {"ADD_COMMENTS": {"havePermission": True}}})
        assert jira_for().permissions("WEB")["ADD_COMMENTS"]

    def test_catalog(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/project/WEB", json={"id": "10000", "key": "WEB"})
        done = {"id": "6", "name": "Done", "statusCategory": {"key": "done"}}
        mock.get(f"{REST}/project/WEB/statuses", json=[{"id": "1", "name": "Bug", "statuses": [done]}])
        mock.get(f"{REST}/resolution", json=[{"id": "1", "name": "Fixed"}])
        mock.get(f"{REST}/project/WEB/versions", json=[{"id": "9", "name": "1.2"}])
        found = jira_for().catalog("WEB")
        assert (found.key, found.id, found.resolutions) == ("WEB", "10000", (("1", "Fixed"),))
        assert found.statuses == {"Bug": (StatusInfo("6", "Done", "done"),)}
        assert [version.name for version in found.versions] == ["1.2"]

    def test_an_unknown_project_is_not_found(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/project/NO", status=404, json={"errorMessages": ["No project"], "errors": {}})
        with pytest.raises(NotFoundError):
            jira_for().catalog("NO")

    def test_a_key_cannot_lead_to_another_path(self, mock: responses.RequestsMock) -> None:
        mock.get(f"{REST}/project/A%2FB/versions", status=404, json={})
        with pytest.raises(NotFoundError):
            jira_for().versions("A/B")


class TestTransition:
    URL = f"{REST}/issue/10305/transitions"

    def test_the_body_names_the_transition_by_id_and_carries_the_marker(self, mock: responses.RequestsMock) -> None:
        mock.post(self.URL, status=204)
        jira_for().transition("10305", "31", {"resolution": {"name": "Done"}}, marker="m1")
        body = sent(mock)
        assert body["transition"] == {"id": "31"}
        assert body["fields"] == {"resolution": {"name": "Done"}}
        assert body["historyMetadata"]["extraData"] == {"op": "m1"}
        assert body["historyMetadata"]["generator"]["id"] == "syncd"
        assert "update" not in body

    def test_no_fields_are_sent_when_there_are_none(self, mock: responses.RequestsMock) -> None:
        mock.post(self.URL, status=204)
        jira_for().transition("10305", "31", {}, marker="m1")
        assert "fields" not in sent(mock)

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, RefusedError),
            (401, AuthError),
            (403, RefusedError),
            (404, NotFoundError),
            (409, PreconditionError),
            (413, RefusedError),
            (422, RefusedError),
            (429, TransientError),
            (500, UnknownError),
            (502, UnknownError),
            (503, UnknownError),
            (302, InvalidResponseError),
        ],
    )
    def test_what_an_answer_means_and_that_nothing_is_sent_twice(
        self, mock: responses.RequestsMock, status: int, error: type[SourceError]
    ) -> None:
        headers = {"Retry-After": "1", "Location": f"{URL}/elsewhere"}
        mock.post(self.URL, status=status, json={"errorMessages": ["no"], "errors": {}}, headers=headers)
        with pytest.raises(error):
            jira_for().transition("10305", "31", {}, marker="m1")
        assert paths(mock) == ["POST /rest/api/2/issue/10305/transitions"]

    @pytest.mark.parametrize(
        ("body", "fields", "words"),
        [
            pytest.param(
                {"errorMessages": [], "errors": {"resolution": "Field 'resolution' cannot be set."}},
                {"resolution": "Field 'resolution' cannot be set."},
                "cannot be set",
                id="by field",
            ),
            pytest.param(
                {"errorMessages": ["Field Resolution is required."], "errors": {}}, {}, "is required", id="in messages"
            ),
            pytest.param({"errorMessages": None, "errors": None}, {}, "400", id="nulls"),
            pytest.param({"errors": [{"message": "distinct"}]}, {}, "distinct", id="a list"),
        ],
    )
    def test_a_refusal_keeps_the_names_of_fields(
        self, mock: responses.RequestsMock, body: Any, fields: dict[str, str], words: str
    ) -> None:
        mock.post(self.URL, status=400, json=body)
        with pytest.raises(RefusedError, match=words) as caught:
            jira_for().transition("10305", "31", {}, marker="m1")
        assert caught.value.fields == fields

    def test_a_login_page_instead_of_an_answer_proves_nothing(self, mock: responses.RequestsMock) -> None:
        mock.post(self.URL, body="<html><title>Log in</title></html>", content_type="text/html")
        with pytest.raises(InvalidResponseError):
            jira_for().transition("10305", "31", {}, marker="m1")

    def test_an_empty_200_is_no_answer_of_jiras(self, mock: responses.RequestsMock) -> None:
        mock.post(f"{REST}/issue/10305/transitions", body="", status=200)
        with pytest.raises(InvalidResponseError):
            jira_for().transition("10305", "31", {}, marker="m1")

    @pytest.mark.parametrize("body", ["", "{}", "[]", "null"])
    def test_a_remote_link_counts_only_when_the_answer_names_it(self, mock: responses.RequestsMock, body: str) -> None:
        mock.post(f"{REST}/issue/10305/remotelink", body=body, status=200)
        with pytest.raises(InvalidResponseError):
            jira_for().creator.show_ticket("10305", global_id="g", url="https://x", title="t")

    def test_transitions_are_asked_with_their_screens(self, mock: responses.RequestsMock) -> None:
        mock.get(
            self.URL,
            json={"transitions": [{"id": "31", "name": "Done", "to": {"id": "6", "name": "Done"}}]},
            match=[matchers.query_param_matcher({"expand": "transitions.fields"})],
        )
        (found,) = jira_for().transitions("10305")
        assert (found.id, found.to_status_id) == ("31", "6")


class TestWriteLimit:
    def test_the_21st_write_to_an_issue_within_two_seconds_is_not_sent(self, mock: responses.RequestsMock) -> None:
        mock.post(f"{REST}/issue/10305/transitions", status=204)
        mock.post(f"{REST}/issue/10306/transitions", status=204)
        clock = TurnedClock()
        jira = jira_for(clock=clock)
        for _ in range(20):
            jira.transition("10305", "31", {}, marker="m1")
        clock.turn(0.5)
        with pytest.raises(TransientError) as caught:
            jira.transition("10305", "31", {}, marker="m1")
        assert (caught.value.retry_after, caught.value.bucket) == (1.5, "issue:10305")
        jira.transition("10306", "31", {}, marker="m1")
        clock.turn(1.5)
        jira.transition("10305", "31", {}, marker="m1")
        assert len(mock.calls) == 22

    def test_nor_is_the_101st_within_thirty_seconds(self, mock: responses.RequestsMock) -> None:
        mock.post(f"{REST}/issue/10305/transitions", status=204)
        clock = TurnedClock()
        jira = jira_for(clock=clock)
        for _ in range(100):
            jira.transition("10305", "31", {}, marker="m1")
            clock.turn(0.2)
        with pytest.raises(TransientError) as caught:
            jira.transition("10305", "31", {}, marker="m1")
        assert caught.value.retry_after == pytest.approx(10.0)

    def test_data_center_has_no_such_limit(self, mock: responses.RequestsMock) -> None:
        mock.post(f"{REST}/issue/10305/transitions", status=204)
        jira = jira_for("data_center")
        for _ in range(30):
            jira.transition("10305", "31", {}, marker="m1")
        assert len(mock.calls) == 30


class TestGraph:
    URL = f"{URL}/rest/api/3/workflows"
    ANSWER: ClassVar = {
        "statuses": [{"id": "1", "statusReference": "r1"}, {"id": "2", "statusReference": "r2"}],
        "workflows": [
            {"transitions": [{"type": "DIRECTED", "toStatusReference": "r2", "links": [{"fromStatusReference": "r1"}]}]}
        ],
    }  # fmt: skip

    def test_is_asked_once_an_hour(self, mock: responses.RequestsMock) -> None:
        mock.post(self.URL, json=self.ANSWER)
        clock = TurnedClock()
        jira = jira_for(clock=clock)
        assert jira.graph("10000", "10004") == (("1", "2"),)
        assert jira.graph("10000", "10004") == (("1", "2"),)
        assert len(mock.calls) == 1
        assert sent(mock) == {"projectAndIssueTypes": [{"projectId": "10000", "issueTypeId": "10004"}]}
        clock.turn(3601)
        jira.graph("10000", "10004")
        assert len(mock.calls) == 2

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_is_empty_where_the_account_may_not_read_it(self, mock: responses.RequestsMock, status: int) -> None:
        mock.post(self.URL, status=status, json={"errorMessages": ["no"], "errors": {}})
        assert jira_for().graph("10000", "10004") == ()

    def test_is_empty_on_data_center_without_asking(self, mock: responses.RequestsMock) -> None:
        assert jira_for("data_center").graph("10000", "10004") == ()
        assert not mock.calls


def comment(number: int, *, author: str = "acc-lin", **more: Any) -> dict[str, Any]:
    created = f"2026-03-02T09:00:{number:02}.000+0000"
    return {
        "id": str(500 + number),
        "author": {"accountId": author},
        "body": f"text {number}",
        "created": created,
        **more,
    }


class TestComments:
    URL = f"{REST}/issue/10305/comment"

    def test_newest_first_with_markers_in_one_call(self, mock: responses.RequestsMock) -> None:
        know(mock)
        ours = comment(2, author=OWN, properties=[{"key": "syncd.origin", "value": {"marker": "m1"}}])
        mock.get(self.URL, json={"comments": [comment(3), ours], "total": 9})
        found = jira_for().comments("10305")
        assert [(c.id, c.marker, c.author.kind) for c in found] == [
            ("503", None, ActorKind.AGENT),
            ("502", "m1", ActorKind.SELF),
        ]
        assert paths(mock).count("GET /rest/api/2/issue/10305/comment") == 1

    def test_a_server_that_lists_the_oldest_first_is_asked_for_the_end(self, mock: responses.RequestsMock) -> None:
        know(mock)
        head = [comment(number) for number in range(50)]
        tail = [comment(number) for number in range(5, 55)]
        without = {"orderBy": "-created", "maxResults": "50", "expand": "properties"}
        mock.get(self.URL, json={"comments": head, "total": 55}, match=[matchers.query_param_matcher(without)])
        mock.get(
            self.URL,
            json={"comments": tail, "total": 55},
            match=[matchers.query_param_matcher({**without, "startAt": "5"})],
        )
        found = jira_for("data_center").comments("10305")
        assert [found[0].id, found[-1].id, len(found)] == ["554", "505", 50]

    def test_only_our_own_are_asked_for_their_property_and_only_once(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.get(self.URL, json={"comments": [comment(2, author=OWN), comment(1)], "total": 2})
        mock.get(f"{REST}/comment/502/properties/syncd.origin", json={"key": "syncd.origin", "value": {"marker": "m1"}})
        jira = jira_for()
        assert [c.marker for c in jira.comments("10305")] == ["m1", None]
        assert [c.marker for c in jira.comments("10305")] == ["m1", None]
        assert sum("properties" in path for path in paths(mock)) == 1

    def test_one_of_ours_without_the_property_has_no_marker(self, mock: responses.RequestsMock) -> None:
        know(mock)
        mock.get(self.URL, json={"comments": [comment(2, author=OWN)], "total": 1})
        mock.get(f"{REST}/comment/502/properties/syncd.origin", status=404, json={})
        assert jira_for().comments("10305")[0].marker is None

    def test_a_new_one_is_marked_and_internal(self, mock: responses.RequestsMock) -> None:
        mock.post(self.URL, status=201, json=comment(7))
        assert jira_for().comment("10305", "hello 😀", marker="m1") == "507"
        assert sent(mock) == {
            "body": "hello 😀",
            "properties": [
                {"key": "syncd.origin", "value": {"marker": "m1"}},
                {"key": "sd.public.comment", "value": {"internal": True}},
            ],
        }

    def test_data_center_gets_no_character_that_its_database_may_refuse(self, mock: responses.RequestsMock) -> None:
        mock.post(self.URL, status=201, json=comment(7))
        jira_for("data_center").comment("10305", "hello 😀", marker="m1")
        assert sent(mock)["body"] == "hello (grinning face)"

    @pytest.mark.parametrize("body", ["{}", "", "[]", "<html></html>"])
    def test_an_answer_without_an_id_is_no_proof(self, mock: responses.RequestsMock, body: str) -> None:
        mock.post(self.URL, status=201, body=body)
        with pytest.raises(InvalidResponseError):
            jira_for().comment("10305", "hello", marker="m1")
        assert len(mock.calls) == 1


class TestBudget:
    def test_a_429_holds_the_next_call_of_its_kind_back(self, mock: responses.RequestsMock) -> None:
        headers = {"Retry-After": "9", "RateLimit-Reason": "jira-per-issue-on-write"}
        mock.post(f"{REST}/issue/10305/transitions", status=429, headers=headers)
        clock = TurnedClock()
        jira = jira_for(clock=clock)
        with pytest.raises(TransientError) as caught:
            jira.transition("10305", "31", {}, marker="m1")
        assert (caught.value.bucket, caught.value.retry_after) == ("issue:10305", 9.0)
        with pytest.raises(TransientError, match="not sent"):
            jira.transition("10305", "31", {}, marker="m1")
        assert len(mock.calls) == 1
        assert jira.wait_for("write") == 0

    def test_data_center_tells_its_bucket_on_every_answer(self, mock: responses.RequestsMock) -> None:
        headers = {
            "X-RateLimit-Limit": "70",
            "X-RateLimit-Remaining": "3",
            "X-RateLimit-FillRate": "5",
            "X-RateLimit-Interval-Seconds": "1",
        }
        mock.get(f"{REST}/project/WEB/versions", json=[], headers=headers)
        jira = jira_for("data_center")
        jira.versions("WEB")
        (budget,) = jira.budgets()
        assert (budget.total, budget.remaining) == (70, 3)
        assert 0 < jira.wait_for("search") < 5
