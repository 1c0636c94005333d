"""Who did what to an issue beside its status."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.sources.jira_json import Authors
from syncd.sources.jira_marks import embedded_comments, marks_of

AUTHORS = Authors.of(["acc-sync"], [])
HANA = {"accountId": "acc-hana", "displayName": "Hana", "accountType": "atlassian"}
US = {"accountId": "acc-sync", "displayName": "syncd"}


def entry(*items: dict[str, Any], number: int = 50, author: Any = HANA) -> dict[str, Any]:
    return {"id": str(number), "created": "2026-03-02T10:00:00.000+0000", "author": author, "items": list(items)}


def item(field: str, old: Any = None, new: Any = None, *, ids: tuple[Any, Any] = (None, None)) -> dict[str, Any]:
    return {
        "field": field,
        "fieldtype": "jira",
        "from": ids[0],
        "to": ids[1],
        "fromString": old,
        "toString": new,
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            item("assignee", "Hana", "Lin", ids=("acc-hana", "acc-lin")),
            ("assignee", "acc-hana", "acc-lin"),
            id="an assignee by account",
        ),
        pytest.param(
            item("assignee", "Hana", None, ids=("acc-hana", None)), ("assignee", "acc-hana", None), id="nobody assigned"
        ),
        pytest.param(item("Component", None, "ui", ids=(None, "1")), ("components", None, "ui"), id="a component more"),
        pytest.param(
            {**item("Component", "ui", None), "fieldId": "components"},
            ("components", "ui", None),
            id="a component less",
        ),
        pytest.param(item("Key", "OPS-12", "NOVA-3"), ("project", "OPS", "NOVA"), id="a move to another project"),
        pytest.param(
            item("duedate", "2026-04-01 00:00:00.0", None, ids=("2026-04-01", None)),
            ("due_date", "2026-04-01", None),
            id="a due date taken away",
        ),
        pytest.param(item("Fix Version", None, "1.2"), ("fix_versions", None, "1.2"), id="a fix version"),
        pytest.param(
            item("description", "secret", "more secret"), ("edit", None, None), id="a text, which is not kept"
        ),
        pytest.param({**item("Severity", "1", "2"), "fieldtype": "custom"}, ("edit", None, None), id="a custom field"),
    ],
)
def test_what_is_kept_of_a_changelog_entry(given: dict[str, Any], expected: tuple[str, str | None, str | None]) -> None:
    (mark,) = marks_of([entry(given)], [], AUTHORS)
    assert (mark.name, mark.before, mark.after) == expected
    assert (mark.id, mark.actor.id) == ("50", "acc-hana")


@pytest.mark.parametrize("field", ["status", "resolution", "project", "Rank"])
def test_what_others_tell_is_left_to_them(field: str) -> None:
    assert marks_of([entry(item(field, "1", "2"))], [], AUTHORS) == ()


def test_an_entry_of_many_texts_is_one_mark() -> None:
    assert len(marks_of([entry(item("summary", "a", "b"), item("description", "c", "d"))], [], AUTHORS)) == 1


def comment(number: int, author: Any = HANA) -> dict[str, Any]:
    return {"id": str(number), "created": "2026-03-02T11:00:00.000+0000", "author": author, "body": "secret"}


def test_comments_are_marks_without_their_text_and_ours_are_none() -> None:
    (mark,) = marks_of([], [comment(7), comment(8, US), "odd", {"id": "9"}], AUTHORS)
    assert (mark.id, mark.name) == ("c7", "comment")
    assert "secret" not in repr(mark)


def test_an_entry_that_cannot_be_read_costs_only_itself() -> None:
    broken = [{"id": "1"}, "odd", {"id": "2", "created": "?", "items": []}, entry("odd", number=3)]  # type: ignore[arg-type]  # what a server may send
    assert [mark.id for mark in marks_of([*broken, entry(item("duedate"), number=9)], [], AUTHORS)] == ["9"]


def test_the_newest_come_first() -> None:
    marks = marks_of([entry(item("summary"), number=9), entry(item("duedate"), number=10)], [comment(1)], AUTHORS)
    assert [mark.id for mark in marks] == ["c1", "10", "9"]


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        pytest.param({"fields": {"comment": {"comments": [1, 2], "total": 5}}}, 3, id="some are missing"),
        pytest.param({"fields": {"comment": {"comments": [1, 2], "total": 2}}}, 0, id="all are there"),
        pytest.param({"fields": {"comment": {"comments": [1, 2]}}}, 0, id="it does not say"),
        pytest.param({"fields": {}}, 0, id="none were asked for"),
    ],
)
def test_how_many_comments_an_answer_leaves_out(data: dict[str, Any], missing: int) -> None:
    assert embedded_comments(data)[1] == missing
