"""What both pretend services share, as a WSGI application: routing, one lock, generic faults, the journal."""

from __future__ import annotations

import json
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.http import http_date
from werkzeug.routing import Map
from werkzeug.wrappers import Request, Response

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.faults import GENERIC_KINDS, Fault, Faults
from syncd.sandbox.journal import Journal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: Set in the WSGI environment by an in-process caller: a `delay` is then reported in DELAY_KEY, not slept.
IN_PROCESS_KEY: Final = "sandbox.in_process"
DELAY_KEY: Final = "sandbox.delay_seconds"

LOGIN_PAGE: Final = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form>Sign in</form></body></html>"


class DropConnection(ConnectionError):
    """The connection ends here, without an answer or in the middle of one. The server closes the socket; an
    in-process caller sees this exception."""


class Refused(Exception):
    """Raised by a handler to answer with `response` at once. Nothing may have been changed before."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"refused with {response.status_code}")
        self.response = response


@dataclass
class SandboxContext:
    """What all parts of one sandbox share."""

    clock: SandboxClock
    journal: Journal
    faults: Faults
    rng: random.Random

    @classmethod
    def build(cls, clock: SandboxClock | None = None, seed: int = 1) -> SandboxContext:
        """A fresh context; `clock` None: the real time."""
        clock = clock or SandboxClock()
        rng = random.Random(seed)  # noqa: S311 - reproducible play, not a secret
        return cls(clock=clock, journal=Journal(clock), faults=Faults(rng), rng=rng)


class ApiRequest(Request):
    """A request with what the service found out about it."""

    #: Who asks, as `authenticate` answered; None: nobody known.
    actor: Any = None
    #: A fault of a kind that the service itself plays, or None.
    fault: Fault | None = None
    #: The path without `.json`.
    api_path: str = ""

    @property
    def payload(self) -> Any:
        """The body as JSON; None when there is none. Raises `ValueError` when it is not JSON."""
        raw = self.get_data(cache=True)
        return json.loads(raw) if raw else None


@dataclass
class _Late:
    due: float
    number: int
    request: ApiRequest


class _Torn:
    """A body that breaks off in the middle."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body[: len(self._body) // 2]
        raise DropConnection("the connection broke in the middle of the answer")


