"""What the pretend Zendesk does by itself, and what happens in the background."""

from __future__ import annotations

from typing import Any

import pytest


def job(desk: Any, reply: Any) -> Any:
    assert reply.status_code == 200, reply.text
    job_id = reply.json()["job_status"]["id"]
    return desk.get(f"/api/v2/job_statuses/{job_id}.json")["job_status"]


@pytest.mark.parametrize(
    ("before", "after"),
    [("new", "new"), ("open", "open"), ("pending", "open"), ("hold", "open"), ("solved", "open")],
)
def test_a_customers_answer_reopens_what_was_waiting_or_solved(desk: Any, before: str, after: str) -> None:
    ticket = desk.ticket(**({} if before == "new" else {"assignee_id": desk.agent, "status": before}))
    assert desk.shown(ticket)["status"] == before
    assert desk.world.customer_replies(ticket=ticket, body="Any news?") == ticket
    assert desk.shown(ticket)["status"] == after
    audit = desk.audits(ticket)[-1]
    assert audit["via"]["channel"] == "email"
    assert audit["author_id"] == desk.customer
    assert audit["events"][0]["public"] is True


def test_a_customers_answer_on_a_closed_ticket_makes_a_follow_up(desk: Any) -> None:
    ticket = desk.ticket(tags=["vip"], assignee_id=desk.agent)
    desk.world.set_field(ticket=ticket, actor=desk.agent, field="Engineering status", value="Done")
    desk.world.set_status(ticket=ticket, actor=desk.agent, status="closed")
    follow_up = desk.world.customer_replies(ticket=ticket, body="It burns again.")
    shown = desk.shown(follow_up)
    assert follow_up != ticket
    assert shown["via"]["source"]["rel"] == "follow_up"
    assert shown["via"]["source"]["from"]["ticket_id"] == ticket
    assert shown["tags"] == ["vip"]
    assert {"id": desk.status_field, "value": "Done"} in shown["custom_fields"]
    assert desk.shown(ticket)["followup_ids"] == [follow_up]
    assert desk.get(f"/api/v2/tickets/{follow_up}/related")["followup_source_ids"] == [str(ticket)]


def test_a_follow_up_over_the_api_needs_a_closed_source(desk: Any) -> None:
    source = desk.ticket()
    body = {"ticket": {"comment": {"body": "b"}, "via_followup_source_id": source}}
    assert desk.call("POST", "/api/v2/tickets", json=body).status_code == 422
    desk.world.set_status(ticket=source, actor=desk.agent, status="closed")
    assert desk.call("POST", "/api/v2/tickets", json=body).status_code == 201


def test_a_solved_ticket_is_closed_by_automation_after_four_days(desk: Any) -> None:
    ticket = desk.ticket()
    desk.world.solve(ticket=ticket, actor=desk.agent)
    desk.pass_time(4 * 86_400 - 1)
    assert desk.shown(ticket)["status"] == "solved"
    desk.pass_time(1)
    assert desk.shown(ticket)["status"] == "closed"
    audit = desk.audits(ticket)[-1]
    assert (audit["author_id"], audit["via"]["channel"], audit["via"]["source"]["rel"]) == (-1, "rule", "automation")


def test_a_ticket_reopened_meanwhile_is_not_closed_by_the_first_solution(desk: Any) -> None:
    ticket = desk.ticket()
    desk.world.solve(ticket=ticket, actor=desk.agent)
    desk.pass_time(86_400)
    desk.world.customer_replies(ticket=ticket, body="no")
    desk.world.solve(ticket=ticket, actor=desk.agent)
    desk.pass_time(3 * 86_400)
    assert desk.shown(ticket)["status"] == "solved"
    assert desk.world.close_solved() == [ticket]


def test_a_trigger_undoes_our_value_inside_the_same_audit(desk: Any) -> None:
    trigger = desk.world.add_trigger(name="Never on hold", on_status="hold", set_status="open")
    ticket = desk.ticket()
    data = desk.put(ticket, status="hold", metadata={"syncd_op": "m"}).json()
    assert data["ticket"]["status"] == "open"
    statuses = [e for e in data["audit"]["events"] if e.get("field_name") == "status"]
    assert [(e["previous_value"], e["value"]) for e in statuses] == [("new", "hold"), ("hold", "open")]
    assert "via" not in statuses[0]
    assert statuses[1]["via"]["channel"] == "rule"
    assert statuses[1]["via"]["source"]["rel"] == "trigger"
    assert statuses[1]["via"]["source"]["from"] == {"id": trigger, "title": "Never on hold"}
    desk.world.remove_trigger(trigger=trigger)
    assert desk.put(ticket, status="hold").json()["ticket"]["status"] == "hold"


