"""Robots, webhooks and apprise: what goes out, what is made of the answer, and that no address with a token is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError
from urllib3.response import HTTPResponse

from syncd.alerts.channels.apprise import Apprise
from syncd.alerts.channels.build import build_channels, channel_name, targets_of
from syncd.alerts.channels.pace import Pace
from syncd.alerts.channels.post import Answer
from syncd.alerts.channels.robots import DINGTALK, FEISHU, WECOM, Robot, Service, fitted, judge_answer
from syncd.alerts.channels.webhook import Webhook, signature
from syncd.alerts.message import Rendered
from syncd.alerts.ports import Channel, Fate, Outcome, Parcel
from syncd.alerts.render import Renderer
from syncd.config.alert_models import Mail, Receiver
from syncd.config.secret import Secret
from tests.alerts.mail_kit import ALERT, CHINESE, LENA, MEI, NOON, StillClock, one_of_each, told

TOKEN = "canary-5f2e"
URL = f"https://robots.example/send?key={TOKEN}"
IDENTITY = "<12345.first_reply.1.1@helpdesk.example>"
RENDERER = Renderer()


class Wire(BaseAdapter):
    """Answers requests from a list, the last entry for ever; an exception in it is raised."""

    def __init__(self, *answers: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.answers = list(answers)
        self.status = status
        self.headers = dict(headers or {})
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.requests.append(request)
        assert kwargs["verify"]
        assert request.url is not None
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        response = requests.Response()
        response.status_code = self.status
        response.headers.update(self.headers)
        response.raw = HTTPResponse(body=b"")
        response._content = body
        response._content_consumed = True  # type: ignore[attr-defined]  # so that iter_content gives _content
        response.url = request.url
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""


def place(text: str) -> Secret:
    return Secret(env="PLACE", environ={"PLACE": text})


def robot(service: Service, wire: Wire, clock: StillClock | None = None, secret: str = "", url: str = URL) -> Robot:
    sign = place(secret) if secret else None
    return Robot(service, "team", RENDERER, place(url), clock or StillClock(), secret=sign, adapter=wire)


def delivered(channel: Channel, content: bytes | None = None) -> Outcome:
    made = content if content is not None else channel.compose(told(ALERT), LENA, IDENTITY)
    return channel.deliver(Parcel(IDENTITY, "team", made, 0), seconds=5)


def sent(wire: Wire) -> dict[str, Any]:
    body = wire.requests[-1].body
    assert isinstance(body, bytes)
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


# ---- what goes out ---------------------------------------------------------------------------------------------------


def test_wecom_gets_a_text() -> None:
    wire = Wire({"errcode": 0, "errmsg": "ok"})
    assert delivered(robot(WECOM, wire)).fate is Fate.SENT
    assert sent(wire)["msgtype"] == "text"
    text = sent(wire)["text"]["content"]
    assert text.startswith("[Support] 12345 First reply overdue: Login shows")
    assert "Next step: Ask the developers for a date and tell the customer." in text
    assert "https://desk.example/agent/tickets/12345" in text
    assert wire.requests[-1].url == URL


def test_dingtalk_is_signed_in_the_address_with_milliseconds() -> None:
    wire = Wire({"errcode": 0})
    delivered(robot(DINGTALK, wire, secret="SECabc"))
    query = parse_qs(urlsplit(str(wire.requests[-1].url)).query)
    stamp = str(NOON * 1000)
    digest = hmac.new(b"SECabc", f"{stamp}\nSECabc".encode(), hashlib.sha256).digest()
    assert query == {"key": [TOKEN], "timestamp": [stamp], "sign": [base64.b64encode(digest).decode()]}
    assert set(sent(wire)) == {"msgtype", "text"}


def test_feishu_is_signed_in_the_body_with_seconds() -> None:
    wire = Wire({"code": 0, "msg": "success"})
    delivered(robot(FEISHU, wire, secret="abc"))
    digest = hmac.new(f"{NOON}\nabc".encode(), b"", hashlib.sha256).digest()
    assert sent(wire)["timestamp"] == str(NOON)
    assert sent(wire)["sign"] == base64.b64encode(digest).decode()
    assert sent(wire)["msg_type"] == "text"
    assert wire.requests[-1].url == URL


def test_nobody_is_called_by_what_a_customer_wrote() -> None:
    wire = Wire({"code": 0})
    feishu = robot(FEISHU, wire)
    nasty = told(replace(ALERT, subject='<at user_id="all">all</at>'))
    delivered(feishu, feishu.compose(nasty, LENA, IDENTITY))
    assert "<at" not in sent(wire)["content"]["text"]


@given(subject=st.text(max_size=200), short=st.text(max_size=6000), limit=st.integers(60, 3000))
def test_a_message_fits_its_service_in_whole_characters(subject: str, short: str, limit: int) -> None:
    clean = RENDERER.render(told(replace(ALERT, subject=subject, remark=short)), MEI)
    text = fitted(Rendered(clean.subject, "", "", clean.short * 3), limit)
    assert 0 < len(text.encode()) <= limit
    assert text.startswith(clean.subject[:8])


def test_a_digest_shrinks_to_what_wecom_takes() -> None:
    wire = Wire({"errcode": 0})
    wecom = robot(WECOM, wire)
    storm = replace(one_of_each()["digest"], alerts=tuple(replace(CHINESE, ticket=n) for n in range(100)))
    delivered(wecom, wecom.compose(storm, MEI, IDENTITY))
    text = sent(wire)["text"]["content"]
    assert len(text.encode()) <= 2048
    assert text.startswith("【技术支持】540 条提醒汇总")


# ---- what is made of answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "answer", "fate", "after"),
    [
        pytest.param(WECOM, {"errcode": 0, "errmsg": "ok"}, Fate.SENT, None, id="wecom took it"),
        pytest.param(WECOM, {"errcode": 45009, "errmsg": "freq"}, Fate.RETRY, 60.0, id="wecom has had too many"),
        pytest.param(WECOM, {"errcode": -1}, Fate.RETRY, None, id="wecom is busy"),
        pytest.param(WECOM, {"errcode": 93000, "errmsg": "bad key"}, Fate.DEAD, None, id="wecom does not know the key"),
        pytest.param(DINGTALK, {"errcode": 0}, Fate.SENT, None, id="dingtalk took it"),
        pytest.param(DINGTALK, {"errcode": 130101}, Fate.RETRY, 600.0, id="dingtalk is silent for ten minutes"),
        pytest.param(
            DINGTALK, {"errcode": 310000, "errmsg": "sign"}, Fate.DEAD, None, id="dingtalk refuses the signature"
        ),
        pytest.param(FEISHU, {"code": 0}, Fate.SENT, None, id="feishu took it"),
        pytest.param(
            FEISHU, {"StatusCode": 0, "StatusMessage": "success"}, Fate.SENT, None, id="feishu's older answer"
        ),
        pytest.param(FEISHU, {"code": 11232}, Fate.RETRY, 60.0, id="feishu has had too many"),
        pytest.param(FEISHU, {"code": 19024, "msg": "keyword"}, Fate.DEAD, None, id="feishu misses its keyword"),
        pytest.param(FEISHU, {"code": 9499, "msg": "Bad Request"}, Fate.DEAD, None, id="feishu cannot read it"),
        pytest.param(WECOM, {"ok": True}, Fate.UNKNOWN, None, id="an answer without a code is not the robot's"),
        pytest.param(WECOM, {"errcode": True}, Fate.UNKNOWN, None, id="a code that is no number"),
        pytest.param(WECOM, [0], Fate.UNKNOWN, None, id="a list"),
        pytest.param(WECOM, b"<html>sign in</html>", Fate.UNKNOWN, None, id="a page in between"),
    ],
)
def test_the_code_within_a_200_decides(service: Service, answer: object, fate: Fate, after: float | None) -> None:
    outcome = delivered(robot(service, Wire(answer)))
    assert (outcome.fate, outcome.after) == (fate, after)


@pytest.mark.parametrize(
    ("status", "headers", "fate", "after"),
    [
        pytest.param(503, {}, Fate.RETRY, None, id="a server error is later"),
        pytest.param(429, {"Retry-After": "30"}, Fate.RETRY, 30.0, id="seconds to wait are kept"),
        pytest.param(429, {"Retry-After": "Mon, 23 Nov 2026 03:02:00 GMT"}, Fate.RETRY, 60.0, id="a date to wait for"),
        pytest.param(404, {}, Fate.DEAD, None, id="an address that is gone is dead"),
        pytest.param(302, {"Location": "https://evil.example/"}, Fate.DEAD, None, id="a redirect is not followed"),
    ],
)
def test_a_status_other_than_2xx(status: int, headers: dict[str, str], fate: Fate, after: float | None) -> None:
    wire = Wire({"errcode": 0}, status=status, headers=headers)
    for channel in (robot(WECOM, wire), Webhook("hook", RENDERER, place(URL), place("s"), StillClock(), adapter=wire)):
        outcome = delivered(channel)
        assert (outcome.fate, outcome.after) == (fate, after)
    assert len(wire.requests) == 2


POOL = HTTPConnectionPool("robots.example")


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        pytest.param(
            requests.exceptions.ConnectTimeout(URL), Fate.RETRY, id="no connection in time was surely not taken"
        ),
        pytest.param(requests.exceptions.SSLError(URL), Fate.RETRY, id="a wrong certificate was surely not taken"),
        pytest.param(
            requests.exceptions.ConnectionError(MaxRetryError(POOL, URL, NewConnectionError(POOL, "no"))),  # type: ignore[arg-type]  # as urllib3 raises it
            Fate.RETRY,
            id="nobody listens",
        ),
        pytest.param(requests.exceptions.ReadTimeout(URL), Fate.UNKNOWN, id="a late answer may have been a yes"),
        pytest.param(
            requests.exceptions.ConnectionError(ProtocolError(URL, ConnectionResetError())),
            Fate.UNKNOWN,
            id="a lost connection may have been a yes",
        ),
        pytest.param(requests.exceptions.InvalidURL(URL), Fate.DEAD, id="an address that is none"),
    ],
)
def test_no_answer_is_told_apart_and_never_with_the_address(error: Exception, fate: Fate) -> None:
    outcome = delivered(robot(WECOM, Wire(error)))
    assert outcome.fate is fate
    assert TOKEN not in outcome.text
    assert "robots.example" not in outcome.text


@pytest.mark.parametrize(
    "url",
    [
        "http://robots.example/x",
        "ftp://robots.example",
        "robots.example",
        "https://u:p@robots.example/",
        "https://[",
        "https://",
    ],
)
def test_an_address_that_may_not_be_used_is_not_used(url: str) -> None:
    wire = Wire({"errcode": 0})
    outcome = delivered(robot(WECOM, wire, url=url))
    assert (outcome.fate, wire.requests) == (Fate.DEAD, [])
    assert "PLACE" in outcome.text


def test_a_secret_that_is_missing_is_a_retry_with_its_place() -> None:
    for channel in (robot(WECOM, Wire({}), url=" "), robot(DINGTALK, Wire({}), secret=" ")):
        outcome = delivered(channel)
        assert outcome.fate is Fate.RETRY
        assert "PLACE" in outcome.text


def test_an_endless_answer_is_not_read() -> None:
    assert delivered(robot(WECOM, Wire(b"x" * 10_000_000))).fate is Fate.UNKNOWN


def test_the_limit_is_kept_before_the_service_says_so() -> None:
    clock, wire = StillClock(), Wire({"errcode": 0})
    wecom = robot(WECOM, wire, clock)
    content = wecom.compose(told(ALERT), LENA, IDENTITY)
    assert [delivered(wecom, content).fate for _ in range(20)] == [Fate.SENT] * 20
    over = delivered(wecom, content)
    assert (over.fate, over.after, len(wire.requests)) == (Fate.RETRY, 60.0, 20)
    clock.at += 60
    assert delivered(wecom, content).fate is Fate.SENT


def test_two_limits_hold_at_once() -> None:
    clock = StillClock(0.0)
    pace = Pace(((4, 60.0), (2, 1.0)), clock.monotonic)
    assert [pace.take(), pace.take(), pace.take()] == [0.0, 0.0, 1.0]
    clock.at = 1.0
    assert [pace.take(), pace.take(), pace.take()] == [0.0, 0.0, 59.0]


# ---- webhooks --------------------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_says_which_delivery_it_is() -> None:
    wire = Wire({})
    hook = Webhook("hook", RENDERER, place(URL), place("shared"), StillClock(), adapter=wire)
    assert delivered(hook).fate is Fate.SENT
    request = wire.requests[-1]
    assert isinstance(request.body, bytes)
    stamp = request.headers["X-Syncd-Timestamp"]
    expected = hmac.new(b"shared", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Syncd-Signature"] == f"sha256={expected}" == signature("shared", stamp, request.body)
    assert request.headers["X-Syncd-Delivery"] == IDENTITY
    assert (request.headers["Content-Type"], stamp) == ("application/json", str(NOON))
    body = sent(wire)
    assert (body["version"], body["id"], body["reason"]) == (1, IDENTITY, "first")
    assert body["alerts"][0]["fact"] == "12345.first_reply.1.breach"
    assert body["alerts"][0]["due"] == "2026-11-23T03:00:00+00:00"
    assert body["alerts"][0]["holder"] == {"party": "development", "team": "NOVA"}


@pytest.mark.parametrize("kind", one_of_each())
def test_every_kind_is_json_and_the_same_each_time(kind: str) -> None:
    hook = Webhook("hook", RENDERER, place(URL), place("shared"), StillClock())
    notification = one_of_each()[kind]
    content = hook.compose(notification, LENA, IDENTITY)
    assert content == hook.compose(notification, LENA, IDENTITY)
    body = json.loads(content)
    assert body["reason"] == notification.reason.value
    assert len(body["alerts"]) + body["more"] == len(notification.alerts) + notification.more


# ---- apprise ---------------------------------------------------------------------------------------------------------


def library(add: Callable[[str], bool], notify: Callable[..., bool]) -> ModuleType:
    made = ModuleType("apprise_stand_in")
    vars(made)["Apprise"] = lambda: SimpleNamespace(add=add, notify=notify)
    return made


def failing(**_message: object) -> bool:
    raise RuntimeError(URL)


@pytest.mark.parametrize(
    ("add", "notify", "fate"),
    [
        pytest.param(lambda _url: True, lambda **_message: True, Fate.SENT, id="apprise says sent"),
        pytest.param(lambda _url: True, lambda **_message: False, Fate.RETRY, id="apprise says not sent"),
        pytest.param(lambda _url: False, lambda **_message: True, Fate.DEAD, id="apprise knows no such service"),
        pytest.param(lambda _url: True, failing, Fate.UNKNOWN, id="apprise fails"),
    ],
)
def test_what_apprise_says(
    monkeypatch: pytest.MonkeyPatch, add: Callable[[str], bool], notify: Callable[..., bool], fate: Fate
) -> None:
    monkeypatch.setitem(sys.modules, "apprise_stand_in", library(add, notify))
    outcome = delivered(Apprise("pager", RENDERER, place(URL), library="apprise_stand_in"))
    assert outcome.fate is fate
    assert TOKEN not in outcome.text


def test_without_apprise_the_operator_is_told_what_to_install() -> None:
    outcome = delivered(Apprise("pager", RENDERER, place(URL), library="no_such_library_here"))
    assert (outcome.fate, outcome.text) == (Fate.DEAD, "apprise is not installed: pip install 'syncd[apprise]'")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its own
def test_the_real_apprise_takes_our_calls() -> None:
    outcome = delivered(Apprise("pager", RENDERER, place("nosuchservice://x")))
    assert (outcome.fate, outcome.text) == (
        Fate.DEAD,
        "apprise knows no service by the address in the environment variable PLACE",
    )


# ---- from the configuration ------------------------------------------------------------------------------------------


def test_each_kind_of_receiver_has_its_channel_and_targets() -> None:
    written: list[dict[str, Any]] = [
        {"name": "leads", "to": ["a@acme.example", "b@acme.example", "a@acme.example"], "language": "zh-CN"},
        {"name": "group", "kind": "wecom", "url_env": "URL"},
        {"name": "ops", "kind": "dingtalk", "url_env": "URL", "secret_env": "SECRET"},
        {"name": "dev", "kind": "feishu", "url_env": "URL"},
        {"name": "hook", "kind": "webhook", "url_env": "URL", "secret_env": "SECRET"},
        {"name": "pager", "kind": "apprise", "url_env": "URL"},
    ]
    receivers = [Receiver.model_validate(each) for each in written]
    mail = Mail.model_validate({"host": "smtp.acme.example", "sender": "syncd@acme.example"})
    channels = build_channels(mail, receivers, StillClock())
    assert list(channels) == ["mail", "wecom:group", "dingtalk:ops", "feishu:dev", "webhook:hook", "apprise:pager"]
    assert [channel.name for channel in channels.values()] == list(channels)
    assert {channel_name(receiver) for receiver in receivers} == set(channels)
    assert [(target.channel, target.reader.address) for target in targets_of(receivers[0])] == [
        ("mail", "a@acme.example"),
        ("mail", "b@acme.example"),
    ]
    assert [target.reader.address for target in targets_of(receivers[1])] == ["group"]


def test_an_answer_that_is_no_json_has_no_json() -> None:
    assert Answer(200, b"\xff").json() is None
    assert judge_answer(WECOM, Answer(200, b"")).fate is Fate.UNKNOWN
