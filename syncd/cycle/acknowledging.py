"""`syncd alerts ack`: a person says on the command line that a ticket is in hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from syncd.alerts.acks import merged
from syncd.core.alert_model import Ack, FactState
from syncd.core.model import Json
from syncd.store import Tx

COMMANDED: Final = "alerts.commanded"
"""Fact: ticket -> when (Unix seconds) somebody last acknowledged it by command; for escalation rules too."""
_KEPT: Final = 30 * 86400


def acknowledge(tx: Tx, ticket: int, seconds: int, by: str, now: datetime) -> str:
    """Stops the climb of every open episode of the ticket, for so many seconds (0: as its route says). Returns what
    came of it, as the end of a sentence."""
    at = int(now.timestamp())
    known = tx.get_fact(COMMANDED)
    kept: dict[str, Json] = dict(known) if isinstance(known, dict) else {}
    kept = {number: when for number, when in kept.items() if at - int(str(when)) < _KEPT}
    tx.set_fact(COMMANDED, {**kept, str(ticket): at}, now)
    tx.touch_clocks([ticket])
    facts = tx.alert_facts([ticket])[ticket].values()
    episodes = tx.episodes({fact.episode for fact in facts if fact.state is FactState.FIRING})
    until = at
    for episode in episodes.values():
        until = at + (seconds or episode.chain.ack_holds)
        ack = Ack(ticket, at, until, by, "command")
        others = tuple(each for each in episode.acks if each.ticket != ticket)  # the command has the last word
        tx.save_episode(replace(episode, acks=merged(others, ack), next_at=at))
    if not episodes:
        return "has no alert under way; rules take note of it"
    return f"is acknowledged until {datetime.fromtimestamp(until, UTC).isoformat(sep=' ', timespec='minutes')}"


def commanded(tx: Tx) -> dict[int, int]:
    """When each ticket was last acknowledged by command."""
    known = tx.get_fact(COMMANDED)
    if not isinstance(known, dict):
        return {}
    return {int(ticket): int(str(at)) for ticket, at in known.items()}
