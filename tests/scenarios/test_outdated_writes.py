"""What waits from an older plan, and is not what the newest one asks for, is not written, on both deployments."""

from __future__ import annotations

from datetime import datetime

import pytest

from syncd.core.actions import UpdateTicket
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import Lab


def away(lab: Lab) -> None:
    """Zendesk wants no calls for a while, so that nothing is tried there."""
    fault = Fault("status", service="zendesk", method="GET", path=r"/tickets$", times=1)
    fault.args.update({"status": 429, "body": "Too many requests", "headers": {"Retry-After": "40"}})
    lab.sandbox.ctx.faults.add(fault)


def untried(lab: Lab, ticket: int) -> list[tuple[str, datetime]]:
    """The statuses that wait to be written and that nobody tried to write yet, each with when it was first wanted."""
    with lab.app.store.reading() as tx:
        waiting = tx.waiting_for(f"ticket:{ticket}", "update_ticket")
    return [
        (intent.action.status, intent.created_at)
        for intent in waiting
        if intent.attempts == 0 and isinstance(intent.action, UpdateTicket) and intent.action.status is not None
    ]


def done_while_zendesk_is_away(lab: Lab) -> tuple[int, str]:
    """A ticket on hold whose bug was done: it is to be opened, which waits."""
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    assert lab.status(ticket) == "hold"
    lab.moves(key, "Done", "Fixed")
    away(lab)
    lab.cycle()
    assert [status for status, _ in untried(lab, ticket)] == ["open"]
    return ticket, key


def unanswered(lab: Lab, path: str) -> None:
    """Jira answers no such reading."""
    lab.sandbox.ctx.faults.add(Fault("drop_before", service="jira", method="GET", path=path, times=-1))


@pytest.mark.parametrize("priority", ["normal", "urgent"])
@pytest.mark.parametrize(
    "unread",
    [
        pytest.param("", id="all is read"),
        pytest.param("/comment$", id="comments are not read"),
        pytest.param("/issue/NOVA-2$", id="a bug that another ticket names is not read"),
    ],
)
def test_who_moves_a_ticket_before_its_bugs_news_comes_is_told_once(lab: Lab, unread: str, priority: str) -> None:
    """They hear of it by a note. The status that was to bring it is out of date, whatever else cannot be read, and also
    where the note is more urgent by now and comes first."""
    other = lab.ticket()
    ticket, key = done_while_zendesk_is_away(lab)
    lab.agent_sets(ticket, "open")
    lab.sandbox.zendesk.set_priority(ticket=ticket, actor=lab.agent, priority=priority)
    lab.sandbox.jira.comment(lab.developer, key, "It was the cable.")
    lab.sandbox.zendesk.add_tags(ticket=other, actor=lab.agent, tags=[f"link_{lab.bug().lower()}"])
    if unread:
        unanswered(lab, unread)
    assert ("reading" in lab.cycle(seconds=60).problems) is bool(unread)
    lab.sandbox.ctx.faults.clear()
    lab.settle()
    assert (lab.status(ticket), lab.conflicts()) == ("open", [])
    assert len([note for note in lab.notes(ticket) if f"{key} is now Done" in note]) == 1


@pytest.mark.parametrize(
    ("whose", "becomes"),
    [
        pytest.param("live", "open", id="of a link that is planned is dropped"),
        pytest.param("conflict", "hold", id="of the link that waits for a person is their decision"),
    ],
)
def test_beside_a_link_in_conflict_an_older_status(lab: Lab, whose: str, becomes: str) -> None:
    ticket, key, other = lab.ticket("open"), lab.bug(), lab.bug()
    lab.link(ticket, other)
    lab.link(ticket, key)
    lab.settle()
    lab.moves(other, "Done", "Known Error")
    lab.agent_sets(ticket, "open")
    lab.settle()
    assert (lab.status(ticket), lab.conflicts()) == ("open", ["unmapped_status"])
    (link,) = [link for link in lab.links() if link.state.value == whose]
    with lab.app.store.transaction() as tx:
        state = tx.tickets([ticket])[ticket].state
        older = UpdateTicket(
            ticket, "test", "an older plan", state, status="hold", link_ids=(link.id,), route="novabrain"
        )
        tx.enqueue(older, urgency=2, now=lab.clock.now())
    lab.sandbox.jira.comment(lab.developer, key, "It was the cable.")
    lab.cycle()
    assert (lab.status(ticket), untried(lab, ticket)) == (becomes, [])


def test_a_status_that_is_wanted_still_keeps_its_turn_while_its_link_is_planned_anew(lab: Lab) -> None:
    ticket, key = done_while_zendesk_is_away(lab)
    before = untried(lab, ticket)
    lab.sandbox.jira.comment(lab.developer, key, "It was the cable.")
    unanswered(lab, "/comment$")
    assert "reading" in lab.cycle(seconds=5).problems
    assert untried(lab, ticket) == before
    lab.sandbox.ctx.faults.clear()
    lab.settle()
    assert lab.status(ticket) == "open"
