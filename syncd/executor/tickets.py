"""Performing and verifying writes to Zendesk tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from syncd.core.actions import RemoveTag, Settles, UpdateTicket, marker_of
from syncd.core.model import Actor, ActorKind, Base, Conflict, Json, Seen, TicketChange, TicketSnapshot, TicketState
from syncd.core.ports import TicketSource, TicketWrite, TicketWritten
from syncd.core.who import customer_waits, last_mover
from syncd.core.world import same_state, status_attribute
from syncd.executor.outcome import Done, Later, Outcome, Superseded
from syncd.sources.errors import PreconditionError, RefusedError

CAS_TRIES = 3
"""Tries in a row when the ticket keeps changing between our reading and our write."""


class TicketWriter:
    """Writes to one Zendesk. `before_send` is called right before the PUT: it commits the intent as sent."""

    def __init__(self, zendesk: TicketSource, beside: Callable[[int], Mapping[str, Json]] = lambda _ticket: {}) -> None:
        """`beside`: fields that a write of this ticket takes along."""
        self._zendesk = zendesk
        self._beside = beside

    def update(
        self,
        action: UpdateTicket,
        marker: str,
        *,
        attempts: int,
        now: datetime,
        before_send: Callable[[], None],
        values: Callable[[TicketSnapshot], Mapping[str, Json]] | None = None,
    ) -> Outcome:
        """One PUT under compare-and-swap; `values` says what to write of Zendesk's own fields, given the ticket as it
        is then. Raises the errors of sources/errors.py.

        What a person would see twice is looked for first. Also before the first try: a store that was put back from a
        backup does not know what was written since. And again when the ticket changed: it may have been by our own
        request of an earlier try, which came late."""
        looks = attempts > 0 or action.status is not None or action.note is not None
        for _ in range(CAS_TRIES):
            ticket = self._zendesk.read([action.ticket_id])[0]
            stop = None
            if looks and not ticket.is_gone:
                history = self._zendesk.history(action.ticket_id)
                stop = self._find(action, marker, ticket, history, now) or _customer_first(action, ticket, history)
            stop = stop or _precondition(action, ticket)
            if stop is not None:
                return stop
            if values is not None:
                action = replace(action, values=values(ticket))
                if not action.values and action.note is None:
                    return Done(tickets=(ticket,))
            write = _write_for(action, ticket, self._beside(action.ticket_id))
            before_send()
            try:
                return self._written(action, ticket, self._send(action, write, ticket, marker), now)
            except PreconditionError:
                continue  # somebody else was faster: read again and decide again
        return Later(5.0, f"ticket #{action.ticket_id} keeps changing while it is written")

    def verify_update(self, action: UpdateTicket, marker: str, *, now: datetime) -> Outcome:
        """After an unknown answer or a crash: Done when the marker is in the ticket's audits, Later when it is not."""
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone:
            return Superseded("the ticket is gone", tickets=(ticket,))
        history = self._zendesk.history(action.ticket_id)
        return self._find(action, marker, ticket, history, now) or Later(0.0, "not found on the server")

    def _find(
        self,
        action: UpdateTicket,
        marker: str,
        ticket: TicketSnapshot,
        history: Sequence[TicketChange],
        now: datetime,
    ) -> Outcome | None:
        """What the write came to, when the ticket's audits show its marker."""
        marks = {marker, *_told_before(action, history)}
        ours = [change for change in history if change.marker in marks]
        if not ours:
            return None
        note_public = next((change.public for change in ours if change.kind == "comment"), None)
        later = [change for change in history if change.audit_id >= ours[0].audit_id]
        return self._written(action, ticket, TicketWritten(ticket, tuple(later), note_public), now)

    def remove_tag(self, action: RemoveTag, *, before_send: Callable[[], None]) -> Outcome:
        """Idempotent: a tag that is not there is done."""
        for _ in range(CAS_TRIES):
            ticket = self._zendesk.read([action.ticket_id])[0]
            if ticket.is_gone or ticket.state.is_final:
                return Superseded("the ticket is closed or gone", tickets=(ticket,))
            if action.tag not in ticket.tags:
                return Done(tickets=(ticket,))
            before_send()
            try:
                self._zendesk.remove_tag(action.ticket_id, action.tag, stamp=ticket.updated_at)
            except PreconditionError:
                continue
            return Done(tickets=(self._zendesk.read([action.ticket_id])[0],))
        return Later(5.0, f"ticket #{action.ticket_id} keeps changing while a tag is removed")

    def _send(self, action: UpdateTicket, write: TicketWrite, ticket: TicketSnapshot, marker: str) -> TicketWritten:
        try:
            return self._zendesk.write(action.ticket_id, write, stamp=ticket.updated_at, marker=marker)
        except RefusedError:
            says = write.status is not None or write.custom_status_id is not None or write.note is not None
            if not says or not (write.fields or write.values):
                raise
            # A field that fails stops only itself: the status and the note go without the mirror.
            bare = TicketWrite(status=write.status, custom_status_id=write.custom_status_id, note=write.note)
            return self._zendesk.write(action.ticket_id, bare, stamp=ticket.updated_at, marker=marker)

    def _written(self, action: UpdateTicket, before: TicketSnapshot, written: TicketWritten, now: datetime) -> Outcome:
        ticket = written.ticket
        incident = None
        if action.note is not None and written.note_public is not False:
            incident = self._hide_note(action, written)
        asked = _asked_state(action, before)
        undone_by = None if action.status is None else _undone_by(asked, ticket, written.changes)
        bounced = undone_by is not None and undone_by.actor.kind in (ActorKind.RULE, ActorKind.ROBOT)
        if undone_by is not None and not bounced:
            # A person moved it on since our write: base is what we wrote, so that the planner sees that move.
            ticket_then = replace(ticket, state=asked, updated_at=min(ticket.updated_at, undone_by.at))
        else:
            ticket_then = ticket
        bases = {
            s.link_id: base_after(
                s, ticket=ticket_then, now=now, wrote_ticket=action.status is not None and not bounced
            )
            for s in action.settles
        }
        conflicts = _bounce(action, ticket, undone_by, now) if bounced else {}
        own = [(action.subject, f"field:{key}", str(value or ""), False) for key, value in action.fields.items()]
        if action.status is not None:
            name = action.status_name or action.status
            own.append((action.subject, status_attribute(name), name, action.by_person))
        return Done(
            bases=bases,
            conflicts=conflicts,
            tickets=(ticket,),
            own_writes=tuple(own),
            result={"status": ticket.state.category, "updated_at": ticket.version},
            incident=incident,
        )

    def _hide_note(self, action: UpdateTicket, written: TicketWritten) -> str | None:
        comment = next((c for c in written.changes if c.kind == "comment" and c.actor.kind is ActorKind.SELF), None)
        if written.note_public is None:  # the answer had no audit: look at what was stored
            newest = next((c for c in self._zendesk.history(action.ticket_id) if c.kind == "comment"), None)
            if newest is None or newest.public is not True or newest.actor.kind is not ActorKind.SELF:
                return None
            comment = newest
        if comment is not None and comment.comment_id is not None:
            self._zendesk.make_private(action.ticket_id, comment.comment_id)
        return f"Zendesk stored a note of syncd on ticket #{action.ticket_id} as public; it was made private"


