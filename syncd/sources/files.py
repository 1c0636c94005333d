"""Files of comments: from a tracker's own hosts only, in bounded size, the credential to its own server only.

Addresses of files come from a server's answers. Both vendors send a reader on to another host of theirs
(https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/,
https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issue-attachments/), so redirects are followed by
hand, each looked at first.
"""

from __future__ import annotations

import time
from urllib.parse import urljoin

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from syncd.config.fields import is_loopback
from syncd.core.ports import Clock
from syncd.sources.budget import Budgets
from syncd.sources.classify import NETWORK_ERRORS, CallKind, classify_response
from syncd.sources.credentials import Authenticator
from syncd.sources.errors import AuthError, NotFoundError, RefusedError, SourceError, TransientError
from syncd.sources.http import TIMEOUT, USER_AGENT

HOPS = 3
WHOLE_FILE = 120.0  # real seconds for one file
ZENDESK_HOSTS = (".zdusercontent.com", ".zdassets.com")
A_FILE = CallKind("file", write=False, subject="file")
ATLASSIAN_HOSTS = (".atlassian.com", ".atlassian.net", ".atl-paas.net")


class FileFetcher:
    """Reads files of one tracker. `hosts` are endings of further host names that belong to it (https only); `budgets`
    are those of its other calls: a pause that its server asks for holds for files too, and the other way round."""

    def __init__(
        self,
        base_url: str,
        signer: Authenticator,
        *,
        service: str,
        hosts: tuple[str, ...],
        clock: Clock,
        budgets: Budgets,
        adapter: BaseAdapter | None = None,
        ca: str | None = None,
    ) -> None:
        self._clock = clock
        self._budgets = budgets
        self._own = parse_url(base_url)
        self._signer = signer
        self._service = service
        self._hosts = hosts
        self._ca = ca
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        for prefix in ("https://", "http://"):
            self._session.mount(prefix, adapter or HTTPAdapter(max_retries=0))

    def fetch(self, address: str, limit: int) -> bytes:
        """The file. Raises RefusedError for an address elsewhere, a file of more than `limit` bytes and an answer that
        says no; NotFoundError; AuthError; TransientError, also for a page that comes in the place of the file."""
        try:
            return self._fetch(address, limit)
        except AuthError as error:
            used = self._signer.header()
            if error.status != 401 or not self._signer.renew(used):
                raise
        return self._fetch(address, limit)

    def _fetch(self, address: str, limit: int) -> bytes:
        for _ in range(HOPS + 1):
            own = self._is_own(address)
            what = f"{self._service}: GET a file"
            held = self._budgets.paused_for(A_FILE.buckets) if own else 0.0
            if held > 0:
                raise TransientError(f"{what}: not sent, the server asked to wait {held:.0f} s", retry_after=held)
            try:
                with self._session.get(
                    address,
                    auth=self._signer if own else Authenticator(),
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    stream=True,
                    verify=self._ca or True,
                    headers={"Accept": "*/*"},
                ) as answer:
                    if 300 <= answer.status_code < 400 and answer.headers.get("Location"):
                        address = urljoin(address, answer.headers["Location"])
                        continue
                    if own:
                        self._raise_for_own(answer, what)
                        _raise_for_page(answer, address, what)
                    _raise_for(answer, what)
                    return _read(answer, limit, what)
            except NETWORK_ERRORS:
                raise TransientError(f"{what}: the connection failed", retry_after=5.0) from None
        raise RefusedError(f"{self._service}: a file is sent on more than {HOPS} times")

    def _raise_for_own(self, answer: requests.Response, what: str) -> None:
        """A failure of the tracker's own server means what it means for every other call."""
        failure: SourceError | None = classify_response(answer, A_FILE, what, self._clock.now())
        if isinstance(failure, TransientError) and failure.retry_after > 0 and failure.status == 429:
            self._budgets.pause(failure.bucket or A_FILE.buckets[0], failure.retry_after)
        if failure is not None:
            raise failure

    def _is_own(self, address: str) -> bool:
        """Whether it is on the tracker's own server; raises RefusedError when it is on nobody's that we know."""
        try:
            url = parse_url(address)
        except LocationParseError:
            url = Url()
        host = (url.host or "").lower()
        if url.auth is None and _origin(url) == _origin(self._own):
            return True
        ours = host.endswith(self._hosts) and url.scheme == "https" and url.port in (None, 443)
        # A rehearsal has the vendor's file host on this machine too; no real tracker can send anybody there.
        ours = ours or (url.scheme in ("http", "https") and _is_here(url) and _is_here(self._own))
        if url.auth is not None or not ours:
            raise RefusedError(f"{self._service}: a file on another host was not fetched")
        return False


def _origin(url: Url) -> tuple[str | None, str | None, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme or "")
    return url.scheme, url.host.lower() if url.host else None, url.port or default


def _is_here(url: Url) -> bool:
    return is_loopback((url.host or "").lower().strip("[]"))


def _raise_for(answer: requests.Response, what: str) -> None:
    status = answer.status_code
    if status == 200:
        return
    if status in (404, 410):
        raise NotFoundError(f"{what}: {status}", status=status)
    if status == 429 or status >= 500:
        raise TransientError(f"{what}: {status}", retry_after=30.0, status=status)
    raise RefusedError(f"{what}: {status}", status=status)


def _raise_for_page(answer: requests.Response, address: str, what: str) -> None:
    """A login or a maintenance page is no file."""
    wanted = address.lower().endswith((".html", ".htm"))
    if "html" in answer.headers.get("Content-Type", "").lower() and not wanted:
        raise TransientError(f"{what}: a page in the place of the file (a login or a proxy?)", retry_after=30.0)


def _read(answer: requests.Response, limit: int, what: str) -> bytes:
    """Counted while it comes: Content-Length is a hint."""
    deadline = time.monotonic() + WHOLE_FILE
    content = bytearray()
    for chunk in answer.iter_content(65536):
        content += chunk
        if len(content) > limit:
            raise RefusedError(f"{what}: it has more than {limit} bytes")
        if time.monotonic() > deadline:
            raise TransientError(f"{what}: it takes longer than {WHOLE_FILE:.0f} s", retry_after=60.0)
    return bytes(content)
