"""What Zendesk calls the attributes of a ticket in its histories, and what we call them."""

from __future__ import annotations

import json
import re
from typing import Any, Final

OTHER: Final = "field"
"""The kind of a change of an attribute that nobody asks about."""

_KINDS: Final = {
    "status": "status",
    "custom_status_id": "custom_status",
    "tags": "tags",
    "priority": "priority",
    "group_id": "group",
    "assignee_id": "assignee",
    "organization_id": "organization",
    "requester_id": "requester",
    "brand_id": "brand",
    "ticket_form_id": "form",
    "satisfaction_score": "satisfaction",
    "satisfaction_rating": "satisfaction",
}
_FIELD: Final = re.compile(r"(?:custom_fields?_|ticket_fields?_)?(\d{1,20})")
_LOWER: Final = frozenset({"status", "priority", "satisfaction"})
_NOTHING: Final = frozenset({"", "-"})  # how an attribute without a value looks besides null


def kind_of_attribute(name: object) -> str:
    """`status`, `group` … for an attribute, `field:ID` for a custom field, OTHER for the rest."""
    text = str(name)
    field = _FIELD.fullmatch(text)
    return f"field:{field.group(1)}" if field else _KINDS.get(text, OTHER)


def as_text(value: Any, kind: str = OTHER) -> str | None:
    """A value of a change as text: tags parted by spaces, statuses and priorities in lower case, no value as None."""
    if value is None:
        return None
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    if kind == "satisfaction" and isinstance(value, dict):
        return as_text(value.get("score"), kind)
    if isinstance(value, bool | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = str(value).lower() if kind in _LOWER else str(value)
    return None if kind not in (OTHER, "tags") and text in _NOTHING else text
