"""The small part of Zendesk's search language that the sandbox understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any, Final

from syncd.sandbox.zendesk_records import STATUSES, Ticket, ZendeskRefusal, parse_iso
from syncd.sandbox.zendesk_store import ZendeskStore

_TERM: Final = re.compile(r"(?P<not>-?)(?P<key>[a-z_]+(?:_\d+)?)(?P<op>[:<>]=?|>=|<=)(?P<value>.+)")


class Query:
    """A search; terms must all hold. Knows type, status, priority, tags, updated, created, assignee,
    organization, external_id, custom_field_ID and plain words; 422 for what it cannot read."""

    def __init__(self, store: ZendeskStore, text: str) -> None:
        self._store = store
        try:
            self._terms = shlex.split(text)
        except ValueError:
            raise _unreadable(text) from None

    def finds(self, ticket: Ticket) -> bool:
        """Whether the ticket meets all terms."""
        return all(self._holds(ticket, term) for term in self._terms)

    def _holds(self, ticket: Ticket, term: str) -> bool:
        found = _TERM.fullmatch(term)
        if found is None:
            return term.lower() in f"{ticket.subject} {ticket.description}".lower()
        holds = self._compare(ticket, found["key"], found["op"], found["value"])
        return holds != bool(found["not"])

    def _compare(self, ticket: Ticket, key: str, op: str, value: str) -> bool:
        if key == "type":
            return value in {"ticket", ticket.type}
        if key in {"updated", "updated_at", "created", "created_at"}:
            stamp = ticket.updated if key.startswith("updated") else ticket.created
            try:
                return _ordered(stamp, op, parse_iso(value))
            except ValueError:
                raise _unreadable(value) from None
        if key == "status" and value in STATUSES:
            return _ordered(STATUSES.index(ticket.status), op, STATUSES.index(value))
        if key in {"tags", "tag"}:
            return value in ticket.tags
        if key.startswith("custom_field_"):
            return str(ticket.fields.get(int(key.rpartition("_")[2]))) == value
        plain: dict[str, Callable[[], Any]] = {
            "priority": lambda: ticket.priority,
            "external_id": lambda: ticket.external_id,
            "assignee": lambda: self._email(ticket.assignee_id),
            "requester": lambda: self._email(ticket.requester_id),
            "organization": lambda: ticket.organization_id,
            "group": lambda: ticket.group_id,
        }
        if key not in plain:
            raise _unreadable(key)
        actual = plain[key]()
        return actual is None if value == "none" else str(actual) == value

    def _email(self, user_id: int | None) -> str | None:
        user = self._store.users.get(user_id or 0)
        return user.email if user else None


def _ordered(actual: int, op: str, wanted: int) -> bool:
    comparisons = {
        ":": actual == wanted,
        ">": actual > wanted,
        "<": actual < wanted,
        ">=": actual >= wanted,
        "<=": actual <= wanted,
    }
    if op not in comparisons:
        raise _unreadable(op)
    return comparisons[op]


def _unreadable(text: str) -> ZendeskRefusal:
    description = f"Invalid search: {text}"
    return ZendeskRefusal(422, {"error": "invalid", "description": description})
