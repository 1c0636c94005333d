"""One seed, one history: people act and things go wrong, then both stop, then everything must have come right."""

from __future__ import annotations

import hashlib
import random
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from syncd.core.model import LinkState
from syncd.cycle import CycleReport
from syncd.cycle.fetch import EVENTS as TICKET_EVENTS
from syncd.cycle.fetch import FAST_TICKETS, UPDATED_ISSUES
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.faults import Fault
from syncd.sandbox.seed import seed
from syncd.sandbox.server import Sandbox
from syncd.store import IntentState, StoreBusy, StoreError, StoreFull
from tests.simulation.books import line_of
from tests.simulation.canary import listening, secrets
from tests.simulation.clock import STARTS, SimClock
from tests.simulation.clocks_and_rules import draw_clocks
from tests.simulation.events import EVENTS, inside, mend, refusal
from tests.simulation.faults import Swarm
from tests.simulation.invariants import judge
from tests.simulation.invariants_bugs import twins_by
from tests.simulation.manners import HEALTHY, LAGS, SETTINGS
from tests.simulation.marks import marks_of
from tests.simulation.oracle import Oracle
from tests.simulation.people import VANISHING, Act, People, draw
from tests.simulation.plagues import draw as draw_plagues
from tests.simulation.plagues import likes_of
from tests.simulation.probe import Probe
from tests.simulation.process import Crash, Process, folder_in_memory
from tests.simulation.promises import Promises
from tests.simulation.talk import ROLE
from tests.simulation.variants import Variant
from tests.simulation.variants import draw as draw_variant
from tests.simulation.wire import Call, Wire

DEPLOYMENTS: tuple[Literal["cloud", "data_center"], ...] = ("cloud", "data_center")

ROUNDS = 9
"""Cycles while things go wrong."""

PEACE = 3
"""Cycles of most histories before anything goes wrong."""

PROBE_ROUNDS = 3
"""Cycles while the one last move of each group of links is carried, and things go wrong again."""

QUIET_CALLS = 60
"""Calls of a cycle that has nothing to do, complete pass, hourly and daily looks and all."""

DAY = 86400.0

FORWARD = (FAST_TICKETS, UPDATED_ISSUES, TICKET_EVENTS)
"""Cursors that are stamps."""

