"""Performing writes of mapped fields: a value is written only where what is there is still what the plan knew.

Jira has no compare-and-swap: the issue is read before and after the edit, and what its changelog shows as overwritten
in between is kept in the log and shown as the field's problem.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncd.core.actions import RemoteAction, SetBugFields, SetTicketFields
from syncd.core.field_model import FieldBase, FieldChange, FieldRecord, FieldSpec, NoValue, Unread
from syncd.core.field_values import bug_value, fold, same, ticket_value
from syncd.core.model import ActorKind, IssueEdit, IssueSnapshot, Json, Link, LinkState, TicketSnapshot
from syncd.core.ports import Clock, IssueSource, TicketSource, TicketWrite
from syncd.executor.facts import FactBook
from syncd.executor.outcome import Done, Later, Outcome, Refused, Superseded
from syncd.executor.tickets import CAS_TRIES
from syncd.sources.errors import PreconditionError, RefusedError
from syncd.store import Intent, Store, Tx

Specs = Callable[[str], Sequence[FieldSpec]]
"""The mapped fields of a route as it is configured now."""

_NAMES = {"fixVersions": "fix version", "components": "component"}
"""How a changelog calls fields whose id it does not give (Data Center)."""


@dataclass(slots=True)
class _Work:
    """What came of the changes of one write so far."""

    todo: list[FieldChange] = field(default_factory=list)
    held: list[FieldChange] = field(default_factory=list)  # there already
    moved: list[FieldChange] = field(default_factory=list)  # changed since the plan: not ours to write
    written: list[FieldChange] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # field -> the server's words
    lost: dict[str, str] = field(default_factory=dict)  # field -> what was overwritten after all

    def sort(self, change: FieldChange, present: Json) -> None:
        """Where a change belongs, given what is there now."""
        if change.add or change.remove:
            self._sort_members(change, present)
        elif same(present, change.value):
            self.held.append(change)
        elif same(present, change.expected):
            self.todo.append(change)
        else:
            self.moved.append(change)

    def _sort_members(self, change: FieldChange, present: Json) -> None:
        there = {fold(item) for item in present} if isinstance(present, list) else {fold(present or "")}
        done = {fold(name) for name in change.add} <= there and not {fold(name) for name in change.remove} & there
        if done:
            self.held.append(change)
        elif isinstance(present, list) or same(present, change.expected):
            self.todo.append(change)
        else:
            self.moved.append(change)


class FieldWriter:
    """A Performer for both sides' mapped fields."""

    actions: tuple[type[RemoteAction], ...] = (SetBugFields, SetTicketFields)

    def __init__(
        self, store: Store, zendesk: TicketSource, jira: IssueSource, clock: Clock, book: FactBook, specs: Specs
    ) -> None:
        self._store = store
        self._clock = clock
        self._zendesk = zendesk
        self._jira = jira
        self._book = book
        self._specs = specs

    def perform(self, intent: Intent, now: datetime, before_send: Callable[[], None]) -> Outcome:
        """One edit of an issue, or one PUT of a ticket and its tags. A field that is refused stops only itself."""
        del now
        match intent.action:
            case SetBugFields() as action:
                return self._edit_bug(action, intent.id, before_send)
            case SetTicketFields() as action:
                return self._edit_ticket(action, intent.id, before_send)
            case other:
                raise TypeError(f"{other.kind} is no write of fields")

    def verify(self, intent: Intent, now: datetime) -> Outcome:
        """Done when the values are there or our mark is in the history; Later(0) when neither is."""
        del now
        match intent.action:
            case SetBugFields() as action:
                issue, edits = self._jira.with_edits(action.issue_id)
                work = self._compare(action, lambda spec: bug_value(spec, issue))
                if work.todo and not any(edit.marker == intent.id for edit in edits):
                    return Later(0.0, "not found on the server")
                return self._done(action, _all_written(action, work), issues=(issue,))
            case SetTicketFields() as action:
                ticket = self._zendesk.read([action.ticket_id])[0]
                if ticket.is_gone:
                    return Superseded("the ticket is gone", tickets=(ticket,))
                work = self._compare(action, self._ticket_reader(action, ticket))
                if work.todo and not any(c.marker == intent.id for c in self._zendesk.history(action.ticket_id)):
                    return Later(0.0, "not found on the server")
                return self._done(action, _all_written(action, work), tickets=(ticket,))
            case other:
                raise TypeError(f"{other.kind} is no write of fields")

    def describe(self, action: RemoteAction) -> str:
        """`set priority of NOVA-1`."""
        if isinstance(action, SetBugFields):
            return f"set {_listed(action.changes)} of {action.issue_key}"
        if isinstance(action, SetTicketFields):
            return f"set {_listed(action.changes)} of ticket #{action.ticket_id}"
        return action.kind

    def matters(self, action: RemoteAction) -> bool:
        """A refused field stops only itself."""
        del action
        return False

    # ---- what is there now ----

    def _compare(self, action: SetBugFields | SetTicketFields, read: Callable[[FieldSpec], Json]) -> _Work:
        specs = {spec.name: spec for spec in self._specs(action.route)}
        work = _Work()
        for change in action.changes:
            spec = specs.get(change.field)
            try:
                if spec is None:
                    work.moved.append(change)  # no longer configured
                else:
                    work.sort(change, read(spec))
            except (Unread, NoValue):
                work.moved.append(change)
        return work

    def _ticket_reader(self, action: SetTicketFields, ticket: TicketSnapshot) -> Callable[[FieldSpec], Json]:
        facts = self._book.facts(self._specs(action.route), [ticket], [], translate=False)
        return lambda spec: ticket_value(spec, ticket, facts)

    # ---- bugs ----

    def _edit_bug(self, action: SetBugFields, marker: str, before_send: Callable[[], None]) -> Outcome:
        issue, before = self._jira.with_edits(action.issue_id)
        if not issue.visible:
            return Superseded(f"{action.issue_key} cannot be read any more", issues=(issue,))
        work = self._compare(action, lambda spec: bug_value(spec, issue))
        if not work.todo:
            if not work.held:
                return Superseded(f"{action.issue_key} was changed since", issues=(issue,))
            return self._done(action, work, issues=(issue,))
        before_send()

        def send(changes: Sequence[FieldChange]) -> None:
            self._jira.edit(action.issue_id, changes, marker=marker)

        _send_each(work, send)
        issue, after = self._jira.with_edits(action.issue_id)
        titles = {spec.name: spec.bug.title for spec in self._specs(action.route)}
        known = {edit.id for edit in before}
        for change in work.written:
            gone = _overwritten(change, titles.get(change.field, ""), after, known, marker)
            if gone is not None:
                who = gone.actor.name or gone.actor.id or "somebody"
                work.lost[change.field] = (
                    f"{who} set it to {gone.after or 'empty'} on {action.issue_key} in the same moment, which syncd's "
                    f"{change.text or 'empty'} overwrote"
                )
        return self._done(action, work, issues=(issue,))

    # ---- tickets ----

    def _edit_ticket(self, action: SetTicketFields, marker: str, before_send: Callable[[], None]) -> Outcome:
        for _ in range(CAS_TRIES):
            ticket = self._zendesk.read([action.ticket_id])[0]
            if ticket.is_gone:
                return Superseded("the ticket is gone", tickets=(ticket,))
            work = self._compare(action, self._ticket_reader(action, ticket))
            if ticket.state.is_final:  # what it got before it was closed was done
                if any(change.marker == marker for change in self._zendesk.history(action.ticket_id)):
                    return self._done(action, _all_written(action, work), tickets=(ticket,))
                return Superseded("the ticket is closed", tickets=(ticket,))
            if not work.todo and not work.held:
                return Superseded(f"ticket #{ticket.id} was changed since", tickets=(ticket,))
            if not work.todo:
                return self._done(action, work, tickets=(ticket,))
            before_send()
            try:
                _send_each(work, lambda changes, seen=ticket: self._write_ticket(seen, changes, marker))  # type: ignore[misc]  # bound per turn
            except PreconditionError:
                continue  # somebody else was faster: read again and decide again
            ticket = self._zendesk.read([action.ticket_id])[0]
            return self._done(action, work, tickets=(ticket,))
        return Later(5.0, f"ticket #{action.ticket_id} keeps changing while it is written")

    def _write_ticket(self, seen: TicketSnapshot, changes: Sequence[FieldChange], marker: str) -> None:
        """One PUT for the values, and one call for tags to add and one for tags to take off."""
        ticket, stale = seen, False
        values: dict[str, Json] = {}
        fields: dict[str, Json] = {}
        for change in changes:
            if change.kind in ("priority", "type", "subject"):
                values[change.kind] = change.value
            elif change.kind == "assignee":
                values["assignee_id"] = None if change.value is None else self._needed(change, self._book.agent)
            elif change.kind == "group":
                values["group_id"] = None if change.value is None else self._needed(change, self._book.group)
            elif change.kind != "tags":
                fields[change.id] = _custom(change, ticket)
        if values or fields:
            write = TicketWrite(fields=fields or None, values=values or None)
            self._zendesk.write(ticket.id, write, stamp=ticket.updated_at, marker=marker)
            stale = True
        for change in changes:
            if change.kind != "tags":
                continue
            for names, send in ((change.add, self._zendesk.add_tags), (change.remove, self._zendesk.remove_tags)):
                if names:
                    ticket = self._zendesk.read([ticket.id])[0] if stale else ticket
                    send(ticket.id, names, stamp=ticket.updated_at)
                    stale = True

    def _needed(self, change: FieldChange, look_up: Callable[[str], int | None]) -> int:
        found = look_up(str(change.value))
        if found is None:
            raise RefusedError(f"Zendesk has no {change.kind} '{change.value}'")
        return found

    # ---- the end ----

    def _done(
        self,
        action: SetBugFields | SetTicketFields,
        work: _Work,
        *,
        tickets: tuple[TicketSnapshot, ...] = (),
        issues: tuple[IssueSnapshot, ...] = (),
    ) -> Outcome:
        names = "bugfield" if isinstance(action, SetBugFields) else "ticketfield"
        settled = [*work.written, *work.held]
        if work.refused and not settled:
            with self._store.transaction() as tx:
                _keep_refusals(tx, action, work, self._clock.now())
            return Refused("refused", "; ".join(work.refused.values()), tickets=tickets, issues=issues)
        own = tuple(
            (
                action.subject,
                f"{names}:{change.id if names == 'bugfield' else change.field}",
                change.text,
                change.by_person,
            )
            for change in work.written
        )

        def keep(tx: Tx, now: datetime) -> None:
            _keep_settled(tx, settled, work.lost, now)
            _keep_refusals(tx, action, work, now)

        result: Mapping[str, Json] = {
            "written": [change.field for change in work.written],
            **({"refused": dict(work.refused)} if work.refused else {}),
        }
        return Done(tickets=tickets, issues=issues, own_writes=own, result=result, keep=keep)


