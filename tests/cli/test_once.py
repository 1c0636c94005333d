"""`syncd once` and `syncd plan`: exit codes, shapes, and what they do when servers fail or limit."""

from __future__ import annotations

import signal

import pytest

from syncd.sandbox.faults import Fault
from tests.cli.house import House, until


@pytest.mark.parametrize("verb", ["once", "plan"])
@pytest.mark.parametrize(
    ("side", "trouble", "code"),
    [
        pytest.param("zendesk", {"zendesk": "http://127.0.0.1:9"}, 75, id="Zendesk does not answer"),
        pytest.param("jira", {"jira": "http://127.0.0.1:9"}, 75, id="Jira does not answer"),
    ],
)
def test_a_server_that_is_away_is_named_and_means_later(
    house: House, verb: str, side: str, trouble: dict[str, str], code: int
) -> None:
    house.configure(**trouble)
    said = house.syncd(verb)
    assert said.code == code, said
    assert side in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("verb", ["once", "plan"])
def test_a_refused_credential_needs_a_person(house: House, verb: str) -> None:
    house.fine("once", "--accept")
    house.environ["JIRA_TOKEN"] = "not-the-token"
    said = house.syncd(verb)
    assert said.code == 1, said
    assert "jira" in said.err


@pytest.mark.parametrize("verb", ["once", "plan", "run"])
def test_a_secret_that_is_not_set_is_told_before_anything_is_done(house: House, verb: str) -> None:
    house.environ["JIRA_TOKEN"] = ""
    said = house.syncd(verb)
    assert (said.code, "JIRA_TOKEN" in said.err) == (78, True)
    assert not house.store_file.exists()


def test_a_route_that_is_stopped_needs_a_person_and_the_other_goes_on(house: House) -> None:
    text = house.config.read_text(encoding="utf-8")
    house.config.write_text(text.replace("project: OPS", "project: NOPE"), encoding="utf-8")
    ticket, _ = house.pair()
    said = house.syncd("once", "--accept")
    assert said.code == 1
    assert "Route ops is stopped" in said.err
    assert house.status(ticket) == "hold"


def test_more_writes_than_the_limit_allows_go_out_in_the_end(house: House) -> None:
    house.sandbox.zendesk.switches["tickets_update_limit"] = 100
    tickets = [house.pair()[0] for _ in range(8)]
    said = house.fine("once", "--accept", "--json")
    assert said.json["done"] >= 8
    assert {house.status(ticket) for ticket in tickets} == {"hold"}
    again = house.fine("once", "--json").json
    assert (again["planned"], again["done"]) == (0, 0)


def test_accepting_one_route_leaves_the_other_held(house: House) -> None:
    house.pair()
    ops = house.ticket()
    house.fine("links", "add", ops, house.bug(project="OPS"))
    said = house.syncd("once", "--accept", "nova", "--json")
    assert said.code == 1
    assert [brake["route"] for brake in said.json["brakes"]] == ["ops"]
    assert house.status(ops) == "open"
    house.fine("once", "--accept", "ops")
    assert house.status(ops) == "hold"


def test_accepting_before_anything_is_linked_lets_the_first_link_go(house: House) -> None:
    said = house.fine("once", "--accept")
    assert "Accepted: released nova (first_run, 0 writes), ops (first_run, 0 writes)." in said.err
    ticket, _ = house.pair()
    house.fine("once")
    assert house.status(ticket) == "hold"
    assert "Accepted: no brake is on." in house.fine("once", "--accept").err


def test_a_plan_is_what_once_does(house: House) -> None:
    for _ in range(3):
        house.pair()
    planned = house.fine("plan", "--json").json
    before = len(house.writes())
    assert before == 0
    done = house.fine("once", "--accept", "--json").json
    assert done["done"] == len(planned["writes"])
    after = house.fine("plan").out
    assert "Nothing would be written." in after


def test_a_plan_shows_what_is_queued(house: House) -> None:
    _, key = house.pair()
    house.fine("once", "--accept")
    house.sandbox.ctx.faults.add(Fault("status", "zendesk", method="PUT", times=-1, args={"status": 429}))
    house.moves(key, "Done", "Done")
    house.syncd("once")
    queued = [write for write in house.syncd("plan", "--json").json["writes"] if write["queued"]]
    assert len(queued) == 1
    assert queued[0]["not_before"]


def test_the_first_import_is_told_with_pages_and_minutes(house: House) -> None:
    house.pair()
    shape = house.fine("plan", "--json").json
    assert shape["import"]["done"] is True
    assert shape["import"]["pages"] >= 1
    assert shape["import"]["minutes_left"] == 0


def test_a_quick_plan_does_not_wait_for_the_import(house: House) -> None:
    house.sandbox.zendesk.switches["incremental_limit"] = 1
    said = house.syncd("plan", "--quick", "--json")
    assert said.code in (0, 75)
    assert set(said.json) >= {"source", "import", "writes", "brakes", "cost", "problems"}


def test_ctrl_c_finishes_the_action_in_hand_and_leaves_nothing_in_doubt(house: House) -> None:
    pairs = [house.pair() for _ in range(6)]
    house.fine("once", "--accept")
    house.sandbox.ctx.faults.add(Fault("delay", "zendesk", method="PUT", times=-1, args={"seconds": 0.2}))
    for _, key in pairs:
        house.moves(key, "Done", "Done")
    before = len(house.writes())
    process = house.start("once")
    try:
        until(lambda: len(house.writes()) > before, "the first write")
        process.send(signal.SIGINT)
        assert process.wait() == 130
        assert "Stopped; the action in hand was finished" in process.err
        assert len(house.writes()) < before + len(pairs)
        assert house.fine("intents", "list", "--state", "sent", "--json").json == []
    finally:
        process.kill()
