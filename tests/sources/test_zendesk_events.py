"""The ticket_events export as changes, and that audits tell the same."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.model import ActorKind
from syncd.sources.zendesk_audits import audit_events, audit_of
from syncd.sources.zendesk_events import events_of
from tests.sources.test_zendesk_audits import MARK, people
from tests.sources.zendesk_rows import AGENT, BOT, CUSTOMER, T1, audit, rule


def row(*children: Any, **more: Any) -> dict[str, Any]:
    base = {
        "id": 90,
        "ticket_id": 35,
        "timestamp": 1795161910,
        "created_at": T1,
        "updater_id": AGENT,
        "via": "Web form",
        "system": {"ip_address": "192.0.2.1"},
        "event_type": "Audit",
        "child_events": list(children),
    }
    return {**base, **more}


def child(kind: str, number: int = 7, **more: Any) -> dict[str, Any]:
    return {"id": number, "via": "Web form", "via_reference_id": None, "event_type": kind, **more}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(
            child("Change", status="solved", previous_value="open"), ("status", "open", "solved", None), id="a status"
        ),
        pytest.param(
            child("Change", custom_status_id=42, previous_value="41"),
            ("custom_status", "41", "42", None),
            id="a custom status",
        ),
        pytest.param(child("Create", status="new"), ("created", None, "new", None), id="a new ticket"),
        pytest.param(
            child("Change", tags=["a", "b"], added_tags=["b"], removed_tags=["c"], previous_value=None),
            ("tags", "a c", "a b", None),
            id="tags, with what was added",
        ),
        pytest.param(
            child("Change", tags=["a"], previous_value=["a", "c"]),
            ("tags", "a c", "a", None),
            id="tags, with what was there",
        ),
        pytest.param(
            child("Change", added_tags=["b"], removed_tags=[]), ("tags", None, "b", None), id="added tags alone"
        ),
        pytest.param(child("Create", tags=["a"]), ("tags", None, "a", None), id="the first tags"),
        pytest.param(
            child("Change", custom_ticket_fields={"3601": "x"}, previous_value=None),
            ("field:3601", None, "x", None),
            id="a custom field",
        ),
        pytest.param(
            {**child("Change", previous_value="x"), "3601": "y"}, ("field:3601", "x", "y", None), id="by its id"
        ),
        pytest.param(
            child("Change", custom_fields=[{"id": 3601, "value": "y"}, "odd"], previous_value="x"),
            ("field:3601", "x", "y", None),
            id="in a list",
        ),
        pytest.param(
            child("Change", field_name="group_id", value=7, previous_value=6), ("group", "6", "7", None), id="by name"
        ),
        pytest.param(
            child("Change", assignee_id=None, previous_value=21), ("assignee", "21", None, None), id="nobody assigned"
        ),
        pytest.param(child("Create", priority="High"), ("priority", None, "high", None), id="the first priority"),
        pytest.param(child("SatisfactionRating", score="bad"), ("satisfaction", None, "bad", None), id="a rating"),
        pytest.param(
            child("Comment", comment_present=True, comment_public=False),
            ("comment", None, None, False),
            id="a comment in short",
        ),
        pytest.param(
            child("Comment", body="x", public=True, author_id=CUSTOMER),
            ("comment", None, None, True),
            id="a whole comment",
        ),
        pytest.param(child("Comment"), ("comment", None, None, None), id="a comment that does not say"),
    ],
)
def test_child_events(event: dict[str, Any], expected: tuple[Any, ...]) -> None:
    events, malformed = events_of([row(event)], people())
    assert malformed == ()
    change = events[0].change
    assert (change.kind, change.before, change.after, change.public) == expected
    assert (events[0].id, events[0].ticket_id, change.audit_id) == (7, 35, 90)
    assert change.comment_id == (7 if change.kind == "comment" else None)


@pytest.mark.parametrize("event", [child("Create", subject="S"), child("Notification", x=1), child("Change")])
def test_child_events_that_nobody_asks_about(event: dict[str, Any]) -> None:
    assert events_of([row(event)], people()) == ((), ())


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param(row(child("Change", status="open")), ActorKind.AGENT, id="an agent"),
        pytest.param(row(child("Comment", author_id=CUSTOMER)), ActorKind.CUSTOMER, id="a comment's own author"),
        pytest.param(row(child("Change", status="open", via="Rule", via_reference_id=12)), ActorKind.RULE, id="a rule"),
        pytest.param(row(child("Change", status="open", via=rule())), ActorKind.RULE, id="a rule as object"),
        pytest.param(row(child("Change", status="open"), via="Automation"), ActorKind.RULE, id="an automation"),
        pytest.param(row(child("Change", status="open"), updater_id=-1), ActorKind.RULE, id="the system"),
        pytest.param(
            row(child("Change", status="open"), updater_id=BOT, metadata={"custom": {"syncd_op": MARK}}),
            ActorKind.SELF,
            id="we",
        ),
        pytest.param(
            row(child("Change", status="open"), updater_id=BOT, metadata={"syncd_op": MARK}),
            ActorKind.SELF,
            id="we, in a flat metadata",
        ),
        pytest.param(
            row(child("Change", status="open"), updater_id=BOT), ActorKind.AGENT, id="our account without our mark"
        ),
    ],
)
def test_who_made_an_exported_change(given: dict[str, Any], kind: ActorKind) -> None:
    assert events_of([given], people())[0][0].change.actor.kind is kind


def test_an_event_without_a_date_takes_its_timestamp() -> None:
    events, _ = events_of([row(child("Change", status="open"), created_at=None)], people())
    assert int(events[0].change.at.timestamp()) == 1795161910


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(row(child("Change", status="open"), ticket_id=None), id="no ticket"),
        pytest.param(row(child("Change", status="open"), id="x"), id="an id in words"),
        pytest.param(row(child("Change", status="open"), created_at=None, timestamp=None), id="no time"),
        pytest.param(row(child("Change", status="open"), created_at="?", timestamp=10**15), id="a time beyond time"),
        pytest.param(row("x"), id="a child that is a text"),
        pytest.param("x", id="a text"),
    ],
)
def test_a_broken_event_becomes_a_sentence_and_blocks_no_other(broken: Any) -> None:
    good = row(child("Change", status="open"))
    events, malformed = events_of([good, broken, good], people())
    assert len(events) == 2
    assert len(malformed) == 1
    assert malformed[0].startswith("Zendesk sent an event of ")


def test_child_events_without_an_id_get_the_same_one_in_every_reading() -> None:
    given = row({"event_type": "Change", "status": "open"}, {"event_type": "Comment", "public": True, "body": "x"})
    first, second = events_of([given], people())[0], events_of([given], people())[0]
    assert first == second
    assert len({event.id for event in first}) == 2
    assert first[1].change.comment_id is None


def test_two_fields_in_one_child_event_are_two_events() -> None:
    events, _ = events_of([row(child("Change", priority="high", group_id=7, previous_value=None))], people())
    assert [event.change.kind for event in events] == ["priority", "group"]
    assert len({event.id for event in events}) == 2


def test_an_audit_and_the_export_tell_the_same_under_the_same_ids() -> None:
    listed = audit(
        90,
        {"id": 1, "type": "Create", "field_name": "subject", "value": "S"},
        {"id": 2, "type": "Create", "field_name": "status", "value": "new"},
        {"id": 3, "type": "Create", "field_name": "priority", "value": "high"},
        {"id": 4, "type": "Create", "field_name": "3601", "value": "x"},
        {"id": 5, "type": "Comment", "public": True, "body": "found #plan", "author_id": CUSTOMER},
        {"id": 6, "type": "Notification", "via": rule()},
    )
    exported = row(
        child("Create", 1, subject="S"),
        child("Create", 2, status="new"),
        child("Create", 3, priority="high"),
        child("Create", 4, custom_ticket_fields={"3601": "x"}),
        child("Comment", 5, public=True, body="found #plan", author_id=CUSTOMER),
        child("Notification", 6),
        created_at=listed["created_at"],
    )
    events = audit_events(audit_of(listed), 35, people())
    assert [(event.id, event.change.kind, event.change.after) for event in events] == [
        (2, "created", "new"),
        (3, "priority", "high"),
        (4, "field:3601", "x"),
        (5, "comment", None),
    ]
    assert tuple(events) == events_of([exported], people())[0]
    assert events[-1].text == "found #plan"
    assert "#plan" not in repr(events[-1])


def test_a_ticket_created_without_a_status_is_born_all_the_same() -> None:
    (event,) = audit_events(audit_of(audit(90, {"id": 1, "type": "Create", "field_name": "subject"})), 35, people())
    assert (event.change.kind, event.id < 0) == ("created", True)
