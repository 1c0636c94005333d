"""Nothing that a customer could read leaves by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from syncd.sources.http import Session
from syncd.sources.wire_guard import WireGuard, WireGuardError, digest_of
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


MARK = "a" * 32
GRANTED = (MARK, 35, digest_of("<p>It is fixed.</p>"))


def only_this(marker: str, ticket_id: int, digest: str) -> bool:
    return (marker, ticket_id, digest) == GRANTED


def spoken(**changes: Any) -> Any:
    """The body of a public comment that was granted, but for the changes."""
    comment = {"html_body": "<p>It is fixed.</p>", "public": True}
    for name in ("html_body", "body", "public"):
        if name in changes:
            comment[name] = changes.pop(name)
    return {"ticket": {**SAFE, "comment": comment, "metadata": {"syncd_op": MARK}, **changes}}


def test_a_grant_lets_exactly_its_public_comment_pass() -> None:
    WireGuard(only_this)(request("PUT", TICKET, spoken()))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/api/v2/tickets/36.json", spoken(), id="for another ticket"),
        pytest.param(TICKET, spoken(html_body="<p>It is broken.</p>"), id="for another text"),
        pytest.param(TICKET, spoken(html_body="<p>It is fixed.</p> "), id="for a text with one blank more"),
        pytest.param(TICKET, spoken(metadata={"syncd_op": "b" * 32}), id="under another mark"),
        pytest.param(TICKET, spoken(metadata={}), id="without a mark"),
        pytest.param(TICKET, spoken(metadata=None), id="without metadata"),
        pytest.param(TICKET, spoken(metadata={"syncd_op": [MARK]}), id="with a list of marks"),
        pytest.param(TICKET, spoken(public="true"), id="that says public as a text"),
        pytest.param(TICKET, spoken(public=None), id="that does not say"),
        pytest.param(TICKET, spoken(body="more"), id="with a second text"),
        pytest.param(TICKET, spoken(html_body=None, body="<p>It is fixed.</p>"), id="as plain text"),
        pytest.param("/api/v2/tickets/update_many.json?ids=35", spoken(), id="for many"),
        pytest.param(
            TICKET, {**spoken(), "more": {"comment": {"html_body": "x", "public": True}}}, id="beside another comment"
        ),
    ],
)
def test_a_grant_lets_nothing_else_pass(path: str, body: Any) -> None:
    with pytest.raises(WireGuardError):
        WireGuard(only_this)(request("PUT", path, body))


def test_without_a_grant_the_same_comment_is_stopped() -> None:
    with pytest.raises(WireGuardError):
        WireGuard()(request("PUT", TICKET, spoken()))


def test_in_a_session_not_a_byte_leaves() -> None:
    network = ScriptedNetwork(Answer(body={}))
    made = Session(
        "https://acme.zendesk.com", service="Zendesk", clock=FakeClock(), adapter=network, before_send=(WireGuard(),)
    )
    with pytest.raises(WireGuardError):
        made.put(f"https://acme.zendesk.com{TICKET}", json={"ticket": {**SAFE, "comment": {"body": "x"}}})
    assert network.sent == []
