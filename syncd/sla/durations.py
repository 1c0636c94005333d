"""Targets as people write them: `30m`, `4h`, `1h30m`, `2 business_days`. A bare day could mean 8 h or 24: refused."""

from __future__ import annotations

import re
from typing import Final

from syncd.sla.policy import Goal, Unit

_DAYS: Final = re.compile(r"(\d{1,4})\s*business[_ ]days?", re.ASCII)
_PART: Final = re.compile(r"(\d{1,6})\s*([smh])\s*", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def parse_seconds(text: str) -> int:
    """Whole seconds of a span in hours, minutes and seconds; raises ValueError with a sentence otherwise."""
    compact = str(text).strip().lower()
    parts = _PART.findall(compact)
    if not parts or _PART.sub("", compact):
        if re.fullmatch(r"\d+\s*(d|days?|w|weeks?)", compact):
            raise ValueError(f"{text} could mean working days or days of 24 h: write 2 business_days, or 48h.")
        raise ValueError(f"{text} is no span of time: write 30m, 4h, 1h30m or 2 business_days.")
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in parts)
    if seconds == 0:
        raise ValueError("A span of time must be longer than nothing.")
    return seconds


def parse_goal(text: str, calendar: str) -> Goal:
    """A goal by that calendar; raises ValueError with a sentence."""
    days = _DAYS.fullmatch(str(text).strip().lower())
    if days:
        if int(days[1]) == 0:
            raise ValueError("A span of time must be longer than nothing.")
        return Goal(int(days[1]), Unit.BUSINESS_DAYS, calendar)
    return Goal(parse_seconds(text), Unit.SECONDS, calendar)
