"""Audits and exported events as changes, and who stands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from syncd.core.model import Actor, ActorKind, TicketChange
from syncd.sources.errors import AuthError, TransientError
from syncd.sources.zendesk_audits import (
    MergeHint,
    audit_events,
    audit_of,
    audits_of,
    changes_of,
    merge_hints,
    received,
)
from syncd.sources.zendesk_events import events_of
from syncd.sources.zendesk_people import KEPT, People, Via
from tests.sources.http_fakes import FakeClock
from tests.sources.zendesk_rows import AGENT, BOT, CUSTOMER, T1, USERS, audit, change, comment, rule, user

MARK = "0f3c" * 8


def people(*, robots: Sequence[str] = (), users: Sequence[Any] = USERS) -> People:
    made = People(lambda _ids: [], lambda: BOT, FakeClock(), robots)
    made.learn(users)
    return made


def changes(row: dict[str, Any], **options: Any) -> list[TicketChange]:
    return list(changes_of(audit_of(row), people(**options)))


@pytest.mark.parametrize(
    ("row", "kind", "name"),
    [
        pytest.param(audit(1, change("status", "open")), ActorKind.AGENT, "Ben", id="an agent"),
        pytest.param(audit(1, change("status", "open"), author=CUSTOMER), ActorKind.CUSTOMER, "Cleo", id="a customer"),
        pytest.param(
            audit(1, change("status", "open", via=rule())),
            ActorKind.RULE,
            "Reopen on reply",
            id="a trigger in an agent's update",
        ),
        pytest.param(
            audit(1, change("status", "open"), via=rule("Nightly", "automation")),
            ActorKind.RULE,
            "Nightly",
            id="an automation",
        ),
        pytest.param(audit(1, change("status", "open"), author=-1), ActorKind.RULE, "Zendesk", id="the system"),
        pytest.param(
            audit(1, change("status", "open"), author=BOT, mark=MARK), ActorKind.SELF, "syncd", id="we, with our mark"
        ),
        pytest.param(
            audit(1, change("status", "open"), author=BOT),
            ActorKind.AGENT,
            "syncd",
            id="our account without our mark is somebody's",
        ),
        pytest.param(
            audit(1, change("tags", ["a"]), author=BOT),
            ActorKind.SELF,
            "syncd",
            id="our account taking a tag off, which bears no mark",
        ),
        pytest.param(
            audit(1, change("status", "open"), author=AGENT, mark=MARK), ActorKind.AGENT, "Ben", id="a forged mark"
        ),
        pytest.param(
            audit(1, change("status", "open", via=rule()), author=BOT, mark=MARK),
            ActorKind.RULE,
            "Reopen on reply",
            id="a trigger in our update",
        ),
        pytest.param(audit(1, change("status", "open"), author=31337), ActorKind.UNKNOWN, "", id="somebody unknown"),
        pytest.param(audit(1, change("status", "open"), author=None), ActorKind.UNKNOWN, "", id="nobody"),
        pytest.param(
            audit(1, comment(author_id=CUSTOMER)),
            ActorKind.CUSTOMER,
            "Cleo",
            id="a comment of another than the audit's author",
        ),
        pytest.param(audit(1, change("status", "open"), via=None), ActorKind.AGENT, "Ben", id="no via"),
        pytest.param(
            audit(1, change("status", "open"), via={"channel": 8, "source": None}),
            ActorKind.AGENT,
            "Ben",
            id="an odd via",
        ),
    ],
)
def test_who_did_it(row: dict[str, Any], kind: ActorKind, name: str) -> None:
    actor = changes(row)[0].actor
    assert (actor.kind, actor.name) == (kind, name)


@pytest.mark.parametrize(
    "robots",
    [["Ben"], ["ben"], [str(AGENT)], [f"U{AGENT}@acme.example"]],
    ids=["by name", "whatever the case", "by id", "by e-mail"],
)
def test_a_configured_integration_is_a_robot(robots: list[str]) -> None:
    assert changes(audit(1, change("status", "open")), robots=robots)[0].actor.kind is ActorKind.ROBOT


def test_a_robot_is_known_by_its_id_even_when_users_cannot_be_read() -> None:
    made = changes(audit(1, change("status", "open")), robots=[str(AGENT)], users=[])
    assert made[0].actor == Actor(ActorKind.ROBOT, str(AGENT), "")


@pytest.mark.parametrize(
    ("event", "kind", "before", "after"),
    [
        pytest.param(change("status", "Open", "New"), "status", "New", "open", id="a status"),
        pytest.param(change("custom_status_id", 42, 41), "custom_status", "41", "42", id="a custom status"),
        pytest.param(change("tags", ["a", "b"], ["a"]), "tags", "a", "a b", id="tags"),
        pytest.param(change("tags", "a b", None), "tags", None, "a b", id="tags as text"),
        pytest.param(change("3601", "ENG-7"), "field:3601", None, "ENG-7", id="a custom field"),
        pytest.param(change("3602", True, False), "field:3602", "false", "true", id="a box"),
        pytest.param(change("priority", None, "High"), "priority", "high", None, id="a priority taken away"),
        pytest.param(change("priority", "-", "low"), "priority", "low", None, id="a dash for no priority"),
        pytest.param(change("group_id", 7, "6"), "group", "6", "7", id="a group"),
        pytest.param(change("assignee_id", None, 21), "assignee", "21", None, id="an assignee taken away"),
        pytest.param(change("organization_id", 9), "organization", None, "9", id="an organization"),
        pytest.param(change("requester_id", 4), "requester", None, "4", id="a requester"),
        pytest.param(change("brand_id", 4), "brand", None, "4", id="a brand"),
        pytest.param(change("ticket_form_id", 4), "form", None, "4", id="a form"),
        pytest.param(change("satisfaction_score", "Bad", "offered"), "satisfaction", "offered", "bad", id="a rating"),
        pytest.param(
            {"type": "SatisfactionRating", "score": "good"}, "satisfaction", None, "good", id="a rating of its own kind"
        ),
        pytest.param(
            {"type": "Create", "field_name": "group_id", "value": 5}, "group", None, "5", id="the first group"
        ),
        pytest.param(change("x", {"b": 1, "a": None}), "field", None, '{"a": null, "b": 1}', id="an object"),
        pytest.param(
            {"type": "Create", "field_name": "status", "value": "new"}, "status", None, "new", id="the first status"
        ),
        pytest.param(
            {"type": "CommentPrivacyChange", "comment_id": 77, "public": False},
            "other",
            None,
            None,
            id="a comment made private",
        ),
    ],
)
def test_kinds_of_change(event: dict[str, Any], kind: str, before: str | None, after: str | None) -> None:
    found = changes(audit(1, event))[0]
    expected = before.lower() if kind == "status" and before else before
    assert (found.kind, found.before, found.after) == (kind, expected, after)


def test_a_comment_keeps_its_id_and_visibility_and_not_its_text() -> None:
    found = changes(audit(1, comment("a customer's words", public=True, number=77)))[0]
    assert (found.kind, found.comment_id, found.public, found.before, found.after) == ("comment", 77, True, None, None)


@pytest.mark.parametrize("public", [None, "true", 1], ids=["null", "a text", "a number"])
def test_a_visibility_that_is_not_said_is_unknown(public: Any) -> None:
    assert changes(audit(1, comment(public=public)))[0].public is None


@pytest.mark.parametrize("kind", ["VoiceComment", "FacebookComment"])
def test_other_kinds_of_comment_are_comments(kind: str) -> None:
    assert changes(audit(1, {"id": 5, "type": kind, "public": True}))[0].kind == "comment"


def test_events_come_last_first_and_unknown_ones_are_passed_over() -> None:
    row = audit(
        1, comment(), {"type": "Invented", "x": 1}, change("status", "open"), {"type": "Notification"}, mark=MARK
    )
    assert [found.kind for found in changes(row)] == ["status", "comment"]
    assert {found.marker for found in changes(row)} == {MARK}


def test_an_audit_that_shows_nothing_still_carries_our_mark() -> None:
    assert [(c.kind, c.marker) for c in changes(audit(1, author=BOT, mark=MARK))] == [("other", MARK)]


def test_a_new_ticket_tells_its_first_status_and_tags() -> None:
    created = [
        {"type": "Create", "field_name": name, "value": value}
        for name, value in (("status", "new"), ("tags", ["a"]), ("subject", "S"))
    ]
    assert [(c.kind, c.after) for c in changes(audit(1, *created, author=CUSTOMER))] == [
        ("tags", "a"),
        ("status", "new"),
        ("created", "new"),
    ]


def test_audits_are_put_in_order_and_broken_ones_counted() -> None:
    rows = [audit(3, at="2026-11-20T09:00:00Z"), audit(9, at=T1), audit(5, at="2026-11-20T09:00:00Z"), {"id": 4}, None]
    found, unread = audits_of(rows)
    assert [a.id for a in found] == [5, 3, 9]
    assert unread == 2


# ---- merges ----------------------------------------------------------------------------------------------------


def merge_via(origin: Any = None, to: Any = None) -> dict[str, Any]:
    return {"channel": "web", "source": {"from": origin or {}, "to": to or {}, "rel": "merge"}}


CLOSING = change("status", "closed", "open")


@pytest.mark.parametrize(
    ("row", "hints"),
    [
        pytest.param(
            audit(1, CLOSING, via=merge_via(to={"ticket_id": 40})),
            (MergeHint(40, certain=True),),
            id="named as the target",
        ),
        pytest.param(
            audit(1, CLOSING, via=merge_via({"ticket_ids": ["40"]})),
            (MergeHint(40, certain=False),),
            id="named as the origin",
        ),
        pytest.param(
            audit(
                1,
                comment('This request was closed and merged into request #40 "Re: #41".'),
                change("tags", ["closed_by_merge"]),
                via=merge_via(),
            ),
            (MergeHint(40, certain=False), MergeHint(41, certain=False)),
            id="named in the comment",
        ),
        pytest.param(
            audit(1, comment("#35 and #40"), CLOSING, via=merge_via(to={"ticket_id": 40})),
            (MergeHint(40, certain=True),),
            id="itself is no target",
        ),
        pytest.param(
            audit(1, comment("merged into #40"), via=merge_via({"ticket_ids": [40]})),
            (),
            id="the audit of a receiving ticket",
        ),
        pytest.param(audit(1, comment("merged into #40"), CLOSING), (), id="a comment that only sounds like it"),
        pytest.param(audit(1, CLOSING, via=merge_via(to=["x"])), (), id="an odd via"),
    ],
)
def test_where_a_ticket_was_merged_to(row: dict[str, Any], hints: tuple[MergeHint, ...]) -> None:
    assert merge_hints(audit_of(row), 35) == hints


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(
            audit(1, comment("Requests were merged"), via=merge_via({"ticket_ids": [35]})),
            True,
            id="named as an origin",
        ),
        pytest.param(
            audit(1, comment("Requests #35 were closed and merged"), via=merge_via()), True, id="named in the comment"
        ),
        pytest.param(audit(1, comment("Requests #36 were merged"), via=merge_via()), False, id="another one"),
        pytest.param(audit(1, comment("see #35")), False, id="not a merge"),
        pytest.param(audit(1, comment("#35"), CLOSING, via=merge_via()), False, id="merged away itself"),
    ],
)
def test_whether_a_ticket_received_another(row: dict[str, Any], expected: bool) -> None:
    assert received(audit_of(row), 35) is expected


def test_a_merge_is_the_newest_change_of_its_audit() -> None:
    found = changes_of(audit_of(audit(1, comment(), CLOSING)), people(), merged_into=40)
    assert [(c.kind, c.after) for c in found] == [("merge", "40"), ("status", "closed"), ("comment", None)]


# ---- the export ------------------------------------------------------------------------------------------------


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
            child("Change", **{"3601": "y"}, previous_value="x"), ("field:3601", "x", "y", None), id="by its id"
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


# ---- people ----------------------------------------------------------------------------------------------------


class Directory:
    """Users that are asked for are noted."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[list[int]] = []
        self.error = error

    def __call__(self, ids: Sequence[int]) -> list[Any]:
        self.asked.append(list(ids))
        if self.error is not None:
            raise self.error
        return [user(number, "agent") for number in ids if number < 1000]


