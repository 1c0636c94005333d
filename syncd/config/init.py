"""Writes config.yaml and a first mapping for a new installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from syncd.config.init_mapping import init_mapping
from syncd.config.names import normalise
from syncd.config.yamltext import scalar
from syncd.core.model import DeskCatalog, TicketField

_TITLES: Final[Mapping[str, tuple[str, ...]]] = {
    "bug": ("Jira issue", "Jira key", "Jira issue key", "Bug", "Bug key", "Engineering bug", "Issue key", "Jira"),
    "status": ("Bug status", "Jira status", "Engineering status", "Issue status"),
    "assignee": ("Bug assignee", "Jira assignee", "Engineering assignee", "Developer"),
    "fix_version": ("Fix version", "Fix versions", "Engineering fix version", "Fixed in"),
    "due_date": ("Bug due date", "Jira due date", "Engineering due date", "Fix due date"),
    "sync_state": ("Sync state", "Jira sync", "syncd"),
}
_SHOWS: Final = {
    "bug": "its key; an agent who writes one here links the bug",
    "status": "its status in Jira's words",
    "assignee": "who works on it",
    "fix_version": "the version that has the fix",
    "due_date": "when it is due (a date field, or a text)",
    "sync_state": "what a person must mend",
}
_TEXTS: Final = ("text", "textarea")


def init_config(
    *,
    zendesk_url: str,
    jira_url: str,
    projects: Mapping[str, str],
    deployment: Literal["auto", "cloud", "data_center"] = "auto",
    zendesk_auth: Literal["oauth", "api_token"] = "oauth",
    client_id: str = "syncd",
    zendesk_email: str = "syncd@acme.example",
    jira_auth: Literal["api_token", "pat"] = "api_token",
    jira_email: str = "syncd@acme.example",
    site_url: str = "",
    issue_type: str = "Bug",
    desk: DeskCatalog | None = None,
    profile: str = "",
) -> str:
    """The text of a commented config.yaml that loads as it is.

    `projects` says for each Jira project (by key) which mapping its route uses. Secrets are expected in environment
    variables. Ticket fields for the mirror are chosen by their titles among the account's fields that customers do
    not see; what is not found is left as a comment. `profile` is the text of a shipped profile, for the part `sla`.
    """
    lines = [
        "# The configuration of syncd, written by syncd init. Check it with: syncd check",
        "# Secrets do not stand here: …_env names the environment variable, …_file the file that holds one.",
        "",
        "zendesk:",
        f"  base_url: {scalar(zendesk_url)}",
        "  auth:",
    ]
    if zendesk_auth == "oauth":
        lines += [
            "    oauth:                 # a confidential OAuth client of an account that syncd has for itself",
            f"      client_id: {scalar(client_id)}",
            "      client_secret_env: ZENDESK_CLIENT_SECRET",
            "      scope: read write",
        ]
    else:
        lines += [
            "    api_token:             # Zendesk accepts these until 2027-04-30; then: oauth",
            f"      email: {scalar(zendesk_email)}",
            "      token_env: ZENDESK_TOKEN",
        ]
    lines += ["", "jira:", f"  base_url: {scalar(jira_url)}"]
    if site_url:
        lines.append(f"  site_url: {scalar(site_url)}   # what people click")
    lines += [f"  deployment: {deployment}", "  auth:"]
    if jira_auth == "api_token":
        lines += ["    api_token:", f"      email: {scalar(jira_email)}", "      token_env: JIRA_TOKEN"]
    else:
        lines += ["    pat:                   # a personal access token", "      token_env: JIRA_TOKEN"]
    lines += ["", "store:", "  url: sqlite:///syncd.db   # beside where syncd runs; or postgresql://…", "", "routes:"]
    for project, mapping in projects.items():
        lines += [
            f"  - name: {scalar(project.lower())}",
            f"    project: {scalar(project)}",
            f"    {f'issue_type: {scalar(issue_type)}':<22} # for bugs that syncd creates; all types are kept in step",
            f"    {f'mapping: {scalar(mapping)}':<22} # a file in mappings/, or a path",
            *_mirror(desk),
            '    link_tag: link_        # a tag such as link_eng-12 links too; "" = off',
            "    off_tag: syncd_off     # a ticket with this tag is left alone",
        ]
    lines += [
        "",
        "start_from: 90d            # older tickets and bugs are not looked at on the first start",
        "",
        "guard:",
        "  max_changed_share: 0.5   # stop a route when more of its links than this would change without a cause",
        "  accept: []               # what syncd status shows as held, and may go on",
        "",
        *_clocks(profile),
        "log:",
        "  format: auto             # auto, json or console",
        "  level: info",
    ]
    return "\n".join(lines) + "\n"


def _clocks(profile: str) -> list[str]:
    """A profile's `sla:` as it is written, without what is said above it about profiles."""
    if not profile:
        return []
    lines = profile.rstrip().splitlines()
    return [
        "# When support has to answer, and whose time it is. Groups are named as in Zendesk.",
        *lines[lines.index("sla:") :],
        "",
    ]


def _mirror(desk: DeskCatalog | None) -> list[str]:
    found = {key: _field(desk, key) for key in _TITLES}
    head = "mirror:                # ticket fields that show the bug; customers must not see them"
    lines = [f"    {head}"]
    if not any(found.values()):
        lines = ["    # Make such ticket fields, and take the # away:", f"    # {head}"]
    for key, field in found.items():
        if field is not None:
            lines.append(f"      {f'{key}: {_reference(desk, field)}':<30}   # {_SHOWS[key]}")
        else:
            lines.append(f"      # {f'{key}: {scalar(_TITLES[key][0])}':<28}   # {_SHOWS[key]}")
    return lines


def _field(desk: DeskCatalog | None, key: str) -> TicketField | None:
    types = ("date", *_TEXTS) if key == "due_date" else _TEXTS
    usable = {
        normalise(field.title): field
        for field in (desk.fields if desk is not None else ())
        if field.active and field.type in types and not field.visible_to_end_users and not field.editable_by_end_users
    }
    for title in _TITLES[key]:
        field = usable.get(normalise(title))
        if field is not None:
            return field
    return None


def _reference(desk: DeskCatalog | None, field: TicketField) -> str:
    """The field's title, or its id where another field has the same title."""
    titles = [normalise(other.title) for other in (desk.fields if desk is not None else ())]
    return scalar(field.title) if titles.count(normalise(field.title)) == 1 else str(field.id)


__all__ = ["init_config", "init_mapping"]
