"""Links, conflicts, intents, backups: verbs while no daemon runs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.model import LinkState
from syncd.sandbox.faults import Fault
from syncd.store import IntentState
from tests.cli.house import House

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def linked(house: House) -> tuple[int, str]:
    """A ticket and a bug in step; the first run is accepted."""
    ticket, key = house.pair()
    house.fine("once", "--accept")
    return ticket, key


def test_a_link_is_added_listed_and_removed(house: House, linked: tuple[int, str]) -> None:
    ticket, key = house.ticket(), house.bug()
    said = house.fine("links", "add", f"#{ticket}", key.lower())
    assert f"ticket #{ticket} and {key}" in said.out
    rows = house.fine("links", "list", "--json").json
    assert [(row["ticket"], row["issue"], row["origin"]) for row in rows] == [
        (*linked, "field"),
        (ticket, key, "manual"),
    ]
    assert key in house.fine("links", "list", "--route", "nova").out
    assert house.fine("links", "list", "--route", "ops", "--json").json == []
    house.fine("once")
    assert house.status(ticket) == "hold"
    removed = house.fine("links", "remove", f"#{ticket}", key, "--json").json
    assert removed["ok"]
    assert len(house.fine("links", "list", "--json").json) == 1
    assert len(house.fine("links", "list", "--all", "--json").json) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["999", "NOVA-1"], "Ticket #999 does not exist"),
        (["1", "NOVA-99"], "NOVA-99 does not exist"),
        (["1", "NOVA-1"], "linked already"),
    ],
    ids=["no such ticket", "no such bug", "linked already"],
)
def test_a_link_that_cannot_be_added_says_why(
    house: House, linked: tuple[int, str], words: list[str], said: str
) -> None:
    assert linked == (1, "NOVA-1")
    answer = house.syncd("links", "add", *words)
    assert answer.code == 1
    assert said in answer.err


def test_a_number_that_is_a_link_and_a_ticket_is_asked_back(house: House, linked: tuple[int, str]) -> None:
    second, other = house.pair(), house.bug()
    house.fine("links", "add", 1, other)
    house.fine("once")
    assert second[0] == 2
    answer = house.syncd("links", "remove", "2")
    assert answer.code == 64
    assert "#TICKET ISSUE" in answer.err
    assert house.fine("links", "remove", "#2").code == 0
    assert house.syncd("links", "remove", "77").code == 1


STRICT = """
stages:
  queued: {bug_is: [To Do], move_bug_to: To Do, ticket_may_be: [new, open, pending, hold]}
  in_progress: {bug_is: [In Progress]}
  fixed: {bug_is: [Done]}
