"""The daemon's loop in this process: configurations that change under it, stores and servers that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from syncd.app.clocks import SystemClock
from syncd.config.load import Loaded, load_config
from syncd.daemon import Daemon, Fatal
from syncd.ops.facts import CONFIG, DAEMON
from syncd.sandbox.faults import Fault
from syncd.store import Store, StoreFull, StoreLock
from tests.cli.house import NOVA, House, until


class Resident:
    """A daemon on a thread of this process."""

    def __init__(self, house: House, store: Store, lock: StoreLock, **options: object) -> None:
        self.house = house
        self.taken: list[Loaded] = []
        self.store = store
        self.daemon = Daemon(
            house.config,
            load_config(house.config, house.environ),
            store,
            lock,
            SystemClock(),
            environ=house.environ,
            on_config=self.taken.append,
            **options,  # type: ignore[arg-type]  # as the test gives them
        )
        self.ended: int | BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.ended = self.daemon.run()
        except Fatal as fatal:
            self.ended = fatal

    def said(self, fact: str) -> dict[str, object]:
        """What the daemon says of itself."""
        with self.store.reading() as tx:
            found = tx.get_fact(fact)
        return found if isinstance(found, dict) else {}

    def cycles(self, more: int = 1) -> None:
        """Waits for so many cycles from now."""
        with self.store.reading() as tx:
            beat = tx.last_heartbeat()
        wanted = (beat.cycle if beat else 0) + more

        def ended() -> bool:
            with self.store.reading() as tx:
                beat = tx.last_heartbeat()
            return beat is not None and beat.cycle >= wanted

        until(ended, f"cycle {wanted}")

    def reload(self) -> str:
        """Asks for a reload; what came of it: the problem, or nothing."""
        before = self.said(CONFIG).get("at")
        self.daemon.reload()
        until(lambda: self.said(CONFIG).get("at") != before, "the new configuration")
        return str(self.said(CONFIG).get("problem") or "")

    def stop(self) -> int | BaseException | None:
        """Stops it; how it ended."""
        self.daemon.stop()
        self.thread.join(timeout=30)
        assert not self.thread.is_alive()
        return self.ended


@contextmanager
def resident(house: House, **options: object) -> Iterator[Resident]:
    """A daemon that runs, and has ended afterwards."""
    url = f"sqlite:///{house.store_file}"
    with StoreLock(url) as lock, Store.open(url) as store:
        made = Resident(house, store, lock, **options)
        made.thread.start()
        try:
            yield made
        finally:
            made.stop()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(lambda text: text.partition("Engineering")[0], "config.yaml:11:", id="cut off in the middle"),
        pytest.param(lambda text: text.replace("routes:", "rutes:"), "rutes", id="a key with a typing error"),
        pytest.param(lambda text: text.replace("fast: 1s", "fast: soon"), "poll.fast", id="a wrong type"),
        pytest.param(lambda text: text.replace("mapping: default", "mapping: defualt"), "defualt", id="no mapping"),
        pytest.param(lambda text: text.replace("NOVA", "NOPE"), "NOPE", id="no such project"),
        pytest.param(
            lambda text: text.replace("Sync state", "Affected product"), "Customers", id="a field of customers"
        ),
        pytest.param(lambda text: text.replace("syncd.db", "other.db"), "restart", id="another store"),
        pytest.param(lambda text: text.replace("JIRA_TOKEN", "NOT_SET"), "NOT_SET", id="a secret that is not set"),
        pytest.param(lambda _: "\x00" * 100, "config.yaml", id="no text at all"),
        pytest.param(lambda _: "", "empty", id="nothing"),
    ],
)
def test_a_bad_configuration_changes_nothing_and_says_why(
    house: House, spoil: Callable[[str], str], words: str
) -> None:
    good = house.config.read_text(encoding="utf-8")
    with resident(house) as running:
        running.cycles()
        house.config.write_text(spoil(good), encoding="utf-8")
        assert words in running.reload()
        running.cycles()
        assert running.taken == []
        house.config.write_text(good + "start_from: 30d\n", encoding="utf-8")
        assert running.reload() == ""
        assert len(running.taken) == 1
        running.cycles()
        assert running.stop() == 0


def test_a_configuration_that_is_gone_or_cannot_be_read_changes_nothing(house: House) -> None:
    with resident(house) as running:
        running.cycles()
        house.config.rename(house.folder / "elsewhere")
        assert "no such file" in running.reload()
        house.config.mkdir()
        assert "cannot be read" in running.reload()
        running.cycles()


def test_a_good_configuration_takes_effect_between_two_cycles(house: House) -> None:
    ticket, key = house.ticket(), house.bug(project="OPS")
    house.configure(routes=NOVA)
    with resident(house) as running:
        running.cycles()
        refused = house.syncd("links", "add", ticket, key)
        assert "No running route has project OPS" in refused.err
        house.configure()
        assert running.reload() == ""
        assert house.fine("links", "add", ticket, key).code == 0


def test_many_reloads_under_traffic_lose_no_cycle(house: House) -> None:
    ticket, key = house.pair()
    house.fine("once", "--accept")
    good = house.config.read_text(encoding="utf-8")
    bad = good.replace("routes:", "rutes:")
    with resident(house) as running:
        running.cycles()  # what it says of its configuration as it starts is no answer to a reload
        house.moves(key, "Done", "Done")
        for turn in range(10):
            house.config.write_text(bad if turn % 2 else good, encoding="utf-8")
            assert bool(running.reload()) is bool(turn % 2)
        until(lambda: house.status(ticket) == "open", "the ticket handed back")
        assert running.said(DAEMON)["failures"] == 0


def test_a_limit_that_was_learned_survives_a_reload(house: House) -> None:
    with resident(house) as running:
        running.cycles()
        zendesk = running.daemon._app.zendesk
        house.config.write_text(house.config.read_text(encoding="utf-8") + "start_from: 30d\n", encoding="utf-8")
        assert running.reload() == ""
        assert running.daemon._app.zendesk is zendesk


class Failing(Store):
    """A store whose transactions fail on request."""

    failing = False

    def transaction(self):  # type: ignore[no-untyped-def]  # as the store's
        if self.failing:
            raise StoreFull("the disk is full; make room")
        return super().transaction()


def test_a_full_disk_is_told_waited_for_and_got_over(house: House) -> None:
    url = f"sqlite:///{house.store_file}"
    with StoreLock(url) as lock, Failing.open(url) as store:
        running = Resident(house, store, lock)
        running.thread.start()
        try:
            running.cycles()
            store.failing = True
            until(lambda: running.daemon._failures > 0, "a failure")
            store.failing = False
            until(lambda: running.daemon._failures == 0, "the recovery")
            running.cycles()
            until(lambda: running.said(DAEMON)["failures"] == 0, "what it says of itself")
        finally:
            assert running.stop() == 0


def test_a_store_of_other_servers_ends_the_daemon_for_a_person(house: House) -> None:
    url = f"sqlite:///{house.store_file}"
    with Store.open(url) as store, store.transaction() as tx:
        tx.set_fact("server.jira", "https://production.example", datetime(2026, 3, 2, tzinfo=UTC))
    with resident(house) as running:
        running.thread.join(timeout=30)
        assert isinstance(running.ended, Fatal)
        assert running.ended.code == 78
        assert "production.example" in str(running.ended)


def test_a_server_that_does_not_answer_cannot_hold_up_a_stop(house: House) -> None:
    left: list[int] = []
    with resident(house, leave=left.append, grace=0.3) as running:
        running.cycles()
        house.sandbox.ctx.faults.add(Fault("delay", "zendesk", times=1, args={"seconds": 12}))
        until(house.sandbox.ctx.faults.fired, "a call that is not answered")
        running.daemon.stop()
        until(lambda: left == [0], "the end", seconds=8)


def test_a_request_wakes_the_loop_before_the_poll_is_over(house: House) -> None:
    text = house.config.read_text(encoding="utf-8")
    house.config.write_text(text.replace("fast: 1s, complete: 2s", "fast: 10m, complete: 10m"), encoding="utf-8")
    with resident(house) as running:
        running.cycles()
        assert house.fine("once", "--accept").out.startswith(("No brake", "Released"))
        assert running.stop() == 0


def test_the_daily_round_is_made_once_a_day(house: House) -> None:
    with resident(house) as running:
        running.cycles(2)
        with running.store.reading() as tx:
            first = tx.get_fact("last.upkeep")
        running.cycles()
        with running.store.reading() as tx:
            assert tx.get_fact("last.upkeep") == first
        assert first is not None
