"""From clocks to facts, and who acknowledged: the small decisions of the pipeline, as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncd.alerts.acks import acknowledged, merged
from syncd.alerts.case import Case
from syncd.alerts.noticing import Limits, notice, notice_rules, why_silent
from syncd.alerts.routing import chain_and_group, route_of
from syncd.alerts.settings import AckWays, Route
from syncd.core.alert_model import Ack, AlertFact, AlertKey, FactState, RuleFact
from syncd.core.conditions import Condition, Conditions
from syncd.core.model import Actor, ActorKind
from syncd.sla.events import in_order
from syncd.sla.standing import moments
from syncd.sla.thresholds import facts
from tests.alerts.stage import BOSS, DAY, FALLBACK, LEAD, FakeKeeper, WallClock, book, chain, seconds, settings
from tests.sla.kit import ANN, BOB, CUSTOMER, TRIGGER, US, Told

KEY = AlertKey(1, "resolution", "", 1, "breach")
ROBOT = Actor(ActorKind.ROBOT, "77", "Deploy Bot")


def case(told: Told, when: str, *, complete: bool = True) -> Case:
    """A ticket with a promise of one hour, as of a time of the day."""
    clock = WallClock(seconds(when))
    keeper = FakeKeeper(clock, book())
    keeper.lives[1] = told
    if not complete:
        keeper.incomplete.add(1)
    (folded,) = keeper.turn()
    return Case(folded, keeper.life_of(1))


def life(**values: Any) -> Told:
    return Told().created(f"{DAY} 09:00", **values)


def fact(threshold: str, state: FactState = FactState.FIRING, at: str = "10:00:01", **more: int) -> AlertFact:
    key = replace(KEY, threshold=threshold)
    return AlertFact(key, seconds(at), seconds(at), state, **more)  # type: ignore[arg-type]  # fields of the record


@pytest.mark.parametrize(
    ("when", "known", "new"),
    [
        pytest.param("09:29", [], [], id="nothing was passed"),
        pytest.param("09:30", [], ["yellow"], id="yellow"),
        pytest.param("09:50", [], ["red"], id="red, and yellow needs no word of its own"),
        pytest.param("09:50", [fact("yellow")], ["red"], id="red after yellow was told"),
        pytest.param("10:01", [], ["breach"], id="only the furthest"),
        pytest.param("10:01", [fact("breach")], [], id="what is known is not new"),
        pytest.param("10:01", [fact("red")], ["breach"], id="a breach after its warning"),
        pytest.param("10:01", [fact("breach", FactState.OVER)], [], id="what is over is known"),
        pytest.param("10:01", [fact("breach", FactState.WITHDRAWN)], ["breach"], id="what was taken back comes true"),
    ],
)
def test_what_is_new(when: str, known: list[AlertFact], new: list[str]) -> None:
    noticed = notice(case(life(), when), {each.key: each for each in known}, Limits(), seconds(when))
    assert [each.key.threshold for each in noticed.new] == new


@pytest.mark.parametrize(
    ("story", "when", "known", "state"),
    [
        pytest.param(lambda t: t, "10:05", fact("breach"), None, id="it still fires"),
        pytest.param(
            lambda t: t.change(f"{DAY} 10:04", ANN, status="solved"), "10:05", fact("breach"), FactState.OVER, id="met"
        ),
        pytest.param(lambda t: t.merged(f"{DAY} 10:04"), "10:05", fact("breach"), FactState.OVER, id="merged away"),
        pytest.param(
            lambda t: t.change(f"{DAY} 09:58", ANN, status="solved"),
            "10:05",
            fact("breach"),
            FactState.WITHDRAWN,
            id="by what is known now it never was",
        ),
        pytest.param(
            lambda t: t.change(f"{DAY} 09:20", ANN, status="solved"),
            "10:05",
            fact("yellow", at="09:30"),
            FactState.OVER,
            id="a warning that never was is simply over",
        ),
        pytest.param(
            lambda t: t.change(f"{DAY} 10:04", ANN, status="solved").change(f"{DAY} 10:30", ANN, status="open"),
            "10:31",
            fact("breach", FactState.OVER, over_at=seconds("10:04")),
            FactState.FIRING,
            id="reopened",
        ),
        pytest.param(lambda t: t, "09:10", fact("breach"), None, id="the wall clock was set back"),
    ],
)
def test_what_becomes_of_a_known_fact(
    story: Callable[[Told], Told], when: str, known: AlertFact, state: FactState | None
) -> None:
    noticed = notice(case(story(life()), when), {known.key: known}, Limits(), seconds(when))
    assert [each.state for each in noticed.changed] == ([] if state is None else [state])


@pytest.mark.parametrize(
    ("limits", "complete", "held", "why"),
    [
        pytest.param(Limits(), True, False, None, id="about to be told"),
        pytest.param(Limits(seconds("10:30")), True, False, "before alerts were turned on", id="history"),
        pytest.param(
            Limits(attached=frozenset({seconds("10:00:01")})), True, False, "configuration changed", id="a new policy"
        ),
        pytest.param(Limits(), False, False, "not read completely", id="an incomplete history"),
    ],
)
def test_why_a_breach_is_not_told(limits: Limits, complete: bool, held: bool, why: str | None) -> None:
    seen = case(life(), "10:45", complete=complete)
    noticed = notice(seen, {}, limits, seconds("10:45"), held=held)
    assert bool(noticed.new) is (why is None)
    breach = facts(seen.told.clocks)[-1]
    said = why_silent(seen, breach, {}, limits)
    assert said is None if why is None else said is not None and why in said


def test_what_is_held_is_neither_told_nor_taken_back() -> None:
    known = {KEY: fact("breach")}
    solved = life().change(f"{DAY} 09:58", ANN, status="solved")
    assert notice(case(solved, "10:05"), known, Limits(), seconds("10:05"), held=True).changed == ()
    assert notice(case(life(), "10:05"), {}, Limits(), seconds("10:05"), held=True).new == ()


def test_rules_are_heard_once() -> None:
    stated = RuleFact(1, "Reopened", "1", "level-2", (LEAD,), seconds("09:00"), "because")
    (new,) = notice_rules([stated, stated], {}, seconds("09:01"))
    assert (new.key.metric, new.level, new.receivers) == ("rule:Reopened", 2, (LEAD,))
    assert notice_rules([stated], {new.key: new}, seconds("09:02")) == ()


AFTER = seconds("10:00")


@pytest.mark.parametrize(
    ("story", "how"),
    [
        pytest.param(lambda t: t.says(f"{DAY} 10:05", ANN), "reply", id="a public reply of an agent"),
        pytest.param(lambda t: t.says(f"{DAY} 10:05", ANN, public=False), None, id="a note without the marker"),
        pytest.param(
            lambda t: t.says(f"{DAY} 10:05", ANN, public=False, markers=("#ack",)), "note", id="a note with the marker"
        ),
        pytest.param(
            lambda t: t.says(f"{DAY} 10:05", CUSTOMER, markers=("#ack",)), None, id="a customer acknowledges nothing"
        ),
        pytest.param(lambda t: t.says(f"{DAY} 10:05", TRIGGER), None, id="a trigger acknowledges nothing"),
        pytest.param(lambda t: t.says(f"{DAY} 10:05", ROBOT), None, id="a robot acknowledges nothing"),
        pytest.param(lambda t: t.says(f"{DAY} 10:05", US), None, id="neither do we"),
        pytest.param(lambda t: t.change(f"{DAY} 10:05", ANN, assignee=BOB.id), "assignment", id="by an agent"),
        pytest.param(lambda t: t.change(f"{DAY} 10:05", TRIGGER, assignee=BOB.id), None, id="by a trigger"),
        pytest.param(lambda t: t.change(f"{DAY} 10:05", ANN, assignee=None), None, id="taking the assignee off"),
        pytest.param(lambda t: t.change(f"{DAY} 10:05", ANN, tags="a sla_ack"), "tag", id="the tag"),
        pytest.param(lambda t: t.change(f"{DAY} 10:05", ANN, tags="a b"), None, id="another tag"),
        pytest.param(lambda t: t.change(f"{DAY} 10:05", ANN, priority="high"), None, id="another priority"),
        pytest.param(lambda t: t.says(f"{DAY} 09:55", ANN), None, id="a reply before"),
    ],
)
def test_what_acknowledges(story: Callable[[Told], Told], how: str | None) -> None:
    told = story(life())
    ack = acknowledged(moments(in_order(told.events)), 1, AFTER, AckWays(holds=3600))
    assert (None if ack is None else ack.how) == how
    if ack is not None:
        assert (ack.by, ack.until - ack.at) == ("Ann", 3600)


def test_ways_that_are_turned_off_acknowledge_nothing() -> None:
    ways = AckWays(reply=False, assignment=False, tag="", note="")
    told = life().says(f"{DAY} 10:05", ANN, markers=("",)).change(f"{DAY} 10:06", ANN, assignee=BOB.id, tags="")
    assert acknowledged(moments(in_order(told.events)), 1, AFTER, ways) is None


def test_of_two_acknowledgements_the_longer_one_holds() -> None:
    short, long = Ack(1, 0, 10, "Ann", "reply"), Ack(1, 0, 20, "Bob", "tag")
    assert merged((short,), long) == (long,)
    assert merged((long,), short) == (long,)
    assert merged((long,), None) == (long,)


ROUTES = (
    Route("urgent", chain(BOSS), when=Conditions(all=(Condition("priority", value="urgent"),))),
    Route("warnings", chain(LEAD), severity=frozenset({"warning"}), group_by=("ticket",)),
    Route("replies", chain(BOSS), metrics=frozenset({"first_reply"})),
    Route("development", chain(BOSS), holders=frozenset({"development"})),
    Route("vip", chain(BOSS), tiers=frozenset({"vip"}), group_by=("tier", "priority")),
)


@pytest.mark.parametrize(
    ("values", "threshold", "tier", "route"),
    [
        pytest.param({"priority": "urgent"}, "breach", None, "urgent", id="by a condition"),
        pytest.param({}, "yellow", None, "warnings", id="by severity: yellow is a warning"),
        pytest.param({}, "red", None, "warnings", id="by severity: red too"),
        pytest.param({}, "breach+3600", "vip", "vip", id="by the customer's tier"),
        pytest.param({}, "breach", None, None, id="none fits: the fallback hears of it"),
    ],
)
def test_the_first_route_that_fits(values: dict[str, str], threshold: str, tier: str | None, route: str | None) -> None:
    seen = replace(case(life(**values), "10:05"), tier=tier)
    key = replace(KEY, threshold=threshold)
    found = route_of(ROUTES, seen, key)
    assert (None if found is None else found.name) == route
    told, group = chain_and_group(settings(*ROUTES, fallback_chain=chain(FALLBACK)), seen, key)
    assert (told.receivers == (FALLBACK,)) is (route is None)
    assert group.startswith(f"{route or 'fallback'}|")


GROUPS = {
    "a ticket without a bug and a problem is a group of its own": ({}, "", "ticket 1", "ticket 1"),
    "an incident goes with its problem": ({"problem_id": 7}, "", "problem 7", "problem 7"),
    "a problem is what its incidents go with": ({"type": "problem"}, "", "problem 1", "problem 1"),
    "an incident goes with the bug of its problem": ({"problem_id": 7}, "NOVA-1", "NOVA-1", "problem 7"),
}


@pytest.mark.parametrize(("values", "problems_bug", "by_bug", "by_problem"), GROUPS.values(), ids=list(GROUPS))
def test_what_is_told_together(values: dict[str, Any], problems_bug: str, by_bug: str, by_problem: str) -> None:
    seen = case(life(), "10:05")
    seen = replace(seen, told=replace(seen.told, ticket=replace(seen.told.ticket, **values)), problems_bug=problems_bug)
    assert chain_and_group(settings(Route("all", chain(LEAD))), seen, KEY)[1] == f"all|bug={by_bug}"
    route = Route("all", chain(LEAD), group_by=("problem",))
    assert chain_and_group(settings(route), seen, KEY)[1] == f"all|problem={by_problem}"
