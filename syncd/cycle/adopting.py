"""Taking over links that others made: `syncd links adopt`, and following what agents link with the official app.

Reading 5,000 links costs some 5 calls for the app's table, 50 for the tickets and 50 for the issues.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from syncd.core.adopting import Adoption, AppLink, Outcome, Pair, Source, Verdict, judge_pairs
from syncd.core.discover import keys_in
from syncd.core.model import IssueSnapshot, LinkState, Origin, TicketSnapshot
from syncd.core.ports import Clock, IssueSource, TicketSource
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.cycle.settings import CycleReport, Routes
from syncd.sources.errors import AuthError, NotFoundError, RefusedError, SourceError
from syncd.sources.jira_scan import IssueScan
from syncd.sources.zendesk_links import AppLinks
from syncd.store import LinkExists, Store

AFTER = "adopt.after"
"""Fact: the highest id of the official app's rows that was taken over; rows beyond it are new."""

JUST_MADE = timedelta(hours=1)
"""A row of the app that is not older is what an agent did just now, and acts like a link by hand."""

EXPORT_PAGES = 1000
NEWEST_PAGES = 20
WITHHELD = timedelta(minutes=5)
"""Well beyond the minute that the export holds tickets back."""

NUMBERS = re.compile(r"\d{1,18}")
SWITCH_ON = (
    "In Zendesk, an admin has to turn on 'Manage links' for the Jira app (Admin Center > Apps and integrations), and "
    "zendesk.reader_auth has to be an admin's."
)

Progress = Callable[[str, int, int | None], None]
"""Told (what is being read, how many so far, of how many)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look through."""

    sources: tuple[Source, ...]
    jira_field: str | None = None  # id of the Jira field that names ticket numbers
    label: str = r"zd-(\d+)"  # what a label that names a ticket looks like; the group is the number
    integration: str | None = None  # external id of a "V2" integration
    start: datetime | None = None  # tickets changed since then are looked through for keys in fields
    ticket_hosts: tuple[str, ...] = ()  # what the remote links of tickets begin with


@dataclass(slots=True)
class _Read:
    pairs: list[Pair] = field(default_factory=list)
    highest: int = 0
    unread: list[str] = field(default_factory=list)


