"""Ticket fields that show clocks: one write for each threshold, taken along by a status write, never repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.plan import _as_json, _preview
from syncd.core.guard import Reason
from syncd.cycle.clock_brake import CLOCK_FIELDS
from syncd.cycle.sla_settings import ShownField, SlaSettings
from syncd.executor.drain import describe
from syncd.sandbox.faults import Fault
from syncd.sla.calendar import always
from tests.scenarios.lab import Lab
from tests.sla.kit import ALWAYS, OFFICE, rules

BOOK = rules(
    {"resolution": {"goals": {"any": "4h"}, "calendar": "always", "pause_in": ["pending"]}},
    {"resolution": {}},
    {"office": OFFICE, "always": ALWAYS},
    holders=[
        {"party": "customer", "when": {"all": [{"field": "status", "operator": "is", "value": "pending"}]}},
        {"party": "L1"},
    ],
)
DUE, STATE, LEFT, HOLDER = "SLA due", "SLA state", "SLA left", "SLA holder"


class Desk(Lab):
    """A desk whose tickets show the resolution clock."""

    ids: dict[str, int]

    def prepare(self) -> None:
        desk = self.sandbox.zendesk
        states = [(name, f"sla_{name}") for name in ("running", "at_risk", "breached", "paused", "met", "cancelled")]
        self.ids = {
            DUE: desk.add_ticket_field(title=DUE, type="text"),
            STATE: desk.add_ticket_field(title=STATE, type="tagger", options=[value for _, value in states]),
            LEFT: desk.add_ticket_field(title=LEFT, type="integer"),
            HOLDER: desk.add_ticket_field(title=HOLDER, type="text"),
        }
        self.sla = SlaSettings(
            BOOK,
            "fields",
            always("reader", "UTC"),
            shown=(
                ShownField("resolution", "due", self.ids[DUE], "text", "Asia/Shanghai"),
                ShownField("resolution", "state", self.ids[STATE], "tagger", options=dict(states)),
                ShownField("resolution", "remaining", self.ids[LEFT], "integer"),
                ShownField("resolution", "holder", self.ids[HOLDER], "text"),
            ),
        )

    def seen(self, ticket: int) -> list[Any]:
        """Due, state, left and holder as the ticket shows them."""
        return [self.shown(ticket, title) for title in (DUE, STATE, LEFT, HOLDER)]

    def puts(self, since: int) -> list[dict[str, Any]]:
        """Updates of tickets since that place in the journal."""
        return [entry for entry in self.writes(since) if entry["method"] == "PUT" and "/tickets/" in entry["path"]]

    def mark(self) -> int:
        """The place in the journal."""
        return len(self.sandbox.ctx.journal.entries(0))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, "cloud")
    made.app.engine.step()
    assert "sla.fields (0 tickets)" in made.accept()
    yield made
    made.app.store.close()


def test_a_clock_is_shown_and_each_threshold_costs_one_write(desk: Desk) -> None:
    ticket = desk.ticket("open")  # created at 09:00:00 UTC, 17:00 in Shanghai
    desk.cycle(4, seconds=60)
    assert desk.seen(ticket) == ["2026-03-02 21:00 +0800", "sla_running", None, "L1"]
    before = desk.mark()
    desk.sandbox.advance(2 * 3600)  # past yellow, at half of four hours
    desk.cycle(4, seconds=60)
    assert desk.seen(ticket)[1] == "sla_at_risk"
    assert len(desk.puts(before)) == 1
    before = desk.mark()
    desk.sandbox.advance(2 * 3600)
    desk.cycle(4, seconds=60)
    assert desk.seen(ticket) == ["2026-03-02 21:00 +0800", "sla_breached", None, "L1"]
    assert len(desk.puts(before)) == 1
    before = desk.mark()
    desk.cycle(6, seconds=60)
    assert desk.puts(before) == []


def test_a_clock_that_rests_shows_what_is_left_and_a_solved_ticket_its_end(desk: Desk) -> None:
    ticket = desk.ticket("open")
    desk.cycle(4, seconds=60)
    desk.agent_sets(ticket, "pending")
    desk.cycle(4, seconds=60)
    due, state, left, holder = desk.seen(ticket)
    assert (due, state, holder) == (None, "sla_paused", "customer")
    assert int(left) == 4 * 60 - 5
    desk.sandbox.zendesk.solve(ticket=ticket, actor=desk.agent)
    desk.cycle(4, seconds=60)
    assert desk.seen(ticket) == [None, "sla_met", None, None]


def test_a_status_write_takes_the_fields_along(desk: Desk) -> None:
    ticket, key = desk.ticket("open"), desk.bug()
    desk.link(ticket, key)
    desk.settle()
    desk.cycle(4, seconds=60)
    desk.moves(key, "Done", "Fixed")
    desk.sandbox.advance(2 * 3600)  # yellow is passed in the meantime
    before = desk.mark()
    desk.cycle()
    calls = [(e["method"], e["path"]) for e in desk.sandbox.ctx.journal.entries(before)]
    desk.cycle(3)
    assert desk.status(ticket) == "open"
    assert desk.seen(ticket)[1] == "sla_at_risk"
    assert len(desk.puts(before)) == 1
    put, one = calls.index(("PUT", f"/api/v2/tickets/{ticket}")), ("GET", f"/api/v2/tickets/{ticket}")
    assert one in calls[:put]
    assert one not in calls[put:], "nothing is read for what went along"


def test_what_would_be_shown_can_be_asked_for_without_a_trace(desk: Desk) -> None:
    ticket = desk.ticket("open")
    desk.cycle(4, seconds=60)
    desk.sandbox.advance(2 * 3600)
    keeper = desk.app.engine.clocks
    now = keeper.now()
    before = desk.mark()
    with desk.app.store.reading() as tx:
        (action,) = keeper.would_show(tx, keeper.folded(tx, [ticket], now))
        waiting = tx.waiting_counts()
    assert action.fields == {str(desk.ids[STATE]): "sla_at_risk"}
    assert describe(action) == f"show the clocks in fields of ticket #{ticket}"
    assert waiting["zendesk"] == 0
    assert desk.puts(before) == []


def test_the_first_writes_wait_for_a_person_and_are_stated(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "cloud")
    tickets = [desk.ticket("open") for _ in range(3)]
    desk.app.engine.clocks.prepare()
    plan: Any = _as_json(_preview(desk.app, desk.app.engine.observe(complete=True), None))
    assert [(write["kind"], write["held"]) for write in plan["writes"]] == [("show_clocks", True)] * 3
    assert [(held["route"], held["count"]) for held in plan["brakes"]] == [(CLOCK_FIELDS, 3)]
    assert plan["cost"]["zendesk"] == 6
    report = desk.cycle(4, seconds=60)
    held = report.held[CLOCK_FIELDS]
    assert (held.reason, held.count) == (Reason.FIRST_RUN, 3)
    assert "3 open tickets are to show it, about 6 API calls" in held.message
    assert desk.puts(0) == []
    assert "sla.fields" in desk.accept()
    before = desk.mark()
    assert not desk.cycle(2).held
    assert len(desk.puts(before)) == 3
    assert {desk.seen(ticket)[1] for ticket in tickets} == {"sla_running"}
    before = desk.mark()
    assert desk.sla is not None
    desk.sla = replace(desk.sla, shown=desk.sla.shown[:2])  # other fields are another question
    desk.restart()
    desk.agent_sets(tickets[0], "pending")
    assert desk.cycle(4, seconds=60).held[CLOCK_FIELDS].reason is Reason.MAPPING_CHANGED
    assert desk.puts(before) == []
    token = desk.reports[-1].held[CLOCK_FIELDS].token
    desk.app.engine.settings = replace(desk.app.engine.settings, accept=frozenset({token}))  # guard.accept
    desk.cycle(2)
    assert desk.seen(tickets[0])[:2] == [None, "sla_paused"]


def test_nothing_is_written_to_a_closed_ticket(desk: Desk) -> None:
    ticket = desk.ticket("open")
    desk.cycle(4, seconds=60)
    desk.sandbox.zendesk.solve(ticket=ticket, actor=desk.agent)
    desk.sandbox.zendesk.close_solved(ticket=ticket)
    before = desk.mark()
    desk.cycle(6, seconds=60)
    assert desk.puts(before) == []
    assert desk.seen(ticket)[1] == "sla_running", "as it was when it was closed"


def test_a_ticket_that_is_taken_out_by_its_tag_is_left_alone(desk: Desk) -> None:
    ticket = desk.ticket("open", tags=["syncd_off"])
    before = desk.mark()
    desk.cycle(6, seconds=60)
    assert desk.puts(before) == []
    assert desk.seen(ticket) == [None, None, None, None]


def test_a_value_that_somebody_else_keeps_changing_back_is_left(desk: Desk) -> None:
    ticket = desk.ticket("open")
    desk.cycle(4, seconds=60)
    before = desk.mark()
    for _ in range(5):
        desk.sandbox.zendesk.set_field(ticket=ticket, actor=desk.agent, field=desk.ids[HOLDER], value="me")
        desk.cycle(4, seconds=60)
    assert len(desk.puts(before)) == 1, "once more, then never again"
    assert any("keeps changing field" in warning for report in desk.reports for warning in report.warnings)


def test_a_restart_repeats_nothing(desk: Desk) -> None:
    ticket = desk.ticket("open")
    desk.cycle(4, seconds=60)
    before = desk.mark()
    desk.restart()
    desk.cycle(6, seconds=60)
    assert desk.puts(before) == []
    assert desk.seen(ticket)[1] == "sla_running"


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_an_unknown_answer_is_looked_for_and_written_once(desk: Desk, kind: str) -> None:
    ticket = desk.ticket("open")
    desk.sandbox.ctx.faults.add(Fault(kind, "zendesk", method="PUT", path="/tickets/"))
    before = desk.mark()
    desk.cycle(8, seconds=60)
    assert desk.seen(ticket)[1] == "sla_running"
    assert len(desk.puts(before)) == (1 if kind == "drop_after" else 2), "the one that was lost, and the one that came"
    before = desk.mark()
    desk.cycle(3, seconds=60)
    assert desk.puts(before) == []


def test_a_ticket_that_was_solved_while_the_history_was_read_back_shows_its_end(tmp_path: Path) -> None:
    """All of it was known before the last pages came, and they told nothing of it."""
    desk = Desk(tmp_path, "cloud")
    ticket, *_ = [desk.ticket("open") for _ in range(40)]
    desk.sandbox.advance(3600)
    desk.sandbox.zendesk.switches["export_page_limit"] = 4
    desk.cycle(complete=True)
    desk.accept()
    desk.agent_sets(ticket, "solved")
    desk.cycle(5, seconds=60)
    assert "read_until" in desk.reports[-1].clocks, "pages are missing"
    assert desk.seen(ticket)[1] is None
    desk.cycle(4, seconds=60)
    assert "read_until" not in desk.reports[-1].clocks
    assert desk.seen(ticket)[1] == "sla_met"
