"""By which marks a bug is known that was made for a ticket."""

from __future__ import annotations

import pytest

from syncd.core.actions import CreateBug, marker_of
from syncd.core.creating import MOST_BUGS, label_of, marks_of, occurrence_of

ACCOUNT = "https://acme.example"


def mark(occurrence: int, *, ticket: int = 7, route: str = "app", account: str = ACCOUNT) -> str:
    return marker_of(CreateBug(account, ticket, occurrence, "NOVA", "asked for", {"summary": "x"}, route=route))


@pytest.mark.parametrize(
    ("marker", "which"),
    [
        pytest.param(mark(1), 1, id="the ticket's first bug, whatever it said"),
        pytest.param(mark(3), 3, id="its third"),
        pytest.param(mark(MOST_BUGS + 1), None, id="one too far"),
        pytest.param(mark(1, ticket=8), None, id="another ticket's bug"),
        pytest.param(mark(1, route="ops"), None, id="another route's"),
        pytest.param(mark(1, account="https://other.example"), None, id="another account's"),
        pytest.param("0" * 32, None, id="nobody's"),
    ],
)
def test_a_marker_tells_which_bug_of_the_ticket_it_is(marker: str, which: int | None) -> None:
    assert occurrence_of(marker, account=ACCOUNT, ticket_id=7, route="app") == which


def test_marks_are_read_off_labels() -> None:
    assert marks_of(["area_login", label_of(mark(1)), "syncd-off", f"x{label_of(mark(2))}"]) == [mark(1)]
