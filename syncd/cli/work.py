"""What verbs share: the configuration, the store, an App under the lock, and asking a running daemon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from syncd.app.build import App, all_loopback, store_url
from syncd.app.clocks import RehearsalClock, SystemClock
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import shared
from syncd.config.load import Loaded, load_config
from syncd.core.model import Json
from syncd.core.ports import Clock
from syncd.cycle.host_clock import HOST_CLOCK
from syncd.ops.facts import DAEMON
from syncd.sources.errors import TransientError
from syncd.store import NotStored, Store, StoreLock, StoreLocked, StoreMissing, Tx, this_process

POLLS_TO_WAIT = 3
LOOK_EVERY = 0.2  # seconds
AT_LEAST = 5.0  # seconds more than that, for the cycle itself


def load() -> Loaded:
    """The configuration that --config names. Raises ConfigError with all that is wrong with it."""
    return load_config(shared().config)


def open_store(loaded: Loaded, *, create: bool = False) -> Store:
    """The store of this configuration; raises StoreError."""
    return Store.open(store_url(loaded.config), create=create, check=False)


def lock_of(loaded: Loaded) -> StoreLock:
    """The right to work on the store; taking it raises StoreLocked while a daemon has it."""
    return StoreLock(store_url(loaded.config))


def check_secrets(loaded: Loaded) -> None:
    """Raises SecretError for the first secret that cannot be read."""
    for _, secret in loaded.config.secrets():
        secret.reveal()


def clock_for(loaded: Loaded, url: str | None) -> SystemClock | RehearsalClock:
    """The machine's clock, or the sandbox's, which is for servers on this machine only: raises CliError."""
    if url is None:
        return SystemClock()
    if not all_loopback(loaded.config):
        raise CliError(
            "--clock is for rehearsals: every base_url in the configuration must be on this machine (127.0.0.1).",
            Exit.USAGE,
        )
    try:
        return RehearsalClock(url)
    except ValueError as error:
        raise CliError(f"{error}.", Exit.USAGE) from None
    except TransientError:
        raise CliError(f"No sandbox's clock answers at {url}. Start one with: syncd sandbox", Exit.LATER) from None


def daemon_clock(tx: Tx) -> SystemClock | RehearsalClock:
    """The clock that the daemon of this store runs on, as far as it can be read: with what it adds to the machine's."""
    said = tx.get_fact(DAEMON)
    url = said.get("clock") if isinstance(said, dict) else None
    if isinstance(url, str):
        try:
            return RehearsalClock(url)
        except (ValueError, TransientError):
            return SystemClock()
    off = tx.get_fact(HOST_CLOCK)
    seconds = off.get("seconds") if isinstance(off, dict) else None
    plain, beat = SystemClock(), tx.last_heartbeat()
    is_running = isinstance(said, dict) and said.get("pid") is not None
    is_still_so = is_running or (beat is not None and beat.at > plain.now())  # nobody has set the machine's clock since
    return SystemClock(float(seconds)) if isinstance(seconds, int | float) and is_still_so else plain


@contextmanager
def working(
    loaded: Loaded,
    clock: Clock | None = None,
    *,
    create: bool = True,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[App]:
    """An App with the lock on the store; raises StoreLocked while a daemon works. Routes are not read yet."""
    with lock_of(loaded), open_store(loaded, create=create) as store:
        store.claim(this_process())
        yield App(loaded, store, clock or SystemClock(), stopping=stopping)


@contextmanager
def looking(loaded: Loaded, clock: Clock | None = None) -> Iterator[App]:
    """An App on the store as it is, without the lock, with the routes that the store remembers; by default on the clock
    that the daemon runs on."""
    with open_store(loaded) as store:
        if clock is None:
            with store.reading() as tx:
                clock = daemon_clock(tx)
        app = App(loaded, store, clock)
        app.remembered_routes()
        yield app


@contextmanager
def rehearsing(loaded: Loaded) -> Iterator[App]:
    """An App that leaves no trace: without the lock, on the store as it is (on one that is thrown away where there is
    none yet), with the routes as both servers define them now."""
    with ExitStack() as stack:
        try:
            store = stack.enter_context(open_store(loaded))
        except StoreMissing:
            folder = stack.enter_context(TemporaryDirectory(prefix="syncd-"))
            store = stack.enter_context(Store.open(f"sqlite:///{folder}/empty.db"))
        app = App(loaded, store, SystemClock())
        app.present_routes()
        yield app


def do_or_ask(loaded: Loaded, verb: str, args: Mapping[str, Json], *, live: bool = False) -> str:
    """Does a verb at once, or has the running daemon do it; returns what came of it as a sentence.

    `live`: the servers are asked for their workflows first, and a store is made if there is none. Raises CliError when
    it was refused (1), or not answered in time (75)."""
    try:
        with working(loaded, create=live) as app:
            if live:
                check_secrets(loaded)
                app.refresh_routes()
            else:
                app.remembered_routes()
            return outcome_of(app.engine.requests.handle(verb, args, app.engine.routes, app.engine.settings))
    except StoreLocked as locked:
        return ask(loaded, verb, args, who=locked.holder)


def ask(loaded: Loaded, verb: str, args: Mapping[str, Json], *, who: str = "") -> str:
    """Leaves a request for the daemon and waits for what comes of it, at most some three polls."""
    with open_store(loaded) as store:
        with store.transaction() as tx:
            request_id = tx.add_request(verb, args, SystemClock().now())
        seconds = POLLS_TO_WAIT * loaded.config.poll.fast.total_seconds() + AT_LEAST
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while True:
            with store.reading() as tx:
                request = tx.request(request_id)
            if request is None:
                raise NotStored(f"request {request_id} is gone.")
            if request.finished_at is not None:
                return outcome_of(request.outcome or "")
            if time.monotonic() >= deadline:
                raise CliError(
                    f"{who or 'The daemon'} has not taken the request within {seconds:.0f} s. It stays queued "
                    f"(request {request_id}) and is done in its next cycle; see: syncd status",
                    Exit.LATER,
                )
            pause.wait(LOOK_EVERY)


def outcome_of(text: str) -> str:
    """The sentence of an outcome; raises CliError when it was refused."""
    word, _, sentence = text.partition(": ")
    if word != "ok":
        raise CliError(sentence or text, Exit.PERSON)
    return sentence


def now_of(store: Store) -> datetime:
    """The present by the clock of the store's daemon."""
    with store.reading() as tx:
        clock = daemon_clock(tx)
    return clock.now()


def beside(config: Path, name: str) -> Path:
    """A path next to the configuration."""
    return config.absolute().parent / name
