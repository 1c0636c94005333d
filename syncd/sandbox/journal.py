"""What was asked of the sandbox, in order: the ground on which tests count calls and look for secrets."""

from __future__ import annotations

import threading
from typing import Any

from syncd.sandbox.clock import SandboxClock


class Journal:
    """Append-only, thread-safe list of HTTP calls; when `limit` is passed the oldest entries are let go.

    An entry holds `n` (its number, from 1), `at` (epoch seconds of the sandbox clock), `service`, `method`,
    `path` (without `.json`), `query`, `status` (None: the connection was dropped), `actor`, `user_agent`,
    `body` (parsed JSON, or None) and `fault` (kind, or None).
    """

    def __init__(self, clock: SandboxClock, limit: int = 200_000) -> None:
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._count = 0

    def record(self, **entry: object) -> None:
        """Adds one entry, numbered and stamped."""
        with self._lock:
            self._count += 1
            self._entries.append({"n": self._count, "at": self._clock.now(), **entry})
            if len(self._entries) > self._limit + self._limit // 10:
                del self._entries[: len(self._entries) - self._limit]

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """The entries with a number above `since`, oldest first, at most `limit` of them."""
        with self._lock:
            kept = self._entries[-self._limit :]
            if since and kept:
                first = int(kept[0]["n"])
                kept = kept[max(0, since - first + 1) :]
            return list(kept)

    @property
    def last(self) -> int:
        """The number of the newest entry; 0 when there is none. Pass it to `entries` later."""
        with self._lock:
            return self._count
