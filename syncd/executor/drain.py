"""The queue of intents: what is due is claimed, performed, verified and settled, the most urgent first.

1. `recover` looks on the servers for what a crash or an unknown answer left `sent`.
2. `drain` takes one destination's due intents, one per subject at a time, while the budget and the deadline allow.
3. Every outcome is one transaction: state, bases, snapshots, audit row, and the subject is touched, so that the planner
   looks at it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import structlog

from syncd.core.actions import (
    CommentOnBug,
    CreateBug,
    FollowUp,
    MoveBug,
    RemoteAction,
    RemoveTag,
    SetBugFields,
    SetTicketFields,
    ShowTicketOnBug,
    UpdateTicket,
)
from syncd.core.clock_actions import ShowClocks
from syncd.core.mapping import StatusOrder
from syncd.core.model import Conflict, IssueSnapshot, Json, LinkState, TicketSnapshot
from syncd.core.ports import Clock, IssueSource, TicketSource, Transition
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.succession import RelateBugs
from syncd.core.world import seen_of
from syncd.executor.bugs import BugWriter, WalkKnowledge
from syncd.executor.clock_fields import owed_fields
from syncd.executor.comments import describe_comment
from syncd.executor.outcome import (
    LOOK_AFTER,
    VERIFY_AFTER,
    Done,
    InDoubt,
    Later,
    Outcome,
    Parked,
    Refused,
    Superseded,
    backoff,
    unforeseen,
)
from syncd.executor.tickets import TicketWriter
from syncd.sources.errors import (
    AuthError,
    InvalidResponseError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    SourceError,
    TransientError,
    UnknownError,
)
from syncd.store import SUPERSEDED, Intent, IntentState, Store, Tx

log = structlog.get_logger(__name__)

BATCH = 50


class Lane(StrEnum):
    """One destination; writes to one never wait for the other."""

    ZENDESK = "zendesk"
    JIRA = "jira"


@dataclass(slots=True)
class DrainReport:
    """What one drain of one lane did."""

    lane: Lane
    done: int = 0
    superseded: int = 0
    refused: int = 0
    later: int = 0
    in_doubt: int = 0
    stopped: str = ""  # why the lane stopped before its queue was empty
    auth_failed: str = ""
    incidents: list[tuple[str, str]] = field(default_factory=list)  # (route, what happened)


class OrderOf(Protocol):
    """The order of progress of a route's statuses; empty for a route that is not configured."""

    def __call__(self, route: str) -> StatusOrder: ...


class Send(Protocol):
    """Commits an intent as sent; `floor` is what is known to exist by then, for a search for its effect."""

    def __call__(self, floor: str | None = None) -> None: ...


class Performer(Protocol):
    """Carries out further kinds of actions; the queue, the classification and the settling stay the executor's."""

    actions: tuple[type[RemoteAction], ...]

    def perform(self, intent: Intent, now: datetime, before_send: Send) -> Outcome:
        """Does it. Calls before_send right before the first write. Raises the errors of sources/errors.py."""

    def verify(self, intent: Intent, now: datetime) -> Outcome:
        """Looks on the server for a write whose answer is unknown: Later(0) when it is not there."""

    def describe(self, action: RemoteAction) -> str:
        """What it does, for sentences."""

    def matters(self, action: RemoteAction) -> bool:
        """True when its refusal is a conflict of its links."""


