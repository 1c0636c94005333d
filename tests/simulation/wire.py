"""The network between the daemon and both servers: what it may do to a call, and what is looked at on the way."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from syncd.sandbox.faults import Fault
from syncd.sandbox.inprocess import WsgiAdapter
from syncd.sandbox.server import JIRA_TEST_URL, ZENDESK_TEST_URL, Sandbox
from tests.simulation.variants import JIRA_URL, ZENDESK_URL

READS_BY_POST = ("/oauth/", "/search", "/bulkfetch", "/workflows")
BLOCKED = 60.0  # seconds for which a pause without an end is kept
STALE = "stale"
"""The kind of fault in which a list is as it was some seconds ago: a replica is behind."""
OLDEST_STALE = 60.0
REORDERED = "reordered"
"""The kind of fault in which the rows of an answer come in another order."""


@dataclass(slots=True)
class Call:
    """One request of the daemon."""

    number: int
    at: float  # the servers' time
    service: str
    method: str
    path: str
    query: str
    body: Any
    write: bool
    fault: str | None = None
    status: int | None = None

    @property
    def marker(self) -> str | None:
        """The mark that the write leaves on the server."""
        return marker_in(self.body)

    @property
    def subject(self) -> str:
        """The ticket or issue that the call is about, as in the store; "" when its address does not tell."""
        found = re.search(r"/tickets/(\d+)" if self.service == "zendesk" else r"/issue/(\d+)", self.path)
        return f"{'ticket' if self.service == 'zendesk' else 'issue'}:{found[1]}" if found else ""

    @property
    def row(self) -> str:
        """The call as a line of the journal."""
        text = json.dumps(self.body, sort_keys=True, default=str)
        return f"{self.at:.3f} {self.service} {self.method} {self.path}?{self.query} {text} {self.fault} {self.status}"


def is_write(method: str, path: str) -> bool:
    """Whether a request changes something; some questions are sent as POST."""
    return method not in ("GET", "HEAD") and not any(part in path for part in READS_BY_POST)


def marker_in(body: object) -> str | None:
    """Our marker in the body of a write, wherever that kind of write has it."""
    if not isinstance(body, Mapping):
        return None
    ticket = body.get("ticket")
    if isinstance(ticket, Mapping):
        found = (ticket.get("metadata") or {}).get("syncd_op")
        return str(found) if found else None
    history = body.get("historyMetadata")
    if isinstance(history, Mapping):
        return str((history.get("extraData") or {}).get("op") or "") or None
    for entry in body.get("properties") or ():
        value = entry.get("value") if isinstance(entry, Mapping) else None
        if isinstance(value, Mapping) and value.get("marker"):
            return str(value["marker"])
    return None


def _turned(content: bytes) -> bytes:
    """The answer with its tickets in the other order."""
    answer = json.loads(content)
    if isinstance(answer, dict) and isinstance(answer.get("tickets"), list):
        answer["tickets"].reverse()
    return json.dumps(answer).encode()


@dataclass(slots=True)
class _Silence:
    """A server asked for none of our calls until a moment of its own clock."""

    until: float
    why: str


@dataclass(slots=True)
class Wire(BaseAdapter):
    """The adapter of both trackers' sessions.

    `before` is asked for a fault of each call; `boundary` is told of each call's beginning and end; `broken` is told
    what must never happen.
    """

    sandbox: Sandbox
    store: Path
    before: Callable[[Call], tuple[str, Fault] | None]
    boundary: Callable[[str], None]
    broken: Callable[[str, str], None]
    in_transaction: Callable[[], bool]
    latency: Callable[[], float]
    calls: list[Call] = field(default_factory=list)
    reads: list[tuple[float, frozenset[str]]] = field(default_factory=list)  # Jira: which issues were shown, and when
    signed_with: set[str] = field(default_factory=set)
    forgotten_at: list[float] = field(default_factory=list)  # when a backup was put back, which knows of none of them
    _inner: WsgiAdapter | None = None
    _silence: dict[str, _Silence] = field(default_factory=dict)
    _old: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        BaseAdapter.__init__(self)
        apps = self.sandbox.apps()
        self._inner = WsgiAdapter({ZENDESK_URL: apps[ZENDESK_TEST_URL], JIRA_URL: apps[JIRA_TEST_URL]})

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """As a connection would, with what can happen to one."""
        call = self._call(request)
        self.signed_with.add(str(request.headers.get("Authorization", "")))
        self.sandbox.clock.advance(self.latency())
        self.boundary("before_call")
        self._look(call)
        struck = self.before(call)
        if struck is not None:
            call.fault, fault = struck
            if fault.kind not in (STALE, REORDERED):
                self.sandbox.ctx.faults.add(fault)
        self.calls.append(call)
        try:
            return self._deliver(call, request, timeout)
        finally:
            self.sandbox.ctx.faults.clear()
            self.boundary("after_call")

    def close(self) -> None:
        """There is nothing to close."""

    def new_process(self) -> None:
        """What a server asked of the process before is not known to this one."""
        self._silence.clear()

    # ---- inside ----

    def _call(self, request: requests.PreparedRequest) -> Call:
        parts = urlsplit(request.url or "")
        service = "zendesk" if f"{parts.scheme}://{parts.netloc}" == ZENDESK_URL else "jira"
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = f"{len(request.body or '')} bytes"  # a file, between borders that are never the same
        if "/oauth/" in parts.path:
            body = None
        method = request.method or "GET"
        write = is_write(method, parts.path)
        return Call(
            len(self.calls) + 1, self.sandbox.clock.now(), service, method, parts.path, parts.query, body, write
        )

    def _deliver(self, call: Call, request: requests.PreparedRequest, timeout: Any) -> requests.Response:
        assert self._inner is not None
        try:
            response = self._inner.send(request, timeout=timeout)
        except requests.exceptions.ReadTimeout:
            self.sandbox.clock.advance(30.0)
            raise
        call.status = response.status_code
        response.raw.getvalue() if isinstance(response.raw, BytesIO) else b""
        if response.status_code == 429:
            self._keep_silence(call, response)
        if response.status_code == 200:
            self._note_read(call, response)
        return response

    def _look(self, call: Call) -> None:
        """What must hold of every call, whatever comes of it."""
        what = f"{call.method} {call.path}"
        if self.in_transaction():
            self.broken("I9", f"{what} inside a transaction of the store")
        silence = self._silence.get(call.service)
        if silence is not None and self.sandbox.clock.now() < silence.until - 0.5:
            left = silence.until - self.sandbox.clock.now()
            self.broken("I11", f"{what} {left:.0f} s too early after {silence.why}")
        if not call.write:
            return
        if call.service == "zendesk" and isinstance(call.body, Mapping):
            comment = (call.body.get("ticket") or {}).get("comment")
            if comment is not None and comment.get("public") is not False:
                self.broken("I5", f"{what} with a comment that is not internal")
        if call.service == "jira" and call.path.endswith("/comment"):
            marks = {entry["key"]: entry["value"] for entry in (call.body or {}).get("properties", ())}
            if marks.get("sd.public.comment") != {"internal": True}:
                self.broken("I5", f"{what} with a comment that is not internal")
        self._look_for_intent(call, what)

    def _look_for_intent(self, call: Call, what: str) -> None:
        """Another process reads the store: the intent must be there, committed, and say that it was sent."""
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        try:
            if call.marker is not None:
                query, key = "SELECT state FROM intent WHERE id = ?", call.marker
            elif "/make_private" in call.path:
                return  # hides what should never have been public: that must not wait for anything
            elif (key := call.subject) != "":
                query = "SELECT state FROM intent WHERE subject = ? AND state = 'sent'"
            else:
                query, key = "SELECT state FROM intent WHERE destination = ? AND state = 'sent'", call.service
            found = connection.execute(query, (key,)).fetchone()
        finally:
            connection.close()
        if found is None or found[0] != "sent":
            self.broken("I9", f"{what} ({key}) while its intent is {found[0] if found else 'not there'}")

    def _keep_silence(self, call: Call, response: requests.Response) -> None:
        """Only of refusals that are plainly about all calls of the account."""
        if call.fault == "429_seconds":
            wait = float(response.headers["Retry-After"])
        elif call.fault == "429_date":
            stated, now = (parsedate_to_datetime(response.headers[name]) for name in ("Retry-After", "Date"))
            wait = (stated - now).total_seconds() - 1.0  # the stamps have whole seconds
        elif call.fault == "429_largest":
            wait = BLOCKED
        else:
            return
        self._silence[call.service] = _Silence(self.sandbox.clock.now() + wait, f"a 429 ({call.fault})")

    def _note_read(self, call: Call, response: requests.Response) -> None:
        """Keeps answers that may come again as stale ones, and which issues were shown."""
        if call.service == "zendesk" and call.method == "GET" and isinstance(response.raw, BytesIO):
            question, now = f"{call.path}?{call.query}", self.sandbox.clock.now()
            at, content = self._old.get(question, (float("-inf"), b""))
            if call.fault == "reordered_page":
                response.raw = BytesIO(_turned(response.raw.getvalue()))
            elif call.fault in ("stale_list", "stale_read") and now - at <= OLDEST_STALE:
                response.raw = BytesIO(content)
            elif call.fault is None:
                self._old[question] = (now, response.raw.getvalue())
        elif call.path.endswith("/bulkfetch") and isinstance(call.body, Mapping):
            self.reads.append((self.sandbox.clock.now(), frozenset(map(str, call.body.get("issueIdsOrKeys", ())))))
        elif call.method == "GET" and "/issue/" in call.path:
            name = call.path.split("/issue/")[1].split("/")[0]
            if call.path.endswith(f"/issue/{name}"):
                self.reads.append((self.sandbox.clock.now(), frozenset({name})))
