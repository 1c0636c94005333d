"""Credentials, roles, scopes and limits of the pretend Zendesk."""

from __future__ import annotations

from typing import Any

import pytest


def grant(desk: Any, **changes: Any) -> Any:
    asked = {"grant_type": "client_credentials", "client_id": "syncd", "client_secret": "s3cret", **changes}
    desk.session.auth = None
    return desk.call("POST", "/oauth/tokens", json=asked)


def bearer(desk: Any, token: str) -> None:
    desk.session.auth = None
    desk.session.headers["Authorization"] = f"Bearer {token}"


def test_client_credentials_give_a_bearer_that_expires_on_the_sandbox_clock(desk: Any) -> None:
    reply = grant(desk, scope="read write", expires_in=300).json()
    assert (reply["token_type"], reply["scope"], reply["expires_in"]) == ("bearer", "read write", 300)
    bearer(desk, reply["access_token"])
    assert desk.get("/api/v2/users/me")["user"]["id"] == desk.admin
    desk.pass_time(300)
    late = desk.call("GET", "/api/v2/tickets/count")
    assert (late.status_code, late.json()["error"]) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"scope": "everything"}, 400, "invalid_scope"),
        ({"expires_in": 299}, 400, "invalid_request"),
        ({"expires_in": 172801}, 400, "invalid_request"),
        ({"client_secret": "guess"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
    ids=["an unknown scope", "too short", "too long", "a wrong secret", "another grant"],
)
def test_a_wrong_grant_is_refused(desk: Any, changes: dict[str, Any], status: int, error: str) -> None:
    reply = grant(desk, **changes)
    assert (reply.status_code, reply.json()["error"]) == (status, error)


def test_an_older_account_takes_an_unknown_scope_and_then_forbids_everything(desk: Any) -> None:
    desk.world.switches["unknown_scope"] = "accept"
    bearer(desk, grant(desk, scope="everything").json()["access_token"])
    assert desk.call("GET", "/api/v2/tickets").status_code == 403


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("read", "PUT", "/api/v2/tickets/1", 403),
        ("read", "GET", "/api/v2/tickets/1", 200),
        ("tickets:read", "GET", "/api/v2/tickets/1", 200),
        ("tickets:read", "GET", "/api/v2/tickets/1/audits", 403),
        ("tickets:read", "GET", "/api/v2/users", 403),
        ("users:read", "GET", "/api/v2/users", 200),
        ("tickets:write", "GET", "/api/v2/tickets/1", 403),
        ("tickets:write", "PUT", "/api/v2/tickets/1", 200),
    ],
)
def test_a_scope_opens_only_its_own_resource(desk: Any, scope: str, method: str, path: str, status: int) -> None:
    desk.ticket()
    bearer(desk, grant(desk, scope=scope).json()["access_token"])
    body = {"json": {"ticket": {"priority": "low"}}} if method == "PUT" else {}
    assert desk.call(method, path, **body).status_code == status


def test_nobody_is_the_anonymous_user_with_200_and_gets_401_elsewhere(desk: Any) -> None:
    desk.session.auth = None
    assert desk.get("/api/v2/users/me.json")["user"]["name"] == "Anonymous user"
    assert desk.call("GET", "/api/v2/tickets/count").status_code == 401


@pytest.mark.parametrize("switch", [200, 401])
def test_a_wrong_api_token_is_anonymous_or_refused_as_the_switch_says(desk: Any, switch: int) -> None:
    desk.world.switches["users_me_bad_token"] = switch
    desk.session.auth = ("ada@desk.example/token", "wrong")
    assert desk.call("GET", "/api/v2/users/me").status_code == switch
    assert desk.call("GET", "/api/v2/tickets").json() == {"error": "Couldn't authenticate you"}


