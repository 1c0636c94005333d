"""The Jira adapter against the pretend Jira over a socket, as Cloud and as Data Center."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from werkzeug.serving import make_server

from syncd.core.model import ActorKind
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.jira_http import CLOUD_ID
from syncd.sandbox.server import _QuietHandler
from syncd.sources.credentials import Bearer
from syncd.sources.errors import (
    AuthError,
    InvalidResponseError,
    PreconditionError,
    RefusedError,
    SourceError,
    TransientError,
    UnknownError,
)
from tests.sources.jira_house import MARK, Door, House, walk
from tests.sources.jira_kit import Word


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    found = Door()
    handler = type("_Handler", (_QuietHandler,), {"clock": SandboxClock()})
    server = make_server("127.0.0.1", 0, found, threaded=True, request_handler=handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture(params=["cloud", "data_center"])
def house(request: pytest.FixtureRequest, door: Door) -> House:
    return House(request.param, door)


@pytest.fixture
def cloud(door: Door) -> House:
    return House("cloud", door)


@pytest.fixture
def data_center(door: Door) -> House:
    return House("data_center", door)


class TestIdentity:
    def test_says_who_we_are_and_where(self, house: House) -> None:
        found = house.jira().identity()
        assert (found.account_id, found.deployment) == (house.bot, "cloud" if house.cloud else "data_center")
        assert (found.time_zone, found.server.startswith("http")) == ("Asia/Kolkata", True)

    @pytest.mark.parametrize("empty", [True, False], ids=["answered as to nobody", "answered with 401"])
    def test_a_revoked_credential_is_never_taken_for_an_empty_jira(self, house: House, empty: bool) -> None:
        ids = [house.bug(), house.bug()]
        jira = house.jira()
        jira.identity()
        house.switches["bad_token_search_200_empty"] = empty
        house.world.revoke(house.bot)
        calls: tuple[Callable[[], object], ...] = (
            jira.identity,
            lambda: jira.changed(["WEB"], 0, None),
            lambda: jira.read(ids),
            lambda: jira.read(ids[:1]),
            lambda: jira.census(ids),
            lambda: jira.comments(ids[0]),
            lambda: jira.transitions(ids[0]),
        )
        for call in calls:
            with pytest.raises(AuthError):
                call()

    def test_below_the_gateway_or_a_context_path(self, house: House) -> None:
        house.world.add_pat(house.bot, "bearer-secret")
        path = f"/ex/jira/{CLOUD_ID}" if house.cloud else "/jira"
        jira = house.jira(Bearer(Word("bearer-secret")), path)
        assert jira.identity().account_id == house.bot
        assert jira.read([house.bug()])[0].visible


class TestProject:
    def test_catalog(self, house: House) -> None:
        house.world.add_version("WEB", "1.2", released=True, release_date="2026-04-01")
        found = house.jira().catalog("WEB")
        names = {status.name: status.category for status in found.statuses["Bug"]}
        assert (names["To Do"], names["In Review"], names["Verified"]) == ("new", "indeterminate", "done")
        assert "Won't Do" in [name for _, name in found.resolutions]
        assert (found.versions[0].name, found.versions[0].release_date) == ("1.2", "2026-04-01")

    def test_permissions(self, house: House) -> None:
        house.world.deny(house.bot, "ADD_COMMENTS", "WEB")
        found = house.jira().permissions("WEB")
        assert (found["BROWSE_PROJECTS"], found["ADD_COMMENTS"], found["ADMINISTER"]) == (True, False, False)

    def test_graph_is_read_where_it_may_be(self, house: House) -> None:
        jira = house.jira()
        catalog = jira.catalog("WEB")
        kind = jira.read([house.bug()])[0].issue_type_id
        assert jira.graph(catalog.id, kind) == ()
        house.switches["workflow_read"] = "all"
        house.sandbox.advance(3601)
        ids = {status.name: status.id for status in catalog.all_statuses()}
        edges = jira.graph(catalog.id, kind)
        assert ((ids["Done"], ids["Verified"]) in edges) == house.cloud


class TestChanged:
    def test_an_issue_looks_the_same_in_search_read_and_census_in_any_zone(self, house: House) -> None:
        jira = house.jira()
        issue_id = house.bug(priority="High", labels=["zd-2"], due="2026-04-01")
        (row,) = walk(jira, ["WEB"], 0)
        (read,) = jira.read([issue_id], history=False)
        (counted,) = jira.census([issue_id])
        assert row == read == counted
        assert read.updated_ms == house.shown(issue_id)["updated_ms"]
        assert (read.priority, read.labels, read.due_date) == ("High", ("zd-2",), "2026-04-01")

    def test_pages_of_any_size_give_every_issue(self, house: House) -> None:
        ids = [house.bug(project) for project in ("WEB", "APP") * 12]
        house.switches.update(search_page_cap=5, search_page_cap_dc=5, short_pages=True, empty_pages=True)
        assert {issue.id for issue in walk(house.jira(), ["WEB", "APP"], 0)} == set(ids)

    def test_only_what_changed_at_or_after_the_bound(self, house: House) -> None:
        old, new = house.bug(), house.bug()
        bound = house.shown(new)["updated_ms"]
        assert {issue.id for issue in walk(house.jira(), ["WEB"], bound)} == {new}
        assert {issue.id for issue in walk(house.jira(), ["WEB"], bound - 1000)} == {old, new}

    def test_search_may_lag_and_reading_does_not(self, house: House) -> None:
        issue_id = house.bug()
        house.switches["search_lag_seconds"] = 60.0
        house.sandbox.advance(1)
        house.world.transition(house.dev, house.shown(issue_id)["key"], "In Progress")
        jira = house.jira()
        assert walk(jira, ["WEB"], 0)[0].status_name == "To Do"
        assert jira.read([issue_id])[0].status_name == "In Progress"
        house.sandbox.advance(61)
        assert walk(jira, ["WEB"], 0)[0].status_name == "In Progress"

    @pytest.mark.parametrize("values", ["index", "live"])
    def test_issues_that_change_during_the_walk_hide_no_other(self, house: House, values: str) -> None:
        ids = [house.bug() for _ in range(30)]
        house.switches.update(search_page_cap=4, search_page_cap_dc=4, search_values=values)

        def touch(number: int) -> None:
            if number < 12:
                house.sandbox.advance(1)
                house.world.edit(house.dev, house.shown(ids[number])["key"], priority="Low" if number % 2 else "High")

        assert {issue.id for issue in walk(house.jira(), ["WEB"], 0, touch)} == set(ids)

    def test_a_walk_through_rows_of_one_second_ends(self, house: House) -> None:
        house.sandbox.advance(1)
        for number in range(17):
            house.sandbox.ctx.clock.advance(0.02)
            house.world.create_issue(house.dev, "WEB", f"Bug {number}")
        house.switches.update(search_page_cap=4, search_page_cap_dc=4)
        assert len({issue.id for issue in walk(house.jira(), ["WEB"], 0)}) == 17

    def test_an_unknown_project_does_not_block_the_others(self, house: House) -> None:
        issue_id = house.bug("APP")
        house.switches["language"] = "zh"
        page = house.jira().changed(["WEB", "GONE", "APP"], 0, None)
        assert [issue.id for issue in page.issues] == [issue_id]
        assert "GONE" in page.malformed[0]

    def test_a_server_that_repeats_its_token_is_caught(self, cloud: House) -> None:
        for _ in range(6):
            cloud.bug()
        cloud.switches.update(search_page_cap=2, repeat_token=True)
        with pytest.raises(InvalidResponseError):
            walk(cloud.jira(), ["WEB"], 0)

    def test_the_old_search_of_cloud_is_gone(self, cloud: House) -> None:
        with pytest.raises(RefusedError) as caught:
            cloud.jira(deployment="data_center").changed(["WEB"], 0, None)
        assert caught.value.status == 410

    def test_rows_that_lack_their_status_are_named_and_not_guessed(self, house: House) -> None:
        house.bug()
        house.switches["absent_fields"] = ["status"]
        page = house.jira().changed(["WEB"], 0, None)
        assert (page.issues, len(page.malformed)) == ((), 1)

    def test_a_hidden_resolution_is_found_in_the_changelog(self, house: House) -> None:
        issue_id = house.bug()
        house.world.transition(house.dev, house.shown(issue_id)["key"], "Done", resolution="Won't Do")
        house.switches["absent_fields"] = ["resolution"]
        jira = house.jira()
        (found,) = jira.read([issue_id])
        assert dict(jira.catalog("WEB").resolutions)[found.resolution_id or ""] == "Won't Do"


class TestRead:
    def test_history_with_resolution_and_whose_it_is(self, house: House) -> None:
        jira = house.jira(robots=["hana"])
        issue_id = house.bug()
        house.world.transition(house.dev, house.shown(issue_id)["key"], "Done", resolution="Fixed")
        (found,) = jira.read([issue_id])
        names = dict(jira.catalog("WEB").resolutions)
        assert found.resolution_name == "Fixed"
        assert found.last_change is not None
        assert found.last_change.status_to == found.status_id
        assert names[found.last_change.resolution_to or ""] == "Fixed"
        assert found.last_change.actor.kind is ActorKind.ROBOT

    def test_a_long_history_is_whole(self, house: House) -> None:
        issue_id = house.bug("APP")
        key = house.shown(issue_id)["key"]
        for number in range(130):
            house.sandbox.advance(1)
            house.world.force_status(house.dev, key, ("In Progress", "To Do")[number % 2])
        for found in (*house.jira().read([issue_id]), *house.jira().read([issue_id, house.bug()])[:1]):
            assert len(found.history) == 130
            assert [change.at for change in found.history] == sorted((c.at for c in found.history), reverse=True)

    def test_jiras_automation_is_a_robot(self, house: House) -> None:
        house.world.add_automation("Triage", on_status="In Progress", to_status="To Do")
        issue_id = house.bug("APP")
        house.world.transition(house.dev, house.shown(issue_id)["key"], "In Progress")
        (found,) = house.jira().read([issue_id])
        assert [change.actor.kind for change in found.history] == [ActorKind.ROBOT, ActorKind.AGENT]

    def test_deleted_hidden_and_moved_issues(self, house: House) -> None:
        kept, deleted, moved = house.bug(), house.bug(), house.bug()
        old_key = house.shown(moved)["key"]
        house.world.add_project("SECRET", "Secret", members=[house.dev])
        hidden = house.bug("SECRET")
        house.world.delete_issue(house.dev, house.shown(deleted)["key"])
        new_key = house.world.move_issue(house.dev, old_key, "APP")
        jira = house.jira()
        for read in (jira.census, lambda ids: jira.read(ids, history=False)):
            found = read([kept, deleted, moved, hidden])
            assert [issue.id for issue in found] == [kept, deleted, moved, hidden]
            assert [issue.visible for issue in found] == [True, False, True, False]
            assert (found[2].key, found[2].project_key) == (new_key, "APP")
        assert jira.read([old_key])[0].id == moved

    def test_a_hundred_and_more_in_few_calls(self, house: House) -> None:
        ids = [house.bug() for _ in range(120)]
        found = house.jira().census(ids)
        assert [issue.id for issue in found] == ids
        assert house.requests("GET", "/issue/") == 0

    def test_what_an_issue_duplicates(self, house: House) -> None:
        copy, original = house.bug(), house.bug()
        house.world.link_issues(house.dev, "Duplicate", house.shown(copy)["key"], house.shown(original)["key"])
        first, second = house.jira().read([copy, original])
        assert (first.duplicates, second.duplicates) == ((original,), ())

    def test_a_read_that_broke_off_is_made_again(self, house: House) -> None:
        ids = [house.bug(), house.bug()]
        for kind in ("torn", "drop_before"):
            house.fault(kind, "POST" if house.cloud else "GET", "/bulkfetch" if house.cloud else "/issue/")
        house.fault("status", "GET", "/myself", args={"status": 503})
        assert [issue.id for issue in house.jira().read(ids)] == ids


class TestTransition:
    def test_walks_to_a_target_and_its_steps_are_known_as_ours(self, house: House) -> None:
        jira = house.jira()
        issue_id = house.bug()
        for target, fields in (("Done", {"resolution": {"name": "Fixed"}}), ("Verified", {})):
            (edge,) = [edge for edge in jira.transitions(issue_id) if edge.to_status_name == target]
            house.sandbox.advance(1)
            jira.transition(issue_id, edge.id, fields, marker=MARK)
        (found,) = jira.read([issue_id])
        assert (found.status_name, found.resolution_name) == ("Verified", "Fixed")
        assert [(change.actor.kind, change.marker) for change in found.history] == [(ActorKind.SELF, MARK)] * 2

    def test_screens_say_what_is_required_and_allowed(self, house: House) -> None:
        (edge,) = [e for e in house.jira().transitions(house.bug()) if e.to_status_name == "Done"]
        field = next(field for field in edge.fields if field.id == "resolution")
        assert field.required
        assert "Fixed" in [name for _, name in field.allowed]

    def test_an_entry_without_target(self, house: House) -> None:
        house.switches["hide_to"] = ["Start work"]
        found = {edge.name: edge.to_status_id for edge in house.jira().transitions(house.bug())}
        assert found["Start work"] is None
        assert found["Resolve directly"] is not None

    def test_without_the_permission_there_are_none(self, house: House) -> None:
        house.world.deny(house.bot, "TRANSITION_ISSUES", "WEB")
        assert house.jira().transitions(house.bug()) == ()

    @pytest.mark.parametrize("in_errors", [True, False], ids=["by field", "in words"])
    def test_a_missing_resolution_is_refused(self, house: House, in_errors: bool) -> None:
        house.switches.update(required_in_errors=in_errors, language="fr")
        jira, issue_id = house.jira(), house.bug()
        (edge,) = [e for e in jira.transitions(issue_id) if e.to_status_name == "Done"]
        with pytest.raises(RefusedError) as caught:
            jira.transition(issue_id, edge.id, {}, marker=MARK)
        assert ("resolution" in caught.value.fields) == in_errors
        assert house.shown(issue_id)["status"] == "To Do"

    def test_a_field_that_is_not_on_the_screen_is_refused_by_name(self, house: House) -> None:
        jira, issue_id = house.jira(), house.bug("APP")
        (edge,) = [e for e in jira.transitions(issue_id) if e.to_status_name == "Done"]
        with pytest.raises(RefusedError) as caught:
            jira.transition(issue_id, edge.id, {"resolution": {"name": "Done"}}, marker=MARK)
        assert "resolution" in caught.value.fields

    def test_a_transition_that_is_not_to_be_had(self, house: House) -> None:
        error: type[SourceError] = RefusedError if house.cloud else UnknownError
        with pytest.raises(error):
            house.jira().transition(house.bug(), "999", {}, marker=MARK)

    def test_two_at_once(self, house: House) -> None:
        jira, issue_id = house.jira(), house.bug()
        house.fault("transition_conflict", "POST", "/transitions")
        with pytest.raises(PreconditionError):
            jira.transition(issue_id, "11", {}, marker=MARK)
        assert house.shown(issue_id)["status"] == "To Do"


class TestLostAnswers:
    @pytest.mark.parametrize(
        ("kind", "done"),
        [
            pytest.param("drop_before", 0, id="the connection broke before it was applied"),
            pytest.param("drop_after", 1, id="the connection broke after it was applied"),
            pytest.param("status_after", 1, id="503 after it was applied"),
            pytest.param("status", 0, id="503 instead of applying it"),
        ],
    )
    def test_a_transition_is_unknown_and_sent_once(self, house: House, kind: str, done: int) -> None:
        jira, issue_id = house.jira(), house.bug("APP")
        args = {"status": 503, "headers": {"Retry-After": "1"}} if "status" in kind else {}
        house.fault(kind, "POST", "/transitions", args=args)
        with pytest.raises(UnknownError):
            jira.transition(issue_id, "21", {}, marker=MARK)
        assert house.requests("POST", "/transitions") == 1
        assert [change.marker for change in jira.read([issue_id])[0].history] == [MARK] * done

    @pytest.mark.parametrize("kind", ["drop_after", "torn", "status_after", "bad_json", "empty", "html"])
    def test_a_comment_is_unknown_and_sent_once_and_found_by_its_marker(self, house: House, kind: str) -> None:
        jira, issue_id = house.jira(), house.bug()
        house.fault(kind, "POST", "/comment", args={"status": 504} if kind == "status_after" else {})
        with pytest.raises((UnknownError, InvalidResponseError)):
            jira.comment(issue_id, "The ticket was solved.", marker=MARK)
        assert house.requests("POST", "/comment") == 1
        there = [] if kind == "html" else [MARK]
        assert [comment.marker for comment in jira.comments(issue_id)] == there

    def test_a_refused_connection_is_a_definite_no(self, house: House) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        jira = house.jira(url=url, deployment="cloud" if house.cloud else "data_center")
        with pytest.raises(TransientError):
            jira.transition("10001", "11", {}, marker=MARK)


class TestComments:
    def test_ours_are_marked_and_internal_and_known_as_ours(self, house: House) -> None:
        jira, issue_id = house.jira(), house.bug()
        key = house.shown(issue_id)["key"]
        house.world.comment(house.dev, key, "Looking into it")
        house.sandbox.advance(1)
        comment_id = jira.comment(issue_id, "The ticket was solved.", marker=MARK)
        found = jira.comments(issue_id)
        assert [(c.id == comment_id, c.marker, c.author.kind) for c in found] == [
            (True, MARK, ActorKind.SELF),
            (False, None, ActorKind.AGENT),
        ]
        stored = house.shown(issue_id)["comments"][-1]["properties"]
        assert stored["sd.public.comment"] == {"internal": True}

    def test_markers_are_found_where_lists_come_without_properties(self, house: House) -> None:
        house.switches["comment_expand_properties"] = False
        jira, issue_id = house.jira(), house.bug()
        jira.comment(issue_id, "The ticket was solved.", marker=MARK)
        assert jira.comments(issue_id)[0].marker == MARK

    def test_the_newest_of_many(self, house: House) -> None:
        issue_id = house.bug()
        key = house.shown(issue_id)["key"]
        for number in range(70):
            house.sandbox.ctx.clock.advance(1)
            house.world.comment(house.dev, key, f"text {number}")
        found = house.jira().comments(issue_id)
        assert [comment.body for comment in found] == [f"text {number}" for number in range(69, 19, -1)]

    def test_emoji_that_a_database_cannot_hold(self, data_center: House) -> None:
        data_center.switches["emoji_500"] = True
        jira, issue_id = data_center.jira(), data_center.bug()
        jira.comment(issue_id, "Thanks 😀", marker=MARK)
        assert jira.comments(issue_id)[0].body == "Thanks (grinning face)"


class TestLimits:
    def test_an_issue_is_never_written_faster_than_cloud_allows(self, cloud: House) -> None:
        jira, issue_id = cloud.jira(), cloud.bug("APP")
        held: list[str] = []
        sent = 0
        while sent < 110:
            try:
                jira.transition(issue_id, ("11", "21")[sent % 2], {}, marker=MARK)
                sent += 1
            except TransientError as error:
                held.append(error.bucket)
                cloud.sandbox.advance(error.retry_after)
        statuses = [e["status"] for e in cloud.sandbox.ctx.journal.entries() if "/transitions" in e["path"]]
        assert (statuses.count(204), statuses.count(429)) == (110, 0)
        assert len(held) > 3
        assert set(held) == {f"issue:{issue_id}"}

    def test_data_centers_bucket_is_learned_and_waited_for(self, data_center: House) -> None:
        data_center.switches["dc_bucket"] = {"limit": 5, "fill_rate": 1, "interval": 1}
        jira, issue_id = data_center.jira(), data_center.bug()
        for _ in range(20):
            data_center.sandbox.advance(jira.wait_for("read"))
            jira.transitions(issue_id)
        statuses = {e["status"] for e in data_center.sandbox.ctx.journal.entries() if "/transitions" in e["path"]}
        assert statuses == {200}

    def test_nothing_of_the_credential_is_in_an_error(self, house: House) -> None:
        body = json.dumps({"errorMessages": ["bad bot-secret"]})
        house.fault("status", "GET", "/myself", args={"status": 400, "body": body})
        with pytest.raises(RefusedError) as caught:
            house.jira().identity()
        assert "Basic" not in str(caught.value)
