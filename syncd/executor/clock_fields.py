"""Writing what ticket fields show of clocks: one PUT for a ticket, and none when a status write took it along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from syncd.core.actions import RemoteAction
from syncd.core.clock_actions import ShowClocks
from syncd.core.model import Json, TicketSnapshot
from syncd.core.ports import TicketSource, TicketWrite
from syncd.executor.outcome import Done, Later, Outcome, Superseded
from syncd.sources.errors import PreconditionError
from syncd.store import Intent, Store

CAS_TRIES = 3


class ClockFieldWriter:
    """A Performer."""

    actions: tuple[type[RemoteAction], ...] = (ShowClocks,)

    def __init__(self, zendesk: TicketSource, store: Store) -> None:
        self._zendesk = zendesk
        self._store = store

    def perform(self, intent: Intent, now: datetime, before_send: Callable[[], None]) -> Outcome:
        """One PUT under compare-and-swap with the fields that differ; none when all show it already, and no call where
        that is known: a write of status or mirror took them along just now."""
        del now
        action = _action(intent)
        with self._store.reading() as tx:
            known = tx.tickets([action.ticket_id]).get(action.ticket_id)
        if known is not None and all(shows(known, name, value) for name, value in action.fields.items()):
            return Done()
        for _ in range(CAS_TRIES):
            ticket = self._zendesk.read([action.ticket_id])[0]
            if ticket.is_gone or ticket.state.is_final:
                return Superseded("the ticket is closed or gone", tickets=(ticket,))
            fields = {name: value for name, value in action.fields.items() if not shows(ticket, name, value)}
            if not fields:
                return Done(tickets=(ticket,))
            before_send()
            try:
                written = self._zendesk.write(
                    action.ticket_id, TicketWrite(fields=fields), stamp=ticket.updated_at, marker=intent.id
                )
            except PreconditionError:
                continue
            own = tuple((action.subject, f"field:{name}", _text(value), False) for name, value in fields.items())
            return Done(tickets=(written.ticket,), own_writes=own)
        return Later(5.0, f"ticket #{action.ticket_id} keeps changing while it is written")

    def verify(self, intent: Intent, now: datetime) -> Outcome:
        """Done when the ticket shows it: the same values may be written twice without harm."""
        del now
        action = _action(intent)
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone or all(shows(ticket, name, value) for name, value in action.fields.items()):
            return Done(tickets=(ticket,))
        return Later(0.0, "not found on the server")

    def describe(self, action: RemoteAction) -> str:
        """`show the clocks in fields of ticket #35`."""
        return f"show the clocks in fields of ticket #{_shown(action).ticket_id}"

    def matters(self, action: RemoteAction) -> bool:
        """What a field shows decides nothing."""
        del action
        return False


def shows(ticket: TicketSnapshot, name: str, value: Json) -> bool:
    """Whether the ticket's field shows the value; all ways of being empty are one."""
    return _text(ticket.fields.get(name)) == _text(value)


def owed_fields(store: Store) -> Callable[[int], Mapping[str, Json]]:
    """What waits to be shown on a ticket, for a status write to take along."""

    def owed(ticket_id: int) -> Mapping[str, Json]:
        with store.reading() as tx:
            waiting = [intent.action for intent in tx.waiting_for(f"ticket:{ticket_id}", ShowClocks.kind)]
        return {name: value for action in waiting for name, value in _shown(action).fields.items()}

    return owed


def _text(value: Json) -> str:
    return "" if value is None else str(value)


def _shown(action: RemoteAction) -> ShowClocks:
    if not isinstance(action, ShowClocks):
        raise TypeError(f"{action.kind} shows no clocks")
    return action


def _action(intent: Intent) -> ShowClocks:
    return _shown(intent.action)
