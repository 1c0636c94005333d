"""The incremental exports: by cursor (tickets, users) and by time (everything else).

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, Final

from werkzeug.wrappers import Response

from syncd.sandbox.web import ApiRequest
from syncd.sandbox.zendesk_base import ZendeskBase
from syncd.sandbox.zendesk_pages import cursor_page
from syncd.sandbox.zendesk_records import Audit, Ticket, ZendeskRefusal, iso, parse_iso
from syncd.sandbox.zendesk_views import (
    audit_view,
    comment_event,
    organization_view,
    sideloads,
    system_view,
    ticket_view,
    user_view,
)

_CURSOR: Final = re.compile(r"(\d+)(?:\.\d+)?\|\|(\d+)\|")
_VIA: Final = {"web": "Web form", "email": "Mail", "api": "Web service", "rule": "Rule"}


def encode_cursor(stamp: int, record_id: int) -> str:
    """A position in ascending (stamp, id)."""
    return base64.b64encode(f"{stamp}.0||{record_id}|".encode()).decode()


def decode_cursor(cursor: str) -> tuple[int, int]:
    """The position of a cursor; 400 when it is broken."""
    try:
        found = _CURSOR.fullmatch(base64.b64decode(cursor, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        found = None
    if found is None:
        raise ZendeskRefusal(400, {"error": "InvalidCursor", "description": "The cursor is not valid"})
    return int(found[1]), int(found[2])


class ExportApi(ZendeskBase):
    """`/api/v2/incremental/*`."""

    # By cursor

    def export_tickets_cursor(self, request: ApiRequest) -> Response:
        """Tickets in the order of `generated_timestamp`, the latest state only, deleted ones included."""
        keys: Sequence[tuple[int, int]] = self.store.by_generated
        rows, around = self._cursor_export(request, keys)
        tickets = [self.store.tickets[key] for _, key in rows]
        if request.args.get("exclude_deleted", "").lower() == "true":
            tickets = [ticket for ticket in tickets if not ticket.deleted]
        beside = sideloads(self.store, tickets, request.args.get("include", ""), self.host(request))
        return self.json_response({"tickets": self._exported(request, tickets), **beside, **around})

    def export_users_cursor(self, request: ApiRequest) -> Response:
        """Users in the order of their last change."""
        keys = sorted((user.updated, user.id) for user in self.store.users.values())
        rows, around = self._cursor_export(request, keys)
        views = [user_view(self.store.users[key], self.host(request)) for _, key in rows]
        return self.json_response({"users": views, **around})

    def _exported(self, request: ApiRequest, tickets: list[Ticket]) -> list[dict[str, Any]]:
        host = self.host(request)
        return [
            {**ticket_view(self.store, ticket, host), "generated_timestamp": ticket.generated} for ticket in tickets
        ]

    def _cursor_export(
        self, request: ApiRequest, keys: Sequence[tuple[int, int]]
    ) -> tuple[list[tuple[int, int]], dict[str, Any]]:
        args = request.args
        size = self._size(request)
        newest = self.store.now() - int(self.store.number("export_hold_seconds"))
        high = bisect_right(keys, (newest, 1 << 62))
        asked = args.get("cursor")
        position: tuple[int, int] | None = None
        if asked:
            position = decode_cursor(asked)
            low = bisect_right(keys, position)
        else:
            low = bisect_left(keys, (self._start(request), 0))
        rows = list(keys[low : min(high, low + size)]) if low < high else []
        end = (high - low) < size
        fault = request.fault.kind if request.fault else None
        if fault == "empty_page":
            rows, end = [], False
        elif fault == "duplicate_page":
            rows = list(keys[max(0, low - size) : low]) or rows
            end = False
        if rows and fault != "duplicate_page":
            position = rows[-1]
        if fault == "repeated_cursor":
            position = decode_cursor(asked) if asked else position
        cursor = encode_cursor(*position) if position else None
        if cursor is None and not self.store.is_on("export_null_cursor"):
            cursor = encode_cursor(self._start(request), 0)
        if fault == "null_cursor":
            cursor = None
        url = f"{self.url(request)}?cursor={cursor.replace('=', '%3D')}" if cursor else None
        return rows, {
            "after_url": url,
            "before_url": None,
            "after_cursor": cursor,
            "before_cursor": None,
            "end_of_stream": end,
        }

    # By time

    def export_tickets_time(self, request: ApiRequest) -> Response:
        """Tickets by time; the cursor export is the better one."""
        rows, around = self._time_export(request, [(stamp, key, key) for stamp, key in self.store.by_generated])
        tickets = [self.store.tickets[key] for key in rows]
        beside = sideloads(self.store, tickets, request.args.get("include", ""), self.host(request))
        return self.json_response({"tickets": self._exported(request, tickets), **beside, **around})

    def export_organizations(self, request: ApiRequest) -> Response:
        """Organizations by their last change."""
        found = sorted(
            ((org.updated, org.id, org) for org in self.store.organizations.values()), key=lambda row: row[:2]
        )
        rows, around = self._time_export(request, found)
        host = self.host(request)
        return self.json_response({"organizations": [organization_view(org, host) for org in rows], **around})

    def export_users_time(self, request: ApiRequest) -> Response:
        """Users by their last change."""
        found = sorted(((user.updated, user.id, user) for user in self.store.users.values()), key=lambda row: row[:2])
        rows, around = self._time_export(request, found)
        return self.json_response({"users": [user_view(user, self.host(request)) for user in rows], **around})

    def export_ticket_events(self, request: ApiRequest) -> Response:
        """Every audit as a ticket event; `include=comment_events` puts whole comments among the children."""
        whole = "comment_events" in request.args.get("include", "").split(",")
        rows, around = self._time_export(request, self.store.audit_log)
        host = self.host(request)
        events = [self._ticket_event(audit, host, whole=whole) for audit in rows]
        return self.json_response({"ticket_events": events, **around})

    def export_metric_events(self, request: ApiRequest) -> Response:
        """Metric events by time; with `page[size]` by cursor."""
        events = self.store.metric_events
        if "page[size]" in request.args or "page[after]" in request.args:
            start = self._start(request)
            by_id = {event["id"]: event for event in events if parse_iso(event["time"]) >= start}
            keys, pages = cursor_page(sorted(by_id), request.args, "id", self.url(request))
            return self.json_response({"ticket_metric_events": [by_id[key] for key in keys], **pages})
        found = [(parse_iso(event["time"]), event["id"], event) for event in events]
        rows, around = self._time_export(request, sorted(found, key=lambda row: row[:2]))
        return self.json_response({"ticket_metric_events": rows, **around})

    def _time_export(
        self, request: ApiRequest, found: Sequence[tuple[int, int, Any]]
    ) -> tuple[list[Any], dict[str, Any]]:
        """`start_time` is inclusive: what has the stamp of a page's end comes again on the next page."""
        start = self._start(request)
        size = self._size(request)
        newest = self.store.now() - int(self.store.number("export_hold_seconds"))
        low = bisect_left(found, (start, 0), key=lambda row: row[:2])
        high = bisect_right(found, (newest, 1 << 62), key=lambda row: row[:2])
        stop = min(high, low + size)
        if stop < high and self.store.text("export_same_stamp") == "extend":
            # All of the second that the page begins with. The next page begins with it, too: a client is stuck here.
            while stop < high and found[stop][0] == found[low][0]:
                stop += 1
        page = found[low:stop] if low < high else []
        end = page[-1][0] if page else start
        fault = request.fault.kind if request.fault else None
        done = (high - low) < size or stop >= high
        if fault == "empty_page":
            page, end, done = [], start, False
        return [row[2] for row in page], {
            "count": len(page),
            "end_of_stream": done,
            "end_time": end,
            "next_page": f"{self.url(request)}?start_time={end}",
        }

    # Shared

    def _size(self, request: ApiRequest) -> int:
        limit = int(self.store.number("export_page_limit"))
        given = request.args.get("per_page", "")
        return min(max(int(given), 1), limit) if given.isdigit() else limit

    def _start(self, request: ApiRequest) -> int:
        given = request.args.get("start_time", "")
        if not re.fullmatch(r"\d+(\.\d+)?", given):
            description = "start_time is required and must be a number of Unix seconds"
            raise ZendeskRefusal(400, {"error": "InvalidValue", "description": description})
        start = int(float(given))
        too_recent = start > self.store.now() - 60
        if too_recent and self.store.text("start_time_too_recent") == "400":
            description = "Too recent start_time. Use a start_time older than 60 seconds"
            raise ZendeskRefusal(400, {"error": "StartTimeTooRecent", "description": description})
        return start

    def _ticket_event(self, audit: Audit, host: str, *, whole: bool) -> dict[str, Any]:
        ticket = self.store.tickets[audit.ticket_id]
        via = _via(audit.via)
        children = [
            child
            for event in audit.events
            if (child := self._child(ticket, audit, event, via, host, whole=whole)) is not None
        ]
        shape = self.store.text("ticket_events_metadata")
        metadata = {"metadata": {"custom": dict(audit.custom)}} if shape == "custom" else {}
        if shape == "flat":
            metadata = {"metadata": dict(audit.custom)}
        return {
            "id": audit.id,
            "ticket_id": audit.ticket_id,
            "timestamp": audit.created,
            "created_at": iso(audit.created),
            "updater_id": audit.author_id,
            "via": via,
            "system": system_view(audit),
            **metadata,
            "event_type": "Audit",
            "child_events": children,
        }

    def _child(
        self,
        ticket: Ticket,
        audit: Audit,
        event: dict[str, Any],
        via: str,
        host: str,
        *,
        whole: bool,
    ) -> dict[str, Any] | None:
        kind = event["type"]
        own = event.get("via")
        common = {
            "id": event["id"],
            "via": _via(own) if own else via,
            "via_reference_id": own["source"]["from"]["id"] if own else None,
            "event_type": kind,
        }
        if kind == "Comment":
            comment = next(item for item in ticket.comments if item.id == event["id"])
            if not whole:
                return {**common, "comment_present": True, "comment_public": comment.public}
            shown = comment_event(comment, host)
            return {**common, **shown, "via": comment.via, "created_at": iso(audit.created)}
        if kind in {"Create", "Change"}:
            name, value = event["field_name"], event["value"]
            child = {**common, **({"previous_value": event["previous_value"]} if kind == "Change" else {})}
            if name.isdigit():
                return {**child, "custom_ticket_fields": {name: value}}
            if name == "tags":
                before = set(event.get("previous_value") or [])
                child["added_tags"] = sorted(set(value or []) - before)
                child["removed_tags"] = sorted(before - set(value or []))
            return {**child, name: value}
        return {**common, **{key: item for key, item in event.items() if key not in {"type", "via"}}}

    def list_all_audits(self, request: ApiRequest) -> Response:
        """All audits of the account, newest last; not made for following changes."""
        log = {audit.id: audit for _, _, audit in self.store.audit_log}
        keys, pages = cursor_page(sorted(log), request.args, "created_at", self.url(request))
        host = self.host(request)
        tickets = self.store.tickets
        rows = [audit_view(tickets[log[key].ticket_id], log[key], host) for key in keys]
        return self.json_response({"audits": rows, **pages})


def _via(via: dict[str, Any]) -> str:
    rel = via["source"].get("rel")
    if rel == "follow_up":
        return "Closed Ticket"
    if rel == "merge":
        return "Ticket merge"
    channel = str(via["channel"])
    return _VIA.get(channel, channel)
