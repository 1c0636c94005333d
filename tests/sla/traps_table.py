"""Makes docs/sla-traps.md from the tests: python -m tests.sla.traps_table"""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "sla-traps.md"
HOW_MANY = 44
OF_SENDING = {
    41: ("one bad recipient blocks the mail of nobody else", "test_one_dead_recipient_among_three_stops_nobody_else"),
    42: (
        "a mail whose answer was lost comes again under its own name",
        "test_a_lost_250_is_unknown_and_the_resend_is_the_same_byte_for_byte",
    ),
}
HEAD = """# Traps of SLA clocks

Other products fell into each of these. The right column is the test that keeps syncd out of it; the tests are in
`tests/sla/test_traps.py`, those of sending in `tests/alerts/test_smtp.py`. This page is made from them by
`python -m tests.sla.traps_table`.

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
        says, test = (name[len("test_trap_00_") :].replace("_", " "), name) if name else OF_SENDING[number]
        lines.append(f"| {number} | {says} | `{test}` |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(table(), encoding="utf-8")
