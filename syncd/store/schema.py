"""The tables. Times are integers (microseconds since 1970, UTC), JSON is text, truth values are 0 and 1.

A migration under migrations/versions/ makes each change of this file; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Dialect, ForeignKey, Index, Integer, MetaData, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = 1
"""The number of the newest migration, also SQLite's user_version."""

APPLICATION_ID = 0x53594E43
"""SQLite's application_id of our files: "SYNC"."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def clean(value: str) -> str:
    """The text without NUL and lone surrogates, which PostgreSQL and UTF-8 refuse: customers' texts hold anything."""
    return value if value.isascii() and "\0" not in value else value.translate(_UNSTORABLE)


class SafeText(TypeDecorator[str]):
    """Text that every database can hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return clean(value) if isinstance(value, str) else value


BigInt = BigInteger().with_variant(Integer(), "sqlite")  # a STRICT table knows INTEGER only


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {int: BigInt, str: SafeText()}  # noqa: RUF012 - SQLAlchemy reads it off the class


def table(*parts: CheckConstraint | Index) -> tuple[Any, ...]:
    """__table_args__ of a STRICT table."""
    return (*parts, {"sqlite_strict": True})


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def flag(column: str) -> CheckConstraint:
    """A truth value is 0 or 1."""
    return CheckConstraint(f"{column} IN (0, 1)", name=column)


class LinkRow(Base):
    """A ticket and an issue that are kept in step."""

    __tablename__ = "link"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int]
    issue_id: Mapped[str]
    issue_key: Mapped[str]
    route: Mapped[str]
    origin: Mapped[str]
    state: Mapped[str]
    base: Mapped[str | None]
    vote: Mapped[str | None]
    conflict: Mapped[str | None]
    in_field: Mapped[int]
    occurrence: Mapped[int]
    created_at: Mapped[int]
    ticket_until: Mapped[int | None]
    issue_until: Mapped[int | None]
    retired_at: Mapped[int | None]
    retired_reason: Mapped[str | None]
    row_sum: Mapped[str]

    __table_args__ = table(
        _one_of("state", "live", "conflict", "retired"),
        _one_of("origin", "manual", "field", "tag", "created", "adopted", "duplicate", "followup"),
        flag("in_field"),
        CheckConstraint("occurrence >= 1", name="occurrence"),
        CheckConstraint("state <> 'conflict' OR conflict IS NOT NULL", name="conflict"),
        CheckConstraint("(state = 'retired') = (retired_at IS NOT NULL)", name="retired"),
        Index(
            "uq_link_live",
            "ticket_id",
            "issue_id",
            unique=True,
            sqlite_where=text("state <> 'retired'"),
            postgresql_where=text("state <> 'retired'"),
        ),
        Index(None, "ticket_id"),
        Index(None, "issue_id"),
        Index(None, "state", "id"),
        Index(None, "route", "state"),
    )


class LinkLogRow(Base):
    """What happened to a link."""

    __tablename__ = "link_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("link.id"))
    at: Mapped[int]
    what: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[str]

    __table_args__ = table(Index(None, "link_id", "id"))


class IntentRow(Base):
    """A remote write, before, while and after it is made. `id` is the marker it leaves on the server."""

    __tablename__ = "intent"

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]  # order of enqueuing
    kind: Mapped[str]
    subject: Mapped[str]
    destination: Mapped[str]
    payload: Mapped[str]
    state: Mapped[str]
    epoch: Mapped[int]
    urgency: Mapped[int]
    after: Mapped[str | None]
    route: Mapped[str]
    floor: Mapped[str | None]
    sent_at: Mapped[int | None]
    attempts: Mapped[int]
    next_at: Mapped[int]
    last_error: Mapped[str | None]
    result: Mapped[str | None]
    created_at: Mapped[int]
    done_at: Mapped[int | None]
    row_sum: Mapped[str]

    __table_args__ = table(
        _one_of("state", "new", "sent", "done", "refused", "parked"),
        _one_of("destination", "zendesk", "jira"),
        CheckConstraint("urgency BETWEEN 0 AND 4", name="urgency"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name="sent"),
        Index("uq_intent_seq", "seq", unique=True),
        Index("ix_intent_queue", "destination", "state", "urgency", "seq", "next_at"),
        Index(None, "subject", "state"),
        Index(None, "state", "seq"),
        Index(None, "state", "after"),
    )


class CreationRow(Base):
    """A bug that we made, or were about to make. `twins`: keys of second ones that were flagged, comma separated."""

    __tablename__ = "creation"

    marker: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[int]
    route: Mapped[str]
    occurrence: Mapped[int]
    requester_id: Mapped[int | None]
    issue_id: Mapped[str | None]
    issue_key: Mapped[str | None]
    note: Mapped[str]
    at: Mapped[int]
    made_at: Mapped[int | None]
    twins: Mapped[str]

    __table_args__ = table(
        CheckConstraint("occurrence >= 1", name="occurrence"),
        Index(None, "ticket_id", "route"),
        Index(None, "route", "at"),
    )


class TicketRow(Base):
    """The newest reading of a ticket."""

    __tablename__ = "ticket"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    updated_at: Mapped[int]
    generated: Mapped[int]
    visible: Mapped[int]
    digest: Mapped[str]
    body: Mapped[str]
    stored_at: Mapped[int]

    __table_args__ = table(flag("visible"))


class TicketChangeRow(Base):
    """One child event of a ticket, as the incremental export gave it."""

    __tablename__ = "ticket_change"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ticket_id: Mapped[int]
    at: Mapped[int]
    body: Mapped[str]

    __table_args__ = table(Index(None, "ticket_id", "at", "id"))


class IssueRow(Base):
    """The newest reading of an issue."""

    __tablename__ = "issue"

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    project_key: Mapped[str]
    updated_ms: Mapped[int]
    visible: Mapped[int]
    digest: Mapped[str]
    body: Mapped[str]
    stored_at: Mapped[int]

    __table_args__ = table(flag("visible"), Index(None, "key"), Index(None, "project_key"))


class TouchedRow(Base):
    """A subject that changed since it was last planned."""

    __tablename__ = "touched"

    subject: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[int]
    at: Mapped[int]

    __table_args__ = table(Index(None, "since", "subject"))


class CursorRow(Base):
    """Where fetching goes on."""

    __tablename__ = "cursor"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    updated_at: Mapped[int]
    row_sum: Mapped[str]

    __table_args__ = table()


class OwnWriteRow(Base):
    """The last value that we wrote to an attribute of a subject, and how often in a row."""

    __tablename__ = "own_write"

    subject: Mapped[str] = mapped_column(primary_key=True)
    attr: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    count: Mapped[int]
    at: Mapped[int]

    __table_args__ = table(CheckConstraint("count >= 1", name="count"))


class AuditRow(Base):
    """What was done, and how it ended. Only ever added to."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int]
    intent_id: Mapped[str | None]
    kind: Mapped[str]
    subject: Mapped[str]
    what: Mapped[str]
    outcome: Mapped[str]
    detail: Mapped[str]

    __table_args__ = table(Index(None, "subject", "id"), Index(None, "intent_id"), Index(None, "at"))


