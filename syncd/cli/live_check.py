"""The live half of `syncd check`: who we are on both servers, what we may do there, and whether names fit.

Permissions: https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-permissions/ ; roles of Zendesk:
https://developer.zendesk.com/api-reference/ticketing/account-configuration/custom_roles/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from syncd.app.build import jira_credential, zendesk_credential
from syncd.app.creating import Surveyed, build_creating, survey
from syncd.app.field_routing import desk_catalog, project_catalog
from syncd.app.routing import Routing, build_routes
from syncd.app.sla import resolve_sla
from syncd.app.sla_names import Servers, survey_names
from syncd.cli.exits import Exit
from syncd.cli.findings import Findings
from syncd.cli.speaking_check import check_speakers, check_writer
from syncd.config.linter import Finding as LintFinding
from syncd.config.linter import lint_mapping
from syncd.config.load import Loaded
from syncd.config.models import ZendeskAuth
from syncd.config.problems import Problem, listed
from syncd.config.secret import SecretError
from syncd.core.creating import BugMaker
from syncd.core.model import DeskCatalog, ProjectCatalog
from syncd.core.ports import Clock, Identity
from syncd.sources.errors import AuthError, NotFoundError, RefusedError, SourceError
from syncd.sources.jira import Jira
from syncd.sources.zendesk import Zendesk
from syncd.sources.zendesk_case import Cases
from syncd.store import Store

NOT_READ = "not read"  # stands for what was said about the server as a whole
MOST_SKEW = 30.0  # seconds between our clock and a server's

NEEDED = {
    "BROWSE_PROJECTS": "nothing of the project can be read, so its route does nothing",
    "TRANSITION_ISSUES": "bugs cannot be moved when a ticket asks for it",
    "EDIT_ISSUES": "fields that a transition requires cannot be filled, and our marks cannot be set",
    "ADD_COMMENTS": "notes for developers cannot be left on bugs",
}
FOR_COMMENTS = {
    "CREATE_ATTACHMENTS": "files are not carried to bugs",
    "EDIT_OWN_COMMENTS": "what agents change in their notes stays as it was on bugs",
    "DELETE_OWN_COMMENTS": "what agents take back is emptied on bugs, and its empty comment stays",
    "DELETE_OWN_ATTACHMENTS": "a file that is taken off a ticket stays on the bug",
}
EXCESS = {
    "ADMINISTER": "administers all of Jira",
    "ADMINISTER_PROJECTS": "administers the project",
    "DELETE_ISSUES": "may delete issues",
}


class WatchedAdapter(HTTPAdapter):
    """The network, with an eye on the servers' clocks: `skew` is theirs minus ours in seconds, None when not told."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(max_retries=0)
        self._clock = clock
        self.skew: float | None = None

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As HTTPAdapter has it."""
        response = super().send(*args, **kwargs)
        told = response.headers.get("Date")
        try:
            there = parsedate_to_datetime(told) if told else None
        except ValueError:
            there = None
        if there is not None and there.tzinfo is not None:
            self.skew = (there - self._clock.now()).total_seconds()
        return response


class LiveCheck:
    """Asks both servers; everything that is found goes into `findings`, nothing is raised."""

    def __init__(self, loaded: Loaded, clock: Clock, findings: Findings, store: Store | None) -> None:
        self._loaded = loaded
        self._clock = clock
        self._findings = findings
        self._store = store
        self._config = loaded.config
        self._cases: Cases | None = None
        self._desk: Zendesk | None = None
        self._bugs: Jira | None = None
        self._maker: BugMaker | None = None

    def run(self) -> set[str]:
        """The whole check; returns the projects whose mappings could be compared with the real statuses. A secret that
        cannot be read leaves its server out."""
        desk = self._zendesk() if self._secrets("zendesk") else None
        projects, missing = self._jira() if self._secrets("jira") else ({}, {})
        self._names(desk, projects, missing)
        return set(projects)

    def _secrets(self, side: str) -> bool:
        fine = True
        for path, secret in self._config.secrets():
            if path[0] != side:
                continue
            try:
                secret.reveal()
            except SecretError as error:
                place = self._place(path)
                self._findings.error(side, str(error), Exit.CONFIG, place)
                fine = False
        return fine

    def _place(self, path: tuple[str | int, ...]) -> str:
        return str(self._loaded.document.problem(path, "")).rstrip(": ")

    def _failed(self, side: str, url: str, error: SourceError, doing: str) -> None:
        name, said = "Zendesk" if side == "zendesk" else "Jira", str(error).rstrip(".")
        match error:
            case AuthError() if "invalid_scope" in said:
                self._findings.error(
                    side,
                    f"{name} at {url} grants the OAuth client fewer scopes than `scope` asks for: allow them for the "
                    f"client, or mend `scope` ({said}).",
                )
            case AuthError():
                self._findings.error(side, f"{name} at {url} does not accept syncd's account: {said}.")
            case RefusedError() | NotFoundError():
                self._findings.error(side, f"{name} at {url} refused to {doing}: {said}.")
            case _:
                self._findings.error(side, f"{name} at {url} cannot be reached now: {said}.", Exit.LATER)

    # ---- Zendesk ----

    def _account(self, auth: ZendeskAuth, adapter: WatchedAdapter) -> Zendesk:
        return Zendesk(self._config.zendesk.base_url, zendesk_credential(auth), clock=self._clock, adapter=adapter)

    def _zendesk(self) -> DeskCatalog | None:
        config, adapter = self._config.zendesk, WatchedAdapter(self._clock)
        writer = self._account(config.auth, adapter)
        reader = writer if config.reader_auth is None else self._account(config.reader_auth, adapter)
        self._cases, self._desk = reader.cases, reader
        try:
            who = writer.identity()
            reads = who if reader is writer else reader.identity()
        except SourceError as error:
            self._failed("zendesk", config.base_url, error, "say who we are")
            return None
        self._findings.fine(f"Zendesk {who.server}: signed in as {who.name or who.account_id} ({who.role})")
        self._server("zendesk", who)
        self._skew("zendesk", adapter)
        self._scopes(writer, reader)
        self._roles(who, reads, separate=reader is not writer)
        self._reads_tickets(writer)
        self._exports(reader, reads)
        try:
            return desk_catalog(reader, self._config.routes)
        except SourceError as error:
            self._failed("zendesk", config.base_url, error, "list ticket fields")
            return None

    def _scopes(self, *accounts: Zendesk) -> None:
        missing = dict.fromkeys(scope for account in accounts for scope in account.missing_scopes())
        if missing:
            self._findings.error(
                "zendesk",
                f"Zendesk did not grant the OAuth {'scope' if len(missing) == 1 else 'scopes'} "
                f"{listed(missing, 'and')}: allow it for the OAuth client in Zendesk's Admin Center, or mend `scope`.",
                place=self._place(("zendesk", "auth")),
            )

    def _roles(self, who: Identity, reads: Identity, *, separate: bool) -> None:
        advice = (
            "Give syncd an agent whose role may make private comments only, and an admin that may only read under "
            "zendesk.reader_auth."
        )
        speaks = check_writer(self._config, who, self._findings, self._place)
        if who.can_comment_publicly and not speaks:
            self._findings.warning(
                "zendesk",
                f"{who.name or who.account_id} may comment publicly, so only syncd's own guards keep its notes "
                f"internal; Zendesk itself would not stop a mistake. {advice}",
            )
        elif who.can_comment_publicly is None and not speaks:
            self._findings.warning(
                "zendesk",
                f"Whether {who.name or who.account_id} may comment publicly could not be told. {advice}",
            )
        if separate and who.role == "admin":
            self._findings.warning(
                "zendesk",
                f"{who.name or who.account_id} writes and is an admin, though reader_auth reads: an agent will do.",
            )
        if reads.role not in ("", "admin"):
            key = "reader_auth" if separate else "auth"
            hint = "It must be an admin." if separate else "Name an admin that may only read under zendesk.reader_auth."
            self._findings.error(
                "zendesk",
                f"{reads.name or reads.account_id} is {reads.role}, no admin: Zendesk answers 403 to its exports, and "
                f"without them changes are missed and nothing is imported. {hint}",
                place=self._place(("zendesk", key)),
            )

    def _reads_tickets(self, writer: Zendesk) -> None:
        try:
            writer.recently_updated(None)
        except SourceError as error:
            self._failed("zendesk", self._config.zendesk.base_url, error, "list tickets")

    def _exports(self, reader: Zendesk, reads: Identity) -> None:
        """One call of the ten a minute proves what no role tells for sure."""
        try:
            reader.changed(None, self._clock.now() - timedelta(minutes=5))
        except (AuthError, RefusedError, NotFoundError) as error:
            if reads.role in ("", "admin"):
                self._failed("zendesk", self._config.zendesk.base_url, error, "export tickets")
        except SourceError as error:
            self._failed("zendesk", self._config.zendesk.base_url, error, "export tickets")

    # ---- Jira ----

    def _jira(self) -> tuple[dict[str, ProjectCatalog], dict[str, str]]:
        config, adapter = self._config.jira, WatchedAdapter(self._clock)
        jira = Jira(config.base_url, jira_credential(config.auth), clock=self._clock, adapter=adapter)
        try:
            who = jira.identity()
        except SourceError as error:
            self._failed("jira", config.base_url, error, "say who we are")
            return {}, {}
        self._maker, self._bugs = jira.creator, jira
        kind = {"cloud": "Cloud", "data_center": "Data Center"}.get(who.deployment, who.deployment)
        self._findings.fine(f"Jira {kind} {who.server}: signed in as {who.name or who.account_id}")
        if config.deployment not in ("auto", who.deployment):
            self._findings.error(
                "jira",
                f"This Jira says that it is {kind}: write deployment: {who.deployment}, or auto.",
                Exit.CONFIG,
                self._place(("jira", "deployment")),
            )
        self._server("jira", who)
        self._skew("jira", adapter)
        check_speakers(self._config, jira.talk, self._findings, self._place)
        projects: dict[str, ProjectCatalog] = {}
        missing: dict[str, str] = {}
        for configured in self._config.routes:
            route = configured.project
            try:
                self._permissions(route, jira.permissions(route))
                projects[route] = project_catalog(jira, configured)
            except NotFoundError:
                missing[route] = (
                    f"Jira has no project {route}, or syncd's account may not browse it: check the key, and the "
                    "permission BROWSE_PROJECTS."
                )
            except SourceError as error:
                self._failed("jira", config.base_url, error, f"describe project {route}")
        return projects, missing

    def _permissions(self, project: str, have: Mapping[str, bool]) -> None:
        for name, consequence in NEEDED.items():
            if not have.get(name, False):
                self._findings.error("jira", f"{_lacks(project, name, consequence)}.")
        route = self._config.route_of(project)
        if route is not None and route.create is not None and not have.get("CREATE_ISSUES", False):
            lacks = _lacks(project, "CREATE_ISSUES", "no bug can be made for a ticket")
            self._findings.error("jira", f"{lacks}, or take create: out of the route.")
        if route is not None and route.comments.to_bug != "none":
            for name, consequence in FOR_COMMENTS.items():
                if not have.get(name, True):
                    lacks = _lacks(project, name, consequence)
                    self._findings.warning("jira", f"{lacks}, or set the route's comments.to_bug to none.")
        more = [words for name, words in EXCESS.items() if have.get(name, False)]
        if more:
            self._findings.warning(
                "jira", f"In project {project} syncd's account has more rights than it needs: it {listed(more, 'and')}."
            )
        if all(have.get(name, False) for name in NEEDED):
            self._findings.fine(f"Project {project}: {', '.join(NEEDED)}")

    # ---- both ----

    def _server(self, side: str, who: Identity) -> None:
        if self._store is None:
            return
        with self._store.reading() as tx:
            known = tx.get_fact(f"server.{side}")
        if known is not None and known != who.server:
            self._findings.error(
                "store",
                f"The store {self._store.name} belongs to {known}, but the configuration names {who.server}. Use the "
                "configuration of that server, or another store (store.url).",
                Exit.CONFIG,
                self._place((side, "base_url")),
            )

    def _skew(self, side: str, adapter: WatchedAdapter) -> None:
        if adapter.skew is not None and abs(adapter.skew) > MOST_SKEW:
            name = "Zendesk's" if side == "zendesk" else "Jira's"
            word = "ahead of" if adapter.skew > 0 else "behind"
            self._findings.warning(
                side, f"{name} clock is {abs(adapter.skew):.0f} s {word} this machine's: is the time here right?"
            )

    def _names(
        self, desk: DeskCatalog | None, projects: Mapping[str, ProjectCatalog], missing: Mapping[str, str]
    ) -> None:
        """Statuses, resolutions and ticket fields against what the servers have."""
        unread = {route.project: NOT_READ for route in self._config.routes}
        routing = build_routes(
            self._loaded,
            desk=desk,
            projects=projects,
            missing={**unread, **missing},
            bindings=self._bindings(projects),
        )
        surveyed = Surveyed()
        if self._maker is not None and self._cases is not None:
            surveyed = survey(self._loaded, self._maker, self._cases)
        creating = build_creating(self._loaded, desk, surveyed, routing.routes.running)
        clocks = self._clocks(desk, projects)
        errors = [problem for problem in (*routing.errors, *creating.errors, *clocks) if problem.message != NOT_READ]
        for sentence in surveyed.stale:
            self._findings.warning("mapping", sentence)
        self._findings.problems("mapping", errors, Exit.CONFIG)
        self._findings.problems("mapping", routing.warnings, Exit.FINE)
        self._walks(routing, projects)

    def _clocks(self, desk: DeskCatalog | None, projects: Mapping[str, ProjectCatalog]) -> list[Problem]:
        """The names that the rules of the clocks use. Nothing is said while a server does not tell what it has."""
        sla, keys = self._config.sla, {route.project for route in self._config.routes}
        if sla is None or desk is None or self._desk is None or self._bugs is None or keys - projects.keys():
            return []
        asked = survey_names(sla.data(), Servers(self._desk, self._bugs))
        for sentence in asked.stale:
            self._findings.error("sla", sentence, Exit.LATER)
        if asked.stale:
            return []
        resolved = resolve_sla(self._loaded, sla, desk, projects.values(), asked)
        missing = [self._loaded.problem(("sla", *path), sentence) for path, sentence in resolved.warnings]
        self._findings.problems("sla", missing, Exit.FINE)
        found = [(path, sentence) for path, sentence in resolved.errors if path[0] != "calendars"]  # told by the file
        return [self._loaded.problem(("sla", *path), sentence) for path, sentence in found]

    def _bindings(self, projects: Mapping[str, ProjectCatalog]) -> dict[str, dict[tuple[str, str], str]]:
        if self._store is None:
            return {}
        with self._store.reading() as tx:
            return {
                project: {
                    (kind, name): value
                    for kind in ("status", "resolution", "ticket_status")
                    for name, value in tx.bound_names(kind, project).items()
                }
                for project in projects
            }

    def _walks(self, routing: Routing, projects: Mapping[str, ProjectCatalog]) -> None:
        """The linter's proof that writes settle, with the statuses that the project really has."""
        running = routing.routes.running
        mappings = [view.mapping for view in running.values()]
        for position, (name, view) in enumerate(running.items(), 1):
            # Each pair of mappings is walked once, whichever of the two comes first.
            found = lint_mapping(view.mapping, project=projects[view.project_key], beside=mappings[position:])
            lint_findings(self._findings, name, view.mapping.name, found)


def lint_findings(findings: Findings, route: str, mapping: str, found: Sequence[LintFinding]) -> None:
    """The linter's findings, each once for all routes of a mapping."""
    for finding in found:
        sentence = f"Mapping {mapping} (route {route}): {finding.message}"
        if finding.severity == "error":
            findings.error("mapping", sentence, Exit.CONFIG)
        else:
            findings.warning("mapping", sentence)
    if not any(finding.severity == "error" for finding in found):
        findings.fine(f"Mapping {mapping} (route {route}): every write settles")


def _lacks(project: str, permission: str, consequence: str) -> str:
    return (
        f"In project {project} syncd's account lacks the permission {permission}: {consequence}. Grant it in the "
        "project's permission scheme"
    )
