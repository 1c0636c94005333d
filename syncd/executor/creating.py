"""Making bugs, once: the mark goes with the creation, and nothing is sent again before its absence has lasted.

1. A place under the caps, the ticket as it is now, and a look for the mark: a restored backup finds its own bug, soon
   after the start also by the newest keys, as the search may not know it yet.
2. `sent` is committed with the floor, a number that the project's keys have reached by then.
3. After a lost answer: search by label, and read the keys after the floor, which no index delays.
4. Only when both have shown nothing for the whole window, in a project that can be seen, is it sent again. What Jira
   applies later still is a twin, which the daily sweep finds and says (TwinSweep in cycle/creating.py); it is never
   deleted. Where nobody asked any more, it is the ticket's bug: the sweep has it looked for again; where a restored
   backup forgot the request, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.core.actions import CommentOnBug, CreateBug, RemoteAction, RemoveTag, ShowTicketOnBug
from syncd.core.creating import BugMaker, Found
from syncd.core.model import Conflict, IssueSnapshot, LinkState, Origin
from syncd.core.ports import Clock, IssueSource, TicketSource
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.core.succession import RelateBugs, Succession
from syncd.core.texts import succeeded
from syncd.core.world import seen_of
from syncd.executor.drain import Send, describe, refusal
from syncd.executor.outcome import LOOK_AFTER, Done, InDoubt, Later, Outcome, Refused, Superseded, backoff
from syncd.rules.creating import CreateRule, asks_for_bug
from syncd.sources.errors import AuthError, NotFoundError, RefusedError, SourceError
from syncd.store import Intent, LinkExists, Store, Tx
from syncd.store.creation import Creation

WINDOW = 180.0
"""Seconds after which a request that never showed is sent again, when the keys could be read."""

NOT_MADE = "create"
"""The code of a bug that Jira would not make; a conflict where it was to take the place of another one."""

INDEX_LAG = 1200.0
"""Seconds within which an issue can be found by search after its making, whatever Jira is busy with."""

NEWEST = 30
"""So many of a project's newest keys may be younger than that."""

LOOKS = 4
"""So often, within a minute or two, a ticket is looked for that asked for a bug and is not shown to us."""

UNSEEN = 60.0
"""Seconds after which a project is looked at again that may not be searched: nobody refused to make the bug, and that
none of its keys is there says nothing."""

WINDOW_BY_SEARCH = 600.0
"""The same on Cloud when only search could look: its index lags for minutes."""


