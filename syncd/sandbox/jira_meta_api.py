"""The server, accounts, permissions, projects and catalogues over REST."""

from __future__ import annotations

from typing import Any, ClassVar

from werkzeug.wrappers import Response

from syncd.sandbox import jira_meta as meta
from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_http import CLOUD_ID, JiraHandlers, Route
from syncd.sandbox.jira_model import CATEGORIES, PERMISSIONS, User
from syncd.sandbox.jira_render import Json
from syncd.sandbox.jira_site import Project
from syncd.sandbox.jira_text import stamp
from syncd.sandbox.web import ApiRequest


class MetaApi(JiraHandlers):
    """Everything that is not about one issue."""

    ROUTES: ClassVar[tuple[Route, ...]] = (
        ("GET", "//_edge/tenant_info", "tenant_info", "cloud"),
        ("GET", "//oauth/token/accessible-resources", "accessible_resources", "cloud"),
        ("GET", "//rest/applinks/latest/listApplicationlinks", "application_links", None),
        ("GET", "/serverInfo", "server_info", None),
        ("GET", "/myself", "myself", None),
        ("GET", "/mypermissions", "my_permissions", None),
        ("GET", "/project", "get_projects", None),
        ("GET", "/project/search", "search_projects", "cloud"),
        ("GET", "/project/<ref>", "get_project", None),
        ("GET", "/project/<ref>/statuses", "project_statuses", None),
        ("GET", "/project/<ref>/versions", "project_versions", None),
        ("GET", "/project/<ref>/version", "page_versions", None),
        ("GET", "/version/<vid>", "get_version", None),
        ("GET", "/status", "get_statuses", None),
        ("GET", "/status/<sid>", "get_status", None),
        ("GET", "/statuses/search", "search_statuses", "cloud"),
        ("GET", "/statuscategory", "get_categories", None),
        ("GET", "/priority", "get_priorities", None),
        ("GET", "/resolution", "get_resolutions", None),
        ("GET", "/issuetype", "get_issue_types", None),
        ("GET", "/field", "get_fields", None),
        ("GET", "/issue/createmeta/<ref>/issuetypes", "create_types", None),
        ("GET", "/issue/createmeta/<ref>/issuetypes/<tid>", "create_fields", None),
        ("GET", "/user", "get_user", None),
        ("GET", "/user/search", "search_users", None),
        ("GET", "/user/assignable/search", "assignable_users", None),
        ("POST", "/workflows", "read_workflows", "cloud"),
    )
    OPEN: ClassVar[frozenset[str]] = frozenset(
        {"tenant_info", "server_info", "my_permissions", "get_projects", "search_projects", "get_project"}
        | {"project_statuses", "project_versions", "page_versions"}
    )

    # Server and identity

    def tenant_info(self, req: ApiRequest) -> Response:  # noqa: ARG002 - handlers are called alike
        """The cloud id, for anybody."""
        return self.json_response({"cloudId": CLOUD_ID})

    def accessible_resources(self, req: ApiRequest) -> Response:
        """The sites that a token may reach."""
        base = req.host_url.rstrip("/")
        scopes = ["read:jira-work", "write:jira-work"]
        return self.json_response([{"id": CLOUD_ID, "url": base, "name": "sandbox", "scopes": scopes}])

    def application_links(self, req: ApiRequest) -> Response:
        """For administrators only, as in Jira."""
        if not self.user(req).admin:
            raise Refusal(403, [self.world.say("no_permission", permission="ADMINISTER")])
        return self.json_response({"list": []})

    def server_info(self, req: ApiRequest) -> Response:
        """Anonymous: it proves nothing about the credentials."""
        shape: Json = {"baseUrl": self.render(req).root}
        now = stamp(self.world.now_ms(), self.world.zone_of(req.actor))
        if self.world.cloud:
            shape |= {
                "version": "1001.0.0-SNAPSHOT",
                "versionNumbers": [1001, 0, 0],
                "deploymentType": "Cloud",
                "buildNumber": 100_300,
                "buildDate": "2026-01-05T09:00:00.000+0000",
                "serverTime": now,
                "serverTitle": "Jira",
                "defaultLocale": {"locale": "en_US"},
            }
        else:
            shape |= {
                "version": "10.3.5",
                "versionNumbers": [10, 3, 5],
                "deploymentType": "Server",
                "buildNumber": 10_030_005,
                "buildDate": "2025-04-01T00:00:00.000+0000",
                "serverTitle": "Jira",
            }
            if req.actor is not None:
                shape["serverTime"] = now
        return self.json_response(shape)

    def myself(self, req: ApiRequest) -> Response:
        """Who asks; 401 for nobody."""
        user = self.user(req)
        shape = self.render(req).account(user) | {
            "locale": user.locale,
            "groups": {"size": 0, "items": []},
            "applicationRoles": {"size": 1, "items": []},
            "expand": "groups,applicationRoles",
        }
        return self.json_response(shape)

    def my_permissions(self, req: ApiRequest) -> Response:
        """What the account may do: Cloud answers for the named `permissions`, Data Center for all."""
        wanted = self.names(req, "permissions")
        if self.world.cloud:
            if not wanted:
                raise Refusal(400, [self.world.say("missing_parameter", name="permissions")])
            for name in wanted:
                if name not in PERMISSIONS:
                    raise Refusal(400, [self.world.say("bad_permission", name=name)])
        else:
            self.user(req)
            wanted = list(PERMISSIONS)
        project = None
        for name in ("projectKey", "projectId"):
            if req.args.get(name):
                project = self._project(req, req.args[name])
        for name in ("issueKey", "issueId"):
            if req.args.get(name):
                project = self.world.site.projects[self.issue(req, req.args[name]).project]
        shown = {
            name: {
                "id": str(PERMISSIONS.index(name) + 10),
                "key": name,
                "name": name.replace("_", " ").capitalize(),
                "type": "GLOBAL" if name == "ADMINISTER" else "PROJECT",
                "description": "",
                "havePermission": self.world.site.may(req.actor, name, project),
            }
            for name in wanted
        }
        return self.json_response({"permissions": shown})

    # Projects

    def _project(self, req: ApiRequest, reference: str) -> Project:
        found = self.world.site.find_project(reference)
        if found is None or not self.world.site.browses(req.actor, found):
            raise Refusal(404, [self.world.say("no_project_key", key=reference)])
        return found

    def _seen_projects(self, req: ApiRequest) -> list[Project]:
        site = self.world.site
        return [project for project in site.projects.values() if site.browses(req.actor, project)]

    def get_projects(self, req: ApiRequest) -> Response:
        """GET project: all that the account sees."""
        render = self.render(req)
        return self.json_response([render.project(project) for project in self._seen_projects(req)])

    def search_projects(self, req: ApiRequest) -> Response:
        """GET project/search: pages; `keys`, `id` and `query` narrow it."""
        keys, ids, query = self.names(req, "keys"), self.names(req, "id"), req.args.get("query", "").lower()
        found = [
            project
            for project in self._seen_projects(req)
            if (not keys or project.key in keys)
            and (not ids or str(project.id) in ids)
            and (query in project.key.lower() or query in project.name.lower())
        ]
        render = self.render(req)
        return self._page(req, [render.project(project) for project in found])

    def _page(self, req: ApiRequest, entries: list[Json], default: int = 50) -> Response:
        start = max(0, self.number(req, "startAt", 0))
        size = max(1, self.number(req, "maxResults", default))
        page = entries[start : start + size]
        shape: Json = {"startAt": start, "maxResults": size, "total": len(entries)}
        return self.json_response(shape | {"isLast": start + len(page) >= len(entries), "values": page})

    def get_project(self, req: ApiRequest, ref: str) -> Response:
        """GET project."""
        project = self._project(req, ref)
        render = self.render(req)
        kinds = [render.issue_type(self.world.site.issue_types[key]) for key in project.workflows]
        versions = [render.version(entry) for entry in self.world.site.versions_of(project)]
        return self.json_response(render.project(project) | {"issueTypes": kinds, "versions": versions})

    def project_statuses(self, req: ApiRequest, ref: str) -> Response:
        """GET statuses: those of each issue type, no administrator needed."""
        project = self._project(req, ref)
        render = self.render(req)
        shown: list[Json] = []
        for type_id, flow in project.workflows.items():
            kind = self.world.site.issue_types[type_id]
            shown.append(
                {
                    "self": f"{render.rest}/issuetype/{kind.id}",
                    "id": kind.id,
                    "name": kind.name,
                    "subtask": kind.subtask,
                    "statuses": [render.status(status) for status in flow.statuses],
                }
            )
        return self.json_response(shown)

    def project_versions(self, req: ApiRequest, ref: str) -> Response:
        """GET versions: all of them."""
        render = self.render(req)
        versions = self.world.site.versions_of(self._project(req, ref))
        return self.json_response([render.version(entry) for entry in versions])

    def page_versions(self, req: ApiRequest, ref: str) -> Response:
        """GET version: pages; `query` narrows it, `status` takes released, unreleased, archived."""
        render = self.render(req)
        query = req.args.get("query", "").lower()
        states = self.names(req, "status")
        found = [
            entry
            for entry in self.world.site.versions_of(self._project(req, ref))
            if query in entry.name.lower()
            and (
                not states
                or ("archived" if entry.archived else "released" if entry.released else "unreleased") in states
            )
        ]
        return self._page(req, [render.version(entry) for entry in found])

    def get_version(self, req: ApiRequest, vid: str) -> Response:
        """GET one version."""
        entry = self.world.site.versions.get(vid)
        if entry is None or all(project.id != entry.project_id for project in self._seen_projects(req)):
            raise Refusal(404, [self.world.say("no_version_id", id=vid)])
        return self.json_response(self.render(req).version(entry))

    # Catalogues

    def get_statuses(self, req: ApiRequest) -> Response:
        """GET status: all statuses of all projects; names may repeat."""
        render = self.render(req)
        return self.json_response([render.status(status) for status in self.world.site.statuses])

    def get_status(self, req: ApiRequest, sid: str) -> Response:
        """GET one status by id or name."""
        for status in self.world.site.statuses.values():
            if sid in {status.id, status.name}:
                return self.json_response(self.render(req).status(status.id))
        return self.not_found(req)

    def search_statuses(self, req: ApiRequest) -> Response:
        """GET statuses/search: pages."""
        render = self.render(req)
        shown = [meta.workflow_status(render, status) for status in self.world.site.statuses]
        return self._page(req, shown, 200)

    def get_categories(self, req: ApiRequest) -> Response:
        """GET statuscategory."""
        render = self.render(req)
        return self.json_response([render.category(key) for key in CATEGORIES])

    def get_priorities(self, req: ApiRequest) -> Response:
        """GET priority."""
        render = self.render(req)
        return self.json_response([render.priority(entry) for entry in self.world.site.priorities.values()])

    def get_resolutions(self, req: ApiRequest) -> Response:
        """GET resolution."""
        render = self.render(req)
        entries = self.world.site.resolutions.values()
        return self.json_response([render.resolution(entry) for entry in entries])

    def get_issue_types(self, req: ApiRequest) -> Response:
        """GET issuetype."""
        render = self.render(req)
        return self.json_response([render.issue_type(entry) for entry in self.world.site.issue_types.values()])

    def get_fields(self, req: ApiRequest) -> Response:
        """GET field."""
        return self.json_response(meta.field_list(self.render(req)))

    # What may be created

    def _create_page(self, req: ApiRequest, name: str, entries: list[Json]) -> Response:
        size = self.number(req, "maxResults", 50)
        if self.world.cloud and size > 200:
            shape: Json = {"errorMessages": [self.world.say("page_too_big", limit=200)], "errors": {}}
            raise Refusal(400, body=shape | {"httpStatusCode": {"empty": False, "present": True}})
        if not self.world.cloud:
            return self._page(req, entries)
        start = max(0, self.number(req, "startAt", 0))
        page = entries[start : start + size]
        return self.json_response({"startAt": start, "maxResults": size, "total": len(entries), name: page})

    def create_types(self, req: ApiRequest, ref: str) -> Response:
        """GET createmeta: issue types; `issueTypes` on Cloud, a page of `values` on Data Center."""
        project = self._project(req, ref)
        render = self.render(req)
        kinds = [render.issue_type(self.world.site.issue_types[key]) for key in project.workflows]
        return self._create_page(req, "issueTypes", kinds)

    def create_fields(self, req: ApiRequest, ref: str, tid: str) -> Response:
        """GET createmeta: fields; `fields` on Cloud, a page of `values` on Data Center."""
        project = self._project(req, ref)
        if tid not in project.workflows:
            raise Refusal(400, [self.world.say("no_type")])
        may_report = self.world.site.may(req.actor, "MODIFY_REPORTER", project)
        fields = meta.create_fields(self.render(req), project, may_report=may_report)
        return self._create_page(req, "fields", fields)

    # Accounts

    def _asked(self, req: ApiRequest) -> str:
        if self.world.cloud and "username" in req.args:
            raise Refusal(400, [self.world.say("strict_names")])
        return req.args.get("query" if self.world.cloud else "username", "").lower()

    @staticmethod
    def _fits(user: User, asked: str) -> bool:
        words = (user.id.lower(), user.display_name.lower(), user.email.lower())
        return asked in {"", "."} or any(asked in word for word in words)

    def get_user(self, req: ApiRequest) -> Response:
        """GET user by accountId (Cloud), username or key (Data Center)."""
        users = self.world.site.users
        if self.world.cloud:
            self._asked(req)
            found = users.get(req.args.get("accountId", ""))
        else:
            key = req.args.get("key")
            found = users.get(req.args.get("username", ""))
            if found is None and key:
                found = next((user for user in users.values() if user.key == key), None)
        if found is None:
            raise Refusal(404, [self.world.say("no_user", user=req.query_string.decode())])
        return self.json_response(self.render(req).account(found))

    def search_users(self, req: ApiRequest) -> Response:
        """GET user/search."""
        asked = self._asked(req)
        found = [user for user in self.world.site.users.values() if self._fits(user, asked)]
        return self._users(req, found)

    def assignable_users(self, req: ApiRequest) -> Response:
        """GET user/assignable/search: filtered after paging, so pages may be short."""
        asked = self._asked(req)
        reference: Any = req.args.get("project")
        if req.args.get("issueKey"):
            reference = self.issue(req, req.args["issueKey"]).project
        project = self._project(req, str(reference))
        start, size = max(0, self.number(req, "startAt", 0)), self.number(req, "maxResults", 50)
        found = [user for user in self.world.site.users.values() if self._fits(user, asked)]
        page = [
            user
            for user in found[start : start + size]
            if user.active and self.world.site.may(user, "ASSIGNABLE_USER", project)
        ]
        render = self.render(req)
        return self.json_response([render.account(user) for user in page])

    def _users(self, req: ApiRequest, found: list[User]) -> Response:
        start, size = max(0, self.number(req, "startAt", 0)), self.number(req, "maxResults", 50)
        render = self.render(req)
        return self.json_response([render.account(user) for user in found[start : start + size]])

    # Workflows

    def read_workflows(self, req: ApiRequest) -> Response:
        """POST workflows: whole graphs; for administrators unless the switch says otherwise."""
        if not self.user(req).admin and self.world.switches["workflow_read"] != "all":
            raise Refusal(403, [self.world.say("workflow_read")])
        body = self.body(req)
        site = self.world.site
        every = [flow for project in site.projects.values() for flow in project.workflows.values()]
        wanted = [
            flow
            for flow in every
            if flow.id in (body.get("workflowIds") or ()) or flow.name in (body.get("workflowNames") or ())
        ]
        for pair in body.get("projectAndIssueTypes") or ():
            project = site.find_project(str(pair.get("projectId")))
            flow = project.workflows.get(str(pair.get("issueTypeId"))) if project is not None else None
            if flow is not None:
                wanted.append(flow)
        flows = list({flow.id: flow for flow in wanted}.values())
        statuses = dict.fromkeys(status for flow in flows for status in flow.statuses)
        render = self.render(req)
        return self.json_response(
            {
                "statuses": [meta.workflow_status(render, status) for status in statuses],
                "workflows": [meta.workflow(flow) for flow in flows],
            }
        )
