"""What a remote write is about: its subject, its slot, and the mark it leaves on the server."""

from __future__ import annotations

import hashlib


def ticket_subject(ticket_id: int) -> str:
    """The subject of writes to a ticket."""
    return f"ticket:{ticket_id}"


def issue_subject(issue_id: str) -> str:
    """The subject of writes to an issue."""
    return f"issue:{issue_id}"


def bug_of(ticket_id: int, route: str) -> str:
    """The subject of making a bug: a write of its own, which keeps nobody from writing to the ticket."""
    return f"bug-of:{ticket_id}:{route}"


def marker(kind: str, subject: str, source: str) -> str:
    """The intent's id, which is also the mark it leaves on the server: 32 hex digits, the same for the same cause."""
    text = f"{kind}\x1f{subject}\x1f{source}"
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"syncd-intent").hexdigest()


class Write:
    """A remote action."""

    __slots__ = ()

    @property
    def slot(self) -> str:
        """A newer untried write to the same slot of a subject takes the older one's place; without a slot ("") every
        write is made."""
        return ""


class OnTicket(Write):
    """A remote action on one ticket."""

    __slots__ = ()
    ticket_id: int

    @property
    def subject(self) -> str:
        """Two writes to one subject never overlap."""
        return ticket_subject(self.ticket_id)


class OnBug(Write):
    """A remote action on one issue."""

    __slots__ = ()
    issue_id: str

    @property
    def subject(self) -> str:
        """Two writes to one subject never overlap."""
        return issue_subject(self.issue_id)
