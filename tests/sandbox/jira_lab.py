"""A small Jira without sockets, on a clock that stands still, for either deployment."""

from __future__ import annotations

from typing import Any, Literal

import requests

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.faults import Fault
from syncd.sandbox.inprocess import WsgiAdapter
from syncd.sandbox.jira_app import JiraApp
from syncd.sandbox.jira_world import JiraWorld
from syncd.sandbox.web import SandboxContext

START = 1_795_000_000.5
DEPLOYMENTS: tuple[Literal["cloud", "data_center"], ...] = ("cloud", "data_center")


class JiraLab:
    """A pretend Jira with a bot (in Shanghai), a developer and an administrator; the client speaks as the bot.

    Projects: DEV (multistep), OPS (simple), WIDE (software_wide), DESK (a service desk, simple).
    """

    def __init__(self, deployment: Literal["cloud", "data_center"]) -> None:
        self.deployment = deployment
        self.cloud = deployment == "cloud"
        self.clock = SandboxClock(START, frozen=True)
        self.ctx = SandboxContext.build(self.clock, seed=5)
        self.world = JiraWorld(self.ctx, deployment)
        self.app = JiraApp(self.ctx, self.world)
        self.bot = self.world.add_user("Sync Bot", "bot@jira.example", time_zone="Asia/Shanghai")
        self.dev = self.world.add_user("Dora Dev", "dora@jira.example")
        self.admin = self.world.add_user("Ada Admin", "ada@jira.example", admin=True)
        for user in (self.bot, self.dev, self.admin):
            self.world.add_api_token(user, f"secret of {user}")
        self.world.add_project("DEV", "Development", "multistep")
        self.world.add_project("OPS", "Operations", "simple")
        self.world.add_project("WIDE", "Wide", "software_wide")
        self.world.add_project("DESK", "Service desk", "simple", jsm=True)
        self.session = WsgiAdapter({"http://jira.test": self.app}).mount_on(requests.Session())
        self.login(self.bot)

    def login(self, user: str) -> None:
        """Speaks as somebody else from now on."""
        name = self.world.site.users[user].email if self.cloud else user
        self.session.auth = (name, f"secret of {user}")

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Calls the API; `path` below /rest/api/2 unless it begins with two slashes."""
        where = path[1:] if path.startswith("//") else f"/rest/api/2{path}"
        return self.session.request(method, f"http://jira.test{where}", **kwargs)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET that must succeed."""
        response = self.call("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any, status: int = 201) -> Any:
        """The JSON of a POST that must be answered with `status`; None without a body."""
        response = self.call("POST", path, json=body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def make(self, summary: str = "It broke", project: str = "DEV", **fields: Any) -> str:
        """An issue that the developer made; its key."""
        return self.world.create_issue(self.dev, project, summary, **fields)

    def find(self, jql: str, **more: Any) -> list[str]:
        """Keys that the search of this deployment finds, first page, in its order."""
        path = "/search/jql" if self.cloud else "/search"
        body = {"jql": jql, "fields": ["summary"], "maxResults": 100, **more}
        return [issue["key"] for issue in self.post(path, body, 200)["issues"]]

    def fault(self, kind: str, method: str | None = None, path: str | None = None, **args: Any) -> None:
        """The next matching call goes wrong."""
        self.ctx.faults.add(Fault(kind, "jira", method, path, args=args))

    def ms(self) -> int:
        """The clock, in epoch milliseconds."""
        return self.clock.now_ms()
