"""A pretend Jira for the tests of the adapter, and a walk through all its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from syncd.core.model import IssueSnapshot
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.faults import Fault
from syncd.sandbox.server import Sandbox
from syncd.sources.credentials import Basic, Credential
from syncd.sources.jira import Jira
from tests.sources.jira_kit import Word

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

START = 1_795_000_000
MARK = "0123456789abcdef0123456789abcdef"


class Seconds:
    """The sandbox's clock as the adapter's; to wait is to move it."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def monotonic(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


class Door:
    """One address for the Jira of every test."""

    url = ""
    app: WSGIApplication

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self.app(environ, start_response)


class House:
    """A Jira with a developer, our account and two projects, served over a socket."""

    def __init__(self, deployment: Literal["cloud", "data_center"], door: Door) -> None:
        self.sandbox = Sandbox(deployment, clock=SandboxClock(START, frozen=True))
        self.url = door.url
        door.app = self.sandbox.jira_app
        self.cloud = deployment == "cloud"
        self.world = self.sandbox.jira
        self.switches = self.world.switches
        self.bot = self.world.add_user("syncd", "syncd@dev.example", time_zone="Asia/Kolkata")
        self.dev = self.world.add_user("Hana", "hana@dev.example")
        self.world.add_api_token(self.bot, "bot-secret")
        self.world.add_project("WEB", "Web", "multistep")
        self.world.add_project("APP", "App", "simple")

    def jira(self, auth: Credential | None = None, path: str = "", **more: Any) -> Jira:
        clock = Seconds(self.sandbox.clock)
        login = "syncd@dev.example" if self.cloud else self.bot
        credential = auth or Basic(login, Word("bot-secret"))
        return Jira(more.pop("url", self.url) + path, credential, clock=clock, sleep=clock.sleep, **more)

    def bug(self, project: str = "WEB", **fields: Any) -> str:
        """A new issue, a second later; its id."""
        self.sandbox.advance(1)
        return str(self.world.issue_state(self.world.create_issue(self.dev, project, "It breaks", **fields))["id"])

    def shown(self, issue_id: str) -> dict[str, Any]:
        return self.world.issue_state(issue_id)

    def fault(self, kind: str, method: str, path: str, **more: Any) -> None:
        self.sandbox.ctx.faults.add(Fault(kind, "jira", method=method, path=path, **more))

    def requests(self, method: str, part: str) -> int:
        """How many requests of a kind reached the server."""
        entries = self.sandbox.ctx.journal.entries()
        return sum(entry["method"] == method and part in entry["path"] for entry in entries)


def walk(
    jira: Jira, keys: list[str], since_ms: int, between: Callable[[int], None] | None = None
) -> list[IssueSnapshot]:
    """All pages; `between` is called after each with its number."""
    found: list[IssueSnapshot] = []
    cursor = None
    for number in range(200):
        page = jira.changed(keys, since_ms, cursor)
        assert not page.malformed
        found += page.issues
        if page.end:
            return found
        cursor = page.cursor
        if between:
            between(number)
    raise AssertionError("the walk does not end")
