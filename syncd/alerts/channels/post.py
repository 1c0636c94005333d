"""One POST to an address that is itself a secret: nothing of it reaches a log, an error or another host."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.exceptions import NewConnectionError

from syncd import __version__
from syncd.alerts.plain import one_line
from syncd.alerts.ports import Fate, Outcome
from syncd.config.fields import is_loopback
from syncd.config.secret import Secret, SecretError

LARGEST_ANSWER: Final = 64 * 1024  # bytes; what is longer is no answer of a robot
CONNECT: Final = 5.0  # seconds
LEAST: Final = 10.0  # seconds for an answer, however few are left: giving up early makes a message go out twice


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer, read whole."""

    status: int
    body: bytes
    retry_after: float | None = None  # seconds

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Poster:
    """Posts to one secret address. Each call has a session of its own, so that threads may share a poster."""

    def __init__(self, url: Secret, *, adapter: BaseAdapter | None = None) -> None:
        self._url = url
        self._adapter = adapter

    def post(
        self, body: bytes, headers: Mapping[str, str], *, seconds: float, now: datetime, query: str = ""
    ) -> Answer | Outcome:
        """The answer, or what became of the try when there is none. `query` is added to the address."""
        try:
            url = self._address()
        except SecretError as error:
            return Outcome(Fate.RETRY, str(error))
        if not url:
            return Outcome(Fate.DEAD, f"{self._url.place} holds no address that begins with https://")
        if query:
            url += ("&" if "?" in url else "?") + query
        try:
            return self._once(url, body, headers, seconds, now)
        except (
            requests.exceptions.ConnectTimeout,
            requests.exceptions.SSLError,
            requests.exceptions.ProxyError,
        ) as error:
            return Outcome(Fate.RETRY, _reason(error))
        except requests.exceptions.ConnectionError as error:
            return Outcome(Fate.RETRY if _never_left(error) else Fate.UNKNOWN, _reason(error))
        except (requests.exceptions.Timeout, requests.exceptions.ChunkedEncodingError, _Late) as error:
            return Outcome(Fate.UNKNOWN, _reason(error))
        except (requests.exceptions.RequestException, UnicodeError, ValueError):
            # Its text would quote the address.
            return Outcome(Fate.DEAD, f"{self._url.place} holds an address that cannot be asked")

    def _address(self) -> str:
        """The address; "" when it may not be used. Raises SecretError."""
        url = self._url.reveal()
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            return ""
        fine = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
        return url if fine and host and parts.username is None and not parts.fragment else ""

    def _once(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float, now: datetime) -> Answer:
        patience = max(seconds, LEAST)
        deadline = time.monotonic() + patience
        with requests.Session() as session:
            session.auth = _unsigned  # else requests would look into ~/.netrc
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.trust_env = not is_loopback(urlsplit(url).hostname or "")  # a proxy's loopback is not ours
            for prefix in ("https://", "http://"):
                session.mount(prefix, self._adapter or HTTPAdapter(max_retries=0))
            response = session.post(
                url,
                data=body,
                headers={"User-Agent": f"syncd/{__version__}", "Content-Type": "application/json", **headers},
                timeout=(CONNECT, patience),
                allow_redirects=False,
                stream=True,
                verify=True,
            )
            found = b""
            for chunk in response.iter_content(4096):
                found += chunk
                if len(found) > LARGEST_ANSWER:
                    break
                if time.monotonic() > deadline:
                    raise _Late
            return Answer(response.status_code, found, _retry_after(response, now))


class _Late(Exception):
    """The answer drips in for too long."""


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _never_left(error: requests.exceptions.ConnectionError) -> bool:
    """True when there was no connection that anything could have been sent over."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def _reason(error: Exception) -> str:
    """The kind of failure; the texts of requests hold the address."""
    match error:
        case requests.exceptions.SSLError():
            return "the server's certificate cannot be trusted, or it speaks no TLS: nothing was sent"
        case requests.exceptions.ProxyError():
            return "the proxy does not let it through"
        case requests.exceptions.ConnectTimeout():
            return "no connection in time"
        case requests.exceptions.ConnectionError() if _never_left(error):
            return "no connection: the name is not known, or nobody listens there"
        case requests.exceptions.Timeout() | _Late():
            return "it was sent, and no answer came in time"
        case _:
            return "it was sent, and the connection was lost before the answer"


def _retry_after(response: requests.Response, now: datetime) -> float | None:
    told = response.headers.get("Retry-After", "")
    if told.isdigit():
        return float(min(int(told), 86400))
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, TypeError):
        return None
    return max((moment - now).total_seconds(), 0.0) if moment.tzinfo is not None else None


def judge_status(answer: Answer) -> Outcome | None:
    """What an HTTP status other than 2xx means; None for a 2xx."""
    status = answer.status
    said = one_line(answer.body[:2000].decode("utf-8", "replace"), 120)
    text = f"HTTP {status} {said}".strip()
    if 200 <= status < 300:
        return None
    if status in (408, 425, 429) or status >= 500:
        return Outcome(Fate.RETRY, text, status, answer.retry_after)
    if 300 <= status < 400:
        return Outcome(Fate.DEAD, f"HTTP {status}: it points elsewhere, and is not followed", status)
    return Outcome(Fate.DEAD, text, status)
