"""`syncd plan`: the real planner, and nothing written to Zendesk or Jira."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click

from syncd.alerts.escalating import Carried
from syncd.app.build import App
from syncd.cli.costs import ANOTHER
from syncd.cli.exits import Exit
from syncd.cli.main import Verb
from syncd.cli.output import clean, count, print_json, print_table, say, span, tell, when
from syncd.cli.shapes import held_json, local_json, write_json
from syncd.cli.work import check_secrets, clock_for, load, looking, working
from syncd.core.actions import AddLink, MoveBug, OpenConflict, RemoteAction, RepointLink, RetireLink, marker_of
from syncd.core.clock_actions import ShowClocks
from syncd.core.guard import Held
from syncd.core.model import Json
from syncd.cycle import CycleReport, Planned
from syncd.cycle.clock_brake import counted
from syncd.store import Intent, IntentState, StoreLocked

DUE = 500
"""Tickets that the rules are asked about, and whose clocks are looked at, at most."""
MOST_DUE = 200_000
"""Tickets that are counted, so that what the rest would cost can be guessed from those."""
TOLD = (AddLink, OpenConflict, RetireLink, RepointLink)
"""Changes of the store that people want to see; the rest is bookkeeping."""


@dataclass(slots=True)
class Import:
    """How far the first reading of Zendesk is."""

    pages: int = 0
    seconds: float = 0.0
    done: bool = True
    upto: datetime | None = None
    pages_left: int | None = None  # a guess; None when nothing can be said

    @property
    def minutes_left(self) -> float | None:
        """At ten pages a minute, which Zendesk gives to all exports together."""
        return None if self.pages_left is None else self.pages_left / 10

    def as_json(self) -> dict[str, Json]:
        """For machines."""
        return {
            "pages": self.pages,
            "seconds": round(self.seconds, 1),
            "done": self.done,
            "upto": self.upto.isoformat() if self.upto else None,
            "pages_left": self.pages_left,
            "minutes_left": self.minutes_left,
        }


@dataclass(slots=True)
class ShownClocks:
    """What ticket fields would show of clocks."""

    actions: list[ShowClocks] = field(default_factory=list)
    more: int = 0  # further tickets like these: a guess from those that were looked at
    held: Held | None = None

    @property
    def calls(self) -> int:
        """Of the further ones: a reading and a write each."""
        return self.more * ANOTHER


@dataclass(slots=True)
class Shown:
    """All that a plan shows."""

    app: App
    planned: Planned
    report: CycleReport
    queue: list[Intent]
    imported: Import | None  # None: nothing was read, a daemon works
    known: int  # tickets in the store
    stopped: dict[str, str]
    rules: list[Carried] = field(default_factory=list)  # what escalation rules would do
    clocks: ShownClocks = field(default_factory=ShownClocks)
    daemon: str = ""


@click.command(cls=Verb)
@click.option("--quick", is_flag=True, help="Do not wait for the first import to end; plan what was read so far.")
@click.option("--clock", metavar="URL", help="A sandbox's clock, for rehearsals.")
@click.option("--json", "as_json", is_flag=True, help="The plan for machines.")
def plan(*, quick: bool, clock: str | None, as_json: bool) -> int:
    """Shows every write that the next cycle would make, why, what holds it, and what it costs. Writes nothing.

    Reads both sides into the store first, unless a daemon does that: then the plan is made from what the daemon read.
    """
    loaded = load()
    check_secrets(loaded)
    ticking = clock_for(loaded, clock)
    try:
        with working(loaded, ticking) as app:
            app.refresh_routes(keep=False)
            imported, report = _read(app, ticking.rate, quick=quick)
            shown = _preview(app, report, imported)
    except StoreLocked as locked:
        with looking(loaded, ticking) as app:
            shown = _preview(app, CycleReport(), None)
            shown.daemon = locked.holder or "another syncd"
    if as_json:
        print_json(_as_json(shown))
    else:
        _print(shown)
    return _code(shown)


def _read(app: App, rate: float, *, quick: bool) -> tuple[Import, CycleReport]:
    """Both sides into the store, to the end of the export; pauses when Zendesk's limit says so."""
    start, pause, whole = app.clock.now(), threading.Event(), CycleReport()
    imported = Import()
    while True:
        report = app.engine.observe(complete=True)
        whole.tickets_read += report.tickets_read
        whole.issues_read += report.issues_read
        whole.problems, whole.shut_out = report.problems, report.shut_out
        whole.warnings += report.warnings
        for name, calls in report.calls.items():
            whole.calls[name] = whole.calls.get(name, 0) + calls
        imported.pages = whole.calls.get("zendesk.complete", 0)
        imported.done = report.caught_up and "zendesk" not in report.problems
        imported.seconds = (app.clock.now() - start).total_seconds()
        _guess(app, imported)
        if report.caught_up or report.problems or quick:
            return imported, whole
        wait = app.zendesk.wait_for("export")
        tell(
            f"{whole.tickets_read} tickets read, up to {when(imported.upto)}"
            + (f"; about {imported.pages_left} pages left" if imported.pages_left is not None else "")
            + (f"; Zendesk's limit on exports: going on in {wait:.0f} s" if wait > 1 else "")
        )
        pause.wait(wait / rate)


