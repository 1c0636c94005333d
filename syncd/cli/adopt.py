"""`syncd links adopt`: takes over links that the official app, fields and labels hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from syncd.app.build import App
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb
from syncd.cli.output import clean, count, print_json, print_table, say
from syncd.cli.work import check_secrets, load, rehearsing, working
from syncd.core.adopting import Adoption, Outcome, Source, chosen
from syncd.cycle.adopting import Progress as Told
from syncd.cycle.adopting import Wanted

WORDS = {
    Outcome.NEW: "taken over",
    Outcome.STALE_KEY: "taken over, under a new key",
    Outcome.KNOWN: "known already",
    Outcome.DISAGREES: "sources disagree",
    Outcome.ISSUE_GONE: "issue deleted or hidden",
    Outcome.TICKET_GONE: "ticket gone",
    Outcome.TICKET_CLOSED: "ticket closed",
    Outcome.NO_ROUTE: "no route for the project",
    Outcome.RETIRED: "ended before",
}


@click.command("adopt", cls=Verb)
@click.option("--dry-run", is_flag=True, help="Only say what would be taken over.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=click.Choice([source.value for source in Source]),
    help="Look there only (several may be named). Default: all but remote-links, the first named believed most.",
)
@click.option("--jira-field", help="The Jira field that holds ticket numbers, such as customfield_10400.")
@click.option("--label", default=r"zd-(\d+)", show_default=True, help="What a label that names a ticket looks like.")
@click.option("--integration", help="The external id of a Jira integration V2, whose links are read beside the app's.")
@click.option("--yes", is_flag=True, help="Read remote links without asking, whatever it costs.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def adopt(
    *,
    dry_run: bool,
    sources: tuple[str, ...],
    jira_field: str | None,
    label: str,
    integration: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Takes over links from the official app, from fields and from labels. Neither side is written to.

    They are only observed at first: a ticket and a bug that do not fit are listed under conflicts. A dry run takes no
    lock and changes nothing, so it may run beside the daemon."""
    _check_label(label)
    loaded = load()
    check_secrets(loaded)
    calls: dict[str, int] = {}
    with rehearsing(loaded) if dry_run else working(loaded) as app:
        if not dry_run:
            app.refresh_routes()
        app.calls.start(calls)
        wanted = Wanted(
            sources=chosen(sources),
            jira_field=jira_field,
            label=label,
            integration=integration,
            start=app.clock.now() - app.engine.settings.start_from,
            ticket_hosts=(loaded.config.zendesk.base_url,),
        )
        if Source.JIRA_FIELD.value in sources and not jira_field:
            raise CliError("Name the field as well: --jira-field customfield_10400.", Exit.USAGE)
        with nullcontext(lambda *_: None) if as_json else progress_bar() as told:
            if Source.REMOTE_LINKS in wanted.sources and not yes:
                _ask_for_cost(app, told)
            adoption = app.adopter.adopt(app.engine.routes, wanted, dry_run=dry_run, progress=told)
    show(adoption, dry_run=dry_run, as_json=as_json, calls=sum(calls.values()))
    return Exit.PERSON if adoption.unread else Exit.FINE


def _check_label(label: str) -> None:
    try:
        groups = re.compile(label).groups
    except re.error as error:
        raise CliError(f"--label is no regular expression: {error}.", Exit.USAGE) from None
    if groups != 1:
        raise CliError(r"--label has one pair of brackets, around the ticket's number: zd-(\d+)", Exit.USAGE)


def _ask_for_cost(app: App, told: Told) -> None:
    calls = app.adopter.remote_link_cost(app.engine.routes, told)
    if not click.confirm(f"Reading the remote links of {calls} issues takes {calls} API calls. Go on?", err=True):
        raise CliError("Nothing was read. Without --source remote-links the other sources are read.", Exit.PERSON)


@contextmanager
def progress_bar() -> Iterator[Told]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, int] = {}

        def told(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = int(bar.add_task(what, total=total))
            bar.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]  # a TaskID is an int

        yield told


def show(adoption: Adoption, *, dry_run: bool, as_json: bool, calls: int | None = None) -> None:
    """What became of the links. `calls`: the API calls that it took, where they were counted."""
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                **({} if calls is None else {"calls": calls}),
                "counts": {outcome.value: adoption.count(outcome) for outcome in Outcome},
                "unread": list(adoption.unread),
                "links": [
                    {
                        "ticket": v.pair.ticket_id,
                        "issue": v.issue_key or v.pair.key or v.pair.issue,
                        "source": v.pair.source.value,
                        "outcome": v.outcome.value,
                        "why": v.sentence,
                    }
                    for v in adoption.verdicts
                ],
            }
        )
        return
    for sentence in adoption.unread:
        say(clean(sentence))
    counts = [(WORDS[outcome], adoption.count(outcome)) for outcome in Outcome if adoption.count(outcome)]
    if counts:
        print_table(("links", "how many"), counts)
    for verdict in adoption.verdicts:
        if verdict.sentence:
            say(clean(f"- {verdict.sentence}"))
    number = len(adoption.adopted)
    did = "would be" if dry_run else "was" if number == 1 else "were"
    cost = "" if calls is None else f" It took {count(calls, 'API call')}."
    say(f"{count(number, 'link')} {did} taken over; they are only observed at first.{cost}")
