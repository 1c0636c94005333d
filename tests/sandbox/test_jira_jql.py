"""JQL: its grammar and what it finds."""

from __future__ import annotations

import pytest

from syncd.sandbox.jira_jql import Both, Clause, Either, JqlSyntaxError, Negated, Operand, Sort, parse
from tests.sandbox.jira_lab import DEPLOYMENTS, JiraLab


@pytest.fixture(params=DEPLOYMENTS)
def lab(request: pytest.FixtureRequest) -> JiraLab:
    return JiraLab(request.param)


def text(value: str, *, quoted: bool = False) -> Operand:
    return Operand("text", value, quoted)


def test_and_binds_more_closely_than_or_and_parentheses_more_than_both() -> None:
    a, b, c = (Clause(name, "=", (text("1"),)) for name in "abc")
    assert parse("a = 1 or b = 1 and c = 1").where == Either((a, Both((b, c))))
    assert parse("(a = 1 OR b = 1) AND NOT c = 1").where == Both((Either((a, b)), Negated(c)))


def test_order_by_takes_several_keys() -> None:
    query = parse("project = A order by updated ASC, key desc, created")
    assert query.order == (Sort("updated", False), Sort("key", True), Sort("created", False))
    assert parse("ORDER BY key").where is None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param('"two words"', "two words", id="double quotes hold blanks"),
        pytest.param("'it\\'s'", "it's", id="a quote is escaped with a backslash"),
        pytest.param('"a\\\\b"', "a\\b", id="a backslash is doubled"),
        pytest.param('"caf\\u00e9"', "café", id="a code point is written in hex"),
        pytest.param('"a\\nb"', "a\nb", id="a line break has its letter"),
    ],
)
def test_a_quoted_value_is_read(written: str, value: str) -> None:
    assert parse(f"labels = {written}").where == Clause("labels", "=", (text(value, quoted=True),))


def test_lists_functions_and_empty_are_operands() -> None:
    assert parse("key in (A-1, 'B-2')").where == Clause("key", "in", (text("A-1"), text("B-2", quoted=True)))
    assert parse("assignee is not EMPTY").where == Clause("assignee", "is not", (Operand("empty", "EMPTY"),))
    function = Operand("function", "issuesWithRemoteLinksByGlobalId", arguments=("a&b", "c"))
    assert parse('issue in issuesWithRemoteLinksByGlobalId("a&b", c)').where == Clause("issue", "in", (function,))


@pytest.mark.parametrize(
    "jql",
    [
        pytest.param("project = ", id="a value is missing"),
        pytest.param("project A", id="the operator is missing"),
        pytest.param("project = A AND", id="a clause is missing after and"),
        pytest.param("(project = A", id="a parenthesis stays open"),
        pytest.param("project in A", id="in without a list"),
        pytest.param('labels = "a', id="a quote stays open"),
        pytest.param('labels = "\\q"', id="an unknown escape"),
        pytest.param("labels = a+b", id="a reserved character"),
        pytest.param("labels = limit", id="a reserved word"),
        pytest.param("project = A order updated", id="order without by"),
        pytest.param("project is A", id="is with something other than empty"),
        pytest.param("status was Done", id="history is not searched"),
        pytest.param("project = A updated > 1", id="two clauses without and"),
    ],
)
def test_what_is_no_jql_is_refused(jql: str) -> None:
    with pytest.raises(JqlSyntaxError):
        parse(jql)


def test_issues_are_found_by_what_they_are(lab: JiraLab) -> None:
    first = lab.make("Printer on fire", labels=["zd-1", "hot"], priority="High", assignee=lab.bot)
    second = lab.make("Quiet", "OPS", labels=["zd-2"])
    third = lab.make("Also quiet", "OPS")
    lab.world.transition(lab.dev, second, "Done")
    found = {
        "project = DEV": {first},
        "project in (DEV, Operations)": {first, second, third},
        "project = 10001": {second, third},
        f"key = {first}": {first},
        f"issuekey in ({first}, {third})": {first, third},
        "id = 10002": {second},
        "labels = zd-1": {first},
        "labels in (zd-1, zd-2)": {first, second},
        "labels not in (zd-1)": {second},
        "labels is EMPTY": {third},
        'status = "To Do"': {first, third},
        "status in (Done)": {second},
        "statusCategory = Done": {second},
        'statusCategory != "To Do"': {second},
        "resolution = Unresolved": {first, third},
        "resolution = Done": {second},
        "assignee = currentUser()": {first},
        f'assignee = "{lab.bot}"': {first},
        "assignee is EMPTY": {second, third},
        "priority = High": {first},
        "issuetype = Bug AND project = DEV": {first},
        'summary ~ "quiet"': {second, third},
        "project = OPS AND (labels = zd-2 OR labels is EMPTY)": {second, third},
        "project = OPS AND NOT status = Done": {third},
    }
    assert {jql: set(lab.find(jql)) for jql in found} == found


