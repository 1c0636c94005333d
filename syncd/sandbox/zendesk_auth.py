"""Who asks, and what they may: credentials, roles and scopes of the pretend Zendesk."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from syncd.sandbox.web import ApiRequest
from syncd.sandbox.zendesk_records import AccessToken, OAuthClient, User, ZendeskRefusal, forbidden
from syncd.sandbox.zendesk_store import ZendeskStore

_RESOURCES: Final = (
    "tickets",
    "users",
    "auditlogs",
    "organizations",
    "hc",
    "apps",
    "triggers",
    "automations",
    "targets",
    "webhooks",
    "macros",
    "requests",
    "satisfaction_ratings",
    "dynamic_content",
    "any_channel",
    "web_widget",
)
KNOWN_SCOPES: Final = frozenset(
    {"read", "write", "impersonate"} | {f"{name}:{act}" for name in _RESOURCES for act in ("read", "write")}
)
#: Paths whose records a scope of that resource opens; everything else needs the global scope.
_SCOPED: Final = {
    "tickets": "tickets",
    "uploads": "tickets",
    "deleted_tickets": "tickets",
    "users": "users",
    "groups": "users",
    "organizations": "organizations",
    "satisfaction_ratings": "satisfaction_ratings",
}


@dataclass(frozen=True)
class Identity:
    """A caller that was recognised. `scopes` None: an API token, which may all that its user may."""

    user: User
    scopes: tuple[str, ...] | None
    client: str


def unauthenticated() -> ZendeskRefusal:
    """The 401 answer without, or with a wrong, user name and token."""
    return ZendeskRefusal(401, {"error": "Couldn't authenticate you"})


def invalid_token() -> ZendeskRefusal:
    """The 401 answer to an unknown, expired or revoked bearer token."""
    description = "The access token provided is expired, revoked, malformed or invalid for other reasons."
    headers = {"WWW-Authenticate": 'Bearer realm="Web Password", error="invalid_token"'}
    return ZendeskRefusal(401, {"error": "invalid_token", "error_description": description}, headers)


def identify(store: ZendeskStore, request: ApiRequest) -> Identity | None:
    """The caller; None without credentials or with a wrong user name or API token; refuses a bad bearer."""
    header = request.headers.get("Authorization", "")
    kind, _, value = header.partition(" ")
    client = request.headers.get("User-Agent", "")
    if kind.lower() == "bearer":
        token = store.access_tokens.get(value.strip())
        if token is None or token.expires <= store.ctx.clock.now():
            raise invalid_token()
        user = store.users.get(token.user_id)
        if user is None or not user.active:
            raise invalid_token()
        return Identity(user, token.scopes, client)
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    if not name.endswith("/token") or not store.api_tokens.get(secret):
        return None  # passwords ended in January 2026
    user = store.user_by_email(name.removesuffix("/token"))
    if user is None or not user.active:
        return None
    return Identity(user, None, client)


def check_scope(identity: Identity, method: str, path: str) -> None:
    """403 when the token's scopes do not cover the call."""
    if identity.scopes is None:
        return
    act = "read" if method in {"GET", "HEAD"} else "write"
    allowed = {act}
    parts = path.strip("/").split("/")
    resource = parts[2] if len(parts) > 2 else ""
    # https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/: audits need the global scope.
    if resource in _SCOPED and "audits" not in parts:
        allowed.add(f"{_SCOPED[resource]}:{act}")
    if resource == "incremental" and len(parts) > 3:
        kind = "tickets" if parts[3].startswith("ticket") else parts[3]
        allowed.add(f"{kind}:{act}")
    if not allowed & set(identity.scopes):
        raise forbidden("You do not have access to this page. The token's scope does not cover it.")


def check_role(store: ZendeskStore, identity: Identity, endpoint: str) -> None:
    """403 when the user's role does not cover the call."""
    user = identity.user
    if user.suspended:
        status = int(store.number("suspended_status"))
        body: Any = {"error": {"title": "Forbidden", "message": "The user is suspended."}}
        raise ZendeskRefusal(status, body if status == 403 else {"error": "Couldn't authenticate you"})
    if endpoint in {"users_me", "create_upload", "create_rating"}:
        return
    if not user.is_agent:
        raise forbidden()
    needs_admin = endpoint.startswith(("export_", "jira_links", "jira_link_", "list_sla"))
    if needs_admin and user.role != "admin":
        raise forbidden()


def grant(store: ZendeskStore, given: Any) -> dict[str, Any]:
    """`POST /oauth/tokens` with `client_credentials`: the answer with a fresh token.

    https://developer.zendesk.com/documentation/api-basics/authentication/oauth-migration/
    """
    if not isinstance(given, dict):
        raise _oauth_error("invalid_request", "The request is not a JSON object")
    if given.get("grant_type") != "client_credentials":
        raise _oauth_error("unsupported_grant_type", "The grant type is not supported")
    client = store.oauth_clients.get(str(given.get("client_id")))
    if client is None or client.revoked or client.secret != given.get("client_secret"):
        description = "Client authentication failed due to unknown client or a wrong secret."
        raise ZendeskRefusal(401, {"error": "invalid_client", "error_description": description})
    scopes = _granted(store, client, str(given.get("scope") or ""))
    try:
        seconds = int(given.get("expires_in", 1800))
    except (TypeError, ValueError):
        seconds = 0
    if not 300 <= seconds <= 172_800:
        raise _oauth_error("invalid_request", "expires_in must be between 300 and 172800")
    token = store.new_token(64)
    expires = store.ctx.clock.now() + seconds
    store.access_tokens[token] = AccessToken(token, client.id, client.user_id, scopes, expires)
    return {
        "access_token": token,
        "token_type": "bearer",
        "scope": " ".join(scopes),
        "expires_in": seconds,
    }


def _granted(store: ZendeskStore, client: OAuthClient, asked: str) -> tuple[str, ...]:
    fixed = store.text("granted_scope")
    if fixed:
        return tuple(fixed.split())
    scopes = tuple(asked.split()) or client.scopes
    if store.text("unknown_scope") == "refuse" and not set(scopes) <= KNOWN_SCOPES:
        raise _oauth_error("invalid_scope", "The requested scope is invalid, unknown, or malformed.")
    if not _within(scopes, client.scopes):
        raise _oauth_error("invalid_scope", "The requested scope exceeds what the client may have.")
    return scopes


def _within(scopes: tuple[str, ...], limit: tuple[str, ...]) -> bool:
    return all(scope in limit or scope.rpartition(":")[2] in limit or scope not in KNOWN_SCOPES for scope in scopes)


def _oauth_error(error: str, description: str) -> ZendeskRefusal:
    return ZendeskRefusal(400, {"error": error, "error_description": description})
