"""A stage on which timelines are played: lives of tickets, the pipeline with a store, and a channel that remembers.

Everything between the clocks and the channel is production code; the trackers are told line by line, and time is what
the timeline says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from syncd.alerts.message import Notification, Reader
from syncd.alerts.noticing import RuleFact
from syncd.alerts.ports import Fate, Outcome, Parcel, Target
from syncd.alerts.settings import AlertSettings, Receiver, Route
from syncd.core.alert_model import Chain, ChainLevel, Post
from syncd.core.model import TicketSnapshot, TicketState
from syncd.cycle import CycleReport
from syncd.cycle.alerting import Alerter
from syncd.cycle.folding import judged
from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.calendar import always
from syncd.sla.clock import clocks
from syncd.sla.events import Event, in_order
from syncd.sla.folded import AsOf, TicketClocks
from syncd.sla.forecast import Forecast, Sign
from syncd.sla.policy import Book
from syncd.sla.standing import Moment, moments
from syncd.sla.states import judge
from syncd.sources.errors import TransientError
from syncd.store import Store, Tx
from tests.sla.kit import Told, at, rules

DAY = "2026-03-02"  # a Monday
POLL = 15

LEAD, BOSS, FALLBACK = "lead", "boss", "fallback"


def seconds(text: str) -> int:
    """`09:00`, `09:00:30`, or with a date before it; on the first day otherwise."""
    return at(text if "-" in text else f"{DAY} {text}")


def book(target: str = "1h", **more: Any) -> Book:
    """One policy: everything is resolved within the target, by the clock on the wall."""
    targets = {"resolution": {"goals": {"any": target}, "calendar": "always", **more}}
    return rules(targets)


def receiver(name: str, **more: Any) -> Receiver:
    """Somebody with one address."""
    return Receiver(name, (Target("fake", Reader(f"{name}@example.org")),), **more)


def chain(*receivers: str, levels: Iterable[tuple[str, Sequence[str]]] = (), **more: Any) -> Chain:
    """A chain with levels such as ("30m", ["boss"])."""
    found = tuple(ChainLevel(_span(after), tuple(names)) for after, names in levels)
    return Chain("leads", receivers or (LEAD,), found, **more)


def settings(*routes: Route, receivers: Iterable[Receiver] = (), **more: Any) -> AlertSettings:
    """Lead, boss and fallback; one route for all without others."""
    known = {r.name: r for r in (receiver(LEAD), receiver(BOSS), receiver(FALLBACK), *receivers)}
    default = Route("leads", chain(LEAD), group_by=("ticket",))
    return AlertSettings(routes=routes or (default,), receivers=known, fallback=FALLBACK, domain="example.org", **more)


def _span(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


class WallClock:
    """A clock that is moved by hand. `monotonic` never goes back."""

    rate = 1.0

    def __init__(self, start: int) -> None:
        self.at = float(start)
        self._mono = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self._mono

    def advance(self, seconds: float) -> None:
        self.at += seconds
        self._mono += seconds

    def set_back(self, seconds: float) -> None:
        self.at -= seconds


class FakeChannel:
    """Remembers what was handed over; `answers` are given in order, then everything is taken."""

    def __init__(self, clock: WallClock, name: str = "fake") -> None:
        self.name = name
        self._clock = clock
        self.answers: list[Outcome] = []
        self.always: Callable[[Parcel], Outcome | None] = lambda _: None
        self.tried: list[Parcel] = []
        self.taken: list[tuple[int, dict[str, Any], Parcel]] = []
        self.composed = 0

    def compose(self, notification: Notification, reader: Reader, message_id: str) -> bytes:
        self.composed += 1
        told = {
            "to": notification.receiver,
            "address": reader.address,
            "reason": notification.reason.value,
            "level": max((alert.level for alert in notification.alerts), default=0),
            "facts": [f"{a.ticket} {a.metric or a.rule} {a.threshold}".strip() for a in notification.alerts],
            "forecasts": [f"{a.forecast} {a.forecast_day}" for a in notification.alerts],
            "subjects": [a.subject for a in notification.alerts],
            "more": notification.more,
            "sections": {s.key: [a.ticket for a in s.alerts] for s in notification.sections},
            "counts": dict(notification.counts),
            "headline": notification.headline,
            "blind": notification.blind,
            "at": notification.at,
            "id": message_id,
        }
        return json.dumps(told).encode()

    def deliver(self, parcel: Parcel, *, seconds: float) -> Outcome:
        assert seconds > 0
        self.tried.append(parcel)
        outcome = self.always(parcel) or (self.answers.pop(0) if self.answers else Outcome(Fate.SENT))
        if outcome.fate in (Fate.SENT, Fate.UNKNOWN):  # nobody knows, but this server took it
            self.taken.append((int(self._clock.at), json.loads(parcel.content), parcel))
        return outcome


class FakeKeeper:
    """Folds the lives that the timeline tells. What happened in a life that is `unread` shows only after fresh()."""

    def __init__(self, clock: WallClock, book: Book) -> None:
        self._clock = clock
        self.book = book
        self.lives: dict[int, Told] = {}
        self.most = 5000  # tickets folded in one cycle
        self.unread: dict[int, list[Event]] = {}
        self.forecasts: dict[int, tuple[Forecast, ...]] = {}
        self.incomplete: set[int] = set()
        self.uncertain: set[int] = set()
        self.history_lag = 0
        self.lag = 0
        self.read_again: list[int] = []
        self.is_away = False
        self.is_broken = False  # a defect
        self._looked: dict[int, tuple[int, int | None]] = {}  # events seen, next instant
        self._quiet_from = self._quiet_until = self._counted = 0

    def now(self) -> int:
        return int(self._clock.at)

    def has_turn(self) -> bool:
        """Whether turn() would find something."""
        if self._quiet_from <= self.now() < self._quiet_until and self._count() == self._counted:
            return False
        return any(self._is_due(ticket) for ticket in self.lives)

    def _count(self) -> int:
        return sum(len(life.events) for life in self.lives.values())

    def recall(self, store: Store) -> None:
        """What was looked at is what the store says, as with the clocks' own index."""
        self._looked, self._quiet_until = {}, 0
        with store.reading() as tx:
            for record in tx.clocks_of(self.lives):
                seen, due = sum(e.at <= record.at for e in self.lives[record.ticket_id].events), record.next_at
                self._looked[record.ticket_id] = (seen, due)

    def _is_due(self, ticket: int) -> bool:
        seen, due = self._looked.get(ticket, (0, None))
        return seen != self._known(ticket) or (due is not None and due <= self.now())

    def _known(self, ticket: int) -> int:
        return sum(event.at <= self.now() for event in self.lives[ticket].events)

    def turn(self) -> list[TicketClocks]:
        """Tickets that changed or fell due since the last turn, as many as a cycle takes."""
        found: list[TicketClocks] = []
        for ticket in sorted(self.lives):
            if self._is_due(ticket) and len(found) < self.most:
                told = self._fold(ticket)
                self._looked[ticket] = (self._known(ticket), told.next_at)
                found.append(told)
        coming = [event.at for life in self.lives.values() for event in life.events if event.at > self.now()]
        coming += [due for _, due in self._looked.values() if due is not None]
        self._quiet_from, self._quiet_until = self.now(), min(coming, default=self.now() + 86400)
        if len(found) == self.most:
            self._quiet_until = 0
        self._counted = self._count()
        return found

    def _fold(self, ticket: int) -> TicketClocks:
        found = clocks(ticket, self.lives[ticket].events, self.book, self.now())
        verdicts = tuple(judge(clock, self.book.boundaries()) for clock in found)
        standing = self.life_of(ticket)[-1].after if self.life_of(ticket) else None
        values = standing.values if standing is not None else {}
        state = TicketState(str(values.get("status", "new")))
        moment = datetime.fromtimestamp(self.now(), UTC)
        snapshot = TicketSnapshot(
            ticket, state, moment, moment, subject=f"Ticket {ticket}", priority=values.get("priority")
        )
        seen = self.now() - self.lag
        instants = [verdict.next_instant for verdict in verdicts if verdict.next_instant is not None]
        return TicketClocks(
            ticket=snapshot,
            now=self.now(),
            clocks=found,
            verdicts=verdicts,
            as_of=AsOf(seen, seen - self.history_lag, seen),
            is_complete=ticket not in self.incomplete,
            is_certain=ticket not in self.uncertain,
            is_born=True,
            forecasts=self.forecasts.get(ticket, ()) if any(clock.is_open for clock in found) else (),
            next_at=min(instants, default=None),
        )

    def foretell(self, ticket: int, *signs: tuple[Sign, str]) -> None:
        """What the ticket's bug promises from now on: a sign and the day that it speaks of."""
        self.forecasts[ticket] = tuple(
            Forecast(ticket, "resolution", "10001", sign, None, day, "so") for sign, day in signs
        )
        self._looked.pop(ticket, None)
        self._quiet_until = 0

    def life_of(self, ticket: int) -> tuple[Moment, ...]:
        return moments(event for event in in_order(self.lives[ticket].events) if event.at <= self.now())

    def folded(self, tx: Tx, ticket_ids: Iterable[int], now: int) -> list[TicketClocks]:
        del tx, now
        return [self._fold(ticket) for ticket in ticket_ids if ticket in self.lives]

    def events(self, tx: Tx, ticket_id: int) -> tuple[tuple[Event, ...], int]:
        del tx
        if self.is_broken:
            raise ZeroDivisionError
        return tuple(self.lives[ticket_id].events), 0

    def fresh(self, ticket_ids: Sequence[int], report: CycleReport) -> list[TicketClocks]:
        del report
        if self.is_away:
            raise TransientError("Zendesk does not answer")
        for ticket in ticket_ids:
            self.read_again.append(ticket)
            self.lives[ticket].events += self.unread.pop(ticket, [])
        return [self._fold(ticket) for ticket in ticket_ids]


