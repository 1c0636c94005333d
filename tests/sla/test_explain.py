"""What explain tells beside the scenario's lines."""

from __future__ import annotations

import pytest

from syncd.sla.calendar import always
from syncd.sla.clock import clocks
from syncd.sla.explain import explain, span_text
from tests.sla.kit import Told, at, rules

UTC = always()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (3600, "1h"), (93784, "26h 3m 4s"), (-60, "-1m")],
)
def test_spans_as_text(seconds: int, text: str) -> None:
    assert span_text(seconds) == text


def test_a_paused_clock_says_that_it_has_no_due_time() -> None:
    book = rules({"resolution": {"goals": {"any": "2 business_days"}, "calendar": "office", "pause_in": ["pending"]}})
    told = Told().created("2026-03-02 09:00").change("2026-03-02 10:00", status="pending")
    lines = list(explain(told.clock(book, "2026-03-02 11:00", "resolution"), UTC))
    assert "  rests (status pending), so it has no due time" in lines
    assert any("target 2 business_days (office) = 16h of working time" in line for line in lines)


def test_a_running_clock_says_when_it_is_due_and_what_was_carried() -> None:
    book = rules({"resolution": "8h"}, options={"follow_up": "continue"})
    told = Told().created("2026-03-02 09:00")
    (clock,) = clocks(1, told.events, book, at("2026-03-02 10:00"), carried={"resolution": 3600})
    lines = list(explain(clock, UTC))
    assert "  1h were carried over" in lines
    assert "  due Mon 2026-03-02 16:00:00 +0000" in lines


def test_a_bugs_clock_names_its_bug_and_a_lost_policy_is_told() -> None:
    book = rules({"bug_first_action": {"goals": {"high": "4h"}, "calendar": "office"}})
    told = (
        Told()
        .created("2026-03-02 09:00", priority="high")
        .linked("2026-03-02 10:00")
        .change("2026-03-02 11:00", priority=None)
    )
    lines = list(explain(told.clock(book, "2026-03-02 12:00", "bug_first_action", subject="B1"), UTC))
    assert lines[0] == "bug_first_action of bug B1 of #1, cycle 1: cancelled"
    assert any("no target any more" in line for line in lines)
    assert any("development NOVA had the ball for 1h" in line for line in lines)
