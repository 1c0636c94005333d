"""The tables of mapped fields and of the moments that tickets hear of; part of schema.py's metadata."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from syncd.store.schema import Base, flag, table


class FieldBaseRow(Base):
    """What both sides of a mapped field were when they last agreed; `problem` says why it stands still."""

    __tablename__ = "field_base"

    link_id: Mapped[int] = mapped_column(ForeignKey("link.id"), primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(primary_key=True)
    agreed: Mapped[int]
    ticket: Mapped[str]
    bug: Mapped[str]
    problem: Mapped[str | None]
    seen: Mapped[str | None]
    at: Mapped[int]

    __table_args__ = table(
        flag("agreed"),
        Index(
            "ix_field_base_problem",
            "link_id",
            sqlite_where=text("problem IS NOT NULL"),
            postgresql_where=text("problem IS NOT NULL"),
        ),
    )


class ReleaseRow(Base):
    """A version that was seen to be released."""

    __tablename__ = "release"

    version_id: Mapped[str] = mapped_column(primary_key=True)
    project_key: Mapped[str]
    name: Mapped[str]
    at: Mapped[int]

    __table_args__ = table()


class ToldRow(Base):
    """What a subject has heard of, so that it hears of it once."""

    __tablename__ = "told"

    subject: Mapped[str] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int]

    __table_args__ = table()


class ComebackRow(Base):
    """A bug that came back after the ticket of a link was closed."""

    __tablename__ = "comeback"

    link_id: Mapped[int] = mapped_column(ForeignKey("link.id"), primary_key=True, autoincrement=False)
    ticket_id: Mapped[int]
    issue_id: Mapped[str]
    issue_key: Mapped[str]
    route: Mapped[str]
    message: Mapped[str]
    at: Mapped[int]
    over_at: Mapped[int | None]
    asked_at: Mapped[int | None]
    followup_id: Mapped[int | None]

    __table_args__ = table(
        Index(None, "issue_id"),
        Index(None, "route", "asked_at"),
        Index(
            "ix_comeback_open",
            "link_id",
            sqlite_where=text("over_at IS NULL"),
            postgresql_where=text("over_at IS NULL"),
        ),
    )
