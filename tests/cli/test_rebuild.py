"""`syncd rebuild` as a person types it after the store was lost."""

from __future__ import annotations

from tests.cli.house import House


def test_a_lost_store_is_found_again_and_nothing_is_written_twice(house: House) -> None:
    ticket, key = house.pair()
    house.fine("once", "--accept")
    writes = len(house.writes())
    assert house.status(ticket) == "hold"
    house.store_file.unlink()
    dry = house.fine("rebuild", "--dry-run", "--json").json
    assert (dry["dry_run"], [(link["ticket"], link["issue"]) for link in dry["links"]]) == (True, [(ticket, key)])
    assert house.links() == []
    said = house.fine("rebuild", "--outage", "4h").out
    assert "1 link was taken over" in said
    assert "0 of them are bugs that syncd made" in said
    assert [(link.ticket_id, link.issue_key) for link in house.links()] == [(ticket, key)]
    house.fine("once", "--accept")
    assert len(house.writes()) == writes


def test_an_outage_is_a_span_of_time(house: House) -> None:
    said = house.syncd("rebuild", "--outage", "yesterday")
    assert (said.code, "--outage: Write a span of time" in said.err) == (64, True)
