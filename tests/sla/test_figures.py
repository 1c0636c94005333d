"""Figures over clocks."""

from __future__ import annotations

import pytest

from syncd.sla.figures import Attainment, attainment, decided_at, overrun_by_holder, quantile, weighted
from syncd.sla.holder import Holder, Party
from syncd.sla.states import judge
from tests.sla.kit import Told, rules, shown

H = 3600
BY_GROUP = {"all": [{"field": "group", "operator": "is", "value": "L2"}]}
BOOK = rules({"first_reply": "4h"}, holders=[{"party": "L2", "when": BY_GROUP}, {"party": "L1"}])


def asked() -> Told:
    return Told().created("2026-03-02 09:00", group="L1")


MET = asked().says("2026-03-02 12:00")
LATE = asked().change("2026-03-02 10:00", group="L2").says("2026-03-02 15:00")
RUNNING_LATE = asked()
MERGED = asked().merged("2026-03-02 10:00")
NOW = "2026-03-02 16:00"


def test_running_past_due_counts_as_breached_and_cancelled_does_not_count() -> None:
    clocks = [told.clock(BOOK, NOW, "first_reply") for told in (MET, LATE, RUNNING_LATE, MERGED)]
    assert attainment(clocks, lambda _clock: "all") == {"all": Attainment(met=1, breached=2, cancelled=1)}
    early = [asked().clock(BOOK, "2026-03-02 10:00", "first_reply")]
    assert attainment(early, lambda _clock: "all") == {}, "what is undecided does not count"


def test_a_breach_belongs_to_the_day_it_was_due() -> None:
    told = asked().says("2026-03-05 12:00")
    clock = told.clock(BOOK, "2026-03-06 12:00", "first_reply")
    assert shown(decided_at(clock, judge(clock))) == "2026-03-02 13:00:00"
    met = MET.clock(BOOK, NOW, "first_reply")
    assert shown(decided_at(met, judge(met))) == "2026-03-02 12:00:00"


def test_who_held_the_ball_of_what_was_late() -> None:
    clocks = [told.clock(BOOK, NOW, "first_reply") for told in (MET, LATE, RUNNING_LATE)]
    assert list(overrun_by_holder(clocks).items()) == [(Holder(Party.L1), 8 * H), (Holder(Party.L2), 5 * H)]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        pytest.param([], 50, None, id="nothing"),
        pytest.param([5], 90, 5, id="one"),
        pytest.param([4, 1, 3], 50, 3, id="the median of three"),
        pytest.param([4, 1, 3, 2], 50, 2, id="the lower median of four"),
        pytest.param(range(1, 101), 95, 95, id="the 95th of a hundred"),
        pytest.param([4, 1], 1, 1, id="the smallest"),
    ],
)
def test_quantiles(values: list[int], percent: int, expected: int | None) -> None:
    assert quantile(values, percent) == expected


def test_shares_are_compared_in_whole_clocks() -> None:
    assert Attainment(98, 2).reaches(98)
    assert not Attainment(9799, 201).reaches(98)
    assert Attainment().reaches(98)
    assert Attainment().share is None
    assert weighted({"phone": Attainment()}) is None
    assert weighted({"phone": Attainment(), "email": Attainment(1, 1)}) == 0.5
