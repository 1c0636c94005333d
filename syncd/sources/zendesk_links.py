"""The links that agents made with the official Jira app, from each of its tables.

Current: https://developer.zendesk.com/api-reference/ticketing/jira/links/ ; the deprecated list beside it is what older
accounts still answer at; "V2" integrations have a list of their own. All want an admin, and answer 403 until
"Manage links" is on for the app.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from syncd.core.adopting import AppLink
from syncd.sources.errors import InvalidResponseError
from syncd.sources.http import parse_json
from syncd.sources.jira_wire import segment
from syncd.sources.zendesk_calls import Calls, list_in

CURRENT: Final = "/api/v2/jira/links"
DEPRECATED: Final = "/api/services/jira/links"
PAGE: Final = 1000
PAGES: Final = 2000


class AppLinks:
    """Reads with the account that may read everything."""

    def __init__(self, reader: Calls) -> None:
        self._reader = reader

    def current(self, after: int = 0) -> Iterator[AppLink]:
        """The rows with higher ids than `after`, oldest first; one call for each 1,000. Raises SourceError."""
        yield from self._by_cursor(CURRENT, after)

    def integration(self, external_id: str) -> Iterator[AppLink]:
        """The rows of a "V2" integration."""
        yield from self._by_cursor(f"/api/v2/integrations/jira/{segment(external_id)}/links", 0)

    def deprecated(self, after: int = 0) -> Iterator[AppLink]:
        """As current(), from the older list, whose `since_id` is exclusive."""
        for _ in range(PAGES):
            rows = list_in(self._get(DEPRECATED, {"since_id": str(after), "limit": str(PAGE)}), "links")
            links = [link for row in rows if (link := _link(row)) is not None]
            yield from links
            highest = max((link.id for link in links), default=after)
            if len(rows) < PAGE or highest <= after:
                return
            after = highest
        raise InvalidResponseError("Zendesk: the list of Jira links does not end")

    def _by_cursor(self, path: str, after: int) -> Iterator[AppLink]:
        cursor = str(after) if after else ""
        for _ in range(PAGES):
            params = {"page[size]": str(PAGE), **({"page[after]": cursor} if cursor else {})}
            body = self._get(path, params)
            for row in list_in(body, "links"):
                link = _link(row)
                if link is not None and link.id > after:
                    yield link
            meta = body.get("meta")
            following = _cursor(meta.get("after_cursor")) if isinstance(meta, Mapping) else ""
            if not isinstance(meta, Mapping) or meta.get("has_more") is not True or not following:
                return
            if following == cursor:
                raise InvalidResponseError("Zendesk: the list of Jira links repeats its page")
            cursor = following
        raise InvalidResponseError("Zendesk: the list of Jira links does not end")

    def _get(self, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        response = self._reader.session.get(f"{self._reader.session.base_url}{path}", params=params)
        body = parse_json(response, f"Zendesk: GET {path}")
        if not isinstance(body, Mapping):
            raise InvalidResponseError(f"Zendesk: GET {path}: the answer is no JSON object")
        return body


def _cursor(value: object) -> str:
    """The cursor itself, or the one in an address: the documentation's own example shows an address."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    text = str(value)
    found = parse_qs(urlsplit(text).query).get("page[after]") if "://" in text else None
    return found[0] if found else ("" if "://" in text else text)


def _link(row: object) -> AppLink | None:
    """A row; ids are texts in it. None when it names no ticket or no issue."""
    if not isinstance(row, Mapping):
        return None
    number, ticket, issue = (str(row.get(key) or "") for key in ("id", "ticket_id", "issue_id"))
    if not (number.isdecimal() and ticket.isdecimal() and issue):
        return None
    return AppLink(int(number), int(ticket), issue, str(row.get("issue_key") or ""), str(row.get("created_at") or ""))
