from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.actions import RemoteAction
from syncd.core.model import Base, Conflict, IssueSnapshot, TicketChange, TicketSnapshot, TicketState
from syncd.store import codec
from tests.store.records import NOW, base, move, ticket, update

# Any character, lone surrogates and NUL too: that is what customers' texts are made of.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
WHEN = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone beside it
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-(2**70), 2**70),
    str: TEXT,
    type(None): st.none(),
    datetime: WHEN,
}


@cache
def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that the annotation allows: new fields of core are tried without a word here."""
    if hint in PLAIN:
        return PLAIN[hint]
    if is_dataclass(hint):
        hints = get_type_hints(hint, localns={"Any": Any})
        return st.builds(hint, **{spec.name: any_of(hints[spec.name]) for spec in fields(hint)})  # type: ignore[arg-type]  # a class, not an instance
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(TEXT, JSON, max_size=3)
    if float in arguments:
        return JSON
    if arguments:
        return st.one_of([any_of(option) for option in arguments])
    return st.sampled_from(hint)


KINDS: tuple[Any, ...] = get_args(RemoteAction)
RECORDS = (Base, Conflict, TicketChange, TicketSnapshot, IssueSnapshot)


def test_every_kind_of_remote_action_can_be_stored() -> None:
    assert set(codec.DESTINATIONS) == set(KINDS)


@given(st.one_of([any_of(kind) for kind in KINDS]))
def test_every_action_survives_the_store(action: RemoteAction) -> None:
    text = codec.encode(action)
    assert text.isascii()
    back = codec.decode_action(action.kind, text)
    assert back == action
    assert type(back) is type(action)
    assert codec.encode(back) == text


@given(st.one_of([any_of(kind) for kind in RECORDS]))
def test_every_record_survives_the_store(record: object) -> None:
    text = codec.encode(record)
    assert codec.decode(type(record), text) == record


@given(WHEN)
def test_every_moment_survives_the_store(moment: datetime) -> None:
    assert codec.from_micros(codec.to_micros(moment)) == moment


def test_a_moment_in_another_zone_comes_back_in_utc() -> None:
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    assert codec.from_micros(codec.to_micros(shanghai)).isoformat() == NOW.isoformat()


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        codec.encode(ticket(updated_at=NOW.replace(tzinfo=None)))


def test_what_has_its_default_is_left_out() -> None:
    assert codec.encode(TicketState("open")) == '{"category":"open"}'
    assert "wrote_bug" not in codec.encode(base())


def test_a_row_from_before_a_field_was_added_gets_its_default() -> None:
    assert codec.decode(TicketState, '{"category":"open"}') == TicketState("open", None)


def test_a_row_from_the_next_version_is_read_without_what_is_new_in_it() -> None:
    assert codec.decode(TicketState, '{"category":"open","colour":"red"}') == TicketState("open")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param("update_ticket", "{", id="broken JSON"),
        pytest.param("update_ticket", "[]", id="a list"),
        pytest.param("update_ticket", "null", id="nothing"),
        pytest.param("update_ticket", '{"ticket_id":1}', id="a field is missing"),
        pytest.param("update_ticket", codec.encode(move()), id="another kind's payload"),
        pytest.param("delete_ticket", codec.encode(update()), id="a kind that there is not"),
    ],
)
def test_what_is_no_action_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"not a|no action|Expecting|"):
        codec.decode_action(kind, text)


def test_the_order_of_keys_does_not_change_the_text() -> None:
    assert codec.encode(update(fields={"a": 1, "b": 2})) == codec.encode(update(fields={"b": 2, "a": 1}))
