"""Records in the shape of the API. `host` is the address the caller used, with a slash at its end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, Final

from syncd.sandbox.zendesk_records import (
    Attachment,
    Audit,
    Comment,
    CustomStatus,
    Group,
    JiraLink,
    Job,
    Organization,
    Ticket,
    TicketField,
    User,
    iso,
)
from syncd.sandbox.zendesk_store import ZendeskStore

ANONYMOUS: Final[dict[str, Any]] = {
    "id": None,
    "url": None,
    "name": "Anonymous user",
    "email": "invalid@example.com",
    "role": "end-user",
    "active": True,
    "verified": False,
    "suspended": False,
    "organization_id": None,
    "time_zone": "UTC",
    "locale": "en-US",
    "tags": [],
    "user_fields": {},
}


def ticket_view(store: ZendeskStore, ticket: Ticket, host: str) -> dict[str, Any]:
    """The ticket as show, list and export give it (the export adds `generated_timestamp`)."""
    key = (host, store.shape)
    if ticket.view is not None and ticket.view[0] == key:
        return ticket.view[1]
    custom = [
        {"id": record.id, "value": _field(record, ticket.fields.get(record.id))}
        for record in store.ticket_fields.values()
        if record.active
    ]
    view = {
        "url": f"{host}api/v2/tickets/{ticket.id}.json",
        "id": ticket.id,
        "external_id": ticket.external_id,
        "via": ticket.via,
        "created_at": iso(ticket.created),
        "updated_at": iso(ticket.updated),
        "type": ticket.type,
        "subject": ticket.subject,
        "raw_subject": ticket.subject,
        "description": ticket.description,
        "priority": ticket.priority,
        "status": "deleted" if ticket.deleted else ticket.status,
        "recipient": None,
        "requester_id": ticket.requester_id,
        "submitter_id": ticket.submitter_id,
        "assignee_id": ticket.assignee_id,
        "organization_id": ticket.organization_id,
        "group_id": ticket.group_id,
        "collaborator_ids": ticket.collaborator_ids,
        "follower_ids": ticket.follower_ids,
        "email_cc_ids": ticket.email_cc_ids,
        "forum_topic_id": None,
        "problem_id": ticket.problem_id,
        "has_incidents": False,
        "is_public": ticket.is_public,
        "due_at": iso(ticket.due_at),
        "tags": list(ticket.tags),
        "custom_fields": custom,
        "satisfaction_rating": ticket.satisfaction,
        "sharing_agreement_ids": [],
        "custom_status_id": ticket.custom_status_id,
        "fields": custom,
        "followup_ids": list(ticket.followup_ids),
        "ticket_form_id": store.form_id,
        "brand_id": store.brand_id,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
    }
    ticket.view = (key, view)
    return view


def _field(record: TicketField, value: Any) -> Any:
    if value is None and record.type == "checkbox":
        return False
    return list(value) if isinstance(value, list) else value


def attachment_view(attachment: Attachment, host: str) -> dict[str, Any]:
    """A file of a comment or an upload."""
    content_url = f"{host}attachments/token/{attachment.token}/?name={attachment.file_name}"
    return {
        "url": f"{host}api/v2/attachments/{attachment.id}.json",
        "id": attachment.id,
        "file_name": attachment.file_name,
        "content_url": content_url,
        "mapped_content_url": content_url,
        "content_type": attachment.content_type,
        "size": len(attachment.content),
        "width": None,
        "height": None,
        "inline": False,
        "deleted": attachment.deleted,
        "malware_access_override": False,
        "malware_scan_result": "not_scanned",
        "thumbnails": [],
    }


def comment_event(comment: Comment, host: str) -> dict[str, Any]:
    """A comment as an event of its audit."""
    return {
        "id": comment.id,
        "type": "Comment",
        "author_id": comment.author_id,
        "body": comment.body,
        "html_body": comment.html_body,
        "plain_body": comment.body,
        "public": comment.public,
        "attachments": [attachment_view(item, host) for item in comment.attachments],
        "audit_id": comment.audit_id,
    }


def comment_view(ticket: Ticket, comment: Comment, host: str) -> dict[str, Any]:
    """A comment in the list of comments."""
    # A comment's audit is written with it, so ids find it without a walk through all audits.
    position = bisect_left(ticket.audits, comment.audit_id, key=lambda audit: audit.id)
    audit = ticket.audits[position] if position < len(ticket.audits) else None
    return {
        **comment_event(comment, host),
        "via": comment.via,
        "created_at": iso(comment.created),
        "metadata": metadata_view(audit) if audit else {"system": {}, "custom": {}},
    }


def metadata_view(audit: Audit) -> dict[str, Any]:
    """`system` (of a made-up machine) and the caller's own marks."""
    return {"system": system_view(audit), "custom": dict(audit.custom)}


