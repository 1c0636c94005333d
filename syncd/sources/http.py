"""The one way out: a requests session that never repeats a write, never leaves its host, and speaks our errors.

Both tracker libraries are given such a session. Whatever they ask for, a request either returns a 2xx answer, read
whole, or raises an error of syncd.sources.errors.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeAlias
from urllib.parse import unquote

import requests
import tenacity
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from syncd import __version__
from syncd.core.ports import Clock
from syncd.sources.budget import Budgets, http_date
from syncd.sources.classify import NETWORK_ERRORS, CallKind, classify_exception, classify_response
from syncd.sources.credentials import Credential, authenticator
from syncd.sources.errors import AuthError, InvalidResponseError, RefusedError, SourceError, TransientError

USER_AGENT = f"syncd/{__version__}"
TIMEOUT = (5.0, 30.0)  # seconds: to connect, and of silence while reading
WHOLE_ANSWER = 60.0  # real seconds that one answer may take, however steadily it drips
LARGEST_ANSWER = 64 * 1024 * 1024  # bytes after decompression; a page of 1,000 tickets has about 6 MB
SLOW = 10.0  # seconds: of a call so long its Date header says too little
READ_ATTEMPTS = 3
READ_SECONDS = 15.0  # for all attempts of a read and the pauses between them

BeforeSend: TypeAlias = Callable[[requests.PreparedRequest], None]
"""Looks at a request before a byte of it leaves; what it raises reaches the caller unchanged."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One request that was sent, for counting; it has no query, body or header."""

    method: str
    path: str
    status: int | None  # None: no answer
    seconds: float
    kind: str
    date: datetime | None = None  # when it was answered, by the server's clock; None: not to be told


def read_or_write(method: str, path: str) -> CallKind:  # noqa: ARG001 - services tell more kinds apart by path
    """The plainest sorting of requests: GET and HEAD read, all else writes."""
    return CallKind("read", write=False) if method in ("GET", "HEAD") else CallKind("write", write=True)


