"""Performing and verifying writes to Jira issues: walks over workflows, and comments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from syncd.core.actions import CommentOnBug, MoveBug, Settles
from syncd.core.model import ActorKind, Base, IssueSnapshot
from syncd.core.ports import IssueSource, Transition
from syncd.core.walk import MAX_STEPS, Step, Stuck, next_step
from syncd.executor.outcome import Done, Later, Outcome, Refused, Superseded
from syncd.sources.errors import PreconditionError, RefusedError


@dataclass(frozen=True, slots=True)
class WalkKnowledge:
    """What is known of a workflow beyond what the issue offers now."""

    edges: Collection[tuple[str | None, str]]
    ranks: Mapping[str, int]  # the mapping's order of progress by status id


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
        knowledge: Callable[[IssueSnapshot], WalkKnowledge],
        learn: Callable[[IssueSnapshot, tuple[Transition, ...]], None],
        before_send: Callable[[], None],
    ) -> Outcome:
        """Walks until the target status is reached; every step is verified by reading. A walk that was interrupted
        goes on from where it stands, as long as nobody else moved the bug since."""
        visited: list[str] = []
        refused: RefusedError | None = None
        for _ in range(MAX_STEPS + 1):
            issue = self._jira.read([action.issue_id])[0]
            stop = _where(action, issue, marker, walked=bool(visited))
            if stop is not None:
                return stop if isinstance(stop, Superseded | Refused) else self._arrived(action, issue, now)
            visited.append(issue.status_id)
            transitions = self._jira.transitions(action.issue_id)
            learn(issue, transitions)
            known = knowledge(issue)
            step = next_step(
                issue,
                action.target,
                transitions,
                edges=known.edges,
                visited=visited,
                ranks=known.ranks,
                stage=action.stage,
            )
            if isinstance(step, Stuck):
                return Refused(step.code, _with_refusal(step.message, refused), issues=(issue,))
            before_send()
            refused = self._take(action, step, marker, refused)
            if refused is not None:
                visited.pop()
        message = (
            f"{action.issue_key} did not reach {action.target.status_name} in {MAX_STEPS} steps. Name the way in the "
            f"mapping under {action.stage}.move_bug_to.path."
        )
        return Refused("unreachable", _with_refusal(message, refused))

    def _take(self, action: MoveBug, step: Step, marker: str, earlier: RefusedError | None) -> RefusedError | None:
        """One transition. A refusal is a reason to read and plan again, once."""
        try:
            self._jira.transition(action.issue_id, step.transition.id, step.fields, marker=marker)
        except PreconditionError:
            return earlier  # a concurrent transition: read again
        except RefusedError as error:
            if earlier is not None:
                raise
            return error
        return None

    def _arrived(self, action: MoveBug, issue: IssueSnapshot, now: datetime) -> Outcome:
        bases = {s.link_id: base_after_walk(s, issue, now) for s in action.settles}
        own = (action.subject, "status", issue.status_id, action.by_person)
        result = {"status": issue.status_name, "resolution": issue.resolution_name, "updated": issue.updated_ms}
        return Done(bases=bases, issues=(issue,), own_writes=(own,), result=result)

    def comment(self, action: CommentOnBug, marker: str, *, attempts: int, before_send: Callable[[], None]) -> Outcome:
        """Posts once: after an unknown answer the comments are looked through for the marker first."""
        if attempts:
            found = self.verify_comment(action, marker)
            if not isinstance(found, Later):
                return found
        before_send()
        comment_id = self._jira.comment(action.issue_id, action.body, marker=marker)
        return Done(issues=self._jira.read([action.issue_id]), result={"comment": comment_id})

    def verify_comment(self, action: CommentOnBug, marker: str) -> Outcome:
        """Done when a comment carries the marker, Later when none does."""
        for comment in self._jira.comments(action.issue_id):
            if comment.marker == marker:
                return Done(issues=self._jira.read([action.issue_id]), result={"comment": comment.id})
        return Later(0.0, "not found on the server")


def _where(action: MoveBug, issue: IssueSnapshot, marker: str, *, walked: bool) -> Outcome | None:
    """None: take a step. Done: arrived. Otherwise the walk is off."""
    if not issue.visible:
        return Refused("bug_gone", f"{action.issue_key} was deleted, or syncd may no longer see it.", issues=(issue,))
    if issue.status_id == action.target.status_id:
        return Done()
    change = issue.last_change
    ours_is_last = change is not None and (change.marker == marker or change.actor.kind is ActorKind.SELF)
    if any(c.marker == marker for c in issue.history) and not ours_is_last:
        return Superseded(f"{issue.key} was moved by somebody since syncd moved it", issues=(issue,))
    if walked or issue.status_id == action.expected_status_id:
        return None
    if ours_is_last:
        return None  # a middle state of this walk, interrupted earlier
    return Superseded(f"{issue.key} is {issue.status_name} by now", issues=(issue,))


def _with_refusal(message: str, refused: RefusedError | None) -> str:
    return f"{message} Jira said: {refused}" if refused is not None else message


def base_after_walk(settles: Settles, issue: IssueSnapshot, now: datetime) -> Base:
    """The base that a walk leaves: the bug as it is, the ticket as it was planned for."""
    return Base(
        stage=settles.stage,
        status_id=issue.status_id,
        resolution_id=issue.resolution_id,
        ticket=settles.ticket,
        ticket_version=settles.ticket_version,
        issue_version=issue.updated_ms,
        at=now,
        wrote_bug=True,
        acted=settles.acted,
    )
