"""When the next cycle is due: APScheduler rings, and the monotonic clock sees to it that nobody waits in vain."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

JUMP = 5.0
"""Seconds by which wall and monotonic clock may part between two looks; beyond, the wall clock was set or the machine
slept."""


LOOK_EVERY = 1.0
"""Seconds between two questions whether there is enough reason to wake."""


class EverySoOften(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """Once per interval, however far the wall clock jumped: missed times are not made up for, nor even counted."""

    def __init__(self, seconds: float) -> None:
        self._interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """One interval from now."""
        return now + self._interval


class Alarm:
    """Wakes one waiting thread. ring() may be called from signal handlers and from any thread."""

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall_now = wall
        self._mono_now = monotonic
        self._wakes: queue.SimpleQueue[str] = queue.SimpleQueue()  # its put() may interrupt itself: fit for signals
        self._scheduler: Any = None
        self._every = 0.0
        self._wall, self._mono = wall(), monotonic()

    def start(self, every: float) -> None:
        """Rings every so many seconds from now on."""
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self.set(every)
        self._scheduler.start()

    def set(self, every: float, *, anew: bool = False) -> None:
        """Another interval; `anew` sets the alarm even when it is the same."""
        if every == self._every and not anew:
            return
        self._every = every
        self._scheduler.add_job(
            lambda: self._wakes.put("poll"),
            EverySoOften(every),
            id="poll",
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            replace_existing=True,
        )

    def stop(self) -> None:
        """Rings no more."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    def ring(self, why: str) -> None:
        """Wakes who waits, at once."""
        self._wakes.put(why)

    def wait(self, last_start: float, pause: float, *, enough: Callable[[], bool]) -> None:
        """Returns when a cycle is due `pause` seconds after `last_start` (monotonic): when the alarm rings then, or a
        quarter of the pause later if it keeps silent; at once when `enough` says so, which is asked every second. A
        ring from before, during the last cycle, is passed over."""
        due = last_start + pause
        while not enough():
            left = due + pause / 4 - self._mono_now()
            if left <= 0:
                return
            try:
                self._wakes.get(timeout=min(left, LOOK_EVERY))
            except queue.Empty:
                continue
            if self._mono_now() >= due - pause / 4:
                return

    def jumped(self) -> float:
        """Seconds by which the wall clock left the monotonic one since the last question; 0 when it did not. After a
        jump the scheduler's times are worthless, so the alarm is set anew."""
        wall, mono = self._wall_now(), self._mono_now()
        apart = (wall - self._wall).total_seconds() - (mono - self._mono)
        self._wall, self._mono = wall, mono
        if abs(apart) <= JUMP:
            return 0.0
        if self._scheduler is not None:
            self.set(self._every, anew=True)
        return apart
