"""From the `escalation:` part of a configuration to what the cycle needs: names as ids, texts as they are.

A rule that names what nobody knows does nothing, and `check` says so; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from syncd.alerts.escalating import EscalationSettings
from syncd.alerts.settings import AckWays
from syncd.app.sla import zone_of
from syncd.app.sla_names import TEAMS, Data, Directory, Resolver, SlaSurvey, survey_names
from syncd.config.escalation_models import DoModel, Escalation, LevelModel, RuleModel, RuleWhen
from syncd.config.load import Loaded
from syncd.config.problems import KeyPath, Problem
from syncd.core.conditions import Condition, Conditions, Operator, told
from syncd.core.model import DeskCatalog, ProjectCatalog
from syncd.core.ports import Clock
from syncd.cycle.sla_settings import SlaSettings
from syncd.executor.escalation import NoteSettings
from syncd.rules.escalation import (
    AddTags,
    AssignGroup,
    Chain,
    CommentBug,
    CreateBugFor,
    Do,
    Level,
    Notify,
    RaiseBugPriority,
    RaisePriority,
    ReadyNote,
    Repeat,
    Rule,
    Unassign,
    WriteNote,
)
from syncd.rules.notes import REQUIREMENTS, Requirement
from syncd.store import Store

SURVEY: Final = "catalog.escalation"
"""The fact under which the store remembers what the servers said about names."""
_SURVEYED: Final = TypeAdapter(SlaSurvey)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The rules of a configuration with ids for names. `errors`: with their places below `escalation`."""

    settings: EscalationSettings
    notes: NoteSettings
    errors: tuple[tuple[KeyPath, str], ...]


class EscalationConfig:
    """The `escalation:` part of a configuration, as it is used now. `settings` is None while there are no rules."""

    def __init__(self, loaded: Loaded, store: Store, clock: Clock, directory: Directory) -> None:
        self._loaded = loaded
        self._store = store
        self._clock = clock
        self._directory = directory
        self.settings: EscalationSettings | None = None
        self.notes = NoteSettings()
        self.errors: tuple[Problem, ...] = ()
        self.stale: tuple[str, ...] = ()

    def refresh(
        self, desk: DeskCatalog | None, projects: Mapping[str, ProjectCatalog], sla: SlaSettings | None, ways: AckWays
    ) -> None:
        """Asks the servers for the names that the rules use; what is not answered now is taken from the last time."""
        escalation = self._loaded.config.escalation
        if escalation is None:
            return
        before = self._remembered()
        survey = survey_names(_surveyed(escalation), self._directory)
        self.stale = tuple(survey.stale)
        survey = survey.filled_from(before)
        with self._store.transaction() as tx:
            tx.set_fact(SURVEY, _SURVEYED.dump_python(survey, mode="json"), self._clock.now())
        self._use(escalation, desk, projects, survey, sla, ways)

    def remembered(
        self, desk: DeskCatalog | None, projects: Mapping[str, ProjectCatalog], sla: SlaSettings | None, ways: AckWays
    ) -> None:
        """The same from what the store knows, without asking a server and without a change of the store."""
        escalation = self._loaded.config.escalation
        if escalation is not None:
            self._use(escalation, desk, projects, self._remembered(), sla, ways)

    def _remembered(self) -> SlaSurvey:
        with self._store.reading() as tx:
            known = tx.get_fact(SURVEY)
        return SlaSurvey() if known is None else _SURVEYED.validate_python(known)

    def _use(
        self,
        escalation: Escalation,
        desk: DeskCatalog | None,
        projects: Mapping[str, ProjectCatalog],
        survey: SlaSurvey,
        sla: SlaSettings | None,
        ways: AckWays,
    ) -> None:
        resolved = resolve_escalation(self._loaded, escalation, desk, projects.values(), survey, sla, ways)
        said = [*resolved.errors]
        if desk is None or sla is None:
            said = [((), "The rules stand still: what they need of Zendesk or of the clocks is not known yet.")]
        self.errors = tuple(self._loaded.problem(("escalation", *path), sentence) for path, sentence in said)
        self.settings = None if desk is None or sla is None else resolved.settings
        self.notes = resolved.notes


