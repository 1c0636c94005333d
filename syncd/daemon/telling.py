"""What the daemon says of changes: each once when it happens, not every fifteen seconds while it lasts."""

from __future__ import annotations

import structlog

from syncd.app.routing import Routing
from syncd.cycle import CycleReport

log = structlog.get_logger(__name__)


class Teller:
    """Compares each state with the one it told last."""

    def __init__(self) -> None:
        self._problems: frozenset[str] = frozenset()
        self._held: dict[str, str] = {}
        self._stopped: dict[str, str] = {}
        self._warnings: list[str] = []
        self._clock_off: str | None = None

    def cycle(self, report: CycleReport) -> None:
        """A side lost or back, a brake on or off."""
        for side, problem in report.problems.items():
            if side not in self._problems:
                log.warning("side_lost", side=side, problem=problem, news=True)
        for side in sorted(self._problems - report.problems.keys()):
            log.info("side_back", side=side)
        for route, held in report.held.items():
            if self._held.get(route) != held.reason.value:
                log.warning("brake_on", route=route, reason=held.reason.value, problem=held.message, news=True)
        off = report.clock_off.sentence if report.clock_off is not None else None
        if off != self._clock_off and off is not None:
            log.warning("clock_wrong", problem=off, news=True)
        elif off is None and self._clock_off is not None:
            log.info("clock_right", news=True)
        self._clock_off = off
        for warning in dict.fromkeys(report.warnings):
            log.warning("noticed", problem=warning)
        self._problems = frozenset(report.problems)
        self._held = {route: held.reason.value for route, held in report.held.items()}

    def routes(self, routing: Routing) -> None:
        """Routes that stop or run again, and what is worth a look in the configuration."""
        stopped = dict(routing.routes.stopped)
        for name, why in stopped.items():
            if self._stopped.get(name) != why:
                log.error("route_stopped", route=name, problem=why, news=True)
        for name in sorted(self._stopped.keys() - stopped.keys()):
            log.info("route_runs", route=name)
        warnings = [str(problem) for problem in routing.warnings]
        for sentence in warnings:
            if sentence not in self._warnings:
                log.warning("configuration", problem=sentence)
        self._stopped, self._warnings = stopped, warnings
