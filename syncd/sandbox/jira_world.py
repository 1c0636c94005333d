"""What people do to the pretend Jira, and how it is set up and looked at from outside.

Persons act through the methods with `actor` as their first argument: an account id or user name, an e-mail address or
a display name. They raise `ValueError` when Jira would not let them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from syncd.sandbox import jira_writes as writes
from syncd.sandbox.jira_core import JiraCore
from syncd.sandbox.jira_errors import Refusal
from syncd.sandbox.jira_fields import SPECS, FieldError, FieldReader, assign
from syncd.sandbox.jira_model import Automation, ChangeItem, Issue, User
from syncd.sandbox.jira_workflow import Transition, WorkflowTemplate

#: How `edit` names fields, besides their REST ids.
_FIELD_NAMES = {
    "fix_versions": "fixVersions",
    "affects_versions": "versions",
    "due": "duedate",
    "due_date": "duedate",
    "issue_type": "issuetype",
}


class JiraWorld(JiraCore):
    """One Jira site with its people. All methods here may be called from any thread."""

    # Setting up

    def add_user(
        self,
        name: str,
        email: str,
        *,
        admin: bool = False,
        time_zone: str = "UTC",
        account_type: str = "atlassian",
        locale: str = "en_US",
    ) -> str:
        """Adds an account; returns its account id on Cloud, its user name on Data Center."""
        with self.lock:
            return self.site.add_user(
                name, email, admin=admin, time_zone=time_zone, account_type=account_type, locale=locale
            )

    def add_api_token(self, user: str, token: str) -> None:
        """A secret for basic authentication: an API token on Cloud, a password on Data Center."""
        with self.lock:
            self.site.add_api_token(user, token)

    def add_scoped_token(self, user: str, token: str) -> None:
        """Cloud: a token that works through the gateway only."""
        with self.lock:
            self.site.add_scoped_token(user, token)

    def add_pat(self, user: str, token: str) -> None:
        """A bearer token: a personal access token on Data Center, one for the gateway on Cloud."""
        with self.lock:
            self.site.add_pat(user, token)

    def add_project(
        self,
        key: str,
        name: str,
        workflow: str | WorkflowTemplate = "simple",
        *,
        jsm: bool = False,
        members: Iterable[str] | None = None,
        required: Iterable[str] = (),
        team_managed: bool = False,
    ) -> str:
        """Adds a project; returns its id as text. `members` None: every account browses it."""
        with self.lock:
            project = self.site.add_project(
                key, name, workflow, jsm=jsm, members=members, required=required, team_managed=team_managed
            )
            return str(project.id)

    def set_members(self, project: str, members: Iterable[str] | None) -> None:
        """Who browses the project from now on; None: every account."""
        with self.lock:
            ids = None if members is None else {self.site.user(member).id for member in members}
            self.site.projects[project].members = ids

    def add_version(self, project: str, name: str, released: bool = False, release_date: str | None = None) -> str:
        """Adds a version; returns its id."""
        with self.lock:
            return self.site.add_version(project, name, released=released, release_date=release_date)

    def add_component(self, project: str, name: str) -> str:
        """Adds a component; returns its id."""
        with self.lock:
            return self.site.add_component(project, name)

    def release_version(self, project: str, name: str, date: str) -> None:
        """Releases a version on `date` (YYYY-MM-DD); no issue's `updated` moves."""
        with self.lock:
            for version in self.site.versions_of(self.site.projects[project]):
                if version.name == name:
                    version.released, version.release_date = True, date
                    return
        raise ValueError(f"project {project} has no version {name!r}")

    def add_status(self, project: str, name: str, category: str) -> str:
        """Adds a status ("new", "indeterminate" or "done") with a global transition; returns its id."""
        with self.lock:
            return self.site.add_status(project, name, category).id

    def rename_status(self, old: str, new: str) -> None:
        """Renames a status; its id stays."""
        with self.lock:
            self.site.rename_status(old, new)

    def set_workflow(self, project: str, issue_type: str, workflow: str | WorkflowTemplate) -> None:
        """Gives one issue type of a project another workflow."""
        with self.lock:
            self.site.set_workflow(project, issue_type, workflow)

    def change_transition(self, project: str, name: str, **changes: Any) -> None:
        """Changes all transitions of this name in a project: `screen` (a list of {id, required, allowed} or None),
        `only_for` (users who see it, or None), `sets_resolution` ("clear", a resolution's name or None)."""
        with self.lock:
            self.site.change_transition(project, name, **changes)

    def remove_transition(self, project: str, name: str) -> None:
        """Takes all transitions of this name out of a project's workflows."""
        with self.lock:
            self.site.remove_transition(project, name)

    def revoke(self, user: str) -> None:
        """The account's credentials stop working: 401 on /myself, empty answers elsewhere."""
        with self.lock:
            self.site.revoked.add(self.site.user(user).id)

    def restore(self, user: str) -> None:
        """Undoes `revoke`."""
        with self.lock:
            self.site.revoked.discard(self.site.user(user).id)

    def deny(self, user: str, permission: str, project: str) -> None:
        """Takes a permission such as "TRANSITION_ISSUES" in a project from an account."""
        with self.lock:
            self.site.deny(user, permission, project)

    def allow(self, user: str, permission: str, project: str) -> None:
        """Undoes `deny`."""
        with self.lock:
            self.site.allow(user, permission, project)

    def add_automation(self, name: str, on_status: str, to_status: str, resolution: str | None = None) -> None:
        """From now on an issue that anybody puts into `on_status` is put into `to_status` at once.

        It acts as an app account "Automation for Jira" on Cloud, as a user "automation" on Data Center.
        """
        with self.lock:
            login = "automation@jira.invalid"
            actor = self.site.find_user(login)
            if actor is None:
                shown = "Automation for Jira" if self.cloud else "automation"
                kind = "app" if self.cloud else "atlassian"
                actor = self.site.user(self.site.add_user(shown, login, account_type=kind))
            self.automations.append(Automation(name, actor.id, on_status, to_status, resolution))

    # People

    def create_issue(self, actor: str, project: str, summary: str, issue_type: str = "Bug", **fields: Any) -> str:
        """A new issue; fields as for `edit`. Returns its key."""
        with self._acting(actor) as user:
            owner = self.site.projects[project]
            values = self._read(owner, fields)
            if not self.site.may(user, "CREATE_ISSUES", owner):
                raise ValueError(f"{user.display_name} may not create issues in {project}")
            type_id = self.site.named(self.site.issue_types, issue_type).id
            issue = self.new_issue(user.id, owner, type_id, summary)
            for name, value in values.items():
                assign(self, issue, name, value)
            self.publish(issue)
            return issue.key

    def edit(self, actor: str, key: str, **fields: Any) -> None:
        """Changes fields. Names: summary, description, priority, assignee, reporter, labels, fix_versions,
        affects_versions, components, due, resolution, issue_type, parent or the id of a custom field; by name."""
        with self._acting(actor) as user:
            issue = self.issue(key)
            writes.change(self, user, issue, self._read(self.site.projects[issue.project], fields))

    def transition(self, actor: str, key: str, to: str, resolution: str | None = None, **fields: Any) -> None:
        """One click on one legal transition to the status `to`; `ValueError` when there is none."""
        with self._acting(actor) as user:
            issue = self.issue(key)
            if resolution is not None:
                fields["resolution"] = resolution
            values = self._read(self.site.projects[issue.project], fields)
            edge = self._edge(user, issue, to, values)
            writes.perform(self, user, issue, edge, values)

    def _edge(self, user: User, issue: Issue, to: str, values: Mapping[str, Any]) -> Transition:
        there = [
            edge
            for edge in self.transitions_for(user, issue)
            if self.site.statuses[edge.target].name.lower() == to.lower()
        ]
        status = self.site.statuses[issue.status_id].name
        if not there:
            raise ValueError(f"{user.display_name} finds no transition from {status!r} to {to!r} on {issue.key}")
        for edge in there:
            needed = {entry.id for entry in edge.screen or () if entry.required}
            offered = {entry.id for entry in edge.screen or ()}
            filled = {name for name in needed if values.get(name) or writes.stored(issue, name)}
            if needed <= filled and set(values) <= offered:
                return edge
        asked = "; ".join(
            f"{edge.name!r} asks for {', '.join(e.id for e in edge.screen or ()) or 'nothing'}" for edge in there
        )
        raise ValueError(f"no transition from {status!r} to {to!r} on {issue.key} takes these values: {asked}")

    def force_status(self, actor: str, key: str, status: str, resolution: str | None = None) -> None:
        """Any status of the project, whatever the workflow says; the resolution becomes exactly `resolution`."""
        with self._acting(actor) as user:
            self.force(user.id, self.issue(key), status, resolution)

    def comment(
        self,
        actor: str,
        key: str,
        body: str,
        visibility: str | Mapping[str, Any] | None = None,
        internal: bool = False,
    ) -> int:
        """Adds a comment; `visibility` names a role. Returns its id."""
        with self._acting(actor) as user:
            limited = {"type": "role", "value": visibility} if isinstance(visibility, str) else visibility
            marks = {"sd.public.comment": {"internal": True}} if internal else {}
            return self.add_comment(
                user.id,
                self.issue(key),
                body,
                visibility=None if limited is None else dict(limited),
                properties=marks,
            ).id

    def edit_comment(self, actor: str, comment_id: int, body: str) -> None:
        """Changes the text of a comment."""
        with self._acting(actor) as user:
            issue, entry = self._comment(comment_id)
            self.prepare(issue)
            entry.body, entry.update_author, entry.updated = body, user.id, self.now_ms()
            self.commit(issue, user.id)

    def delete_comment(self, actor: str, comment_id: int) -> None:
        """Deletes a comment."""
        with self._acting(actor) as user:
            issue, entry = self._comment(comment_id)
            self.prepare(issue)
            issue.comments.remove(entry)
            self.commit(issue, user.id)

    def set_internal(self, actor: str, comment_id: int, internal: bool) -> None:
        """Marks a comment as internal for the service desk, or takes the mark away; `updated` does not move."""
        with self._acting(actor):
            self._comment(comment_id)[1].properties["sd.public.comment"] = {"internal": internal}

    def attach(
        self, actor: str, key: str, filename: str, content: bytes, mime_type: str = "application/octet-stream"
    ) -> int:
        """Adds a file; returns its id."""
        with self._acting(actor) as user:
            return self.add_file(user.id, self.issue(key), filename, content, mime_type).id

    def delete_file(self, actor: str, file_id: int) -> None:
        """Deletes a file."""
        issue = self.file_owner(file_id)
        if issue is None:
            raise ValueError(f"there is no file {file_id}")
        with self._acting(actor) as user:
            self.prepare(issue)
            issue.attachments = [file for file in issue.attachments if file.id != file_id]
            self.commit(issue, user.id)

    def move_issue(self, actor: str, key: str, project: str) -> str:
        """Moves an issue to another project: a new key, its old one still leads to it. Returns the new key."""
        with self._acting(actor) as user:
            issue = self.issue(key)
            old, new = self.site.projects[issue.project], self.site.projects[project]
            self.prepare(issue)
            old_key, old_status = issue.key, self.site.statuses[issue.status_id]
            new.last_number += 1
            issue.project, issue.number = new.key, new.last_number
            self.remember_key(issue)
            items = [
                ChangeItem("project", "project", str(old.id), old.name, str(new.id), new.name),
                ChangeItem("Key", None, None, old_key, None, issue.key),
            ]
            items += assign(self, issue, "fixVersions", [])
            items += assign(self, issue, "versions", [])
            items += assign(self, issue, "components", [])
            flow = new.workflows[issue.type_id]
            names = {self.site.statuses[status].name: status for status in flow.statuses}
            items += self.set_status(issue, names.get(old_status.name, flow.initial))
            self.commit(issue, user.id, items)
            return issue.key

    def delete_issue(self, actor: str, key: str) -> None:
        """Deletes an issue for good."""
        with self._acting(actor):
            self.remove_issue(self.issue(key))

    def link_issues(self, actor: str, type: str, inward: str, outward: str) -> None:  # noqa: A002 - Jira's word
        """Links two issues; with type "Duplicate" `inward` duplicates `outward`."""
        with self._acting(actor) as user:
            kind = next((k for k in self.site.link_types.values() if k.name.lower() == type.lower()), None)
            if kind is None:
                raise ValueError(f"there is no link type {type!r}")
            self.add_link(user.id, kind, self.issue(inward), self.issue(outward))

    # Looking at it

    def state(self) -> dict[str, Any]:
        """Everything that matters, as JSON: issues by key with names instead of ids, links, automations."""
        with self.lock:
            return {
                "deployment": self.deployment,
                "issues": {issue.key: self._shown(issue) for issue in self.issues.values()},
                "automations": [{"name": rule.name, "fired": rule.fired} for rule in self.automations],
                "search_waiting": self.index.waiting(),
            }

    def issue_state(self, key: str) -> dict[str, Any]:
        """One issue as `state` shows it; by key, old key or id."""
        with self.lock:
            return self._shown(self.issue(key))

    def _shown(self, issue: Issue) -> dict[str, Any]:
        site = self.site
        resolution = site.resolutions.get(issue.resolution_id or "")
        priority = site.priorities.get(issue.priority_id or "")
        project = site.projects[issue.project]
        return {
            "id": str(issue.id),
            "key": issue.key,
            "project": issue.project,
            "status": site.statuses[issue.status_id].name,
            "status_id": issue.status_id,
            "status_category": site.statuses[issue.status_id].category,
            "resolution": resolution.name if resolution else None,
            "created_ms": issue.created,
            "updated_ms": issue.updated,
            "creator": issue.creator,
            "fields": {
                "summary": issue.summary,
                "description": issue.description,
                "issuetype": site.issue_types[issue.type_id].name,
                "priority": priority.name if priority else None,
                "assignee": issue.assignee,
                "reporter": issue.reporter,
                "labels": list(issue.labels),
                "fixVersions": [site.versions[v].name for v in issue.fix_versions],
                "versions": [site.versions[v].name for v in issue.versions],
                "components": [site.components[c].name for c in issue.components],
                "duedate": issue.due,
                **issue.custom,
            },
            "comments": [
                {**asdict(entry), "jsdPublic": not (project.jsm and entry.internal)} for entry in issue.comments
            ],
            "changelog": [asdict(entry) for entry in issue.changes],
            "remote_links": [{"id": link.id, **link.data} for link in issue.remote_links],
            "properties": dict(issue.properties),
            "attachments": [
                {"id": file.id, "filename": file.filename, "size": len(file.content), "author": file.author}
                for file in issue.attachments
            ],
            "links": [
                {
                    "type": link.type.name,
                    "inward": self.issues[link.inward].key,
                    "outward": self.issues[link.outward].key,
                }
                for link in issue.links
            ],
        }

    # Inside

    @contextmanager
    def _acting(self, actor: str) -> Iterator[User]:
        with self.lock:
            try:
                yield self.site.user(actor)
            except (Refusal, FieldError) as refused:
                raise ValueError(str(refused)) from refused
            except KeyError as missing:
                raise ValueError(f"there is no {missing}") from missing

    def _comment(self, comment_id: int) -> tuple[Issue, Any]:
        found = self.comment_owner(comment_id)
        if found is None:
            raise ValueError(f"there is no comment {comment_id}")
        return found

    def _read(self, project: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Values by name, as a person gives them, read as REST values."""
        reader = FieldReader(self, project, rich=False)
        values: dict[str, Any] = {}
        for given, value in fields.items():
            custom = self.site.custom_field(given)
            name = custom.id if custom is not None else _FIELD_NAMES.get(given, given)
            kind = SPECS[name].kind if name in SPECS else (custom.kind if custom is not None else "")
            values[name] = reader.read(name, self._as_rest(kind, value))
        return values

    def _as_rest(self, kind: str, value: Any) -> Any:
        if value is None:
            return None
        match kind:
            case "priority" | "resolution" | "issuetype":
                return {"name": value}
            case "user" | "userpicker":
                return {"accountId" if self.cloud else "name": self.site.user(value).id}
            case "versions" | "components":
                return [{"name": name} for name in value]
            case "select":
                return {"value": value}
            case "multiselect" | "multicheckboxes":
                return [{"value": name} for name in value]
            case "parent":
                return {"key": value}
            case "labels":
                return list(value)
            case _:
                return value
