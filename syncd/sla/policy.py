"""What is promised: metrics, policies and their options, by version. Plain data; build.py makes it from a file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from syncd.core.conditions import Conditions
from syncd.sla.business_time import Timetable
from syncd.sla.conditions import ALWAYS, hold
from syncd.sla.holder import BUG_HOLDERS, HolderRule
from syncd.sla.standing import Standing


class Kind(StrEnum):
    """How a metric starts and is met; metrics.py says each."""

    FIRST_REPLY = "first_reply"
    NEXT_REPLY = "next_reply"
    UPDATE = "update"
    ACKNOWLEDGE = "acknowledge"
    CHECKPOINT = "checkpoint"
    RESOLUTION = "resolution"
    BUG_FIRST_ACTION = "bug_first_action"
    BUG_STAGE = "bug_stage"
    BUG_UNTOUCHED = "bug_untouched"

    @property
    def of_bug(self) -> bool:
        """True when each bug of the ticket has its own clock."""
        return self in (Kind.BUG_FIRST_ACTION, Kind.BUG_STAGE, Kind.BUG_UNTOUCHED)


class Counts(StrEnum):
    """Which comments are a progress update."""

    PUBLIC = "public"
    INTERNAL = "internal"
    ANY = "any"


class First(StrEnum):
    """What begins the first period of progress updates."""

    REPLY = "reply"  # the first public comment of an agent, as in Zendesk
    CREATED = "created"
    ASSIGNED = "assigned"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured. Which of the settings matter depends on the kind."""

    name: str
    kind: Kind
    counts: Counts = Counts.PUBLIC  # update
    by_assignee: bool = False  # update: only what the assignee writes
    first: First = First.REPLY  # update
    starts_when: Conditions = ALWAYS  # checkpoint: each time this becomes true; empty = at creation
    met_when: Conditions | None = None  # checkpoint, acknowledge: a tag or a field that says so
    markers: frozenset[str] = frozenset()  # checkpoint: texts in a comment by an agent that say so
    solved_meets: bool = True  # checkpoint
    stages: frozenset[str] = frozenset()  # bug_stage
    calendar: str | None = None  # measured by it even where no policy has a target


class Unit(StrEnum):
    SECONDS = "seconds"
    BUSINESS_DAYS = "business_days"


@dataclass(frozen=True, slots=True)
class Goal:
    """How long something may take, by which calendar."""

    amount: int
    unit: Unit
    calendar: str

    def __str__(self) -> str:
        if self.unit is Unit.BUSINESS_DAYS:
            return f"{self.amount} business_days ({self.calendar})"
        hours, rest = divmod(self.amount, 3600)
        minutes, seconds = divmod(rest, 60)
        parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
        return ("".join(f"{count}{unit}" for count, unit in parts if count) or "0s") + f" ({self.calendar})"


