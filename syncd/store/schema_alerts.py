"""The tables of alerts: facts, episodes, what was told to whom, the outbox and its attempts; part of schema.py's
metadata."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from syncd.store.schema import Base, flag, table


class AlertFactRow(Base):
    """Something that a clock passed or a rule stated. The key is what can be told at most once."""

    __tablename__ = "alert_fact"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metric: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    cycle: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    threshold: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int]
    noticed_at: Mapped[int]
    state: Mapped[str]
    episode_id: Mapped[int] = mapped_column(ForeignKey("episode.id"))
    occurrence: Mapped[int]
    over_at: Mapped[int | None]
    level: Mapped[int]
    receivers: Mapped[str]
    why: Mapped[str]
    asks: Mapped[str]
    back: Mapped[int]

    __table_args__ = table(
        CheckConstraint("state IN ('firing', 'over', 'withdrawn')", name="state"),
        CheckConstraint("occurrence >= 1", name="occurrence"),
        flag("back"),
        Index(None, "episode_id"),
        Index(
            "ix_alert_fact_firing",
            "noticed_at",
            sqlite_where=text("state = 'firing'"),
            postgresql_where=text("state = 'firing'"),
        ),
    )


class EpisodeRow(Base):
    """A group of facts from its first one until all are over, with the chain that it began with."""

    __tablename__ = "episode"

    id: Mapped[int] = mapped_column(primary_key=True)
    group_key: Mapped[str]
    chain: Mapped[str]
    opened_at: Mapped[int]
    state: Mapped[str]
    level: Mapped[int]
    climbs_at: Mapped[int | None]
    flush_at: Mapped[int | None]
    acks: Mapped[str]
    returned_at: Mapped[int | None]
    closed_at: Mapped[int | None]
    next_at: Mapped[int | None]

    __table_args__ = table(
        CheckConstraint("state IN ('open', 'closed')", name="state"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("level >= 0", name="level"),
        Index(
            "uq_episode_open",
            "group_key",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "state", "next_at"),
        Index(None, "group_key", "id"),
    )


class RuleFactRow(Base):
    """What an escalation rule stated and the alerts have not taken over yet."""

    __tablename__ = "rule_fact"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(primary_key=True)
    run: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    receivers: Mapped[str]
    at: Mapped[int]
    why: Mapped[str]
    asks: Mapped[str]

    __table_args__ = table()


class AlertToldRow(Base):
    """What one receiver has heard in one episode. It has no expiry."""

    __tablename__ = "alert_told"

    episode_id: Mapped[int] = mapped_column(ForeignKey("episode.id"), primary_key=True, autoincrement=False)
    receiver: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int]
    level: Mapped[int]
    firing: Mapped[str]
    over: Mapped[str]
    corrected: Mapped[str]

    __table_args__ = table()


class OutboxRow(Base):
    """A notification to one address of one receiver, with the bytes that every try sends."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    group_key: Mapped[str]
    receiver: Mapped[str]
    seq: Mapped[int]
    address: Mapped[str]
    channel: Mapped[str]
    reason: Mapped[str]
    message_id: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary())
    created_at: Mapped[int]
    not_before: Mapped[int]
    state: Mapped[str]
    episode_id: Mapped[int | None] = mapped_column(ForeignKey("episode.id"))
    keys: Mapped[str]
    about: Mapped[str]
    lease_until: Mapped[int]
    epoch: Mapped[int]
    tries: Mapped[int]
    doubts: Mapped[int]
    last_error: Mapped[str]
    done_at: Mapped[int | None]
    carrier: Mapped[int | None]

    __table_args__ = table(
        CheckConstraint("state IN ('new', 'sending', 'sent', 'unknown', 'dead', 'digest', 'cancelled')", name="state"),
        CheckConstraint("seq >= 1", name="seq"),
        CheckConstraint("state <> 'sent' OR done_at IS NOT NULL", name="sent"),
        Index("uq_outbox_seq", "group_key", "receiver", "seq", "channel", "address", unique=True),
        Index("uq_outbox_message_id", "message_id", unique=True),
        Index(None, "state", "not_before"),
        Index(None, "episode_id"),
        Index(None, "receiver", "created_at"),
        Index(None, "carrier"),
    )


class AttemptRow(Base):
    """One try to hand over a row of the outbox. Rows are only ever added."""

    __tablename__ = "attempt"

    outbox_id: Mapped[int] = mapped_column(ForeignKey("outbox.id"), primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    started_at: Mapped[int]
    ended_at: Mapped[int]
    fate: Mapped[str]
    code: Mapped[int | None]
    said: Mapped[str]

    __table_args__ = table(
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("fate IN ('sent', 'retry', 'dead', 'unknown', 'interrupted')", name="fate"),
    )
