"""The composition root: Config → store, sources, engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import structlog
from pydantic import TypeAdapter
from requests.adapters import BaseAdapter

from syncd.app.routing import Routing, build_routes
from syncd.config.fields import is_loopback
from syncd.config.load import Loaded
from syncd.config.models import ApiToken, Config, JiraAuth, ZendeskAuth
from syncd.core.actions import ticket_subject
from syncd.core.model import DeskCatalog, ProjectCatalog
from syncd.core.ports import Clock
from syncd.cycle import CallCounter, Engine, Routes, Settings
from syncd.sources.credentials import Basic, Bearer, Credential, OAuthClient, api_token
from syncd.sources.errors import NotFoundError, SourceError
from syncd.sources.jira import Jira
from syncd.sources.zendesk import Zendesk
from syncd.store import Store, with_password

log = structlog.get_logger(__name__)

_DESK = TypeAdapter(DeskCatalog)
_PROJECT = TypeAdapter(ProjectCatalog)


@dataclass(slots=True)
class Catalogs:
    """What both servers define, read now or remembered from last time."""

    desk: DeskCatalog
    projects: dict[str, ProjectCatalog]
    missing: dict[str, str] = field(default_factory=dict)  # project -> why it could not be read
    stale: list[str] = field(default_factory=list)  # sentences about what was remembered instead of read


class App:
    """Everything that runs, put together from one configuration. One thread at a time, but for the engine's lanes."""

    def __init__(
        self,
        loaded: Loaded,
        store: Store,
        clock: Clock,
        *,
        zendesk_adapter: BaseAdapter | None = None,
        jira_adapter: BaseAdapter | None = None,
        stopping: Callable[[], bool] = lambda: False,
        parallel: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.loaded = loaded
        self.store = store
        self.clock = clock
        self.calls = CallCounter()
        config = loaded.config
        self.zendesk = Zendesk(
            config.zendesk.base_url,
            zendesk_credential(config.zendesk.auth),
            zendesk_credential(config.zendesk.reader_auth) if config.zendesk.reader_auth is not None else None,
            clock=clock,
            adapter=zendesk_adapter,
            robots=config.zendesk.robots,
            on_call=lambda _: self.calls.count("zendesk"),
            before_send=(self._outside_of_transactions,),
            sleep=sleep,
        )
        self.jira = Jira(
            config.jira.base_url,
            jira_credential(config.jira.auth),
            config.jira.deployment,
            config.jira.site_url,
            clock=clock,
            adapter=jira_adapter,
            robots=config.jira.robots,
            on_call=lambda _: self.calls.count("jira"),
            sleep=sleep,
        )
        self.routing: Routing | None = None
        self.engine = Engine(
            store,
            self.zendesk,
            self.jira,
            clock,
            settings=settings_of(config),
            routes=Routes(),
            calls=self.calls,
            stopping=stopping,
            parallel=parallel,
        )

    def _outside_of_transactions(self, _: Any) -> None:
        if self.store.in_transaction():
            raise RuntimeError("a call to a tracker inside a transaction of the store")

    def refresh_routes(self) -> Routing:
        """Reads what both servers define and resolves every route. What a server does not answer now is taken from the
        last time; a route for which nothing is known stops."""
        catalogs = self._catalogs()
        with self.store.reading() as tx:
            bindings = {
                project: {
                    (kind, name): value
                    for kind in ("status", "resolution", "ticket_status")
                    for name, value in tx.bound_names(kind, project).items()
                }
                for project in catalogs.projects
            }
        routing = build_routes(
            self.loaded,
            desk=catalogs.desk,
            projects=catalogs.projects,
            missing=catalogs.missing,
            bindings=bindings,
        )
        self._remember(catalogs, routing)
        self.routing = routing
        before = self.engine.routes
        self.engine.routes = routing.routes
        self._touch_started(before, routing.routes)
        return routing

    def _catalogs(self) -> Catalogs:
        config = self.loaded.config
        self.calls.label = "catalog"
        with self.store.reading() as tx:
            known_desk = tx.get_fact("catalog.desk")
            known = {route.project: tx.get_fact(f"catalog.{route.project}") for route in config.routes}
        stale: list[str] = []
        try:
            desk = self.zendesk.catalog()
        except SourceError as error:
            stale.append(f"Zendesk's fields and statuses are those of the last time: {error}")
            desk = _DESK.validate_python(known_desk) if known_desk is not None else DeskCatalog()
        projects: dict[str, ProjectCatalog] = {}
        missing: dict[str, str] = {}
        for route in config.routes:
            try:
                projects[route.project] = self.jira.catalog(route.project)
            except NotFoundError:
                missing[route.project] = (
                    f"Jira has no project {route.project}, or syncd's account may not browse it. Check the key and "
                    "the project's permissions."
                )
            except SourceError as error:
                if known[route.project] is not None:
                    stale.append(f"The workflow of {route.project} is that of the last time: {error}")
                    projects[route.project] = _PROJECT.validate_python(known[route.project])
                else:
                    missing[route.project] = f"The workflow of {route.project} cannot be read: {error}"
        return Catalogs(desk, projects, missing, stale)

    def _remember(self, catalogs: Catalogs, routing: Routing) -> None:
        now = self.clock.now()
        with self.store.transaction() as tx:
            if not catalogs.stale:
                tx.set_fact("catalog.desk", _DESK.dump_python(catalogs.desk, mode="json"), now)
            for key, project in catalogs.projects.items():
                tx.set_fact(f"catalog.{key}", _PROJECT.dump_python(project, mode="json"), now)
            for project_key, names in routing.bindings.items():
                for (kind, name), value in names.items():
                    tx.bind_name(kind, project_key, name, value)
        for sentence in catalogs.stale:
            log.warning("catalog_stale", problem=sentence)

    def _touch_started(self, before: Routes, after: Routes) -> None:
        """Links of a route that starts (again), or whose mapping means something else, are looked at."""
        changed = [
            name
            for name, route in after.running.items()
            if name not in before.running or before.running[name].mapping.meaning != route.mapping.meaning
        ]
        now = self.clock.now()
        with self.store.transaction() as tx:
            for name in changed:
                tx.touch([ticket_subject(link.ticket_id) for link in tx.all_links(route=name, limit=None)], now)


def settings_of(config: Config) -> Settings:
    """The figures that a cycle reads."""
    return Settings(
        fast=config.poll.fast,
        complete=config.poll.complete,
        census=config.poll.census,
        versions=config.poll.versions,
        start_from=config.start_from,
        max_changed_share=config.guard.max_changed_share,
        accept=frozenset(config.guard.accept),
        ticket_url=config.zendesk.base_url,
        browse_url=config.jira.site_url.rstrip("/"),
    )


def zendesk_credential(auth: ZendeskAuth) -> Credential:
    """The way to sign in to Zendesk that was configured."""
    if auth.oauth is not None:
        return OAuthClient(auth.oauth.client_id, auth.oauth.client_secret, auth.oauth.scope)
    if auth.api_token is not None:
        return api_token(auth.api_token.email, auth.api_token.token)
    raise ValueError("no way to sign in to Zendesk was configured")


def jira_credential(auth: JiraAuth) -> Credential:
    """The way to sign in to Jira that was configured."""
    if auth.pat is not None:
        return Bearer(auth.pat.token)
    if isinstance(auth.api_token, ApiToken):
        return Basic(auth.api_token.email, auth.api_token.token)
    raise ValueError("no way to sign in to Jira was configured")


def store_url(config: Config) -> str:
    """The store's address with its password, when one is configured apart."""
    if config.store.password is None:
        return config.store.url
    return with_password(config.store.url, config.store.password.reveal())


def all_loopback(config: Config) -> bool:
    """True when both servers are on this machine, so that a rehearsal clock can do no harm."""
    return all(
        is_loopback(urlsplit(address).hostname or "") for address in (config.zendesk.base_url, config.jira.base_url)
    )
