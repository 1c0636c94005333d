"""Links that people make and take away in Zendesk: an issue key in a ticket field, or in a tag such as link_nova-12."""

from __future__ import annotations

import re
from collections.abc import Iterable

from syncd.core.actions import AddLink, MarkInField, NeedIssue
from syncd.core.draft import Draft
from syncd.core.model import Link, Origin, TicketSnapshot
from syncd.core.subjects import ticket_subject
from syncd.core.world import RouteView, World

KEY_CLEARED = "its key is no longer in the ticket's link field"
"""The retire reason that a key put back into the field revives."""

TICKET_CLOSED = "the ticket is closed"
"""The retire reason of links that a follow-up ticket inherits."""

_KEY = re.compile(r"(?<![A-Za-z0-9_])([A-Za-z][A-Za-z0-9_]+-[1-9][0-9]{0,9})(?![A-Za-z0-9_])")


def keys_in(text: object) -> tuple[str, ...]:
    """The issue keys in a field's value, upper case, each once."""
    return tuple(dict.fromkeys(match.upper() for match in _KEY.findall(text))) if isinstance(text, str) else ()


def names_a_key(ticket: TicketSnapshot, routes: Iterable[RouteView]) -> bool:
    """True when the ticket may ask for a link, so that it must be looked through."""
    return bool(_named(ticket, routes))


def named_keys(ticket: TicketSnapshot, routes: Iterable[RouteView]) -> tuple[str, ...]:
    """The issue keys that the ticket names, in its link field or in tags, upper case."""
    return tuple(_named(ticket, routes))


def discover(world: World, draft: Draft) -> None:
    """New links for keys that tickets name, retired ones for keys that agents took away."""
    for ticket_id in sorted(world.touched):
        ticket = world.tickets.get(ticket_id)
        if ticket is None or ticket.is_gone or ticket.state.is_final:
            continue
        if any(route.off_tag and route.off_tag in ticket.tags for route in world.routes.values()):
            continue
        links = [link for link in world.links if link.ticket_id == ticket_id]
        _follow_field(world, draft, ticket, links)
        _inherit(world, draft, ticket, links)
        _add(world, draft, ticket, links)


def _field_keys(ticket: TicketSnapshot, routes: Iterable[RouteView]) -> tuple[str, ...]:
    fields = dict.fromkeys(route.link_field for route in routes if route.link_field)
    return tuple(dict.fromkeys(key for field_id in fields for key in keys_in(ticket.fields.get(field_id))))


def _named(ticket: TicketSnapshot, routes: Iterable[RouteView]) -> dict[str, Origin]:
    routes = tuple(routes)
    found = dict.fromkeys(_field_keys(ticket, routes), Origin.FIELD)
    for prefix in dict.fromkeys(route.link_tag for route in routes if route.link_tag):
        for tag in ticket.tags:
            if tag.startswith(prefix.lower()):
                key = tag[len(prefix) :].upper()
                if _KEY.fullmatch(key):
                    found.setdefault(key, Origin.TAG)
    return found


def _follow_field(world: World, draft: Draft, ticket: TicketSnapshot, links: list[Link]) -> None:
    present = _field_keys(ticket, world.in_order())
    for link in links:
        if link.route not in world.routes:
            continue  # it does not run: which field it is about is not known
        issue = world.issues.get(link.issue_id)
        names = {link.issue_key} | ({issue.key} if issue is not None and issue.visible else set())
        if not names.isdisjoint(present):
            if not link.in_field:
                draft.add(MarkInField(link.id))
        elif link.in_field and ticket_subject(ticket.id) in world.busy:
            draft.wait(link, "a write to its ticket is not settled yet")  # it may be about that very field
        elif link.in_field:
            draft.retire(link, KEY_CLEARED)


def _inherit(world: World, draft: Draft, ticket: TicketSnapshot, links: list[Link]) -> None:
    """A follow-up goes on with the bugs of the closed ticket, unless an agent took one off."""
    linked = {link.issue_id for link in links}
    for issue_id in world.followups.get(ticket.id, ()):
        if issue_id in linked or {(ticket.id, issue_id)} & (world.retired | world.cleared):
            continue
        issue = world.issues.get(issue_id)
        if issue is None:
            draft.needs.append(NeedIssue(issue_id))
            continue
        route = world.route_of_project(issue.project_key) if issue.visible else None
        if route is not None:
            reason = f"ticket #{ticket.id} follows up #{ticket.followup_of}"
            draft.add(AddLink(ticket.id, issue.id, issue.key, route.name, Origin.FOLLOWUP, reason))


def _add(world: World, draft: Draft, ticket: TicketSnapshot, links: list[Link]) -> None:
    linked_keys = {link.issue_key for link in links}
    # The key of an inherited bug was copied from the closed ticket: nobody has just written it.
    linked_ids = {link.issue_id for link in links} | set(world.followups.get(ticket.id, ()))
    for key, origin in _named(ticket, world.in_order()).items():
        if key in linked_keys:
            continue
        if key not in world.keys:
            draft.needs.append(NeedIssue(key))
            continue
        issue = world.issues.get(world.keys[key] or "")
        if issue is None or not issue.visible:
            draft.warnings.append(f"Ticket #{ticket.id} names {key}, which does not exist or cannot be read by syncd.")
            continue
        if issue.id in linked_ids or (ticket.id, issue.id) in world.retired:
            continue
        if origin is Origin.TAG and (ticket.id, issue.id) in world.cleared:
            continue
        route = world.route_of_project(issue.project_key)
        if route is None:
            draft.warnings.append(
                f"Ticket #{ticket.id} names {key}, but no route has project {issue.project_key}: add one to the config."
            )
            continue
        linked_ids.add(issue.id)
        where = "a field" if origin is Origin.FIELD else "a tag"
        draft.add(AddLink(ticket.id, issue.id, issue.key, route.name, origin, f"{where} of the ticket names {key}"))
