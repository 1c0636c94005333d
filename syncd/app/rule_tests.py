"""Playing the tests of rules: the life of each ticket is folded as in a cycle, at every instant that matters.

Names are compared as they are written, so that no server is asked. A rule's windows, clocks and delays are real.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from syncd.alerts.escalating import EscalationSettings, told_firing
from syncd.alerts.situation import Around, situation_of
from syncd.app.escalation import written_escalation
from syncd.app.routing import offline_mapping
from syncd.app.sla import zone_of
from syncd.config.load import Loaded
from syncd.config.public_holidays import public_holidays
from syncd.config.rule_test_models import Expectation, LifeEvent, LifeTicket, RuleTest
from syncd.config.sla_rules import book_of
from syncd.core.model import Actor, ActorKind, TicketSnapshot, TicketState
from syncd.rules.conditions import CUSTOM
from syncd.rules.escalation import Firing, Notify, Opening, Run, advance
from syncd.sla.business_time import BusinessTime
from syncd.sla.clock import clocks
from syncd.sla.events import BugLinked, BugMoved, Changed, Commented, Created, Event, Happening, Side, in_order
from syncd.sla.folded import AsOf, TicketClocks
from syncd.sla.policy import Book
from syncd.sla.standing import moments
from syncd.sla.states import judge

MOST: Final = 10_000
"""Instants at which one test asks its rules, at most."""

_ACTORS: Final[Mapping[str, Actor]] = {
    "customer": Actor(ActorKind.CUSTOMER, "customer", "customer"),
    "rule": Actor(ActorKind.RULE, "rule", "rule"),
}


@dataclass(frozen=True, slots=True)
class Spoke:
    """A rule that spoke in a test."""

    rule: str
    at: int  # Unix seconds
    step: str
    notify: tuple[str, ...]
    does: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a test; `problems` are sentences, none when it holds."""

    name: str
    spoke: tuple[Spoke, ...]
    problems: tuple[str, ...]


