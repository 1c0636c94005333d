"""Single tickets: reading, history and writes, against scripted answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses
from responses import matchers

from syncd.core.model import ActorKind
from syncd.core.ports import TicketWrite
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
from syncd.sources.zendesk import Zendesk
from tests.sources.zendesk_rows import (
    AGENT,
    API,
    BOT,
    CUSTOMER,
    ME,
    USERS,
    audit,
    calls,
    change,
    comment,
    known,
    ticket,
)

STAMP = datetime(2026, 11, 20, 8, 5, 10, tzinfo=UTC)
MARK = "0f3c" * 8


# ---- single tickets --------------------------------------------------------------------------------------------


def test_tickets_that_are_missing_are_asked_for_alone_before_they_count_as_gone(
    server: responses.RequestsMock, zendesk: Zendesk
) -> None:
    server.get(f"{API}/tickets/show_many.json", json={"tickets": [ticket(1), ticket(99)]})
    server.get(f"{API}/tickets/2.json", json={"ticket": ticket(2, status="closed")})
    server.get(f"{API}/tickets/3.json", status=404, json={"error": "RecordNotFound"})
    found = zendesk.read([3, 1, 2, 1])
    assert [(t.id, t.visible, t.state.category) for t in found] == [
        (3, False, "deleted"),
        (1, True, "open"),
        (2, True, "closed"),
    ]


def test_reading_goes_in_hundreds(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        ids = str(request.url).partition("ids=")[2].split("%2C")
        return 200, {}, json.dumps({"tickets": [ticket(int(number)) for number in ids]})

    server.add_callback(responses.GET, f"{API}/tickets/show_many.json", answer, content_type="application/json")
    assert [t.id for t in zendesk.read(range(1, 251))] == list(range(1, 251))
    assert len(server.calls) == 3


def test_nothing_is_asked_for_nothing(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    assert zendesk.read([]) == ()
    assert len(server.calls) == 0


def test_one_ticket_is_read_as_it_is_now(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.get(f"{API}/tickets/35.json", json={"ticket": ticket()})
    assert zendesk.read([35])[0].fields == {"3601": "ENG-7"}
    assert calls(server) == ["GET /tickets/35.json"]


def test_a_ticket_in_an_unreadable_form_is_not_gone(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.get(f"{API}/tickets/35.json", json={"ticket": ticket(updated_at=None)})
    with pytest.raises(InvalidResponseError):
        zendesk.read([35])
    server.get(f"{API}/tickets/show_many.json", json={"tickets": [ticket(36), ticket(updated_at=None)]})
    assert [t.id for t in zendesk.read([35, 36])] == [36]


@pytest.mark.parametrize(
    ("status", "body", "me", "expected"),
    [
        pytest.param(403, {"error": "Forbidden"}, ME, None, id="hidden from us"),
        pytest.param(403, {"error": "Forbidden"}, {**ME, "role": "end-user"}, AuthError, id="we are no agent any more"),
        pytest.param(403, {"error": "Forbidden"}, {"id": None}, AuthError, id="we are nobody any more"),
        pytest.param(403, {"error": "Forbidden"}, {**ME, "suspended": True}, AuthError, id="we are suspended"),
        pytest.param(404, "<html>proxy</html>", ME, InvalidResponseError, id="a page of a proxy"),
        pytest.param(404, {"error": "InvalidEndpoint"}, ME, RefusedError, id="an endpoint that is not there"),
        pytest.param(401, {"error": "Couldn't authenticate you"}, ME, AuthError, id="a wrong credential"),
        pytest.param(500, {}, ME, TransientError, id="a broken server"),
    ],
)
def test_what_does_not_make_a_ticket_gone(
    server: responses.RequestsMock,
    zendesk: Zendesk,
    status: int,
    body: Any,
    me: Any,
    expected: type[SourceError] | None,
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    server.get(f"{API}/tickets/35.json", status=status, body=text)
    server.get(f"{API}/users/me.json", json={"user": me})
    if expected is None:
        assert not zendesk.read([35])[0].visible
    else:
        with pytest.raises(expected):
            zendesk.read([35])


# ---- history ---------------------------------------------------------------------------------------------------

AUDITS = f"{API}/tickets/35/audits.json"


def test_history_newest_first_with_users_that_came_along(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.get(f"{API}/users/me.json", json={"user": ME})
    rows = [audit(2, change("status", "open")), audit(1, comment(), at="2026-11-20T08:00:00Z", author=CUSTOMER)]
    server.get(AUDITS, json={"audits": rows, "users": USERS, "meta": {"has_more": True, "after_cursor": "c"}})
    found = zendesk.history(35)
    assert [(c.audit_id, c.kind, c.actor.kind) for c in found] == [
        (2, "status", ActorKind.AGENT),
        (1, "comment", ActorKind.CUSTOMER),
    ]
    assert calls(server)[0] == "GET /tickets/35/audits.json?page%5Bsize%5D=100&include=users&sort=-created_at"


def test_a_list_of_audits_that_comes_oldest_first_is_read_to_its_end(
    server: responses.RequestsMock, zendesk: Zendesk
) -> None:
    known(server)

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        page = int(str(request.url).partition("after%5D=")[2].partition("&")[0] or 0)
        rows = [
            audit(page * 100 + n, change("status", "open"), at=f"2026-11-{page + 1:02}T00:{n:02}:00Z")
            for n in range(60)
        ]
        return 200, {}, json.dumps({"audits": rows, "meta": {"has_more": page < 2, "after_cursor": str(page + 1)}})

    server.add_callback(responses.GET, AUDITS, answer, content_type="application/json")
    found = zendesk.history(35)
    assert (found[0].audit_id, found[-1].audit_id, len(found)) == (259, 120, 100)


def test_a_server_that_cannot_sort_audits_is_asked_without_from_then_on(
    server: responses.RequestsMock, zendesk: Zendesk
) -> None:
    known(server)
    sort = matchers.query_param_matcher({"sort": "-created_at"}, strict_match=False)
    server.get(AUDITS, status=400, json={"errors": [{"code": "InvalidPaginationParameter"}]}, match=[sort])
    server.get(AUDITS, json={"audits": [audit(1, change("status", "open"))]})
    assert len(zendesk.history(35)) == 1
    assert len(zendesk.history(35)) == 1
    assert ["sort" in call for call in calls(server) if "audits" in call] == [True, False, False]


def test_the_target_of_a_merge_is_confirmed_on_the_other_ticket(
    server: responses.RequestsMock, zendesk: Zendesk
) -> None:
    known(server)
    via = {"channel": "web", "source": {"from": {}, "to": {}, "rel": "merge"}}
    text = "This request was closed and merged into request #40. See also #41."
    server.get(AUDITS, json={"audits": [audit(2, comment(text), change("status", "closed"), via=via)]})
    server.get(f"{API}/tickets/40/audits.json", status=404, json={"error": "RecordNotFound"})
    received = {"channel": "web", "source": {"from": {"ticket_ids": [35]}, "to": {}, "rel": "merge"}}
    server.get(f"{API}/tickets/41/audits.json", json={"audits": [audit(3, comment("merged"), via=received)]})
    assert zendesk.merge_target(35) == 41
    assert [c.after for c in zendesk.history(35) if c.kind == "merge"] == ["41"]
    server.replace(responses.GET, f"{API}/tickets/41/audits.json", json={"audits": []})
    assert zendesk.merge_target(35) is None


# ---- writes ----------------------------------------------------------------------------------------------------

WRITE = TicketWrite(status="open", note="Linked to ENG-7", fields={"3601": "ENG-7"})
OURS = audit(616, comment("Linked to ENG-7"), change("status", "open", "new"), author=BOT, mark=MARK)


def test_one_put_and_what_it_did(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    known(server)
    server.put(f"{API}/tickets/35.json", json={"ticket": ticket(), "audit": OURS})
    written = zendesk.write(35, WRITE, stamp=STAMP, marker=MARK)
    assert written.ticket.state.category == "open"
    assert written.note_public is False
    assert [(c.kind, c.actor.kind, c.marker) for c in written.changes] == [
        ("status", ActorKind.SELF, MARK),
        ("comment", ActorKind.SELF, MARK),
    ]
    assert calls(server) == ["GET /users/me.json", "PUT /tickets/35.json"]
    assert json.loads(server.calls[1].request.body or b"") == {
        "ticket": {
            "status": "open",
            "comment": {"body": "Linked to ENG-7", "public": False},
            "custom_fields": [{"id": 3601, "value": "ENG-7"}],
            "safe_update": True,
            "updated_stamp": "2026-11-20T08:05:10Z",
            "metadata": {"syncd_op": MARK},
        }
    }


def test_a_note_that_turned_out_public_is_told(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    known(server)
    server.put(
        f"{API}/tickets/35.json",
        json={"ticket": ticket(), "audit": audit(616, comment(public=True), author=BOT, mark=MARK)},
    )
    assert zendesk.write(35, TicketWrite(note="x"), stamp=STAMP, marker=MARK).note_public is True


def test_an_answer_without_an_audit_is_completed_from_the_ticket(
    server: responses.RequestsMock, zendesk: Zendesk
) -> None:
    known(server)
    server.put(f"{API}/tickets/35.json", json={"ticket": ticket()})
    server.get(AUDITS, json={"audits": [audit(617, comment("other", public=True)), OURS]})
    written = zendesk.write(35, WRITE, stamp=STAMP, marker=MARK)
    assert written.note_public is False
    assert {c.audit_id for c in written.changes} == {616}


@pytest.mark.parametrize(
    ("answer", "audits", "expected"),
    [
        pytest.param(
            {"ticket": ticket(status="new"), "audit": OURS | {"events": []}},
            [],
            UnknownError,
            id="nothing of it was applied",
        ),
        pytest.param({"ticket": ticket()}, [], UnknownError, id="no audit anywhere shows the note"),
        pytest.param({"ticket": ticket()}, None, UnknownError, id="the audits cannot be read"),
        pytest.param({"ticket": ticket(36), "audit": OURS}, [], InvalidResponseError, id="another ticket"),
        pytest.param({"ticket": None}, [], InvalidResponseError, id="no ticket"),
        pytest.param({"job_status": {}}, [], InvalidResponseError, id="something else"),
        pytest.param([], [], InvalidResponseError, id="a list"),
    ],
)
def test_a_200_that_does_not_show_the_update_is_no_yes(
    server: responses.RequestsMock, zendesk: Zendesk, answer: Any, audits: Any, expected: type[SourceError]
) -> None:
    known(server)
    server.put(f"{API}/tickets/35.json", json=answer)
    server.get(AUDITS, status=200 if audits is not None else 500, json={"audits": audits})
    with pytest.raises(expected) as caught:
        zendesk.write(35, WRITE, stamp=STAMP, marker=MARK)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(409, {"error": "UpdateConflict"}, PreconditionError, id="a stale stamp"),
        pytest.param(
            409, {"error": "DatabaseConflict", "description": "Database collision"}, PreconditionError, id="a collision"
        ),
        pytest.param(
            422,
            {"error": "RecordInvalid", "details": {"status": [{"description": "closed prevents ticket update"}]}},
            RefusedError,
            id="closed",
        ),
        pytest.param(404, {"error": "RecordNotFound"}, NotFoundError, id="deleted"),
        pytest.param(429, {}, TransientError, id="too many"),
        pytest.param(503, {}, UnknownError, id="503 may have been applied"),
        pytest.param(401, {}, AuthError, id="401"),
    ],
)
def test_a_put_that_fails_is_sent_once(
    server: responses.RequestsMock, zendesk: Zendesk, status: int, body: Any, expected: type[SourceError]
) -> None:
    known(server)
    server.put(f"{API}/tickets/35.json", status=status, json=body)
    with pytest.raises(expected) as caught:
        zendesk.write(35, WRITE, stamp=STAMP, marker=MARK)
    assert type(caught.value) is expected
    assert [call for call in calls(server) if call.startswith("PUT")] == ["PUT /tickets/35.json"]
    if status == 422:
        assert isinstance(caught.value, RefusedError)
        assert caught.value.fields == {"status": "closed prevents ticket update"}


def test_when_it_cannot_be_told_who_we_are_nothing_is_sent(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.get(f"{API}/users/me.json", status=502)
    with pytest.raises(TransientError):
        zendesk.write(35, WRITE, stamp=STAMP, marker=MARK)
    assert not any(call.startswith("PUT") for call in calls(server))


def test_an_author_that_cannot_be_read_does_not_undo_a_yes(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.get(f"{API}/users/me.json", json={"user": ME})
    server.get(f"{API}/users/show_many.json", status=500)
    mixed = audit(616, comment(), change("status", "open"), comment(author_id=AGENT, number=78), author=BOT, mark=MARK)
    server.put(f"{API}/tickets/35.json", json={"ticket": ticket(), "audit": mixed})
    written = zendesk.write(35, WRITE, stamp=STAMP, marker=MARK)
    assert written.changes[0].actor.kind is ActorKind.UNKNOWN


def test_a_tag_is_taken_off_under_a_stamp(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.delete(f"{API}/tickets/35/tags.json", json={"tags": ["vip"]})
    zendesk.remove_tag(35, "bug", stamp=STAMP)
    assert json.loads(server.calls[0].request.body or b"") == {
        "tags": ["bug"],
        "updated_stamp": "2026-11-20T08:05:10Z",
        "safe_update": "true",
    }


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (409, {"error": "UpdateConflict"}, PreconditionError),
        (200, {"tags": ["bug", "vip"]}, UnknownError),
        (200, {"tags": None}, InvalidResponseError),
        (500, {}, UnknownError),
    ],
)
def test_a_tag_that_stays_on(
    server: responses.RequestsMock, zendesk: Zendesk, status: int, body: Any, expected: type[SourceError]
) -> None:
    server.delete(f"{API}/tickets/35/tags.json", status=status, json=body)
    with pytest.raises(expected):
        zendesk.remove_tag(35, "bug", stamp=STAMP)
    assert len(server.calls) == 1


@pytest.mark.parametrize("body", ["", "{}", "null"])
def test_a_comment_is_made_private(server: responses.RequestsMock, zendesk: Zendesk, body: str) -> None:
    server.put(f"{API}/tickets/35/comments/77/make_private.json", body=body)
    zendesk.make_private(35, 77)
    assert calls(server) == ["PUT /tickets/35/comments/77/make_private.json"]


def test_a_login_page_is_no_yes_to_making_a_comment_private(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.put(f"{API}/tickets/35/comments/77/make_private.json", body="<html>", content_type="text/html")
    with pytest.raises(InvalidResponseError):
        zendesk.make_private(35, 77)
