"""What templates see: one message as texts, cleaned and shortened.

Every field is a text that may be empty, a number, or a tuple of such records.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BugView:
    key: str
    url: str
    line: str  # status, assignee, fix version, due date


@dataclass(frozen=True, slots=True)
class ShareView:
    name: str
    span: str
    percent: str
    width: int  # of 100
    party: str
    blocks: str  # a bar of text, 20 characters wide


@dataclass(frozen=True, slots=True)
class Card:
    """One alert."""

    number: str
    subject: str
    url: str
    what: str
    lead: str
    tone: str  # breach | near | done | note
    due_label: str
    due: str  # where the lead does not say it
    due_brief: str
    used: str  # where the lead does not say it
    level: str
    holder: str
    holder_name: str
    next: str
    customer: str
    priority: str
    status: str
    bugs: tuple[BugView, ...]
    split: tuple[ShareView, ...]
    public: str
    internal: str
    forecast: str  # beside a warning: why it will probably be late
    remark: str
    fact: str


@dataclass(frozen=True, slots=True)
class SectionView:
    title: str
    rows: tuple[Card, ...]
    more: str


@dataclass(frozen=True, slots=True)
class Page:
    """One message."""

    lang: str
    reason: str
    tone: str
    title: str
    lead: str
    preheader: str
    cards: tuple[Card, ...]  # told in full
    rows: tuple[Card, ...]  # as a table
    more: str
    sections: tuple[SectionView, ...]
    counts: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    why: str
    acknowledge: str
    as_of: str
    signature: str
    problem: str  # why a template was not used
