from __future__ import annotations

from syncd.core.actions import marker_of
from syncd.core.model import Origin
from syncd.store import IntentState, Store
from tests.store.records import NOW, later, move, ticket_event, untag, update


def test_what_ended_long_ago_is_let_go_and_the_rest_stays(store: Store) -> None:
    first, done, refused = move(source="audit:0"), update(1), update(2)
    waiting = untag(after=marker_of(first))
    with store.transaction() as tx:
        for action in (first, waiting, done, refused, update(3)):
            tx.enqueue(action, urgency=1, now=NOW)
        for action in (first, done):
            tx.mark_sent(marker_of(action), NOW)
            tx.settle(marker_of(action), IntentState.DONE, NOW)
        tx.drop(marker_of(refused), "not wanted")
        tx.audit(NOW, None, "k", "ticket:1", "old", "done")
        tx.audit(later(100), None, "k", "ticket:1", "new", "done")
        old = tx.add_request("once", {}, NOW)
        kept = tx.add_request("once", {}, NOW)
        tx.finish_request(old, "fine", NOW)
        tx.add_link(35, "1", "APP-1", "app", Origin.MANUAL, NOW)
        tx.put_ticket_changes([ticket_event(1, 35), ticket_event(2, 36), ticket_event(3, 36, at=later(100))])
    with store.transaction() as tx:
        assert tx.prune(later(50)) == {"intent": 2, "audit": 1, "request": 1, "ticket_change": 1}
        assert tx.prune(later(50)) == {"intent": 0, "audit": 0, "request": 0, "ticket_change": 0}
        left = {intent.id for intent in tx.intents()}
        assert left == {marker_of(first), marker_of(waiting), marker_of(update(3))}
        assert [entry.what for entry in tx.audits()] == ["new"]
        assert tx.request(old) is None
        assert tx.request(kept) is not None
        assert [len(tx.ticket_changes(number)) for number in (35, 36)] == [1, 1]


def test_letting_go_is_done_in_steps(store: Store) -> None:
    with store.transaction() as tx:
        for number in range(7):
            tx.audit(NOW, None, "k", f"ticket:{number}", "old", "done")
        assert [tx.prune(later(1), limit=3)["audit"] for _ in range(4)] == [3, 3, 1, 0]
