"""When a receiver hears of a group again, as a table of what it was told and what is true now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.alerts.dedup import GroupNow, needs_update
from syncd.alerts.message import Reason
from syncd.core.alert_model import AlertKey, Told, furthest

NOW = 10_000
YELLOW, RED, BREACH, LATER = (
    AlertKey(1, "resolution", "", 1, threshold) for threshold in ("yellow", "red", "breach", "breach+7200")
)
OTHER = AlertKey(2, "resolution", "", 1, "breach")
OTHER_WARNING = AlertKey(2, "resolution", "", 1, "yellow")


def now(*firing: AlertKey, **more: object) -> GroupNow:
    sets = {name: frozenset(value) for name, value in more.items() if isinstance(value, list)}
    rest = {name: value for name, value in more.items() if not isinstance(value, list)}
    return GroupNow("lead", frozenset(firing), **sets, **rest)  # type: ignore[arg-type]  # fields of the record


def told(*firing: AlertKey, at: int = NOW - 60, **more: object) -> Told:
    sets = {name: frozenset(value) for name, value in more.items() if isinstance(value, list)}
    rest = {name: value for name, value in more.items() if not isinstance(value, list)}
    return Told("lead", at, firing=frozenset(firing), **sets, **rest)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("group", "log", "reason", "keys"),
    [
        pytest.param(now(), None, None, (), id="nothing fires and nobody was told"),
        pytest.param(now(YELLOW), None, Reason.FIRST, (YELLOW,), id="the first word is a warning"),
        pytest.param(now(BREACH), None, Reason.FIRST, (BREACH,), id="the first word is a breach"),
        pytest.param(now(BREACH, level=1), None, Reason.LEVEL, (BREACH,), id="the first word to a higher level"),
        pytest.param(now(BREACH, back=[BREACH]), None, Reason.REMINDER, (BREACH,), id="what came back only reminds"),
        pytest.param(now(YELLOW), told(YELLOW), None, (), id="a warning that was told is not told again"),
        pytest.param(now(RED), told(YELLOW), Reason.REMINDER, (RED,), id="red after yellow reminds"),
        pytest.param(now(BREACH), told(RED), Reason.BREACH, (BREACH,), id="a breach after its warning"),
        pytest.param(now(BREACH, OTHER), told(BREACH), Reason.BREACH, (BREACH, OTHER), id="another breach joins"),
        pytest.param(
            now(BREACH, OTHER_WARNING), told(BREACH), Reason.FIRST, (BREACH, OTHER_WARNING), id="another warning joins"
        ),
        pytest.param(now(LATER), told(BREACH), Reason.REMINDER, (LATER,), id="the same clock, two hours later"),
        pytest.param(now(LATER, in_hand=True), told(BREACH), None, (), id="two hours later, but acknowledged"),
        pytest.param(now(BREACH, level=1), told(BREACH), Reason.LEVEL, (BREACH,), id="named again at a higher level"),
        pytest.param(now(BREACH, repeat=60), told(BREACH), Reason.REMINDER, (BREACH,), id="the repeat has come"),
        pytest.param(now(BREACH, repeat=61), told(BREACH), None, (), id="the repeat has not come"),
        pytest.param(now(BREACH, repeat=0), told(BREACH, at=0), None, (), id="without a repeat nobody is reminded"),
        pytest.param(now(YELLOW, repeat=60), told(YELLOW), None, (), id="of warnings nobody is reminded"),
        pytest.param(now(BREACH, repeat=60, in_hand=True), told(BREACH), None, (), id="acknowledged: no reminder"),
        pytest.param(
            now(BREACH, returned_at=NOW - 1), told(BREACH), Reason.REMINDER, (BREACH,), id="an acknowledgement ran out"
        ),
        pytest.param(
            now(BREACH, returned_at=NOW - 61), told(BREACH), None, (), id="it ran out, and that was told already"
        ),
        pytest.param(now(over=[BREACH]), told(BREACH), Reason.RESOLVED, (BREACH,), id="it is over"),
        pytest.param(now(over=[BREACH]), told(BREACH, over=[BREACH]), None, (), id="it is over, and that was told"),
        pytest.param(now(over=[BREACH]), None, None, (), id="it is over, and nobody was told that it began"),
        pytest.param(now(over=[YELLOW]), told(YELLOW), None, (), id="a warning is over: no word of it"),
        pytest.param(
            now(over=[YELLOW], resolved="all"), told(YELLOW), Reason.RESOLVED, (YELLOW,), id="unless it was asked for"
        ),
        pytest.param(now(over=[BREACH], resolved="none"), told(BREACH), None, (), id="good news was not asked for"),
        pytest.param(
            now(over=[YELLOW, RED, BREACH, LATER]),
            told(YELLOW, RED, BREACH, LATER),
            Reason.RESOLVED,
            (LATER,),
            id="of one clock the furthest point is told as over",
        ),
        pytest.param(now(OTHER, over=[BREACH]), told(BREACH, OTHER), Reason.RESOLVED, (BREACH,), id="one of two"),
        pytest.param(now(owed=[BREACH]), None, Reason.FIRST, (BREACH,), id="over before it was told"),
        pytest.param(now(withdrawn=[BREACH]), told(BREACH), Reason.CORRECTION, (BREACH,), id="it never was"),
        pytest.param(now(withdrawn=[BREACH]), None, None, (), id="it never was, and nobody was told"),
        pytest.param(
            now(withdrawn=[BREACH]), told(corrected=[BREACH]), None, (), id="it never was, and that was told already"
        ),
        pytest.param(
            now(BREACH), told(corrected=[BREACH]), Reason.BREACH, (BREACH,), id="it never was, and now it is after all"
        ),
        pytest.param(
            now(BREACH, back=[BREACH]),
            told(BREACH, over=[BREACH]),
            Reason.REMINDER,
            (BREACH,),
            id="it fires again",
        ),
    ],
)
def test_who_hears_what(group: GroupNow, log: Told | None, reason: Reason | None, keys: tuple[AlertKey, ...]) -> None:
    update = needs_update(group, log, NOW)
    assert (None if update is None else update.reason) == reason
    assert (() if update is None else update.keys) == keys


def test_what_was_told_is_not_told_again() -> None:
    groups = [now(YELLOW), now(RED), now(BREACH), now(BREACH, OTHER), now(OTHER, over=[BREACH]), now(withdrawn=[OTHER])]
    log: Told | None = None
    for group in groups:
        update = needs_update(group, log, NOW)
        assert update is not None
        log = update.told
        assert needs_update(group, log, NOW) is None


def test_a_correction_puts_no_reminder_off() -> None:
    log = told(BREACH, OTHER, at=NOW - 3600)
    corrected = needs_update(now(BREACH, withdrawn=[OTHER], repeat=1800), log, NOW)
    assert corrected is not None
    assert corrected.told.at == NOW - 3600
    again = needs_update(now(BREACH, withdrawn=[OTHER], repeat=1800), corrected.told, NOW)
    assert again is not None
    assert again.reason is Reason.REMINDER


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        pytest.param([], [], id="of nothing nothing"),
        pytest.param([RED, YELLOW], [RED], id="red lies beyond yellow"),
        pytest.param([BREACH, RED, YELLOW], [BREACH], id="a breach lies beyond its warnings"),
        pytest.param([LATER, BREACH], [LATER], id="two hours beyond a breach"),
        pytest.param([RED, OTHER], [RED, OTHER], id="each clock for itself"),
        pytest.param([replace(BREACH, cycle=2), RED], [replace(BREACH, cycle=2), RED], id="each cycle for itself"),
    ],
)
def test_of_each_clock_the_furthest_point_counts(keys: list[AlertKey], kept: list[AlertKey]) -> None:
    assert furthest(keys) == frozenset(kept)
