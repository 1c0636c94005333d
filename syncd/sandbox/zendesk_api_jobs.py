"""Changes that run in the background: many tickets at once, merges; and the official app's Jira links."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from syncd.sandbox.web import ApiRequest
from syncd.sandbox.zendesk_base import ZendeskBase
from syncd.sandbox.zendesk_changes import as_id
from syncd.sandbox.zendesk_lifecycle import merge_tickets, start_job, update_in_job
from syncd.sandbox.zendesk_records import (
    JiraLink,
    Job,
    ZendeskRefusal,
    bad_attribute,
    invalid,
    iso,
    not_found,
)
from syncd.sandbox.zendesk_views import job_view, link_view


class JobApi(ZendeskBase):
    """`update_many`, `merge` and the link table."""

    def update_many(self, request: ApiRequest) -> Response:
        """One change for `ids`, or a list of tickets with a change each; at most 100; always safe."""
        payload = self.body(request)
        if isinstance(payload.get("ticket"), dict):
            ids = [as_id("ids", part) for part in request.args.get("ids", "").split(",") if part.strip()]
            changes = [(ticket_id, payload["ticket"]) for ticket_id in ids]
        elif isinstance(payload.get("tickets"), list):
            changes = [
                (as_id("id", item.get("id")), {key: value for key, value in item.items() if key != "id"})
                for item in payload["tickets"]
                if isinstance(item, dict)
            ]
        else:
            raise bad_attribute("You must pass ticket or tickets")
        if not changes or any(ticket_id is None for ticket_id, _ in changes):
            raise bad_attribute("You passed an invalid value for the ids attribute. ids must be integers")
        if len(changes) > 100:
            raise ZendeskRefusal(400, {"error": "TooManyValues", "description": "Too many values: 100 at most"})
        who = self.who(request)
        store = self.store
        stamps = {key: store.tickets[key].updated for key, _ in changes if key in store.tickets}

        def work(job: Job) -> None:
            results: list[dict[str, Any]] = []
            for index, (ticket_id, change) in enumerate(changes):
                ticket = store.tickets.get(ticket_id or 0)
                try:
                    if ticket is None:
                        raise not_found()
                    # A ticket that comes twice in one list is compared with what the first time left.
                    update_in_job(store, ticket, change, who, stamps[ticket.id])
                    stamps[ticket.id] = ticket.updated
                except ZendeskRefusal as refusal:
                    error = "TicketNotFound" if refusal.status == 404 else "TicketUpdateFailed"
                    results.append({"index": index, "id": ticket_id, "error": error, "details": _details(refusal.body)})
                else:
                    results.append({"action": "update", "id": ticket_id, "status": "Updated", "success": True})
            job.results = results
            job.message = f"Completed at {iso(store.now())}"

        job = start_job(store, "TicketBulkUpdateJob", len(changes), work)
        return self._queued(request, job)

    def merge(self, request: ApiRequest, ticket_id: int) -> Response:
        """Merges the tickets of `ids` into this one."""
        payload = self.body(request)
        store = self.store
        target = store.ticket(ticket_id)
        given = payload.get("ids")
        if not isinstance(given, list) or not given:
            raise bad_attribute("You passed an invalid value for the ids attribute. ids must be an array")
        sources = [store.ticket(as_id("ids", part) or 0) for part in given]
        who = self.who(request)

        def work(job: Job) -> None:
            merge_tickets(store, sources, target, who, payload)
            job.message = f"Completed at {iso(store.now())}"
            job.results = [{"action": "update", "id": target.id, "status": "Updated", "success": True}]

        return self._queued(request, start_job(store, "TicketMergeJob", len(sources), work))

    def _queued(self, request: ApiRequest, job: Job) -> Response:
        total = int(self.store.number("jobs_limit"))
        busy = sum(1 for other in self.store.jobs.values() if other.status == "queued")
        headers = {"zendesk-ratelimit-inflight-jobs": f"total={total}; remaining={total - busy}; resets=60"}
        return self.json_response({"job_status": job_view(job, self.host(request))}, 200, headers)

    # The official app's links, in both dialects

    def jira_links(self, request: ApiRequest) -> Response:
        """The current list: `filter[...]`, cursor paging, 1000 a page."""
        return self._link_page(request, "")

    def jira_links_v2(self, request: ApiRequest, integration: str) -> Response:
        """The list of a "V2" integration, by its external id; cursor paging as in the current list."""
        if all(link.integration != integration for link in self.store.jira_links.values()):
            raise not_found()
        return self._link_page(request, integration)

    def _link_page(self, request: ApiRequest, integration: str) -> Response:
        args = request.args
        size = min(max(as_id("page[size]", args.get("page[size]")) or 1000, 1), 1000)
        after = (as_id("page[after]", args.get("page[after]")) or 0) if args.get("page[after]") else 0
        found = [
            link
            for link in self._links(args.get("filter[ticket_id]"), args.get("filter[issue_id]"), integration)
            if link.id > after
        ]
        chosen = found[:size]
        more = len(found) > size
        path = f"api/v2/integrations/jira/{integration}/links" if integration else "api/v2/jira/links"
        cursor = f"{self.host(request)}{path}?page[after]={chosen[-1].id}" if more else None
        rows = [link_view(link, self.host(request), with_url=False) for link in chosen]
        return self.json_response({"links": rows, "meta": {"has_more": more, "after_cursor": cursor}})

    def jira_links_old(self, request: ApiRequest) -> Response:
        """The deprecated list: `since_id` (exclusive), `limit`, `total`."""
        args = request.args
        since = as_id("since_id", args.get("since_id")) or 0
        limit = min(max(as_id("limit", args.get("limit")) or 1000, 1), 1000)
        found = [link for link in self._links(args.get("ticket_id"), args.get("issue_id")) if link.id > since]
        rows = [link_view(link, self.host(request), with_url=True) for link in found[:limit]]
        return self.json_response({"links": rows, "total": len(found)})

    def _links(self, ticket_id: str | None, issue_id: str | None, integration: str = "") -> list[JiraLink]:
        return [
            link
            for _, link in sorted(self.store.jira_links.items())
            if link.integration == integration
            and ticket_id in {None, link.ticket_id}
            and issue_id in {None, link.issue_id}
        ]

    def jira_link_create(self, request: ApiRequest) -> Response:
        """A new row; ticket, issue id and key are all needed."""
        given = self.body(request, "link")
        missing = [name for name in ("ticket_id", "issue_id", "issue_key") if not given.get(name)]
        if missing:
            raise invalid(base=f"{missing[0]}: cannot be blank")
        self.store.ticket(as_id("ticket_id", given["ticket_id"]) or 0)
        link = self.store.add_link(str(given["ticket_id"]), str(given["issue_id"]), str(given["issue_key"]))
        return self.json_response({"link": link_view(link, self.host(request), with_url=True)}, 201)

    def jira_link_one(self, request: ApiRequest, link_id: int) -> Response:
        """Shows or deletes a row."""
        link = self.store.jira_links.get(link_id)
        if link is None:
            raise not_found()
        if request.method == "DELETE":
            del self.store.jira_links[link_id]
            return Response(b"", 204)
        return self.json_response({"link": link_view(link, self.host(request), with_url=True)})


def _details(body: Any) -> str:
    if not isinstance(body, dict):
        return str(body)
    details = body.get("details")
    if not isinstance(details, dict):
        return str(body.get("description", body))
    return "; ".join(f"{key}: {item['description']}" for key, items in details.items() for item in items)
