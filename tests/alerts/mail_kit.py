"""Invented alerts, and readers to show them to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from syncd.alerts.message import (
    Acknowledge,
    Alert,
    BugLine,
    NextStep,
    Notification,
    Reader,
    Reason,
    Section,
    Share,
    Step,
)
from syncd.sla.holder import Holder, Party

NOON = 1_795_402_860  # 2026-11-23 03:01:00 UTC
DEVELOPERS = Holder(Party.DEVELOPMENT, "NOVA")
LENA = Reader("lena.vogt@helpdesk.example", "en", "Europe/Berlin", "Lena Vogt")
MEI = Reader("mei.lin@helpdesk.example", "zh-CN", "Asia/Shanghai", "林梅")
READERS = {"en": LENA, "zh-CN": MEI}

ALERT = Alert(
    ticket=12345,
    metric="first_reply",
    threshold="breach",
    state="breached",
    as_of=NOON - 20,
    subject="Login shows a blank page after the update",
    url="https://desk.example/agent/tickets/12345",
    customer="Acme GmbH",
    tier="VIP",
    priority="urgent",
    status="open",
    due=NOON - 60,
    elapsed=7260,
    target=7200,
    policy="quick response",
    rule="urgent tickets",
    level=1,
    levels=3,
    holder=DEVELOPERS,
    holder_since=NOON - 5000,
    next_step=NextStep.CHASE_BUG,
    bugs=(
        BugLine("NOVA-12", "https://jira.example/browse/NOVA-12", "In Progress", "Hana Sato", "3.2.1", "2026-12-01"),
    ),
    split=(Share(Holder(Party.L1), 1200), Share(DEVELOPERS, 5000), Share(Holder(Party.L2, "Second line"), 1060)),
    last_public=Step("Lena Vogt", NOON - 6000, "We are looking into it."),
    last_internal=Step("Tom Brandt", NOON - 4000, "Reproduced on staging; the log is attached."),
)
CHINESE = replace(
    ALERT, ticket=20877, subject="更新后登录页面空白，所有用户均无法进入系统", customer="青松科技有限公司"
)
WAYS = Acknowledge(tag="sla_ack", note="#ack", command="syncd alerts ack 12345", holds=3600)


def told(*alerts: Alert, reason: Reason = Reason.FIRST, **more: Any) -> Notification:
    """A notification about these alerts."""
    filled: dict[str, Any] = {"receiver": "leads", "group": "12345.first_reply", "seq": 1, "at": NOON, **more}
    return Notification(reason=reason, alerts=alerts, **filled)


def one_of_each() -> dict[str, Notification]:
    """A notification of every kind, by a name for people."""
    near = replace(ALERT, threshold="red", state="at_risk", due=NOON + 1800, elapsed=5400)
    over = replace(ALERT, ended_at=NOON - 10, ended_by="Lena Vogt")
    late = replace(
        ALERT, threshold="forecast", state="running", forecast="release", forecast_day="2026-12-24", due=NOON + 9
    )
    many = tuple(replace(ALERT, ticket=40_000 + n, subject=f"Report {n} does not open", rule="") for n in range(60))
    sections = (
        Section("overdue", many[:2]),
        Section("open", (CHINESE,), more=3),
        Section("today", (near,)),
        Section("forecast", (late,)),
    )
    counts = (("tickets", 812), ("clocks", 1630), ("breached", 4), ("sent", 17), ("waiting", 0), ("dead", 1))
    return {
        "breach": told(ALERT, acknowledge=WAYS, why="Urgent tickets go to the leads."),
        "breach in Chinese": told(CHINESE, acknowledge=WAYS),
        "due soon": told(near, acknowledge=WAYS),
        "three tickets": told(ALERT, near, CHINESE),
        "level": told(replace(ALERT, level=2), reason=Reason.LEVEL, acknowledge=WAYS),
        "reminder": told(ALERT, reason=Reason.REMINDER, acknowledge=WAYS),
        "resolved": told(over, reason=Reason.RESOLVED),
        "correction": told(replace(ALERT, remark="A reply of 09:40 was read late."), reason=Reason.CORRECTION),
        "forecast": told(late),
        "rule": told(replace(ALERT, threshold="", state="running", due=None)),
        "digest": told(*many, reason=Reason.DIGEST, more=440),
        "morning": told(reason=Reason.MORNING, sections=sections),
        "morning without anything": told(reason=Reason.MORNING, sections=(Section("overdue", ()),)),
        "stale": told(reason=Reason.STALE, blind="jira", blind_since=NOON - 900),
        "seeing": told(ALERT, near, reason=Reason.SEEING, blind="zendesk", blind_since=NOON - 900, blind_until=NOON),
        "seeing, nothing due": told(reason=Reason.SEEING, blind="jira", blind_since=NOON - 900, blind_until=NOON),
        "heartbeat": told(reason=Reason.HEARTBEAT, counts=counts),
        "notice": told(
            reason=Reason.NOTICE,
            headline="A receiver cannot be reached",
            lines=("gone@helpdesk.example is refused by the mail server: 550 no such user.", "Mend receivers[2]."),
        ),
    }


class StillClock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = NOON) -> None:
        self.at = now

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, tz=UTC)

    def monotonic(self) -> float:
        return self.at
