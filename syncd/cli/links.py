"""`syncd links`: which ticket and which bug are kept in step."""

from __future__ import annotations

import re

import click

from syncd.cli.adopt import adopt
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Group
from syncd.cli.output import clean, print_json, print_table, say, when
from syncd.cli.shapes import link_json
from syncd.cli.work import do_or_ask, load, open_store
from syncd.config.load import Loaded
from syncd.core.model import Json, Link, LinkState

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+")


def ticket_number(text: str) -> int:
    """`35` or `#35`; raises UsageError for anything else."""
    number = text.strip().removeprefix("#")
    if not number.isdecimal() or int(number) < 1:
        raise click.UsageError(
            f"'{clean(text)}' is no ticket number: write it as 35 or #35.", click.get_current_context()
        )
    return int(number)


def issue_key(text: str) -> str:
    """`ENG-12`; raises UsageError for anything else."""
    if not KEY.fullmatch(text.strip()):
        raise click.UsageError(f"'{clean(text)}' is no issue key such as ENG-12.", click.get_current_context())
    return text.strip().upper()


@click.group(cls=Group)
def links() -> None:
    """Which ticket and which bug are kept in step."""


@links.command("list")
@click.option("--route", help="Of this route only.")
@click.option("--all", "retired", is_flag=True, help="Those that ended as well.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_links(*, route: str | None, retired: bool, as_json: bool) -> int:
    """Lists the links, with what each was when both sides last agreed."""
    with open_store(load()) as store, store.reading() as tx:
        found = [
            link for link in tx.all_links(route=route, limit=None) if retired or link.state is not LinkState.RETIRED
        ]
    if as_json:
        print_json([link_json(link) for link in found])
        return Exit.FINE
    if not found:
        say("There are no links.")
    print_table(
        ("link", "ticket", "bug", "route", "state", "stage", "made by", "since"),
        [
            (
                link.id,
                f"#{link.ticket_id}",
                link.issue_key,
                link.route,
                link.conflict.code if link.conflict else link.state.value,
                link.base.stage if link.base else "-",
                link.origin.value,
                when(link.created_at),
            )
            for link in found
        ],
    )
    return Exit.FINE


@links.command("add")
@click.argument("ticket")
@click.argument("issue")
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def add_link(*, ticket: str, issue: str, as_json: bool) -> int:
    """Links a ticket and an issue by hand: syncd links add 35 ENG-12"""
    args: dict[str, Json] = {"ticket": ticket_number(ticket), "issue": issue_key(issue)}
    return told(do_or_ask(load(), "links add", args, live=True), as_json=as_json)


@links.command("remove")
@click.argument("link_or_ticket")
@click.argument("issue", required=False)
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def remove_link(*, link_or_ticket: str, issue: str | None, as_json: bool) -> int:
    """Ends a link; neither side is written to: syncd links remove 7, or: syncd links remove #35 ENG-12"""
    loaded = load()
    link = _chosen(loaded, link_or_ticket, issue)
    return told(do_or_ask(loaded, "links remove", {"link": link.id}), as_json=as_json)


links.add_command(adopt)


def told(sentence: str, *, as_json: bool) -> int:
    """Prints what came of a verb that changes something."""
    if as_json:
        print_json({"ok": True, "outcome": sentence})
    else:
        say(f"{sentence[:1].upper()}{sentence[1:]}")
    return Exit.FINE


def _chosen(loaded: Loaded, text: str, issue: str | None) -> Link:
    """The link that is meant: by its number, or by a ticket that has one link only, or by ticket and issue."""
    number = ticket_number(text)
    with open_store(loaded) as store, store.reading() as tx:
        by_ticket = tx.links_of_ticket([number])
        by_id = tx.link(number) if issue is None and not text.strip().startswith("#") else None
    if by_id is not None and by_id.state is LinkState.RETIRED:
        by_id = None
    if issue is not None:
        key = issue_key(issue)
        by_ticket = [link for link in by_ticket if link.issue_key == key]
    candidates = {link.id: link for link in ([by_id] if by_id else []) + by_ticket}
    if not candidates:
        what = f"Ticket #{number} has no link to {issue_key(issue)}" if issue else f"There is no live link {number}"
        raise CliError(f"{what}; see: syncd links list")
    if len(candidates) > 1:
        choices = ", ".join(f"{c.id} (ticket #{c.ticket_id}, {c.issue_key})" for c in candidates.values())
        raise CliError(f"{number} may mean several links: {choices}. Write #TICKET ISSUE.", Exit.USAGE)
    return next(iter(candidates.values()))
