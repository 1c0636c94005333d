"""Permissions for public comments: recorded before one is sent, closed when its write is settled, never taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from syncd.core.comment_model import Grant
from syncd.store.codec import to_micros
from syncd.store.rows import Repository
from syncd.store.schema_grants import PublicGrantRow


class Grants(Repository):
    """What may be said to customers, and what was."""

    def grant(self, grant: Grant) -> None:
        """Lets this text pass, until the grants of its mark are closed."""
        row = {
            "marker": grant.marker,
            "digest": grant.digest,
            "ticket_id": grant.ticket_id,
            "comment_id": grant.comment_id,
            "author_id": grant.author_id,
            "at": to_micros(grant.at),
            "closed_at": None,
        }
        self._upsert(PublicGrantRow, [row])

    def is_granted(self, marker: str, ticket_id: int, digest: str) -> bool:
        """Whether exactly this text may be said there now."""
        known = (PublicGrantRow.marker == marker, PublicGrantRow.digest == digest, PublicGrantRow.closed_at.is_(None))
        query = select(PublicGrantRow.marker).where(*known, PublicGrantRow.ticket_id == ticket_id)
        return self._connection.execute(query).first() is not None

    def was_granted(self, marker: str, ticket_id: int) -> bool:
        """Whether anything was ever allowed to be said there under this mark."""
        query = select(PublicGrantRow.marker).where(PublicGrantRow.marker == marker)
        return self._connection.execute(query.where(PublicGrantRow.ticket_id == ticket_id)).first() is not None

    def close_grants(self, marker: str, now: datetime) -> None:
        """The write is settled: nothing may be said under this mark any more."""
        these = (PublicGrantRow.marker == marker, PublicGrantRow.closed_at.is_(None))
        self._connection.execute(update(PublicGrantRow).where(*these).values(closed_at=to_micros(now)))
