"""Mapped fields of a route: every name looked up in what both servers define; what is wrong names file, line, key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from syncd.config.field_models import MappedField
from syncd.config.load import Loaded
from syncd.config.models import Route
from syncd.config.names import nearest
from syncd.config.problems import KeyPath, Problem, listed
from syncd.core.field_choices import CHOICES
from syncd.core.field_model import PEOPLE_OF_BUG, BugSide, FieldSpec, TicketSide
from syncd.core.field_values import fold
from syncd.core.model import BugField, DeskCatalog, ProjectCatalog, TicketField
from syncd.core.world import MirrorFields
from syncd.sources.jira import Jira
from syncd.sources.zendesk import Zendesk

PRIORITIES = ("low", "normal", "high", "urgent")
_SYSTEM: Mapping[str, tuple[str, ...]] = {
    "priority": PRIORITIES,
    "type": ("question", "incident", "problem", "task"),
    "subject": (),
    "tags": (),
    "assignee": (),
    "group": (),
}
_CUSTOM = {
    "text": "text",
    "textarea": "text",
    "regexp": "text",
    "tagger": "option",
    "multiselect": "multi",
    "date": "date",
    "checkbox": "checkbox",
    "integer": "integer",
    "decimal": "number",
}
_BUG_TYPES = {
    "priority": "priority",
    "string": "text",
    "number": "number",
    "date": "date",
    "option": "option",
    "user": "user",
}
_BUG_LISTS = {"string": "labels", "version": "versions", "component": "components", "option": "multi"}
_ITEMS = {"labels": "string", "components": "component", "versions": "version", "fixVersions": "version"}
"""What Jira's own lists hold, where its answer leaves it out."""
_WORDS = {"fix version": "fixVersions", "fix versions": "fixVersions", "due date": "duedate", "component": "components"}


