"""What happened, as the clocks need it. Both trackers' histories become these; see observed.py.

An event says when, where, in which order and by whom; `what` says what. Events are compared by their identity, so that
the same one read twice, late or in another order gives the same clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from syncd.core.model import Actor


class Side(IntEnum):
    """Where an event was recorded; in the same second a ticket's events come before its bugs'."""

    TICKET = 0
    BUG = 1


@dataclass(frozen=True, slots=True)
class Created:
    """The ticket as it was created. Values by the names of standing.py."""

    values: Mapping[str, str | None] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """An attribute of the ticket got a value; `tags` come as one text, parted by spaces, as Zendesk has them."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Commented:
    """A comment, without its text: a clock asks only who spoke to whom."""

    public: bool
    markers: tuple[str, ...] = ()  # those of the configured markers that were found in the text


@dataclass(frozen=True, slots=True)
class Merged:
    """The ticket was merged away."""

    into: int


@dataclass(frozen=True, slots=True)
class BugLinked:
    """A bug joined the ticket, or was linked again."""

    project: str
    stage: str
    rank: int = 0  # the stage's place in order of progress
    done: bool = False
    components: tuple[str, ...] = ()
    assignee: str | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class BugUnlinked:
    """The bug no longer belongs to the ticket."""


@dataclass(frozen=True, slots=True)
class BugMoved:
    """The bug entered a stage, or changed its status within one."""

    stage: str
    rank: int = 0
    done: bool = False
    status: str = ""


@dataclass(frozen=True, slots=True)
class BugChanged:
    """Another attribute of the bug: assignee, project or components (parted by line breaks)."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class BugTouched:
    """Somebody commented on the bug or edited it, without effect on stage or holder."""

    how: str  # "comment", or the field's name


TicketHappening: TypeAlias = Created | Changed | Commented | Merged
BugHappening: TypeAlias = BugLinked | BugUnlinked | BugMoved | BugChanged | BugTouched
Happening: TypeAlias = TicketHappening | BugHappening


@dataclass(frozen=True, slots=True)
class Event:
    """`at` in Unix seconds by the clock of the tracker, cut off (never rounded) to the second."""

    at: int
    side: Side
    group: int  # audit id, or changelog id: what was done in one go
    place: int  # order within the group
    by: Actor
    what: Happening
    bug: str = ""  # issue id, on the side of the bug
    inferred: bool = False  # the trackers could not tell; worked out from two readings

    @property
    def identity(self) -> tuple[int, str, int, int, str]:
        """What makes two readings of an event the same event. Two sources may number an audit's parts differently, so
        the content belongs to it; a repeat under another number changes nothing."""
        return (self.side, self.bug, self.group, self.place, repr(self.what))

    @property
    def name(self) -> str:
        """How `explain` refers to the event."""
        where = f"bug {self.bug}, entry" if self.side is Side.BUG else "audit"
        return f"{where} {self.group}" + (" (inferred)" if self.inferred else "")


def in_order(events: Iterable[Event], exact_until: int | None = None) -> tuple[Event, ...]:
    """The events by time, each once, whatever the order of arrival.

    An inferred event at or before `exact_until` (up to where the exact history is known) gives way to that history."""
    kept: dict[tuple[int, str, int, int, str], Event] = {}
    for event in events:
        if event.inferred and exact_until is not None and event.at <= exact_until:
            continue
        identity = event.identity
        known = kept.get(identity)
        if known is None or _preference(event) < _preference(known):
            kept[identity] = event
    return tuple(event for _, event in sorted(kept.items(), key=lambda item: (item[1].at, item[0])))


def _preference(event: Event) -> tuple[bool, int, str]:
    return (event.inferred, event.at, repr(event.by))
