from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.core.actions import RemoteAction, marker_of
from syncd.store import SUPERSEDED, IntentMoved, IntentState, NotStored, Store, Tx
from tests.store.records import NOW, comment, later, move, untag, update

NEW, SENT, DONE, REFUSED, PARKED = IntentState


def put(store: Store, *actions: RemoteAction, urgency: int = 2, at: float = 0) -> list[str]:
    """Enqueues in one transaction; the markers."""
    with store.transaction() as tx:
        for action in actions:
            assert tx.enqueue(action, urgency=urgency, now=later(at)) is None
    return [marker_of(action) for action in actions]


def bring_to(tx: Tx, marker: str, state: IntentState) -> None:
    if state is not NEW:
        tx.mark_sent(marker, NOW)
    if state in (DONE, REFUSED):
        tx.settle(marker, state, NOW)
    elif state is PARKED:
        tx.park(marker, "seven attempts")


def state_of(tx: Tx, marker: str) -> IntentState:
    intent = tx.intent(marker)
    assert intent is not None
    return intent.state


def due_at(tx: Tx, seconds: float, destination: str = "zendesk", limit: int = 50) -> list[str]:
    return [intent.id for intent in tx.due(destination, later(seconds), limit)]


@pytest.mark.parametrize(
    ("action", "destination"),
    [
        pytest.param(update(link_ids=(1, 2), route="app"), "zendesk", id="an update of a ticket"),
        pytest.param(untag(), "zendesk", id="a tag to take off"),
        pytest.param(move(link_ids=(3,)), "jira", id="a walk of a bug"),
        pytest.param(comment(body="a\x00b\ud800"), "jira", id="a comment on a bug"),
    ],
)
def test_an_intent_comes_back_with_its_action(store: Store, action: RemoteAction, destination: str) -> None:
    with store.transaction() as tx:
        tx.epoch = 4
        assert tx.enqueue(action, urgency=1, now=NOW) is None
    with store.reading() as tx:
        found = tx.intent(marker_of(action))
    assert found is not None
    assert found.action == action
    assert (found.kind, found.subject, found.link_ids) == (action.kind, action.subject, action.link_ids)
    assert (found.destination, found.route, found.epoch, found.urgency) == (destination, action.route, 4, 1)
    assert (found.state, found.attempts, found.next_at, found.created_at) == (NEW, 0, NOW, NOW)
    assert (found.sent_at, found.done_at, found.floor, found.result, found.last_error) == (None,) * 5


def test_the_life_of_an_intent_is_kept_at_each_step(store: Store) -> None:
    (marker,) = put(store, update())
    with store.transaction() as tx:
        sent = tx.mark_sent(marker, later(1), floor="APP-41")
        assert (sent.state, sent.sent_at, sent.floor) == (SENT, later(1), "APP-41")
    with store.transaction() as tx:
        assert tx.intent(marker) == sent
        tx.postpone(marker, later(60), "429: wait")
    with store.transaction() as tx:
        waiting = tx.intent(marker)
        assert waiting is not None
        assert (waiting.state, waiting.attempts, waiting.next_at, waiting.last_error) == (
            NEW,
            1,
            later(60),
            "429: wait",
        )
        tx.mark_sent(marker, later(61))
        tx.recheck(marker, later(90), "not seen yet")
        unsure = tx.unsettled()
        assert [(intent.id, intent.attempts, intent.next_at, intent.floor) for intent in unsure] == [
            (marker, 2, later(90), "APP-41")
        ]
        tx.settle(marker, DONE, later(91), result={"audit": 7, "names": ["é"]})
    with store.reading() as tx:
        done = tx.intent(marker)
        assert done is not None
        assert (done.state, done.done_at, done.result) == (DONE, later(91), {"audit": 7, "names": ["é"]})
        assert tx.unsettled() == []
        assert tx.damaged() == []


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        pytest.param(NEW, None, id="one that waits takes the new payload"),
        pytest.param(SENT, SENT, id="one that may have been made is left alone"),
        pytest.param(DONE, DONE, id="one that is done is left alone"),
        pytest.param(REFUSED, REFUSED, id="one that the server refused is left alone"),
        pytest.param(PARKED, PARKED, id="one that waits for a person is left alone"),
    ],
)
def test_the_same_cause_is_enqueued_once(store: Store, state: IntentState, answer: IntentState | None) -> None:
    (marker,) = put(store, update())
    with store.transaction() as tx:
        bring_to(tx, marker, state)
    with store.transaction() as tx:
        assert tx.enqueue(update(note="new words"), urgency=0, now=later(9)) is answer
        found = tx.intent(marker)
        assert found is not None
        assert (found.state, found.created_at) == (state, NOW)
        assert (found.urgency, found.action == update(note="new words")) == (
            (0, True) if answer is None else (2, False)
        )
        assert len(tx.intents()) == 1


