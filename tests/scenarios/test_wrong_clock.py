"""This machine's clock is wrong: what the trackers stamped is compared with what the trackers stamped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.scenarios.lab import Deployment, Lab, LabClock
from tests.scenarios.test_create import ask, bugs
from tests.scenarios.test_found_by_simulation import ROUTE

SKEWS = [
    pytest.param(1200.0, id="20 minutes ahead"),
    pytest.param(-1200.0, id="20 minutes behind"),
    pytest.param(0.0, id="right"),
]


class WrongClock(LabClock):
    """The machine's clock, which is off by `skew` seconds."""

    skew = 0.0

    def now(self) -> datetime:
        """What this machine believes the time to be."""
        return datetime.fromtimestamp(self._clock.now() + self.skew, UTC)


class Wrong(Lab):
    """On a machine whose clock is off."""

    def __init__(self, folder: Path, deployment: Deployment, skew: float) -> None:
        self.skew = skew
        super().__init__(folder, deployment, routes=ROUTE)

    def prepare(self) -> None:
        """Before the daemon starts."""
        wrong = WrongClock(self.sandbox.clock)
        wrong.skew = self.skew
        self.clock = wrong


@pytest.fixture(params=SKEWS)
def lab(request: pytest.FixtureRequest, tmp_path: Path, deployment: Deployment) -> Iterator[Wrong]:
    made = Wrong(tmp_path, deployment, request.param)
    yield made
    made.app.store.close()


def talk(lab: Wrong, ticket: int, key: str, word: str) -> None:
    """Somebody says something on either side."""
    lab.sandbox.advance(2)
    lab.sandbox.jira.comment(lab.developer, key, f"developers: {word}")
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body=f"#bug agents: {word}", public=False)
    lab.sandbox.advance(2)


def said(lab: Wrong, ticket: int, key: str) -> tuple[list[str], list[str]]:
    """(words of developers on the ticket, words of agents on the bug)."""
    on_ticket = [note.rpartition("developers: ")[2].split()[0] for note in lab.notes(ticket) if "developers:" in note]
    on_bug = [text.rpartition("agents: ")[2].split()[0] for text in lab.bug_comments(key) if "agents:" in text]
    return on_ticket, on_bug


@pytest.mark.parametrize("by", ["tag", "hand"])
def test_what_is_said_after_the_link_is_carried_once_and_nothing_from_before(lab: Wrong, by: str) -> None:
    other = lab.link(lab.ticket(), lab.bug())
    lab.settle()
    ticket, key = lab.ticket(), lab.bug()
    talk(lab, ticket, key, "before")
    lab.cycle(2)
    if by == "tag":
        lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=[f"link_{key.lower()}"])
        lab.cycle()
    else:
        lab.link(ticket, key)
    assert len(lab.links()) == 2, other
    for number in range(3):
        talk(lab, ticket, key, f"after{number}")
        lab.cycle(2)
    lab.settle()
    lab.cycle(complete=True)
    lab.settle()
    assert said(lab, ticket, key) == (["after0", "after1", "after2"],) * 2


def test_what_an_agent_writes_with_the_tag_that_links_belongs_to_the_link(lab: Wrong) -> None:
    lab.link(lab.ticket(), lab.bug())
    lab.settle()
    ticket, key = lab.ticket(), lab.bug()
    lab.sandbox.advance(5)
    lab.sandbox.zendesk.agent_replies(
        ticket=ticket, actor=lab.agent, body="#bug agents: with", public=False, tags=[f"link_{key.lower()}"]
    )
    lab.settle()
    assert said(lab, ticket, key)[1] == ["with"]


def test_what_is_said_on_a_bug_that_syncd_made_is_carried_from_its_first_word(lab: Wrong) -> None:
    lab.link(lab.ticket(), lab.bug())
    lab.settle()
    ticket = ask(lab)
    lab.cycle()
    (made,) = bugs(lab)
    talk(lab, ticket, made["key"], "after")
    lab.settle()
    assert said(lab, ticket, made["key"]) == (["after"], ["after"])


def test_the_first_look_at_jira_misses_nothing(lab: Wrong) -> None:
    """Before anything was read, the cursor begins at the present: at the servers'."""
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.cycle(2)
    lab.moves(key, "In Progress")
    lab.cycle(3)
    assert lab.shown(ticket, "Engineering status") == "In Progress"


def test_what_a_customer_wrote_before_the_link_keeps_no_ticket_open(lab: Wrong) -> None:
    """Whoever linked it knew those words, also those of the same second."""
    lab.link(lab.ticket(), lab.bug())
    lab.settle()
    key = lab.bug()
    ticket = lab.ticket("new", tags=[f"link_{key.lower()}"])
    lab.settle()
    assert lab.status(ticket) == "hold"
