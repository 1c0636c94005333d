"""Ticket to bug: what each ticket asks of its bugs, who agrees, and which bugs are walked for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from syncd.core.actions import MoveBug, NeedHistory, RemoveTag, marker_of
from syncd.core.draft import Draft
from syncd.core.fitting import fitting_stage
from syncd.core.mapping import DECLINED, NOTE, Stage, TicketMove
from syncd.core.model import Actor, ActorKind, TicketChange
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.succession import Succession
from syncd.core.texts import bug_status, ticket_said
from syncd.core.who import bug_mover, is_bounce, last_mover, tag_added
from syncd.core.world import LinkView, World, status_attribute

_BY = {
    "agent": (ActorKind.AGENT, ActorKind.SELF),
    "customer": (ActorKind.CUSTOMER, ActorKind.UNKNOWN),  # unknown: the careful reading
    "rule": (ActorKind.RULE, ActorKind.ROBOT),
}

WRITES_WITHOUT_A_PERSON = 2
"""No value is written to a subject more often than this without a person's change between."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a ticket's move asks of one of its bugs."""

    view: LinkView
    outcome: str  # NOTE or a stage's name
    move: TicketMove | None  # None: a vote cast earlier, or the policy ticket_wins
    change: TicketChange | None  # the event behind it
    is_cast: bool = False  # recorded as a vote already

    @property
    def event(self) -> str:
        """The source version: the audit, or what is known instead of it."""
        ticket = ticket_subject(self.view.ticket.id)
        if self.change is not None:
            return f"{ticket}:{self.change.audit_id}"
        base = self.view.link.base
        return f"{ticket}:{self.view.ticket.state.category}:{base.ticket_version if base else 0}"


def decide_bugs(world: World, draft: Draft, views: Sequence[LinkView]) -> frozenset[str]:
    """Notes, votes and walks that tickets ask for. Returns the issues that will be walked: their tickets wait."""
    asks = {view.link.id: ask for view in views if (ask := _ask(world, draft, view)) is not None}
    moving = set()
    by_issue: dict[str, list[LinkView]] = defaultdict(list)
    for view in views:
        by_issue[view.issue.id].append(view)
    for issue_id, group in by_issue.items():
        mine = [asks[view.link.id] for view in group if view.link.id in asks]
        for ask in mine:
            if ask.outcome == NOTE:
                _note(world, draft, ask)
        back = [ask for ask in mine if ask.outcome != NOTE and not _is_succeeded(draft, ask)]
        if _decide_bug(world, draft, group, back):
            moving.add(issue_id)
    return frozenset(moving)


def _ask(world: World, draft: Draft, view: LinkView) -> Ask | None:
    candidates = _candidates(view)
    winner = None if candidates else _ticket_wins(draft, view)
    base, ticket = view.link.base, view.ticket
    undone = base is not None and base.wrote_ticket and view.ticket_moved and not view.bug_moved
    change = None
    if candidates or winner is not None or undone:
        history = world.histories.get(ticket.id)
        if history is None:
            draft.needs.append(NeedHistory(ticket.id))
            draft.wait(view.link, "reading who moved the ticket")
            return None
        change = last_mover(history, ticket)
        if undone and change is not None and is_bounce(change, history):
            message = (
                f"Bounced by '{change.actor.name or 'a rule'}': it set ticket #{ticket.id} back to "
                f"{ticket.state.category} after syncd had set it for {view.issue.key}. Change that trigger, or the "
                "mapping; syncd will not repeat it."
            )
            draft.conflict(view, "bounced", message)
            return None
        for move, outcome in candidates:
            cause = tag_added(history, move.tag) if move.tag else change
            actor = cause.actor if cause else Actor(ActorKind.UNKNOWN)
            if _made_by(move, actor, customer_acts=view.route.mapping.customer_reopens_bug):
                is_cast = view.link.vote == outcome and not view.ticket_moved and not view.bug_moved
                return Ask(view, outcome, move, cause, is_cast)
    if winner is not None:
        return Ask(view, winner.name, None, change)
    if view.link.vote and not view.ticket_moved and not view.bug_moved:
        return Ask(view, view.link.vote, None, None, is_cast=True)
    return None


def _ticket_wins(draft: Draft, view: LinkView) -> Stage | None:
    """Both moved, what is there now does not fit, and the mapping says that the ticket wins: where the bug goes."""
    state = view.ticket.state
    if view.route.mapping.on_conflict != "ticket_wins" or not (view.ticket_moved and view.bug_moved):
        return None
    if view.stage.allows(state) or draft.effective(view.ticket.id) is not view:
        return None
    return fitting_stage(view, state)


def _candidates(view: LinkView) -> list[tuple[TicketMove, str]]:
    """The moves that fit, the most specific first: a tag, then from→to by, from→to, to. A tag speaks from the link's
    first plan on, whenever it was set: nothing may happen to either side afterwards."""
    base = view.link.base
    found = []
    for move, outcome in view.stage.asks:
        if move.tag is not None:
            if move.tag in view.ticket.tags:
                found.append((0, move, outcome))
        elif (
            base is not None
            and view.ticket_moved
            and move.to is not None
            and move.to.matches(view.ticket.state)
            and (move.frm is None or move.frm.matches(base.ticket))
        ):
            found.append((1 + (move.by is None) + 2 * (move.frm is None), move, outcome))
    return [(move, outcome) for _, move, outcome in sorted(found, key=lambda f: (f[0], f[1].key))]


def _made_by(move: TicketMove, actor: Actor, *, customer_acts: bool) -> bool:
    if move.by is None:
        return True
    if customer_acts and actor.kind in _BY["customer"]:
        return move.by == "agent"
    return actor.kind in _BY[move.by]


def _note(world: World, draft: Draft, ask: Ask) -> None:
    view = ask.view
    what = _what_happened(ask)
    body = ticket_said(world, view.ticket, f"{what} while this bug is {bug_status(view.issue)}.")
    source = f"{ask.event}:{view.stage.name}:{ask.move.key if ask.move else ''}"
    draft.comment_on_bug(view.route.name, (view.link.id,), view.issue, source, f"ticket #{view.ticket.id} {what}", body)
    draft.record(view, f"the ticket {what}: said on {view.issue.key}, nothing moved")
    _remove_tag(draft, ask, after=None)


def _what_happened(ask: Ask) -> str:
    move, ticket = ask.move, ask.view.ticket
    by = f" by {ask.change.actor.name}" if ask.change and ask.change.actor.name else ""
    if move is not None and move.tag is not None:
        return f"was tagged {move.tag}{by}"
    base = ask.view.link.base
    if base is not None and base.ticket.is_solved and not ticket.state.is_solved:
        return f"was reopened{by}"
    return f"was set to {ticket.state.category}{by}"


def _is_succeeded(draft: Draft, ask: Ask) -> bool:
    """The ticket says that a bug that was taken for fixed is not, and the route makes a new one then. What becomes of
    the link is left until that one is there; the bug's other tickets stay with it."""
    view, move = ask.view, ask.move
    goal = view.route.mapping.stage(ask.outcome)
    if not view.route.new_bug_when_not_fixed or move is None or goal is None or view.ticket.state.is_final:
        return False
    if not view.stage.done or view.stage.name == DECLINED or goal.done or goal.rank >= view.stage.rank:
        return False
    draft.wait(view.link, f"a new bug is to take the place of {view.issue.key}")
    draft.successions.append(
        Succession(
            link_id=view.link.id,
            ticket_id=view.ticket.id,
            route=view.route.name,
            issue_id=view.issue.id,
            issue_key=view.issue.key,
            event=ask.event,
            what=_what_happened(ask),
            ticket=view.ticket.state,
            status_id=view.issue.status_id,
            resolution_id=view.issue.resolution_id,
            tag=move.tag or "",
        )
    )
    return True


