"""The incremental exports of the pretend Zendesk, with their traps."""

from __future__ import annotations

import base64
from typing import Any

import pytest

CURSOR = "/api/v2/incremental/tickets/cursor.json"


def test_the_newest_minute_is_held_back_and_no_cursor_comes_when_nothing_is_found(desk: Any) -> None:
    start = int(desk.ctx.clock.now()) - 100
    ticket = desk.ticket()
    page = desk.get(CURSOR, start_time=start)
    assert (page["tickets"], page["after_cursor"], page["end_of_stream"]) == ([], None, True)
    desk.pass_time(60)
    page = desk.get(CURSOR, start_time=start)
    assert [row["id"] for row in page["tickets"]] == [ticket]
    assert page["tickets"][0]["generated_timestamp"] == int(desk.ctx.clock.now()) - 60
    stamp = page["tickets"][0]["generated_timestamp"]
    assert base64.b64decode(page["after_cursor"]).decode() == f"{stamp}.0||{ticket}|"
    assert page["after_url"].startswith(f"http://zendesk.test{CURSOR}?cursor=")


def test_pages_follow_generated_timestamp_and_id_and_the_last_cursor_is_echoed(desk: Any) -> None:
    tickets = [desk.ticket() for _ in range(5)]
    desk.pass_time(120)
    page = desk.get(CURSOR, start_time=1, per_page=2)
    seen = [row["id"] for row in page["tickets"]]
    while not page["end_of_stream"]:
        page = desk.session.get(page["after_url"] + "&per_page=2").json()
        seen += [row["id"] for row in page["tickets"]]
    assert seen == tickets
    again = desk.get(CURSOR, cursor=page["after_cursor"])
    assert (again["tickets"], again["after_cursor"], again["end_of_stream"]) == ([], page["after_cursor"], True)


def test_a_change_inside_the_system_brings_a_ticket_again_with_its_old_updated_at(desk: Any) -> None:
    ticket = desk.ticket()
    before = desk.shown(ticket)["updated_at"]
    desk.pass_time(100)
    cursor = desk.get(CURSOR, start_time=1)["after_cursor"]
    desk.world.system_touch(ticket=ticket)
    desk.pass_time(60)
    (row,) = desk.get(CURSOR, cursor=cursor)["tickets"]
    assert row["updated_at"] == before
    assert row["generated_timestamp"] == int(desk.ctx.clock.now()) - 60


def test_only_the_latest_state_is_exported_and_deleted_tickets_unless_excluded(desk: Any) -> None:
    kept, gone = desk.ticket(), desk.ticket()
    desk.put(kept, status="open")
    desk.put(kept, status="hold")
    desk.world.delete_ticket(ticket=gone, actor=desk.agent)
    desk.pass_time(61)
    rows = desk.get(CURSOR, start_time=1)["tickets"]
    assert [(row["id"], row["status"]) for row in rows] == [(kept, "hold"), (gone, "deleted")]
    rows = desk.get(CURSOR, start_time=1, exclude_deleted="true")["tickets"]
    assert [row["id"] for row in rows] == [kept]


def test_sideloads_bring_the_people_and_organizations_of_the_page(desk: Any) -> None:
    desk.ticket(assignee_id=desk.agent)
    desk.pass_time(61)
    page = desk.get(CURSOR, start_time=1, include="users,organizations,groups")
    assert {user["id"] for user in page["users"]} == {desk.customer, desk.agent}
    assert page["organizations"][0]["organization_fields"] == {"tier": "gold", "vip": True}
    assert [group["name"] for group in page["groups"]] == ["L1"]


@pytest.mark.parametrize(("switch", "status"), [("400", 400), ("empty", 200)], ids=["refused", "empty"])
def test_a_start_time_in_the_last_minute_is_refused_or_empty(desk: Any, switch: str, status: int) -> None:
    desk.world.switches["start_time_too_recent"] = switch
    reply = desk.call("GET", CURSOR, params={"start_time": int(desk.ctx.clock.now()) - 30})
    assert reply.status_code == status
    assert switch == "empty" or reply.json()["error"] == "StartTimeTooRecent"


@pytest.mark.parametrize("cursor", ["garbage!", "bm8="], ids=["not base64", "no position in it"])
def test_a_broken_cursor_is_400(desk: Any, cursor: str) -> None:
    assert desk.call("GET", CURSOR, params={"cursor": cursor}).status_code == 400


