"""Verdicts of clocks, the index of due tickets, readings ahead of the history, and whose audits are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.core.model import Origin, TicketState
from syncd.sla.forecast import Forecast, Sign
from syncd.sla.holder import Holder, Party
from syncd.sla.observed import ReadingChange
from syncd.store import Store
from syncd.store.clocks import ClockRecord, Judged
from tests.store.records import NOW, issue, later, ticket, ticket_event

SECOND = int(NOW.timestamp())
L1, NOVA = Holder(Party.L1), Holder(Party.DEVELOPMENT, "NOVA")
RECORD = ClockRecord(
    ticket_id=35,
    metric="resolution",
    subject="",
    cycle=1,
    state="at_risk",
    color="yellow",
    is_paused=False,
    started=SECOND - 3600,
    ended=None,
    due=SECOND + 600,
    breached_at=None,
    next_at=SECOND + 300,
    target=4200,
    used=3600,
    holder=NOVA,
    policy="support",
    level="high",
    rules="v1",
    split={NOVA: 600, L1: 3000},
    at=SECOND,
)


def record(ticket_id: int = 35, metric: str = "resolution", **changes: object) -> ClockRecord:
    return replace(RECORD, ticket_id=ticket_id, metric=metric, **changes)  # type: ignore[arg-type]  # by name


@pytest.fixture
def kept(store: Store) -> Iterator[Store]:
    """A store of which clocks are kept."""
    store.keep_clocks(True)
    yield store
    store.keep_clocks(False)


def due(store: Store, seconds: float = 0) -> list[int]:
    with store.reading() as tx:
        return tx.due_tickets(later(seconds), 100)


# ---- verdicts ----------------------------------------------------------------------------------------------------


def test_a_verdict_comes_back_as_it_was_saved(store: Store) -> None:
    with store.transaction() as tx:
        tx.save_clocks([Judged(35, [RECORD, record(metric="first_reply")], SECOND + 300)], NOW)
        assert tx.clocks_of([35, 36]) == [record(metric="first_reply"), RECORD]


def test_what_is_no_clock_any_more_goes(store: Store) -> None:
    with store.transaction() as tx:
        tx.save_clocks([Judged(35, [RECORD, record(cycle=2)], None), Judged(36, [record(36)], None)], NOW)
        tx.save_clocks([Judged(35, [record(cycle=2, state="met", ended=SECOND)], None)], later(1))
        assert [(one.ticket_id, one.cycle, one.state) for one in tx.clocks_of([35, 36])] == [
            (35, 2, "met"),
            (36, 1, "at_risk"),
        ]


def test_a_part_of_a_history_outweighs_no_final_verdict(store: Store) -> None:
    final, running = record(1, state="met", ended=SECOND), record(2)
    with store.transaction() as tx:
        tx.save_clocks([Judged(1, [final], None), Judged(2, [running], None)], NOW)
        late = [
            Judged(number, [record(number, state="breached", ended=SECOND + 9)], None, is_partial=True)
            for number in (1, 2, 3)
        ]
        tx.save_clocks(late, later(1))
        assert [(one.ticket_id, one.state) for one in tx.clocks_of([1, 2, 3])] == [
            (1, "met"),
            (2, "breached"),
        ], "an open clock has to end; a ticket of which little is known gets none"


def test_open_clocks_are_listed_by_their_due_instant(store: Store) -> None:
    with store.transaction() as tx:
        tx.save_clocks(
            [
                Judged(1, [record(1, due=SECOND + 50)], None),
                Judged(2, [record(2, due=SECOND + 10)], None),
                Judged(3, [record(3, due=SECOND + 20, ended=SECOND)], None),
                Judged(4, [record(4, due=None, is_paused=True)], None),
                Judged(5, [record(5, due=SECOND - 5)], None),
            ],
            NOW,
        )
        assert [one.ticket_id for one in tx.clocks_due(SECOND + 100)] == [5, 2, 1]
        assert [one.ticket_id for one in tx.clocks_due(SECOND + 100, after=SECOND)] == [2, 1]
        assert [one.ticket_id for one in tx.clocks_due(SECOND + 50)] == [5, 2]
        assert [one.ticket_id for one in tx.clocks_due(SECOND + 100, limit=1)] == [5]


def test_breached_clocks_are_listed_the_latest_first(store: Store) -> None:
    with store.transaction() as tx:
        tx.save_clocks(
            [
                Judged(1, [record(1, breached_at=SECOND - 50)], None),
                Judged(2, [record(2, breached_at=SECOND - 10, ended=SECOND)], None),
                Judged(3, [record(3)], None),
            ],
            NOW,
        )
        assert [one.ticket_id for one in tx.clocks_breached(SECOND - 100)] == [2, 1]
        assert [one.ticket_id for one in tx.clocks_breached(SECOND - 20)] == [2]
        assert [one.ticket_id for one in tx.clocks_breached(0, is_open=True)] == [1]


# ---- what is worth a look ----------------------------------------------------------------------------------------


def test_a_ticket_is_looked_at_when_its_instant_comes_and_then_no_more(store: Store) -> None:
    with store.transaction() as tx:
        tx.save_clocks([Judged(35, [RECORD], SECOND + 300), Judged(36, [record(36)], None)], NOW)
        assert tx.next_due() == datetime.fromtimestamp(SECOND + 300, UTC)
    assert due(store, 298) == []
    assert due(store, 300) == [35]
    with store.transaction() as tx:
        tx.save_clocks([Judged(35, [RECORD], None)], later(300))
        assert tx.next_due() is None


def test_nothing_is_marked_while_no_clocks_are_kept(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_tickets([ticket()], NOW)
        tx.touch_clocks([35])
        tx.outdate_clocks([36])
    assert due(store) == []


def test_every_change_of_a_ticket_its_links_and_its_bugs_makes_its_clocks_due(kept: Store) -> None:
    def settle() -> None:
        with kept.transaction() as tx:
            tx.save_clocks([Judged(35, [], None), Judged(36, [], None)], NOW)

    with kept.transaction() as tx:
        tx.put_tickets([ticket(35), ticket(36)], NOW)
    assert due(kept) == [35, 36]
    settle()
    with kept.transaction() as tx:
        tx.put_tickets([ticket(35), ticket(36)], NOW)
    assert due(kept) == [], "nothing new"
    with kept.transaction() as tx:
        link = tx.add_link(36, "10305", "APP-1", "app", Origin.MANUAL, NOW)
    assert due(kept) == [36]
    settle()
    with kept.transaction() as tx:
        tx.put_issues([issue("10305"), issue("9")], NOW)
    assert due(kept) == [36]
    settle()
    with kept.transaction() as tx:
        tx.save_link(replace(link, ticket_id=35))
    assert due(kept) == [35, 36]
    settle()
    with kept.transaction() as tx:
        tx.retire(link.id, "over", later(1))
    assert due(kept) == [35]
    settle()
    with kept.transaction() as tx:
        tx.put_issues([issue("10305", updated_ms=1_772_443_999_000)], later(2))
    assert due(kept) == [35], "a bug that was linked once still tells of the past"


def test_a_clock_that_was_set_back_delays_nothing_that_changed(kept: Store) -> None:
    with kept.transaction() as tx:
        tx.put_tickets([ticket()], later(7200))
    assert due(kept, -7200) == [35]


def test_new_rules_outdate_every_ticket_and_what_changed_comes_first(kept: Store) -> None:
    with kept.transaction() as tx:
        tx.put_tickets([ticket(number) for number in range(1, 6)], NOW)
        tx.save_clocks([Judged(number, [], SECOND + 900) for number in range(1, 4)], NOW)
        tx.save_clocks([Judged(number, [], None) for number in (4, 5)], NOW)
        assert tx.recompute_clocks() == 5
        tx.touch_clocks([2])
        assert tx.due_tickets(NOW, 10) == [2]
        assert tx.stale_clocks(2) == [5, 4]
        assert tx.count_stale_clocks() == 4
        tx.save_clocks([Judged(5, [], SECOND + 900), Judged(4, [], None)], NOW)
        assert tx.stale_clocks(10) == [3, 1]
        assert tx.due_tickets(later(900), 10) == [2, 1, 3, 5], (
            "those that were not recomputed yet fall due all the same"
        )


def test_many_at_a_time_wait_behind_what_changed(kept: Store) -> None:
    with kept.transaction() as tx:
        tx.save_clocks([Judged(1, [], SECOND + 900)], NOW)
        tx.outdate_clocks([1, 2])
        assert tx.due_tickets(NOW, 10) == []
        assert tx.stale_clocks(10) == [2, 1]


# ---- histories ---------------------------------------------------------------------------------------------------


def test_wanted_histories_come_in_order_of_rank_and_only_until_they_are_read(store: Store) -> None:
    with store.transaction() as tx:
        tx.want_histories({1: 30, 2: 10, 3: 20})
        assert tx.wanted_histories(2) == [2, 3]
        assert tx.count_wanted_histories() == 3
        tx.history_read(2, later(5))
        tx.want_histories({2: 1})
        assert tx.wanted_histories(5) == [3, 1]
        assert tx.histories_read([1, 2, 3]) == {2: later(5)}


def test_a_history_that_could_not_be_read_waits_behind_all_others(store: Store) -> None:
    with store.transaction() as tx:
        tx.want_histories({1: 30, 2: 10, 3: 20})
        tx.put_history_off(2)
        tx.put_history_off(3)
        assert tx.wanted_histories(5) == [1, 2, 3]
        tx.put_history_off(2)
        assert tx.wanted_histories(5) == [1, 3, 2]
        tx.history_read(1, later(5))
        tx.put_history_off(1)
        assert (tx.wanted_histories(5), tx.histories_read([1])) == ([3, 2], {1: later(5)})


def test_a_reading_ahead_of_the_history_is_kept_until_the_history_tells(kept: Store) -> None:
    stamp = int(ticket().updated_at.timestamp()) + 60
    moved = ticket(state=TicketState("pending"), group_id=7, updated_at=datetime.fromtimestamp(stamp, UTC))
    with kept.transaction() as tx:
        tx.put_tickets([ticket()], NOW)
        assert tx.readings_of([35]) == {}
        tx.put_tickets([moved], later(60))
        assert tx.readings_of([35, 36]) == {
            35: [ReadingChange(stamp, "group", None, "7"), ReadingChange(stamp, "status", "open", "pending")]
        }
        tx.forget_readings(stamp - 1)
        assert len(tx.readings_of([35])[35]) == 2
        tx.forget_readings(stamp)
        assert tx.readings_of([35]) == {}


def test_an_event_is_replaced_only_by_one_that_tells_more(store: Store) -> None:
    plain, named = ticket_event(1, kind="field", after="x"), ticket_event(1, kind="field:9", after="x")
    with store.transaction() as tx:
        assert tx.put_ticket_changes([plain]) == [35]
        assert tx.put_ticket_changes([plain]) == []
        assert tx.put_ticket_changes([named]) == [35]
        assert tx.put_ticket_changes([plain]) == []
        said = ticket_event(2, kind="comment", markers=("#plan",))
        assert tx.put_ticket_changes([replace(said, change=replace(said.change, markers=())), said]) == [35]
        assert tx.put_ticket_changes([replace(said, change=replace(said.change, markers=()))]) == []
        assert {change.kind for change in tx.histories([35])[35]} == {"field:9", "comment"}


def test_histories_come_newest_first_by_ticket(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_ticket_changes([ticket_event(number, 35 + number % 2, at=later(number)) for number in range(4)])
        told = tx.histories([35, 36, 37])
    assert {number: [change.audit_id for change in changes] for number, changes in told.items()} == {
        35: [502, 500],
        36: [503, 501],
    }


def test_links_are_told_with_the_moment_they_ended(store: Store) -> None:
    with store.transaction() as tx:
        over = tx.add_link(35, "1", "APP-1", "app", Origin.MANUAL, NOW)
        tx.retire(over.id, "over", later(9))
        alive = tx.add_link(35, "1", "APP-1", "app", Origin.MANUAL, later(10))
        assert [(link.id, ended) for link, ended in tx.links_ever([35])] == [(over.id, later(9)), (alive.id, None)]


def test_an_open_clock_keeps_the_history_of_its_ticket(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_ticket_changes([ticket_event(number, number) for number in (35, 36, 37)])
        tx.save_clocks([Judged(35, [RECORD], None), Judged(36, [record(36, ended=SECOND)], None)], NOW)
        for number in (35, 36):
            tx.history_read(number, NOW)
        tx.prune(later(60))
        assert tx.histories([35, 36, 37]).keys() == {35}
        assert tx.histories_read([35, 36]).keys() == {35}, "what is lost can be read anew"


# ---- forecasts ---------------------------------------------------------------------------------------------------


def test_a_forecast_is_dated_by_its_first_telling_and_goes_when_it_is_told_no_more(store: Store) -> None:
    late = Forecast(35, "resolution", "1", Sign.DUE_DATE, SECOND, "2026-04-01", "Forecast: late.")
    other = replace(late, ticket=36, sign=Sign.UNTOUCHED, due=None, day=None)
    with store.transaction() as tx:
        tx.save_clocks([Judged(35, [], None, [late]), Judged(36, [], None, [other])], NOW)
        tx.save_clocks([Judged(35, [], None, [late])], later(60))
        assert tx.forecasts() == [(late, NOW), (other, NOW)]
        tx.save_clocks([Judged(35, [], None)], later(90))
        assert tx.forecasts([35]) == []
        assert tx.forecasts([36]) == [(other, NOW)]
