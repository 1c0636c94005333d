"""Histories that have to be read further back than before: a longer `start_from`, and markers that came later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from syncd.cli.clock_story import clock_progress
from syncd.cycle.history import TICKETS_PAST
from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.calendar import always
from syncd.sla.states import State, judge
from tests.scenarios.lab import Lab
from tests.scenarios.test_clock_history import BOOK, CONFIGURED, DAY, HOUR, audits_read, clock, start, told
from tests.sla.kit import ALWAYS, rules

SETTINGS = SlaSettings(BOOK, "reach", always("reader", "UTC"))
ALWAYS_24H = {"goals": {"any": "24h"}, "calendar": "always"}
WITH_MARKER = rules(
    {"resolution": {"goals": {"any": "48h"}, "calendar": "always"}, "later": ALWAYS_24H},
    {"resolution": {}, "later": {"kind": "checkpoint", "met_by": {"notes": ["#later"]}}},
    {"always": ALWAYS},
)
LATER = SlaSettings(WITH_MARKER, "later", always("reader", "UTC"), markers=("#later",))


def exports(lab: Lab, since: int) -> int:
    """Calls to Zendesk's exports since that place in the journal."""
    return sum("/incremental/" in entry["path"] for entry in lab.sandbox.ctx.journal.entries(since))


def test_a_longer_start_from_reads_on_from_where_the_history_began(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", more="start_from: 1d\n")
    solved = lab.ticket("new")
    lab.sandbox.advance(HOUR)
    for other in (lab.ticket("open") for _ in range(9)):
        lab.sandbox.advance(60)
        lab.sandbox.zendesk.solve(ticket=other, actor=lab.agent)
    lab.sandbox.zendesk.solve(ticket=solved, actor=lab.agent)
    lab.sandbox.advance(3 * DAY)
    recent = lab.ticket("open")
    start(lab, SETTINGS)
    lab.cycle(5, seconds=60)
    assert told(lab, recent).is_complete
    assert not told(lab, solved).is_complete, "it was solved before the history begins"
    with lab.app.store.transaction() as tx:  # as if a hundred others had been changed since
        tx._connection.exec_driver_sql(f"DELETE FROM ticket WHERE id = {solved}")  # noqa: S608 - a number
    file = tmp_path / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("start_from: 1d", "start_from: 10d"), encoding="utf-8")
    lab.sandbox.zendesk.switches["export_page_limit"] = 2
    lab.restart()
    lab.cycle(complete=True)
    progress = list(clock_progress(lab.reports[-1].clocks))
    assert [line.split(" up to ")[0] for line in progress] == ["Clocks: tickets read", "Clocks: history read"]
    assert told(lab, recent).is_complete, "whoever was known whole stays so"
    assert not told(lab, solved + 9).is_complete, "the others are not until they are read"
    lab.sandbox.zendesk.switches["export_page_limit"] = 8
    with lab.app.store.transaction() as tx:  # Zendesk takes no cursor of that age any more
        walk: Any = tx.get_fact(TICKETS_PAST)
        tx.set_fact(TICKETS_PAST, {**walk, "cursor": "old"}, lab.clock.now())
    for _ in range(6):
        mark = len(lab.sandbox.ctx.journal.entries(0))
        lab.cycle(seconds=60)
        assert exports(lab, mark) <= 10, "what Zendesk gives in a minute"
    assert list(clock_progress(lab.reports[-1].clocks)) == []
    assert told(lab, solved).is_complete
    reply = clock(lab, solved, "first_reply")
    assert (judge(reply).state, reply.elapsed > HOUR) == (State.MET, True)
    with lab.app.store.reading() as tx:
        assert {one.metric for one in tx.clocks_of([solved])} >= {"first_reply", "resolution"}
    assert audits_read(lab, lambda: lab.cycle(3, seconds=60)) == []


def test_a_marker_that_comes_later_is_looked_for_in_what_was_read_before(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=SETTINGS)
    noted, other, untold = lab.ticket("new"), lab.ticket("new"), lab.ticket("new")
    lab.sandbox.zendesk.agent_replies(ticket=noted, actor=lab.agent, body="See #later", public=False)
    lab.cycle(3, seconds=60)
    lab.sandbox.zendesk.agent_replies(ticket=other, actor=lab.agent, body="Nothing", public=False)
    lab.cycle(5, seconds=60)
    lab.sandbox.advance(2 * DAY)  # long overdue by the rules that come now
    lab.sla = LATER
    lab.restart()
    lab.cycle(complete=True)
    assert [told(lab, ticket).is_complete for ticket in (noted, other, untold)] == [False, False, True]
    assert lab.reports[-1].clocks["audits"] == 2
    asked = audits_read(lab, lambda: lab.cycle(3, seconds=15))
    assert sorted(asked) == sorted(f"/api/v2/tickets/{ticket}/audits" for ticket in (noted, other))
    assert all(told(lab, ticket).is_complete for ticket in (noted, other, untold))
    assert [judge(clock(lab, t, "later")).state for t in (noted, other)] == [State.MET, State.BREACHED]
    lab.restart()
    assert audits_read(lab, lambda: lab.cycle(3, seconds=60)) == [], "once"


def test_what_was_said_and_done_while_there_were_no_clocks_is_read_once_they_are_back(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=replace(SETTINGS, markers=("#plan",)))
    ticket, key = lab.ticket("open"), lab.bug()
    lab.link(ticket, key)
    lab.cycle(5, seconds=60)
    with_clocks, lab.sla = lab.sla, None
    lab.restart()
    lab.cycle(2, seconds=60)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Our #plan", public=False)
    lab.sandbox.jira.edit(lab.developer, key, assignee=lab.developer)
    lab.cycle(4, seconds=60)
    lab.sandbox.advance(2 * DAY)
    lab.sla = with_clocks
    lab.restart()
    lab.cycle(complete=True)
    assert not told(lab, ticket).is_complete
    lab.cycle(3, seconds=60)
    assert told(lab, ticket).is_complete
    assert judge(clock(lab, ticket, "plan")).state is State.MET
    touched = [one.cycle.end for one in told(lab, ticket).clocks if one.cycle.metric == "untouched"]
    assert touched[0] is not None, "the developer took the bug"


def test_what_is_said_while_the_rules_cannot_be_used_is_searched_too(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "cloud", sla=replace(SETTINGS, markers=("#plan",)), more=CONFIGURED)
    ticket = lab.ticket("open")
    lab.cycle(4, seconds=60)
    usable, lab.sla = lab.sla, None
    lab.restart()
    lab.app.clocks.settings = None  # as when a group that they name is gone
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Our #plan", public=False)
    lab.cycle(4, seconds=60)
    lab.app.clocks.settings = usable
    assert audits_read(lab, lambda: lab.cycle(2, seconds=15)) == []
    assert judge(clock(lab, ticket, "plan")).state is State.MET