class GuardRow(Base):
    """What was accepted for a route, and what holds it."""

    __tablename__ = "guard"

    route: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str]

    __table_args__ = table()


class RequestRow(Base):
    """A verb that waits for the running daemon."""

    __tablename__ = "request"

    id: Mapped[int] = mapped_column(primary_key=True)
    verb: Mapped[str]
    args: Mapped[str]
    created_at: Mapped[int]
    finished_at: Mapped[int | None]
    outcome: Mapped[str | None]

    __table_args__ = table(Index(None, "finished_at", "id"))


class FactRow(Base):
    """Something that syncd remembers about its surroundings: server identities, own accounts, catalogs."""

    __tablename__ = "fact"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    updated_at: Mapped[int]

    __table_args__ = table()


class HeartbeatRow(Base):
    """The last cycle; one row."""

    __tablename__ = "heartbeat"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    cycle: Mapped[int]
    ok: Mapped[int]
    ok_at: Mapped[int | None]
    detail: Mapped[str]

    __table_args__ = table(CheckConstraint("id = 1", name="one"), flag("ok"))


class NameRow(Base):
    """The id that a name was resolved to, so that a rename is noticed."""

    __tablename__ = "bound_name"

    kind: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    folded: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    value: Mapped[str]

    __table_args__ = table()


class EdgeRow(Base):
    """An edge of a workflow that was seen; `from_id` is empty for a transition from any status."""

    __tablename__ = "workflow_edge"

    project_id: Mapped[str] = mapped_column(primary_key=True)
    issue_type_id: Mapped[str] = mapped_column(primary_key=True)
    from_id: Mapped[str] = mapped_column(primary_key=True)
    to_id: Mapped[str] = mapped_column(primary_key=True)
    learned_at: Mapped[int]

    __table_args__ = table()


class LeaseRow(Base):
    """Who may write, and under which epoch. The epoch only grows; every intent records the one it was made under."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    epoch: Mapped[int]
    until: Mapped[int | None]

    __table_args__ = table(CheckConstraint("epoch >= 1", name="epoch"))


class CommentTwinRow(Base):
    """What became of a comment on one subject of the other side. No text is kept, only its digest."""

    __tablename__ = "comment_twin"

    side: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    origin: Mapped[str]
    source_at: Mapped[int]
    version: Mapped[int]
    digest: Mapped[str]
    twin_id: Mapped[str | None]
    marker: Mapped[str]
    visibility: Mapped[str]
    state: Mapped[str]
    at: Mapped[int]

    __table_args__ = table(
        _one_of("side", "zendesk", "jira"),
        _one_of("visibility", "internal", "agents", "customer"),
        _one_of("state", "carried", "placeholder", "withdrawn"),
        Index(None, "origin"),
        Index(None, "side", "at"),
    )


class CommentsSeenRow(Base):
    """The version of a side up to which a link's comments were looked at; of files the newest id."""

    __tablename__ = "comments_seen"

    link_id: Mapped[int] = mapped_column(ForeignKey("link.id"), primary_key=True, autoincrement=False)
    side: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]

    __table_args__ = table(_one_of("side", "zendesk", "jira", "files"))


class CarriedFileRow(Base):
    """A file that was brought to a ticket or issue, by the digest of its content."""

    __tablename__ = "carried_file"

    target: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    comment_id: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    size: Mapped[int]
    at: Mapped[int]

    __table_args__ = table(CheckConstraint("size >= 0", name="size"), Index(None, "origin"))
