"""How it is judged that alerts are there from the first cycle on is judged itself, by hand."""

from __future__ import annotations

import pytest

from tests.simulation.invariants_mail import seconds_late
from tests.simulation.promises import Turn
from tests.simulation.stopwatch import SLACK

FIRST = Turn(start=16.4, end=20.4, skew=0.0, is_whole=True)
AHEAD = Turn(start=16.4, end=20.4, skew=5.0, is_whole=True)
BEHIND = Turn(start=16.4, end=20.4, skew=-5.0, is_whole=True)
BROKEN = Turn(start=1.0, end=3.0, skew=0.0, is_whole=False)
LATER = Turn(start=36.0, end=40.0, skew=5.0, is_whole=True)


@pytest.mark.parametrize(
    ("since", "turns", "is_late"),
    [
        pytest.param(19, [FIRST, LATER], False, id="a first cycle by a clock that is right"),
        pytest.param(24, [FIRST, LATER], True, id="some seconds after it, though a later cycle's clock is ahead"),
        pytest.param(24, [AHEAD, LATER], False, id="a first cycle by a clock that is some seconds ahead"),
        pytest.param(28, [AHEAD, LATER], True, id="after it also by that clock"),
        pytest.param(14, [BEHIND, LATER], False, id="a first cycle by a clock that is some seconds behind"),
        pytest.param(19, [BEHIND, LATER], True, id="after it by that clock, which made a second one do it"),
        pytest.param(19, [BROKEN, FIRST], False, id="a cycle that was not whole is not the first"),
        pytest.param(19, [BROKEN], False, id="no cycle was whole"),
    ],
)
def test_alerts_are_there_from_the_first_whole_cycle_on_by_the_clock_it_went_by(
    since: int, turns: list[Turn], is_late: bool
) -> None:
    assert (seconds_late(since, turns) > SLACK) is is_late