def _customer_first(action: UpdateTicket, ticket: TicketSnapshot, history: Sequence[TicketChange]) -> Superseded | None:
    """An open ticket is not taken out of the agent's sight when a customer wrote after it was planned."""
    if action.status in (None, "open") or ticket.state.category not in ("new", "open") or not action.settles:
        return None
    planned = max(settles.ticket_version for settles in action.settles)
    if ticket.version > planned and customer_waits(history, datetime.fromtimestamp(planned, UTC)):
        return Superseded("a customer has written since this was planned", tickets=(ticket,))
    return None


def _precondition(action: UpdateTicket, ticket: TicketSnapshot) -> Outcome | None:
    if ticket.is_gone or ticket.state.is_final:
        return Superseded("the ticket is closed or gone", tickets=(ticket,))
    if action.status is None:
        return None
    if same_state(action.expected, ticket.state) or same_state(_asked_state(action, ticket), ticket.state):
        return None
    reason = f"the ticket is {ticket.state.category} by now, not {action.expected.category}"
    return Superseded(reason, tickets=(ticket,))


def _write_for(action: UpdateTicket, ticket: TicketSnapshot, beside: Mapping[str, Json]) -> TicketWrite:
    """A status that the ticket has already is not written: a category would reset its custom status."""
    writes_status = action.status is not None and not same_state(_asked_state(action, ticket), ticket.state)
    custom = action.custom_status_id if writes_status else None
    return TicketWrite(
        status=action.status if writes_status and custom is None else None,
        custom_status_id=custom,
        note=action.note,
        fields={**beside, **action.fields} or None,
        values=dict(action.values) or None,
    )


