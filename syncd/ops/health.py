"""Is the daemon well? One question for a container's health check and for `syncd status --health`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

POLLS = 3
"""A heartbeat this many polls old is too old."""

LONGEST_CYCLE = timedelta(minutes=15)
"""As long may a cycle take that gets on: one that writes off a backlog, or waits for a server that hardly answers."""


@dataclass(frozen=True, slots=True)
class Health:
    """The answer, and the one line that says why."""

    ok: bool
    sentence: str


def health_of(
    beat: datetime | None,
    now: datetime,
    poll: timedelta,
    *,
    writable: bool,
    pulse: datetime | None = None,
    slack: float = 0.0,
) -> Health:
    """Well is who ended a cycle within three polls, or still gets on with one (`pulse`), and can write its store.

    A conflict or a tracker that does not answer is no reason to start a container anew. `slack` in seconds is for a
    rehearsal's fast clock."""
    if not writable:
        return Health(False, "unhealthy: the store cannot be written")
    if beat is None and pulse is None:
        return Health(False, "unhealthy: no cycle has ended yet")
    limit = POLLS * poll.total_seconds() + slack
    age = _age(beat, now)
    if age is not None and age < -limit:
        return Health(False, f"unhealthy: the last cycle ended {-age:.0f} s in the future: a clock was set back")
    if age is not None and age <= limit:
        return Health(True, f"healthy: the last cycle ended {max(age, 0):.0f} s ago")
    under_way = _age(pulse, now)
    last = "no cycle has ended yet" if age is None else f"the last cycle ended {age:.0f} s ago"
    if under_way is not None and under_way <= limit and (age is None or age <= LONGEST_CYCLE.total_seconds() + slack):
        return Health(True, f"healthy: {last}, and the next one gets on")
    return Health(False, f"unhealthy: {last}" + ("" if age is None else f", more than {limit:.0f} s"))


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else (now - moment).total_seconds()
