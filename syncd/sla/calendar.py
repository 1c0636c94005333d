"""When a team works: a calendar of local hours, and the same as spans of UTC seconds.

Local time is turned into instants once, day by day, so that no question about business time ever does arithmetic with
wall clocks: https://peps.python.org/pep-0495/ says why that fails around a DST change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

Span: TypeAlias = tuple[int, int]
"""Half open: [start, end). Seconds of a local day (0 to 86400), or Unix seconds, as the name of the variable says."""

DAY: Final = 86400
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WHOLE_DAY: Final[tuple[Span, ...]] = ((0, DAY),)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Calendar:
    """Working hours in one zone. For one date the first that says something decides: an override, a make-up working
    day, a holiday, the weekday. Breaks are cut out of whatever that gives."""

    name: str
    zone: str  # IANA name
    week: tuple[tuple[Span, ...], ...]  # seven days from Monday; several spans a day, each within the day
    overrides: Mapping[date, tuple[Span, ...]] = field(default_factory=dict, hash=False)  # () = closed on that date
    breaks: Mapping[date, tuple[Span, ...]] = field(default_factory=dict, hash=False)
    holidays: frozenset[date] = frozenset()
    makeup: frozenset[date] = frozenset()  # worked although the weekday is free, as China announces them
    makeup_hours: tuple[Span, ...] = ()  # () = the hours of the first weekday that has some
    published_until: int | None = None  # the last year whose holidays are announced; None = not a matter of notices

    @property
    def tz(self) -> ZoneInfo:
        """The zone; raises ZoneInfoNotFoundError (a KeyError) for a name that does not exist."""
        return ZoneInfo(self.zone)

    def hours_on(self, day: date) -> tuple[Span, ...]:
        """The local working hours of a date, breaks not yet cut out; () when it is free or does not exist."""
        hours = self._planned(day)
        return hours if hours and self.exists(day) else ()

    def _planned(self, day: date) -> tuple[Span, ...]:
        if day in self.overrides:
            return self.overrides[day]
        usual = self.week[day.weekday()]
        if day in self.makeup:
            return usual or self.makeup_hours or next((hours for hours in self.week if hours), ())
        return () if day in self.holidays else usual

    def is_working_day(self, day: date) -> bool:
        """Whether the date counts as one of `business_days`."""
        return bool(self.hours_on(day))

    def exists(self, day: date) -> bool:
        """False for a date that a zone skipped by crossing the date line, as Apia did with 2011-12-30."""
        noon = datetime.combine(day, time(12), self.tz)
        return noon.astimezone(UTC).astimezone(self.tz).date() == day

    def instant(self, day: date, second: int) -> int:
        """The Unix second of a local time, `second` seconds after midnight by the wall clock (86400 = 24:00).

        A time that occurs twice is its first occurrence; one that does not exist moves on by the length of the gap."""
        if second >= DAY:
            day, second = day + timedelta(days=1), second - DAY
        local = datetime.combine(day, time(second // 3600, second // 60 % 60, second % 60), self.tz)
        return (local - _EPOCH) // _SECOND

    def local_date(self, at: int) -> date:
        """The date on the wall at an instant."""
        return self.local(at).date()

    def local(self, at: int) -> datetime:
        """The instant as aware local time."""
        return datetime.fromtimestamp(at, UTC).astimezone(self.tz)

    def spans(self, first: date, last: date) -> list[Span]:
        """The working time of these local dates, both included, in Unix seconds: sorted, merged, none empty."""
        found: list[Span] = []
        day = first
        while day <= last:
            hours = self.hours_on(day)
            if hours:
                opened = merged(self._instants(day, hours))
                cuts = self.breaks.get(day, ())
                found.extend(without(opened, merged(self._instants(day, cuts))) if cuts else opened)
            day += timedelta(days=1)
        return merged(found)

    def _instants(self, day: date, spans: Iterable[Span]) -> Iterator[Span]:
        for start, end in spans:
            begins, ends = self.instant(day, start), self.instant(day, end)
            if begins < ends:  # a span that lies in a DST gap comes out empty or reversed
                yield begins, ends

    def is_guess(self, at: int) -> bool:
        """True for an instant past the last year whose holidays are announced: a due time there may still move."""
        return self.published_until is not None and self.local_date(at).year > self.published_until

    @property
    def fingerprint(self) -> str:
        """Ten hex digits that change whenever an answer of this calendar could."""
        parts = (
            self.zone,
            self.week,
            sorted(self.overrides.items()),
            sorted(self.breaks.items()),
            sorted(self.holidays),
            sorted(self.makeup),
            self.makeup_hours,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """What a country announces about some years."""

    closed: frozenset[date] = frozenset()
    makeup: frozenset[date] = frozenset()  # free weekdays that are worked
    published_until: int | None = None  # the last year that was announced; None where a rule gives every year


def always(name: str = "24x7", zone: str = "UTC") -> Calendar:
    """The calendar in which every second counts."""
    return Calendar(name, zone, (WHOLE_DAY,) * 7)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The union of spans, sorted; touching ones become one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
        elif start < end:
            joined.append((start, end))
    return joined


def without(spans: Iterable[Span], cuts: Iterable[Span]) -> list[Span]:
    """The parts of merged `spans` outside merged `cuts`."""
    left: list[Span] = []
    for start, end in spans:
        at = start
        for cut_start, cut_end in cuts:
            if cut_end <= at or cut_start >= end:
                continue
            if cut_start > at:
                left.append((at, cut_start))
            at = cut_end
        if at < end:
            left.append((at, end))
    return left
