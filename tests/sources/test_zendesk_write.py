"""The body of an update, and whether an answer shows that it was applied."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from zenpy.lib.util import dict_clean

from syncd.core.ports import TicketWrite
from syncd.sources.errors import RefusedError
from syncd.sources.zendesk_audits import audit_of
from syncd.sources.zendesk_write import is_public, not_shown, notes_of, ticket_object
from tests.sources.zendesk_rows import BOT, audit, change, comment, rule, ticket

STAMP = datetime(2026, 11, 20, 10, 5, 10, tzinfo=timezone(timedelta(hours=2)))
ALWAYS = {"safe_update": True, "updated_stamp": "2026-11-20T08:05:10Z", "metadata": {"syncd_op": "m"}}


@pytest.mark.parametrize(
    ("write", "body"),
    [
        pytest.param(TicketWrite(status="open"), {"status": "open"}, id="a status"),
        pytest.param(
            TicketWrite(status="open", custom_status_id=42), {"custom_status_id": 42}, id="a custom status says it all"
        ),
        pytest.param(TicketWrite(note="x"), {"comment": {"body": "x", "public": False}}, id="a note"),
        pytest.param(
            TicketWrite(note=""), {"comment": {"body": "", "public": False}}, id="an empty note is still internal"
        ),
        pytest.param(
            TicketWrite(fields={"3601": None, "3602": False, "3603": ["a"]}),
            {
                "custom_fields": [
                    {"id": 3601, "value": None},
                    {"id": 3602, "value": False},
                    {"id": 3603, "value": ["a"]},
                ]
            },
            id="fields, emptied ones too",
        ),
    ],
)
def test_only_what_changes_is_sent(write: TicketWrite, body: dict[str, Any]) -> None:
    sent = json.dumps(ticket_object(35, write, STAMP, "m").to_dict(serialize=True))
    assert json.loads(sent, object_pairs_hook=dict_clean) == {"id": 35, **ALWAYS, **body}


@pytest.mark.parametrize(
    "write",
    [TicketWrite(), TicketWrite(fields={}), TicketWrite(fields={"priority": "high"}), TicketWrite(fields={"-1": 0})],
)
def test_what_cannot_be_sent(write: TicketWrite) -> None:
    with pytest.raises(RefusedError):
        ticket_object(35, write, datetime(2026, 1, 1, tzinfo=UTC), "m")


@pytest.mark.parametrize(
    ("write", "row", "events", "missing"),
    [
        pytest.param(TicketWrite(status="open"), {}, None, [], id="the ticket shows the status"),
        pytest.param(TicketWrite(status="hold"), {}, None, ["the status"], id="it shows another"),
        pytest.param(
            TicketWrite(status="hold"),
            {},
            [change("status", "hold"), change("status", "open", via=rule())],
            [],
            id="a trigger undid it at once",
        ),
        pytest.param(TicketWrite(custom_status_id=41), {}, None, [], id="the custom status"),
        pytest.param(
            TicketWrite(custom_status_id=41), {"custom_status_id": "41"}, None, [], id="the custom status as text"
        ),
        pytest.param(TicketWrite(custom_status_id=42), {}, [], ["the status"], id="another custom status"),
        pytest.param(
            TicketWrite(custom_status_id=42), {}, [change("custom_status_id", "42")], [], id="an audit shows it"
        ),
        pytest.param(TicketWrite(fields={"3601": "ENG-7"}), {}, None, [], id="a field"),
        pytest.param(TicketWrite(fields={"3602": ""}), {}, None, [], id="a field that stays empty"),
        pytest.param(TicketWrite(fields={"3601": None}), {}, None, ["field 3601"], id="a field that was not emptied"),
        pytest.param(TicketWrite(fields={"3602": 5}), {}, [change("3602", "5")], [], id="a field in the audit"),
        pytest.param(
            TicketWrite(fields={"3602": 5}), {"custom_fields": None}, [], ["field 3602"], id="no fields at all"
        ),
        pytest.param(TicketWrite(note="x"), {}, [comment()], [], id="the note"),
        pytest.param(TicketWrite(note="x"), {}, [], ["the note"], id="no note"),
        pytest.param(
            TicketWrite(note="x"), {}, [comment(via=rule())], ["the note"], id="a trigger's comment is not our note"
        ),
        pytest.param(TicketWrite(status="hold", note="x"), {}, None, ["the status", "the note"], id="nothing of it"),
    ],
)
def test_what_an_answer_does_not_show(
    write: TicketWrite, row: dict[str, Any], events: list[Any] | None, missing: list[str]
) -> None:
    audits = [] if events is None else [audit_of(audit(1, *events, author=BOT))]
    assert not_shown(write, ticket(**row), audits) == missing


@pytest.mark.parametrize(
    ("events", "public"),
    [
        pytest.param([comment(public=False)], False, id="internal"),
        pytest.param([comment(public=True)], True, id="public"),
        pytest.param([comment(public=None)], True, id="not said counts as public"),
        pytest.param([comment(public=False), comment(public=True, via=rule())], False, id="a trigger's is not ours"),
        pytest.param([], None, id="none"),
    ],
)
def test_how_the_note_is_stored(events: list[Any], public: bool | None) -> None:
    assert is_public(notes_of([audit_of(audit(1, *events))])) is public
