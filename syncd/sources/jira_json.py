"""Jira's JSON, piece by piece: objects, lists, ids, times and users. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from syncd.core.model import Actor, ActorKind

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECONDS_END: Final = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973: no stamp is near it


class MalformedError(ValueError):
    """The JSON cannot be read as what it should be; the message is a sentence for people."""


def record(value: object, what: str) -> Mapping[str, Any]:
    """`value` as a JSON object; raises MalformedError naming `what` otherwise."""
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not a JSON object")
    return value


def rows(value: object, what: str) -> list[Any]:
    """`value` as a JSON list; raises MalformedError naming `what` otherwise."""
    if not isinstance(value, list):
        raise MalformedError(f"{what} is not a JSON list")
    return value


def ident(value: object, what: str) -> str:
    """An id as text: Jira sends most ids as strings and some as numbers."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise MalformedError(f"{what} is missing")


def instant(value: object, what: str = "the time stamp") -> datetime:
    """A time of Jira's in UTC.

    Text is ISO 8601 in the reader's zone with an offset that may lack the colon (`2021-01-25T21:49:52.514+0800`);
    numbers are epoch seconds or milliseconds, told apart by size.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise MalformedError(f"{what} cannot be read as a time") from None
        if moment.tzinfo is None:
            raise MalformedError(f"{what} has no offset from UTC")
        return moment.astimezone(UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        milliseconds = value if abs(value) >= _SECONDS_END else value * 1000
        try:
            return _EPOCH + timedelta(milliseconds=milliseconds)
        except (OverflowError, ValueError):
            raise MalformedError(f"{what} cannot be read as a time") from None
    raise MalformedError(f"{what} is missing")


def epoch_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, without a detour over floats."""
    return (moment - _EPOCH) // _MILLISECOND


@dataclass(frozen=True, slots=True)
class Authors:
    """Tells whose doing a change is."""

    own: frozenset[str] = frozenset()  # our accountId on Cloud; our name and key on Data Center
    robots: frozenset[str] = frozenset()  # ids, names or display names of other integrations, in case-folded form

    @classmethod
    def of(cls, own: Iterable[str], robots: Iterable[str]) -> Authors:
        """From ids as a server gave them and robots as the configuration names them."""
        return cls(frozenset(name for name in own if name), frozenset(robot.casefold() for robot in robots))

    def is_own(self, user: object) -> bool:
        """True when the JSON of a user is our own account's."""
        return isinstance(user, dict) and any(user.get(key) in self.own for key in ("accountId", "name", "key"))

    def actor(self, user: object) -> Actor:
        """The author of a change. One who cannot be told is UNKNOWN, which counts as a person."""
        if not isinstance(user, dict):
            return Actor(ActorKind.UNKNOWN)
        identity = user_id(user) or ""
        name = user["displayName"] if isinstance(user.get("displayName"), str) else ""
        if self.is_own(user):
            kind = ActorKind.SELF
        elif self._is_robot(user, name):
            kind = ActorKind.ROBOT
        elif user.get("accountType") == "customer":  # of a service desk's portal
            kind = ActorKind.CUSTOMER
        else:
            kind = ActorKind.AGENT if identity or name else ActorKind.UNKNOWN
        return Actor(kind, identity, name)

    def _is_robot(self, user: Mapping[str, Any], name: str) -> bool:
        if user.get("accountType") == "app" or "automation" in name.casefold():
            return True
        known = (user.get(key) for key in ("accountId", "name", "key", "displayName", "emailAddress"))
        return any(isinstance(value, str) and value.casefold() in self.robots for value in known)


def user_id(user: object) -> str | None:
    """accountId on Cloud, name (or key) on Data Center."""
    if not isinstance(user, dict):
        return None
    for key in ("accountId", "name", "key"):
        found = text_of(user.get(key))
        if found is not None:
            return found
    return None


def words_of(value: object, what: str) -> str:
    """A text that people read; "" for none. Raises MalformedError for anything else: it would be shown to people."""
    if value is None or isinstance(value, str):
        return value or ""
    raise MalformedError(f"{what} is no text")


def text_of(value: object) -> str | None:
    """`value` when it is text and not empty."""
    return value if isinstance(value, str) and value else None
