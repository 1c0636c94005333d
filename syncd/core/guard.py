"""The brakes: plans that must not be carried out before a person has looked. Judged for one route at a time.

A brake holds writes only; reading, clocks and mail go on. It is released by `syncd once --accept` or by the token
under guard.accept in config.yaml. A token is bound to the reason, the mapping's meaning and a ceiling on the count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SMALL = 20
"""Shares count only above this many changed links: three of four links moving is a Monday, not a disaster."""


class Reason(StrEnum):
    FIRST_RUN = "first_run"
    MAPPING_CHANGED = "mapping_changed"
    ACCOUNT_CHANGED = "account_changed"
    EMPTIED_SOURCE = "emptied_source"
    NO_EVENTS = "no_events"
    PUBLIC_NOTE = "public_note"


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """What is known of a route when its part of a plan is judged."""

    route: str
    meaning: str  # of its mapping now
    accounts: str  # our own accounts on both sides now
    live_links: int
    writes: int  # remote actions planned
    writes_without_event: int  # status writes that no fresh change on the other side explains
    emptied: str | None = None  # what a census found missing, when that was too much to believe
    public_note: str | None = None  # a note of ours was found public


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a person has accepted for the route so far."""

    meaning: str | None = None  # None: never
    accounts: str | None = None
    tokens: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """A brake that is on."""

    route: str
    reason: Reason
    count: int
    token: str
    message: str


def judge(facts: RouteFacts, accepted: Accepted, *, max_changed_share: float) -> Held | None:
    """The brake that holds this route's writes, or None when they may go."""
    for reason, why in _suspicions(facts, accepted, max_changed_share):
        if not any(_releases(token, facts, reason) for token in accepted.tokens):
            return _held(facts, reason, why)
    return None


def _suspicions(facts: RouteFacts, accepted: Accepted, max_changed_share: float) -> Iterable[tuple[Reason, str]]:
    if facts.public_note:
        yield Reason.PUBLIC_NOTE, f"{facts.public_note}. Look at the Zendesk account's triggers and permissions"
    if facts.emptied:
        yield Reason.EMPTIED_SOURCE, f"{facts.emptied}. That looks like a lost permission or the wrong account"
    if not facts.writes:
        return
    if accepted.meaning is None:
        yield Reason.FIRST_RUN, "nothing has been written for this route before"
    elif accepted.meaning != facts.meaning:
        yield Reason.MAPPING_CHANGED, "the mapping's meaning changed since it was last accepted"
    if accepted.accounts is not None and accepted.accounts != facts.accounts:
        yield Reason.ACCOUNT_CHANGED, "syncd now uses another account, so its own changes look like somebody else's"
    too_many = facts.writes_without_event > max(SMALL, max_changed_share * facts.live_links)
    if too_many:
        yield (
            Reason.NO_EVENTS,
            f"{facts.writes_without_event} of {facts.live_links} links would change though nobody moved anything",
        )


def _held(facts: RouteFacts, reason: Reason, why: str) -> Held:
    count = facts.writes
    ceiling = max(SMALL, math.ceil(count * 1.25))
    token = f"{facts.route}:{reason}:{facts.meaning[:8]}:{ceiling}"
    message = (
        f"Route {facts.route} is held ({reason}): {why}. {count} writes wait. See them with: syncd plan. "
        f"Then let them go with: syncd once --accept, or add '{token}' to guard.accept in config.yaml."
    )
    return Held(facts.route, reason, count, token, message)


def _releases(token: str, facts: RouteFacts, reason: Reason) -> bool:
    parts = token.rsplit(":", 3)
    if len(parts) != 4 or not parts[3].isdigit():
        return False
    route, named, meaning, ceiling = parts
    return route == facts.route and named == reason and meaning == facts.meaning[:8] and facts.writes <= int(ceiling)
