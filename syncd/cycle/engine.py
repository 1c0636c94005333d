"""One cycle, readable top to bottom: settle, fetch, plan, enqueue, drain, heartbeat. The decisions are elsewhere.

A cycle looks at state, so skipping or repeating one is harmless. One failing side does not stop the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from syncd.core.mapping import StatusOrder
from syncd.core.model import Json, Release, TicketSnapshot
from syncd.core.ports import Clock, Identity, IssueSource, TicketSource
from syncd.core.subjects import issue_subject
from syncd.cycle.calls import CallCounter
from syncd.cycle.clocks import ClockKeeper
from syncd.cycle.fetch import CENSUS, Fetcher
from syncd.cycle.history import Histories
from syncd.cycle.host_clock import HostClock
from syncd.cycle.named import touch_named
from syncd.cycle.planning import Planned, Planner, PlanPart
from syncd.cycle.requests import BELIEVE_CENSUS, Requests
from syncd.cycle.settings import CycleReport, Routes, Settings
from syncd.cycle.sla_settings import SlaSettings, TicketClocks
from syncd.executor import DrainReport, Executor, Lane, Performer
from syncd.sources.errors import AuthError, SourceError
from syncd.store import Store, Tx

log = structlog.get_logger(__name__)

ROUNDS = 3
"""Plans in one cycle: what a settled write or a new link makes due is planned at once, not a poll later."""

EXPORT_PAGES = 4
"""Export pages in one complete pass, of the 10 a minute that Zendesk gives to all its exports."""


class Chore(Protocol):
    """Something that is looked after now and then: twins of bugs, links that agents made elsewhere."""

    name: str  # under which its last time is remembered
    side: str  # zendesk | jira: it waits while that side cannot be used
    every: timedelta

    def run(self, routes: Routes, report: CycleReport) -> None:
        """Does it once. A SourceError leaves it due."""


class Alerting(Protocol):
    """Who is told what of the clocks."""

    def run(self, tickets: Sequence[TicketClocks], now: datetime, report: CycleReport) -> object:
        """Once a cycle, also without tickets: repeats and deliveries fall due by themselves."""


class Escalating(Protocol):
    """What rules do about tickets."""

    def run(self, tickets: Sequence[TicketClocks], now: datetime, report: CycleReport) -> object:
        """Asks the rules about tickets whose clocks changed or fell due; what they say is kept for the alerts."""


class ServerMismatch(Exception):
    """The store belongs to other servers than the configuration names."""


class Engine:
    """The engine behind `run`, `once` and the simulation: step() over a clock, a store and two trackers."""

    def __init__(
        self,
        store: Store,
        zendesk: TicketSource,
        jira: IssueSource,
        clock: Clock,
        *,
        settings: Settings,
        routes: Routes,
        calls: CallCounter,
        stopping: Callable[[], bool] = lambda: False,
        parallel: bool = False,
        parts: Sequence[PlanPart] = (),
        performers: Sequence[Performer] = (),
        chores: Sequence[Chore] = (),
        sla: Callable[[], SlaSettings | None] = lambda: None,
        has_clocks: Callable[[], bool] | None = None,
        alerting: Alerting | None = None,
        host_clock: HostClock | None = None,
    ) -> None:
        self._chores = chores
        self._host_clock = host_clock or HostClock(store, clock)
        self.alerting = alerting  # or put in later: whoever tells needs the clocks
        self.escalation: Escalating | None = None  # put in by whoever has the rules: they need the clocks
        self.settings = settings
        self.routes = routes
        self._store = store
        self._zendesk = zendesk
        self._jira = jira
        self._clock = clock
        self._calls = calls
        self._stopping = stopping
        self._parallel = parallel
        markers = lambda: self.clocks.markers  # noqa: E731 - a reload swaps the settings
        self._fetch = Fetcher(store, zendesk, jira, clock, markers)
        histories = Histories(
            store, zendesk, clock, markers=markers, read_issues=self._fetch.read_issues, observe=self._observe
        )
        configured = has_clocks or (lambda: sla() is not None)
        self.clocks: ClockKeeper = ClockKeeper(
            store,
            zendesk,
            jira,
            clock,
            histories,
            sla=sla,
            configured=configured,
            routes=lambda: self.routes,
            accept=lambda: self.settings.accept,
        )
        self._planner = Planner(store, zendesk, jira, clock, parts=parts)
        self._requests = Requests(store, zendesk, jira, clock)
        self._executor = Executor(
            store, zendesk, jira, clock, order=self._order, stopping=stopping, performers=performers
        )
        self._identities: dict[str, Identity] = {}
        self._lasts: dict[str, Json] = {}
        self._number = 0

    @property
    def requests(self) -> Requests:
        """The handler of what people ask for; `once` and the verbs use it when no daemon runs."""
        return self._requests

    def step(self, *, complete: bool = False) -> CycleReport:
        """One cycle. `complete` forces the complete pass."""
        report = CycleReport(number=self._next_number())
        self.clocks.prepare()
        self._calls.start(report.calls)
        self._recall()
        self._identify(report, always=self._host_clock.jumped() or complete)
        report.clock_off = self._host_clock.look()
        self._requests.handle_all(self.routes, self.settings)
        self._lanes(report, self._executor.recover)
        self._read(report, complete=complete)
        if self._host_clock.jumped():  # while we read: nothing is decided by a time that nobody has confirmed
            self._identify(report, always=True)
        report.clock_off = self._host_clock.look()  # by now also of who answered nothing at the start
        self._keep_clocks(report)
        for _ in range(ROUNDS):
            if self._stopping() or not self._plan(report):
                break
            self._drain(report)
        self._drain(report)
        self._finish(report)
        return report

    def observe(self, *, complete: bool = False) -> CycleReport:
        """Reads both sides into the store, as a cycle does; decides nothing and writes nothing to them."""
        report = CycleReport()
        self._calls.start(report.calls)
        self._recall()
        self._identify(report, always=complete)
        report.clock_off = self._host_clock.look()
        self._read(report, complete=complete)
        return report

    def preview(self, report: CycleReport, *, subjects: Iterable[str] | None = None, read: bool = True) -> Planned:
        """What the next cycle would do as far as is known now; see Planner.preview."""
        self._calls.label = "plan"
        return self._planner.preview(self.routes, self.settings, report, subjects=subjects, read=read)

    def _observe(self, tx: Tx, rows: Sequence[TicketSnapshot], report: CycleReport, now: datetime) -> None:
        self._fetch.observe_tickets(tx, rows, self.routes, report, now)

    def _order(self, route: str) -> StatusOrder:
        return self.routes.order(route)  # a reload swaps the routes

    # ---- settle and drain ----

    def _lanes(self, report: CycleReport, work: Callable[[Lane], DrainReport]) -> None:
        lanes = [lane for lane in Lane if lane.value in self._identities and lane.value not in report.problems]
        if self._parallel and len(lanes) > 1:
            with ThreadPoolExecutor(max_workers=len(lanes), thread_name_prefix="lane") as pool:
                done = list(pool.map(work, lanes))
        else:
            done = [work(lane) for lane in lanes]
        for drained in done:
            self._count(report, drained)

    def _drain(self, report: CycleReport) -> None:
        self._calls.label = "write"
        seconds = max(10.0, self.settings.fast.total_seconds())
        self._lanes(report, lambda lane: self._executor.drain(lane, seconds=seconds))

    def _count(self, report: CycleReport, drained: DrainReport) -> None:
        report.done += drained.done
        report.refused += drained.refused
        report.superseded += drained.superseded
        report.in_doubt += drained.in_doubt
        report.later += drained.later
        if drained.stopped:
            report.stopped_lanes[drained.lane] = drained.stopped
        if drained.auth_failed:
            report.problems[drained.lane] = drained.auth_failed
            report.shut_out.add(drained.lane.value)
            self._identities.pop(drained.lane, None)
        for route, what in drained.incidents:
            self._stop_route(route, what, report)

    def _stop_route(self, route: str, what: str, report: CycleReport) -> None:
        log.error("public_note", route=route, what=what)
        with self._store.transaction() as tx:
            tx.save_guard(route, {**(tx.guard(route) or {}), "public_note": what})
        self._planner.hold(self.routes, self.settings, report)

    # ---- fetch ----

    def _due(self, name: str, every: timedelta) -> bool:
        """Due times are kept in the store, so that a restart neither skips nor repeats a pass."""
        last = self._lasts.get(name)
        now = self._clock.now().timestamp()
        # A stamp from the future means that the wall clock went back: the pass is due.
        return not isinstance(last, int | float) or now - last >= every.total_seconds() or last > now

    def _recall(self) -> None:
        """When each pass was made last, read once for the cycle."""
        names = ("complete", "versions", *(chore.name for chore in self._chores))
        with self._store.reading() as tx:
            self._lasts = {name: tx.get_fact(f"last.{name}") for name in names}

    def _passed(self, name: str) -> None:
        now = self._clock.now()
        self._lasts[name] = now.timestamp()
        with self._store.transaction() as tx:
            tx.set_fact(f"last.{name}", now.timestamp(), now)

    def _side(self, report: CycleReport, side: str, label: str, work: Callable[[], object]) -> bool:
        """Runs one pass of one side; what goes wrong becomes a sentence in the report."""
        if side in report.problems or side not in self._identities:
            return False
        self._calls.label = label
        try:
            work()
        except SourceError as error:
            report.problems[side] = str(error)
            if isinstance(error, AuthError):
                report.shut_out.add(side)
                self._identities.pop(side, None)
            return False
        return True

    def _read(self, report: CycleReport, *, complete: bool) -> None:
        projects = self._projects()
        deployment = self._identities["jira"].deployment if "jira" in self._identities else ""
        lists: tuple[tuple[str, Callable[[], object]], ...] = (
            ("zendesk", lambda: self._fetch.fast_tickets(self.routes, report)),
            ("jira", lambda: self._fetch.fast_issues(projects, deployment, report)),
        )
        fast = []
        for side, read in lists:
            begun = self._clock.now()
            fast.append(self._side(report, side, "fast", read))
            if fast[-1]:
                self.clocks.passed(side, begun)
        if any(fast):
            report.passes.append("fast")
        if complete or self._due("complete", self.settings.complete):
            self._complete(report, projects)
        if self._due("versions", self.settings.versions):
            self._side(report, "jira", "versions", lambda: self._versions(projects, report))
        for chore in self._chores:
            if self._due(chore.name, chore.every):
                self._look_after(chore, report)

    def _look_after(self, chore: Chore, report: CycleReport) -> None:
        if self._side(report, chore.side, chore.name, lambda: chore.run(self.routes, report)):
            self._passed(chore.name)
            report.passes.append(chore.name)

    def _complete(self, report: CycleReport, projects: Sequence[str]) -> None:
        exported = self._side(
            report,
            "zendesk",
            "complete",
            lambda: self._fetch.export_tickets(self.routes, self.settings, report, pages=EXPORT_PAGES),
        )
        self._side(report, "zendesk", "complete", lambda: self._fetch.ticket_events(report, pages=EXPORT_PAGES))
        self._side(
            report,
            "zendesk",
            "history",
            lambda: self.clocks.read_past(report, self.settings.start_from, pages=EXPORT_PAGES),
        )
        self._side(report, "jira", "complete", lambda: self._fetch.outside_issues(projects, report))
        if not report.problems:
            self._calls.label = "census"
            try:
                self._census(report)
            except SourceError as error:
                report.problems.setdefault("census", str(error))
        touch_named(self._store, self.routes, self._clock.now())
        if exported:
            report.passes.append("complete")
            self._passed("complete")

    def _census(self, report: CycleReport) -> None:
        with self._store.reading() as tx:
            believe = bool(tx.get_fact(BELIEVE_CENSUS))
        suspicion = self._fetch.census(self.routes, self.settings, report, believe=believe)
        report.passes.append("census")
        now = self._clock.now()
        with self._store.transaction() as tx:
            if believe and tx.cursor(CENSUS) == "0":  # a whole round was believed
                tx.set_fact(BELIEVE_CENSUS, None, now)
            for name in self.routes.running:
                guard = tx.guard(name) or {}
                if suspicion != guard.get("emptied"):
                    # What can be read again was never concluded from: the brake goes with its cause.
                    tx.save_guard(name, {**guard, "emptied": suspicion})
        self._planner.hold(self.routes, self.settings, report)

    def _versions(self, projects: Sequence[str], report: CycleReport) -> None:
        """Versions change without bumping any issue: what is linked to a changed one is read again."""
        for project in projects:
            versions = self._jira.versions(project)
            present: dict[str, Json] = {v.id: [v.name, v.released, v.release_date] for v in versions}
            now = self._clock.now()
            with self._store.reading() as tx:
                known = tx.get_fact(f"versions.{project}")
                changed = (
                    {i for i in {*present, *known} if present.get(i) != known.get(i)}
                    if isinstance(known, dict)
                    else set()
                )
                linked = tx.is_linked_issue(tx.issue_ids_of_project(project)) if changed else set()
                stale = [i for i, s in tx.issues(linked).items() if changed & {v.id for v in s.fix_versions}]
            self._fetch.read_issues(stale, report)
            with self._store.transaction() as tx:
                tx.set_fact(f"versions.{project}", present, now)
                for version in versions:
                    if version.id in changed and version.released:
                        tx.note_release(Release(version.id, project, version.name, now))
                tx.touch([issue_subject(i) for i in stale], now)
        self._passed("versions")
        report.passes.append("versions")

    def _projects(self) -> list[str]:
        return sorted({route.project_key for route in self.routes.running.values()})

    # ---- identity ----

    def _identify(self, report: CycleReport, *, always: bool) -> None:
        """Who we are, in every complete pass and until it is known: a server that takes us for nobody answers with
        nothing, which looks like peace."""
        due = always or self._due("complete", self.settings.complete)
        self._calls.label = "identity"
        for side, source in (("zendesk", self._zendesk), ("jira", self._jira)):
            if side in self._identities and not due:
                continue
            try:
                identity = source.identity()
            except SourceError as error:
                self._identities.pop(side, None)
                report.problems[side] = str(error)
                if isinstance(error, AuthError):
                    report.shut_out.add(side)
                continue
            self._remember(side, identity)
            if side not in self._identities and side == "zendesk" and identity.can_comment_publicly is not False:
                log.warning("account_may_comment_publicly", account=identity.account_id)  # a layer less; see `check`
            self._identities[side] = identity
            if "identity" not in report.passes:
                report.passes.append("identity")

    def _remember(self, side: str, identity: Identity) -> None:
        now = self._clock.now()
        with self._store.transaction() as tx:
            known = tx.get_fact(f"server.{side}")
            if known is not None and known != identity.server:
                raise ServerMismatch(
                    f"The store belongs to {known}, but the configuration names {identity.server} for {side}. "
                    "Use the configuration of that server, or another store (store.url)."
                )
            if known is None:
                tx.set_fact(f"server.{side}", identity.server, now)
            accounts = tx.get_fact("accounts")
            merged = {**(accounts if isinstance(accounts, dict) else {}), side: identity.account_id}
            if merged != accounts:
                tx.set_fact("accounts", merged, now)

    # ---- plan ----

    def _plan(self, report: CycleReport) -> bool:
        """Plans what was touched; True when that changed something, so that more may be due."""
        if not {"zendesk", "jira"} & set(self._identities):
            return False
        self._calls.label = "plan"
        planned = self._planner.plan(self.routes, self.settings, report)
        if planned is None:
            return False
        self._planner.enqueue(planned, report)
        return any(planned.goes(action) for action in planned.plan.actions)

    # ---- clocks ----

    def _keep_clocks(self, report: CycleReport) -> None:
        self._side(report, "zendesk", "audits", lambda: self.clocks.read(report))
        self._side(report, "jira", "audits", lambda: self.clocks.read_bugs(report))
        self._calls.label = "clocks"
        tickets = self.clocks.run(report)
        if self.escalation is not None:
            self.escalation.run(tickets, self._clock.now(), report)
        if self.alerting is not None:
            self.alerting.run(tickets, self._clock.now(), report)

    # ---- heartbeat ----

    def _next_number(self) -> int:
        if self._number == 0:
            with self._store.reading() as tx:
                last = tx.last_heartbeat()
            self._number = last.cycle if last is not None else 0
        self._number += 1
        return self._number

    def _finish(self, report: CycleReport) -> None:
        now = self._clock.now()
        with self._store.transaction() as tx:
            report.waiting = tx.waiting_counts()
            detail: dict[str, Json] = {
                "passes": list(report.passes),
                "problems": dict(report.problems),
                "shut_out": sorted(report.shut_out),
                "waiting": dict(report.waiting),
                "stopped_lanes": dict(report.stopped_lanes),
                "stopped_routes": dict(self.routes.stopped),
                "caught_up": report.caught_up,
                "clocks": dict(report.clocks),
                "warnings": list(dict.fromkeys(report.warnings))[:20],
            }
            tx.beat(now, report.number, ok=report.ok, detail=detail)
        self._store.checkpoint()
        log.info(
            "cycle",
            number=report.number,
            passes=",".join(report.passes),
            tickets=report.tickets_read,
            issues=report.issues_read,
            changed=report.changed,
            folded=report.folded,
            planned=report.planned,
            done=report.done,
            refused=report.refused,
            superseded=report.superseded,
            in_doubt=report.in_doubt,
            conflicts=report.conflicts_opened,
            held=",".join(sorted(report.held)),
            waiting=sum(report.waiting.values()),
            calls=sum(report.calls.values()),
            problems=report.problems or None,
        )
