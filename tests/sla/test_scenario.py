"""One ticket's way through both systems, worked out by hand, to the second.

The desk is in Budapest (UTC+1, from 2026-03-29 02:00 on UTC+2) and works Monday to Friday from 9 to 17. Friday the 27th
is a holiday, Saturday the 28th is worked for it, and on Sunday the 29th somebody is on duty from 1 to 4 o'clock, which
are two real hours. The promise: solved in 13 h 30 m of working time, without the time that the customer takes; yellow
at half of it, red 45 minutes before its end.

    local time             who                 working time until the next line
    Wed 25  15:00:00       L1                   3,607 s  (to 16:00:07)
    Wed 25  16:00:07       L2                   3,593 s  (to 17:00) + 3,631 s (Thu 9:00 to 10:00:31)
    Thu 26  10:00:31       development NOVA    25,169 s  (to 17:00) + 7,202 s (Sat 9:00 to 11:00:02)
    Sat 28  11:00:02       L2, the bug is fixed 1,843 s  (to 11:30:45)
    Sat 28  11:30:45       customer (rests)    19,755 s  (to 17:00) + 1,810 s (Sun 1:00 to 1:30:10)
    Sun 29  01:30:10       L2                   5,390 s  (to 4:00; the clock jumps from 2 to 3) + 3,600 s (Mon 9 to 10)
    Mon 30  10:00:00       solved

Counted until Sunday: 45,045 s. Half of 48,600 s is reached on Thursday 13,469 s after 10:00:31; red at 45,900 s is
855 s after Sunday 01:30:10; due is 3,555 s after it: 1,790 s to the jump and 1,765 s from 03:00 on.
"""

from __future__ import annotations

import pytest

from syncd.sla.explain import explain
from syncd.sla.holder import Holder, Party
from syncd.sla.policy import Book
from syncd.sla.states import State, judge
from tests.sla.kit import ALWAYS, CUSTOMER, DEV, Told, at, rules, shown

ZONE = "Europe/Budapest"
DESK = {
    "zone": ZONE,
    "week": {"mon-fri": ["09:00-17:00"]},
    "closed": ["2026-03-27"],
    "working_days": ["2026-03-28"],
    "overrides": {"2026-03-29": ["01:00-04:00"]},
}
PENDING = {"all": [{"field": "status", "operator": "is", "value": "pending"}]}
WITH_BUG = {"all": [{"field": "bug.stage", "operator": "is", "value": ["queued", "in_progress"]}]}


def book(l2: str = "L2") -> Book:
    """The rules of the story; `l2` is the group as the ticket names it."""
    return rules(
        {
            "resolution": {
                "calendar": "desk",
                "goals": {"any": "13h30m"},
                "pause_in": ["pending"],
                "warn": {"yellow": "50%", "red": "45m"},
                "levels": ["30m"],
            },
            "total": {"calendar": "always", "goals": {"any": "200h"}},
        },
        {"resolution": {}, "total": {"kind": "resolution"}},
        {"desk": DESK, "always": ALWAYS},
        holders=[
            {"party": "customer", "when": PENDING},
            {"party": "development", "team_by": "project", "when": WITH_BUG},
            {"party": "L2", "when": {"all": [{"field": "group", "operator": "is", "value": l2}]}},
            {"party": "L1"},
        ],
    )


BOOK = book()


def march(day: int, time: str) -> str:
    return f"2026-03-{day} {time}"


def story() -> Told:
    told = Told(ZONE).created(march(25, "15:00:00"), CUSTOMER, group="L1")
    told.change(march(25, "16:00:07"), group="L2")
    told.linked(march(26, "10:00:31")).change(march(26, "10:00:31"), status="hold")
    told.bug_moved(march(26, "15:00:00"), "in_progress", 1)
    told.bug_moved(march(28, "11:00:02"), "fixed", 3, done=True, by=DEV).change(march(28, "11:00:02"), status="open")
    told.says(march(28, "11:30:45"), status="pending")
    told.says(march(29, "01:30:10"), CUSTOMER, status="open")
    return told.change(march(30, "10:00:00"), status="solved")


