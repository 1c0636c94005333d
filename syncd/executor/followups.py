"""Making a private follow-up of a closed ticket whose bug came back: once, whatever fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from syncd.core.actions import FollowUp, RemoteAction
from syncd.core.model import TicketSnapshot
from syncd.core.ports import TicketSource
from syncd.core.subjects import ticket_subject
from syncd.executor.outcome import Done, Later, Outcome, Superseded
from syncd.store import Intent, Tx


class FollowUpWriter:
    """A Performer. The intent's marker is the Idempotency-Key and the external id of the new ticket."""

    actions: tuple[type[RemoteAction], ...] = (FollowUp,)

    def __init__(self, zendesk: TicketSource) -> None:
        self._zendesk = zendesk

    def perform(self, intent: Intent, now: datetime, before_send: Callable[[], None]) -> Outcome:
        """Looks for the ticket by its external id first, so that nothing that was lost on the way is made twice."""
        del now
        action = _action(intent)
        made = self._zendesk.by_external_id(intent.id)
        if made is not None:
            return _made(action, made, internal=True)
        closed = self._zendesk.read([action.ticket_id])[0]
        if closed.is_gone or not closed.state.is_final:
            return Superseded(f"ticket #{action.ticket_id} is not closed any more", tickets=(closed,))
        before_send()
        made, internal = self._zendesk.follow_up(closed, action.title, action.note, marker=intent.id)
        return _made(action, made, internal=internal)

    def verify(self, intent: Intent, now: datetime) -> Outcome:
        """Done when the ticket is there; Later(0) when not: the same key answers a repetition with the same ticket."""
        del now
        made = self._zendesk.by_external_id(intent.id)
        return Later(0.0, "not found on the server") if made is None else _made(_action(intent), made, internal=True)

    def describe(self, action: RemoteAction) -> str:
        """`make a private follow-up of ticket #35`."""
        return f"make a private follow-up of ticket #{_followup(action).ticket_id}"

    def matters(self, action: RemoteAction) -> bool:
        """Its link is retired: what is refused stays listed as a bug that came back."""
        del action
        return False


def _followup(action: RemoteAction) -> FollowUp:
    if not isinstance(action, FollowUp):
        raise TypeError(f"{action.kind} is no follow-up")
    return action


def _action(intent: Intent) -> FollowUp:
    return _followup(intent.action)


def _made(action: FollowUp, made: TicketSnapshot, *, internal: bool) -> Outcome:
    def keep(tx: Tx, now: datetime) -> None:
        tx.comeback_followed(action.link_id, made.id, now)
        tx.log_link(action.link_id, now, "followed up", f"ticket #{made.id} follows up #{action.ticket_id}", {})
        tx.touch([ticket_subject(made.id)], now)

    incident = None if internal else f"the follow-up #{made.id} of ticket #{action.ticket_id} was stored as public"
    return Done(tickets=(made,), result={"ticket": made.id}, incident=incident, keep=keep)
