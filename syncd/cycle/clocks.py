"""The clocks' part of a cycle: only tickets that changed or fell due are folded, whatever is stored beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from syncd.core.clock_actions import ShowClocks
from syncd.core.guard import Held
from syncd.core.mapping import StageMapping
from syncd.core.model import Json
from syncd.core.ports import Clock, IssueSource, TicketSource
from syncd.cycle.audits_wanted import rank_of
from syncd.cycle.clock_brake import CLOCK_FIELDS, look
from syncd.cycle.clock_fields import enqueue_shown, shown_writes
from syncd.cycle.fetch import FAST_TICKETS, UPDATED_ISSUES
from syncd.cycle.folding import events_of, fold, judged, load
from syncd.cycle.history import AUDITS, BEHIND, TICKETS_PAST, Histories, Known, known_history, searched_markers
from syncd.cycle.settings import CycleReport, Routes
from syncd.cycle.sla_settings import SlaSettings, TicketClocks
from syncd.sla.events import Event
from syncd.sla.observed import second
from syncd.store import Store, Tx
from syncd.store.clocks import Judged

MEANING: Final = "sla.meaning"

MOST: Final = 2000
"""Tickets folded in one cycle because they changed or fell due; the rest follows in the next."""
BELIEVED: Final = 86_400
"""Seconds that a tracker's stamp may be ahead of our clock; one further in the future is nobody's present."""
UNTOLD: Final = 60
"""Seconds until a ticket is looked at again whose history is behind: no event of the ticket itself says when it is
not any more."""
SHARE: Final = 600
"""Tickets folded in one cycle because the rules changed."""


class ClockKeeper:
    """Keeps the clocks of all tickets. `sla` gives the settings of now; None = no clock can be computed. `configured`
    says whether there are to be clocks at all: while they are only unusable (a server is away) what happens is still
    marked, and without them nothing is read or written for clocks."""

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        jira: IssueSource,
        clock: Clock,
        histories: Histories,
        *,
        sla: Callable[[], SlaSettings | None],
        configured: Callable[[], bool],
        routes: Callable[[], Routes],
        accept: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        """`accept` gives the tokens by which the configuration lets brakes go."""
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._clock = clock
        self._histories = histories
        self._sla = sla
        self._configured = configured
        self._routes = routes
        self._accept = accept
        self._fields_held: Held | None = None
        self._mappings: dict[str, StageMapping] = {}
        self._read: dict[str, int] = {}
        self._told: dict[int, tuple[tuple[Event, ...], int]] = {}  # the events of what was folded in this cycle
        self._kept: bool | None = None
        self._is_first = True
        self.markers: tuple[str, ...] = ()
        """The texts that comments are searched for: while clocks are only unusable, those of the last time."""
        self.prepare()

    def prepare(self) -> SlaSettings | None:
        """Before anything is read in a cycle: from here on changes make clocks due, if there are any."""
        configured = self._configured()
        self._store.keep_clocks(configured)
        self._jira.want_marks(configured)
        settings = self._sla()
        if settings is not None:
            self.markers = settings.markers
            self._histories.note_markers(settings.markers)
        elif not configured:
            self.markers = ()
        elif self._is_first:
            with self._store.reading() as tx:
                self.markers = tuple(sorted(searched_markers(tx)))
        self._is_first = False
        return settings

    def read(self, report: CycleReport) -> None:
        """Once a cycle: audits of tickets whose history began too early. Raises SourceError."""
        if self.prepare() is not None:
            self._histories.read_audits(report)

    def read_past(self, report: CycleReport, start_from: timedelta, *, pages: int) -> None:
        """Once in a complete pass: the history before clocks were kept. Raises SourceError."""
        if self.prepare() is not None:
            self._histories.begin(start_from)
            self._histories.read_tickets_past(report, pages=pages)
            self._histories.read_past(report, pages=pages)

    def read_bugs(self, report: CycleReport) -> None:
        """Once a cycle until it is done: linked bugs, for what was done to them before. Raises SourceError."""
        if self.prepare() is not None:
            self._histories.read_bugs(report)

    def passed(self, side: str, begun: datetime) -> None:
        """A list of what changed on a side was read to its end; it was asked for then."""
        self._read[side] = int(begun.timestamp())

    # ---- the cycle ----

    def run(self, report: CycleReport) -> list[TicketClocks]:
        """Folds what changed or fell due, and a share of what the rules changed; keeps the verdicts and when each
        ticket is next worth a look. Returns the folded tickets, those that changed or fell due first."""
        settings = self.prepare()
        if settings is None:
            if not self._configured():
                self._let_go()
            return []
        self._kept = True
        self._told.clear()
        self._renew(settings)
        self._brake(settings, report)
        with self._store.reading() as tx:
            now = self._now(tx)
            due = tx.due_tickets(datetime.fromtimestamp(now, UTC), MOST)
            waiting = set(due)
            stale = [number for number in tx.stale_clocks(SHARE) if number not in waiting]
            found = self.folded(tx, [*due, *stale], now) if due or stale else []
        if due or stale:
            report.warnings += self._save([*due, *stale], found, settings)
        report.folded += len(due) + len(stale)
        with self._store.reading() as tx:
            report.clocks = progress(tx)
        return found

    def _save(self, asked: Sequence[int], found: Sequence[TicketClocks], settings: SlaSettings) -> list[str]:
        """Keeps what was found out of the tickets that were asked for, and what follows from it; returns warnings."""
        ids = {folded.id for folded in found}
        with self._store.transaction() as tx:
            known = known_history(tx)
            gone = [Judged(number, (), None) for number in asked if number not in ids]
            tx.save_clocks([*map(judged, found), *gone], self._clock.now())
            for folded in found:
                if not folded.is_complete and folded.is_born and known.goes_on_to(folded.ticket):
                    tx.bring_clock_forward(folded.id, folded.now + UNTOLD)
            read = tx.histories_read(ids)
            born = {folded.id for folded in found if folded.is_born}
            wanted = {
                folded.id: rank_of(folded.ticket)
                for folded in found
                if not folded.ticket.is_gone
                and not folded.ticket.state.is_solved
                and known.wants_audits(folded.ticket, read.get(folded.id), is_born=folded.id in born)
            }
            if wanted:
                tx.want_histories(wanted)
            tx.want_histories_again({folded.id: rank_of(folded.ticket) for folded in found if not folded.is_searched})
            _want_late(tx, [folded for folded in found if folded.id not in wanted and _is_late(folded, known)])
            if self._fields_held is not None:
                return []
            return enqueue_shown(tx, found, settings.shown, self._off_tags(), self._clock.now())

    def _brake(self, settings: SlaSettings, report: CycleReport) -> None:
        """Whether fields that show clocks may be written. Once they may, every ticket is looked at for them."""
        with self._store.reading() as tx:
            guard = tx.guard(CLOCK_FIELDS) or {}
            self._fields_held, kept, released = look(tx, settings.shown, self._accept())
        if self._fields_held is not None and self._fields_held.count:
            report.held[CLOCK_FIELDS] = self._fields_held
        if kept != guard and isinstance(kept, dict):
            with self._store.transaction() as tx:
                tx.save_guard(CLOCK_FIELDS, kept)
                if released and settings.shown:
                    tx.recompute_clocks()

    def _off_tags(self) -> set[str]:
        return {view.off_tag for view in self._routes().running.values() if view.off_tag}

    def would_show(self, tx: Tx, told: Sequence[TicketClocks], *, some_day: bool = False) -> list[ShowClocks]:
        """What would be written into the fields of these tickets now; `some_day`: also once their histories are read.
        Nothing is remembered of it."""
        settings = self._sla()
        if settings is None:
            return []
        asked = [replace(ticket, is_complete=True) for ticket in told] if some_day else told
        return shown_writes(tx, asked, settings.shown, self._off_tags())[0]

    def fields_held(self, tx: Tx) -> Held | None:
        """The brake on fields that show clocks, as the next cycle will find it."""
        settings = self._sla()
        return None if settings is None else look(tx, settings.shown, self._accept())[0]

    def now(self) -> int:
        """The present in Unix seconds, never before what the trackers said last: a clock that was set back must not
        hide what happened. Not within a transaction."""
        with self._store.reading() as tx:
            return self._now(tx)

    def _now(self, tx: Tx) -> int:
        ours = int(self._clock.now().timestamp())
        tickets, issues = tx.cursor(FAST_TICKETS), tx.cursor(UPDATED_ISSUES)
        theirs = (int(tickets or 0), int(issues or 0) // 1000)
        return max([ours, *(stamp for stamp in theirs if stamp <= ours + BELIEVED)])

    # ---- one ticket ----

    def folded(self, tx: Tx, ticket_ids: Iterable[int], now: int) -> list[TicketClocks]:
        """The clocks of these tickets from what is stored, in order; those that are not stored are left out."""
        settings = self._sla()
        if settings is None:
            return []
        wanted = list(dict.fromkeys(ticket_ids))
        inputs = load(tx, wanted, settings)
        mappings = self._mapping()
        found = []
        if len(self._told) > MOST:
            self._told.clear()
        for number in wanted:
            ticket = inputs.tickets.get(number)
            if ticket is None:
                continue
            events = events_of(inputs, ticket, mappings)
            exact = min([inputs.exact_until(ticket), *(event.at - 1 for event in events if event.inferred)])
            self._told[number] = (events, exact)
            found.append(
                fold(
                    inputs,
                    ticket,
                    events,
                    settings,
                    mappings,
                    now,
                    tickets_until=self._read.get("zendesk", 0),
                    bugs_until=self._read.get("jira", 0),
                )
            )
        return found

    def events(self, tx: Tx, ticket_id: int) -> tuple[tuple[Event, ...], int]:
        """All events of a ticket, and up to when its exact history is known and nothing of it is inferred; nothing of
        one that is not stored. Those of a ticket that this cycle folded are at hand."""
        if ticket_id not in self._told:
            self.folded(tx, [ticket_id], 0)
        return self._told.get(ticket_id, ((), 0))

    def fresh(self, ticket_ids: Sequence[int], report: CycleReport) -> list[TicketClocks]:
        """These tickets read anew from Zendesk, with the audits of those that changed since their history is known;
        then folded as of now and kept. Raises SourceError."""
        settings = self._sla()
        if settings is None:
            return []
        rows = self._zendesk.read(ticket_ids)
        with self._store.transaction() as tx:
            tx.put_tickets(rows, self._clock.now())
            known, read = known_history(tx), tx.histories_read(row.id for row in rows)
        for row in rows:
            until = known.exact_until(row, read.get(row.id))
            if self._zendesk.wait_for("read") > 0:
                break  # the rest stays uncertain
            if row.visible and second(row.updated_at) > until:
                self._histories.read_audits_of(row.id, report, whole=second(row.created_at) < known.live)
        with self._store.reading() as tx:
            found = self.folded(tx, ticket_ids, self._now(tx))
        report.warnings += self._save(ticket_ids, found, settings)
        return found

    # ---- rules ----

    def _mapping(self) -> dict[str, StageMapping]:
        """The mappings by route; of a route that stopped, what its statuses meant last."""
        routes = self._routes()
        self._mappings |= {**routes.resting, **{name: view.mapping for name, view in routes.running.items()}}
        return self._mappings

    def _renew(self, settings: SlaSettings) -> None:
        """When the rules mean something else, every ticket is to be computed anew; when the stages of a route do, or
        are known again, the tickets that were ever linked by it."""
        stages: dict[str, Json] = {name: mapping.staging for name, mapping in self._mapping().items()}
        meaning: dict[str, Json] = {"rules": settings.meaning, "stages": stages}
        with self._store.reading() as tx:
            stored = tx.get_fact(MEANING)
        if stored == meaning:
            return
        known = stored if isinstance(stored, dict) else {}
        before = known.get("stages")
        kept = before if isinstance(before, dict) else {}
        with self._store.transaction() as tx:
            tx.set_fact(MEANING, meaning, self._clock.now())
            if known.get("rules") != settings.meaning:
                tx.recompute_clocks()
            else:
                tx.outdate_clocks_of_routes(name for name, said in stages.items() if kept.get(name) != said)

    def recompute(self) -> int:
        """Every ticket is computed anew, in shares; returns how many."""
        with self._store.transaction() as tx:
            return tx.recompute_clocks()

    def _let_go(self) -> None:
        """No clocks any more: what happens from now on is not followed, so that all must be computed if they return."""
        if self._kept is False:
            return
        self._kept = False
        with self._store.reading() as tx:
            stored = tx.get_fact(MEANING)
        if stored is not None:
            with self._store.transaction() as tx:
                tx.set_fact(MEANING, None, self._clock.now())
                self._histories.let_go(tx)


def _is_late(folded: TicketClocks, known: Known) -> bool:
    """Whether a clock has something to tell, and the export will not have come to the ticket's last change for long: an
    incomplete history alarms nobody, but audits can tell now what is missing."""
    if folded.is_complete or not folded.is_searched or folded.ticket.is_gone or folded.ticket.state.is_solved:
        return False
    is_behind = known.goes_on_to(folded.ticket) and folded.now - folded.as_of.history > BEHIND
    return is_behind and any(clock.is_open and verdict.passed for clock, verdict in folded.judged())


def _want_late(tx: Tx, late: Sequence[TicketClocks]) -> None:
    """Their audits are wanted, of no more than the next cycle reads: the export may come to the others before."""
    if not late:
        return
    for folded in late:
        tx.bring_clock_forward(folded.id, folded.now + UNTOLD)
    room = max(AUDITS - tx.count_wanted_histories(), 0)
    ranks = sorted((rank_of(folded.ticket), folded.id) for folded in late)[:room]
    tx.want_histories_again({number: rank for rank, number in ranks})


def progress(tx: Tx) -> dict[str, Json]:
    """How far histories and computations have come: tickets `stale` and `audits` wanted, the exact history known until
    (Unix seconds), and while it is read back, how far; also of the tickets that a longer `start_from` reaches."""
    known, walk = known_history(tx), tx.get_fact(TICKETS_PAST)
    found: dict[str, Json] = {
        "stale": tx.count_stale_clocks(),
        "audits": tx.count_wanted_histories(),
        "known_until": known.until,
    }
    if isinstance(walk, dict):
        found |= {"tickets_until": walk.get("at", walk["since"]), "tickets_to": walk["until"]}
    return found if known.is_whole else {**found, "read_until": known.past, "read_to": known.live}


def fingerprint(*parts: str) -> str:
    """A short text that differs when one of the parts does: for SlaSettings.meaning."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
