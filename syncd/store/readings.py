"""Whatever a ticket or bug was read for: when the reading is news, those who are linked with it are to be planned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.core.model import IssueSnapshot, TicketSnapshot
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.store.linking import Linking
from syncd.store.moments import Moments


class Readings(Linking, Moments):
    """Snapshots that are never newer than what was planned, or to be planned, of them. Who looks for changes compares
    with what is stored: what would be stored and not planned would be carried nowhere."""

    def put_tickets(self, readings: Sequence[TicketSnapshot], now: datetime) -> list[int]:
        """As Snapshots.put_tickets; the linked ones among those that changed are touched."""
        changed = super().put_tickets(readings, now)
        if changed:
            self.touch([ticket_subject(i) for i in sorted(self.is_linked_ticket(changed))], now)
        return changed

    def put_issues(self, readings: Sequence[IssueSnapshot], now: datetime) -> list[str]:
        """As Snapshots.put_issues; those that changed and are linked, or were when their ticket was closed, are
        touched."""
        changed = super().put_issues(readings, now)
        if changed:
            concerned = self.is_linked_issue(changed) | self.is_watched_issue(changed)
            self.touch([issue_subject(i) for i in changed if i in concerned], now)
        return changed
