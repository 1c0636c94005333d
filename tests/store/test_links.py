from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.core.model import Conflict, LinkState, Origin, Seen, TicketState
from syncd.store import LinkExists, LinkRetired, NotStored, Store, StoreError, Tx
from tests.store.records import NOW, base, later


def add(tx: Tx, ticket_id: int, issue_id: str, route: str = "app") -> int:
    return tx.add_link(ticket_id, issue_id, f"APP-{issue_id}", route, Origin.MANUAL, NOW).id


def test_a_new_link_is_live_and_comes_back_as_it_was_added(store: Store) -> None:
    with store.transaction() as tx:
        added = tx.add_link(35, "10305", "APP-5", "app", Origin.CREATED, NOW, occurrence=2)
    with store.reading() as tx:
        assert tx.link(added.id) == added
    assert (added.state, added.base, added.occurrence, added.created_at) == (LinkState.LIVE, None, 2, NOW)


def test_all_that_may_change_of_a_link_is_kept(store: Store) -> None:
    seen = Seen("3", None, TicketState("open", 9), issue_gone=True)
    with store.transaction() as tx:
        link = tx.link(add(tx, 35, "1"))
        assert link is not None
        changed = replace(
            link,
            ticket_id=36,
            issue_key="OPS-1",
            route="ops",
            state=LinkState.CONFLICT,
            base=base(wrote_bug=True),
            vote="confirmed",
            conflict=Conflict("gone", "the bug is gone", seen, NOW),
            in_field=True,
        )
        tx.save_link(changed)
    with store.reading() as tx:
        assert tx.link(link.id) == changed
        assert tx.damaged() == []


def test_a_ticket_and_an_issue_have_one_link_that_is_not_retired(store: Store) -> None:
    with store.transaction() as tx:
        first = add(tx, 35, "1")
        with pytest.raises(LinkExists, match="linked already") as caught:
            add(tx, 35, "1")
        assert caught.value.link_id == first
        tx.retire(first, "the key was taken out", NOW)
        second = add(tx, 35, "1")
    with store.reading() as tx:
        assert [link.id for link in tx.links_of_ticket([35])] == [second]
        assert tx.retired_pairs([35, 36]) == {(35, "1")}
        assert tx.retired_pairs([36]) == set()
        assert tx.retired_pairs([35], except_reason="the key was taken out") == set()
        assert tx.retired_pairs([35], except_reason="the ticket was closed") == {(35, "1")}


def test_the_database_itself_refuses_a_second_live_link_of_a_pair(store: Store) -> None:
    with store.transaction() as tx:
        add(tx, 35, "1")
        add(tx, 36, "1")
    with pytest.raises(StoreError, match=r"(?i)refused a row: .*unique"), store.transaction() as tx:
        tx._connection.exec_driver_sql("UPDATE link SET ticket_id = 35")


def test_a_link_can_not_be_repointed_onto_another_one(store: Store) -> None:
    with store.transaction() as tx:
        add(tx, 35, "1")
        moved = tx.link(add(tx, 36, "1"))
        assert moved is not None
        with pytest.raises(LinkExists):
            tx.save_link(replace(moved, ticket_id=35))


def test_a_retired_link_keeps_its_reason_and_stays_as_it_is(store: Store) -> None:
    with store.transaction() as tx:
        link = tx.link(add(tx, 35, "1"))
        assert link is not None
        tx.log_link(link.id, NOW, "added", "by hand", {"by": "ada"})
        tx.retire(link.id, "the ticket was closed", later(5))
        tx.retire(link.id, "again", later(6))
        with pytest.raises(LinkRetired, match="anew"):
            tx.save_link(link)
    with store.reading() as tx:
        history = [(entry.what, entry.reason, entry.at, entry.detail) for entry in tx.link_history(link.id)]
        assert history == [
            ("added", "by hand", NOW, {"by": "ada"}),
            ("retired", "the ticket was closed", later(5), {}),
        ]
        assert [entry.what for entry in tx.link_history(link.id, limit=1)] == ["retired"]


@pytest.mark.parametrize("what", ["save", "retire"])
def test_a_link_that_is_not_stored_can_not_be_changed(store: Store, what: str) -> None:
    with store.transaction() as tx:
        link = tx.link(add(tx, 35, "1"))
        assert link is not None
        unknown = replace(link, id=999)
        with pytest.raises(NotStored, match="999"):
            tx.save_link(unknown) if what == "save" else tx.retire(999, "why not", NOW)
        assert tx.link(999) is None


