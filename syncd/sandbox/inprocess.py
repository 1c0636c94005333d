"""Reaches WSGI applications through `requests` without a socket and without real waiting."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from syncd.sandbox.web import DELAY_KEY, IN_PROCESS_KEY, DropConnection

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class WsgiAdapter(BaseAdapter):
    """Sends requests to the application that serves their scheme and host, for example
    `{"http://zendesk.test": app}`.

    A dropped connection becomes `requests.ConnectionError`, a body that breaks off `ChunkedEncodingError`, and a
    delay beyond the read timeout `ReadTimeout` (the request was carried out all the same). Nothing is slept.
    """

    def __init__(self, apps: Mapping[str, WSGIApplication]) -> None:
        super().__init__()
        self._apps = {origin.rstrip("/"): app for origin, app in apps.items()}

    def mount_on(self, session: requests.Session) -> requests.Session:
        """Mounts this adapter for all its hosts; returns the session."""
        for origin in self._apps:
            session.mount(f"{origin}/", self)
        return session

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - requests passes it; everything is read at once
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: ARG002 - as above: there is no TLS
        cert: Any = None,  # noqa: ARG002 - as above
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 - as above: nothing leaves the process
    ) -> requests.Response:
        """Raises what `requests` raises for a real connection."""
        parts = urlsplit(request.url or "")
        app = self._apps.get(f"{parts.scheme}://{parts.netloc}")
        if app is None:
            raise requests.ConnectionError(f"nothing serves {parts.scheme}://{parts.netloc}", request=request)
        environ = _environ(request)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _info: Any = None) -> Any:
            started.append((status, headers))
            return None

        body = bytearray()
        try:
            answer = app(environ, start_response)
            try:
                for chunk in answer:
                    body += chunk
            finally:
                if hasattr(answer, "close"):
                    answer.close()
        except DropConnection as drop:
            if started:
                raise requests.exceptions.ChunkedEncodingError(str(drop), request=request) from drop
            raise requests.ConnectionError(str(drop), request=request) from drop
        limit = timeout[1] if isinstance(timeout, tuple) else timeout
        delay = environ.get(DELAY_KEY)
        if limit is not None and delay is not None and float(delay) > limit:
            raise requests.exceptions.ReadTimeout(f"no answer within {limit} s", request=request)
        return _response(request, started[0], bytes(body))

    def close(self) -> None:
        """There is nothing to close."""


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    parts = urlsplit(request.url or "")
    body: Any = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    raw = body.encode() if isinstance(body, str) else body
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": "",
        # WSGI wants the bytes of the decoded path, one character each.
        "PATH_INFO": unquote(parts.path or "/").encode().decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": BytesIO(raw),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        IN_PROCESS_KEY: True,
    }
    headers: Mapping[str, Any] = request.headers
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = text
        elif key != "CONTENT_LENGTH":
            environ[f"HTTP_{key}"] = text
    return environ


def _response(
    request: requests.PreparedRequest, started: tuple[str, list[tuple[str, str]]], body: bytes
) -> requests.Response:
    status, headers = started
    code, _, reason = status.partition(" ")
    response = requests.Response()
    response.status_code = int(code)
    response.reason = reason
    response.headers = CaseInsensitiveDict(headers)
    response.encoding = get_encoding_from_headers(response.headers)
    response.url = request.url or ""
    response.request = request
    response.raw = BytesIO(body)
    return response
