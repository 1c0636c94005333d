"""What waits from an older plan, was never tried, and is not what the newest plan asks for is dropped unsent."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from datetime import datetime

from syncd.core.actions import CastVote, MoveBug, Plan, RecordBase, UpdateTicket, marker_of
from syncd.core.model import LinkState
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.world import World
from syncd.store import SUPERSEDED, Tx

MOVING_SLOTS = ("status", "move")
"""Decided anew by every plan that comes to a decision about the link. Where it comes to none, what waits is dropped all
the same: it is asked for again, if it still is right."""

SHOWING_SLOTS = ("mirror",)
"""Decided anew by every plan that has read what it needs. Notes, tags and the parts' own slots are in neither."""


def drop_outdated(
    tx: Tx, world: World, plan: Plan, *, held: Collection[str], unread: AbstractSet[str], now: datetime
) -> None:
    """After the plan is enqueued: what it asks for keeps its turn. `held`: routes under a brake; `unread`: subjects
    whose needs could not be read. Those are no reason to keep a status or a move: a link that is not decided without
    them waits, and of any other the plan is carried out."""
    decided = _decided(world, plan, held)
    tx.supersede_untried(decided | _undecided(world, plan, held), MOVING_SLOTS, now)
    tx.supersede_untried(decided - unread, SHOWING_SLOTS, now)
    _drop_beside_conflicts(tx, world, plan, held=held, now=now)


def _decided(world: World, plan: Plan, held: Collection[str]) -> set[str]:
    """Subjects whose every link this plan decided: what waits for them from an older plan is out of date. A link that
    stays in conflict is left out, because a person's decision about it is no plan of ours."""
    waiting = {link_id for link_id, _ in plan.waiting}
    agreed = {action.link_id for action in plan.local if isinstance(action, RecordBase | CastVote)}
    undecided: set[str] = set()
    subjects: set[str] = set()
    for link in world.links:
        both = {ticket_subject(link.ticket_id), issue_subject(link.issue_id)}
        subjects |= both
        in_conflict = link.state is LinkState.CONFLICT and link.id not in agreed
        if link.id in waiting or link.route in held or in_conflict:
            undecided |= both
    return subjects - undecided - world.busy


def _undecided(world: World, plan: Plan, held: Collection[str]) -> set[str]:
    """Subjects of links that wait to be decided anew, and of no link that a brake holds or that is a person's now."""
    waiting = {link_id for link_id, _ in plan.waiting}
    found: set[str] = set()
    others: set[str] = set()
    for link in world.links:
        both = {ticket_subject(link.ticket_id), issue_subject(link.issue_id)}
        if link.route in held or link.state is LinkState.CONFLICT:
            others |= both
        elif link.id in waiting:
            found |= both
    return found - others - world.busy


def _drop_beside_conflicts(tx: Tx, world: World, plan: Plan, *, held: Collection[str], now: datetime) -> None:
    """Where a link stays in conflict, only what was wanted for such links alone may be a person's decision. Statuses
    and moves for a subject's other links are plans, which are out of date as anywhere else."""
    agreed = {action.link_id for action in plan.local if isinstance(action, RecordBase | CastVote)}
    planned: set[int] = set()
    beside: set[str] = set()
    braked: set[str] = set()
    for link in world.links:
        both = {ticket_subject(link.ticket_id), issue_subject(link.issue_id)}
        if link.route in held:
            braked |= both
        elif link.state is LinkState.CONFLICT and link.id not in agreed:
            beside |= both
        else:
            planned.add(link.id)
    asked = {marker_of(action) for action in plan.remote}
    for subject in sorted(beside - braked - world.busy):
        for kind in (UpdateTicket.kind, MoveBug.kind):
            for intent in tx.waiting_for(subject, kind):
                moves = intent.action.slot in MOVING_SLOTS and not planned.isdisjoint(intent.link_ids)
                if moves and intent.attempts == 0 and intent.id not in asked:
                    tx.drop(intent.id, SUPERSEDED, now)
