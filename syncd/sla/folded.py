"""A ticket with its clocks as one cycle folded them: what lists, alerts and rules are given."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.core.model import IssueSnapshot, Link, TicketSnapshot
from syncd.sla.clock import Clock
from syncd.sla.forecast import Forecast
from syncd.sla.states import Verdict


@dataclass(frozen=True, slots=True)
class AsOf:
    """Up to when each source is known, in Unix seconds; 0 = not read since the start."""

    tickets: int  # the last list of changed tickets that was read whole
    history: int  # the exact history of this ticket; what came later is inferred from readings
    bugs: int  # the last search for changed issues that was read whole


@dataclass(frozen=True, slots=True)
class TicketClocks:
    """All clocks of a ticket as of `now`, each with its verdict."""

    ticket: TicketSnapshot
    now: int  # Unix seconds
    clocks: tuple[Clock, ...]
    verdicts: tuple[Verdict, ...]  # one for each clock, in the same order
    as_of: AsOf
    is_complete: bool  # the history is known from the ticket's creation on; an incomplete one alarms nobody
    is_certain: bool  # nothing happened that the exact history has not told yet
    forecasts: tuple[Forecast, ...] = ()
    links: tuple[Link, ...] = ()  # those that are not retired
    issues: tuple[IssueSnapshot, ...] = ()  # of these links, as last read
    next_at: int | None = None  # when time alone changes something; None = never
    is_born: bool = True  # its creation is in the exact history
    is_searched: bool = True  # no comment that may meet a clock has to be searched for a marker that came later

    @property
    def id(self) -> int:
        """The ticket's number."""
        return self.ticket.id

    def judged(self) -> tuple[tuple[Clock, Verdict], ...]:
        """Each clock with its verdict."""
        return tuple(zip(self.clocks, self.verdicts, strict=True))
