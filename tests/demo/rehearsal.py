"""The demo's acts in one process on a frozen clock, with the engine in place of the daemon."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from syncd.config.problems import ConfigError
from syncd.demo.checker import END_STATE, differences
from syncd.demo.people import Act, People
from syncd.demo.story import SCENES, Scene, rounds
from tests.scenarios.lab import Deployment, Lab

POLLS = 6
"""At most so many between two steps: a mapping that never comes to rest is no reason to wait longer."""


def play(lab: Lab, scenes: Iterable[Scene] = SCENES) -> None:
    """Plays these scenes to their end, and lets the engine come to rest."""

    def seen(_: Act) -> None:
        lab.sandbox.advance(2)

    def link(ticket: int, key: str) -> None:
        lab.request("links add", ticket=ticket, issue=key)

    for step in rounds(People(lab.sandbox, lab.seeded, seen=seen, link=link), scenes):
        if step == 1:
            lab.cycle()
            lab.accept()
        _rest(lab)


def _rest(lab: Lab) -> None:
    for _ in range(POLLS):
        report = lab.cycle()
        if not (report.planned or report.done or report.in_doubt or report.later or sum(report.waiting.values())):
            return


def account(lab: Lab) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The sandbox's state and journal as its control address gives them."""
    state, journal = lab.sandbox.state(), lab.sandbox.ctx.journal.entries()
    return json.loads(json.dumps(state, default=str)), json.loads(json.dumps(journal, default=str))


@cache
def end_state() -> dict[str, Any]:
    """What was written by hand."""
    found: dict[str, Any] = yaml.safe_load(END_STATE.read_text(encoding="utf-8"))
    return found


def verdict(lab: Lab, scenes: Iterable[Scene] = SCENES) -> list[str]:
    """What the checker has to object to."""
    state, journal = account(lab)
    return differences(state, journal, end_state(), [scene.__name__ for scene in scenes])


def rehearse(
    folder: Path, deployment: Deployment = "cloud", *, mapping: str | None = None, scenes: Iterable[Scene] = SCENES
) -> list[str]:
    """Plays and judges."""
    try:
        lab = Lab(folder, deployment, mapping=mapping)
    except ConfigError as error:  # syncd would not start
        return [str(problem) for problem in error.problems]
    try:
        try:
            play(lab, scenes)
        except ValueError as refused:  # a tracker does not let somebody act: the bug is not where the story has it
            return [f"the story breaks off: {refused}"]
        return verdict(lab, scenes)
    finally:
        lab.app.store.close()
