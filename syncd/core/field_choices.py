"""A ticket's one choice (a drop-down) and the several values of a bug (components), both ways. Pure.

Only values that have a counterpart on the ticket take part; the bug's others are never touched. They agree while the
ticket's choice is among the bug's values, whatever else is there. `old` is what they agreed on last.

the ticket       the bug                               what is done
chose another    has `old`                             the choice takes the place of `old`; another ticket's stays
was emptied      has `old`                             `old` is taken off, unless another ticket has it
as agreed        lost `old`, has others                the ticket shows the first of them in the order of the map
as agreed        lost `old`, has no other              the ticket is emptied
as agreed: none  got values                            the ticket shows the first of them in the order of the map
chose another    lost `old`, or got values: both moved winner jira: the ticket shows the bug's first, and is emptied
                                                       where there is none; zendesk: the choice is added
new link         has values, not the ticket's          winner jira, or an empty ticket: it shows the bug's first;
                                                       zendesk: the choice is added
new link         has none                              the choice is added

A ticket of several bugs: its choice need be on one of them only, and a bug that joins brings no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncd.core.field_lists import words_of
from syncd.core.field_model import Facts, FieldBase, FieldChange, FieldSpec, NoValue, Unread
from syncd.core.field_plan import Fields, Member, record_of
from syncd.core.field_values import fold, in_map_order, to_bug, to_ticket
from syncd.core.model import Json

CHOICES = frozenset({"option", "checkbox", "group", "priority", "type"})
"""Kinds of ticket fields that hold one of several named values."""

_NEVER_EMPTY = frozenset({"priority", "type"})


@dataclass(frozen=True, slots=True)
class _Chooser:
    """A link in this table's eyes. All words are the bug's."""

    member: Member
    choice: str | None  # what the ticket says
    old: str | None  # what they agreed on
    elsewhere: bool  # another bug of the ticket has the choice
    spoken_for: bool  # or agreed with the ticket before
    ticket_moved: bool  # the ticket says something else than was agreed, with this bug and every other

    def has_moved(self, there: Mapping[str, str]) -> bool:
        """The bug lost what was agreed, or got values when nothing was."""
        if self.member.base is None:
            return False
        return fold(self.old) not in there if self.old is not None else bool(there)


def merge_choices(
    fields: Fields,
    spec: FieldSpec,
    members: Sequence[Member],
    facts: Facts,
    everyone: Sequence[Member],
    told: set[int],
) -> None:
    """Decides one such field of a bug and its tickets. `everyone`: the links of all bugs; `told`: tickets that this
    plan gives a value already, which the other bugs of theirs see next time."""
    there = _counterparts(spec, members[0].bug_value, facts)
    choosers = [found for member in members if (found := _chooser(fields, spec, member, everyone, facts)) is not None]
    chosen = {fold(chooser.choice) for chooser in choosers if chooser.choice is not None}
    add: dict[str, str] = {}
    remove: dict[str, str] = {}
    onto_bug: list[_Chooser] = []
    for chooser in choosers:
        takes, gives_up = _for_bug(spec, chooser, there)
        gives_up = gives_up and fold(chooser.old) not in chosen
        if takes and chooser.choice is not None:
            add[fold(chooser.choice)] = chooser.choice
        if gives_up and chooser.old is not None:
            remove[fold(chooser.old)] = there[fold(chooser.old)]
        if takes or gives_up:
            onto_bug.append(chooser)
        elif chooser.choice is not None and fold(chooser.choice) in there:
            agreed = FieldBase(ticket=chooser.member.ticket_value, bug=there[fold(chooser.choice)])
            fields.record(spec, chooser.member, "the ticket shows one of the bug's", agreed)
        elif chooser.choice is None and not there:
            fields.record(spec, chooser.member, "neither side has one", FieldBase(chooser.member.ticket_value, None))
        elif _follows(chooser, there):
            _write_ticket(fields, spec, chooser, there, facts, told)
    if onto_bug:
        change = FieldChange(
            field=spec.name,
            id=spec.bug.id,
            kind=spec.bug.kind,
            expected=members[0].bug_value,
            add=tuple(add[key] for key in sorted(add)),
            remove=tuple(remove[key] for key in sorted(remove)),
            records=tuple(record_of(spec, c.member, c.member.ticket_value, c.choice) for c in onto_bug),
        )
        fields.write_bug(spec, [chooser.member for chooser in onto_bug], change)


def _for_bug(spec: FieldSpec, chooser: _Chooser, there: Mapping[str, str]) -> tuple[bool, bool]:
    """(the choice is added to the bug, what was agreed is taken off it)."""
    has_old = chooser.old is not None and fold(chooser.old) in there
    if chooser.choice is None or fold(chooser.choice) in there:
        left = chooser.old is not None and fold(chooser.choice) != fold(chooser.old)
        return False, has_old and left and chooser.ticket_moved
    if chooser.member.base is None:
        return not there or (spec.winner == "zendesk" and not chooser.spoken_for), False
    if chooser.elsewhere or not chooser.ticket_moved:
        return False, False
    if chooser.has_moved(there):
        return spec.winner == "zendesk", False
    return True, has_old


def _follows(chooser: _Chooser, there: Mapping[str, str]) -> bool:
    """The ticket is to show what the bug has. Nothing of the ticket goes to the bug."""
    if chooser.choice is not None and (chooser.elsewhere or (chooser.member.base is None and chooser.spoken_for)):
        return False
    if chooser.member.base is None:
        return bool(there)
    if chooser.choice is None and chooser.old is not None and fold(chooser.old) in there:
        # Emptied by a person, and the bug keeps it for another ticket; or for another bug of the ticket.
        return chooser.member.ticket_moved and not chooser.ticket_moved
    return chooser.has_moved(there)


def _counterparts(spec: FieldSpec, value: Json, facts: Facts) -> dict[str, str]:
    """Those of the bug's values that the ticket can show, in the order of the map."""
    found: dict[str, str] = {}
    for key, word in words_of(in_map_order(value, spec.to_ticket)).items():
        try:
            to_ticket(spec, word, facts)
        except (NoValue, Unread):
            continue
        found[key] = word
    return found


