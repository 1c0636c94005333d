"""People, fields, statuses, files, search and the token endpoint of the pretend Zendesk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from werkzeug.wrappers import Response

from syncd.sandbox.web import ApiRequest
from syncd.sandbox.zendesk_auth import grant
from syncd.sandbox.zendesk_base import ZendeskBase
from syncd.sandbox.zendesk_pages import any_page, cursor_page, wants_cursor
from syncd.sandbox.zendesk_records import (
    Attachment,
    Organization,
    Ticket,
    Upload,
    ZendeskRefusal,
    bad_attribute,
    forbidden,
    iso,
    not_found,
)
from syncd.sandbox.zendesk_search import Query
from syncd.sandbox.zendesk_views import (
    ANONYMOUS,
    attachment_view,
    field_view,
    group_view,
    organization_view,
    status_view,
    ticket_view,
    user_view,
)

_UPLOAD_SECONDS: Final = 3600
_SYSTEM_FIELDS: Final = (
    ("Subject", "subject"),
    ("Description", "description"),
    ("Ticket status", "custom_status"),
    ("Type", "tickettype"),
    ("Priority", "priority"),
    ("Group", "group"),
    ("Assignee", "assignee"),
)


class DeskApi(ZendeskBase):
    """Everything that is not a ticket."""

    def oauth_tokens(self, request: ApiRequest) -> Response:
        """The client-credentials grant."""
        return self.json_response(grant(self.store, request.payload))

    # People

    def users_me(self, request: ApiRequest) -> Response:
        """The caller; an unknown one is "Anonymous user", with 200."""
        if request.actor is None:
            return self.json_response({"user": ANONYMOUS})
        return self.json_response({"user": user_view(request.actor.user, self.host(request))})

    def list_users(self, request: ApiRequest) -> Response:
        """Users, of the roles asked for."""
        roles = set(request.args.getlist("role") + request.args.getlist("role[]"))
        users = {u.id: u for u in self.store.users.values() if not roles or u.role in roles}
        return self._listing(request, "users", users, lambda user: user_view(user, self.host(request)))

    def search_users(self, request: ApiRequest) -> Response:
        """By e-mail address or part of the name."""
        text = request.args.get("query", "").lower().removeprefix("email:").strip('"')
        users = {u.id: u for u in self.store.users.values() if text == u.email.lower() or (text in u.name.lower())}
        return self._listing(request, "users", users, lambda user: user_view(user, self.host(request)))

    def show_user(self, request: ApiRequest, user_id: int) -> Response:
        """One user."""
        return self.json_response({"user": user_view(self.store.user(user_id), self.host(request))})

    def show_many_users(self, request: ApiRequest) -> Response:
        """Up to 100 by id; unknown ones are left out."""
        users = self.store.users
        rows = [user_view(users[key], self.host(request)) for key in self._ids(request) if key in users]
        return self.json_response({"users": rows, "next_page": None, "previous_page": None, "count": len(rows)})

    def list_organizations(self, request: ApiRequest) -> Response:
        """All organizations."""
        found = {org.id: org for org in self.store.organizations.values() if not org.deleted}
        host = self.host(request)
        return self._listing(request, "organizations", found, lambda org: organization_view(org, host))

    def show_organization(self, request: ApiRequest, organization_id: int) -> Response:
        """One organization."""
        organization = self.store.organizations.get(organization_id)
        if organization is None or organization.deleted:
            raise not_found()
        return self.json_response({"organization": organization_view(organization, self.host(request))})

    def show_many_organizations(self, request: ApiRequest) -> Response:
        """Up to 100 by id; unknown ones are left out."""
        found, host = self.store.organizations, self.host(request)
        rows = [organization_view(found[key], host) for key in self._ids(request) if key in found]
        return self.json_response({"organizations": rows, "next_page": None, "previous_page": None, "count": len(rows)})

    def search_organizations(self, request: ApiRequest) -> Response:
        """Those of exactly this name, whatever its case. Not for every agent."""
        if request.actor is None or request.actor.user.role != "admin":
            raise forbidden()
        name = request.args.get("name", "").casefold()
        return self._organizations(request, lambda org: org.name.casefold() == name)

    def autocomplete_organizations(self, request: ApiRequest) -> Response:
        """Those whose name begins so."""
        name = request.args.get("name", "").casefold()
        return self._organizations(request, lambda org: org.name.casefold().startswith(name))

    def _organizations(self, request: ApiRequest, fits: Callable[[Organization], bool]) -> Response:
        found = {org.id: org for org in self.store.organizations.values() if not org.deleted and fits(org)}
        host = self.host(request)
        return self._listing(request, "organizations", found, lambda org: organization_view(org, host))

    def organization_fields(self, _request: ApiRequest) -> Response:
        """The fields that organizations have, seen from the values in use."""
        keys = dict.fromkeys(key for org in self.store.organizations.values() for key in org.fields)
        rows = [
            {"id": 41_000_000_100_000 + number, "key": key, "title": key, "type": "text", "active": True}
            for number, key in enumerate(keys)
        ]
        return self.json_response({"organization_fields": rows, "count": len(rows)})

    def list_groups(self, request: ApiRequest) -> Response:
        """All groups."""
        host = self.host(request)
        return self._listing(request, "groups", self.store.groups, lambda group: group_view(group, host))

    def show_group(self, request: ApiRequest, group_id: int) -> Response:
        """One group."""
        if group_id not in self.store.groups:
            raise not_found()
        return self.json_response({"group": group_view(self.store.groups[group_id], self.host(request))})

    def list_memberships(self, request: ApiRequest) -> Response:
        """Who is in which group."""
        pairs = [(user, key) for user in self.store.users.values() for key in user.group_ids]
        rows = {
            number: {
                "id": 41_000_000_200_000 + number,
                "user_id": user.id,
                "group_id": key,
                "default": key == user.default_group_id,
                "created_at": iso(user.created),
                "updated_at": iso(user.updated),
            }
            for number, (user, key) in enumerate(pairs)
        }
        return self._listing(request, "group_memberships", rows, lambda row: row)

    def list_roles(self, _request: ApiRequest) -> Response:
        """Custom roles: what is known of them is how they may comment."""
        rows = [
            {
                "id": user.custom_role_id,
                "name": "Private comments only" if user.only_private_comments else "Agent",
                "configuration": {
                    "ticket_comment_access": "none" if user.only_private_comments else "public",
                    "ticket_access": "all",
                },
            }
            for user in {u.custom_role_id: u for u in self.store.users.values() if u.custom_role_id}.values()
        ]
        return self.json_response({"custom_roles": rows, "count": len(rows)})

    def list_recipient_addresses(self, request: ApiRequest) -> Response:
        """The one address that customers write to."""
        host = self.host(request)
        row = {
            "id": self.store.brand_id + 1,
            "url": f"{host}api/v2/recipient_addresses/{self.store.brand_id + 1}.json",
            "brand_id": self.store.brand_id,
            "default": True,
            "name": self.store.brand_name,
            "email": "support@helpdesk.example",
            "forwarding_status": "verified",
        }
        return self.json_response({"recipient_addresses": [row], "count": 1, "next_page": None, "previous_page": None})

    def list_brands(self, request: ApiRequest) -> Response:
        """The one brand."""
        host = self.host(request)
        brand = {
            "id": self.store.brand_id,
            "url": f"{host}api/v2/brands/{self.store.brand_id}.json",
            "name": self.store.brand_name,
            "brand_url": host.rstrip("/"),
            "subdomain": "helpdesk",
            "host_mapping": None,
            "active": True,
            "default": True,
        }
        return self.json_response({"brands": [brand], "next_page": None, "previous_page": None, "count": 1})

    # Fields, statuses, policies

    def list_fields(self, request: ApiRequest) -> Response:
        """All ticket fields, Zendesk's own first."""
        host = self.host(request)
        system = [
            {
                "url": f"{host}api/v2/ticket_fields/{41_000_000_300_000 + number}.json",
                "id": 41_000_000_300_000 + number,
                "type": kind,
                "title": title,
                "raw_title": title,
                "active": True,
                "required": False,
                "visible_in_portal": kind in {"subject", "description"},
                "editable_in_portal": kind in {"subject", "description"},
                "removable": False,
                "position": number,
            }
            for number, (title, kind) in enumerate(_SYSTEM_FIELDS)
        ]
        custom = [
            field_view(record, len(system) + number, host)
            for number, record in enumerate(self.store.ticket_fields.values())
        ]
        rows = [*system, *custom]
        return self.json_response({"ticket_fields": rows, "next_page": None, "previous_page": None, "count": len(rows)})

    def show_field(self, request: ApiRequest, field_id: int) -> Response:
        """One custom field."""
        record = self.store.ticket_fields.get(field_id)
        if record is None:
            raise not_found()
        return self.json_response({"ticket_field": field_view(record, 0, self.host(request))})

    def list_statuses(self, request: ApiRequest) -> Response:
        """Custom statuses, without paging; filters `status_categories`, `active`, `default`."""
        args = request.args
        wanted = {part for part in args.get("status_categories", "").split(",") if part}
        rows = [
            status_view(status, self.host(request))
            for status in self.store.custom_statuses.values()
            if (not wanted or status.category in wanted)
            and args.get("active", "").lower() in {"", str(status.active).lower()}
            and args.get("default", "").lower() in {"", str(status.default).lower()}
        ]
        return self.json_response({"custom_statuses": rows})

    def show_status(self, request: ApiRequest, status_id: int) -> Response:
        """One custom status."""
        if status_id not in self.store.custom_statuses:
            raise not_found()
        return self.json_response(
            {"custom_status": status_view(self.store.custom_statuses[status_id], self.host(request))}
        )

    def list_sla_policies(self, _request: ApiRequest) -> Response:
        """SLA policies; targets in minutes."""
        rows = self.store.sla_policies
        return self.json_response({"sla_policies": rows, "next_page": None, "previous_page": None, "count": len(rows)})

    # Files

    def create_upload(self, request: ApiRequest) -> Response:
        """Takes the raw body as a file; `token` adds it to an upload that was begun."""
        name = request.args.get("filename")
        if not name:
            raise bad_attribute("filename is required")
        store = self.store
        token = request.args.get("token")
        upload = store.uploads.get(token) if token else None
        if upload is None:
            upload = Upload(store.new_token(25), 0.0)
            store.uploads[upload.token] = upload
        upload.expires = store.ctx.clock.now() + _UPLOAD_SECONDS
        attachment = Attachment(
            store.new_id(),
            store.new_token(25),
            name,
            request.content_type or "application/octet-stream",
            request.get_data(cache=True),
        )
        store.attachments[attachment.token] = attachment
        upload.attachments.append(attachment)
        host = self.host(request)
        views = [attachment_view(item, host) for item in upload.attachments]
        data = {"token": upload.token, "expires_at": iso(int(upload.expires)), "attachments": views}
        return self.json_response({"upload": {**data, "attachment": views[-1]}}, 201, {"Location": views[-1]["url"]})

    def delete_upload(self, _request: ApiRequest, token: str) -> Response:
        """Throws away files that were not used yet."""
        upload = self.store.uploads.get(token)
        if upload is None or upload.used:
            raise not_found()
        del self.store.uploads[token]
        return Response(b"", 204)

    def attachment_content(self, _request: ApiRequest, token: str) -> Response:
        """The file itself; whoever knows the address may read it."""
        attachment = self.store.attachments.get(token)
        if attachment is None or attachment.deleted:
            return Response("Not found", 404, content_type="text/plain")
        return Response(attachment.content, 200, content_type=attachment.content_type)

    def show_attachment(self, request: ApiRequest, attachment_id: int) -> Response:
        """What is known about a file."""
        for attachment in self.store.attachments.values():
            if attachment.id == attachment_id:
                return self.json_response({"attachment": attachment_view(attachment, self.host(request))})
        raise not_found()

    # Search

    def search(self, request: ApiRequest) -> Response:
        """By offset, never more than 1000 results; the index is some time behind."""
        if wants_cursor(request.args):
            raise bad_attribute("page[size] is not a valid parameter of this search")
        page = request.args.get("page", 1, type=int)
        size = min(request.args.get("per_page", 100, type=int), 100)
        if page * size > 1000:
            description = "Requested response size was greater than Search Response Limits"
            raise ZendeskRefusal(422, {"error": "invalid", "description": description})
        found = self._found(request)
        by = request.args.get("sort_by", "updated_at")
        descending = request.args.get("sort_order", "desc") == "desc"
        found.sort(key=lambda t: (t.created if by == "created_at" else t.updated, t.id), reverse=descending)
        by_id = {ticket.id: ticket for ticket in found}
        keys, around = any_page(list(by_id), request.args, "id", self.url(request))
        return self.json_response({"results": [self._hit(request, by_id[key]) for key in keys], **around})

    def search_count(self, request: ApiRequest) -> Response:
        """How many a search finds."""
        return self.json_response({"count": len(self._found(request))})

    def search_export(self, request: ApiRequest) -> Response:
        """By cursor, in the order of creation, without the cap."""
        by_key = {(ticket.created, ticket.id): ticket for ticket in self._found(request)}
        keys, around = cursor_page(sorted(by_key), request.args, "created_at", self.url(request))
        return self.json_response({"results": [self._hit(request, by_key[key]) for key in keys], **around})

    def _found(self, request: ApiRequest) -> list[Ticket]:
        if not request.actor.user.is_agent:
            raise forbidden()
        query = Query(self.store, request.args.get("query", ""))
        behind = self.store.now() - int(self.store.number("search_lag_seconds"))
        return [
            ticket
            for ticket in (self.store.tickets[key] for key in self.store.by_id)
            if ticket.generated <= behind and query.finds(ticket)
        ]

    def _hit(self, request: ApiRequest, ticket: Ticket) -> dict[str, Any]:
        return {**ticket_view(self.store, ticket, self.host(request)), "result_type": "ticket"}

    # Helpers

    def _ids(self, request: ApiRequest) -> Iterable[int]:
        given = [part.strip() for part in request.args.get("ids", "").split(",") if part.strip()]
        if not given or len(given) > 100 or not all(part.isdigit() for part in given):
            raise bad_attribute("You passed an invalid value for the ids attribute.")
        return dict.fromkeys(int(part) for part in given)

    def _listing(self, request: ApiRequest, name: str, rows: dict[int, Any], show: Callable[[Any], Any]) -> Response:
        keys, around = any_page(sorted(rows), request.args, "id", self.url(request))
        return self.json_response({name: [show(rows[key]) for key in keys], **around})
