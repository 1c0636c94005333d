"""The whole sandbox: both services and the control API, in this process or on loopback ports."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from werkzeug.http import http_date
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.control import VERBS_OF_JIRA, ControlApp
from syncd.sandbox.jira_app import JiraApp
from syncd.sandbox.jira_world import JiraWorld
from syncd.sandbox.mailbox import Mailbox
from syncd.sandbox.web import SandboxContext
from syncd.sandbox.zendesk_app import ZendeskApp
from syncd.sandbox.zendesk_world import VERBS, ZendeskWorld

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: The addresses by which in-process callers reach the services; see `inprocess.WsgiAdapter`.
ZENDESK_TEST_URL: Final = "http://zendesk.test"
JIRA_TEST_URL: Final = "http://jira.test"
CONTROL_TEST_URL: Final = "http://control.test"


class _QuietHandler(WSGIRequestHandler):
    """Writes no log, and closes the socket when the application drops the connection."""

    protocol_version = "HTTP/1.1"
    clock: SandboxClock

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of an answer: the time in the sandbox."""
        return http_date(self.clock.now() if timestamp is None else timestamp)

    def log_request(self, code: int | str | HTTPStatus = "-", size: int | str = "-") -> None:
        """The journal keeps the requests."""

    def connection_dropped(
        self,
        error: BaseException,  # noqa: ARG002 - werkzeug passes it
        environ: Any = None,  # noqa: ARG002 - as above
    ) -> None:
        """Without this a kept-alive connection would leave the client waiting."""
        self.close_connection = True


class Sandbox:
    """A pretend Zendesk, a pretend Jira, a mailbox and their control API, sharing one clock, one journal and one set of
    faults. Same seed and same calls give the same ids and tokens.

    `deployment` is "cloud" or "data_center". `clock` None: the real time, running `rate` times as fast.
    """

    def __init__(
        self,
        deployment: Literal["cloud", "data_center"] = "cloud",
        seed: int = 1,
        clock: SandboxClock | None = None,
        rate: float = 1.0,
    ) -> None:
        self.deployment = deployment
        self.ctx = SandboxContext.build(clock or SandboxClock(rate=rate), seed)
        self.zendesk = ZendeskWorld(self.ctx)
        self.jira = JiraWorld(self.ctx, deployment)
        self.zendesk_app = ZendeskApp(self.ctx, self.zendesk)
        self.jira_app = JiraApp(self.ctx, self.jira)
        self.mailbox = Mailbox(self.ctx.clock)
        self.control_app = ControlApp(self)
        self._servers: list[BaseWSGIServer] = []
        self._threads: list[threading.Thread] = []
        self.zendesk_url = ZENDESK_TEST_URL
        self.jira_url = JIRA_TEST_URL
        self.control_url = CONTROL_TEST_URL

    @property
    def clock(self) -> SandboxClock:
        """The clock of both services."""
        return self.ctx.clock

    def apps(self) -> dict[str, WSGIApplication]:
        """The three applications by their in-process addresses."""
        return {
            ZENDESK_TEST_URL: self.zendesk_app,
            JIRA_TEST_URL: self.jira_app,
            CONTROL_TEST_URL: self.control_app,
        }

    def start(
        self,
        host: str = "127.0.0.1",
        zendesk_port: int = 0,
        jira_port: int = 0,
        control_port: int = 0,
        mail_port: int | None = None,
    ) -> None:
        """Serves all three on loopback; port 0 takes a free one. The addresses are in `*_url` afterwards. With a
        `mail_port` the mailbox listens too, on 127.0.0.1; `mailbox.port` holds where."""
        if self._servers:
            raise RuntimeError("the sandbox is already running")
        if host not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("the sandbox serves loopback only: it knows no secrets worth the name")
        urls = [
            self._serve(host, port, app)
            for port, app in (
                (zendesk_port, self.zendesk_app),
                (jira_port, self.jira_app),
                (control_port, self.control_app),
            )
        ]
        self.zendesk_url, self.jira_url, self.control_url = urls
        if mail_port is not None:
            self.mailbox.start(mail_port)

    def _serve(self, host: str, port: int, app: WSGIApplication) -> str:
        handler = type("_Handler", (_QuietHandler,), {"clock": self.ctx.clock})
        server = make_server(host, port, app, threaded=True, request_handler=handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._servers.append(server)
        self._threads.append(thread)
        thread.start()
        return f"http://{host}:{server.server_port}"

    def stop(self) -> None:
        """Stops serving; the worlds and the mails stay."""
        self.mailbox.stop()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(timeout=5)
        self._servers.clear()
        self._threads.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def tick(self) -> None:
        """Lets both services do what fell due by now: automations, jobs, late requests, indexing."""
        self.zendesk_app.tick()
        self.jira_app.tick()

    def advance(self, seconds: float) -> None:
        """Moves the clock and ticks."""
        self.ctx.clock.advance(seconds)
        self.tick()

    def state(self) -> dict[str, Any]:
        """Both sides, ready for JSON."""
        return {
            "now": self.ctx.clock.now(),
            "zendesk": self.zendesk.state(),
            "jira": self.jira.state(),
        }

    def act(self, service: str, verb: str, **arguments: Any) -> Any:
        """A person acts: calls one of the world's verbs.

        Raises `LookupError` for an unknown service or verb, and what the verb raises (`ValueError` mostly).
        """
        if service == "zendesk" and verb in VERBS:
            return getattr(self.zendesk, verb)(**arguments)
        if service == "jira" and verb in VERBS_OF_JIRA:
            return getattr(self.jira, verb)(**arguments)
        raise LookupError(f"{service} knows no verb {verb!r}")
