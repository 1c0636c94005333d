"""From a ticket to its bug: exactly one per ticket, route and occurrence, whatever fails; on both deployments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.core.model import Origin
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import MIRROR, OPS, Crash, Deployment, Lab

CREATE = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    create:
      act_tag: to_engineering
      labels: [from_support]
"""


def lab_with(folder: Path, deployment: Deployment, more: str = "", *, accept: bool = True) -> Lab:
    """A lab whose first route makes bugs; its first run is accepted."""
    lab = Lab(folder, deployment, routes=CREATE + more + OPS)
    if accept:
        open_the_brake(lab)
    return lab


def open_the_brake(lab: Lab) -> None:
    """The first run is accepted once and for all: by a link by hand."""
    ticket = lab.ticket()
    lab.link(ticket, lab.bug())
    lab.settle()


def ask(lab: Lab, **changes: Any) -> int:
    """A ticket that an agent tags for engineering."""
    ticket = lab.ticket(**changes)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
    return ticket


def bugs(lab: Lab) -> list[dict[str, Any]]:
    """The issues that syncd made."""
    issues = lab.sandbox.jira.state()["issues"]
    listed = issues.values() if isinstance(issues, dict) else issues
    return [i for i in listed if any(str(label).startswith("syncd-") for label in i["fields"].get("labels", ()))]


@pytest.fixture(params=["cloud", "data_center"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    return lab_with(tmp_path, request.param)


def test_a_tagged_ticket_becomes_one_bug_with_a_link_a_note_and_no_tag(made: Lab) -> None:
    ticket = ask(made)
    made.settle()
    made_bugs = bugs(made)
    print(made_bugs)
    assert len(made_bugs) == 1
    key = made_bugs[0]["key"]
    assert [(x.ticket_id, x.issue_key, x.origin) for x in made.links() if x.ticket_id == ticket] == [
        (ticket, key, Origin.CREATED)
    ]
    assert (made.status(ticket), made.shown(ticket, "Engineering bug")) == ("hold", key)
    notes = made.notes(ticket)
    assert len(notes) == 1
    assert key in notes[0]
    assert "to_engineering" not in made.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]
