"""The pretend Zendesk as a WSGI application: which address leads where."""

from __future__ import annotations

from typing import Final

from werkzeug.routing import Map, Rule

from syncd.sandbox.web import SandboxContext
from syncd.sandbox.zendesk_api_desk import DeskApi
from syncd.sandbox.zendesk_api_jobs import JobApi
from syncd.sandbox.zendesk_api_tickets import TicketApi
from syncd.sandbox.zendesk_exports import ExportApi
from syncd.sandbox.zendesk_world import ZendeskWorld

#: (methods, path below /api/v2, endpoint)
_ROUTES: Final = (
    ("GET", "/tickets", "list_tickets"),
    ("POST", "/tickets", "create"),
    ("GET", "/tickets/count", "count_tickets"),
    ("GET", "/tickets/show_many", "show_many"),
    ("PUT", "/tickets/update_many", "update_many"),
    ("GET", "/tickets/<int:ticket_id>", "show_ticket"),
    ("PUT", "/tickets/<int:ticket_id>", "update_ticket"),
    ("DELETE", "/tickets/<int:ticket_id>", "delete"),
    ("GET", "/tickets/<int:ticket_id>/related", "related"),
    ("GET", "/tickets/<int:ticket_id>/metrics", "ticket_metrics"),
    ("PUT", "/tickets/<int:ticket_id>/mark_as_spam", "spam"),
    ("POST", "/tickets/<int:ticket_id>/merge", "merge"),
    ("GET PUT POST DELETE", "/tickets/<int:ticket_id>/tags", "tags"),
    ("GET", "/tickets/<int:ticket_id>/comments", "list_comments"),
    ("GET", "/tickets/<int:ticket_id>/comments/count", "count_comments"),
    ("PUT", "/tickets/<int:ticket_id>/comments/<int:comment_id>/make_private", "make_comment_private"),
    ("PUT", "/tickets/<int:ticket_id>/comments/<int:comment_id>/redact", "redact_comment"),
    ("GET", "/tickets/<int:ticket_id>/audits", "list_audits"),
    ("GET", "/tickets/<int:ticket_id>/audits/<int:audit_id>", "show_audit"),
    ("POST", "/tickets/<int:ticket_id>/satisfaction_rating", "create_rating"),
    (
        "PUT",
        "/tickets/<int:ticket_id>/comments/<int:comment_id>/attachments/<int:attachment_id>/redact",
        "redact_attachment",
    ),
    ("PUT", "/comment_redactions/<int:comment_id>", "redact_anywhere"),
    ("GET", "/deleted_tickets", "list_deleted"),
    ("PUT", "/deleted_tickets/<int:ticket_id>/restore", "restore"),
    ("GET", "/ticket_audits", "list_all_audits"),
    ("GET", "/satisfaction_ratings", "list_ratings"),
    ("GET", "/job_statuses", "show_jobs"),
    ("GET", "/job_statuses/show_many", "show_jobs"),
    ("GET", "/job_statuses/<job_id>", "show_job"),
    ("GET", "/users/me", "users_me"),
    ("GET", "/users", "list_users"),
    ("GET", "/users/search", "search_users"),
    ("GET", "/users/show_many", "show_many_users"),
    ("GET", "/users/<int:user_id>", "show_user"),
    ("GET", "/organizations", "list_organizations"),
    ("GET", "/organizations/show_many", "show_many_organizations"),
    ("GET", "/organizations/search", "search_organizations"),
    ("GET", "/organizations/autocomplete", "autocomplete_organizations"),
    ("GET", "/organizations/<int:organization_id>", "show_organization"),
    ("GET", "/organization_fields", "organization_fields"),
    ("GET", "/groups", "list_groups"),
    ("GET", "/groups/assignable", "list_groups"),
    ("GET", "/groups/<int:group_id>", "show_group"),
    ("GET", "/group_memberships", "list_memberships"),
    ("GET", "/custom_roles", "list_roles"),
    ("GET", "/brands", "list_brands"),
    ("GET", "/recipient_addresses", "list_recipient_addresses"),
    ("GET", "/ticket_fields", "list_fields"),
    ("GET", "/ticket_fields/<int:field_id>", "show_field"),
    ("GET", "/custom_statuses", "list_statuses"),
    ("GET", "/custom_statuses/<int:status_id>", "show_status"),
    ("GET", "/slas/policies", "list_sla_policies"),
    ("POST", "/uploads", "create_upload"),
    ("DELETE", "/uploads/<token>", "delete_upload"),
    ("GET", "/attachments/<int:attachment_id>", "show_attachment"),
    ("GET", "/search", "search"),
    ("GET", "/search/count", "search_count"),
    ("GET", "/search/export", "search_export"),
    ("GET", "/incremental/tickets/cursor", "export_tickets_cursor"),
    ("GET", "/incremental/tickets", "export_tickets_time"),
    ("GET", "/incremental/users/cursor", "export_users_cursor"),
    ("GET", "/incremental/users", "export_users_time"),
    ("GET", "/incremental/organizations", "export_organizations"),
    ("GET", "/incremental/ticket_events", "export_ticket_events"),
    ("GET", "/incremental/ticket_metric_events", "export_metric_events"),
    ("GET", "/jira/links", "jira_links"),
    ("GET", "/integrations/jira/<integration>/links", "jira_links_v2"),
    ("POST", "/jira/links", "jira_link_create"),
    ("GET DELETE", "/jira/links/<int:link_id>", "jira_link_one"),
)
#: The same with addresses outside of /api/v2.
_OTHER_ROUTES: Final = (
    ("POST", "/oauth/tokens", "oauth_tokens"),
    ("GET", "/api/services/jira/links", "jira_links_old"),
    ("POST", "/api/services/jira/links", "jira_link_create"),
    ("GET DELETE", "/api/services/jira/links/<int:link_id>", "jira_link_one"),
    ("GET", "/attachments/token/<token>/", "attachment_content"),
)


class ZendeskApp(TicketApi, JobApi, ExportApi, DeskApi):
    """All parts together."""

    url_map = Map(
        [
            Rule(path, endpoint=endpoint, methods=methods.split())
            for methods, path, endpoint in (
                *((methods, f"/api/v2{path}", endpoint) for methods, path, endpoint in _ROUTES),
                *_OTHER_ROUTES,
            )
        ],
        strict_slashes=False,
        redirect_defaults=False,
        merge_slashes=False,
    )

    def __init__(self, ctx: SandboxContext, world: ZendeskWorld) -> None:
        super().__init__(ctx, world.store)
        self.world = world
