"""The page of traps is current and leaves none out."""

from __future__ import annotations

from tests.sla.traps_table import HERE, HOW_MANY, OF_SENDING, PAGE, by_trap, table


def test_every_trap_has_a_test() -> None:
    assert sorted([*by_trap(), *OF_SENDING]) == list(range(1, HOW_MANY + 1))
    sending = (HERE.parent / "alerts" / "test_smtp.py").read_text(encoding="utf-8")
    assert all(f"def {test}(" in sending for _, test in OF_SENDING.values())


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == table(), "run: python -m tests.sla.traps_table"
