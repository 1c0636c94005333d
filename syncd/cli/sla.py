"""`syncd sla`: what is due next, what is breached, and who has the ball."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import click

from syncd.app.sla import zone_of
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Group
from syncd.cli.output import count, print_json, print_table, say
from syncd.cli.sla_backtest import backtest_verb
from syncd.cli.sla_compare import compare_verb
from syncd.cli.sla_recompute import recompute
from syncd.cli.sla_rows import Tally, Wall, clock_json, held_text, instant, name_of, span_option, state_of, tallies
from syncd.cli.work import load, now_of, open_store
from syncd.config.load import Loaded
from syncd.config.sla_models import Sla
from syncd.core.model import IssueSnapshot, Json
from syncd.cycle.clocks import progress
from syncd.sla.calendar import always
from syncd.sla.course import FOREVER
from syncd.store import Store
from syncd.store.clocks import ClockRecord

LATEST = 50
GROUPS = ("holder", "team", "policy", "metric")


def clocks_of(loaded: Loaded) -> Sla:
    """The configuration's clocks; raises CliError when it has none."""
    if loaded.config.sla is None:
        raise CliError(
            "There are no clocks: the configuration has no sla:. Begin with a profile, such as sla: {profile: guide}.",
            Exit.CONFIG,
        )
    return loaded.config.sla


def wall_of(loaded: Loaded, store: Store) -> Wall:
    """The present, in the zone in which people are told instants."""
    return Wall(always("reader", zone_of(clocks_of(loaded))), int(now_of(store).timestamp()))


@click.group(cls=Group, invoke_without_command=True)
@click.option("--within", metavar="SPAN", help="Only what is due within this time, such as 4h.")
@click.option("--by", type=click.Choice(GROUPS), help="Count by who has the ball, by team, policy or metric.")
@click.option("--limit", default=LATEST, show_default=True, help="Rows of each list; 0 = all.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def sla(context: click.Context, *, within: str | None, by: str | None, limit: int, as_json: bool) -> int:
    """Says which tickets are due next and which are overdue. Everything is from the store; no server is asked.

    Times are those of sla.zone. Who had the ball for how long is counted up to the clock's last change or due instant,
    which is told beside it; `explain TICKET` counts up to now and says how a due time comes about.
    """
    if context.invoked_subcommand is not None:
        return Exit.FINE
    loaded = load()
    before = span_option(within) if within is not None else None
    with open_store(loaded) as store:
        wall = wall_of(loaded, store)
        found = _read(store, wall.now, None if by is not None else limit or None, before)
    if as_json:
        print_json(_as_json(found, wall, by))
    elif by is not None:
        _print_tallies(found, wall, by)
    else:
        _print(found, wall)
    return Exit.FINE


sla.add_command(backtest_verb)
sla.add_command(compare_verb)
sla.add_command(recompute)


@dataclass(frozen=True, slots=True)
class _Found:
    due: list[ClockRecord]  # open, not breached, the next one first
    breached: list[ClockRecord]  # open, the latest first
    bugs: dict[str, IssueSnapshot]
    progress: dict[str, Json]


def _read(store: Store, now: int, limit: int | None, within: timedelta | None) -> _Found:
    before = FOREVER if within is None else now + int(within.total_seconds())
    with store.reading() as tx:
        due = [record for record in tx.clocks_due(before, limit, after=now) if record.breached_at is None]
        breached = tx.clocks_breached(0, limit, is_open=True)
        bugs = tx.issues({record.subject for record in (*due, *breached) if record.subject})
        return _Found(due, breached, bugs, progress(tx))


def _as_json(found: _Found, wall: Wall, by: str | None) -> dict[str, Json]:
    shape: dict[str, Json] = {"now": instant(wall.now), "zone": wall.reader.zone, "progress": found.progress}
    if by is not None:
        groups = tallies((*found.due, *found.breached), by, wall.now)
        return {**shape, "by": by, "groups": {name: _tally_json(tally) for name, tally in groups.items()}}
    return {
        **shape,
        "due": [clock_json(record, found.bugs) for record in found.due],
        "breached": [clock_json(record, found.bugs) for record in found.breached],
    }


def _tally_json(tally: Tally) -> dict[str, Json]:
    return {
        "due_within_hour": tally.hour,
        "due_within_day": tally.day,
        "open": tally.open,
        "breached": tally.breached,
        "held": dict(tally.held),
    }


def _print(found: _Found, wall: Wall) -> None:
    if found.breached:
        say(f"Overdue ({count(len(found.breached), 'clock')}):")
        rows = [
            (
                f"#{record.ticket_id}",
                name_of(record, found.bugs),
                wall.told(record.breached_at),
                wall.left(record.breached_at),
                state_of(record),
                record.holder,
                held_text(record.split),
                wall.ago(record.at),
                record.policy,
            )
            for record in found.breached
        ]
        print_table(("ticket", "clock", "was due", "", "state", "has the ball", "had it", "counted", "policy"), rows)
        say()
    if found.due:
        say(f"Due next ({count(len(found.due), 'clock')}):")
        coming = [
            (
                f"#{record.ticket_id}",
                name_of(record, found.bugs),
                wall.told(record.due),
                f"in {wall.left(record.due)}",
                state_of(record),
                record.holder,
                record.policy,
                record.level or "-",
            )
            for record in found.due
        ]
        print_table(("ticket", "clock", "due", "", "state", "has the ball", "policy", "level"), coming)
    if not found.due and not found.breached:
        say("Nothing is due and nothing is overdue.")
    _print_progress(found)


def _print_tallies(found: _Found, wall: Wall, by: str) -> None:
    groups = tallies((*found.due, *found.breached), by, wall.now)
    if not groups:
        say("Nothing is due and nothing is overdue.")
    rows = [
        (
            name,
            tally.breached,
            tally.hour,
            tally.day,
            tally.open,
            held_text(tally.held),
        )
        for name, tally in groups.items()
    ]
    print_table((by, "overdue", "due in 1 h", "in 24 h", "later too", "of the overdue: who had the ball"), rows)
    _print_progress(found)


def _print_progress(found: _Found) -> None:
    stale, audits = found.progress["stale"], found.progress["audits"]
    if stale or audits:
        say()
    if stale:
        say(f"{count(int(str(stale)), 'ticket')} are still to be computed by the rules of now.")
    if audits:
        say(f"The history of {count(int(str(audits)), 'ticket')} is still to be read.")
