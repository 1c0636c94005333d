"""Performing and verifying writes to Jira issues: walks over workflows, and comments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile

from syncd.core.actions import CommentOnBug, MoveBug, Settles
from syncd.core.mapping import StatusOrder
from syncd.core.model import ActorKind, Base, Conflict, IssueChange, IssueSnapshot, Seen
from syncd.core.ports import IssueSource, Transition
from syncd.core.walk import MAX_STEPS, Step, Stuck, next_step
from syncd.core.world import status_attribute
from syncd.executor.outcome import Done, Later, Outcome, Refused, Superseded
from syncd.sources.errors import NotFoundError, PreconditionError, RefusedError

CLOCK_SKEW = timedelta(minutes=2)
"""How far the servers' clocks may differ from ours when a change without a mark is to be told from an older one."""

CROSSED_TRIES = 3
"""Tries in a row when Jira is busy with other transitions of the bug."""


@dataclass(frozen=True, slots=True)
class WalkKnowledge:
    """What is known of a workflow beyond what the issue offers now."""

    edges: Collection[tuple[str | None, str]]
    order: StatusOrder


class BugWriter:
    """Writes to one Jira. `before_send` commits the intent as sent; `learn` keeps edges that transitions show."""

    def __init__(self, jira: IssueSource) -> None:
        self._jira = jira

    def move(
        self,
        action: MoveBug,
        marker: str,
        *,
        now: datetime,
        since: datetime | None,
        knowledge: Callable[[IssueSnapshot], WalkKnowledge],
        learn: Callable[[IssueSnapshot, tuple[Transition, ...]], None],
        before_send: Callable[[], None],
    ) -> Outcome:
        """Walks until the target status is reached; every step is verified by reading. A walk that was interrupted
        (`since`: when it was first sent) goes on from where it stands, as long as nobody else moved the bug since.
        A move that it wrote over without having seen it is a conflict, unless its maker has moved the bug since."""
        visited: list[str] = []
        refused: RefusedError | None = None
        known: frozenset[str] | None = None
        shown: frozenset[str] | None = None
        buried: list[IssueChange] = []
        crossed = 0
        for _ in range(MAX_STEPS + 1):
            issue = self._jira.read([action.issue_id])[0]
            if known is None:
                # A walk that begins has made none of the changes that are there.
                known = frozenset(change.id for change in issue.history) if since is None else frozenset()
            ours = _own_changes(issue, marker, known, since)
            buried = _buried(action, issue, ours, shown) + buried
            stop = _where(action, issue, ours)
            if isinstance(stop, Done):
                return self._arrived(action, issue, ours, now, _undecided(issue, ours, buried))
            if isinstance(stop, Superseded):
                return _over_and_off(issue, ours, _undecided(issue, ours, buried)) or stop
            if stop is not None:
                return stop
            shown = frozenset(change.id for change in issue.history)
            visited.append(issue.status_id)
            transitions = self._jira.transitions(action.issue_id)
            learn(issue, transitions)
            workflow = knowledge(issue)
            step = next_step(
                issue,
                action.target,
                transitions,
                edges=workflow.edges,
                visited=visited,
                order=workflow.order,
                stage=action.stage,
            )
            if isinstance(step, Stuck):
                return Refused(step.code, _with_refusal(step.message, refused), issues=(issue,))
            before_send()
            try:
                refused = self._take(action, step, marker, refused)
            except PreconditionError:
                crossed += 1
                if crossed >= CROSSED_TRIES:
                    return Later(5.0, f"{action.issue_key} keeps being moved while it is moved")
                visited.pop()
                continue
            if refused is not None:
                visited.pop()
        message = (
            f"{action.issue_key} did not reach {action.target.status_name} in {MAX_STEPS} steps. Name the way in the "
            f"mapping under {action.stage}.move_bug_to.path."
        )
        return Refused("unreachable", _with_refusal(message, refused))

    def _take(self, action: MoveBug, step: Step, marker: str, earlier: RefusedError | None) -> RefusedError | None:
        """One transition. A refusal is a reason to read and plan again, once; PreconditionError: another transition
        was under way."""
        try:
            self._jira.transition(action.issue_id, step.transition.id, step.fields, marker=marker)
        except RefusedError as error:
            if earlier is not None:
                raise
            return error
        return None

    def verify_move(self, action: MoveBug) -> Outcome | None:
        """After an unknown answer or a crash: None when the bug is where the walk leads, or gone, so that it can end at
        once. Elsewhere a transition may still be running: taken up again at once, the walk could be over, and a person
        have moved the bug on, when Jira carries that request out."""
        issue = self._jira.read([action.issue_id], history=False)[0]
        if not issue.visible or issue.status_id == action.target.status_id:
            return None
        return Later(0.0, f"{action.issue_key} has not arrived")

    def _arrived(
        self,
        action: MoveBug,
        issue: IssueSnapshot,
        ours: Sequence[IssueChange],
        now: datetime,
        lost: IssueChange | None,
    ) -> Outcome:
        """Base is what we reached: when somebody moved the bug on since, the planner sees that move and its maker.
        `lost`: a move that we wrote over without having seen it, and whose maker has to decide."""
        reached = issue
        if issue.status_id != action.target.status_id:
            reached = replace(
                issue,
                status_id=action.target.status_id,
                resolution_id=ours[0].resolution_to or issue.resolution_id,
                updated_ms=int(ours[0].at.timestamp() * 1000),
            )
        bases = {s.link_id: base_after_walk(s, reached, now, wrote=bool(ours)) for s in action.settles}
        conflicts = _overwritten(action, issue, ours, lost, now) if lost is not None else {}
        own = (
            ((action.subject, status_attribute(reached.status_id), reached.status_id, action.by_person),)
            if ours
            else ()
        )
        result = {"status": issue.status_name, "resolution": issue.resolution_name, "updated": issue.updated_ms}
        return Done(bases=bases, conflicts=conflicts, issues=(issue,), own_writes=own, result=result)

    def comment(self, action: CommentOnBug, marker: str, *, before_send: Callable[[], None]) -> Outcome:
        """Posts once: the comments are looked through for the marker first, as after an unknown answer and after a
        backup was put back nothing else tells. A bug that does not answer is no refusal of this comment: whether it
        is gone is for the plan to say, and to be taken back when it is seen again."""
        found = self.verify_comment(action, marker)
        if not isinstance(found, Later):
            return found
        before_send()
        try:
            comment_id = self._jira.comment(action.issue_id, action.body, marker=marker)
        except NotFoundError:
            hidden = hidden_bug(self._jira, action.issue_id, action.issue_key)
            if hidden is None:
                raise
            return hidden
        return Done(issues=self._jira.read([action.issue_id]), result={"comment": comment_id})

    def verify_comment(self, action: CommentOnBug, marker: str) -> Outcome:
        """Done when a comment carries the marker, Later when none does, Superseded when the bug cannot be seen."""
        try:
            comments = self._jira.comments(action.issue_id)
        except NotFoundError:
            hidden = hidden_bug(self._jira, action.issue_id, action.issue_key)
            if hidden is None:
                raise
            return hidden
        for comment in comments:
            if comment.marker == marker:
                return Done(issues=self._jira.read([action.issue_id]), result={"comment": comment.id})
        return Later(0.0, "not found on the server")


