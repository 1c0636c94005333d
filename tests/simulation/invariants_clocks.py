"""What must hold of clocks and rules when all is at rest: tickets show what a stopwatch shows, and each step of a rule
was taken once (I8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from syncd.cycle.escalation import RULES_SINCE
from tests.simulation.books import OFF
from tests.simulation.clocks_and_rules import (
    ESCALATED_TAG,
    LATE_NOTE,
    LATE_TAG,
    LEVEL_NOTE,
    OVERDUE_NOTE,
    REOPENED_NOTE,
    SHOWN_DUE,
    SHOWN_STATE,
)
from tests.simulation.invariants_mail import judge_mail
from tests.simulation.oracle import BLACK, Oracle, moment
from tests.simulation.promises import Promises
from tests.simulation.stopwatch import (
    FIRST,
    RESOLUTION,
    SLACK,
    SOLVED,
    Measured,
    Stopwatch,
    read_stopwatch,
    times_back,
)

if TYPE_CHECKING:
    from tests.simulation.history import History

REARM = 3600
"""Seconds after which a rule whose conditions had ceased to hold begins anew."""
PRIORITIES = ("low", "normal", "high", "urgent")
SHOWN_IN = ZoneInfo("Europe/Berlin")


def tickets_show_their_clocks(history: History, oracle: Oracle, watch: Stopwatch, promises: Promises) -> None:
    """I2, for clocks."""
    at = int(promises.turns[-1].start)
    for number in watch.plain:
        ticket = oracle.ticket(number)
        if ticket["status"] == "closed" or OFF in ticket["tags"]:
            continue
        resolution, first = watch.measured[f"{number}.{RESOLUTION}.1"], watch.measured[f"{number}.{FIRST}.1"]
        shown = ticket["fields"].get(SHOWN_STATE) or ""
        states = {_state(watch, resolution, at - SLACK), _state(watch, resolution, at + SLACK)}
        if shown not in states and not watch.is_close(resolution):
            history.broken("I2", f"ticket #{number} shows '{shown}' for a clock that is {' or '.join(sorted(states))}")
        due, wanted = ticket["fields"].get(SHOWN_DUE) or "", _due(watch, first)
        if due != wanted:
            history.broken("I2", f"ticket #{number} says that its first reply is due '{due}', and it is '{wanted}'")


def _state(watch: Stopwatch, clock: Measured, at: int) -> str:
    used = sum(watch.wall.counted(start, min(end, at)) for start, end in clock.spans if start < at)
    if used > clock.target:
        return "breached"
    if clock.end is not None:
        return "met"
    if clock.rests:
        return "paused"
    return "at risk (red)" if used * 100 >= clock.target * WARN else "running"


WARN = 70


def _due(watch: Stopwatch, clock: Measured) -> str:
    """The last second that is not too late, as the desk's wall shows it; nothing for what is answered."""
    if clock.end is not None:
        return ""
    day = 86400
    ahead = watch.wall.passed(((clock.start, max(watch.now, clock.start + 2 * day)),), clock.target)
    if ahead is None:
        return "?"
    return datetime.fromtimestamp(ahead - 1, UTC).astimezone(SHOWN_IN).strftime("%Y-%m-%d %H:%M %z")


# ---- rules -------------------------------------------------------------------------------------------------------


