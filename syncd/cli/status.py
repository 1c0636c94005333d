"""`syncd status`: what an operator asks first, and the one line that a health check asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click

from syncd.app.clocks import RehearsalClock
from syncd.cli.clock_story import clock_progress
from syncd.cli.exits import Exit
from syncd.cli.main import Verb
from syncd.cli.output import ago, clean, count, iso, print_json, print_table, say, tell, when
from syncd.cli.shapes import intent_json, what_of
from syncd.cli.work import daemon_clock, load, open_store
from syncd.config.load import Loaded
from syncd.core.model import LinkState
from syncd.cycle.host_clock import HOST_CLOCK
from syncd.ops.facts import BACKUP, CLOCKS, CONFIG, DAEMON, PULSE
from syncd.ops.health import Health, health_of
from syncd.store import Heartbeat, Intent, IntentState, Store, StoreError, Tx

REHEARSAL_SLACK = 10.0  # real seconds that a cycle may take while a sandbox's hour passes in a minute
SIDES = ("zendesk", "jira")
CURSORS = {"zendesk.fast": 1, "zendesk.events": 1, "jira.updated": 1000}
"""Cursors that are stamps, and how many of their units make a second."""


@dataclass(slots=True)
class State:
    """Everything that status shows, read in one moment."""

    now: datetime
    health: Health
    store: str
    beat: Heartbeat | None = None
    daemon: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    backup: dict[str, Any] = field(default_factory=dict)
    servers: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, Any] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    intents: dict[str, int] = field(default_factory=dict)
    links: dict[str, dict[str, int]] = field(default_factory=dict)
    comebacks: int = 0
    field_problems: int = 0
    brakes: list[dict[str, Any]] = field(default_factory=list)
    read_up_to: dict[str, datetime] = field(default_factory=dict)
    troubled: list[Intent] = field(default_factory=list)
    requests: int = 0
    touched: int = 0
    messages: dict[str, int] = field(default_factory=dict)  # of alerts, by state
    clock_problem: str | None = None  # why the clocks stand still
    clock_off: dict[str, Any] | None = None  # a clock that is not right, and since when

    @property
    def detail(self) -> dict[str, Any]:
        """What the last cycle said."""
        return dict(self.beat.detail) if self.beat is not None else {}

    @property
    def conflicts(self) -> int:
        """Links that wait for a person."""
        return sum(states.get(LinkState.CONFLICT.value, 0) for states in self.links.values())

    @property
    def code(self) -> Exit:
        """1 when a person is needed: for a brake, a parked write, a stopped route, a refused credential, a
        configuration or a backup that failed, or a defect."""
        stuck = self.intents.get(IntentState.PARKED.value, 0)
        stopped = self.detail.get("stopped_routes") or self.detail.get("shut_out")
        problem = self.config.get("problem") or self.daemon.get("error") or self.backup.get("problem")
        problem = problem or self.clock_problem or self.clock_off
        return Exit.PERSON if self.brakes or stuck or stopped or problem else Exit.FINE

    @property
    def clock_troubles(self) -> list[str]:
        """What is wrong with clocks: the machine's, and those of tickets."""
        off = [str(self.clock_off.get("sentence"))] if self.clock_off is not None else []
        return [*off, *([f"The clocks stand still: {self.clock_problem}"] if self.clock_problem else [])]


