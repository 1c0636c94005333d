"""What a cycle needs of the `sla` part of the configuration. Immutable: a reload swaps the whole record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.sla.calendar import Calendar
from syncd.sla.folded import AsOf, TicketClocks
from syncd.sla.forecast import Shares
from syncd.sla.policy import Book


@dataclass(frozen=True, slots=True)
class ShownField:
    """A ticket field that shows a clock. With several clocks of the metric the open one that is due first shows."""

    metric: str
    what: str  # due | state | remaining | holder
    field_id: int
    kind: str  # the field's type: text | textarea | date | tagger | integer
    zone: str = "UTC"  # in which instants are told
    options: Mapping[str, str] = field(default_factory=dict)  # tagger: what is told -> the option's value


@dataclass(frozen=True, slots=True)
class SlaSettings:
    """`book` names ids, never names of groups or agents. `meaning` is a fingerprint of everything that the clocks
    depend on: when it changes, every open ticket is computed anew."""

    book: Book
    meaning: str
    reader: Calendar  # in whose zone people are told instants
    markers: tuple[str, ...] = ()  # texts in comments that metrics ask for
    shown: tuple[ShownField, ...] = ()
    shares: Shares = field(default_factory=Shares)


def markers_of(settings: SlaSettings | None) -> tuple[str, ...]:
    """The texts that comments are searched for; none without clocks."""
    return () if settings is None else settings.markers


__all__ = ["AsOf", "ShownField", "SlaSettings", "TicketClocks", "markers_of"]
