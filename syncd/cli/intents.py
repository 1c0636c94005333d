"""`syncd intents`: the writes that wait, failed or are in doubt."""

from __future__ import annotations

import click

from syncd.cli.exits import CliError, Exit
from syncd.cli.links import told
from syncd.cli.main import Group
from syncd.cli.output import print_json, print_table, say, when
from syncd.cli.shapes import intent_json, what_of
from syncd.cli.work import do_or_ask, load, open_store
from syncd.config.load import Loaded
from syncd.store import Intent, IntentState

OPEN = (IntentState.SENT, IntentState.PARKED, IntentState.NEW)
SHOWN = 12  # characters of an id that people are shown; any beginning that is unique is enough


@click.group(cls=Group)
def intents() -> None:
    """The writes that wait, failed or are in doubt."""


@intents.command("list")
@click.option(
    "--state",
    type=click.Choice([state.value for state in IntentState]),
    help="In this state only (default: new, sent and parked).",
)
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="At most so many of each state.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_intents(*, state: str | None, limit: int, as_json: bool) -> int:
    """Lists writes: new (they wait), sent (in doubt: looked for on the server), parked (need a person), done."""
    wanted = OPEN if state is None else (IntentState(state),)
    with open_store(load()) as store, store.reading() as tx:
        found = [intent for one in wanted for intent in tx.intents(one, limit=limit)]
    if as_json:
        print_json([intent_json(intent) for intent in found])
        return Exit.FINE
    if not found:
        say("No writes wait." if state is None else f"No writes are {state}.")
    print_table(
        ("intent", "state", "what", "why", "tries", "not before", "last error"),
        [
            (
                intent.id[:SHOWN],
                intent.state.value,
                what_of(intent.action),
                intent.action.reason,
                intent.attempts,
                when(intent.next_at),
                intent.last_error or "",
            )
            for intent in found
        ],
    )
    return Exit.FINE


@intents.command("retry")
@click.argument("intent")
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def retry(*, intent: str, as_json: bool) -> int:
    """Tries a write again that is parked, was refused, or waits."""
    loaded = load()
    return told(do_or_ask(loaded, "intents retry", {"intent": _chosen(loaded, intent).id}), as_json=as_json)


@intents.command("drop")
@click.argument("intent")
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def drop(*, intent: str, as_json: bool) -> int:
    """Gives a write up that waits or is parked."""
    loaded = load()
    return told(do_or_ask(loaded, "intents drop", {"intent": _chosen(loaded, intent).id}), as_json=as_json)


def _chosen(loaded: Loaded, text: str) -> Intent:
    """The intent whose id begins so."""
    begin = text.strip().lower()
    if not begin or any(char not in "0123456789abcdef" for char in begin):
        raise click.UsageError("An intent's id is of digits and a to f; see: syncd intents list", None)
    with open_store(loaded) as store, store.reading() as tx:
        whole = tx.intent(begin) if len(begin) == 32 else None
        found = [whole] if whole else [i for i in tx.intents(limit=None) if i.id.startswith(begin)]
    if not found:
        raise CliError(f"There is no intent {begin}; see: syncd intents list")
    if len(found) > 1:
        raise CliError(f"{len(found)} intents begin with {begin}: write more of the id.", Exit.USAGE)
    return found[0]
