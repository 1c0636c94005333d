"""The brake on ticket fields that show clocks: their first writes go to every open ticket, so a person looks first.

It is kept beside the brakes of the routes, under a name that no route has, and let go in the same ways.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from syncd.core.guard import Accepted, Held, RouteFacts, judge
from syncd.core.model import Json
from syncd.cycle.sla_settings import ShownField
from syncd.store import Tx

CLOCK_FIELDS: Final = "sla.fields"
"""The name of the brake: the part of the configuration that it is about."""
WANTED: Final = "wanted"
"""In the guard: the meaning of the fields that are configured, while it is not the accepted one."""


def meaning_of(fields: Collection[ShownField]) -> str:
    """A hash of which field shows what of which clock."""
    told = sorted(f"{field.field_id}:{field.metric}:{field.what}" for field in fields)
    return hashlib.blake2b("\n".join(told).encode(), digest_size=8).hexdigest()


def look(tx: Tx, fields: Collection[ShownField], accepted_tokens: frozenset[str]) -> tuple[Held | None, Json, bool]:
    """What holds the fields' writes, the guard to be kept, and whether they may go from now on where they might not.

    None while nothing is configured, or all of it was accepted."""
    guard: dict[str, Json] = dict(tx.guard(CLOCK_FIELDS) or {})
    meaning, accepted = meaning_of(fields), guard.get("meaning")
    if not fields or accepted == meaning:
        return None, {"meaning": accepted} if accepted is not None else {}, WANTED in guard
    tokens = guard.get("tokens")
    count = tx.count_tickets_with_clocks()
    held = judge(
        RouteFacts(CLOCK_FIELDS, meaning, accounts="", live_links=0, writes=max(count, 1), writes_without_event=0),
        Accepted(
            meaning=accepted if isinstance(accepted, str) else None,
            tokens=accepted_tokens | frozenset(tokens if isinstance(tokens, list) else ()),
        ),
        max_changed_share=1.0,
    )
    if held is None:
        return None, {"meaning": meaning}, True
    held = counted(held, count)
    row: Json = None
    if count:
        row = {"reason": str(held.reason), "token": held.token, "message": held.message, "count": count}
    kept: dict[str, Json] = {"meaning": accepted, WANTED: meaning, "tokens": tokens, "held": row}
    return held, {name: value for name, value in kept.items() if value is not None}, False


def counted(held: Held, count: int) -> Held:
    """The brake with the number of tickets that wait."""
    message = (
        f"Ticket fields that show clocks are held ({held.reason}): what sla.fields names was not written before, and "
        f"{count} open tickets are to show it, about {count * 2} API calls. See it with: syncd plan. Then let it go "
        f"with: syncd once --accept, or add '{held.token}' to guard.accept in config.yaml."
    )
    return replace(held, count=count, message=message)
