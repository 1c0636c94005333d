"""What the clocks left behind: their last verdicts, when each ticket is next worth a look, whose history is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, literal, or_, select, update

from syncd.core.model import Link
from syncd.sla.forecast import Forecast, Sign
from syncd.sla.holder import Holder, Party
from syncd.store.clock_marks import NEVER, ClockMarks
from syncd.store.codec import dumps, from_micros, loads, maybe_moment, to_micros
from syncd.store.links import link_of
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import chunks, table_of
from syncd.store.schema import LinkRow, TicketRow
from syncd.store.schema_clocks import ClockDueRow, ClockRow, ForecastRow, TicketHistoryRow

_CLOCK, _DUE, _LINK, _FORECAST = table_of(ClockRow), table_of(ClockDueRow), table_of(LinkRow), table_of(ForecastRow)
_HISTORY = table_of(TicketHistoryRow)

_CLOCKS = Prepared(select(_CLOCK).where(listed(ClockRow.ticket_id)))
_NOT_DUE = Prepared(delete(_DUE).where(listed(ClockDueRow.ticket_id)))
_DUE_NOW = Prepared(
    select(ClockDueRow.ticket_id)
    .where(ClockDueRow.at <= bindparam("now"))
    .order_by(ClockDueRow.at, ClockDueRow.ticket_id)
    .limit(bindparam("most"))
)
_NEXT_DUE = Prepared(select(func.min(ClockDueRow.at)))
_STALE = Prepared(
    select(ClockDueRow.ticket_id)
    .where(ClockDueRow.stale == 1)
    .order_by(ClockDueRow.ticket_id.desc())
    .limit(bindparam("most"))
)
_COUNT_STALE = Prepared(select(func.count()).select_from(_DUE).where(ClockDueRow.stale == 1))
_WANTED = Prepared(
    select(TicketHistoryRow.ticket_id)
    .where(TicketHistoryRow.read_until.is_(None))
    .order_by(TicketHistoryRow.rank, TicketHistoryRow.ticket_id)
    .limit(bindparam("most"))
)
_COUNT_WANTED = Prepared(select(func.count()).select_from(_HISTORY).where(TicketHistoryRow.read_until.is_(None)))
_SEARCHED = Prepared(
    select(TicketHistoryRow.ticket_id, TicketHistoryRow.searched_at).where(listed(TicketHistoryRow.ticket_id))
)
_READ = Prepared(
    select(TicketHistoryRow.ticket_id, TicketHistoryRow.read_until).where(listed(TicketHistoryRow.ticket_id))
)
_LINKS_EVER = Prepared(select(_LINK).where(listed(LinkRow.ticket_id)))
_ALL_FORECASTS = Prepared(select(_FORECAST))
_FORECASTS_OF = Prepared(select(_FORECAST).where(listed(ForecastRow.ticket_id)))


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """A clock as it was judged at `at`. All instants are Unix seconds."""

    ticket_id: int
    metric: str
    subject: str  # the bug's id for a bug's own clock, else ""
    cycle: int
    state: str  # syncd.sla.states.State
    color: str  # green | yellow | red
    is_paused: bool
    started: int
    ended: int | None
    due: int | None
    breached_at: int | None
    next_at: int | None
    target: int | None  # counted seconds
    used: int  # counted seconds at `at`
    holder: Holder  # who has the ball, or had it last
    policy: str
    level: str
    rules: str  # the name of the version of the rules
    split: Mapping[Holder, int] = field(default_factory=dict)  # counted seconds by holder
    at: int = 0

    @property
    def key(self) -> tuple[int, str, str, int]:
        """What tells it from all others."""
        return (self.ticket_id, self.metric, self.subject, self.cycle)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a cycle found out about one ticket. `next_at`: Unix seconds; None when time alone changes nothing."""

    ticket_id: int
    records: Sequence[ClockRecord]
    next_at: int | None
    forecasts: Sequence[Forecast] = ()
    is_partial: bool = False  # made from a part of an ended ticket's history: it outweighs no verdict that was final