def _chooser(
    fields: Fields, spec: FieldSpec, member: Member, everyone: Sequence[Member], facts: Facts
) -> _Chooser | None:
    try:
        choice = to_bug(spec, member.ticket_value, facts)
    except NoValue as problem:
        fields.problem(spec, member, str(problem))
        return None
    old = member.base.bug if member.base is not None else None
    others = [m for m in everyone if m.ticket.id == member.ticket.id and m.issue.id != member.issue.id]
    return _Chooser(
        member,
        None if choice is None else str(choice),
        None if old is None else str(old),
        any(fold(choice) in words_of(other.bug_value) for other in others),
        any(other.base is not None for other in others),
        member.ticket_moved and all(other.ticket_moved for other in others if other.base is not None),
    )


def _write_ticket(
    fields: Fields, spec: FieldSpec, chooser: _Chooser, there: Mapping[str, str], facts: Facts, told: set[int]
) -> None:
    member = chooser.member
    first = next(iter(there.values()), None)
    if first is None and spec.ticket.kind in _NEVER_EMPTY:
        fields.record(spec, member, "the ticket cannot be emptied", FieldBase(member.ticket_value, None))
        return
    if member.ticket.id in told:
        return
    told.add(member.ticket.id)
    gone = chooser.choice is not None and (chooser.ticket_moved or member.base is None)
    change = FieldChange(
        field=spec.name,
        id=spec.ticket.id,
        kind=spec.ticket.kind,
        value=to_ticket(spec, first, facts),
        expected=member.ticket_value,
        lost=f"the ticket's {member.ticket_value}" if gone else "",
        records=(record_of(spec, member, to_ticket(spec, first, facts), first),),
    )
    fields.write_ticket(spec, member, change)
