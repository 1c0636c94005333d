"""Which tickets get a bug: the plan part that asks for them, and the daily look for twins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count

from syncd.core.actions import (
    Action,
    CreateBug,
    ForgetRefusal,
    Plan,
    RemoteAction,
    RemoveTag,
    UpdateTicket,
    marker_of,
)
from syncd.core.creating import BugMaker, CaseReader, Found, TicketCase, marks_of, occurrence_of
from syncd.core.model import Link, LinkState, Origin, TicketSnapshot
from syncd.core.subjects import bug_of, marker, ticket_subject
from syncd.core.succession import Succession
from syncd.core.world import World
from syncd.cycle.settings import CycleReport, Routes
from syncd.executor.creating import NOT_MADE, flag_twins
from syncd.rules.creating import CreateRule, asks_for_bug, draft_bug, has_act_tag, may_ask, one_line
from syncd.sources.errors import InvalidResponseError, NotFoundError, RefusedError
from syncd.store import SUPERSEDED, Intent, IntentState, Store, Tx
from syncd.store.creation import Creation

CASES_KEPT = 500
REFUSAL_LASTS = timedelta(days=1)
"""After this a refused bug is asked for again: somebody may have granted the permission that was missing."""

FOUND_AGAIN = (Origin.FIELD, Origin.TAG, Origin.MANUAL)
"""How a link comes to be whose bug was made by us and forgotten."""

SHOWN = 250
"""Characters of a refusal that the ticket's sync state shows."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store knows of a ticket and a route when a bug is asked for."""

    links: tuple[Link, ...]  # live ones of the route
    was_linked: bool
    occurrence: int  # of the bug that would be made now
    intent: Intent | None  # of that bug
    tag_taken: bool  # the act tag was taken off after the link was made
    times_told: int  # how often it was taken off because there was a bug already


