"""Putting notifications into the outbox: one row, with its bytes and its Message-ID, for each address of a receiver."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from syncd.alerts.case import Case
from syncd.alerts.describe import acknowledge_of, alert_of, in_order, is_worth_a_digest, letter_id
from syncd.alerts.episodes import Draft
from syncd.alerts.mail import MailChannel
from syncd.alerts.message import Alert, Notification, Reader, Reason
from syncd.alerts.pacing import Paced, opens_at
from syncd.alerts.ports import Channel, Target
from syncd.alerts.settings import AlertSettings
from syncd.core.alert_model import AlertKey, Chain, Letter, Post, furthest
from syncd.store import Tx

_NOWHERE = Target("digest", Reader(""))
"""Where rows go that only wait for a digest."""


class Writer:
    """Writes within one transaction, for one configuration."""

    def __init__(self, tx: Tx, settings: AlertSettings, channels: Mapping[str, Channel], now: int) -> None:
        self._tx = tx
        self._settings = settings
        self._channels = channels
        self._now = now

    def write(self, paced: Iterable[Paced], cases: Mapping[int, Case], chains: Mapping[str, tuple[int, Chain]]) -> int:
        """Every draft becomes rows: new ones, or one that waits for a digest. `chains`: the id and chain of each
        group's episode. Returns how many notifications were written."""
        count = 0
        for each in paced:
            draft = each.draft
            episode, chain = chains[draft.group]
            if each.digest_at is not None:
                self._wait(draft, episode, each.digest_at, each.why)
            else:
                self.send(self._notification(draft, cases, chain), draft.keys, episode=episode)
            count += 1
        return count

    def send(
        self,
        notification: Notification,
        keys: Sequence[AlertKey] = (),
        *,
        episode: int = 0,
        identity: str = "",
        about: str = "",
    ) -> list[int]:
        """The rows of one notification; their ids. `identity`: what makes it the same notification where it has no
        facts: then a second one with that identity is not written."""
        receiver = self._settings.receivers.get(notification.receiver)
        if receiver is None:
            return []
        seq = self._tx.next_seq(notification.group, notification.receiver)
        notification = replace(notification, seq=seq)
        letters = []
        for target in receiver.targets:
            channel = self._channels.get(target.channel)
            if channel is None:
                continue
            if identity:
                message = letter_id((), notification.reason, identity, 0, target, self._settings.domain)
            else:
                message = letter_id(keys, notification.reason, notification.group, seq, target, self._settings.domain)
            if self._tx.knows_message(message):
                continue
            letters.append(
                Letter(
                    group=notification.group,
                    receiver=notification.receiver,
                    seq=seq,
                    address=target.reader.address,
                    channel=target.channel,
                    reason=notification.reason.value,
                    message_id=message,
                    content=channel.compose(shown_to(target, notification), target.reader, message),
                    created=self._now,
                    not_before=self._now,
                    episode=episode,
                    keys=tuple(keys),
                    about=about or about_of(notification.reason, keys),
                )
            )
        return self._tx.add_letters(letters)

    def say_seeing(
        self, told: Notification, identity: str, keys: Iterable[AlertKey], cases: Mapping[int, Case]
    ) -> None:
        """A source can be read again: one message with what is made up for, and with whatever waits for a digest."""
        waiting = [letter for letter in self._tx.digest_waiting(self._now) if letter.receiver == told.receiver]
        waiting = [letter for letter in waiting if letter.reason != Reason.CORRECTION]
        worth = self._worth({*keys, *(key for letter in waiting for key in letter.keys)})
        alerts = self._listed(worth, cases)
        shown = alerts[: self._settings.table]
        ways = acknowledge_of(self._settings, None) if alerts else None
        told = replace(told, alerts=shown, more=len(alerts) - len(shown), acknowledge=ways)
        about = f"{told.blind} can be read again"
        self._carry(waiting, self.send(told, sorted(worth), identity=identity, about=about))

    def flush_digests(self, cases: Mapping[int, Case], *, patience: int = 0) -> None:
        """Every receiver whose digest is due, and who is not in quiet hours, gets one; corrections go by themselves.
        `patience`: seconds that a digest waits for more that is on its way and belongs into it."""
        waiting: dict[str, list[Letter]] = {}
        for letter in self._tx.digest_waiting(self._now):
            waiting.setdefault(letter.receiver, []).append(letter)
        for name, letters in waiting.items():
            receiver = self._settings.receivers.get(self._settings.name_of(name))
            if receiver is None or self._now - min(x.not_before for x in letters) < patience:
                continue
            opening = opens_at(receiver, self._now)
            if opening > self._now:
                self._tx.put_off([letter.id for letter in letters], opening)
                continue
            self._flush(receiver.name, letters, cases)

    def _flush(self, receiver: str, letters: Sequence[Letter], cases: Mapping[int, Case]) -> None:
        for letter in letters:
            if letter.reason == Reason.CORRECTION:
                alerts = tuple(alert_of(cases.get(key.ticket), key, self._settings, self._now) for key in letter.keys)
                told = Notification(Reason.CORRECTION, receiver, letter.group, 0, self._now, alerts)
                self._carry([letter], self.send(told, letter.keys, episode=letter.episode))
        rest = [letter for letter in letters if letter.reason != Reason.CORRECTION]
        worth = self._worth({key for letter in rest for key in letter.keys})
        if not worth:
            self._tx.cancel_letters([letter.id for letter in rest], "everything in it was over by then", self._now)
            return
        alerts = self._listed(worth, cases)
        shown = alerts[: self._settings.table]
        digest = Notification(
            reason=Reason.DIGEST,
            receiver=receiver,
            group=f"digest|{receiver}",
            seq=0,
            at=self._now,
            alerts=shown,
            more=len(alerts) - len(shown),
            acknowledge=acknowledge_of(self._settings, None),
        )
        self._carry(rest, self.send(digest, sorted(worth)))

    def _worth(self, wanted: Collection[AlertKey]) -> frozenset[AlertKey]:
        """What a digest lists: of each clock the furthest point, of what still has to be told."""
        known = self._tx.alert_facts({key.ticket for key in wanted})
        facts = {key: fact for of_ticket in known.values() for key, fact in of_ticket.items()}
        return furthest(key for key in wanted if is_worth_a_digest(key, facts.get(key)))

    def _listed(self, keys: Iterable[AlertKey], cases: Mapping[int, Case]) -> tuple[Alert, ...]:
        return in_order(alert_of(cases.get(key.ticket), key, self._settings, self._now) for key in keys)

    def _carry(self, letters: Sequence[Letter], carriers: Sequence[int]) -> None:
        if carriers:
            self._tx.went_with([letter.id for letter in letters], carriers[0], self._now)

    def _wait(self, draft: Draft, episode: int, until: int, why: str) -> None:
        seq = self._tx.next_seq(draft.group, draft.receiver)
        letter = Letter(
            group=draft.group,
            receiver=draft.receiver,
            seq=seq,
            address="",
            channel=_NOWHERE.channel,
            reason=draft.reason.value,
            message_id=letter_id(
                draft.keys, draft.reason, f"{draft.group}|{draft.receiver}", seq, _NOWHERE, self._settings.domain
            ),
            content=b"",
            created=self._now,
            not_before=until,
            state=Post.DIGEST,
            episode=episode,
            keys=draft.keys,
            about=about_of(draft.reason, draft.keys),
            last_error=why,
        )
        self._tx.add_letters([letter])

    def _notification(self, draft: Draft, cases: Mapping[int, Case], chain: Chain) -> Notification:
        levels = len(chain.levels)
        alerts = in_order(
            alert_of(cases.get(key.ticket), key, self._settings, self._now, level=draft.level, levels=levels)
            for key in draft.keys
        )
        shown = alerts[: self._settings.table]
        tickets = sorted({alert.ticket for alert in alerts})
        is_over = draft.reason in (Reason.RESOLVED, Reason.CORRECTION) or all(key.is_forecast for key in draft.keys)
        return Notification(
            reason=draft.reason,
            receiver=draft.receiver,
            group=draft.group,
            seq=0,
            at=self._now,
            alerts=shown,
            more=len(alerts) - len(shown),
            why=draft.why,
            asks=draft.asks,
            acknowledge=None if is_over else acknowledge_of(self._settings, tickets[0] if len(tickets) == 1 else None),
        )


def shown_to(target: Target, notification: Notification) -> Notification:
    """Internal words go by mail alone: what a robot or another service shows, and to whom, nobody here can know."""
    if target.channel == MailChannel.name:
        return notification
    alerts = tuple(
        replace(each, last_internal=replace(each.last_internal, text="")) if each.last_internal is not None else each
        for each in notification.alerts
    )
    return replace(notification, alerts=alerts)


def about_of(reason: Reason, keys: Sequence[AlertKey]) -> str:
    """One line for lists: the reason and the first of the facts."""
    shown = ", ".join(f"#{key.ticket} {key.metric} {key.threshold}" for key in keys[:3])
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return f"{reason.value}: {shown}{more}" if keys else reason.value
