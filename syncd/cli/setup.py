"""`syncd init`: a commented config.yaml and a mapping from the workflow that is really there."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import click

from syncd.app.build import jira_credential, zendesk_credential
from syncd.app.clocks import SystemClock
from syncd.cli.exits import CliError, Exit
from syncd.cli.main import Verb, shared
from syncd.cli.output import say
from syncd.config.init import init_config, init_mapping
from syncd.config.load import load_config, packaged_mappings
from syncd.config.models import Config
from syncd.config.problems import listed
from syncd.config.sla_profile import profile_names, profile_text
from syncd.core.model import DeskCatalog, ProjectCatalog
from syncd.sources.errors import NotFoundError
from syncd.sources.jira import Jira
from syncd.sources.zendesk import Zendesk

Deployment: TypeAlias = Literal["auto", "cloud", "data_center"]
ZendeskWay: TypeAlias = Literal["oauth", "api_token"]
JiraWay: TypeAlias = Literal["api_token", "pat"]

HOSTED = ".atlassian.net"


@dataclass(frozen=True, slots=True)
class Answers:
    """What the operator says about an installation."""

    zendesk_url: str
    jira_url: str
    projects: tuple[str, ...]
    deployment: Deployment
    zendesk_auth: ZendeskWay
    client_id: str
    zendesk_email: str
    jira_auth: JiraWay
    jira_email: str
    site_url: str
    issue_type: str
    profile: str = ""  # the text of a shipped profile

    def config(self, mappings: dict[str, str], desk: DeskCatalog | None) -> str:
        """The text of config.yaml. `mappings` says which one each project uses."""
        return init_config(
            zendesk_url=self.zendesk_url,
            jira_url=self.jira_url,
            projects=mappings,
            deployment=self.deployment,
            zendesk_auth=self.zendesk_auth,
            client_id=self.client_id,
            zendesk_email=self.zendesk_email,
            jira_auth=self.jira_auth,
            jira_email=self.jira_email,
            site_url=self.site_url,
            issue_type=self.issue_type,
            desk=desk,
            profile=self.profile,
        )

    @property
    def secrets(self) -> tuple[str, str]:
        """The environment variables in which the configuration expects both secrets."""
        return ("ZENDESK_CLIENT_SECRET" if self.zendesk_auth == "oauth" else "ZENDESK_TOKEN"), "JIRA_TOKEN"


@click.command("init", cls=Verb)
@click.option("--offline", is_flag=True, help="Ask no server: the mapping that comes with syncd, no ticket fields.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@click.option("--zendesk-url", metavar="URL", help="Such as https://acme.zendesk.com")
@click.option("--zendesk-auth", type=click.Choice(["oauth", "api_token"]), help="How to sign in (default: oauth).")
@click.option("--client-id", default="syncd", show_default=True, help="Of the OAuth client in Zendesk.")
@click.option("--zendesk-email", metavar="EMAIL", help="Of the account, for an API token.")
@click.option("--jira-url", metavar="URL", help="Such as https://acme.atlassian.net")
@click.option("--site-url", metavar="URL", default="", help="What people click, when that is another address.")
@click.option("--deployment", type=click.Choice(["auto", "cloud", "data_center"]), default="auto", show_default=True)
@click.option("--jira-auth", type=click.Choice(["api_token", "pat"]), help="How to sign in.")
@click.option("--jira-email", metavar="EMAIL", help="Of the account, for an API token of Jira Cloud.")
@click.option("--project", "projects", metavar="KEY", multiple=True, help="A Jira project; may be given several times.")
@click.option("--issue-type", default="Bug", show_default=True, help="For bugs that syncd creates.")
@click.option("--profile", metavar="NAME", help=f"Clocks to begin with: {listed(profile_names(packaged_mappings()))}.")
def init(
    *,
    offline: bool,
    force: bool,
    zendesk_url: str | None,
    zendesk_auth: ZendeskWay | None,
    client_id: str,
    zendesk_email: str | None,
    jira_url: str | None,
    site_url: str,
    deployment: Deployment,
    jira_auth: JiraWay | None,
    jira_email: str | None,
    projects: tuple[str, ...],
    issue_type: str,
    profile: str | None,
) -> int:
    """Writes config.yaml and mappings/PROJECT.yaml from the statuses and ticket fields that both servers have.

    The secrets are taken from the environment: ZENDESK_CLIENT_SECRET (or ZENDESK_TOKEN) and JIRA_TOKEN. On a terminal
    it asks for what is not given.
    """
    asking = _Asking(sys.stdin.isatty())
    zendesk = asking.need(zendesk_url, "--zendesk-url", "Zendesk's address")
    jira = asking.need(jira_url, "--jira-url", "Jira's address")
    keys = projects or tuple(asking.need(None, "--project", "Jira project's key").replace(",", " ").split())
    on_cloud = deployment == "cloud" or (urlsplit(jira).hostname or "").endswith(HOSTED)
    way_jira: JiraWay = jira_auth or ("api_token" if jira_email or on_cloud else "pat")
    way_zendesk: ZendeskWay = zendesk_auth or ("api_token" if zendesk_email else "oauth")
    mail_jira = asking.need(jira_email, "--jira-email", "E-mail of the Jira account") if way_jira == "api_token" else ""
    mail_zendesk = (
        asking.need(zendesk_email, "--zendesk-email", "E-mail of the Zendesk account")
        if way_zendesk == "api_token"
        else ""
    )
    asking.done()
    answers = Answers(
        zendesk.rstrip("/"),
        jira.rstrip("/"),
        tuple(dict.fromkeys(key.upper() for key in keys)),
        deployment,
        way_zendesk,
        client_id,
        mail_zendesk,
        way_jira,
        mail_jira,
        site_url,
        issue_type,
        _profile(profile),
    )
    files = _offline(answers) if offline else _live(answers)
    _write(shared().config, files, force=force)
    _say_next(shared().config, files, answers)
    return Exit.FINE


def _profile(name: str | None) -> str:
    """The text of the profile that was asked for."""
    try:
        return "" if name is None else profile_text(name, packaged_mappings())
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None


class _Asking:
    """Collects what is missing: by asking on a terminal, else to name it all at once."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._missing: list[str] = []

    def need(self, given: str | None, option: str, question: str) -> str:
        """What was given, or what the person answers."""
        if given:
            return given
        if self._terminal:
            return str(click.prompt(question)).strip()
        self._missing.append(option)
        return ""

    def done(self) -> None:
        """Raises UsageError when something is missing."""
        if self._missing:
            raise click.UsageError(f"Say {listed(self._missing, 'and')}.", click.get_current_context())


