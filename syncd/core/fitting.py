"""What fits: which status a ticket needs for a bug's stage, and which stage a bug needs for a ticket's status.

For the policy on_conflict, and for a person who settles a conflict in favour of one side.
"""

from __future__ import annotations

from syncd.core.actions import MoveBug
from syncd.core.draft import bug_event, settles_of
from syncd.core.mapping import Stage, TicketSelector
from syncd.core.model import TicketState
from syncd.core.subjects import ticket_subject
from syncd.core.world import LinkView


def fitting_ticket(stage: Stage, state: TicketState) -> TicketSelector | None:
    """What a ticket must be set to so that it fits the stage; None when it fits, or nothing does."""
    wanted = stage.wants(state)
    if wanted is not None or stage.allows(state):
        return wanted
    allowed = stage.ticket_may_be or ()
    usable = [selector for selector in allowed if selector.category not in ("new", "solved")]
    return next((s for s in usable if s.category == "open"), usable[0] if usable else None)


def fitting_stage(view: LinkView, state: TicketState) -> Stage | None:
    """The stage nearest to the bug's that the ticket's status fits and that the bug can be moved to."""
    asked = [name for move, name in view.stage.asks if move.to is not None and move.to.matches(state)]
    for name in asked:
        stage = view.route.mapping.stage(name)
        if stage is not None and stage.move_bug_to is not None:
            return stage
    stages = [s for s in view.route.mapping.stages if s.move_bug_to is not None and s.allows(state)]
    return min(stages, key=lambda s: (abs(s.rank - view.stage.rank), s.rank), default=None)


def move_bug(view: LinkView, stage: Stage, why: str) -> MoveBug:
    """A walk that a person's decision about this one link asks for; raises ValueError without move_bug_to."""
    if stage.move_bug_to is None:
        raise ValueError(f"stage {stage.name} has no move_bug_to")
    return MoveBug(
        issue_id=view.issue.id,
        issue_key=view.issue.key,
        source=f"{bug_event(view)}:{ticket_subject(view.ticket.id)}:{view.ticket.version}:{stage.name}",
        reason=why,
        stage=stage.name,
        target=stage.move_bug_to,
        expected_status_id=view.issue.status_id,
        expected_resolution_id=view.issue.resolution_id,
        settles=(settles_of(view, stage=stage, acted=stage),),
        link_ids=(view.link.id,),
        route=view.route.name,
    )
