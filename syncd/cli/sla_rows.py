"""Clocks as lists show them: dictionaries for machines, rows for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import click

from syncd.cli.output import iso, span
from syncd.config.durations import parse_duration
from syncd.core.model import IssueSnapshot, Json
from syncd.sla.calendar import Calendar
from syncd.sla.explain import span_text
from syncd.sla.holder import Holder
from syncd.sla.states import State
from syncd.store.clocks import ClockRecord

HOUR = 3600
DAY = 86400


def span_option(text: str) -> timedelta:
    """`30d`, `4h`; raises UsageError for anything else."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None


def since_option(text: str) -> Callable[[int, Calendar], int]:
    """`30d`, or a date or instant such as 2026-11-01 or 2026-11-01T09:00: from then on. Raises UsageError; answers the
    Unix second, given the present and in whose zone people write."""
    try:
        begin = datetime.fromisoformat(text.strip())
    except ValueError:
        if text.count("-") > 1:
            said = f"{text} is no date: write one such as 2026-11-01, or a span of time such as 30d."
            raise click.UsageError(said, click.get_current_context()) from None
        past = int(span_option(text).total_seconds())
        return lambda now, _: now - past
    return lambda _, reader: int((begin if begin.tzinfo else begin.replace(tzinfo=reader.tz)).timestamp())


def held_text(split: Mapping[Holder, int] | Mapping[str, int]) -> str:
    """`L2 26h 10m, NOVA 3h`: the three who had the ball longest, in counted time."""
    longest = sorted(split.items(), key=lambda item: (-item[1], str(item[0])))
    return ", ".join(f"{holder} {span_text(seconds)}" for holder, seconds in longest[:3])


@dataclass(frozen=True, slots=True)
class Wall:
    """In which zone instants are told, and what time it is."""

    reader: Calendar
    now: int

    def told(self, at: int | None) -> str:
        """`Mon 2026-03-02 17:00 +0800`."""
        return "-" if at is None else self.reader.local(at).strftime("%a %Y-%m-%d %H:%M %z")

    def ago(self, at: int) -> str:
        """`5m 3s ago`, or `now`."""
        return f"{span(self.now - at)} ago" if at < self.now else "now"

    def left(self, at: int | None) -> str:
        """Time on the wall until an instant, or since."""
        if at is None:
            return "-"
        return span(at - self.now) if at >= self.now else f"{span(self.now - at)} ago"


def instant(at: int | None) -> str | None:
    """An instant for machines."""
    return None if at is None else iso(datetime.fromtimestamp(at, UTC))


def name_of(record: ClockRecord, bugs: Mapping[str, IssueSnapshot]) -> str:
    """The metric, with the bug's key for a bug's own clock, and the number of the cycle from the second on."""
    bug = f" of {bugs[record.subject].key if record.subject in bugs else record.subject}" if record.subject else ""
    return f"{record.metric}{bug}" + (f" ({record.cycle})" if record.cycle > 1 else "")


def state_of(record: ClockRecord) -> str:
    """The state, with the colour of a clock at risk, and whether a breached one rests."""
    if record.state == State.AT_RISK:
        return f"at risk, {record.color}"
    return f"{record.state}, rests" if record.is_paused and record.state != State.PAUSED else record.state


def clock_json(record: ClockRecord, bugs: Mapping[str, IssueSnapshot]) -> dict[str, Json]:
    """A clock for machines; spans in counted seconds."""
    return {
        "ticket": record.ticket_id,
        "metric": record.metric,
        "bug": bugs[record.subject].key if record.subject in bugs else record.subject or None,
        "cycle": record.cycle,
        "state": record.state,
        "color": record.color,
        "rests": record.is_paused,
        "started": instant(record.started),
        "ended": instant(record.ended),
        "due": instant(record.due),
        "breached_at": instant(record.breached_at),
        "target": record.target,
        "used": record.used,
        "holder": str(record.holder),
        "held": {str(holder): seconds for holder, seconds in by_share(record.split)},
        "as_of": instant(record.at),  # used and held are counted up to here
        "policy": record.policy,
        "level": record.level,
        "rules": record.rules,
    }


def by_share(split: Mapping[Holder, int]) -> list[tuple[Holder, int]]:
    """Who had the ball, the longest first."""
    return sorted(split.items(), key=lambda item: (-item[1], item[0]))


@dataclass(slots=True)
class Tally:
    """How a group of clocks stands."""

    hour: int = 0  # due within an hour
    day: int = 0  # due within a day, those of the next hour included
    open: int = 0  # open with a due instant
    breached: int = 0  # breached and open
    held: dict[str, int] = field(default_factory=dict)  # of the breached ones: counted seconds by holder


def tallies(records: Iterable[ClockRecord], by: str, now: int) -> dict[str, Tally]:
    """The clocks by `holder` (the party), `team`, `policy` or `metric`; the groups with most breaches first."""
    found: dict[str, Tally] = {}
    for record in records:
        tally = found.setdefault(_group(record, by), Tally())
        if record.breached_at is not None:
            tally.breached += 1
            for holder, seconds in record.split.items():
                tally.held[str(holder)] = tally.held.get(str(holder), 0) + seconds
            continue
        tally.open += 1
        left = (record.due or 0) - now
        tally.hour += left <= HOUR
        tally.day += left <= DAY
    return dict(sorted(found.items(), key=lambda item: (-item[1].breached, -item[1].hour, -item[1].day, item[0])))


def _group(record: ClockRecord, by: str) -> str:
    groups = {
        "holder": record.holder.party.value,
        "team": str(record.holder),
        "policy": record.policy or "-",
        "metric": record.metric,
    }
    return groups[by]
