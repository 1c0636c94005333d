"""What ticket fields are to show of clocks, as writes: decided where clocks were folded, in the same transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime

from syncd.core.clock_actions import CLOCK_URGENCY, ShowClocks
from syncd.core.model import Json
from syncd.core.subjects import ticket_subject
from syncd.cycle.sla_settings import ShownField, TicketClocks
from syncd.executor.clock_fields import shows
from syncd.sla.shown import MISSING_OPTION, chosen, shown
from syncd.store import Tx
from syncd.store.codec import dumps

WRITES = 2
"""A field that something else keeps changing back is written this often with one value, then left."""


def enqueue_shown(
    tx: Tx, told: Iterable[TicketClocks], fields: Collection[ShownField], off_tags: Collection[str], now: datetime
) -> list[str]:
    """Puts one write for each ticket whose fields differ into the queue; returns warnings."""
    actions, warnings = shown_writes(tx, told, fields, off_tags)
    for action in actions:
        tx.enqueue(action, urgency=CLOCK_URGENCY, now=now)
    return warnings


def shown_writes(
    tx: Tx, told: Iterable[TicketClocks], fields: Collection[ShownField], off_tags: Collection[str]
) -> tuple[list[ShowClocks], list[str]]:
    """One write for each ticket whose fields differ from what they are to show, and warnings.

    Nothing is written to a ticket that is closed, gone or taken out by its tag, nor while its history is incomplete."""
    actions: list[ShowClocks] = []
    warnings: list[str] = []
    if not fields:
        return actions, warnings
    writable = [
        ticket
        for ticket in told
        if ticket.is_complete
        and not ticket.ticket.is_gone
        and not ticket.ticket.state.is_final
        and ticket.ticket.merged_into is None
        and not set(off_tags) & set(ticket.ticket.tags)
    ]
    own = tx.own_writes([ticket_subject(ticket.id) for ticket in writable])
    for ticket in writable:
        changes: dict[str, Json] = {}
        for field in fields:
            name, value = str(field.field_id), wanted(ticket, field)
            if value == MISSING_OPTION:
                warnings.append(f"Ticket field {name} has no option for what the clocks of #{ticket.id} say.")
            elif not shows(ticket.ticket, name, value):
                last, times = own.get((ticket_subject(ticket.id), f"field:{name}"), ("", 0))
                if last == _text(value) and times >= WRITES:
                    warnings.append(
                        f"Ticket #{ticket.id}: something keeps changing field {name} back from '{value}'; left alone."
                    )
                else:
                    changes[name] = value
        if changes:
            actions.append(_action(ticket, changes))
    return actions, warnings


def wanted(ticket: TicketClocks, field: ShownField) -> Json:
    """What the field is to hold."""
    return shown(field.what, field.kind, field.zone, field.options, chosen(field.metric, ticket.judged()))


def _text(value: Json) -> str:
    return "" if value is None else str(value)


def _action(ticket: TicketClocks, changes: dict[str, Json]) -> ShowClocks:
    # The version makes a value that comes back another write than the one of last time.
    told = hashlib.blake2b(dumps(changes).encode(), digest_size=8).hexdigest()
    return ShowClocks(ticket.id, f"{ticket.ticket.version}:{told}", "what the clocks show changed", changes)
