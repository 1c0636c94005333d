"""What somebody with a stopwatch and the tickets' histories would measure: production's clocks are not asked.

A clock is a list of spans in which it counts; the open hours are a list of seconds' spans; the rest is subtraction.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tests.simulation.clocks_and_rules import Clocks
from tests.simulation.oracle import Oracle, moment

if TYPE_CHECKING:
    from tests.simulation.history import History

SOLVED = ("solved", "closed")
FIRST, NEXT, RESOLUTION = "first_reply", "next_reply", "resolution"
SLACK = 2
"""Seconds about which nobody argues."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to a ticket in one go."""

    at: int
    status: str  # afterwards
    before: str | None  # the status before; None at its creation
    replied: bool  # an agent spoke to the customer
    asked: bool  # a customer spoke


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one metric. `spans`: when it counted, the last one until `now` for one that runs."""

    ticket: int
    metric: str
    cycle: int
    target: int
    start: int
    end: int | None
    spans: tuple[tuple[int, int], ...]
    rests: bool

    @property
    def name(self) -> str:
        """As mails name it."""
        return f"{self.ticket}.{self.metric}.{self.cycle}"


class Wall:
    """The open hours of one history, measured once."""

    def __init__(self, clocks: Clocks, begin: float, end: float) -> None:
        self._spans = clocks.hours.open_spans(int(begin) - 3600, int(end) + 3600)
        self._starts = [start for start, _ in self._spans]
        self._before = [0, *accumulate(end - start for start, end in self._spans)]

    def counted(self, start: int, end: int) -> int:
        """Open seconds in [start, end)."""
        return max(self._until(end) - self._until(start), 0)

    def _until(self, at: int) -> int:
        place = bisect_right(self._starts, at) - 1
        if place < 0:
            return 0
        start, end = self._spans[place]
        return self._before[place] + min(at, end) - start

    def passed(self, spans: Sequence[tuple[int, int]], seconds: int) -> int | None:
        """The second that makes it more than so many; None when it never was more."""
        for start, end in spans:
            counted = self.counted(start, end)
            if counted > seconds:
                low, high = start, end
                while low < high:  # the first instant with more than that many before it
                    middle = (low + high) // 2
                    if self.counted(start, middle) > seconds:
                        high = middle
                    else:
                        low = middle + 1
                return low
            seconds -= counted
        return None


def life_of(oracle: Oracle, ticket: Mapping[str, Any], bot: int) -> tuple[Step, ...] | None:
    """What happened to a ticket, oldest first; None for one whose life is no plain one: it was merged, lay in the bin,
    or what was public in it is not any more."""
    public = {comment["id"]: comment["public"] for comment in ticket["comments"]}
    if ticket["status"] == "deleted" or "closed_by_merge" in ticket["tags"]:
        return None
    steps: list[Step] = []
    status: str | None = None
    for audit in ticket["audits"]:
        before, replied, asked = status, False, False
        for event in audit["events"]:
            if event["type"] == "CommentPrivacyChange" or event.get("value") == "deleted":
                return None
            if event.get("field_name") == "status" and event["type"] in ("Change", "Create"):
                status = str(event["value"])
            elif event["type"] == "Comment" and public.get(event["id"]):
                replied = replied or oracle.is_agent(audit["author_id"])
                asked = asked or not (oracle.is_agent(audit["author_id"]) or audit["author_id"] == bot)
        if status is not None:
            steps.append(Step(int(moment(audit["created_at"])), status, before, replied, asked))
    return tuple(steps)


def measure(clocks: Clocks, number: int, steps: Sequence[Step], now: int) -> Iterator[Measured]:
    """Every clock of the ticket."""
    yield from _first(clocks, number, steps, now)
    yield from _next(clocks, number, steps, now)
    yield from _resolution(clocks, number, steps, now)


def _solves(step: Step) -> bool:
    return step.status in SOLVED and step.before not in SOLVED


def _first(clocks: Clocks, number: int, steps: Sequence[Step], now: int) -> Iterator[Measured]:
    start = steps[0].at
    ends = [step.at for step in steps[1:] if step.replied or _solves(step)]
    end = ends[0] if ends else None
    if _solves(steps[0]):
        end = start
    yield Measured(number, FIRST, 1, clocks.first_reply, start, end, ((start, now if end is None else end),), False)


def _next(clocks: Clocks, number: int, steps: Sequence[Step], now: int) -> Iterator[Measured]:
    answered, start, cycle = False, None, 0
    for step in steps[1:]:
        ends = step.replied or _solves(step)
        if ends and start is not None:
            yield Measured(number, NEXT, cycle, clocks.next_reply, start, step.at, ((start, step.at),), False)
            start = None
        answered = answered or ends
        if step.asked and not step.replied and answered and start is None and step.status not in SOLVED:
            start, cycle = step.at, cycle + 1
    if start is not None:
        yield Measured(number, NEXT, cycle, clocks.next_reply, start, None, ((start, now),), False)


def _resolution(clocks: Clocks, number: int, steps: Sequence[Step], now: int) -> Iterator[Measured]:
    spans: list[tuple[int, int]] = []
    for step, following in zip(steps, [*(later.at for later in steps[1:]), now], strict=True):
        if step.status not in (*SOLVED, "pending") and following > step.at:
            spans.append((step.at, following))
    solved = steps[-1].status in SOLVED
    ended = next((step.at for step in reversed(steps) if _solves(step)), steps[-1].at) if solved else None
    rests = steps[-1].status == "pending"
    yield Measured(number, RESOLUTION, 1, clocks.resolution, steps[0].at, ended, tuple(spans), rests)


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """All clocks of a history as they are now. `plain`: tickets whose life can be told by a stopwatch."""

    wall: Wall
    now: int
    plain: Mapping[int, tuple[Step, ...]]
    measured: Mapping[str, Measured]

    def breached_at(self, clock: Measured) -> int | None:
        """The second in which it was too late; None when it was in time, or still is."""
        return self.wall.passed(clock.spans, clock.target)

    def used(self, clock: Measured) -> int:
        """Counted seconds."""
        return sum(self.wall.counted(start, end) for start, end in clock.spans)

    def is_close(self, clock: Measured) -> bool:
        """Whether it ended, or is, within the seconds about which nobody argues."""
        return abs(self.used(clock) - clock.target) <= SLACK


def read_stopwatch(history: History, oracle: Oracle, clocks: Clocks) -> Stopwatch:
    """The clocks as the servers' histories tell them."""
    now = int(history.sandbox.clock.now())
    plain: dict[int, tuple[Step, ...]] = {}
    for ticket in oracle.tickets():
        steps = life_of(oracle, ticket, history.seeded.bot)
        if steps:
            plain[ticket["id"]] = steps
    begin = min((steps[0].at for steps in plain.values()), default=now)
    found = [clock for number, steps in plain.items() for clock in measure(clocks, number, steps, now)]
    return Stopwatch(Wall(clocks, begin, now), now, plain, {clock.name: clock for clock in found})


def times_back(ticket: Mapping[str, Any], after: int) -> int:
    """How often it was opened again after having been solved for so many seconds."""
    times, solved_at, status = 0, 0.0, ""
    for audit in ticket["audits"]:
        for event in audit["events"]:
            if event.get("field_name") != "status" or event["type"] not in ("Change", "Create"):
                continue
            at, before, status = moment(audit["created_at"]), status, str(event["value"])
            if status in SOLVED and before not in SOLVED:
                solved_at = at
            elif before in SOLVED and status not in SOLVED and at - solved_at >= after:
                times += 1
    return times
