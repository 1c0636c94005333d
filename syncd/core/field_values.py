"""Reading a mapped field from either side, and what its value is called on the other. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from syncd.core.creating import LABEL
from syncd.core.field_model import Facts, FieldSpec, NoValue, TicketSide, Unread
from syncd.core.model import IssueSnapshot, Json, TicketSnapshot

_TRUE = frozenset({"true", "yes", "1"})


def fold(value: Json) -> str:
    """A value for comparing: trackers keep names in one spelling and find them in any."""
    return str(value).strip().casefold()


def same(first: Json, second: Json) -> bool:
    """Equal for a person: spelling of case, order of a list and ways of being empty do not count."""
    if _empty(first) or _empty(second):
        return _empty(first) and _empty(second)
    if isinstance(first, list) and isinstance(second, list):
        return sorted(map(fold, first)) == sorted(map(fold, second))
    return fold(first) == fold(second)


def _empty(value: Json) -> bool:
    return value is None or value in ("", [])


# ---- reading ---------------------------------------------------------------------------------------------------


def ticket_value(spec: FieldSpec, ticket: TicketSnapshot, facts: Facts) -> Json:
    """The field's value on a ticket; raises Unread."""
    side = spec.ticket
    match side.kind:
        case "priority":
            return ticket.priority
        case "type":
            return ticket.type
        case "subject":
            return ticket.subject or None
        case "tags":
            return _projected(spec, list(ticket.tags), of_ticket=True)
        case "assignee":
            return _looked_up(facts.emails, ticket.assignee_id)
        case "group":
            return _looked_up(facts.groups, ticket.group_id)
        case "organization":
            if ticket.organization_id is None:
                return None
            if ticket.organization_id not in facts.organizations:
                raise Unread(f"organization {ticket.organization_id} was not read")
            return canonical("text", facts.organizations[ticket.organization_id].get(side.id))
        case _:
            value = canonical(side.kind, ticket.fields.get(side.id))
            return _projected(spec, value, of_ticket=True) if isinstance(value, list) else value


def _looked_up(known: object, key: int | None) -> Json:
    if key is None:
        return None
    if not isinstance(known, dict) or key not in known:
        raise Unread(f"{key} was not looked up")
    return known[key] or None


def bug_value(spec: FieldSpec, issue: IssueSnapshot) -> Json:
    """The field's value on an issue; raises Unread where the reading did not have the field: absent is not empty."""
    match spec.bug.id:
        case "priority":
            return issue.priority
        case "labels":
            return _projected(spec, list(issue.labels), of_ticket=False)
        case "assignee":
            return issue.assignee_id
        case "fixVersions":
            return _projected(spec, [version.name for version in issue.fix_versions], of_ticket=False)
        case "components":
            return _projected(spec, list(issue.components), of_ticket=False)
        case "duedate":
            return issue.due_date
        case "summary":
            return issue.summary or None
        case name:
            if name not in issue.fields:
                raise Unread(f"Jira does not show {spec.bug.title or name} of {issue.key}")
            value = canonical(spec.bug.kind, issue.fields[name])
            return _projected(spec, value, of_ticket=False) if isinstance(value, list) else value


def _projected(spec: FieldSpec, values: list[Json], *, of_ticket: bool) -> Json:
    """The values of a list that are kept in step; against a single value on the other side, the one that stands for
    all of them: the first in the order of the map (a text shows them all). A choice is decided by all of them."""
    mine = [value for value in values if is_ours(spec, value, of_ticket=of_ticket)]
    if spec.is_list or spec.is_choice:
        return sorted(mine, key=str)
    other = spec.ticket.kind if not of_ticket else spec.bug.kind
    if other == "text" and not of_ticket:
        return ", ".join(map(str, mine)) or None
    ordered = in_map_order(mine, spec.to_bug if of_ticket else spec.to_ticket)
    return ordered[0] if ordered else None


def in_map_order(values: Json, written: Mapping[str, str]) -> list[Json]:
    """The members of a list in the order in which a map names them, then by name; Jira's own order means nothing."""
    places = {name: place for place, name in enumerate(written)}
    listed = values if isinstance(values, list) else []
    return sorted(listed, key=lambda value: (places.get(fold(value), len(places)), fold(value)))


def is_ours(spec: FieldSpec, value: Json, *, of_ticket: bool) -> bool:
    """Whether a tag, label or other member of a list is one that this field keeps in step. Never one of syncd's own:
    the label that marks a bug, and tags by which agents tell syncd what to do."""
    folded = fold(value)
    if folded.startswith(LABEL) or folded in spec.never or (spec.never_so and folded.startswith(spec.never_so)):
        return False
    if folded in (spec.to_bug if of_ticket else spec.to_ticket):
        return True
    if spec.only:
        return folded.startswith(spec.only)
    return not (spec.to_bug or spec.ticket.kind == "tags" or spec.bug.kind == "labels")


def canonical(kind: str, value: Json) -> Json:
    """A value as a server has it, in the one form of its kind; raises Unread for what cannot be one."""
    if value is None or value in ("", []):
        return None if kind not in ("checkbox", "multi") else ("false" if kind == "checkbox" else [])
    if kind == "checkbox":
        return "true" if value is True or fold(value) in _TRUE else "false"
    if isinstance(value, list):
        found = [entry for entry in (canonical("text", item) for item in value) if entry is not None]
        if kind in ("multi", "labels", "components", "versions"):
            return found
        return found[0] if found else None
    if isinstance(value, dict):
        value = next((value[key] for key in ("account", "value", "name", "id") if value.get(key)), None)
    if kind in ("number", "integer"):
        return decimal(value)
    text = str(value)
    return text[:10] if kind == "date" else text


