"""What is wrong with escalation rules as a whole: names that nobody has, rules that can never hold, rules in a circle.

Rules trigger one another when what one does is what another one asks for. A circle of them is refused even where it
would come to rest, because nobody who reads it can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.config.escalation_models import DoModel, Escalation, RuleCondition, RuleModel
from syncd.config.names import nearest
from syncd.config.problems import KeyPath, listed
from syncd.core.conditions import RANKS, Condition, Operator, fits
from syncd.rules.escalation import MINUTES
from syncd.rules.situations import metric_of

Problem = tuple[KeyPath, str]
_SOLVED: Final = ("solved", "closed")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The names that rules may refer to."""

    metrics: Collection[str]
    calendars: Collection[str]
    receivers: Collection[str]
    creating: Collection[str]  # routes that make bugs when an agent sets a tag
    has_clocks: bool  # there is an sla: part


def problems(escalation: Escalation, around: Surroundings) -> Iterator[Problem]:
    """What must be mended, with the place in the configuration."""
    if not around.has_clocks:
        yield ("escalation",), "Rules need the history of tickets: add sla:, if only with a calendar and one metric."
        return
    for index, row in enumerate(escalation.priorities):
        for path, condition in _lines(row.when.all, row.when.any):
            yield from _metric_problem(("escalation", "priorities", index, "when", *path), condition, around.metrics)
    for index, rule in enumerate(escalation.rules):
        place: KeyPath = ("escalation", "rules", index)
        for path, condition in _lines(rule.when.all, rule.when.any):
            yield from _metric_problem((*place, "when", *path), condition, around.metrics)
            yield from _uncounted((*place, "when", *path), condition, escalation)
        if rule.during is not None and rule.during not in around.calendars:
            yield (*place, "during"), _unknown("calendar", rule.during, around.calendars, "sla.calendars")
        for path, do in _dos(rule):
            yield from _do_problems((*place, *path), do, around)
        yield from _impossible(place, rule)
        yield from _order(place, rule)
    yield from _circles(escalation.rules)


def _lines(every: Sequence[RuleCondition], some: Sequence[RuleCondition]) -> Iterator[tuple[KeyPath, RuleCondition]]:
    yield from ((("all", number), line) for number, line in enumerate(every))
    yield from ((("any", number), line) for number, line in enumerate(some))


def _dos(rule: RuleModel) -> Iterator[tuple[KeyPath, DoModel]]:
    yield from ((("then", number), do) for number, do in enumerate(rule.then))
    for level, model in enumerate(rule.levels):
        yield from ((("levels", level, "then", number), do) for number, do in enumerate(model.then))
    if rule.repeat is not None:
        yield from ((("repeat", "then", number), do) for number, do in enumerate(rule.repeat.then))


def _unknown(what: str, name: str, known: Collection[str], where: str) -> str:
    near = nearest(name, known)
    hint = f' Did you mean "{near}"?' if near else f" There are {listed(sorted(known))}." if known else ""
    return f"There is no {what} {name} under {where}.{hint}"


def _metric_problem(place: KeyPath, line: RuleCondition, metrics: Collection[str]) -> Iterator[Problem]:
    metric = metric_of(line.field)
    if metric and metric not in metrics:
        yield (*place, "field"), _unknown("metric", metric, metrics, "sla.metrics")


def _uncounted(place: KeyPath, line: RuleCondition, escalation: Escalation) -> Iterator[Problem]:
    """What is worth nothing until another key says where it comes from."""
    if line.field in ("kind", "same_kind") and escalation.kind_field is None:
        said = f"{line.field} is never known: name the ticket field of the kind under escalation.kind_field."
        yield (*place, "field"), said
    if line.field in ("priority_expected", "priority_disagrees") and not escalation.priorities:
        said = f"{line.field} is never known: say under escalation.priorities what the priority should be."
        yield (*place, "field"), said


def _do_problems(place: KeyPath, do: DoModel, around: Surroundings) -> Iterator[Problem]:
    for name in do.notify:
        if name not in around.receivers:
            yield (*place, "notify"), _unknown("receiver", name, around.receivers, "receivers")
    if do.create_bug is not None and do.create_bug not in around.creating:
        said = _unknown("route with create.act_tag called", do.create_bug, around.creating, "routes")
        yield (*place, "create_bug"), said


def _impossible(place: KeyPath, rule: RuleModel) -> Iterator[Problem]:
    """Lines under `all` that no ticket can fulfil together."""
    by_field: dict[str, list[tuple[int, RuleCondition]]] = {}
    for number, line in enumerate(rule.when.all):
        by_field.setdefault(line.field, []).append((number, line))
    for field, lines in by_field.items():
        if field in ("tags", "breached", "at_risk", "forecasts", "bug.component") or field.endswith(".passed"):
            continue
        for at, (number, line) in enumerate(lines):
            if any(_exclude(line, other) for _, other in lines[:at]):
                said = f"No ticket can fulfil this together with the line above about {field}: the rule never holds."
                yield (*place, "when", "all", number), said
    wants = [line for line in rule.when.all if line.field == "status" and line.operator is Operator.IS]
    if not rule.solved_too and any(set(_values(line)) <= set(_SOLVED) for line in wants):
        yield (*place, "solved_too"), "The rule asks for solved tickets, which it is kept from: write solved_too: true."


