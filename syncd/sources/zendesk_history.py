"""The newest audits of one ticket, in whatever order the server lists them, and where a merged ticket went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from syncd.core.model import TicketChange
from syncd.core.ports import TicketEvent
from syncd.sources.errors import NotFoundError, RefusedError
from syncd.sources.zendesk_audits import Audit, audit_events, audits_of, authors_of, changes_of, merge_hints, received
from syncd.sources.zendesk_calls import Calls, list_in
from syncd.sources.zendesk_parse import inner, rows_of, text_or_none
from syncd.sources.zendesk_people import People

PER_PAGE = 100
MOST_PAGES = 60  # Zendesk allows 5,000 comments on a ticket

log = structlog.get_logger(__name__)


class History:
    """Audits by ticket: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/"""

    def __init__(self, calls: Calls, people: People) -> None:
        self._calls = calls
        self._people = people
        self._takes_sort = True

    def changes(self, ticket_id: int) -> tuple[TicketChange, ...]:
        """The events of the newest 100 audits, newest first."""
        audits = self.newest(ticket_id)
        self._people.load(authors_of(audits))
        changes: list[TicketChange] = []
        for audit in audits:
            changes.extend(changes_of(audit, self._people, self._merged_into(audit, ticket_id)))
        return tuple(changes)

    def events(self, ticket_id: int, *, whole: bool) -> tuple[TicketEvent, ...]:
        """The events of all audits (`whole`), or of the newest 100 in one call; oldest first, with comments' texts."""
        audits = self.newest(ticket_id, whole=whole)
        self._people.load(authors_of(audits))
        found: list[TicketEvent] = []
        for audit in reversed(audits):
            found += audit_events(audit, ticket_id, self._people, self._merged_into(audit, ticket_id))
        return tuple(found)

    def merge_target(self, ticket_id: int) -> int | None:
        """The ticket that this one was merged into; None when no audit tells."""
        targets = (self._merged_into(audit, ticket_id) for audit in self.newest(ticket_id))
        return next((target for target in targets if target is not None), None)

    def newest(self, ticket_id: int, *, whole: bool = False) -> tuple[Audit, ...]:
        """The newest 100 audits, newest first; with `whole` all of them.

        Whether this list can be sorted is not documented for every plan: where it comes oldest first and has more than
        a page, it is read to its end. An archived ticket's comes whole.
        """
        path = f"tickets/{ticket_id}/audits"
        params: dict[str, Any] = {"page[size]": PER_PAGE, "include": "users"}
        rows: list[Any] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            body = self._page(path, {**params, **({"page[after]": cursor} if cursor else {})})
            page = list_in(body, "audits")
            rows.extend(page)
            self._people.learn(rows_of(body.get("users")))
            after = text_or_none(inner(body, "meta", "after_cursor"))
            if inner(body, "meta", "has_more") is not True or after in (None, cursor):
                break
            if _is_falling(page) and not whole:
                break
            cursor = after
        audits, unread = audits_of(rows)
        if unread:
            log.warning("audits_unreadable", ticket=ticket_id, rows=unread)
        return audits if whole else audits[:PER_PAGE]

    def _page(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        if self._takes_sort:
            try:
                return self._calls.get(path, {**params, "sort": "-created_at"})
            except RefusedError as error:
                if error.status != 400:
                    raise
                self._takes_sort = False
        return self._calls.get(path, params)

    def _merged_into(self, audit: Audit, ticket_id: int) -> int | None:
        for hint in merge_hints(audit, ticket_id):
            if hint.certain:
                return hint.target
            try:
                others = self.newest(hint.target)
            except (NotFoundError, RefusedError):
                continue
            if any(received(other, ticket_id) for other in others):
                return hint.target
        return None


def _is_falling(rows: Sequence[Any]) -> bool:
    """Whether a page of audits comes newest first."""
    times = [row.get("created_at") for row in rows if isinstance(row, Mapping)]
    texts = [text for text in times if isinstance(text, str)]
    return len(texts) > 1 and texts[0] > texts[-1]
