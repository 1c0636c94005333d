"""From what the operator wrote and what the servers offer to the routes that run. A failing one stops alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.app.field_routing import FieldRouting
from syncd.config.compile import Compiled, compile_mapping
from syncd.config.load import Loaded
from syncd.config.models import Route
from syncd.config.names import nearest
from syncd.config.problems import Problem
from syncd.config.resolve import Bindings
from syncd.core.mapping import StageMapping
from syncd.core.model import DeskCatalog, ProjectCatalog, TicketField
from syncd.core.world import MirrorFields, RouteView
from syncd.cycle import Routes

MIRRORED = ("bug", "status", "assignee", "fix_version", "due_date", "sync_state")
TYPES_FOR_TEXT = ("text", "textarea", "tagger", "regexp")
TYPES = {"due_date": ("date", "text", "textarea"), "status": TYPES_FOR_TEXT, "sync_state": ("text", "textarea")}


@dataclass(frozen=True, slots=True)
class Routing:
    """The outcome of matching the configuration with both servers."""

    routes: Routes
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    bindings: Mapping[str, Mapping[tuple[str, str], str]]  # project key -> names to remember


def build_routes(
    loaded: Loaded,
    *,
    desk: DeskCatalog | None,
    projects: Mapping[str, ProjectCatalog],
    missing: Mapping[str, str],
    bindings: Mapping[str, Bindings],
    former: Mapping[str, ProjectCatalog] | None = None,
) -> Routing:
    """Resolves every route. `projects` by key; `missing` says why a project has no catalog. Without a `desk` no route
    runs, and nothing is said about ticket fields. `former`: what is known of projects that cannot be read now; their
    routes stop, but the clocks go on knowing what their statuses mean."""
    running: dict[str, RouteView] = {}
    stopped: dict[str, str] = {}
    resting: dict[str, StageMapping] = {}
    errors: list[Problem] = []
    warnings: list[Problem] = []
    remembered: dict[str, Mapping[tuple[str, str], str]] = {}
    for index, route in enumerate(loaded.config.routes):
        path = ("routes", index)
        catalog = projects.get(route.project)
        if catalog is None:
            problem = loaded.document.problem(
                (*path, "project"), missing.get(route.project) or f"Jira has no project {route.project}."
            )
            errors.append(problem)
            stopped[route.name] = str(problem)
            known = (former or {}).get(route.project)
            if known is not None:
                _rest(resting, route, _compiled(loaded, route, known, desk, bindings.get(route.project, {})))
            continue
        compiled = _compiled(loaded, route, catalog, desk, bindings.get(route.project, {}))
        if desk is None:
            errors += compiled.errors
            warnings += compiled.warnings
            stopped[route.name] = "Zendesk's ticket fields and statuses are not known yet: it could not be read so far."
            _rest(resting, route, compiled)
            continue
        remembered[route.project] = compiled.bindings
        found = _Fields(loaded, desk, index)
        mirror = _mirror(found, route)
        link_field = found.link_field(route)
        mapped = FieldRouting(loaded, index, route, desk, catalog, mirror)
        mine = [*compiled.errors, *found.errors, *mapped.errors]
        errors += mine
        warnings += [*compiled.warnings, *found.warnings, *mapped.warnings]
        if mine:
            stopped[route.name] = str(mine[0])
            _rest(resting, route, compiled)
        else:
            running[route.name] = RouteView(
                name=route.name,
                project_key=catalog.key,
                mapping=compiled.mapping,
                mirror=mirror,
                link_field=link_field,
                link_tag=route.link_tag,
                off_tag=route.off_tag,
                fields=tuple(mapped.specs),
                release_note=route.on_release.note,
                release_hand_back=route.on_release.hand_back,
                follow_up=route.follow_up,
                follow_ups_per_day=route.follow_ups_per_day,
                new_bug_when_not_fixed=route.not_fixed == "new_bug",
            )
    return Routing(Routes(running, stopped, resting), tuple(errors), tuple(warnings), remembered)


def _rest(resting: dict[str, StageMapping], route: Route, compiled: Compiled) -> None:
    if not compiled.errors:
        resting[route.name] = compiled.mapping


def _compiled(
    loaded: Loaded, route: Route, catalog: ProjectCatalog, desk: DeskCatalog | None, bindings: Bindings
) -> Compiled:
    return compile_mapping(
        loaded.mappings[route.mapping], project=catalog, desk=desk, bindings=bindings, issue_type=route.issue_type
    )


def offline_mapping(loaded: Loaded, route: Route) -> tuple[StageMapping, tuple[Problem, ...], tuple[Problem, ...]]:
    """The route's mapping without any server: (mapping, errors, warnings)."""
    compiled = compile_mapping(loaded.mappings[route.mapping], project=None, desk=None)
    return compiled.mapping, compiled.errors, compiled.warnings


