"""Replays the stored history under the rules of a configuration, beside those that were in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from syncd.app.build import App
from syncd.core.mapping import StageMapping
from syncd.core.model import TicketSnapshot
from syncd.cycle.folding import Inputs, events_of, fold, load
from syncd.cycle.sla_settings import SlaSettings, markers_of
from syncd.sla.backtest import Backtest, Judged
from syncd.sla.observed import second

SHARE: Final = 500


def backtest(app: App, since: int, now: int, advance: Callable[[int], None]) -> Backtest:
    """All stored tickets with something to decide since then. `advance` hears how many more were looked at. Reads the
    store and changes nothing; `app` has looked at its routes, and its configuration has clocks."""
    clocks = app.clocks
    if clocks.own is None:
        raise ValueError("the configuration has no clocks that can be used")
    own, former = clocks.own, clocks.former
    routes = app.engine.routes
    mappings = {**routes.resting, **{name: view.mapping for name, view in routes.running.items()}}
    found = Backtest(since, now)
    last: int | None = 0
    while last is not None:
        with app.store.reading() as tx:
            share = tx.next_tickets(last, SHARE)
            inputs = load(tx, [ticket.id for ticket in share if _matters(ticket, since)], own)
        for ticket in inputs.tickets.values():
            found.take(
                () if former is None else _judged(inputs, ticket, former, mappings, now),
                _judged(inputs, ticket, own, mappings, now),
            )
        advance(len(share))
        last = share[-1].id if share else None
    return found


def _judged(
    inputs: Inputs, ticket: TicketSnapshot, settings: SlaSettings, mappings: Mapping[str, StageMapping], now: int
) -> tuple[Judged, ...]:
    events = events_of(inputs, ticket, mappings)
    return fold(inputs, ticket, events, settings, mappings, now, tickets_until=now, bugs_until=now).judged()


def _matters(ticket: TicketSnapshot, since: int) -> bool:
    """Solved and untouched since before the period, nothing of it was decided within."""
    return ticket.visible and not (ticket.state.is_solved and second(ticket.updated_at) < since)


def unsearched(app: App) -> tuple[str, ...]:
    """Markers of the configuration that no comment was searched for so far."""
    return tuple(sorted(set(markers_of(app.clocks.own)) - set(markers_of(app.clocks.former))))