def decimal(value: Json) -> str:
    """A number as a plain decimal text: 5, 5.0 and "5.00" are the same; raises NoValue."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise NoValue(f"'{_short(value)}' is no number") from None
    if not number.is_finite():
        raise NoValue(f"'{_short(value)}' is no number")
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


# ---- the other side's words ------------------------------------------------------------------------------------


def to_bug(spec: FieldSpec, value: Json, facts: Facts) -> Json:
    """What a ticket's value is on the bug; raises NoValue (a person must mend it) or Unread."""
    if isinstance(value, list):
        raise NoValue(f"{spec.ticket.title or spec.ticket.kind} holds several values")
    if spec.with_people:
        return _account(spec, value, facts)
    if value is None:
        return spec.default
    if spec.ticket.kind == "checkbox" and value == "false" and spec.to_bug and "false" not in spec.to_bug:
        return spec.default  # a box that is not ticked says nothing, unless the map says what
    mapped = spec.to_bug.get(fold(value))
    if mapped is None and spec.to_bug:
        if spec.default is None:
            raise NoValue(f"the map names no value for '{_short(value)}'")
        mapped = spec.default
    return fits_bug(spec, value if mapped is None else mapped)


def fits_bug(spec: FieldSpec, value: Json) -> Json:
    """The value in the form that the bug's field takes; raises NoValue."""
    kind = spec.bug.kind
    if kind == "number":
        return decimal(value)
    if kind == "date":
        return _day(value)
    if spec.bug.options:
        known = spec.bug.options.get(fold(value))
        if known is None:
            raise NoValue(f"Jira's {spec.bug.title or spec.bug.id} has no value '{_short(value)}'")
        return known
    text = str(value)
    if kind == "labels" and fold(text).startswith(LABEL):
        raise NoValue(f"'{_short(value)}' begins like the labels by which syncd knows its bugs")
    if kind == "labels" and (re.search(r"\s", text) or len(text) > 255):
        raise NoValue(f"'{_short(value)}' cannot be a label in Jira")
    return " ".join(text.split())[:255] if spec.bug.id == "summary" else text


def to_ticket(spec: FieldSpec, value: Json, facts: Facts) -> Json:
    """What a bug's value is on the ticket; raises NoValue or Unread."""
    if isinstance(value, list):
        raise NoValue(f"{spec.bug.title or spec.bug.id} holds several values")
    if spec.with_people:
        return _agent(spec, value, facts)
    if value is None:
        return "false" if spec.ticket.kind == "checkbox" else None
    mapped = spec.to_ticket.get(fold(value))
    if mapped is None and spec.to_ticket and spec.ticket.kind != "text":
        raise NoValue(f"the map names no ticket value for '{_short(value)}'")
    return fits_ticket(spec.ticket, value if mapped is None else mapped)


def fits_ticket(side: TicketSide, value: Json) -> Json:
    """The value in the form that the ticket's field takes; raises NoValue."""
    if side.kind in ("number", "integer"):
        number = decimal(value)
        if side.kind == "integer" and "." in number:
            raise NoValue(f"'{number}' is no whole number")
        return number
    if side.kind == "date":
        return _day(value)
    if side.kind == "checkbox":
        return "true" if fold(value) in _TRUE else "false"
    if side.options:
        known = side.options.get(fold(value))
        if known is None:
            raise NoValue(f"the ticket field {side.title or side.kind} has no value '{_short(value)}'")
        return known
    text = str(value)
    if side.kind == "tags" and re.search(r"[\s,\"]", text):
        raise NoValue(f"'{_short(value)}' cannot be a tag")
    return text.lower() if side.kind == "tags" else text


def _account(spec: FieldSpec, value: Json, facts: Facts) -> Json:
    """The Jira account of a person or group: by e-mail first, then by the table."""
    if value is None:
        return spec.default and _known_account(spec.default, facts)
    key = fold(value)
    if "@" in key:
        found = _known_account(key, facts)
        if found is not None:
            return found
    written = spec.to_bug.get(key, spec.default)
    if written is None:
        raise NoValue(f"nobody in Jira has the address '{_short(value)}': add it to the map")
    return _known_account(written, facts) or written


def _known_account(written: str, facts: Facts) -> str | None:
    if fold(written) not in facts.accounts:
        raise Unread(f"{written} was not looked up in Jira")
    return facts.accounts[fold(written)]


def _agent(spec: FieldSpec, value: Json, facts: Facts) -> Json:
    """The agent of a Jira account, as e-mail address; a text field shows the name."""
    if value is None:
        return None
    account = str(value)
    if spec.ticket.kind == "text":
        return facts.account_names.get(account, account)
    email = facts.account_emails.get(account, "")
    for written, ticket in spec.to_ticket.items():
        if written in (fold(email), fold(account)) or facts.accounts.get(written) == account:
            return fits_ticket(spec.ticket, ticket)
    if spec.ticket.kind == "assignee" and email:
        if fold(email) not in facts.agents:
            raise Unread(f"{email} was not looked up in Zendesk")
        if facts.agents[fold(email)] is not None:
            return fold(email)
    raise NoValue(f"no agent is known for the Jira account '{_short(facts.account_names.get(account, account))}'")


def _day(value: Json) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise NoValue(f"'{_short(value)}' is no date (2026-03-31)") from None


def _short(value: object) -> str:
    flat = " ".join(str(value).split())
    return flat if len(flat) <= 60 else flat[:59] + "…"


def worst(spec: FieldSpec, values: Iterable[Json]) -> Json:
    """What several tickets say together: the most urgent where values have ranks, else the first that says anything."""
    filled = [value for value in values if not _empty(value)]
    if not filled:
        return None
    if spec.ranks:
        return max(filled, key=lambda value: spec.ranks.get(fold(value), -1))
    return filled[0]
