"""What a cycle costs, counted by the servers and by the database: nothing that grows with what is merely stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from syncd.core.model import Origin
from syncd.core.subjects import ticket_subject
from tests.scenarios.lab import MIRROR, NOVA, OPS, Deployment, Lab


def calls(lab: Lab, entries: list[dict[str, Any]]) -> list[str]:
    """`GET zendesk /api/v2/tickets` for every call, tokens apart."""
    return [f"{e['method']} {e['service']} {e['path']}" for e in entries if "/oauth/" not in e["path"]]


def quiet_fast_pass(lab: Lab) -> list[str]:
    """The calls of one cycle in which nothing is due but the fast pass."""
    lab.cycle(complete=True)
    lab.cycle(3, seconds=1)
    return calls(lab, lab.during(lambda: lab.cycle(seconds=1)))


def test_a_quiet_fast_pass_is_one_call_to_each_side(lab: Lab) -> None:
    lab.link(lab.ticket("open"), lab.bug())
    lab.settle()
    assert len(quiet_fast_pass(lab)) == 2


class Five(Lab):
    """Three projects more."""

    def prepare(self) -> None:
        for n in range(3):
            self.sandbox.jira.add_project(f"P{n}X", f"Project {n}", "simple")


def test_five_projects_cost_no_more_than_one(tmp_path: Path, deployment: Deployment) -> None:
    more = "".join(f"  - {{name: r{n}, project: P{n}X, mapping: simple, mirror: {MIRROR}}}\n" for n in range(3))
    lab = Five(tmp_path, deployment, routes=NOVA + OPS + more)
    assert lab.app.engine.routes.stopped == {}
    for project in ("NOVA", "OPS", "P0X", "P1X", "P2X"):
        lab.link(lab.ticket("open"), lab.bug(project=project))
    lab.settle()
    assert len(quiet_fast_pass(lab)) == 2


def test_a_quiet_cycle_writes_nothing_remote(lab: Lab) -> None:
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    entries = lab.during(lambda: lab.cycle(20))
    reads = ("/search", "/bulkfetch", "/workflows", "/oauth/")
    assert [e for e in entries if e["method"] != "GET" and not any(r in e["path"] for r in reads)] == []


def test_the_passes_are_counted_apart(lab: Lab) -> None:
    lab.link(lab.ticket("open"), lab.bug())
    lab.settle()
    report = lab.cycle(complete=True)
    purposes = {key.split(".")[1] for key in report.calls}
    assert {"fast", "complete", "census", "identity"} <= purposes


def _statements(lab: Lab) -> list[str]:
    found: list[str] = []

    @event.listens_for(lab.app.store._reader, "before_cursor_execute")
    @event.listens_for(lab.app.store._engine, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    return found


@pytest.mark.parametrize("deployment", ["cloud"])
def test_a_cycle_with_three_changes_costs_the_same_with_10_and_with_10000_links(
    tmp_path: Path, deployment: Deployment
) -> None:
    few, many = (_cost_of_three_changes(tmp_path / str(stored), deployment, stored) for stored in (10, 10_000))
    assert few == many


def _cost_of_three_changes(folder: Path, deployment: Deployment, stored: int) -> tuple[int, int]:
    """(API calls, statements) of the cycle that carries three fixed bugs."""
    lab = Lab(folder, deployment)
    pairs = [(lab.ticket("open"), lab.bug()) for _ in range(3)]
    for ticket, key in pairs:
        lab.link(ticket, key)
    lab.settle()
    _store_links(lab, stored)
    lab.cycle(complete=True)
    lab.cycle(2, seconds=1)
    for _, key in pairs:
        lab.moves(key, "Done", "Fixed")
    statements = _statements(lab)
    made = calls(lab, lab.during(lambda: lab.cycle(seconds=1)))
    assert {lab.status(ticket) for ticket, _ in pairs} == {"open"}
    return len(made), len(statements)


def _store_links(lab: Lab, count: int) -> None:
    """Links whose sides nobody touches: they are only stored."""
    now = lab.clock.now()
    with lab.app.store.transaction() as tx:
        for n in range(count):
            tx.add_link(1_000_000 + n, str(9_000_000 + n), f"NOVA-{900_000 + n}", "novabrain", Origin.ADOPTED, now)


def test_planning_reads_only_the_links_that_hang_together(lab: Lab) -> None:
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    _store_links(lab, 200)
    with lab.app.store.transaction() as tx:
        tx.touch([ticket_subject(ticket)], lab.clock.now())
    report = lab.cycle(seconds=1)
    assert report.links_waiting == 0


SPEAKING = "{to_bug: all, to_customer: {prefix: '#customer', accounts: [712020:nobody]}}"


def _remark(lab: Lab, ticket: int, key: str) -> None:
    del ticket
    lab.sandbox.jira.comment(lab.developer, key, "a remark")


def _answer(lab: Lab, ticket: int, key: str) -> None:
    del key
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="a note", public=False)


def _for_customer(lab: Lab, ticket: int, key: str) -> None:
    del ticket
    lab.sandbox.jira.comment(lab.developer, key, "#customer It is fixed.")


def _file(lab: Lab, ticket: int, key: str) -> None:
    del ticket
    lab.sandbox.jira.attach(lab.developer, key, "a.log", b"log")


# Beside the two calls of every fast pass. In brackets what the change itself asks for.
COSTS = {
    # [issue, its comments] ticket, audits, PUT; the ticket changed: its comments
    "a developer's comment": (_remark, 6),
    # [the ticket's comments] the bug's comments, POST, the mark read back, issue; the issue changed: its comments
    "an agent's comment": (_answer, 6),
    # as a developer's, and the comment and its mark once more before it is said
    "a comment for the customer": (_for_customer, 8),
    # as a developer's comment, and the list of files, the ticket's comments, the file itself, the upload
    "a file that no comment names": (_file, 10),
}


@pytest.mark.parametrize(("happens", "count"), [pytest.param(*row, id=name) for name, row in COSTS.items()])
def test_what_is_carried_costs_so_many_calls(
    tmp_path: Path, deployment: Deployment, happens: Callable[[Lab, int, str], None], count: int
) -> None:
    account = Lab(tmp_path / "first", deployment).developer
    comments = SPEAKING.replace("712020:nobody", f"'{account}'")
    route = f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}, comments: {comments}}}\n"
    lab = Lab(tmp_path, deployment, routes=route)
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    lab.cycle(complete=True)
    lab.cycle(2, seconds=1)
    happens(lab, ticket, key)
    assert len(calls(lab, lab.during(lambda: lab.cycle(seconds=1)))) == 2 + count
    once_more = [call for call in calls(lab, lab.during(lambda: lab.cycle(seconds=1))) if "/tickets/1/comments" in call]
    assert len(once_more) <= 1  # when the second of the ticket's stamp is over
    assert len(calls(lab, lab.during(lambda: lab.cycle(seconds=1)))) == 2
