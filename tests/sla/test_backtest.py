"""The same history under two sets of rules: what would have been breached, and who had the ball."""

from __future__ import annotations

from syncd.sla.backtest import Backtest, Judged
from syncd.sla.clock import clocks
from syncd.sla.holder import Holder, Party
from syncd.sla.policy import Book
from syncd.sla.states import judge
from tests.sla.kit import ANN, Told, at, rules

HOLDERS = [
    {"party": "L2", "when": {"all": [{"field": "group", "operator": "is", "value": "2"}]}},
    {"party": "L1"},
]
SINCE, UNTIL = at("2026-03-02 00:00"), at("2026-03-31 00:00")


def book(goal: str, metric: str = "first_reply") -> Book:
    return rules({metric: {"goals": {"any": goal}, "calendar": "always"}}, holders=HOLDERS)


def judged(told: Told, ticket: int, under: Book) -> list[Judged]:
    return [(clock, judge(clock)) for clock in clocks(ticket, told.events, under, UNTIL)]


def slow() -> Told:
    """Three hours with L1, two with L2, then an answer."""
    told = Told().created("2026-03-03 09:00", group="1").change("2026-03-03 12:00", ANN, group="2")
    return told.says("2026-03-03 14:00")


def quick() -> Told:
    return Told().created("2026-03-04 09:00", group="1").says("2026-03-04 09:30")


def test_what_only_the_new_rules_call_breached_is_counted_named_and_split_by_holder() -> None:
    test = Backtest(SINCE, UNTIL)
    for number, told in enumerate((slow(), quick()), 1):
        test.take(judged(told, number, book("8h")), judged(told, number, book("4h")))
    before, after = test.before["first_reply"], test.after["first_reply"]
    assert (before.met, before.breached, after.met, after.breached) == (2, 0, 1, 1)
    assert (test.tickets, test.newly, test.no_more) == (2, 1, 0)
    (change,) = test.changes
    assert (change.key, change.breached_before) == ((1, "first_reply", "", 1), None)
    assert change.breached_after == at("2026-03-03 13:00")
    assert change.split == {Holder(Party.L1): 3 * 3600, Holder(Party.L2): 2 * 3600}
    assert after.held == change.split
    assert after.over == 3600


def test_what_the_new_rules_no_longer_call_breached() -> None:
    test = Backtest(SINCE, UNTIL)
    test.take(judged(slow(), 1, book("4h")), judged(slow(), 1, book("8h")))
    assert (test.newly, test.no_more, test.changes[0].breached_after) == (0, 1, None)
    assert test.changes[0].split == {Holder(Party.L1): 3 * 3600, Holder(Party.L2): 2 * 3600}


def test_a_clock_counts_in_the_period_in_which_it_was_decided() -> None:
    test = Backtest(at("2026-03-04 00:00"), UNTIL)
    test.take(judged(slow(), 1, book("8h")), judged(slow(), 1, book("8h")))
    assert test.after == {}, "it was met a day before"
    test.take([], judged(Told().created("2026-03-03 23:00"), 2, book("4h")))
    assert test.after["first_reply"].breached == 1, "it was due on the 4th and runs still"


def test_a_metric_that_only_one_side_has() -> None:
    test = Backtest(SINCE, UNTIL)
    solved = Told().created("2026-03-03 09:00").change("2026-03-03 14:00", status="solved")
    test.take([], judged(solved, 1, book("1h", "resolution")))
    assert (test.before, test.after["resolution"].breached, test.newly) == ({}, 1, 1)
