"""What escalation rules may ask of a ticket beside how it stands. Pure."""

from __future__ import annotations

from typing import Final

from syncd.rules.escalation import MINUTES

COUNTS: Final = (
    "reopened",
    "hand_offs",
    "assignments",
    "reassigned",
    "priority_changes",
    "comments_unanswered",
    "public_replies",
    "internal_notes",
    "affected_tickets",
    "bugs",
    "same_kind",
)
"""What is counted. reopened: solved and opened again. hand_offs: from one group to another.
assignments: how often somebody was put on it; reassigned: in the place of somebody else. comments_unanswered: public
ones of customers since an agent's last public one. affected_tickets: those on the ticket's bug, this one included.
same_kind: tickets of the same kind in the last 30 days, where the configuration names the field of the kind."""

INSTANTS: Final = (
    "created",
    "updated",
    "public_reply",
    "customer_comment",
    "internal_note",
    "assigned",
    "group",
    "status",
    "priority",
    "satisfaction",
    "bug_linked",
    "bug_moved",
    "bug_touched",
)
"""What `minutes_since.X` counts from: when the attribute last changed, the comment was last written."""

CLOCK: Final = "clock."
PASSED: Final = ".passed"
OTHERS: Final = (
    "tier",
    "subject",
    "type",
    "holder",
    "team",
    "breached",
    "at_risk",
    "forecasts",
    "kind",
    "priority_expected",
    "priority_disagrees",
)
"""breached and at_risk list the metrics of clocks that are; forecasts lists what they rest on (due_date, release,
untouched, unassigned); priority_expected is what the table `priorities` says."""


def counted_problem(name: str) -> str | None:
    """What is wrong with `minutes_since.X`, as a sentence; None when nothing is."""
    if name.removeprefix(MINUTES) in INSTANTS:
        return None
    return f"Minutes are counted since {', '.join(INSTANTS)}."


def metric_of(name: str) -> str:
    """The metric of `clock.METRIC` or `clock.METRIC.passed`; "" for other names."""
    return name.removeprefix(CLOCK).removesuffix(PASSED) if name.startswith(CLOCK) else ""
