"""How fast we may go: Retry-After in all its forms, and buckets learned from what the servers' headers say.

Zendesk: https://developer.zendesk.com/api-reference/introduction/rate-limits/ (both spellings of its headers are read).
Jira Cloud: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/ ; Data Center has a token bucket a user.
"""

from __future__ import annotations

import math
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from syncd.core.ports import Budget, Clock

LONGEST_WAIT = 3600.0  # seconds
NOT_MEANT = 86_400.0  # seconds: no limit is counted by more than a day; a blocked user of Data Center is told 2**63 - 1
BLOCKED = 60.0  # seconds after which is asked again whether such a block is over: a person lifts it, at any time
ACCOUNT = "account"
RESERVE = 0.10  # the share of the account's bucket that is left to people
MOST_BUCKETS = 500  # those of single tickets are let go of beyond this, once they are full again
WINDOW = 60.0  # seconds, of a bucket whose header does not say when it is full again

Headers = Mapping[str, str]


# ---- Retry-After -----------------------------------------------------------------------------------------------


def retry_after(headers: Headers, now: datetime) -> float | None:
    """Seconds that Retry-After asks for, 0..3600, and 60 for what can only mean "until somebody lets you"; None when it
    is absent or makes no sense.

    A date is compared with the server's own Date header, else with `now` (aware).
    """
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if re.fullmatch(r"[+-]?\d{1,400}(\.\d*)?", text):
        return _clamp(float(text))
    moment = http_date(text)
    if moment is None:
        return None
    return _clamp((moment - (http_date(headers.get("Date", "")) or now)).total_seconds())


def backoff_of(headers: Headers, now: datetime, *, missing: float = 0.0, least: float = 0.0) -> float:
    """Seconds to wait after a failed answer: Retry-After, else a stated time of reset, else `missing`; at least `least`
    (a server that says 0 on a 429 does not mean it)."""
    seconds = retry_after(headers, now)
    if seconds is None:
        reset = _iso(headers.get("X-RateLimit-Reset", ""))
        seconds = max(missing, (reset - now).total_seconds() if reset else 0.0)
    return _clamp(max(seconds, least))


def _clamp(seconds: float) -> float:
    if seconds > NOT_MEANT:
        return BLOCKED
    return min(max(seconds, 0.0), LONGEST_WAIT)