class CreatePart:
    """A PlanPart. `rules` are the routes' rules as they are now; `account` is the Zendesk account's address."""

    def __init__(
        self,
        store: Store,
        cases: CaseReader,
        *,
        rules: Callable[[], Mapping[str, CreateRule]],
        account: str,
        ticket_url: Callable[[], str],
    ) -> None:
        self._store = store
        self._cases = cases
        self._rules = rules
        self._account = account
        self._ticket_url = ticket_url
        self._known: dict[tuple[int, int], TicketCase] = {}

    def plan(self, world: World, subjects: Sequence[str], now: datetime, report: CycleReport) -> Plan:
        """See PlanPart.plan. One call for each ticket that gets a bug now."""
        rules = self._rules()
        actions: list[Action] = []
        warnings: list[str] = []
        successions = {(s.ticket_id, s.route): s for s in world.successions}
        for ticket, rule in self._asking(world, subjects, rules):
            standing = self._standing(ticket, rule)
            instead = successions.get((ticket.id, rule.route))
            try:
                if instead is not None:
                    actions += self._succeed(ticket, rule, standing, instead, now, warnings)
                else:
                    actions += self._decide(world, ticket, rule, standing, now, warnings)
            except (NotFoundError, RefusedError, InvalidResponseError) as error:
                warnings.append(f"Ticket #{ticket.id} asks for a bug, and cannot be read: {error}")
                if isinstance(error, InvalidResponseError):  # no answer at all: it asks still
                    report.again |= {ticket_subject(ticket.id), bug_of(ticket.id, rule.route)}
        return Plan(actions=tuple(actions), warnings=tuple(warnings))

    def _asking(
        self, world: World, subjects: Sequence[str], rules: Mapping[str, CreateRule]
    ) -> list[tuple[TicketSnapshot, CreateRule]]:
        """The touched tickets that may have to do with a rule. A bug's own subject stands for its ticket."""
        ids = {int(s.removeprefix("ticket:")) for s in subjects if s.startswith("ticket:")} if rules else set()
        ids |= {int(s.split(":")[1]) for s in subjects if s.startswith("bug-of:")} if rules else set()
        succeeded = {(s.ticket_id, s.route) for s in world.successions}
        ids |= {ticket_id for ticket_id, _ in succeeded}
        missing = ids - set(world.tickets)
        tickets = dict(world.tickets)
        if missing:
            with self._store.reading() as tx:
                tickets |= tx.tickets(missing)
        found = []
        for number in sorted(ids & set(tickets)):
            for name in sorted(rules):
                ticket, rule = tickets[number], rules[name]
                shown = _sync_state(world, rule)
                if (
                    asks_for_bug(rule, ticket) is not None
                    or has_act_tag(rule, ticket)
                    or (shown is not None and ticket.fields.get(shown))
                    or bug_of(number, name) in subjects
                    or (number, name) in succeeded
                ):
                    found.append((ticket, rule))
        return found

    def _standing(self, ticket: TicketSnapshot, rule: CreateRule) -> Standing:
        with self._store.reading() as tx:
            links = tuple(link for link in tx.links_of_ticket([ticket.id]) if link.route == rule.route)
            occurrence = tx.next_occurrence(ticket.id, rule.route)
            intent = tx.intent(self._marker(ticket, rule, occurrence))
            taken = False
            if links and rule.act_tag:
                done = tx.intent(marker(RemoveTag.kind, ticket_subject(ticket.id), _taken(links[0])))
                taken = done is not None and done.state is IntentState.DONE
            told = _times_told(tx, ticket, links[0]) if links and rule.act_tag else 0
            return Standing(links, tx.was_linked(ticket.id, rule.route), occurrence, intent, taken, told)

    def _marker(self, ticket: TicketSnapshot, rule: CreateRule, occurrence: int) -> str:
        return marker_of(CreateBug(self._account, ticket.id, occurrence, rule.project_key, "", {}, route=rule.route))

    # ---- one ticket and one rule ----

    def _decide(
        self,
        world: World,
        ticket: TicketSnapshot,
        rule: CreateRule,
        standing: Standing,
        now: datetime,
        warnings: list[str],
    ) -> list[Action]:
        reason = asks_for_bug(rule, ticket)
        by_tag = has_act_tag(rule, ticket)
        if ticket.is_gone or ticket.state.is_final:
            return []
        intent = standing.intent
        refused = _is_refused(intent)
        if standing.links:
            tag = _take_tag(world, ticket, rule, standing) if by_tag else []
            waits = any(x.conflict is not None and x.conflict.code == NOT_MADE for x in standing.links)
            return [ForgetRefusal(intent.id), *tag] if refused and intent is not None and not waits else tag
        if reason is None:
            if by_tag and ticket.state.is_solved:
                warnings.append(
                    f"Ticket #{ticket.id} has the tag {rule.act_tag} and is solved: reopen it to have a bug made."
                )
            return _withdraw(world, ticket, rule, intent) if refused and intent is not None else []
        if intent is not None and not refused and intent.last_error != SUPERSEDED:
            return []  # it is under way
        if not by_tag and standing.was_linked:
            return []  # it had a bug, which somebody took off: a rule does not insist
        drafted = self._draft(ticket, rule, standing.occurrence, warnings)
        if drafted is None:
            return []
        if not refused or intent is None:
            return [drafted]
        if _is_worth_another_try(intent, drafted, now):
            return [ForgetRefusal(intent.id), drafted]
        return _show(world, ticket, rule, intent.last_error or "")

    def _succeed(
        self,
        ticket: TicketSnapshot,
        rule: CreateRule,
        standing: Standing,
        instead: Succession,
        now: datetime,
        warnings: list[str],
    ) -> list[Action]:
        """The next occurrence, in the place of a bug that is not fixed; what is refused is a conflict of its link."""
        intent = standing.intent
        refused = _is_refused(intent)
        if intent is not None and not refused and intent.last_error != SUPERSEDED:
            return []  # it is under way
        drafted = self._draft(ticket, rule, standing.occurrence, warnings, instead)
        if drafted is None or (refused and intent is not None and not _is_worth_another_try(intent, drafted, now)):
            return []
        return [*([ForgetRefusal(intent.id)] if refused and intent is not None else []), drafted]

    def _draft(
        self,
        ticket: TicketSnapshot,
        rule: CreateRule,
        occurrence: int,
        warnings: list[str],
        instead: Succession | None = None,
    ) -> CreateBug | None:
        case = self._case(ticket)
        if instead is not None:
            reason = f"the ticket {instead.what}: the fix of {instead.issue_key} did not help"
        else:
            reason = asks_for_bug(rule, case.ticket) or ""
        if not reason:
            return None  # it changed since: that reading comes by itself
        if instead is None and not may_ask(rule, case):
            hint = f": set the tag {rule.act_tag} to have it made" if rule.act_tag else ""
            warnings.append(
                f"Ticket #{ticket.id} fulfils the rule for a bug, but its requester never proved the e-mail "
                f"address{hint}."
            )
            return None
        drafted = draft_bug(rule, case, ticket_url=self._ticket_url(), instead=instead)
        return CreateBug(
            account=self._account,
            ticket_id=ticket.id,
            occurrence=occurrence,
            project_key=rule.project_key,
            reason=reason,
            fields=drafted.fields,
            note=drafted.note,
            requester_id=case.ticket.requester_id,
            problem=drafted.problem,
            by_tag=instead is None and has_act_tag(rule, case.ticket),
            instead=instead,
            link_ids=(instead.link_id,) if instead is not None else (),
            route=rule.route,
        )

    def _case(self, ticket: TicketSnapshot) -> TicketCase:
        """One call for each version of a ticket: one that a brake holds is planned in every cycle."""
        key = (ticket.id, ticket.version)
        if key not in self._known:
            while len(self._known) >= CASES_KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = self._cases.read(ticket.id)
        return self._known[key]


