"""The session: what it refuses to send, what it repeats, and what it makes of answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests

from syncd import __version__
from syncd.sources.classify import CallKind
from syncd.sources.credentials import Bearer
from syncd.sources.errors import (
    AuthError,
    InvalidResponseError,
    NotFoundError,
    RefusedError,
    SourceError,
    TransientError,
    UnknownError,
)
from syncd.sources.http import CallRecord, Session
from tests.sources.http_fakes import Answer, FakeClock, Hidden, ScriptedNetwork, Step

BASE = "https://acme.zendesk.com"


def session(*steps: Step, **options: Any) -> tuple[Session, ScriptedNetwork, FakeClock]:
    network, clock = ScriptedNetwork(*(steps or (Answer(body={}),))), FakeClock()
    options.setdefault("credential", Bearer(Hidden("s3cr3t")))
    made = Session(
        options.pop("base_url", BASE), service="Zendesk", clock=clock, adapter=network, sleep=clock.sleep, **options
    )
    return made, network, clock


# ---- where requests go -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/api/v2/tickets",
        "http://acme.zendesk.com/api/v2/tickets",
        "https://acme.zendesk.com:8443/api/v2/tickets",
        "https://acme.zendesk.com.evil.example/api/v2/tickets",
        "https://acme.zendesk.com@evil.example/api/v2/tickets",
        "https://user:pw@acme.zendesk.com/api/v2/tickets",
        "https://evil.example\\@acme.zendesk.com/",
        "https://evil.example#@acme.zendesk.com/",
        "//evil.example/api",
        "file:///etc/passwd",
        "https://acme.zendesk.com/api/%2e%2e/%2E./x",
        "https://[broken",
        "",
    ],
)
def test_an_address_elsewhere_is_refused_before_anything_is_sent(address: str) -> None:
    made, network, _ = session()
    with pytest.raises(InvalidResponseError):
        made.get(address)
    assert network.sent == []


@pytest.mark.parametrize(
    "address",
    [
        f"{BASE}/api/v2/incremental/tickets/cursor.json?cursor=MTc5fA==",
        "https://ACME.zendesk.com/api/v2/tickets",
        f"{BASE}:443/api/v2/tickets",
    ],
)
def test_an_address_of_our_own_server_is_followed(address: str) -> None:
    made, network, _ = session()
    made.get(address)
    assert len(network.sent) == 1


def test_a_base_url_with_a_path_bounds_requests_to_it() -> None:
    made, network, _ = session(base_url="https://api.atlassian.com/ex/jira/c1/")
    made.get_json("/rest/api/2/myself")
    for elsewhere in ("c2/rest/api/2/myself", "c10/rest", "c1/../c2/rest", "c1/%2e%2e/c2/rest"):
        with pytest.raises(InvalidResponseError):
            made.get(f"https://api.atlassian.com/ex/jira/{elsewhere}")
    assert network.lines == ["GET /ex/jira/c1/rest/api/2/myself"]


@pytest.mark.parametrize(
    "base", ["ftp://a.example", "https://", "https://user:pw@a.example", "https://a.example/?x=1", "a.example"]
)
def test_a_base_url_that_is_none_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        session(base_url=base)


def test_a_prepared_request_to_another_host_is_refused_too() -> None:
    made, network, _ = session()
    with pytest.raises(InvalidResponseError):
        made.send(requests.Request("GET", "https://evil.example/").prepare())
    assert network.sent == []


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_a_redirect_is_never_followed(method: str) -> None:
    made, network, _ = session(Answer(302, "", {"Location": f"{BASE}/elsewhere"}))
    with pytest.raises(InvalidResponseError, match=re.escape("acme.zendesk.com; not followed")):
        made.request(method, f"{BASE}/api/v2/tickets/35", allow_redirects=True)
    assert len(network.sent) == 1


def test_timeouts_and_tls_are_not_the_callers_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    made, network, _ = session()
    made.get(f"{BASE}/x", timeout=None, verify=False)
    assert network.options[0]["timeout"] == (5.0, 30.0)
    assert network.options[0]["verify"] is True


def test_a_ca_of_ones_own_is_used_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")
    made, network, _ = session(ca="/etc/ssl/ours.pem")
    made.get(f"{BASE}/x")
    assert network.options[0]["verify"] == "/etc/ssl/ours.pem"


def test_netrc_never_adds_a_credential(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.zendesk.com login mallory password pw\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    made, network, _ = session(credential=None)
    made.get(f"{BASE}/x")
    assert "Authorization" not in network.sent[0].headers


def test_an_operators_proxy_is_used_but_not_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "")
    remote, network, _ = session()
    remote.get(f"{BASE}/x")
    local, loopback, _ = session(base_url="http://127.0.0.1:8080")
    local.get("http://127.0.0.1:8080/x")
    assert network.options[0]["proxies"]["https"] == "http://proxy.example:3128"
    assert loopback.options[0]["proxies"] == {}


def test_requests_say_who_they_are_and_keep_no_cookies() -> None:
    made, network, _ = session(Answer(body={}, headers={"Set-Cookie": "a=b"}))
    made.get(f"{BASE}/x")
    made.get(f"{BASE}/x")
    assert network.sent[1].headers["User-Agent"] == f"syncd/{__version__}"
    assert network.sent[1].headers["Accept"] == "application/json"
    assert network.sent[1].headers["Authorization"] == "Bearer s3cr3t"
    assert "Cookie" not in network.sent[1].headers


def test_a_hook_sees_every_request_and_can_stop_it() -> None:
    seen: list[str] = []

    def look(request: requests.PreparedRequest) -> None:
        seen.append(f"{request.method} {request.url}")
        if request.method == "PUT":
            raise AssertionError("a write transaction is open")

    made, network, _ = session(before_send=(look,))
    made.get(f"{BASE}/x")
    with pytest.raises(AssertionError, match="write transaction"):
        made.put(f"{BASE}/x")
    assert seen == [f"GET {BASE}/x", f"PUT {BASE}/x"]
    assert len(network.sent) == 1


# ---- what is repeated ------------------------------------------------------------------------------------------

LOST = requests.ConnectionError("closed without an answer")
FAILURES: list[Any] = [
    pytest.param(LOST, id="lost answer"),
    pytest.param(requests.exceptions.ReadTimeout(), id="timeout"),
    pytest.param(requests.exceptions.ChunkedEncodingError(), id="torn answer"),
    *(pytest.param(Answer(status), id=str(status)) for status in (500, 502, 503, 504, 520, 524)),
    pytest.param(Answer(503, "", {"Retry-After": "0"}), id="503 with Retry-After"),
    pytest.param(Answer(408), id="408"),
]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_a_write_is_sent_once_and_its_outcome_is_unknown(method: str, failure: Step) -> None:
    made, network, clock = session(failure)
    with pytest.raises(UnknownError):
        made.request(method, f"{BASE}/api/v2/tickets/35", json={})
    assert len(network.sent) == 1
    assert clock.slept == []


@pytest.mark.parametrize("failure", FAILURES)
def test_a_read_is_repeated_for_some_seconds(failure: Step) -> None:
    made, network, clock = session(failure, failure, Answer(body={"ok": 1}))
    assert made.get(f"{BASE}/x").json() == {"ok": 1}
    assert len(network.sent) == 3
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_read_is_given_up_after_three_attempts(failure: Step) -> None:
    made, network, _ = session(failure)
    with pytest.raises(TransientError):
        made.get(f"{BASE}/x")
    assert len(network.sent) == 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(429, "", {"Retry-After": "1"}), id="429"),
        pytest.param(Answer(503, "", {"Retry-After": "30"}), id="503 that asks for half a minute"),
        pytest.param(Answer(400), id="400"),
        pytest.param(Answer(404), id="404"),
        pytest.param(Answer(401), id="401"),
    ],
)
def test_a_read_is_not_repeated_when_that_cannot_help_or_is_not_wanted(answer: Answer) -> None:
    made, network, clock = session(answer)
    with pytest.raises(SourceError):
        made.get(f"{BASE}/x")
    assert len(network.sent) == 1
    assert clock.slept == []


def test_a_read_waits_as_long_as_retry_after_asks() -> None:
    made, _, clock = session(Answer(503, "", {"Retry-After": "2"}), Answer(body={}))
    made.get(f"{BASE}/x")
    assert clock.slept == [2.0]


def test_a_slow_read_is_not_repeated_past_its_deadline() -> None:
    def slow(_request: requests.PreparedRequest) -> Answer:
        clock.advance(14.8)
        return Answer(502)

    made, network, clock = session(slow)
    with pytest.raises(TransientError):
        made.get(f"{BASE}/x")
    assert len(network.sent) == 2


def test_a_post_that_only_asks_is_repeated_like_a_read() -> None:
    made, network, _ = session(
        Answer(502), Answer(body={}), kind_of=lambda _method, _path: CallKind("search", write=False)
    )
    made.send_json("POST", "/rest/api/3/search/jql", {"jql": "x"})
    assert network.lines == ["POST /rest/api/3/search/jql"] * 2


# ---- pace ------------------------------------------------------------------------------------------------------


def ticket_kind(method: str, path: str) -> CallKind:
    return CallKind(
        "read" if method == "GET" else "update", write=method != "GET", subject=f"ticket:{path.rpartition('/')[2]}"
    )


def test_after_a_429_nothing_of_that_bucket_is_sent_until_it_may_be() -> None:
    made, network, clock = session(
        Answer(429, "Number of allowed API requests", {"Retry-After": "30"}), Answer(body={})
    )
    with pytest.raises(TransientError):
        made.put(f"{BASE}/x", json={})
    for _ in range(2):
        with pytest.raises(TransientError, match="not sent") as held:
            made.get(f"{BASE}/y")
        assert held.value.retry_after == 30.0
    assert made.wait_for(CallKind("read", write=False)) == 30.0
    clock.advance(30)
    made.get(f"{BASE}/y")
    assert network.lines == ["PUT /x", "GET /y"]


def test_a_429_for_one_ticket_holds_writes_to_that_ticket_only() -> None:
    limited = Answer(
        429, "", {"Retry-After": "600", "zendesk-ratelimit-per-ticket-updates": "total=30; remaining=0; resets=600"}
    )
    made, network, _ = session(limited, Answer(body={}), kind_of=ticket_kind)
    with pytest.raises(TransientError) as error:
        made.put(f"{BASE}/tickets/35", json={})
    assert error.value.bucket == "ticket:35"
    made.put(f"{BASE}/tickets/36", json={})
    made.get(f"{BASE}/tickets/35")
    with pytest.raises(TransientError, match="not sent"):
        made.put(f"{BASE}/tickets/35", json={})
    assert network.lines == ["PUT /tickets/35", "PUT /tickets/36", "GET /tickets/35"]


def test_a_lock_on_one_ticket_does_not_hold_the_others() -> None:
    made, network, _ = session(
        Answer(503, {"error": "DatabaseDeadlock"}, {"Retry-After": "60"}), Answer(body={}), kind_of=ticket_kind
    )
    with pytest.raises(TransientError):
        made.get(f"{BASE}/tickets/35")
    made.get(f"{BASE}/tickets/36")
    assert network.lines == ["GET /tickets/35", "GET /tickets/36"]


def test_what_answers_teach_is_known_afterwards() -> None:
    made, _, _ = session(Answer(404, None, {"X-Rate-Limit": "400", "X-Rate-Limit-Remaining": "399"}))
    with pytest.raises(NotFoundError):
        made.get(f"{BASE}/x")
    assert [(budget.name, budget.total, budget.remaining) for budget in made.budgets.all()] == [("account", 400, 399)]


# ---- what comes back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(200, "<html>Log in</html>", {"Content-Type": "text/html"}), id="a login page"),
        pytest.param(Answer(200, "<html>Log in</html>"), id="a page that says it is text"),
        pytest.param(Answer(200, None), id="nothing"),
        pytest.param(Answer(200, '{"tickets": ['), id="half of it"),
        pytest.param(Answer(200, '{"n": NaN}'), id="a number that JSON has not"),
        pytest.param(Answer(200, "[" * 100_000), id="a body without a bottom"),
        pytest.param(Answer(200, b"\xff\xfe"), id="bytes that are no text"),
    ],
)
def test_an_answer_that_is_no_json_is_refused(answer: Answer) -> None:
    made, _, _ = session(answer)
    with pytest.raises(InvalidResponseError):
        made.get_json("/api/v2/tickets")


def test_json_that_says_it_is_text_is_taken() -> None:
    made, _, _ = session(Answer(201, '{"upload": {}}', {"Content-Type": "text/plain; charset=utf-8"}))
    assert made.send_json("POST", "/api/v2/uploads", {}) == {"upload": {}}


def test_an_empty_answer_to_a_write_is_none() -> None:
    made, network, _ = session(Answer(204))
    assert made.send_json("POST", "/rest/api/2/issue/1/transitions", {"a": "ü"}, {"notify": "false"}) is None
    assert network.lines == ["POST /rest/api/2/issue/1/transitions?notify=false"]
    assert network.sent[0].body == '{"a": "ü"}'.encode()


def test_an_answer_beyond_the_cap_is_refused_after_reading_no_more_than_that() -> None:
    class Endless(BytesIO):
        given = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.given += size or 0
            return b"x" * (size or 0)

    endless = Endless()
    made, _, _ = session(Answer(200, raw=endless), largest_answer=1_000_000)
    with pytest.raises(InvalidResponseError, match="more than 1000000 bytes"):
        made.get(f"{BASE}/x")
    assert endless.given < 1_100_000


@pytest.mark.parametrize(("method", "expected"), [("GET", TransientError), ("PUT", UnknownError)])
def test_a_body_that_breaks_off_is_no_answer(method: str, expected: type[SourceError]) -> None:
    class Torn(BytesIO):
        def stream(self, _size: int, **_options: Any) -> Iterator[bytes]:
            yield b'{"tick'
            raise requests.exceptions.ChunkedEncodingError("torn")

    made, _, _ = session(lambda _request: Answer(200, raw=Torn()))
    with pytest.raises(expected):
        made.request(method, f"{BASE}/x")


# ---- what is told of it ----------------------------------------------------------------------------------------


def test_each_call_is_recorded_without_its_query_and_body() -> None:
    records: list[CallRecord] = []

    def slow(_request: requests.PreparedRequest) -> Answer:
        clock.advance(1.5)
        return Answer(502)

    made, _, clock = session(slow, Answer(body={}), LOST, on_call=records.append)
    made.get(f"{BASE}/x?secret=1")
    with pytest.raises(UnknownError):
        made.put(f"{BASE}/x", json={"a": 1})
    assert records == [
        CallRecord("GET", "/x", 502, 1.5, "read"),
        CallRecord("GET", "/x", 200, 0.0, "read"),
        CallRecord("PUT", "/x", None, 0.0, "write"),
    ]


@pytest.mark.parametrize(
    "step",
    [
        LOST,
        Answer(400, {"error": "Bearer s3cr3t is bad"}),
        Answer(401),
        Answer(500),
        Answer(302, "", {"Location": "//x"}),
    ],
    ids=["lost", "400 that repeats it", "401", "500", "302"],
)
def test_no_error_carries_the_credential(step: Step) -> None:
    made, _, _ = session(step)
    with pytest.raises(SourceError) as caught:
        made.put(f"{BASE}/x", json={})
    assert "s3cr3t" not in repr(caught.value) + str(caught.value) + str(caught.value.__cause__)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None or caught.value.status is not None


@pytest.mark.parametrize(
    "secret", ["", "  ", "a b", "a\r\nX: y", "schlüssel"], ids=["empty", "blank", "space", "line break", "umlaut"]
)
def test_a_secret_that_cannot_be_sent_is_told_without_showing_it(secret: str) -> None:
    made, network, _ = session(credential=Bearer(Hidden(secret)))
    with pytest.raises(AuthError) as caught:
        made.get(f"{BASE}/x")
    assert network.sent == []
    assert secret.strip() == "" or secret not in str(caught.value)


def test_a_header_that_cannot_be_sent_is_told_without_showing_it() -> None:
    def encode(request: requests.PreparedRequest) -> Answer:
        str(request.headers["X-Note"]).encode("latin-1")
        return Answer()

    made, _, _ = session(encode)
    with pytest.raises(RefusedError) as caught:
        made.put(f"{BASE}/x", headers={"X-Note": "秘密"})
    assert "秘密" not in str(caught.value)


def test_the_fake_clock_starts_in_utc() -> None:
    assert FakeClock().now() == datetime(2026, 11, 20, 8, tzinfo=UTC)
