"""What the linter says of escalation rules, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.config.escalation_models import Escalation
from syncd.config.escalation_rules import Surroundings, problems

AROUND = Surroundings(
    metrics=("first_reply", "resolution"),
    calendars=("office",),
    receivers=("lead", "boss"),
    creating=("engineering",),
    has_clocks=True,
)
TELL: list[Any] = [{"notify": ["lead"]}]


def line(field: str, operator: str = "is", value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, **({} if value is None else {"value": value})}


def rule(name: str = "r", *every: dict[str, Any], then: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "when": {"all": list(every) or [line("tags", "present")]}, "then": then or TELL, **more}


def said(*rules: dict[str, Any], around: Surroundings = AROUND) -> list[str]:
    escalation = Escalation.model_validate({"rules": rules})
    return [f"{'.'.join(map(str, path))}: {text}" for path, text in problems(escalation, around)]


GOOD = {
    "a rule about a count": rule("r", line("reopened", "greater_than", 0)),
    "a rule about a clock": rule("r", line("clock.first_reply", "is", "breached")),
    "a range": rule("r", line("reopened", "greater_than", 1), line("reopened", "less_than", 9)),
    "two tags at once": rule("r", line("tags", "includes", "a"), line("tags", "includes", "b")),
    "a status that is one of several": rule(
        "r", line("status", "is", ["open", "new"]), line("status", "is_not", "new")
    ),
    "solved tickets by intention": rule("r", line("status", "is", "solved"), solved_too=True),
    "a calendar": rule(during="office"),
    "levels in order": rule(levels=[{"after": "30m", "then": TELL}, {"after": "1h", "then": TELL}]),
    "a bug for a route that makes some": rule(then=[{"create_bug": "engineering"}]),
    "a tag that the rule itself asks for": rule("r", line("tags", "includes", "a"), then=[{"add_tags": ["a"]}]),
}


@pytest.mark.parametrize("written", GOOD.values(), ids=list(GOOD))
def test_nothing_is_said_about(written: dict[str, Any]) -> None:
    assert said(written) == []


BAD = {
    "a receiver that nobody is": (
        rule(then=[{"notify": ["leed"]}]),
        'escalation.rules.0.then.0.notify: There is no receiver leed under receivers. Did you mean "lead"?',
    ),
    "a metric that is not measured": (
        rule("r", line("clock.first_replay", "is", "breached")),
        (
            "escalation.rules.0.when.all.0.field: There is no metric first_replay under sla.metrics. "
            'Did you mean "first_reply"?'
        ),
    ),
    "a calendar that is not there": (
        rule(during="night"),
        "escalation.rules.0.during: There is no calendar night under sla.calendars. There are office.",
    ),
    "a bug for a route that makes none": (
        rule(then=[{"create_bug": "operations"}]),
        (
            "escalation.rules.0.then.0.create_bug: There is no route with create.act_tag called operations under "
            "routes. There are engineering."
        ),
    ),
    "two values at once": (
        rule("r", line("priority", "is", "high"), line("priority", "is", "low")),
        (
            "escalation.rules.0.when.all.1: No ticket can fulfil this together with the line above about priority: "
            "the rule never holds."
        ),
    ),
    "a value and its absence": (
        rule("r", line("assignee", "is", "7"), line("assignee", "not_present")),
        (
            "escalation.rules.0.when.all.1: No ticket can fulfil this together with the line above about assignee: "
            "the rule never holds."
        ),
    ),
    "a range that holds no number": (
        rule("r", line("reopened", "greater_than", 3), line("reopened", "less_than", 4)),
        (
            "escalation.rules.0.when.all.1: No ticket can fulfil this together with the line above about reopened: "
            "the rule never holds."
        ),
    ),
    "solved tickets by accident": (
        rule("r", line("status", "is", "solved")),
        (
            "escalation.rules.0.solved_too: The rule asks for solved tickets, which it is kept from: "
            "write solved_too: true."
        ),
    ),
    "levels out of order": (
        rule(levels=[{"after": "1h", "then": TELL}, {"after": "30m", "then": TELL}]),
        "escalation.rules.0.levels.1.after: Each level comes after the one above: write a longer span.",
    ),
    "a count of kinds that nobody names": (
        rule("r", line("same_kind", "greater_than", 4)),
        (
            "escalation.rules.0.when.all.0.field: same_kind is never known: name the ticket field of the kind under "
            "escalation.kind_field."
        ),
    ),
    "a priority that nothing expects": (
        rule("r", line("priority_disagrees", "is", True)),
        (
            "escalation.rules.0.when.all.0.field: priority_disagrees is never known: say under escalation.priorities "
            "what the priority should be."
        ),
    ),
    "an episode that begins another one": (
        rule("r", line("hand_offs", "greater_than", 0), then=[{"assign_group": "L2"}], per="hand_offs"),
        ("escalation.rules.0.per: What the rule does changes hand_offs, so each time it acts a new episode begins."),
    ),
}


@pytest.mark.parametrize(("written", "sentence"), BAD.values(), ids=list(BAD))
def test_it_is_refused(written: dict[str, Any], sentence: str) -> None:
    assert said(written) == [sentence]


def test_rules_that_trigger_one_another_are_refused_with_the_whole_circle() -> None:
    there = rule("to L2", line("group", "is", "L1"), then=[{"assign_group": "L2"}])
    back = rule("to L1", line("group", "is", "L2"), then=[{"assign_group": "L1"}])
    assert said(there, back) == [
        "escalation.rules.0: These rules trigger one another in a circle: to L2 → to L1 → to L2."
    ]


def test_a_circle_of_three_through_different_fields_is_found() -> None:
    one = rule("a", line("tags", "includes", "x"), then=[{"raise_priority": "urgent"}])
    two = rule("b", line("priority", "is", "urgent"), then=[{"assign_group": "L2"}])
    three = rule("c", line("group", "is", "L2"), then=[{"add_tags": ["x"]}])
    assert said(one, two, three) == ["escalation.rules.0: These rules trigger one another in a circle: a → b → c → a."]


def test_a_chain_that_ends_is_no_circle() -> None:
    one = rule("a", line("tags", "includes", "x"), then=[{"raise_priority": "urgent"}])
    two = rule("b", line("priority", "is", "urgent"), then=[{"assign_group": "L2"}])
    assert said(one, two) == []


def test_rules_without_clocks_have_no_history_to_go_by() -> None:
    bare = Surroundings((), (), (), (), has_clocks=False)
    assert said(rule(), around=bare) == [
        "escalation: Rules need the history of tickets: add sla:, if only with a calendar and one metric."
    ]
