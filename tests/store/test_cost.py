"""A cycle costs what changed, never what is stored: SQLite's own steps are counted on a small and a large store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.core.actions import marker_of
from syncd.core.model import Origin
from syncd.store import IntentState, Store, Tx
from syncd.store.codec import to_micros
from syncd.store.rows import sealed
from syncd.store.schema import IntentRow, LinkRow
from tests.store.records import NOW, issue, later, statements, ticket, ticket_event, untag, update

SMALL, LARGE = 500, 10_000


class UndoError(Exception):
    pass


def fill(store: Store, size: int) -> None:
    """So many links (two tickets to a bug), their tickets and issues, and as many intents that are done."""
    with store.transaction() as tx:
        links: list[dict[str, Any]] = [
            {
                "id": number,
                "ticket_id": number,
                "issue_id": str(number // 2),
                "issue_key": f"APP-{number // 2}",
                "route": "app",
                "origin": Origin.MANUAL.value,
                "state": "live",
                "base": None,
                "vote": None,
                "conflict": None,
                "in_field": 0,
                "occurrence": 1,
                "created_at": to_micros(NOW),
                "retired_at": None,
                "retired_reason": None,
            }
            for number in range(1, size + 1)
        ]
        tx._upsert(LinkRow, [sealed(LinkRow, row) for row in links])
        tx.put_tickets([ticket(number) for number in range(1, size + 1)], NOW)
        tx.put_issues([issue(str(number), key=f"APP-{number}", history=()) for number in range(size // 2 + 1)], NOW)
        tx.enqueue(update(1), urgency=1, now=NOW)
        template = tx._intent_row(marker_of(update(1)))
        assert template is not None
        done = [
            {**template, "id": f"{number:032x}", "seq": number, "subject": f"ticket:{number}", "state": "done"}
            for number in range(2, size)
        ]
        tx._upsert(IntentRow, [sealed(IntentRow, row) for row in done])
        tx.settle(marker_of(update(1)), IntentState.DONE, NOW)
        for number in range(5):
            tx.enqueue(update(number + 50, "new"), urgency=number, now=NOW)
        tx.enqueue(untag(60, after=marker_of(update(50, "new"))), urgency=1, now=NOW)
        tx.untouch(tx.touched())  # all that is linked was planned
        tx.touch(["ticket:9", "issue:4"], NOW)
        tx.add_request("once", {}, NOW)
        for number in range(size // 5):
            tx.audit(NOW, None, "k", f"ticket:{number}", "w", "done")
        tx.put_ticket_changes([ticket_event(number, number % 97) for number in range(size // 5)])


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small and a large store."""
    folder: Path = tmp_path_factory.mktemp("cost")
    opened = {size: Store.open(f"sqlite:///{folder}/{size}.db") for size in (SMALL, LARGE)}
    for size, store in opened.items():
        fill(store, size)
    yield opened
    for store in opened.values():
        store.close()


def touch_and_untouch(tx: Tx) -> None:
    tx.touch(["ticket:100"], NOW)
    tx.untouch(["ticket:100"])


def enqueue_and_settle(tx: Tx) -> None:
    action = update(10**6)
    tx.enqueue(action, urgency=1, now=NOW)
    tx.mark_sent(marker_of(action), NOW)
    tx.settle(marker_of(action), IntentState.DONE, NOW)


