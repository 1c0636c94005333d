"""Routes that stop, start and change under the clocks: only tickets of that route are computed anew, and only when the
stages of their bugs may have become others."""

from __future__ import annotations

import pytest

from tests.scenarios.lab import NOVA, Lab

RULES = """
sla:
  calendars: {always: {zone: UTC, week: always}}
  metrics: {resolution: {}, fixing: {kind: bug_stage, stages: [in_progress]}}
  holders:
    - {party: operations, when: {all: [{field: bug.status, value: In Progress}]}}
    - {party: development, team_by: project, when: {all: [{field: bug, operator: present}]}}
    - {party: L1}
  policies:
    - name: support
      defaults: {calendar: always}
      targets: {resolution: {goals: {any: 24h}}, fixing: {goals: {any: 8h}}}
"""
OPS = "  - {name: operations, project: OPS, mapping: ops, mirror: {bug: Engineering bug}}\n"
STAGES = """
stages:
  queued: {bug_is: [To Do], move_bug_to: To Do, set_ticket: {open: hold}, ticket_may_be: any}
  in_progress: {bug_is: [In Progress], move_bug_to: In Progress, set_ticket: {open: hold}, ticket_may_be: any}
  fixed: {bug_is: [Done], move_bug_to: Done, set_ticket: {hold: open}, ticket_may_be: any}
on_conflict: bug_wins
"""


class TwoProjects(Lab):
    """Three tickets: without a bug, with one of NOVA, with one of OPS that is being worked on."""

    def prepare(self) -> None:
        (self.folder / "mappings").mkdir(exist_ok=True)
        (self.folder / "mappings" / "ops.yaml").write_text(STAGES, encoding="utf-8")

    def fill(self) -> None:
        """The tickets, their bugs, and quiet."""
        self.alone, self.first, self.second = (self.ticket("open") for _ in range(3))
        self.link(self.first, self.bug())
        self.link(self.second, self.bug("In Progress", project="OPS"))
        self.settle()
        self.cycle(5, seconds=60)
        assert self.cycle(seconds=1).folded == 0

    def hides(self, *, hidden: bool) -> None:
        """Jira hides the project from syncd, or shows it again; the daemon looks at its routes."""
        change = self.sandbox.jira.deny if hidden else self.sandbox.jira.allow
        change(self.seeded.jira_bot, "BROWSE_PROJECTS", "OPS")
        self.app.refresh_routes()
        assert ("operations" in self.app.engine.routes.stopped) is hidden

    def states(self) -> dict[str, str]:
        """The last verdicts about the ticket with the bug of OPS, and who has the ball."""
        with self.app.store.reading() as tx:
            return {one.metric: f"{one.state} {one.holder}" for one in tx.clocks_of([self.second])}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> TwoProjects:
    made = TwoProjects(tmp_path_factory.mktemp("lab"), routes=NOVA + OPS, more=RULES)
    made.fill()
    return made


def folded(lab: TwoProjects) -> int:
    """Tickets that the next cycles compute."""
    return sum(lab.cycle(seconds=1).folded for _ in range(2))


def test_a_project_that_is_hidden_for_a_while_has_no_clock_computed_anew(lab: TwoProjects) -> None:
    before = lab.states()
    assert before == {"resolution": "running operations", "fixing": "running development OPS"}
    lab.hides(hidden=True)
    assert folded(lab) == 0
    lab.restart()
    assert folded(lab) == 0, "nor does a restart meanwhile"
    lab.request("sla recompute")
    lab.cycle(seconds=1)
    assert lab.states() == before, "what its statuses mean is remembered"
    lab.hides(hidden=False)
    assert folded(lab) == 0
    assert lab.states() == before
    with lab.app.store.reading() as tx:
        assert len(tx.sla_versions()) == 1, "the rules are what they were"


def test_an_edited_mapping_concerns_only_the_tickets_whose_stages_may_be_others(lab: TwoProjects) -> None:
    moves = STAGES.replace("Progress], move_bug_to: In Progress, set_ticket: {open: hold}", "Progress]")
    for text, concerned in ((moves, 0), (moves.replace("fixed:", "repaired:"), 1)):
        (lab.folder / "mappings" / "ops.yaml").write_text(text, encoding="utf-8")
        lab.restart()
        assert lab.app.engine.routes.stopped == {}
        assert folded(lab) == concerned
    assert lab.states()["resolution"] == "running operations"
