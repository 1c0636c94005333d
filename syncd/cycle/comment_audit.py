"""Looks at what syncd wrote on tickets: nightly, that nothing of it is public but what a person meant for the customer;
hourly, that this person still does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from syncd.core.comment_actions import COMMENT_URGENCY
from syncd.core.comment_model import BugTalk, TicketComment, TicketTalk, TwinState
from syncd.core.comments_to_ticket import take_back_from_customers
from syncd.core.model import ActorKind
from syncd.core.ports import TicketSource
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.cycle.comments import CommentPart
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
                if comment.public is False or self._was_granted(comment, ticket_id):
                    continue
                self._zendesk.make_private(ticket_id, comment.id)
                self._stop(
                    ticket_id, f"A comment of syncd on ticket #{ticket_id} was public; it was made private", report
                )

    def _was_granted(self, comment: TicketComment, ticket_id: int) -> bool:
        with self._store.reading() as tx:
            return comment.marker is not None and tx.was_granted(comment.marker, ticket_id)

    def _stop(self, ticket_id: int, what: str, report: CycleReport) -> None:
        log.error("public_note", ticket=ticket_id, what=what)
        report.warnings.append(what)
        with self._store.transaction() as tx:
            for route in {link.route for link in tx.links_of_ticket([ticket_id])}:
                tx.save_guard(route, {**(tx.guard(route) or {}), "public_note": what})


class PublicWatch:
    """A Chore: looks at the sources of what customers read. The mark that makes a comment internal on a service desk
    does not change its issue, so that nothing else would tell; and of a link that ended, or whose route carries nothing
    any more, nothing else would tell at all. One call for each bug with a public copy of the last month; what was said
    before that is looked at no more."""

    name = "public comments"
    side = "jira"
    every = timedelta(hours=1)
    LOOKS_BACK = timedelta(days=30)

    def __init__(self, store: Store, part: CommentPart, tracker: BugTalk, now: Callable[[], datetime]) -> None:
        self._store = store
        self._part = part
        self._tracker = tracker
        self._now = now

    def run(self, routes: Routes, report: CycleReport) -> None:
        """See Chore.run. What changed is planned in the same cycle."""
        del routes, report
        since = self._now() - self.LOOKS_BACK
        with self._store.reading() as tx:
            twins = [twin for twin in tx.public_twins_since(since) if twin.state is TwinState.CARRIED]
        for issue_id in sorted({twin.origin.removeprefix("issue:") for twin in twins}):
            said = {twin.source_id for twin in twins if twin.origin == f"issue:{issue_id}"}
            try:
                page = self._tracker.comments(issue_id, since)
            except (NotFoundError, RefusedError):
                continue  # the bug is gone: the census tells
            open_ones = {c.id for c in page.comments if not c.restricted and c.internal is not True}
            if said <= open_ones:
                continue
            self._part.forget(issue_id)
            with self._store.transaction() as tx:
                links = [link for link in tx.links_of_issue([issue_id]) if self._part.looks_after(link)]
                tx.look_again([link.id for link in links], "jira")
                tx.touch([issue_subject(issue_id)], self._now())
                followed = {ticket_subject(link.ticket_id) for link in links}
                alone = [t for t in twins if t.origin == issue_subject(issue_id) and t.target not in followed]
                for action in take_back_from_customers(page, alone):
                    tx.enqueue(action, urgency=COMMENT_URGENCY, now=self._now())