def _remove_tag(draft: Draft, ask: Ask, *, after: str | None) -> None:
    if ask.move is None or ask.move.tag is None or ask.view.ticket.state.is_final:
        return
    removal = RemoveTag(
        ticket_id=ask.view.ticket.id,
        source=f"{ask.event}:{ask.move.tag}",
        reason=f"the tag {ask.move.tag} was acted on",
        tag=ask.move.tag,
        after=after,
        link_ids=(ask.view.link.id,),
        route=ask.view.route.name,
    )
    same = [n for n, a in enumerate(draft.actions) if isinstance(a, RemoveTag) and marker_of(a) == marker_of(removal)]
    if not same:
        draft.add(removal)
    elif after is not None:  # a ticket with two bugs: the tag goes when the last of them was walked
        del draft.actions[same[0]]
        draft.add(removal)


def _decide_bug(world: World, draft: Draft, group: Sequence[LinkView], asks: Sequence[Ask]) -> bool:
    if not asks:
        return False
    issue_id = group[0].issue.id
    others = sum(1 for link in world.links if link.issue_id == issue_id and draft.may_still_vote(link))
    voting = [view for view in group if view.link.id not in draft.conflicts]
    wanted = {ask.outcome for ask in asks}
    for stage in group[0].route.mapping.stages:
        if stage.name not in wanted:
            continue
        voters = [view for view in voting if _votes_for(view, stage, asks)]
        if stage.quorum == "any" or (len(voters) == len(voting) and others == 0):
            return _walk(world, draft, stage, voters, [ask for ask in asks if ask.outcome == stage.name])
    for ask in asks:
        if not ask.is_cast:
            draft.vote(ask.view, ask.outcome)
    return False


