"""A mapping after its names were resolved: which stage a bug is in, and what each move asks for.

config/ builds these from mappings/*.yaml and the live catalogs; the decision table in reconcile.py reads them.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field

from syncd.core.model import IssueSnapshot, Json, TicketState


@dataclass(frozen=True, slots=True)
class TicketSelector:
    """A ticket status as a mapping names it: a category covers all its custom statuses, a custom name only itself."""

    name: str
    category: str
    custom_id: int | None = None  # set when the name is a custom status

    def matches(self, state: TicketState) -> bool:
        """True when the state is the one named; closed acts as solved."""
        if self.custom_id is not None:
            return state.custom_id == self.custom_id and not state.is_final
        return state.category == self.category or (self.category == "solved" and state.is_final)


@dataclass(frozen=True, slots=True)
class BugSelector:
    """(status, resolution) pairs of a stage."""

    status_id: str
    resolutions: frozenset[str | None] | None = None  # resolution ids, None in it = no resolution; None = any

    def matches(self, status_id: str, resolution_id: str | None) -> bool:
        """True when the pair is one of those named."""
        return status_id == self.status_id and (self.resolutions is None or resolution_id in self.resolutions)


@dataclass(frozen=True, slots=True)
class BugTarget:
    """Where a stage wants the bug to be moved."""

    status_id: str
    status_name: str
    resolution: str | None = None  # name; used where the screen asks for one and the bug has none
    fields: MappingType[str, Json] = field(default_factory=dict)
    path: tuple[str, ...] = ()  # status ids to walk through, when the mapping names them


@dataclass(frozen=True, slots=True)
class StatusOrder:
    """What a walk through a workflow goes by where nobody told the whole of it; statuses by id."""

    ranks: MappingType[str, int] = field(default_factory=dict)  # the mapping's order of progress
    done: frozenset[str] = frozenset()  # those of Jira's category "done", as far as they are known


@dataclass(frozen=True, slots=True)
class TicketMove:
    """A key of when_ticket_moves: `solved`, `solved→open`, `solved→open by agent`, `tag:bug_not_fixed`."""

    key: str
    to: TicketSelector | None = None
    frm: TicketSelector | None = None
    by: str | None = None  # agent | customer | rule
    tag: str | None = None


DECLINED = "declined"
"""The stage of bugs that will not be changed: a release says nothing about them, and a ticket that does not accept it
sends the bug itself back."""

NOTE = "note"
"""The outcome of when_ticket_moves that tells the bug and moves nothing."""


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    rank: int  # order of progress, from 0
    bug_is: tuple[BugSelector, ...]
    move_bug_to: BugTarget | None = None
    set_ticket: tuple[tuple[TicketSelector, TicketSelector], ...] = ()  # on entering the stage: from -> to
    ticket_may_be: tuple[TicketSelector, ...] | None = None  # None = any
    reopen_solved: bool = False
    asks: tuple[tuple[TicketMove, str], ...] = ()  # when_ticket_moves of this stage: move -> NOTE or a stage's name
    quorum: str = "any"  # many_tickets: what it takes to move a bug to this stage: all | any
    done: bool = False  # the stage's statuses are in Jira's category done

    def allows(self, state: TicketState) -> bool:
        """True when people may leave the ticket so while the bug is in this stage."""
        return self.ticket_may_be is None or any(selector.matches(state) for selector in self.ticket_may_be)

    def wants(self, state: TicketState) -> TicketSelector | None:
        """What the ticket is set to on entering the stage; None when it stays. A custom name beats its category."""
        best: tuple[TicketSelector, TicketSelector] | None = None
        for source, target in self.set_ticket:
            if source.matches(state) and (best is None or source.custom_id is not None):
                best = (source, target)
        if best is None or best[1].matches(state):
            return None
        return best[1]


@dataclass(frozen=True, slots=True)
class StageMapping:
    """A route's mapping with every name resolved to an id."""

    name: str
    stages: tuple[Stage, ...]  # in order of progress
    meaning: str  # hash of the parsed mapping: changes when its meaning does
    customer_reopens_bug: bool = False
    on_conflict: str = "flag"  # bug_wins | ticket_wins | flag
    unmapped: MappingType[str, str] = field(default_factory=dict)  # status category -> stage, for statuses without one
    unnamed: MappingType[str, str] = field(default_factory=dict)  # the same by status id, as far as they are known
    done_ids: frozenset[str] = frozenset()  # statuses of Jira's category "done", as far as they are known

    @property
    def staging(self) -> str:
        """What tells in which stage a bug is, as a text that changes only with that: ids, so that a new name for a
        status changes nothing."""
        rows = []
        for stage in self.stages:
            pairs = [
                f"{one.status_id}:{'*' if one.resolutions is None else sorted(map(str, one.resolutions))}"
                for one in stage.bug_is
            ]
            rows.append(f"{stage.name}/{stage.rank}/{int(stage.done)}/{','.join(sorted(pairs))}")
        return " ".join([*rows, *(f"{status}={stage}" for status, stage in sorted(self.unnamed.items()))])

    @property
    def order(self) -> StatusOrder:
        """How far a bug is in each status that a stage names."""
        return StatusOrder({one.status_id: stage.rank for stage in self.stages for one in stage.bug_is}, self.done_ids)

    def stage(self, name: str) -> Stage | None:
        """The stage of that name."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def stage_of(self, issue: IssueSnapshot) -> Stage | None:
        """The stage that names the bug's (status, resolution); naming a resolution beats not naming one."""
        return self.stage_of_pair(issue.status_id, issue.resolution_id)

    def stage_of_pair(self, status_id: str, resolution_id: str | None) -> Stage | None:
        """As stage_of, for a bare pair of ids."""
        unnamed: Stage | None = None
        for stage in self.stages:
            for selector in stage.bug_is:
                if selector.matches(status_id, resolution_id):
                    if selector.resolutions is not None:
                        return stage
                    unnamed = unnamed or stage
        return unnamed

    def stage_for_clocks(self, status_id: str, resolution_id: str | None) -> Stage | None:
        """As stage_of_pair; a status that no stage names counts by its category, also one of the past."""
        found = self.stage_of_pair(status_id, resolution_id)
        return self.stage(self.unnamed.get(status_id, "")) if found is None else found

    def fallback(self, issue: IssueSnapshot) -> Stage | None:
        """The stage for a status that no stage names at all, by its category; None when that is a conflict."""
        if any(selector.status_id == issue.status_id for stage in self.stages for selector in stage.bug_is):
            return None  # the status is named, its resolution is not: guessing would tell a customer "fixed"
        name = self.unmapped.get(issue.status_category)
        return self.stage(name) if name else None
