"""What mapped fields are read from beside tickets and issues: people, groups, organizations. Kept for an hour."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from syncd.core.field_model import Facts, FieldSpec
from syncd.core.field_values import fold
from syncd.core.model import IssueSnapshot, Json, TicketSnapshot
from syncd.core.ports import Clock, IssueSource, TicketSource

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT: Final = 3600.0  # seconds; a tier or an address seldom changes
MOST: Final = 20_000


class _Kept(dict[K, tuple[float, V]]):
    """Answers with the monotonic time until which they count."""

    def missing(self, keys: Iterable[K], now: float) -> list[K]:
        """Those that have to be asked for."""
        return [key for key in dict.fromkeys(keys) if key not in self or self[key][0] <= now]

    def take(self, answers: Mapping[K, V], now: float) -> None:
        """Keeps answers."""
        if len(self) > MOST:
            self.clear()
        self.update({key: (now + KEPT, value) for key, value in answers.items()})

    @property
    def values_now(self) -> dict[K, V]:
        """All that is known."""
        return {key: value for key, (_, value) in self.items()}


class FactBook:
    """Asks both trackers for what fields need. Raises the errors of sources/errors.py. Not for two threads at once."""

    def __init__(self, zendesk: TicketSource, jira: IssueSource, clock: Clock) -> None:
        self._zendesk = zendesk
        self._jira = jira
        self._clock = clock
        self._emails: _Kept[int, str] = _Kept()
        self._agents: _Kept[str, int | None] = _Kept()
        self._accounts: _Kept[str, str | None] = _Kept()
        self._organizations: _Kept[int, Mapping[str, Json]] = _Kept()
        self._groups: dict[int, str] = {}
        self._groups_until = float("-inf")

    def facts(
        self,
        specs: Sequence[FieldSpec],
        tickets: Sequence[TicketSnapshot],
        issues: Sequence[IssueSnapshot],
        *,
        translate: bool = True,
    ) -> Facts:
        """What these fields of these tickets and issues are read from; one call for each thing not known yet. Without
        `translate` nobody is looked up who is only named on the other side, and Jira is not asked anything."""
        kinds = {spec.ticket.kind for spec in specs}
        now = self._clock.monotonic()
        if "assignee" in kinds:
            self._ask(self._emails, (t.assignee_id for t in tickets), now, self._read_emails)
        if "organization" in kinds:
            self._ask(self._organizations, (t.organization_id for t in tickets), now, self._zendesk.organizations)
        if "group" in kinds and self._groups_until <= now:
            self._groups, self._groups_until = dict(self._zendesk.groups()), now + KEPT
        account_emails, account_names = _people_of(issues)
        people = [spec for spec in specs if spec.with_people]
        if people and translate:
            self._look_up_people(people, tickets, account_emails, now)
        return Facts(
            emails=self._emails.values_now,
            agents=self._agents.values_now,
            accounts=self._accounts.values_now,
            account_emails=account_emails,
            account_names=account_names,
            groups=self._groups,
            organizations=self._organizations.values_now,
        )

    def agent(self, email: str) -> int | None:
        """The agent with this address."""
        self._ask(self._agents, [fold(email)], self._clock.monotonic(), self._read_agents)
        return self._agents.values_now[fold(email)]

    def group(self, name: str) -> int | None:
        """The group of this name."""
        if self._groups_until <= self._clock.monotonic():
            self._groups, self._groups_until = dict(self._zendesk.groups()), self._clock.monotonic() + KEPT
        return next((number for number, known in self._groups.items() if fold(known) == fold(name)), None)

    def _look_up_people(
        self,
        specs: Sequence[FieldSpec],
        tickets: Sequence[TicketSnapshot],
        account_emails: Mapping[str, str],
        now: float,
    ) -> None:
        emails = self._emails.values_now
        asked: list[str] = []
        agents: list[str] = []
        for spec in specs:
            asked += [fold(value) for value in (*spec.to_bug.values(), spec.default) if value]
            if spec.owner != "jira":
                if spec.ticket.kind == "assignee":
                    asked += [emails[t.assignee_id] for t in tickets if t.assignee_id and emails.get(t.assignee_id)]
                texts = (t.fields.get(spec.ticket.id) for t in tickets) if spec.ticket.kind == "text" else ()
                asked += [fold(text) for text in texts if isinstance(text, str) and "@" in text]
            if spec.owner != "zendesk" and spec.ticket.kind == "assignee":
                agents += [fold(email) for email in account_emails.values()]
        self._ask(self._accounts, asked, now, lambda keys: {key: self._jira.find_account(key) for key in keys})
        self._ask(self._agents, agents, now, self._read_agents)

    def _ask(
        self,
        kept: _Kept[K, V],
        keys: Iterable[K | None],
        now: float,
        read: Callable[[Sequence[K]], Mapping[K, V]],
    ) -> None:
        missing = kept.missing((key for key in keys if key is not None), now)
        if missing:
            kept.take(read(missing), now)

    def _read_emails(self, ids: Sequence[int]) -> Mapping[int, str]:
        return {**dict.fromkeys(ids, ""), **{agent.id: agent.email for agent in self._zendesk.agents(ids)}}

    def _read_agents(self, emails: Sequence[str]) -> Mapping[str, int | None]:
        found: dict[str, int | None] = {}
        for email in emails:
            working = [agent.id for agent in self._zendesk.agents_by_email(email) if agent.works]
            found[email] = working[0] if len(working) == 1 else None
        return found


def _people_of(issues: Iterable[IssueSnapshot]) -> tuple[dict[str, str], dict[str, str]]:
    """(account -> e-mail, account -> display name), as far as the issues show them."""
    emails: dict[str, str] = {}
    names: dict[str, str] = {}

    def take(account: object, email: object, name: object) -> None:
        if isinstance(account, str):
            if isinstance(email, str) and email:
                emails[account] = email.casefold()
            if isinstance(name, str) and name:
                names[account] = name

    for issue in issues:
        take(issue.assignee_id, issue.assignee_email, issue.assignee)
        for value in issue.fields.values():
            if isinstance(value, dict):
                take(value.get("account"), value.get("email"), value.get("name"))
    return emails, names
