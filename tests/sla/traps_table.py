"""Makes docs/sla-traps.md from the tests: python -m tests.sla.traps_table"""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "sla-traps.md"
HOW_MANY = 44
WITHOUT = {
    41: "one bad recipient blocks a mail for all: a matter of sending, tested with the mail channel",
    42: "a sender that timed out sends again: a matter of sending, tested with the mail channel",
}
HEAD = """# Traps of SLA clocks

Other products fell into each of these. The right column is the test that keeps syncd out of it; the tests are in
`tests/sla/test_traps.py`, and this page is made from them by `python -m tests.sla.traps_table`.

| # | what has to hold | test |
|---|---|---|
"""


def by_trap() -> dict[int, str]:
    """Trap number to the name of its test."""
    tree = ast.parse((HERE / "test_traps.py").read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        match = re.fullmatch(r"test_trap_(\d\d)_\w+", node.name) if isinstance(node, ast.FunctionDef) else None
        if match and isinstance(node, ast.FunctionDef):
            found[int(match[1])] = node.name
    return found


def table() -> str:
    """The page."""
    named = by_trap()
    lines = []
    for number in range(1, HOW_MANY + 1):
        name = named.get(number)
        says = name[len("test_trap_00_") :].replace("_", " ") if name else WITHOUT[number]
        lines.append(f"| {number} | {says} | {f'`{name}`' if name else 'none here'} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(table(), encoding="utf-8")
