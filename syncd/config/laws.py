"""The laws that every mapping obeys, checked before it is used; each breach names its line and what to write.

Whether all writes settle, whoever moves what, is proved by a walk through all states elsewhere; here are the laws that
can be told from the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from syncd.config.mapping_file import MappingFile, StageFile, normalise_status
from syncd.config.problems import KeyPath, Problem, listed, one_line
from syncd.config.resolve import Resolver
from syncd.core.mapping import NOTE, BugTarget, TicketMove, TicketSelector
from syncd.core.model import StatusInfo


@dataclass(frozen=True, slots=True)
class Pair:
    """A (status, resolution) pair that a stage names; `named` False: the status with any resolution."""

    path: KeyPath
    status: StatusInfo
    resolution: str | None
    named: bool
    resolution_name: str = ""

    @property
    def key(self) -> tuple[str, bool, str | None]:
        return (self.status.id, self.named, self.resolution)

    @property
    def shown(self) -> str:
        text = f'"{one_line(self.status.name)}"'
        return f'{text} with the resolution "{one_line(self.resolution_name)}"' if self.named else text


@dataclass(frozen=True, slots=True)
class BuiltStage:
    """A stage whose names were looked up, with the places they stand at."""

    name: str
    path: KeyPath
    source: StageFile
    pairs: list[Pair]
    target: BugTarget | None
    target_resolution: str | None  # id
    set_ticket: list[tuple[KeyPath, TicketSelector, TicketSelector]]
    may_be: list[TicketSelector] | None  # None = any
    asks: list[tuple[KeyPath, TicketMove, str]]


def check_laws(file: MappingFile, resolver: Resolver, stages: list[BuiltStage]) -> tuple[list[Problem], list[Problem]]:
    """(errors, warnings) of a mapping."""
    laws = _Laws(file, resolver, {stage.name: stage for stage in stages})
    laws.one_stage_for_each_pair()
    for stage in stages:
        laws.targets_of_bugs(stage)
        laws.targets_of_tickets(stage)
        laws.asks(stage)
        laws.one_kind_of_statuses(stage)
    laws.quorums()
    return laws.errors, laws.warnings


@dataclass(slots=True)
class _Laws:
    file: MappingFile
    resolver: Resolver
    stages: dict[str, BuiltStage]
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def one_stage_for_each_pair(self) -> None:
        """Every (status, resolution) has at most one stage; naming a resolution beats not naming one."""
        first: dict[tuple[str, bool, str | None], tuple[BuiltStage, Pair]] = {}
        for stage in self.stages.values():
            for pair in stage.pairs:
                owner, earlier = first.setdefault(pair.key, (stage, pair))
                if earlier is pair:
                    continue
                line = self.file.line(earlier.path)
                if owner is stage:
                    self._warn(pair.path, f"{pair.shown} stands in line {line} already: remove one of the two.")
                else:
                    self._error(
                        pair.path, f"{pair.shown} is in stage {owner.name} already (line {line}): keep one of the two."
                    )

    def targets_of_bugs(self, stage: BuiltStage) -> None:
        """Where a stage moves a bug to lies in that stage."""
        target, path = stage.target, (*stage.path, "move_bug_to")
        if target is None:
            return
        if target.status_id in target.path:
            self._error((*path, "path"), "path names the statuses on the way: leave the last one, the target, out.")
        resolution = stage.target_resolution
        if target.resolution is not None and resolution is None:
            return  # not found, which was said already
        owner = self._owner(target.status_id, resolution)
        if owner is stage:
            return
        shown = f'"{one_line(target.status_name)}"'
        here = [pair for pair in stage.pairs if pair.status.id == target.status_id]
        if not here:
            where = f"it is in stage {owner.name}" if owner else "no stage names it"
            self._error(path, f"{shown} is not in bug_is of this stage ({where}): move bugs to a status that is.")
            return
        choices = listed(dict.fromkeys(f'"{one_line(pair.resolution_name)}"' for pair in here if pair.resolution))
        written = (
            f'with the resolution "{one_line(target.resolution)}"' if target.resolution else "without a resolution"
        )
        where = f"in stage {owner.name}" if owner else "in no stage"
        self._error(path, f"{shown} {written} is {where}: write resolution: {choices or 'one that bug_is lists'}.")

    def targets_of_tickets(self, stage: BuiltStage) -> None:
        """What a stage sets a ticket to is something that a ticket may be in that stage."""
        seen: dict[str, KeyPath] = {}
        for frm in stage.source.set_ticket:
            path = (*stage.path, "set_ticket", frm)
            earlier = seen.setdefault(normalise_status(frm), path)
            if earlier != path:
                self._error(path, f"This status stands in line {self.file.line(earlier)} too: keep one of the two.")
        for path, source, goal in stage.set_ticket:
            if goal.category == "new":
                self._error(path, "No ticket can be set to new: write another status.")
            elif (source.category, source.custom_id) == (goal.category, goal.custom_id) or (
                source.category == goal.category
                and goal.custom_id is None
                and source.custom_id not in self.resolver.assumed
            ):
                self._error(path, f"From {source.name} to {goal.name} changes nothing: leave this out.")
            elif not self._allows(stage, goal):
                line = self.file.line((*stage.path, "ticket_may_be"))
                self._error(
                    path,
                    f"The ticket is set to {goal.name}, which ticket_may_be (line {line}) does not list: "
                    "add it there, or set another status.",
                )
            if source.category == "solved" and not stage.source.reopen_solved:
                self._error(
                    path, "A solved ticket is left alone: add reopen_solved: true to this stage, or remove this."
                )
            if goal.category == "solved":
                self._warn(
                    path, "This solves tickets without a person: nobody has told the customer or checked the fix."
                )
        if stage.source.reopen_solved:
            reopened = [goal for _, source, goal in stage.set_ticket if source.category == "solved"]
            if not reopened and not self._allows(stage, TicketSelector("open", "open")):
                self._error(
                    (*stage.path, "reopen_solved"),
                    "A solved ticket becomes open here, which ticket_may_be does not list: add open there.",
                )

    def asks(self, stage: BuiltStage) -> None:
        """What a ticket's move asks of a bug can be done, and leaves the two in a pair that is allowed."""
        seen: dict[str, str] = {}
        for key in self.file.model.when_ticket_moves.get(stage.name, {}):
            path: KeyPath = ("when_ticket_moves", stage.name, key.text)
            earlier = seen.setdefault(key.normal, key.text)
            if earlier != key.text:
                line = self.file.line(("when_ticket_moves", stage.name, earlier))
                self._error(path, f"This means the same as line {line}: keep one of the two.")
        told: set[tuple[KeyPath, str]] = set()
        for path, move, outcome in stage.asks:
            for sentence in self._wrong_ask(stage, move, outcome):
                if (path, sentence) not in told:
                    told.add((path, sentence))
                    self._error(path, sentence)

    def _wrong_ask(self, stage: BuiltStage, move: TicketMove, outcome: str) -> Iterator[str]:
        if outcome == NOTE:
            return
        goal = self.stages[outcome]
        if goal is stage:
            yield f"The bug is in stage {outcome} already: write note, another stage, or remove this."
            return
        if goal.source.move_bug_to is None:
            line = self.file.line(goal.path)
            yield f"Stage {outcome} (line {line}) does not say where to move the bug: add move_bug_to there."
        if move.to is not None and not self._allows(goal, move.to):
            line = self.file.line((*goal.path, "ticket_may_be"))
            yield (
                f"This leaves the ticket {move.to.name} and the bug in stage {outcome}, whose ticket_may_be "
                f"(line {line}) does not list {move.to.name}: add it there, or write note."
            )
        yield from self._customer(stage, move, goal)

    def _customer(self, stage: BuiltStage, move: TicketMove, goal: BuiltStage) -> Iterator[str]:
        """Unless customer_reopens_bug says so, a customer's reply sends no bug back."""
        order = list(self.stages)
        goes_back = order.index(goal.name) < order.index(stage.name)
        if self.file.model.customer_reopens_bug or not goes_back or move.to is None or move.to.category != "open":
            return
        if move.by == "customer":
            yield "A customer's thanks would send the bug back: write note, or set customer_reopens_bug: true."
        elif move.by is None and not any(
            other.by == "customer" and other.to == move.to and other.frm == move.frm for _, other, _ in stage.asks
        ):
            yield f"A customer's thanks would do this too: write {move.key.strip()} by agent."

    def one_kind_of_statuses(self, stage: BuiltStage) -> None:
        """A stage of finished and unfinished bugs cannot say what a ticket should hear."""
        categories = {pair.status.category: pair.status.name for pair in stage.pairs if pair.status.category}
        if "done" in categories and len(categories) > 1:
            other = next(name for category, name in categories.items() if category != "done")
            self._warn(
                (*stage.path, "bug_is"),
                f'"{categories["done"]}" is finished and "{other}" is not, by their categories in Jira: '
                "put them into two stages.",
            )

    def quorums(self) -> None:
        """many_tickets speaks of stages that tickets ask for."""
        asked = {outcome for stage in self.stages.values() for _, _, outcome in stage.asks}
        for name in self.file.model.many_tickets:
            if name not in asked:
                self._warn(
                    ("many_tickets", name), f"No ticket's move asks for {name}, so this says nothing: remove it."
                )

    def _owner(self, status_id: str, resolution: str | None) -> BuiltStage | None:
        unnamed: BuiltStage | None = None
        for stage in self.stages.values():
            for pair in stage.pairs:
                if pair.status.id != status_id:
                    continue
                if pair.named and pair.resolution == resolution:
                    return stage
                if not pair.named:
                    unnamed = unnamed or stage
        return unnamed

    def _allows(self, stage: BuiltStage, status: TicketSelector) -> bool:
        if stage.may_be is None or status.custom_id in self.resolver.assumed:
            return True
        default = status.custom_id or self.resolver.default_of(status.category)
        return any(
            allowed.category == status.category and allowed.custom_id in (None, default) for allowed in stage.may_be
        )

    def _error(self, path: KeyPath, message: str) -> None:
        self.errors.append(self.file.problem(path, message))

    def _warn(self, path: KeyPath, message: str) -> None:
        self.warnings.append(self.file.problem(path, message))
