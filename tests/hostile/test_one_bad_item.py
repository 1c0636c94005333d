"""One ticket, or one bug, answers in a form that nobody can read, in every list and every page: it is named, and the
others are kept in step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from requests import PreparedRequest, Response

from tests.hostile.spoiling import as_json, body_of, put_body, spoil_all
from tests.scenarios.lab import Deployment, Lab

WRONG: dict[str, Any] = {"an object": {"x": 1}, "a text": "x\x00\ud800", "a number": 10**30, "nothing": None}
TURNS = [(wrong, "cloud" if number % 2 else "data_center") for number, wrong in enumerate(WRONG)]


def find(value: Any, fits: Any) -> list[dict[str, Any]]:
    """Every object in the answer that fits."""
    found = [value] if isinstance(value, dict) and fits(value) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found + [entry for part in inner for entry in find(part, fits)]


def spoil_item(lab: Lab, fits: Any, keys: tuple[str, ...], wrong: Any) -> None:
    """From now on these values of the item are wrong wherever it is told of."""

    def spoil(_: PreparedRequest, response: Response) -> None:
        body = body_of(response)
        data = as_json(body)
        for entry in find(data, fits):
            for key in keys:
                if key in entry:
                    entry[key] = wrong
                elif key in (entry.get("fields") or {}):
                    entry["fields"][key] = wrong
        put_body(response, json.dumps(data).encode() if data is not None else body)

    spoil_all(lab, spoil)


def two_pairs(folder: Path, deployment: Deployment) -> tuple[Lab, list[tuple[int, str]]]:
    """Two links, agreed."""
    lab = Lab(folder, deployment)
    pairs = [(lab.ticket(), lab.bug()) for _ in range(2)]
    for ticket, key in pairs:
        lab.link(ticket, key)
    lab.settle()
    return lab, pairs


def told(lab: Lab, name: str) -> bool:
    """Whether the last cycles named the item."""
    said = [sentence for report in lab.reports[-4:] for sentence in (*report.warnings, *report.problems.values())]
    return any(name in sentence for sentence in said)


@pytest.mark.parametrize(("wrong", "deployment"), TURNS)
def test_a_ticket_that_nobody_can_read_is_named_and_the_others_go_on(
    tmp_path: Path, deployment: Deployment, wrong: str
) -> None:
    lab, ((bad, bad_key), (good, good_key)) = two_pairs(tmp_path, deployment)
    spoil_item(lab, lambda e: e.get("id") == bad and "subject" in e, ("status", "updated_at", "tags"), WRONG[wrong])
    for key in (bad_key, good_key):
        lab.moves(key, "Done", "Fixed")
        lab.sandbox.jira.comment(lab.developer, key, "a finding")
    lab.cycle(4, seconds=30)
    assert lab.status(good) == "open"
    assert sum("a finding" in note for note in lab.notes(good)) == 1
    assert told(lab, f"#{bad}")
    assert lab.bug_comments(bad_key) == []
    spoil_all(lab, lambda *_: None)
    lab.restart()
    lab.cycle(3, seconds=61)
    lab.settle()
    assert (lab.status(bad), sum("a finding" in note for note in lab.notes(bad))) == ("open", 1)


@pytest.mark.parametrize(("wrong", "deployment"), TURNS)
def test_a_bug_that_nobody_can_read_is_named_and_the_others_go_on(
    tmp_path: Path, deployment: Deployment, wrong: str
) -> None:
    lab, ((bad, bad_key), (good, good_key)) = two_pairs(tmp_path, deployment)
    number = lab.issue(bad_key)["id"]
    spoil_item(lab, lambda e: e.get("id") == number and "fields" in e, ("status", "updated", "project"), WRONG[wrong])
    for key in (bad_key, good_key):
        lab.moves(key, "Done", "Fixed")
    lab.cycle(4, seconds=30)
    assert lab.status(good) == "open"
    assert lab.status(bad) == "hold"
    assert told(lab, bad_key) or told(lab, number)
    assert len(lab.notes(bad)) == 1
    spoil_all(lab, lambda *_: None)
    lab.restart()
    lab.moves(bad_key, "Done", "Fixed")
    lab.cycle(3, seconds=61)
    lab.settle()
    assert lab.status(bad) == "open"
