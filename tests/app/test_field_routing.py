"""What kinds of fields of Jira's there are, by its own description of them."""

from __future__ import annotations

import pytest

from syncd.app.field_routing import _kind_of
from syncd.core.model import BugField


@pytest.mark.parametrize(
    ("field", "items", "kind"),
    [
        pytest.param("labels", "string", "labels", id="labels"),
        pytest.param("labels", "", "labels", id="labels of which nothing is said of what they hold"),
        pytest.param("components", "", "components", id="components, the same"),
        pytest.param("fixVersions", "", "versions", id="fix versions, the same"),
        pytest.param("customfield_10001", "", None, id="somebody's list that may hold anything"),
        pytest.param("customfield_10001", "option", "multi", id="somebody's list of options"),
    ],
)
def test_a_list_is_known_by_what_it_holds(field: str, items: str, kind: str | None) -> None:
    assert _kind_of(BugField(id=field, name="A list", type="array", items=items)) == kind
