"""The log: one line per cycle and per action, readable on a terminal and JSON for machines, never a secret in it.

Everything goes through one handler at the root of the standard library's logging, so that what the tracker libraries,
urllib3 or the database say is treated the same: levels, redaction, and the same warning only once in five minutes.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, Literal, TextIO, TypeAlias
from urllib.parse import quote

import structlog

from syncd import __version__

SAME_AGAIN = 300.0
"""Seconds for which a warning is not said again in the same words."""

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
NOISY = ("urllib3", "requests", "zenpy", "jira", "apscheduler", "sqlalchemy", "alembic", "werkzeug")
SHORTEST = 6  # characters; replacing less would blacken ordinary words
KEPT_WARNINGS = 1000
RELOAD_AFTER = 60.0  # seconds after which secrets are read again, since they may be rotated

_ECS = {"event": "message", "level": "log.level", "logger": "log.logger", "exception": "error.stack_trace"}
_FIRST: tuple[str, ...] = ("@timestamp", "log.level", "message", "log.logger")
_TOP = frozenset({"@timestamp", *_ECS.values()})

_PATTERNS = (
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=:-]{6,}", re.IGNORECASE), r"\1 …"),
    (
        re.compile(
            r"(\b(?:authorization|access_token|refresh_token|client_secret|api_token|password|cookie)\b"
            r"[\"']?\s*[:=]\s*[\"']?)(?!(?:Bearer|Basic) )[^\s\"'&,;}\])]+",
            re.IGNORECASE,
        ),
        r"\1…",
    ),
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"), r"\1…@"),
)

Secrets: TypeAlias = Callable[[], Iterable[str]]
Event: TypeAlias = MutableMapping[str, Any]


class Redactor:
    """Blackens secrets in anything that is about to be written. `secrets` gives the known values as they are now."""

    def __init__(self, secrets: Secrets, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._secrets = secrets
        self._monotonic = monotonic
        self._known: tuple[str, ...] = ()
        self._read_at = float("-inf")

    def text(self, value: str) -> str:
        """The text without any known secret, and without what looks like a credential."""
        for secret in self._now():
            value = value.replace(secret, "…")
        for pattern, instead in _PATTERNS:
            value = pattern.sub(instead, value)
        return value

    def value(self, value: Any) -> Any:
        """The same for whatever a log line may hold."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(inner) for inner in value]
        return value if value is None or isinstance(value, bool | int | float) else self.text(str(value))

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        return {key: self.value(value) for key, value in event.items() if not key.startswith("_")}

    def _now(self) -> tuple[str, ...]:
        moment = self._monotonic()
        if moment - self._read_at >= RELOAD_AFTER:
            self._read_at = moment
            found = {form for secret in self._secrets() if len(secret) >= SHORTEST for form in _forms(secret)}
            # What was a secret a minute ago still is one.
            self._known = tuple(sorted({*self._known, *found}, key=len, reverse=True))
        return self._known


def _forms(secret: str) -> Iterable[str]:
    """A secret as it may show up: as it is, in a URL, in base64 on its own."""
    yield secret
    yield quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode("ascii").rstrip("=")


class OnceIn(logging.Filter):
    """Lets the same warning or error pass once in five minutes, then with the number of times it was held back."""

    def __init__(self, seconds: float = SAME_AGAIN, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._monotonic = monotonic
        self._said: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        event = record.msg if isinstance(record.msg, dict) else None
        if event is not None and event.get("news"):
            return True  # a change of state is news, however often it happens
        key = f"{record.name}\x1f{_words(event) if event is not None else record.getMessage()}"
        now = self._monotonic()
        at, held = self._said.get(key, (float("-inf"), 0))
        if now - at < self._seconds:
            self._said[key] = (at, held + 1)
            return False
        self._said.pop(key, None)
        while len(self._said) >= KEPT_WARNINGS:
            del self._said[next(iter(self._said))]
        self._said[key] = (now, 0)
        if held and event is not None:
            record.msg = {**event, "repeated": held}
        return True


def _words(event: Mapping[str, Any]) -> str:
    """What makes two log lines the same: their words, not their figures and times."""
    said = {k: v for k, v in event.items() if isinstance(v, str) and not k.startswith("_") and k != "@timestamp"}
    return json.dumps(said, sort_keys=True)


def set_up(
    stream: TextIO,
    *,
    form: Literal["auto", "json", "console"] = "auto",
    level: str = "info",
    secrets: Secrets = tuple,
) -> None:
    """Sends every log line of the process to `stream`; may be called again, after a change of the configuration.

    `form` auto is console on a terminal and JSON elsewhere. A line that cannot be written (a full disk) is lost, and
    nothing else."""
    console = form == "console" or (form == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="@timestamp"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: list[Any] = [_without_meta, structlog.processors.format_exc_info, Redactor(secrets)]
    if console:
        last.append(_for_console)
        last.append(
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
            )
        )
    else:
        last.append(_as_json)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=shared))
    handler.addFilter(OnceIn())
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(LEVELS[level])
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, LEVELS[level]))
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not stop the work


def _without_meta(_logger: Any, _method: str, event: Event) -> Event:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    event.pop("news", None)
    return event


def _for_console(_logger: Any, _method: str, event: Event) -> Event:
    """A terminal's lines begin with the time of day of the person who looks."""
    shown = {key: value for key, value in event.items() if value is not None and key not in ("@timestamp", "logger")}
    return {"timestamp": str(event.get("@timestamp", ""))[:19].replace("T", " "), **shown}


def _as_json(_logger: Any, _method: str, event: Event) -> str:
    """One line with the names of the Elastic Common Schema; what is ours alone is under `syncd`.

    https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html"""
    named: dict[str, Any] = {_ECS.get(key, key): value for key, value in event.items()}
    line: dict[str, Any] = {
        key: named[key] for key in ("@timestamp", "log.level", "message", "log.logger") if key in named
    }
    line |= {"service.name": "syncd", "service.version": __version__}
    if "error.stack_trace" in named:
        line["error.stack_trace"] = named["error.stack_trace"]
    own = {key: value for key, value in named.items() if key not in _TOP and value is not None}
    if own:
        line["syncd"] = own
    return json.dumps(line, ensure_ascii=False, default=str)
