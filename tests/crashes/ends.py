"""Where a scene ends, as the servers and the store have it: everything but times and numbers that are drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.scenarios.lab import Lab

_LOCAL = re.compile(
    r"focusedCommentId=\d+|/comments?/\d+|#\d{8,}|\b4\d{13}\b|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?\S*"
)
_TICKET = (
    "status",
    "custom_status_id",
    "priority",
    "assignee_id",
    "group_id",
    "fields",
    "is_public",
    "followup_source_id",
)
_BUG = ("key", "project", "status", "resolution", "fields", "links")


def end_of(lab: Lab) -> dict[str, Any]:
    """Tickets, bugs, links and comebacks; fit for comparing and for JSON."""
    found: dict[str, Any] = {}
    for number in sorted(lab.sandbox.zendesk.store.tickets):
        found[f"ticket {number}"] = _ticket(lab, lab.sandbox.zendesk.ticket_state(ticket=number))
    for bug in _bugs(lab):
        found[f"bug {bug['id']}"] = _bug(lab, bug)
    with lab.app.store.reading() as tx:
        links = tx.all_links(limit=None)
        found["comebacks"] = sorted((c.ticket_id, c.issue_key, c.followup_id or 0) for c in tx.comebacks())
        found["unfinished"] = sorted(i.kind for i in tx.unsettled())
    found["links"] = sorted(
        (
            link.ticket_id,
            link.issue_key,
            link.route,
            link.state.value,
            link.origin.value,
            link.base.stage if link.base else "",
            link.conflict.code if link.conflict else "",
        )
        for link in links
    )
    return found


def _bugs(lab: Lab) -> Iterable[dict[str, Any]]:
    for number in sorted(lab.sandbox.jira.issues):
        try:
            yield lab.sandbox.jira.issue_state(str(number))
        except ValueError:
            yield {"id": str(number), "gone": True}


def _ticket(lab: Lab, state: Mapping[str, Any]) -> dict[str, Any]:
    ours = lab.seeded.bot
    return {
        **{name: state[name] for name in _TICKET},
        "tags": sorted(state["tags"]),
        "followups": len(state["followup_ids"]),
        "comments": sorted(
            [comment["author_id"] == ours, comment["public"], _text(comment["body"]), _files(comment)]
            for comment in state["comments"]
        ),
        "our changes": sorted(
            [event["type"], str(event.get("field_name")), str(event.get("value"))]
            for audit in state["audits"]
            if audit["author_id"] == ours
            for event in audit["events"]
            if event["type"] in ("Change", "Create")
        ),
    }


def _bug(lab: Lab, state: Mapping[str, Any]) -> dict[str, Any]:
    if "gone" in state:
        return {"gone": True}
    ours = lab.seeded.jira_bot
    return {
        **{name: state[name] for name in _BUG},
        "remote links": len(state["remote_links"]),
        "attachments": sorted([file["filename"], file["size"]] for file in state["attachments"]),
        "comments": sorted(
            [comment["author"] == ours, _text(str(comment["body"])), str(comment["visibility"])]
            for comment in state["comments"]
        ),
        "our changes": sorted(
            [item["field"], str(item["new_text"])]
            for entry in state["changelog"]
            if entry["author"] == ours
            for item in entry["items"]
        ),
    }


def _text(body: str) -> str:
    return _LOCAL.sub("…", body)


def _files(comment: Mapping[str, Any]) -> list[Any]:
    return sorted([file["file_name"], file["size"]] for file in comment["attachments"])
