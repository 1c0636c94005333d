"""Reading both sides: the fast passes, the complete pass, the census. Every page is one transaction with its cursor.

A reading never waits for the other side: each pass raises its own SourceError, and the caller goes on with the rest.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from syncd.core.discover import names_a_key
from syncd.core.model import IssueSnapshot, LinkState, TicketSnapshot
from syncd.core.ports import Clock, IssueSource, TicketEvent, TicketPage, TicketSource
from syncd.core.subjects import ticket_subject
from syncd.cycle.audits_wanted import note_crowded, want_left_out
from syncd.cycle.settings import CycleReport, Routes, Settings
from syncd.sources.errors import InvalidResponseError, RefusedError
from syncd.store import Store, Tx, cursors

FAST_PAGES = 10
"""Pages of the fast list in one cycle; what lies beyond is the export's to find."""

EXPORT_LAG = 60
"""Seconds that Zendesk's incremental exports withhold."""

OVERLAP_MS = {"cloud": 300_000, "data_center": 120_000}
"""How far back each Jira search looks again: the index lags, and equal stamps have no order."""

FIRST_LOOK = timedelta(hours=1)
"""How far before our own clock, which may be wrong, Jira is first looked at."""

SMALL_CENSUS = 5
"""Below this many missing at once a census does not suspect the source."""

SAMPLE = 40
"""Other links that are looked at before a missing one is believed."""

FAST_TICKETS = cursors.FAST_TICKETS
UPDATED_ISSUES = cursors.UPDATED_ISSUES
EXPORT_TICKETS = "zendesk.export"
EVENTS = "zendesk.events"
ANCHOR = "jira.anchor"
CENSUS = "census.after_link"
HISTORY_KNOWN = "zendesk.events.known"

CERTAINLY = 120
"""Seconds behind our clock up to which an export that is at its end has told everything, even by a skewed clock."""


def marked(events: Iterable[TicketEvent], markers: Sequence[str]) -> list[TicketEvent]:
    """The events with the markers that were found in their texts; a text goes no further."""
    found = []
    for event in events:
        names = tuple(marker for marker in markers if event.text and _whole(marker).search(event.text))
        found.append(replace(event, text="", change=replace(event.change, markers=names) if names else event.change))
    return found


@functools.cache
def _whole(marker: str) -> re.Pattern[str]:
    """Finds the marker as a word of its own, whatever its case: #plan is not in "#planned". Other scripts write on
    without a space, so that only letters and digits of ASCII make it another word."""
    return re.compile(rf"(?<![A-Za-z0-9_]){re.escape(marker)}(?![A-Za-z0-9_])", re.IGNORECASE)


