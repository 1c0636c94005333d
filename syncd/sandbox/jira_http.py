"""What all requests to the pretend Jira have in common: who asks, from where, and how refusals look."""

from __future__ import annotations

import base64
import binascii
import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_limits import Limits, fault_answer
from syncd.sandbox.jira_model import Deployment, Issue, User
from syncd.sandbox.jira_render import Renderer
from syncd.sandbox.jira_world import JiraWorld
from syncd.sandbox.web import ApiRequest, SandboxContext, ServiceApp

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: The id of the pretend site; with it the gateway's prefix is `/ex/jira/<id>`.
CLOUD_ID: Final = "5a4b7c1e-0000-4000-8000-0000000c10d5"
GATEWAY_PREFIX: Final = f"/ex/jira/{CLOUD_ID}"
#: Data Center may live below a context path.
CONTEXT_PATH: Final = "/jira"

_GATEWAY: Final = "sandbox.jira.gateway"
_FAILED: Final = "sandbox.jira.login_failed"
_ENDPOINT: Final = "sandbox.jira.endpoint"

#: A route: methods, path below /rest/api/N (from the root when it begins with two slashes), endpoint, deployment
#: ("cloud", "data_center" or None for both).
Route = tuple[str, str, str, str | None]


@functools.cache  # compiling the rules takes longer than most tests
def _routes(app: type[JiraHandlers], deployment: Deployment) -> Map:
    """The routes of all parts of an application, below each version of the interface."""
    versions = ("2", "3", "latest") if deployment == "cloud" else ("2", "latest")
    rules: list[Rule] = []
    for part in app.__mro__:
        for methods, path, endpoint, only in vars(part).get("ROUTES", ()):
            if only in (None, deployment):
                fixed = path.startswith("//")
                places = [path[1:]] if fixed else [f"/rest/api/{version}{path}" for version in versions]
                rules += [Rule(place, endpoint=endpoint, methods=methods.split(",")) for place in places]
    return Map(rules, strict_slashes=False, merge_slashes=False)


