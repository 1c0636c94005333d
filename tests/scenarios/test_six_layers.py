"""Six layers keep what is internal from customers. Each is shown here to hold alone, the five others left out.

What leaks is always the same: a developer's internal words on their way to a ticket whose comments are public by
default, in Zendesk as the sandbox has it. What is judged is what the customer could read in the end. The tests put
production objects together without the other layers; `Careless` stands in for the writing half of a client that got
everything wrong.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.app.build import zendesk_credential
from syncd.config.secret import Secret
from syncd.core.comment_actions import CommentToTicket
from syncd.core.comment_model import BugTalkPage, CommentPolicy, Raising
from syncd.core.comments_to_ticket import plan_to_ticket
from syncd.core.model import Link, Origin, TicketChange, TicketSnapshot, Visibility
from syncd.core.ports import TicketSource, TicketWrite, TicketWritten
from syncd.cycle.comment_audit import CommentAudit
from syncd.cycle.settings import CycleReport, Routes
from syncd.executor.notes import NoteWriter
from syncd.executor.outcome import Done
from syncd.executor.raising import Raiser
from syncd.sandbox.inprocess import WsgiAdapter
from syncd.sandbox.seed import WRITER_API_TOKEN, WRITER_EMAIL
from syncd.sandbox.server import ZENDESK_TEST_URL
from syncd.sources.credentials import Credential, api_token
from syncd.sources.errors import SourceError
from syncd.sources.http import Session
from syncd.sources.wire_guard import WireGuard, WireGuardError
from syncd.sources.zendesk_calls import Calls
from syncd.sources.zendesk_write import spoken_object, ticket_object
from tests.scenarios.lab import Deployment, Lab

SECRET = "internal words"
MARK = "d" * 32


class Scene(Lab):
    """A ticket that speaks in public by default, and a bug with a developer's comment; nothing runs by itself."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        super().__init__(folder, deployment)
        self.number = self.ticket()
        self.key = self.bug()
        self.remark = self.sandbox.jira.comment(self.developer, self.key, f"#customer {SECRET}")

    @property
    def leaked(self) -> bool:
        """The customer can read it."""
        comments = self.sandbox.zendesk.store.ticket(self.number).comments
        return any(c.public and SECRET in c.body for c in comments)

    @property
    def arrived(self) -> bool:
        """It is on the ticket at all."""
        return any(SECRET in c.body for c in self.sandbox.zendesk.store.ticket(self.number).comments)

    def bare(self, credential: Credential | None = None, guard: WireGuard | None = None) -> Calls:
        """Calls to Zendesk without a wire guard, or with one, as this account (our own, which may do everything)."""
        adapter = WsgiAdapter({"http://127.0.0.1:1": self.sandbox.apps()[ZENDESK_TEST_URL]})
        session = Session(
            "http://127.0.0.1:1",
            service="Zendesk",
            clock=self.clock,
            credential=credential or zendesk_credential(self.app.loaded.config.zendesk.auth),
            adapter=adapter,
            before_send=(guard,) if guard is not None else (),
        )
        return Calls(session)

    def stamp(self) -> datetime:
        """The ticket's last change."""
        return self.app.zendesk.read([self.number])[0].updated_at

    def action(self, **changes: Any) -> CommentToTicket:
        """What a planner without any policy would ask for: the developer's words in public."""
        issue = self.issue(self.key)
        values = CommentToTicket(
            ticket_id=self.number,
            source=f"jira:{self.remark}",
            reason="a developer commented",
            issue_id=str(issue["id"]),
            issue_key=self.key,
            comment_id=str(self.remark),
            said_at=self.clock.now(),
            version=1,
            digest="",
            html=f"<p>{SECRET}</p>",
            placeholder="<p>refused</p>",
            visibility=Visibility.CUSTOMER,
            public_html=f"<p>{SECRET}</p>",
            route="novabrain",
        )
        return replace(values, **changes)


@pytest.fixture
def scene(tmp_path: Path, deployment: Deployment) -> Scene:
    return Scene(tmp_path, deployment)


def say_in_public(scene: Scene, calls: Calls) -> None:
    """A mistake: the words leave in public."""
    calls.update_ticket(spoken_object(scene.number, f"<p>{SECRET}</p>", (), scene.stamp(), MARK))


