"""From a mapping file to the mapping that decisions are made with: names become ids, and the laws are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from syncd.config.laws import BuiltStage, Pair, check_laws
from syncd.config.mapping_file import MappingFile, MoveBugTo, MoveKey, StageFile
from syncd.config.meaning import meaning_of
from syncd.config.problems import KeyPath, Problem, in_order, listed, one_line
from syncd.config.resolve import Bindings, Resolver
from syncd.core.mapping import BugSelector, BugTarget, Stage, StageMapping, TicketMove, TicketSelector
from syncd.core.model import DeskCatalog, ProjectCatalog

_DONE_BY_NAME: Final = ("fixed", "declined", "confirmed")  # offline, where no category can be looked up
_STAGE_OF_CATEGORY: Final = {"new": "queued", "indeterminate": "in_progress"}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A mapping for one project. With errors it must not be used: its route stops."""

    mapping: StageMapping
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    bindings: Mapping[tuple[str, str], str]  # to be remembered for the next time; in the shape of resolve.Bindings


def compile_mapping(
    file: MappingFile,
    *,
    project: ProjectCatalog | None,
    desk: DeskCatalog | None,
    bindings: Bindings | None = None,
    issue_type: str | None = None,
) -> Compiled:
    """Look up the names of the mapping in one project and one account, and check the laws of mappings.

    With `project` None (offline) the ids are the folded names. `issue_type` decides between statuses of one name.
    """
    resolver = Resolver(file, project, desk, bindings or {}, issue_type)
    built = [_build(file, resolver, name, stage) for name, stage in file.model.stages.items()]
    errors, warnings = check_laws(file, resolver, built)
    stages = tuple(_stage(file, resolver, rank, stage) for rank, stage in enumerate(built))
    unmapped, unclear = _unmapped(file, built)
    mapping = StageMapping(
        name=file.name,
        stages=stages,
        meaning=meaning_of(file.model),
        customer_reopens_bug=file.model.customer_reopens_bug,
        on_conflict=file.model.on_conflict,
        unmapped=unmapped,
    )
    if project is not None:
        named = {selector.status_id for stage in stages for selector in stage.bug_is}
        statuses = project.all_statuses()
        others = [status for status in statuses if status.id not in named]
        mapping = replace(
            mapping,
            unnamed={s.id: unmapped[s.category] for s in others if s.category in unmapped},
            done_ids=frozenset(s.id for s in statuses if s.category == "done"),
        )
    return Compiled(
        mapping,
        in_order([*resolver.errors, *errors]),
        in_order([*resolver.warnings, *warnings, *unclear, *_unnamed(file, resolver, mapping)]),
        resolver.remember,
    )


def _build(file: MappingFile, resolver: Resolver, name: str, stage: StageFile) -> BuiltStage:
    path: KeyPath = ("stages", name)
    may_be: list[TicketSelector] | None = None
    if stage.ticket_may_be is not None:
        may_be = [
            selector
            for index, text in enumerate(stage.ticket_may_be)
            for selector in resolver.tickets(text, (*path, "ticket_may_be", index))
        ]
    target, target_resolution = _target(resolver, (*path, "move_bug_to"), stage.move_bug_to)
    return BuiltStage(
        name=name,
        path=path,
        source=stage,
        pairs=_pairs(resolver, path, stage),
        target=target,
        target_resolution=target_resolution,
        set_ticket=[
            (place, source, goal)
            for frm, to in stage.set_ticket.items()
            for place, sources, goals in [_set_ticket(resolver, (*path, "set_ticket", frm), frm, to)]
            for source in sources
            for goal in goals[:1]
        ],
        may_be=may_be,
        asks=[
            (("when_ticket_moves", name, key.text), move, outcome)
            for key, outcome in file.model.when_ticket_moves.get(name, {}).items()
            for move in _moves(resolver, ("when_ticket_moves", name, key.text), key)
        ],
    )


def _set_ticket(
    resolver: Resolver, path: KeyPath, frm: str, to: str
) -> tuple[KeyPath, tuple[TicketSelector, ...], tuple[TicketSelector, ...]]:
    return path, resolver.tickets(frm, path), resolver.tickets(to, path, written=True)


def _pairs(resolver: Resolver, path: KeyPath, stage: StageFile) -> list[Pair]:
    pairs: list[Pair] = []
    for index, entry in enumerate(stage.bug_is):
        place: KeyPath = (*path, "bug_is", index)
        names = entry.resolution
        resolutions: list[tuple[str | None, str, KeyPath]] = [
            (resolution, text, (*place, "resolution", position))
            for position, text in enumerate(names or ())
            for resolution in resolver.resolutions(text, (*place, "resolution", position))
        ]
        for position, text in enumerate(entry.status):
            where: KeyPath = (*place, "status", position)
            for status in resolver.statuses(text, where):
                if names is None:
                    pairs.append(Pair(where, status, None, named=False))
                pairs += [Pair(spot, status, r, named=True, resolution_name=n) for r, n, spot in resolutions]
    return pairs


def _target(resolver: Resolver, path: KeyPath, written: MoveBugTo | None) -> tuple[BugTarget | None, str | None]:
    if written is None:
        return None, None
    status = resolver.target(written.status, (*path, "status"))
    resolution_id: str | None = None
    resolution = written.resolution
    if resolution is not None:
        found = resolver.resolutions(resolution, (*path, "resolution"), required=True)
        resolution_id = found[0] if found else None
        resolution = resolver.resolution_name(resolution_id or "") or resolution
    steps = [resolver.target(name, (*path, "path", index)) for index, name in enumerate(written.path)]
    if status is None:
        return None, None
    walk = tuple(step.id for step in steps if step is not None)
    return BugTarget(status.id, status.name, resolution, dict(written.fields), walk), resolution_id


