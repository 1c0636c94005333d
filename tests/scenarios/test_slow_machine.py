"""A machine on which a cycle has no time left for writes still makes them, one after the other."""

from __future__ import annotations

from pathlib import Path

from syncd.executor import Lane
from tests.scenarios.lab import Lab


def test_a_drain_without_time_makes_one_write(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    pairs = [(lab.ticket(), lab.bug()) for _ in range(2)]
    for ticket, key in pairs:
        lab.link(ticket, key)
    lab.settle()
    for _, key in pairs:
        lab.moves(key, "Done", "Fixed")
    lab.sandbox.advance(15)
    engine = lab.app.engine
    engine._plan(engine.observe())
    drained = [engine._executor.drain(Lane.ZENDESK, seconds=0.0) for _ in range(2)]
    assert [report.done for report in drained] == [1, 1]
    assert drained[0].stopped == "out of time for this cycle"
    assert [lab.status(ticket) for ticket, _ in pairs] == ["open", "open"]
