"""What Jira told about the bugs of a ticket, as events and as an outlook: pure functions over core/model.py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from syncd.core.mapping import StageMapping
from syncd.core.model import IssueChange, IssueMark, IssueSnapshot, Link, LinkState
from syncd.sla.events import BugChanged, BugLinked, BugMoved, BugTouched, BugUnlinked, Event, Happening, Side
from syncd.sla.forecast import Outlook
from syncd.sla.observed import NOBODY_KNOWN, second

NO_STAGE: Final = "?"
"""The stage of a status that the mapping does not name."""
_LINKING: Final = 0  # the group of the event that links a bug; Jira's changelog ids begin at 1
_UNLINKING: Final = 1 << 62
_COMMENTS: Final = 1 << 60
_PLACES: Final = ("status", "assignee", "project", "components", "due_date", "fix_versions", "comment")


def bug_events(
    link: Link, issue: IssueSnapshot, mapping: StageMapping | None, *, unlinked_at: int | None = None
) -> tuple[Event, ...]:
    """The events of a bug since it was linked, from its reading with its history and marks.

    What its history does not name stays as the reading has it. Without a mapping no status has a stage."""
    linked = second(link.created_at)
    told = _bug_history(issue, mapping)
    before = [entry for entry in told if entry[0].at <= linked]
    state = before[-1][1] if before else _bug_at_first(issue)
    joined = _joined(state, mapping)
    events = [Event(linked, Side.BUG, _LINKING, link.id, NOBODY_KNOWN, joined, issue.id)]
    events += [event for event, _ in told if event.at > linked]
    if unlinked_at is not None and link.state is LinkState.RETIRED:
        events.append(Event(unlinked_at, Side.BUG, _UNLINKING, link.id, NOBODY_KNOWN, BugUnlinked(), issue.id))
    return tuple(events)


@dataclass(frozen=True, slots=True)
class _Bug:
    """How a bug stood."""

    status: str
    resolution: str | None
    assignee: str | None
    project: str
    components: frozenset[str]


def _bug_at_first(issue: IssueSnapshot) -> _Bug:
    """Before the oldest change that is known: the reading, undone change by change."""
    status, resolution = _first_pair(issue)
    assignee, project, components = issue.assignee_id, issue.project_key, set(issue.components)
    for mark in sorted(issue.marks, key=_mark_order, reverse=True):
        match mark.name:
            case "assignee":
                assignee = mark.before
            case "project":
                project = mark.before or project
            case "components":
                components.discard(mark.after or "")
                components |= {mark.before} if mark.before else set()
    return _Bug(status, resolution, assignee, project, frozenset(components))


def _bug_history(issue: IssueSnapshot, mapping: StageMapping | None) -> list[tuple[Event, _Bug]]:
    """Every change and mark, oldest first, each with how the bug stood afterwards."""
    entries: list[tuple[datetime, int, int, IssueChange | IssueMark]] = [
        (change.at, _number(change.id), 0, change) for change in issue.history
    ]
    entries += [
        (mark.at, _group(mark), place, mark) for place, mark in enumerate(sorted(issue.marks, key=_mark_order), 1)
    ]
    state = _bug_at_first(issue)
    found = []
    for at, group, _, entry in sorted(entries, key=lambda item: item[:3]):
        if isinstance(entry, IssueChange):
            status, resolution = entry.status_to or state.status, state.resolution
            if entry.resolution_from is not None or entry.resolution_to is not None:
                resolution = entry.resolution_to
            state = replace(state, status=status, resolution=resolution)
            what: Happening = _moved(mapping, status, resolution)
            name = "status"
        else:
            state, what = _after_mark(state, entry)
            name = entry.name
        # The place is that of the kind and of nothing that a later reading could shift.
        place = _PLACES.index(name) if name in _PLACES else len(_PLACES)
        found.append((Event(second(at), Side.BUG, group, place, entry.actor, what, issue.id), state))
    return found


def _after_mark(state: _Bug, mark: IssueMark) -> tuple[_Bug, Happening]:
    match mark.name:
        case "assignee":
            return replace(state, assignee=mark.after), BugChanged("assignee", mark.after)
        case "project":
            return replace(state, project=mark.after or state.project), BugChanged("project", mark.after)
        case "components":
            gone = {mark.before} if mark.before else set()
            come = {mark.after} if mark.after else set()
            components = (state.components - gone) | come
            return replace(state, components=components), BugChanged("components", "\n".join(sorted(components)))
        case _:
            return state, BugTouched(mark.name)


def _joined(state: _Bug, mapping: StageMapping | None) -> BugLinked:
    moved = _moved(mapping, state.status, state.resolution)
    return BugLinked(
        state.project,
        moved.stage,
        moved.rank,
        moved.done,
        components=tuple(sorted(state.components)),
        assignee=state.assignee,
        status=moved.status,
    )


def _mark_order(mark: IssueMark) -> tuple[datetime, int, str]:
    return mark.at, _group(mark), mark.id


def _group(mark: IssueMark) -> int:
    """Comments have numbers of their own, which may be those of changelog entries."""
    return _number(mark.id) + (_COMMENTS if mark.name == "comment" else 0)


def outlook(link: Link, issue: IssueSnapshot, mapping: StageMapping | None) -> Outlook:
    """What a linked bug promises. It counts as touched when it was linked, whoever did that."""
    linked = second(link.created_at)
    history = _bug_history(issue, mapping)
    touched = [event.at for event, _ in history if event.by.kind.is_person]
    unassigned: int | None = None
    if issue.assignee_id is None:
        unassigned = max([linked, *(event.at for event, _ in history if _names_assignee(event))])
    return Outlook(
        bug=issue.id,
        key=issue.key,
        done=_moved(mapping, issue.status_id, issue.resolution_id).done,
        due_date=issue.due_date,
        fix_versions=issue.fix_versions,
        touched_at=max([linked, *touched]),
        unassigned_since=unassigned,
    )


def _names_assignee(event: Event) -> bool:
    return isinstance(event.what, BugChanged) and event.what.name == "assignee"


def _first_pair(issue: IssueSnapshot) -> tuple[str, str | None]:
    """Status and resolution before the oldest change that is known of each."""
    status, resolution = issue.status_id, issue.resolution_id
    for change in sorted(issue.history, key=lambda change: (change.at, _number(change.id)), reverse=True):
        status = change.status_from or status
        if change.resolution_from is not None or change.resolution_to is not None:
            resolution = change.resolution_from
    return status, resolution


def _moved(mapping: StageMapping | None, status: str, resolution: str | None) -> BugMoved:
    stage = mapping.stage_for_clocks(status, resolution) if mapping is not None else None
    if stage is None:
        return BugMoved(NO_STAGE, 0, done=False, status=status)
    return BugMoved(stage.name, stage.rank, stage.done, status)


def _number(change_id: str) -> int:
    digits = "".join(character for character in change_id if character.isdigit())
    return int(digits) if digits else 0