"""


def test_a_conflict_is_listed_explained_and_resolved(house: House) -> None:
    (house.folder / "mappings").mkdir()
    (house.folder / "mappings" / "strict.yaml").write_text(STRICT, encoding="utf-8")
    house.configure(routes="  - {name: ops, project: OPS, mapping: strict}\n")
    ticket, key = house.ticket(), house.bug(project="OPS")
    house.fine("links", "add", ticket, key)
    house.fine("once", "--accept")
    house.sandbox.zendesk.set_status(ticket=ticket, actor=house.agent, status="solved")
    house.fine("once")
    [conflict] = house.fine("conflicts", "list", "--json").json
    assert conflict["conflict"]["code"]
    assert conflict["conflict"]["message"] in house.fine("conflicts", "list").out
    assert "conflict (" in house.fine("explain", ticket).out
    assert house.fine("status").out.count("1 conflict") == 1
    answer = house.fine("conflicts", "resolve", conflict["id"], "--take", "as-is")
    assert f"Link {conflict['id']}" in answer.out
    assert house.fine("conflicts", "list", "--json").json == []
    again = house.syncd("conflicts", "resolve", conflict["id"], "--take", "bug")
    assert again.code == 1
    assert "not in conflict" in again.err


def test_a_write_that_waits_is_listed_dropped_and_tried_again(house: House, linked: tuple[int, str]) -> None:
    ticket, key = linked
    house.sandbox.ctx.faults.add(_fault(429))
    house.moves(key, "Done", "Done")
    later = house.syncd("once")
    assert later.code == 75, later
    [intent] = house.fine("intents", "list", "--json").json
    assert (intent["state"], intent["destination"], bool(intent["last_error"])) == ("new", "zendesk", True)
    assert intent["id"][:12] in house.fine("intents", "list").out
    assert intent["last_error"] in house.fine("status").out
    assert "Writes under way" in house.fine("explain", ticket).out
    house.sandbox.ctx.faults.clear()
    assert "tried again" in house.fine("intents", "retry", intent["id"][:8]).out
    house.fine("once")
    assert house.status(ticket) == "open"
    assert house.fine("intents", "list", "--state", "done", "--json").json
    assert "no intent" in house.syncd("intents", "drop", "0000").err


def test_a_dropped_write_is_given_up(house: House, linked: tuple[int, str]) -> None:
    _, key = linked
    house.sandbox.ctx.faults.add(_fault(429))
    house.moves(key, "Done", "Done")
    house.syncd("once")
    [intent] = house.fine("intents", "list", "--json").json
    assert "given up" in house.fine("intents", "drop", intent["id"]).out
    with house.store() as store, store.reading() as tx:
        found = tx.intent(intent["id"])
    assert found is not None
    assert found.state is IntentState.REFUSED


def test_a_write_in_doubt_is_told_and_cannot_be_dropped(house: House, linked: tuple[int, str]) -> None:
    _, key = linked
    house.sandbox.ctx.faults.add(_fault(503))
    house.moves(key, "Done", "Done")
    later = house.syncd("once", "--json")
    assert (later.code, later.json["in_doubt"]) == (75, 1)
    [intent] = house.fine("intents", "list", "--state", "sent", "--json").json
    refused = house.syncd("intents", "drop", intent["id"])
    assert (refused.code, "is sent" in refused.err) == (1, True)


def _fault(status: int) -> Fault:
    return Fault("status", "zendesk", method="PUT", path="/tickets/", times=-1, args={"status": status})


def test_a_backup_is_made_verified_and_put_back(house: House, linked: tuple[int, str]) -> None:
    copy = house.folder / "copy.db"
    assert house.fine("backup", copy, "--json").json["bytes"] > 0
    again = house.syncd("backup", copy)
    assert again.code == 78
    assert "exists already" in again.err
    house.fine("links", "remove", f"#{linked[0]}")
    assert house.links() == []
    restored = house.fine("restore", copy, "--json").json
    assert [link.ticket_id for link in house.links()] == [linked[0]]
    assert "before-restore" in restored["kept"]
    copy.write_bytes(b"nonsense")
    assert house.syncd("restore", copy).code == 78


def test_upgrade_of_a_store_that_is_new_enough_does_nothing(house: House, linked: tuple[int, str]) -> None:
    assert "nothing to do" in house.fine("upgrade").out
    shape = house.fine("upgrade", "--json").json
    assert shape["before"] == shape["after"]


def test_explain_needs_no_server_and_says_when_a_ticket_was_never_seen(house: House, linked: tuple[int, str]) -> None:
    before = house.sandbox.ctx.journal.last
    house.fine("explain", linked[1])
    assert house.sandbox.ctx.journal.last == before
    assert "has not seen ticket #4711" in house.syncd("explain", "4711").err
    unlinked = house.syncd("explain", "NOVA-77")
    assert unlinked.code == 1
    assert "syncd links add" in unlinked.err


def test_explain_tells_what_comes_next(house: House, linked: tuple[int, str]) -> None:
    ticket, key = house.pair()
    house.fine("plan")
    story = house.fine("explain", ticket, "--json").json
    assert story["links"] == []
    assert story["reads"] == [f"bug {key}"]
    assert f"read bug {key}" in house.fine("explain", ticket).out
    house.moves(linked[1], "Done", "Done")
    house.fine("plan")
    story = house.fine("explain", linked[0], "--json").json
    assert [step["what"] for step in story["next"]] or story["reads"]


def test_customers_words_cannot_steer_the_terminal(house: House) -> None:
    ticket = house.sandbox.zendesk.create_ticket(actor=house.customer, subject="\x1b[2J[red]hello[/red]\nfoo", body="x")
    house.sandbox.zendesk.set_field(ticket=ticket, actor=house.agent, field="Engineering bug", value=house.bug())
    house.fine("plan")
    said = house.fine("explain", ticket)
    assert "\x1b" not in said.out
    assert "[red]hello[/red]" in said.out


def test_retired_links_stay_out_of_the_way(house: House, linked: tuple[int, str]) -> None:
    house.fine("links", "remove", f"#{linked[0]}")
    assert "There are no links" in house.fine("links", "list").out
    with house.store() as store, store.reading() as tx:
        assert [link.state for link in tx.all_links()] == [LinkState.RETIRED]
