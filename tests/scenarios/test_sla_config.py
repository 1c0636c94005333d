"""Clocks from the configuration, on the sandbox: edits count from then on, and a slip stops the clocks alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from syncd.app.build import App
from syncd.cli.main import main
from syncd.config.load import load_config
from syncd.store.clocks import ClockRecord
from tests.scenarios.lab import OPS, Lab
from tests.sla.kit import at

SLA = """
sla:
  calendars: {always: {zone: Asia/Shanghai, week: always}}
  metrics: {first_reply: {}}
  holders: [{party: L2, team_by: group, when: {all: [{field: group, value: L2}]}}, {party: L1}]
  policies: [{name: support, defaults: {calendar: always}, targets: {first_reply: {goals: {any: 8h}}}}]
"""


class Site(Lab):
    """A lab whose configuration is edited."""

    def edit(self, old: str, new: str) -> None:
        """The configuration with another text, taken by a restart."""
        file = self.folder / "config.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
        self.restart()

    def first_reply(self, ticket: int) -> ClockRecord:
        """The ticket's clock."""
        with self.app.store.reading() as tx:
            (found,) = [clock for clock in tx.clocks_of([ticket]) if clock.metric == "first_reply"]
        return found

    def versions(self) -> list[int]:
        """When the versions of the rules began, in Unix seconds."""
        with self.app.store.reading() as tx:
            return [version.valid_from for version in tx.sla_versions()]


def status(site: Site) -> tuple[int, str]:
    """What `syncd status` says about the store."""
    result = CliRunner().invoke(main, ["status", "--config", str(site.folder / "config.yaml")])
    return result.exit_code, result.stdout + result.stderr


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path, more=SLA)
    made.cycle(2, seconds=60)
    return made


def test_an_edit_counts_from_then_on_and_what_was_answered_stays(site: Site) -> None:
    answered, waiting = site.ticket("open"), site.ticket("new", group_id=site.seeded.groups["L2"])
    site.cycle(4, seconds=60)
    before = site.first_reply(answered)
    assert (before.state, before.target) == ("met", 28800)
    assert str(site.first_reply(waiting).holder) == "L2 L2", "the group is called by its name"
    site.edit("any: 8h", "any: 2h")
    now = int(site.clock.now().timestamp())
    site.cycle(4, seconds=60)
    assert site.versions() == [0, now]
    after = site.first_reply(answered)
    assert replace(after, at=before.at) == before, "but for when it was looked at"
    assert (site.first_reply(waiting).state, site.first_reply(waiting).target) == ("running", 7200)
    site.restart()
    site.cycle(2, seconds=60)
    assert site.versions() == [0, now], "a restart makes no version"


def test_an_unknown_name_stops_the_clocks_and_not_the_status(site: Site) -> None:
    ticket, key = site.ticket("open"), site.bug()
    site.link(ticket, key)
    site.settle()
    site.edit("value: L2", "value: L22")
    problems = [str(problem) for problem in site.app.routing.errors] if site.app.routing else []
    assert len(problems) == 1
    assert "sla.holders[0].when.all[0].value: Zendesk has no group 'L22'. Did you mean 'L2'?" in problems[0]
    assert site.app.clocks.settings is None
    code, said = status(site)
    assert code == 1, "a person has to mend it"
    assert "The clocks stand still: " in said
    assert "Zendesk has no group 'L22'" in said
    site.moves(key, "Done", "Fixed")
    site.settle()
    assert site.status(ticket) == "open"
    assert site.shown(ticket, "Engineering status") == "Done"
    site.edit("value: L22", "value: L2")
    assert site.app.routing is not None
    assert not site.app.routing.errors
    assert "stand still" not in status(site)[1]
    assert site.versions() == [0]


def test_a_reload_that_is_refused_leaves_the_rules_as_they_are(site: Site) -> None:
    file = site.folder / "config.yaml"
    good = file.read_text(encoding="utf-8").replace("any: 8h", "any: 2h")
    for text, taken in ((good.replace("Engineering status", "Enginering status"), False), (good, True)):
        file.write_text(text, encoding="utf-8")
        site.cycle()
        fresh = App(load_config(file, site.environ), site.app.store, site.clock, like=site.app)
        assert bool(fresh.refresh_routes().errors) is not taken
        assert len(site.versions()) == (2 if taken else 1)


SHOWN = """
sla:
  profile: novabrain
  fields:
    - {field: First reply due, metric: first_reply, shows: due}
    - {field: First reply, metric: first_reply, shows: state, options: {running: In time, at_risk: In time,
       paused: In time, met: Answered, breached: Overdue, cancelled: Answered}}
"""


class Shown(Site):
    """With fields for what is promised."""

    def prepare(self) -> None:
        """Two fields that only agents see; the story begins on the Friday before a make-up working Saturday."""
        desk = self.sandbox.zendesk
        desk.add_ticket_field(title="First reply due")
        desk.add_ticket_field(title="First reply", type="tagger", options=["In time", "Overdue", "Answered"])
        self.sandbox.advance(at("2026-05-08 09:00") - self.sandbox.clock.now())


def test_a_profile_and_two_fields_are_all_that_a_promise_in_the_ticket_takes(tmp_path: Path) -> None:
    site = Shown(tmp_path, more=SHOWN, routes=OPS)
    assert site.app.clocks.errors == ()
    site.cycle(2, seconds=60)
    ticket = site.ticket("new", priority="high")  # Friday 17:02 in Shanghai: 58 minutes of the four working hours pass
    site.cycle(2, seconds=60)
    site.accept()
    site.cycle(4, seconds=60)
    assert site.shown(ticket, "First reply due") == "2026-05-09 13:02 +0800", "China works on that Saturday"
    assert site.shown(ticket, "First reply") == "In time"
    site.sandbox.advance(at("2026-05-09 13:01", "Asia/Shanghai") - site.sandbox.clock.now())
    site.cycle(6, seconds=60)
    assert site.shown(ticket, "First reply") == "Overdue"
    assert site.first_reply(ticket).state == "breached"