STEPS: dict[str, Callable[[Tx], object]] = {
    "links_touching": lambda tx: tx.links_touching([100, 200], ["7"]),
    "links_of_ticket": lambda tx: tx.links_of_ticket([100, 101]),
    "links_of_issue": lambda tx: tx.links_of_issue(["50", "51"]),
    "is_linked_ticket": lambda tx: tx.is_linked_ticket([100, 999_999]),
    "is_linked_issue": lambda tx: tx.is_linked_issue(["50", "none"]),
    "retired_pairs": lambda tx: tx.retired_pairs([100]),
    "next_live_links": lambda tx: tx.next_live_links(250, 20),
    "due": lambda tx: tx.due("zendesk", NOW, 10),
    "unsettled": lambda tx: tx.unsettled(),
    "busy_subjects": lambda tx: tx.busy_subjects(["ticket:100", "ticket:51"]),
    "waiting_counts": lambda tx: tx.waiting_counts(),
    "touched": lambda tx: tx.touched(),
    "touch and untouch": touch_and_untouch,
    "put_tickets, nothing new": lambda tx: tx.put_tickets([ticket(100), ticket(101)], NOW),
    "put_tickets, a change": lambda tx: tx.put_tickets(
        [ticket(100, updated_at=NOW.replace(microsecond=0) + timedelta(seconds=1))], NOW
    ),
    "put_issues": lambda tx: tx.put_issues([issue("100", updated_ms=10**14)], NOW),
    "issue_by_key": lambda tx: tx.issue_by_key("APP-5"),
    "add_link and save_link": lambda tx: tx.save_link(tx.add_link(10**6, "x", "X-1", "app", Origin.TAG, NOW)),
    "enqueue and settle": enqueue_and_settle,
    "open_requests": lambda tx: tx.open_requests(),
    "audits of a subject": lambda tx: tx.audits("ticket:60"),
    "newest audits": lambda tx: tx.audits(limit=10),
    "newest ticket_changes": lambda tx: tx.ticket_changes(60, limit=1),
    "own_writes": lambda tx: tx.own_writes(["ticket:100"]),
    "cursor": lambda tx: tx.cursor("tickets"),
}


def steps_of(store: Store, step: Callable[[Tx], object]) -> tuple[int, object]:
    """How many steps of SQLite's machine it takes; undone afterwards."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    answer: object = None

    def run() -> None:
        nonlocal answer
        with store.transaction() as tx:
            raw = tx._connection.connection.driver_connection
            assert raw is not None
            raw.set_progress_handler(tick, 1)
            answer = step(tx)
            raw.set_progress_handler(None, 1)
            raise UndoError

    with pytest.raises(UndoError):
        run()
    return count, answer


@pytest.mark.parametrize("name", STEPS)
def test_the_cost_of_a_step_does_not_grow_with_the_store(stores: dict[int, Store], name: str) -> None:
    small, answer = steps_of(stores[SMALL], STEPS[name])
    large, same_answer = steps_of(stores[LARGE], STEPS[name])
    assert bool(answer) == bool(same_answer)
    assert large <= small * 1.2 + 20


@pytest.mark.parametrize("name", STEPS)
def test_a_step_takes_few_statements(stores: dict[int, Store], name: str) -> None:
    with statements(stores[LARGE]) as seen:
        steps_of(stores[LARGE], STEPS[name])
    assert len(seen) <= 16


def test_what_waits_for_later_costs_little(stores: dict[int, Store]) -> None:
    """Ten thousand intents wait for the budget; asking for the next ones stays cheap."""

    def step(tx: Tx) -> object:
        found = tx.due("jira", NOW, 10)
        assert found == []
        return [intent.subject for intent in tx.due("zendesk", later(1), 3)]

    store = stores[LARGE]
    few, answer = steps_of(store, step)
    assert answer == ["ticket:50", "ticket:51", "ticket:52"]
    template = None
    with store.transaction() as tx:
        template = tx._intent_row(marker_of(update(54, "new")))
        assert template is not None
        many = [
            {**template, "id": f"w{number}", "seq": 10**6 + number, "subject": f"ticket:{10**6 + number}"}
            for number in range(LARGE)
        ]
        tx._upsert(IntentRow, [sealed(IntentRow, row) for row in many])
    crowded, answer = steps_of(store, step)
    assert answer == ["ticket:50", "ticket:51", "ticket:52"]
    assert crowded <= few * 1.2 + 20
