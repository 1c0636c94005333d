"""Where the clocks' events come from: the exact history, read back at first; readings until it tells; audits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.core.ports import TicketEvent
from syncd.cycle import clocks as keeping
from syncd.cycle.fetch import FAST_TICKETS
from syncd.cycle.history import EVENTS_PAST
from syncd.cycle.settings import CycleReport
from syncd.cycle.sla_settings import SlaSettings, TicketClocks
from syncd.sandbox.faults import Fault
from syncd.sla.calendar import always
from syncd.sla.clock import Clock
from syncd.sla.forecast import Sign
from syncd.sla.holder import Party
from syncd.sla.states import State, judge
from tests.scenarios.lab import Deployment, Lab
from tests.sla.kit import ALWAYS, OFFICE, rules

BOOK = rules(
    {
        "first_reply": {"goals": {"any": "4h"}, "calendar": "always"},
        "resolution": {"goals": {"any": "48h"}, "calendar": "always", "pause_in": ["pending"]},
        "plan": {"goals": {"any": "24h"}, "calendar": "always"},
        "untouched": {"goals": {"any": "24h"}, "calendar": "always"},
    },
    {
        "first_reply": {},
        "resolution": {},
        "plan": {"kind": "checkpoint", "met_by": {"notes": ["#plan"]}},
        "untouched": {"kind": "bug_untouched"},
    },
    {"office": OFFICE, "always": ALWAYS},
    holders=[
        {"party": "customer", "when": {"all": [{"field": "status", "operator": "is", "value": "pending"}]}},
        {"party": "development", "team_by": "component", "when": {"all": [{"field": "bug", "operator": "present"}]}},
        {"party": "L1"},
    ],
)
SETTINGS = SlaSettings(BOOK, "history", always("reader", "UTC"), markers=("#plan",))
HOUR, DAY = 3600, 86_400
CONFIGURED = """
sla:
  calendars: {always: {zone: UTC, week: always}}
  metrics: {resolution: {}}
  policies:
    - name: support
      defaults: {calendar: always}
      targets: {resolution: {goals: {any: 24h}, pause_in: [pending]}}
