"""Identity, definitions, the list and the exports: what is asked for, and what is made of each answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from responses import matchers

from syncd.core.model import ActorKind
from syncd.sources.credentials import Bearer, OAuthClient
from syncd.sources.errors import (
    AuthError,
    InvalidResponseError,
    RefusedError,
    TransientError,
)
from syncd.sources.zendesk import Zendesk
from syncd.sources.zendesk_events import border_of
from tests.sources.http_fakes import START, FakeClock, Hidden
from tests.sources.zendesk_rows import (
    AGENT,
    API,
    BASE,
    BOT,
    ME,
    T1,
    calls,
    known,
    ticket,
)

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


def test_a_token_that_makes_us_nobody_is_renewed(server: responses.RequestsMock, clock: FakeClock) -> None:
    for token in ("over", "good"):
        server.post(f"{BASE}/oauth/tokens", json={"access_token": token, "token_type": "bearer", "expires_in": 1800})
    for token, user in (("over", {"id": None, "name": "Anonymous user"}), ("good", ME)):
        signed = matchers.header_matcher({"Authorization": f"Bearer {token}"})
        server.get(f"{API}/users/me.json", json={"user": user}, match=[signed])
    source = Zendesk(BASE, OAuthClient("syncd", Hidden("s3cr3t")), clock=clock, sleep=clock.sleep)
    assert source.identity().account_id == str(BOT)


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


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param([0, 0, 0], (1, 0), id="a page of one second: the next second, and some may be left out"),
        pytest.param([0] * 1001, (1, None), id="more of one second than a page's limit: those are all"),
        pytest.param([0, None], (1, 0), id="a row that cannot be read beside them"),
        pytest.param([], "0 rows", id="no row"),
        pytest.param([None], "1 rows", id="only rows that cannot be read"),
        pytest.param([-1, 0], "2 rows", id="a row of another second"),
    ],
)
def test_a_page_that_would_be_followed_by_itself(
    seconds: list[int | None], expected: tuple[int, int | None] | str
) -> None:
    start = 1_795_000_000
    rows = [{"id": 1, "timestamp": start + second} if second is not None else "x" for second in seconds]
    body = {"end_time": start}
    if isinstance(expected, str):
        with pytest.raises(InvalidResponseError, match=f"past {start}: {expected}"):
            border_of(body, rows, start, end=False)
    else:
        after, crowded = expected
        found = border_of(body, rows, start, end=False)
        assert found == (start + after, None if crowded is None else start + crowded)
        assert border_of(body, rows, start, end=True) == (start, None), "at its end it waits for more"


def test_a_page_of_events_of_one_second(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    known(server)
    start = int(datetime.fromisoformat(T1).timestamp())
    events(server, ticket_events=[event(1), event(2)], end_time=start, end_of_stream=False)
    page = zendesk.events(start)
    assert ([e.id for e in page.events], page.end_time, page.end, page.crowded) == ([1, 2], start + 1, False, start)


def test_an_end_time_that_is_none(server: responses.RequestsMock, zendesk: Zendesk) -> None:
    events(server, end_time={}, end_of_stream=True)
    with pytest.raises(InvalidResponseError):
        zendesk.events(5)


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
