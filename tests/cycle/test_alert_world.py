"""What one decision about alerts knows of a ticket beside its clocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from syncd.core.model import Origin
from syncd.cycle.alert_world import case_of
from syncd.store import Store
from tests.alerts.stage import FakeKeeper, WallClock, book, seconds
from tests.sla.kit import Told


def bugs(store: Store, linked: Iterable[int], problem: int | None) -> str:
    """The bug that ticket 1, an incident of `problem`, is grouped by."""
    clock = WallClock(seconds("09:00"))
    keeper = FakeKeeper(clock, book())
    keeper.lives[1] = Told().created("2026-03-02 08:00")
    (told,) = keeper.turn()
    told = replace(told, ticket=replace(told.ticket, problem_id=problem))
    with store.transaction() as tx:
        for ticket in linked:
            tx.add_link(ticket, "10001", "NOVA-1", "nova", Origin.MANUAL, datetime(2026, 3, 2, 8, tzinfo=UTC))
        return case_of(tx, keeper, told, keeper.book).problems_bug


def test_an_incident_knows_the_bug_of_its_problem(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 's.db'}") as store:
        assert bugs(store, (), 7) == ""
        assert bugs(store, (7,), 7) == "NOVA-1"
        assert bugs(store, (), None) == ""