def _votes_for(view: LinkView, stage: Stage, asks: Iterable[Ask]) -> bool:
    """Asked for it now or earlier, or is in a state that asks for it whoever brought it there."""
    if any(ask.view.link.id == view.link.id and ask.outcome == stage.name for ask in asks):
        return True
    if view.link.base is None:
        return False
    return any(
        outcome == stage.name
        and (
            move.tag in view.ticket.tags
            if move.tag is not None
            else move.to is not None and move.by is None and move.frm is None and move.to.matches(view.ticket.state)
        )
        for move, outcome in view.stage.asks
    )


def _walk(world: World, draft: Draft, stage: Stage, voters: Sequence[LinkView], asks: Sequence[Ask]) -> bool:
    ask = min(asks, key=lambda a: (a.is_cast, a.view.link.id))
    view, issue, target = ask.view, ask.view.issue, stage.move_bug_to
    if target is None or stage.name == view.stage.name:
        for voter in voters:
            draft.record(voter, f"{issue.key} is in stage {stage.name} as asked")
            _remove_tags(draft, [a for a in asks if a.view.link.id == voter.link.id], after=None)
        return False
    by_person = ask.change is None or ask.change.actor.kind.is_person or bug_mover(issue).kind.is_person
    value, times = world.own_writes.get((issue_subject(issue.id), status_attribute(target.status_id)), ("", 0))
    if not by_person and value == target.status_id and times >= WRITES_WITHOUT_A_PERSON:
        message = (
            f"{issue.key} was set to {target.status_name} {times} times without a person's change between; "
            "syncd stopped. Look for a rule that works against it."
        )
        for voter in voters:
            draft.conflict(voter, "repeated", message)
        return False
    what = _what_happened(ask)
    move = MoveBug(
        issue_id=issue.id,
        issue_key=issue.key,
        source=f"{ask.event}:{stage.name}",
        reason=f"ticket #{view.ticket.id} {what}: stage {view.stage.name} asks for {stage.name}",
        stage=stage.name,
        target=target,
        expected_status_id=issue.status_id,
        expected_resolution_id=issue.resolution_id,
        by_person=by_person,
        settles=tuple(draft.settles_walk(voter, stage) for voter in voters),
        link_ids=tuple(voter.link.id for voter in voters),
        route=view.route.name,
    )
    draft.add(move)
    for voter in voters:
        draft.settled.add(voter.link.id)
    if stage.rank < view.stage.rank:
        for each in sorted(asks, key=lambda a: a.view.link.id):  # each ticket is heard, whatever its own status is
            said = _what_happened(each)
            draft.comment_on_bug(
                view.route.name,
                (each.view.link.id,),
                issue,
                f"{each.event}:{stage.name}",
                f"says why {issue.key} goes back to {stage.name}",
                ticket_said(world, each.view.ticket, f"{said}: this bug goes back to {target.status_name}."),
                after=marker_of(move),
            )
    _remove_tags(draft, asks, after=marker_of(move))
    return True


def _remove_tags(draft: Draft, asks: Iterable[Ask], *, after: str | None) -> None:
    for ask in asks:
        _remove_tag(draft, ask, after=after)
