"""The tables of alerts and escalation; a part of 0001."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op


def make(_int: Callable[..., sa.Column[Any]], _text: Callable[..., sa.Column[Any]]) -> None:
    """Makes them; the arguments make columns that every database knows."""
    op.create_table(
        "episode",
        _int("id"),
        _text("group_key"),
        _text("chain"),
        _int("opened_at"),
        _text("state"),
        _int("level"),
        _int("climbs_at", nullable=True),
        _int("flush_at", nullable=True),
        _text("acks"),
        _int("returned_at", nullable=True),
        _int("closed_at", nullable=True),
        _int("next_at", nullable=True),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_episode_state")),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_episode_closed")),
        sa.CheckConstraint("level >= 0", name=op.f("ck_episode_level")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_episode")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_episode_open",
        "episode",
        ["group_key"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(op.f("ix_episode_state_next_at"), "episode", ["state", "next_at"])
    op.create_index(op.f("ix_episode_group_key_id"), "episode", ["group_key", "id"])
    op.create_table(
        "alert_fact",
        _int("ticket_id", autoincrement=False),
        _text("metric"),
        _text("subject"),
        _int("cycle", autoincrement=False),
        _text("threshold"),
        _int("at"),
        _int("noticed_at"),
        _text("state"),
        _int("episode_id"),
        _int("occurrence"),
        _int("over_at", nullable=True),
        _int("level"),
        _text("receivers"),
        _text("why"),
        _text("asks"),
        _int("back"),
        sa.CheckConstraint("state IN ('firing', 'over', 'withdrawn')", name=op.f("ck_alert_fact_state")),
        sa.CheckConstraint("occurrence >= 1", name=op.f("ck_alert_fact_occurrence")),
        sa.CheckConstraint("back IN (0, 1)", name=op.f("ck_alert_fact_back")),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"], name=op.f("fk_alert_fact_episode_id_episode")),
        sa.PrimaryKeyConstraint("ticket_id", "metric", "subject", "cycle", "threshold", name=op.f("pk_alert_fact")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_alert_fact_episode_id"), "alert_fact", ["episode_id"])
    op.create_index(
        "ix_alert_fact_firing",
        "alert_fact",
        ["noticed_at"],
        sqlite_where=sa.text("state = 'firing'"),
        postgresql_where=sa.text("state = 'firing'"),
    )
    op.create_table(
        "rule_fact",
        _int("ticket_id", autoincrement=False),
        _text("rule"),
        _text("run"),
        _text("step"),
        _text("receivers"),
        _int("at"),
        _text("why"),
        _text("asks"),
        sa.PrimaryKeyConstraint("ticket_id", "rule", "run", "step", name=op.f("pk_rule_fact")),
        sqlite_strict=True,
    )
    op.create_table(
        "alert_told",
        _int("episode_id", autoincrement=False),
        _text("receiver"),
        _int("at"),
        _int("level"),
        _text("firing"),
        _text("over"),
        _text("corrected"),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"], name=op.f("fk_alert_told_episode_id_episode")),
        sa.PrimaryKeyConstraint("episode_id", "receiver", name=op.f("pk_alert_told")),
        sqlite_strict=True,
    )
    op.create_table(
        "outbox",
        _int("id"),
        _text("group_key"),
        _text("receiver"),
        _int("seq"),
        _text("address"),
        _text("channel"),
        _text("reason"),
        _text("message_id"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _int("created_at"),
        _int("not_before"),
        _text("state"),
        _int("episode_id", nullable=True),
        _text("keys"),
        _text("about"),
        _int("lease_until"),
        _int("epoch"),
        _int("tries"),
        _int("doubts"),
        _text("last_error"),
        _int("done_at", nullable=True),
        _int("carrier", nullable=True),
        sa.CheckConstraint(
            "state IN ('new', 'sending', 'sent', 'unknown', 'dead', 'digest', 'cancelled')",
            name=op.f("ck_outbox_state"),
        ),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_outbox_seq")),
        sa.CheckConstraint("state <> 'sent' OR done_at IS NOT NULL", name=op.f("ck_outbox_sent")),
        sa.ForeignKeyConstraint(["episode_id"], ["episode.id"], name=op.f("fk_outbox_episode_id_episode")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_strict=True,
    )
    op.create_index("uq_outbox_seq", "outbox", ["group_key", "receiver", "seq", "channel", "address"], unique=True)
    op.create_index("uq_outbox_message_id", "outbox", ["message_id"], unique=True)
    op.create_index(op.f("ix_outbox_state_not_before"), "outbox", ["state", "not_before"])
    op.create_index(op.f("ix_outbox_episode_id"), "outbox", ["episode_id"])
    op.create_index(op.f("ix_outbox_receiver_created_at"), "outbox", ["receiver", "created_at"])
    op.create_index(op.f("ix_outbox_carrier"), "outbox", ["carrier"])
    op.create_table(
        "attempt",
        _int("outbox_id", autoincrement=False),
        _int("number", autoincrement=False),
        _int("started_at"),
        _int("ended_at"),
        _text("fate"),
        _int("code", nullable=True),
        _text("said"),
        sa.CheckConstraint("number >= 1", name=op.f("ck_attempt_number")),
        sa.CheckConstraint("fate IN ('sent', 'retry', 'dead', 'unknown', 'interrupted')", name=op.f("ck_attempt_fate")),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_attempt_outbox_id_outbox")),
        sa.PrimaryKeyConstraint("outbox_id", "number", name=op.f("pk_attempt")),
        sqlite_strict=True,
    )
    op.create_table(
        "escalation_run",
        _int("ticket_id", autoincrement=False),
        _text("rule"),
        _int("number"),
        _int("since"),
        _text("per"),
        _int("done"),
        _int("repeated"),
        _int("last_at"),
        _int("over_at", nullable=True),
        _int("acknowledged_at", nullable=True),
        _int("silent"),
        _text("chain"),
        sa.CheckConstraint("silent IN (0, 1)", name=op.f("ck_escalation_run_silent")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_escalation_run_number")),
        sa.PrimaryKeyConstraint("ticket_id", "rule", name=op.f("pk_escalation_run")),
        sqlite_strict=True,
    )
    op.create_table(
        "escalation_step",
        _int("ticket_id", autoincrement=False),
        _text("rule"),
        _int("number", autoincrement=False),
        _text("step"),
        _int("due"),
        _int("at"),
        _text("what"),
        sa.PrimaryKeyConstraint("ticket_id", "rule", "number", "step", name=op.f("pk_escalation_step")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_escalation_step_at"), "escalation_step", ["at"])
    op.create_table(
        "ticket_kind",
        _int("ticket_id", autoincrement=False),
        _text("kind"),
        _int("created_at"),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_kind")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_ticket_kind_kind_created_at"), "ticket_kind", ["kind", "created_at"])
