"""What the last move of a history is judged by is judged itself, by hand."""

from __future__ import annotations

import pytest

from tests.simulation.probe import another


@pytest.mark.parametrize(
    ("present", "made"),
    [
        pytest.param("low", {"urgent", "high", "normal"}, id="a ticket is made what it is not"),
        pytest.param("High", {"urgent", "normal", "low"}, id="a bug is made what it is not, whatever its ticket is"),
        pytest.param(None, {"urgent", "high", "normal"}, id="a ticket that has none is made any"),
        pytest.param("Lowest", {"urgent", "high", "normal"}, id="a bug that has what no ticket can have is made any"),
    ],
)
def test_who_makes_a_last_move_changes_the_side_that_is_moved(present: str | None, made: set[str]) -> None:
    assert {another(present, choice) for choice in range(12)} == made
