"""The rules of a mapping, found in its YAML, each with the same mapping without it; and what a mapping effects."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml
from pydantic import ValidationError

from syncd.config.compile import compile_mapping
from syncd.config.load import parse_mapping
from syncd.config.mapping_file import MappingModel
from syncd.config.meaning import meaning_of
from syncd.config.problems import ConfigError
from syncd.core.mapping import Stage, StageMapping
from syncd.core.model import DeskCatalog, ProjectCatalog, TicketState

CATEGORIES = ("new", "open", "pending", "hold", "solved")

OPPOSITE: Mapping[object, object] = {
    False: True,
    True: False,
    "all": "any",
    "any": "all",
    "category": "conflict",
    "conflict": "category",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A leaf of a mapping, and the text of the mapping without it, or with its opposite where it says the default."""

    name: str
    without: str | None  # None: it says nothing, such as an empty block


def rules(text: str) -> Iterator[Rule]:
    """All rules of a mapping, in order."""
    tree = yaml.safe_load(text)
    meaning = _meaning(tree)
    for path, value in _leaves(tree, ()):
        mutant = _without(tree, path)
        if _meaning(mutant) == meaning:
            mutant = _opposite(tree, path, value)
        name = ".".join(str(part) for part in path if not isinstance(part, int))
        name += f": {value}" if not isinstance(value, dict) else ""
        yield Rule(name, None if mutant is None else _dump(mutant))


def _leaves(node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, (*path, index))
    else:
        yield path, node


def _without(tree: Any, path: tuple[str | int, ...]) -> Any:
    mutant = copy.deepcopy(tree)
    holder = mutant
    for part in path[:-1]:
        holder = holder[part]
    del holder[path[-1]]
    return mutant


def _opposite(tree: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if value == {}:
        return None
    mutant = copy.deepcopy(tree)
    holder = mutant
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = list(CATEGORIES[:-1]) if path[-1] == "ticket_may_be" else OPPOSITE[value]
    return mutant


def _meaning(tree: Any) -> str | None:
    try:
        return meaning_of(MappingModel.model_validate(tree))
    except ValidationError:
        return None


def _dump(tree: Any) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def effect(text: str, project: ProjectCatalog, desk: DeskCatalog) -> tuple[object, ...] | None:
    """Everything that a mapping can do in this project; two mappings of one effect cannot be told apart by acting.
    None when the mapping is refused."""
    try:
        compiled = compile_mapping(parse_mapping(text), project=project, desk=desk)
    except ConfigError:
        return None
    if compiled.errors:
        return None
    mapping = compiled.mapping
    stage_of = tuple(
        (status.id, resolution, _stage_name(mapping, status.id, status.category, resolution))
        for status in project.all_statuses()
        for resolution in (None, *(identifier for identifier, _ in project.resolutions))
    )
    stages = tuple(replace(stage, bug_is=()) for stage in mapping.stages)
    policy = mapping.on_conflict if any(_needs_a_policy(stage) for stage in mapping.stages) else ""
    unmapped = tuple(sorted(mapping.unmapped.items()))
    return (stage_of, stages, mapping.customer_reopens_bug, policy, unmapped)


def _stage_name(mapping: StageMapping, status: str, category: str, resolution: str | None) -> str | None:
    stage = mapping.stage_of_pair(status, resolution)
    if stage is not None:
        return stage.name
    named = any(selector.status_id == status for s in mapping.stages for selector in s.bug_is)
    return None if named else mapping.unmapped.get(category)


def _needs_a_policy(stage: Stage) -> bool:
    """on_conflict is asked only where a person may bring a ticket into a status that the stage forbids and for which
    the mapping asks nothing of the bug."""
    states = [TicketState(category) for category in CATEGORIES[1:]]
    return any(
        not stage.allows(state)
        and not any(
            move.to is not None and move.to.matches(state) and move.frm is None and move.by is None
            for move, _ in stage.asks
        )
        for state in states
    )
