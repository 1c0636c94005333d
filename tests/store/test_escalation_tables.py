"""Runs, steps and kinds as the store keeps them, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.core.model import Origin
from syncd.rules.escalation import (
    AddTags,
    AssignGroup,
    Chain,
    CommentBug,
    CreateBugFor,
    Firing,
    Level,
    Notify,
    RaiseBugPriority,
    RaisePriority,
    Repeat,
    Run,
    Unassign,
    WriteNote,
)
from syncd.store import Store
from syncd.store.clocks import Judged

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVERYTHING = Chain(
    (
        Level(0, (Notify(("lead", "boss")), RaisePriority(1), RaisePriority(to="urgent"), AssignGroup(7, "L2"))),
        Level(1800, (Unassign(), AddTags(("a", "b")), WriteNote("hello"), WriteNote(ready="root_cause"))),
    ),
    Repeat(1800, 5, (CreateBugFor("nova", "to_nova"), RaiseBugPriority(2), CommentBug("still open"))),
)
RUN = Run("reopened", 35, 2, 1000, EVERYTHING, per="2", done=1, repeated=3, last_at=2000, acknowledged_at=1500)


def test_a_run_comes_back_as_it_was_saved(store: Store) -> None:
    other = replace(RUN, rule="urgent", ticket=36, over_at=9, silent=True, acknowledged_at=None)
    with store.transaction() as tx:
        tx.save_escalation_runs([RUN, other])
    with store.reading() as tx:
        assert tx.escalation_runs([35, 36, 37]) == {(35, "reopened"): RUN, (36, "urgent"): other}


def test_a_step_is_taken_once(store: Store) -> None:
    firing = Firing("reopened", 35, 2, "level-1", 1000, ())
    with store.transaction() as tx:
        took = [tx.take_escalation_step(each, "notify lead", 1010) for each in (firing, firing)]
        took.append(tx.take_escalation_step(replace(firing, number=3), "notify lead", 1020))
    assert took == [True, False, True]
    with store.reading() as tx:
        assert [(step.number, step.at) for step in tx.escalation_steps(35)] == [(3, 1020), (2, 1010)]
        assert tx.escalation_steps(36) == []


@pytest.mark.parametrize(
    ("number", "step", "left"),
    [
        (2, "level-1", replace(RUN, done=0)),
        (2, "level-2", RUN),
        (2, "repeat-2", replace(RUN, repeated=1)),
        (1, "level-1", RUN),
    ],
    ids=["a level", "one that was not taken", "a repeat", "one of an earlier run"],
)
def test_a_step_that_is_given_back_can_be_taken_again(store: Store, number: int, step: str, left: Run) -> None:
    run, firing = replace(RUN, rule="a/b"), Firing("a/b", 35, number, step, 1000, ())
    other = replace(firing, step="level-7")
    with store.transaction() as tx:
        tx.save_escalation_runs([run])
        for taken in (firing, other):
            tx.take_escalation_step(taken, "add a", 1010)
        tx.give_back_escalation_step(35, firing.key)
        tx.give_back_escalation_step(36, firing.key)
        assert [row.step for row in tx.escalation_steps(35)] == ["level-7"]
        assert tx.escalation_runs([35])[35, "a/b"] == replace(left, rule="a/b")
        assert [tx.take_escalation_step(each, "add a", 1020) for each in (firing, other)] == [True, False]


def test_a_ticket_is_looked_at_earlier_but_never_later_than_it_was_to_be(store: Store) -> None:
    seen = []
    with store.transaction() as tx:
        tx.save_clocks([Judged(35, (), None)], NOW)
        for second in (int(NOW.timestamp()) + 60, int(NOW.timestamp()) - 60, int(NOW.timestamp())):
            tx.bring_clock_forward(35, second)
            seen.append(tx.next_due())
    early = datetime(2026, 3, 2, 8, 59, tzinfo=UTC)
    assert seen == [datetime(2026, 3, 2, 9, 1, tzinfo=UTC), early, early]


def test_kinds_are_counted_since_an_instant_and_forgotten_when_they_are_emptied(store: Store) -> None:
    with store.transaction() as tx:
        tx.save_ticket_kinds({1: ("login", 100), 2: ("login", 200), 3: ("print", 200)})
        counts = [tx.count_of_kind("login", since) for since in (0, 150, 300)]
        tx.save_ticket_kinds({2: ("", 200)})
        counts.append(tx.count_of_kind("login", 0))
    assert counts == [2, 1, 0, 1]


def test_tickets_on_a_bug_are_counted_while_their_links_live(store: Store) -> None:
    with store.transaction() as tx:
        for ticket in (1, 2, 3):
            tx.add_link(ticket, "10001", "NOVA-1", "nova", Origin.MANUAL, NOW)
        gone = tx.links_of_ticket([3])[0]
        tx.retire(gone.id, "taken off", NOW)
        assert tx.live_links_of_issues(["10001", "10002"]) == {"10001": 2}
