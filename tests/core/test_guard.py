"""The brakes as a table: what holds a route's writes, and what lets them go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.core.guard import SMALL, Accepted, Reason, RouteFacts, judge

FACTS = RouteFacts(
    route="eng", meaning="abcdef0123", accounts="{us}", live_links=100, writes=10, writes_without_event=0
)
ACCEPTED = Accepted(meaning="abcdef0123", accounts="{us}")

HELD: dict[str, tuple[RouteFacts, Accepted, Reason | None]] = {
    "a first run with writes is held": (FACTS, Accepted(), Reason.FIRST_RUN),
    "a first run without writes has nothing to hold": (replace(FACTS, writes=0), Accepted(), None),
    "an accepted mapping goes on": (FACTS, ACCEPTED, None),
    "a mapping that means something else is held": (replace(FACTS, meaning="other"), ACCEPTED, Reason.MAPPING_CHANGED),
    "another account of ours is held": (replace(FACTS, accounts="{others}"), ACCEPTED, Reason.ACCOUNT_CHANGED),
    "most links changing without an event is held": (
        replace(FACTS, writes=60, writes_without_event=51),
        ACCEPTED,
        Reason.NO_EVENTS,
    ),
    "the allowed share is not held": (replace(FACTS, writes=60, writes_without_event=50), ACCEPTED, None),
    "a few links are never too many": (
        replace(FACTS, live_links=3, writes=SMALL, writes_without_event=SMALL),
        ACCEPTED,
        None,
    ),
    "any number of writes with events is spread, not held": (replace(FACTS, writes=5000), ACCEPTED, None),
    "an emptied source is held even without writes": (
        replace(FACTS, writes=0, emptied="9 of 10 are gone"),
        ACCEPTED,
        Reason.EMPTIED_SOURCE,
    ),
    "a public note stops the route": (
        replace(FACTS, writes=0, public_note="a note is public"),
        ACCEPTED,
        Reason.PUBLIC_NOTE,
    ),
}


@pytest.mark.parametrize(("facts", "accepted", "reason"), HELD.values(), ids=HELD)
def test_what_holds(facts: RouteFacts, accepted: Accepted, reason: Reason | None) -> None:
    held = judge(facts, accepted, max_changed_share=0.5)
    assert (held.reason if held else None) == reason


def token() -> str:
    """The token of the first run of FACTS."""
    held = judge(FACTS, Accepted(), max_changed_share=0.5)
    assert held is not None
    return held.token


TOKENS = {
    "its own token lets it go": (FACTS, True),
    "up to the ceiling": (replace(FACTS, writes=SMALL), True),
    "beyond the ceiling it is held again": (replace(FACTS, writes=SMALL + 1), False),
    "another mapping needs another token": (replace(FACTS, meaning="zzzz"), False),
    "another route needs another token": (replace(FACTS, route="ops"), False),
}


@pytest.mark.parametrize(("facts", "goes"), TOKENS.values(), ids=TOKENS)
def test_a_token_is_bound_to_reason_mapping_and_count(facts: RouteFacts, goes: bool) -> None:
    accepted = Accepted(tokens=frozenset({token()}))
    assert (judge(facts, accepted, max_changed_share=0.5) is None) is goes


@pytest.mark.parametrize("text", ["", "eng", "eng:first_run:abcdef01:many", "first_run:abcdef01:20", ":::"])
def test_a_token_that_is_none_lets_nothing_go(text: str) -> None:
    assert judge(FACTS, Accepted(tokens=frozenset({text})), max_changed_share=0.5) is not None


def test_the_message_says_why_and_what_to_type() -> None:
    held = judge(FACTS, Accepted(), max_changed_share=0.5)
    assert held is not None
    for part in ("eng", "first_run", "10 writes", "syncd plan", "syncd once --accept", held.token):
        assert part in held.message