class Session(requests.Session):
    """A session with one server.

    `kind_of(method, path)` says what a request is: whether it writes, which buckets it counts against and which
    ticket or issue it is about; `path` is as sent, without the query. `adapter` replaces the network (tests, the
    simulation). `ca` is a file or directory of certificates to trust instead of the usual ones; verification cannot be
    turned off. Proxies are taken from the environment, credentials never are. Not for two threads at once.
    """

    def __init__(
        self,
        base_url: str,
        *,
        service: str,
        clock: Clock,
        credential: Credential | None = None,
        kind_of: Callable[[str, str], CallKind] = read_or_write,
        budgets: Budgets | None = None,
        adapter: BaseAdapter | None = None,
        ca: str | None = None,
        before_send: tuple[BeforeSend, ...] = (),
        on_call: Callable[[CallRecord], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        largest_answer: int = LARGEST_ANSWER,
        read_attempts: int = READ_ATTEMPTS,
    ) -> None:
        super().__init__()
        self.base_url = base_url.rstrip("/")
        self.service = service
        self.budgets = budgets or Budgets(clock)
        self.before_send: list[BeforeSend] = list(before_send)
        self.authorized = True  # zenpy asks for credentials of its own unless it finds this
        self._base = _base(self.base_url)
        self._own_origin = _origin(self._base)
        self._own_path = (self._base.path or "").rstrip("/")
        self._clock = clock
        self._kind_of = kind_of
        self._on_call = on_call
        self._read_attempts = read_attempts
        self._sleep = sleep
        self._largest = largest_answer
        self._ca = ca
        self._adapter = adapter
        self.signer = authenticator(credential, self._post_for_token(credential), clock)
        self.auth = self.signer
        self.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # A proxy's loopback is not ours; nothing of the environment is read then.
        self.trust_env = not (self._base.host in ("localhost", "[::1]") or (self._base.host or "").startswith("127."))
        for prefix in ("https://", "http://"):
            self.mount(prefix, adapter or HTTPAdapter(max_retries=0))

    # ---- what callers use --------------------------------------------------------------------------------------

    def get_json(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer to a GET; `path` starts with "/" and follows the base URL."""
        return parse_json(self.get(self.base_url + path, params=params), f"{self.service}: GET {path}")

    def send_json(self, method: str, path: str, body: object, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer to a request with a JSON body, None when the answer is empty."""
        data = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        response = self.request(method, self.base_url + path, params=params, data=data, headers=headers)
        if not response.content.strip():
            return None
        return parse_json(response, f"{self.service}: {method} {path}")

    def wait_for(self, kind: CallKind) -> float:
        """Seconds until a request of this kind is within all limits; 0 = now."""
        return self.budgets.wait_for(_names(kind))

    # ---- one request -------------------------------------------------------------------------------------------

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests has it, with three differences: timeouts, TLS and redirects are not the caller's to choose;
        a read is repeated for some seconds; and an answer other than 2xx is raised as an error."""
        verb = (method.decode() if isinstance(method, bytes) else method).upper()
        address = url.decode() if isinstance(url, bytes) else url
        path = self._path_of(address)
        kind = self._kind_of(verb, path)

        def once() -> requests.Response:
            return self._signed(verb, address, path, kind, args, kwargs)

        try:
            return once() if kind.write else self._again(once, kind)
        except SourceError as error:
            error.service = self.service.casefold()
            raise

    def _again(self, once: Callable[[], requests.Response], kind: CallKind) -> requests.Response:
        """A read, repeated while that can help and nobody has asked us to wait longer than we would anyway."""
        deadline = self._clock.monotonic() + READ_SECONDS

        def worth_it(error: BaseException) -> bool:
            if not isinstance(error, TransientError) or error.status == 429:
                return False
            pause = max(error.retry_after, self.wait_for(kind))
            return pause <= 2.0 and self._clock.monotonic() + pause < deadline

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked: float = error.retry_after if isinstance(error, TransientError) else 0.0
            return max(0.5 * 2.0 ** (state.attempt_number - 1), asked)

        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._read_attempts),
            retry=tenacity.retry_if_exception(worth_it),
            wait=pause,
            sleep=self._sleep,
            reraise=True,
        )(once)

    def _signed(
        self, verb: str, address: str, path: str, kind: CallKind, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> requests.Response:
        """One request; once more when the credential was refused and a new one is to be had. A 401 is a definite no,
        so this holds for a write too."""
        used: list[str | None] = []
        try:
            return self._once(verb, address, path, kind, args, kwargs, used)
        except AuthError as error:
            if error.status != 401 or not used or not self.signer.renew(used[0]):
                raise
        return self._once(verb, address, path, kind, args, kwargs, used)

    def _once(
        self,
        verb: str,
        address: str,
        path: str,
        kind: CallKind,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        used: list[str | None],
    ) -> requests.Response:
        what = f"{self.service}: {verb} {path}"
        held = self.budgets.paused_for(_names(kind))
        if held > 0:
            raise TransientError(f"{what}: not sent, the server asked to wait {held:.0f} s", retry_after=held)
        options = {**kwargs, "timeout": TIMEOUT, "allow_redirects": False, "stream": True, "verify": self._ca or True}
        started = self._clock.monotonic()
        status: int | None = None
        headers: Mapping[str, str] = {}
        self.budgets.spend(_names(kind))
        try:
            try:
                response = super().request(verb, address, *args, **options)
                status, headers = response.status_code, response.headers
                used.append(_authorization(response))
                self._read_whole(response, what)
                if not response.headers:
                    # http.client takes a head that breaks off after the status for a whole one.
                    raise requests.exceptions.ChunkedEncodingError
            finally:
                self._report(verb, path, status, started, kind, headers)
        except SourceError:
            raise
        except UnicodeError:
            # Its text would quote the header, and with it the credential.
            raise RefusedError(f"{what}: the request holds characters that cannot be sent") from None
        except NETWORK_ERRORS as error:
            # The cause is left out: its request holds the credential, and some loggers print what they are given.
            raise classify_exception(error, kind, what) from None
        self.budgets.learn(response.headers, kind.name, kind.subject)
        failure = classify_response(response, kind, what, self._clock.now())
        if failure is None:
            return response
        if isinstance(failure, TransientError) and failure.retry_after > 0:
            self.budgets.pause(failure.bucket or _own_name(kind), failure.retry_after)
        raise failure

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """The last gate: own host only, certificates checked, every hook asked."""
        self._path_of(request.url or "")
        kwargs["verify"] = kwargs.get("verify") or self._ca or True
        kwargs["allow_redirects"] = False
        for look in self.before_send:
            look(request)
        return super().send(request, **kwargs)

    # ---- parts -------------------------------------------------------------------------------------------------

    def _path_of(self, address: str) -> str:
        """The path of an address on our own server; raises InvalidResponseError for any other, as addresses come
        from the server's answers (next_page, after_url) and would be sent our credential."""
        try:
            url = parse_url(address)
        except LocationParseError:
            url = Url()
        path = url.path or "/"
        own = _origin(url) == self._own_origin and url.auth is None and (path + "/").startswith(self._own_path + "/")
        if not own or ".." in unquote(path).split("/"):  # plain ones parse_url has resolved
            raise InvalidResponseError(f"{self.service}: an address outside of {self.base_url} was refused")
        return path

    def _read_whole(self, response: requests.Response, what: str) -> None:
        """Reads the body within bounds of size and time, so that later use of it cannot fail."""
        deadline = time.monotonic() + WHOLE_ANSWER
        chunks: list[bytes] = []
        size = 0
        try:
            for chunk in response.iter_content(65536):
                chunks.append(chunk)
                size += len(chunk)
                if size > self._largest:
                    raise InvalidResponseError(f"{what}: an answer of more than {self._largest} bytes")
                if time.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout
        finally:
            response.close()
        # requests offers no public way to say that a streamed body has been read by the caller.
        response._content = b"".join(chunks)  # noqa: SLF001
        response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - as above

    def _report(
        self, verb: str, path: str, status: int | None, started: float, kind: CallKind, headers: Mapping[str, str]
    ) -> None:
        if self._on_call is not None:
            seconds = self._clock.monotonic() - started
            # An answer that was slow, or comes out of a proxy's store, does not tell what time it is.
            date = None if seconds > SLOW or "Age" in headers else http_date(headers.get("Date", ""))
            self._on_call(CallRecord(verb, path, status, seconds, kind.name, date))

    def _post_for_token(self, credential: Credential | None) -> Callable[[dict[str, Any]], Any]:
        """Posts to the token endpoint through a session without a credential. Asking twice for a token does no harm,
        so this counts as a read."""

        def post(body: dict[str, Any]) -> Any:
            path = getattr(credential, "token_path", "")
            token_session = Session(
                self.base_url,
                service=self.service,
                clock=self._clock,
                kind_of=lambda _method, _path: CallKind("token", write=False),
                budgets=self.budgets,
                adapter=self._adapter,
                ca=self._ca,
                on_call=self._on_call,
                sleep=self._sleep,
                read_attempts=1,  # the read that needs the token is repeated already
            )
            return token_session.send_json("POST", path, body)

        return post


LONGEST_NUMBER = 20  # characters; Python itself refuses to read some thousand digits


def parse_json(response: requests.Response, what: str) -> Any:
    """The body as JSON; raises InvalidResponseError for a page, an empty body or broken JSON."""
    status = response.status_code
    if "html" in response.headers.get("Content-Type", "").lower():
        raise InvalidResponseError(f"{what}: a page instead of JSON (a login or a proxy?)", status=status)
    try:
        return json.loads(response.content, parse_constant=_no_constant, parse_int=_whole, parse_float=_real)
    except (ValueError, RecursionError):
        raise InvalidResponseError(f"{what}: the answer is not JSON", status=status) from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _whole(digits: str) -> int | None:
    """The number, or None for one beyond 64 bits: no id and no stamp is so large, and no database takes it. It counts
    as absent, so that it spoils the one entry that holds it and not the answer."""
    number = int(digits) if len(digits) <= LONGEST_NUMBER else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _real(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _authorization(response: requests.Response) -> str | None:
    value = response.request.headers.get("Authorization")
    return str(value) if value is not None else None


def _names(kind: CallKind) -> tuple[str, ...]:
    return (*kind.buckets, kind.name, _own_name(kind))


def _own_name(kind: CallKind) -> str:
    """What is paused when a call of this kind was refused for no stated reason: on one ticket or issue, only that, and
    its limit on writes is none on reads."""
    if not kind.subject:
        return kind.name
    return kind.subject if kind.write else f"{kind.subject}:{kind.name}"


def _base(base_url: str) -> Url:
    url = parse_url(base_url)
    if url.scheme not in ("http", "https") or not url.host or url.auth or url.query or url.fragment:
        raise ValueError("a base URL is https://host or https://host/path, without user, query or fragment")
    return url


def _origin(url: Url) -> tuple[str | None, str | None, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme or "")
    return url.scheme, url.host.lower() if url.host else None, url.port or default


__all__ = [
    "USER_AGENT",
    "BeforeSend",
    "CallKind",
    "CallRecord",
    "Session",
    "parse_json",
    "read_or_write",
]
