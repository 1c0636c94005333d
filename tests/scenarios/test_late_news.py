"""What happens between a plan and its write, or beside the bug that a ticket follows, on both deployments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from syncd.core.actions import RemoveTag, marker_of
from syncd.core.subjects import issue_subject
from syncd.cycle import CycleReport
from syncd.sandbox.faults import Fault
from syncd.sources.http import Session
from tests.scenarios.lab import Deployment, Lab
from tests.scenarios.test_fields import route


class Meanwhile(BaseAdapter):
    """Lets something happen once, right before the first such request reaches the server."""

    def __init__(
        self, inner: BaseAdapter, happens: Callable[[], object], when: Callable[[PreparedRequest], bool]
    ) -> None:
        super().__init__()
        self._inner = inner
        self._happens: Callable[[], object] | None = happens
        self._when = when

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        if self._happens is not None and self._when(request):
            happens, self._happens = self._happens, None
            happens()
        return self._inner.send(request, *args, **kwargs)

    def close(self) -> None:
        self._inner.close()


def meanwhile(lab: Lab, happens: Callable[[], object]) -> None:
    """Before syncd's next update of a ticket."""
    _mount(lab.app.zendesk._writer.session, happens, lambda request: request.method == "PUT")


def _mount(session: Session, happens: Callable[[], object], when: Callable[[PreparedRequest], bool]) -> None:
    session.mount("http://", Meanwhile(session.get_adapter("http://127.0.0.1"), happens, when))


def open_and_queued(lab: Lab) -> tuple[int, str]:
    """An open ticket whose bug is in To Do: the bug's start asks for hold."""
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    lab.agent_sets(ticket, "open")
    lab.settle()
    assert lab.status(ticket) == "open"
    return ticket, key


def test_a_customers_words_between_plan_and_write_keep_the_ticket_open(lab: Lab) -> None:
    ticket, key = open_and_queued(lab)

    def customer() -> None:
        lab.sandbox.advance(2)
        lab.sandbox.zendesk.customer_replies(ticket=ticket, body="It is worse now!")

    meanwhile(lab, customer)
    lab.moves(key, "In Progress")
    lab.settle()
    assert lab.status(ticket) == "open"
    assert lab.conflicts() == []
    assert lab.shown(ticket, "Engineering status") == "In Progress"


def test_an_agents_note_between_plan_and_write_delays_the_status_and_does_not_stop_it(lab: Lab) -> None:
    ticket, key = open_and_queued(lab)

    def agent() -> None:
        lab.sandbox.advance(2)
        lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="I called them.", public=False)

    meanwhile(lab, agent)
    lab.moves(key, "In Progress")
    lab.settle()
    assert lab.status(ticket) == "hold"


def two_bugs(lab: Lab, state: str) -> tuple[int, str]:
    """A ticket in `state` with a declined bug, which it follows, and one that is closed: the key of the latter."""
    ticket = lab.ticket("open")
    declined, other = lab.bug("Done", "Won't Do"), lab.bug("Closed", "Done")
    lab.link(ticket, declined)
    lab.settle()
    lab.link(ticket, other)
    lab.settle()
    if state == "solved":
        lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    else:
        lab.agent_sets(ticket, state)
    lab.settle()
    assert (lab.status(ticket), lab.conflicts()) == (state, [])
    return ticket, other


@pytest.mark.parametrize(("state", "conflicts"), [("solved", ["not_allowed"]), ("open", []), ("hold", [])])
def test_a_solved_ticket_whose_further_bug_moves_to_where_the_two_do_not_fit_is_flagged_once(
    lab: Lab, state: str, conflicts: list[str]
) -> None:
    ticket, other = two_bugs(lab, state)
    lab.moves(other, "Done", "Fixed")
    lab.settle()
    assert (lab.status(ticket), lab.conflicts()) == (state, conflicts)
    if conflicts:
        assert lab.request("conflicts resolve", link=_in_conflict(lab), take="as-is").startswith("ok")
        lab.settle()
        lab.sandbox.jira.edit(lab.developer, other, summary="Another title")
        lab.settle()
        assert lab.conflicts() == []


