"""What is read out of the journal: who was told of what, how late, and what each call was for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.demo.people import Act, People
from syncd.demo.story import Scene, a_fix_that_does_not_help, a_resolution_without_a_stage, rounds, unlinked
from syncd.demo.watch import COMPLETE, KNOWING, POLLS, READING, WRITING, Watch, comment_line, purpose_of
from tests.scenarios.lab import Lab


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "purpose"),
    [
        ("GET", "/api/v2/tickets", "sort=-updated_at", 200, POLLS),
        ("GET", "/rest/api/3/search/jql", "jql=project+in+(NOVA)+AND+updated+%3E%3D+1", 200, POLLS),
        ("POST", "/rest/api/2/search", "", 200, POLLS),
        ("GET", "/rest/api/2/search", "jql=id+in+(10001)", 200, COMPLETE),
        ("GET", "/api/v2/incremental/tickets/cursor", "cursor=x", 200, COMPLETE),
        ("POST", "/oauth/tokens", "", 200, KNOWING),
        ("GET", "/rest/api/3/myself", "", 200, KNOWING),
        ("GET", "/api/v2/tickets/7", "", 200, READING),
        ("GET", "/api/v2/tickets/7/audits", "", 200, READING),
        ("POST", "/rest/api/3/issue/bulkfetch", "", 200, READING),
        ("GET", "/rest/api/3/issue/10001/transitions", "", 200, READING),
        ("PUT", "/api/v2/tickets/7", "", 200, WRITING),
        ("PUT", "/api/v2/tickets/7", "", 409, READING),
        ("DELETE", "/api/v2/tickets/7/tags", "", 200, WRITING),
        ("POST", "/rest/api/3/issue/10001/comment", "", 201, WRITING),
    ],
)
def test_a_call_is_made_for(method: str, path: str, query: str, status: int, purpose: str) -> None:
    assert purpose_of({"method": method, "path": path, "query": query, "status": status}) == purpose


def test_a_comment_is_shown_as_people_see_it() -> None:
    body = "[Zendesk #23|http://127.0.0.1:1/agent/tickets/23] was tagged bug\\_not\\_fixed.\n(written by syncd)"
    assert comment_line(body) == "Zendesk #23 was tagged bug_not_fixed."


def _watched(folder: Path, *scenes: Scene) -> tuple[Watch, list[Act]]:
    """A play that is watched from its second step on."""
    lab = Lab(folder)
    acts: list[Act] = []
    watch: Watch | None = None

    def seen(act: Act) -> None:
        if watch is not None:
            acts.append(act)
            watch.act(act)
        lab.sandbox.advance(1)

    def no_link(*_: Any) -> None:
        raise AssertionError

    for step in rounds(People(lab.sandbox, lab.seeded, seen=seen, link=no_link), scenes):
        lab.cycle()
        if step == 1:
            lab.accept()
        lab.settle()
        if watch is None:
            watch = Watch(lab.sandbox, {number: title for title, number in lab.seeded.fields.items()})
        watch.look()
    lab.app.store.close()
    assert watch is not None
    return watch, acts


def test_every_change_is_carried_to_everybody_whom_it_concerns(tmp_path: Path) -> None:
    watch, acts = _watched(tmp_path, a_fix_that_does_not_help)
    carried = {(c.act.text, c.subject) for c in watch.carried if c.act is not None}
    assert carried == {(act.text, subject) for act in acts for subject in act.reaches}
    assert watch.owed == []


def test_a_write_is_told_with_what_it_does_and_how_late_it_came(tmp_path: Path) -> None:
    watch, _ = _watched(tmp_path, a_fix_that_does_not_help)
    told = [(c.subject, c.what, c.act is not None) for c in watch.carried]
    back = [
        ("NOVA-1", "moved to Reopened", True),
        ("NOVA-1", "moved to To Do", False),
        ("NOVA-1", "comment: Zendesk #2 was tagged bug_not_fixed by Tom Becker: this bug goes back to To Do.", False),
    ]
    assert [line for line in told if line[0] == "NOVA-1"] == back
    assert ("#2", "tag bug_not_fixed taken off", False) in told
    assert ("#1", "set to open, Engineering status: Done, internal note", True) in told
    lags = [c.lag for c in watch.carried if c.lag is not None]
    assert lags
    assert all(0 < lag <= 40 for lag in lags)  # two polls of 15 s on a clock that stands still while syncd works


def test_calls_are_counted_by_purpose_and_for_each_change(tmp_path: Path) -> None:
    watch, _ = _watched(tmp_path, unlinked, a_resolution_without_a_stage)
    changes = sum(1 for carried in watch.carried if carried.act is not None)
    assert changes == 2
    assert watch.purposes[WRITING] == len(watch.carried) == 2
    assert watch.calls_per_change() == (watch.purposes[WRITING] + watch.purposes[READING]) / 2
    assert all(carried.calls >= 1 for carried in watch.carried)


def test_what_is_not_carried_is_owed_until_it_is_forgiven(tmp_path: Path) -> None:
    watch = Watch(Lab(tmp_path).sandbox, {})
    act = Act(0.0, "Priya Nair", "sets #1 to open", ("NOVA-1",))
    watch.act(act)
    assert watch.look() == []
    assert watch.owed == [(act, "NOVA-1")]
    watch.forgive()
    assert watch.owed == []
