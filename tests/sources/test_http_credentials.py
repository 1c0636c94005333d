"""Tokens: when they are got, renewed and given up, and that secrets stay out of sight."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import requests

from syncd.sources.credentials import Basic, Bearer, ClientCredentials, Credential, OAuthClient, api_token
from syncd.sources.errors import AuthError, SourceError, TransientError
from syncd.sources.http import Session
from tests.sources.http_fakes import Answer, FakeClock, Hidden, ScriptedNetwork

BASE = "https://acme.zendesk.com"


class Server:
    """A token endpoint and an API that knows which tokens are good."""

    def __init__(self) -> None:
        self.issued = 0
        self.good: set[str] = set()
        self.token_answer: Answer | None = None
        self.api_answer = Answer(body={"ok": True})
        self.network = ScriptedNetwork(self.answer)

    def answer(self, request: requests.PreparedRequest) -> Answer:
        if request.path_url == "/oauth/tokens":
            if self.token_answer is not None:
                return self.token_answer
            self.issued += 1
            self.good.add(f"token-{self.issued}")
            body = {"access_token": f"token-{self.issued}", "token_type": "bearer", "scope": "read", "expires_in": 1800}
            return Answer(body=body)
        token = str(request.headers.get("Authorization")).removeprefix("Bearer ")
        return self.api_answer if token in self.good else Answer(401, {"error": "invalid_token"})


def connect(server: Server, credential: Credential | None = None) -> tuple[Session, FakeClock]:
    clock = FakeClock()
    client = credential or OAuthClient("syncd", Hidden("s3cr3t"), scope="read")
    made = Session(BASE, service="Zendesk", clock=clock, credential=client, adapter=server.network, sleep=clock.sleep)
    return made, clock


def test_a_token_is_got_once_and_used_until_a_minute_before_its_end() -> None:
    server = Server()
    made, clock = connect(server)
    made.get(f"{BASE}/x")
    clock.advance(1739)
    made.get(f"{BASE}/x")
    assert server.issued == 1
    clock.advance(1)
    made.get(f"{BASE}/x")
    assert server.issued == 2
    assert server.network.body(0) == {
        "grant_type": "client_credentials",
        "client_id": "syncd",
        "client_secret": "s3cr3t",
        "scope": "read",
    }
    assert "Authorization" not in server.network.sent[0].headers


def test_a_lifetime_is_asked_for_when_configured() -> None:
    server = Server()
    made, _ = connect(server, OAuthClient("syncd", Hidden("s"), lifetime=300))
    made.get(f"{BASE}/x")
    assert server.network.body(0)["expires_in"] == 300


@pytest.mark.parametrize(
    ("expires_in", "kept"),
    [
        pytest.param(300, 240, id="five minutes"),
        pytest.param(40, 20, id="shorter than the margin: half of it"),
        pytest.param(None, 1740, id="not said"),
        pytest.param("soon", 1740, id="not a number"),
        pytest.param(-1, 1740, id="negative"),
        pytest.param(True, 1740, id="a bool"),
    ],
)
def test_how_long_a_token_is_kept(expires_in: Any, kept: float) -> None:
    calls: list[dict[str, Any]] = []

    def post(body: dict[str, Any]) -> Any:
        calls.append(body)
        return {"access_token": f"t{len(calls)}", "expires_in": expires_in}

    clock = FakeClock()
    signer = ClientCredentials(OAuthClient("c", Hidden("s")), post, clock)
    assert signer.header() == "Bearer t1"
    clock.advance(kept - 1)
    assert signer.header() == "Bearer t1"
    clock.advance(1)
    assert signer.header() == "Bearer t2"


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_token_that_expired_early_is_renewed_and_the_request_repeated_once(method: str) -> None:
    server = Server()
    made, _ = connect(server)
    made.get(f"{BASE}/x")
    server.good.clear()
    assert made.request(method, f"{BASE}/y").json() == {"ok": True}
    assert server.network.lines[-3:] == [f"{method} /y", "POST /oauth/tokens", f"{method} /y"]


def test_a_request_that_is_refused_with_a_new_token_too_is_given_up() -> None:
    server = Server()
    server.api_answer = Answer(401, {"error": "invalid_token"})
    made, _ = connect(server)
    with pytest.raises(AuthError) as caught:
        made.put(f"{BASE}/x")
    assert caught.value.status == 401
    assert server.network.lines == ["POST /oauth/tokens", "PUT /x", "POST /oauth/tokens", "PUT /x"]


def test_a_rotated_secret_is_read_again_at_the_next_renewal() -> None:
    server, secret = Server(), Hidden("old")
    made, clock = connect(server, OAuthClient("syncd", secret))
    made.get(f"{BASE}/x")
    secret.text = "new"
    clock.advance(1800)
    made.get(f"{BASE}/x")
    assert [server.network.body(i)["client_secret"] for i in (0, 2)] == ["old", "new"]


@pytest.mark.parametrize(
    ("make", "before", "after"),
    [
        pytest.param(Bearer, "Bearer old", "Bearer new", id="a bearer token"),
        pytest.param(
            lambda secret: Basic("bot@acme.example", secret),
            "Basic " + base64.b64encode(b"bot@acme.example:old").decode(),
            "Basic " + base64.b64encode(b"bot@acme.example:new").decode(),
            id="user and password",
        ),
        pytest.param(
            lambda secret: api_token("bot@acme.example", secret),
            "Basic " + base64.b64encode(b"bot@acme.example/token:old").decode(),
            "Basic " + base64.b64encode(b"bot@acme.example/token:new").decode(),
            id="a Zendesk API token",
        ),
    ],
)
def test_a_rotated_token_is_read_again_after_a_401(make: Any, before: str, after: str) -> None:
    secret = Hidden("old")
    network = ScriptedNetwork(Answer(body={}), Answer(401), Answer(body={}))
    made = Session(BASE, service="Zendesk", clock=FakeClock(), credential=make(secret), adapter=network)
    made.get(f"{BASE}/x")
    secret.text = "new"
    made.put(f"{BASE}/x")
    assert [request.headers["Authorization"] for request in network.sent] == [before, before, after]


def test_a_fixed_token_that_did_not_change_is_not_tried_twice() -> None:
    network = ScriptedNetwork(Answer(401))
    made = Session(BASE, service="Zendesk", clock=FakeClock(), credential=Bearer(Hidden("old")), adapter=network)
    with pytest.raises(AuthError):
        made.put(f"{BASE}/x")
    assert len(network.sent) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Answer(401, {"error": "invalid_client", "error_description": "wrong"}), AuthError, id="401"),
        pytest.param(Answer(400, {"error": "invalid_scope"}), AuthError, id="400 for a scope"),
        pytest.param(Answer(403, {"error": "no"}), AuthError, id="403"),
        pytest.param(Answer(404, {"error": "RecordNotFound"}), AuthError, id="404 is no missing ticket"),
        pytest.param(Answer(409), AuthError, id="409 is no stale ticket"),
        pytest.param(Answer(429, "", {"Retry-After": "5"}), TransientError, id="429"),
        pytest.param(Answer(500), TransientError, id="500 is no unknown write"),
        pytest.param(Answer(200, "<html>"), TransientError, id="a page"),
        pytest.param(Answer(302, "", {"Location": "https://x.example"}), TransientError, id="a redirect"),
        pytest.param(Answer(200, {"token": "x"}), TransientError, id="no token in it"),
        pytest.param(Answer(200, {"access_token": "a b"}), TransientError, id="a token that cannot be sent"),
        pytest.param(Answer(200, ["access_token"]), TransientError, id="a list"),
    ],
)
def test_a_write_whose_token_cannot_be_got_was_not_sent(answer: Answer, expected: type[SourceError]) -> None:
    server = Server()
    server.token_answer = answer
    made, _ = connect(server)
    with pytest.raises(expected) as caught:
        made.put(f"{BASE}/tickets/35", json={})
    assert type(caught.value) is expected
    assert set(server.network.lines) == {"POST /oauth/tokens"}
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "granted", "missing"),
    [
        pytest.param("tickets:read tickets:write", "tickets:read", ("tickets:write",), id="less than asked"),
        pytest.param("tickets:read tickets:write", "read write", (), id="the wide scopes cover the narrow"),
        pytest.param("read", "read write", (), id="more than asked"),
        pytest.param("read write", None, (), id="not said"),
        pytest.param("read write", "", ("read", "write"), id="nothing"),
    ],
)
def test_scopes_that_were_not_granted(asked: str, granted: str | None, missing: tuple[str, ...]) -> None:
    signer = ClientCredentials(
        OAuthClient("c", Hidden("s"), scope=asked), lambda _: {"access_token": "t", "scope": granted}, FakeClock()
    )
    signer.header()
    assert signer.missing_scopes() == missing


@pytest.mark.parametrize(
    "credential", [Basic("u", Hidden("s3cr3t")), Bearer(Hidden("s3cr3t")), OAuthClient("c", Hidden("s3cr3t"))]
)
def test_secrets_are_in_no_repr(credential: Credential) -> None:
    made, _ = connect(Server(), credential)
    assert "s3cr3t" not in repr(credential) + repr(vars(made.signer)) + repr(made)


def test_both_clocks_end_a_token() -> None:
    issued: list[int] = []

    def post(_body: dict[str, Any]) -> Any:
        issued.append(1)
        return {"access_token": f"t{len(issued)}", "expires_in": 600}

    class Torn(FakeClock):
        def jump(self, seconds: float) -> None:
            """The wall clock moves alone, as after a suspended night."""
            before = self.monotonic()
            self.advance(seconds)
            self._monotonic = before

    clock = Torn()
    signer = ClientCredentials(OAuthClient("c", Hidden("s")), post, clock)
    signer.header()
    clock.jump(600)
    assert signer.header() == "Bearer t2"
    clock.jump(-86400)
    clock.advance(600)
    assert signer.header() == "Bearer t3"
