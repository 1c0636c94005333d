"""The pretend Zendesk as people use it: the verbs of tests, the demo and the control API.

Every verb takes keywords; people and records go by their ids, statuses by category, agent label or id. What the
API would refuse raises `ZendeskRefusal` (a `ValueError`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Final, TypeVar

from syncd.sandbox.web import SandboxContext
from syncd.sandbox.zendesk_changes import clean_tags
from syncd.sandbox.zendesk_desk import DeskSetUp
from syncd.sandbox.zendesk_draft import Who, close_by_automation
from syncd.sandbox.zendesk_lifecycle import (
    create_ticket,
    customer_reply,
    delete_ticket,
    ensure_open,
    find_comment,
    make_private,
    mark_as_spam,
    merge_texts,
    merge_tickets,
    rate_ticket,
    redact,
    redact_file,
    restore_ticket,
    update_ticket,
)
from syncd.sandbox.zendesk_records import User, web_via
from syncd.sandbox.zendesk_state import state_of, ticket_state
from syncd.sandbox.zendesk_store import ZendeskStore

_World = TypeVar("_World", bound=DeskSetUp)

#: What the control API may call.
VERBS: Final = frozenset(
    {
        "add_api_token",
        "add_custom_status",
        "add_group",
        "add_jira_link",
        "add_oauth_client",
        "add_organization",
        "add_sla_policy",
        "add_tags",
        "add_ticket_field",
        "add_trigger",
        "add_user",
        "agent_replies",
        "assign",
        "close_solved",
        "create_ticket",
        "customer_replies",
        "delete_ticket",
        "edit_organization",
        "edit_ticket_field",
        "edit_user",
        "expire_tokens",
        "follow_up",
        "make_private",
        "mark_as_spam",
        "merge",
        "move_jira_link",
        "rate",
        "redact",
        "redact_file",
        "remove_tags",
        "remove_trigger",
        "rename_status",
        "restore_credential",
        "restore_ticket",
        "restore_user",
        "revoke_credential",
        "revoke_user",
        "set_field",
        "set_priority",
        "set_status",
        "set_subject",
        "solve",
        "system_touch",
    }
)


def _held(verb: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(verb)
    def held(self: DeskSetUp, **arguments: Any) -> Any:
        with self.store.lock:
            self.store.run_due()
            return verb(self, **arguments)

    return held


def _each_verb_held(world: type[_World]) -> type[_World]:
    for name in VERBS:
        setattr(world, name, _held(getattr(world, name)))
    return world


@_each_verb_held
class ZendeskWorld(DeskSetUp):
    """What a person does. Every verb holds the lock and lets happen first what fell due before it."""

    def __init__(self, ctx: SandboxContext) -> None:
        super().__init__(ZendeskStore(ctx))
        self.ctx = ctx

    @property
    def switches(self) -> dict[str, object]:
        """Behaviour switches by name; see `zendesk_store.DEFAULT_SWITCHES`."""
        return self.store.switches

    def tick(self) -> None:
        """Does what fell due by now: automations and background jobs."""
        with self.store.lock:
            self.store.run_due()

    def state(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        with self.store.lock:
            return state_of(self.store)

    def ticket_state(self, *, ticket: int) -> dict[str, Any]:
        """One ticket of the state, also a deleted one; `LookupError` when there is none."""
        with self.store.lock:
            found = self.store.tickets.get(ticket)
            if found is None:
                raise LookupError(f"there is no ticket {ticket}")
            return ticket_state(self.store, found)

    # Tickets

    def create_ticket(
        self,
        *,
        actor: int,
        subject: str,
        body: str,
        public: bool = True,
        requester: int | None = None,
        **changes: Any,
    ) -> int:
        """A new ticket by a customer (e-mail) or an agent (web); returns its id. `changes` are as in the API
        (`priority`, `type`, `tags`, `custom_fields`, `assignee_id`, `group_id`, `custom_status_id` ...)."""
        given = {"subject": subject, "comment": {"body": body, "public": public}, **changes}
        if requester is not None:
            given["requester_id"] = requester
        ticket, _ = create_ticket(self.store, given, self._who(actor))
        return ticket.id

    def customer_replies(self, *, ticket: int, body: str, actor: int | None = None) -> int:
        """The requester (or `actor`) answers by e-mail. Returns the ticket's id: on a closed ticket that of the
        follow-up which Zendesk makes."""
        found = self.store.ticket(ticket)
        who = self._who(actor if actor is not None else found.requester_id)
        return customer_reply(self.store, found, body, who)[0].id

    def agent_replies(self, *, ticket: int, actor: int, body: str, public: bool = True, **changes: Any) -> int:
        """An agent comments, and may change things in the same update. Returns the comment's id."""
        self._change(ticket, actor, {"comment": {"body": body, "public": public}, **changes})
        return self.store.ticket(ticket).comments[-1].id

    def set_status(
        self, *, ticket: int, actor: int, status: str | None = None, custom_status_id: int | None = None
    ) -> None:
        """An agent sets the status: a category, the label of a custom status, or an id."""
        name: str | int | None = custom_status_id if custom_status_id is not None else status
        if name is None:
            raise ValueError("say which status")
        if name == "closed":
            changes: dict[str, Any] = {"status": "closed"}
        else:
            changes = {"custom_status_id": self.store.find_status(name).id}
            if self.store.find_status(name).category == "solved":
                self._needs_assignee(ticket, actor, changes)
        if name == "closed":
            self._needs_assignee(ticket, actor, changes)
        self._change(ticket, actor, changes)

    def solve(self, *, ticket: int, actor: int, body: str | None = None) -> None:
        """An agent solves the ticket, taking it when nobody has it; with `body`, a public answer."""
        changes: dict[str, Any] = {"status": "solved"}
        self._needs_assignee(ticket, actor, changes)
        if body is not None:
            changes["comment"] = {"body": body, "public": True}
        self._change(ticket, actor, changes)

    def close_solved(self, *, ticket: int | None = None) -> list[int]:
        """The automation closes this solved ticket, or all of them; returns their ids."""
        chosen = [self.store.ticket(ticket)] if ticket is not None else list(self.store.tickets.values())
        solved = [found for found in chosen if found.status == "solved" and not found.deleted]
        for found in solved:
            close_by_automation(self.store, found)
        return [found.id for found in solved]

    def set_field(self, *, ticket: int, actor: int, field: int | str, value: Any) -> None:
        """Sets a custom field, named by id or title."""
        self._change(ticket, actor, {"custom_fields": [{"id": self.field_id(field), "value": value}]})

    def set_priority(self, *, ticket: int, actor: int, priority: str | None) -> None:
        """Sets or takes away the priority."""
        self._change(ticket, actor, {"priority": priority})

    def set_subject(self, *, ticket: int, actor: int, subject: str) -> None:
        """Changes the subject."""
        self._change(ticket, actor, {"subject": subject})

    def add_tags(self, *, ticket: int, actor: int, tags: Iterable[str]) -> None:
        """Adds tags."""
        present = self.store.ticket(ticket).tags
        self._change(ticket, actor, {"tags": clean_tags([*present, *tags])})

    def remove_tags(self, *, ticket: int, actor: int, tags: Iterable[str]) -> None:
        """Removes tags."""
        gone = set(clean_tags(list(tags)))
        self._change(ticket, actor, {"tags": [tag for tag in self.store.ticket(ticket).tags if tag not in gone]})

    def assign(self, *, ticket: int, actor: int, assignee: int | None = None, group: int | None = None) -> None:
        """Gives the ticket to an agent, to a group, or to an agent of a group."""
        changes: dict[str, Any] = {}
        if group is not None:
            changes["group_id"] = group
        if assignee is not None or group is None:
            changes["assignee_id"] = assignee
        self._change(ticket, actor, changes)

    def merge(
        self,
        *,
        source: int | list[int],
        target: int,
        actor: int,
        source_comment: str | None = None,
        target_comment: str | None = None,
    ) -> None:
        """Merges one or several tickets into the target, with the texts that the workspace proposes; an empty
        text leaves the comment out."""
        sources = [self.store.ticket(key) for key in (source if isinstance(source, list) else [source])]
        into = self.store.ticket(target)
        comments: dict[str, str] = merge_texts(sources, into)
        if source_comment is not None:
            comments["source_comment"] = source_comment
        if target_comment is not None:
            comments["target_comment"] = target_comment
        merge_tickets(self.store, sources, into, self._who(actor), comments)

    def delete_ticket(self, *, ticket: int, actor: int) -> None:
        """Into the bin."""
        delete_ticket(self.store, self.store.ticket(ticket), self._who(actor))

    def restore_ticket(self, *, ticket: int, actor: int) -> None:
        """Out of the bin."""
        restore_ticket(self.store, self.store.ticket(ticket, deleted=True), self._who(actor))

    def mark_as_spam(self, *, ticket: int, actor: int) -> None:
        """Deletes the ticket and suspends its requester."""
        mark_as_spam(self.store, self.store.ticket(ticket), self._who(actor))

    def follow_up(self, *, ticket: int, actor: int, body: str) -> int:
        """An agent makes a follow-up of a closed ticket; returns its id."""
        source = self.store.ticket(ticket)
        changes = {
            "subject": f"Re: {source.subject}",
            "comment": {"body": body, "public": True},
            "requester_id": source.requester_id,
            "via_followup_source_id": ticket,
        }
        return create_ticket(self.store, changes, self._who(actor))[0].id

    def make_private(self, *, ticket: int, comment: int, actor: int) -> None:
        """Makes a public comment private."""
        found = self.store.ticket(ticket)
        make_private(self.store, found, find_comment(found, comment), self._who(actor))

    def redact(self, *, ticket: int, comment: int, actor: int, text: str) -> None:
        """Blacks out a text in a comment."""
        found = self.store.ticket(ticket)
        redact(self.store, found, find_comment(found, comment), text, self._who(actor))

    def redact_file(self, *, ticket: int, comment: int, attachment: int, actor: int) -> None:
        """Takes a file off a comment; an empty one is left in its place."""
        found = self.store.ticket(ticket)
        redact_file(self.store, found, find_comment(found, comment), attachment, self._who(actor))

    def rate(self, *, ticket: int, score: str, comment: str | None = None) -> None:
        """The requester judges a solved ticket, good or bad."""
        found = self.store.ticket(ticket)
        rate_ticket(self.store, found, score, comment, self._who(found.requester_id))

    def system_touch(self, *, ticket: int) -> None:
        """A change inside Zendesk that no audit tells of: only `generated_timestamp` moves."""
        self.store.stamp(self.store.ticket(ticket, deleted=True), updated=False)

    # Helpers

    def _change(self, ticket: int, actor: int, changes: Mapping[str, Any]) -> None:
        update_ticket(self.store, self.store.ticket(ticket), changes, self._who(actor))

    def _needs_assignee(self, ticket: int, actor: int, changes: dict[str, Any]) -> None:
        found = self.store.ticket(ticket)
        ensure_open(found)
        if found.assignee_id is None:
            changes["assignee_id"] = actor

    def _who(self, actor: int) -> Who:
        user = self.store.user(actor)
        return Who(user.id, web_via() if user.is_agent else self._mail(user), "Web browser", user)

    def _mail(self, user: User) -> dict[str, Any]:
        sender = {"address": user.email, "name": user.name}
        receiver = {"address": self.store.address, "name": self.store.brand_name}
        return {"channel": "email", "source": {"from": sender, "to": receiver, "rel": None}}
