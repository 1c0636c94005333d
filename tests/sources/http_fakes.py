"""Time, secrets and a network that do what a test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, TypeAlias

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


@dataclass
class Hidden:
    """A secret that may be rotated."""

    text: str = field(repr=False)

    def reveal(self) -> str:
        return self.text


@dataclass(frozen=True)
class Answer:
    """One scripted answer; `body` other than text or bytes goes as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: Any = None

    def build(self, request: requests.PreparedRequest) -> requests.Response:
        response = requests.Response()
        response.status_code = self.status
        kind = "text/plain" if isinstance(self.body, str | bytes) else "application/json; charset=utf-8"
        response.headers = CaseInsensitiveDict({"Content-Type": kind, **self.headers})
        response.url = request.url or ""
        response.request = request
        if isinstance(self.body, bytes):
            content = self.body
        elif isinstance(self.body, str):
            content = self.body.encode()
        else:
            content = b"" if self.body is None else json.dumps(self.body).encode()
        response.raw = self.raw if self.raw is not None else BytesIO(content)
        return response


Step: TypeAlias = Answer | Exception | Callable[[requests.PreparedRequest], Answer]


class ScriptedNetwork(BaseAdapter):
    """Gives the scripted answers in order, the last one for ever; keeps what was sent."""

    def __init__(self, *steps: Step) -> None:
        super().__init__()
        self.steps = list(steps)
        self.sent: list[requests.PreparedRequest] = []
        self.options: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # one catch-all for tests
        self.sent.append(request)
        self.options.append(options)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        answer = step if isinstance(step, Answer) else step(request)
        return answer.build(request)

    def close(self) -> None:
        pass

    @property
    def lines(self) -> list[str]:
        """`GET /path?query` of each request."""
        return [f"{request.method} {request.path_url}" for request in self.sent]

    def body(self, index: int = -1) -> Any:
        """The JSON that was sent."""
        return json.loads(self.sent[index].body or b"null")
