"""Time at the edge: the machine's, or the sandbox's during a rehearsal."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import requests

from syncd.config.fields import is_loopback
from syncd.sources.errors import TransientError


class SystemClock:
    """The machine's clocks; where its wall clock is wrong, corrected by what the servers say."""

    rate = 1.0

    def __init__(self, correction: float = 0.0) -> None:
        self.correction = correction  # seconds

    def now(self) -> datetime:
        """The present, in UTC."""
        present = datetime.now(UTC)
        return present + timedelta(seconds=self.correction) if self.correction else present

    def correct(self, seconds: float) -> None:
        """From now on so many seconds are added to what the machine says."""
        self.correction = seconds

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()


ASKED_AGAIN = 0.1
"""Seconds for which a rehearsal reckons on from the last answer: a cycle looks at its clock hundreds of times."""


class RehearsalClock:
    """The sandbox's clock, read from its control address: an hour may pass in a minute. Never against a real server.
    One that does not hurry is asked each time, as somebody may move it by hand.

    Raises ValueError for an address that is not on this machine, and TransientError."""

    def __init__(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        if urlsplit(url).scheme != "http" or not is_loopback(host):
            raise ValueError(f"--clock takes an http address on this machine, not {url}")
        self._url = url.rstrip("/") + "/clock"
        self._session = requests.Session()
        self._session.trust_env = False
        self._lock = threading.Lock()
        self.rate = 1.0
        self._asked, self._answer, self._pace = float("-inf"), 0.0, 0.0
        self._first = self.now().timestamp()

    def now(self) -> datetime:
        """The sandbox's present, in UTC, of a moment ago at most; raises TransientError when the sandbox does not
        answer."""
        with self._lock:
            elapsed = time.monotonic() - self._asked
            if self._pace > 1.0 and elapsed < ASKED_AGAIN:
                return datetime.fromtimestamp(self._answer + elapsed * self._pace, UTC)
            return self._ask()

    def _ask(self) -> datetime:
        try:
            answer = self._session.get(self._url, timeout=5).json()
            now, self._pace = datetime.fromtimestamp(float(answer["now"]), UTC), float(answer["rate"])
            self.rate = self._pace or 1.0
            self._asked, self._answer = time.monotonic(), now.timestamp()
            return now
        except (requests.RequestException, KeyError, TypeError, ValueError):
            raise TransientError(f"no sandbox's clock answers at {self._url}") from None

    def monotonic(self) -> float:
        """Seconds of the sandbox's time since the start; they go back only when somebody sets that clock back."""
        return self.now().timestamp() - self._first
