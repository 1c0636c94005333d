"""Reads the `ticket` object of a request into a draft, with Zendesk's checks and its silent side effects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from syncd.sandbox.zendesk_draft import Draft, NewComment, Who, strip_html, to_html
from syncd.sandbox.zendesk_records import (
    PRIORITIES,
    STATUSES,
    TYPES,
    Ticket,
    TicketField,
    Upload,
    User,
    ZendeskRefusal,
    bad_attribute,
    forbidden,
    invalid,
    parse_iso,
)
from syncd.sandbox.zendesk_store import ZendeskStore

_MAX_BODY: Final = 65_535
_MAX_COMMENTS: Final = 5_000
_DATE: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def as_id(name: str, value: Any) -> int | None:
    """An id that may come as text; None stays None; 400 for anything else."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not str(value).lstrip("-").isdigit():
        raise bad_attribute(
            f"You passed an invalid value for the {name} attribute. Invalid parameter: {name} must be an integer"
        )
    return int(value)


def clean_tags(value: Any) -> list[str]:
    """Tags as Zendesk keeps them: lower case, each once, in order of the alphabet."""
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list):
        raise bad_attribute("You passed an invalid value for the tags attribute. tags must be an array")
    return sorted({str(tag).strip().lower().replace(" ", "_") for tag in value if str(tag).strip()})


def check_stamp(ticket: Ticket, changes: Mapping[str, Any]) -> None:
    """`safe_update`: 409 when `updated_stamp` is not the ticket's `updated_at`.

    The key alone switches it on, also with `false`
    (https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets/).
    """
    if "safe_update" not in changes:
        return
    try:
        stamp = parse_iso(str(changes["updated_stamp"]))
    except (KeyError, ValueError):
        raise bad_attribute("updated_stamp is required with safe_update and must be a date and time") from None
    if stamp != ticket.updated:
        raise stale()


def stale() -> ZendeskRefusal:
    """The 409 answer of a safe update that lost."""
    return ZendeskRefusal(
        409,
        {
            "error": "UpdateConflict",
            "description": "Safe Update prevented the update due to outdated ticket data. "
            "Please fetch the latest ticket data and try again.",
        },
    )


def apply_changes(draft: Draft, changes: Mapping[str, Any], who: Who) -> None:
    """Puts what `changes` asks into the draft. Keys that Zendesk does not know are ignored, as it does."""
    metadata = changes.get("metadata")
    if isinstance(metadata, dict):
        draft.custom.update(metadata)
    _plain_values(draft, changes)
    _people(draft, changes)
    _status(draft, changes)
    before = list(draft.get("tags"))
    if "tags" in changes and changes["tags"] is not None:
        draft.set("tags", clean_tags(changes["tags"]))
    _custom_fields(draft, changes)
    _tags_and_choices_agree(draft, before)
    if changes.get("comment") is not None:
        draft.comment = read_comment(draft, changes["comment"], who)
    _check_solved(draft)


def _plain_values(draft: Draft, changes: Mapping[str, Any]) -> None:
    for name, allowed in (("priority", PRIORITIES), ("type", TYPES)):
        if name in changes:
            value = changes[name] or None
            if value is not None and value not in allowed:
                raise invalid(**{name: f"{name.capitalize()}: {value!r} is not allowed"})
            draft.set(name, value)
    if changes.get("subject"):
        draft.set("subject", str(changes["subject"]))
    if "external_id" in changes:
        value = changes["external_id"]
        draft.set("external_id", None if value is None else str(value))
    if "problem_id" in changes:
        draft.set("problem_id", as_id("problem_id", changes["problem_id"]))
    if "due_at" in changes:
        try:
            due = parse_iso(str(changes["due_at"])) if changes["due_at"] else None
        except ValueError:
            raise invalid(due_at=f"Due at: {changes['due_at']!r} is not a date") from None
        draft.set("due_at", due)
    for name in ("collaborator_ids", "follower_ids", "email_cc_ids"):
        if isinstance(changes.get(name), list):
            ids = [as_id(name, value) for value in changes[name]]
            draft.set(name, [value for value in ids if value in draft.store.users])


