"""The Zendesk source and the sandbox, over a real socket: the promises of TicketSource hold together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from syncd.core.model import ActorKind
from syncd.core.ports import TicketSource, TicketWrite
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.faults import Fault
from syncd.sandbox.server import Sandbox
from syncd.sources.credentials import OAuthClient, api_token
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
from syncd.sources.zendesk import Zendesk
from tests.sources.http_fakes import Hidden

START = 1_795_000_020.0
MARK = "5eed" * 8


class Time:
    """The sandbox's clock as the source's."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def monotonic(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


@dataclass
class Desk:
    """A running sandbox with a small help desk, and the source that looks at it."""

    box: Sandbox
    clock: Time
    source: Zendesk
    bot: int
    agent: int
    customer: int
    field: int

    def ticket(self, **more: Any) -> int:
        return int(self.act("create_ticket", actor=self.customer, subject="Printer on fire", body="It burns.", **more))

    def act(self, verb: str, **arguments: Any) -> Any:
        return self.box.act("zendesk", verb, **arguments)

    def fault(self, kind: str, method: str, path: str, **more: Any) -> None:
        self.box.ctx.faults.add(Fault(kind, "zendesk", method, path, **more))

    def asked(self, method: str, path: str = "") -> list[dict[str, Any]]:
        return [e for e in self.box.ctx.journal.entries() if e["method"] == method and path in e["path"]]

    def write(self, ticket: int, **values: Any) -> Any:
        stamp = self.source.read([ticket])[0].updated_at
        return self.source.write(ticket, TicketWrite(**values), stamp=stamp, marker=MARK)


@pytest.fixture
def desk() -> Iterator[Desk]:
    box = Sandbox(clock=SandboxClock(START, frozen=True))
    world = box.zendesk
    group = world.add_group(name="L1")
    bot = world.add_user(name="syncd", email="bot@desk.example", role="admin", groups=[group])
    agent = world.add_user(name="Ben", email="ben@desk.example", role="agent", groups=[group])
    customer = world.add_user(name="Cleo", email="cleo@acme.example")
    field = world.add_ticket_field(title="Bug")
    world.add_custom_status(category="open", agent_label="Escalated")
    world.add_oauth_client(client_id="syncd", secret="s3cret", user=bot)
    clock = Time(box.clock)
    with box:
        client = OAuthClient("syncd", Hidden("s3cret"))
        source = Zendesk(box.zendesk_url, client, clock=clock, sleep=clock.sleep)
        yield Desk(box, clock, source, bot, agent, customer, field)


def test_it_is_a_ticket_source(desk: Desk) -> None:
    source: TicketSource = desk.source
    found = source.identity()
    assert (found.server, found.account_id, found.role) == (desk.box.zendesk_url, str(desk.bot), "admin")
    catalog = source.catalog()
    assert "Escalated" in [status.name for status in catalog.custom_statuses]
    assert desk.field in [field.id for field in catalog.fields]


@pytest.mark.parametrize(
    "credential",
    [
        pytest.param(api_token("bot@desk.example", Hidden("wrong")), id="a wrong API token, answered with 200"),
        pytest.param(OAuthClient("syncd", Hidden("wrong")), id="a wrong client secret"),
        pytest.param(OAuthClient("syncd", Hidden("s3cret"), scope="no:such"), id="a scope that does not exist"),
    ],
)
def test_a_wrong_credential_is_an_auth_error(desk: Desk, credential: Any) -> None:
    with pytest.raises(AuthError):
        Zendesk(desk.box.zendesk_url, credential, clock=desk.clock).identity()


def test_the_list_pages_from_the_newest_change_backwards(desk: Desk) -> None:
    ids = []
    for _ in range(130):
        ids.append(desk.ticket())
        desk.box.clock.advance(1)
    first = desk.source.recently_updated(None)
    second = desk.source.recently_updated(first.cursor)
    seen = [ticket.id for page in (first, second) for ticket in page.tickets]
    assert seen == ids[::-1]
    assert (len(first.tickets), first.end, second.end) == (100, False, True)


