"""The few states that a mapping can tell apart: one representative of each is enough for a walk through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.core.mapping import StageMapping, TicketSelector
from syncd.core.model import ProjectCatalog, StatusInfo, TicketState

CATEGORIES: Final = ("new", "open", "pending", "hold", "solved", "closed")
_NOWHERE: Final = "a status that no stage names"


@dataclass(frozen=True, slots=True)
class BugState:
    """A (status, resolution) that stands for all that lie in its stage."""

    status_id: str
    resolution_id: str | None
    stage: str | None  # None: in no stage


@dataclass(frozen=True, slots=True)
class Classes:
    """The representatives, and the names to speak of them."""

    tickets: tuple[TicketState, ...]
    bugs: tuple[BugState, ...]
    statuses: Mapping[str, StatusInfo]
    resolutions: Mapping[str, str]
    ticket_names: Mapping[TicketState, str]
    defaults: Mapping[str, int]  # ticket category -> its default custom status, where custom ones are named
    tags: tuple[str, ...]

    def bug_name(self, status_id: str, resolution_id: str | None) -> str:
        """`Done (Fixed)`."""
        info = self.statuses.get(status_id)
        name = info.name if info else status_id
        return f"{name} ({self.resolutions.get(resolution_id, resolution_id)})" if resolution_id else name

    def ticket_name(self, state: TicketState) -> str:
        """`open`, or the name of a custom status."""
        return self.ticket_names.get(state, state.category)


def classes_of(mappings: Sequence[StageMapping], project: ProjectCatalog | None) -> Classes:
    """What these mappings (of the bugs of one ticket) can tell apart."""
    statuses = _statuses(mappings, project)
    resolutions = dict(project.resolutions) if project is not None else {}
    for mapping in mappings:
        for stage in mapping.stages:
            named = {r for selector in stage.bug_is for r in selector.resolutions or () if r is not None}
            for resolution in sorted(named):
                resolutions.setdefault(resolution, resolution)
            if stage.move_bug_to is not None and stage.move_bug_to.resolution is not None:
                known = {name.casefold() for name in resolutions.values()}
                if stage.move_bug_to.resolution.casefold() not in known:
                    resolutions[stage.move_bug_to.resolution.casefold()] = stage.move_bug_to.resolution
    names, defaults = _ticket_states(mappings)
    tags = sorted({move.tag for m in mappings for stage in m.stages for move, _ in stage.asks if move.tag})
    bugs = tuple(dict.fromkeys(bug for mapping in mappings for bug in _bugs(mapping, statuses, resolutions)))
    return Classes(_told_apart(mappings, names), bugs, statuses, resolutions, names, defaults, tuple(tags))


def landing(target_status: str, own: str | None, named: str | None, classes: Classes) -> tuple[str, str | None]:
    """Where a bug with resolution `own` arrives that is walked to that status (`named`: the target's resolution):
    Jira keeps a resolution between statuses of the category done and clears it elsewhere."""
    info = classes.statuses.get(target_status)
    if info is None or info.category != "done":
        return (target_status, None)
    by_name = {name.casefold(): resolution_id for resolution_id, name in classes.resolutions.items()}
    return (target_status, own or (by_name.get(named.casefold()) if named else None))


def _statuses(mappings: Iterable[StageMapping], project: ProjectCatalog | None) -> dict[str, StatusInfo]:
    found = {info.id: info for info in project.all_statuses()} if project is not None else {}
    for mapping in mappings:
        for stage in mapping.stages:
            category = "done" if stage.done else "new"
            for selector in stage.bug_is:
                found.setdefault(selector.status_id, StatusInfo(selector.status_id, selector.status_id, category))
            target = stage.move_bug_to
            if target is not None:
                found.setdefault(target.status_id, StatusInfo(target.status_id, target.status_name, category))
    found.setdefault(_NOWHERE, StatusInfo(_NOWHERE, _NOWHERE, "done"))
    return found


def _bugs(
    mapping: StageMapping, statuses: Mapping[str, StatusInfo], resolutions: Mapping[str, str]
) -> Iterable[BugState]:
    """One (status, resolution) of each stage, and one of none."""
    for stage in mapping.stages:
        pairs = [
            (selector.status_id, resolution)
            for selector in stage.bug_is
            for resolution in sorted(selector.resolutions or (None,), key=lambda r: (r is None, r or ""))
        ]
        mine = [pair for pair in pairs if mapping.stage_of_pair(*pair) is stage]
        if mine:
            yield BugState(*mine[0], stage.name)
    unnamed = [
        (selector.status_id, resolution)
        for stage in mapping.stages
        for selector in stage.bug_is
        for resolution in (None, *sorted(resolutions))
        if mapping.stage_of_pair(selector.status_id, resolution) is None
        and statuses[selector.status_id].category == "done"
    ]
    yield BugState(*(unnamed[0] if unnamed else (_NOWHERE, None)), None)


def _ticket_states(mappings: Iterable[StageMapping]) -> tuple[dict[TicketState, str], dict[str, int]]:
    """Every state with its name; where a custom status is named, each category has a default one beside it."""
    customs = {s.custom_id: s for mapping in mappings for s in _selectors(mapping) if s.custom_id is not None}
    defaults: dict[str, int] = {}
    if customs:
        lowest = min(0, *customs)
        defaults = {category: lowest - place for place, category in enumerate(CATEGORIES, 1) if category != "closed"}
    names = {TicketState(category, defaults.get(category)): category for category in CATEGORIES}
    names |= {TicketState(s.category, s.custom_id): s.name for s in customs.values()}
    return names, defaults


def _selectors(mapping: StageMapping) -> Iterable[TicketSelector]:
    for stage in mapping.stages:
        for source, target in stage.set_ticket:
            yield from (source, target)
        yield from stage.ticket_may_be or ()
        for move, _ in stage.asks:
            yield from filter(None, (move.to, move.frm))


def _told_apart(mappings: Sequence[StageMapping], names: Iterable[TicketState]) -> tuple[TicketState, ...]:
    """States that no selector distinguishes are one; those that are written stay."""
    written = {
        (target.category, target.custom_id) for m in mappings for stage in m.stages for _, target in stage.set_ticket
    }
    found: dict[object, TicketState] = {}
    for state in sorted(names, key=lambda state: (state.category, state.custom_id) not in written):
        signs: list[object] = [
            state.is_solved,
            state.is_final,
            state.category in ("new", "open"),
            state.category == "new",
        ]
        for mapping in mappings:
            for stage in mapping.stages:
                wanted = stage.wants(state)
                signs.append(stage.allows(state))
                signs.append((wanted.category, wanted.custom_id) if wanted else None)
                signs += [
                    selector.matches(state) for move, _ in stage.asks for selector in (move.to, move.frm) if selector
                ]
        found.setdefault(tuple(signs), state)
    places = {state: place for place, state in enumerate(names)}
    return tuple(sorted(found.values(), key=lambda state: places[state]))
