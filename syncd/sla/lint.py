"""What is wrong with rules although each value by itself is fine. Every sentence names the place and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfoNotFoundError

from syncd.core.conditions import Condition, Conditions, Operator
from syncd.sla.business_time import Timetable
from syncd.sla.calendar import DAY, WEEKDAYS, Calendar, Span
from syncd.sla.conditions import is_always
from syncd.sla.policy import Book, Goal, Kind, Policy, Rules, Unit

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, with its place in the data that the rules were built from."""

    path: Path
    sentence: str


def problems(book: Book, now: int) -> tuple[str, ...]:
    """Sentences about what must be mended before the rules can be used; none when nothing must."""
    return tuple(dict.fromkeys(finding.sentence for finding in findings(book, now)))


def findings(book: Book, now: int | None) -> tuple[Finding, ...]:
    """The same with their places. Without `now` the calendars are not asked when a target would be due."""
    found: list[Finding] = []
    for name, timetable in book.calendars.items():
        for _, time in timetable.versions:
            found.extend(Finding(("calendars", name), said) for said in calendar_problems(time.calendar))
    if not found:
        for rules in book.versions:
            found.extend(_rule_problems(rules, book, now))
    return tuple(dict.fromkeys(found))


def calendar_problems(calendar: Calendar) -> Iterator[str]:
    """What makes a calendar useless or ambiguous."""
    try:
        _ = calendar.tz
    except (ZoneInfoNotFoundError, ValueError):
        yield f"Calendar {calendar.name}: there is no time zone {calendar.zone}; write an IANA name like Asia/Shanghai."
        return
    if not any(calendar.week):
        yield f"Calendar {calendar.name}: no day of the week has working hours."
    days = list(zip(WEEKDAYS, calendar.week, strict=True))
    days += [(day.isoformat(), spans) for day, spans in sorted(calendar.overrides.items())]
    days += [(f"the break of {day}", spans) for day, spans in sorted(calendar.breaks.items())]
    for where, spans in [*days, ("working_day_hours", calendar.makeup_hours)]:
        yield from (f"Calendar {calendar.name}, {where}: {said}" for said in _span_problems(spans))


def _span_problems(spans: tuple[Span, ...]) -> Iterator[str]:
    for start, end in spans:
        if not 0 <= start < end <= DAY:
            yield f"{_time(start)}-{_time(end)} does not end after it begins; split it at midnight."
    ordered = sorted(spans)
    for (start, end), (later, last) in pairwise(ordered):
        if later < end:
            yield f"{_time(start)}-{_time(end)} and {_time(later)}-{_time(last)} overlap; join them."


def _rule_problems(rules: Rules, book: Book, now: int | None) -> Iterator[Finding]:
    closing = [policy for policy in rules.policies if is_always(policy.when)]
    for place, policy in enumerate(rules.policies):
        path: Path = ("policies", place)
        if closing and place > rules.policies.index(closing[0]):
            yield Finding(
                path, f"Policy {policy.name} is never reached: {closing[0].name} before it fits every ticket."
            )
        twin = next((other for other in rules.policies if other.when == policy.when), policy)
        if twin is not policy and not is_always(policy.when):
            yield Finding(
                path, f"Policy {policy.name} is never reached: {twin.name} before it has the same conditions."
            )
        if _contradicts(policy.when):
            yield Finding(path, f"Policy {policy.name} fits no ticket: two of its conditions exclude each other.")
        yield from _target_problems(policy, path, rules, book, now)
    for name, metric in rules.metrics.items():
        if metric.kind is Kind.BUG_STAGE and not metric.stages:
            yield Finding(("metrics", name), f"Metric {name} names no stages.")
        if metric.calendar is not None and metric.calendar not in book.calendars:
            yield Finding(("metrics", name), f"Metric {name}: there is no calendar {metric.calendar}.")


def _target_problems(policy: Policy, path: Path, rules: Rules, book: Book, now: int | None) -> Iterator[Finding]:
    for target in policy.targets.values():
        where = f"Policy {policy.name}, {target.metric}"
        place = (*path, "targets", target.metric)
        if target.metric not in rules.metrics:
            yield Finding(place, f"{where}: there is no metric of that name.")
            continue
        for pause in target.pauses:
            stops = {value for line in pause.when.all if line.field == "status" for value in _values(line)}
            if stops & {"solved", "closed"}:
                yield Finding(place, f"{where}: {pause.reason} ends the clock and cannot pause it too.")
        for level, goal in target.goals.items():
            said = _goal_problem(goal, book, now)
            if said is not None:
                yield Finding((*place, "goals", level), f"{where}, {level}: {said}")


def _goal_problem(goal: Goal, book: Book, now: int | None) -> str | None:
    timetable = book.calendars.get(goal.calendar)
    if timetable is None:
        return f"there is no calendar {goal.calendar}."
    if now is None:
        return None
    due = _due(timetable, goal, now)
    if due is None:
        return f"{goal} never comes; the calendar does not open any more."
    if _is_far(timetable, now, due):
        return f"{goal} reaches past the last year whose holidays are announced by a year."
    return None


def _due(timetable: Timetable, goal: Goal, now: int) -> int | None:
    days = goal.unit is Unit.BUSINESS_DAYS
    seconds = timetable.at(now).seconds_of_days(now, goal.amount) if days else goal.amount
    return None if seconds is None else timetable.add(now, seconds)


def _is_far(timetable: Timetable, now: int, due: int) -> bool:
    """A target that goes beyond the announced holidays wherever it starts this year; nearer ones are only a guess."""
    calendar = timetable.at(now).calendar
    return calendar.is_guess(due) and due - now > 366 * DAY


def _contradicts(when: Conditions) -> bool:
    wanted: dict[str, set[str]] = {}
    for line in when.all:
        if line.operator is Operator.IS:
            values = _values(line)
            wanted[line.field] = wanted.get(line.field, values) & values
    return any(not values for values in wanted.values())


def _values(line: Condition) -> set[str]:
    return {str(value) for value in (line.value if isinstance(line.value, tuple) else (line.value,))}


def _time(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def notices(book: Book, now: int) -> tuple[str, ...]:
    """Sentences that an operator should see although nothing is wrong yet: holidays that are not announced any more."""
    found = []
    for timetable in book.calendars.values():
        calendar = timetable.at(now).calendar
        if calendar.is_guess(now + 60 * DAY):
            found.append(
                f"Calendar {calendar.name}: holidays are announced until {calendar.published_until}. Due times after "
                "that may move; update syncd, or write the days under overrides and the year as announced_until."
            )
    return tuple(found)