@pytest.mark.parametrize("kind", ["empty_page", "repeated_cursor", "duplicate_page", "null_cursor"])
def test_a_bad_page_can_be_had_on_request(desk: Any, kind: str) -> None:
    tickets = [desk.ticket() for _ in range(4)]
    desk.pass_time(61)
    first = desk.get(CURSOR, start_time=1, per_page=2)
    desk.fault(kind, path="incremental")
    page = desk.get(CURSOR, cursor=first["after_cursor"], per_page=2)
    ids = [row["id"] for row in page["tickets"]]
    cursor = page["after_cursor"]
    assert (ids, cursor == first["after_cursor"], cursor is None, page["end_of_stream"]) == {
        "empty_page": ([], True, False, False),
        "repeated_cursor": (tickets[2:], True, False, False),
        "duplicate_page": (tickets[:2], True, False, False),
        "null_cursor": (tickets[2:], False, True, False),
    }[kind]


def test_ticket_events_tell_every_change_with_its_mark_and_whole_comments_on_request(desk: Any) -> None:
    ticket = desk.ticket()
    desk.put(ticket, status="hold", tags=["a"], comment={"body": "n", "public": False}, metadata={"syncd_op": "m"})
    desk.pass_time(61)
    brief = desk.get("/api/v2/incremental/ticket_events.json", start_time=1)
    assert (brief["count"], brief["end_of_stream"]) == (2, True)
    event = brief["ticket_events"][1]
    assert (event["ticket_id"], event["updater_id"], event["via"]) == (ticket, desk.admin, "Web service")
    assert event["metadata"] == {"custom": {"syncd_op": "m"}}
    assert event["timestamp"] == int(desk.ctx.clock.now()) - 61
    children = event["child_events"]
    assert {"comment_present": True, "comment_public": False}.items() <= children[0].items()
    status = next(child for child in children if "status" in child)
    assert (status["event_type"], status["status"], status["previous_value"]) == ("Change", "hold", "new")
    tags = next(child for child in children if "tags" in child)
    assert (tags["added_tags"], tags["removed_tags"]) == (["a"], [])
    whole = desk.get("/api/v2/incremental/ticket_events", start_time=1, include="comment_events")
    comment = whole["ticket_events"][1]["child_events"][0]
    assert (comment["type"], comment["body"], comment["public"]) == ("Comment", "n", False)


def test_time_based_pages_begin_with_the_second_in_which_the_last_one_ended(desk: Any) -> None:
    desk.world.switches["export_page_limit"] = 2
    for _ in range(3):
        desk.ticket()
        desk.pass_time(10)
    desk.pass_time(60)
    first = desk.get("/api/v2/incremental/ticket_events", start_time=1)
    second = desk.session.get(first["next_page"]).json()
    assert [event["ticket_id"] for event in first["ticket_events"]] == [1, 2]
    assert [event["ticket_id"] for event in second["ticket_events"]] == [2, 3]
    assert (first["end_of_stream"], second["end_of_stream"]) == (False, True)


@pytest.mark.parametrize(("switch", "advances"), [("extend", True), ("stuck", False)])
def test_more_rows_of_one_second_than_a_page_holds(desk: Any, switch: str, advances: bool) -> None:
    desk.world.switches.update(export_page_limit=2, export_same_stamp=switch)
    for _ in range(4):
        desk.ticket()
    desk.pass_time(61)
    page = desk.get("/api/v2/incremental/ticket_events", start_time=int(desk.ctx.clock.now()) - 61)
    assert (len(page["ticket_events"]), page["end_of_stream"]) == ((4, True) if advances else (2, False))


@pytest.mark.parametrize(("switch", "rows"), [("extend", 4), ("stuck", 2)])
def test_a_second_that_fills_a_page_is_followed_by_itself(desk: Any, switch: str, rows: int) -> None:
    desk.world.switches.update(export_page_limit=2, export_same_stamp=switch)
    for _ in range(4):
        desk.ticket()
    desk.pass_time(10)
    desk.ticket()
    desk.pass_time(61)
    start = int(desk.ctx.clock.now()) - 71
    page = desk.get("/api/v2/incremental/ticket_events", start_time=start)
    assert (len(page["ticket_events"]), page["end_of_stream"], page["end_time"]) == (rows, False, start)
    assert desk.session.get(page["next_page"]).json()["ticket_events"] == page["ticket_events"]


