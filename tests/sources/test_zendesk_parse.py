"""Ticket rows and definitions, whole and broken."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.model import CustomStatus, TicketField, TicketSnapshot, TicketState
from syncd.sources.zendesk_parse import TicketReader, catalog_of, same_value
from tests.sources.zendesk_rows import LINK_FIELD, ticket


def read(**more: Any) -> TicketSnapshot:
    tickets, malformed = TicketReader().read_all([ticket(**more)])
    assert malformed == ()
    return tickets[0]


def test_a_whole_row() -> None:
    assert read(generated_timestamp=1795161910) == TicketSnapshot(
        id=35,
        state=TicketState("open", 41),
        updated_at=datetime(2026, 11, 20, 8, 5, 10, tzinfo=UTC),
        created_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
        subject="The printer burns",
        priority="high",
        tags=("bug", "vip"),
        fields={str(LINK_FIELD): "ENG-7"},
        requester_id=500,
        assignee_id=700,
        group_id=7,
        organization_id=9,
        brand_id=8,
        form_id=6,
        channel="email",
        generated=1795161910,
    )


@pytest.mark.parametrize(
    ("row", "attribute", "expected"),
    [
        pytest.param({"priority": None}, "priority", None, id="no priority"),
        pytest.param({"subject": None}, "subject", "", id="no subject"),
        pytest.param({"custom_status_id": None}, "state", TicketState("open"), id="no custom statuses"),
        pytest.param({"problem_id": 34}, "problem_id", 34, id="an incident of a problem"),
        pytest.param({"tags": None}, "tags", (), id="no tags"),
        pytest.param({"tags": ["a", "a"]}, "tags", ("a",), id="a tag twice"),
        pytest.param({"assignee_id": None}, "assignee_id", None, id="nobody's"),
        pytest.param({"assignee_id": "700"}, "assignee_id", 700, id="an id as text"),
        pytest.param({"via": None}, "channel", "", id="no via"),
        pytest.param({"via": {"channel": 4}}, "channel", "4", id="a channel as number"),
        pytest.param(
            {"created_at": None}, "created_at", datetime(2026, 11, 20, 8, 5, 10, tzinfo=UTC), id="no birthday"
        ),
        pytest.param(
            {"updated_at": "2026-11-20T10:05:10.999+02:00"},
            "updated_at",
            datetime(2026, 11, 20, 8, 5, 10, tzinfo=UTC),
            id="another zone",
        ),
        pytest.param(
            {"via": {"channel": "web", "source": {"rel": "follow_up", "from": {"ticket_id": 12}}}},
            "followup_of",
            12,
            id="a follow-up",
        ),
        pytest.param(
            {
                "custom_fields": [
                    {"id": 1, "value": False},
                    {"id": 2, "value": ""},
                    {"id": 3, "value": []},
                    {"id": 4, "value": ["x"]},
                ]
            },
            "fields",
            {"1": False, "4": ["x"]},
            id="empty fields are left out, a cleared box is not empty",
        ),
        pytest.param(
            {"custom_fields": None, "fields": [{"id": 1, "value": 5}]},
            "fields",
            {"1": 5},
            id="fields under their other name",
        ),
        pytest.param({"status": "deleted", "custom_fields": None}, "is_gone", True, id="a deleted one"),
    ],
)
def test_a_row_that_differs(row: dict[str, Any], attribute: str, expected: Any) -> None:
    assert getattr(read(**row), attribute) == expected


BROKEN: list[Any] = [
    pytest.param({"id": None}, "id is missing", id="no id"),
    pytest.param({"id": True}, "id is no integer", id="an id that is a bool"),
    pytest.param({"id": -1}, "id is not positive", id="a negative id"),
    pytest.param({"status": None}, "status is missing", id="no status"),
    pytest.param({"status": "molten"}, "status 'molten' is unknown", id="a status that Zendesk does not have"),
    pytest.param({"status": 5}, "status is no text", id="a status as number"),
    pytest.param({"updated_at": None}, "updated_at is no time", id="no time"),
    pytest.param({"updated_at": "yesterday"}, "updated_at is no time", id="a time in words"),
    pytest.param({"updated_at": "2026-11-20T08:05:10"}, "updated_at has no time zone", id="a time without a zone"),
    pytest.param({"updated_at": "0001-01-01T00:00:00+14:00"}, "updated_at is out of range", id="a time before time"),
    pytest.param({"updated_at": "1066-10-14T00:00:00Z"}, "updated_at is out of range", id="a time before computers"),
    pytest.param({"created_at": 5}, "created_at is no time", id="a time as number"),
    pytest.param({"tags": "vip"}, "tags is no list of texts", id="tags as text"),
    pytest.param({"tags": [1]}, "tags is no list of texts", id="a tag as number"),
    pytest.param({"custom_fields": {}}, "custom_fields is missing", id="fields as object"),
    pytest.param({"custom_fields": ["x"]}, "a custom field is no object", id="a field as text"),
    pytest.param({"custom_fields": [{"value": "x"}]}, "id is missing", id="a field without an id"),
    pytest.param({"custom_fields": None}, "custom_fields is missing", id="no fields where others have them"),
    pytest.param({"assignee_id": {}}, "assignee_id is no integer", id="an assignee as object"),
    pytest.param({"assignee_id": "ben"}, "assignee_id is no integer", id="an assignee by name"),
    pytest.param({"priority": 3}, "priority is no text", id="a priority as number"),
    pytest.param({"subject": ["x"]}, "subject is no text", id="a subject as list"),
]


@pytest.mark.parametrize(("row", "reason"), BROKEN)
def test_a_broken_row_becomes_a_sentence_and_blocks_no_other(row: dict[str, Any], reason: str) -> None:
    tickets, malformed = TicketReader().read_all([ticket(34), ticket(**{"number": 35} | row), ticket(36)])
    assert [found.id for found in tickets] == [34, 36]
    assert len(malformed) == 1
    assert malformed[0].endswith(reason)
    assert ("#35" in malformed[0]) or "id" in row


@pytest.mark.parametrize("row", [None, 5, "x", [], True], ids=["null", "a number", "a text", "a list", "a bool"])
def test_what_is_no_row_at_all(row: Any) -> None:
    tickets, malformed = TicketReader().read_all([row])
    assert tickets == ()
    assert malformed == ("Zendesk sent a ticket without an id in a form that cannot be read: the row is no object",)


def test_on_a_server_that_never_sends_fields_a_row_without_them_is_whole() -> None:
    bare = {key: value for key, value in ticket().items() if key != "custom_fields"}
    reader = TicketReader()
    assert len(reader.read_all([bare])[0]) == 1
    assert len(reader.read_all([ticket(36)])[0]) == 1
    assert reader.read_all([bare])[0] == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(ticket())), JSON, max_size=4), st.sets(st.sampled_from(sorted(ticket()))))
def test_whatever_a_row_holds_its_neighbours_are_read(values: dict[str, Any], absent: set[str]) -> None:
    row = {key: value for key, value in {**ticket(), **values}.items() if key not in absent}
    tickets, malformed = TicketReader().read_all([ticket(34), row, ticket(36)])
    assert len(tickets) + len(malformed) == 3
    assert {34, 36} <= {found.id for found in tickets}
    json.dumps(malformed)


def test_definitions() -> None:
    catalog = catalog_of(
        [
            {"id": 41, "agent_label": "Escalated", "status_category": "open", "active": True, "default": False},
            {"agent_label": "no id"},
            7,
        ],
        [
            {
                "id": 3601,
                "title": "Bug",
                "type": "tagger",
                "active": True,
                "visible_in_portal": False,
                "editable_in_portal": False,
                "custom_field_options": [{"id": 1, "name": "A", "value": "a"}, "x"],
            },
            {"id": 3602, "title": "Bare", "type": "text"},
            {"id": 3603, "title": 5},
        ],
    )
    assert catalog.custom_statuses == (CustomStatus(41, "Escalated", "open", active=True, default=False),)
    assert catalog.fields == (
        TicketField(3601, "Bug", "tagger", options=(("A", "a"),)),
        TicketField(3602, "Bare", "text", visible_to_end_users=True, editable_by_end_users=True),
    )


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (None, "", True),
        ([], None, True),
        ("a", None, False),
        (5, "5", True),
        (["a", "b"], ["b", "a"], True),
        (["a"], ["a", "b"], False),
        (True, "true", True),
        (False, "0", False),
        (False, None, False),
    ],
)
def test_same_value(first: Any, second: Any, same: bool) -> None:
    assert same_value(first, second) is same
    assert same_value(second, first) is same