def test_the_split_by_holder_is_exact_to_the_second() -> None:
    clock = story().clock(BOOK, march(31, "12:00"), "resolution")
    assert clock.split() == {
        Holder(Party.L1): 3607,
        Holder(Party.L2): 7224 + 1843 + 8990,
        Holder(Party.DEVELOPMENT, "NOVA"): 32371,
    }
    assert clock.elapsed == 54035
    resting = [part for part in clock.slices if part.rest]
    assert [(part.holder.party, part.rest, part.business) for part in resting] == [
        (Party.CUSTOMER, "status pending", 19755 + 1810)
    ]


def test_by_the_clock_on_the_wall_an_hour_is_missing() -> None:
    total = story().clock(BOOK, march(31, "12:00"), "total")
    assert total.elapsed == 114 * 3600  # five days less five hours, less the hour that the change took
    assert sum(total.split().values()) == sum(total.wall_split().values()) == 114 * 3600


def test_the_instants_are_exact_to_the_second() -> None:
    verdict = judge(story().clock(BOOK, march(31, "12:00"), "resolution"))
    assert [(point.name, shown(point.at, ZONE)) for point in verdict.passed] == [
        ("yellow", march(26, "13:45:00")),
        ("red", march(29, "01:44:25")),
        ("breach", march(29, "03:29:26")),  # the first second after due
        ("breach+1800", march(29, "03:59:25")),
    ]
    assert verdict.state is State.BREACHED
    assert shown(verdict.breached_at, ZONE) == march(29, "03:29:25")


@pytest.mark.parametrize(
    ("now", "state", "due", "coming"),
    [
        pytest.param(
            march(25, "15:30"),
            State.RUNNING,
            march(28, "12:30:00"),
            march(26, "13:45:00"),
            id="with L1, as it looks then",
        ),
        pytest.param(march(26, "13:44:59"), State.RUNNING, None, march(26, "13:45:00"), id="a second before yellow"),
        pytest.param(march(26, "13:45:00"), State.AT_RISK, None, None, id="yellow"),
        pytest.param(march(27, "12:00"), State.AT_RISK, None, None, id="on the holiday"),
        pytest.param(march(28, "12:00"), State.PAUSED, None, None, id="with the customer"),
        pytest.param(march(29, "01:44:25"), State.AT_RISK, march(29, "03:29:25"), march(29, "03:29:26"), id="red"),
        pytest.param(
            march(29, "03:29:25"), State.AT_RISK, march(29, "03:29:25"), march(29, "03:29:26"), id="due, not late"
        ),
        pytest.param(march(29, "03:29:26"), State.BREACHED, march(29, "03:29:25"), march(29, "03:59:25"), id="late"),
    ],
)
def test_the_state_on_the_way(now: str, state: State, due: str | None, coming: str | None) -> None:
    told = story()
    told.events = [event for event in told.events if event.at <= at(now, ZONE)]
    verdict = judge(told.clock(BOOK, now, "resolution"))
    assert verdict.state is state
    if due is not None:
        assert shown(verdict.due, ZONE) == due
    if coming is not None:
        assert shown(verdict.next_instant, ZONE) == coming
    if state is State.PAUSED:
        assert verdict.due is None
        assert verdict.next_instant is None


def test_explain_tells_it_line_by_line() -> None:
    clock = story().clock(BOOK, march(31, "12:00"), "resolution")
    reader = clock.calendars["desk"].at(0).calendar
    lines = list(explain(clock, reader))
    assert lines[0] == "resolution of #1, cycle 1: breached"
    assert (
        "Sat 2026-03-28 11:30:45 +0100 to Sun 2026-03-29 01:30:10 +0100: rested (status pending), customer" in lines[7]
    )
    assert "used 15h 35s of 13h 30m (111 %), left -1h 30m 35s" in lines[9]
    assert lines[-1].startswith("  met Mon 2026-03-30 10:00:00 +0200 by audit ")
