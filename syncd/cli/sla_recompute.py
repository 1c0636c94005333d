"""`syncd sla recompute`: every clock computed anew, and what that changes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from syncd.app.build import App
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb
from syncd.cli.output import count, print_json, print_table, say
from syncd.cli.sla_rows import Wall, clock_json, name_of, state_of
from syncd.cli.work import ask, load, looking, now_of, working
from syncd.core.model import IssueSnapshot, Json
from syncd.cycle.recompute import ClockDiff, Recomputation
from syncd.store import StoreLocked
from syncd.store.clocks import ClockRecord

WORDS = ("breach", "state", "due", "target", "policy", "new", "gone")


@click.command("recompute", cls=Verb)
@click.option("--dry-run", is_flag=True, help="Show what would change and leave everything as it is.")
@click.option("--limit", default=50, show_default=True, help="Rows of the list; 0 = all.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def recompute(*, dry_run: bool, limit: int, as_json: bool) -> int:
    """Computes every clock anew from the stored history and shows what differs. No server is asked.

    Interrupted, it goes on where it stopped. While the daemon runs, the daemon does it, a share in each cycle; with
    --dry-run the effect of an edited configuration can be seen before the daemon takes it.
    """
    loaded = load()
    if dry_run:
        with looking(loaded) as app:
            _usable(app)
            return _tell(app, *_rehearse(app), limit=limit, as_json=as_json, done=False)
    try:
        with working(loaded, create=False) as app:
            app.remembered_routes()
            _usable(app)
            app.clocks.keep()
            return _tell(app, *_compute(app), limit=limit, as_json=as_json, done=True)
    except StoreLocked as locked:
        outcome = ask(loaded, "sla recompute", {}, who=locked.holder)
    if as_json:
        print_json({"ok": True, "outcome": outcome})
    else:
        say(f"{outcome[:1].upper()}{outcome[1:]}")
    return Exit.FINE


def _usable(app: App) -> None:
    """Raises CliError when there are no clocks to compute."""
    if app.clocks.errors:
        raise CliError("\n".join(map(str, app.clocks.errors)), Exit.CONFIG)
    if app.clocks.settings is None:
        raise CliError("There are no clocks: the configuration has no sla:.", Exit.CONFIG)


def _compute(app: App) -> tuple[int, list[ClockDiff]]:
    work = Recomputation(app.store, app.engine.clocks)
    total, goes_on = work.begin()
    found: list[ClockDiff] = []
    with progress("goes on" if goes_on else "computing", total) as advance:
        while True:
            done, diffs = work.step()
            found += diffs
            advance(done)
            if not done:
                return total, found


def _rehearse(app: App) -> tuple[int, list[ClockDiff]]:
    work = Recomputation(app.store, app.engine.clocks)
    with app.store.reading() as tx:
        total = tx.count_tickets()
    found: list[ClockDiff] = []
    last: int | None = 0
    with progress("computing", total) as advance:
        while last is not None:
            last, done, diffs = work.rehearse(last)
            found += diffs
            advance(done)
    return total, found


@contextmanager
def progress(word: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's standard error; the function takes how many more are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(word, total=total)
        yield lambda done: bar.advance(task, done)


def _tell(app: App, total: int, diffs: list[ClockDiff], *, limit: int, as_json: bool, done: bool) -> int:
    counts = Counter(word for diff in diffs for word in diff.what)
    settings = app.clocks.settings
    if settings is None:
        raise CliError("There are no clocks: the configuration has no sla:.", Exit.CONFIG)
    wall = Wall(settings.reader, int(now_of(app.store).timestamp()))
    with app.store.reading() as tx:
        bugs = tx.issues({diff.record.subject for diff in diffs if diff.record.subject})
    if as_json:
        print_json(
            {
                "done": done,
                "tickets": total,
                "differences": {word: counts[word] for word in WORDS if counts[word]},
                "clocks": [_diff_json(diff, bugs) for diff in (diffs[:limit] if limit else diffs)],
            }
        )
        return Exit.FINE
    said = "Computed" if done else "Would compute"
    say(f"{said} the clocks of {count(total, 'ticket')}: {count(len(diffs), 'clock')} differ from before.")
    if counts:
        say(", ".join(f"{word} {counts[word]}" for word in WORDS if counts[word]))
    rows = [
        (f"#{diff.record.ticket_id}", name_of(diff.record, bugs), _side(diff.before, wall), _side(diff.after, wall))
        for diff in (diffs[:limit] if limit else diffs)
    ]
    print_table(("ticket", "clock", "before", "now" if done else "then"), rows)
    if limit and len(diffs) > limit:
        say(f"… and {len(diffs) - limit} more (--limit 0 shows all)")
    return Exit.FINE


def _side(record: ClockRecord | None, wall: Wall) -> str:
    if record is None:
        return "-"
    due = record.breached_at if record.breached_at is not None else record.due
    return f"{state_of(record)}, {record.policy or 'no policy'}" + ("" if due is None else f", due {wall.told(due)}")


def _diff_json(diff: ClockDiff, bugs: dict[str, IssueSnapshot]) -> dict[str, Json]:
    return {
        "ticket": diff.record.ticket_id,
        "what": list(diff.what),
        "before": None if diff.before is None else clock_json(diff.before, bugs),
        "after": None if diff.after is None else clock_json(diff.after, bugs),
    }
