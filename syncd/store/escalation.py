"""How far escalation rules went on tickets, the steps they took, and how often a kind of ticket came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, or_, select, update

from syncd.core.model import LinkState
from syncd.rules.escalation import (
    AddTags,
    AssignGroup,
    Chain,
    CommentBug,
    CreateBugFor,
    Do,
    Firing,
    Level,
    Notify,
    RaiseBugPriority,
    RaisePriority,
    Repeat,
    Run,
    Unassign,
    WriteNote,
)
from syncd.store.codec import decode, dumps, encode, loads
from syncd.store.rows import Repository, chunks, table_of
from syncd.store.schema import LinkRow
from syncd.store.schema_clocks import ClockDueRow
from syncd.store.schema_escalation import EscalationRunRow, EscalationStepRow, TicketKindRow

_RUN, _STEP, _KIND = table_of(EscalationRunRow), table_of(EscalationStepRow), table_of(TicketKindRow)
_DUE = table_of(ClockDueRow)

_DOES: Final[Mapping[str, type[Do]]] = {
    kind.__name__: kind
    for kind in (
        *(Notify, RaisePriority, AssignGroup, Unassign, AddTags, WriteNote),
        *(CreateBugFor, RaiseBugPriority, CommentBug),
    )
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step that a rule took on a ticket. Instants are Unix seconds."""

    ticket_id: int
    rule: str
    number: int
    step: str
    due: int
    at: int
    what: str


class Escalations(Repository):
    """Runs, steps and kinds."""

    def escalation_runs(self, ticket_ids: Iterable[int]) -> dict[tuple[int, str], Run]:
        """The newest run of each rule on these tickets."""
        found: dict[tuple[int, str], Run] = {}
        for part in chunks(ticket_ids):
            rows = self._connection.execute(select(_RUN).where(EscalationRunRow.ticket_id.in_(part))).mappings()
            found |= {(row["ticket_id"], row["rule"]): _run(row) for row in rows}
        return found

    def save_escalation_runs(self, runs: Iterable[Run]) -> None:
        """In place of what was known of these rules and tickets."""
        self._upsert(EscalationRunRow, [_run_row(run) for run in runs])

    def take_escalation_step(self, firing: Firing, what: str, at: int) -> bool:
        """True once for each step of a run: the one who is told so carries it out, in the same transaction."""
        key = (firing.ticket, firing.rule, firing.number, firing.step)
        known = self._connection.execute(
            select(EscalationStepRow.at).where(
                EscalationStepRow.ticket_id == key[0],
                EscalationStepRow.rule == key[1],
                EscalationStepRow.number == key[2],
                EscalationStepRow.step == key[3],
            )
        ).scalar()
        if known is not None:
            return False
        row = dict(zip(("ticket_id", "rule", "number", "step"), key, strict=True))
        self._upsert(EscalationStepRow, [{**row, "due": firing.at, "at": at, "what": what}])
        return True

    def escalation_steps(self, ticket_id: int | None = None, *, limit: int = 200) -> list[Step]:
        """The steps that rules took, the newest first; of one ticket, or of all."""
        query = select(_STEP)
        if ticket_id is not None:
            query = query.where(EscalationStepRow.ticket_id == ticket_id)
        query = query.order_by(EscalationStepRow.at.desc(), EscalationStepRow.rule, EscalationStepRow.step.desc())
        return [Step(**row) for row in self._connection.execute(query.limit(limit)).mappings()]

    def bring_clock_forward(self, ticket_id: int, at: int) -> None:
        """The ticket is to be looked at by that instant, if it was not to be earlier."""
        micros = at * 1_000_000
        self._upsert(ClockDueRow, [{"ticket_id": ticket_id, "at": micros, "stale": 0}], replace=False)
        later = (ClockDueRow.ticket_id == ticket_id) & (ClockDueRow.at > micros)
        self._connection.execute(update(_DUE).where(later).values(at=micros))

    def save_ticket_kinds(self, kinds: Mapping[int, tuple[str, int]]) -> None:
        """Ticket -> its kind and when it was created; an empty kind is none."""
        self._upsert(
            TicketKindRow,
            [{"ticket_id": i, "kind": kind, "created_at": at} for i, (kind, at) in kinds.items() if kind],
        )
        for part in chunks(i for i, (kind, _) in kinds.items() if not kind):
            self._connection.execute(delete(_KIND).where(TicketKindRow.ticket_id.in_(part)))

    def count_of_kind(self, kind: str, since: int) -> int:
        """How many tickets of the kind were created since then. Counts within the index."""
        query = select(func.count()).select_from(_KIND).where(TicketKindRow.kind == kind)
        return self._connection.execute(query.where(TicketKindRow.created_at >= since)).scalar_one()

    def live_links_of_issues(self, issue_ids: Iterable[str]) -> dict[str, int]:
        """Issue -> how many tickets hang on it."""
        found: dict[str, int] = {}
        for part in chunks(issue_ids):
            query = select(LinkRow.issue_id, func.count(LinkRow.ticket_id.distinct())).where(
                LinkRow.issue_id.in_(part),
                or_(LinkRow.state == LinkState.LIVE.value, LinkRow.state == LinkState.CONFLICT.value),
            )
            found |= {row[0]: row[1] for row in self._connection.execute(query.group_by(LinkRow.issue_id))}
        return found


# ---- chains as text ----------------------------------------------------------------------------------------------


def _does(do: tuple[Do, ...]) -> list[Any]:
    return [[type(each).__name__, loads(encode(each))] for each in do]


def _undoes(rows: list[Any]) -> tuple[Do, ...]:
    return tuple(decode(_DOES[name], dumps(values)) for name, values in rows)


def _chain_text(chain: Chain) -> str:
    repeat = chain.repeat
    return dumps(
        {
            "levels": [{"after": level.after, "do": _does(level.do)} for level in chain.levels],
            "repeat": None
            if repeat is None
            else {"every": repeat.every, "times": repeat.times, "do": _does(repeat.do)},
        }
    )


def _chain(text: str) -> Chain:
    data = loads(text)
    repeat = data["repeat"]
    return Chain(
        tuple(Level(level["after"], _undoes(level["do"])) for level in data["levels"]),
        None if repeat is None else Repeat(repeat["every"], repeat["times"], _undoes(repeat["do"])),
    )


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "ticket_id": run.ticket,
        "rule": run.rule,
        "number": run.number,
        "since": run.since,
        "per": run.per,
        "done": run.done,
        "repeated": run.repeated,
        "last_at": run.last_at,
        "over_at": run.over_at,
        "acknowledged_at": run.acknowledged_at,
        "silent": int(run.silent),
        "chain": _chain_text(run.chain),
    }


def _run(row: Mapping[Any, Any]) -> Run:
    return Run(
        rule=row["rule"],
        ticket=row["ticket_id"],
        number=row["number"],
        since=row["since"],
        chain=_chain(row["chain"]),
        per=row["per"],
        done=row["done"],
        repeated=row["repeated"],
        last_at=row["last_at"],
        over_at=row["over_at"],
        acknowledged_at=row["acknowledged_at"],
        silent=bool(row["silent"]),
    )
