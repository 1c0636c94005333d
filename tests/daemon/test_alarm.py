"""The alarm clock: rings when a cycle is due, survives clocks that jump, and never lets anybody wait in vain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from syncd.daemon.alarm import Alarm, EverySoOften

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Turned:
    """Both clocks, turned by hand."""

    def __init__(self) -> None:
        self.wall = NOW
        self.mono = 100.0

    def alarm(self) -> Alarm:
        """An alarm that reads them."""
        return Alarm(lambda: self.wall, lambda: self.mono)

    def turn(self, *, wall: float, mono: float) -> None:
        """Lets time pass, or a clock jump."""
        self.wall += timedelta(seconds=wall)
        self.mono += mono


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    """On the machine's clocks."""
    made = Alarm()
    yield made
    made.stop()


def waited(alarm: Alarm, last_start: float, pause: float, *, enough: bool = False) -> float:
    """Seconds that a wait took."""
    before = time.monotonic()
    alarm.wait(last_start, pause, enough=lambda: enough)
    return time.monotonic() - before


def test_the_first_cycle_is_due_at_once(alarm: Alarm) -> None:
    assert waited(alarm, float("-inf"), 60) < 1


def test_it_rings_every_interval(alarm: Alarm) -> None:
    alarm.start(0.2)
    start = time.monotonic()
    assert 0.1 <= waited(alarm, start, 0.2) < 5


def test_without_a_ring_the_wait_ends_a_quarter_later(alarm: Alarm) -> None:
    assert 0.24 <= waited(alarm, time.monotonic(), 0.2) < 5


def test_a_ring_from_the_last_cycle_is_passed_over(alarm: Alarm) -> None:
    alarm.ring("poll")
    assert waited(alarm, time.monotonic(), 0.3) >= 0.3


def test_a_ring_on_time_ends_the_wait(alarm: Alarm) -> None:
    alarm.ring("poll")
    assert waited(alarm, time.monotonic() - 20, 20) < 4


def test_enough_ends_the_wait_at_once(alarm: Alarm) -> None:
    assert waited(alarm, time.monotonic(), 60, enough=True) < 1


@pytest.mark.parametrize(
    ("wall", "mono", "jump"),
    [
        pytest.param(15, 15, 0, id="time passes"),
        pytest.param(14, 15, 0, id="a clock that is trimmed"),
        pytest.param(-3585, 15, -3600, id="the wall clock is set back an hour"),
        pytest.param(3615, 15, 3600, id="the wall clock is set forward an hour"),
        pytest.param(86415, 15, 86400, id="a day forward"),
        pytest.param(43215, 15, 43200, id="the machine slept for twelve hours"),
    ],
)
def test_a_jump_is_told_once(wall: float, mono: float, jump: float) -> None:
    clocks = Turned()
    alarm = clocks.alarm()
    clocks.turn(wall=wall, mono=mono)
    assert alarm.jumped() == pytest.approx(jump)
    assert alarm.jumped() == 0


def test_after_a_jump_the_alarm_still_rings(alarm: Alarm) -> None:
    clocks = Turned()
    jumpy = clocks.alarm()
    jumpy.start(0.2)
    clocks.turn(wall=-86400, mono=15)
    assert jumpy.jumped() < 0
    clocks.mono = 1000.0
    jumpy.wait(1000.0 - 20, 20, enough=lambda: False)
    jumpy.stop()


@pytest.mark.parametrize("since", [0, 15, 3600, 86400 * 365 * 50], ids=["now", "on time", "an hour", "fifty years"])
def test_missed_times_are_not_made_up_for(since: float) -> None:
    trigger = EverySoOften(15)
    previous = NOW - timedelta(seconds=since)
    assert trigger.get_next_fire_time(previous, NOW) == NOW + timedelta(seconds=15)


def test_stopping_twice_is_harmless(alarm: Alarm) -> None:
    alarm.start(5)
    alarm.stop()
    alarm.stop()
