"""`syncd sandbox`: a pretend Zendesk, Jira and mailbox on this machine, to rehearse a configuration against."""

from __future__ import annotations

import os
import queue
import signal
import socket
from pathlib import Path
from typing import Any, Literal

import click

from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb
from syncd.cli.output import print_json, say
from syncd.cli.setup import Answers
from syncd.core.model import DeskCatalog, TicketField
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.seed import MIRROR_FIELDS, Seeded, seed
from syncd.sandbox.server import Sandbox

MAPPINGS = {"NOVA": "default", "OPS": "simple"}
PORT = click.IntRange(0, 65535)


@click.command(cls=Verb)
@click.option("--deployment", type=click.Choice(["cloud", "data_center"]), default="cloud", show_default=True)
@click.option("--zendesk-port", type=PORT, default=0, help="Default: a free one.")
@click.option("--jira-port", type=PORT, default=0, help="Default: a free one.")
@click.option("--control-port", type=PORT, default=0, help="Default: a free one.")
@click.option("--mail-port", type=PORT, default=0, help="Default: a free one.")
@click.option("--seed", "number", type=int, default=1, show_default=True, help="Same seed, same ids.")
@click.option(
    "--rate", type=click.FloatRange(0.001, 100_000), default=1.0, show_default=True, help="Speed of its time."
)
@click.option("--lag", type=click.FloatRange(0, 3600), default=0.0, help="Seconds by which Jira's search lags.")
@click.option("--empty", is_flag=True, help="People and settings only, no tickets and no bugs.")
@click.option(
    "--write-config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a configuration to use.",
)
@click.option("--json", "as_json", is_flag=True, help="Addresses and credentials for machines, in one line of output.")
def sandbox(
    *,
    deployment: Literal["cloud", "data_center"],
    zendesk_port: int,
    jira_port: int,
    control_port: int,
    mail_port: int,
    number: int,
    rate: float,
    lag: float,
    empty: bool,
    write_config: Path | None,
    as_json: bool,
) -> int:
    """Serves a pretend Zendesk, a pretend Jira and a mailbox on 127.0.0.1 until it is stopped with Ctrl-C.

    Its control address takes people's acts, faults and the clock; give it to `syncd run --clock` when --rate is not 1.
    """
    _check_ports(zendesk_port, jira_port, control_port, mail_port)
    world = Sandbox(deployment, seed=number, clock=SandboxClock(rate=rate))
    world.start(zendesk_port=zendesk_port, jira_port=jira_port, control_port=control_port, mail_port=mail_port)
    stops: queue.SimpleQueue[int] = queue.SimpleQueue()
    before = {n: signal.signal(n, lambda got, _: stops.put(got)) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        made = seed(world, cases=not empty)
        if lag:
            world.jira.switches["search_lag_seconds"] = lag
        told = {**_told(made, rate), "mail_host": world.mailbox.host, "mail_port": world.mailbox.port}
        if write_config is not None:
            _write(write_config, made)
            told["config"] = str(write_config)
        if as_json:
            print_json(told)
        else:
            _print(told, made, rate)
        stops.get()
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
        world.stop()
    return Exit.FINE


def _check_ports(*ports: int) -> None:
    """Raises CliError for a port that is taken: the server itself would end the process."""
    for port in filter(None, ports):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CliError(f"The sandbox cannot take port {port}: {error.strerror}.", Exit.USAGE) from None


def _told(made: Seeded, rate: float) -> dict[str, Any]:
    return {
        "deployment": made.deployment,
        "zendesk_url": made.zendesk_url,
        "jira_url": made.jira_url,
        "control_url": made.control_url,
        "rate": rate,
        "client_id": made.client_id,
        "client_secret": made.client_secret,
        "reader_client_id": made.reader_client_id,
        "reader_client_secret": made.reader_client_secret,
        "writer_email": made.writer_email,
        "writer_api_token": made.writer_api_token,
        "jira_email": made.jira_email,
        "jira_token": made.jira_token,
        "projects": list(MAPPINGS),
        "pid": os.getpid(),
    }


def _print(told: dict[str, Any], made: Seeded, rate: float) -> None:
    say(f"Zendesk  {made.zendesk_url}")
    say(f"Jira     {made.jira_url}  ({made.deployment}, projects {', '.join(MAPPINGS)})")
    say(f"Control  {made.control_url}  (/clock /faults /journal /state /act/SERVICE/VERB /switches /mails)")
    say(f"Mail     {told['mail_host']}:{told['mail_port']}  (SMTP without TLS; what arrives: {made.control_url}/mails)")
    say()
    say(f"export ZENDESK_URL={made.zendesk_url} JIRA_URL={made.jira_url}")
    say(f"export ZENDESK_CLIENT_SECRET={made.client_secret} ZENDESK_READER_SECRET={made.reader_client_secret}")
    say(f"export ZENDESK_TOKEN={made.writer_api_token} JIRA_TOKEN={made.jira_token} JIRA_EMAIL={made.jira_email}")
    say()
    mail = f"{{host: {told['mail_host']}, port: {told['mail_port']}, tls: none, sender: syncd@helpdesk.example}}"
    say(f"To hear of alerts, in config.yaml:  mail: {mail}")
    say("                                    receivers: [{name: leads, to: [lead@helpdesk.example]}]")
    say(f"OAuth clients of Zendesk: {made.client_id} (admin), {made.reader_client_id} (reads only)")
    say(f"API token of Zendesk for {made.writer_email} (private comments only)")
    if "config" in told:
        say(f"Wrote {told['config']}: syncd check --config {told['config']}")
    else:
        email = f" --jira-email {made.jira_email}" if made.deployment == "cloud" else ""
        where = f"--zendesk-url {made.zendesk_url} --jira-url {made.jira_url}"
        say(f"syncd init {where}{email} --project NOVA --project OPS")
    if rate != 1:
        say(f"syncd run --clock {made.control_url}")
    say("Stop with Ctrl-C.")


def _write(path: Path, made: Seeded) -> None:
    """A configuration with its secrets in files beside it, which nobody else can read."""
    fields = tuple(TicketField(made.fields[title], title, kind) for title, kind in MIRROR_FIELDS)
    cloud = made.deployment == "cloud"
    text = Answers(
        made.zendesk_url,
        made.jira_url,
        tuple(MAPPINGS),
        "auto",
        "oauth",
        made.client_id,
        "",
        "api_token" if cloud else "pat",
        made.jira_email if cloud else "",
        "",
        "Bug",
    ).config(MAPPINGS, DeskCatalog(fields=fields))
    folder = path.absolute().parent
    try:
        for name, secret in (("ZENDESK_CLIENT_SECRET", made.client_secret), ("JIRA_TOKEN", made.jira_token)):
            place = folder / f".{name.lower()}"
            with os.fdopen(os.open(place, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "w") as file:
                file.write(secret + "\n")
            text = text.replace(f"_env: {name}", f"_file: {place}")
        text = text.replace("url: sqlite:///syncd.db ", f"url: sqlite:///{folder / 'syncd.db'} ")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"{error.filename} cannot be written: {error.strerror}.", Exit.CONFIG) from None
