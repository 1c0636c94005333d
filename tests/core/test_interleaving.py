"""Planning again while a write is on its way changes nothing; whatever happens in whatever order comes to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.config.ideal import Ideal
from syncd.core.actions import LOCAL_ACTIONS, MoveBug, Plan, UpdateTicket
from syncd.core.model import TicketState
from syncd.core.subjects import issue_subject, ticket_subject
from tests.core.given import shipped
from tests.core.telling import Telling
from tests.core.test_settling import no_customer_buried, no_two_statuses, nothing_on_closed, nothing_reopened

BUGS: Final = ("ENG-1", "ENG-2")
PLACES: Final = (
    *("To Do", "In Progress", "Done (Fixed)", "Done (Won't Do)", "Closed (Fixed)"),
    *("Triage", "Done (Rejected)"),
)
EDITS: Final = tuple(
    [f"agent sets {n} {state}" for n in (1, 2) for state in ("open", "pending", "hold", "solved")]
    + [f"{who} answers {n}" for n in (1, 2) for who in ("customer", "agent")]
    + [f"agent tags {n} bug_not_fixed" for n in (1, 2)]
    + [f"developer moves {key} to {place}" for key in BUGS for place in PLACES]
)
LINKS: Final = ("link 1 ENG-1", "link 1 ENG-2", "link 2 ENG-1", "link 2 ENG-2")

edits = st.lists(st.sampled_from(EDITS), max_size=4)
some_links = st.lists(st.sampled_from(LINKS), min_size=1, max_size=3, unique=True)
many = settings(max_examples=150, deadline=None, derandomize=True)


def begun(links: list[str], first: list[str]) -> Telling:
    """Two new tickets and two bugs, with these links, after these edits were carried."""
    tale = Telling(shipped("default"))
    tale.tell("ticket 1 new\nticket 2 new\nbug ENG-1 To Do\nbug ENG-2 In Progress")
    tale.tell("\n".join(links))
    tale.ideal.run(10)
    for line in first:
        happen(tale, line)
    tale.ideal.run(10)
    return tale


def happen(tale: Telling, line: str) -> None:
    """The edit, unless it would set what is set already."""
    words = line.split()
    if words[:2] == ["agent", "sets"] and tale.ideal.tickets[int(words[2])].state == TicketState(words[3]):
        return
    tale.tell(line)


def end_of(ideal: Ideal) -> dict[str, Any]:
    """All that people can see at the end, but for times."""
    return {
        "tickets": {n: (t.state, t.tags, dict(t.fields)) for n, t in ideal.tickets.items()},
        "bugs": {i.key: (i.status_name, i.resolution_name) for i in ideal.issues.values()},
        "notes": {n: sorted(notes) for n, notes in ideal.notes.items()},
        "comments": {i: sorted(comments) for i, comments in ideal.comments.items()},
        "links": {
            n: (k.state, k.vote, k.conflict.code if k.conflict else None, k.base.stage if k.base else None)
            for n, k in ideal.links.items()
        },
    }


def rest(ideal: Ideal) -> None:
    """Cycles until it rests; nothing is asked for twice."""
    last = ideal.run(10)[-1][0]
    assert not last.actions, last
    assert not ideal.again, ideal.again


def plan_again(ideal: Ideal) -> Plan:
    ideal.tick()
    plan = ideal.plan()
    ideal.enqueue(plan)
    return plan


@many
@given(some_links, edits, edits)
def test_planning_again_before_it_is_sent_changes_nothing(links: list[str], first: list[str], then: list[str]) -> None:
    tale = begun(links, first)
    for line in then:
        happen(tale, line)
    at_once, hesitating = tale.ideal.fork(), tale.ideal.fork()
    rest(at_once)
    for _ in range(3):
        plan_again(hesitating)
    rest(hesitating)
    assert end_of(hesitating) == end_of(at_once)
    assert hesitating.writes == at_once.writes


@many
@given(some_links, edits, edits)
def test_an_unsettled_write_keeps_its_links_waiting(links: list[str], first: list[str], then: list[str]) -> None:
    tale = begun(links, first)
    for line in then:
        happen(tale, line)
    at_once, waiting = tale.ideal.fork(), tale.ideal.fork()
    rest(at_once)
    plan_again(waiting)
    waiting.busy = frozenset(action.subject for action in waiting.pending.values())
    for _ in range(2):
        again = plan_again(waiting)
        assert not [action for action in again.remote if action.subject in waiting.busy]
        for action in again.actions:
            if isinstance(action, LOCAL_ACTIONS) and hasattr(action, "link_id"):
                link = waiting.links[action.link_id]
                assert waiting.busy.isdisjoint({ticket_subject(link.ticket_id), issue_subject(link.issue_id)}), action
    waiting.busy = frozenset()
    rest(waiting)
    assert end_of(waiting) == end_of(at_once)


@pytest.mark.parametrize(
    "first_lane",
    [
        pytest.param(lambda action: isinstance(action, UpdateTicket), id="Zendesk answers first"),
        pytest.param(lambda action: not isinstance(action, UpdateTicket), id="Jira answers first"),
    ],
)
def test_one_side_may_be_down_for_a_while(first_lane: Callable[[Any], bool]) -> None:
    @many
    @given(some_links, edits, edits)
    def same_end(links: list[str], first: list[str], then: list[str]) -> None:
        tale = begun(links, first)
        for line in then:
            happen(tale, line)
        at_once, halved = tale.ideal.fork(), tale.ideal.fork()
        rest(at_once)
        for _ in range(3):
            plan_again(halved)
            halved.drain(first_lane)
        rest(halved)
        assert end_of(halved) == end_of(at_once)

    same_end()


@many
@given(some_links, st.lists(st.sampled_from((*EDITS, "plan", "drain")), max_size=14))
def test_whatever_happens_comes_to_rest_and_does_no_harm(links: list[str], steps: list[str]) -> None:
    tale = begun(links, [])

    def look(ideal: Ideal, plan: Plan) -> None:
        no_two_statuses(plan)
        nothing_on_closed(ideal, plan)
        nothing_reopened(ideal, plan)
        no_customer_buried(ideal, plan)

    for step in steps:
        if step == "plan":
            look(tale.ideal, plan_again(tale.ideal.fork()))
            plan_again(tale.ideal)
        elif step == "drain":
            tale.ideal.drain()
        else:
            happen(tale, step)
    last = tale.ideal.run(10, look)[-1][0]
    assert not last.actions, last
    assert not tale.ideal.again, tale.ideal.again


@many
@given(
    some_links,
    st.lists(st.sampled_from(EDITS), max_size=8),
    st.sampled_from(["hold", "open"]),
    st.sampled_from(["To Do", "Closed"]),
)
def test_no_value_is_written_more_than_twice_without_a_person(
    links: list[str], steps: list[str], ticket_value: str, bug_value: str
) -> None:
    """A trigger undoes one value on the tickets and an automation one on the bugs, each time."""
    tale = begun(links, [])
    undone = "open" if ticket_value == "hold" else "hold"
    tale.tell(f"a trigger turns {ticket_value} into {undone}\nan automation turns {bug_value} into In Progress")
    for step in [*steps, ""]:
        if step:
            happen(tale, step)
        written = [action for _, actions in tale.ideal.run(12) for action in actions]
        values = Counter(
            (action.subject, action.status_name if isinstance(action, UpdateTicket) else action.target.status_id)
            for action in written
            if isinstance(action, MoveBug) or (isinstance(action, UpdateTicket) and action.status)
        )
        assert all(times <= 2 for times in values.values()), values
