"""zenpy, cut down to what it does well: it builds addresses and bodies, and the session does the rest.

Nothing of zenpy is used outside of this file and the write objects in zendesk_write.py. Its own repeats, sleeps, cache
and object layer stay out of the way (see syncd.sources.http): reads are raw, writes go out once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from zenpy.lib.api import TicketApi
from zenpy.lib.api_objects import Ticket
from zenpy.lib.cache import ZenpyCacheManager
from zenpy.lib.endpoint import Url
from zenpy.lib.request import CRUDRequest

from syncd.sources.classify import CallKind
from syncd.sources.errors import InvalidResponseError
from syncd.sources.http import Session, parse_json

LIST = CallKind("list", write=False, buckets=("account", "tickets-index"))
EXPORT = CallKind("export", write=False, buckets=("account", "incremental-exports"))
READ = CallKind("read", write=False)
UPDATE = CallKind("update", write=True, buckets=("account", "tickets-update"))
PER_EXPORT = 1000
"""Rows on a page of an incremental export; one by time may hold more when they are all of the same second."""
KINDS = {kind.name: kind for kind in (LIST, EXPORT, READ, UPDATE)}

_TICKET = re.compile(r"/api/v2/tickets/(\d+)(?=[/.]|$)")


def kind_of(method: str, path: str) -> CallKind:
    """What a request to Zendesk is."""
    ticket = _TICKET.match(path)
    subject = f"ticket:{ticket[1]}" if ticket else ""
    if method not in ("GET", "HEAD"):
        return CallKind(UPDATE.name, write=True, buckets=UPDATE.buckets, subject=subject)
    if path.startswith("/api/v2/incremental/"):
        return EXPORT
    if path.removesuffix(".json") == "/api/v2/tickets":
        return LIST
    return CallKind(READ.name, write=False, buckets=READ.buckets, subject=subject)


class _Tickets(TicketApi):  # type: ignore[misc] # zenpy has no types
    """zenpy's ticket API on any host: by itself it insists on `{subdomain}.{domain}` over https."""

    def __init__(self, session: Session) -> None:
        address = urlsplit(session.base_url)
        self._host = address.netloc
        super().__init__(
            {
                "domain": address.netloc,
                "subdomain": address.netloc,
                "session": session,
                "timeout": None,  # the session has its own
                "ratelimit": None,
                "ratelimit_budget": None,
                "ratelimit_request_interval": 10,
                "cache": ZenpyCacheManager(True),  # disabled
            }
        )
        self.protocol = address.scheme

    @property
    def base_url(self) -> str:
        return self._host

    def address(self, path: str) -> str:
        """The URL of a path below /api/v2, with the suffix that zenpy sends everywhere (Zendesk takes both)."""
        return str(self._build_url(Url(f"{path}.json")))


class Calls:
    """Requests to one Zendesk account by one user. JSON objects in and out."""

    def __init__(self, session: Session) -> None:
        if urlsplit(session.base_url).path:
            raise ValueError("the base URL of Zendesk has no path: https://acme.zendesk.com")
        # Its debug lines hold whole bodies, and are put together even when nobody reads them.
        logging.getLogger("zenpy").setLevel(logging.WARNING)
        self.session = session
        self._api = _Tickets(session)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object at a path below /api/v2."""
        response = self._api._get(self._api.address(path), raw_response=True, params=params)  # noqa: SLF001 - the object layer of zenpy costs seconds a page and loses data
        return _object(response, f"Zendesk: GET {path}")

    def update_ticket(self, ticket: Ticket) -> dict[str, Any]:
        """PUT of a ticket's changed values; the answer holds `ticket` and, as a rule, `audit`."""
        number = ticket.id
        body = CRUDRequest(self._api).build_payload(ticket)
        body["ticket"].pop("id", None)  # it is in the address, and Zendesk warns of it
        url = self._api._build_url(self._api.endpoint(id=number))  # noqa: SLF001 - zenpy's own update hides the audit's events
        response = self._api._call_api(self.session.put, url, json=body)  # noqa: SLF001 - as above
        return _object(response, f"Zendesk: PUT ticket #{number}")

    def delete(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """DELETE with a body."""
        response = self._api._call_api(self.session.delete, self._api.address(path), json=dict(body))  # noqa: SLF001 - zenpy's delete parses the answer into objects
        return _object(response, f"Zendesk: DELETE {path}")

    def send(
        self, method: str, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """POST or PUT of a JSON object, once."""
        http = self.session.post if method == "POST" else self.session.put
        response = self._api._call_api(http, self._api.address(path), json=dict(body), headers=dict(headers or {}))  # noqa: SLF001 - zenpy's own calls parse the answer into objects
        return _object(response, f"Zendesk: {method} {path}")

    def put_nothing(self, path: str) -> None:
        """PUT without a body, whose answer may be empty."""
        response = self._api._call_api(self.session.put, self._api.address(path))  # noqa: SLF001 - zenpy has no such call
        if response.content.strip():
            parse_json(response, f"Zendesk: PUT {path}")


def list_in(body: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key of an answer; raises InvalidResponseError when it is no list."""
    rows = body.get(key)
    if not isinstance(rows, list):
        raise InvalidResponseError(f"Zendesk: the answer holds no list of {key}")
    return rows


def _object(response: requests.Response, what: str) -> dict[str, Any]:
    body = parse_json(response, what)
    if not isinstance(body, dict):
        raise InvalidResponseError(f"{what}: the answer is no JSON object", status=response.status_code)
    return body
