"""Tickets over HTTP: reading, writing, and the refusals that Zendesk is known for."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_new_ticket_answers_201_with_its_address_audit_and_a_zero_generated_timestamp(desk: Any) -> None:
    response = desk.call(
        "POST",
        "/api/v2/tickets.json",
        json={"ticket": {"subject": "S", "comment": {"body": "B"}, "requester_id": desk.customer}},
    )
    data = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == data["ticket"]["url"] == "http://zendesk.test/api/v2/tickets/1.json"
    assert data["ticket"]["generated_timestamp"] == 0
    assert data["ticket"]["status"] == "new"
    assert data["ticket"]["requester_id"] == desk.customer
    assert data["ticket"]["organization_id"] == desk.org
    created = {event["field_name"]: event["value"] for event in data["audit"]["events"] if event["type"] == "Create"}
    assert created["subject"] == "S"
    assert created["status"] == "new"
    assert {"requester_id", "priority", "type", "brand_id", "custom_status_id", "ticket_form_id"} <= set(created)


def test_a_put_returns_the_audit_with_our_mark_and_no_generated_timestamp(desk: Any) -> None:
    ticket = desk.ticket()
    response = desk.put(
        ticket,
        status="hold",
        comment={"body": "Linked", "public": False},
        metadata={"syncd_op": "m-1"},
        custom_fields=[{"id": desk.status_field, "value": "To Do"}],
    )
    data = response.json()
    assert response.status_code == 200
    assert "generated_timestamp" not in data["ticket"]
    assert data["audit"]["metadata"]["custom"] == {"syncd_op": "m-1"}
    assert data["audit"]["events"][0]["type"] == "Comment"
    assert data["audit"]["events"][0]["public"] is False
    changes = {e["field_name"]: (e["previous_value"], e["value"]) for e in data["audit"]["events"][1:]}
    assert changes["status"] == ("new", "hold")
    assert changes[str(desk.status_field)] == (None, "To Do")
    assert desk.audits(ticket)[-1]["metadata"]["custom"] == {"syncd_op": "m-1"}


@pytest.mark.parametrize("flag", [True, "true", False], ids=["true", "the text true", "false counts as true"])
def test_a_safe_update_with_a_stale_stamp_is_refused_with_409(desk: Any, flag: Any) -> None:
    ticket = desk.ticket()
    stamp = desk.shown(ticket)["updated_at"]
    desk.pass_time(1)
    desk.world.set_priority(ticket=ticket, actor=desk.agent, priority="high")
    refused = desk.put(ticket, status="hold", safe_update=flag, updated_stamp=stamp)
    assert refused.status_code == 409
    assert desk.shown(ticket)["status"] == "new"
    fresh = desk.shown(ticket)["updated_at"]
    assert desk.put(ticket, status="hold", safe_update=flag, updated_stamp=fresh).status_code == 200


def test_two_edits_within_one_second_pass_a_safe_update(desk: Any) -> None:
    ticket = desk.ticket()
    stamp = desk.shown(ticket)["updated_at"]
    desk.world.set_priority(ticket=ticket, actor=desk.agent, priority="high")
    assert desk.put(ticket, status="hold", safe_update=True, updated_stamp=stamp).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [{"status": "open"}, {"tags": ["a"]}, {"comment": {"body": "late", "public": False}}],
    ids=["a status", "tags", "a comment"],
)
def test_a_closed_ticket_refuses_with_a_map_of_details(desk: Any, changes: dict[str, Any]) -> None:
    ticket = desk.ticket()
    desk.world.set_status(ticket=ticket, actor=desk.agent, status="closed")
    response = desk.put(ticket, **changes)
    assert response.status_code == 422
    assert response.json()["details"] == {"status": [{"description": "closed prevents ticket update"}]}


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/api/v2/tickets/999", 404, "RecordNotFound"),
        ("/api/v2/nothing_here", 404, "InvalidEndpoint"),
        ("/api/v2/tickets?page[size]=10&sort=created_at", 400, "InvalidPaginationParameter"),
        ("/api/v2/tickets?page[size]=500", 400, "InvalidPaginationParameter"),
        ("/api/v2/tickets?page=101&per_page=100", 400, "InvalidPaginationDepth"),
        ("/api/v2/tickets?page[size]=10&page[after]=%21", 400, "InvalidCursor"),
        ("/api/v2/search?query=type:ticket&page[size]=10", 400, "Invalid attribute"),
        ("/api/v2/search?query=type:ticket&page=11&per_page=100", 422, "invalid"),
    ],
    ids=[
        "an unknown ticket",
        "an unknown address",
        "a sort key that lists do not have",
        "a page that is too large",
        "an offset that is too deep",
        "a broken cursor",
        "a search by cursor",
        "a search beyond 1000 results",
    ],
)
def test_wrong_questions_get_the_error_that_zendesk_gives(desk: Any, path: str, status: int, error: str) -> None:
    response = desk.call("GET", path)
    assert response.status_code == status
    assert error in response.text


def test_writing_only_the_category_loses_a_custom_status_of_the_same_category(desk: Any) -> None:
    ticket = desk.ticket()
    data = desk.put(ticket, custom_status_id=desk.escalated).json()
    assert (data["ticket"]["status"], data["ticket"]["custom_status_id"]) == ("open", desk.escalated)
    data = desk.put(ticket, status="open").json()
    assert data["ticket"]["custom_status_id"] == desk.world.status_id("open") != desk.escalated


@pytest.mark.parametrize("first_public", [True, False], ids=["a public ticket", "a private ticket"])
def test_a_comment_that_does_not_say_inherits_the_visibility_of_the_first(desk: Any, first_public: bool) -> None:
    ticket = desk.ticket(actor=desk.agent, public=first_public)
    data = desk.put(ticket, comment={"body": "who sees this?"}).json()
    assert data["audit"]["events"][0]["public"] is first_public


@pytest.mark.parametrize(("policy", "status"), [(403, 403), (422, 422), ("coerce", 200)], ids=str)
def test_an_agent_without_public_comments_is_refused_one(desk: Any, policy: object, status: int) -> None:
    ticket = desk.ticket()
    desk.world.switches["public_comment_refused"] = policy
    desk.login("mo@desk.example")
    response = desk.put(ticket, comment={"body": "hello", "public": True})
    assert response.status_code == status
    comments = desk.get(f"/api/v2/tickets/{ticket}/comments")["comments"]
    assert [comment["public"] for comment in comments[1:]] == ([False] if status == 200 else [])
    assert desk.put(ticket, comment={"body": "note", "public": False}).status_code == 200


def test_tags_in_a_put_replace_the_list_and_the_tags_endpoints_add_set_and_remove(desk: Any) -> None:
    ticket = desk.ticket(tags=["a", "b"])
    assert desk.put(ticket, tags=["C d"]).json()["ticket"]["tags"] == ["c_d"]
    url = f"/api/v2/tickets/{ticket}/tags.json"
    assert desk.call("PUT", url, json={"tags": ["x"]}).json()["tags"] == ["c_d", "x"]
    assert desk.call("DELETE", url, json={"tags": ["c_d"]}).json()["tags"] == ["x"]
    assert desk.call("POST", url, json={"tags": ["y"]}).json()["tags"] == ["y"]
    stale = {"tags": ["z"], "updated_stamp": "2001-01-01T00:00:00Z", "safe_update": "true"}
    assert desk.call("PUT", url, json=stale).status_code == 409


def test_a_choice_of_a_drop_down_is_a_tag_and_losing_the_tag_loses_the_choice(desk: Any) -> None:
    ticket = desk.ticket(tags=["vip"])
    desk.world.set_field(ticket=ticket, actor=desk.agent, field="Kind", value="bug")
    assert desk.shown(ticket)["tags"] == ["bug", "vip"]
    desk.put(ticket, tags=["vip"])
    fields = {item["id"]: item["value"] for item in desk.shown(ticket)["custom_fields"]}
    assert fields[desk.kind_field] is None


def test_every_choice_of_a_multi_select_is_a_tag_too(desk: Any) -> None:
    field = desk.world.add_ticket_field(title="Areas", type="multiselect", options=["export", "billing"])
    ticket = desk.ticket(tags=["vip"])
    desk.world.set_field(ticket=ticket, actor=desk.agent, field="Areas", value=["export", "billing"])
    assert desk.shown(ticket)["tags"] == ["billing", "export", "vip"]
    desk.put(ticket, tags=["vip", "billing"])
    fields = {item["id"]: item["value"] for item in desk.shown(ticket)["custom_fields"]}
    assert fields[field] == ["billing"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("due_field", "next week"), ("kind_field", "nonsense")],
    ids=["no date", "no choice of the drop-down"],
)
def test_a_value_that_does_not_fit_the_field_is_422(desk: Any, field: str, value: str) -> None:
    ticket = desk.ticket()
    response = desk.put(ticket, custom_fields=[{"id": getattr(desk, field), "value": value}])
    assert response.status_code == 422
    assert "base" in response.json()["details"]


def test_solving_with_an_empty_required_field_is_422(desk: Any) -> None:
    desk.world.add_ticket_field(title="Root cause", required=True)
    ticket = desk.ticket(assignee_id=desk.agent)
    assert desk.put(ticket, status="solved").status_code == 422


def test_an_idempotency_key_makes_a_repeated_post_harmless_for_two_hours(desk: Any) -> None:
    def post(body: str) -> Any:
        return desk.call(
            "POST",
            "/api/v2/tickets",
            json={"ticket": {"subject": "S", "comment": {"body": body}}},
            headers={"Idempotency-Key": "k1"},
        )

    first, again = post("one"), post("one")
    assert (first.headers["x-idempotency-lookup"], again.headers["x-idempotency-lookup"]) == ("miss", "hit")
    assert first.json()["ticket"]["id"] == again.json()["ticket"]["id"]
    other = post("two")
    assert (other.status_code, other.json()["error"]) == (400, "IdempotentRequestError")
    desk.pass_time(2 * 3600)
    assert post("one").json()["ticket"]["id"] != first.json()["ticket"]["id"]


def test_an_update_that_changes_nothing_leaves_no_audit_and_keeps_updated_at(desk: Any) -> None:
    ticket = desk.ticket()
    before, audits = desk.shown(ticket), len(desk.audits(ticket))
    desk.pass_time(5)
    assert desk.put(ticket, subject="Printer on fire").status_code == 200
    assert desk.shown(ticket)["updated_at"] == before["updated_at"]
    assert len(desk.audits(ticket)) == audits
    assert desk.world.state()["tickets"][str(ticket)]["generated_timestamp"] == desk.ctx.clock.now()


def test_show_many_leaves_out_unknown_and_deleted_tickets(desk: Any) -> None:
    one, two = desk.ticket(), desk.ticket()
    desk.world.delete_ticket(ticket=two, actor=desk.agent)
    found = desk.get("/api/v2/tickets/show_many.json", ids=f"{one},{two},77")
    assert [ticket["id"] for ticket in found["tickets"]] == [one]


def test_a_deleted_ticket_is_gone_from_show_audits_and_list_and_comes_back_when_restored(desk: Any) -> None:
    ticket = desk.ticket()
    assert desk.call("DELETE", f"/api/v2/tickets/{ticket}.json").status_code == 204
    for path in ("", "/audits", "/comments", "/tags"):
        assert desk.call("GET", f"/api/v2/tickets/{ticket}{path}").status_code == 404
    assert desk.put(ticket, status="open").status_code == 404
    assert desk.get("/api/v2/tickets")["count"] == 0
    (gone,) = desk.get("/api/v2/deleted_tickets")["deleted_tickets"]
    assert (gone["id"], gone["previous_state"]) == (ticket, "new")
    assert desk.call("PUT", f"/api/v2/deleted_tickets/{ticket}/restore").status_code == 200
    assert desk.shown(ticket)["status"] == "new"


def test_spam_deletes_the_ticket_and_suspends_the_requester(desk: Any) -> None:
    ticket = desk.ticket()
    assert desk.call("PUT", f"/api/v2/tickets/{ticket}/mark_as_spam").status_code == 200
    assert desk.call("GET", f"/api/v2/tickets/{ticket}").status_code == 404
    assert desk.get(f"/api/v2/users/{desk.customer}")["user"]["suspended"] is True


def test_an_upload_becomes_an_attachment_that_follows_its_comment_and_is_used_once(desk: Any) -> None:
    ticket = desk.ticket()
    reply = desk.call("POST", "/api/v2/uploads?filename=a.log", data=b"hello", headers={"Content-Type": "text/plain"})
    token = reply.json()["upload"]["token"]
    assert reply.status_code == 201
    data = desk.put(ticket, comment={"body": "log", "public": False, "uploads": [token]}).json()
    (attachment,) = data["audit"]["events"][0]["attachments"]
    assert (attachment["file_name"], attachment["size"]) == ("a.log", 5)
    desk.session.auth = None
    assert desk.session.get(attachment["content_url"]).content == b"hello"
    desk.login("ada@desk.example")
    assert desk.put(ticket, comment={"body": "again", "uploads": [token]}).status_code == 422


def test_a_comment_can_be_made_private_and_blacked_out(desk: Any) -> None:
    ticket = desk.ticket(body="my number is 4711")
    (comment,) = desk.get(f"/api/v2/tickets/{ticket}/comments")["comments"]
    url = f"/api/v2/tickets/{ticket}/comments/{comment['id']}"
    assert desk.call("PUT", f"{url}/make_private").status_code == 200
    assert desk.call("PUT", f"{url}/redact", json={"text": "4711"}).json()["comment"]["body"] == "my number is ▇▇▇▇"
    (comment,) = desk.get(f"/api/v2/tickets/{ticket}/comments")["comments"]
    assert comment["public"] is False
    kinds = [event["type"] for audit in desk.audits(ticket)[1:] for event in audit["events"]]
    assert kinds == ["CommentPrivacyChange", "CommentRedactionEvent"]


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_audits_and_comments_are_paged_in_both_directions(desk: Any, sort: str) -> None:
    ticket = desk.ticket()
    for number in range(5):
        desk.put(ticket, comment={"body": f"note {number}", "public": False})
    seen: list[str] = []
    url = f"http://zendesk.test/api/v2/tickets/{ticket}/comments.json?page[size]=2&sort={sort}"
    while url:
        page = desk.session.get(url).json()
        seen += [comment["body"] for comment in page["comments"]]
        url = page["links"]["next"] if page["meta"]["has_more"] else ""
    wanted = ["It burns.", *(f"note {number}" for number in range(5))]
    assert seen == (wanted if sort == "created_at" else wanted[::-1])
    newest = desk.get(f"/api/v2/tickets/{ticket}/audits", **{"page[size]": 1, "sort": "-created_at"})
    assert newest["audits"][0]["events"][0]["body"] == "note 4"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/v2/tickets/1/metrics", "ticket_metric"),
        ("/api/v2/tickets/1/comments/count", "count"),
        ("/api/v2/tickets/1/audits/{audit}", "audit"),
        ("/api/v2/tickets/1?include=users,slas,metric_events", "ticket"),
        ("/api/v2/ticket_audits?page[size]=5", "audits"),
        ("/api/v2/users?role=agent", "users"),
        ("/api/v2/users/show_many?ids={user},5", "users"),
        ("/api/v2/users/search?query=cleo", "users"),
        ("/api/v2/organizations", "organizations"),
        ("/api/v2/organizations/{org}", "organization"),
        ("/api/v2/organizations/show_many?ids={org}", "organizations"),
        ("/api/v2/organization_fields", "organization_fields"),
        ("/api/v2/groups", "groups"),
        ("/api/v2/groups/{group}", "group"),
        ("/api/v2/group_memberships", "group_memberships"),
        ("/api/v2/custom_roles", "custom_roles"),
        ("/api/v2/brands", "brands"),
        ("/api/v2/ticket_fields/{field}", "ticket_field"),
        ("/api/v2/custom_statuses/{status}", "custom_status"),
        ("/api/v2/slas/policies", "sla_policies"),
        ("/api/v2/attachments/{attachment}", "attachment"),
        ("/api/v2/job_statuses", "job_statuses"),
    ],
)
def test_what_else_can_be_read_comes_under_its_own_key_and_is_not_empty(desk: Any, path: str, key: str) -> None:
    desk.ticket()
    desk.world.add_sla_policy(title="Gold", policy_metrics=[])
    upload = desk.call("POST", "/api/v2/uploads?filename=a.txt", data=b"x").json()["upload"]
    desk.call("PUT", "/api/v2/tickets/update_many?ids=1", json={"ticket": {"priority": "low"}})
    found = desk.get(
        path.format(
            audit=desk.audits(1)[0]["id"],
            user=desk.customer,
            org=desk.org,
            group=desk.l1,
            field=desk.status_field,
            status=desk.escalated,
            attachment=upload["attachment"]["id"],
        )
    )
    assert found[key]


@pytest.mark.parametrize(
    "path",
    ["users/9", "organizations/9", "groups/9", "ticket_fields/9", "custom_statuses/9", "job_statuses/V3-none"],
)
def test_what_does_not_exist_is_404(desk: Any, path: str) -> None:
    assert desk.call("GET", f"/api/v2/{path}").json()["error"] == "RecordNotFound"


def test_a_comment_of_a_closed_ticket_is_blacked_out_by_marks(desk: Any) -> None:
    ticket = desk.ticket(body="card 1234 and more")
    desk.world.set_status(ticket=ticket, actor=desk.agent, status="closed")
    (comment,) = desk.get(f"/api/v2/tickets/{ticket}/comments")["comments"]
    body = {"ticket_id": ticket, "html_body": "card <redact>1234</redact> and more"}
    shown = desk.call("PUT", f"/api/v2/comment_redactions/{comment['id']}", json=body).json()["comment"]
    assert shown["plain_body"] == "card ▇▇▇▇ and more"


def test_html_in_a_plain_body_is_stripped_and_html_body_is_kept(desk: Any) -> None:
    ticket = desk.ticket()
    event = desk.put(ticket, comment={"body": "a <b>b</b>", "public": False}).json()["audit"]["events"][0]
    assert event["body"] == "a b"
    event = desk.put(ticket, comment={"html_body": "<p>a <b>b</b></p>", "public": False}).json()["audit"]["events"][0]
    assert (event["html_body"], event["plain_body"]) == ("<p>a <b>b</b></p>", "a b")


def test_a_conditional_limit_strikes_while_the_headers_still_show_plenty(desk: Any) -> None:
    desk.fault("rate_limited_plain", args={"retry_after": 93})
    refused = desk.call("GET", "/api/v2/tickets/count")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "93")
    assert int(refused.headers["X-Rate-Limit-Remaining"]) > 600
    desk.fault("rate_limited_plain")
    assert "Retry-After" not in desk.call("GET", "/api/v2/tickets/count").headers