def _people(draft: Draft, changes: Mapping[str, Any]) -> None:
    store = draft.store
    if changes.get("requester_id") is not None:
        requester = store.users.get(as_id("requester_id", changes["requester_id"]) or 0)
        if requester is None:
            raise invalid(requester="Requester: does not exist")
        draft.set("requester_id", requester.id)
        draft.set("organization_id", requester.organization_id)
    if "organization_id" in changes:
        organization_id = as_id("organization_id", changes["organization_id"])
        if organization_id is not None and organization_id not in store.organizations:
            raise invalid(organization="Organization: does not exist")
        draft.set("organization_id", organization_id)
    if "group_id" in changes:
        group_id = as_id("group_id", changes["group_id"])
        if group_id is not None and group_id not in store.groups:
            raise invalid(group="Group: does not exist")
        draft.set("group_id", group_id)
        holder = store.users.get(draft.get("assignee_id") or 0)
        leaves = holder is not None and group_id is not None and group_id not in holder.group_ids
        if leaves and "assignee_id" not in changes:
            draft.set("assignee_id", None)
    if changes.get("assignee_email"):
        found = store.user_by_email(str(changes["assignee_email"]))
        changes = {**changes, "assignee_id": found.id if found else -2}
    if "assignee_id" in changes:
        _assign(draft, as_id("assignee_id", changes["assignee_id"]), group_given="group_id" in changes)


def _assign(draft: Draft, assignee_id: int | None, *, group_given: bool) -> None:
    if assignee_id is None:
        draft.set("assignee_id", None)
        return
    assignee = draft.store.users.get(assignee_id)
    if assignee is None or not assignee.is_agent or assignee.suspended or not assignee.active:
        raise invalid(assignee_id="Assignee: is not an agent who can take tickets")
    if draft.get("group_id") not in assignee.group_ids and assignee.default_group_id is not None:
        if group_given:
            raise invalid(assignee_id="Assignee: is not a member of the group")
        draft.set("group_id", assignee.default_group_id)
    draft.set("assignee_id", assignee.id)


def _status(draft: Draft, changes: Mapping[str, Any]) -> None:
    store = draft.store
    if changes.get("custom_status_id") is not None:
        status_id = as_id("custom_status_id", changes["custom_status_id"])
        status = store.custom_statuses.get(status_id or 0)
        if status is None or not status.active:
            raise invalid(custom_status_id="Custom status: is not valid")
        draft.set_status(status)
    elif changes.get("status") is not None:
        wanted = str(changes["status"]).lower()
        if wanted not in STATUSES:
            raise invalid(status=f"Status: {wanted!r} is not included in the list")
        if wanted == "closed":
            draft.set("status", "closed")
        else:
            # The category alone means its default, also when the ticket has another one of the same category.
            draft.set_status(store.default_status(wanted))
    if draft.get("status") == "new" and draft.get("assignee_id") is not None:
        draft.set_status(store.default_status("open"))


def _custom_fields(draft: Draft, changes: Mapping[str, Any]) -> None:
    given = changes.get("custom_fields", changes.get("fields"))
    if given is None:
        return
    if isinstance(given, dict):
        given = [{"id": key, "value": value} for key, value in given.items()]
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise bad_attribute("You passed an invalid value for the custom_fields attribute.")
    for item in given:
        record = draft.store.ticket_fields.get(as_id("custom_fields", item.get("id")) or 0)
        if record is not None and record.active:
            draft.set_field(record.id, field_value(record, item.get("value")))


def field_value(record: TicketField, value: Any) -> Any:
    """A custom field's value as Zendesk stores it; 422 when it does not fit the field's type."""
    if value is None or value in ("", []):
        return None
    wrong = invalid(base=f"{record.title}: {value!r} is invalid")
    if record.type == "checkbox":
        return value if isinstance(value, bool) else str(value).lower() in {"true", "1"}
    if record.type == "multiselect":
        chosen = [str(item) for item in (value if isinstance(value, list) else [value])]
        if not set(chosen) <= {option for _, option in record.options}:
            raise wrong
        return chosen
    if isinstance(value, (list, dict)):
        raise wrong
    if record.type == "integer":
        if not re.fullmatch(r"-?\d+", str(value)):
            raise wrong
        return int(value)
    if record.type == "date":
        if not _DATE.fullmatch(str(value)):
            raise wrong
        return str(value)
    if record.type == "tagger" and str(value) not in {option for _, option in record.options}:
        raise wrong
    if record.regexp is not None and re.search(record.regexp, str(value)) is None:
        raise wrong
    return str(value)


