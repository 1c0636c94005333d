"""`syncd run`: the daemon."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time

import click

from syncd.app.build import store_url
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb, shared
from syncd.cli.work import check_secrets, clock_for, load, lock_of
from syncd.config.load import Loaded
from syncd.config.secret import SecretError
from syncd.daemon import Daemon, Fatal
from syncd.ops import logs
from syncd.ops.notify import Notifier
from syncd.store import Store
from syncd.store import upgrade as upgrade_store


@click.command(cls=Verb)
@click.option("--clock", metavar="URL", help="A sandbox's clock, for rehearsals; servers on this machine only.")
@click.option("--upgrade", is_flag=True, help="Bring an older store to this version first, after a backup of it.")
def run(*, clock: str | None, upgrade: bool) -> int:
    """Keeps both sides in step until it is stopped.

    SIGTERM and SIGINT: the action in hand is finished, then it ends. SIGHUP: the configuration is read again; a bad
    one is refused, and the log and `syncd status` say why. Exit codes: 0 stopped, 75 try again later (another syncd
    works on the store), 78 the configuration or the store needs a person.
    """
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a reload that comes too early must not end it
    try:
        return _run(clock, upgrade=upgrade)
    finally:
        signal.signal(signal.SIGHUP, before)


def _run(clock: str | None, *, upgrade: bool) -> int:
    loaded = load()
    Logging(debug=shared().debug).follow(loaded)
    check_secrets(loaded)
    ticking = clock_for(loaded, clock)
    url = store_url(loaded.config)
    if upgrade and _exists(url):
        upgrade_store(url, ticking.now())
    with lock_of(loaded) as lock, Store.open(url) as store:
        daemon = Daemon(
            shared().config,
            loaded,
            store,
            lock,
            ticking,
            clock_url=clock,
            notifier=Notifier(os.environ, time.monotonic),
            on_config=Logging(debug=shared().debug).follow,
        )
        with daemon.signals():
            try:
                return daemon.run()
            except Fatal as fatal:
                raise CliError(str(fatal), Exit(fatal.code)) from fatal


def _exists(url: str) -> bool:
    """A SQLite store that is not there yet needs no upgrade."""
    path = Store(url).path
    return path is None or path.exists()


class Logging:
    """The log as the configuration wants it, with its secrets blackened."""

    def __init__(self, *, debug: bool) -> None:
        self._debug = debug

    def follow(self, loaded: Loaded) -> None:
        """From now on as this configuration says."""
        said = loaded.config.log
        level = "debug" if self._debug else said.level
        logs.set_up(sys.stdout, form=said.format, level=level, secrets=lambda: _secrets(loaded))
        logging.captureWarnings(True)


def _secrets(loaded: Loaded) -> list[str]:
    found = []
    for _, secret in loaded.config.secrets():
        try:
            found.append(secret.reveal())
        except SecretError:
            continue  # a file that is being replaced; what it held before is remembered
    return found
