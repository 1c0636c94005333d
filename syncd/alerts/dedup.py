"""Whether a receiver has to hear of a group again, and why: the notification log against what is true now. Pure.

After alertmanager's needsUpdate: https://github.com/prometheus/alertmanager/blob/main/notify/ - what was told is
compared with what is, so that a restart, a reload or a second look tells nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from syncd.alerts.message import Reason
from syncd.core.alert_model import AlertKey, Told, furthest


@dataclass(frozen=True, slots=True)
class GroupNow:
    """One episode as of `now`, as far as it concerns one receiver."""

    receiver: str
    firing: frozenset[AlertKey] = frozenset()  # true and not inhibited
    owed: frozenset[AlertKey] = frozenset()  # breaches that are over before anybody was told
    over: frozenset[AlertKey] = frozenset()
    withdrawn: frozenset[AlertKey] = frozenset()
    back: frozenset[AlertKey] = frozenset()  # of those firing: they had been over
    level: int = 0  # the highest level reached at which this receiver is named
    repeat: int = 0  # seconds between reminders; 0: none
    in_hand: bool = False  # acknowledged, or nobody can act: no reminders
    returned_at: int | None = None  # when an acknowledgement ran out
    resolved: str = "breaches"  # breaches | all | none


@dataclass(frozen=True, slots=True)
class Update:
    """What the receiver has to hear."""

    reason: Reason
    keys: tuple[AlertKey, ...]
    told: Told  # the log once it was told


def needs_update(group: GroupNow, told: Told | None, now: int) -> Update | None:
    """The notification that is due for this receiver, or None."""
    log = told or Told(group.receiver, now)
    corrected = (group.withdrawn & log.firing) - log.corrected
    if corrected:
        after = replace(log, firing=log.firing - corrected, corrected=log.corrected | corrected)
        return Update(Reason.CORRECTION, tuple(sorted(corrected)), after)  # its time does not put a reminder off
    reason = _reason(group, log, now)
    if reason is None:
        return _resolution(group, log, now)
    keys = group.firing | group.owed
    after = replace(
        log,
        at=now,
        level=max(log.level, group.level),
        firing=log.firing | keys,
        over=log.over - group.firing,
        corrected=log.corrected - group.firing,
    )
    return Update(reason, tuple(sorted(keys)), after)


def _reason(group: GroupNow, log: Told, now: int) -> Reason | None:
    keys = group.firing | group.owed
    if not keys:
        return None
    new = keys - log.firing
    fresh = new - group.back
    if not log.firing and not log.corrected:
        if not fresh:
            return Reason.REMINDER
        return Reason.LEVEL if group.level else Reason.FIRST
    if group.level > log.level:
        return Reason.LEVEL
    breached = {key.clock for key in log.firing if key.is_breach}
    if any(key.is_breach and key.clock not in breached for key in fresh):
        return Reason.BREACH
    known = {key.clock for key in log.firing}
    if any(key.clock not in known for key in fresh):
        return Reason.FIRST
    if (new or group.firing & log.over) and not group.in_hand:
        return Reason.REMINDER
    return Reason.REMINDER if _remind(group, log, now) else None


def _remind(group: GroupNow, log: Told, now: int) -> bool:
    if group.in_hand or not any(key.is_breach for key in group.firing):
        return False
    if group.returned_at is not None and log.at < group.returned_at <= now:
        return True
    return 0 < group.repeat <= now - log.at


def _resolution(group: GroupNow, log: Told, now: int) -> Update | None:
    ended = (group.over & log.firing) - log.over
    if group.resolved == "none" or not ended:
        return None
    wanted = ended if group.resolved == "all" else frozenset(key for key in ended if key.is_breach)
    if not wanted:
        return None
    return Update(Reason.RESOLVED, tuple(sorted(furthest(wanted))), replace(log, at=now, over=log.over | ended))
