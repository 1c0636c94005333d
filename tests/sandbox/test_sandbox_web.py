"""The clock, the journal, the faults and the in-process way to a service."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from syncd.sandbox.clock import SandboxClock
from syncd.sandbox.faults import Fault, Faults
from syncd.sandbox.inprocess import WsgiAdapter
from syncd.sandbox.journal import Journal
from syncd.sandbox.web import SandboxContext


def test_a_frozen_clock_moves_only_when_told() -> None:
    clock = SandboxClock(1000.0, frozen=True)
    clock.advance(5.5)
    assert (clock.now(), clock.now_ms()) == (1005.5, 1_005_500)
    clock.set(10)
    clock.sleep(3600)
    assert clock.now() == 10


def test_a_clock_can_run_faster_than_the_real_one() -> None:
    clock = SandboxClock(0.0, rate=100_000.0)
    clock.sleep(100)
    assert clock.now() >= 100
    clock.rate = 1.0
    assert clock.rate == 1.0
    with pytest.raises(ValueError, match="greater than 0"):
        clock.rate = 0


def test_the_journal_numbers_its_entries_and_lets_the_oldest_go() -> None:
    journal = Journal(SandboxClock(50.0, frozen=True), limit=10)
    for number in range(25):
        journal.record(path=f"/{number}")
    kept = journal.entries()
    assert [entry["n"] for entry in kept] == list(range(16, 26))
    assert kept[0]["at"] == 50.0
    assert [entry["n"] for entry in journal.entries(since=23)] == [24, 25]
    assert [entry["n"] for entry in journal.entries(since=3)] == list(range(16, 26))
    assert journal.entries(since=25) == []


def faults() -> Faults:
    return SandboxContext.build(SandboxClock(0, frozen=True)).faults


def test_a_fault_lets_some_calls_pass_and_strikes_the_next_ones() -> None:
    some = faults()
    some.add(Fault("empty", "zendesk", method="put", path="/tickets/", skip=1, times=2))
    calls = [("zendesk", "GET"), ("jira", "PUT"), *[("zendesk", "PUT")] * 4]
    struck = [some.take(service, method, "/api/v2/tickets/1") is not None for service, method in calls]
    assert struck == [False, False, False, True, True, False]
    assert some.fired() == {"empty": 2}
    assert some.pending() == []


def test_a_fault_for_ever_ends_when_cleared() -> None:
    some = faults()
    some.add(Fault("html", "zendesk", times=-1))
    assert all(some.take("zendesk", "GET", "/") for _ in range(5))
    some.clear()
    assert some.take("zendesk", "GET", "/") is None
    assert some.fired() == {"html": 5}


def test_a_fault_may_strike_by_chance_the_same_way_for_the_same_seed() -> None:
    runs = []
    for _ in range(2):
        some = faults()
        some.add(Fault("html", "zendesk", times=-1, probability=0.5))
        runs.append([some.take("zendesk", "GET", "/") is not None for _ in range(40)])
    assert runs[0] == runs[1]
    assert 5 < sum(runs[0]) < 35


def priority(desk: Any) -> Any:
    return desk.world.state()["tickets"]["1"]["priority"]


@pytest.mark.parametrize(
    ("kind", "args", "error", "applied"),
    [
        ("drop_before", {}, requests.ConnectionError, False),
        ("drop_after", {}, requests.ConnectionError, True),
        ("torn", {}, requests.exceptions.ChunkedEncodingError, True),
        ("delay", {"seconds": 31}, requests.exceptions.ReadTimeout, True),
        ("late", {"seconds": 90}, requests.ConnectionError, False),
    ],
)
def test_a_lost_answer_is_an_error_whether_the_request_was_applied_or_not(
    desk: Any, kind: str, args: dict[str, Any], error: type[Exception], applied: bool
) -> None:
    desk.ticket()
    desk.fault(kind, method="PUT", args=args)
    with pytest.raises(error):
        desk.call("PUT", "/api/v2/tickets/1", json={"ticket": {"priority": "high"}}, timeout=(5, 30))
    assert (priority(desk) == "high") is applied
    assert desk.ctx.journal.entries()[-1]["fault"] == kind


@pytest.mark.parametrize(
    ("kind", "args", "status", "applied"),
    [
        ("status", {"status": 502, "body": "bad gateway"}, 502, False),
        ("status_after", {"status": 504}, 504, True),
        ("html", {}, 200, False),
        ("bad_json", {}, 200, True),
        ("empty", {}, 200, True),
        ("retry_after_date", {}, 429, False),
        ("retry_after_zero", {}, 429, False),
        ("retry_after_max", {}, 429, False),
        ("delay", {"seconds": 3}, 200, True),
    ],
)
def test_a_wrong_answer_comes_whether_the_request_was_applied_or_not(
    desk: Any, kind: str, args: dict[str, Any], status: int, applied: bool
) -> None:
    desk.ticket()
    desk.fault(kind, method="PUT", args=args)
    reply = desk.call("PUT", "/api/v2/tickets/1", json={"ticket": {"priority": "high"}}, timeout=(5, 30))
    assert reply.status_code == status
    assert (priority(desk) == "high") is applied
    assert desk.ctx.faults.fired() == {kind: 1}
    if kind.startswith("retry_after"):
        assert reply.headers["Retry-After"] in {"Fri, 31 Dec 2099 23:59:59 GMT", "0", "2147483647"}
    if kind == "bad_json":
        with pytest.raises(ValueError, match=r"line 1 column"):
            reply.json()


def test_a_late_request_is_applied_when_its_time_has_come_even_if_its_token_has_expired(desk: Any) -> None:
    desk.ticket()
    asked = {"grant_type": "client_credentials", "client_id": "syncd", "client_secret": "s3cret", "expires_in": 300}
    token = desk.call("POST", "/oauth/tokens", json=asked).json()["access_token"]
    desk.session.auth = None
    desk.fault("late", args={"seconds": 600})
    with pytest.raises(requests.ConnectionError):
        desk.call(
            "PUT",
            "/api/v2/tickets/1",
            json={"ticket": {"priority": "low"}},
            headers={"Authorization": f"Bearer {token}"},
        )
    desk.pass_time(599)
    assert (priority(desk), desk.app.pending_late()) == (None, 1)
    desk.pass_time(1)
    assert (priority(desk), desk.app.pending_late()) == ("low", 0)
    assert [entry["fault"] for entry in desk.ctx.journal.entries()[-2:]] == ["late", "late_applied"]


def test_the_journal_tells_who_asked_what_and_what_came_of_it(desk: Any) -> None:
    desk.ticket()
    desk.put(1, priority="high")
    entry = desk.ctx.journal.entries()[-1]
    assert entry["service"] == "zendesk"
    assert (entry["method"], entry["path"], entry["status"]) == ("PUT", "/api/v2/tickets/1", 200)
    assert entry["actor"] == str(desk.admin)
    assert entry["body"] == {"ticket": {"priority": "high"}}
    assert entry["user_agent"].startswith("python-requests")


def test_a_body_that_is_no_json_is_400(desk: Any) -> None:
    desk.ticket()
    reply = desk.call("PUT", "/api/v2/tickets/1", data="{", headers={"Content-Type": "application/json"})
    assert reply.status_code == 400


def test_an_unknown_host_cannot_be_reached_in_process(desk: Any) -> None:
    session = requests.Session()
    session.mount("http://", WsgiAdapter({}))
    with pytest.raises(requests.ConnectionError, match="nothing serves"):
        session.get("http://elsewhere.test/")