def test_a_rule_that_acts_later_makes_an_audit_of_its_own(desk: Any) -> None:
    desk.world.add_trigger(
        name="Back to open", on_status="Escalated", set_status="pending", later=True, delay_seconds=30
    )
    ticket = desk.ticket()
    desk.put(ticket, custom_status_id=desk.escalated)
    assert desk.shown(ticket)["custom_status_id"] == desk.escalated
    desk.pass_time(30)
    assert desk.shown(ticket)["status"] == "pending"
    assert desk.audits(ticket)[-1]["via"]["source"]["from"]["title"] == "Back to open"


def test_a_trigger_can_be_kept_to_one_actor_and_a_number_of_times(desk: Any) -> None:
    desk.world.add_trigger(name="T", on_status="hold", set_status="open", only_actor=desk.admin, times=1)
    ticket = desk.ticket()
    desk.world.set_status(ticket=ticket, actor=desk.agent, status="hold")
    assert desk.shown(ticket)["status"] == "hold"
    desk.put(ticket, status="open")
    assert desk.put(ticket, status="hold").json()["ticket"]["status"] == "open"
    assert desk.put(ticket, status="hold").json()["ticket"]["status"] == "hold"


def test_assigning_a_new_ticket_opens_it_and_gives_it_the_agents_group(desk: Any) -> None:
    ticket = desk.ticket()
    desk.world.assign(ticket=ticket, actor=desk.admin, assignee=desk.agent)
    shown = desk.shown(ticket)
    assert (shown["status"], shown["group_id"]) == ("open", desk.l1)
    desk.world.assign(ticket=ticket, actor=desk.admin, group=desk.l2)
    assert desk.shown(ticket)["assignee_id"] is None


def test_a_merge_over_the_api_closes_the_source_with_its_tag_and_the_target_lists_it(desk: Any) -> None:
    source, target = desk.ticket(subject="twin"), desk.ticket(actor=desk.agent)
    body = {"ids": [source], "target_comment": "same thing"}
    done = job(desk, desk.call("POST", f"/api/v2/tickets/{target}/merge", json=body))
    assert done["status"] == "completed"
    shown = desk.shown(source)
    assert (shown["status"], shown["tags"]) == ("closed", ["closed_by_merge"])
    audit = desk.audits(source)[-1]
    assert audit["via"]["source"] == {"from": {}, "to": {}, "rel": "merge"}
    assert "Comment" not in {event["type"] for event in audit["events"]}
    audit = desk.audits(target)[-1]
    assert audit["via"]["source"]["from"] == {"ticket_ids": [source]}
    assert (audit["events"][0]["body"], audit["events"][0]["public"]) == ("same thing", False)
    assert desk.shown(target)["email_cc_ids"] == [desk.customer]


def test_a_merge_by_a_person_names_the_other_ticket_in_private_comments(desk: Any) -> None:
    source, target = desk.ticket(subject="twin"), desk.ticket()
    desk.world.merge(source=source, target=target, actor=desk.agent)
    told = desk.get(f"/api/v2/tickets/{source}/comments")["comments"][-1]
    assert told["body"] == f'This request was closed and merged into request #{target} "Printer on fire".'
    told = desk.get(f"/api/v2/tickets/{target}/comments")["comments"][-1]
    assert told["body"] == f'Request #{source} "twin" was closed and merged into this request.'
    assert told["public"] is False
    with pytest.raises(ValueError, match="itself"):
        desk.world.merge(source=target, target=target, actor=desk.agent)


def test_update_many_reports_each_ticket_and_completes_although_some_fail(desk: Any) -> None:
    good, closed = desk.ticket(), desk.ticket()
    desk.world.set_status(ticket=closed, actor=desk.agent, status="closed")
    reply = desk.call(
        "PUT",
        f"/api/v2/tickets/update_many.json?ids={good},{closed},99",
        json={"ticket": {"priority": "high", "additional_tags": ["x"]}},
    )
    done = job(desk, reply)
    assert (done["status"], done["total"]) == ("completed", 3)
    assert done["results"][0] == {"action": "update", "id": good, "status": "Updated", "success": True}
    assert [(row["id"], row["error"]) for row in done["results"][1:]] == [
        (closed, "TicketUpdateFailed"),
        (99, "TicketNotFound"),
    ]
    assert desk.shown(good)["tags"] == ["x"]


def test_a_background_job_does_not_overwrite_what_changed_after_it_was_queued(desk: Any) -> None:
    desk.world.switches["job_seconds"] = 10
    calm, busy = desk.ticket(), desk.ticket()
    reply = desk.call("PUT", f"/api/v2/tickets/update_many?ids={calm},{busy}", json={"ticket": {"status": "hold"}})
    assert job(desk, reply)["status"] == "queued"
    desk.pass_time(5)
    desk.world.set_status(ticket=busy, actor=desk.agent, status="pending")
    desk.pass_time(5)
    done = job(desk, reply)
    assert [row.get("success") for row in done["results"]] == [True, None]
    assert [desk.shown(ticket)["status"] for ticket in (calm, busy)] == ["hold", "pending"]


