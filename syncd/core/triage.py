"""Rows 1 to 5 of the decision table: what keeps a link from being decided at all."""

from __future__ import annotations

from syncd.core.actions import AddLink, NeedHistory, NeedIssue, NeedTicket, RecordBase, RepointLink
from syncd.core.discover import TICKET_CLOSED
from syncd.core.draft import Draft
from syncd.core.mapping import DECLINED, Stage, StageMapping
from syncd.core.model import Base, IssueSnapshot, Link, Origin, TicketSnapshot
from syncd.core.texts import bug_status, ticket_said
from syncd.core.who import merge_target
from syncd.core.world import LinkView, RouteView, World, is_unchanged_conflict, subjects_of

GONE = ("ticket_gone", "bug_gone")
"""The codes that say so."""


def triage(world: World, draft: Draft) -> list[LinkView]:
    """The links that rows 6 to 10 may decide. The others wait, are in conflict, are retired or re-pointed."""
    views = []
    for link in world.links:
        view = None if link.id in draft.settled else _triage(world, draft, link)
        if view is not None:
            views.append(view)
    return views


def _triage(world: World, draft: Draft, link: Link) -> LinkView | None:
    ticket, issue = world.tickets.get(link.ticket_id), world.issues.get(link.issue_id)
    route = world.routes.get(link.route)
    if route is None:
        draft.wait(link, f"route {link.route} is stopped or no longer configured", taken_out=True)
        return None
    if ticket is None or issue is None:
        draft.wait(link, "not read yet")
        return None
    if route.off_tag and route.off_tag in ticket.tags:
        draft.wait(link, f"tagged {route.off_tag}", taken_out=True)
        return None
    unchanged = is_unchanged_conflict(link, ticket, issue)
    if ticket.is_gone or not issue.visible:
        if not unchanged or link.conflict is None or link.conflict.code not in GONE:  # a write was refused since
            _gone(world, draft, link, ticket, issue)
        return None
    if not world.busy.isdisjoint(subjects_of(link)):
        draft.wait(link, "a write to its ticket or bug is not settled yet")
        return None
    if ticket.state.is_final and _is_merged(world, ticket):
        _merged(world, draft, link, ticket, issue, route)
        return None
    if link.base is not None and (
        ticket.version < link.base.ticket_version or issue.updated_ms < link.base.issue_version
    ):
        draft.wait(link, "the last reading is older than what was agreed")
        return None
    home = _route_of(world, draft, link, issue, route)
    if home is None:
        _without_route(world, draft, link, ticket, issue, unchanged=unchanged)
        return None
    if _is_duplicate(world, draft, link, ticket, issue):
        return None
    stage = home.mapping.stage_of(issue) or home.mapping.fallback(issue)
    if stage is None:
        if not unchanged:
            _unmapped(draft, link, ticket, issue, home)
        return None
    if unchanged and not _is_looked_at_again(link, ticket, stage):
        return None
    if home.mapping.stage_of(issue) is None:
        draft.warnings.append(
            f"Jira status '{issue.status_name}' of {home.project_key} is in no stage of mapping "
            f"'{home.mapping.name}': treated as '{stage.name}' by its category; name it under bug_is to be sure."
        )
    return LinkView(link, ticket, issue, home, stage, _base_stage(world, link.base, home))


def _is_looked_at_again(link: Link, ticket: TicketSnapshot, stage: Stage) -> bool:
    """A conflict about a place that the configuration knows by now, about a pair that fits by now (under an edited
    mapping, or that of another project), or one in which a person has tagged the ticket."""
    code = link.conflict.code if link.conflict is not None else ""
    if code in ("unmapped_status", "unmapped_project", "create"):
        return True
    if code not in ("no_agreement", "not_allowed", "both_moved", "bug_came_back"):
        return False
    return stage.allows(ticket.state) or any(move.tag is not None and move.tag in ticket.tags for move, _ in stage.asks)


