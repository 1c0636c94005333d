"""Names in the `sla:` part: what is asked of the servers about them, and the ids that take their place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from syncd.config.names import nearest, normalise
from syncd.config.problems import KeyPath, one_line
from syncd.config.sla_conditions import word_of
from syncd.config.sla_models import ANY
from syncd.core.model import DeskCatalog, ProjectCatalog, TicketField
from syncd.core.ports import Agent
from syncd.rules.conditions import CUSTOM
from syncd.sources.errors import SourceError
from syncd.sources.jira import Jira
from syncd.sources.zendesk import Zendesk

LISTS: Final[Mapping[str, str]] = {
    "group": "groups",
    "brand": "brands",
    "form": "ticket_forms",
}
"""Fields whose values are names of a list in Zendesk."""
ORGANIZATION: Final = "organization"
"""The field whose values are looked up one by one: an account may have any number of organizations."""
NAMED: Final = (*LISTS, ORGANIZATION, "custom_status")
"""Fields whose values are names that stand for ids, also where they choose among goals."""
PEOPLE: Final = ("assignee", "requester")
STAFF: Final = "staff"
TEAMS: Final[Mapping[str, str]] = {"group": LISTS["group"], "assignee": STAFF}
"""Which list tells what a team is called, by `team_by`."""
_WITH_CONDITIONS: Final = ("tiers", "holders", "bug_holders")

Said: TypeAlias = tuple[KeyPath, str]
Data: TypeAlias = dict[str, Any]
_K = TypeVar("_K")
_V = TypeVar("_V")


class Directory(Protocol):
    """What is asked of both servers about names. Raises the errors of sources/errors.py."""

    def names(self, kind: str) -> Mapping[int, str]:
        """Groups, brands, ticket_forms or staff by id."""

    def organization(self, name: str) -> int | None:
        """The organization of exactly this name, whatever its case."""

    def people(self, email: str) -> Sequence[Agent]:
        """The users of Zendesk with exactly this address."""

    def account(self, email: str) -> str | None:
        """The Jira account of this address."""


class Servers:
    """A Directory that asks both trackers."""

    def __init__(self, zendesk: Zendesk, jira: Jira) -> None:
        self._zendesk = zendesk
        self._jira = jira

    def names(self, kind: str) -> Mapping[int, str]:
        """See Directory."""
        return self._zendesk.cases.staff() if kind == STAFF else self._zendesk.cases.names(kind)

    def organization(self, name: str) -> int | None:
        """See Directory."""
        return self._zendesk.cases.organization(name)

    def people(self, email: str) -> Sequence[Agent]:
        """See Directory."""
        return self._zendesk.agents_by_email(email)

    def account(self, email: str) -> str | None:
        """See Directory."""
        return self._jira.find_account(email)


@dataclass(slots=True)
class SlaSurvey:
    """What both servers said about names."""

    names: dict[str, dict[int, str]] = field(default_factory=dict)  # by kind: groups, staff … -> id -> name
    organizations: dict[str, int | None] = field(default_factory=dict)  # name -> id; None = there is none
    people: dict[str, int | None] = field(default_factory=dict)  # address -> user; None = nobody, or several
    accounts: dict[str, str | None] = field(default_factory=dict)  # address -> Jira account
    stale: list[str] = field(default_factory=list)  # sentences about what did not answer
    called: dict[str, dict[int, str]] = field(default_factory=dict)  # as names, with what is gone since
    renamed: int = 0  # how often something got another name

    def filled_from(self, before: SlaSurvey) -> SlaSurvey:
        """With what was known before where nothing was answered now."""
        called = {
            kind: {**before.called.get(kind, {}), **self.names.get(kind, {})}
            for kind in before.called.keys() | self.names.keys()
        }
        old = {(kind, number): name for kind, known in before.called.items() for number, name in known.items()}
        is_other = any(called[kind][number] != name for (kind, number), name in old.items())
        return SlaSurvey(
            {**before.names, **self.names},
            {**before.organizations, **self.organizations},
            {**before.people, **self.people},
            {**before.accounts, **self.accounts},
            self.stale,
            called,
            before.renamed + is_other,
        )


def survey_names(data: Data, directory: Directory) -> SlaSurvey:
    """Asks for the lists and the people that the rules name; ids need no list."""
    found = SlaSurvey()
    asked = _asked(data)

    def ask(what: str, kept: dict[_K, _V], keys: Iterable[_K], read: Callable[[_K], _V]) -> None:
        for key in keys:
            try:
                kept[key] = read(key)
            except SourceError as error:
                found.stale.append(f"{what} cannot be read: {error}")

    ask("Zendesk's lists of names", found.names, sorted(asked.lists), lambda kind: dict(directory.names(kind)))
    ask("Zendesk's organizations", found.organizations, sorted(asked.organizations), directory.organization)
    ask("Zendesk's users", found.people, sorted(asked.people), lambda email: _only(directory.people(email)))
    ask("Jira's users", found.accounts, sorted(asked.accounts), directory.account)
    return found


def _only(people: Sequence[Agent]) -> int | None:
    return people[0].id if len(people) == 1 else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The names of rules that only the servers can tell."""

    lists: set[str] = field(default_factory=set)
    organizations: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)  # of Zendesk
    accounts: set[str] = field(default_factory=set)  # of Jira

    def add(self, name: str, words: Iterable[str]) -> None:
        """These words are values of a field of that name; ids need no answer."""
        folded = [word.casefold() for word in words if not word.isdecimal()]
        if name in LISTS and folded:
            self.lists.add(LISTS[name])
        elif name == ORGANIZATION:
            self.organizations.update(folded)
        elif name in PEOPLE:
            self.people.update(folded)
        elif name == "bug.assignee":
            self.accounts.update(word for word in folded if "@" in word)


