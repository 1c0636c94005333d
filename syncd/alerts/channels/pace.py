"""How many messages a robot may be given in how much time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Pace:
    """At most so many in so many seconds, for each of `limits`. Kept in memory: after a restart the service's own limit
    counts, and its answer is read. Threads may share it."""

    def __init__(self, limits: tuple[tuple[int, float], ...], monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._taken: deque[float] = deque(maxlen=max(count for count, _ in limits))
        self._lock = threading.Lock()

    def take(self) -> float:
        """Takes a turn and returns 0, or takes none and returns the seconds until there is one."""
        with self._lock:
            now = self._monotonic()
            wait = max((self._wait(count, span, now) for count, span in self._limits), default=0.0)
            if wait <= 0:
                self._taken.append(now)
            return max(wait, 0.0)

    def _wait(self, count: int, span: float, now: float) -> float:
        if len(self._taken) < count:
            return 0.0
        return self._taken[-count] + span - now