def _send_each(work: _Work, send: Callable[[Sequence[FieldChange]], None]) -> None:
    """All changes in one write; where that is refused, those that the server does not name, and else one by one."""
    try:
        send(work.todo)
    except RefusedError as error:
        named = [change for change in work.todo if change.id in error.fields]
        for change in named:
            work.refused[change.field] = error.fields[change.id]
        rest = [change for change in work.todo if change not in named]
        if len(work.todo) == 1 and not named:
            work.refused[work.todo[0].field] = str(error)
            return
        for change in rest:
            try:
                send([change])
            except RefusedError as alone:
                work.refused[change.field] = alone.fields.get(change.id) or str(alone)
            else:
                work.written.append(change)
        return
    work.written += work.todo


def _custom(change: FieldChange, ticket: TicketSnapshot) -> Json:
    """A custom field's value as Zendesk takes it."""
    match change.kind:
        case "checkbox":
            return change.value == "true"
        case "integer":
            return None if change.value is None else int(str(change.value))
        case "multi":
            present = ticket.fields.get(change.id)
            kept = (
                [str(item) for item in present if str(item) not in change.remove] if isinstance(present, list) else []
            )
            return list[Json](dict.fromkeys([*kept, *change.add]))
        case _:
            return change.value


def _overwritten(
    change: FieldChange, title: str, edits: Sequence[IssueEdit], known: Collection[str], marker: str
) -> IssueEdit | None:
    """Somebody's edit of the field that came between our reading and our write. Lists lose nothing."""
    if change.add or change.remove:
        return None
    names = {change.id.casefold(), title.casefold(), _NAMES.get(change.id, "")} - {""}
    mine = [edit for edit in edits if names & set(edit.names) and edit.id not in known]
    ours = next((place for place, edit in enumerate(mine) if edit.marker == marker), None)
    if ours is None:
        return None
    return next((edit for edit in mine[ours + 1 :] if edit.actor.kind is not ActorKind.SELF), None)