class Executor:
    """Carries out intents against one Zendesk and one Jira."""

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        jira: IssueSource,
        clock: Clock,
        *,
        order: OrderOf,
        stopping: Callable[[], bool] = lambda: False,
        performers: Sequence[Performer] = (),
    ) -> None:
        self._performers = {kind: performer for performer in performers for kind in performer.actions}
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._clock = clock
        self._order = order
        self._stopping = stopping
        self._tickets = TicketWriter(zendesk, owed_fields(store))
        self._bugs = BugWriter(jira)
        self._graphs: dict[tuple[str, str], tuple[tuple[str | None, str], ...]] = {}

    # ---- the queue ----

    def recover(self, lane: Lane) -> DrainReport:
        """Looks for the effects of this lane's `sent` intents whose time has come. Nothing is repeated blindly."""
        report = DrainReport(lane)
        now = self._clock.now()
        with self._store.reading() as tx:
            unsettled = [i for i in tx.unsettled() if i.destination == lane and i.next_at <= now]
        for intent in unsettled:
            if self._stopping() or report.stopped:
                break
            self._run(intent, report, lambda i=intent: self._verify(i), verifying=True)  # type: ignore[misc]  # bound per turn
        return report

    def drain(self, lane: Lane, *, seconds: float) -> DrainReport:
        """Performs what is due, for at most `seconds` and as far as the server's budget goes; however slow the machine
        is, one is performed."""
        report = DrainReport(lane)
        begun = False
        deadline = self._clock.monotonic() + seconds
        while not report.stopped:
            with self._store.transaction() as tx:
                batch = tx.due(lane, self._clock.now(), BATCH)
            if not batch:
                break
            for intent in batch:
                if self._stopping():
                    report.stopped = "stopping"
                elif begun and self._clock.monotonic() >= deadline:
                    report.stopped = "out of time for this cycle"
                elif self._budget_wait(lane) > 0:
                    report.stopped = "the server's rate limit is used up for now"
                if report.stopped:
                    break
                begun = True
                self._run(intent, report, lambda i=intent: self._perform(i))  # type: ignore[misc]  # bound per turn
        return report

    def _budget_wait(self, lane: Lane) -> float:
        return self._zendesk.wait_for("update") if lane is Lane.ZENDESK else self._jira.wait_for("write")

    def _run(
        self, intent: Intent, report: DrainReport, perform: Callable[[], Outcome], *, verifying: bool = False
    ) -> None:
        """Perform and settle; whatever goes wrong stays with this intent."""
        try:
            outcome = perform()
        except SourceError as error:
            outcome = self._classified(intent, error, report)
            if verifying and isinstance(outcome, Later):  # we could not look: what was in doubt still is
                report.stopped = outcome.reason if outcome.stop_lane else report.stopped
                outcome = InDoubt(outcome.seconds, outcome.reason)
        except Exception as error:  # one bad intent never stops the others; it is logged
            log.exception("intent_failed", intent=intent.id, kind=intent.kind, subject=intent.subject)
            outcome = self._unforeseen(intent, error)
        self._settle(intent, outcome, report)

    def _classified(self, intent: Intent, error: SourceError, report: DrainReport) -> Outcome:
        match error:
            case TransientError() | AuthError() if error.service not in ("", intent.destination):
                # The other tracker, which this write only asks: its own lane and the reading say so, and the rest of
                # this lane does not wait for it.
                return Later(max(getattr(error, "retry_after", 0.0), backoff(intent.attempts, intent.id)), str(error))
            case TransientError():
                seconds = max(error.retry_after, backoff(intent.attempts, intent.id))
                return Later(seconds, str(error), stop_lane=not error.bucket.startswith(("issue:", "ticket:")))
            case AuthError():
                report.auth_failed = str(error)
                return Later(backoff(intent.attempts, intent.id), str(error), stop_lane=True)
            case PreconditionError():
                return Later(backoff(intent.attempts, intent.id), str(error))
            case RefusedError() | NotFoundError():
                return Refused("refused", refusal(intent.destination, self._describe(intent.action), error))
            case UnknownError() | InvalidResponseError():
                return InDoubt(LOOK_AFTER, str(error))
            case _:
                return InDoubt(LOOK_AFTER, str(error))

    def _describe(self, action: RemoteAction) -> str:
        performer = self._performers.get(type(action))
        return describe(action) if performer is None else performer.describe(action)

    def _matters(self, action: RemoteAction) -> bool:
        performer = self._performers.get(type(action))
        return _matters(action) if performer is None else performer.matters(action)

    def _unforeseen(self, intent: Intent, error: Exception) -> Outcome:
        with self._store.reading() as tx:
            state = tx.intent(intent.id)
        return unforeseen(intent, error, is_sent=state is not None and state.state is IntentState.SENT)

    # ---- one intent ----

    def _sender(self, intent: Intent) -> Send:
        """Commits `sent` before the first byte of the write; a second try in the same turn finds it committed."""
        committed = False

        def before_send(floor: str | None = None) -> None:
            nonlocal committed
            if not committed:
                with self._store.transaction() as tx:
                    tx.mark_sent(intent.id, self._clock.now(), floor)
                committed = True

        return before_send

    def _perform(self, intent: Intent) -> Outcome:
        action, now, send = intent.action, self._clock.now(), self._sender(intent)
        if type(action) in self._performers:
            return self._performers[type(action)].perform(intent, now, send)
        match action:
            case UpdateTicket():
                return self._tickets.update(action, intent.id, attempts=intent.attempts, now=now, before_send=send)
            case RemoveTag():
                return self._tickets.remove_tag(action, before_send=send)
            case CommentOnBug():
                return self._bugs.comment(action, intent.id, before_send=send)
            case MoveBug():
                return self._move(action, intent, now, send)
            case _:
                raise TypeError(f"nothing performs {action.kind}")

    def _move(self, action: MoveBug, intent: Intent, now: datetime, send: Callable[[], None]) -> Outcome:
        return self._bugs.move(
            action,
            intent.id,
            now=now,
            since=intent.sent_at,
            knowledge=lambda issue: self._knowledge(action, issue),
            learn=self._learn,
            before_send=send,
        )

    def _verify(self, intent: Intent) -> Outcome:
        """What became of a write whose answer we do not know. `Later` sends it again, `InDoubt` keeps looking."""
        action, now = intent.action, self._clock.now()
        if type(action) in self._performers:
            return self._waited(intent, self._performers[type(action)].verify(intent, now), now)
        match action:
            case UpdateTicket():
                found = self._tickets.verify_update(action, intent.id, now=now)
            case CommentOnBug():
                found = self._bugs.verify_comment(action, intent.id)
            case RemoveTag():
                return Later(0.0, "tags are read again")
            case MoveBug():
                moved = self._bugs.verify_move(action)
                if moved is None:
                    return Later(0.0, "the bug's status is read again")
                found = moved
            case _:
                raise TypeError(f"nothing verifies {action.kind}")
        return self._waited(intent, found, now)

    def _waited(self, intent: Intent, found: Outcome, now: datetime) -> Outcome:
        """Nothing is sent again before its absence on the server has lasted. Nor is it dropped where nobody could look:
        wanted again a moment later, it would not be known to have been sent. Zendesk fences what comes late."""
        is_unseen = isinstance(found, Superseded) and intent.destination == Lane.JIRA
        if (isinstance(found, Later) or is_unseen) and intent.sent_at is not None:
            remaining = VERIFY_AFTER - (now - intent.sent_at).total_seconds()
            if remaining > 0:
                where = "not to be looked for" if is_unseen else "not on the server yet"
                return InDoubt(remaining, f"{where}; the request may still be running")
        return found

    def _knowledge(self, action: MoveBug, issue: IssueSnapshot) -> WalkKnowledge:
        key = (issue.project_id, issue.issue_type_id)
        if key not in self._graphs:
            self._graphs[key] = self._jira.graph(*key)
        with self._store.reading() as tx:
            learned = tx.edges(*key)
        return WalkKnowledge(edges={*self._graphs[key], *learned}, order=self._order(action.route))

    def _learn(self, issue: IssueSnapshot, transitions: tuple[Transition, ...]) -> None:
        edges = {(issue.status_id, t.to_status_id) for t in transitions if t.to_status_id is not None}
        with self._store.transaction() as tx:
            tx.learn_edges(issue.project_id, issue.issue_type_id, edges, self._clock.now())

    # ---- settling ----

    def _settle(self, intent: Intent, outcome: Outcome, report: DrainReport) -> None:
        now = self._clock.now()
        with self._store.transaction() as tx:
            match outcome:
                case Done():
                    report.done += 1
                    _keep_done(tx, intent, outcome, now, self._describe(intent.action))
                    if outcome.incident:
                        report.incidents.append((intent.route, outcome.incident))
                case Superseded():
                    report.superseded += 1
                    _keep_readings(tx, outcome.tickets, outcome.issues, now)
                    if outcome.keep is not None:
                        outcome.keep(tx, now)
                    tx.settle(intent.id, IntentState.REFUSED, now, error=SUPERSEDED)
                    tx.touch([intent.subject, *_subjects(tx, intent)], now)
                    tx.audit(now, intent.id, intent.kind, intent.subject, outcome.reason, "superseded", {})
                case Refused():
                    report.refused += 1
                    _keep_refused(tx, intent, outcome, now, matters=self._matters(intent.action))
                case Later():
                    report.later += 1
                    tx.postpone(intent.id, now + timedelta(seconds=outcome.seconds), outcome.reason)
                    if outcome.stop_lane:
                        report.stopped = outcome.reason
                case InDoubt():
                    report.in_doubt += 1
                    _keep_in_doubt(tx, intent, outcome, now)
                case Parked():
                    report.refused += 1
                    tx.park(intent.id, outcome.reason)
                    tx.audit(now, intent.id, intent.kind, intent.subject, outcome.reason, "parked", {})
        if isinstance(outcome, Done | Refused):
            log.info(
                "action",
                kind=intent.kind,
                subject=intent.subject,
                outcome="done" if isinstance(outcome, Done) else "refused",
                reason=intent.action.reason,
                route=intent.route,
                intent=intent.id,
            )


