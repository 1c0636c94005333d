"""All clocks computed anew from what is stored, with what differs from before. Nothing is asked of a server.

It goes on where it was interrupted: what is still to be computed is marked in the store. What comes out other than
before is looked at once more by the next cycle, so that whoever has to hear of it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from syncd.cycle.clocks import ClockKeeper
from syncd.cycle.folding import judged
from syncd.store import Store, Tx
from syncd.store.clocks import ClockRecord, Judged

SHARE: Final = 500
"""Tickets in one transaction."""
_EVERY: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class ClockDiff:
    """A clock that is not what it was. None: it was not there, or is not there any more."""

    before: ClockRecord | None
    after: ClockRecord | None

    @property
    def record(self) -> ClockRecord:
        """As it is now, or was last."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a difference between nothing and nothing")
        return found

    @property
    def what(self) -> tuple[str, ...]:
        """new | gone, or which of breach, state, due, target and policy differ."""
        if self.before is None or self.after is None:
            return ("new",) if self.before is None else ("gone",)
        names = {"breach": "breached_at", "state": "state", "due": "due", "target": "target", "policy": "policy"}
        return tuple(word for word, name in names.items() if getattr(self.before, name) != getattr(self.after, name))


def differences(before: Iterable[ClockRecord], after: Iterable[ClockRecord]) -> list[ClockDiff]:
    """What differs, by ticket, metric, bug and cycle."""
    old, new = {record.key: record for record in before}, {record.key: record for record in after}
    found = (ClockDiff(old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys()))
    return [diff for diff in found if diff.what]


class Recomputation:
    """Needs the lock on the store, but for `rehearse`."""

    def __init__(self, store: Store, keeper: ClockKeeper) -> None:
        self._store = store
        self._keeper = keeper

    def begin(self) -> tuple[int, bool]:
        """How many tickets are to be computed, and whether that is what an interrupted run left."""
        self._keeper.prepare()
        with self._store.reading() as tx:
            left = tx.count_stale_clocks()
        return (left, True) if left else (self._keeper.recompute(), False)

    def step(self) -> tuple[int, list[ClockDiff]]:
        """Computes and keeps the next share: how many tickets (0 = it is done), and what differs."""
        at = self._keeper.now()
        now = datetime.fromtimestamp(at, UTC)
        with self._store.reading() as tx:
            ids = tx.stale_clocks(SHARE)
            after, diffs = self._computed(tx, ids, at)
            due = set(tx.due_tickets(now, _EVERY)).intersection(ids)
        if ids:
            again = due | {diff.record.ticket_id for diff in diffs}
            with self._store.transaction() as tx:
                tx.save_clocks(after, now)
                tx.touch_clocks(sorted(again))
        return len(ids), diffs

    def rehearse(self, after_id: int) -> tuple[int | None, int, list[ClockDiff]]:
        """What computing the next share would change, without a change of the store: the last ticket of the share
        (None = there is none), how many tickets, and what differs."""
        at = self._keeper.now()
        with self._store.reading() as tx:
            ids = [ticket.id for ticket in tx.next_tickets(after_id, SHARE)]
            _, diffs = self._computed(tx, ids, at)
        return (ids[-1] if ids else None), len(ids), diffs

    def _computed(self, tx: Tx, ids: Sequence[int], now: int) -> tuple[list[Judged], list[ClockDiff]]:
        found = [judged(folded) for folded in self._keeper.folded(tx, ids, now)]
        gone = [Judged(number, (), None) for number in set(ids) - {ticket.ticket_id for ticket in found}]
        after = [*found, *gone]
        whole = [ticket for ticket in after if not ticket.is_partial]  # the rest keeps its final verdicts
        before = tx.clocks_of(ticket.ticket_id for ticket in whole)
        return after, differences(before, (record for ticket in whole for record in ticket.records))
