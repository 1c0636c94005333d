"""Taking over links that others made: which pairs become links, and what has to be said about the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from syncd.core.model import IssueSnapshot, TicketSnapshot


class Source(StrEnum):
    """Where a pair was found, in the order in which they are believed."""

    APP_LINKS = "app-links"  # the official app's tables
    FIELD = "field"  # the ticket field that names issue keys
    JIRA_FIELD = "jira-field"  # a Jira field that names ticket numbers
    LABELS = "labels"  # labels such as zd-123
    ORIGIN = "origin"  # our own mark on a bug that syncd made for the ticket; `syncd rebuild` reads it
    REMOTE_LINKS = "remote-links"  # web links on the issue that lead to the ticket


@dataclass(frozen=True, slots=True)
class AppLink:
    """A row of the official app."""

    id: int
    ticket_id: int
    issue_id: str
    issue_key: str  # as it was when the row was made
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A ticket and an issue that some source names together. `issue` is an id or a key."""

    ticket_id: int
    issue: str
    source: Source
    key: str = ""  # as the source has it


class Outcome(StrEnum):
    NEW = "new"
    KNOWN = "known"  # a link already
    DISAGREES = "disagrees"  # another source, believed before, links the ticket elsewhere
    STALE_KEY = "stale_key"  # adopted by its id; the issue was moved since
    ISSUE_GONE = "issue_gone"
    TICKET_GONE = "ticket_gone"
    TICKET_CLOSED = "ticket_closed"
    NO_ROUTE = "no_route"
    RETIRED = "retired"  # it was a link of ours once, and ended


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a pair, and why, as a sentence where a person should know."""

    pair: Pair
    outcome: Outcome
    sentence: str = ""
    issue_id: str = ""
    issue_key: str = ""
    route: str = ""

    @property
    def is_adopted(self) -> bool:
        """It becomes a link."""
        return self.outcome in (Outcome.NEW, Outcome.STALE_KEY)


@dataclass(slots=True)
class Adoption:
    """What one run found; `unread` says which source could not be read, and what to switch on."""

    verdicts: list[Verdict] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        """How many ended so."""
        return sum(verdict.outcome is outcome for verdict in self.verdicts)

    @property
    def adopted(self) -> list[Verdict]:
        """Those that become links."""
        return [verdict for verdict in self.verdicts if verdict.is_adopted]


def judge_pairs(
    pairs: Iterable[Pair],
    *,
    tickets: Mapping[int, TicketSnapshot],
    issues: Mapping[str, IssueSnapshot],
    routes: Mapping[str, str],
    live: Iterable[tuple[int, str]],
    retired: Iterable[tuple[int, str]],
) -> list[Verdict]:
    """A verdict for each pair, the most believed source first; a pair that several sources name gets one.

    `issues` by id and by key (in capitals), as the sources named them; `routes` by project key."""
    known, ended = set(live), set(retired)
    order = {source: place for place, source in enumerate(Source)}
    sources_of: dict[int, dict[Source, set[str]]] = {}
    verdicts: list[Verdict] = []
    judged: set[tuple[int, str]] = set()
    for pair in sorted(pairs, key=lambda p: (order[p.source], p.ticket_id, p.issue)):
        issue = issues.get(pair.issue) or issues.get(pair.issue.upper())
        name = issue.id if issue is not None and issue.visible else pair.issue
        seen = sources_of.setdefault(pair.ticket_id, {})
        seen.setdefault(pair.source, set()).add(name)
        if (pair.ticket_id, name) in judged:
            continue
        judged.add((pair.ticket_id, name))
        earlier = {n for source, names in seen.items() if order[source] < order[pair.source] for n in names}
        verdicts.append(_judge(pair, tickets.get(pair.ticket_id), issue, routes, known, ended, earlier, issues))
    return verdicts


def _judge(
    pair: Pair,
    ticket: TicketSnapshot | None,
    issue: IssueSnapshot | None,
    routes: Mapping[str, str],
    known: set[tuple[int, str]],
    ended: set[tuple[int, str]],
    earlier: set[str],
    issues: Mapping[str, IssueSnapshot],
) -> Verdict:
    named = pair.key or pair.issue
    where = f"ticket #{pair.ticket_id} and {named} ({pair.source})"
    if issue is None or not issue.visible:
        return Verdict(pair, Outcome.ISSUE_GONE, f"{where}: the issue was deleted, or syncd may not see it.")
    found = {"issue_id": issue.id, "issue_key": issue.key}
    if (pair.ticket_id, issue.id) in known:
        return Verdict(pair, Outcome.KNOWN, **found)
    if (pair.ticket_id, issue.id) in ended:
        return Verdict(pair, Outcome.RETIRED, f"{where}: syncd had this link, and it was ended.", **found)
    if ticket is None or ticket.is_gone:
        return Verdict(pair, Outcome.TICKET_GONE, f"{where}: the ticket is gone.", **found)
    if ticket.state.is_final:
        return Verdict(pair, Outcome.TICKET_CLOSED, **found)
    route = routes.get(issue.project_key)
    if route is None:
        sentence = f"{where}: no route has project {issue.project_key}; add one to the configuration."
        return Verdict(pair, Outcome.NO_ROUTE, sentence, **found)
    if earlier:
        others = ", ".join(sorted(issues[name].key if name in issues else name for name in earlier))
        sentence = f"{where}: a source that is believed before links the ticket with {others} instead."
        return Verdict(pair, Outcome.DISAGREES, sentence, **found, route=route)
    if pair.key and pair.key.upper() != issue.key:
        sentence = f"ticket #{pair.ticket_id}: {pair.key} is {issue.key} by now; adopted by its id."
        return Verdict(pair, Outcome.STALE_KEY, sentence, **found, route=route)
    return Verdict(pair, Outcome.NEW, **found, route=route)


def chosen(names: Sequence[str]) -> tuple[Source, ...]:
    """The sources to read, in the order in which they are believed; what costs a call for each issue only by name."""
    wanted = {Source(name) for name in names} or set(Source) - {Source.ORIGIN, Source.REMOTE_LINKS}
    return tuple(source for source in Source if source in wanted)
