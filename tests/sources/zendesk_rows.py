"""Rows of our own making, in Zendesk's shapes."""

from __future__ import annotations

from typing import Any

import responses

BASE = "https://acme.zendesk.com"
API = f"{BASE}/api/v2"
T0 = "2026-11-20T08:00:00Z"
T1 = "2026-11-20T08:05:10Z"
BOT, AGENT, CUSTOMER = 900, 700, 500
LINK_FIELD = 3601


def ticket(number: int = 35, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "url": f"https://acme.zendesk.com/api/v2/tickets/{number}.json",
        "id": number,
        "external_id": None,
        "via": {"channel": "email", "source": {"from": {"address": "cleo@acme.example"}, "to": {}, "rel": None}},
        "created_at": T0,
        "updated_at": T1,
        "subject": "The printer burns",
        "priority": "high",
        "status": "open",
        "custom_status_id": 41,
        "requester_id": CUSTOMER,
        "assignee_id": AGENT,
        "group_id": 7,
        "organization_id": 9,
        "brand_id": 8,
        "ticket_form_id": 6,
        "tags": ["vip", "bug"],
        "custom_fields": [{"id": LINK_FIELD, "value": "ENG-7"}, {"id": 3602, "value": None}],
        "satisfaction_rating": None,
    }
    return {**row, **more}


def user(number: int, role: str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"id": number, "name": name or f"User {number}", "email": f"u{number}@acme.example", "role": role, **more}


ME = user(BOT, "agent", "syncd", iana_time_zone="Europe/Berlin")
USERS = [user(BOT, "agent", "syncd"), user(AGENT, "agent", "Ben"), user(CUSTOMER, "end-user", "Cleo")]


def change(field: str, after: Any, before: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": 1, "type": "Change", "field_name": field, "value": after, "previous_value": before, **more}


def comment(body: str = "x", *, public: Any = False, number: int = 77, **more: Any) -> dict[str, Any]:
    return {"id": number, "type": "Comment", "body": body, "public": public, "attachments": [], **more}


def rule(title: str = "Reopen on reply", rel: str = "trigger") -> dict[str, Any]:
    return {"channel": "rule", "source": {"from": {"id": 12, "title": title}, "to": {}, "rel": rel}}


def audit(
    number: int, *events: dict[str, Any], author: Any = AGENT, at: str = T1, mark: str | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "id": number,
        "ticket_id": 35,
        "created_at": at,
        "author_id": author,
        "metadata": {"system": {"ip_address": "192.0.2.1"}, "custom": {"syncd_op": mark} if mark else {}},
        "events": list(events),
        "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        **more,
    }


def calls(server: responses.RequestsMock) -> list[str]:
    """`GET /path?query` of each call, below the API."""
    return [f"{call.request.method} {str(call.request.url).removeprefix(API)}" for call in server.calls]


def known(server: responses.RequestsMock) -> None:
    """The answers that any write or history needs."""
    server.get(f"{API}/users/me.json", json={"user": ME})
    server.get(f"{API}/users/show_many.json", json={"users": USERS})
