"""What operators and the fallback must hear beside tickets' alerts: a tracker that cannot be read, brakes, a credential
that is refused, mail that does not arrive. Each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from syncd.alerts.describe import letter_id
from syncd.alerts.message import Notification, Reader, Reason
from syncd.alerts.ports import Channel, Target
from syncd.alerts.settings import AlertSettings
from syncd.core.alert_model import Letter, Post
from syncd.core.model import Json
from syncd.core.ports import Clock
from syncd.cycle.clock_brake import CLOCK_FIELDS
from syncd.cycle.letters import Writer
from syncd.cycle.settings import CycleReport
from syncd.store import Store, Tx

SIDES: Final = ("zendesk", "jira")
FAILING: Final = "alerts.failing"
"""Fact: since when (Unix seconds) each side that fails has been failing."""
BLIND: Final = "alerts.blind"
"""Fact: since when (Unix seconds) each side could not be read, of which receivers were told."""
SETTLED: Final = 300
"""Seconds after which it is told that a side can be read again, though some tickets are still held."""
_NAMES: Final = {"zendesk": "Zendesk", "jira": "Jira"}


@dataclass(frozen=True, slots=True)
class SeesAgain:
    """A side that can be read again, and that receivers were told "blind" about. Unix seconds."""

    side: str
    since: int
    until: int


class Watch:
    """Remembers, in the store, what is wrong since when; and what was said about it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, Json] | None = None  # as the store has it
        self._failing: dict[str, int] = {}
        self._blind: dict[str, Json] = {}  # as the store has it
        self._back: dict[str, int] = {}  # those of them that can be read again, and since when
        self._said: set[str] = set()  # spares the store the question whether it was said already

    def look(self, report: CycleReport, settings: AlertSettings, now: int) -> frozenset[str]:
        """The sides that have not been read for so long that what is known of them alarms nobody."""
        if self._known is None:
            with self._store.reading() as tx:
                stored, blind = tx.get_fact(FAILING), tx.get_fact(BLIND)
            self._known = stored if isinstance(stored, dict) else {}
            self._blind = blind if isinstance(blind, dict) else {}
        known = self._known
        failing: dict[str, Json] = {side: _since(known, side, now) for side in SIDES if side in report.problems}
        if failing != known:
            with self._store.transaction() as tx:
                tx.set_fact(FAILING, failing, self._clock.now())
            self._known = failing
        self._failing = {side: int(str(since)) for side, since in failing.items()}
        self._back = {side: self._back.get(side, now) for side in self._blind if side not in failing}
        return frozenset(side for side, since in self._failing.items() if now - since > settings.blind_after)

    @property
    def back_at(self) -> int | None:
        """When a side could be read again, until that is told; None when there is none."""
        return max(self._back.values(), default=None)

    @property
    def back_sides(self) -> tuple[str, ...]:
        """The sides that can be read again, until that is told."""
        return tuple(sorted(self._back))

    def sees_again(self, now: int, *, is_held: bool) -> list[SeesAgain]:
        """What is to be told of now: as soon as no ticket `is_held` any more, so that it is told in one message."""
        return [
            SeesAgain(side, int(str(self._blind[side])), until)
            for side, until in sorted(self._back.items())
            if not is_held or now - until >= SETTLED
        ]

    def told_blind(self, tx: Tx, settings: AlertSettings, side: str) -> list[str]:
        """The receivers who were told that the side cannot be read, as far as they are configured still."""
        found = []
        for name in dict.fromkeys((settings.fallback, settings.for_operators)):
            receiver = settings.receivers.get(name)
            identity = f"blind|{side}|{self._blind.get(side)}|{name}"
            if receiver is not None and any(
                tx.knows_message(letter_id((), Reason.STALE, identity, 0, target, settings.domain))
                for target in receiver.targets
            ):
                found.append(name)
        return found

    def seen(self, tx: Tx, sides: Iterable[str]) -> None:
        """It was told that these can be read again."""
        self._blind = {side: since for side, since in self._blind.items() if side not in set(sides)}
        self._back = {side: until for side, until in self._back.items() if side in self._blind}
        tx.set_fact(BLIND, self._blind, self._clock.now())

    def tell(
        self,
        settings: AlertSettings,
        channels: Mapping[str, Channel],
        report: CycleReport,
        blind: frozenset[str],
        now: int,
    ) -> bool:
        """Says what was not said yet; True when there was something."""
        said: list[tuple[str, Notification, str]] = []
        for side in sorted(blind):
            since = self._failing[side]
            for receiver in dict.fromkeys((settings.fallback, settings.for_operators)):
                told = Notification(Reason.STALE, receiver, f"blind|{side}", 0, now, blind=side, blind_since=since)
                said.append((f"blind|{side}|{since}|{receiver}", told, f"{_NAMES[side]} cannot be read"))
        if settings.operators:
            said += self._incidents(settings.operators, report, now)
        new = [each for each in said if each[0] not in self._said]
        if not new:
            return False
        with self._store.transaction() as tx:
            writer = Writer(tx, settings, channels, now)
            for identity, told, about in new:
                writer.send(told, identity=identity, about=about)
            if not blind <= self._blind.keys():
                self._blind = {**{side: self._failing[side] for side in sorted(blind)}, **self._blind}
                tx.set_fact(BLIND, self._blind, self._clock.now())
        self._said.update(identity for identity, _, _ in new)
        return True

    def _incidents(self, receiver: str, report: CycleReport, now: int) -> list[tuple[str, Notification, str]]:
        found = []
        for route, held in sorted(report.held.items()):
            headline, identity = f"The route {route} writes nothing: {held.reason}", held.token
            if route == CLOCK_FIELDS:  # how many tickets wait grows while histories are read, and is no news
                headline = f"Ticket fields that show clocks are not written: {held.reason}"
                identity = held.token.rpartition(":")[0]
            notice = _notice(receiver, f"brake|{route}", headline, (held.message,), now)
            found.append((f"brake|{route}|{identity}", notice, headline))
        if report.clock_off is not None:
            off = report.clock_off
            notice = _notice(receiver, "clock", "A clock is wrong", (off.sentence,), now)
            found.append((f"clock|{off.since}", notice, "A clock is wrong"))
        for side in sorted(report.shut_out & set(self._failing)):
            headline = f"{_NAMES[side]} refuses syncd's credential"
            lines = (report.problems.get(side, ""), "Nothing is read from there or written there until it is mended.")
            notice = _notice(receiver, f"auth|{side}", headline, tuple(line for line in lines if line), now)
            found.append((f"auth|{side}|{self._failing[side]}", notice, headline))
        return found

    def letter_dead(self, tx: Tx, settings: AlertSettings, channels: Mapping[str, Channel], letter: Letter) -> None:
        """A letter was given up: whoever mends that is told once a day for each address, and the fallback hears of the
        alerts that were in it."""
        now = int(self._clock.now().timestamp())
        if letter.reason == Reason.NOTICE:
            return  # no notices about notices: `status` and `alerts list` show them
        fallback = settings.receivers.get(settings.fallback)
        if fallback is not None and fallback.name != letter.receiver and letter.keys:
            target = Target("digest", Reader(""))
            group = f"dead|{letter.id}"
            waits = Letter(
                group=group,
                receiver=fallback.name,
                seq=1,
                address="",
                channel=target.channel,
                reason=letter.reason,
                message_id=letter_id(letter.keys, Reason.DIGEST, group, 1, target, settings.domain),
                content=b"",
                created=now,
                not_before=now,
                state=Post.DIGEST,
                keys=letter.keys,
                about=f"{letter.about} (could not be delivered to {letter.receiver})",
            )
            tx.add_letters([waits])
        day = datetime.fromtimestamp(now, UTC).date()
        where = letter.address or letter.channel
        headline = f"Messages to {letter.receiver} ({where}) cannot be delivered"
        lines = (letter.last_error, "Mend receivers: or mail: in config.yaml; `syncd alerts list` shows what was lost.")
        for name in dict.fromkeys((settings.for_operators, settings.fallback)):
            identity = f"dead|{letter.receiver}|{where}|{day}|{name}"
            told = _notice(name, f"dead|{letter.receiver}", headline, lines, now)
            Writer(tx, settings, channels, now).send(told, identity=identity, about=headline)


def _notice(receiver: str, group: str, headline: str, lines: tuple[str, ...], now: int) -> Notification:
    return Notification(Reason.NOTICE, receiver, group, 0, now, headline=headline, lines=lines)


def _since(known: Mapping[str, Json], side: str, now: int) -> int:
    """Since when the side fails, never after now."""
    since = known.get(side)
    return min(int(since), now) if isinstance(since, int | float) else now
