"""One loop that makes a cycle whenever it is due, and survives what goes wrong.

Signals: SIGTERM and SIGINT end it after the action in hand; SIGHUP reads the configuration again and swaps it in
between two cycles, or keeps the old one and says why.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType

import structlog

from syncd import __version__
from syncd.app.build import App
from syncd.app.clocks import RehearsalClock, SystemClock
from syncd.config.load import Loaded, load_config
from syncd.config.problems import ConfigError
from syncd.config.secret import SecretError
from syncd.core.model import Json
from syncd.cycle import ServerMismatch
from syncd.daemon.alarm import Alarm
from syncd.daemon.backups import back_up_when_due
from syncd.daemon.telling import Teller
from syncd.daemon.upkeep import look_after
from syncd.ops.facts import CONFIG, DAEMON, PULSE
from syncd.ops.notify import Notifier
from syncd.sources.errors import SourceError
from syncd.store import (
    RowDamaged,
    Store,
    StoreDamaged,
    StoreError,
    StoreFenced,
    StoreForeign,
    StoreLock,
    StoreMissing,
    StoreNeedsUpgrade,
    StoreTooNew,
    this_process,
)

log = structlog.get_logger(__name__)

ROUTES_EVERY = timedelta(hours=1)
LONGEST_PAUSE = 300.0  # real seconds between two tries after failures
GRACE = 25.0  # real seconds that a stop waits for a server's answer

FATAL = (StoreMissing, StoreForeign, StoreTooNew, StoreNeedsUpgrade, ServerMismatch)
"""Errors that only a person can mend: waiting does not help."""


class Fatal(Exception):
    """The daemon ends; `code` is its exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Daemon:
    """Runs one store's engine until it is told to stop. `run` returns the exit code.

    `on_config` is called with each configuration that takes effect later (the log's level and secrets follow it);
    `environ` is where secrets are looked up (default: the process's own). `leave` ends the process when a server keeps
    a stop waiting for more than `grace` seconds."""

    def __init__(
        self,
        path: Path,
        loaded: Loaded,
        store: Store,
        lock: StoreLock,
        clock: SystemClock | RehearsalClock,
        *,
        clock_url: str | None = None,
        environ: Mapping[str, str] | None = None,
        notifier: Notifier | None = None,
        on_config: Callable[[Loaded], None] = lambda _: None,
        leave: Callable[[int], None] = os._exit,
        grace: float = GRACE,
    ) -> None:
        self._path = path
        self._store = store
        self._lock = lock
        self._clock = clock
        self._clock_url = clock_url
        self._environ = environ
        self._notifier = notifier or Notifier({}, time.monotonic)
        self._on_config = on_config
        self._leave = leave
        self._grace = grace
        self._alarm = Alarm()
        self._orders: queue.SimpleQueue[str] = queue.SimpleQueue()  # to the thread that sees to it that a stop ends
        self._stop = threading.Event()  # never touched by a signal handler: its lock cannot be taken twice
        self._ended = threading.Event()
        self._stop_asked = False
        self._reload_asked = False
        self._failures = 0
        self._teller = Teller()
        self._routes_due = 0.0
        self._last_pulse = float("-inf")
        self._app = self._make(loaded)

    def _make(self, loaded: Loaded, like: App | None = None) -> App:
        return App(
            loaded,
            self._store,
            self._clock,
            stopping=self._stopping,
            progress=self._progress,
            parallel=True,
            sleep=self._pause,
            like=like,
        )

    # ---- from outside ----

    def stop(self) -> None:
        """Ends the loop after the action in hand. May be called from a signal handler or another thread."""
        self._stop_asked = True
        self._alarm.ring("stop")
        self._orders.put("stop")

    def reload(self) -> None:
        """Has the configuration read again before the next cycle. As stop() for callers."""
        self._reload_asked = True
        self._alarm.ring("reload")

    def _stopping(self) -> bool:
        return self._stop_asked

    def _interrupted(self) -> bool:
        return self._stop_asked or self._reload_asked or self._somebody_asks()

    def _somebody_asks(self) -> bool:
        """A person typed a verb and waits for its outcome: the next cycle comes at once. Not while cycles fail."""
        if self._failures:
            return False
        try:
            with self._store.reading() as tx:
                return bool(tx.open_requests())
        except StoreError:
            return False  # the next cycle tells

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM, SIGINT and SIGHUP act on this daemon within the block; for the main thread."""

        def handle(number: int, _frame: FrameType | None) -> None:
            if number == signal.SIGHUP:
                self.reload()
            else:
                self.stop()

        before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # ---- the loop ----

    def run(self) -> int:
        """1. Say who runs. 2. Read the routes. 3. A cycle whenever one is due, until stopped. 4. Leave tidily.

        Returns 0 after a stop; raises Fatal for what only a person can mend."""
        threading.Thread(target=self._see_to_the_end, name="end", daemon=True).start()
        self._store.claim(this_process())
        self._remember_start()
        log.info("started", version=__version__, store=self._store.name, pid=os.getpid(), clock=self._clock_url)
        self._refresh_routes()
        self._notifier.ready(f"running, {len(self._app.engine.routes.running)} routes")
        self._alarm.start(self._poll())
        try:
            self._loop()
        except Fatal as fatal:
            log.error("stopped_for_good", problem=str(fatal), news=True)  # noqa: TRY400 - a sentence, no traceback
            self._try_to_remember(str(fatal), pid=None)
            self._notifier.stopping()
            raise
        finally:
            self._alarm.stop()
            self._app.alerter.wait(self._grace)  # the letter in hand
            self._ended.set()
            self._orders.put("ended")
        self._try_to_remember(None, pid=None)
        log.info("stopped")
        return 0

    def _loop(self) -> None:
        last_start = float("-inf")
        while True:
            poll = self._poll()
            self._alarm.set(poll)
            self._alarm.wait(last_start, self._backoff(poll), enough=self._interrupted)
            if self._stopping():
                self._notifier.stopping()
                return
            jump = self._alarm.jumped()
            if jump:
                log.warning("clock_jump", seconds=round(jump, 1), news=True)
            if self._reload_asked:
                self._reload_asked = False
                self._take_config()
            last_start = time.monotonic()
            self._turn()

    def _see_to_the_end(self) -> None:
        """After a stop: pauses end at once, and when a server keeps us waiting the process leaves all the same. What
        it was asked then is looked for on the server at the next start, as after any unknown answer."""
        if self._orders.get() != "stop":
            return
        self._stop.set()
        if not self._ended.wait(self._grace):
            log.warning("stopped_unanswered", problem="a server did not answer in time; the next start looks there")
            self._leave(0)

    def _poll(self) -> float:
        """Real seconds between two cycles."""
        return self._app.loaded.config.poll.fast.total_seconds() / self._clock.rate

    def _backoff(self, poll: float) -> float:
        return poll if self._failures == 0 else max(poll, min(LONGEST_PAUSE, poll * 2.0 ** min(self._failures, 10)))

    def _turn(self) -> None:
        """One cycle with all that goes with it; what goes wrong is told, counted and survived."""
        try:
            self._check_lock()
            if time.monotonic() >= self._routes_due:
                self._refresh_routes()
            report = self._app.engine.step()
            self._teller.cycle(report)
            if self._app.catalog_problems:  # what was not read is read again as soon as both sides answer
                self._routes_due = float("inf") if report.problems else 0.0
            look_after(self._store, self._clock.now(), self._stopping)
            back_up_when_due(self._store, self._app.loaded.config.store.backup, self._clock.now())
            if self._failures:
                log.info("recovered", after=self._failures, news=True)
                self._failures = 0
                self._remember(error=None)
        except FATAL as error:
            raise Fatal(str(error), 78) from error
        except StoreFenced as error:
            raise Fatal(str(error), 75) from error
        except RowDamaged as error:
            self._failed(error, known=True)
        except StoreDamaged as error:
            raise Fatal(str(error), 78) from error
        except (StoreError, SourceError) as error:
            self._failed(error, known=True)
        except Fatal:
            raise
        except Exception as error:  # noqa: BLE001 - one bad cycle must not end months of service; it is logged
            self._failed(error, known=False)
        else:
            self._notifier.progress()

    def _progress(self) -> None:
        """A call to a tracker ended. The watchdog hears of it, and once in a poll the health check."""
        self._notifier.progress()
        if time.monotonic() - self._last_pulse < self._poll() or self._store.in_transaction():
            return
        self._last_pulse = time.monotonic()
        try:
            now = self._clock.now()
            with self._store.transaction() as tx:
                tx.set_fact(PULSE, now.timestamp(), now)
        except (StoreError, SourceError) as error:
            log.debug("pulse_not_kept", problem=str(error))  # the cycle itself will tell

    def _check_lock(self) -> None:
        if not self._lock.held():
            raise Fatal(f"The lock on {self._store.name} is lost: another syncd may take over.", 75)

    def _failed(self, error: Exception, *, known: bool) -> None:
        """A known trouble feeds the watchdog, since the loop is well; a defect that stays does not, so that the
        supervisor starts a fresh process after a while."""
        self._failures += 1
        if known:
            log.error("cycle_failed", problem=str(error), failures=self._failures)
            self._notifier.progress()
        else:
            log.error("cycle_failed", problem=f"{type(error).__name__}", failures=self._failures, exc_info=error)
        self._try_to_remember(str(error) if known else f"{type(error).__name__}; the log has the details")

    def _try_to_remember(self, error: str | None, **changes: Json) -> None:
        try:
            self._remember(error=error, **changes)
        except (StoreError, SourceError) as trouble:
            log.error("state_not_kept", problem=str(trouble))  # noqa: TRY400 - a sentence, no traceback

    def _pause(self, seconds: float) -> None:
        """The pause between two attempts of a read; cut short by a stop."""
        self._stop.wait(seconds / self._clock.rate)

    # ---- configuration and routes ----

    def _refresh_routes(self) -> None:
        """What both servers define."""
        self._routes_due = time.monotonic() + ROUTES_EVERY.total_seconds()
        self._teller.routes(self._app.refresh_routes())

    def _take_config(self) -> None:
        """SIGHUP: the whole new configuration is read and matched with both servers before anything is swapped."""
        try:
            fresh = self._validated()
        except (ConfigError, SecretError, SourceError, StoreError, ConfigRefused) as error:
            self._keep_config(str(error))
            return
        except Exception as error:  # whatever a file may hold, the daemon goes on with what it has
            log.exception("config_unreadable")
            self._keep_config(f"{type(error).__name__} while it was read; the log has the details")
            return
        self._app = fresh
        if fresh.routing is not None:
            self._teller.routes(fresh.routing)
        self._routes_due = time.monotonic() + ROUTES_EVERY.total_seconds()
        self._on_config(fresh.loaded)
        self._remember_config(fresh.loaded, None)
        self._notifier.status(f"running, {len(fresh.engine.routes.running)} routes")
        log.info("config_taken", digest=fresh.loaded.digest, routes=len(fresh.engine.routes.running), news=True)

    def _keep_config(self, problem: str) -> None:
        log.error("config_kept", problem=problem, news=True)
        self._notifier.status("running on the former configuration; the new one cannot be used")
        self._remember_config(self._app.loaded, problem)

    def _validated(self) -> App:
        """The whole new configuration, put together and matched with both servers; raises what is wrong with it."""
        loaded = load_config(self._path, self._environ)
        if loaded.config.store != self._app.loaded.config.store:
            raise ConfigRefused("store: another store needs a restart of syncd.")
        for _, secret in loaded.config.secrets():
            secret.reveal()
        fresh = self._make(loaded, like=self._app)
        self._same_servers(fresh)
        routing = fresh.refresh_routes()
        if routing.errors:
            raise ConfigError(routing.errors)
        if fresh.catalog_problems:
            raise ConfigRefused(" ".join(fresh.catalog_problems))
        return fresh

    def _same_servers(self, fresh: App) -> None:
        """Before anything of another server is remembered: the store belongs to the servers that it was filled from."""
        for side, source in (("zendesk", fresh.zendesk), ("jira", fresh.jira)):
            with self._store.reading() as tx:
                known = tx.get_fact(f"server.{side}")
            server = source.identity().server
            if known is not None and known != server:
                raise ConfigRefused(f"The store belongs to {known}, but the configuration names {server} for {side}.")

    # ---- what is remembered ----

    def _remember_start(self) -> None:
        now = self._clock.now()
        said: dict[str, Json] = {
            "pid": os.getpid(),
            "started": now.isoformat(),
            "version": __version__,
            "clock": self._clock_url,
            "poll": self._app.loaded.config.poll.fast.total_seconds(),
            "failures": 0,
            "error": None,
        }
        with self._store.transaction() as tx:
            tx.set_fact(DAEMON, said, now)
        self._remember_config(self._app.loaded, None)

    def _remember(self, *, error: str | None, **changes: Json) -> None:
        now = self._clock.now()
        with self._store.transaction() as tx:
            said = tx.get_fact(DAEMON)
            known = said if isinstance(said, dict) else {}
            tx.set_fact(DAEMON, {**known, "failures": self._failures, "error": error, **changes}, now)

    def _remember_config(self, loaded: Loaded, problem: str | None) -> None:
        now = self._clock.now()
        fact: dict[str, Json] = {
            "path": str(self._path.absolute()),
            "digest": loaded.digest,
            "at": now.isoformat(),
            "problem": problem,
        }
        with self._store.transaction() as tx:
            tx.set_fact(CONFIG, fact, now)


class ConfigRefused(Exception):
    """A configuration that is right by itself, but cannot take effect now."""
