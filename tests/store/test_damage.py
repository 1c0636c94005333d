"""Bits flip, and people edit databases by hand: what depends on such a row is left alone, the rest goes on."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.core.actions import marker_of
from syncd.core.model import Origin
from syncd.store import IntentState, RowDamaged, Store, StoreDamaged, Tx
from tests.store.records import NOW, issue, move, ticket, untag, update


def spoil(store: Store, statement: str) -> None:
    with store.transaction() as tx:
        tx._connection.exec_driver_sql(statement)


def add(tx: Tx, ticket_id: int, issue_id: str) -> int:
    return tx.add_link(ticket_id, issue_id, f"APP-{issue_id}", "app", Origin.MANUAL, NOW).id


@pytest.fixture
def linked(store: Store) -> Store:
    """Links 1 and 2 share the bug a, and 2 and 3 the ticket 2; 4 stands alone."""
    with store.transaction() as tx:
        for ticket_id, issue_id in [(1, "a"), (2, "a"), (2, "b"), (9, "z")]:
            add(tx, ticket_id, issue_id)
    return store


@pytest.mark.parametrize(
    "change",
    [
        "ticket_id = 7",
        "issue_id = 'c'",
        "issue_key = 'APP-x'",
        "route = 'ops'",
        "origin = 'field'",
        "base = '{}'",
        "vote = 'fixed'",
        "in_field = 1",
        "occurrence = 2",
        "created_at = created_at + 1",
        "row_sum = '0000000000000000'",
    ],
)
def test_a_change_of_any_column_of_a_link_is_noticed(linked: Store, change: str) -> None:
    spoil(linked, f"UPDATE link SET {change} WHERE id = 4")  # noqa: S608 - from the table above
    with linked.transaction() as tx:
        assert tx.damaged() == [RowDamaged("link", "4")]
        assert [link.id for link in tx.all_links()] == [1, 2, 3]
        assert list(tx.damage) == [RowDamaged("link", "4")]
        with pytest.raises(RowDamaged, match=r"link 4 .*damaged.*syncd restore"):
            tx.link(4)
        with pytest.raises(RowDamaged):
            tx.retire(4, "why not", NOW)
    assert any("link 4" in problem for problem in linked.check())


@pytest.mark.parametrize("change", ["route = 'ops'", "ticket_id = 77", "issue_id = 'y'", "created_at = 5"])
def test_a_group_with_a_damaged_link_is_left_out_whole_and_others_are_not(linked: Store, change: str) -> None:
    spoil(linked, f"UPDATE link SET {change} WHERE id = 3")  # noqa: S608 - from the table above
    with linked.reading() as tx:
        found = tx.links_touching([1, 2, 9], ["b"])
        if "_id" in change:  # its index entry moved with it: it belongs to another group now
            assert 3 not in {link.id for link in found}
        else:
            assert [link.id for link in found] == [4]
            assert list(tx.damage) == [RowDamaged("link", "3")]


def test_a_damaged_link_still_counts_as_a_link(linked: Store) -> None:
    spoil(linked, "UPDATE link SET route = 'ops' WHERE id = 4")
    with linked.reading() as tx:
        assert tx.links_of_ticket([9]) == []
        assert tx.is_linked_ticket([9]) == {9}
        assert tx.is_linked_issue(["z"]) == {"z"}
        assert tx.next_live_links(3, 9) == []


def test_a_damaged_intent_is_not_carried_out_and_blocks_its_subject_only(store: Store) -> None:
    with store.transaction() as tx:
        for action in (update(35), untag(35), update(36), move()):
            tx.enqueue(action, urgency=1, now=NOW)
    spoil(store, "UPDATE intent SET floor = 'x' WHERE kind = 'update_ticket' AND subject = 'ticket:35'")
    with store.transaction() as tx:
        assert [intent.subject for intent in tx.due("zendesk", NOW, 9)] == ["ticket:36"]
        assert list(tx.damage) == [RowDamaged("intent", marker_of(update(35)))]
        assert len(tx.due("jira", NOW, 9)) == 1
        for step in (
            tx.intent,
            lambda marker: tx.mark_sent(marker, NOW),
            lambda marker: tx.settle(marker, IntentState.DONE, NOW),
        ):
            with pytest.raises(RowDamaged, match="intent"):
                step(marker_of(update(35)))
        with pytest.raises(RowDamaged):
            tx.enqueue(update(35), urgency=1, now=NOW)


def test_a_damaged_intent_is_not_looked_for_again(store: Store) -> None:
    marker = marker_of(update(35))
    with store.transaction() as tx:
        tx.enqueue(update(35), urgency=1, now=NOW)
        tx.settle(marker, IntentState.REFUSED, NOW)
    spoil(store, "UPDATE intent SET floor = 'x'")
    with store.transaction() as tx:
        assert tx.revive(marker, NOW, lambda action: action) is False
        assert list(tx.damage) == [RowDamaged("intent", marker)]


def test_an_intent_that_can_not_be_read_is_damaged_too(store: Store) -> None:
    with store.transaction() as tx:
        tx.enqueue(update(), urgency=1, now=NOW)
        row = tx._intent_row(marker_of(update()))
        assert row is not None
        tx._write_intent({**row, "kind": "unheard_of"})  # with a sum that fits
    with store.transaction() as tx:
        assert tx.due("zendesk", NOW, 9) == []
        assert tx.intents() == []
        with pytest.raises(RowDamaged, match="no action is called"):
            tx.intent(marker_of(update()))


def test_a_damaged_cursor_is_not_read_and_can_be_set_anew(store: Store) -> None:
    with store.transaction() as tx:
        tx.set_cursor("tickets", "100", NOW)
    spoil(store, "UPDATE cursor SET value = '900'")
    with store.transaction() as tx:
        with pytest.raises(RowDamaged, match="cursor tickets"):
            tx.cursor("tickets")
        with pytest.raises(RowDamaged):
            tx.set_cursor_forward("tickets", 101, NOW)
        assert tx.cursors() == {}
        tx.set_cursor("tickets", "100", NOW)
        assert tx.cursor("tickets") == "100"


@pytest.mark.parametrize("body", ["{}", "not JSON", '{"id":35,"subject":"changed"}'])
def test_a_damaged_snapshot_counts_as_not_stored_until_it_is_read_again(store: Store, body: str) -> None:
    with store.transaction() as tx:
        tx.put_tickets([ticket(), ticket(36)], NOW)
        tx.put_issues([issue(), issue("2")], NOW)
    for table, key in (("ticket", "35"), ("issue", "'10305'")):
        spoil(store, f"UPDATE {table} SET body = '{body}' WHERE id = {key}")  # noqa: S608 - from the table above
    with store.transaction() as tx:
        assert list(tx.tickets([35, 36])) == [36]
        assert list(tx.issues(["10305", "2"])) == ["2"]
        assert tx.issue_by_key("APP-05") is None
        assert set(tx.damage) == {RowDamaged("ticket", "35"), RowDamaged("issue", "10305")}
        assert tx.put_tickets([ticket()], NOW) == [35]
        assert tx.put_issues([issue()], NOW) == ["10305"]
        assert tx.tickets([35]) == {35: ticket()}


def _cells(path: Path, needle: bytes) -> list[int]:
    """Where the rows that hold these bytes lie in the file."""
    data = path.read_bytes()
    return [at for at in range(len(data)) if data.startswith(needle, at)]


@pytest.mark.parametrize(
    ("needle", "use"),
    [
        pytest.param(b"KEY-OF-THE-LINK", lambda tx: tx.links_touching([35], ["1"]), id="links"),
        pytest.param(b"audit-of-the-intent", lambda tx: tx.due("zendesk", NOW, 9), id="intents"),
        pytest.param(b"value-of-the-cursor", lambda tx: tx.cursor("tickets"), id="cursors"),
    ],
)
def test_no_flipped_bit_of_a_row_is_acted_upon(
    sqlite_store: Store, tmp_path: Path, needle: bytes, use: Callable[[Tx], object]
) -> None:
    with sqlite_store.transaction() as tx:
        tx.add_link(35, "1", "KEY-OF-THE-LINK", "app", Origin.MANUAL, NOW)
        tx.enqueue(update(source="audit-of-the-intent"), urgency=1, now=NOW)
        tx.set_cursor("tickets", "value-of-the-cursor", NOW)
        sound = use(tx)
    sqlite_store.checkpoint()
    sqlite_store.close()
    assert sqlite_store.path is not None
    clean = sqlite_store.path.read_bytes()
    spot = max(_cells(sqlite_store.path, needle))  # the row lies in the table's page; its neighbours are its columns
    chosen = random.Random(7)  # noqa: S311 - a repeatable choice
    harmless = 0
    for number in range(150):
        flipped = bytearray(clean)
        at = spot + chosen.randrange(-20, len(needle) + 60)
        flipped[at] ^= 1 << chosen.randrange(8)
        path = tmp_path / f"flip{number}.db"
        path.write_bytes(flipped)
        try:
            with Store.open(f"sqlite:///{path}") as store, store.reading() as tx:
                found = use(tx)
                assert found == sound or not found or tx.damage, f"bit in byte {at} went unnoticed"
                harmless += found == sound
        except StoreDamaged:
            pass
        finally:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert harmless < 75


def test_text_that_is_not_text_any_more_is_found_not_stumbled_over(sqlite_store: Store) -> None:
    with sqlite_store.transaction() as tx:
        link = tx.link(add(tx, 35, "1"))
        assert link is not None
        tx.save_link(replace(link, vote="fixed"))
    assert sqlite_store.path is not None
    with sqlite3.connect(sqlite_store.path) as raw:
        raw.execute("UPDATE link SET vote = CAST(x'ff6978656480' AS TEXT)")
    raw.close()
    with sqlite_store.reading() as tx:
        assert tx.all_links() == []
        assert tx.damaged() == [RowDamaged("link", "1")]