class Stage:
    """Plays a day. `run_to` makes a cycle every 15 seconds; `mails` is what arrived, in order."""

    def __init__(
        self, store_url: str, configured: AlertSettings | None = None, *, by: Book | None = None, start: str = "08:00"
    ) -> None:
        self.url = store_url
        self.clock = WallClock(seconds(start))
        self.book = by or book()
        self.settings = configured or settings()
        self.keeper = FakeKeeper(self.clock, self.book)
        self.channel = FakeChannel(self.clock)
        self.phone = FakeChannel(self.clock, "phone")
        self.report = CycleReport()
        self.stated: list[RuleFact] = []
        self.store = Store.open(store_url)
        self.every_cycle = False
        self.most = 5000
        self.keeps_verdicts = False  # as the clocks' part of a cycle does, for lists
        self._last_cycle = 0
        self._next_work = 0
        self._read = 0
        self.begin()

    def begin(self) -> None:
        """The process starts, with what is in the store."""
        self.keeper.most = self.most
        self.alerter = Alerter(
            self.store,
            self.keeper,
            self.clock,
            settings=lambda: self.settings,
            sla=lambda: SlaSettings(self.keeper.book, "test", always()),
            channels=lambda: {"fake": self.channel, "phone": self.phone},
            most=self.most,
        )

    def restart(self) -> None:
        """The process ends and starts anew on the same store; what it held in memory is gone."""
        self.store.close()
        self.store = Store.open(self.url)
        if self.keeps_verdicts:
            self.keeper.recall(self.store)
        self.begin()

    def reload(self, configured: AlertSettings) -> None:
        """Another configuration takes effect."""
        self.settings = configured

    # ---- time ----

    @property
    def now(self) -> int:
        return int(self.clock.at)

    def cycle(self) -> None:
        """One cycle, now."""
        self._last_cycle = self.now
        told = self.keeper.turn()
        if self.keeps_verdicts and told:
            with self.store.transaction() as tx:
                tx.save_clocks([judged(each) for each in told], self.clock.now())
        stated, self.stated = self.stated, []
        self.alerter.run(told, self.clock.now(), self.report, stated)
        self._look_ahead()

    def run_to(self, when: str) -> None:
        """Cycles up to that time."""
        end = seconds(when)
        while self.clock.at + POLL <= end:
            self.clock.advance(POLL)
            if self._has_work():
                self.cycle()
        self.clock.advance(max(end - self.clock.at, 0))

    def _has_work(self) -> bool:
        """Whether a cycle would do anything; those that would not are left out, as there are hundreds in a day."""
        if self.every_cycle or self.report.problems or self.keeper.has_turn():
            return True
        return not self._last_cycle <= self.now < self._next_work

    def look_again(self) -> None:
        """Something was done behind the stage: the next cycle is played."""
        self._next_work = 0

    def _look_ahead(self) -> None:
        """When something waits for an instant of its own."""
        with self.store.reading() as tx:
            open_ones = [episode.next_at for episode in tx.open_episodes()]
            posts = tx.letters(states=[Post.NEW, Post.UNKNOWN, Post.SENDING, Post.DIGEST])
            rules = [self.now] if tx.stated_rule_facts(1) else []
        waiting = [letter.not_before for letter in posts if not letter.carrier]
        daily = [
            always("", each.zone).instant(always("", each.zone).local_date(self.now + days * 86400), second)
            for each in self.settings.receivers.values()
            for second in (each.morning, each.heartbeat)
            for days in (0, 1)
            if second is not None
        ]
        coming = [at for at in (*open_ones, *waiting, *rules, *(d for d in daily if d > self.now)) if at is not None]
        self._next_work = min(coming, default=self.now + 86400)

    def sleep_to(self, when: str) -> None:
        """The daemon is down until then; its first cycle comes at once."""
        self.clock.advance(seconds(when) - self.clock.at)
        self.cycle()

    # ---- people ----

    def opened(self, when: str, ticket: int = 1, **values: Any) -> Told:
        """A customer's ticket."""
        life = self.keeper.lives.setdefault(ticket, Told())
        return life.created(_dated(when), **values)

    def life(self, ticket: int = 1) -> Told:
        return self.keeper.lives[ticket]

    # ---- what arrived ----

    @property
    def mails(self) -> list[dict[str, Any]]:
        """Everything that was taken, each Message-ID once."""
        seen: dict[str, dict[str, Any]] = {}
        for when, told, parcel in self.channel.taken:
            seen.setdefault(parcel.message_id, {**told, "when": clock_text(when)})
        return list(seen.values())

    def new_mails(self) -> list[str]:
        """What arrived since the last question, as `HH:MM:SS receiver reason facts`."""
        mails = self.mails[self._read :]
        self._read += len(mails)
        return [self.line(mail) for mail in mails]

    @staticmethod
    def line(mail: Mapping[str, Any]) -> str:
        shown = ", ".join(mail["facts"][:3]) + (
            f" and {len(mail['facts']) + mail['more'] - 3} more" if len(mail["facts"]) > 3 else ""
        )
        return f"{mail['when']} {mail['to']} {mail['reason']} {shown}".rstrip()


def _dated(when: str) -> str:
    return when if "-" in when else f"{DAY} {when}"


def clock_text(instant: int) -> str:
    """`09:00:30`, with the date where it is another day."""
    moment = datetime.fromtimestamp(instant, UTC)
    day = moment.strftime("%Y-%m-%d")
    return moment.strftime("%H:%M:%S") if day == DAY else moment.strftime("%Y-%m-%d %H:%M:%S")
