"""The first tables."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from typing import Any

import sqlalchemy as sa
from alembic import op

_PARTS = Path(__file__).resolve().parent.parent / "first_tables"

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _int(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[int]:
    """SQLite's STRICT tables know INTEGER only."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=nullable, **options)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "public_grant",
        _text("marker"),
        _text("digest"),
        _int("ticket_id"),
        _text("comment_id"),
        _text("author_id"),
        _int("at"),
        _int("closed_at", nullable=True),
        sa.PrimaryKeyConstraint("marker", "digest", name=op.f("pk_public_grant")),
        sqlite_strict=True,
    )
    op.create_table(
        "comment_twin",
        _text("side"),
        _text("source_id"),
        _text("target"),
        _text("origin"),
        _int("source_at"),
        _int("version"),
        _text("digest"),
        _text("twin_id", nullable=True),
        _text("marker"),
        _text("visibility"),
        _text("state"),
        _int("at"),
        sa.CheckConstraint("side IN ('zendesk', 'jira')", name=op.f("ck_comment_twin_side")),
        sa.CheckConstraint("visibility IN ('internal', 'agents', 'customer')", name=op.f("ck_comment_twin_visibility")),
        sa.CheckConstraint("state IN ('carried', 'placeholder', 'withdrawn')", name=op.f("ck_comment_twin_state")),
        sa.PrimaryKeyConstraint("side", "source_id", "target", name=op.f("pk_comment_twin")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_comment_twin_origin"), "comment_twin", ["origin"])
    op.create_index(op.f("ix_comment_twin_side_at"), "comment_twin", ["side", "at"])
    op.create_table(
        "carried_file",
        _text("target"),
        _text("digest"),
        _text("origin"),
        _text("comment_id"),
        _text("file_id"),
        _text("name"),
        _int("size"),
        _int("at"),
        sa.CheckConstraint("size >= 0", name=op.f("ck_carried_file_size")),
        sa.PrimaryKeyConstraint("target", "digest", "origin", "comment_id", "file_id", name=op.f("pk_carried_file")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_carried_file_origin"), "carried_file", ["origin"])
    op.create_table(
        "audit",
        _int("id"),
        _int("at"),
        _text("intent_id", nullable=True),
        _text("kind"),
        _text("subject"),
        _text("what"),
        _text("outcome"),
        _text("detail"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index(op.f("ix_audit_intent_id"), "audit", ["intent_id"])
    op.create_index(op.f("ix_audit_subject_id"), "audit", ["subject", "id"])
    op.create_table(
        "bound_name",
        _text("kind"),
        _text("scope"),
        _text("folded"),
        _text("name"),
        _text("value"),
        sa.PrimaryKeyConstraint("kind", "scope", "folded", name=op.f("pk_bound_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "creation",
        _text("marker"),
        _int("ticket_id"),
        _text("route"),
        _int("occurrence"),
        _int("requester_id", nullable=True),
        _text("issue_id", nullable=True),
        _text("issue_key", nullable=True),
        _text("note"),
        _int("at"),
        _int("made_at", nullable=True),
        _text("twins"),
        sa.CheckConstraint("occurrence >= 1", name=op.f("ck_creation_occurrence")),
        sa.PrimaryKeyConstraint("marker", name=op.f("pk_creation")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_creation_route_at"), "creation", ["route", "at"])
    op.create_index(op.f("ix_creation_ticket_id_route"), "creation", ["ticket_id", "route"])
    op.create_table(
        "cursor",
        _text("name"),
        _text("value"),
        _int("updated_at"),
        _text("row_sum"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursor")),
        sqlite_strict=True,
    )
    op.create_table(
        "fact",
        _text("key"),
        _text("value"),
        _int("updated_at"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_fact")),
        sqlite_strict=True,
    )
    op.create_table(
        "guard",
        _text("route"),
        _text("body"),
        sa.PrimaryKeyConstraint("route", name=op.f("pk_guard")),
        sqlite_strict=True,
    )
    op.create_table(
        "heartbeat",
        _int("id", autoincrement=False),
        _int("at"),
        _int("cycle"),
        _int("ok"),
        _int("ok_at", nullable=True),
        _text("detail"),
        sa.CheckConstraint("id = 1", name=op.f("ck_heartbeat_one")),
        sa.CheckConstraint("ok IN (0, 1)", name=op.f("ck_heartbeat_ok")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeat")),
        sqlite_strict=True,
    )
    op.create_table(
        "intent",
        _text("id"),
        _int("seq"),
        _text("kind"),
        _text("subject"),
        _text("destination"),
        _text("payload"),
        _text("state"),
        _int("epoch"),
        _int("urgency"),
        _text("after", nullable=True),
        _text("route"),
        _text("floor", nullable=True),
        _int("sent_at", nullable=True),
        _int("attempts"),
        _int("next_at"),
        _text("last_error", nullable=True),
        _text("result", nullable=True),
        _int("created_at"),
        _int("done_at", nullable=True),
        _text("row_sum"),
        sa.CheckConstraint("destination IN ('zendesk', 'jira')", name=op.f("ck_intent_destination")),
        sa.CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name=op.f("ck_intent_sent")),
        sa.CheckConstraint("state IN ('new', 'sent', 'done', 'refused', 'parked')", name=op.f("ck_intent_state")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_intent_attempts")),
        sa.CheckConstraint("urgency BETWEEN 0 AND 4", name=op.f("ck_intent_urgency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_intent_state_after"), "intent", ["state", "after"])
    op.create_index("ix_intent_queue", "intent", ["destination", "state", "urgency", "seq", "next_at"])
    op.create_index(op.f("ix_intent_state_seq"), "intent", ["state", "seq"])
    op.create_index(op.f("ix_intent_subject_state"), "intent", ["subject", "state"])
    op.create_index("uq_intent_seq", "intent", ["seq"], unique=True)
    op.create_table(
        "issue",
        _text("id"),
        _text("key"),
        _text("project_key"),
        _int("updated_ms"),
        _int("visible"),
        _text("digest"),
        _text("body"),
        _int("stored_at"),
        sa.CheckConstraint("visible IN (0, 1)", name=op.f("ck_issue_visible")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_issue_key"), "issue", ["key"])
    op.create_index(op.f("ix_issue_project_key"), "issue", ["project_key"])
    op.create_table(
        "lease",
        _text("name"),
        _text("owner"),
        _int("epoch"),
        _int("until", nullable=True),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_lease_epoch")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
        sqlite_strict=True,
    )
    op.create_table(
        "link",
        _int("id"),
        _int("ticket_id"),
        _text("issue_id"),
        _text("issue_key"),
        _text("route"),
        _text("origin"),
        _text("state"),
        _text("base", nullable=True),
        _text("vote", nullable=True),
        _text("conflict", nullable=True),
        _int("in_field"),
        _int("occurrence"),
        _int("created_at"),
        _int("ticket_until", nullable=True),
        _int("issue_until", nullable=True),
        _int("retired_at", nullable=True),
        _text("retired_reason", nullable=True),
        _text("row_sum"),
        sa.CheckConstraint("(state = 'retired') = (retired_at IS NOT NULL)", name=op.f("ck_link_retired")),
        sa.CheckConstraint(
            "origin IN ('manual', 'field', 'tag', 'created', 'adopted', 'duplicate', 'followup')",
            name=op.f("ck_link_origin"),
        ),
        sa.CheckConstraint("state <> 'conflict' OR conflict IS NOT NULL", name=op.f("ck_link_conflict")),
        sa.CheckConstraint("state IN ('live', 'conflict', 'retired')", name=op.f("ck_link_state")),
        sa.CheckConstraint("in_field IN (0, 1)", name=op.f("ck_link_in_field")),
        sa.CheckConstraint("occurrence >= 1", name=op.f("ck_link_occurrence")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_link_issue_id"), "link", ["issue_id"])
    op.create_index(op.f("ix_link_route_state"), "link", ["route", "state"])
    op.create_index(op.f("ix_link_state_id"), "link", ["state", "id"])
    op.create_index(op.f("ix_link_ticket_id"), "link", ["ticket_id"])
    op.create_index(
        "uq_link_live",
        "link",
        ["ticket_id", "issue_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'retired'"),
        postgresql_where=sa.text("state <> 'retired'"),
    )
    op.create_table(
        "own_write",
        _text("subject"),
        _text("attr"),
        _text("value"),
        _int("count"),
        _int("at"),
        sa.CheckConstraint("count >= 1", name=op.f("ck_own_write_count")),
        sa.PrimaryKeyConstraint("subject", "attr", name=op.f("pk_own_write")),
        sqlite_strict=True,
    )
    op.create_table(
        "request",
        _int("id"),
        _text("verb"),
        _text("args"),
        _int("created_at"),
        _int("finished_at", nullable=True),
        _text("outcome", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_request_finished_at_id"), "request", ["finished_at", "id"])
    op.create_table(
        "ticket",
        _int("id", autoincrement=False),
        _int("updated_at"),
        _int("generated"),
        _int("visible"),
        _text("digest"),
        _text("body"),
        _int("stored_at"),
        sa.CheckConstraint("visible IN (0, 1)", name=op.f("ck_ticket_visible")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sqlite_strict=True,
    )
    op.create_table(
        "ticket_change",
        _int("id", autoincrement=False),
        _int("ticket_id"),
        _int("at"),
        _text("body"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_change")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_ticket_change_ticket_id_at_id"), "ticket_change", ["ticket_id", "at", "id"])
    op.create_table(
        "touched",
        _text("subject"),
        _int("since"),
        _int("at"),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_touched")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_touched_since_subject"), "touched", ["since", "subject"])
    op.create_table(
        "workflow_edge",
        _text("project_id"),
        _text("issue_type_id"),
        _text("from_id"),
        _text("to_id"),
        _int("learned_at"),
        sa.PrimaryKeyConstraint("project_id", "issue_type_id", "from_id", "to_id", name=op.f("pk_workflow_edge")),
        sqlite_strict=True,
    )
    op.create_table(
        "link_log",
        _int("id"),
        _int("link_id"),
        _int("at"),
        _text("what"),
        _text("reason"),
        _text("detail"),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name=op.f("fk_link_log_link_id_link")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_log")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_link_log_link_id_id"), "link_log", ["link_id", "id"])
    op.create_table(
        "field_base",
        _int("link_id", autoincrement=False),
        _text("field"),
        _int("agreed"),
        _text("ticket"),
        _text("bug"),
        _text("problem", nullable=True),
        _text("seen", nullable=True),
        _int("at"),
        sa.CheckConstraint("agreed IN (0, 1)", name=op.f("ck_field_base_agreed")),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name=op.f("fk_field_base_link_id_link")),
        sa.PrimaryKeyConstraint("link_id", "field", name=op.f("pk_field_base")),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_field_base_problem",
        "field_base",
        ["link_id"],
        sqlite_where=sa.text("problem IS NOT NULL"),
        postgresql_where=sa.text("problem IS NOT NULL"),
    )
    op.create_table(
        "release",
        _text("version_id"),
        _text("project_key"),
        _text("name"),
        _int("at"),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_release")),
        sqlite_strict=True,
    )
    op.create_table(
        "told",
        _text("subject"),
        _text("topic"),
        _int("at"),
        sa.PrimaryKeyConstraint("subject", "topic", name=op.f("pk_told")),
        sqlite_strict=True,
    )
    op.create_table(
        "comeback",
        _int("link_id", autoincrement=False),
        _int("ticket_id"),
        _text("issue_id"),
        _text("issue_key"),
        _text("route"),
        _text("message"),
        _int("at"),
        _int("over_at", nullable=True),
        _int("asked_at", nullable=True),
        _int("followup_id", nullable=True),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name=op.f("fk_comeback_link_id_link")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_comeback")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_comeback_issue_id"), "comeback", ["issue_id"])
    op.create_index(op.f("ix_comeback_route_asked_at"), "comeback", ["route", "asked_at"])
    op.create_index(
        "ix_comeback_open",
        "comeback",
        ["link_id"],
        sqlite_where=sa.text("over_at IS NULL"),
        postgresql_where=sa.text("over_at IS NULL"),
    )
    op.create_table(
        "comments_seen",
        _int("link_id", autoincrement=False),
        _text("side"),
        _int("version"),
        sa.CheckConstraint("side IN ('zendesk', 'jira', 'files')", name=op.f("ck_comments_seen_side")),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name=op.f("fk_comments_seen_link_id_link")),
        sa.PrimaryKeyConstraint("link_id", "side", name=op.f("pk_comments_seen")),
        sqlite_strict=True,
    )
    for part in ("clocks", "alerts"):
        run_path(str(_PARTS / f"{part}.py"))["make"](_int, _text)


def downgrade() -> None:
    """There is nothing below the first version: restore a backup instead."""
    raise RuntimeError("the first version has no version below it")
