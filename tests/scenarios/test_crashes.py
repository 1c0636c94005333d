"""The process dies at every border of carrying status: the next start settles it, nothing is lost and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scenarios.crashes import Borders, watch
from tests.scenarios.lab import Crash, Deployment, Lab

Scene = tuple[Callable[[Lab], tuple[int, str]], Callable[[Lab, int, str], None], Callable[[Lab, int, str], None]]


def in_progress(lab: Lab) -> tuple[int, str]:
    """A ticket on hold, its bug in progress."""
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    lab.moves(key, "In Progress")
    lab.settle()
    return ticket, key


def handed_back(lab: Lab) -> tuple[int, str]:
    """The bug is fixed and the ticket open."""
    ticket, key = in_progress(lab)
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    return ticket, key


def fix(lab: Lab, ticket: int, key: str) -> None:
    """The developer fixes the bug."""
    lab.moves(key, "Done", "Fixed")


def verify(lab: Lab, ticket: int, key: str) -> None:
    """The agent solves the ticket."""
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)


def reject(lab: Lab, ticket: int, key: str) -> None:
    """The agent says that it is not fixed."""
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])


def is_open_with_one_note(lab: Lab, ticket: int, key: str) -> None:
    """Story 3."""
    assert lab.status(ticket) == "open"
    assert len([note for note in lab.notes(ticket) if "Fixed" in note]) == 1


def is_closed(lab: Lab, ticket: int, key: str) -> None:
    """Story 4."""
    bug = lab.issue(key)
    assert (bug["status"], bug["resolution"], lab.status(ticket)) == ("Closed", "Fixed", "solved")
    reached = [item["new_text"] for entry in bug["changelog"] for item in entry["items"] if item["field"] == "status"]
    assert reached[-2:] == ["Verified", "Closed"]


def is_back_with_one_comment(lab: Lab, ticket: int, key: str) -> None:
    """Story 8."""
    assert lab.issue(key)["status"] == "To Do"
    assert len(lab.bug_comments(key)) == 1
    assert "bug_not_fixed" not in lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]


SCENES: dict[str, Scene] = {
    "a fixed bug hands its ticket back": (in_progress, fix, is_open_with_one_note),
    "a solved ticket walks its bug to closed": (handed_back, verify, is_closed),
    "a rejected fix sends the bug back": (handed_back, reject, is_back_with_one_comment),
}


@pytest.mark.parametrize(("given", "act", "end"), SCENES.values(), ids=SCENES)
def test_dying_at_any_border_loses_nothing_and_repeats_nothing(
    tmp_path: Path,
    deployment: Deployment,
    given: Callable[[Lab], tuple[int, str]],
    act: Callable[[Lab, int, str], None],
    end: Callable[[Lab, int, str], None],
) -> None:
    # Every border, half of them on each deployment.
    at, crossed = (-1, 1) if deployment == "cloud" else (0, 2)
    while at < crossed:
        at += 2
        lab = Lab(tmp_path / str(at), deployment)
        ticket, key = given(lab)
        act(lab, ticket, key)
        borders = Borders(at)
        watch(lab, borders)
        try:
            lab.settle()
            crossed = len(borders.names)
        except Crash:
            crossed = at + 2
            lab.restart()
            lab.settle(60)
        end(lab, ticket, key)
        assert lab.conflicts() == [], borders.names[-1:]
        lab.app.store.close()
    assert at > 5
