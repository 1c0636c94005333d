"""config.yaml as models. A key's example is what the operator is shown when the key is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from syncd.config.alert_models import Mail, MailAddress, Receiver, alert_relations, alert_secrets
from syncd.config.alerting_models import Alerts, alerting_relations
from syncd.config.comment_models import Comments
from syncd.config.create_models import Create
from syncd.config.durations import Duration, between
from syncd.config.escalation_models import Escalation
from syncd.config.field_models import MappedField, OnRelease
from syncd.config.fields import (
    BaseUrl,
    Certificates,
    Email,
    EnvName,
    NameOrId,
    ProjectKey,
    SecretFile,
    SiteUrl,
    StoreUrl,
    Tag,
    Text,
)
from syncd.config.problems import listed
from syncd.config.secret import Secret
from syncd.config.secret_place import WithSecret, one_place
from syncd.config.sentences import Model, Relation, refusal
from syncd.config.sla_models import Sla
from syncd.config.store_models import Backup


def _one_of(data: Mapping[str, object], choices: tuple[str, ...]) -> Iterator[Relation]:
    written = [choice for choice in choices if choice in data]
    if len(written) > 1:
        yield (written[1],), f"Keep one of {listed(choices, 'and')}."
    elif not written and not any(key not in choices for key in data):
        yield (), f"Write how to sign in: {listed(choices)}."


class OAuth(WithSecret):
    """A confidential OAuth client of Zendesk that signs in by client_credentials."""

    client_id: Text = Field(examples=["syncd"])
    client_secret_env: EnvName | None = Field(default=None, examples=["ZENDESK_CLIENT_SECRET"])
    client_secret_file: SecretFile | None = Field(default=None, examples=["/etc/syncd/zendesk_client_secret"])
    scope: Text = Field(default="read write", examples=["read write"])
    token_lifetime: Annotated[Duration, between(timedelta(minutes=5), timedelta(days=2))] | None = Field(
        default=None, examples=["30m"]
    )  # of the tokens that are asked for; without it as Zendesk likes

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        yield from one_place(data, "client_secret")

    @property
    def client_secret(self) -> Secret:
        return self._secret(self.client_secret_env, self.client_secret_file)


class ApiToken(WithSecret):
    """An account's e-mail address and its API token."""

    email: Email = Field(examples=["syncd@acme.example"])
    token_env: EnvName | None = Field(default=None, examples=["ZENDESK_TOKEN"])
    token_file: SecretFile | None = Field(default=None, examples=["/etc/syncd/zendesk_token"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        yield from one_place(data, "token")

    @property
    def token(self) -> Secret:
        return self._secret(self.token_env, self.token_file)


class Pat(WithSecret):
    """A personal access token of Jira Data Center (sent as a bearer token)."""

    token_env: EnvName | None = Field(default=None, examples=["JIRA_TOKEN"])
    token_file: SecretFile | None = Field(default=None, examples=["/etc/syncd/jira_token"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        yield from one_place(data, "token")

    @property
    def token(self) -> Secret:
        return self._secret(self.token_env, self.token_file)


class ZendeskAuth(Model):
    """Exactly one way to sign in to Zendesk."""

    oauth: OAuth | None = Field(default=None, examples=["{client_id: syncd, client_secret_env: ZENDESK_CLIENT_SECRET}"])
    api_token: ApiToken | None = Field(default=None, examples=["{email: syncd@acme.example, token_env: ZENDESK_TOKEN}"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        yield from _one_of(data, ("oauth", "api_token"))

    @property
    def secret(self) -> Secret:
        """The one secret of the way that was chosen."""
        if self.oauth is not None:
            return self.oauth.client_secret
        if self.api_token is not None:
            return self.api_token.token
        raise ValueError("no way to sign in was configured")


class JiraAuth(Model):
    """Exactly one way to sign in to Jira."""

    api_token: ApiToken | None = Field(default=None, examples=["{email: syncd@acme.example, token_env: JIRA_TOKEN}"])
    pat: Pat | None = Field(default=None, examples=["{token_env: JIRA_TOKEN}"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        yield from _one_of(data, ("api_token", "pat"))

    @property
    def secret(self) -> Secret:
        """The one secret of the way that was chosen."""
        if self.api_token is not None:
            return self.api_token.token
        if self.pat is not None:
            return self.pat.token
        raise ValueError("no way to sign in was configured")


class Zendesk(Model):
    """The support side."""

    base_url: SiteUrl = Field(examples=["https://acme.zendesk.com"])
    auth: ZendeskAuth = Field(examples=["{oauth: {client_id: syncd, client_secret_env: ZENDESK_CLIENT_SECRET}}"])
    reader_auth: ZendeskAuth | None = Field(
        default=None,
        examples=["{oauth: {client_id: syncd_reader, client_secret_env: ZENDESK_READER_SECRET, scope: read}}"],
    )
    robots: tuple[NameOrId, ...] = Field(
        default=(), examples=["[Deploy Bot]"]
    )  # agents that are programs: names or ids
    update_budget: int | None = Field(default=None, ge=1, le=10000, examples=["90"])  # updates a minute, at most
    ca: Certificates | None = Field(default=None, examples=["/etc/syncd/company-ca.pem"])  # instead of the usual
    support_addresses: tuple[MailAddress, ...] = Field(default=(), examples=["[support@acme.example]"])  # open tickets


class Jira(Model):
    """The development side."""

    base_url: BaseUrl = Field(examples=["https://acme.atlassian.net"])
    site_url: BaseUrl = Field(
        default_factory=lambda data: str(data.get("base_url", "")), examples=["https://acme.atlassian.net"]
    )
    deployment: Literal["auto", "cloud", "data_center"] = Field(default="auto", examples=["auto"])
    auth: JiraAuth = Field(examples=["{api_token: {email: syncd@acme.example, token_env: JIRA_TOKEN}}"])
    robots: tuple[NameOrId, ...] = Field(default=(), examples=["[Automation for Jira]"])
    ca: Certificates | None = Field(default=None, examples=["/etc/syncd/company-ca.pem"])  # instead of the usual


class StoreConfig(WithSecret):
    """Where syncd remembers."""

    url: StoreUrl = Field(default="sqlite:///syncd.db", examples=["sqlite:///syncd.db"])
    password_env: EnvName | None = Field(default=None, examples=["SYNCD_DB_PASSWORD"])
    password_file: SecretFile | None = Field(default=None, examples=["/etc/syncd/db_password"])
    backup: Backup = Field(default_factory=Backup, examples=["{every: 6h, keep: 8}"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if "password_env" in data or "password_file" in data:
            yield from one_place(data, "password")

    @property
    def password(self) -> Secret | None:
        """The database's password, to be put into the url's user part; None when none is configured."""
        if self.password_env is None and self.password_file is None:
            return None
        return self._secret(self.password_env, self.password_file)


_Interval = Annotated[Duration, between(timedelta(seconds=1), timedelta(days=1))]


class Poll(Model):
    """How often the two sides are looked at."""

    fast: _Interval = Field(default=timedelta(seconds=15), examples=["15s"])
    complete: _Interval = Field(default=timedelta(seconds=60), examples=["60s"])
    census: _Interval = Field(default=timedelta(hours=1), examples=["1h"])
    versions: _Interval = Field(default=timedelta(minutes=5), examples=["5m"])

    @model_validator(mode="after")
    def _fast_is_fastest(self) -> Self:
        if self.complete < self.fast:
            raise refusal("complete must not be shorter than fast: a fast pass is the cheaper one.")
        return self


class Mirror(Model):
    """Ticket fields, by title or id, that always show the bug as it is. What is left out is not shown."""

    bug: NameOrId | None = Field(default=None, examples=["Jira issue"])
    status: NameOrId | None = Field(default=None, examples=["Bug status"])
    assignee: NameOrId | None = Field(default=None, examples=["Bug assignee"])
    fix_version: NameOrId | None = Field(default=None, examples=["Fix version"])
    due_date: NameOrId | None = Field(default=None, examples=["Bug due date"])
    sync_state: NameOrId | None = Field(default=None, examples=["Sync state"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        owner: dict[str, str] = {}
        for key, title in data.items():
            if not isinstance(title, str | int):
                continue
            first = owner.setdefault(str(title).strip().casefold(), key)
            if first != key:
                yield (key,), f"This field shows {first} already: write another field."


def _mirrored_key(data: dict[str, object]) -> str | None:
    mirror = data.get("mirror")
    return mirror.bug if isinstance(mirror, Mirror) else None


class Route(Model):
    """A Jira project whose bugs are kept in step with tickets."""

    name: Text = Field(examples=["engineering"])
    project: ProjectKey = Field(examples=["ENG"])
    issue_type: NameOrId = Field(default="Bug", examples=["Bug"])
    mapping: Text = Field(default="default", examples=["default"])
    mirror: Mirror = Field(default_factory=Mirror, examples=["{bug: Jira issue, status: Bug status}"])
    link_field: NameOrId | None = Field(default_factory=_mirrored_key, examples=["Jira issue"])
    link_tag: Tag = Field(default="link_", examples=["link_"])
    off_tag: Tag = Field(default="syncd_off", examples=["syncd_off"])
    comments: Comments = Field(default_factory=Comments, examples=["{to_ticket: internal, to_bug: tagged}"])
    create: Create | None = Field(default=None, examples=["{act_tag: to_engineering}"])
    fields: tuple[MappedField, ...] = Field(
        default=(), examples=["[{ticket: priority, bug: priority, owner: zendesk, map: {urgent: Highest}}]"]
    )
    on_release: OnRelease = Field(default_factory=OnRelease, examples=["{note: true, hand_back: true}"])
    not_fixed: Literal["reopen", "new_bug"] = Field(default="reopen", examples=["reopen"])
    follow_up: bool = Field(default=False, examples=["false"])
    follow_ups_per_day: int = Field(default=20, ge=1, le=1000, examples=["20"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        mirror, link_field = data.get("mirror"), data.get("link_field")
        if isinstance(mirror, Mapping) and isinstance(link_field, str | int):
            for key, title in mirror.items():
                if key != "bug" and str(title).strip().casefold() == str(link_field).strip().casefold():
                    yield ("link_field",), f"This field shows {key} (mirror.{key}): write the field that holds the key."
        if data.get("not_fixed") == "new_bug" and not data.get("create"):
            yield ("not_fixed",), "A new bug needs create:, which says what it contains: add it, or write reopen."
        prefix, off = data.get("link_tag", "link_"), data.get("off_tag", "syncd_off")
        if isinstance(prefix, str) and isinstance(off, str) and prefix and off.lower().startswith(prefix.lower()):
            yield ("off_tag",), f"A tag that begins with {prefix} makes a link: write another one, such as syncd_off."


class Guard(Model):
    """The brakes on implausible plans."""

    max_changed_share: float = Field(default=0.5, gt=0, le=1, examples=["0.5"])
    accept: tuple[Text, ...] = Field(default=(), examples=["[first-run-3f9a]"])


class Log(Model):
    """What the daemon says about itself."""

    format: Literal["auto", "json", "console"] = Field(default="auto", examples=["auto"])
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", examples=["info"])


class Config(Model):
    """config.yaml."""

    zendesk: Zendesk = Field(examples=["{base_url: https://acme.zendesk.com, auth: …}"])
    jira: Jira = Field(examples=["{base_url: https://acme.atlassian.net, auth: …}"])
    store: StoreConfig = Field(default_factory=StoreConfig, examples=["{url: sqlite:///syncd.db}"])
    poll: Poll = Field(default_factory=Poll, examples=["{fast: 15s, complete: 60s}"])
    routes: tuple[Route, ...] = Field(min_length=1, examples=["[{name: engineering, project: ENG}]"])
    start_from: Annotated[Duration, between(timedelta(minutes=5), timedelta(days=3650))] = Field(
        default=timedelta(days=90), examples=["90d"]
    )
    guard: Guard = Field(default_factory=Guard, examples=["{max_changed_share: 0.5}"])
    sla: Sla | None = Field(default=None, examples=["{profile: novabrain}"])
    escalation: Escalation | None = Field(default=None, examples=["{rules: [{name: reopened, when: …, then: …}]}"])
    log: Log = Field(default_factory=Log, examples=["{format: auto, level: info}"])
    mail: Mail | None = Field(default=None, examples=["{host: smtp.acme.example, sender: syncd@acme.example}"])
    receivers: tuple[Receiver, ...] = Field(default=(), examples=["[{name: leads, to: [lena.vogt@acme.example]}]"])
    alerts: Alerts | None = Field(default=None, examples=["{routes: [{name: all, receivers: [leads]}]}"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        yield from alert_relations(data)
        yield from alerting_relations(data)
        routes = data.get("routes")
        for key in ("name", "project"):
            first: dict[str, int] = {}
            for index, route in enumerate(routes if isinstance(routes, list) else ()):
                value = route.get(key) if isinstance(route, Mapping) else None
                if not isinstance(value, str):
                    continue
                earlier = first.setdefault(value.casefold(), index)
                if earlier != index:
                    yield ("routes", index, key), f"routes[{earlier}] has this {key} too: each route needs its own."

    def route_of(self, project: str) -> Route | None:
        """The route of a Jira project, by its key."""
        return next((route for route in self.routes if route.project == project), None)

    def secrets(self) -> tuple[tuple[tuple[str | int, ...], Secret], ...]:
        """Every secret that the configuration refers to, with the path of its block."""
        found: list[tuple[tuple[str | int, ...], Secret]] = [(("zendesk", "auth"), self.zendesk.auth.secret)]
        if self.zendesk.reader_auth is not None:
            found.append((("zendesk", "reader_auth"), self.zendesk.reader_auth.secret))
        found.append((("jira", "auth"), self.jira.auth.secret))
        if self.store.password is not None:
            found.append((("store",), self.store.password))
        found += alert_secrets(self.mail, self.receivers)
        return tuple(found)
