"""A bug that is not fixed after all, where the route makes a new one then: what is known of the bug it takes the
place of, and the issue link between the two.

syncd.core.actions imports this module, so the subjects are spelt out here as it spells them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from syncd.core.model import IssueSnapshot, TicketSnapshot, TicketState
from syncd.core.subjects import OnBug


@dataclass(frozen=True, slots=True)
class Succession:
    """A ticket says that its bug is not fixed, and gets a new one (the next occurrence) in its place."""

    link_id: int  # the link that ends when the new bug is there
    ticket_id: int
    route: str
    issue_id: str  # the bug that was taken for fixed
    issue_key: str
    event: str  # the source version of what the ticket asks
    what: str  # what happened to the ticket, for sentences: "was tagged bug_not_fixed by Priya Nair"
    ticket: TicketState  # the precondition on the ticket
    status_id: str  # the precondition on the bug
    resolution_id: str | None
    tag: str = ""  # the tag that asked, which is taken off when the new bug is there

    def outdated(self, ticket: TicketSnapshot, issue: IssueSnapshot) -> str:
        """Why these readings do not ask for a new bug any more; empty while they do."""
        if ticket.is_gone or ticket.state.is_final:
            return f"ticket #{self.ticket_id} is closed or gone"
        if self.tag and self.tag not in ticket.tags:
            return f"the tag {self.tag} was taken off ticket #{self.ticket_id}"
        if not self.tag and ticket.state.category != self.ticket.category:
            return f"ticket #{self.ticket_id} is {ticket.state.category} by now"
        if not issue.visible or (issue.status_id, issue.resolution_id) != (self.status_id, self.resolution_id):
            return f"{self.issue_key} was moved since"
        return ""


@dataclass(frozen=True, slots=True)
class RelateBugs(OnBug):
    """An issue link "relates to" between a new bug and the one whose place it takes."""

    kind: ClassVar[str] = "relate_bugs"
    issue_id: str  # the new one
    issue_key: str
    other_id: str
    other_key: str
    source: str
    reason: str
    link_ids: tuple[int, ...] = ()
    route: str = ""

    @property
    def slot(self) -> str:
        """See Write.slot."""
        return f"issue link:{self.other_id}"
