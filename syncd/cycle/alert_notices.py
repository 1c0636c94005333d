"""What operators and the fallback must hear beside tickets' alerts: a tracker that cannot be read, brakes, a credential
that is refused, mail that does not arrive. Each once."""

from __future__ import annotations

from collections.abc import Mapping
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
_NAMES: Final = {"zendesk": "Zendesk", "jira": "Jira"}


class Watch:
    """Remembers, in the store, what is wrong since when; and what was said about it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, Json] | None = None  # as the store has it
        self._failing: dict[str, int] = {}
        self._said: set[str] = set()  # spares the store the question whether it was said already

    def look(self, report: CycleReport, settings: AlertSettings, now: int) -> frozenset[str]:
        """The sides that have not been read for so long that what is known of them alarms nobody."""
        if self._known is None:
            with self._store.reading() as tx:
                stored = tx.get_fact(FAILING)
            self._known = stored if isinstance(stored, dict) else {}
        known = self._known
        failing: dict[str, Json] = {side: _since(known, side, now) for side in SIDES if side in report.problems}
        if failing != known:
            with self._store.transaction() as tx:
                tx.set_fact(FAILING, failing, self._clock.now())
            self._known = failing
        self._failing = {side: int(str(since)) for side, since in failing.items()}
        return frozenset(side for side, since in self._failing.items() if now - since > settings.blind_after)

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