def _asked(data: Data) -> _Asked:
    """What the rules name."""
    found = _Asked()
    for key in ("holders", "bug_holders"):
        found.lists.update(TEAMS[row["team_by"]] for row in data.get(key, ()) if row.get("team_by") in TEAMS)
    for _, line in lines_of(data):
        found.add(line["field"], words_of(line))
    for policy in data["policies"]:
        goals = (level for target in policy["targets"].values() for level in target["goals"] if level != ANY)
        found.add(policy.get("level", ""), map(str, goals))
    return found


def lines_of(data: Data) -> Iterator[tuple[KeyPath, Data]]:
    """Every line of every condition, with its place in the `sla:` part."""
    for key in _WITH_CONDITIONS:
        for place, row in enumerate(data.get(key, ())):
            yield from _when((key, place, "when"), row.get("when"))
    for name, metric in data["metrics"].items():
        yield from _when(("metrics", name, "starts_when"), metric.get("starts_when"))
        for place, line in enumerate(metric.get("met_by", {}).get("fields", ())):
            yield ("metrics", name, "met_by", "fields", place), line
    for place, policy in enumerate(data["policies"]):
        path: KeyPath = ("policies", place)
        yield from _when((*path, "when"), policy.get("when"))
        terms = [((*path, "defaults"), policy.get("defaults", {}))]
        terms += [((*path, "targets", metric), target) for metric, target in policy["targets"].items()]
        for where, term in terms:
            for number, pause in enumerate(term.get("pause_when", ())):
                yield from _when((*where, "pause_when", number, "when"), pause["when"])


def _when(path: KeyPath, when: Data | None) -> Iterator[tuple[KeyPath, Data]]:
    for key in ("all", "any"):
        for place, line in enumerate((when or {}).get(key, ())):
            yield (*path, key, place), line


