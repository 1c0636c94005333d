"""What an answer, or the lack of one, says about the request: one table for both trackers.

For a write the question is "was it done?": a 4xx is a definite no (but for 408), a connection that was never made is
one too, and everything else is unknown, 503 included. For a read the question is "may it be asked again?".
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions as pool

from syncd.sources.budget import backoff_of, exhausted_bucket
from syncd.sources.errors import (
    AuthError,
    InvalidResponseError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    SourceError,
    TransientError,
    UnknownError,
)

WORDS = 300  # characters of a server's own words in a message
NETWORK_ERRORS = (requests.RequestException, pool.HTTPError, http.client.HTTPException, OSError)
"""Everything that requests lets out when there is no answer (requests.RequestException is an OSError)."""

_NEVER_SENT = (
    pool.NewConnectionError,  # refused, unreachable, unresolvable
    pool.ConnectTimeoutError,
    pool.ClosedPoolError,
    pool.EmptyPoolError,
    pool.LocationValueError,
    requests.ConnectTimeout,
    ConnectionRefusedError,
    socket.gaierror,
    ssl.SSLCertVerificationError,  # during the handshake, before any byte of ours
)
# Not in the list: ProxyError. urllib3 looks whether the proxy is connected only after a lost answer has closed the
# connection, so a request that went through comes back as "unable to connect to proxy"; its cause decides.
_NO_TUNNEL = "Tunnel connection failed"  # how http.client words the proxy's refusal
_MALFORMED_REQUEST = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.URLRequired,
    requests.exceptions.InvalidHeader,
    pool.LocationValueError,
    pool.InvalidHeader,
)
_UNREADABLE_ANSWER = (
    requests.TooManyRedirects,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.JSONDecodeError,
    pool.DecodeError,
    pool.HeaderParsingError,
)


@dataclass(frozen=True, slots=True)
class CallKind:
    """What a request is, as the service's own module names it."""

    name: str  # list | export | read | update | search | write …: what wait_for() is asked about
    write: bool
    buckets: tuple[str, ...] = ("account",)  # the limits that it counts against
    subject: str = ""  # "ticket:35", "issue:10305" when it is about one of them


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server's words about a failure, from whichever envelope they came in."""

    code: str = ""  # RecordNotFound, InvalidEndpoint, DatabaseConflict …
    words: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    html: bool = False

    @property
    def text(self) -> str:
        """Everything in one line, shortened."""
        details = "; ".join(f"{name}: {words}" for name, words in self.fields.items())
        return plain(" - ".join(part for part in (self.words, details) if part))


