"""What a ticket shows of its bugs in fields: always the truth, whatever was decided about the status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from syncd.core.actions import NeedHistory, RetireLink, UpdateTicket
from syncd.core.discover import keys_in
from syncd.core.draft import Draft
from syncd.core.model import ActorKind, IssueSnapshot, Json, Link, TicketSnapshot
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.who import bug_mover
from syncd.core.world import RouteView, World

MIRROR_WRITES = 2
"""A field that something else keeps changing back is written this often with one value, as its ticket's own history
shows, then left."""

MOST_WRITES = 4
"""So often is a value counted as written at most before it is left, whatever the ticket's history shows: a write that
Zendesk answers and does not carry out is not in there."""


def decide_mirrors(world: World, draft: Draft) -> None:
    """Adds the fields that differ to the ticket's status write in this plan, or a write of their own."""
    by_ticket: dict[int, list[Link]] = {}
    gone = {action.link_id for action in draft.actions if isinstance(action, RetireLink)}
    for link in world.links:
        by_ticket.setdefault(link.ticket_id, []).append(link)
    for ticket_id, links in by_ticket.items():
        ticket = world.tickets.get(ticket_id)
        if ticket is None or ticket.is_gone or ticket.state.is_final or ticket_subject(ticket_id) in world.busy:
            continue
        if draft.gets_a_link(ticket_id) or any(_is_walking(world, link.issue_id) for link in links):
            continue
        routes = [world.routes[link.route] for link in links if link.route in world.routes]
        if not routes or any(route.off_tag and route.off_tag in ticket.tags for route in routes):
            continue
        shown = [link for link in links if link.id not in gone]
        fields = _changes(world, draft, ticket, shown, routes)
        if fields:
            _write(draft, ticket, fields, links, routes[0])


def _is_walking(world: World, issue_id: str) -> bool:
    """The bug stands where our own unfinished walk left it: a middle state is shown nowhere."""
    issue = world.issues.get(issue_id)
    busy = issue_subject(issue_id) in world.busy
    return busy and issue is not None and issue.visible and bug_mover(issue).kind is ActorKind.SELF


def _changes(
    world: World, draft: Draft, ticket: TicketSnapshot, links: Sequence[Link], routes: Sequence[RouteView]
) -> dict[str, Json]:
    wanted: dict[str, str] = {}
    options: dict[str, str] = {}
    for route in routes:
        for field_id, text in _shown(world, draft, links, route).items():
            wanted.setdefault(field_id, text)
        for field_id, choices in route.mirror.options.items():
            if field_id in wanted:
                chosen = choices.get(wanted[field_id].casefold(), "" if not wanted[field_id] else None)
                if chosen is None:
                    draft.warnings.append(
                        f"Ticket field {field_id} has no option '{wanted[field_id]}': add it to the field in Zendesk."
                    )
                    del wanted[field_id]
                else:
                    options[field_id] = chosen
    changes: dict[str, Json] = {}
    for field_id, shown in {**wanted, **options}.items():
        present = ticket.fields.get(field_id)
        text = shown
        if any(field_id == route.link_field == route.mirror.bug for route in routes):
            text = _with_other_keys(world, ticket, links, present, shown)
        if (present is None and not text) or str(present) == text:
            continue
        fought = _is_fought_over(world, ticket, field_id, text)
        if fought is None:
            draft.needs.append(NeedHistory(ticket.id))
        elif fought:
            draft.warnings.append(
                f"Ticket #{ticket.id}: something keeps changing field {field_id} back from '{text}'; left alone."
            )
        else:
            changes[field_id] = text or None
    return changes


def _is_fought_over(world: World, ticket: TicketSnapshot, field_id: str, text: str) -> bool | None:
    """Whether the text was written as often as it may be, and is gone again; None until the history was read.

    Before anybody is said to work against it, the ticket's own history is asked: a store that was put back from a
    backup has forgotten what we wrote since in between, and what stands in the field may be that."""
    value, times = world.own_writes.get((ticket_subject(ticket.id), f"field:{field_id}"), ("", 0))
    if value != text or times < MIRROR_WRITES:
        return False
    if times >= MOST_WRITES:
        return True
    history = world.histories.get(ticket.id)
    if history is None:
        return None
    ours = [c.after or "" for c in history if c.kind == f"field:{field_id}" and c.actor.kind is ActorKind.SELF]
    in_a_row = next((place for place, after in enumerate(ours) if after != text), len(ours))
    # A text that we never left there as it is, Zendesk may keep in another form: its history counts nothing.
    return text not in ours or in_a_row >= MIRROR_WRITES


