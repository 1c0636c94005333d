"""How many notifications a receiver gets, and when: quiet hours, storms, budgets. Nothing is ever dropped. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.alerts.episodes import Draft
from syncd.alerts.message import Reason
from syncd.alerts.settings import AlertSettings, Receiver

_TRIES: Final = 1000
"""Openings that are tried until all of a receiver's hours are open at once."""


@dataclass(frozen=True, slots=True)
class Paced:
    """When a draft goes out: by itself at once, or within a digest at `digest_at`."""

    draft: Draft
    digest_at: int | None = None
    why: str = ""


def pace(
    drafts: Iterable[Draft],
    settings: AlertSettings,
    written: Mapping[str, Sequence[int]],
    waiting: Mapping[str, int | None],
    now: int,
    *,
    seeing: frozenset[str] = frozenset(),
) -> tuple[Paced, ...]:
    """Each draft with its way out. `written`: when each receiver's latest notifications were written; `waiting`: when
    the digest that a receiver's overflow waits for is due; `seeing`: who is about to be told that a source can be read
    again, with all that is made up for."""
    found: list[Paced] = []
    by_receiver: dict[str, list[Draft]] = {}
    for draft in drafts:
        by_receiver.setdefault(draft.receiver, []).append(draft)
    for name, mine in by_receiver.items():
        receiver = settings.receivers.get(name)
        if receiver is not None:
            in_one = name in seeing
            found += _paced(mine, receiver, settings, written.get(name, ()), waiting.get(name), now, in_one=in_one)
    return tuple(found)


def _paced(
    drafts: Sequence[Draft],
    receiver: Receiver,
    settings: AlertSettings,
    written: Sequence[int],
    waiting: int | None,
    now: int,
    *,
    in_one: bool,
) -> list[Paced]:
    found: list[Paced] = []
    opening = opens_at(receiver, now)
    awake = []
    for draft in drafts:
        if opening > now and not (draft.urgent and receiver.urgent_breaks_through):
            found.append(Paced(draft, opening, "quiet hours"))
        else:
            awake.append(draft)
    late = [draft for draft in awake if draft.late]
    if len(late) > 1 or in_one:
        found += [Paced(draft, now, "noticed late, told together") for draft in late]
        awake = [draft for draft in awake if not draft.late]
    if awake and waiting is not None and waiting <= now:
        return found + [Paced(draft, now, "goes with the digest that is due") for draft in awake]
    if len(awake) > settings.storm:
        return found + [Paced(draft, now, "many at once, told together") for draft in awake]
    left = tokens(receiver, written, now)
    for draft in sorted(awake, key=_weight):
        if left >= 1:
            left -= 1
            found.append(Paced(draft))
        else:
            at = waiting if waiting is not None and waiting >= now else now + settings.overflow_every
            found.append(Paced(draft, at, "the receiver's budget is used up"))
    return found


def opens_at(receiver: Receiver, now: int) -> int:
    """`now` within the receiver's hours, else their next beginning; hours that never come count as day and night."""
    at = now
    for _ in range(_TRIES):
        shut = next((hours for hours in receiver.hours if not hours.is_open(at)), None)
        if shut is None:
            return at
        opening = shut.add(at, 0)
        if opening is None:
            return now
        at = opening
    return now


def tokens(receiver: Receiver, written: Iterable[int], now: int) -> float:
    """What is in the receiver's bucket after everything that was written; it never holds more than `burst`."""
    left, last = float(receiver.burst), None
    for at in sorted(at for at in written if at <= now):
        if last is not None:
            left = min(left + (at - last) / receiver.refill, receiver.burst)
        left, last = max(left - 1, 0.0), at
    return left if last is None else min(left + (now - last) / receiver.refill, receiver.burst)


def _weight(draft: Draft) -> tuple[int, str]:
    """Who goes first when not all can: breaches, then what is near, then good news."""
    order = (Reason.BREACH, Reason.FIRST, Reason.LEVEL, Reason.CORRECTION, Reason.REMINDER, Reason.RESOLVED)
    rank = order.index(draft.reason) if draft.reason in order else len(order)
    only_warning = not any(key.is_breach for key in draft.keys)
    return (rank + only_warning * len(order) - draft.urgent * 2 * len(order), draft.group)
