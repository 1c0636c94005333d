"""What a world holds beside links, tickets and issues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from syncd.core.model import Link, TicketSnapshot
from syncd.store import Tx


def inherited(tx: Tx, tickets: Mapping[int, TicketSnapshot], touched: set[int]) -> dict[int, tuple[str, ...]]:
    """Touched ticket -> the bugs of the closed ticket that it follows up."""
    sources = {i: source for i in touched if i in tickets and (source := tickets[i].followup_of) is not None}
    issues = tx.issues_at_close(sources.values()) if sources else {}
    return {ticket: issues[source] for ticket, source in sources.items() if source in issues}


def field_problems(tx: Tx, links: Iterable[Link]) -> dict[int, tuple[str, ...]]:
    """Link -> what its mapped fields lack."""
    found: dict[int, tuple[str, ...]] = {}
    for link_id, _, problem, _ in tx.field_problems(link.id for link in links):
        found[link_id] = (*found.get(link_id, ()), problem)
    return found
