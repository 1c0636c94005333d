"""The part of `syncd check` about routes whose developers may speak to customers: can they, and who are they."""

from __future__ import annotations

from collections.abc import Callable

from syncd.cli.findings import Findings
from syncd.config.models import Config
from syncd.config.problems import listed
from syncd.core.comment_model import BugTalk, Raising
from syncd.core.ports import Identity
from syncd.sources.errors import NotFoundError, RefusedError, SourceError

Place = Callable[[tuple[str | int, ...]], str]


def speaking_routes(config: Config) -> tuple[tuple[int, str, str, Raising], ...]:
    """(index, route, project, who) of the routes with comments.to_customer."""
    return tuple(
        (index, route.name, route.project, route.comments.to_customer.raising)
        for index, route in enumerate(config.routes)
        if route.comments.to_customer is not None
    )


def check_writer(config: Config, who: Identity, findings: Findings, place: Place) -> bool:
    """Whether a route needs an account that may comment publicly; says so where it may not."""
    routes = speaking_routes(config)
    for index, name, _, _ in routes:
        if who.can_comment_publicly is False:
            findings.error(
                "zendesk",
                f"Route {name} lets developers speak to customers, but {who.name or who.account_id} may write private "
                "comments only, so that what they say stays an internal note. Take to_customer out, or give syncd's "
                "account a role that may comment publicly.",
                place=place(("routes", index, "comments", "to_customer")),
            )
    if routes and who.can_comment_publicly is not False:
        names = listed([name for _, name, _, _ in routes], "and")
        findings.warning(
            "zendesk",
            f"{who.name or who.account_id} may comment publicly, as {names} needs it for to_customer: only syncd's own "
            "guards keep all other notes internal.",
        )
    return bool(routes)


def check_speakers(config: Config, talk: BugTalk, findings: Findings, place: Place) -> None:
    """Whether Jira shows who may speak."""
    for index, name, project, raising in speaking_routes(config):
        where = place(("routes", index, "comments", "to_customer"))
        try:
            accounts = talk.speakers(project, raising)
        except (NotFoundError, RefusedError) as error:
            findings.error(
                "jira",
                f"Who may speak to customers from {project} cannot be read, so nobody but the accounts named one by "
                f"one will be heard: {str(error).rstrip('.')}. Jira shows the members of roles to administrators of "
                "the project, and those of groups to who may browse users and groups: grant that, or list accounts.",
                place=where,
            )
        except SourceError as error:
            findings.warning("jira", f"Who may speak to customers from {project} could not be read now: {error}", where)
        else:
            if not accounts:
                findings.error(
                    "jira",
                    f"Nobody may speak to customers from {project}: the roles and groups are empty.",
                    place=where,
                )
            else:
                findings.fine(f"Route {name}: {len(accounts)} may speak to customers with {raising.prefix}")
