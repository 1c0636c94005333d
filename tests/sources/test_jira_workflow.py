"""Transitions, graphs and catalogs, read from Jira's JSON."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.model import StatusInfo
from syncd.core.ports import TransitionField
from syncd.sources.jira_json import MalformedError
from syncd.sources.jira_workflow import (
    lacks_categories,
    parse_categories,
    parse_graph,
    parse_permissions,
    parse_resolutions,
    parse_statuses,
    parse_transitions,
)


def test_transitions_with_screens_and_without_a_target() -> None:
    raw = {
        "transitions": [
            {
                "id": "31",
                "name": "Close",
                "to": {"id": "6", "name": "Closed"},
                "fields": {
                    "resolution": {
                        "required": True,
                        "name": "Resolution",
                        "hasDefaultValue": False,
                        "allowedValues": [{"id": "1", "name": "Done"}, {"id": "2", "value": "Won't Do"}, "red"],
                    },
                    "customfield_1": {"name": "Cause", "required": True, "hasDefaultValue": True},
                },
            },
            {"id": 61, "name": "Kick"},
        ]
    }
    close, kick = parse_transitions(raw)
    assert (close.id, close.to_status_id, close.to_status_name) == ("31", "6", "Closed")
    assert close.fields == (
        TransitionField("resolution", "Resolution", True, False, (("1", "Done"), ("2", "Won't Do"), ("red", "red"))),
        TransitionField("customfield_1", "Cause", True, True),
    )
    assert (kick.id, kick.to_status_id, kick.to_status_name, kick.fields) == ("61", None, None, ())


@pytest.mark.parametrize("raw", [None, {}, {"transitions": {}}, {"transitions": [{"name": "x"}]}])
def test_an_answer_that_holds_no_transitions_is_not_an_empty_list(raw: object) -> None:
    with pytest.raises(MalformedError):
        parse_transitions(raw)


def edge(kind: str, to: str | None, *sources: str) -> dict[str, Any]:
    return {"type": kind, "toStatusReference": to, "links": [{"fromStatusReference": source} for source in sources]}


@pytest.mark.parametrize(
    ("transitions", "expected"),
    [
        pytest.param([edge("GLOBAL", "ref-1")], ((None, "1"),), id="a global one starts anywhere"),
        pytest.param(
            [edge("DIRECTED", "ref-2", "ref-1", "3")], (("1", "2"), ("3", "2")), id="a directed one where it says"
        ),
        pytest.param([edge("INITIAL", "ref-1")], (), id="creating is no edge"),
        pytest.param([edge("DIRECTED", None, "ref-1")], (), id="one without a target leads nowhere"),
        pytest.param([edge("global", "ref-1"), edge("GLOBAL", "ref-1")], ((None, "1"),), id="each edge once"),
    ],
)
def test_graph(transitions: list[dict[str, Any]], expected: object) -> None:
    raw = {
        "statuses": [{"statusReference": f"ref-{n}", "id": str(n)} for n in (1, 2)]
        + [{"statusReference": "3", "id": "3"}],
        "workflows": [{"transitions": transitions}],
    }
    assert parse_graph(raw) == expected


DONE = {"id": "6", "name": "Done", "statusCategory": {"key": "done"}}


def test_statuses_of_one_name_stay_apart_by_id() -> None:
    raw = [
        {"id": "1", "name": "Bug", "statuses": [DONE, {**DONE, "id": "7"}]},
        {"id": "2", "name": "Task", "statuses": [DONE]},
    ]
    assert not lacks_categories(raw)
    assert parse_statuses(raw, {}) == {
        "Bug": (StatusInfo("6", "Done", "done"), StatusInfo("7", "Done", "done")),
        "Task": (StatusInfo("6", "Done", "done"),),
    }


def test_categories_that_an_old_server_leaves_out_are_filled_in() -> None:
    raw = [{"id": "1", "name": "Bug", "statuses": [{"id": "6", "name": "Done"}]}]
    assert lacks_categories(raw)
    assert parse_statuses(raw, parse_categories([DONE])) == {"Bug": (StatusInfo("6", "Done", "done"),)}


def test_resolutions() -> None:
    assert parse_resolutions([{"id": "1", "name": "Done"}, {"id": 2, "name": "Duplicate"}]) == (
        ("1", "Done"),
        ("2", "Duplicate"),
    )


def test_of_a_permission_that_the_answer_does_not_mention_nothing_is_known() -> None:
    raw = {
        "permissions": {"A": {"havePermission": True}, "B": {"havePermission": False}, "C": {"havePermission": "yes"}}
    }
    assert parse_permissions(raw, ("A", "B", "C", "D")) == {"A": True, "B": False, "C": False}
