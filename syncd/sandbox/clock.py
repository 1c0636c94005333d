"""The sandbox's own time, so that an hour can be played in a minute or not pass at all."""

from __future__ import annotations

import threading
import time


class SandboxClock:
    """Thread-safe clock in epoch seconds (UTC).

    It starts at `start` (None: the real now) and runs `rate` sandbox seconds per real second. A `frozen`
    clock moves only when it is told to.
    """

    def __init__(self, start: float | None = None, rate: float = 1.0, frozen: bool = False) -> None:
        if rate <= 0:
            raise ValueError("the clock's rate must be greater than 0")
        self._lock = threading.Lock()
        self._frozen = frozen
        self._rate = rate
        self._base = time.time() if start is None else float(start)
        self._mark = time.monotonic()

    def _read(self) -> float:
        if self._frozen:
            return self._base
        return self._base + (time.monotonic() - self._mark) * self._rate

    def now(self) -> float:
        """Epoch seconds, with fractions."""
        with self._lock:
            return self._read()

    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return int(self.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Moves the clock by `seconds`; a negative number is a clock that was set back."""
        with self._lock:
            self._base = self._read() + seconds
            self._mark = time.monotonic()

    def set(self, epoch: float) -> None:
        """Sets the clock to `epoch` seconds; it runs on from there."""
        with self._lock:
            self._base = float(epoch)
            self._mark = time.monotonic()

    @property
    def frozen(self) -> bool:
        """Whether only `advance` and `set` move this clock."""
        return self._frozen

    @property
    def rate(self) -> float:
        """Sandbox seconds per real second."""
        return self._rate

    @rate.setter
    def rate(self, value: float) -> None:
        if value <= 0:
            raise ValueError("the clock's rate must be greater than 0")
        with self._lock:
            self._base = self._read()
            self._mark = time.monotonic()
            self._rate = float(value)

    def sleep(self, seconds: float) -> None:
        """Waits until `seconds` of sandbox time have passed; returns at once when frozen."""
        if not self._frozen and seconds > 0:
            time.sleep(seconds / self._rate)