def test_passwords_no_longer_work(desk: Any) -> None:
    desk.session.auth = ("ada@desk.example", desk.token)
    assert desk.call("GET", "/api/v2/tickets").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/incremental/tickets/cursor?start_time=1",
        "/api/v2/incremental/ticket_events?start_time=1",
        "/api/v2/jira/links",
        "/api/services/jira/links",
        "/api/v2/slas/policies",
    ],
)
def test_an_agent_who_is_no_admin_is_forbidden_what_admins_may(desk: Any, path: str) -> None:
    assert desk.call("GET", path).status_code == 200
    desk.login("ben@desk.example")
    assert desk.call("GET", path).status_code == 403


def test_revoking_a_token_a_client_or_a_user_shuts_the_door_until_restored(desk: Any) -> None:
    token = grant(desk).json()["access_token"]
    desk.login("ada@desk.example")
    desk.world.revoke_credential(token=desk.token)
    assert desk.call("GET", "/api/v2/tickets").status_code == 401
    desk.world.restore_credential(token=desk.token)
    desk.world.revoke_user(user=desk.admin)
    assert desk.call("GET", "/api/v2/tickets").status_code == 403
    desk.world.restore_user(user=desk.admin)
    assert desk.call("GET", "/api/v2/tickets").status_code == 200
    desk.world.revoke_credential(client_id="syncd")
    bearer(desk, token)
    assert desk.call("GET", "/api/v2/tickets").status_code == 401
    desk.session.headers.pop("Authorization")
    assert grant(desk).status_code == 401


def test_the_journal_keeps_no_secret_of_the_token_endpoint(desk: Any) -> None:
    token = grant(desk).json()["access_token"]
    kept = str(desk.ctx.journal.entries())
    assert "client_credentials" in kept
    assert "s3cret" not in kept
    assert token not in kept


def test_the_account_limit_answers_in_plain_text_and_says_when_to_come_back(desk: Any) -> None:
    desk.world.switches["account_limit"] = 2
    desk.pass_time(60 - desk.ctx.clock.now() % 60)
    first = desk.call("GET", "/api/v2/tickets/count")
    assert (first.headers["X-Rate-Limit"], first.headers["ratelimit-remaining"]) == ("2", "1")
    desk.call("GET", "/api/v2/tickets/count")
    refused = desk.call("GET", "/api/v2/tickets/count")
    assert refused.status_code == 429
    assert refused.text == "Number of allowed API requests per minute exceeded"
    assert refused.headers["Content-Type"].startswith("text/plain")
    assert refused.headers["Retry-After"] == "60"
    desk.pass_time(60)
    assert desk.call("GET", "/api/v2/tickets/count").status_code == 200


def test_all_exports_share_ten_calls_a_minute_and_the_refusal_is_json(desk: Any) -> None:
    desk.pass_time(60 - desk.ctx.clock.now() % 60)
    paths = ["tickets/cursor", "ticket_events", "organizations", "ticket_metric_events"] * 3
    replies = [desk.call("GET", f"/api/v2/incremental/{path}?start_time=1") for path in paths]
    assert [reply.status_code for reply in replies] == [200] * 10 + [429] * 2
    assert replies[-1].json()["error"] == "APIRateLimitExceeded"
    assert replies[0].headers["zendesk-ratelimit-incremental-exports"] == "total=10; remaining=9; resets=60"
    assert desk.call("GET", "/api/v2/incremental/users/cursor?start_time=1").status_code == 200


def test_one_ticket_takes_thirty_updates_in_ten_minutes_from_one_user(desk: Any) -> None:
    ticket, other = desk.ticket(), desk.ticket()
    codes = [desk.put(ticket, subject=f"s{number}").status_code for number in range(31)]
    assert codes == [200] * 30 + [429]
    assert desk.put(other, subject="fine").status_code == 200
    desk.pass_time(600)
    assert desk.put(ticket, subject="again").status_code == 200


def test_older_accounts_spell_the_headers_differently(desk: Any) -> None:
    desk.world.switches["header_dialect"] = "2023"
    reply = desk.put(desk.ticket(), subject="x")
    assert reply.headers["rate-limit"] == "700"
    assert reply.headers["zendesk-rate-limit-tickets-update"].startswith("total=100; remaining=99")
    assert "ratelimit-limit" not in reply.headers