@click.command(cls=Verb)
@click.option("--health", is_flag=True, help="One line, and exit code 0 only if the daemon is well.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(*, health: bool, as_json: bool) -> int:
    """Says how the daemon is, what waits and why, and what needs a person.

    Exit codes: 0 fine, 1 something needs a person. With --health: 0 if the last cycle is younger than three polls (or
    the one under way gets on) and the store can be written, else 1; a conflict is no sickness.
    """
    loaded = load()
    if health:
        return _health(loaded, as_json=as_json)
    with open_store(loaded) as store:
        state = _read(loaded, store)
    if as_json:
        print_json(_as_json(state))
    else:
        _print(state)
    return state.code


def _health(loaded: Loaded, *, as_json: bool) -> int:
    try:
        with open_store(loaded) as store:
            found = _health_of(loaded, store)
            with store.reading() as tx:
                off = tx.get_fact(HOST_CLOCK)
        if isinstance(off, dict):  # no reason to start a container anew, but worth a word wherever health is looked at
            found = Health(found.ok, f"{found.sentence}. {off['sentence']}")
    except StoreError as error:
        found = Health(False, f"unhealthy: {error}")
    if as_json:
        print_json({"healthy": found.ok, "message": found.sentence})
    else:
        say(clean(found.sentence))
    return Exit.FINE if found.ok else Exit.PERSON


def _health_of(loaded: Loaded, store: Store) -> Health:
    writable = store.is_writable()
    with store.reading() as tx:
        beat, clock, pulse = tx.last_heartbeat(), daemon_clock(tx), tx.get_fact(PULSE)
    now = clock.now()
    return health_of(
        beat.at if beat else None,
        now,
        loaded.config.poll.fast,
        writable=writable,
        pulse=datetime.fromtimestamp(pulse, UTC) if isinstance(pulse, int | float) else None,
        slack=REHEARSAL_SLACK * clock.rate if isinstance(clock, RehearsalClock) else 0.0,
    )


def _read(loaded: Loaded, store: Store) -> State:
    health = _health_of(loaded, store)
    with store.reading() as tx:
        state = State(daemon_clock(tx).now(), health, store.name, tx.last_heartbeat())
        said, config, accounts = tx.get_fact(DAEMON), tx.get_fact(CONFIG), tx.get_fact("accounts")
        state.daemon = said if isinstance(said, dict) else {}
        state.config = config if isinstance(config, dict) else {}
        kept = tx.get_fact(BACKUP)
        state.backup = kept if isinstance(kept, dict) else {}
        state.accounts = accounts if isinstance(accounts, dict) else {}
        state.servers = {side: str(server) for side in SIDES if (server := tx.get_fact(f"server.{side}")) is not None}
        state.waiting = tx.waiting_counts()
        state.intents = {kind.value: number for kind, number in tx.intent_counts().items()}
        for (route, link_state), number in tx.link_counts().items():
            state.links.setdefault(route, {})[link_state.value] = number
        state.comebacks, state.field_problems = len(tx.comebacks()), len(tx.field_problems())
        state.brakes = [held for guard in tx.guards().values() if isinstance(held := guard.get("held"), dict)]
        state.read_up_to = _read_up_to(tx)
        waiting = [i for i in tx.intents(IntentState.NEW, limit=200) if i.last_error]
        state.troubled = [
            *tx.intents(IntentState.PARKED, limit=20),
            *tx.intents(IntentState.SENT, limit=20),
            *waiting[:20],
        ]
        state.requests = len(tx.open_requests())
        state.touched = tx.count_touched()
        state.messages = tx.outbox_counts()
        off = tx.get_fact(HOST_CLOCK)
        state.clock_off = off if isinstance(off, dict) else None
        still = tx.get_fact(CLOCKS)
        state.clock_problem = str(still) if still is not None and loaded.config.sla is not None else None
    return state


def _read_up_to(tx: Tx) -> dict[str, datetime]:
    stamps = {name: value for name, value in tx.cursors().items() if name in CURSORS and value.isdecimal()}
    found = {name: datetime.fromtimestamp(int(value) / CURSORS[name], UTC) for name, value in stamps.items()}
    exported = tx.get_fact("zendesk.export.recovery")
    if isinstance(exported, int):
        found["zendesk.export"] = datetime.fromtimestamp(exported, UTC)
    return found


def _as_json(state: State) -> dict[str, Any]:
    beat, detail = state.beat, state.detail
    return {
        "healthy": state.health.ok,
        "health": state.health.sentence,
        "now": iso(state.now),
        "store": state.store,
        "daemon": state.daemon or None,
        "config": state.config or None,
        "backup": state.backup or None,
        "heartbeat": None
        if beat is None
        else {
            "at": iso(beat.at),
            "age_seconds": round((state.now - beat.at).total_seconds(), 1),
            "cycle": beat.cycle,
            "ok": beat.ok,
            "ok_at": iso(beat.ok_at),
        },
        "sides": {
            side: {
                "server": state.servers.get(side),
                "account": state.accounts.get(side),
                "problem": detail.get("problems", {}).get(side),
                "waiting": state.waiting.get(side, 0),
                "stopped": detail.get("stopped_lanes", {}).get(side),
            }
            for side in SIDES
        },
        "problems": detail.get("problems", {}),
        "warnings": detail.get("warnings", []),
        "caught_up": detail.get("caught_up"),
        "clocks": detail.get("clocks") or None,
        "clock_problem": state.clock_problem,
        "clock_off": state.clock_off,
        "stopped_routes": detail.get("stopped_routes", {}),
        "links": state.links,
        "conflicts": state.conflicts,
        "comebacks": state.comebacks,
        "field_problems": state.field_problems,
        "brakes": state.brakes,
        "intents": state.intents,
        "troubled": [intent_json(intent) for intent in state.troubled],
        "read_up_to": {name: iso(moment) for name, moment in state.read_up_to.items()},
        "requests": state.requests,
        "to_plan": state.touched,
        "messages": state.messages,
        "exit": int(state.code),
    }


def _print(state: State) -> None:
    beat, detail = state.beat, state.detail
    say(clean(f"{state.health.sentence[:1].upper()}{state.health.sentence[1:]}."))
    if state.daemon:
        error = f"; last error: {state.daemon['error']}" if state.daemon.get("error") else ""
        pid = state.daemon.get("pid")
        word = f"process {pid}, since" if pid else "stopped; it was started"
        say(clean(f"Daemon: {word} {state.daemon.get('started')}{error}"))
    if beat is not None:
        fine = "" if beat.ok else f"; the last one without problems ended {ago(beat.ok_at, state.now)}"
        say(f"Cycle {beat.cycle} ended {when(beat.at)}{fine}.")
    if state.config.get("problem"):
        tell(clean(f"The configuration on disk is not in force: {state.config['problem']}"))
    _print_backup(state)
    problems, lanes = detail.get("problems", {}), detail.get("stopped_lanes", {})
    for side in SIDES:
        words = [state.servers.get(side, "never reached")]
        if side in problems:
            words.append(f"problem: {problems[side]}")
        waiting = state.waiting.get(side, 0)
        if waiting:
            words.append(f"{count(waiting, 'write')} {'waits' if waiting == 1 else 'wait'}")
        if side in lanes:
            words.append(f"stopped for now: {lanes[side]}")
        say(clean(f"{side}: {'; '.join(words)}"))
    for name in sorted(problems.keys() - set(SIDES)):
        say(clean(f"{name}: {problems[name]}"))
    for route, why in detail.get("stopped_routes", {}).items():
        tell(clean(f"Route {route} is stopped: {why}"))
    print_table(
        ("route", "links", "conflicts", "ended"),
        [
            (route, states.get("live", 0), states.get("conflict", 0), states.get("retired", 0))
            for route, states in sorted(state.links.items())
        ],
    )
    if state.read_up_to:
        known = ", ".join(f"{name} {ago(moment, state.now)}" for name, moment in sorted(state.read_up_to.items()))
        say(f"Read up to: {known}")
    if detail.get("caught_up") is False:
        say("The first import, or a backlog, is still being read.")
    for trouble in state.clock_troubles:
        tell(clean(trouble))
    for line in clock_progress(detail.get("clocks") or {}):
        say(line)
    for brake in state.brakes:
        tell(clean(str(brake.get("message"))))
    for number, *words in (
        (state.conflicts, "conflict"),
        (
            state.comebacks,
            "bug came back after its ticket was closed",
            "bugs came back after their tickets were closed",
        ),
        (state.field_problems, "field cannot be kept in step", "fields cannot be kept in step"),
    ):
        if number:
            say(f"{count(number, *words)}; see: syncd conflicts list")
    for intent in state.troubled:
        why = f": {intent.last_error}" if intent.last_error else ""
        say(clean(f"{intent.state.value} {intent.id[:12]}: {what_of(intent.action)}{why}"))
    _print_messages(state)
    if state.requests:
        say(f"{count(state.requests, 'request')} not taken yet")
    for warning in detail.get("warnings", []):
        say(clean(f"Warning: {warning}"))


def _print_messages(state: State) -> None:
    for number, what in (
        (sum(state.messages.get(name, 0) for name in ("new", "sending", "unknown")), "not sent yet"),
        (state.messages.get("dead", 0), "could not be delivered"),
    ):
        if number:
            say(f"{count(number, 'message')} {what}; see: syncd alerts list")


def _print_backup(state: State) -> None:
    if state.backup.get("problem"):
        tell(clean(f"The last backup failed: {state.backup['problem']}"))
    if state.backup.get("at"):
        say(clean(f"Backup: {ago(datetime.fromisoformat(state.backup['at']), state.now)}, {state.backup['path']}"))