def each_step_is_taken_once(history: History, oracle: Oracle, watch: Stopwatch, promises: Promises) -> None:
    """I8: once for each episode, and not at all where there was none."""
    if not promises.clocks.rules:
        return
    since = _ruled_since(history)
    for number, steps in watch.plain.items():
        ticket = oracle.ticket(number)
        said = [note["body"] for note in oracle.words(ticket)]
        episodes = 1 + times_back(ticket, REARM)
        reopened = times_back(ticket, 0)
        for note, most in (
            (LATE_NOTE, episodes),
            (LEVEL_NOTE, episodes),
            (OVERDUE_NOTE, episodes),
            (REOPENED_NOTE, reopened),
        ):
            times = sum(_is_note(body, note) for body in said)
            if times > most:
                history.broken("I8", f"ticket #{number} has {times} times the note {note!r}, {most} is right")
        is_open = steps[-1].status not in SOLVED and OFF not in ticket["tags"]
        late, overdue = watch.measured[f"{number}.{FIRST}.1"], watch.measured[f"{number}.{RESOLUTION}.1"]
        for clock, tag, note in ((late, LATE_TAG, LATE_NOTE), (overdue, ESCALATED_TAG, OVERDUE_NOTE)):
            _is_done(history, watch, promises, clock, ticket, tag, note, since=since if is_open else None)
        again = steps[-1].at > since + SLACK and any(step.before in SOLVED and step.at > since for step in steps)
        if is_open and again and not any(_is_note(body, REOPENED_NOTE) for body in said):
            history.broken("I8", f"ticket #{number} was opened again, and no rule said so")


def _is_note(body: str, note: str) -> bool:
    """It begins so, or did before somebody blacked out its first ten characters."""
    return body.startswith((note, BLACK * 10 + note[10:]))


def _is_done(
    history: History,
    watch: Stopwatch,
    promises: Promises,
    clock: Measured,
    ticket: Mapping[str, Any],
    tag: str,
    note: str,
    *,
    since: float | None,
) -> None:
    """A breach that is there now was answered with its note and tag; what never was breached has neither. `since`: from
    when on rules must have acted; None for a ticket that is none of their business now."""
    at, name = watch.breached_at(clock), clock.name
    notes = [comment for comment in history.oracle.words(ticket) if _is_note(comment["body"], note)]
    if watch.is_close(clock):
        return
    if at is not None and since is not None and since + SLACK < at < promises.turns[-2].start - SLACK:
        if not notes:
            history.broken("I8", f"{name} is breached, and no rule left {note!r} on the ticket")
        if tag not in ticket["tags"]:
            history.broken("I8", f"{name} is breached, and no rule left the tag {tag}")
    if any(turn.skew > SLACK for turn in promises.turns):
        return  # by a wall clock that was ahead, it was breached
    for comment in notes:
        if at is None or moment(comment["created_at"]) < at - SLACK:
            history.broken("I8", f"{name} was not breached when a rule said {note!r} on the ticket")


def _ruled_since(history: History) -> float:
    """What was so before the rules were there is none of their business."""
    with history.process.aside() as tx:
        known = tx.get_fact(RULES_SINCE)
    stamps = [int(str(at)) for at in known.values()] if isinstance(known, dict) else []
    return max(stamps, default=float("inf"))


def priorities_go_up_by_one(history: History, oracle: Oracle, watch: Stopwatch, promises: Promises) -> None:
    """I8: what the rule says together with its note is one step, never down."""
    del watch, promises
    for ticket in oracle.tickets():
        bodies = {comment["id"]: comment["body"] for comment in ticket["comments"]}
        for audit in ticket["audits"]:
            said = [bodies.get(event["id"], "") for event in audit["events"] if event["type"] == "Comment"]
            if audit["author_id"] != history.seeded.bot or not any(_is_note(body, REOPENED_NOTE) for body in said):
                continue
            for event in audit["events"]:
                if event.get("field_name") == "priority" and event["type"] == "Change":
                    before, after = event.get("previous_value") or "low", event["value"]
                    if PRIORITIES.index(after) != min(PRIORITIES.index(before) + 1, 3):
                        history.broken("I8", f"ticket #{ticket['id']} was raised from {before} to {after}")


LOOKS: tuple[Callable[[History, Oracle, Stopwatch, Promises], None], ...] = (
    tickets_show_their_clocks,
    each_step_is_taken_once,
    priorities_go_up_by_one,
)


def judge_promises(history: History) -> None:
    """Clocks, rules and mail of a history that has them."""
    promises, oracle = history.promises, history.oracle
    if not promises.has_clocks or len(promises.turns) < 3:
        return
    watch = read_stopwatch(history, oracle, promises.clocks)
    for look in LOOKS:
        look(history, oracle, watch, promises)
    judge_mail(history, oracle, watch, promises)
