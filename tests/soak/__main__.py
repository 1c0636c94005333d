"""`make soak`: the daemon's process for many simulated days beside a desk full of tickets and among people who work,
and what it takes: memory, files, the write-ahead log and the store. Tickets are made, linked, fixed, solved and closed,
as in life, clocks run over them and mail goes out; so all but the store's history should level off.

Time passes between the cycles, some minutes at once, and hardly within them: a daemon whose cycles took hours would
only be busy with having been away."""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tests.cli.house import Process
from tests.nemesis.world import ROUTE, World

RATE = 20.0
"""Seconds in a second, while a cycle runs and until the next one begins."""

STEP = 540.0
"""Seconds that pass at once after a cycle: less than what counts as a gap in the life of the daemon."""

LONGEST_CYCLE = 600.0
"""Real seconds after which a cycle that does not end is a failure: the first one reads everything."""

OPEN = 20
"""Every so manieth of the standing tickets is open: it has clocks."""

RULES = """
sla:
  calendars: {office: {zone: Europe/Berlin, week: {mon-fri: ["09:00-18:00"]}}}
  metrics: {first_reply: {}, resolution: {}}
  holders:
    - {party: customer, when: {all: [{field: status, value: pending}]}}
    - {party: development, team_by: project, when: {all: [{field: bug.stage, value: [queued, in_progress]}]}}
    - {party: L1}
  policies:
    - name: promised
      defaults: {calendar: office, pause_in: [pending], warn: {red: 4h}}
      targets: {first_reply: {goals: {any: 4h}}, resolution: {goals: {any: 5 business_days}}}
mail: {host: 127.0.0.1, port: %d, tls: none, sender: syncd@acme.example}
receivers: [{name: leads, to: [lena.vogt@acme.example], zone: Europe/Berlin, digest: "08:30"}]
alerts: {operators: leads, fallback: leads}
"""

GROWTH = 1.05
"""Memory has levelled off when the last third of the days took at most so many times the middle third."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the daemon's process and its files, at the end of a day."""

    day: int
    memory: float  # MB
    files: int
    threads: int
    log: float  # MB
    store: float  # MB
    cycle: int
    writes: int
    clocks: int
    mails: int

    def __str__(self) -> str:
        return (
            f"{self.day:>4} {self.memory:>9.1f} {self.files:>6} {self.threads:>8} {self.log:>7.2f} {self.store:>9.2f} "
            f"{self.cycle:>8} {self.writes:>8} {self.clocks:>8} {self.mails:>8}"
        )


