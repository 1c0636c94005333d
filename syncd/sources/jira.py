"""Jira, Cloud or Data Center, as an IssueSource. All that is known about Jira's API is in the jira_* modules here.

REST version 2 is used on both deployments, so that texts are wiki markup on both:
https://developer.atlassian.com/cloud/jira/platform/rest/v2/ and https://developer.atlassian.com/server/jira/platform/rest/.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from requests.adapters import BaseAdapter

from syncd.core.field_model import FieldChange
from syncd.core.model import BugField, IssueEdit, IssueSnapshot, Json, ProjectCatalog, Version
from syncd.core.ports import Budget, BugComment, Clock, Identity, IssuePage, Transition
from syncd.core.wiki import within_bmp
from syncd.sources.credentials import Credential
from syncd.sources.errors import (
    AuthError,
    InvalidResponseError,
    NotFoundError,
    RefusedError,
    SourceError,
    TransientError,
)
from syncd.sources.files import ATLASSIAN_HOSTS, FileFetcher
from syncd.sources.http import BeforeSend, CallKind, CallRecord
from syncd.sources.jira_create import Creator
from syncd.sources.jira_fields import FieldDefinitions, body_of, find_account, read_priorities
from syncd.sources.jira_history import history_metadata
from syncd.sources.jira_json import Authors, ident, record, rows, user_id
from syncd.sources.jira_members import Members
from syncd.sources.jira_parse import ORIGIN, marker_of_origin, parse_comment, parse_versions
from syncd.sources.jira_read import Reader
from syncd.sources.jira_scan import IssueScan
from syncd.sources.jira_talk import JiraTalk
from syncd.sources.jira_wire import Wire, segment, understood
from syncd.sources.jira_workflow import (
    lacks_categories,
    parse_categories,
    parse_graph,
    parse_permissions,
    parse_resolutions,
    parse_statuses,
    parse_transitions,
)

Deployment = Literal["cloud", "data_center"]

NEEDED: Final = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "TRANSITION_ISSUES",
    "ADD_COMMENTS",
    "LINK_ISSUES",
)
"""Permissions that syncd may need in a project."""
FOR_COMMENTS: Final = ("CREATE_ATTACHMENTS", "EDIT_OWN_COMMENTS", "DELETE_OWN_COMMENTS", "DELETE_OWN_ATTACHMENTS")
"""Permissions for what comments from tickets bring with them."""
EXCESS: Final = ("ADMINISTER", "ADMINISTER_PROJECTS", "DELETE_ISSUES")
"""Permissions that its account had better not have."""

COMMENTS: Final = 50  # of the newest, in one call
GRAPH_FOR: Final = 3600.0  # seconds for which a workflow's graph is kept
KNOWN_MARKERS: Final = 5000
WRITES: Final = ((20, 2.0), (100, 30.0))
"""Writes to one issue that Cloud allows in so many seconds:
https://developer.atlassian.com/cloud/jira/platform/rate-limiting/"""
_UNREADABLE: Final = frozenset({400, 401, 403, 404, 405, 410})


