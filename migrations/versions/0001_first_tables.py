"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

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
        _text("name"),
        _int("size"),
        _int("at"),
        sa.CheckConstraint("size >= 0", name=op.f("ck_carried_file_size")),
        sa.PrimaryKeyConstraint("target", "digest", name=op.f("pk_carried_file")),
        sqlite_strict=True,
    )
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
    op.create_table(
        "sla_version",
        _int("valid_from", autoincrement=False),
        _text("digest"),
        _text("content"),
        _int("at"),
        sa.PrimaryKeyConstraint("valid_from", name=op.f("pk_sla_version")),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """There is nothing below the first version: restore a backup instead."""
    raise RuntimeError("the first version has no version below it")
