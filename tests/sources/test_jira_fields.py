"""How Jira writes values of fields, what is kept of them, and what its changelog says of edits."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.field_model import FieldChange
from syncd.core.model import ActorKind
from syncd.sources.jira_fields import body_of, compact, edits_of
from syncd.sources.jira_json import Authors


def change(kind: str, value: Any = None, *, field: str = "customfield_1", **more: Any) -> FieldChange:
    """A change of a field of that kind."""
    return FieldChange("f", field, kind, value, **more)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("priority", "High", {"name": "High"}),
        ("option", "S1", {"value": "S1"}),
        ("number", "5", 5),
        ("number", "5.5", 5.5),
        ("date", "2026-03-02", "2026-03-02"),
        ("text", "x", "x"),
        ("text", None, None),
    ],
)
@pytest.mark.parametrize("cloud", [True, False])
def test_one_value_is_set(kind: str, value: Any, expected: Any, cloud: bool) -> None:
    assert body_of([change(kind, value)], cloud=cloud) == {"fields": {"customfield_1": expected}}


@pytest.mark.parametrize(("cloud", "expected"), [(True, {"accountId": "a"}), (False, {"name": "a"})])
def test_people_are_named_as_the_deployment_names_them(cloud: bool, expected: dict[str, str]) -> None:
    assert body_of([change("assignee", "a", field="assignee")], cloud=cloud) == {"fields": {"assignee": expected}}


@pytest.mark.parametrize(
    ("kind", "member"),
    [("labels", "x"), ("components", {"name": "x"}), ("versions", {"name": "x"}), ("multi", {"value": "x"})],
)
def test_a_list_is_never_written_whole(kind: str, member: Any) -> None:
    body = body_of([change(kind, add=("x",), remove=("x",))], cloud=True)
    assert body == {"update": {"customfield_1": [{"remove": member}, {"add": member}]}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param({"self": "…", "id": "1", "value": "S1"}, "S1", id="an option is its value"),
        pytest.param([{"id": "1", "name": "UI"}, {"id": "2", "name": "DB"}], ["UI", "DB"], id="components are names"),
        pytest.param(5.0, 5.0, id="a number stays one"),
        pytest.param(None, None, id="null is empty"),
        pytest.param(
            {"accountId": "a", "displayName": "Hana", "self": "…"},
            {"account": "a", "name": "Hana"},
            id="a person on Cloud whose address is hidden",
        ),
        pytest.param(
            {"name": "hana", "key": "JIRAUSER1", "displayName": "Hana", "emailAddress": "h@x.example"},
            {"account": "hana", "name": "Hana", "email": "h@x.example"},
            id="a person on Data Center",
        ),
    ],
)
def test_what_is_kept_of_a_value(raw: Any, expected: Any) -> None:
    assert compact(raw) == expected


def test_edits_come_newest_first_with_their_author_and_mark() -> None:
    histories = [
        {
            "id": "7",
            "created": "2026-03-02T09:00:00.000+0000",
            "author": {"accountId": "me"},
            "historyMetadata": {"type": "syncd:sync", "extraData": {"op": "m1"}},
            "items": [{"field": "priority", "fieldId": "priority", "fromString": "Low", "toString": "High"}],
        },
        {
            "id": "9",
            "created": "2026-03-02T09:00:00.000+0000",
            "author": {"accountId": "hana", "displayName": "Hana"},
            "items": [{"field": "Effort", "fieldtype": "custom", "from": None, "fromString": None, "toString": "5"}],
        },
    ]
    raw = {"id": "1", "changelog": {"total": 2, "histories": histories}}
    first, second = edits_of(raw, Authors.of(["me"], []))
    assert (first.id, first.names, first.before, first.after, first.actor.kind) == (
        *("9", ("effort",), None, "5"),
        ActorKind.AGENT,
    )
    assert (second.marker, second.names, second.actor.kind) == ("m1", ("priority", "priority"), ActorKind.SELF)