def _in_conflict(lab: Lab) -> int:
    (link,) = [link for link in lab.links() if link.conflict is not None]
    return link.id


def test_a_move_that_was_never_tried_is_not_made_while_what_its_ticket_asks_cannot_be_decided(lab: Lab) -> None:
    """Something else of the ticket waits for a person when the agent changes their mind; Jira got nothing yet."""
    ticket, key = lab.ticket("open"), lab.bug("Done", "Fixed")
    lab.link(ticket, key)
    lab.settle()
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.sandbox.advance(15)
    engine = lab.app.engine
    engine.observe()
    planned = engine._planner.plan(engine.routes, engine.settings, CycleReport())
    assert planned is not None
    engine._planner.enqueue(planned, CycleReport())
    now = lab.clock.now()
    with lab.app.store.transaction() as tx:
        (move,) = tx.waiting_for(f"issue:{lab.issue(key)['id']}", "move_bug")
        other = RemoveTag(ticket, "test", "a tag that cannot be taken off", "some_tag", route="novabrain")
        tx.enqueue(other, urgency=2, now=now)
        tx.park(marker_of(other), "test")
    lab.agent_sets(ticket, "open")
    lab.cycle(3)
    assert lab.issue(key)["status"] == "Done"
    lab.request("intents drop", intent=marker_of(other))
    lab.settle()
    assert (lab.issue(key)["status"], lab.status(ticket), lab.conflicts()) == ("Done", "open", [])
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.settle()
    assert lab.issue(key)["status"] == "Closed"
    assert move.attempts == 0


# ---- what is read for one purpose is news for another one ----


def test_a_move_that_is_first_seen_while_another_ticket_is_planned_reaches_the_bugs_own_ticket(lab: Lab) -> None:
    """The second ticket names the bug and was unlinked: it is looked up by its key, and that reading is kept."""
    ticket, other, key = lab.ticket(), lab.ticket(), lab.bug()
    lab.sandbox.zendesk.add_tags(ticket=other, actor=lab.agent, tags=[f"link_{key.lower()}"])
    lab.cycle()
    lab.link(ticket, key)
    lab.settle()
    (link,) = [link for link in lab.links() if link.ticket_id == other]
    lab.request("links remove", link=link.id)
    lab.settle()
    lab.sandbox.advance(60)
    lab.sandbox.zendesk.add_tags(ticket=other, actor=lab.agent, tags=["urgent"])

    def developer() -> None:
        lab.sandbox.advance(2)
        lab.moves(key, "Done", "Fixed")

    _mount(lab.app.jira._wire.session, developer, lambda request: f"/issue/{key}" in str(request.url))
    lab.cycle()
    assert lab.issue(key)["status"] == "Done", "the bug was not looked up by its key"
    lab.settle()
    assert lab.status(ticket) == "open"
    assert lab.shown(ticket, "Engineering status") == "Done"


PROMISE = """
sla:
  calendars: {always: {zone: UTC, week: always}}
  metrics: {resolution: {}}
  policies: [{name: support, defaults: {calendar: always}, targets: {resolution: {goals: {any: 1h}}}}]
mail: {host: 127.0.0.1, port: 1, tls: none, sender: syncd@acme.example}
receivers: [{name: leads, to: [lena.vogt@acme.example]}]
"""


def test_a_ticket_that_is_solved_before_its_breach_is_looked_at_again_closes_its_bug(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = Lab(tmp_path, deployment, more=PROMISE)
    ticket, key = lab.ticket(), lab.bug("Done", "Fixed")
    lab.link(ticket, key)
    lab.settle()
    lab.cycle(3, seconds=60, complete=True)
    lab.sandbox.advance(3200)
    lab.cycle(2, complete=True)
    seen: list[str] = []

    def agent() -> None:
        lab.sandbox.advance(2)
        lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)

    def again(request: PreparedRequest) -> bool:
        """The pass over all tickets looks at it first: this is the look before the mail."""
        seen.extend([f"/tickets/{ticket}.json"] if f"/tickets/{ticket}.json" in str(request.url) else [])
        return len(seen) == 2

    _mount(lab.app.zendesk._reader.session, agent, again)
    lab.sandbox.advance(400)
    lab.cycle()
    assert lab.status(ticket) == "solved", "the ticket was not looked at again"
    lab.settle()
    assert lab.issue(key)["status"] == "Closed"


