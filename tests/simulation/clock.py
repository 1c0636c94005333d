"""The daemon's two clocks: the servers' time, which is always right, seen through a wall clock that may be wrong and a
monotonic one that stands still while the machine is suspended."""

from __future__ import annotations

from datetime import UTC, datetime

from syncd.sandbox.clock import SandboxClock

STARTS = tuple(
    moment.timestamp()
    for moment in (
        *[datetime(2026, 3, 2, 9, 0, tzinfo=UTC)] * 6,  # a Monday
        datetime(2026, 3, 29, 0, 58, tzinfo=UTC),  # Europe's clocks go forward
        datetime(2026, 10, 25, 0, 58, tzinfo=UTC),  # and back
        datetime(2026, 11, 1, 5, 58, tzinfo=UTC),  # New York's go back
        datetime(2028, 2, 29, 23, 57, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 57, tzinfo=UTC),
    )
)
"""When histories begin."""


class SimClock:
    """As core.ports.Clock. `skew` seconds are added to the wall clock, `asleep` seconds never passed for the other, and
    the `correction` is what syncd adds when it finds the wall clock wrong."""

    rate = 1.0

    def __init__(self, servers: SandboxClock) -> None:
        self._servers = servers
        self._began = servers.now()
        self.skew = 0.0
        self.asleep = 0.0
        self.correction = 0.0

    def now(self) -> datetime:
        """What syncd believes the time to be."""
        return datetime.fromtimestamp(self._servers.now() + self.skew + self.correction, UTC)

    @property
    def wrong_by(self) -> float:
        """Seconds by which what syncd believes is ahead of the servers' time."""
        return self.skew + self.correction

    def correct(self, seconds: float) -> None:
        """See HostClock."""
        self.correction = seconds

    def monotonic(self) -> float:
        """Seconds since the machine started, without those in which it slept."""
        return self._servers.now() - self._began - self.asleep