class Clocks(ClockMarks):
    """The index of due instants is what makes a cycle's work grow with what changed, not with what is stored."""

    # ---- verdicts ----

    def clocks_of(self, ticket_ids: Iterable[int]) -> list[ClockRecord]:
        """The clocks of these tickets, by ticket, metric, bug and cycle."""
        found: list[ClockRecord] = []
        for part in chunks(ticket_ids):
            found += [_record(row) for row in self._rows(_CLOCKS, ids=part)]
        return sorted(found, key=lambda record: record.key)

    def clocks_due(self, before: int, limit: int | None = None, *, after: int | None = None) -> list[ClockRecord]:
        """The open clocks that are due before that instant (and not before `after`), the next one first."""
        query = select(_CLOCK).where(ClockRow.ended.is_(None), ClockRow.due < before)
        if after is not None:
            query = query.where(ClockRow.due >= after)
        return self._clocks(query.order_by(ClockRow.due, ClockRow.ticket_id, ClockRow.metric).limit(limit))

    def clocks_breached(self, since: int, limit: int | None = None, *, is_open: bool = False) -> list[ClockRecord]:
        """The clocks that were breached at or after that instant, the latest first; `is_open`: only those that are
        still neither met nor cancelled."""
        query = select(_CLOCK).where(ClockRow.breached_at >= since)
        if is_open:
            query = query.where(ClockRow.ended.is_(None))
        return self._clocks(query.order_by(ClockRow.breached_at.desc(), ClockRow.ticket_id).limit(limit))

    def save_clocks(self, judged: Sequence[Judged], now: datetime) -> None:
        """What these tickets' clocks are now, in place of what they were; their next looks; their forecasts. A ticket
        that was to be computed anew is so no more."""
        for part in (judged[start : start + 500] for start in range(0, len(judged), 500)):
            self._save_records(part)
            self._save_forecasts(part, now)
            rows = [
                {"ticket_id": ticket.ticket_id, "at": ticket.next_at * 1_000_000, "stale": 0}
                for ticket in part
                if ticket.next_at is not None
            ]
            over = [ticket.ticket_id for ticket in part if ticket.next_at is None]
            if rows:
                self._upsert(ClockDueRow, rows)
            if over:
                self._alter(_NOT_DUE, ids=over)

    def count_tickets_with_clocks(self) -> int:
        """How many tickets have a clock with a target that is neither met nor cancelled."""
        open_clocks = select(func.count(ClockRow.ticket_id.distinct()))
        return self._connection.execute(
            open_clocks.where(ClockRow.ended.is_(None), ClockRow.target.is_not(None))
        ).scalar_one()

    # ---- what is worth a look ----

    def due_tickets(self, now: datetime, limit: int) -> list[int]:
        """The tickets whose clocks changed or fell due, those that wait longest first."""
        return self._column(_DUE_NOW, now=to_micros(now), most=limit)

    def next_due(self) -> datetime | None:
        """When the next ticket is worth a look."""
        at = self._value(_NEXT_DUE)
        return None if at is None or at >= NEVER else from_micros(at)

    def recompute_clocks(self) -> int:
        """Every stored ticket is to be computed anew, in shares; returns how many. One statement walks all tickets."""
        self._connection.execute(update(_DUE).values(stale=1))
        is_known = select(ClockDueRow.ticket_id).where(ClockDueRow.ticket_id == TicketRow.id).exists()
        missing = select(TicketRow.id, literal(NEVER), literal(1)).where(~is_known)
        self._connection.execute(_DUE.insert().from_select(["ticket_id", "at", "stale"], missing))
        return self.count_stale_clocks()

    def stale_clocks(self, limit: int) -> list[int]:
        """Tickets that are to be computed anew, the newest first."""
        return self._column(_STALE, most=limit)

    def count_stale_clocks(self) -> int:
        """How many tickets are still to be computed anew."""
        return int(self._value(_COUNT_STALE))

    # ---- histories ----

    def want_histories(self, ranks: Mapping[int, int]) -> None:
        """The audits of these tickets are to be read, the lowest rank first; those read already are left alone."""
        rows = [{"ticket_id": i, "rank": rank, "read_until": None} for i, rank in ranks.items()]
        self._upsert(TicketHistoryRow, rows, replace=False)

    def want_histories_again(self, ranks: Mapping[int, int]) -> None:
        """The same, also of those that were read before."""
        self._upsert(
            TicketHistoryRow, [{"ticket_id": i, "rank": rank, "read_until": None} for i, rank in ranks.items()]
        )

    def wanted_histories(self, limit: int) -> list[int]:
        """The tickets whose audits are wanted, in order."""
        return self._column(_WANTED, most=limit)

    def put_history_off(self, ticket_id: int) -> None:
        """The ticket's audits are wanted after those of all others. Where they are not wanted, nothing happens."""
        last = select(func.max(TicketHistoryRow.rank)).where(TicketHistoryRow.read_until.is_(None)).scalar_subquery()
        self._connection.execute(
            update(_HISTORY)
            .where(TicketHistoryRow.ticket_id == ticket_id, TicketHistoryRow.read_until.is_(None))
            .values(rank=last + 1)
        )

    def count_wanted_histories(self) -> int:
        """How many tickets wait for their audits to be read."""
        return int(self._value(_COUNT_WANTED))

    def history_read(self, ticket_id: int, until: datetime, searched_at: int | None = None) -> None:
        """The ticket's audits were read, all up to that moment. `searched_at`: when, if all of them were there to be
        searched for markers (Unix seconds)."""
        if searched_at is None:
            searched_at = self.histories_searched([ticket_id]).get(ticket_id)
        row = {"ticket_id": ticket_id, "rank": 0, "read_until": to_micros(until), "searched_at": searched_at}
        self._upsert(TicketHistoryRow, [row])

    def histories_searched(self, ticket_ids: Iterable[int]) -> dict[int, int]:
        """When all comments of these tickets were last searched for markers, of those where they were."""
        found: dict[int, int] = {}
        for part in chunks(ticket_ids):
            found.update((ticket_id, at) for ticket_id, at in self._tuples(_SEARCHED, ids=part) if at is not None)
        return found

    def histories_read(self, ticket_ids: Iterable[int]) -> dict[int, datetime]:
        """Until when the audits of these tickets were read, of those where they were."""
        found: dict[int, datetime] = {}
        for part in chunks(ticket_ids):
            for ticket_id, until in self._tuples(_READ, ids=part):
                moment = maybe_moment(until)
                if moment is not None:
                    found[ticket_id] = moment
        return found

    # ---- links ----

    def links_ever(self, ticket_ids: Iterable[int]) -> list[tuple[Link, datetime | None]]:
        """All links that these tickets ever had, by id, each with the moment when it was retired."""
        found: list[tuple[Link, datetime | None]] = []
        for part in chunks(ticket_ids):
            rows = self._rows(_LINKS_EVER, ids=part)
            found += [(link_of(row), maybe_moment(row["retired_at"])) for row in rows if self._sound(LinkRow, row)]
        return sorted(found, key=lambda entry: entry[0].id)

    # ---- forecasts ----

    def forecasts(self, ticket_ids: Iterable[int] | None = None) -> list[tuple[Forecast, datetime]]:
        """What will probably be late, with the moment since when that is said; None = of all tickets."""
        if ticket_ids is None:
            rows = self._rows(_ALL_FORECASTS)
        else:
            rows = [row for part in chunks(ticket_ids) for row in self._rows(_FORECASTS_OF, ids=part)]
        found = []
        for row in rows:
            said = Forecast(
                row["ticket_id"],
                row["metric"],
                row["bug"],
                Sign(row["sign"]),
                row["due"],
                row["day"],
                row["sentence"],
            )
            found.append((said, from_micros(row["at"])))
        return sorted(found, key=lambda entry: (entry[0].ticket, entry[0].metric, entry[0].bug, entry[0].sign))

    # ---- inside ----

    def _clocks(self, query: Select[Any]) -> list[ClockRecord]:
        return [_record(row) for row in self._connection.execute(query).mappings()]

    def _save_records(self, judged: Sequence[Judged]) -> None:
        known = {record.key: record for record in self.clocks_of(ticket.ticket_id for ticket in judged)}
        unsettled = {record.ticket_id for record in known.values() if record.ended is None}
        final = {ticket.ticket_id for ticket in judged if ticket.is_partial} - unsettled
        known = {key: record for key, record in known.items() if record.ticket_id not in final}
        new = {record.key: record for ticket in judged if ticket.ticket_id not in final for record in ticket.records}
        self._upsert(ClockRow, [_row(record) for key, record in new.items() if known.get(key) != record])
        for ticket_id, metric, subject, cycle in known.keys() - new.keys():
            self._connection.execute(
                delete(_CLOCK).where(
                    ClockRow.ticket_id == ticket_id,
                    ClockRow.metric == metric,
                    ClockRow.subject == subject,
                    ClockRow.cycle == cycle,
                )
            )

    def _save_forecasts(self, judged: Sequence[Judged], now: datetime) -> None:
        known = dict(self.forecasts(ticket.ticket_id for ticket in judged))
        new = [said for ticket in judged for said in ticket.forecasts]
        gone = known.keys() - set(new)
        if gone:
            same = [
                (ForecastRow.ticket_id == said.ticket)
                & (ForecastRow.metric == said.metric)
                & (ForecastRow.bug == said.bug)
                & (ForecastRow.sign == said.sign.value)
                for said in gone
            ]
            for part in chunks(range(len(same)), 100):
                self._connection.execute(delete(_FORECAST).where(or_(*(same[index] for index in part))))
        self._upsert(
            ForecastRow,
            [
                {
                    "ticket_id": said.ticket,
                    "metric": said.metric,
                    "bug": said.bug,
                    "sign": said.sign.value,
                    "due": said.due,
                    "day": said.day,
                    "sentence": said.sentence,
                    "at": to_micros(now),
                }
                for said in new
                if said not in known
            ],
        )


