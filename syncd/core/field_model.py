"""Mapped fields as records: what a field is on both sides, what both were when they agreed, what a value may be.

A value is None (empty), a text, or a list of texts (tags, labels, several options). Numbers are decimal texts, dates
ISO dates, checkboxes "true" and "false", people an e-mail address on the ticket's side and an account on the bug's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from syncd.core.model import Json

LISTS_OF_TICKET: Final = frozenset({"tags", "multi"})
LISTS_OF_BUG: Final = frozenset({"labels", "components", "versions", "multi"})
PEOPLE_OF_TICKET: Final = frozenset({"assignee"})
PEOPLE_OF_BUG: Final = frozenset({"assignee", "user"})
READ_ONLY_OF_TICKET: Final = frozenset({"organization"})


@dataclass(frozen=True, slots=True)
class TicketSide:
    """Where a field is on a ticket."""

    kind: str
    """priority | type | subject | tags | assignee | group | organization, or of a custom field: text | number | integer
    | date | option | multi | checkbox"""
    id: str = ""  # of a custom field; the key of an organization field ("" = the organization's name)
    title: str = ""  # for sentences
    options: Mapping[str, str] = field(default_factory=dict)  # value or name, casefolded -> value; empty = anything

    @property
    def is_list(self) -> bool:
        """It holds several values."""
        return self.kind in LISTS_OF_TICKET


@dataclass(frozen=True, slots=True)
class BugSide:
    """Where a field is on an issue."""

    kind: str  # priority | labels | components | versions | assignee | user | text | number | date | option | multi
    id: str  # the field's id in Jira: priority, labels, customfield_10300 …
    title: str = ""
    options: Mapping[str, str] = field(default_factory=dict)  # name, casefolded -> name; empty = anything

    @property
    def is_list(self) -> bool:
        """It holds several values."""
        return self.kind in LISTS_OF_BUG


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One mapped field of a route, with every name resolved."""

    name: str
    ticket: TicketSide
    bug: BugSide
    owner: str  # zendesk | jira | both
    winner: str = "jira"  # zendesk | jira: who has it when both changed
    to_bug: Mapping[str, str] = field(default_factory=dict)  # ticket's value, casefolded -> bug's value
    to_ticket: Mapping[str, str] = field(default_factory=dict)  # bug's value, casefolded -> ticket's value
    ranks: Mapping[str, int] = field(default_factory=dict)  # bug's value, casefolded -> urgency: the highest wins
    default: str | None = None  # the bug's value for a ticket's value that the map does not name
    only: tuple[str, ...] = ()  # beginnings, casefolded, of the tags and labels that are kept in step
    never: frozenset[str] = frozenset()  # tags, casefolded, that speak to syncd; they and our labels are never carried
    never_so: tuple[str, ...] = ()  # and beginnings of such

    @property
    def is_list(self) -> bool:
        """Both sides hold several values, which are kept in step one by one."""
        return self.ticket.is_list and self.bug.is_list

    @property
    def is_choice(self) -> bool:
        """The ticket names one of the several values of the bug, and each side follows the other."""
        return self.owner == "both" and self.bug.is_list and not self.ticket.is_list

    @property
    def with_people(self) -> bool:
        """People are told apart by their e-mail addresses, then by the map."""
        return self.bug.kind in PEOPLE_OF_BUG


@dataclass(frozen=True, slots=True)
class FieldBase:
    """What both sides were when they last agreed, or what they were when a write was refused."""

    ticket: Json = None
    bug: Json = None
    agreed: bool = True  # False: only `problem` is known so far
    problem: str = ""  # what a person must mend
    stands: bool = False  # nothing is done until either side is another than it was seen
    seen_ticket: Json = None
    seen_bug: Json = None


@dataclass(frozen=True, slots=True)
class FieldRecord:
    """What becomes of a field's base when the write it belongs to is done."""

    link_id: int
    ticket_id: int  # the link's, when the write was planned
    field: str
    ticket: Json
    bug: Json
    was_ticket: Json = None  # what both sides were when the write was planned
    was_bug: Json = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one write. Lists are changed by `add` and `remove`, everything else by `value`."""

    field: str  # its name in the configuration
    id: str
    kind: str
    value: Json = None
    expected: Json = None  # the precondition: what it was when the write was planned
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    by_person: bool = True  # a person's change is behind it; without one a value is written twice at most
    lost: str = ""  # a person's value that loses, for the log
    records: tuple[FieldRecord, ...] = ()

    @property
    def text(self) -> str:
        """What is written, for sentences and for counting repeats."""
        if self.add or self.remove:
            return " ".join([*(f"+{name}" for name in self.add), *(f"-{name}" for name in self.remove)])
        return "" if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class Facts:
    """What else the values of fields are read from. A key that is missing was not read."""

    emails: Mapping[int, str] = field(default_factory=dict)  # agent -> e-mail, casefolded; "" = has none
    agents: Mapping[str, int | None] = field(default_factory=dict)  # e-mail -> agent; None = nobody has it
    accounts: Mapping[str, str | None] = field(default_factory=dict)  # e-mail or name -> Jira account; None = nobody
    account_emails: Mapping[str, str] = field(default_factory=dict)  # Jira account -> e-mail, where shown
    account_names: Mapping[str, str] = field(default_factory=dict)  # Jira account -> display name
    groups: Mapping[int, str] = field(default_factory=dict)  # group -> name
    organizations: Mapping[int, Mapping[str, Json]] = field(default_factory=dict)  # "" -> name, key -> value


class Unread(Exception):
    """A value that was not read, or is not there for us: nothing may be concluded from it."""


class NoValue(Exception):
    """A value that has no counterpart on the other side."""
