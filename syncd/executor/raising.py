"""The last word on what a customer is to read, right before it is written: asked of Jira as it is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.core.comment_actions import CommentToTicket
from syncd.core.comment_model import BugTalk, CommentPolicy, Grant, Raising
from syncd.core.comment_sentences import digest_of
from syncd.core.comment_visibility import why_not_for_customer
from syncd.core.model import Visibility
from syncd.sources import wire_guard
from syncd.sources.errors import InvalidResponseError, NotFoundError, RefusedError
from syncd.store import Store

Policies = Callable[[], Mapping[str, CommentPolicy]]


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a text may be said in public."""

    author_id: str
    why_not: str | None  # the end of a sentence

    @property
    def may(self) -> bool:
        """Nothing keeps it from the customer."""
        return self.why_not is None


class Raiser:
    """Judges by the configuration and by Jira as both are now, and records what it allows."""

    def __init__(self, store: Store, tracker: BugTalk, policies: Policies) -> None:
        self._store = store
        self._tracker = tracker
        self._policies = policies

    def judge(self, action: CommentToTicket) -> Judged:
        """Up to four calls. Raises what a tracker raises."""
        policy = self._policies().get(action.route)
        raising = policy.raising if policy is not None else None
        if action.visibility is not Visibility.CUSTOMER or not action.public_html or raising is None:
            return Judged("", "the route lets nobody speak to customers")
        source = self._tracker.comment(action.issue_id, action.comment_id)
        if source is None:
            return Judged("", "it was deleted")
        author = source.author.id
        if digest_of(source.body) != action.digest:
            return Judged(author, "it was changed meanwhile")
        if not self._tracker.is_open(source.id):
            return Judged(author, "it is internal in Jira")
        return Judged(author, why_not_for_customer(source, raising, self._speakers(action, raising)))

    def _speakers(self, action: CommentToTicket, raising: Raising) -> frozenset[str]:
        """Where Jira does not show who may speak, those who are named one by one may."""
        try:
            return self._tracker.speakers(action.issue_key.rpartition("-")[0], raising)
        except (NotFoundError, RefusedError, InvalidResponseError):
            return frozenset(raising.accounts)

    def grant(self, action: CommentToTicket, judged: Judged, marker: str, html: str, now: datetime) -> None:
        """Lets exactly this text pass the wire guard under this mark."""
        grant = Grant(marker, action.ticket_id, wire_guard.digest_of(html), action.comment_id, judged.author_id, now)
        with self._store.transaction() as tx:
            tx.grant(grant)

    def was_granted(self, marker: str, ticket_id: int) -> bool:
        """Whether what bears this mark was allowed to be public."""
        with self._store.reading() as tx:
            return tx.was_granted(marker, ticket_id)


def granted_in(store: Store) -> wire_guard.Granted:
    """What the wire guard asks before a public comment leaves."""

    def granted(marker: str, ticket_id: int, digest: str) -> bool:
        with store.reading() as tx:
            return tx.is_granted(marker, ticket_id, digest)

    return granted
