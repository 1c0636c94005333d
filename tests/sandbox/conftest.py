"""A small help desk without sockets, on a clock that stands still."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.faults import Fault
from syncd.sandbox.inprocess import WsgiAdapter
from syncd.sandbox.web import SandboxContext
from syncd.sandbox.zendesk_app import ZendeskApp
from syncd.sandbox.zendesk_world import ZendeskWorld

START = 1_795_000_000


class Desk:
    """A pretend Zendesk with an admin, two agents and a customer, and a client that speaks as the admin."""

    def __init__(self) -> None:
        self.ctx = SandboxContext.build(SandboxClock(START, frozen=True), seed=7)
        self.world = ZendeskWorld(self.ctx)
        self.app = ZendeskApp(self.ctx, self.world)
        world = self.world
        self.l1 = world.add_group(name="L1")
        self.l2 = world.add_group(name="L2")
        self.admin = world.add_user(name="Ada", email="ada@desk.example", role="admin", groups=[self.l1])
        self.agent = world.add_user(name="Ben", email="ben@desk.example", role="agent", groups=[self.l1])
        self.mute = world.add_user(
            name="Mo", email="mo@desk.example", role="agent", groups=[self.l2], only_private_comments=True
        )
        self.org = world.add_organization(name="Acme", tier="gold", vip=True)
        self.customer = world.add_user(name="Cleo", email="cleo@acme.example", organization=self.org)
        self.status_field = world.add_ticket_field(title="Engineering status")
        self.kind_field = world.add_ticket_field(title="Kind", type="tagger", options=["bug", "question"])
        self.due_field = world.add_ticket_field(title="Due", type="date")
        self.escalated = world.add_custom_status(category="open", agent_label="Escalated")
        self.token = world.add_api_token(token="desk-token")
        world.add_oauth_client(client_id="syncd", secret="s3cret", user=self.admin)
        self.session = WsgiAdapter({"http://zendesk.test": self.app}).mount_on(requests.Session())
        self.login("ada@desk.example")

    def login(self, email: str) -> None:
        """Speaks as somebody else from now on."""
        self.session.auth = (f"{email}/token", self.token)

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Calls the API; `path` from `/`."""
        return self.session.request(method, f"http://zendesk.test{path}", **kwargs)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET that must succeed."""
        response = self.call("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def put(self, ticket: int, **changes: Any) -> requests.Response:
        """PUTs a change of a ticket."""
        return self.call("PUT", f"/api/v2/tickets/{ticket}.json", json={"ticket": changes})

    def ticket(self, **more: Any) -> int:
        """A new ticket of the customer."""
        return self.world.create_ticket(
            actor=more.pop("actor", self.customer),
            subject=more.pop("subject", "Printer on fire"),
            body=more.pop("body", "It burns."),
            **more,
        )

    def shown(self, ticket: int) -> Any:
        """The ticket as the API shows it."""
        return self.get(f"/api/v2/tickets/{ticket}")["ticket"]

    def audits(self, ticket: int) -> Any:
        """The ticket's audits, oldest first."""
        return self.get(f"/api/v2/tickets/{ticket}/audits")["audits"]

    def fault(self, kind: str, **more: Any) -> None:
        """Sets a fault on the desk."""
        self.ctx.faults.add(Fault(kind, "zendesk", **more))

    def pass_time(self, seconds: float) -> None:
        """Moves the clock and lets happen what fell due."""
        self.ctx.clock.advance(seconds)
        self.app.tick()


@pytest.fixture
def desk() -> Desk:
    """A fresh desk."""
    return Desk()
