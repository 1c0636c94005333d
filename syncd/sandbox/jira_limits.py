"""Rate limits and other refusals of the pretend Jira that have nothing to do with what was asked."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from syncd.sandbox.faults import Fault
from syncd.sandbox.jira_core import JiraCore
from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_model import Issue, User
from syncd.sandbox.jira_text import utc_stamp

LONG_MAX: Final = "9223372036854775807"
#: Requests a second for each endpoint (Cloud), by method; exceptions by endpoint.
BURST: Final = {"GET": 100, "POST": 100, "PUT": 50, "DELETE": 50}
BURST_OF: Final = {"get_issue": 150, "get_changelog": 200, "approximate_count": 150}
#: Writes on one issue (Cloud): (milliseconds, how many).
PER_ISSUE: Final = ((2_000, 20), (30_000, 100))
_PAGE: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class Limits:
    """The counters. Times are those of the sandbox clock."""

    def __init__(self, world: JiraCore) -> None:
        self._world = world
        self._windows: dict[tuple[str, str], tuple[int, int]] = {}
        self._writes: dict[int, deque[int]] = {}
        self._buckets: dict[str, tuple[float, int]] = {}

    def check(self, user: User | None, endpoint: str, method: str) -> Response | None:
        """Counts a request; the 429 when it is one too many, else None."""
        if self._world.cloud:
            return self._burst(endpoint, method)
        if user is None:
            return None
        if user.id in self._world.switches["dc_blocked_users"]:
            return self.blocked()
        return self._bucket(user)

    def headers(self, user: User | None, endpoint: str | None, method: str, headers: Headers) -> None:
        """The rate headers of an answer that has none yet."""
        if "X-RateLimit-Limit" in headers:
            return
        if self._world.cloud:
            if endpoint is not None:
                limit = BURST_OF.get(endpoint, BURST.get(method, 100))
                # Without limits the headers must not slow anybody down whose clock stands still.
                used = self._count(endpoint, method) if self._world.switches["burst_limits"] else 1
                left = max(0, limit - used)
                headers["X-RateLimit-Limit"] = str(limit)
                headers["X-RateLimit-Remaining"] = str(left)
                if left * 5 < limit:
                    headers["X-RateLimit-NearLimit"] = "true"
        elif user is not None and self._world.switches["dc_bucket"]:
            headers.update(self._bucket_headers(user))

    def write(self, issue: Issue) -> None:
        """Counts a write on an issue. Raises `Refusal` 429 when there are too many (Cloud)."""
        if not self._world.cloud or not self._world.switches["per_issue_limits"]:
            return
        now = self._world.now_ms()
        times = self._writes.setdefault(issue.id, deque())
        longest = PER_ISSUE[-1][0]
        while times and times[0] <= now - longest:
            times.popleft()
        for span, limit in PER_ISSUE:
            recent = [at for at in times if at > now - span]
            if len(recent) >= limit:
                wait = max(1, -(-(recent[0] + span - now) // 1000))
                raise Refusal(
                    429,
                    [self._world.say("rate")],
                    headers={"Retry-After": str(wait), "RateLimit-Reason": "jira-per-issue-on-write"},
                )
        times.append(now)

    def blocked(self) -> Response:
        """Data Center: a user who may do nothing at all."""
        return self._refused(
            {
                "X-RateLimit-Limit": "0",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-FillRate": "0",
                "X-RateLimit-Interval-Seconds": "1",
                "Retry-After": LONG_MAX,
            }
        )

    def quota(self, reason: str, wait: str, limit: int) -> Response:
        """Cloud: a 429 with this reason."""
        return self._refused(
            {
                "X-RateLimit-Limit": str(limit),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": utc_stamp(self._world.now_ms() + int(wait) * 1000),
                "X-RateLimit-NearLimit": "true",
                "RateLimit-Reason": reason,
                "Retry-After": wait,
            }
        )

    def _refused(self, headers: dict[str, str]) -> Response:
        text = self._world.say("rate")
        if self._world.cloud:
            return Refusal(429, [text], headers=headers).response
        return Refusal(429, body={"message": text}, headers=headers).response

    def _count(self, endpoint: str, method: str) -> int:
        second, count = self._windows.get((endpoint, method), (0, 0))
        return count if second == self._world.now_ms() // 1000 else 0

    def _burst(self, endpoint: str, method: str) -> Response | None:
        count = self._count(endpoint, method) + 1
        self._windows[endpoint, method] = (self._world.now_ms() // 1000, count)
        limit = BURST_OF.get(endpoint, BURST.get(method, 100))
        if count > limit and self._world.switches["burst_limits"]:
            return self.quota("jira-burst-based", "1", limit)
        return None

    def _bucket(self, user: User) -> Response | None:
        rule: dict[str, Any] | None = self._world.switches["dc_bucket"]
        if not rule:
            return None
        now = self._world.now_ms()
        tokens, since = self._buckets.get(user.id, (float(rule["limit"]), now))
        filled = (now - since) / 1000 / float(rule.get("interval", 1)) * float(rule["fill_rate"])
        tokens = min(float(rule["limit"]), tokens + filled)
        if tokens < 1:
            self._buckets[user.id] = (tokens, now)
            headers = self._bucket_headers(user)
            if self._world.switches["dc_retry_after_zero"]:
                headers["Retry-After"] = "0"
            return self._refused(headers)
        self._buckets[user.id] = (tokens - 1, now)
        return None

    def _bucket_headers(self, user: User) -> dict[str, str]:
        rule: dict[str, Any] = self._world.switches["dc_bucket"]
        tokens, _ = self._buckets.get(user.id, (float(rule["limit"]), 0))
        interval, fill = float(rule.get("interval", 1)), float(rule["fill_rate"])
        wait = 0 if tokens >= 1 or fill <= 0 else max(1, round((1 - tokens) / fill * interval))
        return {
            "X-RateLimit-Limit": str(rule["limit"]),
            "X-RateLimit-Remaining": str(int(tokens)),
            "X-RateLimit-FillRate": str(rule["fill_rate"]),
            "X-RateLimit-Interval-Seconds": str(rule.get("interval", 1)),
            "Retry-After": str(wait),
        }


#: Kinds of faults that the pretend Jira plays itself; none of them applies the request.
FAULT_KINDS: Final = frozenset(
    {
        "transition_conflict",
        "issue_limit",
        "quota",
        "burst",
        "per_issue",
        "dc_limit",
        "dc_blocked",
        "html_503",
        "captcha",
        "errors",
    }
)


def fault_answer(world: JiraCore, limits: Limits, fault: Fault) -> Response | None:
    """The answer of a fault of one of `FAULT_KINDS`, else None.

    `errors`: args `shape` ("dict", "list", "null", "null_messages", "missing") and `status` (400).
    """
    args = fault.args
    match fault.kind:
        case "transition_conflict":
            return Refusal(409, [world.say("conflict")]).response
        case "issue_limit":
            what = str(args.get("what", "comments"))
            return Refusal(413, [world.say("limit", what=what)], {what: world.say("limit", what=what)}).response
        case "quota":
            return limits.quota("jira-quota-global-based", str(args.get("retry_after", 1847)), 65_000)
        case "burst":
            return limits.quota("jira-burst-based", str(args.get("retry_after", 1)), 100)
        case "per_issue":
            return limits.quota("jira-per-issue-on-write", str(args.get("retry_after", 2)), 20)
        case "dc_limit":
            headers = {"X-RateLimit-Limit": "70", "X-RateLimit-Remaining": "0", "X-RateLimit-FillRate": "5"}
            headers |= {"X-RateLimit-Interval-Seconds": "1", "Retry-After": str(args.get("retry_after", 0))}
            return Refusal(429, body={"message": world.say("rate")}, headers=headers).response
        case "dc_blocked":
            return limits.blocked()
        case "html_503":
            extra = {"Retry-After": str(args["retry_after"])} if "retry_after" in args else None
            page = _PAGE.format("Service Unavailable")
            return Response(page, 503, headers=extra, content_type="text/html; charset=utf-8")
        case "captcha":
            denied = {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=/login.jsp"}
            return Response(_PAGE.format("Forbidden"), 403, headers=denied, content_type="text/html; charset=utf-8")
        case "errors":
            return _shaped(int(args.get("status", 400)), str(args.get("shape", "dict")))
        case _:
            return None


def _shaped(status: int, shape: str) -> Response:
    bodies: dict[str, Any] = {
        "dict": {"errorMessages": [], "errors": {"summary": "something is wrong with it"}},
        "list": {"errors": [{"message": "something is wrong"}]},
        "null": {"errorMessages": ["something is wrong"], "errors": None},
        "null_messages": {"errorMessages": None, "errors": {"summary": "something is wrong with it"}},
        "missing": {"message": "something is wrong", "status-code": status},
    }
    return Refusal(status, body=bodies[shape]).response
