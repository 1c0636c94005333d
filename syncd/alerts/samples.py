"""Made-up notifications on which an operator's templates are tried before a mail needs them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

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

_AT: Final = 1_772_442_000  # 2026-03-02 09:00 UTC
_DEVELOPERS: Final = Holder(Party.DEVELOPMENT, "ENG")
_ALERT: Final = Alert(
    ticket=4711,
    metric="first_reply",
    threshold="breach",
    state="breached",
    as_of=_AT,
    subject="A subject",
    url="https://desk.example/agent/tickets/4711",
    customer="A customer",
    tier="vip",
    priority="high",
    status="open",
    due=_AT - 60,
    elapsed=3660,
    target=3600,
    policy="a policy",
    level=1,
    levels=2,
    holder=_DEVELOPERS,
    holder_since=_AT - 3000,
    next_step=NextStep.ANSWER,
    bugs=(BugLine("ENG-1", "https://jira.example/browse/ENG-1", "To Do", "A developer", "1.0", "2026-03-09"),),
    split=(Share(_DEVELOPERS, 3000), Share(Holder(Party.L1), 660)),
    last_public=Step("An agent", _AT - 600, "Words"),
    last_internal=Step("An agent", _AT - 300, "More words"),
    remark="A remark",
)
_BARE: Final = Alert(ticket=4712, metric="", threshold="", state="", as_of=_AT)


def _told(reason: Reason, *alerts: Alert) -> Notification:
    return Notification(reason, "leads", "a group", 1, _AT, alerts, acknowledge=Acknowledge(tag="sla_ack", note="#ack"))


READER: Final = Reader("leads@desk.example")
SAMPLES: Final = (
    _told(Reason.BREACH, _ALERT),
    _told(Reason.FIRST, _BARE),
    _told(Reason.DIGEST, _ALERT, _BARE),
    replace(_told(Reason.MORNING), sections=(Section("overdue", (_ALERT,)), Section("open", (_BARE,), 2))),
    replace(_told(Reason.STALE), blind="jira", blind_since=_AT),
    replace(_told(Reason.HEARTBEAT), counts=(("tickets", 3),)),
    replace(_told(Reason.NOTICE), headline="A headline", lines=("A line",)),
)
"""One for each template, and one with next to nothing in it."""
