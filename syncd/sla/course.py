"""The course of a ticket under the rules: stretches of time in which nothing that matters to a clock changes, and the
terms by which each stretch is measured for one metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.sla.holder import Holder, holder_of
from syncd.sla.metrics import Cycle
from syncd.sla.policy import Book, Goal, Kind, PriorityChange, Reopen, Rules, Target
from syncd.sla.standing import Moment, Standing

NO_POLICY: Final = "no policy"
SOLVED: Final = "solved"
FOREVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Stretch:
    """[start, end) in Unix seconds; the last one ends FOREVER."""

    start: int
    end: int
    standing: Standing
    rules: Rules
    tier: str | None
    policy: str  # the name of the policy in force, or ""
    level: str | None
    targets: Mapping[str, Target]
    holder: Holder  # who had the ball, for the ticket's own clocks
    why: str  # the event that began it

    def target(self, metric: str) -> tuple[Target, Goal] | None:
        """The promise for a metric with the goal of the ticket's level; None when there is none."""
        target = self.targets.get(metric)
        goal = None if target is None else target.goal(self.level)
        return None if target is None or goal is None else (target, goal)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a stretch is measured for one clock."""

    promise: tuple[Target, Goal] | None  # its own promise, as the history of the target shows it
    target: Target | None  # whose pauses hold
    calendar: str
    gone: bool = False  # a policy held the clock once, and none does now


def stretches(life: Sequence[Moment], book: Book, now: int) -> Iterator[Stretch]:
    """The course from the ticket's creation on. Of several moments in one second the last counts."""
    borders = [at for at in book.boundaries() if life[0].at < at <= now]
    starts = sorted({*(moment.at for moment in life), *borders})
    place = -1
    for start, end in zip(starts, [*starts[1:], FOREVER], strict=True):
        happened = False
        while place + 1 < len(life) and life[place + 1].at <= start:
            place, happened = place + 1, True
        standing, rules = life[place].after, book.at(start)
        tier = rules.tier(standing)
        policy = rules.policy(standing, tier)
        level = standing.value(policy.level) if policy is not None else None
        yield Stretch(
            start,
            end,
            standing,
            rules,
            tier,
            policy=policy.name if policy is not None else "",
            level=level if isinstance(level, str) else None,
            targets=policy.targets if policy is not None else {},
            holder=holder_of(rules.holders, standing, tier),
            why=life[place].why if happened else "new rules or calendar",
        )


def terms(metric: str, parts: Sequence[Stretch], own: str | None, option: PriorityChange) -> list[Terms] | None:
    """How each stretch is measured; None when there is neither a promise nor `own`, the metric's own calendar.

    What lies before the first promise is measured by it: a policy that comes late counts from the start. Where none
    holds any more, the clock is let go."""
    promises = [part.target(metric) for part in parts]
    made = [promise for promise in promises if promise is not None]
    if not made:
        return None if own is None else [Terms(None, None, own) for _ in parts]
    found: list[Terms] = []
    current, held = made[0], False
    for promise in promises:
        if promise is not None:
            current = made[-1] if option is PriorityChange.REMEASURE else promise
        held = held or promise is not None
        target, goal = current
        found.append(Terms(promise, target, goal.calendar, gone=held and promise is None))
    return found


def rest(cycle: Cycle, part: Stretch, term: Terms) -> str | None:
    """Why the clock rests during the stretch; None when it runs."""
    if term.gone:
        return NO_POLICY
    if cycle.kind is Kind.RESOLUTION and part.standing.is_solved and part.rules.options.reopen is not Reopen.COUNT:
        return SOLVED
    return None if term.target is None else term.target.paused(part.standing, part.tier)


def holder(cycle: Cycle, part: Stretch) -> Holder:
    """Who had the ball during the stretch. A bug's own clock asks the bugs' table about that bug alone."""
    if not cycle.kind.of_bug:
        return part.holder
    bug = part.standing.bug_of(cycle.subject)
    alone = Standing(part.standing.values, part.standing.tags, () if bug is None else (bug,), exists=True)
    return holder_of(part.rules.bug_holders, alone, part.tier)