def http_date(text: str) -> datetime | None:
    """The instant that a header names; None when it names none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


# ---- what headers say ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """One bucket as one answer described it."""

    name: str
    total: int
    remaining: int
    resets_in: float | None = None  # seconds
    refill: float | None = None  # tokens a second, of a bucket that fills steadily


_NAMED = re.compile(r"zendesk-rate-?limit-(.+)", re.IGNORECASE)
_PER_TICKET = "per-ticket-updates"
_POLICY = re.compile(r'"([^"]+)"((?:\s*;\s*[a-z]+=\d+)*)')


def readings(headers: Headers, kind: str, subject: str, now: datetime) -> Iterator[Reading]:
    """Every bucket that these headers describe. A bucket of one ticket is named after `subject`; Jira Cloud's
    unnamed one after the `kind` of call, as its limits are per endpoint and method."""
    yield from _zendesk_readings(headers, subject)
    yield from _jira_readings(headers, kind, now)


def _zendesk_readings(headers: Headers, subject: str) -> Iterator[Reading]:
    total = _first_int(headers, "ratelimit-limit", "rate-limit", "x-rate-limit")
    remaining = _first_int(headers, "ratelimit-remaining", "rate-limit-remaining", "x-rate-limit-remaining")
    if total and remaining is not None:
        yield Reading(ACCOUNT, total, remaining, _first_int(headers, "ratelimit-reset", "rate-limit-reset"))
    for header, value in headers.items():
        named = _NAMED.fullmatch(header)
        numbers = _pairs(value) if named else {}
        if named and "total" in numbers and "remaining" in numbers:
            name = named[1].lower()
            if name == _PER_TICKET:
                if not subject:
                    continue
                name = subject
            yield Reading(name, numbers["total"], numbers["remaining"], numbers.get("resets"))


def _jira_readings(headers: Headers, kind: str, now: datetime) -> Iterator[Reading]:
    total = _first_int(headers, "X-RateLimit-Limit")
    remaining = _first_int(headers, "X-RateLimit-Remaining")
    fill = _first_int(headers, "X-RateLimit-FillRate")
    interval = _first_int(headers, "X-RateLimit-Interval-Seconds")
    if total and remaining is not None:
        if fill and interval:
            yield Reading(ACCOUNT, total, remaining, (total - remaining) * interval / fill, fill / interval)
        else:
            reset = _iso(headers.get("X-RateLimit-Reset", ""))
            yield Reading(kind, total, remaining, _clamp((reset - now).total_seconds()) if reset else None)
    quotas = dict(_policies(headers, "RateLimit-Policy"))
    for name, numbers in _policies(headers, "RateLimit"):
        left = numbers.get("r")
        if left is not None:
            quota = quotas.get(name, {})
            yield Reading(name, quota.get("q", left), left, numbers.get("t", quota.get("w")))


def _policies(headers: Headers, name: str) -> Iterator[tuple[str, dict[str, int]]]:
    text = headers.get(name) or headers.get(f"Beta-{name}") or ""
    for match in _POLICY.finditer(text):
        yield match[1], _pairs(match[2])


def _pairs(text: str) -> dict[str, int]:
    """`total=10; remaining=9; resets=2` as a dict."""
    return {key.lower(): int(number) for key, number in re.findall(r"([A-Za-z]+)\s*=\s*(\d{1,18})", text)}


def _first_int(headers: Headers, *names: str) -> int | None:
    for name in names:
        text = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,18}", text):
            return int(text)
    return None


def exhausted_bucket(headers: Headers, words: str, kind: str, subject: str) -> str:
    """What a 429 is about: "ticket:35" or "issue:10305" (that one only), a named bucket, the kind of call, or, when
    nothing tells, the whole account."""
    reason = headers.get("RateLimit-Reason", "").strip().lower()
    if reason:
        if "per-issue" in reason:
            return subject or kind
        return kind if "burst" in reason else ACCOUNT
    empty = {
        named[1].lower()
        for header, value in headers.items()
        if (named := _NAMED.fullmatch(header)) and _pairs(value).get("remaining") == 0
    }
    if _PER_TICKET in empty:
        return subject or kind
    if empty:
        return min(empty)
    lowered = words.lower()
    if "incremental" in lowered:
        return "incremental-exports"
    if "pagination limit" in lowered:
        return kind
    return ACCOUNT


# ---- buckets ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is assumed of a bucket until a header tells: so many calls in any `window` seconds."""

    calls: int
    window: float = WINDOW


@dataclass(slots=True)
class _Bucket:
    total: int
    remaining: float
    at: float  # monotonic time of the reading
    full_at: float
    window: float
    refill: float | None

    def left(self, now: float) -> float:
        if now >= self.full_at:
            return float(self.total)
        if self.refill is not None:
            return min(float(self.total), self.remaining + (now - self.at) * self.refill)
        return self.remaining

    def seconds_until(self, need: float, now: float) -> float:
        left = self.left(now)
        if left >= need or self.total < 1:
            return 0.0
        full = max(self.full_at - now, 0.0)
        return full if self.refill is None else min(full, (need - left) / self.refill)


@dataclass(slots=True)
class _Log:
    """Our own calls of late, for a bucket that no header has described."""

    allowance: Allowance
    calls: deque[float] = field(default_factory=deque)

    def note(self, now: float) -> None:
        self.calls.append(now)
        while len(self.calls) > self.allowance.calls:
            self.calls.popleft()

    def seconds_until_one(self, now: float) -> float:
        if len(self.calls) < self.allowance.calls:
            return 0.0
        return max(self.calls[0] + self.allowance.window - now, 0.0)