def resolve_escalation(
    loaded: Loaded,
    escalation: Escalation,
    desk: DeskCatalog | None,
    projects: Iterable[ProjectCatalog],
    survey: SlaSurvey,
    sla: SlaSettings | None,
    ways: AckWays,
) -> Resolved:
    """Looks every name up. A rule whose names nobody knows is kept, and never holds."""
    config = loaded.config
    stages = [stage for mapping in loaded.mappings.values() for stage in mapping.model.stages]
    resolver = Resolver(desk or DeskCatalog(), projects, stages, survey)
    data = _asked(escalation)
    if config.sla is not None:
        data["tiers"] = [{"tier": row["tier"]} for row in config.sla.data().get("tiers", ())]
    found = resolver.resolved(data)["policies"]
    places = [*_places(escalation)]
    errors = [(_moved(path, places), said) for path, said in resolver.errors]
    resolver.errors.clear()
    wrong = {path[:2] for path, _ in errors}
    groups = {
        str(place[1]): row["when"]["all"][0] for place, row in zip(places, found, strict=True) if place[0] == "group"
    }
    acts = {route.name: route.create.act_tag for route in config.routes if route.create is not None}

    def conditions(place: KeyPath) -> Conditions:
        return _conditions(found[places.index(place)]["when"], unknown=place[:2] in wrong)

    def does(models: Iterable[DoModel]) -> tuple[Do, ...]:
        return tuple(_do(model, groups, acts) for model in models)

    rules = []
    for index, model in enumerate(escalation.rules):
        rules.append(_rule(model, conditions(("rules", index)), does))
    priorities = tuple(
        (conditions(("priorities", index)), row.priority) for index, row in enumerate(escalation.priorities)
    )
    kind = resolver.field(("kind_field",), str(escalation.kind_field)) if escalation.kind_field is not None else None
    requirements = []
    for index, need in enumerate(escalation.missing):
        known = resolver.field(("missing", index, "field"), str(need.field)) if need.field is not None else None
        requirements.append(Requirement(need.name, need.words, need.file, "" if known is None else str(known.id)))
    errors += [*resolver.errors]
    zone = ZoneInfo(zone_of(config.sla)) if config.sla is not None else ZoneInfo("UTC")
    names = {
        kind: {str(number): name for number, name in survey.names.get(listed, {}).items()}
        for kind, listed in TEAMS.items()
    }
    settings = EscalationSettings(
        rules=tuple(rules),
        priorities=priorities,
        kind_field="" if kind is None else str(kind.id),
        hours={} if sla is None else {name: table.at(1 << 40) for name, table in sla.book.calendars.items()},
        ways=ways,
        names=names,
        instant_text=lambda at: datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z"),
        problems=tuple(said for _, said in errors),
    )
    notes = NoteSettings(
        escalation.language,
        tuple(requirements) or REQUIREMENTS,
        lambda at: at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z"),
    )
    return Resolved(settings, notes, tuple(errors))


def written_escalation(loaded: Loaded, escalation: Escalation) -> EscalationSettings:
    """The rules with every name as it is written, for lives of tickets that are told in the same words."""
    found = _asked(escalation)["policies"]
    groups = {name: {"value": "0"} for name in _group_names(escalation)}
    acts = {r.name: r.create.act_tag for r in loaded.config.routes if r.create is not None}

    def does(models: Iterable[DoModel]) -> tuple[Do, ...]:
        return tuple(_do(model, groups, acts) for model in models)

    count = len(escalation.rules)
    return EscalationSettings(
        rules=tuple(
            _rule(model, _conditions(found[index]["when"], unknown=False), does)
            for index, model in enumerate(escalation.rules)
        ),
        priorities=tuple(
            (_conditions(found[count + index]["when"], unknown=False), row.priority)
            for index, row in enumerate(escalation.priorities)
        ),
        kind_field="" if escalation.kind_field is None else str(escalation.kind_field),
    )


# ---- conditions by way of the names of the `sla:` part -------------------------------------------------------------


def _asked(escalation: Escalation) -> Data:
    """The conditions in the shape whose names can be looked up: each rule, each row of the table, each group."""
    policies = [{"when": _when(model.when)} for model in escalation.rules]
    policies += [{"when": _when(row.when)} for row in escalation.priorities]
    policies += [{"when": {"all": [{"field": "group", "value": name}]}} for name in _group_names(escalation)]
    return {"metrics": {}, "policies": [{**policy, "targets": {}} for policy in policies]}


