"""What syncd remembers about its surroundings: identities, catalogs, names, workflows, its own last cycle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from syncd.core.model import Json
from syncd.store.codec import dumps, from_micros, loads, maybe_micros, maybe_moment, to_micros
from syncd.store.prepared import Prepared
from syncd.store.rows import Repository, table_of
from syncd.store.schema import EdgeRow, FactRow, HeartbeatRow, LeaseRow, NameRow

Edge = tuple[str | None, str]
"""A step of a workflow: from a status id (None = from any) to a status id."""

_FACT = Prepared(select(FactRow.value).where(FactRow.key == bindparam("key")))
_NAMES = Prepared(
    select(NameRow.folded, NameRow.value).where(NameRow.kind == bindparam("kind"), NameRow.scope == bindparam("scope"))
)
_HEARTBEAT = Prepared(select(table_of(HeartbeatRow)))
_LEASE = Prepared(select(LeaseRow.owner, LeaseRow.epoch, LeaseRow.until).where(LeaseRow.name == bindparam("name")))


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last cycle that ended, and the last one that was fine."""

    at: datetime
    cycle: int
    ok: bool
    detail: dict[str, Json]
    ok_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may write, and under which epoch."""

    name: str
    owner: str
    epoch: int
    until: datetime | None


class Facts(Repository):
    """Values that change rarely."""

    def get_fact(self, key: str) -> Json:
        """The value; None when there is none (or when it is null)."""
        text = self._value(_FACT, key=key)
        return None if text is None else loads(text)

    def fact_age(self, key: str, now: datetime) -> float | None:
        """Seconds since the fact was set; None when it never was."""
        at = self._connection.execute(select(FactRow.updated_at).where(FactRow.key == key)).scalar()
        return None if at is None else (now - from_micros(at)).total_seconds()

    def set_fact(self, key: str, value: Json, now: datetime) -> None:
        """Remembers it. Never a secret."""
        self._upsert(FactRow, [{"key": key, "value": dumps(value), "updated_at": to_micros(now)}])

    # ---- names ----

    def bind_name(self, kind: str, scope: str, name: str, value: str) -> None:
        """Remembers the id that a name stands for (kind "status", scope "APP")."""
        self.bind_names(scope, {(kind, name): value})

    def bind_names(self, scope: str, names: Mapping[tuple[str, str], str]) -> None:
        """Remembers the ids that names, each with its kind, stand for."""
        rows = {
            (kind, name.casefold()): {
                "kind": kind,
                "scope": scope,
                "folded": name.casefold(),
                "name": name,
                "value": value,
            }
            for (kind, name), value in names.items()
        }
        self._upsert(NameRow, list(rows.values()))

    def bound_names(self, kind: str, scope: str) -> dict[str, str]:
        """Casefolded name → id."""
        return dict(self._tuples(_NAMES, kind=kind, scope=scope))

    # ---- workflows ----

    def learn_edges(self, project_id: str, issue_type_id: str, edges: Iterable[Edge], now: datetime) -> None:
        """Adds steps that were seen in the workflow."""
        rows = [
            {
                "project_id": project_id,
                "issue_type_id": issue_type_id,
                "from_id": start or "",
                "to_id": end,
                "learned_at": to_micros(now),
            }
            for start, end in dict.fromkeys(edges)
        ]
        self._upsert(EdgeRow, rows)

    def edges(self, project_id: str, issue_type_id: str) -> set[Edge]:
        """The steps known of the workflow."""
        query = select(EdgeRow.from_id, EdgeRow.to_id)
        query = query.where(EdgeRow.project_id == project_id, EdgeRow.issue_type_id == issue_type_id)
        return {(start or None, end) for start, end in self._connection.execute(query)}

    def forget_edges(self, project_id: str, issue_type_id: str) -> None:
        """The workflow turned out to be another one: learn it anew."""
        query = delete(EdgeRow).where(EdgeRow.project_id == project_id, EdgeRow.issue_type_id == issue_type_id)
        self._connection.execute(query)

    # ---- heartbeat ----

    def beat(self, now: datetime, cycle_no: int, ok: bool, detail: Mapping[str, Json] | None = None) -> None:
        """A cycle ended."""
        last = self.last_heartbeat()
        ok_at = now if ok else last.ok_at if last is not None else None
        row = {
            "id": 1,
            "at": to_micros(now),
            "cycle": cycle_no,
            "ok": int(ok),
            "ok_at": maybe_micros(ok_at),
            "detail": dumps(dict(detail or {})),
        }
        self._upsert(HeartbeatRow, [row])

    def last_heartbeat(self) -> Heartbeat | None:
        """None before the first cycle ended."""
        row = self._row(_HEARTBEAT)
        if row is None:
            return None
        detail = loads(row["detail"])
        return Heartbeat(from_micros(row["at"]), row["cycle"], bool(row["ok"]), detail, maybe_moment(row["ok_at"]))

    # ---- leases ----

    def new_epoch(self, name: str, owner: str, until: datetime | None = None) -> int:
        """A new holder begins: the epoch is one higher than any before, and intents are made under it."""
        last = self.lease(name)
        row = {
            "name": name,
            "owner": owner,
            "epoch": 1 if last is None else last.epoch + 1,
            "until": maybe_micros(until),
        }
        self._upsert(LeaseRow, [row])
        return int(str(row["epoch"]))

    def lease(self, name: str) -> Lease | None:
        """Who holds it."""
        found = self._tuples(_LEASE, name=name)
        return Lease(name, found[0][0], found[0][1], maybe_moment(found[0][2])) if found else None
