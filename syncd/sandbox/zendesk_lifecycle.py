"""What can happen to a ticket from its first to its last day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncd.sandbox.zendesk_changes import apply_changes, as_id, check_stamp, clean_tags, stale
from syncd.sandbox.zendesk_draft import Draft, NewComment, Who, strip_html, to_html
from syncd.sandbox.zendesk_records import (
    Attachment,
    Audit,
    Comment,
    Job,
    Ticket,
    User,
    ZendeskRefusal,
    closed_refusal,
    invalid,
    iso,
    not_found,
)
from syncd.sandbox.zendesk_rules import fire_triggers, reopen_for_customer
from syncd.sandbox.zendesk_store import ZendeskStore


def create_ticket(store: ZendeskStore, changes: Mapping[str, Any], who: Who) -> tuple[Ticket, Audit]:
    """A new ticket with its first comment; a follow-up when `via_followup_source_id` names a closed one."""
    source = _followup_source(store, changes.get("via_followup_source_id"))
    requester = _requester(store, changes, who)
    if changes.get("comment") is None and changes.get("description"):
        changes = {**changes, "comment": {"body": changes["description"]}}
    now = store.now()
    via = who.via
    tags: list[str] = []
    fields: dict[int, Any] = {}
    if source is not None:
        origin = {"ticket_id": source.id, "subject": source.subject, "channel": source.via.get("channel")}
        via = {"channel": via["channel"], "source": {"from": origin, "to": {}, "rel": "follow_up"}}
        tags = [tag for tag in source.tags if tag != "closed_by_merge"]
        fields = dict(source.fields)
    first = store.default_status("new")
    ticket = Ticket(
        id=0,
        subject="",
        description="",
        status="new",
        custom_status_id=first.id,
        requester_id=requester.id,
        submitter_id=who.user_id,
        created=now,
        updated=now,
        generated=now,
        via=via,
        first_public=True,
        organization_id=requester.organization_id,
        tags=tags,
        fields=fields,
        followup_source_id=source.id if source else None,
    )
    draft = Draft(store, ticket, creating=True)
    apply_changes(draft, {key: value for key, value in changes.items() if key != "requester_id"}, who)
    if draft.comment is None:
        raise invalid(description="Description: cannot be blank")
    ticket.first_public = draft.comment.public
    ticket.description = draft.comment.body
    if not draft.get("subject"):
        draft.set("subject", ticket.description.splitlines()[0][:80])
    ticket.id = store.next_ticket_id()
    draft.end_creation()
    fire_triggers(draft, who)
    audit = draft.commit(Who(who.user_id, via, who.client, who.user))
    if source is not None:
        source.followup_ids.append(ticket.id)
        store.stamp(source, updated=False)
    return ticket, audit


def _followup_source(store: ZendeskStore, given: Any) -> Ticket | None:
    source_id = as_id("via_followup_source_id", given)
    if source_id is None:
        return None
    source = store.tickets.get(source_id)
    if source is None or source.deleted or source.status != "closed":
        raise invalid(base="A follow-up needs a closed ticket")
    return source


def _requester(store: ZendeskStore, changes: Mapping[str, Any], who: Who) -> User:
    given = changes.get("requester")
    if isinstance(given, dict) and given.get("email"):
        found = store.user_by_email(str(given["email"]))
        if found is not None:
            return found
        now = store.now()
        email = str(given["email"])
        user = User(store.new_id(), str(given.get("name") or email), email, "end-user", now, now)
        store.users[user.id] = user
        store.users_by_email[email.lower()] = user.id
        return user
    requester_id = as_id("requester_id", changes.get("requester_id")) or who.user_id
    requester = store.users.get(requester_id)
    if requester is None:
        raise invalid(requester="Requester: does not exist")
    return requester


def update_ticket(store: ZendeskStore, ticket: Ticket, changes: Mapping[str, Any], who: Who) -> Audit:
    """A PUT: 404 for a deleted ticket, 422 for a closed one, 409 for a stale stamp."""
    ensure_open(ticket)
    check_stamp(ticket, changes)
    draft = Draft(store, ticket)
    apply_changes(draft, changes, who)
    reopen_for_customer(draft, who)
    fire_triggers(draft, who)
    return draft.commit(who)


def update_in_job(
    store: ZendeskStore, ticket: Ticket, changes: Mapping[str, Any], who: Who, queued_stamp: int
) -> Audit:
    """One ticket of `update_many`: always safe, against the given stamp or the one when it was queued."""
    ensure_open(ticket)
    if "updated_stamp" in changes:
        check_stamp(ticket, {**changes, "safe_update": True})
    elif ticket.updated != queued_stamp:
        raise stale()
    elif "safe_update" in changes:
        raise invalid(base="updated_stamp: is required with safe_update")
    plain = {key: value for key, value in changes.items() if key not in {"safe_update", "updated_stamp"}}
    if "additional_tags" in plain or "remove_tags" in plain:
        tags = set(clean_tags(plain.get("tags", ticket.tags)))
        tags |= set(clean_tags(plain.pop("additional_tags", [])))
        tags -= set(clean_tags(plain.pop("remove_tags", [])))
        plain["tags"] = sorted(tags)
    return update_ticket(store, ticket, plain, who)


def ensure_open(ticket: Ticket) -> None:
    """Raises what Zendesk answers to a change of a deleted or closed ticket."""
    if ticket.deleted:
        raise not_found()
    if ticket.status == "closed":
        raise closed_refusal()


def customer_reply(store: ZendeskStore, ticket: Ticket, body: str, who: Who) -> tuple[Ticket, Audit]:
    """An e-mail of a customer on a ticket; on a closed one it makes a follow-up, which is returned."""
    if ticket.deleted:
        raise not_found()
    comment = {"body": body, "public": True}
    if ticket.status != "closed":
        return ticket, update_ticket(store, ticket, {"comment": comment}, who)
    intro = f'This is a follow-up to your previous request #{ticket.id} "{ticket.subject}"\n\n'
    changes = {
        "subject": f"Re: {ticket.subject}",
        "comment": {"body": intro + body, "public": True},
        "requester_id": who.user_id,
        "via_followup_source_id": ticket.id,
    }
    return create_ticket(store, changes, who)


def delete_ticket(store: ZendeskStore, ticket: Ticket, who: Who) -> None:
    """Into the bin: gone from everything but the export and the list of deleted tickets."""
    if ticket.deleted:
        raise not_found()
    draft = Draft(store, ticket)
    draft.events.append({"type": "Change", "field_name": "status", "value": "deleted", "previous_value": ticket.status})
    store.hide(ticket)
    ticket.deleted_at = store.now()
    ticket.deleted_by = who.user_id
    draft.commit(who)


def restore_ticket(store: ZendeskStore, ticket: Ticket, who: Who) -> None:
    """Out of the bin again."""
    if not ticket.deleted:
        raise not_found()
    draft = Draft(store, ticket)
    draft.events.append({"type": "Change", "field_name": "status", "value": ticket.status, "previous_value": "deleted"})
    ticket.deleted_at = ticket.deleted_by = None
    store.unhide(ticket)
    draft.commit(who)


def mark_as_spam(store: ZendeskStore, ticket: Ticket, who: Who) -> None:
    """Deletes the ticket and suspends its requester."""
    delete_ticket(store, ticket, who)
    requester = store.users.get(ticket.requester_id)
    if requester is not None and not requester.is_agent:
        requester.suspended = True
        requester.updated = store.now()


def merge_tickets(
    store: ZendeskStore, sources: list[Ticket], target: Ticket, who: Who, comments: Mapping[str, Any]
) -> None:
    """Closes the sources with the tag `closed_by_merge` and tells of it where `comments` has a text, privately
    unless asked otherwise. The target's audit lists the sources in `via.source.from.ticket_ids`; requesters of
    the sources become CCs of the target."""
    if target in sources:
        raise invalid(base="A ticket cannot be merged into itself")
    for ticket in (*sources, target):
        ensure_open(ticket)
    for source in sources:
        draft = Draft(store, source)
        draft.comment = _merge_comment(comments, "source_comment", who)
        draft.set("status", "closed")
        draft.set("tags", clean_tags([*source.tags, "closed_by_merge"]))
        named = {"ticket_id": target.id, "subject": target.subject}
        draft.commit(_merging(who, {}, named if store.is_on("merge_source_names_target") else {}))
    draft = Draft(store, target)
    draft.comment = _merge_comment(comments, "target_comment", who)
    joined = [s.requester_id for s in sources if s.requester_id not in {target.requester_id, *target.email_cc_ids}]
    if joined:
        draft.set("email_cc_ids", [*target.email_cc_ids, *dict.fromkeys(joined)])
    draft.keep_audit = True
    draft.commit(_merging(who, {"ticket_ids": [source.id for source in sources]}, {}))


def merge_texts(sources: list[Ticket], target: Ticket) -> dict[str, str]:
    """The comments that the agent workspace proposes for a merge."""
    if len(sources) == 1:
        into = f'Request #{sources[0].id} "{sources[0].subject}" was closed and merged into this request.'
    else:
        listed = ", ".join(f"#{source.id}" for source in sources)
        into = f"Requests {listed} were closed and merged into this request."
    return {
        "source_comment": f'This request was closed and merged into request #{target.id} "{target.subject}".',
        "target_comment": into,
    }


def _merge_comment(comments: Mapping[str, Any], name: str, who: Who) -> NewComment | None:
    text = str(comments.get(name) or "")
    if not text:
        return None
    return NewComment(strip_html(text), to_html(text), bool(comments.get(f"{name}_is_public")), who.user_id)


def _merging(who: Who, origin: dict[str, Any], to: dict[str, Any]) -> Who:
    via = {"channel": "web", "source": {"from": origin, "to": to, "rel": "merge"}}
    return Who(who.user_id, via, who.client, who.user)


def change_tags(
    store: ZendeskStore,
    ticket: Ticket,
    body: Mapping[str, Any],
    who: Who,
    how: Callable[[set[str], set[str]], set[str]],
) -> list[str]:
    """The tags endpoints: `how` joins the present tags with the given ones."""
    ensure_open(ticket)
    check_stamp(ticket, body)
    tags = sorted(how(set(ticket.tags), set(clean_tags(body.get("tags") or []))))
    update_ticket(store, ticket, {"tags": tags}, who)
    return list(ticket.tags)


def make_private(store: ZendeskStore, ticket: Ticket, comment: Comment, who: Who) -> None:
    """Lowers a comment's visibility; it cannot be raised again."""
    if ticket.deleted:
        raise not_found()
    if not comment.public:
        return
    draft = Draft(store, ticket)
    comment.public = False
    draft.events.append({"type": "CommentPrivacyChange", "comment_id": comment.id, "public": False})
    draft.commit(who)