def test_what_a_newer_plan_does_without_is_superseded_and_can_come_back(store: Store) -> None:
    old, new = update(source="log:1"), update(source="log:2", status="pending")
    put(store, old)
    put(store, new, at=5)
    with store.transaction() as tx:
        first = tx.intent(marker_of(old))
        assert first is not None
        assert (first.state, first.last_error) == (REFUSED, SUPERSEDED)
        assert due_at(tx, 5) == [marker_of(new)]
    put(store, old, at=9)
    with store.transaction() as tx:
        back = tx.intent(marker_of(old))
        assert back is not None
        assert (back.state, back.last_error, back.done_at, back.created_at) == (NEW, None, None, later(9))
        assert due_at(tx, 9) == [marker_of(old)]
        assert state_of(tx, marker_of(new)) is REFUSED


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        pytest.param(update(36), True, id="of another ticket"),
        pytest.param(untag(35), True, id="of another kind"),
        pytest.param(update(35, "log:0"), False, id="of the same ticket and kind"),
    ],
)
def test_only_intents_of_the_same_subject_and_kind_are_superseded(
    store: Store, other: RemoteAction, stays: bool
) -> None:
    put(store, other)
    put(store, update(35, "log:9"))
    with store.reading() as tx:
        assert state_of(tx, marker_of(other)) is (NEW if stays else REFUSED)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param(comment(source="audit:1"), comment(source="audit:2"), id="two comments on a bug"),
        pytest.param(
            update(source="1", status=None, note="first"),
            update(source="2", status=None, note="second"),
            id="two notes on a ticket",
        ),
        pytest.param(
            update(source="1"), update(source="2", status=None, fields={"1": "APP-5"}), id="a status and a mirror field"
        ),
    ],
)
def test_what_has_no_slot_in_common_is_written_both(store: Store, older: RemoteAction, newer: RemoteAction) -> None:
    markers = [*put(store, older), *put(store, newer, at=15)]
    with store.reading() as tx:
        assert {state_of(tx, marker) for marker in markers} == {NEW}


def test_one_plan_does_not_supersede_itself(store: Store) -> None:
    markers = put(store, update(source="1"), update(source="2", status="solved"))
    with store.reading() as tx:
        assert {state_of(tx, marker) for marker in markers} == {NEW}


def test_an_intent_that_was_tried_is_not_superseded(store: Store) -> None:
    (tried,) = put(store, update(source="log:1"))
    with store.transaction() as tx:
        tx.mark_sent(tried, NOW)
        tx.postpone(tried, later(60), "busy")
    put(store, update(source="log:2"))
    with store.reading() as tx:
        assert state_of(tx, tried) is NEW


def test_the_most_urgent_comes_first_then_the_order_of_the_plan(store: Store) -> None:
    actions = [update(number, note=str(number)) for number in (5, 3, 9, 1)]
    ordinary = put(store, *actions)
    (urgent,) = put(store, update(7), urgency=0, at=10)
    with store.transaction() as tx:
        assert due_at(tx, 9) == ordinary
        assert due_at(tx, 10) == [urgent, *ordinary]
        assert due_at(tx, 10, limit=2) == [urgent, ordinary[0]]
        assert due_at(tx, 10, "jira") == []


def test_a_subject_has_one_write_at_a_time(store: Store) -> None:
    first, second, other = put(store, update(35), untag(35), update(36))
    with store.transaction() as tx:
        assert due_at(tx, 0) == [first, other]
        tx.mark_sent(first, NOW)
        assert due_at(tx, 0) == [other]
        tx.settle(first, DONE, NOW)
        assert due_at(tx, 0) == [second, other]


