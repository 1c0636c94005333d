"""Runs, steps and kinds as the store keeps them, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

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