def _all_written(action: SetBugFields | SetTicketFields, work: _Work) -> _Work:
    """The write was applied: what differs now was changed by somebody since, and the planner sees that."""
    held = {change.field for change in work.held}
    return _Work(held=work.held, written=[change for change in action.changes if change.field not in held])


def _listed(changes: Sequence[FieldChange]) -> str:
    return ", ".join(change.field for change in changes)


def _link_of(tx: Tx, record: FieldRecord) -> Link | None:
    """The link of a record; None when it is over, or another ticket's since (a merge)."""
    link = tx.link(record.link_id)
    if link is None or link.state is LinkState.RETIRED or link.ticket_id != record.ticket_id:
        return None
    return link


def _keep_settled(tx: Tx, changes: Sequence[FieldChange], lost: Mapping[str, str], now: datetime) -> None:
    for change in changes:
        for record in change.records:
            link = _link_of(tx, record)
            if link is None:
                continue
            gone = lost.get(change.field)
            base = FieldBase(ticket=record.ticket, bug=record.bug)
            if gone:
                message = f"Field {change.field}: {gone}. Set it on either side as it should be."
                base = replace(base, problem=message, stands=True, seen_ticket=record.ticket, seen_bug=record.bug)
                tx.log_link(link.id, now, "conflict", message, {"code": "overwritten", "field": change.field})
            if change.lost:
                reason = f"{change.field} became {change.text or 'empty'}; {change.lost} gave way"
                tx.log_link(link.id, now, "field", reason, {"field": change.field})
            tx.save_field_base(record.link_id, record.field, base, now)


def _keep_refusals(tx: Tx, action: SetBugFields | SetTicketFields, work: _Work, now: datetime) -> None:
    where = action.issue_key if isinstance(action, SetBugFields) else f"ticket #{action.ticket_id}"
    for change in action.changes:
        said = work.refused.get(change.field)
        if said is None:
            continue
        message = f"Field {change.field}: {where} does not take {change.text or 'an empty value'}: {said}"
        for record in change.records:
            link = _link_of(tx, record)
            if link is not None:
                known = tx.field_bases([link.id]).get((link.id, change.field)) or FieldBase(agreed=False)
                base = replace(
                    known, problem=message, stands=True, seen_ticket=record.was_ticket, seen_bug=record.was_bug
                )
                tx.save_field_base(link.id, change.field, base, now)
                tx.log_link(link.id, now, "field", message, {"field": change.field})
