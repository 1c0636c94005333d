"""Tests of rules that operators write: what holds, and what is said where one does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.app.rule_tests import RuleTester
from syncd.config.load import load_config, packaged_mappings
from syncd.config.problems import ConfigError
from syncd.config.rule_test_models import load_rule_tests
from syncd.config.sla_profile import profile_names
from tests.config.test_ready_rules import written

GOOD = {
    "novabrain": """
tests:
  - name: a ticket that is opened again is raised and the lead hears of it
    ticket: {at: 2026-03-02 09:00, priority: low, group: L1}
    events:
      - {at: +1h, says: public, status: solved}
      - {at: +2h, by: customer, says: public, status: open}
    until: +3h
    expect:
      - {rule: reopened, at: +2h, notify: [lead], does: raise the priority}
  - name: a ticket that is handed to L2 gets the form
    ticket: {at: 2026-03-02 09:00, priority: low, group: L1}
    events: [{at: +10m, says: public, group: L2}]
    until: +1h
    expect: [{rule: escalated, at: +10m, does: escalation_form}]
  - name: a kind that comes up again and again asks for an article
    ticket: {at: 2026-03-02 09:00, fields: {Category: login}, same_kind: 5}
    events: [{at: +10m, says: public, status: solved}]
    until: +1h
    expect: [{rule: recurring kind, at: +10m, does: knowledge_article}]
""",
    "quick-response": """
tests:
  - name: an urgent ticket calls in the engineer, and is given back when nobody acknowledges it
    ticket: {at: 2026-03-02 09:00, priority: urgent}
    events: [{at: +5m, by: rule, assignee: priya}]
    until: +40m
    expect:
      - {rule: urgent, at: 2026-03-02 09:00, notify: [engineer, supervisor]}
      - {rule: not acknowledged, at: 2026-03-02 09:35:01, notify: [supervisor], does: take the assignee off}
  - name: an acknowledged one is left
    ticket: {at: 2026-03-02 09:00, priority: low}
    events: [{at: +5m, by: rule, assignee: priya}, {at: +20m, says: internal}]
    until: +1h
    expect: []
""",
    "timeliness": """
tests:
  - name: architect and product are called in within 30 minutes
    ticket: {at: 2026-03-02 09:00, priority: high}
    until: +20m
    expect:
      - {rule: P1 and above, at: 2026-03-02 09:00, notify: [lead]}
      - {rule: P1 and above, at: +15m, notify: [architect, product]}
  - name: five tickets on one bug are more urgent than one
    ticket: {at: 2026-03-02 09:00, priority: low, affected_tickets: 5}
    until: +10m
    expect: [{rule: many customers, at: 2026-03-02 09:00, does: raise the priority to high}]
  - name: a bad rating asks for a call within a day
    ticket: {at: 2026-03-02 09:00, priority: low}
    events: [{at: +10m, says: public, status: solved}, {at: +1h, by: customer, satisfaction: 2}]
    until: +26h
    expect:
      - {rule: bad rating, at: +1h, notify: [lead]}
      - {rule: bad rating, at: +25h, notify: [management]}
""",
    "guide": """
tests:
  - name: management gets a report every 30 minutes
    ticket: {at: 2026-03-02 09:00, priority: urgent, channel: web}
    until: +1h
    expect:
      - {rule: emergency, at: 2026-03-02 09:00, notify: [lead, management]}
      - {rule: emergency, at: +30m, notify: [management]}
      - {rule: emergency, at: +60m, notify: [management]}
""",
    "internet": """
tests:
  - name: the lead hears of a customer who waits, and management of an outage that nobody takes
    ticket: {at: 2026-03-02 09:00, priority: urgent}
    events: [{at: +1m, by: customer, says: public}]
    until: +40m
    expect:
      - {rule: P0, at: 2026-03-02 09:00, notify: [lead]}
      - {rule: overdue, at: 2026-03-02 09:15:01, notify: [lead]}
      - {rule: P0, at: +30m, notify: [management]}
""",
}


def player_of(folder: Path, profile: str) -> RuleTester:
    (folder / "config.yaml").write_text(written(profile), encoding="utf-8")
    return RuleTester(load_config(folder / "config.yaml", {}))


def saved(folder: Path, text: str) -> Path:
    file = folder / "tests.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_profile_has_a_test_here() -> None:
    assert set(GOOD) == set(profile_names(packaged_mappings()))


@pytest.mark.parametrize("profile", GOOD)
def test_the_ready_rules_do_what_their_documents_ask_for(tmp_path: Path, profile: str) -> None:
    tests, _ = load_rule_tests(saved(tmp_path, GOOD[profile]))
    player = player_of(tmp_path, profile)
    assert [problem for test in tests.tests for problem in player.play(test).problems] == []


BAD = {
    "a rule that does not speak": (
        "expect: [{rule: emergency, at: 2026-03-02 09:00}, {rule: emergency, at: +30m}, {rule: escalated, at: +50m}]",
        "escalated was to speak at 2026-03-02 09:50:00 CST, and did not.",
    ),
    "a rule that was not expected": (
        "expect: [{rule: emergency, at: 2026-03-02 09:00}]",
        "emergency spoke at 2026-03-02 09:30:00 CST (notify management), which was not expected.",
    ),
    "another time": (
        "expect: [{rule: emergency, at: 2026-03-02 09:01}, {rule: emergency, at: +30m}]",
        (
            "emergency was to speak at 2026-03-02 09:01:00 CST, but emergency spoke at 2026-03-02 09:00:00 CST "
            "(notify lead, management)."
        ),
    ),
    "another receiver": (
        "expect: [{rule: emergency, at: 2026-03-02 09:00, notify: [boss]}, {rule: emergency, at: +30m}]",
        "emergency notified lead, management, not boss.",
    ),
}


@pytest.mark.parametrize(("expect", "said"), BAD.values(), ids=list(BAD))
def test_what_does_not_hold_is_said(tmp_path: Path, expect: str, said: str) -> None:
    begins = "ticket: {at: 2026-03-02 09:00, priority: urgent, channel: web}"
    text = f"tests:\n  - name: x\n    {begins}\n    until: +50m\n    {expect}\n"
    tests, _ = load_rule_tests(saved(tmp_path, text))
    assert player_of(tmp_path, "guide").play(tests.tests[0]).problems == (said,)


def test_a_file_that_cannot_be_read_is_said_with_its_lines(tmp_path: Path) -> None:
    text = (
        "tests:\n  - name: x\n    ticket: {at: +1h}\n    events: [{at: soon, says: loud}]\n"
        "    until: +1h\n    expct: []\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_rule_tests(saved(tmp_path, text))
    assert str(caught.value).splitlines() == [
        'tests.yaml:2:5: tests[0].expect: "expect" is missing: write expect: [{rule: reopened, at: +2h}].',
        "tests.yaml:3:14: tests[0].ticket.at: The beginning is a local time, such as 2026-03-02 09:00.",
        (
            "tests.yaml:4:15: tests[0].events[0].at: Write a local time such as 2026-03-02 09:00, or a span since the "
            "beginning such as +90m."
        ),
        "tests.yaml:4:25: tests[0].events[0].says: Write public or internal.",
        'tests.yaml:6:5: tests[0].expct: There is no key "expct" here; did you mean "expect"?',
    ]
