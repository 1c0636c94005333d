"""Jira's JSON, of both deployments, read as records."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from syncd.core.model import Actor, ActorKind, Version
from syncd.sources.jira_history import history_metadata, missing_entries, parse_history
from syncd.sources.jira_json import Authors, MalformedError, epoch_ms, instant
from syncd.sources.jira_parse import absent_fields, hidden_issue, parse_comment, parse_issue, parse_versions

AUTHORS = Authors.of(["acc-sync", ""], ["Deploy Bot", "acc-ci"])

ISSUE: dict[str, Any] = {
    "id": "10305",
    "key": "WEB-7",
    "self": None,
    "fields": {
        "summary": "Login hangs",
        "status": {"id": "3", "name": "In Progress", "statusCategory": {"id": 4, "key": "indeterminate"}},
        "resolution": None,
        "updated": "2026-03-02T17:20:05.514+0800",
        "priority": {"id": "2", "name": "High"},
        "assignee": {"accountId": "acc-lin", "displayName": "Lin"},
        "fixVersions": [{"id": "9", "name": "1.2", "released": False, "releaseDate": "2026-04-01"}],
        "duedate": "2026-03-31",
        "labels": ["zd-2", "login"],
        "issuelinks": [],
        "issuetype": {"id": "10004", "name": "Bug"},
        "project": {"id": "10000", "key": "WEB"},
    },
}


def changed(**fields: Any) -> dict[str, Any]:
    """The issue with some fields put otherwise; a field set to `...` is absent."""
    raw = copy.deepcopy(ISSUE)
    for name, value in fields.items():
        raw["fields"][name] = value
        if value is ...:
            del raw["fields"][name]
    return raw


class TestInstant:
    @pytest.mark.parametrize(
        ("stamp", "expected"),
        [
            pytest.param("2026-03-02T17:20:05.514+0800", 1_772_443_205_514, id="an offset without a colon"),
            pytest.param("2026-03-02T09:20:05.514+00:00", 1_772_443_205_514, id="an offset with a colon"),
            pytest.param("2026-03-02T09:20:05.514Z", 1_772_443_205_514, id="the letter Z"),
            pytest.param("2026-03-02T02:50:05.514-0630", 1_772_443_205_514, id="half an hour west of Greenwich"),
            pytest.param("2026-03-02T09:20:05+0000", 1_772_443_205_000, id="whole seconds"),
            pytest.param(1_772_443_205_514, 1_772_443_205_514, id="a number of milliseconds"),
            pytest.param(1_772_443_205, 1_772_443_205_000, id="a number of seconds"),
        ],
    )
    def test_reads(self, stamp: object, expected: int) -> None:
        moment = instant(stamp)
        assert epoch_ms(moment) == expected
        assert moment.tzinfo is UTC

    @pytest.mark.parametrize(
        "stamp",
        [
            pytest.param("yesterday", id="words"),
            pytest.param("2026-03-02T09:20:05.514", id="no offset"),
            pytest.param(None, id="null"),
            pytest.param(True, id="a boolean"),
            pytest.param(10**30, id="a number beyond all years"),
            pytest.param(float("nan"), id="not a number"),
        ],
    )
    def test_refuses(self, stamp: object) -> None:
        with pytest.raises(MalformedError):
            instant(stamp)


class TestIssue:
    def test_reads_every_field(self) -> None:
        issue = parse_issue(ISSUE, AUTHORS)
        assert (issue.id, issue.key, issue.project_key, issue.project_id) == ("10305", "WEB-7", "WEB", "10000")
        assert (issue.issue_type, issue.issue_type_id) == ("Bug", "10004")
        assert (issue.status_id, issue.status_name, issue.status_category) == ("3", "In Progress", "indeterminate")
        assert (issue.resolution_id, issue.resolution_name) == (None, None)
        assert issue.updated_ms == 1_772_443_205_514
        assert (issue.summary, issue.priority, issue.due_date) == ("Login hangs", "High", "2026-03-31")
        assert (issue.assignee, issue.assignee_id) == ("Lin", "acc-lin")
        assert issue.fix_versions == (Version("9", "1.2", False, "2026-04-01"),)
        assert issue.labels == ("login", "zd-2")
        assert issue.visible
        assert issue.history == ()

    def test_data_center_users_have_names_and_old_servers_no_categories(self) -> None:
        raw = changed(assignee={"name": "lin", "key": "JIRAUSER1", "displayName": "Lin"}, status={"id": 3, "name": "X"})
        issue = parse_issue(raw, AUTHORS)
        assert issue.assignee_id == "lin"
        assert (issue.status_id, issue.status_category) == ("3", "undefined")

    def test_hidden_fields_leave_the_rest_readable(self) -> None:
        raw = changed(**dict.fromkeys(["priority", "assignee", "fixVersions", "duedate", "labels", "issuelinks"], ...))
        issue = parse_issue(raw, AUTHORS)
        assert (issue.priority, issue.assignee, issue.fix_versions, issue.labels) == (None, None, (), ())

    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            pytest.param(changed(status=...), "WEB-7: status", id="no status"),
            pytest.param(changed(updated=...), "WEB-7: updated", id="no time of change"),
            pytest.param(changed(updated="soon"), "WEB-7: updated", id="an unreadable time of change"),
            pytest.param(changed(project=None), "WEB-7: project", id="no project"),
            pytest.param(changed(issuetype=[]), "WEB-7: issue type", id="an issue type that is a list"),
            pytest.param(
                {"id": "1"}, "issue 1: fields", id="a bare id, as Cloud's search answers without a field list"
            ),
            pytest.param("no", "an issue", id="not an object"),
            pytest.param(
                changed(status={"id": "3", "name": [["unexpected"]]}),
                "WEB-7: the status' name",
                id="a name that is a list",
            ),
        ],
    )
    def test_names_what_cannot_be_read(self, raw: object, words: str) -> None:
        with pytest.raises(MalformedError, match=words):
            parse_issue(raw, AUTHORS)

    def test_absent_is_told_from_empty(self) -> None:
        assert absent_fields(ISSUE) == ()
        assert absent_fields(changed(resolution=..., updated=...)) == ("resolution", "updated")

    def test_a_hidden_resolution_is_taken_from_the_changelog(self) -> None:
        raw = changed(resolution=...)
        raw["changelog"] = {
            "histories": [
                entry(2, "2026-03-02T10:00:00.000+0000", [item("resolution", None, "10002")]),
                entry(1, "2026-03-02T09:00:00.000+0000", [item("resolution", "10001", None)]),
            ]
        }
        assert parse_issue(raw, AUTHORS).resolution_id == "10002"

    def test_an_issue_that_does_not_answer_keeps_the_name_it_was_asked_by(self) -> None:
        by_id, by_key = hidden_issue("10305"), hidden_issue("WEB-7")
        assert (by_id.id, by_id.key, by_id.visible) == ("10305", "", False)
        assert (by_key.id, by_key.key, by_key.visible) == ("", "WEB-7", False)


DUPLICATE = {"name": "Duplicate", "inward": "is duplicated by", "outward": "duplicates"}


class TestDuplicates:
    @pytest.mark.parametrize(
        ("links", "expected"),
        [
            pytest.param(
                [{"type": DUPLICATE, "outwardIssue": {"id": "7"}}], ("7",), id="this one duplicates the other"
            ),
            pytest.param([{"type": DUPLICATE, "inwardIssue": {"id": "7"}}], (), id="the other duplicates this one"),
            pytest.param(
                [
                    {
                        "type": {"name": "Duplicate", "inward": "duplicates", "outward": "is duplicated by"},
                        "inwardIssue": {"id": "7"},
                    }
                ],
                ("7",),
                id="a site whose words stand the other way round",
            ),
            pytest.param(
                [
                    {
                        "type": {"name": "Duplicate", "inward": "wird verdoppelt von", "outward": "verdoppelt"},
                        "outwardIssue": {"id": 7},
                    }
                ],
                ("7",),
                id="words in another language",
            ),
            pytest.param(
                [
                    {
                        "type": {"name": "Blocks", "inward": "is blocked by", "outward": "blocks"},
                        "outwardIssue": {"id": "7"},
                    }
                ],
                (),
                id="another kind of link",
            ),
            pytest.param(
                [{"type": DUPLICATE, "outwardIssue": {"id": i}} for i in ("7", "8", "7")], ("7", "8"), id="each once"
            ),
            pytest.param([{"type": None}, "x", {"type": DUPLICATE}], (), id="links that cannot be read"),
            pytest.param(None, (), id="no links"),
        ],
    )
    def test_direction(self, links: object, expected: tuple[str, ...]) -> None:
        assert parse_issue(changed(issuelinks=links), AUTHORS).duplicates == expected


def item(field: str, before: str | None, after: str | None, **more: Any) -> dict[str, Any]:
    """A line of a changelog entry, as Cloud sends it."""
    return {"field": field, "fieldtype": "jira", "fieldId": field, "from": before, "to": after, **more}


def entry(number: int, created: object, items: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A changelog entry."""
    return {"id": str(number), "created": created, "author": {"accountId": "acc-lin"}, "items": items, **more}


