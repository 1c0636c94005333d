"""Making a bug for a ticket: what is known of the case, what Jira's create screen asks for, and the calls it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from syncd.core.actions import CreateBug, marker_of
from syncd.core.model import Json, TicketSnapshot

LABEL = "syncd-"
"""How the label begins that a bug of ours carries; its marker follows."""

MOST_BUGS = 50
"""Bugs of one ticket and route that are told apart by their marks."""

_MARK = re.compile(rf"{re.escape(LABEL)}([0-9a-f]{{32}})")


def label_of(marker: str) -> str:
    """The label that goes with the creation itself, by which a lost answer is looked up."""
    return f"{LABEL}{marker}"


def marks_of(labels: Iterable[object]) -> list[str]:
    """The markers among a bug's labels."""
    return [match[1] for label in labels if (match := _MARK.fullmatch(str(label))) is not None]


def occurrence_of(marker: str, *, account: str, ticket_id: int, route: str) -> int | None:
    """Which of the ticket's bugs by this route carries the marker; None when it is of another ticket, route or account,
    or of none."""
    for occurrence in range(1, MOST_BUGS + 1):
        if marker_of(CreateBug(account, ticket_id, occurrence, "", "", {}, route=route)) == marker:
            return occurrence
    return None


@dataclass(frozen=True, slots=True)
class Person:
    """Who asked, as Zendesk knows them."""

    id: int
    name: str = ""
    email: str = ""
    role: str = ""  # end-user | agent | admin
    verified: bool = False  # proved that the e-mail address is theirs


@dataclass(frozen=True, slots=True)
class Organization:
    id: int
    name: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)  # by key
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketCase:
    """A ticket with what a bug report needs beside the snapshot."""

    ticket: TicketSnapshot
    description: str = ""  # the first comment's plain text
    requester: Person | None = None
    organization: Organization | None = None


@dataclass(frozen=True, slots=True)
class CreateField:
    """A field on the create screen."""

    id: str
    name: str
    required: bool = False
    has_default: bool = False
    type: str = "any"  # of the schema: string | number | option | array | user | date | priority …
    items: str | None = None  # what an array holds
    custom: str | None = None  # the plugin's name of the type: …:textarea
    allowed: tuple[tuple[str, str], ...] = ()  # (id, name or value); empty: anything, or not told


@dataclass(frozen=True, slots=True)
class CreateScreen:
    """What Jira asks for to create an issue of one type in one project."""

    issue_type_id: str
    issue_type: str
    fields: tuple[CreateField, ...] = ()

    def field(self, written: str) -> CreateField | None:
        """By id or by name, in any case."""
        name = written.strip().casefold()
        return next((f for f in self.fields if f.id.casefold() == name), None) or next(
            (f for f in self.fields if f.name.casefold() == name), None
        )


@dataclass(frozen=True, slots=True)
class Found:
    """An issue that carries a marker."""

    id: str
    key: str

    @property
    def number(self) -> int:
        """The number in its key."""
        tail = self.key.rpartition("-")[2]
        return int(tail) if tail.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Probe:
    """What looking at the next keys brought. `complete`: it saw several keys in a row that are not there."""

    found: tuple[Found, ...]
    complete: bool
    calls: int


class BugMaker(Protocol):
    """Jira, as far as making bugs goes. Raises the errors of sources/errors.py."""

    @property
    def reads_slowly(self) -> bool:
        """True where search may lag for minutes (Cloud)."""

    def create(self, project_key: str, fields: Mapping[str, Json], *, marker: str, origin: Mapping[str, Json]) -> Found:
        """POST once, with the marker as a label and as an entity property in the same request."""

    def labelled(self, markers: Sequence[str]) -> Mapping[str, tuple[Found, ...]]:
        """The issues that carry these markers as labels, oldest key first; by search, which may lag. Markers without
        any are left out. One call for each 50 markers, more where many are found."""

    def newest_number(self, project_key: str) -> int:
        """A number that the project has reached: its newest key may be higher. One search; 0 when it is empty."""

    def probe(self, project_key: str, floor: int, *, marker: str) -> Probe:
        """Reads the keys after `floor` directly, until several in a row are not there; one call each."""

    def is_related(self, issue_id: str, other_id: str) -> bool:
        """Whether an issue link "relates to" joins the two, in either direction. One call."""

    def relate(self, issue_key: str, other_key: str) -> None:
        """An issue link "relates to"; made a second time, there may be two. Two calls. RefusedError where Jira has no
        such kind of link, or issue linking is switched off."""

    def show_ticket(self, issue_id: str, *, global_id: str, url: str, title: str) -> None:
        """A remote link, made or renewed by its global id."""

    def create_screen(self, project_key: str, issue_type: str) -> CreateScreen:
        """What the create screen asks for; raises NotFoundError for an unknown project or issue type."""


class CaseReader(Protocol):
    """Zendesk, as far as making bugs goes."""

    def read(self, ticket_id: int) -> TicketCase:
        """The ticket as it is now, with its requester and organization. One call as a rule. Raises NotFoundError."""
