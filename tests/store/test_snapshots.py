from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from syncd.core.model import IssueSnapshot, TicketSnapshot, TicketState
from syncd.store import Store
from tests.store.records import NOW, change, issue, later, statements, ticket, ticket_event

SECOND = timedelta(seconds=1)
OLD = ticket()


@pytest.mark.parametrize(
    ("reading", "is_news", "kept"),
    [
        pytest.param(OLD, False, OLD, id="the same content is no change"),
        pytest.param(
            replace(OLD, state=TicketState("hold"), updated_at=OLD.updated_at + SECOND),
            True,
            replace(OLD, state=TicketState("hold"), updated_at=OLD.updated_at + SECOND),
            id="a newer reading with other content is a change",
        ),
        pytest.param(
            replace(OLD, state=TicketState("solved")),
            True,
            replace(OLD, state=TicketState("solved")),
            id="other content under the same second is a change",
        ),
        pytest.param(
            replace(OLD, state=TicketState("solved"), updated_at=OLD.updated_at - SECOND),
            False,
            OLD,
            id="an older reading is ignored",
        ),
        pytest.param(
            replace(OLD, generated=1_772_443_900),
            False,
            replace(OLD, generated=1_772_443_900),
            id="a generated stamp is kept, and is no change of content",
        ),
        pytest.param(
            replace(OLD, fields=MappingProxyType(dict(OLD.fields))),
            False,
            OLD,
            id="another kind of mapping is no change",
        ),
        pytest.param(
            TicketSnapshot(35, TicketState("deleted"), NOW, NOW, visible=False),
            True,
            replace(OLD, visible=False),
            id="a ticket that no longer answers keeps what was known of it",
        ),
        pytest.param(
            replace(OLD, state=TicketState("closed"), merged_into=40),
            True,
            replace(OLD, state=TicketState("closed"), merged_into=40),
            id="a merge is a change",
        ),
    ],
)
def test_what_is_kept_of_a_ticket(store: Store, reading: TicketSnapshot, is_news: bool, kept: TicketSnapshot) -> None:
    with store.transaction() as tx:
        assert tx.put_tickets([OLD], NOW) == [35]
    with store.transaction() as tx:
        assert tx.put_tickets([reading], later(1)) == ([35] if is_news else [])
    with store.reading() as tx:
        assert tx.tickets([35, 99]) == {35: kept}


def test_a_merge_is_not_forgotten_by_a_reading_that_does_not_tell(store: Store) -> None:
    closed = ticket(state=TicketState("closed"))
    with store.transaction() as tx:
        tx.put_tickets([replace(closed, merged_into=40)], NOW)
        assert tx.put_tickets([closed], NOW) == []
        assert tx.tickets([35])[35].merged_into == 40