class ServiceApp(ABC):
    """Base of the services. A subclass sets `url_map` (endpoints are names of its methods, called as
    `method(request, **path_arguments) -> Response`) and implements the abstract hooks below."""

    #: Whether `/path.json` means `/path`.
    json_suffix: bool = False
    url_map: Map

    def __init__(self, name: str, ctx: SandboxContext, lock: threading.RLock | None = None) -> None:
        self.name = name
        self.ctx = ctx
        self.lock = lock or threading.RLock()
        self._late: list[_Late] = []
        self._late_count = 0
        self._adapter: Any = None

    # Hooks

    @abstractmethod
    def authenticate(self, request: ApiRequest) -> Any:
        """Who asks; None: nobody known. May raise `Refused`."""

    def actor_name(self, actor: Any) -> str:
        """How the journal names an actor."""
        return "anonymous" if actor is None else str(actor)

    @abstractmethod
    def before_dispatch(self, request: ApiRequest, endpoint: str | None) -> Response | None:
        """An answer given instead of the handler's (limits, permissions), or None.

        `endpoint` None: there is no such path, or not with this method.
        """

    @abstractmethod
    def finish(self, request: ApiRequest, response: Response) -> None:
        """Last touch on every answer of the service itself (headers)."""

    @abstractmethod
    def tick_world(self) -> None:
        """What happens by itself as time passes; called under the lock before each request."""

    def not_found(self, request: ApiRequest) -> Response:
        """The answer for an unknown path."""
        return self.json_response({"error": "not found", "path": request.api_path}, 404)

    def method_not_allowed(self, request: ApiRequest) -> Response:
        """The answer for a known path with another method."""
        return self.json_response({"error": "method not allowed", "path": request.api_path}, 405)

    def bad_body(self, request: ApiRequest, error: ValueError) -> Response:
        """The answer when a handler finds that the body is no JSON."""
        return self.json_response({"error": f"{error}", "path": request.api_path}, 400)

    def body_for_journal(self, request: ApiRequest) -> Any:
        """The parsed body as the journal keeps it; a subclass takes secrets out."""
        try:
            return request.payload
        except ValueError:
            return None

    def handle(self, handler: Callable[..., Response], request: ApiRequest, arguments: Mapping[str, Any]) -> Response:
        """Calls the handler; a subclass turns its own refusals into answers here."""
        return handler(request, **arguments)

    # Answers

    @staticmethod
    def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """`data` as JSON."""
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return Response(body, status, headers=headers, content_type="application/json; charset=utf-8")

    # The way of a request

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self._request(environ)
        fault = self.ctx.faults.take(self.name, request.method, request.api_path)
        kind = fault.kind if fault else None
        if fault is not None and kind not in GENERIC_KINDS:
            request.fault = fault
        if kind == "drop_before":
            self._record(request, None, kind)
            raise DropConnection("the connection was closed before anything was done")
        if fault is not None and kind == "late":
            self._postpone(request, fault)
            raise DropConnection("the connection was closed; the request is applied later")
        response = _instead(fault) if fault else None
        if response is None:
            response = self._serve(request)
        if fault is not None:
            if kind == "delay":
                self._delay(environ, float(fault.args.get("seconds", 1.0)))
            elif kind == "drop_after":
                self._record(request, None, kind)
                raise DropConnection("the connection was closed before the answer")
            elif kind == "torn":
                self._record(request, response.status_code, kind)
                body = response.get_data()
                response.headers["Content-Length"] = str(len(body))
                start_response(response.status, response.get_wsgi_headers(environ).to_wsgi_list())
                return _Torn(body)
            response = _afterwards(fault, response)
        self._record(request, response.status_code, kind)
        if environ.get(IN_PROCESS_KEY):  # over a socket the server says it
            response.headers.setdefault("Date", http_date(self.ctx.clock.now()))
        return response(environ, start_response)

    def tick(self) -> None:
        """Applies what fell due by now: late requests, automations."""
        with self.lock:
            self._run_due()

    def pending_late(self) -> int:
        """How many requests wait to be applied late."""
        return len(self._late)

    def _request(self, environ: WSGIEnvironment) -> ApiRequest:
        request = ApiRequest(environ)
        path = request.path
        if self.json_suffix and path.endswith(".json"):
            path = path[: -len(".json")]
        request.api_path = path
        # Read now, before any lock, and whole: a connection that stays open must not find an unread body.
        request.get_data(cache=True)
        return request

    def _postpone(self, request: ApiRequest, fault: Fault) -> None:
        kept = dict(request.environ)
        kept["wsgi.input"] = BytesIO(request.get_data(cache=True))
        late = ApiRequest(kept)
        late.api_path = request.api_path
        due = self.ctx.clock.now() + float(fault.args.get("seconds", 60.0))
        with self.lock:
            # It was let in when it arrived: an access token that expires meanwhile does not stop it.
            try:
                late.actor = self.authenticate(request)
            except Refused:
                late.actor = None
            self._late_count += 1
            self._late.append(_Late(due, self._late_count, late))
            self._late.sort(key=lambda entry: (entry.due, entry.number))
        self._record(request, None, "late")

    def _run_due(self) -> None:
        now = self.ctx.clock.now()
        while self._late and self._late[0].due <= now:
            request = self._late.pop(0).request
            response = self._dispatch(request)
            self._record(request, response.status_code, "late_applied")
        self.tick_world()

    def _serve(self, request: ApiRequest) -> Response:
        with self.lock:
            self._run_due()
            try:
                request.actor = self.authenticate(request)
            except Refused as refused:
                response = refused.response
            else:
                response = self._dispatch(request)
            self.finish(request, response)
            return response

    def _dispatch(self, request: ApiRequest) -> Response:
        if self._adapter is None:
            self._adapter = self.url_map.bind("sandbox.invalid")
        endpoint: str | None = None
        arguments: dict[str, Any] = {}
        missing: HTTPException | None = None
        try:
            endpoint, arguments = self._adapter.match(request.api_path, request.method)
        except (NotFound, MethodNotAllowed) as error:
            missing = error
        try:
            early = self.before_dispatch(request, endpoint)
            if early is not None:
                return early
            if endpoint is None:
                if isinstance(missing, MethodNotAllowed):
                    return self.method_not_allowed(request)
                return self.not_found(request)
            handler: Callable[..., Response] = getattr(self, endpoint)
            return self.handle(handler, request, arguments)
        except Refused as refused:
            return refused.response
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            return self.bad_body(request, error)

    def _delay(self, environ: WSGIEnvironment, seconds: float) -> None:
        if environ.get(IN_PROCESS_KEY):
            environ[DELAY_KEY] = seconds
        else:
            time.sleep(seconds)

    def _record(self, request: ApiRequest, status: int | None, fault: str | None) -> None:
        self.ctx.journal.record(
            service=self.name,
            method=request.method,
            path=request.api_path,
            query=request.query_string.decode("utf-8", "replace"),
            status=status,
            actor=self.actor_name(request.actor),
            user_agent=request.headers.get("User-Agent", ""),
            body=self.body_for_journal(request),
            fault=fault,
        )


def _instead(fault: Fault) -> Response | None:
    """The answer of a fault that keeps the request from being applied."""
    if fault.kind == "status":
        return _status(fault)
    if fault.kind == "html":
        return Response(LOGIN_PAGE, 200, content_type="text/html; charset=utf-8")
    retry_after = {
        "retry_after_date": "Fri, 31 Dec 2099 23:59:59 GMT",
        "retry_after_zero": "0",
        "retry_after_max": "2147483647",
    }.get(fault.kind)
    if retry_after is not None:
        value = str(fault.args.get("value", retry_after))
        return Response("Too many requests", 429, headers={"Retry-After": value}, content_type="text/plain")
    return None


def _status(fault: Fault) -> Response:
    body = fault.args.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {str(name): str(value) for name, value in dict(fault.args.get("headers") or {}).items()}
    usual = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json; charset=utf-8"
    kind = headers.pop("Content-Type", usual)
    return Response(text, int(fault.args.get("status", 500)), headers=headers, content_type=kind)


def _afterwards(fault: Fault, response: Response) -> Response:
    """The answer of a fault that strikes when the request has been applied already."""
    if fault.kind == "status_after":
        return _status(fault)
    if fault.kind == "empty":
        return Response(b"", 200, content_type="application/json; charset=utf-8")
    if fault.kind == "bad_json":
        body = response.get_data()
        return Response(body[: len(body) // 2], response.status_code, content_type="application/json; charset=utf-8")
    return response
