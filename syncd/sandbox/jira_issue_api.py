"""Issues over REST: read, create, edit, delete, transitions, changelogs, bulk reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from werkzeug.wrappers import Response

from syncd.sandbox import jira_meta as meta
from syncd.sandbox import jira_writes as writes
from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_http import JiraHandlers, Route
from syncd.sandbox.jira_model import Change, Issue
from syncd.sandbox.jira_render import Json, Renderer
from syncd.sandbox.web import ApiRequest


class IssueApi(JiraHandlers):
    """/issue and what is read of it in bulk."""

    ROUTES: ClassVar[tuple[Route, ...]] = (
        ("POST", "/issue", "create_issue", None),
        ("POST", "/issue/bulk", "create_issues", None),
        ("GET", "/issue/<ref>", "get_issue", None),
        ("PUT", "/issue/<ref>", "edit_issue", None),
        ("DELETE", "/issue/<ref>", "delete_issue", None),
        ("PUT", "/issue/<ref>/assignee", "assign_issue", None),
        ("GET", "/issue/<ref>/editmeta", "edit_meta", None),
        ("GET", "/issue/<ref>/transitions", "get_transitions", None),
        ("POST", "/issue/<ref>/transitions", "do_transition", None),
        ("GET", "/issue/<ref>/changelog", "get_changelog", "cloud"),
        ("POST", "/issue/bulkfetch", "bulk_fetch", "cloud"),
        ("POST", "/changelog/bulkfetch", "bulk_changelogs", "cloud"),
    )
    OPEN: ClassVar[frozenset[str]] = frozenset(
        {
            "get_issue",
            "edit_issue",
            "delete_issue",
            "assign_issue",
            "edit_meta",
            "get_transitions",
            "do_transition",
            "get_changelog",
            "bulk_fetch",
        }
    )

    def get_issue(self, req: ApiRequest, ref: str) -> Response:
        """GET issue; a key from before a move answers with the new key."""
        issue = self.issue(req, ref)
        expand = set(self.names(req, "expand"))
        render = self.render(req)
        chosen = render.select(self.names(req, "fields") or None, "*all")
        return self.json_response(self.expanded(render, issue, chosen, expand, self.names(req, "properties")))

    def expanded(
        self,
        render: Renderer,
        issue: Issue,
        chosen: list[str],
        expand: Iterable[str],
        properties: Iterable[str] = (),
        *,
        in_search: bool = False,
    ) -> Json:
        """An issue with its expansions."""
        shape = render.issue(issue, chosen, expand=expand, properties=properties, in_search=in_search)
        wanted = set(expand)
        if wanted & {"transitions", "transitions.fields"}:
            shape["transitions"] = [
                meta.transition(render, issue, edge, fields="transitions.fields" in wanted)
                for edge in self.world.transitions_for(render.reader, issue)
            ]
        if "names" in wanted and not in_search:
            shape["names"] = meta.names(render, chosen)
        if "schema" in wanted and not in_search:
            shape["schema"] = meta.schemas(render, chosen)
        if "editmeta" in wanted:
            shape["editmeta"] = {"fields": meta.edit_fields(render, issue)}
        return shape

    def create_issue(self, req: ApiRequest) -> Response:
        """POST issue: not idempotent, as in Jira."""
        issue = writes.create(self.world, self.user(req), self.body(req), rich=self.rich(req))
        return self.json_response(self._created(self.render(req), issue), 201)

    def _created(self, render: Renderer, issue: Issue) -> Json:
        shape: Json = {
            "id": str(issue.id),
            "key": issue.key,
            "self": f"{render.rest}/issue/{issue.id}",
        }
        if self.world.cloud:
            shape["transition"] = {"status": 200, "errorCollection": {"errorMessages": [], "errors": {}}}
        return shape

    def create_issues(self, req: ApiRequest) -> Response:
        """POST issue/bulk: at most 50; those that fail are listed beside those that are made."""
        updates = self.body(req).get("issueUpdates")
        if not isinstance(updates, list) or not 0 < len(updates) <= 50:
            raise Refusal(400, [self.world.say("too_many", limit=50, what="issues")])
        made: list[Json] = []
        failed: list[Json] = []
        for position, entry in enumerate(updates):
            try:
                issue = writes.create(self.world, self.user(req), entry, rich=self.rich(req))
            except Refusal as refused:
                problem = {"errorMessages": refused.messages, "errors": refused.errors}
                failed.append(
                    {
                        "status": refused.status,
                        "elementErrors": problem,
                        "failedElementNumber": position,
                    }
                )
            else:
                made.append(self._created(self.render(req), issue))
        return self.json_response({"issues": made, "errors": failed}, 201 if made else 400)

    def edit_issue(self, req: ApiRequest, ref: str) -> Response:
        """PUT issue: 204, or on Cloud with returnIssue=true 200 and the issue."""
        issue = self.writable(req, ref)
        user = self.user(req)
        if req.args.get("notifyUsers") == "false" and not self.world.cloud:
            project = self.world.site.projects[issue.project]
            if not self.world.site.may(user, "ADMINISTER_PROJECTS", project):
                raise Refusal(403, [self.world.say("no_notify")])
        writes.edit(self.world, user, issue, self.body(req), rich=self.rich(req))
        if self.world.cloud and req.args.get("returnIssue") == "true":
            render = self.render(req)
            expand = self.names(req, "expand")
            return self.json_response(self.expanded(render, issue, render.select(None, "*all"), expand))
        return self.empty()

    def assign_issue(self, req: ApiRequest, ref: str) -> Response:
        """PUT assignee."""
        issue = self.writable(req, ref, "ASSIGN_ISSUES")
        data = {"fields": {"assignee": self.body(req)}}
        name = data["fields"]["assignee"].get("accountId" if self.world.cloud else "name")
        if name is None:
            data = {"fields": {"assignee": None}}  # type: ignore[dict-item]  # null takes the assignee away
        writes.edit(self.world, self.user(req), issue, data, rich=False)
        return self.empty()

    def delete_issue(self, req: ApiRequest, ref: str) -> Response:
        """DELETE issue."""
        issue = self.writable(req, ref, "DELETE_ISSUES")
        if self.world.children.get(issue.id) and req.args.get("deleteSubtasks") != "true":
            raise Refusal(400, [self.world.say("has_subtasks", key=issue.key)])
        for child in list(self.world.children.get(issue.id, ())):
            self.world.remove_issue(self.world.issues[child])
        self.world.remove_issue(issue)
        return self.empty()

    def edit_meta(self, req: ApiRequest, ref: str) -> Response:
        """GET editmeta: the edit screen."""
        return self.json_response({"fields": meta.edit_fields(self.render(req), self.issue(req, ref))})

    # Transitions

    def get_transitions(self, req: ApiRequest, ref: str) -> Response:
        """GET transitions: what this user may do now; empty without the permission."""
        issue = self.issue(req, ref)
        render = self.render(req)
        fields = "transitions.fields" in self.names(req, "expand")
        only = req.args.get("transitionId")
        shown = [
            meta.transition(render, issue, edge, fields=fields)
            for edge in self.world.transitions_for(req.actor, issue)
            if only in (None, "", edge.id)
        ]
        if self.world.cloud and req.args.get("includeUnavailableTransitions") == "true" and shown:
            listed = {entry["id"] for entry in shown}
            shown += [
                meta.transition(render, issue, edge, fields=fields, available=False)
                for edge in self.world.workflow_of(issue).transitions
                if edge.id not in listed and only in (None, "", edge.id)
            ]
        return self.json_response({"expand": "transitions", "transitions": shown})

    def do_transition(self, req: ApiRequest, ref: str) -> Response:
        """POST transitions: 204 and nothing in it."""
        issue = self.writable(req, ref)
        writes.transition(self.world, self.user(req), issue, self.body(req), rich=self.rich(req))
        return self.empty()

    # Changelogs and bulk reads (Cloud)

    def get_changelog(self, req: ApiRequest, ref: str) -> Response:
        """GET changelog: pages, oldest first."""
        issue = self.issue(req, ref)
        render = self.render(req)
        start = max(0, self.number(req, "startAt", 0))
        size = min(100, self.number(req, "maxResults", 100))
        page = issue.changes[start : start + size]
        last = start + len(page) >= len(issue.changes)
        where = f"{render.rest}/issue/{issue.key}/changelog?maxResults={size}"
        shape: Json = {
            "self": f"{where}&startAt={start}",
            "maxResults": size,
            "startAt": start,
            "total": len(issue.changes),
            "isLast": last,
            "values": [render.change(entry) for entry in page],
        }
        if not last:
            shape["nextPage"] = f"{where}&startAt={start + size}"
        return self.json_response(shape)

    def _issues_named(self, req: ApiRequest, body: Json, limit: int) -> list[Issue]:
        """The issues of `issueIdsOrKeys` that exist and are visible, by ascending id, without repeats."""
        wanted = body.get("issueIdsOrKeys")
        if not isinstance(wanted, list) or not wanted:
            raise Refusal(400, [self.world.say("too_few", what="issueIdsOrKeys")])
        if len(wanted) > limit:
            raise Refusal(400, [self.world.say("too_many", limit=limit, what="issueIdsOrKeys")])
        visible = self.world.browsable(req.actor)
        found = (self.world.find_issue(str(reference)) for reference in wanted)
        return [
            issue
            for _, issue in sorted({issue.id: issue for issue in found if issue and issue.project in visible}.items())
        ]

    def bulk_fetch(self, req: ApiRequest) -> Response:
        """POST issue/bulkfetch: at most 100; what is unknown or hidden is missing without a word."""
        body = self.known_keys(self.body(req), {"expand", "fields", "fieldsByKeys", "issueIdsOrKeys", "properties"})
        issues = self._issues_named(req, body, 100)
        expand, properties = body.get("expand") or [], body.get("properties") or []
        if not isinstance(expand, list) or not isinstance(properties, list):
            raise Refusal(400, [self.world.say("payload")])
        if len(properties) > 5:
            raise Refusal(400, [self.world.say("too_many", limit=5, what="properties")])
        render = self.render(req)
        chosen = render.select(body.get("fields") or None, "*navigable")
        shape: Json = {
            "expand": "schema,names",
            "issues": [
                self.expanded(render, issue, chosen, [e for e in expand if e != "names"], properties)
                for issue in issues
            ],
            "issueErrors": [],
        }
        if "names" in expand:
            shape["names"] = meta.names(render, chosen)
        return self.json_response(shape)

    def known_keys(self, body: Json, known: set[str]) -> Json:
        """The body, when it has no other keys; these newer endpoints of Cloud are strict. Raises `Refusal`."""
        if set(body) - known:
            raise Refusal(400, [self.world.say("payload")])
        return body

    def bulk_changelogs(self, req: ApiRequest) -> Response:
        """POST changelog/bulkfetch: oldest first over all issues, `created` as a number."""
        body = self.body(req)
        issues = self._issues_named(req, body, 1000)
        only = body.get("fieldIds") or []
        if len(only) > 10:
            raise Refusal(400, [self.world.say("too_many", limit=10, what="fieldIds")])
        size = int(body.get("maxResults") or 1000)
        if not 0 < size <= 10_000:
            raise Refusal(400, [self.world.say("page_too_big", limit=10_000)])
        entries: list[tuple[int, int, Change]] = sorted(
            (
                (entry.created, issue.id, entry)
                for issue in issues
                for entry in issue.changes
                if not only or any(item.field_id in only for item in entry.items)
            ),
            key=lambda row: (row[0], row[1], row[2].id),
        )
        token = body.get("nextPageToken")
        if token is not None and not str(token).removeprefix("c").isdigit():
            raise Refusal(400, [self.world.say("bad_token")])
        start = int(str(token).removeprefix("c")) if token else 0
        page = entries[start : start + size]
        shape: Json = {"issueChangeLogs": self._changelogs(self.render(req), page)}
        if start + size < len(entries):
            shape["nextPageToken"] = f"c{start + size}"
        return self.json_response(shape)

    def _changelogs(self, render: Renderer, page: list[tuple[int, int, Change]]) -> list[Json]:
        unit = 1000 if self.world.switches["changelog_bulk_seconds"] else 1
        by_issue: dict[int, list[Any]] = {}
        for created, issue_id, entry in page:
            shape = render.change(entry) | {"created": created // unit}
            by_issue.setdefault(issue_id, []).append(shape)
        return [{"issueId": str(issue_id), "changeHistories": histories} for issue_id, histories in by_issue.items()]
