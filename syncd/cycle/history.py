"""The exact history of tickets before the live export began: read back page by page, and from audits where it is older.

The live export (fetch.py) goes on from where it began; a second cursor walks from `start_from` up to there. Open
tickets that were created before that have their audits read, the most urgent and newest first, a few in each cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from syncd.core.model import Json, TicketSnapshot
from syncd.core.ports import Clock, TicketPage, TicketSource
from syncd.cycle.audits_wanted import note_crowded
from syncd.cycle.fetch import EVENTS, EXPORT_LAG, HISTORY_KNOWN, marked
from syncd.cycle.settings import CycleReport
from syncd.sla.observed import second
from syncd.sources.errors import InvalidResponseError, NotFoundError, RefusedError
from syncd.store import Store, Tx

EVENTS_PAST: Final = "zendesk.events.past"
BEGUN: Final = "history.begun"
BUGS: Final = "history.bugs"
MARKERS: Final = "history.markers"
"""Fact: since when (Unix seconds) comments are searched for each marker; 0 = since the beginning."""
TICKETS_PAST: Final = "history.tickets"
"""Fact: {since, until, cursor, at} of the tickets that a longer `start_from` reaches; null when they are all read. It
has come to those that were last changed `at` (Unix seconds)."""

AUDITS: Final = 10
"""Tickets whose audits are read in one cycle."""
BUGS_READ: Final = 50
"""Linked issues that are read in one cycle, once, for what was done to them before clocks were kept."""
BEHIND: Final = 300
"""Seconds that the exact history may be behind a ticket's last change before it counts as incomplete."""

LONGER: Final = 3600
"""Seconds by which `start_from` must reach further back than before to count as longer: clocks are set, too."""


@dataclass(frozen=True, slots=True)
class Known:
    """Up to where the exact history is known, in Unix seconds by the tracker's clock."""

    since: int  # what happened before is known from audits only
    live: int  # from here on the live export tells everything
    past: int  # the walk from `since` to `live` has come this far
    until: int  # and the live export this far

    @property
    def is_whole(self) -> bool:
        """The walk has reached the live export."""
        return self.past >= self.live

    def exact_until(self, ticket: TicketSnapshot, read_until: datetime | None) -> int:
        """Up to when all events of the ticket are known."""
        if read_until is not None:
            return max(second(read_until), self.until)
        if self.goes_on_to(ticket):
            return self.until
        return self.past

    def goes_on_to(self, ticket: TicketSnapshot) -> bool:
        """Whether it is the live export that will tell what is missing."""
        return self.is_whole or second(ticket.created_at) >= self.live

    def is_complete(self, ticket: TicketSnapshot, read_until: datetime | None, now: int, *, is_born: bool) -> bool:
        """Nothing of the ticket's history is missing but perhaps the last minutes. `is_born`: its creation is known."""
        until = self.exact_until(ticket, read_until)
        return (is_born or read_until is not None) and (second(ticket.updated_at) <= until or now - until <= BEHIND)

    def wants_audits(self, ticket: TicketSnapshot, read_until: datetime | None, *, is_born: bool) -> bool:
        """Its beginning can only be told by its audits."""
        created = second(ticket.created_at)
        return (
            not is_born and read_until is None and (created < self.since or (self.is_whole and created <= self.until))
        )


def known_history(tx: Tx) -> Known:
    """How much is known now; nothing before begin() was called."""
    begun = tx.get_fact(BEGUN)
    since, live = (begun["since"], begun["live"]) if isinstance(begun, dict) else (0, 0)
    until = tx.get_fact(HISTORY_KNOWN)
    return Known(
        since=int(since),
        live=int(live),
        past=int(tx.cursor(EVENTS_PAST) or 0),
        until=int(until) if isinstance(until, int) else 0,
    )


def searched_markers(tx: Tx) -> dict[str, int]:
    """Since when (Unix seconds) comments are searched for each marker; 0 = since the beginning."""
    known = tx.get_fact(MARKERS)
    stamps = known.items() if isinstance(known, dict) else ()
    return {marker: at for marker, at in stamps if isinstance(at, int)}


