"""A second in which more happened than a page of Zendesk's export of ticket events holds: the export never gets past it
by itself, whether its page grows for that second or cuts it off."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.cycle.fetch import EVENTS
from syncd.cycle.history import known_history
from tests.scenarios.lab import NOVA, Lab
from tests.scenarios.test_clock_history import clock
from tests.scenarios.test_clocks_found_by_simulation import SLA

PAGES = [pytest.param("extend", id="its page grows"), pytest.param("stuck", id="its page is cut off")]


def crowd(lab: Lab, switch: str, *, rows: int = 3) -> tuple[int, int]:
    """Six tickets; a minute later the last of them gets its first reply, after all others were renamed within the same
    second. (That ticket, that second.)"""
    lab.sandbox.zendesk.switches.update(export_page_limit=rows, export_same_stamp=switch)
    tickets = []
    for _ in range(6):
        tickets.append(lab.ticket("new"))
        lab.sandbox.advance(1)
    lab.sandbox.advance(60)
    second = int(lab.sandbox.clock.now())
    for number in tickets[:-1]:
        lab.sandbox.zendesk.set_subject(ticket=number, actor=lab.agent, subject=f"Renamed {number}")
    lab.sandbox.zendesk.agent_replies(ticket=tickets[-1], actor=lab.agent, body="We are on it.")
    lab.sandbox.advance(5)
    lab.sandbox.zendesk.set_subject(ticket=tickets[0], actor=lab.agent, subject="Renamed again")
    lab.sandbox.advance(120)
    return tickets[-1], second


@pytest.mark.parametrize("switch", PAGES)
@pytest.mark.parametrize("rows", [3, 6], ids=["twice a page", "exactly a page"])
def test_the_live_export_goes_on_behind_it_and_audits_tell_the_rest(tmp_path: Path, switch: str, rows: int) -> None:
    lab = Lab(tmp_path, "cloud", routes=NOVA, more=SLA)
    lab.cycle(3, seconds=60, complete=True)
    ticket, second = crowd(lab, switch, rows=rows)
    lab.cycle(6, seconds=60, complete=True)
    with lab.app.store.reading() as tx:
        assert int(tx.cursor(EVENTS) or 0) > second + 1
        assert tx.count_wanted_histories() == 0
    assert not any(report.problems for report in lab.reports)
    said = [text for report in lab.reports for text in report.warnings if "export of ticket events" in text]
    assert len(said) == 1
    assert clock(lab, ticket, "first_reply").cycle.end == second


@pytest.mark.parametrize("switch", PAGES)
def test_so_does_the_walk_through_what_was_before(tmp_path: Path, switch: str) -> None:
    lab = Lab(tmp_path, "cloud", routes=NOVA, more=SLA)
    ticket, second = crowd(lab, switch)
    lab.sandbox.advance(3600)
    lab.cycle(8, seconds=60, complete=True)
    with lab.app.store.reading() as tx:
        assert known_history(tx).is_whole
        assert tx.count_wanted_histories() == 0
    assert clock(lab, ticket, "first_reply").cycle.end == second
