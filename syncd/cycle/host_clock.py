"""Whether this machine's clock is right, by what the servers' Date headers say; and their time where it is not.

Every answer of a server brings its time (https://www.rfc-editor.org/rfc/rfc9110#name-date). While ours is off by more
than BOUND, all of syncd goes by theirs: due instants, watermarks and letters would be wrong by as much otherwise. But
a Date may be a proxy's, or of a server whose data live in a time of their own; so it has to fit the stamps of Zendesk's
tickets before ours is corrected by it.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final, Protocol, runtime_checkable

from syncd.core.model import Json
from syncd.core.ports import Clock
from syncd.store import Store
from syncd.store.cursors import FAST_TICKETS

HOST_CLOCK: Final = "clock.off"
"""Fact: {since, seconds, sentence} while a clock is off, else null. `seconds`: what is added to this machine's."""

BOUND: Final = 30.0
"""Seconds by which a clock may be off before it is said."""
RIGHT: Final = 10.0
"""Within so many seconds two clocks agree: answers take time, and Date has whole seconds."""
STEADY: Final = 5.0
"""Seconds by which what is added changes at least: below that it is the measuring that wavers."""
HALF_A_SECOND: Final = 0.5
"""A Date header leaves out the fraction."""
FAR: Final = 7 * 86_400.0
"""Seconds beyond which a correction wants more than a header: somebody has changed a ticket within so long a time."""
LOOKED_AT: Final = 3
"""The last answers of each server that are compared."""
_NAMES: Final = {"zendesk": "Zendesk's", "jira": "Jira's"}


@runtime_checkable
class Correctable(Clock, Protocol):
    """The machine's clock. One that somebody sets for a rehearsal is no such clock: it is right by definition."""

    correction: float

    def correct(self, seconds: float) -> None:
        """From now on so many seconds are added to what the machine says."""


@dataclass(frozen=True, slots=True)
class ClockOff:
    """A clock that is not right."""

    since: int  # Unix seconds, by the servers' time
    seconds: float  # what is added to this machine's clock; 0 where another clock is the wrong one
    sentence: str


