"""Zendesk as the engine sees it: one class, one method per question.

Exports: https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
Safe updates: https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from requests.adapters import BaseAdapter
from zenpy.lib.api_objects import Ticket

from syncd.core.model import DeskCatalog, Json, TicketChange, TicketSnapshot
from syncd.core.ports import (
    Agent,
    Budget,
    Clock,
    Identity,
    TicketEvent,
    TicketEventPage,
    TicketPage,
    TicketWrite,
    TicketWritten,
)
from syncd.sources.budget import Allowance, Budgets
from syncd.sources.credentials import Credential
from syncd.sources.errors import (
    AuthError,
    InvalidResponseError,
    NotFoundError,
    RefusedError,
    SourceError,
    UnknownError,
)
from syncd.sources.files import ZENDESK_HOSTS, FileFetcher
from syncd.sources.http import BeforeSend, CallRecord, Session
from syncd.sources.wire_guard import Granted, WireGuard, nothing_granted
from syncd.sources.zendesk_audits import Audit, audit_of, authors_of, changes_of
from syncd.sources.zendesk_calls import KINDS, PER_EXPORT, Calls, kind_of, list_in
from syncd.sources.zendesk_case import Cases
from syncd.sources.zendesk_events import border_of, events_of, updaters_of
from syncd.sources.zendesk_fields import (
    agents_by_email,
    agents_of,
    by_external_id,
    change_tags,
    follow_up,
    groups_of,
    organization_keys,
    organizations_of,
)
from syncd.sources.zendesk_history import History
from syncd.sources.zendesk_links import AppLinks
from syncd.sources.zendesk_metrics import MetricFeed
from syncd.sources.zendesk_parse import (
    MalformedError,
    TicketReader,
    catalog_of,
    inner,
    rows_of,
    stamp_of,
    text_or_none,
    unseen,
)
from syncd.sources.zendesk_people import People
from syncd.sources.zendesk_talk import ZendeskTalk
from syncd.sources.zendesk_write import is_public, not_shown, notes_of, spoken_object, ticket_object

HELD_BACK = 61  # seconds: exports withhold the newest 60, and refuse a start within them
PER_PAGE = 100
MOST_PAGES = 20  # of a listing that is read to its end
ASSUMED = {
    # Until headers say otherwise: the smallest documented allowances.
    "incremental-exports": Allowance(10),
    "tickets-update": Allowance(100),
}

log = structlog.get_logger(__name__)


class Zendesk:
    """A TicketSource. `auth` writes (and reads tickets); `reader_auth`, where given, reads exports and definitions,
    which need an admin. `robots` are the names, e-mail addresses or ids of integrations whose changes are nobody's
    wish. `adapter` replaces the network, `sleep` the pauses between attempts of a read. `granted` knows which public
    comments were allowed. `update_budget`: writes a minute, at most. Not for two threads at once."""

    def __init__(
        self,
        base_url: str,
        auth: Credential,
        reader_auth: Credential | None = None,
        *,
        clock: Clock,
        adapter: BaseAdapter | None = None,
        robots: Collection[str] = (),
        ca: str | None = None,
        update_budget: int | None = None,
        on_call: Callable[[CallRecord], None] | None = None,
        before_send: tuple[BeforeSend, ...] = (),
        granted: Granted = nothing_granted,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        caps = {} if update_budget is None else {"tickets-update": Allowance(update_budget)}
        self._budgets = Budgets(clock, ASSUMED, caps)
        self.wire_guard = WireGuard(granted)

        def session(credential: Credential) -> Session:
            return Session(
                base_url,
                service="Zendesk",
                clock=clock,
                credential=credential,
                kind_of=kind_of,
                budgets=self._budgets,
                adapter=adapter,
                ca=ca,
                before_send=(self.wire_guard, *before_send),
                on_call=on_call,
                sleep=sleep,
            )

        self._writer = Calls(session(auth))
        self._reader = Calls(session(reader_auth)) if reader_auth is not None else self._writer
        self._server = self._writer.session.base_url
        self._own: int | None = None
        self._tickets = TicketReader()
        self._people = People(self._fetch_users, self._own_id, clock, robots)
        self._history = History(self._writer, self._people)
        signer = self._writer.session.signer
        self.talk = ZendeskTalk(
            self._writer,
            self._people,
            FileFetcher(
                self._server,
                signer,
                service="Zendesk",
                hosts=ZENDESK_HOSTS,
                clock=clock,
                budgets=self._budgets,
                adapter=adapter,
                ca=ca,
            ),
            own_id=self._own_id,
            read=lambda number: self.read([number])[0],
            say=self._say,
        )
        self.app_links = AppLinks(self._reader)
        self.cases = Cases(self._writer, self._reader, self._tickets)
        self.metrics = MetricFeed(self._from_start)

    # ---- who and what ------------------------------------------------------------------------------------------

    def identity(self) -> Identity:
        """Who we are; raises AuthError when Zendesk takes us, or the reading account, for nobody."""
        user = self._me(self._writer)
        if self._reader is not self._writer:
            self._me(self._reader)
        self._remember(user)
        zone = user.get("iana_time_zone") or user.get("time_zone")
        return Identity(
            server=self._server,
            account_id=str(user["id"]),
            name=str(user.get("name") or ""),
            role=str(user.get("role") or ""),
            time_zone=zone if isinstance(zone, str) else "UTC",
            can_comment_publicly=self._can_comment_publicly(user),
        )

    def missing_scopes(self) -> tuple[str, ...]:
        """OAuth scopes that were asked for and not granted, of both accounts."""
        calls = (self._writer, self._reader)
        return tuple(dict.fromkeys(scope for call in calls for scope in call.session.signer.missing_scopes()))

    def catalog(self) -> DeskCatalog:
        """Custom statuses (none where the plan has none) and ticket fields."""
        try:
            statuses = rows_of(self._reader.get("custom_statuses").get("custom_statuses"))
        except (NotFoundError, RefusedError):
            statuses = []
        return catalog_of(statuses, self._all_rows(self._reader, "ticket_fields", "ticket_fields"))

    # ---- what changed ------------------------------------------------------------------------------------------

    def recently_updated(self, cursor: str | None) -> TicketPage:
        """One page of 100 tickets, newest change first. Archived tickets are not in this list."""
        params: dict[str, Any] = {"sort": "-updated_at", "page[size]": PER_PAGE}
        if cursor:
            params["page[after]"] = cursor
        body = self._writer.get("tickets", params)
        rows = list_in(body, "tickets")
        tickets, malformed = self._tickets.read_all(rows)
        more = inner(body, "meta", "has_more") is True
        after = text_or_none(inner(body, "meta", "after_cursor"))
        if more and (after is None or after == cursor):
            raise InvalidResponseError("Zendesk: the list of tickets says that it goes on, and not where")
        return TicketPage(tickets, after, not more, malformed)

    def changed(self, cursor: str | None, start: datetime) -> TicketPage:
        """One page of the cursor-based export, up to 1,000 rows. A cursor that Zendesk refuses is a RefusedError whose
        `status` says how; begin anew from a time then."""
        params: dict[str, Any] = {"per_page": PER_EXPORT, "support_type_scope": "all"}
        if cursor:
            try:
                body = self._reader.get("incremental/tickets/cursor", {**params, "cursor": cursor})
            except NotFoundError as error:
                raise RefusedError(str(error), status=error.status) from None
        else:
            body = self._from_start("incremental/tickets/cursor", params, int(start.timestamp()))
        rows = list_in(body, "tickets")
        after = text_or_none(body.get("after_cursor"))
        end = _end_of_stream(body, rows)
        tickets, malformed = self._tickets.read_all(rows)
        if not end and (after is None or after == cursor):
            raise InvalidResponseError("Zendesk: the export of tickets is not at its end and its cursor does not move")
        return TicketPage(tickets, after, end, malformed)

    def events(self, start_time: int) -> TicketEventPage:
        """One page of ticket_events with whole comments. Rows at the border repeat: tell them apart by id. Where all of
        a page is of `start_time` and more is to come, the next page begins a second later (`crowded`)."""
        params = {"include": "comment_events"}
        body = self._from_start("incremental/ticket_events", params, start_time)
        rows = list_in(body, "ticket_events")
        end = _end_of_stream(body, rows)
        end_time, crowded = border_of(body, rows, start_time, end=end)
        self._people.load(updaters_of(rows))
        events, malformed = events_of(rows, self._people)
        return TicketEventPage(events, end_time, end, malformed, crowded)

    # ---- single tickets ----------------------------------------------------------------------------------------

    def read(self, ids: Sequence[int]) -> tuple[TicketSnapshot, ...]:
        """The tickets with these ids as they are now. One that is missing from show_many is asked for by itself before
        it counts as gone; one that answers in a form that cannot be read is left out (asked for alone, it raises
        InvalidResponseError)."""
        wanted = list(dict.fromkeys(ids))
        found: dict[int, TicketSnapshot] = {}
        answered: set[int] = set()
        for start in range(0, len(wanted), PER_PAGE):
            chunk = wanted[start : start + PER_PAGE]
            if len(wanted) > 1:
                rows = list_in(self._writer.get("tickets/show_many", {"ids": ",".join(map(str, chunk))}), "tickets")
                self._take(rows, found, answered)
            for missing in [number for number in chunk if number not in answered]:
                row = self._show(missing)
                if row is None:
                    found[missing] = unseen(missing, self._clock.now())
                else:
                    self._take([row], found, answered)
        if len(wanted) == 1 and not found:
            raise InvalidResponseError(f"Zendesk: ticket #{wanted[0]} answered in a form that cannot be read")
        return tuple(found[number] for number in wanted if number in found)

    def history(self, ticket_id: int) -> tuple[TicketChange, ...]:
        """The events of the newest 100 audits, newest first. A ticket merged into another has a change of kind `merge`
        whose `after` is that ticket's number, where Zendesk tells it."""
        return self._history.changes(ticket_id)

    def audits(self, ticket_id: int, *, whole: bool = True) -> tuple[TicketEvent, ...]:
        """What the audits of a ticket tell, oldest first, with the texts of comments: all of them, or the newest 100 in
        one call. Raises NotFoundError for a ticket that is gone."""
        return self._history.events(ticket_id, whole=whole)

    def merge_target(self, ticket_id: int) -> int | None:
        """The ticket that this one was merged into; None when Zendesk does not tell."""
        return self._history.merge_target(ticket_id)

    # ---- writes ------------------------------------------------------------------------------------------------

    def write(self, ticket_id: int, write: TicketWrite, *, stamp: datetime, marker: str) -> TicketWritten:
        """One PUT under safe_update, marked in its metadata. Raises UnknownError when the answer does not show that the
        update was applied."""
        return self._put(ticket_id, write, ticket_object(ticket_id, write, stamp, marker), marker)

    def _say(self, ticket_id: int, html: str, uploads: Sequence[str], *, stamp: datetime, marker: str) -> TicketWritten:
        """A public comment; the wire guard stops it unless it was granted."""
        note = TicketWrite(note="", html=html)  # what the answer must show, whoever may read it
        return self._put(ticket_id, note, spoken_object(ticket_id, html, uploads, stamp, marker), marker)

    def _put(self, ticket_id: int, write: TicketWrite, asked: Ticket, marker: str) -> TicketWritten:
        own = self._own_id()  # before the update: what fails here fails with nothing sent
        body = self._writer.update_ticket(asked)
        row = body.get("ticket")
        try:
            ticket = self._tickets.read(row)
        except MalformedError as error:
            raise InvalidResponseError(f"Zendesk: the answer to an update of #{ticket_id}: {error}") from None
        if ticket.id != ticket_id or not isinstance(row, Mapping):
            raise InvalidResponseError(f"Zendesk: the answer to an update of #{ticket_id} is about another ticket")
        audits = self._audits_of_write(ticket_id, body.get("audit"), marker, needs_note=write.note is not None)
        missing = not_shown(write, row, audits)
        if missing:
            raise UnknownError(f"Zendesk: the answer to an update of #{ticket_id} does not show {', '.join(missing)}")
        try:
            self._people.load(authors_of(audits) - {own})
        except SourceError as error:
            log.info("authors_unreadable", ticket=ticket_id, reason=str(error))  # they count as unknown then
        changes = [change for audit in audits for change in changes_of(audit, self._people)]
        return TicketWritten(ticket, tuple(changes), is_public(notes_of(audits)) if write.note is not None else None)

    def make_private(self, ticket_id: int, comment_id: int) -> None:
        """Hides a comment. It cannot be made public again, and mail that went out stays out."""
        self._writer.put_nothing(f"tickets/{ticket_id}/comments/{comment_id}/make_private")

    def remove_tag(self, ticket_id: int, tag: str, *, stamp: datetime) -> None:
        """Takes one tag off under safe_update; the others stay as they are."""
        body = {"tags": [tag], "updated_stamp": stamp_of(stamp), "safe_update": "true"}
        answer = self._writer.delete(f"tickets/{ticket_id}/tags", body)
        tags = answer.get("tags")
        if not isinstance(tags, list):
            raise InvalidResponseError(f"Zendesk: the answer to taking a tag off #{ticket_id} holds no tags")
        if tag in tags:
            raise UnknownError(f"Zendesk: the answer to taking a tag off #{ticket_id} still shows it")

    def add_tags(self, ticket_id: int, tags: Sequence[str], *, stamp: datetime) -> None:
        """Adds tags under safe_update; the others stay as they are."""
        change_tags(self._writer, ticket_id, tags, stamp, add=True)

    def remove_tags(self, ticket_id: int, tags: Sequence[str], *, stamp: datetime) -> None:
        """As add_tags, taking them off."""
        change_tags(self._writer, ticket_id, tags, stamp, add=False)

    def follow_up(self, closed: TicketSnapshot, subject: str, note: str, *, marker: str) -> tuple[TicketSnapshot, bool]:
        """A private follow-up of a closed ticket, and whether it is stored as internal; repeated with the same marker
        within two hours it answers with the same ticket."""
        return follow_up(self._writer, self._tickets, closed, subject, note, marker)

    def by_external_id(self, external_id: str) -> TicketSnapshot | None:
        """The ticket with this external id, None when there is none."""
        return by_external_id(self._writer, self._tickets, external_id)

    # ---- who and where -----------------------------------------------------------------------------------------

    def agents(self, ids: Sequence[int]) -> tuple[Agent, ...]:
        """These users, 100 a call; unknown ones are left out."""
        rows = [row for start in range(0, len(ids), 100) for row in self._fetch_users(ids[start : start + 100])]
        return agents_of(rows)

    def agents_by_email(self, email: str) -> tuple[Agent, ...]:
        """The users with exactly this address."""
        return agents_by_email(self._reader, email)

    def groups(self) -> Mapping[int, str]:
        """Every group's id and name."""
        return groups_of(self._reader)

    def organizations(self, ids: Sequence[int]) -> Mapping[int, Mapping[str, Json]]:
        """Organization → its fields by key, its name under ""."""
        return organizations_of(self._reader, ids)

    def organization_keys(self) -> tuple[str, ...]:
        """The keys of the organization fields that the account defines."""
        return organization_keys(self._reader)

    # ---- pace --------------------------------------------------------------------------------------------------

    def wait_for(self, what: str) -> float:
        """Seconds to wait before a call of this kind (list | export | read | update) may be made; 0 = now."""
        return self._writer.session.wait_for(KINDS[what])

    def budgets(self) -> tuple[Budget, ...]:
        """What the server's headers said last."""
        return self._budgets.all()

    # ---- parts -------------------------------------------------------------------------------------------------

    def _me(self, calls: Calls) -> dict[str, Any]:
        # https://developer.zendesk.com/api-reference/ticketing/users/users/#show-self : 200 for anonymous calls, so no
        # refusal makes the session look for another token.
        signer = calls.session.signer
        user = _somebody(calls.get("users/me"))
        if user is None and signer.renew(signer.header()):
            user = _somebody(calls.get("users/me"))
        if user is None:
            raise AuthError("Zendesk takes us for nobody: a missing, wrong or expired credential", service="zendesk")
        if user.get("suspended") is True or user.get("active") is False:
            raise AuthError(f"Zendesk: the account {user['id']} is suspended or deleted", service="zendesk")
        return user

    def _own_id(self) -> int:
        return self._remember(self._me(self._writer)) if self._own is None else self._own

    def _remember(self, us: Mapping[str, Any]) -> int:
        self._own = int(us["id"])
        self._people.learn([us])
        return self._own

    def _can_comment_publicly(self, user: Mapping[str, Any]) -> bool | None:
        """https://developer.zendesk.com/api-reference/ticketing/account-configuration/custom_roles/"""
        if user.get("only_private_comments") is True:
            return False
        if user.get("role") == "admin":
            return True
        role_id = user.get("custom_role_id")
        if role_id is None:
            return True if user.get("role") == "agent" else None
        try:
            roles = rows_of(self._reader.get("custom_roles").get("custom_roles"))
        except SourceError as error:
            log.info("custom_roles_unreadable", status=error.status)
            return None
        for role in roles:
            if isinstance(role, Mapping) and role.get("id") == role_id:
                access = inner(role, "configuration", "ticket_comment_access")
                return access == "public" if access in ("public", "none") else None
        return None

    def _fetch_users(self, ids: Sequence[int]) -> list[Any]:
        return rows_of(self._reader.get("users/show_many", {"ids": ",".join(map(str, ids))}).get("users"))

    def _from_start(self, path: str, params: Mapping[str, Any], start: int) -> dict[str, Any]:
        """An export from a time, moved back where that is too recent for Zendesk (its clock may differ from ours)."""
        latest = int(self._clock.now().timestamp()) - HELD_BACK
        begin = max(min(start, latest), 0)
        try:
            return self._reader.get(path, {**params, "start_time": begin})
        except RefusedError as error:
            if error.status != 400 or "toorecent" not in "".join(str(error).lower().split()):
                raise
        return self._reader.get(path, {**params, "start_time": max(begin - 5 * HELD_BACK, 0)})

    def _all_rows(self, calls: Calls, path: str, key: str) -> list[Any]:
        """Every row of a short listing, by offset pages where it has several."""
        rows: list[Any] = []
        for page in range(1, MOST_PAGES + 1):
            body = calls.get(path, {"page": page} if page > 1 else None)
            rows.extend(list_in(body, key))
            if not body.get("next_page"):
                return rows
        raise InvalidResponseError(f"Zendesk: the list of {key} does not end")

    def _take(self, rows: Sequence[Any], found: dict[int, TicketSnapshot], answered: set[int]) -> None:
        tickets, malformed = self._tickets.read_all(rows)
        found.update({ticket.id: ticket for ticket in tickets})
        answered.update(number for row in rows if isinstance(number := inner(row, "id"), int))
        for sentence in malformed:
            log.warning("ticket_unreadable", reason=sentence)

    def _show(self, ticket_id: int) -> Any:
        try:
            row = self._writer.get(f"tickets/{ticket_id}").get("ticket")
            if row is None:  # a 200 that shows no ticket says nothing about it
                raise InvalidResponseError(f"Zendesk: ticket #{ticket_id}: the answer holds no ticket")
            return row
        except NotFoundError:
            return None
        except RefusedError as error:
            if error.status != 403:
                raise
            # Hidden from us, or are we shut out of everything? Zendesk words the two alike.
            if self._me(self._writer).get("role") not in ("agent", "admin"):
                raise AuthError(str(error), status=403, service="zendesk") from None
            return None

    def _audits_of_write(self, ticket_id: int, given: Any, marker: str, *, needs_note: bool) -> tuple[Audit, ...]:
        """The audit in the answer to a write; where there is none, or it lacks our note, those on the server that bear
        our marker."""
        found: tuple[Audit, ...] = ()
        if given is not None:
            try:
                found = (audit_of(given),)
            except MalformedError:
                found = ()
        if found and (not needs_note or notes_of(found)):
            return found
        try:
            return tuple(audit for audit in self._history.newest(ticket_id) if audit.marker == marker)
        except SourceError as error:
            # The update itself was answered; what is not known is what it did.
            raise UnknownError(f"Zendesk: an update of #{ticket_id} could not be read back: {error}") from None


def _end_of_stream(body: Mapping[str, Any], rows: Sequence[Any]) -> bool:
    """Whether an export is at its end; without the flag only an empty page is."""
    flag = body.get("end_of_stream")
    return flag if isinstance(flag, bool) else not rows


def _somebody(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The user in an answer about ourselves; None when it is nobody."""
    user = answer.get("user")
    number = user.get("id") if isinstance(user, dict) else None
    return user if isinstance(number, int) and not isinstance(number, bool) and number >= 1 else None
