"""Holds our clocks against those that Zendesk runs itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from syncd.app.build import App
from syncd.sla.compare import DeskEvent, Difference, Rule, compare

SHARE: Final = 500


@dataclass(slots=True)
class Comparison:
    """Since `since` (Unix seconds)."""

    since: int
    events: int = 0
    tickets: int = 0
    agreed: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def rules(self) -> Counter[Rule]:
        """How many differences each rule explains."""
        return Counter(difference.rule for difference in self.differences)


def read_desk(app: App, since: int, wait: Callable[[float], None]) -> list[DeskEvent]:
    """Zendesk's metric events since then, each once. `wait` is given the seconds that its limit asks for. Raises the
    errors of sources/errors.py."""
    found: dict[int, DeskEvent] = {}
    start = since
    while True:
        page = app.zendesk.metrics.page(start)
        found.update((event.id, event) for event in page.events)
        if page.end:
            return list(found.values())
        start = page.end_time
        wait(app.zendesk.wait_for("export"))


def compare_desk(app: App, events: Sequence[DeskEvent], since: int, now: int) -> Comparison:
    """The clocks of tickets that have such events, or a breach of ours; `app` has clocks that can be used."""
    settings = app.clocks.settings
    if settings is None:
        raise ValueError("the configuration has no clocks that can be used")
    found = Comparison(since, len(events))
    by_ticket: dict[int, list[DeskEvent]] = {}
    for event in events:
        by_ticket.setdefault(event.ticket, []).append(event)
    with app.store.reading() as tx:
        wanted = sorted(by_ticket.keys() | {record.ticket_id for record in tx.clocks_breached(since)})
    for start in range(0, len(wanted), SHARE):
        with app.store.reading() as tx:
            folded = app.engine.clocks.folded(tx, wanted[start : start + SHARE], now)
        for ticket in folded:
            judged = [
                (clock, verdict, settings.book.metric(clock.cycle.metric, clock.cycle.start))
                for clock, verdict in ticket.judged()
            ]
            compared = compare(judged, by_ticket.get(ticket.id, ()), since, now, is_complete=ticket.is_complete)
            found.tickets += 1
            found.agreed += compared.agreed
            found.differences += compared.differences
    return found
