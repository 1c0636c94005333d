"""Who did it: the roles of Zendesk's users, kept for an hour, and what kind of actor stands behind a change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.core.model import Actor, ActorKind
from syncd.core.ports import Clock
from syncd.sources.errors import AuthError
from syncd.sources.zendesk_parse import Row, inner

KEPT = 3600.0  # seconds; a role seldom changes
MOST = 20_000  # users remembered at a time
PER_CALL = 100

_RULE_RELS = {"trigger", "automation", "sla_target_change"}
_RULE_NAMES = ("rule", "trigger", "automation")  # how the ticket_events export begins to name them
_ROLES = {"end-user": ActorKind.CUSTOMER, "agent": ActorKind.AGENT, "admin": ActorKind.AGENT}


@dataclass(frozen=True, slots=True)
class Via:
    """How a change came in, from an audit's object or from the export's plain text."""

    channel: str = ""
    rel: str = ""
    rule_id: str = ""
    title: str = ""

    @classmethod
    def of(cls, value: object, reference: object = None) -> Via:
        """Reads `via`; `reference` is the export's via_reference_id."""
        if isinstance(value, str):
            return cls(channel=value.lower(), rule_id=str(reference or ""))
        if not isinstance(value, Mapping):
            return cls()
        source = value.get("source")
        origin = source.get("from") if isinstance(source, Mapping) else None
        rel = inner(value, "source", "rel")
        named = origin if isinstance(origin, Mapping) else {}
        return cls(
            channel=str(value.get("channel") or "").lower(),
            rel=rel.lower() if isinstance(rel, str) else "",
            rule_id=str(named.get("id") or ""),
            title=str(named.get("title") or ""),
        )

    @property
    def is_rule(self) -> bool:
        """A trigger or automation did it."""
        return self.rel in _RULE_RELS or self.channel.startswith(_RULE_NAMES)


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    kind: ActorKind
    until: float  # monotonic


class People:
    """The roles of users. `fetch` asks the server for up to 100 users by id; `own_id` is our writing account's."""

    def __init__(
        self,
        fetch: Callable[[Sequence[int]], Sequence[Any]],
        own_id: Callable[[], int],
        clock: Clock,
        robots: Collection[str] = (),
    ) -> None:
        self._fetch = fetch
        self._own_id = own_id
        self._clock = clock
        self._robots = {robot.casefold() for robot in robots}
        self._known: dict[int, _Person] = {}

    def learn(self, users: Iterable[object]) -> None:
        """Takes over users that came along with another answer."""
        until = self._clock.monotonic() + KEPT
        for user in users:
            number = user.get("id") if isinstance(user, Mapping) else None
            if isinstance(user, Mapping) and isinstance(number, int) and not isinstance(number, bool):
                self._known[number] = _Person(str(user.get("name") or ""), self._kind(user), until)

    def load(self, ids: Iterable[int | None]) -> None:
        """Asks for those that are not known, or not known freshly, 100 a call."""
        now = self._clock.monotonic()
        if len(self._known) > MOST:
            self._known.clear()
        missing = sorted({i for i in ids if i is not None and i > 0 and not self._is_fresh(i, now)})
        for start in range(0, len(missing), PER_CALL):
            chunk = missing[start : start + PER_CALL]
            try:
                self.learn(self._fetch(chunk))
            except AuthError as error:
                # Without the right to read users everybody is unknown, which counts as a person.
                if error.status != 403:
                    raise
            for number in chunk:
                if not self._is_fresh(number, now):
                    self._known[number] = _Person("", ActorKind.UNKNOWN, now + KEPT)

    def actor(self, author_id: int | None, vias: Sequence[Via], *, ours: bool) -> Actor:
        """Who stands behind a change. `vias`: of the event, then of its audit. `ours`: it bears our mark, or is of a
        kind that bears none (tags, a comment made private); without it, what our own account did counts as an agent's,
        as somebody may be signed in with it."""
        for via in vias:
            if via.is_rule:
                return Actor(ActorKind.RULE, via.rule_id, via.title)
        if author_id is None:
            return Actor(ActorKind.UNKNOWN)
        if author_id <= 0:
            return Actor(ActorKind.RULE, str(author_id), "Zendesk")
        person = self._known.get(author_id)
        name = person.name if person else ""
        if author_id == self._own_id():
            return Actor(ActorKind.SELF if ours else ActorKind.AGENT, str(author_id), name)
        if str(author_id) in self._robots:
            return Actor(ActorKind.ROBOT, str(author_id), name)
        return Actor(person.kind if person else ActorKind.UNKNOWN, str(author_id), name)

    def _is_fresh(self, number: int, now: float) -> bool:
        known = self._known.get(number)
        return known is not None and known.until > now

    def _kind(self, user: Row) -> ActorKind:
        names = {str(user.get(key) or "").casefold() for key in ("name", "email", "id")} - {""}
        if names & self._robots:
            return ActorKind.ROBOT
        kind = _ROLES.get(str(user.get("role") or ""), ActorKind.UNKNOWN)
        # Zendesk makes an end user of an agent before it deletes the account: what was is not to be told any more.
        return ActorKind.UNKNOWN if kind is ActorKind.CUSTOMER and user.get("active") is False else kind
