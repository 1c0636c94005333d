"""Comments and entity properties over REST."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from werkzeug.wrappers import Response

from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_fields import TEXT_LIMIT
from syncd.sandbox.jira_http import JiraHandlers, Route
from syncd.sandbox.jira_model import Comment, Issue
from syncd.sandbox.jira_render import Json
from syncd.sandbox.jira_text import adf_to_text, is_adf
from syncd.sandbox.jira_writes import strict
from syncd.sandbox.web import ApiRequest

_COMMENT_KEYS: Final = frozenset(
    {
        "self",
        "id",
        "author",
        "body",
        "renderedBody",
        "updateAuthor",
        "created",
        "updated",
        "visibility",
        "properties",
    }
)
_PROPERTY_LIMIT: Final = 32_768


class CommentApi(JiraHandlers):
    """/issue/{issue}/comment, /comment and the properties of issues and comments."""

    ROUTES: ClassVar[tuple[Route, ...]] = (
        ("GET", "/issue/<ref>/comment", "get_comments", None),
        ("POST", "/issue/<ref>/comment", "post_comment", None),
        ("GET", "/issue/<ref>/comment/<cid>", "get_comment", None),
        ("PUT", "/issue/<ref>/comment/<cid>", "put_comment", None),
        ("DELETE", "/issue/<ref>/comment/<cid>", "remove_comment", None),
        ("POST", "/comment/list", "list_comments", "cloud"),
        ("GET", "/comment/<cid>/properties", "comment_properties", None),
        ("GET", "/comment/<cid>/properties/<path:key>", "get_comment_property", None),
        ("PUT", "/comment/<cid>/properties/<path:key>", "put_comment_property", None),
        ("DELETE", "/comment/<cid>/properties/<path:key>", "drop_comment_property", None),
        ("GET", "/issue/<ref>/properties", "issue_properties", None),
        ("GET", "/issue/<ref>/properties/<path:key>", "get_issue_property", None),
        ("PUT", "/issue/<ref>/properties/<path:key>", "put_issue_property", None),
        ("DELETE", "/issue/<ref>/properties/<path:key>", "drop_issue_property", None),
    )
    OPEN: ClassVar[frozenset[str]] = frozenset(
        {
            "get_comments",
            "post_comment",
            "get_comment",
            "put_comment",
            "remove_comment",
            "list_comments",
            "issue_properties",
            "get_issue_property",
            "put_issue_property",
            "drop_issue_property",
        }
    )

    # Comments

    def get_comments(self, req: ApiRequest, ref: str) -> Response:
        """GET comment: 100 a page on Cloud, 50 on Data Center; oldest first unless `orderBy=-created`."""
        issue = self.issue(req, ref)
        render = self.render(req)
        entries = render.visible_comments(issue)
        order = req.args.get("orderBy") or "created"
        if order.lstrip("+-") != "created":
            raise Refusal(400, [self.world.say("order_by", value=order)])
        if order.startswith("-"):
            entries = entries[::-1]
        page_size = 100 if self.world.cloud else 50
        start = max(0, self.number(req, "startAt", 0))
        size = self.number(req, "maxResults", page_size)
        size = min(size, page_size) if self.world.cloud else size
        page = entries[start : start + max(0, size)]
        expand = self.names(req, "expand")
        return self.json_response(
            {
                "startAt": start,
                "maxResults": size,
                "total": len(entries),
                "comments": [render.comment(issue, entry, expand) for entry in page],
            }
        )

    def post_comment(self, req: ApiRequest, ref: str) -> Response:
        """POST comment: not idempotent; properties come in the same step."""
        issue = self.writable(req, ref)
        self.need(req, issue, "ADD_COMMENTS", 400)
        body = strict(self.world, self.body(req), _COMMENT_KEYS, "v2.issue.CommentJsonBean")
        limit = int(self.world.switches["comment_limit"])
        if len(issue.comments) >= limit:
            text = self.world.say("limit", what="comments")
            raise Refusal(413, [text], {"comments": text})
        text = self._text(req, body)
        visibility = self._visibility(req, body.get("visibility"))
        properties = self._properties(body.get("properties"))
        entry = self.world.add_comment(self.user(req).id, issue, text, visibility=visibility, properties=properties)
        return self.json_response(self.render(req).comment(issue, entry, self.names(req, "expand")), 201)

    def get_comment(self, req: ApiRequest, ref: str, cid: str) -> Response:
        """GET one comment."""
        issue, entry = self._comment(req, ref, cid)
        return self.json_response(self.render(req).comment(issue, entry, self.names(req, "expand")))

    def put_comment(self, req: ApiRequest, ref: str, cid: str) -> Response:
        """PUT comment. A visibility that is not repeated is gone afterwards: the comment is open then."""
        issue, entry = self._comment(req, ref, cid)
        user = self.user(req)
        own = entry.author == user.id
        self.need(req, issue, "EDIT_OWN_COMMENTS" if own else "EDIT_ALL_COMMENTS", 400)
        self.limits.write(issue)
        body = strict(self.world, self.body(req), _COMMENT_KEYS, "v2.issue.CommentJsonBean")
        text = self._text(req, body)
        visibility = self._visibility(req, body.get("visibility"))
        properties = self._properties(body.get("properties"))
        self.world.prepare(issue)
        entry.body, entry.visibility, entry.update_author = text, visibility, user.id
        entry.updated = self.world.now_ms()
        entry.properties.update(properties)
        self.world.commit(issue, user.id)
        return self.json_response(self.render(req).comment(issue, entry, self.names(req, "expand")))

    def remove_comment(self, req: ApiRequest, ref: str, cid: str) -> Response:
        """DELETE comment."""
        issue, entry = self._comment(req, ref, cid)
        own = entry.author == self.user(req).id
        self.need(req, issue, "DELETE_OWN_COMMENTS" if own else "DELETE_ALL_COMMENTS", 400)
        self.limits.write(issue)
        self.world.prepare(issue)
        issue.comments.remove(entry)
        self.world.commit(issue, self.user(req).id)
        return self.empty()

    def list_comments(self, req: ApiRequest) -> Response:
        """POST comment/list: up to 1000 by id; what is unknown or hidden is missing without a word."""
        ids = self.body(req).get("ids")
        if not isinstance(ids, list) or not ids:
            raise Refusal(400, [self.world.say("too_few", what="ids")])
        if len(ids) > 1000:
            raise Refusal(400, [self.world.say("too_many", limit=1000, what="ids")])
        render = self.render(req)
        expand = self.names(req, "expand")
        shown: list[Json] = []
        for number in ids:
            found = self._visible(req, str(number))
            if found is not None:
                shown.append(render.comment(*found, expand))
        shape: Json = {"isLast": True, "maxResults": 1_048_576, "startAt": 0, "total": len(shown)}
        return self.json_response(shape | {"values": shown})

    def _visible(self, req: ApiRequest, cid: str) -> tuple[Issue, Comment] | None:
        found = self.world.comment_owner(int(cid)) if cid.isdigit() else None
        if found is None:
            return None
        issue, entry = found
        seen = self.world.site.browses(req.actor, self.world.site.projects[issue.project])
        return found if seen and self.world.site.sees(req.actor, entry.visibility) else None

    def _comment(self, req: ApiRequest, ref: str, cid: str) -> tuple[Issue, Comment]:
        issue = self.issue(req, ref)
        found = self._visible(req, cid)
        if found is None or found[0] is not issue:
            raise Refusal(404, [self.world.say("no_comment", id=cid)])
        return found

    def _text(self, req: ApiRequest, body: Json) -> str:
        value = body.get("body")
        if self.rich(req):
            text = adf_to_text(value) if isinstance(value, dict) and is_adf(value) else None
        else:
            text = value if isinstance(value, str) else None
        if value is not None and text is None:
            raise Refusal(400, errors={"comment": self.world.say("not_comment")})
        if not text or not text.strip():
            raise Refusal(400, errors={"comment": self.world.say("empty_comment")})
        if len(text) > TEXT_LIMIT:
            raise Refusal(400, errors={"comment": self.world.say("text_long")})
        return text

    def _visibility(self, req: ApiRequest, value: Any) -> Json | None:
        if not value:
            return None
        kind = value.get("type") if isinstance(value, dict) else None
        name = value.get("value") or value.get("identifier") if isinstance(value, dict) else None
        site = self.world.site
        known = {"role": site.roles, "group": site.groups}.get(str(kind), {})
        if str(name) not in known:
            text = "no_role" if kind == "role" else "no_group"
            raise Refusal(400, errors={"commentLevel": self.world.say(text, name=name)})
        visibility = {"type": str(kind), "value": str(name)}
        if not site.sees(req.actor, visibility):
            raise Refusal(400, errors={"commentLevel": self.world.say("not_in_role", name=name)})
        return visibility

    def _properties(self, value: Any) -> dict[str, Any]:
        entries = value or []
        if not isinstance(entries, list) or not all(isinstance(e, dict) and e.get("key") for e in entries):
            raise Refusal(400, [self.world.say("payload")])
        return {str(entry["key"]): entry.get("value") for entry in entries}

    # Properties

    def issue_properties(self, req: ApiRequest, ref: str) -> Response:
        """GET properties of an issue: the keys."""
        issue = self.issue(req, ref)
        return self._keys(req, f"issue/{issue.id}", issue.properties)

    def get_issue_property(self, req: ApiRequest, ref: str, key: str) -> Response:
        """GET one property of an issue."""
        return self._property(self.issue(req, ref).properties, key)

    def put_issue_property(self, req: ApiRequest, ref: str, key: str) -> Response:
        """PUT a property: 201 when it is new, else 200; `updated` does not move."""
        return self._put(req, self.writable(req, ref, "EDIT_ISSUES").properties, key)

    def drop_issue_property(self, req: ApiRequest, ref: str, key: str) -> Response:
        """DELETE a property of an issue."""
        return self._drop(self.writable(req, ref, "EDIT_ISSUES").properties, key)

    def comment_properties(self, req: ApiRequest, cid: str) -> Response:
        """GET properties of a comment: the keys."""
        issue, entry = self._known(req, cid)
        return self._keys(req, f"issue/{issue.id}/comment/{entry.id}", entry.properties)

    def get_comment_property(self, req: ApiRequest, cid: str, key: str) -> Response:
        """GET one property of a comment."""
        return self._property(self._known(req, cid)[1].properties, key)

    def put_comment_property(self, req: ApiRequest, cid: str, key: str) -> Response:
        """PUT a property of a comment: 201 when it is new, else 200."""
        return self._put(req, self._editable(req, cid).properties, key)

    def drop_comment_property(self, req: ApiRequest, cid: str, key: str) -> Response:
        """DELETE a property of a comment."""
        return self._drop(self._editable(req, cid).properties, key)

    def _known(self, req: ApiRequest, cid: str) -> tuple[Issue, Comment]:
        found = self._visible(req, cid)
        if found is None:
            raise Refusal(404, [self.world.say("no_comment", id=cid)])
        return found

    def _editable(self, req: ApiRequest, cid: str) -> Comment:
        issue, entry = self._known(req, cid)
        own = entry.author == self.user(req).id
        self.need(req, issue, "EDIT_OWN_COMMENTS" if own else "EDIT_ALL_COMMENTS")
        self.limits.write(issue)
        return entry

    def _keys(self, req: ApiRequest, where: str, properties: dict[str, Any]) -> Response:
        rest = self.render(req).rest
        keys = [{"self": f"{rest}/{where}/properties/{key}", "key": key} for key in properties]
        return self.json_response({"keys": keys})

    def _property(self, properties: dict[str, Any], key: str) -> Response:
        if key not in properties:
            raise Refusal(404, [self.world.say("no_property", key=key)])
        return self.json_response({"key": key, "value": properties[key]})

    def _put(self, req: ApiRequest, properties: dict[str, Any], key: str) -> Response:
        raw = req.get_data(cache=True, as_text=True)
        try:
            value = json.loads(raw)
        except ValueError as error:
            raise Refusal(400, [self.world.say("property_json")]) from error
        if len(raw) > _PROPERTY_LIMIT:
            raise Refusal(400, [self.world.say("property_json")])
        if len(key) > 255:
            raise Refusal(400, [self.world.say("property_key")])
        known = key in properties
        properties[key] = value
        return self.json_response({}, 200 if known else 201)

    def _drop(self, properties: dict[str, Any], key: str) -> Response:
        if key not in properties:
            raise Refusal(404, [self.world.say("no_property", key=key)])
        del properties[key]
        return self.empty()
