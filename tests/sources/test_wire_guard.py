"""Nothing that a customer could read leaves by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from syncd.sources.http import Session
from syncd.sources.wire_guard import PublicGrant, WireGuard, WireGuardError
from tests.sources.http_fakes import Answer, FakeClock, ScriptedNetwork

TICKET = "/api/v2/tickets/35.json"
SAFE: dict[str, Any] = {"safe_update": True, "updated_stamp": "2026-11-20T08:05:10Z"}
NOTE = {"body": "x", "public": False}


def request(method: str, path: str, body: Any) -> requests.PreparedRequest:
    data = body if isinstance(body, bytes | str) or body is None else json.dumps(body)
    return requests.Request(method, f"https://acme.zendesk.com{path}", data=data).prepare()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("PUT", TICKET, {"ticket": {**SAFE, "comment": NOTE}}, id="an internal note"),
        pytest.param("PUT", "/api/v2/tickets/35", {"ticket": {**SAFE, "status": "open"}}, id="a status"),
        pytest.param(
            "PUT", TICKET, {"ticket": {**SAFE, "comment": {"html_body": "x", "public": False}}}, id="a note in HTML"
        ),
        pytest.param("PUT", "/api/v2/tickets/35/comments/9/make_private.json", None, id="hiding a comment"),
        pytest.param(
            "DELETE",
            "/api/v2/tickets/35/tags.json",
            {"tags": ["a"], "safe_update": "true", "updated_stamp": "x"},
            id="taking a tag off",
        ),
        pytest.param("GET", TICKET, None, id="reading"),
        pytest.param("POST", "/api/v2/uploads.json?filename=a.log", b"\x00\xff", id="a file for a note to come"),
        pytest.param(
            "POST",
            "/api/v2/tickets/35/merge.json",
            {"ids": [1], "target_comment_is_public": False, "source_comment_is_public": False},
            id="a merge that says nothing in public",
        ),
    ],
)
def test_let_through(method: str, path: str, body: Any) -> None:
    WireGuard()(request(method, path, body))


def put(**ticket: Any) -> tuple[str, str, Any]:
    return "PUT", TICKET, {"ticket": {**SAFE, **ticket}}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param(*put(comment={"body": "x"}), id="a comment that does not say"),
        pytest.param(*put(comment={"body": "x", "public": True}), id="a public comment"),
        pytest.param(*put(comment={"body": "x", "public": "false"}), id="the text false"),
        pytest.param(*put(comment={"body": "x", "public": 0}), id="a zero"),
        pytest.param(*put(comment={"body": "x", "public": None}), id="null"),
        pytest.param(*put(comment=None), id="no comment"),
        pytest.param(*put(comment="x"), id="a comment that is a text"),
        pytest.param(*put(comment=[NOTE]), id="a list of comments"),
        pytest.param(*put(comment={**NOTE, "html_body": "y"}), id="two texts"),
        pytest.param(
            *put(comment=NOTE, nested={"deep": [{"comment": {"body": "x"}}]}), id="a second comment further in"
        ),
        pytest.param(*put(is_public=True), id="a ticket made public"),
        pytest.param(*put(tags=["a"]), id="the whole list of tags"),
        pytest.param(*put(safe_update=False), id="safe_update off"),
        pytest.param(*put(safe_update="false"), id="safe_update off, as text"),
        pytest.param(*put(safe_update=None), id="safe_update null"),
        pytest.param(*put(updated_stamp=None), id="no stamp"),
        pytest.param("PUT", TICKET, {"ticket": {"status": "open"}}, id="no safe_update"),
        pytest.param("PUT", TICKET, {"status": "open"}, id="no ticket"),
        pytest.param("PUT", TICKET, [{"ticket": {}}], id="a list"),
        pytest.param("PUT", TICKET, None, id="no body"),
        pytest.param("PUT", TICKET, "comment[body]=x&comment[public]=true", id="a form"),
        pytest.param("PUT", TICKET, b"\xff\xfe", id="bytes"),
        pytest.param(
            "PUT",
            TICKET,
            '{"ticket":{"safe_update":true,"updated_stamp":"x","comment":{"public":true,"public":false}}}',
            id="a key twice",
        ),
        pytest.param(
            "PUT",
            "/api/v2/tickets/update_many.json",
            {"tickets": [{"id": 1, "comment": {"body": "x"}}]},
            id="among many",
        ),
        pytest.param(
            "PUT",
            "/api/v2/tickets/update_many?ids=1,2",
            {"ticket": {"comment": {"body": "x", "public": True}}},
            id="for many",
        ),
        pytest.param("POST", "/api/v2/tickets.json", {"ticket": {"comment": {"body": "x"}}}, id="a new ticket"),
        pytest.param(
            "POST", "/api/v2/tickets", {"ticket": {"description": "x"}}, id="a description is a public comment"
        ),
        pytest.param(
            "POST", "/api/v2/tickets/35/merge", {"ids": [1], "target_comment_is_public": True}, id="a public merge"
        ),
        pytest.param(
            "POST", "/api/v2/tickets/35/merge.json", {"ids": [1], "target_comment": "x"}, id="a merge that does not say"
        ),
        pytest.param("POST", "/api/v2/tickets/35/merge", None, id="a merge without a body"),
        pytest.param(
            "POST", "/api/v2/requests.json", {"request": {"comment": NOTE}}, id="the customer's own interface"
        ),
        pytest.param("PUT", "/api/v2/requests/35", {"request": {}}, id="an answer as the customer"),
    ],
)
def test_stopped(method: str, path: str, body: Any) -> None:
    with pytest.raises(WireGuardError):
        WireGuard()(request(method, path, body))


def test_a_body_that_is_streamed_is_stopped() -> None:
    prepared = requests.Request("PUT", f"https://acme.zendesk.com{TICKET}", data=iter([b"{}"])).prepare()
    with pytest.raises(WireGuardError):
        WireGuard()(prepared)


def test_a_grant_lets_one_public_comment_pass_once() -> None:
    guard = WireGuard()
    public = request(*put(comment={"body": "It is fixed.", "public": True}))
    guard.grant(PublicGrant.for_body("grant-1", 35, "It is fixed."))
    guard(public)
    with pytest.raises(WireGuardError):
        guard(public)


@pytest.mark.parametrize(
    ("ticket", "body", "public"),
    [
        pytest.param(36, "It is fixed.", True, id="for another ticket"),
        pytest.param(35, "It is broken.", True, id="for another text"),
        pytest.param(35, "It is fixed.", None, id="for a comment that does not say"),
    ],
)
def test_a_grant_lets_nothing_else_pass(ticket: int, body: str, public: bool | None) -> None:
    guard = WireGuard()
    guard.grant(PublicGrant.for_body("grant-1", ticket, "It is fixed."))
    with pytest.raises(WireGuardError):
        guard(request(*put(comment={"body": body, "public": public})))


def test_in_a_session_not_a_byte_leaves() -> None:
    network = ScriptedNetwork(Answer(body={}))
    made = Session(
        "https://acme.zendesk.com", service="Zendesk", clock=FakeClock(), adapter=network, before_send=(WireGuard(),)
    )
    with pytest.raises(WireGuardError):
        made.put(f"https://acme.zendesk.com{TICKET}", json={"ticket": {**SAFE, "comment": {"body": "x"}}})
    assert network.sent == []
