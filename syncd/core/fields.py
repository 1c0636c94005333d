"""Mapped fields: (world, specs, bases, facts) → writes. Pure. The table of a field with one value on a side:

    owner          what happened since base             what is done
    zendesk        bug differs from what tickets say    write the bug
    jira           ticket differs from what bugs say    write the ticket
    both           only a ticket moved                  write the bug
    both           only the bug moved                   write its tickets
    both           both moved, to the same              record
    both           both moved                           the winner is written, what loses is kept in the log
    both           a ticket leaves                      the bug keeps what it has: nobody changed it
    both, no base  one side empty                       fill it
    both, no base  both filled, and different           the winner; a bug with other tickets keeps what it has

Many tickets on one bug: the most urgent value where values have ranks (priority), else the first link's that says
anything. Lists on both sides (tags and labels) are merged member by member, in field_lists.py, and never overwritten;
a drop-down and components both ways are in field_choices.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from syncd.core.actions import Plan
from syncd.core.field_choices import merge_choices
from syncd.core.field_lists import merge_lists, words_of
from syncd.core.field_model import Facts, FieldChange, FieldSpec, NoValue, Unread
from syncd.core.field_plan import Bases, Fields, Member, record_of
from syncd.core.field_values import bug_value, same, ticket_value, to_bug, to_ticket, worst
from syncd.core.model import Json, Link
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.world import World

UNREAD = "reading what a mapped field needs"


def decide_fields(world: World, specs: Mapping[str, Sequence[FieldSpec]], bases: Bases, facts: Facts) -> Plan:
    """What mapped fields want of these links. `specs` by route. A field that cannot be decided stops only itself."""
    fields = Fields(world, bases)
    links = [link for link in world.links if specs.get(link.route) and _is_open(world, link)]
    wanted: dict[str, FieldSpec] = {}
    for link in links:
        for spec in specs[link.route]:
            wanted[f"{link.route}\x1f{spec.name}"] = spec
    for name, spec in wanted.items():
        route = name.split("\x1f")[0]
        members = list(_members(fields, spec, [link for link in links if link.route == route], facts))
        if spec.owner == "jira" and not spec.is_list:
            for group in _grouped(members, of_ticket=True):
                _follow_bugs(fields, spec, group, facts)
            continue
        elsewhere, told = _elsewhere(members), set[int]()
        for group in _grouped(members, of_ticket=False):
            if spec.is_list:
                merge_lists(fields, spec, group, facts, elsewhere)
            elif spec.is_choice:
                merge_choices(fields, spec, group, facts, members, told)
            elif spec.owner == "zendesk":
                _follow_tickets(fields, spec, group, facts)
            else:
                _merge(fields, spec, group, facts)
    return fields.plan()


def _is_open(world: World, link: Link) -> bool:
    """Both sides can be read and written, and nobody took the ticket out."""
    ticket, issue, route = world.tickets.get(link.ticket_id), world.issues.get(link.issue_id), world.routes[link.route]
    if ticket is None or issue is None or ticket.is_gone or ticket.state.is_final or not issue.visible:
        return False
    if issue.project_key != route.project_key or (route.off_tag and route.off_tag in ticket.tags):
        return False
    return not {ticket_subject(ticket.id), issue_subject(issue.id)} & world.busy


def _members(fields: Fields, spec: FieldSpec, links: Iterable[Link], facts: Facts) -> Iterable[Member]:
    for link in links:
        ticket, issue = fields.world.tickets[link.ticket_id], fields.world.issues[link.issue_id]
        known = fields.bases.get((link.id, spec.name))
        try:
            values = ticket_value(spec, ticket, facts), bug_value(spec, issue)
        except Unread as why:
            fields.waiting[link.id] = f"{UNREAD}: {why}"
            continue
        except NoValue as problem:
            empty = Member(link, ticket, issue, None, None, None)
            fields.problem(spec, empty, str(problem))
            continue
        base = known if known is not None and known.agreed else None
        yield Member(link, ticket, issue, *values, base)


def _grouped(members: Iterable[Member], *, of_ticket: bool) -> list[list[Member]]:
    groups: dict[object, list[Member]] = {}
    for member in members:
        groups.setdefault(member.ticket.id if of_ticket else member.issue.id, []).append(member)
    return list(groups.values())


def _elsewhere(members: Sequence[Member]) -> dict[int, frozenset[str]]:
    return {
        member.link.id: frozenset(
            key
            for other in members
            if other.ticket.id == member.ticket.id and other.issue.id != member.issue.id
            for key in words_of(other.bug_value)
        )
        for member in members
    }


def _said(fields: Fields, spec: FieldSpec, member: Member, facts: Facts) -> tuple[bool, Json]:
    """(known, what the ticket's value is called on the bug). What syncd itself wrote there means what it meant."""
    try:
        return True, to_bug(spec, member.ticket_value, facts)
    except NoValue as problem:
        if spec.owner == "both" and member.base is not None and not member.ticket_moved:
            return True, member.base.bug
        fields.problem(spec, member, str(problem))
    except Unread as why:
        fields.waiting[member.link.id] = f"{UNREAD}: {why}"
    return False, None


def _shown(fields: Fields, spec: FieldSpec, member: Member, facts: Facts) -> tuple[bool, Json]:
    """(known, what the bug's value is called on the ticket)."""
    try:
        return True, to_ticket(spec, member.bug_value, facts)
    except NoValue as problem:
        fields.problem(spec, member, str(problem))
    except Unread as why:
        fields.waiting[member.link.id] = f"{UNREAD}: {why}"
    return False, None


# ---- one owner -------------------------------------------------------------------------------------------------


def _follow_tickets(fields: Fields, spec: FieldSpec, group: Sequence[Member], facts: Facts) -> None:
    """Owner zendesk: the bug shows what its tickets say together."""
    said = {}
    for member in group:
        known, value = _said(fields, spec, member, facts)
        if known:
            said[member.link.id] = value
    able = [member for member in group if member.link.id in said]
    if not able:
        return
    wanted = worst(spec, said.values())
    if same(wanted, group[0].bug_value) or (wanted is None and spec.bug.kind == "priority"):
        for member in able:
            fields.record(spec, member, "the bug shows what its tickets say")
        return
    moved = any(member.base is None or member.ticket_moved for member in able)
    _write_bug(fields, spec, able, wanted, by_person=moved)


def _follow_bugs(fields: Fields, spec: FieldSpec, group: Sequence[Member], facts: Facts) -> None:
    """Owner jira: the ticket shows what its bugs say together."""
    shown = []
    for member in group:
        known, value = _shown(fields, spec, member, facts)
        if not known:
            return  # what the ticket is to show is not known: what it shows stays
        shown.append(value)
    wanted = _together(spec, group, shown)
    if same(wanted, group[0].ticket_value) or (wanted is None and spec.ticket.kind in ("priority", "type", "subject")):
        for member in group:
            fields.record(spec, member, "the ticket shows what its bugs say")
        return
    moved = any(member.base is None or member.bug_moved for member in group)
    _write_ticket(fields, spec, group, wanted, by_person=moved)


def _together(spec: FieldSpec, group: Sequence[Member], shown: Sequence[Json]) -> Json:
    """Several bugs on a ticket: the most urgent, the latest date, texts joined; else the first that says anything."""
    filled = [value for value in shown if not same(value, None)]
    if not filled:
        return shown[0]
    if spec.ranks:
        ranked = zip((spec.ranks.get(str(m.bug_value).casefold(), -1) for m in group), shown, strict=True)
        return max(ranked, key=lambda pair: pair[0])[1]
    if spec.ticket.kind == "date":
        return max(map(str, filled))
    if spec.ticket.kind == "text":
        return ", ".join(dict.fromkeys(map(str, filled)))
    return filled[0]


# ---- both ways -------------------------------------------------------------------------------------------------


def _merge(fields: Fields, spec: FieldSpec, group: Sequence[Member], facts: Facts) -> None:
    """Owner both: three-way, the tickets of a bug together."""
    said: dict[int, Json] = {}
    for member in group:
        known, value = _said(fields, spec, member, facts)
        if known:
            said[member.link.id] = value
    able = [member for member in group if member.link.id in said]
    if not able:
        return
    bug = group[0].bug_value
    based = [member for member in able if member.base is not None]
    movers = [m for m in based if m.ticket_moved and not same(said[m.link.id], bug)]
    bug_moved = any(member.bug_moved for member in based)
    joining = [m for m in able if m.base is None and not same(said[m.link.id], bug)]
    if not based and not (spec.ranks and len(able) > 1):
        movers, taking = _first_agreement(spec, joining, said, bug)
    else:
        movers += [m for m in joining if _outranks(spec, said[m.link.id], bug)]
        taking = [m for m in joining if m not in movers and (m.ticket_value is None or spec.winner == "jira")]
        taking = [] if spec.ranks else taking
    if movers and bug_moved and spec.winner == "jira":
        movers, taking = [], [*movers, *taking]
    if movers:
        voices = able if spec.ranks else movers
        wanted = worst(spec, [said[member.link.id] for member in voices])
        if not same(wanted, bug) and not (wanted is None and spec.bug.kind == "priority"):
            lost = f"the bug's {bug or 'empty'}" if bug_moved or not based else ""
            _write_bug(fields, spec, able, wanted, by_person=True, lost=lost)
            return
    followers = [m for m in based if m.bug_moved and not same(said[m.link.id], bug)] if bug_moved else []
    takers = {member.link.id: member for member in (*taking, *followers)}
    for member in takers.values():
        known, value = _shown(fields, spec, member, facts)
        if known and not same(value, member.ticket_value):
            moved = member.ticket_moved or (member.base is None and member.ticket_value is not None)
            lost = f"the ticket's {member.ticket_value}" if moved else ""
            _write_ticket(fields, spec, [member], value, by_person=True, lost=lost)
    for member in able:
        if member.link.id not in takers:
            fields.record(spec, member, "both sides have settled")


def _first_agreement(
    spec: FieldSpec, joining: Sequence[Member], said: Mapping[int, Json], bug: Json
) -> tuple[list[Member], list[Member]]:
    """(tickets whose value goes to the bug, tickets that take the bug's) where none of them has a base yet."""
    filled = [member for member in joining if said[member.link.id] is not None]
    if bug is None:
        return filled, []
    empty = [member for member in joining if member.ticket_value is None]
    if spec.winner == "zendesk":
        return [member for member in filled if member not in empty], empty
    return [], list(joining)


def _outranks(spec: FieldSpec, said: Json, bug: Json) -> bool:
    """A joining ticket raises the bug's priority, and fills what is empty there; it lowers nothing."""
    if bug is None:
        return said is not None
    return bool(spec.ranks) and worst(spec, [bug, said]) == said and not same(said, bug)


# ---- writes ----------------------------------------------------------------------------------------------------


def _write_bug(
    fields: Fields, spec: FieldSpec, members: Sequence[Member], wanted: Json, *, by_person: bool, lost: str = ""
) -> None:
    present = members[0].bug_value
    add, remove = _swap(present, wanted) if spec.bug.is_list else ((), ())
    change = FieldChange(
        field=spec.name,
        id=spec.bug.id,
        kind=spec.bug.kind,
        value=None if spec.bug.is_list else wanted,
        expected=present,
        add=add,
        remove=remove,
        by_person=by_person,
        lost=lost,
        records=tuple(record_of(spec, member, member.ticket_value, wanted) for member in members),
    )
    fields.write_bug(spec, members, change)


def _write_ticket(
    fields: Fields, spec: FieldSpec, members: Sequence[Member], wanted: Json, *, by_person: bool, lost: str = ""
) -> None:
    present = members[0].ticket_value
    add, remove = _swap(present, wanted) if spec.ticket.is_list else ((), ())
    change = FieldChange(
        field=spec.name,
        id=spec.ticket.id,
        kind=spec.ticket.kind,
        value=None if spec.ticket.is_list else wanted,
        expected=present,
        add=add,
        remove=remove,
        by_person=by_person,
        lost=lost,
        records=tuple(record_of(spec, member, wanted, member.bug_value) for member in members),
    )
    fields.write_ticket(spec, members[0], change)


def _swap(present: Json, wanted: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(add, remove): a list against a single value gives up the one that stood for it and takes the new one."""
    return (() if wanted is None else (str(wanted),)), (() if present is None else (str(present),))
