"""The tables of clocks and of their rules' versions; a part of 0001."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op


def make(_int: Callable[..., sa.Column[Any]], _text: Callable[..., sa.Column[Any]]) -> None:
    """Makes them; the arguments make columns that every database knows."""
    op.create_table(
        "clock",
        _int("ticket_id", autoincrement=False),
        _text("metric"),
        _text("subject"),
        _int("cycle", autoincrement=False),
        _text("state"),
        _text("color"),
        _int("is_paused"),
        _int("started"),
        _int("ended", nullable=True),
        _int("due", nullable=True),
        _int("breached_at", nullable=True),
        _int("next_at", nullable=True),
        _int("target", nullable=True),
        _int("used"),
        _text("party"),
        _text("team"),
        _text("policy"),
        _text("level"),
        _text("rules"),
        _text("split"),
        _int("at"),
        sa.CheckConstraint("is_paused IN (0, 1)", name=op.f("ck_clock_is_paused")),
        sa.CheckConstraint("cycle >= 1", name=op.f("ck_clock_cycle")),
        sa.PrimaryKeyConstraint("ticket_id", "metric", "subject", "cycle", name=op.f("pk_clock")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_clock_due",
        "clock",
        ["due"],
        sqlite_where=sa.text("ended IS NULL AND due IS NOT NULL"),
        postgresql_where=sa.text("ended IS NULL AND due IS NOT NULL"),
    )
    op.create_index(
        "ix_clock_breached",
        "clock",
        ["breached_at"],
        sqlite_where=sa.text("breached_at IS NOT NULL"),
        postgresql_where=sa.text("breached_at IS NOT NULL"),
    )
    op.create_table(
        "clock_due",
        _int("ticket_id", autoincrement=False),
        _int("at"),
        _int("stale"),
        sa.CheckConstraint("stale IN (0, 1)", name=op.f("ck_clock_due_stale")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_clock_due")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_clock_due_at"), "clock_due", ["at"])
    op.create_index(
        "ix_clock_due_stale",
        "clock_due",
        ["ticket_id"],
        sqlite_where=sa.text("stale = 1"),
        postgresql_where=sa.text("stale = 1"),
    )
    op.create_table(
        "ticket_history",
        _int("ticket_id", autoincrement=False),
        _int("rank"),
        _int("read_until", nullable=True),
        _int("searched_at", nullable=True),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_history")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_ticket_history_wanted",
        "ticket_history",
        ["rank", "ticket_id"],
        sqlite_where=sa.text("read_until IS NULL"),
        postgresql_where=sa.text("read_until IS NULL"),
    )
    op.create_table(
        "ticket_reading",
        _int("ticket_id", autoincrement=False),
        _int("at", autoincrement=False),
        _text("name"),
        _text("before", nullable=True),
        _text("after", nullable=True),
        sa.PrimaryKeyConstraint("ticket_id", "at", "name", name=op.f("pk_ticket_reading")),
        sqlite_strict=True,
    )
    op.create_table(
        "forecast",
        _int("ticket_id", autoincrement=False),
        _text("metric"),
        _text("bug"),
        _text("sign"),
        _int("due", nullable=True),
        _text("day", nullable=True),
        _text("sentence"),
        _int("at"),
        sa.PrimaryKeyConstraint("ticket_id", "metric", "bug", "sign", name=op.f("pk_forecast")),
        sqlite_strict=True,
    )
    op.create_table(
        "sla_version",
        _int("valid_from", autoincrement=False),
        _text("digest"),
        _text("content"),
        _int("at"),
        sa.PrimaryKeyConstraint("valid_from", name=op.f("pk_sla_version")),
        sqlite_strict=True,
    )
