"""A ticket with its requester and organization, for the report of a bug.

https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.core.creating import Organization, Person, TicketCase
from syncd.sources.errors import AuthError, InvalidResponseError, NotFoundError, RefusedError
from syncd.sources.zendesk_calls import Calls, list_in
from syncd.sources.zendesk_parse import MalformedError, TicketReader, rows_of

MOST_PAGES = 20


class Cases:
    """A CaseReader. `reader` may be another account than the one that writes."""

    def __init__(self, writer: Calls, reader: Calls, tickets: TicketReader) -> None:
        self._writer = writer
        self._reader = reader
        self._tickets = tickets

    def read(self, ticket_id: int) -> TicketCase:
        """See CaseReader.read. Two calls more where the server leaves out what was to come along."""
        body = self._writer.get(f"tickets/{ticket_id}", {"include": "users,organizations"})
        row = body.get("ticket")
        if not isinstance(row, Mapping):
            raise InvalidResponseError(f"Zendesk: the answer for ticket #{ticket_id} holds no ticket")
        try:
            ticket = self._tickets.read(row)
        except MalformedError as error:
            raise InvalidResponseError(f"Zendesk: ticket #{ticket_id} cannot be read: {error}") from None
        description = row.get("description")
        return TicketCase(
            ticket=ticket,
            description=description if isinstance(description, str) else "",
            requester=_person(self._one(body, "users", ticket.requester_id)),
            organization=_organization(self._one(body, "organizations", ticket.organization_id)),
        )

    def names(self, kind: str) -> Mapping[int, str]:
        """The active groups, brands or ticket_forms by id. One call for each 100 of them, at most 20."""
        return self._listed(kind, {})

    def organization(self, name: str) -> int | None:
        """The organization of exactly this name, whatever its case; one call however many there are. An account that
        may not search gets what begins with the name, in a call for each 100 of those.

        https://developer.zendesk.com/api-reference/ticketing/organizations/organizations/#search-organizations"""
        try:
            return _called(self._reader.get("organizations/search", {"name": name}), name)
        except (NotFoundError, RefusedError):
            return self._among_likes(name)
        except AuthError as error:
            if error.status != 403:
                raise
            return self._among_likes(name)

    def _among_likes(self, name: str) -> int | None:
        for page in range(1, MOST_PAGES + 1):
            wanted = {"name": name, "page": str(page), "per_page": "100"}
            body = self._reader.get("organizations/autocomplete", wanted)
            number = _called(body, name)
            if number is not None or not body.get("next_page"):
                return number
        return None

    def staff(self) -> Mapping[int, str]:
        """All agents and admins by id, at most 2,000 of each.

        https://developer.zendesk.com/api-reference/ticketing/users/users/#list-users"""
        return {**self._listed("users", {"role": "agent"}), **self._listed("users", {"role": "admin"})}

    def _listed(self, kind: str, wanted: Mapping[str, str]) -> dict[int, str]:
        found: dict[int, str] = {}
        for page in range(1, MOST_PAGES + 1):
            body = self._reader.get(kind, {**wanted, "page": str(page), "per_page": "100"})
            for row in list_in(body, kind):
                number = row.get("id") if isinstance(row, Mapping) else None
                if isinstance(row, Mapping) and isinstance(number, int) and row.get("deleted") is not True:
                    found[number] = str(row.get("name") or row.get("display_name") or "")
            if not body.get("next_page"):
                break
        return found

    def _one(self, body: Mapping[str, Any], kind: str, number: int | None) -> Mapping[str, Any] | None:
        """The user or organization, from beside the ticket or by a call of its own; None when it cannot be read."""
        if number is None:
            return None
        found = _pick(rows_of(body.get(kind)), number)
        if found is not None:
            return found
        try:
            return _pick(rows_of(self._reader.get(f"{kind}/show_many", {"ids": str(number)}).get(kind)), number)
        except (NotFoundError, RefusedError):
            return None
        except AuthError as error:
            if error.status != 403:  # an account that may not read people
                raise
            return None


def _called(body: Mapping[str, Any], name: str) -> int | None:
    """The id of the organization of that name in an answer, whatever its case."""
    wanted = name.strip().casefold()
    for row in list_in(body, "organizations"):
        number = row.get("id") if isinstance(row, Mapping) else None
        if isinstance(number, int) and str(row.get("name") or "").strip().casefold() == wanted:
            return number
    return None


def _pick(rows: Sequence[Any], number: int) -> Mapping[str, Any] | None:
    return next((row for row in rows if isinstance(row, Mapping) and row.get("id") == number), None)


def _person(row: Mapping[str, Any] | None) -> Person | None:
    if row is None:
        return None
    return Person(
        id=int(row["id"]),
        name=str(row.get("name") or ""),
        email=str(row.get("email") or ""),
        role=str(row.get("role") or ""),
        verified=row.get("verified") is True and row.get("suspended") is not True,
    )


def _organization(row: Mapping[str, Any] | None) -> Organization | None:
    if row is None:
        return None
    fields = row.get("organization_fields")
    tags = row.get("tags")
    return Organization(
        id=int(row["id"]),
        name=str(row.get("name") or ""),
        fields=dict(fields) if isinstance(fields, Mapping) else {},
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )
