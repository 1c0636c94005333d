"""Cursors, audit log, own writes, guards, requests, facts, names, workflow edges, heartbeat and leases."""

from __future__ import annotations

import pytest

from syncd.store import CursorWentBack, Heartbeat, Lease, NotStored, Request, Store
from tests.store.records import NOW, later


def test_a_cursor_is_kept_and_replaced(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.cursor("tickets") is None
        tx.set_cursor("tickets", "MTU4==|", NOW)
        tx.set_cursor("tickets", "MTU9==|", later(1))
    with store.reading() as tx:
        assert tx.cursor("tickets") == "MTU9==|"
        assert tx.cursors() == {"tickets": "MTU9==|"}


@pytest.mark.parametrize(
    ("value", "moves"),
    [
        pytest.param(1000, True, id="forward is fine"),
        pytest.param(999, True, id="the same again is fine"),
        pytest.param(998, False, id="back is refused"),
        pytest.param(10_000, True, id="compared as numbers, not as text"),
    ],
)
def test_a_cursor_that_only_moves_forward(store: Store, value: int, moves: bool) -> None:
    with store.transaction() as tx:
        tx.set_cursor_forward("events", 999, NOW)
        if moves:
            tx.set_cursor_forward("events", value, NOW)
        else:
            with pytest.raises(CursorWentBack, match="events is at 999"):
                tx.set_cursor_forward("events", value, NOW)
        assert tx.cursor("events") == str(max(value, 999))


def test_the_audit_log_tells_what_was_done_newest_first(store: Store) -> None:
    with store.transaction() as tx:
        tx.audit(NOW, "m1", "update_ticket", "ticket:35", "status open", "done", {"audit": 7})
        tx.audit(later(1), None, "guard", "route:app", "held", "first run")
        tx.audit(later(2), "m2", "update_ticket", "ticket:35", "note", "refused")
    with store.reading() as tx:
        assert [entry.subject for entry in tx.audits()] == ["ticket:35", "route:app", "ticket:35"]
        assert [entry.outcome for entry in tx.audits("ticket:35")] == ["refused", "done"]
        (first,) = tx.audits(intent_id="m1")
        assert (first.at, first.what, first.detail) == (NOW, "status open", {"audit": 7})
        assert len(tx.audits(limit=1)) == 1


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        pytest.param([("open", False)], ("open", 1), id="the first write counts one"),
        pytest.param([("open", False), ("open", False)], ("open", 2), id="the same value again counts up"),
        pytest.param([("open", False), ("hold", False)], ("hold", 1), id="another value starts anew"),
        pytest.param([("open", False), ("open", True)], ("open", 1), id="after a person's change it starts anew"),
        pytest.param([("open", False), ("hold", False), ("open", False)], ("open", 1), id="there and back starts anew"),
    ],
)
def test_how_often_we_wrote_a_value_in_a_row(
    store: Store, writes: list[tuple[str, bool]], expected: tuple[str, int]
) -> None:
    with store.transaction() as tx:
        for value, fresh in writes:
            tx.note_own_write("ticket:35", "status", value, NOW, fresh)
        tx.note_own_write("ticket:35", "priority", "high", NOW, False)
        tx.note_own_write("ticket:36", "status", "new", NOW, False)
        found = tx.own_writes(["ticket:35", "ticket:99"])
        assert found == {("ticket:35", "status"): expected, ("ticket:35", "priority"): ("high", 1)}
        tx.forget_own_writes(["ticket:35"])
        assert tx.own_writes(["ticket:35"]) == {}


def test_a_guard_is_kept_by_route(store: Store) -> None:
    held = {"reason": "first_run", "token": "t1", "message": "…", "count": 3, "at": "2026-03-02"}
    with store.transaction() as tx:
        assert tx.guard("app") is None
        tx.save_guard("app", {"accepted": [], "accepted_meaning": None, "held": held})
        tx.save_guard("app", {"accepted": ["t1"], "accepted_meaning": "m", "held": None})
        tx.save_guard("ops", {"accepted": [], "accepted_meaning": None, "held": held})
    with store.reading() as tx:
        assert tx.guard("app") == {"accepted": ["t1"], "accepted_meaning": "m", "held": None}
        assert tx.guards()["ops"]["held"] == held


