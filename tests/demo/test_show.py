"""What the demo prints."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from syncd.demo.people import Act
from syncd.demo.show import Show
from syncd.demo.watch import Carried, Watch
from syncd.sandbox.server import Sandbox

ACT = Act(1_772_442_000.0, "Priya Nair", "solves #1: “[3.2] mends it”", ("NOVA-1",))
CARRIED = Carried("NOVA-1", "moved to Verified", ACT.at + 17, ACT, 4)
FOLLOWS = Carried("NOVA-1", "moved to Closed", ACT.at + 18, None, 0)


def _shown(*, terminal: bool = False) -> tuple[Show, io.StringIO]:
    file = io.StringIO()
    return Show(Console(file=file, force_terminal=terminal, width=100, highlight=False)), file


@pytest.mark.parametrize(
    ("carried", "line"),
    [
        pytest.param(CARRIED, "09:00:17   → NOVA-1 moved to Verified for Priya Nair (17 s later, 4 calls)", id="act"),
        pytest.param(FOLLOWS, "09:00:18   ↳ NOVA-1 moved to Closed", id="what follows from a write"),
        pytest.param(
            Carried("#1", "internal note", ACT.at, Act(ACT.at, "Operator", "types", ("#1",), timed=False), 1),
            "09:00:00   → #1 internal note for Operator (1 call)",
            id="a command, whose own start is no lag",
        ),
    ],
)
def test_a_write_is_one_plain_line_for(carried: Carried, line: str) -> None:
    show, file = _shown()
    show.carried(carried)
    assert file.getvalue() == line + "\n"


def test_what_people_write_is_no_markup() -> None:
    show, file = _shown()
    show.act(ACT)
    assert file.getvalue() == "09:00:00  Priya Nair solves #1: “[3.2] mends it”\n"


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        pytest.param(None, 0, ["one", "two", "three", "four"], id="all of it"),
        pytest.param(2, 0, ["one", "two", "… 2 more"], id="its beginning"),
        pytest.param(1, 1, ["one", "… 2 more", "four"], id="its beginning and its end"),
        pytest.param(2, 2, ["one", "two", "three", "four"], id="all of it, where nothing is saved"),
    ],
)
def test_of_what_a_command_says_is_shown(first: int | None, last: int, shown: list[str]) -> None:
    show, file = _shown()
    show.lines(["one", "two", "three", "four"], first, last)
    assert file.getvalue().splitlines() == [f"  {line}" for line in shown]


@pytest.mark.parametrize("terminal", [True, False], ids=["on a terminal", "without a terminal there is none"])
def test_the_status_line(terminal: bool) -> None:
    show, file = _shown(terminal=terminal)
    watch = Watch(Sandbox(), {})
    watch.carried += [CARRIED, FOLLOWS]
    show.progress(watch)
    show.progress(watch)
    show.still()
    assert ("1 changes carried · median lag 17 s" in file.getvalue()) is terminal


def test_the_summary_counts_changes_lags_and_calls() -> None:
    show, file = _shown()
    watch = Watch(Sandbox(), {})
    watch.carried += [CARRIED, FOLLOWS]
    watch.purposes.update({"writing": 2, "looking for changes (fast pass)": 8})
    show.summary(watch, 30)
    rows = [
        [cell.strip() for cell in line.strip("│").split("│")] for line in file.getvalue().splitlines() if "│" in line
    ]
    assert rows == [
        ["changes carried", "1"],
        ["writes that followed from those", "1"],
        ["lag, median (the clock ran 30 times as fast)", "17 s"],
        ["lag, longest", "17 s"],
        ["API calls for each change", "2.0"],
        ["API calls in all", "10"],
        ["looking for changes (fast pass)", "8"],
        ["writing", "2"],
    ]
