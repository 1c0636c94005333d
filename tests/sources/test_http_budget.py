"""Retry-After in all its forms, what headers teach, and when a call may be made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from syncd.core.ports import Budget
from syncd.sources.budget import Allowance, Budgets, Reading, backoff_of, readings, retry_after
from tests.sources.http_fakes import START, FakeClock

HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


def headers(**values: str) -> Any:
    return CaseInsensitiveDict({name.replace("_", "-"): value for name, value in values.items()})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("30", 30.0, id="an integer"),
        pytest.param(" 30 ", 30.0, id="with spaces around"),
        pytest.param("1.5", 1.5, id="a fraction"),
        pytest.param("0", 0.0, id="zero"),
        pytest.param("-5", 0.0, id="a negative number counts as zero"),
        pytest.param("9223372036854775807", 60.0, id="for ever is a block, asked for again in a minute"),
        pytest.param("5400", 3600.0, id="more than an hour is an hour"),
        pytest.param("86400", 3600.0, id="so is a day"),
        pytest.param("9" * 399, 60.0, id="more digits than a float holds"),
        pytest.param((START + timedelta(seconds=90)).strftime(HTTP_DATE), 90.0, id="a date"),
        pytest.param((START - timedelta(days=1)).strftime(HTTP_DATE), 0.0, id="a date in the past"),
        pytest.param("Fri, 31 Dec 2099 23:59:59 GMT", 60.0, id="a date far ahead"),
        pytest.param("soon", None, id="garbage"),
        pytest.param("nan", None, id="not a number"),
        pytest.param("inf", None, id="infinity"),
        pytest.param("1e9", None, id="an exponent"),
        pytest.param("", None, id="empty"),
        pytest.param("Mon, 99 Foo 2026", None, id="a broken date"),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(headers(Retry_After=value), START) == seconds


def test_a_date_is_compared_with_the_servers_own_clock() -> None:
    theirs = START + timedelta(hours=5)
    given = headers(Retry_After=(theirs + timedelta(seconds=20)).strftime(HTTP_DATE), Date=theirs.strftime(HTTP_DATE))
    assert retry_after(given, START) == 20.0


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        pytest.param({}, 60.0, id="a 429 without a word means a minute"),
        pytest.param({"Retry_After": "rubbish"}, 60.0, id="so does one with rubbish"),
        pytest.param({"Retry_After": "0"}, 1.0, id="zero means at least a second"),
        pytest.param({"Retry_After": "7"}, 7.0, id="a number is believed"),
        pytest.param(
            {"X_RateLimit_Reset": (START + timedelta(seconds=600)).isoformat()},
            600.0,
            id="a stated reset later than that",
        ),
        pytest.param({"X_RateLimit_Reset": START.isoformat()}, 60.0, id="a stated reset that is over"),
        pytest.param({"X_RateLimit_Reset": "17"}, 60.0, id="a reset that is no time"),
    ],
)
def test_backoff_after_a_429(given: dict[str, str], seconds: float) -> None:
    assert backoff_of(headers(**given), START, missing=60.0, least=1.0) == seconds


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {"ratelimit_limit": "700", "ratelimit_remaining": "698", "ratelimit_reset": "12"},
            [Reading("account", 700, 698, 12)],
            id="Zendesk's account today",
        ),
        pytest.param(
            {"Rate_Limit": "700", "Rate_Limit_Remaining": "1", "Rate_Limit_Reset": "5"},
            [Reading("account", 700, 1, 5)],
            id="and of 2023",
        ),
        pytest.param(
            {"X_Rate_Limit": "400", "X_Rate_Limit_Remaining": "3"}, [Reading("account", 400, 3)], id="without a reset"
        ),
        pytest.param(
            {"Zendesk_RateLimit_Tickets_Update": "total=100; remaining=99; resets=59"},
            [Reading("tickets-update", 100, 99, 59)],
            id="a named bucket",
        ),
        pytest.param(
            {"zendesk_rate_limit_tickets_index": "total=100;remaining=0"},
            [Reading("tickets-index", 100, 0)],
            id="a named bucket of 2023",
        ),
        pytest.param(
            {"zendesk_ratelimit_per_ticket_updates": "total=30; remaining=2; resets=500"},
            [Reading("ticket:35", 30, 2, 500)],
            id="one ticket's",
        ),
        pytest.param({"zendesk_ratelimit_search_index": "many"}, [], id="a bucket in words"),
        pytest.param({"X_Rate_Limit": "lots", "X_Rate_Limit_Remaining": "-3"}, [], id="numbers that are none"),
        pytest.param(
            {
                "X_RateLimit_Limit": "70",
                "X_RateLimit_Remaining": "10",
                "X_RateLimit_FillRate": "5",
                "X_RateLimit_Interval_Seconds": "2",
            },
            [Reading("account", 70, 10, 24.0, 2.5)],
            id="Data Center's token bucket",
        ),
        pytest.param(
            {
                "X_RateLimit_Limit": "100",
                "X_RateLimit_Remaining": "4",
                "X_RateLimit_Reset": (START + timedelta(seconds=9)).isoformat(),
            },
            [Reading("write", 100, 4, 9.0)],
            id="Jira Cloud's, of one kind of call",
        ),
        pytest.param(
            {"Beta_RateLimit_Policy": '"jira-burst-based";q=100;w=1', "Beta_RateLimit": '"jira-burst-based";r=90;t=1'},
            [Reading("jira-burst-based", 100, 90, 1)],
            id="Jira Cloud's structured headers",
        ),
        pytest.param(
            {"RateLimit": '"a";r=5;t=7, "b";r=0;t=9'},
            [Reading("a", 5, 5, 7), Reading("b", 0, 0, 9)],
            id="several policies",
        ),
    ],
)
def test_headers_teach(given: dict[str, str], expected: list[Reading]) -> None:
    assert list(readings(headers(**given), "write", "ticket:35", START)) == expected


def account(remaining: int, reset: int = 30, total: int = 700) -> Any:
    return headers(ratelimit_limit=str(total), ratelimit_remaining=str(remaining), ratelimit_reset=str(reset))


def test_before_anything_is_learned_a_call_may_be_made() -> None:
    assert Budgets(FakeClock()).wait_for(("account", "read")) == 0.0


@pytest.mark.parametrize(
    ("remaining", "wait"),
    [
        pytest.param(700, 0.0, id="full"),
        pytest.param(71, 0.0, id="just above the reserve"),
        pytest.param(70, 30.0, id="the last tenth is for people"),
        pytest.param(0, 30.0, id="empty"),
    ],
)
def test_the_accounts_last_tenth_is_left_to_people(remaining: int, wait: float) -> None:
    budgets = Budgets(FakeClock())
    budgets.learn(account(remaining), "read")
    assert budgets.wait_for(("account",)) == wait


def test_after_its_reset_a_bucket_counts_as_full() -> None:
    clock = FakeClock()
    budgets = Budgets(clock)
    budgets.learn(account(0), "read")
    clock.advance(30)
    assert budgets.wait_for(("account",)) == 0.0
    assert budgets.all() == (Budget("account", 700, 700, 0.0),)


def test_calls_are_counted_between_answers() -> None:
    budgets = Budgets(FakeClock())
    budgets.learn(headers(zendesk_ratelimit_tickets_update="total=100; remaining=2; resets=40"), "update")
    budgets.spend(("account", "tickets-update"))
    assert budgets.wait_for(("tickets-update",)) == 0.0
    budgets.spend(("account", "tickets-update"))
    assert budgets.wait_for(("tickets-update",)) == 40.0


def test_a_bucket_of_one_call_can_be_used() -> None:
    budgets = Budgets(FakeClock())
    budgets.learn(account(1, total=1), "read")
    assert budgets.wait_for(("account",)) == 0.0


def test_an_assumed_allowance_holds_in_any_window() -> None:
    clock = FakeClock()
    budgets = Budgets(clock, {"incremental-exports": Allowance(10)})
    for _ in range(10):
        assert budgets.wait_for(("incremental-exports",)) == 0.0
        budgets.spend(("incremental-exports",))
        clock.advance(3)
    assert budgets.wait_for(("incremental-exports",)) == 30.0
    clock.advance(30)
    assert budgets.wait_for(("incremental-exports",)) == 0.0
    budgets.spend(("incremental-exports",))
    assert budgets.wait_for(("incremental-exports",)) == 3.0


def test_what_is_learned_takes_the_place_of_what_was_assumed() -> None:
    budgets = Budgets(FakeClock(), {"incremental-exports": Allowance(1)})
    budgets.spend(("incremental-exports",))
    budgets.learn(headers(zendesk_ratelimit_incremental_exports="total=30; remaining=29; resets=9"), "export")
    assert budgets.wait_for(("incremental-exports",)) == 0.0


def test_a_token_bucket_fills_steadily() -> None:
    clock = FakeClock()
    budgets = Budgets(clock)
    learned = {"Limit": "70", "Remaining": "2", "FillRate": "5", "Interval-Seconds": "1"}
    budgets.learn(CaseInsensitiveDict({f"X-RateLimit-{name}": value for name, value in learned.items()}), "read")
    assert budgets.wait_for(("account",)) == pytest.approx((8 - 2) / 5)
    clock.advance(1.2)
    assert budgets.wait_for(("account",)) == pytest.approx(0.0)


def test_a_pause_holds_one_bucket_and_no_other() -> None:
    clock = FakeClock()
    budgets = Budgets(clock)
    budgets.pause("ticket:35", 600)
    assert budgets.paused_for(("account", "ticket:35")) == 600.0
    assert budgets.paused_for(("account", "ticket:36")) == 0.0
    clock.advance(599)
    assert budgets.wait_for(("ticket:35",)) == 1.0
    clock.advance(1)
    assert budgets.wait_for(("ticket:35",)) == 0.0


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    budgets = Budgets(FakeClock())
    budgets.pause("account", 100)
    budgets.pause("account", 1)
    assert budgets.paused_for(("account",)) == 100.0


def test_without_a_reset_the_window_that_runs_goes_on() -> None:
    clock = FakeClock()
    budgets = Budgets(clock)
    for remaining in (50, 30, 0):
        budgets.learn(headers(X_Rate_Limit="400", X_Rate_Limit_Remaining=str(remaining)), "read")
        clock.advance(10)
    assert budgets.wait_for(("account",)) == 30.0


def test_buckets_of_single_tickets_are_not_shown_and_not_kept_for_ever() -> None:
    clock = FakeClock()
    budgets = Budgets(clock)
    for number in range(600):
        spent = headers(zendesk_ratelimit_per_ticket_updates="total=30; remaining=0; resets=10")
        budgets.learn(spent, "update", f"ticket:{number}")
    assert budgets.all() == ()
    clock.advance(11)
    budgets.learn(account(9), "read")
    assert budgets.wait_for(("ticket:1",)) == 0.0
    assert [budget.name for budget in budgets.all()] == ["account"]


def test_the_operators_cap_holds_whatever_the_server_allows() -> None:
    clock = FakeClock()
    budgets = Budgets(clock, {}, {"tickets-update": Allowance(2)})
    budgets.learn(headers(zendesk_ratelimit_tickets_update="total=100; remaining=99; resets=60"), "update")
    for _ in range(2):
        assert budgets.wait_for(["account", "tickets-update"]) == 0
        budgets.spend(["account", "tickets-update"])
        clock.advance(10)
    assert budgets.paused_for(["account", "tickets-update"]) == 40
    assert budgets.paused_for(["account", "incremental-exports"]) == 0
    clock.advance(40)
    assert budgets.wait_for(["account", "tickets-update"]) == 0
