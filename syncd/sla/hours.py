"""Working hours and dates as people write them: `mon-fri: 09:00-18:00`, `2026-12-24/2027-01-02`.

What means nothing raises ValueError with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from syncd.sla.calendar import DAY, WEEKDAYS, WHOLE_DAY, Span

ALWAYS_OPEN: Final = "always"
CLOSED: Final = "closed"
_LONGEST: Final = 366  # days of a span of dates: more is a slip of the pen


def parse_week(data: Any) -> tuple[tuple[Span, ...], ...]:
    """Seven days from Monday, of `always` or of a map from days (`mon`, `mon-fri`, `sat-mon`) to hours."""
    if data == ALWAYS_OPEN:
        return (WHOLE_DAY,) * 7
    if not isinstance(data, Mapping):
        said = "Write the hours of the days, such as {mon-fri: [09:00-12:00, 13:00-18:00]}, or always."
        raise ValueError(said)  # noqa: TRY004 - what a person wrote, not what a program passed
    week: dict[int, tuple[Span, ...]] = {}
    for key, hours in data.items():
        first, _, last = str(key).partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError(f"{key} is no day of the week: write mon, or mon-fri.")
        low = WEEKDAYS.index(first)
        high = WEEKDAYS.index(last) if last else low
        for day in range(low, high + 1 if high >= low else high + 8):
            if day % 7 in week:
                raise ValueError(f"{WEEKDAYS[day % 7]} has its hours twice.")
            week[day % 7] = parse_hours(hours)
    return tuple(week.get(day, ()) for day in range(7))


def parse_hours(hours: Any) -> tuple[Span, ...]:
    """The spans of a day in seconds after midnight, of `closed`, one span, or a list of spans."""
    if hours == CLOSED:
        return ()
    if not isinstance(hours, str | list | tuple) or not hours:
        raise ValueError("Write a span of a day such as 09:00-17:30, several in [ ], or closed.")
    return tuple(_span(text) for text in ([hours] if isinstance(hours, str) else hours))


def _span(text: object) -> Span:
    start, dash, end = str(text).partition("-")
    if not dash:
        raise ValueError(f"{text} is no span of a day: write 09:00-17:30.")
    return _clock_time(start), _clock_time(end)


def _clock_time(text: str) -> int:
    parts = text.strip().split(":")
    if len(parts) in (2, 3) and all(part.isdecimal() and len(part) == 2 for part in parts):
        hour, minute, second = (*(int(part) for part in parts), 0)[:3]
        seconds = hour * 3600 + minute * 60 + second
        if minute < 60 and second < 60 and seconds <= DAY:
            return seconds
    raise ValueError(f"{text.strip()} is no time of a day: write 09:00, or 24:00 for the end of the day.")


def parse_dates(value: Any) -> set[date]:
    """One date, or `2026-12-24/2027-01-02` with both its ends."""
    first, slash, last = str(value).partition("/")
    start = parse_date(first)
    days = (parse_date(last) - start).days if slash else 0
    if not 0 <= days < _LONGEST:
        raise ValueError(f"{value} {'ends before it begins' if days < 0 else 'is longer than a year'}.")
    return {start + timedelta(days=day) for day in range(days + 1)}


def parse_date(value: Any) -> date:
    """A date of `2026-12-24`."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"{value} is no date: write one such as 2026-12-24.") from None
