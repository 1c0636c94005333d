"""Whose audits are read, and in which order, where the export of ticket events tells too little."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from syncd.core.model import TicketSnapshot
from syncd.cycle.settings import CycleReport
from syncd.sla.observed import second
from syncd.store import Tx

CROWDED: Final = "history.crowded"
"""Fact: the seconds (Unix) of which the export may have left something out, until the audits are wanted for it."""

_RANKS: Final = {"urgent": 0, "high": 1, "normal": 2, "low": 3}
_SPAN: Final = 10**11


def rank_of(ticket: TicketSnapshot) -> int:
    """The place of a ticket in the order in which audits are read: by priority, then the newest first."""
    return _RANKS.get(ticket.priority or "", len(_RANKS)) * _SPAN + _SPAN - second(ticket.created_at)


def note_crowded(tx: Tx, at: int, report: CycleReport, now: datetime) -> None:
    """The export did not get past this second (Unix), was read on from the next one, and may have left something out.
    The audits for it are wanted at once, or when all tickets are known that changed since."""
    report.warnings.append(
        f"Zendesk's export of ticket events does not get past {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC: "
        "more happened in that second than fits a page. It is read on from the next second, and what it may have left "
        "out is read from the audits of the tickets that changed since."
    )
    tx.set_fact(CROWDED, [*_crowded(tx), at], now)
    if report.caught_up and "zendesk" not in report.problems:
        want_left_out(tx, now)


def want_left_out(tx: Tx, now: datetime) -> None:
    """The audits of each ticket to which something may have happened in a crowded second are to be read, unless they
    were read since. To be called when the export of tickets is at its end, so that all of them are stored."""
    crowded = _crowded(tx)
    if not crowded:
        return
    tickets = tx.tickets(tx.tickets_updated_since(datetime.fromtimestamp(min(crowded), UTC)))
    read = {ticket_id: second(until) for ticket_id, until in tx.histories_read(tickets).items()}
    tx.want_histories_again(
        {
            ticket.id: rank_of(ticket)
            for ticket in tickets.values()
            if any(
                second(ticket.created_at) <= at <= second(ticket.updated_at) and read.get(ticket.id, 0) < at
                for at in crowded
            )
        }
    )
    tx.set_fact(CROWDED, None, now)


def _crowded(tx: Tx) -> list[int]:
    kept = tx.get_fact(CROWDED)
    return [at for at in kept if isinstance(at, int)] if isinstance(kept, list) else []
