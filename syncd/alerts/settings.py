"""What the pipeline needs of the configuration, as plain records. A reload swaps the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from syncd.alerts.ports import Target
from syncd.core.alert_model import Chain
from syncd.core.conditions import Conditions
from syncd.sla.business_time import BusinessTime
from syncd.sla.conditions import ALWAYS

WARNING: Final = "warning"
BREACH: Final = "breach"
FALLBACK_ROUTE: Final = "fallback"


@dataclass(frozen=True, slots=True)
class Route:
    """The first route that fits a fact says who is told. What is empty fits everything."""

    name: str
    chain: Chain
    when: Conditions = ALWAYS
    severity: frozenset[str] = frozenset()  # warning (yellow or red), yellow, red, breach (and all after it), forecast
    metrics: frozenset[str] = frozenset()
    holders: frozenset[str] = frozenset()  # parties
    teams: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    group_by: tuple[str, ...] = ("bug",)


@dataclass(frozen=True)
class Receiver:
    """Somebody who is told, with the places where. `hours`: outside of them only urgent breaches come through; the
    rest is carried over to the opening. Spans in seconds."""

    name: str
    targets: tuple[Target, ...]
    zone: str = "UTC"
    hours: tuple[BusinessTime, ...] = ()  # all must be open; () = day and night
    burst: int = 20  # so many notifications at once
    refill: int = 60  # seconds in which one more may go out
    morning: int | None = None  # seconds after local midnight at which the morning list goes out; None: none
    heartbeat: int | None = None  # the same for the daily line
    urgent_breaks_through: bool = True  # breaches of urgent tickets know no hours


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While a breach of one metric fires, facts of the others of the same ticket are not told."""

    by: str
    mutes: frozenset[str]


@dataclass(frozen=True, slots=True)
class AckWays:
    """How a ticket is acknowledged, and for how many seconds that holds."""

    reply: bool = True  # a public reply by an agent
    assignment: bool = True  # a person was put on it
    tag: str = "sla_ack"
    note: str = "#ack"  # at the beginning of an internal note
    holds: int = 14400


@dataclass(frozen=True)
class AlertSettings:
    """Everything; `meaning` tells one configuration from another. Spans in seconds."""

    routes: tuple[Route, ...]
    receivers: Mapping[str, Receiver]
    fallback: str
    operators: str = ""  # the receiver of what operators must mend; "" = the fallback
    domain: str = "syncd.invalid"  # of Message-IDs
    ack: AckWays = AckWays()
    inhibitions: tuple[Inhibition, ...] = ()
    storm: int = 10  # so many notifications at once become a digest
    table: int = 50  # so many alerts are listed in one
    overflow_every: int = 300  # when a receiver's tokens are used up, a digest so often
    late_after: int = 600  # facts that are older when they are noticed are caught up with in a digest
    blind_after: int = 120  # seconds without news from a tracker after which its alerts are held
    breaks_through: frozenset[str] = frozenset({"urgent"})  # priorities whose breaches know no quiet hours
    fallback_chain: Chain = field(default_factory=lambda: Chain(FALLBACK_ROUTE, ()))
    ticket_url: str = ""  # where agents open tickets
    browse_url: str = ""  # where people open issues
    quotes: Literal["all", "public", "none"] = "all"  # whose words mails may hold; internal ones are in mails alone
    forecasts: bool = True  # are mailed where a route takes them; else they are in the morning list alone
    number_field: str = ""  # the ticket field (its id) that holds the number people use

    def name_of(self, name: str) -> str:
        """The receiver to tell: the fallback in place of one that is not configured (any more)."""
        return name if name in self.receivers else self.fallback

    @property
    def for_operators(self) -> str:
        """Who hears of what must be mended."""
        return self.operators or self.fallback
