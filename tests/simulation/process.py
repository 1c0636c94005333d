"""The daemon as a process on a machine: it starts on a store, runs cycles, and may die at any boundary.

A boundary is the moment before or after a call to a tracker, and before or after a commit: what a crash leaves behind
changes nowhere else.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from requests.adapters import BaseAdapter

from syncd.alerts.mail import Mailer
from syncd.app.build import App
from syncd.config.load import Loaded, load_config
from syncd.core.ports import Clock
from syncd.cycle import CycleReport
from syncd.daemon.service import ROUTES_EVERY
from syncd.sandbox.seed import CLIENT_SECRET, JIRA_TOKEN
from syncd.store import Store, Tx
from tests.simulation.variants import Variant

ENVIRON = {"ZENDESK_SECRET": CLIENT_SECRET, "JIRA_TOKEN": JIRA_TOKEN}


class Crash(BaseException):
    """The process dies here: nothing catches it, and nothing is cleaned up."""


@functools.cache
def configuration(variant: Variant) -> Loaded:
    """What histories of a variant run on; read once, as it is the same for all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(variant.config, encoding="utf-8")
        (path.parent / "mappings").mkdir()
        (path.parent / "mappings" / "default.yaml").write_text(variant.mapping, encoding="utf-8")
        return load_config(path, ENVIRON)


@functools.cache
def _empty_store() -> bytes:
    """A store of the newest version without a row; migrating anew takes longer than many a history."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        Store.open(f"sqlite:///{path}").close()
        return path.read_bytes()


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder for one history; on a RAM disk where the machine has one."""
    ram = Path("/dev/shm")  # noqa: S108 - the folder below it is our own
    with tempfile.TemporaryDirectory(prefix="syncd-sim-", dir=ram if os.access(ram, os.W_OK) else None) as folder:
        yield Path(folder)


class WatchedStore(Store):
    """The store, with its commits as boundaries. `refuse` may raise instead of beginning a transaction."""

    at: Callable[[str], None] = staticmethod(lambda _: None)
    refuse: Callable[[], None] = staticmethod(lambda: None)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """As Store.transaction."""
        self.refuse()
        with super().transaction() as tx:
            yield tx
            self.at("before_commit")
        self.at("after_commit")


class Process:
    """One daemon on one store. `at` is told of every boundary and may raise Crash, `refuse` may raise a StoreError."""

    def __init__(
        self,
        variant: Variant,
        folder: Path,
        clock: Clock,
        adapter: BaseAdapter,
        *,
        at: Callable[[str], None],
        refuse: Callable[[], None],
        sleep: Callable[[float], None],
        mailer: Callable[[], Mailer | None] = lambda: None,
    ) -> None:
        self.path = folder / "syncd.db"
        self.path.write_bytes(_empty_store())
        self._variant = variant
        self._clock = clock
        self._adapter = adapter
        self._at = at
        self._refuse = refuse
        self._sleep = sleep
        self._mailer = mailer
        self.app: App | None = None
        self._store: WatchedStore | None = None
        self._watched = False
        self._routes_due = 0.0

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self.app is not None

    @property
    def in_transaction(self) -> bool:
        """Whether the daemon has a transaction open now."""
        return self._store is not None and self._store.in_transaction()

    @property
    def routes_run(self) -> bool:
        """Whether the daemon runs and has all its routes."""
        return self.app is not None and not self.app.engine.routes.stopped and bool(self.app.engine.routes.running)

    def start(self) -> None:
        """A new process on the store. Raises Crash and StoreError; then there is none."""
        self.kill()
        store = WatchedStore.open(f"sqlite:///{self.path}", check=False)
        store.claim("daemon")  # as the service does; nobody dies of that
        store.at, store.refuse = self._boundary, self._may_begin
        self._store = store
        app = App(
            configuration(self._variant),
            store,
            self._clock,
            zendesk_adapter=self._adapter,
            jira_adapter=self._adapter,
            sleep=self._sleep,
            mailer=self._mailer(),
        )
        with self._alive():
            self._refresh_routes(app)
        self.app = app

    def step(self) -> CycleReport:
        """One cycle. Raises Crash, after which there is no process, and StoreError."""
        if self.app is None:
            raise RuntimeError("the daemon is not running")
        with self._alive():
            if self._clock.monotonic() >= self._routes_due:
                self._refresh_routes(self.app)
            return self.app.engine.step()

    def kill(self) -> None:
        """The process is gone; what it had committed stays."""
        self.app = None
        if self._store is not None:
            self._store.close()
            self._store = None

    def ask(self, verb: str, args: Mapping[str, Any]) -> None:
        """What the command line does: a row that the daemon takes in its next cycle."""
        with self.aside() as tx:
            tx.add_request(verb, dict(args), self._clock.now())

    @contextmanager
    def aside(self) -> Iterator[Tx]:
        """A transaction of somebody else, at which nothing goes wrong."""
        if self._store is not None:
            with Store.transaction(self._store) as tx:
                yield tx
        else:
            with Store.open(f"sqlite:///{self.path}", check=False) as store, store.transaction() as tx:
                yield tx

    def back_up(self) -> bytes:
        """The store as it is now."""
        target = self.path.with_suffix(".backup")
        shutil.rmtree(target, ignore_errors=True)
        target.unlink(missing_ok=True)
        if self._store is not None:
            self._store.backup(target)
        else:
            with Store.open(f"sqlite:///{self.path}", check=False) as store:
                store.backup(target)
        return target.read_bytes()

    def put_back(self, backup: bytes) -> None:
        """An operator stops the daemon and puts an old backup in the store's place."""
        self.kill()
        for name in ("syncd.db-wal", "syncd.db-shm"):
            self.path.with_name(name).unlink(missing_ok=True)
        self.path.write_bytes(backup)

    # ---- inside ----

    def _refresh_routes(self, app: App) -> None:
        """As the service does: hourly, and sooner while a server does not answer."""
        app.refresh_routes()
        self._routes_due = self._clock.monotonic() + (60.0 if app.catalog_problems else ROUTES_EVERY.total_seconds())

    @contextmanager
    def _alive(self) -> Iterator[None]:
        self._watched = True
        try:
            yield
        except Crash:
            self._watched = False
            self.kill()
            raise
        finally:
            self._watched = False

    def _boundary(self, where: str) -> None:
        if self._watched:
            self._at(where)

    def _may_begin(self) -> None:
        if self._watched:
            self._refuse()
