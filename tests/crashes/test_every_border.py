"""The process dies at every border of each scene: the next start brings both sides to where they would have been."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashes.points import die_everywhere
from tests.crashes.scenes import SCENES, SISTERS, Scene
from tests.scenarios.lab import Deployment

TURNS: list[tuple[str, Deployment]] = [
    (name, "cloud" if number % 2 else "data_center")
    for number, name in enumerate(name for name in SCENES if name not in SISTERS)
]


@pytest.mark.parametrize(("name", "deployment"), TURNS, ids=[f"{name} ({where})" for name, where in TURNS])
def test_dying_at_any_border_ends_as_if_nothing_had_happened_when(
    tmp_path: Path, name: str, deployment: Deployment
) -> None:
    scene: Scene = SCENES[name]
    found = die_everywhere(scene.lab(tmp_path, deployment), step=scene.step)
    assert found.died >= 4
    assert found.wrong == []