def system_view(audit: Audit) -> dict[str, Any]:
    """Where a program or a person came from; empty for what the help desk did itself."""
    if audit.via["channel"] == "rule":
        return {}
    return {
        "client": audit.client,
        "ip_address": "192.0.2.17",
        "location": "Springfield, Somewhere",
        "latitude": 0.0,
        "longitude": 0.0,
    }


def audit_view(ticket: Ticket, audit: Audit, host: str) -> dict[str, Any]:
    """An audit with its events."""
    comments = {comment.id: comment for comment in ticket.comments}
    return {
        "id": audit.id,
        "ticket_id": audit.ticket_id,
        "created_at": iso(audit.created),
        "author_id": audit.author_id,
        "metadata": metadata_view(audit),
        "events": [
            comment_event(comments[event["id"]], host) if event["type"] == "Comment" else dict(event)
            for event in audit.events
        ],
        "via": audit.via,
    }


def user_view(user: User, host: str) -> dict[str, Any]:
    """A user."""
    return {
        "id": user.id,
        "url": f"{host}api/v2/users/{user.id}.json",
        "name": user.name,
        "email": user.email,
        "created_at": iso(user.created),
        "updated_at": iso(user.updated),
        "time_zone": user.time_zone,
        "iana_time_zone": user.time_zone,
        "phone": None,
        "photo": None,
        "locale_id": 1,
        "locale": user.locale,
        "organization_id": user.organization_id,
        "role": user.role,
        "verified": True,
        "external_id": user.external_id,
        "tags": list(user.tags),
        "alias": None,
        "active": user.active,
        "shared": False,
        "shared_agent": False,
        "last_login_at": None,
        "signature": None,
        "details": None,
        "notes": None,
        "role_type": {"end-user": None, "agent": 0, "admin": 4}[user.role],
        "custom_role_id": user.custom_role_id,
        "moderator": user.role == "admin",
        "ticket_restriction": None if user.is_agent else "requested",
        "only_private_comments": user.only_private_comments,
        "restricted_agent": user.role == "agent",
        "suspended": user.suspended,
        "default_group_id": user.default_group_id,
        "report_csv": user.role == "admin",
        "user_fields": dict(user.user_fields),
    }


def organization_view(organization: Organization, host: str) -> dict[str, Any]:
    """An organization."""
    return {
        "url": f"{host}api/v2/organizations/{organization.id}.json",
        "id": organization.id,
        "name": organization.name,
        "shared_tickets": False,
        "shared_comments": False,
        "external_id": organization.external_id,
        "created_at": iso(organization.created),
        "updated_at": iso(organization.updated),
        "domain_names": list(organization.domain_names),
        "details": None,
        "notes": None,
        "group_id": None,
        "tags": list(organization.tags),
        "organization_fields": dict(organization.fields),
    }


def group_view(group: Group, host: str) -> dict[str, Any]:
    """A group."""
    return {
        "url": f"{host}api/v2/groups/{group.id}.json",
        "id": group.id,
        "is_public": True,
        "name": group.name,
        "description": "",
        "default": False,
        "deleted": False,
        "created_at": iso(group.created),
        "updated_at": iso(group.updated),
    }