def test_a_move_that_is_first_seen_by_the_reading_of_a_newly_mapped_field_reaches_the_ticket(
    tmp_path: Path, deployment: Deployment
) -> None:
    """The bug waited to be planned, and its status was planned by the reading before."""
    lab = Lab(tmp_path, deployment, routes=route(""))
    lab.sandbox.zendesk.add_ticket_field(title="Cause", type="text")
    lab.restart()
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    config = lab.folder / "config.yaml"
    cause = "\n      - {name: cause, ticket: Cause, bug: Root cause, owner: jira}"
    config.write_text(config.read_text().replace(route(""), route(cause)))
    lab.restart()
    with lab.app.store.transaction() as tx:
        tx.touch([issue_subject(lab.issue(key)["id"])], lab.clock.now())

    def developer() -> None:
        lab.sandbox.advance(2)
        lab.moves(key, "Done", "Fixed")

    def of_the_bug(request: PreparedRequest) -> bool:
        number, url = lab.issue(key)["id"], str(request.url)
        return f"/issue/{number}" in url or f"id+in+%28{number}%29" in url

    _mount(lab.app.jira._wire.session, developer, of_the_bug)
    for _ in range(3):
        if lab.issue(key)["status"] != "Done":
            lab.cycle(seconds=1)
    assert lab.issue(key)["status"] == "Done", "the bug was not read again"
    lab.cycle(2, seconds=1)
    assert lab.status(ticket) == "open"
    assert lab.shown(ticket, "Engineering status") == "Done"


PLAIN = """\
  - {name: novabrain, project: NOVA, mapping: default}
  - {name: operations, project: OPS, mapping: simple}
"""
"""Nothing is shown on the tickets: no write of ours makes them news."""


@pytest.mark.parametrize(("project", "resolution"), [("NOVA", "Fixed"), ("OPS", "Done")])
@pytest.mark.parametrize("status", ["open", "hold", "solved"])
def test_a_tag_that_is_there_before_the_link_sends_the_bug_back_as_one_that_is_set_later(
    tmp_path: Path, deployment: Deployment, status: str, project: str, resolution: str
) -> None:
    """The ticket is tagged, later it is linked, and nothing happens to either side afterwards."""
    lab = Lab(tmp_path, deployment, routes=PLAIN)
    lab.link(lab.ticket("open"), lab.bug())
    lab.settle()
    ticket, key = lab.ticket("open"), lab.bug("Done", resolution, project)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    if status == "solved":
        lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    elif status == "hold":
        lab.agent_sets(ticket, status)
    lab.settle()
    assert lab.request("links add", ticket=ticket, issue=key).startswith("ok")
    lab.settle()
    assert lab.issue(key)["status"] == "To Do"
    assert "bug_not_fixed" not in lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]
    (link,) = [link for link in lab.links() if link.ticket_id == ticket]
    with lab.app.store.reading() as tx:
        assert "conflict" not in {entry.what for entry in tx.link_history(link.id)}


def test_a_bug_that_was_hidden_when_its_tag_was_to_be_obeyed_goes_back_when_it_is_seen_again(lab: Lab) -> None:
    """Nothing was tried: that it is hidden is no refusal of the move."""
    ticket, key = lab.ticket("open"), lab.bug("Done", "Fixed")
    lab.link(ticket, key)
    lab.settle()
    lab.sandbox.ctx.faults.add(Fault("drop_before", "jira", "GET", r"/transitions", times=100))
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    lab.cycle()
    lab.sandbox.ctx.faults.clear()
    lab.sandbox.jira.set_members("NOVA", lab.seeded.developers.values())
    lab.cycle(4)
    assert (lab.conflicts(), lab.issue(key)["status"]) == (["bug_gone"], "Done")
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(4, complete=True)
    assert (lab.conflicts(), lab.issue(key)["status"]) == ([], "To Do")


