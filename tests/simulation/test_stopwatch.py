"""The stopwatch that clocks of histories are judged by is judged itself, by hand."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.simulation.clocks_and_rules import ALWAYS, Clocks, Hours
from tests.simulation.stopwatch import Step, Wall, measure

START = 1_772_442_000  # 2026-03-02 09:00 UTC
NIGHT = Hours("Europe/Berlin", ((0, 119), (181, 1440)))  # closed from 01:59 to 03:01


def at(text: str) -> int:
    """Unix seconds of an instant with its offset."""
    return int(datetime.fromisoformat(text).timestamp())


def clocks(hours: Hours = ALWAYS) -> Clocks:
    return Clocks(hours, 60, 60, 120, "bug", 0, "never", 20, 10, "never", rules=False, second_lead="")


@pytest.mark.parametrize(
    ("begin", "end", "counted"),
    [
        pytest.param("2026-03-02T01:00+01:00", "2026-03-02T04:00+01:00", 7080, id="a night as any other"),
        pytest.param(
            "2026-03-29T01:00+01:00", "2026-03-29T04:00+02:00", 7080, id="the night that lacks the closed hour"
        ),
        pytest.param("2026-10-25T01:00+02:00", "2026-10-25T04:00+01:00", 7080, id="the night that has it twice"),
    ],
)
def test_open_hours_are_those_of_the_wall(begin: str, end: str, counted: int) -> None:
    wall = Wall(clocks(NIGHT), at(begin), at(end))
    assert wall.counted(at(begin), at(end)) == counted


def test_the_breach_is_in_the_second_after_the_last_one_that_is_allowed() -> None:
    wall = Wall(clocks(), START, START + 1000)
    assert wall.passed(((START, START + 61),), 60) == START + 61
    assert wall.passed(((START, START + 60),), 60) is None
    assert wall.passed(((START, START + 40), (START + 500, START + 600)), 60) == START + 521


def life(*steps: tuple[int, str, bool, bool]) -> list[Step]:
    """(seconds since the start, status, an agent replied, a customer asked)."""
    found: list[Step] = []
    for after, status, replied, asked in steps:
        found.append(Step(START + after, status, found[-1].status if found else None, replied, asked))
    return found


def test_what_starts_ends_and_rests_each_clock() -> None:
    steps = life(
        (0, "new", False, True),
        (30, "pending", True, False),
        (100, "open", False, True),
        (150, "solved", False, False),
        (400, "open", False, True),
    )
    measured = {clock.name: clock for clock in measure(clocks(), 7, steps, START + 450)}
    spans = {name: [(a - START, b - START) for a, b in clock.spans] for name, clock in measured.items()}
    assert spans == {
        "7.first_reply.1": [(0, 30)],
        "7.next_reply.1": [(100, 150)],
        "7.next_reply.2": [(400, 450)],
        "7.resolution.1": [(0, 30), (100, 150), (400, 450)],
    }
    assert [name for name, clock in measured.items() if clock.end is None] == ["7.next_reply.2", "7.resolution.1"]