def test_a_status_is_found_by_id_and_by_its_new_name(lab: JiraLab) -> None:
    key = lab.make(project="OPS")
    status = lab.world.issue_state(key)["status_id"]
    lab.world.rename_status("To Do", "Open")
    assert lab.find(f"project = OPS AND status = {status}") == [key]
    assert lab.find("project = OPS AND status = Open") == [key]


@pytest.mark.parametrize(
    "jql",
    [
        pytest.param("project = NOPE", id="an unknown project"),
        pytest.param("project in (DEV, NOPE)", id="one unknown project among known ones"),
        pytest.param("status = Sleeping", id="an unknown status"),
        pytest.param("resolution = Sleeping", id="an unknown resolution"),
        pytest.param("flavour = sweet", id="an unknown field"),
        pytest.param("key = DEV-999", id="an unknown key"),
        pytest.param("id in (999)", id="an unknown id"),
        pytest.param("updated >= yesterday", id="a date that is none"),
        pytest.param('updated >= "1795000000000"', id="milliseconds in quotes"),
        pytest.param("project = DEV ORDER BY flavour", id="sorting by an unknown field"),
        pytest.param("project = DEV AND project > A", id="an operator that the field does not know"),
        pytest.param("issue in nothing()", id="an unknown function"),
        pytest.param("project = ", id="broken grammar"),
    ],
)
def test_a_query_that_names_what_is_not_there_is_a_400_as_a_whole(lab: JiraLab, jql: str) -> None:
    lab.make()
    path = "/search/jql" if lab.cloud else "/search"
    response = lab.call("GET", path, params={"jql": jql})
    assert response.status_code == 400
    assert response.json()["errorMessages"]


def test_a_project_that_the_account_does_not_see_is_unknown(lab: JiraLab) -> None:
    lab.world.add_project("HID", "Hidden", members=[lab.dev])
    key = lab.make(project="HID")
    path = "/search/jql" if lab.cloud else "/search"
    for jql in ("project = HID", f"key = {key}"):
        assert lab.call("GET", path, params={"jql": jql}).status_code == 400
    assert lab.find("project in (DEV, OPS) OR labels is EMPTY") == []


def test_data_center_tolerates_unknown_values_when_asked_to() -> None:
    lab = JiraLab("data_center")
    key = lab.make()
    answer = lab.get("/search", jql=f"key in ({key}, DEV-77)", validateQuery="false")
    assert [issue["key"] for issue in answer["issues"]] == [key]
    assert answer["warningMessages"]


def test_a_removed_issue_in_a_query_can_be_made_harmless(lab: JiraLab) -> None:
    key, gone = lab.make(), lab.make()
    lab.world.delete_issue(lab.dev, gone)
    lab.world.switches["unknown_issue_in_jql_ignored"] = True
    assert lab.find(f"key in ({key}, {gone})") == [key]


def test_dates_are_milliseconds_or_minutes_of_the_readers_zone_or_durations(lab: JiraLab) -> None:
    old = lab.make("old")
    lab.clock.advance(3600)
    middle = lab.ms()
    new = lab.make("new")
    # 1795003600 is 2026-11-18 12:06:40 UTC, and 20:06:40 in Shanghai, where the bot lives.
    found = {
        f"updated >= {middle}": [new],
        f"updated >= {middle + 1000}": [],
        f"updated < {middle}": [old],
        f"created <= {middle - 1000}": [old],
        'updated >= "2026-11-18 20:06"': [new],
        'updated >= "2026/11/18 20:07"': [],
        'updated >= "2026-11-18 12:07"': [old, new],
        'updated >= "2026-11-18"': [old, new],
        "updated >= -5m": [new],
        'updated >= "-1d 2h"': [old, new],
        "updated >= now()": [new],
        "updated >= startOfDay()": [old, new],
    }
    assert {jql: lab.find(f"{jql} ORDER BY key ASC") for jql in found} == found


def test_data_center_compares_dates_by_the_second() -> None:
    lab = JiraLab("data_center")
    key = lab.make()
    assert lab.find(f"updated >= {lab.ms() + 400}") == [key]
    lab.world.switches["index_seconds_on_dc"] = False
    assert lab.find(f"updated >= {lab.ms() + 400}") == []