def late_markers(tx: Tx) -> dict[str, int]:
    """Those of them that were configured after histories had been read."""
    return {marker: at for marker, at in searched_markers(tx).items() if at > 0}


class Histories:
    """Reads what happened before. `markers` are the configured ones; `read_issues` reads issues with their history;
    `observe` stores tickets as any other reading of them."""

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        clock: Clock,
        *,
        markers: Callable[[], Sequence[str]],
        read_issues: Callable[[Sequence[str], CycleReport], None],
        observe: Callable[[Tx, Sequence[TicketSnapshot], CycleReport, datetime], None],
    ) -> None:
        self._store = store
        self._zendesk = zendesk
        self._clock = clock
        self._markers = markers
        self._read_issues = read_issues
        self._observe = observe
        self._noted: tuple[str, ...] | None = None  # the markers that the store knows of

    def begin(self, start_from: timedelta) -> None:
        """Settles where the history begins; goes back further when `start_from` has become longer. Harmless
        otherwise."""
        with self._store.reading() as tx:
            begun = tx.get_fact(BEGUN)
        now = self._clock.now()
        wanted = int((now - start_from).timestamp())
        if isinstance(begun, dict):
            if wanted < int(begun["since"]) - LONGER:
                self._reach_back(wanted, now)
            return
        with self._store.transaction() as tx:
            latest = int(now.timestamp()) - EXPORT_LAG
            cursor = tx.cursor(EVENTS)
            live = latest if cursor is None else int(cursor)
            since = min(wanted, live)
            if cursor is None:
                tx.set_cursor_forward(EVENTS, live, now)
            tx.set_cursor(EVENTS_PAST, str(since), now)
            tx.set_fact(BEGUN, {"since": since, "live": live}, now)
            tx.set_fact(MARKERS, dict.fromkeys(self._markers(), 0), now)

    def _reach_back(self, since: int, now: datetime) -> None:
        """The walk begins anew from further back, up to where it began before, or to the live export if it was still on
        its way; and so do the tickets that are known at all."""
        with self._store.transaction() as tx:
            known = known_history(tx)
            tx.set_fact(BEGUN, {"since": since, "live": known.since if known.is_whole else known.live}, now)
            tx.set_cursor(EVENTS_PAST, str(since), now)
            tx.set_fact(TICKETS_PAST, {"since": since, "until": known.since, "cursor": None}, now)

    def note_markers(self, markers: tuple[str, ...]) -> None:
        """Remembers since when comments are searched for which marker. Once a cycle, before anything is read."""
        if self._noted == markers:
            return
        now = self._clock.now()
        with self._store.reading() as tx:
            known, begun = searched_markers(tx), tx.get_fact(BEGUN)
        first = 0 if begun is None else int(now.timestamp())
        noted = {marker: known.get(marker, first) for marker in markers}
        if noted != known and begun is not None:
            kept: dict[str, Json] = dict(noted)
            with self._store.transaction() as tx:
                tx.set_fact(MARKERS, kept, now)
        self._noted = markers

    def let_go(self, tx: Tx) -> None:
        """There are no clocks for now: comments are not searched, and bugs are read without what was done to them."""
        now = self._clock.now()
        tx.set_fact(MARKERS, None, now)
        tx.set_fact(BUGS, None, now)
        self._noted = None

    def read_tickets_past(self, report: CycleReport, *, pages: int) -> None:
        """Tickets that were last updated before the import began and that a longer `start_from` reaches."""
        for _ in range(pages):
            with self._store.reading() as tx:
                walk = tx.get_fact(TICKETS_PAST)
            if not isinstance(walk, dict) or self._zendesk.wait_for("export") > 0:
                return
            cursor, reached = walk.get("cursor"), int(walk["at"] if "at" in walk else walk["since"])
            page = self._tickets_from(cursor if isinstance(cursor, str) else None, datetime.fromtimestamp(reached, UTC))
            report.warnings.extend(page.malformed)
            newest = max((ticket.generated for ticket in page.tickets), default=0)
            is_done = page.end or page.cursor in (None, cursor) or newest >= int(walk["until"])
            at, now = max(newest, reached), self._clock.now()
            with self._store.transaction() as tx:
                self._observe(tx, page.tickets, report, now)
                tx.set_fact(TICKETS_PAST, None if is_done else {**walk, "cursor": page.cursor, "at": at}, now)

    def _tickets_from(self, cursor: str | None, reached: datetime) -> TicketPage:
        try:
            return self._zendesk.changed(cursor, reached)
        except RefusedError:
            if cursor is None:
                raise
            return self._zendesk.changed(None, reached)  # a refused cursor: go on from the last stamp

    def read_past(self, report: CycleReport, *, pages: int) -> None:
        """The export from the walk's cursor on, as far as the budget of all exports goes; and what readings told ahead
        of what is known now is forgotten."""
        with self._store.transaction() as tx:
            tx.forget_readings(known_history(tx).until)
        for _ in range(pages):
            with self._store.reading() as tx:
                known = known_history(tx)
            if known.is_whole or self._zendesk.wait_for("export") > 0:
                return
            page = self._zendesk.events(known.past)
            report.warnings.extend(page.malformed)
            if page.end_time <= known.past and not page.end:
                raise InvalidResponseError(
                    f"Zendesk's ticket events do not advance past {known.past}: that second holds more than a page."
                )
            now = self._clock.now()
            with self._store.transaction() as tx:
                tx.outdate_clocks(tx.put_ticket_changes(marked(page.events, self._markers())))
                if page.crowded is not None:
                    note_crowded(tx, page.crowded, report, now)
                tx.set_cursor_forward(EVENTS_PAST, known.live if page.end else page.end_time, now)
                if known_history(tx).is_whole:  # from here on tickets are complete of which this page told nothing new
                    tx.recompute_clocks()

    def read_audits(self, report: CycleReport) -> None:
        """The whole audits of the next tickets that wait for it. Those that cannot be read now are asked for again
        after the others."""
        with self._store.reading() as tx:
            wanted = tx.wanted_histories(AUDITS)
        for ticket_id in wanted:
            if self._zendesk.wait_for("read") > 0:
                return
            if not self.read_audits_of(ticket_id, report, whole=True):
                with self._store.transaction() as tx:
                    tx.put_history_off(ticket_id)

    def read_audits_of(self, ticket_id: int, report: CycleReport, *, whole: bool) -> bool:
        """The audits of one ticket: all, or the newest 100. One that has none to tell, or does not give them away,
        counts as read. False when something came in their place: nothing was learned then, and whoever took that for
        an empty history would say that nobody had answered."""
        with self._store.reading() as tx:
            reading = tx.tickets([ticket_id]).get(ticket_id)
        try:
            events = self._zendesk.audits(ticket_id, whole=whole)
        except NotFoundError:
            events = ()
        except (RefusedError, InvalidResponseError) as error:
            report.warnings.append(f"The history of ticket #{ticket_id} cannot be read: {error}")
            if isinstance(error, InvalidResponseError):
                return False
            events = ()
        # By the tracker's clock, never ours: audits are as new as the reading that was there before them.
        stamps = [event.change.at for event in events] + ([reading.updated_at] if reading is not None else [])
        with self._store.transaction() as tx:
            tx.put_ticket_changes(marked(events, self._markers()))
            searched = int(self._clock.now().timestamp()) if whole else None
            tx.history_read(ticket_id, max(stamps, default=datetime.fromtimestamp(0, UTC)), searched)
            tx.touch_clocks([ticket_id])
        return True

    def read_bugs(self, report: CycleReport) -> None:
        """The linked issues once, for who did what to them before clocks were kept."""
        with self._store.reading() as tx:
            after = tx.get_fact(BUGS)
            if after is True:
                return
            links = tx.next_live_links(after if isinstance(after, int) else 0, BUGS_READ)
        self._read_issues(list(dict.fromkeys(link.issue_id for link in links)), report)
        with self._store.transaction() as tx:
            tx.set_fact(BUGS, links[-1].id if len(links) == BUGS_READ else True, self._clock.now())
