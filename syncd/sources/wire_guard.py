"""The last look at what is about to be written to Zendesk: nothing that a customer could read leaves by accident.

It knows nothing of intents or policies; it reads the bytes of the request, so that a mistake anywhere above it is
stopped here. A public comment needs a recorded grant that names the ticket, the mark of the write and the text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import requests

from syncd.sources.errors import RefusedError
from syncd.sources.zendesk_audits import MARKER

_TICKET = re.compile(r"/api/v2/tickets/(\d+)(?:\.json)?")
_CUSTOMER_VOICE = re.compile(r"/api/v2/(requests|imports|chats|chat|any_channel|channels|end_users)(/|\.|$)")
_OPENING = ("description",)  # of a new ticket: Zendesk makes it the first public comment


class WireGuardError(RefusedError):
    """A request that was stopped before a byte of it left: a mistake in syncd, not the server's answer."""


class Granted(Protocol):
    """Knows the recorded permissions for public comments."""

    def __call__(self, marker: str, ticket_id: int, digest: str) -> bool:
        """Whether this mark may say the text of this digest on this ticket, and is still at it."""


def nothing_granted(marker: str, ticket_id: int, digest: str) -> bool:  # noqa: ARG001 - see Granted
    """Where nobody may speak to customers."""
    return False


class WireGuard:
    """A before_send hook for the session with Zendesk."""

    def __init__(self, granted: Granted = nothing_granted) -> None:
        self._granted = granted

    def __call__(self, request: requests.PreparedRequest) -> None:
        """Raises WireGuardError for a write that could show something to a customer or overwrite unseen changes."""
        if (request.method or "GET").upper() in ("GET", "HEAD"):
            return
        path = request.path_url.partition("?")[0]
        if path.removesuffix(".json") == "/api/v2/uploads" and request.method == "POST":
            return  # a file that nobody sees before a comment names it
        if _CUSTOMER_VOICE.match(path):
            raise WireGuardError(f"a write to {path} would speak to the customer")
        body = _body(request, path)
        for name, value in _entries(body):
            _check(name, value, path)
        for holder in _objects(body):
            if "comment" in holder:
                self._check_comment(holder, path)
        ticket = _TICKET.fullmatch(path)
        if ticket and request.method == "PUT":
            _check_put(body, path)

    def _check_comment(self, holder: Mapping[str, Any], path: str) -> None:
        comment = holder["comment"]
        if not isinstance(comment, Mapping):
            raise WireGuardError(f"a write to {path} carries a comment that is no object")
        if "html_body" in comment and "body" in comment:
            raise WireGuardError(f"a write to {path} carries a comment with two texts")
        if comment.get("public") is not False and not self._is_granted(holder, comment, path):
            raise WireGuardError(f"a write to {path} carries a comment that is not marked internal")

    def _is_granted(self, holder: Mapping[str, Any], comment: Mapping[str, Any], path: str) -> bool:
        ticket, text = _TICKET.fullmatch(path), comment.get("html_body")
        metadata = holder.get("metadata")
        marker = metadata.get(MARKER) if isinstance(metadata, Mapping) else None
        if ticket is None or not isinstance(text, str) or not isinstance(marker, str):
            return False
        return comment.get("public") is True and self._granted(marker, int(ticket[1]), digest_of(text))


def _check(name: str, value: object, path: str) -> None:
    if name.endswith("is_public") and value is not False:
        raise WireGuardError(f"a write to {path} sets {name}")
    if name == "safe_update" and value not in (True, "true"):
        raise WireGuardError(f"a write to {path} turns safe_update off")
    if name in _OPENING and "/tickets" in path:
        raise WireGuardError(f"a write to {path} sets {name}, which the customer reads")


def _check_put(body: object, path: str) -> None:
    ticket = body.get("ticket") if isinstance(body, Mapping) else None
    if not isinstance(ticket, Mapping):
        raise WireGuardError(f"a write to {path} carries no ticket")
    if ticket.get("safe_update") not in (True, "true") or not ticket.get("updated_stamp"):
        raise WireGuardError(f"a write to {path} has no safe_update with a stamp")
    if "tags" in ticket:
        raise WireGuardError(f"a write to {path} would replace all of the ticket's tags")


def _body(request: requests.PreparedRequest, path: str) -> object:
    """The body as JSON; anything else is refused, as it could not be looked into."""
    raw = request.body
    if raw is None or raw in (b"", ""):
        if path.rstrip("/").removesuffix(".json").endswith("/merge"):
            raise WireGuardError(f"a write to {path} without a body leaves the visibility to the server")
        return {}
    if not isinstance(raw, bytes | str):
        raise WireGuardError(f"a write to {path} streams its body")
    try:
        body = json.loads(raw, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError):
        raise WireGuardError(f"a write to {path} carries something else than JSON") from None
    if path.removesuffix(".json").endswith("/merge"):
        for name in ("target_comment_is_public", "source_comment_is_public"):
            if not isinstance(body, Mapping) or body.get(name) is not False:
                raise WireGuardError(f"a write to {path} does not say that {name} is false")
    return body


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Every JSON object in a value, however deep."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            yield current
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)


def _entries(value: object) -> Iterator[tuple[str, object]]:
    for holder in _objects(value):
        yield from holder.items()


def digest_of(text: str) -> str:
    """What a grant remembers of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