def _offline(answers: Answers) -> dict[str, str]:
    return {"": answers.config(dict.fromkeys(answers.projects, "default"), None)}


def _live(answers: Answers) -> dict[str, str]:
    """The files by their path below the folder of the configuration; "" is the configuration itself."""
    unset = [name for name in answers.secrets if not os.environ.get(name, "").strip()]
    if unset:
        raise CliError(
            f"{listed(unset, 'and')} {'is' if len(unset) == 1 else 'are'} not set: put the secrets there, "
            "or use --offline to write a configuration without asking the servers.",
            Exit.CONFIG,
        )
    desk, projects = read_catalogs(answers)
    names = {key: key.lower() for key in projects}
    files = {"": answers.config(names, desk)}
    for key, project in projects.items():
        files[f"mappings/{names[key]}.yaml"] = init_mapping(project, desk)
    return files


def read_catalogs(answers: Answers) -> tuple[DeskCatalog, dict[str, ProjectCatalog]]:
    """What both servers define. Raises SourceError, and CliError for a project that is not there."""
    draft = _parsed(answers)
    clock = SystemClock()
    zendesk = Zendesk(draft.zendesk.base_url, zendesk_credential(draft.zendesk.auth), clock=clock)
    jira = Jira(draft.jira.base_url, jira_credential(draft.jira.auth), draft.jira.deployment, clock=clock)
    zendesk.identity()
    jira.identity()
    desk = zendesk.catalog()
    projects = {}
    for key in answers.projects:
        try:
            projects[key] = jira.catalog(key)
        except NotFoundError:
            raise CliError(
                f"Jira has no project {key}, or syncd's account may not browse it: check the key and the permissions.",
                Exit.CONFIG,
            ) from None
    return desk, projects


def _parsed(answers: Answers) -> Config:
    """The answers as a configuration, so that addresses are judged as they will be later; raises ConfigError."""
    import tempfile  # noqa: PLC0415 - for this one moment

    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "config.yaml"
        draft.write_text(answers.config(dict.fromkeys(answers.projects, "default"), None), encoding="utf-8")
        return load_config(draft).config


def _write(config: Path, files: dict[str, str], *, force: bool) -> None:
    """All of the files or none."""
    places = {place_of(config, name): text for name, text in files.items()}
    there = [str(place) for place in places if place.exists()]
    if there and not force:
        raise CliError(
            f"{listed(there, 'and')} {'is' if len(there) == 1 else 'are'} there already; --force overwrites.",
            Exit.USAGE,
        )
    try:
        for place, text in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"{error.filename} cannot be written: {error.strerror}.", Exit.CONFIG) from None
    load_config(config)  # what was written must load


def place_of(config: Path, name: str) -> Path:
    """Where a file goes: beside the configuration, or the configuration itself."""
    return config.parent / name if name else config


def _say_next(config: Path, files: dict[str, str], answers: Answers) -> None:
    for name in files:
        say(f"Wrote {place_of(config, name)}")
    option = "" if str(config) == "config.yaml" else f" --config {config}"
    unset = [name for name in answers.secrets if not os.environ.get(name, "").strip()]
    say()
    say("Next:")
    if unset:
        say(f"  put the secrets into the environment: {listed(unset, 'and')}")
    say(f"  syncd check{option}            what is wrong with the files, the accounts and their rights")
    say(f"  syncd plan{option}             what would be written, and why")
    say(f"  syncd once --accept{option}    the first run, after you have seen the plan")
    say(f"  syncd run{option}              keeps both in step from then on")
