"""How requests to Jira are sorted."""

from __future__ import annotations

import pytest

from syncd.sources.http import CallKind
from syncd.sources.jira_wire import kind_of


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        pytest.param("GET", "/rest/api/2/search/jql", CallKind("search", write=False), id="a search"),
        pytest.param("POST", "/rest/api/2/search/jql", CallKind("search", write=False), id="a search sent as POST"),
        pytest.param("POST", "/jira/rest/api/2/search", CallKind("search", write=False), id="below a context path"),
        pytest.param("POST", "/rest/api/2/issue/bulkfetch", CallKind("read", write=False), id="a bulk fetch reads"),
        pytest.param(
            "POST", "/ex/jira/c1/rest/api/3/workflows", CallKind("read", write=False), id="workflows are read"
        ),
        pytest.param("GET", "/rest/api/2/myself", CallKind("read", write=False), id="any GET reads"),
        pytest.param(
            "GET",
            "/rest/api/2/issue/10305",
            CallKind("read", write=False, subject="issue:10305"),
            id="one issue is read",
        ),
        pytest.param(
            "POST",
            "/rest/api/2/issue/10305/transitions",
            CallKind("write", write=True, subject="issue:10305"),
            id="a transition writes to its issue",
        ),
        pytest.param(
            "POST",
            "/rest/api/2/issue/A-1/comment",
            CallKind("write", write=True, subject="issue:A-1"),
            id="so does a comment",
        ),
        pytest.param("POST", "/rest/api/2/issue", CallKind("write", write=True), id="creating writes"),
        pytest.param("POST", "/elsewhere", CallKind("write", write=True), id="what is not known writes"),
    ],
)
def test_kind(method: str, path: str, kind: CallKind) -> None:
    assert kind_of(method, path) == kind
