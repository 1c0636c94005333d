"""What the trackers told, as events: from the records of core/model.py, as pure functions.

A change's `kind` names the attribute: status, custom_status, priority, group, assignee, organization, requester,
channel, brand, form, satisfaction, or `field:ID`; tags, comment, merge and created as core/model.py has them. What a
history cannot tell is worked out from the readings and marked as inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from syncd.core.model import Actor, ActorKind, TicketChange, TicketSnapshot
from syncd.sla.events import Changed, Commented, Created, Event, Happening, Merged, Side, in_order
from syncd.sla.standing import ATTRIBUTES, FIELD_PREFIX, moments

NOBODY_KNOWN: Final = Actor(ActorKind.UNKNOWN)
_READING: Final = 1 << 61  # an inferred event comes last in its second
_BOX: Final[Mapping[str | None, str]] = {"1": "true", "0": "false"}
_KEPT: Final = ATTRIBUTES | {"tags"}
_MERGED_AWAY: Final = "closed_by_merge"
"""The tag that Zendesk gives a ticket that was merged into another."""


def second(at: datetime) -> int:
    """The Unix second of an aware instant, cut off."""
    return int(at.timestamp() // 1)


def attributes_of(snapshot: TicketSnapshot) -> dict[str, str | None]:
    """The values of a reading, by the names of standing.py."""
    whole = {
        "custom_status": snapshot.state.custom_id,
        "group": snapshot.group_id,
        "assignee": snapshot.assignee_id,
        "organization": snapshot.organization_id,
        "requester": snapshot.requester_id,
        "brand": snapshot.brand_id,
        "form": snapshot.form_id,
    }
    values = {name: None if number is None else str(number) for name, number in whole.items()}
    values |= {"status": snapshot.state.category, "priority": snapshot.priority, "channel": snapshot.channel or None}
    fields = {f"{FIELD_PREFIX}{number}": _text(value) for number, value in snapshot.fields.items()}
    return values | fields


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(item) for item in value) if isinstance(value, list) else str(value)


@dataclass(frozen=True, slots=True)
class ReadingChange:
    """What a reading showed otherwise than the one before it."""

    at: int  # its `updated_at`, Unix seconds
    name: str  # an attribute, a field, or tags (parted by spaces)
    before: str | None
    after: str | None


def ticket_events(
    snapshot: TicketSnapshot,
    changes: Iterable[TicketChange],
    readings: Iterable[ReadingChange] = (),
    *,
    newest_first: bool = True,
) -> tuple[Event, ...]:
    """The events of a ticket from its changes and its reading. Audits may come in any order and twice; `newest_first`
    says how the changes within one are listed: so by the store, the other way in the export.

    The beginning is what the first change of each attribute replaced, else what the reading says now; it is inferred
    when no change says `created`. `readings`: what the history does not tell yet, inferred."""
    first: dict[str, str | None] = {}
    events: list[Event] = []
    birth: TicketChange | None = None
    for raw, place in _by_audit(changes, newest_first):
        change = _as_read(raw, snapshot)
        if change.kind == "created":
            birth = change
            first.setdefault("status", change.after)
            continue
        if change.kind in _KEPT or change.kind.startswith(FIELD_PREFIX):
            first.setdefault(change.kind, change.before)
        events += (
            Event(second(change.at), Side.TICKET, change.audit_id, place, change.actor, what)
            for what in _ticket_happenings(change, snapshot)
        )
    for place, reading in enumerate(sorted(readings, key=lambda one: (one.at, one.name))):
        first.setdefault(reading.name, reading.before)
        events.append(_inferred(reading.at, place, Changed(reading.name, reading.after)))
    tags = (first.pop("tags") or "").split() if "tags" in first else snapshot.tags
    created = Event(
        at=second(birth.at if birth is not None else snapshot.created_at),
        side=Side.TICKET,
        group=birth.audit_id if birth is not None else 0,
        place=-1,
        by=birth.actor if birth is not None else NOBODY_KNOWN,
        what=Created(attributes_of(snapshot) | first, tuple(tags)),
        inferred=birth is None,
    )
    return (created, *events)


def _as_read(change: TicketChange, snapshot: TicketSnapshot) -> TicketChange:
    """A box is 1 or 0 in histories, and true or false in readings."""
    if not change.kind.startswith(FIELD_PREFIX):
        return change
    if not isinstance(snapshot.fields.get(change.kind.removeprefix(FIELD_PREFIX)), bool):
        return change
    return replace(change, before=_BOX.get(change.before, change.before), after=_BOX.get(change.after, change.after))


def _by_audit(changes: Iterable[TicketChange], newest_first: bool) -> list[tuple[TicketChange, int]]:
    """Oldest first, each with its place in its audit."""
    listed = list(changes)
    if newest_first:
        listed.reverse()
    places: dict[int, int] = {}
    found = []
    for change in listed:
        place = places[change.audit_id] = places.get(change.audit_id, -1) + 1
        found.append((change, place))
    return sorted(found, key=lambda item: (item[0].at, item[0].audit_id, item[1]))


def _ticket_happenings(change: TicketChange, snapshot: TicketSnapshot) -> list[Happening]:
    if change.kind == "comment":
        return [Commented(change.public is True, change.markers)]
    if change.kind == "merge":
        return [Merged(int(change.after or 0))]
    if change.kind not in _KEPT and not change.kind.startswith(FIELD_PREFIX):
        return []
    found: list[Happening] = [Changed(change.kind, change.after)]
    if change.kind == "tags" and _has_tag(change.after) and not _has_tag(change.before):
        found.append(Merged(snapshot.merged_into or 0))
    return found


def _has_tag(tags: str | None) -> bool:
    return _MERGED_AWAY in (tags or "").split()


def reading_changes(before: TicketSnapshot, after: TicketSnapshot) -> tuple[ReadingChange, ...]:
    """What two readings of a ticket tell until its history does."""
    if not after.visible or not before.visible:
        return ()  # catching_up() tells of a ticket that is gone
    old, new = attributes_of(before), attributes_of(after)
    old["tags"], new["tags"] = " ".join(before.tags), " ".join(after.tags)
    at = second(after.updated_at)
    names = sorted(name for name in old.keys() | new.keys() if not _alike(old.get(name), new.get(name)))
    return tuple(ReadingChange(at, name, old.get(name), new.get(name)) for name in names)


def catching_up(snapshot: TicketSnapshot, events: Iterable[Event]) -> tuple[Event, ...]:
    """What the newest reading shows beyond all events: inferred, at its `updated_at`. A reading that is older than what
    the events tell adds nothing."""
    ordered = in_order(event for event in events if event.side is Side.TICKET)
    life = moments(ordered)
    if not life or (snapshot.visible and ordered[-1].at > second(snapshot.updated_at)):
        return ()
    at, last = max(second(snapshot.updated_at), ordered[-1].at), life[-1].after
    happened: list[Happening] = []
    if snapshot.visible:
        shown = attributes_of(snapshot)
        fields = {name for name in last.values if name.startswith(FIELD_PREFIX)}
        names = sorted(name for name in shown.keys() | fields if not _alike(last.values.get(name), shown.get(name)))
        happened = [Changed(name, shown.get(name)) for name in names]
        if last.tags != frozenset(snapshot.tags):
            happened.append(Changed("tags", " ".join(snapshot.tags)))
    elif not last.is_gone:
        happened = [Changed("status", "deleted")]
    if last.merged_into is None and (snapshot.merged_into is not None or _MERGED_AWAY in snapshot.tags):
        happened.append(Merged(snapshot.merged_into or 0))
    return tuple(_inferred(at, place, what) for place, what in enumerate(happened))


def _inferred(at: int, place: int, what: Happening) -> Event:
    return Event(at, Side.TICKET, _READING + at, place, NOBODY_KNOWN, what, inferred=True)


def _alike(one: str | None, other: str | None) -> bool:
    """Equal, but for the order of a list's members."""
    return (one or "") == (other or "") or sorted((one or "").split()) == sorted((other or "").split())
