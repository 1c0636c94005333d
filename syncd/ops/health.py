"""Is the daemon well? One question for a container's health check and for `syncd status --health`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

POLLS = 3
"""A heartbeat this many polls old is too old."""


@dataclass(frozen=True, slots=True)
class Health:
    """The answer, and the one line that says why."""

    ok: bool
    sentence: str


def health_of(beat: datetime | None, now: datetime, poll: timedelta, *, writable: bool, slack: float = 0.0) -> Health:
    """Well is who ended a cycle within three polls and can write its store. A conflict or a tracker that does not
    answer is no reason to start a container anew. `slack` in seconds is for a rehearsal's fast clock."""
    if not writable:
        return Health(False, "unhealthy: the store cannot be written")
    if beat is None:
        return Health(False, "unhealthy: no cycle has ended yet")
    age = (now - beat).total_seconds()
    limit = POLLS * poll.total_seconds() + slack
    if age > limit:
        return Health(False, f"unhealthy: the last cycle ended {age:.0f} s ago, more than {limit:.0f} s")
    if age < -limit:
        return Health(False, f"unhealthy: the last cycle ended {-age:.0f} s in the future: a clock was set back")
    return Health(True, f"healthy: the last cycle ended {max(age, 0):.0f} s ago")
