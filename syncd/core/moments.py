"""The moments beside a change of status: a version is released, a bug comes back after its ticket was closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from syncd.core.actions import Action, FollowUp, MarkTold, NoteComeback, Plan, UpdateTicket
from syncd.core.mapping import DECLINED
from syncd.core.model import Comeback, IssueSnapshot, Json, Link, LinkState, Release, TicketSnapshot
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.texts import came_back, released
from syncd.core.world import RouteView, World


def decide_releases(
    world: World, releases: Mapping[str, Release], told: Iterable[tuple[str, str]], now: datetime
) -> Plan:
    """Every ticket of a bug that is done hears once that a fix version of it is released, and goes back to its group.

    Only releases that were seen while the link was there count: a bug linked after its release says so itself."""
    del now
    known = set(told)
    actions: list[Action] = []
    for ticket_id in sorted({link.ticket_id for link in world.links}):
        ticket = world.tickets.get(ticket_id)
        if ticket is None or ticket.is_gone or ticket.state.is_final or ticket_subject(ticket_id) in world.busy:
            continue
        news: dict[str, tuple[Release, list[tuple[Link, IssueSnapshot]]]] = {}
        for link in world.links:
            route = world.routes.get(link.route)
            if link.ticket_id != ticket_id or route is None or _is_taken_out(route, ticket):
                continue
            for release in _releases(world, link, route, releases):
                topic = f"release:{release.version_id}"
                if (ticket_subject(ticket_id), topic) not in known:
                    news.setdefault(topic, (release, []))[1].append((link, world.issues[link.issue_id]))
        for topic in sorted(news):
            release, found = news[topic]
            actions += _tell(world, ticket, topic, release, found)
    return Plan(actions=tuple(actions))


def _is_taken_out(route: RouteView, ticket: TicketSnapshot) -> bool:
    return bool(route.off_tag) and route.off_tag in ticket.tags


def _releases(world: World, link: Link, route: RouteView, releases: Mapping[str, Release]) -> list[Release]:
    issue = world.issues.get(link.issue_id)
    if issue is None or not issue.visible or link.state is LinkState.RETIRED:
        return []
    if not (route.release_note or route.release_hand_back) or issue_subject(issue.id) in world.busy:
        return []
    stage = route.mapping.stage_of(issue)
    if stage is None or not stage.done or stage.name == DECLINED:
        return []
    names = {version.id: version for version in issue.fix_versions if version.released}
    found = [releases[name] for name in names if name in releases]
    return [release for release in found if release.at >= link.created_at]


def _tell(
    world: World, ticket: TicketSnapshot, topic: str, release: Release, found: Sequence[tuple[Link, IssueSnapshot]]
) -> list[Action]:
    link = found[0][0]
    route = world.routes[link.route]
    hand_back = route.release_hand_back and not ticket.state.is_solved and ticket.group_id is not None
    values: dict[str, Json] = {"assignee_id": None} if hand_back and ticket.assignee_id is not None else {}
    mark = MarkTold(link.id, ticket_subject(ticket.id), topic)
    if not route.release_note and not values:
        return [mark]
    keys = [issue.key for _, issue in found]
    note = released(world, keys, release.name, handed_back=bool(values), solved=ticket.state.is_solved)
    return [
        UpdateTicket(
            ticket_id=ticket.id,
            source=topic,
            reason=f"version {release.name} with {', '.join(keys)} is released",
            expected=ticket.state,
            note=note if route.release_note else None,
            values=values,
            link_ids=tuple(link.id for link, _ in found),
            route=route.name,
        ),
        mark,
    ]


# ---- bugs that came back ---------------------------------------------------------------------------------------


def decide_comebacks(
    world: World,
    closed: Sequence[Link],
    known: Mapping[int, Comeback],
    tickets: Mapping[int, TicketSnapshot],
    followed: Mapping[int, frozenset[str]],
    asked_today: Mapping[str, int],
    now: datetime,
) -> Plan:
    """Closed tickets whose bug is no longer done: listed for the lead, and followed up where the route says so.

    `closed` are links that ended with their tickets, or end now; `followed`: closed ticket → issues that a follow-up
    of it is linked to; `asked_today`: route → follow-ups asked for in the last day. Each link is followed up once."""
    actions: list[Action] = []
    warnings: list[str] = []
    asked = dict(asked_today)
    for link in closed:
        route, issue = world.routes.get(link.route), world.issues.get(link.issue_id)
        if route is None or issue is None or not issue.visible or link.base is None:
            continue
        heard = route.mapping.stage(link.base.acted or link.base.stage)
        stage = route.mapping.stage_of(issue) or route.mapping.fallback(issue)
        before = known.get(link.id)
        if stage is None or heard is None:
            continue
        is_known = before is not None or (link.conflict is not None and link.conflict.code == "bug_came_back")
        if stage.done or not (heard.done or is_known):
            if before is not None and before.over_at is None and stage.done:
                over = replace(before, over_at=now, message=f"{issue.key} is done again.")
                actions.append(NoteComeback(over))
            continue
        if before is not None and (before.over_at is None or before.asked_at is not None):
            continue
        text = came_back(issue, link.ticket_id)
        comeback = Comeback(link.id, link.ticket_id, issue.id, issue.key, route.name, text, now)
        ticket = tickets.get(link.ticket_id)
        may = route.follow_up and ticket is not None and issue.id not in followed.get(link.ticket_id, frozenset())
        if may and asked.get(route.name, 0) >= route.follow_ups_per_day:
            warnings.append(
                f"{text} No follow-up: {route.follow_ups_per_day} were made within a day (follow_ups_per_day)."
            )
            may = False
        if may and ticket is not None:
            asked[route.name] = asked.get(route.name, 0) + 1
            comeback = replace(comeback, asked_at=now)
            actions.append(_follow_up(world, link, ticket, issue, text))
        actions.append(NoteComeback(comeback))
    return Plan(actions=tuple(actions), warnings=tuple(warnings))


def _follow_up(world: World, link: Link, ticket: TicketSnapshot, issue: IssueSnapshot, text: str) -> FollowUp:
    note = f"{text}\n{world.issue_link(issue.key)}\n{world.ticket_url}/agent/tickets/{ticket.id}\n(written by syncd)"
    return FollowUp(
        ticket_id=ticket.id,
        link_id=link.id,
        source=f"comeback:{link.id}",
        reason=f"{issue.key} came back after ticket #{ticket.id} was closed",
        title=f"[{issue.key}] {ticket.subject}"[:150],
        note=note,
        link_ids=(link.id,),
        route=link.route,
    )
