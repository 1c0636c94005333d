"""Faults on request: what goes wrong, for which calls, and how often."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

#: The kinds that `web.ServiceApp` plays by itself. Any other kind is handed to the service in
#: `ApiRequest.fault`.
GENERIC_KINDS = frozenset(
    {
        "drop_before",
        "drop_after",
        "torn",
        "delay",
        "status",
        "status_after",
        "html",
        "bad_json",
        "empty",
        "retry_after_date",
        "retry_after_zero",
        "retry_after_max",
        "late",
    }
)


@dataclass
class Fault:
    """One fault.

    It strikes the calls of `service` whose method is `method` (None: any) and whose path is found by the
    regular expression `path` (None: any; the path comes without `.json`): the first `skip` of them pass, the
    next `times` are struck (-1: for ever), each with `probability`. `args` belongs to the kind.
    """

    kind: str
    service: str
    method: str | None = None
    path: str | None = None
    times: int = 1
    skip: int = 0
    probability: float = 1.0
    args: dict[str, Any] = field(default_factory=dict)

    def matches(self, service: str, method: str, path: str) -> bool:
        """Whether this call is one that the fault counts."""
        return (
            self.service == service
            and (self.method is None or self.method.upper() == method.upper())
            and (self.path is None or re.search(self.path, path) is not None)
        )


class Faults:
    """The faults that are set, oldest first. Thread-safe."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._fired: Counter[str] = Counter()
        self._added = 0

    def add(self, fault: Fault) -> int:
        """Sets a fault; returns its number, counted from 1."""
        if fault.path is not None:
            re.compile(fault.path)
        with self._lock:
            self._faults.append(fault)
            self._added += 1
            return self._added

    def clear(self) -> None:
        """Takes all faults away; the counts stay."""
        with self._lock:
            self._faults.clear()

    def take(self, service: str, method: str, path: str, kinds: Collection[str] | None = None) -> Fault | None:
        """The fault that strikes this call, or None. It is counted and, when it was its last time, removed.

        `kinds` narrows the search to these kinds; others are then neither taken nor counted down.
        """
        if not self._faults:
            return None
        with self._lock:
            for position, fault in enumerate(self._faults):
                if kinds is not None and fault.kind not in kinds:
                    continue
                if fault.times == 0 or not fault.matches(service, method, path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.probability < 1.0 and self._rng.random() >= fault.probability:
                    continue
                if fault.times > 0:
                    fault.times -= 1
                    if fault.times == 0:
                        del self._faults[position]
                self._fired[fault.kind] += 1
                return fault
        return None

    def fired(self) -> dict[str, int]:
        """How often each kind has struck."""
        with self._lock:
            return dict(sorted(self._fired.items()))

    def pending(self) -> list[Fault]:
        """The faults that are still set."""
        with self._lock:
            return list(self._faults)