class JiraHandlers(ServiceApp):
    """Base of the parts of `JiraApp`. A part lists its `ROUTES` and has the methods that they name.

    `OPEN` names the endpoints that also answer somebody who is not logged in.
    """

    ROUTES: ClassVar[tuple[Route, ...]] = ()
    OPEN: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, ctx: SandboxContext, world: JiraWorld) -> None:
        super().__init__("jira", ctx, world.lock)
        self.world = world
        self.limits = Limits(world)
        self._open = frozenset(name for part in type(self).__mro__ for name in vars(part).get("OPEN", ()))
        self.url_map = _routes(type(self), world.deployment)

    # The way of a request

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        prefix = GATEWAY_PREFIX if self.world.cloud else CONTEXT_PATH
        if path.startswith(prefix + "/"):
            environ["PATH_INFO"] = path[len(prefix) :]
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
            environ[_GATEWAY] = self.world.cloud
        return super().__call__(environ, start_response)

    def authenticate(self, request: ApiRequest) -> User | None:
        """The account behind the credentials; nobody when there are none, or wrong ones (see the switches)."""
        header = request.headers.get("Authorization")
        if not header:
            return None
        scheme, _, secret = header.partition(" ")
        user = None
        gateway = bool(request.environ.get(_GATEWAY))
        if scheme.lower() == "bearer":
            user = self.world.site.bearer(secret, gateway=gateway)
        elif scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(secret, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                name = secret = ""
            user = self.world.site.login(name, secret, gateway=gateway)
        if user is None:
            request.environ[_FAILED] = True
            # A token with scopes is refused on the site itself, whatever the switch says.
            scoped = self.world.cloud and not gateway and self.world.site.is_scoped(secret)
            if scoped or not self.world.switches["bad_token_search_200_empty"]:
                raise self.unauthenticated()
        return user

    def unauthenticated(self) -> Refusal:
        """401."""
        if self.world.cloud:
            return Refusal(401, body=self.world.say("unauthenticated"))
        headers = {"WWW-Authenticate": 'OAuth realm="http%3A%2F%2Fjira.invalid"'}
        return Refusal(401, [self.world.say("login"), self.world.say("login_required")], headers=headers)

    def actor_name(self, actor: User | None) -> str:
        """The account id or user name."""
        return "anonymous" if actor is None else actor.id

    def before_dispatch(self, request: ApiRequest, endpoint: str | None) -> Response | None:
        """Faults of Jira's own kinds, limits, and who must be logged in."""
        request.environ[_ENDPOINT] = endpoint
        if request.fault is not None:
            answer = fault_answer(self.world, self.limits, request.fault)
            if answer is not None:
                return answer
        if endpoint is None:
            return None
        limited = self.limits.check(request.actor, endpoint, request.method)
        if limited is not None:
            return limited
        if request.actor is None and endpoint not in self._open:
            return self.unauthenticated().response
        if self._has_emoji(request):
            return Refusal(500, [self.world.say("internal")]).response
        return None

    def _has_emoji(self, request: ApiRequest) -> bool:
        if self.world.cloud or not self.world.switches["emoji_500"] or request.method not in {"POST", "PUT"}:
            return False
        return any(ord(letter) > 0xFFFF for letter in str(self.body_for_journal(request)))

    def finish(self, request: ApiRequest, response: Response) -> None:
        """Rate headers, and on Data Center who the server thinks is asking."""
        user: User | None = request.actor
        endpoint = request.environ.get(_ENDPOINT)
        self.limits.headers(user, endpoint, request.method, response.headers)
        if self.world.cloud:
            if user is not None:
                response.headers["X-AACCOUNTID"] = quote(user.id)
        else:
            response.headers["X-AUSERNAME"] = user.id if user is not None else "anonymous"
        if request.environ.get(_FAILED):
            response.headers["X-Seraph-LoginReason"] = "AUTHENTICATED_FAILED"
        elif user is not None and not self.world.cloud:
            response.headers["X-Seraph-LoginReason"] = "OK"

    def tick_world(self) -> None:
        """The index takes in what fell due."""
        self.world.index.flush(self.world.now_ms())

    def not_found(self, request: ApiRequest) -> Response:
        """An unknown path."""
        where = f"null for uri: {request.host_url.rstrip('/')}{request.api_path}"
        return Refusal(404, body={"message": where, "status-code": 404}).response

    def method_not_allowed(self, request: ApiRequest) -> Response:  # noqa: ARG002 - a hook of the base
        """A known path with another method."""
        return Refusal(405, body={"message": self.world.say("method"), "status-code": 405}).response

    def bad_body(self, request: ApiRequest, error: ValueError) -> Response:  # noqa: ARG002 - a hook of the base
        """A body that is no JSON."""
        return Refusal(400, [self.world.say("not_json")]).response

    # For the handlers

    def rich(self, request: ApiRequest) -> bool:
        """Whether rich text is an Atlassian document (version 3) or wiki text (version 2, latest)."""
        return request.api_path.startswith("/rest/api/3/")

    def render(self, request: ApiRequest) -> Renderer:
        """Shapes for who asks."""
        base = request.host_url.rstrip("/")
        if not self.world.cloud:
            base += request.environ.get("SCRIPT_NAME", "")
        return Renderer(self.world, request.actor, base, rich=self.rich(request))

    def body(self, request: ApiRequest) -> dict[str, Any]:
        """The body as an object. Raises `Refusal` 400."""
        try:
            data = request.payload
        except ValueError as error:
            raise Refusal(400, [self.world.say("not_json")]) from error
        if not isinstance(data, dict):
            raise Refusal(400, [self.world.say("not_json")])
        return data

    def user(self, request: ApiRequest) -> User:
        """Who asks, where somebody must be logged in. Raises `Refusal` 401."""
        if request.actor is None:
            raise self.unauthenticated()
        user: User = request.actor
        return user

    def issue(self, request: ApiRequest, reference: str) -> Issue:
        """The issue. Raises `Refusal` 404 when there is none or it is hidden; 401 on Data Center for nobody."""
        found = self.world.find_issue(reference)
        hidden = found is None or not self.world.site.browses(request.actor, self.world.site.projects[found.project])
        if found is not None and not hidden:
            return found
        if self.world.cloud:
            raise Refusal(404, [self.world.say("no_issue")])
        if request.actor is None:
            raise self.unauthenticated()
        raise Refusal(404, [self.world.say("no_issue_dc")])

    def writable(self, request: ApiRequest, reference: str, permission: str | None = None) -> Issue:
        """The issue, for a write. Raises as `issue`, and 403 without the permission, 429 for too many writes."""
        found = self.issue(request, reference)
        if permission is not None:
            self.need(request, found, permission)
        self.limits.write(found)
        return found

    def need(self, request: ApiRequest, issue: Issue, permission: str, status: int = 403) -> None:
        """Raises `Refusal` without the permission."""
        if not self.world.site.may(request.actor, permission, self.world.site.projects[issue.project]):
            raise Refusal(status, [self.world.say("no_permission", permission=permission)])

    def number(self, request: ApiRequest, name: str, default: int) -> int:
        """A whole number of the query string. Raises `Refusal` 400."""
        value = request.args.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except ValueError as error:
            raise Refusal(400, [self.world.say("bad_number", name=name)]) from error

    @staticmethod
    def names(request: ApiRequest, name: str) -> list[str]:
        """A list of the query string: repeated, comma separated or both."""
        return [part.strip() for value in request.args.getlist(name) for part in value.split(",") if part.strip()]

    @staticmethod
    def empty(status: int = 204) -> Response:
        """An answer without a body."""
        response = Response(b"", status)
        response.headers.pop("Content-Type", None)
        return response
