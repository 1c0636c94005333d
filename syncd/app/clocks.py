"""Time at the edge: the machine's, or the sandbox's during a rehearsal."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests

from syncd.config.fields import is_loopback
from syncd.sources.errors import TransientError


class SystemClock:
    """The machine's clocks."""

    rate = 1.0

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()


class RehearsalClock:
    """The sandbox's clock, read from its control address: an hour may pass in a minute. Never against a real server.

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
        self._first = self.now().timestamp()

    def now(self) -> datetime:
        """The sandbox's present, in UTC; raises TransientError when the sandbox does not answer."""
        try:
            with self._lock:
                answer = self._session.get(self._url, timeout=5).json()
            self.rate = float(answer["rate"]) or 1.0
            return datetime.fromtimestamp(float(answer["now"]), UTC)
        except (requests.RequestException, KeyError, TypeError, ValueError):
            raise TransientError(f"no sandbox's clock answers at {self._url}") from None

    def monotonic(self) -> float:
        """Seconds of the sandbox's time since the start; they go back only when somebody sets that clock back."""
        return self.now().timestamp() - self._first
