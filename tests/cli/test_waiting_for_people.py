"""What waits for a person beside conflicts: bugs that came back, and fields that cannot be kept in step."""

from __future__ import annotations

from datetime import UTC, datetime

from syncd.core.field_model import FieldBase
from syncd.core.model import Comeback
from tests.cli.house import House

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_status_counts_bugs_that_came_back_and_fields_that_cannot_be_kept_in_step(house: House) -> None:
    pairs = [house.pair() for _ in range(2)]
    house.fine("once", "--accept")
    calm = house.fine("status", "--json").json
    assert (calm["conflicts"], calm["comebacks"], calm["field_problems"]) == (0, 0, 0)
    assert "conflicts list" not in house.fine("status").out
    with house.store() as store, store.transaction() as tx:
        for link in tx.all_links():
            back = Comeback(link.id, link.ticket_id, link.issue_id, link.issue_key, link.route, "It came back.", NOW)
            tx.save_comeback(back)
        tx.save_field_base(1, "priority", FieldBase(agreed=False, problem="Field priority: no value."), NOW)
    said = house.fine("status", "--json").json
    assert (said["conflicts"], said["comebacks"], said["field_problems"]) == (0, len(pairs), 1)
    text = house.fine("status").out
    assert "2 bugs came back after their tickets were closed; see: syncd conflicts list" in text
    assert "1 field cannot be kept in step; see: syncd conflicts list" in text
    listed = house.fine("conflicts", "list").out
    assert listed.count("It came back.") == 2
    assert "Field priority: no value." in listed
    codes = [entry.get("code") or entry["conflict"]["code"] for entry in house.fine("conflicts", "list", "--json").json]
    assert codes == ["came_back", "came_back", "field"]
