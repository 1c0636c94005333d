"""What conditions may ask about how a ticket stands, and what it answers (standing.py). The operators are those of
core/conditions.py, so that the same language picks policies, tiers, holders and pauses.
"""

from __future__ import annotations

from typing import Final

from syncd.core.conditions import WITHOUT_VALUE, Condition, Conditions, Operator, fits
from syncd.sla.standing import FIELD_PREFIX, NAMES, Standing, Value

TIER: Final = "tier"
FIELDS: Final = (TIER, *sorted(NAMES))
"""What a condition may be about, beside ticket fields as `field:ID`."""
_SETS: Final = ("tags", "bug.component")
_OF_SETS: Final = (Operator.INCLUDES, Operator.NOT_INCLUDES, *WITHOUT_VALUE)

ALWAYS: Final = Conditions()
"""What every ticket fits."""


def hold(conditions: Conditions, standing: Standing, tier: str | None = None) -> bool:
    """Whether the ticket stands so. Without any line it does; with a name that nobody knows it does not."""
    if conditions.unknown:
        return False
    return all(fits(line, _value(line.field, standing, tier)) for line in conditions.all) and (
        not conditions.any or any(fits(line, _value(line.field, standing, tier)) for line in conditions.any)
    )


def _value(name: str, standing: Standing, tier: str | None) -> Value:
    return tier if name == TIER else standing.value(name)


def is_always(conditions: Conditions) -> bool:
    """True when every ticket fits."""
    return not conditions.each() and not conditions.unknown


def problem(condition: Condition) -> str | None:
    """What is wrong with a line, as a sentence; None when nothing is."""
    name, operator, value = condition.field, condition.operator, condition.value
    if name not in FIELDS and not name.startswith(FIELD_PREFIX):
        return f"There is no field {name}; there are {', '.join(FIELDS)} and {FIELD_PREFIX}TITLE."
    wants = operator not in WITHOUT_VALUE
    if wants != (value not in (None, "", ())):
        return f"The condition {name} {operator} takes {'a' if wants else 'no'} value."
    if name in _SETS and operator not in _OF_SETS:
        return f"A ticket can have several {name}: write includes or not_includes instead of {operator}."
    if operator in (Operator.LESS_THAN, Operator.GREATER_THAN) and isinstance(value, tuple):
        return f"The condition {name} {operator} takes one value."
    return None