class FieldRouting:
    """The mapped fields of one route, and what is wrong with them."""

    def __init__(
        self, loaded: Loaded, index: int, route: Route, desk: DeskCatalog, catalog: ProjectCatalog, mirror: MirrorFields
    ) -> None:
        self._loaded = loaded
        self._index = index
        self._route = route
        self._desk = desk
        self._catalog = catalog
        self._never = frozenset(fold(tag) for tag in (route.off_tag, *_tags_that_ask(loaded, route)) if tag)
        self._mirrored = {
            mirror.bug,
            mirror.status,
            mirror.assignee,
            mirror.fix_version,
            mirror.due_date,
            mirror.sync_state,
        }
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self.specs: list[FieldSpec] = []
        for place, entry in enumerate(route.fields):
            self._add(entry, ("fields", place))

    # ---- one entry ----

    def _add(self, entry: MappedField, path: KeyPath) -> None:
        ticket, bug = self._ticket(entry, path), self._bug(entry, path)
        if any(spec.name == entry.name for spec in self.specs):
            self._error((*path, "name"), f"Another field of this route is called '{entry.name}' too: write a name.")
        if ticket is None or bug is None:
            return
        self._refuse_twice(entry, ticket, bug, path)
        self._keep_from_customers(entry, ticket, path)
        spec = self._mapped(entry, FieldSpec(entry.name, ticket, bug, entry.owner, entry.winner or "jira"), path)
        if ticket.kind == "tags":
            beginnings = (fold(self._route.link_tag),) if self._route.link_tag else ()
            spec = replace(spec, never=self._never, never_so=beginnings)
            for written in entry.map:
                if fold(written) in self._never or (beginnings and fold(written).startswith(beginnings)):
                    self._error((*path, "map", written), f"The tag {written} speaks to syncd: it is never carried.")
        if ticket.is_list != bug.is_list and entry.owner == "both" and not (bug.is_list and ticket.kind in CHOICES):
            self._error(
                (*path, "owner"),
                "One side holds several values and the other one: write owner: zendesk or owner: jira. Both ways goes "
                "with a ticket field that holds one of several named values.",
            )
        self.specs.append(spec)

    def _refuse_twice(self, entry: MappedField, ticket: TicketSide, bug: BugSide, path: KeyPath) -> None:
        for spec in self.specs:
            if spec.owner != "jira" and entry.owner != "jira" and spec.bug.id == bug.id and not bug.is_list:
                self._error((*path, "bug"), f"The field '{spec.name}' writes {bug.title} too: keep one of them.")
            same_ticket = (spec.ticket.kind, spec.ticket.id) == (ticket.kind, ticket.id) and not ticket.is_list
            if spec.owner != "zendesk" and entry.owner != "zendesk" and same_ticket:
                self._error((*path, "ticket"), f"The field '{spec.name}' writes {ticket.title} too: keep one of them.")

    def _keep_from_customers(self, entry: MappedField, side: TicketSide, path: KeyPath) -> None:
        if entry.owner == "zendesk":
            return
        if side.id and side.id in self._mirrored:
            self._error(
                (*path, "ticket"), f"The mirror writes ticket field '{side.title}' already: name another field."
            )
        if side.kind == "subject":
            self._error((*path, "owner"), "Customers read the subject: a bug must not write it. Write owner: zendesk.")
        field = next((f for f in self._desk.fields if side.id and str(f.id) == side.id), None)
        if field is not None and (field.visible_to_end_users or field.editable_by_end_users) and not entry.map:
            self._error(
                (*path, "ticket"),
                f"Customers can see ticket field '{field.title}': what is internal would become public. In Zendesk, "
                "take it out of 'Customers can see', or write under map what each value is for them.",
            )

    # ---- the two sides ----

    def _ticket(self, entry: MappedField, path: KeyPath) -> TicketSide | None:
        word = entry.ticket.strip().casefold()
        if word in _SYSTEM:
            return TicketSide(word, title=word, options={name: name for name in _SYSTEM[word]})
        if word == "tier":
            word = "organization.tier"
        if word == "organization" or word.startswith("organization."):
            return self._organization(word.partition(".")[2], path)
        fields = [field for field in self._desk.fields if field.active]
        found = next((f for f in fields if str(f.id) == entry.ticket), None)
        found = found or next((f for f in fields if f.title.strip().casefold() == word), None)
        if found is None:
            self._unknown("ticket field", entry.ticket, [*_SYSTEM, *(f.title for f in fields)], (*path, "ticket"))
            return None
        if found.type in _SYSTEM:
            return TicketSide(found.type, title=found.type, options={n: n for n in _SYSTEM[found.type]})
        kind = _CUSTOM.get(found.type)
        if kind is None:
            self._error(
                (*path, "ticket"), f"Ticket field '{found.title}' is of type {found.type}, which is not mapped."
            )
            return None
        return TicketSide(kind, str(found.id), found.title, _choices(found))

    def _organization(self, key: str, path: KeyPath) -> TicketSide | None:
        known = self._desk.organization_keys
        if key and known is not None and key not in {name.casefold() for name in known}:
            self._unknown("organization field with the key", key, known, (*path, "ticket"))
            return None
        spelled = next((name for name in known or () if name.casefold() == key), key)
        return TicketSide("organization", spelled, f"organization.{key}" if key else "organization")

    def _bug(self, entry: MappedField, path: KeyPath) -> BugSide | None:
        word = entry.bug.strip().casefold()
        word = _WORDS.get(word, word).casefold()
        fields = self._catalog.fields
        if not fields:
            self._error((*path, "bug"), f"The fields of {self._catalog.key} are not known yet: Jira did not list them.")
            return None
        found = next((f for f in fields if f.id.casefold() == word), None)
        found = found or next((f for f in fields if f.name.strip().casefold() == word), None)
        if found is None:
            self._unknown("field of Jira", entry.bug, [f.name for f in fields], (*path, "bug"))
            return None
        kind = "assignee" if found.id == "assignee" else _kind_of(found)
        if kind is None:
            self._error(
                (*path, "bug"),
                f"Jira's field '{found.name}' is of type {found.type or 'unknown'}, which is not mapped.",
            )
            return None
        if entry.owner != "jira" and not found.on_screen:
            self._warn(
                (*path, "bug"),
                f"Jira's field '{found.name}' is not on the screen of {self._route.issue_type} in {self._catalog.key}: "
                "where it is not on the edit screen either, Jira refuses to change it.",
            )
        named = found.allowed if kind in ("priority", "option", "multi") else ()
        return BugSide(kind, found.id, found.name, {fold(name): name for name in named})

    # ---- values ----

    def _mapped(self, entry: MappedField, spec: FieldSpec, path: KeyPath) -> FieldSpec:
        people = spec.bug.kind in PEOPLE_OF_BUG
        to_bug: dict[str, str] = {}
        to_ticket: dict[str, str] = {}
        for written, value in entry.map.items():
            place = (*path, "map", written)
            ticket = self._option(written, spec.ticket.options, spec.ticket.title, place)
            bug = value if people else self._option(value, spec.bug.options, spec.bug.title, place)
            if ticket is not None and bug is not None:
                to_bug[fold(ticket)] = bug
                to_ticket.setdefault(fold(bug), ticket)
        default = entry.default
        if default is not None and not people:
            default = self._option(default, spec.bug.options, spec.bug.title, (*path, "default"))
        spec = replace(spec, to_bug=to_bug, to_ticket=to_ticket, default=default, only=tuple(map(fold, entry.only)))
        if spec.ticket.kind == "priority":
            spec = replace(spec, ranks=self._ranks(entry, spec, path))
        return spec

    def _ranks(self, entry: MappedField, spec: FieldSpec, path: KeyPath) -> dict[str, int]:
        """The bug's values in order of urgency: by what the map says of the ticket's, which have one."""
        ranks: dict[str, int] = {}
        unnamed = []
        for rank, name in enumerate(PRIORITIES):
            value = spec.to_bug.get(name) or (name if name in spec.bug.options or not spec.bug.options else None)
            if value is not None:
                ranks[fold(value)] = rank
            elif spec.default is None and entry.owner != "jira":
                unnamed.append(name)
        if unnamed:
            self._error(
                (*path, "map") if entry.map else path,
                f"Write under map what {listed(unnamed, 'and')} {'is' if len(unnamed) == 1 else 'are'} called in Jira "
                f"({listed(spec.bug.options.values())}), or a default.",
            )
        return ranks

    def _option(self, written: str, options: Mapping[str, str], title: str, path: KeyPath) -> str | None:
        if not options:
            return written
        found = options.get(fold(written))
        if found is None:
            near = nearest(written, list(dict.fromkeys(options.values())))
            hint = f" Did you mean '{near}'?" if near else f" It has {listed(dict.fromkeys(options.values()), 'and')}."
            self._error(path, f"{title} has no value '{written}'.{hint}")
        return found

    # ---- sentences ----

    def _unknown(self, what: str, written: str, known: Iterable[str], path: KeyPath) -> None:
        near = nearest(written, known)
        hint = f" Did you mean '{near}'?" if near else ""
        self._error(path, f"There is no {what} '{written}'.{hint}")

    def _error(self, path: KeyPath, message: str) -> None:
        self.errors.append(self._loaded.document.problem(("routes", self._index, *path), message))

    def _warn(self, path: KeyPath, message: str) -> None:
        self.warnings.append(self._loaded.document.problem(("routes", self._index, *path), message))


