"""What holds in every state that tickets and bugs can settle in, whatever people do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import pytest

from syncd.config.classes import classes_of
from syncd.config.ideal import Ideal
from syncd.config.linter import Walk
from syncd.core.actions import MoveBug, Plan, RemoveTag, UpdateTicket
from syncd.core.reconcile import reconcile
from syncd.core.who import customer_waits
from tests.core.given import mapping_from, project, shipped

K = TypeVar("K")
V = TypeVar("V")

PICTURES = [
    pytest.param(1, 1, id="one ticket, one bug"),
    pytest.param(2, 1, id="two tickets, one bug"),
    pytest.param(1, 2, id="one ticket, two bugs"),
]


def no_two_statuses(plan: Plan) -> None:
    """At most one status write a ticket, and one walk a bug."""
    counts = Counter(a.subject for a in plan.remote if isinstance(a, MoveBug) or getattr(a, "status", None))
    assert all(count == 1 for count in counts.values()), counts


def nothing_on_closed(ideal: Ideal, plan: Plan) -> None:
    """Zendesk refuses every write to a closed ticket; a deleted one is not there."""
    for action in plan.remote:
        if isinstance(action, UpdateTicket | RemoveTag):
            ticket = ideal.tickets[action.ticket_id]
            assert not ticket.state.is_final, action
            assert not ticket.is_gone, action


def nothing_reopened(ideal: Ideal, plan: Plan) -> None:
    """A solved ticket stays solved, whatever its bug does."""
    for action in plan.remote:
        if isinstance(action, UpdateTicket) and action.status is not None:
            assert not ideal.tickets[action.ticket_id].state.is_solved, action


def no_customer_buried(ideal: Ideal, plan: Plan) -> None:
    """An open ticket whose customer wrote after the link was made, and was not answered, is not put on hold."""
    for action in plan.remote:
        if not isinstance(action, UpdateTicket) or action.status in (None, "open"):
            continue
        links = [ideal.links[link_id] for link_id in action.link_ids]
        oldest = min(link.created_at for link in links)
        if ideal.tickets[action.ticket_id].state.category == "open" and any(link.base for link in links):
            assert not customer_waits(ideal.histories[action.ticket_id], oldest), action


def backwards(mapping: Mapping[K, V]) -> dict[K, V]:
    """The same, put together in the opposite order."""
    return dict(reversed(list(mapping.items())))


def same_plan_again(ideal: Ideal, plan: Plan) -> None:
    """Equal worlds give equal plans, to the byte, in whatever order they were put together."""
    if plan.needs:
        return
    world = ideal.world()
    first = reconcile(world, ideal.now)
    turned = replace(
        world,
        links=tuple(reversed(world.links)),
        tickets=backwards(world.tickets),
        issues=backwards(world.issues),
        routes=backwards(world.routes),
        own_writes=backwards(world.own_writes),
        keys=backwards(world.keys),
    )
    assert repr(reconcile(turned, ideal.now)) == repr(first)


@pytest.mark.parametrize(("tickets", "bugs"), PICTURES)
@pytest.mark.parametrize("name", ["default", "simple"])
def test_every_write_settles_and_does_no_harm(name: str, tickets: int, bugs: int) -> None:
    mapping = shipped(name)
    plans = 0

    def look(ideal: Ideal, plan: Plan) -> None:
        nonlocal plans
        plans += 1
        no_two_statuses(plan)
        nothing_on_closed(ideal, plan)
        nothing_reopened(ideal, plan)
        no_customer_buried(ideal, plan)
        if plans % 9 == 0:
            same_plan_again(ideal, plan)

    walk = Walk([mapping] * bugs, classes_of([mapping], project()), tickets, look)
    assert walk.findings() == []
    assert plans > 100


def test_solved_tickets_are_reopened_only_where_the_stage_says_so() -> None:
    mapping = mapping_from(
        """
        stages:
          queued:
            bug_is: [To Do]
            move_bug_to: To Do
            set_ticket: {open: hold}
            ticket_may_be: [new, open, pending, hold]
            reopen_solved: true
          fixed:
            bug_is: [Done]
            set_ticket: {hold: open}
            ticket_may_be: any
        when_ticket_moves: {queued: {solved: note}}
        many_tickets: {}
        unmapped: conflict
        """
    )
    reopened: list[str] = []

    def look(ideal: Ideal, plan: Plan) -> None:
        nothing_on_closed(ideal, plan)
        writes = [action for action in plan.remote if isinstance(action, UpdateTicket) and action.status is not None]
        reopened.extend(action.settles[0].stage for action in writes if action.expected.is_solved)

    walk = Walk([mapping], classes_of([mapping], project()), 1, look)
    assert walk.findings() == []
    assert set(reopened) == {"queued"}
