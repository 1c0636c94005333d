"""Our clocks beside Zendesk's: its metric events are read page by page, and each ticket is held against them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.app.compare import compare_desk, read_desk
from syncd.sla.compare import Rule
from syncd.sources.errors import InvalidResponseError
from syncd.sources.zendesk_metrics import MetricFeed, event_of
from tests.scenarios.lab import Lab

SLA = """
sla:
  calendars: {always: {zone: UTC, week: always}}
  metrics: {first_reply: {}}
  policies: [{name: support, defaults: {calendar: always}, targets: {first_reply: {goals: {any: 1h}}}}]
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = Lab(tmp_path, more=SLA)
    made.cycle(2, seconds=60)
    return made


def breach(lab: Lab, ticket: int, seconds: float, **more: Any) -> None:
    """Zendesk's own policy promised an hour, and its breach is kept `seconds` from now."""
    store = lab.sandbox.zendesk.store
    policy = {"target": 60, "business_hours": False, "policy": {"id": 7, "title": "VIP"}}
    store.metric_event(store.tickets[ticket], "reply_time", "apply_sla", sla=policy)
    lab.sandbox.advance(seconds)
    store.metric_event(store.tickets[ticket], "reply_time", "breach", **more)


def test_breaches_are_compared_ticket_by_ticket(lab: Lab) -> None:
    since = int(lab.clock.now().timestamp())
    same = lab.ticket("new")
    breach(lab, same, 3600 - 2)
    other = lab.ticket("new")
    breach(lab, other, 1800, deleted=True)
    lab.sandbox.advance(7200)
    lab.cycle(4, seconds=60)
    waited: list[float] = []
    events = read_desk(lab.app, since, waited.append)
    found = compare_desk(lab.app, events, since, int(lab.clock.now().timestamp()))
    assert (found.tickets, found.agreed) == (2, 1)
    assert [(difference.ticket, difference.rule) for difference in found.differences] == [(other, Rule.DELETED)]
    assert found.rules == {Rule.DELETED: 1}


def test_many_pages_give_each_event_once(lab: Lab) -> None:
    since = int(lab.clock.now().timestamp())
    lab.sandbox.zendesk.store.switches["export_page_limit"] = 8
    for _ in range(4):
        lab.ticket("new")
        lab.sandbox.advance(5)
    lab.sandbox.advance(120)
    waited: list[float] = []
    events = read_desk(lab.app, since, waited.append)
    assert len({event.id for event in events}) == len(events) >= 8
    assert waited, "the limit of exports is asked for between pages"


@pytest.mark.parametrize("switch", ["extend", "stuck"])
def test_a_second_that_fills_a_page_does_not_stop_the_comparison(lab: Lab, switch: str) -> None:
    lab.sandbox.zendesk.store.switches.update(export_page_limit=3, export_same_stamp=switch)
    since = int(lab.clock.now().timestamp())
    for _ in range(3):
        lab.ticket("new")
    lab.sandbox.advance(5)
    last = lab.ticket("new")
    lab.sandbox.advance(120)
    events = read_desk(lab.app, since, lambda seconds: None)
    assert last in {event.ticket for event in events}


ONE = {
    "id": 1,
    "ticket_id": 2,
    "instance_id": 1,
    "metric": "reply_time",
    "type": "breach",
    "time": "2026-03-02T09:00:00Z",
}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no row"),
        pytest.param([{**ONE, "time": "soon"}], id="a row without a time"),
        pytest.param([ONE, {**ONE, "time": "2026-03-02T08:59:59Z"}], id="two seconds"),
    ],
)
def test_a_page_that_does_not_move_for_another_reason_is_told(rows: list[object]) -> None:
    start = 1_772_442_000
    feed = MetricFeed(lambda path, params, at: {"ticket_metric_events": rows, "end_time": at, "end_of_stream": False})
    with pytest.raises(InvalidResponseError, match="does not get past"):
        feed.page(start)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"id": 1}, None, id="not an event"),
        pytest.param(
            {"id": 1, "ticket_id": 2, "instance_id": 1, "metric": "reply_time", "type": "breach", "time": "soon"},
            None,
            id="without a time",
        ),
        pytest.param(
            {"id": 1, "ticket_id": True, "instance_id": 1, "type": "breach", "time": "2026-03-02T09:00:00Z"},
            None,
            id="a ticket that is no number",
        ),
        pytest.param("breach", None, id="no object"),
    ],
)
def test_what_cannot_be_read_is_left_out(row: object, expected: object) -> None:
    assert event_of(row) is expected


def test_targets_are_seconds() -> None:
    row = {"id": 1, "ticket_id": 2, "instance_id": 1, "metric": "reply_time", "time": "2026-03-02T09:00:00Z"}
    minutes = event_of({**row, "type": "apply_sla", "sla": {"target": 60, "business_hours": True}})
    seconds = event_of({**row, "type": "apply_sla", "sla": {"target": 60, "target_in_seconds": 3590}})
    assert minutes is not None
    assert seconds is not None
    assert (minutes.target, minutes.business_hours, seconds.target) == (3600, True, 3590)
