"""The demo uses every rule of the mapping that comes with syncd: without any one of them the checker objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.config.load import packaged_mappings
from syncd.demo import story
from syncd.demo.story import SCENES, Scene
from tests.demo.rehearsal import rehearse
from tests.demo.rules import Rule, effect, rules
from tests.scenarios.lab import Lab

MAPPING = (packaged_mappings() / "default.yaml").read_text(encoding="utf-8")
RULES = list(rules(MAPPING))

WITHOUT_EFFECT = {
    "stages.queued.bug_is: Reopened": "its category says the same, as unmapped: category has it",
    "stages.in_progress.bug_is: In Progress": "as above",
    "stages.in_progress.bug_is: In Review": "as above",
    "stages.declined.bug_is.resolution: Won't Fix": "the sandbox's Jira has no such resolution",
    "stages.confirmed.move_bug_to.fields": "it is empty, to show where fields go",
    "on_conflict: bug_wins": "only solved is ever forbidden, and wherever it is, when_ticket_moves says what it asks",
}

# Where each rule is used. Playing one scene is quicker than playing all: a rule that is not listed here plays all.
USED_IN: dict[str, Scene] = {
    "stages.queued.set_ticket.new": story.two_tickets_one_fix,
    "stages.queued.set_ticket.open": story.a_fix_that_holds,
    "stages.queued.ticket_may_be: new": story.merged,
    "stages.queued.ticket_may_be: pending": story.missing_information,
    "stages.in_progress.set_ticket.new": story.a_fix_that_does_not_help,
    "stages.in_progress.set_ticket.open": story.two_tickets_one_fix,
    "stages.in_progress.ticket_may_be: new": story.merged,
    "stages.in_progress.ticket_may_be: open": story.a_customer_who_asks,
    "stages.in_progress.ticket_may_be: pending": story.a_customer_who_asks,
    "stages.declined.bug_is.status": story.will_not_be_done,
    "stages.declined.bug_is.resolution: Won't Do": story.will_not_be_done,
    "stages.declined.bug_is.resolution: Cannot Reproduce": story.missing_information,
    "stages.declined.bug_is.resolution: Incomplete": story.known_and_incomplete,
    "stages.declined.bug_is.resolution: Duplicate": story.solved_without_the_fix,
    "stages.declined.set_ticket.new": story.known_and_incomplete,
    "stages.declined.set_ticket.pending": story.missing_information,
    "stages.declined.set_ticket.hold": story.will_not_be_done,
    "stages.declined.ticket_may_be": story.will_not_be_done,
    "stages.fixed.bug_is.status: Done": story.a_fix_that_holds,
    "stages.fixed.bug_is.status: Verified": story.a_fix_that_does_not_help,
    "stages.fixed.bug_is.resolution: Done": story.two_tickets_one_fix,
    "stages.fixed.bug_is.resolution: Fixed": story.a_fix_that_holds,
    "stages.fixed.bug_is.resolution: none": story.no_resolution,
    "stages.fixed.set_ticket.new": story.merged,
    "stages.fixed.set_ticket.pending": story.no_resolution,
    "stages.fixed.set_ticket.hold": story.a_fix_that_holds,
    "stages.fixed.ticket_may_be: new": story.merged,
    "stages.fixed.ticket_may_be": story.not_all_have_verified,
    "stages.confirmed.bug_is.resolution: Fixed": story.a_fix_that_holds,
    "stages.confirmed.bug_is.resolution: none": story.known_and_fixed,
    "stages.confirmed.move_bug_to.resolution": story.no_resolution,
    "stages.confirmed.set_ticket.new": story.a_fix_that_holds,
    "stages.confirmed.set_ticket": story.not_all_have_verified,
    "when_ticket_moves.queued.solved": story.solved_without_the_fix,
    "when_ticket_moves.in_progress.solved": story.a_workaround,
    "when_ticket_moves.declined.tag": story.missing_information,
    "when_ticket_moves.fixed.solved": story.a_fix_that_holds,
    "when_ticket_moves.fixed.tag": story.a_fix_that_does_not_help,
    "when_ticket_moves.confirmed.solved→open by agent": story.it_came_back,
    "when_ticket_moves.confirmed": story.thanks,
    "customer_reopens_bug": story.thanks,
    "many_tickets.confirmed": story.not_all_have_verified,
    "many_tickets.queued": story.a_fix_that_does_not_help,
    "unmapped": story.a_new_status,
}


@pytest.fixture(scope="module")
def effect_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[object, ...] | None]:
    """What a mapping can do in the sandbox's project; None when it is refused."""
    lab = Lab(tmp_path_factory.mktemp("effects"))
    project, desk = lab.app.jira.catalog("NOVA"), lab.app.zendesk.catalog()
    lab.app.store.close()
    return lambda text: effect(text, project, desk)


def _scenes(rule: Rule) -> tuple[Scene, ...]:
    used = [scene for name, scene in USED_IN.items() if rule.name.startswith(name)]
    return (used[0],) if used else SCENES


@pytest.mark.parametrize("rule", [r for r in RULES if r.name not in WITHOUT_EFFECT], ids=lambda rule: rule.name)
def test_without_this_rule_the_demo_fails(
    rule: Rule, effect_of: Callable[[str], tuple[object, ...] | None], tmp_path: Path
) -> None:
    assert rule.without is not None, f"{rule.name} says nothing: list it under WITHOUT_EFFECT, with the reason"
    # One that is refused stops its route: any ticket tells.
    scenes = _scenes(rule) if effect_of(rule.without) is not None else (story.known_and_incomplete,)
    found = rehearse(tmp_path, mapping=rule.without, scenes=scenes)
    assert found, f"no scene of the demo uses {rule.name}: write one, and its end into end_state.yaml"


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_a_rule_that_the_demo_cannot_use_makes_no_difference_to_any_bug_or_ticket(
    name: str, effect_of: Callable[[str], tuple[object, ...] | None]
) -> None:
    without = {rule.name: rule.without for rule in RULES}[name]
    assert without is None or effect_of(without) == effect_of(MAPPING)


def test_every_scene_is_named_only_for_rules_that_exist() -> None:
    assert [name for name in USED_IN if not any(rule.name.startswith(name) for rule in RULES)] == []
