"""Mappings whose writes would not settle, and how the linter tells it."""

from __future__ import annotations

import pytest

from syncd.config.classes import classes_of
from syncd.config.compile import compile_mapping
from syncd.config.linter import Finding, Walk, lint_mapping
from syncd.config.load import load_mapping, packaged_mappings
from syncd.core.mapping import StageMapping
from tests.core.given import mapping_from, project, shipped

GOOD = """
stages:
  queued:
    bug_is: [To Do]
    move_bug_to: To Do
    set_ticket: {new: hold, open: hold}
    ticket_may_be: [new, open, pending, hold]
  fixed:
    bug_is: [{status: Done, resolution: [Done, Fixed, none]}]
    set_ticket: {pending: open, hold: open}
    ticket_may_be: [new, open, pending, hold]
  confirmed:
    bug_is: [{status: Closed, resolution: [Done, Fixed, none]}]
    move_bug_to: {status: Closed, resolution: Done}
    ticket_may_be: any
when_ticket_moves:
  queued: {solved: note}
  fixed: {solved: confirmed, "tag:bug_not_fixed": queued}
many_tickets: {confirmed: all}
unmapped: conflict
"""


def bad(*changes: tuple[str, str]) -> StageMapping:
    """The good mapping with these lines changed."""
    text = GOOD
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return mapping_from(text, lawful=False)


def lint(mapping: StageMapping) -> list[Finding]:
    return lint_mapping(mapping, project=project())


@pytest.mark.parametrize("name", ["default", "simple"])
def test_the_mappings_that_come_with_the_project_settle(name: str) -> None:
    assert lint(shipped(name)) == []


@pytest.mark.parametrize("name", ["default", "simple"])
def test_they_settle_beside_each_other_on_one_ticket(name: str) -> None:
    other = {"default": "simple", "simple": "default"}[name]
    classes = classes_of([shipped(name), shipped(other)], project())
    assert Walk([shipped(name), shipped(other)], classes).findings() == []


def test_a_good_mapping_has_no_findings() -> None:
    assert lint(bad()) == []


@pytest.mark.parametrize(
    ("mapping", "severity", "words"),
    [
        pytest.param(
            bad(("hold: open}", "hold: pending}"), ("solved: confirmed,", "solved: confirmed, pending: queued,")),
            "error",
            ["Ping-pong", "stage fixed sets the ticket from hold to pending", "'pending' moves the bug on to queued"],
            id="what syncd sets asks the bug to go back",
        ),
        pytest.param(
            bad(("queued: {solved: note}", 'queued: {solved: note, "tag:bug_not_fixed": confirmed}')),
            "error",
            ["Ping-pong", "the tag bug_not_fixed moves a bug from fixed to queued, and there to confirmed"],
            id="one tag asks to and fro",
        ),
        pytest.param(
            bad(("{status: Closed, resolution: [Done, Fixed, none]}", "{status: Closed, resolution: [Done]}")),
            "error",
            ["A bug that is Done (Fixed)", "keeps its resolution", "Closed (Fixed), which is in no stage"],
            id="a bug keeps a resolution that the stage it is moved to does not name",
        ),
        pytest.param(
            bad(("move_bug_to: To Do", "move_bug_to: Done")),
            "error",
            ["moved to stage queued", "in stage fixed"],
            id="a bug is moved to a status of another stage",
        ),
        pytest.param(
            bad(("hold: open}", "hold: open, open: hold}")),
            "warning",
            ["Stage fixed sets hold to open and open to hold", "flips"],
            id="a ticket flips each time the bug enters the stage",
        ),
        pytest.param(
            bad(("queued: {solved: note}", "queued: {}")),
            "warning",
            ["In stage queued every time an agent solves the ticket is a conflict", "solved: note"],
            id="solving without the fix is a conflict each time",
        ),
        pytest.param(
            bad(("ticket_may_be: any", "ticket_may_be: [solved]"), ("set_ticket: {pending: open, hold: open}", "")),
            "warning",
            ["In stage confirmed every time a customer's answer opens the ticket is a conflict"],
            id="a customer's answer is a conflict each time",
        ),
        pytest.param(
            bad(("solved: confirmed,", "solved: queued,")),
            "error",
            ["leaves the ticket solved while the bug is in stage queued, which the mapping does not allow"],
            id="a stage is asked for that the ticket's status does not fit",
        ),
        pytest.param(
            bad(("set_ticket: {pending: open, hold: open}", "set_ticket: {pending: solved, hold: solved}")),
            "error",
            ["Ping-pong", "sets the ticket from hold to solved"],
            id="syncd solves the ticket and takes that for the agent's word",
        ),
    ],
)
def test_bad_mapping(mapping: StageMapping, severity: str, words: list[str]) -> None:
    found = [f for f in lint(mapping) if f.severity == severity and all(word in f.message for word in words)]
    assert found, [f"{f.severity}: {f.message}" for f in lint(mapping)]


def test_a_counterexample_reads_as_steps() -> None:
    (finding,) = lint(bad(("solved: confirmed,", "solved: queued,")))
    place = "the bug is in stage queued, which the mapping does not allow"
    assert finding.message.splitlines() == [
        f"syncd's own write leaves the ticket solved while {place}.",
        "  the ticket is new, the bug is Done (Done) (agreed: fixed)",
        "  an agent sets the ticket to solved",
        "  plan 1: moves the bug to To Do; comments on the bug",
        "  plan 2: nothing",
    ]


def test_each_kind_of_fault_is_told_once() -> None:
    findings = lint(bad(("solved: confirmed,", "solved: queued,"), ("hold: open}", "hold: open, new: solved}")))
    kinds = [finding.message.split(" ")[0] for finding in findings if finding.severity == "error"]
    assert len(kinds) == len(set(kinds))


def test_custom_statuses_are_walked_too() -> None:
    mapping = mapping_from(
        GOOD.replace("{new: hold, open: hold}", "{new: With engineering, open: With engineering}").replace(
            "{pending: open, hold: open}", "{pending: Fix ready, hold: Fix ready}"
        ),
        custom=True,
    )
    classes = classes_of([mapping], project())
    assert {classes.ticket_name(state) for state in classes.tickets} == {
        "new",
        "solved",
        "closed",
        "Fix ready",
        "With engineering",
    }
    assert lint(mapping) == []


def test_offline_without_a_project_the_walk_works_on_the_names() -> None:
    compiled = compile_mapping(load_mapping(packaged_mappings() / "default.yaml"), project=None, desk=None)
    assert lint_mapping(compiled.mapping) == []