NOON = "2026-03-02T12:00:00.000+0000"


class TestHistory:
    def test_one_entry_may_hold_status_and_resolution(self) -> None:
        (change,) = parse_history([entry(5, NOON, [item("resolution", None, "1"), item("status", "3", "6")])], AUTHORS)
        assert (change.status_from, change.status_to) == ("3", "6")
        assert (change.resolution_from, change.resolution_to) == (None, "1")
        assert change.at == datetime(2026, 3, 2, 12, tzinfo=UTC)
        assert change.actor == Actor(ActorKind.AGENT, "acc-lin", "")

    def test_entries_of_other_fields_are_left_out_even_when_they_cannot_be_read(self) -> None:
        assert parse_history([entry(5, "nonsense", [item("Rank", None, None)])], AUTHORS) == ()

    @pytest.mark.parametrize("turn", [1, -1], ids=["oldest first", "newest first"])
    def test_is_newest_first_whatever_the_server_sends(self, turn: int) -> None:
        entries = [
            entry(9, "2026-03-02T12:00:00.000+0000", [item("status", "1", "2")]),
            entry(10, "2026-03-02T12:00:00.000+0000", [item("status", "2", "3")]),
            entry(8, "2026-03-02T12:00:01.000+0000", [item("status", "3", "4")]),
        ]
        assert [change.id for change in parse_history(entries[::turn], AUTHORS)] == ["8", "10", "9"]

    def test_entries_seen_twice_count_once(self) -> None:
        same = entry(9, NOON, [item("status", "1", "2")])
        assert len(parse_history([same, same], AUTHORS)) == 1

    def test_data_center_items_have_no_field_id(self) -> None:
        raw = {"field": "status", "fieldtype": "jira", "from": "1", "to": "2", "toString": "Done"}
        (change,) = parse_history([entry(9, NOON, [raw])], AUTHORS)
        assert change.status_to == "2"

    def test_a_custom_field_named_status_is_not_the_status(self) -> None:
        raw = {"field": "Status", "fieldtype": "custom", "from": "1", "to": "2"}
        assert parse_history([entry(9, NOON, [raw])], AUTHORS) == ()

    @pytest.mark.parametrize("cleared", [None, "", "-1"], ids=["null", "empty text", "minus one"])
    def test_a_cleared_resolution_is_none(self, cleared: str | None) -> None:
        (change,) = parse_history([entry(9, NOON, [item("resolution", "1", cleared)])], AUTHORS)
        assert (change.resolution_from, change.resolution_to) == ("1", None)

    def test_numbers_may_stand_for_times(self) -> None:
        (change,) = parse_history([entry(9, 1_772_452_800, [item("status", "1", "2")])], AUTHORS)
        assert change.at == datetime(2026, 3, 2, 12, tzinfo=UTC)

    def test_an_unreadable_change_of_status_is_not_passed_over(self) -> None:
        with pytest.raises(MalformedError):
            parse_history([entry(9, "nonsense", [item("status", "1", "2")])], AUTHORS)

    @pytest.mark.parametrize(
        ("metadata", "expected"),
        [
            pytest.param(history_metadata("m1"), "m1", id="ours"),
            pytest.param(
                {"cause": {"type": "syncd-intent", "id": "m1"}}, "m1", id="ours, of which only the cause was kept"
            ),
            pytest.param({"type": "other:sync", "extraData": {"op": "x"}}, None, id="another integration's"),
            pytest.param({"type": "syncd:sync", "extraData": {"op": 5}}, None, id="of another shape"),
            pytest.param(None, None, id="none"),
        ],
    )
    def test_marker(self, metadata: object, expected: str | None) -> None:
        (change,) = parse_history([entry(9, NOON, [item("status", "1", "2")], historyMetadata=metadata)], AUTHORS)
        assert change.marker == expected

    @pytest.mark.parametrize(
        ("changelog", "expected"),
        [
            pytest.param({"total": 30, "histories": [{}] * 20}, 10, id="cut off"),
            pytest.param({"total": 20, "histories": [{}] * 20}, 0, id="complete"),
            pytest.param({"histories": [{}]}, 0, id="without a total"),
            pytest.param(None, 0, id="not asked for"),
        ],
    )
    def test_tells_how_many_entries_the_server_kept_back(self, changelog: object, expected: int) -> None:
        assert missing_entries({"changelog": changelog}) == expected


