"""Zendesk's rate limits: buckets per minute (or ten), their headers and the two kinds of 429."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from syncd.sandbox.zendesk_records import ZendeskRefusal
from syncd.sandbox.zendesk_store import ZendeskStore

_MINUTE: Final = 60
_TEN_MINUTES: Final = 600
_KEPT: Final = 20_000


@dataclass(frozen=True)
class Reading:
    """A bucket after a call. `reset`: seconds until it is full again."""

    name: str
    total: int
    remaining: int
    reset: int
    allowed: bool


class Limits:
    """Counts calls in fixed windows of the sandbox clock. A refused call is not counted."""

    def __init__(self, store: ZendeskStore) -> None:
        self._store = store
        self._used: dict[tuple[str, str], tuple[int, int]] = {}

    def take(self, name: str, total: float, period: int = _MINUTE, key: str = "") -> Reading:
        """One call on a bucket."""
        now = self._store.ctx.clock.now()
        window = int(now // period)
        start, used = self._used.get((name, key), (window, 0))
        if start != window:
            used = 0
        allowed = used < total
        if allowed:
            used += 1
        if len(self._used) > _KEPT:
            self._used.clear()
        self._used[name, key] = (window, used)
        reset = max(1, int((window + 1) * period - now))
        return Reading(name, int(total), max(0, int(total) - used), reset, allowed)

    def check(self, method: str, endpoint: str | None, path: str, user_id: int) -> dict[str, str]:
        """Counts a call on all its buckets; returns the headers to send, or refuses with 429."""
        number = self._store.number
        account = self.take("account", number("account_limit"))
        headers = self._account_headers(account)
        if not account.allowed:
            text = "Number of allowed API requests per minute exceeded"
            raise ZendeskRefusal(429, text, {**headers, "Retry-After": str(account.reset)})
        for reading in self._special(method, endpoint or "", path, user_id):
            headers |= self._bucket_header(reading)
            if not reading.allowed:
                what = "incremental export API" if reading.name.startswith("incremental") else "API"
                body = {
                    "error": "APIRateLimitExceeded",
                    "description": f"Number of allowed {what} requests per minute exceeded",
                }
                raise ZendeskRefusal(429, body, {**headers, "Retry-After": str(reading.reset)})
        return headers

    def _special(self, method: str, endpoint: str, path: str, user_id: int) -> list[Reading]:
        number = self._store.number
        if endpoint == "export_users_cursor":
            return [self.take("incremental-exports-cursor", 2 * number("incremental_limit"))]
        if endpoint.startswith("export_"):
            return [self.take("incremental-exports", number("incremental_limit"))]
        if endpoint == "list_deleted":
            return [self.take("deleted-tickets", number("deleted_tickets_limit"))]
        if endpoint == "search_export":
            return [self.take("search-export", number("search_export_limit"))]
        if endpoint in {"update_ticket", "update_many"} and method == "PUT":
            readings = [self.take("tickets-update", number("tickets_update_limit"))]
            if endpoint == "update_ticket" and readings[0].allowed:
                key = f"{user_id} {path}"
                total = number("per_ticket_update_limit")
                readings.append(self.take("per-ticket-updates", total, _TEN_MINUTES, key))
            return readings
        return []

    def _old(self) -> bool:
        return self._store.text("header_dialect") == "2023"

    def _account_headers(self, account: Reading) -> dict[str, str]:
        family = "rate-limit" if self._old() else "ratelimit"
        limit = family if self._old() else f"{family}-limit"
        return {
            "X-Rate-Limit": str(account.total),
            "X-Rate-Limit-Remaining": str(account.remaining),
            limit: str(account.total),
            f"{family}-remaining": str(account.remaining),
            f"{family}-reset": str(account.reset),
        }

    def _bucket_header(self, reading: Reading) -> dict[str, str]:
        prefix = "zendesk-rate-limit" if self._old() else "zendesk-ratelimit"
        value = f"total={reading.total}; remaining={reading.remaining}; resets={reading.reset}"
        return {f"{prefix}-{reading.name}": value}
