"""The decision table: (world, mapping, now) → plan. Pure; the rows are those of the architecture's status section.

    1-5   triage.py    gone · merged · unsettled · older than base · without a stage
    6     no base yet            t allowed → record (a link made just now: also set_ticket); else conflict
    7     only the bug moved     set_ticket[t] if listed; a note if t is solved; record
    8     only the ticket moved  what when_ticket_moves asks (votes.py); else t allowed → record; else conflict
    9     both moved             what when_ticket_moves asks; else t allowed → as 7; else on_conflict
    10    neither                nothing, whatever t is

Bug → ticket is decided per ticket (the least advanced of its live links), ticket → bug per bug (votes of its tickets).

Conflict codes: ticket_gone, bug_gone, merge_target, unmapped_project, unmapped_status, bounced, repeated,
no_agreement, not_allowed, both_moved, bug_came_back, and, from the executor, refused, unreachable, overwritten and
create.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core.actions import NeedHistory, Plan, SayAgain, UpdateTicket
from syncd.core.discover import TICKET_CLOSED, discover
from syncd.core.draft import Draft, news_of
from syncd.core.fitting import fitting_ticket
from syncd.core.mapping import TicketSelector
from syncd.core.mirror import decide_mirrors
from syncd.core.model import ActorKind, LinkState, TicketSnapshot, TicketState
from syncd.core.subjects import ticket_subject
from syncd.core.texts import bug_moved, bug_status, next_step, solved_without_fix
from syncd.core.triage import triage
from syncd.core.votes import WRITES_WITHOUT_A_PERSON, decide_bugs
from syncd.core.who import bug_mover, customer_waits, status_before_ours
from syncd.core.world import LinkView, World, status_attribute

OPEN = TicketSelector("open", "open")


def reconcile(world: World, now: datetime) -> Plan:
    """What to do about these links. `now` is only recorded; the same world always gives the same plan."""
    draft = Draft(now)
    world = replace(world, links=tuple(sorted(world.links, key=lambda link: link.id)))
    discover(world, draft)
    views = triage(world, draft)
    draft.look_at(views)
    moving = decide_bugs(world, draft, views)
    for group in draft.by_ticket.values():
        _decide_ticket(world, draft, group, moving)
        _retire_closed(draft, group, moving)
    decide_mirrors(world, draft)
    return draft.plan()


def _decide_ticket(world: World, draft: Draft, group: Sequence[LinkView], moving: frozenset[str]) -> None:
    ticket, effective = group[0].ticket, draft.effective(group[0].ticket.id)
    if any(view.issue.id in moving for view in group) or _another_link_waits(world, draft, ticket):
        for view in group:
            if view.link.id not in draft.settled:
                draft.wait(view.link, "another write or another bug of its ticket comes first")
        return
    if any(view.link.id in draft.settled for view in group):
        for view in group:
            if view.link.id not in draft.settled:
                _accept_or_flag(draft, view, "not_allowed")
        return
    based = [view for view in group if view.link.base is not None]
    if not based or (effective.is_fresh and ticket.state.is_solved):
        _first_agreement(world, draft, group, effective)
        return
    ticket_moved = any(view.ticket_moved for view in based)
    stage_moved = effective.is_fresh or (effective.link.base is not None and effective.stage.name != _heard(based))
    if stage_moved and not ticket_moved:
        _enter(world, draft, group, effective)
    elif stage_moved and ticket_moved:
        if effective.stage.allows(ticket.state):
            _enter(world, draft, group, effective)
        else:
            _on_conflict(world, draft, group, effective)
    elif ticket_moved:
        for view in group:
            _accept_or_flag(draft, view, "not_allowed")
    else:
        made = [view for view in group if view.link.id in world.created]
        if made:
            note = bug_moved(world, made[0], next_step=next_step(made[0].stage, linked_now=True), beside=group)
            _note(draft, group, made[0], note, f"{made[0].issue.key} was made for the ticket")
        for view in group:
            if view.link.base is None:
                _accept_or_flag(draft, view, "no_agreement")
            elif view.link.conflict is not None and view.link.conflict.code == "bug_gone" and not view.bug_moved:
                # Both are what they were before the bug was hidden; whatever was to be said of that was not.
                draft.record(view, f"{view.issue.key} can be read again, and both sides are as they were")
                draft.add(SayAgain(view.link.id, view.link.conflict.at))
            elif view.link.state is LinkState.CONFLICT or _fitted_elsewhere(world, view):
                # It does not end by another of the ticket's bugs moving; and what allowed it is not the bug's mapping.
                _accept_or_flag(draft, view, "not_allowed")
            elif view.bug_moved and ticket.state.is_solved and view.base_stage and view.base_stage.allows(ticket.state):
                _accept_or_flag(draft, view, "not_allowed")  # nobody was told yet that the two do not fit
            elif view.bug_moved:
                draft.record(view, "nothing to carry: the ticket follows another bug, or both are as agreed")


def _fitted_elsewhere(world: World, view: LinkView) -> bool:
    """The bug has just come from another project, and nothing was wrong with the two under the mapping of that one."""
    base, before = view.link.base, world.routes.get(view.link.route)
    if base is None or before is None or before is view.route:
        return False
    stage = before.mapping.stage(base.stage)
    return stage is None or stage.allows(base.ticket)


def _heard(based: Sequence[LinkView]) -> str:
    """The stage that the ticket heard of last, told by what the present mapping makes of the base."""
    names = {
        view.link.base.stage: view.base_stage.name
        for view in based
        if view.link.base is not None and view.base_stage is not None
    }
    heard = max(((b.at, view.link.id, b.acted) for view in based if (b := view.link.base) and b.acted), default=None)
    if heard is None:
        behind = min((view.base_stage for view in based if view.base_stage is not None), key=lambda stage: stage.rank)
        return behind.name
    return names.get(heard[2], heard[2])


def _another_link_waits(world: World, draft: Draft, ticket: TicketSnapshot) -> bool:
    return any(link.ticket_id == ticket.id and draft.may_still_vote(link) for link in world.links)


def _accept_or_flag(draft: Draft, view: LinkView, code: str) -> None:
    if view.stage.allows(view.ticket.state):
        draft.record(view, f"{view.ticket.state.category} is allowed while the bug is {view.stage.name}")
        return
    if view.ticket.state.is_final:
        draft.record(view, "the ticket is closed: nothing can be done about it any more")
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
        _enter(world, draft, group, effective)
        return
    for view in group:
        if view.link.base is None:
            _accept_or_flag(draft, view, "no_agreement")
        elif view.ticket_moved or view.bug_moved:
            _accept_or_flag(draft, view, "not_allowed")


def _enter(world: World, draft: Draft, group: Sequence[LinkView], effective: LinkView) -> None:
    """Row 7: the ticket hears that its (least advanced) bug entered a stage."""
    stage, state, fresh = effective.stage, effective.ticket.state, effective.is_fresh
    if not fresh and _bounced_bug(draft, effective):
        return
    if state.is_solved and not (stage.reopen_solved and not state.is_final):
        _tell_solved(world, draft, group, effective)
        return
    target = stage.wants(state) or (OPEN if state.is_solved else None)
    if target is not None:
        waits = _customer_waits(world, draft, group, target)
        if waits is False:
            _set_ticket(world, draft, group, effective, target)
        elif waits:
            for view in group:
                draft.record(view, "stays as it is: a customer waits for an answer")
        return
    if effective.link.id in world.created or (stage.done and (fresh or not _moved_by_us(effective))):
        note = bug_moved(world, effective, next_step=next_step(stage, linked_now=fresh), beside=group)
        _note(draft, group, effective, note, f"{effective.issue.key} is {bug_status(effective.issue)}")
    for view in group:
        draft.record(view, f"{state.category} stays while the bug is {stage.name}")


def _moved_by_us(view: LinkView) -> bool:
    return bug_mover(view.issue).kind is ActorKind.SELF


def _customer_waits(world: World, draft: Draft, group: Sequence[LinkView], target: TicketSelector) -> bool | None:
    """Whether the write would bury a customer's unanswered comment; None (and the links wait) until that was read.

    Where every link was made by somebody who looked at the ticket, and nothing came after, the write is what they asked
    for."""
    ticket = group[0].ticket
    if ticket.state.category not in ("new", "open") or target.category == "open":
        return False
    if all(
        view.link.base is None and view.answers_from is not None and ticket.updated_at <= view.answers_from
        for view in group
    ):
        return False
    history = world.histories.get(ticket.id)
    if history is None:
        draft.needs.append(NeedHistory(ticket.id))
        for view in group:
            draft.wait(view.link, "reading whether a customer waits for an answer")
        return None
    known = [view.answers_from for view in group]
    return customer_waits(history, None if None in known else min(moment for moment in known if moment is not None))


def _bounced_bug(draft: Draft, effective: LinkView) -> bool:
    """A Jira automation undid our walk: it is not repeated, and it is not carried either."""
    base, mover = effective.link.base, bug_mover(effective.issue)
    if base is None or not base.wrote_bug or not effective.bug_moved or mover.kind is not ActorKind.ROBOT:
        return False
    before = status_before_ours(effective.issue)
    if before is not None and before not in [selector.status_id for selector in effective.stage.bug_is]:
        return False  # it did not go back: the robot worked on with what we moved
    message = (
        f"Bounced by '{mover.name or mover.id or 'an automation'}': it moved {effective.issue.key} back to "
        f"{bug_status(effective.issue)} after syncd had moved it for ticket #{effective.ticket.id}. Change that "
        "automation, or the mapping; syncd will not repeat it."
    )
    draft.conflict(effective, "bounced", message)
    return True


def _tell_solved(world: World, draft: Draft, group: Sequence[LinkView], effective: LinkView) -> None:
    """A solved ticket is not reopened: it gets a note, and a conflict where the bug went back behind what it heard."""
    stage, state = effective.stage, effective.ticket.state
    name = _heard([view for view in group if view.link.base is not None])
    heard = effective.route.mapping.stage(name) or effective.base_stage  # the name may be of another bug's mapping
    came_back = heard is not None and stage.rank < heard.rank and not stage.allows(state)
    if not _moved_by_us(effective):
        note = solved_without_fix(world, effective, came_back=came_back)
        _note(draft, group, effective, note, "the ticket is solved: told, not reopened")
    for view in group:
        if came_back and not state.is_final and not view.stage.allows(state):
            message = (
                f"The bug came back: {view.issue.key} is {bug_status(view.issue)} while ticket #{view.ticket.id} is "
                f"{state.category}. Reopen the ticket if the customer is affected, or: "
                f"syncd conflicts resolve {view.link.id} --take as-is"
            )
            draft.conflict(view, "bug_came_back", message)
        else:
            draft.record(view, f"the ticket is {state.category} and stays so")


def _note(draft: Draft, group: Sequence[LinkView], effective: LinkView, note: str, reason: str) -> None:
    ticket = effective.ticket
    if ticket.state.is_final:
        return
    draft.add(
        UpdateTicket(
            ticket_id=ticket.id,
            source=f"{news_of(group)}:{effective.stage.name}:note",
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
    why: str = "",
) -> None:
    ticket, stage, fresh, base = effective.ticket, effective.stage, effective.is_fresh, effective.link.base
    ours = base is not None and base.wrote_ticket and not effective.ticket_moved
    by_person = fresh or not ours or bug_mover(effective.issue).kind.is_person
    value, times = world.own_writes.get((ticket_subject(ticket.id), status_attribute(target.name)), ("", 0))
    if not by_person and value == target.name and times >= WRITES_WITHOUT_A_PERSON:
        message = (
            f"Ticket #{ticket.id} was set to {target.name} {times} times without a person's change between; syncd "
            "stopped. Look for a trigger or automation that works against it."
        )
        for view in group:
            draft.conflict(view, "repeated", message)
        return
    state = TicketState(target.category, target.custom_id)
    cause = f"linked:{effective.link.id}" if fresh else news_of(group)
    note = bug_moved(world, effective, next_step=next_step(stage, linked_now=fresh), beside=group)
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
            settles=tuple(draft.settles_ticket(view, state) for view in group),
            link_ids=tuple(view.link.id for view in group),
            route=effective.route.name,
        )
    )
    for view in group:
        draft.settled.add(view.link.id)


def _on_conflict(world: World, draft: Draft, group: Sequence[LinkView], effective: LinkView) -> None:
    """Row 9's last resort: both moved, and what is there now does not fit. (ticket_wins was decided in votes.py.)"""
    ticket, state = effective.ticket, effective.ticket.state
    if effective.route.mapping.on_conflict == "bug_wins" and not state.is_solved:
        target = fitting_ticket(effective.stage, state)
        waits = target is not None and _customer_waits(world, draft, group, target)
        if waits is None:
            return
        if target is not None and not waits:
            why = f"both moved and the bug wins: the ticket had been set to {state.category}"
            _set_ticket(world, draft, group, effective, target, why=why)
            return
    flagged = [view for view in group if not view.stage.allows(state)]
    for view in group:
        if view not in flagged or state.is_final:
            _accept_or_flag(draft, view, "both_moved")
            continue
        message = (
            f"Both moved: {view.issue.key} to {bug_status(view.issue)} and ticket #{ticket.id} to {state.category}, "
            f"which do not fit. Move either side, or: syncd conflicts resolve {view.link.id} --take bug|ticket|as-is"
        )
        draft.conflict(view, "both_moved", message)
    source = f"{news_of(group)}:both_moved"
    draft.note_on_ticket(world, flagged[0].link, ticket, source, draft.conflicts.get(flagged[0].link.id, ""))


def _retire_closed(draft: Draft, group: Sequence[LinkView], moving: frozenset[str]) -> None:
    """A closed ticket acted as solved; what is left of its links is over."""
    if not group[0].ticket.state.is_final:
        return
    for view in group:
        if view.issue.id not in moving and view.link.id not in draft.waiting:
            draft.retire(view.link, TICKET_CLOSED)
