"""Answers of calendars and clocks that must be the same on any machine."""

from __future__ import annotations

from syncd.sla.business_time import BusinessTime
from syncd.sla.calendar import always
from syncd.sla.explain import explain
from syncd.sla.states import judge
from tests.sla.kit import ANN, CUSTOMER, Told, at, profile, week

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")
STARTS = ("2026-03-08 06:30", "2026-03-29 00:30", "2026-10-25 00:59", "2026-11-01 05:30", "2026-04-04 14:45")


def answers() -> list[object]:
    """Spans, due instants and a ticket's clocks."""
    found: list[object] = []
    for zone in ZONES:
        index = BusinessTime(week(zone, ((0, 6 * 3600), (22 * 3600, 86400)), days=7))
        for start in STARTS:
            found.append((zone, start, index.add(at(start), 30_000), index.add_days(at(start), 2)))
            found.append(index.elapsed(at(start), at(start) + 600_000))
    book = profile("novabrain")
    told = Told("Asia/Shanghai").created("2026-02-13 16:30", group="L1", priority="high")
    told.change("2026-02-14 10:00", group="L2").says("2026-02-24 11:00", ANN, status="pending")
    told.says("2026-02-25 10:00", CUSTOMER, status="open")
    reader = always(zone="Asia/Shanghai")
    return found + [(judge(clock), list(explain(clock, reader))) for clock in told.clocks(book, "2026-02-26 10:00")]
