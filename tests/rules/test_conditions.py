"""Conditions in the convention of Zendesk's triggers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.conditions import Condition, Conditions, Operator, resolved
from syncd.core.model import TicketSnapshot, TicketState
from syncd.rules.conditions import field_name, holds

AT = datetime(2026, 3, 2, tzinfo=UTC)
TICKET = TicketSnapshot(
    id=1,
    state=TicketState("pending", 77),
    updated_at=AT,
    created_at=AT,
    subject="Server down",
    priority="high",
    type="incident",
    tags=("crash", "vip"),
    fields={"5": "linux", "6": 12, "7": True, "8": ["a", "b"]},
    group_id=9,
    brand_id=3,
    form_id=4,
    organization_id=2,
)

CASES = {
    "a status by name": (Condition("status", value="pending"), True),
    "another status": (Condition("status", value="open"), False),
    "one of several values": (Condition("status", value=("open", "pending")), True),
    "not a status": (Condition("status", Operator.IS_NOT, "open"), True),
    "a custom status by id": (Condition("custom_status", value="77"), True),
    "status less than solved": (Condition("status", Operator.LESS_THAN, "solved"), True),
    "priority greater than normal": (Condition("priority", Operator.GREATER_THAN, "normal"), True),
    "priority greater than high": (Condition("priority", Operator.GREATER_THAN, "high"), False),
    "tags include one of those written with blanks": (Condition("tags", Operator.INCLUDES, "hang crash"), True),
    "tags include none": (Condition("tags", Operator.INCLUDES, "hang"), False),
    "tags do not include": (Condition("tags", Operator.NOT_INCLUDES, "spam"), True),
    "part of a tag is no tag": (Condition("tags", Operator.INCLUDES, "cra"), False),
    "a word of the subject in any case": (Condition("subject", Operator.INCLUDES, "SERVER"), True),
    "a group": (Condition("group", value="9"), True),
    "a brand": (Condition("brand", value=3), True),
    "a form": (Condition("form", value="5"), False),
    "an organization": (Condition("organization", value="2"), True),
    "a type": (Condition("type", value="incident"), True),
    "a field": (Condition("field:5", value="Linux"), True),
    "a number in a field": (Condition("field:6", Operator.GREATER_THAN, 10), True),
    "a checkbox": (Condition("field:7", value=True), True),
    "an option of several": (Condition("field:8", Operator.INCLUDES, "b"), True),
    "a field that is empty": (Condition("field:99", Operator.NOT_PRESENT), True),
    "a field that is filled": (Condition("field:5", Operator.PRESENT), True),
    "an assignee that nobody is": (Condition("assignee", Operator.PRESENT), False),
}


@pytest.mark.parametrize(("condition", "expected"), CASES.values(), ids=list(CASES))
def test_a_condition_on(condition: Condition, expected: bool) -> None:
    assert holds(Conditions(all=(condition,)), TICKET) is expected


YES, NO = Condition("priority", value="high"), Condition("priority", value="low")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (Conditions(), False),
        (Conditions(all=(YES, YES)), True),
        (Conditions(all=(YES, NO)), False),
        (Conditions(any=(NO, YES)), True),
        (Conditions(any=(NO, NO)), False),
        (Conditions(all=(YES,), any=(NO,)), False),
    ],
    ids=["none hold", "all hold", "one of all fails", "one of any holds", "none of any holds", "all and not any"],
)
def test_together(conditions: Conditions, expected: bool) -> None:
    assert holds(conditions, TICKET) is expected


def test_a_name_that_nobody_knows_holds_for_no_ticket() -> None:
    found = resolved(Conditions(all=(YES,)), lambda _: "Zendesk has no group 'X'.")
    assert found.unknown == ("Zendesk has no group 'X'.",)
    assert not holds(found, TICKET)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("current_tags", "tags"),
        ("custom_fields_360001", "field:360001"),
        ("field: Product ", "field:Product"),
        ("ticket_form_id", "form"),
        ("nothing", ""),
    ],
)
def test_the_names_of_zendesks_own_api_are_understood(written: str, name: str) -> None:
    assert field_name(written) == name
