"""The process dies at a border: before or after a call to a tracker, before or after a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from sqlalchemy import event

from tests.scenarios.lab import Crash, Lab


class Borders:
    """Counts borders and crashes at the one with the number `at` (from 1); 0 = never."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.names: list[str] = []

    def cross(self, name: str) -> None:
        """One border; raises Crash at the chosen one."""
        self.names.append(name)
        if len(self.names) == self.at:
            raise Crash(name)


class _Watched(BaseAdapter):
    def __init__(self, inner: BaseAdapter, cross: Callable[[str], None]) -> None:
        super().__init__()
        self._inner = inner
        self._cross = cross

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        call = f"{request.method} {request.path_url.partition('?')[0]}"
        if request.method != "GET":
            self._cross(f"before {call}")
        response = self._inner.send(request, *args, **kwargs)
        if request.method != "GET":
            self._cross(f"after {call}")
        return response

    def close(self) -> None:
        self._inner.close()


def watch(lab: Lab, borders: Borders) -> None:
    """From now on the lab crosses these borders: each write to a tracker, each commit that changes the store."""
    for session in (lab.app.jira._wire.session, lab.app.zendesk._writer.session):
        session.mount("http://", _Watched(session.get_adapter("http://127.0.0.1"), borders.cross))
    wrote, committed = {"now": False}, {"now": False}

    def executing(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        wrote["now"] = wrote["now"] or statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE"))

    def committing(_: Any) -> None:
        if wrote["now"]:
            borders.cross("before a commit")
            wrote["now"], committed["now"] = False, True

    def beginning(_: Any) -> None:
        if committed["now"]:
            committed["now"] = False
            borders.cross("after a commit")

    event.listen(lab.app.store._engine, "before_cursor_execute", executing)
    event.listen(lab.app.store._engine, "commit", committing)
    for engine in (lab.app.store._engine, lab.app.store._reader):
        event.listen(engine, "begin", beginning)
