"""What an administrator of the pretend Jira sets up: accounts, credentials, projects, statuses, versions, fields."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from syncd.sandbox.jira_model import (
    ADMIN_ONLY,
    CATEGORIES,
    PERMISSIONS,
    Component,
    CustomField,
    Deployment,
    LinkType,
    Named,
    Status,
    User,
    Version,
)
from syncd.sandbox.jira_workflow import (
    ROOT_CAUSES,
    TEMPLATES,
    ScreenField,
    Transition,
    Workflow,
    WorkflowTemplate,
    build,
)

ISSUE_TYPES: Final = (
    Named("10000", "Epic"),
    Named("10001", "Story"),
    Named("10002", "Task"),
    Named("10003", "Sub-task", subtask=True),
    Named("10004", "Bug", "A problem which impairs or prevents the functions of the product."),
)
PRIORITIES: Final = tuple(
    Named(str(n), name) for n, name in enumerate(("Highest", "High", "Medium", "Low", "Lowest"), 1)
)
RESOLUTIONS: Final = tuple(
    Named(str(10000 + n), name)
    for n, name in enumerate(
        ("Done", "Won't Do", "Duplicate", "Cannot Reproduce", "Known Error", "Fixed", "Incomplete")
    )
)
LINK_TYPES: Final = (
    LinkType("10000", "Blocks", "is blocked by", "blocks"),
    LinkType("10001", "Cloners", "is cloned by", "clones"),
    LinkType("10002", "Duplicate", "is duplicated by", "duplicates"),
    LinkType("10003", "Relates", "relates to", "relates to"),
)
#: Statuses that carry the same id on every site, as on real ones.
_KNOWN_STATUS_IDS: Final = {"In Progress": "3", "Reopened": "4", "Closed": "6"}


@dataclass(slots=True)
class Project:
    """A project; `members` None: every account browses it. `required` names fields needed to create an issue."""

    id: int
    key: str
    name: str
    jsm: bool
    members: set[str] | None
    workflows: dict[str, Workflow]
    required: set[str] = field(default_factory=set)
    last_number: int = 0
    team_managed: bool = False

    @property
    def status_ids(self) -> list[str]:
        """The statuses of all its workflows, without repeats."""
        return list(dict.fromkeys(s for flow in self.workflows.values() for s in flow.statuses))


class Site:
    """Everything that is set up, and who may do what."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.users: dict[str, User] = {}
        self.projects: dict[str, Project] = {}
        self.statuses: dict[str, Status] = {}
        self.versions: dict[str, Version] = {}
        self.components: dict[str, Component] = {}
        self.issue_types = {entry.id: entry for entry in ISSUE_TYPES}
        self.priorities = {entry.id: entry for entry in PRIORITIES}
        self.resolutions = {entry.id: entry for entry in RESOLUTIONS}
        self.link_types = {entry.id: entry for entry in LINK_TYPES}
        self.custom_fields: dict[str, CustomField] = {}
        #: Role -> members; None: everybody who browses the project.
        self.roles: dict[str, set[str] | None] = {"Administrators": set(), "Developers": set(), "Users": None}
        self.groups: dict[str, set[str] | None] = {"jira-users": None, "jira-developers": set()}
        self.revoked: set[str] = set()
        self.denied: set[tuple[str, str, str]] = set()
        self._secrets: dict[str, set[str]] = {}
        self._scoped: dict[str, set[str]] = {}
        self._bearers: dict[str, str] = {}
        self._by_login: dict[str, str] = {}
        self.add_custom_field("Root cause", "select", options=ROOT_CAUSES, field_id="customfield_10300")
        self.add_custom_field("Customer ticket", "text", field_id="customfield_10301")
        self.add_custom_field("Severity", "select", options=("S1", "S2", "S3"), field_id="customfield_10302")

    # Accounts

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
        if self.deployment == "cloud":
            digest = hashlib.sha256(email.lower().encode()).hexdigest()
            user_id = f"712020:{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
            key = ""
        else:
            user_id = re.sub(r"[^\w.@-]+", ".", name.strip().lower())
            key = f"JIRAUSER{10100 + len(self.users)}"
        if user_id in self.users:
            raise ValueError(f"there is an account {name!r} already")
        user = User(user_id, key, name, email, admin, time_zone, account_type, locale=locale)
        self.users[user_id] = user
        for login in (user_id, email):
            self._by_login[login.lower()] = user_id
        if admin:
            self.add_to_role("Administrators", user_id)
        return user_id

    def find_user(self, reference: str) -> User | None:
        """By id, e-mail address or, where it is unique, display name."""
        known = self.users.get(reference) or self.users.get(self._by_login.get(reference.lower(), ""))
        if known is not None:
            return known
        named = [user for user in self.users.values() if user.display_name.lower() == reference.lower()]
        return named[0] if len(named) == 1 else None

    def user(self, reference: str) -> User:
        """As `find_user`; raises `ValueError` when there is none."""
        found = self.find_user(reference)
        if found is None:
            raise ValueError(f"there is no account {reference!r}")
        return found

    def add_api_token(self, user: str, token: str) -> None:
        """A password on Data Center, an API token without scopes on Cloud; used with basic authentication."""
        self._secrets.setdefault(self.user(user).id, set()).add(token)

    def add_scoped_token(self, user: str, token: str) -> None:
        """Cloud: a token that works through the gateway only, as basic or bearer; the site answers it with 401."""
        self._scoped.setdefault(self.user(user).id, set()).add(token)
        self._bearers[token] = self.user(user).id

    def add_pat(self, user: str, token: str) -> None:
        """A personal access token on Data Center, an access token for the gateway on Cloud."""
        self._bearers[token] = self.user(user).id

    def login(self, name: str, secret: str, *, gateway: bool) -> User | None:
        """Who that is with basic authentication; None: wrong, revoked or inactive."""
        user_id = self._by_login.get(name.lower(), "")
        known = secret in self._secrets.get(user_id, ()) or (gateway and secret in self._scoped.get(user_id, ()))
        return self._usable(user_id) if known else None

    def bearer(self, token: str, *, gateway: bool) -> User | None:
        """Who that is with a bearer token; on Cloud only through the gateway."""
        if self.deployment == "cloud" and not gateway:
            return None
        return self._usable(self._bearers.get(token, ""))

    def is_scoped(self, secret: str) -> bool:
        """Whether this secret works through the gateway only."""
        return secret in self._bearers or any(secret in tokens for tokens in self._scoped.values())

    def _usable(self, user_id: str) -> User | None:
        user = self.users.get(user_id)
        return user if user is not None and user.active and user_id not in self.revoked else None

    def add_to_role(self, role: str, user: str) -> None:
        """Makes the account a member of a project role, which is created when it is new."""
        members = self.roles.setdefault(role, set())
        if members is not None:
            members.add(self.user(user).id)

    def add_to_group(self, group: str, user: str) -> None:
        """Makes the account a member of a group, which is created when it is new."""
        members = self.groups.setdefault(group, set())
        if members is not None:
            members.add(self.user(user).id)

    def sees(self, user: User | None, visibility: Mapping[str, Any] | None) -> bool:
        """Whether a comment with this restriction is shown to the account."""
        if visibility is None:
            return True
        catalogue = self.roles if visibility["type"] == "role" else self.groups
        members = catalogue.get(str(visibility["value"]), set())
        return user is not None and (members is None or user.id in members)

    # Permissions

    def browses(self, user: User | None, project: Project) -> bool:
        """Whether the account sees the project at all."""
        if user is None or (user.id, "BROWSE_PROJECTS", project.key) in self.denied:
            return False
        return project.members is None or user.id in project.members

    def may(self, user: User | None, permission: str, project: Project | None = None) -> bool:
        """Whether the account has a permission; without `project`: in any project."""
        if user is None:
            return False
        if project is None:
            if permission == "ADMINISTER" or not self.projects:
                return user.admin or permission not in ADMIN_ONLY
            return any(self.may(user, permission, entry) for entry in self.projects.values())
        if permission == "BROWSE_PROJECTS":
            return self.browses(user, project)
        return (
            self.browses(user, project)
            and (user.admin or permission not in ADMIN_ONLY)
            and (user.id, permission, project.key) not in self.denied
        )

    def deny(self, user: str, permission: str, project: str) -> None:
        """Takes one permission in one project from an account."""
        if permission not in PERMISSIONS:
            raise ValueError(f"there is no permission {permission!r}")
        self.denied.add((self.user(user).id, permission, self.projects[project].key))

    def allow(self, user: str, permission: str, project: str) -> None:
        """Gives back what `deny` took."""
        self.denied.discard((self.user(user).id, permission, self.projects[project].key))

    # Projects and what is in them

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
    ) -> Project:
        """Adds a project whose issue types all use `workflow`.

        A team-managed project has statuses of its own: the same names with other ids.
        """
        template = TEMPLATES[workflow] if isinstance(workflow, str) else workflow
        number = 10000 + len(self.projects)
        project = Project(
            id=number,
            key=key,
            name=name,
            jsm=jsm,
            members=None if members is None else {self.user(member).id for member in members},
            workflows={},
            required=set(required),
            team_managed=team_managed,
        )
        self.projects[key] = project
        flow = self._workflow(project, template)
        project.workflows = dict.fromkeys(self.issue_types, flow)
        return project

    def _workflow(self, project: Project, template: WorkflowTemplate) -> Workflow:
        ids: dict[str, str] = {}
        for status_name, category in template.statuses:
            known = None if project.team_managed else self._shared_status(status_name)
            ids[status_name] = (known or self.new_status(status_name, category)).id
        digest = hashlib.sha256(f"{project.key}/{template.name}".encode()).hexdigest()
        return build(template, f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}", ids)

    def set_workflow(self, project: str, issue_type: str, workflow: str | WorkflowTemplate) -> None:
        """Gives one issue type (by name) of a project another workflow."""
        template = TEMPLATES[workflow] if isinstance(workflow, str) else workflow
        type_id = self.named(self.issue_types, issue_type).id
        owner = self.projects[project]
        owner.workflows[type_id] = self._workflow(owner, template)

    def _shared_status(self, name: str) -> Status | None:
        own = {
            status_id for project in self.projects.values() if project.team_managed for status_id in project.status_ids
        }
        return next((s for s in self.statuses.values() if s.name == name and s.id not in own), None)

    def new_status(self, name: str, category: str) -> Status:
        """Adds a status that no workflow uses yet."""
        if category not in CATEGORIES:
            raise ValueError(f"there is no status category {category!r}; known: {', '.join(CATEGORIES)}")
        wanted = _KNOWN_STATUS_IDS.get(name)
        taken = wanted is None or wanted in self.statuses
        status = Status(str(10100 + len(self.statuses)) if taken else str(wanted), name, category)
        self.statuses[status.id] = status
        return status

    def add_status(self, project: str, name: str, category: str) -> Status:
        """Adds a status with a global transition of the same name to all workflows of a project."""
        status = self.new_status(name, category)
        for flow in {id(flow): flow for flow in self.projects[project].workflows.values()}.values():
            flow.statuses.append(status.id)
            flow.transitions.append(Transition(flow.next_id(), name, None, status.id))
        return status

    def change_transition(self, project: str, name: str, **changes: Any) -> None:
        """Changes `screen`, `only_for` or `sets_resolution` of the transitions of this name. Raises `ValueError`."""
        unknown = set(changes) - {"screen", "only_for", "sets_resolution"}
        if unknown:
            raise ValueError(f"a transition has no {', '.join(sorted(unknown))} to change")
        if changes.get("screen") is not None:
            changes["screen"] = tuple(
                ScreenField(
                    entry["id"],
                    bool(entry.get("required")),
                    tuple(entry["allowed"]) if entry.get("allowed") is not None else None,
                )
                for entry in changes["screen"]
            )
        if changes.get("only_for") is not None:
            changes["only_for"] = frozenset(self.user(user).id for user in changes["only_for"])
        for edge in self._named_transitions(project, name):
            for attribute, value in changes.items():
                setattr(edge, attribute, value)

    def remove_transition(self, project: str, name: str) -> None:
        """Takes the transitions of this name away. Raises `ValueError` when there is none."""
        gone = {id(edge) for edge in self._named_transitions(project, name)}
        for flow in self.projects[project].workflows.values():
            flow.transitions = [edge for edge in flow.transitions if id(edge) not in gone]

    def _named_transitions(self, project: str, name: str) -> list[Transition]:
        flows = {id(flow): flow for flow in self.projects[project].workflows.values()}
        found = [edge for flow in flows.values() for edge in flow.transitions if edge.name == name]
        if not found:
            raise ValueError(f"project {project} has no transition {name!r}")
        return found

    def rename_status(self, old: str, new: str) -> None:
        """Renames every status with this name; ids stay."""
        found = [status for status in self.statuses.values() if status.name == old]
        if not found:
            raise ValueError(f"there is no status {old!r}")
        for status in found:
            status.name = new

    def status_in(self, project: Project, name: str) -> Status:
        """A status of a project by name. Raises `ValueError`."""
        for status_id in project.status_ids:
            if self.statuses[status_id].name.lower() == name.lower():
                return self.statuses[status_id]
        raise ValueError(f"project {project.key} has no status {name!r}")

    def add_version(self, project: str, name: str, *, released: bool = False, release_date: str | None = None) -> str:
        """Adds a version; returns its id."""
        version = Version(str(10000 + len(self.versions)), self.projects[project].id, name, released, release_date)
        self.versions[version.id] = version
        return version.id

    def versions_of(self, project: Project) -> list[Version]:
        """A project's versions, oldest first."""
        return [version for version in self.versions.values() if version.project_id == project.id]

    def add_component(self, project: str, name: str) -> str:
        """Adds a component; returns its id."""
        component = Component(str(10200 + len(self.components)), self.projects[project].id, name)
        self.components[component.id] = component
        return component.id

    def components_of(self, project: Project) -> list[Component]:
        """A project's components, oldest first."""
        return [component for component in self.components.values() if component.project_id == project.id]

    def find_project(self, reference: str) -> Project | None:
        """By key (any case) or id."""
        known = self.projects.get(reference) or self.projects.get(reference.upper())
        if known is None and reference.isdigit():
            known = next((p for p in self.projects.values() if p.id == int(reference)), None)
        return known

    def add_custom_field(
        self,
        name: str,
        kind: str,
        *,
        options: Iterable[str] = (),
        field_id: str | None = None,
        clause_names: Iterable[str] = (),
    ) -> str:
        """Adds a custom field (see CustomField); returns its id."""
        number = int(field_id.rsplit("_", 1)[1]) if field_id else 10400 + len(self.custom_fields)
        entry = CustomField(
            f"customfield_{number}",
            name,
            kind,
            tuple((str(number * 10 + n), option) for n, option in enumerate(options)),
            tuple(clause_names) or (f"cf[{number}]", name),
        )
        self.custom_fields[entry.id] = entry
        return entry.id

    def custom_field(self, reference: str) -> CustomField | None:
        """By id, name or one of its names in JQL; case does not count."""
        lowered = reference.lower()
        for entry in self.custom_fields.values():
            if lowered in {entry.id, entry.name.lower(), *(name.lower() for name in entry.clause_names)}:
                return entry
        return None

    @staticmethod
    def named(catalogue: Mapping[str, Named], name: str) -> Named:
        """An entry of a catalogue by name. Raises `ValueError`."""
        for entry in catalogue.values():
            if entry.name.lower() == name.lower():
                return entry
        raise ValueError(f"there is no {name!r}; known: {', '.join(e.name for e in catalogue.values())}")
