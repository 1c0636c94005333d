"""What a notification says, as plain records: the pipeline fills them in, the renderer turns them into a mail.

Instants are Unix seconds, spans are seconds of the clock that is meant. Every text in here that came from a tracker is
data, whatever it holds: the renderer cleans and escapes it. The records are frozen and hold no secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from syncd.core.alert_model import FORECAST
from syncd.sla.holder import NOBODY, Holder

Language: TypeAlias = Literal["en", "zh-CN"]


class Reason(StrEnum):
    """Why a notification goes out; it is the first thing that dedup decides and readers see."""

    FIRST = "first"  # the first word about this group of alerts
    BREACH = "breach"  # something that was only due is breached now, or another breach joined the group
    LEVEL = "level"  # nobody acted: the next level hears of it
    REMINDER = "reminder"  # still so
    RESOLVED = "resolved"  # it is over; only for those who were told that it began
    CORRECTION = "correction"  # what was told turned out not to be so
    DIGEST = "digest"  # many alerts in one table, instead of as many mails
    MORNING = "morning"  # the list for the morning meeting
    STALE = "stale"  # a server cannot be read: alerts are held, "blind since"
    SEEING = "seeing"  # it can be read again: what came to be overdue meanwhile; only for those who were told "blind"
    HEARTBEAT = "heartbeat"  # the daily line that makes silence visible
    NOTICE = "notice"  # something that operators must mend


class NextStep(StrEnum):
    """What the reader is asked to do; wording.py has each as a sentence in each language."""

    ANSWER = "answer"  # answer the customer
    ACKNOWLEDGE = "acknowledge"  # say that you have it
    UPDATE = "update"  # write what was checked, where it stands, what comes next
    DIAGNOSE = "diagnose"  # reach the checkpoint that the metric names, or say why not
    ASSIGN = "assign"  # nobody has it: assign it
    TRIAGE = "triage"  # the bug has no assignee: ask the team's lead for one
    CHASE_BUG = "chase_bug"  # ask the developers for a date, and tell the customer
    CHASE_OPERATIONS = "chase_operations"
    CHASE_CUSTOMER = "chase_customer"  # the customer has the ball: ask again
    VERIFY = "verify"  # the bug is fixed: verify, answer, solve
    SOLVE = "solve"  # bring it to an end, or agree on a date with the customer
    CALL = "call"  # call the customer now
    DECIDE = "decide"  # for management: who and what is added
    ROOT_CAUSE = "root_cause"  # write down why it was missed
    LOOK = "look"  # look at it


@dataclass(frozen=True, slots=True)
class BugLine:
    """A bug of the ticket as last read. Empty texts are not shown."""

    key: str
    url: str
    status: str = ""
    assignee: str = ""
    fix_version: str = ""
    due: str = ""  # its due or release date, YYYY-MM-DD


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was last said or done. The renderer shortens the text."""

    author: str
    at: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """Counted seconds of the clock during which `holder` had the ball."""

    holder: Holder
    seconds: int


@dataclass(frozen=True, slots=True)
class Alert:
    """One ticket's fact as shown. Only the first block is needed; what is left empty is left out of the mail."""

    ticket: int
    metric: str  # by its name in the rules: first_reply, resolution …
    threshold: str  # yellow | red | breach | breach+N | forecast; "" when a rule speaks and no clock
    state: str  # a syncd.sla.states.State
    as_of: int  # the data is this old

    number: str = ""  # the number that people use; "" = the ticket's id
    subject: str = ""
    url: str = ""
    customer: str = ""
    tier: str = ""
    priority: str = ""
    status: str = ""

    cycle: int = 1
    bug: str = ""  # the key, when the clock is a bug's own
    due: int | None = None  # when it is or was due; None while the clock rests
    elapsed: int = 0
    target: int | None = None
    policy: str = ""
    rule: str = ""  # the escalation rule that speaks
    level: int = 0  # 0: before any escalation
    levels: int = 0  # of how many

    holder: Holder = NOBODY
    holder_since: int | None = None
    next_step: NextStep = NextStep.LOOK
    bugs: tuple[BugLine, ...] = ()
    split: tuple[Share, ...] = ()  # in any order
    last_public: Step | None = None
    last_internal: Step | None = None

    ended_at: int | None = None  # when the clock was met (resolved), however late
    ended_by: str = ""  # who met it
    forecast: str = ""  # a syncd.sla.forecast.Sign: why it will probably be late
    forecast_day: str = ""  # the ISO date it speaks of
    remark: str = ""  # a sentence of the pipeline's about this alert, such as why it is corrected

    @property
    def shown(self) -> str:
        """The number that people use."""
        return self.number or str(self.ticket)

    @property
    def is_breach(self) -> bool:
        """Over its due instant, as opposed to near it."""
        return self.threshold.startswith("breach")

    @property
    def is_forecast(self) -> bool:
        """It speaks of what will probably be late, and of nothing that a clock has passed."""
        return bool(self.forecast) and self.threshold in ("", FORECAST)

    @property
    def fact(self) -> str:
        """`ticket.metric.cycle.threshold`, with the bug's key before the cycle when the clock is a bug's own."""
        about = [str(self.ticket), self.metric, *([self.bug] if self.bug else []), str(self.cycle), self.threshold]
        return ".".join(part or "-" for part in about)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a morning list. `key`: overdue | open (not closed since yesterday) | today | forecast."""

    key: Literal["overdue", "open", "today", "forecast"]
    alerts: tuple[Alert, ...]
    more: int = 0  # left out of the table


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """How an episode can be acknowledged; what is empty or False is not offered."""

    reply: bool = True  # a public reply
    assign: bool = True  # an assignment
    tag: str = ""
    note: str = ""  # the marker at the beginning of an internal note
    command: str = ""
    holds: int | None = None  # seconds until an acknowledged episode returns


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one receiver."""

    reason: Reason
    receiver: str  # its name in the configuration
    group: str  # the key of the group
    seq: int  # 1, 2, … within (group, receiver)
    at: int  # when it was enqueued; becomes the Date of the mail
    alerts: tuple[Alert, ...] = ()
    more: int = 0  # alerts that the table leaves out
    why: str = ""  # the operator's own words about the rule or route; data
    asks: str = ""  # what the rule asks for: a word of NextStep, or the operator's own sentence; data
    acknowledge: Acknowledge | None = None
    sections: tuple[Section, ...] = ()  # morning lists
    blind: str = ""  # stale and seeing: zendesk | jira
    blind_since: int | None = None
    blind_until: int | None = None  # seeing
    counts: tuple[tuple[str, int], ...] = ()  # heartbeat: what was counted since the last one, by key, in order
    headline: str = ""  # notice: what happened, in one line
    lines: tuple[str, ...] = ()  # notice: what to do, a sentence each


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom it is rendered."""

    address: str
    language: Language = "en"
    zone: str = "UTC"  # IANA; an unknown one is shown as UTC
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to be put into a mail, or, as `text` or `short`, into a chat."""

    subject: str  # one clean line
    text: str
    html: str
    short: str  # a few lines for chats and text messages
    headers: tuple[tuple[str, str], ...] = ()  # what the content asks for: X-Syncd-Fact, X-Syncd-Reason
    fallback: str = ""  # why a template was not used; said in the mail too
