"""The escalation rules as `syncd explain` tells them: what each did on a ticket, and why it does nothing now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from syncd.app.build import App
from syncd.cli.output import clean, say
from syncd.cli.sla_rows import instant
from syncd.cycle.escalation import Rehearsed, RuleStanding
from syncd.cycle.sla_settings import SlaSettings, TicketClocks
from syncd.sla.explain import local_text
from syncd.store.escalation import Step


@dataclass(frozen=True, slots=True)
class RuleStory:
    """The rules' part of a ticket's story; `steps` newest first."""

    ticket: int
    standings: tuple[RuleStanding, ...]
    steps: tuple[Step, ...]


def rules_of(app: App, told: Iterable[TicketClocks]) -> list[RuleStory]:
    """How the rules stand towards these tickets as of now, from the store; none where there are no rules."""
    if app.escalation.settings is None:
        return []
    with app.store.reading() as tx:
        return [
            RuleStory(ticket.id, tuple(app.rules.explain(tx, ticket)), tuple(tx.escalation_steps(ticket.id, limit=50)))
            for ticket in told
        ]


def print_rules(app: App, stories: Iterable[RuleStory]) -> None:
    """For people, in the zone that the configuration names."""
    settings = app.clocks.settings
    if settings is None:
        return
    for story in stories:
        say()
        say(clean(f"Escalation rules of #{story.ticket} (times of {settings.reader.zone}):"))
        for standing in story.standings:
            words = f"    {standing.holds}" if standing.is_on else f"    rule {standing.rule}"
            said = standing.why or "acts in the next cycle"
            coming = f"; asked again {local_text(settings.reader, standing.next_at)}" if standing.next_at else ""
            say(clean(f"{words}: {said}{coming}"))
        for step in reversed(story.steps):
            say(clean(f"    {local_text(settings.reader, step.at)} {step.rule}, {step.step}: {step.what}"))


def rules_json(stories: Iterable[RuleStory]) -> list[dict[str, Any]]:
    """For machines."""
    return [
        {
            "ticket": story.ticket,
            "rules": [
                {
                    "rule": standing.rule,
                    "on": standing.is_on,
                    "holds": standing.holds,
                    "why_not": standing.why or None,
                    "next": instant(standing.next_at),
                }
                for standing in story.standings
            ],
            "steps": [
                {
                    "rule": step.rule,
                    "run": step.number,
                    "step": step.step,
                    "due": instant(step.due),
                    "at": instant(step.at),
                    "what": step.what,
                }
                for step in story.steps
            ],
        }
        for story in stories
    ]


def print_rehearsed(rules: Iterable[Rehearsed], sla: SlaSettings) -> None:
    """For people: every rule with its steps, or that it does nothing."""
    for rule in rules:
        say()
        if not rule.steps:
            coming = f" It is worth asking again {local_text(sla.reader, rule.next_at)}." if rule.next_at else ""
            say(clean(f"Rule {rule.rule} would do nothing: its conditions do not hold.{coming}"))
            continue
        say(clean(f"R{rule.holds[1:]}:"))
        for at, what in rule.steps:
            say(clean(f"    {local_text(sla.reader, at)} {what}"))


def rehearsed_json(rules: Iterable[Rehearsed]) -> list[dict[str, Any]]:
    """For machines."""
    return [
        {
            "rule": rule.rule,
            "holds": rule.holds if rule.steps else None,
            "steps": [{"at": instant(at), "what": what} for at, what in rule.steps],
            "next": instant(rule.next_at),
        }
        for rule in rules
    ]