class Careless:
    """A TicketSource and the writing half of a TicketTalk that publishes every note, whatever it is asked; all else is
    the production client's."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._zendesk = scene.app.zendesk

    def write(self, ticket_id: int, write: TicketWrite, *, stamp: datetime, marker: str) -> TicketWritten:
        """Says it in public."""
        return self.say(ticket_id, write.html or write.note or "", (), stamp=stamp, marker=marker)

    def say(self, ticket_id: int, html: str, uploads: Sequence[str], *, stamp: datetime, marker: str) -> TicketWritten:
        """Says it in public, without asking anybody."""
        self._scene.bare().update_ticket(spoken_object(ticket_id, html, uploads, stamp, marker))
        ours = [change for change in self.history(ticket_id) if change.marker == marker]
        return TicketWritten(
            self.read([ticket_id])[0], tuple(ours), next(c.public for c in ours if c.kind == "comment")
        )

    def read(self, ids: Sequence[int]) -> tuple[TicketSnapshot, ...]:
        """As the client."""
        return self._zendesk.read(ids)

    def history(self, ticket_id: int) -> tuple[TicketChange, ...]:
        """As the client."""
        return self._zendesk.history(ticket_id)

    def make_private(self, ticket_id: int, comment_id: int) -> None:
        """As the client."""
        self._zendesk.make_private(ticket_id, comment_id)


def test_without_any_layer_the_words_leak(scene: Scene) -> None:
    say_in_public(scene, scene.bare())
    assert scene.leaked


def test_layer_1_alone_the_write_call_says_that_a_note_is_internal(scene: Scene) -> None:
    write = TicketWrite(note="a note", html=f"<p>{SECRET}</p>")
    scene.bare().update_ticket(ticket_object(scene.number, write, scene.stamp(), MARK))
    assert (scene.arrived, scene.leaked) == (True, False)


def test_layer_1_is_what_keeps_it_as_zendesk_itself_would_publish_a_note_that_does_not_say(scene: Scene) -> None:
    asked = ticket_object(scene.number, TicketWrite(note=SECRET), scene.stamp(), MARK).to_dict(serialize=True)
    del asked["comment"]["public"]
    scene.bare().send("PUT", f"tickets/{scene.number}", {"ticket": asked})
    assert scene.leaked


def test_layer_2_alone_the_policy_lowers_whatever_the_source_is(scene: Scene) -> None:
    jira = scene.app.jira
    (issue,), (ticket,) = jira.read([scene.key]), scene.app.zendesk.read([scene.number])
    link = Link(1, scene.number, issue.id, scene.key, "novabrain", Origin.MANUAL, ticket.created_at)
    page = jira.talk.comments(issue.id, None)
    for policy in (CommentPolicy(), CommentPolicy(raising=Raising("#customer", accounts=("somebody-else",)))):
        for action in plan_to_ticket(link, ticket, issue, page, {}, policy, browse_url="https://j.example"):
            assert isinstance(action, CommentToTicket)
            # Whoever writes does as told, and nobody else looks.
            if action.visibility is Visibility.CUSTOMER:
                say_in_public(scene, scene.bare())
            else:
                write = {"comment": {"html_body": action.html, "public": False}}
                scene.bare().send("PUT", f"tickets/{scene.number}", {"ticket": write})
    assert (scene.arrived, scene.leaked) == (True, False)


def test_layer_2_says_customer_only_for_the_opt_in_and_the_act_together(scene: Scene) -> None:
    jira = scene.app.jira
    (issue,), (ticket,) = jira.read([scene.key]), scene.app.zendesk.read([scene.number])
    link = Link(1, scene.number, issue.id, scene.key, "novabrain", Origin.MANUAL, ticket.created_at)
    page: BugTalkPage = jira.talk.comments(issue.id, None)
    both = CommentPolicy(raising=Raising("#customer", accounts=(scene.developer,)))
    for policy, speakers, wanted in (
        (both, {scene.developer}, Visibility.CUSTOMER),
        (both, set(), Visibility.INTERNAL),
        (CommentPolicy(), {scene.developer}, Visibility.INTERNAL),
    ):
        (action,) = plan_to_ticket(
            link, ticket, issue, page, {}, policy, browse_url="https://j.example", speakers=speakers
        )
        assert isinstance(action, CommentToTicket)
        assert action.visibility is wanted


def test_layer_3_alone_the_wire_guard_lets_no_public_comment_leave_without_a_grant(scene: Scene) -> None:
    with pytest.raises(WireGuardError):
        say_in_public(scene, scene.bare(guard=WireGuard()))
    assert not scene.arrived


def test_layer_3_a_grant_for_another_text_does_not_help(scene: Scene) -> None:
    from_before = {(MARK, scene.number, "0" * 64)}
    guard = WireGuard(lambda marker, ticket_id, digest: (marker, ticket_id, digest) in from_before)
    with pytest.raises(WireGuardError):
        say_in_public(scene, scene.bare(guard=guard))
    assert not scene.arrived


def test_layer_4_alone_what_is_stored_as_public_is_made_private_and_reported(scene: Scene) -> None:
    careless: Any = Careless(scene)
    jira = scene.app.jira
    raiser = Raiser(scene.app.store, jira.talk, dict)
    writer = NoteWriter(scene.app.store, careless, jira, careless, jira.talk, raiser)
    action = scene.action(visibility=Visibility.INTERNAL, public_html="")
    outcome = writer.write(action, MARK, scene.clock.now(), lambda: None)
    assert isinstance(outcome, Done)
    assert "made private" in (outcome.incident or "")
    assert (scene.arrived, scene.leaked) == (True, False)


def test_layer_4_a_plan_that_says_customer_is_judged_again_before_it_is_believed(scene: Scene) -> None:
    careless: Any = Careless(scene)
    jira = scene.app.jira
    policies = {"novabrain": CommentPolicy(raising=Raising("#customer", accounts=("somebody-else",)))}
    raiser = Raiser(scene.app.store, jira.talk, lambda: policies)
    writer = NoteWriter(scene.app.store, careless, jira, careless, jira.talk, raiser)
    outcome = writer.write(scene.action(), MARK, scene.clock.now(), lambda: None)
    assert isinstance(outcome, Done)
    assert not scene.leaked


@pytest.mark.parametrize("policy", ["coerce", "422", "403"])
def test_layer_5_alone_an_account_that_may_write_private_comments_only_cannot_leak(scene: Scene, policy: str) -> None:
    scene.sandbox.zendesk.switches["public_comment_refused"] = policy
    secret = Secret(env="TOKEN", environ={"TOKEN": WRITER_API_TOKEN})
    calls = scene.bare(api_token(WRITER_EMAIL, secret))
    with contextlib.suppress(SourceError):
        say_in_public(scene, calls)
    assert scene.arrived is (policy == "coerce")
    assert not scene.leaked


def test_layer_5_tells_which_account_that_is(scene: Scene) -> None:
    assert scene.app.zendesk.identity().can_comment_publicly is True
    scene.sandbox.zendesk.edit_user(user=scene.seeded.bot, only_private_comments=True)
    assert scene.app.zendesk.identity().can_comment_publicly is False


def audited(scene: Scene, zendesk: TicketSource) -> CycleReport:
    """The nightly look, by itself."""
    store, now = scene.app.store, scene.clock.now()
    with store.transaction() as tx:
        tx.audit(now, None, "comment_to_ticket", f"ticket:{scene.number}", "a comment was carried", "done", {})
    report = CycleReport()
    CommentAudit(store, zendesk, scene.app.zendesk.talk, lambda: now).run(Routes(), report)
    return report


def test_layer_6_alone_the_nightly_look_makes_private_what_leaked(scene: Scene) -> None:
    say_in_public(scene, scene.bare())
    assert scene.leaked
    report = audited(scene, scene.app.zendesk)
    assert (scene.arrived, scene.leaked) == (True, False)
    assert "made private" in report.warnings[0]


def test_layer_6_leaves_what_people_say(scene: Scene) -> None:
    scene.sandbox.zendesk.agent_replies(ticket=scene.number, actor=scene.agent, body=SECRET)
    assert audited(scene, scene.app.zendesk).warnings == []
    assert scene.leaked