def _moves(resolver: Resolver, path: KeyPath, key: MoveKey) -> list[TicketMove]:
    if key.tag is not None or key.to is None:
        return [TicketMove(key.text, tag=key.tag)]
    sources: tuple[TicketSelector | None, ...] = (None,)
    if key.frm is not None:
        sources = resolver.tickets(key.frm, path)
    return [
        TicketMove(key.text, to=goal, frm=source, by=key.by)
        for goal in resolver.tickets(key.to, path)
        for source in sources
    ]


def _stage(file: MappingFile, resolver: Resolver, rank: int, built: BuiltStage) -> Stage:
    selectors: dict[str, set[str | None] | None] = {}
    unnamed: list[str] = []
    for pair in built.pairs:
        if pair.named:
            named = selectors.setdefault(pair.status.id, set())
            if named is not None:
                named.add(pair.resolution)
        elif pair.status.id not in unnamed:
            unnamed.append(pair.status.id)
    bug_is = [BugSelector(status, frozenset(named)) for status, named in selectors.items() if named is not None]
    bug_is += [BugSelector(status) for status in unnamed]
    if resolver.project is None:
        done = built.name in _DONE_BY_NAME or any(pair.named for pair in built.pairs)
    else:
        done = bool(built.pairs) and all(pair.status.category == "done" for pair in built.pairs)
    return Stage(
        name=built.name,
        rank=rank,
        bug_is=tuple(bug_is),
        move_bug_to=built.target,
        set_ticket=tuple((source, goal) for _, source, goal in built.set_ticket),
        ticket_may_be=None if built.may_be is None else tuple(built.may_be),
        reopen_solved=built.source.reopen_solved,
        asks=tuple(sorted(((move, outcome) for _, move, outcome in built.asks), key=_specific_first)),
        quorum=file.model.many_tickets.get(built.name, "any"),
        done=done,
    )


def _specific_first(ask: tuple[TicketMove, str]) -> tuple[bool, bool, bool, bool, str]:
    """The order in which moves are tried: a tag, then from→to by somebody, from→to, to; a custom name first."""
    move = ask[0]
    custom = any(selector is not None and selector.custom_id is not None for selector in (move.to, move.frm))
    return (move.tag is None, move.frm is None, move.by is None, not custom, move.key)


def _unmapped(file: MappingFile, built: list[BuiltStage]) -> tuple[dict[str, str], list[Problem]]:
    """Category -> stage, for statuses that no stage names; what has none is a conflict."""
    written = file.model.unmapped
    if written is not None:
        named = {"new": written.new, "indeterminate": written.indeterminate}
        return {category: stage for category, stage in named.items() if stage is not None}, []
    found: dict[str, str] = {}
    unclear: list[Problem] = []
    for category, usual in _STAGE_OF_CATEGORY.items():
        by_name = [stage.name for stage in built if stage.name == usual]
        by_category = [
            stage.name
            for stage in built
            if stage.pairs and all(pair.status.category == category for pair in stage.pairs)
        ]
        if by_name or by_category:
            found[category] = (by_name or by_category)[0]
        else:
            open_stages = [s.name for s in built if not any(pair.status.category == "done" for pair in s.pairs)]
            example = (
                f"as in unmapped: {{{category}: {open_stages[0]}}}" if open_stages else "or write unmapped: conflict"
            )
            sentence = (
                f'No stage is called {usual} or holds the statuses of category "{category}": say which one takes '
                f"those that no stage names, {example}."
            )
            unclear.append(file.problem(("unmapped",), sentence))
    return found, unclear


def _unnamed(file: MappingFile, resolver: Resolver, mapping: StageMapping) -> list[Problem]:
    """Warnings about what the project has and the mapping does not name."""
    if resolver.project is None:
        return []
    sentences: list[str] = []
    uncovered: dict[tuple[str, ...], list[str]] = {}
    for status in resolver.project.all_statuses():
        shown = f'"{one_line(status.name)}"'
        selectors = [s for stage in mapping.stages for s in stage.bug_is if s.status_id == status.id]
        if not selectors:
            stage = mapping.unmapped.get(status.category)
            outcome = f"its category puts it into {stage}" if stage else "a bug in it will be a conflict"
            add_to = f"stages.{stage}.bug_is" if stage else "bug_is of a stage"
            sentences.append(f"No stage names {resolver.project.key}'s status {shown}: {outcome}. Add it to {add_to}.")
        elif all(selector.resolutions is not None for selector in selectors):
            covered = {r for selector in selectors for r in selector.resolutions or ()}
            missing = [f'"{one_line(name)}"' for known, name in resolver.project.resolutions if known not in covered]
            missing += [] if None in covered else ["none"]
            if missing:
                uncovered.setdefault(tuple(missing), []).append(shown)
    for resolutions, statuses in uncovered.items():
        sentences.append(
            f"{listed(statuses)} with the resolution {listed(resolutions)} is in no stage: such a bug will be a "
            "conflict. Add the resolution to the stage that it means."
        )
    return [file.problem(("stages",), sentence) for sentence in sentences]
