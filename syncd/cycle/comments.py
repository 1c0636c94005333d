"""Reads the comments of links whose sides changed, and plans what becomes of them. One call per changed side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from syncd.core.actions import Action, Plan
from syncd.core.comment_actions import RecallTwin, SawComments
from syncd.core.comment_gone_files import ATTACHMENTS, gone_in_jira, gone_in_zendesk
from syncd.core.comment_model import (
    BugTalk,
    BugTalkPage,
    CommentPolicy,
    FileCopy,
    Side,
    TicketTalk,
    TicketTalkPage,
    Twin,
)
from syncd.core.comment_sentences import told_until
from syncd.core.comments_to_bug import plan_to_bug
from syncd.core.comments_to_ticket import (
    asks_for_customer,
    plan_loose_files,
    plan_to_ticket,
    take_back_recalled,
    twins_by_source,
)
from syncd.core.model import IssueSnapshot, Link, TicketSnapshot
from syncd.core.recalling import recalled, strays
from syncd.core.world import RouteView, World, subjects_of
from syncd.cycle.settings import CycleReport
from syncd.sources.errors import InvalidResponseError, NotFoundError, RefusedError
from syncd.store import Store

_Key = TypeVar("_Key")
_Page = TypeVar("_Page")

SECOND = timedelta(seconds=1)
"""How long Zendesk stamps changes of a ticket with the same `updated_at`."""

LONG_PAST = timedelta(minutes=1)
"""A stamp that is older than any plausible difference between the two clocks cannot be given again."""

KEPT = 200
"""Readings that are kept: links that a brake holds are planned in every cycle."""


@dataclass(frozen=True, slots=True)
class _Known:
    twins: tuple[Twin, ...]
    seen: Mapping[tuple[int, str], int]
    copies: tuple[FileCopy, ...] = ()

    def of(self, origin: str) -> list[Twin]:
        """The copies of one subject's comments."""
        return [twin for twin in self.twins if twin.origin == origin]


