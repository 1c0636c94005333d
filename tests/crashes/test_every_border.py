"""The process dies at every border of each scene: the next start brings both sides to where they would have been."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashes.points import die_everywhere
from tests.crashes.scenes import ON_BOTH, SCENES, SISTERS, Scene
from tests.scenarios.lab import Deployment

BOTH: tuple[Deployment, ...] = ("data_center", "cloud")
TURNS: list[tuple[str, Deployment]] = [
    (name, deployment)
    for number, name in enumerate(name for name in SCENES if name not in SISTERS)
    for deployment in (BOTH if name in ON_BOTH else BOTH[number % 2 :][:1])
]


@pytest.mark.parametrize(("name", "deployment"), TURNS, ids=[f"{name} ({where})" for name, where in TURNS])
def test_dying_at_any_border_ends_as_if_nothing_had_happened_when(
    tmp_path: Path, name: str, deployment: Deployment
) -> None:
    scene: Scene = SCENES[name]
    found = die_everywhere(scene.lab(tmp_path, deployment), step=scene.step, end=scene.end)
    assert found.died >= 4
    assert found.wrong == []
