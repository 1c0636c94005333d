"""`syncd sla backtest`: the stored history under other rules."""

from __future__ import annotations

import click

from syncd.app.backtest import backtest, unsearched
from syncd.app.build import App
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb
from syncd.cli.output import count, print_json, print_table, say, tell
from syncd.cli.sla_recompute import progress
from syncd.cli.sla_rows import Wall, by_share, held_text, instant, since_option
from syncd.cli.work import load, looking
from syncd.core.model import IssueSnapshot, Json
from syncd.sla.backtest import Backtest, Change, Figures
from syncd.sla.explain import span_text


@click.command("backtest", cls=Verb)
@click.option("--since", default="30d", show_default=True, metavar="SPAN|DATE", help="How far back, or from when.")
@click.option("--limit", default=50, show_default=True, help="Rows of the list; 0 = all that are kept (1000).")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def backtest_verb(*, since: str, limit: int, as_json: bool) -> int:
    """Replays history under the rules of --config as if they had always held, beside the rules that were in force:
    what would have been breached, and who had the ball. Writes nothing, neither to the store nor to a server.

    Copy the configuration, change its sla: and run: syncd sla backtest --since 30d --config other.yaml
    """
    begin = since_option(since)
    loaded = load()
    with looking(loaded) as app:
        if app.clocks.errors:
            app.clocks.ask_names()  # the configuration may name groups and people that nobody named before
        if app.clocks.errors:
            raise CliError("\n".join(map(str, app.clocks.errors)), Exit.CONFIG)
        if app.clocks.own is None:
            raise CliError("There are no clocks: the configuration has no sla:.", Exit.CONFIG)
        now = app.engine.clocks.now()
        with app.store.reading() as tx:
            total = tx.count_tickets()
        with progress("replaying", total) as advance:
            found = backtest(app, begin(now, app.clocks.own.reader), now, advance)
        _tell(app, found, Wall(app.clocks.own.reader, now), limit=limit, as_json=as_json)
    return Exit.FINE


def _tell(app: App, found: Backtest, wall: Wall, *, limit: int, as_json: bool) -> None:
    shown = found.changes[:limit] if limit else found.changes
    with app.store.reading() as tx:
        bugs = tx.issues({change.key[2] for change in shown if change.key[2]})
    markers = unsearched(app)
    if as_json:
        print_json(
            {
                "since": instant(found.since),
                "until": instant(found.until),
                "tickets": found.tickets,
                "metrics": {
                    name: {"before": _figures(found.before.get(name)), "after": _figures(found.after.get(name))}
                    for name in _metrics(found)
                },
                "newly_breached": found.newly,
                "no_more_breached": found.no_more,
                "changes": [_change(change, bugs) for change in shown],
                "unsearched": list(markers),
            }
        )
        return
    if app.clocks.former is None:
        tell("The store holds no rules so far, so there is nothing to compare with: all is as if it was new.")
    say(f"{count(found.tickets, 'ticket')} since {wall.told(found.since)}.")
    rows = []
    for name in _metrics(found):
        old, new = found.before.get(name, Figures()), found.after.get(name, Figures())
        rows.append(
            (name, _share(old), old.breached, _share(new), new.breached, span_text(new.over), held_text(new.held))
        )
    print_table(("metric", "met", "breached", "would be met", "breached", "over", "who had the ball"), rows)
    if not found.changes:
        say("No clock would be breached that was not, and none would be met that was not.")
        return
    say()
    say(f"{found.newly} would have been breached that were not; {found.no_more} would not have been that were:")
    print_table(
        ("ticket", "clock", "was", "would be", "who had the ball", "policy"),
        [
            (
                f"#{change.key[0]}",
                _name(change, bugs),
                _verdict(change.breached_before, wall),
                _verdict(change.breached_after, wall),
                held_text(change.split),
                change.policy,
            )
            for change in shown
        ],
    )
    if found.newly + found.no_more > len(shown):
        say(f"… and {found.newly + found.no_more - len(shown)} more (--limit 0 shows up to 1000)")
    if markers:
        say(f"No comment was searched for {', '.join(markers)} so far: only tags and fields met those checkpoints.")


def _metrics(found: Backtest) -> list[str]:
    return list(dict.fromkeys((*found.after, *found.before)))


def _share(figures: Figures) -> str:
    """Rounded down, so that 100 % means all."""
    return f"{figures.met * 100 // figures.decided} % of {figures.decided}" if figures.decided else "-"


def _verdict(breached: int | None, wall: Wall) -> str:
    return "not breached" if breached is None else f"due {wall.told(breached)}"


def _name(change: Change, bugs: dict[str, IssueSnapshot]) -> str:
    _, metric, subject, cycle = change.key
    bug = f" of {bugs[subject].key if subject in bugs else subject}" if subject else ""
    return f"{metric}{bug}" + (f" ({cycle})" if cycle > 1 else "")


def _figures(figures: Figures | None) -> dict[str, Json]:
    known = figures or Figures()
    return {
        "met": known.met,
        "breached": known.breached,
        "cancelled": known.cancelled,
        "over": known.over,
        "held": {str(holder): seconds for holder, seconds in by_share(known.held)},
    }


def _change(change: Change, bugs: dict[str, IssueSnapshot]) -> dict[str, Json]:
    ticket, metric, subject, cycle = change.key
    return {
        "ticket": ticket,
        "metric": metric,
        "bug": bugs[subject].key if subject in bugs else subject or None,
        "cycle": cycle,
        "breached_before": instant(change.breached_before),
        "breached_after": instant(change.breached_after),
        "policy": change.policy,
        "held": {str(holder): seconds for holder, seconds in by_share(change.split)},
    }
