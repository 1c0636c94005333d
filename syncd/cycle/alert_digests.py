"""What goes out once a day in each receiver's zone: the list for the morning meeting, and the line that makes silence
visible. The local date is in the Message-ID, so that no restart, DST change or clock set back makes a second one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from syncd.alerts.case import Case
from syncd.alerts.describe import alert_of, in_order, letter_id
from syncd.alerts.message import Alert, Notification, Reason, Section
from syncd.alerts.ports import Channel
from syncd.alerts.routing import chain_and_group
from syncd.alerts.settings import AlertSettings, Receiver
from syncd.core.alert_model import BREACH, AlertKey, Post
from syncd.cycle.alert_world import Keeper, case_of
from syncd.cycle.letters import Writer
from syncd.sla.calendar import DAY, Calendar, always
from syncd.sla.policy import Book
from syncd.store import Store, Tx

LATEST: Final = 4 * 3600
"""So many seconds late, after an outage, a morning list still makes sense."""
LOOKED_AT: Final = 300
"""Clocks that one part of a morning list is made from, at most."""
_Part = Literal["overdue", "open", "today", "forecast"]


@dataclass(frozen=True, slots=True)
class Daily:
    """One message that is due today for one receiver."""

    receiver: str
    reason: Reason
    day: date
    zone: Calendar

    @property
    def identity(self) -> str:
        """The same all day long."""
        return f"{self.reason.value}|{self.receiver}|{self.day.isoformat()}"


def due_today(settings: AlertSettings, now: int, since: int) -> list[Daily]:
    """Whose time of day has come, today, not too long ago, and not before alerts were turned on."""
    found = []
    for receiver in settings.receivers.values():
        zone = always(receiver.name, receiver.zone)
        day = zone.local_date(now)
        for reason, second in ((Reason.MORNING, receiver.morning), (Reason.HEARTBEAT, receiver.heartbeat)):
            if second is not None and max(since, now - LATEST) <= zone.instant(day, second) <= now:
                found.append(Daily(receiver.name, reason, day, zone))
    return found


class DailyRound:
    """Writes the day's messages. `done` spares the store the question once one is written."""

    def __init__(self, store: Store, keeper: Keeper) -> None:
        self._store = store
        self._keeper = keeper
        self._done: set[str] = set()

    def run(
        self, settings: AlertSettings, book: Book | None, channels: Mapping[str, Channel], now: int, since: int
    ) -> bool:
        """Whatever is due and was not written yet; True when there was something."""
        due = [each for each in due_today(settings, now, since) if each.identity not in self._done]
        if not due:
            return False
        with self._store.transaction() as tx:
            for each in due:
                if not _is_written(tx, settings, each):
                    told = self._notification(tx, settings, book, each, now)
                    Writer(tx, settings, channels, now).send(told, identity=each.identity, about=each.reason.value)
        self._done = {each.identity for each in due} | {key for key in self._done if key.endswith(_days(due))}
        return True

    def _notification(self, tx: Tx, settings: AlertSettings, book: Book | None, each: Daily, now: int) -> Notification:
        told = Notification(each.reason, each.receiver, f"{each.reason.value}|{each.receiver}", 0, now)
        if each.reason is Reason.HEARTBEAT or book is None:
            return replace(told, counts=_counts(tx, now))
        return replace(told, sections=_Morning(tx, self._keeper, settings, book, each, now).sections())


