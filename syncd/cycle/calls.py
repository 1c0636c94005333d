"""Counting API calls by what they were made for: fast, complete, census, identity, plan, write."""

from __future__ import annotations

import threading


class CallCounter:
    """Fed by both sources, from any thread; the engine says what the calls are for."""

    def __init__(self) -> None:
        self.label = "start"
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def start(self, counts: dict[str, int]) -> None:
        """From now on the calls go into `counts`."""
        with self._lock:
            self._counts = counts

    def count(self, service: str) -> None:
        """One call to a service."""
        with self._lock:
            key = f"{service}.{self.label}"
            self._counts[key] = self._counts.get(key, 0) + 1