PATIENCE = (15.0, 60.0, 200.0, 400.0, 1000.0, 2000.0, *[4700.0] * 50)
"""Seconds between the cycles after everything was healed: what a cap held for two days is done by then, and told of."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


@dataclass(slots=True)
class Outcome:
    """What came of a history."""

    seed: int
    variant: Variant
    violations: list[Violation] = field(default_factory=list)
    digest: str = ""
    faults: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    acts: tuple[Act, ...] = ()
    cycles: int = 0
    calls: int = 0
    log: list[str] = field(default_factory=list)


class Broken(BaseException):
    """An invariant broke, and nobody wants to know what comes after."""


class History:
    """The world of one seed. Use run(); the parts are there for the crash points."""

    def __init__(
        self,
        number: int,
        folder: Path,
        *,
        off: Collection[str] = (),
        acts: tuple[Act, ...] | None = None,
        until_broken: bool = False,
    ) -> None:
        self.seed = number
        self._until_broken = until_broken
        self.variant = draw_variant(random.Random(f"{number}:variant"), DEPLOYMENTS[number % 2], draw_clocks(number))
        self.outcome = Outcome(number, self.variant)
        self._random = random.Random(f"{number}:world")
        self._latency = random.Random(f"{number}:latency")
        plagues = draw_plagues(random.Random(f"{number}:plagues"), self.variant)
        self.swarm = Swarm(number, {*off, *self.variant.never}, plagues)
        crowd = random.Random(f"{number}:people")
        self.shape = (crowd.randint(3, 6), crowd.randint(3, 5), crowd.randrange(10_000))
        drawn = draw(crowd, ROUNDS, crowd.randint(15, 40), likes_of(plagues)) if acts is None else acts
        self.acts = tuple(act for act in drawn if not (self.variant.lazy and act.verb in VANISHING))
        self.outcome.acts = self.acts
        start = random.Random(f"{number}:start").choice(STARTS)
        self.sandbox = Sandbox(self.variant.deployment, number, SandboxClock(start, frozen=True))
        self.seeded = seed(self.sandbox, cases=False)
        self.clock = SimClock(self.sandbox.clock)
        self._start_at = start
        self.oracle = Oracle(self.sandbox, self.seeded, self.variant)
        self.wire = Wire(
            self.sandbox,
            folder / "syncd.db",
            before=self._fault_of,
            boundary=self.boundary,
            broken=self.broken,
            in_transaction=lambda: self.process.in_transaction,
            latency=lambda: self._latency.uniform(0.02, 0.4),
        )
        self.promises = Promises(self, self.variant.clocks)
        self.process = Process(
            self.variant,
            folder,
            self.clock,
            self.wire,
            at=self.boundary,
            refuse=self._refuse,
            sleep=self.sandbox.clock.advance,
            mailer=self.promises.mailer,
        )
        self.people = People(self.sandbox, self.seeded, self.process.ask, lambda: self.process.routes_run)
        self.round = 0
        self.harm = False  # whether things go wrong now
        self.accepted = False  # whether the operator ever released a brake
        self.released_at = 0
        self.backup: bytes | None = None
        self._inside: dict[int, list[Act]] = {}
        self._calls_of_cycle = 0
        self._lines = hashlib.blake2b(digest_size=16)
        self.wounds: dict[str, int] = {}  # what is revoked or hidden now -> round in which it ends
        self.quiet_since = 0  # the number of calls when all had come to rest
        self.said: list[str] = []  # what the daemon logged
        self.cursors: dict[str, int] = {}
        self.known: dict[tuple[int, int, str], float] = {}  # link, ticket, bug -> since when it surely is

    # ---- the phases ----

    def run(self) -> Outcome:
        """The whole history, judged where all is at rest: after the harm, and after one more move."""
        with listening() as self.said:
            self.begin()
            for number in range(ROUNDS):
                self._round(number)
            self.heal()
            self._let_twins_be_found()
            self.come_to_rest((61.0,))
            judge(self)
            if not self.outcome.violations:
                self._probe()
        self._keep_no_secret()
        return self.finish()

    def _probe(self) -> None:
        probe = Probe(self)
        self.swarm.rates.pop("race", None)  # or what comes of a move would not be known
        for move in probe.moves:
            self.sandbox.advance(self._random.uniform(0.1, 4.0))
            move()
        if self.variant.creates:
            self._act(Act(ROUNDS, None, "asks_anew", 0, 0, self.shape[2]))
        self.harm = True
        for lag in filter(self.swarm.has, LAGS):
            SETTINGS[lag](self.swarm.stream(lag), self.sandbox.jira.switches, {})
        for _ in range(PROBE_ROUNDS):
            self.sandbox.advance(self._random.uniform(1.0, 20.0))
            self._accept_if_held(self.cycle())
        self.heal()
        self._let_twins_be_found()
        self.come_to_rest((61.0, 4700.0))
        judge(self)
        probe.judge()
        self.outcome.marks["a last move was carried under fire"] += len(probe.moves)

    def _keep_no_secret(self) -> None:
        """I13."""
        kept = [*(line.encode() for line in self.said), *(line.encode() for line in self.outcome.log)]
        kept += [path.read_bytes() for path in self.process.path.parent.iterdir() if path.is_file()]
        for secret in secrets(self.wire.signed_with):
            if any(secret.encode() in text for text in kept):
                self.broken("I13", "a secret is in the log, a report or the store")

    def finish(self) -> Outcome:
        """Closes the books."""
        self.outcome.marks += marks_of(self)
        self.process.kill()
        self.outcome.calls = len(self.wire.calls)
        for call in self.wire.calls:
            self._lines.update(call.row.encode())
        self.outcome.digest = self._lines.hexdigest()
        return self.outcome

    def begin(self) -> None:
        """Both servers as the seed has them, with tickets, bugs and links; the daemon starts."""
        tickets, bugs, how = self.shape
        self._settings()
        self.promises.begin()
        self.sandbox.jira.site.add_to_role(ROLE, self.people.developers[0])
        if self.variant.restricted or how % 2:
            self.sandbox.jira.site.add_to_role(ROLE, self.seeded.jira_bot)
        for place in range(tickets):
            self.people.new_ticket(how + place, ("open", "open", "new", "pending")[(how + place) % 4])
        for place in range(bugs):
            self.people.new_bug(how + place, "OPS" if (how + place) % 4 == 0 else "NOVA")
        self.sandbox.advance(2)
        settled = how % 6 > 0 and not self.swarm.has("slow_operator")
        self.harm = not settled
        self._start()
        for place in range(max(tickets, bugs)):
            ticket = self.people.tickets[place % tickets]
            self.people.link(ticket, self.people.bugs[place % bugs], how + place)
        if how % 3 == 0:
            self.people.link(self.people.tickets[0], self.people.bugs[1], how + 1)
        if settled:  # all was well for a while: the first run is accepted, and more is written where things go wrong
            for _ in range(PEACE):
                self.sandbox.advance(15.0)
                self._accept_if_held(self.cycle())
        self.harm = True

    def heal(self) -> None:
        """From now on nothing goes wrong and nobody acts."""
        self.harm, self._inside = False, {}
        for wound in list(self.wounds):
            mend(self, wound)
        self.clock.skew = 0.0
        self.promises.heal()
        for name, value in HEALTHY.items():
            self.sandbox.jira.switches[name] = value
        if not self.swarm.has("index_out_of_order"):  # else all that was written shows soon, each at its time
            self.sandbox.jira.index.flush(sys.maxsize)
        self.note("healed")

    def _let_twins_be_found(self) -> None:
        """What was made twice is found by the daily look."""
        if twins_by(self):
            self.sandbox.advance(600.0)
            self.cycle()
            self.sandbox.advance(DAY)

    def come_to_rest(self, after: Sequence[float]) -> None:
        """Cycles until one that read everything has nothing to do; then more of them, so many seconds apart, which must
        not write."""
        for seconds in PATIENCE:
            self.sandbox.advance(seconds)
            report = self.cycle()
            self._accept_if_held(report)
            if report is not None and self._is_still(report):
                break
        else:
            self.broken("I2", f"it does not come to rest: {report}")
        self.quiet_since = len(self.wire.calls)
        for seconds in (*after, *self.promises.afterwards):
            self.sandbox.advance(seconds)
            self.cycle()
            if self._calls_of_cycle > QUIET_CALLS + self.promises.calls_for_clocks:
                self.broken("I11", f"a quiet cycle made {self._calls_of_cycle} calls")
        for call in self.wire.calls[self.quiet_since :]:
            if call.write and call.number not in self.promises.owed:
                self.broken("I2", f"a write when all was at rest: {call.row}")

    def _is_still(self, report: CycleReport) -> bool:
        busy = report.planned or report.done or report.in_doubt or report.later or report.superseded
        with self.process.aside() as tx:
            counts = tx.intent_counts()
        waiting = counts.get(IntentState.NEW, 0) + counts.get(IntentState.SENT, 0)
        waiting += self.promises.waits() + self.sandbox.jira.index.waiting()
        late = self.sandbox.zendesk_app.pending_late() + self.sandbox.jira_app.pending_late()
        stopped = self.process.app is None or self.process.app.engine.routes.stopped
        behind = stopped or not report.caught_up or self.promises.is_behind(report)
        owed = report.problems or behind or busy or waiting or late or report.held
        return {"complete", "versions"} <= set(report.passes) and not owed  # what was released bumps no bug

    # ---- one round ----

    def _round(self, number: int) -> None:
        self.round = number
        for wound, until in list(self.wounds.items()):
            if until <= number:
                mend(self, wound)
        self._inside = {}
        self._events(number)
        mine = [act for act in self.acts if act.round == number]
        for act in mine:
            if act.inside is None:
                self.sandbox.advance(self._random.uniform(0.1, 4.0))
                self._act(act)
            else:
                self._inside.setdefault(act.inside, []).append(act)
        self.sandbox.advance(self._random.uniform(1.0, 20.0))
        report = self.cycle()
        for acts in self._inside.values():
            for act in acts:
                self._act(act)
        if number >= self.released_at:
            self._accept_if_held(report)

    def _act(self, act: Act) -> None:
        done = self.people.act(act)
        self.note(f"{act}{'' if done else ' (could not)'}")

    def cycle(self) -> CycleReport | None:
        """One cycle of the daemon, which is started when it does not run; None when it did not get to the end."""
        self.outcome.cycles += 1
        self._calls_of_cycle = 0
        start, report = self.sandbox.clock.now(), None
        if not self.process.runs and not self._start():
            return None
        try:
            report = self.process.step()
        except Crash:
            self.note("crashed")
            return None
        except StoreError as error:
            self.note(f"cycle ended: {error}")
            self.outcome.marks["a cycle ended by the store"] += 1
            return None
        except Exception as error:
            self.broken("I10", f"the cycle raised {type(error).__name__}: {error}")
            raise
        finally:
            self._look_at_store()
            self.promises.went(start, report)
        self.note(f"cycle {line_of(report)}")
        self._count(report)
        return report

    def _look_at_store(self) -> None:
        """Since when the servers' clock has seen each link: what is said later is owed to it. And I6: no cursor goes
        back."""
        now = self.sandbox.clock.now()
        with self.process.aside() as tx:
            links = [link for link in tx.all_links(limit=None) if link.state is not LinkState.RETIRED]
            cursors = {name: int(tx.cursor(name) or 0) for name in FORWARD}
        for name, at in cursors.items():
            if at < self.cursors.get(name, 0):
                self.broken("I6", f"the cursor {name} went back from {self.cursors[name]} to {at}")
        self.cursors = cursors
        present = [(link.id, link.ticket_id, link.issue_id) for link in links]
        self.known = {key: self.known.get(key, now) for key in present}

    def _start(self) -> bool:
        self.wire.new_process()
        try:
            self.process.start()
        except (Crash, StoreError) as error:
            self.note(f"did not start: {error!r}")
            return False
        return True

    def _accept_if_held(self, report: CycleReport | None) -> None:
        if report is not None and report.held:
            self.accepted = True
            self.process.ask("accept", {})
            self.note("the operator accepts")

    # ---- what goes wrong ----

    def _fault_of(self, call: Call) -> tuple[str, Fault] | None:
        if call.write and not self.promises.owes(call) and not (self.accepted or self.promises.is_by_hand(call)):
            self.broken("I12", f"{call.method} {call.path} before anybody accepted the first run")
        self._calls_of_cycle += 1
        for act in self._inside.pop(self._calls_of_cycle, ()):
            # Zendesk's stamps have whole seconds: what happens in one second is one moment to a compare-and-swap.
            self.sandbox.advance(1.0 - self.sandbox.clock.now() % 1.0)
            self._act(act)
        if not self.harm:
            return None
        inside(self, call)
        struck = refusal(self, call) or self.swarm.of_call(
            call.service, call.path, self.sandbox.clock.now(), write=call.write
        )
        if struck is not None:
            self.outcome.faults[struck[0]] += 1
        return struck

    def boundary(self, where: str) -> None:
        """The process may die here."""
        kind = f"crash_{where}"
        if self.harm and self.swarm.strikes(kind):
            self.outcome.faults[kind] += 1
            raise Crash(kind)

    def _refuse(self) -> None:
        if not self.harm:
            return
        for kind, error in (("store_busy", StoreBusy), ("store_full", StoreFull)):
            if self.swarm.strikes(kind):
                self.outcome.faults[kind] += 1
                raise error(f"the store is made to fail ({kind})")

    def _settings(self) -> None:
        """What is so for the whole history."""
        jira, zendesk = self.sandbox.jira.switches, self.sandbox.zendesk.switches
        for name, setting in SETTINGS.items():
            if self.swarm.has(name):
                self.outcome.faults[name] += 1
                setting(self.swarm.stream(name), jira, zendesk)
        if self.swarm.has("trigger"):
            self._trigger(self.swarm.stream("trigger"))
        if self.swarm.has("automation"):
            self._automation(self.swarm.stream("automation"))
        if self.swarm.has("slow_operator"):
            self.outcome.faults["slow_operator"] += 1
            self.released_at = self.swarm.stream("slow_operator").randint(2, ROUNDS)

    def _trigger(self, rng: random.Random) -> None:
        self.outcome.faults["trigger"] += 1
        before, after = rng.choice((("hold", "open"), ("open", "pending"), ("hold", "pending")))
        self.sandbox.zendesk.add_trigger(
            name="Never so",
            on_status=before,
            set_status=after,
            later=rng.random() < 0.4,
            delay_seconds=rng.choice((0.0, 2.0, 50.0)),
            only_actor=self.seeded.bot if rng.random() < 0.5 else None,
            times=rng.choice((-1, 1, 2)),
        )

    def _automation(self, rng: random.Random) -> None:
        self.outcome.faults["automation"] += 1
        before, after = rng.choice((("To Do", "In Progress"), ("Closed", "Reopened"), ("Verified", "Done")))
        self.sandbox.jira.add_automation("Never there", before, after)

    def _events(self, number: int) -> None:
        for kind, happens in EVENTS.items():
            if self.swarm.strikes(kind):
                self.outcome.faults[kind] += 1
                self.note(f"event: {kind}")
                happens(self, self.swarm.stream(kind), number)

    # ---- books ----

    def broken(self, invariant: str, what: str) -> None:
        """An invariant does not hold."""
        violation = Violation(invariant, what)
        if violation not in self.outcome.violations:
            self.outcome.violations.append(violation)
            self.note(f"VIOLATION {violation}")
            if self._until_broken:
                raise Broken

    def note(self, text: str) -> None:
        """A line of the journal."""
        line = f"{self.sandbox.clock.now() - self._start_at:9.1f} {text}"
        self._lines.update(line.encode())
        self.outcome.log.append(line)

    def _count(self, report: CycleReport) -> None:
        for name in ("done", "refused", "superseded", "in_doubt", "later"):
            if getattr(report, name):
                self.outcome.marks[f"a write {name.replace('_', ' ')}"] += 1
        for held in report.held.values():
            self.outcome.marks[f"brake {held.reason}"] += 1


def simulate(number: int, *, off: Collection[str] = (), acts: tuple[Act, ...] | None = None) -> Outcome:
    """Runs the history of a seed and judges it. `off`: kinds of faults that do not happen; `acts`: what people do
    instead of what the seed has them do."""
    with folder_in_memory() as folder:
        return History(number, folder, off=off, acts=acts).run()


def first_violation(number: int) -> Violation | None:
    """Runs the history of a seed as far as the first invariant that breaks."""
    with folder_in_memory() as folder:
        history = History(number, folder, until_broken=True)
        try:
            history.run()
        except Broken:
            history.process.kill()
        return next(iter(history.outcome.violations), None)