def test_the_export_holds_back_a_minute_and_never_loses_a_ticket(desk: Desk) -> None:
    old = [desk.ticket() for _ in range(3)]
    desk.box.advance(100)
    new = desk.ticket()
    page = desk.source.changed(None, datetime.fromtimestamp(START - 10, UTC))
    assert ([t.id for t in page.tickets], page.end) == (old, True)
    desk.box.advance(100)
    later = desk.source.changed(page.cursor, desk.clock.now())
    assert ([t.id for t in later.tickets], later.malformed) == ([new], ())
    assert later.tickets[0].generated > 0


def test_a_start_within_the_last_minute_works(desk: Desk) -> None:
    page = desk.source.changed(None, desk.clock.now())
    assert (page.tickets, page.end) == ((), True)


def test_events_tell_who_did_what(desk: Desk) -> None:
    number = desk.ticket(tags=["vip"])
    desk.box.advance(5)
    desk.write(number, status="hold", note="Linked")
    desk.box.advance(5)
    desk.act("customer_replies", ticket=number, body="Still burning")
    desk.box.advance(100)
    page = desk.source.events(int(START) - 100)
    told = [(e.change.kind, e.change.actor.kind, e.change.public, e.change.marker) for e in page.events]
    assert ("created", ActorKind.CUSTOMER, None, None) in told
    assert ("comment", ActorKind.SELF, False, MARK) in told
    assert ("status", ActorKind.SELF, None, MARK) in told
    assert ("comment", ActorKind.CUSTOMER, True, None) in told
    assert {e.ticket_id for e in page.events} == {number}
    assert page.malformed == ()


def test_a_write_is_applied_marked_internal_and_told_apart_in_history(desk: Desk) -> None:
    number = desk.ticket()
    desk.box.advance(5)
    desk.act("set_status", ticket=number, actor=desk.agent, status="open")
    desk.box.advance(5)
    written = desk.write(number, status="hold", note="Linked to ENG-7", fields={str(desk.field): "ENG-7"})
    assert written.note_public is False
    assert written.ticket.state.category == "hold"
    assert written.ticket.fields == {str(desk.field): "ENG-7"}
    found = desk.source.history(number)
    assert [(c.after, c.actor.kind, c.marker) for c in found if c.kind == "status"] == [
        ("hold", ActorKind.SELF, MARK),
        ("open", ActorKind.AGENT, None),
        ("new", ActorKind.CUSTOMER, None),
    ]
    assert desk.source.read([number]) == (written.ticket,)


def test_a_trigger_that_undoes_our_write_shows_as_a_rule(desk: Desk) -> None:
    number = desk.ticket()
    desk.box.advance(5)
    desk.act("add_trigger", name="Never hold", on_status="hold", set_status="open")
    written = desk.write(number, status="hold")
    kinds = [(c.after, c.actor.kind, c.actor.name) for c in written.changes if c.kind == "status"]
    assert kinds == [("open", ActorKind.RULE, "Never hold"), ("hold", ActorKind.SELF, "syncd")]


def test_a_ticket_that_changed_since_it_was_read_is_not_written(desk: Desk) -> None:
    number = desk.ticket()
    stamp = desk.source.read([number])[0].updated_at
    desk.box.advance(5)
    desk.act("set_priority", ticket=number, actor=desk.agent, priority="high")
    with pytest.raises(PreconditionError):
        desk.source.write(number, TicketWrite(status="hold"), stamp=stamp, marker=MARK)
    with pytest.raises(PreconditionError):
        desk.source.remove_tag(number, "vip", stamp=stamp)


def test_a_closed_ticket_refuses_for_good(desk: Desk) -> None:
    number = desk.ticket()
    desk.act("set_status", ticket=number, actor=desk.agent, status="closed")
    with pytest.raises(RefusedError) as caught:
        desk.write(number, note="late")
    assert (caught.value.status, list(caught.value.fields)) == (422, ["status"])


