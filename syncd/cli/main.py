"""The entry point: finds verbs, reads the options they share, turns every error into a sentence and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from syncd import __version__
from syncd.cli.exits import EXPECTED, Exit, exit_code
from syncd.cli.output import tell
from syncd.ops import logs

VERBS = {
    "init": "setup:init",
    "check": "check:check",
    "plan": "plan:plan",
    "once": "once:once",
    "run": "run:run",
    "status": "status:status",
    "explain": "explain:explain",
    "sla": "sla:sla",
    "links": "links:links",
    "intents": "intents:intents",
    "conflicts": "conflicts:conflicts",
    "alerts": "alerts:alerts",
    "upgrade": "care:upgrade",
    "backup": "care:backup",
    "restore": "care:restore",
    "rebuild": "rebuild:rebuild",
    "sandbox": "sandbox:sandbox",
    "demo": "demo:demo",
    "completion": "care:completion",
    "version": "care:version",
}
"""Each verb is imported when it is used: `status --health` must not wait for libraries that only the daemon needs."""


@dataclass(slots=True)
class Shared:
    """What the options say that every verb has."""

    config: Path = field(default_factory=lambda: Path(os.environ.get("SYNCD_CONFIG") or "config.yaml"))
    debug: bool = False


def shared() -> Shared:
    """The options of the invocation that is under way."""
    found = click.get_current_context().find_object(Shared)
    if found is None:
        raise RuntimeError("a verb was called outside of main()")
    return found


def _set_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    found = context.ensure_object(Shared)
    if value is not None:
        found.config = value


def _set_debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    found = context.ensure_object(Shared)
    found.debug = found.debug or value


def _options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--config", "-c"],
            type=click.Path(path_type=Path),
            expose_value=False,
            is_eager=True,
            callback=_set_config,
            help="The configuration (default: $SYNCD_CONFIG or ./config.yaml).",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_set_debug,
            help="Log everything to standard error, with tracebacks.",
        ),
    ]


class Verb(click.Command):
    """A verb; takes --config and --debug, as the program itself does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _options()

    def invoke(self, ctx: click.Context) -> Any:
        logs.set_up(sys.stderr, form="console", level="debug" if shared().debug else "off")
        return super().invoke(ctx)


class Group(click.Group):
    """Verbs under a common name, such as `links list`."""

    command_class = Verb

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _options()


class Program(Group):
    """syncd itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        place = VERBS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(f"syncd.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from syncd.config.names import nearest  # noqa: PLC0415 - only for who mistypes

        if args and args[0] not in VERBS and not args[0].startswith("-"):
            meant = nearest(args[0], list(VERBS))
            hint = f" Did you mean '{meant}'?" if meant else ""
            raise click.UsageError(f"There is no verb '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Never returns: ends the process with the exit code."""
        kwargs["standalone_mode"] = False
        kwargs.setdefault("prog_name", "syncd")
        words = args[0] if args else kwargs.get("args")
        debug = "--debug" in (sys.argv[1:] if words is None else words)
        sys.exit(_ended(lambda: super(Program, self).main(*args, **kwargs), debug=debug))


def _ended(run: Callable[[], Any], *, debug: bool) -> int:
    try:
        result = run()
    except click.UsageError as error:
        where = f" See: {error.ctx.command_path} --help" if error.ctx is not None else ""
        tell(f"{error.format_message()}{where}")
        return Exit.USAGE
    except click.ClickException as error:
        tell(error.format_message())
        return Exit.USAGE
    except click.Abort:
        tell("Stopped.")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads what is left to flush
        return Exit.PERSON
    except EXPECTED as error:
        tell(str(error))
        return exit_code(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person gets a sentence, not a traceback
        return _bug(error, debug=debug)
    return result if isinstance(result, int) else Exit.FINE


def _bug(error: Exception, *, debug: bool) -> int:
    if debug:
        redactor = logs.Redactor(tuple)
        tell(redactor.text("".join(traceback.format_exception(error))))
        tell("This is a bug in syncd; please report it with the lines above.")
    else:
        tell(
            f"This is a bug in syncd ({type(error).__name__}). The same command with --debug shows the details; "
            "please report it with them."
        )
    return Exit.BUG


@click.version_option(__version__, message="syncd %(version)s")
@click.command(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def main() -> None:
    """Keeps Zendesk tickets and Jira bugs in step.

    A new installation: init, check, plan, once --accept, run.

    Exit codes: 0 fine, 1 something needs a person, 64 usage, 70 bug, 75 temporary, 78 configuration.
    """
