"""What must hold of the bugs that syncd makes and of mapped fields when all is at rest: I3; I2 for fields; and I1,
for people's moves of bugs."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.simulation.books import OFF, Books
from tests.simulation.oracle import Move, Oracle, moment
from tests.simulation.variants import ACT_TAG, AREA, PRIORITIES

if TYPE_CHECKING:
    from tests.simulation.history import History

VERY_LATE = "applied_very_late_create"
LATE = ("applied_late_jira", "late_creation")
HAS_ONE = "This ticket has a bug in "
"""How the answer begins to who asks for a bug on a ticket that has one."""
PER_REQUESTER, PER_HOUR = 5, 20
"""The caps on bugs, as they are when config.yaml says nothing."""


def twins_by(history: History) -> set[str]:
    """Faults by which a bug may be made twice though nothing is wrong with us: Jira makes the first one when nobody
    waits for it any more; or when a backup that was put back has forgotten that anybody asked."""
    struck = {VERY_LATE, *(LATE if history.outcome.faults["old_backup"] else ())}
    return {kind for kind in struck if history.outcome.faults[kind]}


def each_ticket_has_one_bug_of_ours(history: History, oracle: Oracle, books: Books) -> None:
    """I3: one issue for each mark; a twin that could not be helped is flagged; no more marks than were asked for."""
    by_mark: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    by_ticket: dict[int, set[str]] = defaultdict(set)
    for bug in oracle.bugs():
        origin = bug["properties"].get("syncd.origin")
        if origin is not None:
            by_mark[origin["marker"]].append(bug)
            by_ticket[origin["ticket"]].add(origin["marker"])
    late = {call.marker for call in history.wire.calls if call.fault in twins_by(history)}
    for mark, bugs in by_mark.items():
        _, *twins = sorted(bugs, key=lambda bug: int(bug["id"]))
        for twin in twins:
            if mark not in late:
                history.broken("I3", f"{bugs[0]['key']} and {twin['key']} were made for one request {mark}")
        flagged = [b for b in bugs if any("made this issue a second time" in c["body"] for c in oracle.comments(b))]
        if twins and len(flagged) < len(twins):
            history.broken("I3", f"of {[bug['key'] for bug in bugs]}, made for one request, {len(flagged)} say so")
    for number, marks in by_ticket.items():
        asked = _times_asked(oracle.ticket(number), history.seeded.bot)
        if len(marks) > asked:
            history.broken("I3", f"ticket #{number} has {len(marks)} bugs of ours and was tagged {asked} times")


def said_in_turn(ticket: Mapping[str, Any], notes: list[dict[str, Any]], bot: int) -> list[tuple[float, str]]:
    """When each note of ours was written, and what it says. Who sets the tag on a ticket that has a bug is answered,
    and so is who sets it again: which asking such an answer is for belongs to its words, as no status tells of it."""
    said = []
    for note in notes:
        text = note["body"]
        if text.startswith(HAS_ONE):
            text += f" (asking {_times_asked(ticket, bot, before=note['id'])})"
        said.append((moment(note["created_at"]), text))
    return said


def _times_asked(ticket: Mapping[str, Any], bot: int, before: float = float("inf")) -> int:
    """How often people set the tag, before what has this id."""
    times = 0
    for audit in ticket["audits"]:
        for event in audit["events"] if audit["author_id"] != bot and audit["id"] < before else ():
            if event.get("field_name") == "tags":
                times += ACT_TAG in _words(event["value"]) and ACT_TAG not in _words(event.get("previous_value"))
    return times


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else str(value or "").split()


def bugs_of_ours_are_linked(history: History, oracle: Oracle, books: Books) -> None:
    """I2: what was made for a ticket is linked to it, or was until somebody ended that."""
    if history.outcome.faults["old_backup"]:
        return  # a link that a person ended since the backup is not made again
    linked = {(link.ticket_id, link.issue_id) for link in books.links} | {(t, i) for t, i, _ in books.retired}
    by_mark: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for bug in oracle.bugs():
        if "syncd.origin" in bug["properties"]:
            by_mark[bug["properties"]["syncd.origin"]["marker"]].append(bug)
    for bugs in by_mark.values():
        # Which of two comes first is up to Jira: a late request may be carried out just before the one that repeats it,
        # and it is the answered one that is linked.
        first, ticket = min(bugs, key=lambda bug: int(bug["id"])), bugs[0]["properties"]["syncd.origin"]["ticket"]
        merged = "closed_by_merge" in oracle.ticket(ticket)["tags"]
        if not any((ticket, bug["id"]) in linked for bug in bugs) and not merged:
            history.broken("I2", f"{first['key']} was made for ticket #{ticket}, and they are not linked")


def who_asks_for_a_bug_gets_one(history: History, oracle: Oracle, books: Books) -> None:
    """I2: no ticket still asks; nothing that happens here has Jira refuse a bug for good."""
    if not history.variant.creates:
        return
    made = Counter(
        oracle.ticket(bug["properties"]["syncd.origin"]["ticket"])["requester_id"]
        for bug in oracle.bugs()
        if "syncd.origin" in bug["properties"]
    )
    for ticket in oracle.tickets():
        capped = made[ticket["requester_id"]] >= PER_REQUESTER or made.total() >= PER_HOUR
        # A ticket that has or names a bug, of whatever project, asks for none.
        has_one = bool(ticket["fields"].get("Engineering bug")) or any(
            tag.startswith("link_") for tag in ticket["tags"]
        )
        if ACT_TAG not in ticket["tags"] or OFF in ticket["tags"] or capped or has_one:
            continue
        if ticket["status"] not in ("solved", "closed", "deleted"):
            history.broken("I2", f"ticket #{ticket['id']} asks for a bug, and nothing comes of it")


def mapped_fields_agree(history: History, oracle: Oracle, books: Books) -> None:
    """I2: a ticket and a bug that have no other have the same priority and the same areas."""
    if not history.variant.fields:
        return
    # A bug keeps the worst of what its tickets ever were, also when a link ends.
    tickets = Counter([link.ticket_id for link in books.links] + [ticket for ticket, _, _ in books.retired])
    bugs = Counter([link.issue_id for link in books.links] + [bug for _, bug, _ in books.retired])
    for link in books.links:
        ticket, bug = oracle.ticket(link.ticket_id), oracle.bug(link.issue_id)
        if tickets[link.ticket_id] > 1 or bugs[link.issue_id] > 1 or bug is None or bug["project"] != "NOVA":
            continue
        if ticket["status"] in ("closed", "deleted") or OFF in ticket["tags"] or link.route != "novabrain":
            continue
        name = f"link {link.id} (#{ticket['id']}, {bug['key']})"
        if PRIORITIES.get(ticket["priority"] or "") != bug["fields"]["priority"]:
            history.broken("I2", f"{name}: priority {ticket['priority']} and {bug['fields']['priority']}")
        tags = {tag for tag in ticket["tags"] if tag.startswith(AREA)}
        labels = {label for label in bug["fields"]["labels"] if label.startswith(AREA)}
        if tags != labels:
            history.broken("I2", f"{name}: areas {sorted(tags)} and {sorted(labels)}")


def nothing_is_overwritten_unseen(history: History, oracle: Oracle, books: Books) -> None:
    """I1, on Jira: a move of a person that syncd had not been shown when it moved the bug on becomes a conflict, unless
    that person decides anew before there is anything to ask."""
    for bug in oracle.bugs():
        moves = oracle.moves_of_bug(bug)
        for earlier, move in itertools.pairwise(moves):
            if move.by != "bot" or earlier.by != "person" or not move.before or not earlier.before:
                continue
            shown = any(
                earlier.at <= at <= move.at and {bug["id"], bug["key"]} & names for at, names in history.wire.reads
            )
            if not shown and not _is_logged(history, bug, earlier.at) and not _decided(history, bug, earlier, move):
                history.broken(
                    "I1", f"{bug['key']} was moved on from {move.before} at {move.at}, and syncd was never shown that"
                )


def _is_logged(history: History, bug: Mapping[str, Any], since: float) -> bool:
    with history.process.aside() as tx:
        for link in tx.all_links(limit=None):
            if link.issue_id == bug["id"]:
                entries = tx.link_history(link.id)
                if any(entry.what == "conflict" and entry.at.timestamp() >= since - 1 for entry in entries):
                    return True
    return False


def _decided(history: History, bug: Mapping[str, Any], earlier: Move, move: Move) -> bool:
    """Whoever's move was written over has moved the bug again while our walk was not over yet: the bug stands where
    they put it, knowing where we had, and a conflict would ask them to do what they have done."""
    entries = [
        (entry["created"] / 1000, entry["author"])
        for entry in bug["changelog"]
        if any(item["field"] in ("status", "resolution") for item in entry["items"])
    ]
    makers = {author for at, author in entries if at == earlier.at}
    again = min((at for at, author in entries if at > move.at and author in makers), default=None)
    with history.process.aside() as tx:
        over = [row.at.timestamp() for row in tx.audits(limit=None, intent_id=move.marker)]
    return again is not None and not any(at < again for at in over)


LOOKS: tuple[Callable[[History, Oracle, Books], None], ...] = (
    each_ticket_has_one_bug_of_ours,
    bugs_of_ours_are_linked,
    who_asks_for_a_bug_gets_one,
    mapped_fields_agree,
    nothing_is_overwritten_unseen,
)
