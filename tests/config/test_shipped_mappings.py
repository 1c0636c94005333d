"""The mappings that come with syncd, read as a support lead would: what each says in the stories of daily life."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.config.compile import Compiled, compile_mapping
from syncd.config.load import load_mapping, packaged_mappings
from syncd.core.mapping import Stage, StageMapping
from syncd.core.model import ProjectCatalog, TicketState

MakeProject = Callable[..., ProjectCatalog]

SHIPPED = sorted(packaged_mappings().glob("*.yaml"))
OPEN, PENDING, HOLD, SOLVED = (TicketState(name) for name in ("open", "pending", "hold", "solved"))


def offline(name: str) -> StageMapping:
    compiled = compile_mapping(load_mapping(packaged_mappings() / f"{name}.yaml"), project=None, desk=None)
    assert not compiled.errors
    return compiled.mapping


def stage_of(mapping: StageMapping, status: str, resolution: str | None = None) -> Stage:
    stage = mapping.stage_of_pair(status, resolution)
    assert stage is not None
    return stage


def asked(stage: Stage) -> dict[str, str]:
    return {move.key: outcome for move, outcome in stage.asks}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_mapping_has_neither_errors_nor_warnings(file: Path) -> None:
    compiled: Compiled = compile_mapping(load_mapping(file), project=None, desk=None)
    assert compiled.errors == compiled.warnings == ()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_stage_of_a_shipped_mapping_is_explained(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert sum("#" in line for line in lines) > len(lines) / 4


def test_the_default_fits_a_workflow_with_a_status_after_done(make_project: MakeProject) -> None:
    project = make_project(["To Do", "Reopened", "In Progress", "In Review", "Done", "Verified", "Closed"])
    compiled = compile_mapping(load_mapping(packaged_mappings() / "default.yaml"), project=project, desk=None)
    assert compiled.errors == compiled.warnings == ()
    assert [stage.done for stage in compiled.mapping.stages] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("status", "resolution", "stage"),
    [
        pytest.param("to do", None, "queued", id="story 1: To Do"),
        pytest.param("reopened", None, "queued", id="story 14: Reopened"),
        pytest.param("in progress", None, "in_progress", id="story 2: In Progress"),
        pytest.param("done", "fixed", "fixed", id="story 3: Done and Fixed"),
        pytest.param("done", None, "fixed", id="Done without a resolution"),
        pytest.param("verified", "done", "fixed", id="verified by development: the agent has still to look"),
        pytest.param("closed", "done", "confirmed", id="story 4: Closed"),
        pytest.param("done", "won't do", "declined", id="story 5: Won't Do"),
        pytest.param("done", "cannot reproduce", "declined", id="story 6: Cannot Reproduce"),
        pytest.param("done", "incomplete", "declined", id="story 6: Incomplete"),
        pytest.param("closed", "won't do", "declined", id="story 6: closed without a fix is not confirmed"),
        pytest.param("verified", "duplicate", "declined", id="story 28: a duplicate whose original is not readable"),
    ],
)
def test_the_stage_of_a_bug_under_the_default(status: str, resolution: str | None, stage: str) -> None:
    assert stage_of(offline("default"), status, resolution).name == stage


@pytest.mark.parametrize("status", ["done", "verified", "closed"])
def test_a_resolution_that_nobody_named_is_nobodys_guess(status: str) -> None:
    """Story 7."""
    assert offline("default").stage_of_pair(status, "will see") is None


@pytest.mark.parametrize(
    ("status", "resolution", "ticket", "becomes"),
    [
        pytest.param("to do", None, OPEN, "hold", id="story 1: an open ticket waits for the bug"),
        pytest.param("in progress", None, HOLD, None, id="story 2: it goes on waiting"),
        pytest.param("done", "fixed", HOLD, "open", id="story 3: fixed is the agent's turn"),
        pytest.param("done", "won't do", HOLD, "open", id="story 5: declined is the agent's turn"),
        pytest.param("in progress", None, PENDING, None, id="story 10: pending on the customer stays so"),
        pytest.param("in progress", None, SOLVED, None, id="story 13: a solved ticket is left alone"),
        pytest.param("done", "fixed", SOLVED, None, id="story 13: also when the bug is fixed"),
        pytest.param("closed", "done", OPEN, None, id="story 37: an open ticket on a closed bug stays open"),
        pytest.param("closed", "done", TicketState("new"), "open", id="story 37: a new one is opened"),
    ],
)
def test_what_becomes_of_a_ticket_under_the_default(
    status: str, resolution: str | None, ticket: TicketState, becomes: str | None
) -> None:
    wanted = stage_of(offline("default"), status, resolution).wants(ticket)
    assert (wanted.name if wanted else None) == becomes


def test_what_tickets_ask_under_the_default() -> None:
    mapping = offline("default")
    queued, in_progress, declined, fixed, confirmed = mapping.stages
    assert asked(queued) == asked(in_progress) == {"solved": "note"}  # story 13
    assert asked(fixed) == {"solved": "confirmed", "tag:bug_not_fixed": "queued"}  # stories 4, 8
    assert asked(confirmed) == {
        "solved→open by agent": "queued",  # story 12
        "solved→open by customer": "note",  # story 11
        "tag:bug_not_fixed": "queued",
    }
    assert asked(declined) == {"tag:bug_not_fixed": "queued"}
    assert confirmed.quorum == "all"  # story 18
    assert queued.quorum == "any"
    assert confirmed.move_bug_to is not None
    assert (confirmed.move_bug_to.status_name, confirmed.move_bug_to.resolution) == ("Closed", "Done")


@pytest.mark.parametrize("name", ["default", "simple"])
def test_no_stage_reopens_solved_tickets_and_none_solves_them(name: str) -> None:
    mapping = offline(name)
    assert not mapping.customer_reopens_bug
    for stage in mapping.stages:
        assert not stage.reopen_solved
        assert all(goal.category not in ("solved", "new") for _, goal in stage.set_ticket)


@pytest.mark.parametrize("name", ["default", "simple"])
def test_people_may_put_a_ticket_on_hold_in_every_stage(name: str) -> None:
    """Story 38."""
    assert all(stage.allows(HOLD) and stage.allows(PENDING) and stage.allows(OPEN) for stage in offline(name).stages)


def test_without_a_status_after_done_a_solved_ticket_and_a_fixed_bug_agree() -> None:
    mapping = offline("simple")
    fixed = stage_of(mapping, "done", "done")
    assert fixed.allows(SOLVED)
    assert asked(fixed) == {
        "solved→open by agent": "queued",
        "solved→open by customer": "note",
        "tag:bug_not_fixed": "queued",
    }
    assert not stage_of(mapping, "to do").allows(SOLVED)  # story 14: a bug that comes back is told
