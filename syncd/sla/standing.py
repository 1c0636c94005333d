"""How a ticket stood at an instant, and the moments at which that changed: a plain fold of its events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from syncd.sla.events import (
    BugChanged,
    BugLinked,
    BugMoved,
    BugUnlinked,
    Changed,
    Commented,
    Created,
    Event,
    Merged,
    Side,
)

Value: TypeAlias = str | frozenset[str] | None

FIELD_PREFIX: Final = "field:"
"""`field:360001` is the ticket field with that id."""

ATTRIBUTES: Final = frozenset(
    (
        *("status", "custom_status", "priority", "group", "assignee", "organization", "requester"),
        *("channel", "brand", "form", "satisfaction"),
    )
)
NAMES: Final = ATTRIBUTES | {"tags", "bug", "bug.stage", "bug.status", "bug.project", "bug.component", "bug.assignee"}
"""What a condition may ask for, beside fields and the tier."""


@dataclass(frozen=True, slots=True)
class BugStanding:
    """One bug of the ticket."""

    id: str
    project: str
    stage: str
    rank: int = 0
    done: bool = False
    components: tuple[str, ...] = ()
    assignee: str | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Ids are text. A closed ticket acts as solved."""

    values: Mapping[str, str] = field(default_factory=dict)  # attributes and fields; empty ones left out
    tags: frozenset[str] = frozenset()
    bugs: tuple[BugStanding, ...] = ()  # in order of linking
    merged_into: int | None = None
    exists: bool = False  # False before the ticket was created

    @property
    def status(self) -> str:
        """The category of its status."""
        return self.values.get("status", "new")

    @property
    def is_solved(self) -> bool:
        """Solved, or closed, which acts as solved."""
        return self.status in ("solved", "closed")

    @property
    def is_gone(self) -> bool:
        """Merged away or deleted: nobody will work on it again."""
        return self.merged_into is not None or self.status == "deleted"

    @property
    def bug(self) -> BugStanding | None:
        """The bug that holds the ticket up: the least advanced one, the first linked of equals."""
        return min(self.bugs, key=lambda bug: bug.rank, default=None)

    def bug_of(self, issue_id: str) -> BugStanding | None:
        """The bug with that id, while it is linked."""
        return next((bug for bug in self.bugs if bug.id == issue_id), None)

    def value(self, name: str) -> Value:
        """What a condition compares with; None when it is empty or there is no such thing."""
        if name == "tags":
            return self.tags
        if name == "status":
            return self.status
        if not name.startswith("bug"):
            return self.values.get(name)
        bug = self.bug
        if bug is None:
            return None
        answers: dict[str, Value] = {
            "bug": bug.id,
            "bug.stage": bug.stage,
            "bug.status": bug.status,
            "bug.project": bug.project,
            "bug.component": frozenset(bug.components),
            "bug.assignee": bug.assignee,
        }
        return answers.get(name)


@dataclass(frozen=True, slots=True)
class Moment:
    """What was done in one go, and how the ticket stood before and after. Within a go only the outcome counts."""

    at: int
    events: tuple[Event, ...]
    before: Standing
    after: Standing

    @property
    def is_creation(self) -> bool:
        """True for the moment that begins the ticket's life."""
        return self.after.exists and not self.before.exists

    def comments(self) -> Iterator[tuple[Event, Commented]]:
        """Its comments."""
        for event in self.events:
            if isinstance(event.what, Commented):
                yield event, event.what

    @property
    def why(self) -> str:
        """The event that `explain` names as the reason."""
        return self.events[0].name if self.events else "policy"


def moments(events: Iterable[Event]) -> tuple[Moment, ...]:
    """The life of a ticket, from events in order. What came before the ticket's creation is moved there.

    A link may be older than what is known of the ticket, but no clock can run before the ticket exists."""
    ordered = list(events)
    birth = next((event for event in ordered if isinstance(event.what, Created)), None)
    if birth is None:
        return ()
    rest = [event for event in ordered if event is not birth]
    found: list[Moment] = []
    before = Standing()
    for go in _in_one_go([birth, *rest]):
        after = before
        for event in go:
            after = apply(after, event)
        found.append(Moment(max(go[0].at, birth.at), tuple(go), before, after))
        before = after
    return tuple(found)


def _in_one_go(events: list[Event]) -> Iterator[list[Event]]:
    go: list[Event] = []
    key: tuple[int, Side, str, int] | None = None
    for event in events:
        its = (event.at, event.side, event.bug, event.group)
        if go and its != key:
            yield go
            go = []
        key = its
        go.append(event)
    if go:
        yield go


def apply(standing: Standing, event: Event) -> Standing:
    """How the ticket stands after an event."""
    match event.what:
        case Created(values, tags):
            kept = {name: value for name, value in values.items() if value}
            return replace(standing, values=kept, tags=frozenset(tags), exists=True)
        case Changed("tags", value):
            return replace(standing, tags=frozenset((value or "").split()))
        case Changed(name, value):
            others = {key: old for key, old in standing.values.items() if key != name}
            return replace(standing, values={**others, name: value} if value else others)
        case Merged(into):
            return replace(standing, merged_into=into)
        case BugLinked(project, stage, rank, done, components, assignee, status):
            bug = BugStanding(event.bug, project, stage, rank, done, components, assignee, status)
            return replace(standing, bugs=(*_others(standing, event.bug), bug))
        case BugUnlinked():
            return replace(standing, bugs=_others(standing, event.bug))
        case BugMoved(stage, rank, done, status):
            return _with_bug(
                standing, event.bug, lambda bug: replace(bug, stage=stage, rank=rank, done=done, status=status)
            )
        case BugChanged("assignee", value):
            return _with_bug(standing, event.bug, lambda bug: replace(bug, assignee=value))
        case BugChanged("project", value):
            return _with_bug(standing, event.bug, lambda bug: replace(bug, project=value or ""))
        case BugChanged("components", value):
            return _with_bug(
                standing, event.bug, lambda bug: replace(bug, components=tuple((value or "").splitlines()))
            )
        case _:
            return standing


def _others(standing: Standing, issue_id: str) -> tuple[BugStanding, ...]:
    return tuple(bug for bug in standing.bugs if bug.id != issue_id)


def _with_bug(standing: Standing, issue_id: str, change: Callable[[BugStanding], BugStanding]) -> Standing:
    return replace(standing, bugs=tuple(change(bug) if bug.id == issue_id else bug for bug in standing.bugs))
