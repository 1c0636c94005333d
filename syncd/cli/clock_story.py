"""The clocks of a ticket as `syncd explain` tells them: each slice with its holder, then how the due instant comes
about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from syncd.app.build import App
from syncd.cli.output import clean, count, say, when
from syncd.cli.sla_rows import by_share, clock_json, instant
from syncd.core.model import IssueSnapshot
from syncd.cycle.folding import record_of
from syncd.cycle.sla_settings import TicketClocks
from syncd.sla.clock import Clock
from syncd.sla.explain import explain, local_text
from syncd.sla.states import Verdict


def clocks_of(app: App, tickets: list[int]) -> list[TicketClocks]:
    """The clocks of these tickets as of now, from the store; none where no clocks are configured."""
    if app.clocks.settings is None:
        return []
    now = app.engine.clocks.now()
    with app.store.reading() as tx:
        return app.engine.clocks.folded(tx, tickets, now)


def print_clocks(app: App, told: list[TicketClocks]) -> None:
    """For people, in the zone that the configuration names."""
    settings = app.clocks.settings
    if settings is None:
        return
    for ticket in told:
        say()
        say(clean(f"Clocks of #{ticket.id} (times of {settings.reader.zone}):"))
        if not ticket.is_complete:
            say("    Its history is not complete yet: nobody is alarmed by these clocks until it is.")
        if not ticket.is_certain:
            known = local_text(settings.reader, ticket.as_of.history)
            say(f"    Something happened that the exact history, known until {known}, does not tell yet.")
        if not ticket.clocks:
            say("    No policy promises anything.")
        for clock in ticket.clocks:
            for line in explain(clock, settings.reader, {issue.id: issue.key for issue in ticket.issues}):
                say(clean(f"    {line}"))
        for forecast in ticket.forecasts:
            say(clean(f"    {forecast.sentence}"))


def clocks_json(told: list[TicketClocks]) -> list[dict[str, Any]]:
    """For machines: each ticket's clocks with slices, targets and thresholds."""
    return [
        {
            "ticket": ticket.id,
            "now": instant(ticket.now),
            "complete": ticket.is_complete,
            "certain": ticket.is_certain,
            "history_known_until": instant(ticket.as_of.history),
            "next": instant(ticket.next_at),
            "clocks": [_clock(ticket, clock, verdict) for clock, verdict in ticket.judged()],
            "forecasts": [
                {"metric": said.metric, "bug": said.bug, "sign": said.sign.value, "sentence": said.sentence}
                for said in ticket.forecasts
            ],
        }
        for ticket in told
    ]


def clock_progress(detail: Mapping[str, Any]) -> Iterator[str]:
    """What is still to be read or computed before every clock can be relied on; `detail`: the heartbeat's."""
    for what, until, to in (("tickets", "tickets_until", "tickets_to"), ("history", "read_until", "read_to")):
        if detail.get(until) is not None:
            reached, end = (datetime.fromtimestamp(int(detail[key]), UTC) for key in (until, to))
            yield f"Clocks: {what} read up to {when(reached)}, of all until {when(end)}."
    if detail.get("audits"):
        yield f"Clocks: the audits of {count(int(detail['audits']), 'ticket')} are still to be read."
    if detail.get("stale"):
        yield f"Clocks: {count(int(detail['stale']), 'ticket')} still to be recomputed."


def _clock(ticket: TicketClocks, clock: Clock, verdict: Verdict) -> dict[str, Any]:
    bugs: dict[str, IssueSnapshot] = {issue.id: issue for issue in ticket.issues}
    return {
        **clock_json(record_of(ticket.now, clock, verdict), bugs),
        "next": instant(verdict.next_instant),
        "due_is_a_guess": verdict.is_guess,
        "inferred": clock.cycle.inferred,
        "started_by": clock.cycle.started_by,
        "ended_by": clock.cycle.ended_by or None,
        "passed": [{"threshold": point.name, "at": instant(point.at)} for point in verdict.passed],
        "targets": [
            {
                "from": instant(change.at),
                "goal": None if change.goal is None else str(change.goal),
                "seconds": change.seconds,
                "policy": change.policy,
                "level": change.level,
                "rules": change.rules,
            }
            for change in clock.targets
        ],
        "slices": [
            {
                "from": instant(part.start),
                "to": instant(part.end),
                "holder": str(part.holder),
                "rests": part.rest,
                "counted": part.counted,
                "open": part.business,
                "calendar": part.version,
                "since": part.why,
            }
            for part in clock.slices
        ],
        "wall": {str(holder): seconds for holder, seconds in by_share(clock.wall_split())},
    }