class Adopter:
    """Reads the sources, judges what they say, and writes the links down; the trackers are never written to."""

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        jira: IssueSource,
        app_links: AppLinks,
        scan: IssueScan,
        clock: Clock,
    ) -> None:
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._app_links = app_links
        self._scan = scan
        self._clock = clock

    def remote_link_cost(self, routes: Routes, progress: Progress) -> int:
        """How many calls reading all remote links would take: one for each issue of the routes' projects."""
        count = 0
        for count, _ in enumerate(self._scan.all_issues(_projects(routes)), 1):
            if count % 100 == 0:
                progress("issues", count, None)
        return count

    def adopt(self, routes: Routes, wanted: Wanted, *, dry_run: bool, progress: Progress) -> Adoption:
        """Everything that the sources name. Without `dry_run` the links are stored; they are only observed at first."""
        adoption, highest = self.survey(routes, wanted, beside=(), progress=progress)
        if not dry_run:
            self._keep(adoption, highest)
        return adoption

    def survey(
        self, routes: Routes, wanted: Wanted, *, beside: Sequence[Pair], progress: Progress
    ) -> tuple[Adoption, int]:
        """What adopt() would do, with pairs that were found otherwise; and the highest row of the app that was seen."""
        found = _Read(pairs=list(beside))
        for source in wanted.sources:
            try:
                self._read(source, routes, wanted, found, progress)
            except (AuthError, RefusedError, NotFoundError) as error:
                found.unread.append(_unread(source, error))
        adoption = self._judge(found.pairs, routes, progress)
        adoption.unread = found.unread
        return adoption, found.highest

    # ---- sources ----

    def _read(self, source: Source, routes: Routes, wanted: Wanted, found: _Read, progress: Progress) -> None:
        projects = _projects(routes)
        match source:
            case Source.APP_LINKS:
                self._read_app(wanted, found, progress)
            case Source.FIELD:
                found.pairs += _counted(self._in_ticket_fields(routes, wanted), source, progress)
            case Source.JIRA_FIELD:
                if wanted.jira_field:
                    rows = self._scan.with_field(projects, wanted.jira_field)
                    pairs = (Pair(n, row.id, source, row.key) for row in rows for n in _numbers(row.value))
                    found.pairs += _counted(pairs, source, progress)
            case Source.LABELS:
                pattern = re.compile(wanted.label, re.IGNORECASE)
                rows = self._scan.with_labels(projects)
                pairs = (Pair(n, row.id, source, row.key) for row in rows for n in _labelled(row.value, pattern))
                found.pairs += _counted(pairs, source, progress)
            case Source.REMOTE_LINKS:
                found.pairs += _counted(self._in_remote_links(projects, wanted), source, progress)

    def _read_app(self, wanted: Wanted, found: _Read, progress: Progress) -> None:
        """The current list; where it is refused, the deprecated one; and a V2 integration's beside it, which numbers
        its rows by itself. One that cannot be read does not keep the other from being read."""
        try:
            links = self._listed(self._app_links.current(), progress)
        except (AuthError, RefusedError, NotFoundError) as refusal:
            try:
                links = self._listed(self._app_links.deprecated(), progress)
            except (AuthError, RefusedError, NotFoundError):
                found.unread.append(_unread(Source.APP_LINKS, refusal))
                links = []
        found.highest = max((link.id for link in links), default=0)
        if wanted.integration is not None:
            try:
                links += self._listed(self._app_links.integration(wanted.integration), progress)
            except (AuthError, RefusedError, NotFoundError) as refusal:
                which = f"The links of the integration {wanted.integration}"
                found.unread.append(f"{which} cannot be read: {refusal}. {SWITCH_ON}")
        found.pairs += [_pair(link) for link in links]

    @staticmethod
    def _listed(rows: Iterator[AppLink], progress: Progress) -> list[AppLink]:
        found = []
        for link in rows:
            found.append(link)
            if len(found) % 100 == 0:
                progress("the app's links", len(found), None)
        return found

    def _in_ticket_fields(self, routes: Routes, wanted: Wanted) -> Iterator[Pair]:
        """Tickets whose link field names a key, 1,000 a call; first those that the export withholds for a minute."""
        fields = {view.link_field for view in routes.running.values() if view.link_field}
        for ticket in (*self._newest(), *self._exported(wanted)):
            for key in dict.fromkeys(key for name in fields for key in keys_in(ticket.fields.get(name))):
                if not ticket.is_gone:
                    yield Pair(ticket.id, key, Source.FIELD, key)

    def _newest(self) -> Iterator[TicketSnapshot]:
        since, cursor = self._clock.now() - WITHHELD, None
        for _ in range(NEWEST_PAGES):
            page = self._zendesk.recently_updated(cursor)
            yield from page.tickets
            if page.end or page.cursor is None or any(ticket.updated_at < since for ticket in page.tickets):
                return
            cursor = page.cursor

    def _exported(self, wanted: Wanted) -> Iterator[TicketSnapshot]:
        start, cursor = wanted.start or self._clock.now() - timedelta(days=90), None
        for _ in range(EXPORT_PAGES):
            page = self._zendesk.changed(cursor, start)
            yield from page.tickets
            if page.end or page.cursor is None or page.cursor == cursor:
                return
            cursor = page.cursor

    def _in_remote_links(self, projects: Sequence[str], wanted: Wanted) -> Iterator[Pair]:
        """One call for each issue."""
        for row in self._scan.all_issues(projects):
            for url in self._scan.remote_links(row.id):
                host = next((h for h in wanted.ticket_hosts if h and url.startswith(h)), None)
                number = re.search(r"/tickets/(\d{1,18})", url[len(host) :]) if host is not None else None
                if number is not None:
                    yield Pair(int(number[1]), row.id, Source.REMOTE_LINKS, row.key)

    # ---- judging ----

    def _judge(self, pairs: Sequence[Pair], routes: Routes, progress: Progress) -> Adoption:
        issues = self._issues({pair.issue for pair in pairs}, progress)
        tickets = self._tickets(sorted({pair.ticket_id for pair in pairs}), progress)
        with self._store.reading() as tx:
            stored = tx.all_links(limit=None)
        live = [(link.ticket_id, link.issue_id) for link in stored if link.state is not LinkState.RETIRED]
        retired = [(link.ticket_id, link.issue_id) for link in stored if link.state is LinkState.RETIRED]
        by_project = {view.project_key: name for name, view in routes.running.items()}
        return Adoption(
            judge_pairs(pairs, tickets=tickets, issues=issues, routes=by_project, live=live, retired=retired)
        )

    def _tickets(self, ids: Sequence[int], progress: Progress) -> dict[int, TicketSnapshot]:
        found: dict[int, TicketSnapshot] = {}
        for start in range(0, len(ids), 100):
            found |= {ticket.id: ticket for ticket in self._zendesk.read(ids[start : start + 100])}
            progress("tickets", len(found), len(ids))
        return found

    def _issues(self, names: Iterable[str], progress: Progress) -> dict[str, IssueSnapshot]:
        """By id and by key, as they were named."""
        wanted = sorted(names)
        ids = [name for name in wanted if name.isdecimal()]
        keys = [name for name in wanted if not name.isdecimal()]
        named: Mapping[str, str] = self._scan.ids_of_keys(keys) if keys else {}
        ids = list(dict.fromkeys([*ids, *named.values()]))
        found: dict[str, IssueSnapshot] = {}
        for start in range(0, len(ids), 100):
            found |= {issue.id: issue for issue in self._jira.census(ids[start : start + 100])}
            progress("issues", len(found), len(ids))
        found |= {issue.key: issue for issue in list(found.values()) if issue.visible}
        return found | {key: found[number] for key, number in named.items() if number in found}

    # ---- keeping ----

    def _keep(self, adoption: Adoption, highest: int) -> None:
        now = self._clock.now()
        chunk: list[Verdict] = []
        for verdict in adoption.adopted:
            chunk.append(verdict)
            if len(chunk) == 500:
                self._add(chunk, Origin.ADOPTED, now)
                chunk = []
        self._add(chunk, Origin.ADOPTED, now)
        if highest:
            with self._store.transaction() as tx:
                tx.set_fact(AFTER, highest, now)

    def _add(self, verdicts: Sequence[Verdict], origin: Origin, now: datetime) -> None:
        with self._store.transaction() as tx:
            for verdict in verdicts:
                ticket_id = verdict.pair.ticket_id
                try:
                    link = tx.join(ticket_id, verdict.issue_id, verdict.issue_key, verdict.route, origin, now)
                except LinkExists:
                    continue
                tx.log_link(link.id, now, "linked", f"taken over from {verdict.pair.source}", {"origin": str(origin)})
                tx.touch([ticket_subject(ticket_id), issue_subject(verdict.issue_id)], now)

    # ---- following ----

    def follow(self, routes: Routes, report: CycleReport) -> int:
        """Takes over what agents linked with the official app since; answers how many rows were new. One call when
        there are none. What cannot be read is left for next time."""
        with self._store.reading() as tx:
            after = tx.get_fact(AFTER)
        if not isinstance(after, int):
            return 0
        try:
            rows = list(self._app_links.current(after))
        except (AuthError, RefusedError, NotFoundError) as refusal:
            try:
                rows = list(self._app_links.deprecated(after))
            except (AuthError, RefusedError, NotFoundError):
                report.warnings.append(_unread(Source.APP_LINKS, refusal))
                return 0
        if not rows:
            return 0
        now = self._clock.now()
        adoption = self._judge([_pair(link) for link in rows], routes, lambda *_: None)
        fresh = {(link.ticket_id, link.issue_id) for link in rows if _is_fresh(link, now)}
        by_hand = [v for v in adoption.adopted if (v.pair.ticket_id, v.pair.issue) in fresh]
        self._add(by_hand, Origin.MANUAL, now)
        self._add([v for v in adoption.adopted if v not in by_hand], Origin.ADOPTED, now)
        report.warnings += [v.sentence for v in adoption.verdicts if v.sentence and v.outcome is not Outcome.RETIRED]
        with self._store.transaction() as tx:
            tx.set_fact(AFTER, max(link.id for link in rows), now)
        return len(rows)


