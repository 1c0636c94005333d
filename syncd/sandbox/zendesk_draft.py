"""One update of a ticket while it is being made: nothing is changed before `commit`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from syncd.sandbox.zendesk_records import (
    Audit,
    Comment,
    CustomStatus,
    Ticket,
    Upload,
    User,
    iso,
    rule_via,
)
from syncd.sandbox.zendesk_store import ZendeskStore

#: What a creation tells about itself even when empty (every recorded creation does).
_ALWAYS_CREATED: Final = (
    "subject",
    "requester_id",
    "status",
    "custom_status_id",
    "priority",
    "type",
)
_CREATED_WHEN_SET: Final = ("organization_id", "assignee_id", "group_id", "tags", "external_id", "due_at")
_NOTIFY_RULE: Final = (41_000_000_000_001, "Notify requester and CCs of comment update")
_TAG: Final = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Who:
    """On whose behalf an update is made, and how."""

    user_id: int
    via: dict[str, Any]
    client: str = "Web browser"
    #: None: the system itself (automations, merges).
    user: User | None = None


@dataclass
class NewComment:
    """A comment that is about to be added."""

    body: str
    html_body: str
    public: bool
    author_id: int
    uploads: list[Upload] = field(default_factory=list)


def strip_html(text: str) -> str:
    """The text without tags: what Zendesk makes of HTML in `body`."""
    return _TAG.sub("", text)


def to_html(body: str) -> str:
    """The HTML that Zendesk shows for a plain body."""
    paragraphs = [f'<p dir="auto">{escape(part, quote=False)}</p>' for part in body.split("\n\n")]
    return '<div class="zd-comment" dir="auto">' + "\n\n".join(paragraphs).replace("\n<p", "\n<p") + "</div>"


class Draft:
    """Collects new values and the events that tell of them."""

    def __init__(self, store: ZendeskStore, ticket: Ticket, *, creating: bool = False) -> None:
        self.store = store
        self.ticket = ticket
        self.creating = creating
        self.created = creating
        #: Keep the audit even when it has no event.
        self.keep_audit = False
        self.values: dict[str, Any] = {}
        self.fields: dict[int, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.comment: NewComment | None = None
        self.custom: dict[str, Any] = {}

    # Values

    def get(self, name: str) -> Any:
        """The value as it will be."""
        return self.values.get(name, getattr(self.ticket, name))

    def field(self, field_id: int) -> Any:
        """The custom field as it will be."""
        return self.fields.get(field_id, self.ticket.fields.get(field_id))

    def set(self, name: str, value: Any, via: dict[str, Any] | None = None) -> None:
        """Sets a value; an event results when it differs."""
        previous = self.get(name)
        if previous == value:
            return
        self.values[name] = value
        if not self.creating:
            self._changed(name, value, previous, via)

    def set_field(self, field_id: int, value: Any, via: dict[str, Any] | None = None) -> None:
        """Sets a custom field; an event results when it differs."""
        previous = self.field(field_id)
        if previous == value:
            return
        self.fields[field_id] = value
        if not self.creating:
            self._changed(str(field_id), value, previous, via)

    def set_status(self, status: CustomStatus, via: dict[str, Any] | None = None) -> None:
        """Sets the custom status and its category."""
        self.set("status", status.category, via)
        self.set("custom_status_id", status.id, via)

    def status_changed(self) -> bool:
        """Whether this update changes the status or the custom status, or sets the first one."""
        return self.created or "status" in self.values or "custom_status_id" in self.values

    def _changed(self, name: str, value: Any, previous: Any, via: dict[str, Any] | None) -> None:
        event: dict[str, Any] = {
            "type": "Change",
            "value": wire_value(name, value),
            "field_name": name,
            "previous_value": wire_value(name, previous),
        }
        if via is not None:
            event["via"] = via
        self.events.append(event)

    def end_creation(self) -> None:
        """The creator's part is done: what is set from here on is a change (by triggers)."""
        for name in _ALWAYS_CREATED:
            self._created(name, self.get(name))
        self._created("brand_id", self.store.brand_id)
        self._created("ticket_form_id", self.store.form_id)
        for name in _CREATED_WHEN_SET:
            if self.get(name):
                self._created(name, self.get(name))
        for field_id, value in {**self.ticket.fields, **self.fields}.items():
            if value is not None:
                self._created(str(field_id), value)
        for name, value in self.values.items():
            setattr(self.ticket, name, value)
        self.ticket.fields.update(self.fields)
        self.values.clear()
        self.fields.clear()
        self.creating = False

    def _created(self, name: str, value: Any) -> None:
        self.events.append({"type": "Create", "value": wire_value(name, value), "field_name": name})

    # The end

    def commit(self, who: Who) -> Audit:
        """Makes it so, and returns the audit. Without any event the audit is not kept and `updated_at` stays."""
        store, ticket = self.store, self.ticket
        now = store.now()
        audit = Audit(store.new_id(), ticket.id, who.user_id, now, who.via, [], dict(self.custom), who.client)
        if self.comment is not None:
            self._add_comment(audit, self.comment, who)
        for event in self.events:
            audit.events.append({"id": store.new_id(), **event})
        was = ticket.status
        for name, value in self.values.items():
            setattr(ticket, name, value)
        for field_id, value in self.fields.items():
            if value is None:
                ticket.fields.pop(field_id, None)
            else:
                ticket.fields[field_id] = value
        if self.created:
            store.insert(ticket)
            self._metrics_of_creation()
        else:
            self._follow_status(was)
        kept = bool(audit.events) or self.keep_audit or store.is_on("audit_of_no_change")
        if kept:
            store.log(ticket, audit)
        if not self.created:
            store.stamp(ticket, updated=kept)
        return audit

    def _add_comment(self, audit: Audit, new: NewComment, who: Who) -> None:
        store, ticket = self.store, self.ticket
        comment = Comment(
            store.new_id(),
            audit.id,
            new.author_id,
            new.body,
            new.html_body,
            new.public,
            audit.created,
            who.via,
            [attachment for upload in new.uploads for attachment in upload.attachments],
        )
        for upload in new.uploads:
            upload.used = True
        ticket.comments.append(comment)
        audit.events.append({"id": comment.id, "type": "Comment"})
        author = store.users.get(new.author_id)
        if new.public and author is not None and author.is_agent and new.author_id != ticket.requester_id:
            self.events.append(
                {
                    "type": "Notification",
                    "via": rule_via(*_NOTIFY_RULE, "trigger"),
                    "subject": "[{{ticket.account}}] Re: {{ticket.title}}",
                    "body": "{{ticket.latest_public_comment_html}}",
                    "recipients": [self.get("requester_id")],
                }
            )
            if len(ticket.comments) > 1:
                store.metric_event(ticket, "reply_time", "fulfill")
                store.metric_event(ticket, "reply_time", "measure")

    def _metrics_of_creation(self) -> None:
        for metric in ("agent_work_time", "reply_time", "requester_wait_time", "resolution_time"):
            self.store.metric_event(self.ticket, metric, "activate")
        if self.ticket.status == "solved":
            self.ticket.solved_at = self.store.now()
            self._close_later()

    def _follow_status(self, was: str) -> None:
        store, ticket = self.store, self.ticket
        if ticket.status == was:
            return
        done, undone = ticket.status in {"solved", "closed"}, was in {"solved", "closed"}
        if done and not undone:
            ticket.solved_at = store.now()
            for metric in ("agent_work_time", "requester_wait_time", "resolution_time"):
                store.metric_event(ticket, metric, "fulfill")
        elif undone and not done:
            ticket.solved_at = None
            ticket.reopens += 1
            for metric in ("agent_work_time", "requester_wait_time", "resolution_time"):
                store.metric_event(ticket, metric, "activate")
        elif ticket.status == "pending":
            store.metric_event(ticket, "requester_wait_time", "pause")
        elif was == "pending":
            store.metric_event(ticket, "requester_wait_time", "activate")
        if ticket.status == "solved":
            self._close_later()

    def _close_later(self) -> None:
        store, ticket = self.store, self.ticket
        solved_at = ticket.solved_at
        seconds = store.number("auto_close_seconds")
        if seconds <= 0:
            return

        def close() -> None:
            if ticket.status == "solved" and ticket.solved_at == solved_at and not ticket.deleted:
                close_by_automation(store, ticket)

        store.later(seconds, close)


def close_by_automation(store: ZendeskStore, ticket: Ticket) -> Audit:
    """Closes a solved ticket for ever, as Zendesk's own automation does."""
    draft = Draft(store, ticket)
    draft.set("status", "closed")
    title = "Close ticket 4 days after status is set to solved"
    return draft.commit(Who(-1, rule_via(41_000_000_000_002, title, "automation"), "Zendesk"))


def wire_value(name: str, value: Any) -> Any:
    """A value as audits show it: text, a list of texts, or null."""
    if value is None:
        return None
    if name == "due_at":
        return iso(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value)
