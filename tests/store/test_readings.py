"""What is stored is never newer than what was planned, or is to be planned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from syncd.core.discover import TICKET_CLOSED
from syncd.core.model import Origin
from syncd.store import Store, Tx
from tests.store.records import NOW, issue, ticket

LATER = NOW.replace(microsecond=0) + timedelta(seconds=5)
CASES: dict[str, tuple[Callable[[Tx], object], list[str]]] = {
    "a linked ticket that changed": (lambda tx: tx.put_tickets([ticket(1, updated_at=LATER)], NOW), ["ticket:1"]),
    "a linked ticket that is the same": (lambda tx: tx.put_tickets([ticket(1)], NOW), []),
    "an older reading of it": (
        lambda tx: tx.put_tickets([ticket(1, updated_at=LATER - timedelta(days=1), subject="old")], NOW),
        [],
    ),
    "a ticket without a link": (lambda tx: tx.put_tickets([ticket(2, updated_at=LATER)], NOW), []),
    "a linked issue that changed": (lambda tx: tx.put_issues([issue("10", updated_ms=10**14)], NOW), ["issue:10"]),
    "a linked issue that is the same": (lambda tx: tx.put_issues([issue("10")], NOW), []),
    "an issue without a link": (lambda tx: tx.put_issues([issue("20", updated_ms=10**14)], NOW), []),
    "an issue whose link ended with its ticket": (
        lambda tx: tx.put_issues([issue("30", updated_ms=10**14)], NOW),
        ["issue:30"],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_reading_that_is_news_is_to_be_planned(store: Store, case: tuple[Callable[[Tx], object], list[str]]) -> None:
    put, touched = case
    with store.transaction() as tx:
        tx.put_tickets([ticket(1), ticket(2), ticket(3)], NOW)
        tx.put_issues([issue("10"), issue("20"), issue("30")], NOW)
        tx.add_link(1, "10", "APP-10", "app", Origin.TAG, NOW)
        tx.retire(tx.add_link(3, "30", "APP-30", "app", Origin.TAG, NOW).id, TICKET_CLOSED, NOW)
        tx.untouch(tx.touched())
        put(tx)
        assert tx.touched() == touched