class AppLinkWatch:
    """A Chore: new rows of the official app become links. It begins once `syncd links adopt` has run."""

    name = "app_links"
    side = "zendesk"

    def __init__(self, adopter: Adopter, every: timedelta) -> None:
        self._adopter = adopter
        self.every = every

    def run(self, routes: Routes, report: CycleReport) -> None:
        """See Chore.run."""
        self._adopter.follow(routes, report)


def _projects(routes: Routes) -> list[str]:
    return sorted({view.project_key for view in routes.running.values()})


def _pair(link: AppLink) -> Pair:
    return Pair(link.ticket_id, link.issue_id, Source.APP_LINKS, link.issue_key)


def _is_fresh(link: AppLink, now: datetime) -> bool:
    try:
        made = datetime.fromisoformat(link.created_at)
    except ValueError:
        return False
    return made.tzinfo is not None and now - made <= JUST_MADE


def _counted(pairs: Iterable[Pair], source: Source, progress: Progress) -> list[Pair]:
    found = []
    for pair in pairs:
        found.append(pair)
        if len(found) % 50 == 0:
            progress(f"links from {source}", len(found), None)
    return found


def _numbers(value: Any) -> list[int]:
    """The ticket numbers in a field's value: a number, a text with several, or a list of either."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [int(value)] if value > 0 else []
    if isinstance(value, list):
        return [number for entry in value for number in _numbers(entry)]
    if isinstance(value, dict):
        return _numbers(value.get("value"))
    return [int(found) for found in dict.fromkeys(NUMBERS.findall(str(value))) if int(found) > 0]


def _labelled(value: Any, pattern: re.Pattern[str]) -> list[int]:
    found = [pattern.fullmatch(label) for label in value if isinstance(label, str)] if isinstance(value, list) else []
    return [int(match[1]) for match in found if match is not None and match.groups() and match[1].isdecimal()]


def _unread(source: Source, error: SourceError) -> str:
    if source is Source.APP_LINKS:
        return f"The official app's links cannot be read: {error}. {SWITCH_ON}"
    return f"{source} cannot be read: {error}."
