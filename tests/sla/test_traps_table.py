"""The page of traps is current and leaves none out."""

from __future__ import annotations

from tests.sla.traps_table import HOW_MANY, PAGE, WITHOUT, by_trap, table


def test_every_trap_has_a_test_or_a_reason() -> None:
    assert sorted([*by_trap(), *WITHOUT]) == list(range(1, HOW_MANY + 1))
    assert len(WITHOUT) <= 4


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == table(), "run: python -m tests.sla.traps_table"
