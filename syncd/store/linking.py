"""Making a link, with the trackers' own stamps of that moment: this machine's clock may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from syncd.core.model import Link, Origin
from syncd.store.cursors import FAST_TICKETS, UPDATED_ISSUES, Cursors
from syncd.store.links import Links
from syncd.store.snapshots import Snapshots

BEGINNING: Final = datetime.fromtimestamp(0, UTC)
_BY_THE_TICKET: Final = frozenset({Origin.TAG, Origin.FIELD})
"""What makes such a link is an update of the ticket, and what was said in the same update belongs to it."""


class Linking(Snapshots, Cursors, Links):
    """Links that know until when words are from before them."""

    def join(
        self,
        ticket_id: int,
        issue_id: str,
        issue_key: str,
        route: str,
        origin: Origin,
        now: datetime,
        occurrence: int = 1,
    ) -> Link:
        """As add_link. What was said until the newest stamp that either tracker has shown is from before the link; on
        a bug that was made for the ticket nothing is."""
        ticket_until, issue_until = self._newest_of_tickets(ticket_id, origin), self._newest_of_issues(issue_id)
        if origin is Origin.CREATED:
            issue_until = BEGINNING
        return self.add_link(
            ticket_id, issue_id, issue_key, route, origin, now, occurrence, before=(ticket_until, issue_until)
        )

    def _newest_of_tickets(self, ticket_id: int, origin: Origin) -> datetime | None:
        ticket = self.tickets([ticket_id]).get(ticket_id)
        if ticket is not None and not ticket.is_gone and origin in _BY_THE_TICKET:
            return ticket.updated_at - timedelta(seconds=1)
        cursor = self.cursor(FAST_TICKETS)
        seen = [ticket.updated_at] if ticket is not None and not ticket.is_gone else []
        seen += [datetime.fromtimestamp(int(cursor), UTC)] if cursor is not None else []
        return max(seen, default=None)

    def _newest_of_issues(self, issue_id: str) -> datetime | None:
        issue = self.issues([issue_id]).get(issue_id)
        cursor = self.cursor(UPDATED_ISSUES)
        seen = [issue.updated_ms] if issue is not None and issue.visible else []
        seen += [int(cursor)] if cursor is not None else []
        return datetime.fromtimestamp(max(seen) / 1000, UTC) if seen else None