def test_roles_are_asked_for_once_an_hour_and_a_hundred_at_a_time() -> None:
    directory, clock = Directory(), FakeClock()
    made = People(directory, lambda: BOT, clock)
    made.load([*range(1, 151), -1, 0, None])
    made.load(range(1, 151))
    assert [len(ids) for ids in directory.asked] == [100, 50]
    clock.advance(KEPT)
    made.load([1])
    assert directory.asked[-1] == [1]


def test_users_that_do_not_exist_are_not_asked_for_again() -> None:
    directory = Directory()
    made = People(directory, lambda: BOT, FakeClock())
    made.load([5000])
    made.load([5000])
    assert directory.asked == [[5000]]
    assert made.actor(5000, (), ours=False).kind is ActorKind.UNKNOWN


def test_without_the_right_to_read_users_everybody_is_unknown() -> None:
    made = People(Directory(AuthError("no", status=403)), lambda: BOT, FakeClock())
    made.load([5])
    assert made.actor(5, (), ours=False).kind is ActorKind.UNKNOWN


@pytest.mark.parametrize("error", [AuthError("expired", status=401), TransientError("later")])
def test_other_failures_are_told(error: Exception) -> None:
    with pytest.raises(type(error)):
        People(Directory(error), lambda: BOT, FakeClock()).load([5])


@pytest.mark.parametrize(
    ("value", "is_rule"),
    [
        ({"channel": "rule", "source": {"rel": "trigger"}}, True),
        ({"channel": "rule"}, True),
        ({"channel": "web", "source": {"rel": "automation"}}, True),
        ({"channel": "web", "source": {"rel": 5, "from": []}}, False),
        ("Rule", True),
        ("Trigger", True),
        ("Web form", False),
        ("", False),
        (8, False),
        (None, False),
    ],
)
def test_via(value: Any, is_rule: bool) -> None:
    assert Via.of(value).is_rule is is_rule