"""


def told(lab: Lab, ticket: int) -> TicketClocks:
    """The clocks as of now, from what is stored."""
    keeper = lab.app.engine.clocks
    now = keeper.now()
    with lab.app.store.reading() as tx:
        (found,) = keeper.folded(tx, [ticket], now)
    return found


def clock(lab: Lab, ticket: int, metric: str) -> Clock:
    """The last clock of a metric."""
    return [clock for clock in told(lab, ticket).clocks if clock.cycle.metric == metric][-1]


def audits_read(lab: Lab, work: Callable[[], object]) -> list[str]:
    """Which audits were asked for meanwhile."""
    return [entry["path"] for entry in lab.during(work) if entry["path"].endswith(("/audits", "/audits.json"))]


def start(lab: Lab, settings: SlaSettings = SETTINGS) -> None:
    """The daemon starts with clocks."""
    lab.sla = settings
    lab.restart()


def old_desk(folder: Path, start_from: str = "2d") -> tuple[Lab, int]:
    """A ticket that was created, answered and moved on four days before the daemon first runs, and touched today."""
    lab = Lab(folder, "cloud", more=f"start_from: {start_from}\n")
    ticket = lab.ticket("new", priority="urgent")
    lab.sandbox.advance(HOUR)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Our #plan: wait.", status="pending")
    lab.sandbox.advance(4 * DAY)
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="And now?")
    lab.sandbox.advance(HOUR)
    start(lab)
    return lab, ticket


def test_a_ticket_from_before_the_history_has_its_audits_read_once(tmp_path: Path) -> None:
    lab, ticket = old_desk(tmp_path)
    assert audits_read(lab, lambda: lab.cycle(4, seconds=30)) == [f"/api/v2/tickets/{ticket}/audits"]
    assert told(lab, ticket).is_complete
    reply = clock(lab, ticket, "first_reply")
    assert (judge(reply).state, reply.elapsed) == (State.MET, HOUR + 2)
    resolution = clock(lab, ticket, "resolution")
    assert [part.rest for part in resolution.slices] == [None, "status pending", None]
    assert clock(lab, ticket, "plan").cycle.end is not None, "its text named the marker"
    assert audits_read(lab, lambda: lab.cycle(4, seconds=30)) == []


@pytest.mark.parametrize("kind", ["html", "bad_json"])
def test_audits_in_place_of_which_something_else_comes_are_asked_for_again(tmp_path: Path, kind: str) -> None:
    """A page of a proxy is no empty history: the ticket was answered in time, whatever cannot be read of it now."""
    lab, ticket = old_desk(tmp_path)
    lab.sandbox.ctx.faults.add(Fault(kind, "zendesk", path="/audits", times=3))
    calls = audits_read(lab, lambda: lab.cycle(4, seconds=30))
    assert calls == [f"/api/v2/tickets/{ticket}/audits"] * 3
    assert not told(lab, ticket).is_complete
    assert any(f"The history of ticket #{ticket} cannot be read" in line for line in lab.reports[-1].warnings)
    lab.cycle(2, seconds=30)
    assert told(lab, ticket).is_complete
    assert judge(clock(lab, ticket, "first_reply")).state is State.MET


def test_a_ticket_whose_audits_never_come_holds_no_other_up(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", more="start_from: 2d\n")
    tickets = [lab.ticket("new", priority="urgent") for _ in range(13)]
    lab.sandbox.advance(4 * DAY)
    for ticket in tickets:
        lab.sandbox.zendesk.customer_replies(ticket=ticket, body="And now?")
    lab.sandbox.advance(HOUR)
    bad = tickets[2:]  # the newest come first
    lab.sandbox.ctx.faults.add(Fault("html", "zendesk", path=f"/({'|'.join(map(str, bad))})/audits", times=-1))
    start(lab)
    lab.cycle(6, seconds=30)
    assert [told(lab, ticket).is_complete for ticket in tickets] == [True] * 2 + [False] * 11


def test_until_the_audits_are_read_the_ticket_is_incomplete(tmp_path: Path) -> None:
    lab, ticket = old_desk(tmp_path)
    lab.cycle(complete=True)
    first = told(lab, ticket)
    assert not first.is_complete
    lab.cycle(3, seconds=30)
    assert told(lab, ticket).is_complete


def test_a_ticket_within_the_history_needs_no_audits(tmp_path: Path) -> None:
    lab, ticket = old_desk(tmp_path, start_from="10d")
    assert audits_read(lab, lambda: lab.cycle(6, seconds=30)) == []
    assert told(lab, ticket).is_complete
    assert clock(lab, ticket, "first_reply").elapsed == HOUR + 2


def test_the_history_is_read_back_page_by_page_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud")
    tickets = [lab.ticket("open") for _ in range(12)]
    lab.sandbox.advance(HOUR)
    lab.sandbox.zendesk.switches["export_page_limit"] = 4
    start(lab)
    lab.cycle(complete=True)
    progress = lab.reports[-1].clocks
    assert "read_until" in progress
    with lab.app.store.reading() as tx:
        reached = tx.cursor(EVENTS_PAST)
    lab.restart()
    lab.cycle(2, seconds=60)
    with lab.app.store.reading() as tx:
        assert int(tx.cursor(EVENTS_PAST) or 0) > int(reached or 0)
    lab.cycle(20, seconds=60)
    assert "read_until" not in lab.reports[-1].clocks
    assert all(told(lab, ticket).is_complete for ticket in tickets)


def test_clocks_that_are_switched_on_later_know_what_was_said_before(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud")
    ticket = lab.ticket("open")
    lab.cycle(4, seconds=60)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="The #plan", public=False)
    lab.cycle(4, seconds=60)
    start(lab)
    lab.cycle(5, seconds=60)
    assert clock(lab, ticket, "plan").cycle.end is not None
    assert told(lab, ticket).is_complete


def test_audits_and_the_export_tell_the_same_under_the_same_ids(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    desk = lab.sandbox.zendesk
    ticket, other = lab.ticket("open", tags=["vip"]), lab.ticket("open")
    desk.assign(ticket=ticket, actor=lab.agent, group=lab.seeded.groups["L2"])
    desk.set_priority(ticket=ticket, actor=lab.agent, priority="urgent")
    desk.set_field(ticket=ticket, actor=lab.agent, field="Sync state", value="x")
    desk.add_tags(ticket=ticket, actor=lab.agent, tags=["hot"])
    desk.agent_replies(ticket=ticket, actor=lab.agent, body="The #plan", public=False)
    desk.customer_replies(ticket=ticket, body="Thanks")
    desk.merge(source=ticket, target=other, actor=lab.agent)
    lab.cycle(5, seconds=60)
    with lab.app.store.reading() as tx:
        exported = {
            (change.audit_id, change.kind, change.before, change.after) for change in tx.histories([ticket])[ticket]
        }
    kinds = {kind for _, kind, _, _ in exported}
    assert {"created", "status", "group", "priority", "tags", "comment", "requester"} <= kinds
    assert any(kind.startswith("field:") for kind in kinds)
    listed = lab.app.zendesk.audits(ticket)
    told_by_audits = {(e.change.audit_id, e.change.kind, e.change.before, e.change.after) for e in listed}
    assert told_by_audits - exported <= {one for one in told_by_audits if one[1] == "merge"}, (
        "only audits name the target"
    )
    assert exported <= told_by_audits
    before = told(lab, ticket).clocks
    with lab.app.store.transaction() as tx:
        assert set(tx.put_ticket_changes(list(listed))) <= {ticket}
    assert [replace_now(one, 0) for one in told(lab, ticket).clocks] == [replace_now(one, 0) for one in before]


def replace_now(clock: Clock, now: int) -> Clock:
    """The clock as of another moment, for comparing."""
    return replace(clock, now=now)


def test_no_text_of_a_comment_is_stored_with_the_history(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    ticket = lab.ticket("new")
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="The password is swordfish #plan")
    lab.cycle(5, seconds=60)
    assert clock(lab, ticket, "plan").cycle.end is not None
    lab.app.store.checkpoint()
    assert b"swordfish" not in (tmp_path / "syncd.db").read_bytes()


# ---- ahead of the history ----------------------------------------------------------------------------------------


def test_a_change_moves_clocks_at_once_and_the_exact_history_agrees(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    ticket = lab.ticket("open")
    lab.cycle(5, seconds=60)
    lab.sandbox.advance(1)
    lab.agent_sets(ticket, "pending")
    moved = int(lab.sandbox.clock.now())
    lab.cycle()
    early = clock(lab, ticket, "resolution")
    assert (early.rest, early.slices[-1].start) == ("status pending", moved)
    assert not told(lab, ticket).is_certain
    lab.agent_sets(ticket, "open")
    lab.cycle(5, seconds=60)
    late = clock(lab, ticket, "resolution")
    assert [(part.rest, part.start) for part in late.slices][1] == ("status pending", moved)
    assert told(lab, ticket).is_certain
    with lab.app.store.reading() as tx:
        assert tx.readings_of([ticket]) == {}, "the history tells it now"


def test_a_reply_that_was_only_noticed_is_known_after_a_fresh_look(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    ticket = lab.ticket("new")
    lab.cycle(5, seconds=60)
    lab.sandbox.advance(4 * HOUR - 5 * 60 - 20)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Here you are.")
    lab.cycle(seconds=30)
    noticed = told(lab, ticket)
    assert not noticed.is_certain
    assert judge(clock(lab, ticket, "first_reply")).state is State.BREACHED, "its comment is not in the export yet"
    report = CycleReport()
    asked = audits_read(lab, lambda: lab.app.engine.clocks.fresh([ticket], report))
    assert asked == [f"/api/v2/tickets/{ticket}/audits"]
    assert told(lab, ticket).is_certain
    assert judge(clock(lab, ticket, "first_reply")).state is State.MET


def test_a_fresh_look_at_a_ticket_that_did_not_change_reads_no_audits(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    ticket = lab.ticket("new")
    lab.cycle(5, seconds=60)
    report = CycleReport()
    assert audits_read(lab, lambda: lab.app.engine.clocks.fresh([ticket], report)) == []
    assert [found.id for found in lab.app.engine.clocks.fresh([ticket], report)] == [ticket]


def test_a_ticket_that_waits_for_the_export_is_looked_at_again_within_a_minute(tmp_path: Path) -> None:
    """What the export tells may be nothing about this ticket but that it has read past its last change."""
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    ticket = lab.ticket("open")
    lab.cycle(5, seconds=60)
    lab.sandbox.ctx.faults.add(Fault("drop_before", "zendesk", path="/incremental/", times=-1))
    lab.cycle(6, seconds=60)
    lab.agent_sets(ticket, "pending")
    lab.cycle(seconds=60)
    waits = told(lab, ticket)
    assert (waits.is_complete, waits.is_born) == (False, True)
    with lab.app.store.reading() as tx:
        assert ticket in tx.due_tickets(lab.clock.now() + timedelta(seconds=61), 10)
    lab.sandbox.ctx.faults.clear()
    lab.cycle(4, seconds=60)
    assert told(lab, ticket).is_complete
    with lab.app.store.reading() as tx:
        assert tx.due_tickets(lab.clock.now() + timedelta(seconds=61), 10) == []


def test_events_that_arrive_late_are_folded_in(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    ticket = lab.ticket("open")
    lab.cycle(5, seconds=60)
    with lab.app.store.transaction() as tx:
        known = tx.histories([ticket])[ticket]
        comment = next(change for change in known if change.kind == "comment" and change.markers == ())
        at = comment.at + timedelta(seconds=7)
        late = TicketEvent(10**9, ticket, replace(comment, at=at, audit_id=10**9, markers=("#plan",)))
        tx.touch_clocks(tx.put_ticket_changes([late]))
    report = lab.cycle(seconds=1)
    assert report.folded >= 1
    with lab.app.store.reading() as tx:
        record = next(one for one in tx.clocks_of([ticket]) if one.metric == "plan")
    assert (record.state, record.ended) == ("met", int(at.timestamp()))


@pytest.mark.parametrize(
    ("ahead", "believed"),
    [pytest.param(HOUR, True, id="an hour ahead of us"), pytest.param(30 * DAY, False, id="a month ahead of us")],
)
def test_the_present_is_never_before_what_the_trackers_said(tmp_path: Path, ahead: int, *, believed: bool) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    lab.ticket("open")
    lab.cycle(2)
    ours = int(lab.clock.now().timestamp())
    with lab.app.store.transaction() as tx:
        tx.set_cursor_forward(FAST_TICKETS, ours + ahead, lab.clock.now())
    assert lab.app.engine.clocks.now() == (ours + ahead if believed else ours)


# ---- bugs --------------------------------------------------------------------------------------------------------


def test_what_developers_do_to_a_bug_is_seen_and_what_we_do_is_not(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, sla=SETTINGS)
    jira = lab.sandbox.jira
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    lab.cycle(3, seconds=60)
    quiet = [one for one in told(lab, ticket).clocks if one.cycle.metric == "untouched"]
    assert len(quiet) == 1, "linking and our own notes touch nothing"
    lab.sandbox.advance(HOUR)
    jira.edit(lab.developer, key, assignee=lab.developer)
    jira.comment(lab.developer, key, "Looking")
    lab.sandbox.advance(2)
    lab.cycle(2, seconds=60)
    touched = [one for one in told(lab, ticket).clocks if one.cycle.metric == "untouched"]
    assert [one.cycle.end is not None for one in touched][:1] == [True]
    assert len(touched) >= 2
    lab.sandbox.advance(HOUR)
    jira.comment(lab.developer, key, "Still looking")
    lab.cycle(2, seconds=60)
    assert len([one for one in told(lab, ticket).clocks if one.cycle.metric == "untouched"]) > len(touched)


def test_a_bug_that_is_promised_too_late_is_a_forecast(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, sla=SETTINGS)
    ticket, key = lab.ticket("open"), lab.bug(duedate="2026-04-30")
    lab.link(ticket, key)
    lab.settle()
    lab.cycle(3, seconds=60)
    signs = {said.sign for said in told(lab, ticket).forecasts if said.metric == "resolution"}
    assert Sign.DUE_DATE in signs
    with lab.app.store.reading() as tx:
        kept = [
            said for said, _ in tx.forecasts([ticket]) if said.sign is Sign.DUE_DATE and said.metric == "resolution"
        ]
    assert "is due on 2026-04-30" in kept[0].sentence
    assert Sign.UNASSIGNED not in signs
    lab.sandbox.advance(13 * HOUR)  # more than a quarter of two days
    lab.cycle(2, seconds=15)
    assert Sign.UNASSIGNED in {said.sign for said in told(lab, ticket).forecasts}


def test_an_unlinked_bug_no_longer_holds_the_ball(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    lab.cycle(3, seconds=60)
    assert clock(lab, ticket, "resolution").slices[-1].holder.party is Party.DEVELOPMENT
    lab.request("links remove", link=lab.links()[0].id)
    lab.cycle(2)
    assert clock(lab, ticket, "resolution").slices[-1].holder.party is Party.L1


# ---- rules, and tickets that go ----------------------------------------------------------------------------------


def test_new_rules_are_applied_in_shares(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    tickets = [lab.ticket("open") for _ in range(5)]
    lab.cycle(5, seconds=60)
    assert lab.cycle(seconds=1).folded == 0
    stricter = rules({"resolution": {"goals": {"any": "1m"}, "calendar": "always"}}, {"resolution": {}})
    start(lab, SlaSettings(stricter, "stricter", always("reader", "UTC")))
    report = lab.cycle(seconds=1)
    assert report.folded >= len(tickets)
    assert report.clocks["stale"] == 0
    with lab.app.store.reading() as tx:
        assert {one.state for one in tx.clocks_of(tickets)} == {"breached"}
    start(lab, SlaSettings(stricter, "stricter", always("reader", "UTC")))
    assert lab.cycle(seconds=1).folded == 0, "a restart is no new version"
    assert keeping.SHARE < keeping.MOST


@pytest.mark.parametrize(
    ("goes", "state"),
    [
        pytest.param(lambda desk, t, by: desk.delete_ticket(ticket=t, actor=by), "cancelled", id="deleted"),
        pytest.param(lambda desk, t, by: desk.mark_as_spam(ticket=t, actor=by), "cancelled", id="marked as spam"),
        pytest.param(lambda desk, t, by: desk.merge(source=t, target=1, actor=by), "cancelled", id="merged"),
        pytest.param(lambda desk, t, by: desk.solve(ticket=t, actor=by), "met", id="solved"),
    ],
)
def test_a_ticket_that_ends_leaves_the_index(tmp_path: Path, goes: Callable[..., Any], state: str) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    lab.ticket("open")
    ticket = lab.ticket("open")
    lab.cycle(5, seconds=60)
    goes(lab.sandbox.zendesk, ticket, lab.agent)
    lab.cycle(6, seconds=60)
    with lab.app.store.reading() as tx:
        record = next(one for one in tx.clocks_of([ticket]) if one.metric == "resolution")
        due = tx.due_tickets(lab.clock.now() + timedelta(days=400), 100)
    assert record.state == state
    assert ticket not in due


def test_without_clocks_nothing_is_kept_for_them(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud")
    ticket = lab.ticket("open")
    lab.cycle(3, seconds=60)
    with lab.app.store.reading() as tx:
        assert tx.due_tickets(lab.clock.now() + timedelta(days=400), 10) == []
        assert tx.clocks_of([ticket]) == []
    assert lab.reports[-1].clocks == {}


def test_what_happens_while_the_rules_cannot_be_used_is_not_lost(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", more=CONFIGURED)
    ticket = lab.ticket("open")
    lab.cycle(5, seconds=60)
    assert clock(lab, ticket, "resolution").rest is None
    lab.restart()
    usable, lab.app.clocks.settings = lab.app.clocks.settings, None  # as when Zendesk's fields are not known yet
    lab.agent_sets(ticket, "pending")
    assert lab.cycle().folded == 0
    lab.app.clocks.settings = usable
    assert lab.cycle(seconds=1).folded == 1
    with lab.app.store.reading() as tx:
        assert {one.state for one in tx.clocks_of([ticket]) if one.metric == "resolution"} == {"paused"}
