"""What is said once when it happens, and once when it is over."""

from __future__ import annotations

from structlog.testing import capture_logs

from syncd.cycle.host_clock import ClockOff
from syncd.cycle.settings import CycleReport
from syncd.daemon.telling import Teller


def test_a_wrong_clock_is_told_when_it_is_noticed_and_when_it_is_right_again() -> None:
    teller = Teller()
    behind = ClockOff(1, 1200.0, "This machine's clock is 20 min behind Zendesk's and Jira's.")
    with capture_logs() as lines:
        for off in (None, behind, behind, None, None):
            teller.cycle(CycleReport(clock_off=off))
    assert [(line["event"], line.get("problem")) for line in lines] == [
        ("clock_wrong", behind.sentence),
        ("clock_right", None),
    ]
