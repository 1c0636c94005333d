"""Handing letters over: claim, send outside of any transaction, write down what became of it. A few seconds a cycle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from syncd.alerts.backoff import INTERRUPTIONS, RESENDS, is_server, pause, settled
from syncd.alerts.ports import Channel, Fate, Outcome, Parcel
from syncd.core.alert_model import Attempt, Letter, Post
from syncd.core.ports import Clock
from syncd.store import Store, Tx

log = structlog.get_logger(__name__)

LEASE = 900
"""Seconds after which a letter whose sender never came back is tried again, as in doubt."""
AT_ONCE = 200
"""Letters that one cycle looks at, at most."""
LONGEST_REST = 60
"""Seconds between two looks whether a mail server is back."""
_CHANNEL = "alerts.channel."
_INTERRUPTED = "interrupted"
"""What became of a try whose sender never came back, beside the fates of those that did."""


@dataclass(slots=True)
class Posted:
    """What one round did. `dead`: letters that were given up in it."""

    sent: int = 0
    later: int = 0
    unknown: int = 0
    dead: list[Letter] = field(default_factory=list)


class Postman:
    """Sends what is due, one letter at a time. One that cannot be sent never holds another up, but for the next
    notification to the same address about the same group."""

    def __init__(
        self,
        store: Store,
        channels: Callable[[], Mapping[str, Channel]],
        clock: Clock,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._channels = channels
        self._clock = clock
        self._stopping = stopping

    def run(self, seconds: float, on_dead: Callable[[Tx, Letter], None]) -> Posted:
        """One round of at most about so many seconds; on a machine that is too slow for that one letter goes out all
        the same. `on_dead` tells somebody else, in the transaction that gives a letter up."""
        posted = Posted()
        end = self._clock.monotonic() + seconds
        tried: set[int] = set()
        away: set[str] = set()
        begun = False
        while not self._stopping() and (not begun or self._clock.monotonic() < end):
            letters = [x for x in self._due() if x.id not in tried and x.channel not in away]
            if not letters:
                break
            for letter in letters:
                left = end - self._clock.monotonic()
                if (begun and left <= 0) or self._stopping():
                    break
                tried.add(letter.id)
                if letter.channel not in away and self._is_away(letter.channel):
                    away.add(letter.channel)
                if letter.channel not in away:
                    begun = True
                    self._post(letter, left if left > 0 else seconds, posted, away, on_dead)
        return posted

    def _due(self) -> list[Letter]:
        with self._store.reading() as tx:
            return tx.letters_due(self._now(), AT_ONCE)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _post(
        self, letter: Letter, seconds: float, posted: Posted, away: set[str], on_dead: Callable[[Tx, Letter], None]
    ) -> None:
        channel = self._channels().get(letter.channel)
        started = self._now()
        if letter.state is Post.SENDING:  # whoever sent it is gone without a word
            letter = self._interrupted(letter, started, on_dead, posted)
            if letter.state is Post.DEAD:
                return
        with self._store.transaction() as tx:
            if not tx.claim_letter(letter, started, lease=LEASE, epoch=tx.epoch):
                return
        letter = replace(letter, tries=letter.tries + 1)
        if channel is None:
            outcome = Outcome(Fate.RETRY, f"no channel is called {letter.channel} any more", after=3600)
        else:
            parcel = Parcel(letter.message_id, letter.address, letter.content, letter.tries - 1)
            outcome = channel.deliver(parcel, seconds=seconds)
        self._settle(letter, outcome, started, on_dead, posted)
        if is_server(outcome):
            self._rest(letter.channel)
            away.add(letter.channel)
        elif outcome.fate is not Fate.RETRY:
            self._works(letter.channel)

    def _interrupted(self, letter: Letter, now: int, on_dead: Callable[[Tx, Letter], None], posted: Posted) -> Letter:
        outcome = Outcome(Fate.UNKNOWN, "the sender ended in the middle of it", after=0)
        attempt = Attempt(letter.id, letter.tries, now, now, _INTERRUPTED, None, outcome.text)
        with self._store.transaction() as tx:
            resends = INTERRUPTIONS + _times(tx, letter, Fate.UNKNOWN.value)
            after = replace(settled(letter, outcome, now, resends=resends), not_before=now)
            tx.settle_letter(after, attempt)
            if after.state is Post.DEAD:
                posted.dead.append(after)
                on_dead(tx, after)
        return after

    def _settle(
        self,
        letter: Letter,
        outcome: Outcome,
        started: int,
        on_dead: Callable[[Tx, Letter], None],
        posted: Posted,
    ) -> None:
        now = self._now()
        attempt = Attempt(letter.id, letter.tries, started, now, outcome.fate.value, outcome.code, outcome.text)
        with self._store.transaction() as tx:
            after = settled(letter, outcome, now, resends=RESENDS + _times(tx, letter, _INTERRUPTED))
            tx.settle_letter(after, attempt)
            if after.state is Post.DEAD:
                on_dead(tx, after)
        match after.state:
            case Post.SENT:
                posted.sent += 1
            case Post.DEAD:
                posted.dead.append(after)
                log.error("alert_dead", receiver=letter.receiver, about=letter.about, problem=after.last_error)
            case Post.UNKNOWN:
                posted.unknown += 1
            case _:
                posted.later += 1

    # ---- a server that is away is not asked for every letter ----

    def _is_away(self, channel: str) -> bool:
        with self._store.reading() as tx:
            state = tx.get_fact(_CHANNEL + channel)
        if not isinstance(state, list):
            return False
        since, until = int(state[1]), int(state[2])
        return since <= self._now() < until  # a clock that was set back makes it due

    def _rest(self, channel: str) -> None:
        now = self._now()
        with self._store.transaction() as tx:
            state = tx.get_fact(_CHANNEL + channel)
            failures = int(state[0]) + 1 if isinstance(state, list) else 1
            tx.set_fact(
                _CHANNEL + channel,
                [failures, now, now + min(pause(channel, failures), LONGEST_REST)],
                self._clock.now(),
            )

    def _works(self, channel: str) -> None:
        with self._store.reading() as tx:
            known = tx.get_fact(_CHANNEL + channel)
        if known is not None:
            with self._store.transaction() as tx:
                tx.set_fact(_CHANNEL + channel, None, self._clock.now())


def _times(tx: Tx, letter: Letter, fate: str) -> int:
    """How many of the letter's tries came to this. Lost answers and lost senders are counted apart: a sender may have
    died before the letter left, and then its try is no copy that stands for the one whose answer was lost."""
    if not letter.doubts:
        return 0
    return sum(attempt.fate == fate for attempt in tx.attempts([letter.id]).get(letter.id, ()))