def _base_stage(world: World, base: Base | None, route: RouteView) -> Stage | None:
    """The base's stage under the present mapping, so that an edited mapping looks like no move of anybody."""
    if base is None:
        return None
    mapping = route.mapping
    return (
        mapping.stage_of_pair(base.status_id, base.resolution_id)
        or mapping.stage(base.stage)
        or _counterpart(world, base, mapping)
    )


def _counterpart(world: World, base: Base, mapping: StageMapping) -> Stage:
    """What comes nearest to a stage that this mapping lacks, as the bug had it in another project: what was done there
    was as far as a bug gets here."""
    finished = [stage for stage in mapping.stages if stage.done and stage.name != DECLINED]
    was = [
        route.mapping.stage_of_pair(base.status_id, base.resolution_id) or route.mapping.stage(base.stage)
        for route in world.in_order()
    ]
    return finished[-1] if finished and any(stage is not None and stage.done for stage in was) else mapping.stages[0]


def _is_merged(world: World, ticket: TicketSnapshot) -> bool:
    if ticket.merged_into is not None:
        return True
    history = world.histories.get(ticket.id)
    if ticket.followup_of is not None and history is not None and merge_target(history) is None:
        return False  # a follow-up has the tags of the ticket before it
    return "closed_by_merge" in ticket.tags


def _gone(world: World, draft: Draft, link: Link, ticket: TicketSnapshot, issue: IssueSnapshot) -> None:
    if not ticket.is_gone and ticket.state.is_final:
        draft.retire(link, TICKET_CLOSED)
        return
    if ticket.is_gone:
        message = (
            f"Ticket #{ticket.id} was deleted, marked as spam, or can no longer be read; "
            f"{link.issue_key} was left alone."
        )
        source = f"{link.id}:ticket_gone"
        first = link.conflict is None or link.conflict.code != "ticket_gone"
        draft.conflict_without_base(link, ticket, issue, "ticket_gone", message)
        if first:
            body = ticket_said(world, ticket, "was deleted, marked as spam, or can no longer be read.")
            draft.comment_on_bug(link.route, (link.id,), issue, source, message, body)
        return
    message = f"{link.issue_key} was deleted, or syncd may no longer see it; the ticket was left alone."
    first = link.conflict is None or link.conflict.code != "bug_gone"
    draft.conflict_without_base(link, ticket, issue, "bug_gone", message)
    if first:
        draft.note_on_ticket(world, link, ticket, f"{link.id}:bug_gone", message)


def _merged(
    world: World, draft: Draft, link: Link, ticket: TicketSnapshot, issue: IssueSnapshot, route: RouteView
) -> None:
    target_id = ticket.merged_into
    if target_id is None:
        if ticket.id not in world.histories:
            draft.needs.append(NeedHistory(ticket.id))
            draft.wait(link, "reading which ticket it was merged into")
            return
        target_id = merge_target(world.histories[ticket.id])
    target = world.tickets.get(target_id) if target_id is not None else None
    if target_id is not None and target is None:
        draft.needs.append(NeedTicket(target_id))
        draft.wait(link, f"reading ticket #{target_id}, which it was merged into")
        return
    if target is None or target.is_gone or target.id == ticket.id:
        if is_unchanged_conflict(link, ticket, issue):
            return
        message = (
            f"Ticket #{ticket.id} was merged into another ticket that syncd cannot find; link that one by hand: "
            f"syncd links add TICKET {link.issue_key}"
        )
        draft.conflict_without_base(link, ticket, issue, "merge_target", message)
        return
    if any(other.ticket_id == target.id and other.issue_id == link.issue_id for other in world.links):
        draft.retire(link, f"ticket #{ticket.id} was merged into #{target.id}, which is linked already")
        return
    draft.add(RepointLink(link.id, f"ticket #{ticket.id} was merged into #{target.id}", ticket_id=target.id))
    stage = route.mapping.stage_of(issue) or route.mapping.fallback(issue)
    if stage is not None and stage.allows(target.state):
        # The target was never asked for anything: what it is now is where both begin.
        base = Base(
            stage=stage.name,
            status_id=issue.status_id,
            resolution_id=issue.resolution_id,
            ticket=target.state,
            ticket_version=target.version,
            issue_version=issue.updated_ms,
            at=draft.now,
        )
        draft.add(RecordBase(link.id, base, "the merged ticket's target goes on from here"))
    draft.wait(link, f"ticket #{target.id} takes the place of #{ticket.id}")