def test_a_link_ends_with_its_ticket_though_the_bug_that_its_tag_sent_back_came_again(lab: Lab) -> None:
    """The tag could not be taken off before the ticket was closed: it asks for what was done, and undone, already."""
    ticket, key = lab.ticket("open"), lab.bug("Done", "Fixed")
    lab.link(ticket, key)
    lab.settle()
    lab.sandbox.ctx.faults.add(Fault("drop_before", "zendesk", "DELETE", r"/tags", times=100))
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    lab.cycle(2)
    assert lab.issue(key)["status"] == "To Do"
    lab.moves(key, "Done", "Fixed")
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    lab.cycle(8)
    assert "bug_not_fixed" in lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]
    assert (lab.links(), lab.conflicts(), lab.issue(key)["status"]) == ([], [], "Done")


def test_a_tag_whose_move_was_refused_is_told_of_again_when_the_bug_comes_back_to_where_it_asks(lab: Lab) -> None:
    """It is still on the ticket, and its event is not carried a second time: a person has to say what it means now."""
    ticket, key = lab.ticket("open"), lab.bug("Done", "Fixed")
    lab.link(ticket, key)
    lab.settle()
    lab.sandbox.jira.deny(lab.seeded.jira_bot, "TRANSITION_ISSUES", "NOVA")
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    lab.settle()
    assert lab.conflicts() == ["unreachable"]
    lab.sandbox.jira.allow(lab.seeded.jira_bot, "TRANSITION_ISSUES", "NOVA")
    lab.moves(key, "In Progress")
    lab.settle()
    assert lab.conflicts() == []
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert (lab.conflicts(), lab.issue(key)["status"]) == (["bounced"], "Done")
    (conflict,) = [link.conflict for link in lab.links() if link.conflict is not None]
    assert "tried before" in conflict.message
    before = len(lab.writes())
    lab.cycle(2, seconds=400)
    assert len(lab.writes()) == before


def test_a_walk_that_fails_after_its_ticket_was_deleted_leaves_it_said_that_the_ticket_is_gone(lab: Lab) -> None:
    ticket, key = lab.ticket("open"), lab.bug("Done", "Fixed")
    lab.link(ticket, key)
    lab.settle()
    lab.sandbox.ctx.faults.add(Fault("drop_after", "jira", "POST", r"/transitions$", times=1))
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.cycle()
    assert lab.sandbox.ctx.faults.fired()["drop_after"] == 1
    lab.sandbox.zendesk.delete_ticket(ticket=ticket, actor=lab.agent)
    lab.moves(key, "Done", "Fixed")
    lab.cycle(3, complete=True)
    assert lab.conflicts() == ["ticket_gone"]
    for _ in range(10):
        if lab.conflicts() == ["ticket_gone"]:
            lab.cycle()
    assert lab.conflicts() == ["bounced"], "the walk did not fail"
    lab.cycle()
    assert lab.conflicts() == ["ticket_gone"]


def test_a_tag_whose_move_was_refused_keeps_no_other_ticket_waiting_when_the_bug_moves_on(lab: Lab) -> None:
    """It asks for the same there, and is in conflict already. As long as it is planned, the bug's others would wait."""
    ticket, other, key = lab.ticket("open"), lab.ticket("open"), lab.bug("Done", "Fixed")
    lab.link(ticket, key)
    lab.link(other, key)
    lab.settle()
    lab.sandbox.jira.deny(lab.seeded.jira_bot, "TRANSITION_ISSUES", "NOVA")
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    lab.settle()
    (first,) = [link.conflict for link in lab.links() if link.conflict is not None]
    assert first.code == "unreachable"
    lab.sandbox.jira.allow(lab.seeded.jira_bot, "TRANSITION_ISSUES", "NOVA")
    lab.moves(key, "Verified", "Fixed")
    lab.settle()
    (second,) = [link.conflict for link in lab.links() if link.conflict is not None]
    assert (second.code, second.message.endswith(f"Then it was refused: {first.message}")) == ("bounced", True)
    lab.agent_sets(other, "solved")
    lab.settle()
    (agreed,) = [link.base for link in lab.links() if link.conflict is None]
    assert agreed is not None
    assert agreed.ticket.category == "solved"