class TestAuthors:
    @pytest.mark.parametrize(
        ("user", "kind"),
        [
            pytest.param({"accountId": "acc-sync", "accountType": "app"}, ActorKind.SELF, id="our own account"),
            pytest.param(
                {"accountId": "acc-a", "accountType": "app", "displayName": "X"}, ActorKind.ROBOT, id="an app"
            ),
            pytest.param(
                {"accountId": "acc-b", "displayName": "Automation for Jira"}, ActorKind.ROBOT, id="by its name"
            ),
            pytest.param(
                {"name": "bot", "displayName": "DEPLOY bot"}, ActorKind.ROBOT, id="named in the configuration"
            ),
            pytest.param({"accountId": "acc-ci"}, ActorKind.ROBOT, id="configured by its id"),
            pytest.param({"accountId": "acc-c", "accountType": "customer"}, ActorKind.CUSTOMER, id="a portal customer"),
            pytest.param({"accountId": "acc-d", "accountType": "atlassian"}, ActorKind.AGENT, id="a person"),
            pytest.param({"name": "lin", "key": "JIRAUSER1"}, ActorKind.AGENT, id="a person on Data Center"),
            pytest.param(None, ActorKind.UNKNOWN, id="nobody"),
            pytest.param({}, ActorKind.UNKNOWN, id="an empty user"),
        ],
    )
    def test_kind(self, user: object, kind: ActorKind) -> None:
        assert AUTHORS.actor(user).kind is kind

    def test_an_empty_own_id_matches_nobody(self) -> None:
        assert not AUTHORS.is_own({"accountId": "", "name": ""})