def _surveyed(escalation: Escalation) -> Data:
    """What the servers are asked about: the names in the rules, and what groups and people are called where a form
    tells who had the ticket."""
    asked = _asked(escalation)
    tells = any(do.ready_note == ReadyNote.FORM for rule in escalation.rules for do in _dos(rule))
    teams = [{"team_by": kind, "when": {"all": [], "any": []}} for kind in TEAMS] if tells else []
    return {**asked, "holders": teams}


def _places(escalation: Escalation) -> Iterator[KeyPath]:
    """For each of them where it is written; of groups their names."""
    yield from (("rules", index) for index in range(len(escalation.rules)))
    yield from (("priorities", index) for index in range(len(escalation.priorities)))
    yield from (("group", name) for name in _group_names(escalation))


def _moved(path: KeyPath, places: list[KeyPath]) -> KeyPath:
    """A place in _asked() as a place below `escalation`."""
    place = places[int(path[1])]
    return () if place[0] == "group" else (*place, *path[2:])


def _group_names(escalation: Escalation) -> list[str]:
    named = [str(do.assign_group) for rule in escalation.rules for do in _dos(rule) if do.assign_group is not None]
    return [*dict.fromkeys(named)]


def _dos(rule: RuleModel) -> Iterator[DoModel]:
    yield from rule.then
    for level in rule.levels:
        yield from level.then
    if rule.repeat is not None:
        yield from rule.repeat.then


def _when(when: RuleWhen) -> Data:
    def lines(rows: Iterable[Any]) -> list[Data]:
        return [{"field": row.field, "operator": str(row.operator), "value": row.value} for row in rows]

    return {"all": lines(when.all), "any": lines(when.any)}


def _conditions(when: Data, *, unknown: bool) -> Conditions:
    def lines(key: str) -> tuple[Condition, ...]:
        return tuple(Condition(row["field"], Operator(row["operator"]), _value(row["value"])) for row in when[key])

    return Conditions(lines("all"), lines("any"), ("a name that nobody knows",) if unknown else ())


def _value(value: Any) -> Any:
    return tuple(str(entry) for entry in value) if isinstance(value, list | tuple) else value


# ---- rules -------------------------------------------------------------------------------------------------------


def _rule(model: RuleModel, when: Conditions, does: Callable[[Iterable[DoModel]], tuple[Do, ...]]) -> Rule:
    first = (Level(0, does(model.then)),) if model.then else ()
    repeat = None
    if model.repeat is not None:
        repeat = Repeat(int(model.repeat.every.total_seconds()), model.repeat.times, does(model.repeat.then))
    return Rule(
        name=model.name,
        when=when,
        chain=Chain((*first, *(_level(level, does) for level in model.levels)), repeat),
        per=model.per or "",
        during=model.during or "",
        rearm=int(model.rearm.total_seconds()),
        stops_when_acknowledged=model.stop_when_acknowledged,
        acknowledged_for=int(model.acknowledged_for.total_seconds()),
        solved_too=model.solved_too,
        asks=model.asks or "",
        said=tuple(
            told(Condition(line.field, line.operator, _value(line.value)))
            for line in (*model.when.all, *model.when.any)
        ),
    )


def _level(model: LevelModel, does: Callable[[Iterable[DoModel]], tuple[Do, ...]]) -> Level:
    return Level(int(model.after.total_seconds()), does(model.then))


def _do(model: DoModel, groups: Mapping[str, Data], acts: Mapping[str, str]) -> Do:
    """The one thing that the entry says; the models see to it that there is one."""
    found: Do = Notify(model.notify)
    if isinstance(model.raise_priority, int):
        found = RaisePriority(steps=model.raise_priority)
    elif model.raise_priority is not None:
        found = RaisePriority(to=model.raise_priority)
    elif model.assign_group is not None:
        name = str(model.assign_group)
        number = str(groups[name]["value"])
        found = AssignGroup(int(number), name) if number.isdecimal() else Notify(())
    elif model.unassign:
        found = Unassign()
    elif model.add_tags:
        found = AddTags(model.add_tags)
    elif model.note is not None or model.ready_note is not None:
        found = WriteNote(model.note or "", model.ready_note or "")
    elif model.create_bug is not None:
        found = CreateBugFor(model.create_bug, acts.get(model.create_bug, ""))
    elif model.raise_bug_priority is not None:
        found = RaiseBugPriority(model.raise_bug_priority)
    elif model.comment_on_bug is not None:
        found = CommentBug(model.comment_on_bug)
    return found