def test_many_intents_of_one_subject_do_not_hide_those_of_others(store: Store) -> None:
    put(store, *(comment("1", f"audit:{number}") for number in range(30)))
    (last,) = put(store, comment("2"))
    with store.transaction() as tx:
        assert len(due_at(tx, 0, "jira", limit=2)) == 2
        assert due_at(tx, 0, "jira", limit=5)[1:] == [last]


def test_a_failed_intent_waits_and_holds_back_later_ones_of_its_subject(store: Store) -> None:
    first, second = put(store, update(35), untag(35))
    with store.transaction() as tx:
        tx.mark_sent(first, NOW)
        tx.postpone(first, later(60), "busy")
        assert due_at(tx, 59) == []
        assert due_at(tx, 60) == [first]
        tx.park(first, "seven attempts")
        assert due_at(tx, 60) == [second]


@pytest.mark.parametrize(
    ("outcome", "due_after", "final"),
    [
        pytest.param(NEW, False, NEW, id="while the first waits, the second does"),
        pytest.param(SENT, False, NEW, id="while the first is on its way, the second waits"),
        pytest.param(DONE, True, NEW, id="when the first is done, the second is due"),
        pytest.param(PARKED, False, NEW, id="while the first waits for a person, the second waits"),
        pytest.param(REFUSED, False, REFUSED, id="when the first was refused, the second is refused too"),
    ],
)
def test_an_intent_waits_for_the_one_it_comes_after(
    store: Store, outcome: IntentState, due_after: bool, final: IntentState
) -> None:
    first = move()
    second = untag(after=marker_of(first))
    third = comment("99", after=marker_of(second))
    put(store, second, third, first)
    with store.transaction() as tx:
        bring_to(tx, marker_of(first), outcome)
        assert due_at(tx, 0) == ([marker_of(second)] if due_after else [])
        assert state_of(tx, marker_of(second)) is final
        assert state_of(tx, marker_of(third)) is final


def test_an_intent_that_comes_after_nothing_is_refused_by_name(store: Store) -> None:
    (lost,) = put(store, untag(after="0" * 32))
    with store.transaction() as tx:
        assert due_at(tx, 0) == []
        found = tx.intent(lost)
        assert found is not None
        assert (found.state, found.last_error) == (REFUSED, SUPERSEDED)


@pytest.mark.parametrize(
    ("state", "busy"),
    [
        pytest.param(NEW, False, id="waiting for its first try: not busy"),
        pytest.param(SENT, True, id="on its way: busy"),
        pytest.param(PARKED, True, id="waiting for a person: busy"),
        pytest.param(DONE, False, id="done: not busy"),
        pytest.param(REFUSED, False, id="refused: not busy"),
        pytest.param(None, True, id="waiting for its second try: busy"),
    ],
)
def test_which_subjects_are_busy(store: Store, state: IntentState | None, busy: bool) -> None:
    (marker,) = put(store, update())
    with store.transaction() as tx:
        if state is None:
            tx.postpone(marker, later(1), "connection refused")
        else:
            bring_to(tx, marker, state)
        assert tx.busy_subjects(["ticket:35", "ticket:36"]) == ({"ticket:35"} if busy else set())


