"""Conditions: `all:` and `any:` of field, operator, value, as Zendesk's own triggers taught their users. Pure.

https://developer.zendesk.com/documentation/ticketing/reference-guides/conditions-reference/ names the operators. What
a field is called and what it is worth is the business of who asks: tickets, clocks and escalation rules each have their
own words, and one meaning of the operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeAlias


class Operator(StrEnum):
    IS = "is"
    IS_NOT = "is_not"
    INCLUDES = "includes"  # of tags: any of them; of a text: the words, in any case
    NOT_INCLUDES = "not_includes"
    PRESENT = "present"
    NOT_PRESENT = "not_present"
    LESS_THAN = "less_than"
    GREATER_THAN = "greater_than"


WITHOUT_VALUE: Final = (Operator.PRESENT, Operator.NOT_PRESENT)
"""The operators that take no value."""

RANKS: Final[Mapping[str, tuple[str, ...]]] = {
    "status": ("new", "open", "pending", "hold", "solved", "closed"),
    "priority": ("low", "normal", "high", "urgent"),
}
"""What less_than and greater_than mean for words."""

Value: TypeAlias = "str | int | float | bool | tuple[str, ...] | None"


@dataclass(frozen=True, slots=True)
class Condition:
    """One line. `value` of a tuple means any of them."""

    field: str
    operator: Operator = Operator.IS
    value: Value = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """Every one of `all`, and one of `any` where there are some."""

    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    unknown: tuple[str, ...] = field(default=())  # names that could not be resolved: then nothing holds

    def each(self) -> tuple[Condition, ...]:
        """All lines, as written."""
        return (*self.all, *self.any)


def holds(conditions: Conditions, value_of: Callable[[str], object], *, when_empty: bool = False) -> bool:
    """Whether they are fulfilled by what `value_of` answers for each field. With a name that nobody knows they are not;
    without any line it is as `when_empty` says."""
    if conditions.unknown:
        return False
    if not conditions.each():
        return when_empty
    return all(fits(c, value_of(c.field)) for c in conditions.all) and (
        not conditions.any or any(fits(c, value_of(c.field)) for c in conditions.any)
    )


def told(condition: Condition) -> str:
    """`priority is urgent`."""
    value = condition.value
    words = " or ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"{condition.field} {condition.operator.value.replace('_', ' ')} {words}".strip()


def resolved(conditions: Conditions, look_up: Callable[[Condition], Condition | str]) -> Conditions:
    """With names replaced by ids: `look_up` answers the condition to use, or a sentence about what nobody knows."""
    unknown: list[str] = []

    def one(condition: Condition) -> Condition:
        found = look_up(condition)
        if isinstance(found, str):
            unknown.append(found)
            return condition
        return found

    return replace(
        conditions,
        all=tuple(one(c) for c in conditions.all),
        any=tuple(one(c) for c in conditions.any),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def fits(condition: Condition, present: object) -> bool:
    """Whether a line is fulfilled where the field is worth `present`: a text, a number, a truth value, None, or several
    of them as a list, a tuple or a set."""
    if isinstance(present, frozenset | set):
        present = tuple(sorted(present))
    match condition.operator:
        case Operator.PRESENT:
            return bool(present) or present is False or present == 0
        case Operator.NOT_PRESENT:
            return present is None or present in ("", (), [])
        case Operator.IS:
            return _is(present, condition.value)
        case Operator.IS_NOT:
            return not _is(present, condition.value)
        case Operator.INCLUDES:
            return _includes(condition, present)
        case Operator.NOT_INCLUDES:
            return not _includes(condition, present)
        case Operator.LESS_THAN:
            return _compared(condition, present, -1)
        case Operator.GREATER_THAN:
            return _compared(condition, present, 1)


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_word(entry) for entry in value)
    return (_word(value),)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).strip().casefold()


def _is(present: object, wanted: Value) -> bool:
    if isinstance(present, list | tuple):
        return set(_words(present)) == set(_words(wanted))
    return _word(present) in _words(wanted)


def _includes(condition: Condition, present: object) -> bool:
    """Of tags, options and components any of them (Zendesk separates tags by blanks, which names of components may
    have); of a text all the words of one entry."""
    wanted = _words(condition.value)
    if isinstance(present, list | tuple):
        whole = condition.field.startswith("bug.")
        asked = set(wanted) if whole else {word for entry in wanted for word in entry.replace(",", " ").split()}
        return not asked.isdisjoint(_words(present))
    text = _word(present)
    return any(entry and entry in text for entry in wanted)


def _compared(condition: Condition, present: object, sign: int) -> bool:
    ranks = RANKS.get(condition.field)
    if ranks is not None:
        here, there = _word(present), _word(condition.value if not isinstance(condition.value, tuple) else None)
        return here in ranks and there in ranks and (ranks.index(here) - ranks.index(there)) * sign > 0
    try:
        return (float(str(present)) - float(str(condition.value))) * sign > 0
    except ValueError:
        return False