def redact(
    store: ZendeskStore, ticket: Ticket, comment: Comment, text: str, who: Who, *, also_closed: bool = False
) -> None:
    """Replaces `text` in a comment by blocks, for ever."""
    if not also_closed:
        ensure_open(ticket)
    if not text:
        raise invalid(text="Text: cannot be blank")
    blocks = "▇" * len(text)
    draft = Draft(store, ticket)
    comment.body = comment.body.replace(text, blocks)
    comment.html_body = comment.html_body.replace(text, blocks)
    draft.events.append({"type": "CommentRedactionEvent", "comment_id": comment.id})
    draft.commit(who)


def redact_file(store: ZendeskStore, ticket: Ticket, comment: Comment, file_id: int, who: Who) -> Attachment:
    """Puts an empty file in the place of one, for ever; answers what is there now."""
    ensure_open(ticket)
    place = next((n for n, file in enumerate(comment.attachments) if file.id == file_id), None)
    if place is None:
        raise not_found()
    draft = Draft(store, ticket)
    gone = comment.attachments[place]
    left = Attachment(store.new_id(), store.new_token(25), "redacted.txt", "text/plain", b"")
    gone.deleted = True
    store.attachments[left.token] = comment.attachments[place] = left
    draft.events.append({"type": "AttachmentRedactionEvent", "comment_id": comment.id, "attachment_id": gone.id})
    draft.commit(who)
    return left


