"""Calls to Jira: the `jira` library builds the addresses and holds the session, which is ours.

The library repeats writes, follows redirects and loses field names of errors, so none of its calls are used. This is
the only module that reaches into it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import quote, unquote

import jira
from requests import Response
from requests.adapters import BaseAdapter

from syncd.core.ports import Clock
from syncd.sources.budget import Allowance, Budgets
from syncd.sources.credentials import Credential
from syncd.sources.errors import AuthError, InvalidResponseError, NotFoundError, RefusedError, SourceError
from syncd.sources.http import TIMEOUT, BeforeSend, CallKind, CallRecord, Session, parse_json
from syncd.sources.jira_json import MalformedError

V3: Final = "{server}/rest/api/3/{path}"

_REST: Final = re.compile(r"/rest/api/[^/]+/(?P<resource>.*)$")
_READS_BY_POST: Final = frozenset({"search", "search/jql", "issue/bulkfetch", "workflows"})
_ISSUE: Final = re.compile(r"issue/(?!bulkfetch$)(?P<issue>[^/]+)(/.*)?")
_PER_SECOND: Final = Allowance(calls=100, window=1.0)
"""Cloud's burst limit per endpoint: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/"""


def kind_of(method: str, path: str) -> CallKind:
    """What a request is: search, read or write, and of which issue. Some reads are sent as POST."""
    found = _REST.search(path)
    resource = found["resource"] if found else ""
    issue = _ISSUE.fullmatch(resource)
    subject = f"issue:{unquote(issue['issue'])}" if issue else ""
    if resource in ("search", "search/jql"):
        return CallKind("search", write=False)
    if method in ("GET", "HEAD") or resource in _READS_BY_POST:
        return CallKind("read", write=False, subject=subject)
    return CallKind("write", write=True, subject=subject)


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


@contextmanager
def understood() -> Iterator[None]:
    """Turns JSON of the wrong shape into InvalidResponseError."""
    try:
        yield
    except MalformedError as error:
        raise InvalidResponseError(f"jira: {error}") from None


class Wire:
    """One account's connection to one Jira."""

    def __init__(
        self,
        base_url: str,
        credential: Credential | None,
        *,
        clock: Clock,
        adapter: BaseAdapter | None,
        ca: str | None,
        on_call: Callable[[CallRecord], None] | None,
        before_send: tuple[BeforeSend, ...] = (),
        sleep: Callable[[float], None],
    ) -> None:
        self.session = Session(
            base_url,
            service="jira",
            clock=clock,
            credential=credential,
            kind_of=kind_of,
            budgets=Budgets(clock, dict.fromkeys(("search", "read", "write"), _PER_SECOND)),
            adapter=adapter,
            ca=ca,
            on_call=on_call,
            before_send=before_send,
            sleep=sleep,
        )
        self._nobody: str | None = None
        self.session.hooks["response"].append(self._look)
        self.session.headers["X-Atlassian-Token"] = "no-check"  # Data Center's guard against forged forms
        self._library = jira.JIRA(
            self.session.base_url,
            options={"rest_api_version": "2"},
            get_server_info=False,
            max_retries=0,
            timeout=TIMEOUT,
        )
        logging.getLogger("jira").setLevel(logging.NOTSET)  # the constructor forces INFO
        own = self._library._session  # noqa: SLF001 - the library has no way to be given a session
        own.close()
        self._library._session = self.session  # type: ignore[assignment]  # noqa: SLF001 - as above; it is a Session
        self._library._fields_cache_value = {"\0": "\0"}  # noqa: SLF001 - or any search asks for all fields first

    def get(self, path: str, params: Mapping[str, str] | None = None, *, anonymous: bool = False) -> Any:
        """The JSON answer to a GET; `path` follows /rest/api/2/.

        Raises AuthError when the server answered without knowing us, unless `anonymous`: it answers 200 then, with
        whatever the public may see, or says that an issue does not exist.
        """
        address = self._address(path)
        send = partial(self.session.get, address, params=params)
        return parse_json(send() if anonymous else self._known(send), f"jira: GET {path}")

    def ask(self, path: str, body: Mapping[str, Any], *, v3: bool = False) -> Any:
        """The JSON answer to a question that is sent as POST."""
        send = partial(self.session.post, self._address(path, v3=v3), json=body)
        return parse_json(self._known(send), f"jira: POST {path}")

    def write(self, path: str, body: Mapping[str, Any] | None, *, method: str = "POST") -> Any:
        """The JSON answer to a request that changes something, None when it is empty. Sent once.

        Jira says 204 or 201 where its answer has no body; an empty 200 is somebody else's and proves nothing."""
        self._nobody = None
        try:
            response = self.session.request(method, self._address(path), json=body)
        except (NotFoundError, RefusedError):
            if self._taken_for_nobody() is None:
                raise
            raise _refused_as_nobody() from None
        if response.content.strip() or response.status_code == 200:
            return parse_json(response, f"jira: {method} {path}")
        return None

    def send_file(self, path: str, name: str, content: bytes) -> Any:
        """The JSON answer to a POST of one file. Sent once."""
        files = {"file": (name, content, "application/octet-stream")}
        try:
            return parse_json(self.session.post(self._address(path), files=files), f"jira: POST {path}")
        except NotFoundError as error:
            # Data Center answers so to a file that is too big: https://developer.atlassian.com/server/jira/platform/rest/
            raise RefusedError(str(error), status=error.status) from None

    def address(self, path: str) -> str:
        """The whole address of a path below /rest/api/2/."""
        return self._address(path)

    def _known(self, send: Callable[[], Response]) -> Response:
        """The answer to a read, which was meant for us; with a new credential if the old one made us nobody."""
        for _ in range(2):
            self._nobody = None
            answer: Response | SourceError
            try:
                answer = send()
            except (NotFoundError, RefusedError) as error:
                answer = error
            refused = self._taken_for_nobody()
            if refused is None:
                if isinstance(answer, SourceError):
                    raise answer
                return answer
            if not self.session.signer.renew(refused):
                break
        raise _refused_as_nobody()

    def _taken_for_nobody(self) -> str | None:
        """What the last request was signed with, if it was answered as to nobody."""
        return self._nobody

    def _look(self, response: Response, *_: object, **__: object) -> None:
        """Notes whom the server took us for; a hook, as answers that are errors do not come back."""
        self._nobody = str(response.request.headers.get("Authorization")) if _is_for_nobody(response) else None

    def _address(self, path: str, *, v3: bool = False) -> str:
        build = self._library._get_url  # noqa: SLF001 - the library's URL builder has no public name
        return build(path, base=V3) if v3 else build(path)


def _is_for_nobody(response: Response) -> bool:
    """Data Center names the user it took us for in X-AUSERNAME, Cloud in X-AACCOUNTID; both may say on a 200 that a
    login failed."""
    user = response.headers.get("X-AUSERNAME")
    if user is not None:
        return unquote(user).casefold() == "anonymous"
    reason = response.headers.get("X-Seraph-LoginReason", "").upper()
    failed = "AUTHENTICATED_FAILED" in reason or "AUTHENTICATION_DENIED" in reason
    return failed and "X-AACCOUNTID" not in response.headers


def _refused_as_nobody() -> AuthError:
    said = "jira: the server answered as to nobody: the credential is wrong, expired or revoked"
    return AuthError(said, service="jira")
