"""A backup that is put back has forgotten that a bug was asked for, and Jira's search does not know the bug yet."""

from __future__ import annotations

from pathlib import Path

from syncd.sandbox.faults import Fault
from tests.scenarios.lab import Deployment
from tests.scenarios.test_create import ask, lab_with
from tests.scenarios.test_create_faults import CREATION, heal, is_whole, of_ticket


def test_a_bug_is_found_by_its_key_while_the_search_is_behind(tmp_path: Path, deployment: Deployment) -> None:
    lab = lab_with(tmp_path, deployment)
    lab.sandbox.jira.switches["search_lag_seconds"] = 900
    backup = lab.app.store.backup(tmp_path / "old.backup")
    lab.sandbox.ctx.faults.add(Fault("drop_after", "jira", method="POST", path=CREATION))
    ticket = ask(lab)
    while not of_ticket(lab, ticket):
        lab.cycle()
    lab.put_back(backup)
    heal(lab)
    is_whole(lab, ticket)
