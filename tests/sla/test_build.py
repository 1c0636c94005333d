"""Rules from the content of a file, and what the linter says about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncd.core.conditions import Condition, Conditions, Operator
from syncd.sla.build import BuildError, build, calendar, conditions
from syncd.sla.calendar import PublicHolidays
from syncd.sla.conditions import hold, is_always, problem
from syncd.sla.durations import parse_goal, parse_seconds
from syncd.sla.holder import NOBODY, Holder, HolderRule, Party, TeamBy, holder_of
from syncd.sla.lint import problems
from syncd.sla.policy import Goal, Unit, Warn
from syncd.sla.standing import BugStanding, Standing
from tests.sla.kit import at, rules

NOW = at("2026-03-02 09:00")


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        pytest.param("30m", Goal(1800, Unit.SECONDS, "c"), id="minutes"),
        pytest.param("4h", Goal(14400, Unit.SECONDS, "c"), id="hours"),
        pytest.param("1h 30m", Goal(5400, Unit.SECONDS, "c"), id="both"),
        pytest.param("90s", Goal(90, Unit.SECONDS, "c"), id="seconds"),
        pytest.param("1 business_day", Goal(1, Unit.BUSINESS_DAYS, "c"), id="one working day"),
        pytest.param("2 business_days", Goal(2, Unit.BUSINESS_DAYS, "c"), id="two"),
        pytest.param("5 Business days", Goal(5, Unit.BUSINESS_DAYS, "c"), id="as people write it"),
    ],
)
def test_targets_as_people_write_them(text: str, goal: Goal) -> None:
    assert parse_goal(text, "c") == goal
    assert str(goal).endswith("(c)")


@pytest.mark.parametrize(
    "text", ["", "4", "2d", "1 day", "1w", "h", "4 hours or so", "0m", "0 business_days", "-1h", "1.5h"]
)
def test_targets_that_mean_nothing_or_two_things(text: str) -> None:
    with pytest.raises(ValueError, match=r"span of time|working days"):
        parse_goal(text, "c")


def test_goals_are_told_shortly() -> None:
    assert [str(parse_goal(text, "office")) for text in ("90s", "24h", "2 business_days")] == [
        "1m30s (office)",
        "24h (office)",
        "2 business_days (office)",
    ]
    assert parse_seconds("1h30m") == 5400


@pytest.mark.parametrize(
    ("warn", "target", "used"),
    [
        pytest.param(Warn("yellow", percent=50), 7, 4, id="half of seven seconds, rounded up"),
        pytest.param(Warn("red", left=600), 3600, 3000, id="ten minutes before the end"),
        pytest.param(Warn("red", left=3600), 600, 0, id="an hour before the end of ten minutes: at once"),
    ],
)
def test_when_a_warning_comes(warn: Warn, target: int, used: int) -> None:
    assert warn.used(target) == used


# ---- conditions and holders --------------------------------------------------------------------------------------

BUG = BugStanding("1", "NOVA", "queued", 0, components=("Web UI", "API"), assignee="dev-1", status="10")
STANDING = Standing(
    {"status": "open", "priority": "high", "group": "L2", "field:77": "42"},
    frozenset({"vip", "beta"}),
    (BUG,),
    exists=True,
)


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        pytest.param(("status", "is", "open"), True, id="is"),
        pytest.param(("status", "is", "new", "open"), True, id="is any of"),
        pytest.param(("status", "is_not", "new", "open"), False, id="is none of"),
        pytest.param(("status", "less_than", "pending"), True, id="open comes before pending"),
        pytest.param(("priority", "greater_than", "normal"), True, id="high is more than normal"),
        pytest.param(("priority", "greater_than", "urgent"), False, id="but not than urgent"),
        pytest.param(("priority", "less_than", "soon"), False, id="what has no rank has no order"),
        pytest.param(("field:77", "greater_than", "9"), True, id="numbers compare as numbers"),
        pytest.param(("field:77", "greater_than", "many"), False, id="and with numbers only"),
        pytest.param(("field:78", "less_than", "9"), False, id="nothing is less than an empty field"),
        pytest.param(("tags", "includes", "x", "vip"), True, id="one of the tags"),
        pytest.param(("tags", "not_includes", "vip"), False, id="none of the tags"),
        pytest.param(("assignee", "not_present"), True, id="nobody is assigned"),
        pytest.param(("group", "present"), True, id="it has a group"),
        pytest.param(("bug.stage", "is", "queued"), True, id="the bug's stage"),
        pytest.param(("bug.component", "includes", "API"), True, id="one of its components"),
        pytest.param(("bug.project", "is", "OPS"), False, id="its project"),
        pytest.param(("tier", "is", "gold"), True, id="the customer's tier"),
    ],
)
def test_conditions(line: tuple[str, ...], holds: bool) -> None:
    field, operator, *values = line
    condition = Condition(field, Operator(operator), tuple(values) if len(values) > 1 else next(iter(values), None))
    assert problem(condition) is None
    assert hold(Conditions((condition,)), STANDING, "gold") is holds


def test_all_and_any() -> None:
    yes, no = Condition("status", value="open"), Condition("status", value="new")
    assert hold(Conditions(), STANDING)
    assert hold(Conditions((yes,), (no, yes)), STANDING)
    assert not hold(Conditions((yes, no)), STANDING)
    assert not hold(Conditions((yes,), (no,)), STANDING)
    assert not hold(Conditions((yes,), unknown=("Zendesk has no group L9.",)), STANDING)
    assert not hold(Conditions((Condition("bug.stage", Operator.PRESENT),)), replace(STANDING, bugs=()))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(Condition("state", value="open"), "There is no field state", id="no such field"),
        pytest.param(Condition("status"), "takes a value", id="nothing to compare with"),
        pytest.param(Condition("status", Operator.PRESENT, "open"), "takes no value", id="present of what"),
        pytest.param(Condition("tags", value="vip"), "includes or not_includes", id="a ticket has many tags"),
        pytest.param(Condition("bug.component", value="API"), "several bug.component", id="a bug has many components"),
        pytest.param(Condition("priority", Operator.LESS_THAN, ("high", "low")), "one value", id="less than several"),
    ],
)
def test_lines_that_mean_nothing(line: Condition, said: str) -> None:
    assert said in (problem(line) or "")


def test_names_of_components_may_have_blanks() -> None:
    both = Condition("bug.component", Operator.INCLUDES, ("Web UI",))
    assert hold(Conditions((both,)), STANDING)
    assert not hold(Conditions((replace(both, value="Web"),)), STANDING)


@pytest.mark.parametrize(
    ("rule", "holder"),
    [
        pytest.param(HolderRule(Party.DEVELOPMENT, team_by=TeamBy.PROJECT), "development NOVA", id="by project"),
        pytest.param(HolderRule(Party.DEVELOPMENT, team_by=TeamBy.COMPONENT), "development Web UI", id="by component"),
        pytest.param(HolderRule(Party.L2, team_by=TeamBy.GROUP), "L2 L2", id="by group"),
        pytest.param(
            HolderRule(Party.L2, team="Night", team_by=TeamBy.ASSIGNEE), "L2 Night", id="by nobody: the fixed name"
        ),
    ],
)
def test_teams(rule: HolderRule, holder: str) -> None:
    assert str(holder_of([rule], STANDING)) == holder


def test_teams_without_what_names_them() -> None:
    by_component = HolderRule(Party.DEVELOPMENT, team="?", team_by=TeamBy.COMPONENT)
    assert by_component.holder(replace(STANDING, bugs=(replace(BUG, components=()),))) == Holder(
        Party.DEVELOPMENT, "NOVA"
    )
    assert by_component.holder(replace(STANDING, bugs=())) == Holder(Party.DEVELOPMENT, "?")
    assert holder_of([HolderRule(Party.L1, Conditions((Condition("status", value="new"),)))], STANDING) == NOBODY


def test_the_least_advanced_bug_decides() -> None:
    ahead = replace(BUG, id="2", rank=2, stage="fixed")
    assert replace(STANDING, bugs=(ahead, BUG)).bug == BUG
    assert replace(STANDING, bugs=(BUG, replace(BUG, id="3"))).bug == BUG


# ---- building ----------------------------------------------------------------------------------------------------


def good() -> dict[str, Any]:
    return {
        "calendars": {"office": {"zone": "UTC", "week": {"mon-fri": ["09:00-17:00"]}}},
        "metrics": {"first_reply": {}},
        "policies": [
            {
                "name": "a",
                "targets": {"first_reply": {"goals": {"any": "4h"}, "calendar": "office", "pause_in": ["pending"]}},
            }
        ],
    }


def spoil(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        place: Any = data
        for step in way:
            place = place[step]
        place[last] = value

    return change


CONDITION = {"all": [{"field": "status", "operator": "is", "value": "open"}]}
FIRST = "policies/0/targets/first_reply"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            spoil("calendars/office/week/mon-fri", ["9-17"]), "calendars.office: 9 is no time of a day", id="time"
        ),
        pytest.param(
            spoil("calendars/office/week/mon-fri", ["09:60-17:00"]), "09:60 is no time of a day", id="minutes"
        ),
        pytest.param(spoil("calendars/office/week/mon-fri", ["0900"]), "0900 is no span of a day", id="span"),
        pytest.param(
            spoil("calendars/office/week", {"monday": ["09:00-17:00"]}), "monday is no day of the week", id="day"
        ),
        pytest.param(spoil("calendars/office/closed", ["2026-05-03/2026-05-01"]), "ends before it begins", id="range"),
        pytest.param(spoil("calendars/office", {"week": "always"}), "calendars.office: zone is missing", id="zone"),
        pytest.param(
            spoil("metrics/first_reply", {"kind": "speed"}), "metrics.first_reply: 'speed' is not a valid", id="kind"
        ),
        pytest.param(spoil(FIRST + "/goals/any", "2d"), "policies.0.targets.first_reply: 2d could mean", id="days"),
        pytest.param(spoil(FIRST, {"goals": {"any": "4h"}}), "calendar is missing", id="no calendar"),
        pytest.param(spoil("policies/0/targets/other", {}), "targets.other: there is no metric", id="metric"),
        pytest.param(spoil(FIRST + "/warn", {"red": "120%"}), "between 1% and 99%", id="share"),
        pytest.param(spoil("options", {"reopen": "never"}), "options: 'never' is not a valid", id="option"),
        pytest.param(spoil("holders", [{"party": "boss"}]), "holders.0: 'boss' is not a valid", id="party"),
        pytest.param(
            spoil("policies/0/when", {"all": [{"field": "mood", "operator": "is", "value": "bad"}]}),
            "no field mood",
            id="field",
        ),
        pytest.param(
            spoil("policies/0/when", {"all": [{"field": "tags", "operator": "like", "value": "x"}]}),
            "no operator like",
            id="operator",
        ),
        pytest.param(
            spoil("policies/0/when", {"all": [{"field": "tags", "operator": "is"}]}),
            "takes a value",
            id="value missing",
        ),
        pytest.param(
            spoil("policies/0/when", {"all": [{"field": "tags", "operator": "present", "value": "x"}]}),
            "takes no value",
            id="value too many",
        ),
    ],
)
def test_a_value_that_means_nothing_is_refused_with_its_path(
    change: Callable[[dict[str, Any]], None], says: str
) -> None:
    data = good()
    change(data)
    with pytest.raises(BuildError, match=says.replace(".", r"\.")):
        build(data)


def test_what_a_file_may_say() -> None:
    data = good()
    data["calendars"]["night"] = {
        "zone": "Asia/Shanghai",
        "week": {"sat-mon": "22:00-24:00"},
        "holidays": ["CN", "DE/BY"],
        "overrides": {"2026-05-01": "closed", "2026-05-02": ["10:00-11:30:30"]},
        "breaks": {"2026-05-02": ["10:30-10:45"]},
        "working_day_hours": "08:00-09:00",
        "working_days": ["2026-05-03"],
    }
    asked: list[tuple[str, str | None]] = []

    def holidays(country: str, subdivision: str | None) -> PublicHolidays:
        asked.append((country, subdivision))
        return PublicHolidays(published_until=2026 if country == "CN" else None)

    book = build(data, holidays)
    night = book.calendars["night"].at(0).calendar
    assert asked == [("CN", None), ("DE", "BY")]
    assert [len(hours) for hours in night.week] == [1, 0, 0, 0, 0, 1, 1], "Saturday to Monday"
    assert night.published_until == 2026
    assert calendar("x", {"zone": "UTC", "week": "always"}).week[0] == ((0, 86400),)
    assert is_always(conditions(None))
    assert problems(book, NOW) == ()


# ---- the linter --------------------------------------------------------------------------------------------------


def with_policies(*policies: dict[str, Any]) -> dict[str, Any]:
    data = good()
    data["policies"] = [{**data["policies"][0], **policy} for policy in policies]
    return data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(good(), [], id="nothing is wrong"),
        pytest.param(
            {**good(), "calendars": {"office": {"zone": "Asia/Peking", "week": "always"}}},
            ["Calendar office: there is no time zone Asia/Peking; write an IANA name like Asia/Shanghai."],
            id="an unknown zone",
        ),
        pytest.param(
            {**good(), "calendars": {"office": {"zone": "UTC", "week": {}}}},
            ["Calendar office: no day of the week has working hours."],
            id="an empty week",
        ),
        pytest.param(
            {**good(), "calendars": {"office": {"zone": "UTC", "week": {"mon": ["09:00-12:00", "11:00-17:00"]}}}},
            ["Calendar office, mon: 09:00-12:00 and 11:00-17:00 overlap; join them."],
            id="hours that overlap",
        ),
        pytest.param(
            {**good(), "calendars": {"office": {"zone": "UTC", "week": {"mon": ["22:00-06:00"]}}}},
            ["Calendar office, mon: 22:00-06:00 does not end after it begins; split it at midnight."],
            id="hours over midnight",
        ),
        pytest.param(
            with_policies({"name": "a"}, {"name": "b", "when": CONDITION}),
            ["Policy b is never reached: a before it fits every ticket."],
            id="a policy behind one for every ticket",
        ),
        pytest.param(
            with_policies({"name": "a", "when": CONDITION}, {"name": "b", "when": CONDITION}),
            ["Policy b is never reached: a before it has the same conditions."],
            id="a policy behind its twin",
        ),
        pytest.param(
            with_policies(
                {
                    "name": "a",
                    "when": {"all": [*CONDITION["all"], {"field": "status", "operator": "is", "value": "new"}]},
                }
            ),
            ["Policy a fits no ticket: two of its conditions exclude each other."],
            id="conditions that exclude each other",
        ),
        pytest.param(
            with_policies(
                {"targets": {"first_reply": {"goals": {"any": "4h"}, "calendar": "office", "pause_in": ["solved"]}}}
            ),
            ["Policy a, first_reply: status solved ends the clock and cannot pause it too."],
            id="a status that ends and pauses",
        ),
        pytest.param(
            with_policies({"targets": {"first_reply": {"goals": {"any": "4h"}, "calendar": "lab"}}}),
            ["Policy a, first_reply, any: there is no calendar lab."],
            id="a calendar that is not there",
        ),
        pytest.param(
            {**good(), "metrics": {"first_reply": {"calendar": "lab"}, "queue": {"kind": "bug_stage"}}},
            ["Metric first_reply: there is no calendar lab.", "Metric queue names no stages."],
            id="metrics",
        ),
    ],
)
def test_the_linter(data: dict[str, Any], says: list[str]) -> None:
    assert list(problems(build(data), NOW)) == says


def test_a_target_beyond_the_announced_holidays_is_refused() -> None:
    data = good()
    data["calendars"]["office"]["holidays"] = "CN"
    data["policies"][0]["targets"]["first_reply"]["goals"]["any"] = "300 business_days"
    book = build(data, lambda _country, _subdivision: PublicHolidays(published_until=2026))
    assert [said.split(":")[0] for said in problems(book, NOW)] == ["Policy a, first_reply, any"]


def test_a_book_needs_no_priority_levels() -> None:
    assert rules({"first_reply": "4h"}).versions[0].policies[0].targets["first_reply"].goal(None) is not None