def _guess(app: App, imported: Import) -> None:
    """What is left, from how much of the time since `start_from` was covered by the pages so far."""
    if imported.done:
        imported.pages_left = 0
        return
    with app.store.reading() as tx:
        newest = tx.get_fact("zendesk.export.recovery")
    if not isinstance(newest, int):
        return
    now = app.clock.now()
    imported.upto = datetime.fromtimestamp(newest, UTC)
    covered = (imported.upto - (now - app.loaded.config.start_from)).total_seconds()
    left = (now - imported.upto).total_seconds()
    if covered > 0 and left > 0:
        imported.pages_left = max(1, round(imported.pages * left / covered))


def _preview(app: App, report: CycleReport, imported: Import | None) -> Shown:
    planned = app.engine.preview(report)
    with app.store.reading() as tx:
        queue, known = tx.intents(IntentState.NEW, limit=None), tx.count_tickets()
    stopped = dict(app.engine.routes.stopped)
    return Shown(app, planned, report, queue, imported, known, stopped, _rules(app), _clocks(app, queue))


def _rules(app: App) -> list[Carried]:
    """What escalation rules would do about tickets that changed or fell due."""
    if app.escalation.settings is None or app.clocks.settings is None:
        return []
    now = app.engine.clocks.now()
    with app.store.reading() as tx:
        due = tx.due_tickets(datetime.fromtimestamp(now, UTC), DUE)
        return app.rules.would(tx, app.engine.clocks.folded(tx, due, now))


def _clocks(app: App, queue: Sequence[Intent]) -> ShownClocks:
    """What ticket fields would show of clocks that changed or fell due, once their histories are read, beside what
    waits in the queue."""
    settings = app.clocks.settings
    if settings is None or not settings.shown:
        return ShownClocks()
    keeper, now = app.engine.clocks, app.engine.clocks.now()
    with app.store.reading() as tx:
        due = tx.due_tickets(datetime.fromtimestamp(now, UTC), MOST_DUE)
        looked = due[:DUE]
        found = keeper.would_show(tx, keeper.folded(tx, looked, now), some_day=True)
        held = keeper.fields_held(tx)
    queued = {intent.id for intent in queue}
    actions = [action for action in found if marker_of(action) not in queued]
    more = round(len(found) * (len(due) - len(looked)) / len(looked)) if looked else 0
    return ShownClocks(actions, more, held if found else None)


def _writes(shown: Shown) -> list[dict[str, Any]]:
    queued = [
        write_json(i.action, held=False, queued=True, at=i.next_at, edges=_edges(shown, i.action))
        for i in reversed(shown.queue)
    ]
    fresh = [
        write_json(action, held=not shown.planned.goes(action), queued=False, edges=_edges(shown, action))
        for action in (*shown.planned.plan.remote, *(action for each in shown.rules for action in each.actions))
    ]
    is_held = shown.clocks.held is not None
    clocks = [write_json(action, held=is_held, queued=False) for action in shown.clocks.actions]
    return queued + fresh + clocks


def _brakes(shown: Shown) -> list[Held]:
    """All that is on. The one on clocks counts what was seen now: before the first cycle there are no clocks yet."""
    held = shown.clocks.held
    count = len(shown.clocks.actions) + shown.clocks.more
    return [*shown.planned.held.values(), *([counted(held, count)] if held is not None else [])]


def _edges(shown: Shown, action: RemoteAction) -> set[tuple[str | None, str]]:
    """What was learned so far of the workflow that a bug is to be walked through."""
    if not isinstance(action, MoveBug):
        return set()
    with shown.app.store.reading() as tx:
        issue = tx.issues([action.issue_id]).get(action.issue_id)
        return tx.edges(issue.project_id, issue.issue_type_id) if issue is not None else set()


