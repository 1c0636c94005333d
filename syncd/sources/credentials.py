"""Who we say we are: basic, bearer, and OAuth client credentials, with secrets that may be rotated under us.

A credential is a plain record; `authenticator` turns it into what signs requests. Secrets appear in no repr, message or
log, and are asked for again whenever the server refuses them.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

import requests
from requests.auth import AuthBase

from syncd.core.ports import Clock
from syncd.sources.errors import AuthError, SourceError, TransientError

REFRESH_EARLY = 60.0  # seconds before the end of a token's life
DEFAULT_LIFETIME = 1800.0  # seconds, of a token that does not say
TOKEN_CHARACTERS = re.compile(r"[\x21-\x7e]+")

PostToken: TypeAlias = Callable[[dict[str, Any]], Any]
"""Posts a token request to the server and returns the parsed answer; raises SourceError."""


class Secret(Protocol):
    """Something kept out of sight until the moment it is used."""

    def reveal(self) -> str:
        """The secret as it is now; reads its file again when it comes from one. Raises AuthError when there is none."""


@dataclass(frozen=True, slots=True)
class Basic:
    """`user:secret`. Zendesk API tokens go as `{email}/token` (see api_token), Jira Cloud's as the bare e-mail."""

    user: str
    secret: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that does not change by itself: a personal access token of Jira Data Center, a service account's."""

    secret: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A confidential OAuth client that asks for its own short-lived tokens.

    https://developer.zendesk.com/documentation/api-basics/authentication/oauth-migration/
    """

    client_id: str
    secret: Secret = field(repr=False)
    scope: str = "read write"
    lifetime: int | None = None  # seconds to ask for, 300..172800; None = the server's default
    token_path: str = "/oauth/tokens"  # noqa: S105 - a path, not a password


Credential: TypeAlias = Basic | Bearer | OAuthClient


def api_token(email: str, token: Secret) -> Basic:
    """A Zendesk API token (they stop working on 2027-04-30)."""
    return Basic(f"{email}/token", token)


class Authenticator(AuthBase):
    """Signs requests; this one signs nothing, and keeps requests from looking into ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        header = self.header()
        if header is not None:
            request.headers["Authorization"] = header
        return request

    def header(self) -> str | None:
        """The Authorization header; raises AuthError or TransientError when there is none to be had."""
        return None

    def renew(self, refused: str | None) -> bool:  # noqa: ARG002 - the others need it
        """After a 401 on a request signed with `refused`: True when there is another header to try."""
        return False

    def missing_scopes(self) -> tuple[str, ...]:
        """Scopes that were asked for and not granted; empty when the server did not say."""
        return ()


class _Fixed(Authenticator):
    """A header made of a secret; a refusal makes it look whether the secret was rotated."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._header: str | None = None

    def header(self) -> str:
        if self._header is None:
            self._header = self._make()
        return self._header

    def renew(self, refused: str | None) -> bool:
        self._header = self._make()
        return self._header != refused


class ClientCredentials(Authenticator):
    """OAuth2 client_credentials: a token is got when needed and replaced 60 s before its end. Safe for threads."""

    def __init__(self, client: OAuthClient, post: PostToken, clock: Clock) -> None:
        self._client = client
        self._post = post
        self._clock = clock
        self._lock = threading.Lock()
        self._header: str | None = None
        self._until_monotonic = 0.0
        self._until_wall: datetime | None = None
        self._granted: str | None = None

    def header(self) -> str:
        with self._lock:
            if self._header is None or self._is_over():
                self._fetch()
            assert self._header is not None  # noqa: S101 - _fetch sets it or raises
            return self._header

    def renew(self, refused: str | None) -> bool:
        with self._lock:
            if self._header == refused:
                self._fetch()
            return self._header != refused

    def missing_scopes(self) -> tuple[str, ...]:
        granted = self._granted
        if granted is None:
            return ()
        have = set(granted.split())
        return tuple(
            wanted
            for wanted in self._client.scope.split()
            if wanted not in have and wanted.rpartition(":")[2] not in have
        )

    def _is_over(self) -> bool:
        # Both clocks, because a suspended machine stops one of them and an operator may set back the other.
        wall = self._until_wall
        return self._clock.monotonic() >= self._until_monotonic or (wall is not None and self._clock.now() >= wall)

    def _fetch(self) -> None:
        body: dict[str, Any] = {
            "grant_type": "client_credentials",
            "client_id": self._client.client_id,
            "client_secret": self._client.secret.reveal(),
            "scope": self._client.scope,
        }
        if self._client.lifetime is not None:
            body["expires_in"] = self._client.lifetime
        self._header = None
        try:
            answer = self._post(body)
        except TransientError:
            raise
        except SourceError as error:
            # The request that needed the token was not sent, so nothing here may read as an answer to it.
            raise _token_error(error) from None
        token = answer.get("access_token") if isinstance(answer, Mapping) else None
        if not isinstance(token, str) or not TOKEN_CHARACTERS.fullmatch(token):
            raise TransientError("the token endpoint answered without an access token")
        lifetime = _lifetime(answer.get("expires_in"))
        usable = max(lifetime - REFRESH_EARLY, lifetime / 2)
        self._until_monotonic = self._clock.monotonic() + usable
        self._until_wall = self._clock.now() + timedelta(seconds=usable)
        granted = answer.get("scope")
        self._granted = granted if isinstance(granted, str) else None
        self._header = f"Bearer {token}"


def authenticator(credential: Credential | None, post: PostToken, clock: Clock) -> Authenticator:
    """What signs requests for this credential; `post` sends token requests and is used by OAuth alone."""
    if credential is None:
        return Authenticator()
    if isinstance(credential, OAuthClient):
        return ClientCredentials(credential, post, clock)
    if isinstance(credential, Bearer):
        return _Fixed(lambda: f"Bearer {_printable(credential.secret)}")
    return _Fixed(lambda: _basic(credential))


def _basic(credential: Basic) -> str:
    pair = f"{credential.user}:{_printable(credential.secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _printable(secret: Secret) -> str:
    """A secret fit for a header: http.client would put an unfit one into its error message."""
    text = secret.reveal().strip()
    if not TOKEN_CHARACTERS.fullmatch(text):
        raise AuthError("the configured secret is empty or holds characters that cannot be sent")
    return text


def _lifetime(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return DEFAULT_LIFETIME
    return float(min(value, 30 * 86400))


def _token_error(error: SourceError) -> SourceError:
    status = error.status
    if status is not None and 400 <= status < 500 and status not in (408, 425, 429):
        return AuthError(f"no access token: {error}", status=status)
    return TransientError(f"no access token: {error}", status=status)
