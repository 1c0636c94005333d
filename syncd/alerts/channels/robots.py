"""Robots of WeCom, DingTalk and Feishu groups. They answer 200 to everything and tell in the body whether it was taken.

WeCom: https://developer.work.weixin.qq.com/document/path/91770 (20 messages a minute, text of 2,048 bytes). DingTalk:
https://open.dingtalk.com/document/robots/custom-robot-access (20 a minute, then ten minutes of silence; signed with a
timestamp in milliseconds). Feishu: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (100 a minute, 5 a
second, 20 kB; signed with a timestamp in seconds).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from requests.adapters import BaseAdapter

from syncd.alerts.channels.pace import Pace
from syncd.alerts.channels.post import Answer, Poster, judge_status
from syncd.alerts.message import Notification, Reader, Rendered
from syncd.alerts.plain import one_line
from syncd.alerts.ports import Fate, Outcome, Parcel
from syncd.alerts.render import Renderer
from syncd.config.secret import Secret, SecretError
from syncd.core.ports import Clock


@dataclass(frozen=True, slots=True)
class Service:
    """What tells one service's robots from another's."""

    kind: str
    text_bytes: int  # of one message
    limits: tuple[tuple[int, float], ...]  # messages, seconds
    codes: tuple[str, ...]  # where the answer holds its code; the first one found counts
    slow_down: frozenset[int]  # codes that say: too many
    pause: float  # seconds that it wants then
    busy: frozenset[int]  # codes that say: later


WECOM: Final = Service("wecom", 2048, ((20, 60.0),), ("errcode",), frozenset({45009, 45033}), 60.0, frozenset({-1}))
DINGTALK: Final = Service(
    "dingtalk",
    15_000,
    ((20, 60.0),),
    ("errcode",),
    frozenset({130101, 410100, 90030, 90018, 90002}),
    600.0,
    frozenset({-1}),
)
FEISHU: Final = Service(
    "feishu",
    15_000,
    ((100, 60.0), (5, 1.0)),
    ("code", "StatusCode"),
    frozenset({11232, 11233, 99991400, 230020}),
    60.0,
    frozenset({-1, 2, 10002}),
)
SERVICES: Final[Mapping[str, Service]] = {service.kind: service for service in (WECOM, DINGTALK, FEISHU)}


def fitted(rendered: Rendered, limit: int) -> str:
    """The longest form of the message that fits into `limit` bytes of UTF-8: subject and short form, else the subject
    and as many whole lines as fit, else the beginning of the subject."""
    lines = [rendered.subject, *rendered.short.splitlines()]
    if len("\n".join(lines).encode()) <= limit:
        return "\n".join(lines)
    kept, room = list[str](), limit - len("\n…".encode())
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    if kept:
        return "\n".join([*kept, "…"])
    return rendered.subject.encode()[: limit - 3].decode("utf-8", "ignore") + "…"


class Robot:
    """A channel to one group's robot. `url` holds its token; `secret` signs, where the service knows that."""

    def __init__(
        self,
        service: Service,
        name: str,
        renderer: Renderer,
        url: Secret,
        clock: Clock,
        *,
        secret: Secret | None = None,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self._service = service
        self._name = name
        self._renderer = renderer
        self._clock = clock
        self._secret = secret
        self._poster = Poster(url, adapter=adapter)
        self._pace = Pace(service.limits, clock.monotonic)

    @property
    def name(self) -> str:
        """Under which targets refer to it."""
        return self._name

    def compose(self, notification: Notification, reader: Reader, message_id: str) -> bytes:
        """The text of the message; a robot knows no ids, so `message_id` is left out."""
        del message_id
        text = fitted(self._renderer.render(notification, reader), self._service.text_bytes)
        return _body(self._service, text)

    def deliver(self, parcel: Parcel, *, seconds: float) -> Outcome:
        """Gives it to the robot, unless the limit is reached: then it is to wait."""
        wait = self._pace.take()
        if wait > 0:
            return Outcome(Fate.RETRY, "the limit of messages a minute is reached", after=wait)
        now = self._clock.now()
        try:
            secret = self._secret.reveal() if self._secret is not None else ""
        except SecretError as error:
            return Outcome(Fate.RETRY, str(error))
        content, query = (
            _signed(self._service, parcel.content, secret, now.timestamp()) if secret else (parcel.content, "")
        )
        answer = self._poster.post(content, {}, seconds=seconds, now=now, query=query)
        return answer if isinstance(answer, Outcome) else judge_answer(self._service, answer)


def judge_answer(service: Service, answer: Answer) -> Outcome:
    """What the answer means. A code that is not known is a refusal: the fallback receiver then hears of it at once."""
    outcome = judge_status(answer)
    if outcome is not None:
        return outcome
    told = answer.json()
    code = next((told[key] for key in service.codes if key in told), None) if isinstance(told, dict) else None
    if not isinstance(code, int) or isinstance(code, bool):
        return Outcome(Fate.UNKNOWN, "HTTP 200 without a code: this was not the robot's answer", answer.status)
    said = one_line(str(told.get("errmsg") or told.get("msg") or told.get("StatusMessage") or ""), 160)
    if code == 0:
        return Outcome(Fate.SENT, said or "ok", code)
    if code in service.slow_down:
        return Outcome(Fate.RETRY, f"{code} {said}", code, service.pause)
    if code in service.busy:
        return Outcome(Fate.RETRY, f"{code} {said}", code)
    return Outcome(Fate.DEAD, f"{code} {said}", code)


def _body(service: Service, text: str) -> bytes:
    body: dict[str, Any]
    if service is FEISHU:
        # Feishu reads <at …> within a text: what a customer wrote must not call the whole group.
        body = {"msg_type": "text", "content": {"text": text.replace("<", "＜")}}
    else:
        body = {"msgtype": "text", "text": {"content": text}}
    return json.dumps(body, ensure_ascii=False).encode()


def _signed(service: Service, content: bytes, secret: str, now: float) -> tuple[bytes, str]:
    """The content and the query with the signature, each as its service wants it."""
    if service is DINGTALK:
        stamp = str(int(now * 1000))
        digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
        return content, urlencode({"timestamp": stamp, "sign": base64.b64encode(digest).decode()})
    if service is FEISHU:
        stamp = str(int(now))
        digest = hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
        signed = {"timestamp": stamp, "sign": base64.b64encode(digest).decode(), **json.loads(content)}
        return json.dumps(signed, ensure_ascii=False).encode(), ""
    return content, ""
