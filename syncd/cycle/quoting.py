"""The last steps on a ticket in their own words, for the mails of its support leads: read when a mail is written, and
kept nowhere but in that mail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, Protocol

import structlog

from syncd.alerts.case import Quotes
from syncd.alerts.episodes import Draft
from syncd.alerts.message import Reason, Step
from syncd.alerts.view import MOST_CARDS
from syncd.core.comment_model import TicketComment, TicketTalkPage
from syncd.core.richtext import plain
from syncd.core.richtext_html import parse_html
from syncd.sources.errors import SourceError

log = structlog.get_logger(__name__)

Quoted = Literal["all", "public", "none"]
MOST: Final = 10
"""Tickets whose words are read in one cycle, a call each; mails about more are lists, which quote nobody."""
LONGEST: Final = 600
"""Characters of a comment that go on; a mail shows fewer."""
_WORTH: Final = frozenset({Reason.FIRST, Reason.BREACH, Reason.LEVEL, Reason.REMINDER})


class Comments(Protocol):
    """Zendesk, as far as reading goes."""

    def comments(self, ticket_id: int, since: None) -> TicketTalkPage:
        """The newest comments. Raises the errors of sources/errors.py."""


class Quoter:
    """Reads the words. What cannot be read now is left out: no mail waits for it."""

    def __init__(self, talk: Comments, wait: Callable[[], float]) -> None:
        """`wait`: seconds until Zendesk may be read again."""
        self._talk = talk
        self._wait = wait

    def read(self, drafts: Iterable[Draft], quoted: Quoted) -> dict[int, Quotes]:
        """By ticket, for those that the drafts tell of in full."""
        found: dict[int, Quotes] = {}
        tickets = _tickets(drafts)
        if quoted == "none" or len(tickets) > MOST:
            return found
        for ticket in tickets:
            if self._wait() > 0:
                break
            try:
                page = self._talk.comments(ticket, None)
            except SourceError as error:
                log.info("no_quotes", ticket=ticket, problem=str(error))
                break
            found[ticket] = Quotes(
                _step(page.comments, public=True), _step(page.comments, public=False) if quoted == "all" else None
            )
        return found


def _tickets(drafts: Iterable[Draft]) -> list[int]:
    full = (draft for draft in drafts if draft.reason in _WORTH and not draft.late and len(draft.keys) <= MOST_CARDS)
    return sorted({key.ticket for draft in full for key in draft.keys})


def _step(comments: Sequence[TicketComment], *, public: bool) -> Step | None:
    """The newest of a person's, newest first; one that does not say whether it is public is internal."""
    for comment in comments:
        if comment.author.kind.is_person and (comment.public is True) is public:
            text = plain(parse_html(comment.html[: LONGEST * 20]))
            return Step(comment.author.name or "", int(comment.at.timestamp()), " ".join(text.split())[:LONGEST])
    return None
