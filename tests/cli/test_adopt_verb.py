"""`syncd links adopt` as a person types it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from click.testing import CliRunner

from syncd.cli import main
from syncd.sandbox.faults import Fault
from syncd.store import StoreLock
from tests.cli.house import SECRETS, House


@pytest.fixture
def full(house: House) -> dict[str, Any]:
    """A link of the app, one whose issue moved away, one to an issue that is gone, and a label."""
    desk, jira = house.sandbox.zendesk, house.sandbox.jira
    named: dict[str, Any] = {"app": (house.ticket(), house.bug())}
    moved, gone, labelled = house.bug(), house.bug(), house.ticket()
    tickets = [house.ticket(), house.ticket()]
    for ticket, key in (named["app"], (tickets[0], moved), (tickets[1], gone)):
        desk.add_jira_link(ticket=ticket, issue_id=str(jira.issue_state(key)["id"]), issue_key=key)
    named["moved"] = (tickets[0], jira.move_issue(house.developer, moved, "OPS"))
    jira.delete_issue(house.developer, gone)
    named["gone"] = (tickets[1], gone)
    named["label"] = (labelled, jira.create_issue(house.developer, "NOVA", "A bug", labels=[f"zd-{labelled}"]))
    return named


def test_a_dry_run_says_what_would_be_done_and_leaves_no_trace(house: House, full: dict[str, Any]) -> None:
    said = house.fine("links", "adopt", "--dry-run")
    assert "3 links would be taken over; they are only observed at first." in said.out
    assert re.search(r"taken over\s+│?\s*2", said.out), said.out
    assert re.search(r"taken over, under a new key\s+│?\s*1", said.out), said.out
    assert re.search(r"issue deleted or hidden\s+│?\s*1", said.out), said.out
    ticket, key = full["gone"]
    assert f"ticket #{ticket} and {key} (app-links): the issue was deleted, or syncd may not see it." in said.out
    assert f"is {full['moved'][1]} by now; adopted by its id." in said.out
    assert not house.store_file.exists()
    assert house.writes() == []


def test_a_dry_run_takes_no_lock_and_changes_no_store(house: House, full: dict[str, Any]) -> None:
    house.fine("once")
    before = house.store_file.read_bytes()
    with StoreLock(f"sqlite:///{house.store_file}"):
        said = house.fine("links", "adopt", "--dry-run", "--json")
        assert house.syncd("links", "adopt").code == 75
    assert house.store_file.read_bytes() == before
    assert len([entry for entry in said.json["links"] if entry["outcome"] == "new"]) == 2


def test_the_answer_for_machines_names_every_pair_and_its_reason(house: House, full: dict[str, Any]) -> None:
    found = house.fine("links", "adopt", "--json").json
    assert (found["dry_run"], found["unread"]) == (False, [])
    assert {k: v for k, v in found["counts"].items() if v} == {"new": 2, "stale_key": 1, "issue_gone": 1}
    by_ticket = {entry["ticket"]: entry for entry in found["links"]}
    for name, source, outcome in (
        ("app", "app-links", "new"),
        ("moved", "app-links", "stale_key"),
        ("gone", "app-links", "issue_gone"),
        ("label", "labels", "new"),
    ):
        ticket, key = full[name]
        entry = by_ticket[ticket]
        assert (entry["issue"], entry["source"], entry["outcome"]) == (key, source, outcome)
        assert bool(entry["why"]) == (outcome != "new")
    rows = house.fine("links", "list", "--json").json
    assert {(row["ticket"], row["issue"], row["origin"]) for row in rows} == {
        (*full[name], "adopted") for name in ("app", "moved", "label")
    }
    again = house.fine("links", "adopt").out
    assert re.search(r"known already\s+│?\s*3", again), again
    assert "0 links were taken over" in again


def test_the_calls_that_it_took_are_stated(house: House, full: dict[str, Any]) -> None:
    house.fine("once")
    before = len(house.sandbox.ctx.journal.entries(0))
    stated = house.fine("links", "adopt", "--dry-run", "--json").json["calls"]
    made = [f"{e['method']} {e['path']}" for e in house.sandbox.ctx.journal.entries(0)[before:]]
    first = next(n for n, call in enumerate(made) if call.endswith("/jira/links"))
    assert stated == len(made) - first, made
    assert f"It took {stated} API calls." in house.fine("links", "adopt", "--dry-run").out
    assert full["app"]


def test_a_table_that_may_not_be_read_says_what_to_switch_on(house: House, full: dict[str, Any]) -> None:
    house.sandbox.ctx.faults.add(Fault("status", "zendesk", path=r"/jira/links", times=-1, args={"status": 403}))
    said = house.syncd("links", "adopt", "--dry-run")
    assert said.code == 1
    assert "Manage links" in said.out
    assert "1 link would be taken over" in said.out
    assert full["label"]


def test_remote_links_show_their_cost_before_a_single_one_is_read(house: House, full: dict[str, Any]) -> None:
    words = ["links", "adopt", "--dry-run", "--source", "remote-links", "--config", str(house.config)]
    refused = CliRunner().invoke(main, words, env=SECRETS, input="n\n")
    issues = len(full)  # one was deleted, and one has two lives
    asked = re.search(r"remote links of (\d+) issues takes (\d+) API calls", refused.output)
    assert asked is not None, refused.output
    assert asked[1] == asked[2] == str(issues - 1)
    assert refused.exit_code == 1
    assert not [e for e in house.sandbox.ctx.journal.entries(0) if "remotelink" in e["path"]]
    CliRunner().invoke(main, words, env=SECRETS, input="y\n")
    read = [e for e in house.sandbox.ctx.journal.entries(0) if "remotelink" in e["path"]]
    assert len(read) == int(asked[2])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--source", "jira-field"], "--jira-field customfield_10400"),
        (["--label", "zd-[0-9"], "no regular expression"),
        (["--label", "zd-[0-9]+"], "one pair of brackets"),
    ],
    ids=["a field without its name", "a label that is no expression", "a label without brackets"],
)
def test_what_is_asked_wrongly_is_said_before_anything_is_read(house: House, words: list[str], said: str) -> None:
    answer = house.syncd("links", "adopt", "--dry-run", *words)
    assert answer.code == 64
    assert said in answer.err
