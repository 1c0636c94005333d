"""What a history with clocks has beside the others: its mail server, ticket fields that show clocks, and the times of
the cycles, by which it is judged how soon somebody was told."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncd.alerts.mail import Smtp
from syncd.core.alert_model import AlertFact, FactState, Post
from syncd.cycle.fetch import CERTAINLY
from syncd.cycle.host_clock import BOUND
from syncd.store import IntentState, Tx
from tests.simulation.clocks_and_rules import ALWAYS, SHOWN_DUE, SHOWN_STATE, Clocks
from tests.simulation.letters import DEAD_ADDRESS, PostOffice
from tests.simulation.wire import Call

if TYPE_CHECKING:
    from syncd.cycle import CycleReport
    from tests.simulation.history import History

OWED_TO_TIME = ("show_clocks", "escalate_ticket")
"""Writes that the mere passing of time asks for: no brake holds them, and they come when all is at rest."""
BY_HAND = '"a person took '
"""How the reason of a write begins that a person asked for with `syncd conflicts resolve`."""
TOLD = ("first", "breach", "level", "resolved", "digest", "stale", "notice")
"""Reasons that a run of some size must have had. Corrections are too rare for that."""
AFTER = {
    "lost": "a mail whose answer was lost was sent again",
    "later": "a mail that was put off was sent again",
    "died": "a mail that the process died of was sent again",
}
CORRECTED = "a wrong clock of the machine was corrected for"
MARKS = (
    CORRECTED,
    *AFTER.values(),
    *(f"mailed: {reason}" for reason in TOLD),
    "a dead address kept nobody else waiting",
    "a mail waited for its server",
    "a breach was met late",
    "a clock ran into a break",
    *(f"done {kind}" for kind in ("show_clocks", "escalate_ticket")),
)
CALLS_FOR_TICKET = 20
"""Calls that a ticket may need whose clock fell due: it is read again, its fields and what rules do are written."""
BEHIND = 2 * CERTAINLY
"""Seconds that the exact history may be behind a cycle which read all."""
UNDER_WAY = (Post.NEW, Post.SENDING, Post.UNKNOWN, Post.DIGEST)


@dataclass(frozen=True, slots=True)
class Turn:
    """One cycle of the daemon, by the servers' clock. `skew`: seconds that syncd's own was ahead at its end."""

    start: float
    end: float
    skew: float
    is_whole: bool  # it read everything that is new on both sides, and nothing was wrong


class Promises:
    """Use begin() before the daemon starts. Without clocks there is nothing to all of this."""

    def __init__(self, history: History, clocks: Clocks | None) -> None:
        self._history = history
        self._clocks = clocks
        self.has_clocks = clocks is not None
        self.turns: list[Turn] = []
        self.healed_at = float("inf")
        self.owed: set[int] = set()  # numbers of the calls that are owed to time
        self.office = PostOffice(
            history.sandbox.clock,
            strikes=self._strikes,
            boundary=self._boundary,
            note=history.note,
            dead=(DEAD_ADDRESS,),
        )

    @property
    def clocks(self) -> Clocks:
        """Those of the history, which must have some."""
        assert self._clocks is not None
        return self._clocks

    @property
    def afterwards(self) -> tuple[float, ...]:
        """Seconds between more cycles when all is at rest, for what time brought in the last of them."""
        return (30.0, 61.0) if self.has_clocks else ()

    @property
    def calls_for_clocks(self) -> int:
        """Calls of a cycle in which time alone brought something to do."""
        return CALLS_FOR_TICKET * len(self._history.people.tickets) if self.has_clocks else 0

    def mailer(self) -> Smtp | None:
        """What the daemon sends by."""
        return self.office.mailer() if self.has_clocks else None

    def begin(self) -> None:
        """The desk gets the fields."""
        for title in () if not self.has_clocks else (SHOWN_STATE, SHOWN_DUE):
            self._history.sandbox.zendesk.add_ticket_field(title=title, type="text")

    def is_behind(self, report: CycleReport) -> bool:
        """Whether the exact history is still being read: a page may hold little, and a cycle asks for few."""
        until = report.clocks.get("known_until")
        return self.has_clocks and (not isinstance(until, int) or until < self.turns[-1].start - BEHIND)

    def heal(self) -> None:
        """From now on the mail server is well."""
        self.healed_at = self._history.sandbox.clock.now()

    def went(self, start: float, report: CycleReport | None) -> None:
        """A cycle that began then is over."""
        is_whole = report is not None and not report.problems and {"fast", "complete"} <= set(report.passes)
        history, wrong_by = self._history, self._history.clock.wrong_by
        self.turns.append(Turn(start, history.sandbox.clock.now(), wrong_by, is_whole))
        if history.clock.correction:
            history.outcome.marks[CORRECTED] += 1
        if report is not None and not report.problems and abs(wrong_by) > BOUND:
            history.broken("I8", f"a cycle without trouble ended with a clock that is wrong by {wrong_by:.0f} s")

    def waits(self, since: float = float("inf")) -> bool:
        """Whether a message is still on its way that was written before."""
        if not self.has_clocks:
            return False
        with self._history.process.aside() as tx:
            letters = tx.letters(states=UNDER_WAY)
        return any(x.created < since and not (x.state is Post.DIGEST and x.carrier) for x in letters)

    def owes(self, call: Call) -> bool:
        """Whether a write is owed to time alone; remembered, as its intent will be done soon."""
        if not call.write or not self.has_clocks or not any(kind in OWED_TO_TIME for kind, _ in self._intents_of(call)):
            return False
        self.owed.add(call.number)
        return True

    def is_by_hand(self, call: Call) -> bool:
        """Whether a person settled a conflict by just this write: no brake holds it."""
        return any(BY_HAND in payload for _, payload in self._intents_of(call))

    def _intents_of(self, call: Call) -> list[tuple[str, str]]:
        """The kind and the payload of each intent that may have made the call."""
        connection = sqlite3.connect(f"file:{self._history.process.path}?mode=ro", uri=True)
        try:
            if call.marker is not None:
                query, key = "SELECT kind, payload FROM intent WHERE id = ?", call.marker
            else:
                query, key = "SELECT kind, payload FROM intent WHERE subject = ? AND state = 'sent'", call.subject
            return connection.execute(query, (key,)).fetchall()
        finally:
            connection.close()

    def marks(self) -> Counter[str]:
        """The ways out of trouble that mail and clocks took."""
        office, found = self.office, Counter[str]()
        if not self.has_clocks:
            return found
        tried = Counter(message for message, _ in office.fates)
        for message, fate in office.fates:
            if fate in AFTER and tried[message] > 1:
                found[AFTER[fate]] += 1
        for mail in office.mails:
            if mail.reason in (*TOLD, "correction"):
                found[f"mailed: {mail.reason}"] += 1
        with self._history.process.aside() as tx:
            letters, facts = tx.letters(), [fact for known in self._facts(tx) for fact in known]
            kinds = Counter(intent.kind for intent in tx.intents(limit=None) if intent.state is IntentState.DONE)
        found["a dead address kept nobody else waiting"] += any(
            letter.state is Post.DEAD and letter.address == DEAD_ADDRESS for letter in letters
        )
        found["a mail waited for its server"] += office.refused > 0 and not office.is_down
        found["a warning was taken back before it left"] += sum(letter.state is Post.CANCELLED for letter in letters)
        found["a breach was met late"] += sum(
            fact.key.is_breach and not fact.key.is_rule and fact.state is FactState.OVER for fact in facts
        )
        found["a clock ran into a break"] += self.clocks.hours.spans != ALWAYS.spans
        for kind in OWED_TO_TIME:
            found[f"done {kind}"] = kinds[kind]
        return +found

    @staticmethod
    def _facts(tx: Tx) -> Iterator[Iterable[AlertFact]]:
        tickets = sorted({key.ticket for letter in tx.letters() for key in letter.keys})
        for known in tx.alert_facts(tickets).values():
            yield known.values()

    def _strikes(self, kind: str) -> bool:
        history = self._history
        if not history.harm or not history.swarm.strikes(kind):
            return False
        history.outcome.faults[kind] += 1
        return True

    def _boundary(self, where: str) -> None:
        self._history.boundary(where)
