"""What was done and how it ended, and which values are our own doing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from syncd.core.model import Json
from syncd.store.codec import dumps, from_micros, loads, to_micros
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import Repository, chunks
from syncd.store.schema import AuditRow, OwnWriteRow

_OWN_WRITES = Prepared(
    select(OwnWriteRow.subject, OwnWriteRow.attr, OwnWriteRow.value, OwnWriteRow.count).where(
        listed(OwnWriteRow.subject)
    )
)
_FORGET = Prepared(delete(OwnWriteRow).where(listed(OwnWriteRow.subject)))


@dataclass(frozen=True, slots=True)
class Audit:
    """One thing that was done."""

    at: datetime
    intent_id: str | None
    kind: str
    subject: str
    what: str
    outcome: str
    detail: dict[str, Json]


class Audits(Repository):
    """The audit log is only ever added to (prune() lets old rows go)."""

    def audit(
        self,
        now: datetime,
        intent_id: str | None,
        kind: str,
        subject: str,
        what: str,
        outcome: str,
        detail: Mapping[str, Json] | None = None,
    ) -> None:
        """Adds a row. Put no secret and no customer's text into `detail`."""
        row = {
            "at": to_micros(now),
            "intent_id": intent_id,
            "kind": kind,
            "subject": subject,
            "what": what,
            "outcome": outcome,
            "detail": dumps(dict(detail or {})),
        }
        self._insert(AuditRow, row)

    def audits(self, subject: str | None = None, limit: int | None = 100, intent_id: str | None = None) -> list[Audit]:
        """The newest rows first, of one subject or intent or of all."""
        query = select(
            AuditRow.at,
            AuditRow.intent_id,
            AuditRow.kind,
            AuditRow.subject,
            AuditRow.what,
            AuditRow.outcome,
            AuditRow.detail,
        )
        if subject is not None:
            query = query.where(AuditRow.subject == subject)
        if intent_id is not None:
            query = query.where(AuditRow.intent_id == intent_id)
        rows = self._connection.execute(query.order_by(AuditRow.id.desc()).limit(limit))
        return [Audit(from_micros(row[0]), row[1], row[2], row[3], row[4], row[5], loads(row[6])) for row in rows]

    # ---- our own values ----

    def note_own_write(self, subject: str, attr: str, value: str, now: datetime, fresh: bool) -> None:
        """We wrote `value`. The count goes up when it is the value of last time and no person changed the attribute
        since (`fresh` says that one did); else it starts at 1."""
        last = self.own_writes([subject]).get((subject, attr))
        again = last is not None and last[0] == value and not fresh
        count = last[1] + 1 if last is not None and again else 1
        row = {"subject": subject, "attr": attr, "value": value, "count": count, "at": to_micros(now)}
        self._upsert(OwnWriteRow, [row])

    def own_writes(self, subjects: Iterable[str]) -> dict[tuple[str, str], tuple[str, int]]:
        """(subject, attribute) → (the last value that we wrote, how often in a row)."""
        found: dict[tuple[str, str], tuple[str, int]] = {}
        for part in chunks(subjects):
            for subject, attr, value, count in self._tuples(_OWN_WRITES, ids=part):
                found[subject, attr] = (value, count)
        return found

    def forget_own_writes(self, subjects: Iterable[str]) -> None:
        """A person took over: the counts start anew."""
        for part in chunks(subjects):
            self._alter(_FORGET, ids=part)
