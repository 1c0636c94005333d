"""The tables of the clocks; part of schema.py's metadata. Instants of clocks are Unix seconds, `at` is microseconds."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from syncd.store.schema import Base, flag, table


class ClockRow(Base):
    """A clock as it was judged last: for lists and comparisons, never to compute from. `split`: business seconds by
    holder, as JSON."""

    __tablename__ = "clock"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metric: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    cycle: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    color: Mapped[str]
    is_paused: Mapped[int]
    started: Mapped[int]
    ended: Mapped[int | None]
    due: Mapped[int | None]
    breached_at: Mapped[int | None]
    next_at: Mapped[int | None]
    target: Mapped[int | None]
    used: Mapped[int]
    party: Mapped[str]
    team: Mapped[str]
    policy: Mapped[str]
    level: Mapped[str]
    rules: Mapped[str]
    split: Mapped[str]
    at: Mapped[int]

    __table_args__ = table(
        flag("is_paused"),
        CheckConstraint("cycle >= 1", name="cycle"),
        Index(
            "ix_clock_due",
            "due",
            sqlite_where=text("ended IS NULL AND due IS NOT NULL"),
            postgresql_where=text("ended IS NULL AND due IS NOT NULL"),
        ),
        Index(
            "ix_clock_breached",
            "breached_at",
            sqlite_where=text("breached_at IS NOT NULL"),
            postgresql_where=text("breached_at IS NOT NULL"),
        ),
    )


class ClockDueRow(Base):
    """When a ticket's clocks are next worth a look, in microseconds. `stale`: they are to be computed anew in bulk."""

    __tablename__ = "clock_due"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    stale: Mapped[int]

    __table_args__ = table(
        flag("stale"),
        Index(None, "at"),
        Index(
            "ix_clock_due_stale",
            "ticket_id",
            sqlite_where=text("stale = 1"),
            postgresql_where=text("stale = 1"),
        ),
    )


class TicketHistoryRow(Base):
    """How far a ticket's audits were read. Without `read_until` they are wanted, the lowest `rank` first. `searched_at`
    (Unix seconds): when all its comments were last searched for the markers of then."""

    __tablename__ = "ticket_history"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rank: Mapped[int]
    read_until: Mapped[int | None]
    searched_at: Mapped[int | None]

    __table_args__ = table(
        Index(
            "ix_ticket_history_wanted",
            "rank",
            "ticket_id",
            sqlite_where=text("read_until IS NULL"),
            postgresql_where=text("read_until IS NULL"),
        ),
    )


class TicketReadingRow(Base):
    """What a reading of a ticket told ahead of the exact history. `at`: Unix seconds."""

    __tablename__ = "ticket_reading"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(primary_key=True)
    before: Mapped[str | None]
    after: Mapped[str | None]

    __table_args__ = table()


class ForecastRow(Base):
    """What will probably be late, as it was told last."""

    __tablename__ = "forecast"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metric: Mapped[str] = mapped_column(primary_key=True)
    bug: Mapped[str] = mapped_column(primary_key=True)
    sign: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[int | None]
    day: Mapped[str | None]
    sentence: Mapped[str]
    at: Mapped[int]

    __table_args__ = table()
