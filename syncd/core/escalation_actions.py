"""What escalation rules ask of the trackers.

syncd.core.actions imports this module, so the subjects are spelt out here as it spells them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from syncd.core.model import Json
from syncd.core.subjects import OnBug, OnTicket


@dataclass(frozen=True, slots=True)
class EscalateTicket(OnTicket):
    """One step of a rule on a ticket: an internal note, a higher priority, another group, tags, in one go."""

    kind: ClassVar[str] = "escalate_ticket"
    ticket_id: int
    source: str  # the key of the step: a rule's run does each once
    reason: str
    raise_steps: int = 0
    raise_to: str = ""
    group_id: int | None = None
    group_name: str = ""
    unassign: bool = False
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # templates of the operator's; always internal
    ready: tuple[str, ...] = ()  # notes that syncd fills in itself
    told: Mapping[str, Json] = field(default_factory=dict)  # what was known of the ticket when the rule spoke
    link_ids: tuple[int, ...] = ()
    route: str = ""


@dataclass(frozen=True, slots=True)
class RaiseBug(OnBug):
    """The bug's priority goes up by steps of Jira's own order; it never goes down."""

    kind: ClassVar[str] = "raise_bug"
    issue_id: str
    issue_key: str
    source: str
    reason: str
    steps: int = 1
    link_ids: tuple[int, ...] = ()
    route: str = ""