def describe(action: RemoteAction) -> str:
    """What an action does, for sentences: `set ticket #35 to open`."""
    match action:
        case UpdateTicket(status=str() as status):
            return f"set ticket #{action.ticket_id} to {action.status_name or status}"
        case UpdateTicket(note=str()):
            return f"leave an internal note on ticket #{action.ticket_id}"
        case UpdateTicket():
            return f"show the bug in fields of ticket #{action.ticket_id}"
        case RemoveTag():
            return f"take the tag {action.tag} off ticket #{action.ticket_id}"
        case MoveBug():
            return f"move {action.issue_key} to {action.target.status_name}"
        case CommentOnBug():
            return f"comment on {action.issue_key}"
        case SetBugFields():
            return f"set {', '.join(change.field for change in action.changes)} of {action.issue_key}"
        case SetTicketFields():
            return f"set {', '.join(change.field for change in action.changes)} of ticket #{action.ticket_id}"
        case ShowClocks():
            return f"show the clocks in fields of ticket #{action.ticket_id}"
        case FollowUp():
            return f"make a private follow-up of ticket #{action.ticket_id}"
        case CreateBug():
            place = f" in the place of {action.instead.issue_key}" if action.instead is not None else ""
            return f"create a bug in {action.project_key} for ticket #{action.ticket_id}{place}"
        case RelateBugs():
            return f"link {action.issue_key} with {action.other_key}"
        case ShowTicketOnBug():
            return f"show ticket #{action.ticket_id} on {action.issue_key} as a remote link"
        case _:
            return describe_comment(action)


