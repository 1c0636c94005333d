"""`syncd rebuild`: what to type when the store is gone and there is no backup."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import click

from syncd.cli.adopt import progress_bar, show
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb
from syncd.cli.output import say
from syncd.cli.work import check_secrets, load, working
from syncd.config.durations import parse_duration
from syncd.core.adopting import Source
from syncd.cycle.adopting import Wanted


@click.command(cls=Verb)
@click.option("--dry-run", is_flag=True, help="Only say what would be found.")
@click.option("--outage", metavar="DURATION", help="Carry comments of this last time too, such as 4h.")
@click.option("--app-links", is_flag=True, help="Also the official app's links, if `links adopt` had taken them over.")
@click.option("--remote-links", is_flag=True, help="Also web links on bugs: a call for each issue of the projects.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def rebuild(*, dry_run: bool, outage: str | None, app_links: bool, remote_links: bool, as_json: bool) -> int:
    """Finds the links of a lost store again, by the marks that Zendesk and Jira keep. Neither side is written to.

    With a backup use `syncd restore` instead: it knows more. Conflicts, and what was agreed, are lost; a ticket and a
    bug that do not fit are listed under conflicts. Afterwards: syncd plan, then syncd once --accept."""
    since = _span(outage)
    loaded = load()
    check_secrets(loaded)
    with working(loaded) as app:
        app.refresh_routes()
        sources = [Source.FIELD]
        sources += [Source.APP_LINKS] * app_links + [Source.REMOTE_LINKS] * remote_links
        wanted = Wanted(
            sources=tuple(source for source in Source if source in sources),
            start=app.clock.now() - app.engine.settings.start_from,
            ticket_hosts=(loaded.config.zendesk.base_url,),
        )
        with nullcontext(lambda *_: None) if as_json else progress_bar() as told:
            found = app.rebuilder.rebuild(
                app.engine.routes,
                wanted,
                dry_run=dry_run,
                progress=told,
                said_since=app.clock.now() - since if since is not None else None,
            )
        stopped = dict(app.engine.routes.stopped)
    show(found.adoption, dry_run=dry_run, as_json=as_json)
    if not as_json:
        say(f"{found.made} of them are bugs that syncd made.")
        for name, why in stopped.items():
            say(f"Route {name} is stopped, so its links were not looked for: {why}")
    return Exit.PERSON if found.adoption.unread or stopped else Exit.FINE


def _span(outage: str | None) -> timedelta | None:
    try:
        return parse_duration(outage) if outage else None
    except ValueError as error:
        raise CliError(f"--outage: {error}", Exit.USAGE) from None
