"""Quiet hours, storms and budgets: what goes out at once, and what waits for a digest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.alerts.episodes import Draft
from syncd.alerts.message import Reason
from syncd.alerts.pacing import Paced, opens_at, pace, tokens
from syncd.core.alert_model import AlertKey, Told
from syncd.sla.business_time import BusinessTime
from syncd.sla.calendar import Calendar
from tests.alerts.stage import LEAD, receiver, seconds, settings

DAYTIME = BusinessTime(Calendar("day", "UTC", (((8 * 3600, 20 * 3600),),) * 7))
NIGHT = BusinessTime(Calendar("night", "UTC", (((20 * 3600, 24 * 3600),),) * 7))
NEVER = BusinessTime(Calendar("never", "UTC", ((),) * 7))
BERLIN = BusinessTime(Calendar("day in Berlin", "Europe/Berlin", (((8 * 3600, 20 * 3600),),) * 7))
NOON, EVENING = seconds("12:00"), seconds("21:00")


def draft(ticket: int = 1, threshold: str = "breach", reason: Reason = Reason.FIRST, **more: Any) -> Draft:
    key = AlertKey(ticket, "resolution", "", 1, threshold)
    return Draft(f"group {ticket}", LEAD, reason, (key,), Told(LEAD, 0), None, **more)


def paced(
    *drafts: Draft, now: int = NOON, hours: Any = (), written: Any = (), waiting: Any = None, **more: Any
) -> list[Paced]:
    configured = settings(receivers=[receiver(LEAD, hours=hours, **more)])
    return list(pace(drafts, configured, {LEAD: written}, {LEAD: waiting}, now))


def outcome(found: list[Paced]) -> list[tuple[int, int | None]]:
    return [(each.draft.keys[0].ticket, each.digest_at) for each in found]


def test_in_waking_hours_everything_goes_out_at_once() -> None:
    assert outcome(paced(draft(1), draft(2), hours=(DAYTIME,))) == [(1, None), (2, None)]


def test_in_quiet_hours_everything_waits_for_the_opening() -> None:
    opening = seconds("2026-03-03 08:00")
    assert outcome(paced(draft(1), now=EVENING, hours=(DAYTIME,))) == [(1, opening)]


@pytest.mark.parametrize(
    ("breaks_through", "at"),
    [
        pytest.param(True, None, id="an urgent breach breaks through"),
        pytest.param(False, seconds("2026-03-03 08:00"), id="unless the receiver does not want that"),
    ],
)
def test_urgent_at_night(breaks_through: bool, at: int | None) -> None:
    found = paced(draft(urgent=True), now=EVENING, hours=(DAYTIME,), urgent_breaks_through=breaks_through)
    assert outcome(found) == [(1, at)]


@pytest.mark.parametrize(
    ("hours", "now", "opening"),
    [
        pytest.param((), EVENING, EVENING, id="without hours it is always open"),
        pytest.param((DAYTIME,), NOON, NOON, id="open now"),
        pytest.param((DAYTIME,), EVENING, seconds("2026-03-03 08:00"), id="the next morning"),
        pytest.param((BERLIN,), seconds("2026-03-28 20:00"), seconds("2026-03-29 06:00"), id="over a DST change"),
        pytest.param((DAYTIME, NIGHT), NOON, NOON, id="hours that are never open together count as none"),
        pytest.param((NEVER,), NOON, NOON, id="hours that never come count as none"),
    ],
)
def test_when_a_receiver_can_be_told(hours: Any, now: int, opening: int) -> None:
    assert opens_at(receiver(LEAD, hours=hours), now) == opening


def test_more_than_a_storm_at_once_becomes_one_digest() -> None:
    found = paced(*(draft(number) for number in range(1, 12)))
    assert {each.digest_at for each in found} == {NOON}
    assert len(found) == 11


def test_what_was_noticed_late_is_told_together_and_a_single_one_by_itself() -> None:
    assert outcome(paced(draft(1, late=True), draft(2, late=True), draft(3))) == [(1, NOON), (2, NOON), (3, None)]
    assert outcome(paced(draft(1, late=True))) == [(1, None)]


def test_what_is_over_the_budget_waits_for_a_digest_and_breaches_go_first() -> None:
    found = paced(draft(1, "yellow"), draft(2, reason=Reason.BREACH), draft(3, "red"), burst=1)
    assert outcome(found) == [(2, None), (1, NOON + 300), (3, NOON + 300)]


def test_overflow_joins_the_digest_that_is_coming() -> None:
    found = paced(draft(1), draft(2), burst=1, waiting=NOON + 40)
    assert outcome(found) == [(1, None), (2, NOON + 40)]


def test_nothing_is_ever_dropped() -> None:
    drafts = [draft(n, late=n % 3 == 0, urgent=n % 2 == 0) for n in range(1, 30)]
    for hours in ((), (DAYTIME,)):
        for now in (NOON, EVENING):
            found = paced(*drafts, now=now, hours=hours, burst=2)
            assert sorted(each.draft.keys[0].ticket for each in found) == list(range(1, 30))


@pytest.mark.parametrize(
    ("written", "left"),
    [
        pytest.param([], 5.0, id="a receiver that heard nothing has all tokens"),
        pytest.param([NOON], 4.0, id="one was written just now"),
        pytest.param([NOON - 60], 5.0, id="one was written a refill ago"),
        pytest.param([NOON - 30] * 5, 0.5, id="all were used half a refill ago"),
        pytest.param([NOON - 9999] * 9, 5.0, id="it never holds more than its burst"),
        pytest.param([NOON + 3600], 5.0, id="what was written in a future that was set back does not count"),
    ],
)
def test_tokens(written: list[int], left: float) -> None:
    assert tokens(replace(receiver(LEAD), burst=5, refill=60), written, NOON) == left
