"""What answers and missing answers mean, for reads and for writes."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Any

import pytest
import requests
import urllib3.exceptions as pool
from requests import exceptions as rex

from syncd.sources.classify import CallKind, classify_exception, classify_response, refusal_of
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
from tests.sources.http_fakes import START, Answer

READ = CallKind("read", write=False)
WRITE = CallKind("update", write=True)
TICKET_READ = CallKind("read", write=False, subject="ticket:35")
TICKET_WRITE = CallKind("update", write=True, subject="ticket:35")


def retries(reason: Exception) -> pool.MaxRetryError:
    return pool.MaxRetryError(None, "/api/v2/tickets/35", reason)  # type: ignore[arg-type] # the pool is only for its repr


REFUSED = pool.NewConnectionError(None, "refused")  # type: ignore[arg-type] # as above
LOST = http.client.RemoteDisconnected("closed without an answer")

EXCEPTIONS: list[tuple[str, Exception, type[SourceError], type[SourceError]]] = [
    # (what happened, the exception, its meaning for a read, its meaning for a write)
    ("connection refused", requests.ConnectionError(retries(REFUSED)), TransientError, TransientError),
    (
        "name not resolved",
        requests.ConnectionError(retries(pool.NameResolutionError("h", None, socket.gaierror(-2, "unknown")))),  # type: ignore[arg-type] # as above
        TransientError,
        TransientError,
    ),
    (
        "connect timeout",
        rex.ConnectTimeout(retries(pool.ConnectTimeoutError(None, "slow"))),
        TransientError,
        TransientError,
    ),
    ("bare connect timeout", rex.ConnectTimeout(), TransientError, TransientError),
    ("refused by the system", ConnectionRefusedError(111, "Connection refused"), TransientError, TransientError),
    ("read timeout", rex.ReadTimeout(pool.ReadTimeoutError(None, "/", "slow")), TransientError, UnknownError),  # type: ignore[arg-type] # as above
    ("bare timeout", rex.Timeout(), TransientError, UnknownError),
    ("raw socket timeout", TimeoutError(), TransientError, UnknownError),
    ("lost answer", requests.ConnectionError(pool.ProtocolError("aborted", LOST)), TransientError, UnknownError),
    ("connection reset", requests.ConnectionError(ConnectionResetError(104, "reset")), TransientError, UnknownError),
    ("broken pipe", requests.ConnectionError(BrokenPipeError(32, "pipe")), TransientError, UnknownError),
    ("bare connection error", requests.ConnectionError(), TransientError, UnknownError),
    ("torn body", rex.ChunkedEncodingError(pool.ProtocolError("torn")), TransientError, UnknownError),
    ("torn body of urllib3", pool.IncompleteRead(10, 90), TransientError, UnknownError),
    ("torn body of http.client", http.client.IncompleteRead(b"", 5), TransientError, UnknownError),
    ("broken status line", http.client.BadStatusLine("x"), TransientError, UnknownError),
    (
        "undecodable body",
        rex.ContentDecodingError(pool.DecodeError("gzip")),
        InvalidResponseError,
        InvalidResponseError,
    ),
    ("undecodable body of urllib3", pool.DecodeError("gzip"), InvalidResponseError, InvalidResponseError),
    ("consumed stream", rex.StreamConsumedError(), TransientError, UnknownError),
    ("too many redirects", rex.TooManyRedirects(), InvalidResponseError, InvalidResponseError),
    ("repeats used up", rex.RetryError(retries(pool.ResponseError("503"))), TransientError, UnknownError),
    ("unrewindable body", rex.UnrewindableBodyError(), TransientError, UnknownError),
    ("proxy unreachable", rex.ProxyError(retries(pool.ProxyError("x", REFUSED))), TransientError, TransientError),
    (
        "proxy refuses a tunnel",
        rex.ProxyError(pool.ProxyError("x", OSError("Tunnel connection failed: 403"))),
        TransientError,
        TransientError,
    ),
    ("lost answer behind a proxy", rex.ProxyError(retries(pool.ProxyError("x", LOST))), TransientError, UnknownError),
    (
        "certificate not trusted",
        rex.SSLError(retries(pool.SSLError(ssl.SSLCertVerificationError("self-signed")))),
        TransientError,
        TransientError,
    ),
    (
        "TLS broke in the middle",
        rex.SSLError(pool.SSLError(ssl.SSLError("bad record mac"))),
        TransientError,
        UnknownError,
    ),
    ("pool closed", requests.ConnectionError(pool.ClosedPoolError(None, "closed")), TransientError, TransientError),  # type: ignore[arg-type] # as above
    ("pool empty", pool.EmptyPoolError(None, "empty"), TransientError, TransientError),  # type: ignore[arg-type] # as above
    ("invalid URL", rex.InvalidURL("x"), RefusedError, RefusedError),
    ("unparsable location", pool.LocationParseError("x"), RefusedError, RefusedError),
    ("no scheme", rex.MissingSchema(), RefusedError, RefusedError),
    ("unknown scheme", rex.InvalidSchema(), RefusedError, RefusedError),
    ("no URL", rex.URLRequired(), RefusedError, RefusedError),
    ("invalid header", rex.InvalidHeader(), RefusedError, RefusedError),
    ("invalid proxy URL", rex.InvalidProxyURL(), RefusedError, RefusedError),
    ("unserialisable body", rex.InvalidJSONError(), RefusedError, RefusedError),
    ("answer is no JSON", rex.JSONDecodeError("x", "y", 0), InvalidResponseError, InvalidResponseError),
    ("unparsable headers", pool.HeaderParsingError([], b""), InvalidResponseError, InvalidResponseError),
    ("any other of requests", rex.RequestException(), TransientError, UnknownError),
    ("any other of urllib3", pool.HTTPError(), TransientError, UnknownError),
    ("any other of the system", OSError(5, "Input/output error"), TransientError, UnknownError),
]


@pytest.mark.parametrize(
    ("error", "kind", "expected"),
    [pytest.param(e, READ, read, id=f"read, {what}") for what, e, read, _ in EXCEPTIONS]
    + [pytest.param(e, WRITE, write, id=f"write, {what}") for what, e, _, write in EXCEPTIONS],
)
def test_no_answer(error: Exception, kind: CallKind, expected: type[SourceError]) -> None:
    assert type(classify_exception(error, kind, "PUT /x")) is expected


def test_every_exception_of_requests_has_a_row() -> None:
    covered = {type(error) for _, error, _, _ in EXCEPTIONS}
    missing = {
        cls
        for cls in vars(rex).values()
        if isinstance(cls, type)
        and issubclass(cls, rex.RequestException)
        and cls.__module__ == "requests.exceptions"
        and cls not in covered
    }
    assert missing == {rex.HTTPError}  # raised by raise_for_status alone, which nothing here calls


def test_an_http_error_of_a_library_is_unknown() -> None:
    response = Answer(502).build(requests.Request("PUT", "https://a.example/x").prepare())
    error = classify_exception(requests.HTTPError(response=response), WRITE, "x")
    assert (type(error), error.status) == (UnknownError, 502)


def test_the_message_names_the_cause_and_not_the_proxys_password() -> None:
    cause = pool.ProxyError("http://user:hunter2@proxy", ConnectionRefusedError(111, "Connection refused"))
    text = str(classify_exception(rex.ProxyError(retries(cause)), WRITE, "Zendesk: PUT /api/v2/tickets/35"))
    assert text == "Zendesk: PUT /api/v2/tickets/35: no connection (ConnectionRefusedError: Connection refused)"


# ---- answers ---------------------------------------------------------------------------------------------------

ZENDESK_FLAT = {"error": "RecordInvalid", "description": "Record validation errors"}
ZENDESK_NESTED = {"error": {"title": "Forbidden", "message": "No way"}}
ZENDESK_LIST = {"errors": [{"code": "InvalidPaginationDepth", "title": "Too deep", "detail": "10000"}]}
JIRA_DICT = {"errorMessages": ["Not now"], "errors": {"resolution": "Resolution is required."}}
JIRA_NULL = {"errorMessages": None, "errors": None}
JIRA_LIST = {"errorMessages": [], "errors": ["too long"]}
BODIES: dict[str, Any] = {
    "a flat error": ZENDESK_FLAT,
    "a nested error": ZENDESK_NESTED,
    "a list of errors": ZENDESK_LIST,
    "plain text": "Number of allowed API requests per minute exceeded",
    "Jira's dict": JIRA_DICT,
    "Jira's nulls": JIRA_NULL,
    "Jira's list": JIRA_LIST,
    "an empty body": None,
    "a JSON list": [1],
    "a JSON number": 7,
    "broken JSON": '{"error": ',
    "bytes that are no text": b"\xff\xfe\x00",
}
STATUSES: dict[int, tuple[type[SourceError], type[SourceError]]] = {
    301: (InvalidResponseError, InvalidResponseError),
    302: (InvalidResponseError, InvalidResponseError),
    304: (InvalidResponseError, InvalidResponseError),
    400: (RefusedError, RefusedError),
    401: (AuthError, AuthError),
    402: (RefusedError, RefusedError),
    403: (AuthError, AuthError),
    404: (NotFoundError, NotFoundError),
    405: (RefusedError, RefusedError),
    408: (TransientError, UnknownError),
    409: (PreconditionError, PreconditionError),
    410: (RefusedError, RefusedError),
    412: (PreconditionError, PreconditionError),
    413: (RefusedError, RefusedError),
    415: (RefusedError, RefusedError),
    422: (RefusedError, RefusedError),
    423: (TransientError, TransientError),
    429: (TransientError, TransientError),
    500: (TransientError, UnknownError),
    502: (TransientError, UnknownError),
    503: (TransientError, UnknownError),
    504: (TransientError, UnknownError),
    520: (TransientError, UnknownError),
    524: (TransientError, UnknownError),
}


def answered(answer: Answer, kind: CallKind) -> SourceError | None:
    request = requests.Request("PUT", "https://a.example/x", headers={"Authorization": "Bearer s3cr3t-t0k3n"}).prepare()
    return classify_response(answer.build(request), kind, "x", START)


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in BODIES.items()])
@pytest.mark.parametrize("status", STATUSES)
def test_an_answer_means_the_same_whatever_its_envelope(status: int, body: Any) -> None:
    for kind, expected in zip((READ, WRITE), STATUSES[status], strict=True):
        error = answered(Answer(status, body), kind)
        assert type(error) is expected
        assert error is not None
        assert error.status == status


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_no_error(status: int) -> None:
    assert answered(Answer(status), WRITE) is None


@pytest.mark.parametrize(
    ("answer", "kind", "expected"),
    [
        pytest.param(Answer(403, ZENDESK_NESTED), TICKET_WRITE, RefusedError, id="403 on one ticket is its own affair"),
        pytest.param(Answer(403, ZENDESK_NESTED), TICKET_READ, RefusedError, id="403 on reading one ticket, too"),
        pytest.param(
            Answer(403, {"error": "The token's scope does not cover it"}),
            TICKET_READ,
            AuthError,
            id="403 for a scope is the credential's",
        ),
        pytest.param(
            Answer(403, {"error": "The user is suspended"}), TICKET_READ, AuthError, id="403 for a suspended user, too"
        ),
        pytest.param(
            Answer(403, "no", {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE"}),
            TICKET_WRITE,
            AuthError,
            id="403 with a captcha",
        ),
        pytest.param(
            Answer(403, "no", {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}),
            TICKET_WRITE,
            AuthError,
            id="403 after a failed login",
        ),
        pytest.param(
            Answer(403, "no", {"X-Seraph-LoginReason": "OK"}), TICKET_WRITE, RefusedError, id="403 after a good login"
        ),
        pytest.param(Answer(403, "<html>blocked</html>"), TICKET_WRITE, AuthError, id="403 page of a gateway"),
        pytest.param(
            Answer(404, "<html>nothing</html>"),
            TICKET_READ,
            InvalidResponseError,
            id="404 page of a gateway says nothing",
        ),
        pytest.param(
            Answer(404, {"error": "InvalidEndpoint"}),
            TICKET_READ,
            RefusedError,
            id="404 of an endpoint is no missing ticket",
        ),
        pytest.param(Answer(404, {"error": "RecordNotFound"}), TICKET_READ, NotFoundError, id="404 of a record"),
    ],
)
def test_answers_that_need_a_second_look(answer: Answer, kind: CallKind, expected: type[SourceError]) -> None:
    assert type(answered(answer, kind)) is expected


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param(
            {"details": {"status": [{"description": "closed prevents ticket update"}]}},
            {"status": "closed prevents ticket update"},
            id="Zendesk's map of lists",
        ),
        pytest.param(
            {"details": {"base": [{"description": "a", "error": "b"}, "c"], "x": None}},
            {"base": "a: b, c", "x": ""},
            id="mixed details",
        ),
        pytest.param(JIRA_DICT, {"resolution": "Resolution is required."}, id="Jira's errors"),
        pytest.param({"errors": {"a": ["x", "y"], "b": {"message": "z"}}}, {"a": "x, y", "b": "z"}, id="nested errors"),
    ],
)
def test_a_refusal_keeps_the_fields(body: Any, fields: dict[str, str]) -> None:
    error = answered(Answer(422, body), WRITE)
    assert isinstance(error, RefusedError)
    assert error.fields == fields


def test_a_redirect_names_the_host_and_nothing_else_of_the_address() -> None:
    error = answered(Answer(302, "", {"Location": "https://evil.example/login?token=abc"}), READ)
    assert str(error) == "x: 302, sent on to evil.example; not followed"


@pytest.mark.parametrize(
    "location", ["", "/login", "https://[broken", "\x00"], ids=["none", "relative", "broken", "NUL"]
)
def test_a_redirect_to_nowhere_is_told_all_the_same(location: str) -> None:
    assert "not followed" in str(answered(Answer(302, "", {"Location": location}), READ))


def test_a_server_that_repeats_our_credential_does_not_get_it_into_the_message() -> None:
    error = answered(Answer(400, {"error": "bad header Bearer s3cr3t-t0k3n, or s3cr3t-t0k3n"}), WRITE)
    assert "s3cr3t" not in str(error)


def test_a_message_is_one_short_printable_line() -> None:
    text = str(answered(Answer(400, "a\r\nb\x1b[31m\u202e" + "c" * 5000), WRITE))
    assert text.isprintable()
    assert len(text) < 330


def test_a_deeply_nested_body_does_not_break_the_parser() -> None:
    response = Answer(400, "[" * 50_000).build(requests.Request("GET", "https://a.example/").prepare())
    assert refusal_of(response).words.startswith("[[[")


@pytest.mark.parametrize(
    ("answer", "kind", "bucket"),
    [
        pytest.param(
            Answer(429, "Number of allowed API requests per minute exceeded"),
            WRITE,
            "account",
            id="the account, in plain text",
        ),
        pytest.param(
            Answer(
                429,
                {
                    "error": "APIRateLimitExceeded",
                    "description": "Number of allowed incremental export API requests exceeded",
                },
            ),
            READ,
            "incremental-exports",
            id="exports",
        ),
        pytest.param(
            Answer(429, "", {"zendesk-ratelimit-per-ticket-updates": "total=30; remaining=0; resets=9"}),
            TICKET_WRITE,
            "ticket:35",
            id="one ticket",
        ),
        pytest.param(
            Answer(
                429,
                "",
                {
                    "zendesk-ratelimit-tickets-update": "total=100; remaining=0; resets=9",
                    "zendesk-ratelimit-per-ticket-updates": "total=30; remaining=0; resets=9",
                },
            ),
            TICKET_WRITE,
            "ticket:35",
            id="one ticket, the longest to wait for",
        ),
        pytest.param(
            Answer(429, "", {"Zendesk-Rate-Limit-Tickets-Update": "total=100; remaining=0; resets=9"}),
            WRITE,
            "tickets-update",
            id="updates, old spelling",
        ),
        pytest.param(
            Answer(429, "", {"RateLimit-Reason": "jira-per-issue-on-write"}),
            CallKind("write", write=True, subject="issue:10305"),
            "issue:10305",
            id="one issue",
        ),
        pytest.param(
            Answer(429, "", {"RateLimit-Reason": "jira-burst-based"}), READ, "read", id="a burst on one endpoint"
        ),
        pytest.param(
            Answer(429, "", {"RateLimit-Reason": "jira-quota-tenant-based"}), READ, "account", id="the hour's points"
        ),
        pytest.param(Answer(429, "Pagination limit reached for offset model"), READ, "read", id="deep pages"),
    ],
)
def test_a_429_names_what_is_exhausted(answer: Answer, kind: CallKind, bucket: str) -> None:
    error = answered(answer, kind)
    assert isinstance(error, TransientError)
    assert error.bucket == bucket
    assert error.retry_after == 60.0
