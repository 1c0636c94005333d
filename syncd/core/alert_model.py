"""What is remembered about alerts: facts, episodes, the log of what was told, and the outbox. Frozen, without I/O.

Instants are Unix seconds, spans are seconds. A fact's key says what was crossed and nothing about when that was
noticed, so that neither a restart nor a second look can report it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RULE_PREFIX: Final = "rule:"
"""A fact whose metric begins so was stated by an escalation rule; the rest of the metric is the rule's name."""

BREACH: Final = "breach"
FORECAST: Final = "forecast"
"""The threshold of what will probably be late: no point that a clock passes, and never a breach."""


@dataclass(frozen=True, slots=True, order=True)
class AlertKey:
    """(ticket, metric, subject, cycle, threshold) is unique, whoever looks how often."""

    ticket: int
    metric: str
    subject: str  # the bug's id for a bug's own clock; the key of the rule's episode for a rule; else ""
    cycle: int
    threshold: str  # yellow | red | breach | breach+N, forecast, or level+N of a rule

    @property
    def is_rule(self) -> bool:
        """Stated by an escalation rule."""
        return self.metric.startswith(RULE_PREFIX)

    @property
    def is_forecast(self) -> bool:
        """What will probably be late, by what the bug promises."""
        return self.threshold == FORECAST

    @property
    def is_breach(self) -> bool:
        """Over its due instant; what a rule states counts like it: it is owed until it is told."""
        return self.is_rule or self.threshold.startswith(BREACH)

    @property
    def clock(self) -> tuple[int, str, str, int]:
        """The clock that it belongs to, or the rule's episode. A forecast stands beside its clock: neither stands for
        the other."""
        if self.is_forecast:
            return (self.ticket, self.metric, FORECAST, self.cycle)
        return (self.ticket, self.metric, self.subject, self.cycle)

    def __str__(self) -> str:
        about = [str(self.ticket), self.metric, *([self.subject] if self.subject else []), str(self.cycle)]
        return ".".join((*about, self.threshold))


_ORDER: Final = ("yellow", "red", BREACH)


def furthest(keys: Iterable[AlertKey]) -> frozenset[AlertKey]:
    """Of each clock the key that lies furthest on: a breach stands for the warnings before it. What rules state stands
    for itself."""
    best: dict[tuple[int, str, str, int], AlertKey] = {}
    stated = []
    for key in sorted(keys):
        known = best.get(key.clock)
        if key.is_rule:
            stated.append(key)
        elif known is None or _rank(known) < _rank(key):
            best[key.clock] = key
    return frozenset((*best.values(), *stated))


def _rank(key: AlertKey) -> tuple[int, int]:
    name, _, after = key.threshold.partition("+")
    return (_ORDER.index(name) if name in _ORDER else 0, int(after) if after.isdigit() else 0)


@dataclass(frozen=True, slots=True)
class RuleFact:
    """What an escalation rule wants told, once: a step of one of its runs."""

    ticket: int
    rule: str
    run: str  # the rule's episode
    step: str  # level-1, level-2 …, repeat-1 …
    receivers: tuple[str, ...]
    at: int
    why: str = ""
    asks: str = ""  # what those who hear of it are to do; see Rule.asks

    @property
    def key(self) -> AlertKey:
        """The same however often it is stated."""
        return AlertKey(self.ticket, RULE_PREFIX + self.rule, self.run, 1, self.step)

    @property
    def level(self) -> int:
        """Which of the rule's levels; 0 for a repetition."""
        kind, _, number = self.step.partition("-")
        return int(number) if kind == "level" and number.isdigit() else 0


class FactState(StrEnum):
    FIRING = "firing"
    OVER = "over"  # the clock was met or cancelled, or the rule no longer holds
    WITHDRAWN = "withdrawn"  # by what is known now it never was


