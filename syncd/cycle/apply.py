"""Local actions of a plan, as changes of the store. Each leaves a line in the link's log with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from syncd.core.actions import (
    AddLink,
    CastVote,
    CommentOnBug,
    ForgetRefusal,
    LocalAction,
    MarkInField,
    MarkTold,
    NoteComeback,
    OpenConflict,
    RecordBase,
    RecordField,
    RepointLink,
    RetireLink,
    SayAgain,
)
from syncd.core.comment_actions import RecallTwin, SawComments
from syncd.core.model import Link, LinkState
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.store import LinkExists, Tx

A_WHILE = timedelta(minutes=5)
"""Before a conflict was opened, what led to it may have been dropped already."""


def apply_local(tx: Tx, action: LocalAction, now: datetime) -> int:
    """Applies one local action; answers 1 when it opened a conflict that was not there, else 0."""
    if isinstance(action, AddLink):
        _add(tx, action, now)
        return 0
    if isinstance(action, NoteComeback):  # of a link that is retired
        return _note_comeback(tx, action, now)
    if isinstance(action, ForgetRefusal):
        tx.forget_refusal(action.intent_id, now)
        return 0
    link = tx.link(action.link_id)
    if link is None or link.state is LinkState.RETIRED:
        return 0
    match action:
        case RecordBase():
            tx.save_link(replace(link, base=action.base, vote=None, conflict=None, state=LinkState.LIVE))
            tx.log_link(link.id, now, "agreed", action.reason, {"stage": action.base.stage})
        case CastVote():
            tx.save_link(replace(link, base=action.base, vote=action.stage, conflict=None, state=LinkState.LIVE))
            tx.log_link(link.id, now, "vote", f"asks for stage {action.stage}; waits for the bug's other tickets", {})
        case OpenConflict():
            return _open_conflict(tx, link, action, now)
        case RetireLink():
            tx.retire(link.id, action.reason, now)
            others = [*tx.links_of_ticket([link.ticket_id]), *tx.links_of_issue([link.issue_id])]
            tx.touch(_subjects(others), now)
        case RepointLink():
            _repoint(tx, link, action, now)
        case MarkInField():
            tx.save_link(replace(link, in_field=True))
        case RecordField():
            tx.save_field_base(link.id, action.field, action.base, now)
            if action.base.problem:
                tx.log_link(link.id, now, "field", action.base.problem, {"field": action.field})
                tx.touch([ticket_subject(link.ticket_id)], now)  # its sync state says so
        case SayAgain():
            _say_again(tx, link, action, now)
        case SawComments():
            tx.saw_comments(link.id, action.side, action.version)
        case RecallTwin(twin=twin):
            if tx.twin(twin.side, twin.source_id, twin.target) is None:
                tx.keep_twin(twin)
        case MarkTold():
            tx.mark_told(action.subject, action.topic, now)
    return 0


def _say_again(tx: Tx, link: Link, action: SayAgain, now: datetime) -> None:
    """The newest comment on the bug that was dropped when it was hidden; older ones are about what was so before."""
    dropped = tx.superseded_of(issue_subject(link.issue_id), CommentOnBug.kind, action.dropped_since - A_WHILE)
    mine = [intent for intent in dropped if link.id in intent.link_ids and intent.after is None]
    if mine:
        tx.enqueue(mine[-1].action, urgency=mine[-1].urgency, now=now)


def _add(tx: Tx, action: AddLink, now: datetime) -> None:
    try:
        link = tx.join(action.ticket_id, action.issue_id, action.issue_key, action.route, action.origin, now)
    except LinkExists:
        return
    tx.log_link(link.id, now, "linked", action.reason, {"origin": str(action.origin)})
    tx.touch(_subjects([link]), now)


def _note_comeback(tx: Tx, action: NoteComeback, now: datetime) -> int:
    known, comeback = tx.comeback(action.link_id), action.comeback
    tx.save_comeback(comeback)
    if known is not None and (known.over_at is None) == (comeback.over_at is None):
        return 0
    what = "came back" if comeback.over_at is None else "settled"
    tx.log_link(action.link_id, now, what, comeback.message, {})
    return int(comeback.over_at is None)


def _open_conflict(tx: Tx, link: Link, action: OpenConflict, now: datetime) -> int:
    new = link.conflict is None or link.conflict.code != action.conflict.code
    base = action.base or link.base
    tx.save_link(replace(link, base=base, vote=None, conflict=action.conflict, state=LinkState.CONFLICT))
    if new:
        tx.log_link(link.id, now, "conflict", action.conflict.message, {"code": action.conflict.code})
    return int(new)


def _repoint(tx: Tx, link: Link, action: RepointLink, now: datetime) -> None:
    changed = link
    if action.ticket_id is not None:
        # Another ticket: what was agreed with the old one says nothing about it.
        changed = replace(
            changed,
            ticket_id=action.ticket_id,
            base=None,
            vote=None,
            conflict=None,
            state=LinkState.LIVE,
            in_field=False,
        )
    if action.issue_key is not None:
        changed = replace(changed, issue_key=action.issue_key, in_field=False)
    if action.route is not None:
        changed = replace(changed, route=action.route)
    try:
        tx.save_link(changed)
    except LinkExists:
        # Two tickets with one bug were merged into one: the plan saw both, and the first was moved just now.
        tx.retire(link.id, f"{action.reason}, which is linked already", now)
        tx.touch(_subjects([changed]), now)
        return
    if action.ticket_id is not None:
        tx.forget_field_bases(link.id)
    tx.log_link(link.id, now, "moved", action.reason, {})
    tx.touch(_subjects([changed]), now)


def _subjects(links: list[Link]) -> list[str]:
    return [s for link in links for s in (ticket_subject(link.ticket_id), issue_subject(link.issue_id))]
