"""Every story is played on both deployments."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import cast

import pytest
import structlog

from tests.scenarios.lab import Deployment, Lab


@pytest.fixture(params=["cloud", "data_center"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    return cast("Deployment", request.param)


@pytest.fixture
def lab(tmp_path: Path, deployment: Deployment) -> Lab:
    return Lab(tmp_path, deployment)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """The daemon's lines are not what these tests read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
