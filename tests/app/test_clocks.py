"""The clock of a rehearsal."""

from __future__ import annotations

import pytest

from syncd.app.clocks import RehearsalClock
from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.server import Sandbox


@pytest.mark.parametrize(
    "rate",
    [
        pytest.param(1.0, id="at its own pace"),
        pytest.param(3600.0, id="an hour in a second: it reckons on between answers"),
    ],
)
def test_a_rehearsal_has_the_sandbox_s_time_and_it_never_goes_back(rate: float) -> None:
    there = SandboxClock(1_800_000_000.0, rate=rate)
    sandbox = Sandbox("cloud", clock=there)
    sandbox.start()
    try:
        clock = RehearsalClock(sandbox.control_url)
        seen = [clock.now().timestamp() for _ in range(60)]
        assert seen == sorted(seen)
        before = there.now()
        here = clock.now().timestamp()
        assert before - 0.1 * rate <= here <= there.now() + 0.001
        assert clock.rate == rate
    finally:
        sandbox.stop()


def test_a_clock_that_is_moved_by_hand_is_seen_at_once() -> None:
    there = SandboxClock(1_800_000_000.0, frozen=True)
    sandbox = Sandbox("cloud", clock=there)
    sandbox.start()
    try:
        clock = RehearsalClock(sandbox.control_url)
        for _ in range(3):
            there.advance(60)
            assert clock.now().timestamp() == there.now()
        assert clock.monotonic() == 180.0
    finally:
        sandbox.stop()
