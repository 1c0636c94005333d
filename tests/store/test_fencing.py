"""Two that hold one store: the older one, which lost its lock without noticing, writes nothing any more."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from syncd.core.actions import UpdateTicket, marker_of
from syncd.core.model import TicketState
from syncd.store import IntentState, Store, StoreFenced, StoreLock, StoreLocked, this_process
from tests.store.postgres import Postgres

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ACTION = UpdateTicket(ticket_id=1, source="x", reason="r", expected=TicketState("open"), status="hold", route="app")
OTHER = UpdateTicket(ticket_id=2, source="y", reason="r", expected=TicketState("open"), status="hold", route="app")
MARK = marker_of(ACTION)


def enqueue(store: Store) -> None:
    with store.transaction() as tx:
        tx.enqueue(OTHER, urgency=1, now=NOW)


def send(store: Store) -> None:
    with store.transaction() as tx:
        tx.mark_sent(MARK, NOW)


def settle(store: Store) -> None:
    with store.transaction() as tx:
        tx.settle(MARK, IntentState.DONE, NOW)


def remember(store: Store) -> None:
    with store.transaction() as tx:
        tx.set_fact("x", 1, NOW)


@pytest.mark.parametrize("write", [enqueue, send, settle, remember])
def test_who_claimed_a_store_before_another_is_refused_every_write(url: str, write: Callable[[Store], None]) -> None:
    with Store.open(url) as old, Store.open(url) as new:
        assert old.claim("process 1 on one") == 1
        with old.transaction() as tx:
            tx.enqueue(ACTION, urgency=1, now=NOW)
        assert new.claim("process 2 on two") == 2
        with pytest.raises(StoreFenced, match="was taken over by process 2 on two"):
            write(old)
        with new.reading() as tx:
            (intent,) = tx.intents()
            assert (intent.id, intent.state, intent.epoch) == (MARK, IntentState.NEW, 1)
            assert tx.get_fact("x") is None
        write(new)


def test_an_intent_carries_the_epoch_of_who_sends_it(url: str) -> None:
    with Store.open(url) as old, Store.open(url) as new:
        old.claim("old")
        with old.transaction() as tx:
            tx.enqueue(ACTION, urgency=1, now=NOW)
        new.claim("new")
        with new.transaction() as tx:
            assert tx.mark_sent(MARK, NOW).epoch == 2
        settle(new)


def test_a_claim_is_told_from_one_of_the_same_number_that_an_old_backup_brought_back(url: str) -> None:
    with Store.open(url) as old, Store.open(url) as new:
        old.claim("process 1 on one")
        with new.transaction() as tx:
            tx.new_epoch("writer", "process 2 on two beef")
            epoch = tx.lease("writer")
        assert epoch is not None
        with pytest.raises(StoreFenced):
            remember(old)


def test_who_never_claimed_the_store_may_leave_requests_beside_a_claim(url: str) -> None:
    with Store.open(url) as daemon, Store.open(url) as verb:
        daemon.claim(this_process())
        with verb.transaction() as tx:
            tx.add_request("accept", {}, NOW)
        remember(daemon)


def test_a_holder_whose_connection_ended_finds_its_lock_gone_and_its_writes_refused(postgres: Postgres) -> None:
    """What a machine that slept, or a network that broke, does to the run lock on PostgreSQL."""
    name = postgres.new_database()
    url = postgres.url(name)
    with Store.open(url) as old, Store.open(url) as new:
        first, second = StoreLock(url), StoreLock(url)
        first.acquire()
        old.claim("process 1 on one")
        with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
            second.acquire()
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            name,
        )
        second.acquire()
        assert (first.held(), second.held()) == (False, True)
        new.claim("process 2 on two")
        with pytest.raises(StoreFenced):
            settle(old)
        remember(new)
        first.release()
        second.release()