def plain(text: str, limit: int = WORDS) -> str:
    """One line of printable text, at most `limit` characters: a server's words may hold anything."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


# ---- no answer -------------------------------------------------------------------------------------------------


def never_sent(error: BaseException) -> bool:
    """True when no byte of the request can have reached the server."""
    return any(
        isinstance(cause, _NEVER_SENT) or (isinstance(cause, OSError) and _NO_TUNNEL in str(cause.args[:1]))
        for cause in _causes(error)
    )


def classify_exception(error: Exception, kind: CallKind, what: str) -> SourceError:
    """The error for a request that brought no whole answer. `what` names the call in the message."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return UnknownError(f"{what}: {error.response.status_code}", status=error.response.status_code)
    reason = _reason(error)
    if isinstance(error, _MALFORMED_REQUEST) or (
        isinstance(error, requests.exceptions.InvalidJSONError) and not isinstance(error, _UNREADABLE_ANSWER)
    ):
        return RefusedError(f"{what}: the request could not be built ({reason})")
    if never_sent(error):
        return TransientError(f"{what}: no connection ({reason})")
    if any(isinstance(cause, _UNREADABLE_ANSWER) for cause in _causes(error)):
        return InvalidResponseError(f"{what}: the answer could not be read ({reason})")
    if kind.write:
        return UnknownError(f"{what}: no answer ({reason}); it may have been applied")
    return TransientError(f"{what}: no answer ({reason})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything that it wraps, by any of the ways requests and urllib3 wrap."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        for attribute in ("reason", "original_error", "__cause__"):
            inner = getattr(current, attribute, None)
            if isinstance(inner, BaseException):
                waiting.append(inner)
        waiting.extend(argument for argument in current.args if isinstance(argument, BaseException))


def _reason(error: BaseException) -> str:
    """The class of the innermost cause, and the system's word for it; never str(error), which may hold a URL of a
    proxy with its password."""
    innermost = list(_causes(error))[-1]
    name = type(innermost).__name__
    system = innermost.strerror if isinstance(innermost, OSError) else None
    return f"{name}: {plain(system, 80)}" if isinstance(system, str) and system else name


# ---- an answer -------------------------------------------------------------------------------------------------


def classify_response(response: requests.Response, kind: CallKind, what: str, now: datetime) -> SourceError | None:
    """The error that an answer stands for; None for 2xx. `now` is the aware present, for dates in Retry-After."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return InvalidResponseError(f"{what}: {status}, sent on to {_host(response)}; not followed", status=status)
    refusal = refusal_of(response)
    message = f"{what}: {status} {refusal.text}".rstrip()
    if status == 429:
        bucket = exhausted_bucket(response.headers, refusal.words, kind.name, kind.subject)
        wait = backoff_of(response.headers, now, missing=60.0, least=1.0)
        return TransientError(message, retry_after=wait, status=status, bucket=bucket)
    if status in (401, 407):
        return AuthError(message, status=status)
    if status == 403:
        return _forbidden(response, refusal, kind, message)
    if status == 404:
        return _not_found(refusal, message)
    if status in (409, 412):
        return PreconditionError(message, status=status)
    if status in (423, 425):
        return TransientError(message, retry_after=backoff_of(response.headers, now, missing=5.0), status=status)
    if status == 408 or status >= 500:
        if kind.write:
            return UnknownError(f"{message}; it may have been applied", status=status)
        return TransientError(message, retry_after=backoff_of(response.headers, now), status=status)
    if 400 <= status < 500:
        return RefusedError(message, fields=refusal.fields, status=status)
    return InvalidResponseError(message, status=status)


def _forbidden(response: requests.Response, refusal: Refusal, kind: CallKind, message: str) -> SourceError:
    """403 on one ticket or issue is that subject's affair; elsewhere, and from a gateway, it is the credential's."""
    login = response.headers.get("X-Seraph-LoginReason", "").upper()
    denied = "X-Authentication-Denied-Reason" in response.headers or (login and login != "OK")
    everywhere = any(word in refusal.text.lower() for word in ("scope", "suspended"))
    if kind.subject and not (denied or everywhere or refusal.html):
        return RefusedError(message, fields=refusal.fields, status=403)
    # 403 as a status says that we are known and may not do this; where the login failed, nothing was said of that.
    return AuthError(message, status=None if denied or refusal.html else 403)


def _not_found(refusal: Refusal, message: str) -> SourceError:
    """A page of a gateway, or an endpoint that the plan lacks, says nothing about the ticket or issue."""
    if refusal.html:
        return InvalidResponseError(message, status=404)
    if refusal.code == "InvalidEndpoint":
        return RefusedError(message, status=404)
    return NotFoundError(message, status=404)


def _host(response: requests.Response) -> str:
    try:
        return plain(urlsplit(response.headers.get("Location", "")).hostname or "nowhere", 100)
    except ValueError:
        return "nowhere"


def refusal_of(response: requests.Response) -> Refusal:
    """What a failed response says: Zendesk's four envelopes, Jira's, plain text or a page; without our credential."""
    text = response.content[:65536].decode("utf-8", "replace")
    sent = str(response.request.headers.get("Authorization", ""))
    for secret in (sent, sent.rpartition(" ")[2]):
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    stripped = text.lstrip("\ufeff \t\r\n")
    if "html" in response.headers.get("Content-Type", "").lower() or stripped[:1] == "<":
        title = re.search(r"<title[^>]*>([^<]{1,200})", stripped, re.IGNORECASE)
        return Refusal(words=f"a page ({plain(title[1], 100)})" if title else "a page", html=True)
    try:
        body = json.loads(stripped)
    except (ValueError, RecursionError):
        return Refusal(words=plain(stripped))
    return _refusal_of_json(body)


def _refusal_of_json(body: object) -> Refusal:
    if isinstance(body, str):
        return Refusal(words=plain(body))
    if isinstance(body, list):
        body = {"errors": body}
    if not isinstance(body, dict):
        return Refusal()
    code, words, fields = "", [], {}
    error = body.get("error")
    if isinstance(error, str):
        code = error
        words.append(error)
    elif isinstance(error, dict):
        code = str(error.get("code") or error.get("title") or "")
        words += [str(error[key]) for key in ("title", "message", "detail") if error.get(key)]
    words += [
        str(body[key]) for key in ("description", "error_description", "message") if isinstance(body.get(key), str)
    ]
    messages = body.get("errorMessages")
    words += [str(m) for m in messages] if isinstance(messages, list) else [messages] if messages else []
    errors = body.get("errors")
    if isinstance(errors, dict):
        fields.update({str(name): _words(value) for name, value in errors.items()})
    elif isinstance(errors, list):
        for entry in errors:
            if isinstance(entry, dict) and not code:
                code = str(entry.get("code") or "")
            words.append(_words(entry))
    elif isinstance(errors, str):
        words.append(errors)
    details = body.get("details")
    if isinstance(details, dict):
        fields.update({str(name): _words(value) for name, value in details.items()})
    elif details:
        words.append(_words(details))
    return Refusal(code, plain(", ".join(str(w) for w in words if w)), {k: plain(v) for k, v in fields.items()})


def _words(value: Any) -> str:
    """The text in an entry of an error list, whatever its shape."""
    if isinstance(value, dict):
        known = [value[key] for key in ("title", "detail", "description", "message", "error", "code") if value.get(key)]
        return ": ".join(dict.fromkeys(_words(v) for v in known)) if known else ""
    if isinstance(value, list):
        return ", ".join(filter(None, (_words(v) for v in value)))
    return "" if value is None else str(value)
