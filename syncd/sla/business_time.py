"""Business time as two questions, answered by bisection: how much passed, and when is so much used up.

The working time of a calendar is a sorted list of UTC spans with prefix sums. It is built for the years that are asked
for and kept; the answers depend on the calendar alone, never on what was asked before or on the host's zone.
"""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from syncd.sla.calendar import DAY, Calendar, Span

NEVER: Final = 2 * 366 * DAY
"""A calendar without an open second for this long is closed for good, so that no search runs for ever."""
_LAST_YEAR: Final = 9990
_FIRST_YEAR: Final = 2


class _Index(NamedTuple):
    first_year: int
    last_year: int
    low: int  # the instants that are covered: [low, high]
    high: int
    starts: list[int]
    ends: list[int]
    sums: list[int]  # open seconds before each span
    total: int

    def position(self, at: int) -> int:
        """Open seconds between low and the instant."""
        place = bisect_right(self.starts, at) - 1
        if place < 0:
            return 0
        return self.sums[place] + min(at, self.ends[place]) - self.starts[place]


class BusinessTime:
    """A calendar as an index."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.fingerprint = calendar.fingerprint
        self._built: _Index | None = None

    def elapsed(self, start: int, end: int) -> int:
        """Open seconds in [start, end); 0 when end is not after start."""
        if end <= start:
            return 0
        index = self._cover(start, end)
        return index.position(end) - index.position(start)

    def add(self, start: int, seconds: int) -> int | None:
        """The last instant at which no more than `seconds` open seconds have passed since `start`.

        What ends exactly at closing time is due at the next opening. None when the calendar never opens again."""
        index = self._cover(start, start)
        while True:
            want = index.position(start) + seconds
            if want < index.total:
                place = bisect_right(index.sums, want) - 1
                return index.starts[place] + want - index.sums[place]
            wider = self._wider(index, start)
            if wider is None:
                return None
            index = wider

    def reach(self, start: int, seconds: int) -> int | None:
        """The first instant at which `seconds` open seconds have passed since `start`; None when that never comes."""
        if seconds <= 0:
            return start
        index = self._cover(start, start)
        while True:
            want = index.position(start) + seconds
            if want <= index.total:
                place = bisect_left(index.sums, want) - 1
                return index.starts[place] + want - index.sums[place]
            wider = self._wider(index, start)
            if wider is None:
                return None
            index = wider

    def is_open(self, at: int) -> bool:
        """Whether the instant lies in working time."""
        index = self._cover(at, at)
        place = bisect_right(index.starts, at) - 1
        return place >= 0 and at < index.ends[place]

    def spans(self, start: int, end: int) -> list[Span]:
        """The working time in [start, end), clipped to it."""
        if end <= start:
            return []
        index = self._cover(start, end)
        low, high = bisect_right(index.ends, start), bisect_left(index.starts, end)
        return [(max(index.starts[i], start), min(index.ends[i], end)) for i in range(low, high)]

    def add_days(self, start: int, days: int) -> int | None:
        """The same time on the wall, `days` working days later, or the next opening after it.

        With 0 days: on the same date, or on the next working day when the date is none."""
        local = self.calendar.local(start)
        day, closed = local.date(), 0
        left = days if days or self.calendar.is_working_day(day) else 1
        while left > 0:
            day += timedelta(days=1)
            if self.calendar.is_working_day(day):
                left, closed = left - 1, 0
            elif (closed := closed + 1) * DAY > NEVER or day.year > _LAST_YEAR:
                return None
        second = local.hour * 3600 + local.minute * 60 + local.second
        return self.add(start if day == local.date() else self.calendar.instant(day, second), 0)

    def seconds_of_days(self, start: int, days: int) -> int | None:
        """What `days` working days from `start` are worth in open seconds; None when the calendar never opens.

        Before opening time the count begins at the opening, so that waiting at the door never shortens a target."""
        opening = self.add(start, 0)
        if opening is None:
            return None
        end = self.add_days(opening, days)
        return None if end is None else self.elapsed(opening, end)

    def _cover(self, start: int, end: int) -> _Index:
        index = self._built
        if index is None or start < index.low or end > index.high:
            first, last = _year(start) - 1, _year(end) + 1
            if index is not None:
                first, last = min(first, index.first_year), max(last, index.last_year)
            index = self._built = _build(self.calendar, max(first, _FIRST_YEAR), min(last, _LAST_YEAR))
        return index

    def _wider(self, index: _Index, start: int) -> _Index | None:
        """The index with as many years again, or None when nothing has been open for too long at its end."""
        last_open = max(index.ends[-1] if index.ends else index.low, min(start, index.high))
        if index.last_year >= _LAST_YEAR or index.high - last_open > NEVER:
            return None
        return self._cover(index.low, index.high + (index.high - index.low))


def _year(at: int) -> int:
    return datetime.fromtimestamp(at, UTC).year


@functools.lru_cache(maxsize=64)
def _build(calendar: Calendar, first_year: int, last_year: int) -> _Index:
    spans = calendar.spans(date(first_year, 1, 1), date(last_year, 12, 31))
    sums, total = [], 0
    for start, end in spans:
        sums.append(total)
        total += end - start
    return _Index(
        first_year,
        last_year,
        low=calendar.instant(date(first_year, 1, 1), 0),
        high=calendar.instant(date(last_year, 12, 31), DAY),
        starts=[start for start, _ in spans],
        ends=[end for _, end in spans],
        sums=sums,
        total=total,
    )


@dataclass(frozen=True)
class Timetable:
    """A calendar over time: each stretch of time is measured by the version in force then.

    The first version also measures what lies before it."""

    name: str
    versions: tuple[tuple[int, BusinessTime], ...]  # (valid from, index), oldest first

    def elapsed(self, start: int, end: int) -> int:
        """Open seconds in [start, end)."""
        if len(self.versions) == 1:
            return self.versions[0][1].elapsed(start, end)
        return sum(time.elapsed(low, min(high, end)) for time, low, high in self._pieces(start))

    def add(self, start: int, seconds: int) -> int | None:
        """The last instant at which no more than `seconds` open seconds have passed since `start`."""
        left = seconds
        for time, low, high in self._pieces(start):
            if high == _FOREVER:
                return time.add(low, left)
            used = time.elapsed(low, high)
            if left < used:
                return time.add(low, left)
            left -= used
        return None

    def reach(self, start: int, seconds: int) -> int | None:
        """The first instant at which `seconds` open seconds have passed since `start`."""
        left = seconds
        for time, low, high in self._pieces(start):
            if high == _FOREVER:
                return time.reach(low, left)
            used = time.elapsed(low, high)
            if left <= used:
                return time.reach(low, left)
            left -= used
        return None

    def at(self, instant: int) -> BusinessTime:
        """The version in force at an instant."""
        found = self.versions[0][1]
        for valid_from, time in self.versions:
            if valid_from > instant:
                break
            found = time
        return found

    def label(self, instant: int) -> str:
        """The calendar's name with the fingerprint of the version in force."""
        return f"{self.name}@{self.at(instant).fingerprint}"

    def changes(self) -> tuple[int, ...]:
        """The instants at which another version takes over."""
        return tuple(valid_from for valid_from, _ in self.versions[1:])

    def _pieces(self, start: int) -> list[tuple[BusinessTime, int, int]]:
        ends = [*self.changes(), _FOREVER]
        pieces = []
        low = start
        for (_, time), high in zip(self.versions, ends, strict=True):
            if high > low:
                pieces.append((time, low, high))
                low = high
        return pieces


_FOREVER: Final = 1 << 62


def timetable(calendar: Calendar) -> Timetable:
    """A calendar that never changed."""
    return Timetable(calendar.name, ((0, BusinessTime(calendar)),))
