"""`syncd once`: cycles until nothing more is due at once; with --accept the brakes are let go."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import click

from syncd.app.build import App
from syncd.cli.exits import Exit
from syncd.cli.main import Verb
from syncd.cli.output import clean, count, print_json, print_table, say, tell
from syncd.cli.shapes import held_json
from syncd.cli.work import ask, check_secrets, clock_for, load, outcome_of, working
from syncd.config.load import Loaded
from syncd.core.guard import Held
from syncd.core.model import Json
from syncd.cycle import CycleReport
from syncd.cycle.clock_brake import CLOCK_FIELDS
from syncd.store import IntentState, StoreLocked

ALL = ""  # --accept without a name
SUMMED = ("tickets_read", "issues_read", "planned", "done", "refused", "superseded", "conflicts_opened")
MOST_CYCLES = 100_000  # a guard against a defect, far beyond what any import takes
INTERRUPTED = 130  # as shells have it for Ctrl-C
LIMITED = "rate limit"
OUT_OF_TIME = "out of time"


@dataclass(slots=True)
class Totals:
    """What all cycles of this run came to."""

    cycles: int = 0
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUMMED, 0))
    calls: int = 0
    accepted: list[str] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    in_doubt: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    shut_out: set[str] = field(default_factory=set)
    lanes: dict[str, str] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    unread: bool = False  # a route is stopped only because a server did not answer
    warnings: dict[str, None] = field(default_factory=dict)

    def add(self, report: CycleReport) -> None:
        """One more cycle; what is a state is that of the last one."""
        self.cycles += 1
        for name in SUMMED:
            self.sums[name] += getattr(report, name)
        self.calls += sum(report.calls.values())
        self.held, self.waiting = dict(report.held), dict(report.waiting)
        self.problems, self.shut_out = dict(report.problems), set(report.shut_out)
        self.lanes = dict(report.stopped_lanes)
        self.warnings |= dict.fromkeys(report.warnings)
        if report.clock_off is not None:
            self.warnings[report.clock_off.sentence] = None

    @property
    def code(self) -> Exit:
        """1 for what waits for a person, 75 for what waits for time."""
        if self.held or self.sums["refused"] or self.shut_out or (self.stopped and not self.unread):
            return Exit.PERSON
        waits = any(self.waiting.values()) or self.in_doubt
        return Exit.LATER if self.problems or self.stopped or waits else Exit.FINE

    def as_json(self) -> dict[str, Json]:
        """For machines."""
        return {
            "cycles": self.cycles,
            **self.sums,
            "calls": self.calls,
            "accepted": list(self.accepted),
            "brakes": [held_json(held) for held in self.held.values()],
            "waiting": dict(self.waiting),
            "in_doubt": self.in_doubt,
            "problems": dict(self.problems),
            "stopped_routes": dict(self.stopped),
            "warnings": list(self.warnings),
            "exit": int(self.code),
        }


@click.command(cls=Verb)
@click.option(
    "--accept",
    is_flag=False,
    flag_value=ALL,
    default=None,
    metavar="[ROUTE]",
    help="Let go what a brake holds (of this route), and go on. Look at it first with: syncd plan",
)
@click.option("--clock", metavar="URL", help="A sandbox's clock, for rehearsals.")
@click.option("--json", "as_json", is_flag=True, help="The summary for machines.")
def once(*, accept: str | None, clock: str | None, as_json: bool) -> int:
    """Runs cycles until nothing more is due at once: a first import goes to its end.

    While a daemon runs, it does that; --accept is handed to it then.
    """
    loaded = load()
    sla = loaded.config.sla
    brakes = [route.name for route in loaded.config.routes]
    brakes += [CLOCK_FIELDS] if sla is not None and sla.fields else []
    if accept and accept not in brakes:
        names = ", ".join(brakes)
        raise click.UsageError(f"There is no route '{accept}'; there are: {names}.", click.get_current_context())
    check_secrets(loaded)
    ticking = clock_for(loaded, clock)
    with Stops() as stops:
        try:
            with working(loaded, ticking, stopping=stops) as app:
                totals = Run(app, accept, rate=ticking.rate, stopping=stops).to_the_end()
        except StoreLocked as locked:
            return _by_daemon(loaded, accept, locked.holder, as_json=as_json)
    if as_json:
        print_json(totals.as_json())
    else:
        _print(totals)
    if stops():
        tell("Stopped; the action in hand was finished, and the rest goes on next time.")
        return INTERRUPTED
    return totals.code


class Stops:
    """Ctrl-C and SIGTERM: the first is a wish that is looked at between two actions, the second ends the process."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self._asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in self.SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        return self._asked

    def _handle(self, _number: int, _frame: object) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True


