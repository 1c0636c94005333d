"""From the names in a mapping to the ids of one Jira project and one Zendesk account.

A name is looked up without regard to case; several statuses with one name are all meant. A name that is gone is found
through the id that it had before (a binding), so that a rename stops nothing. Offline the folded name is the id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from syncd.config.mapping_file import NO_RESOLUTION, MappingFile
from syncd.config.names import TICKET_CATEGORIES, nearest, normalise, ticket_category
from syncd.config.problems import KeyPath, Problem, listed, one_line
from syncd.core.mapping import TicketSelector
from syncd.core.model import CustomStatus, DeskCatalog, ProjectCatalog, StatusInfo

STATUS: Final = "status"
RESOLUTION: Final = "resolution"
TICKET_STATUS: Final = "ticket_status"

Bindings: TypeAlias = Mapping[tuple[str, str], str]
"""(STATUS | RESOLUTION | TICKET_STATUS, normalised name) -> the ids that the name had, joined by commas."""

_NOUNS: Final = {STATUS: "status", RESOLUTION: "resolution", TICKET_STATUS: "ticket status"}


@dataclass(slots=True)
class Resolver:
    """Looks names up and collects what there is to say about them."""

    file: MappingFile
    project: ProjectCatalog | None
    desk: DeskCatalog | None
    bindings: Bindings
    issue_type: str | None = None
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    remember: dict[tuple[str, str], str] = field(default_factory=dict)
    missing: set[tuple[str, str]] = field(default_factory=set)  # names that were warned of: once is enough
    assumed: set[int] = field(default_factory=set)  # stand-ins for custom ticket statuses that could not be looked up

    def statuses(self, name: str, path: KeyPath, *, required: bool = False) -> tuple[StatusInfo, ...]:
        """The project's statuses of this name; empty (and said so) when there is none."""
        if self.project is None:
            return (StatusInfo(normalise(name), name, ""),)
        known = {status.id: status for status in self.project.all_statuses()}
        found = self._find(STATUS, name, [(s.id, s.name) for s in known.values()], path, required=required)
        return tuple(known[status_id] for status_id in found)

    def target(self, name: str, path: KeyPath) -> StatusInfo | None:
        """The one status that a bug is moved to; among several of one name the first that the issue type has."""
        found = self.statuses(name, path, required=True)
        if len(found) > 1 and self.project is not None:
            of_type = self.project.statuses.get(self.issue_type or "", ())
            chosen = next((status for status in found if status in of_type), found[0])
            self._warn(
                path,
                f'{self.project.key} has several statuses called "{one_line(name)}": bugs are moved to the one with '
                f"the id {chosen.id}. Write an id to choose another ({listed((s.id for s in found), 'and')}).",
            )
            return chosen
        return found[0] if found else None

    def resolutions(self, name: str, path: KeyPath, *, required: bool = False) -> tuple[str | None, ...]:
        """The ids of the resolutions of this name; None among them stands for no resolution."""
        if normalise(name) == NO_RESOLUTION:
            return (None,)
        if self.project is None:
            return (normalise(name),)
        return tuple(self._find(RESOLUTION, name, list(self.project.resolutions), path, required=required))

    def resolution_name(self, resolution_id: str) -> str:
        """The name that Jira has for it."""
        return dict(self.project.resolutions).get(resolution_id, "") if self.project is not None else ""

    def tickets(self, name: str, path: KeyPath, *, written: bool = False) -> tuple[TicketSelector, ...]:
        """The ticket statuses of this name. `written`: syncd is to write it, so it must exist and be active."""
        category = ticket_category(name)
        if category is not None:
            if written and self._is_switched_off(category):
                self._error(
                    path, f"This Zendesk account has no active status in the category {category}: write another."
                )
            return (TicketSelector(category, category),)
        if self.desk is None:
            return (self._stand_in(name, path),)
        customs = {str(status.id): status for status in self.desk.custom_statuses}
        found = [customs[i] for i in self._find(TICKET_STATUS, name, _labels(customs), path, required=written)]
        if written and found and not any(status.active for status in found):
            self._error(
                path, f'The ticket status "{found[0].name}" is deactivated in Zendesk: activate it, or write another.'
            )
        return tuple(TicketSelector(status.name, status.category, status.id) for status in found)

    def default_of(self, category: str) -> int | None:
        """The custom status that Zendesk sets when only the category is written; None when that is not known."""
        statuses = self.desk.custom_statuses if self.desk is not None else ()
        return next((status.id for status in statuses if status.category == category and status.default), None)

    def _is_switched_off(self, category: str) -> bool:
        statuses = self.desk.custom_statuses if self.desk is not None else ()
        return bool(statuses) and not any(s.category == category and s.active for s in statuses)

    def _stand_in(self, name: str, path: KeyPath) -> TicketSelector:
        """A custom status that cannot be looked up: told apart by its name, taken for an open one."""
        meant = nearest(name, TICKET_CATEGORIES)
        hint = f'; if it is not one, did you mean "{meant}"?' if meant else "."
        self._warn(
            path, f'"{one_line(name)}" is taken for a custom ticket status; the live check will look it up{hint}'
        )
        digest = hashlib.blake2b(normalise(name).encode(), digest_size=6).digest()
        stand_in = -1 - int.from_bytes(digest, "big")
        self.assumed.add(stand_in)
        return TicketSelector(name, "open", stand_in)

    def _find(
        self, kind: str, name: str, entries: list[tuple[str, str]], path: KeyPath, *, required: bool
    ) -> list[str]:
        folded = normalise(name)
        by_name = [entry_id for entry_id, label in entries if normalise(label) == folded]
        names = dict(entries)
        bound = [known for known in self.bindings.get((kind, folded), "").split(",") if known in names]
        noun = _NOUNS[kind]
        if by_name:
            if bound and not set(bound) & set(by_name):
                self._warn(
                    path,
                    f'The {noun} that "{one_line(name)}" meant is now called "{names[bound[0]]}", and another one has '
                    "its name: check which of them this line means.",
                )
            self.remember[kind, folded] = ",".join(by_name)
            return by_name
        if name in names:
            return [name]
        if bound:
            self.remember[kind, folded] = ",".join(bound)
            new = listed(dict.fromkeys(f'"{names[known]}"' for known in bound), "and")
            self._warn(path, f'The {noun} "{one_line(name)}" is now called {new}: write the new name here.')
            return bound
        where = "this Zendesk account" if kind == TICKET_STATUS else self.project.key if self.project else "Jira"
        candidates = [label for _, label in entries] + (list(TICKET_CATEGORIES) if kind == TICKET_STATUS else [])
        meant = nearest(name, candidates)
        hint = f'; did you mean "{meant}"?' if meant else _choices(entries)
        message = f'There is no {noun} "{one_line(name)}" in {where}{hint}'
        if required:
            self._error(path, message)
        elif (kind, folded) not in self.missing:
            self.missing.add((kind, folded))
            self._warn(path, message)
        return []

    def _warn(self, path: KeyPath, message: str) -> None:
        self.warnings.append(self.file.problem(path, message))

    def _error(self, path: KeyPath, message: str) -> None:
        self.errors.append(self.file.problem(path, message))


def _labels(customs: Mapping[str, CustomStatus]) -> list[tuple[str, str]]:
    return [(status_id, status.name) for status_id, status in customs.items()]


def _choices(entries: Iterable[tuple[str, str]]) -> str:
    labels = list(dict.fromkeys(label for _, label in entries))[:12]
    return f"; there are {listed(labels, 'and')}." if labels else "."
