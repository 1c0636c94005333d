"""Who has a role in a project, and who is in a group, over REST."""

from __future__ import annotations

from typing import ClassVar

from werkzeug.wrappers import Response

from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_http import JiraHandlers, Route
from syncd.sandbox.jira_render import Json
from syncd.sandbox.jira_site import Project
from syncd.sandbox.web import ApiRequest


class MemberApi(JiraHandlers):
    """/project/{project}/role and /group/member."""

    ROUTES: ClassVar[tuple[Route, ...]] = (
        ("GET", "/project/<ref>/role", "project_roles", None),
        ("GET", "/project/<ref>/role/<int:number>", "project_role", None),
        ("GET", "/group/member", "group_members", None),
    )

    def project_roles(self, req: ApiRequest, ref: str) -> Response:
        """GET role: names and addresses, for administrators of the project."""
        project = self._administered(req, ref)
        rest = self.render(req).rest
        names = self.world.site.roles
        return self.json_response(
            {name: f"{rest}/project/{project.id}/role/{10002 + place}" for place, name in enumerate(names)}
        )

    def project_role(self, req: ApiRequest, ref: str, number: int) -> Response:
        """GET one role with its members."""
        project = self._administered(req, ref)
        names = list(self.world.site.roles)
        if not 0 <= number - 10002 < len(names):
            raise Refusal(404, [f"Can not retrieve a role actor for a null project role: {number}"])
        name = names[number - 10002]
        members = self.world.site.roles[name]
        actors = (
            [self._group_actor("jira-users")] if members is None else [self._user_actor(m) for m in sorted(members)]
        )
        rest = self.render(req).rest
        address = f"{rest}/project/{project.id}/role/{number}"
        return self.json_response({"self": address, "name": name, "id": number, "actors": actors})

    def group_members(self, req: ApiRequest) -> Response:
        """GET members of a group: on Data Center for administrators only."""
        user = self.user(req)
        if not self.world.cloud and not user.admin:
            raise Refusal(403, [self.world.say("no_permission", permission="ADMINISTER")])
        name = req.args.get("groupname") or ""
        site = self.world.site
        if name not in site.groups:
            raise Refusal(404, [self.world.say("no_group", name=name)])
        members = site.groups[name]
        ids = sorted(entry.id for entry in site.users.values() if members is None or entry.id in members)
        start = max(0, self.number(req, "startAt", 0))
        size = max(1, min(50, self.number(req, "maxResults", 50)))
        page = ids[start : start + size]
        render = self.render(req)
        return self.json_response(
            {
                "startAt": start,
                "maxResults": size,
                "total": len(ids),
                "isLast": start + len(page) >= len(ids),
                "values": [render.user(entry) for entry in page],
            }
        )

    def _administered(self, req: ApiRequest, ref: str) -> Project:
        user = self.user(req)
        project = self.world.site.find_project(ref)
        if project is None or not self.world.site.browses(user, project):
            raise Refusal(404, [self.world.say("no_project_key", key=ref)])
        if not self.world.site.may(user, "ADMINISTER_PROJECTS", project):
            raise Refusal(403, [self.world.say("no_permission", permission="ADMINISTER_PROJECTS")])
        return project

    def _user_actor(self, user_id: str) -> Json:
        user = self.world.site.users[user_id]
        shape: Json = {"displayName": user.display_name, "type": "atlassian-user-role-actor"}
        return shape | ({"actorUser": {"accountId": user.id}} if self.world.cloud else {"name": user.id})

    def _group_actor(self, name: str) -> Json:
        shape: Json = {"displayName": name, "type": "atlassian-group-role-actor", "name": name}
        return shape | ({"actorGroup": {"name": name, "displayName": name}} if self.world.cloud else {})
