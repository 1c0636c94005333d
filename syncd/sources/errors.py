"""The one error tree of the two trackers. Nothing of requests, zenpy or jira is raised out of sources/.

For a write, TransientError, AuthError, NotFoundError, PreconditionError and RefusedError mean that the server did not
do it; UnknownError means that it may have, so verify before anything else; InvalidResponseError counts as UnknownError
for a write, and for a read it means that nothing was learned.
"""

from __future__ import annotations


class SourceError(Exception):
    """Something went wrong with a tracker. The message is for people and carries no secret and no header.

    `service` says with which one: "zendesk", "jira", or "" where whoever raised it does not know."""

    def __init__(self, message: str, *, status: int | None = None, service: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.service = service


class TransientError(SourceError):
    """Not now: rate limited, refused connection, maintenance. It was not applied."""

    def __init__(self, message: str, *, retry_after: float = 0.0, status: int | None = None, bucket: str = "") -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after  # seconds, clamped to 0..3600
        self.bucket = bucket  # what is exhausted, when the server says so: "account", "incremental", "issue:10305" …


class RefusedError(SourceError):
    """The server understood and said no; asking again will not help."""

    def __init__(self, message: str, *, fields: dict[str, str] | None = None, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.fields = fields or {}  # field id -> the server's words


class AuthError(SourceError):
    """The credential is missing, wrong, expired or not allowed to do this."""


class NotFoundError(SourceError):
    """It does not exist, or we may not see it: the two look alike."""


class PreconditionError(SourceError):
    """It changed since we read it."""


class UnknownError(SourceError):
    """No answer, or one that does not say: the request may have been applied, or may be applied later."""


class InvalidResponseError(SourceError):
    """An answer that cannot be what was asked for: HTML, broken JSON, wrong types, another host."""