class _Fields:
    """Looks ticket fields up by title or id, and says what is wrong with them."""

    def __init__(self, loaded: Loaded, desk: DeskCatalog, index: int) -> None:
        self._loaded = loaded
        self._index = index
        self._by_id = {str(field.id): field for field in desk.fields if field.active}
        self._by_title: dict[str, TicketField] = {}
        for field in self._by_id.values():
            self._by_title.setdefault(field.title.strip().casefold(), field)
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    def find(self, written: str, path: tuple[str | int, ...]) -> TicketField | None:
        """The field, or None with an error that names the nearest title."""
        field = self._by_id.get(written) or self._by_title.get(written.strip().casefold())
        if field is None:
            near = nearest(written, [f.title for f in self._by_id.values()])
            hint = f" Did you mean '{near}'?" if near else " Make it in Zendesk's Admin Center, under Fields."
            self._error(path, f"Zendesk has no active ticket field '{written}'.{hint}")
        return field

    def mirrored(self, written: str, name: str) -> TicketField | None:
        """A field that shows the bug: agents only, and of a type that can hold it."""
        path = ("mirror", name)
        field = self.find(written, path)
        if field is None:
            return None
        if field.visible_to_end_users or field.editable_by_end_users:
            self._error(
                path,
                f"Customers can see ticket field '{field.title}': what is internal would become public. In Zendesk, "
                "take it out of 'Customers can see', or name another field.",
            )
        elif field.type not in TYPES.get(name, TYPES_FOR_TEXT):
            wanted = " or ".join(TYPES.get(name, TYPES_FOR_TEXT)[:2])
            self._error(path, f"Ticket field '{field.title}' is of type {field.type}; it must be {wanted}.")
        return field

    def link_field(self, route: Route) -> str | None:
        """The id of the field whose issue keys make links; customers must not be able to write it."""
        if route.link_field is None:
            return None
        field = self.find(route.link_field, ("link_field",)) if route.link_field != route.mirror.bug else None
        if field is None:
            known = self._by_id.get(route.link_field) or self._by_title.get(route.link_field.strip().casefold())
            return str(known.id) if known is not None else None
        if field.editable_by_end_users:
            self._error(
                ("link_field",),
                f"Customers can edit ticket field '{field.title}', so they could link tickets to any bug. In Zendesk, "
                "take it out of 'Customers can edit', or name another field.",
            )
        return str(field.id)

    def _error(self, path: tuple[str | int, ...], message: str) -> None:
        self.errors.append(self._loaded.document.problem(("routes", self._index, *path), message))


def _mirror(found: _Fields, route: Route) -> MirrorFields:
    ids: dict[str, str] = {}
    options: dict[str, Mapping[str, str]] = {}
    for name in MIRRORED:
        written = getattr(route.mirror, name)
        if written is None:
            continue
        field = found.mirrored(written, name)
        if field is None:
            continue
        ids[name] = str(field.id)
        if field.type == "tagger":
            values = {value.casefold(): value for _, value in field.options}
            options[str(field.id)] = values | {title.casefold(): value for title, value in field.options}
    return MirrorFields(**ids, options=options)
