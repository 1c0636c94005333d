"""The composition root: Config → store, sources, engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import structlog
from pydantic import TypeAdapter
from requests.adapters import BaseAdapter

from syncd.alerts.mail import Mailer
from syncd.app.alerting import AlertConfig
from syncd.app.creating import Surveyed, build_creating, survey
from syncd.app.escalation import EscalationConfig
from syncd.app.field_routing import desk_catalog, project_catalog, wanted_fields
from syncd.app.routing import Routing, build_routes
from syncd.app.sla import ClockConfig
from syncd.app.sla_names import Servers
from syncd.config.fields import is_loopback
from syncd.config.load import Loaded
from syncd.config.models import ApiToken, Config, JiraAuth, ZendeskAuth
from syncd.config.secret import Secret, SecretError
from syncd.core.comment_gone_files import ATTACHMENTS
from syncd.core.comment_model import CommentPolicy
from syncd.core.field_model import FieldSpec
from syncd.core.mapping import DECLINED
from syncd.core.model import DeskCatalog, Json, ProjectCatalog
from syncd.core.ports import Clock
from syncd.core.subjects import ticket_subject
from syncd.cycle import CallCounter, Engine, Routes, Settings
from syncd.cycle.adopting import Adopter, AppLinkWatch
from syncd.cycle.alerting import Alerter
from syncd.cycle.comment_audit import CommentAudit, PublicWatch
from syncd.cycle.comments import CommentPart
from syncd.cycle.creating import CreatePart, TwinSweep
from syncd.cycle.escalation import EscalationRules
from syncd.cycle.field_part import FieldPart
from syncd.cycle.host_clock import HostClock
from syncd.cycle.moments import MomentPart
from syncd.cycle.quoting import Quoter
from syncd.cycle.rebuilding import Rebuilder
from syncd.executor.clock_fields import ClockFieldWriter
from syncd.executor.comments import CommentPerformer
from syncd.executor.creating import BugCreator
from syncd.executor.escalation import EscalationPerformer
from syncd.executor.facts import FactBook
from syncd.executor.fields import FieldWriter
from syncd.executor.followups import FollowUpWriter
from syncd.executor.raising import granted_in
from syncd.rules.creating import CreateRule
from syncd.sla.policy import Rules
from syncd.sources.credentials import Basic, Bearer, Credential, OAuthClient, api_token
from syncd.sources.errors import AuthError, NotFoundError, SourceError, TransientError
from syncd.sources.http import CallRecord
from syncd.sources.jira import Jira
from syncd.sources.zendesk import Zendesk
from syncd.store import Store, with_password

log = structlog.get_logger(__name__)

_DESK = TypeAdapter(DeskCatalog)
_PROJECT = TypeAdapter(ProjectCatalog)
_SURVEYED = TypeAdapter(Surveyed)


@dataclass(slots=True)
class Catalogs:
    """What both servers define, read now or remembered from last time."""

    desk: DeskCatalog | None  # None: not known
    projects: dict[str, ProjectCatalog]
    missing: dict[str, str] = field(default_factory=dict)  # project -> why it could not be read
    former: dict[str, ProjectCatalog] = field(default_factory=dict)  # of missing projects: what is known of them
    stale: list[str] = field(default_factory=list)  # sentences about what was remembered instead of read
    unread: list[str] = field(default_factory=list)  # sentences about what a server did not answer and is not known
    surveyed: Surveyed = field(default_factory=Surveyed)  # for the bugs that are made


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
        progress: Callable[[], None] = lambda: None,
        parallel: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        like: App | None = None,
        mailer: Mailer | None = None,
    ) -> None:
        """`progress` is called after each call to a tracker. `like` is the App that this one takes over from: what it
        has learned of a server that stays the same (limits, pauses, tokens) is kept."""
        self.loaded = loaded
        self.store = store
        self.clock = clock
        self.calls: CallCounter = CallCounter() if like is None else like.calls
        self.catalog_problems: tuple[str, ...] = ()
        config = loaded.config

        self.host_clock: HostClock = HostClock(store, clock) if like is None else like.host_clock

        def called(service: str, call: CallRecord) -> None:
            self.calls.count(service)
            self.host_clock.heard(service, call.date, call.seconds)
            progress()

        self.zendesk: Zendesk
        if like is not None and like.loaded.config.zendesk == config.zendesk:
            self.zendesk = like.zendesk
        else:
            self.zendesk = Zendesk(
                config.zendesk.base_url,
                zendesk_credential(config.zendesk.auth),
                zendesk_credential(config.zendesk.reader_auth) if config.zendesk.reader_auth is not None else None,
                clock=clock,
                adapter=zendesk_adapter,
                robots=config.zendesk.robots,
                ca=config.zendesk.ca,
                update_budget=config.zendesk.update_budget,
                on_call=lambda call: called("zendesk", call),
                before_send=(self._outside_of_transactions,),
                granted=granted_in(store),
                sleep=sleep,
            )
        self.jira: Jira
        if like is not None and like.loaded.config.jira == config.jira:
            self.jira = like.jira
        else:
            self.jira = Jira(
                config.jira.base_url,
                jira_credential(config.jira.auth),
                config.jira.deployment,
                config.jira.site_url,
                clock=clock,
                adapter=jira_adapter,
                robots=config.jira.robots,
                ca=config.jira.ca,
                on_call=lambda call: called("jira", call),
                before_send=(self._outside_of_transactions,),
                sleep=sleep,
            )
        self.routing: Routing | None = None
        self.clocks = ClockConfig(loaded, store, clock, Servers(self.zendesk, self.jira))
        self.escalation = EscalationConfig(loaded, store, clock, Servers(self.zendesk, self.jira))
        self.alerts = AlertConfig(loaded, store, clock, Servers(self.zendesk, self.jira), mailer=mailer)
        self._is_candidate = like is not None  # a reload that finds problems is refused: it must leave no trace
        self.adopter = Adopter(store, self.zendesk, self.jira, self.zendesk.app_links, self.jira.scan, clock)
        self.rebuilder = Rebuilder(
            store, self.zendesk, self.jira.scan, self.adopter, clock, account=config.zendesk.base_url
        )
        comments = CommentPart(store, self.zendesk.talk, self.jira.talk, self._comment_policies)
        book = FactBook(self.zendesk, self.jira, clock)
        self.engine: Engine = Engine(
            store,
            self.zendesk,
            self.jira,
            clock,
            settings=settings_of(config),
            routes=Routes() if like is None else like.engine.routes,
            calls=self.calls,
            stopping=stopping,
            parallel=parallel,
            parts=[
                CreatePart(
                    store,
                    self.zendesk.cases,
                    rules=self._creating,
                    account=config.zendesk.base_url,
                    ticket_url=self._ticket_url,
                ),
                FieldPart(store, self.jira, book),
                MomentPart(store),
                comments,
            ],
            performers=[
                BugCreator(
                    store,
                    self.zendesk,
                    self.jira,
                    self.jira.creator,
                    rules=self._creating,
                    ticket_url=self._ticket_url,
                    clock=clock,
                ),
                FieldWriter(store, self.zendesk, self.jira, clock, book, self._mapped_fields),
                FollowUpWriter(self.zendesk),
                ClockFieldWriter(self.zendesk, store),
                EscalationPerformer(
                    self.zendesk,
                    self.jira,
                    self.jira,
                    self.zendesk.cases,
                    self.zendesk.talk,
                    notes=lambda: self.escalation.notes,
                    ticket_url=self._ticket_url,
                    rules=lambda: self.rules,
                ),
                CommentPerformer(
                    store, self.zendesk, self.jira, self.zendesk.talk, self.jira.talk, self._comment_policies
                ),
            ],
            chores=[
                TwinSweep(store, self.jira.creator, clock.now, account=config.zendesk.base_url),
                AppLinkWatch(self.adopter, config.poll.complete),
                CommentAudit(store, self.zendesk, self.zendesk.talk, clock.now),
                PublicWatch(store, comments, self.jira.talk, clock.now),
            ],
            sla=lambda: self.alerts.with_marker(self.clocks.settings),
            has_clocks=lambda: config.sla is not None or self.clocks.settings is not None,
            host_clock=self.host_clock,
        )
        self.rules = EscalationRules(
            store, self.engine.clocks, settings=lambda: self.escalation.settings, rules=self._standing_rules
        )
        self.alerter = self.engine.alerting = Alerter(
            store,
            self.engine.clocks,
            clock,
            settings=lambda: self.alerts.settings,
            sla=lambda: self.clocks.settings,
            channels=lambda: self.alerts.channels,
            seconds=min(config.poll.fast.total_seconds() / 3, 5.0),
            stopping=stopping,
            apart=parallel,
            quoter=Quoter(self.zendesk.talk, lambda: self.zendesk.wait_for("read")),
        )
        self.engine.escalation = self.rules

    def _standing_rules(self, at: int) -> Rules | None:
        settings = self.clocks.settings
        return None if settings is None else settings.book.at(at)

    def _creating(self) -> Mapping[str, CreateRule]:
        return self.engine.routes.creating  # a reload swaps the routes

    def _mapped_fields(self, route: str) -> tuple[FieldSpec, ...]:
        view = self.engine.routes.running.get(route)
        return view.fields if view is not None else ()

    def _comment_policies(self) -> Mapping[str, CommentPolicy]:
        return {route.name: route.comments.policy for route in self.loaded.config.routes}

    def _ticket_url(self) -> str:
        return self.engine.settings.ticket_url

    def _outside_of_transactions(self, _: Any) -> None:
        if self.store.in_transaction():
            raise RuntimeError("a call to a tracker inside a transaction of the store")

    def refresh_routes(self, *, keep: bool = True) -> Routing:
        """Reads what both servers define and resolves every route. What a server does not answer now is taken from the
        last time; a route for which nothing is known stops. `keep`: changed rules of clocks count from now on."""
        catalogs = self._catalogs()
        self.host_clock.look()  # before an instant of this machine is kept
        routing = self._routing(catalogs)
        self._survey(catalogs)
        self._remember(catalogs, routing)
        known = {**catalogs.former, **catalogs.projects}  # a project that is hidden for a while means what it meant
        self.clocks.refresh(catalogs.desk, known)
        self.escalation.refresh(catalogs.desk, known, self.clocks.settings, self.alerts.ways)
        self.alerts.refresh(catalogs.desk, known, self.clocks.settings)
        routing = self._use(catalogs, routing)
        self._touch_started(routing.routes)
        if keep and not (self._is_candidate and (routing.errors or self.catalog_problems)):
            self._is_candidate = False
            self.clocks.keep()
        return routing

    def present_routes(self) -> Routing:
        """The routes as both servers define them now, without a change of the store: for looking before acting."""
        catalogs = self._catalogs()
        return self._use(catalogs, self._routing(catalogs))

    def remembered_routes(self) -> Routing:
        """The routes as the store knows them, without asking a server and without a change of the store: for looking
        on while a daemon works, or while the servers are away."""
        with self.store.reading() as tx:
            desk = tx.get_fact("catalog.desk")
            surveyed = tx.get_fact("catalog.create")
            known = {route.project: tx.get_fact(f"catalog.{route.project}") for route in self.loaded.config.routes}
        catalogs = Catalogs(
            _DESK.validate_python(desk) if desk is not None else None,
            {key: _PROJECT.validate_python(value) for key, value in known.items() if value is not None},
            {key: f"Nothing is known of {key} yet: run syncd check." for key, value in known.items() if value is None},
        )
        if surveyed is not None:
            catalogs.surveyed = _SURVEYED.validate_python(surveyed)
        routing = self._routing(catalogs)
        self.clocks.remembered(catalogs.desk, catalogs.projects)
        self.escalation.remembered(catalogs.desk, catalogs.projects, self.clocks.settings, self.alerts.ways)
        self.alerts.remembered(catalogs.desk, catalogs.projects, self.clocks.settings)
        return self._use(catalogs, routing)

    def _routing(self, catalogs: Catalogs) -> Routing:
        with self.store.reading() as tx:
            bindings = {
                project: {
                    (kind, name): value
                    for kind in ("status", "resolution", "ticket_status")
                    for name, value in tx.bound_names(kind, project).items()
                }
                for project in (*catalogs.projects, *catalogs.former)
            }
        return build_routes(
            self.loaded,
            desk=catalogs.desk,
            projects=catalogs.projects,
            missing=catalogs.missing,
            bindings=bindings,
            former=catalogs.former,
        )

    def _survey(self, catalogs: Catalogs) -> None:
        """What making bugs takes; what a server does not answer now is taken from the last time."""
        catalogs.surveyed = survey(self.loaded, self.jira.creator, self.zendesk.cases)
        with self.store.reading() as tx:
            known = tx.get_fact("catalog.create")
        if catalogs.surveyed.stale and known is not None:
            before = _SURVEYED.validate_python(known)
            catalogs.surveyed.screens = {**before.screens, **catalogs.surveyed.screens}
            catalogs.surveyed.names = {**before.names, **catalogs.surveyed.names}

    def _use(self, catalogs: Catalogs, routing: Routing) -> Routing:
        creating = build_creating(self.loaded, catalogs.desk, catalogs.surveyed, routing.routes.running)
        routes = replace(routing.routes, creating=creating.rules)
        routing = replace(
            routing,
            routes=routes,
            errors=(
                *routing.errors,
                *creating.errors,
                *self.clocks.errors,
                *self.escalation.errors,
                *self.alerts.errors,
            ),
            warnings=(*routing.warnings, *self.clocks.warnings),
        )
        self.routing = routing
        self.catalog_problems = (
            *catalogs.stale,
            *catalogs.unread,
            *self.clocks.stale,
            *self.escalation.stale,
            *self.alerts.stale,
        )
        self.engine.routes = routing.routes
        carries = any(policy.to_ticket != "none" for policy in self._comment_policies().values())
        files = {ATTACHMENTS} if carries else set()
        running = routing.routes.running.values()
        self.jira.want_last_word(any(route.mapping.stage(DECLINED) is not None for route in running))
        self.jira.want_fields(wanted_fields(route.fields for route in routing.routes.running.values()) | files)
        return routing

    def _catalogs(self) -> Catalogs:
        config = self.loaded.config
        self.calls.label = "catalog"
        with self.store.reading() as tx:
            known_desk = tx.get_fact("catalog.desk")
            known = {route.project: tx.get_fact(f"catalog.{route.project}") for route in config.routes}
        stale: list[str] = []
        unread: list[str] = []
        desk: DeskCatalog | None = None
        try:
            desk = desk_catalog(self.zendesk, config.routes)
        except SourceError as error:
            if known_desk is not None:
                stale.append(f"Zendesk's fields and statuses are those of the last time: {error}")
                desk = _DESK.validate_python(known_desk)
            else:
                unread.append(f"Zendesk's fields and statuses cannot be read: {error}")
        projects: dict[str, ProjectCatalog] = {}
        missing: dict[str, str] = {}
        former: dict[str, ProjectCatalog] = {}
        away: TransientError | None = None  # a server that does not answer is not asked for every project
        for route in config.routes:
            try:
                if away is not None:
                    raise away
                projects[route.project] = project_catalog(self.jira, route)
            except NotFoundError:
                missing[route.project] = (
                    f"Jira has no project {route.project}, or syncd's account may not browse it. Check the key and "
                    "the project's permissions."
                )
                if known[route.project] is not None:
                    unread.append(missing[route.project])  # it was there before: asked for again soon
                    former[route.project] = _PROJECT.validate_python(known[route.project])
            except SourceError as error:
                away = error if isinstance(error, TransientError) else None
                if known[route.project] is not None:
                    stale.append(f"The workflow of {route.project} is that of the last time: {error}")
                    projects[route.project] = _PROJECT.validate_python(known[route.project])
                else:
                    missing[route.project] = f"The workflow of {route.project} cannot be read: {error}"
                    unread.append(missing[route.project])
        return Catalogs(desk, projects, missing, former, stale, unread)

    def _remember(self, catalogs: Catalogs, routing: Routing) -> None:
        now = self.clock.now()
        with self.store.transaction() as tx:
            if catalogs.desk is not None:
                tx.set_fact("catalog.desk", _DESK.dump_python(catalogs.desk, mode="json"), now)
            if any(route.create is not None for route in self.loaded.config.routes):
                tx.set_fact("catalog.create", _SURVEYED.dump_python(catalogs.surveyed, mode="json"), now)
            for key, project in catalogs.projects.items():
                tx.set_fact(f"catalog.{key}", _PROJECT.dump_python(project, mode="json"), now)
            for project_key, names in routing.bindings.items():
                tx.bind_names(project_key, names)
        for sentence in (*catalogs.stale, *catalogs.unread, *catalogs.surveyed.stale):
            log.warning("catalog_stale", problem=sentence)

    def _touch_started(self, after: Routes) -> None:
        """Links of a route that starts (again), or whose mapping means something else, are looked at."""
        meant: dict[str, Json] = {name: f"{r.mapping.meaning}:{r.fields!r}" for name, r in after.running.items()}
        now = self.clock.now()
        with self.store.transaction() as tx:
            # What was refused may pass with another configuration.
            tx.touch([intent.subject for intent in tx.refused_creations()] if after.creating else [], now)
            looked_at = tx.get_fact("routes.looked_at")
            known = looked_at if isinstance(looked_at, dict) else {}
            for name, meaning in meant.items():
                if known.get(name) != meaning:
                    tx.touch([ticket_subject(link.ticket_id) for link in tx.all_links(route=name, limit=None)], now)
            if known != meant:
                tx.set_fact("routes.looked_at", meant, now)


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


class _Kept:
    """A configured secret for the trackers' side: one that cannot be read is a credential that does not work."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def reveal(self) -> str:
        try:
            return self._secret.reveal()
        except SecretError as error:
            raise AuthError(str(error)) from None


def zendesk_credential(auth: ZendeskAuth) -> Credential:
    """The way to sign in to Zendesk that was configured."""
    if auth.oauth is not None:
        oauth, life = auth.oauth, auth.oauth.token_lifetime
        lifetime = None if life is None else int(life.total_seconds())
        return OAuthClient(oauth.client_id, _Kept(oauth.client_secret), oauth.scope, lifetime)
    if auth.api_token is not None:
        return api_token(auth.api_token.email, _Kept(auth.api_token.token))
    raise ValueError("no way to sign in to Zendesk was configured")


def jira_credential(auth: JiraAuth) -> Credential:
    """The way to sign in to Jira that was configured."""
    if auth.pat is not None:
        return Bearer(_Kept(auth.pat.token))
    if isinstance(auth.api_token, ApiToken):
        return Basic(auth.api_token.email, _Kept(auth.api_token.token))
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
