"""The tables of the pretend Zendesk and the indexes that keep listings quick."""

from __future__ import annotations

import heapq
import threading
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any, Final

from syncd.sandbox.web import SandboxContext
from syncd.sandbox.zendesk_records import (
    CATEGORIES,
    AccessToken,
    Attachment,
    Audit,
    CustomStatus,
    Group,
    JiraLink,
    Job,
    OAuthClient,
    Organization,
    Ticket,
    TicketField,
    Trigger,
    Upload,
    User,
    ZendeskRefusal,
    iso,
    not_found,
)

#: Behaviour switches, with what a plain account does. See the handlers for what each one means.
DEFAULT_SWITCHES: Final[dict[str, object]] = {
    "account_limit": 700,  # all calls in a minute
    "incremental_limit": 10,  # all of /incremental/* in a minute; users/cursor has its own, twice this
    "tickets_update_limit": 100,  # PUT tickets in a minute
    "per_ticket_update_limit": 30,  # PUT of one ticket by one user in 10 minutes
    "deleted_tickets_limit": 10,
    "search_export_limit": 100,
    "jobs_limit": 30,
    "header_dialect": "2024",  # or "2023": rate-limit* and zendesk-rate-limit-*
    "unknown_scope": "refuse",  # 400 invalid_scope; "accept": a token that gets 403 everywhere
    "granted_scope": "",  # not empty: what the token endpoint grants, whatever was asked
    "users_me_bad_token": 200,  # or 401: /users/me with a wrong API token
    "suspended_status": 403,  # what a suspended agent's calls get
    "public_comment_refused": 403,  # or 422, or "coerce": an agent who may only comment privately
    "export_hold_seconds": 60,  # the newest seconds that exports hold back
    "start_time_too_recent": "400",  # or "empty"
    "export_null_cursor": True,  # a start_time that finds nothing gets no cursor
    "export_page_limit": 1000,
    "ticket_events_metadata": "custom",  # {"custom": {..}}; "flat": {..}; "absent"
    "export_same_stamp": "extend",  # pages by time that begin with too full a second: grow for it, or "stuck"
    "show_generated_timestamp": False,  # also in show and list, where recorded replies lack it
    "jira_links_forbidden": False,
    "search_lag_seconds": 60,
    "job_seconds": 0.0,  # how long a background job takes
    "auto_close_seconds": 345600,  # 4 days from solved to closed; 0: never
    "solve_needs_assignee": True,
    "audit_of_no_change": False,  # keep an audit of an update that changed nothing
    "merge_source_names_target": False,  # the source's audit names the target in via.source.to
}