def test_results_come_in_the_asked_order(lab: JiraLab) -> None:
    keys = [lab.make(str(number), project) for number, project in enumerate(["OPS", "DEV", "OPS", "DEV"])]
    for key in (keys[2], keys[0]):
        lab.clock.advance(5)
        lab.world.edit(lab.dev, key, priority="High")
    all_ = "project in (DEV, OPS)"
    assert lab.find(f"{all_} ORDER BY updated ASC, key ASC") == ["DEV-1", "DEV-2", "OPS-2", "OPS-1"]
    assert lab.find(f"{all_} ORDER BY updated DESC, key DESC") == ["OPS-1", "OPS-2", "DEV-2", "DEV-1"]
    assert lab.find(f"{all_} ORDER BY key ASC") == ["DEV-1", "DEV-2", "OPS-1", "OPS-2"]
    assert lab.find(f"{all_} ORDER BY id DESC") == keys[::-1]
    assert lab.find(f"{all_} ORDER BY project DESC, created ASC, id ASC") == ["OPS-1", "OPS-2", "DEV-1", "DEV-2"]


def test_issues_are_found_by_their_remote_link(lab: JiraLab) -> None:
    key, other = lab.make(), lab.make()
    link = {"globalId": "system=zd&id=7", "object": {"url": "https://zd.example/7", "title": "#7"}}
    lab.post(f"/issue/{key}/remotelink", link, 201 if lab.cloud else 200)
    assert lab.find('issue in issuesWithRemoteLinksByGlobalId("system=zd&id=7", "nothing")') == [key]
    assert lab.find(f"issue not in issuesWithRemoteLinksByGlobalId('system=zd&id=7') AND key = {other}") == [other]


def test_a_custom_field_is_found_by_its_name(lab: JiraLab) -> None:
    key = lab.make(**{"Root cause": "Data"})
    lab.make()
    assert lab.find('"Root cause" = Data') == [key]
    assert lab.find("cf[10300] = Data") == [key]


def test_issues_are_found_by_texts_versions_parents_and_days(lab: JiraLab) -> None:
    lab.world.add_version("DEV", "3.2")
    parent = lab.make("Parent", description="Needle in the hay", due="2026-12-24", fix_versions=["3.2"])
    child = lab.make("Child", issue_type="Sub-task", parent=parent, reporter=lab.admin)
    lab.world.comment(lab.dev, child, "A needle too")
    lab.world.force_status(lab.dev, parent, "Done", "Fixed")
    found = {
        'description ~ "needle"': {parent},
        "description is EMPTY": {child},
        "description is not EMPTY": {parent},
        "comment ~ needle": {child},
        "text ~ needle": {parent, child},
        "text !~ needle": set(),
        "due = 2026-12-24": {parent},
        'duedate < "2026-12-24"': set(),
        "due is EMPTY": {child},
        "fixVersion = 3.2": {parent},
        "fixVersion is EMPTY": {child},
        f"parent = {parent}": {child},
        f"reporter = '{lab.admin}'": {child},
        "creator = 'dora@jira.example'": {parent, child},
        "resolved is EMPTY": {child},
        "resolved >= -1d": {parent},
        f"resolved != {lab.ms() + 5000}": {parent},
        "NOT labels is EMPTY": set(),
    }
    assert {jql: set(lab.find(jql)) for jql in found} == found


@pytest.mark.parametrize(
    "jql",
    [
        pytest.param("summary = x", id="a text with an equals sign"),
        pytest.param("updated ~ 1", id="a date with a tilde"),
        pytest.param("due >= someday", id="a day that is none"),
        pytest.param('updated >= "2026-02-30"', id="a day that the calendar lacks"),
        pytest.param("updated >= never()", id="an unknown function of time"),
        pytest.param("project = currentUser()", id="a function of another field"),
        pytest.param("fixVersion = 9.9", id="an unknown version"),
        pytest.param("parent = DEV-99", id="an unknown parent"),
        pytest.param("assignee = nobody", id="an unknown person"),
        pytest.param("project in (DEV", id="a list that stays open"),
        pytest.param("issue in f(a b)", id="arguments without a comma"),
        pytest.param("issue in f(=)", id="an argument that is none"),
    ],
)
def test_a_query_that_makes_no_sense_is_a_400(lab: JiraLab, jql: str) -> None:
    path = "/search/jql" if lab.cloud else "/search"
    assert lab.call("GET", path, params={"jql": jql}).status_code == 400


def test_every_sortable_field_sorts(lab: JiraLab) -> None:
    first = lab.make("alpha", priority="Low", due="2027-01-01")
    second = lab.make("Beta", priority="High")
    lab.world.force_status(lab.dev, second, "Closed", "Done")
    fields = ("summary", "priority", "status", "due", "resolved", "created")
    up = {field: lab.find(f"project = DEV ORDER BY {field} ASC, id ASC") for field in fields}
    down = {field: lab.find(f"project = DEV ORDER BY {field} DESC, id DESC") for field in fields}
    assert all(up[field] == down[field][::-1] for field in fields)
    assert (up["summary"], up["priority"], up["due"]) == ([first, second], [first, second], [second, first])
    assert up["resolved"] == [first, second]
