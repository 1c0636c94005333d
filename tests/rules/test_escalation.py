"""Escalation rules: each row is a life of one ticket under one rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from syncd.core.conditions import Condition, Conditions, Operator
from syncd.rules.escalation import (
    HOUR,
    AddTags,
    Advanced,
    Chain,
    Level,
    Notify,
    Repeat,
    Rule,
    Run,
    Situation,
    advance,
)

START = 1_000_000
MINUTE = 60
REOPENED = Conditions(all=(Condition("reopened", Operator.GREATER_THAN, 0),))
LEAD, BOSS, AGAIN = (Notify(("lead",)),), (Notify(("boss",)), AddTags(("management",))), (Notify(("lead",)),)
RULE = Rule("reopened", REOPENED, Chain((Level(0, LEAD), Level(30 * MINUTE, BOSS))))
LOOPING = replace(RULE, chain=Chain((Level(0, LEAD),), Repeat(30 * MINUTE, 2, AGAIN)))
SILENT_FOR = Conditions(all=(Condition("minutes_since.public_reply", Operator.GREATER_THAN, 59),))


@dataclass
class Life:
    """Asks a rule at minutes after START and remembers its run, as the store does."""

    rule: Rule = RULE
    run: Run | None = None
    reopened: int = 1
    acknowledged: int | None = None
    over: bool = False
    enforce_from: int = 0
    latest: int = START
    opening: int | None = None  # the calendar opens at this minute

    def at(self, minute: int) -> Advanced:
        situation = Situation(
            35,
            {"reopened": self.reopened},
            {"public_reply": START},
            latest=self.latest,
            acknowledged_at=None if self.acknowledged is None else START + self.acknowledged * MINUTE,
            is_solved=self.over,
        )
        opens = None if self.opening is None else START + self.opening * MINUTE
        told = advance(
            self.rule,
            self.run,
            situation,
            START + minute * MINUTE,
            enforce_from=self.enforce_from,
            opening=None if opens is None else lambda at: max(at, opens),
        )
        self.run = told.run
        return told

    def steps(self, minute: int) -> list[str]:
        return [firing.step for firing in self.at(minute).firings]


def test_a_rule_does_nothing_while_its_conditions_do_not_hold() -> None:
    life = Life(reopened=0)
    assert life.steps(0) == []
    assert life.run is None


def test_the_first_level_comes_at_once_and_only_once() -> None:
    life = Life()
    assert [life.steps(0), life.steps(0), life.steps(5)] == [["level-1"], [], []]


def test_the_next_level_comes_after_its_delay_and_is_known_beforehand() -> None:
    life = Life()
    assert life.at(0).next_at == START + 30 * MINUTE
    assert [life.steps(29), life.steps(30), life.steps(31)] == [[], ["level-2"], []]


def test_after_an_outage_every_level_acts_but_a_receiver_hears_of_the_last_only() -> None:
    life = Life(rule=replace(RULE, chain=Chain((Level(0, BOSS), Level(30 * MINUTE, BOSS)))))
    firings = life.at(90).firings
    assert [(firing.step, firing.do) for firing in firings] == [("level-1", BOSS[1:]), ("level-2", BOSS)]


def test_a_status_that_flips_back_and_forth_repeats_nothing() -> None:
    life = Life()
    life.at(0)
    life.reopened = 0
    life.at(5)
    life.reopened = 1
    assert [life.steps(10), life.steps(30)] == [[], ["level-2"]]
    assert life.run is not None
    assert life.run.number == 1


def test_what_comes_back_long_after_is_a_new_episode() -> None:
    life = Life()
    life.at(0)
    life.reopened = 0
    life.at(5)
    life.reopened, life.latest = 1, START + 200 * MINUTE
    assert life.steps(200) == ["level-1"]
    assert life.run is not None
    assert life.run.number == 2


def test_what_came_back_soon_goes_on_however_late_that_is_seen() -> None:
    life = Life()
    life.at(0)
    life.reopened = 0
    life.at(5)
    life.reopened, life.latest = 1, START + 20 * MINUTE
    assert life.steps(200) == ["level-2"]
    assert life.run is not None
    assert life.run.number == 1


def test_a_step_that_was_given_back_is_taken_again_by_an_episode_that_goes_on() -> None:
    life = Life()
    assert life.steps(0) == ["level-1"]
    life.over = True
    assert life.steps(5) == []
    assert life.run is not None
    life.run = life.run.without("level-1")
    assert life.steps(6) == []
    life.over = False
    assert [life.steps(10), life.steps(11), life.steps(30)] == [["level-1"], [], ["level-2"]]


def test_each_value_of_the_field_that_a_rule_counts_by_is_an_episode() -> None:
    life = Life(rule=replace(RULE, per="reopened"))
    assert life.steps(0) == ["level-1"]
    life.reopened, life.latest = 2, START + 10 * MINUTE
    assert [life.steps(10), life.steps(11)] == [["level-1"], []]


def test_an_acknowledgement_stops_the_climb_for_a_while_and_then_it_goes_on() -> None:
    life = Life()
    life.at(0)
    life.acknowledged = 10
    told = life.at(30)
    assert (told.firings, told.why) == ((), "somebody acknowledged it")
    assert told.next_at == START + 10 * MINUTE + 4 * HOUR
    assert [life.steps(10 + 239), life.steps(10 + 240)] == [[], ["level-2"]]


def test_what_was_said_before_the_rule_spoke_is_no_acknowledgement() -> None:
    life = Life(acknowledged=-5)
    life.at(0)
    assert life.steps(30) == ["level-2"]


def test_a_rule_that_is_not_stopped_by_acknowledging_climbs_on() -> None:
    life = Life(rule=replace(RULE, stops_when_acknowledged=False))
    life.at(0)
    life.acknowledged = 10
    assert life.steps(30) == ["level-2"]


def test_repeats_come_after_the_last_level_and_end() -> None:
    life = Life(rule=LOOPING)
    assert [life.steps(minute) for minute in (0, 29, 30, 59, 60, 90, 500)] == [
        ["level-1"],
        [],
        ["repeat-1"],
        [],
        ["repeat-2"],
        [],
        [],
    ]


def test_an_outage_is_not_made_up_for_with_a_burst_of_repeats() -> None:
    life = Life(rule=LOOPING)
    life.at(0)
    assert life.steps(300) == ["repeat-1"]


def test_a_clock_that_was_set_back_neither_ends_an_episode_nor_begins_one() -> None:
    life = Life()
    life.at(10)
    life.reopened = 0
    assert life.at(-100).why == "the clock was set back"
    life.reopened = 1
    assert [life.steps(20), life.steps(40)] == [[], ["level-2"]]


def test_a_solved_ticket_is_left_alone() -> None:
    life = Life()
    life.at(0)
    life.over = True
    told = life.at(30)
    assert (told.firings, told.why) == ((), "it is over")
    assert told.run is not None
    assert not told.run.is_open


def test_a_rule_may_be_about_solved_tickets() -> None:
    life = Life(rule=replace(RULE, solved_too=True), over=True)
    assert life.steps(0) == ["level-1"]


def test_what_was_so_before_the_rule_was_there_is_history() -> None:
    life = Life(enforce_from=START + MINUTE)
    assert [life.steps(2), life.steps(60)] == [[], []]


def test_what_happens_after_the_rule_came_counts() -> None:
    life = Life(enforce_from=START + MINUTE, latest=START + 2 * MINUTE)
    assert life.steps(2) == ["level-1"]


def test_an_edited_rule_does_not_disturb_an_episode_that_runs() -> None:
    life = Life()
    life.at(0)
    life.rule = replace(RULE, chain=Chain((Level(0, LEAD), Level(5 * MINUTE, LEAD))))
    assert [life.steps(10), life.steps(30)] == [[], ["level-2"]]


def test_outside_of_its_hours_a_rule_waits_for_the_opening() -> None:
    life = Life(opening=600)
    told = life.at(0)
    assert (told.firings, told.next_at) == ((), START + 600 * MINUTE)
    assert life.steps(600) == ["level-1", "level-2"]


def test_minutes_since_something_are_known_beforehand_and_exact() -> None:
    life = Life(rule=replace(RULE, when=SILENT_FOR))
    told = life.at(10)
    assert (told.firings, told.next_at) == ((), START + 60 * MINUTE)
    assert [life.steps(59), life.steps(60)] == [[], ["level-1"]]
    assert life.run is not None
    assert life.run.since == START + 60 * MINUTE


def test_levels_of_a_rule_about_minutes_count_from_when_it_began_to_hold_however_late_it_is_asked() -> None:
    life = Life(rule=replace(RULE, when=SILENT_FOR))
    assert life.steps(89) == ["level-1"]
    assert life.steps(90) == ["level-2"]


@pytest.mark.parametrize("changed", ["name", "per", "during", "rearm"])
def test_a_rule_that_means_something_else_has_another_digest(changed: str) -> None:
    other = {"name": "x", "per": "reopened", "during": "office", "rearm": 5}[changed]
    assert replace(RULE, **{changed: other}).digest != RULE.digest  # type: ignore[arg-type]  # one field by its name