def _is_refused(intent: Intent | None) -> bool:
    return intent is not None and intent.state is IntentState.REFUSED and intent.last_error != SUPERSEDED


def _is_worth_another_try(intent: Intent, drafted: CreateBug, now: datetime) -> bool:
    """It asks for something else than what was refused, or that was a day ago."""
    return not _is_same(intent, drafted) or (intent.done_at is not None and now - intent.done_at >= REFUSAL_LASTS)


def _is_same(intent: Intent, drafted: CreateBug) -> bool:
    return isinstance(intent.action, CreateBug) and replace(intent.action, reason="") == replace(drafted, reason="")


def _taken(link: Link) -> str:
    return f"made:{link.id}"


def _again(link: Link, times: int) -> str:
    """Numbered by how often the tag was taken off before: our own note makes a new version of the ticket."""
    return f"again:{link.id}:{times}"


def _times_told(tx: Tx, ticket: TicketSnapshot, link: Link) -> int:
    for times in count():
        done = tx.intent(marker(RemoveTag.kind, ticket_subject(ticket.id), _again(link, times)))
        if done is None or done.state is not IntentState.DONE:
            break
    return times


def _take_tag(world: World, ticket: TicketSnapshot, rule: CreateRule, standing: Standing) -> list[Action]:
    """The tag has done its work; where there was a bug before it was set, the agent is told which."""
    link = standing.links[0]
    first = link.origin is Origin.CREATED and not standing.tag_taken
    reason = f"{link.issue_key} was made for it" if first else f"the ticket has {link.issue_key} already"
    taken = RemoveTag(
        ticket_id=ticket.id,
        source=_taken(link) if first else _again(link, standing.times_told),
        reason=reason,
        tag=rule.act_tag,
        link_ids=(link.id,),
        route=rule.route,
    )
    if first:
        return [taken]
    keys = ", ".join(each.issue_key for each in standing.links)
    note = UpdateTicket(
        ticket_id=ticket.id,
        source=f"has-bug:{link.id}:{standing.times_told}",
        reason=reason,
        expected=ticket.state,
        note=(
            f"This ticket has a bug in {rule.project_key} already: {keys}. No other one was made. Take that key out of "
            f"the ticket first if it is the wrong one.\n{world.issue_link(link.issue_key)}\n(written by syncd)"
        ),
        link_ids=(link.id,),
        route=rule.route,
    )
    return [note, taken]


def _sync_state(world: World, rule: CreateRule) -> str | None:
    view = world.routes.get(rule.route)
    return view.mirror.sync_state if view is not None else None


def _show(world: World, ticket: TicketSnapshot, rule: CreateRule, message: str) -> list[Action]:
    """What a person has to mend, in the ticket's sync state; a ticket with links shows it for those instead."""
    shown = _sync_state(world, rule)
    text = one_line(message, SHOWN)
    if shown is None or ticket.fields.get(shown) == text or any(x.ticket_id == ticket.id for x in world.links):
        return []
    digest = blake2b(text.encode(), digest_size=8).hexdigest()
    return [
        UpdateTicket(
            ticket_id=ticket.id,
            source=f"no-bug:{digest}:{ticket.version}",
            reason="the ticket shows why it has no bug",
            expected=ticket.state,
            fields={shown: text or None},
            by_person=False,
            route=rule.route,
        )
    ]


def _withdraw(world: World, ticket: TicketSnapshot, rule: CreateRule, intent: Intent) -> list[Action]:
    """Nobody asks for the bug any more: the refusal goes, and with it what the ticket shows of it."""
    shown = _sync_state(world, rule)
    is_ours = shown is not None and ticket.fields.get(shown) == one_line(intent.last_error or "", SHOWN)
    clear = _show(world, ticket, rule, "") if is_ours else []
    return [ForgetRefusal(intent.id), *clear]


