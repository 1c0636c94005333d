"""A plan for mapped fields while it is being made: what is written to which bug and ticket, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from syncd.core.actions import Action, Plan, RecordField, SetBugFields, SetTicketFields
from syncd.core.field_model import FieldBase, FieldChange, FieldRecord, FieldSpec
from syncd.core.field_values import same
from syncd.core.model import IssueSnapshot, Json, Link, TicketSnapshot
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.world import World

WRITES_WITHOUT_A_PERSON = 2
"""A field that something else keeps changing back is written this often with one value, then left to a person."""

Bases = Mapping[tuple[int, str], FieldBase]


@dataclass(frozen=True, slots=True)
class Member:
    """A link in one field's eyes."""

    link: Link
    ticket: TicketSnapshot
    issue: IssueSnapshot
    ticket_value: Json
    bug_value: Json
    base: FieldBase | None  # None: they never agreed

    @property
    def ticket_moved(self) -> bool:
        """The ticket's value is another one than at base."""
        return self.base is not None and not same(self.base.ticket, self.ticket_value)

    @property
    def bug_moved(self) -> bool:
        """The bug's value is another one than at base."""
        return self.base is not None and not same(self.base.bug, self.bug_value)


@dataclass(slots=True)
class Fields:
    """Collects changes by bug and by ticket."""

    world: World
    bases: Bases
    on_bugs: dict[str, list[tuple[Member, FieldChange]]] = field(default_factory=dict)  # by issue id
    on_tickets: dict[int, list[tuple[Member, FieldChange]]] = field(default_factory=dict)
    records: list[RecordField] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def record(self, spec: FieldSpec, member: Member, reason: str, base: FieldBase | None = None) -> None:
        """Both sides are settled as they are (or as `base` says, for lists); nothing when that is known already."""
        if self.stands_still(spec, member):
            return
        wanted = base or FieldBase(ticket=member.ticket_value, bug=member.bug_value)
        if self.bases.get((member.link.id, spec.name)) != wanted:
            self.records.append(RecordField(member.link.id, spec.name, wanted, reason))

    def problem(self, spec: FieldSpec, member: Member, text: str) -> None:
        """Nothing can be done about the field of this link until a person mended it; said once."""
        if self.stands_still(spec, member):
            return
        known = self.bases.get((member.link.id, spec.name))
        message = f"Field {spec.name}: {text}."
        if known is None or known.problem != message:
            base = replace(known or FieldBase(agreed=False), problem=message)
            self.records.append(RecordField(member.link.id, spec.name, base, message))
        self.warnings.append(f"Ticket #{member.ticket.id} and {member.issue.key}: {message}")

    def stands_still(self, spec: FieldSpec, member: Member) -> bool:
        """A write of this field went wrong, and neither side changed since."""
        known = self.bases.get((member.link.id, spec.name))
        if known is None or not known.stands:
            return False
        return same(known.seen_ticket, member.ticket_value) and same(known.seen_bug, member.bug_value)

    def write_bug(self, spec: FieldSpec, members: Sequence[Member], change: FieldChange) -> None:
        """The bug of these links gets a value, unless something keeps changing it back."""
        first = members[0]
        if any(self.stands_still(spec, member) for member in members):
            return
        if self._is_undone(issue_subject(first.issue.id), f"bugfield:{spec.bug.id}", change):
            for member in members:
                self.problem(spec, member, f"something keeps changing it back on {first.issue.key}; left alone")
            return
        self.on_bugs.setdefault(first.issue.id, []).append((first, change))

    def write_ticket(self, spec: FieldSpec, member: Member, change: FieldChange) -> None:
        """The ticket gets a value, unless something keeps changing it back."""
        if self.stands_still(spec, member):
            return
        if self._is_undone(ticket_subject(member.ticket.id), f"ticketfield:{spec.name}", change):
            self.problem(spec, member, f"something keeps changing it back on ticket #{member.ticket.id}; left alone")
            return
        self.on_tickets.setdefault(member.ticket.id, []).append((member, change))

    def _is_undone(self, subject: str, attribute: str, change: FieldChange) -> bool:
        value, times = self.world.own_writes.get((subject, attribute), ("", 0))
        return not change.by_person and value == change.text and times >= WRITES_WITHOUT_A_PERSON

    def plan(self) -> Plan:
        """The finished plan: one write for each bug and ticket."""
        actions: list[Action] = [*self.records, *self._bug_actions(), *self._ticket_actions()]
        return Plan(
            actions=tuple(actions),
            waiting=tuple(sorted(self.waiting.items())),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def _bug_actions(self) -> Iterable[SetBugFields]:
        for issue_id in sorted(self.on_bugs):
            entries = self.on_bugs[issue_id]
            issue, changes = entries[0][0].issue, tuple(change for _, change in entries)
            yield SetBugFields(
                issue_id=issue_id,
                issue_key=issue.key,
                source=f"fields:{_digest(changes)}:{issue.updated_ms}",
                reason=_reason(changes, issue.key),
                changes=changes,
                link_ids=_links(changes),
                route=entries[0][0].link.route,
            )

    def _ticket_actions(self) -> Iterable[SetTicketFields]:
        for ticket_id in sorted(self.on_tickets):
            by_route: dict[str, list[tuple[Member, FieldChange]]] = {}
            for member, change in self.on_tickets[ticket_id]:
                by_route.setdefault(member.link.route, []).append((member, change))
            for route, entries in by_route.items():
                ticket, changes = entries[0][0].ticket, tuple(change for _, change in entries)
                yield SetTicketFields(
                    ticket_id=ticket_id,
                    source=f"fields:{_digest(changes)}:{ticket.version}",
                    reason=_reason(changes, f"ticket #{ticket_id}"),
                    changes=changes,
                    link_ids=_links(changes),
                    route=route,
                )


def record_of(spec: FieldSpec, member: Member, ticket: Json, bug: Json) -> FieldRecord:
    """What both sides are once the write is done."""
    return FieldRecord(member.link.id, member.ticket.id, spec.name, ticket, bug, member.ticket_value, member.bug_value)


def _links(changes: Sequence[FieldChange]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(record.link_id for change in changes for record in change.records))


def _reason(changes: Sequence[FieldChange], subject: str) -> str:
    parts = [f"{change.field} becomes {change.text or 'empty'}" for change in changes]
    return f"{subject}: {'; '.join(parts)}"


def _digest(changes: Sequence[FieldChange]) -> str:
    text = "\x1f".join(f"{change.id}={change.text}" for change in changes)
    return blake2b(text.encode(), digest_size=8).hexdigest()
