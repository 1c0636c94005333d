"""A person settles a conflict: the bug is right, the ticket is right, or both may stay as they are."""

from __future__ import annotations

from datetime import datetime

from syncd.core.actions import MoveBug, Plan, RecordBase, UpdateTicket
from syncd.core.draft import settles_of
from syncd.core.fitting import fitting_stage, fitting_ticket, move_bug
from syncd.core.mapping import Stage
from syncd.core.model import Base, Link, LinkState, TicketState
from syncd.core.texts import bug_moved, next_step
from syncd.core.world import LinkView, World

TAKES = ("bug", "ticket", "as-is")


class CannotResolve(ValueError):
    """The conflict cannot be settled this way; the message says why and what can be done."""


def resolve(world: World, link: Link, take: str, now: datetime) -> Plan:
    """The plan that a person's decision makes. Raises CannotResolve."""
    view = _view(world, link)
    if take == "as-is":
        return Plan(actions=(RecordBase(link.id, _base(world, view, now), "a person took both as they are"),))
    if take == "bug":
        return _take_bug(world, view, now)
    if take == "ticket":
        return _take_ticket(world, view, now)
    raise CannotResolve(f"--take is one of {', '.join(TAKES)}, not {take!r}.")


def _view(world: World, link: Link) -> LinkView:
    ticket, issue, route = (
        world.tickets.get(link.ticket_id),
        world.issues.get(link.issue_id),
        world.routes.get(link.route),
    )
    if route is None:
        raise CannotResolve(f"Route {link.route} is stopped; run: syncd check")
    if ticket is None or ticket.is_gone or issue is None or not issue.visible:
        raise CannotResolve(f"One side of link {link.id} is gone; remove the link: syncd links remove {link.id}")
    stage = route.mapping.stage_of(issue) or route.mapping.fallback(issue)
    if stage is None:
        raise CannotResolve(
            f"{issue.key} is {issue.status_name}, which mapping '{route.mapping.name}' does not name; "
            "name it under bug_is first, then: syncd once --accept"
        )
    return LinkView(link, ticket, issue, route, stage, None)


def _take_bug(world: World, view: LinkView, now: datetime) -> Plan:
    state = view.ticket.state
    if state.is_final:
        raise CannotResolve(f"Ticket #{view.ticket.id} is closed; nothing can be written to it.")
    target = fitting_ticket(view.stage, state)
    if target is None:
        return resolve(world, view.link, "as-is", now)
    stamp = view.link.conflict.at.isoformat() if view.link.conflict else now.isoformat()
    update = UpdateTicket(
        ticket_id=view.ticket.id,
        source=f"resolve:{view.link.id}:{stamp}:bug",
        reason=f"a person took the bug's side: stage {view.stage.name} sets the ticket to {target.name}",
        expected=state,
        status=target.category,
        custom_status_id=target.custom_id,
        status_name=target.name,
        note=bug_moved(world, view, next_step=next_step(view.stage, linked_now=False)),
        settles=(settles_of(view, ticket=TicketState(target.category, target.custom_id), acted=_heard(world, view)),),
        link_ids=(view.link.id,),
        route=view.route.name,
    )
    return Plan(actions=(update,))


def _take_ticket(world: World, view: LinkView, now: datetime) -> Plan:
    stage = fitting_stage(view, view.ticket.state)
    if stage is None:
        raise CannotResolve(
            f"No stage of mapping '{view.route.mapping.name}' with move_bug_to fits a ticket that is "
            f"{view.ticket.state.category}. Take the bug's side, or as-is."
        )
    if stage.name == view.stage.name:
        return Plan(actions=(RecordBase(view.link.id, _base(world, view, now), "a person took the ticket's side"),))
    walk: MoveBug = move_bug(view, stage, "a person took the ticket's side")
    return Plan(actions=(walk,))


def _heard(world: World, view: LinkView) -> Stage:
    """What the ticket has heard of from now on: the least advanced of its live bugs, this one among them."""
    stages = [(view.progress, view.stage)]
    for link in world.links:
        if link.ticket_id == view.ticket.id and link.id != view.link.id and link.state is LinkState.LIVE:
            try:
                other = _view(world, link)
            except CannotResolve:
                continue  # it cannot be decided now, so the ticket follows the others
            stages.append((other.progress, other.stage))
    return min(stages, key=lambda found: found[0])[1]


def _base(world: World, view: LinkView, now: datetime) -> Base:
    return Base(
        stage=view.stage.name,
        status_id=view.issue.status_id,
        resolution_id=view.issue.resolution_id,
        ticket=view.ticket.state,
        ticket_version=view.ticket.version,
        issue_version=view.issue.updated_ms,
        at=now,
        acted=_heard(world, view).name,
    )
