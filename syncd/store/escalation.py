"""How far escalation rules went on tickets, the steps they took, and how often a kind of ticket came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, or_, select, update

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
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import Repository, chunks, table_of
from syncd.store.schema import LinkRow
from syncd.store.schema_clocks import ClockDueRow
from syncd.store.schema_escalation import EscalationRunRow, EscalationStepRow, TicketKindRow

_RUN, _STEP, _KIND = table_of(EscalationRunRow), table_of(EscalationStepRow), table_of(TicketKindRow)
_DUE = table_of(ClockDueRow)
_RUNS = Prepared(select(_RUN).where(listed(EscalationRunRow.ticket_id)))
_TAKEN = Prepared(
    select(EscalationStepRow.at).where(
        EscalationStepRow.ticket_id == bindparam("ticket_id"),
        EscalationStepRow.rule == bindparam("rule"),
        EscalationStepRow.number == bindparam("number"),
        EscalationStepRow.step == bindparam("step"),
    )
)
_GIVE_BACK = Prepared(
    delete(_STEP).where(
        EscalationStepRow.ticket_id == bindparam("ticket_id"),
        EscalationStepRow.rule == bindparam("rule"),
        EscalationStepRow.number == bindparam("number"),
        EscalationStepRow.step == bindparam("step"),
    )
)
_SOONER = Prepared(
    update(_DUE)
    .where(ClockDueRow.ticket_id == bindparam("ticket"), ClockDueRow.at > bindparam("micros"))
    .values(at=bindparam("micros"))
)
_NO_KIND = Prepared(delete(_KIND).where(listed(TicketKindRow.ticket_id)))
_COUNT_OF_KIND = Prepared(
    select(func.count())
    .select_from(_KIND)
    .where(TicketKindRow.kind == bindparam("kind"), TicketKindRow.created_at >= bindparam("since"))
)
_LIVE_OF_ISSUES = Prepared(
    select(LinkRow.issue_id, func.count(LinkRow.ticket_id.distinct()))
    .where(
        listed(LinkRow.issue_id),
        or_(LinkRow.state == LinkState.LIVE.value, LinkRow.state == LinkState.CONFLICT.value),
    )
    .group_by(LinkRow.issue_id)
)

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
            found |= {(row["ticket_id"], row["rule"]): _run(row) for row in self._rows(_RUNS, ids=part)}
        return found

    def save_escalation_runs(self, runs: Iterable[Run]) -> None:
        """In place of what was known of these rules and tickets."""
        self._upsert(EscalationRunRow, [_run_row(run) for run in runs])

    def take_escalation_step(self, firing: Firing, what: str, at: int) -> bool:
        """True once for each step of a run: the one who is told so carries it out, in the same transaction."""
        key = (firing.ticket, firing.rule, firing.number, firing.step)
        row: dict[str, Any] = dict(zip(("ticket_id", "rule", "number", "step"), key, strict=True))
        if self._value(_TAKEN, **row) is not None:
            return False
        self._upsert(EscalationStepRow, [{**row, "due": firing.at, "at": at, "what": what}])
        return True

    def give_back_escalation_step(self, ticket_id: int, key: str) -> None:
        """The step with this key was not carried out after all: a run that goes on takes it again. Harmless for a step
        that was not taken."""
        rule, number, step = key.rsplit("/", 2)
        self._alter(_GIVE_BACK, ticket_id=ticket_id, rule=rule, number=int(number), step=step)
        run = self.escalation_runs([ticket_id]).get((ticket_id, rule))
        if run is not None and run.number == int(number):
            self.save_escalation_runs([run.without(step)])

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
        self._alter(_SOONER, ticket=ticket_id, micros=micros)

    def save_ticket_kinds(self, kinds: Mapping[int, tuple[str, int]]) -> None:
        """Ticket -> its kind and when it was created; an empty kind is none."""
        self._upsert(
            TicketKindRow,
            [{"ticket_id": i, "kind": kind, "created_at": at} for i, (kind, at) in kinds.items() if kind],
        )
        for part in chunks(i for i, (kind, _) in kinds.items() if not kind):
            self._alter(_NO_KIND, ids=part)

    def count_of_kind(self, kind: str, since: int) -> int:
        """How many tickets of the kind were created since then. Counts within the index."""
        return int(self._value(_COUNT_OF_KIND, kind=kind, since=since))

    def live_links_of_issues(self, issue_ids: Iterable[str]) -> dict[str, int]:
        """Issue -> how many tickets hang on it."""
        found: dict[str, int] = {}
        for part in chunks(issue_ids):
            found |= dict(self._tuples(_LIVE_OF_ISSUES, ids=part))
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
