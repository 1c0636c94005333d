"""What is expected of both sides, told by the servers and the mapping files alone: syncd's own code is not asked.

Bugs are known by their ids and their statuses by the ids that the statuses had at the beginning, since people rename.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from syncd.sandbox.seed import Seeded
from syncd.sandbox.server import Sandbox
from tests.simulation.variants import MAPPINGS, Variant

_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BLACK = "▇"
CATEGORIES = {"new": "queued", "indeterminate": "in_progress"}


@dataclass(frozen=True, slots=True)
class Rules:
    """One mapping file, as its words say."""

    stages: tuple[str, ...]
    data: Mapping[str, Any]
    moves: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, text: str) -> Rules:
        """What a mapping file says."""
        data = yaml.load(text, Loader=_YAML)  # noqa: S506 - a safe loader, the quick one where there is one
        return cls(tuple(data["stages"]), data["stages"], data["when_ticket_moves"])

    def stage(self, status: str, category: str, resolution: str | None) -> str | None:
        """The stage of a bug; None when the mapping has none for it."""
        plain, named = None, False
        for stage in self.stages:
            entries = self.data[stage]["bug_is"]
            for entry in entries if isinstance(entries, list) else [entries]:
                statuses, resolutions = _selector(entry)
                if status in statuses:
                    named = True
                    if resolutions is None:
                        plain = plain or stage
                    elif (resolution or "none") in resolutions:
                        return stage
        return plain if named else CATEGORIES.get(category)

    def allows(self, stage: str, ticket: str) -> bool:
        """Whether people may leave a ticket so."""
        allowed = self.data[stage]["ticket_may_be"]
        return allowed == "any" or ("solved" if ticket == "closed" else ticket) in allowed

    def wants(self, stage: str, ticket: str) -> str | None:
        """What a ticket is set to when its bug enters the stage."""
        wanted: str | None = (self.data[stage].get("set_ticket") or {}).get(ticket)
        return wanted

    def asks(self, stage: str, move: str) -> str | None:
        """What a move of the ticket asks of the bug."""
        return (self.moves.get(stage) or {}).get(move)


def _selector(entry: object) -> tuple[list[str], list[str] | None]:
    if isinstance(entry, Mapping):
        status, resolution = entry["status"], entry.get("resolution")
        statuses = status if isinstance(status, list) else [status]
        return statuses, resolution if resolution is None or isinstance(resolution, list) else [resolution]
    return [str(entry)], None


@dataclass(frozen=True, slots=True)
class Move:
    """A change of status of a ticket, or of status or resolution of a bug."""

    at: float
    before: str | None
    after: str
    by: str  # bot | person | rule
    marker: str | None = None
    customer: bool = False


class Oracle:
    """Reads both servers."""

    def __init__(self, sandbox: Sandbox, seeded: Seeded, variant: Variant) -> None:
        self._sandbox = sandbox
        self._bot, self._jira_bot = seeded.bot, seeded.jira_bot
        self._agents = {*seeded.agents.values(), seeded.supervisor}
        self._names = {status.id: status.name for status in sandbox.jira.site.statuses.values()}
        self.variant = variant
        simple = (MAPPINGS / "simple.yaml").read_text(encoding="utf-8")
        self.rules = {"NOVA": Rules.read(variant.mapping), "OPS": Rules.read(simple)}
        self._tickets: dict[int, dict[str, Any]] = {}
        self._bugs: dict[str, dict[str, Any] | None] = {}

    def look_again(self) -> None:
        """What was read before is forgotten."""
        self._tickets.clear()
        self._bugs.clear()

    def ticket(self, number: int) -> dict[str, Any]:
        """The ticket as Zendesk has it."""
        if number not in self._tickets:
            self._tickets[number] = self._sandbox.zendesk.ticket_state(ticket=number)
        return self._tickets[number]

    def bug(self, bug: str) -> dict[str, Any] | None:
        """The bug as Jira has it; None when it was deleted or syncd may not see it."""
        if bug not in self._bugs:
            try:
                state: dict[str, Any] | None = self._sandbox.jira.issue_state(bug)
            except ValueError:
                state = None
            self._bugs[bug] = state
        return self._bugs[bug]

    def tickets(self) -> Iterator[dict[str, Any]]:
        """All tickets, the deleted ones too."""
        for number in sorted(self._sandbox.zendesk.store.tickets):
            yield self.ticket(number)

    def bugs(self) -> Iterator[dict[str, Any]]:
        """All bugs that there are."""
        for number in sorted(self._sandbox.jira.issues):
            state = self.bug(str(number))
            if state is not None:
                yield state

    def stage(self, bug: Mapping[str, Any]) -> str | None:
        """The stage that the bug is in now."""
        return self.stage_of(bug["project"], bug["status_id"], bug["resolution"])

    def stage_of(self, project: str, status_id: str, resolution: str | None) -> str | None:
        """The stage of a status (by id) and resolution (by name)."""
        status = self._sandbox.jira.site.statuses[status_id]
        return self.rules[project].stage(self._names.get(status_id, status.name), status.category, resolution)

    def is_original(self, status_id: str) -> bool:
        """Whether the status has the name that it had at the beginning."""
        status = self._sandbox.jira.site.statuses[status_id]
        return self._names.get(status_id) == status.name

    def is_agent(self, user: int) -> bool:
        """Whether the user answers customers (syncd does not)."""
        return user in self._agents

    def stages_ever(self, bug: Mapping[str, Any]) -> set[tuple[str, str]]:
        """(project, stage) of every place that the bug has been in."""
        found = set()
        status, resolution = bug["status_id"], bug["resolution"]
        for entry in [None, *reversed(bug["changelog"])]:
            for item in entry["items"] if entry else ():
                if item["field"] == "status":
                    status = item["old"]
                elif item["field"] == "resolution":
                    resolution = item["old_text"]
            for project in self.rules:
                stage = self.stage_of(project, status, resolution)
                if stage is not None:
                    found.add((project, stage))
        return found

    def moves_of_ticket(self, ticket: Mapping[str, Any]) -> list[Move]:
        """Changes of the ticket's status, oldest first. The making of the ticket is one."""
        found = []
        for audit in ticket["audits"]:
            for event in audit["events"]:
                if event.get("field_name") != "status" or event["type"] not in ("Change", "Create"):
                    continue
                by = self._who(audit, event)
                found.append(
                    Move(
                        self._moment(audit),
                        event.get("previous_value"),
                        event["value"],
                        by,
                        audit["custom"].get("syncd_op"),
                        by == "person" and audit["author_id"] not in self._agents,
                    )
                )
        return found

    def _who(self, audit: Mapping[str, Any], event: Mapping[str, Any]) -> str:
        via = event.get("via") or audit["via"]
        if via.get("channel") == "rule" or (via.get("source") or {}).get("rel") in ("trigger", "automation"):
            return "rule"
        return "bot" if audit["author_id"] == self._bot else "person"

    def moves_of_bug(self, bug: Mapping[str, Any]) -> list[Move]:
        """Changes of the bug's status and resolution, oldest first, as "status id/resolution"."""
        found = []
        robots = {rule.actor for rule in self._sandbox.jira.automations}
        for entry in bug["changelog"]:
            items = {item["field"]: item for item in entry["items"] if item["field"] in ("status", "resolution")}
            if not items:
                continue
            by = "bot" if entry["author"] == self._jira_bot else "rule" if entry["author"] in robots else "person"
            marker = ((entry["metadata"] or {}).get("extraData") or {}).get("op")
            before = items["status"]["old"] if "status" in items else None
            after = items["status"]["new"] if "status" in items else ""
            found.append(Move(entry["created"] / 1000, before, after, by, marker))
        return found

    def notes(self, ticket: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Our comments on a ticket, oldest first."""
        return [comment for comment in ticket["comments"] if comment["author_id"] == self._bot]

    def comments(self, bug: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Our comments on a bug, oldest first."""
        return [comment for comment in bug["comments"] if comment["author"] == self._jira_bot]

    def words(self, ticket: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What syncd says on a ticket in its own name: no copies of what others said."""
        return [note for note in self.notes(ticket) if source_on_ticket(note) is None]

    def words_on_bug(self, bug: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What syncd says on a bug in its own name."""
        return [comment for comment in self.comments(bug) if source_on_bug(comment) is None]

    def is_ours_on_bug(self, comment: Mapping[str, Any]) -> bool:
        """Whether syncd wrote the comment."""
        return bool(comment["author"] == self._jira_bot)

    @staticmethod
    def _moment(audit: Mapping[str, Any]) -> float:
        return moment(audit["created_at"])


def moment(stamp: str) -> float:
    """Epoch seconds of one of Zendesk's stamps."""
    return datetime.fromisoformat(stamp).timestamp()


def source_on_ticket(note: Mapping[str, Any]) -> str | None:
    """The id of the comment in Jira that a note is a copy of."""
    if "(written by syncd)" in note["body"]:
        return None  # it speaks for itself, and names the comment that gives the reason
    found = re.search(r"focusedCommentId=(\d+)", note["html_body"])
    return found[1] if found else None


def source_on_bug(comment: Mapping[str, Any]) -> str | None:
    """The id of the comment in Zendesk that a comment on a bug is a copy of."""
    found = re.search(r"/agent/tickets/\d+\?comment=(\d+)", comment["body"])
    return found[1] if found else None
