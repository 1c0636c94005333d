"""Degraded life: each way in which a server can fail has a sentence, is told once when it begins and once when it ends,
loses nothing, and ends by itself. docs/degraded.md is the same table for operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from syncd.daemon.telling import Teller
from syncd.sandbox.faults import Fault
from tests.cli.house import House
from tests.scenarios.lab import Deployment, Lab


@pytest.fixture(autouse=True)
def _heard() -> None:
    """The lines are what these tests read, whatever other tests have done to the log."""
    structlog.reset_defaults()


def _down(*sides: str) -> Callable[[Lab], None]:
    def break_(lab: Lab) -> None:
        for side in sides:
            lab.sandbox.ctx.faults.add(Fault("status", side, times=-1, args={"status": 503}))

    return break_


def _unreachable(lab: Lab) -> None:
    lab.sandbox.ctx.faults.add(Fault("drop_before", "jira", times=-1))


def _login_page(lab: Lab) -> None:
    lab.sandbox.ctx.faults.add(Fault("html", "jira", times=-1))


def _limited(lab: Lab) -> None:
    too_many = {"status": 429, "body": "Too many requests", "headers": {"Retry-After": "90"}}
    lab.sandbox.ctx.faults.add(Fault("status", "zendesk", times=1, args=too_many))


def _zendesk_revoked(lab: Lab) -> None:
    lab.sandbox.zendesk.revoke_user(user=lab.seeded.bot)


def _jira_revoked(lab: Lab) -> None:
    lab.sandbox.jira.revoke(lab.seeded.jira_bot)


def _jira_revoked_and_silent(lab: Lab) -> None:
    lab.sandbox.jira.switches["bad_token_search_200_empty"] = True
    _jira_revoked(lab)


def _mend(lab: Lab) -> None:
    lab.sandbox.ctx.faults.clear()
    lab.sandbox.zendesk.restore_user(user=lab.seeded.bot)
    lab.sandbox.jira.restore(lab.seeded.jira_bot)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What breaks, which sides are told to be lost, words of the sentence, and whether a person is needed."""

    breaks: Callable[[Lab], None]
    lost: tuple[str, ...]
    words: str
    person: bool = False


TABLE = {
    "Zendesk is down": Trouble(_down("zendesk"), ("zendesk",), "503"),
    "Jira is down": Trouble(_down("jira"), ("jira",), "503"),
    "both are down": Trouble(_down("zendesk", "jira"), ("jira", "zendesk"), "503"),
    "Jira cannot be reached": Trouble(_unreachable, ("jira",), "jira"),
    "a login page stands before Jira": Trouble(_login_page, ("jira",), "page instead of JSON"),
    "Zendesk's rate limit is used up": Trouble(_limited, ("zendesk",), "429"),
    "Zendesk's credential is revoked": Trouble(_zendesk_revoked, ("zendesk",), "zendesk", person=True),
    "Jira's credential is revoked": Trouble(_jira_revoked, ("jira",), "jira", person=True),
    "Jira's credential is revoked and it answers 200 and nothing": Trouble(
        _jira_revoked_and_silent, ("jira",), "jira", person=True
    ),
}
TURNS: list[tuple[str, Deployment]] = [(n, "cloud" if i % 2 else "data_center") for i, n in enumerate(TABLE)]


@pytest.mark.parametrize(("name", "deployment"), TURNS, ids=[f"{name} ({where})" for name, where in TURNS])
def test_it_is_said_once_nothing_is_concluded_and_it_ends_by_itself_when(
    tmp_path: Path, name: str, deployment: Deployment
) -> None:
    trouble, lab, teller = TABLE[name], Lab(tmp_path, deployment), Teller()
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    trouble.breaks(lab)
    lab.moves(key, "Done", "Fixed")
    lab.sandbox.jira.comment(lab.developer, key, "a finding")
    with capture_logs() as lines:
        reports = [lab.cycle(seconds=20) for _ in range(4)]
        for report in reports:
            teller.cycle(report)
    told = [line for line in lines if line["event"] == "side_lost"]
    assert sorted(line["side"] for line in told) == sorted(trouble.lost), "once"
    assert all(trouble.words in line["problem"].lower() or trouble.words in line["problem"] for line in told), told
    assert any(set(trouble.lost) <= report.problems.keys() for report in reports)
    assert any(set(trouble.lost) <= report.shut_out for report in reports) is trouble.person
    assert lab.conflicts() == []
    assert [link.ticket_id for link in lab.links()] == [ticket]
    with lab.app.store.reading() as tx:
        beat = tx.last_heartbeat()
    assert beat is not None
    assert beat.detail["problems"] == reports[-1].problems
    _mend(lab)
    with capture_logs() as lines:
        for _ in range(8):
            teller.cycle(lab.cycle(seconds=61))
    back = [line["side"] for line in lines if line["event"] == "side_back"]
    assert sorted(back) == sorted(set(trouble.lost) & reports[-1].problems.keys())
    assert lab.status(ticket) == "open"
    assert sum("a finding" in note for note in lab.notes(ticket)) == 1
    assert lab.conflicts() == []


@pytest.mark.parametrize(
    ("breaks", "once", "status"),
    [
        pytest.param(_jira_revoked, 1, 1, id="a refused credential needs a person"),
        pytest.param(_down("zendesk"), 75, 0, id="a server that is down needs time"),
    ],
)
def test_the_exit_codes_tell_whether_waiting_helps(
    house: House, breaks: Callable[[Lab], None], once: int, status: int
) -> None:
    house.fine("once", "--accept")
    breaks(house)  # type: ignore[arg-type]  # a house has what is needed of a lab: its sandbox and what was seeded
    assert house.syncd("once").code == once
    assert house.syncd("status").code == status
    _mend(house)  # type: ignore[arg-type]  # as above
    house.fine("once")
    house.fine("status")