def test_a_deleted_ticket_is_gone_everywhere(desk: Desk) -> None:
    number, other = desk.ticket(), desk.ticket()
    stamp = desk.source.read([number])[0].updated_at
    desk.act("delete_ticket", ticket=number, actor=desk.agent)
    assert [(t.id, t.is_gone) for t in desk.source.read([number, other])] == [(number, True), (other, False)]
    with pytest.raises(NotFoundError):
        desk.source.write(number, TicketWrite(note="x"), stamp=stamp, marker=MARK)
    desk.box.advance(100)
    exported = desk.source.changed(None, datetime.fromtimestamp(START - 10, UTC))
    assert {t.id: t.is_gone for t in exported.tickets} == {number: True, other: False}


@pytest.mark.parametrize("names_target", [True, False], ids=["named in via", "named in the comment only"])
def test_a_merged_ticket_tells_where_it_went(desk: Desk, names_target: bool) -> None:
    desk.box.zendesk.switches["merge_source_names_target"] = names_target
    source, target = desk.ticket(), desk.ticket()
    desk.box.advance(5)
    desk.act("merge", target=target, source=source, actor=desk.agent)
    assert desk.source.merge_target(source) == target
    assert desk.source.merge_target(target) is None
    assert "closed_by_merge" in desk.source.read([source])[0].tags


def test_a_tag_is_taken_off_and_a_comment_hidden(desk: Desk) -> None:
    number = desk.ticket(tags=["bug", "vip"])
    desk.box.advance(5)
    comment = desk.act("agent_replies", ticket=number, actor=desk.agent, body="oops", public=True)
    desk.source.remove_tag(number, "bug", stamp=desk.source.read([number])[0].updated_at)
    assert desk.source.read([number])[0].tags == ("vip",)
    desk.source.make_private(number, comment)
    newest = next(c for c in desk.source.history(number) if c.comment_id == comment and c.kind == "comment")
    assert newest.actor.kind is ActorKind.AGENT


# ---- faults ----------------------------------------------------------------------------------------------------

UNANSWERED = ["drop_before", "drop_after", "torn", "bad_json", "empty"]


@pytest.mark.parametrize("kind", UNANSWERED)
def test_a_write_that_lost_its_answer_reached_the_server_once(desk: Desk, kind: str) -> None:
    number = desk.ticket()
    desk.source.identity()
    desk.fault(kind, "PUT", r"/tickets/\d+$")
    with pytest.raises((UnknownError, InvalidResponseError)):
        desk.write(number, note="once")
    assert len(desk.asked("PUT")) == 1
    marks = [change.marker for change in desk.source.history(number) if change.kind == "comment"]
    assert marks.count(MARK) == (0 if kind == "drop_before" else 1)


@pytest.mark.parametrize("kind", ["drop_before", "torn"])
def test_a_read_that_lost_its_answer_is_asked_again(desk: Desk, kind: str) -> None:
    number = desk.ticket()
    desk.source.identity()
    desk.fault(kind, "GET", r"/tickets/\d+$", times=2)
    assert desk.source.read([number])[0].visible
    assert len(desk.asked("GET", f"/tickets/{number}")) == 3


@pytest.mark.parametrize(
    ("status", "expected"), [(500, UnknownError), (503, UnknownError), (520, UnknownError), (429, TransientError)]
)
def test_a_write_that_failed_after_it_was_applied(desk: Desk, status: int, expected: type[SourceError]) -> None:
    number = desk.ticket()
    desk.source.identity()
    desk.fault("status_after", "PUT", r"/tickets/\d+$", args={"status": status})
    with pytest.raises(expected):
        desk.write(number, note="once")
    assert len(desk.asked("PUT")) == 1


