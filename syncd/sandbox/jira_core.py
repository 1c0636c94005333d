"""The pretend Jira's state and the primitive writes on it: ids, `updated`, changelog, index, automations."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from syncd.sandbox import jira_writes as writes
from syncd.sandbox.jira_errors import say
from syncd.sandbox.jira_fields import assign
from syncd.sandbox.jira_index import SearchIndex
from syncd.sandbox.jira_model import (
    Attachment,
    Automation,
    Change,
    ChangeItem,
    Comment,
    Deployment,
    Issue,
    IssueLink,
    LinkType,
    RemoteLink,
    User,
)
from syncd.sandbox.jira_site import Project, Site
from syncd.sandbox.jira_switches import default_switches
from syncd.sandbox.jira_workflow import Transition, Workflow
from syncd.sandbox.web import SandboxContext


class JiraCore:
    """One Jira site. Whoever calls the primitive writes holds `lock` and has checked that they are allowed."""

    def __init__(self, ctx: SandboxContext, deployment: Deployment) -> None:
        self.ctx = ctx
        self.deployment = deployment
        self.cloud = deployment == "cloud"
        self.lock = threading.RLock()
        self.site = Site(deployment)
        self.switches = default_switches()
        self.issues: dict[int, Issue] = {}
        self.index = SearchIndex()
        self.remote_ids: dict[str, set[int]] = {}
        #: Issue id -> ids of its sub-tasks.
        self.children: dict[int, set[int]] = {}
        self.links: dict[int, IssueLink] = {}
        self.automations: list[Automation] = []
        self._keys: dict[str, int] = {}
        self._comment_owner: dict[int, int] = {}
        self._file_owner: dict[int, int] = {}
        self._counters = {"issue": 10000, "comment": 10000, "change": 20000, "link": 10000, "file": 10000}
        self._counters["remote"] = 10000

    # Small questions

    def now_ms(self) -> int:
        """Epoch milliseconds of the sandbox clock."""
        return self.ctx.clock.now_ms()

    def say(self, text: str, **values: object) -> str:
        """A text in the language of the switch `language`."""
        return say(str(self.switches["language"]), text, **values)

    def zone_of(self, user: User | None) -> ZoneInfo:
        """The zone in which times are shown to this account."""
        return ZoneInfo(user.time_zone if user else "UTC")

    @property
    def index_grain_ms(self) -> int:
        """The precision of dates in the search index."""
        return 1000 if not self.cloud and self.switches["index_seconds_on_dc"] else 1

    def browsable(self, user: User | None) -> set[str]:
        """Keys of the projects that the account sees."""
        return {key for key, project in self.site.projects.items() if self.site.browses(user, project)}

    def find_issue(self, reference: str) -> Issue | None:
        """By id, key or a key from before a move; case does not count."""
        if reference.isdigit():
            return self.issues.get(int(reference))
        issue_id = self._keys.get(reference.upper())
        return None if issue_id is None else self.issues.get(issue_id)

    def issue(self, reference: str) -> Issue:
        """As `find_issue`; raises `ValueError` when there is none."""
        found = self.find_issue(reference)
        if found is None:
            raise ValueError(f"there is no issue {reference!r}")
        return found

    def workflow_of(self, issue: Issue) -> Workflow:
        """The workflow of its project and issue type."""
        return self.site.projects[issue.project].workflows[issue.type_id]

    def transitions_for(self, user: User | None, issue: Issue) -> list[Transition]:
        """What the account may do with the issue now; empty without the permission."""
        if user is None or not self.site.may(user, "TRANSITION_ISSUES", self.site.projects[issue.project]):
            return []
        return self.workflow_of(issue).available(issue.status_id, user.id)

    def comment_owner(self, comment_id: int) -> tuple[Issue, Comment] | None:
        """The issue and the comment with this id, or None."""
        issue = self.issues.get(self._comment_owner.get(comment_id, -1))
        if issue is None:
            return None
        return next(((issue, c) for c in issue.comments if c.id == comment_id), None)

    def file_owner(self, file_id: int) -> Issue | None:
        """The issue that this attachment was added to, or None."""
        return self.issues.get(self._file_owner.get(file_id, -1))

    # Primitive writes; callers hold the lock and have checked everything

    def next_id(self, kind: str) -> int:
        """The next id of a kind; ids only grow."""
        self._counters[kind] += 1
        return self._counters[kind]

    def _lag_seconds(self) -> tuple[float, float]:
        """How late search shows a write, and by how much more at random."""
        return float(self.switches["search_lag_seconds"]), float(self.switches["search_lag_jitter_seconds"])

    def _due_ms(self) -> int | None:
        lag, jitter = self._lag_seconds()
        if lag <= 0 and jitter <= 0:
            return None
        return self.now_ms() + round((lag + self.ctx.rng.random() * jitter) * 1000)

    def prepare(self, issue: Issue) -> None:
        """Before a change: a lagging index keeps what it shows."""
        if self._lag_seconds() != (0.0, 0.0):
            self.index.hold(issue)

    def commit(
        self,
        issue: Issue,
        author: str,
        items: Iterable[ChangeItem] = (),
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """After a change: `updated` grows strictly, the changelog gets one entry, automations look at it."""
        issue.updated = max(self.now_ms(), issue.updated + 1)
        entries = list(items)
        if entries:
            issue.changes.append(Change(self.next_id("change"), author, issue.updated, entries, metadata or None))
        self.index.note(issue, self._due_ms())
        if any(item.field == "status" for item in entries):
            self._automate(issue, author)

    def new_issue(self, creator: str, project: Project, type_id: str, summary: str) -> Issue:
        """A bare issue in the first status of its workflow; show it with `publish` when it is filled."""
        project.last_number += 1
        now = self.now_ms()
        issue = Issue(
            id=self.next_id("issue"),
            number=project.last_number,
            project=project.key,
            type_id=type_id,
            status_id=project.workflows[type_id].initial,
            summary=summary,
            creator=creator,
            created=now,
            updated=now,
            category_changed=now,
            priority_id="3",
            reporter=creator,
        )
        self.issues[issue.id] = issue
        self.remember_key(issue)
        return issue

    def remember_key(self, issue: Issue) -> None:
        """The issue is found by the key it has now, also after it got another."""
        self._keys[issue.key] = issue.id

    def publish(self, issue: Issue) -> None:
        """Hands a new issue to the index."""
        self.index.note(issue, self._due_ms())

    def set_status(self, issue: Issue, status_id: str) -> list[ChangeItem]:
        """Puts the issue into a status; returns the line for the changelog, none when it is there already."""
        old = issue.status_id
        if old == status_id:
            return []
        issue.status_id = status_id
        if self.site.statuses[old].category != self.site.statuses[status_id].category:
            issue.category_changed = self.now_ms()
        return [writes.status_item(self, old, status_id)]

    def add_comment(
        self,
        author: str,
        issue: Issue,
        body: str,
        *,
        visibility: dict[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Comment:
        """Adds a comment; `updated` of the issue moves."""
        self.prepare(issue)
        now = self.now_ms()
        entry = Comment(self.next_id("comment"), author, author, body, now, now, visibility, dict(properties or {}))
        issue.comments.append(entry)
        self._comment_owner[entry.id] = issue.id
        self.commit(issue, author)
        return entry

    def add_file(self, author: str, issue: Issue, filename: str, content: bytes, mime_type: str) -> Attachment:
        """Adds an attachment; `updated` of the issue moves."""
        self.prepare(issue)
        entry = Attachment(self.next_id("file"), filename, author, self.now_ms(), mime_type, content)
        issue.attachments.append(entry)
        self._file_owner[entry.id] = issue.id
        item = ChangeItem("Attachment", "attachment", None, None, str(entry.id), filename)
        self.commit(issue, author, [item])
        return entry

    def add_link(self, author: str, kind: LinkType, inward: Issue, outward: Issue) -> IssueLink:
        """Links two issues: `inward` <outward text> `outward`. A link that is there already is kept."""
        for known in inward.links:
            if (known.type, known.inward, known.outward) == (kind, inward.id, outward.id):
                return known
        link = IssueLink(self.next_id("link"), kind, inward.id, outward.id)
        self.links[link.id] = link
        for issue, other, text in ((inward, outward, kind.outward), (outward, inward, kind.inward)):
            self.prepare(issue)
            issue.links.append(link)
            shown = f"This issue {text} {other.key}"
            self.commit(issue, author, [ChangeItem("Link", None, None, None, other.key, shown)])
        return link

    def remove_link(self, author: str, link: IssueLink) -> None:
        """Takes a link between two issues away."""
        del self.links[link.id]
        pairs = ((link.inward, link.outward, link.type.outward), (link.outward, link.inward, link.type.inward))
        for issue_id, other_id, text in pairs:
            issue = self.issues.get(issue_id)
            if issue is None:
                continue
            self.prepare(issue)
            issue.links = [known for known in issue.links if known.id != link.id]
            other = self.issues.get(other_id)
            if other is not None:
                shown = f"This issue {text} {other.key}"
                self.commit(issue, author, [ChangeItem("Link", None, other.key, shown, None, None)])

    def put_remote_link(self, issue: Issue, data: dict[str, Any]) -> tuple[RemoteLink, bool]:
        """Upsert by `globalId`: what is left out becomes null. Returns the link and whether it is new.

        `updated` of the issue does not move.
        """
        global_id = data.get("globalId")
        if global_id is not None:
            self.remote_ids.setdefault(global_id, set()).add(issue.id)
            for known in issue.remote_links:
                if known.data.get("globalId") == global_id:
                    known.data = data
                    return known, False
        link = RemoteLink(self.next_id("remote"), data)
        issue.remote_links.append(link)
        return link, True

    def remove_remote_link(self, issue: Issue, link: RemoteLink) -> None:
        """Takes a remote link away."""
        issue.remote_links = [known for known in issue.remote_links if known.id != link.id]
        self.remote_ids.get(str(link.data.get("globalId")), set()).discard(issue.id)

    def remove_issue(self, issue: Issue) -> None:
        """Deletes an issue for good; its key is never given again."""
        for link in list(issue.links):
            other = self.issues.get(link.outward if link.inward == issue.id else link.inward)
            if other is not None:
                other.links = [known for known in other.links if known.id != link.id]
            self.links.pop(link.id, None)
        for remote in list(issue.remote_links):
            self.remove_remote_link(issue, remote)
        self.children.get(issue.parent or 0, set()).discard(issue.id)
        for child in self.children.pop(issue.id, set()):
            self.issues[child].parent = None
        self.prepare(issue)
        del self.issues[issue.id]
        self.index.forget(issue.id, self._due_ms())

    def _automate(self, issue: Issue, author: str) -> None:
        status = self.site.statuses[issue.status_id].name
        for rule in self.automations:
            if author != rule.actor and status == rule.on_status:
                rule.fired += 1
                self.force(rule.actor, issue, rule.to_status, rule.resolution)

    def force(self, actor: str, issue: Issue, status: str, resolution: str | None) -> None:
        """Puts an issue into any status of its project (by name), as an administrator or a rule would."""
        self.prepare(issue)
        wanted = None if resolution is None else self.site.named(self.site.resolutions, resolution).id
        target = self.site.status_in(self.site.projects[issue.project], status)
        items = assign(self, issue, "resolution", wanted)
        items += self.set_status(issue, target.id)
        self.commit(issue, actor, items)
