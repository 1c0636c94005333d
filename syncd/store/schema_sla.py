"""The table of the versions of the clocks' rules."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from syncd.store.schema import Base, table


class SlaVersionRow(Base):
    """Rules and calendars as they were in force from `valid_from` (Unix seconds) on, with ids for names and dates for
    holidays, as JSON. What is not in force yet may be replaced; the rest stays."""

    __tablename__ = "sla_version"

    valid_from: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str]
    content: Mapped[str]
    at: Mapped[int]

    __table_args__ = table()
