"""Computing all clocks anew: what differs is shown, an interrupted run goes on, and nobody's alert gets lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.cycle.recompute import Recomputation, differences
from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.calendar import always
from syncd.sla.holder import NOBODY
from syncd.store.clocks import ClockRecord
from tests.scenarios.lab import Lab
from tests.sla.kit import rules


def settings(goal: str, meaning: str = "one") -> SlaSettings:
    return SlaSettings(
        rules({"first_reply": {"goals": {"any": goal}, "calendar": "always"}}), meaning, always("r", "UTC")
    )


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = Lab(tmp_path, sla=settings("8h"))
    for _ in range(3):
        made.ticket("new")
    made.cycle(4, seconds=60)
    return made


def states(lab: Lab) -> list[tuple[str, int | None]]:
    with lab.app.store.reading() as tx:
        return [(record.state, record.target) for record in tx.clocks_of(range(1, 1000))]


def work(lab: Lab, goal: str) -> Recomputation:
    lab.app.clocks.settings = settings(goal, "two")
    return Recomputation(lab.app.store, lab.app.engine.clocks)


def test_a_rehearsal_shows_what_would_differ_and_changes_nothing(lab: Lab) -> None:
    assert states(lab) == [("running", 28800)] * 3
    last, done, diffs = work(lab, "1m").rehearse(0)
    assert done == 3
    assert [diff.what for diff in diffs] == [("breach", "state", "due", "target")] * 3
    assert work(lab, "1m").rehearse(last or 0) == (None, 0, [])
    assert states(lab) == [("running", 28800)] * 3


def test_the_same_rules_differ_in_nothing(lab: Lab) -> None:
    assert work(lab, "8h").rehearse(0)[2] == []


def test_what_differs_is_looked_at_again_by_the_next_cycle(lab: Lab) -> None:
    todo = work(lab, "1m")
    assert todo.begin() == (3, False)
    done, diffs = todo.step()
    assert (done, len(diffs)) == (3, 3)
    assert todo.step() == (0, [])
    assert states(lab) == [("breached", 60)] * 3
    with lab.app.store.reading() as tx:
        assert tx.due_tickets(lab.clock.now(), 10) == sorted({diff.record.ticket_id for diff in diffs})


def test_an_interrupted_run_goes_on_where_it_stopped(lab: Lab) -> None:
    work(lab, "1m").begin()
    assert work(lab, "1m").begin() == (3, True)


def test_a_running_daemon_does_it_in_its_cycles(lab: Lab) -> None:
    lab.app.clocks.settings = settings("1m")  # of the same meaning: without the request nothing is computed anew
    lab.cycle()
    assert states(lab) == [("running", 28800)] * 3
    assert lab.request("sla recompute").startswith("ok: the clocks of 3 tickets")
    lab.cycle()
    assert states(lab) == [("breached", 60)] * 3


def test_clocks_that_come_and_go_are_differences_too() -> None:
    def record(metric: str, due: int | None) -> ClockRecord:
        return ClockRecord(
            *(1, metric, "", 1, "running", "green"),
            is_paused=False,
            started=0,
            ended=None,
            due=due,
            breached_at=None,
            next_at=due,
            target=60,
            used=0,
            holder=NOBODY,
            policy="support",
            level="",
            rules="x",
        )

    found = differences([record("a", 1), record("b", 1)], [record("b", 2), record("c", 3)])
    assert [(diff.record.metric, diff.what) for diff in found] == [("a", ("gone",)), ("b", ("due",)), ("c", ("new",))]
