"""The design bugs of ablations.py: that each still can be made, and that those which show soonest are caught."""

from __future__ import annotations

import ast

import pytest

from tests.simulation.ablate import HISTORIES, ROOT, attempt, patched
from tests.simulation.ablation import Ablation
from tests.simulation.ablations import ABLATIONS

QUICK = {2, 15, 17}
"""Those that the first history or two catch; `make ablate` tries them all."""


@pytest.mark.parametrize("ablation", ABLATIONS, ids=lambda ablation: ablation.name)
def test_the_protection_can_still_be_taken_away(ablation: Ablation) -> None:
    for file in {change.file for change in ablation.changes}:
        text = (ROOT / "syncd" / file).read_text(encoding="utf-8")
        changed = patched(text, ablation, file)
        assert changed != text
        ast.parse(changed, file)


def test_every_design_bug_was_listed_before_it_was_tried() -> None:
    listed = (ROOT / "DECISIONS.md").read_text(encoding="utf-8").split("The simulation is proved by ablation")[1]
    numbers = [ablation.number for ablation in ABLATIONS]
    assert numbers == list(range(1, len(ABLATIONS) + 1))
    assert all(f" {number} " in listed for number in numbers)


@pytest.mark.parametrize("ablation", [a for a in ABLATIONS if a.number in QUICK], ids=lambda ablation: ablation.name)
def test_the_simulation_catches(ablation: Ablation) -> None:
    verdict = attempt(ablation, histories=HISTORIES)
    assert verdict.seed is not None


def test_the_table_of_results_names_all_and_none_was_missed() -> None:
    lines = (ROOT / "docs" / "ablations.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ") and line[2].isdigit()]
    assert [(row[0].removeprefix("| "), row[1]) for row in rows] == [(str(a.number), a.name) for a in ABLATIONS]
    assert not [row for row in rows if row[2] == "never"]
