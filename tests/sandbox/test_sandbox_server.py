"""The whole sandbox: real sockets, the control API, the seed, and the real zenpy client against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Ticket
from zenpy.lib.exception import APIException

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.inprocess import WsgiAdapter
from syncd.sandbox.seed import Seeded, seed
from syncd.sandbox.server import Sandbox

START = 1_795_000_000


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox on loopback ports whose clock stands still."""
    box = Sandbox(clock=SandboxClock(START, frozen=True))
    with box:
        yield box


@pytest.fixture
def seeded(sandbox: Sandbox) -> Seeded:
    """The same with its support desk."""
    return seed(sandbox)


def bearer(seeded: Seeded) -> str:
    asked = {
        "grant_type": "client_credentials",
        "client_id": seeded.client_id,
        "client_secret": seeded.client_secret,
        "scope": "read write",
    }
    reply = requests.post(f"{seeded.zendesk_url}/oauth/tokens", json=asked, timeout=5)
    return str(reply.json()["access_token"])


@pytest.fixture
def zenpy(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> Zenpy:
    """A real client with a session of its own that repeats nothing."""
    monkeypatch.setenv("ZENPY_FORCE_NETLOC", seeded.zendesk_url.removeprefix("http://"))
    monkeypatch.setenv("ZENPY_FORCE_SCHEME", "http")
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=0))
    session.headers["Authorization"] = f"Bearer {bearer(seeded)}"
    session.authorized = True  # type: ignore[attr-defined] # zenpy asks for it
    return Zenpy(subdomain="helpdesk", session=session, disable_cache=True)


def test_zenpy_knows_itself_and_reads_tickets_users_and_audits(zenpy: Any, seeded: Seeded) -> None:
    assert zenpy.users.me().id == seeded.bot
    ticket = zenpy.tickets(id=seeded.tickets[0])
    assert ticket.subject == "Export stops at 99 percent"
    assert ticket.requester.email == "ines@aurora.example"
    assert next(iter(zenpy.tickets.audits(ticket=ticket.id))).events[0]["type"] == "Comment"
    assert {group.name for group in zenpy.groups()} == set(seeded.groups)
    assert len(list(zenpy.tickets())) == len(seeded.tickets)


def test_zenpy_writes_what_our_reads_then_find(zenpy: Any, seeded: Seeded) -> None:
    ticket = Ticket(id=seeded.tickets[4])
    ticket.custom_status_id = seeded.statuses["Escalated"]
    ticket.comment = Comment(body="Linked to NOVA-4", public=False)
    ticket.metadata = {"syncd_op": "m-7"}
    ticket.safe_update = True
    ticket.updated_stamp = zenpy.tickets(id=ticket.id).updated_at
    answer = zenpy.tickets.update(ticket)
    assert answer.audit.metadata.custom == {"syncd_op": "m-7"}
    page = zenpy.tickets._get(
        f"{seeded.zendesk_url}/api/v2/tickets/{ticket.id}/audits.json?page[size]=1&sort=-created_at",
        raw_response=True,
    ).json()
    assert page["audits"][0]["metadata"]["custom"] == {"syncd_op": "m-7"}
    stale = Ticket(id=ticket.id, priority="low")
    stale.safe_update = True
    stale.updated_stamp = "2001-01-01T00:00:00Z"
    with pytest.raises(APIException) as refused:
        zenpy.tickets.update(stale)
    assert refused.value.response.status_code == 409


def test_zenpy_uploads_searches_jobs_and_the_incremental_export(zenpy: Any, seeded: Seeded, tmp_path: Any) -> None:
    file = tmp_path / "trace.log"
    file.write_text("line")
    upload = zenpy.attachments.upload(str(file))
    assert upload.token
    job = zenpy.tickets.update([Ticket(id=key, priority="high") for key in seeded.tickets[:2]])
    assert zenpy.job_status(id=job.id).status == "completed"
    assert len(list(zenpy.search(type="ticket", status="solved"))) == 1
    found = {ticket.id for ticket in zenpy.tickets.incremental(start_time=1)}
    assert found == set(seeded.tickets) - set(seeded.tickets[:2])


def test_the_clock_is_set_and_advanced_from_outside(sandbox: Sandbox) -> None:
    url = f"{sandbox.control_url}/clock"
    assert requests.get(url, timeout=5).json() == {"now": START, "rate": 1.0}
    assert requests.post(url, json={"advance": 90}, timeout=5).json()["now"] == START + 90
    assert requests.post(url, json={"set": 5, "rate": 60}, timeout=5).json() == {"now": 5, "rate": 60}
    assert requests.post(url, json={"jump": 5}, timeout=5).status_code == 400


def test_people_act_from_outside_and_the_state_shows_it(sandbox: Sandbox, seeded: Seeded) -> None:
    def act(path: str, **arguments: Any) -> requests.Response:
        return requests.post(f"{sandbox.control_url}/act/{path}", json=arguments, timeout=5)

    ticket = seeded.tickets[1]
    assert act("zendesk/customer_replies", ticket=ticket, body="hello?").json() == {"result": ticket}
    state = requests.get(f"{sandbox.control_url}/state/tickets/{ticket}", timeout=5).json()
    assert (state["status"], state["comments"][-1]["body"]) == ("open", "hello?")
    developer = seeded.developers["Hana Sato"]
    issue = seeded.issues[1]
    assert act("jira/transition", actor=developer, key=issue, to="In Progress").status_code == 200
    assert requests.get(f"{sandbox.control_url}/state/issues/{issue}", timeout=5).json()["status"] == "In Progress"
    assert act("zendesk/solve", ticket=ticket).status_code == 400
    assert act("zendesk/state").status_code == 404
    assert act("elsewhere/solve").status_code == 404
    assert requests.get(f"{sandbox.control_url}/state/tickets/999", timeout=5).status_code == 404
    assert set(requests.get(f"{sandbox.control_url}/state", timeout=5).json()) == {"now", "zendesk", "jira"}


