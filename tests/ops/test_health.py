"""Health: a table of when the daemon is well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.ops.health import health_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
POLL = timedelta(seconds=15)


@pytest.mark.parametrize(
    ("beat", "pulse", "writable", "ok"),
    [
        pytest.param(5, None, True, True, id="a cycle ended just now"),
        pytest.param(45, None, True, True, id="three polls ago"),
        pytest.param(46, None, True, False, id="more than three polls ago"),
        pytest.param(None, None, True, False, id="none ended yet"),
        pytest.param(5, None, False, False, id="the store cannot be written"),
        pytest.param(-600, None, True, False, id="ended in the future: the clock was set back"),
        pytest.param(-10, None, True, True, id="a little in the future"),
        pytest.param(300, 10, True, True, id="a long cycle that gets on"),
        pytest.param(300, 60, True, False, id="a long cycle that hangs"),
        pytest.param(1000, 10, True, False, id="a cycle that never ends"),
        pytest.param(None, 10, True, True, id="the first cycle gets on"),
        pytest.param(5, 4000, True, True, id="an old pulse beside a new heartbeat"),
    ],
)
def test_health(beat: float | None, pulse: float | None, writable: bool, ok: bool) -> None:
    def ago(seconds: float | None) -> datetime | None:
        return None if seconds is None else NOW - timedelta(seconds=seconds)

    found = health_of(ago(beat), NOW, POLL, writable=writable, pulse=ago(pulse))
    assert found.ok is ok
    assert found.sentence.startswith("healthy" if ok else "unhealthy")
    assert "\n" not in found.sentence