def hidden_bug(jira: IssueSource, issue_id: str, issue_key: str) -> Superseded | None:
    """What becomes of a write to a bug that answered 404; None when the bug can be read, so that the 404 is about
    something else. One call."""
    issue = jira.read([issue_id], history=False)[0]
    return None if issue.visible else _gone(issue_key, issue)


def _gone(issue_key: str, issue: IssueSnapshot) -> Superseded:
    """No refusal: the plan says that it is gone, and wants the write again when it is seen again."""
    return Superseded(f"{issue_key} was deleted, or syncd may no longer see it", issues=(issue,))


def _where(action: MoveBug, issue: IssueSnapshot, ours: Sequence[IssueChange]) -> Outcome | None:
    """None: take a step. Done: arrived, or arrived and undone since. Otherwise the walk is off.

    `ours` are this walk's own changes, newest first."""
    if not issue.visible:
        return _gone(action.issue_key, issue)
    if issue.status_id == action.target.status_id:
        return Done()
    change = issue.last_change
    if ours and change is not None and change.id != ours[0].id:
        if ours[0].status_to == action.target.status_id:
            return Done()
        if issue.status_id == action.expected_status_id:
            who = change.actor.name or "somebody"
            message = (
                f"{issue.key} was on its way to {action.target.status_name} when '{who}' moved it back to "
                f"{issue.status_name}; syncd does not repeat it. Move either side to go on."
            )
            return Refused("bounced", message, issues=(issue,))
        return Superseded(f"{issue.key} was moved by somebody since syncd moved it", issues=(issue,))
    if ours or issue.status_id == action.expected_status_id:
        return None  # at the start, or in a middle state of this walk
    return Superseded(f"{issue.key} is {issue.status_name} by now", issues=(issue,))