def test_faults_switches_and_the_journal_are_at_hand_from_outside(sandbox: Sandbox, seeded: Seeded) -> None:
    control = sandbox.control_url
    token = {"Authorization": f"Bearer {bearer(seeded)}"}
    fault = {"kind": "status", "service": "zendesk", "args": {"status": 503, "headers": {"Retry-After": "7"}}}
    assert requests.post(f"{control}/faults", json=fault, timeout=5).json() == {"id": 1}
    struck = requests.get(f"{seeded.zendesk_url}/api/v2/tickets/count", headers=token, timeout=5)
    assert (struck.status_code, struck.headers["Retry-After"]) == (503, "7")
    assert requests.get(f"{control}/faults", timeout=5).json() == {"fired": {"status": 1}, "pending": 0}
    assert requests.post(f"{control}/faults", json={"kind": "x", "what": 1}, timeout=5).status_code == 400
    assert requests.delete(f"{control}/faults", timeout=5).json() == {"cleared": True}
    entries = requests.get(f"{control}/journal?since=1", timeout=5).json()["entries"]
    assert [entry["path"] for entry in entries] == ["/api/v2/tickets/count"]
    switches = requests.put(f"{control}/switches", json={"zendesk": {"account_limit": 5}}, timeout=5).json()
    assert switches["zendesk"]["account_limit"] == 5
    switches = requests.put(f"{control}/switches", json={"search_lag_seconds": 9}, timeout=5).json()
    assert [switches[service]["search_lag_seconds"] for service in ("zendesk", "jira")] == [9, 9]
    assert requests.put(f"{control}/switches", json={"zendesk": {"nope": 1}}, timeout=5).status_code == 400


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "torn"])
def test_a_dropped_connection_is_closed_on_a_real_socket_too(sandbox: Sandbox, seeded: Seeded, kind: str) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {bearer(seeded)}"
    url = f"{seeded.zendesk_url}/api/v2/tickets"
    assert session.get(url, timeout=5).status_code == 200
    requests.post(f"{sandbox.control_url}/faults", json={"kind": kind, "service": "zendesk"}, timeout=5)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        session.get(url, timeout=5)
    assert session.get(url, timeout=5).status_code == 200


def test_the_sandbox_serves_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        Sandbox().start(host="0.0.0.0")  # noqa: S104 - it must be refused


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_the_seed_makes_the_same_desk_each_time_and_leaves_the_clock_where_it_was(deployment: Any) -> None:
    boxes = [Sandbox(deployment=deployment, clock=SandboxClock(START, frozen=True)) for _ in range(2)]
    first, second = (seed(box) for box in boxes)
    assert first == second
    assert boxes[0].state() == boxes[1].state()
    assert boxes[0].clock.now() == START
    assert len(first.tickets) == len(first.issues) == 12
    tickets = boxes[0].state()["zendesk"]["tickets"]
    assert {tickets[str(key)]["fields"][first.bug_field] for key in first.pairs} == set(first.pairs.values())
    assert {ticket["status"] for ticket in tickets.values()} >= {"new", "open", "pending", "hold", "solved"}
    statuses = {boxes[0].jira.issue_state(key)["status"] for key in first.issues}
    assert statuses >= {
        "To Do",
        "In Progress",
        "In Review",
        "Done",
    }


def test_the_seeded_accounts_may_what_their_roles_say() -> None:
    box = Sandbox(clock=SandboxClock(START, frozen=True))
    made = seed(box)
    session = WsgiAdapter(box.apps()).mount_on(requests.Session())
    session.auth = (f"{made.writer_email}/token", made.writer_api_token)
    url = f"{box.zendesk_url}/api/v2/tickets/{made.tickets[0]}"
    note = {"ticket": {"comment": {"body": "n", "public": False}}}
    loud = {"ticket": {"comment": {"body": "n", "public": True}}}
    assert session.put(url, json=note).status_code == 200
    assert session.put(url, json=loud).status_code == 403
    session.auth = None
    asked = {
        "grant_type": "client_credentials",
        "client_id": made.reader_client_id,
        "client_secret": made.reader_client_secret,
        "scope": "read",
    }
    token = session.post(f"{box.zendesk_url}/oauth/tokens", json=asked).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    export = f"{box.zendesk_url}/api/v2/incremental/tickets/cursor?start_time=1"
    assert len(session.get(export).json()["tickets"]) == len(made.tickets) - 1  # the note is too fresh
    assert session.put(url, json=note).status_code == 403
    asked["scope"] = "read write"
    session.headers.pop("Authorization")
    assert session.post(f"{box.zendesk_url}/oauth/tokens", json=asked).json()["error"] == "invalid_scope"
