"""Looking for damage, and letting old rows go."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import aliased

from syncd.core.model import LinkState
from syncd.store.codec import to_micros
from syncd.store.errors import RowDamaged
from syncd.store.rows import CHECKED, Repository, chunks, row_sum, table_of
from syncd.store.schema import AuditRow, IntentRow, LinkRow, RequestRow, TicketChangeRow, clean
from syncd.store.schema_clocks import ClockRow, TicketHistoryRow


class Upkeep(Repository):
    """For the nightly round; both walk whole tables."""

    def damaged(self) -> list[RowDamaged]:
        """Every link, intent and cursor that is not what was written."""
        found: list[RowDamaged] = []
        for model, key in CHECKED:
            table = model.__tablename__
            rows = self._connection.execute(select(table_of(model))).mappings()
            found += [RowDamaged(table, clean(str(row[key]))) for row in rows if row["row_sum"] != row_sum(table, row)]
        return found

    def prune(self, before: datetime, limit: int = 5000) -> dict[str, int]:
        """Deletes what ended before that moment and nobody asks for any more, at most `limit` rows of a table a call:
        finished intents and requests, audit rows, events of tickets without a link and without a clock
        that is open or ended later. Returns how many, by table."""
        moment = to_micros(before)
        waiting = aliased(IntentRow)
        is_awaited = select(waiting.id).where(waiting.after == IntentRow.id, waiting.state == "new").exists()
        ended = or_(IntentRow.done_at < moment, IntentRow.done_at.is_(None) & (IntentRow.created_at < moment))
        is_linked = (
            select(LinkRow.id)
            .where(LinkRow.ticket_id == TicketChangeRow.ticket_id, LinkRow.state != LinkState.RETIRED.value)
            .exists()
        )
        has_clock = (
            select(ClockRow.ticket_id)
            .where(
                ClockRow.ticket_id == TicketChangeRow.ticket_id,
                or_(ClockRow.ended.is_(None), ClockRow.ended >= moment // 1_000_000),
            )
            .exists()
        )
        intents = select(IntentRow.id).where(IntentRow.state.in_(["done", "refused"]), ended, ~is_awaited).limit(limit)
        audits = select(AuditRow.id).where(AuditRow.at < moment).limit(limit)
        requests = select(RequestRow.id).where(RequestRow.finished_at < moment).limit(limit)
        changes = select(TicketChangeRow.id).where(TicketChangeRow.at < moment, ~is_linked, ~has_clock).limit(limit)
        losing = set(
            self._connection.execute(select(TicketChangeRow.ticket_id).where(TicketChangeRow.id.in_(changes))).scalars()
        )
        for part in chunks(losing):  # should one of them live on, its audits are to be read anew
            self._connection.execute(delete(TicketHistoryRow).where(TicketHistoryRow.ticket_id.in_(part)))
        return {
            "intent": self._connection.execute(delete(IntentRow).where(IntentRow.id.in_(intents))).rowcount,
            "audit": self._connection.execute(delete(AuditRow).where(AuditRow.id.in_(audits))).rowcount,
            "request": self._connection.execute(delete(RequestRow).where(RequestRow.id.in_(requests))).rowcount,
            "ticket_change": self._connection.execute(
                delete(TicketChangeRow).where(TicketChangeRow.id.in_(changes))
            ).rowcount,
        }
