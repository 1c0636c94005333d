"""Whose audits are wanted for a second of which the export may have left something out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.core.model import TicketSnapshot
from syncd.cycle.audits_wanted import note_crowded, want_left_out
from syncd.cycle.settings import CycleReport
from syncd.store import Store
from tests.store.records import NOW, later, ticket

SECOND = NOW.replace(microsecond=0)
AT = int(SECOND.timestamp())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/syncd.db") as opened:
        yield opened


def wanted(store: Store) -> list[int]:
    with store.reading() as tx:
        return sorted(tx.wanted_histories(100))


@pytest.mark.parametrize(
    ("stored", "is_wanted"),
    [
        pytest.param(ticket(), True, id="changed last in that second"),
        pytest.param(ticket(updated_at=later(60)), True, id="changed since"),
        pytest.param(ticket(created_at=SECOND), True, id="created in that second"),
        pytest.param(ticket(updated_at=later(-1)), False, id="not changed since"),
        pytest.param(ticket(created_at=later(1), updated_at=later(60)), False, id="created later"),
        pytest.param(ticket(visible=False, updated_at=later(60)), False, id="gone"),
    ],
)
def test_those_that_were_there_and_have_changed_since(store: Store, stored: TicketSnapshot, is_wanted: bool) -> None:
    report = CycleReport(1)
    with store.transaction() as tx:
        tx.put_tickets([stored], NOW)
        note_crowded(tx, AT, report, NOW)
    assert wanted(store) == ([stored.id] if is_wanted else [])
    assert len(report.warnings) == 1
    assert "does not get past 2026-03-02 09:30:15 UTC" in report.warnings[0]


@pytest.mark.parametrize(
    ("until", "is_wanted"),
    [pytest.param(-1, True, id="read before that second"), pytest.param(1, False, id="read since")],
)
def test_audits_that_were_read(store: Store, until: int, is_wanted: bool) -> None:
    with store.transaction() as tx:
        tx.put_tickets([ticket(updated_at=later(60))], NOW)
        tx.history_read(35, later(until))
        note_crowded(tx, AT, CycleReport(1), NOW)
    assert wanted(store) == ([35] if is_wanted else [])


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(CycleReport(1, caught_up=False), id="the export of tickets is behind"),
        pytest.param(CycleReport(1, problems={"zendesk": "away"}), id="it failed"),
    ],
)
def test_tickets_that_are_not_known_yet_are_waited_for(store: Store, report: CycleReport) -> None:
    with store.transaction() as tx:
        tx.put_tickets([ticket(1, updated_at=later(60))], NOW)
        note_crowded(tx, AT + 30, report, NOW)
        note_crowded(tx, AT, report, NOW)
    assert wanted(store) == []
    with store.transaction() as tx:
        tx.put_tickets([ticket(2, updated_at=later(20)), ticket(3, updated_at=later(-9))], NOW)
        want_left_out(tx, NOW)
    assert wanted(store) == [1, 2]
    with store.transaction() as tx:
        tx.history_read(1, later(61))
        tx.history_read(2, later(61))
        want_left_out(tx, NOW)
    assert wanted(store) == [], "it is done once"
