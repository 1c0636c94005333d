"""Audits as changes, and who stands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from syncd.core.model import Actor, ActorKind, TicketChange
from syncd.sources.errors import AuthError, TransientError
from syncd.sources.zendesk_audits import (
    MergeHint,
    audit_of,
    audits_of,
    changes_of,
    merge_hints,
    received,
)
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


def test_a_deleted_user_is_no_customer_though_zendesk_says_so() -> None:
    made = people()
    gone = {"id": 6, "name": "Ann", "role": "end-user", "active": False}
    made.learn([gone, {**gone, "id": 7, "role": "agent"}, {**gone, "id": 8, "active": True}])
    kinds = [made.actor(number, (), ours=False).kind for number in (6, 7, 8)]
    assert kinds == [ActorKind.UNKNOWN, ActorKind.AGENT, ActorKind.CUSTOMER]


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
