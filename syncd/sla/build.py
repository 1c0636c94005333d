"""The rules of a configuration from its content: plain maps, lists and texts, as a YAML file gives them.

The shape is what the profiles under mappings/profiles/ show. The structure is taken for granted here (the models of the
configuration check it); what a value means is not, and a value that means nothing raises BuildError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

from syncd.core.conditions import Condition, Conditions, Operator
from syncd.sla.business_time import BusinessTime, Timetable
from syncd.sla.calendar import Calendar, PublicHolidays
from syncd.sla.conditions import ALWAYS, problem
from syncd.sla.durations import parse_goal, parse_seconds
from syncd.sla.holder import BUG_HOLDERS, HolderRule, Party, TeamBy
from syncd.sla.hours import parse_date, parse_dates, parse_hours, parse_week
from syncd.sla.policy import (
    WARNINGS,
    Book,
    Counts,
    First,
    FollowUp,
    Goal,
    Kind,
    Merge,
    Metric,
    Options,
    Pause,
    Policy,
    PriorityChange,
    Reopen,
    Rules,
    Target,
    Warn,
)

Data: TypeAlias = Mapping[str, Any]
Holidays: TypeAlias = Callable[[str, str | None], PublicHolidays]
"""(country, subdivision or None) -> what is announced there."""


Path: TypeAlias = tuple[str | int, ...]


class BuildError(ValueError):
    """A value that means nothing; the text begins with its path."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(f"{'.'.join(map(str, path))}: {said}")
        self.path = path
        self.said = said


def no_holidays(_country: str, _subdivision: str | None) -> PublicHolidays:
    """For configurations that name no country."""
    return PublicHolidays()


def build(data: Data, holidays: Holidays = no_holidays, *, valid_from: int = 0, name: str = "") -> Book:
    """A book with one version. Raises BuildError."""
    calendars = {
        key: Timetable(key, ((valid_from, BusinessTime(calendar(key, value, holidays))),))
        for key, value in data["calendars"].items()
    }
    return Book((rules(data, valid_from=valid_from, name=name),), calendars)


def rules(data: Data, *, valid_from: int = 0, name: str = "") -> Rules:
    """Everything but the calendars. Raises BuildError."""
    options = data.get("options", {})
    return Rules(
        valid_from=valid_from,
        metrics={key: _at(("metrics", key), _metric, key, value or {}) for key, value in data["metrics"].items()},
        policies=tuple(
            _at(("policies", place), _policy, value, data["metrics"]) for place, value in enumerate(data["policies"])
        ),
        holders=tuple(_at(("holders", place), _holder, row) for place, row in enumerate(data.get("holders", ()))),
        bug_holders=tuple(
            _at(("bug_holders", place), _holder, row) for place, row in enumerate(data.get("bug_holders", ()))
        )
        or BUG_HOLDERS,
        tiers=tuple(_at(("tiers", place), _tier, row) for place, row in enumerate(data.get("tiers", ()))),
        options=_at(("options",), _options, options),
        name=name,
    )


def _at(path: Path, make: Callable[..., Any], *arguments: object) -> Any:
    """The result, with the path before the sentence of what went wrong."""
    try:
        return make(*arguments)
    except BuildError as error:
        raise BuildError((*path, *error.path), error.said) from None
    except (KeyError, ValueError) as error:
        said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise BuildError(path, said) from None


# ---- calendars ---------------------------------------------------------------------------------------------------


def calendar(name: str, data: Data, holidays: Holidays = no_holidays) -> Calendar:
    """One calendar. Raises BuildError."""
    made: Calendar = _at(("calendars", name), _calendar, name, data, holidays)
    return made


def _calendar(name: str, data: Data, holidays: Holidays) -> Calendar:
    wanted = data.get("holidays") or ()
    closed: set[date] = set()
    makeup = {parse_date(day) for day in data.get("working_days", ())}
    published: list[int] = []
    for entry in [wanted] if isinstance(wanted, str) else wanted:
        country, _, subdivision = str(entry).partition("/")
        announced = holidays(country, subdivision or None)
        closed |= announced.closed
        makeup |= announced.makeup
        if announced.published_until is not None:
            published.append(announced.published_until)
    return Calendar(
        name,
        data["zone"],
        parse_week(data["week"]),
        overrides={parse_date(day): parse_hours(hours) for day, hours in (data.get("overrides") or {}).items()},
        breaks={parse_date(day): parse_hours(hours) for day, hours in (data.get("breaks") or {}).items()},
        holidays=frozenset(closed.union(*(parse_dates(entry) for entry in data.get("closed", ())))),
        makeup=frozenset(makeup),
        makeup_hours=parse_hours(data.get("working_day_hours", "closed")),
        published_until=data.get("announced_until", min(published, default=None)),
    )