def test_a_ticket_that_comes_back_is_a_change(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_tickets([OLD], NOW)
        tx.put_tickets([replace(OLD, visible=False)], NOW)
        assert tx.put_tickets([OLD], NOW) == [35]
        assert tx.tickets([35]) == {35: OLD}


def test_a_first_reading_that_shows_nothing_does_not_outrank_a_later_one(store: Store) -> None:
    nothing = TicketSnapshot(35, TicketState("deleted"), later(9999), NOW, visible=False)
    gone = issue(updated_ms=9_999_999_999_999, visible=False)
    with store.transaction() as tx:
        assert tx.put_tickets([nothing], NOW) == [35]
        assert tx.put_tickets([OLD], NOW) == [35]
        assert tx.put_issues([gone], NOW) == ["10305"]
        assert tx.put_issues([issue()], NOW) == ["10305"]
        assert tx.tickets([35])[35].visible
        assert tx.issues(["10305"]) == {"10305": issue()}


def test_several_readings_of_a_ticket_in_one_page_count_in_their_order(store: Store) -> None:
    newer = replace(OLD, priority="high", updated_at=OLD.updated_at + SECOND)
    with store.transaction() as tx:
        assert tx.put_tickets([ticket(36), newer, OLD], NOW) == [36, 35]
        assert tx.tickets([35])[35] == newer


BUG = issue()


@pytest.mark.parametrize(
    ("reading", "is_news", "kept"),
    [
        pytest.param(BUG, False, BUG, id="the same content is no change"),
        pytest.param(
            replace(BUG, history=()), False, BUG, id="without history, at the same instant, the stored history stays"
        ),
        pytest.param(
            replace(BUG, status_id="5", history=()),
            True,
            replace(BUG, status_id="5"),
            id="other content at the same instant is a change, and keeps the history",
        ),
        pytest.param(
            replace(BUG, updated_ms=BUG.updated_ms + 1, history=()),
            True,
            replace(BUG, updated_ms=BUG.updated_ms + 1, history=()),
            id="a newer reading without history lets the old history go",
        ),
        pytest.param(
            replace(BUG, updated_ms=BUG.updated_ms - 1, status_id="5"), False, BUG, id="an older reading is ignored"
        ),
        pytest.param(
            replace(BUG, history=(change("902"), change())),
            True,
            replace(BUG, history=(change("902"), change())),
            id="a longer history at the same instant is a change",
        ),
        pytest.param(
            issue(key="10305", status_id="", updated_ms=0, visible=False, history=()),
            True,
            replace(BUG, visible=False),
            id="an issue that no longer answers keeps what was known of it",
        ),
        pytest.param(
            replace(BUG, key="OPS-1", project_key="OPS", updated_ms=BUG.updated_ms + 1),
            True,
            replace(BUG, key="OPS-1", project_key="OPS", updated_ms=BUG.updated_ms + 1),
            id="a move to another project changes the key",
        ),
    ],
)
def test_what_is_kept_of_an_issue(store: Store, reading: IssueSnapshot, is_news: bool, kept: IssueSnapshot) -> None:
    with store.transaction() as tx:
        assert tx.put_issues([BUG], NOW) == ["10305"]
    with store.transaction() as tx:
        assert tx.put_issues([reading], later(1)) == (["10305"] if is_news else [])
    with store.reading() as tx:
        assert tx.issues(["10305", "1"]) == {"10305": kept}


def test_an_issue_is_found_by_its_key_and_the_one_that_answers_comes_first(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_issues([issue("1", key="APP-1", visible=False), issue("2", key="APP-1"), issue("3", key="APP-3")], NOW)
        found = tx.issue_by_key("APP-1")
        assert found is not None
        assert found.id == "2"
        assert tx.issue_by_key("APP-9") is None
        assert tx.issue_ids_of_project("APP") == ["2", "3"]


def test_two_thousand_readings_are_kept_in_few_statements(store: Store) -> None:
    readings = [ticket(number) for number in range(2000)]
    with statements(store) as seen, store.transaction() as tx:
        assert len(tx.put_tickets(readings, NOW)) == 2000
    assert len(seen) <= 14
    with store.transaction() as tx:
        assert tx.put_tickets(readings, NOW) == []
        assert tx.count_tickets() == 2000
        assert tx.put_issues([issue(str(10_000 + number)) for number in range(600)], NOW) != []
        assert tx.count_issues() == 600


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param("a\x00b", id="a NUL"),
        pytest.param("a\ud800b", id="half of a surrogate pair"),
        pytest.param("🖨️ \u202e ru' OR 1=1 -- \r\n{{x}}", id="emoji, bidi, quotes, line ends"),
        pytest.param("x" * 100_000, id="a hundred thousand characters"),
    ],
)
def test_any_text_of_a_customer_comes_back_as_it_was(store: Store, subject: str) -> None:
    hostile = ticket(subject=subject, fields={"1": subject})
    with store.transaction() as tx:
        tx.put_tickets([hostile], NOW)
    with store.reading() as tx:
        assert tx.tickets([35]) == {35: hostile}


def test_ids_beyond_thirty_two_bits_are_kept(store: Store) -> None:
    big = ticket(2**53, requester_id=2**61, fields={"1": 2**70, "2": 1.5})
    with store.transaction() as tx:
        tx.put_tickets([big], NOW)
        assert tx.tickets([2**53]) == {2**53: big}


def test_ticket_events_are_kept_once_and_come_newest_first(store: Store) -> None:
    events = [ticket_event(2, at=later(2)), ticket_event(1), ticket_event(3, 36, at=later(3))]
    with store.transaction() as tx:
        assert tx.put_ticket_changes(events) == [35, 36]
        again = [*events, ticket_event(4, 36, at=later(4), before="open", after="solved")]
        assert tx.put_ticket_changes(again) == [36]
        assert [found.audit_id for found in tx.ticket_changes(35)] == [502, 501]
        assert tx.ticket_changes(36, limit=1) == [again[-1].change]


def test_touched_subjects_wait_in_the_order_of_their_first_touch(store: Store) -> None:
    with store.transaction() as tx:
        tx.touch(["ticket:2", "issue:9"], later(1))
        tx.touch(["ticket:1", "ticket:1"], NOW)
        tx.touch(["ticket:2"], later(5))
    with store.reading() as tx:
        assert tx.touched() == ["ticket:1", "issue:9", "ticket:2"]
        assert tx.touched(limit=2) == ["ticket:1", "issue:9"]
        assert tx.count_touched() == 3
    with store.transaction() as tx:
        tx.untouch(["ticket:1", "ticket:2"], upto=later(2))
        assert tx.touched() == ["issue:9", "ticket:2"]
        tx.untouch(["ticket:2", "unknown"])
        assert tx.touched() == ["issue:9"]


def test_tickets_that_name_a_tag_are_found_by_their_last_change(store: Store) -> None:
    tags = {1: ("to_engineering",), 2: ("toXengineering",), 3: ("not_to_engineering",), 4: ("打印机",), 5: ()}
    with store.transaction() as tx:
        tx.put_tickets([ticket(number, tags=each) for number, each in tags.items()], NOW)
        tx.put_tickets([ticket(6, tags=tags[1], updated_at=OLD.updated_at + timedelta(days=1))], NOW)
    with store.reading() as tx:
        assert tx.tickets_naming("to_engineering", OLD.updated_at - SECOND) == [1, 6]
        assert tx.tickets_naming("to_engineering", OLD.updated_at) == [6]
        assert tx.tickets_naming("打印机", OLD.updated_at - SECOND) == [4]