def _tags_and_choices_agree(draft: Draft, before: list[str]) -> None:
    """A choice of a drop-down is also a tag: taking the tag away clears the choice and the other way round."""
    for record in draft.store.ticket_fields.values():
        if record.type not in ("tagger", "multiselect") or not record.active:
            continue
        tags = set(draft.get("tags"))
        value = draft.field(record.id)
        if record.type == "multiselect":
            _choices_agree(draft, record, tags, value or [])
            continue
        if record.id in draft.fields:
            others = {option for _, option in record.options} - {value}
            wanted = (tags - others) | ({value} if value is not None else set())
            draft.set("tags", sorted(wanted))
        elif value is not None and value in before and value not in tags:
            draft.set_field(record.id, None)
        elif value is None:
            added = [option for _, option in record.options if option in tags and option not in before]
            if added:
                draft.set_field(record.id, added[0])


def _choices_agree(draft: Draft, record: TicketField, tags: set[str], chosen: list[str]) -> None:
    options = {option for _, option in record.options}
    if record.id in draft.fields:
        draft.set("tags", sorted((tags - options) | set(chosen)))
        return
    wanted = [option for _, option in record.options if option in tags]
    if set(wanted) != set(chosen):
        draft.set_field(record.id, wanted or None)


def read_comment(draft: Draft, given: Any, who: Who) -> NewComment | None:
    """The comment of a request; None when it is empty."""
    if isinstance(given, str):
        given = {"body": given}
    if not isinstance(given, dict):
        raise bad_attribute("You passed an invalid value for the comment attribute.")
    html = given.get("html_body")
    body = strip_html(str(html or given.get("body") or ""))
    uploads = _uploaded(draft.store, given.get("uploads"))
    if not body.strip() and not uploads:
        return None
    if len(body.encode()) > _MAX_BODY:
        raise invalid(comment=f"Comment: is too long (maximum is {_MAX_BODY} bytes)")
    if len(draft.ticket.comments) >= _MAX_COMMENTS:
        raise invalid(base="The ticket has too many comments")
    public = given.get("public")
    if public is None:
        public = draft.ticket.first_public
    public = str(public).lower() not in {"false", "0"}
    public = _may_be_public(draft.store, who.user, wanted=public)
    author_id = as_id("author_id", given.get("author_id")) or who.user_id
    if author_id != who.user_id and author_id not in draft.store.users:
        raise invalid(author="Author: does not exist")
    return NewComment(body, str(html) if html else to_html(body), public, author_id, uploads)


def _may_be_public(store: ZendeskStore, user: User | None, *, wanted: bool) -> bool:
    if user is None or not wanted or not user.only_private_comments:
        return wanted
    policy = store.text("public_comment_refused")
    if policy == "coerce":
        return False
    if policy == "422":
        raise invalid(comment="Comment: you may only add private comments")
    raise forbidden("You may only add private comments.")


def _uploaded(store: ZendeskStore, tokens: Any) -> list[Upload]:
    if not tokens:
        return []
    found = []
    for token in tokens if isinstance(tokens, list) else [tokens]:
        upload = store.uploads.get(str(token))
        if upload is None or upload.used or upload.expires <= store.ctx.clock.now():
            raise invalid(base="Upload token: is invalid or has expired")
        found.append(upload)
    return found


def _check_solved(draft: Draft) -> None:
    if draft.get("status") not in {"solved", "closed"} or "status" not in draft.values:
        return
    if draft.get("assignee_id") is None and draft.store.is_on("solve_needs_assignee"):
        raise invalid(base="Assignee: is required when solving a ticket")
    for record in draft.store.ticket_fields.values():
        if record.required and record.active and draft.field(record.id) is None:
            raise invalid(base=f"{record.title}: is required when solving a ticket")