COMMENT: dict[str, Any] = {
    "id": "500",
    "author": {"accountId": "acc-sync", "displayName": "syncd"},
    "body": "Ticket #2 was solved.",
    "created": NOON,
    "updated": "2026-03-02T12:00:05.000+0000",
}


class TestComment:
    def test_reads_marker_and_author(self) -> None:
        properties = [{"key": "other", "value": 1}, {"key": "syncd.origin", "value": {"marker": "m1"}}]
        comment, known = parse_comment({**COMMENT, "properties": properties}, AUTHORS)
        assert known
        assert (comment.id, comment.marker, comment.author.kind) == ("500", "m1", ActorKind.SELF)
        assert (comment.updated - comment.created).total_seconds() == 5

    def test_says_when_the_server_left_the_properties_out(self) -> None:
        comment, known = parse_comment(COMMENT, AUTHORS)
        assert not known
        assert comment.marker is None

    def test_a_comment_without_properties_carries_no_marker(self) -> None:
        assert parse_comment({**COMMENT, "properties": []}, AUTHORS)[1]


def test_a_release_date_is_a_date_even_when_a_server_adds_the_time() -> None:
    raw = [{"id": 9, "name": "1.2", "released": True, "releaseDate": "2026-04-01T00:00:00.000+0000"}]
    assert parse_versions(raw) == (Version("9", "1.2", True, "2026-04-01"),)