@dataclass(frozen=True, slots=True)
class AlertFact:
    """A fact that entered the pipeline."""

    key: AlertKey
    at: int  # when it was passed, by the tracker's clock
    noticed: int  # when syncd saw that
    state: FactState = FactState.FIRING
    episode: int = 0  # 0: not kept yet
    group: str = ""
    occurrence: int = 1  # counts on when a fact that was withdrawn comes true after all
    over_at: int | None = None
    level: int = 0  # a rule's level, or which of the policy's levels `breach+N` is; 0: none
    receivers: tuple[str, ...] = ()  # a rule's own
    why: str = ""  # a rule's own words
    asks: str = ""  # what a rule asks for
    back: bool = False  # was told, was over, and fires again: the ticket was reopened


@dataclass(frozen=True, slots=True)
class ChainLevel:
    """Who is told next when nobody acknowledges."""

    after: int  # since the level before, or since the breach
    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """How one episode is told and climbs; a copy of the configuration as it was when the episode began."""

    route: str
    receivers: tuple[str, ...]
    levels: tuple[ChainLevel, ...] = ()
    group_wait: int = 30
    group_interval: int = 300
    repeat: int = 14400  # 0: never
    ack_holds: int = 14400
    resolved: str = "breaches"  # breaches | all | none
    why: str = ""  # the operator's words about the route

    def of_level(self, level: int) -> tuple[str, ...]:
        """Who is told first at a level; 0 is the beginning."""
        return self.receivers if level == 0 else self.levels[level - 1].receivers

    def audience(self, level: int) -> tuple[str, ...]:
        """Everybody who is told up to a level, each once."""
        found = [name for n in range(level + 1) for name in self.of_level(n)]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody said that a ticket is in hand."""

    ticket: int
    at: int
    until: int
    by: str
    how: str  # reply | assignment | tag | note | command


class EpisodeState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Episode:
    """A group of facts from its first one until all are over."""

    group: str
    chain: Chain
    opened_at: int
    id: int = 0  # 0: not kept yet
    state: EpisodeState = EpisodeState.OPEN
    level: int = 0
    climbs_at: int | None = None  # when the next level is told; None: nothing to climb
    flush_at: int | None = None  # when what is new is told; None: nothing is new
    acks: tuple[Ack, ...] = ()
    returned_at: int | None = None  # when an acknowledgement last ran out
    closed_at: int | None = None
    next_at: int | None = None  # when it is next worth a look by the mere passing of time

    def ack_of(self, ticket: int, now: int) -> Ack | None:
        """The acknowledgement that holds for one of its tickets."""
        return next((ack for ack in self.acks if ack.ticket == ticket and now < ack.until), None)


@dataclass(frozen=True, slots=True)
class Told:
    """What one receiver has heard in one episode: the notification log. It never expires while the episode is open."""

    receiver: str
    at: int
    level: int = 0
    firing: frozenset[AlertKey] = frozenset()  # told as true
    over: frozenset[AlertKey] = frozenset()  # told as over
    corrected: frozenset[AlertKey] = frozenset()  # told as never having been


class Post(StrEnum):
    """The states of a row of the outbox. It leaves only as sent or dead, or within a digest; what was never more than
    a warning may be cancelled by what made it moot."""

    NEW = "new"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"  # it may have been taken: sent once more, byte for byte
    DEAD = "dead"
    DIGEST = "digest"  # waits for a digest, or went with the one that `carrier` names
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Letter:
    """One row of the outbox: one notification to one address of one receiver."""

    group: str
    receiver: str
    seq: int
    address: str
    channel: str
    reason: str
    message_id: str
    content: bytes
    created: int
    not_before: int
    state: Post = Post.NEW
    id: int = 0
    episode: int = 0
    keys: tuple[AlertKey, ...] = ()
    about: str = ""  # one line for people: what it says
    lease_until: int = 0
    epoch: int = 0
    tries: int = 0
    doubts: int = 0  # how often nobody knew whether it was taken
    last_error: str = ""
    done_at: int | None = None
    carrier: int = 0  # the letter of the digest that it went with

    @property
    def is_only_warning(self) -> bool:
        """Nothing in it is owed once the ticket is solved."""
        return bool(self.keys) and not any(key.is_breach for key in self.keys)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand a letter over."""

    letter: int
    number: int
    started: int
    ended: int
    fate: str
    code: int | None = None
    text: str = ""
