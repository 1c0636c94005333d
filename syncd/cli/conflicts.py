"""`syncd conflicts`: the links that wait for a person."""

from __future__ import annotations

import click

from syncd.cli.exits import Exit
from syncd.cli.links import told
from syncd.cli.main import Group
from syncd.cli.output import clean, print_json, say, when
from syncd.cli.shapes import comeback_json, field_problem_json, link_json, unmade_json
from syncd.cli.work import do_or_ask, load, open_store
from syncd.core.model import LinkState
from syncd.executor.drain import describe


@click.group(cls=Group)
def conflicts() -> None:
    """The links that wait for a person."""


@conflicts.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_conflicts(*, as_json: bool) -> int:
    """Lists the links that wait for a person: what happened, and what to do next."""
    with open_store(load()) as store, store.reading() as tx:
        found = tx.all_links(state=LinkState.CONFLICT, limit=None)
        back = tx.comebacks()
        lacking = tx.field_problems()
        unmade = [intent for intent in tx.refused_creations() if not intent.link_ids]  # with a link: among `found`
    if as_json:
        fields = [field_problem_json(*entry) for entry in lacking]
        print_json([*map(link_json, found), *map(comeback_json, back), *fields, *map(unmade_json, unmade)])
        return Exit.FINE
    if not found and not back and not lacking and not unmade:
        say("There are no conflicts.")
    for link in found:
        since = when(link.conflict.at) if link.conflict else ""
        code = link.conflict.code if link.conflict else "conflict"
        say(f"link {link.id}: ticket #{link.ticket_id} and {link.issue_key} (route {link.route}), {code} since {since}")
        say(clean(f"    {link.conflict.message if link.conflict else 'no reason is stored'}"))
    for entry in back:
        say(f"link {entry.link_id}: {clean(entry.message)} Since {when(entry.at)}; tell the customer, if affected.")
    for link_id, _, problem, at in lacking:
        say(f"link {link_id}: {clean(problem)} Since {when(at)}.")
    for intent in unmade:
        since = when(intent.done_at) if intent.done_at else ""
        say(f"no link: {describe(intent.action)} (route {intent.route}), refused since {since}")
        say(clean(f"    {intent.last_error or 'no reason is stored'}"))
    if found:
        say("Move either side, or: syncd conflicts resolve LINK --take bug|ticket|as-is")
    return Exit.FINE


@conflicts.command("resolve")
@click.argument("link", type=click.IntRange(1))
@click.option(
    "--take",
    type=click.Choice(["bug", "ticket", "as-is"]),
    required=True,
    help="Which side is right; as-is leaves both as they are.",
)
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def resolve(*, link: int, take: str, as_json: bool) -> int:
    """Settles a conflict: syncd conflicts resolve 7 --take bug

    What this writes goes also while its route is held: a person asked for just it."""
    return told(do_or_ask(load(), "conflicts resolve", {"link": link, "take": take}), as_json=as_json)