def refusal(destination: str, what: str, error: SourceError) -> str:
    """`Jira refused to comment on NOVA-1: …`, with what it says about single fields."""
    system = "Zendesk" if (error.service or destination) == Lane.ZENDESK else "Jira"
    told = str(error)  # most often with what is said about fields already, shortened
    fields = "; ".join(f"{name}: {text}" for name, text in getattr(error, "fields", {}).items() if text not in told)
    return f"{system} refused to {what}: {told}{f' ({fields})' if fields else ''}"


def _subjects(tx: Tx, intent: Intent) -> list[str]:
    """Both sides of the links that the write is for: whoever waited for it is planned again."""
    found = []
    for link_id in intent.link_ids:
        link = tx.link(link_id)
        if link is not None:
            found += [ticket_subject(link.ticket_id), issue_subject(link.issue_id)]
    return found


def _keep_readings(
    tx: Tx, tickets: tuple[TicketSnapshot, ...], issues: tuple[IssueSnapshot, ...], now: datetime
) -> None:
    if tickets:
        tx.put_tickets(tickets, now)
    if issues:
        tx.put_issues(issues, now)


def _keep_done(tx: Tx, intent: Intent, outcome: Done, now: datetime, did: str) -> None:
    _keep_readings(tx, outcome.tickets, outcome.issues, now)
    for link_id in {*outcome.bases, *outcome.conflicts}:
        link = tx.link(link_id)
        if link is None or link.state is LinkState.RETIRED:
            continue
        conflict = outcome.conflicts.get(link_id)
        base = outcome.bases.get(link_id, link.base)
        state = LinkState.LIVE if conflict is None else LinkState.CONFLICT
        tx.save_link(replace(link, base=base, conflict=conflict, state=state, vote=None))
        what, told = ("settled", {}) if conflict is None else ("conflict", {"code": conflict.code})
        why = conflict.message if conflict else intent.action.reason
        tx.log_link(link_id, now, what, why, {"intent": intent.id, **told})
    # A person's change begins the counts of its subject anew.
    tx.forget_own_writes({subject for subject, _, _, fresh in outcome.own_writes if fresh})
    for subject, attr, value, fresh in outcome.own_writes:
        tx.note_own_write(subject, attr, value, now, fresh)
    if outcome.keep is not None:
        outcome.keep(tx, now)
    tx.settle(intent.id, IntentState.DONE, now, result=outcome.result)
    tx.touch([intent.subject, *_subjects(tx, intent)], now)
    detail: dict[str, Json] = {"did": did, **outcome.result}
    tx.audit(now, intent.id, intent.kind, intent.subject, intent.action.reason, "done", detail)


