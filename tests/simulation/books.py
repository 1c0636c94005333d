"""What syncd says about itself when all is at rest: its links, intents and audit rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from syncd.core.model import Link, LinkState
from syncd.store import Intent

if TYPE_CHECKING:
    from syncd.cycle import CycleReport
    from tests.simulation.history import History

OFF = "syncd_off"


@dataclass(frozen=True, slots=True)
class Books:
    """What syncd says about itself at the end."""

    links: tuple[Link, ...]  # without the retired ones
    retired: tuple[tuple[int, str, str], ...]  # ticket, bug, reason
    intents: tuple[Intent, ...]
    audits: tuple[tuple[str, str], ...]  # intent, outcome
    tickets: Mapping[int, int]  # linked tickets: version as stored
    issues: Mapping[str, int]


def line_of(report: CycleReport) -> str:
    """What a cycle says it did, in the same words in every process: sets have no order of their own."""
    values = {field.name: getattr(report, field.name) for field in fields(report)}
    return ", ".join(f"{name}={sorted(of) if isinstance(of, set) else of!r}" for name, of in values.items())


def read_books(history: History) -> Books:
    """The books as they are now."""
    with history.process.aside() as tx:
        every = tx.all_links(limit=None)
        live = tuple(link for link in every if link.state is not LinkState.RETIRED)
        reasons = {link.id: tx.link_history(link.id)[-1].reason for link in every if link.state is LinkState.RETIRED}
        return Books(
            links=live,
            retired=tuple((link.ticket_id, link.issue_id, reasons[link.id]) for link in every if link.id in reasons),
            intents=tuple(tx.intents(limit=None)),
            audits=tuple((row.intent_id or "", row.outcome) for row in tx.audits(limit=None)),
            tickets={i: t.version for i, t in tx.tickets({link.ticket_id for link in live}).items()},
            issues={i: s.updated_ms for i, s in tx.issues({link.issue_id for link in live}).items()},
        )