def _tags_that_ask(loaded: Loaded, route: Route) -> list[str]:
    """The tags by which agents ask this route for something."""
    moves = loaded.mappings[route.mapping].model.when_ticket_moves.values()
    return [
        *([route.create.act_tag] if route.create is not None else []),
        *(key.tag for asked in moves for key in asked if key.tag is not None),
    ]


def _kind_of(field: BugField) -> str | None:
    if field.type == "array":
        return _BUG_LISTS.get(field.items or _ITEMS.get(field.id, ""))
    return _BUG_TYPES.get(field.type)


def _choices(field: TicketField) -> dict[str, str]:
    """Value or name, casefolded → value."""
    if field.type == "checkbox":
        return {"true": "true", "false": "false"}
    names = {fold(name): value for name, value in field.options}
    return names | {fold(value): value for _, value in field.options}


def project_catalog(jira: Jira, route: Route) -> ProjectCatalog:
    """What a route's project offers; its fields only where the route maps any. Raises the errors of sources/errors.py,
    NotFoundError for an unknown project."""
    catalog = jira.catalog(route.project)
    if not route.fields:
        return catalog
    return replace(catalog, fields=jira.bug_fields(route.project, route.issue_type))


def desk_catalog(zendesk: Zendesk, routes: Iterable[Route]) -> DeskCatalog:
    """What the Zendesk account defines; its organization fields only where a route maps one."""
    desk = zendesk.catalog()
    words = [entry.ticket.strip().casefold() for route in routes for entry in route.fields]
    if not any(word == "tier" or word.startswith("organization.") for word in words):
        return desk
    return replace(desk, organization_keys=zendesk.organization_keys())


def wanted_fields(routes: Iterable[Sequence[FieldSpec]]) -> frozenset[str]:
    """The ids of Jira's fields that readings have to ask for."""
    return frozenset(spec.bug.id for specs in routes for spec in specs)