def _keep_refused(tx: Tx, intent: Intent, outcome: Refused, now: datetime, *, matters: bool) -> None:
    _keep_readings(tx, outcome.tickets, outcome.issues, now)
    for link_id in intent.link_ids:
        link = tx.link(link_id)
        if link is not None and link.state is not LinkState.RETIRED and matters:
            ticket = tx.tickets([link.ticket_id]).get(link.ticket_id)
            issue = tx.issues([link.issue_id]).get(link.issue_id)
            conflict = Conflict(outcome.code, outcome.message, seen_of(ticket, issue), now)
            tx.save_link(replace(link, state=LinkState.CONFLICT, conflict=conflict))
            tx.log_link(link_id, now, "conflict", outcome.message, {"intent": intent.id, "code": outcome.code})
    tx.settle(intent.id, IntentState.REFUSED, now, error=outcome.message)
    tx.touch([intent.subject, *_subjects(tx, intent)], now)
    tx.audit(now, intent.id, intent.kind, intent.subject, outcome.message, "refused", {"code": outcome.code})


def _matters(action: RemoteAction) -> bool:
    """A refused status or note is a conflict; a field of the mirror or a tag is only said in the log."""
    match action:
        case UpdateTicket():
            return action.status is not None or action.note is not None
        case MoveBug() | CommentOnBug():
            return True
        case _:
            return False


def _keep_in_doubt(tx: Tx, intent: Intent, outcome: InDoubt, now: datetime) -> None:
    state = tx.intent(intent.id)
    at = now + timedelta(seconds=outcome.seconds)
    if state is None or state.state is not IntentState.SENT:
        tx.postpone(intent.id, at, outcome.reason)  # it failed before the write was sent: nothing is in doubt
    else:
        tx.recheck(intent.id, at, outcome.reason)
