"""`syncd sla compare`: our clocks beside Zendesk's own."""

from __future__ import annotations

import threading

import click

from syncd.app.build import App
from syncd.app.compare import Comparison, compare_desk, read_desk
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb
from syncd.cli.output import count, print_json, print_table, say, span, tell
from syncd.cli.sla_rows import Wall, instant, since_option
from syncd.cli.work import check_secrets, load, looking
from syncd.core.model import Json
from syncd.sla.compare import DeskEvent, Difference, Rule
from syncd.sources.errors import AuthError


@click.command("compare", cls=Verb)
@click.option("--since", default="7d", show_default=True, metavar="SPAN|DATE", help="How far back, or from when.")
@click.option("--limit", default=50, show_default=True, help="Rows of the list; 0 = all.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def compare_verb(*, since: str, limit: int, as_json: bool) -> int:
    """Compares breaches with those of Zendesk's own SLA policies and names the rule that explains each difference.

    Reads Zendesk's metric events (an admin's right; it shares the ten exports a minute with the daemon) and writes
    nothing. Only clocks that began within the time are compared, and only metrics that Zendesk has too.

    Exit codes: 0 all is explained, 1 something is not.
    """
    start = since_option(since)
    loaded = load()
    check_secrets(loaded)
    with looking(loaded) as app:
        if app.clocks.errors:
            raise CliError("\n".join(map(str, app.clocks.errors)), Exit.CONFIG)
        if app.clocks.settings is None:
            raise CliError("There are no clocks: the configuration has no sla:.", Exit.CONFIG)
        now = app.engine.clocks.now()
        begin = start(now, app.clocks.settings.reader)
        found = compare_desk(app, metric_events(app, begin), begin, now)
        wall = Wall(app.clocks.settings.reader, now)
    unexplained = found.rules[Rule.NONE]
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found, wall, limit)
    return Exit.PERSON if unexplained else Exit.FINE


def metric_events(app: App, begin: int) -> list[DeskEvent]:
    """Zendesk's since then; raises CliError where the account may not read them."""
    try:
        return read_desk(app, begin, _wait)
    except AuthError as error:
        if error.status != 403:
            raise
        said = f"{error} Zendesk shows its metric events to admins: use one as zendesk.reader_auth."
        raise CliError(said, Exit.PERSON) from None


def _wait(seconds: float) -> None:
    if seconds > 0:
        tell(f"Zendesk allows ten exports a minute: waiting {span(seconds)}.")
        threading.Event().wait(seconds)


def _as_json(found: Comparison) -> dict[str, Json]:
    return {
        "since": instant(found.since),
        "events": found.events,
        "tickets": found.tickets,
        "agreed": found.agreed,
        "rules": {rule.value: number for rule, number in found.rules.most_common()},
        "differences": [
            {
                "ticket": difference.ticket,
                "metric": difference.metric,
                "cycle": difference.cycle,
                "zendesk_metric": difference.desk_metric,
                "here": instant(difference.here),
                "there": instant(difference.there),
                "rule": difference.rule.value,
                "sentence": difference.sentence,
            }
            for difference in _ordered(found)
        ],
    }


def _ordered(found: Comparison) -> list[Difference]:
    """What nobody can explain comes first."""
    return sorted(found.differences, key=lambda d: (d.rule is not Rule.NONE, d.rule, d.ticket, d.metric, d.cycle))


def _print(found: Comparison, wall: Wall, limit: int) -> None:
    say(
        f"{count(found.tickets, 'ticket')} and {count(found.events, 'event')} of Zendesk since "
        f"{wall.told(found.since)}: {count(found.agreed, 'clock')} agree, {len(found.differences)} differ."
    )
    if not found.differences:
        return
    print_table(("rule", "clocks"), [(rule.value, number) for rule, number in found.rules.most_common()])
    say()
    shown = _ordered(found)[:limit] if limit else _ordered(found)
    print_table(
        ("ticket", "clock", "Zendesk's", "breached here", "breached there", "rule", ""),
        [
            (
                f"#{difference.ticket}",
                difference.metric + (f" ({difference.cycle})" if difference.cycle > 1 else ""),
                difference.desk_metric,
                wall.told(difference.here),
                wall.told(difference.there),
                difference.rule.value,
                difference.sentence,
            )
            for difference in shown
        ],
    )
    if len(shown) < len(found.differences):
        say(f"… and {len(found.differences) - len(shown)} more (--limit 0 shows all)")
