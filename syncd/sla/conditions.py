"""Conditions as the triggers of Zendesk taught their users: `all` and `any` of field, operator, value.

https://developer.zendesk.com/documentation/ticketing/reference-guides/conditions-reference/ names the operators. They
ask a Standing (standing.py), so the same language picks policies, tiers and holders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from syncd.sla.standing import FIELD_PREFIX, NAMES, Standing, Value

OPERATORS: Final = frozenset(
    ("is", "is_not", "less_than", "greater_than", "includes", "not_includes", "present", "not_present")
)
ORDERS: Final = {
    "status": ("new", "open", "pending", "hold", "solved", "closed"),
    "priority": ("low", "normal", "high", "urgent"),
}
"""How `less_than` and `greater_than` rank values that are no numbers."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One line. Several values mean any of them; `present` and `not_present` take none."""

    field: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, standing: Standing, tier: str | None = None) -> bool:
        """Whether the ticket stands so."""
        value = tier if self.field == "tier" else standing.value(self.field)
        match self.operator:
            case "present":
                return bool(value)
            case "not_present":
                return not value
            case "is" | "includes":
                return _any_of(value, self.values)
            case "is_not" | "not_includes":
                return not _any_of(value, self.values)
            case "less_than":
                return any(_compare(self.field, value, other) == -1 for other in self.values)
            case _:
                return any(_compare(self.field, value, other) == 1 for other in self.values)

    def problem(self) -> str | None:
        """What is wrong with the line, as a sentence; None when nothing is."""
        if self.operator not in OPERATORS:
            return f"There is no operator {self.operator}; there are {', '.join(sorted(OPERATORS))}."
        if self.field not in NAMES and self.field != "tier" and not self.field.startswith(FIELD_PREFIX):
            return f"There is no field {self.field}; there are tier, {', '.join(sorted(NAMES))} and {FIELD_PREFIX}ID."
        wants = self.operator not in ("present", "not_present")
        if wants != bool(self.values):
            return f"The condition {self.field} {self.operator} takes {'a' if wants else 'no'} value."
        return None


@dataclass(frozen=True, slots=True)
class Conditions:
    """All of `every` and, where `some` is not empty, at least one of `some`. Without either it always holds."""

    every: tuple[Condition, ...] = ()
    some: tuple[Condition, ...] = ()

    def hold(self, standing: Standing, tier: str | None = None) -> bool:
        """Whether the ticket stands so."""
        return all(line.holds(standing, tier) for line in self.every) and (
            not self.some or any(line.holds(standing, tier) for line in self.some)
        )

    @property
    def is_empty(self) -> bool:
        """True when every ticket fits."""
        return not self.every and not self.some


ALWAYS: Final = Conditions()
"""What every ticket fits."""


def _any_of(value: Value, wanted: tuple[str, ...]) -> bool:
    if isinstance(value, frozenset):
        return not value.isdisjoint(wanted)
    return value is not None and value in wanted


def _compare(field: str, value: Value, other: str) -> int | None:
    """-1, 0 or 1; None when the two have no order: nothing is less than an empty priority."""
    if not isinstance(value, str):
        return None
    order = ORDERS.get(field)
    if order is not None:
        if value not in order or other not in order:
            return None
        left, right = float(order.index(value)), float(order.index(other))
    else:
        try:
            left, right = float(value), float(other)
        except ValueError:
            return None
    return (left > right) - (left < right)
