"""What the trackers told, as events: from the records of core/model.py, as pure functions.

A change's `kind` names the attribute: status, custom_status, priority, group, assignee, organization, requester,
channel, brand, form, satisfaction, or `field:ID`; tags, comment, merge and created as core/model.py has them. What a
history cannot tell is worked out from the readings and marked as inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from syncd.core.mapping import StageMapping
from syncd.core.model import Actor, ActorKind, IssueSnapshot, Link, LinkState, TicketChange, TicketSnapshot
from syncd.sla.events import (
    BugChanged,
    BugLinked,
    BugMoved,
    BugUnlinked,
    Changed,
    Commented,
    Created,
    Event,
    Happening,
    Merged,
    Side,
)
from syncd.sla.standing import ATTRIBUTES, FIELD_PREFIX

NO_STAGE: Final = "?"
"""The stage of a status that the mapping does not name."""
NOBODY_KNOWN: Final = Actor(ActorKind.UNKNOWN)
_LINKING: Final = 0  # the group of the event that links a bug; Jira's changelog ids begin at 1


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


def ticket_events(
    snapshot: TicketSnapshot,
    changes: Iterable[TicketChange],
    texts: Mapping[int, str] | None = None,
    markers: Iterable[str] = (),
    *,
    newest_first: bool = True,
) -> tuple[Event, ...]:
    """The events of a ticket from its changes and its reading. Audits may come in any order and twice; `newest_first`
    says how the changes within one are listed: so by TicketSource.history, the other way in the export.

    The beginning is what the first change of each attribute replaced, else what the reading says now; it is inferred
    when no change says `created`. `texts`: comment id to text; only the `markers` found in it are kept."""
    oldest_first = _by_audit(changes, newest_first)
    first: dict[str, str | None] = {}
    tags: tuple[str, ...] | None = None
    events: list[Event] = []
    birth: TicketChange | None = None
    for change, place in oldest_first:
        if change.kind == "created":
            birth = change
            first.setdefault("status", change.after)
            continue
        if change.kind == "tags" and tags is None:
            tags = tuple((change.before or "").split())
        elif change.kind in ATTRIBUTES or change.kind.startswith(FIELD_PREFIX):
            first.setdefault(change.kind, change.before)
        what = _ticket_happening(change, texts or {}, tuple(markers))
        if what is not None:
            events.append(Event(second(change.at), Side.TICKET, change.audit_id, place, change.actor, what))
    values = attributes_of(snapshot) | {name: value for name, value in first.items() if value is not None}
    values = {name: None if name in first and first[name] is None else value for name, value in values.items()}
    created = Event(
        at=second(birth.at if birth is not None else snapshot.created_at),
        side=Side.TICKET,
        group=birth.audit_id if birth is not None else 0,
        place=-1,
        by=birth.actor if birth is not None else NOBODY_KNOWN,
        what=Created(values, snapshot.tags if tags is None else tags),
        inferred=birth is None,
    )
    return (created, *events)


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


def _ticket_happening(change: TicketChange, texts: Mapping[int, str], markers: Sequence[str]) -> Happening | None:
    if change.kind == "comment":
        text = texts.get(change.comment_id, "") if change.comment_id is not None else ""
        return Commented(change.public is True, tuple(marker for marker in markers if marker in text))
    if change.kind == "merge":
        return Merged(int(change.after or 0))
    if change.kind == "tags" or change.kind in ATTRIBUTES or change.kind.startswith(FIELD_PREFIX):
        return Changed(change.kind, change.after)
    return None


def reading_events(before: TicketSnapshot, after: TicketSnapshot) -> tuple[Event, ...]:
    """What two readings tell where no history does: inferred, at the second reading's `updated_at`."""
    old, new = attributes_of(before), attributes_of(after)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    happened: list[Happening] = [Changed(name, new.get(name)) for name in names]
    if before.tags != after.tags:
        happened.append(Changed("tags", " ".join(after.tags)))
    at = second(after.updated_at)
    return tuple(
        Event(at, Side.TICKET, -at, place, NOBODY_KNOWN, what, inferred=True) for place, what in enumerate(happened)
    )


def bug_events(
    link: Link, issue: IssueSnapshot, mapping: StageMapping, *, unlinked_at: int | None = None
) -> tuple[Event, ...]:
    """The events of a bug since it was linked, from its reading with its history.

    Its assignee and components are those of the reading, because the history holds status and resolution only."""
    linked = second(link.created_at)
    history = sorted(issue.history, key=lambda change: (change.at, _number(change.id)))
    pair = _first_pair(issue)
    events: list[Event] = []
    start = pair
    for change in history:
        status, resolution = pair
        if change.status_to is not None:
            status = change.status_to
        if change.resolution_from is not None or change.resolution_to is not None:
            resolution = change.resolution_to
        pair = (status, resolution)
        at = second(change.at)
        if at <= linked:
            start = pair
        else:
            events.append(Event(at, Side.BUG, _number(change.id), 0, change.actor, _moved(mapping, *pair), issue.id))
    stage = _moved(mapping, *start)
    joined = BugLinked(
        issue.project_key, stage.stage, stage.rank, stage.done, assignee=issue.assignee_id, status=stage.status
    )
    events.insert(0, Event(linked, Side.BUG, _LINKING, 0, NOBODY_KNOWN, joined, issue.id))
    if unlinked_at is not None and link.state is LinkState.RETIRED:
        events.append(Event(unlinked_at, Side.BUG, 1 << 62, 0, NOBODY_KNOWN, BugUnlinked(), issue.id))
    return tuple(events)


def bug_reading_events(before: IssueSnapshot, after: IssueSnapshot) -> tuple[Event, ...]:
    """What two readings of a bug tell beside its history: assignee and project, inferred."""
    happened = [
        BugChanged(name, new)
        for name, old, new in (
            ("assignee", before.assignee_id, after.assignee_id),
            ("project", before.project_key, after.project_key),
        )
        if old != new
    ]
    at = after.updated_ms // 1000
    return tuple(
        Event(at, Side.BUG, -at, place, NOBODY_KNOWN, what, after.id, inferred=True)
        for place, what in enumerate(happened)
    )


def _first_pair(issue: IssueSnapshot) -> tuple[str, str | None]:
    """Status and resolution before the oldest change that is known of each."""
    status, resolution = issue.status_id, issue.resolution_id
    for change in sorted(issue.history, key=lambda change: (change.at, _number(change.id)), reverse=True):
        status = change.status_from or status
        if change.resolution_from is not None or change.resolution_to is not None:
            resolution = change.resolution_from
    return status, resolution


def _moved(mapping: StageMapping, status: str, resolution: str | None) -> BugMoved:
    stage = mapping.stage_of_pair(status, resolution)
    if stage is None:
        return BugMoved(NO_STAGE, 0, done=False, status=status)
    return BugMoved(stage.name, stage.rank, stage.done, status)


def _number(change_id: str) -> int:
    digits = "".join(character for character in change_id if character.isdigit())
    return int(digits) if digits else 0
