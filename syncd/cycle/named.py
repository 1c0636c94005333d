"""Tickets that name a bug and are not linked with it, or ask for one and have none: their route did not run when they
changed, or the bug could not be read then. A share of the stored tickets is looked through in every complete pass, so
that each is in turn."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from syncd.core.discover import named_keys
from syncd.core.model import TicketSnapshot
from syncd.core.subjects import ticket_subject
from syncd.cycle.settings import Routes
from syncd.store import Store

NAMED = "named.after_ticket"
PER_PASS = 1000
"""Tickets in one complete pass: some 30 ms, and 60,000 tickets in an hour."""


def touch_named(store: Store, routes: Routes, now: datetime) -> int:
    """Touches those of the next share that name a key without having its link, or want a link; returns how many."""
    with store.reading() as tx:
        after = int(tx.cursor(NAMED) or 0)
        tickets = tx.next_tickets(after, PER_PASS)
        if len(tickets) < PER_PASS:  # round the end, so that a few tickets are all looked through in each pass
            tickets += [ticket for ticket in tx.next_tickets(0, PER_PASS - len(tickets)) if ticket.id <= after]
        linked: dict[int, set[str]] = {}
        for link in tx.links_of_ticket(ticket.id for ticket in tickets):
            linked.setdefault(link.ticket_id, set()).add(link.issue_key)
    waiting = [ticket.id for ticket in tickets if _asks(ticket, routes, linked.get(ticket.id, ()))]
    end = tickets[-1].id if tickets else 0
    if not waiting and end == after:
        return 0
    with store.transaction() as tx:
        tx.touch([ticket_subject(number) for number in waiting], now)
        tx.set_cursor(NAMED, str(end), now)
    return len(waiting)


def _asks(ticket: TicketSnapshot, routes: Routes, linked: Collection[str]) -> bool:
    if ticket.is_gone or ticket.state.is_final:
        return False
    if not linked and routes.may_ask_for_bug(ticket):
        return True
    return any(key not in linked for key in named_keys(ticket, tuple(routes.running.values())))
