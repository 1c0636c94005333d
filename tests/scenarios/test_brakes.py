"""The brakes: what is implausible is held, said once in one sentence, and let go by a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.config.load import packaged_mappings
from tests.scenarios.lab import Deployment, Lab


def writes_during(lab: Lab, cycles: int = 6) -> list[str]:
    """The remote writes that cycles make."""
    reads = ("/search", "/bulkfetch", "/workflows", "/oauth/")
    return [
        f"{e['method']} {e['path']}"
        for e in lab.during(lambda: lab.cycle(cycles))
        if e["method"] != "GET" and not any(r in e["path"] for r in reads)
    ]


def test_a_first_run_writes_nothing_until_it_is_accepted(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, accept=False)
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    assert writes_during(lab) == []
    held = lab.reports[-1].held["novabrain"]
    assert held.reason == "first_run"
    assert "syncd once --accept" in held.message
    assert lab.accept().startswith("ok: released novabrain")
    lab.settle()
    assert lab.status(ticket) == "hold"


def test_the_token_of_a_held_run_works_from_the_configuration_too(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, accept=False)
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.cycle()
    token = lab.reports[-1].held["novabrain"].token
    config = lab.folder / "config.yaml"
    config.write_text(config.read_text() + f"guard: {{accept: ['{token}']}}\n")
    lab.restart()
    lab.settle()
    assert lab.status(ticket) == "hold"


def test_a_mapping_whose_meaning_changed_is_held_and_one_whose_comments_changed_is_not(
    tmp_path: Path, deployment: Deployment
) -> None:
    text = (packaged_mappings() / "default.yaml").read_text(encoding="utf-8")
    lab = Lab(tmp_path, deployment, mapping=text)
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    mapping = lab.folder / "mappings" / "default.yaml"
    mapping.write_text("# another comment\n" + text)
    lab.restart()
    lab.moves(key, "In Progress")
    lab.settle()
    assert lab.shown(ticket, "Engineering status") == "In Progress"
    mapping.write_text(
        text.replace("customer_reopens_bug: false ", "customer_reopens_bug: false ").replace(
            "on_conflict: bug_wins", "on_conflict: flag"
        )
    )
    lab.restart()
    lab.moves(key, "Done", "Fixed")
    assert writes_during(lab) == []
    assert lab.reports[-1].held["novabrain"].reason == "mapping_changed"
    lab.accept()
    lab.settle()
    assert lab.status(ticket) == "open"


@pytest.mark.parametrize("census", ["60s", "1h"], ids=["all links at once", "a few links at a time"])
def test_a_source_that_is_emptied_concludes_nothing(tmp_path: Path, deployment: Deployment, census: str) -> None:
    lab = Lab(tmp_path, deployment, more=f"poll: {{fast: 15s, complete: 60s, census: {census}}}")
    pairs = [(lab.ticket("open"), lab.bug()) for _ in range(6)]
    for ticket, key in pairs:
        lab.link(ticket, key)
    lab.settle()
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    assert writes_during(lab, 12) == []
    assert lab.conflicts() == []
    with lab.app.store.reading() as tx:
        held = tx.guards()["novabrain"]["held"]
    assert isinstance(held, dict)
    assert held["reason"] == "emptied_source"
    assert "can no longer be read" in str(held["message"])


def test_a_source_that_is_whole_again_lets_its_brake_go(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment)
    pairs = [(lab.ticket("open"), lab.bug()) for _ in range(6)]
    for ticket, key in pairs:
        lab.link(ticket, key)
    lab.settle()
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.cycle(8)
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(24)  # a project that could not be searched is tried again after five minutes
    lab.moves(pairs[0][1], "Done", "Fixed")
    lab.settle()
    assert lab.status(pairs[0][0]) == "open"


def test_an_emptied_source_that_a_person_believes_becomes_conflicts(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, more="poll: {fast: 15s, complete: 60s, census: 60s}")
    pairs = [(lab.ticket("open"), lab.bug()) for _ in range(6)]
    for ticket, key in pairs:
        lab.link(ticket, key)
    lab.settle()
    for _, key in pairs:
        lab.sandbox.jira.delete_issue(lab.developer, key)
    lab.cycle(8)
    assert lab.conflicts() == []
    lab.accept()
    lab.cycle(8)
    assert lab.conflicts() == ["bug_gone"] * 6


def test_a_release_of_150_bugs_with_fresh_events_is_spread_and_not_stopped(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud")
    pairs = [(lab.ticket("open"), lab.bug()) for _ in range(150)]
    for n, (ticket, key) in enumerate(pairs):
        lab.request("links add", ticket=ticket, issue=key)
        if n == 0:
            lab.cycle()
            lab.accept()
    lab.cycle()
    lab.accept()
    lab.settle()
    assert {lab.status(ticket) for ticket, _ in pairs} == {"hold"}
    for _, key in pairs:
        lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert {lab.status(ticket) for ticket, _ in pairs} == {"open"}
    assert all(not report.held for report in lab.reports[-5:])
    limited = [e for e in lab.sandbox.ctx.journal.entries(0) if e["status"] == 429]
    assert limited == []


def test_another_account_of_our_own_is_held(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud")
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    config = lab.folder / "config.yaml"
    config.write_text(
        config.read_text().replace(
            "{oauth: {client_id: syncd, client_secret_env: ZENDESK_SECRET}}",
            "{api_token: {email: grace.hall@helpdesk.example, token_env: ZENDESK_TOKEN}}",
        )
    )
    lab.environ["ZENDESK_TOKEN"] = lab.seeded.writer_api_token
    lab.restart()
    lab.moves(key, "Done", "Fixed")
    assert writes_during(lab) == []
    assert lab.reports[-1].held["novabrain"].reason == "account_changed"
    lab.accept()
    lab.settle()
    assert lab.status(ticket) == "open"
