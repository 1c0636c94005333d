"""A desk with names, configurations that use them, and a directory that can be away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from syncd.config.load import Loaded, load_config
from syncd.core.model import CustomStatus, DeskCatalog, ProjectCatalog, StatusInfo, TicketField
from syncd.core.ports import Agent
from syncd.sources.errors import TransientError

HEAD = """
zendesk:
  base_url: https://acme.zendesk.com
  auth: {api_token: {email: a@acme.example, token_env: ZENDESK_TOKEN}}
jira:
  base_url: https://acme.atlassian.net
  auth: {api_token: {email: a@acme.example, token_env: JIRA_TOKEN}}
routes: [{name: engineering, project: ENG, mirror: {bug: Bug}}]
"""
OFFICE = "{zone: Asia/Shanghai, week: {mon-fri: 09:00-18:00}}"
SLA = """
sla:
  calendars: {office: %s}
  metrics: {first_reply: {}, resolution: {}}
  holders: [{party: L2, team_by: group, when: {all: [{field: group, value: L2}]}}, {party: L1}]
  policies:
    - {name: support, defaults: {calendar: office}, targets: {first_reply: {goals: {any: %s}}}}
"""

DESK = DeskCatalog(
    custom_statuses=(
        CustomStatus(31, "Waiting for files", "pending", active=True),
        CustomStatus(32, "With QA", "open", active=True),
    ),
    fields=(
        TicketField(1, "Bug", "text"),
        TicketField(2, "Severity", "tagger", options=(("S1 - all down", "sev_1"), ("S2 - some down", "sev_2"))),
        TicketField(3, "Due", "text"),
        TicketField(4, "Clock", "tagger", options=tuple((s.title(), f"clock_{s}") for s in ("running", "breached"))),
        TicketField(5, "Promise", "text", visible_to_end_users=True),
        TicketField(6, "Due date", "date"),
        TicketField(7, "Old", "text", active=False),
        TicketField(8, "Light", "tagger", options=tuple(("Go" if i else "Stop", f"light_{i}") for i in range(2))),
    ),
)
ENG = ProjectCatalog(
    "ENG",
    "1",
    {
        "Bug": (StatusInfo("10", "To Do", "new"), StatusInfo("11", "In Review", "indeterminate")),
        "Story": (StatusInfo("12", "in review", "indeterminate"),),
    },
    (),
)
GROUPS = {11: "L1", 12: "L2", 13: "Operations"}
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    def move(self, **span: int) -> None:
        self.at += timedelta(**span)


class Desk:
    """A Directory; what it was asked is in `asked`."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[str] = []
        self.lists: dict[str, dict[int, str]] = {
            "groups": dict(GROUPS),
            "brands": {21: "Acme"},
            "ticket_forms": {22: "Default form"},
        }

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            raise TransientError("Zendesk: no answer")

    def names(self, kind: str) -> Mapping[int, str]:
        self._ask(kind)
        return self.lists[kind]

    def organization(self, name: str) -> int | None:
        self._ask(name)
        return {"key accounts": 23}.get(name.casefold())

    def people(self, email: str) -> Sequence[Agent]:
        self._ask(email)
        return [Agent(41, "Ann", email, works=True)] if email == "ann@acme.example" else []

    def account(self, email: str) -> str | None:
        self._ask(email)
        return "acc-7" if email == "dana@dev.example" else None


def loaded(folder: Path, sla: str) -> Loaded:
    """A configuration with this `sla:`."""
    file = folder / "config.yaml"
    file.write_text(HEAD + sla, encoding="utf-8")
    return load_config(file, {})