def _with_other_keys(world: World, ticket: TicketSnapshot, links: Sequence[Link], present: object, shown: str) -> str:
    """What the field is to hold where agents write keys into it: a key that is not (yet) a link is never wiped out."""
    linked = {link.issue_id for link in links}
    keys, named = keys_in(shown), keys_in(present)
    others = []
    for key in named:
        issue_id = world.keys.get(key)
        is_stale = issue_id in linked or (ticket.id, issue_id) in world.retired
        was_linked = any(link.issue_key == key and link.ticket_id == ticket.id for link in world.links)
        if key not in keys and not is_stale and not was_linked:
            others.append(key)
    if isinstance(present, str) and set(keys) <= set(named) and len(named) == len(keys) + len(others):
        return present  # nothing is missing or stale: as the agent wrote it
    return ", ".join([*filter(None, [shown]), *others])


def _shown(world: World, draft: Draft, links: Sequence[Link], route: RouteView) -> dict[str, str]:
    """Field id -> text. Several bugs: texts join, the date is the latest, a dropdown shows the least advanced."""
    fields, options = route.mirror, route.mirror.options
    issues = [world.issues[link.issue_id] for link in links if link.issue_id in world.issues]
    seen = [issue for issue in issues if issue.visible]
    found: dict[str, str] = {}

    def put(field_id: str | None, texts: Sequence[str]) -> None:
        if field_id is not None:
            filled = [text for text in texts if text]
            found[field_id] = filled[0] if field_id in options and filled else ", ".join(dict.fromkeys(filled))

    ordered = sorted(seen, key=lambda issue: (_rank(world, issue), issue.id))
    if len(seen) == len(links):  # an unreadable bug keeps what was shown last
        put(fields.bug, [issue.key for issue in issues])
        put(fields.status, [issue.status_name for issue in (ordered if fields.status in options else issues)])
        put(fields.assignee, [issue.assignee or "" for issue in issues])
        put(fields.fix_version, [version.name for issue in issues for version in issue.fix_versions])
        if fields.due_date is not None:
            found[fields.due_date] = max((issue.due_date or "" for issue in issues), default="")
    if fields.sync_state is not None:
        messages = [
            draft.conflicts.get(link.id) or (link.conflict.message if link.conflict else "")
            for link in links
            if link.id in draft.conflicts or (link.conflict is not None and link.id not in draft.settled)
        ]
        messages += [text for link in links for text in world.field_problems.get(link.id, ())]
        found[fields.sync_state] = " | ".join(dict.fromkeys(m for m in messages if m))
    return found


def _rank(world: World, issue: IssueSnapshot) -> int:
    route = world.route_of_project(issue.project_key)
    stage = route.mapping.stage_of(issue) if route else None
    return stage.rank if stage else -1


def _write(
    draft: Draft, ticket: TicketSnapshot, fields: dict[str, Json], links: Sequence[Link], route: RouteView
) -> None:
    for place, action in enumerate(draft.actions):
        # A note is planned once: were the fields part of it, the next plan would write them beside it again.
        if isinstance(action, UpdateTicket) and action.ticket_id == ticket.id and action.status is not None:
            draft.actions[place] = replace(action, fields={**action.fields, **fields})
            return
    text = "\x1f".join(f"{key}={value}" for key, value in sorted(fields.items()))
    digest = blake2b(text.encode(), digest_size=8).hexdigest()
    draft.add(
        UpdateTicket(
            ticket_id=ticket.id,
            source=f"mirror:{digest}:{ticket.version}",
            reason="the ticket shows what its bug is now",
            expected=ticket.state,
            fields=fields,
            by_person=False,
            link_ids=tuple(link.id for link in links),
            route=route.name,
        )
    )
