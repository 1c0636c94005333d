"""From a route's `create:` block and what both servers define to the rule that the planner uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncd.config.create_models import ConditionModel, Create
from syncd.config.load import Loaded
from syncd.config.models import Route
from syncd.config.names import nearest
from syncd.config.problems import Problem
from syncd.core.conditions import Condition, Conditions, resolved
from syncd.core.creating import BugMaker, CreateScreen
from syncd.core.model import DeskCatalog, TicketField
from syncd.core.world import RouteView
from syncd.rules.conditions import CUSTOM
from syncd.rules.creating import NO_PRIORITY, Caps, CreateRule, missing_fields
from syncd.rules.templates import Template
from syncd.sources.errors import NotFoundError, SourceError
from syncd.sources.zendesk_case import Cases

LISTS: Mapping[str, str] = {"group": "groups", "brand": "brands", "form": "ticket_forms"}
"""Fields of conditions whose values are names of a list in Zendesk."""


@dataclass(slots=True)
class Surveyed:
    """What both servers say about making bugs."""

    screens: dict[str, CreateScreen] = field(default_factory=dict)  # by route
    unknown: dict[str, str] = field(default_factory=dict)  # route -> why its screen is not known
    names: dict[str, Mapping[int, str]] = field(default_factory=dict)  # groups | brands | ticket_forms
    stale: list[str] = field(default_factory=list)


def survey(loaded: Loaded, maker: BugMaker, cases: Cases) -> Surveyed:
    """Asks for the create screens of the routes that make bugs (two calls each), and for names that conditions use."""
    found = Surveyed()
    for route in loaded.config.routes:
        if route.create is None:
            continue
        try:
            found.screens[route.name] = maker.create_screen(route.project, route.issue_type)
        except NotFoundError as error:
            found.unknown[route.name] = str(error)
        except SourceError as error:
            found.stale.append(f"What {route.project} requires of a new {route.issue_type} cannot be read: {error}")
    for kind in sorted(_lists_used(loaded)):
        try:
            found.names[kind] = cases.names(kind)
        except SourceError as error:
            found.stale.append(f"Zendesk's {kind} cannot be read: {error}")
    return found


def _lists_used(loaded: Loaded) -> set[str]:
    """The lists that some condition names an entry of; ids need no list."""
    used = set()
    for route in loaded.config.routes:
        when = route.create.when if route.create is not None else None
        for line in (*when.all, *when.any) if when is not None else ():
            if line.field in LISTS and not all(value.isdecimal() for value in _values(line)):
                used.add(LISTS[line.field])
    return used


@dataclass(frozen=True, slots=True)
class Creating:
    """The rules of the running routes, and what is wrong with the configuration of others."""

    rules: Mapping[str, CreateRule]
    errors: tuple[Problem, ...]


def build_creating(
    loaded: Loaded, desk: DeskCatalog | None, surveyed: Surveyed, running: Mapping[str, RouteView]
) -> Creating:
    """Resolves every `create:`. A required field that it does not give is an error that names the key to set; bugs are
    asked for all the same, since Jira has the last word, and what it refuses is a conflict of that ticket alone."""
    rules: dict[str, CreateRule] = {}
    errors: list[Problem] = []
    for index, route in enumerate(loaded.config.routes):
        if route.create is None or desk is None:
            continue
        builder = _Builder(loaded, desk, surveyed, index, route, route.create)
        rule = builder.build(running.get(route.name))
        errors += builder.errors
        if route.name in running:
            rules[route.name] = rule
    return Creating(rules, tuple(errors))


class _Builder:
    def __init__(
        self, loaded: Loaded, desk: DeskCatalog, surveyed: Surveyed, index: int, route: Route, create: Create
    ) -> None:
        self._loaded = loaded
        self._desk = desk
        self._surveyed = surveyed
        self._index = index
        self._route = route
        self._create = create
        self.errors: list[Problem] = []

    def build(self, view: RouteView | None) -> CreateRule:
        create, route = self._create, self._route
        if route.name in self._surveyed.unknown:
            self._error(self._surveyed.unknown[route.name], "issue_type", inside=False)
        rule = CreateRule(
            route=route.name,
            project_key=route.project,
            issue_type=route.issue_type,
            summary=Template(create.summary),
            description=Template(create.description, wiki=True),
            act_tag=create.act_tag,
            when=self._conditions(),
            priority=dict(create.priority),
            labels=tuple(Template(text) for text in create.labels),
            components=tuple(Template(text) for text in create.components),
            fields=tuple((name, self._field_template(name, text)) for name, text in create.custom_fields.items()),
            caps=Caps(create.caps.hour, create.caps.day, create.caps.requester),
            unverified=create.unverified,
            environment=self._ticket_field(create.environment, "environment"),
            steps=self._ticket_field(create.steps, "steps"),
            tier=create.tier or "",
            titles={str(known.id): known.title for known in self._desk.fields if known.active},
            screen=self._surveyed.screens.get(route.name),
            where=f"routes[{self._index}].create",
            off_tag=route.off_tag,
            link_tag=route.link_tag,
            link_field=view.link_field if view is not None else None,
            new_bug_when_not_fixed=route.not_fixed == "new_bug",
        )
        self._check(rule)
        return rule

    # ---- against the live project ----

    def _check(self, rule: CreateRule) -> None:
        screen = rule.screen
        if screen is None:
            return
        for missing in missing_fields(rule):
            key = {"components": "components", "labels": "labels", "priority": f"priority.{NO_PRIORITY}"}.get(
                missing.id, f"custom_fields.{missing.id}"
            )
            offered = f" Jira offers {', '.join(name for _, name in missing.allowed[:8])}." if missing.allowed else ""
            self._error(
                f"Jira requires the field '{missing.name}' of a new {screen.issue_type} in {rule.project_key}: set "
                f"{rule.where}.{key}.{offered}"
            )
        for name, _ in rule.fields:
            if screen.field(name) is None:
                near = nearest(name, [f.name for f in screen.fields] + [f.id for f in screen.fields])
                hint = f" Did you mean '{near}'?" if near else ""
                self._error(
                    f"The create screen of {screen.issue_type} in {rule.project_key} has no field '{name}'.{hint}",
                    "custom_fields",
                    name,
                )
        known = screen.field("priority")
        if known is not None and known.allowed:
            offered_names = [name for _, name in known.allowed]
            for own, name in rule.priority.items():
                if name.casefold() not in [o.casefold() for o in offered_names] and name not in dict(known.allowed):
                    self._error(
                        f"{rule.project_key} has no priority '{name}': it has {', '.join(offered_names)}. Set "
                        f"{rule.where}.priority.{own}.",
                        "priority",
                    )

    def _field_template(self, name: str, text: str) -> Template:
        """Long texts are wiki markup in Jira, so that data in them is escaped."""
        screen = self._surveyed.screens.get(self._route.name)
        known = screen.field(name) if screen is not None else None
        return Template(text, wiki=known is not None and (known.custom or "").endswith(":textarea"))

    # ---- against Zendesk ----

    def _ticket_field(self, written: str | None, *path: str) -> str:
        if written is None:
            return ""
        found = self._find(written)
        if found is None:
            near = nearest(written, [f.title for f in self._desk.fields if f.active])
            hint = f" Did you mean '{near}'?" if near else ""
            self._error(f"Zendesk has no active ticket field '{written}'.{hint}", *path)
            return ""
        return str(found.id)

    def _find(self, written: str) -> TicketField | None:
        active = [known for known in self._desk.fields if known.active]
        folded = written.strip().casefold()
        return next((f for f in active if str(f.id) == folded), None) or next(
            (f for f in active if f.title.strip().casefold() == folded), None
        )

    def _conditions(self) -> Conditions:
        when = self._create.when
        if when is None:
            return Conditions()
        written = Conditions(
            all=tuple(_condition(line) for line in when.all), any=tuple(_condition(line) for line in when.any)
        )
        found = resolved(written, self._resolve)
        for sentence in found.unknown:
            self._error(sentence, "when")
        return found

    def _resolve(self, condition: Condition) -> Condition | str:
        if condition.field.startswith(CUSTOM):
            known = self._find(condition.field.removeprefix(CUSTOM))
            if known is None:
                return f"Zendesk has no active ticket field '{condition.field.removeprefix(CUSTOM)}'."
            options = {title.casefold(): value for title, value in known.options}
            named = replace(condition, field=f"{CUSTOM}{known.id}")
            return _with_ids(named, lambda text: options.get(text.casefold(), text))
        if condition.field == "custom_status":
            ids = {status.name.casefold(): str(status.id) for status in self._desk.custom_statuses}
            return self._named(condition, ids, "custom status")
        if condition.field in LISTS:
            listed = self._surveyed.names.get(LISTS[condition.field])
            if listed is None:
                return condition
            ids = {name.casefold(): str(number) for number, name in listed.items()}
            return self._named(condition, ids, condition.field)
        if condition.field == "organization" and not all(v.isdecimal() for v in _words(condition)):
            return "A condition on the organization takes its id, which is in the address of its page in Zendesk."
        return condition

    @staticmethod
    def _named(condition: Condition, ids: Mapping[str, str], what: str) -> Condition | str:
        for text in _words(condition):
            if not text.isdecimal() and text.casefold() not in ids:
                near = nearest(text, list(ids))
                hint = f" Did you mean '{near}'?" if near else ""
                return f"Zendesk has no {what} '{text}'.{hint}"
        return _with_ids(condition, lambda text: ids.get(text.casefold(), text))

    def _error(self, message: str, *path: str, inside: bool = True) -> None:
        at: Sequence[str | int] = ("routes", self._index, *(("create",) if inside else ()), *path)
        self.errors.append(self._loaded.document.problem(tuple(at), message))


def _condition(line: ConditionModel) -> Condition:
    value = tuple(str(entry) for entry in line.value) if isinstance(line.value, tuple) else line.value
    return Condition(line.field, line.operator, value)


def _values(line: ConditionModel) -> list[str]:
    return _words(_condition(line))


def _words(condition: Condition) -> list[str]:
    value = condition.value
    if value is None:
        return []
    return [str(entry) for entry in value] if isinstance(value, tuple) else [str(value)]


def _with_ids(condition: Condition, look_up: Callable[[str], str]) -> Condition:
    words = _words(condition)
    if not words:
        return condition
    found = tuple(look_up(word) for word in words)
    return replace(condition, value=found if isinstance(condition.value, tuple) else found[0])
