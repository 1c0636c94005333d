"""What syncd remembers, in SQLite or PostgreSQL. Takes and returns records of core, never rows.

store = Store.open("sqlite:///syncd.db")
with store.transaction() as tx:
    tx.put_tickets(page.tickets, now)
    tx.set_cursor("tickets", page.cursor, now)
"""

from syncd.store.audit import Audit
from syncd.store.backup import Restored, Upgraded, restore, upgrade, verify
from syncd.store.engine import with_password
from syncd.store.errors import (
    CursorWentBack,
    IntentMoved,
    LinkExists,
    LinkRetired,
    NotStored,
    RowDamaged,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFenced,
    StoreForeign,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreNeedsUpgrade,
    StoreReadOnly,
    StoreTooNew,
    StoreUnreachable,
)
from syncd.store.facts import Edge, Heartbeat, Lease
from syncd.store.intents import SUPERSEDED, Intent, IntentState
from syncd.store.links import LinkEntry
from syncd.store.lock import StoreLock, this_process
from syncd.store.requests import Request
from syncd.store.store import Store, Tx

__all__ = [
    "SUPERSEDED",
    "Audit",
    "CursorWentBack",
    "Edge",
    "Heartbeat",
    "Intent",
    "IntentMoved",
    "IntentState",
    "Lease",
    "LinkEntry",
    "LinkExists",
    "LinkRetired",
    "NotStored",
    "Request",
    "Restored",
    "RowDamaged",
    "Store",
    "StoreBusy",
    "StoreDamaged",
    "StoreError",
    "StoreFenced",
    "StoreForeign",
    "StoreFull",
    "StoreLock",
    "StoreLocked",
    "StoreMissing",
    "StoreNeedsUpgrade",
    "StoreReadOnly",
    "StoreTooNew",
    "StoreUnreachable",
    "Tx",
    "Upgraded",
    "restore",
    "this_process",
    "upgrade",
    "verify",
    "with_password",
]
