"""Which ways out of trouble a history took: a run of some size must have taken all of them, or it proves too little."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from syncd.store import IntentState
from tests.simulation.promises import MARKS as CLOCK_MARKS

if TYPE_CHECKING:
    from tests.simulation.history import History

LOST = (
    "timeout_after_apply",
    "5xx_after_apply",
    "torn",
    "html",
    "bad_json",
    "empty",
    "lost_answer_jira",
    "lost_answer_zendesk",
    "lost_creation",
)
"""Faults after which a write may be on the server although nothing says so."""

KINDS = (
    "update_ticket",
    "move_bug",
    "comment_on_bug",
    "remove_tag",
    "create_bug",
    "show_ticket_on_bug",
    "comment_to_ticket",
    "comment_to_bug",
    "withdraw_note",
    "change_bug_comment",
    "set_ticket_fields",
    "set_bug_fields",
)
MARKS = (
    *CLOCK_MARKS,
    "a write done",
    "a write superseded",
    "a write in doubt",
    "a write later",
    "a write refused",
    "a cycle ended by the store",
    "a last move was carried under fire",
    "an old backup was put back",
    "brake first_run",
    "a lost write was found by its mark",
    "a lost write was sent again",
    "a compare-and-swap that failed",
    "keys were read one by one",
    "a twin was flagged",
    "a conflict of statuses",
    "a robot was not fought",
    *(f"done {kind}" for kind in KINDS),
)


def marks_of(history: History) -> Counter[str]:
    """What the journal, the store and the servers show at the end."""
    found: Counter[str] = Counter()
    sent = Counter(call.marker for call in history.wire.calls if call.write and call.marker)
    for call in history.wire.calls:
        if call.write and call.marker and call.fault in LOST:
            found["a lost write was sent again" if sent[call.marker] > 1 else "a lost write was found by its mark"] += 1
        found["a compare-and-swap that failed"] += call.write and call.service == "zendesk" and call.status == 409
        found["keys were read one by one"] += bool(re.search(r"/issue/[A-Z]+-\d+$", call.path)) and not call.write
    with history.process.aside() as tx:
        for intent in tx.intents(limit=None):
            found[f"done {intent.kind}"] += intent.state is IntentState.DONE
        for link in tx.all_links(limit=None):
            for entry in tx.link_history(link.id):
                code = str(entry.detail.get("code") or "") if entry.what == "conflict" else ""
                found["a twin was flagged"] += code == "twin"
                found["a conflict of statuses"] += code in ("not_allowed", "both_moved", "no_agreement")
                found["a robot was not fought"] += code in ("bounced", "repeated")
    return found + history.promises.marks()
