"""Remote links, issue links and attachments over REST."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from werkzeug.wrappers import Response

from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_http import JiraHandlers, Route
from syncd.sandbox.jira_model import Attachment, Issue, IssueLink, RemoteLink
from syncd.sandbox.jira_render import Json
from syncd.sandbox.jira_writes import strict
from syncd.sandbox.web import ApiRequest

_REMOTE_KEYS: Final = frozenset({"globalId", "application", "relationship", "object"})
_NO_CHECK: Final = frozenset({"no-check", "nocheck"})
_MOST_FILES: Final = 60


class LinkApi(JiraHandlers):
    """/issue/{issue}/remotelink, /issueLink, /issueLinkType, attachments."""

    ROUTES: ClassVar[tuple[Route, ...]] = (
        ("GET", "/issue/<ref>/remotelink", "get_remote_links", None),
        ("POST", "/issue/<ref>/remotelink", "post_remote_link", None),
        ("DELETE", "/issue/<ref>/remotelink", "drop_remote_links", None),
        ("GET", "/issue/<ref>/remotelink/<lid>", "get_remote_link", None),
        ("PUT", "/issue/<ref>/remotelink/<lid>", "put_remote_link", None),
        ("DELETE", "/issue/<ref>/remotelink/<lid>", "drop_remote_link", None),
        ("POST", "/issueLink", "post_issue_link", None),
        ("GET", "/issueLink/<lid>", "get_issue_link", None),
        ("DELETE", "/issueLink/<lid>", "drop_issue_link", None),
        ("GET", "/issueLinkType", "get_link_types", None),
        ("POST", "/issue/<ref>/attachments", "post_attachments", None),
        ("GET", "/attachment/<fid>", "get_attachment", None),
        ("DELETE", "/attachment/<fid>", "drop_attachment", None),
        ("GET", "/attachment/content/<fid>", "attachment_content", "cloud"),
        ("GET", "//secure/attachment/<fid>/<path:name>", "attachment_file", "data_center"),
    )
    OPEN: ClassVar[frozenset[str]] = frozenset(
        {
            "get_remote_links",
            "post_remote_link",
            "drop_remote_links",
            "get_remote_link",
            "put_remote_link",
            "drop_remote_link",
            "post_attachments",
        }
    )

    # Remote links

    def get_remote_links(self, req: ApiRequest, ref: str) -> Response:
        """GET remote links: all, or with `globalId` that one alone, 404 when there is none."""
        issue = self.issue(req, ref)
        render = self.render(req)
        wanted = req.args.get("globalId")
        if wanted is None:
            return self.json_response([render.remote_link(issue, link) for link in issue.remote_links])
        return self.json_response(render.remote_link(issue, self._by_global_id(issue, wanted)))

    def post_remote_link(self, req: ApiRequest, ref: str) -> Response:
        """POST: an upsert by `globalId`. 201 when new, 200 when known; on Data Center always 200."""
        issue = self.writable(req, ref, "LINK_ISSUES")
        data = self._remote_data(req)
        link, new = self.world.put_remote_link(issue, data)
        where = f"{self.render(req).rest}/issue/{issue.key}/remotelink/{link.id}"
        return self.json_response({"id": link.id, "self": where}, 201 if new and self.world.cloud else 200)

    def drop_remote_links(self, req: ApiRequest, ref: str) -> Response:
        """DELETE by `globalId`."""
        issue = self.writable(req, ref, "LINK_ISSUES")
        wanted = req.args.get("globalId")
        if not wanted:
            raise Refusal(400, [self.world.say("missing_parameter", name="globalId")])
        self.world.remove_remote_link(issue, self._by_global_id(issue, wanted))
        return self.empty()

    def get_remote_link(self, req: ApiRequest, ref: str, lid: str) -> Response:
        """GET one remote link."""
        issue = self.issue(req, ref)
        return self.json_response(self.render(req).remote_link(issue, self._remote(issue, lid)))

    def put_remote_link(self, req: ApiRequest, ref: str, lid: str) -> Response:
        """PUT one remote link: 204."""
        issue = self.writable(req, ref, "LINK_ISSUES")
        self._remote(issue, lid).data = self._remote_data(req)
        return self.empty()

    def drop_remote_link(self, req: ApiRequest, ref: str, lid: str) -> Response:
        """DELETE one remote link."""
        issue = self.writable(req, ref, "LINK_ISSUES")
        self.world.remove_remote_link(issue, self._remote(issue, lid))
        return self.empty()

    def _remote(self, issue: Issue, lid: str) -> RemoteLink:
        for link in issue.remote_links:
            if str(link.id) == lid:
                return link
        raise Refusal(404, [self.world.say("no_remote_link", id=lid)])

    def _by_global_id(self, issue: Issue, global_id: str) -> RemoteLink:
        for link in issue.remote_links:
            if link.data.get("globalId") == global_id:
                return link
        raise Refusal(404, [self.world.say("no_global_id")])

    def _remote_data(self, req: ApiRequest) -> Json:
        body = strict(self.world, self.body(req), _REMOTE_KEYS, "v2.issue.RemoteIssueLinkBean")
        target = body.get("object")
        errors: dict[str, str] = {}
        if not isinstance(target, dict):
            raise Refusal(400, errors={"object": self.world.say("object")})
        for name in ("title", "url"):
            if not target.get(name):
                errors[name] = self.world.say(name)
        if len(str(body.get("globalId") or "")) > 255:
            errors["globalId"] = self.world.say("global_id_long")
        if errors:
            raise Refusal(400, errors=errors)
        # What is left out becomes null, also what an earlier call had set.
        shown: Json = {key: target.get(key) for key in ("url", "title", "summary", "icon", "status")}
        return {
            "globalId": body.get("globalId"),
            "application": body.get("application"),
            "relationship": body.get("relationship"),
            "object": {key: value for key, value in shown.items() if value is not None},
        }

    # Issue links

    def get_link_types(self, req: ApiRequest) -> Response:
        """GET issueLinkType."""
        render = self.render(req)
        kinds = [render.link_type(kind) for kind in self.world.site.link_types.values()]
        return self.json_response({"issueLinkTypes": kinds})

    def post_issue_link(self, req: ApiRequest) -> Response:
        """POST issueLink: 201 without a body, also for a link that is there already."""
        body = self.body(req)
        wanted = body.get("type") or {}
        kinds = self.world.site.link_types.values()
        kind = next(
            (k for k in kinds if str(wanted.get("id")) == k.id or str(wanted.get("name")).lower() == k.name.lower()),
            None,
        )
        if kind is None:
            raise Refusal(404, [self.world.say("no_link_type", name=wanted.get("name"))])
        ends = []
        for name in ("inwardIssue", "outwardIssue"):
            end = body.get(name) or {}
            ends.append(self.writable(req, str(end.get("key") or end.get("id")), "LINK_ISSUES"))
        self.world.add_link(self.user(req).id, kind, ends[0], ends[1])
        return self.empty(201)

    def get_issue_link(self, req: ApiRequest, lid: str) -> Response:
        """GET one issue link with both ends."""
        link = self._link(req, lid)
        render = self.render(req)
        return self.json_response(
            {
                "id": str(link.id),
                "type": render.link_type(link.type),
                "inwardIssue": render.stub(self.world.issues[link.inward]),
                "outwardIssue": render.stub(self.world.issues[link.outward]),
            }
        )

    def drop_issue_link(self, req: ApiRequest, lid: str) -> Response:
        """DELETE one issue link."""
        link = self._link(req, lid)
        self.need(req, self.world.issues[link.inward], "LINK_ISSUES")
        self.world.remove_link(self.user(req).id, link)
        return self.empty(204 if self.world.cloud else 200)

    def _link(self, req: ApiRequest, lid: str) -> IssueLink:
        link = self.world.links.get(int(lid)) if lid.isdigit() else None
        if link is None:
            raise Refusal(404, [self.world.say("no_link", id=lid)])
        for end in (link.inward, link.outward):
            self.issue(req, str(end))
        return link

    # Attachments

    def post_attachments(self, req: ApiRequest, ref: str) -> Response:
        """POST attachments: parts named `file`, with the header that switches the forgery check off."""
        if req.headers.get("X-Atlassian-Token", "").lower() not in _NO_CHECK:
            raise Refusal(403, body=self.world.say("xsrf"))
        issue = self.writable(req, ref, "CREATE_ATTACHMENTS")
        try:
            files = req.files.getlist("file")
            contents = [(file.filename or "file", file.mimetype, file.read()) for file in files]
        finally:
            req.close()
        if not contents:
            raise Refusal(400, [self.world.say("no_file")])
        if len(contents) > _MOST_FILES:
            raise Refusal(413, [self.world.say("too_many", limit=_MOST_FILES, what="files")])
        limit = int(self.world.switches["attachment_limit_bytes"])
        if any(len(content) > limit for _, _, content in contents):
            raise Refusal(413 if self.world.cloud else 404, [self.world.say("too_big")])
        user = self.user(req)
        added = [
            self.world.add_file(user.id, issue, filename, content, mime_type)
            for filename, mime_type, content in contents
        ]
        render = self.render(req)
        return self.json_response([render.attachment(entry) for entry in added])

    def get_attachment(self, req: ApiRequest, fid: str) -> Response:
        """GET an attachment's description."""
        return self.json_response(self.render(req).attachment(self._file(req, fid)[1]))

    def drop_attachment(self, req: ApiRequest, fid: str) -> Response:
        """DELETE an attachment."""
        issue, entry = self._file(req, fid)
        if entry.author != self.user(req).id:
            self.need(req, issue, "ADMINISTER_PROJECTS")
        self.limits.write(issue)
        self.world.prepare(issue)
        issue.attachments.remove(entry)
        self.world.commit(issue, self.user(req).id)
        return self.empty()

    def attachment_content(self, req: ApiRequest, fid: str) -> Response:
        """The bytes (Cloud)."""
        return self._bytes(self._file(req, fid)[1])

    def attachment_file(self, req: ApiRequest, fid: str, name: str) -> Response:
        """The bytes (Data Center); the name in the path must be the file's."""
        entry = self._file(req, fid)[1]
        if entry.filename != name:
            raise Refusal(404, [self.world.say("no_attachment", id=fid)])
        return self._bytes(entry)

    @staticmethod
    def _bytes(entry: Attachment) -> Response:
        response = Response(entry.content, 200, content_type=entry.mime_type)
        response.headers.set("Content-Disposition", "attachment", filename=entry.filename)
        return response

    def _file(self, req: ApiRequest, fid: str) -> tuple[Issue, Any]:
        owner = self.world.file_owner(int(fid)) if fid.isdigit() else None
        if owner is not None:
            for entry in owner.attachments:
                if entry.id == int(fid):
                    return self.issue(req, str(owner.id)), entry
        raise Refusal(404, [self.world.say("no_attachment", id=fid)])
