"""The tables of escalation rules: how far each went, every step once, and kinds of tickets; part of schema.py's
metadata. Instants are Unix seconds."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from syncd.store.schema import Base, flag, table


class EscalationRunRow(Base):
    """The newest run of a rule on a ticket. `chain`: the steps that it began with, as JSON."""

    __tablename__ = "escalation_run"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    since: Mapped[int]
    per: Mapped[str]
    done: Mapped[int]
    repeated: Mapped[int]
    last_at: Mapped[int]
    over_at: Mapped[int | None]
    acknowledged_at: Mapped[int | None]
    silent: Mapped[int]
    chain: Mapped[str]

    __table_args__ = table(flag("silent"), CheckConstraint("number >= 1", name="number"))


class EscalationStepRow(Base):
    """A step that a run took. The key is what can be done at most once."""

    __tablename__ = "escalation_step"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[int]
    at: Mapped[int]
    what: Mapped[str]

    __table_args__ = table(Index(None, "at"))


class TicketKindRow(Base):
    """Of what kind a ticket is, where the configuration names the field that tells it."""

    __tablename__ = "ticket_kind"

    ticket_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    created_at: Mapped[int]

    __table_args__ = table(Index(None, "kind", "created_at"))