def test_a_login_page_is_no_answer(desk: Desk) -> None:
    desk.source.identity()
    desk.fault("html", "GET", "/tickets$")
    with pytest.raises(InvalidResponseError):
        desk.source.recently_updated(None)


@pytest.mark.parametrize(
    ("kind", "wait"),
    [("retry_after_date", 60.0), ("retry_after_zero", 1.0), ("retry_after_max", 60.0)],
)
def test_a_429_is_believed_within_reason_and_nothing_is_sent_meanwhile(desk: Desk, kind: str, wait: float) -> None:
    desk.source.identity()
    desk.fault(kind, "GET", "/tickets$")
    with pytest.raises(TransientError) as caught:
        desk.source.recently_updated(None)
    assert caught.value.retry_after == wait
    assert desk.source.wait_for("list") == wait
    refused_at = desk.box.clock.now()
    if wait > 2:
        # A second is waited out within the call; a minute is the caller's to plan.
        with pytest.raises(TransientError, match="not sent"):
            desk.source.recently_updated(None)
        desk.box.clock.advance(wait)
    assert desk.source.recently_updated(None).end
    assert [entry["at"] - refused_at for entry in desk.asked("GET", "/tickets")] == [0.0, wait]


def test_a_source_that_asks_first_never_meets_the_export_limit(desk: Desk) -> None:
    waited = 0.0
    for _ in range(40):
        pause = desk.source.wait_for("export")
        desk.box.clock.advance(pause)
        waited += pause
        desk.source.changed(None, datetime.fromtimestamp(START - 1000, UTC))
    assert [entry["status"] for entry in desk.asked("GET", "/incremental/")] == [200] * 40
    assert waited >= 120


@pytest.mark.parametrize("dialect", ["2023", "2024"])
def test_a_source_that_asks_first_never_meets_the_limit_on_updates(desk: Desk, dialect: str) -> None:
    desk.box.zendesk.switches["header_dialect"] = dialect
    desk.box.zendesk.switches["tickets_update_limit"] = 20
    numbers = [desk.ticket() for _ in range(45)]
    for number in numbers:
        desk.box.clock.advance(desk.source.wait_for("update"))
        desk.write(number, note="x")
    assert [entry["status"] for entry in desk.asked("PUT")] == [200] * 45


def test_a_token_that_ends_is_replaced_without_a_failure(desk: Desk) -> None:
    number = desk.ticket()
    desk.source.identity()
    desk.box.advance(1795)
    desk.write(number, note="late")
    assert [entry["status"] for entry in desk.asked("POST", "/oauth/tokens")] == [200, 200]
    assert 401 not in [entry["status"] for entry in desk.box.ctx.journal.entries()]


def test_a_token_that_is_revoked_early_is_replaced_and_the_write_sent_again(desk: Desk) -> None:
    number = desk.ticket()
    stamp = desk.source.read([number])[0].updated_at
    desk.source.identity()
    desk.act("expire_tokens")
    desk.source.write(number, TicketWrite(note="again"), stamp=stamp, marker=MARK)
    assert [entry["status"] for entry in desk.asked("PUT")] == [401, 200]
    marks = [change.marker for change in desk.source.history(number) if change.kind == "comment"]
    assert marks.count(MARK) == 1


def test_a_suspended_account_does_not_make_tickets_gone(desk: Desk) -> None:
    number = desk.ticket()
    desk.source.identity()
    desk.act("edit_user", user=desk.bot, suspended=True)
    with pytest.raises(AuthError):
        desk.source.read([number])
    with pytest.raises(AuthError):
        desk.source.read([number, number + 1])


def test_no_secret_reaches_the_journal_of_calls_or_an_address(desk: Desk) -> None:
    desk.source.identity()
    desk.source.recently_updated(None)
    assert "s3cret" not in repr(desk.box.ctx.journal.entries())
    assert all(entry["user_agent"].startswith("syncd/") for entry in desk.box.ctx.journal.entries())