class HostClock:
    """Compares. `heard` may be called by any thread, the rest by the one that runs the cycles."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._mine = clock if isinstance(clock, Correctable) else None
        self._lock = threading.Lock()
        self._told: dict[str, deque[float]] = {}  # theirs minus what the machine says, by server
        self._off: ClockOff | None = None
        self._known: Json | None = None  # the fact as the store has it
        self._is_read = False
        self._last = self._times()  # of the last question whether the clock was set

    def heard(self, side: str, date: datetime | None, seconds: float) -> None:
        """An answer of a server came just now, after so many seconds, with the time there."""
        if date is None or self._mine is None:
            return
        middle = self._mine.now().timestamp() - self._mine.correction - seconds / 2
        with self._lock:
            told = self._told.setdefault(side, deque(maxlen=LOOKED_AT))
            told.append(date.timestamp() + HALF_A_SECOND - middle)

    def jumped(self) -> bool:
        """Whether the machine's clock was set, or the machine slept, since the last question: what was heard before
        says nothing any more."""
        last, self._last = self._last, self._times()
        if abs((self._last[0] - last[0]) - (self._last[1] - last[1])) <= RIGHT:
            return False
        with self._lock:
            self._told.clear()
        return True

    def _times(self) -> tuple[float, float]:
        """Wall time, as the machine has it, and monotonic time; of a clock that is right by definition, none."""
        if self._mine is None:
            return 0.0, 0.0
        return self._mine.now().timestamp() - self._mine.correction, self._mine.monotonic()

    def look(self) -> ClockOff | None:
        """What is off now. From here on the clock gives the servers' time, if it has to."""
        if self._mine is None:
            return None
        theirs = self._medians()
        if theirs:  # who hears nothing concludes nothing, also not that all is well again
            self._recall()
            self._judge(self._mine, theirs)
            self._keep()
        return self._off

    def _medians(self) -> dict[str, float]:
        """How far each server is ahead of the machine, of those whose last answers agree; one answer of each will do
        where the two agree."""
        with self._lock:
            told = {side: list(values) for side, values in self._told.items()}
        alike = {side: values for side, values in told.items() if max(values) - min(values) <= RIGHT}
        firsts = [values[-1] for values in alike.values()]
        if len(firsts) > 1 and max(firsts) - min(firsts) <= RIGHT:
            return {side: median(values) for side, values in alike.items()}
        return {side: median(values) for side, values in alike.items() if len(values) > 1}

    def _judge(self, clock: Correctable, theirs: dict[str, float]) -> None:
        leader = "zendesk" if "zendesk" in theirs else "jira"
        others = [ahead for side, ahead in theirs.items() if side != leader]
        is_alone = any(abs(ahead) <= BOUND for ahead in others)  # the other server sides with this machine
        wanted = theirs[leader]
        if abs(wanted) <= (BOUND if clock.correction == 0 else RIGHT) or is_alone or not self._fits(clock, wanted):
            wanted = 0.0
        if (wanted == 0) != (clock.correction == 0) or abs(wanted - clock.correction) > STEADY:
            clock.correct(float(round(wanted)))
        self._say(clock, _sentence(clock.correction, theirs))

    def _fits(self, clock: Correctable, ahead: float) -> bool:
        """Whether Zendesk's tickets could bear the stamps they bear if that were the time: none from later, and for a
        large correction one from not long before."""
        present = clock.now().timestamp() - clock.correction + ahead
        with self._store.reading() as tx:
            cursor = tx.cursor(FAST_TICKETS)
        newest = None if cursor is None else int(cursor)
        if abs(ahead) > FAR and (newest is None or present - newest > FAR):
            return False
        return newest is None or newest <= present + BOUND

    def _say(self, clock: Correctable, sentence: str | None) -> None:
        if sentence is None:
            self._off = None
        elif self._off is None or self._off.seconds != clock.correction:
            since = self._known.get("since") if isinstance(self._known, dict) else None  # also from before a restart
            began = int(since) if isinstance(since, int | float) else int(clock.now().timestamp())
            self._off = ClockOff(began, clock.correction, sentence)

    def _recall(self) -> None:
        if not self._is_read:
            with self._store.reading() as tx:
                self._known, self._is_read = tx.get_fact(HOST_CLOCK), True

    def _keep(self) -> None:
        off = self._off
        fact: Json = None if off is None else {"since": off.since, "seconds": off.seconds, "sentence": off.sentence}
        if fact != self._known:
            with self._store.transaction() as tx:
                tx.set_fact(HOST_CLOCK, fact, self._clock.now())
            self._known = fact


def _sentence(correction: float, theirs: dict[str, float]) -> str | None:
    """What is wrong, for the operator; `theirs`: how far the servers are ahead of this machine."""
    if correction:
        names = " and ".join(_NAMES[side] for side in sorted(theirs, reverse=True) if abs(theirs[side]) > BOUND)
        return (
            f"This machine's clock is {_far(-correction)} {names}. syncd goes by the servers' time; "
            "set the clock right, and see that it is kept so (NTP)."
        )
    for side, ahead in sorted(theirs.items()):
        if abs(ahead) > BOUND:
            return f"{_NAMES[side]} clock is {_far(ahead)} this machine's: see which of the two keeps time."
    return None


def _far(seconds: float) -> str:
    far = abs(seconds)
    told = f"{far:.0f} s" if far < 120 else f"{far / 60:.0f} min" if far < 7200 else f"{far / 3600:.1f} h"
    return f"{told} {'ahead of' if seconds > 0 else 'behind'}"


__all__ = ["BOUND", "HOST_CLOCK", "ClockOff", "Correctable", "HostClock"]
