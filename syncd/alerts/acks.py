"""Who said that a ticket is in hand: a public reply, an assignment, the tag, an internal note. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from syncd.alerts.settings import AckWays
from syncd.core.alert_model import Ack
from syncd.core.model import Actor, ActorKind
from syncd.sla.standing import Moment


def acknowledged(life: Sequence[Moment], ticket: int, since: int, ways: AckWays) -> Ack | None:
    """The newest acknowledgement after `since`; None when there is none."""
    newest: Ack | None = None
    for moment in life:
        if moment.at <= since or moment.is_creation:
            continue
        for how, by in _acts(moment, ways):
            newest = Ack(ticket, moment.at, moment.at + ways.holds, by.name or by.id or "somebody", how)
            break
    return newest


def merged(known: Iterable[Ack], more: Ack | None) -> tuple[Ack, ...]:
    """One acknowledgement for each ticket: the one that holds longest."""
    best: dict[int, Ack] = {}
    for ack in (*known, *([more] if more is not None else [])):
        if ack.ticket not in best or ack.until > best[ack.ticket].until:
            best[ack.ticket] = ack
    return tuple(best[ticket] for ticket in sorted(best))


def _acts(moment: Moment, ways: AckWays) -> Iterator[tuple[str, Actor]]:
    before, after = moment.before, moment.after
    for event, comment in moment.comments():
        if event.by.kind is not ActorKind.AGENT:
            continue
        if comment.public and ways.reply:
            yield "reply", event.by
        elif not comment.public and ways.note and ways.note in comment.markers:
            yield "note", event.by
    doer = next((event.by for event in moment.events if event.by.kind.is_person), None)
    if doer is None or doer.kind is ActorKind.CUSTOMER:
        return
    if ways.assignment and after.values.get("assignee") not in (None, before.values.get("assignee")):
        yield "assignment", doer
    if ways.tag and ways.tag in after.tags and ways.tag not in before.tags:
        yield "tag", doer