STEPS: dict[str, Any] = {
    "mark_sent": lambda tx, marker: tx.mark_sent(marker, NOW),
    "settle done": lambda tx, marker: tx.settle(marker, DONE, NOW),
    "settle refused": lambda tx, marker: tx.settle(marker, REFUSED, NOW, error="422"),
    "postpone": lambda tx, marker: tx.postpone(marker, later(5), "503"),
    "recheck": lambda tx, marker: tx.recheck(marker, later(5)),
    "park": lambda tx, marker: tx.park(marker, "no"),
    "retry": lambda tx, marker: tx.retry(marker, NOW),
    "drop": lambda tx, marker: tx.drop(marker, "not wanted", NOW),
}
ALLOWED = {
    "mark_sent": {NEW: SENT},
    "settle done": {NEW: DONE, SENT: DONE, PARKED: DONE, DONE: DONE},
    "settle refused": {NEW: REFUSED, SENT: REFUSED, PARKED: REFUSED, REFUSED: REFUSED},
    "postpone": {NEW: NEW, SENT: NEW},
    "recheck": {SENT: SENT},
    "park": {NEW: PARKED, SENT: PARKED},
    "retry": {NEW: NEW, PARKED: NEW, REFUSED: NEW},
    "drop": {NEW: REFUSED, PARKED: REFUSED, REFUSED: REFUSED},
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", list(IntentState))
def test_only_the_steps_of_the_life_are_possible(sqlite_store: Store, step: str, state: IntentState) -> None:
    (marker,) = put(sqlite_store, update())
    with sqlite_store.transaction() as tx:
        bring_to(tx, marker, state)
        if state in ALLOWED[step]:
            STEPS[step](tx, marker)
            assert state_of(tx, marker) is ALLOWED[step][state]
        else:
            with pytest.raises(IntentMoved, match=f"is {state}"):
                STEPS[step](tx, marker)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_an_unknown_intent_says_where_to_look(sqlite_store: Store, step: str) -> None:
    with sqlite_store.transaction() as tx, pytest.raises(NotStored, match="syncd intents list"):
        STEPS[step](tx, "0" * 32)


def test_settle_is_for_the_end(store: Store) -> None:
    (marker,) = put(store, update())
    with store.transaction() as tx, pytest.raises(ValueError, match="end"):
        tx.settle(marker, SENT, NOW)


def test_a_person_can_retry_and_drop(store: Store) -> None:
    (marker,) = put(store, update())
    with store.transaction() as tx:
        tx.postpone(marker, later(3600), "503")
        tx.park(marker, "seven attempts")
        tx.retry(marker, later(5))
        found = tx.intent(marker)
        assert found is not None
        assert (found.state, found.attempts, found.next_at, found.last_error) == (NEW, 0, later(5), None)
        tx.drop(marker, "the customer left", later(6))
        found = tx.intent(marker)
        assert found is not None
        assert (found.state, found.last_error, found.done_at) == (REFUSED, "the customer left", later(6))
        assert tx.enqueue(update(), urgency=1, now=later(7)) is REFUSED


def same(action: RemoteAction) -> RemoteAction:
    return action


@pytest.mark.parametrize("state", list(IntentState))
def test_only_what_was_given_up_is_looked_for_again(store: Store, state: IntentState) -> None:
    (marker,) = put(store, update())
    with store.transaction() as tx:
        bring_to(tx, marker, state)
        assert tx.revive(marker, later(9), same) is (state is REFUSED)
        assert state_of(tx, marker) is (SENT if state is REFUSED else state)
        assert tx.revive("0" * 32, later(9), same) is False


def test_what_is_looked_for_again_is_due_at_once(store: Store) -> None:
    sent, unsent = put(store, update(35), update(36))
    with store.transaction() as tx:
        tx.mark_sent(sent, later(1), "41")
        tx.recheck(sent, later(60), "not there yet")
        for marker in (sent, unsent):
            tx.settle(marker, REFUSED, later(100), error=SUPERSEDED)
        tx.epoch = 7
        assert tx.revive(sent, later(900), lambda _action: update(35, reason="it was made late"))
        assert tx.revive(unsent, later(900), same)
        found = tx.unsettled()
    assert [x.action.reason for x in found] == ["it was made late", "the bug is fixed"]
    assert [(x.sent_at, x.floor) for x in found] == [(later(1), "41"), (later(900), None)]
    assert {(x.attempts, x.next_at, x.last_error, x.done_at, x.epoch) for x in found} == {
        (0, later(900), None, None, 7)
    }


def test_intents_are_counted_and_listed_newest_first(store: Store) -> None:
    markers = put(store, update(1), update(2), move(), update(3))
    with store.transaction() as tx:
        bring_to(tx, markers[1], SENT)
        assert tx.waiting_counts() == {"zendesk": 2, "jira": 1}
        assert tx.intent_counts() == {NEW: 3, SENT: 1}
        assert [intent.id for intent in tx.intents()] == markers[::-1]
        assert [intent.id for intent in tx.intents(SENT)] == [markers[1]]
        assert [intent.id for intent in tx.intents(limit=1)] == [markers[3]]
        assert [intent.id for intent in tx.unsettled()] == [markers[1]]
        assert tx.intent("0" * 32) is None


def test_the_marker_is_the_same_in_a_store_that_was_lost(store: Store) -> None:
    (marker,) = put(store, replace(update(), note="other words, same cause"))
    assert marker == marker_of(update())
