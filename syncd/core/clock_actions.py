"""What clocks ask of a ticket; among the actions of syncd.core.actions, which imports this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from syncd.core.model import Json
from syncd.core.subjects import OnTicket

CLOCK_URGENCY = 4
"""What is shown of a clock waits for every other write: a status write of the same ticket takes it along."""


@dataclass(frozen=True, slots=True)
class ShowClocks(OnTicket):
    """Ticket fields that show due instants and states, by field id."""

    kind: ClassVar[str] = "show_clocks"
    ticket_id: int
    source: str
    reason: str
    fields: Mapping[str, Json] = field(default_factory=dict)
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """See Write.slot."""
        return "clocks"