def _route_of(world: World, draft: Draft, link: Link, issue: IssueSnapshot, route: RouteView) -> RouteView | None:
    """The route of the bug's project, None when there is none; a new key or project is taken over at once."""
    home = route if issue.project_key == route.project_key else world.route_of_project(issue.project_key)
    if issue.key != link.issue_key or (home is not None and home is not route):
        new_route = None if home is None or home is route else home.name
        what = f"moved to project {issue.project_key} and is now" if new_route else "is now"
        draft.add(RepointLink(link.id, f"{link.issue_key} {what} {issue.key}", issue_key=issue.key, route=new_route))
    return home


def _without_route(
    world: World, draft: Draft, link: Link, ticket: TicketSnapshot, issue: IssueSnapshot, *, unchanged: bool
) -> None:
    if ticket.state.is_final:
        draft.retire(link, TICKET_CLOSED)
        return
    if unchanged:
        return
    message = (
        f"{link.issue_key} moved to project {issue.project_key}, which no route names (now {issue.key}); "
        f"status is no longer carried. Add a route for {issue.project_key}, or remove the link."
    )
    first = link.conflict is None or link.conflict.code != "unmapped_project"
    draft.conflict_without_base(link, ticket, issue, "unmapped_project", message)
    if first:
        draft.note_on_ticket(world, link, ticket, f"{link.id}:unmapped_project:{issue.project_id}", message)


def _unmapped(draft: Draft, link: Link, ticket: TicketSnapshot, issue: IssueSnapshot, route: RouteView) -> None:
    if ticket.state.is_final:
        draft.retire(link, TICKET_CLOSED)
        return
    resolution = issue.resolution_name or "none"
    what = (
        f"which no stage of mapping '{route.mapping.name}' names. Add to a stage's "
        f"bug_is: {{status: {issue.status_name}, resolution: [{resolution}]}}"
    )
    draft.warnings.append(f"A bug of {route.project_key} is {bug_status(issue)}, {what}")
    message = f"{issue.key} is {bug_status(issue)}, {what}"
    draft.conflict_without_base(link, ticket, issue, "unmapped_status", message)


def _is_duplicate(world: World, draft: Draft, link: Link, ticket: TicketSnapshot, issue: IssueSnapshot) -> bool:
    """Resolved as duplicate of exactly one readable bug of a route: the ticket follows the original.

    Not to a bug that the ticket left before: two duplicates of each other would pass it to and fro."""
    if (issue.resolution_name or "").casefold() != "duplicate" or len(issue.duplicates) != 1:
        return False
    original_id = issue.duplicates[0]
    if ticket.state.is_final or (ticket.id, original_id) in world.retired:
        return False
    original = world.issues.get(original_id)
    if original is None:
        draft.needs.append(NeedIssue(original_id))
        draft.wait(link, "reading the bug that it duplicates")
        return True
    target = world.route_of_project(original.project_key) if original.visible else None
    if target is None or original.id == issue.id:
        return False
    if not any(o.ticket_id == link.ticket_id and o.issue_id == original.id for o in world.links):
        reason = f"{issue.key} was resolved as a duplicate of {original.key}"
        draft.add(AddLink(link.ticket_id, original.id, original.key, target.name, Origin.DUPLICATE, reason))
    draft.retire(link, f"{issue.key} duplicates {original.key}, which is linked instead")
    return True
