"""The decision table: (world, mapping, now) → plan. Pure; the rows are those of the architecture's status section.

    1-5   triage.py    gone · merged · unsettled · older than base · without a stage
    6     no base yet            t allowed → record (a link made just now: also set_ticket); else conflict
    7     only the bug moved     set_ticket[t] if listed; a note if t is solved; record
    8     only the ticket moved  what when_ticket_moves asks (votes.py); else t allowed → record; else conflict
    9     both moved             what when_ticket_moves asks; else t allowed → as 7; else on_conflict
    10    neither                nothing, whatever t is

Bug → ticket is decided per ticket (the least advanced of its live links), ticket → bug per bug (votes of its tickets).

Conflict codes: ticket_gone, bug_gone, merge_target, unmapped_project, unmapped_status, bounced, repeated,
no_agreement, not_allowed, both_moved, bug_came_back, and, from the executor, refused and unreachable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from syncd.core.actions import MoveBug, NeedHistory, Plan, UpdateTicket, ticket_subject
from syncd.core.discover import discover
from syncd.core.draft import Draft, bug_event, settles_of
from syncd.core.mapping import Stage, TicketSelector
from syncd.core.mirror import decide_mirrors
from syncd.core.model import ActorKind, LinkState, TicketSnapshot, TicketState
from syncd.core.texts import bug_moved, bug_status, next_step, solved_without_fix
from syncd.core.triage import triage
from syncd.core.votes import WRITES_WITHOUT_A_PERSON, decide_bugs
from syncd.core.who import bug_mover, customer_waits
from syncd.core.world import LinkView, World

OPEN = TicketSelector("open", "open")


def reconcile(world: World, now: datetime) -> Plan:
    """What to do about these links. `now` is only recorded; the same world always gives the same plan."""
    draft = Draft(now)
    discover(world, draft)
    views = [view for view in triage(world, draft) if view.link.id not in draft.settled]
    moving = decide_bugs(world, draft, views)
    by_ticket: dict[int, list[LinkView]] = defaultdict(list)
    for view in views:
        by_ticket[view.ticket.id].append(view)
    for group in by_ticket.values():
        _decide_ticket(world, draft, group, moving)
        _retire_closed(draft, group, moving)
    decide_mirrors(world, draft)
    return draft.plan()


def _decide_ticket(world: World, draft: Draft, group: Sequence[LinkView], moving: frozenset[str]) -> None:
    ticket = group[0].ticket
    blocked = any(view.link.id in draft.waiting for view in group) or any(view.issue.id in moving for view in group)
    if blocked or _another_link_waits(world, draft, ticket):
        for view in group:
            if view.link.id not in draft.settled:
                draft.wait(view.link, "another bug of its ticket is not settled yet")
        return
    if any(view.link.id in draft.settled for view in group):
        for view in group:
            if view.link.id not in draft.settled:
                _accept_or_flag(draft, view, "not_allowed")
        return
    effective = min(group, key=lambda view: view.progress)
    based = [view for view in group if view.link.base is not None]
    ticket_moved = any(view.ticket_moved for view in based)
    if not based:
        _first_agreement(world, draft, group, effective)
        return
    stage_moved = effective.is_fresh or effective.stage.name != _last_handled(based)
    if stage_moved and not ticket_moved:
        _enter(world, draft, group, effective, fresh=effective.is_fresh)
    elif stage_moved and ticket_moved:
        if effective.stage.allows(ticket.state):
            _enter(world, draft, group, effective, fresh=False)
        else:
            _on_conflict(world, draft, group, effective)
    elif ticket_moved:
        for view in group:
            _accept_or_flag(draft, view, "not_allowed")
    else:
        for view in group:
            if view.bug_moved or view.link.base is None or view.link.state is LinkState.CONFLICT:
                draft.record(view, "nothing to carry: the ticket follows another bug, or both are as agreed")


def _last_handled(based: Sequence[LinkView]) -> str:
    """The stage that the ticket was last handled for, told by what the present mapping makes of the base."""
    newest = max(
        (view.link.base.at, view.link.id, view.link.base.acted) for view in based if view.link.base is not None
    )
    renamed = {
        view.link.base.stage: view.base_stage.name
        for view in based
        if view.link.base is not None and view.base_stage is not None
    }
    acted = newest[2]
    return renamed.get(acted, acted) or min(renamed.values())


def _another_link_waits(world: World, draft: Draft, ticket: TicketSnapshot) -> bool:
    return any(link.ticket_id == ticket.id and draft.may_still_vote(link) for link in world.links)


def _accept_or_flag(draft: Draft, view: LinkView, code: str) -> None:
    if view.stage.allows(view.ticket.state):
        draft.record(view, f"{view.ticket.state.category} is allowed while the bug is {view.stage.name}")
        return
    message = (
        f"Ticket #{view.ticket.id} is {view.ticket.state.category} while {view.issue.key} is "
        f"{bug_status(view.issue)} (stage {view.stage.name}), which the mapping does not allow. Move either side, or: "
        f"syncd conflicts resolve {view.link.id} --take bug|ticket|as-is"
    )
    draft.conflict(view, code, message)


def _first_agreement(world: World, draft: Draft, group: Sequence[LinkView], effective: LinkView) -> None:
    """Row 6."""
    if effective.is_fresh and not effective.ticket.state.is_solved:
        _enter(world, draft, group, effective, fresh=True)
        return
    for view in group:
        _accept_or_flag(draft, view, "no_agreement")


def _enter(world: World, draft: Draft, group: Sequence[LinkView], effective: LinkView, *, fresh: bool) -> None:
    """Row 7: the ticket hears that its (least advanced) bug entered a stage."""
    ticket, stage, state = effective.ticket, effective.stage, effective.ticket.state
    by_us = bug_mover(effective.issue).kind is ActorKind.SELF
    if not fresh and _bounced_bug(draft, group, effective):
        return
    if state.is_solved and not (stage.reopen_solved and not state.is_final):
        _tell_solved(world, draft, group, effective, silent=by_us or state.is_final)
        return
    target = stage.wants(state) or (OPEN if state.is_solved else None)
    if target is not None and state.category == "open" and target.category != "open" and not _all_fresh(group):
        history = world.histories.get(ticket.id)
        if history is None:
            draft.needs.append(NeedHistory(ticket.id))
            for view in group:
                draft.wait(view.link, "reading whether a customer waits for an answer")
            return
        if customer_waits(history, min(view.link.created_at for view in group)):
            for view in group:
                draft.record(view, "stays open: a customer waits for an answer", acted=stage)
            return
    if target is not None:
        _set_ticket(world, draft, group, effective, target, fresh=fresh)
        return
    if stage.done and not by_us:
        note = bug_moved(world, effective, next_step=next_step(stage, linked_now=fresh))
        _note(draft, group, effective, note, f"{effective.issue.key} is {bug_status(effective.issue)}")
    for view in group:
        draft.record(view, f"{state.category} stays while the bug is {stage.name}", acted=stage)


def _all_fresh(group: Sequence[LinkView]) -> bool:
    return all(view.link.base is None for view in group)


def _bounced_bug(draft: Draft, group: Sequence[LinkView], effective: LinkView) -> bool:
    """A Jira automation undid our walk: it is not repeated, and it is not carried either."""
    undone = [v for v in group if v.bug_moved and v.link.base is not None and v.link.base.wrote_bug]
    mover = bug_mover(effective.issue)
    if effective not in undone or mover.kind is not ActorKind.ROBOT:
        return False
    message = (
        f"Bounced by '{mover.name or mover.id or 'an automation'}': it moved {effective.issue.key} back to "
        f"{bug_status(effective.issue)} after syncd had moved it for ticket #{effective.ticket.id}. Change that "
        "automation, or the mapping; syncd will not repeat it."
    )
    for view in group:
        draft.conflict(view, "bounced", message)
    return True


def _tell_solved(world: World, draft: Draft, group: Sequence[LinkView], effective: LinkView, *, silent: bool) -> None:
    stage, state = effective.stage, effective.ticket.state
    came_back = not stage.allows(state)
    if not silent:
        step = (
            "The bug came back: reopen the ticket if the customer is affected."
            if came_back
            else next_step(stage, linked_now=False)
        )
        _note(
            draft,
            group,
            effective,
            solved_without_fix(world, effective, step),
            "the ticket is solved: told, not reopened",
        )
    for view in group:
        if came_back and not state.is_final and not view.stage.allows(state):
            message = (
                f"The bug came back: {view.issue.key} is {bug_status(view.issue)} while ticket #{view.ticket.id} is "
                f"{state.category}. Reopen the ticket if the customer is affected, or: "
                f"syncd conflicts resolve {view.link.id} --take as-is"
            )
            draft.conflict(view, "bug_came_back", message)
        else:
            draft.record(view, f"the ticket is {state.category} and stays so", acted=stage)


def _note(draft: Draft, group: Sequence[LinkView], effective: LinkView, note: str, reason: str) -> None:
    ticket = effective.ticket
    if ticket.state.is_final:
        return
    draft.add(
        UpdateTicket(
            ticket_id=ticket.id,
            source=f"{bug_event(effective)}:{effective.stage.name}:note",
            reason=reason,
            expected=ticket.state,
            note=note,
            link_ids=tuple(view.link.id for view in group),
            route=effective.route.name,
        )
    )


def _set_ticket(
    world: World,
    draft: Draft,
    group: Sequence[LinkView],
    effective: LinkView,
    target: TicketSelector,
    *,
    fresh: bool,
    why: str = "",
) -> None:
    ticket, stage = effective.ticket, effective.stage
    by_person = fresh or bug_mover(effective.issue).kind.is_person
    value, times = world.own_writes.get((ticket_subject(ticket.id), "status"), ("", 0))
    if not by_person and value == target.name and times >= WRITES_WITHOUT_A_PERSON:
        message = (
            f"Ticket #{ticket.id} was set to {target.name} {times} times without a person's change between; syncd "
            "stopped. Look for a trigger or automation that works against it."
        )
        for view in group:
            draft.conflict(view, "repeated", message)
        return
    state = TicketState(target.category, target.custom_id)
    cause = f"linked:{effective.link.id}" if fresh else bug_event(effective)
    note = bug_moved(world, effective, next_step=next_step(stage, linked_now=fresh))
    draft.add(
        UpdateTicket(
            ticket_id=ticket.id,
            source=f"{cause}:{stage.name}",
            reason=why
            or f"{effective.issue.key} is {bug_status(effective.issue)}: stage {stage.name} sets "
            f"{ticket.state.category} to {target.name}",
            expected=ticket.state,
            status=target.category,
            custom_status_id=target.custom_id,
            status_name=target.name,
            note=note,
            by_person=by_person,
            settles=tuple(settles_of(view, ticket=state, acted=stage) for view in group),
            link_ids=tuple(view.link.id for view in group),
            route=effective.route.name,
        )
    )
    for view in group:
        draft.settled.add(view.link.id)


def _on_conflict(world: World, draft: Draft, group: Sequence[LinkView], effective: LinkView) -> None:
    """Row 9's last resort: both moved, and what is there now does not fit."""
    policy = effective.route.mapping.on_conflict
    ticket, state = effective.ticket, effective.ticket.state
    if policy == "bug_wins" and not state.is_solved:
        target = fitting_ticket(effective.stage, state)
        if target is not None:
            why = f"both moved and the bug wins: the ticket had been set to {state.category}"
            _set_ticket(world, draft, group, effective, target, fresh=False, why=why)
            return
    if policy == "ticket_wins":
        target_stage = fitting_stage(effective, state)
        if target_stage is not None:
            why = f"both moved and the ticket wins: the bug had been moved to {bug_status(effective.issue)}"
            draft.add(move_bug(effective, target_stage, why))
            for view in group:
                if view.issue.id == effective.issue.id:
                    draft.settled.add(view.link.id)
                else:
                    _accept_or_flag(draft, view, "not_allowed")
            return
    for view in group:
        message = (
            f"Both moved: {view.issue.key} to {bug_status(view.issue)} and ticket #{ticket.id} to {state.category}, "
            f"which do not fit. Move either side, or: syncd conflicts resolve {view.link.id} --take bug|ticket|as-is"
        )
        draft.conflict(view, "both_moved", message)
    first = group[0]
    source = f"{bug_event(effective)}:{ticket.version}:both_moved"
    draft.note_on_ticket(world, first.link, ticket, source, draft.conflicts[first.link.id])


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
    """A walk that a policy or a person's decision asks for; the stage must have move_bug_to."""
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


def _retire_closed(draft: Draft, group: Sequence[LinkView], moving: frozenset[str]) -> None:
    """A closed ticket acted as solved; what is left of its links is over."""
    if not group[0].ticket.state.is_final:
        return
    for view in group:
        if view.issue.id not in moving and view.link.id not in draft.waiting:
            draft.retire(view.link, "the ticket is closed")
