"""What a cycle needs of the configuration, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from syncd.core.guard import Held
from syncd.core.mapping import StageMapping, StatusOrder
from syncd.core.model import Json, TicketSnapshot
from syncd.core.world import RouteView
from syncd.cycle.host_clock import ClockOff
from syncd.rules.creating import CreateRule, asks_for_bug, has_act_tag


@dataclass(frozen=True, slots=True)
class Settings:
    """The figures of config.yaml that a cycle reads. Immutable: a reload swaps the whole record between cycles."""

    fast: timedelta = timedelta(seconds=15)
    complete: timedelta = timedelta(seconds=60)
    census: timedelta = timedelta(hours=1)
    versions: timedelta = timedelta(minutes=5)
    start_from: timedelta = timedelta(days=90)
    max_changed_share: float = 0.5
    accept: frozenset[str] = frozenset()
    ticket_url: str = ""  # where agents open tickets
    browse_url: str = ""  # where people open issues


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes that run, and why the others do not."""

    running: Mapping[str, RouteView] = field(default_factory=dict)
    stopped: Mapping[str, str] = field(default_factory=dict)  # name -> what is wrong and what to do
    resting: Mapping[str, StageMapping] = field(default_factory=dict)  # of stopped routes: what statuses meant last
    creating: Mapping[str, CreateRule] = field(default_factory=dict)  # of the running routes that make bugs

    def may_ask_for_bug(self, ticket: TicketSnapshot) -> bool:
        """The ticket asks for a bug, or asked for one and shows why there is none."""
        for name, rule in self.creating.items():
            shown = self.running[name].mirror.sync_state if name in self.running else None
            if asks_for_bug(rule, ticket) is not None or (shown is not None and ticket.fields.get(shown)):
                return True
            if has_act_tag(rule, ticket):
                return True
        return False

    def order(self, route: str) -> StatusOrder:
        """The order of progress of the route's statuses; empty for a route that is not configured."""
        view = self.running.get(route)
        return StatusOrder() if view is None else view.mapping.order


@dataclass(slots=True)
class CycleReport:
    """What one cycle saw and did: the canonical log line, the heartbeat's detail and what `once` prints."""

    number: int = 0
    passes: list[str] = field(default_factory=list)  # fast, complete, census, versions, identity
    tickets_read: int = 0
    issues_read: int = 0
    changed: int = 0
    planned: int = 0
    links_waiting: int = 0
    conflicts_opened: int = 0
    done: int = 0
    refused: int = 0
    superseded: int = 0
    in_doubt: int = 0
    later: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # zendesk | jira | store … -> sentence
    shut_out: set[str] = field(default_factory=set)  # sides that refuse our credential: waiting does not help there
    warnings: list[str] = field(default_factory=list)
    again: set[str] = field(default_factory=set)  # subjects that are planned again: an answer about them was none
    stopped_lanes: dict[str, str] = field(default_factory=dict)
    caught_up: bool = True  # the export reached its end
    waiting: dict[str, int] = field(default_factory=dict)  # intents not yet sent, by destination
    folded: int = 0  # tickets whose clocks were computed
    clock_off: ClockOff | None = None  # a clock, most often this machine's, that is not right
    clocks: dict[str, Json] = field(default_factory=dict)  # how far the clocks' histories and computations have come
    calls: dict[str, int] = field(default_factory=dict)  # API calls, by "zendesk.fast", "jira.census" …

    @property
    def ok(self) -> bool:
        """Both sides were read and nothing needs a person."""
        return not self.problems

    @property
    def needs_person(self) -> bool:
        """A brake is on, or a side cannot be used."""
        return bool(self.held or self.problems or self.refused)
