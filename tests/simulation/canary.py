"""Secrets must be found nowhere: what the daemon said while a history ran, before anything is blackened, is kept here
and looked through together with the store."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

from syncd.sandbox.seed import CLIENT_SECRET, JIRA_EMAIL, JIRA_TOKEN


@contextmanager
def listening() -> Iterator[list[str]]:
    """Everything that is logged within, one line each, without its time."""
    lines: list[str] = []

    def keep(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        lines.append(json.dumps(event, default=str, sort_keys=True))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, keep],
        wrapper_class=structlog.BoundLogger,
        cache_logger_on_first_use=False,
    )
    try:
        yield lines
    finally:
        structlog.configure(**before)


def secrets(signed_with: Iterable[str]) -> set[str]:
    """The configured secrets, and whatever requests were signed with."""
    found = {CLIENT_SECRET, JIRA_TOKEN, base64.b64encode(f"{JIRA_EMAIL}:{JIRA_TOKEN}".encode()).decode()}
    return found | {header.rpartition(" ")[2] for header in signed_with if header}
