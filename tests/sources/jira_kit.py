"""What the tests of the Jira adapter share: a clock, a secret, and invented JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import responses

from syncd.sources.credentials import Bearer
from syncd.sources.jira import Jira

URL = "https://jira.test"
REST = f"{URL}/rest/api/2"
OWN = "acc-sync"


@dataclass
class TurnedClock:
    """A clock that stands until it is turned."""

    at: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)
    seconds: float = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def turn(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass(frozen=True)
class Word:
    """A secret."""

    text: str = field(default="tok-123456", repr=False)

    def reveal(self) -> str:
        return self.text


def jira_for(
    deployment: Literal["auto", "cloud", "data_center"] = "cloud", *, clock: TurnedClock | None = None, **more: Any
) -> Jira:
    """An adapter to the server that `responses` pretends to be."""
    clock = clock or TurnedClock()
    auth = more.pop("auth", Bearer(Word()))
    return Jira(more.pop("url", URL), auth, deployment, clock=clock, sleep=clock.turn, **more)


def issue(number: int, *, project: str = "WEB", **fields: Any) -> Any:
    """An issue's JSON; a field set to `...` is absent."""
    raw: dict[str, Any] = {
        "id": str(10000 + number),
        "key": f"{project}-{number}",
        "fields": {
            "summary": f"Bug {number}",
            "status": {"id": "3", "name": "In Progress", "statusCategory": {"key": "indeterminate"}},
            "resolution": None,
            "updated": "2026-03-02T09:00:00.000+0000",
            "issuetype": {"id": "10004", "name": "Bug"},
            "project": {"id": "10000", "key": project},
        },
    }
    for name, value in fields.items():
        raw["fields"][name] = value
        if value is ...:
            del raw["fields"][name]
    return copy.deepcopy(raw)


def history(*entries: tuple[int, str], total: int | None = None, author: str = "acc-lin") -> dict[str, Any]:
    """An embedded changelog of changes of status: (entry id, new status id)."""
    histories = [
        {
            "id": str(number),
            "author": {"accountId": author},
            "created": f"2026-03-02T09:00:{number % 60:02}.000+0000",
            "items": [{"field": "status", "fieldId": "status", "fieldtype": "jira", "from": "1", "to": status}],
        }
        for number, status in entries
    ]
    return {"startAt": 0, "maxResults": len(histories), "total": total or len(histories), "histories": histories}


def know(mock: responses.RequestsMock, me: Mapping[str, Any] | None = None) -> None:
    """Lets `myself` answer."""
    mock.get(f"{REST}/myself", json=me or {"accountId": OWN, "displayName": "syncd", "timeZone": "Asia/Shanghai"})


def sent(mock: responses.RequestsMock, number: int = -1) -> Any:
    """The JSON body of a request."""
    body = mock.calls[number].request.body
    assert body is not None
    return json.loads(body)


def query(mock: responses.RequestsMock, number: int = -1) -> dict[str, str]:
    """The parameters of a request."""
    params: dict[str, str] = mock.calls[number].request.params  # type: ignore[attr-defined]  # added by responses
    return params


def paths(mock: responses.RequestsMock) -> list[str]:
    """Method and path of every request so far."""
    return [
        f"{call.request.method} {(call.request.url or '').removeprefix(URL).partition('?')[0]}" for call in mock.calls
    ]
