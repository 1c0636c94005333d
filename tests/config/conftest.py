"""Catalogs of invented projects and accounts, and small mappings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest

from syncd.core.model import CustomStatus, DeskCatalog, ProjectCatalog, StatusInfo

CATEGORIES = {
    "To Do": "new",
    "Backlog": "new",
    "Reopened": "new",
    "In Progress": "indeterminate",
    "In Review": "indeterminate",
    "Done": "done",
    "Verified": "done",
    "Closed": "done",
    "Won't Fix": "done",
}
RESOLUTIONS = ("Done", "Fixed", "Won't Do", "Won't Fix", "Cannot Reproduce", "Incomplete", "Duplicate")

MakeProject = Callable[..., ProjectCatalog]


@pytest.fixture
def make_project() -> MakeProject:
    """A project ENG from status names; ids count from 1 (statuses) and 10000 (resolutions)."""

    def make(
        statuses: Iterable[str],
        *,
        resolutions: Iterable[str] = RESOLUTIONS,
        categories: Mapping[str, str] = CATEGORIES,
        issue_type: str = "Bug",
    ) -> ProjectCatalog:
        infos = tuple(
            StatusInfo(str(number), name, categories.get(name, CATEGORIES.get(name, "indeterminate")))
            for number, name in enumerate(statuses, 1)
        )
        named = tuple((str(10000 + number), name) for number, name in enumerate(resolutions))
        return ProjectCatalog("ENG", "77", {issue_type: infos}, named)

    return make


@pytest.fixture
def desk() -> DeskCatalog:
    """An account with custom statuses."""
    return DeskCatalog(
        (
            CustomStatus(1, "New", "new", default=True),
            CustomStatus(2, "Open", "open", default=True),
            CustomStatus(3, "Pending", "pending", default=True),
            CustomStatus(4, "On-hold", "hold", default=True),
            CustomStatus(5, "Solved", "solved", default=True),
            CustomStatus(6, "Escalated", "open"),
            CustomStatus(7, "Fix ready", "open"),
            CustomStatus(8, "Old one", "pending", active=False),
        )
    )
