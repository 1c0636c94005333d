"""Who belongs to a role of a project, or to a group.

Roles: https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-project-roles/ (their members are shown to
administrators of the project). Groups: https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-groups/
(shown on Cloud to whoever may browse users and groups, on Data Center to administrators).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from syncd.core.comment_model import Raising
from syncd.core.ports import Clock
from syncd.sources.errors import AuthError, NotFoundError, RefusedError
from syncd.sources.jira_json import record, rows, text_of, user_id
from syncd.sources.jira_wire import Wire, segment, understood

KEPT_FOR: Final = 600.0  # seconds
PER_PAGE: Final = 50
MOST_PAGES: Final = 40


class Members:
    """Reads members, and keeps them for ten minutes."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock
        self._known: dict[tuple[str, Raising], tuple[float, frozenset[str]]] = {}

    def of(self, project_key: str, raising: Raising) -> frozenset[str]:
        """The accounts that are named, or have one of the roles, or are in one of the groups. RefusedError or
        NotFoundError when a role or group is unknown or its members are not shown to us."""
        now = self._clock.monotonic()
        until, accounts = self._known.get((project_key, raising), (now, frozenset()))
        if until <= now:
            try:
                accounts = frozenset(self._read(project_key, raising))
            except AuthError as error:
                if error.status != 403:
                    raise
                raise RefusedError(str(error), status=403) from None  # only this is not shown to us
            self._known[project_key, raising] = (now + KEPT_FOR, accounts)
        return accounts

    def _read(self, project_key: str, raising: Raising) -> Iterator[str]:
        yield from raising.accounts
        with understood():
            if raising.roles:
                path = f"project/{segment(project_key)}/role"
                roles = record(self._wire.get(path), "the roles of a project")
                for name in raising.roles:
                    yield from self._role(path, roles, name)
            for name in raising.groups:
                yield from self._group({"groupname": name})

    def _role(self, path: str, roles: Mapping[str, Any], name: str) -> Iterator[str]:
        address = next((str(url) for role, url in roles.items() if role.casefold() == name.casefold()), None)
        number = (address or "").rstrip("/").rpartition("/")[2]
        if not number.isdigit():
            raise NotFoundError(f"jira: the project has no role {name}")
        role = record(self._wire.get(f"{path}/{number}"), "a role")
        for entry in rows(role.get("actors") or [], "the members of a role"):
            actor = record(entry, "a member of a role")
            group = actor.get("actorGroup")
            if actor.get("type") == "atlassian-group-role-actor" or isinstance(group, dict):
                named = text_of(group.get("name")) if isinstance(group, dict) else None
                named = named or text_of(actor.get("name"))
                if named is not None:
                    yield from self._group({"groupname": named})
                continue
            account = user_id(actor.get("actorUser")) or text_of(actor.get("name"))
            if account is not None:
                yield account

    def _group(self, asked: Mapping[str, str]) -> Iterator[str]:
        start = 0
        for _ in range(MOST_PAGES):
            params = {**asked, "includeInactiveUsers": "false", "startAt": str(start), "maxResults": str(PER_PAGE)}
            answer = record(self._wire.get("group/member", params), "the members of a group")
            page = rows(answer.get("values"), "the members of a group")
            yield from (account for user in page if (account := user_id(user)) is not None)
            start += len(page)
            if not page or answer.get("isLast") is True:
                return
