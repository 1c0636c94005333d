"""Tags and labels (and other lists on both sides), merged member by member: added and taken off, never overwritten.

owner     on the ticket only                        on the bug only
zendesk   added to the bug                          taken off when a ticket had it at base, else left alone
jira      taken off when the bug had it at base     added to the ticket
both      new: added to the bug                     new: added to the ticket
both      was on both: taken off the ticket         was on both: taken off the bug, unless another ticket has it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncd.core.field_model import Facts, FieldBase, FieldChange, FieldSpec, NoValue
from syncd.core.field_plan import Fields, Member, record_of
from syncd.core.field_values import fold, to_bug, to_ticket
from syncd.core.model import Json


@dataclass(frozen=True, slots=True)
class _Entry:
    """A link's ticket. All sets hold the bug's words, casefolded."""

    member: Member
    has: Mapping[str, str]  # the bug's word, casefolded -> the ticket's word
    words: Mapping[str, str]  # the bug's word, casefolded -> as the bug spells it
    agreed: frozenset[str]  # what was on both sides

    @property
    def named(self) -> frozenset[str]:
        """What the ticket has."""
        return frozenset(self.has)


def merge_lists(
    fields: Fields,
    spec: FieldSpec,
    members: Sequence[Member],
    facts: Facts,
    elsewhere: Mapping[int, frozenset[str]],
) -> None:
    """Decides one list field of a bug and its tickets. `elsewhere`: link -> what other bugs of its ticket have."""
    on_bug = words_of(members[0].bug_value)
    bug = frozenset(on_bug)
    entries = [entry for member in members if (entry := _entry(fields, spec, member, facts)) is not None]
    if not entries:
        return
    anywhere = frozenset().union(*(entry.named for entry in entries))
    add, remove = _for_bug(spec, bug, entries, anywhere)
    for entry in entries:
        gets, loses = _for_ticket(spec, bug, entry, add | remove)
        loses -= elsewhere.get(entry.member.link.id, frozenset())
        if gets or loses:
            _write_ticket(fields, spec, entry, facts, {key: on_bug[key] for key in gets}, loses)
        elif not (add | remove):
            settled = FieldBase(bug=_listed(entry.named & bug))
            fields.record(spec, entry.member, "each side has what the other has", settled)
    if add or remove:
        words = {key: word for entry in entries for key, word in entry.words.items()}
        change = FieldChange(
            field=spec.name,
            id=spec.bug.id,
            kind=spec.bug.kind,
            add=tuple(words[key] for key in sorted(add)),
            remove=tuple(on_bug[key] for key in sorted(remove)),
            by_person=any((add & entry.named) - entry.agreed or remove & entry.agreed for entry in entries),
            records=tuple(
                record_of(spec, entry.member, None, _listed((entry.agreed | (add & entry.named)) - remove))
                for entry in entries
            ),
        )
        fields.write_bug(spec, [entry.member for entry in entries], change)


def words_of(value: Json) -> dict[str, str]:
    """The members of a list by their casefolded words."""
    return {fold(item): str(item) for item in value} if isinstance(value, list) else {}


def _listed(keys: frozenset[str]) -> Json:
    return list[Json](sorted(keys))


def _entry(fields: Fields, spec: FieldSpec, member: Member, facts: Facts) -> _Entry | None:
    has: dict[str, str] = {}
    words: dict[str, str] = {}
    try:
        for item in words_of(member.ticket_value).values():
            word = str(to_bug(spec, item, facts))
            has.setdefault(fold(word), item)
            words.setdefault(fold(word), word)
    except NoValue as problem:
        fields.problem(spec, member, str(problem))
        return None
    agreed = member.base.bug if member.base is not None else []
    return _Entry(member, has, words, frozenset(words_of(agreed)))


def _for_bug(
    spec: FieldSpec, bug: frozenset[str], entries: Sequence[_Entry], anywhere: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """(added to the bug, taken off it)."""
    if spec.owner == "jira":
        return frozenset(), frozenset()
    agreed = frozenset().union(*(entry.agreed for entry in entries))
    if spec.owner == "zendesk":
        return anywhere - bug, (agreed & bug) - anywhere
    fresh = frozenset().union(*(entry.named - entry.agreed for entry in entries))
    return (anywhere - bug) & fresh, (agreed & bug) - anywhere


def _for_ticket(
    spec: FieldSpec, bug: frozenset[str], entry: _Entry, changing: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """(added to the ticket, taken off it)."""
    if spec.owner == "zendesk":
        return frozenset(), frozenset()
    loses = ((entry.agreed & entry.named) - bug) - changing
    if spec.owner == "jira":
        return bug - entry.named, loses
    return (bug - entry.named) - entry.agreed - changing, loses


def _write_ticket(
    fields: Fields, spec: FieldSpec, entry: _Entry, facts: Facts, gets: Mapping[str, str], loses: frozenset[str]
) -> None:
    try:
        add = tuple(str(to_ticket(spec, gets[key], facts)) for key in sorted(gets))
    except NoValue as problem:
        fields.problem(spec, entry.member, str(problem))
        return
    change = FieldChange(
        field=spec.name,
        id=spec.ticket.id,
        kind=spec.ticket.kind,
        add=add,
        remove=tuple(entry.has[key] for key in sorted(loses)),
        by_person=bool(set(gets) - entry.agreed or loses),
        records=(record_of(spec, entry.member, None, _listed((entry.agreed | set(gets)) - loses)),),
    )
    fields.write_ticket(spec, entry.member, change)
