"""A little world for mapped fields: tickets, bugs, links, and carrying a plan out on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from syncd.core.actions import Plan, RecordField, SetBugFields, SetTicketFields
from syncd.core.field_model import BugSide, Facts, FieldBase, FieldChange, FieldSpec, TicketSide
from syncd.core.fields import decide_fields
from syncd.core.mapping import StageMapping
from syncd.core.model import IssueSnapshot, Json, Link, Origin, TicketSnapshot, TicketState
from syncd.core.world import RouteView, World

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RANKS = {"low": 0, "medium": 1, "high": 2, "highest": 3}
PRIORITY_MAP = {"urgent": "Highest", "high": "High", "normal": "Medium", "low": "Low"}


def spec(ticket: str = "text", bug: str = "text", owner: str = "zendesk", **more: object) -> FieldSpec:
    """A mapped field whose ids are "7" on tickets and customfield_1 on bugs (or the field of that kind)."""
    ids = {"priority": "priority", "labels": "labels", "assignee": "assignee", "versions": "fixVersions"}
    ids["components"] = "components"
    sides = (
        TicketSide(ticket, "" if ticket in ("priority", "tags", "group", "assignee", "organization") else "7", ticket),
        BugSide(bug, ids.get(bug, "customfield_1"), bug),
    )
    made = FieldSpec("field", *sides, owner)
    return replace(made, **more)  # type: ignore[arg-type]  # any of the record's own values


def priority(owner: str = "both", winner: str = "jira") -> FieldSpec:
    """Priority with its usual map."""
    back = {value.casefold(): key for key, value in PRIORITY_MAP.items()}
    return spec("priority", "priority", owner, winner=winner, to_bug=PRIORITY_MAP, to_ticket=back, ranks=RANKS)


def ticket(number: int, value: Json, kind: str = "text", **more: object) -> TicketSnapshot:
    """A ticket that holds the value where a spec of that kind looks."""
    made = TicketSnapshot(number, TicketState("open"), NOW, NOW)
    if kind == "priority":
        made = replace(made, priority=None if value is None else str(value))
    elif kind == "tags":
        made = replace(made, tags=tuple(sorted(map(str, value if isinstance(value, list) else []))))
    elif value is not None:
        made = replace(made, fields={"7": value})
    return replace(made, **more)  # type: ignore[arg-type]  # as above


def issue(number: str, value: Json, kind: str = "text", **more: object) -> IssueSnapshot:
    """An issue that holds the value where a spec of that kind looks."""
    made = IssueSnapshot(number, f"NOVA-{number}", "NOVA", "1", "Bug", "1", "1", "To Do", "new", 1000)
    if kind == "priority":
        made = replace(made, priority=None if value is None else str(value))
    elif kind == "labels":
        made = replace(made, labels=tuple(sorted(map(str, value if isinstance(value, list) else []))))
    elif kind == "components":
        made = replace(made, components=tuple(map(str, value if isinstance(value, list) else [])))
    elif kind == "assignee":
        made = replace(made, assignee_id=None if value is None else str(value))
    else:
        made = replace(made, fields={"customfield_1": value})
    return replace(made, **more)  # type: ignore[arg-type]  # as above


@dataclass
class Paper:
    """Both sides of one field on paper. Ticket n is linked to the bugs that `pairs` names."""

    spec: FieldSpec
    tickets: dict[int, TicketSnapshot]
    issues: dict[str, IssueSnapshot]
    pairs: Sequence[tuple[int, str]]
    bases: dict[tuple[int, str], FieldBase] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    own_writes: Mapping[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    def world(self) -> World:
        """What the planner is shown."""
        route = RouteView("nova", "NOVA", StageMapping("m", (), "x"), fields=(self.spec,))
        links = tuple(
            Link(n, t, i, f"NOVA-{i}", "nova", Origin.MANUAL, NOW) for n, (t, i) in enumerate(self.pairs, start=1)
        )
        return World(links, self.tickets, self.issues, {"nova": route}, own_writes=self.own_writes)

    def plan(self) -> Plan:
        """What is to be done now."""
        return decide_fields(self.world(), {"nova": (self.spec,)}, self.bases, self.facts)

    def carry_out(self) -> Plan:
        """The plan, done: values, lists and bases are as they would be."""
        plan = self.plan()
        for action in plan.actions:
            match action:
                case RecordField():
                    self.bases[action.link_id, action.field] = action.base
                case SetBugFields():
                    for change in action.changes:
                        self._to_bug(action.issue_id, change)
                case SetTicketFields():
                    for change in action.changes:
                        self._to_ticket(action.ticket_id, change)
        return plan

    def _to_bug(self, number: str, change: FieldChange) -> None:
        old = self.issues[number]
        if change.kind == "labels":
            made = issue(number, _members(list[Json](old.labels), change), "labels")
        elif change.kind == "components":
            made = issue(number, _members(list[Json](old.components), change), "components")
        else:
            made = issue(number, change.value, change.kind)
        self.issues[number] = replace(made, updated_ms=old.updated_ms + 1)
        self._settle(change)

    def _to_ticket(self, number: int, change: FieldChange) -> None:
        if change.kind == "tags":
            value: Json = _members(list[Json](self.tickets[number].tags), change)
        else:
            value = change.value
        self.tickets[number] = ticket(number, value, change.kind)
        self._settle(change)

    def _settle(self, change: FieldChange) -> None:
        for record in change.records:
            self.bases[record.link_id, record.field] = FieldBase(record.ticket, record.bug)


def _members(present: list[Json], change: FieldChange) -> list[Json]:
    kept = [name for name in present if name not in change.remove]
    return list(dict.fromkeys([*kept, *change.add]))