class _Morning:
    """The list of one receiver: the tickets whose alerts would reach them; all of them for whom no route names."""

    def __init__(self, tx: Tx, keeper: Keeper, settings: AlertSettings, book: Book, daily: Daily, now: int) -> None:
        self._tx = tx
        self._keeper = keeper
        self._settings = settings
        self._book = book
        self._daily = daily
        self._now = now
        self._cases: dict[int, Case] = {}
        named = {name for route in settings.routes for name in route.chain.audience(len(route.chain.levels))}
        self._sees_all = daily.receiver not in named

    def sections(self) -> tuple[Section, ...]:
        """Overdue, due today, not closed since yesterday, forecasts; none without an entry."""
        zone, tx = self._daily.zone, self._tx
        midnight, tomorrow = zone.instant(self._daily.day, 0), zone.instant(self._daily.day, DAY)
        overdue = self._alerts(
            [(r.key, BREACH) for r in tx.clocks_breached(0, LOOKED_AT, is_open=True)], lambda alert: alert.is_breach
        )
        today = self._alerts(
            [(r.key, "red") for r in tx.clocks_due(tomorrow, LOOKED_AT, after=self._now)],
            lambda alert: alert.due is not None,
        )
        listed = {alert.ticket for alert in (*overdue, *today)}
        begun = tx.clocks_begun_before(midnight, LOOKED_AT)
        older = self._alerts([(key.clock, "") for key in begun if key.ticket not in listed], lambda _: True)
        parts: tuple[tuple[_Part, Sequence[Alert]], ...] = (
            ("overdue", overdue),
            ("today", today),
            ("open", _one_each(older)),
            ("forecast", self._forecasts()),
        )
        most = self._settings.table
        return tuple(Section(key, tuple(alerts[:most]), max(len(alerts) - most, 0)) for key, alerts in parts if alerts)

    def _alerts(
        self, clocks: Iterable[tuple[tuple[int, str, str, int], str]], wanted: Callable[[Alert], bool]
    ) -> list[Alert]:
        keys = [AlertKey(*clock, threshold) for clock, threshold in clocks]
        self._load(key.ticket for key in keys)
        found = [
            alert_of(self._cases[key.ticket], key, self._settings, self._now) for key in keys if self._is_mine(key)
        ]
        return [alert for alert in in_order(found) if wanted(alert)]

    def _forecasts(self) -> list[Alert]:
        said = [forecast for forecast, _ in self._tx.forecasts()][:LOOKED_AT]
        tickets = sorted({forecast.ticket for forecast in said})
        self._load(tickets)
        keys = [key for ticket in tickets if ticket in self._cases for key in sorted(self._cases[ticket].forecasts())]
        return [alert_of(self._cases[key.ticket], key, self._settings, self._now) for key in keys if self._is_mine(key)]

    def _load(self, tickets: Iterable[int]) -> None:
        missing = sorted(set(tickets) - self._cases.keys())
        for told in self._keeper.folded(self._tx, missing, self._now):
            self._cases[told.id] = case_of(self._tx, self._keeper, told, self._book)

    def _is_mine(self, key: AlertKey) -> bool:
        case = self._cases.get(key.ticket)
        if case is None:
            return False
        if self._sees_all:
            return True
        breach = replace(key, threshold=BREACH)
        chain, _ = chain_and_group(self._settings, case, breach)
        return self._daily.receiver in map(self._settings.name_of, chain.audience(len(chain.levels)))


def _one_each(alerts: Iterable[Alert]) -> list[Alert]:
    """The first alert of each ticket."""
    found: dict[int, Alert] = {}
    for alert in alerts:
        found.setdefault(alert.ticket, alert)
    return list(found.values())


def _counts(tx: Tx, now: int) -> tuple[tuple[str, int], ...]:
    clocks = tx.clock_counts()
    posted = tx.posted_since(now - DAY)
    states = tx.outbox_counts()
    waiting = sum(states.get(state.value, 0) for state in (Post.NEW, Post.SENDING, Post.UNKNOWN))
    return (
        ("tickets", clocks["tickets"]),
        ("clocks", clocks["clocks"]),
        ("breached", clocks["breached"]),
        ("sent", posted.get(Post.SENT.value, 0)),
        ("waiting", waiting),
        ("dead", posted.get(Post.DEAD.value, 0)),
    )


def _is_written(tx: Tx, settings: AlertSettings, daily: Daily) -> bool:
    receiver: Receiver = settings.receivers[daily.receiver]
    return any(
        tx.knows_message(letter_id((), daily.reason, daily.identity, 0, target, settings.domain))
        for target in receiver.targets
    )


def _days(due: Iterable[Daily]) -> tuple[str, ...]:
    return tuple({each.day.isoformat() for each in due})