def words_of(line: Data) -> list[str]:
    """The values of a line, as texts."""
    value = line.get("value")
    if value is None:
        return []
    return [_text(entry) for entry in value] if isinstance(value, list | tuple) else [_text(value)]


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class Resolver:
    """Puts ids in the place of names. What nobody knows is in `errors`, with its place below `sla`."""

    def __init__(
        self,
        desk: DeskCatalog,
        projects: Iterable[ProjectCatalog],
        stages: Iterable[str],
        survey: SlaSurvey,
    ) -> None:
        self._desk = desk
        self._survey = survey
        self._stages = tuple(dict.fromkeys(stages))
        self._statuses: dict[str, list[str]] = {}
        for project in projects:
            for status in project.all_statuses():
                ids = self._statuses.setdefault(normalise(status.name), [])
                ids += [status.id] if status.id not in ids else []
        self.errors: list[Said] = []

    def resolved(self, data: Data) -> Data:
        """The rules with ids."""
        found = copy.deepcopy(data)
        tiers = [row["tier"] for row in found.get("tiers", ())]
        for path, line in lines_of(found):
            self._line(path, line, tiers)
        for place, policy in enumerate(found["policies"]):
            self._levels(("policies", place), policy)
        for name, metric in found["metrics"].items():
            for stage in metric.get("stages", ()):
                if stage not in self._stages:
                    self._unknown(("metrics", name, "stages"), "No mapping has the stage", stage, self._stages)
        return found

    def field(self, path: KeyPath, written: str) -> TicketField | None:
        """A ticket field by its id or title; None with an error when there is none."""
        active = [known for known in self._desk.fields if known.active]
        folded = written.strip().casefold()
        for known in active:
            if str(known.id) == folded:
                return known
        found = next((known for known in active if known.title.strip().casefold() == folded), None)
        if found is None:
            self._unknown(path, "Zendesk has no active ticket field", written, [known.title for known in active])
        return found

    # ---- conditions ----

    def _line(self, path: KeyPath, line: Data, tiers: Sequence[str]) -> None:
        name = line["field"]
        if name.startswith(CUSTOM):
            known = self.field((*path, "field"), name.removeprefix(CUSTOM))
            if known is not None:
                line["field"] = f"{CUSTOM}{known.id}"
                options = {title.casefold(): value for title, value in known.options}
                self._put(line, lambda word: [options.get(word.casefold(), word)])
        elif name in ("status", "priority"):
            self._put(line, lambda word: [word_of(name, word)])
        elif name == "tier":
            self._check((*path, "value"), line, "sla.tiers has no tier", tiers)
        elif name == "bug.stage":
            self._check((*path, "value"), line, "No mapping has the stage", self._stages)
        else:
            look_up = self._look_up((*path, "value"), name)
            if look_up is not None:
                self._put(line, look_up)

    def _look_up(self, path: KeyPath, name: str) -> Callable[[str], list[str]] | None:
        """From a word to ids, for fields whose values have ids."""
        if name == "custom_status":
            known = {status.name: str(status.id) for status in self._desk.custom_statuses}
            return lambda word: self._id(path, "Zendesk has no custom status", word, known)
        if name in LISTS:
            listed = self._survey.names.get(LISTS[name])
            if listed is None:
                return lambda word: self._not_read(path, word)
            by_name = {title: str(number) for number, title in listed.items()}
            return lambda word: self._id(path, f"Zendesk has no {name}", word, by_name)
        if name == ORGANIZATION:
            return lambda word: self._organization(path, word)
        if name in PEOPLE:
            return lambda word: self._person(path, word, self._survey.people, "Zendesk has no user, or several,")
        if name == "bug.assignee":
            return lambda word: (
                self._person(path, word, self._survey.accounts, "Jira has no account") if "@" in word else [word]
            )
        if name == "bug.status":
            return lambda word: self._status(path, word)
        return None

    @staticmethod
    def _put(line: Data, look_up: Callable[[str], list[str]]) -> None:
        words = words_of(line)
        if words:
            ids = [found for word in words for found in look_up(word)]
            line["value"] = ids[0] if len(ids) == 1 and not isinstance(line["value"], list | tuple) else ids

    def _check(self, path: KeyPath, line: Data, said: str, known: Sequence[str]) -> None:
        for word in words_of(line):
            if word not in known:
                self._unknown(path, said, word, known)

    def _id(self, path: KeyPath, said: str, word: str, known: Mapping[str, str]) -> list[str]:
        found = {name.casefold(): number for name, number in known.items()}.get(word.casefold())
        if found is None and word.isdecimal():
            return [word]
        if found is None:
            self._unknown(path, said, word, list(known))
        return [word if found is None else found]  # a name is no id, so that what nobody knows fits nothing

    def _organization(self, path: KeyPath, word: str) -> list[str]:
        if word.isdecimal():
            return [word]
        if word.casefold() not in self._survey.organizations:
            return self._not_read(path, word)
        found = self._survey.organizations[word.casefold()]
        if found is None:
            self._unknown(path, "Zendesk has no organization", word, ())
        return [word if found is None else str(found)]

    def _not_read(self, path: KeyPath, word: str) -> list[str]:
        if not word.isdecimal():
            self.errors.append((path, f"What '{one_line(word)}' means is not known: Zendesk did not answer so far."))
        return [word]

    def _person(
        self, path: KeyPath, word: str, known: Mapping[str, int | None] | Mapping[str, str | None], said: str
    ) -> list[str]:
        if word.isdecimal():
            return [word]
        found = known.get(word.casefold())
        if found is None:
            self.errors.append((path, f"{said} with the address '{one_line(word)}'."))
        return [word if found is None else str(found)]

    def _status(self, path: KeyPath, word: str) -> list[str]:
        found = self._statuses.get(normalise(word))
        if found is None and word.isdecimal():
            return [word]
        if found is None:
            self._unknown(path, "No project has the status", word, list(self._statuses))
        return found or [word]

    # ---- levels ----

    def _levels(self, path: KeyPath, policy: Data) -> None:
        """What chooses among goals, and the goals' keys, as the ticket has them."""
        name = policy.get("level", "priority")
        if name.startswith(CUSTOM):
            known = self.field((*path, "level"), name.removeprefix(CUSTOM))
            if known is None:
                return
            policy["level"] = f"{CUSTOM}{known.id}"
            options = {title.casefold(): value for title, value in known.options}
            self._goals(path, policy, lambda word, _: [options.get(word.casefold(), word)])
        elif name in NAMED:
            self._goals(path, policy, lambda word, at: (self._look_up(at, name) or _as_is)(word))

    @staticmethod
    def _goals(path: KeyPath, policy: Data, look_up: Callable[[str, KeyPath], list[str]]) -> None:
        for metric, target in policy["targets"].items():
            at = (*path, "targets", metric, "goals")
            target["goals"] = {
                found: goal
                for level, goal in target["goals"].items()
                for found in ([level] if level == ANY else look_up(level, (*at, level)))
            }

    def _unknown(self, path: KeyPath, said: str, word: str, known: Iterable[str]) -> None:
        near = nearest(word, known)
        hint = f" Did you mean '{near}'?" if near else ""
        self.errors.append((path, f"{said} '{one_line(word)}'.{hint}"))


def _as_is(word: str) -> list[str]:
    return [word]