class Fetcher:
    """Reads one Zendesk and one Jira into the store."""

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        jira: IssueSource,
        clock: Clock,
        markers: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        """`markers` are the texts that are looked for in comments."""
        self._markers = markers
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._clock = clock

    # ---- Zendesk ----

    def fast_tickets(self, routes: Routes, report: CycleReport) -> None:
        """The list by updated_at, newest first, back to the last stamp seen. One call when nothing changed."""
        with self._store.reading() as tx:
            seen = tx.cursor(FAST_TICKETS)
        last = int(seen) if seen is not None else None
        rows: list[TicketSnapshot] = []
        page_cursor: str | None = None
        for _ in range(FAST_PAGES):
            page = self._zendesk.recently_updated(page_cursor)
            report.warnings.extend(page.malformed)
            rows.extend(t for t in page.tickets if last is None or t.version >= last)
            oldest = min((t.version for t in page.tickets), default=0)
            if last is None or page.end or oldest < last or page.cursor is None or page.cursor == page_cursor:
                break
            page_cursor = page.cursor
        newest = max((t.version for t in rows), default=None)
        now = self._clock.now()
        with self._store.transaction() as tx:
            self.observe_tickets(tx, rows, routes, report, now)
            if newest is not None and (last is None or newest > last):
                tx.set_cursor_forward(FAST_TICKETS, newest, now)

    def export_tickets(self, routes: Routes, settings: Settings, report: CycleReport, *, pages: int) -> None:
        """The incremental export from its cursor, page by page, as far as the budget goes."""
        for _ in range(pages):
            if self._zendesk.wait_for("export") > 0:
                report.caught_up = False
                return
            with self._store.reading() as tx:
                cursor = tx.cursor(EXPORT_TICKETS)
                behind = tx.get_fact("zendesk.export.recovery")
            start = self._clock.now() - settings.start_from
            if isinstance(behind, int):
                start = datetime.fromtimestamp(behind, UTC)
            page = self._export_page(cursor, start)
            now = self._clock.now()
            report.warnings.extend(page.malformed)
            with self._store.transaction() as tx:
                self.observe_tickets(tx, page.tickets, routes, report, now)
                if page.cursor is not None and page.cursor != cursor:
                    tx.set_cursor(EXPORT_TICKETS, page.cursor, now)
                newest = max((t.generated for t in page.tickets), default=0)
                if newest:
                    tx.set_fact("zendesk.export.recovery", newest, now)
                if page.end:
                    want_left_out(tx, now)
            if page.end or page.cursor is None:
                report.caught_up = True
                return
        report.caught_up = False

    def _export_page(self, cursor: str | None, start: datetime) -> TicketPage:
        try:
            return self._zendesk.changed(cursor, start)
        except RefusedError:
            if cursor is None:
                raise
            return self._zendesk.changed(None, start)  # a refused cursor: go on from the last stamp it gave

    def ticket_events(self, report: CycleReport, *, pages: int) -> None:
        """The exact history of linked and unlinked tickets, for clocks and for who did what. Where more is waiting than
        is read now, what was read is known all the same, but for its last second: the next page may go on with it. What
        the export may have left out of a second is told by audits."""
        for _ in range(pages):
            if self._zendesk.wait_for("export") > 0:
                return
            with self._store.reading() as tx:
                cursor = tx.cursor(EVENTS)
            now = self._clock.now()
            latest = int(now.timestamp()) - EXPORT_LAG
            start = int(cursor) if cursor is not None else latest
            page = self._zendesk.events(min(start, latest))
            report.warnings.extend(page.malformed)
            with self._store.transaction() as tx:
                tx.touch_clocks(tx.put_ticket_changes(marked(page.events, self._markers())))
                if page.crowded is not None:
                    note_crowded(tx, page.crowded, report, now)
                certain = int(now.timestamp()) - CERTAINLY
                if page.end:
                    tx.set_fact(HISTORY_KNOWN, certain, now)
                elif page.end_time > start:
                    known = tx.get_fact(HISTORY_KNOWN)
                    told = min(certain, page.end_time - 1)
                    tx.set_fact(HISTORY_KNOWN, max(known, told) if isinstance(known, int) else told, now)
                if page.end_time > start or cursor is None:
                    tx.set_cursor_forward(EVENTS, max(start, page.end_time), now)
            if page.end:
                return
            if page.end_time <= start:
                raise InvalidResponseError(
                    f"Zendesk's ticket events do not advance past {start}: that second holds more rows than a page."
                )

    def read_tickets(self, ids: Sequence[int], routes: Routes, report: CycleReport) -> None:
        """These tickets as they are now."""
        if ids:
            rows = self._zendesk.read(ids)
            with self._store.transaction() as tx:
                self.observe_tickets(tx, rows, routes, report, self._clock.now())

    def observe_tickets(
        self, tx: Tx, rows: Iterable[TicketSnapshot], routes: Routes, report: CycleReport, now: datetime
    ) -> None:
        """Stores readings; links, requests for bugs and follow-ups that they are about are to be planned."""
        readings = list(rows)
        report.tickets_read += len(readings)
        changed = tx.put_tickets(readings, now)
        by_id = {ticket.id: ticket for ticket in readings}
        linked = tx.is_linked_ticket(changed)  # these the store has touched
        asking = [
            i
            for i in changed
            if i not in linked
            and (
                _follows(by_id[i]) or names_a_key(by_id[i], routes.running.values()) or routes.may_ask_for_bug(by_id[i])
            )
        ]
        report.changed += len(linked) + len(asking)
        tx.touch([ticket_subject(i) for i in asking], now)

    # ---- Jira ----

    def fast_issues(self, projects: Sequence[str], deployment: str, report: CycleReport) -> None:
        """One search over all projects from the cursor less the overlap; what changed and is linked is read again.

        An empty page below the cursor is suspect: the overlap always holds the row at the cursor."""
        if not projects:
            return
        overlap = OVERLAP_MS.get(deployment, OVERLAP_MS["cloud"])
        with self._store.reading() as tx:
            cursor = tx.cursor(UPDATED_ISSUES)
        since = int(cursor) if cursor is not None else int((self._clock.now() - FIRST_LOOK).timestamp() * 1000)
        page_cursor: str | None = None
        seen: dict[str, IssueSnapshot] = {}
        seen_cursors: set[str] = set()
        while True:
            page = self._jira.changed(projects, max(0, since - overlap), page_cursor)
            report.warnings.extend(page.malformed)
            for row in page.issues:
                seen[row.id] = row
            if page.end or page.cursor is None:
                break
            if page.cursor in seen_cursors:
                raise InvalidResponseError("Jira's search gave the same page token twice; the rest is read next time.")
            seen_cursors.add(page.cursor)
            page_cursor = page.cursor
        if not seen and cursor is not None:
            self._suspect_empty(report)
        self._observe_search(list(seen.values()), since, report, first=cursor is None)

    def _observe_search(self, rows: Sequence[IssueSnapshot], since: int, report: CycleReport, *, first: bool) -> None:
        with self._store.reading() as tx:
            linked = tx.is_linked_issue(row.id for row in rows) | tx.is_watched_issue(row.id for row in rows)
            known = tx.issues(linked)
        news = [
            row.id
            for row in rows
            if row.id in linked and (row.id not in known or row.updated_ms > known[row.id].updated_ms)
        ]
        self.read_issues(news, report)
        newest = max(rows, key=lambda row: (row.updated_ms, row.id), default=None)
        now = self._clock.now()
        if newest is None and not first:
            return
        with self._store.transaction() as tx:
            tx.set_cursor_forward(UPDATED_ISSUES, max(since, newest.updated_ms if newest else 0), now)
            if newest is not None and newest.updated_ms >= since:
                tx.set_fact(ANCHOR, {"id": newest.id, "updated": newest.updated_ms}, now)

    def _suspect_empty(self, report: CycleReport) -> None:
        with self._store.reading() as tx:
            anchor = tx.get_fact(ANCHOR)
        if not isinstance(anchor, dict):
            return
        self._jira.identity()  # raises AuthError when we are nobody there
        report.passes.append("identity")
        row = self._jira.read([str(anchor["id"])], history=False)[0]
        if row.visible and row.updated_ms == anchor["updated"]:
            raise InvalidResponseError(
                f"Jira's search answers with nothing although {row.key} should be found: its index is being rebuilt, "
                "or the permission is gone. Nothing is concluded from the empty answer."
            )
        with self._store.transaction() as tx:
            tx.set_fact(ANCHOR, None, self._clock.now())  # deleted or moved away: an empty answer is the truth

    def read_issues(self, ids: Sequence[str], report: CycleReport) -> None:
        """These issues as they are now, with their history."""
        if ids:
            rows = self._jira.read(ids)
            with self._store.transaction() as tx:
                self._observe_issues(tx, rows, report, self._clock.now())

    def _observe_issues(self, tx: Tx, rows: Iterable[IssueSnapshot], report: CycleReport, now: datetime) -> None:
        readings = list(rows)
        report.issues_read += len(readings)
        changed = tx.put_issues(readings, now)
        report.changed += len(tx.is_linked_issue(changed) | tx.is_watched_issue(changed))

    # ---- both ----

    def outside_issues(self, projects: Sequence[str], report: CycleReport) -> None:
        """Linked issues that moved out of the mapped projects: the search no longer sees them."""
        with self._store.reading() as tx:
            conflicts = tx.all_links(state=LinkState.CONFLICT, limit=None)
            issues = tx.issues(link.issue_id for link in conflicts)
        outside = sorted(i for i, issue in issues.items() if issue.visible and issue.project_key not in projects)
        self.read_issues(outside, report)

    def census(self, routes: Routes, settings: Settings, report: CycleReport, *, believe: bool = False) -> str | None:
        """Status and `updated` of the next share of the live links: what a late index, a deletion or a lost permission
        hid. Answers a sentence when too many are missing to believe the source; nothing is stored then."""
        with self._store.reading() as tx:
            total = tx.live_link_count()
            after = int(tx.cursor(CENSUS) or 0)
            share = math.ceil(total * settings.complete / settings.census) if total else 0
            links = tx.next_live_links(after, min(max(share, 1), 1000)) if total else []
            others = tx.next_live_links(0, SAMPLE)
            known_issues = tx.issues({link.issue_id for link in (*links, *others)})
            known_tickets = tx.tickets({link.ticket_id for link in (*links, *others)})
        tickets = self._zendesk.read(sorted({link.ticket_id for link in links})) if links else ()
        issues = self._jira.census(sorted({link.issue_id for link in links})) if links else ()

        def vanished(rows: Iterable[TicketSnapshot | IssueSnapshot]) -> int:
            return sum(_vanished(row, known_tickets, known_issues) for row in rows)

        if not believe:
            # A share of a few links proves nothing: when one is missing, others are looked at before it is believed.
            sampled: list[tuple[str, Sequence[TicketSnapshot | IssueSnapshot]]] = []
            if vanished(tickets):
                more = self._zendesk.read(sorted({o.ticket_id for o in others} - {t.id for t in tickets}))
                sampled.append(("tickets", (*tickets, *more)))
            if vanished(issues):
                rest = self._jira.census(sorted({o.issue_id for o in others} - {i.id for i in issues}))
                sampled.append(("Jira issues", (*issues, *rest)))
            for what, rows in sampled:
                missing = vanished(rows)
                if missing >= SMALL_CENSUS and missing > settings.max_changed_share * len(rows):
                    return f"{missing} of {len(rows)} linked {what} that were looked at can no longer be read"
        now = self._clock.now()
        changed = [i.id for i in issues if i.visible and _is_news(i, known_issues.get(i.id))]
        with self._store.transaction() as tx:
            self.observe_tickets(tx, tickets, routes, report, now)
            self._observe_issues(tx, [i for i in issues if not i.visible], report, now)
            tx.set_cursor(CENSUS, str(links[-1].id if links and len(links) >= share and share < total else 0), now)
        self.read_issues(changed, report)
        return None


def _vanished(
    row: TicketSnapshot | IssueSnapshot,
    known_tickets: Mapping[int, TicketSnapshot],
    known_issues: Mapping[str, IssueSnapshot],
) -> bool:
    """It is gone now, and was there when it was read last."""
    if isinstance(row, TicketSnapshot):
        ticket = known_tickets.get(row.id)
        return row.is_gone and ticket is not None and not ticket.is_gone
    issue = known_issues.get(row.id)
    return not row.visible and issue is not None and issue.visible


def _follows(ticket: TicketSnapshot) -> bool:
    """It follows up a closed ticket, whose links it goes on with."""
    return ticket.followup_of is not None


def _is_news(row: IssueSnapshot, known: IssueSnapshot | None) -> bool:
    if known is None or not known.visible or row.updated_ms > known.updated_ms or row.key != known.key:
        return True
    return row.status_name != known.status_name  # a status that was renamed moves no issue's stamp