def test_save_link_does_not_retire(store: Store) -> None:
    with store.transaction() as tx:
        link = tx.link(add(tx, 35, "1"))
        assert link is not None
        with pytest.raises(ValueError, match="retire"):
            tx.save_link(replace(link, state=LinkState.RETIRED))


@pytest.mark.parametrize(
    ("tickets", "issues", "expected"),
    [
        pytest.param([1], [], [(1, "a"), (2, "a"), (2, "b"), (3, "b")], id="a ticket reaches along shared bugs"),
        pytest.param([], ["b"], [(1, "a"), (2, "a"), (2, "b"), (3, "b")], id="a bug reaches along shared tickets"),
        pytest.param([9], [], [(9, "z")], id="a pair of its own stays alone"),
        pytest.param([9], ["a"], [(1, "a"), (2, "a"), (2, "b"), (3, "b"), (9, "z")], id="two groups are joined"),
        pytest.param([5], ["nothing"], [], id="a retired link touches nothing"),
    ],
)
def test_links_touching_finds_the_whole_group(
    store: Store, tickets: list[int], issues: list[str], expected: list[tuple[int, str]]
) -> None:
    with store.transaction() as tx:
        for ticket_id, issue_id in [(1, "a"), (2, "a"), (2, "b"), (3, "b"), (9, "z")]:
            add(tx, ticket_id, issue_id)
        tx.retire(add(tx, 5, "a"), "over", NOW)
        found = tx.links_touching(tickets, issues)
    assert [(link.ticket_id, link.issue_id) for link in found] == expected


def test_more_ids_than_one_query_takes_are_asked_in_parts(store: Store) -> None:
    with store.transaction() as tx:
        for number in (1, 600, 1200):
            add(tx, number, str(number))
        assert [link.ticket_id for link in tx.links_of_ticket(range(1300))] == [1, 600, 1200]
        assert [link.issue_id for link in tx.links_of_issue(map(str, range(1300)))] == ["1", "600", "1200"]
        assert len(tx.links_touching(range(1300), [])) == 3
        assert tx.is_linked_ticket([*range(1300), 1]) == {1, 600, 1200}
        assert tx.is_linked_issue(map(str, range(1300))) == {"1", "600", "1200"}


def test_links_since_a_moment_are_those_of_these_origins_that_are_not_retired(store: Store) -> None:
    with store.transaction() as tx:
        at = [NOW, later(60), later(60), later(60)]
        how = [Origin.FIELD, Origin.FIELD, Origin.CREATED, Origin.TAG]
        ids = [tx.add_link(n, "1", "APP-1", "app", how[n], at[n]).id for n in range(4)]
        gone = tx.add_link(9, "1", "APP-1", "app", Origin.FIELD, later(60)).id
        tx.retire(gone, "over", later(90))
        assert [link.id for link in tx.links_since(NOW, (Origin.FIELD, Origin.TAG))] == [ids[1], ids[3]]


def test_links_are_listed_by_state_and_route_and_page_by_page(store: Store) -> None:
    with store.transaction() as tx:
        ids = [add(tx, number, "1", route="app" if number < 4 else "ops") for number in range(1, 7)]
        tx.retire(ids[1], "over", NOW)
        stuck = tx.link(ids[2])
        assert stuck is not None
        conflict = Conflict("x", "y", Seen("3", None, TicketState("open")), NOW)
        tx.save_link(replace(stuck, state=LinkState.CONFLICT, conflict=conflict))

        assert [link.id for link in tx.all_links()] == ids
        assert [link.id for link in tx.all_links(LinkState.RETIRED)] == [ids[1]]
        assert [link.id for link in tx.all_links(route="ops")] == ids[3:]
        assert [link.id for link in tx.all_links(after_id=ids[1], limit=2)] == ids[2:4]
        assert [link.id for link in tx.next_live_links(0, 3)] == [ids[0], ids[2], ids[3]]
        assert [link.id for link in tx.next_live_links(ids[3], 10)] == ids[4:]
        assert tx.live_link_count("app") == 2
        assert tx.live_link_count() == 5
        assert tx.link_counts() == {
            ("app", LinkState.LIVE): 1,
            ("app", LinkState.CONFLICT): 1,
            ("app", LinkState.RETIRED): 1,
            ("ops", LinkState.LIVE): 3,
        }


def test_a_conflict_is_never_stored_without_its_reason(store: Store) -> None:
    with store.transaction() as tx:
        link = tx.link(add(tx, 35, "1"))
        assert link is not None
    with pytest.raises(StoreError, match=r"(?i)ck_link_conflict"), store.transaction() as tx:
        tx.save_link(replace(link, state=LinkState.CONFLICT))
