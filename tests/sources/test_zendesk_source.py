"""The Zendesk source against scripted answers: what is asked for, and what is made of each answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from responses import matchers

from syncd.core.model import ActorKind
from syncd.core.ports import TicketWrite
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
from syncd.sources.zendesk import Zendesk
from tests.sources.http_fakes import START, FakeClock, Hidden
from tests.sources.zendesk_rows import AGENT, BOT, CUSTOMER, T1, USERS, audit, change, comment, ticket, user

BASE = "https://acme.zendesk.com"
API = f"{BASE}/api/v2"
STAMP = datetime(2026, 11, 20, 8, 5, 10, tzinfo=UTC)
ME = user(BOT, "agent", "syncd", iana_time_zone="Europe/Berlin")
MARK = "0f3c" * 8


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def zendesk(clock: FakeClock) -> Zendesk:
    return Zendesk(BASE, Bearer(Hidden("s3cr3t")), clock=clock, sleep=clock.sleep)


def calls(server: responses.RequestsMock) -> list[str]:
    return [f"{call.request.method} {str(call.request.url).removeprefix(API)}" for call in server.calls]


def known(server: responses.RequestsMock) -> None:
    """The answers that any write or history needs."""
    server.get(f"{API}/users/me.json", json={"user": ME})
    server.get(f"{API}/users/show_many.json", json={"users": USERS})


# ---- who we are ------------------------------------------------------------------------------------------------


def test_identity(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.get(f"{API}/users/me.json", json={"user": ME})
    found = zendesk.identity()
    assert (found.server, found.account_id, found.name, found.role) == (BASE, str(BOT), "syncd", "agent")
    assert (found.time_zone, found.can_comment_publicly) == ("Europe/Berlin", True)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"user": {"id": None, "name": "Anonymous user", "role": "end-user"}}, id="anonymous"),
        pytest.param({"user": None}, id="nobody"),
        pytest.param({}, id="nothing"),
        pytest.param({"user": {"id": "x"}}, id="an id in words"),
        pytest.param({"user": {**ME, "suspended": True}}, id="suspended"),
        pytest.param({"user": {**ME, "active": False}}, id="deleted"),
    ],
)
def test_an_answer_for_nobody_is_an_auth_error(server: responses.RequestsMock, zendesk: Zendesk, body: Any) -> None:
    server.get(f"{API}/users/me.json", json=body)
    with pytest.raises(AuthError):
        zendesk.identity()


def roles(access: Any) -> dict[str, Any]:
    return {"custom_roles": [{"id": 1}, {"id": 77, "configuration": {"ticket_comment_access": access}}]}


@pytest.mark.parametrize(
    ("me", "answer", "expected"),
    [
        pytest.param({"role": "admin"}, None, True, id="an admin can"),
        pytest.param({"role": "agent"}, None, True, id="an agent without a custom role can"),
        pytest.param({"role": "end-user"}, None, None, id="an end user: who knows"),
        pytest.param({"only_private_comments": True, "custom_role_id": 77}, None, False, id="a light agent cannot"),
        pytest.param({"custom_role_id": 77}, (200, roles("none")), False, id="a role that forbids it"),
        pytest.param({"custom_role_id": 77}, (200, roles("public")), True, id="a role that allows it"),
        pytest.param({"custom_role_id": 77}, (200, roles("odd")), None, id="a role that says something else"),
        pytest.param({"custom_role_id": 78}, (200, roles("none")), None, id="a role that is not listed"),
        pytest.param({"custom_role_id": 77}, (403, {"error": "Forbidden"}), None, id="roles that cannot be read"),
    ],
)
def test_whether_public_comments_are_possible(
    server: responses.RequestsMock, zendesk: Zendesk, me: Any, answer: Any, expected: bool | None
) -> None:
    server.get(f"{API}/users/me.json", json={"user": {**ME, **me}})
    if answer:
        server.get(f"{API}/custom_roles.json", status=answer[0], json=answer[1])
    assert zendesk.identity().can_comment_publicly is expected


def test_the_reading_account_is_looked_at_too_and_used_for_exports_and_definitions(
    server: responses.RequestsMock, clock: FakeClock
) -> None:
    both = Zendesk(BASE, Bearer(Hidden("writer")), Bearer(Hidden("reader")), clock=clock, sleep=clock.sleep)
    server.get(f"{API}/users/me.json", json={"user": ME})
    server.get(f"{API}/custom_statuses.json", json={"custom_statuses": []})
    server.get(f"{API}/ticket_fields.json", json={"ticket_fields": []})
    server.get(f"{API}/tickets.json", json={"tickets": []})
    server.get(f"{API}/incremental/tickets/cursor.json", json={"tickets": [], "end_of_stream": True})
    both.identity()
    both.catalog()
    both.recently_updated(None)
    both.changed(None, START)
    used = [str(call.request.headers["Authorization"]).removeprefix("Bearer ") for call in server.calls]
    assert used == ["writer", "reader", "reader", "reader", "writer", "reader"]


def test_a_catalog_without_custom_statuses(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.get(f"{API}/custom_statuses.json", status=404, json={"error": "InvalidEndpoint"})
    first = {"ticket_fields": [{"id": 1, "title": "A"}], "next_page": f"{API}/ticket_fields.json?page=2"}
    server.get(f"{API}/ticket_fields.json", json=first, match=[matchers.query_param_matcher({})])
    server.get(
        f"{API}/ticket_fields.json",
        json={"ticket_fields": [{"id": 2, "title": "B"}], "next_page": None},
        match=[matchers.query_param_matcher({"page": "2"})],
    )
    catalog = zendesk.catalog()
    assert catalog.custom_statuses == ()
    assert [field.title for field in catalog.fields] == ["A", "B"]


@pytest.mark.parametrize("base", ["https://acme.zendesk.com/api", "https://acme.zendesk.com/x/"])
def test_a_base_url_with_a_path_is_refused(clock: FakeClock, base: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        Zendesk(base, Bearer(Hidden("x")), clock=clock)


@pytest.mark.parametrize(
    "base", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "https://help.acme.example"]
)
def test_any_host_can_be_asked(
    server: responses.RequestsMock, clock: FakeClock, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZENPY_FORCE_NETLOC", "elsewhere.example")
    server.get(f"{base}/api/v2/users/me.json", json={"user": ME})
    assert Zendesk(base, Bearer(Hidden("x")), clock=clock).identity().server == base


# ---- the list --------------------------------------------------------------------------------------------------


def test_the_list_newest_first(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    page = {"tickets": [ticket(36), ticket(35)], "meta": {"has_more": True, "after_cursor": "abc=="}}
    server.get(f"{API}/tickets.json", json=page)
    first = zendesk.recently_updated(None)
    assert ([t.id for t in first.tickets], first.cursor, first.end) == ([36, 35], "abc==", False)
    server.replace(responses.GET, f"{API}/tickets.json", json={"tickets": [], "meta": {"has_more": False}})
    last = zendesk.recently_updated("abc==")
    assert (last.tickets, last.cursor, last.end) == ((), None, True)
    assert calls(server) == [
        "GET /tickets.json?sort=-updated_at&page%5Bsize%5D=100",
        "GET /tickets.json?sort=-updated_at&page%5Bsize%5D=100&page%5Bafter%5D=abc%3D%3D",
    ]


@pytest.mark.parametrize(
    "meta",
    [{"has_more": True, "after_cursor": "same"}, {"has_more": True, "after_cursor": None}, {"has_more": True}],
    ids=["the same place", "nowhere", "not said"],
)
def test_a_list_that_does_not_go_on_is_refused(server: responses.RequestsMock, zendesk: Zendesk, meta: Any) -> None:
    server.get(f"{API}/tickets.json", json={"tickets": [ticket()], "meta": meta})
    with pytest.raises(InvalidResponseError):
        zendesk.recently_updated("same")


@pytest.mark.parametrize(
    "body", ["[]", "null", "5", '{"tickets": null}', '{"tickets": {}}', "{}", '{"error": "x"}', "<html>", ""]
)
def test_an_answer_that_is_no_page_is_refused(server: responses.RequestsMock, zendesk: Zendesk, body: str) -> None:
    server.get(f"{API}/tickets.json", body=body)
    with pytest.raises(InvalidResponseError):
        zendesk.recently_updated(None)


def test_a_broken_row_does_not_block_the_page(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    server.get(f"{API}/tickets.json", json={"tickets": [ticket(36), ticket(35, status=None), None]})
    page = zendesk.recently_updated(None)
    assert [found.id for found in page.tickets] == [36]
    assert len(page.malformed) == 2


# ---- the exports -----------------------------------------------------------------------------------------------


def export(server: responses.RequestsMock, **body: Any) -> None:
    server.get(f"{API}/incremental/tickets/cursor.json", json={"tickets": [], **body})


def test_an_export_from_a_time_and_on(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    export(server, tickets=[ticket(generated_timestamp=5)], after_cursor="MTc5fHwx==", end_of_stream=False)
    page = zendesk.changed(None, START - timedelta(days=1))
    assert ([t.generated for t in page.tickets], page.cursor, page.end) == ([5], "MTc5fHwx==", False)
    server.reset()
    export(server, after_cursor="MTc5fHwx==", end_of_stream=True)
    assert zendesk.changed("MTc5fHwx==", START).end
    start = int((START - timedelta(days=1)).timestamp())
    assert calls(server) == [
        "GET /incremental/tickets/cursor.json?per_page=1000&support_type_scope=all&cursor=MTc5fHwx%3D%3D"
    ]
    assert start > 0


@pytest.mark.parametrize(
    ("start", "sent"),
    [
        pytest.param(START - timedelta(hours=1), int(START.timestamp()) - 3600, id="in the past"),
        pytest.param(START, int(START.timestamp()) - 61, id="now"),
        pytest.param(START + timedelta(days=1), int(START.timestamp()) - 61, id="in the future"),
        pytest.param(datetime(1960, 1, 1, tzinfo=UTC), 0, id="before time began"),
    ],
)
def test_a_start_is_never_within_what_is_withheld(
    server: responses.RequestsMock, zendesk: Zendesk, start: datetime, sent: int
) -> None:
    export(server, after_cursor=None, end_of_stream=True)
    zendesk.changed(None, start)
    assert calls(server)[0].endswith(f"&start_time={sent}")


@pytest.mark.parametrize(
    "body",
    [
        {"error": "StartTimeTooRecent", "description": "Too recent start_time"},
        {"error": {"title": "Invalid", "message": "Too recent start_time. Use one older than 60 seconds"}},
    ],
    ids=["by its code", "by its words"],
)
def test_a_start_that_is_too_recent_for_zendesks_clock_is_moved_back_once(
    server: responses.RequestsMock, zendesk: Zendesk, body: Any
) -> None:
    server.get(f"{API}/incremental/tickets/cursor.json", status=400, json=body)
    with pytest.raises(RefusedError):
        zendesk.changed(None, START)
    times = [int(call.rpartition("=")[2]) for call in calls(server)]
    assert times == [int(START.timestamp()) - 61, int(START.timestamp()) - 366]


def test_an_export_without_a_cursor_keeps_its_start(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    export(server, after_cursor=None, end_of_stream=True)
    page = zendesk.changed(None, START)
    assert (page.cursor, page.end) == (None, True)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            {"tickets": [ticket()], "after_cursor": "c1", "end_of_stream": False},
            id="rows, the same cursor, more to come",
        ),
        pytest.param({"after_cursor": "c1", "end_of_stream": False}, id="no rows, the same cursor, more to come"),
        pytest.param(
            {"tickets": [ticket()], "after_cursor": None, "end_of_stream": False}, id="no cursor, more to come"
        ),
        pytest.param({"tickets": [ticket()], "after_cursor": "c1"}, id="rows, the same cursor, no word of the end"),
    ],
)
def test_a_cursor_that_does_not_move_is_refused(server: responses.RequestsMock, zendesk: Zendesk, body: Any) -> None:
    export(server, **body)
    with pytest.raises(InvalidResponseError, match="does not move"):
        zendesk.changed("c1", START)


@pytest.mark.parametrize(
    ("body", "end"),
    [
        pytest.param({"after_cursor": "c1", "end_of_stream": True}, True, id="the same cursor at the end"),
        pytest.param(
            {"tickets": [ticket()], "after_cursor": "c1", "end_of_stream": True},
            True,
            id="rows and the same cursor at the end",
        ),
        pytest.param({"after_cursor": "c2", "end_of_stream": False}, False, id="an empty page that is not the end"),
        pytest.param({"after_cursor": "c1"}, True, id="an empty page that does not say"),
    ],
)
def test_where_an_export_ends(server: responses.RequestsMock, zendesk: Zendesk, body: Any, end: bool) -> None:
    export(server, **body)
    assert zendesk.changed("c1", START).end is end


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_a_refused_cursor_can_be_told(server: responses.RequestsMock, zendesk: Zendesk, status: int) -> None:
    server.get(f"{API}/incremental/tickets/cursor.json", status=status, json={"error": "InvalidCursor"})
    with pytest.raises(RefusedError) as caught:
        zendesk.changed("old", START)
    assert caught.value.status == status


def events(server: responses.RequestsMock, **body: Any) -> None:
    server.get(f"{API}/incremental/ticket_events.json", json={"ticket_events": [], **body})


def event(number: int) -> dict[str, Any]:
    children = [{"id": number, "event_type": "Change", "status": "open", "previous_value": "new"}]
    return {"id": number + 1000, "ticket_id": 35, "created_at": T1, "updater_id": AGENT, "child_events": children}


def test_a_page_of_events(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    known(server)
    start = int(START.timestamp()) - 3600
    events(server, ticket_events=[event(1), "x", event(2)], end_time=start + 9, end_of_stream=False)
    page = zendesk.events(start)
    assert ([e.id for e in page.events], page.end_time, page.end) == ([1, 2], start + 9, False)
    assert page.events[0].change.actor.kind is ActorKind.AGENT
    assert len(page.malformed) == 1
    assert calls(server)[0] == f"GET /incremental/ticket_events.json?include=comment_events&start_time={start}"


@pytest.mark.parametrize(
    "end_time", [None, 1_795_000_000, 1_794_999_999], ids=["null", "the same second", "an earlier second"]
)
def test_events_that_do_not_get_past_a_second(server: responses.RequestsMock, zendesk: Zendesk, end_time: Any) -> None:
    known(server)
    events(server, ticket_events=[event(1)], end_time=end_time, end_of_stream=False)
    with pytest.raises(InvalidResponseError, match="does not get past 1795000000"):
        zendesk.events(1_795_000_000)
    server.reset()
    known(server)
    events(server, ticket_events=[event(1)], end_time=end_time, end_of_stream=True)
    page = zendesk.events(1_795_000_000)
    assert (page.end_time, page.end, len(page.events)) == (1_795_000_000, True, 1)


def test_an_end_time_that_is_none(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    events(server, end_time={}, end_of_stream=True)
    with pytest.raises(InvalidResponseError):
        zendesk.events(5)


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


# ---- pace ------------------------------------------------------------------------------------------------------


def test_exports_are_ten_a_minute_until_zendesk_says_otherwise(
    server: responses.RequestsMock, zendesk: Zendesk, clock: FakeClock
) -> None:
    export(server, end_of_stream=True)
    for _ in range(10):
        assert zendesk.wait_for("export") == 0.0
        zendesk.changed(None, START)
    assert zendesk.wait_for("export") == 60.0
    assert [zendesk.wait_for(what) for what in ("list", "read", "update")] == [0.0, 0.0, 0.0]
    headers = {
        "zendesk-ratelimit-incremental-exports": "total=30; remaining=19; resets=20",
        "X-Rate-Limit": "700",
        "X-Rate-Limit-Remaining": "1",
    }
    server.replace(
        responses.GET,
        f"{API}/incremental/tickets/cursor.json",
        json={"tickets": [], "end_of_stream": True},
        headers=headers,
    )
    zendesk.changed(None, START)
    assert [budget.name for budget in zendesk.budgets()] == ["account", "incremental-exports"]
    assert zendesk.wait_for("export") == 60.0  # the account's reserve
    clock.advance(60)
    assert zendesk.wait_for("export") == 0.0


def test_a_429_on_exports_leaves_updates_alone(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    body = {
        "error": "APIRateLimitExceeded",
        "description": "Number of allowed incremental export API requests per minute exceeded",
    }
    server.get(f"{API}/incremental/tickets/cursor.json", status=429, json=body, headers={"Retry-After": "37"})
    with pytest.raises(TransientError) as caught:
        zendesk.changed(None, START)
    assert (caught.value.retry_after, caught.value.bucket) == (37.0, "incremental-exports")
    assert (zendesk.wait_for("export"), zendesk.wait_for("update")) == (37.0, 0.0)
    with pytest.raises(TransientError, match="not sent"):
        zendesk.events(5)
    assert len(server.calls) == 1
