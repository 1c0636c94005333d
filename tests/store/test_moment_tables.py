"""Field bases, releases, what was told, links of closed tickets and bugs that came back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from syncd.core.discover import TICKET_CLOSED
from syncd.core.field_model import FieldBase
from syncd.core.model import Comeback, Link, Origin, Release
from syncd.store import Store, Tx
from tests.store.records import later


def linked(tx: Tx, ticket: int = 35, issue: str = "10305") -> Link:
    """A new link."""
    return tx.add_link(ticket, issue, "NOVA-1", "novabrain", Origin.MANUAL, later(0))


def test_a_field_base_is_kept_as_it_was_and_its_problem_is_listed_while_the_link_lives(store: Store) -> None:
    plain = FieldBase("high", ["a", "b"])
    stuck = FieldBase(None, 3, False, "Field x: Jira does not take it.", True, ["t"], None)
    with store.transaction() as tx:
        link = linked(tx)
        tx.save_field_base(link.id, "priority", plain, later(1))
        tx.save_field_base(link.id, "x", stuck, later(2))
        assert tx.field_bases([link.id]) == {(link.id, "priority"): plain, (link.id, "x"): stuck}
        assert tx.field_problems() == [(link.id, "x", stuck.problem, later(2))]
        tx.save_field_base(link.id, "x", plain, later(3))
        assert tx.field_problems([link.id]) == []
        tx.save_field_base(link.id, "x", stuck, later(4))
        tx.retire(link.id, "over", later(5))
        assert tx.field_problems() == []


def test_the_field_bases_of_one_link_can_be_forgotten(store: Store) -> None:
    plain = FieldBase("high", "High")
    with store.transaction() as tx:
        link, other = linked(tx), linked(tx, ticket=36)
        for each in (link, other):
            tx.save_field_base(each.id, "priority", plain, later(1))
        tx.forget_field_bases(link.id)
        assert tx.field_bases([link.id, other.id]) == {(other.id, "priority"): plain}


def test_a_release_is_dated_by_its_first_sight(store: Store) -> None:
    with store.transaction() as tx:
        tx.note_release(Release("10001", "NOVA", "3.2", later(0)))
        tx.note_release(Release("10001", "NOVA", "3.2", later(60)))
        assert tx.releases(["10001", "10002"]) == {"10001": Release("10001", "NOVA", "3.2", later(0))}


def test_a_subject_hears_of_a_topic_once(store: Store) -> None:
    with store.transaction() as tx:
        tx.mark_told("ticket:35", "release:1", later(0))
        tx.mark_told("ticket:35", "release:1", later(1))
        assert tx.told(["ticket:35", "ticket:36"]) == {("ticket:35", "release:1")}


def test_only_links_that_ended_with_their_ticket_are_watched_and_inherited(store: Store) -> None:
    with store.transaction() as tx:
        closed, dropped, alive = linked(tx, 35, "1"), linked(tx, 35, "2"), linked(tx, 35, "3")
        tx.retire(closed.id, TICKET_CLOSED, later(1))
        tx.retire(dropped.id, "an agent took it off", later(1))
        assert tx.is_watched_issue(["1", "2", "3"]) == {"1"}
        assert [entry.link.id for entry in tx.closed_links(["1", "2", "3"])] == [closed.id]
        assert tx.issues_at_close([35, 36]) == {35: ("1", "3")}
        assert alive.issue_id == "3"


def test_a_comeback_is_listed_until_it_is_over_and_counts_against_the_cap(store: Store) -> None:
    with store.transaction() as tx:
        link = linked(tx)
        seen = Comeback(link.id, 35, "10305", "NOVA-1", "novabrain", "It came back.", later(0))
        tx.save_comeback(seen)
        assert tx.comebacks() == [seen]
        assert tx.followups_since("novabrain", later(-1)) == 0
        asked = replace(seen, asked_at=later(10))
        tx.save_comeback(asked)
        assert tx.followups_since("novabrain", later(10) - timedelta(days=1)) == 1
        tx.comeback_followed(link.id, 77, later(20))
        assert tx.comebacks() == []
        assert tx.comebacks(issue_ids=["10305"]) == [replace(asked, over_at=later(20), followup_id=77)]
        assert tx.comeback(link.id) == replace(asked, over_at=later(20), followup_id=77)
        assert tx.comeback(link.id + 1) is None
