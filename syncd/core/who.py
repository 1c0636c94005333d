"""Who moved a ticket or a bug, and whether a customer waits for an answer: read from histories, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from syncd.core.model import Actor, ActorKind, IssueChange, IssueSnapshot, TicketChange, TicketSnapshot, TicketState

ROBOT_SECONDS = 5
"""A change of ours undone this fast was undone by an automation, whatever account it runs as."""

_PROGRAMS = (ActorKind.RULE, ActorKind.ROBOT, ActorKind.SELF)


def last_mover(history: Sequence[TicketChange], ticket: TicketSnapshot) -> TicketChange | None:
    """The change that gave the ticket its present status; None when the history does not reach back to it.

    Closing acts as solving, so a solved ticket that was closed was moved by whoever solved it."""
    newest: TicketChange | None = None
    for change in history:
        if newest is not None and change.kind == "status":
            return change if change.after == "solved" else newest
        if newest is None and _gives(change, ticket.state):
            if not ticket.state.is_final:
                return change
            newest = change
    return newest


def _gives(change: TicketChange, state: TicketState) -> bool:
    if change.kind == "custom_status" and state.custom_id is not None:
        return change.after == str(state.custom_id)
    return change.kind == "status" and change.after == state.category


def is_bounce(mover: TicketChange, history: Sequence[TicketChange]) -> bool:
    """A rule took our value back to what was before it, and not in answer to what a person did in the same audit."""
    if mover.actor.kind not in (ActorKind.RULE, ActorKind.ROBOT):
        return False
    if any(c.audit_id == mover.audit_id and c.actor.kind in (ActorKind.AGENT, ActorKind.CUSTOMER) for c in history):
        return False
    ours = next((c for c in history if c.actor.kind is ActorKind.SELF and c.kind == mover.kind), None)
    return ours is None or ours.before == mover.after


def tag_added(history: Sequence[TicketChange], tag: str) -> TicketChange | None:
    """The change that put the tag on the ticket."""
    for change in history:
        if change.kind == "tags" and tag in (change.after or "").split() and tag not in (change.before or "").split():
            return change
    return None


def merge_target(history: Sequence[TicketChange]) -> int | None:
    """The ticket that this one was merged into, when an audit names it."""
    for change in history:
        if change.kind == "merge" and change.after and change.after.isdigit():
            return int(change.after)
    return None


def customer_waits(history: Sequence[TicketChange], since: datetime | None) -> bool:
    """True when the newest public comment of a person is a customer's, made after `since` (None = whenever).

    What rules and robots say answers nobody; an unknown author counts as a customer."""
    for change in history:
        if change.kind == "comment" and change.public is True and change.actor.kind not in _PROGRAMS:
            return change.actor.kind is not ActorKind.AGENT and (since is None or change.at > since)
    return False


def bug_mover(issue: IssueSnapshot) -> Actor:
    """Who made the newest change of status or resolution; a change that undid ours at once counts as a robot's."""
    change = issue.last_change
    if change is None:
        return Actor(ActorKind.UNKNOWN)
    if change.actor.kind is not ActorKind.SELF and _undid_ours(change, issue.history[1:]):
        return Actor(ActorKind.ROBOT, change.actor.id, change.actor.name)
    return change.actor


def _undid_ours(change: IssueChange, earlier: Sequence[IssueChange]) -> bool:
    if not earlier or earlier[0].actor.kind is not ActorKind.SELF:
        return False
    previous = earlier[0]
    return change.at - previous.at <= timedelta(seconds=ROBOT_SECONDS) and change.status_from == previous.status_to


def status_before_ours(issue: IssueSnapshot) -> str | None:
    """The id of the status from which our newest walk set out; None when the history does not show one."""
    found: str | None = None
    for change in issue.history:
        if change.actor.kind is ActorKind.SELF:
            found = change.status_from or found
        elif found is not None:
            break
    return found
