"""By whose time the verbs that look on tell theirs, while the machine's clock is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.app.clocks import SystemClock
from syncd.cli.work import daemon_clock
from syncd.core.model import Json
from syncd.cycle.host_clock import HOST_CLOCK
from syncd.ops.facts import DAEMON
from syncd.store import Store
from tests.scenarios.lab import empty_store

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    file = tmp_path / "syncd.db"
    file.write_bytes(empty_store())
    with Store.open(f"sqlite:///{file}") as opened:
        yield opened


@pytest.mark.parametrize(
    ("seconds", "pid", "beat", "added"),
    [
        pytest.param(None, 7, NOW, 0, id="all is right"),
        pytest.param(1200, 7, NOW, 1200, id="the daemon adds to the machine's clock"),
        pytest.param(3600, None, NOW + HOUR, 3600, id="it has ended, and the clock is still wrong"),
        pytest.param(3600, None, NOW - HOUR, 0, id="it has ended, and the clock was set since"),
    ],
)
def test_what_is_added_to_the_machines_clock(
    store: Store, seconds: int | None, pid: int | None, beat: datetime, added: int
) -> None:
    off: Json = None if seconds is None else {"since": 1, "seconds": seconds, "sentence": "It is wrong."}
    with store.transaction() as tx:
        tx.set_fact(HOST_CLOCK, off, NOW)
        tx.set_fact(DAEMON, {"pid": pid}, NOW)
        tx.beat(beat, 1, ok=True, detail={})
    with store.reading() as tx:
        clock = daemon_clock(tx)
    assert isinstance(clock, SystemClock)
    assert clock.correction == added
