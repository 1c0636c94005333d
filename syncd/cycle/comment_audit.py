"""The nightly look at what syncd wrote on tickets: nothing of it may be public, whatever went wrong before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from syncd.core.comment_model import TicketTalk
from syncd.core.model import ActorKind
from syncd.core.ports import TicketSource
from syncd.cycle.settings import CycleReport, Routes
from syncd.sources.errors import NotFoundError, RefusedError
from syncd.store import Store

log = structlog.get_logger(__name__)


class CommentAudit:
    """A Chore: one call for each ticket that was written to since the last time."""

    name = "comments"
    side = "zendesk"
    every = timedelta(days=1)
    LOOKS_BACK = timedelta(hours=26)

    def __init__(self, store: Store, zendesk: TicketSource, desk: TicketTalk, now: Callable[[], datetime]) -> None:
        self._store = store
        self._zendesk = zendesk
        self._desk = desk
        self._now = now

    def run(self, routes: Routes, report: CycleReport) -> None:
        """See Chore.run. A public comment of ours is made private, and its ticket's routes stop."""
        del routes
        since = self._now() - self.LOOKS_BACK
        with self._store.reading() as tx:
            tickets = tx.tickets_written_since(since)
        for ticket_id in tickets:
            try:
                page = self._desk.comments(ticket_id, since)
            except (NotFoundError, RefusedError):
                continue  # deleted since: nobody reads it any more
            ours = [c for c in page.comments if c.marker is not None or c.author.kind is ActorKind.SELF]
            for comment in ours:
                if comment.public is False:
                    continue
                self._zendesk.make_private(ticket_id, comment.id)
                self._stop(
                    ticket_id, f"A comment of syncd on ticket #{ticket_id} was public; it was made private", report
                )

    def _stop(self, ticket_id: int, what: str, report: CycleReport) -> None:
        log.error("public_note", ticket=ticket_id, what=what)
        report.warnings.append(what)
        with self._store.transaction() as tx:
            for route in {link.route for link in tx.links_of_ticket([ticket_id])}:
                tx.save_guard(route, {**(tx.guard(route) or {}), "public_note": what})