class Budgets:
    """What one account may still ask of one server. Shared by all sessions of that account; safe for threads.

    `assumed` counts until a header tells; `caps` are the operator's own, whatever the server allows."""

    def __init__(
        self,
        clock: Clock,
        assumed: Mapping[str, Allowance] | None = None,
        caps: Mapping[str, Allowance] | None = None,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._caps = {name: _Log(allowance) for name, allowance in (caps or {}).items()}
        self._assumed = {name: _Log(allowance) for name, allowance in (assumed or {}).items()}
        self._buckets: dict[str, _Bucket] = {}
        self._paused: dict[str, float] = {}  # name -> monotonic time at which it may be used again

    def spend(self, names: Iterable[str]) -> None:
        """A call that counts against these buckets is about to be sent."""
        now = self._clock.monotonic()
        with self._lock:
            for name in names:
                if name in self._caps:
                    self._caps[name].note(now)
                bucket = self._buckets.get(name)
                if bucket is not None:
                    bucket.remaining = max(bucket.left(now) - 1, 0.0)
                    bucket.at = now
                    if now >= bucket.full_at:
                        bucket.full_at = now + bucket.window
                elif name in self._assumed:
                    self._assumed[name].note(now)

    def learn(self, headers: Headers, kind: str, subject: str = "") -> None:
        """Takes over what an answer's headers say."""
        now = self._clock.monotonic()
        with self._lock:
            for reading in readings(headers, kind, subject, self._clock.now()):
                known = self._buckets.get(reading.name)
                resets_in = reading.resets_in
                if resets_in is None:
                    # Without a stated reset the window that is running goes on.
                    running = known is not None and known.full_at > now and known.remaining >= reading.remaining
                    resets_in = known.full_at - now if known is not None and running else WINDOW
                self._buckets[reading.name] = _Bucket(
                    total=reading.total,
                    remaining=float(min(reading.remaining, reading.total)),
                    at=now,
                    full_at=now + min(float(resets_in), LONGEST_WAIT),
                    window=max(known.window if known else 0.0, float(resets_in)),
                    refill=reading.refill,
                )
            if len(self._buckets) > MOST_BUCKETS:
                self._buckets = {n: b for n, b in self._buckets.items() if ":" not in n or b.full_at > now}

    def pause(self, name: str, seconds: float) -> None:
        """Nothing of this bucket (or kind of call, or subject) may be sent for so many seconds."""
        if seconds > 0:
            until = self._clock.monotonic() + min(seconds, LONGEST_WAIT)
            with self._lock:
                self._paused[name] = max(self._paused.get(name, 0.0), until)

    def paused_for(self, names: Sequence[str]) -> float:
        """Seconds for which the server, or the operator's cap, wants silence on any of these."""
        now = self._clock.monotonic()
        with self._lock:
            for name in [name for name, until in self._paused.items() if until <= now]:
                del self._paused[name]
            waits = [self._paused.get(name, now) - now for name in names]
            waits += [self._caps[name].seconds_until_one(now) for name in names if name in self._caps]
            return max(waits, default=0.0)

    def wait_for(self, names: Sequence[str]) -> float:
        """Seconds until a call that counts against all of these is within bounds; 0 = now."""
        wait = self.paused_for(names)
        now = self._clock.monotonic()
        with self._lock:
            for name in names:
                bucket = self._buckets.get(name)
                if bucket is not None:
                    keep = math.ceil(bucket.total * RESERVE) if name == ACCOUNT else 0
                    need = min(keep + 1.0, float(bucket.total))
                    wait = max(wait, bucket.seconds_until(need, now))
                elif name in self._assumed:
                    wait = max(wait, self._assumed[name].seconds_until_one(now))
        return min(wait, LONGEST_WAIT)

    def all(self) -> tuple[Budget, ...]:
        """What is known, by name; buckets of single tickets and issues are left out."""
        now = self._clock.monotonic()
        with self._lock:
            return tuple(
                Budget(name, bucket.total, int(bucket.left(now)), max(bucket.full_at - now, 0.0))
                for name, bucket in sorted(self._buckets.items())
                if ":" not in name
            )
