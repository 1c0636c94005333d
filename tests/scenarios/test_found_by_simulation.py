"""What the simulation found, one test for each: the design was wrong there, and is not any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.sandbox.faults import Fault
from tests.scenarios.lab import MIRROR, Deployment, Lab

ROUTE = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    create: {{act_tag: to_engineering}}
"""


@pytest.fixture
def lab(tmp_path: Path, deployment: Deployment) -> Lab:
    """One route that makes bugs and carries what is tagged."""
    return Lab(tmp_path, deployment, routes=ROUTE)


def test_a_ticket_that_asked_for_a_bug_while_its_route_did_not_run_gets_one_later(lab: Lab) -> None:
    lab.link(lab.ticket(), lab.bug())
    lab.settle()
    ticket = lab.ticket()
    lab.settle()
    lab.sandbox.jira.set_members("NOVA", lab.seeded.developers.values())
    lab.restart()
    assert not lab.app.engine.routes.running
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
    lab.cycle(2)
    lab.sandbox.jira.set_members("NOVA", None)
    lab.restart()
    lab.cycle(complete=True)
    lab.settle()
    assert [link.ticket_id for link in lab.links()].count(ticket) == 1