def _by_daemon(loaded: Loaded, accept: str | None, holder: str, *, as_json: bool) -> int:
    who = f"A daemon ({holder})" if holder else "A daemon"
    if accept is None:
        sentence = f"{who} works on this store and does this already; see: syncd status"
    else:
        sentence = ask(loaded, "accept", {"route": accept} if accept else {}, who=who)
    if as_json:
        print_json({"daemon": holder or True, "outcome": sentence, "exit": int(Exit.FINE)})
    else:
        say(f"{sentence[:1].upper()}{sentence[1:]}")
    return Exit.FINE


class Run:
    """Cycles in a row, with pauses only where a server's limit asks for them."""

    def __init__(self, app: App, accept: str | None, *, rate: float, stopping: Callable[[], bool]) -> None:
        self._app = app
        self._accept = accept
        self._rate = rate
        self._stopping = stopping
        self._totals = Totals()
        self._pause = threading.Event()
        self._touched = -1

    def to_the_end(self) -> Totals:
        """Until a cycle moves nothing, or only what waits for time or for a person is left."""
        routing = self._app.refresh_routes()
        self._totals.stopped = dict(routing.routes.stopped)
        self._totals.unread = bool(self._app.catalog_problems)
        caught_up = False
        for _ in range(MOST_CYCLES):
            report = self._app.engine.step(complete=not caught_up)
            caught_up = report.caught_up
            self._totals.add(report)
            released = self._release(report)
            if self._stopping() or not (released or self._goes_on(report)):
                self._accept_in_advance(report)
                break
        with self._app.store.reading() as tx:
            self._totals.in_doubt = tx.intent_counts().get(IntentState.SENT, 0)
        return self._totals

    def _release(self, report: CycleReport) -> bool:
        """Lets held routes go, each brake once: a new one is a new question."""
        wanted = [h for name, h in report.held.items() if self._accept is not None and self._accept in (ALL, name)]
        fresh = [held for held in wanted if held.token not in self._totals.accepted]
        if not fresh or not report.caught_up:
            return False
        self._ask()
        self._totals.accepted += [held.token for held in fresh]
        return True

    def _accept_in_advance(self, report: CycleReport) -> None:
        """Where nothing is held, --accept still accepts the first run of routes that have nothing to write so far."""
        asked = self._accept is not None and not self._totals.accepted and not self._stopping()
        if not asked or report.held or report.problems or not report.caught_up:
            return
        self._ask()

    def _ask(self) -> None:
        engine = self._app.engine
        args: dict[str, Json] = {"route": self._accept} if self._accept else {}
        said = outcome_of(engine.requests.handle("accept", args, engine.routes, engine.settings))
        tell(f"Accepted: {said}.")

    def _goes_on(self, report: CycleReport) -> bool:
        if report.problems:
            return False
        with self._app.store.reading() as tx:
            touched = tx.count_touched()
        moved = any((report.planned, report.done, report.superseded, report.refused, report.conflicts_opened))
        moved = moved or touched != self._touched
        self._touched = touched
        if not report.caught_up:
            self._wait(self._app.zendesk.wait_for("export"), f"{self._totals.sums['tickets_read']} tickets read")
            return True
        limited = [lane for lane, why in report.stopped_lanes.items() if LIMITED in why]
        if limited and any(report.waiting.values()):
            waits = {"zendesk": self._app.zendesk.wait_for("update"), "jira": self._app.jira.wait_for("write")}
            self._wait(min(waits[lane] for lane in limited), f"{self._totals.sums['done']} writes done")
            return True
        return moved or any(OUT_OF_TIME in why for why in report.stopped_lanes.values())

    def _wait(self, seconds: float, so_far: str) -> None:
        if seconds > 1:
            tell(f"{so_far}; a limit of the server: going on in {seconds:.0f} s")
        deadline = time.monotonic() + seconds / self._rate
        while not self._stopping() and (left := deadline - time.monotonic()) > 0:
            self._pause.wait(min(left, 0.5))


def _print(totals: Totals) -> None:
    for name, why in totals.stopped.items():
        tell(clean(f"Route {name} is stopped: {why}"))
    for side, problem in totals.problems.items():
        tell(clean(f"{side}: {problem}"))
    rows: list[tuple[str, int]] = [
        ("tickets read", totals.sums["tickets_read"]),
        ("issues read", totals.sums["issues_read"]),
        ("writes done", totals.sums["done"]),
        ("writes refused", totals.sums["refused"]),
        ("conflicts opened", totals.sums["conflicts_opened"]),
        ("writes that wait", sum(totals.waiting.values())),
        ("writes in doubt", totals.in_doubt),
        ("API calls", totals.calls),
    ]
    print_table((f"{count(totals.cycles, 'cycle')}", ""), rows)
    for warning in totals.warnings:
        say(clean(f"Warning: {warning}"))
    for held in totals.held.values():
        tell(clean(held.message))
    if totals.sums["conflicts_opened"] or totals.sums["refused"]:
        say("What waits for a person: syncd conflicts list")
    if any(totals.waiting.values()) or totals.in_doubt:
        say("What waits, and for what: syncd intents list")
