"""A write that asks the other tracker first: when that one is away, only this write waits, and it is told of whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.sandbox.faults import Fault
from tests.scenarios.lab import Deployment
from tests.scenarios.test_create import ask, lab_with
from tests.scenarios.test_create_faults import heal, of_ticket


@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_zendesk_that_does_not_show_a_ticket_stops_no_other_write_to_jira(
    tmp_path: Path, deployment: Deployment, status: int
) -> None:
    lab = lab_with(tmp_path, deployment)
    first, second = ask(lab), ask(lab)
    away = Fault("status", service="zendesk", method="GET", path=rf"/tickets/{first}(\.json)?$", times=8, skip=1)
    away.args.update({"status": status})
    lab.sandbox.ctx.faults.add(away)
    report = lab.cycle()
    assert ([len(of_ticket(lab, ticket)) for ticket in (first, second)]) == [0, 1]
    assert "jira" not in {*report.stopped_lanes, *report.problems, *report.shut_out}
    lab.sandbox.ctx.faults.clear()
    heal(lab)
    assert ([len(of_ticket(lab, ticket)) for ticket in (first, second)]) == [1, 1]
