"""Who moved a ticket or a bug, and whether a customer waits for an answer: read from histories, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from syncd.core.model import Actor, ActorKind, IssueChange, IssueSnapshot, TicketChange, TicketSnapshot

ROBOT_SECONDS = 5
"""A change of ours undone this fast was undone by an automation, whatever account it runs as."""


def last_mover(history: Sequence[TicketChange], ticket: TicketSnapshot) -> TicketChange | None:
    """The change that gave the ticket its present status; None when the history does not reach back to it."""
    for change in history:
        if change.kind == "custom_status" and ticket.state.custom_id is not None:
            if change.after == str(ticket.state.custom_id):
                return change
        elif change.kind == "status" and change.after == ticket.state.category:
            return change
    return None


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


def customer_waits(history: Sequence[TicketChange], since: datetime) -> bool:
    """True when the newest public comment is a customer's, made after `since`, and nobody answered it."""
    for change in history:
        if change.kind != "comment" or change.public is not True:
            continue
        if change.actor.kind is ActorKind.CUSTOMER:
            return change.at > since
        return False
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