def main() -> int:
    """0 when memory, files and the log levelled off."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--tickets", type=int, default=40, help="new ones a day (default: 40)")
    parser.add_argument("--standing", type=int, default=100_000, help="those that are there before (default: 100,000)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="syncd-soak-") as folder:
        world = World(Path(folder), chosen.seed)
        try:
            found = _live(world, chosen.days, chosen.tickets, chosen.standing)
        finally:
            world.close()
    third = max(1, len(found) // 3)
    middle, last = found[-2 * third : -third] or found[:1], found[-third:]
    grown = _mean(last) / _mean(middle)
    level = grown <= GROWTH and last[-1].files <= middle[-1].files + 5 and last[-1].log <= 64
    print(f"memory grew by {100 * (grown - 1):.1f} % from the middle to the last third of the days")  # noqa: T201 - a report
    print("levelled off" if level else "DID NOT level off")  # noqa: T201 - as above
    return 0 if level else 1


def _live(world: World, days: int, tickets: int, standing: int) -> list[Figures]:
    world.sandbox.mailbox.start()
    world.configure(routes=ROUTE, more=RULES % world.sandbox.mailbox.port)
    text = world.config.read_text(encoding="utf-8")
    world.config.write_text(text.replace("fast: 1s, complete: 2s, census: 1m", "fast: 1s, complete: 30m, census: 6h"))
    old = _stand(world, standing)
    world.begin()
    world.sandbox.clock.rate = RATE
    daemon = world.run_daemon()
    found, open_pairs = [], list(world.pairs)
    print(" day memory MB  files  threads  log MB  store MB   cycles   writes   clocks    mails", flush=True)  # noqa: T201 - a report
    try:
        for day in range(1, days + 1):
            for _ in range(tickets):
                open_pairs.append(world.pair())
                world.pairs = open_pairs[-tickets:]
                world.act(2)
                _go_on(world, old)
                _let_pass(world, daemon, 86_400 / tickets)
            for ticket, key in open_pairs[: -2 * tickets]:
                _end(world, ticket, key)
            open_pairs = open_pairs[-2 * tickets :]
            found.append(_figures(world, daemon, day))
            print(found[-1], flush=True)  # noqa: T201 - as above
        assert daemon.stop(60) == 0, daemon.err
    finally:
        daemon.kill()
    return found


def _let_pass(world: World, daemon: Process, seconds: float) -> None:
    """So much time, a step after each cycle."""
    clock, pause = world.sandbox.clock, threading.Event()
    until = clock.now() + seconds
    while (left := until - clock.now()) > 0:
        before, deadline = _cycle_of(world), time.monotonic() + LONGEST_CYCLE
        while _cycle_of(world) == before:
            assert Path(f"/proc/{daemon.pid}/exe").exists(), daemon.err
            assert time.monotonic() < deadline, "a cycle does not end"
            pause.wait(0.02)
        clock.advance(min(STEP, left))


def _cycle_of(world: World) -> int:
    """The last cycle that ended. Without all that opening a store looks at: it is asked often."""
    with closing(sqlite3.connect(f"file:{world.store_file}?mode=ro", uri=True)) as store:
        row = store.execute("SELECT cycle FROM heartbeat").fetchone()
    return int(row[0]) if row is not None else 0


def _stand(world: World, count: int) -> list[int]:
    """The desk before syncd came; the open ones of it."""
    made = []
    columns = (TextColumn("tickets before"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for number in progress.track(range(count)):
            ticket = world.ticket()
            if number % OPEN:
                world.sandbox.zendesk.solve(ticket=ticket, actor=world.agent)
            else:
                made.append(ticket)
    return made


def _go_on(world: World, old: list[int]) -> None:
    """Somebody writes on a ticket that was there before, or ends it."""
    if not old:
        return
    place = world.random.randrange(len(old))
    desk, ticket = world.sandbox.zendesk, old[place]
    match world.random.choice(("asks", "answers", "ends")):
        case "asks":
            desk.customer_replies(ticket=ticket, actor=world.customer, body="And now?")
        case "answers":
            desk.agent_replies(ticket=ticket, actor=world.agent, body="We are at it.", status="pending")
        case _:
            desk.solve(ticket=ticket, actor=world.agent)
            del old[place]


def _end(world: World, ticket: int, key: str) -> None:
    """The bug is fixed, the ticket solved, and closed some days later."""
    world.moves(key, "Done", "Fixed")
    world.sandbox.zendesk.solve(ticket=ticket, actor=world.agent)
    world.sandbox.zendesk.close_solved(ticket=ticket)


def _figures(world: World, daemon: Process, day: int) -> Figures:
    process = Path(f"/proc/{daemon.pid}")
    said = dict(line.split(":", 1) for line in (process / "status").read_text(encoding="ascii").splitlines())
    log = world.store_file.with_name("syncd.db-wal")
    with closing(sqlite3.connect(f"file:{world.store_file}?mode=ro", uri=True)) as store:
        (clocks,) = store.execute("SELECT count(*) FROM clock").fetchone()
    return Figures(
        day,
        int(said["VmRSS"].split()[0]) / 1024,
        len(list((process / "fd").iterdir())),
        int(said["Threads"]),
        log.stat().st_size / 2**20 if log.exists() else 0.0,
        world.store_file.stat().st_size / 2**20,
        _cycle_of(world),
        len(world.writes()),
        clocks,
        len(world.sandbox.mailbox.mails()),
    )


def _mean(figures: list[Figures]) -> float:
    return sum(f.memory for f in figures) / len(figures)


if __name__ == "__main__":
    sys.exit(main())
