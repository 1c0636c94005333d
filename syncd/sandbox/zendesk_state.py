"""The whole pretend Zendesk as data, for tests that judge the outcome and for the control API."""

from __future__ import annotations

from typing import Any

from syncd.sandbox.zendesk_records import Ticket, iso
from syncd.sandbox.zendesk_store import ZendeskStore


def state_of(store: ZendeskStore) -> dict[str, Any]:
    """Tickets by id (as text) with comments and audits, and what they refer to. No secrets."""
    return {
        "tickets": {str(key): ticket_state(store, ticket) for key, ticket in sorted(store.tickets.items())},
        "users": {
            str(user.id): {
                "name": user.name,
                "email": user.email,
                "role": user.role,
                "suspended": user.suspended,
                "organization_id": user.organization_id,
                "only_private_comments": user.only_private_comments,
            }
            for user in store.users.values()
        },
        "organizations": {
            str(org.id): {"name": org.name, "fields": dict(org.fields), "tags": list(org.tags)}
            for org in store.organizations.values()
        },
        "groups": {str(group.id): group.name for group in store.groups.values()},
        "ticket_fields": {str(record.id): record.title for record in store.ticket_fields.values()},
        "custom_statuses": {
            str(status.id): {
                "label": status.agent_label,
                "category": status.category,
                "default": status.default,
            }
            for status in store.custom_statuses.values()
        },
        "jira_links": [
            {
                "id": link.id,
                "ticket_id": link.ticket_id,
                "issue_id": link.issue_id,
                "issue_key": link.issue_key,
            }
            for link in store.jira_links.values()
        ],
        "jobs": {job.id: job.status for job in store.jobs.values()},
        "ratings": list(store.ratings),
    }


def ticket_state(store: ZendeskStore, ticket: Ticket) -> dict[str, Any]:
    """One ticket: `fields` by title, `status_label`, comments with `public` and file names, audits with marks."""
    titles = {record.id: record.title for record in store.ticket_fields.values()}
    return {
        "id": ticket.id,
        "subject": ticket.subject,
        "status": "deleted" if ticket.deleted else ticket.status,
        "custom_status_id": ticket.custom_status_id,
        "status_label": store.custom_statuses[ticket.custom_status_id].agent_label,
        "priority": ticket.priority,
        "type": ticket.type,
        "requester_id": ticket.requester_id,
        "assignee_id": ticket.assignee_id,
        "group_id": ticket.group_id,
        "organization_id": ticket.organization_id,
        "external_id": ticket.external_id,
        "tags": list(ticket.tags),
        "fields": {titles[key]: value for key, value in ticket.fields.items() if key in titles},
        "is_public": ticket.is_public,
        "created_at": iso(ticket.created),
        "updated_at": iso(ticket.updated),
        "generated_timestamp": ticket.generated,
        "due_at": iso(ticket.due_at),
        "followup_ids": list(ticket.followup_ids),
        "followup_source_id": ticket.followup_source_id,
        "satisfaction": ticket.satisfaction,
        "via": ticket.via,
        "comments": [
            {
                "id": comment.id,
                "author_id": comment.author_id,
                "body": comment.body,
                "html_body": comment.html_body,
                "public": comment.public,
                "created_at": iso(comment.created),
                "attachments": [
                    {"file_name": item.file_name, "size": len(item.content), "content_type": item.content_type}
                    for item in comment.attachments
                ],
            }
            for comment in ticket.comments
        ],
        "audits": [
            {
                "id": audit.id,
                "author_id": audit.author_id,
                "created_at": iso(audit.created),
                "via": audit.via,
                "custom": dict(audit.custom),
                "events": [dict(event) for event in audit.events],
            }
            for audit in ticket.audits
        ],
    }
