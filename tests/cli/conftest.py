"""A house for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.house import Deployment, House


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes houses of either deployment, and closes them."""
    houses: list[House] = []

    def make(deployment: Deployment = "cloud", **options: Any) -> House:
        folder = tmp_path / f"house-{len(houses)}"
        folder.mkdir()
        houses.append(House(folder, deployment, **options))
        return houses[-1]

    yield make
    for house in houses:
        house.close()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A house with Jira Cloud, people and settings, and neither tickets nor bugs."""
    return make_house()