def test_organizations_and_users_are_exported_when_they_change(desk: Any) -> None:
    desk.pass_time(100)
    since = int(desk.ctx.clock.now())
    desk.world.edit_organization(organization=desk.org, fields={"tier": "silver"})
    desk.world.edit_user(user=desk.customer, time_zone="Asia/Tokyo")
    desk.pass_time(120)
    (organization,) = desk.get("/api/v2/incremental/organizations", start_time=since)["organizations"]
    assert organization["organization_fields"]["tier"] == "silver"
    (user,) = desk.get("/api/v2/incremental/users/cursor", start_time=since)["users"]
    assert user["time_zone"] == "Asia/Tokyo"
    assert len(desk.get("/api/v2/incremental/users", start_time=since)["users"]) == 1


def test_metric_events_tell_of_the_first_answer_and_the_solution(desk: Any) -> None:
    ticket = desk.ticket()
    desk.world.agent_replies(ticket=ticket, actor=desk.agent, body="hi")
    desk.world.solve(ticket=ticket, actor=desk.agent)
    desk.pass_time(61)
    events = desk.get("/api/v2/incremental/ticket_metric_events", start_time=1)["ticket_metric_events"]
    assert ("reply_time", "fulfill") in {(event["metric"], event["type"]) for event in events}
    assert ("resolution_time", "fulfill") in {(event["metric"], event["type"]) for event in events}
    page = desk.get("/api/v2/incremental/ticket_metric_events", **{"start_time": 1, "page[size]": 3})
    assert len(page["ticket_metric_events"]) == 3
    assert page["meta"]["has_more"] is True


@pytest.mark.parametrize(
    ("params", "order"),
    [
        ({"sort": "-updated_at"}, [1, 3, 2]),
        ({"sort": "updated_at"}, [2, 3, 1]),
        ({"sort": "id"}, [1, 2, 3]),
        ({"sort": "-status"}, [2, 3, 1]),
        ({"sort_by": "updated_at", "sort_order": "desc"}, [1, 2, 3]),
    ],
    ids=["newest first", "oldest first", "by id", "by status, last first", "sort_by is ignored by cursors"],
)
def test_the_list_is_sorted_as_cursors_allow(desk: Any, params: dict[str, str], order: list[int]) -> None:
    for _ in range(3):
        desk.ticket()
        desk.pass_time(1)
    desk.put(2, status="hold")
    desk.pass_time(1)
    desk.put(3, status="pending")
    desk.pass_time(1)
    desk.put(1, priority="high")
    url = "http://zendesk.test/api/v2/tickets.json"
    seen: list[int] = []
    page = desk.session.get(url, params={"page[size]": 2, **params}).json()
    while True:
        seen += [row["id"] for row in page["tickets"]]
        if not page["meta"]["has_more"]:
            break
        page = desk.session.get(page["links"]["next"]).json()
    assert seen == order


def test_offset_pages_name_their_neighbours_on_their_own_host(desk: Any) -> None:
    for _ in range(5):
        desk.ticket()
    page = desk.get("/api/v2/tickets", page=2, per_page=2)
    assert [row["id"] for row in page["tickets"]] == [3, 4]
    assert page["next_page"] == "http://zendesk.test/api/v2/tickets.json?per_page=2&page=3"
    assert page["count"] == 5


def test_search_finds_by_status_tag_field_and_time_but_only_after_a_while(desk: Any) -> None:
    one = desk.ticket(tags=["vip"])
    desk.world.set_field(ticket=one, actor=desk.agent, field="Engineering status", value="Done")
    desk.ticket()
    query = f"type:ticket status<solved tags:vip custom_field_{desk.status_field}:Done updated>2020-01-01"
    assert desk.get("/api/v2/search", query=query)["results"] == []
    desk.pass_time(60)
    assert [row["id"] for row in desk.get("/api/v2/search", query=query)["results"]] == [one]
    assert desk.get("/api/v2/search/count", query="type:ticket -tags:vip")["count"] == 1
    assert len(desk.get("/api/v2/search/export", **{"query": "status:new", "page[size]": 1})["results"]) == 1