class RuleTester:
    """Plays tests against one configuration, which has `sla:` and `escalation:`."""

    def __init__(self, loaded: Loaded) -> None:
        sla, escalation = loaded.config.sla, loaded.config.escalation
        if sla is None or escalation is None:
            raise ValueError("There are no escalation rules to test: config.yaml has no escalation:.")
        self._zone = ZoneInfo(zone_of(sla))
        self._book: Book = book_of(sla, public_holidays)
        self._settings: EscalationSettings = written_escalation(loaded, escalation)
        self._stages = {
            stage.name: BugMoved(stage.name, stage.rank, stage.done)
            for route in loaded.config.routes
            for stage in offline_mapping(loaded, route)[0].stages
        }

    def play(self, test: RuleTest) -> Verdict:
        """The test's verdict."""
        start = self._instant(test.ticket.at, 0)
        unknown = [e.stage for e in test.events if e.stage is not None and e.stage not in self._stages]
        if unknown:
            return Verdict(test.name, (), (f"No mapping has the stage {unknown[0]}.",))
        spoke = tuple(self._spoke(test, start))
        return Verdict(test.name, spoke, tuple(self._problems(test, spoke, start)))

    # ---- the life ----

    def _instant(self, at: datetime | timedelta, start: int) -> int:
        if isinstance(at, timedelta):
            return start + int(at.total_seconds())
        return int((at if at.tzinfo is not None else at.replace(tzinfo=self._zone)).timestamp())

    def _events(self, test: RuleTest, start: int) -> list[Event]:
        born = test.ticket
        events = [Event(start, Side.TICKET, 1, 0, self._actor(born.by, None), _created(born))]
        events.append(Event(start, Side.TICKET, 1, 1, events[0].by, Commented(public=True)))
        linked: set[str] = set()
        assignee = born.assignee
        for number, told in enumerate(test.events, 2):
            assignee = told.assignee or assignee
            actor, at = self._actor(told.by, assignee), self._instant(told.at, start)
            happened = [*_happened(told)]
            events += [Event(at, Side.TICKET, number, place, actor, what) for place, what in enumerate(happened)]
            if told.bug is not None and told.stage is not None:
                moved = self._stages[told.stage]
                project = told.bug.partition("-")[0]
                joined = BugLinked(project, moved.stage, moved.rank, moved.done)
                what: Happening = moved if told.bug in linked else joined
                linked.add(told.bug)
                events.append(Event(at, Side.BUG, number, 0, actor, what, told.bug))
        return events

    @staticmethod
    def _actor(who: str, assignee: str | None) -> Actor:
        return _ACTORS.get(who) or Actor(ActorKind.AGENT, assignee or "agent", assignee or "agent")

    # ---- asking ----

    def _spoke(self, test: RuleTest, start: int) -> Iterator[Spoke]:
        events = self._events(test, start)
        end = self._instant(test.until, start)
        times = sorted({event.at for event in events if event.at <= end})
        runs: dict[str, Run] = {}
        now = start
        for _ in range(MOST):
            coming: list[int] = []
            told = self._folded(events, now)
            life = moments(event for event in in_order(events) if event.at <= now)
            kind = told.ticket.fields.get(self._settings.kind_field)
            born = test.ticket
            same = 0 if kind is None else born.same_kind
            around = Around(born.affected_tickets, "" if kind is None else str(kind), same)
            situation = situation_of(told, life, self._book.at(now), self._settings.priorities, around)
            for rule in self._settings.rules:
                hours = self._book.calendars[rule.during].at(now) if rule.during else None
                opening = None if hours is None else _opening(hours)
                said = advance(rule, runs.get(rule.name), situation, now, enforce_from=0, opening=opening)
                if said.run is not None:
                    runs[rule.name] = said.run
                coming += [said.next_at] if said.next_at is not None else []
                yield from (_told(firing, now) for firing in said.firings)
            coming += [verdict.next_instant for verdict in told.verdicts if verdict.next_instant is not None]
            coming += times
            after = min((at for at in coming if at > now), default=None)
            if after is None or after > end:
                return
            now = after

    def _folded(self, events: Sequence[Event], now: int) -> TicketClocks:
        found = clocks(1, events, self._book, now)
        standing = moments(event for event in in_order(events) if event.at <= now)[-1].after
        stamp = datetime.fromtimestamp(now, UTC)
        values = {n.removeprefix(CUSTOM): v for n, v in standing.values.items() if n.startswith(CUSTOM)}
        ticket = TicketSnapshot(
            1, TicketState(standing.status), stamp, stamp, type=standing.values.get("type"), fields={**values}
        )
        return TicketClocks(
            ticket=ticket,
            now=now,
            clocks=found,
            verdicts=tuple(judge(clock) for clock in found),
            as_of=AsOf(now, now, now),
            is_complete=True,
            is_born=True,
            is_certain=True,
        )

    # ---- the verdict ----

    def _problems(self, test: RuleTest, spoke: Sequence[Spoke], start: int) -> Iterator[str]:
        for number in range(max(len(spoke), len(test.expect))):
            if number >= len(spoke):
                wanted = test.expect[number]
                yield f"{wanted.rule} was to speak at {self._text(self._instant(wanted.at, start))}, and did not."
            elif number >= len(test.expect):
                more = spoke[number]
                yield f"{more.rule} spoke at {self._text(more.at)} ({more.does}), which was not expected."
            else:
                said = self._difference(test.expect[number], spoke[number], start)
                if said:
                    yield said
                    return

    def _difference(self, wanted: Expectation, spoke: Spoke, start: int) -> str:
        at = self._instant(wanted.at, start)
        if (wanted.rule, at) != (spoke.rule, spoke.at):
            return (
                f"{wanted.rule} was to speak at {self._text(at)}, but {spoke.rule} spoke at {self._text(spoke.at)} "
                f"({spoke.does})."
            )
        if wanted.notify is not None and set(wanted.notify) != set(spoke.notify):
            return f"{wanted.rule} notified {', '.join(spoke.notify) or 'nobody'}, not {', '.join(wanted.notify)}."
        if wanted.does is not None and wanted.does not in spoke.does:
            return f"{wanted.rule} does: {spoke.does}; not: {wanted.does}."
        return ""

    def _text(self, at: int) -> str:
        return datetime.fromtimestamp(at, self._zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _opening(hours: BusinessTime) -> Opening:
    return lambda at: hours.add(at, 0)


def _created(born: LifeTicket) -> Created:
    values: dict[str, str | None] = {
        "status": "new",
        "priority": born.priority,
        "group": born.group,
        "assignee": born.assignee,
        "organization": born.organization,
        "channel": born.channel,
        "type": born.type,
    }
    values |= {f"{CUSTOM}{title}": _text_of(value) for title, value in born.fields.items()}
    return Created({name: value for name, value in values.items() if value is not None}, tuple(sorted(born.tags)))


def _happened(told: LifeEvent) -> Iterator[Happening]:
    if told.says is not None or told.note is not None:
        yield Commented(told.says == "public", () if told.note is None else (told.note,))
    for name in ("status", "priority", "group", "assignee", "satisfaction"):
        value = getattr(told, name)
        if value is not None:
            yield Changed(name, str(value))
    if told.tags is not None:
        yield Changed("tags", " ".join(sorted(told.tags)))
    for title, value in told.fields.items():
        yield Changed(f"{CUSTOM}{title}", _text_of(value))


def _text_of(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _told(firing: Firing, now: int) -> Spoke:
    notify = tuple(name for do in firing.do if isinstance(do, Notify) for name in do.receivers)
    return Spoke(firing.rule, now, firing.step, notify, told_firing(firing))