class Jira:
    """One account on one Jira.

    `base_url` may have a path: a Data Center's context, or `/ex/jira/<cloudId>` of the gateway that scoped tokens need.
    `deployment` "auto" asks serverInfo. `site_url` is where people's links lead when that is another host. `robots`
    names accounts (id, name or display name) whose changes are not a person's. `adapter`, `ca`, `on_call`,
    `before_send` and `sleep` are the session's. Not for two threads at once.
    """

    def __init__(
        self,
        base_url: str,
        auth: Credential | None,
        deployment: Literal["auto", "cloud", "data_center"] = "auto",
        site_url: str | None = None,
        *,
        clock: Clock,
        adapter: BaseAdapter | None = None,
        robots: Iterable[str] = (),
        ca: str | None = None,
        on_call: Callable[[CallRecord], None] | None = None,
        before_send: tuple[BeforeSend, ...] = (),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._site_url = site_url.rstrip("/") if site_url else None
        self._robots = tuple(robots)
        self._deployment: Deployment | None = None if deployment == "auto" else deployment
        self._server: str | None = None
        self._known_authors: Authors | None = None
        self._graphs: dict[tuple[str, str], tuple[float, tuple[tuple[str | None, str], ...]]] = {}
        self._markers: dict[str, str | None] = {}  # of our comments, by their id
        self._writes: dict[str, deque[float]] = {}  # monotonic times by issue
        self._wire = Wire(
            base_url,
            auth,
            clock=clock,
            adapter=adapter,
            ca=ca,
            on_call=on_call,
            before_send=before_send,
            sleep=sleep,
        )
        self._reader = Reader(self._wire, clock, is_cloud=self._is_cloud, authors=self._authors, probe=self._myself)
        self.creator: Final = Creator(self._wire, self._is_cloud)
        self.scan: Final = IssueScan(self._wire, self._is_cloud)

        self.talk = JiraTalk(
            self._wire,
            FileFetcher(
                self._wire.session.base_url,
                self._wire.session.signer,
                service="jira",
                hosts=ATLASSIAN_HOSTS,
                clock=clock,
                budgets=self._wire.session.budgets,
                adapter=adapter,
                ca=ca,
            ),
            is_cloud=self._is_cloud,
            understand=self._comment,
            authors=self._authors,
            members=Members(self._wire, clock),
            count_write=self._count_write,
        )

    # ---- who and where -----------------------------------------------------------------------------------------

    def identity(self) -> Identity:
        """Who we are, asked anew; raises AuthError when the server takes us for nobody.

        serverInfo answers anybody, so it is `myself` that proves the credential.
        """
        deployment = self._ask_deployment()
        me = self._myself()
        name, zone = me.get("displayName"), me.get("timeZone")
        return Identity(
            server=self._server or self._wire.session.base_url,
            account_id=user_id(me) or "",
            name=name if isinstance(name, str) else "",
            time_zone=zone if isinstance(zone, str) and zone else "UTC",
            deployment=deployment,
        )

    def _ask_deployment(self) -> Deployment:
        """What serverInfo says. Data Center calls itself "Server" there."""
        with understood():
            info = record(self._wire.get("serverInfo", anonymous=True), "serverInfo")
            deployment: Deployment = "cloud" if info.get("deploymentType") == "Cloud" else "data_center"
            if not isinstance(info.get("version"), str) and "deploymentType" not in info:
                raise InvalidResponseError("jira: what answers at serverInfo is not a Jira")
        base = info.get("baseUrl")
        self._server = base.rstrip("/") if isinstance(base, str) and base else self._wire.session.base_url
        if self._deployment is None:
            self._deployment = deployment
        return deployment

    def _myself(self) -> Mapping[str, Any]:
        with understood():
            me = record(self._wire.get("myself"), "myself")
        if user_id(me) is None:
            raise AuthError("jira: the server does not say who we are: the credential is nobody's")
        own = (me.get(key) for key in ("accountId", "name", "key"))
        self._known_authors = Authors.of((name for name in own if isinstance(name, str)), self._robots)
        return me

    def _is_cloud(self) -> bool:
        return (self._deployment or self._ask_deployment()) == "cloud"

    def _authors(self) -> Authors:
        if self._known_authors is None:
            self._myself()
        assert self._known_authors is not None  # noqa: S101 - _myself sets it or raises
        return self._known_authors

    def permissions(self, project_key: str) -> Mapping[str, bool]:
        """NEEDED, FOR_COMMENTS and EXCESS -> have it or not, of those that this Jira knows; raises NotFoundError for an
        unknown project."""
        names: tuple[str, ...] = NEEDED + FOR_COMMENTS + EXCESS
        try:
            answer = self._mine(project_key, names)
        except RefusedError:  # Cloud refuses the whole question when it does not know a name
            names = NEEDED
            answer = self._mine(project_key, names)
        with understood():
            return parse_permissions(answer, names)

    def _mine(self, project_key: str, names: tuple[str, ...]) -> Any:
        return self._wire.get("mypermissions", {"projectKey": project_key, "permissions": ",".join(names)})

    def catalog(self, project_key: str) -> ProjectCatalog:
        """Statuses by issue type, resolutions and versions; raises NotFoundError for an unknown project."""
        path = f"project/{segment(project_key)}"
        with understood():
            project = record(self._wire.get(path), "a project")
            kinds = self._wire.get(f"{path}/statuses")
            categories = parse_categories(self._wire.get("status")) if lacks_categories(kinds) else {}
            return ProjectCatalog(
                key=ident(project.get("key"), "a project's key"),
                id=ident(project.get("id"), "a project's id"),
                statuses=parse_statuses(kinds, categories),
                resolutions=parse_resolutions(self._wire.get("resolution")),
                versions=self.versions(project_key),
            )

    def versions(self, project_key: str) -> tuple[Version, ...]:
        """The project's versions, released or not."""
        with understood():
            return parse_versions(self._wire.get(f"project/{segment(project_key)}/versions"))

    # ---- issues ------------------------------------------------------------------------------------------------

    def changed(self, project_keys: Sequence[str], since_ms: int, cursor: str | None) -> IssuePage:
        """One page of issues of these projects updated at or after `since_ms`, oldest change first, without changelog.

        Rows repeat; pages may be short or empty before the end. A project that the server does not know is left out
        and named in `malformed`; RefusedError when none is left. An empty page is returned as such, but AuthError is
        raised when the answer says that it was meant for nobody. InvalidResponseError when a walk does not end.
        """
        return self._reader.changed(project_keys, since_ms, cursor)

    def read(self, ids: Sequence[str], *, history: bool = True) -> tuple[IssueSnapshot, ...]:
        """The issues with these ids or keys as they are now, in this order, with their whole status history.

        One that does not answer comes back with visible=False, after `myself` has proved that we are somebody. One that
        cannot be understood is left out, or raises InvalidResponseError when it is the only one asked for.
        """
        return self._reader.read(ids, history=history)

    def census(self, ids: Sequence[str]) -> tuple[IssueSnapshot, ...]:
        """As read without history; on Data Center by search, 100 ids a call, those not found read directly."""
        return self._reader.census(ids)

    def want_fields(self, field_ids: Iterable[str]) -> None:
        """Further fields, by id, that every reading of an issue asks for from now on."""
        self._reader.want(field_ids)

    def want_last_word(self, wanted: bool) -> None:
        """Whether readings with history tell at least who commented, and when, as IssueSnapshot.marks."""
        self._reader.want_last_word(wanted)

    def want_marks(self, wanted: bool) -> None:
        """Whether readings with history also tell who did what beside the status (IssueSnapshot.marks)."""
        self._reader.want_marks(wanted)

    def with_edits(self, issue_id: str) -> tuple[IssueSnapshot, tuple[IssueEdit, ...]]:
        """The issue as it is now and every edit in its changelog, newest first; visible=False when it does not
        answer. One call, on Cloud more for a changelog that was cut off."""
        return self._reader.with_edits(issue_id)

    def bug_fields(self, project_key: str, issue_type: str) -> tuple[BugField, ...]:
        """Every field, those on the create screen of the issue type with their allowed values; about three calls."""
        return FieldDefinitions(self._wire).read(project_key, issue_type)

    def priorities(self) -> tuple[str, ...]:
        """The names of the site's priorities, the highest first. One call."""
        return read_priorities(self._wire)

    def find_account(self, asked: str) -> str | None:
        """The account of an e-mail address, id, user name or full name; None unless exactly one fits."""
        return find_account(self._wire, asked, cloud=self._is_cloud())

    def edit(self, issue_id: str, changes: Sequence[FieldChange], *, marker: str) -> None:
        """One edit; lists are changed member by member. There is no compare-and-swap: read before and after.

        `marker` goes into the changelog entry's historyMetadata. RefusedError names the fields that Jira refused."""
        body = {**body_of(changes, cloud=self._is_cloud()), "historyMetadata": history_metadata(marker)}
        self._count_write(issue_id)
        self._wire.write(f"issue/{segment(issue_id)}", body, method="PUT")

    # ---- workflow ----------------------------------------------------------------------------------------------

    def transitions(self, issue_id: str) -> tuple[Transition, ...]:
        """What our account may do with the issue now, with the fields on each screen. Empty also where the account
        lacks the permission to transition."""
        path = f"issue/{segment(issue_id)}/transitions"
        with understood():
            return parse_transitions(self._wire.get(path, {"expand": "transitions.fields"}))

    def graph(self, project_id: str, issue_type_id: str) -> tuple[tuple[str | None, str], ...]:
        """Edges (from status id or None = from any, to status id); empty on Data Center, which has no such call, and
        where the account may not read workflows. Kept for an hour."""
        now = self._clock.monotonic()
        until, edges = self._graphs.get((project_id, issue_type_id), (now, ()))
        if until <= now:
            edges = self._ask_graph(project_id, issue_type_id) if self._is_cloud() else ()
            self._graphs[project_id, issue_type_id] = (now + GRAPH_FOR, edges)
        return edges

    def _ask_graph(self, project_id: str, issue_type_id: str) -> tuple[tuple[str | None, str], ...]:
        body = {"projectAndIssueTypes": [{"projectId": project_id, "issueTypeId": issue_type_id}]}
        try:
            with understood():
                return parse_graph(self._wire.ask("workflows", body, v3=True))
        except SourceError as error:
            if error.status not in _UNREADABLE:
                raise
            return ()

    def transition(self, issue_id: str, transition_id: str, fields: Mapping[str, Json], *, marker: str) -> None:
        """One step; the answer is empty and proves nothing, so read the status afterwards.

        `marker` goes into the changelog entry's historyMetadata. PreconditionError: somebody else was at it. Data
        Center answers 500 to a transition that is not to be had, which is UnknownError here.
        """
        body: dict[str, Any] = {"transition": {"id": transition_id}, "historyMetadata": history_metadata(marker)}
        if fields:
            body["fields"] = dict(fields)
        self._count_write(issue_id)
        self._wire.write(f"issue/{segment(issue_id)}/transitions", body)

    # ---- comments ----------------------------------------------------------------------------------------------

    def comments(self, issue_id: str) -> tuple[BugComment, ...]:
        """The newest comments, newest first, with our marker where they carry it.

        One call; a second one on servers that list the oldest first, and one for each comment of ours whose properties
        the server left out (asked once).
        """
        path = f"issue/{segment(issue_id)}/comment"
        params = {"orderBy": "-created", "maxResults": str(COMMENTS), "expand": "properties"}
        with understood():
            answer = record(self._wire.get(path, params), "the comments")
            found = [self._comment(raw) for raw in rows(answer.get("comments"), "the comments")]
            total = answer.get("total")
            rising = len(found) > 1 and found[0].created <= found[-1].created
            if isinstance(total, int) and total > len(found) and rising:
                start = max(0, total - COMMENTS)
                answer = record(self._wire.get(path, {**params, "startAt": str(start)}), "the comments")
                found = [self._comment(raw) for raw in rows(answer.get("comments"), "the comments")]
        return tuple(sorted(found, key=lambda comment: (comment.created, len(comment.id), comment.id), reverse=True))

    def _comment(self, raw: object) -> BugComment:
        authors = self._authors()
        comment, told = parse_comment(raw, authors)
        if told or not authors.is_own(record(raw, "a comment").get("author")):
            return comment
        return replace(comment, marker=self._marker(comment.id))

    def _marker(self, comment_id: str) -> str | None:
        if comment_id not in self._markers:
            try:
                answer = record(self._wire.get(f"comment/{segment(comment_id)}/properties/{ORIGIN}"), "a property")
                marker = marker_of_origin(answer.get("value"))
            except NotFoundError:
                marker = None
            while len(self._markers) >= KNOWN_MARKERS:
                del self._markers[next(iter(self._markers))]
            self._markers[comment_id] = marker
        return self._markers[comment_id]

    def comment(self, issue_id: str, body: str, *, marker: str) -> str:
        """Post a comment marked as ours and internal on service desks; returns its id.

        `body` is wiki markup. On Data Center characters beyond U+FFFF are spelt out beforehand: where the database
        cannot hold them the answer is a 500, which says neither yes nor no, and would say it again at every attempt.
        """
        text = body if self._is_cloud() else within_bmp(body)
        properties = [
            {"key": ORIGIN, "value": {"marker": marker}},
            {"key": "sd.public.comment", "value": {"internal": True}},
        ]
        self._count_write(issue_id)
        answer = self._wire.write(f"issue/{segment(issue_id)}/comment", {"body": text, "properties": properties})
        with understood():
            return ident(record(answer, "the answer to a comment").get("id"), "the id of the new comment")

    # ---- the rest ----------------------------------------------------------------------------------------------

    def browse_url(self, key: str) -> str:
        """The link that people click."""
        base = self._wire.session.base_url
        site = self._site_url or (self._server if "/ex/jira/" in base and self._server else base)
        return f"{site}/browse/{segment(key)}"

    def wait_for(self, what: str) -> float:
        """Seconds to wait before a call of this kind (search | read | write) may be made; 0 = now."""
        return self._wire.session.wait_for(CallKind(what, write=what == "write"))

    def budgets(self) -> tuple[Budget, ...]:
        """What the server's headers said last."""
        return self._wire.session.budgets.all()

    def _count_write(self, issue_id: str) -> None:
        """Keeps within Cloud's limits for one issue: raises TransientError instead of sending what would be refused."""
        if not self._is_cloud():
            return
        now = self._clock.monotonic()
        longest = max(window for _, window in WRITES)
        self._writes = {issue: times for issue, times in self._writes.items() if times[-1] > now - longest}
        times = self._writes.get(issue_id, deque())
        for count, window in WRITES:
            if len(times) >= count and times[-count] > now - window:
                wait = times[-count] + window - now
                raise TransientError(
                    f"jira: issue {issue_id} had {count} writes in {window:.0f} s; not sent",
                    retry_after=wait,
                    bucket=f"issue:{issue_id}",
                )
        times.append(now)
        while len(times) > max(count for count, _ in WRITES):
            times.popleft()
        self._writes[issue_id] = times