class ZendeskStore:
    """Everything the help desk remembers. Not thread-safe by itself: hold `lock`."""

    def __init__(self, ctx: SandboxContext) -> None:
        self.ctx = ctx
        self.lock = threading.RLock()
        self.switches: dict[str, object] = dict(DEFAULT_SWITCHES)
        self.address = "support@helpdesk.example"
        self.brand_name = "Helpdesk"
        self.users: dict[int, User] = {}
        self.users_by_email: dict[str, int] = {}
        self.organizations: dict[int, Organization] = {}
        self.groups: dict[int, Group] = {}
        self.ticket_fields: dict[int, TicketField] = {}
        self.custom_statuses: dict[int, CustomStatus] = {}
        self.tickets: dict[int, Ticket] = {}
        self.triggers: list[Trigger] = []
        self.oauth_clients: dict[str, OAuthClient] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.api_tokens: dict[str, bool] = {}
        self.uploads: dict[str, Upload] = {}
        self.attachments: dict[str, Attachment] = {}
        self.jira_links: dict[int, JiraLink] = {}
        self.jobs: dict[str, Job] = {}
        self.ratings: list[dict[str, Any]] = []
        self.metric_events: list[dict[str, Any]] = []
        self.sla_policies: list[dict[str, Any]] = []
        self.idempotency: dict[tuple[int, str], tuple[float, str, Any]] = {}
        #: (created, audit id, audit), ascending.
        self.audit_log: list[tuple[int, int, Audit]] = []
        #: (updated, id) and (generated, id) of tickets, ascending; the first without deleted ones.
        self.by_updated: list[tuple[int, int]] = []
        self.by_generated: list[tuple[int, int]] = []
        self.by_id: list[int] = []
        #: Grows when ticket fields or statuses change, so that rendered tickets are made anew.
        self.shape = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._ticket_serial = 0
        self.brand_id = self.new_id()
        self.form_id = self.new_id()
        for category in CATEGORIES:
            label = "On-hold" if category == "hold" else category.capitalize()
            self.add_status(category, label, default=True)

    # Time

    def now(self) -> int:
        """Whole epoch seconds: Zendesk's stamps have no fractions."""
        return int(self.ctx.clock.now())

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Does `act` when `seconds` have passed."""
        self._serial += 1
        heapq.heappush(self._due, (self.ctx.clock.now() + seconds, self._serial, act))

    def run_due(self) -> None:
        """Does what fell due by now."""
        now = self.ctx.clock.now()
        while self._due and self._due[0][0] <= now:
            _, _, act = heapq.heappop(self._due)
            act()

    # Switches

    def number(self, switch: str) -> float:
        """A switch as a number."""
        value = self.switches[switch]
        if not isinstance(value, (int, float)):
            raise TypeError(f"switch {switch} is not a number: {value!r}")
        return float(value)

    def text(self, switch: str) -> str:
        """A switch as text."""
        return str(self.switches[switch])

    def is_on(self, switch: str) -> bool:
        """A switch as yes or no."""
        return bool(self.switches[switch])

    # Ids

    def new_id(self) -> int:
        """The next id for anything but a ticket: 14 digits, growing."""
        self._serial += 1
        return 41_000_000_000_013 + self._serial * 128

    def new_token(self, length: int = 32) -> str:
        """A reproducible token, for uploads, jobs and bearers."""
        return "".join(self.ctx.rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))

    # Look-ups

    def user(self, user_id: object) -> User:
        """The user; 404 when there is none."""
        if isinstance(user_id, int) and user_id in self.users:
            return self.users[user_id]
        raise not_found()

    def user_by_email(self, email: str) -> User | None:
        """The user with this address, or None."""
        user_id = self.users_by_email.get(email.strip().lower())
        return self.users.get(user_id) if user_id is not None else None

    def ticket(self, ticket_id: int, *, deleted: bool = False) -> Ticket:
        """The ticket; 404 when unknown, or when it is deleted and `deleted` is not allowed."""
        ticket = self.tickets.get(ticket_id)
        if ticket is None or (ticket.deleted and not deleted):
            raise not_found()
        return ticket

    def default_status(self, category: str) -> CustomStatus:
        """The default custom status of a category."""
        for status in self.custom_statuses.values():
            if status.category == category and status.default:
                return status
        raise ZendeskRefusal(422, {"error": "RecordInvalid", "description": f"no status {category}"})

    def find_status(self, name: str | int) -> CustomStatus:
        """By id, agent label or category (its default)."""
        if isinstance(name, int):
            if name in self.custom_statuses:
                return self.custom_statuses[name]
        else:
            for status in self.custom_statuses.values():
                if status.agent_label == name:
                    return status
            if name in CATEGORIES:
                return self.default_status(name)
        raise ValueError(f"there is no status {name!r}")

    # Changes

    def add_status(
        self, category: str, agent_label: str, *, end_user_label: str | None = None, default: bool = False
    ) -> CustomStatus:
        """A custom status; when it is the default of its category the old default steps back."""
        if category not in CATEGORIES:
            raise ValueError(f"{category!r} is no status category")
        now = self.now()
        if default:
            for other in self.custom_statuses.values():
                if other.category == category:
                    other.default = False
        status = CustomStatus(
            self.new_id(), category, agent_label, end_user_label or category.capitalize(), now, now, default
        )
        self.custom_statuses[status.id] = status
        self.shape += 1
        return status

    def next_ticket_id(self) -> int:
        """Ticket ids are small and grow by one."""
        self._ticket_serial += 1
        return self._ticket_serial

    def insert(self, ticket: Ticket) -> None:
        """Puts a new ticket into the tables."""
        self.tickets[ticket.id] = ticket
        insort(self.by_id, ticket.id)
        insort(self.by_updated, (ticket.updated, ticket.id))
        insort(self.by_generated, (ticket.generated, ticket.id))

    def stamp(self, ticket: Ticket, *, updated: bool) -> None:
        """The ticket changed now; `updated`: with an audit, else only inside the system."""
        now = self.now()
        _remove(self.by_generated, (ticket.generated, ticket.id))
        ticket.generated = now
        insort(self.by_generated, (now, ticket.id))
        if updated:
            _remove(self.by_updated, (ticket.updated, ticket.id))
            ticket.updated = now
            if not ticket.deleted:
                insort(self.by_updated, (now, ticket.id))
        ticket.view = None

    def hide(self, ticket: Ticket) -> None:
        """Takes a ticket out of the lists (it was deleted)."""
        _remove(self.by_updated, (ticket.updated, ticket.id))
        _remove(self.by_id, ticket.id)

    def unhide(self, ticket: Ticket) -> None:
        """Puts a restored ticket back into the lists."""
        insort(self.by_id, ticket.id)
        insort(self.by_updated, (ticket.updated, ticket.id))

    def log(self, ticket: Ticket, audit: Audit) -> None:
        """Keeps an audit."""
        ticket.audits.append(audit)
        insort(self.audit_log, (audit.created, audit.id, audit), key=lambda entry: entry[:2])

    def add_link(self, ticket_id: str, issue_id: str, issue_key: str, integration: str = "") -> JiraLink:
        """A row of the official app's link table."""
        now = self.now()
        self._serial += 1
        link = JiraLink(self._serial, ticket_id, issue_id, issue_key, now, now, integration)
        self.jira_links[link.id] = link
        return link

    def metric_event(self, ticket: Ticket, metric: str, kind: str, **more: Any) -> None:
        """Keeps a ticket metric event of now."""
        event = {
            "id": self.new_id(),
            "ticket_id": ticket.id,
            "metric": metric,
            "instance_id": 1 + ticket.reopens,
            "type": kind,
            "time": iso(self.now()),
            **more,
        }
        self.metric_events.append(event)


def _remove(index: list[Any], entry: Any) -> None:
    position = bisect_left(index, entry)
    if position < len(index) and index[position] == entry:
        del index[position]
