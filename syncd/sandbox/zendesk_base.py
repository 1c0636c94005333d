"""What every part of the pretend Zendesk API rests on: credentials, limits, roles, faults, answers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from werkzeug.wrappers import Response

from syncd.sandbox.web import ApiRequest, Refused, SandboxContext, ServiceApp
from syncd.sandbox.zendesk_auth import Identity, check_role, check_scope, identify, unauthenticated
from syncd.sandbox.zendesk_draft import Who
from syncd.sandbox.zendesk_limits import Limits
from syncd.sandbox.zendesk_records import Audit, Ticket, ZendeskRefusal, api_via, bad_attribute, forbidden
from syncd.sandbox.zendesk_store import ZendeskStore
from syncd.sandbox.zendesk_views import audit_view, ticket_view

#: These answer without credentials.
_PUBLIC: Final = frozenset({"oauth_tokens", "users_me", "attachment_content"})


class ZendeskBase(ServiceApp):
    """Recognises the caller, counts the call, checks role and scope, and plays Zendesk's own faults."""

    json_suffix = True

    def __init__(self, ctx: SandboxContext, store: ZendeskStore) -> None:
        super().__init__("zendesk", ctx, store.lock)
        self.store = store
        self.limits = Limits(store)
        self._headers: dict[str, str] = {}
        self._requests = 0

    # Hooks

    def authenticate(self, request: ApiRequest) -> Identity | None:
        self._headers = {}
        if request.api_path == "/oauth/tokens":
            return None
        try:
            identity = identify(self.store, request)
        except ZendeskRefusal as refusal:
            raise Refused(self.refuse(refusal)) from None
        if identity is not None:
            request.actor = identity
        return identity

    def actor_name(self, actor: Any) -> str:
        return str(actor.user.id) if isinstance(actor, Identity) else "anonymous"

    def before_dispatch(self, request: ApiRequest, endpoint: str | None) -> Response | None:
        identity = request.actor
        try:
            if endpoint in _PUBLIC and identity is None:
                return self._wrong_credentials_on_me(request, endpoint)
            if identity is None:
                raise unauthenticated()
            self._headers = self.limits.check(request.method, endpoint, request.api_path, identity.user.id)
            if endpoint is not None:
                check_role(self.store, identity, endpoint)
                check_scope(identity, request.method, request.api_path)
                if endpoint.startswith("jira_link") and self.store.is_on("jira_links_forbidden"):
                    raise forbidden("Manage links is not enabled for this account.")
            self._play_fault(request)
        except ZendeskRefusal as refusal:
            return self.refuse(refusal)
        return None

    def finish(self, request: ApiRequest, response: Response) -> None:
        self._requests += 1
        headers = response.headers
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        headers["X-Request-Id"] = f"{self._requests:016x}-SBX"
        headers["x-zendesk-api-version"] = "v2"
        headers["Cache-Control"] = "max-age=0, private, must-revalidate"
        if response.status_code == 200 and request.method == "GET":
            headers["ETag"] = f'W/"{zlib.crc32(response.get_data()):08x}"'

    def tick_world(self) -> None:
        self.store.run_due()

    def not_found(self, request: ApiRequest) -> Response:
        if not request.api_path.startswith("/api/"):
            return Response("<h1>Not found</h1>", 404, content_type="text/html; charset=utf-8")
        return self.json_response({"error": "InvalidEndpoint", "description": "Not found"}, 404)

    def method_not_allowed(self, request: ApiRequest) -> Response:
        return self.not_found(request)

    def body_for_journal(self, request: ApiRequest) -> Any:
        body = super().body_for_journal(request)
        if request.api_path == "/oauth/tokens" and isinstance(body, dict):
            return {key: value for key, value in body.items() if "secret" not in key and "token" not in key}
        return body

    def handle(self, handler: Any, request: ApiRequest, arguments: Mapping[str, Any]) -> Response:
        try:
            return super().handle(handler, request, arguments)
        except ZendeskRefusal as refusal:
            return self.refuse(refusal)

    # Helpers of the handlers

    def refuse(self, refusal: ZendeskRefusal) -> Response:
        """The answer that a refusal stands for: JSON, or plain text when its body is text."""
        if isinstance(refusal.body, str):
            return Response(
                refusal.body, refusal.status, headers=refusal.headers, content_type="text/plain; charset=utf-8"
            )
        return self.json_response(refusal.body, refusal.status, refusal.headers)

    def who(self, request: ApiRequest) -> Who:
        """The caller as the author of a change."""
        identity: Identity = request.actor
        return Who(identity.user.id, api_via(), identity.client, identity.user)

    def host(self, request: ApiRequest) -> str:
        """The address the caller used, with a slash at its end."""
        return request.host_url

    def url(self, request: ApiRequest) -> str:
        """The address of this call without its query, with `.json` as Zendesk's own links have it."""
        return f"{self.host(request)}{request.api_path.lstrip('/')}.json"

    def body(self, request: ApiRequest, key: str | None = None) -> dict[str, Any]:
        """The JSON body, or the object under `key` in it; 400 when it is no object."""
        found = request.payload
        if isinstance(found, dict) and key is not None:
            found = found.get(key)
        if not isinstance(found, dict):
            raise bad_attribute(f"You must pass an object as {key or 'the body'}")
        return found

    def with_audit(self, request: ApiRequest, ticket: Ticket, audit: Audit, **more: Any) -> dict[str, Any]:
        """What a write of a ticket answers."""
        host = self.host(request)
        return {
            "ticket": {**ticket_view(self.store, ticket, host), **more},
            "audit": audit_view(ticket, audit, host),
        }

    def _wrong_credentials_on_me(self, request: ApiRequest, endpoint: str | None) -> Response | None:
        tried = request.headers.get("Authorization")
        if endpoint == "users_me" and tried and self.store.number("users_me_bad_token") == 401:
            raise unauthenticated()
        return None

    def _play_fault(self, request: ApiRequest) -> None:
        fault = request.fault
        if fault is None:
            return
        if fault.kind == "database_conflict":
            raise ZendeskRefusal(409, {"error": "DatabaseConflict", "description": "Database collision"})
        if fault.kind == "database_deadlock":
            description = "Database deadlock found; please retry your transaction"
            headers = {"Retry-After": str(fault.args.get("retry_after", 1))}
            raise ZendeskRefusal(503, {"error": "DatabaseDeadlock", "description": description}, headers)
        if fault.kind == "rate_limited_plain":
            # "Conditional" limits: refused while the headers still show plenty.
            headers = dict(self._headers)
            if fault.args.get("retry_after") is not None:
                headers["Retry-After"] = str(fault.args["retry_after"])
            raise ZendeskRefusal(429, "Number of allowed requests per hour exceeded", headers)