def test_a_request_waits_until_it_is_finished(store: Store) -> None:
    with store.transaction() as tx:
        first = tx.add_request("links add", {"ticket": 35, "issue": "APP-1"}, NOW)
        second = tx.add_request("once", {}, later(1))
    with store.transaction() as tx:
        assert [request.id for request in tx.open_requests()] == [first, second]
        tx.finish_request(first, "linked", later(2))
        assert [request.id for request in tx.open_requests()] == [second]
        assert tx.request(first) == Request(
            first, "links add", {"ticket": 35, "issue": "APP-1"}, NOW, later(2), "linked"
        )
        with pytest.raises(NotStored, match=f"no open request {first}"):
            tx.finish_request(first, "twice", later(3))
        assert tx.request(999) is None


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "é\x00", [1, "a", None], {"a": {"b": []}}])
def test_a_fact_is_any_json_value(store: Store, value: object) -> None:
    with store.transaction() as tx:
        assert tx.get_fact("zendesk.identity") is None
        tx.set_fact("zendesk.identity", "old", NOW)
        tx.set_fact("zendesk.identity", value, later(5))  # type: ignore[arg-type]  # parametrised values are objects
    with store.reading() as tx:
        assert tx.get_fact("zendesk.identity") == value
        assert tx.fact_age("zendesk.identity", later(65)) == 60.0
        assert tx.fact_age("jira.identity", NOW) is None


def test_names_are_bound_without_regard_to_case_and_within_their_scope(store: Store) -> None:
    with store.transaction() as tx:
        tx.bind_name("status", "APP", "In Progress", "3")
        tx.bind_name("status", "APP", "IN PROGRESS", "4")
        tx.bind_name("status", "APP", "Straße", "5")
        tx.bind_name("status", "OPS", "Done", "6")
        tx.bind_name("resolution", "APP", "Done", "7")
        assert tx.bound_names("status", "APP") == {"in progress": "4", "strasse": "5"}


def test_workflow_edges_are_learned_and_forgotten(store: Store) -> None:
    with store.transaction() as tx:
        tx.learn_edges("10000", "1", {("1", "3"), (None, "6")}, NOW)
        tx.learn_edges("10000", "1", {("1", "3"), ("3", "5")}, later(1))
        tx.learn_edges("10000", "2", {("1", "9")}, NOW)
        tx.learn_edges("10000", "2", set(), NOW)
        assert tx.edges("10000", "1") == {("1", "3"), (None, "6"), ("3", "5")}
        tx.forget_edges("10000", "1")
        assert tx.edges("10000", "1") == set()
        assert tx.edges("10000", "2") == {("1", "9")}


def test_the_heartbeat_remembers_the_last_cycle_and_the_last_good_one(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.last_heartbeat() is None
        tx.beat(NOW, 1, False)
        assert tx.last_heartbeat() == Heartbeat(NOW, 1, False, {}, None)
        tx.beat(later(15), 2, True, {"writes": 3})
        tx.beat(later(30), 3, False, {"error": "jira does not answer"})
    with store.reading() as tx:
        expected = Heartbeat(later(30), 3, False, {"error": "jira does not answer"}, later(15))
        assert tx.last_heartbeat() == expected


def test_an_epoch_is_higher_than_any_before(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.lease("writer") is None
        assert tx.new_epoch("writer", "host-a") == 1
        assert tx.new_epoch("writer", "host-b", until=later(15)) == 2
        assert tx.new_epoch("other", "host-c") == 1
        assert tx.lease("writer") == Lease("writer", "host-b", 2, later(15))
