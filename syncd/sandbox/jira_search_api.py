"""Search over REST: the cursor of Cloud, the offsets of Data Center."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from werkzeug.wrappers import Response

from syncd.sandbox import jira_meta as meta
from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_http import Route
from syncd.sandbox.jira_issue_api import IssueApi
from syncd.sandbox.jira_jql_plan import Plan, compile_jql
from syncd.sandbox.jira_model import Issue
from syncd.sandbox.jira_render import Json, Renderer
from syncd.sandbox.jira_search import Finder, Position
from syncd.sandbox.jira_writes import strict
from syncd.sandbox.web import ApiRequest

TOKEN_LIFE_MS: Final = 7 * 24 * 3600 * 1000
_CLOUD_KEYS: Final = {
    "jql",
    "nextPageToken",
    "maxResults",
    "fields",
    "expand",
    "properties",
    "fieldsByKeys",
    "failFast",
    "reconcileIssues",
}
_DC_KEYS: Final = frozenset({"jql", "startAt", "maxResults", "fields", "expand", "validateQuery"})


@dataclass(slots=True)
class _Search:
    """A request for a page, however it was sent."""

    jql: str
    size: int
    fields: list[str] | None
    expand: list[str]
    properties: list[str]
    reconcile: list[int]
    token: str | None = None
    start: int = 0
    validate: bool = True


class SearchApi(IssueApi):
    """/search/jql on Cloud, /search on Data Center."""

    ROUTES: ClassVar[tuple[Route, ...]] = (
        ("GET,POST", "/search/jql", "search_jql", "cloud"),
        ("POST", "/search/approximate-count", "approximate_count", "cloud"),
        ("GET,POST", "/search", "search", None),
    )
    OPEN: ClassVar[frozenset[str]] = frozenset({"search_jql", "search", "approximate_count"})

    def search_jql(self, req: ApiRequest) -> Response:
        """One page behind a token. The default field is `id`; the last page has no token."""
        wanted = self._cloud_request(req)
        if req.actor is None:
            return self.json_response({"issues": [], "isLast": True})
        plan = compile_jql(self.world, req.actor, wanted.jql)
        if plan.test is None:
            raise Refusal(400, [self.world.say("unbounded")])
        if len(plan.order) > 7:
            raise Refusal(400, [self.world.say("too_many", limit=7, what="ORDER BY")])
        fresh = [i for i in wanted.reconcile if i in self.world.issues]
        finder = Finder(self.world, plan, self.world.browsable(req.actor), fresh)
        after, count = self._position(wanted)
        switches, rng = self.world.switches, self.ctx.rng
        plain = set(wanted.fields or ["id"]) <= {"id", "key"}
        size = min(wanted.size, int(switches["search_id_page_cap" if plain else "search_page_cap"]))
        if switches["short_pages"]:
            size = rng.randint(1, size)
        if switches["empty_pages"] and rng.random() < 0.3:
            size = 0
        found, more = finder.page(after, size)
        render = self.render(req)
        chosen = render.select(wanted.fields, "id")
        shape: Json = {"issues": [self._found(render, doc, chosen, wanted, plain=plain) for doc in found]}
        if "names" in wanted.expand:
            shape["names"] = meta.names(render, chosen)
        if "schema" in wanted.expand:
            shape["schema"] = meta.schemas(render, chosen)
        shape["isLast"] = not more
        if more and switches["repeat_token"] and wanted.token:
            shape["nextPageToken"] = wanted.token
        elif more:
            last = finder.position(found[-1]) if found else after
            shape["nextPageToken"] = self._token(wanted, last, count + 1)
        return self.json_response(shape)

    def _found(self, render: Renderer, doc: Issue, chosen: list[str], wanted: _Search, *, plain: bool) -> Json:
        if plain and not wanted.expand and not wanted.properties:
            if "key" not in (wanted.fields or ()):
                return {"id": str(doc.id)}
            return {"id": str(doc.id), "self": f"{render.rest}/issue/{doc.id}", "key": doc.key}
        if self.world.switches["search_values"] == "live":
            doc = self.world.issues.get(doc.id, doc)
        shape = self.expanded(render, doc, chosen, wanted.expand, wanted.properties, in_search=True)
        if plain:
            del shape["fields"]
        return shape

    def _cloud_request(self, req: ApiRequest) -> _Search:
        if req.method == "GET":
            texts = self.names(req, "reconcileIssues")
            if not all(text.isdigit() for text in texts):
                raise Refusal(400, [self.world.say("bad_number", name="reconcileIssues")])
            wanted = _Search(
                jql=req.args.get("jql") or "",
                size=self.number(req, "maxResults", 50),
                fields=self.names(req, "fields") or None,
                expand=self.names(req, "expand"),
                properties=self.names(req, "properties"),
                reconcile=[int(text) for text in texts],
                token=req.args.get("nextPageToken") or None,
            )
        else:
            body = self.known_keys(self.body(req), _CLOUD_KEYS)
            expand, size, jql = body.get("expand"), body.get("maxResults"), body.get("jql")
            fresh = body.get("reconcileIssues") or []
            if (
                not isinstance(size, int | None)
                or not isinstance(expand, str | None)
                or not isinstance(jql, str | None)
                or not all(isinstance(number, int) for number in fresh)
            ):
                raise Refusal(400, [self.world.say("payload")])
            wanted = _Search(
                jql=jql or "",
                size=50 if size is None else size,
                fields=self._strings(body, "fields") or None,
                expand=[] if expand is None else expand.split(","),
                properties=self._strings(body, "properties"),
                reconcile=fresh,
                token=body.get("nextPageToken"),
            )
        for what, limit in (("properties", 5), ("reconcile", 50)):
            if len(getattr(wanted, what)) > limit:
                raise Refusal(400, [self.world.say("too_many", limit=limit, what=what)])
        if wanted.size < 1:
            raise Refusal(400, [self.world.say("bad_number", name="maxResults")])
        return wanted

    def _strings(self, body: Json, name: str) -> list[str]:
        value = body.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise Refusal(400, [self.world.say("payload")])
        return [part.strip() for entry in value for part in entry.split(",")]

    @staticmethod
    def _digest(wanted: _Search) -> str:
        """What must not change between pages: the query and the list to reconcile."""
        text = json.dumps([wanted.jql, sorted(wanted.reconcile)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _token(self, wanted: _Search, after: Position | None, count: int) -> str:
        data = {"p": after, "n": count, "t": self.world.now_ms(), "q": self._digest(wanted)}
        return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).decode()

    def _position(self, wanted: _Search) -> tuple[Position | None, int]:
        """Where the token's page begins, and how many pages came before. Raises `Refusal` 400."""
        if not wanted.token:
            return None, 0
        try:
            data: Any = json.loads(base64.urlsafe_b64decode(wanted.token))
        except (binascii.Error, ValueError):
            data = None
        if (
            not isinstance(data, dict)
            or data["q"] != self._digest(wanted)
            or self.world.now_ms() - data["t"] > TOKEN_LIFE_MS
        ):
            raise Refusal(400, [self.world.say("bad_token")])
        return data["p"], int(data["n"])

    def approximate_count(self, req: ApiRequest) -> Response:
        """POST search/approximate-count."""
        plan = compile_jql(self.world, req.actor, str(self.body(req).get("jql") or ""))
        if plan.test is None:
            raise Refusal(400, [self.world.say("unbounded")])
        return self.json_response({"count": Finder(self.world, plan, self.world.browsable(req.actor)).count()})

    # Offsets

    def search(self, req: ApiRequest) -> Response:
        """Offset paging over the living set, so that rows are skipped when issues move. Cloud: 410."""
        if self.world.cloud and self.world.switches["410_on_old_search"]:
            raise Refusal(410, [self.world.say("removed")])
        wanted = self._offset_request(req)
        cap = int(self.world.switches["search_page_cap_dc"])
        size = cap if wanted.size < 0 else min(wanted.size, cap)
        if req.actor is None:
            plan, found = Plan(None, ()), []
        else:
            plan = compile_jql(self.world, req.actor, wanted.jql, lenient=not wanted.validate)
            found = Finder(self.world, plan, self.world.browsable(req.actor)).every()
        render = self.render(req)
        chosen = render.select(wanted.fields, "*navigable")
        shape: Json = {
            "expand": "schema,names",
            "startAt": wanted.start,
            "maxResults": size,
            "total": len(found),
            "issues": [
                self._found(render, doc, chosen, wanted, plain=False)
                for doc in found[wanted.start : wanted.start + size]
            ],
        }
        if plan.warnings:
            shape["warningMessages"] = plan.warnings
        if "names" in wanted.expand:
            shape["names"] = meta.names(render, chosen)
        if "schema" in wanted.expand:
            shape["schema"] = meta.schemas(render, chosen)
        return self.json_response(shape)

    def _offset_request(self, req: ApiRequest) -> _Search:
        if req.method == "GET":
            return _Search(
                jql=req.args.get("jql") or "",
                size=self.number(req, "maxResults", 50),
                start=max(0, self.number(req, "startAt", 0)),
                fields=self.names(req, "fields") or None,
                expand=self.names(req, "expand"),
                properties=[],
                reconcile=[],
                validate=req.args.get("validateQuery", "true") not in {"false", "none", "warn"},
            )
        body = strict(self.world, self.body(req), _DC_KEYS, "v2.search.SearchRequestBean")
        for name, kind in (("expand", list), ("fields", list), ("maxResults", int), ("startAt", int)):
            if not isinstance(body.get(name), kind | None):
                raise Refusal(400, body={"errorMessages": [self.world.say("unreadable", name=name)]})
        return _Search(
            jql=str(body.get("jql") or ""),
            size=50 if body.get("maxResults") is None else int(body["maxResults"]),
            start=max(0, int(body.get("startAt") or 0)),
            fields=self._strings(body, "fields") or None,
            expand=self._strings(body, "expand"),
            properties=[],
            reconcile=[],
            validate=body.get("validateQuery") not in {False, "false", "none", "warn"},
        )