class CommentPart:
    """A PlanPart. `policies` are the routes' by name, as they are configured now."""

    def __init__(
        self, store: Store, desk: TicketTalk, tracker: BugTalk, policies: Callable[[], Mapping[str, CommentPolicy]]
    ) -> None:
        self._store = store
        self._desk = desk
        self._tracker = tracker
        self._policies = policies
        self._issues: dict[tuple[str, int], BugTalkPage] = {}
        self._tickets: dict[tuple[int, int, bool], TicketTalkPage] = {}
        self._met: dict[tuple[int, int], datetime] = {}
        self._searched: set[int] = set()  # links whose tickets hold no copy that was not known when this process began

    def plan(self, world: World, subjects: Sequence[str], now: datetime, report: CycleReport) -> Plan:
        """See PlanPart. `subjects` do not matter: a link is looked at when a side has another version than before."""
        del subjects
        policies = self._policies()
        links = [link for link in world.links if self._policy(world, link, policies) is not None]
        if not links:
            return Plan()
        with self._store.reading() as tx:
            origins = {subject for link in links for subject in subjects_of(link)}
            known = _Known(tuple(tx.twins_of(origins)), tx.comments_seen(link.id for link in links))
            known = replace(known, copies=tuple(tx.file_copies(origins)))
        actions: list[Action] = []
        for link in sorted(links, key=lambda found: found.id):
            policy = policies[link.route]
            try:
                actions += self._from_bug(world, link, policy, known, report)
                actions += self._from_ticket(world, link, policy, known, now, report)
                actions += self._unknown_copies(world, link, policy, known, now)
            except (NotFoundError, RefusedError, InvalidResponseError) as error:
                report.warnings.append(f"Comments of ticket #{link.ticket_id} and {link.issue_key}: {error}")
                if isinstance(error, InvalidResponseError):  # no answer at all: what was said is not known yet
                    report.again.update(subjects_of(link))
        return Plan(actions=tuple(actions))

    def _policy(self, world: World, link: Link, policies: Mapping[str, CommentPolicy]) -> CommentPolicy | None:
        """None: nothing of this link is carried."""
        route: RouteView | None = world.routes.get(link.route)
        ticket, issue = world.tickets.get(link.ticket_id), world.issues.get(link.issue_id)
        if route is None or ticket is None or issue is None or route.off_tag in ticket.tags:
            return None
        if ticket.is_gone or not issue.visible:
            return None
        return policies.get(link.route)

    def _from_bug(
        self, world: World, link: Link, policy: CommentPolicy, known: _Known, report: CycleReport
    ) -> list[Action]:
        ticket, issue = world.tickets[link.ticket_id], world.issues[link.issue_id]
        seen = known.seen.get((link.id, "jira"))
        if policy.to_ticket == "none" or ticket.state.is_final or seen == issue.updated_ms:
            return []
        page = self._bug_page(issue, _since(link, policy, "jira", seen))
        twins = twins_by_source(known.of(f"issue:{issue.id}"), "jira", f"ticket:{ticket.id}")
        speakers = self._speakers(issue, policy, report) if asks_for_customer(page, twins, policy) else frozenset()
        found: list[Action] = list(
            plan_to_ticket(link, ticket, issue, page, twins, policy, browse_url=world.browse_url, speakers=speakers)
        )
        found += self._loose_files(world, link, policy, page, known.seen.get((link.id, "files"), 0))
        listed = issue.fields.get(ATTACHMENTS)
        if isinstance(listed, list):
            found += gone_in_jira(link, ticket, issue, {str(number) for number in listed}, known.copies)
        return [*found, SawComments(link.id, "jira", issue.updated_ms)]

    def _speakers(self, issue: IssueSnapshot, policy: CommentPolicy, report: CycleReport) -> frozenset[str]:
        """Asked only when somebody wants to speak. Where Jira does not show who may, those named one by one may."""
        if policy.raising is None:
            return frozenset()
        try:
            return self._tracker.speakers(issue.project_key, policy.raising)
        except (NotFoundError, RefusedError, InvalidResponseError) as error:
            report.warnings.append(f"Who may speak to customers from {issue.project_key} cannot be read: {error}")
            return frozenset(policy.raising.accounts)

    def _loose_files(
        self, world: World, link: Link, policy: CommentPolicy, page: BugTalkPage, newest: int
    ) -> list[Action]:
        """One call when the bug has files that were not there at the last look, none otherwise."""
        ticket, issue = world.tickets[link.ticket_id], world.issues[link.issue_id]
        listed = issue.fields.get(ATTACHMENTS)
        ids = [int(number) for number in listed if str(number).isdigit()] if isinstance(listed, list) else []
        fresh = {str(number) for number in ids if number > newest}
        if not policy.loose_files or not fresh:
            return []
        files = [file for file in page.files or self._tracker.files(issue.id) if file.id in fresh]
        found: list[Action] = list(
            plan_loose_files(link, ticket, issue, page, files, policy, browse_url=world.browse_url)
        )
        return [*found, SawComments(link.id, "files", max(ids))]

    def looks_after(self, link: Link) -> bool:
        """Whether the comments of this link's bug are followed by plans."""
        policy = self._policies().get(link.route)
        return policy is not None and policy.to_ticket != "none"

    def forget(self, issue_id: str) -> None:
        """The issue's comments are read anew although it shows no other version."""
        for key in [key for key in self._issues if key[0] == issue_id]:
            del self._issues[key]

    def _from_ticket(
        self, world: World, link: Link, policy: CommentPolicy, known: _Known, now: datetime, report: CycleReport
    ) -> list[Action]:
        ticket, issue = world.tickets[link.ticket_id], world.issues[link.issue_id]
        seen = known.seen.get((link.id, "zendesk"))
        if _says_nothing_to_bug(policy) or seen == ticket.version:
            return []
        is_whole = self._is_whole(ticket, now)
        page = self._ticket_page(ticket, _since(link, policy, "zendesk", seen), is_whole=is_whole)
        twins = twins_by_source(known.of(f"ticket:{ticket.id}"), "zendesk", f"issue:{issue.id}")
        found: list[Action] = list(plan_to_bug(link, ticket, issue, page, twins, policy, ticket_url=world.ticket_url))
        found += gone_in_zendesk(link, ticket, issue, page, known.copies)
        if not is_whole:
            report.again.update(subjects_of(link))
            return found
        return [*found, SawComments(link.id, "zendesk", ticket.version)]

    def _unknown_copies(
        self, world: World, link: Link, policy: CommentPolicy, known: _Known, now: datetime
    ) -> list[Action]:
        """Copies that a store does not know that was lost or put back are among the ticket's comments, where those are
        read anyway. Otherwise they are looked for once in a process: no store is put back while one runs on it."""
        ticket, issue = world.tickets[link.ticket_id], world.issues[link.issue_id]
        if policy.to_ticket == "none" or ticket.state.is_final:
            return []
        seen = known.seen.get((link.id, "jira"))
        if _says_nothing_to_bug(policy):
            if link.id in self._searched or seen == issue.updated_ms:
                return []
            since, is_whole = _since(link, policy, "jira", seen), True
        else:
            told = known.seen.get((link.id, "zendesk"))
            if told == ticket.version:
                return []
            since, is_whole = _since(link, policy, "zendesk", told), self._is_whole(ticket, now)
        twins = twins_by_source(known.twins, "jira", f"ticket:{ticket.id}")
        notes = strays(self._ticket_page(ticket, since, is_whole=is_whole), issue, twins)
        if not notes:
            self._searched.add(link.id)
            return []
        page = self._bug_page(issue, _since(link, policy, "jira", seen))
        found = list(recalled(link, issue, notes, page, twins, policy, now))
        actions: list[Action] = [RecallTwin(link.id, twin) for twin in found]
        return [*actions, *take_back_recalled(link, ticket, issue, page, found, policy)]

    def _is_whole(self, ticket: TicketSnapshot, now: datetime) -> bool:
        """False: the second of the ticket's stamp may still be running, so that somebody can comment without giving
        the ticket another one (often right after a write of ours). It is over a second after the stamp was met."""
        if now - datetime.fromtimestamp(ticket.version, UTC) >= LONG_PAST:
            return True
        key = (ticket.id, ticket.version)
        if key not in self._met:
            _make_room(self._met)
        return now - self._met.setdefault(key, now) >= SECOND

    def _bug_page(self, issue: IssueSnapshot, since: datetime | None) -> BugTalkPage:
        key = (issue.id, issue.updated_ms)
        if key not in self._issues:
            _make_room(self._issues)
            self._issues[key] = self._tracker.comments(issue.id, since)
        return self._issues[key]

    def _ticket_page(self, ticket: TicketSnapshot, since: datetime | None, *, is_whole: bool) -> TicketTalkPage:
        key = (ticket.id, ticket.version, is_whole)
        if key not in self._tickets:
            _make_room(self._tickets)
            self._tickets[key] = self._desk.comments(ticket.id, since)
        return self._tickets[key]


def _says_nothing_to_bug(policy: CommentPolicy) -> bool:
    return policy.to_bug == "none" and not policy.all_files_to_bug


def _since(link: Link, policy: CommentPolicy, side: Side, seen: int | None) -> datetime | None:
    """How far back comments must be read: to the last look, or to what the link carries at all."""
    if seen is not None:
        return datetime.fromtimestamp(seen // (1000 if side == "jira" else 1), UTC)
    return datetime.fromtimestamp(0, UTC) if policy.history == "all" else told_until(link, side)


def _make_room(pages: dict[_Key, _Page]) -> None:
    while len(pages) >= KEPT:
        del pages[next(iter(pages))]
