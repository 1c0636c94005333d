"""What came of performing one intent, and how long to wait before the next try."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from syncd.core.model import Base, Conflict, IssueSnapshot, Json, TicketSnapshot
from syncd.store import Intent, StoreBusy, StoreFenced, StoreFull, StoreReadOnly, StoreUnreachable, Tx

MAX_BACKOFF = 3600.0
LOOK_AFTER = 5.0
"""Seconds after an unanswered write before the first look for it on the server."""

VERIFY_AFTER = 60.0
"""Seconds after an unanswered write before its absence on the server counts: the request may still be running."""

FAULTS_BEFORE_PARKING = 10
"""Tries of an intent that fails in one way that nobody foresaw, before it waits for a person."""

STORE_TROUBLE = (StoreBusy, StoreFenced, StoreFull, StoreReadOnly, StoreUnreachable)
"""What is wrong with the store as a whole, and with no intent."""


@dataclass(frozen=True, slots=True)
class Done:
    """It is on the server. Everything here goes into one transaction."""

    bases: Mapping[int, Base] = field(default_factory=dict)  # link id -> its new base
    conflicts: Mapping[int, Conflict] = field(default_factory=dict)  # link id -> why it now waits for a person
    tickets: tuple[TicketSnapshot, ...] = ()
    issues: tuple[IssueSnapshot, ...] = ()
    own_writes: tuple[tuple[str, str, str, bool], ...] = ()  # subject, attribute, value, a person's change behind it
    result: Mapping[str, Json] = field(default_factory=dict)
    incident: str | None = None  # a note of ours was found public: stops the route
    keep: Callable[[Tx, datetime], None] | None = None  # what else the settling transaction has to remember


@dataclass(frozen=True, slots=True)
class Superseded:
    """The world moved on before it was sent: nothing was written, the planner looks again."""

    reason: str
    tickets: tuple[TicketSnapshot, ...] = ()
    issues: tuple[IssueSnapshot, ...] = ()
    keep: Callable[[Tx, datetime], None] | None = None  # what else the settling transaction has to remember


@dataclass(frozen=True, slots=True)
class Refused:
    """The server said no for good, or the workflow has no way: a conflict for its links."""

    code: str
    message: str
    tickets: tuple[TicketSnapshot, ...] = ()
    issues: tuple[IssueSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """It was certainly not applied; try again after some seconds."""

    seconds: float
    reason: str
    stop_lane: bool = False  # the whole destination has to wait, not only this subject


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It may have been applied, or may yet be: look on the server after some seconds."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """It keeps failing in a way nobody foresaw: it waits for a person, and says so in `status`."""

    reason: str


Outcome = Done | Superseded | Refused | Later | InDoubt | Parked


def backoff(attempts: int, intent_id: str) -> float:
    """Seconds before try number attempts + 1: doubling from 5 s to an hour, spread by the intent's id (0.7 to 1.3)."""
    spread = 0.7 + 0.6 * blake2b(f"{intent_id}:{attempts}".encode(), digest_size=2).digest()[0] / 255
    return min(MAX_BACKOFF, 5.0 * 2.0 ** min(attempts, 12)) * spread


def unforeseen(intent: Intent, error: Exception, *, is_sent: bool) -> Outcome:
    """What becomes of an intent whose try ended in an error that is no answer of a server.

    Parked only when the same error ended its last try too: tries that were put off for a reason, such as a server that
    can only be read, count for the waiting and not against the intent. Trouble of the store parks nothing.
    """
    reason = f"{type(error).__name__} while it was carried out; the log has the details"
    is_its_own = not isinstance(error, STORE_TROUBLE) and intent.last_error == reason
    if is_its_own and intent.attempts >= FAULTS_BEFORE_PARKING:
        return Parked(reason)
    seconds = backoff(intent.attempts, intent.id)
    return InDoubt(seconds, reason) if is_sent else Later(seconds, reason)
