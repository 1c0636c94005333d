"""`syncd demo`: a story against a pretend Zendesk and a pretend Jira on this machine."""

from __future__ import annotations

import click

from syncd.cli.main import Verb


@click.command(cls=Verb)
@click.option("--keep", is_flag=True, help="Keep the store and the configuration of the demo, and say where they are.")
def demo(*, keep: bool) -> int:
    """Plays a day of support on this machine: nothing leaves it, nothing is configured."""
    from syncd.demo import run_demo  # noqa: PLC0415 - the sandbox is needed by this verb alone

    return run_demo(keep=keep)
