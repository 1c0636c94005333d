"""The daily round through the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from syncd.store import Store

log = structlog.get_logger(__name__)

LAST = "last.upkeep"
"""Fact: when the store was last looked after, Unix seconds."""

EVERY = timedelta(days=1)
KEEP_FINISHED = timedelta(days=90)
"""How long finished intents, requests and audit rows stay in the store."""

KEEP_MESSAGES = timedelta(days=30)
"""How long the texts of messages that were sent stay in the store; that they were sent stays."""

MOST_PRUNINGS = 50  # of some thousand rows each


def look_after(store: Store, now: datetime, stopping: Callable[[], bool]) -> None:
    """Once a day: rows that nobody asks for any more go, and damage is looked for and told in the log."""
    with store.transaction() as tx:
        last = tx.get_fact(LAST)
        if isinstance(last, int | float) and 0 <= now.timestamp() - last < EVERY.total_seconds():
            return
        tx.set_fact(LAST, now.timestamp(), now)
    pruned: dict[str, int] = {}
    for _ in range(MOST_PRUNINGS):
        with store.transaction() as tx:
            gone = tx.prune(now - KEEP_FINISHED)
            gone["message"] = tx.empty_letters(int((now - KEEP_MESSAGES).timestamp()))
        pruned = {table: pruned.get(table, 0) + number for table, number in gone.items()}
        if not any(gone.values()) or stopping():
            break
    for sentence in store.check():
        log.error("store_damaged", problem=sentence)
    log.info("upkeep", **pruned)
