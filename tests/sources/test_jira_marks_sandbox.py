"""Marks of issues as both deployments give them, in one reading and in many."""

from __future__ import annotations

import pytest

from syncd.sandbox.inprocess import WsgiAdapter
from syncd.sources.jira import Jira
from tests.sources.jira_house import Door, House


@pytest.fixture(params=["cloud", "data_center"])
def house(request: pytest.FixtureRequest) -> House:
    door = Door()
    door.url = "http://127.0.0.1:2"
    return House(request.param, door)


def jira_of(house: House) -> Jira:
    return house.jira(adapter=WsgiAdapter({house.url: house.sandbox.jira_app}))


@pytest.mark.parametrize("many", [False, True], ids=["one issue", "many at a time"])
def test_who_did_what_to_an_issue_is_read_with_it(house: House, *, many: bool) -> None:
    jira = jira_of(house)
    issue_id, other = house.bug(), house.bug()
    key = house.shown(issue_id)["key"]
    house.world.edit(house.dev, key, assignee=house.dev)
    house.world.edit(house.dev, key, duedate="2026-04-01")
    for number in range(30):
        house.sandbox.advance(1)
        house.world.comment(house.dev, key, f"secret {number}")
    house.world.comment(house.bot, key, "ours")
    asked = [issue_id, other] if many else [issue_id]
    assert jira.read(asked)[0].marks == (), "nobody asked for them"
    jira.want_marks(True)
    issue = next(found for found in jira.read(asked) if found.id == issue_id)
    names = [mark.name for mark in issue.marks]
    assert names[-2:] == ["due_date", "assignee"]
    assert len({mark.id for mark in issue.marks if mark.name == "comment"}) == 30
    assert issue.marks[-1].after == issue.assignee_id
    assert "secret" not in repr(issue)
    assert jira.read([issue_id], history=False)[0].marks == ()


def test_comments_that_cannot_be_listed_cost_only_themselves(house: House) -> None:
    jira = jira_of(house)
    issue_id, other = house.bug(), house.bug()
    key = house.shown(issue_id)["key"]
    for number in range(30):
        house.world.comment(house.dev, key, f"{number}")
    jira.want_marks(True)
    house.fault("status", "GET", "/comment", args={"status": 403}, times=9)
    found = {issue.id for issue in jira.read([issue_id, other])}
    assert found == {issue_id, other}
