"""Frozen dataclasses of core ⇄ compact JSON, driven by their annotations.

A field that has its default is left out, and an unknown key is skipped: so a row written before a field was added, or
by the version after this one, can still be read. Times are integers, microseconds since 1970 in UTC.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from syncd.core.actions import (
    CommentOnBug,
    CreateBug,
    FollowUp,
    MoveBug,
    RemoteAction,
    RemoveTag,
    SetBugFields,
    SetTicketFields,
    ShowTicketOnBug,
    UpdateTicket,
)
from syncd.core.clock_actions import ShowClocks
from syncd.core.comment_actions import (
    ChangeBugComment,
    CommentToBug,
    CommentToTicket,
    RemoveBugFile,
    WithdrawFile,
    WithdrawNote,
)
from syncd.core.escalation_actions import EscalateTicket, RaiseBug
from syncd.core.succession import RelateBugs

T = TypeVar("T")
_Convert = Callable[[Any], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN: frozenset[Any] = frozenset({bool, int, float, str, type(None)})

DESTINATIONS: Mapping[type[RemoteAction], str] = {
    UpdateTicket: "zendesk",
    RemoveTag: "zendesk",
    MoveBug: "jira",
    CommentOnBug: "jira",
    CreateBug: "jira",
    ShowTicketOnBug: "jira",
    RelateBugs: "jira",
    EscalateTicket: "zendesk",
    RaiseBug: "jira",
    ShowClocks: "zendesk",
    SetBugFields: "jira",
    SetTicketFields: "zendesk",
    FollowUp: "zendesk",
    CommentToTicket: "zendesk",
    WithdrawNote: "zendesk",
    CommentToBug: "jira",
    ChangeBugComment: "jira",
    WithdrawFile: "zendesk",
    RemoveBugFile: "jira",
}
"""Which server an action of each kind is carried out on."""

_KINDS: Mapping[str, type[RemoteAction]] = {action.kind: action for action in DESTINATIONS}


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970; raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment.isoformat()}")
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment, aware, in UTC."""
    return _EPOCH + micros * _MICROSECOND


def maybe_micros(moment: datetime | None) -> int | None:
    """As to_micros, None for None."""
    return None if moment is None else to_micros(moment)


def maybe_moment(micros: int | None) -> datetime | None:
    """As from_micros, None for None."""
    return None if micros is None else from_micros(micros)


def dumps(value: object) -> str:
    """Compact JSON in ASCII with sorted keys: equal values give equal text, which every database can hold."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=True)


def loads(text: str) -> Any:
    """The value of a JSON text."""
    return json.loads(text)


def encode(record: object) -> str:
    """The record as JSON text."""
    kind: Any = type(record)
    return dumps(_writer(kind)(record))


def decode(record_type: type[T], text: str) -> T:
    """The record again; raises ValueError when the text is not one of that type."""
    try:
        kind: Any = record_type
        record: T = _reader(kind)(loads(text))
    except (TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a {record_type.__name__}: {error}") from error
    return record


def decode_action(kind: str, text: str) -> RemoteAction:
    """The action of that kind; raises ValueError for an unknown kind or a text that does not fit."""
    if kind not in _KINDS:
        raise ValueError(f"no action is called {kind!r}")
    return decode(_KINDS[kind], text)


def destination_of(action: RemoteAction) -> str:
    """ "zendesk" or "jira": the server that the action writes to."""
    return DESTINATIONS[type(action)]


def _default_of(spec: Field[Any]) -> Any:
    if spec.default is not MISSING:
        return spec.default
    if spec.default_factory is not MISSING:
        return spec.default_factory()
    return MISSING


@cache
def _hints(record_type: Any) -> dict[str, Any]:
    # Json is an alias spelled as text, and names Any in modules that do not import it.
    return get_type_hints(record_type, localns={"Any": Any})


def _optional(hint: Any) -> Any:
    """X of `X | None`; None when the hint is a plain value (a union of JSON's own types); else the hint itself."""
    if hint is Any or hint in _PLAIN:
        return None
    if get_origin(hint) in (Union, types.UnionType):
        if all(option in _PLAIN or get_origin(option) in (list, dict) for option in get_args(hint)):
            return None
        (inner,) = (option for option in get_args(hint) if option is not type(None))
        return inner
    return hint


@cache
def _writer(hint: Any) -> _Convert:
    inner = _optional(hint)
    if inner is None:
        return _same
    if inner is not hint:
        write = _writer(inner)
        return lambda value: None if value is None else write(value)
    origin = get_origin(hint)
    if origin is tuple:
        item = _writer(get_args(hint)[0])
        return lambda value: [item(entry) for entry in value]
    if origin is not None and issubclass(origin, Mapping):
        return dict
    if hint is datetime:
        return to_micros
    if issubclass(hint, Enum):
        return lambda value: value.value
    if is_dataclass(hint):
        return _record_writer(hint)
    raise TypeError(f"no way to store {hint!r}")


@cache
def _reader(hint: Any) -> _Convert:
    inner = _optional(hint)
    if inner is None:
        return _same
    if inner is not hint:
        read = _reader(inner)
        return lambda value: None if value is None else read(value)
    origin = get_origin(hint)
    if origin is tuple:
        item = _reader(get_args(hint)[0])
        return lambda value: tuple(item(entry) for entry in value)
    if origin is not None and issubclass(origin, Mapping):
        return dict
    if hint is datetime:
        return from_micros
    if issubclass(hint, Enum):
        kind: _Convert = hint
        return kind
    if is_dataclass(hint):
        return _record_reader(hint)
    raise TypeError(f"no way to read {hint!r}")


def _same(value: Any) -> Any:
    return value


def _record_writer(record_type: Any) -> _Convert:
    hints = _hints(record_type)
    plan = [(spec.name, _writer(hints[spec.name]), _default_of(spec)) for spec in fields(record_type)]

    def write(record: Any) -> dict[str, Any]:
        found = {}
        for name, convert, default in plan:
            value = getattr(record, name)
            if default is MISSING or value != default:
                found[name] = convert(value)
        return found

    return write


def _record_reader(record_type: Any) -> _Convert:
    hints = _hints(record_type)
    plan = [(spec.name, _reader(hints[spec.name])) for spec in fields(record_type)]

    def read(row: Any) -> Any:
        return record_type(**{name: convert(row[name]) for name, convert in plan if name in row})

    return read