def _own_changes(
    issue: IssueSnapshot, marker: str, known: Collection[str], since: datetime | None
) -> list[IssueChange]:
    """This walk's changes, newest first: by their mark, or, where a server keeps no marks, by our account and time."""

    def is_ours(change: IssueChange) -> bool:
        if change.marker is not None:
            return change.marker == marker
        if change.actor.kind is not ActorKind.SELF or change.id in known:
            return False
        return since is None or change.at >= since - CLOCK_SKEW

    return [change for change in issue.history if is_ours(change)]


def _buried(
    action: MoveBug, issue: IssueSnapshot, ours: Sequence[IssueChange], shown: Collection[str] | None
) -> list[IssueChange]:
    """The moves of others that lie right below one of ours and that we had not seen when we made it, newest first. Jira
    has no compare-and-swap, so that only its history tells, afterwards. `shown`: what the reading before our newest
    step showed; None when that is forgotten, and what the plan knew must do."""
    planned = max((settles.issue_version for settles in action.settles), default=None)
    mine = {change.id for change in ours}
    found = []
    is_below = False
    for change in issue.history:
        if change.id in mine:
            is_below = True
        elif change.marker is None and change.actor.kind is not ActorKind.SELF:
            if shown is not None:
                is_new = change.id not in shown
            else:
                is_new = planned is not None and change.at.timestamp() * 1000 > planned
            if is_below and is_new:
                found.append(change)
            is_below = False
    return found


def _undecided(issue: IssueSnapshot, ours: Sequence[IssueChange], buried: Sequence[IssueChange]) -> IssueChange | None:
    """The newest of the moves that we wrote over whose maker has not moved the bug since our last step. A robot, or
    another person, who moved it since did not know of that move either."""
    mine = {change.id for change in ours}
    since = takewhile(lambda change: change.id not in mine, issue.history)
    decided = {change.actor.id for change in since} - {""}
    return next((change for change in buried if change.actor.id not in decided), None)


def _told(issue: IssueSnapshot, ours: Sequence[IssueChange], lost: IssueChange) -> str:
    """What happened, as people are told."""
    who, change = lost.actor.name or "somebody", issue.last_change
    text = f"'{who}' moved {issue.key} at the same moment as syncd, whose move"
    if change is None or change.id == ours[0].id:
        return f"{text} to {issue.status_name} is the one that stayed."
    return f"{text} came on top of that; '{change.actor.name or 'somebody'}' moved it to {issue.status_name} since."


def _over_and_off(issue: IssueSnapshot, ours: Sequence[IssueChange], lost: IssueChange | None) -> Refused | None:
    """A walk that was ended by somebody's move, after it had written over another one."""
    if lost is None:
        return None
    return Refused("overwritten", f"{_told(issue, ours, lost)} Move either side to go on.", issues=(issue,))


def _overwritten(
    action: MoveBug, issue: IssueSnapshot, ours: Sequence[IssueChange], lost: IssueChange, now: datetime
) -> dict[int, Conflict]:
    """Both meant something: a person decides."""
    message = (
        f"{_told(issue, ours, lost)} Move {issue.key} to where it belongs, or leave it so: syncd conflicts resolve"
    )
    return {
        s.link_id: Conflict(
            "overwritten",
            f"{message} {s.link_id} --take as-is",
            Seen(issue.status_id, issue.resolution_id, s.ticket),
            now,
        )
        for s in action.settles
    }


def _with_refusal(message: str, refused: RefusedError | None) -> str:
    return f"{message} Jira said: {refused}" if refused is not None else message


def base_after_walk(settles: Settles, issue: IssueSnapshot, now: datetime, *, wrote: bool) -> Base:
    """The base that a walk leaves: the bug as it is, the ticket as it was planned for."""
    return Base(
        stage=settles.stage,
        status_id=issue.status_id,
        resolution_id=issue.resolution_id,
        ticket=settles.ticket,
        ticket_version=settles.ticket_version,
        issue_version=issue.updated_ms,
        at=now,
        wrote_bug=wrote,
        acted=settles.acted,
    )