class BugCreator:
    """A Performer of CreateBug and of the links that go with it. `rules` are the routes' rules as they are now."""

    actions: tuple[type[RemoteAction], ...] = (CreateBug, ShowTicketOnBug, RelateBugs)

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        jira: IssueSource,
        maker: BugMaker,
        *,
        rules: Callable[[], Mapping[str, CreateRule]],
        ticket_url: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._maker = maker
        self._rules = rules
        self._ticket_url = ticket_url
        self._clock = clock
        self._began = clock.monotonic()
        with store.reading() as tx:
            self._known_then = tx.newest_issue_numbers()
        self._shown_first: dict[str, int] = {}  # each project's newest number in the index, when it was first asked
        self._made_since: dict[str, set[int]] = defaultdict(set)  # numbers that this process got for what it asked for

    def perform(self, intent: Intent, now: datetime, before_send: Send) -> Outcome:
        """See Performer.perform."""
        action = intent.action
        if isinstance(action, ShowTicketOnBug):
            return self._show(action, before_send)
        if isinstance(action, RelateBugs):
            return self._relate(action, before_send)
        if not isinstance(action, CreateBug):
            raise TypeError(f"{action.kind} is not made here")
        rule = self._rules().get(action.route)
        if rule is None:
            return Superseded(f"route {action.route} makes no bugs any more")
        if action.problem:
            return Refused(NOT_MADE, action.problem)
        wait, cap = self._reserve(action, intent.id, rule, now)
        if wait > 0:
            return Later(wait, f"{cap} is reached (routes: create.caps)")
        try:
            look = self._look(action, intent)
        except (RefusedError, NotFoundError) as error:
            return Later(UNSEEN, _unseen(action, error))
        if look.found:
            return self._made(action, intent, look.found)
        unwanted = self._unwanted(action, rule, intent)
        if unwanted is not None:
            return unwanted
        before_send(str(look.floor))
        try:
            made = self._maker.create(
                action.project_key, action.fields, marker=intent.id, origin={"ticket": action.ticket_id}
            )
        except AuthError as error:
            if error.status != 403:
                raise
            return Refused(
                NOT_MADE,
                f"Jira does not let syncd's account create issues in {action.project_key}: {error}. Grant it the "
                "permission CREATE_ISSUES in the project's permission scheme.",
            )
        except RefusedError as refused:
            try:
                self._maker.newest_number(action.project_key)
            except (RefusedError, NotFoundError) as error:
                return Later(UNSEEN, _unseen(action, error))
            return Refused(NOT_MADE, refusal("jira", describe(action), refused))
        self._made_since[action.project_key].add(made.number)
        return self._made(action, intent, (made,))

    def verify(self, intent: Intent, now: datetime) -> Outcome:
        """See Performer.verify. InDoubt until the window is over."""
        action = intent.action
        if isinstance(action, ShowTicketOnBug):
            return Later(0.0, "a remote link is the same however often it is sent")
        if isinstance(action, RelateBugs):
            there = self._maker.is_related(action.issue_id, action.other_id)
            return Done() if there else Later(0.0, "not found on the server")
        if not isinstance(action, CreateBug):
            raise TypeError(f"{action.kind} is not made here")
        age = (now - intent.sent_at).total_seconds() if intent.sent_at is not None else WINDOW_BY_SEARCH
        try:
            look = self._look(action, intent)
        except (RefusedError, NotFoundError) as error:
            if age >= WINDOW_BY_SEARCH and action.route not in self._rules():
                return Later(0.0, "nobody asks for it any more")  # the project may never be seen again
            return InDoubt(UNSEEN, _unseen(action, error))
        if look.found:
            return self._made(action, intent, look.found)
        window = WINDOW if look.complete or not self._maker.reads_slowly else WINDOW_BY_SEARCH
        if age < window:
            seconds = min(window - age, max(LOOK_AFTER, age))
            return InDoubt(
                seconds, f"no bug with our mark yet; it is asked for again {window:.0f} s after the first time"
            )
        return Later(0.0, "no bug with our mark after the whole window")

    def describe(self, action: RemoteAction) -> str:
        """See Performer.describe."""
        return describe(action)

    def matters(self, action: RemoteAction) -> bool:
        """A refused creation is told by the plan of its ticket, unless a link waits for it; without the links between
        issues nothing is lost."""
        return isinstance(action, CreateBug) and action.instead is not None

    # ---- inside ----

    def _reserve(self, action: CreateBug, marker: str, rule: CreateRule, now: datetime) -> tuple[float, str]:
        with self._store.transaction() as tx:
            return tx.reserve_creation(
                marker,
                ticket_id=action.ticket_id,
                route=action.route,
                occurrence=action.occurrence,
                requester_id=action.requester_id,
                caps=(rule.caps.hour, rule.caps.day, rule.caps.requester),
                now=now,
            )

    def _unwanted(self, action: CreateBug, rule: CreateRule, intent: Intent) -> Outcome | None:
        """A fresh look at what asked for the bug; an outcome when nothing does any more."""
        ticket, instead = self._zendesk.read([action.ticket_id])[0], action.instead
        if not ticket.visible and intent.attempts < LOOKS and not self._is_known_to_be_gone(ticket.id):
            # A ticket that nobody touches is not read again: nothing would ask for the bug when it can be seen.
            return Later(backoff(intent.attempts, intent.id), f"ticket #{ticket.id} is not shown to us")
        if instead is None:
            if asks_for_bug(rule, ticket) is not None:
                return None
            return Superseded(f"ticket #{ticket.id} asks for no bug any more", tickets=(ticket,))
        issue = self._jira.read([instead.issue_id])[0]
        why = instead.outdated(ticket, issue)
        if not why and not rule.new_bug_when_not_fixed:
            why = f"route {action.route} sends such bugs back now"
        return Superseded(why, tickets=(ticket,), issues=(issue,)) if why else None

    def _is_known_to_be_gone(self, ticket_id: int) -> bool:
        with self._store.reading() as tx:
            stored = tx.tickets([ticket_id]).get(ticket_id)
        return stored is not None and stored.is_gone

    def _look(self, action: CreateBug, intent: Intent) -> _Look:
        """Search by label; and once it was sent, the keys since then. Raises RefusedError or NotFoundError where the
        project cannot be seen: it shows no key then, and that says nothing of the bug."""
        found = {issue.id: issue for issue in self._maker.labelled([intent.id]).get(intent.id, ())}
        floor = self._floor(action) if intent.floor is None else int(intent.floor)
        after = self._forgotten_after(action, floor) if intent.floor is None else floor
        complete = False
        if not found and intent.floor is not None:
            self._maker.newest_number(action.project_key)
        if not found and after is not None:
            probe = self._maker.probe(action.project_key, after, marker=intent.id)
            found |= {issue.id: issue for issue in probe.found}
            complete = probe.complete
        return _Look(tuple(found.values()), floor, complete)

    def _forgotten_after(self, action: CreateBug, floor: int) -> int | None:
        """A store that was put back may have forgotten what was sent: while the index may lag behind what was made
        before this process began, the number after which the newest keys are read. A store that knew no bug of the
        project is a new one as a rule: it reads no more than what is newer than all that the index showed at first.
        What was found or made since counts for nothing there: what is forgotten may lie below it."""
        if self._clock.monotonic() - self._began >= INDEX_LAG:
            return None
        first = self._known_then.get(action.project_key, self._shown_first[action.project_key])
        after = max(first, floor - NEWEST)
        while after + 1 in self._made_since[action.project_key]:  # made for another request, as it was sent for that
            after += 1
        return after

    def _floor(self, action: CreateBug) -> int:
        """What is surely there: the index may lag behind what we have seen ourselves."""
        with self._store.reading() as tx:
            known = tx.newest_issue_number(action.project_key)
        shown = self._maker.newest_number(action.project_key)
        self._shown_first.setdefault(action.project_key, shown)
        return max(known, shown)

    def _made(self, action: CreateBug, intent: Intent, found: Sequence[Found]) -> Outcome:
        """It is there. The first one counts; others are twins."""
        first, *others = sorted(found, key=lambda issue: (int(issue.id) if issue.id.isdecimal() else 0, issue.number))
        try:
            issue = self._jira.read([first.id])[0]
            if not issue.visible:  # gone again, or hidden with all its project
                self._maker.newest_number(action.project_key)
        except SourceError as error:
            return InDoubt(LOOK_AFTER, f"{first.key} was made and cannot be read yet: {error}")
        if not issue.visible:
            return Refused(NOT_MADE, f"{first.key} was made for ticket #{action.ticket_id} and is gone again.")
        return Done(
            issues=(issue,),
            result={"issue": issue.id, "key": issue.key},
            keep=lambda tx, now: self._keep(tx, now, action, intent.id, issue, others),
        )

    def _keep(
        self, tx: Tx, now: datetime, action: CreateBug, marker: str, issue: IssueSnapshot, others: Sequence[Found]
    ) -> None:
        """The link, and what follows from it, in the transaction that settles the creation."""
        tx.creation_made(
            Creation(marker, action.ticket_id, action.route, action.occurrence, issue.id, issue.key, action.note, now),
            now,
        )
        try:
            link = tx.join(action.ticket_id, issue.id, issue.key, action.route, Origin.CREATED, now, action.occurrence)
            tx.log_link(link.id, now, "linked", f"created for the ticket: {action.reason}", {"intent": marker})
        except LinkExists:
            pass  # an agent linked it while we looked for it
        where = f"{self._ticket_url()}/agent/tickets/{action.ticket_id}"
        tx.enqueue(
            ShowTicketOnBug(
                issue_id=issue.id,
                issue_key=issue.key,
                ticket_id=action.ticket_id,
                source=f"{action.account}:{action.ticket_id}",
                reason=f"{issue.key} was made for ticket #{action.ticket_id}",
                global_id=f"system={action.account}&id={action.ticket_id}",
                url=where,
                title=f"Zendesk #{action.ticket_id}",
                route=action.route,
            ),
            urgency=3,
            now=now,
        )
        tx.touch([ticket_subject(action.ticket_id), issue_subject(issue.id)], now)
        if action.instead is not None:
            self._succeed(tx, now, action, action.instead, issue)
        if others:
            flag_twins(tx, marker, others, now)

    def _succeed(self, tx: Tx, now: datetime, action: CreateBug, old: Succession, issue: IssueSnapshot) -> None:
        """The link to the old bug ends, the two bugs are linked, the old one says so, and the tag has done its work."""
        before = tx.link(old.link_id)
        if before is not None and before.state is not LinkState.RETIRED:
            tx.retire(before.id, f"{issue.key} takes the place of {old.issue_key}: {action.reason}", now)
        beside = [link.ticket_id for link in tx.links_of_issue([old.issue_id])]
        tx.touch([issue_subject(old.issue_id), *map(ticket_subject, beside)], now)
        reason = f"{issue.key} was made in the place of {old.issue_key}"
        new = tuple(link.id for link in tx.links_of_ticket([action.ticket_id]) if link.issue_id == issue.id)
        said = CommentOnBug(
            issue_id=old.issue_id,
            issue_key=old.issue_key,
            source=f"{old.event}:succeeded",
            reason=reason,
            body=succeeded(self._ticket_url(), action.ticket_id, old.what, issue.key),
            route=action.route,
        )
        related = RelateBugs(
            issue_id=issue.id,
            issue_key=issue.key,
            other_id=old.issue_id,
            other_key=old.issue_key,
            source=f"succeeds:{old.issue_id}",
            reason=reason,
            link_ids=new,
            route=action.route,
        )
        tx.enqueue(said, urgency=3, now=now)
        tx.enqueue(related, urgency=3, now=now)
        if old.tag:
            tag = RemoveTag(
                ticket_id=action.ticket_id,
                source=f"{old.event}:{old.tag}",
                reason=f"the tag {old.tag} was acted on",
                tag=old.tag,
                link_ids=new,
                route=action.route,
            )
            tx.enqueue(tag, urgency=2, now=now)

    def _relate(self, action: RelateBugs, before_send: Send) -> Outcome:
        if self._maker.is_related(action.issue_id, action.other_id):
            return Done()
        before_send()
        try:
            self._maker.relate(action.issue_key, action.other_key)
        except AuthError as error:
            if error.status != 403:
                raise
            return Refused(
                "refused",
                f"Jira does not let syncd's account link issues: {error}. Grant it the permission LINK_ISSUES in the "
                "project's permission scheme.",
            )
        return Done()

    def _show(self, action: ShowTicketOnBug, before_send: Send) -> Outcome:
        before_send()
        self._maker.show_ticket(action.issue_id, global_id=action.global_id, url=action.url, title=action.title)
        return Done()


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look for our mark brought, and the number after which it looked."""

    found: tuple[Found, ...]
    floor: int
    complete: bool  # the keys could be read up to where there are none


def _unseen(action: CreateBug, error: SourceError) -> str:
    return f"project {action.project_key} cannot be searched for a bug that may be there already: {error}"


def flag_twins(tx: Tx, marker: str, twins: Sequence[Found], now: datetime) -> tuple[str, ...]:
    """Says on each second issue, and at the link, that it is one; nothing is deleted. Answers the keys that are new.

    The comment names the original; the link is in conflict until a person has looked, and keeps its base."""
    creation = tx.creation(marker)
    if creation is None or creation.issue_key is None:
        return ()
    new = [twin for twin in twins if twin.key not in creation.twins and twin.id != creation.issue_id]
    for twin in new:
        tx.enqueue(
            CommentOnBug(
                issue_id=twin.id,
                issue_key=twin.key,
                source=f"twin:{marker}",
                reason=f"{twin.key} was made a second time for ticket #{creation.ticket_id}",
                body=(
                    f"syncd made this issue a second time for Zendesk ticket {creation.ticket_id}: Jira carried out a "
                    f"request whose answer was lost after syncd had repeated it. The bug that is kept in step is "
                    f"{creation.issue_key}. Please move over what is worth keeping, and close this one as a duplicate."
                ),
                route=creation.route,
            ),
            urgency=2,
            now=now,
        )
    if new:
        keys = [twin.key for twin in new]
        tx.twins_flagged(marker, keys)
        message = (
            f"Jira has {' and '.join([creation.issue_key, *creation.twins, *keys])} for ticket #{creation.ticket_id}: "
            f"a request that syncd had given up was carried out late. {creation.issue_key} is kept in step; close the "
            "other as a duplicate."
        )
        for link in tx.links_of_ticket([creation.ticket_id]):
            if link.issue_id == creation.issue_id and link.state is LinkState.LIVE:
                ticket = tx.tickets([link.ticket_id]).get(link.ticket_id)
                issue = tx.issues([link.issue_id]).get(link.issue_id)
                conflict = Conflict("twin", message, seen_of(ticket, issue), now)
                tx.save_link(replace(link, state=LinkState.CONFLICT, conflict=conflict))
                tx.log_link(link.id, now, "conflict", message, {"code": "twin"})
                tx.touch([ticket_subject(link.ticket_id)], now)
    return tuple(twin.key for twin in new)