def field_view(record: TicketField, position: int, host: str) -> dict[str, Any]:
    """A custom ticket field."""
    view: dict[str, Any] = {
        "url": f"{host}api/v2/ticket_fields/{record.id}.json",
        "id": record.id,
        "type": record.type,
        "title": record.title,
        "raw_title": record.title,
        "description": "",
        "raw_description": "",
        "position": position,
        "active": record.active,
        "required": record.required,
        "collapsed_for_agents": False,
        "regexp_for_validation": record.regexp,
        "title_in_portal": record.title,
        "raw_title_in_portal": record.title,
        "visible_in_portal": record.visible_in_portal,
        "editable_in_portal": record.editable_in_portal,
        "required_in_portal": False,
        "agent_can_edit": True,
        "tag": record.tag,
        "created_at": iso(record.created),
        "updated_at": iso(record.updated),
        "removable": True,
        "key": None,
        "agent_description": None,
    }
    if record.type in {"tagger", "multiselect"}:
        view["custom_field_options"] = [
            {"id": record.id + number, "name": name, "raw_name": name, "value": value, "default": False}
            for number, (name, value) in enumerate(record.options, 1)
        ]
    return view


def status_view(status: CustomStatus, host: str) -> dict[str, Any]:
    """A custom status."""
    return {
        "url": f"{host}api/v2/custom_statuses/{status.id}.json",
        "id": status.id,
        "status_category": status.category,
        "agent_label": status.agent_label,
        "raw_agent_label": status.agent_label,
        "end_user_label": status.end_user_label,
        "raw_end_user_label": status.end_user_label,
        "description": None,
        "raw_description": None,
        "end_user_description": None,
        "raw_end_user_description": None,
        "active": status.active,
        "default": status.default,
        "created_at": iso(status.created),
        "updated_at": iso(status.updated),
    }


def job_view(job: Job, host: str) -> dict[str, Any]:
    """A background job."""
    return {
        "id": job.id,
        "job_type": job.kind,
        "url": f"{host}api/v2/job_statuses/{job.id}.json",
        "total": job.total,
        "progress": job.progress,
        "status": job.status,
        "message": job.message,
        "results": job.results,
    }


def link_view(link: JiraLink, host: str, *, with_url: bool) -> dict[str, Any]:
    """A row of the Jira link table: ids are texts, times have milliseconds."""
    view: dict[str, Any] = {
        "id": link.id,
        "ticket_id": link.ticket_id,
        "issue_id": link.issue_id,
        "issue_key": link.issue_key,
        "created_at": _milli(link.created),
        "updated_at": _milli(link.updated),
    }
    if with_url:
        view["url"] = f"{host}api/services/jira/links/{link.id}"
    return view


def _milli(epoch: int) -> str:
    return str(iso(epoch))[:-1] + ".000Z"


def sideloads(store: ZendeskStore, tickets: Iterable[Ticket], include: str, host: str) -> dict[str, Any]:
    """What `include=users,organizations,...` adds beside the tickets. Unknown names add nothing."""
    wanted = {name.strip() for name in include.split(",")}
    tickets = list(tickets)
    beside: dict[str, Any] = {}
    if "users" in wanted:
        ids: dict[int, None] = {}
        for ticket in tickets:
            for user_id in (ticket.requester_id, ticket.submitter_id, ticket.assignee_id, *ticket.email_cc_ids):
                if user_id in store.users:
                    ids[user_id] = None
        beside["users"] = [user_view(store.users[user_id], host) for user_id in ids]
    if "organizations" in wanted:
        found = dict.fromkeys(t.organization_id for t in tickets if t.organization_id is not None)
        beside["organizations"] = [
            organization_view(store.organizations[key], host) for key in found if key in store.organizations
        ]
    if "groups" in wanted:
        groups = dict.fromkeys(t.group_id for t in tickets if t.group_id is not None)
        beside["groups"] = [group_view(store.groups[key], host) for key in groups if key in store.groups]
    if "custom_statuses" in wanted:
        beside["custom_statuses"] = [status_view(status, host) for status in store.custom_statuses.values()]
    if "metric_sets" in wanted:
        beside["metric_sets"] = [metric_set(ticket) for ticket in tickets]
    return beside


def metric_set(ticket: Ticket) -> dict[str, Any]:
    """The few figures of a ticket's metrics that are kept."""
    return {
        "id": 41_000_000_000_000 + ticket.id,
        "ticket_id": ticket.id,
        "created_at": iso(ticket.created),
        "updated_at": iso(ticket.updated),
        "reopens": ticket.reopens,
        "replies": sum(1 for comment in ticket.comments[1:] if comment.public),
        "solved_at": iso(ticket.solved_at),
    }