def _code(shown: Shown) -> Exit:
    if shown.report.shut_out or (shown.stopped and not shown.app.catalog_problems):
        return Exit.PERSON
    return Exit.LATER if shown.report.problems or shown.stopped else Exit.FINE


def _as_json(shown: Shown) -> dict[str, Json]:
    writes = _writes(shown)
    cost = {side: sum(w["calls"] for w in writes if w["service"] == side) for side in ("zendesk", "jira")}
    cost["zendesk"] += shown.clocks.calls
    links = {link.id: link for link in shown.planned.world.links}
    return {
        "source": "store" if shown.imported is None else "servers",
        "daemon": shown.daemon or None,
        "read": {
            "tickets": shown.report.tickets_read,
            "tickets_known": shown.known,
            "issues": shown.report.issues_read,
            "calls": dict(shown.report.calls),
        },
        "import": shown.imported.as_json() if shown.imported is not None else None,
        "routes": {"running": sorted(shown.app.engine.routes.running), "stopped": shown.stopped},
        "writes": writes,
        "changes": [local_json(action) for action in shown.planned.plan.local],
        "told": [
            {"ticket": word.ticket, "rule": word.rule, "step": word.step, "receivers": list(word.receivers)}
            for word in (each.fact for each in shown.rules)
            if word is not None
        ],
        "brakes": [held_json(held) for held in _brakes(shown)],
        "waiting": [
            {"link": i, "ticket": links[i].ticket_id, "issue": links[i].issue_key, "why": why}
            for i, why in shown.planned.plan.waiting
            if i in links
        ],
        "more_clock_fields": {"tickets": shown.clocks.more, "calls": shown.clocks.calls},
        "cost": {**cost, "calls": sum(cost.values())},
        "problems": dict(shown.report.problems),
        "warnings": list(dict.fromkeys(shown.report.warnings)),
    }


def _print(shown: Shown) -> None:
    if shown.imported is None:
        say(f"A daemon ({shown.daemon}) works on this store: nothing was fetched, this is the plan from what it read.")
    else:
        report, imported = shown.report, shown.imported
        say(
            f"Read both sides: {count(shown.known, 'ticket')} known, {count(sum(report.calls.values()), 'API call')} "
            f"({imported.pages} of them export pages), {span(imported.seconds)}."
        )
        if not imported.done and not report.problems:
            left = imported.pages_left
            guess = f" About {left} pages are left, {max(1, round(left / 10))} min." if left else ""
            say(f"The first import is not at its end: read up to {when(imported.upto)}.{guess} Go on: syncd once")
    for side, problem in shown.report.problems.items():
        tell(f"{side}: {clean(problem)}")
    for name, why in shown.stopped.items():
        tell(f"Route {name} is stopped: {clean(why)}")
    for action in shown.planned.plan.local:
        if isinstance(action, TOLD):
            why = local_json(action)["why"]
            say(clean(f"Here: {local_json(action)['what']}{f' ({why})' if why else ''}"))
    _print_writes(shown)
    for word in (each.fact for each in shown.rules if each.fact is not None):
        say(clean(f"Told by {word.why}: {', '.join(word.receivers)} about ticket #{word.ticket}"))
    for held in _brakes(shown):
        say()
        say(clean(held.message))
    for warning in dict.fromkeys(shown.report.warnings):
        say(clean(f"Warning: {warning}"))


def _print_writes(shown: Shown) -> None:
    writes = _writes(shown)
    if not writes:
        say("Nothing would be written." if not shown.planned.plan.waiting else "Nothing would be written now.")
    else:
        say()
        state = {(True, False): "held", (False, True): "queued", (False, False): "goes"}
        print_table(
            ("", "what", "why", "route", "calls"),
            [(state[w["held"], w["queued"]], w["what"], w["why"], w["route"], w["calls"]) for w in writes],
        )
        if shown.clocks.more:
            more = f"about {shown.clocks.more} further tickets would show their clocks, {shown.clocks.calls} API calls"
            say(f"Beside these, {more}.")
        calls = sum(w["calls"] for w in writes) + shown.clocks.calls
        held = sum(1 for w in writes if w["held"])
        say()
        say(f"{count(len(writes), 'write')}, about {count(calls, 'API call')}; {held} held. Nothing was written.")
    links = {link.id: link for link in shown.planned.world.links}
    waiting = [(i, why) for i, why in shown.planned.plan.waiting if i in links]
    if waiting:
        say()
        print_table(
            ("waits", "ticket", "bug", "why"),
            [
                (f"link {i}" if i > 0 else "new", f"#{links[i].ticket_id}", links[i].issue_key, why)
                for i, why in waiting
            ],
        )
