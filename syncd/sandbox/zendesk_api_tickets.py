"""Tickets, their comments, audits and tags over HTTP."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final

from werkzeug.wrappers import Response

from syncd.sandbox.web import ApiRequest
from syncd.sandbox.zendesk_base import ZendeskBase
from syncd.sandbox.zendesk_changes import as_id
from syncd.sandbox.zendesk_lifecycle import (
    change_tags,
    create_ticket,
    delete_ticket,
    find_comment,
    make_private,
    mark_as_spam,
    rate_ticket,
    redact,
    redact_file,
    restore_ticket,
    update_ticket,
)
from syncd.sandbox.zendesk_pages import any_page, refused_page, wants_cursor
from syncd.sandbox.zendesk_records import (
    STATUSES,
    Ticket,
    ZendeskRefusal,
    bad_attribute,
    forbidden,
    iso,
    not_found,
    parse_iso,
)
from syncd.sandbox.zendesk_views import (
    attachment_view,
    audit_view,
    comment_view,
    job_view,
    metric_set,
    sideloads,
    ticket_view,
    user_view,
)

_CURSOR_SORTS: Final = ("updated_at", "id", "status")
_REDACTED: Final = re.compile(r"<redact>(.*?)</redact>", re.DOTALL)
_KEY_KEPT: Final = 2 * 3600
_RANK: Final = {status: rank for rank, status in enumerate(STATUSES)}


class TicketApi(ZendeskBase):
    """`/api/v2/tickets` and what hangs on it."""

    # Reading

    def list_tickets(self, request: ApiRequest) -> Response:
        """By cursor (`sort` one of updated_at, id, status; `sort_by` is ignored then) or by offset."""
        tickets = self.store.tickets
        keys, order, descending = self._ticket_keys(request)
        chosen, around = any_page(keys, request.args, order, self.url(request), descending=descending)
        found = [tickets[key[-1] if isinstance(key, tuple) else key] for key in chosen]
        views = [self._listed(request, ticket) for ticket in found]
        beside = sideloads(self.store, found, request.args.get("include", ""), self.host(request))
        return self.json_response({"tickets": views, **beside, **around})

    def _ticket_keys(self, request: ApiRequest) -> tuple[list[Any], str, bool]:
        args, store = request.args, self.store
        if wants_cursor(args):
            order = args.get("sort", "id")
            descending = order.startswith("-")
            name = order.lstrip("-")
            if name not in _CURSOR_SORTS:
                raise refused_page("InvalidPaginationParameter", f"sort is not valid: {order}")
        else:
            name = args.get("sort_by", "id")
            descending = args.get("sort_order", "asc") == "desc"
            order = name
        wanted = args.get("external_id")
        keys: list[Any]
        if name == "updated_at":
            keys = store.by_updated
        elif name == "status":
            keys = sorted((_RANK[store.tickets[key].status], key) for key in store.by_id)
        else:
            keys = store.by_id
        if wanted is not None:
            keys = [
                key for key in keys if store.tickets[key[-1] if isinstance(key, tuple) else key].external_id == wanted
            ]
        return keys, order, descending

    def count_tickets(self, _request: ApiRequest) -> Response:
        """How many there are."""
        count = {"value": len(self.store.by_id), "refreshed_at": iso(self.store.now())}
        return self.json_response({"count": count})

    def show_ticket(self, request: ApiRequest, ticket_id: int) -> Response:
        """One ticket, as it is now."""
        ticket = self.store.ticket(ticket_id)
        include = request.args.get("include", "")
        view = self._shown(request, ticket)
        if "slas" in include.split(","):
            view["slas"] = {"policy_metrics": []}
        if "metric_events" in include.split(","):
            view["metric_events"] = {"periodic_update_time": []}
        beside = sideloads(self.store, [ticket], include, self.host(request))
        return self.json_response({"ticket": view, **beside})

    def show_many(self, request: ApiRequest) -> Response:
        """Up to 100 by id; unknown and deleted ones are left out without a word."""
        found = [
            self.store.tickets[key]
            for key in self.ids(request)
            if key in self.store.tickets and not self.store.tickets[key].deleted
        ]
        beside = sideloads(self.store, found, request.args.get("include", ""), self.host(request))
        views = [self._shown(request, ticket) for ticket in found]
        return self.json_response(
            {"tickets": views, **beside, "next_page": None, "previous_page": None, "count": len(found)}
        )

    def ids(self, request: ApiRequest) -> list[int]:
        """`ids=1,2,3`, at most 100; 400 otherwise."""
        given = [part.strip() for part in request.args.get("ids", "").split(",") if part.strip()]
        if not given or not all(part.isdigit() for part in given):
            raise bad_attribute("You passed an invalid value for the ids attribute. ids must be integers")
        if len(given) > 100:
            raise ZendeskRefusal(400, {"error": "TooManyValues", "description": "Too many values for ids: 100"})
        return [int(part) for part in dict.fromkeys(given)]

    def _shown(self, request: ApiRequest, ticket: Ticket) -> dict[str, Any]:
        view = dict(ticket_view(self.store, ticket, self.host(request)))
        if self.store.is_on("show_generated_timestamp"):
            view["generated_timestamp"] = ticket.generated
        return view

    def _listed(self, request: ApiRequest, ticket: Ticket) -> dict[str, Any]:
        view = self._shown(request, ticket)
        del view["fields"]
        return view

    def related(self, request: ApiRequest, ticket_id: int) -> Response:
        """What belongs to a ticket."""
        ticket = self.store.ticket(ticket_id)
        keys = [link.issue_id for link in self.store.jira_links.values() if link.ticket_id == str(ticket.id)]
        source = [str(ticket.followup_source_id)] if ticket.followup_source_id else []
        return self.json_response(
            {
                "url": f"{self.host(request)}api/v2/tickets/{ticket.id}/related.json",
                "jira_issue_ids": keys,
                "topic_id": None,
                "followup_source_ids": source,
                "from_archive": False,
                "incidents": 0,
                "twitter": {},
            }
        )

    def ticket_metrics(self, _request: ApiRequest, ticket_id: int) -> Response:
        """The ticket's figures."""
        return self.json_response({"ticket_metric": metric_set(self.store.ticket(ticket_id))})

    # Writing

    def create(self, request: ApiRequest) -> Response:
        """A new ticket; `Idempotency-Key` makes a repetition within 2 hours harmless."""
        changes = self.body(request, "ticket")
        key = request.headers.get("Idempotency-Key")
        identity = request.actor.user.id
        digest = hashlib.sha256(request.get_data(cache=True)).hexdigest()
        if key is not None:
            known = self._known(identity, key, digest)
            if known is not None:
                return known
        ticket, audit = create_ticket(self.store, changes, self.who(request))
        data = self.with_audit(request, ticket, audit, generated_timestamp=0)
        response = self.json_response(data, 201, {"Location": str(data["ticket"]["url"])})
        if key is not None:
            kept = json.loads(response.get_data())
            self.store.idempotency[identity, key] = (self.ctx.clock.now() + _KEY_KEPT, digest, kept)
            response.headers["x-idempotency-lookup"] = "miss"
        return response

    def _known(self, identity: int, key: str, digest: str) -> Response | None:
        if len(key) > 255:
            raise bad_attribute("The Idempotency-Key is too long")
        expires, before, data = self.store.idempotency.get((identity, key), (0.0, "", None))
        if expires <= self.ctx.clock.now():
            return None
        if before != digest:
            description = "Request parameters don't match the given idempotency key"
            raise ZendeskRefusal(400, {"error": "IdempotentRequestError", "description": description})
        headers = {"Location": data["ticket"]["url"], "x-idempotency-lookup": "hit"}
        return self.json_response(data, 201, headers)

    def update_ticket(self, request: ApiRequest, ticket_id: int) -> Response:
        """PUT. The answer carries the audit with `metadata.custom`; there is no `generated_timestamp`."""
        ticket = self.store.ticket(ticket_id)
        audit = update_ticket(self.store, ticket, self.body(request, "ticket"), self.who(request))
        return self.json_response(self.with_audit(request, ticket, audit))

    def delete(self, request: ApiRequest, ticket_id: int) -> Response:
        """Into the bin."""
        delete_ticket(self.store, self.store.ticket(ticket_id), self.who(request))
        return Response(b"", 204)

    def restore(self, request: ApiRequest, ticket_id: int) -> Response:
        """Out of the bin."""
        restore_ticket(self.store, self.store.ticket(ticket_id, deleted=True), self.who(request))
        return Response(b"", 200, content_type="application/json; charset=utf-8")

    def spam(self, request: ApiRequest, ticket_id: int) -> Response:
        """Deletes the ticket and suspends the requester."""
        mark_as_spam(self.store, self.store.ticket(ticket_id), self.who(request))
        return Response(b"", 200, content_type="application/json; charset=utf-8")

    def list_deleted(self, request: ApiRequest) -> Response:
        """What was deleted in the last 30 days."""
        oldest = self.store.now() - 30 * 86_400
        gone = {t.id: t for t in self.store.tickets.values() if t.deleted_at is not None and t.deleted_at >= oldest}
        keys, around = any_page(sorted(gone), request.args, "id", self.url(request))
        rows = []
        for key in keys:
            ticket = gone[key]
            actor = self.store.users.get(ticket.deleted_by or 0)
            rows.append(
                {
                    "id": ticket.id,
                    "subject": ticket.subject,
                    "description": ticket.description,
                    "actor": {"id": ticket.deleted_by, "name": actor.name if actor else "System"},
                    "deleted_at": iso(ticket.deleted_at),
                    "previous_state": ticket.status,
                }
            )
        return self.json_response({"deleted_tickets": rows, **around})

    # Comments and audits

    def list_comments(self, request: ApiRequest, ticket_id: int) -> Response:
        """Oldest first unless asked otherwise."""
        ticket = self.store.ticket(ticket_id)
        comments = {comment.id: comment for comment in ticket.comments}
        descending = self._newest_first(request)
        keys, around = any_page(list(comments), request.args, "created_at", self.url(request), descending=descending)
        host = self.host(request)
        rows = [comment_view(ticket, comments[key], host) for key in keys]
        beside: dict[str, Any] = {}
        if "users" in request.args.get("include", "").split(","):
            authors = dict.fromkeys(comments[key].author_id for key in keys)
            users = self.store.users
            beside["users"] = [user_view(users[author], host) for author in authors if author in users]
        return self.json_response({"comments": rows, **beside, **around})

    def count_comments(self, _request: ApiRequest, ticket_id: int) -> Response:
        """How many comments a ticket has."""
        ticket = self.store.ticket(ticket_id)
        count = {"value": len(ticket.comments), "refreshed_at": iso(self.store.now())}
        return self.json_response({"count": count})

    def list_audits(self, request: ApiRequest, ticket_id: int) -> Response:
        """Oldest first unless asked otherwise."""
        ticket = self.store.ticket(ticket_id)
        audits = {audit.id: audit for audit in ticket.audits}
        descending = self._newest_first(request)
        keys, around = any_page(list(audits), request.args, "created_at", self.url(request), descending=descending)
        host = self.host(request)
        return self.json_response({"audits": [audit_view(ticket, audits[key], host) for key in keys], **around})

    def show_audit(self, request: ApiRequest, ticket_id: int, audit_id: int) -> Response:
        """One audit."""
        ticket = self.store.ticket(ticket_id)
        for audit in ticket.audits:
            if audit.id == audit_id:
                return self.json_response({"audit": audit_view(ticket, audit, self.host(request))})
        raise not_found()

    def _newest_first(self, request: ApiRequest) -> bool:
        if wants_cursor(request.args):
            sort = request.args.get("sort", "created_at")
            if sort not in {"created_at", "-created_at"}:
                raise refused_page("InvalidPaginationParameter", f"sort is not valid: {sort}")
            return sort.startswith("-")
        return request.args.get("sort_order", "asc") == "desc"

    def make_comment_private(self, request: ApiRequest, ticket_id: int, comment_id: int) -> Response:
        """Lowers a comment's visibility."""
        ticket = self.store.ticket(ticket_id)
        make_private(self.store, ticket, find_comment(ticket, comment_id), self.who(request))
        return Response(b"", 200, content_type="application/json; charset=utf-8")

    def redact_comment(self, request: ApiRequest, ticket_id: int, comment_id: int) -> Response:
        """Blacks out a text in a comment; not on closed tickets."""
        ticket = self.store.ticket(ticket_id)
        comment = find_comment(ticket, comment_id)
        redact(self.store, ticket, comment, str(self.body(request).get("text") or ""), self.who(request))
        return self.json_response({"comment": comment_view(ticket, comment, self.host(request))})

    def redact_attachment(self, request: ApiRequest, ticket_id: int, comment_id: int, attachment_id: int) -> Response:
        """Puts an empty file in the place of one; not on closed tickets."""
        ticket = self.store.ticket(ticket_id)
        left = redact_file(self.store, ticket, find_comment(ticket, comment_id), attachment_id, self.who(request))
        return self.json_response({"attachment": attachment_view(left, self.host(request))})

    def redact_anywhere(self, request: ApiRequest, comment_id: int) -> Response:
        """Blacks out what `html_body` has in `<redact>` marks; also on closed tickets."""
        given = self.body(request)
        ticket = self.store.ticket(as_id("ticket_id", given.get("ticket_id")) or 0)
        comment = find_comment(ticket, comment_id)
        for text in _REDACTED.findall(str(given.get("html_body") or "")):
            redact(self.store, ticket, comment, text, self.who(request), also_closed=True)
        return self.json_response({"comment": comment_view(ticket, comment, self.host(request))})

    # Tags

    def tags(self, request: ApiRequest, ticket_id: int) -> Response:
        """GET lists, POST sets, PUT adds, DELETE removes; all but GET know `safe_update`."""
        ticket = self.store.ticket(ticket_id)
        if request.method == "GET":
            return self.json_response({"tags": list(ticket.tags)})
        how: Callable[[set[str], set[str]], set[str]] = {
            "POST": lambda _present, given: given,
            "PUT": lambda present, given: present | given,
            "DELETE": lambda present, given: present - given,
        }[request.method]
        tags = change_tags(self.store, ticket, self.body(request), self.who(request), how)
        return self.json_response({"tags": tags}, 201 if request.method == "POST" else 200)

    # Satisfaction

    def create_rating(self, request: ApiRequest, ticket_id: int) -> Response:
        """The requester's own judgement of a solved ticket."""
        ticket = self.store.ticket(ticket_id)
        user = request.actor.user
        if user.id != ticket.requester_id or user.is_agent:
            raise forbidden()
        given = self.body(request, "satisfaction_rating")
        rating = rate_ticket(self.store, ticket, str(given.get("score")), given.get("comment"), self.who(request))
        return self.json_response({"satisfaction_rating": rating})

    def list_ratings(self, request: ApiRequest) -> Response:
        """Judgements, by `score` and `start_time`."""
        score = request.args.get("score")
        start = as_id("start_time", request.args.get("start_time")) or 0
        rows = {
            row["id"]: row
            for row in self.store.ratings
            if score in {None, row["score"]} and parse_iso(row["created_at"]) >= start
        }
        keys, around = any_page(sorted(rows), request.args, "id", self.url(request))
        return self.json_response({"satisfaction_ratings": [rows[key] for key in keys], **around})

    def show_job(self, request: ApiRequest, job_id: str) -> Response:
        """How a background job is doing."""
        if job_id not in self.store.jobs:
            raise not_found()
        return self.json_response({"job_status": job_view(self.store.jobs[job_id], self.host(request))})

    def show_jobs(self, request: ApiRequest) -> Response:
        """The newest jobs, or those of `ids`."""
        wanted = [part for part in request.args.get("ids", "").split(",") if part]
        jobs = [self.store.jobs[key] for key in (wanted or list(self.store.jobs)[-100:]) if key in self.store.jobs]
        return self.json_response({"job_statuses": [job_view(job, self.host(request)) for job in jobs]})
