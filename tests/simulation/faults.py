"""What goes wrong in one history: each seed switches on a random part of all kinds, each with a random rate.

Every kind draws from a stream of its own, so that switching one off leaves the others as they were: that is how a
failing history is made smaller.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from syncd.sandbox.faults import Fault
from tests.simulation.letters import MAIL_CRASHES, MAIL_EVENTS, MAIL_FAULTS, MAIL_KINDS, MORE_MAIL_FAULTS
from tests.simulation.plagues import Plague
from tests.simulation.wire import REORDERED, STALE

Make = Callable[[random.Random, float], Fault]


@dataclass(frozen=True, slots=True)
class CallFault:
    """A fault of single calls. `service` None: of both; `on` read, write or any; `path`: a part of the path, `ends`:
    how it ends."""

    name: str
    make: Make
    service: str | None = None
    on: str = "any"
    path: str = ""
    ends: str = ""

    def strikes(self, service: str, path: str, *, write: bool) -> bool:
        """Whether the fault can happen to such a call."""
        if self.service not in (None, service) or self.path not in path or not path.endswith(self.ends):
            return False
        return self.on == "any" or (self.on == "write") == write


def _plain(kind: str, **args: object) -> Make:
    return lambda _rng, _now: Fault(kind, "", args=dict(args))


def _status(*statuses: int, kind: str = "status", body: str = "Service unavailable") -> Make:
    return lambda rng, _now: Fault(kind, "", args={"status": rng.choice(statuses), "body": body})


def _too_many(headers: Callable[[random.Random, float], dict[str, str]]) -> Make:
    def make(rng: random.Random, now: float) -> Fault:
        return Fault("status", "", args={"status": 429, "body": "Too many requests", "headers": headers(rng, now)})

    return make


def _date(rng: random.Random, now: float) -> dict[str, str]:
    def stamp(at: float) -> str:
        return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)

    return {"Retry-After": stamp(now + rng.randint(3, 60)), "Date": stamp(now)}


def _late(least: int, most: int) -> Make:
    return lambda rng, _now: Fault("late", "", args={"seconds": float(rng.randint(least, most))})


CALL_FAULTS = (
    CallFault("timeout_before", _plain("drop_before")),
    CallFault("timeout_after_apply", _plain("drop_after")),
    CallFault("slow", _plain("delay", seconds=45.0)),
    # Zendesk's compare-and-swap fences a request that comes late, however late. Jira has nothing of the kind: what
    # comes later than syncd waits is found afterwards at best.
    CallFault("applied_late_zendesk", _late(5, 400), "zendesk", "write"),
    CallFault("applied_late_jira", _late(5, 45), "jira", "write"),
    CallFault("applied_very_late_create", _late(190, 400), "jira", "write", ends="/issue"),
    CallFault("torn", _plain("torn")),
    CallFault("429_seconds", _too_many(lambda rng, _now: {"Retry-After": str(rng.randint(2, 60))})),
    CallFault("429_date", _too_many(_date)),
    CallFault("429_without", _too_many(lambda _rng, _now: {})),
    CallFault("429_zero", _plain("retry_after_zero")),
    CallFault("429_far_date", _plain("retry_after_date")),
    CallFault("429_largest", _plain("retry_after_max")),
    CallFault("5xx_before", _status(500, 502, 503, 504)),
    CallFault("5xx_after_apply", _status(500, 502, 504, kind="status_after")),
    CallFault("html", _plain("html")),
    CallFault("bad_json", _plain("bad_json")),
    CallFault("empty", _plain("empty")),
    CallFault("401_once", _status(401, body="Couldn't authenticate you")),
    CallFault("database_conflict", _plain("database_conflict"), "zendesk", "write"),
    CallFault("database_deadlock", _plain("database_deadlock", retry_after=2), "zendesk", "write"),
    CallFault("limited_plain", _plain("rate_limited_plain", retry_after=7), "zendesk"),
    CallFault("export_empty_page", _plain("empty_page"), "zendesk", "read", "/incremental/"),
    CallFault("export_duplicate_page", _plain("duplicate_page"), "zendesk", "read", "/incremental/tickets"),
    CallFault("export_repeated_cursor", _plain("repeated_cursor"), "zendesk", "read", "/incremental/tickets"),
    CallFault("export_null_cursor", _plain("null_cursor"), "zendesk", "read", "/incremental/tickets"),
    CallFault("stale_list", _plain(STALE), "zendesk", "read", "/tickets.json"),
    CallFault("stale_read", _plain(STALE), "zendesk", "read", "/show_many"),
    CallFault("reordered_page", _plain(REORDERED), "zendesk", "read", "/tickets"),
    CallFault("transition_conflict", _plain("transition_conflict"), "jira", "write", "/transitions"),
    CallFault("jira_quota", _plain("quota", retry_after=40), "jira"),
    CallFault("jira_burst", _plain("burst"), "jira"),
    CallFault("jira_per_issue", _plain("per_issue"), "jira", "write"),
    CallFault("jira_dc_limit", _plain("dc_limit"), "jira"),
    CallFault("jira_dc_blocked", _plain("dc_blocked"), "jira"),
    CallFault("jira_html_503", _plain("html_503"), "jira"),
    CallFault("jira_captcha", _plain("captcha"), "jira"),
)


def _lost(rng: random.Random, _now: float) -> Fault:
    """It was applied, and nothing that came back says so."""
    kind = rng.choice(("drop_after", "torn", "status_after"))
    return Fault(kind, "", args={"status": 502, "body": "Bad gateway"} if kind == "status_after" else {})


WRITE_FAULTS = (
    CallFault("lost_answer_jira", _lost, "jira", "write"),
    CallFault("lost_answer_zendesk", _lost, "zendesk", "write"),
    CallFault("lost_creation", _lost, "jira", "write", ends="/issue"),
    CallFault("late_creation", _late(5, 150), "jira", "write", ends="/issue"),
    CallFault("late_comment", _late(6, 50), "jira", "write", ends="/comment"),
)
"""What may become of writes, kind by kind: seldom by chance, often where it is a plague."""

CRASHES = ("crash_before_call", "crash_after_call", "crash_before_commit", "crash_after_commit")
STORE_FAULTS = ("store_busy", "store_full")
EVENTS = (
    "clock_jump",
    "suspend",
    "token_expired",
    "zendesk_revoked",
    "jira_revoked",
    "project_hidden",
    "restart",
    "old_backup",
)
"""What may happen between two cycles."""

SETTINGS = (
    "index_lag",
    "search_values_live",
    "short_pages",
    "empty_pages",
    "repeat_token",
    "small_export_pages",
    "null_export_cursor_off",
    "metadata_flat",
    "no_comment_properties",
    "changelog_seconds",
    "old_headers",
    "trigger",
    "automation",
    "slow_operator",
)
"""What one of the servers, or the people in charge, are like throughout a history."""

MORE_EVENTS = ("read_only", "lull")
"""What may happen between two cycles, too."""

INSIDE = ("race", "shut_out")
"""What may happen at any moment of a cycle."""

BY_PLAGUE = ("index_far_behind", "index_out_of_order", "rush", "bulk_change", *MORE_MAIL_FAULTS)
"""What only plagues bring: alone it does no harm."""

ALL_KINDS = (
    *(fault.name for fault in CALL_FAULTS),
    *CRASHES,
    *STORE_FAULTS,
    *EVENTS,
    *SETTINGS,
    *(fault.name for fault in WRITE_FAULTS),
    *MORE_EVENTS,
    *INSIDE,
    *MAIL_KINDS,
    *BY_PLAGUE,
)
LONG = ("429_far_date", "429_largest", "jira_dc_blocked")
"""Kinds that silence the daemon for an hour: seldom, or little else would happen."""
WRITES = 4.0
"""Calls that write are few, and struck so many times as often."""
RARE = {
    "applied_very_late_create": 8.0,
    "transition_conflict": 8.0,
    "database_conflict": 2.0,
    "database_deadlock": 2.0,
    "applied_late_zendesk": 2.0,
    "applied_late_jira": 4.0,
    "export_empty_page": 4.0,
    "export_duplicate_page": 8.0,
    "export_repeated_cursor": 8.0,
    "export_null_cursor": 8.0,
    "stale_list": 4.0,
    "stale_read": 8.0,
    "reordered_page": 2.0,
    "lost_creation": 3.0,
    "late_creation": 3.0,
    "late_comment": 2.0,
}
"""What few calls can suffer strikes those more often."""


CALMER = 0.4
"""Where there are plagues, so many of the other kinds: or little would get as far as to suffer from them."""


class Swarm:
    """The kinds of one seed and their rates. `off`: kinds that are left out; `plagues`: kinds that are frequent."""

    def __init__(self, seed: int | str, off: Collection[str] = (), plagues: Collection[Plague] = ()) -> None:
        chooser = random.Random(f"{seed}:swarm")
        calm = chooser.random() < 0.1  # some histories have people only
        share = chooser.uniform(0.05, 0.5) * (CALMER if plagues else 1.0)
        busy = chooser.uniform(0.005, 0.05)  # how much of all calls each kind strikes
        self.rates: dict[str, float] = {}
        for name in ALL_KINDS:
            wanted, rate = chooser.random() < share, chooser.uniform(0.2, 1.0)
            if wanted and not calm and name not in off and name not in BY_PLAGUE:
                self.rates[name] = rate * _scale(name, busy)
        for name, rate in [pair for plague in plagues for pair in plague.rates.items()]:
            if not calm and name not in off:
                self.rates[name] = max(rate, self.rates.get(name, 0.0))
        self._streams = {name: random.Random(f"{seed}:{name}") for name in self.rates}

    def has(self, name: str) -> bool:
        """Whether this kind is on."""
        return name in self.rates

    def stream(self, name: str) -> random.Random:
        """The kind's own numbers."""
        return self._streams[name]

    def strikes(self, name: str, *, times: float = 1.0) -> bool:
        """Whether the kind happens now; so many times as often as usual."""
        rate = self.rates.get(name)
        return rate is not None and self._streams[name].random() < rate * times

    def of_call(self, service: str, path: str, now: float, *, write: bool) -> tuple[str, Fault] | None:
        """The fault of this call, or None. Every kind that could strike draws."""
        struck = [
            fault
            for fault in (*CALL_FAULTS, *WRITE_FAULTS)
            if fault.name in self.rates
            and fault.strikes(service, path, write=write)
            and self.strikes(fault.name, times=1.0 if not write or fault.name in LONG else WRITES)
        ]
        if not struck:
            return None
        chosen = struck[0]
        made = chosen.make(self._streams[chosen.name], now)
        made.service = service
        return chosen.name, made


def _scale(name: str, busy: float) -> float:
    if name in CRASHES:
        return busy / 3
    if name in STORE_FAULTS:
        return busy / 8
    if name in MAIL_FAULTS or name in MORE_MAIL_FAULTS:
        return busy * 8
    if name in MAIL_CRASHES:
        return busy * 4
    if name in EVENTS or name in MORE_EVENTS:
        return 0.12
    if name in MAIL_EVENTS:
        return 0.4
    if name in INSIDE:
        return busy / 10
    if name in LONG:
        return busy / 8
    return 1.0 if name in SETTINGS else busy * RARE.get(name, 1.0)
