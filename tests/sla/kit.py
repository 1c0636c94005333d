"""Telling the life of a ticket line by line, and small rules to judge it by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from syncd.config.fields import Surroundings
from syncd.config.sla_models import Sla
from syncd.config.sla_profile import read_profile
from syncd.core.model import Actor, ActorKind
from syncd.sla.build import build
from syncd.sla.calendar import Calendar, PublicHolidays, Span
from syncd.sla.clock import Clock, clocks
from syncd.sla.events import (
    BugChanged,
    BugLinked,
    BugMoved,
    BugTouched,
    BugUnlinked,
    Changed,
    Commented,
    Created,
    Event,
    Happening,
    Merged,
    Side,
)
from syncd.sla.policy import Book

ANN, BOB = Actor(ActorKind.AGENT, "21", "Ann"), Actor(ActorKind.AGENT, "22", "Bob")
CUSTOMER = Actor(ActorKind.CUSTOMER, "31", "Cleo")
TRIGGER = Actor(ActorKind.RULE, "0", "Notify requester")
DEV = Actor(ActorKind.AGENT, "dev-1", "Dana")
US = Actor(ActorKind.SELF, "99", "syncd")

PROFILES = Path(__file__).resolve().parents[2] / "mappings" / "profiles"

NINE_TO_FIVE: tuple[Span, ...] = ((9 * 3600, 17 * 3600),)
OFFICE: dict[str, Any] = {"zone": "UTC", "week": {"mon-fri": ["09:00-17:00"]}}
ALWAYS: dict[str, Any] = {"zone": "UTC", "week": "always"}

CHINA_2026 = PublicHolidays(
    closed=frozenset(
        date(2026, month, day)
        for month, days in (
            (1, (1, 2, 3)),
            (2, (15, 16, 17, 18, 19, 20, 21, 22, 23)),
            (4, (4, 5, 6)),
            (5, (1, 2, 3, 4, 5)),
            (6, (19, 20, 21)),
            (9, (25, 26, 27)),
            (10, (1, 2, 3, 4, 5, 6, 7)),
        )
        for day in days
    ),
    makeup=frozenset(date(2026, m, d) for m, d in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))),
    published_until=2026,
)


def at(text: str, zone: str = "UTC") -> int:
    """The Unix second of a local time such as 2026-03-02 09:00 or 2026-03-02 09:00:30."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def shown(instant: int | None, zone: str = "UTC") -> str | None:
    """The other way round."""
    if instant is None:
        return None
    return datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def week(zone: str = "UTC", hours: tuple[Span, ...] = NINE_TO_FIVE, days: int = 5, **more: Any) -> Calendar:
    """A calendar with the same hours from Monday on."""
    return Calendar("office", zone, (hours,) * days + ((),) * (7 - days), **more)


class Told:
    """A ticket's life; every line is one audit or changelog entry."""

    def __init__(self, zone: str = "UTC") -> None:
        self.zone = zone
        self.events: list[Event] = []
        self._group = 100

    def _add(self, when: str, by: Actor, whats: Iterable[Happening], side: Side = Side.TICKET, bug: str = "") -> Told:
        self._group += 1
        for place, what in enumerate(whats):
            self.events.append(Event(at(when, self.zone), side, self._group, place, by, what, bug))
        return self

    def created(self, when: str, by: Actor = CUSTOMER, *, tags: tuple[str, ...] = (), **values: str) -> Told:
        """A ticket with a public comment; status new, priority normal, channel email unless told otherwise."""
        start: dict[str, str | None] = {"status": "new", "priority": "normal", "channel": "email", **values}
        return self._add(when, by, [Created(start, tags), Commented(public=True)])

    def change(self, when: str, by: Actor = ANN, **values: str | None) -> Told:
        return self._add(when, by, [Changed(name, value) for name, value in values.items()])

    def says(
        self, when: str, by: Actor = ANN, *, public: bool = True, markers: tuple[str, ...] = (), **values: str | None
    ) -> Told:
        comment = Commented(public, markers)
        return self._add(when, by, [comment, *(Changed(name, value) for name, value in values.items())])

    def merged(self, when: str, into: int = 2) -> Told:
        return self._add(when, ANN, [Changed("status", "closed"), Merged(into)])

    def linked(self, when: str, bug: str = "B1", project: str = "NOVA", stage: str = "queued", **more: Any) -> Told:
        return self._add(when, ANN, [BugLinked(project, stage, **more)], Side.BUG, bug)

    def bug_moved(
        self, when: str, stage: str, rank: int, bug: str = "B1", *, done: bool = False, by: Actor = DEV
    ) -> Told:
        return self._add(when, by, [BugMoved(stage, rank, done)], Side.BUG, bug)

    def bug_assigned(self, when: str, who: str | None, bug: str = "B1", by: Actor = DEV) -> Told:
        return self._add(when, by, [BugChanged("assignee", who)], Side.BUG, bug)

    def bug_touched(self, when: str, bug: str = "B1", by: Actor = DEV) -> Told:
        return self._add(when, by, [BugTouched("comment")], Side.BUG, bug)

    def unlinked(self, when: str, bug: str = "B1") -> Told:
        return self._add(when, ANN, [BugUnlinked()], Side.BUG, bug)

    def clocks(self, book: Book, now: str) -> tuple[Clock, ...]:
        """All clocks at a local time."""
        return clocks(1, self.events, book, at(now, self.zone))

    def clock(self, book: Book, now: str, metric: str, number: int = 1, subject: str = "") -> Clock:
        """The one clock of that name."""
        found = [
            clock
            for clock in self.clocks(book, now)
            if (clock.cycle.metric, clock.cycle.number, clock.cycle.subject) == (metric, number, subject)
        ]
        assert len(found) == 1, f"{metric} {number} is there {len(found)} times"
        return found[0]


def china(country: str, _subdivision: str | None = None) -> PublicHolidays:
    """What China announced for 2026."""
    assert country == "CN"
    return CHINA_2026


def rules(
    targets: dict[str, Any],
    metrics: dict[str, Any] | None = None,
    calendars: dict[str, Any] | None = None,
    **more: Any,
) -> Book:
    """A book with one policy for every ticket. A target is a map, or a goal for every level by the calendar office."""
    full = {
        name: value if isinstance(value, dict) else {"goals": {"any": value}, "calendar": "office"}
        for name, value in targets.items()
    }
    data = {
        "calendars": calendars or {"office": OFFICE, "always": ALWAYS},
        "metrics": metrics or {name: {} for name in targets},
        "policies": [{"name": "support", "targets": full}],
        **more,
    }
    return build(data, china)


def profile(name: str) -> Book:
    """A shipped profile, through the models of the configuration, with China's days of 2026."""
    return build(profile_model(name).data(), china, name=name)


def profile_model(name: str) -> Sla:
    """The same as the models of the configuration read it."""
    return Sla.model_validate(read_profile(name, PROFILES.parent), context=Surroundings())
