"""The table of permissions for public comments."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from syncd.store.schema import Base, table


class PublicGrantRow(Base):
    """That one text may be said in public on one ticket, under one mark. No text is kept, only its digest."""

    __tablename__ = "public_grant"

    marker: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[int]
    comment_id: Mapped[str]
    author_id: Mapped[str]
    at: Mapped[int]
    closed_at: Mapped[int | None]

    __table_args__ = table()