def _values(line: RuleCondition) -> tuple[str, ...]:
    value = line.value
    return tuple(str(entry) for entry in value) if isinstance(value, tuple) else (str(value),)


def _exclude(one: RuleCondition, other: RuleCondition) -> bool:
    """Whether the two can never hold of the same single value."""
    empty = (Operator.NOT_PRESENT,)
    if one.operator in empty or other.operator in empty:
        return {one.operator, other.operator} != {Operator.NOT_PRESENT} and not {one.operator, other.operator} & {
            Operator.IS_NOT,
            Operator.NOT_INCLUDES,
        }
    for first, second in ((one, other), (other, one)):
        if first.operator is Operator.IS:
            candidates = _values(first)
            line = Condition(second.field, second.operator, _plain(second))
            return not any(fits(line, _typed(candidate)) for candidate in candidates)
    if {one.operator, other.operator} == {Operator.LESS_THAN, Operator.GREATER_THAN}:
        low = one if one.operator is Operator.GREATER_THAN else other
        high = other if low is one else one
        return _nothing_between(low, high)
    return False


def _nothing_between(low: RuleCondition, high: RuleCondition) -> bool:
    ranks = RANKS.get(low.field)
    try:
        if ranks is not None:
            return ranks.index(_values(high)[0]) - ranks.index(_values(low)[0]) < 2
        return float(_values(high)[0]) - float(_values(low)[0]) < 2
    except ValueError:
        return False


def _plain(line: RuleCondition) -> str | tuple[str, ...]:
    values = _values(line)
    return values if isinstance(line.value, tuple) else values[0]


def _typed(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _order(place: KeyPath, rule: RuleModel) -> Iterator[Problem]:
    before = None
    for number, level in enumerate(rule.levels):
        if before is not None and level.after <= before:
            yield (*place, "levels", number, "after"), "Each level comes after the one above: write a longer span."
        before = level.after


# ---- circles -----------------------------------------------------------------------------------------------------


def _circles(rules: Sequence[RuleModel]) -> Iterator[Problem]:
    """Each circle once, at its first rule."""
    follows = {
        index: [other for other, rule in enumerate(rules) if other != index and _triggers(cause, rule)]
        for index, cause in enumerate(rules)
    }
    for index, rule in enumerate(rules):
        if rule.per is not None and rule.per in _effects(rule):
            yield (
                ("escalation", "rules", index, "per"),
                f"What the rule does changes {rule.per}, so each time it acts a new episode begins.",
            )
        circle = _way_back(follows, index)
        if circle is not None and index == min(circle):
            names = " → ".join(rules[each].name for each in (*circle, index))
            yield ("escalation", "rules", index), f"These rules trigger one another in a circle: {names}."


def _way_back(follows: Mapping[int, Sequence[int]], start: int) -> list[int] | None:
    """The shortest circle through a rule; None when there is none."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop(0)
        for after in follows[way[-1]]:
            if after == start:
                return way
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return None


def _effects(rule: RuleModel) -> dict[str, tuple[str, ...]]:
    """Field -> the values that the rule may give it; no values: it changes somehow."""
    found: dict[str, tuple[str, ...]] = {}
    for _, do in _dos(rule):
        if do.add_tags:
            found["tags"] = (*found.get("tags", ()), *do.add_tags)
        if do.assign_group is not None:
            found |= {"group": (*found.get("group", ()), str(do.assign_group)), "hand_offs": ()}
        if do.assign_group is not None or do.unassign:
            found |= {"assignee": ("",)}
        if do.raise_priority is not None:
            to = do.raise_priority
            found |= {"priority": RANKS["priority"][1:] if isinstance(to, int) else (to,), "priority_changes": ()}
        if do.note is not None or do.ready_note is not None:
            found["internal_notes"] = ()
    return found


def _triggers(cause: RuleModel, rule: RuleModel) -> bool:
    """Whether what one rule does may be what makes the other hold: it fulfils a line of it that not every ticket
    fulfils anyway."""
    effects = _effects(cause)
    for line in (*rule.when.all, *rule.when.any):
        if line.field not in effects:
            continue
        values = effects[line.field]
        if not values or line.field.startswith(MINUTES):
            return True
        condition = Condition(line.field, line.operator, None if line.value is None else _plain(line))
        present = (values,) if line.field == "tags" else values
        if line.operator not in (Operator.IS_NOT, Operator.NOT_INCLUDES) and any(fits(condition, v) for v in present):
            return True
    return False
