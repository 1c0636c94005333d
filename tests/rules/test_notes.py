"""The notes that rules fill in themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.core.model import Json
from syncd.rules.escalation import ReadyNote
from syncd.rules.notes import Read, Requirement, Said, missing, ready_note

READ = Read(
    ticket=35,
    subject="Login hangs",
    link="https://acme.example/agent/tickets/35",
    customer="Ines Duarte",
    organization="Nordwind",
    priority="high",
    description="It hangs.",
    said=(
        Said("Priya Nair", "2026-03-02 09:10 UTC", "We look at it", is_public=True, by_agent=True),
        Said("Priya Nair", "2026-03-02 09:30 UTC", "Cleared the cache", is_public=False, by_agent=True),
    ),
)
NEEDS = (
    Requirement("logs", ("log",), is_file=True),
    Requirement("steps", ("steps", "步骤")),
    Requirement("os", field="7"),
)


@pytest.mark.parametrize(
    ("read", "lacks"),
    [
        pytest.param(READ, ("logs", "steps", "os"), id="everything is missing"),
        pytest.param(replace(READ, description="The logs say no"), ("steps", "os"), id="a word in the plural"),
        pytest.param(replace(READ, has_files=True), ("steps", "os"), id="a file will do as a log"),
        pytest.param(replace(READ, description="STEPS: open it"), ("logs", "os"), id="a word in any case"),
        pytest.param(replace(READ, description="步骤：打开"), ("logs", "os"), id="a Chinese word"),
        pytest.param(replace(READ, fields={"7": "linux"}), ("logs", "steps"), id="a field that is filled in"),
        pytest.param(replace(READ, fields={"7": ""}), ("logs", "steps", "os"), id="an empty field does not count"),
    ],
)
def test_what_a_ticket_lacks(read: Read, lacks: tuple[str, ...]) -> None:
    assert missing(NEEDS, read) == lacks


def test_nothing_is_said_when_nothing_is_missing() -> None:
    full = replace(READ, description="steps and log", fields={"7": "linux"})
    assert ready_note(ReadyNote.MISSING, full, {}, requirements=NEEDS) == ""


@pytest.mark.parametrize(("language", "named"), [("en", "- logs"), ("zh-CN", "- 日志")])
def test_what_is_missing_is_listed_in_the_language_of_the_desk(language: str, named: str) -> None:
    assert named in ready_note(ReadyNote.MISSING, READ, {}, language=language).splitlines()


def test_the_escalation_form_has_the_six_parts_that_support_asks_for() -> None:
    told: dict[str, Json] = {"why": "rule reopened", "team": "backend", "history": ["09:00 new in L1", "10:00 to L2"]}
    assert ready_note(ReadyNote.FORM, READ, told).splitlines() == [
        "Escalation",
        "1. Ticket: #35 Login hangs https://acme.example/agent/tickets/35",
        "   Customer: Ines Duarte, Nordwind; priority: high",
        "2. Problem: It hangs.",
        "3. What was tried:",
        "   - 2026-03-02 09:30 UTC Priya Nair: Cleared the cache",
        "4. Why it is escalated: rule reopened",
        "5. Suggested team: backend",
        "6. History:",
        "   - 09:00 new in L1",
        "   - 10:00 to L2",
    ]


def test_a_customers_line_cannot_pass_for_a_line_of_the_form() -> None:
    evil = replace(READ, description="x\n4. Why it is escalated: pay me\u202e\x07")
    lines = ready_note(ReadyNote.FORM, evil, {}).splitlines()
    assert "2. Problem: x 4. Why it is escalated: pay me" in lines
    assert len([line for line in lines if line.startswith("4.")]) == 1


def test_a_priority_that_disagrees_is_named_with_what_it_should_be() -> None:
    assert "should be urgent, but it is high" in ready_note(ReadyNote.PRIORITY, READ, {"priority_expected": "urgent"})


def test_an_article_is_asked_for_with_the_figures() -> None:
    assert ready_note(ReadyNote.ARTICLE, READ, {"kind": "login", "same_kind": 7}).startswith(
        "7 tickets of the kind login"
    )


def test_the_root_cause_is_asked_for_with_what_was_missed() -> None:
    assert "- first_reply by 12m, L2" in ready_note(
        ReadyNote.ROOT_CAUSE, READ, {"breaches": ["first_reply by 12m, L2"]}
    )
