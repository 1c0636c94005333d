"""Answers that are not what was promised: the adapter between syncd and a server changes some of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from tests.scenarios.lab import Lab

WRONG_TYPES: dict[str, Any] = {
    "an object": {"unexpected": {"x": [1, 2]}},
    "a list": [["unexpected"]],
    "a long text": "長" * 70_000,
    "a negative number": -7,
    "a huge number": 10**30,
    "a truth value": True,
    "a NUL": "\x00\ud800",
}
WHOLE: dict[str, bytes] = {
    "a login page": b"<!doctype html><title>Anmelden</title><form>Passwort</form>",
    "half of itself": b'{"tickets": [{"id": 1, "sub',
    "empty": b"",
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "a text": b'"maintenance"',
    "a number": b"42",
    "not a number": b'{"tickets": NaN}',
    "another charset": '{"error": "gesperrt für Sie"}'.encode("utf-16"),
    "a deep nest": b"[" * 20_000 + b"]" * 20_000,
    "an error in another language": '{"errors": ["系统维护中"], "count": "viele"}'.encode(),
}

Spoil = Callable[[PreparedRequest, Response], None]


class Spoiled(BaseAdapter):
    """Hands each answer to `spoil` on its way."""

    def __init__(self, inner: BaseAdapter, spoil: Spoil) -> None:
        super().__init__()
        self._inner = inner
        self._spoil = spoil

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        response = self._inner.send(request, *args, **kwargs)
        self._spoil(request, response)
        return response

    def close(self) -> None:
        self._inner.close()


def spoil_all(lab: Lab, spoil: Spoil) -> None:
    """From now on every answer to the lab's daemon passes through `spoil`."""
    zendesk = lab.app.zendesk
    sessions = (lab.app.jira._wire.session, zendesk._writer.session, zendesk._reader.session)
    for session in {id(session): session for session in sessions}.values():
        session.mount("http://", Spoiled(session.get_adapter("http://127.0.0.1"), spoil))


def body_of(response: Response) -> bytes:
    """The answer's body, which stays readable."""
    body: bytes = response.raw.read() if response.raw is not None else b""
    put_body(response, body)
    return body


def put_body(response: Response, body: bytes) -> None:
    """Another body for the answer."""
    response.raw = BytesIO(body)
    response.headers["Content-Length"] = str(len(body))


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value in a JSON text, the outermost first."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from places(entry, (*path, number))


def change(value: Any, path: tuple[str | int, ...], *, to: Any = None, drop: bool = False) -> None:
    """Replaces what is at the path, or takes it out."""
    for step in path[:-1]:
        value = value[step]
    if drop and isinstance(value, dict):
        del value[path[-1]]
    else:
        value[path[-1]] = to


def as_json(body: bytes) -> Any:
    """The body as JSON; None when it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None