@dataclass(frozen=True, slots=True)
class Warn:
    """When a running clock is at risk: after a share of its target, or so long before its end (business seconds)."""

    color: str  # yellow | red
    percent: int | None = None
    left: int | None = None

    def used(self, target: int) -> int:
        """Counted seconds at which the warning comes; whole seconds, rounded up, so never early."""
        if self.percent is not None:
            return -(-target * self.percent // 100)
        return max(target - (self.left or 0), 0)


YELLOW: Final = "yellow"
RED: Final = "red"
WARNINGS: Final = (Warn(YELLOW, percent=50), Warn(RED, percent=80))


@dataclass(frozen=True, slots=True)
class Pause:
    reason: str
    when: Conditions


@dataclass(frozen=True, slots=True)
class Target:
    """A policy's promise for one metric."""

    metric: str
    goals: Mapping[str, Goal]  # level -> goal; ANY_LEVEL for all others
    pauses: tuple[Pause, ...] = ()
    warnings: tuple[Warn, ...] = WARNINGS
    levels: tuple[int, ...] = ()  # counted seconds past the target at which the next level is told

    def goal(self, level: str | None) -> Goal | None:
        """The goal of a level; without a level only ANY_LEVEL has one."""
        return self.goals.get(level or ANY_LEVEL) or self.goals.get(ANY_LEVEL)

    def paused(self, standing: Standing, tier: str | None) -> str | None:
        """Why the clock rests while the ticket stands so; None when it runs."""
        return next((pause.reason for pause in self.pauses if hold(pause.when, standing, tier)), None)


ANY_LEVEL: Final = "any"


@dataclass(frozen=True, slots=True)
class Policy:
    """The first policy whose conditions fit holds. `level` is the value that chooses among a target's goals."""

    name: str
    targets: Mapping[str, Target]  # metric -> promise
    when: Conditions = ALWAYS
    level: str = "priority"


class Reopen(StrEnum):
    """What becomes of a met resolution clock when the ticket is reopened."""

    CONTINUE = "continue"  # it goes on, without the time during which it was solved
    RESTART = "restart"  # a new cycle from zero
    COUNT = "count"  # it goes on, and the time during which it was solved counts


class Merge(StrEnum):
    """What becomes of the clocks of a ticket that was merged away."""

    CANCEL = "cancel"  # kept out of the figures
    MEET = "meet"  # met by the merge, as in Zendesk


class PriorityChange(StrEnum):
    """What another target means for a running clock."""

    KEEP = "keep"  # what has passed, as it was measured, counts against the new target
    RESTART = "restart"  # the new target counts from the change
    REMEASURE = "remeasure"  # everything since the start is measured anew by the new target's calendar and pauses


class FollowUp(StrEnum):
    """What the clocks of a follow-up ticket begin with."""

    NEW = "new"
    CONTINUE = "continue"  # its resolution clock begins with what the closed ticket's had counted


@dataclass(frozen=True, slots=True)
class Options:
    """Where the products of the market disagree."""

    reopen: Reopen = Reopen.CONTINUE
    merge: Merge = Merge.CANCEL
    priority_change: PriorityChange = PriorityChange.KEEP
    follow_up: FollowUp = FollowUp.NEW


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that a configuration says about clocks, in force from `valid_from` (Unix seconds) on."""

    valid_from: int
    metrics: Mapping[str, Metric]
    policies: tuple[Policy, ...]
    holders: tuple[HolderRule, ...] = ()
    bug_holders: tuple[HolderRule, ...] = BUG_HOLDERS
    tiers: tuple[tuple[Conditions, str], ...] = ()  # the first that fits names the customer's tier
    options: Options = Options()
    name: str = ""

    def tier(self, standing: Standing) -> str | None:
        """The customer's tier."""
        return next((tier for when, tier in self.tiers if hold(when, standing)), None)

    def policy(self, standing: Standing, tier: str | None) -> Policy | None:
        """The policy that holds for a ticket that stands so."""
        return next((policy for policy in self.policies if hold(policy.when, standing, tier)), None)


@dataclass(frozen=True)
class Book:
    """All versions of the rules, oldest first, and the calendars they name. The first also judges what came before."""

    versions: tuple[Rules, ...]
    calendars: Mapping[str, Timetable]
    starts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", tuple(rules.valid_from for rules in self.versions))

    def at(self, instant: int) -> Rules:
        """The rules in force at an instant."""
        return self.versions[max(bisect_right(self.starts, instant) - 1, 0)]

    def metric_names(self) -> tuple[str, ...]:
        """Every metric of any version, in order of first appearance."""
        return tuple(dict.fromkeys(name for rules in self.versions for name in rules.metrics))

    def metric(self, name: str, instant: int) -> Metric:
        """What the metric means at an instant; before it was introduced what it meant then, afterwards what it last
        meant."""
        known = [rules for rules in self.versions if name in rules.metrics]
        past = [rules for rules in known if rules.valid_from <= instant]
        return (past[-1] if past else known[0]).metrics[name]

    def boundaries(self) -> tuple[int, ...]:
        """The instants at which other rules or another version of a calendar take over."""
        found = set(self.starts[1:])
        for timetable in self.calendars.values():
            found.update(timetable.changes())
        return tuple(sorted(found))
