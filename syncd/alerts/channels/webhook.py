"""Notifications as JSON for other programs, signed with HMAC-SHA256.

A receiver checks `X-Syncd-Signature: sha256=…`, the hexadecimal HMAC-SHA256 of the timestamp in `X-Syncd-Timestamp`
(Unix seconds), a dot and the raw body, with the shared secret; refuses timestamps that are minutes old; and drops a
second message of the same `X-Syncd-Delivery`, which stays the same on every try.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, Final

from requests.adapters import BaseAdapter

from syncd.alerts.channels.post import Poster, judge_status
from syncd.alerts.message import Alert, Notification, Reader, Section
from syncd.alerts.plain import block, one_line
from syncd.alerts.ports import Fate, Outcome, Parcel
from syncd.alerts.render import Renderer
from syncd.alerts.view import MOST_ROWS, web_address
from syncd.config.secret import Secret, SecretError
from syncd.core.ports import Clock

VERSION: Final = 1  # of the JSON; grows when a reader of the former could be misled


class Webhook:
    """A channel to one address."""

    def __init__(
        self,
        name: str,
        renderer: Renderer,
        url: Secret,
        secret: Secret,
        clock: Clock,
        *,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self._name = name
        self._renderer = renderer
        self._secret = secret
        self._clock = clock
        self._poster = Poster(url, adapter=adapter)

    @property
    def name(self) -> str:
        """Under which targets refer to it."""
        return self._name

    def compose(self, notification: Notification, reader: Reader, message_id: str) -> bytes:
        """The JSON, in ASCII."""
        rendered = self._renderer.render(notification, reader)
        body = {
            "version": VERSION,
            "id": message_id,
            "reason": notification.reason.value,
            "receiver": one_line(notification.receiver, 80),
            "group": one_line(notification.group, 200),
            "seq": notification.seq,
            "at": _instant(notification.at),
            "subject": rendered.subject,
            "text": rendered.short,
            "alerts": [_alert(alert) for alert in notification.alerts[:MOST_ROWS]],
            "more": notification.more + max(len(notification.alerts) - MOST_ROWS, 0),
            "sections": [_section(section) for section in notification.sections],
            "counts": {one_line(key, 80): number for key, number in notification.counts},
        }
        return json.dumps(body).encode("ascii")

    def deliver(self, parcel: Parcel, *, seconds: float) -> Outcome:
        """Posts it; any 2xx means that it was taken."""
        now = self._clock.now()
        try:
            secret = self._secret.reveal()
        except SecretError as error:
            return Outcome(Fate.RETRY, str(error))
        stamp = str(int(now.timestamp()))
        headers = {
            "X-Syncd-Delivery": one_line(parcel.message_id, 250).encode("ascii", "replace").decode(),
            "X-Syncd-Timestamp": stamp,
            "X-Syncd-Signature": signature(secret, stamp, parcel.content),
        }
        answer = self._poster.post(parcel.content, headers, seconds=seconds, now=now)
        if isinstance(answer, Outcome):
            return answer
        return judge_status(answer) or Outcome(Fate.SENT, f"HTTP {answer.status}", answer.status)


def signature(secret: str, stamp: str, body: bytes) -> str:
    """What X-Syncd-Signature holds."""
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _instant(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(min(max(at, 0), 253_370_764_800), tz=UTC).isoformat()


def _section(section: Section) -> dict[str, Any]:
    alerts = [_alert(alert) for alert in section.alerts[:MOST_ROWS]]
    return {"key": section.key, "alerts": alerts, "more": section.more + max(len(section.alerts) - MOST_ROWS, 0)}


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "fact": one_line(alert.fact, 200),
        "ticket": alert.ticket,
        "number": one_line(alert.shown, 40),
        "subject": one_line(alert.subject, 200),
        "url": web_address(alert.url),
        "metric": one_line(alert.metric, 80),
        "threshold": one_line(alert.threshold, 80),
        "state": one_line(alert.state, 80),
        "cycle": alert.cycle,
        "bug": one_line(alert.bug, 80),
        "due": _instant(alert.due),
        "elapsed_seconds": alert.elapsed,
        "target_seconds": alert.target,
        "policy": one_line(alert.policy, 80),
        "rule": one_line(alert.rule, 80),
        "level": alert.level,
        "holder": {"party": alert.holder.party.value, "team": one_line(alert.holder.team, 80)},
        "holder_since": _instant(alert.holder_since),
        "next_step": alert.next_step.value,
        "customer": one_line(alert.customer, 80),
        "tier": one_line(alert.tier, 80),
        "priority": one_line(alert.priority, 80),
        "status": one_line(alert.status, 80),
        "bugs": [
            {
                "key": one_line(bug.key, 80),
                "url": web_address(bug.url),
                "status": one_line(bug.status, 80),
                "assignee": one_line(bug.assignee, 80),
                "fix_version": one_line(bug.fix_version, 80),
                "due": one_line(bug.due, 20),
            }
            for bug in alert.bugs[:MOST_ROWS]
        ],
        "split": [
            {"party": share.holder.party.value, "team": one_line(share.holder.team, 80), "seconds": share.seconds}
            for share in alert.split[:MOST_ROWS]
        ],
        "remark": block(alert.remark, 300),
        "as_of": _instant(alert.as_of),
    }