def _row(record: ClockRecord) -> dict[str, Any]:
    return {
        "ticket_id": record.ticket_id,
        "metric": record.metric,
        "subject": record.subject,
        "cycle": record.cycle,
        "state": record.state,
        "color": record.color,
        "is_paused": int(record.is_paused),
        "started": record.started,
        "ended": record.ended,
        "due": record.due,
        "breached_at": record.breached_at,
        "next_at": record.next_at,
        "target": record.target,
        "used": record.used,
        "party": record.holder.party.value,
        "team": record.holder.team,
        "policy": record.policy,
        "level": record.level,
        "rules": record.rules,
        "split": dumps([[holder.party.value, holder.team, used] for holder, used in sorted(record.split.items())]),
        "at": record.at,
    }


def _record(row: Mapping[Any, Any]) -> ClockRecord:
    plain = ("ticket_id", "metric", "subject", "cycle", "state", "color", "started", "ended", "due", "breached_at")
    more = ("next_at", "target", "used", "policy", "level", "rules", "at")
    return ClockRecord(
        **{name: row[name] for name in (*plain, *more)},
        is_paused=bool(row["is_paused"]),
        holder=Holder(Party(row["party"]), row["team"]),
        split={Holder(Party(party), team): used for party, team, used in loads(row["split"])},
    )
