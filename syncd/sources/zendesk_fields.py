"""What mapped fields need of Zendesk beside tickets: agents, groups, organizations, tags, and follow-up tickets.

https://developer.zendesk.com/api-reference/ticketing/tickets/tags/
https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#create-ticket
https://developer.zendesk.com/api-reference/ticketing/users/users/#search-users
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncd.core.model import Json, TicketSnapshot
from syncd.core.ports import Agent
from syncd.sources.errors import InvalidResponseError, UnknownError
from syncd.sources.zendesk_calls import Calls, list_in
from syncd.sources.zendesk_parse import MalformedError, TicketReader, inner, rows_of, stamp_of

PER_CALL = 100
MOST_PAGES = 20


def agents_of(rows: Sequence[object]) -> tuple[Agent, ...]:
    """The users among these rows, whatever they are; one that cannot be read is left out."""
    found = []
    for row in rows:
        number = inner(row, "id") if isinstance(row, Mapping) else None
        if isinstance(row, Mapping) and isinstance(number, int) and not isinstance(number, bool):
            found.append(
                Agent(
                    id=number,
                    name=str(row.get("name") or ""),
                    email=str(row.get("email") or "").casefold(),
                    works=row.get("role") in ("agent", "admin")
                    and row.get("active") is not False
                    and row.get("suspended") is not True,
                )
            )
    return tuple(found)


def agents_by_email(calls: Calls, email: str) -> tuple[Agent, ...]:
    """The users with exactly this address."""
    rows = list_in(calls.get("users/search", {"query": f'email:"{email}"'}), "users")
    return tuple(agent for agent in agents_of(rows) if agent.email == email.casefold())


def groups_of(calls: Calls) -> dict[int, str]:
    """Every group's id and name."""
    found: dict[int, str] = {}
    for page in range(1, MOST_PAGES + 1):
        body = calls.get("groups", {"page": page, "per_page": PER_CALL})
        for row in list_in(body, "groups"):
            number = inner(row, "id") if isinstance(row, Mapping) else None
            if isinstance(number, int) and row.get("deleted") is not True:
                found[number] = str(row.get("name") or "")
        if not body.get("next_page"):
            return found
    raise InvalidResponseError("Zendesk: the list of groups does not end")


def organizations_of(calls: Calls, ids: Sequence[int]) -> dict[int, dict[str, Json]]:
    """Organization → its fields by key, its name under ""; one that does not answer has none."""
    found: dict[int, dict[str, Json]] = {number: {} for number in ids}
    for start in range(0, len(ids), PER_CALL):
        part = ids[start : start + PER_CALL]
        body = calls.get("organizations/show_many", {"ids": ",".join(map(str, part))})
        for row in list_in(body, "organizations"):
            number = inner(row, "id") if isinstance(row, Mapping) else None
            if isinstance(number, int):
                fields = row.get("organization_fields")
                known = {str(key): value for key, value in fields.items()} if isinstance(fields, Mapping) else {}
                found[number] = {**known, "": str(row.get("name") or "")}
    return found


def organization_keys(calls: Calls) -> tuple[str, ...]:
    """The keys of the organization fields that the account defines."""
    rows = rows_of(calls.get("organization_fields").get("organization_fields"))
    return tuple(str(row["key"]) for row in rows if isinstance(row, Mapping) and row.get("key"))


def change_tags(calls: Calls, ticket_id: int, tags: Sequence[str], stamp: datetime, *, add: bool) -> None:
    """Adds tags to a ticket, or takes them off, under safe_update; the others stay as they are.

    Raises PreconditionError when the ticket changed after `stamp`."""
    body = {"tags": list(tags), "updated_stamp": stamp_of(stamp), "safe_update": "true"}
    path = f"tickets/{ticket_id}/tags"
    answer = calls.send("PUT", path, body) if add else calls.delete(path, body)
    present = answer.get("tags")
    if not isinstance(present, list):
        raise InvalidResponseError(f"Zendesk: the answer to a change of tags of #{ticket_id} holds no tags")
    if any((tag in present) != add for tag in tags):
        raise UnknownError(f"Zendesk: the answer to a change of tags of #{ticket_id} does not show it")


def follow_up(
    calls: Calls, reader: TicketReader, closed: TicketSnapshot, subject: str, note: str, marker: str
) -> tuple[TicketSnapshot, bool]:
    """A private follow-up of a closed ticket, and whether its first comment is stored as internal.

    The marker is the Idempotency-Key, so that Zendesk answers a repetition within two hours with the ticket that it
    made, and the ticket's external id, by which it is found for ever."""
    ticket: dict[str, Any] = {
        "via_followup_source_id": closed.id,
        "subject": subject,
        "comment": {"body": note, "public": False},
        "external_id": marker,
    }
    if closed.requester_id is not None:
        ticket["requester_id"] = closed.requester_id
    if closed.group_id is not None:
        ticket["group_id"] = closed.group_id
    body = calls.send("POST", "tickets", {"ticket": ticket}, headers={"Idempotency-Key": marker})
    try:
        made = reader.read(body.get("ticket"))
    except MalformedError as error:
        raise InvalidResponseError(f"Zendesk: the answer to a new ticket: {error}") from None
    return made, inner(body, "ticket", "is_public") is not True


def by_external_id(calls: Calls, reader: TicketReader, external_id: str) -> TicketSnapshot | None:
    """The ticket with this external id."""
    rows = list_in(calls.get("tickets", {"external_id": external_id}), "tickets")
    mine = [row for row in rows if isinstance(row, Mapping) and row.get("external_id") == external_id]
    tickets, _ = reader.read_all(mine)
    return tickets[0] if tickets else None