class TwinSweep:
    """A Chore: issues that carry the mark of a bug of ours a second time, or of one that was given up or forgotten, and
    refusals that are looked at again.

    One search for each 50 bugs of the last week, and tickets that were solved with the tag that asks for one."""

    name = "twins"
    side = "jira"
    every = timedelta(days=1)
    LOOKS_BACK = timedelta(days=7)

    def __init__(self, store: Store, maker: BugMaker, now: Callable[[], datetime], *, account: str) -> None:
        self._store = store
        self._maker = maker
        self._now = now
        self._account = account

    def run(self, routes: Routes, report: CycleReport) -> None:
        """See Chore.run."""
        now = self._now()
        with self._store.transaction() as tx:
            self._recall(tx, routes, now - self.LOOKS_BACK)
            creations = tx.creations_since(now - self.LOOKS_BACK)
            refused = tx.refused_creations()
            unanswered = self._unanswered(tx, routes, now - self.LOOKS_BACK)
        marks = [*(creation.marker for creation in creations), *map(marker_of, unanswered)]
        found = self._maker.labelled(marks) if marks else {}
        with self._store.transaction() as tx:
            links = [link for intent in refused for i in intent.link_ids if (link := tx.link(i)) is not None]
            tx.touch([*(intent.subject for intent in refused), *(ticket_subject(x.ticket_id) for x in links)], now)
            for creation in creations:
                if creation.issue_id is None:
                    self._revive(tx, creation, found.get(creation.marker, ()), now, report)
                    continue
                twins = [issue for issue in found.get(creation.marker, ()) if issue.id != creation.issue_id]
                keys = flag_twins(tx, creation.marker, twins, now) if twins else ()
                if keys:
                    report.warnings.append(
                        f"{' and '.join(keys)} was made beside {creation.issue_key} for ticket #{creation.ticket_id}: "
                        "close it as a duplicate."
                    )
                    report.conflicts_opened += _conflicts(tx, creation.ticket_id)
            for action in unanswered:
                self._remember(tx, action, found.get(marker_of(action), ()), now, report)

    def _revive(self, tx: Tx, creation: Creation, found: Sequence[Found], now: datetime, report: CycleReport) -> None:
        """A bug that was given up and is there all the same belongs to its ticket like one that was found in time. But
        it takes the place of no other: that one has gone its own way since."""
        if found and tx.revive(creation.marker, now, _beside_others):
            report.warnings.append(
                f"Jira made {found[0].key} for ticket #{creation.ticket_id} after syncd had given it up: it counts as "
                "the ticket's bug now. Close it if nobody needs it."
            )

    def _unanswered(self, tx: Tx, routes: Routes, since: datetime) -> list[CreateBug]:
        """The bugs that tickets asked for by the tag they bear still, though they are solved and ask no more. A backup
        that was put back may have forgotten that they were asked for in Jira, and nothing else looks for them."""
        found = []
        for rule in routes.creating.values():
            tickets = tx.tickets(tx.tickets_naming(rule.act_tag, since)) if rule.act_tag else {}
            for ticket in tickets.values():
                is_solved = ticket.state.is_solved and not ticket.is_gone
                if not is_solved or not has_act_tag(rule, ticket) or tx.was_linked(ticket.id, rule.route):
                    continue
                action = CreateBug(
                    account=self._account,
                    ticket_id=ticket.id,
                    occurrence=tx.next_occurrence(ticket.id, rule.route),
                    project_key=rule.project_key,
                    reason=f"an agent set the tag {rule.act_tag}",
                    fields={},
                    requester_id=ticket.requester_id,
                    by_tag=True,
                    route=rule.route,
                )
                if tx.creation(marker_of(action)) is None:
                    found.append(action)
        return found

    def _remember(self, tx: Tx, action: CreateBug, found: Sequence[Found], now: datetime, report: CycleReport) -> None:
        """The bug is there: the creation is asked for again only to find it, link it and tell of its twins. It needs no
        fields: were it gone by then, the ticket is looked at, and Jira makes nothing without a summary."""
        if found and tx.enqueue(action, urgency=2, now=now) is None:
            report.warnings.append(
                f"Jira has {found[0].key}, which syncd made for ticket #{action.ticket_id} and does not remember: it "
                "counts as the ticket's bug now. Close it if nobody needs it."
            )

    def _recall(self, tx: Tx, routes: Routes, since: datetime) -> None:
        """A backup that was put back knows nothing of bugs that were made after it. Their tickets lead back to them,
        and their labels tell that they are ours."""
        links = [link for link in tx.links_since(since, FOUND_AGAIN) if link.route in routes.creating]
        issues = tx.issues(link.issue_id for link in links)
        for link in links:
            issue = issues.get(link.issue_id)
            at = datetime.fromtimestamp(issue.created_ms / 1000, UTC) if issue is not None else since
            if issue is None or at <= since:
                continue
            for mark in marks_of(issue.labels):
                which = occurrence_of(mark, account=self._account, ticket_id=link.ticket_id, route=link.route)
                if which is not None:
                    tx.recall_creation(
                        mark,
                        ticket_id=link.ticket_id,
                        route=link.route,
                        occurrence=which,
                        issue_id=link.issue_id,
                        issue_key=link.issue_key,
                        at=at,
                    )


def _beside_others(action: RemoteAction) -> RemoteAction:
    if isinstance(action, CreateBug) and action.instead is not None:
        return replace(action, instead=None, note="", link_ids=())
    return action


def _conflicts(tx: Tx, ticket_id: int) -> int:
    return sum(
        link.state is LinkState.CONFLICT and link.conflict is not None and link.conflict.code == "twin"
        for link in tx.links_of_ticket([ticket_id])
    )
