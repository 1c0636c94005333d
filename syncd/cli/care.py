"""Verbs that look after the store, and small ones: upgrade, backup, restore, version, completion."""

from __future__ import annotations

import platform
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from syncd import __version__
from syncd.app.build import store_url
from syncd.app.clocks import SystemClock
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb
from syncd.cli.output import print_json, say
from syncd.cli.work import load, open_store
from syncd.store import restore as restore_store
from syncd.store import upgrade as upgrade_store


@click.command(cls=Verb)
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def upgrade(*, as_json: bool) -> int:
    """Brings the store to this version, after a backup of it. Stop the daemon first."""
    done = upgrade_store(store_url(load().config), SystemClock().now())
    if as_json:
        backup_path = str(done.backup) if done.backup else None
        print_json({"before": done.before, "after": done.after, "backup": backup_path})
    elif done.before == done.after:
        say(f"The store is at version {done.after} already; there was nothing to do.")
    else:
        kept = f" It is kept as it was in {done.backup}." if done.backup else ""
        say(f"The store went from version {done.before} to {done.after}.{kept}")
    return Exit.FINE


@click.command(cls=Verb)
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def backup(*, path: Path, as_json: bool) -> int:
    """Copies the store to a file and verifies the copy; the daemon may go on meanwhile."""
    if not path.absolute().parent.is_dir():
        raise CliError(f"There is no folder {path.parent} for the backup.", Exit.USAGE)
    with open_store(load()) as store:
        made = store.backup(path)
    if as_json:
        print_json({"backup": str(made), "bytes": made.stat().st_size})
    else:
        say(f"The store is copied to {made} and verified.")
    return Exit.FINE


@click.command(cls=Verb)
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def restore(*, path: Path, as_json: bool) -> int:
    """Puts a backup in the store's place; what was there is kept beside it. Stop the daemon first.

    Nothing is written twice afterwards: what syncd did since the backup is found on both servers by its marks. Let a
    minute pass between the stop and the next start: what a server is still about to carry out has no mark yet.
    """
    done = restore_store(path, store_url(load().config), SystemClock().now())
    if as_json:
        print_json({"version": done.version, "kept": str(done.kept) if done.kept else None})
    else:
        say(f"{path} is in place (version {done.version}).{f' The former store: {done.kept}' if done.kept else ''}")
        say("Start syncd again no sooner than a minute after it was stopped.")
    return Exit.FINE


@click.command(cls=Verb)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def version(*, as_json: bool) -> int:
    """The version of syncd and of Python."""
    if as_json:
        print_json({"syncd": __version__, "python": platform.python_version()})
    else:
        say(f"syncd {__version__} (Python {platform.python_version()})")
    return Exit.FINE


@click.command(cls=Verb)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(*, shell: str) -> int:
    """Prints what makes a shell complete verbs and options: source <(syncd completion bash)"""
    found = get_completion_class(shell)
    if found is None:
        raise CliError(f"There is no completion for {shell}.", Exit.USAGE)
    say(found(click.get_current_context().find_root().command, {}, "syncd", "_SYNCD_COMPLETE").source())
    return Exit.FINE