def rate_ticket(store: ZendeskStore, ticket: Ticket, score: str, comment: Any, who: Who) -> dict[str, Any]:
    """The requester's judgement, good or bad, of a ticket that was solved at least once."""
    if score not in {"good", "bad"}:
        raise invalid(score="Score: is not included in the list")
    if ticket.deleted or (ticket.solved_at is None and not ticket.reopens):
        raise invalid(base="The ticket has not been solved yet")
    now = iso(store.now())
    text = None if comment is None else str(comment)
    rating = {
        "id": store.new_id(),
        "ticket_id": ticket.id,
        "score": score,
        "comment": text,
        "requester_id": ticket.requester_id,
        "assignee_id": ticket.assignee_id,
        "group_id": ticket.group_id,
        "created_at": now,
        "updated_at": now,
    }
    store.ratings.append(rating)
    draft = Draft(store, ticket)
    draft.set("satisfaction", {"id": rating["id"], "score": score, "comment": text})
    draft.events = [{"type": "SatisfactionRating", "score": score, "assignee_id": ticket.assignee_id, "body": text}]
    draft.commit(who)
    return rating


def find_comment(ticket: Ticket, comment_id: int) -> Comment:
    """The comment; 404 when the ticket has no such one."""
    for comment in ticket.comments:
        if comment.id == comment_id:
            return comment
    raise not_found()


def start_job(store: ZendeskStore, kind: str, total: int, work: Callable[[Job], None]) -> Job:
    """Queues a background job; 429 when too many wait. It runs when the switch `job_seconds` have passed."""
    waiting = [job.id for job in store.jobs.values() if job.status in {"queued", "working"}]
    if len(waiting) >= store.number("jobs_limit"):
        description = f"Too many {kind} jobs are currently queued or running. Try again later."
        body = {"error": "TooManyJobs", "description": description, "current_job_ids": waiting}
        raise ZendeskRefusal(429, body, {"Retry-After": "60"})
    seconds = store.number("job_seconds")
    now = store.now()
    job = Job(f"V3-{store.new_token()}", kind, total, now, store.ctx.clock.now() + seconds)
    store.jobs[job.id] = job

    def run() -> None:
        try:
            work(job)
        except ZendeskRefusal as refusal:
            job.status = "failed"
            job.message = str(refusal.body)
            job.results = []
            return
        job.status = "completed"
        job.progress = total

    store.later(seconds, run)
    return job