# ---- conditions, tiers, holders ----------------------------------------------------------------------------------


def conditions(data: Data | None) -> Conditions:
    """`{all: [...], any: [...]}`; nothing fits every ticket. Raises ValueError."""
    if not data:
        return ALWAYS
    return Conditions(
        tuple(_condition(line) for line in data.get("all", ())), tuple(_condition(line) for line in data.get("any", ()))
    )


def _condition(data: Data) -> Condition:
    value = data.get("value")
    listed = tuple(str(item) for item in value) if isinstance(value, list | tuple) else None
    text = listed if listed is not None else None if value is None else str(value)
    condition = Condition(str(data["field"]), _operator(data.get("operator", "is")), text)
    said = problem(condition)
    if said:
        raise ValueError(said)
    return condition


def _operator(text: object) -> Operator:
    try:
        return Operator(str(text))
    except ValueError:
        raise ValueError(f"There is no operator {text}; there are {', '.join(sorted(Operator))}.") from None


def _tier(data: Data) -> tuple[Conditions, str]:
    return conditions(data.get("when")), str(data["tier"])


def _holder(data: Data) -> HolderRule:
    return HolderRule(
        Party(data["party"]), conditions(data.get("when")), str(data.get("team", "")), TeamBy(data.get("team_by", ""))
    )


# ---- metrics and policies ----------------------------------------------------------------------------------------

_DEFAULT: Final = Options()


def _options(data: Data) -> Options:
    return Options(
        Reopen(data.get("reopen", _DEFAULT.reopen)),
        Merge(data.get("merge", _DEFAULT.merge)),
        PriorityChange(data.get("priority_change", _DEFAULT.priority_change)),
        FollowUp(data.get("follow_up", _DEFAULT.follow_up)),
    )


def _metric(name: str, data: Data) -> Metric:
    met_by = data.get("met_by") or {}
    return Metric(
        name,
        Kind(data.get("kind", name)),
        counts=Counts(data.get("counts", Counts.PUBLIC)),
        by_assignee=bool(data.get("by_assignee", False)),
        first=First(data.get("first", First.REPLY)),
        starts_when=conditions(data.get("starts_when")),
        met_when=_met_when(met_by),
        markers=frozenset(str(marker) for marker in met_by.get("notes", ())),
        solved_meets=bool(met_by.get("solved", True)),
        stages=frozenset(data.get("stages", ())),
        calendar=data.get("calendar"),
    )


def _met_when(data: Data) -> Conditions | None:
    lines = [Condition("tags", Operator.INCLUDES, tuple(str(tag) for tag in data["tags"]))] if data.get("tags") else []
    lines += [_condition(line) for line in data.get("fields", ())]
    return Conditions(any=tuple(lines)) if lines else None


def _policy(data: Data, metrics: Data) -> Policy:
    targets = {}
    for metric, value in data["targets"].items():
        if metric not in metrics:
            raise BuildError(("targets", metric), "there is no metric of that name.")
        targets[metric] = _at(("targets", metric), _target, metric, {**data.get("defaults", {}), **value})
    return Policy(str(data["name"]), targets, conditions(data.get("when")), str(data.get("level", "priority")))


def _target(metric: str, data: Data) -> Target:
    statuses = tuple(str(status) for status in data.get("pause_in", ()))
    pauses = [Pause(f"status {status}", Conditions((Condition("status", Operator.IS, status),))) for status in statuses]
    pauses += [Pause(str(row["reason"]), conditions(row["when"])) for row in data.get("pause_when", ())]
    warnings = tuple(_warn(color, value) for color, value in data["warn"].items()) if "warn" in data else WARNINGS
    return Target(
        metric,
        {str(level): _goal(value, data.get("calendar")) for level, value in data["goals"].items()},
        tuple(pauses),
        warnings,
        tuple(parse_seconds(level) for level in data.get("levels", ())),
    )


def _goal(value: Any, calendar: str | None) -> Goal:
    if isinstance(value, Mapping):
        calendar = value.get("calendar", calendar)
        value = value["within"]
    if calendar is None:
        raise KeyError("calendar")
    return parse_goal(str(value), str(calendar))


def _warn(color: str, value: Any) -> Warn:
    text = str(value).strip()
    if text.endswith("%"):
        percent = int(text[:-1])
        if not 0 < percent < 100:
            raise ValueError(f"warn.{color}: a share lies between 1% and 99%.")
        return Warn(color, percent=percent)
    return Warn(color, left=parse_seconds(text))