def test_more_than_thirty_waiting_jobs_are_too_many(desk: Any) -> None:
    desk.world.switches["job_seconds"] = 60
    ticket = desk.ticket()
    url, body = f"/api/v2/tickets/update_many?ids={ticket}", {"ticket": {"priority": "low"}}
    codes = [desk.call("PUT", url, json=body).status_code for _ in range(31)]
    assert codes == [200] * 30 + [429]
    assert desk.call("PUT", url, json=body).json()["error"] == "TooManyJobs"


def test_what_fell_due_happens_before_a_person_acts(desk: Any) -> None:
    ticket = desk.ticket()
    desk.world.solve(ticket=ticket, actor=desk.agent)
    desk.ctx.clock.advance(4 * 86_400)
    with pytest.raises(ValueError, match="closed prevents"):
        desk.world.set_priority(ticket=ticket, actor=desk.agent, priority="low")


def test_only_a_solved_ticket_is_rated(desk: Any) -> None:
    ticket = desk.ticket()
    with pytest.raises(ValueError, match="not been solved"):
        desk.world.rate(ticket=ticket, score="bad")
    desk.world.solve(ticket=ticket, actor=desk.agent)
    desk.world.rate(ticket=ticket, score="bad", comment="slow")
    assert desk.shown(ticket)["satisfaction_rating"]["score"] == "bad"
    (rating,) = desk.get("/api/v2/satisfaction_ratings", score="bad")["satisfaction_ratings"]
    assert rating["comment"] == "slow"
    assert desk.audits(ticket)[-1]["events"][0]["type"] == "SatisfactionRating"


def test_links_of_the_official_app_are_listed_in_both_dialects(desk: Any) -> None:
    ticket = desk.ticket()
    body = {"link": {"ticket_id": str(ticket), "issue_id": "10001", "issue_key": "NOVA-1"}}
    made = desk.call("POST", "/api/services/jira/links", json=body)
    assert made.status_code == 201
    link = made.json()["link"]
    assert (link["ticket_id"], link["issue_id"]) == (str(ticket), "10001")
    assert link["created_at"].endswith(".000Z")
    desk.world.add_jira_link(ticket=ticket, issue_id="10002", issue_key="NOVA-2")
    first = desk.get("/api/v2/jira/links", **{"filter[ticket_id]": ticket, "page[size]": 1})
    assert first["meta"]["has_more"] is True
    second = desk.session.get(first["meta"]["after_cursor"]).json()
    assert [row["issue_key"] for row in first["links"] + second["links"]] == ["NOVA-1", "NOVA-2"]
    old = desk.get("/api/services/jira/links", since_id=link["id"])
    assert ([row["issue_key"] for row in old["links"]], old["total"]) == (["NOVA-2"], 1)
    assert desk.get(f"/api/v2/tickets/{ticket}/related")["jira_issue_ids"] == ["10001", "10002"]
    assert desk.call("DELETE", f"/api/services/jira/links/{link['id']}").status_code == 204
    desk.world.switches["jira_links_forbidden"] = True
    assert desk.call("GET", "/api/v2/jira/links").status_code == 403


def test_ticket_fields_tell_who_sees_them_and_statuses_which_category_they_have(desk: Any) -> None:
    desk.world.add_ticket_field(title="Product", visible_in_portal=True, editable_in_portal=True)
    fields = {row["title"]: row for row in desk.get("/api/v2/ticket_fields.json")["ticket_fields"]}
    assert fields["Product"]["visible_in_portal"] is True
    assert fields["Engineering status"]["visible_in_portal"] is False
    assert [option["value"] for option in fields["Kind"]["custom_field_options"]] == ["bug", "question"]
    statuses = desk.get("/api/v2/custom_statuses", status_categories="open")["custom_statuses"]
    assert [(row["agent_label"], row["default"]) for row in statuses] == [("Open", True), ("Escalated", False)]


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [("database_conflict", 409, "DatabaseConflict"), ("database_deadlock", 503, "DatabaseDeadlock")],
)
def test_the_database_can_be_in_the_way(desk: Any, kind: str, status: int, error: str) -> None:
    ticket = desk.ticket()
    desk.fault(kind, method="PUT")
    reply = desk.put(ticket, status="hold")
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert ("Retry-After" in reply.headers) is (status == 503)
    assert desk.shown(ticket)["status"] == "new"
    assert desk.put(ticket, status="hold").status_code == 200


def test_the_state_holds_everything_and_is_ready_for_json(desk: Any) -> None:
    ticket = desk.ticket()
    desk.put(ticket, custom_status_id=desk.escalated, comment={"body": "n", "public": False})
    state = desk.world.state()["tickets"][str(ticket)]
    assert (state["status"], state["status_label"]) == ("open", "Escalated")
    assert [(comment["body"], comment["public"]) for comment in state["comments"]] == [
        ("It burns.", True),
        ("n", False),
    ]
    assert "s3cret" not in str(desk.world.state())