def _asked_state(action: UpdateTicket, ticket: TicketSnapshot) -> TicketState:
    return TicketState(action.status or ticket.state.category, action.custom_status_id)


def base_after(
    settles: Settles, *, now: datetime, ticket: TicketSnapshot | None = None, wrote_ticket: bool = False
) -> Base:
    """The base that a ticket's write leaves: the bug as it was planned for, the ticket as Zendesk answered."""
    return Base(
        stage=settles.stage,
        status_id=settles.status_id,
        resolution_id=settles.resolution_id,
        ticket=ticket.state if ticket is not None else settles.ticket,
        ticket_version=ticket.version if ticket is not None else settles.ticket_version,
        issue_version=settles.issue_version,
        at=now,
        wrote_ticket=wrote_ticket,
        acted=settles.acted,
    )


def _undone_by(asked: TicketState, ticket: TicketSnapshot, changes: Sequence[TicketChange]) -> TicketChange | None:
    """Who set the ticket to something else than we asked for, after or together with our write."""
    if same_state(asked, ticket.state):
        return None
    mover = last_mover(changes, ticket)
    return mover or TicketChange(0, ticket.updated_at, Actor(ActorKind.UNKNOWN), "status")


def _bounce(
    action: UpdateTicket, ticket: TicketSnapshot, undone_by: TicketChange | None, now: datetime
) -> dict[int, Conflict]:
    """A trigger changed our value back: nobody fights it, a person looks."""
    rule = undone_by.actor.name if undone_by is not None and undone_by.actor.name else "a rule"
    message = (
        f"Bounced by '{rule}': it set ticket #{action.ticket_id} to {ticket.state.category} right after syncd had set "
        f"it to {action.status_name or action.status}. Change that trigger, or the mapping; syncd will not repeat it."
    )
    return {
        s.link_id: Conflict("bounced", message, Seen(s.status_id, s.resolution_id, ticket.state), now)
        for s in action.settles
    }


def _told_before(action: UpdateTicket, history: Sequence[TicketChange]) -> Iterator[str]:
    """The marks of the writes that may have said what this note says alone. A store that was put back from a backup
    finds the ticket where they left it, and has nothing but the note left to say.

    Their mark has the version of the ticket that was agreed then, which such a store may not know. Each change of the
    ticket was one; what was told before the version that is agreed here is not what is to be said now."""
    event = action.source.removesuffix(":note")
    if event == action.source:
        return
    news, agreed, stage = event.rsplit(":", 2)
    yield marker_of(replace(action, source=event))
    if not int(agreed):  # nothing was agreed: the store that was lost may have told it as it linked the two
        for link_id in action.link_ids:
            yield marker_of(replace(action, source=f"linked:{link_id}:{stage}"))
    for version in {int(change.at.timestamp()) for change in history}:
        if version > int(agreed):
            yield marker_of(replace(action, source=f"{news}:{version}:{stage}"))
            yield marker_of(replace(action, source=f"{news}:{version}:{stage}:note"))
